//! workerd with the smallest worker there is (`bench/peers`): what a query is compared with.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use phala_e2e::wait_for;

const DEADLINE: Duration = Duration::from_secs(20);

/// Runs until it is dropped.
pub struct Workerd {
    process: Child,
    server: String,
}

impl Workerd {
    /// Starts it. Fails if `cargo xtask bench` could not fetch it, or if it does not run on this machine.
    pub fn start() -> Result<Self> {
        let peers = crate::root().join("bench/peers");
        let program = program(&peers).context("workerd is not there: `cargo xtask bench` fetches it with npm")?;
        let server = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new(program);
        command.arg("serve").arg(peers.join("config.capnp")).arg(format!("--socket-addr=http={server}"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut workerd = Self { process, server };
        let ended = wait_for("workerd to listen", DEADLINE, || {
            // one that has ended will not listen: no need to wait for the deadline
            let ended = workerd.process.try_wait()?;
            let listens = TcpStream::connect(&workerd.server).is_ok();
            Ok((ended.is_some() || listens).then_some(ended))
        })?;
        ensure!(ended.is_none(), "workerd has ended: {ended:?}");
        Ok(workerd)
    }

    /// Its address and port.
    pub fn server(&self) -> String {
        self.server.clone()
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// npm fetches the one package that is for this machine. What npm links as `workerd` is a script that starts the program in there.
fn program(peers: &Path) -> Option<PathBuf> {
    let packages = fs::read_dir(peers.join("node_modules/@cloudflare")).ok()?;
    packages.flatten().map(|package| package.path().join("bin/workerd")).find(|program| program.is_file())
}
