//! Revocation lists.
//!
//! Put together here, and not by `x509_cert`'s builder: that one copies the issuer's own authority key identifier, so a
//! list of an intermediate would name the root's key as the one that signed it.

use der::{Encode, referenced::OwnedToRef};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer};
use std::str::FromStr;
use x509_cert::{
    Version,
    certificate::Rfc5280,
    crl::{CertificateList, RevokedCert, TbsCertList},
    ext::{
        ToExtension,
        pkix::{AuthorityKeyIdentifier, CrlNumber},
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{DynSignatureAlgorithmIdentifier, SignatureBitStringEncoding},
};

use crate::{
    Statement, VendorError,
    certificates::{CertificateParts, public_key, time},
};

/// A revocation list before it is signed.
#[derive(Clone)]
pub struct CrlParts {
    /// Who revokes: a distinguished name as text.
    pub issuer: String,
    /// From when it holds: Unix time in seconds.
    pub this_update: u64,
    /// Until when it holds: Unix time in seconds.
    pub next_update: u64,
    /// Which list of this issuer it is.
    pub number: u64,
    /// Serial numbers of the certificates that are revoked.
    pub revoked: Vec<u64>,
    /// Who signs it.
    pub signer: SigningKey,
}

impl CrlParts {
    /// An empty list of the authority with this certificate and key.
    pub(crate) fn new(authority: &CertificateParts, key: &SigningKey, statement: &Statement) -> Self {
        Self {
            issuer: authority.subject.clone(),
            this_update: statement.issued_at,
            next_update: statement.expires_at,
            number: 1,
            revoked: Vec::new(),
            signer: key.clone(),
        }
    }

    /// Signs it: DER.
    pub(crate) fn issue(&self) -> Result<Vec<u8>, VendorError> {
        let issuer = Name::from_str(&self.issuer)?;
        let number = CrlNumber::try_from(self.number)?;
        let signer_id = AuthorityKeyIdentifier::try_from(public_key(self.signer.verifying_key())?.owned_to_ref())?;
        let extensions = vec![number.to_extension(&issuer, &[])?, signer_id.to_extension(&issuer, &[])?];
        let algorithm = self.signer.signature_algorithm_identifier().map_err(x509_cert::builder::Error::from)?;
        let tbs_cert_list = TbsCertList::<Rfc5280> {
            version: Version::V2,
            signature: algorithm.clone(),
            issuer,
            this_update: time(self.this_update)?,
            next_update: Some(time(self.next_update)?),
            revoked_certificates: self.revoked_certificates()?,
            crl_extensions: Some(extensions),
        };
        let signature: DerSignature = self.signer.sign(&tbs_cert_list.to_der()?);
        let list =
            CertificateList { tbs_cert_list, signature_algorithm: algorithm, signature: signature.to_bitstring()? };
        Ok(list.to_der()?)
    }

    /// RFC 5280 §5.1.2.6: absent if there are none.
    fn revoked_certificates(&self) -> Result<Option<Vec<RevokedCert<Rfc5280>>>, VendorError> {
        if self.revoked.is_empty() {
            return Ok(None);
        }
        let revocation_date = time(self.this_update)?;
        let entry = |serial: &u64| RevokedCert {
            serial_number: SerialNumber::from(*serial),
            revocation_date,
            crl_entry_extensions: None,
        };
        Ok(Some(self.revoked.iter().map(entry).collect()))
    }
}
