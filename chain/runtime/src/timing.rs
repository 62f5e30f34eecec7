//! How fast this chain runs: every duration and the weight of a block, in storage, set once by the genesis preset.
//!
//! One runtime wasm serves the development chain with its 1 s slots and mainnet with its 6 s slots. Compiled-in constants
//! would need a build per chain, and what was tested would not be what runs. The durations that consensus depends on
//! (slot, epoch) never change after genesis: there is no call to set them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    traits::Get,
    weights::{Weight, constants::WEIGHT_REF_TIME_PER_MILLIS},
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

pub use pallet::*;

use crate::BlockNumber;

/// The durations of one chain.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timing {
    /// Length of a slot, and so of a block, in milliseconds.
    pub slot_ms: u64,
    /// Slots of an epoch. A session is an epoch.
    pub epoch_slots: u32,
    /// Sessions of an era.
    pub sessions_per_era: u32,
    /// Eras for which unbonding stake stays slashable.
    pub bonding_eras: u32,
    /// Eras for which a slash waits and can be cancelled. Less than `bonding_eras`; one less gives those who decide all the time
    /// that there is.
    pub slash_defer_eras: u32,
    /// Execution time that one block may take, in milliseconds of reference hardware. At most a third of the slot, so that
    /// building, spreading and importing a full block fit into it.
    pub block_ref_time_ms: u64,
}

impl Timing {
    /// Mainnet: 6 s slots, sessions of an hour, eras of six hours, 28 days of bonding.
    pub const MAINNET: Self = Self {
        slot_ms: 6_000,
        epoch_slots: 600,
        sessions_per_era: 6,
        bonding_eras: 112,
        slash_defer_eras: 111,
        block_ref_time_ms: 2_000,
    };
    /// The public test network: mainnet's blocks, with eras of an hour.
    pub const TESTNET: Self = Self { epoch_slots: 100, bonding_eras: 24, slash_defer_eras: 23, ..Self::MAINNET };
    /// Development networks: 1 s slots, sessions of 20 s, eras of a minute.
    pub const DEVELOPMENT: Self = Self {
        slot_ms: 1_000,
        epoch_slots: 20,
        sessions_per_era: 3,
        bonding_eras: 6,
        slash_defer_eras: 5,
        block_ref_time_ms: 333,
    };

    /// What must hold for a chain to run on these durations.
    pub fn check(&self) -> Result<(), &'static str> {
        if !(500..=60_000).contains(&self.slot_ms) {
            return Err("timing: a slot is between 0.5 s and 60 s");
        }
        if self.epoch_slots < 4 || self.sessions_per_era == 0 {
            return Err("timing: an epoch has at least 4 slots, an era at least one session");
        }
        if self.bonding_eras == 0 || self.slash_defer_eras >= self.bonding_eras {
            return Err("timing: a deferred slash must come before the stake is free");
        }
        if self.block_ref_time_ms == 0 || self.block_ref_time_ms > self.slot_ms / 3 {
            return Err("timing: a block may take up to a third of its slot");
        }
        Ok(())
    }

    /// Slots that pass in this many milliseconds, at least one.
    pub const fn blocks_in_ms(&self, ms: u64) -> BlockNumber {
        let blocks = ms / if self.slot_ms == 0 { 1 } else { self.slot_ms };
        if blocks == 0 {
            1
        } else if blocks > u32::MAX as u64 {
            u32::MAX
        } else {
            blocks as u32
        }
    }

    /// The most weight that one block holds. Proof size is unbounded: this chain has its own validators.
    pub const fn block_weight(&self) -> Weight {
        Weight::from_parts(WEIGHT_REF_TIME_PER_MILLIS.saturating_mul(self.block_ref_time_ms), u64::MAX)
    }
}

impl Default for Timing {
    /// Mainnet's: also what the runtime sees where there is no state, as when the metadata's hash is computed.
    fn default() -> Self {
        Self::MAINNET
    }
}

/// The storage of [`Timing`].
#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;

    use super::Timing;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    /// The durations of this chain. Written by genesis only.
    #[pallet::storage]
    pub type Current<T: Config> = StorageValue<_, Timing, ValueQuery>;

    /// The durations of a new chain.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// The durations of this chain.
        pub timing: Timing,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if let Err(reason) = self.timing.check() {
                panic!("{reason}");
            }
            Current::<T>::put(self.timing);
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<frame_system::pallet_prelude::BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: frame_system::pallet_prelude::BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Current::<T>::get().check().map_err(sp_runtime::TryRuntimeError::Other)
        }
    }
}

/// The durations of the chain whose state is at hand.
pub fn current() -> Timing {
    Current::<crate::Runtime>::get()
}

macro_rules! getters {
    ($( $(#[$doc:meta])* $name:ident: $value:ty = |$timing:ident| $body:expr; )*) => { $(
        $(#[$doc])*
        pub struct $name;
        impl Get<$value> for $name {
            fn get() -> $value {
                let $timing = current();
                $body
            }
        }
    )* };
}

getters! {
    /// Milliseconds of a slot.
    SlotDuration: u64 = |t| t.slot_ms;
    /// The least time between two blocks' timestamps, as `pallet-timestamp` wants it: half a slot.
    MinimumPeriod: u64 = |t| t.slot_ms / 2;
    /// Slots of an epoch.
    EpochDuration: u64 = |t| t.epoch_slots.into();
    /// Sessions of an era.
    SessionsPerEra: u32 = |t| t.sessions_per_era;
    /// Eras of bonding.
    BondingDuration: u32 = |t| t.bonding_eras;
    /// Eras that a slash waits.
    SlashDeferDuration: u32 = |t| t.slash_defer_eras;
    /// Blocks for which an equivocation can be reported: as long as the stake is bonded.
    ReportLongevity: u64 = |t| u64::from(t.bonding_eras) * u64::from(t.sessions_per_era) * u64::from(t.epoch_slots);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_holds() {
        for timing in [Timing::MAINNET, Timing::TESTNET, Timing::DEVELOPMENT] {
            assert_eq!(timing.check(), Ok(()), "{timing:?}");
            assert_eq!(timing.slash_defer_eras + 1, timing.bonding_eras, "{timing:?}");
        }
    }

    #[test]
    fn mainnet_values_are_pinned() {
        let t = Timing::MAINNET;
        assert_eq!((t.slot_ms, t.epoch_slots, t.sessions_per_era), (6_000, 600, 6));
        assert_eq!(
            u64::from(t.bonding_eras) * u64::from(t.sessions_per_era) * u64::from(t.epoch_slots) * t.slot_ms,
            28 * 86_400_000
        );
        assert_eq!(t.slash_defer_eras, 111);
        assert_eq!(t.block_weight().ref_time(), 2_000_000_000_000);
    }

    #[test]
    fn impossible_durations_are_refused() {
        let good = Timing::DEVELOPMENT;
        for bad in [
            Timing { slot_ms: 0, ..good },
            Timing { slot_ms: u64::MAX, ..good },
            Timing { epoch_slots: 0, ..good },
            Timing { sessions_per_era: 0, ..good },
            Timing { bonding_eras: 0, ..good },
            Timing { slash_defer_eras: good.bonding_eras, ..good },
            Timing { block_ref_time_ms: 0, ..good },
            Timing { block_ref_time_ms: good.slot_ms, ..good },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn blocks_in_ms_is_total() {
        assert_eq!(Timing::MAINNET.blocks_in_ms(60_000), 10);
        assert_eq!(Timing::MAINNET.blocks_in_ms(0), 1);
        assert_eq!(Timing { slot_ms: 0, ..Timing::MAINNET }.blocks_in_ms(u64::MAX), u32::MAX);
    }
}
