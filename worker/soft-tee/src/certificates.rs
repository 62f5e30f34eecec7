//! Certificates and revocation lists of the vendor's PKI: names, validity, extensions.
//!
//! Shape: Intel "SGX PCK Certificate and Certificate Revocation List Profile Specification". Signatures are deterministic
//! (RFC 6979), so that a root is a function of its seed.

use der::{DateTime, Encode, EncodePem, asn1::OctetString, flagset::FlagSet, pem::LineEnding};
use p256::ecdsa::{DerSignature, Signature, SigningKey, signature::Signer};
use std::{str::FromStr, time::Duration};
use x509_cert::{
    Certificate,
    builder::{Builder, CertificateBuilder, CrlBuilder, profile::BuilderProfile},
    certificate::TbsCertificate,
    crl::RevokedCert,
    ext::{
        Extension, ToExtension,
        pkix::{AuthorityKeyIdentifier, BasicConstraints, CrlNumber, KeyUsage, KeyUsages, SubjectKeyIdentifier},
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef},
    time::{Time, Validity},
};

use crate::VendorError;

/// The certificates that a vendor has, one each.
#[derive(Clone, Copy)]
pub enum Subject {
    Root,
    PlatformCa,
    TcbSigner,
    Pck,
}

impl Subject {
    fn name(self) -> Result<Name, VendorError> {
        let name = match self {
            Self::Root => "CN=Phala Software TEE Root CA,O=Development only",
            Self::PlatformCa => "CN=Phala Software TEE PCK Platform CA,O=Development only",
            Self::TcbSigner => "CN=Phala Software TEE TCB Signing,O=Development only",
            Self::Pck => "CN=Phala Software TEE PCK Certificate,O=Development only",
        };
        Ok(Name::from_str(name)?)
    }

    fn serial(self) -> SerialNumber {
        SerialNumber::from(match self {
            Self::Root => 1u8,
            Self::PlatformCa => 2,
            Self::TcbSigner => 3,
            Self::Pck => 4,
        })
    }

    fn usage(self) -> FlagSet<KeyUsages> {
        match self {
            Self::Root | Self::PlatformCa => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            Self::TcbSigner | Self::Pck => KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
        }
    }

    fn constraints(self) -> BasicConstraints {
        match self {
            Self::Root => BasicConstraints { ca: true, path_len_constraint: Some(1) },
            Self::PlatformCa => BasicConstraints { ca: true, path_len_constraint: Some(0) },
            Self::TcbSigner | Self::Pck => BasicConstraints { ca: false, path_len_constraint: None },
        }
    }
}

struct Profile {
    subject: Name,
    issuer: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut extensions = vec![
            AuthorityKeyIdentifier::try_from(issuer_key)?.to_extension(&self.subject, &[])?,
            SubjectKeyIdentifier::try_from(key)?.to_extension(&self.subject, &[])?,
        ];
        extensions.extend(self.extensions.iter().cloned());
        Ok(extensions)
    }
}

/// A certificate with its key: signs certificates, lists or statements.
pub struct Authority {
    pub certificate: Certificate,
    pub key: SigningKey,
}

impl Authority {
    pub fn root(key: SigningKey) -> Result<Self, VendorError> {
        let certificate = build(Subject::Root, &key, Subject::Root.name()?, &key, None)?;
        Ok(Self { certificate, key })
    }

    pub fn issue_authority(&self, subject: Subject, key: SigningKey) -> Result<Self, VendorError> {
        Ok(Self { certificate: self.issue_leaf(subject, &key, None)?, key })
    }

    pub fn issue_signer(&self, subject: Subject, key: SigningKey) -> Result<Self, VendorError> {
        self.issue_authority(subject, key)
    }

    pub fn issue_leaf(
        &self,
        subject: Subject,
        key: &SigningKey,
        extension: Option<Extension>,
    ) -> Result<Certificate, VendorError> {
        build(subject, key, self.certificate.tbs_certificate().subject().clone(), &self.key, extension)
    }

    /// ECDSA P-256 with SHA-256: `r ‖ s`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        raw_signature(&self.key, message)
    }

    /// A revocation list of this authority, DER.
    pub fn revocation_list(
        &self,
        revoked: Option<&Certificate>,
        issued_at: u64,
        expires_at: u64,
    ) -> Result<Vec<u8>, VendorError> {
        let mut list =
            CrlBuilder::new_with_this_update(&self.certificate, CrlNumber::try_from(1u64)?, time(issued_at)?)?
                .with_next_update(Some(time(expires_at)?));
        if let Some(certificate) = revoked {
            let serial_number = certificate.tbs_certificate().serial_number().clone();
            let entry = RevokedCert { serial_number, revocation_date: time(issued_at)?, crl_entry_extensions: None };
            list = list.with_certificates(std::iter::once(entry));
        }
        Ok(list.build::<_, DerSignature>(&self.key)?.to_der()?)
    }
}

pub fn raw_signature(key: &SigningKey, message: &[u8]) -> [u8; 64] {
    let signature: Signature = key.sign(message);
    signature.to_bytes().into()
}

pub fn pem_chain(chain: &[&Certificate]) -> Result<String, VendorError> {
    chain.iter().map(|certificate| Ok(certificate.to_pem(LineEnding::LF)?)).collect()
}

fn build(
    subject: Subject,
    key: &SigningKey,
    issuer: Name,
    issuer_key: &SigningKey,
    extension: Option<Extension>,
) -> Result<Certificate, VendorError> {
    let name = subject.name()?;
    let mut extensions =
        vec![KeyUsage(subject.usage()).to_extension(&name, &[])?, subject.constraints().to_extension(&name, &[])?];
    extensions.extend(extension);
    let profile = Profile { subject: name, issuer, extensions };
    // From before any chain time that a test would use, to the last second that UTCTime can say.
    let validity = Validity::new(
        Time::from(DateTime::new(2020, 1, 1, 0, 0, 0)?),
        Time::from(DateTime::new(2049, 12, 31, 23, 59, 59)?),
    );
    let public_key =
        SubjectPublicKeyInfoOwned::from_key(key.verifying_key()).map_err(x509_cert::builder::Error::from)?;
    let builder = CertificateBuilder::new(profile, subject.serial(), validity, public_key)?;
    Ok(builder.build::<_, DerSignature>(issuer_key)?)
}

fn time(unix_seconds: u64) -> Result<Time, VendorError> {
    Ok(Time::from(DateTime::from_unix_duration(Duration::from_secs(unix_seconds))?))
}

/// An extension whose content is DER already.
pub fn opaque_extension(oid: der::oid::ObjectIdentifier, content: Vec<u8>) -> Result<Extension, VendorError> {
    Ok(Extension { extn_id: oid, critical: false, extn_value: OctetString::new(content)? })
}
