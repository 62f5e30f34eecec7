//! Names the check that `dcap-qvl` failed.
//!
//! The verifier answers with a chain of messages, except for certificates, where the error of its X.509 library is inside.
//! Messages are matched for the exact version that the workspace pins, and a test looks each of them up in its source; they
//! choose a name and never decide: whatever is not recognised is refused as [`Unverified`].

use crate::AttestationError::{self, *};

/// A part of a message, and the check it belongs to. The first row that matches wins.
const MESSAGES: &[(&str, AttestationError)] = &[
    // The quoting enclave first: its debug bit has the same message as the program's.
    ("QE report validation failed", QuotingEnclave),
    ("qe_report in quote", QuotingEnclave),
    ("QE report", QuotingEnclave),
    ("Invalid QE auth data", QuotingEnclave),
    ("QE MRSIGNER", QuotingEnclave),
    ("QE ISVPRODID", QuotingEnclave),
    ("QE MISCSELECT", QuotingEnclave),
    ("QE ATTRIBUTES", QuotingEnclave),
    ("Debug mode is enabled", DebugEnclave),
    ("TD profiling is enabled", DebugEnclave),
    ("Reserved bits in TD attributes", AttributesRefused),
    ("TD migration is enabled", AttributesRefused),
    ("SERVTD_EXT is enabled", AttributesRefused),
    ("SEPT_VE_DISABLE is not enabled", AttributesRefused),
    ("Invalid MR service TD", AttributesRefused),
    ("ISV enclave report signature", QuoteSignature),
    ("TCB status is invalid: Revoked", TcbRevoked),
    ("issue date is in the future", CollateralNotYetValid),
    ("TCBInfo expired", CollateralExpired),
    ("QE Identity expired", CollateralExpired),
    ("Signature is invalid for tcb_info", CollateralSignature),
    ("Signature is invalid for qe_identity", CollateralSignature),
    ("Fmspc mismatch", PlatformUnknown),
    // Collateral about the TDX module that says nothing, before what it says about this platform's.
    ("Unrecognized TCB status", MalformedCollateral),
    ("missing tdxModule field", MalformedCollateral),
    ("tdxModule.", MalformedCollateral),
    ("tdxModuleIdentity.", MalformedCollateral),
    ("tcbDate", MalformedCollateral),
    ("platform TCB date", MalformedCollateral),
    ("No matching TCB level", PlatformUnknown),
    ("TDX module", PlatformUnknown),
    ("below minimum", PlatformUnknown),
    ("Failed to decode quote", MalformedQuote),
    ("Unsupported DCAP", UnsupportedVersion),
    ("Unknown QE vendor ID", UnsupportedVersion),
    ("Failed to load root ca", MalformedRoot),
    ("Failed to decode TcbInfo", MalformedCollateral),
    ("Failed to decode QeIdentity", MalformedCollateral),
    ("Failed to decode TCB FMSPC", MalformedCollateral),
    ("Unsupported QE Identity", MalformedCollateral),
    ("TCB info in the collateral", MalformedCollateral),
    ("TCB Info", MalformedCollateral),
    ("QE Identity", MalformedCollateral),
    ("component count mismatch", MalformedCollateral),
    ("CRL", MalformedCollateral),
    ("certificate", CertificateInvalid),
    ("Failed to parse certs", CertificateInvalid),
    // What the platform's certificate says about the platform.
    ("Intel extension", CertificateInvalid),
    ("appears more than once", CertificateInvalid),
    ("OID is missing", CertificateInvalid),
    ("Fmspc", CertificateInvalid),
    ("CpuSvn", CertificateInvalid),
    ("PceSvn", CertificateInvalid),
    ("Unexpected BOOLEAN", CertificateInvalid),
    ("Unexpected ENUMERATED", CertificateInvalid),
    ("DER object", CertificateInvalid),
    ("Failed to load sequence", CertificateInvalid),
];

/// The check behind a refusal: `certificates` is the X.509 library's error if there is one, `message` the whole chain.
pub fn name(certificates: Option<&webpki::Error>, message: &str) -> AttestationError {
    if let Some(error) = certificates {
        return name_certificate(error, message);
    }
    MESSAGES.iter().find(|(part, _)| message.contains(part)).map_or(Unverified, |(_, name)| *name)
}

fn name_certificate(error: &webpki::Error, message: &str) -> AttestationError {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } | Error::CrlExpired { .. } => CollateralExpired,
        Error::CertNotValidYet { .. } => CollateralNotYetValid,
        Error::CertRevoked => Revoked,
        Error::UnknownIssuer => UntrustedRoot,
        Error::InvalidCrlSignatureForPublicKey => CollateralSignature,
        Error::UnknownRevocationStatus => MalformedCollateral,
        _ if message.contains("root ca") => MalformedRoot,
        _ if message.contains("CRL") => MalformedCollateral,
        _ => CertificateInvalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::PathBuf, process::Command, string::String};

    /// All of the pinned verifier's source.
    fn verifier_source() -> String {
        let output =
            Command::new(env!("CARGO")).args(["metadata", "--offline", "--format-version", "1"]).output().unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let verifier = packages.iter().find(|package| package["name"] == "dcap-qvl").unwrap();
        let source = PathBuf::from(verifier["manifest_path"].as_str().unwrap()).with_file_name("src");
        let files = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
        let modules = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        modules.map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    #[test]
    fn every_message_is_one_of_the_verifiers() {
        let source = verifier_source();
        for (part, name) in MESSAGES {
            assert!(source.contains(part), "{name:?}: the verifier no longer says {part:?}");
        }
    }

    #[test]
    fn the_first_row_wins_and_the_unknown_is_refused() {
        assert_eq!(name(None, "QE report validation failed: Debug mode is enabled"), QuotingEnclave);
        assert_eq!(name(None, "Debug mode is enabled"), DebugEnclave);
        assert_eq!(name(None, "QE ISVSVN 3 is below minimum required 4 from QE Identity"), PlatformUnknown);
        assert_eq!(name(None, "Unsupported QE Identity version"), MalformedCollateral);
        assert_eq!(name(None, "Fmspc mismatch"), PlatformUnknown);
        assert_eq!(name(None, "Fmspc length mismatch"), CertificateInvalid);
        let module = "TDX module identity check: ";
        assert_eq!(name(None, &[module, "TDX module MRSIGNER mismatch"].concat()), PlatformUnknown);
        assert_eq!(name(None, &[module, "TDX TCB Info is missing tdxModule field"].concat()), MalformedCollateral);
        assert_eq!(name(None, ""), Unverified);
        assert_eq!(name(None, "no such check"), Unverified);
    }

    #[test]
    fn the_certificate_librarys_error_comes_before_the_message() {
        let revoked = webpki::Error::CertRevoked;
        assert_eq!(name(Some(&revoked), "Signature is invalid for tcb_info"), Revoked);
        assert_eq!(name(Some(&webpki::Error::BadDer), "Failed to load root ca"), MalformedRoot);
        assert_eq!(name(Some(&webpki::Error::BadDer), "invalid CRL"), MalformedCollateral);
        assert_eq!(name(Some(&webpki::Error::BadDer), "chain"), CertificateInvalid);
    }
}
