//! The worker's data directory: one redb database behind a lock, marked with the chain and the cluster that it belongs to.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use phala_primitives::{ClusterId, Hash256};
use phala_worker_core::store::{Commit, Snapshot, Store, StoreError, Table};
use redb::{Database, ReadTransaction, ReadableDatabase, TableDefinition};

const NODES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("nodes");
const CODE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("code");
const OUTCOMES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("outcomes");
const KEYS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("keys");
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const CHECKPOINT: &str = "checkpoint";

/// The layout of the directory that this program reads and writes.
const VERSION: &str = "1";

/// Why a data directory cannot be used. Nothing in it has been changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// It cannot be read or written.
    #[error("the data directory {path} cannot be used: {reason}")]
    Io {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another worker runs on it.
    #[error("another worker runs on the data directory {path}: stop that one, or give this one a directory of its own")]
    Locked {
        /// Its path.
        path: String,
    },
    /// It belongs to something else.
    #[error("the data directory {path} belongs to {found}, not to {expected}: give this worker a directory of its own")]
    Foreign {
        /// Its path.
        path: String,
        /// What it is marked with.
        found: String,
        /// What this worker needs.
        expected: String,
    },
    /// The database does not open.
    #[error(
        "the database in {path} does not open ({reason}): it is damaged or of another version; move the directory away to start from the log, nothing is lost"
    )]
    Damaged {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
}

/// See the [module's documentation](self).
pub struct Disk {
    database: Database,
    /// Held for as long as the worker runs.
    _lock: File,
}

impl Disk {
    /// Opens a directory, or makes it.
    pub fn open(path: &Path, genesis: &Hash256, cluster: ClusterId) -> Result<Self, DiskError> {
        let shown = path.display().to_string();
        let io = |error: std::io::Error| DiskError::Io { path: shown.clone(), reason: error.to_string() };
        fs::create_dir_all(path).map_err(io)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("LOCK")).map_err(io)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| DiskError::Locked { path: shown.clone() })?;

        let expected = format!("version {VERSION}, chain 0x{}, cluster {cluster}", hex::encode(genesis));
        let mark = path.join("OWNER");
        match fs::read_to_string(&mark) {
            Ok(found) if found.trim() == expected => {}
            Ok(found) => {
                let found = found.trim().chars().take(200).collect();
                return Err(DiskError::Foreign { path: shown, found, expected });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => write_mark(&mark, &expected).map_err(io)?,
            Err(error) => return Err(io(error)),
        }
        let damaged = |reason: String| DiskError::Damaged { path: shown.clone(), reason };
        let database = Database::create(path.join("state.redb")).map_err(|error| damaged(error.to_string()))?;
        tables(&database).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { database, _lock: lock })
    }
}

fn write_mark(mark: &PathBuf, text: &str) -> std::io::Result<()> {
    let fresh = mark.with_extension("new");
    fs::write(&fresh, text)?;
    fs::rename(fresh, mark)
}

/// Makes the tables, so that readers find them.
fn tables(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    for table in [NODES, CODE, OUTCOMES, KEYS] {
        write.open_table(table)?;
    }
    write.open_table(META)?;
    write.commit()?;
    Ok(())
}

fn definition(table: Table) -> Result<TableDefinition<'static, &'static [u8], &'static [u8]>, StoreError> {
    match table {
        Table::Code => Ok(CODE),
        Table::Outcome => Ok(OUTCOMES),
        Table::Keys => Ok(KEYS),
        other => Err(StoreError(format!("no table for {other:?}"))),
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError(error.into().to_string())
}

impl Store for Disk {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let read = self.database.begin_read().map_err(failed)?;
        let table = read.open_table(META).map_err(failed)?;
        Ok(table.get(CHECKPOINT).map_err(failed)?.map(|value| value.value().to_vec()))
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        let read = self.database.begin_read().map_err(failed)?;
        let nodes = read.open_table(NODES).map_err(failed)?;
        Ok(Arc::new(DiskSnapshot { nodes, read }))
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let write = self.database.begin_write().map_err(failed)?;
        {
            let mut nodes = write.open_table(NODES).map_err(failed)?;
            for key in &commit.removed {
                nodes.remove(key.as_slice()).map_err(failed)?;
            }
            for (key, node) in &commit.inserted {
                nodes.insert(key.as_slice(), node.as_slice()).map_err(failed)?;
            }
            for (table, key, value) in &commit.records {
                let mut table = write.open_table(definition(*table)?).map_err(failed)?;
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()).map_err(failed)?,
                    None => table.remove(key.as_slice()).map_err(failed)?,
                };
            }
            if let Some(checkpoint) = &commit.checkpoint {
                let mut meta = write.open_table(META).map_err(failed)?;
                meta.insert(CHECKPOINT, checkpoint.as_slice()).map_err(failed)?;
            }
        }
        write.commit().map_err(failed)
    }
}

struct DiskSnapshot {
    nodes: redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
    read: ReadTransaction,
}

impl Snapshot for DiskSnapshot {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.nodes.get(key).map_err(failed)?.map(|value| value.value().to_vec()))
    }

    fn record(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.read.open_table(definition(table)?).map_err(failed)?;
        Ok(table.get(key).map_err(failed)?.map(|value| value.value().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENESIS: Hash256 = [7; 32];

    #[test]
    fn commits_last_and_snapshots_do_not_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let disk = Disk::open(&path, &GENESIS, ClusterId(0)).unwrap();
        let commit = |node: &[u8], checkpoint: &[u8]| Commit {
            inserted: vec![(b"key".to_vec(), node.to_vec())],
            records: vec![(Table::Code, b"code".to_vec(), Some(node.to_vec()))],
            checkpoint: Some(checkpoint.to_vec()),
            ..Commit::default()
        };
        disk.commit(commit(b"one", b"c1")).unwrap();
        let before = disk.snapshot().unwrap();
        disk.commit(commit(b"two", b"c2")).unwrap();
        disk.commit(Commit { removed: vec![b"key".to_vec()], ..Commit::default() }).unwrap();
        assert_eq!(before.node(b"key").unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(before.record(Table::Code, b"code").unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(disk.snapshot().unwrap().node(b"key").unwrap(), None);
        drop((before, disk));
        let disk = Disk::open(&path, &GENESIS, ClusterId(0)).unwrap();
        assert_eq!(disk.checkpoint().unwrap().as_deref(), Some(&b"c2"[..]));
    }

    #[test]
    fn others_directories_and_damage_are_refused_and_nothing_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let disk = Disk::open(&path, &GENESIS, ClusterId(0)).unwrap();
        assert!(matches!(Disk::open(&path, &GENESIS, ClusterId(0)), Err(DiskError::Locked { .. })));
        drop(disk);
        assert!(matches!(Disk::open(&path, &[8; 32], ClusterId(0)), Err(DiskError::Foreign { .. })));
        assert!(matches!(Disk::open(&path, &GENESIS, ClusterId(1)), Err(DiskError::Foreign { .. })));
        let database = path.join("state.redb");
        fs::write(&database, vec![0xab; 4096]).unwrap();
        assert!(matches!(Disk::open(&path, &GENESIS, ClusterId(0)), Err(DiskError::Damaged { .. })));
        assert_eq!(fs::read(&database).unwrap(), vec![0xab; 4096]);
    }
}
