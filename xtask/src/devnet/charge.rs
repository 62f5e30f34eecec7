//! Who starts and stops the processes of a folder: one program at a time.
//!
//! It holds a lock, which ends with the program however that ends, SIGKILL included. While it listens to signals, its id is
//! in the locked file, so that `stop` can ask it to stop what it has started.

use std::{
    fs::{self, File, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long whoever has it may take to stop everything. A build of the example is not interrupted.
const PATIENCE: Duration = Duration::from_secs(300);

/// The right to start and stop the processes of a folder, until it is dropped.
pub struct Charge {
    lock: File,
}

impl Charge {
    /// Takes it; nothing if another program has it.
    pub fn take(folder: &Path) -> Result<Option<Self>> {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let path = file(folder);
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("lock {}", path.display())),
        }
        // whose id may be there still is gone
        lock.set_len(0)?;
        Ok(Some(Self { lock }))
    }

    /// Says that this program takes SIGTERM as the wish to stop everything.
    pub fn listens(&mut self) -> Result<()> {
        self.lock.write_all(format!("{}\n", std::process::id()).as_bytes())?;
        Ok(())
    }

    /// Takes it, also from a program that has it: that one is asked to stop everything, and waited for. Says whether there
    /// was one.
    pub fn take_over(folder: &Path) -> Result<(Self, bool)> {
        let start = Instant::now();
        let mut asked = None;
        loop {
            if let Some(charge) = Self::take(folder)? {
                return Ok((charge, asked.is_some()));
            }
            if asked.is_none()
                && let Some(holder) = holder(folder)
            {
                // between the look and the signal it may end by itself, which is as good
                let _ = kill_process(holder, Signal::TERM);
                println!("process {} has the devnet: waiting until it has stopped it", holder.as_raw_nonzero());
                asked = Some(holder.as_raw_nonzero());
            }
            if start.elapsed() > PATIENCE {
                let name = asked.map_or_else(|| "a program".to_owned(), |id| format!("process {id}"));
                bail!("{name} keeps {} locked: end it, and try again", file(folder).display());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// The program that has it, if it listens already.
fn holder(folder: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file(folder)).ok()?;
    let id: u32 = text.strip_suffix('\n')?.parse().ok()?;
    Pid::from_raw(i32::try_from(id).ok()?)
}

fn file(folder: &Path) -> PathBuf {
    folder.join("lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Charge::take(folder.path()).unwrap().unwrap();
        assert!(Charge::take(folder.path()).unwrap().is_none());
        // who does not listen is not sent a signal
        assert_eq!(holder(folder.path()), None);
        first.listens().unwrap();
        assert_eq!(
            holder(folder.path()).map(Pid::as_raw_nonzero).map(i32::from),
            i32::try_from(std::process::id()).ok()
        );

        drop(first);
        let (next, was_held) = Charge::take_over(folder.path()).unwrap();
        assert!(!was_held);
        assert_eq!(holder(folder.path()), None, "the id of the one before it is forgotten");
        drop(next);
    }
}
