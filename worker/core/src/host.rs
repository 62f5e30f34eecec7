//! The environment of a running contract: state in layers, keys of the cluster, and for queries the world outside.

use std::sync::Arc;

use codec::{Decode, Encode};
use phala_crypto::{self as crypto, HashKind, SigningKind, VerifyError};
use phala_primitives::{ClusterId, ContractId, WorkerId, cluster::ClusterConfigV1};
use phat_engine::{
    Action, ActionError, Assurance, Caller, Code, CryptoError, Ending, Host, HostFailure, HttpError, Id, KeyKind,
    Level, Options, OutOfSpace, Request, Response, Step, VrfOutput,
};

use crate::{
    cluster::Cluster,
    overlay::Overlay,
    record::{ContractRecord, UploadRecord, contract_key, storage_prefix, upload_key},
    tree::StateFault,
};

/// An event that a contract has emitted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// Which contract.
    pub contract: ContractId,
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub data: Vec<u8>,
}

/// A line that a contract has written.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which contract.
    pub contract: ContractId,
    /// How much it matters.
    pub level: Level,
    /// The text.
    pub text: String,
}

/// Where and for whom a call runs.
pub struct CallContext {
    /// Who stands behind it.
    pub caller: Caller,
    /// The block of the message, or of the snapshot.
    pub block: u32,
    /// Chain time of that block, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// What the message brings, in planck.
    pub value: u128,
    /// For queries.
    pub query: Option<QueryContext>,
}

/// What queries have on top.
#[derive(Clone, Copy)]
pub struct QueryContext {
    /// Who answers.
    pub worker: WorkerId,
    /// What stands behind it.
    pub assurance: phala_primitives::Assurance,
    /// When the answer is due, by the host's clock.
    pub deadline_ms: u64,
    /// Whether the run is given up as soon as it would wait for something, or depend on how much gas there is.
    pub brief: bool,
}

struct Frame {
    contract: ContractId,
    record: ContractRecord,
    changed: bool,
    prefix: Vec<u8>,
    /// Where this frame's events begin: they go if it fails.
    events: usize,
}

/// The host of one call and of all calls inside it.
pub struct CallHost {
    cluster: Arc<Cluster>,
    config: Arc<ClusterConfigV1>,
    state: Overlay,
    call: CallContext,
    frames: Vec<Frame>,
    events: Vec<Event>,
    lines: Vec<Line>,
    fault: Option<StateFault>,
    missing: Option<Box<UploadRecord>>,
    longer: bool,
}

impl CallHost {
    /// A host for a call of `contract`, whose writes go to a new layer of `state`.
    pub fn new(
        cluster: Arc<Cluster>,
        config: Arc<ClusterConfigV1>,
        mut state: Overlay,
        call: CallContext,
        (contract, record): (ContractId, ContractRecord),
    ) -> Self {
        if call.query.is_none() {
            state.push();
        }
        let mut host = Self {
            cluster,
            config,
            state,
            call,
            frames: Vec::new(),
            events: Vec::new(),
            lines: Vec::new(),
            fault: None,
            missing: None,
            longer: false,
        };
        host.open(contract, record, false);
        host
    }

    fn open(&mut self, contract: ContractId, record: ContractRecord, changed: bool) {
        let prefix = storage_prefix(&contract);
        self.frames.push(Frame { contract, record, changed, prefix, events: self.events.len() });
    }

    /// Ends the call. Returns the state, with the call's writes in the layer below or gone, and what else it has left.
    pub fn finish(mut self, keep: bool) -> Finish {
        self.close(keep);
        if self.call.query.is_none() {
            self.state.pop(keep);
        }
        let Self { state, events, lines, fault, missing, longer, .. } = self;
        Finish { state, events, lines, fault, missing, longer }
    }

    fn close(&mut self, keep: bool) {
        let Some(frame) = self.frames.pop() else { return };
        if !keep {
            self.events.truncate(frame.events);
        } else if frame.changed {
            self.state.put(contract_key(&frame.contract), Some(frame.record.encode()));
        }
    }

    /// Marks the outermost contract's record as changed: it is new, or has other code or more balance.
    pub fn touch(&mut self) {
        if let Some(frame) = self.frames.first_mut() {
            frame.changed = true;
        }
    }

    fn frame(&mut self) -> Result<&mut Frame, HostFailure> {
        self.frames.last_mut().ok_or_else(|| HostFailure("no contract runs".into()))
    }

    fn full_key(&self, key: &[u8]) -> Vec<u8> {
        let prefix = self.frames.last().map_or(&[][..], |frame| &frame.prefix);
        [prefix, key].concat()
    }

    fn checked<T>(&mut self, result: Result<T, StateFault>) -> Result<T, HostFailure> {
        result.map_err(|fault| {
            let failure = HostFailure(fault.to_string());
            self.fault.get_or_insert(fault);
            failure
        })
    }

    /// Takes or gives back room in the contract's deposit.
    fn account_for(&mut self, removed: u64, added: u64) -> Result<Result<(), OutOfSpace>, HostFailure> {
        let price = self.config.deposit_per_byte;
        let frame = self.frame()?;
        let ContractRecord::V1 { deposit, stored, .. } = &mut frame.record;
        let after = stored.saturating_sub(removed).saturating_add(added);
        if added > removed && price > 0 && u128::from(after).saturating_mul(price) > *deposit {
            return Ok(Err(OutOfSpace));
        }
        frame.changed |= after != *stored;
        *stored = after;
        Ok(Ok(()))
    }

    fn keys(&self) -> crypto::ContractKeys {
        let contract = self.frames.last().map(|frame| frame.contract).unwrap_or_default();
        self.cluster.keys.contract(&self.cluster.genesis, self.cluster.id, contract)
    }
}

/// What is left of a call.
pub struct Finish {
    /// The state.
    pub state: Overlay,
    /// Events, in order.
    pub events: Vec<Event>,
    /// Lines for the author, in order.
    pub lines: Vec<Line>,
    /// Why the state could not be read, if that is why the call was given up.
    pub fault: Option<StateFault>,
    /// What has to be fetched, if that is why.
    pub missing: Option<Box<UploadRecord>>,
    /// Whether a brief run wanted more than it may have: what came of it is no answer.
    pub longer: bool,
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn signing(kind: KeyKind) -> SigningKind {
    match kind {
        KeyKind::Ed25519 => SigningKind::Ed25519,
        KeyKind::Sr25519 => SigningKind::Sr25519,
        KeyKind::Secp256k1 => SigningKind::Secp256k1,
    }
}

fn refused(error: VerifyError) -> CryptoError {
    match error {
        VerifyError::PublicKey => CryptoError::PublicKey,
        VerifyError::DigestLength => CryptoError::DigestLength,
        _ => CryptoError::Signature,
    }
}

impl Host for CallHost {
    fn caller(&self) -> Caller {
        self.call.caller
    }

    fn contract(&self) -> Id {
        self.frames.last().map_or([0; 32], |frame| frame.contract.0)
    }

    fn cluster(&self) -> u32 {
        let ClusterId(id) = self.cluster.id;
        id
    }

    fn block_number(&self) -> u32 {
        self.call.block
    }

    fn block_time_ms(&self) -> u64 {
        self.call.time_ms
    }

    fn value(&self) -> u128 {
        self.call.value
    }

    fn worker(&self) -> (Id, Assurance) {
        match self.call.query {
            Some(query) => (
                query.worker.0,
                match query.assurance {
                    phala_primitives::Assurance::Software => Assurance::Software,
                    phala_primitives::Assurance::Hardware => Assurance::Hardware,
                },
            ),
            None => ([0; 32], Assurance::Software),
        }
    }

    fn now_ms(&self) -> u64 {
        self.cluster.outside.now_ms().max(self.call.time_ms)
    }

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), HostFailure> {
        self.cluster.outside.random(bytes)
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, HostFailure> {
        let value = self.state.get(&self.full_key(key));
        self.checked(value)
    }

    fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<Result<(), OutOfSpace>, HostFailure> {
        let full = self.full_key(&key);
        let before = self.state.get(&full);
        let before = self.checked(before)?;
        let bytes = |value: &[u8]| size(key.len()).saturating_add(size(value.len()));
        let room = self.account_for(before.as_deref().map_or(0, bytes), bytes(&value))?;
        if room.is_ok() {
            self.state.put(full, Some(value));
        }
        Ok(room)
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool, HostFailure> {
        let full = self.full_key(key);
        let before = self.state.get(&full);
        let Some(before) = self.checked(before)? else { return Ok(false) };
        let _always_room = self.account_for(size(key.len()).saturating_add(size(before.len())), 0)?;
        self.state.put(full, None);
        Ok(true)
    }

    fn step(&mut self, prefix: &[u8], after: Option<&[u8]>) -> Result<Option<Step>, HostFailure> {
        let after = after.map(|after| self.full_key(after));
        let found = self.state.step(&self.full_key(prefix), after.as_deref());
        let cut = self.frames.last().map_or(0, |frame| frame.prefix.len());
        let found = self.checked(found)?;
        Ok(found.map(|(mut key, value)| (key.split_off(cut.min(key.len())), value)))
    }

    fn public_key(&mut self, kind: KeyKind, label: &str) -> Result<Vec<u8>, HostFailure> {
        Ok(self.keys().public_key(signing(kind), label))
    }

    fn sign(&mut self, kind: KeyKind, label: &str, message: &[u8]) -> Result<Vec<u8>, HostFailure> {
        self.keys().sign(signing(kind), label, message).map_err(|error| HostFailure(error.to_string()))
    }

    fn derive(&mut self, label: &str) -> Result<Id, HostFailure> {
        Ok(*self.keys().derive(label))
    }

    fn vrf(&mut self, label: &str, input: &[u8]) -> Result<VrfOutput, HostFailure> {
        let (output, proof) = self.keys().vrf(label, input);
        Ok(VrfOutput { output: output.to_vec(), proof: proof.to_vec() })
    }

    fn hash(&self, kind: phat_engine::HashKind, data: &[u8]) -> Vec<u8> {
        let kind = match kind {
            phat_engine::HashKind::Sha256 => HashKind::Sha256,
            phat_engine::HashKind::Sha512 => HashKind::Sha512,
            phat_engine::HashKind::Keccak256 => HashKind::Keccak256,
            phat_engine::HashKind::Blake2b256 => HashKind::Blake2b256,
        };
        crypto::hash(kind, data)
    }

    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> Id {
        crypto::hmac_sha256(key, data)
    }

    fn verify(&self, kind: KeyKind, key: &[u8], message: &[u8], signature: &[u8]) -> Result<bool, CryptoError> {
        crypto::verify(signing(kind), key, message, signature).map_err(refused)
    }

    fn recover(&self, digest: &[u8], signature: &[u8]) -> Result<Vec<u8>, CryptoError> {
        crypto::recover(digest, signature).map_err(refused)
    }

    fn fetch(&mut self, requests: Vec<(Request, Option<Options>)>) -> Vec<Result<Response, HttpError>> {
        match self.call.query {
            Some(query) if query.brief => {
                self.longer = true;
                requests.iter().map(|_| Err(HttpError::NotAvailableInMode)).collect()
            }
            Some(query) => {
                self.cluster.outside.fetch(&self.config.http, requests, self.call.time_ms, query.deadline_ms)
            }
            None => requests.iter().map(|_| Err(HttpError::NotAvailableInMode)).collect(),
        }
    }

    fn enter(&mut self, contract: &Id) -> Result<Option<Code<Self>>, HostFailure> {
        // the other contract would get a share of the gas, and tell by its failure how little there was
        if self.call.query.is_some_and(|query| query.brief) {
            self.longer = true;
            return Err(HostFailure("a brief run enters no other contract".into()));
        }
        let contract = ContractId(*contract);
        let record = self.state.get(&contract_key(&contract));
        let Some(record) = self.checked(record)? else { return Ok(None) };
        let record = ContractRecord::decode(&mut record.as_slice())
            .map_err(|_| HostFailure("a contract's record does not decode".into()))?;
        let upload = self.state.get(&upload_key(&record.code()));
        let Some(upload) = self.checked(upload)? else { return Ok(None) };
        let upload = UploadRecord::decode(&mut upload.as_slice())
            .map_err(|_| HostFailure("an upload's record does not decode".into()))?;
        let snapshot = self.state.tree().snapshot().clone();
        let code =
            match self.cluster.codes.load(&upload, &*snapshot, &self.config.limits, &self.cluster.tree_keys.seal)? {
                Some(Ok(code)) => code,
                Some(Err(_)) => return Ok(None),
                None => {
                    let failure = HostFailure(format!("the code {} is not in the store", record.code()));
                    self.missing = Some(Box::new(upload));
                    return Err(failure);
                }
            };
        if self.call.query.is_none() {
            self.state.push();
        }
        self.open(contract, record, false);
        Ok(Some(code))
    }

    fn leave(&mut self, ending: Ending) -> Result<(), HostFailure> {
        let keep = ending == Ending::Keep;
        self.close(keep);
        if self.call.query.is_none() {
            self.state.pop(keep);
        }
        Ok(())
    }

    fn balance(&mut self) -> Result<u128, HostFailure> {
        let ContractRecord::V1 { balance, .. } = &self.frame()?.record;
        Ok(*balance)
    }

    /// The chain does not take contracts' transactions yet, see ADR 8: the contract is told so, in every mode.
    fn submit(&mut self, _action: Action) -> Result<Result<Id, ActionError>, HostFailure> {
        Ok(Err(ActionError::NotAvailableInMode))
    }

    fn transfer(&mut self, _to: &Id, _planck: u128) -> Result<Result<(), ActionError>, HostFailure> {
        Ok(Err(ActionError::NotAvailableInMode))
    }

    fn emit(&mut self, topic: String, data: Vec<u8>) -> Result<(), HostFailure> {
        let contract = self.frame()?.contract;
        self.events.push(Event { contract, topic, data });
        Ok(())
    }

    fn log(&mut self, level: Level, line: &str) {
        if let Some(frame) = self.frames.last() {
            self.lines.push(Line { contract: frame.contract, level, text: line.to_owned() });
        }
    }
}
