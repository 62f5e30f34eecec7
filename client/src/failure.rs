//! Why something did not work, and what whoever asked can do about it.

use phala_contract_build::SchemaError;
use phala_extrinsics::{ConnectError, NetworkError, SignerError, SubmitError};
use phala_primitives::fault::Part;

pub use phala_primitives::fault::{Class, Code, Fault};

use crate::request::RequestId;

/// A failure. Shown as its message; whoever prints it for a script adds the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Which it is, in the project's table of errors; a worker's own, if a worker has refused.
    pub code: Code,
    /// What can be done. Decides the exit code.
    pub class: Class,
    /// For people.
    pub message: String,
    /// Under which a worker's log tells of it, if a worker has refused.
    pub request: Option<RequestId>,
}

/// The result of what this crate does.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The request is wrong, and the table has no number that says how.
    pub fn user(message: impl ToString) -> Self {
        Fault::of_class(Class::User).because(message)
    }

    /// It may work later.
    pub fn retry(message: impl ToString) -> Self {
        Fault::of_class(Class::Retry).because(message)
    }

    /// Somebody else must act.
    pub fn operator(message: impl ToString) -> Self {
        Fault::of_class(Class::Operator).because(message)
    }

    /// Somebody has made a mistake in a program.
    pub fn bug(message: impl ToString) -> Self {
        Fault::of_class(Class::Bug).because(message)
    }

    /// It is not true.
    pub fn untrue(message: impl ToString) -> Self {
        Fault::of_class(Class::Untrue).because(message)
    }

    /// What a worker has refused, as it has said: its code and class count, unless they are none that a worker has.
    pub(crate) fn refused(code: &str, class: &str, message: impl ToString, request: RequestId) -> Self {
        // that something is untrue this client alone finds out
        let class = Class::named(class).filter(|class| *class != Class::Untrue).unwrap_or(Class::Retry);
        let own = Code::parse(code).filter(|code| code.part() == Some(Part::Worker));
        let code = own.unwrap_or_else(|| Fault::of_class(class).code());
        Self { code, class, message: message.to_string(), request: Some(request) }
    }
}

/// Makes failures of the rows of the table.
pub trait Because {
    /// A failure of this row, with what has happened this time.
    fn because(self, message: impl ToString) -> Failure;
}

impl Because for Fault {
    fn because(self, message: impl ToString) -> Failure {
        Failure { code: self.code(), class: self.class(), message: message.to_string(), request: None }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Unreachable { .. } => Fault::NodeUnreachable.because(error),
            ConnectError::OtherGenesis { .. } => Fault::OtherChain.because(error),
            _ => Self::user(error),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Dispatch { .. } => Fault::TransactionRefused.because(error),
            SubmitError::Invalid { .. } => Fault::NotAccepted.because(error),
            SubmitError::Lost { .. } => Fault::TransactionLost.because(error),
            _ if error.is_retryable() => Self::retry(error),
            _ => Self::user(error),
        }
    }
}

impl From<SchemaError> for Failure {
    fn from(error: SchemaError) -> Self {
        match error {
            SchemaError::Method { .. } => Fault::NoSuchMethod.because(error),
            SchemaError::Arguments { .. } => Fault::Arguments.because(error),
            _ => Fault::Component.because(error),
        }
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Fault::NetworkFile.because(error)
    }
}

impl From<SignerError> for Failure {
    fn from(error: SignerError) -> Self {
        Fault::Key.because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_of_the_row_that_says_what_helps() {
        let (url, reason) = ("ws://127.0.0.1:1".to_owned(), "why".to_owned());
        let (expected, found) = ("00".to_owned(), "01".to_owned());
        let call = "Phat.command".to_owned();
        let (pallet, name, docs) = ("Phat".to_owned(), "NoContract".to_owned(), String::new());
        let (mode, method, hint, list) = ("query", "ask".to_owned(), String::new(), String::new());
        let (why, takes) = (reason.clone(), String::new());
        let path = "network.json".to_owned();
        let failures: [(Failure, Fault, u8); 11] = [
            (ConnectError::Unreachable { url: url.clone(), reason: reason.clone() }.into(), Fault::NodeUnreachable, 3),
            (ConnectError::OtherGenesis { url: url.clone(), expected, found }.into(), Fault::OtherChain, 2),
            (ConnectError::Metadata { url, reason: reason.clone() }.into(), Fault::Wrong, 2),
            (SubmitError::Invalid { call: call.clone(), reason: reason.clone() }.into(), Fault::NotAccepted, 3),
            (SubmitError::Lost { call: call.clone(), reason: reason.clone() }.into(), Fault::TransactionLost, 3),
            (SubmitError::Dispatch { call, pallet, name, docs }.into(), Fault::TransactionRefused, 2),
            (NetworkError::File { path, reason: reason.clone() }.into(), Fault::NetworkFile, 2),
            (SignerError::Password("keystore.json".into()).into(), Fault::Key, 2),
            (SchemaError::Unreadable(reason).into(), Fault::Component, 2),
            (SchemaError::Method { mode, method: method.clone(), hint, list }.into(), Fault::NoSuchMethod, 2),
            (SchemaError::Arguments { method, why, takes }.into(), Fault::Arguments, 2),
        ];
        for (failure, fault, exit) in failures {
            assert_eq!((failure.code, failure.class), (fault.code(), fault.class()), "{failure}");
            assert_eq!(failure.class.exit_code(), exit, "{failure}");
            assert_eq!(failure.request, None, "{failure}");
        }
    }

    #[test]
    fn what_has_no_number_has_that_of_its_class() {
        for (failure, code, exit) in [
            (Failure::user("why"), "PHALA-3001", 2),
            (Failure::retry("why"), "PHALA-3002", 3),
            (Failure::operator("why"), "PHALA-3003", 4),
            (Failure::bug("why"), "PHALA-3004", 5),
            (Failure::untrue("why"), "PHALA-3005", 6),
        ] {
            assert_eq!((failure.code.to_string().as_str(), failure.class.exit_code()), (code, exit));
            assert_eq!(failure.to_string(), "why");
        }
    }

    #[test]
    fn a_worker_speaks_for_itself_alone() {
        let id = RequestId::random();
        for (code, class, expected) in [
            ("PHALA-2012", "operator", ("PHALA-2012", Class::Operator)),
            // of a worker that is newer than this program
            ("PHALA-2999", "bug", ("PHALA-2999", Class::Bug)),
            ("PHALA-2012", "another", ("PHALA-2012", Class::Retry)),
            ("PHALA-3071", "untrue", ("PHALA-3002", Class::Retry)),
            ("PHALA-1001", "user", ("PHALA-3001", Class::User)),
            ("\x1b[2J", "user", ("PHALA-3001", Class::User)),
        ] {
            let failure = Failure::refused(code, class, "why", id);
            assert_eq!((failure.code.to_string().as_str(), failure.class), expected);
            assert_eq!(failure.request, Some(id));
        }
    }
}
