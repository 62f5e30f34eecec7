//! Upgrades of contracts: new code takes over what the old code has stored.

use std::collections::BTreeMap;

use phat::{code, testing::Host};
use serde_json::{Value, json};

/// A ledger, as it was deployed.
mod first {
    #[phat::contract]
    pub mod ledger {
        use phat::prelude::*;

        #[derive(State)]
        struct Ledger {
            owner: Account,
            total: u64,
            note: String,
            balances: Map<Account, u64>,
        }

        #[init]
        fn new(_cx: &Init, owner: Account) -> Ledger {
            Ledger { owner, total: 0, note: "first".into(), balances: Map::default() }
        }

        #[command]
        fn pay(&mut self, _cx: &mut Command, to: Account, amount: u64) -> Result<u64> {
            let balance = self.balances.get(&to)?.unwrap_or(0) + amount;
            self.balances.insert(&to, &balance)?;
            self.total += amount;
            Ok(self.total)
        }
    }
}

/// With a limit and without the note.
mod second {
    #[phat::contract]
    pub mod ledger {
        use phat::prelude::*;

        #[derive(State)]
        struct Ledger {
            owner: Account,
            total: u64,
            limit: u64,
            replaced: Vec<u8>,
            balances: Map<Account, u64>,
        }

        #[derive(State)]
        struct First {
            owner: Account,
            total: u64,
            note: String,
            balances: Map<Account, u64>,
        }

        #[init]
        fn new(_cx: &Init, owner: Account, limit: u64) -> Ledger {
            Ledger { owner, total: 0, limit, replaced: Vec::new(), balances: Map::default() }
        }

        #[migrate]
        fn migrate(old: First, cx: &mut Migrate, limit: u64) -> Result<Self> {
            ensure!(limit >= old.total, "the total is {} already", old.total);
            ensure!(old.note == "first", "'{}' is no note of the first version", old.note);
            let replaced = cx.old_code_hash().to_vec();
            Ok(Self { owner: old.owner, total: old.total, limit, replaced, balances: old.balances })
        }

        #[command]
        fn pay(&mut self, _cx: &mut Command, to: Account, amount: u64) -> Result<u64> {
            ensure!(self.total + amount <= self.limit, "no more than {}", self.limit);
            let balance = self.balances.get(&to)?.unwrap_or(0) + amount;
            self.balances.insert(&to, &balance)?;
            self.total += amount;
            Ok(self.total)
        }

        #[query]
        fn balance(&self, _cx: &Query, of: Account) -> Result<Option<u64>> {
            self.balances.get(&of)
        }

        #[query]
        fn replaced(&self, _cx: &Query) -> Vec<u8> {
            self.replaced.clone()
        }
    }
}

/// The fields of the second version, with other code. The argument has the name of something that every method has.
mod third {
    #[phat::contract]
    pub mod ledger {
        use phat::prelude::*;

        #[derive(State)]
        struct Ledger {
            owner: Account,
            total: u64,
            limit: u64,
            replaced: Vec<u8>,
            balances: Map<Account, u64>,
        }

        #[init]
        fn new(_cx: &Init, owner: Account) -> Ledger {
            Ledger { owner, total: 0, limit: 0, replaced: Vec::new(), balances: Map::default() }
        }

        #[migrate]
        fn migrate(&mut self, _cx: &mut Migrate, state: u64) -> Result<u64> {
            self.limit += state;
            Ok(self.limit)
        }

        #[query]
        fn limit(&self, _cx: &Query) -> u64 {
            self.limit
        }
    }
}

/// Balances are of another type, in a map of another name as well.
mod rewriting {
    #[phat::contract]
    pub mod ledger {
        use phat::prelude::*;

        #[data]
        struct Balance {
            amount: u64,
            locked: bool,
        }

        #[derive(State)]
        struct Ledger {
            balances: Map<Account, Balance>,
            amounts: Map<Account, u64>,
        }

        #[derive(State)]
        struct First {
            owner: Account,
            total: u64,
            note: String,
            balances: Map<Account, u64>,
        }

        #[init]
        fn new(_cx: &Init) -> Ledger {
            Ledger { balances: Map::default(), amounts: Map::default() }
        }

        #[migrate]
        fn migrate(old: First, _cx: &mut Migrate) -> Result<Ledger> {
            let (mut balances, mut amounts) = (Map::named("balances"), Map::named("amounts"));
            let mut after = None;
            loop {
                let page = old.balances.page(after.as_ref(), 1)?;
                for (of, amount) in &page {
                    balances.insert(of, &Balance { amount: *amount, locked: false })?;
                    amounts.insert(of, amount)?;
                }
                after = match page.last() {
                    Some((last, _)) => Some(*last),
                    None => break,
                };
            }
            Ok(Ledger { balances, amounts })
        }

        #[query]
        fn balances(&self, _cx: &Query) -> Result<Vec<(Account, Balance)>> {
            self.balances.page(None, 10)
        }

        #[query]
        fn amounts(&self, _cx: &Query) -> Result<Vec<(Account, u64)>> {
            self.amounts.page(None, 10)
        }
    }
}

/// A map is given another name, and so would lose its entries.
mod renaming {
    #[phat::contract]
    pub mod ledger {
        use phat::prelude::*;

        #[derive(State)]
        struct Ledger {
            accounts: Map<Account, u64>,
        }

        #[derive(State)]
        struct First {
            balances: Map<Account, u64>,
        }

        #[init]
        fn new(_cx: &Init, filled: bool) -> Result<Ledger> {
            let mut accounts = if filled { Map::named("accounts") } else { Map::default() };
            accounts.insert(&Account::default(), &1)?;
            Ok(Ledger { accounts })
        }

        #[migrate]
        fn migrate(old: First, _cx: &mut Migrate) -> Ledger {
            Ledger { accounts: old.balances }
        }

        #[query]
        fn count(&self, _cx: &Query) -> Result<u64> {
            Ok(self.accounts.page(None, 10)?.len() as u64)
        }
    }
}

/// The first version, with two balances.
fn deployed() -> Host<first::ledger::Contract> {
    let mut host = Host::new();
    host.init(r#"{"owner":"//Alice"}"#).unwrap();
    host.command("pay", r#"{"to":"//Bob","amount":3}"#).unwrap();
    assert_eq!(host.command("pay", r#"{"to":"//Charlie","amount":4}"#).unwrap(), "7");
    host
}

fn starting_with(prefix: &str, storage: BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    storage.into_iter().filter(|(key, _)| key.starts_with(prefix.as_bytes())).collect()
}

#[test]
fn a_field_is_new_another_is_gone_and_a_map_stays_as_it_is() {
    let mut host = deployed();
    let (balances, writes) = (starting_with("m/balances/", host.storage()), host.writes());
    assert_eq!(balances.len(), 2);
    host.code_hash([7; 32]);
    let mut host = host.upgrade::<second::ledger::Contract>(r#"{"limit":10}"#).unwrap();

    assert_eq!(host.writes() - writes, 3, "limit and replaced are stored, note is removed");
    assert_eq!(starting_with("m/", host.storage()), balances);
    let fields: Vec<_> = starting_with("f/", host.storage()).into_keys().collect();
    assert_eq!(fields, [&b"f/limit"[..], b"f/owner", b"f/replaced", b"f/total"]);

    assert_eq!(host.query("replaced", "{}").unwrap(), json!(vec![7; 32]).to_string());
    assert_eq!(host.query("balance", r#"{"of":"//Bob"}"#).unwrap(), "3");
    assert_eq!(host.command("pay", r#"{"to":"//Bob","amount":3}"#).unwrap(), "10");
    assert_eq!(host.query("balance", r#"{"of":"//Bob"}"#).unwrap(), "6");
    assert!(host.command("pay", r#"{"to":"//Bob","amount":1}"#).is_err());
}

#[test]
fn a_migration_that_refuses_leaves_the_old_code_at_work() {
    let mut host = deployed();
    let before = host.storage();
    let error = host.upgrade::<second::ledger::Contract>(r#"{"limit":6}"#).err().unwrap();
    assert_eq!((error.code, error.message.as_str()), (code::REFUSED, "the total is 7 already"));
    let error = host.upgrade::<second::ledger::Contract>("{}").err().unwrap();
    assert_eq!(error.code, code::ARGUMENTS);
    assert_eq!(host.storage(), before);
    assert_eq!(host.command("pay", r#"{"to":"//Bob","amount":1}"#).unwrap(), "8");
}

#[test]
fn the_same_fields_need_no_old_layout() {
    let mut host = deployed().upgrade::<second::ledger::Contract>(r#"{"limit":10}"#).unwrap();
    let mut host = host.upgrade::<third::ledger::Contract>(r#"{"state":5}"#).unwrap();
    assert_eq!(host.query("limit", "{}").unwrap(), "15");
}

#[test]
fn what_does_not_fit_is_named_and_what_would_is_said() {
    let mut host = deployed();
    let before = host.storage();
    let error = host.upgrade::<third::ledger::Contract>(r#"{"state":5}"#).err().unwrap();
    assert_eq!(error.code, code::STATE);
    assert!(error.message.contains("does not fit `Ledger`: the field 'limit' was never stored"), "{error}");
    assert!(error.message.contains("takes the old ones by value"), "{error}");
    let error = host.upgrade::<renaming::ledger::Contract>("{}").err().unwrap();
    assert_eq!(error.code, code::STATE);
    assert!(error.message.contains("the map of the field 'balances' cannot become 'accounts'"), "{error}");
    assert_eq!(host.storage(), before);

    let mut host = host.upgrade::<second::ledger::Contract>(r#"{"limit":10}"#).unwrap();
    let error = host.upgrade::<second::ledger::Contract>(r#"{"limit":10}"#).err().unwrap();
    assert_eq!(error.code, code::STATE);
    assert!(error.message.contains("does not fit `First`: the field 'note' was never stored"), "{error}");
    let error = host.upgrade::<first::ledger::Contract>("{}").err().unwrap();
    assert_eq!((error.code, error.message.as_str()), (code::METHOD, "this contract has no #[migrate]"));

    let error = Host::<first::ledger::Contract>::new().command("pay", r#"{"to":"//Bob","amount":1}"#).unwrap_err();
    assert_eq!(error.code, code::STATE);
    assert!(
        error.message.contains("the field 'owner' was never stored") && error.message.contains("#[migrate]"),
        "{error}"
    );
}

#[test]
fn entries_of_another_type_or_name_are_written_anew() {
    let mut host = deployed().upgrade::<rewriting::ledger::Contract>("{}").unwrap();
    let mut asked = |method: &str| -> Value { serde_json::from_str(&host.query(method, "{}").unwrap()).unwrap() };
    let (balances, amounts) = (asked("balances"), asked("amounts"));
    assert_eq!(balances[1][1], json!({ "amount": 4, "locked": false }));
    assert_eq!((&amounts[0][1], &amounts[1][1]), (&json!(3), &json!(4)));
    assert_eq!(host.storage().len(), 4, "two maps of two entries, and no field of before");
}

#[test]
fn a_map_is_filled_under_its_name_or_not_at_all() {
    let mut host = Host::<renaming::ledger::Contract>::new();
    let error = host.init(r#"{"filled":false}"#).unwrap_err();
    assert_eq!(error.code, code::STATE);
    assert!(error.message.contains("Map::named"), "{error}");
    host.init(r#"{"filled":true}"#).unwrap();
    assert_eq!(host.query("count", "{}").unwrap(), "1");
}

#[test]
fn the_schema_has_the_arguments_and_not_the_old_state() {
    let schema: Value = serde_json::from_str(&second::__phat_schema()).unwrap();
    let methods = schema["methods"].as_array().unwrap();
    let migrate = methods.iter().find(|method| method["mode"] == "migrate").unwrap();
    let names: Vec<_> = migrate["args"]["properties"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["limit"]);
    assert_eq!(migrate["output"]["type"], "null");
}
