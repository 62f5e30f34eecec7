//! What the benchmarks begin with: clusters with the longest configuration, contracts, messages that wait for their
//! receipts.

use alloc::{vec, vec::Vec};

use codec::Encode;
use frame_benchmarking::v2::{BenchmarkError, account, whitelisted_caller};
use frame_support::{BoundedVec, traits::fungible::Mutate};
use frame_system::pallet_prelude::BlockNumberFor;
use phala_primitives::{
    AccountId, BootSign, Boundary, ClusterId, CodeHash, ContractId, Hash256, LogHead, Report, WorkerId,
    cluster::{
        ClusterConfig, ClusterConfigV1, GAS_PRICE_UNIT, HttpPolicy, Limits, MAX_DEPLOYERS, MAX_EXTRA_ROOTS,
        MAX_ROOT_BYTES, Permission, SealingMode,
    },
    contract::{
        CODE_CHUNK_BYTES, CodeEntry, CodeEntryV1, ContractEntry, ContractEntryV1, ContractStatus, MAX_CODE_CHUNKS,
        MAX_PENDING_UPGRADES, PendingUpgrade, UploadEntry, UploadEntryV1,
    },
    message::{Balance, MAX_PAYLOAD},
    report::{CommandKey, Outcome, ReportV1, Reported as ReportedWire, ReportedV1, Status},
};
use sp_core::{crypto::KeyTypeId, ed25519};
use sp_io::hashing::blake2_256;

use super::*;

/// What everybody has: enough for every hold, and far above the existential deposit.
pub const FUNDS: Balance = 1_000_000_000_000_000_000;
/// Gas of a message: one unit, so that it costs [`PRICE`].
pub const GAS: u64 = GAS_PRICE_UNIT;
/// Price of a unit of gas. What the workers' pot gets of it is above the existential deposit.
pub const PRICE: Balance = 1_000_000_000_000;
/// Value of a message, balance and deposit of a contract, deposit of code.
pub const VALUE: Balance = 1_000_000_000_000;

/// Where the host keeps the key that reports are signed with.
const KEYS: KeyTypeId = KeyTypeId(*b"bnch");

/// 32 bytes that lie anywhere in a trie.
pub fn id(kind: u8, n: u32) -> Hash256 {
    (kind, n).using_encoded(blake2_256)
}

/// The caller of the benchmarked call, with funds.
pub fn caller<T: Config>() -> T::AccountId {
    let who: T::AccountId = whitelisted_caller();
    T::Currency::set_balance(&who, FUNDS);
    who
}

/// Another account with funds.
pub fn user<T: Config>(n: u32) -> T::AccountId {
    let who: T::AccountId = account("user", n, 0);
    T::Currency::set_balance(&who, FUNDS);
    who
}

/// The longest configuration.
pub fn widest(quorum: u16) -> ClusterConfig {
    let deployers = (0..MAX_DEPLOYERS).map(|n| AccountId(id(b'd', n))).collect();
    let root = BoundedVec::truncate_from(vec![7; MAX_ROOT_BYTES as usize]);
    ClusterConfig::V1(ClusterConfigV1 {
        permission: Permission::List(BoundedVec::truncate_from(deployers)),
        gas_price: PRICE,
        deposit_per_byte: 1,
        quorum,
        limits: limits(),
        engine_revision: 1,
        http: HttpPolicy {
            allow_http: true,
            allow_loopback: true,
            extra_roots: BoundedVec::truncate_from(vec![root; MAX_EXTRA_ROOTS as usize]),
        },
        sealing: SealingMode::SelfSeal,
    })
}

fn limits() -> Limits {
    Limits {
        code_bytes: CODE_CHUNK_BYTES * MAX_CODE_CHUNKS,
        memory_bytes: 1 << 20,
        key_bytes: 256,
        value_bytes: 1 << 20,
        output_bytes: 1 << 20,
        payload_bytes: MAX_PAYLOAD,
        gas_per_message: GAS,
        timeout_blocks: 100,
    }
}

/// Bounds that admit [`widest`].
pub fn bounds() -> Bounds {
    Bounds {
        limits: limits(),
        gas_price: PRICE,
        deposit_per_byte: 1,
        engine_revision: 1,
        allow_local_http: true,
        allow_self_seal: true,
        backlog: 10_000,
    }
}

/// Block 1 of a chain that admits the longest configuration.
pub fn begin<T: Config>() {
    frame_system::Pallet::<T>::set_block_number(BlockNumberFor::<T>::from(1u32));
    CurrentBounds::<T>::put(bounds());
}

/// The block in which the time-out of what came in block 0 is over.
pub fn time_out<T: Config>() {
    frame_system::Pallet::<T>::set_block_number(BlockNumberFor::<T>::from(limits().timeout_blocks));
}

/// A cluster of the caller's.
pub fn cluster<T: Config>(quorum: u16) -> Result<ClusterId, BenchmarkError> {
    begin::<T>();
    let cluster = NextCluster::<T>::get();
    Pallet::<T>::found(caller::<T>(), widest(quorum))?;
    Ok(cluster)
}

/// A worker with a live boot, of an operator.
pub fn worker<T: Config>(n: u32, operator: &T::AccountId) -> WorkerId {
    let worker = WorkerId(id(b'w', n));
    T::BenchmarkHelper::register(&worker, operator, boot(n));
    worker
}

/// The boot of worker `n`. Only the first one can sign.
fn boot(n: u32) -> BootSign {
    match n {
        0 => BootSign(sp_io::crypto::ed25519_generate(KEYS, Some(b"//Boot".to_vec())).0),
        n => BootSign(id(b'b', n)),
    }
}

/// Workers of the caller's, in a cluster of the caller's.
pub fn join<T: Config>(cluster: ClusterId, count: u32) -> Result<Vec<WorkerId>, BenchmarkError> {
    let operator = caller::<T>();
    (0..count)
        .map(|n| {
            let worker = worker::<T>(n, &operator);
            Pallet::<T>::do_add_member(operator.clone(), cluster, worker)?;
            Ok(worker)
        })
        .collect()
}

/// The signature of worker 0.
pub fn sign(digest: Hash256) -> Result<[u8; 64], BenchmarkError> {
    let key = ed25519::Public::from_raw(boot(0).0);
    let signature = sp_io::crypto::ed25519_sign(KEYS, &key, &digest).ok_or("the host has no such key")?;
    Ok(signature.0)
}

/// The digest of a report.
pub fn digest<T: Config>(report: &ReportV1) -> Hash256 {
    Report::V1(report.clone()).digest(&Pallet::<T>::genesis_hash())
}

/// Gives each of these members, numbered from `first` on, a word on this place.
pub fn vote<T: Config>(cluster: ClusterId, members: &[WorkerId], first: u32, index: u64, digest: Hash256) {
    for (worker, n) in members.iter().zip(first..) {
        Votes::<T>::insert(cluster, worker, Vote { index, digest, boot: boot(n) });
    }
}

/// Gives each of these members a word that others contradicted.
pub fn contest<T: Config>(cluster: ClusterId, members: &[WorkerId]) {
    for worker in members {
        Contested::<T>::insert(cluster, worker, Vote { index: u64::MAX, digest: [9; 32], boot: BootSign([9; 32]) });
    }
}

/// As many chunks as there can be. The last one has this hash.
fn chunks(last: Hash256) -> Vec<Hash256> {
    let mut chunks: Vec<Hash256> = (0..MAX_CODE_CHUNKS - 1).map(|chunk| id(b'h', chunk)).collect();
    chunks.push(last);
    chunks
}

/// An upload of as many chunks as there can be, of which `arrived` have arrived. The last one has this hash and length.
pub fn upload<T: Config>(
    cluster: ClusterId,
    n: u32,
    owner: &T::AccountId,
    arrived: u32,
    (hash, length): (Hash256, u32),
) -> Result<CodeHash, BenchmarkError> {
    let entry = UploadEntryV1 {
        size: limits().code_bytes,
        stored_bytes: CODE_CHUNK_BYTES * (MAX_CODE_CHUNKS - 1) + length,
        chunks: BoundedVec::truncate_from(chunks(hash)),
        arrived: (1 << arrived) - 1,
        deposit: VALUE,
    };
    Pallet::<T>::hold(HoldReason::Code, owner, VALUE)?;
    let code = CodeHash(id(b'c', n));
    Uploads::<T>::insert(cluster, (code, Pallet::<T>::account(owner)), UploadEntry::V1(entry));
    Ok(code)
}

/// Code that may be used. It came in block 0.
pub fn code<T: Config>(cluster: ClusterId, n: u32, owner: &T::AccountId) -> Result<CodeHash, BenchmarkError> {
    let entry = CodeEntryV1 {
        owner: Pallet::<T>::account(owner),
        size: limits().code_bytes,
        chunks: BoundedVec::truncate_from(chunks([0; 32])),
        deposit: VALUE,
        since: 0,
        users: 0,
    };
    Pallet::<T>::hold(HoldReason::Code, owner, VALUE)?;
    let code = CodeHash(id(b'c', n));
    Codes::<T>::insert(cluster, code, CodeEntry::V1(entry));
    Ok(code)
}

/// A contract with funds, a command key and code of its own. Its entry is as long as it can be, with room for one more
/// upgrade.
pub fn contract<T: Config>(
    cluster: ClusterId,
    n: u32,
    owner: &T::AccountId,
    status: ContractStatus,
) -> Result<ContractId, BenchmarkError> {
    let code = code::<T>(cluster, n, owner)?;
    Pallet::<T>::use_code(cluster, code)?;
    Pallet::<T>::hold(HoldReason::Contract, owner, VALUE)?;
    let contract = ContractId(id(b'k', n));
    let waiting = vec![PendingUpgrade { index: u64::MAX, code }; MAX_PENDING_UPGRADES as usize - 1];
    let entry = ContractEntryV1 {
        cluster,
        owner: Pallet::<T>::account(owner),
        code,
        upgrades: BoundedVec::truncate_from(waiting),
        status,
        deposit: VALUE,
        balance: VALUE,
    };
    Contracts::<T>::insert(contract, ContractEntry::V1(entry));
    CommandKeys::<T>::insert(contract, CommandKey { epoch: 0, kem: [1; 32] });
    T::Currency::set_balance(&Pallet::<T>::pot(), FUNDS);
    Ok(contract)
}

/// A message of this user's to this contract that waits for its receipt, with gas and value on hold.
pub fn pending<T: Config>(
    payer: T::AccountId,
    contract: ContractId,
    work: Work,
) -> Result<Pending<T::AccountId>, BenchmarkError> {
    Pallet::<T>::hold(HoldReason::Gas, &payer, PRICE)?;
    Pallet::<T>::hold(HoldReason::Value, &payer, VALUE)?;
    Ok(Pending { payer, contract, gas: PRICE, gas_limit: GAS, gas_price: PRICE, value: VALUE, expires: 1, work })
}

/// Lets the log go on by these messages, and gives the report on them: each succeeded, with half of its gas. Each was
/// the last of its block.
pub fn wait<T: Config>(cluster: ClusterId, messages: Vec<Pending<T::AccountId>>) -> ReportV1 {
    let report = go_on::<T>(cluster, messages.len());
    for (index, message) in (report.first_index..).zip(messages) {
        if let Work::Upgrade(code) = message.work {
            Pallet::<T>::change_contract(message.contract, |contract| {
                let mut upgrades = contract.upgrades.to_vec();
                upgrades.push(PendingUpgrade { index, code });
                contract.upgrades = BoundedVec::truncate_from(upgrades);
            });
        }
        Pendings::<T>::insert(cluster, index, message);
    }
    report
}

/// The same with complete uploads, by code and account.
pub fn judge<T: Config>(cluster: ClusterId, uploads: Vec<(CodeHash, AccountId)>) -> ReportV1 {
    let report = go_on::<T>(cluster, uploads.len());
    for (index, upload) in (report.first_index..).zip(uploads) {
        Judging::<T>::insert(cluster, index, upload);
    }
    report
}

/// Lets the log go on by so many messages.
fn go_on<T: Config>(cluster: ClusterId, count: usize) -> ReportV1 {
    let first_index = Pallet::<T>::next_index(cluster);
    let at = |index| Boundary { block: 1, index, log_hash: id(b'l', 0) };
    let reported =
        ReportedV1 { boundary: at(first_index), state_root: [1; 32], receipts_root: [1; 32], first_index: 0 };
    Reported::<T>::insert(cluster, ReportedWire::V1(reported));
    LastReport::<T>::insert(cluster, [1; 32]);
    let outcomes = vec![Outcome { status: Status::Success, gas_used: GAS / 2 }; count];
    let end = first_index + count as u64;
    for index in first_index..end {
        Boundaries::<T>::insert(cluster, index + 1, at(index + 1));
    }
    LogHeads::<T>::insert(cluster, LogHead { next_index: end, hash: at(end).log_hash });
    ReportV1 {
        cluster,
        first_index,
        boundary: at(end),
        state_root: [2; 32],
        receipts_root: [2; 32],
        outcomes: BoundedVec::truncate_from(outcomes),
        command_keys: Default::default(),
    }
}

/// A report on one command.
pub fn wait_for_one<T: Config>(cluster: ClusterId) -> Result<ReportV1, BenchmarkError> {
    let user = user::<T>(0);
    let contract = contract::<T>(cluster, 0, &user, ContractStatus::Live)?;
    Ok(wait::<T>(cluster, vec![pending::<T>(user, contract, Work::Command)?]))
}
