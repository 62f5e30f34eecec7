//! The quoting enclaves: one for SGX, one for TDX, each of its own signer and product, as the vendor's statement says.

use dcap_qvl::{QeIdentity, QeTcb, QeTcbLevel, TcbStatus, quote::EnclaveReport};
use phala_attestation::Hardware;
use sha2::{Digest, Sha256};

use crate::{
    Statement, VendorError,
    collateral::{EVALUATION, OUTDATED_ADVISORY, OUTDATED_DATE, TCB_DATE, date},
    platform::CURRENT,
};

/// What Intel's statement expects: initialised, with access to the provisioning key.
const EXPECTED_ATTRIBUTES: [u8; 16] = [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Intel's mask: every flag but MODE64BIT, and no XFRM.
const ATTRIBUTES_MASK: [u8; 16] = [0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
/// What the enclave has: the expected, MODE64BIT, and XFRM.
const ATTRIBUTES: [u8; 16] = [0x15, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0];

/// A quoting enclave. Its signer and code are names, since there is no enclave.
pub struct QuotingEnclave {
    id: &'static str,
    product: u16,
    /// Its security version, which is the current one.
    pub svn: u16,
    outdated_svn: u16,
    signer: &'static [u8],
    code: &'static [u8],
}

impl QuotingEnclave {
    /// The one that signs quotes of this technology.
    pub fn of(hardware: Hardware) -> Self {
        match hardware {
            Hardware::Sgx => Self {
                id: "QE",
                product: 1,
                svn: 8,
                outdated_svn: 6,
                signer: b"phala-soft-tee SGX quoting enclave",
                code: b"phala-soft-tee SGX quoting enclave v1",
            },
            Hardware::Tdx => Self {
                id: "TD_QE",
                product: 2,
                svn: 4,
                outdated_svn: 3,
                signer: b"phala-soft-tee quoting enclave",
                code: b"phala-soft-tee quoting enclave v1",
            },
        }
    }

    /// Its report, which does not vouch for a key yet.
    pub fn report(&self) -> EnclaveReport {
        EnclaveReport {
            cpu_svn: CURRENT.cpu,
            misc_select: 0,
            reserved1: [0; 28],
            attributes: ATTRIBUTES,
            mr_enclave: Sha256::digest(self.code).into(),
            reserved2: [0; 32],
            mr_signer: Sha256::digest(self.signer).into(),
            reserved3: [0; 96],
            isv_prod_id: self.product,
            isv_svn: self.svn,
            reserved4: [0; 60],
            report_data: [0; 64],
        }
    }

    /// What the vendor says about it.
    pub fn identity(&self, statement: &Statement) -> Result<QeIdentity, VendorError> {
        Ok(QeIdentity {
            id: self.id.into(),
            version: 2,
            issue_date: date(statement.issued_at)?,
            next_update: date(statement.expires_at)?,
            tcb_evaluation_data_number: EVALUATION,
            miscselect: [0; 4],
            miscselect_mask: [0xff; 4],
            attributes: EXPECTED_ATTRIBUTES,
            attributes_mask: ATTRIBUTES_MASK,
            mrsigner: Sha256::digest(self.signer).into(),
            isvprodid: self.product,
            tcb_levels: vec![
                QeTcbLevel {
                    tcb: QeTcb { isvsvn: self.svn },
                    tcb_date: TCB_DATE.into(),
                    tcb_status: TcbStatus::UpToDate,
                    advisory_ids: Vec::new(),
                },
                QeTcbLevel {
                    tcb: QeTcb { isvsvn: self.outdated_svn },
                    tcb_date: OUTDATED_DATE.into(),
                    tcb_status: TcbStatus::OutOfDate,
                    advisory_ids: vec![OUTDATED_ADVISORY.into()],
                },
            ],
        })
    }
}
