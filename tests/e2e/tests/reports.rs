//! Reports that come late, that need a second word, and that are false.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, anyhow, ensure};
use phala_crypto::BootIdentity;
use phala_e2e::{Account, Counter, Devnet, Process, Sent, binary, follows, from_hex32, run, wait_for};
use phala_extrinsics::{Call, Included, SubmitError};
use phala_primitives::{
    Boundary, ClusterId, Report, WorkerId,
    message::Balance,
    report::{Outcome, ReportV1, Status},
    report_data::BootBinding,
};
use rand_core::OsRng;

const DEADLINE: Duration = Duration::from_secs(90);
const CLUSTER: ClusterId = ClusterId(0);
/// Blocks after which a message without a receipt gets its gas back.
const TIMEOUT: u64 = 12;
/// Members with a quorum speak of what there is at every fourth block.
const STEP: u64 = 4;

#[test]
fn late_reports_pay_once_a_quorum_is_needed_and_a_false_report_freezes_the_cluster() -> Result<()> {
    Devnet::with(|devnet| {
        let counter = Counter::deploy(devnet)?;
        let worker = counter.workers()?.pop().context("a worker")?;
        let dave = Account::new(&devnet.node_url(), "//Dave")?;
        let scene = Scene { devnet, counter, worker, dave };
        let process = scene.late_report()?;
        let another = scene.quorum()?;
        scene.false_report(process, another)
    })
}

struct Scene<'a> {
    devnet: &'a Devnet,
    counter: Counter<'a>,
    /// The devnet's own.
    worker: String,
    /// Who sends commands.
    dave: Account,
}

impl Scene<'_> {
    fn refund(&self, index: u64) -> Result<Included, SubmitError> {
        self.dave.submit(&Call::refund_expired(CLUSTER, index))
    }

    fn configure(&self, option: &str, value: &str) -> Result<()> {
        self.counter.phala(&["cluster", "configure", "0", option, value])?;
        self.devnet.settled()
    }

    /// Gas returns when the time is over, and value with nothing but a receipt: the late one moves it, once.
    fn late_report(&self) -> Result<Process> {
        const VALUE: Balance = 2_000_000_000_000;
        let rpc = self.devnet.rpc();
        let funds = || rpc.funds(&self.dave.id());
        let config: serde_json::Value =
            serde_json::from_str(&self.devnet.ok(Path::new("/"), &["cluster", "config", "0"])?)?;
        let gas_price = config["gasPrice"].as_u64().context("a price of gas")?;
        let gas = Balance::from(Counter::GAS) * Balance::from(gas_price) / 1_000_000;
        self.configure("--timeout", &TIMEOUT.to_string())?;

        self.devnet.kill("worker")?;
        let before = funds()?;
        let Sent { index, block_hash, .. } = self.dave.message(&self.counter.plain(7, 0, VALUE)?)?;
        ensure!(funds()?.held == before.held + gas + VALUE);
        let early = self.refund(index);
        ensure!(nothing_due(&early), "gas came back before its time: {early:?}");
        let due = rpc.height_of(&block_hash)? + TIMEOUT;
        wait_for("the time to be over", DEADLINE, || Ok((rpc.best_height()? >= due).then_some(())))?;
        let text = index.to_string();
        let returned = self.counter.phala(&["contract", "refund", "0", &text])?;
        ensure!(returned["gas"] == "returned", "{returned}");
        ensure!(funds()?.held == before.held + VALUE, "gas returns, and nothing else does");
        let twice = self.refund(index);
        ensure!(nothing_due(&twice), "gas came back twice: {twice:?}");
        let waiting = funds()?;

        let mut process = self.devnet.revive("worker")?;
        let receipt = self.counter.receipt("//Alice", index)?;
        process.check_alive()?;
        ensure!(receipt["status"] == "success" && receipt["output"] == 7, "{receipt}");
        let settled = funds()?;
        ensure!(settled.held == before.held && settled.total() + VALUE == waiting.total(), "{waiting:?} {settled:?}");
        let contract = self.counter.phala(&["contract", "show", self.counter.id()])?;
        ensure!(contract["balance"] == "2 PHA", "{contract}");
        let late = self.refund(index);
        ensure!(nothing_due(&late), "gas came back after the receipt: {late:?}");
        let (code, said) = self.devnet.refused(Path::new("/"), "//Alice", &["contract", "refund", "0", &text])?;
        ensure!(code == Some(2) && said.contains("has its receipt"), "{code:?} {said}");
        Ok(process)
    }

    /// Two of two must say the same; while one is not there, nothing takes effect. Gives the second one.
    fn quorum(&self) -> Result<Process> {
        let nodes = [self.devnet.node_url()];
        let (mut another, port) = self.devnet.another_worker("//Charlie", &nodes, "another")?;
        let second = self.counter.take_in(&self.worker, &mut another)?;
        follows(&mut another, port)?;
        self.configure("--quorum", "2")?;
        ensure!(self.counter.add(1)? == 8);
        ensure!(self.counter.agreed([&self.worker, &second])? == 8);

        // it dies with commands before it that it has not executed
        self.devnet.settled()?;
        let reported = self.devnet.reported()?;
        another.freeze();
        for _ in 0..20 {
            self.dave.send(&self.counter.plain(1, 0, 0)?)?;
        }
        another.kill()?;
        wait_for("the first worker to have executed all", DEADLINE, || {
            Ok((self.counter.value(&self.worker)?["output"] == 28).then_some(()))
        })?;
        let rpc = self.devnet.rpc();
        let said = rpc.best_height()? + 2 * STEP;
        wait_for("the first worker to have given its word", DEADLINE, || {
            Ok((rpc.best_height()? >= said).then_some(()))
        })?;
        ensure!(self.devnet.log_head()?.next_index == reported + 20);
        ensure!(self.devnet.reported()? == reported, "one word of two was enough");

        let (mut another, port) = self.devnet.another_worker("//Charlie", &nodes, "another-again")?;
        follows(&mut another, port)?;
        self.devnet.settled()?;
        ensure!(self.counter.agreed([&self.worker, &second])? == 28);
        Ok(another)
    }

    /// Where one word suffices, a member lies while the others are away. The first that comes back contradicts, answers nothing, and
    /// the chain stops settling.
    fn false_report(&self, mut process: Process, mut another: Process) -> Result<()> {
        self.configure("--quorum", "1")?;
        let rogue = Rogue::register(self.devnet, "//Eve")?;
        self.counter.phala(&["cluster", "add-member", "0", &rogue.worker.to_string()])?;
        self.devnet.settled()?;
        another.kill()?;
        process.kill()?;

        let sent = self.dave.message(&self.counter.plain(1, 0, 0)?)?;
        ensure!(self.devnet.reported()? == sent.index);
        rogue.report(self.devnet, &sent)?;
        ensure!(self.devnet.reported()? == sent.index + 1, "the false report has not taken effect");

        let mut process = self.devnet.revive("worker")?;
        wait_for("the cluster to be frozen", DEADLINE, || {
            process.check_alive()?;
            Ok((self.counter.phala(&["cluster", "show", "0"])?["status"] == "frozen").then_some(()))
        })?;
        let found = format!("the cluster reported another state than this worker has at message {}", sent.index + 1);
        ensure!(process.log()?.contains(&found), "{}", process.log()?);
        let id = self.counter.id();
        for (arguments, expected, words) in [
            (&["contract", "query", id, "value", "{}", "--worker", self.worker.as_str()][..], 3, "(PHALA-2010)"),
            (&["contract", "call", id, "add", r#"{"by":1}"#], 4, "cluster 0 is frozen"),
        ] {
            let (code, said) = self.devnet.refused(Path::new("/"), "//Alice", arguments)?;
            ensure!(code == Some(expected) && said.contains(words), "{arguments:?}: {code:?} {said}");
        }
        Ok(())
    }
}

fn nothing_due(result: &Result<Included, SubmitError>) -> bool {
    matches!(result, Err(SubmitError::Dispatch { pallet, name, .. }) if pallet == "Phat" && name == "NothingDue")
}

/// A boot that the chain admits, for it is attested as the worker's program is, and that does something else.
struct Rogue {
    account: Account,
    boot: BootIdentity,
    worker: WorkerId,
}

impl Rogue {
    fn register(devnet: &Devnet, uri: &str) -> Result<Self> {
        let (account, rpc) = (Account::new(&devnet.node_url(), uri)?, devnet.rpc());
        let (genesis, operator, salt) = (account.genesis(), account.id(), [7; 32]);
        let (boot, worker) = (BootIdentity::generate(&mut OsRng), WorkerId::derive(&genesis, &operator, &salt));
        let block_hash = from_hex32(&rpc.finalized_hash()?)?;
        let block = u32::try_from(rpc.height_of(&block_hash)?)?;
        let (boot_sign, boot_kem) = (boot.boot_sign(), boot.boot_kem());
        let binding = BootBinding { genesis, boot_sign, boot_kem, worker, operator, block, block_hash };

        let evidence = devnet.net().join("evidence.bin");
        let report_data = hex::encode(binding.report_data());
        let (program, out) = (binary("phala-worker")?.display().to_string(), evidence.display().to_string());
        let quote = ["quote", "--report-data", &report_data, "--executable", &program, "--out", &out];
        let exit = run("phala-soft-tee", &quote)?;
        ensure!(exit.code == Some(0), "{}", exit.stderr);
        let evidence = std::fs::read(evidence)?;
        account.submit(&Call::register(worker, salt, (boot_sign, boot_kem), block, block_hash, evidence, None))?;
        account.submit(&Call::offer_worker(worker, Some(CLUSTER)))?;
        Ok(Self { account, boot, worker })
    }

    /// Says that a message has come to a state to which nobody comes.
    fn report(&self, devnet: &Devnet, sent: &Sent) -> Result<()> {
        let block = u32::try_from(devnet.rpc().height_of(&sent.block_hash)?)?;
        let outcome = Outcome { status: Status::Success, gas_used: 1 };
        let report = Report::V1(ReportV1 {
            cluster: CLUSTER,
            first_index: sent.index,
            boundary: Boundary { block, index: sent.index + 1, log_hash: sent.log_hash },
            state_root: [1; 32],
            receipts_root: [2; 32],
            outcomes: vec![outcome].try_into().map_err(|_| anyhow!("one outcome fits"))?,
            command_keys: Default::default(),
        });
        let signature = self.boot.sign(&report.digest(&self.account.genesis()));
        self.account.submit(&Call::report(report, self.worker, signature))?;
        Ok(())
    }
}
