//! Reports: what the hardware signs about a program, in the layout of each format.

use dcap_qvl::quote::{EnclaveReport, Report, TDReport10, TDReport15, TDReport15Ex};
use sha2::{Digest, Sha256, Sha384};

use crate::{
    Enclave, Format, Program, Td, VendorError,
    platform::{CURRENT, tee_tcb_svn},
};

/// The report about `program` that quotes of this format carry.
pub fn report(format: Format, program: &Program) -> Result<Report, VendorError> {
    match (format, program) {
        (Format::Sgx3, Program::Enclave(enclave)) => Ok(Report::SgxEnclave(of_enclave(enclave))),
        (Format::Tdx4 | Format::Tdx5, Program::Td(td)) => Ok(Report::TD10(of_td(td))),
        (Format::Tdx5Td15, Program::Td(td)) => Ok(Report::TD15(of_td_15(td))),
        (Format::Tdx5Td15Ex, Program::Td(td)) => Ok(Report::TD15Ex(of_td_15_ex(td))),
        (Format::Sgx3, Program::Td(_)) | (_, Program::Enclave(_)) => Err(VendorError::OtherHardware),
    }
}

fn of_enclave(enclave: &Enclave) -> EnclaveReport {
    // 32 reserved bytes, then CONFIGID.
    let mut reserved3 = [0; 96];
    reserved3.iter_mut().skip(32).zip(enclave.configuration).for_each(|(to, from)| *to = from);
    EnclaveReport {
        cpu_svn: CURRENT.cpu,
        misc_select: 0,
        reserved1: [0; 28],
        attributes: enclave.attributes,
        mr_enclave: enclave.measurement,
        reserved2: [0; 32],
        mr_signer: enclave.signer,
        reserved3,
        isv_prod_id: enclave.product,
        isv_svn: enclave.security_version,
        reserved4: [0; 60],
        report_data: enclave.report_data,
    }
}

fn of_td(td: &Td) -> TDReport10 {
    let [rt_mr0, rt_mr1, rt_mr2, rt_mr3] = td.registers;
    TDReport10 {
        tee_tcb_svn: tee_tcb_svn(&CURRENT),
        mr_seam: Sha384::digest(b"phala-soft-tee module v1").into(),
        // Zero says that the module is Intel's own; so it is in TCB info.
        mr_signer_seam: [0; 48],
        seam_attributes: [0; 8],
        td_attributes: td.attributes,
        // x87, SSE, AVX, AVX-512, PKRU, AMX: what a TD usually has.
        xfam: 0x0006_02e7u64.to_le_bytes(),
        mr_td: td.measurement.0,
        mr_config_id: td.configuration,
        mr_owner: td.owner,
        mr_owner_config: [0; 48],
        rt_mr0,
        rt_mr1,
        rt_mr2,
        rt_mr3,
        report_data: td.report_data,
    }
}

fn of_td_15(td: &Td) -> TDReport15 {
    // The module was not updated since the launch, and no service TD is bound.
    TDReport15 { base: of_td(td), tee_tcb_svn2: tee_tcb_svn(&CURRENT), mr_service_td: [0; 48] }
}

fn of_td_15_ex(td: &Td) -> TDReport15Ex {
    TDReport15Ex {
        base: of_td_15(td),
        vmid: 0,
        td_id: Sha256::digest(b"phala-soft-tee TD").into(),
        // The rest is for TDs with devices or service TDs: zero in the quotes of all others.
        dev_info: [0; 48],
        init_service_td_hash: [0; 48],
        init_service_td_attributes: [0; 8],
        init_cpu_svn: [0; 16],
        init_tee_tcb_svn: [0; 16],
        init_tee_fmspc: [0; 12],
        cur_service_td_hash: [0; 48],
        cur_service_td_attributes: [0; 8],
    }
}
