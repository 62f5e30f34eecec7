//! The dispatch error of each check that evidence can fail.

use phala_attestation::AttestationError as Refusal;

use crate::Error;

impl<T> From<Refusal> for Error<T> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Oversized | Refusal::TrailingBytes | Refusal::MalformedQuote => Self::EvidenceMalformed,
            Refusal::UnsupportedVersion => Self::EvidenceUnsupported,
            Refusal::MalformedCollateral => Self::EvidenceMalformedCollateral,
            Refusal::UntrustedRoot => Self::EvidenceUntrustedRoot,
            Refusal::MalformedRoot => Self::PolicyRootMalformed,
            Refusal::CertificateInvalid => Self::EvidenceCertificateInvalid,
            Refusal::Revoked => Self::EvidenceRevoked,
            Refusal::CollateralExpired => Self::EvidenceExpired,
            Refusal::CollateralNotYetValid => Self::EvidenceNotYetValid,
            Refusal::CollateralSignature => Self::EvidenceCollateralSignature,
            Refusal::QuotingEnclave => Self::EvidenceQuotingEnclave,
            Refusal::QuoteSignature => Self::EvidenceQuoteSignature,
            Refusal::PlatformUnknown => Self::EvidencePlatformUnknown,
            Refusal::DebugEnclave => Self::EvidenceDebug,
            Refusal::AttributesRefused => Self::EvidenceAttributes,
            Refusal::TcbRevoked => Self::EvidenceTcbRevoked,
            Refusal::TcbStatusRefused => Self::EvidenceTcbRefused,
            Refusal::ReportDataMismatch => Self::EvidenceWrongReportData,
            Refusal::MeasurementNotAllowed => Self::EvidenceUnlistedMeasurement,
            _ => Self::EvidenceUnverified,
        }
    }
}
