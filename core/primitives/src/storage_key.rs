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

/// `Phat::Uploads`: [`UploadEntry`](crate::contract::UploadEntry) of what an account uploads to a cluster as some code.
pub fn upload(cluster: ClusterId, code: CodeHash, uploader: AccountId) -> Vec<u8> {
    entry(entry(value(PHAT, "Uploads"), &cluster), &(code, uploader))
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

/// `Grandpa::Authorities`: the authorities of the set in office, `Vec<(ed25519 key, weight)>`. Frozen by the SDK.
pub fn grandpa_authorities() -> Vec<u8> {
    value("Grandpa", "Authorities")
}

/// `System::Account`: nonce and balances of an account.
pub fn account(account: &AccountId) -> Vec<u8> {
    entry(value("System", "Account"), account)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys as they were frozen. A change here is a change of protocol.
    #[test]
    fn keys_are_frozen() {
        let keys = [
            (
                worker(WorkerId([1; 32])),
                "1bf55d6b9732eb86723ccad1af88b9858a493ef65ff3987a1fbc9979200ad1afc035f853fcd0f0589e30c9e2dc1a0f570101010101010101010101010101010101010101010101010101010101010101",
            ),
            (
                cluster(ClusterId(0)),
                "7fa8e544c0137d2dad514552b6228d27554857e1c3a69e607837e04b13b95f6011d2df4e979aa105cf552e9544ebd2b500000000",
            ),
            (
                log_head(ClusterId(0)),
                "7fa8e544c0137d2dad514552b6228d272b7245da59737269b3f1cb760b474b5c11d2df4e979aa105cf552e9544ebd2b500000000",
            ),
            (
                members(ClusterId(0)),
                "7fa8e544c0137d2dad514552b6228d27ba7fb8745735dc3be2a2c61a72c39e7811d2df4e979aa105cf552e9544ebd2b500000000",
            ),
            (
                reported(ClusterId(0)),
                "7fa8e544c0137d2dad514552b6228d2719f8936f9da0b793696d47bf22a50b9111d2df4e979aa105cf552e9544ebd2b500000000",
            ),
            (
                contract(ContractId([2; 32])),
                "7fa8e544c0137d2dad514552b6228d274342193e496fab7ec59d615ed0dc5530fdf644cee9f9ba3d82d46809b692ab070202020202020202020202020202020202020202020202020202020202020202",
            ),
            (
                command_key(ContractId([2; 32])),
                "7fa8e544c0137d2dad514552b6228d27a410cd4f4e4b4a35e1d640ebb64cf464fdf644cee9f9ba3d82d46809b692ab070202020202020202020202020202020202020202020202020202020202020202",
            ),
            (
                code(ClusterId(0), CodeHash([3; 32])),
                "7fa8e544c0137d2dad514552b6228d2729f09a1b1e65650877530fe7894f378911d2df4e979aa105cf552e9544ebd2b500000000291a070f51c27c29753ff90a32ba233e0303030303030303030303030303030303030303030303030303030303030303",
            ),
            (
                upload(ClusterId(0), CodeHash([3; 32]), AccountId([4; 32])),
                "7fa8e544c0137d2dad514552b6228d27ce4b4eaf35c9bc5e9a93eae9e60869db11d2df4e979aa105cf552e9544ebd2b500000000cbcfa5f8be16762daf9ae00008941af203030303030303030303030303030303030303030303030303030303030303030404040404040404040404040404040404040404040404040404040404040404",
            ),
            (timestamp_now(), "f0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb"),
            (block_number(), "26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac"),
            (block_hash(0), "26aa394eea5630e07c48ae0c9558cef7a44704b568d21667356a5a050c118746b4def25cfda6ef3a00000000"),
            (grandpa_authorities(), "5f9cc45b7a00c5899361e1c6099678dc5e0621c4869aa60c02be9adcc98a0d1d"),
            (
                account(&AccountId([4; 32])),
                "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da99d52dd016e68a2ea796c6f299dbba4920404040404040404040404040404040404040404040404040404040404040404",
            ),
        ];
        for (key, frozen) in keys {
            assert_eq!(hex::encode(key), frozen);
        }
    }
}
