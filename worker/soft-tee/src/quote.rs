//! Quotes: a report, signed with a key that the quoting enclave vouches for, as the platform's certificate vouches for
//! the enclave.
//!
//! Layout: Intel "Quote Generation, Verification, and Attestation with Intel SGX DCAP", appendix A (version 3), and
//! "TDX DCAP Quoting Library API", appendix A (versions 4 and 5).

use codec::Encode;
use dcap_qvl::{
    INTEL_QE_VENDOR_ID,
    quote::{
        AuthData, AuthDataV3, AuthDataV4, CertificationData, Data, EnclaveReport, Header, QEReportCertificationData,
        Quote, Report,
    },
};
use p256::ecdsa::SigningKey;
use phala_attestation::Hardware;
use sha2::{Digest, Sha256};

use crate::{
    Format, Role, VendorError,
    certificates::raw_signature,
    platform::{CURRENT, Platform},
    quoting_enclave::QuotingEnclave,
};

/// ECDSA P-256, the one kind of attestation key that there is.
const ECDSA_P256: u16 = 2;
const TEE_SGX: u32 = 0;
const TEE_TDX: u32 = 0x81;
/// Certification data that is a chain of certificates.
const PCK_CHAIN: u16 = 5;
/// Certification data that wraps the quoting enclave's report, with its own certification; version 4 and later.
const QE_REPORT_CERTIFICATION: u16 = 6;

/// A quote before it is signed.
#[derive(Clone)]
pub struct QuoteParts {
    /// Version and kinds.
    pub header: Header,
    /// What the quote is about.
    pub report: Report,
    /// The attestation key: the two coordinates of its point.
    pub attestation_key: [u8; 64],
    /// Who signs header and report: the attestation key's other half.
    pub signer: SigningKey,
    /// The quoting enclave's report. Its report data vouches for the attestation key; see [`QuoteParts::bind`].
    pub qe_report: EnclaveReport,
    /// Who signs the quoting enclave's report: the platform's key.
    pub qe_signer: SigningKey,
    /// What the quoting enclave binds besides the key: 32 bytes.
    pub qe_auth_data: Vec<u8>,
    /// The certificates that the quote carries, leaf first.
    pub chain: Vec<Role>,
    /// How the chain is announced: 5.
    pub chain_type: u16,
    /// How the quoting enclave's report is announced, from version 4 on: 6.
    pub qe_report_type: u16,
}

impl QuoteParts {
    pub(crate) fn new(
        format: Format,
        report: Report,
        platform: &Platform,
        attestation_key: &SigningKey,
        pck_key: &SigningKey,
    ) -> Result<Self, VendorError> {
        let enclave = QuotingEnclave::of(format.hardware());
        let mut quote = Self {
            header: header(format, &enclave, platform),
            report,
            attestation_key: coordinates(attestation_key)?,
            signer: attestation_key.clone(),
            qe_report: enclave.report(),
            qe_signer: pck_key.clone(),
            // Intel's enclaves count from 0.
            qe_auth_data: (0..32).collect(),
            chain: vec![Role::Pck, Role::PckCa, Role::Root],
            chain_type: PCK_CHAIN,
            qe_report_type: QE_REPORT_CERTIFICATION,
        };
        quote.bind();
        Ok(quote)
    }

    /// Has the quoting enclave vouch for the attestation key and the authentication data as they are now.
    pub fn bind(&mut self) {
        let binding = Sha256::new().chain_update(self.attestation_key).chain_update(&self.qe_auth_data).finalize();
        self.qe_report.report_data = [0; 64];
        self.qe_report.report_data.iter_mut().zip(binding).for_each(|(to, from)| *to = from);
    }

    /// Signs it. `chain` is the text of the certificates.
    pub(crate) fn issue(&self, chain: &str) -> Vec<u8> {
        let unsigned = self.assemble(chain, [0; 64]);
        let mut signed = unsigned.encode();
        signed.truncate(unsigned.signed_length());
        self.assemble(chain, raw_signature(&self.signer, &signed)).encode()
    }

    fn assemble(&self, chain: &str, ecdsa_signature: [u8; 64]) -> Quote {
        let mut qe_report = [0; 384];
        qe_report.iter_mut().zip(self.qe_report.encode()).for_each(|(to, from)| *to = from);
        let qe_report_signature = raw_signature(&self.qe_signer, &qe_report);
        let qe_auth_data = Data::new(self.qe_auth_data.clone());
        // Intel's chains end with a zero, as C strings do.
        let chain = [chain.as_bytes(), &[0]].concat();
        let certification_data = CertificationData { cert_type: self.chain_type, body: Data::new(chain) };
        let ecdsa_attestation_key = self.attestation_key;
        let auth_data = if self.header.version == 3 {
            AuthData::V3(AuthDataV3 {
                ecdsa_signature,
                ecdsa_attestation_key,
                qe_report,
                qe_report_signature,
                qe_auth_data,
                certification_data,
            })
        } else {
            AuthData::V4(AuthDataV4 {
                ecdsa_signature,
                ecdsa_attestation_key,
                // The body is encoded from `qe_report_data`.
                certification_data: CertificationData { cert_type: self.qe_report_type, body: Data::new(Vec::new()) },
                qe_report_data: QEReportCertificationData {
                    qe_report,
                    qe_report_signature,
                    qe_auth_data,
                    certification_data,
                },
            })
        };
        Quote { header: self.header, report: self.report.clone(), auth_data }
    }
}

/// From version 4 on the security versions are reserved, and zero.
fn header(format: Format, enclave: &QuotingEnclave, platform: &Platform) -> Header {
    let mut user_data = [0; 20];
    user_data.iter_mut().zip(platform.qe_id).for_each(|(to, from)| *to = from);
    let (tee_type, qe_svn, pce_svn) = match format.hardware() {
        Hardware::Sgx => (TEE_SGX, enclave.svn, CURRENT.pce),
        Hardware::Tdx => (TEE_TDX, 0, 0),
    };
    Header {
        version: format.version(),
        attestation_key_type: ECDSA_P256,
        tee_type,
        qe_svn,
        pce_svn,
        qe_vendor_id: INTEL_QE_VENDOR_ID,
        user_data,
    }
}

fn coordinates(key: &SigningKey) -> Result<[u8; 64], VendorError> {
    let point = key.verifying_key().to_sec1_point(false);
    point.as_bytes().get(1..).and_then(|xy| xy.try_into().ok()).ok_or(VendorError::Derivation)
}
