//! What Prometheus reads.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use phala_worker_core::Phase;
use prometheus::{Encoder as _, Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// The worker's metrics. Clones are the same metrics.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    height: IntGauge,
    log_index: IntGauge,
    phase: IntGauge,
    sessions: IntGauge,
    answers: IntCounterVec,
    node_faults: IntCounterVec,
    queries: Histogram,
    /// Why the last transaction that was submitted had no effect.
    refused: Mutex<Option<String>>,
}

const PHASES: [(Phase, &str); 6] = [
    (Phase::Syncing, "syncing"),
    (Phase::Registering, "registering"),
    (Phase::Joining, "joining"),
    (Phase::Keyless, "keyless"),
    (Phase::Following, "following"),
    (Phase::Ended, "ended"),
];

impl Metrics {
    /// All of them, at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("phala_worker".into()), None)?;
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let height = gauge("height", "Height of the chain that is proven to be final")?;
        let log_index = gauge("log_index", "Messages of the log that are executed")?;
        let phase = gauge("phase", "0 syncing, 1 registering, 2 joining, 3 keyless, 4 following, 5 ended")?;
        let sessions = gauge("sessions", "Query sessions that are open")?;
        let answers = counter("http_answers_total", "Answers of the HTTP API", &["path", "status"])?;
        let node_faults =
            counter("node_faults_total", "Answers of nodes that were refused, or did not come", &["kind"])?;
        let buckets = prometheus::exponential_buckets(0.000_25, 2.0, 16)?;
        let queries = Histogram::with_opts(HistogramOpts::new("query_seconds", "Time for a query").buckets(buckets))?;
        registry.register(Box::new(queries.clone()))?;
        let refused = Mutex::default();
        let inner = Inner { registry, height, log_index, phase, sessions, answers, node_faults, queries, refused };
        Ok(Self(Arc::new(inner)))
    }

    /// Notes how far the worker is.
    pub fn progress(&self, phase: Phase, height: u32, log_index: u64) {
        let number = PHASES.iter().position(|(known, _)| *known == phase).unwrap_or(0);
        self.0.phase.set(i64::try_from(number).unwrap_or(0));
        self.0.height.set(i64::from(height));
        self.0.log_index.set(i64::try_from(log_index).unwrap_or(i64::MAX));
    }

    /// The phase's name.
    pub fn phase(&self) -> &'static str {
        let number = usize::try_from(self.0.phase.get()).unwrap_or(0);
        PHASES.get(number).map_or("unknown", |(_, name)| name)
    }

    /// The proven height.
    pub fn height(&self) -> i64 {
        self.0.height.get()
    }

    /// Notes why a transaction had no effect; nothing, if it had one.
    pub fn submitted(&self, refused: Option<String>) {
        *self.0.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// Why the last transaction had no effect.
    pub fn refused(&self) -> Option<String> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts an answer of the API.
    pub fn answered(&self, path: &str, status: u16) {
        // paths that are not ours would make a label for each
        let path = ["/v1/health", "/v1/session", "/v1/query", "/v1/handover"].iter().find(|known| **known == path);
        self.0.answers.with_label_values(&[path.unwrap_or(&"other"), &status.to_string()]).inc();
    }

    /// Counts a fault of a node.
    pub fn node_fault(&self, kind: &str) {
        self.0.node_faults.with_label_values(&[kind]).inc();
    }

    /// Notes how long a query took.
    pub fn queried(&self, time: Duration) {
        self.0.queries.observe(time.as_secs_f64());
    }

    /// The exposition format.
    pub fn text(&self, sessions: usize) -> String {
        self.0.sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        let mut bytes = Vec::new();
        match TextEncoder::new().encode(&self.0.registry.gather(), &mut bytes) {
            Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
            Err(error) => format!("# {error}\n"),
        }
    }
}
