//! The README's transcript: the very commands, against a devnet that the very command starts.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use phala_e2e::{Devnet, Feed, text, wait_for};
use serde_json::Value;

#[test]
fn the_readme_from_the_first_command_to_the_last() -> Result<()> {
    Devnet::with(transcript)
}

fn transcript(devnet: &Devnet) -> Result<()> {
    let started = Instant::now();
    let work = tempfile::tempdir()?;
    let here = work.path();
    let feed = Feed::plain()?.port();

    // phala contract new, build
    devnet.ok(here, &["contract", "new", "my-oracle"])?;
    let project: PathBuf = here.join("my-oracle");
    let built = devnet.json(&project, &["contract", "build"])?;
    let again = devnet.json(&project, &["contract", "build"])?;
    ensure!(built["code"] == again["code"], "the same source gives the same code");

    // deploy: wrong arguments cost nothing
    let file = "target/my_oracle.wasm";
    let (code, said) =
        devnet.refused(&project, "//Alice", &["contract", "deploy", file, "--init", r#"{"owner":"//Alice"}"#])?;
    ensure!(code == Some(2) && said.contains("'source' is missing"), "{said}");
    let init = format!(r#"{{"owner":"//Alice","source":"http://127.0.0.1:{feed}/{{pair}}"}}"#);
    let deployed = devnet.json(&project, &["contract", "deploy", file, "--cluster", "0", "--init", &init])?;
    println!("first contract after {:.1} s", started.elapsed().as_secs_f64());
    let id = deployed["contract"].as_str().context("an id")?;
    ensure!(deployed["code"] == built["code"]);

    // query over HTTP from inside the worker, sealed command, query with a proof
    let pair = r#"{"pair":"BTC/USD"}"#;
    let fetched = devnet.json(&project, &["contract", "query", id, "fetch", pair])?;
    ensure!(fetched["output"]["units"] == 6_700_012 && fetched["assurance"] == "software", "{fetched}");
    let set = format!(r#"{{"pair":"BTC/USD","price":{}}}"#, fetched["output"]);
    let called = devnet.json(&project, &["contract", "call", id, "set", &set])?;
    ensure!(called["status"] == "success" && called["gasUsed"].as_u64() > Some(0), "{called}");
    let price = devnet.json(&project, &["contract", "query", id, "price", pair, "--save", "answer.json"])?;
    ensure!(price["output"]["price"]["units"] == 6_700_012, "{price}");

    // verify, offline: the node is not asked
    let verified = devnet.json(&project, &["verify", "answer.json", "--url", "ws://127.0.0.1:1"])?;
    let names: Vec<_> =
        verified["checks"].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect();
    ensure!(names == ["finality", "state", "registry", "evidence", "code", "answer"], "{names:?}");
    a_changed_answer_is_found_out(devnet, &project)?;

    ensure!(devnet.ok(&project, &["worker", "list"])?.contains("SOFTWARE"));
    ensure!(devnet.json(&project, &["cluster", "show", "0"])?["keys"] == "drawn");
    ensure!(devnet.ok(&project, &["contract", "logs", id])?.contains("BTC/USD is 6700012"));

    // who asks for what is not there, or is not theirs, is told so
    for (account, arguments, expected) in [
        ("//Alice", &["contract", "call", id, "sett", "{}"][..], "no command 'sett'"),
        ("//Alice", &["contract", "query", id, "price", "{}"], "'pair' is missing"),
        ("//Bob", &["contract", "call", id, "set", &set], "only the owner"),
        ("//Bob", &["contract", "logs", id], "owner"),
        ("//Alice", &["contract", "query", id, "price", r#"{"pair":"X/Y"}"#], "no price was set"),
    ] {
        let (code, said) = devnet.refused(&project, account, arguments)?;
        ensure!(code == Some(2) && said.contains(expected), "{arguments:?}: {code:?} {said}");
    }
    survives_a_restart(devnet, &project, id)
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
