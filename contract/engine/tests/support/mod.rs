//! A host in memory and contracts in WebAssembly text.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "shared by several test binaries, each of which uses a part"
)]

use std::{collections::BTreeMap, sync::OnceLock};

use phat_engine::{
    Action, ActionError, Assurance, Caller, Code, CodeError, CryptoError, Ending, Engine, Entry, Finished, HashKind,
    Host, HostFailure, HttpError, Id, KeyKind, Level, Limits, Options, OutOfSpace, Outcome, Pool, Request, Response,
    Revision, Stack, Trap, VrfOutput,
};

type State = BTreeMap<(Id, Vec<u8>), Vec<u8>>;

/// Keeps state in memory, with a copy for each nested call. What these tests do not ask of a host, it fails at.
#[derive(Default)]
pub struct MemoryHost {
    pub state: State,
    pub contracts: BTreeMap<Id, Code<Self>>,
    pub frames: Vec<(Id, State)>,
    pub fetches: usize,
    pub fail_reads: bool,
}

fn unused<T>() -> Result<T, HostFailure> {
    Err(HostFailure("not part of this test".into()))
}

impl Host for MemoryHost {
    fn caller(&self) -> Caller {
        Caller::Account([7; 32])
    }
    fn contract(&self) -> Id {
        self.frames.last().map_or([1; 32], |(id, _)| *id)
    }
    fn cluster(&self) -> u32 {
        0
    }
    fn block_number(&self) -> u32 {
        1
    }
    fn block_time_ms(&self) -> u64 {
        1
    }
    fn value(&self) -> u128 {
        0
    }
    fn worker(&self) -> (Id, Assurance) {
        ([0; 32], Assurance::Software)
    }
    fn now_ms(&self) -> u64 {
        1
    }
    fn random(&mut self, _: &mut [u8]) -> Result<(), HostFailure> {
        unused()
    }
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, HostFailure> {
        if self.fail_reads {
            return Err(HostFailure("disk".into()));
        }
        Ok(self.state.get(&(self.contract(), key.to_vec())).cloned())
    }
    fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<Result<(), OutOfSpace>, HostFailure> {
        self.state.insert((self.contract(), key), value);
        Ok(Ok(()))
    }
    fn delete(&mut self, key: &[u8]) -> Result<bool, HostFailure> {
        Ok(self.state.remove(&(self.contract(), key.to_vec())).is_some())
    }
    fn step(&mut self, _: &[u8], _: Option<&[u8]>) -> Result<Option<phat_engine::Step>, HostFailure> {
        unused()
    }
    fn public_key(&mut self, _: KeyKind, _: &str) -> Result<Vec<u8>, HostFailure> {
        unused()
    }
    fn sign(&mut self, _: KeyKind, _: &str, _: &[u8]) -> Result<Vec<u8>, HostFailure> {
        unused()
    }
    fn derive(&mut self, _: &str) -> Result<Id, HostFailure> {
        unused()
    }
    fn vrf(&mut self, _: &str, _: &[u8]) -> Result<VrfOutput, HostFailure> {
        unused()
    }
    fn hash(&self, _: HashKind, _: &[u8]) -> Vec<u8> {
        panic!("not part of this test")
    }
    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> Id {
        panic!("not part of this test")
    }
    fn verify(&self, _: KeyKind, _: &[u8], _: &[u8], _: &[u8]) -> Result<bool, CryptoError> {
        Err(CryptoError::PublicKey)
    }
    fn recover(&self, _: &[u8], _: &[u8]) -> Result<Vec<u8>, CryptoError> {
        Err(CryptoError::Signature)
    }
    fn fetch(&mut self, requests: Vec<(Request, Option<Options>)>) -> Vec<Result<Response, HttpError>> {
        self.fetches += requests.len();
        requests.iter().map(|_| Err(HttpError::TimedOut)).collect()
    }
    fn enter(&mut self, contract: &Id) -> Result<Option<Code<Self>>, HostFailure> {
        let code = self.contracts.get(contract).cloned();
        if code.is_some() {
            self.frames.push((*contract, self.state.clone()));
        }
        Ok(code)
    }
    fn leave(&mut self, ending: Ending) -> Result<(), HostFailure> {
        let (_, before) = self.frames.pop().ok_or_else(|| HostFailure("no nested call".into()))?;
        if ending == Ending::Drop {
            self.state = before;
        }
        Ok(())
    }
    fn balance(&mut self) -> Result<u128, HostFailure> {
        unused()
    }
    fn submit(&mut self, _: Action) -> Result<Result<Id, ActionError>, HostFailure> {
        unused()
    }
    fn transfer(&mut self, _: &Id, _: u128) -> Result<Result<(), ActionError>, HostFailure> {
        unused()
    }
    fn emit(&mut self, _: String, _: Vec<u8>) -> Result<(), HostFailure> {
        unused()
    }
    fn log(&mut self, _: Level, _: &str) {}
}

pub fn engine() -> &'static Engine<MemoryHost> {
    static ENGINE: OnceLock<Engine<MemoryHost>> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(Revision::V1, Pool::default()).unwrap())
}

/// The test contract with this `run`.
pub fn component(body: &str) -> Vec<u8> {
    component_with(body, 1)
}

pub fn component_with(body: &str, pages: u32) -> Vec<u8> {
    let text =
        include_str!("contract.wat").replace("PAGES", &pages.to_string()).replace("BODY\n", &format!("{body}\n"));
    wat::parse_str(text).unwrap()
}

/// A `run` with this body.
pub fn run(body: &str) -> String {
    format!(r#"(func $run (export "run") (param $in i32) (param $len i32) (result i32) {body})"#)
}

pub fn compile(component: &[u8]) -> Result<Code<MemoryHost>, CodeError> {
    engine().compile(component, &Limits::default())
}

pub fn code(body: &str) -> Code<MemoryHost> {
    compile(&component(body)).unwrap()
}

pub fn call(code: &Code<MemoryHost>, entry: Entry<'_>, gas: u64) -> Finished {
    call_with(code, entry, gas, Limits::default(), MemoryHost::default()).1.unwrap()
}

pub fn call_with(
    code: &Code<MemoryHost>,
    entry: Entry<'_>,
    gas: u64,
    limits: Limits,
    host: MemoryHost,
) -> (Option<MemoryHost>, Result<Finished, HostFailure>) {
    Stack::run(|stack| engine().call(stack, code, entry, gas, limits, host)).unwrap()
}

pub fn command(code: &Code<MemoryHost>, gas: u64) -> Finished {
    call(code, Entry::Command { input: b"" }, gas)
}

pub fn trap(finished: &Finished) -> Trap {
    match &finished.outcome {
        Outcome::Trap(trap) => *trap,
        other => panic!("no trap: {other:?}"),
    }
}

pub fn output(finished: &Finished) -> &[u8] {
    match &finished.outcome {
        Outcome::Ok(output) => output,
        other => panic!("no output: {other:?}"),
    }
}
