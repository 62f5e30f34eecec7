//! What the vendor states about its family of platforms: TCB levels, the quoting enclave's identity, revocations.

use dcap_qvl::{
    QeIdentity, QeTcb, QeTcbLevel, Tcb, TcbComponents, TcbInfo, TcbLevel, TcbStatus,
    tcb_info::{TdxModule, TdxModuleIdentity, TdxModuleTcb, TdxModuleTcbLevel},
};
use der::DateTime;
use phala_attestation::Collateral;
use std::time::Duration;

use crate::{
    Vendor, VendorError,
    certificates::pem_chain,
    pck_extension::{COMPONENT_SVN, FMSPC, PCE_ID, PCE_SVN},
    quote::{MODULE_SVN, MODULE_VERSION, QE_ATTRIBUTES, QE_PRODUCT, QE_SVN, qe_signer},
};

/// When the current TCB level was defined.
const TCB_DATE: &str = "2024-01-01T00:00:00Z";
const EVALUATION: u32 = 1;
/// How long collateral lives: what Intel's does.
const LIFETIME: u64 = 30 * 24 * 3600;
/// How far statements are dated back, in seconds. A chain's time lags behind the clock by a block or more, and a statement
/// from the chain's future is refused.
const BACKDATED: u64 = 3600;

/// What collateral says. Tests change what they want to see refused.
#[derive(Clone, Debug)]
pub struct Statement {
    /// From when it holds: Unix time in seconds.
    pub issued_at: u64,
    /// Until when it holds: Unix time in seconds.
    pub expires_at: u64,
    /// The status of the vendor's one platform.
    pub status: TcbStatus,
    /// Advisories that apply to it.
    pub advisories: Vec<String>,
    /// Whether the platform's certificate is revoked.
    pub revoked: bool,
    /// The family that the TCB info is about.
    pub family: [u8; 6],
}

impl Statement {
    /// A platform in order, stated at about `now`: Unix time in seconds.
    pub fn at(now: u64) -> Self {
        let issued_at = now.saturating_sub(BACKDATED);
        Self {
            issued_at,
            expires_at: issued_at.saturating_add(LIFETIME),
            status: TcbStatus::UpToDate,
            advisories: Vec::new(),
            revoked: false,
            family: FMSPC,
        }
    }
}

impl Vendor {
    /// Collateral that says `statement`, signed.
    pub fn collateral(&self, statement: &Statement) -> Result<Collateral, VendorError> {
        let (issued_at, expires_at) = (statement.issued_at, statement.expires_at);
        let tcb_info = serde_json::to_string(&tcb_info(statement)?)?;
        let qe_identity = serde_json::to_string(&qe_identity(statement)?)?;
        let signer_chain = pem_chain(&[&self.tcb_signer.certificate, &self.root.certificate])?;
        let revoked = statement.revoked.then_some(&self.pck);
        Ok(Collateral {
            root_ca_crl: self.root.revocation_list(None, issued_at, expires_at)?,
            pck_crl: self.platform_ca.revocation_list(revoked, issued_at, expires_at)?,
            tcb_info_issuer_chain: signer_chain.clone(),
            tcb_info_signature: self.tcb_signer.sign(tcb_info.as_bytes()),
            tcb_info,
            qe_identity_issuer_chain: signer_chain,
            qe_identity_signature: self.tcb_signer.sign(qe_identity.as_bytes()),
            qe_identity,
        })
    }
}

fn tcb_info(statement: &Statement) -> Result<TcbInfo, VendorError> {
    let nothing = "00".repeat(48);
    let components = vec![TcbComponents { svn: COMPONENT_SVN }; 16];
    Ok(TcbInfo {
        id: "TDX".into(),
        version: 3,
        issue_date: date(statement.issued_at)?,
        next_update: date(statement.expires_at)?,
        fmspc: hex::encode_upper(statement.family),
        pce_id: hex::encode_upper(PCE_ID),
        tcb_type: 0,
        tcb_evaluation_data_number: EVALUATION,
        tcb_levels: vec![TcbLevel {
            tcb: Tcb { sgx_components: components.clone(), tdx_components: components, pce_svn: PCE_SVN },
            tcb_date: TCB_DATE.into(),
            tcb_status: statement.status,
            advisory_ids: statement.advisories.clone(),
        }],
        tdx_module: Some(TdxModule {
            mrsigner: nothing.clone(),
            attributes: "00".repeat(8),
            attributes_mask: "FF".repeat(8),
        }),
        tdx_module_identities: vec![TdxModuleIdentity {
            id: format!("TDX_{MODULE_VERSION:02X}"),
            mrsigner: nothing,
            attributes: "00".repeat(8),
            attributes_mask: "FF".repeat(8),
            tcb_levels: vec![TdxModuleTcbLevel {
                tcb: TdxModuleTcb { isvsvn: MODULE_SVN },
                tcb_date: TCB_DATE.into(),
                tcb_status: TcbStatus::UpToDate,
                advisory_ids: Vec::new(),
            }],
        }],
    })
}

fn qe_identity(statement: &Statement) -> Result<QeIdentity, VendorError> {
    Ok(QeIdentity {
        id: "TD_QE".into(),
        version: 2,
        issue_date: date(statement.issued_at)?,
        next_update: date(statement.expires_at)?,
        tcb_evaluation_data_number: EVALUATION,
        miscselect: [0; 4],
        miscselect_mask: [0xff; 4],
        attributes: QE_ATTRIBUTES,
        // Intel's mask: every flag but MODE64BIT, and no XFRM.
        attributes_mask: [0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
        mrsigner: qe_signer(),
        isvprodid: QE_PRODUCT,
        tcb_levels: vec![QeTcbLevel {
            tcb: QeTcb { isvsvn: QE_SVN },
            tcb_date: TCB_DATE.into(),
            tcb_status: TcbStatus::UpToDate,
            advisory_ids: Vec::new(),
        }],
    })
}

/// RFC 3339, in UTC.
fn date(unix_seconds: u64) -> Result<String, VendorError> {
    Ok(DateTime::from_unix_duration(Duration::from_secs(unix_seconds))?.to_string())
}
