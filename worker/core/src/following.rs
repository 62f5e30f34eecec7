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
    record::UploadRecord,
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

/// What a worker has executed since it started, for whoever watches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Calls of contracts, their constructors and migrations among them.
    pub calls: u64,
    /// Those that had no effect.
    pub failed: u64,
    /// The gas of all of them.
    pub gas: u64,
}

impl Executed {
    fn add(&mut self, receipt: &Receipt) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u64::from(!receipt.status.is_success()));
        self.gas = self.gas.saturating_add(receipt.gas_used);
    }
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
    executed: Executed,
    /// A step has failed, and the state in memory is not that of the last commit.
    broken: bool,
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
        Ok(Self {
            cluster,
            store,
            executor,
            receipts,
            marks,
            command_keys,
            submitted: None,
            diverged: None,
            executed: Executed::default(),
            broken: false,
        })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Up to where the log is executed.
    pub fn position(&self) -> LogHead {
        self.executor.position()
    }

    /// What was executed and committed since the worker started.
    pub fn executed(&self) -> Executed {
        self.executed
    }

    /// Whether the cluster has reported another state than this one.
    pub fn has_diverged(&self) -> bool {
        self.diverged.is_some()
    }

    /// The configuration and the committed state, over the newest snapshot: a store that was opened anew has closed older ones.
    pub fn state(&mut self) -> Result<Option<(Arc<ClusterConfigV1>, Tree)>, StepError> {
        self.rebase()?;
        let tree = self.executor.tree()?.clone();
        Ok(self.executor.config().map(|config| (config.clone(), tree)))
    }

    /// Sees records that were written beside the log.
    pub fn rebase(&mut self) -> Result<(), StepError> {
        let snapshot = self.store.snapshot()?;
        self.executor.tree()?.rebase(snapshot);
        Ok(())
    }

    /// Executes messages to the end of a block and commits what they came to. After an error nothing may be done before
    /// [`recover`](Self::recover).
    pub fn execute(
        &mut self,
        stack: &Stack,
        messages: &[(&MessageV1, LogHead)],
        rng: &mut (impl rand_core::RngCore + rand_core::CryptoRng),
    ) -> Result<Vec<(u32, Line)>, ExecuteError> {
        let result = self.executor.execute(stack, messages).and_then(|()| self.commit(rng));
        self.broken = result.is_err();
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
        for (name, sealed) in self.cluster.codes.take_fresh(seal, rng) {
            commit.records.push((Table::Compiled, name.to_vec(), Some(sealed)));
        }
        for told in &progress.told {
            let index = told.receipt.index;
            let sealed = seal.seal_fresh(TOLD_CONTEXT, &codec::Encode::encode(told), rng);
            commit.records.push((Table::Outcome, index.to_be_bytes().to_vec(), Some(sealed)));
            if let Some(old) = index.checked_sub(KEPT_OUTCOMES) {
                commit.records.push((Table::Outcome, old.to_be_bytes().to_vec(), None));
            }
        }
        self.executor.tree()?.drain_into(&mut commit);
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
                self.cluster.codes.forget_judged();
                progress.told.iter().for_each(|told| self.executed.add(&told.receipt));
                Ok(progress.lines)
            }
            Err(error) => Err(host(error)),
        }
    }

    /// After a failure: forgets what was not committed. Nothing else may be done before this has succeeded.
    pub fn recover(&mut self) -> Result<(), StepError> {
        if self.broken {
            let fresh = Self::resume(self.cluster.clone(), self.store.clone())?;
            *self = Self { submitted: self.submitted, diverged: self.diverged, executed: self.executed, ..fresh };
        }
        Ok(())
    }

    /// Notes whether an upload is what its hash says.
    pub fn judge(&self, upload: &UploadRecord, right: bool) {
        self.cluster.codes.judge(upload, right);
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
        if reported.is_some_and(|reported| self.contradicts(reported)) {
            self.diverged = Some(first_index);
            return Err(Diverged { index: first_index });
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

    /// Whether what was reported is not what this worker came to. What it has not reached, or has forgotten, it cannot judge.
    fn contradicts(&self, reported: &ReportedV1) -> bool {
        let Some(ours) = self.marks.iter().find(|mark| mark.boundary == reported.boundary) else { return false };
        let receipts = self.receipts_of(reported.first_index, reported.boundary.index);
        let other_receipts =
            receipts.is_some_and(|receipts| receipts::root(&self.cluster.genesis, &receipts) != reported.receipts_root);
        ours.state_root != reported.state_root || other_receipts
    }

    /// What this worker says about the messages of a report that it contradicts. The chain takes it as long as that report is the
    /// last one.
    pub fn contradiction(&self, reported: &ReportedV1) -> Option<ReportV1> {
        let mark = self.marks.iter().find(|mark| mark.boundary == reported.boundary)?;
        self.make_report(reported.first_index, mark)
    }

    /// Receipts of these messages, if all are there.
    fn receipts_of(&self, first: u64, end: u64) -> Option<Vec<Receipt>> {
        let span = |receipt: &&Receipt| (first..end).contains(&receipt.index);
        let receipts: Vec<Receipt> = self.receipts.iter().filter(span).copied().collect();
        (u64::try_from(receipts.len()).ok() == end.checked_sub(first)).then_some(receipts)
    }

    fn make_report(&self, first_index: u64, mark: &Mark) -> Option<ReportV1> {
        let end = mark.boundary.index;
        let receipts = self.receipts_of(first_index, end)?;
        let outcomes: Vec<Outcome> = receipts.iter().map(Outcome::from).collect();
        let keys = self.command_keys.iter().filter(|(index, ..)| (first_index..end).contains(index));
        let mut command_keys: Vec<(ContractId, CommandKey)> = keys.map(|(_, id, key)| (*id, *key)).collect();
        command_keys.sort_by_key(|(id, _)| *id);
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
        let report = self.make_report(first_index, &mark)?;
        self.submitted = Some((first_index, end, block));
        Some(report)
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
