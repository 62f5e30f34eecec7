//! Why evidence was refused. One variant per check, so that a dispatch error can name the check that failed.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// The check that evidence failed. Nothing of the evidence may be used.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    thiserror::Error,
)]
#[non_exhaustive]
pub enum AttestationError {
    /// Longer than [`MAX_QUOTE`](crate::MAX_QUOTE) or [`MAX_COLLATERAL`](crate::MAX_COLLATERAL).
    #[error("quote or collateral is larger than allowed")]
    Oversized,
    /// Bytes follow the quote, or an element inside it.
    #[error("bytes are left over after the quote or an element of it")]
    TrailingBytes,
    /// The quote ends early or its fields contradict each other.
    #[error("the quote does not parse")]
    MalformedQuote,
    /// A quote version, TEE type, key type or certification data that this program does not verify.
    #[error("this kind of quote is not supported")]
    UnsupportedVersion,
    /// A part of the collateral does not parse, or is of another kind than the quote needs.
    #[error("the collateral does not parse or is of another kind")]
    MalformedCollateral,
    /// The quote's certificate chain does not lead to a root on the list.
    #[error("the quote does not chain to a trusted root")]
    UntrustedRoot,
    /// A root on the list is not a certificate: the policy itself is broken.
    #[error("a trusted root in the policy is not a certificate")]
    MalformedRoot,
    /// A certificate chain is broken: wrong issuer, wrong usage, bad signature inside the chain.
    #[error("a certificate chain is not valid")]
    CertificateInvalid,
    /// A certificate on the path is on a revocation list.
    #[error("a certificate is revoked")]
    Revoked,
    /// A part of the collateral, or a certificate, is past its end. Fetch fresh collateral and try again.
    #[error("collateral or a certificate has expired")]
    CollateralExpired,
    /// A part of the collateral, or a certificate, is not valid yet. Try again later.
    #[error("collateral or a certificate is not valid yet")]
    CollateralNotYetValid,
    /// The signature of TCB info or QE identity is wrong.
    #[error("the collateral is not signed by its signer")]
    CollateralSignature,
    /// The quoting enclave is not the vendor's: identity, report signature or key binding is wrong.
    #[error("the quoting enclave is not the vendor's")]
    QuotingEnclave,
    /// The quote's own signature is wrong.
    #[error("the quote's signature is wrong")]
    QuoteSignature,
    /// The collateral is about another family of platforms, or knows no TCB level or module that the platform meets.
    #[error("the collateral has no level for this platform")]
    PlatformUnknown,
    /// The enclave or TD can be debugged or profiled from outside.
    #[error("debugging is enabled")]
    DebugEnclave,
    /// An attribute that breaks isolation: migration, service TD, reserved bits, `SEPT_VE_DISABLE` off.
    #[error("an attribute of the TD or enclave is not allowed")]
    AttributesRefused,
    /// A part of the TCB is revoked by the vendor. No policy can allow it.
    #[error("the platform's TCB is revoked")]
    TcbRevoked,
    /// The TCB status is not on the policy's list.
    #[error("the platform's TCB status is not accepted")]
    TcbStatusRefused,
    /// The quote was made for other report data: another boot, chain, block or operator.
    #[error("report data is not what the registration binds")]
    ReportDataMismatch,
    /// The program is not on the policy's list.
    #[error("the measurement is not allowed")]
    MeasurementNotAllowed,
    /// The verifier refused for a reason that has no name here.
    #[error("evidence does not verify")]
    Unverified,
}

/// What the sender of refused evidence can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The same bytes will always fail. Make new evidence, or give up.
    NewEvidence,
    /// Fetch collateral again, keep the quote.
    FreshCollateral,
    /// Try the same bytes later, or set the clock.
    Later,
    /// Update or replace the platform.
    UpdatePlatform,
    /// Only a change of the chain's policy helps.
    Governance,
}

impl AttestationError {
    /// What can be done about it.
    pub fn remedy(self) -> Remedy {
        match self {
            Self::CollateralExpired | Self::MalformedCollateral | Self::CollateralSignature | Self::PlatformUnknown => {
                Remedy::FreshCollateral
            }
            Self::CollateralNotYetValid => Remedy::Later,
            Self::Revoked | Self::TcbRevoked | Self::TcbStatusRefused => Remedy::UpdatePlatform,
            Self::UntrustedRoot | Self::MalformedRoot | Self::MeasurementNotAllowed => Remedy::Governance,
            _ => Remedy::NewEvidence,
        }
    }
}
