//! Balances and fees. Nothing is minted: fees, slashes and dust go to other accounts, and [no extrinsic](super::supply) may set a
//! balance. An account can burn what is its own, so the supply can only fall.

use frame_support::{
    PalletId, parameter_types,
    traits::{
        ConstU8, ConstU32, Imbalance, OnUnbalanced, VariantCountOf,
        fungible::{Balanced, Credit},
        tokens::imbalance::ResolveTo,
    },
    weights::ConstantMultiplier,
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{
    FixedPointNumber, Perquintill,
    traits::{AccountIdConversion, Bounded},
};

use crate::{
    AccountId, Authorship, Balance, Balances, Runtime, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, System,
    currency::{EXISTENTIAL_DEPOSIT, PLANCK},
};

/// Accounts without a key, each derived from the id of its purpose.
pub mod account {
    use super::*;

    /// The treasury.
    pub fn treasury() -> AccountId {
        PalletId(*b"phala/tr").into_account_truncating()
    }
    /// The reserve that incentives are paid from.
    pub fn incentives() -> AccountId {
        PalletId(*b"phala/in").into_account_truncating()
    }
    /// Genesis allocations that wait for their distribution.
    pub fn distribution() -> AccountId {
        PalletId(*b"phala/di").into_account_truncating()
    }
}

parameter_types! {
    pub const ExistentialDeposit: Balance = EXISTENTIAL_DEPOSIT;
    pub TreasuryAccount: AccountId = account::treasury();
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type Balance = Balance;
    type DustRemoval = ResolveTo<TreasuryAccount, Balances>;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

parameter_types! {
    /// A unit of weight is a picosecond of reference hardware: a second of a block's time costs 10 PHA.
    pub const FeePerWeight: Balance = 10 * PLANCK;
    /// A kilobyte costs 0.01 PHA.
    pub const FeePerByte: Balance = 10_000_000 * PLANCK;
    /// Fees rise while blocks are fuller than this, and fall while they are emptier.
    pub const TargetFullness: Perquintill = Perquintill::from_percent(25);
    pub AdjustmentSpeed: Multiplier = Multiplier::saturating_from_rational(75, 1_000_000);
    pub LeastMultiplier: Multiplier = Multiplier::saturating_from_rational(1, 10);
    pub MostMultiplier: Multiplier = Bounded::max_value();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FungibleAdapter<Balances, FeeSplit>;
    type WeightToFee = ConstantMultiplier<Balance, FeePerWeight>;
    type LengthToFee = ConstantMultiplier<Balance, FeePerByte>;
    type FeeMultiplierUpdate =
        TargetedFeeAdjustment<Self, TargetFullness, AdjustmentSpeed, LeastMultiplier, MostMultiplier>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

/// 80 % of fees to the treasury and 20 % to the block's author; tips to the author.
pub struct FeeSplit;
impl OnUnbalanced<Credit<AccountId, Balances>> for FeeSplit {
    fn on_unbalanceds(mut fees_then_tips: impl Iterator<Item = Credit<AccountId, Balances>>) {
        let Some(fees) = fees_then_tips.next() else { return };
        let (treasury, mut author) = fees.ration(80, 20);
        if let Some(tips) = fees_then_tips.next() {
            author.subsume(tips);
        }
        pay(account::treasury(), treasury);
        pay(Authorship::author().unwrap_or_else(account::treasury), author);
    }
}

/// Credits an account. What it cannot take (an amount below the existential deposit for a new account) goes to the
/// treasury, which genesis endows and which therefore takes any amount.
pub(super) fn pay(to: AccountId, credit: Credit<AccountId, Balances>) {
    if let Err(rest) = Balances::resolve(&to, credit) {
        drop(Balances::resolve(&account::treasury(), rest));
    }
}
