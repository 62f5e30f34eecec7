//! What is wrong with a certificate or a revocation list.

use phala_attestation::AttestationError as E;
use phala_soft_tee::{Draft, PckExtension, Purpose};

use super::{ALL, Change, Fault, NOW, said, signed};

fn platform(draft: &mut Draft) -> &mut PckExtension {
    draft.pck.platform.as_mut().expect("the vendor names the platform")
}

const fn of_the_root(name: &'static str, change: fn(&mut Draft), refused: E) -> Fault {
    Fault { name, on: ALL, change: Change::OfTheRoot(change), refused }
}

pub const FAULTS: &[Fault] = &[
    // Dates.
    of_the_root("the root has expired", |d| d.root.not_after = NOW - 1, E::CollateralExpired),
    of_the_root("the root is of the future", |d| d.root.not_before = NOW + 1, E::CollateralNotYetValid),
    said("the PCK CA has expired", ALL, |d, _| d.pck_ca.not_after = NOW - 1, E::CollateralExpired),
    said("the PCK CA is of the future", ALL, |d, _| d.pck_ca.not_before = NOW + 1, E::CollateralNotYetValid),
    said("the TCB signer has expired", ALL, |d, _| d.tcb_signer.not_after = NOW - 1, E::CollateralExpired),
    said("the TCB signer is of the future", ALL, |d, _| d.tcb_signer.not_before = NOW + 1, E::CollateralNotYetValid),
    said("the platform's certificate has expired", ALL, |d, _| d.pck.not_after = NOW - 1, E::CollateralExpired),
    said(
        "the platform's certificate is of the future",
        ALL,
        |d, _| d.pck.not_before = NOW + 1,
        E::CollateralNotYetValid,
    ),
    said("the root's list has expired", ALL, |d, _| d.root_crl.next_update = NOW - 1, E::CollateralExpired),
    said("the root's list is of the future", ALL, |d, _| d.root_crl.this_update = NOW + 1, E::CollateralNotYetValid),
    said("the PCK CA's list has expired", ALL, |d, _| d.pck_crl.next_update = NOW - 1, E::CollateralExpired),
    said("the PCK CA's list is of the future", ALL, |d, _| d.pck_crl.this_update = NOW + 1, E::CollateralNotYetValid),
    // Signatures, each by another key.
    said(
        "the PCK CA is signed by another root",
        ALL,
        |d, o| d.pck_ca.signer = o.pck_ca.signer.clone(),
        E::CertificateInvalid,
    ),
    said(
        "the TCB signer is signed by another root",
        ALL,
        |d, o| d.tcb_signer.signer = o.tcb_signer.signer.clone(),
        E::CertificateInvalid,
    ),
    said(
        "the platform is signed by another CA",
        ALL,
        |d, o| d.pck.signer = o.pck.signer.clone(),
        E::CertificateInvalid,
    ),
    said(
        "the root's list is signed by another root",
        ALL,
        |d, o| d.root_crl.signer = o.root_crl.signer.clone(),
        E::CollateralSignature,
    ),
    said(
        "the PCK CA's list is signed by another CA",
        ALL,
        |d, o| d.pck_crl.signer = o.pck_crl.signer.clone(),
        E::CollateralSignature,
    ),
    said(
        "the PCK CA's list is signed by the root",
        ALL,
        |d, _| d.pck_crl.signer = d.root_crl.signer.clone(),
        E::CollateralSignature,
    ),
    // Signatures, each with a flipped bit: the last byte of a list is the signature's.
    signed(
        "a bit of the root's list's signature",
        ALL,
        |i, _, _| flip_last(&mut i.collateral.root_ca_crl),
        E::CollateralSignature,
    ),
    signed(
        "a bit of the PCK CA's list's signature",
        ALL,
        |i, _, _| flip_last(&mut i.collateral.pck_crl),
        E::CollateralSignature,
    ),
    // Keys: the certificate is about another one.
    said("the platform's certificate has another key", ALL, |d, o| d.pck.key = o.pck.key, E::QuotingEnclave),
    said(
        "the TCB signer's certificate has another key",
        ALL,
        |d, o| d.tcb_signer.key = o.tcb_signer.key,
        E::CollateralSignature,
    ),
    said("the PCK CA's certificate has another key", ALL, |d, o| d.pck_ca.key = o.pck_ca.key, E::CertificateInvalid),
    // Names.
    said(
        "the platform's certificate names another CA",
        ALL,
        |d, _| d.pck.issuer = "CN=Nobody".into(),
        E::UntrustedRoot,
    ),
    said(
        "the PCK CA's certificate names another root",
        ALL,
        |d, _| d.pck_ca.issuer = "CN=Nobody".into(),
        E::UntrustedRoot,
    ),
    said(
        "the TCB signer's certificate names another root",
        ALL,
        |d, _| d.tcb_signer.issuer = "CN=Nobody".into(),
        E::UntrustedRoot,
    ),
    said(
        "the root's list names another root",
        ALL,
        |d, _| d.root_crl.issuer = "CN=Nobody".into(),
        E::MalformedCollateral,
    ),
    said(
        "the PCK CA's list names another CA",
        ALL,
        |d, _| d.pck_crl.issuer = "CN=Nobody".into(),
        E::MalformedCollateral,
    ),
    // Purposes.
    said("the PCK CA may not certify", ALL, |d, _| d.pck_ca.purpose = Purpose::Signer, E::CertificateInvalid),
    said(
        "the PCK CA may not revoke",
        ALL,
        |d, _| d.pck_ca.purpose = Purpose::Authority { path_length: 0, signs_lists: false },
        E::CertificateInvalid,
    ),
    said("the platform is a CA", ALL, |d, _| d.pck.purpose = AUTHORITY, E::CertificateInvalid),
    said("the TCB signer is a CA", ALL, |d, _| d.tcb_signer.purpose = AUTHORITY, E::CertificateInvalid),
    // Revocation.
    said("the root is revoked", ALL, |d, _| d.root_crl.revoked.push(d.root.serial), E::Revoked),
    said("the PCK CA is revoked", ALL, |d, _| d.root_crl.revoked.push(d.pck_ca.serial), E::Revoked),
    said("the TCB signer is revoked", ALL, |d, _| d.root_crl.revoked.push(d.tcb_signer.serial), E::Revoked),
    said("the platform is revoked", ALL, |d, _| d.pck_crl.revoked.push(d.pck.serial), E::Revoked),
    said(
        "the platform is the second on the list",
        ALL,
        |d, _| d.pck_crl.revoked = vec![d.pck.serial + 1, d.pck.serial],
        E::Revoked,
    ),
    // Lists.
    said("a list with a number of five bytes", ALL, |d, _| d.pck_crl.number = 1 << 32, E::MalformedCollateral),
    signed(
        "the lists are swapped",
        ALL,
        |i, _, _| std::mem::swap(&mut i.collateral.root_ca_crl, &mut i.collateral.pck_crl),
        E::CollateralSignature,
    ),
    signed(
        "the root's list twice",
        ALL,
        |i, _, _| i.collateral.pck_crl = i.collateral.root_ca_crl.clone(),
        E::MalformedCollateral,
    ),
    signed("no list of the root", ALL, |i, _, _| i.collateral.root_ca_crl.clear(), E::MalformedCollateral),
    signed("no list of the PCK CA", ALL, |i, _, _| i.collateral.pck_crl.clear(), E::MalformedCollateral),
    signed("half a list", ALL, |i, _, _| i.collateral.pck_crl.truncate(60), E::MalformedCollateral),
    signed("a byte after a list", ALL, |i, _, _| i.collateral.pck_crl.push(0), E::MalformedCollateral),
    // What the platform's certificate says about the platform.
    said("the platform's certificate says nothing about it", ALL, |d, _| d.pck.platform = None, E::CertificateInvalid),
    said("a PPID of 15 bytes", ALL, |d, _| platform(d).ppid.truncate(15), E::CertificateInvalid),
    said("a PPID of 17 bytes", ALL, |d, _| platform(d).ppid.push(0), E::CertificateInvalid),
    said("a CPUSVN of 15 bytes", ALL, |d, _| platform(d).cpu_svn.truncate(15), E::CertificateInvalid),
    said("an FMSPC of five bytes", ALL, |d, _| platform(d).fmspc.truncate(5), E::CertificateInvalid),
    said("memory of an unknown class", ALL, |d, _| platform(d).sgx_type = 3, E::CertificateInvalid),
    said("a platform of another family", ALL, |d, _| platform(d).fmspc[5] ^= 1, E::PlatformUnknown),
    said("a platform with another PCE", ALL, |d, _| platform(d).pce_id[0] ^= 1, E::PlatformUnknown),
    said("a PCE id of one byte", ALL, |d, _| platform(d).pce_id.truncate(1), E::PlatformUnknown),
    said("a component before every TCB level", ALL, |d, _| platform(d).cpu_svn[0] = 0, E::PlatformUnknown),
    said("a PCE before every TCB level", ALL, |d, _| platform(d).pce_svn = 0, E::PlatformUnknown),
    said("a component that is out of date", ALL, |d, _| platform(d).cpu_svn[0] -= 1, E::TcbStatusRefused),
    said("a PCE that is out of date", ALL, |d, _| platform(d).pce_svn -= 1, E::TcbStatusRefused),
];

const AUTHORITY: Purpose = Purpose::Authority { path_length: 0, signs_lists: true };

fn flip_last(bytes: &mut [u8]) {
    *bytes.last_mut().expect("not empty") ^= 1;
}
