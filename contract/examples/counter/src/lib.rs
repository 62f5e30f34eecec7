//! Counts. The smallest contract that has all there is to a command: an owner, an error, an event, state.

#![cfg_attr(target_arch = "wasm32", no_std)]

#[phat::contract]
mod counter {
    use phat::prelude::*;

    #[derive(State)]
    struct Counter {
        owner: Account,
        value: u64,
    }

    #[init]
    fn new(_cx: &Init, owner: Account, start: Option<u64>) -> Counter {
        Counter { owner, value: start.unwrap_or(0) }
    }

    /// Everybody may count.
    #[command]
    fn add(&mut self, cx: &mut Command, by: u64) -> Result<u64> {
        self.value = self.value.checked_add(by).ok_or("the counter is full")?;
        cx.emit("added", &by)?;
        Ok(self.value)
    }

    /// Only the owner starts anew.
    #[command]
    fn reset(&mut self, cx: &mut Command) -> Result<()> {
        ensure!(cx.caller() == Caller::Account(self.owner), "only the owner, {}, resets", self.owner);
        self.value = 0;
        cx.log(Level::Info, "reset");
        Ok(())
    }

    #[query]
    fn value(&self, _cx: &Query) -> u64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::counter::Contract;
    use phat::testing::{Host, account};

    fn host() -> Host<Contract> {
        let mut host = Host::new();
        host.init(r#"{"owner":"//Alice"}"#).unwrap();
        host
    }

    #[test]
    fn everybody_counts_and_the_owner_resets() {
        let mut host = host();
        host.caller(account("//Bob"));
        assert_eq!(host.command("add", r#"{"by":2}"#).unwrap(), "2");
        assert_eq!(host.command("add", r#"{"by":3}"#).unwrap(), "5");
        assert_eq!(host.query("value", "{}").unwrap(), "5");
        assert_eq!(host.events(), [("added".into(), "2".into()), ("added".into(), "3".into())]);
        assert!(host.command("reset", "{}").unwrap_err().message.contains("only the owner"));
        host.caller(account("//Alice"));
        host.command("reset", "{}").unwrap();
        assert_eq!(host.query("value", "{}").unwrap(), "0");
    }

    #[test]
    fn a_full_counter_refuses_and_stays() {
        let mut host = host();
        host.command("add", &format!(r#"{{"by":{}}}"#, u64::MAX)).unwrap();
        assert!(host.command("add", r#"{"by":1}"#).is_err());
        assert_eq!(host.query("value", "{}").unwrap(), u64::MAX.to_string());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mut host = host();
        assert_eq!(host.command("sub", "{}").unwrap_err().code, phat::code::METHOD);
        assert_eq!(host.query("add", r#"{"by":1}"#).unwrap_err().code, phat::code::METHOD);
        assert_eq!(host.command("add", r#"{"by":-1}"#).unwrap_err().code, phat::code::ARGUMENTS);
        assert_eq!(host.command("add", r#"{"by":1,"too":1}"#).unwrap_err().code, phat::code::ARGUMENTS);
    }
}
