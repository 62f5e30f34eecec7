//! The vendor: its PKI as a pure function of its seed.

use der::Encode;
use p256::ecdsa::SigningKey;
use phala_attestation::{AttestationError, Collateral, Evidence, Hardware, TrustedRoot};
use phala_primitives::{Assurance, worker::Measurement};
use zeroize::Zeroizing;

use crate::{
    CertificateParts, CrlParts, Draft, Format, Program, QuoteParts, Role, Seed, Statement, StatementParts, Td,
    certificates::Party, collateral::tcb_info, platform::Platform, quoting_enclave::QuotingEnclave, report::report,
};

/// Why a vendor could not be made or could not sign. None of these happens for valid arguments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// A key could not be derived.
    #[error("a key could not be derived from the seed")]
    Derivation,
    /// An enclave in a format of TDX, or a TD in one of SGX.
    #[error("the program is not of the format's hardware")]
    OtherHardware,
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

/// A software TEE vendor, and its one machine.
pub struct Vendor {
    seed: Seed,
    root: SigningKey,
    platform_ca: SigningKey,
    processor_ca: SigningKey,
    tcb_signer: SigningKey,
    pck: SigningKey,
    attestation: SigningKey,
    platform: Platform,
}

impl Vendor {
    /// The vendor whose seed this is. The same seed always makes the same certificates, byte by byte.
    pub fn new(seed: Seed) -> Result<Self, VendorError> {
        Ok(Self {
            root: seed.signing_key("root")?,
            platform_ca: seed.signing_key("platform-ca")?,
            processor_ca: seed.signing_key("processor-ca")?,
            tcb_signer: seed.signing_key("tcb-signer")?,
            pck: seed.signing_key("pck")?,
            attestation: seed.signing_key("attestation")?,
            platform: Platform {
                ppid: *seed.derive("ppid", &[])?,
                instance: *seed.derive("platform-instance", &[])?,
                qe_id: *seed.derive("qe-id", &[])?,
            },
            seed,
        })
    }

    /// The root, as a development chain lists it in its genesis.
    pub fn trusted_root(&self) -> Result<TrustedRoot, VendorError> {
        let certificate = CertificateParts::new(Party::Root, &self.root, Party::Root, &self.root).issue()?.to_der()?;
        let certificate = certificate.try_into().map_err(|_| AttestationError::Oversized)?;
        Ok(TrustedRoot { certificate, assurance: Assurance::Software })
    }

    /// The device that all quotes of this vendor are from, as claims name it.
    pub fn device(&self) -> [u8; 16] {
        self.platform.ppid
    }

    /// Evidence about `td` in a TDX quote of version 4, with collateral that says `statement`.
    pub fn evidence(&self, td: &Td, statement: &Statement) -> Result<Evidence, VendorError> {
        self.evidence_as(Format::Tdx4, &Program::Td(td.clone()), statement)
    }

    /// Evidence about `program` in a quote of this format, with collateral that says `statement`.
    pub fn evidence_as(
        &self,
        format: Format,
        program: &Program,
        statement: &Statement,
    ) -> Result<Evidence, VendorError> {
        Ok(self.draft(format, program, statement)?.issue()?.evidence()?)
    }

    /// Collateral that says `statement` about platforms of this technology.
    pub fn collateral(&self, hardware: Hardware, statement: &Statement) -> Result<Collateral, VendorError> {
        let format = match hardware {
            Hardware::Sgx => Format::Sgx3,
            Hardware::Tdx => Format::Tdx4,
        };
        // Any program will do: collateral says nothing about one.
        let program = Program::new(format, Measurement([0; 48]), [0; 64]);
        Ok(self.draft(format, &program, statement)?.issue()?.collateral)
    }

    /// What [`Vendor::evidence_as`] signs, before it is signed.
    pub fn draft(&self, format: Format, program: &Program, statement: &Statement) -> Result<Draft, VendorError> {
        let hardware = format.hardware();
        let (pck_ca, pck_ca_key) = match hardware {
            Hardware::Sgx => (Party::ProcessorCa, &self.processor_ca),
            Hardware::Tdx => (Party::PlatformCa, &self.platform_ca),
        };
        let root = CertificateParts::new(Party::Root, &self.root, Party::Root, &self.root);
        let intermediate = CertificateParts::new(pck_ca, pck_ca_key, Party::Root, &self.root);
        let mut pck = CertificateParts::new(Party::Pck, &self.pck, pck_ca, pck_ca_key);
        pck.platform = Some(self.platform.extension(hardware));
        let mut pck_crl = CrlParts::new(&intermediate, pck_ca_key, statement);
        if statement.revoked {
            pck_crl.revoked.push(pck.serial);
        }
        Ok(Draft {
            tcb_signer: CertificateParts::new(Party::TcbSigner, &self.tcb_signer, Party::Root, &self.root),
            root_crl: CrlParts::new(&root, &self.root, statement),
            pck_crl,
            tcb_info: self.statement(tcb_info(hardware, statement)?),
            qe_identity: self.statement(QuotingEnclave::of(hardware).identity(statement)?),
            quote: QuoteParts::new(format, report(format, program)?, &self.platform, &self.attestation, &self.pck)?,
            root,
            pck_ca: intermediate,
            pck,
        })
    }

    /// A key for sealing that only a program with this measurement gets: `MRENCLAVE` policy, in TEE terms.
    pub fn sealing_key(&self, measurement: &Measurement, context: &[u8]) -> Result<Zeroizing<[u8; 32]>, VendorError> {
        self.seed.derive("sealing", &codec::Encode::encode(&(measurement, context)))
    }

    fn statement<T>(&self, content: T) -> StatementParts<T> {
        StatementParts { content, signer: self.tcb_signer.clone(), chain: vec![Role::TcbSigner, Role::Root] }
    }
}
