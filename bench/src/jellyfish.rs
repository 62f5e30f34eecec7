//! jmt, the Jellyfish Merkle Tree, over redb, as a worker would have to use it.
//!
//! jmt believes what its reader gives it. The host of a worker lies, so every read and every update comes with a proof that is
//! checked. Values are sealed; nodes that a newer version has replaced are removed. Its keys are hashes, so it has no entries in the
//! order of their keys, which contracts ask for; that is not measured. It hashes by its default, SHA-256, for which processors have
//! instructions.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use jmt::{
    KeyHash, OwnedValue, RootHash, Sha256Jmt,
    storage::{LeafNode, Node, NodeKey, TreeReader},
};
use phala_crypto::SealKey;
use phala_worker_core::testing::Rng;
use redb::{Database, ReadOnlyTable, ReadableDatabase as _, TableDefinition};
use sp_crypto_hashing::blake2_256;

const NODES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("nodes");
const VALUES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("values");
/// What values are sealed as.
const CONTEXT: &[u8] = b"value";

type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// See the [module's documentation](self).
pub struct Jellyfish {
    database: Database,
    seal: SealKey,
    rng: Rng,
    root: RootHash,
    /// The version after the root's.
    next: u64,
}

impl Jellyfish {
    /// An empty tree in a new database.
    pub fn create(file: &Path, seal: SealKey) -> Result<Self> {
        let database = Database::create(file)?;
        let write = database.begin_write()?;
        write.open_table(NODES)?;
        write.open_table(VALUES)?;
        write.commit()?;
        Ok(Self { database, seal, rng: Rng(2), root: Sha256Jmt::<Reader>::EMPTY_ROOT, next: 0 })
    }

    /// What is committed now.
    pub fn reader(&self) -> Result<Reader> {
        let read = self.database.begin_read()?;
        Ok(Reader { nodes: read.open_table(NODES)?, values: read.open_table(VALUES)? })
    }

    /// The value at a key, checked to the root.
    pub fn get(&self, reader: &Reader, key: &[u8]) -> Result<Vec<u8>> {
        let key = KeyHash(blake2_256(key));
        let newest = self.next.checked_sub(1).context("an empty tree")?;
        let (found, proof) = Sha256Jmt::new(reader).get_with_proof(key, newest)?;
        let sealed = found.context("no value")?;
        proof.verify_existence(self.root, key, &sealed)?;
        let opened = self.seal.open_fresh(CONTEXT, &sealed).map_err(|_| anyhow!("the value does not open"))?;
        Ok(opened.to_vec())
    }

    /// Writes entries and commits.
    pub fn put(&mut self, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<()> {
        let mut changes = Vec::new();
        for (key, value) in entries {
            let sealed = self.seal.seal_fresh(CONTEXT, &value, &mut self.rng);
            changes.push((KeyHash(blake2_256(&key)), Some(sealed)));
        }
        let reader = self.reader()?;
        let (root, proof, update) = Sha256Jmt::new(&reader).put_value_set_with_proof(changes.clone(), self.next)?;
        proof.verify_update(self.root, root, &changes)?;
        let write = self.database.begin_write()?;
        {
            let (mut nodes, mut values) = (write.open_table(NODES)?, write.open_table(VALUES)?);
            for stale in &update.stale_node_index_batch {
                nodes.remove(node_key(&stale.node_key)?.as_slice())?;
            }
            for (key, node) in update.node_batch.nodes() {
                nodes.insert(node_key(key)?.as_slice(), borsh::to_vec(node)?.as_slice())?;
            }
            for (key, value) in changes {
                values.insert(key.0.as_slice(), value.unwrap_or_default().as_slice())?;
            }
        }
        write.commit()?;
        (self.root, self.next) = (root, self.next + 1);
        Ok(())
    }
}

/// The database at one moment, as jmt reads it.
pub struct Reader {
    nodes: Table,
    values: Table,
}

impl TreeReader for Reader {
    fn get_node_option(&self, key: &NodeKey) -> Result<Option<Node>> {
        let Some(node) = self.nodes.get(node_key(key)?.as_slice())? else { return Ok(None) };
        Ok(Some(borsh::from_slice(node.value())?))
    }

    fn get_value_option(&self, _newest: u64, key: KeyHash) -> Result<Option<OwnedValue>> {
        Ok(self.values.get(key.0.as_slice())?.map(|value| value.value().to_vec()))
    }

    /// For restoring only.
    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

/// Nodes of a newer version come after those of older ones.
fn node_key(key: &NodeKey) -> Result<Vec<u8>> {
    Ok([key.version().to_be_bytes().to_vec(), borsh::to_vec(key.nibble_path())?].concat())
}
