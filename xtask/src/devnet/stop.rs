//! Waiting: for what a network is to do, and for the wish that it stops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::processes::Processes;

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(60);

/// Whether somebody asked to stop, by Ctrl-C or SIGTERM.
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on a signal is noted, and ends nothing by itself.
    pub fn on_signal() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Self(stop))
    }

    /// Whether somebody has.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Until it is asked for, which is a good end, or until a process ends, which is not.
    pub fn wait(&self, processes: &mut Processes) -> Result<()> {
        while !self.asked() {
            processes.check_alive()?;
            std::thread::park_timeout(Duration::from_millis(200));
        }
        Ok(())
    }
}

/// Waits for a condition, for a minute at most, while all processes live. An error of the condition counts as "not yet".
pub fn wait(
    stop: &Stop,
    processes: &mut Processes,
    what: &str,
    mut condition: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let start = Instant::now();
    loop {
        processes.check_alive()?;
        if stop.asked() {
            bail!("stopped while waiting for {what}");
        }
        match condition() {
            Ok(true) => return Ok(()),
            Ok(false) if start.elapsed() > DEADLINE => {
                bail!("waited in vain for {what}: see {}", processes.logs().display());
            }
            Err(error) if start.elapsed() > DEADLINE => {
                return Err(error.context(format!("waited in vain for {what}: see {}", processes.logs().display())));
            }
            _ => std::thread::park_timeout(Duration::from_millis(200)),
        }
    }
}
