//! What the pallet keeps for itself.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use phala_primitives::{
    BootSign, CodeHash, ContractId, Hash256, cluster::ClusterConfig, contract::CODE_CHUNK_BYTES, message::Balance,
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// A chunk of code as it is uploaded.
pub type Chunk = BoundedVec<u8, ConstU32<CODE_CHUNK_BYTES>>;

/// A message that waits for its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Pending<AccountId> {
    /// Whose funds are on hold.
    pub payer: AccountId,
    /// The contract that it concerns.
    pub contract: ContractId,
    /// On hold for gas, in planck; 0 once it was given back.
    pub gas: Balance,
    /// Gas that was paid for.
    pub gas_limit: u64,
    /// Planck for [`GAS_PRICE_UNIT`](phala_primitives::cluster::GAS_PRICE_UNIT) gas when it was sent.
    pub gas_price: Balance,
    /// On hold for the contract, in planck.
    pub value: Balance,
    /// The block from which on the gas can be given back.
    pub expires: u32,
    /// What its receipt will do.
    pub work: Work,
}

/// What a receipt does beside settling gas and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Work {
    /// Nothing.
    Command,
    /// Makes the contract live, or failed.
    Instantiate,
    /// Makes the contract run this code.
    Upgrade(CodeHash),
    /// Closes the contract.
    Terminate,
    /// Pays so much of what the contract owns to its owner, in planck.
    Withdraw(Balance),
}

/// A member's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Vote {
    /// Where its report ends.
    pub index: u64,
    /// The report's digest.
    pub digest: Hash256,
    /// The boot that signed it. It counts while this boot is the live one.
    pub boot: BootSign,
}

/// A cluster to begin with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisCluster<AccountId> {
    /// Its owner, who pays the deposit.
    pub owner: AccountId,
    /// Its configuration.
    pub config: ClusterConfig,
}
