//! Contracts that do what they must not, and sources that are not what they say.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use phala_e2e::{Authority, Devnet, Feed, wait_for};
use serde_json::json;

/// Enough for all that ends by itself; a loop burns it in a moment.
const GAS: &str = "500000000";

#[test]
fn contracts_that_misbehave_and_sources_that_nobody_vouches_for() -> Result<()> {
    Devnet::with(|devnet| {
        let rogue = Rogue::deploy(devnet)?;
        rogue.commands()?;
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
        let project = std::path::absolute("../rogue")?;
        let built = devnet.json(here.path(), &["contract", "build", &project.display().to_string()])?;
        let file = built["file"].as_str().context("a component")?;
        let deployed = devnet.json(here.path(), &["contract", "deploy", file])?;
        Ok(Self { devnet, id: deployed["contract"].as_str().context("an id")?.to_owned() })
    }

    fn refused(&self, arguments: &[&str], expected: &str) -> Result<()> {
        let (code, said) = self.devnet.refused(Path::new("/"), "//Alice", arguments)?;
        ensure!(code == Some(2) && said.contains(expected), "{arguments:?}: {code:?} {said}");
        Ok(())
    }

    fn query(&self, method: &str, args: &str) -> Result<serde_json::Value> {
        let answer = self.devnet.json(Path::new("/"), &["contract", "query", &self.id, method, args])?;
        Ok(answer["output"].clone())
    }

    /// Each gets a receipt that says what it did, nothing of it is kept, and the log goes on.
    fn commands(&self) -> Result<()> {
        for (what, expected) in [
            ("loop", "OutOfGas: out of gas"),
            ("fill", "OutOfMemory: out of memory"),
            ("recurse", "StackExhausted: stack exhausted"),
            ("trap", "Trapped: unreachable executed"),
            ("long", "LimitExceeded: output too long"),
            ("refuse", "the contract refused: on purpose"),
            ("http", "NotAvailableInMode"),
        ] {
            let args = json!({ "what": what }).to_string();
            self.refused(&["contract", "call", &self.id, "run", &args, "--gas", GAS], expected)?;
        }
        ensure!(self.query("calls", "{}")? == 0, "something was kept");
        self.devnet.json(Path::new("/"), &["contract", "call", &self.id, "run", r#"{"what":"nothing"}"#])?;
        ensure!(self.query("calls", "{}")? == 1);
        Ok(())
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
