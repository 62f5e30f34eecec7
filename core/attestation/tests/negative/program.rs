//! What is wrong with the program, or with how it is isolated.

use dcap_qvl::quote::{EnclaveReport, Report, TDReport10, TDReport15};
use phala_attestation::{AttestationError as E, Hardware, Policy, TrustedRoot};
use phala_primitives::{Assurance, worker::TcbStatus};
use phala_soft_tee::Draft;

use super::{ALL, Change, Fault, SGX, TD15, TDX, said};

fn enclave(draft: &mut Draft) -> &mut EnclaveReport {
    match &mut draft.quote.report {
        Report::SgxEnclave(report) => report,
        _ => panic!("a TD"),
    }
}

fn td(draft: &mut Draft) -> &mut TDReport10 {
    match &mut draft.quote.report {
        Report::TD10(report) => report,
        Report::TD15(report) => &mut report.base,
        Report::TD15Ex(report) => &mut report.base.base,
        Report::SgxEnclave(_) => panic!("an enclave"),
    }
}

fn td_15(draft: &mut Draft) -> &mut TDReport15 {
    match &mut draft.quote.report {
        Report::TD15(report) => report,
        Report::TD15Ex(report) => &mut report.base,
        _ => panic!("not of TDX 1.5"),
    }
}

fn report_data(draft: &mut Draft) -> &mut [u8; 64] {
    match &mut draft.quote.report {
        Report::SgxEnclave(report) => &mut report.report_data,
        Report::TD10(report) => &mut report.report_data,
        Report::TD15(report) => &mut report.base.report_data,
        Report::TD15Ex(report) => &mut report.base.base.report_data,
    }
}

pub const FAULTS: &[Fault] = &[
    said("the report data of another boot", ALL, |d, _| report_data(d)[0] ^= 1, E::ReportDataMismatch),
    said("report data that differ in the last bit", ALL, |d, _| report_data(d)[63] ^= 1, E::ReportDataMismatch),
    said("another enclave", SGX, |d, _| enclave(d).mr_enclave[0] ^= 1, E::MeasurementNotAllowed),
    said("another enclave by its last byte", SGX, |d, _| enclave(d).mr_enclave[31] ^= 1, E::MeasurementNotAllowed),
    said("another TD", TDX, |d, _| td(d).mr_td[47] ^= 1, E::MeasurementNotAllowed),
    said("RTMR0 is not zero", TDX, |d, _| td(d).rt_mr0[0] = 1, E::MeasurementNotAllowed),
    said("RTMR1 is not zero", TDX, |d, _| td(d).rt_mr1[0] = 1, E::MeasurementNotAllowed),
    said("RTMR2 is not zero", TDX, |d, _| td(d).rt_mr2[0] = 1, E::MeasurementNotAllowed),
    said("RTMR3 is not zero", TDX, |d, _| td(d).rt_mr3[47] = 1, E::MeasurementNotAllowed),
    said("the enclave is in debug mode", SGX, |d, _| enclave(d).attributes[0] |= 0x02, E::DebugEnclave),
    said("a service TD is bound", TD15, |d, _| td_15(d).mr_service_td[0] = 1, E::AttributesRefused),
    // The TDX module.
    said("a module of another signer than its identity's", TDX, |d, _| td(d).mr_signer_seam[0] = 1, E::PlatformUnknown),
    said(
        "a module of other attributes than its identity's",
        TDX,
        |d, _| td(d).seam_attributes[7] = 1,
        E::PlatformUnknown,
    ),
    said("a module of an unknown generation", TDX, |d, _| td(d).tee_tcb_svn[1] = 9, E::PlatformUnknown),
    said("a module before every level", TDX, |d, _| td(d).tee_tcb_svn[0] = 0, E::PlatformUnknown),
    said("a module that is out of date", TDX, |d, _| td(d).tee_tcb_svn[0] -= 1, E::TcbStatusRefused),
    said("microcode before every TCB level", TDX, |d, _| td(d).tee_tcb_svn[2] = 0, E::PlatformUnknown),
    said("microcode that is out of date", TDX, |d, _| td(d).tee_tcb_svn[2] -= 1, E::TcbStatusRefused),
    said("a current module of an unknown generation", TD15, |d, _| td_15(d).tee_tcb_svn2[1] = 9, E::PlatformUnknown),
    said("a current module before every level", TD15, |d, _| td_15(d).tee_tcb_svn2[0] = 0, E::PlatformUnknown),
    said("current microcode before every TCB level", TD15, |d, _| td_15(d).tee_tcb_svn2[2] = 0, E::PlatformUnknown),
    said(
        "a current module that is revoked",
        TD15,
        |d, _| {
            d.tcb_info.content.tdx_module_identities[0].tcb_levels[1].tcb_status = dcap_qvl::TcbStatus::Revoked;
            td_15(d).tee_tcb_svn2[0] -= 1;
        },
        E::TcbRevoked,
    ),
    // What the chain accepts.
    accepted("no root", |p| p.roots = Default::default(), E::UntrustedRoot),
    accepted("a root that is no certificate", |p| p.roots = vec![no_root()].try_into().expect("one"), E::MalformedRoot),
    accepted("no program", |p| p.measurements = Default::default(), E::MeasurementNotAllowed),
    accepted(
        "the program on other hardware",
        |p| {
            let mut program = p.measurements[0].clone();
            program.hardware = match program.hardware {
                Hardware::Sgx => Hardware::Tdx,
                Hardware::Tdx => Hardware::Sgx,
            };
            p.measurements = vec![program].try_into().expect("one");
        },
        E::MeasurementNotAllowed,
    ),
    accepted(
        "the program with other registers",
        |p| {
            let mut program = p.measurements[0].clone();
            program.registers = Some([[1; 48]; 4]);
            p.measurements = vec![program].try_into().expect("one");
        },
        E::MeasurementNotAllowed,
    ),
    accepted(
        "only a TCB that is out of date",
        |p| {
            p.tcb = vec![TcbStatus::OutOfDate].try_into().expect("one");
        },
        E::TcbStatusRefused,
    ),
];

fn no_root() -> TrustedRoot {
    TrustedRoot { certificate: vec![0x30; 100].try_into().expect("short"), assurance: Assurance::Hardware }
}

const fn accepted(name: &'static str, change: fn(&mut Policy), refused: E) -> Fault {
    Fault { name, on: ALL, change: Change::Accepted(change), refused }
}
