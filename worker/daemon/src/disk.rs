//! The worker's data directory: one redb database behind a lock, marked with the chain and the cluster that it belongs to.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use phala_primitives::{ClusterId, Hash256};
use phala_worker_core::store::{Commit, Snapshot, Store, StoreError, Table};
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable as _, TableDefinition};

const NODES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("nodes");
const CODE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("code");
const COMPILED: TableDefinition<&[u8], &[u8]> = TableDefinition::new("compiled");
const OUTCOMES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("outcomes");
const KEYS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("keys");
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const CHECKPOINT: &str = "checkpoint";

/// The file that says whose the directory is.
const MARK: &str = "OWNER";
/// The layout of the directory that this program reads and writes.
const VERSION: &str = "2";

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
        "the database in {path} does not open ({reason}): it is damaged or of another version. Move the directory away and the worker starts from the log, but keep it: where a lone worker seals its cluster's keys to its machine, it has their only copy"
    )]
    Damaged {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
}

type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// See the [module's documentation](self).
///
/// After a failure of the file system, such as a full disk, redb refuses everything until the database is opened again. That
/// is done here: a restart would cost the worker its boot, and with it its place in the registry.
pub struct Disk {
    /// None only where opening again has failed.
    database: RwLock<Option<Database>>,
    opener: Opener,
    failures: Arc<AtomicU64>,
    /// Held for as long as the worker runs.
    _lock: Option<File>,
}

impl Disk {
    /// Opens a directory, or makes it.
    pub fn open(path: &Path, genesis: &Hash256, cluster: ClusterId) -> Result<Self, DiskError> {
        let shown = path.display().to_string();
        let io = |error: std::io::Error| DiskError::Io { path: shown.clone(), reason: error.to_string() };
        let damaged = |reason: String| DiskError::Damaged { path: shown.clone(), reason };
        make_directory(path).map_err(io)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("LOCK")).map_err(io)?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(DiskError::Locked { path: shown }),
            Err(error) => return Err(io(error.into())),
        }

        let expected = format!("version {VERSION}, chain 0x{}, cluster {cluster}", hex::encode(genesis));
        let file = path.join("state.redb");
        match fs::read_to_string(path.join(MARK)) {
            Ok(found) if found.trim() == expected => {}
            Ok(found) => {
                let found = found.trim().chars().take(200).collect();
                return Err(DiskError::Foreign { path: shown, found, expected });
            }
            // whose a database is cannot be guessed
            Err(error) if error.kind() == ErrorKind::NotFound && file.exists() => {
                return Err(damaged(format!("the file {MARK} beside it is missing")));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => write_mark(path, &expected).map_err(io)?,
            Err(error) => return Err(io(error)),
        }
        let mut disk = Self::with_opener(Box::new(move || Database::create(&file))).map_err(|error| match error {
            redb::Error::Io(error) if !is_damage(&error) => io(error),
            other => damaged(other.to_string()),
        })?;
        disk._lock = Some(lock);
        // also where an earlier start made the file: it may have ended before this
        sync_directory(path).map_err(io)?;
        Ok(disk)
    }

    /// Counts the times that the disk did not do what it was asked for.
    pub fn failures(&self) -> Arc<AtomicU64> {
        self.failures.clone()
    }

    fn with_opener(opener: Opener) -> Result<Self, redb::Error> {
        let database = opener()?;
        tables(&database)?;
        Ok(Self { database: RwLock::new(Some(database)), opener, failures: Arc::default(), _lock: None })
    }

    fn with<R>(&self, work: impl Fn(&Database) -> Result<R, redb::Error>) -> Result<R, StoreError> {
        counted(&self.failures, self.attempt(work))
    }

    /// Works on the database, on one that was opened again if an earlier failure has shut it.
    fn attempt<R>(&self, work: impl Fn(&Database) -> Result<R, redb::Error>) -> Result<R, StoreError> {
        {
            let open = self.database.read().unwrap_or_else(PoisonError::into_inner);
            match open.as_ref().map(&work) {
                Some(Err(redb::Error::PreviousIo)) | None => {}
                Some(result) => return result.map_err(described),
            }
        }
        let mut open = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // another thread may have been here in between
        match open.as_ref().map(&work) {
            Some(Err(redb::Error::PreviousIo)) | None => {}
            Some(result) => return result.map_err(described),
        }
        *open = None;
        let database = (self.opener)().map_err(|error| described(error.into()))?;
        tracing::warn!("the database was opened again after a failure of the disk");
        let result = work(&database).map_err(described);
        *open = Some(database);
        result
    }
}

/// redb says by an error of the file system that a file is none of its own.
fn is_damage(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

/// Makes the directory, and those above it that are missing, so that they outlast a power cut.
fn make_directory(path: &Path) -> std::io::Result<()> {
    let there = |path: &Path| path.as_os_str().is_empty() || path.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !there(path)).collect();
    fs::create_dir_all(path)?;
    missing.iter().filter_map(|made| made.parent()).try_for_each(sync_directory)
}

/// Whose the directory is, on the disk before anything that belongs to it.
fn write_mark(directory: &Path, text: &str) -> std::io::Result<()> {
    let fresh = directory.join("OWNER.new");
    let mut file = File::create(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, directory.join(MARK))?;
    sync_directory(directory)
}

/// A file's own sync does not cover its name, which is the directory's: without this it may be gone after a power cut.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    // the parent of a relative path's first part is empty
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    match File::open(path)?.sync_all() {
        // a file system that has no such operation for directories says so in this way
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

/// Makes the tables, so that readers find them.
fn tables(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    for table in [NODES, CODE, COMPILED, OUTCOMES, KEYS] {
        write.open_table(table)?;
    }
    write.open_table(META)?;
    write.commit()?;
    Ok(())
}

fn definition(table: Table) -> Result<TableDefinition<'static, &'static [u8], &'static [u8]>, redb::Error> {
    match table {
        Table::Code => Ok(CODE),
        Table::Compiled => Ok(COMPILED),
        Table::Outcome => Ok(OUTCOMES),
        Table::Keys => Ok(KEYS),
        other => Err(redb::Error::TableDoesNotExist(format!("{other:?}"))),
    }
}

/// With what the operator can do about it.
fn described(error: redb::Error) -> StoreError {
    StoreError(match error {
        redb::Error::Io(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            "the disk of the data directory is full: make room, the worker then goes on by itself".into()
        }
        redb::Error::PreviousIo => "the disk has failed before: the worker opens its database again".into(),
        other => other.to_string(),
    })
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    described(error.into())
}

fn counted<R>(failures: &AtomicU64, result: Result<R, StoreError>) -> Result<R, StoreError> {
    if result.is_err() {
        failures.fetch_add(1, Ordering::Relaxed);
    }
    result
}

impl Store for Disk {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(META)?;
            Ok(table.get(CHECKPOINT)?.map(|value| value.value().to_vec()))
        })
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let nodes = read.open_table(NODES)?;
            // a database that has failed still opens tables which it remembers; one read shows whether it is well
            nodes.first()?;
            let failures = self.failures.clone();
            Ok(Arc::new(DiskSnapshot { nodes, read, failures }) as Arc<dyn Snapshot>)
        })
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.with(|database| {
            let write = database.begin_write()?;
            {
                let mut nodes = write.open_table(NODES)?;
                for (key, node) in &commit.nodes {
                    match node {
                        Some(node) => nodes.insert(key.as_slice(), node.as_slice())?,
                        None => nodes.remove(key.as_slice())?,
                    };
                }
                for (table, key, value) in &commit.records {
                    let mut table = write.open_table(definition(*table)?)?;
                    match value {
                        Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                        None => table.remove(key.as_slice())?,
                    };
                }
                if let Some(checkpoint) = &commit.checkpoint {
                    write.open_table(META)?.insert(CHECKPOINT, checkpoint.as_slice())?;
                }
            }
            Ok(write.commit()?)
        })
    }
}

struct DiskSnapshot {
    nodes: redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
    read: ReadTransaction,
    failures: Arc<AtomicU64>,
}

impl Snapshot for DiskSnapshot {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let node = self.nodes.get(key).map(|node| node.map(|value| value.value().to_vec()));
        counted(&self.failures, node.map_err(failed))
    }

    fn record(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || -> Result<_, redb::Error> {
            let table = self.read.open_table(definition(table)?)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        };
        counted(&self.failures, read().map_err(described))
    }
}

#[cfg(test)]
mod tests;
