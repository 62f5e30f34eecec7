//! The configuration of each pallet, by topic.

pub mod consensus;
pub mod money;
pub mod phat;
pub mod platform;
pub mod staking;
pub mod supply;
pub mod system;
