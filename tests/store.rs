//! The store of a process that is killed: nothing that was acknowledged is lost, and the next one may write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use ssmwatch::{
    domain::{Act, ActKind, ActStep, Actor, AlertDestination, Content, Parcel, ScopeId, SessionKey, Severity, Subject},
    store::{Phase, Store, StoreError},
};

/// Tells the child which store is meant.
const STORE: &str = "SSMWATCH_TEST_STORE";

fn act(id: u64) -> Act {
    Act {
        id,
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        kind: ActKind::Alert,
        subject: Subject::Session(SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), "jane-0a1b")),
        target: String::new(),
        owner: String::new(),
        reason: "reason ".repeat(100),
        actor: Actor { user: "ana".to_owned(), arn: None, rule: None },
        evidence_sha256: None,
        steps: vec![ActStep::started("member topic")],
    }
}

fn parcel(act: u64) -> Parcel {
    Parcel {
        key: format!("act {act}"),
        alert: None,
        act: Some((act, 0)),
        destination: AlertDestination::Metrics,
        scope: ScopeId::new("111122223333", "eu-central-1"),
        severity: Severity::High,
        content: Content::Metric { namespace: "N".to_owned(), name: "M".to_owned(), dimensions: Vec::new() },
        created_at: "2026-11-20T09:00:00Z".parse().unwrap(),
    }
}

/// Not a test: what the child does. It writes records until it is killed, and says which are written.
#[test]
#[ignore = "run by the tests beside it, as a process of its own"]
fn child() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let mut store = Store::open(Path::new(&path)).unwrap();
    let begun = store.load(jiff::Timestamp::now()).unwrap().next_act;
    for id in begun.. {
        let head = store.record(Phase::Start, &act(id), &[parcel(id)]).unwrap();
        println!("written {} {}", head.seq, head.sha256);
    }
}

struct Writer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn start(path: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--ignored", "--nocapture"]).env(STORE, path);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next record that is written.
    fn next(&mut self) -> Option<(u64, String)> {
        for line in self.lines.by_ref() {
            let line = line.ok()?;
            // The test runner writes before and between.
            if let Some((_, rest)) = line.split_once("written ")
                && let Some((seq, sha256)) = rest.split_once(' ')
                && sha256.len() == 64
            {
                return Some((seq.parse().unwrap(), sha256.to_owned()));
            }
        }
        None
    }

    /// Kills it (SIGKILL) and tells the last record that it had acknowledged.
    fn kill(mut self) -> Option<(u64, String)> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut last = None;
        while let Some(written) = self.next() {
            last = Some(written);
        }
        last
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_writer_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ssmwatch.db");
    let mut before = 0;
    for round in 0..8_u32 {
        let mut writer = Writer::start(&path);
        let mut last = writer.next().expect("the first record");
        // At another moment each time: within a record, between two, within a checkpoint.
        let until = Instant::now() + Duration::from_millis(u64::from(20 + 37 * round));
        while Instant::now() < until {
            last = writer.next().expect("a record");
        }
        last = writer.kill().unwrap_or(last);

        let store = Store::open(&path).expect("the lock of the dead is free");
        let verified = store.verify(Some(&last.1)).unwrap();
        assert!(verified.is_whole(), "{verified:?}");
        assert!(last.0 > before && verified.records >= last.0, "{last:?}, {verified:?}");
        assert!(verified.records <= last.0 + 1, "at most one was written and not acknowledged");
        // Its parcels are there with the records: none more, none less.
        let waiting: u64 = store.undelivered().unwrap().iter().map(|(_, count)| count).sum();
        assert_eq!(waiting, verified.records);
        assert_eq!(store.load(jiff::Timestamp::now()).unwrap().next_act, verified.records + 1);
        before = verified.records;
    }
}

#[test]
fn the_second_process_is_told_which_one_has_the_store_until_that_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ssmwatch.db");
    let mut writer = Writer::start(&path);
    writer.next().expect("a record");
    let Err(StoreError::InUse { pid, .. }) = Store::open(&path) else {
        writer.kill();
        unreachable!("the store is in use");
    };
    assert_eq!(pid, Some(writer.child.id()));
    let beside = Store::open_to_read(&path).unwrap();
    let seen = beside.verify(None).unwrap();
    assert!(seen.is_whole() && seen.records > 0, "{seen:?}");
    writer.kill();
    Store::open(&path).expect("free again");
}
