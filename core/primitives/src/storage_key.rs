//! Storage keys of everything that a worker or a client reads by proof, frozen: a runtime upgrade must not move them.
//!
//! A key of ours is `twox128(pallet) ‖ twox128(item) ‖ blake2_128_concat(SCALE(map key))…`. Tests of the runtime assert that
//! the pallets' keys are these.

use alloc::vec::Vec;
use codec::Encode;
use sp_crypto_hashing::{blake2_128, twox_64, twox_128};

use crate::{AccountId, ClusterId, CodeHash, ContractId, WorkerId};

/// The name of the workers' pallet in the runtime.
pub const WORKERS: &str = "Workers";
/// The name of the clusters' pallet in the runtime.
pub const PHAT: &str = "Phat";

fn value(pallet: &str, item: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(128);
    key.extend_from_slice(&twox_128(pallet.as_bytes()));
    key.extend_from_slice(&twox_128(item.as_bytes()));
    key
}

fn entry(mut key: Vec<u8>, map_key: &impl Encode) -> Vec<u8> {
    let bytes = map_key.encode();
    key.extend_from_slice(&blake2_128(&bytes));
    key.extend_from_slice(&bytes);
    key
}

/// `Workers::Registry`: [`WorkerEntry`](crate::worker::WorkerEntry) of a worker.
pub fn worker(worker: WorkerId) -> Vec<u8> {
    entry(value(WORKERS, "Registry"), &worker)
}

/// `Phat::Clusters`: [`ClusterEntry`](crate::cluster::ClusterEntry) of a cluster.
pub fn cluster(cluster: ClusterId) -> Vec<u8> {
    entry(value(PHAT, "Clusters"), &cluster)
}

/// `Phat::LogHeads`: [`LogHead`](crate::LogHead) of a cluster.
pub fn log_head(cluster: ClusterId) -> Vec<u8> {
    entry(value(PHAT, "LogHeads"), &cluster)
}

/// `Phat::Members`: [`Members`](crate::cluster::Members) of a cluster.
pub fn members(cluster: ClusterId) -> Vec<u8> {
    entry(value(PHAT, "Members"), &cluster)
}

/// `Phat::Reported`: [`Reported`](crate::report::Reported) of a cluster.
pub fn reported(cluster: ClusterId) -> Vec<u8> {
    entry(value(PHAT, "Reported"), &cluster)
}

/// `Phat::Contracts`: [`ContractEntry`](crate::contract::ContractEntry) of a contract.
pub fn contract(contract: ContractId) -> Vec<u8> {
    entry(value(PHAT, "Contracts"), &contract)
}

/// `Phat::CommandKeys`: [`CommandKey`](crate::report::CommandKey) of a contract.
pub fn command_key(contract: ContractId) -> Vec<u8> {
    entry(value(PHAT, "CommandKeys"), &contract)
}

/// `Phat::Codes`: [`CodeEntry`](crate::contract::CodeEntry) of a cluster's code.
pub fn code(cluster: ClusterId, code: CodeHash) -> Vec<u8> {
    entry(entry(value(PHAT, "Codes"), &cluster), &code)
}

/// `Timestamp::Now`: chain time, `u64` in milliseconds since the Unix epoch.
pub fn timestamp_now() -> Vec<u8> {
    value("Timestamp", "Now")
}

/// `System::Number`: the number of the block, `u32`.
pub fn block_number() -> Vec<u8> {
    value("System", "Number")
}

/// `System::BlockHash`: the hash of a recent block. Frozen by the SDK, hence `twox_64_concat`.
pub fn block_hash(number: u32) -> Vec<u8> {
    let mut key = value("System", "BlockHash");
    let bytes = number.encode();
    key.extend_from_slice(&twox_64(&bytes));
    key.extend_from_slice(&bytes);
    key
}

/// `System::Account`: nonce and balances of an account.
pub fn account(account: &AccountId) -> Vec<u8> {
    entry(value("System", "Account"), account)
}
