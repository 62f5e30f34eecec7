//! The processes of a devnet: started with their output in a log, found again by their ids, and stopped.
//!
//! They are written down at each start: whoever ends this program, even by SIGKILL, leaves nothing that `stop` does not find.

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

/// How long a process may take to end after a signal.
const GRACE: Duration = Duration::from_secs(20);

/// Processes in the order of their start, and the folder that has their list and their logs.
pub struct Processes {
    folder: PathBuf,
    list: Vec<Process>,
}

struct Process {
    name: String,
    pid: i32,
    /// What `/proc` says of it: an id that another program got later is not ours.
    executable: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Processes {
    /// None yet.
    pub fn none(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), list: Vec::new() }
    }

    /// Those that are written down in a folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = file(folder);
        let Ok(bytes) = fs::read(&path) else { return Ok(Self::none(folder)) };
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
        let list = parse()
            .with_context(|| format!("{} is damaged: delete it, and end what it named by hand", path.display()))?;
        Ok(Self { folder: folder.to_owned(), list })
    }

    /// Starts one.
    pub fn start(&mut self, name: &str, mut command: Command) -> Result<()> {
        let path = self.log(name);
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        // a group of its own: Ctrl-C reaches xtask alone, which stops the processes in order
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let executable = fs::canonicalize(command.get_program()).context("the path of the program")?;
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        self.list.push(Process {
            name: name.to_owned(),
            pid: i32::try_from(child.id()).context("a process id")?,
            executable,
            arguments: command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect(),
            child: Some(child),
        });
        self.save()
    }

    /// The log of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// The folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// An error that names the log of one that has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        let logs = self.logs();
        for process in &mut self.list {
            let Some(child) = &mut process.child else { continue };
            if let Some(status) = child.try_wait()? {
                bail!("{} ended ({status}): see {}/{}.log", process.name, logs.display(), process.name);
            }
        }
        Ok(())
    }

    /// Whether one of them runs.
    pub fn any_alive(&self) -> bool {
        self.list.iter().any(Process::is_alive)
    }

    /// Name, id and life of each.
    pub fn list(&self) -> impl Iterator<Item = (&str, i32, bool)> {
        self.list.iter().map(|process| (process.name.as_str(), process.pid, process.is_alive()))
    }

    /// The port of the node's JSON-RPC, if the node runs.
    pub fn port(&self) -> Option<u16> {
        let node = self.list.iter().find(|process| process.name == "node" && process.is_alive())?;
        node.arguments.iter().find_map(|argument| argument.strip_prefix("--rpc-port=")?.parse().ok())
    }

    /// Stops all, the last started first, and forgets them.
    pub fn stop(&mut self) -> Result<()> {
        for process in self.list.iter_mut().rev() {
            process.stop()?;
        }
        self.list.clear();
        match fs::remove_file(file(&self.folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes down what was started, at once or not at all: others read it meanwhile.
    fn save(&self) -> Result<()> {
        let list: Vec<Value> = self
            .list
            .iter()
            .map(|p| json!({ "name": p.name, "pid": p.pid, "executable": p.executable, "arguments": p.arguments }))
            .collect();
        let path = file(&self.folder);
        let fresh = path.with_extension("json.new");
        fs::write(&fresh, serde_json::to_vec_pretty(&json!({ "version": 1, "processes": list }))?)
            .with_context(|| format!("write {}", fresh.display()))?;
        fs::rename(&fresh, &path).with_context(|| format!("write {}", path.display()))
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
        for signal in [Signal::TERM, Signal::KILL] {
            // between the look and the signal it may end by itself, which is as good
            let _ = kill_process(pid, signal);
            if self.ends()? {
                return Ok(());
            }
            println!("{} ({}) did not end in {} s", self.name, self.pid, GRACE.as_secs());
        }
        bail!("{} cannot be ended: look at process {}", self.name, self.pid)
    }

    /// Waits for its end, for a while.
    fn ends(&mut self) -> Result<bool> {
        let start = Instant::now();
        while self.is_alive() {
            if start.elapsed() > GRACE {
                return Ok(false);
            }
            if let Some(child) = &mut self.child {
                child.try_wait()?;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        folder
    }

    #[test]
    fn a_process_is_found_again_and_stopped() {
        let folder = folder();
        let mut processes = Processes::none(folder.path());
        let mut sleep = Command::new(fs::canonicalize("/bin/sleep").unwrap());
        sleep.arg("600");
        processes.start("sleeper", sleep).unwrap();

        let mut loaded = Processes::load(folder.path()).unwrap();
        // a process exists before its program is loaded into it
        while !loaded.any_alive() {
            processes.check_alive().unwrap();
            std::thread::yield_now();
        }
        // an id whose program is another one is not ours
        let mut foreign = Processes::load(folder.path()).unwrap();
        foreign.list[0].executable = "/bin/other".into();
        assert!(!foreign.any_alive());
        foreign.stop().unwrap();
        assert!(loaded.any_alive());

        processes.stop().unwrap();
        assert!(!loaded.any_alive());
        loaded.stop().unwrap();
        assert_eq!(Processes::load(folder.path()).unwrap().list().count(), 0);
    }

    #[test]
    fn a_damaged_list_is_an_error_that_says_what_to_do() {
        let folder = folder();
        fs::write(file(folder.path()), b"{").unwrap();
        let error = Processes::load(folder.path()).err().unwrap().to_string();
        assert!(error.contains("delete it"), "{error}");
    }
}
