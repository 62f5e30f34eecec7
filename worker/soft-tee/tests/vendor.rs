//! The vendor as such: one root for all formats, and certificates, lists and quotes that refer to each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests

use dcap_qvl::{
    intel::{extract_cert_chain, parse_pck_extension},
    quote::Quote,
};
use der::{Decode, oid::AssociatedOid};
use phala_attestation::{Hardware, MAX_COLLATERAL, MAX_QUOTE};
use phala_primitives::worker::Measurement;
use phala_soft_tee::{Draft, Enclave, Format, Program, Seed, Statement, Td, Vendor, VendorError};
use x509_cert::{
    Certificate,
    certificate::Rfc5280,
    crl::CertificateList,
    ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier},
};

const NOW: u64 = 1_800_000_000;

fn vendor() -> Vendor {
    Vendor::new(Seed::development()).unwrap()
}

fn draft(format: Format) -> Draft {
    let program = Program::new(format, Measurement([7; 48]), [9; 64]);
    vendor().draft(format, &program, &Statement::at(NOW)).unwrap()
}

/// The quote's own chain: platform, intermediate, root.
fn chain(quote: &[u8]) -> Vec<Vec<u8>> {
    extract_cert_chain(&Quote::parse(quote).unwrap()).unwrap()
}

#[test]
fn every_format_has_the_same_root_and_device_and_is_the_same_each_time() {
    let root = vendor().trusted_root().unwrap();
    for format in Format::ALL {
        let (issued, again) = (draft(format).issue().unwrap(), draft(format).issue().unwrap());
        assert_eq!(issued.trusted_root().unwrap(), root, "{format}");
        assert_eq!(issued.evidence().unwrap(), again.evidence().unwrap(), "{format}");
        let chain = chain(&issued.quote);
        assert_eq!(chain.len(), 3, "{format}");
        assert_eq!(chain[2], root.certificate.as_slice(), "{format}");
        assert_eq!(parse_pck_extension(&chain[0]).unwrap().ppid, vendor().device(), "{format}");
    }
}

/// SGX on a single processor, TDX on a server.
#[test]
fn the_two_intermediates_certify_what_intels_do() {
    for format in Format::ALL {
        let platform = parse_pck_extension(&chain(&draft(format).issue().unwrap().quote)[0]).unwrap();
        let server = format.hardware() == Hardware::Tdx;
        assert_eq!(platform.sgx_type, u64::from(server), "{format}");
        assert_eq!(platform.platform_instance_id.map(|instance| instance.len()), server.then_some(16), "{format}");
        assert_eq!(platform.dynamic_platform, server.then_some(false), "{format}");
        assert_eq!(platform.cached_keys, server.then_some(false), "{format}");
        assert_eq!(platform.smt_enabled, server.then_some(true), "{format}");
        let issuer = draft(format).pck.issuer;
        assert!(issuer.contains(if server { "PCK Platform CA" } else { "PCK Processor CA" }), "{format}: {issuer}");
    }
}

#[test]
fn lists_name_their_authority_and_the_key_that_signed_them() {
    for format in Format::ALL {
        let issued = draft(format).issue().unwrap();
        let chain = chain(&issued.quote);
        for (list, authority) in [(&issued.collateral.root_ca_crl, &chain[2]), (&issued.collateral.pck_crl, &chain[1])]
        {
            let list = CertificateList::<Rfc5280>::from_der(list).unwrap().tbs_cert_list;
            let authority = Certificate::from_der(authority).unwrap();
            let authority = authority.tbs_certificate();
            assert_eq!(&list.issuer, authority.subject(), "{format}");
            assert_eq!(list.revoked_certificates, None, "{format}");
            let extensions = list.crl_extensions.unwrap();
            let signer = extensions.iter().find(|extension| extension.extn_id == AuthorityKeyIdentifier::OID).unwrap();
            let signer = AuthorityKeyIdentifier::from_der(signer.extn_value.as_bytes()).unwrap();
            let (_, key) = authority.get_extension::<SubjectKeyIdentifier>().unwrap().unwrap();
            assert_eq!(signer.key_identifier, Some(key.0), "{format}");
        }
    }
}

#[test]
fn evidence_of_every_format_is_well_below_the_limits() {
    for format in Format::ALL {
        let issued = draft(format).issue().unwrap();
        let collateral = codec::Encode::encode(&issued.collateral);
        assert!(issued.quote.len() < MAX_QUOTE as usize * 3 / 4, "{format}: {}", issued.quote.len());
        assert!(collateral.len() < MAX_COLLATERAL as usize / 2, "{format}: {}", collateral.len());
    }
}

#[test]
fn a_program_of_other_hardware_is_named() {
    let td: Program = Td::new(Measurement([7; 48]), [9; 64]).into();
    let enclave: Program = Enclave::new([7; 32], [9; 64]).into();
    for format in Format::ALL {
        let other = if format.hardware() == Hardware::Sgx { &td } else { &enclave };
        let refused = vendor().draft(format, other, &Statement::at(NOW)).err();
        assert!(matches!(refused, Some(VendorError::OtherHardware)), "{format}");
    }
}
