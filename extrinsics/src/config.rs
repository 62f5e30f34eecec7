//! The chain as subxt knows it, with a `CheckMetadataHash` that checks.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use codec::Encode;
use phala_primitives::Hash256;
use subxt::{
    config::{
        Config, HashFor, SubstrateConfig, TransactionExtension,
        substrate::SubstrateHeader,
        transaction_extensions::{
            ChargeTransactionPayment, ChargeTransactionPaymentParams, CheckGenesis, CheckMetadataHashMode,
            CheckMortality, CheckMortalityParams, CheckNonce, CheckNonceParams, CheckSpecVersion, CheckTxVersion,
        },
    },
    error::TransactionExtensionError,
    ext::frame_decode::extrinsics as frame_decode,
    metadata::ArcMetadata,
};

/// For how many blocks a transaction may wait in the pool.
const MORTAL_BLOCKS: u64 = 64;

/// See the [module's documentation](self). Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct PhalaConfig {
    inner: SubstrateConfig,
    /// By the version of the runtime: what transactions are encoded by, and nothing else may be.
    hashed: Arc<RwLock<BTreeMap<u32, Hashed>>>,
}

/// Metadata with their hash.
#[derive(Clone, Debug)]
struct Hashed {
    metadata: ArcMetadata,
    hash: Hash256,
}

impl PhalaConfig {
    fn hashed(&self, version: u32) -> Option<Hashed> {
        self.hashed.read().unwrap_or_else(PoisonError::into_inner).get(&version).cloned()
    }

    /// Whether the metadata of this version of the runtime are known with their hash.
    pub fn knows(&self, version: u32) -> bool {
        self.hashed(version).is_some()
    }

    /// Encodes by these metadata from here on, which have this hash.
    pub fn learn(&self, version: u32, metadata: ArcMetadata, hash: Hash256) {
        let mut hashed = self.hashed.write().unwrap_or_else(PoisonError::into_inner);
        hashed.entry(version).or_insert(Hashed { metadata, hash });
    }

    /// The hash of these very metadata; none if they are others than those that were hashed.
    pub fn hash_of(&self, version: u32, metadata: &ArcMetadata) -> Option<Hash256> {
        let known = self.hashed(version)?;
        Arc::ptr_eq(&known.metadata, metadata).then_some(known.hash)
    }
}

type Extensions = (
    CheckSpecVersion,
    CheckTxVersion,
    CheckNonce,
    CheckGenesis<PhalaConfig>,
    CheckMortality<PhalaConfig>,
    ChargeTransactionPayment,
    CheckMetadataHash,
);

impl Config for PhalaConfig {
    type AccountId = <SubstrateConfig as Config>::AccountId;
    type Address = <SubstrateConfig as Config>::Address;
    type Signature = <SubstrateConfig as Config>::Signature;
    type Hasher = <SubstrateConfig as Config>::Hasher;
    type Header = SubstrateHeader<HashFor<SubstrateConfig>>;
    type TransactionExtensions = Extensions;
    type AssetId = u32;

    fn metadata_for_spec_version(&self, version: u32) -> Option<ArcMetadata> {
        let known = self.hashed(version).map(|known| known.metadata);
        known.or_else(|| self.inner.metadata_for_spec_version(version))
    }

    /// What subxt fetches by itself is not hashed: it serves to read, and [`Self::hash_of`] gives no hash for it.
    fn set_metadata_for_spec_version(&self, version: u32, metadata: ArcMetadata) {
        self.inner.set_metadata_for_spec_version(version, metadata);
    }
}

/// The parameters of one transaction.
pub fn params(
    nonce: u64,
    metadata_hash: [u8; 32],
) -> <Extensions as subxt::config::TransactionExtensions<PhalaConfig>>::Params {
    (
        (),
        (),
        CheckNonceParams::with_nonce(nonce),
        (),
        CheckMortalityParams::mortal(MORTAL_BLOCKS),
        ChargeTransactionPaymentParams::no_tip(),
        MetadataHash(metadata_hash),
    )
}

/// The hash of the metadata that the transaction is encoded by.
pub struct MetadataHash([u8; 32]);

impl subxt::config::transaction_extensions::Params<PhalaConfig> for MetadataHash {}

/// The extension, enabled.
pub struct CheckMetadataHash([u8; 32]);

impl TransactionExtension<PhalaConfig> for CheckMetadataHash {
    type Decoded = CheckMetadataHashMode;
    type Params = MetadataHash;

    fn new(
        _: &subxt::config::ClientState<PhalaConfig>,
        MetadataHash(hash): MetadataHash,
    ) -> Result<Self, TransactionExtensionError> {
        Ok(Self(hash))
    }
}

impl<Resolver: subxt::ext::scale_type_resolver::TypeResolver> frame_decode::TransactionExtension<Resolver>
    for CheckMetadataHash
{
    const NAME: &str = "CheckMetadataHash";

    fn encode_value_to(
        &self,
        _: Resolver::TypeId,
        _: &Resolver,
        bytes: &mut Vec<u8>,
    ) -> Result<(), frame_decode::TransactionExtensionError> {
        const ENABLED: u8 = 1;
        bytes.push(ENABLED);
        Ok(())
    }

    fn encode_implicit_to(
        &self,
        _: Resolver::TypeId,
        _: &Resolver,
        bytes: &mut Vec<u8>,
    ) -> Result<(), frame_decode::TransactionExtensionError> {
        Some(self.0).encode_to(bytes);
        Ok(())
    }
}
