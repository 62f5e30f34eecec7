//! What the worker itself keeps in the state, beside the contracts' own entries. Part of the state root, so all members agree on it.

use codec::{Decode, Encode};
use phala_primitives::{
    AccountId, CodeHash, ContractId, Hash256,
    message::{Balance, Upload},
};

/// Key of a contract's record.
pub fn contract_key(contract: &ContractId) -> Vec<u8> {
    [b"contract/".as_slice(), &contract.0].concat()
}

/// Where the entries of a contract lie.
pub fn storage_prefix(contract: &ContractId) -> Vec<u8> {
    [b"storage/".as_slice(), &contract.0].concat()
}

/// Key of the record of the upload that some code comes from.
pub fn upload_key(code: &CodeHash) -> Vec<u8> {
    [b"upload/".as_slice(), &code.0].concat()
}

/// The first upload under a code's hash that was what the hash says: where the code comes from. Others under that hash change nothing,
/// whatever they are.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum UploadRecord {
    /// The first version.
    #[codec(index = 1)]
    V1(Upload),
}

impl UploadRecord {
    /// What was uploaded.
    pub fn latest(&self) -> &Upload {
        let Self::V1(upload) = self;
        upload
    }

    /// What the upload is known by: two have the same name only if they are the same bytes.
    pub fn name(&self) -> Hash256 {
        sp_crypto_hashing::blake2_256(&self.encode())
    }
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
