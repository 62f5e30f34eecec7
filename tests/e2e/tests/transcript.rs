//! The README's transcript: its very lines, against a devnet that the very command starts.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use phala_e2e::{Devnet, Feed, Turn, binary, text, wait_for};
use serde_json::Value;

#[test]
fn the_readme_from_the_first_command_to_the_last() -> Result<()> {
    Devnet::with(transcript)
}

fn transcript(devnet: &Devnet) -> Result<()> {
    let turn = Turn::to_build()?;
    let started = Instant::now();
    let work = tempfile::tempdir()?;
    let project: PathBuf = work.path().join("my-oracle");
    let feed = Feed::plain()?.port();
    let (first, rest) = readme(&format!("http://127.0.0.1:{feed}/{{pair}}"))?;

    // phala contract new, build, deploy
    let said = devnet.shell(work.path(), &first)?;
    let id = line(&said, "contract")?;
    println!("first contract after {:.1} s", started.elapsed().as_secs_f64());
    drop(turn);

    // query over HTTP from inside the worker, sealed command, query with a proof, and the proof
    let said = devnet.shell(&project, &rest.replace("<id>", id))?;
    ensure!(said.matches("\"units\": 6700012").count() == 2, "fetched and set is not what the source says: {said}");
    ensure!(line(&said, "status")? == "success", "{said}");
    for check in ["finality", "state", "registry", "evidence", "code", "answer"] {
        ensure!(said.lines().any(|line| line.starts_with(&format!("ok  {check}"))), "no check of the {check}: {said}");
    }
    ensure!(said.contains("SOFTWARE") && line(&said, "keys")? == "drawn", "{said}");
    ensure!(said.contains("BTC/USD is 6700012"), "no line in the contract's log: {said}");

    its_own_tests_pass(&project)?;
    a_build_is_reproducible(devnet, &project, id)?;
    an_answer_needs_no_node(devnet, &project)?;
    a_changed_answer_is_found_out(devnet, &project)?;
    who_asks_for_what_is_not_there_is_told_so(devnet, &project, id)?;
    survives_a_restart(devnet, &project, id)
}

/// The commands under the README's heading, with another source: up to the one that prints the contract's id, and those with
/// the id in them.
fn readme(source: &str) -> Result<(String, String)> {
    const HEADING: &str = "## A private oracle that answers with a proof";
    const SOURCE: &str = "\"source\":\"";
    let readme = std::fs::read_to_string("../../README.md")?;
    let (_, section) = readme.split_once(HEADING).context("the heading of the transcript")?;
    let (_, block) = section.split_once("```sh\n").context("a block of commands")?;
    let (commands, _) = block.split_once("```").context("the end of the commands")?;
    let (before, after) = commands.split_once(SOURCE).context("a source of prices")?;
    let (published, after) = after.split_once('"').context("the end of the source")?;
    ensure!(published.starts_with("https://") && published.contains("{pair}"), "{published}");
    let commands = format!("{before}{SOURCE}{source}\"{after}");
    let first: Vec<&str> = commands.lines().take_while(|line| !line.contains("<id>")).collect();
    let (_, rest) = commands.split_at(first.iter().map(|line| line.len() + 1).sum());
    for command in ["new", "build", "deploy"] {
        ensure!(
            first.iter().any(|line| line.contains(&format!("phala contract {command}"))),
            "no {command}: {first:?}"
        );
    }
    for command in ["query", "call", "verify", "worker list", "cluster show", "contract logs"] {
        ensure!(rest.contains(command), "no {command}: {rest}");
    }
    Ok((first.join("\n"), rest.to_owned()))
}

/// The value in a line `name  value` of what `phala` prints.
fn line<'a>(said: &'a str, name: &str) -> Result<&'a str> {
    let value = |line: &'a str| Some(line.strip_prefix(name)?.strip_prefix("  ")?.trim());
    said.lines().find_map(value).with_context(|| format!("no line '{name}' in: {said}"))
}

/// A new project is tested natively, as its author would: with an ordinary cargo that nothing of this test's leaks into.
fn its_own_tests_pass(project: &Path) -> Result<()> {
    let release = binary("phala")?;
    let target = release.parent().and_then(Path::parent).context("a target directory")?;
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "NEXTEST"].iter().any(|told| text.starts_with(told)) {
            cargo.env_remove(&name);
        }
    }
    // where the examples are tested: the dependencies are the same
    cargo.arg("test").current_dir(project).env("CARGO_TARGET_DIR", target.join("contracts")).stdin(Stdio::null());
    let output = cargo.output().context("run cargo")?;
    let said = text(&output.stdout);
    ensure!(output.status.success(), "cargo test: {said}{}", text(&output.stderr));
    let ran = said.lines().any(|line| line.starts_with("test result: ok. ") && !line.contains(" 0 passed"));
    ensure!(ran, "a new project has no tests: {said}");
    Ok(())
}

/// The same source gives the same code.
fn a_build_is_reproducible(devnet: &Devnet, project: &Path, id: &str) -> Result<()> {
    let _turn = Turn::to_build()?;
    let again = devnet.json(project, &["contract", "build"])?;
    let deployed = devnet.json(project, &["contract", "show", id])?;
    ensure!(again["code"] == deployed["code"] && again["code"].is_string(), "{again} {deployed}");
    Ok(())
}

/// What was saved is verified without anybody's help.
fn an_answer_needs_no_node(devnet: &Devnet, project: &Path) -> Result<()> {
    let verified = devnet.json(project, &["verify", "answer.json", "--url", "ws://127.0.0.1:1"])?;
    let names: Vec<_> =
        verified["checks"].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect();
    ensure!(names == ["finality", "state", "registry", "evidence", "code", "answer"], "{names:?}");
    Ok(())
}

/// One digit anywhere in the answer, the proofs or the evidence.
fn a_changed_answer_is_found_out(devnet: &Devnet, project: &Path) -> Result<()> {
    let original: Value = serde_json::from_slice(&std::fs::read(project.join("answer.json"))?)?;
    for pointer in ["/answer", "/evidence", "/finality/0", "/state/0", "/question"] {
        let mut changed = original.clone();
        let place = changed.pointer_mut(pointer).context("a field")?;
        let mut digits = place.as_str().context("hex")?.to_owned().into_bytes();
        let middle = digits.len() / 2;
        digits[middle] = if digits[middle] == b'0' { b'1' } else { b'0' };
        *place = String::from_utf8(digits)?.into();
        std::fs::write(project.join("changed.json"), changed.to_string())?;
        let (code, said) = devnet.refused(project, "//Alice", &["verify", "changed.json"])?;
        ensure!(code == Some(6), "{pointer}: {code:?} {said}");
    }
    Ok(())
}

/// And so is who asks for what is not theirs.
fn who_asks_for_what_is_not_there_is_told_so(devnet: &Devnet, project: &Path, id: &str) -> Result<()> {
    let set = r#"{"pair":"BTC/USD","price":{"units":1,"decimals":2}}"#;
    for (account, arguments, expected) in [
        ("//Alice", &["contract", "call", id, "sett", "{}"][..], "no command 'sett'"),
        ("//Alice", &["contract", "query", id, "price", "{}"], "'pair' is missing"),
        ("//Dave", &["contract", "call", id, "set", set], "only the owner"),
        ("//Dave", &["contract", "logs", id], "these lines are for the contract's owner"),
        ("//Alice", &["contract", "query", id, "price", r#"{"pair":"X/Y"}"#], "no price was set"),
    ] {
        let (code, said) = devnet.refused(project, account, arguments)?;
        ensure!(code == Some(2) && said.contains(expected), "{arguments:?}: {code:?} {said}");
    }
    Ok(())
}

/// The worker comes back as another boot, opens what its platform has sealed, and goes on from its checkpoint.
fn survives_a_restart(devnet: &Devnet, project: &Path, id: &str) -> Result<()> {
    let stopped = devnet.xtask(&["stop"], &[])?;
    ensure!(stopped.status.success(), "{}", text(&stopped.stderr));
    devnet.up()?;
    let price = wait_for("an answer of the restarted worker", Duration::from_secs(60), || {
        devnet.json(project, &["contract", "query", id, "price", r#"{"pair":"BTC/USD"}"#]).map(Some)
    })?;
    ensure!(price["output"]["price"]["units"] == 6_700_012, "{price}");
    let boots = devnet.json(project, &["worker", "list"])?;
    ensure!(boots[0]["boot"] == 2, "{boots}");
    Ok(())
}
