//! The vendor: its PKI as a pure function of its seed.

use p256::ecdsa::SigningKey;
use phala_attestation::{AttestationError, Evidence, TrustedRoot};
use phala_primitives::{Assurance, worker::Measurement};
use x509_cert::Certificate;
use zeroize::Zeroizing;

use crate::{
    Seed, Statement, Td,
    certificates::{Authority, Subject, pem_chain},
    pck_extension::{Platform, pck_extension},
};

/// Why a vendor could not be made or could not sign. None of these happens for valid arguments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// A key could not be derived.
    #[error("a key could not be derived from the seed")]
    Derivation,
    /// A certificate or list could not be built or signed.
    #[error("a certificate could not be built: {0}")]
    Certificate(#[from] x509_cert::builder::Error),
    /// A value has no DER form, such as a date before 1970.
    #[error("a value has no DER form: {0}")]
    Der(#[from] der::Error),
    /// A statement has no JSON form.
    #[error("a statement has no JSON form: {0}")]
    Json(#[from] serde_json::Error),
    /// The evidence is longer than verifiers allow.
    #[error(transparent)]
    Evidence(#[from] AttestationError),
}

/// A software TEE vendor, and its one platform.
pub struct Vendor {
    pub(crate) seed: Seed,
    pub(crate) root: Authority,
    pub(crate) platform_ca: Authority,
    pub(crate) tcb_signer: Authority,
    pub(crate) pck: Certificate,
    pub(crate) pck_key: SigningKey,
    pub(crate) attestation_key: SigningKey,
    pub(crate) platform: Platform,
}

impl Vendor {
    /// The vendor whose seed this is. The same seed always makes the same certificates, byte by byte.
    pub fn new(seed: Seed) -> Result<Self, VendorError> {
        let root = Authority::root(seed.signing_key("root")?)?;
        let platform_ca = root.issue_authority(Subject::PlatformCa, seed.signing_key("platform-ca")?)?;
        let tcb_signer = root.issue_signer(Subject::TcbSigner, seed.signing_key("tcb-signer")?)?;
        let platform = Platform { ppid: *seed.derive("ppid", &[])?, instance: *seed.derive("platform-instance", &[])? };
        let pck_key = seed.signing_key("pck")?;
        let pck = platform_ca.issue_leaf(Subject::Pck, &pck_key, Some(pck_extension(&platform)?))?;
        let attestation_key = seed.signing_key("attestation")?;
        Ok(Self { seed, root, platform_ca, tcb_signer, pck, pck_key, attestation_key, platform })
    }

    /// The root, as a development chain lists it in its genesis.
    pub fn trusted_root(&self) -> Result<TrustedRoot, VendorError> {
        let certificate = der::Encode::to_der(&self.root.certificate)?;
        let certificate = certificate.try_into().map_err(|_| AttestationError::Oversized)?;
        Ok(TrustedRoot { certificate, assurance: Assurance::Software })
    }

    /// The device that all quotes of this vendor are from, as claims name it.
    pub fn device(&self) -> [u8; 16] {
        self.platform.ppid
    }

    /// Evidence about `td`, with collateral that says `statement`.
    pub fn evidence(&self, td: &Td, statement: &Statement) -> Result<Evidence, VendorError> {
        Ok(Evidence::dcap(self.quote(td)?, &self.collateral(statement)?)?)
    }

    /// A key for sealing that only a program with this measurement gets: `MRENCLAVE` policy, in TEE terms.
    pub fn sealing_key(&self, measurement: &Measurement, context: &[u8]) -> Result<Zeroizing<[u8; 32]>, VendorError> {
        self.seed.derive("sealing", &codec::Encode::encode(&(measurement, context)))
    }

    /// The chain that every quote carries: platform, intermediate, root.
    pub(crate) fn pck_chain(&self) -> Result<String, VendorError> {
        pem_chain(&[&self.pck, &self.platform_ca.certificate, &self.root.certificate])
    }
}
