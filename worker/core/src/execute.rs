//! Executing the log: every message yields exactly one receipt, the same on every member.

use std::sync::Arc;

use codec::{Decode, Encode};
use phala_crypto::{CommandContext, Purpose, commit, open_command};
use phala_primitives::{
    AccountId, Boundary, CodeHash, ContractId, Hash256, LogHead, Receipt,
    cluster::ClusterConfigV1,
    message::{Command, Instantiate, Kind, MessageV1, Origin, Payload, Upgrade, Upload, Withdraw},
    query::{AnswerOutcome, MAX_TEXT},
    report::{CommandKey, MAX_REPORT_MESSAGES, Status},
};
use phat_engine::{Caller, Code, Entry, HostFailure, Outcome, Stack, Trap};

use crate::{
    cluster::{Cluster, engine_limits},
    host::{CallContext, CallHost, Event, Line},
    overlay::Overlay,
    record::{ContractRecord, UploadRecord, contract_key, storage_prefix, upload_key},
    tree::{StateFault, Tree},
};

/// Why a message was not executed. There is no receipt; the executor must be made anew from the last commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The host ran out of something, or failed. Try again.
    #[error(transparent)]
    Host(#[from] HostFailure),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateFault),
    /// This upload has to be fetched first.
    #[error("the code {} has not been fetched", .0.latest().code)]
    CodeMissing(Box<UploadRecord>),
    /// The cluster works under rules that this worker does not have. Upgrade the worker.
    #[error("the cluster runs engine revision {0}, which this worker does not have: upgrade it")]
    Revision(u32),
}

/// The log's state after the end of a block that had messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mark {
    /// Where.
    pub boundary: Boundary,
    /// Root of the state there.
    pub state_root: Hash256,
}

/// What a message has come to, beside its receipt: for the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Told {
    /// Who may see it; everybody, if the payload was plain.
    pub reader: Option<AccountId>,
    /// The contract that it was for.
    pub contract: Option<ContractId>,
    /// The receipt.
    pub receipt: Receipt,
    /// Output or error.
    pub outcome: AnswerOutcome,
    /// Opens the receipt's commitment to the output.
    pub output_blinding: [u8; 32],
}

/// A cluster's log as far as it has been executed.
pub struct Executor {
    cluster: Arc<Cluster>,
    /// None before the first message.
    config: Option<Arc<ClusterConfigV1>>,
    position: LogHead,
    /// Away while a contract runs.
    state: Option<Overlay>,
    /// The block whose messages are being executed, and the index of its first one.
    open: Option<(u32, u64)>,
    progress: Progress,
}

/// What has been executed and is of interest until it is reported and committed.
#[derive(Default)]
pub struct Progress {
    /// Receipts, in order.
    pub receipts: Vec<Receipt>,
    /// Boundaries, in order.
    pub marks: Vec<Mark>,
    /// Keys of contracts that were instantiated: message, contract, key.
    pub command_keys: Vec<(u64, ContractId, CommandKey)>,
    /// What to tell senders.
    pub told: Vec<Told>,
    /// Lines for authors, with their blocks.
    pub lines: Vec<(u32, Line)>,
}

/// What a run of a contract has come to, before its receipt.
struct Ended {
    status: Status,
    gas_used: u64,
    outcome: AnswerOutcome,
    events: Vec<Event>,
}

impl Ended {
    fn without_run(status: Status, why: &str) -> Self {
        let outcome = if status.is_success() {
            AnswerOutcome::Output(Vec::new())
        } else {
            AnswerOutcome::Stopped(why.to_owned())
        };
        Self { status, gas_used: 0, outcome, events: Vec::new() }
    }
}

impl Executor {
    /// Goes on from a position that was executed before.
    pub fn new(cluster: Arc<Cluster>, config: Option<ClusterConfigV1>, position: LogHead, tree: Tree) -> Self {
        Self {
            cluster,
            config: config.map(Arc::new),
            position,
            state: Some(Overlay::new(tree)),
            open: None,
            progress: Progress::default(),
        }
    }

    /// The configuration that the log has set.
    pub fn config(&self) -> Option<&Arc<ClusterConfigV1>> {
        self.config.as_ref()
    }

    /// Up to where it is executed.
    pub fn position(&self) -> LogHead {
        self.position
    }

    /// The state.
    pub fn tree(&mut self) -> Result<&mut Tree, HostFailure> {
        self.state.as_mut().map(Overlay::tree_mut).ok_or_else(lost)
    }

    /// Takes what has come since the last time.
    pub fn take_progress(&mut self) -> Progress {
        std::mem::take(&mut self.progress)
    }

    /// Executes messages that follow each other, to the end of a block. On error the executor is of no use any more.
    pub fn execute(&mut self, stack: &Stack, messages: &[(&MessageV1, LogHead)]) -> Result<(), ExecuteError> {
        for (message, after) in messages {
            let first = self.open.filter(|(block, first)| {
                *block == message.block && message.index.saturating_sub(*first) < u64::from(MAX_REPORT_MESSAGES)
            });
            if first.is_none() {
                self.settle()?;
                self.open = Some((message.block, message.index));
                self.state.as_mut().ok_or_else(lost)?.push();
            }
            self.one(stack, message)?;
            self.position = *after;
        }
        self.settle()
    }

    /// Ends a block: its changes reach the tree, and a report may end here.
    fn settle(&mut self) -> Result<(), ExecuteError> {
        let Some((block, _)) = self.open.take() else { return Ok(()) };
        let state = self.state.as_mut().ok_or_else(lost)?;
        state.settle()?;
        let boundary = Boundary::new(block, self.position);
        self.progress.marks.push(Mark { boundary, state_root: state.tree().root() });
        Ok(())
    }

    fn one(&mut self, stack: &Stack, message: &MessageV1) -> Result<(), ExecuteError> {
        if let Kind::ClusterCreated(config) | Kind::Configuration(config) = &message.kind {
            let config = config.latest().clone();
            let revision = config.engine_revision;
            if revision != self.cluster.codes.engine().revision().number() {
                return Err(ExecuteError::Revision(revision));
            }
            self.config = Some(Arc::new(config));
        }
        let ended = match &message.kind {
            Kind::Instantiate(instantiate) => self.instantiate(stack, message, instantiate)?,
            Kind::Command(command) => self.command(stack, message, command)?,
            Kind::Upgrade(upgrade) => self.upgrade(stack, message, upgrade)?,
            Kind::TerminateContract(contract) => self.terminate(contract)?,
            Kind::Withdraw(withdraw) => self.withdraw(withdraw)?,
            Kind::Upload(upload) => self.upload(upload)?,
            Kind::TerminateCluster
            | Kind::ClusterCreated(_)
            | Kind::Configuration(_)
            | Kind::MemberJoined(_)
            | Kind::MemberLeft(_)
            | Kind::Rotate(_) => Ended::without_run(Status::Success, ""),
        };
        self.note(message, ended);
        Ok(())
    }

    fn note(&mut self, message: &MessageV1, ended: Ended) {
        let (genesis, index) = (&self.cluster.genesis, message.index);
        let salts = &self.cluster.tree_keys.commitment;
        let output_blinding = salts.blinding(Purpose::Output, index);
        let events_blinding = salts.blinding(Purpose::Events, index);
        let receipt = Receipt {
            index,
            status: ended.status,
            gas_used: ended.gas_used,
            output: commit(genesis, &output_blinding, Purpose::Output, &ended.outcome.encode()),
            events: commit(genesis, &events_blinding, Purpose::Events, &ended.events.encode()),
        };
        self.progress.receipts.push(receipt);
        if message.kind.gas_limit().is_some() {
            let reader = if is_sealed(&message.kind) { account(message.origin) } else { None };
            let contract = message.kind.contract();
            self.progress.told.push(Told { reader, contract, receipt, outcome: ended.outcome, output_blinding });
        }
    }

    /// What is right is kept; what is something else than its hash says leaves nothing but its receipt, by which the chain drops it. So
    /// nobody can put garbage in the place of code. The first one that is right stays: later ones are the same bytes.
    fn upload(&mut self, upload: &Upload) -> Result<Ended, ExecuteError> {
        let record = UploadRecord::V1(upload.clone());
        match self.cluster.codes.judged(&record) {
            Some(true) => {}
            Some(false) => {
                return Ok(Ended::without_run(Status::BadCode, "what was uploaded is not what its hash says"));
            }
            None => return Err(ExecuteError::CodeMissing(Box::new(record))),
        }
        let (state, key) = (self.state.as_mut().ok_or_else(lost)?, upload_key(&upload.code));
        if state.get(&key)?.is_none() {
            state.put(key, Some(record.encode()));
        }
        Ok(Ended::without_run(Status::Success, ""))
    }

    fn instantiate(&mut self, stack: &Stack, message: &MessageV1, new: &Instantiate) -> Result<Ended, ExecuteError> {
        let Payload::Plain(args) = &new.payload else {
            return Ok(Ended::without_run(Status::Undecryptable, "a constructor's payload is never sealed"));
        };
        let code = match self.code(new.code)? {
            Ok(code) => code,
            Err(ended) => return Ok(ended),
        };
        let record = ContractRecord::V1 {
            code: new.code,
            owner: new.owner,
            deposit: new.deposit,
            balance: new.value,
            stored: 0,
        };
        let ended = self.run(
            stack,
            &code,
            Entry::Init { args },
            (message, new.gas_limit, new.value),
            (new.contract, record, true),
        )?;
        if ended.status.is_success() {
            let (keys, id) = (&self.cluster.keys, self.cluster.id);
            let kem = keys.command_key(&self.cluster.genesis, id, new.contract).public();
            let key = CommandKey { epoch: keys.epoch(), kem };
            self.progress.command_keys.push((message.index, new.contract, key));
        }
        Ok(ended)
    }

    fn command(&mut self, stack: &Stack, message: &MessageV1, command: &Command) -> Result<Ended, ExecuteError> {
        let Some(mut record) = self.record(&command.contract)? else { return Ok(no_contract()) };
        let Some(input) = self.open(message.origin, &command.contract, &command.payload) else {
            return Ok(Ended::without_run(Status::Undecryptable, "the payload does not open"));
        };
        let code = match self.code(record.code())? {
            Ok(code) => code,
            Err(ended) => return Ok(ended),
        };
        let ContractRecord::V1 { balance, .. } = &mut record;
        *balance = balance.saturating_add(command.value);
        self.run(
            stack,
            &code,
            Entry::Command { input: &input },
            (message, command.gas_limit, command.value),
            (command.contract, record, command.value > 0),
        )
    }

    fn upgrade(&mut self, stack: &Stack, message: &MessageV1, upgrade: &Upgrade) -> Result<Ended, ExecuteError> {
        let Some(mut record) = self.record(&upgrade.contract)? else { return Ok(no_contract()) };
        let Some(args) = self.open(message.origin, &upgrade.contract, &upgrade.payload) else {
            return Ok(Ended::without_run(Status::Undecryptable, "the payload does not open"));
        };
        let new = match self.code(upgrade.code)? {
            Ok(code) => code,
            Err(ended) => return Ok(ended),
        };
        let ContractRecord::V1 { code, .. } = &mut record;
        let from = std::mem::replace(code, upgrade.code);
        let entry = Entry::Migrate { from: &from.0, args: &args };
        self.run(stack, &new, entry, (message, upgrade.gas_limit, 0), (upgrade.contract, record, true))
    }

    /// The balance in the state is folded from the log: what it covers, the chain can pay out.
    fn withdraw(&mut self, withdraw: &Withdraw) -> Result<Ended, ExecuteError> {
        let Some(mut record) = self.record(&withdraw.contract)? else { return Ok(no_contract()) };
        let ContractRecord::V1 { balance, .. } = &mut record;
        match balance.checked_sub(withdraw.amount) {
            Some(left) => *balance = left,
            None => return Ok(Ended::without_run(Status::Overdrawn, "the contract owns less")),
        }
        let state = self.state.as_mut().ok_or_else(lost)?;
        state.put(contract_key(&withdraw.contract), Some(record.encode()));
        Ok(Ended::without_run(Status::Success, ""))
    }

    fn terminate(&mut self, contract: &ContractId) -> Result<Ended, ExecuteError> {
        if self.record(contract)?.is_none() {
            return Ok(no_contract());
        }
        let state = self.state.as_mut().ok_or_else(lost)?;
        let prefix = storage_prefix(contract);
        let mut after = None;
        while let Some((key, _)) = state.step(&prefix, after.as_deref())? {
            state.put(key.clone(), None);
            after = Some(key);
        }
        state.put(contract_key(contract), None);
        Ok(Ended::without_run(Status::Success, ""))
    }

    /// Runs code on behalf of a message. `record` is the contract's as it shall be if the run succeeds.
    fn run(
        &mut self,
        stack: &Stack,
        code: &Code<CallHost>,
        entry: Entry<'_>,
        (message, gas, value): (&MessageV1, u64, u128),
        (contract, record, changed): (ContractId, ContractRecord, bool),
    ) -> Result<Ended, ExecuteError> {
        let config = self.config.clone().ok_or_else(|| HostFailure("a message before the configuration".into()))?;
        let state = self.state.take().ok_or_else(lost)?;
        let limits = engine_limits(&config.limits);
        let context = CallContext {
            caller: match message.origin {
                Origin::Account(account) => Caller::Account(account.0),
                Origin::Contract(contract) => Caller::Contract(contract.0),
                Origin::Chain => Caller::Chain,
            },
            block: message.block,
            time_ms: message.time_ms,
            value,
            query: None,
        };
        let mut host = CallHost::new(self.cluster.clone(), config, state, context, (contract, record));
        if changed {
            host.touch();
        }
        let engine = self.cluster.codes.engine();
        let (host, finished) = engine.call(stack, code, entry, gas, limits, host);
        let host = host.ok_or_else(lost)?;
        let keep = finished.as_ref().is_ok_and(|finished| matches!(finished.outcome, Outcome::Ok(_)));
        let finish = host.finish(keep);
        self.state = Some(finish.state);
        self.progress.lines.extend(finish.lines.into_iter().map(|line| (message.block, line)));
        let finished = finished.map_err(|failure| match (finish.fault, finish.missing) {
            (Some(fault), _) => ExecuteError::State(fault),
            (None, Some(upload)) => ExecuteError::CodeMissing(upload),
            (None, None) => ExecuteError::Host(failure),
        })?;
        let (status, outcome) = described(finished.outcome);
        Ok(Ended { status, gas_used: finished.gas_used, outcome, events: finish.events })
    }

    fn record(&self, contract: &ContractId) -> Result<Option<ContractRecord>, ExecuteError> {
        let bytes = self.state.as_ref().ok_or_else(lost)?.get(&contract_key(contract))?;
        let decode = |bytes: Vec<u8>| {
            ContractRecord::decode(&mut bytes.as_slice())
                .map_err(|_| StateFault::Damaged("a contract's record does not decode".into()))
        };
        Ok(bytes.map(decode).transpose()?)
    }

    /// The code, or the receipt of a message whose code is none.
    fn code(&self, code: CodeHash) -> Result<Result<Code<CallHost>, Ended>, ExecuteError> {
        let config = self.config.as_ref().ok_or_else(|| HostFailure("a message before the configuration".into()))?;
        let state = self.state.as_ref().ok_or_else(lost)?;
        let Some(upload) = state.get(&upload_key(&code))? else {
            return Ok(Err(Ended::without_run(Status::BadCode, "the code was not uploaded")));
        };
        let upload = UploadRecord::decode(&mut upload.as_slice())
            .map_err(|_| StateFault::Damaged("an upload's record does not decode".into()))?;
        match self.cluster.codes.load(
            &upload,
            &**state.tree().snapshot(),
            &config.limits,
            &self.cluster.tree_keys.seal,
        )? {
            Some(Ok(code)) => Ok(Ok(code)),
            Some(Err(error)) => Ok(Err(Ended::without_run(Status::BadCode, &error.to_string()))),
            None => Err(ExecuteError::CodeMissing(Box::new(upload))),
        }
    }

    fn open(&self, origin: Origin, contract: &ContractId, payload: &Payload) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        match payload {
            Payload::Plain(bytes) => Some(zeroize::Zeroizing::new(bytes.to_vec())),
            Payload::Sealed(sealed) => {
                let (genesis, cluster) = (self.cluster.genesis, self.cluster.id);
                let sender = account(origin)?;
                let context = CommandContext { genesis, cluster, contract: *contract, sender, epoch: sealed.epoch };
                if sealed.epoch != self.cluster.keys.epoch() {
                    return None;
                }
                open_command(&self.cluster.keys.command_key(&genesis, cluster, *contract), &context, sealed).ok()
            }
        }
    }
}

fn lost() -> HostFailure {
    HostFailure("the state was lost in a call".into())
}

fn no_contract() -> Ended {
    Ended::without_run(Status::NoContract, "there is no such contract")
}

fn account(origin: Origin) -> Option<AccountId> {
    match origin {
        Origin::Account(account) => Some(account),
        Origin::Contract(_) | Origin::Chain => None,
    }
}

fn is_sealed(kind: &Kind) -> bool {
    let payload = match kind {
        Kind::Instantiate(m) => &m.payload,
        Kind::Command(m) => &m.payload,
        Kind::Upgrade(m) => &m.payload,
        _ => return false,
    };
    matches!(payload, Payload::Sealed(_))
}

/// How a call's end reads in a receipt and in an answer.
pub fn described(outcome: Outcome) -> (Status, AnswerOutcome) {
    match outcome {
        Outcome::Ok(output) => (Status::Success, AnswerOutcome::Output(output)),
        Outcome::Err(error) => {
            let outcome = AnswerOutcome::Refused { code: error.code, message: error.message, data: error.data };
            (Status::Refused, outcome)
        }
        Outcome::Trap(trap) => {
            let status = match trap {
                Trap::OutOfGas => Status::OutOfGas,
                Trap::OutOfMemory => Status::OutOfMemory,
                Trap::StackExhausted => Status::StackExhausted,
                Trap::OutputTooLong => Status::LimitExceeded,
                _ => Status::Trapped,
            };
            let mut text = trap.to_string();
            text.truncate(MAX_TEXT);
            (status, AnswerOutcome::Stopped(text))
        }
    }
}
