//! What a quote is about: one program, as the technology describes it.

use phala_attestation::Hardware;
use phala_primitives::worker::Measurement;
use sha2::{Digest, Sha256};

use crate::Format;

/// Attributes of a TD that may be trusted: only `SEPT_VE_DISABLE`, bit 28.
const SEPT_VE_DISABLE: [u8; 8] = (1u64 << 28).to_le_bytes();
/// Attributes of an enclave in production: initialised, 64 bits, not in debug mode; x87, SSE, AVX, AVX-512 and PKRU.
const PRODUCTION_ENCLAVE: [u8; 16] = [0x05, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0];

/// A program in an enclave of SGX.
#[derive(Clone, Debug)]
pub struct Enclave {
    /// The program: `MRENCLAVE`.
    pub measurement: [u8; 32],
    /// Who signed the program: `MRSIGNER`.
    pub signer: [u8; 32],
    /// `ISVPRODID`.
    pub product: u16,
    /// `ISVSVN`.
    pub security_version: u16,
    /// `ATTRIBUTES`: flags, then `XFRM`.
    pub attributes: [u8; 16],
    /// `CONFIGID`: what the program was launched with.
    pub configuration: [u8; 64],
    /// What the program wants to be bound to it.
    pub report_data: [u8; 64],
}

impl Enclave {
    /// A program as it should be.
    pub fn new(measurement: [u8; 32], report_data: [u8; 64]) -> Self {
        Self {
            measurement,
            signer: Sha256::digest(b"phala-soft-tee enclave signer").into(),
            product: 1,
            security_version: 1,
            attributes: PRODUCTION_ENCLAVE,
            configuration: [0; 64],
            report_data,
        }
    }
}

/// A program in a TD. Tests change what they want to see refused.
#[derive(Clone, Debug)]
pub struct Td {
    /// The program: goes to `MRTD`.
    pub measurement: Measurement,
    /// What the program wants to be bound to it.
    pub report_data: [u8; 64],
    /// `TDATTRIBUTES`.
    pub attributes: [u8; 8],
    /// `RTMR0` to `RTMR3`; a program under the software TEE does not extend them.
    pub registers: [[u8; 48]; 4],
    /// `MRCONFIGID`: what the program was launched with.
    pub configuration: [u8; 48],
    /// `MROWNER`: who launched the program.
    pub owner: [u8; 48],
}

impl Td {
    /// A program as it should be.
    pub fn new(measurement: Measurement, report_data: [u8; 64]) -> Self {
        Self {
            measurement,
            report_data,
            attributes: SEPT_VE_DISABLE,
            registers: [[0; 48]; 4],
            configuration: [0; 48],
            owner: [0; 48],
        }
    }
}

/// A program under one of the technologies.
#[derive(Clone, Debug)]
pub enum Program {
    /// In an enclave of SGX.
    Enclave(Enclave),
    /// In a TD.
    Td(Td),
}

impl Program {
    /// The program that the software TEE measured, for quotes of this format. `MRENCLAVE` has 32 bytes: the first ones
    /// of the measurement.
    pub fn new(format: Format, measurement: Measurement, report_data: [u8; 64]) -> Self {
        match format.hardware() {
            Hardware::Sgx => {
                let mut first = [0; 32];
                first.iter_mut().zip(measurement.0).for_each(|(to, from)| *to = from);
                Self::Enclave(Enclave::new(first, report_data))
            }
            Hardware::Tdx => Self::Td(Td::new(measurement, report_data)),
        }
    }
}

impl From<Enclave> for Program {
    fn from(enclave: Enclave) -> Self {
        Self::Enclave(enclave)
    }
}

impl From<Td> for Program {
    fn from(td: Td) -> Self {
        Self::Td(td)
    }
}
