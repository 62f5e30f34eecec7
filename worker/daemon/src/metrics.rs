//! What Prometheus reads. That there are no answers is seen from outside; these say why.
//!
//! | question | metric, after `phala_worker_` |
//! |---|---|
//! | Is it the one that ran yesterday? | `build_info`, `started_timestamp_seconds` |
//! | How far has it come? | `phase`, `height`, `log_index` of `log_known_index`, before that `log_to_survey` |
//! | Does it still move? | `height_changed_timestamp_seconds` |
//! | What does it do? | `calls_total`, `gas_total`, `fetches_total` |
//! | Do the nodes do their part? | `node_faults_total` |
//! | Does the host do its part? | `steps_failed_total`, `disk_failures_total` |
//! | Does the chain take what it says? | `transactions_total` |
//! | How are its clients? | `ready`, `http_answers_total`, `query_seconds`, `sessions` |

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use phala_worker_core::{Executed, Phase, Worker};
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use crate::server::now_ms;

/// The worker's metrics. Clones are the same metrics.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    height: IntGauge,
    height_changed: IntGauge,
    log_index: IntGauge,
    known_index: IntGauge,
    to_survey: IntGauge,
    phase: IntGauge,
    calls: IntCounterVec,
    gas: IntCounter,
    fetches: IntCounterVec,
    ready: IntGauge,
    sessions: IntGauge,
    answers: IntCounterVec,
    node_faults: IntCounterVec,
    steps_failed: IntCounterVec,
    transactions: IntCounterVec,
    disk_failures: IntCounter,
    /// What the disk has counted since it was looked at last.
    disk: Arc<AtomicU64>,
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

/// What came of a transaction.
const EFFECTIVE: &str = "effective";
const REFUSED: &str = "refused";
const DROPPED: &str = "dropped";
/// What came of a call of a contract.
const SUCCESS: &str = "success";
const FAILED: &str = "failed";

impl Metrics {
    /// All of them, at zero; `disk` is where the disk counts its failures.
    pub fn new(disk: Arc<AtomicU64>) -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("phala_worker".into()), None)?;
        let gauge = |opts: Opts| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::with_opts(opts)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |opts: Opts, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(opts, labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let total = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let total = IntCounter::new(name, help)?;
            registry.register(Box::new(total.clone()))?;
            Ok(total)
        };
        let build = Opts::new("build_info", "1, with the version").const_label("version", env!("CARGO_PKG_VERSION"));
        gauge(build)?.set(1);
        let started = gauge(Opts::new("started_timestamp_seconds", "When the worker started: its boot is as old"))?;
        let height = gauge(Opts::new("height", "Height of the chain that is proven to be final"))?;
        let height_changed = gauge(Opts::new(
            "height_changed_timestamp_seconds",
            "When the height last changed, or the worker started",
        ))?;
        started.set(seconds(now_ms()));
        height_changed.set(started.get());
        let log_index = gauge(Opts::new("log_index", "Messages of the log that are executed"))?;
        let known_index = gauge(Opts::new("log_known_index", "Messages of the log that the chain is proven to have"))?;
        let to_survey =
            gauge(Opts::new("log_to_survey", "Messages of a long log that are to be hashed before it runs"))?;
        let phase = gauge(Opts::new("phase", "0 syncing, 1 registering, 2 joining, 3 keyless, 4 following, 5 ended"))?;
        let calls = counter(Opts::new("calls_total", "Calls of contracts that the log has asked for"), &["outcome"])?;
        let gas = total("gas_total", "Gas of these calls")?;
        let fetches = counter(Opts::new("fetches_total", "HTTP requests of contracts, and for keys"), &["outcome"])?;
        let ready = gauge(Opts::new("ready", "1 while queries are answered"))?;
        let sessions = gauge(Opts::new("sessions", "Query sessions that are open"))?;
        let answers = counter(Opts::new("http_answers_total", "Answers of the HTTP API"), &["path", "status"])?;
        let node_faults =
            counter(Opts::new("node_faults_total", "Answers of nodes that were refused, or did not come"), &["kind"])?;
        let transactions = counter(
            Opts::new("transactions_total", "Transactions of the operator, by whether they had an effect"),
            &["call", "outcome"],
        )?;
        let steps_failed =
            counter(Opts::new("steps_failed_total", "Steps that failed, by who can do something about it"), &["kind"])?;
        let disk_failures = total("disk_failures_total", "Times that the disk did not do what it was asked for")?;
        // a series that is born with its first event hides that event from whoever asks for an increase
        for kind in ["unreachable", "other_genesis", "no_answer", "refused", "stalled"] {
            node_faults.with_label_values(&[kind]);
        }
        for kind in ["host", "operator"] {
            steps_failed.with_label_values(&[kind]);
        }
        for outcome in [EFFECTIVE, REFUSED, DROPPED] {
            transactions.with_label_values(&["report", outcome]);
        }
        for outcome in [SUCCESS, FAILED] {
            calls.with_label_values(&[outcome]);
        }
        let buckets = prometheus::exponential_buckets(0.000_25, 2.0, 16)?;
        let queries = Histogram::with_opts(HistogramOpts::new("query_seconds", "Time for a query").buckets(buckets))?;
        registry.register(Box::new(queries.clone()))?;
        let refused = Mutex::default();
        Ok(Self(Arc::new(Inner {
            registry,
            height,
            height_changed,
            log_index,
            known_index,
            to_survey,
            phase,
            calls,
            gas,
            fetches,
            ready,
            sessions,
            answers,
            node_faults,
            steps_failed,
            transactions,
            disk_failures,
            disk,
            queries,
            refused,
        })))
    }

    /// Notes how far the worker is, and what it has executed.
    pub fn progress(&self, worker: &Worker) {
        self.moved(worker.phase(), worker.height(), now_ms());
        self.0.log_index.set(gauged(worker.log_index()));
        self.0.known_index.set(gauged(worker.known_index()));
        self.0.to_survey.set(gauged(worker.to_survey()));
        self.executed(worker.executed());
    }

    fn executed(&self, Executed { calls, failed, gas }: Executed) {
        raise(&self.0.calls.with_label_values(&[SUCCESS]), calls.saturating_sub(failed));
        raise(&self.0.calls.with_label_values(&[FAILED]), failed);
        raise(&self.0.gas, gas);
    }

    fn moved(&self, phase: Phase, height: u32, now_ms: u64) {
        let number = PHASES.iter().position(|(known, _)| *known == phase).unwrap_or(0);
        self.0.phase.set(i64::try_from(number).unwrap_or(0));
        let height = i64::from(height);
        if self.0.height.get() != height {
            self.0.height.set(height);
            self.0.height_changed.set(seconds(now_ms));
        }
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
    pub fn submitted(&self, call: &str, refused: Option<String>) {
        let outcome = if refused.is_some() { REFUSED } else { EFFECTIVE };
        self.0.transactions.with_label_values(&[call, outcome]).inc();
        *self.0.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// Counts a transaction that was not submitted.
    pub fn dropped(&self, call: &str) {
        self.0.transactions.with_label_values(&[call, DROPPED]).inc();
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

    /// Counts a step that failed, by who can do something about it.
    pub fn step_failed(&self, kind: &str) {
        self.0.steps_failed.with_label_values(&[kind]).inc();
    }

    /// Counts an HTTP request, by what came of it.
    pub fn fetched(&self, outcome: &str) {
        self.0.fetches.with_label_values(&[outcome]).inc();
    }

    /// Notes how long a query took.
    pub fn queried(&self, time: Duration) {
        self.0.queries.observe(time.as_secs_f64());
    }

    /// The exposition format.
    pub fn text(&self, sessions: usize, ready: bool) -> String {
        self.0.ready.set(i64::from(ready));
        self.0.disk_failures.inc_by(self.0.disk.swap(0, Ordering::Relaxed));
        self.0.sessions.set(gauged(u64::try_from(sessions).unwrap_or(u64::MAX)));
        let mut bytes = Vec::new();
        match TextEncoder::new().encode(&self.0.registry.gather(), &mut bytes) {
            Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
            Err(error) => format!("# {error}\n"),
        }
    }
}

/// Catches up with what the worker has counted. From one thread: two would count the same twice.
fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn gauged(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn seconds(ms: u64) -> i64 {
    gauged(ms / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(metrics: &Metrics, lines: &[&str]) {
        let text = metrics.text(3, true);
        for line in lines {
            let line = format!("phala_worker_{line}");
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_noted_can_be_read() {
        let disk = Arc::new(AtomicU64::new(0));
        let metrics = Metrics::new(disk.clone()).unwrap();
        has(&metrics, &["transactions_total{call=\"report\",outcome=\"refused\"} 0", "disk_failures_total 0"]);
        metrics.moved(Phase::Following, 5, 0);
        metrics.node_fault("stalled");
        metrics.step_failed("host");
        metrics.fetched("ok");
        metrics.submitted("report", None);
        metrics.submitted("report", Some("too low".into()));
        metrics.dropped("report");
        disk.store(2, Ordering::Relaxed);
        has(&metrics, &["phase 4", "height 5", "sessions 3", "ready 1", "disk_failures_total 2"]);
        for outcome in [EFFECTIVE, REFUSED, DROPPED] {
            has(&metrics, &[&format!("transactions_total{{call=\"report\",outcome=\"{outcome}\"}} 1")]);
        }
        has(&metrics, &["node_faults_total{kind=\"stalled\"} 1", "steps_failed_total{kind=\"host\"} 1"]);
        has(&metrics, &["fetches_total{outcome=\"ok\"} 1"]);
        assert_eq!(metrics.refused().as_deref(), Some("too low"));
    }

    #[test]
    fn what_the_worker_counts_is_not_counted_twice() {
        let metrics = Metrics::new(Arc::default()).unwrap();
        metrics.executed(Executed { calls: 3, failed: 1, gas: 10 });
        metrics.executed(Executed { calls: 4, failed: 1, gas: 15 });
        has(&metrics, &["calls_total{outcome=\"success\"} 3", "calls_total{outcome=\"failed\"} 1", "gas_total 15"]);
    }

    #[test]
    fn a_height_that_stays_gets_older() {
        let metrics = Metrics::new(Arc::default()).unwrap();
        metrics.moved(Phase::Syncing, 5, 100_000);
        metrics.moved(Phase::Following, 5, 200_000);
        has(&metrics, &["height_changed_timestamp_seconds 100"]);
        metrics.moved(Phase::Following, 6, 300_000);
        has(&metrics, &["height_changed_timestamp_seconds 300"]);
    }
}
