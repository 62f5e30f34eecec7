//! Against real files.

use std::{
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicBool, AtomicU32},
};

use super::*;

const GENESIS: Hash256 = [7; 32];

#[test]
fn commits_last_and_snapshots_do_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let disk = Disk::open(&path, &GENESIS, ClusterId(0)).unwrap();
    let commit = |node: &[u8], checkpoint: &[u8]| Commit {
        nodes: vec![(b"key".to_vec(), Some(node.to_vec()))],
        records: vec![(Table::Code, b"code".to_vec(), Some(node.to_vec()))],
        checkpoint: Some(checkpoint.to_vec()),
    };
    disk.commit(commit(b"one", b"c1")).unwrap();
    let before = disk.snapshot().unwrap();
    disk.commit(commit(b"two", b"c2")).unwrap();
    disk.commit(Commit { nodes: vec![(b"key".to_vec(), None)], ..Commit::default() }).unwrap();
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

#[test]
fn a_database_without_its_mark_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    drop(Disk::open(&path, &GENESIS, ClusterId(0)).unwrap());
    fs::remove_file(path.join("OWNER")).unwrap();
    let error = Disk::open(&path, &GENESIS, ClusterId(0)).err().unwrap();
    assert!(matches!(&error, DiskError::Damaged { reason, .. } if reason.contains("OWNER")), "{error}");
    assert!(!path.join("OWNER").exists());
}

#[test]
fn a_start_that_was_interrupted_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("of").join("a").join("worker");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("OWNER.new"), "vers").unwrap();
    drop(Disk::open(&path, &GENESIS, ClusterId(0)).unwrap());
    assert!(path.join(MARK).exists() && !path.join("OWNER.new").exists());
    // directories above it are made as well
    let deeper = path.join("b").join("c");
    drop(Disk::open(&deeper, &GENESIS, ClusterId(1)).unwrap());
    assert!(matches!(Disk::open(&deeper, &GENESIS, ClusterId(0)), Err(DiskError::Foreign { .. })));
}

#[test]
fn a_directory_that_cannot_be_used_is_not_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fs::write(&path, "a file").unwrap();
    assert!(matches!(Disk::open(&path, &GENESIS, ClusterId(0)), Err(DiskError::Io { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"a file");
}

/// A file on a file system that can be full.
#[derive(Debug)]
struct Quota {
    file: File,
    full: Arc<AtomicBool>,
}

impl Quota {
    fn room(&self) -> std::io::Result<()> {
        if self.full.load(Ordering::SeqCst) { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl redb::StorageBackend for Quota {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.room()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.room()?;
        self.file.write_all_at(data, offset)
    }
}

#[test]
fn a_full_disk_loses_nothing_and_is_used_again_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let full = Arc::new(AtomicBool::new(false));
    let opened = Arc::new(AtomicU32::new(0));
    let (quota, count) = (full.clone(), opened.clone());
    let disk = Disk::with_opener(Box::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path).unwrap();
        redb::Builder::new().create_with_backend(Quota { file, full: quota.clone() })
    }))
    .unwrap();
    let commit = |number: u8, bytes: usize| Commit {
        nodes: vec![(b"key".to_vec(), Some(vec![number; bytes]))],
        records: vec![(Table::Outcome, b"index".to_vec(), Some(vec![number]))],
        checkpoint: Some(vec![number]),
    };
    disk.commit(commit(1, 10)).unwrap();
    let before = disk.snapshot().unwrap();

    assert_eq!(opened.load(Ordering::SeqCst), 1);
    full.store(true, Ordering::SeqCst);
    let error = disk.commit(commit(2, 8 * 1024 * 1024)).unwrap_err();
    assert!(error.to_string().contains("make room"), "{error}");
    for _ in 0..2 {
        assert!(disk.commit(commit(2, 8 * 1024 * 1024)).is_err());
    }
    assert_eq!(disk.failures().load(Ordering::SeqCst), 3);

    full.store(false, Ordering::SeqCst);
    assert_eq!(disk.checkpoint().unwrap(), Some(vec![1]));
    // the test is about that path: the database did shut itself
    assert!(opened.load(Ordering::SeqCst) > 1);
    let after = disk.snapshot().unwrap();
    assert_eq!(after.node(b"key").unwrap(), Some(vec![1; 10]));
    assert_eq!(after.record(Table::Outcome, b"index").unwrap(), Some(vec![1]));
    // a snapshot from before says that it cannot be read, or what it said before
    assert!(before.node(b"key").is_err() || before.node(b"key").unwrap() == Some(vec![1; 10]));
    disk.commit(commit(3, 8 * 1024 * 1024)).unwrap();
    assert_eq!(disk.checkpoint().unwrap(), Some(vec![3]));
    assert_eq!(disk.snapshot().unwrap().node(b"key").unwrap(), Some(vec![3; 8 * 1024 * 1024]));
}
