//! Measuring a program: SHA-384 of its executable, which takes the place of `MRTD`.

use phala_primitives::worker::Measurement;
use sha2::{Digest, Sha384};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The measurement of an executable file.
pub fn measure_file(path: &Path) -> io::Result<Measurement> {
    let mut file = File::open(path)?;
    let mut hash = Sha384::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Measurement(hash.finalize().into())),
            Ok(len) => hash.update(buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The measurement of the executable that a process runs now.
///
/// It is read through `/proc/<pid>/exe`, so replacing the file on disk does not change the answer for a running process.
/// This measures less than a TEE does, and can be raced: see "What the measurement is worth" in `PROTOCOL.md`.
pub fn measure_process(pid: u32) -> io::Result<Measurement> {
    measure_file(Path::new(&format!("/proc/{pid}/exe")))
}
