//! The one registry of errors that people and programs see: `PHALA-nnnn`.
//!
//! The node's own RPC methods, the worker's HTTP API and `phala` answer with the code and the class of a row, and with
//! a message that says what has happened this time. A script decides by the code or the class; the message is for
//! people, and may change. A number is never given to another error: what is gone leaves a gap.
//!
//! ```text
//! node      {"code":-32002,"message":"…","data":{"code":"PHALA-1003","class":"retry"}}
//! worker    {"code":"PHALA-2011","class":"retry","message":"…"}
//! phala     error (PHALA-3022): …       the exit code is the class's
//! ```
//!
//! `docs/errors.md` is this table; a test holds them together.

use core::fmt;

/// What helps against an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request is wrong as it is.
    User,
    /// The same may work later, or with another node or worker.
    Retry,
    /// Whoever runs the network or the machine must do something.
    Operator,
    /// A mistake in a program.
    Bug,
    /// Something that was said is not true. Only who has checked says this, never a node or a worker of itself.
    Untrue,
}

impl Class {
    /// All classes.
    pub const ALL: &'static [Class] = &[Self::User, Self::Retry, Self::Operator, Self::Bug, Self::Untrue];

    /// Its name, as programs read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Retry => "retry",
            Self::Operator => "operator",
            Self::Bug => "bug",
            Self::Untrue => "untrue",
        }
    }

    /// The class with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// What whoever reads of it should do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::User => "Change the request: as it is it will not work.",
            Self::Retry => "Try again later, or with another node or worker.",
            Self::Operator => "Whoever runs the network or the machine must do something.",
            Self::Bug => "A program is wrong: report it.",
            Self::Untrue => "Something that was said is not true: do not use it, and ask somebody else.",
        }
    }

    /// The exit code of `phala`. Scripts rely on it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::User => 2,
            Self::Retry => 3,
            Self::Operator => 4,
            Self::Bug => 5,
            Self::Untrue => 6,
        }
    }
}

/// Who answers with an error: the first digit of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The node's own RPC methods.
    Node,
    /// The worker's HTTP API.
    Worker,
    /// `phala`, and the client that it is made of.
    Client,
}

/// The number of an error. May be one that this table does not have: a newer program knows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// What every code begins with.
    const PREFIX: &'static str = "PHALA-";

    /// A code as it is written: `PHALA-` and four digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(Self::PREFIX)?;
        let four = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit());
        if four { digits.parse().ok().map(Self) } else { None }
    }

    /// Whose it is; nobody's, if its number is in no range.
    pub const fn part(self) -> Option<Part> {
        match self.0 {
            1000..=1999 => Some(Part::Node),
            2000..=2999 => Some(Part::Worker),
            3000..=3999 => Some(Part::Client),
            _ => None,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:04}", Self::PREFIX, self.0)
    }
}

/// Declares the registry once. A row: what the error is, its name, number and class, what to do. A text is one line.
macro_rules! faults {
    ($( #[doc = $what:literal] $name:ident = $number:literal, $class:ident, $advice:literal; )*) => {
        /// An error that people and programs see. See the [module documentation](self).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault { $( #[doc = $what] $name, )* }

        impl Fault {
            /// The whole table, by ascending numbers.
            pub const ALL: &'static [Fault] = &[ $( Fault::$name, )* ];

            /// Its code.
            pub const fn code(self) -> Code {
                match self { $( Fault::$name => Code($number), )* }
            }

            /// What helps.
            pub const fn class(self) -> Class {
                match self { $( Fault::$name => Class::$class, )* }
            }

            /// What it is, in one line.
            pub const fn what(self) -> &'static str {
                match self { $( Fault::$name => $what.trim_ascii(), )* }
            }

            /// What to do, in one line.
            pub const fn advice(self) -> &'static str {
                match self { $( Fault::$name => $advice, )* }
            }
        }
    };
}

faults! {
    // --- 1xxx: the node's own RPC methods ---

    /// The parameters of a method cannot be read.
    RpcParams = 1001, User, "Give them in the order and of the kinds that the method has.";
    /// A parameter is not within its bounds.
    RpcBounds = 1002, User, "The message names the bounds.";
    /// The node does not have what was asked for.
    RpcMissing = 1003, Retry, "Ask another node, or this one when it has caught up.";
    /// The node's database failed, or holds what cannot be read.
    RpcFailed = 1004, Operator, "Look into the node's log; ask another node meanwhile.";

    // --- 2xxx: the worker's HTTP API ---

    /// More is asked of the worker at a time than it serves.
    Overloaded = 2001, Retry, "Wait as long as `retry-after` says, or ask another worker.";
    /// The body is longer than such a request can be.
    LongBody = 2002, User, "Send less: the message names the limit.";
    /// There is nothing under this path.
    NoSuchPath = 2003, User, "Check the worker's URL.";
    /// The path does not take this HTTP method.
    OtherMethod = 2004, User, "Requests are POST; health and metrics are GET.";
    /// The body did not arrive in time.
    SlowBody = 2005, Retry, "Send it again.";
    /// The body broke off.
    BrokenBody = 2006, Retry, "Send it again.";
    /// The worker has failed by a mistake of its own.
    WorkerBug = 2007, Bug, "Report it, with the lines of the worker's log.";
    /// The worker has no state to answer from yet.
    NotReady = 2010, Retry, "Wait: `/v1/health` says how far it is. Or ask another worker.";
    /// The worker has not executed all messages that the chain has.
    CatchingUp = 2011, Retry, "Try again in a moment, or ask another worker.";
    /// The cluster is frozen: its members have reported different states.
    Frozen = 2012, Operator, "Its operators must find out who is wrong.";
    /// The bytes are no request.
    Unreadable = 2013, User, "Use a client of the worker's version.";
    /// The worker does not serve that cluster.
    OtherCluster = 2014, User, "Ask a member of the cluster: `phala cluster show`.";
    /// The session was opened to keys of an earlier boot.
    OtherBoot = 2015, User, "Read the worker's keys from the chain again, and open a new session.";
    /// There is no such session: it was closed, or made room for others.
    UnknownSession = 2016, User, "Open a new session.";
    /// The request does not decrypt.
    Undecryptable = 2017, User, "Seal it with the keys of its session; open a new one if in doubt.";
    /// The sequence number was used before, or is too old.
    Replayed = 2018, User, "Send it under the next number of the session.";
    /// The certificate does not stand for what is asked.
    Certificate = 2019, User, "Sign a certificate for this cluster, contract and time.";
    /// A session with a certificate takes only requests that its key has signed.
    Unsigned = 2020, User, "Sign the request with the session's key.";
    /// Who asks for the cluster's keys is no live member of it.
    NotMember = 2021, User, "Have the worker registered and taken into the cluster first.";
    /// The machine under the worker failed while a request was served.
    HostFailed = 2022, Retry, "Try again; if it stays so, its operator must look at disk and memory.";
    /// The worker failed in a way that has no number of its own.
    WorkerOther = 2023, Retry, "Try again, or ask another worker.";

    // --- 3xxx: `phala`. First what has no number of its own, for each class ---

    /// The request is wrong as it is, and no other number says how.
    Wrong = 3001, User, "The message says what is wrong.";
    /// It does not work now, and no other number says why.
    Later = 3002, Retry, "Try again, or with another node or worker.";
    /// Somebody else must act, and no other number says why.
    ForOperator = 3003, Operator, "The message says who.";
    /// A program is wrong, and no other number says how.
    Mistake = 3004, Bug, "Report it, with the message.";
    /// Something that was said is not true, and no other number says who has said it.
    Untrue = 3005, Untrue, "Do not use it; ask somebody else.";

    // --- what the command was given ---

    /// The command line cannot be read.
    CommandLine = 3010, User, "`phala --help`, or `--help` after the command.";
    /// No network file is given, or it cannot be used.
    NetworkFile = 3011, User, "Give it with `--network` or PHALA_NETWORK; `phala network trust-node` makes one.";
    /// The command needs an account, and none is given.
    NoAccount = 3012, User, "Give it with `--suri`, PHALA_SURI or `--keystore`.";
    /// The account's key, its keystore or its password cannot be used.
    Key = 3013, User, "Check the file and the password.";
    /// A file cannot be read or written, or is not what it should be.
    File = 3014, User, "The message names the file.";
    /// The file is no component that the cluster's workers would run.
    Component = 3015, User, "`phala contract build` makes one that they run.";
    /// The contract has no such method.
    NoSuchMethod = 3016, User, "`phala contract show` lists the methods.";
    /// The arguments are not those of the method.
    Arguments = 3017, User, "`phala contract show` has what the method takes.";
    /// It is more than the cluster takes: of bytes, or of gas.
    OverLimit = 3018, User, "Take less, or another cluster: `phala cluster show` has the limits.";

    // --- what the chain says ---

    /// The node serves another chain than the network file is of.
    OtherChain = 3020, User, "Check the node's URL and the network file.";
    /// There is no such cluster.
    NoSuchCluster = 3021, User, "Check the number.";
    /// There is no such contract.
    NoSuchContract = 3022, User, "Check the id and the network.";
    /// There is no such worker, or it is no member of the cluster.
    NoSuchWorker = 3023, User, "`phala worker list` and `phala cluster show` list them.";
    /// The cluster's log has no such message.
    NoSuchMessage = 3024, User, "Check the index: messages are counted from 0.";
    /// The account may not do this.
    NotPermitted = 3025, User, "Sign with the owner's or the operator's account.";
    /// There is not enough to pay with.
    NotEnoughFunds = 3026, User, "The message says how much is missing.";
    /// The contract or the cluster has failed or ended, and takes no more commands.
    Ended = 3027, User, "Take another one.";
    /// The chain has executed the transaction and refused what it asks for.
    TransactionRefused = 3028, User, "The message has the chain's own reason.";
    /// The contract has refused.
    ContractRefused = 3029, User, "The message is the contract's own.";
    /// The contract was stopped: by a trap, or by a limit.
    ContractStopped = 3030, User, "Give more gas, ask for less, or mend the contract.";
    /// Less stands behind the worker than is demanded.
    TooLittleAssurance = 3031, User, "Ask another worker or cluster, or demand less with `--assurance`.";

    // --- what may work later, or with others ---

    /// The node cannot be reached.
    NodeUnreachable = 3040, Retry, "Start it, check `--url`, or take another node.";
    /// The node has not answered, or not as a node does.
    NodeFailed = 3041, Retry, "Try again, or take another node.";
    /// The transaction was not accepted: no funds for the fee, a stale nonce, or other metadata.
    NotAccepted = 3042, Retry, "Look at what the message says before you send it again.";
    /// The node went away with the transaction. Whether it was executed is not known.
    TransactionLost = 3043, Retry, "Look whether it has taken effect before you send it again.";
    /// The transaction is not in the chain within the time that was given.
    NotFinal = 3044, Retry, "It may still take effect: look before you send it again.";
    /// The message is in the log and has no receipt yet, or none for this account.
    NoReceipt = 3045, Retry, "Do not send it again. Ask later: `phala contract receipt`.";
    /// It waits for something that is on its way: a constructor's report, new keys, the first finalised block.
    NotYet = 3046, Retry, "Try again after the cluster's next report.";
    /// The worker cannot be reached.
    WorkerUnreachable = 3047, Retry, "Try again, or ask another worker with `--worker`.";
    /// What answers at the worker's URL does not answer as a worker does.
    WorkerFailed = 3048, Retry, "Ask another worker; its operator should look at its endpoint.";
    /// The worker is behind what the chain is proven to have.
    WorkerBehind = 3049, Retry, "Ask another worker, or accept older answers with `--max-age`.";

    // --- what somebody else must mend ---

    /// The cluster has no workers, or none that says where it is reached.
    NoWorkers = 3060, Operator, "The cluster's owner must take workers in: `phala cluster show`.";
    /// The cluster is frozen, and nothing takes effect in it.
    FrozenCluster = 3061, Operator, "Its operators must find out who is wrong.";

    // --- who was caught ---

    /// The node was caught: what it has said is not what the chain has.
    NodeUntrue = 3070, Untrue, "Take another node.";
    /// The worker's answer is not true, or is none to what was asked.
    AnswerUntrue = 3071, Untrue, "Do not use it; ask another worker.";
}

impl Fault {
    /// What has no number of its own, in the client.
    pub const fn of_class(class: Class) -> Self {
        match class {
            Class::User => Self::Wrong,
            Class::Retry => Self::Later,
            Class::Operator => Self::ForOperator,
            Class::Bug => Self::Mistake,
            Class::Untrue => Self::Untrue,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn every_number_is_unique_and_says_whose_it_is() {
        for pair in Fault::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code(), "{pair:?} are of one number, or not in order");
        }
        for fault in Fault::ALL {
            assert!(fault.code().part().is_some(), "{fault:?}: {}", fault.code());
        }
    }

    /// They are cells of a table.
    #[test]
    fn texts_are_one_line_and_end_as_sentences_do() {
        for fault in Fault::ALL {
            for text in [fault.what(), fault.advice()] {
                assert!(text.ends_with('.') && text.trim() == text, "{fault:?}: '{text}'");
                assert!(!text.contains(['|', '\n']), "{fault:?}: '{text}'");
            }
        }
    }

    #[test]
    fn who_checks_nothing_calls_nothing_untrue() {
        for fault in Fault::ALL.iter().filter(|fault| fault.class() == Class::Untrue) {
            assert_eq!(fault.code().part(), Some(Part::Client), "{fault:?}");
        }
    }

    #[test]
    fn a_code_is_read_as_it_is_written() {
        for fault in Fault::ALL {
            assert_eq!(Code::parse(&format!("{}", fault.code())), Some(fault.code()));
        }
        // of a program that knows more
        assert_eq!(format!("{}", Code::parse("PHALA-2999").unwrap()), "PHALA-2999");
        assert_eq!(Code::parse("PHALA-0007").unwrap().part(), None);
        for wrong in ["", "2001", "PHALA-", "PHALA-201", "PHALA-20010", "PHALA-+201", "phala-2001", "PHALA-2001 "] {
            assert_eq!(Code::parse(wrong), None, "{wrong}");
        }
    }

    /// Scripts rely on them.
    #[test]
    fn classes_have_the_names_and_exit_codes_that_they_always_had() {
        let classes = [("user", 2), ("retry", 3), ("operator", 4), ("bug", 5), ("untrue", 6)];
        for (class, (name, code)) in Class::ALL.iter().zip(classes) {
            assert_eq!((class.name(), class.exit_code()), (name, code));
            assert_eq!(Class::named(name), Some(*class));
            assert_eq!(Fault::of_class(*class).class(), *class);
        }
        assert_eq!(Class::ALL.len(), classes.len());
        assert_eq!(Class::named("another"), None);
    }
}
