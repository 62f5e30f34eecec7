//! The state transition function of the Phala chain.
//!
//! One Wasm blob serves every chain spec: what differs between them (durations, allocations, the development key, trusted
//! attestation roots) is state that a genesis [preset](presets) writes. Pallets know nothing of one another; the traits by
//! which they meet are wired here, in [`config`].

#![cfg_attr(not(feature = "std"), no_std)]
// the runtime macro expands recursively over all pallets and their calls
#![recursion_limit = "512"]

extern crate alloc;

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod config;
pub mod currency;
pub mod presets;
#[cfg(test)]
mod tests;
pub mod timing;

use alloc::{borrow::Cow, vec::Vec};

use sp_runtime::{
    MultiAddress, MultiSignature, generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
};
use sp_version::RuntimeVersion;

/// A signature of an account: sr25519, ed25519 or ecdsa.
pub type Signature = MultiSignature;
/// 32 bytes, shown as SS58 with prefix 30.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// An amount of PHA in [planck](currency::PLANCK).
pub type Balance = u128;
/// The number of an account's transactions.
pub type Nonce = u32;
/// BLAKE2b-256.
pub type Hash = sp_core::H256;
/// The height of a block.
pub type BlockNumber = u32;
/// How an extrinsic names an account.
pub type Address = MultiAddress<AccountId, ()>;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// An extrinsic before its signature is checked.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;

/// What every transaction carries and is checked for, in this order.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// Runs blocks.
pub type Executive =
    frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;

impl_opaque_keys! {
    /// The keys that a validator signs with.
    pub struct SessionKeys {
        pub grandpa: Grandpa,
        pub babe: Babe,
        pub authority_discovery: AuthorityDiscovery,
    }
}

/// The version of this runtime. `spec_version` rises with every change that a chain would notice, `transaction_version`
/// when a transaction that was encoded before would now mean something else.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("phala"),
    impl_name: Cow::Borrowed("phala"),
    authoring_version: 1,
    spec_version: 1,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// BABE's parameters at genesis: a slot in four has a primary author, the others fall to a secondary one that proves its
/// turn by VRF, so that every slot has a block.
pub const BABE_GENESIS: sp_consensus_babe::BabeEpochConfiguration = sp_consensus_babe::BabeEpochConfiguration {
    c: (1, 4),
    allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
};

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
        RuntimeTask
    )]
    pub struct Runtime;

    // base
    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timing = crate::timing;
    // BABE reads its time from its digest and checks it against the timestamp: it comes first
    #[runtime::pallet_index(2)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(3)]
    pub type Timestamp = pallet_timestamp;

    // money
    #[runtime::pallet_index(5)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(6)]
    pub type TransactionPayment = pallet_transaction_payment;

    // consensus. Authorship comes before Session and Staking, which ask it for the author
    #[runtime::pallet_index(10)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(11)]
    pub type Staking = pallet_staking;
    #[runtime::pallet_index(12)]
    pub type Offences = pallet_offences;
    #[runtime::pallet_index(13)]
    pub type Historical = pallet_session::historical;
    #[runtime::pallet_index(14)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(15)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(16)]
    pub type AuthorityDiscovery = pallet_authority_discovery;

    // what accounts build with
    #[runtime::pallet_index(20)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(21)]
    pub type Multisig = pallet_multisig;
    #[runtime::pallet_index(22)]
    pub type Proxy = pallet_proxy;
    #[runtime::pallet_index(23)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(24)]
    pub type Scheduler = pallet_scheduler;

    // workers and what they run
    #[runtime::pallet_index(40)]
    pub type Workers = pallet_workers;
    #[runtime::pallet_index(41)]
    pub type Phat = pallet_phat;

    // development specs only: without a key it does nothing
    #[runtime::pallet_index(255)]
    pub type Sudo = pallet_sudo;
}

/// Opaque types, for the node: it passes extrinsics on without knowing their form.
pub mod opaque {
    use sp_runtime::{generic, traits::BlakeTwo256};

    pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

    /// A header.
    pub type Header = generic::Header<super::BlockNumber, BlakeTwo256>;
    /// A block of opaque extrinsics.
    pub type Block = generic::Block<Header, UncheckedExtrinsic>;
}

/// The grandpa, babe and authority discovery keys of a validator, and its account.
pub type ValidatorKeys = (AccountId, SessionKeys);

/// A list that may not be empty where a chain is to start.
pub type Validators = Vec<ValidatorKeys>;
