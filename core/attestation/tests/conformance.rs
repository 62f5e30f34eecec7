//! What every verifier must do: the right claims from good evidence of every format, and from evidence in which one
//! thing is wrong the refusal that names the check. `negative` has the faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use codec::Decode;
use dcap_qvl::{
    TcbStatus as IntelStatus,
    quote::{AuthDataV3, EnclaveReport, Quote, Report},
};
use negative::{Change, Layout, NOW, Part, REPORT_DATA, Scene, fields, measurement};
use phala_attestation::{
    AttestationError as E, AuthenticClaims, Claims, Evidence, Hardware, MemoryClass, VerifiedClaims, authenticate,
};
use phala_primitives::{
    Assurance,
    worker::{Measurement, TcbStatus},
};
use phala_soft_tee::{Draft, Enclave, Format, Issued, Program, Role, Statement, Td};
use serde_json::Value;
use std::collections::BTreeSet;

mod negative;
mod samples;

const DAY: u64 = 24 * 3600;
/// When the vendor's collateral was issued, and when it ends: see `Statement::at`.
const ISSUED_AT: u64 = NOW - 3600;
const EXPIRES_AT: u64 = ISSUED_AT + 30 * DAY;

/// What is wrong with the outcomes of many cases, all at once.
#[derive(Default)]
struct Faulty(Vec<String>);

impl Faulty {
    fn expect(&mut self, case: &str, expected: Option<E>, outcome: Result<VerifiedClaims, E>) {
        let refused = outcome.err();
        if refused != expected {
            self.0.push(format!("{case}: {refused:?}, expected {expected:?}"));
        }
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{} cases:\n{}", self.0.len(), self.0.join("\n"));
        }
    }
}

fn authentic(scene: &Scene, issued: &Issued, now: u64) -> Result<AuthenticClaims, E> {
    authenticate(&issued.evidence()?, &scene.policy.roots, now)
}

/// The scene's evidence with something else said in it, and signed.
fn with(scene: &Scene, change: impl FnOnce(&mut Draft)) -> Issued {
    let mut draft = scene.draft();
    change(&mut draft);
    draft.issue().unwrap()
}

#[test]
fn good_evidence_gives_the_claims_that_the_hardware_makes() {
    for format in Format::ALL {
        let scene = Scene::new(format);
        let program: Program = match format.hardware() {
            Hardware::Sgx => Enclave {
                signer: [2; 32],
                product: 3,
                security_version: 4,
                configuration: [5; 64],
                ..Enclave::new([7; 32], REPORT_DATA)
            }
            .into(),
            Hardware::Tdx => {
                Td { owner: [2; 48], configuration: [5; 48], ..Td::new(Measurement([7; 48]), REPORT_DATA) }.into()
            }
        };
        let draft = scene.vendor.draft(format, &program, &Statement::at(NOW)).unwrap();
        let claims = scene.verify(&draft.issue().unwrap()).unwrap_or_else(|error| panic!("{format}: {error}"));

        let sgx = format.hardware() == Hardware::Sgx;
        let bytes = |byte: u8, of_sgx: usize, of_tdx: usize| {
            let len = if sgx { of_sgx } else { of_tdx };
            move |at: usize| if at < len { byte } else { 0 }
        };
        let expected = Claims {
            hardware: format.hardware(),
            measurement: measurement(format),
            registers: [[0; 48]; 4],
            signer: std::array::from_fn(bytes(2, 32, 48)),
            product: if sgx { 3 } else { 0 },
            security_version: if sgx { 4 } else { 0 },
            attributes: if sgx {
                [0x05, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0]
            } else {
                [0, 0, 0, 0x10, 0, 0, 0, 0, 0xe7, 0x02, 0x06, 0, 0, 0, 0, 0]
            },
            configuration: std::array::from_fn(bytes(5, 64, 48)),
            tcb: TcbStatus::UpToDate,
            advisories: Default::default(),
            device: scene.vendor.device(),
            family: *b"PHALA\0",
            memory: if sgx { MemoryClass::Standard } else { MemoryClass::Scalable },
            report_data: REPORT_DATA,
            assurance: Assurance::Software,
            valid_until: EXPIRES_AT,
        };
        assert_eq!(claims.into_claims(), expected, "{format}");
    }
}

#[test]
fn every_fault_is_refused_by_the_check_that_it_fails() {
    let mut faulty = Faulty::default();
    for format in Format::ALL {
        let scene = Scene::new(format);
        for fault in negative::faults().filter(|fault| fault.on.contains(&format)) {
            let case = format!("{format}: {}", fault.name);
            faulty.expect(&case, Some(fault.refused), scene.outcome(&fault.change));
        }
    }
}

#[test]
fn the_faults_have_names_of_their_own_and_reach_every_check() {
    let names: BTreeSet<_> = negative::faults().map(|fault| fault.name).collect();
    assert_eq!(names.len(), negative::faults().count(), "a name is used twice");
    // The last one says that there is no name for the check: no fault may come to it.
    let checks: Vec<_> = (0..=u8::MAX).map_while(|index| E::decode(&mut &[index][..]).ok()).collect();
    assert_eq!(checks.last(), Some(&E::Unverified));
    for check in checks {
        let reached = negative::faults().any(|fault| fault.refused == check);
        assert_eq!(reached, check != E::Unverified, "{check:?}");
    }
}

/// Changes that verifiers must bear: they are no faults, and a refusal for them would prove nothing elsewhere.
#[test]
fn what_is_not_wrong_is_accepted() {
    type Harmless = (&'static str, &'static [Format], fn(&mut Draft, &Draft));
    const TDX: &[Format] = &[Format::Tdx4, Format::Tdx5, Format::Tdx5Td15, Format::Tdx5Td15Ex];
    const HARMLESS: &[Harmless] = &[
        ("somebody else is revoked", &Format::ALL, |d, _| {
            d.root_crl.revoked.push(99);
            d.pck_crl.revoked.extend([1, 98, 99]);
        }),
        ("statements without the root's certificate", &Format::ALL, |d, _| {
            d.tcb_info.chain = vec![Role::TcbSigner];
            d.qe_identity.chain = vec![Role::TcbSigner];
        }),
        ("statements with different chains", &Format::ALL, |d, _| d.qe_identity.chain = vec![Role::TcbSigner]),
        ("an intermediate twice", &Format::ALL, |d, _| {
            d.quote.chain = vec![Role::Pck, Role::PckCa, Role::PckCa, Role::Root];
        }),
        ("another quoting enclave id", &Format::ALL, |d, _| d.quote.header.user_data = [7; 20]),
        ("a platform that is newer than every level", &Format::ALL, |d, _| {
            let platform = d.pck.platform.as_mut().unwrap();
            platform.cpu_svn = vec![255; 16];
            // the library reads two bytes, and does not take a sign of zero before them
            platform.pce_svn = 0x7fff;
        }),
        ("a quoting enclave that is newer than every level", &Format::ALL, |d, _| d.quote.qe_report.isv_svn = u16::MAX),
        ("TCB levels from the oldest on", &Format::ALL, |d, _| d.tcb_info.content.tcb_levels.reverse()),
        ("memory with integrity", &Format::ALL, |d, _| d.pck.platform.as_mut().unwrap().sgx_type = 2),
        ("another attestation key", &Format::ALL, |d, o| {
            d.quote.attestation_key = o.quote.attestation_key;
            d.quote.signer = o.quote.signer.clone();
            d.quote.bind();
        }),
        ("another platform of the family", &Format::ALL, |d, o| {
            d.pck.platform = o.pck.platform.clone();
            d.pck.key = o.pck.key;
            d.quote.qe_signer = o.quote.qe_signer.clone();
        }),
        ("TCB info of version 2", &[Format::Sgx3], |d, _| d.tcb_info.content.version = 2),
        ("QE identity of version 3", TDX, |d, _| d.qe_identity.content.version = 3),
        ("a module that has no identity yet", TDX, |d, _| match &mut d.quote.report {
            Report::TD10(report) => report.tee_tcb_svn[1] = 0,
            Report::TD15(report) => {
                report.base.tee_tcb_svn[1] = 0;
                report.tee_tcb_svn2[1] = 0;
            }
            Report::TD15Ex(report) => {
                report.base.base.tee_tcb_svn[1] = 0;
                report.base.tee_tcb_svn2[1] = 0;
            }
            Report::SgxEnclave(_) => panic!("an enclave"),
        }),
    ];
    let mut faulty = Faulty::default();
    for format in Format::ALL {
        let scene = Scene::new(format);
        for (name, on, change) in HARMLESS {
            if on.contains(&format) {
                faulty.expect(&format!("{format}: {name}"), None, scene.outcome(&Change::Said(*change)));
            }
        }
    }
}

#[test]
fn every_field_of_a_quote_is_protected() {
    let mut faulty = Faulty::default();
    for format in Format::ALL {
        let scene = Scene::new(format);
        for place in fields(format) {
            let expected = match (place.part, place.name) {
                (Part::Header, "version" | "attestation key type" | "TEE type" | "QE vendor")
                | (Part::Body, "body type")
                | (Part::Frame, "wrapper type" | "chain type") => E::UnsupportedVersion,
                (Part::Header | Part::Report | Part::Signature, _) => E::QuoteSignature,
                (Part::QuotingEnclave, _) => E::QuotingEnclave,
                (Part::Body | Part::Frame, _) => E::MalformedQuote,
            };
            let mut issued = scene.issued();
            issued.quote[place.offset + place.len - 1] ^= 0x80;
            let case = format!("{format}: {} of {:?} at {}", place.name, place.part, place.offset);
            faulty.expect(&case, Some(expected), scene.verify(&issued));
        }
    }
}

#[test]
fn a_quote_ends_where_it_ends() {
    let mut faulty = Faulty::default();
    for format in Format::ALL {
        let scene = Scene::new(format);
        let whole = scene.issued();
        for len in 0..whole.quote.len() {
            let mut cut = whole.clone();
            cut.quote.truncate(len);
            faulty.expect(&format!("{format}: cut at {len}"), Some(E::MalformedQuote), scene.verify(&cut));
        }
    }
}

#[test]
fn every_value_of_a_statement_is_signed() {
    let mut faulty = Faulty::default();
    for format in Format::ALL {
        let scene = Scene::new(format);
        let issued = scene.issued();
        for (path, text) in with_each_value_changed(&issued.collateral.tcb_info) {
            let mut changed = issued.clone();
            changed.collateral.tcb_info = text;
            let case = format!("{format}: TCB info {path}");
            faulty.expect(&case, Some(E::CollateralSignature), scene.verify(&changed));
        }
        for (path, text) in with_each_value_changed(&issued.collateral.qe_identity) {
            let mut changed = issued.clone();
            changed.collateral.qe_identity = text;
            let case = format!("{format}: QE identity {path}");
            faulty.expect(&case, Some(E::CollateralSignature), scene.verify(&changed));
        }
    }
}

/// The statement once for each value in it, with only that value changed to another that can be read.
fn with_each_value_changed(statement: &str) -> Vec<(String, String)> {
    let original: Value = serde_json::from_str(statement).unwrap();
    assert_eq!(original.to_string(), statement, "reading and writing changes nothing");
    let mut paths = Vec::new();
    collect_values(&original, String::new(), &mut paths);
    assert!(paths.len() > 10, "{paths:?}");
    let change = |path: String| {
        let mut changed = original.clone();
        let value = changed.pointer_mut(&path).unwrap();
        *value = other_value(value);
        (path, changed.to_string())
    };
    paths.into_iter().map(change).collect()
}

fn collect_values(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| collect_values(member, format!("{path}/{name}"), paths));
        }
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(at, element)| collect_values(element, format!("{path}/{at}"), paths));
        }
        _ => paths.push(path),
    }
}

fn other_value(value: &Value) -> Value {
    match value {
        Value::Number(number) => (number.as_u64().unwrap() ^ 1).into(),
        Value::String(text) => match text.as_str() {
            "UpToDate" => "OutOfDate".into(),
            "OutOfDate" => "UpToDate".into(),
            // A date: one second later. All of ours are at full minutes.
            date if date.ends_with(":00Z") => date.replace(":00Z", ":01Z").into(),
            // A name or hex: another first digit.
            other => format!("{}{}", if other.starts_with('0') { '1' } else { '0' }, &other[1..]).into(),
        },
        other => panic!("statements have no {other}"),
    }
}

/// TDX module ABI specification, table of `ATTRIBUTES`: bits that let the host look in, bits that are reserved, and
/// bits that let somebody else change or move the TD.
#[test]
fn every_attribute_of_a_td_is_judged() {
    let mut faulty = Faulty::default();
    for format in [Format::Tdx4, Format::Tdx5, Format::Tdx5Td15, Format::Tdx5Td15Ex] {
        let scene = Scene::new(format);
        for bit in 0..64 {
            let expected = match bit {
                0 | 4..=6 => Some(E::DebugEnclave),
                // The one bit that must be set is cleared.
                28 => Some(E::AttributesRefused),
                // Service TD, migration.
                17 | 29 => Some(E::AttributesRefused),
                1..=3 | 7..=15 | 23..=26 | 32..=61 => Some(E::AttributesRefused),
                _ => None,
            };
            let mut td = Td::new(Measurement([7; 48]), REPORT_DATA);
            td.attributes[bit / 8] ^= 1u8 << (bit % 8);
            let draft = scene.vendor.draft(format, &td.into(), &Statement::at(NOW)).unwrap();
            faulty.expect(&format!("{format}: bit {bit}"), expected, scene.verify(&draft.issue().unwrap()));
        }
    }
}

#[test]
fn every_status_is_named_and_only_those_on_the_list_are_accepted() {
    const STATUSES: [(IntelStatus, TcbStatus); 6] = [
        (IntelStatus::UpToDate, TcbStatus::UpToDate),
        (IntelStatus::SWHardeningNeeded, TcbStatus::SwHardeningNeeded),
        (IntelStatus::ConfigurationNeeded, TcbStatus::ConfigurationNeeded),
        (IntelStatus::ConfigurationAndSWHardeningNeeded, TcbStatus::ConfigurationAndSwHardeningNeeded),
        (IntelStatus::OutOfDate, TcbStatus::OutOfDate),
        (IntelStatus::OutOfDateConfigurationNeeded, TcbStatus::OutOfDateConfigurationNeeded),
    ];
    for format in Format::ALL {
        let mut scene = Scene::new(format);
        for (status, named) in STATUSES {
            let issued = with(&scene, |draft| draft.tcb_info.content.tcb_levels[0].tcb_status = status);
            for (_, accepted) in STATUSES {
                scene.policy.tcb = vec![accepted].try_into().unwrap();
                let outcome = scene.verify(&issued).map(|claims| claims.tcb);
                let expected = if accepted == named { Ok(named) } else { Err(E::TcbStatusRefused) };
                assert_eq!(outcome, expected, "{format}: {status} where {accepted:?} is accepted");
            }
        }
        // No policy can accept it.
        scene.policy.tcb = vec![TcbStatus::Revoked].try_into().unwrap();
        let revoked = with(&scene, |draft| draft.tcb_info.content.tcb_levels[0].tcb_status = IntelStatus::Revoked);
        assert_eq!(scene.verify(&revoked).err(), Some(E::TcbRevoked), "{format}");
    }
}

/// The platform, its module and its quoting enclave: the worst of them is claimed, with what is known of it.
#[test]
fn a_part_that_is_out_of_date_is_claimed_with_its_advisory() {
    type Outdated = (&'static str, fn(&mut Draft));
    const PARTS: &[Outdated] = &[
        ("processor", |d| d.pck.platform.as_mut().unwrap().cpu_svn[0] -= 1),
        ("provisioning enclave", |d| d.pck.platform.as_mut().unwrap().pce_svn -= 1),
        ("quoting enclave", |d| d.quote.qe_report.isv_svn -= 1),
    ];
    const MODULE: Outdated = ("module", |d| match &mut d.quote.report {
        Report::TD10(report) => report.tee_tcb_svn[0] -= 1,
        Report::TD15(report) => report.base.tee_tcb_svn[0] -= 1,
        Report::TD15Ex(report) => report.base.base.tee_tcb_svn[0] -= 1,
        Report::SgxEnclave(_) => panic!("an enclave"),
    });
    for format in Format::ALL {
        let scene = Scene::new(format);
        let module = (format.hardware() == Hardware::Tdx).then_some(&MODULE);
        for (part, change) in PARTS.iter().chain(module) {
            let claims = authentic(&scene, &with(&scene, *change), NOW).unwrap();
            assert_eq!(claims.tcb, TcbStatus::OutOfDate, "{format}: {part}");
            let advisories: Vec<&[u8]> = claims.advisories.iter().map(|advisory| advisory.as_slice()).collect();
            assert_eq!(advisories, [b"PHALA-SA-00001"], "{format}: {part}");
        }
        let two = with(&scene, |draft| {
            draft.quote.qe_report.isv_svn -= 1;
            draft.tcb_info.content.tcb_levels[0].advisory_ids = vec!["PHALA-SA-00002".into()];
        });
        assert_eq!(authentic(&scene, &two, NOW).unwrap().advisories.len(), 2, "{format}: both are named");
    }
}

#[test]
fn another_device_is_claimed_as_such() {
    for format in Format::ALL {
        let scene = Scene::new(format);
        let issued = with(&scene, |draft| {
            let platform = draft.pck.platform.as_mut().unwrap();
            platform.ppid = vec![1; 16];
            platform.fmspc = vec![2; 6];
            platform.sgx_type = 2;
            draft.tcb_info.content.fmspc = "020202020202".into();
        });
        let claims = authentic(&scene, &issued, NOW).unwrap();
        assert_eq!((claims.device, claims.family), ([1; 16], [2; 6]), "{format}");
        assert_eq!(claims.memory, MemoryClass::ScalableWithIntegrity, "{format}");
    }
}

#[test]
fn evidence_holds_from_its_first_second_to_its_last() {
    for format in Format::ALL {
        let scene = Scene::new(format);
        let at = |now| authentic(&scene, &scene.issued(), now).err();
        assert_eq!(at(ISSUED_AT - 1), Some(E::CollateralNotYetValid), "{format}");
        assert_eq!(at(ISSUED_AT), None, "{format}");
        assert_eq!(at(EXPIRES_AT - 1), None, "{format}");
        assert_eq!(at(EXPIRES_AT), Some(E::CollateralExpired), "{format}");
        assert_eq!(at(EXPIRES_AT + DAY), Some(E::CollateralExpired), "{format}");
        assert_eq!(at(0), Some(E::CollateralNotYetValid), "{format}");
        assert_eq!(at(u64::MAX), Some(E::CollateralExpired), "{format}");
    }
}

#[test]
fn evidence_of_one_format_does_not_verify_with_another_technologys_collateral() {
    for format in Format::ALL {
        let scene = Scene::new(format);
        let other = if format.hardware() == Hardware::Sgx { Hardware::Tdx } else { Hardware::Sgx };
        let collateral = scene.vendor.collateral(other, &Statement::at(NOW)).unwrap();
        let mixed = Evidence::dcap(scene.issued().quote, &collateral).unwrap();
        let refused = authenticate(&mixed, &scene.policy.roots, NOW);
        assert_eq!(refused.err(), Some(E::MalformedCollateral), "{format}");
    }
}

/// The samples are of Intel's hardware: what does not depend on the machine is the same in ours.
#[test]
fn quotes_are_like_those_of_real_hardware() {
    let real = [
        (Format::Sgx3, "sgx_quote"),
        (Format::Tdx4, "tdx_quote"),
        (Format::Tdx5Td15, "tdx_quote_outdated"),
        (Format::Tdx5Td15Ex, "tdx_quote_td15ex"),
    ];
    for (format, sample) in real {
        let raw = samples::raw_quote(sample);
        let raw_ours = Scene::new(format).issued().quote;
        let (theirs, ours) = (Quote::parse(&raw).unwrap(), Quote::parse(&raw_ours).unwrap());

        assert_eq!(ours.header.version, theirs.header.version, "{format}");
        assert_eq!(ours.header.attestation_key_type, theirs.header.attestation_key_type, "{format}");
        assert_eq!(ours.header.tee_type, theirs.header.tee_type, "{format}");
        assert_eq!(ours.header.qe_vendor_id, theirs.header.qe_vendor_id, "{format}");
        assert_eq!(ours.header.user_data[16..], theirs.header.user_data[16..], "{format}");
        let body = Layout::of(format).body.map(|at| at..at + 6);
        assert_eq!(body.clone().map(|body| &raw_ours[body]), body.map(|body| &raw[body]), "{format}");
        assert_eq!(ours.signed_length(), theirs.signed_length(), "{format}");

        let (ours_qe, theirs_qe) = (qe_report(&ours), qe_report(&theirs));
        assert_eq!(ours_qe.attributes, theirs_qe.attributes, "{format}");
        assert_eq!(ours_qe.misc_select, theirs_qe.misc_select, "{format}");
        assert_eq!(ours_qe.isv_prod_id, theirs_qe.isv_prod_id, "{format}");
        assert_eq!(ours_qe.report_data[32..], theirs_qe.report_data[32..], "{format}");
        // The security version is in the header too, but only of version 3.
        for (quote, enclave) in [(&ours, &ours_qe), (&theirs, &theirs_qe)] {
            let named = if format == Format::Sgx3 { enclave.isv_svn } else { 0 };
            assert_eq!(quote.header.qe_svn, named, "{format}");
            assert_eq!(quote.header.pce_svn == 0, format != Format::Sgx3, "{format}");
        }

        let (ours, theirs) = (auth_data(&ours), auth_data(&theirs));
        assert_eq!(ours.qe_auth_data, theirs.qe_auth_data, "{format}");
        assert_eq!(ours.certification_data.cert_type, theirs.certification_data.cert_type, "{format}");
        for chain in [&ours.certification_data.body.data, &theirs.certification_data.body.data] {
            assert!(chain.ends_with(b"-----END CERTIFICATE-----\n\0"), "{format}");
            assert_eq!(chain.windows(11).filter(|window| *window == b"-----BEGIN ").count(), 3, "{format}");
        }
    }
}

fn auth_data(quote: &Quote) -> AuthDataV3 {
    quote.auth_data.clone().into_v3()
}

fn qe_report(quote: &Quote) -> EnclaveReport {
    EnclaveReport::decode(&mut &auth_data(quote).qe_report[..]).unwrap()
}

#[test]
fn statements_have_the_members_of_real_ones() {
    for (format, sample) in [(Format::Sgx3, "sgx_quote"), (Format::Tdx4, "tdx_quote")] {
        let (ours, theirs) = (Scene::new(format).issued().collateral, samples::collateral(sample));
        let same = |ours: &str, theirs: &str, path: &str| {
            assert_eq!(members(ours, path), members(theirs, path), "{format}: {path}");
        };
        for path in ["", "/tcbLevels/0", "/tcbLevels/0/tcb", "/tdxModule", "/tdxModuleIdentities/0"] {
            same(&ours.tcb_info, &theirs.tcb_info, path);
        }
        for path in ["", "/tcbLevels/0", "/tcbLevels/0/tcb"] {
            same(&ours.qe_identity, &theirs.qe_identity, path);
        }
    }
}

/// Names of the members of the object at this place. Advisories are named where there are some.
fn members(statement: &str, path: &str) -> Option<BTreeSet<String>> {
    let statement: Value = serde_json::from_str(statement).unwrap();
    let members = statement.pointer(path)?.as_object().unwrap();
    Some(members.keys().filter(|name| *name != "advisoryIDs").cloned().collect())
}
