//! How long an act waits for its record: one transaction, on the disk when it returns; and how long a full store takes to be opened,
//! loaded and verified.
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use jiff::Timestamp;
use ssmwatch::{
    domain::{Act, ActKind, ActOutcome, ActStep, Actor, ScopeId, SessionKey, Subject},
    store::{Phase, Store},
};
use tempfile::TempDir;

/// Ten thousand acts: years of them.
const ACTS: u64 = 10_000;

fn main() {
    divan::main();
}

fn act(id: u64) -> Act {
    Act {
        id,
        at: Timestamp::now(),
        kind: ActKind::Terminate,
        subject: Subject::Session(SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), "jane-0a1b")),
        target: String::new(),
        owner: "arn:aws:iam::111122223333:user/jane".to_owned(),
        reason: "rogue session, INC-1".to_owned(),
        actor: Actor { user: "ana".to_owned(), arn: None, rule: None },
        evidence_sha256: Some("ab".repeat(32)),
        steps: vec![ActStep {
            name: "terminate".to_owned(),
            outcome: ActOutcome::Done { took_ms: 900, proof: "History says Terminated".to_owned() },
        }],
    }
}

/// A folder with a store of that many acts.
fn full(acts: u64) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(&home.path().join("ssmwatch.db")).unwrap();
    for id in 1..=acts {
        store.record(Phase::Start, &act(id), &[]).unwrap();
    }
    store.close().unwrap();
    home
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn record(bencher: Bencher<'_, '_>) {
    let home = full(0);
    let mut store = Store::open(&home.path().join("ssmwatch.db")).unwrap();
    let mut id = 0;
    bencher.bench_local(move || {
        id += 1;
        store.record(Phase::Start, &act(id), &[]).unwrap()
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn open_and_load(bencher: Bencher<'_, '_>) {
    let home = full(ACTS);
    let path = home.path().join("ssmwatch.db");
    bencher.bench_local(|| Store::open(&path).unwrap().load(Timestamp::now()).unwrap());
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn verify(bencher: Bencher<'_, '_>) {
    let home = full(ACTS);
    let store = Store::open_to_read(&home.path().join("ssmwatch.db")).unwrap();
    bencher.bench_local(|| store.verify(None).unwrap());
}
