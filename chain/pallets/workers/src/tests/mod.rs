//! Tests by topic, on a runtime of system, balances, time and this pallet.

#![allow(clippy::arithmetic_side_effects, reason = "an overflow here is a failed test")]

mod admission;
mod frozen;
mod policy;
mod sequences;

use codec::{Decode, Encode};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU128, EitherOfDiverse},
};
use frame_system::{EnsureRoot, EnsureSignedBy};
use phala_attestation::{AttestationError as Refusal, Hardware};
use phala_primitives::{
    AccountId, Assurance, BootKem, BootSign, WorkerId,
    worker::{ClaimsSummary, Measurement, TcbStatus},
};
use sp_core::{H256, crypto::AccountId32};
use sp_runtime::{BuildStorage, DispatchResult, traits::IdentityLookup};

use crate::{self as pallet_workers, *};

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
    pub type Workers = pallet_workers;
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
    pub const Deposit: u128 = 100;
    pub Admin: AccountId32 = account(99);
    pub static Bound: bool = false;
    pub static Ended: Vec<WorkerId> = vec![];
}

pub struct BoundByTest;
impl Obligations for BoundByTest {
    fn bound(_: &WorkerId) -> bool {
        Bound::get()
    }

    fn ended(worker: &WorkerId) -> DispatchResult {
        Ended::mutate(|ended| ended.push(*worker));
        Ok(())
    }
}

impl Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type AdminOrigin = EitherOfDiverse<EnsureRoot<AccountId32>, EnsureSignedBy<AdminAccount, AccountId32>>;
    type Time = Timestamp;
    type Verifier = Statements;
    type Obligations = BoundByTest;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Statements;
    type Deposit = Deposit;
    type WeightInfo = weights::SubstrateWeight<Test>;
}

pub struct AdminAccount;
impl frame_support::traits::SortedMembers<AccountId32> for AdminAccount {
    fn sorted_members() -> Vec<AccountId32> {
        vec![Admin::get()]
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn add(_: &AccountId32) {}
}

/// Stands for the verification of evidence, which has tests of its own: evidence is a statement in plain words, of which the
/// pallet must use every part. What the statement says is believed only under a trusted root, in time, for its binding.
#[derive(Clone, Encode, Decode)]
pub struct Statement {
    pub root: Vec<u8>,
    pub binding: Vec<u8>,
    pub expires: u64,
    pub measurement: [u8; 48],
    pub tcb: TcbStatus,
    pub filler: Vec<u8>,
}

pub struct Statements;

fn bound_bytes(b: &BootBinding) -> Vec<u8> {
    (b.genesis, b.boot_sign, b.boot_kem, b.worker, b.operator, b.block, b.block_hash).encode()
}

impl Verifier for Statements {
    fn verify(
        evidence: &[u8],
        policy: &phala_attestation::Policy,
        binding: &BootBinding,
        now: u64,
    ) -> Result<ClaimsSummary, Refusal> {
        let said = Statement::decode(&mut &*evidence).map_err(|_| Refusal::MalformedQuote)?;
        let root = policy.roots.iter().find(|root| *root.certificate == said.root).ok_or(Refusal::UntrustedRoot)?;
        if said.expires < now {
            return Err(Refusal::CollateralExpired);
        }
        if said.binding != bound_bytes(binding) {
            return Err(Refusal::ReportDataMismatch);
        }
        let measurement = Measurement(said.measurement);
        if !policy.tcb.contains(&said.tcb) {
            return Err(Refusal::TcbStatusRefused);
        }
        if !policy.measurements.iter().any(|allowed| allowed.measurement == measurement) {
            return Err(Refusal::MeasurementNotAllowed);
        }
        Ok(ClaimsSummary { measurement, tcb: said.tcb, assurance: root.assurance })
    }
}

#[cfg(feature = "runtime-benchmarks")]
impl BenchmarkHelper for Statements {
    fn evidence(_: u32, binding: &BootBinding) -> Option<(Evidence, phala_attestation::Policy)> {
        Some((statement(binding).encode().try_into().unwrap(), policy().attestation))
    }

    fn bind(_: &WorkerId) {}
}

pub const ROOT: &[u8] = b"root";
pub const SALT: [u8; 32] = [1; 32];

pub fn statement(binding: &BootBinding) -> Statement {
    Statement {
        root: ROOT.to_vec(),
        binding: bound_bytes(binding),
        expires: 1_000_000,
        measurement: [7; 48],
        tcb: TcbStatus::UpToDate,
        filler: vec![],
    }
}

pub fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

pub fn worker_of(n: u8) -> WorkerId {
    WorkerId::derive(&Workers::genesis_hash(), &AccountId([n; 32]), &SALT)
}

/// A registration, to be changed by a test before it is sent.
pub struct Registration {
    pub operator: u8,
    pub worker: WorkerId,
    pub boot: Boot,
    pub block: u32,
    pub block_hash: H256,
    pub endpoint: Option<&'static str>,
    pub change: fn(&mut Statement),
}

impl Registration {
    pub fn new(operator: u8, boot: u8, block: u32) -> Self {
        Self {
            operator,
            worker: worker_of(operator),
            boot: Boot { sign: BootSign([boot; 32]), kem: BootKem([boot; 32]) },
            block,
            block_hash: System::block_hash(block),
            endpoint: None,
            change: |_| (),
        }
    }

    pub fn send(&self) -> DispatchResult {
        let binding = BootBinding {
            genesis: Workers::genesis_hash(),
            boot_sign: self.boot.sign,
            boot_kem: self.boot.kem,
            worker: self.worker,
            operator: AccountId([self.operator; 32]),
            block: self.block,
            block_hash: self.block_hash.0,
        };
        let mut said = statement(&binding);
        (self.change)(&mut said);
        Workers::register(
            RuntimeOrigin::signed(account(self.operator)),
            self.worker,
            SALT,
            self.boot,
            self.block,
            self.block_hash,
            said.encode().try_into().unwrap(),
            self.endpoint.map(|url| url.as_bytes().to_vec().try_into().unwrap()),
        )
    }
}

pub fn next_block() {
    let number = System::block_number() + 1;
    System::reset_events();
    System::initialize(&number, &H256::repeat_byte(number as u8), &Default::default());
    Timestamp::set_timestamp(u64::from(number) * 6_000);
}

pub fn measured(byte: u8) -> AllowedMeasurement {
    AllowedMeasurement {
        hardware: Hardware::Tdx,
        measurement: Measurement([byte; 48]),
        registers: None,
        name: b"phala-worker".to_vec().try_into().unwrap(),
        version: b"1".to_vec().try_into().unwrap(),
    }
}

pub fn policy() -> Policy {
    let root = TrustedRoot { certificate: ROOT.to_vec().try_into().unwrap(), assurance: Assurance::Software };
    Policy {
        attestation: phala_attestation::Policy {
            roots: vec![root].try_into().unwrap(),
            measurements: vec![measured(7)].try_into().unwrap(),
            tcb: vec![TcbStatus::UpToDate, TcbStatus::SwHardeningNeeded].try_into().unwrap(),
        },
        max_evidence_age: 20,
        reattestation_period: 30,
    }
}

pub fn genesis() -> RuntimeGenesisConfig {
    RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: (0..10).map(|n| (account(n), 1_000)).collect(),
            ..Default::default()
        },
        workers: pallet_workers::GenesisConfig { policy: policy(), ..Default::default() },
        ..Default::default()
    }
}

/// Externalities in block 1, of a chain whose genesis is known.
pub fn ext() -> sp_io::TestExternalities {
    let mut ext = sp_io::TestExternalities::new(genesis().build_storage().unwrap());
    ext.execute_with(next_block);
    ext
}

/// Runs a test and holds the invariants against what it leaves.
pub fn run(test: impl FnOnce()) {
    ext().execute_with(|| {
        (0..9).for_each(|_| next_block());
        test();
        Workers::do_try_state().unwrap();
    });
}
