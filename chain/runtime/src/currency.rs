//! PHA: its units, its fixed supply and the prices of state.

use crate::Balance;

/// The smallest unit.
pub const PLANCK: Balance = 1;
/// One PHA: 10¹² planck.
pub const PHA: Balance = 1_000_000_000_000;
/// A thousandth of a PHA.
pub const MILLI_PHA: Balance = PHA / 1_000;
/// All PHA that ever exists. Genesis mints it; nothing mints afterwards.
pub const TOTAL_SUPPLY: Balance = 1_000_000_000 * PHA;
/// An account below this balance is removed.
pub const EXISTENTIAL_DEPOSIT: Balance = 10 * MILLI_PHA;

/// The deposit for state of this size: 0.1 PHA an item and 0.0001 PHA a byte.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
    items as Balance * 100 * MILLI_PHA + bytes as Balance * MILLI_PHA / 10
}

/// The shares of genesis, in percent of [`TOTAL_SUPPLY`] (they sum to 100: checked below).
pub mod allocation {
    /// Incentives for computation and consensus: an account without a key.
    pub const INCENTIVES: u128 = 70;
    /// Private sale.
    pub const PRIVATE_SALE: u128 = 15;
    /// Crowdloan and stake drop.
    pub const CROWDLOAN: u128 = 9;
    /// Team.
    pub const TEAM: u128 = 5;
    /// Treasury.
    pub const TREASURY: u128 = 1;

    const _: () = assert!(INCENTIVES + PRIVATE_SALE + CROWDLOAN + TEAM + TREASURY == 100);
}
