//! `ssmwatch audit`: what was recorded is listed and verified, and what somebody changed is named.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[path = "common/program.rs"]
mod program;

use std::fs;

use program::Home;
use serde_json::Value;
use ssmwatch::{
    domain::{Act, ActKind, ActOutcome, ActStep, Actor, ScopeId, SessionKey, Subject},
    store::{ChainHead, Phase, Store},
};

const STORE: &str = ".local/share/ssmwatch/ssmwatch.db";

fn act(id: u64, session: &str) -> Act {
    Act {
        id,
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        kind: ActKind::Terminate,
        subject: Subject::Session(SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), session)),
        target: String::new(),
        owner: "arn:aws:iam::111122223333:user/jane".to_owned(),
        reason: "rogue \u{1b}]0;title\u{7}\u{9b}31m".to_owned(),
        actor: Actor {
            user: "ana".to_owned(),
            arn: Some("arn:aws:sts::111122223333:assumed-role/SecOps/ana".to_owned()),
            rule: None,
        },
        evidence_sha256: None,
        steps: vec![ActStep::started("terminate")],
    }
}

/// A home with three acts in the store, two records each.
fn recorded() -> (Home, ChainHead) {
    let home = Home::new().with("TZ", "Europe/Vienna");
    let mut store = Store::open(&home.path(STORE)).unwrap();
    for (id, session) in [(1, "jane-0a1b"), (2, "mary-0a1b"), (3, "jane-0a1b")] {
        let mut act = act(id, session);
        store.record(Phase::Start, &act, &[]).unwrap();
        act.steps[0].outcome = ActOutcome::Done { took_ms: 900, proof: "History says Terminated".to_owned() };
        store.record(Phase::Outcome, &act, &[]).unwrap();
    }
    let head = store.head().unwrap().unwrap();
    store.close().unwrap();
    (home, head)
}

fn tamper(home: &Home, sql: &str) {
    rusqlite::Connection::open(home.path(STORE)).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn without_a_store_it_says_that_there_is_none_and_makes_none() {
    let home = Home::new();
    for arguments in [&["audit"][..], &["audit", "list"], &["audit", "verify"]] {
        let said = home.run(arguments);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
        assert!(said.out.starts_with("no act was recorded so far (") && said.out.contains(STORE), "{said:?}");
    }
    let json = home.run(&["audit", "list", "--format", "json"]);
    assert_eq!((json.code, json.out.as_str()), (0, ""), "{json:?}");
    assert!(json.err.contains("no act was recorded so far"), "{json:?}");
    let head = "ab".repeat(32);
    home.run(&["audit", "verify", "--head", &head]).refused(1, &["there is no store"], &["--store"]);
    // One that is named is meant to be there.
    home.run(&["audit", "verify", "--store", "nowhere.db"]).refused(1, &["nowhere.db: there is no store"], &[]);
    assert!(!home.path(".local").exists());
}

#[test]
fn acts_are_listed_for_people_in_local_time_and_without_a_byte_that_a_terminal_obeys() {
    let (home, _) = recorded();
    let listed = home.run(&["audit"]);
    assert_eq!((listed.code, listed.err.as_str()), (0, ""), "{listed:?}");
    let lines: Vec<&str> = listed.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", listed.out);
    assert!(lines[0].starts_with("WHEN") && lines[0].ends_with("REASON"), "{}", listed.out);
    assert!(lines[3].starts_with("2026-11-20 10:00:00 CET  3"), "{}", listed.out);
    for word in ["terminate", "111122223333/eu-central-1/jane-0a1b", "ana as SecOps/ana", "History says Terminated"] {
        assert!(lines[3].contains(word), "{word} is not in {}", lines[3]);
    }
    assert!(!listed.out.chars().any(|character| character.is_control() && character != '\n'), "{:?}", listed.out);
    let of_jane = home.run(&["audit", "list", "--session", "jane-0a1b"]).out;
    assert!(of_jane.lines().count() == 3 && !of_jane.contains("mary"), "{of_jane}");
    let last = home.run(&["audit", "list", "--limit", "1"]).out;
    assert!(last.lines().count() == 2 && last.contains("  3  "), "{last}");
    let nobody = home.run(&["audit", "list", "--session", "nobody"]);
    assert!(nobody.code == 0 && nobody.out.contains("no act on session nobody"), "{nobody:?}");
}

#[test]
fn records_are_listed_for_programs_as_they_were_hashed() {
    let (home, head) = recorded();
    let listed = home.run(&["audit", "list", "--format", "json", "--limit", "2"]);
    let records: Vec<Value> = listed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.iter().map(|record| record["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_eq!(records[3]["sha256"], head.sha256.as_str());
    assert_eq!(records[3]["previous"], records[2]["sha256"]);
    assert_eq!(records[3]["schema"], "ssmwatch.act/2");
    assert_eq!((&records[2]["phase"], &records[3]["phase"]), (&"start".into(), &"outcome".into()));
    assert_eq!(records[3]["act"]["reason"], "rogue \u{1b}]0;title\u{7}\u{9b}31m");
    assert!(!listed.out.chars().any(|character| character.is_control() && character != '\n'));
}

#[test]
fn a_chain_that_is_whole_tells_its_head() {
    let (home, head) = recorded();
    let ok = format!("ok: 6 records, head {}\n", head.sha256);
    let verified = home.run(&["audit", "verify"]);
    assert_eq!((verified.code, verified.out, verified.err.as_str()), (0, ok.clone(), ""));
    let known = home.run(&["audit", "verify", "--head", &head.sha256.to_uppercase()]);
    assert_eq!((known.code, known.out), (0, ok.clone()));
    let unknown = "ab".repeat(32);
    let refused = home.run(&["audit", "verify", "--head", &unknown]);
    assert!(refused.code == 1 && refused.out.is_empty() && refused.err.contains(&unknown), "{refused:?}");
    let copy = home.path("copy.db");
    fs::copy(home.path(STORE), &copy).unwrap();
    tamper(&home, "DELETE FROM records");
    for arguments in [["audit", "verify", "--store", "copy.db"], ["audit", "--store", "copy.db", "verify"]] {
        let of_copy = home.run(&arguments);
        assert_eq!((of_copy.code, of_copy.out.as_str()), (0, ok.as_str()), "{of_copy:?}");
    }
}

#[test]
fn what_was_changed_removed_or_inserted_is_named() {
    for (sql, what) in [
        ("UPDATE records SET record = replace(record, 'rogue', 'right') WHERE seq = 3", "record 3 was changed"),
        ("DELETE FROM records WHERE seq IN (2, 3)", "records 2 to 3 are missing"),
        ("DELETE FROM records WHERE seq > 4", "the last records after 4 were removed"),
        (
            "INSERT INTO records (seq, record, sha256) SELECT 7, record, sha256 FROM records WHERE seq = 2",
            "record 7 was inserted",
        ),
    ] {
        let (home, _) = recorded();
        tamper(&home, sql);
        let broken = home.run(&["audit", "verify"]);
        assert_eq!((broken.code, broken.out.as_str()), (1, ""), "{broken:?}");
        assert!(broken.err.contains("the chain of acts is broken") && broken.err.contains(what), "{broken:?}");
        assert_eq!(broken.err.lines().count(), 3, "{broken:?}");
    }
}

#[test]
fn it_reads_beside_a_run_that_writes() {
    let (home, head) = recorded();
    let mut store = Store::open(&home.path(STORE)).unwrap();
    let next = store.record(Phase::Start, &act(4, "mary-0a1b"), &[]).unwrap();
    let verified = home.run(&["audit", "verify", "--head", &head.sha256]);
    assert_eq!(verified.out, format!("ok: 7 records, head {}\n", next.sha256), "{verified:?}");
}

#[test]
fn what_is_no_store_is_refused_in_two_lines() {
    let home = Home::new();
    home.write(STORE, &"this is no database ".repeat(400));
    home.run(&["audit", "verify"]).refused(1, &[STORE, "damaged"], &["move it away"]);
    home.run(&["audit", "list", "--store", "."]).refused(1, &["cannot be read"], &["check"]);
}
