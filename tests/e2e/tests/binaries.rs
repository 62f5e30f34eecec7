//! Programs that the chain does not admit, and data that are not a worker's own.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use phala_e2e::{Devnet, Process, binary, run, wait_for};

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn changed_programs_and_foreign_data_are_refused() -> Result<()> {
    Devnet::with(|devnet| {
        a_changed_worker(devnet)?;
        data_of_others(devnet)?;
        a_worker_built_anew(devnet)
    })
}

/// It runs, it is attested as what it is, and the chain does not list it.
fn a_changed_worker(devnet: &Devnet) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("phala-worker");
    fs::copy(binary("phala-worker")?, &program)?;
    fs::File::options().append(true).open(&program)?.write_all(b"\n")?;
    let arguments = devnet.worker_arguments("//Dave", &[devnet.node_url()], "changed", 0);
    let mut process = Process::start_program(&program, &arguments, &devnet.net().join("logs/changed.log"))?;
    wait_for("the chain to refuse the changed worker", DEADLINE, || {
        process.check_alive()?;
        Ok(process.log()?.contains("Workers::EvidenceUnlistedMeasurement").then_some(()))
    })?;
    let list = devnet.json(folder.path(), &["worker", "list"])?;
    ensure!(list.as_array().is_some_and(|list| list.len() == 1), "{list}");
    ensure!(process.stop()?.success(), "it stops by itself when asked to");
    Ok(())
}

/// A data directory of another version, chain or cluster, or a damaged one: the worker says so, and leaves it as it is.
fn data_of_others(devnet: &Devnet) -> Result<()> {
    let data = devnet.net().join("another");
    let (mut process, _) = devnet.another_worker("//Charlie", &[devnet.node_url()], "data")?;
    wait_for("a data directory", DEADLINE, || {
        process.check_alive()?;
        Ok((data.join("OWNER").is_file() && process.log()?.contains("connected")).then_some(()))
    })?;
    ensure!(process.stop()?.success(), "it stops by itself when asked to");

    let own = fs::read_to_string(data.join("OWNER"))?;
    let parts: Vec<&str> = own.split(", ").collect();
    let [version, chain, cluster] = parts[..] else { bail!("{own}") };
    let mark = |version: &str, chain: &str, cluster: &str| format!("{version}, {chain}, {cluster}").into_bytes();
    let other_chain = format!("chain 0x{}", "00".repeat(32));
    let foreign = "give this worker a directory of its own";
    let damaged = "is damaged or of another version. Move the directory away";
    for (file, content, belongs, help) in [
        ("OWNER", Some(mark("version 0", chain, cluster)), "belongs to version 0, chain 0x", foreign),
        ("OWNER", Some(mark(version, &other_chain, cluster)), "chain 0x0000", foreign),
        ("OWNER", Some(mark(version, chain, "cluster 7")), "cluster 7, not to version", foreign),
        ("OWNER", None, "the file OWNER beside it is missing", damaged),
        ("state.redb", Some(vec![0xab; 4096]), "the database in", damaged),
    ] {
        let path = data.join(file);
        let original = fs::read(&path)?;
        match content {
            Some(content) => fs::write(&path, content)?,
            None => fs::remove_file(&path)?,
        }
        let before = files(&data)?;
        let arguments = devnet.worker_arguments("//Charlie", &[devnet.node_url()], "another", 0);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let exit = run("phala-worker", &arguments)?;
        let said = exit.stderr.contains(belongs) && exit.stderr.contains(help);
        ensure!(exit.code == Some(1) && said, "{file}: {:?} {}", exit.code, exit.stderr);
        ensure!(files(&data)? == before, "{file}: the worker has changed what is not its own");
        fs::write(&path, original)?;
    }
    Ok(())
}

/// Every file of a folder without folders in it.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let file = |entry: std::io::Result<fs::DirEntry>| -> Result<_> {
        let path = entry?.path();
        let content = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok((path, content))
    };
    fs::read_dir(folder)?.map(file).collect()
}

/// A chain goes on with the program that its genesis lists, and with no other.
fn a_worker_built_anew(devnet: &Devnet) -> Result<()> {
    let stopped = devnet.xtask(&["stop"], &[])?;
    ensure!(stopped.status.success());
    let chain = fs::read(devnet.net().join("chain.json"))?;
    fs::write(devnet.net().join("measurement"), format!("0x{}", "00".repeat(48)))?;
    let Err(refused) = devnet.up() else { bail!("the devnet goes on with another worker") };
    let said = refused.to_string();
    ensure!(said.contains("the worker was built anew since this chain began"), "{said}");
    ensure!(said.contains("`cargo xtask devnet reset` begins a new one"), "{said}");
    ensure!(fs::read(devnet.net().join("chain.json"))? == chain);
    Ok(())
}
