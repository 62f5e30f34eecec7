//! What this runtime lets be measured: the calls of its own pallets. `cargo xtask weights` builds the runtime with the feature
//! `runtime-benchmarks` for it, and `phala-weights` runs it. The pallets of the SDK bring weights of their own.

use alloc::{format, string::String, vec::Vec};

use frame_benchmarking::{BenchmarkBatch, BenchmarkConfig, BenchmarkList, add_benchmark, list_benchmark};
use frame_support::{
    BoundedVec,
    storage::unhashed,
    traits::{StorageInfo, StorageInfoTrait, WhitelistedStorageKeys},
};
use pallet_workers::{BootBinding, Evidence};
use phala_primitives::{
    AccountId as AccountBytes, Assurance, BootKem, BootSign, ClusterId, LogHead, WorkerId,
    cluster::MAX_MEMBERS,
    worker::{ClaimsSummary, MAX_ENDPOINT, Measurement, TcbStatus, WorkerEntry, WorkerEntryV1},
};

use crate::{AccountId, AllPalletsWithSystem, Phat, Runtime, Workers};

/// The benchmarks that there are.
pub fn list(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
    let mut list = Vec::new();
    list_benchmark!(list, extra, pallet_workers, Workers);
    list_benchmark!(list, extra, pallet_phat, Phat);
    (list, AllPalletsWithSystem::storage_info())
}

/// Runs the benchmark that `config` names.
pub fn run(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
    let whitelist = AllPalletsWithSystem::whitelisted_storage_keys();
    let params = (&config, &whitelist);
    let mut batches = Vec::new();
    add_benchmark!(params, batches, pallet_workers, Workers);
    add_benchmark!(params, batches, pallet_phat, Phat);
    Ok(batches)
}

/// What the benchmarks of one pallet need of others, and of the host.
pub struct Helper;

impl pallet_workers::BenchmarkHelper for Helper {
    /// The host has put it into the state.
    fn evidence(n: u32, _: &BootBinding) -> Option<(Evidence, phala_attestation::Policy)> {
        unhashed::get(format!(":phala:benchmark:evidence:{n}").as_bytes())
    }

    /// Makes it the last member of the largest cluster, with a word that others contradicted.
    fn bind(worker: &WorkerId) {
        let cluster = ClusterId(0);
        let mut members: Vec<WorkerId> = (1..MAX_MEMBERS).map(|n| WorkerId([n as u8; 32])).collect();
        members.push(*worker);
        pallet_phat::Members::<Runtime>::insert(cluster, BoundedVec::truncate_from(members));
        pallet_phat::MemberOf::<Runtime>::insert(worker, cluster);
        pallet_phat::LogHeads::<Runtime>::insert(cluster, LogHead { next_index: 100, hash: [1; 32] });
        let vote = pallet_phat::Vote { index: 100, digest: [1; 32], boot: BootSign([1; 32]) };
        pallet_phat::Votes::<Runtime>::insert(cluster, worker, vote);
        pallet_phat::Contested::<Runtime>::insert(cluster, worker, vote);
    }
}

impl pallet_phat::BenchmarkHelper<AccountId> for Helper {
    fn register(worker: &WorkerId, operator: &AccountId, boot: BootSign) {
        let claims = ClaimsSummary {
            measurement: Measurement([7; 48]),
            tcb: TcbStatus::UpToDate,
            assurance: Assurance::Software,
        };
        let entry = WorkerEntryV1 {
            operator: AccountBytes(operator.clone().into()),
            boot_sign: boot,
            boot_kem: BootKem(boot.0),
            boot_count: 1,
            claims,
            evidence: [0; 32],
            evidence_block: 0,
            registered_at: 1,
            endpoint: Some(BoundedVec::truncate_from(alloc::vec![b'a'; MAX_ENDPOINT as usize])),
        };
        pallet_workers::Registry::<Runtime>::insert(worker, WorkerEntry::V1(entry));
        pallet_workers::BootOwner::<Runtime>::insert(boot, worker);
    }
}
