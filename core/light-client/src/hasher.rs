//! The hash of the state's trie. The SDK's own is not there when the target is Wasm, where it stands for a host call.

use hash256_std_hasher::Hash256StdHasher;
use sp_core::{H256, Hasher};

/// BLAKE2b with 256 bits, RFC 7693.
pub struct Blake2b256;

impl Hasher for Blake2b256 {
    type Out = H256;
    type StdHasher = Hash256StdHasher;
    const LENGTH: usize = 32;

    fn hash(bytes: &[u8]) -> H256 {
        H256(sp_crypto_hashing::blake2_256(bytes))
    }
}
