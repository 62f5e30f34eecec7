//! What a new chain accepts of workers and clusters.

use alloc::vec::Vec;

use pallet_phat::{Bounds, GenesisCluster};
use pallet_workers::{Policy, TrustedRoot};
use phala_primitives::{
    Assurance,
    cluster::{ClusterConfig, ClusterConfigV1, HttpPolicy, Limits, Permission, SealingMode},
    worker::TcbStatus,
};

use crate::{
    AccountId,
    currency::{MILLI_PHA, PHA},
};

/// The root of the software TEE under its public development seed. A test of `phala-soft-tee` holds it to the seed.
const DEVELOPMENT_ROOT: &[u8] = include_bytes!("../development_root.der");

const MIB: u32 = 1 << 20;

/// Development: evidence of the software TEE, for programs that whoever starts the network lists.
pub fn development_policy() -> Policy {
    let certificate = DEVELOPMENT_ROOT.to_vec().try_into().unwrap_or_default();
    policy(TrustedRoot { certificate, assurance: Assurance::Software }, &[TcbStatus::UpToDate], 300)
}

/// Public networks: hardware alone. No program is listed: governance lists them.
pub fn public_policy() -> Policy {
    policy(
        TrustedRoot::intel(),
        &[TcbStatus::UpToDate, TcbStatus::SwHardeningNeeded, TcbStatus::ConfigurationNeeded],
        100,
    )
}

fn policy(root: TrustedRoot, tcb: &[TcbStatus], max_evidence_age: u32) -> Policy {
    Policy {
        attestation: phala_attestation::Policy {
            roots: alloc::vec![root].try_into().unwrap_or_default(),
            measurements: Default::default(),
            tcb: tcb.to_vec().try_into().unwrap_or_default(),
        },
        max_evidence_age,
        reattestation_period: 0,
    }
}

/// The highest limits of a contract.
const MOST: Limits = Limits {
    code_bytes: 16 * MIB,
    memory_bytes: 256 * MIB,
    key_bytes: 256,
    value_bytes: MIB,
    output_bytes: MIB,
    payload_bytes: 256 * 1024,
    gas_per_message: 20_000_000_000,
    timeout_blocks: 14_400,
};

/// What clusters may configure. Only development may open loopback to contracts, or let a lone worker seal keys to itself.
pub fn bounds(development: bool) -> Bounds {
    Bounds {
        limits: MOST,
        // a mistake of a decimal place or two should not be what users find out by paying
        gas_price: PHA,
        deposit_per_byte: PHA / 100,
        engine_revision: 1,
        allow_local_http: development,
        allow_self_seal: development,
        backlog: 10_000,
    }
}

/// Cluster 0 of a development network: everybody may deploy, and one worker is enough.
pub fn development_clusters(owner: AccountId) -> Vec<GenesisCluster<AccountId>> {
    let config = ClusterConfigV1 {
        permission: Permission::Public,
        gas_price: MILLI_PHA / 1_000,
        deposit_per_byte: MILLI_PHA / 10_000,
        quorum: 1,
        limits: Limits { memory_bytes: 64 * MIB, timeout_blocks: 300, gas_per_message: 10_000_000_000, ..MOST },
        engine_revision: 1,
        http: HttpPolicy { allow_http: true, allow_loopback: true, extra_roots: Default::default() },
        sealing: SealingMode::SelfSeal,
    };
    alloc::vec![GenesisCluster { owner, config: ClusterConfig::V1(config) }]
}
