//! The chain as subxt knows it, with a `CheckMetadataHash` that checks.

use codec::Encode;
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
};

/// For how many blocks a transaction may wait in the pool.
const MORTAL_BLOCKS: u64 = 64;

/// See the [module's documentation](self).
#[derive(Clone, Debug, Default)]
pub struct PhalaConfig(SubstrateConfig);

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

    fn metadata_for_spec_version(&self, version: u32) -> Option<subxt::metadata::ArcMetadata> {
        self.0.metadata_for_spec_version(version)
    }

    fn set_metadata_for_spec_version(&self, version: u32, metadata: subxt::metadata::ArcMetadata) {
        self.0.set_metadata_for_spec_version(version, metadata);
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
