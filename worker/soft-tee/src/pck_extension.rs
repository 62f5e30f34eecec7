//! The extension by which a platform's certificate says which platform it is.
//!
//! Intel "SGX PCK Certificate and Certificate Revocation List Profile Specification" §1.3.5, OID 1.2.840.113741.1.13.1.

use der::{
    Encode, Tag,
    asn1::{Any, ObjectIdentifier, OctetString},
};
use x509_cert::ext::Extension;

use crate::{VendorError, certificates::opaque_extension};

const SGX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");

/// Security version of each of the 16 components of the platform's TCB.
pub const COMPONENT_SVN: u8 = 5;
/// Security version of the provisioning enclave.
pub const PCE_SVN: u16 = 13;
/// The provisioning enclave.
pub const PCE_ID: [u8; 2] = [0, 0];
/// The family of platforms that all software TEEs belong to: `PHALA` and a zero.
pub const FMSPC: [u8; 6] = *b"PHALA\0";

/// What tells one platform from another.
pub struct Platform {
    pub ppid: [u8; 16],
    pub instance: [u8; 16],
}

pub fn pck_extension(platform: &Platform) -> Result<Extension, VendorError> {
    let mut tcb = Vec::new();
    for component in 1..=16 {
        tcb.push(field(&[2, component], COMPONENT_SVN.to_der()?)?);
    }
    tcb.push(field(&[2, 17], PCE_SVN.to_der()?)?);
    tcb.push(field(&[2, 18], octets(&[COMPONENT_SVN; 16])?)?);
    let configuration = sequence(vec![
        field(&[7, 1], false.to_der()?)?,
        field(&[7, 2], false.to_der()?)?,
        field(&[7, 3], true.to_der()?)?,
    ])?;
    let content = sequence(vec![
        field(&[1], octets(&platform.ppid)?)?,
        field(&[2], sequence(tcb)?)?,
        field(&[3], octets(&PCE_ID)?)?,
        field(&[4], octets(&FMSPC)?)?,
        field(&[5], Any::new(Tag::Enumerated, vec![1u8])?.to_der()?)?,
        field(&[6], octets(&platform.instance)?)?,
        field(&[7], configuration)?,
    ])?;
    opaque_extension(SGX, content)
}

/// `SEQUENCE { OID, value }`, with the OID below [`SGX`].
fn field(arcs: &[u32], value: Vec<u8>) -> Result<Vec<u8>, VendorError> {
    let mut oid = SGX;
    for arc in arcs {
        oid = oid.push_arc(*arc).map_err(der::Error::from)?;
    }
    sequence(vec![oid.to_der()?, value])
}

fn sequence(elements: Vec<Vec<u8>>) -> Result<Vec<u8>, VendorError> {
    Ok(Any::new(Tag::Sequence, elements.concat())?.to_der()?)
}

fn octets(bytes: &[u8]) -> Result<Vec<u8>, VendorError> {
    Ok(OctetString::new(bytes)?.to_der()?)
}
