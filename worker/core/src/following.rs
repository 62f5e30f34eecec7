//! Following a cluster's log: executed, committed, reported.

use std::{collections::VecDeque, sync::Arc};

use phala_primitives::{
    ContractId, LogHead, Receipt,
    cluster::{ClusterConfig, ClusterConfigV1},
    message::MessageV1,
    receipts,
    report::{CommandKey, MAX_REPORT_MESSAGES, Outcome, ReportV1, ReportedV1},
};
use phat_engine::Stack;

use crate::{
    checkpoint::{Checkpoint, CheckpointV1},
    cluster::Cluster,
    execute::{ExecuteError, Executor, Mark, Told},
    host::Line,
    store::{Commit, Store, StoreError, Table},
    tree::Tree,
    worker::StepError,
};

/// Outcomes that are kept for senders to ask for.
const KEPT_OUTCOMES: u64 = 65_536;
/// How many blocks a report has to take effect before a longer one is sent.
const PATIENCE_BLOCKS: u32 = 6;
/// With a quorum, reports end at multiples of this many blocks, so that members say the same words.
const STEP_BLOCKS: u32 = 4;

const TOLD_CONTEXT: &[u8] = b"outcome";

/// This worker's state is not what the cluster has reported. It answers nothing from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster reported another state than this worker has at message {index}: it answers nothing until the \
     disagreement is decided"
)]
pub struct Diverged {
    /// Where.
    pub index: u64,
}

/// See the [module's documentation](self).
pub struct Following {
    cluster: Arc<Cluster>,
    store: Arc<dyn Store>,
    executor: Executor,
    receipts: VecDeque<Receipt>,
    marks: VecDeque<Mark>,
    command_keys: VecDeque<(u64, ContractId, CommandKey)>,
    /// First message and end of the last report, and the block at which it was made.
    submitted: Option<(u64, u64, u32)>,
    diverged: Option<u64>,
}

impl Following {
    /// Goes on from the store's checkpoint, or from the beginning of the log.
    pub fn resume(cluster: Arc<Cluster>, store: Arc<dyn Store>) -> Result<Self, StepError> {
        let checkpoint = store.checkpoint()?;
        let opened = match &checkpoint {
            Some(bytes) => Some(Checkpoint::open(bytes, &cluster.tree_keys.seal, &cluster.genesis, cluster.id)?),
            None => None,
        };
        let snapshot = store.snapshot()?;
        let tree = |root| Tree::new(snapshot, cluster.tree_keys.clone(), root);
        let (executor, receipts, marks, command_keys) = match opened {
            Some(at) => {
                let config = at.config.map(|ClusterConfig::V1(config)| config);
                let executor = Executor::new(cluster.clone(), config, at.position, tree(Some(at.root)));
                (executor, at.receipts.into(), at.marks.into(), at.command_keys.into())
            }
            None => {
                let start = LogHead::genesis(&cluster.genesis, cluster.id);
                let executor = Executor::new(cluster.clone(), None, start, tree(None));
                (executor, VecDeque::new(), VecDeque::new(), VecDeque::new())
            }
        };
        Ok(Self { cluster, store, executor, receipts, marks, command_keys, submitted: None, diverged: None })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Up to where the log is executed.
    pub fn position(&self) -> LogHead {
        self.executor.position()
    }

    /// Whether the cluster has reported another state than this one.
    pub fn has_diverged(&self) -> bool {
        self.diverged.is_some()
    }

    /// The configuration and the committed state.
    pub fn state(&mut self) -> Option<(Arc<ClusterConfigV1>, Tree)> {
        let config = self.executor.config()?.clone();
        Some((config, self.executor.tree().ok()?.clone()))
    }

    /// Sees records that were written beside the log.
    pub fn rebase(&mut self) -> Result<(), StepError> {
        let snapshot = self.store.snapshot()?;
        self.executor.tree()?.rebase(snapshot);
        Ok(())
    }

    /// Executes messages to the end of a block and commits what they came to. On error everything is as after the last commit.
    pub fn execute(
        &mut self,
        stack: &Stack,
        messages: &[(&MessageV1, LogHead)],
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<Vec<(u32, Line)>, ExecuteError> {
        let result = self.executor.execute(stack, messages).and_then(|()| {
            let lines = self.commit(rng)?;
            Ok(lines)
        });
        if result.is_err() {
            self.rewind();
        }
        result
    }

    fn commit(
        &mut self,
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<Vec<(u32, Line)>, ExecuteError> {
        let host = |error: StoreError| ExecuteError::Host(phat_engine::HostFailure(error.to_string()));
        let progress = self.executor.take_progress();
        let seal = &self.cluster.tree_keys.seal;
        let mut commit = Commit::default();
        for told in &progress.told {
            let index = told.receipt.index;
            let sealed = seal.seal_fresh(TOLD_CONTEXT, &codec::Encode::encode(told), rng);
            commit.records.push((Table::Outcome, index.to_be_bytes().to_vec(), Some(sealed)));
            if let Some(old) = index.checked_sub(KEPT_OUTCOMES) {
                commit.records.push((Table::Outcome, old.to_be_bytes().to_vec(), None));
            }
        }
        self.executor.tree()?.drain_into(&mut commit);
        let before = (self.receipts.len(), self.marks.len(), self.command_keys.len());
        self.receipts.extend(progress.receipts);
        self.marks.extend(progress.marks);
        self.command_keys.extend(progress.command_keys);
        let checkpoint = Checkpoint::V1(CheckpointV1 {
            genesis: self.cluster.genesis,
            cluster: self.cluster.id,
            position: self.executor.position(),
            root: self.executor.tree()?.root(),
            config: self.executor.config().map(|config| ClusterConfig::V1((**config).clone())),
            receipts: self.receipts.iter().copied().collect(),
            marks: self.marks.iter().copied().collect(),
            command_keys: self.command_keys.iter().copied().collect(),
        });
        commit.checkpoint = Some(checkpoint.seal(seal, rng));
        let committed = self.store.commit(commit).and_then(|()| self.store.snapshot());
        match committed {
            Ok(snapshot) => {
                self.executor.tree()?.rebase(snapshot);
                Ok(progress.lines)
            }
            Err(error) => {
                self.receipts.truncate(before.0);
                self.marks.truncate(before.1);
                self.command_keys.truncate(before.2);
                Err(host(error))
            }
        }
    }

    /// Forgets what was not committed. If even that fails, the next step tries again.
    fn rewind(&mut self) {
        if let Ok(fresh) = Self::resume(self.cluster.clone(), self.store.clone()) {
            self.executor = fresh.executor;
            self.receipts = fresh.receipts;
            self.marks = fresh.marks;
            self.command_keys = fresh.command_keys;
        }
    }

    /// The report that is due, if one is; checks what has been reported already.
    pub fn report(
        &mut self,
        reported: Option<&ReportedV1>,
        block: u32,
        quorum: u16,
    ) -> Result<Option<ReportV1>, Diverged> {
        if let Some(index) = self.diverged {
            return Err(Diverged { index });
        }
        let first_index = reported.map_or(0, |reported| reported.boundary.index);
        if let Some(reported) = reported {
            let ours = self.marks.iter().find(|mark| mark.boundary.index == first_index);
            if ours.is_some_and(|mark| mark.state_root != reported.state_root) {
                self.diverged = Some(first_index);
                return Err(Diverged { index: first_index });
            }
        }
        while self.receipts.front().is_some_and(|receipt| receipt.index < first_index) {
            self.receipts.pop_front();
        }
        while self.marks.front().is_some_and(|mark| mark.boundary.index <= first_index) {
            self.marks.pop_front();
        }
        while self.command_keys.front().is_some_and(|(index, ..)| *index < first_index) {
            self.command_keys.pop_front();
        }
        Ok(self.next_report(first_index, block, quorum))
    }

    fn next_report(&mut self, first_index: u64, block: u32, quorum: u16) -> Option<ReportV1> {
        // a worker that lags behind the reports has nothing to add
        if self.receipts.front()?.index != first_index {
            return None;
        }
        let longest = first_index.checked_add(u64::from(MAX_REPORT_MESSAGES))?;
        let aligned = block.checked_sub(block.checked_rem(STEP_BLOCKS).unwrap_or(0))?;
        let fits = |mark: &&Mark| mark.boundary.index <= longest && (quorum <= 1 || mark.boundary.block <= aligned);
        let mark = *self.marks.iter().rev().find(fits)?;
        let end = mark.boundary.index;
        if let Some((first, last_end, at)) = self.submitted {
            let waiting = first == first_index && block.saturating_sub(at) < PATIENCE_BLOCKS;
            let again = first == first_index && last_end == end && block.saturating_sub(at) < PATIENCE_BLOCKS * 4;
            if waiting || again {
                return None;
            }
        }
        let count = usize::try_from(end.checked_sub(first_index)?).ok()?;
        let receipts: Vec<Receipt> = self.receipts.iter().take(count).copied().collect();
        if receipts.len() != count {
            return None;
        }
        let outcomes: Vec<Outcome> = receipts.iter().map(Outcome::from).collect();
        let mut command_keys: Vec<(ContractId, CommandKey)> =
            self.command_keys.iter().filter(|(index, ..)| *index < end).map(|(_, id, key)| (*id, *key)).collect();
        command_keys.sort_by_key(|(id, _)| *id);
        self.submitted = Some((first_index, end, block));
        Some(ReportV1 {
            cluster: self.cluster.id,
            first_index,
            boundary: mark.boundary,
            state_root: mark.state_root,
            receipts_root: receipts::root(&self.cluster.genesis, &receipts),
            outcomes: outcomes.try_into().ok()?,
            command_keys: command_keys.try_into().ok()?,
        })
    }
}

/// What a message came to, as it was noted for its sender.
pub fn told(cluster: &Cluster, tree: &Tree, index: u64) -> Result<Option<Told>, StoreError> {
    let sealed = tree.snapshot().record(Table::Outcome, &index.to_be_bytes())?;
    let opened = sealed.and_then(|sealed| cluster.tree_keys.seal.open_fresh(TOLD_CONTEXT, &sealed).ok());
    let told = opened.and_then(|plain| <Told as codec::Decode>::decode(&mut plain.as_slice()).ok());
    // the host may have put another message's outcome here
    Ok(told.filter(|told| told.receipt.index == index))
}
