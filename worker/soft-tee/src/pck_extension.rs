//! The extension by which a platform's certificate says which platform it is.
//!
//! Intel "SGX PCK Certificate and Certificate Revocation List Profile Specification" §1.3.5, OID 1.2.840.113741.1.13.1.

use der::{
    Encode, Tag,
    asn1::{Any, ObjectIdentifier, OctetString},
};
use x509_cert::ext::Extension;

use crate::VendorError;

const SGX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");

/// What the extension says. Byte strings have the lengths that verifiers ask for, and are not held to them here.
#[derive(Clone, Debug)]
pub struct PckExtension {
    /// The device: 16 bytes.
    pub ppid: Vec<u8>,
    /// Security version of each component of the TCB.
    pub components: [u8; 16],
    /// Security version of the provisioning enclave.
    pub pce_svn: u16,
    /// `CPUSVN`: 16 bytes. This is what verifiers compare.
    pub cpu_svn: Vec<u8>,
    /// The provisioning enclave: two bytes.
    pub pce_id: Vec<u8>,
    /// The family: six bytes.
    pub fmspc: Vec<u8>,
    /// How memory is protected: 0 standard, 1 scalable, 2 scalable with integrity.
    pub sgx_type: u8,
    /// The machine, which may have several processors. Only under the platform CA.
    pub instance: Option<[u8; 16]>,
    /// How the machine is set up. Only under the platform CA.
    pub configuration: Option<Configuration>,
}

/// How a machine is set up.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    /// Processors may be added.
    pub dynamic_platform: bool,
    /// The vendor keeps the platform's keys.
    pub cached_keys: bool,
    /// Two threads share a core.
    pub smt_enabled: bool,
}

impl PckExtension {
    pub(crate) fn encode(&self) -> Result<Extension, VendorError> {
        let mut tcb = Vec::new();
        for (component, svn) in (1..).zip(self.components) {
            tcb.push(field(&[2, component], svn.to_der()?)?);
        }
        tcb.push(field(&[2, 17], self.pce_svn.to_der()?)?);
        tcb.push(field(&[2, 18], octets(&self.cpu_svn)?)?);
        let mut content = vec![
            field(&[1], octets(&self.ppid)?)?,
            field(&[2], sequence(tcb)?)?,
            field(&[3], octets(&self.pce_id)?)?,
            field(&[4], octets(&self.fmspc)?)?,
            field(&[5], Any::new(Tag::Enumerated, vec![self.sgx_type])?.to_der()?)?,
        ];
        if let Some(instance) = &self.instance {
            content.push(field(&[6], octets(instance)?)?);
        }
        if let Some(configuration) = &self.configuration {
            let flags = [configuration.dynamic_platform, configuration.cached_keys, configuration.smt_enabled];
            let mut fields = Vec::new();
            for (number, flag) in (1..).zip(flags) {
                fields.push(field(&[7, number], flag.to_der()?)?);
            }
            content.push(field(&[7], sequence(fields)?)?);
        }
        Ok(Extension { extn_id: SGX, critical: false, extn_value: OctetString::new(sequence(content)?)? })
    }
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
