//! The messages of a cluster's log: all that a worker executes, and nothing else.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
    AccountId, CodeHash, ContractId, Hash256, WorkerId, cluster::ClusterConfig, contract::MAX_CODE_CHUNKS, wire::Wire,
};

/// The longest payload of any cluster, in bytes: a cluster's own limit lies at or below.
pub const MAX_PAYLOAD: u32 = 256 * 1024;

/// Amounts of PHA in planck (10⁻¹² PHA).
pub type Balance = u128;

/// Bytes for a contract: what a user hands over, plain or before sealing.
pub type PayloadBytes = BoundedVec<u8, ConstU32<MAX_PAYLOAD>>;

/// A message of the log, versioned by its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Message {
    /// The first version.
    #[codec(index = 1)]
    V1(MessageV1),
}

impl Wire for Message {
    const VERSIONS: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_PAYLOAD as usize + 64 * 1024;
}

/// A message with its place in log and chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct MessageV1 {
    /// Position in the log, from 0.
    pub index: u64,
    /// Number of the block that appended it.
    pub block: u32,
    /// Chain time of that block in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Who asked for it.
    pub origin: Origin,
    /// What is to be done.
    pub kind: Kind,
}

/// Who stands behind a message. The chain has checked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Origin {
    /// An account, by its signature.
    #[codec(index = 0)]
    Account(AccountId),
    /// A contract, by an action that it signed.
    #[codec(index = 1)]
    Contract(ContractId),
    /// The chain itself, by its rules.
    #[codec(index = 2)]
    Chain,
}

/// What a message does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Kind {
    /// Message 0 of every log.
    #[codec(index = 0)]
    ClusterCreated(ClusterConfig),
    /// From here on the cluster works under this configuration.
    #[codec(index = 1)]
    Configuration(ClusterConfig),
    /// A worker has become a member.
    #[codec(index = 2)]
    MemberJoined(WorkerId),
    /// A worker is no member any more.
    #[codec(index = 3)]
    MemberLeft(WorkerId),
    /// An upload is complete in the off-chain index. It succeeds if it is what its hash says; then contracts can be
    /// made of it.
    #[codec(index = 4)]
    Upload(Upload),
    /// A new contract.
    #[codec(index = 5)]
    Instantiate(Instantiate),
    /// A call of a contract.
    #[codec(index = 6)]
    Command(Command),
    /// New code for a contract.
    #[codec(index = 7)]
    Upgrade(Upgrade),
    /// A new epoch of keys.
    #[codec(index = 8)]
    Rotate(Rotate),
    /// The end of a contract: its state may be erased, what it holds returns to its owner.
    #[codec(index = 9)]
    TerminateContract(ContractId),
    /// The end of the cluster. Always the last message.
    #[codec(index = 10)]
    TerminateCluster,
    /// Something of what a contract owns goes to its owner.
    #[codec(index = 11)]
    Withdraw(Withdraw),
}

/// See [`Kind::Withdraw`]. Fails if the contract owns less.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Withdraw {
    /// The contract.
    pub contract: ContractId,
    /// In planck.
    pub amount: Balance,
}

/// See [`Kind::Upload`]. What was uploaded need not be what the code's hash says: whether it is, every member finds out
/// by itself, and from these chunks all come to the same.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Upload {
    /// Hash of the uncompressed component.
    pub code: CodeHash,
    /// Length of the uncompressed component in bytes.
    pub size: u32,
    /// Hash of each chunk of the compressed component.
    pub chunks: BoundedVec<Hash256, ConstU32<MAX_CODE_CHUNKS>>,
}

/// See [`Kind::Instantiate`]. The contract's owner is the message's origin.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Instantiate {
    /// The id that the chain derived for it.
    pub contract: ContractId,
    /// The code to run.
    pub code: CodeHash,
    /// Who may upgrade and terminate it.
    pub owner: AccountId,
    /// Arguments of `init`.
    pub payload: Payload,
    /// Gas that is paid for.
    pub gas_limit: u64,
    /// Deposit for storage, in planck.
    pub deposit: Balance,
    /// What the contract's balance starts with, in planck.
    pub value: Balance,
}

/// See [`Kind::Command`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Command {
    /// Whom it is for.
    pub contract: ContractId,
    /// Method and arguments.
    pub payload: Payload,
    /// Gas that is paid for.
    pub gas_limit: u64,
    /// Given to the contract if the command succeeds, in planck.
    pub value: Balance,
}

/// See [`Kind::Upgrade`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Upgrade {
    /// Which contract.
    pub contract: ContractId,
    /// The new code.
    pub code: CodeHash,
    /// Arguments of `migrate`.
    pub payload: Payload,
    /// Gas that is paid for.
    pub gas_limit: u64,
}

/// See [`Kind::Rotate`]. From this message on the chain refuses commands sealed to an older epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Rotate {
    /// The epoch that begins.
    pub epoch: u32,
    /// The last block by which a report must have passed this message; later the cluster shows as late.
    pub deadline: u32,
}

/// Bytes for a contract, readable for all or for the contract alone.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Payload {
    /// Readable by everybody.
    #[codec(index = 0)]
    Plain(PayloadBytes),
    /// Sealed to the contract's command key of an epoch: HPKE base mode, `protocol.md` §5.
    #[codec(index = 1)]
    Sealed(Sealed),
}

/// See [`Payload::Sealed`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Sealed {
    /// The epoch of the key that it is sealed to.
    pub epoch: u32,
    /// HPKE's encapsulated key.
    pub enc: [u8; 32],
    /// Ciphertext with its tag.
    pub ciphertext: PayloadBytes,
}

impl Payload {
    /// Length in bytes, of the plain text or of the ciphertext with its tag.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Sealed(sealed) => sealed.ciphertext.len(),
        }
    }

    /// Whether there is no byte in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Kind {
    /// The gas that is paid for, where a message is executed by a contract.
    pub fn gas_limit(&self) -> Option<u64> {
        match self {
            Self::Instantiate(m) => Some(m.gas_limit),
            Self::Command(m) => Some(m.gas_limit),
            Self::Upgrade(m) => Some(m.gas_limit),
            _ => None,
        }
    }

    /// The contract that the message concerns.
    pub fn contract(&self) -> Option<ContractId> {
        match self {
            Self::Instantiate(m) => Some(m.contract),
            Self::Command(m) => Some(m.contract),
            Self::Upgrade(m) => Some(m.contract),
            Self::TerminateContract(contract) => Some(*contract),
            Self::Withdraw(m) => Some(m.contract),
            _ => None,
        }
    }
}
