//! The machine: which one it is, and how new its parts are.
//!
//! Numbers have the shape of a real platform's, so that every rule of the TCB match is met: components differ, some are
//! not used, and the first two of TDX are judged by the identity of its module.

use phala_attestation::Hardware;

use crate::pck_extension::{Configuration, PckExtension};

/// Security versions that a TCB level asks for.
pub struct Versions {
    /// Microcode and firmware: `CPUSVN`, component by component.
    pub cpu: [u8; 16],
    /// The provisioning enclave.
    pub pce: u16,
    /// The TDX module.
    pub module: u8,
    /// The late microcode update for TDX.
    pub microcode: u8,
}

/// What the vendor calls current, and the platform has.
pub const CURRENT: Versions =
    Versions { cpu: [4, 4, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0], pce: 13, module: 2, microcode: 4 };
/// What the vendor calls out of date.
pub const OUTDATED: Versions =
    Versions { cpu: [3, 3, 2, 2, 3, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0], pce: 11, module: 1, microcode: 3 };
/// The generation of the TDX module that [`CURRENT`] and [`OUTDATED`] count in.
pub const MODULE_GENERATION: u8 = 1;

/// The provisioning enclave.
pub const PCE_ID: [u8; 2] = [0, 0];
/// The family of platforms that all software TEEs belong to: `PHALA` and a zero.
pub const FMSPC: [u8; 6] = *b"PHALA\0";

/// `TEE_TCB_SVN` of a platform with these versions.
pub fn tee_tcb_svn(versions: &Versions) -> [u8; 16] {
    let mut svn = [0; 16];
    svn.iter_mut().zip([versions.module, MODULE_GENERATION, versions.microcode]).for_each(|(to, from)| *to = from);
    svn
}

/// What tells one platform from another.
pub struct Platform {
    pub ppid: [u8; 16],
    pub instance: [u8; 16],
    pub qe_id: [u8; 16],
}

impl Platform {
    /// What the platform's certificate says. SGX quotes come from a machine with one processor, certified by the
    /// processor CA: memory of the first class, no instance, no configuration. TDX needs a server, certified by the
    /// platform CA.
    pub fn extension(&self, hardware: Hardware) -> PckExtension {
        let server = hardware == Hardware::Tdx;
        PckExtension {
            ppid: self.ppid.to_vec(),
            components: CURRENT.cpu,
            pce_svn: CURRENT.pce,
            cpu_svn: CURRENT.cpu.to_vec(),
            pce_id: PCE_ID.to_vec(),
            fmspc: FMSPC.to_vec(),
            sgx_type: u8::from(server),
            instance: server.then_some(self.instance),
            configuration: server.then_some(Configuration {
                dynamic_platform: false,
                cached_keys: false,
                smt_enabled: true,
            }),
        }
    }
}
