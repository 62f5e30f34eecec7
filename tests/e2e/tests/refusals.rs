//! Requests that are wrong, which cost nothing; payloads that nobody can read; and nodes that `phala` does not believe.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use phala_e2e::{Account, Counter, Devnet, Funds, Liar, Lie, Rpc, from_hex, to_hex};
use phala_primitives::{
    Message, Payload, Wire as _,
    message::{Kind, MessageV1, Sealed},
};
use serde_json::{Value, json};

/// Alice, by the name that nodes take.
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

#[test]
fn what_is_wrong_costs_nothing_and_what_is_untrue_is_not_believed() -> Result<()> {
    Devnet::with(|devnet| {
        let scene = Scene::new(devnet)?;
        scene.code()?;
        scene.requests()?;
        scene.long_arguments()?;
        scene.payloads()?;
        scene.stolen_command()?;
        scene.nodes()?;
        scene.metadata()
    })
}

struct Scene<'a> {
    devnet: &'a Devnet,
    counter: Counter<'a>,
    alice: Account,
    rpc: Rpc,
    here: tempfile::TempDir,
}

impl<'a> Scene<'a> {
    fn new(devnet: &'a Devnet) -> Result<Self> {
        let counter = Counter::deploy(devnet)?;
        devnet.settled()?;
        let alice = Account::new(&devnet.node_url(), "//Alice")?;
        Ok(Self { devnet, counter, alice, rpc: devnet.rpc(), here: tempfile::tempdir()? })
    }

    /// The number of Alice's next transaction, by the pool as well, and what she has.
    fn paid(&self) -> Result<(Value, Funds)> {
        let next = self.rpc.call("system_accountNextIndex", json!([ALICE]))?;
        Ok((next, self.rpc.funds(&self.alice.id())?))
    }

    /// Refused with this exit code and all of these words, before a transaction is sent or paid for.
    fn refused(&self, arguments: &[&str], expected: i32, words: &[&str]) -> Result<()> {
        let before = self.paid()?;
        let (code, said) = self.devnet.refused(self.here.path(), "//Alice", arguments)?;
        let named = words.iter().all(|words| said.contains(words));
        ensure!(code == Some(expected) && named, "{arguments:?}: {code:?} {said}, expected {expected} {words:?}");
        let after = self.paid()?;
        ensure!(before == after, "{arguments:?} cost something: {before:?} {after:?}");
        Ok(())
    }

    fn value(&self) -> Result<Value> {
        let answer = self.counter.phala(&["contract", "query", self.counter.id(), "value"])?;
        Ok(answer["output"].clone())
    }

    /// Components that no worker of the cluster would run.
    fn code(&self) -> Result<()> {
        const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
        let noise: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let long = [HEADER, custom_section(16 << 20).as_slice()].concat();
        for (file, bytes, words) in [
            ("long.wasm", long.as_slice(), "bytes, and the cluster takes 16777216"),
            ("noise.wasm", &noise, "not a WebAssembly component"),
            ("module.wasm", b"\0asm\x01\0\0\0", "would not run this component: not a WebAssembly component"),
            // a component that exports nothing is of every world but this one
            ("other-world.wasm", HEADER, "does not fit the world phala:contract/phat-contract@0.1.0"),
        ] {
            fs::write(self.here.path().join(file), bytes)?;
            self.refused(&["contract", "deploy", file], 2, &[words])?;
        }
        fs::File::create(self.here.path().join("huge.wasm"))?.set_len(65 << 20)?;
        self.refused(&["contract", "deploy", "huge.wasm"], 2, &["68157440 bytes are no component"])
    }

    /// What is not there, and what does not take what it is given.
    fn requests(&self) -> Result<()> {
        let (id, file) = (self.counter.id(), self.counter.file());
        let nobody = to_hex([7; 32]);
        for (arguments, words) in [
            (
                &["contract", "deploy", file, "--cluster", "99", "--init", Counter::INIT][..],
                &["there is no cluster 99"][..],
            ),
            (&["contract", "deploy", file], &["'owner' is missing", "It takes:"]),
            (&["contract", "deploy", file, "--init", "owner"], &["the arguments are no JSON"]),
            (&["contract", "call", &nobody, "add", r#"{"by":1}"#], &["there is no contract 0x0707"]),
            (&["contract", "query", &nobody, "value"], &["there is no contract 0x0707"]),
            (&["contract", "call", id, "sub"], &["no command 'sub'", "It has:\n  add {by}\n  reset {}"]),
            (&["contract", "query", id, "add"], &["no query 'add' (its mode is command)", "It has:\n  value {}"]),
            (&["contract", "call", id, "add"], &["add: 'by' is missing", "It takes:", "\"by\""]),
            (&["contract", "call", id, "add", r#"{"by":"two"}"#], &["'by' is \"two\", expected integer", "It takes:"]),
            (&["contract", "query", id, "value", r#"{"of":1}"#], &["there is no argument 'of'", "It takes:"]),
            (
                &["contract", "call", id, "add", r#"{"by":1}"#, "--gas", "10000000001"],
                &["--gas 10000000001 is more than a message of cluster 0 may use: 10000000000"],
            ),
        ] {
            self.refused(arguments, 2, words)?;
        }
        let (code, said) =
            self.devnet.refused(Path::new("/"), "//Nobody", &["contract", "call", id, "add", r#"{"by":1}"#])?;
        ensure!(code == Some(2) && said.contains("cannot pay for this"), "{code:?} {said}");
        Ok(())
    }

    /// Longer than the cluster takes: as arguments of a constructor, and of a command with what sealing adds.
    fn long_arguments(&self) -> Result<()> {
        let here = self.here.path();
        let before = self.devnet.ok(here, &["cluster", "config", "0"])?;
        let mut config: Value = serde_json::from_str(&before)?;
        config["limits"]["payloadBytes"] = json!(10);
        fs::write(here.join("short.json"), config.to_string())?;
        fs::write(here.join("before.json"), before)?;
        let configure = |file| self.devnet.json(here, &["cluster", "configure", "0", "--file", file]);
        configure("short.json")?;
        self.devnet.settled()?;
        let deploy = ["contract", "deploy", self.counter.file(), "--init", Counter::INIT];
        self.refused(&deploy, 2, &["the arguments: 19 bytes, and the cluster takes 10"])?;
        let call = ["contract", "call", self.counter.id(), "add", r#"{"by":1}"#];
        self.refused(&call, 2, &["the arguments: 48 bytes, and the cluster takes 10"])?;
        configure("before.json")?;
        self.devnet.settled()
    }

    /// Each gets a receipt that says why, and the log goes on.
    fn payloads(&self) -> Result<()> {
        let value = self.value()?.as_u64().context("a number")?;
        let plain = Payload::Plain(vec![0xff_u8].try_into().unwrap_or_default());
        let noise = Payload::Sealed(Sealed {
            epoch: 0,
            enc: [9; 32],
            ciphertext: vec![0xab_u8; 64].try_into().unwrap_or_default(),
        });
        for (payload, status, why) in [
            (plain, "refused", "the contract refused: expected {\"method\": …, \"args\": …}"),
            (noise, "undecryptable", "Undecryptable: the payload does not open"),
        ] {
            let sent = self.alice.message(&self.counter.command(payload, 0)?)?;
            let receipt = self.counter.receipt("//Alice", sent.index)?;
            let said = receipt["error"].as_str().unwrap_or_default();
            ensure!(receipt["status"] == status && said.starts_with(why), "{receipt}");
        }
        ensure!(self.value()? == value);
        ensure!(self.counter.add(1)? == value + 1);
        Ok(())
    }

    /// A ciphertext that was taken from the log opens for nobody but who has sent it.
    fn stolen_command(&self) -> Result<()> {
        let called = self.counter.phala(&["contract", "call", self.counter.id(), "add", r#"{"by":5}"#])?;
        let value = called["output"].as_u64().context("a number")?;
        let index = called["message"].as_u64().context("an index")?;
        let Message::V1(MessageV1 { kind: Kind::Command(command), .. }) = self.message(index)? else {
            bail!("message {index} is no command");
        };
        ensure!(matches!(command.payload, Payload::Sealed(_)), "everybody can read message {index}");

        let dave = Account::new(&self.devnet.node_url(), "//Dave")?;
        let sent = dave.message(&self.counter.command(command.payload, 0)?)?;
        let receipt = self.counter.receipt("//Dave", sent.index)?;
        ensure!(receipt["status"] == "undecryptable", "{receipt}");
        ensure!(self.value()? == value, "it was executed for somebody else");
        ensure!(self.counter.add(1)? == value + 1);
        Ok(())
    }

    /// A message, as every node gives it to everybody.
    fn message(&self, index: u64) -> Result<Message> {
        let head = self.devnet.log_head()?;
        let params = json!([0, to_hex(head.hash), head.next_index, index, 1024]);
        let page = self.rpc.call("phat_messages", params)?;
        let body = page.pointer("/messages/0").and_then(Value::as_str).context("a message")?;
        Ok(Message::from_wire(&from_hex(body)?)?)
    }

    /// Nobody there, another chain, and what is not proven.
    fn nodes(&self) -> Result<()> {
        let show =
            |url: &str, code: i32, words: &str| self.refused(&["cluster", "show", "0", "--url", url], code, &[words]);
        show("ws://127.0.0.1:1", 3, "the node ws://127.0.0.1:1 cannot be reached")?;
        let liar = Liar::start(self.devnet.node_port())?;
        for (lie, code, words) in [
            (Lie::OtherGenesis, 2, "serves the chain with genesis 0x0000"),
            (Lie::ForgedFinality, 6, "was caught"),
            (Lie::ForgedProof, 6, "was caught: the proof does not reach key"),
        ] {
            liar.lie(lie);
            show(&liar.url(), code, words)?;
            ensure!(liar.times() > 0, "{lie:?} was not told");
        }
        liar.lie(Lie::None);
        self.devnet.json(self.here.path(), &["cluster", "show", "0", "--url", &liar.url()])?;
        Ok(())
    }

    /// Calls with each other's numbers: who believes it signs that the worker is put out of the cluster.
    fn metadata(&self) -> Result<()> {
        let worker = self.counter.workers()?.pop().context("a worker")?;
        let liar = Liar::start(self.devnet.node_port())?;
        let url = liar.url();
        let take_in: [&str; 6] = ["cluster", "add-member", "0", &worker, "--url", &url];
        let add: [&str; 7] = ["contract", "call", self.counter.id(), "add", r#"{"by":1}"#, "--url", &url];

        // where a transaction is not encoded by it, it does not matter: the chain says what it says to who would take a member in again
        liar.lie(Lie::OtherMetadata);
        let (code, said) = self.devnet.refused(Path::new("/"), "//Alice", &take_in)?;
        ensure!(code == Some(2) && said.contains("Phat.add_member: Phat::NoConsent"), "{code:?} {said}");
        let called = self.counter.phala(&add)?;
        ensure!(called["status"] == "success", "{called}");
        self.devnet.settled()?;

        // the hash of what a transaction was encoded by is signed, and the chain knows another one
        liar.lie(Lie::CallNumbers);
        for (arguments, call) in [(&take_in[..], "Phat.add_member"), (&add, "Phat.command")] {
            self.refused(arguments, 3, &[&format!("{call} was not accepted"), "Invalid Transaction (1010)"])?;
            ensure!(liar.refusal().contains("Transaction has a bad signature"), "{}", liar.refusal());
        }
        ensure!(liar.times() > 0);

        // what that hash does not cover must not decide about a call
        liar.lie(Lie::ForeignCalls);
        self.refused(&take_in, 3, &["Phat.add_member was not accepted: the metadata of the node at"])?;
        ensure!(liar.times() > 0);
        let cluster = self.counter.phala(&["cluster", "show", "0"])?;
        ensure!(cluster["members"] == json!([worker]), "{cluster}");
        Ok(())
    }
}

/// So many bytes in a section that means nothing.
fn custom_section(bytes: u32) -> Vec<u8> {
    const NAME: &[u8] = b"\x01x";
    let mut section = vec![0];
    let mut length = bytes + NAME.len() as u32;
    while length >= 0x80 {
        section.push(length as u8 | 0x80);
        length >>= 7;
    }
    section.push(length as u8);
    section.extend_from_slice(NAME);
    section.resize(section.len() + bytes as usize, 0);
    section
}
