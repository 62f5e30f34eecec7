//! The base: blocks, versions, time, and the development key.

use frame_support::{
    derive_impl,
    dispatch::DispatchClass,
    parameter_types,
    traits::{ConstU32, Get},
    weights::constants::{BlockExecutionWeight, ExtrinsicBaseWeight, ParityDbWeight},
};
use frame_system::limits;
use sp_runtime::{Perbill, traits::AccountIdLookup};
use sp_version::RuntimeVersion;

use crate::{
    AccountId, Babe, Balance, Block, BlockNumber, Hash, Nonce, PalletInfo, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeOrigin, RuntimeTask, VERSION, config::supply::FixedSupply, timing,
};

/// Normal extrinsics may fill three quarters of a block; the rest is for operational ones.
const NORMAL_RATIO: Perbill = Perbill::from_percent(75);
/// Hooks are expected to stay below a tenth of a block.
const HOOKS_RATIO: Perbill = Perbill::from_percent(10);

/// The weight limits of a block, from the chain's [`timing`].
pub struct BlockWeights;
impl Get<limits::BlockWeights> for BlockWeights {
    fn get() -> limits::BlockWeights {
        let block = timing::current().block_weight();
        limits::BlockWeights::builder()
            .base_block(BlockExecutionWeight::get())
            .for_class(DispatchClass::all(), |weights| weights.base_extrinsic = ExtrinsicBaseWeight::get())
            .for_class(DispatchClass::Normal, |weights| weights.max_total = Some(NORMAL_RATIO * block))
            .for_class(DispatchClass::Operational, |weights| {
                weights.max_total = Some(block);
                weights.reserved = Some(block.saturating_sub(NORMAL_RATIO * block));
            })
            .avg_block_initialization(HOOKS_RATIO)
            .build_or_panic()
    }
}

parameter_types! {
    pub const BlockHashCount: BlockNumber = 4096;
    pub const Version: RuntimeVersion = VERSION;
    pub const SS58Prefix: u16 = 30;
    pub BlockLength: limits::BlockLength = limits::BlockLength::builder()
        .max_length(5 * 1024 * 1024)
        .modify_max_length_for_class(DispatchClass::Normal, |max| *max = NORMAL_RATIO * *max)
        .build();
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Block = Block;
    type BaseCallFilter = FixedSupply;
    type BlockWeights = BlockWeights;
    type BlockLength = BlockLength;
    type AccountId = AccountId;
    type Nonce = Nonce;
    type Hash = Hash;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type BlockHashCount = BlockHashCount;
    type DbWeight = ParityDbWeight;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
    type SS58Prefix = SS58Prefix;
    type MaxConsumers = ConstU32<64>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = Babe;
    type MinimumPeriod = timing::MinimumPeriod;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl timing::Config for Runtime {}

/// The key exists in development specs only. Without one every call of this pallet fails, and no call can set one.
impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}
