//! Certificates of the vendor's PKI: names, validity, extensions.
//!
//! Shape: Intel "SGX PCK Certificate and Certificate Revocation List Profile Specification". Signatures are deterministic
//! (RFC 6979), so that a root is a function of its seed.

use der::{DateTime, EncodePem, flagset::FlagSet, pem::LineEnding};
use p256::ecdsa::{DerSignature, Signature, SigningKey, VerifyingKey, signature::Signer};
use std::{str::FromStr, time::Duration};
use x509_cert::{
    Certificate,
    builder::{Builder, CertificateBuilder, profile::BuilderProfile},
    certificate::TbsCertificate,
    ext::{
        Extension, ToExtension,
        pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier},
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef},
    time::{Time, Validity},
};

use crate::{VendorError, pck_extension::PckExtension};

/// 2020-01-01: before any chain time that a test would use.
const NOT_BEFORE: u64 = 1_577_836_800;
/// 2049-12-31 23:59:59: the last second that UTCTime can say.
const NOT_AFTER: u64 = 2_524_607_999;

/// One of the certificates that evidence is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The vendor's root.
    Root,
    /// The intermediate that certifies platforms.
    PckCa,
    /// Who signs TCB info and QE identity.
    TcbSigner,
    /// The platform.
    Pck,
}

/// The parties that the vendor certifies: two intermediates, as Intel has, of which a platform is under one.
#[derive(Clone, Copy)]
pub enum Party {
    Root,
    PlatformCa,
    ProcessorCa,
    TcbSigner,
    Pck,
}

impl Party {
    fn name(self) -> &'static str {
        match self {
            Self::Root => "CN=Phala Software TEE Root CA,O=Development only",
            Self::PlatformCa => "CN=Phala Software TEE PCK Platform CA,O=Development only",
            Self::ProcessorCa => "CN=Phala Software TEE PCK Processor CA,O=Development only",
            Self::TcbSigner => "CN=Phala Software TEE TCB Signing,O=Development only",
            Self::Pck => "CN=Phala Software TEE PCK Certificate,O=Development only",
        }
    }

    fn serial(self) -> u64 {
        match self {
            Self::Root => 1,
            Self::PlatformCa => 2,
            Self::TcbSigner => 3,
            Self::Pck => 4,
            Self::ProcessorCa => 5,
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Root => Purpose::Authority { path_length: 1, signs_lists: true },
            Self::PlatformCa | Self::ProcessorCa => Purpose::Authority { path_length: 0, signs_lists: true },
            Self::TcbSigner | Self::Pck => Purpose::Signer,
        }
    }
}

/// What a certified key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Certificates.
    Authority {
        /// Most intermediates below it.
        path_length: u8,
        /// Revocation lists too.
        signs_lists: bool,
    },
    /// Statements and reports.
    Signer,
}

impl Purpose {
    fn usage(self) -> FlagSet<KeyUsages> {
        match self {
            Self::Authority { signs_lists: true, .. } => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            Self::Authority { signs_lists: false, .. } => KeyUsages::KeyCertSign.into(),
            Self::Signer => KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
        }
    }

    fn constraints(self) -> BasicConstraints {
        match self {
            Self::Authority { path_length, .. } => {
                BasicConstraints { ca: true, path_len_constraint: Some(path_length) }
            }
            Self::Signer => BasicConstraints { ca: false, path_len_constraint: None },
        }
    }
}

/// A certificate before it is signed.
#[derive(Clone)]
pub struct CertificateParts {
    /// Whose key it is: a distinguished name as text.
    pub subject: String,
    /// Who says so: a distinguished name as text.
    pub issuer: String,
    /// What revocation lists call it.
    pub serial: u64,
    /// From when it holds: Unix time in seconds.
    pub not_before: u64,
    /// Until when it holds: Unix time in seconds.
    pub not_after: u64,
    /// The key that it certifies.
    pub key: VerifyingKey,
    /// What the key may sign.
    pub purpose: Purpose,
    /// Which platform it is about.
    pub platform: Option<PckExtension>,
    /// Who signs it.
    pub signer: SigningKey,
}

impl CertificateParts {
    /// The certificate of `party` with this key, as `issuer` signs it.
    pub(crate) fn new(party: Party, key: &SigningKey, issuer: Party, signer: &SigningKey) -> Self {
        Self {
            subject: party.name().into(),
            issuer: issuer.name().into(),
            serial: party.serial(),
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
            key: *key.verifying_key(),
            purpose: party.purpose(),
            platform: None,
            signer: signer.clone(),
        }
    }

    /// Signs it.
    pub(crate) fn issue(&self) -> Result<Certificate, VendorError> {
        let subject = Name::from_str(&self.subject)?;
        let mut extensions = vec![
            KeyUsage(self.purpose.usage()).to_extension(&subject, &[])?,
            self.purpose.constraints().to_extension(&subject, &[])?,
        ];
        if let Some(platform) = &self.platform {
            extensions.push(platform.encode()?);
        }
        let profile = Profile { subject, issuer: Name::from_str(&self.issuer)?, extensions };
        let validity = Validity::new(time(self.not_before)?, time(self.not_after)?);
        let serial = SerialNumber::from(self.serial);
        let builder = CertificateBuilder::new(profile, serial, validity, public_key(&self.key)?)?;
        Ok(builder.build::<_, DerSignature>(&self.signer)?)
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

/// ECDSA P-256 with SHA-256: `r ‖ s`.
pub fn raw_signature(key: &SigningKey, message: &[u8]) -> [u8; 64] {
    let signature: Signature = key.sign(message);
    signature.to_bytes().into()
}

/// A key as certificates name it.
pub fn public_key(key: &VerifyingKey) -> Result<SubjectPublicKeyInfoOwned, VendorError> {
    Ok(SubjectPublicKeyInfoOwned::from_key(key).map_err(x509_cert::builder::Error::from)?)
}

pub fn pem(certificate: &Certificate) -> Result<String, VendorError> {
    Ok(certificate.to_pem(LineEnding::LF)?)
}

pub fn time(unix_seconds: u64) -> Result<Time, VendorError> {
    Ok(Time::from(DateTime::from_unix_duration(Duration::from_secs(unix_seconds))?))
}
