use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{super::*, *};
use crate::store::lock::beside;

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut store = home.open();
    store.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap();
    let directory = home.path().parent().unwrap().to_owned();
    assert_eq!(mode(&directory), 0o700);
    let mut files = 0;
    for file in fs::read_dir(&directory).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 4, "database, write-ahead log, its index, lock");
    drop(store);
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o644)).unwrap();
    home.open();
    assert_eq!(mode(&home.path()), 0o600);
}

#[test]
fn the_second_is_told_by_whom_it_is_in_use_and_reads_beside_it() {
    let home = Home::new();
    let mut first = home.open();
    let error = Store::open(&home.path()).expect_err("in use");
    assert!(matches!(&error, StoreError::InUse { pid, .. } if *pid == Some(std::process::id())), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())) && !error.to_do().is_empty());
    assert!(matches!(Store::open_fresh(&home.path()), Err(StoreError::InUse { .. })));
    let mut second = Store::open_to_read(&home.path()).unwrap();
    assert!(second.is_read_only() && !first.is_read_only());
    first.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap();
    assert_eq!(second.head().unwrap(), first.head().unwrap(), "it sees what the other writes");
    let refused = second.record(Phase::Start, &act(2, ActKind::Export, &[]), &[]).expect_err("read only");
    assert!(matches!(refused, StoreError::ReadOnly { .. }));
    assert!(matches!(second.forget(at("20T00:00:00")), Err(StoreError::ReadOnly { .. })));
    drop(first);
    assert_eq!(home.open().head().unwrap().unwrap().seq, 1);
}

#[test]
fn what_was_written_is_there_after_a_crash() {
    let home = Home::new();
    let mut store = home.open();
    let head = store.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap();
    // As kill -9 leaves it: the log is not written back, and nobody has closed anything.
    let crashed = home.folder.path().join("crashed.db");
    for suffix in ["", "-wal"] {
        let from = beside(&home.path(), suffix);
        fs::copy(from, beside(&crashed, suffix)).unwrap();
    }
    assert!(fs::metadata(beside(&crashed, "-wal")).unwrap().len() > 0);
    let mut reopened = Store::open(&crashed).unwrap();
    assert_eq!(reopened.head().unwrap(), Some(head));
    reopened.record(Phase::Outcome, &act(1, ActKind::Export, &[done()]), &[]).unwrap();
    assert!(reopened.verify(None).unwrap().is_whole());
}

#[test]
fn a_full_disk_refuses_the_act_and_a_later_one_works() {
    let home = Home::new();
    let mut store = home.open();
    store.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap();
    let head = store.head().unwrap();
    let pages: i64 = store.connection().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    store.connection().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    let mut large = act(2, ActKind::Export, &[]);
    large.reason = "reason ".repeat(20_000);
    let refused = store.record(Phase::Start, &large, &[parcel("key", "alert", Severity::High)]).expect_err("full");
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    assert!(refused.to_string().contains("full") && refused.to_do().contains("room"));
    assert_eq!(store.head().unwrap(), head);
    assert_eq!(store.undelivered().unwrap(), [], "nothing of it was written");
    assert!(store.verify(None).unwrap().is_whole());
    store.connection().query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).unwrap();
    assert_eq!(store.record(Phase::Start, &large, &[]).unwrap().seq, 2);
    assert!(store.verify(None).unwrap().is_whole());
}

#[test]
fn a_store_that_is_locked_is_busy_until_it_is_not() {
    let home = Home::new();
    let mut store = home.open();
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let refused = store.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).expect_err("locked");
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(1) && waited < Duration::from_secs(20), "{waited:?}");
    assert_eq!(store.head().unwrap(), None, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap().seq, 1);
}

#[test]
fn what_is_no_store_is_refused_with_the_reason() {
    let home = Home::new();
    fs::create_dir_all(home.path().parent().unwrap()).unwrap();
    let open = |path: &std::path::Path| {
        let error = Store::open(path).expect_err("no store");
        assert!(!error.to_string().contains('\n') && !error.to_do().is_empty(), "{error}");
        error
    };
    fs::write(home.path(), "garbage, and enough of it to have a header of a hundred bytes".repeat(100)).unwrap();
    assert!(matches!(open(&home.path()), StoreError::Damaged { .. }));
    assert!(matches!(Store::open_to_read(&home.path()), Err(StoreError::Damaged { .. })));
    let folder = home.folder.path().join("folder");
    fs::create_dir(&folder).unwrap();
    assert!(matches!(open(&folder), StoreError::Io { .. }));
    assert!(matches!(Store::open_to_read(&folder), Err(StoreError::Io { .. })));
    let foreign = home.folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let before = fs::read(&foreign).unwrap();
    assert!(matches!(open(&foreign), StoreError::Foreign { .. }));
    assert_eq!(fs::read(&foreign).unwrap(), before, "nothing is written into it");
    let absent = home.folder.path().join("nowhere.db");
    assert!(matches!(Store::open_to_read(&absent), Err(StoreError::Absent { .. })));
    assert!(!absent.exists());
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let home = Home::new();
    home.open().close().unwrap();
    home.tamper("PRAGMA user_version = 99");
    let before = fs::read(home.path()).unwrap();
    for opened in [Store::open(&home.path()), Store::open_to_read(&home.path())] {
        let error = opened.expect_err("newer");
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    }
    assert_eq!(fs::read(home.path()).unwrap(), before);
}

#[test]
fn a_damaged_store_is_refused_with_the_reason() {
    for (from, to) in [(0, 64), (4096, 40_960)] {
        let home = Home::new();
        let mut store = home.open();
        for id in 1..=50 {
            store.record(Phase::Start, &act(id, ActKind::Export, &[]), &[]).unwrap();
        }
        store.close().unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(home.path()).unwrap();
        file.seek(SeekFrom::Start(from)).unwrap();
        file.write_all(&vec![0xa5; to - usize::try_from(from).unwrap()]).unwrap();
        drop(file);
        let error = Store::open(&home.path()).expect_err("damaged");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        if let Ok(store) = Store::open_to_read(&home.path()) {
            assert!(!matches!(store.verify(None), Ok(verified) if verified.is_whole()));
        }
    }
}

#[test]
fn a_fresh_one_has_nothing_of_the_one_before() {
    let home = Home::new();
    let mut store = home.open();
    store.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap();
    // An earlier run that was killed left its log, too.
    let left = fs::read(beside(&home.path(), "-wal")).unwrap();
    drop(store);
    fs::write(beside(&home.path(), "-wal"), left).unwrap();
    let mut fresh = Store::open_fresh(&home.path()).unwrap();
    assert_eq!(fresh.head().unwrap(), None);
    assert_eq!(fresh.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap().seq, 1);
}

/// Root may write everywhere: there these say nothing.
#[cfg(unix)]
fn is_root(directory: &std::path::Path) -> bool {
    fs::File::create(directory.join("probe")).is_ok()
}

#[cfg(unix)]
#[test]
fn a_directory_where_nobody_may_write_is_an_error_and_a_copy_in_it_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mut store = home.open();
    store.record(Phase::Start, &act(1, ActKind::Export, &[]), &[]).unwrap();
    store.close().unwrap();
    let closed = home.folder.path().join("closed? #1");
    fs::create_dir(&closed).unwrap();
    let copy = closed.join("copy.db");
    fs::copy(home.path(), &copy).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if !is_root(&closed) {
        let error = Store::open(&copy).expect_err("no lock file can be made");
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
    let read = Store::open_to_read(&copy).unwrap();
    assert!(read.verify(None).unwrap().is_whole());
    assert_eq!(read.head().unwrap().unwrap().seq, 1);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}
