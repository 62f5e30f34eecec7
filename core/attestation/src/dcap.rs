//! Intel DCAP: from quote and collateral to authentic claims.

use alloc::{format, vec::Vec};
use bounded_collections::BoundedVec;
use codec::DecodeAll;
use dcap_qvl::{
    QuoteClaims, QuoteCollateralV3, QuotePolicy, TcbInfo, TcbStatus as IntelStatus,
    configs::RustCryptoConfig,
    intel::extract_cert_chain,
    quote::{EnclaveReport, Quote, Report, TDReport10},
    verify::QuoteVerifier,
};
use phala_primitives::{
    Assurance,
    worker::{Measurement, TcbStatus},
};

use crate::{
    Advisory, AttestationError, AuthenticClaims, Claims, Collateral, Evidence, Hardware, MemoryClass, TrustedRoot,
    framing, refusal, root,
};

/// Bit 1 of an enclave's attributes.
const SGX_DEBUG: u8 = 0b10;
/// TUD, the first byte of a TD's attributes: any bit means that the host can look inside.
const TD_UNDER_DEBUG: u8 = 0xff;

/// Evidence → claims: verifies every signature, certificate, revocation list and date under one of `roots`.
///
/// `now` is in Unix seconds. The result is authentic and says nothing about whether it is good enough.
pub fn authenticate(evidence: &Evidence, roots: &[TrustedRoot], now: u64) -> Result<AuthenticClaims, AttestationError> {
    let Evidence::Dcap { quote, collateral } = evidence;
    framing::check(quote)?;
    let collateral =
        Collateral::decode_all(&mut collateral.as_slice()).map_err(|_| AttestationError::MalformedCollateral)?;
    let root = choose_root(roots, quote)?;

    // The verifier's own policy stays out: what is good enough is for `Policy::admit` to say.
    let unjudged = QuotePolicy::claims_only(now);
    let claims = QuoteVerifier::<RustCryptoConfig>::new_with_config(root.certificate.to_vec())
        .verify_with_policy(quote, for_verifier(&collateral), now, &unjudged)
        .map_err(|error| refusal::name(error.downcast_ref(), &format!("{error:#}")))?;

    check_dates(&claims, now)?;
    check_pce(&claims, &collateral)?;
    summarise(&claims, root.assurance).map(AuthenticClaims)
}

fn choose_root<'r>(roots: &'r [TrustedRoot], quote: &[u8]) -> Result<&'r TrustedRoot, AttestationError> {
    let quote = Quote::parse(quote).map_err(|_| AttestationError::MalformedQuote)?;
    let chain = extract_cert_chain(&quote).map_err(|_| AttestationError::CertificateInvalid)?;
    root::choose(roots, &chain)
}

/// The verifier's shape of collateral. The quote's own certificate chain is the only one it gets to see.
fn for_verifier(collateral: &Collateral) -> QuoteCollateralV3 {
    QuoteCollateralV3 {
        pck_crl_issuer_chain: Default::default(),
        root_ca_crl: collateral.root_ca_crl.clone(),
        pck_crl: collateral.pck_crl.clone(),
        tcb_info_issuer_chain: collateral.tcb_info_issuer_chain.clone(),
        tcb_info: collateral.tcb_info.clone(),
        tcb_info_signature: collateral.tcb_info_signature.to_vec(),
        qe_identity_issuer_chain: collateral.qe_identity_issuer_chain.clone(),
        qe_identity: collateral.qe_identity.clone(),
        qe_identity_signature: collateral.qe_identity_signature.to_vec(),
        pck_certificate_chain: None,
    }
}

/// Dates that path validation leaves out: the root's own, and the start of revocation lists.
fn check_dates(claims: &QuoteClaims, now: u64) -> Result<(), AttestationError> {
    if claims.latest_issue_date > now {
        return Err(AttestationError::CollateralNotYetValid);
    }
    if claims.earliest_expiration_date < now {
        return Err(AttestationError::CollateralExpired);
    }
    Ok(())
}

/// TCB info belongs to a family *and* a provisioning enclave; the verifier compares the family only.
fn check_pce(claims: &QuoteClaims, collateral: &Collateral) -> Result<(), AttestationError> {
    let info: TcbInfo =
        serde_json::from_str(&collateral.tcb_info).map_err(|_| AttestationError::MalformedCollateral)?;
    let pce = hex::decode(&info.pce_id).map_err(|_| AttestationError::MalformedCollateral)?;
    if pce == claims.platform.pck.pce_id { Ok(()) } else { Err(AttestationError::PlatformUnknown) }
}

fn summarise(claims: &QuoteClaims, assurance: Assurance) -> Result<Claims, AttestationError> {
    let pck = &claims.platform.pck;
    let program = match &claims.report {
        Report::SgxEnclave(report) => Program::of_enclave(report)?,
        Report::TD10(report) => Program::of_td(report)?,
        Report::TD15(report) => Program::of_td(&report.base)?,
        Report::TD15Ex(report) => Program::of_td(&report.base.base)?,
    };
    Ok(Claims {
        hardware: program.hardware,
        measurement: Measurement(program.measurement),
        registers: program.registers,
        signer: program.signer,
        product: program.product,
        security_version: program.security_version,
        attributes: program.attributes,
        configuration: program.configuration,
        tcb: status(claims.tcb.status),
        advisories: advisories(claims)?,
        device: pck.ppid.as_slice().try_into().map_err(|_| AttestationError::CertificateInvalid)?,
        family: pck.fmspc,
        memory: memory(pck.sgx_type)?,
        report_data: program.report_data,
        assurance,
        valid_until: claims.earliest_expiration_date,
    })
}

/// The part of the claims that the quote's report holds.
struct Program {
    hardware: Hardware,
    measurement: [u8; 48],
    registers: [[u8; 48]; 4],
    signer: [u8; 48],
    product: u16,
    security_version: u16,
    attributes: [u8; 16],
    configuration: [u8; 64],
    report_data: [u8; 64],
}

impl Program {
    fn of_enclave(report: &EnclaveReport) -> Result<Self, AttestationError> {
        if report.attributes.first().is_none_or(|flags| flags & SGX_DEBUG != 0) {
            return Err(AttestationError::DebugEnclave);
        }
        Ok(Self {
            hardware: Hardware::Sgx,
            measurement: padded(&report.mr_enclave),
            registers: [[0; 48]; 4],
            signer: padded(&report.mr_signer),
            product: report.isv_prod_id,
            security_version: report.isv_svn,
            attributes: report.attributes,
            // CONFIGID is the end of what the parser calls reserved.
            configuration: report.reserved3.last_chunk().copied().unwrap_or([0; 64]),
            report_data: report.report_data,
        })
    }

    fn of_td(report: &TDReport10) -> Result<Self, AttestationError> {
        if report.td_attributes.first().is_none_or(|flags| flags & TD_UNDER_DEBUG != 0) {
            return Err(AttestationError::DebugEnclave);
        }
        Ok(Self {
            hardware: Hardware::Tdx,
            measurement: report.mr_td,
            registers: [report.rt_mr0, report.rt_mr1, report.rt_mr2, report.rt_mr3],
            signer: report.mr_owner,
            product: 0,
            security_version: 0,
            attributes: padded(&[report.td_attributes, report.xfam].concat()),
            configuration: padded(&report.mr_config_id),
            report_data: report.report_data,
        })
    }
}

/// The bytes, followed by zeros.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    core::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0))
}

fn memory(sgx_type: u8) -> Result<MemoryClass, AttestationError> {
    match sgx_type {
        0 => Ok(MemoryClass::Standard),
        1 => Ok(MemoryClass::Scalable),
        2 => Ok(MemoryClass::ScalableWithIntegrity),
        _ => Err(AttestationError::CertificateInvalid),
    }
}

fn advisories(claims: &QuoteClaims) -> Result<BoundedVec<Advisory, crate::claims::AdvisoryCount>, AttestationError> {
    let advisories: Option<Vec<Advisory>> =
        claims.tcb.advisory_ids.iter().map(|id| id.as_bytes().to_vec().try_into().ok()).collect();
    advisories.and_then(|all| all.try_into().ok()).ok_or(AttestationError::MalformedCollateral)
}

/// Intel's status as ours. A TD that should be launched again was launched on an old TCB, and counts as that.
fn status(status: IntelStatus) -> TcbStatus {
    match status {
        IntelStatus::UpToDate => TcbStatus::UpToDate,
        IntelStatus::SWHardeningNeeded => TcbStatus::SwHardeningNeeded,
        IntelStatus::ConfigurationNeeded => TcbStatus::ConfigurationNeeded,
        IntelStatus::ConfigurationAndSWHardeningNeeded => TcbStatus::ConfigurationAndSwHardeningNeeded,
        IntelStatus::OutOfDate | IntelStatus::TDRelaunchAdvised => TcbStatus::OutOfDate,
        IntelStatus::OutOfDateConfigurationNeeded | IntelStatus::TDRelaunchAdvisedConfigurationNeeded => {
            TcbStatus::OutOfDateConfigurationNeeded
        }
        IntelStatus::Revoked => TcbStatus::Revoked,
    }
}
