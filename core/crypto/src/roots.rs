//! The two roots of a cluster's keys, and what hangs on them. `protocol.md` §4.

use phala_primitives::{ClusterId, ContractId, Domain, Hash256, cluster::KeyCommitment};
use rand_core::{CryptoRng, RngCore};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{CommitmentKey, ContractKeys, KemSecret, SealKey, kdf::Label};

/// Length of the roots in their plain form, in bytes.
pub(crate) const ROOTS_BYTES: usize = 68;

/// The roots. They leave this type sealed to a boot or to a platform, and in no other way.
#[derive(ZeroizeOnDrop)]
pub struct ClusterKeys {
    identity: [u8; 32],
    epoch: u32,
    epoch_root: [u8; 32],
}

impl ClusterKeys {
    /// The keys of a new cluster, from the operating system's randomness. Their epoch is 0.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut keys = Self { identity: [0; 32], epoch: 0, epoch_root: [0; 32] };
        rng.fill_bytes(&mut keys.identity);
        rng.fill_bytes(&mut keys.epoch_root);
        keys
    }

    /// The current epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Begins an epoch with a fresh root. What hangs on the identity root stays.
    pub fn rotate(&mut self, epoch: u32, rng: &mut (impl RngCore + CryptoRng)) {
        self.epoch = epoch;
        rng.fill_bytes(&mut self.epoch_root);
    }

    /// What the chain keeps of them: hashes of keys that are derived from the roots for this purpose alone.
    pub fn commitment(&self, genesis: &Hash256, cluster: ClusterId) -> KeyCommitment {
        let shown = |root: &[u8; 32], epoch| {
            let key = Label { epoch, purpose: "commit", algorithm: "hkdf-sha256", cluster, contract: None, user: "" };
            Domain::ClusterKeys.digest(genesis, &*key.derive(genesis, root))
        };
        KeyCommitment {
            identity: shown(&self.identity, None),
            epoch: self.epoch,
            epoch_root: shown(&self.epoch_root, Some(self.epoch)),
        }
    }

    /// Whether the chain has committed to these.
    pub fn matches(&self, genesis: &Hash256, cluster: ClusterId, committed: &KeyCommitment) -> bool {
        let ours = self.commitment(genesis, cluster);
        let same = ours.identity.ct_eq(&committed.identity) & ours.epoch_root.ct_eq(&committed.epoch_root);
        bool::from(same) && ours.epoch == committed.epoch
    }

    /// Seals the cluster's state at rest.
    pub fn state_key(&self, genesis: &Hash256, cluster: ClusterId) -> SealKey {
        SealKey::new(*self.epoch_label("state", "xchacha20poly1305", cluster, None).derive(genesis, &self.epoch_root))
    }

    /// What users seal commands to a contract to.
    pub fn command_key(&self, genesis: &Hash256, cluster: ClusterId, contract: ContractId) -> KemSecret {
        let label = self.epoch_label("command", "x25519", cluster, Some(contract));
        KemSecret::derive(&label.derive(genesis, &self.epoch_root))
    }

    /// Blinds receipts and salts the leaves of the state.
    pub fn commitment_key(&self, genesis: &Hash256, cluster: ClusterId) -> CommitmentKey {
        CommitmentKey::new(
            *self.epoch_label("blinding", "hkdf-sha256", cluster, None).derive(genesis, &self.epoch_root),
        )
    }

    /// A contract's own keys. They outlive every epoch.
    pub fn contract(&self, genesis: &Hash256, cluster: ClusterId, contract: ContractId) -> ContractKeys {
        let label = Label {
            epoch: None,
            purpose: "contract",
            algorithm: "hkdf-sha256",
            cluster,
            contract: Some(contract),
            user: "",
        };
        ContractKeys::new(*label.derive(genesis, &self.identity), *genesis, cluster, contract)
    }

    fn epoch_label<'a>(
        &self,
        purpose: &'a str,
        algorithm: &'a str,
        cluster: ClusterId,
        contract: Option<ContractId>,
    ) -> Label<'a> {
        Label { epoch: Some(self.epoch), purpose, algorithm, cluster, contract, user: "" }
    }

    /// The plain form, for sealing.
    pub(crate) fn to_plain(&self) -> zeroize::Zeroizing<[u8; ROOTS_BYTES]> {
        let mut plain = zeroize::Zeroizing::new([0; ROOTS_BYTES]);
        let epoch = self.epoch.to_le_bytes();
        let parts = self.identity.iter().chain(&epoch).chain(&self.epoch_root);
        plain.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        plain
    }

    /// The keys behind a plain form.
    pub(crate) fn from_plain(plain: &[u8]) -> Option<Self> {
        let (identity, rest) = plain.split_first_chunk::<32>()?;
        let (epoch, rest) = rest.split_first_chunk::<4>()?;
        let epoch_root: &[u8; 32] = rest.try_into().ok()?;
        Some(Self { identity: *identity, epoch: u32::from_le_bytes(*epoch), epoch_root: *epoch_root })
    }
}

impl Zeroize for ClusterKeys {
    fn zeroize(&mut self) {
        self.identity.zeroize();
        self.epoch_root.zeroize();
    }
}
