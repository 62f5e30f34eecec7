//! A cluster's log, with all its bodies.

use alloc::vec::Vec;
use codec::Encode;
use phala_primitives::{
    AccountId, ClusterId, ContractId, Hash256,
    log::LogHead,
    message::{Command, Kind, Message, MessageV1, Origin, Payload},
};

/// A log of commands.
#[derive(Clone, Debug)]
pub struct TestLog {
    heads: Vec<LogHead>,
    bodies: Vec<Vec<u8>>,
}

impl TestLog {
    /// The empty log of a cluster.
    pub fn new(genesis: &Hash256, cluster: ClusterId) -> Self {
        Self { heads: [LogHead::genesis(genesis, cluster)].to_vec(), bodies: Vec::new() }
    }

    /// Appends a plain command with this payload.
    pub fn command(&mut self, payload: Vec<u8>) {
        let index = self.head().next_index;
        let command = Command {
            contract: ContractId([7; 32]),
            payload: Payload::Plain(payload.try_into().expect("the payload is within bounds")),
            gas_limit: 1_000_000,
            value: 0,
        };
        let block = u32::try_from(index / 10).expect("a test's log is short");
        let message = MessageV1 {
            index,
            block,
            time_ms: u64::from(block) * 6_000,
            origin: Origin::Account(AccountId([9; 32])),
            kind: Kind::Command(command),
        };
        self.append(&Message::V1(message));
    }

    /// Appends a message.
    pub fn append(&mut self, message: &Message) {
        let body = message.encode();
        self.heads.push(self.head().append(&body).expect("a test's log is short"));
        self.bodies.push(body);
    }

    /// The newest head.
    pub fn head(&self) -> LogHead {
        self.heads[self.bodies.len()]
    }

    /// The head before message `index`.
    pub fn head_at(&self, index: usize) -> LogHead {
        self.heads[index]
    }

    /// All bodies.
    pub fn bodies(&self) -> &[Vec<u8>] {
        &self.bodies
    }
}
