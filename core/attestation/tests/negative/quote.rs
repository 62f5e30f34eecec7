//! What is wrong with the quote: its kinds, its signatures, and the quoting enclave.

use phala_attestation::AttestationError as E;
use phala_soft_tee::Draft;

use super::{ALL, Fault, Layout, SGX, TDX, V5, said, signed};

pub const FAULTS: &[Fault] = &[
    // Kinds.
    signed("version 0", ALL, |i, _, _| i.quote[0] = 0, E::UnsupportedVersion),
    signed("version 2", ALL, |i, _, _| i.quote[0] = 2, E::UnsupportedVersion),
    signed("version 6", ALL, |i, _, _| i.quote[0] = 6, E::UnsupportedVersion),
    signed("a version of two bytes", ALL, |i, _, _| i.quote[1] = 1, E::UnsupportedVersion),
    said("an SGX quote of version 4", SGX, |d, _| d.quote.header.version = 4, E::UnsupportedVersion),
    said("an SGX quote of version 5", SGX, |d, _| d.quote.header.version = 5, E::UnsupportedVersion),
    signed("a TDX quote of version 3", TDX, |i, _, _| i.quote[0] = 3, E::UnsupportedVersion),
    // Where the length of what follows should be, there are report data.
    signed("version 4 with a body that has a type", V5, |i, _, _| i.quote[0] = 4, E::MalformedQuote),
    said("a TEE of type 0x81", SGX, |d, _| d.quote.header.tee_type = 0x81, E::UnsupportedVersion),
    said("a TEE of type 0", TDX, |d, _| d.quote.header.tee_type = 0, E::UnsupportedVersion),
    said("a TEE of type 1", ALL, |d, _| d.quote.header.tee_type = 1, E::UnsupportedVersion),
    said("an attestation key of type 0", ALL, |d, _| d.quote.header.attestation_key_type = 0, E::UnsupportedVersion),
    said("an attestation key on P-384", ALL, |d, _| d.quote.header.attestation_key_type = 3, E::UnsupportedVersion),
    said("another vendor of quoting enclaves", ALL, |d, _| d.quote.header.qe_vendor_id[0] ^= 1, E::UnsupportedVersion),
    said("certification by PPID", ALL, |d, _| d.quote.chain_type = 1, E::UnsupportedVersion),
    said("certification by encrypted PPID", ALL, |d, _| d.quote.chain_type = 3, E::UnsupportedVersion),
    said("certification by a single certificate", ALL, |d, _| d.quote.chain_type = 4, E::UnsupportedVersion),
    said("certification by a quoting enclave's report", ALL, |d, _| d.quote.chain_type = 6, E::UnsupportedVersion),
    said("a chain where the report should be", TDX, |d, _| d.quote.qe_report_type = 5, E::UnsupportedVersion),
    signed("a body of type 0", V5, |i, _, l| body(i, l)[0] = 0, E::UnsupportedVersion),
    signed("a body that is an enclave's report", V5, |i, _, l| body(i, l)[0] = 1, E::UnsupportedVersion),
    signed("a body of type 5", V5, |i, _, l| body(i, l)[0] = 5, E::UnsupportedVersion),
    signed(
        "a body of the next type",
        V5,
        |i, _, l| {
            let kind = &mut body(i, l)[0];
            *kind = if *kind == 4 { 2 } else { *kind + 1 };
        },
        E::MalformedQuote,
    ),
    signed("a body that is longer than its type", V5, |i, _, l| body(i, l)[2] ^= 1, E::MalformedQuote),
    // Signatures and keys.
    said("the quote is signed by another key", ALL, |d, o| d.quote.signer = o.quote.signer.clone(), E::QuoteSignature),
    said(
        "the quote is signed by the platform's key",
        ALL,
        |d, _| {
            d.quote.signer = d.quote.qe_signer.clone();
        },
        E::QuoteSignature,
    ),
    said(
        "the quoting enclave's report is signed by another key",
        ALL,
        |d, o| {
            d.quote.qe_signer = o.quote.qe_signer.clone();
        },
        E::QuotingEnclave,
    ),
    said(
        "the quoting enclave's report is signed by the attestation key",
        ALL,
        |d, _| {
            d.quote.qe_signer = d.quote.signer.clone();
        },
        E::QuotingEnclave,
    ),
    said(
        "an attestation key that nobody vouches for",
        ALL,
        |d, o| {
            d.quote.attestation_key = o.quote.attestation_key;
            d.quote.signer = o.quote.signer.clone();
        },
        E::QuotingEnclave,
    ),
    said(
        "an attestation key whose other half did not sign",
        ALL,
        |d, o| {
            d.quote.attestation_key = o.quote.attestation_key;
            d.quote.bind();
        },
        E::QuoteSignature,
    ),
    said(
        "an attestation key that is no point",
        ALL,
        |d, _| {
            d.quote.attestation_key = [1; 64];
            d.quote.bind();
        },
        E::QuoteSignature,
    ),
    // The quoting enclave.
    said(
        "the quoting enclave vouches for nothing",
        ALL,
        |d, _| {
            d.quote.qe_report.report_data = [0; 64];
        },
        E::QuotingEnclave,
    ),
    said("authentication data that nobody vouches for", ALL, |d, _| d.quote.qe_auth_data[31] ^= 1, E::QuotingEnclave),
    said("authentication data of 31 bytes", ALL, |d, _| authentication_data(d, 31), E::QuotingEnclave),
    said("authentication data of 33 bytes", ALL, |d, _| authentication_data(d, 33), E::QuotingEnclave),
    said("no authentication data", ALL, |d, _| authentication_data(d, 0), E::QuotingEnclave),
    said("a quoting enclave of another signer", ALL, |d, _| d.quote.qe_report.mr_signer[0] ^= 1, E::QuotingEnclave),
    said(
        "a quoting enclave of the other technology",
        ALL,
        |d, _| {
            d.quote.qe_report.isv_prod_id = 3 - d.quote.qe_report.isv_prod_id;
        },
        E::QuotingEnclave,
    ),
    said("a quoting enclave in debug mode", ALL, |d, _| d.quote.qe_report.attributes[0] |= 0x02, E::QuotingEnclave),
    said(
        "a quoting enclave without provisioning key",
        ALL,
        |d, _| {
            d.quote.qe_report.attributes[0] &= !0x10;
        },
        E::QuotingEnclave,
    ),
    said(
        "a quoting enclave with another attribute",
        ALL,
        |d, _| d.quote.qe_report.attributes[7] = 1,
        E::QuotingEnclave,
    ),
    said("a quoting enclave with MISCSELECT", ALL, |d, _| d.quote.qe_report.misc_select = 1, E::QuotingEnclave),
    said("a quoting enclave before every level", ALL, |d, _| d.quote.qe_report.isv_svn = 0, E::PlatformUnknown),
    said("a quoting enclave that is out of date", ALL, |d, _| d.quote.qe_report.isv_svn -= 1, E::TcbStatusRefused),
];

/// Type and length of the body.
fn body<'i>(issued: &'i mut phala_soft_tee::Issued, layout: &Layout) -> &'i mut [u8] {
    let at = layout.body.expect("version 5");
    &mut issued.quote[at..at + 6]
}

/// Authentication data of this length, for which the quoting enclave vouches.
fn authentication_data(draft: &mut Draft, len: usize) {
    draft.quote.qe_auth_data = vec![7; len];
    draft.quote.bind();
}
