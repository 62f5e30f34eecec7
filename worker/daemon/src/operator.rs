//! The part that holds the operator's account, and none of the worker's secrets: it signs and submits what the worker wants the
//! chain to know.

use std::time::Duration;

use phala_extrinsics::{Call, Chain, ConnectError, Signer, SubmitError};
use phala_primitives::Hash256;
use phala_worker_core::Submission;
use tokio::{sync::mpsc, time::timeout};

use crate::{backoff::Backoff, metrics::Metrics};

/// Submissions that may wait.
const WAITING: usize = 64;
const PAUSES: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(8) };
const TRIES: u32 = 5;
/// How long a node may take to accept a transaction.
const ACCEPTED: Duration = Duration::from_secs(30);
/// How long a block may take to have it. A node that says nothing more would hold up all that wait.
const IN_BLOCK: Duration = Duration::from_secs(60);

/// Hands submissions over.
#[derive(Clone)]
pub struct Operator {
    queue: mpsc::Sender<Submission>,
    metrics: Metrics,
}

impl Operator {
    /// Starts the part, which signs with this account and submits to these nodes.
    pub fn start(signer: Signer, urls: Vec<String>, genesis: Hash256, metrics: Metrics) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        tokio::spawn(Task { signer, urls, genesis, metrics: metrics.clone(), chain: None, at: 0 }.run(waiting));
        Self { queue, metrics }
    }

    /// Takes a submission. If too many wait it is dropped: the worker wants it again if it is still needed.
    pub fn submit(&self, submission: Submission) {
        let name = submission.name();
        if self.queue.try_send(submission).is_err() {
            self.metrics.dropped(name);
            tracing::warn!(call = name, "too many transactions wait: dropped");
        }
    }
}

struct Task {
    signer: Signer,
    urls: Vec<String>,
    genesis: Hash256,
    metrics: Metrics,
    chain: Option<Chain>,
    at: usize,
}

impl Task {
    async fn run(mut self, mut waiting: mpsc::Receiver<Submission>) {
        while let Some(submission) = waiting.recv().await {
            let name = submission.name();
            let result = self.submit(submission).await;
            self.metrics.submitted(name, result.as_ref().err().map(ToString::to_string));
            match result {
                Ok(()) => tracing::info!(call = name, "in a block"),
                Err(error) => tracing::warn!(call = name, %error, "the transaction had no effect"),
            }
        }
    }

    async fn submit(&mut self, submission: Submission) -> Result<(), SubmitError> {
        let call = call(submission);
        let mut last = None;
        for failures in 1..=TRIES {
            let result = match self.chain().await {
                Ok(chain) => try_once(&chain, &self.signer, &call).await,
                Err(error) => Err(SubmitError::Lost { call: call.name(), reason: error.to_string() }),
            };
            match result {
                Ok(()) => return Ok(()),
                Err(error) if error.is_retryable() => {
                    tracing::debug!(call = call.name(), %error, failures, "trying again");
                    self.chain = None;
                    last = Some(error);
                    tokio::time::sleep(PAUSES.pause(failures)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(SubmitError::Lost { call: call.name(), reason: "no node could be reached".into() }))
    }

    async fn chain(&mut self) -> Result<Chain, ConnectError> {
        if let Some(chain) = &self.chain {
            return Ok(chain.clone());
        }
        let index = self.at.checked_rem(self.urls.len()).unwrap_or(0);
        let url = self.urls.get(index).cloned().unwrap_or_default();
        self.at = self.at.wrapping_add(1);
        let chain = Chain::connect(&url, Some(self.genesis)).await?;
        self.chain = Some(chain.clone());
        Ok(chain)
    }
}

async fn try_once(chain: &Chain, signer: &Signer, call: &Call) -> Result<(), SubmitError> {
    let late = |reason: &str| SubmitError::Lost { call: call.name(), reason: reason.into() };
    let submitted = timeout(ACCEPTED, chain.submit(signer, call));
    let submitted = submitted.await.map_err(|_| late("the node did not accept it in time"))??;
    timeout(IN_BLOCK, submitted.in_block()).await.map_err(|_| late("no block had it in time"))??;
    Ok(())
}

fn call(submission: Submission) -> Call {
    match submission {
        Submission::Register { worker, salt, boot_sign, boot_kem, block, block_hash, evidence, endpoint } => {
            Call::register(worker, salt, (boot_sign, boot_kem), block, block_hash, evidence, endpoint)
        }
        Submission::Offer { worker, cluster } => Call::offer_worker(worker, Some(cluster)),
        Submission::CommitKeys { cluster, worker, keys, signature } => {
            Call::commit_keys(cluster, worker, keys, signature)
        }
        Submission::Report { report, worker, signature } => Call::report(report, worker, signature),
    }
}
