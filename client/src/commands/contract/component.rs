//! Whether a cluster's workers would run a component. The engine that they run says so here, before anything is paid for code that
//! would only yield failed receipts.

mod nobody;

use std::path::Path;

use phala_client::{Because as _, Fault, Result};
use phala_primitives::cluster::ClusterConfigV1;
use phat_engine::{CodeError, Engine, Limits, Pool, Revision};

use nobody::Nobody;

/// Longer files are no components of any cluster, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The compiler is for the workers' machines. Elsewhere all but its verdict and the types of the world are checked.
const AS_WORKERS: bool = cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"));

/// Reads a component.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    let shown = file.display();
    let length = std::fs::metadata(file).map_err(|error| Fault::File.because(format!("{shown}: {error}")))?.len();
    if length > MAX_BYTES {
        return Err(Fault::Component.because(format!("{shown}: {length} bytes are no component")));
    }
    std::fs::read(file).map_err(|error| Fault::File.because(format!("{shown}: {error}")))
}

/// Refuses what the workers of a cluster with this configuration would refuse. Takes up to seconds.
pub fn check(component: &[u8], config: &ClusterConfigV1) -> Result<()> {
    let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
    let given = &config.limits;
    let limits = Limits {
        code_bytes: size(given.code_bytes),
        memory_bytes: size(given.memory_bytes),
        key_bytes: size(given.key_bytes),
        value_bytes: size(given.value_bytes),
        output_bytes: size(given.output_bytes),
        payload_bytes: size(given.payload_bytes),
    };
    let pool = Pool { calls: 1, memory_bytes: limits.memory_bytes };
    // rules that this program does not have, or a machine on which the engine cannot be: the workers will say it
    let engine =
        Revision::from_number(config.engine_revision).and_then(|revision| Engine::<Nobody>::new(revision, pool).ok());
    let Some(engine) = engine else { return Ok(()) };
    match engine.compile(component, &limits) {
        Ok(_) => Ok(()),
        Err(CodeError::Compile(_)) if !AS_WORKERS => Ok(()),
        Err(error) => Err(Fault::Component.because(format!(
            "the cluster's workers would not run this component: {error}. `phala contract build` makes one that they run"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use phala_client::Class;
    use phala_primitives::cluster::Permission;

    use super::*;
    use crate::commands::contract::terms::tests::config;

    #[test]
    fn what_workers_would_not_run_is_refused() {
        let config = config(Permission::Public);
        // a component without imports and exports
        let empty = b"\0asm\x0d\0\x01\0";
        for (bytes, expected) in [
            (&b"hello"[..], "not a WebAssembly component"),
            (b"\0asm\x01\0\0\0", "not a WebAssembly component"),
            (&[0; 2000], "2000 bytes"),
            (empty, "does not fit the world"),
        ] {
            if bytes == empty && !AS_WORKERS {
                continue;
            }
            let failure = check(bytes, &config).unwrap_err();
            assert_eq!(failure.class, Class::User);
            assert!(failure.message.contains(expected), "{failure}");
        }
    }

    #[test]
    fn rules_that_this_program_does_not_have_are_left_to_the_workers() {
        let config = ClusterConfigV1 { engine_revision: u32::MAX, ..config(Permission::Public) };
        check(b"hello", &config).unwrap();
    }
}
