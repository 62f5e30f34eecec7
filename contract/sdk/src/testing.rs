//! A host for unit tests: everything in memory, nothing by chance. Each test thread has its own.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::{cell::RefCell, marker::PhantomData};

use crate::{
    Account, Bytes32, Caller, Level, Result,
    dispatch::{Contract, split},
};

/// How the contract is being run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Init,
    Command,
    Query,
    Migrate,
}

pub(crate) struct World {
    pub mode: Mode,
    pub storage: BTreeMap<Vec<u8>, Vec<u8>>,
    pub writes: u64,
    pub code: Bytes32,
    pub caller: Caller,
    pub block: u32,
    pub time_ms: u64,
    pub value: u128,
    pub events: Vec<(String, String)>,
    pub lines: Vec<(Level, String)>,
    pub web: BTreeMap<String, (u16, Vec<u8>)>,
}

impl World {
    const fn new() -> Self {
        Self {
            mode: Mode::Command,
            storage: BTreeMap::new(),
            writes: 0,
            code: [0xcd; 32],
            caller: Caller::Anonymous,
            block: 1,
            time_ms: 1_700_000_000_000,
            value: 0,
            events: Vec::new(),
            lines: Vec::new(),
            web: BTreeMap::new(),
        }
    }
}

std::thread_local! {
    static WORLD: RefCell<World> = const { RefCell::new(World::new()) };
}

pub(crate) fn with<R>(work: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| work(&mut world.borrow_mut()))
}

/// The account that a text means. Panics if it means none.
pub fn account(text: &str) -> Account {
    Account::parse(text).unwrap_or_else(|| panic!("'{text}' is no account"))
}

/// Runs a contract in memory.
pub struct Host<C> {
    contract: PhantomData<C>,
}

impl<C: Contract> Default for Host<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Contract> Host<C> {
    /// An empty world. Replaces the one that this thread had.
    pub fn new() -> Self {
        with(|world| *world = World::new());
        Self { contract: PhantomData }
    }

    /// Who calls from here on.
    pub fn caller(&mut self, account: Account) {
        with(|world| world.caller = Caller::Account(account));
    }

    /// Calls from here on are signed by nobody.
    pub fn anonymous(&mut self) {
        with(|world| world.caller = Caller::Anonymous);
    }

    /// Chain time from here on, in milliseconds since the Unix epoch.
    pub fn time_ms(&mut self, time_ms: u64) {
        with(|world| world.time_ms = time_ms);
    }

    /// What a URL answers from here on.
    pub fn respond(&mut self, url: &str, status: u16, body: &str) {
        with(|world| world.web.insert(url.to_string(), (status, body.as_bytes().to_vec())));
    }

    /// Events so far: topic and JSON.
    pub fn events(&self) -> Vec<(String, String)> {
        with(|world| world.events.clone())
    }

    /// Lines so far.
    pub fn lines(&self) -> Vec<(Level, String)> {
        with(|world| world.lines.clone())
    }

    /// What is stored: keys and values, as a worker has them.
    pub fn storage(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        with(|world| world.storage.clone())
    }

    /// How many times something was written or removed so far. Writes are what costs most.
    pub fn writes(&self) -> u64 {
        with(|world| world.writes)
    }

    /// The hash of the code from here on. A migration is told which code it replaces.
    pub fn code_hash(&mut self, hash: Bytes32) {
        with(|world| world.code = hash);
    }

    fn run(&mut self, mode: Mode, call: impl FnOnce() -> Result<Vec<u8>>) -> Result<String> {
        let before = with(|world| {
            world.mode = mode;
            (world.storage.clone(), world.events.len(), world.writes)
        });
        let result = call();
        if result.is_err() {
            // a refusal leaves nothing behind
            with(|world| {
                world.storage = before.0;
                world.events.truncate(before.1);
                world.writes = before.2;
            });
        }
        result.map(|output| String::from_utf8_lossy(&output).into_owned())
    }

    /// Runs the constructor with a JSON object.
    pub fn init(&mut self, args: &str) -> Result<String> {
        self.run(Mode::Init, || C::init(args.as_bytes()))
    }

    /// Runs a command with a JSON object; gives JSON.
    pub fn command(&mut self, method: &str, args: &str) -> Result<String> {
        let input = alloc::format!(r#"{{"method":"{method}","args":{args}}}"#);
        self.run(Mode::Command, || split(input.as_bytes()).and_then(|(method, args)| C::command(&method, args)))
    }

    /// Asks a query with a JSON object; gives JSON.
    pub fn query(&mut self, method: &str, args: &str) -> Result<String> {
        let input = alloc::format!(r#"{{"method":"{method}","args":{args}}}"#);
        self.run(Mode::Query, || split(input.as_bytes()).and_then(|(method, args)| C::query(&method, args)))
    }

    /// Gives the contract new code, as its owner does: runs the code's `#[migrate]` with a JSON object. From then on
    /// the contract is the one that is returned. A refusal leaves it as it was.
    pub fn upgrade<N: Contract>(&mut self, args: &str) -> Result<Host<N>> {
        let from = with(|world| world.code);
        self.run(Mode::Migrate, || N::migrate(from, args.as_bytes()))?;
        Ok(Host { contract: PhantomData })
    }
}
