//! Why something did not work, and what whoever asked can do about it.

use phala_contract_build::SchemaError;
use phala_extrinsics::{ConnectError, NetworkError, SignerError, SubmitError};

/// What can be done about a failure. Decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The request is wrong as it is. Exit code 2.
    User,
    /// The same may work later, or with another node or worker. Exit code 3.
    Retry,
    /// Whoever runs the network or this machine must do something. Exit code 4.
    Operator,
    /// A mistake of this program, or of the worker's. Exit code 5.
    Bug,
    /// Something that was said is not true. Exit code 6.
    Untrue,
}

impl Class {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::User => 2,
            Self::Retry => 3,
            Self::Operator => 4,
            Self::Bug => 5,
            Self::Untrue => 6,
        }
    }
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What can be done.
    pub class: Class,
    /// For people.
    pub message: String,
}

/// The result of what this crate does.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The request is wrong.
    pub fn user(message: impl ToString) -> Self {
        Self { class: Class::User, message: message.to_string() }
    }

    /// It may work later.
    pub fn retry(message: impl ToString) -> Self {
        Self { class: Class::Retry, message: message.to_string() }
    }

    /// Somebody else must act.
    pub fn operator(message: impl ToString) -> Self {
        Self { class: Class::Operator, message: message.to_string() }
    }

    /// Somebody has made a mistake in a program.
    pub fn bug(message: impl ToString) -> Self {
        Self { class: Class::Bug, message: message.to_string() }
    }

    /// It is not true.
    pub fn untrue(message: impl ToString) -> Self {
        Self { class: Class::Untrue, message: message.to_string() }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Unreachable { .. } => Self::retry(error),
            _ => Self::user(error),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        if error.is_retryable() { Self::retry(error) } else { Self::user(error) }
    }
}

macro_rules! user {
    ($($kind:ty),*) => { $(
        impl From<$kind> for Failure {
            fn from(error: $kind) -> Self {
                Self::user(error)
            }
        }
    )* };
}

user!(NetworkError, SignerError, SchemaError);

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts rely on them.
    #[test]
    fn exit_codes_are_what_the_help_says() {
        let classes = [Class::User, Class::Retry, Class::Operator, Class::Bug, Class::Untrue];
        assert_eq!(classes.map(Class::code), [2, 3, 4, 5, 6]);
        let names: Vec<_> = classes.iter().map(|class| serde_json::to_value(class).unwrap()).collect();
        assert_eq!(names, ["user", "retry", "operator", "bug", "untrue"]);
    }

    #[test]
    fn a_failure_is_of_the_class_that_says_what_helps() {
        let (url, reason) = ("ws://127.0.0.1:1".to_owned(), "why".to_owned());
        let call = "Phat.command".to_owned();
        let (pallet, name, docs) = ("Phat".to_owned(), "NoContract".to_owned(), String::new());
        let failures: [(Failure, Class); 6] = [
            (ConnectError::Unreachable { url: url.clone(), reason: reason.clone() }.into(), Class::Retry),
            (ConnectError::Metadata { url, reason: reason.clone() }.into(), Class::User),
            (SubmitError::Lost { call: call.clone(), reason: reason.clone() }.into(), Class::Retry),
            (SubmitError::Dispatch { call, pallet, name, docs }.into(), Class::User),
            (SignerError::Password("keystore.json".into()).into(), Class::User),
            (SchemaError::Unreadable(reason).into(), Class::User),
        ];
        for (failure, class) in failures {
            assert_eq!(failure.class, class, "{failure}");
        }
    }
}
