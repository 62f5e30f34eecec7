//! Where contracts are compiled.
//!
//! All projects of a user share one target directory: most of a first build is what makes the interface's code, and
//! that is the same for all. Cargo tells packages of a project apart by their paths inside of it, so that code does not
//! hang on where the project lies. The price: in a shared directory it takes the SDK's macro, or a build script, of one
//! checkout for that of another, and for up to date if it is newer than the other's source. So one project is built at
//! a time, and where another one was built before, what both may have is removed first.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use phala_toolchain::cache;

/// The target directory, for one project until this is dropped.
pub struct Target {
    folder: PathBuf,
    _lock: File,
}

impl Target {
    /// Takes it; waits for other builds to end.
    pub fn take(say: &mut dyn FnMut(&str)) -> Result<Self> {
        let folder = cache()?.join("contracts");
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let path = folder.join("lock");
        let lock = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let locked = match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                say("waiting for another build of a contract to end");
                lock.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        locked.with_context(|| format!("lock {}", path.display()))?;
        Ok(Self { folder, _lock: lock })
    }

    /// The directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Hands it to a project. If another one has had it, `clean` is asked to remove what there is of the project's
    /// packages.
    ///
    /// That is what was compiled for the machine itself, as macros and build scripts are. Everything for WebAssembly is
    /// compiled anew in any case, since the compiler's flags name the project's folder.
    pub fn hand_to(&self, project: &Path, clean: impl FnOnce() -> Result<()>) -> Result<()> {
        let noted = self.folder.join("project");
        let project: &OsStr = project.as_os_str();
        if fs::read(&noted).is_ok_and(|last| last == project.as_encoded_bytes()) {
            return Ok(());
        }
        clean()?;
        fs::write(&noted, project.as_encoded_bytes()).with_context(|| format!("write {}", noted.display()))
    }
}
