//! Evidence in two steps: a draft, in which everything is said and nothing is signed, and what is issued from it.
//!
//! What the vendor hands out is a draft as the vendor made it. Whoever wants to know what a verifier does with something
//! else, such as another date, key or report, changes the draft, and has that signed like anything else.

use dcap_qvl::{QeIdentity, TcbInfo};
use der::Encode;
use p256::ecdsa::SigningKey;
use phala_attestation::{AttestationError, Collateral, Evidence, TrustedRoot};
use phala_primitives::Assurance;
use x509_cert::Certificate;

use crate::{
    CertificateParts, CrlParts, QuoteParts, Role, VendorError,
    certificates::{pem, raw_signature},
    collateral::{qe_identity_text, tcb_info_text},
};

/// A statement before it is signed.
#[derive(Clone)]
pub struct StatementParts<T> {
    /// What it says.
    pub content: T,
    /// Who signs it.
    pub signer: SigningKey,
    /// The certificates that go with it, leaf first.
    pub chain: Vec<Role>,
}

/// Evidence before any of it is signed.
#[derive(Clone)]
pub struct Draft {
    /// The vendor's root.
    pub root: CertificateParts,
    /// The intermediate that certifies platforms.
    pub pck_ca: CertificateParts,
    /// Who signs TCB info and QE identity.
    pub tcb_signer: CertificateParts,
    /// The platform.
    pub pck: CertificateParts,
    /// The root's revocation list.
    pub root_crl: CrlParts,
    /// The intermediate's revocation list.
    pub pck_crl: CrlParts,
    /// TCB levels of the family.
    pub tcb_info: StatementParts<TcbInfo>,
    /// What the quoting enclave must look like.
    pub qe_identity: StatementParts<QeIdentity>,
    /// The quote.
    pub quote: QuoteParts,
}

/// The parts of evidence, signed.
#[derive(Clone)]
pub struct Issued {
    /// The root's certificate, DER.
    pub root: Vec<u8>,
    /// The quote.
    pub quote: Vec<u8>,
    /// What makes it checkable.
    pub collateral: Collateral,
}

impl Draft {
    /// Signs everything, each part with its own signer.
    pub fn issue(&self) -> Result<Issued, VendorError> {
        let certificates = Certificates {
            root: self.root.issue()?,
            pck_ca: self.pck_ca.issue()?,
            tcb_signer: self.tcb_signer.issue()?,
            pck: self.pck.issue()?,
        };
        let tcb_info = tcb_info_text(&self.tcb_info.content)?;
        let qe_identity = qe_identity_text(&self.qe_identity.content)?;
        Ok(Issued {
            root: certificates.root.to_der()?,
            quote: self.quote.issue(&certificates.chain(&self.quote.chain)?),
            collateral: Collateral {
                root_ca_crl: self.root_crl.issue()?,
                pck_crl: self.pck_crl.issue()?,
                tcb_info_issuer_chain: certificates.chain(&self.tcb_info.chain)?,
                tcb_info_signature: raw_signature(&self.tcb_info.signer, tcb_info.as_bytes()),
                tcb_info,
                qe_identity_issuer_chain: certificates.chain(&self.qe_identity.chain)?,
                qe_identity_signature: raw_signature(&self.qe_identity.signer, qe_identity.as_bytes()),
                qe_identity,
            },
        })
    }
}

impl Issued {
    /// The parts as evidence.
    pub fn evidence(&self) -> Result<Evidence, AttestationError> {
        Evidence::dcap(self.quote.clone(), &self.collateral)
    }

    /// The root, as a chain that trusts it would list it.
    pub fn trusted_root(&self) -> Result<TrustedRoot, AttestationError> {
        let certificate = self.root.clone().try_into().map_err(|_| AttestationError::Oversized)?;
        Ok(TrustedRoot { certificate, assurance: Assurance::Software })
    }
}

struct Certificates {
    root: Certificate,
    pck_ca: Certificate,
    tcb_signer: Certificate,
    pck: Certificate,
}

impl Certificates {
    fn chain(&self, roles: &[Role]) -> Result<String, VendorError> {
        roles.iter().map(|role| pem(self.of(*role))).collect()
    }

    fn of(&self, role: Role) -> &Certificate {
        match role {
            Role::Root => &self.root,
            Role::PckCa => &self.pck_ca,
            Role::TcbSigner => &self.tcb_signer,
            Role::Pck => &self.pck,
        }
    }
}
