//! What a method may do: one type for each mode.

use alloc::vec::Vec;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Bytes32, Caller, ContractId, Http, Level, Result, SigningKind, dispatch, host, types::json};

macro_rules! contexts {
    ($( $(#[$doc:meta])* $name:ident($inside:ty), )*) => { $(
        $(#[$doc])*
        pub struct $name($inside);

        impl $name {
            #[doc(hidden)]
            pub fn enter(inside: $inside) -> Self {
                Self(inside)
            }

            /// Who stands behind the call.
            pub fn caller(&self) -> Caller {
                host::caller()
            }

            /// This contract's id.
            pub fn contract_id(&self) -> ContractId {
                host::contract_id()
            }

            /// The block of the message; in a query the finalised block of the state that is read.
            pub fn block_number(&self) -> u32 {
                host::block_number()
            }

            /// Chain time of that block, in milliseconds since the Unix epoch.
            pub fn block_time_ms(&self) -> u64 {
                host::block_time_ms()
            }

            /// The contract's keys.
            pub fn keys(&self) -> Keys {
                Keys(())
            }

            /// Writes a line for the contract's owner. It is no part of state or receipts.
            pub fn log(&self, level: Level, text: &str) {
                host::log(level, text);
            }

            /// Calls a method of another contract of this cluster, in this call's own mode.
            pub fn call<T: DeserializeOwned>(
                &self,
                contract: ContractId,
                method: &str,
                arguments: &impl Serialize,
            ) -> Result<T> {
                let output = host::call(contract, &dispatch::input(method, arguments)?)?;
                Ok(serde_json::from_slice(&output)?)
            }
        }
    )* };
}

contexts! {
    /// While the contract is made.
    Init(()),
    /// In a message of the log: state may change, and everything is equal on every worker.
    Command(()),
    /// In a question to one worker: state is read, and the world outside may be asked.
    Query(()),
    /// While the contract gets new code, in that code.
    Migrate(Bytes32),
}

impl Command {
    /// What the message brings to the contract's balance if it succeeds, in planck.
    pub fn value(&self) -> u128 {
        host::value()
    }

    /// Leaves a fact behind for those who watch. Its commitment is part of the receipt.
    pub fn emit(&mut self, topic: &str, data: &impl Serialize) -> Result<()> {
        host::emit(topic, &json(data)?)
    }
}

impl Init {
    /// See [`Command::emit`].
    pub fn emit(&mut self, topic: &str, data: &impl Serialize) -> Result<()> {
        host::emit(topic, &json(data)?)
    }
}

impl Migrate {
    /// The hash of the code that this one replaces: it tells which of several versions has stored the state.
    pub fn old_code_hash(&self) -> Bytes32 {
        self.0
    }
}

impl Query {
    /// HTTP.
    pub fn http(&self) -> Http {
        Http(())
    }

    /// The worker's clock in milliseconds since the Unix epoch, never behind the chain's.
    pub fn now_ms(&self) -> Result<u64> {
        host::now_ms()
    }

    /// Random bytes, at most 1,024.
    pub fn random(&self, length: u32) -> Result<Vec<u8>> {
        host::random(length)
    }
}

/// The contract's own keys; secret parts of signing keys never enter the contract. A label has 1 to 64 bytes; `label@2` names the next
/// version of a key.
pub struct Keys(());

impl Keys {
    /// The public half of a signing key.
    pub fn public_key(&self, kind: SigningKind, label: &str) -> Result<Vec<u8>> {
        host::public_key(kind, label)
    }

    /// A signature.
    pub fn sign(&self, kind: SigningKind, label: &str, message: &[u8]) -> Result<Vec<u8>> {
        host::sign(kind, label, message)
    }

    /// Secret bytes for the contract's own use.
    pub fn derive(&self, label: &str) -> Result<Bytes32> {
        host::derive(label)
    }
}
