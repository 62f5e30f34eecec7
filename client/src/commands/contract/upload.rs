//! Code on its way to the chain: compressed, in chunks. An upload that broke off is continued.

use phala_client::{Class, Failure, Node, Result};
use phala_extrinsics::{Call, Chain, Signer};
use phala_primitives::{
    AccountId, ClusterId, CodeHash, Hash256,
    contract::{CODE_CHUNK_BYTES, CodeEntry},
    storage_key,
};

use super::{message::Patience, uploaded};

/// Uploads are paid by the byte.
const ZSTD_LEVEL: i32 = 19;

/// What is to be uploaded.
pub struct Upload {
    cluster: ClusterId,
    code: CodeHash,
    /// Length of the component.
    size: u32,
    /// The component, compressed; nothing if all of it is there.
    packed: Vec<u8>,
    /// Whether the chain has been told of it. Then bit i is set if chunk i is there.
    arrived: Option<u32>,
}

impl Upload {
    /// Looks at what of a component the cluster has.
    pub async fn prepare(node: &Node, cluster: ClusterId, component: &[u8], owner: AccountId) -> Result<Self> {
        let code = CodeHash(sp_crypto_hashing::blake2_256(component));
        let size = length(component)?;
        let known: Option<CodeEntry> = node.get(storage_key::code(cluster, code)).await?;
        let known = known.as_ref().map(CodeEntry::latest);
        if known.is_some_and(|known| known.is_complete()) {
            // whoever knows a hash can upload anything as it; a node that cannot show the code leaves that to the workers
            if let Err(failure) = uploaded(node, cluster, code).await
                && failure.class == Class::Untrue
            {
                return Err(failure);
            }
            return Ok(Self { cluster, code, size, packed: Vec::new(), arrived: Some(u32::MAX) });
        }
        let packed = zstd::bulk::compress(component, ZSTD_LEVEL).map_err(Failure::operator)?;
        let upload = Self { cluster, code, size, packed, arrived: known.map(|known| known.arrived) };
        if let Some(known) = known {
            if known.owner != owner {
                return Err(Failure::user(format!(
                    "{} is uploading this very code and has not finished: wait for them, or change the code",
                    known.owner
                )));
            }
            if known.chunks.as_slice() != upload.hashes() {
                return Err(Failure::user(
                    "an upload of this code in another form was begun and not finished: finish it with the program that began it, or \
                     change the code",
                ));
            }
        }
        Ok(upload)
    }

    /// What it is.
    pub fn code(&self) -> CodeHash {
        self.code
    }

    /// Bytes that a deposit is still to be held for.
    pub fn unpaid_bytes(&self) -> Result<u32> {
        if self.arrived.is_some() { Ok(0) } else { length(&self.packed) }
    }

    /// Uploads what is not there.
    pub async fn run(&self, chain: &Chain, signer: &Signer, patience: Patience) -> Result<()> {
        let send = async |call: Call| {
            let work = async { Ok::<_, Failure>(chain.submit(signer, &call).await?.in_block().await?) };
            patience.begin().hold(&call.name(), work).await
        };
        if self.arrived.is_none() {
            let (stored, hashes) = (length(&self.packed)?, self.hashes());
            send(Call::declare_code(self.cluster, self.code, self.size, stored, hashes)).await?;
        }
        let arrived = self.arrived.unwrap_or(0);
        for (number, chunk) in (0u32..).zip(self.chunks()) {
            if arrived & 1u32.checked_shl(number).unwrap_or(0) == 0 {
                send(Call::upload_chunk(self.cluster, self.code, number, chunk.to_vec())).await?;
            }
        }
        Ok(())
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.packed.chunks(usize::try_from(CODE_CHUNK_BYTES).unwrap_or(usize::MAX))
    }

    fn hashes(&self) -> Vec<Hash256> {
        self.chunks().map(sp_crypto_hashing::blake2_256).collect()
    }
}

fn length(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| Failure::user("the component is too long"))
}
