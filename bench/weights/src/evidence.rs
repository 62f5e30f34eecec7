//! Evidence that the runtime's verifier accepts, of the software TEE, for the registrations that `pallet_workers` measures.

use anyhow::{Result, anyhow};
use codec::Encode;
use phala_attestation::{AllowedMeasurement, Hardware, MAX_MEASUREMENTS, MAX_ROOTS, Policy, TrustedRoot};
use phala_primitives::{
    AccountId, BootKem, BootSign, Hash256, WorkerId,
    report_data::BootBinding,
    worker::{Measurement, TcbStatus},
};
use phala_soft_tee::{Seed, Statement, Td, Vendor};
use sp_crypto_hashing::blake2_256;

/// What the measured worker runs. No filler has it.
const PROGRAM: Measurement = Measurement([255; 48]);

/// Evidence number `n` in its encoding, and the longest policy that it satisfies: where the verifier looks through a list, what it
/// looks for comes last.
pub fn make(n: u8, genesis: Hash256, now: u64) -> Result<(Vec<u8>, Policy)> {
    let vendor = Vendor::new(Seed::development())?;
    let td = Td::new(PROGRAM, binding(n, genesis).report_data());
    let evidence = vendor.evidence(&td, &Statement::at(now))?;

    let mut roots: Vec<TrustedRoot> = (1..MAX_ROOTS)
        .map(|n| Ok(Vendor::new(Seed::from_text(&format!("another vendor {n}")))?.trusted_root()?))
        .collect::<Result<_>>()?;
    roots.push(vendor.trusted_root()?);
    let mut measurements: Vec<_> = (1..MAX_MEASUREMENTS).map(|n| program(Measurement([n as u8; 48]))).collect();
    measurements.push(program(PROGRAM));
    let tcb = [
        TcbStatus::OutOfDateConfigurationNeeded,
        TcbStatus::OutOfDate,
        TcbStatus::ConfigurationAndSwHardeningNeeded,
        TcbStatus::ConfigurationNeeded,
        TcbStatus::SwHardeningNeeded,
        TcbStatus::UpToDate,
    ];
    let policy = Policy { roots: bounded(roots)?, measurements: bounded(measurements)?, tcb: bounded(tcb.to_vec())? };
    Ok((evidence.encode(), policy))
}

/// What the benchmark registers: see `pallet_workers::BenchmarkHelper`.
fn binding(n: u8, genesis: Hash256) -> BootBinding {
    // as `frame_benchmarking::whitelisted_caller` derives it
    let operator = AccountId(("whitelisted_caller", 0u32, 0u32).using_encoded(blake2_256));
    BootBinding {
        genesis,
        boot_sign: BootSign([n; 32]),
        boot_kem: BootKem([n; 32]),
        worker: WorkerId::derive(&genesis, &operator, &[5; 32]),
        operator,
        block: n.into(),
        block_hash: [n; 32],
    }
}

fn program(measurement: Measurement) -> AllowedMeasurement {
    AllowedMeasurement {
        hardware: Hardware::Tdx,
        measurement,
        registers: None,
        name: vec![b'a'; 64].try_into().unwrap_or_default(),
        version: vec![b'1'; 32].try_into().unwrap_or_default(),
    }
}

fn bounded<T, B: TryFrom<Vec<T>>>(items: Vec<T>) -> Result<B> {
    B::try_from(items).map_err(|_| anyhow!("more than there may be"))
}
