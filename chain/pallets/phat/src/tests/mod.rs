//! Tests by topic, on a runtime of system, balances, time and this pallet.

#![allow(clippy::arithmetic_side_effects, reason = "an overflow here is a failed test")]

mod clusters;
mod frozen;
mod funds;
mod log;
mod reports;
mod sequences;
mod state;
mod upgrades;
mod uploads;

use std::{cell::RefCell, collections::BTreeMap};

use frame_support::{
    PalletId, assert_ok, derive_impl,
    pallet_prelude::DispatchResultWithPostInfo,
    parameter_types,
    traits::{
        ConstU128, Imbalance, OnFinalize, OnInitialize, OnUnbalanced,
        fungible::{Credit, InspectHold},
    },
};
use frame_system::EnsureRoot;
use phala_primitives::{
    BootSign, ClusterId, CodeHash, ContractId, Payload, Report, WorkerId,
    cluster::{ClusterConfig, ClusterConfigV1, HttpPolicy, Limits, Permission, SealingMode},
    contract::{ContractEntry, ContractEntryV1},
    report::{Boundary, CommandKey, Outcome, ReportV1, Status},
};
use sp_core::{H256, Pair, crypto::AccountId32, ed25519};
use sp_io::hashing::blake2_256;
use sp_runtime::{BuildStorage, DispatchResult, Permill, traits::IdentityLookup};

use crate::{self as pallet_phat, *};

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(3)]
    pub type Phat = pallet_phat;
}

type Block = frame_system::mocking::MockBlockU32<Test>;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type AccountData = pallet_balances::AccountData<u128>;
}

impl pallet_timestamp::Config for Test {
    type Moment = u64;
    type OnTimestampSet = ();
    type MinimumPeriod = ();
    type WeightInfo = ();
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type ExistentialDeposit = ConstU128<1>;
    type AccountStore = System;
}

parameter_types! {
    pub const Share: Permill = Permill::from_percent(80);
    pub const Id: PalletId = PalletId(*b"phala/pt");
    pub const ClusterDeposit: u128 = 1_000;
    pub const ContractDeposit: u128 = 100;
    pub static PotGot: u128 = 0;
    pub static TreasuryGot: u128 = 0;
}

pub struct PotOfTest;
impl OnUnbalanced<Credit<AccountId32, Balances>> for PotOfTest {
    fn on_nonzero_unbalanced(amount: Credit<AccountId32, Balances>) {
        PotGot::mutate(|got| *got += amount.peek());
    }
}

pub struct TreasuryOfTest;
impl OnUnbalanced<Credit<AccountId32, Balances>> for TreasuryOfTest {
    fn on_nonzero_unbalanced(amount: Credit<AccountId32, Balances>) {
        TreasuryGot::mutate(|got| *got += amount.peek());
    }
}

thread_local! {
    /// Workers by number: operator and boot.
    static REGISTERED: RefCell<BTreeMap<WorkerId, (AccountId32, BootSign)>> = const { RefCell::new(BTreeMap::new()) };
}

pub struct RegistryOfTest;
impl WorkerRegistry<AccountId32> for RegistryOfTest {
    fn operator(worker: &WorkerId) -> Option<AccountId32> {
        REGISTERED.with_borrow(|workers| workers.get(worker).map(|(operator, _)| operator.clone()))
    }
    fn live_boot(worker: &WorkerId) -> Option<BootSign> {
        REGISTERED.with_borrow(|workers| workers.get(worker).map(|(_, boot)| *boot))
    }
}

#[cfg(feature = "runtime-benchmarks")]
impl BenchmarkHelper<AccountId32> for RegistryOfTest {
    fn register(worker: &WorkerId, operator: &AccountId32, boot: BootSign) {
        REGISTERED.with_borrow_mut(|workers| workers.insert(*worker, (operator.clone(), boot)));
    }
}

impl Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type AdminOrigin = EnsureRoot<AccountId32>;
    type Time = Timestamp;
    type Workers = RegistryOfTest;
    type WorkersPot = PotOfTest;
    type Treasury = TreasuryOfTest;
    type WorkersShare = Share;
    type PalletId = Id;
    type ClusterDeposit = ClusterDeposit;
    type ContractDeposit = ContractDeposit;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = RegistryOfTest;
    type WeightInfo = weights::SubstrateWeight<Test>;
}

pub const C0: ClusterId = ClusterId(0);
/// Owns cluster 0.
pub const OWNER: u8 = 1;
/// Sends commands.
pub const USER: u8 = 2;
pub const FUNDS: u128 = 1_000_000;

pub fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

pub fn signed(n: u8) -> RuntimeOrigin {
    RuntimeOrigin::signed(account(n))
}

pub fn held(reason: HoldReason, n: u8) -> u128 {
    Balances::balance_on_hold(&reason.into(), &account(n))
}

pub fn config() -> ClusterConfigV1 {
    ClusterConfigV1 {
        permission: Permission::Public,
        gas_price: 1_000_000,
        deposit_per_byte: 2,
        quorum: 1,
        limits: Limits {
            code_bytes: 3 << 20,
            memory_bytes: 1 << 20,
            key_bytes: 256,
            value_bytes: 1024,
            output_bytes: 1024,
            payload_bytes: 64,
            gas_per_message: 1_000,
            timeout_blocks: 10,
        },
        engine_revision: 1,
        http: HttpPolicy { allow_http: true, allow_loopback: true, extra_roots: Default::default() },
        sealing: SealingMode::SelfSeal,
    }
}

pub fn bounds() -> Bounds {
    let limits = Limits { code_bytes: 16 << 20, memory_bytes: 64 << 20, ..config().limits };
    Bounds {
        limits,
        gas_price: 2_000_000,
        deposit_per_byte: 2,
        engine_revision: 1,
        allow_local_http: true,
        allow_self_seal: true,
        backlog: 1_000,
    }
}

pub fn next_block() {
    if System::block_number() > 0 {
        Phat::on_finalize(System::block_number());
    }
    let number = System::block_number() + 1;
    System::reset_events();
    System::initialize(&number, &H256::repeat_byte(number as u8), &Default::default());
    Phat::on_initialize(number);
    Timestamp::set_timestamp(u64::from(number) * 6_000);
}

/// Externalities in block 2 of a chain with cluster 0.
pub fn ext() -> sp_io::TestExternalities {
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: (0..10).map(|n| (account(n), FUNDS)).collect(),
            ..Default::default()
        },
        phat: pallet_phat::GenesisConfig {
            bounds: bounds(),
            clusters: vec![GenesisCluster { owner: account(OWNER), config: ClusterConfig::V1(config()) }],
        },
        ..Default::default()
    };
    REGISTERED.take();
    PotGot::set(0);
    TreasuryGot::set(0);
    let mut ext = sp_io::TestExternalities::new(genesis.build_storage().unwrap());
    ext.execute_with(|| (0..2).for_each(|_| next_block()));
    ext
}

/// Runs a test and holds the invariants against what it leaves.
pub fn run(test: impl FnOnce()) {
    ext().execute_with(|| {
        test();
        Phat::do_try_state().unwrap();
    });
}

pub fn worker(n: u8) -> WorkerId {
    WorkerId([n; 32])
}

fn boot(n: u8) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[n; 32])
}

/// Registers worker `n` under operator `n`.
pub fn register(n: u8) {
    reboot(n, n);
}

/// Gives worker `n` another boot.
pub fn reboot(n: u8, seed: u8) {
    let entry = (account(n), BootSign(boot(seed).public().0));
    REGISTERED.with_borrow_mut(|workers| workers.insert(worker(n), entry));
}

/// Registers worker `n` and takes it into cluster 0.
pub fn join(n: u8) {
    register(n);
    assert_ok!(Phat::offer_worker(signed(n), worker(n), Some(C0)));
    assert_ok!(Phat::add_member(signed(OWNER), C0, worker(n)));
}

pub fn set_quorum(quorum: u16) {
    let config = ClusterConfigV1 { quorum, ..config() };
    assert_ok!(Phat::configure_cluster(signed(OWNER), C0, ClusterConfig::V1(config)));
}

/// Account `n` declares ten such bytes as the code with this hash.
pub fn declare(n: u8, code: CodeHash, byte: u8) -> DispatchResult {
    let hashes = vec![blake2_256(&[byte; 10])].try_into().unwrap();
    Phat::declare_code(signed(n), C0, code, 20, 10, hashes)
}

/// Account `n` uploads the one chunk that it has declared.
pub fn send_chunk(n: u8, code: CodeHash, byte: u8) -> DispatchResult {
    Phat::upload_chunk(signed(n), C0, code, 0, vec![byte; 10].try_into().unwrap())
}

/// Both. The upload is in the log: its index.
pub fn send_code(n: u8, code: CodeHash, byte: u8) -> u64 {
    assert_ok!(declare(n, code, byte));
    let index = Phat::next_index(C0);
    assert_ok!(send_chunk(n, code, byte));
    index
}

/// Code of one chunk, of OWNER's, that members have found right.
pub fn upload(byte: u8) -> CodeHash {
    let index = send_code(OWNER, CodeHash([byte; 32]), byte);
    let (code, owner) = Judging::<Test>::take(C0, index).unwrap();
    Phat::settle_upload(C0, code, owner, Status::Success);
    code
}

pub fn plain(len: usize) -> Payload {
    Payload::Plain(vec![0; len].try_into().unwrap())
}

/// Instantiates a contract of USER: 1,000 gas, value 50, deposit 30.
pub fn instantiate(code: CodeHash) -> ContractId {
    let index = Phat::next_index(C0);
    assert_ok!(Phat::instantiate(signed(USER), C0, code, plain(1), 1_000, 50, 30));
    ContractId::derive(&Phat::genesis_hash(), C0, &Phat::account(&account(USER)), index)
}

pub fn command(contract: ContractId, value: u128) -> DispatchResult {
    Phat::command(signed(USER), contract, plain(1), 1_000, value)
}

pub fn contract(id: ContractId) -> Option<ContractEntryV1> {
    Contracts::<Test>::get(id).map(|ContractEntry::V1(entry)| entry)
}

/// The true report on all that has no report: every message with this status and 400 gas.
pub fn report(status: Status) -> ReportV1 {
    let first_index = Phat::reported_index(C0);
    let boundary = Boundaries::<Test>::get(C0, Phat::next_index(C0)).unwrap();
    let count = boundary.index - first_index;
    let outcomes = vec![Outcome { status, gas_used: 400 }; count as usize].try_into().unwrap();
    ReportV1 {
        cluster: C0,
        first_index,
        boundary,
        state_root: [1; 32],
        receipts_root: [2; 32],
        outcomes,
        command_keys: Default::default(),
    }
}

/// What a call came to, without what it weighed.
pub fn plainly(result: DispatchResultWithPostInfo) -> DispatchResult {
    result.map(drop).map_err(|error| error.error)
}

pub fn send_report(n: u8, report: ReportV1) -> DispatchResult {
    send_report_by(n, n, report)
}

/// The word of worker `n`, signed by the boot of this seed.
pub fn send_report_by(n: u8, seed: u8, report: ReportV1) -> DispatchResult {
    let report = Report::V1(report);
    let signature = boot(seed).sign(&report.digest(&Phat::genesis_hash()));
    plainly(Phat::report(signed(9), report, worker(n), signature.0))
}

pub fn terminate_cluster(origin: RuntimeOrigin) -> DispatchResult {
    plainly(Phat::terminate_cluster(origin, C0))
}
