//! The lengths inside a quote, checked to add up exactly before anything is parsed or verified.
//!
//! Layout: Intel "Quote Generation, Verification, and Attestation with Intel SGX DCAP", appendix A (SGX, version 3) and
//! "TDX DCAP Quoting Library API", appendix A (versions 4 and 5).

use crate::AttestationError::{self, MalformedQuote, TrailingBytes, UnsupportedVersion};

const TEE_SGX: u32 = 0;
const TEE_TDX: u32 = 0x81;
const SIGNATURE: usize = 64;
const PUBLIC_KEY: usize = 64;
const ENCLAVE_REPORT: usize = 384;
/// Certification data that wraps the quoting enclave's report; versions 4 and 5 only.
const QE_REPORT_CERTIFICATION: u16 = 6;
/// Certification data that is a PEM chain: PCK certificate, intermediate, root.
const PCK_CHAIN: u16 = 5;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], AttestationError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(MalformedQuote)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AttestationError> {
        self.take(N)?.try_into().map_err(|_| MalformedQuote)
    }

    fn u16(&mut self) -> Result<u16, AttestationError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, AttestationError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The rest as one element behind its 32-bit length.
    fn last_element(&mut self) -> Result<Reader<'a>, AttestationError> {
        let len = self.u32()? as usize;
        let element = self.take(len)?;
        if self.0.is_empty() { Ok(Reader(element)) } else { Err(TrailingBytes) }
    }
}

/// Reads the header and skips the report; what is left is the signature section with its length.
fn skip_report(reader: &mut Reader<'_>) -> Result<u16, AttestationError> {
    let (version, _key_type, tee) = (reader.u16()?, reader.u16()?, reader.u32()?);
    reader.take(40)?;
    let report = match (version, tee) {
        (3, TEE_SGX) => ENCLAVE_REPORT,
        (4, TEE_TDX) => 584,
        (5, TEE_TDX) => match (reader.u16()?, reader.u32()?) {
            (2, 584) => 584,
            (3, 648) => 648,
            (4, 885) => 885,
            (2..=4, _) => return Err(MalformedQuote),
            _ => return Err(UnsupportedVersion),
        },
        _ => return Err(UnsupportedVersion),
    };
    reader.take(report)?;
    Ok(version)
}

/// Whether `quote` is one quote of a supported kind from its first byte to its last.
pub fn check(quote: &[u8]) -> Result<(), AttestationError> {
    let mut reader = Reader(quote);
    let version = skip_report(&mut reader)?;
    let mut section = reader.last_element()?;
    section.take(SIGNATURE)?;
    section.take(PUBLIC_KEY)?;
    if version > 3 {
        if section.u16()? != QE_REPORT_CERTIFICATION {
            return Err(UnsupportedVersion);
        }
        section = section.last_element()?;
    }
    section.take(ENCLAVE_REPORT)?;
    section.take(SIGNATURE)?;
    let auth_data = section.u16()?;
    section.take(auth_data.into())?;
    if section.u16()? != PCK_CHAIN {
        return Err(UnsupportedVersion);
    }
    section.last_element().map(|_| ())
}

/// The quote without the zeros that some platforms append to fill a buffer. For collectors: verification refuses padding.
///
/// What is not a quote followed by zeros comes back as it is.
pub fn trim_padding(quote: &[u8]) -> &[u8] {
    let mut reader = Reader(quote);
    let trimmed = skip_report(&mut reader).and_then(|_| {
        let len = reader.u32()? as usize;
        reader.take(len)?;
        let padding = reader.0;
        if padding.iter().all(|byte| *byte == 0) { Ok(quote.strip_suffix(padding)) } else { Err(TrailingBytes) }
    });
    trimmed.ok().flatten().unwrap_or(quote)
}
