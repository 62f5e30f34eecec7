//! What the worker asks of its daemon, is given, and wants done. Every answer of the outside is checked by whoever takes it.

use std::sync::Arc;

use phala_primitives::{
    BootKem, BootSign, ClusterId, CodeHash, Hash256, LogHead, Report, WorkerId,
    cluster::{HttpPolicy, KeyCommitment},
    handover::HandoverRequest,
    worker::Endpoint,
};

use crate::{queries::Members, view::View};

/// What the worker wants to know next. One thing at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// How finality has gone on since it handed over to this authority set: [`Input::Finality`].
    Finality {
        /// Number of the set in office.
        from_set: u64,
        /// Hand-overs that one answer may have.
        limit: u32,
    },
    /// These keys of the state of a block: [`Input::Read`].
    Read {
        /// The block.
        at: Hash256,
        /// The keys.
        keys: Vec<Vec<u8>>,
    },
    /// The last bodies of a log before a head: [`Input::Messages`].
    Messages {
        /// Whose.
        cluster: ClusterId,
        /// The head.
        head: LogHead,
        /// None before this index.
        from: u64,
        /// How many, at most.
        limit: u32,
    },
    /// Chunks of code by their hashes: [`Input::Code`].
    Code {
        /// Whose.
        cluster: ClusterId,
        /// Which.
        code: CodeHash,
        /// All chunks, in order.
        chunks: Vec<Hash256>,
    },
    /// Evidence from the platform: [`Input::Evidence`].
    Evidence {
        /// What it binds.
        report_data: [u8; 64],
    },
    /// The keys of the cluster from one of these peers: [`Input::Handover`].
    Handover {
        /// Where they say that they are. The first one that gives an answer is enough.
        peers: Vec<Endpoint>,
        /// Which addresses the cluster lets its workers reach.
        policy: HttpPolicy,
        /// What to ask them.
        request: HandoverRequest,
    },
    /// Nothing before this time of the host's clock in milliseconds, unless there is news: [`Input::Wake`].
    Nothing {
        /// When.
        until_ms: u64,
    },
}

/// What the daemon has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// There may be news, or time has passed.
    Wake,
    /// What was wanted could not be had. The worker looks for news before it asks again: it may want something else by then.
    Missed,
    /// A SCALE [`FinalityProof`](phala_light_client::FinalityProof).
    Finality(Vec<u8>),
    /// Trie nodes.
    Read(Vec<Vec<u8>>),
    /// A page of a log.
    Messages(Page),
    /// Chunks, in order.
    Code(Vec<Vec<u8>>),
    /// Evidence.
    Evidence(Vec<u8>),
    /// A SCALE [`HandoverAnswer`](phala_primitives::handover::HandoverAnswer), or none if no peer gave one.
    Handover(Option<Vec<u8>>),
}

/// Bodies that follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The log's hash before the first one, as the node says.
    pub before: Hash256,
    /// The bodies, in order.
    pub bodies: Vec<Vec<u8>>,
}

/// What is to be done.
#[derive(Clone)]
pub enum Effect {
    /// Submit a transaction, signed by the operator's account.
    Submit(Box<Submission>),
    /// Answer queries from here on.
    Publish(Arc<View>),
    /// Hand the cluster's keys to these members, and to nobody else.
    Admit(Members),
    /// Answer no queries until the next view: what was published is not to be trusted any more, or not this worker's to tell.
    Retract,
    /// Answer no queries until the next view: there is a log head that has not been reached.
    Withhold {
        /// The index that the chain has.
        next_index: u64,
    },
    /// Lines that contracts have written, for their owners.
    Lines(Vec<(u32, crate::host::Line)>),
    /// Something that the operator should see.
    Note(String),
}

/// A transaction that the operator's account is to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submission {
    /// `Workers::register`.
    Register {
        /// The worker.
        worker: WorkerId,
        /// What its id is derived with.
        salt: [u8; 32],
        /// Its boot's signing key.
        boot_sign: BootSign,
        /// Its boot's key for envelopes.
        boot_kem: BootKem,
        /// The block that the evidence names.
        block: u32,
        /// Its hash.
        block_hash: Hash256,
        /// As the platform gave it.
        evidence: Vec<u8>,
        /// Where the worker is reached.
        endpoint: Option<Endpoint>,
    },
    /// `Phat::offer_worker`.
    Offer {
        /// The worker.
        worker: WorkerId,
        /// The cluster that it wants to join.
        cluster: ClusterId,
    },
    /// `Phat::commit_keys`.
    CommitKeys {
        /// The cluster.
        cluster: ClusterId,
        /// The worker.
        worker: WorkerId,
        /// What it has drawn.
        keys: KeyCommitment,
        /// By its boot.
        signature: [u8; 64],
    },
    /// `Phat::report`.
    Report {
        /// What it says.
        report: Report,
        /// The worker.
        worker: WorkerId,
        /// By its boot.
        signature: [u8; 64],
    },
}

impl Submission {
    /// What it is called in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Offer { .. } => "offer_worker",
            Self::CommitKeys { .. } => "commit_keys",
            Self::Report { .. } => "report",
        }
    }
}
