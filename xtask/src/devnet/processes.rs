//! The processes of a devnet: started with their output in a log, found again by their ids, and stopped.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// How long a process may take to stop after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);

/// Processes in the order of their start.
#[derive(Default)]
pub struct Processes(Vec<Process>);

struct Process {
    name: String,
    pid: i32,
    /// What `/proc` says of it: an id that another program got later is not ours.
    executable: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

/// The log of a process.
pub fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join("logs").join(format!("{name}.log"))
}

impl Processes {
    /// Starts one.
    pub fn start(&mut self, name: &str, mut command: Command, folder: &Path) -> Result<()> {
        let path = log(folder, name);
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        // a group of its own: Ctrl-C reaches xtask alone, which stops the processes in order
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        self.0.push(Process {
            name: name.to_owned(),
            pid: i32::try_from(child.id()).context("a process id")?,
            executable: fs::canonicalize(command.get_program()).context("the path of the program")?,
            arguments: command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect(),
            child: Some(child),
        });
        Ok(())
    }

    /// An error with the end of its log if one has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        for process in &mut self.0 {
            let Some(child) = &mut process.child else { continue };
            if let Some(status) = child.try_wait()? {
                bail!("{} ended ({status}): see .devnet/logs/{}.log", process.name, process.name);
            }
        }
        Ok(())
    }

    /// Whether one of them runs.
    pub fn any_alive(&self) -> bool {
        self.0.iter().any(Process::is_alive)
    }

    /// Name, id and life of each.
    pub fn list(&self) -> impl Iterator<Item = (&str, i32, bool)> {
        self.0.iter().map(|process| (process.name.as_str(), process.pid, process.is_alive()))
    }

    /// The port of the node's JSON-RPC.
    pub fn port(&self) -> Option<u16> {
        let node = self.0.iter().find(|process| process.name == "node")?;
        node.arguments.iter().find_map(|argument| argument.strip_prefix("--rpc-port=")?.parse().ok())
    }

    /// Stops all, the last started first.
    pub fn stop(&mut self) -> Result<()> {
        for process in self.0.iter_mut().rev() {
            process.stop()?;
        }
        Ok(())
    }

    /// Writes down what runs.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let list: Vec<Value> = self
            .0
            .iter()
            .map(|p| json!({ "name": p.name, "pid": p.pid, "executable": p.executable, "arguments": p.arguments }))
            .collect();
        fs::write(file(folder), serde_json::to_vec_pretty(&json!({ "version": 1, "processes": list }))?)?;
        Ok(())
    }

    /// Reads what `save` has written; nothing if there is no such file.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = file(folder);
        let Ok(bytes) = fs::read(&path) else { return Ok(Self::default()) };
        let parse = || -> Option<Vec<Process>> {
            let value: Value = serde_json::from_slice(&bytes).ok()?;
            let text = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
            let mut processes = Vec::new();
            for entry in value.get("processes")?.as_array()? {
                processes.push(Process {
                    name: text(entry, "name")?,
                    pid: i32::try_from(entry.get("pid")?.as_i64()?).ok()?,
                    executable: text(entry, "executable")?.into(),
                    arguments: entry
                        .get("arguments")?
                        .as_array()?
                        .iter()
                        .filter_map(|a| a.as_str().map(str::to_owned))
                        .collect(),
                    child: None,
                });
            }
            Some(processes)
        };
        let processes = parse()
            .with_context(|| format!("{} is damaged: delete it, and end what it named by hand", path.display()))?;
        Ok(Self(processes))
    }

    /// Deletes what `save` has written.
    pub fn forget(folder: &Path) -> Result<()> {
        match fs::remove_file(file(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("processes.json")
}

impl Process {
    fn is_alive(&self) -> bool {
        let folder = PathBuf::from(format!("/proc/{}", self.pid));
        // a replaced binary shows as "… (deleted)" while the old one runs
        let ours = fs::read_link(folder.join("exe")).is_ok_and(|path| {
            path.to_string_lossy().trim_end_matches(" (deleted)") == self.executable.to_string_lossy()
        });
        let zombie = fs::read_to_string(folder.join("stat")).is_ok_and(|stat| stat.contains(") Z "));
        ours && !zombie
    }

    fn stop(&mut self) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        let pid = Pid::from_raw(self.pid).context("a process id")?;
        // between the look and the signal it may end by itself, which is as good
        let _ = kill_process(pid, Signal::TERM);
        let start = Instant::now();
        while self.is_alive() {
            if start.elapsed() > GRACE {
                println!("{} did not stop in {} s: killing it", self.name, GRACE.as_secs());
                let _ = kill_process(pid, Signal::KILL);
                break;
            }
            if let Some(child) = &mut self.child {
                child.try_wait()?;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!(
            "phala-devnet-test-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        fs::create_dir_all(folder.join("logs")).unwrap();
        folder
    }

    #[test]
    fn a_process_is_found_again_and_stopped() {
        let folder = folder();
        let mut processes = Processes::default();
        let mut sleep = Command::new(fs::canonicalize("/bin/sleep").unwrap());
        sleep.arg("600");
        processes.start("sleeper", sleep, &folder).unwrap();
        processes.save(&folder).unwrap();

        let mut loaded = Processes::load(&folder).unwrap();
        // a process exists before its program is loaded into it
        while !loaded.any_alive() {
            processes.check_alive().unwrap();
            std::thread::yield_now();
        }
        // an id whose program is another one is not ours
        let mut foreign = Processes::load(&folder).unwrap();
        foreign.0[0].executable = "/bin/other".into();
        assert!(!foreign.any_alive());
        foreign.stop().unwrap();
        assert!(loaded.any_alive());

        processes.stop().unwrap();
        assert!(!loaded.any_alive());
        loaded.stop().unwrap();
        Processes::forget(&folder).unwrap();
        assert!(!Processes::load(&folder).unwrap().any_alive());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_damaged_list_is_an_error_that_says_what_to_do() {
        let folder = folder();
        fs::write(file(&folder), b"{").unwrap();
        let error = Processes::load(&folder).err().unwrap().to_string();
        assert!(error.contains("delete it"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
