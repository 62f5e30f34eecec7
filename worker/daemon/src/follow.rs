//! The loop that gives the worker what it wants, and does what it says. Everything that decides is in `phala_worker_core`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use phala_primitives::{cluster::HttpPolicy, handover::HandoverRequest, worker::Endpoint};
use phala_worker_core::{Effect, Input, Outside as _, Queries, StepError, Submission, Want, Worker};
use phat_engine::{Options, Stack};
use rand_core::OsRng;
use url::Url;

use crate::{
    egress::Egress,
    metrics::Metrics,
    node::{NodeError, Nodes},
    operator::Operator,
    platform::Platform,
    server::now_ms,
};

/// How long to wait after the host failed.
const HOST_PAUSE: Duration = Duration::from_secs(2);
/// How long to wait for the operator to do something.
const OPERATOR_PAUSE: Duration = Duration::from_secs(10);
/// How long a peer has for a hand-over.
const HANDOVER_MS: u32 = 10_000;
/// No hand-over is longer, in bytes.
const HANDOVER_BYTES: u32 = 64 * 1024;

/// What the loop works with.
pub struct Follow {
    /// The worker.
    pub worker: Worker,
    /// The nodes that it asks.
    pub nodes: Nodes,
    /// What vouches for it.
    pub platform: Arc<dyn Platform>,
    /// Who submits for it.
    pub operator: Operator,
    /// Who answers for it.
    pub queries: Arc<Queries>,
    /// Where its state is told.
    pub metrics: Metrics,
    /// The way to its peers.
    pub egress: Egress,
    /// Set to end the loop.
    pub stop: Arc<AtomicBool>,
    /// What the nodes have shown.
    pub news: News,
}

/// When a node last showed something newer than what was known. Everything that an old head proves is true: only the time that
/// passes without news gives such a node away.
pub struct News {
    patience: Duration,
    progress: u64,
    since: Instant,
}

impl News {
    /// A node has this long to show a newer block.
    pub fn new(patience: Duration) -> Self {
        Self { patience, progress: 0, since: Instant::now() }
    }

    /// Notes how far the worker has come at a time. Says so, once, if that has been the same for too long.
    fn stalls(&mut self, progress: u64, now: Instant) -> bool {
        if progress != self.progress {
            (self.progress, self.since) = (progress, now);
        }
        let stalls = now.saturating_duration_since(self.since) >= self.patience;
        if stalls {
            self.since = now;
        }
        stalls
    }
}

/// Why there is no input for what was wanted.
enum Missing {
    Node(NodeError),
    Host(String),
}

impl From<NodeError> for Missing {
    fn from(error: NodeError) -> Self {
        Self::Node(error)
    }
}

impl Follow {
    /// Runs until it is stopped.
    pub fn run(mut self, stack: &Stack, runtime: &tokio::runtime::Handle) {
        while !self.stop.load(Ordering::Relaxed) {
            let want = self.worker.want(now_ms());
            tracing::trace!(?want);
            let pause = match runtime.block_on(self.find(want)) {
                Ok(input) => self.step(stack, input),
                Err(missing) => {
                    let pause = match missing {
                        Missing::Node(error) => {
                            self.metrics.node_fault(error.kind());
                            self.nodes.leave(&error.to_string())
                        }
                        Missing::Host(error) => {
                            self.metrics.step_failed("host");
                            tracing::warn!(%error, "trying again");
                            HOST_PAUSE
                        }
                    };
                    self.step(stack, Input::Missed);
                    Some(pause)
                }
            };
            self.metrics.progress(&self.worker);
            let stalled = pause.is_none() && self.news.stalls(self.worker.progress(), Instant::now());
            let pause = if stalled { Some(self.no_news()) } else { pause };
            if let Some(pause) = pause {
                self.rest(runtime, pause);
            }
        }
    }

    /// Another node may know more. Says how long to wait before it is asked.
    fn no_news(&mut self) -> Duration {
        self.metrics.node_fault("stalled");
        let (height, seconds) = (self.worker.height(), self.news.patience.as_secs());
        self.nodes.leave(&format!("it has shown nothing newer than block {height} for {seconds} s"))
    }

    /// Waits, but not past the end.
    fn rest(&self, runtime: &tokio::runtime::Handle, pause: Duration) {
        let mut left = pause;
        while !left.is_zero() && !self.stop.load(Ordering::Relaxed) {
            let part = left.min(Duration::from_millis(100));
            // made inside: a timer looks for its runtime when it is made
            runtime.block_on(async { tokio::time::sleep(part).await });
            left = left.saturating_sub(part);
        }
    }

    async fn find(&mut self, want: Want) -> Result<Input, Missing> {
        Ok(match want {
            Want::Finality { from_set, limit } => Input::Finality(self.nodes.handoffs(from_set, limit).await?),
            Want::Read { at, keys } => Input::Read(self.nodes.read_proof(&at, &keys).await?),
            Want::Messages { cluster, head, from, limit } => {
                Input::Messages(self.nodes.messages(cluster, &head, from, limit).await?)
            }
            Want::Code { cluster, code, chunks } => {
                let mut found = Vec::with_capacity(chunks.len());
                for chunk in &chunks {
                    found.push(self.nodes.code_chunk(cluster, &code, chunk).await?);
                }
                Input::Code(found)
            }
            Want::Evidence { report_data } => {
                let platform = self.platform.clone();
                let evidence = tokio::task::spawn_blocking(move || platform.evidence(report_data)).await;
                let evidence = evidence.map_err(|error| Missing::Host(error.to_string()))?;
                Input::Evidence(evidence.map_err(|error| Missing::Host(error.to_string()))?)
            }
            Want::Handover { peers, policy, request } => {
                let egress = self.egress.clone();
                let asked = tokio::task::spawn_blocking(move || ask_peers(&egress, &peers, policy, &request)).await;
                Input::Handover(asked.map_err(|error| Missing::Host(error.to_string()))?)
            }
            Want::Nothing { until_ms } => {
                let left = Duration::from_millis(until_ms.saturating_sub(now_ms()));
                self.nodes.wait(left.clamp(Duration::from_millis(1), Duration::from_secs(1))).await;
                Input::Wake
            }
        })
    }

    /// Says how long to wait before the next step.
    fn step(&mut self, stack: &Stack, input: Input) -> Option<Duration> {
        let from_node = matches!(input, Input::Finality(_) | Input::Read(_) | Input::Messages(_) | Input::Code(_));
        let mut effects = Vec::new();
        let result = self.worker.step(stack, input, now_ms(), &mut OsRng, &mut effects);
        effects.into_iter().for_each(|effect| self.perform(effect));
        match result {
            Ok(()) => {
                if from_node {
                    self.nodes.keep();
                }
                None
            }
            Err(StepError::Node(reason)) => {
                self.metrics.node_fault("refused");
                Some(self.nodes.leave(&reason))
            }
            Err(StepError::Host(reason)) => {
                self.metrics.step_failed("host");
                tracing::warn!(reason, "the step is tried again");
                Some(HOST_PAUSE)
            }
            Err(StepError::Operator(reason)) => {
                self.metrics.step_failed("operator");
                tracing::error!(reason, "the operator is needed");
                Some(OPERATOR_PAUSE)
            }
            Err(other) => {
                self.metrics.step_failed("other");
                tracing::error!(error = %other, "the step failed");
                Some(HOST_PAUSE)
            }
        }
    }

    fn perform(&self, effect: Effect) {
        match effect {
            Effect::Submit(submission) => {
                if let Submission::Report { report, .. } = &*submission {
                    let report = report.latest();
                    tracing::info!(from = report.first_index, to = report.boundary.index, "reporting");
                } else {
                    tracing::info!(call = submission.name(), "submitting");
                }
                self.operator.submit(*submission);
            }
            Effect::Publish(view) => self.queries.publish(view),
            Effect::Admit(members) => self.queries.admit(members),
            Effect::Retract => {
                tracing::warn!("no more answers: this boot is no live member of its cluster, or disagrees with it");
                self.queries.retract();
            }
            Effect::Withhold { next_index } => self.queries.withhold(next_index),
            Effect::Lines(lines) => self.queries.note_lines(lines, now_ms()),
            Effect::Note(note) => tracing::info!("{note}"),
        }
    }
}

/// Asks the peers one after another, until one answers with what may be keys.
fn ask_peers(egress: &Egress, peers: &[Endpoint], policy: HttpPolicy, request: &HandoverRequest) -> Option<Vec<u8>> {
    // where a peer is, is the chain's word, and peers speak HTTP: what one answers is checked against the chain's commitment.
    // Which addresses may be reached is the cluster's policy also here
    let policy = HttpPolicy { allow_http: true, ..policy };
    for peer in peers {
        let Some(url) = std::str::from_utf8(peer).ok().and_then(handover_url) else { continue };
        let request = phat_engine::Request {
            method: "POST".into(),
            url: url.clone(),
            headers: Vec::new(),
            body: codec::Encode::encode(request),
        };
        let options = Options { timeout_ms: HANDOVER_MS, max_response_bytes: HANDOVER_BYTES, max_redirects: 0 };
        let due = now_ms().saturating_add(HANDOVER_MS.into());
        let answer = egress.fetch(&policy, vec![(request, Some(options))], 0, due).pop();
        match answer {
            Some(Ok(response)) if response.status == 200 => return Some(response.body),
            Some(Ok(response)) => {
                let body = String::from_utf8_lossy(&response.body).chars().take(300).collect::<String>();
                tracing::info!(url, status = response.status, body, "the peer gave no keys");
            }
            Some(Err(error)) => tracing::info!(url, ?error, "the peer cannot be reached"),
            None => {}
        }
    }
    None
}

/// Where a peer hands over keys: below its endpoint, whatever else that says.
fn handover_url(endpoint: &str) -> Option<String> {
    let mut url = Url::parse(endpoint).ok().filter(|url| !url.cannot_be_a_base())?;
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "handover"]);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_endpoint_says_where_and_nothing_else() {
        for (endpoint, url) in [
            ("http://a.example:8300", Some("http://a.example:8300/v1/handover")),
            ("https://a.example/worker/", Some("https://a.example/worker/v1/handover")),
            ("http://a.example/x?y=1#z", Some("http://a.example/x/v1/handover")),
            ("mailto:a@example", None),
            ("no url", None),
        ] {
            assert_eq!(handover_url(endpoint).as_deref(), url, "{endpoint}");
        }
    }

    #[test]
    fn a_node_stalls_when_its_time_without_news_is_over() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut news = News { patience: Duration::from_secs(10), progress: 0, since: start };
        assert!(!news.stalls(5, at(9)), "the first block is news");
        assert!(!news.stalls(5, at(18)));
        assert!(news.stalls(5, at(19)));
        assert!(!news.stalls(5, at(28)), "the next node has its own time");
        assert!(!news.stalls(6, at(29)));
        assert!(news.stalls(6, at(39)));
    }
}
