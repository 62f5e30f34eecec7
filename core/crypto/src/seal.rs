//! Data at rest: XChaCha20-Poly1305 under keys of a cluster or of a platform.

use alloc::vec::Vec;
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use codec::Encode;
use phala_primitives::{ClusterId, Domain, Hash256, WorkerId};
use rand_core::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{ClusterKeys, OpenError, kdf::bound, kdf::expand};

const NONCE: usize = 24;
const KEYS_VERSION: u8 = 1;
const KEYS_CONTEXT: &[u8] = b"cluster-keys";

/// A key for data at rest.
#[derive(ZeroizeOnDrop)]
pub struct SealKey {
    seal: [u8; 32],
    nonce: [u8; 32],
    name: [u8; 32],
}

impl SealKey {
    pub(crate) fn new(mut key: [u8; 32]) -> Self {
        let sealing =
            Self { seal: *expand(&key, b"seal"), nonce: *expand(&key, b"nonce"), name: *expand(&key, b"name") };
        key.zeroize();
        sealing
    }

    /// What a worker seals with to its own platform.
    pub fn for_platform(sealing_key: &[u8; 32], genesis: &Hash256, worker: WorkerId) -> Self {
        Self::new(*expand(sealing_key, &bound(Domain::Seal, genesis, &worker)))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.seal.into())
    }

    /// The nonce of content that is named by its hash: a keyed hash of the name, so that the same name, and with it the same
    /// content, has the same nonce, and others have others.
    fn named_nonce(&self, context: &[u8], id: &Hash256) -> XNonce {
        let hash = sp_crypto_hashing::blake2_256(&(&self.nonce, context, id).encode());
        let mut nonce = XNonce::default();
        nonce.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        nonce
    }

    /// What stands for `plain` where others see it: the same for the same bytes, and nobody without the key can tell for which.
    pub fn pseudonym(&self, context: &[u8], plain: &[u8]) -> [u8; 16] {
        let hash = sp_crypto_hashing::blake2_256(&(&self.name, context, plain).encode());
        let mut name = [0; 16];
        name.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        name
    }

    /// Seals content that `id` names: equal ids must have equal contents. Opens only under the same id.
    pub fn seal(&self, context: &[u8], id: &Hash256, plaintext: &[u8]) -> Vec<u8> {
        let aad = (context, id).encode();
        let payload = Payload { msg: plaintext, aad: &aad };
        // fails for plaintexts of more than 256 GB only
        self.cipher().encrypt(&self.named_nonce(context, id), payload).unwrap_or_default()
    }

    /// Opens what [`seal`](Self::seal) made for this id.
    pub fn open(&self, context: &[u8], id: &Hash256, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let aad = (context, id).encode();
        let payload = Payload { msg: sealed, aad: &aad };
        let opened = self.cipher().decrypt(&self.named_nonce(context, id), payload);
        opened.map(Zeroizing::new).map_err(|_| OpenError)
    }

    /// Seals content that has no name, under a random nonce that goes in front.
    pub fn seal_fresh(&self, context: &[u8], plaintext: &[u8], rng: &mut (impl RngCore + CryptoRng)) -> Vec<u8> {
        let mut nonce = XNonce::default();
        rng.fill_bytes(&mut nonce);
        let payload = Payload { msg: plaintext, aad: context };
        let ciphertext = self.cipher().encrypt(&nonce, payload).unwrap_or_default();
        [nonce.as_slice(), &ciphertext].concat()
    }

    /// Opens what [`seal_fresh`](Self::seal_fresh) made.
    pub fn open_fresh(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE).ok_or(OpenError)?;
        let payload = Payload { msg: ciphertext, aad: context };
        self.cipher().decrypt(XNonce::from_slice(nonce), payload).map(Zeroizing::new).map_err(|_| OpenError)
    }
}

fn keys_context(cluster: ClusterId) -> Vec<u8> {
    (KEYS_CONTEXT, cluster).encode()
}

/// Seals a cluster's roots to a platform, with the height at which it was done: they must not be opened below it.
pub fn seal_cluster_keys(
    platform: &SealKey,
    keys: &ClusterKeys,
    cluster: ClusterId,
    height: u32,
    rng: &mut (impl RngCore + CryptoRng),
) -> Vec<u8> {
    let mut plain = Zeroizing::new(Vec::with_capacity(128));
    plain.push(KEYS_VERSION);
    height.encode_to(&mut *plain);
    plain.extend_from_slice(&*keys.to_plain());
    platform.seal_fresh(&keys_context(cluster), &plain, rng)
}

/// Opens them, and gives the height.
pub fn open_cluster_keys(
    platform: &SealKey,
    cluster: ClusterId,
    sealed: &[u8],
) -> Result<(ClusterKeys, u32), OpenError> {
    let plain = platform.open_fresh(&keys_context(cluster), sealed)?;
    let rest = plain.strip_prefix(&[KEYS_VERSION]).ok_or(OpenError)?;
    let (height, rest) = rest.split_first_chunk::<4>().ok_or(OpenError)?;
    Ok((ClusterKeys::from_plain(rest).ok_or(OpenError)?, u32::from_le_bytes(*height)))
}
