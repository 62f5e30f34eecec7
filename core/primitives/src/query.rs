//! Queries: sessions, requests and answers as they travel between a client and a worker. `protocol.md` §5 and §6.
//!
//! ```text
//! POST /v1/session   SessionRequest                     opens a session: HPKE to the worker's boot key
//! POST /v1/query     QueryRequest  ──▶ QueryAnswer      sealed both ways under keys of the session
//! ```
//!
//! What is inside the seals is [`Query`] and [`SignedAnswer`]. Sealing and opening are in `phala-crypto`.

use alloc::{string::String, vec::Vec};
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, Encode};
use core::fmt;

use crate::{
    AccountId, Assurance, ClusterId, CodeHash, ContractId, Hash256, Receipt, WorkerId, domain::Domain,
    message::PayloadBytes, wire::Wire,
};

/// The longest request on the wire, in bytes.
pub const MAX_REQUEST: usize = 512 * 1024;
/// The longest answer on the wire, in bytes.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Names a session between one client and one boot of a worker. Exported from the session's keys, so both sides know it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SessionId(pub [u8; 16]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// Opens a session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SessionRequest {
    /// The first version.
    #[codec(index = 1)]
    V1(SessionRequestV1),
}

impl Wire for SessionRequest {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = 2048;
}

/// See [`SessionRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SessionRequestV1 {
    /// The cluster whose contracts will be asked.
    pub cluster: ClusterId,
    /// HPKE's encapsulated key.
    pub enc: [u8; 32],
    /// `Option<SignedCertificate>`, sealed: the host does not learn who asks.
    pub certificate: BoundedVec<u8, ConstU32<1024>>,
}

/// By this an account lends its authority to a session key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Certificate {
    /// The first version.
    #[codec(index = 1)]
    V1(CertificateV1),
}

/// See [`Certificate`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub struct CertificateV1 {
    /// Where it holds.
    pub cluster: ClusterId,
    /// The one contract that it is for; all contracts of the cluster if none.
    pub contract: Option<ContractId>,
    /// The ed25519 key that signs requests.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex32"))]
    pub session_key: [u8; 32],
    /// The last block at whose state it holds.
    pub expires: u32,
}

impl Certificate {
    /// The 32 bytes that the account signs. Wallets sign `<Bytes>0x…</Bytes>` around their hexadecimal form.
    pub fn digest(&self, genesis: &Hash256) -> Hash256 {
        Domain::Session.digest(genesis, self)
    }

    /// The certificate, in the newest version's shape.
    pub fn latest(&self) -> &CertificateV1 {
        match self {
            Self::V1(certificate) => certificate,
        }
    }
}

/// A certificate with the account's signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedCertificate {
    /// What is signed.
    pub certificate: Certificate,
    /// Who signs. For ecdsa the account is BLAKE2b-256 of the compressed public key.
    pub account: AccountId,
    /// By it.
    pub signature: AccountSignature,
}

/// How an account has signed a digest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AccountSignature {
    /// Whether the wallet has signed `<Bytes>0x…</Bytes>` around the digest in hexadecimal, and not the digest itself.
    pub wrapped: bool,
    /// The signature.
    pub bytes: SignatureBytes,
}

/// A signature and its algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SignatureBytes {
    /// Schnorrkel with the context `substrate`; the account is the public key.
    #[codec(index = 0)]
    Sr25519([u8; 64]),
    /// RFC 8032; the account is the public key.
    #[codec(index = 1)]
    Ed25519([u8; 64]),
    /// secp256k1 over BLAKE2b-256 of the message, as Substrate has it: r, s, recovery id.
    #[codec(index = 2)]
    Ecdsa([u8; 65]),
}

/// A sealed request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum QueryRequest {
    /// The first version.
    #[codec(index = 1)]
    V1(QueryRequestV1),
}

impl Wire for QueryRequest {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_REQUEST;
}

/// See [`QueryRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct QueryRequestV1 {
    /// The session.
    pub session: SessionId,
    /// Accepted once; the nonce of the ciphertext. From 0, in any order within a window.
    pub sequence: u64,
    /// A sealed [`Query`].
    pub ciphertext: Vec<u8>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Query {
    /// The first version.
    #[codec(index = 1)]
    V1(QueryV1),
}

impl Wire for Query {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_REQUEST;
}

/// See [`Query`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct QueryV1 {
    /// What is wanted.
    pub ask: Ask,
    /// Of the session key over [`Ask::digest`], where the session has a certificate; then it is required.
    pub signature: Option<[u8; 64]>,
}

/// What can be asked of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Ask {
    /// An answer of a contract.
    #[codec(index = 0)]
    Contract {
        /// Whose.
        contract: ContractId,
        /// What it is given.
        input: PayloadBytes,
    },
    /// The receipt of a message, with its output: for the account that sent it, or for everybody if its payload was plain.
    /// The answer's output is a SCALE [`ReceiptView`].
    #[codec(index = 1)]
    Receipt {
        /// Its index in the log.
        index: u64,
    },
    /// Lines that a contract has written, for its owner. The answer's output is a SCALE `Vec<`[`LogLine`]`>`.
    #[codec(index = 2)]
    Logs {
        /// Whose.
        contract: ContractId,
        /// The first line wanted, by [`LogLine::number`].
        from: u64,
        /// How many at most.
        limit: u32,
    },
}

impl Ask {
    /// The 32 bytes that a session key signs, and that an answer names as its request.
    pub fn digest(&self, genesis: &Hash256, session: &SessionId, sequence: u64) -> Hash256 {
        Domain::Query.digest(genesis, &(session, sequence, self))
    }

    /// The contract that is asked about.
    pub fn contract(&self) -> Option<ContractId> {
        match self {
            Self::Contract { contract, .. } | Self::Logs { contract, .. } => Some(*contract),
            Self::Receipt { .. } => None,
        }
    }
}

/// A sealed answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum QueryAnswer {
    /// The first version.
    #[codec(index = 1)]
    V1(QueryAnswerV1),
}

impl Wire for QueryAnswer {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_ANSWER;
}

/// See [`QueryAnswer`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct QueryAnswerV1 {
    /// Fresh for each answer: its key is derived with it, so that a repeated request never repeats key and nonce.
    pub nonce: [u8; 32],
    /// A sealed [`SignedAnswer`].
    pub ciphertext: Vec<u8>,
}

/// An answer and the boot key's signature over [`Answer::digest`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedAnswer {
    /// What is signed.
    pub answer: Answer,
    /// ed25519, by the boot that [`AnswerV1::boot_count`] names.
    pub signature: [u8; 64],
}

/// What a worker says, and from where in the log and the chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// The first version.
    #[codec(index = 1)]
    V1(AnswerV1),
}

/// See [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AnswerV1 {
    /// [`Ask::digest`] of the request.
    pub request: Hash256,
    /// The cluster.
    pub cluster: ClusterId,
    /// Who answers.
    pub worker: WorkerId,
    /// Which boot of it.
    pub boot_count: u64,
    /// What stands behind it.
    pub assurance: Assurance,
    /// The finalised block whose state names the log head that was executed.
    pub block: u32,
    /// Its hash.
    pub block_hash: Hash256,
    /// Messages that were executed: the `next_index` of that log head.
    pub log_index: u64,
    /// Root of the cluster's state after them.
    pub state_root: Hash256,
    /// The code that answered; none for what the worker answers by itself.
    pub code: Option<CodeHash>,
    /// The result.
    pub outcome: AnswerOutcome,
}

impl Answer {
    /// The 32 bytes that the boot signs.
    pub fn digest(&self, genesis: &Hash256) -> Hash256 {
        Domain::Answer.digest(genesis, self)
    }

    /// The answer, in the newest version's shape.
    pub fn latest(&self) -> &AnswerV1 {
        match self {
            Self::V1(answer) => answer,
        }
    }
}

/// What a query came to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AnswerOutcome {
    /// Its output.
    #[codec(index = 0)]
    Output(Vec<u8>),
    /// The contract's own error.
    #[codec(index = 1)]
    Refused {
        /// As the contract chose it.
        code: u32,
        /// For people.
        message: String,
        /// For programs.
        data: Vec<u8>,
    },
    /// The contract was stopped: out of gas, memory, stack or time, or it trapped.
    #[codec(index = 2)]
    Stopped(String),
    /// There is no such contract, receipt or log for the one who asks.
    #[codec(index = 3)]
    NotFound(String),
}

/// The receipt of a message as its sender may see it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptView {
    /// What the report commits to.
    pub receipt: Receipt,
    /// What the contract returned, or its error.
    pub outcome: AnswerOutcome,
    /// Opens [`Receipt::output`]: see `phala_crypto`.
    pub output_blinding: [u8; 32],
}

/// A line of a contract's log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LogLine {
    /// Counted by the worker, from 0 in each run of it.
    pub number: u64,
    /// Milliseconds since the Unix epoch, by the worker's clock.
    pub time_ms: u64,
    /// The block at which it was written.
    pub block: u32,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// What was written.
    pub text: String,
}

/// The longest text of an [`AnswerOutcome`] that is no output, in bytes.
pub const MAX_TEXT: usize = 4 * 1024;
