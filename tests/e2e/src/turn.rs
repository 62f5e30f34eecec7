//! Taking turns, among all scenarios that run at a time.

use std::fs::File;

use anyhow::{Context as _, Result};

use crate::binary;

/// The turn of a scenario, until it is dropped.
pub struct Turn {
    _lock: File,
}

impl Turn {
    /// To build contracts. `phala contract build` has one cache for a user: builds of two contracts at a time get in the way
    /// of each other, and builds of one contract write the same file.
    pub fn to_build() -> Result<Self> {
        let path = binary("phala")?.with_file_name("phala-e2e-builds");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("open {}", path.display()))?;
        lock.lock().with_context(|| format!("lock {}", path.display()))?;
        Ok(Self { _lock: lock })
    }
}
