//! Nominated proof of stake. Nothing here mints: an era pays no reward of its own.

use frame_election_provider_support::{
    SequentialPhragmen,
    bounds::{ElectionBounds, ElectionBoundsBuilder},
    onchain,
};
use frame_support::{
    parameter_types,
    traits::{ConstU32, Nothing, tokens::imbalance::ResolveTo},
};
use frame_system::EnsureRoot;
use sp_runtime::Perbill;

use crate::{
    AccountId, Balance, Balances, Runtime, RuntimeEvent, RuntimeHoldReason, Session, Staking, Timestamp,
    config::{consensus::MAX_AUTHORITIES, money::TreasuryAccount},
    timing,
};

/// Voters of an election: all validators, which vote for themselves, and nominators.
pub const MAX_VOTERS: u32 = 1_000;

parameter_types! {
    /// The election runs inside a block, so its input is bounded to what a block can carry.
    pub ElectionLimits: ElectionBounds =
        ElectionBoundsBuilder::default().voters_count(MAX_VOTERS.into()).targets_count(MAX_AUTHORITIES.into()).build();
}

/// Sequential Phragmén on chain.
pub struct OnChainElection;
impl onchain::Config for OnChainElection {
    type Sort = frame_support::traits::ConstBool<true>;
    type System = Runtime;
    type Solver = SequentialPhragmen<AccountId, Perbill>;
    type MaxBackersPerWinner = ConstU32<MAX_VOTERS>;
    type MaxWinnersPerPage = ConstU32<MAX_AUTHORITIES>;
    type DataProvider = Staking;
    type WeightInfo = frame_election_provider_support::weights::SubstrateWeight<Runtime>;
    type Bounds = ElectionLimits;
}

/// How large the sets are that the pallet's benchmarks elect from.
pub struct BenchmarkSizes;
impl pallet_staking::BenchmarkingConfig for BenchmarkSizes {
    type MaxValidators = ConstU32<MAX_AUTHORITIES>;
    type MaxNominators = ConstU32<MAX_VOTERS>;
}

impl pallet_staking::Config for Runtime {
    type OldCurrency = Balances;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type CurrencyBalance = Balance;
    type UnixTime = Timestamp;
    type CurrencyToVote = sp_staking::currency_to_vote::U128CurrencyToVote;
    type ElectionProvider = onchain::OnChainExecution<OnChainElection>;
    type GenesisElectionProvider = onchain::OnChainExecution<OnChainElection>;
    type NominationsQuota = pallet_staking::FixedNominationsQuota<16>;
    /// At least as long as stake is bonded: what a slash needs to know of an era is not forgotten before.
    type HistoryDepth = ConstU32<128>;
    type RewardRemainder = ();
    type RuntimeEvent = RuntimeEvent;
    type Slash = ResolveTo<TreasuryAccount, Balances>;
    type Reward = ();
    type SessionsPerEra = timing::SessionsPerEra;
    type BondingDuration = timing::BondingDuration;
    type SlashDeferDuration = timing::SlashDeferDuration;
    type AdminOrigin = EnsureRoot<AccountId>;
    type SessionInterface = Self;
    /// No payout: the supply is fixed. Rewards out of the incentive reserve are a pallet of their own.
    type EraPayout = ();
    type NextNewSession = Session;
    type MaxExposurePageSize = ConstU32<256>;
    type MaxValidatorSet = ConstU32<MAX_AUTHORITIES>;
    type VoterList = pallet_staking::UseNominatorsAndValidatorsMap<Self>;
    type TargetList = pallet_staking::UseValidatorsMap<Self>;
    type MaxUnlockingChunks = ConstU32<32>;
    type MaxControllersInDeprecationBatch = ConstU32<0>;
    type EventListeners = ();
    type Filter = Nothing;
    type BenchmarkingConfig = BenchmarkSizes;
    type WeightInfo = pallet_staking::weights::SubstrateWeight<Runtime>;
}
