//! The devnet as the README has it: in the foreground until Ctrl-C, in the background until `stop`, and seen from another
//! terminal meanwhile.

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use phala_e2e::{Devnet, Turn, is_gone, text, wait_for};
use serde_json::{Value, json};

/// For a start that builds the example for the first time, too.
const DEADLINE: Duration = Duration::from_secs(240);

#[test]
fn a_devnet_is_seen_and_ended_from_another_terminal_and_continues_where_it_was() -> Result<()> {
    Devnet::unstarted(|devnet| {
        does_not_run(devnet)?;
        taken_ports(devnet)?;
        let left = ctrl_c(devnet)?;
        in_the_background(devnet, &left)?;
        stopped_from_elsewhere(devnet)?;
        orphaned(devnet)?;
        reset(devnet)
    })
}

/// What a network was when it was stopped.
struct Left {
    example: String,
    height: u64,
    hash: Value,
}

/// Each port that another program listens at is named, with the option that gives another one.
fn taken_ports(devnet: &Devnet) -> Result<()> {
    for option in ["--rpc-port", "--port", "--worker-port"] {
        let other = TcpListener::bind("127.0.0.1:0")?;
        let port = other.local_addr()?.port();
        let own = format!("{option}=");
        let ports = devnet.ports().into_iter();
        let ports: Vec<String> =
            ports.map(|given| if given.starts_with(&own) { format!("{own}{port}") } else { given }).collect();
        let refused = devnet.xtask(&["--no-build"], &ports)?;
        let said = text(&refused.stderr);
        let named = said.contains(&format!("port {port} is taken")) && said.contains(&format!("with {option}"));
        ensure!(refused.status.code() == Some(1) && named, "{option}: {said}");
    }
    does_not_run(devnet)
}

/// With its example, until Ctrl-C.
fn ctrl_c(devnet: &Devnet) -> Result<Left> {
    let turn = Turn::to_build()?;
    let mut process = devnet.foreground(&[], "ctrl-c")?;
    let said = process.says("Ctrl-C stops it.", DEADLINE)?;
    drop(turn);
    typed(&said)?;
    let ids = runs(devnet)?;
    starts_once(devnet)?;

    let rpc = devnet.rpc();
    let height = rpc.finalized_height()?;
    let hash = rpc.call("chain_getBlockHash", json!([height]))?;
    let exit = process.interrupt()?;
    ensure!(exit.success(), "{exit}: {}", process.log()?);
    ended(devnet, &ids)?;
    Ok(Left { example: example(&said)?, height, hash })
}

/// On the same data. One process that ends is not the end of the others, and is told.
fn in_the_background(devnet: &Devnet, left: &Left) -> Result<()> {
    let said = devnet.start(&[])?;
    ensure!(example(&said)? == left.example, "another example than {}: {said}", left.example);
    let rpc = devnet.rpc();
    ensure!(rpc.call("chain_getBlockHash", json!([left.height]))? == left.hash, "another chain");
    wait_for("the chain to go on", Duration::from_secs(30), || {
        Ok((rpc.finalized_height()? > left.height).then_some(()))
    })?;
    let shown = devnet.json(Path::new("/"), &["contract", "show", &left.example])?;
    ensure!(shown["status"] == "live", "{shown}");
    let ids = runs(devnet)?;
    starts_once(devnet)?;

    devnet.kill("worker")?;
    let status = devnet.xtask(&["status"], &[])?;
    let (listed, said) = (text(&status.stdout), text(&status.stderr));
    let told = listed.lines().any(|line| line.starts_with("worker ") && line.contains(" has ended "));
    ensure!(told && listed.contains("finalised  block "), "{listed}{said}");
    ensure!(status.status.code() == Some(1) && said.contains("worker has ended"), "{listed}{said}");
    stop(devnet)?;
    ended(devnet, &ids)
}

/// A network in the foreground is ended by whoever asks for it in another terminal.
fn stopped_from_elsewhere(devnet: &Devnet) -> Result<()> {
    let mut process = devnet.foreground(&["--no-example"], "elsewhere")?;
    process.says("Ctrl-C stops it.", DEADLINE)?;
    let ids = runs(devnet)?;
    stop(devnet)?;
    let exit = process.ended()?;
    ensure!(exit.success(), "{exit}: {}", process.log()?);
    ended(devnet, &ids)
}

/// Killed while it starts, it leaves processes behind: they are seen, nothing starts beside them, and `stop` ends them.
fn orphaned(devnet: &Devnet) -> Result<()> {
    let mut process = devnet.foreground(&["--no-example"], "orphaned")?;
    wait_for("the worker to be started", DEADLINE, || {
        process.check_alive()?;
        devnet.id("worker").map(Some)
    })?;
    process.kill()?;
    let ids = runs(devnet)?;
    starts_once(devnet)?;
    stop(devnet)?;
    ended(devnet, &ids)
}

fn reset(devnet: &Devnet) -> Result<()> {
    let output = devnet.xtask(&["reset"], &[])?;
    ensure!(output.status.success(), "{}", text(&output.stderr));
    ensure!(!devnet.net().exists(), "its data are there still");
    does_not_run(devnet)
}

/// `status` lists each process with its id, and how far the chain is. Gives the ids.
fn runs(devnet: &Devnet) -> Result<Vec<i32>> {
    let status = devnet.xtask(&["status"], &[])?;
    let said = text(&status.stdout);
    ensure!(status.status.success(), "{said}{}", text(&status.stderr));
    ensure!(said.contains("finalised  block ") && said.contains(&devnet.node_url()), "{said}");
    let mut ids = Vec::new();
    for name in ["node", "soft-tee", "worker"] {
        let id = devnet.id(name)?;
        let life = format!(" runs as {id} ");
        ensure!(said.lines().any(|line| line.starts_with(name) && line.contains(&life)), "{name}: {said}");
        ensure!(!is_gone(id), "{name} does not run: {said}");
        ids.push(id);
    }
    Ok(ids)
}

/// There is no second one beside a network that runs.
fn starts_once(devnet: &Devnet) -> Result<()> {
    let refused = devnet.xtask(&["--no-build", "--no-example"], &devnet.ports())?;
    let said = text(&refused.stderr);
    let named = said.contains("the devnet runs already") && said.contains("`cargo xtask devnet stop`");
    ensure!(refused.status.code() == Some(1) && named, "{said}");
    Ok(())
}

fn stop(devnet: &Devnet) -> Result<()> {
    let output = devnet.xtask(&["stop"], &[])?;
    let said = text(&output.stdout);
    ensure!(output.status.success() && said.contains("the devnet is stopped"), "{said}{}", text(&output.stderr));
    Ok(())
}

/// No process is left.
fn ended(devnet: &Devnet, ids: &[i32]) -> Result<()> {
    for id in ids {
        ensure!(is_gone(*id), "process {id} is left");
    }
    does_not_run(devnet)
}

fn does_not_run(devnet: &Devnet) -> Result<()> {
    let status = devnet.xtask(&["status"], &[])?;
    let said = text(&status.stderr);
    ensure!(status.status.code() == Some(1) && said.contains("the devnet does not run"), "{said}");
    Ok(())
}

/// The line that sets a shell up, and the first that is to be tried: they are typed as they are printed.
fn typed(said: &str) -> Result<()> {
    let line = |beginning: &str| {
        let found = said.lines().map(str::trim).find(|line| line.starts_with(beginning));
        found.with_context(|| format!("no line '{beginning}': {said}"))
    };
    let lines = [line("export PATH=")?, line("phala worker list")?].join("\n");
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &lines]).current_dir("/").stdin(Stdio::null());
    let output = bash.output().context("run bash")?;
    let printed = text(&output.stdout);
    ensure!(output.status.success() && printed.contains("active"), "{lines}\n{printed}{}", text(&output.stderr));
    Ok(())
}

/// The id of the example, in a line that is to be tried.
fn example(said: &str) -> Result<String> {
    let (_, rest) = said.split_once("phala contract query ").with_context(|| format!("no query: {said}"))?;
    let id = rest.split_whitespace().next().filter(|id| id.starts_with("0x"));
    Ok(id.with_context(|| format!("no id: {said}"))?.to_owned())
}
