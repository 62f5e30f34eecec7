//! Chains that are not what they should be.

use phala_attestation::AttestationError as E;
use phala_soft_tee::Role::{Pck, PckCa, Root, TcbSigner};

use super::{ALL, Fault, said, signed};

pub const FAULTS: &[Fault] = &[
    // The quote's own.
    said("no certificate in the quote", ALL, |d, _| d.quote.chain = vec![], E::UntrustedRoot),
    said("a quote's chain without root", ALL, |d, _| d.quote.chain = vec![Pck, PckCa], E::UntrustedRoot),
    said("a quote's chain without intermediate", ALL, |d, _| d.quote.chain = vec![Pck, Root], E::UntrustedRoot),
    said("a quote's chain that is the root", ALL, |d, _| d.quote.chain = vec![Root], E::CertificateInvalid),
    said("a quote's chain backwards", ALL, |d, _| d.quote.chain = vec![Root, PckCa, Pck], E::UntrustedRoot),
    said(
        "the first two of a quote's chain swapped",
        ALL,
        |d, _| d.quote.chain = vec![PckCa, Pck, Root],
        E::CertificateInvalid,
    ),
    said(
        "the last two of a quote's chain swapped",
        ALL,
        |d, _| d.quote.chain = vec![Pck, Root, PckCa],
        E::UntrustedRoot,
    ),
    said("the TCB signer as platform", ALL, |d, _| d.quote.chain = vec![TcbSigner, Root], E::CertificateInvalid),
    said(
        "more intermediates than are looked at",
        ALL,
        |d, _| d.quote.chain = vec![Pck, PckCa, PckCa, PckCa, PckCa, Root],
        E::CertificateInvalid,
    ),
    signed(
        "text instead of a chain",
        ALL,
        |i, _, l| l.replace_chain(&mut i.quote, b"no certificate"),
        E::UntrustedRoot,
    ),
    signed("a chain of something else", ALL, |i, _, l| l.replace_chain(&mut i.quote, KEY), E::UntrustedRoot),
    signed("a chain that is not base64", ALL, |i, _, l| l.replace_chain(&mut i.quote, GARBAGE), E::CertificateInvalid),
    // Of another vendor, whose names are the same.
    signed("another vendor's quote", ALL, |i, o, _| i.quote.clone_from(&o.quote), E::UntrustedRoot),
    signed(
        "another vendor's collateral",
        ALL,
        |i, o, _| i.collateral.clone_from(&o.collateral),
        E::CollateralSignature,
    ),
    signed(
        "another vendor's chain in the quote",
        ALL,
        |i, o, l| l.replace_chain(&mut i.quote, &o.quote[l.chain..]),
        E::UntrustedRoot,
    ),
    said("another vendor's platform", ALL, |d, o| d.pck = o.pck.clone(), E::CertificateInvalid),
    said("another vendor's intermediate", ALL, |d, o| d.pck_ca = o.pck_ca.clone(), E::CertificateInvalid),
    said("another vendor's TCB signer", ALL, |d, o| d.tcb_signer = o.tcb_signer.clone(), E::CertificateInvalid),
    signed(
        "another vendor's list of the root",
        ALL,
        |i, o, _| i.collateral.root_ca_crl.clone_from(&o.collateral.root_ca_crl),
        E::CollateralSignature,
    ),
    signed(
        "another vendor's list of the PCK CA",
        ALL,
        |i, o, _| i.collateral.pck_crl.clone_from(&o.collateral.pck_crl),
        E::CollateralSignature,
    ),
    // The quote's intermediate is one that the collateral knows nothing of.
    said(
        "an intermediate that there is no list of",
        ALL,
        |d, _| {
            d.pck_ca.subject = "CN=Another PCK CA".into();
            d.pck.issuer = "CN=Another PCK CA".into();
        },
        E::MalformedCollateral,
    ),
    said(
        "an intermediate with another key than its list's",
        ALL,
        |d, o| {
            d.pck_ca.key = o.pck_ca.key;
            d.pck.signer = o.pck.signer.clone();
        },
        E::CollateralSignature,
    ),
    // The statements'.
    said("no certificate with TCB info", ALL, |d, _| d.tcb_info.chain = vec![], E::MalformedCollateral),
    said("no certificate with QE identity", ALL, |d, _| d.qe_identity.chain = vec![], E::MalformedCollateral),
    said(
        "the chain of TCB info backwards",
        ALL,
        |d, _| d.tcb_info.chain = vec![Root, TcbSigner],
        E::CertificateInvalid,
    ),
    said(
        "the chain of QE identity backwards",
        ALL,
        |d, _| d.qe_identity.chain = vec![Root, TcbSigner],
        E::CertificateInvalid,
    ),
    said(
        "TCB info signed by the platform",
        ALL,
        |d, _| {
            d.tcb_info.chain = vec![Pck, PckCa, Root];
            d.tcb_info.signer = d.quote.qe_signer.clone();
        },
        E::MalformedCollateral,
    ),
    said(
        "QE identity signed by the platform",
        ALL,
        |d, _| {
            d.qe_identity.chain = vec![Pck, PckCa, Root];
            d.qe_identity.signer = d.quote.qe_signer.clone();
        },
        E::MalformedCollateral,
    ),
    said(
        "TCB info signed by the PCK CA",
        ALL,
        |d, _| {
            d.tcb_info.chain = vec![PckCa, Root];
            d.tcb_info.signer = d.pck_crl.signer.clone();
        },
        E::CertificateInvalid,
    ),
    signed(
        "another vendor's chain with TCB info",
        ALL,
        |i, o, _| {
            i.collateral.tcb_info_issuer_chain.clone_from(&o.collateral.tcb_info_issuer_chain);
        },
        E::CertificateInvalid,
    ),
    signed(
        "another vendor's chain with QE identity",
        ALL,
        |i, o, _| {
            i.collateral.qe_identity_issuer_chain.clone_from(&o.collateral.qe_identity_issuer_chain);
        },
        E::CertificateInvalid,
    ),
    signed(
        "a chain of TCB info that is not base64",
        ALL,
        |i, _, _| {
            i.collateral.tcb_info_issuer_chain = String::from_utf8_lossy(GARBAGE).into_owned();
        },
        E::CertificateInvalid,
    ),
];

const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
const GARBAGE: &[u8] = b"-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n";
