//! What the vendor states about its family of platforms: TCB levels, the quoting enclave's identity, revocations.

use dcap_qvl::{
    QeIdentity, Tcb, TcbComponents, TcbInfo, TcbLevel, TcbStatus,
    tcb_info::{TdxModule, TdxModuleIdentity, TdxModuleTcb, TdxModuleTcbLevel},
};
use der::DateTime;
use phala_attestation::Hardware;
use serde_json::Value;
use std::time::Duration;

use crate::{
    VendorError,
    platform::{CURRENT, FMSPC, MODULE_GENERATION, OUTDATED, PCE_ID, Versions},
};

/// When the current TCB level was defined.
pub const TCB_DATE: &str = "2024-01-01T00:00:00Z";
/// When the level before it was.
pub const OUTDATED_DATE: &str = "2023-01-01T00:00:00Z";
/// What is wrong with that one.
pub const OUTDATED_ADVISORY: &str = "PHALA-SA-00001";
/// The number of the vendor's evaluation of all its parts.
pub const EVALUATION: u32 = 1;
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

/// The family's TCB levels: the one that `statement` is about, and one before it that is out of date.
pub fn tcb_info(hardware: Hardware, statement: &Statement) -> Result<TcbInfo, VendorError> {
    let tdx = hardware == Hardware::Tdx;
    let level = |versions, tcb_date: &str, tcb_status, advisory_ids| TcbLevel {
        tcb: tcb(hardware, versions),
        tcb_date: tcb_date.into(),
        tcb_status,
        advisory_ids,
    };
    Ok(TcbInfo {
        id: if tdx { "TDX" } else { "SGX" }.into(),
        version: 3,
        issue_date: date(statement.issued_at)?,
        next_update: date(statement.expires_at)?,
        fmspc: hex::encode_upper(statement.family),
        pce_id: hex::encode_upper(PCE_ID),
        tcb_type: 0,
        tcb_evaluation_data_number: EVALUATION,
        tcb_levels: vec![
            level(&CURRENT, TCB_DATE, statement.status, statement.advisories.clone()),
            level(&OUTDATED, OUTDATED_DATE, TcbStatus::OutOfDate, vec![OUTDATED_ADVISORY.into()]),
        ],
        tdx_module: tdx.then(|| TdxModule {
            mrsigner: "00".repeat(48),
            attributes: "00".repeat(8),
            attributes_mask: "FF".repeat(8),
        }),
        tdx_module_identities: if tdx { vec![module_identity()] } else { Vec::new() },
    })
}

/// The first two components of the TDX module are for modules without an identity: their generation is 0.
fn tcb(hardware: Hardware, versions: &Versions) -> Tcb {
    let components = |svns: [u8; 16]| svns.map(|svn| TcbComponents { svn }).to_vec();
    let mut tdx = [0; 16];
    tdx.iter_mut().zip([versions.module, 0, versions.microcode]).for_each(|(to, from)| *to = from);
    Tcb {
        sgx_components: components(versions.cpu),
        tdx_components: if hardware == Hardware::Tdx { components(tdx) } else { Vec::new() },
        pce_svn: versions.pce,
    }
}

fn module_identity() -> TdxModuleIdentity {
    let level = |isvsvn, tcb_date: &str, tcb_status, advisory_ids| TdxModuleTcbLevel {
        tcb: TdxModuleTcb { isvsvn },
        tcb_date: tcb_date.into(),
        tcb_status,
        advisory_ids,
    };
    TdxModuleIdentity {
        id: format!("TDX_{MODULE_GENERATION:02X}"),
        mrsigner: "00".repeat(48),
        attributes: "00".repeat(8),
        attributes_mask: "FF".repeat(8),
        tcb_levels: vec![
            level(CURRENT.module, TCB_DATE, TcbStatus::UpToDate, Vec::new()),
            level(OUTDATED.module, OUTDATED_DATE, TcbStatus::OutOfDate, vec![OUTDATED_ADVISORY.into()]),
        ],
    }
}

/// TCB info as it is signed.
pub fn tcb_info_text(info: &TcbInfo) -> Result<String, VendorError> {
    Ok(as_the_vendor_writes(serde_json::to_value(info)?))
}

/// QE identity as it is signed.
pub fn qe_identity_text(identity: &QeIdentity) -> Result<String, VendorError> {
    Ok(as_the_vendor_writes(serde_json::to_value(identity)?))
}

/// JSON without the members that Intel leaves out where there is nothing to say.
fn as_the_vendor_writes(mut statement: Value) -> String {
    leave_out_the_empty(&mut statement);
    statement.to_string()
}

fn leave_out_the_empty(value: &mut Value) {
    const OPTIONAL: [&str; 4] = ["advisoryIDs", "tdxModule", "tdxModuleIdentities", "tdxtcbcomponents"];
    match value {
        Value::Object(members) => {
            members.retain(|name, member| {
                let empty = member.is_null() || member.as_array().is_some_and(Vec::is_empty);
                !(empty && OPTIONAL.contains(&name.as_str()))
            });
            members.values_mut().for_each(leave_out_the_empty);
        }
        Value::Array(elements) => elements.iter_mut().for_each(leave_out_the_empty),
        _ => {}
    }
}

/// RFC 3339, in UTC.
pub fn date(unix_seconds: u64) -> Result<String, VendorError> {
    Ok(DateTime::from_unix_duration(Duration::from_secs(unix_seconds))?.to_string())
}
