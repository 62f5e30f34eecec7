//! What is wrong with TCB info or QE identity.

use dcap_qvl::{TcbInfo, TcbStatus};
use phala_attestation::AttestationError as E;
use phala_soft_tee::Draft;

use super::{ALL, FUTURE, Fault, PAST, SGX, TDX, said, signed};

fn tcb_info(draft: &mut Draft) -> &mut TcbInfo {
    &mut draft.tcb_info.content
}

fn module(draft: &mut Draft) -> &mut dcap_qvl::tcb_info::TdxModuleIdentity {
    &mut draft.tcb_info.content.tdx_module_identities[0]
}

fn qe_identity(draft: &mut Draft) -> &mut dcap_qvl::QeIdentity {
    &mut draft.qe_identity.content
}

pub const FAULTS: &[Fault] = &[
    // Dates.
    said("TCB info has expired", ALL, |d, _| tcb_info(d).next_update = PAST.into(), E::CollateralExpired),
    said("TCB info is of the future", ALL, |d, _| tcb_info(d).issue_date = FUTURE.into(), E::CollateralNotYetValid),
    said("QE identity has expired", ALL, |d, _| qe_identity(d).next_update = PAST.into(), E::CollateralExpired),
    said(
        "QE identity is of the future",
        ALL,
        |d, _| qe_identity(d).issue_date = FUTURE.into(),
        E::CollateralNotYetValid,
    ),
    said("TCB info of no date", ALL, |d, _| tcb_info(d).issue_date = "today".into(), E::MalformedCollateral),
    said("TCB info without end", ALL, |d, _| tcb_info(d).next_update = "never".into(), E::MalformedCollateral),
    said("QE identity of no date", ALL, |d, _| qe_identity(d).issue_date = "today".into(), E::MalformedCollateral),
    said("QE identity without end", ALL, |d, _| qe_identity(d).next_update = "never".into(), E::MalformedCollateral),
    said(
        "a TCB level of no date",
        ALL,
        |d, _| tcb_info(d).tcb_levels[0].tcb_date = "once".into(),
        E::MalformedCollateral,
    ),
    said(
        "a module's level of no date",
        TDX,
        |d, _| module(d).tcb_levels[0].tcb_date = "once".into(),
        E::MalformedCollateral,
    ),
    // Signatures.
    said(
        "TCB info is signed by another",
        ALL,
        |d, o| d.tcb_info.signer = o.tcb_info.signer.clone(),
        E::CollateralSignature,
    ),
    said(
        "QE identity is signed by another",
        ALL,
        |d, o| d.qe_identity.signer = o.qe_identity.signer.clone(),
        E::CollateralSignature,
    ),
    said(
        "TCB info is signed by the root",
        ALL,
        |d, _| d.tcb_info.signer = d.root_crl.signer.clone(),
        E::CollateralSignature,
    ),
    signed(
        "a bit of TCB info's signature",
        ALL,
        |i, _, _| i.collateral.tcb_info_signature[63] ^= 1,
        E::CollateralSignature,
    ),
    signed(
        "a bit of QE identity's signature",
        ALL,
        |i, _, _| i.collateral.qe_identity_signature[63] ^= 1,
        E::CollateralSignature,
    ),
    signed(
        "TCB info's signature is zero",
        ALL,
        |i, _, _| i.collateral.tcb_info_signature = [0; 64],
        E::CollateralSignature,
    ),
    signed(
        "the signatures are swapped",
        ALL,
        |i, _, _| {
            let collateral = &mut i.collateral;
            std::mem::swap(&mut collateral.tcb_info_signature, &mut collateral.qe_identity_signature);
        },
        E::CollateralSignature,
    ),
    signed("a space after TCB info", ALL, |i, _, _| i.collateral.tcb_info.push(' '), E::CollateralSignature),
    signed("a space after QE identity", ALL, |i, _, _| i.collateral.qe_identity.push(' '), E::CollateralSignature),
    // Kinds.
    said("TCB info of SGX", TDX, |d, _| tcb_info(d).id = "SGX".into(), E::MalformedCollateral),
    said("TCB info of TDX", SGX, |d, _| tcb_info(d).id = "TDX".into(), E::MalformedCollateral),
    said("TCB info of version 2", TDX, |d, _| tcb_info(d).version = 2, E::MalformedCollateral),
    said("TCB info of version 1", SGX, |d, _| tcb_info(d).version = 1, E::MalformedCollateral),
    said("QE identity of SGX", TDX, |d, _| qe_identity(d).id = "QE".into(), E::MalformedCollateral),
    said("QE identity of TDX", SGX, |d, _| qe_identity(d).id = "TD_QE".into(), E::MalformedCollateral),
    said(
        "QE identity of the verification enclave",
        ALL,
        |d, _| qe_identity(d).id = "QVE".into(),
        E::MalformedCollateral,
    ),
    said("QE identity of version 1", ALL, |d, _| qe_identity(d).version = 1, E::MalformedCollateral),
    said("QE identity of version 3", SGX, |d, _| qe_identity(d).version = 3, E::MalformedCollateral),
    said("QE identity of version 4", TDX, |d, _| qe_identity(d).version = 4, E::MalformedCollateral),
    signed(
        "the statements are swapped",
        ALL,
        |i, _, _| {
            std::mem::swap(&mut i.collateral.tcb_info, &mut i.collateral.qe_identity);
        },
        E::MalformedCollateral,
    ),
    signed("no TCB info", ALL, |i, _, _| i.collateral.tcb_info.clear(), E::MalformedCollateral),
    signed("no QE identity", ALL, |i, _, _| i.collateral.qe_identity.clear(), E::MalformedCollateral),
    signed("half of TCB info", ALL, |i, _, _| i.collateral.tcb_info.truncate(200), E::MalformedCollateral),
    // Whom TCB info is about.
    said("TCB info of another family", ALL, |d, _| tcb_info(d).fmspc = "00A067110000".into(), E::PlatformUnknown),
    said("TCB info of a family that is no hex", ALL, |d, _| tcb_info(d).fmspc = "PHALA".into(), E::MalformedCollateral),
    said("TCB info of another PCE", ALL, |d, _| tcb_info(d).pce_id = "0001".into(), E::PlatformUnknown),
    said("TCB info of a PCE that is no hex", ALL, |d, _| tcb_info(d).pce_id = "PCE".into(), E::MalformedCollateral),
    // TCB levels.
    said("no TCB level", ALL, |d, _| tcb_info(d).tcb_levels.clear(), E::PlatformUnknown),
    said(
        "every TCB level is above the platform",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels.iter_mut().for_each(|level| level.tcb.sgx_components[7].svn = 255);
        },
        E::PlatformUnknown,
    ),
    said(
        "every TCB level is above the PCE",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels.iter_mut().for_each(|level| level.tcb.pce_svn = u16::MAX);
        },
        E::PlatformUnknown,
    ),
    said(
        "every TCB level is above TDX",
        TDX,
        |d, _| {
            tcb_info(d).tcb_levels.iter_mut().for_each(|level| level.tcb.tdx_components[2].svn = 255);
        },
        E::PlatformUnknown,
    ),
    said(
        "the newest TCB level is above the platform",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels[0].tcb.sgx_components[7].svn = 255;
        },
        E::TcbStatusRefused,
    ),
    said(
        "a TCB level of 15 components",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels[0].tcb.sgx_components.truncate(15);
        },
        E::MalformedCollateral,
    ),
    said(
        "a TCB level of 15 components of TDX",
        TDX,
        |d, _| {
            tcb_info(d).tcb_levels[0].tcb.tdx_components.truncate(15);
        },
        E::MalformedCollateral,
    ),
    said(
        "the platform's TCB level is revoked",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels[0].tcb_status = TcbStatus::Revoked;
        },
        E::TcbRevoked,
    ),
    said(
        "the platform's TCB level is out of date",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels[0].tcb_status = TcbStatus::OutOfDate;
        },
        E::TcbStatusRefused,
    ),
    said(
        "a status that TCB levels do not have",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels[0].tcb_status = TcbStatus::TDRelaunchAdvised;
        },
        E::MalformedCollateral,
    ),
    said(
        "65 advisories",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels[0].advisory_ids = (0..65).map(|number| format!("PHALA-SA-{number:05}")).collect();
        },
        E::MalformedCollateral,
    ),
    said(
        "an advisory of 33 bytes",
        ALL,
        |d, _| {
            tcb_info(d).tcb_levels[0].advisory_ids = vec!["A".repeat(33)];
        },
        E::MalformedCollateral,
    ),
    // The TDX module.
    said("nothing about the module", TDX, |d, _| tcb_info(d).tdx_module = None, E::MalformedCollateral),
    said("no identity of the module", TDX, |d, _| tcb_info(d).tdx_module_identities.clear(), E::PlatformUnknown),
    said("an identity of another module", TDX, |d, _| module(d).id = "TDX_03".into(), E::PlatformUnknown),
    said("a module of another signer", TDX, |d, _| module(d).mrsigner = "11".repeat(48), E::PlatformUnknown),
    said("a module's signer that is no hex", TDX, |d, _| module(d).mrsigner = "signer".into(), E::MalformedCollateral),
    said("a module's signer of 47 bytes", TDX, |d, _| module(d).mrsigner = "00".repeat(47), E::MalformedCollateral),
    said("a module's attributes of 7 bytes", TDX, |d, _| module(d).attributes = "00".repeat(7), E::MalformedCollateral),
    said("a module's mask of 9 bytes", TDX, |d, _| module(d).attributes_mask = "FF".repeat(9), E::MalformedCollateral),
    said("a module with other attributes", TDX, |d, _| module(d).attributes = "01".repeat(8), E::PlatformUnknown),
    said("no level of the module", TDX, |d, _| module(d).tcb_levels.clear(), E::PlatformUnknown),
    said(
        "every level is above the module",
        TDX,
        |d, _| {
            module(d).tcb_levels.iter_mut().for_each(|level| level.tcb.isvsvn = 255);
        },
        E::PlatformUnknown,
    ),
    said(
        "the module's level is revoked",
        TDX,
        |d, _| {
            module(d).tcb_levels[0].tcb_status = TcbStatus::Revoked;
        },
        E::TcbRevoked,
    ),
    said(
        "the module's level is out of date",
        TDX,
        |d, _| {
            module(d).tcb_levels[0].tcb_status = TcbStatus::OutOfDate;
        },
        E::TcbStatusRefused,
    ),
    said(
        "a status that modules do not have",
        TDX,
        |d, _| {
            module(d).tcb_levels[0].tcb_status = TcbStatus::ConfigurationNeeded;
        },
        E::MalformedCollateral,
    ),
    // The quoting enclave.
    said("QE identity of another signer", ALL, |d, _| qe_identity(d).mrsigner[0] ^= 1, E::QuotingEnclave),
    said("QE identity of another product", ALL, |d, _| qe_identity(d).isvprodid += 1, E::QuotingEnclave),
    said("QE identity of other attributes", ALL, |d, _| qe_identity(d).attributes[0] = 0x01, E::QuotingEnclave),
    said("QE identity of another MISCSELECT", ALL, |d, _| qe_identity(d).miscselect[0] = 1, E::QuotingEnclave),
    said("no level of the quoting enclave", ALL, |d, _| qe_identity(d).tcb_levels.clear(), E::MalformedCollateral),
    said(
        "every level is above the quoting enclave",
        ALL,
        |d, _| {
            qe_identity(d).tcb_levels.iter_mut().for_each(|level| level.tcb.isvsvn = u16::MAX);
        },
        E::PlatformUnknown,
    ),
    said(
        "the quoting enclave's level is revoked",
        ALL,
        |d, _| {
            qe_identity(d).tcb_levels[0].tcb_status = TcbStatus::Revoked;
        },
        E::TcbRevoked,
    ),
    said(
        "the quoting enclave's level is out of date",
        ALL,
        |d, _| {
            qe_identity(d).tcb_levels[0].tcb_status = TcbStatus::OutOfDate;
        },
        E::TcbStatusRefused,
    ),
    said(
        "a status that quoting enclaves do not have",
        ALL,
        |d, _| {
            qe_identity(d).tcb_levels[0].tcb_status = TcbStatus::SWHardeningNeeded;
        },
        E::MalformedCollateral,
    ),
];
