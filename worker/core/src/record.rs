//! What the worker itself keeps in the state, beside the contracts' own entries. Part of the state root, so all members agree on it.

use codec::{Decode, Encode};
use phala_primitives::{AccountId, CodeHash, ContractId, message::Balance};

/// Key of a contract's record.
pub fn contract_key(contract: &ContractId) -> Vec<u8> {
    [b"contract/".as_slice(), &contract.0].concat()
}

/// Where the entries of a contract lie.
pub fn storage_prefix(contract: &ContractId) -> Vec<u8> {
    [b"storage/".as_slice(), &contract.0].concat()
}

/// A contract as the log has made it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ContractRecord {
    /// The first version.
    #[codec(index = 1)]
    V1 {
        /// The code that it runs.
        code: CodeHash,
        /// Who may upgrade and terminate it.
        owner: AccountId,
        /// What was put down for its storage, in planck.
        deposit: Balance,
        /// What it owns, in planck.
        balance: Balance,
        /// Bytes of keys and values that it stores.
        stored: u64,
    },
}

impl ContractRecord {
    /// The code that it runs.
    pub fn code(&self) -> CodeHash {
        let Self::V1 { code, .. } = self;
        *code
    }

    /// Who may upgrade and terminate it.
    pub fn owner(&self) -> AccountId {
        let Self::V1 { owner, .. } = self;
        *owner
    }
}
