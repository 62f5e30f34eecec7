//! The one way in which keys are derived from keys: HKDF-SHA256 with a label that says what for.

use alloc::vec::Vec;
use codec::Encode;
use hkdf::Hkdf;
use phala_primitives::{ClusterId, ContractId, Domain, Hash256};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a derived key is for. `protocol.md` §4.
#[derive(Encode)]
pub(crate) struct Label<'a> {
    /// None for what hangs on the identity root.
    pub epoch: Option<u32>,
    pub purpose: &'a str,
    pub algorithm: &'a str,
    pub cluster: ClusterId,
    pub contract: Option<ContractId>,
    pub user: &'a str,
}

impl Label<'_> {
    /// Domain, genesis hash and fields; every string is length-prefixed, so no two labels give the same bytes.
    fn bytes(&self, genesis: &Hash256) -> Vec<u8> {
        let mut bytes = Domain::Kdf.prefix();
        bytes.extend_from_slice(genesis);
        self.encode_to(&mut bytes);
        bytes
    }

    /// 32 bytes for this label under `root`.
    pub fn derive(&self, genesis: &Hash256, root: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        expand(root, &self.bytes(genesis))
    }
}

/// HKDF-SHA256 without salt: the input is a uniform key.
pub(crate) fn expand(key: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    // fails for outputs of more than 255 hashes only
    let _ok = Hkdf::<Sha256>::new(None, key).expand(info, &mut *output);
    output
}

/// Domain and genesis hash in front of SCALE fields: what HPKE takes as info or additional data.
pub(crate) fn bound(domain: Domain, genesis: &Hash256, fields: &impl Encode) -> Vec<u8> {
    let mut bytes = domain.prefix();
    bytes.extend_from_slice(genesis);
    fields.encode_to(&mut bytes);
    bytes
}
