//! Genesis of each chain. The balances of every preset sum to [`TOTAL_SUPPLY`], to the planck.

mod phat;

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use frame_support::{build_struct_json_patch, traits::fungible::Inspect};
use pallet_staking::StakerStatus;
use serde_json::Value;
use sp_genesis_builder::PresetId;
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{
    AccountId, BABE_GENESIS, BabeConfig, Balance, Balances, BalancesConfig, PhatConfig, RuntimeGenesisConfig,
    SessionConfig, SessionKeys, StakingConfig, SudoConfig, TimingConfig, ValidatorKeys, WorkersConfig,
    config::{consensus::MAX_AUTHORITIES, money::account, staking::MAX_VOTERS},
    currency::{PHA, TOTAL_SUPPLY, allocation},
    timing::Timing,
};

/// One validator, 1 s slots, sudo.
pub const DEV: &str = "dev";
/// Four validators, 1 s slots, sudo.
pub const LOCAL: &str = "local";
/// The public test network. Its validators are given by a patch when it is launched.
pub const TESTNET: &str = "testnet";
/// Mainnet. Its validators are given by a patch when it is launched.
pub const MAINNET: &str = "mainnet";

/// The least that a validator of a public network bonds.
const VALIDATOR_BOND: Balance = 10_000 * PHA;
/// The least that a nominator of a public network bonds. Those who vote are few, since an election has to fit into a block.
const NOMINATOR_BOND: Balance = 1_000 * PHA;
/// What a validator of a development network has bonded.
const DEVELOPMENT_BOND: Balance = 100_000 * PHA;

/// The preset of this name, as a JSON patch over the default genesis.
pub fn get(id: &PresetId) -> Option<Vec<u8>> {
    let patch = match id.as_ref() {
        DEV | sp_genesis_builder::DEV_RUNTIME_PRESET => development(&[Sr25519Keyring::Alice]),
        LOCAL | sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET => {
            development(&[Sr25519Keyring::Alice, Sr25519Keyring::Bob, Sr25519Keyring::Charlie, Sr25519Keyring::Dave])
        }
        TESTNET => public(Timing::TESTNET),
        MAINNET => public(Timing::MAINNET),
        _ => return None,
    };
    serde_json::to_vec(&patch).ok()
}

/// All presets.
pub fn names() -> Vec<PresetId> {
    [DEV, LOCAL, TESTNET, MAINNET].map(PresetId::from).to_vec()
}

/// Refuses the state at hand unless it has minted the supply, to the planck. Chain specs are edited by hand before a
/// launch, and nothing could mint what a genesis has forgotten.
pub fn check_supply() -> Result<(), String> {
    let minted = <Balances as Inspect<AccountId>>::total_issuance();
    if minted == TOTAL_SUPPLY {
        return Ok(());
    }
    Err(format!("the balances of this genesis sum to {minted} planck; the supply is {TOTAL_SUPPLY}"))
}

/// A network on one machine: everybody's keys are public.
fn development(validators: &[Sr25519Keyring]) -> Value {
    // the 22 % that are neither reserve nor treasury nor private sale are spread over the well-known accounts
    let accounts: Vec<AccountId> = Sr25519Keyring::well_known().map(|k| k.to_account_id()).collect();
    let liquid = share(allocation::PRIVATE_SALE) + share(allocation::CROWDLOAN) + share(allocation::TEAM);
    let each = liquid / accounts.len() as Balance;
    let dust = liquid - each * accounts.len() as Balance;
    let mut balances: BTreeMap<AccountId, Balance> = accounts.into_iter().map(|account| (account, each)).collect();
    balances.insert(account::incentives(), share(allocation::INCENTIVES));
    balances.insert(account::treasury(), share(allocation::TREASURY) + dust);

    let keys: Vec<ValidatorKeys> = validators.iter().map(validator_keys).collect();
    build_struct_json_patch!(RuntimeGenesisConfig {
        timing: TimingConfig { timing: Timing::DEVELOPMENT },
        balances: BalancesConfig { balances: balances.into_iter().collect::<Vec<_>>() },
        babe: BabeConfig { epoch_config: BABE_GENESIS },
        session: SessionConfig {
            keys: keys
                .iter()
                .map(|(account, keys)| (account.clone(), account.clone(), keys.clone()))
                .collect::<Vec<_>>(),
        },
        staking: StakingConfig {
            validator_count: keys.len() as u32,
            minimum_validator_count: 1,
            stakers: keys
                .iter()
                .map(|(account, _)| {
                    (account.clone(), account.clone(), DEVELOPMENT_BOND, StakerStatus::<AccountId>::Validator)
                })
                .collect::<Vec<_>>(),
        },
        sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
        workers: WorkersConfig { policy: phat::development_policy() },
        phat: PhatConfig {
            bounds: phat::bounds(true),
            clusters: phat::development_clusters(Sr25519Keyring::Alice.to_account_id()),
        },
    })
}

/// A public network: no key that anybody knows, no sudo, no validators until the launch names them.
fn public(timing: Timing) -> Value {
    let waiting = share(allocation::PRIVATE_SALE) + share(allocation::CROWDLOAN) + share(allocation::TEAM);
    build_struct_json_patch!(RuntimeGenesisConfig {
        timing: TimingConfig { timing },
        balances: BalancesConfig {
            balances: vec![
                (account::incentives(), share(allocation::INCENTIVES)),
                (account::treasury(), share(allocation::TREASURY)),
                (account::distribution(), waiting),
            ],
        },
        babe: BabeConfig { epoch_config: BABE_GENESIS },
        staking: StakingConfig {
            minimum_validator_count: 4,
            min_validator_bond: VALIDATOR_BOND,
            min_nominator_bond: NOMINATOR_BOND,
            max_validator_count: Some(MAX_AUTHORITIES),
            max_nominator_count: Some(MAX_VOTERS - MAX_AUTHORITIES),
        },
        workers: WorkersConfig { policy: phat::public_policy() },
        phat: PhatConfig {
            bounds: phat::bounds(false),
            clusters: Vec::<pallet_phat::GenesisCluster<AccountId>>::new()
        },
    })
}

/// This many percent of the supply. The supply is a multiple of 100.
fn share(percent: u128) -> Balance {
    TOTAL_SUPPLY / 100 * percent
}

/// A development validator: its account is the sr25519 key, and the session keys are of the same name.
fn validator_keys(name: &Sr25519Keyring) -> ValidatorKeys {
    let sr25519 = name.public();
    let ed25519 =
        Ed25519Keyring::iter().find(|k| k.to_seed() == name.to_seed()).map(|k| k.public()).unwrap_or_default();
    let keys = SessionKeys { grandpa: ed25519.into(), babe: sr25519.into(), authority_discovery: sr25519.into() };
    (name.to_account_id(), keys)
}
