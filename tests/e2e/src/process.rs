//! Processes of a scenario: started, logged to a file, asked to stop, and killed if they do not.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait_for;

/// How long a process may take to stop when it is asked to.
const GRACE: Duration = Duration::from_secs(20);

/// The path of a binary of this workspace: of the same profile as the running program.
pub fn binary(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe().context("the path of this program")?;
    // <target>/<profile>/<program>, or <target>/<profile>/deps/<test>
    let places = running.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = places.clone().find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not beside {}: build it first (`cargo xtask test` does)", running.display())
    })
}

/// What a process that ran to its end said.
pub struct Exit {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a binary of this workspace to its end.
pub fn run(name: &str, args: &[&str]) -> Result<Exit> {
    let output =
        Command::new(binary(name)?).args(args).stdin(Stdio::null()).output().with_context(|| format!("run {name}"))?;
    Ok(Exit {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A process that runs until it is stopped or dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a binary of this workspace with its output in `log`, appended.
    pub fn start(name: &str, args: &[String], log: &Path) -> Result<Self> {
        Self::start_program(&binary(name)?, args, log)
    }

    /// Starts any program like this.
    pub fn start_program(program: &Path, args: &[String], log: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(args);
        Self::start_command(command, log)
    }

    /// Starts a command like this.
    pub fn start_command(mut command: Command, log: &Path) -> Result<Self> {
        let file =
            File::options().create(true).append(true).open(log).with_context(|| format!("open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// What it has logged.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// Waits until it has logged these words; an error if it ends without them. Gives the log.
    pub fn says(&mut self, words: &str, deadline: Duration) -> Result<String> {
        wait_for(&format!("a process to say '{words}'"), deadline, || {
            // looked at first: what it has said before its end counts
            let ended = self.check_alive().err();
            let log = self.log()?;
            Ok(if log.contains(words) { Some(Ok(log)) } else { ended.map(Err) })
        })?
    }

    /// An error with the end of the log if the process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = self.log()?;
            let from = log.char_indices().rev().nth(2_000).map_or(0, |(at, _)| at);
            bail!("the process ended ({status}); the end of its log:\n{}", log.get(from..).unwrap_or(&log));
        }
        Ok(())
    }

    /// SIGTERM, and the exit status; an error if it does not stop in time.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// The same with SIGINT, which is what Ctrl-C sends.
    pub fn interrupt(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::INT);
        self.ended()
    }

    /// The exit status of a process that was asked to stop, by whomever; an error if it does not in time.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        wait_for("a process to stop that was asked to", GRACE, || Ok(self.child.try_wait()?))
    }

    /// SIGSTOP: from now on it does nothing. It can still be killed.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGKILL, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // a process that is gone already has nothing to be told
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && self.stop().is_err() {
            let _ = self.kill();
        }
    }
}
