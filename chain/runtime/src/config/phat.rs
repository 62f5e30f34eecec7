//! Workers, clusters and contracts: who knows workers, who gets the fees. Evidence has one verifier, and nothing turns it off.

use core::marker::PhantomData;

use frame_support::{
    PalletId,
    pallet_prelude::DispatchResult,
    parameter_types,
    traits::{Get, OnUnbalanced, fungible::Credit},
};
use frame_system::EnsureRoot;
use phala_primitives::{BootSign, WorkerId};
use sp_runtime::{Permill, traits::AccountIdConversion};

use crate::{
    AccountId, Balance, Balances, Phat, Runtime, RuntimeHoldReason, Timestamp, Workers,
    config::money::{TreasuryAccount, pay},
    currency::{PHA, deposit},
};

parameter_types! {
    /// A registration keeps about 600 bytes of state in three items.
    pub const WorkerDeposit: Balance = deposit(3, 600);
    pub const ClusterDeposit: Balance = 100 * PHA;
    pub const ContractDeposit: Balance = deposit(3, 512);
    pub const PhatPot: PalletId = PalletId(*b"phala/ct");
    pub WorkersPotAccount: AccountId = PalletId(*b"phala/wp").into_account_truncating();
    /// The rest goes to the treasury.
    pub const WorkersShare: Permill = Permill::from_percent(80);
}

impl pallet_workers::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type AdminOrigin = EnsureRoot<AccountId>;
    type Time = Timestamp;
    type Verifier = pallet_workers::Attestation;
    type Obligations = Memberships;
    type Deposit = WorkerDeposit;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::Helper;
    type WeightInfo = pallet_workers::weights::SubstrateWeight<Runtime>;
}

impl pallet_phat::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type AdminOrigin = EnsureRoot<AccountId>;
    type Time = Timestamp;
    type Workers = Registry;
    type WorkersPot = PayTo<WorkersPotAccount>;
    type Treasury = PayTo<TreasuryAccount>;
    type WorkersShare = WorkersShare;
    type PalletId = PhatPot;
    type ClusterDeposit = ClusterDeposit;
    type ContractDeposit = ContractDeposit;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::Helper;
    type WeightInfo = pallet_phat::weights::SubstrateWeight<Runtime>;
}

/// What clusters ask about workers.
pub struct Registry;
impl pallet_phat::WorkerRegistry<AccountId> for Registry {
    fn operator(worker: &WorkerId) -> Option<AccountId> {
        Workers::operator(worker)
    }

    fn live_boot(worker: &WorkerId) -> Option<BootSign> {
        Workers::live_boot(worker)
    }
}

/// A worker that is a member of a cluster may not go; one that has lost its lease is a member no longer.
pub struct Memberships;
impl pallet_workers::Obligations for Memberships {
    fn bound(worker: &WorkerId) -> bool {
        Phat::is_member(worker)
    }

    fn ended(worker: &WorkerId) -> DispatchResult {
        Phat::evict(worker)
    }
}

/// Credits an account with whatever comes.
pub struct PayTo<Account>(PhantomData<Account>);
impl<Account: Get<AccountId>> OnUnbalanced<Credit<AccountId, Balances>> for PayTo<Account> {
    fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
        pay(Account::get(), credit);
    }
}
