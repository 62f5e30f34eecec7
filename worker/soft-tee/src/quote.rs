//! The platform: a quoting enclave that signs TDX quotes of version 4.

use codec::Encode;
use dcap_qvl::{
    INTEL_QE_VENDOR_ID,
    quote::{
        AuthData, AuthDataV4, CertificationData, Data, EnclaveReport, Header, QEReportCertificationData, Quote, Report,
        TDReport10,
    },
};
use phala_primitives::worker::Measurement;
use sha2::{Digest, Sha256, Sha384};

use crate::{
    Vendor, VendorError,
    certificates::raw_signature,
    pck_extension::{COMPONENT_SVN, PCE_SVN},
};

/// Attributes of a TD that may be trusted: only `SEPT_VE_DISABLE`, bit 28.
const SEPT_VE_DISABLE: [u8; 8] = (1u64 << 28).to_le_bytes();
/// Version and security version of the TDX module: module 1, of which 2 is current.
pub const MODULE_VERSION: u8 = 1;
pub const MODULE_SVN: u8 = 2;
/// Identity of the quoting enclave, as QE identity states it.
pub const QE_PRODUCT: u16 = 2;
pub const QE_SVN: u16 = 4;
pub const QE_ATTRIBUTES: [u8; 16] = [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// What a quote says about one program. Tests change what they want to see refused.
#[derive(Clone, Debug)]
pub struct Td {
    /// The program: goes to `MRTD`.
    pub measurement: Measurement,
    /// What the program wants to be bound to it.
    pub report_data: [u8; 64],
    /// `TDATTRIBUTES`.
    pub attributes: [u8; 8],
    /// `RTMR0` to `RTMR3`; a program under the software TEE does not extend them.
    pub registers: [[u8; 48]; 4],
}

impl Td {
    /// A program as it should be.
    pub fn new(measurement: Measurement, report_data: [u8; 64]) -> Self {
        Self { measurement, report_data, attributes: SEPT_VE_DISABLE, registers: [[0; 48]; 4] }
    }
}

/// Who signed the quoting enclave: a name, since there is no enclave.
pub fn qe_signer() -> [u8; 32] {
    Sha256::digest(b"phala-soft-tee quoting enclave").into()
}

impl Vendor {
    /// A TDX quote of version 4 about `td`.
    pub fn quote(&self, td: &Td) -> Result<Vec<u8>, VendorError> {
        let point = self.attestation_key.verifying_key().to_sec1_point(false);
        let ecdsa_attestation_key: [u8; 64] =
            point.as_bytes().get(1..).and_then(|xy| xy.try_into().ok()).ok_or(VendorError::Derivation)?;
        let qe_report_data = self.qe_certification(&ecdsa_attestation_key)?;
        let mut quote = Quote {
            header: header(),
            report: Report::TD10(td_report(td)),
            auth_data: AuthData::V4(AuthDataV4 {
                ecdsa_signature: [0; 64],
                ecdsa_attestation_key,
                // 6: the rest is the quoting enclave's report and its certification. The body is encoded from there.
                certification_data: CertificationData { cert_type: 6, body: Data::new(Vec::new()) },
                qe_report_data,
            }),
        };
        let mut signed = quote.header.encode();
        td_report(td).encode_to(&mut signed);
        if let AuthData::V4(auth) = &mut quote.auth_data {
            auth.ecdsa_signature = raw_signature(&self.attestation_key, &signed);
        }
        Ok(quote.encode())
    }

    /// The quoting enclave vouches for the attestation key, and the platform's certificate for the enclave.
    fn qe_certification(&self, attestation_key: &[u8; 64]) -> Result<QEReportCertificationData, VendorError> {
        let auth_data: [u8; 32] = Sha256::digest(b"phala-soft-tee authentication data").into();
        let mut report_data = [0; 64];
        let binding = Sha256::new().chain_update(attestation_key).chain_update(auth_data).finalize();
        report_data.iter_mut().zip(binding).for_each(|(to, from)| *to = from);
        let report = EnclaveReport {
            cpu_svn: [COMPONENT_SVN; 16],
            misc_select: 0,
            reserved1: [0; 28],
            attributes: QE_ATTRIBUTES,
            mr_enclave: Sha256::digest(b"phala-soft-tee quoting enclave v1").into(),
            reserved2: [0; 32],
            mr_signer: qe_signer(),
            reserved3: [0; 96],
            isv_prod_id: QE_PRODUCT,
            isv_svn: QE_SVN,
            reserved4: [0; 60],
            report_data,
        };
        let mut qe_report = [0; 384];
        qe_report.iter_mut().zip(report.encode()).for_each(|(to, from)| *to = from);
        Ok(QEReportCertificationData {
            qe_report,
            qe_report_signature: raw_signature(&self.pck_key, &qe_report),
            qe_auth_data: Data::new(auth_data.to_vec()),
            certification_data: CertificationData { cert_type: 5, body: Data::new(self.pck_chain()?.into_bytes()) },
        })
    }
}

fn header() -> Header {
    Header {
        version: 4,
        attestation_key_type: 2,
        tee_type: 0x81,
        qe_svn: QE_SVN,
        pce_svn: PCE_SVN,
        qe_vendor_id: INTEL_QE_VENDOR_ID,
        user_data: [0; 20],
    }
}

fn td_report(td: &Td) -> TDReport10 {
    let mut tee_tcb_svn = [COMPONENT_SVN; 16];
    tee_tcb_svn.iter_mut().zip([MODULE_SVN, MODULE_VERSION]).for_each(|(to, from)| *to = from);
    let [rt_mr0, rt_mr1, rt_mr2, rt_mr3] = td.registers;
    TDReport10 {
        tee_tcb_svn,
        mr_seam: Sha384::digest(b"phala-soft-tee module v1").into(),
        mr_signer_seam: [0; 48],
        seam_attributes: [0; 8],
        td_attributes: td.attributes,
        // x87, SSE, AVX, AVX-512, PKRU, AMX: what a TD usually has.
        xfam: 0x0006_02e7u64.to_le_bytes(),
        mr_td: td.measurement.0,
        mr_config_id: [0; 48],
        mr_owner: [0; 48],
        mr_owner_config: [0; 48],
        rt_mr0,
        rt_mr1,
        rt_mr2,
        rt_mr3,
        report_data: td.report_data,
    }
}
