//! Contracts that do what they must not, who takes what they own, and sources that are not what they say.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use phala_client::Fault;
use phala_e2e::{Account, Authority, Devnet, Feed, from_hex32, wait_for};
use phala_extrinsics::{Call, SubmitError};
use phala_primitives::{ContractId, message::Balance};
use serde_json::json;

/// Enough for all that ends by itself; a loop burns it in a moment.
const GAS: &str = "500000000";
/// The contract's owner. Not Alice: a part of all fees is hers.
const OWNER: &str = "//Eve";
const PHA: Balance = 1_000_000_000_000;

#[test]
fn contracts_that_misbehave_and_sources_that_nobody_vouches_for() -> Result<()> {
    Devnet::with(|devnet| {
        let rogue = Rogue::deploy(devnet)?;
        rogue.commands()?;
        rogue.withdrawals()?;
        rogue.queries()?;
        rogue.forbidden_addresses()?;
        rogue.certificates()
    })
}

struct Rogue<'a> {
    devnet: &'a Devnet,
    id: String,
}

impl<'a> Rogue<'a> {
    fn deploy(devnet: &'a Devnet) -> Result<Self> {
        let here = tempfile::tempdir()?;
        let file = devnet.build("../rogue", here.path())?;
        let deployed = devnet.json_as(OWNER, here.path(), &["contract", "deploy", &file])?;
        Ok(Self { devnet, id: deployed["contract"].as_str().context("an id")?.to_owned() })
    }

    fn refused(&self, arguments: &[&str], expected: &str) -> Result<()> {
        self.refused_to("//Alice", arguments, expected)
    }

    fn refused_to(&self, account: &str, arguments: &[&str], expected: &str) -> Result<()> {
        let (code, said) = self.devnet.refused(Path::new("/"), account, arguments)?;
        ensure!(code == Some(2) && said.contains(expected), "{account} {arguments:?}: {code:?} {said}");
        Ok(())
    }

    fn query(&self, method: &str, args: &str) -> Result<serde_json::Value> {
        let answer = self.devnet.json(Path::new("/"), &["contract", "query", &self.id, method, args])?;
        Ok(answer["output"].clone())
    }

    /// Each gets a receipt that says what it did, nothing of it is kept, and the log goes on. All are sent at a time, by an
    /// account each, so that a block has several of them.
    fn commands(&self) -> Result<()> {
        let cases = [
            ("//Alice", "loop", "OutOfGas: out of gas"),
            ("//Charlie", "fill", "OutOfMemory: out of memory"),
            ("//Dave", "recurse", "StackExhausted: stack exhausted"),
            ("//Eve", "trap", "Trapped: unreachable executed"),
            ("//Ferdie", "long", "LimitExceeded: output too long"),
            ("//Charlie//stash", "refuse", "the contract refused: on purpose"),
            ("//Dave//stash", "http", "NotAvailableInMode"),
        ];
        std::thread::scope(|scope| {
            let sent = cases.map(|(account, what, expected)| {
                scope.spawn(move || {
                    let args = json!({ "what": what }).to_string();
                    self.refused_to(account, &["contract", "call", &self.id, "run", &args, "--gas", GAS], expected)
                })
            });
            sent.into_iter().try_for_each(|one| match one.join() {
                Ok(result) => result,
                Err(_) => bail!("a sender panicked"),
            })
        })?;
        ensure!(self.query("calls", "{}")? == 0, "something was kept");
        let kept = ["contract", "call", &self.id, "run", r#"{"what":"nothing"}"#, "--value", "2.5"];
        self.devnet.json(Path::new("/"), &kept)?;
        ensure!(self.query("calls", "{}")? == 1);
        Ok(())
    }

    /// What came with a command goes to the owner, in parts, and to nobody else; and no more than there is.
    fn withdrawals(&self) -> Result<()> {
        let (rpc, owner) = (self.devnet.rpc(), Account::new(&self.devnet.node_url(), OWNER)?);
        let id = ContractId(from_hex32(&self.id)?);
        let owns = |expected: &str| -> Result<()> {
            let shown = self.devnet.json(Path::new("/"), &["contract", "show", &self.id])?;
            ensure!(shown["balance"] == expected, "{shown}");
            Ok(())
        };
        let withdraw = |amount: &'static str| ["contract", "withdraw", self.id.as_str(), amount];
        let error = |fault: Fault, text: &str| format!("error ({}): contract {} {text}", fault.code(), self.id);
        owns("2.5 PHA")?;

        // foreigners are refused, also by the chain itself
        self.refused_to("//Dave", &withdraw("1"), &error(Fault::NotPermitted, "is owned by "))?;
        let dave = Account::new(&self.devnet.node_url(), "//Dave")?;
        let refused = dave.submit(&Call::withdraw(id, 1));
        let Err(SubmitError::Dispatch { name, .. }) = &refused else { bail!("{refused:?}") };
        ensure!(name == "NotOwner", "{refused:?}");

        // a part: the contract has less, and its owner has more, but for the fee
        let before = rpc.funds(&owner.id())?;
        let withdrawn = self.devnet.json_as(OWNER, Path::new("/"), &withdraw("1"))?;
        ensure!(withdrawn["balance"] == "1.5 PHA", "{withdrawn}");
        owns("1.5 PHA")?;
        let after = rpc.funds(&owner.id())?;
        let fee = (before.total() + PHA).checked_sub(after.total()).context("the owner got more than was withdrawn")?;
        ensure!(0 < fee && fee < PHA / 10 && after.held == before.held, "{before:?} {after:?}");

        // more than there is: nothing is sent, and whoever sends it nevertheless moves nothing
        let less = error(Fault::NotEnoughFunds, "owns 1.5 PHA, less than 1.6 PHA");
        self.refused_to(OWNER, &withdraw("1.6"), &less)?;
        ensure!(rpc.funds(&owner.id())? == after, "a refusal has cost something");
        owner.message(&Call::withdraw(id, 2 * PHA))?;
        self.devnet.settled()?;
        let overdrawn = rpc.funds(&owner.id())?;
        let fee = after.total().checked_sub(overdrawn.total()).context("the owner got what was not there")?;
        ensure!(fee < PHA / 10 && overdrawn.held == after.held, "{after:?} {overdrawn:?}");
        owns("1.5 PHA")
    }

    /// The same as questions: whoever asks is told, and the worker goes on.
    fn queries(&self) -> Result<()> {
        for (what, expected) in [
            ("loop", "the contract was stopped: timed out"),
            ("fill", "the contract was stopped: out of memory"),
            ("recurse", "the contract was stopped: stack exhausted"),
            ("trap", "the contract was stopped: unreachable executed"),
            ("long", "the contract was stopped: output too long"),
            ("refuse", "the contract refused: on purpose"),
        ] {
            self.refused(&["contract", "query", &self.id, "ask", &json!({ "what": what }).to_string()], expected)?;
        }
        ensure!(self.query("calls", "{}")? == 1);
        Ok(())
    }

    /// Private addresses stay closed also where the cluster's policy opens loopback.
    fn forbidden_addresses(&self) -> Result<()> {
        for url in [
            "http://10.0.0.1/",
            "http://192.168.1.1/admin",
            "http://169.254.169.254/latest/meta-data",
            "http://[fd00::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://0x0a000001/",
        ] {
            self.refused(
                &["contract", "query", &self.id, "visit", &json!({ "url": url }).to_string()],
                "the cluster's policy forbids it",
            )?;
        }
        Ok(())
    }

    /// An authority counts from the moment that the cluster's policy lists it, and only for what it has certified.
    fn certificates(&self) -> Result<()> {
        let (listed, unknown) = (Authority::new("of the cluster")?, Authority::new("of somebody else")?);
        let good = Feed::secure(listed.certify("localhost")?)?;
        let visit = |host: &str, feed: &Feed| json!({ "url": format!("https://{host}:{}/BTC-USD", feed.port()) });
        let untrusted = |args: serde_json::Value, expected: &str| {
            self.refused(&["contract", "query", &self.id, "visit", &args.to_string()], expected)
        };
        untrusted(visit("localhost", &good), "UnknownIssuer")?;

        let here = tempfile::tempdir()?;
        std::fs::write(here.path().join("root.pem"), listed.pem())?;
        self.devnet.json(here.path(), &["cluster", "configure", "0", "--add-root", "root.pem"])?;
        let page = wait_for("the worker to reach the new policy", Duration::from_secs(60), || {
            self.query("visit", &visit("localhost", &good).to_string()).map(Some)
        })?;
        ensure!(page == r#"{"price":"67000.12"}"#, "{page}");

        untrusted(visit("localhost", &Feed::secure(unknown.certify("localhost")?)?), "UnknownIssuer")?;
        untrusted(visit("127.0.0.1", &good), "not valid for name")?;
        untrusted(visit("localhost", &Feed::secure(listed.certify("feed.example")?)?), "not valid for name")?;
        untrusted(visit("localhost", &Feed::secure(listed.certify_in_the_past("localhost")?)?), "expired")
    }
}
