//! The example `counter` on a devnet, and the workers that run it.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use phala_extrinsics::Call;
use phala_primitives::{
    ContractId, Payload,
    message::{Balance, PayloadBytes},
};
use serde_json::{Value, json};

use crate::{Devnet, Process, from_hex32, wait_for};

const DEADLINE: Duration = Duration::from_secs(90);

/// See the [module's documentation](self).
pub struct Counter<'a> {
    devnet: &'a Devnet,
    id: String,
    file: String,
    /// Has the file.
    _folder: tempfile::TempDir,
}

impl<'a> Counter<'a> {
    /// More gas than any of its methods uses.
    pub const GAS: u64 = 1_000_000_000;
    /// Arguments of its constructor.
    pub const INIT: &'static str = r#"{"owner":"//Alice"}"#;

    /// Builds and deploys it.
    pub fn deploy(devnet: &'a Devnet) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = devnet.build("../../contract/examples/counter", folder.path())?;
        let deployed = devnet.json(folder.path(), &["contract", "deploy", &file, "--init", Self::INIT])?;
        Ok(Self { devnet, id: deployed["contract"].as_str().context("an id")?.to_owned(), file, _folder: folder })
    }

    /// Its id, as `phala` takes it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its component.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What `phala` prints as JSON, as Alice.
    pub fn phala(&self, arguments: &[&str]) -> Result<Value> {
        self.devnet.json(Path::new("/"), arguments)
    }

    /// Counts, by a sealed command.
    pub fn add(&self, by: u64) -> Result<Value> {
        let called = self.phala(&["contract", "call", &self.id, "add", &json!({ "by": by }).to_string()])?;
        ensure!(called["status"] == "success", "{called}");
        Ok(called["output"].clone())
    }

    /// A command to it.
    pub fn command(&self, payload: Payload, value: Balance) -> Result<Call> {
        Ok(Call::command(ContractId(from_hex32(&self.id)?), payload, Self::GAS, value))
    }

    /// Counts, by a command that everybody can read and that has so many bytes, if it does not need more.
    pub fn plain(&self, by: u64, bytes: usize, value: Balance) -> Result<Call> {
        let mut input = json!({ "method": "add", "args": { "by": by } }).to_string();
        // white space after JSON is part of it
        input.extend(std::iter::repeat_n(' ', bytes.saturating_sub(input.len())));
        let input = PayloadBytes::try_from(input.into_bytes()).ok().context("a payload of that length")?;
        self.command(Payload::Plain(input), value)
    }

    /// The answer of one worker.
    pub fn value(&self, worker: &str) -> Result<Value> {
        self.phala(&["contract", "query", &self.id, "value", "{}", "--worker", worker])
    }

    /// What both of two workers answer, which must be the same out of the same state.
    pub fn agreed(&self, workers: [&str; 2]) -> Result<Value> {
        let [one, other] = [self.value(workers[0])?, self.value(workers[1])?];
        let same = ["output", "logIndex", "stateRoot"].iter().all(|field| one[field] == other[field]);
        ensure!(same && one["stateRoot"].is_string(), "{one} {other}");
        Ok(one["output"].clone())
    }

    /// The receipt of a message, once there is one.
    pub fn receipt(&self, account: &str, index: u64) -> Result<Value> {
        let text = index.to_string();
        wait_for(&format!("a receipt of message {index}"), DEADLINE, || {
            let arguments = ["contract", "receipt", "0", &text, "--json"];
            let output = self.devnet.phala(Path::new("/"), account, &arguments)?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            Ok(Some(serde_json::from_slice(&output.stdout)?))
        })
    }

    /// The ids of all workers.
    pub fn workers(&self) -> Result<Vec<String>> {
        let list = self.phala(&["worker", "list"])?;
        let list = list.as_array().context("a list")?;
        Ok(list.iter().filter_map(|worker| worker["worker"].as_str()).map(str::to_owned).collect())
    }

    /// Takes the worker that is not `first` into the cluster. Gives its id.
    pub fn take_in(&self, first: &str, process: &mut Process) -> Result<String> {
        let second = wait_for("the second worker to register", DEADLINE, || {
            process.check_alive()?;
            Ok(self.workers()?.into_iter().find(|id| id != first))
        })?;
        // until its offer is in a block, the chain refuses
        wait_for("the second worker to be taken in", DEADLINE, || {
            self.phala(&["cluster", "add-member", "0", &second]).map(Some)
        })?;
        Ok(second)
    }
}

/// Waits until a worker answers queries.
pub fn follows(process: &mut Process, port: u16) -> Result<()> {
    let health = format!("http://127.0.0.1:{port}/v1/health");
    wait_for("the worker to follow its cluster", DEADLINE, || {
        process.check_alive()?;
        Ok(ureq::get(&health).call().is_ok().then_some(()))
    })
}
