//! Code on its way to the chain: compressed, in chunks, judged by the cluster. An upload that broke off is continued.

use phala_client::{Because as _, Failure, Fault, Node, Result};
use phala_extrinsics::{Call, Chain, Signer};
use phala_primitives::{
    AccountId, ClusterId, CodeHash, Hash256,
    contract::{CODE_CHUNK_BYTES, CodeEntry, UploadEntry},
    storage_key,
};

use super::message::{Deadline, Patience};

/// Uploads are paid by the byte.
const ZSTD_LEVEL: i32 = 19;

/// What is to be uploaded.
pub struct Upload {
    cluster: ClusterId,
    code: CodeHash,
    owner: AccountId,
    /// Length of the component.
    size: u32,
    /// The component, compressed; nothing if there is nothing to be sent.
    packed: Vec<u8>,
    /// Whether the chain has been told of it. Then bit i is set if chunk i is there.
    arrived: Option<u32>,
    /// Whether an upload of this account's is in the way, or of no use any more.
    leftover: bool,
}

impl Upload {
    /// Looks at what of a component the cluster has, and at what this account has begun to upload. Uploads of others do not matter.
    pub async fn prepare(node: &Node, cluster: ClusterId, component: &[u8], owner: AccountId) -> Result<Self> {
        let code = CodeHash(sp_crypto_hashing::blake2_256(component));
        let size = length(component)?;
        let known: Option<CodeEntry> = node.get(storage_key::code(cluster, code)).await?;
        let begun: Option<UploadEntry> = node.get(storage_key::upload(cluster, code, owner)).await?;
        let begun = begun.as_ref().map(UploadEntry::latest);
        let nothing = Self { cluster, code, owner, size, packed: Vec::new(), arrived: Some(u32::MAX), leftover: false };
        if known.is_some() {
            let leftover = begun.is_some_and(|begun| !begun.is_complete());
            return Ok(Self { leftover, ..nothing });
        }
        if begun.is_some_and(|begun| begun.is_complete()) {
            // in the log: the cluster's next report decides
            return Ok(nothing);
        }
        let packed = zstd::bulk::compress(component, ZSTD_LEVEL).map_err(Failure::operator)?;
        let upload = Self { packed, arrived: None, ..nothing };
        Ok(match begun {
            None => upload,
            Some(begun) if begun.chunks.as_slice() == upload.hashes() => {
                Self { arrived: Some(begun.arrived), ..upload }
            }
            // begun by a program that compresses otherwise
            Some(_) => Self { leftover: true, ..upload },
        })
    }

    /// What it is.
    pub fn code(&self) -> CodeHash {
        self.code
    }

    /// Bytes that a deposit is still to be held for.
    pub fn unpaid_bytes(&self) -> Result<u32> {
        if self.arrived.is_some() { Ok(0) } else { length(&self.packed) }
    }

    /// Uploads what is not there, and waits until the cluster has found it right: before that no contract can be made of it.
    pub async fn run(&self, node: &mut Node, chain: &Chain, signer: &Signer, patience: Patience) -> Result<()> {
        let send = async |call: Call| {
            let work = async { Ok::<_, Failure>(chain.submit(signer, &call).await?.in_block().await?) };
            patience.begin().hold(&call.name(), work).await
        };
        if self.leftover {
            send(Call::remove_code(self.cluster, self.code)).await?;
        }
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
        self.accepted(node, &patience.begin()).await
    }

    async fn accepted(&self, node: &mut Node, deadline: &Deadline) -> Result<()> {
        let (cluster, code) = (self.cluster, self.code);
        // what a block has may not be final yet: that the upload is gone means something once it was there
        let mut seen = false;
        loop {
            node.sync().await?;
            let known: Option<CodeEntry> = node.get(storage_key::code(cluster, code)).await?;
            if known.is_some() {
                return Ok(());
            }
            let waits: Option<UploadEntry> = node.get(storage_key::upload(cluster, code, self.owner)).await?;
            if seen && waits.is_none() {
                return Err(Failure::untrue(format!(
                    "cluster {cluster} has dropped the upload of {code} as something else than its hash says, which it is not: its members \
                     are wrong"
                )));
            }
            seen |= waits.is_some();
            if !deadline.pause().await {
                return Err(Fault::NotYet.because(format!(
                    "the code {code} is uploaded, and cluster {cluster} has not reported on it after {} s (--timeout): run the same command \
                     again, it goes on from here",
                    deadline.seconds()
                )));
            }
        }
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.packed.chunks(usize::try_from(CODE_CHUNK_BYTES).unwrap_or(usize::MAX))
    }

    fn hashes(&self) -> Vec<Hash256> {
        self.chunks().map(sp_crypto_hashing::blake2_256).collect()
    }
}

fn length(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| Fault::Component.because("the component is too long"))
}
