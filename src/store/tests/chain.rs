use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::Value;

use super::{super::*, *};
use crate::store::chain::sha256;

/// A store with that many records.
fn recorded(home: &Home, records: u64) -> Store {
    let mut store = home.open();
    for id in 1..=records {
        let phase = if id % 2 == 1 { Phase::Start } else { Phase::Outcome };
        store.record(phase, &act(id.div_ceil(2), ActKind::Terminate, &[done()]), &[]).unwrap();
    }
    store
}

fn broken(home: &Home) -> Vec<String> {
    let verified = Store::open_to_read(&home.path()).unwrap().verify(None).unwrap();
    assert_eq!(verified.is_whole(), verified.broken.is_empty());
    verified.broken.into_iter().map(|broken| broken.what).collect()
}

/// What is found after somebody ran that SQL on a chain of ten records.
fn after(sql: &str) -> Vec<String> {
    let home = Home::new();
    recorded(&home, 10).close().unwrap();
    assert_eq!(broken(&home), [""; 0]);
    home.tamper(sql);
    broken(&home)
}

/// Moves the records from a number on by one, up or down.
fn shifted(from: u32, up: bool) -> String {
    let (there, back) = if up { ("seq + 1000001", "seq - 1000000") } else { ("seq + 999999", "seq - 1000000") };
    format!("UPDATE records SET seq = {there} WHERE seq >= {from}; UPDATE records SET seq = {back} WHERE seq > 900000;")
}

#[test]
fn a_record_is_the_text_that_was_hashed_and_holds_the_hash_of_the_one_before() {
    let home = Home::new();
    let mut store = home.open();
    assert_eq!(store.head().unwrap(), None);
    let first = store.record(Phase::Start, &act(1, ActKind::Terminate, &[ActOutcome::Started]), &[]).unwrap();
    let second = store.record(Phase::Outcome, &act(1, ActKind::Terminate, &[done()]), &[]).unwrap();
    assert_eq!(store.head().unwrap(), Some(second.clone()));
    let records = store.records(&RecordFilter::default()).unwrap();
    let [one, two] = records.as_slice() else { panic!("{records:#?}") };
    assert_eq!((one.seq, &one.sha256), (1, &first.sha256));
    assert_eq!((one.sha256.clone(), two.sha256.clone()), (sha256(one.text.as_bytes()), sha256(two.text.as_bytes())));
    let start = "{\"schema\":\"ssmwatch.act/2\",\"seq\":1,\"previous\":\"0000";
    assert!(one.text.starts_with(start), "{}", one.text);
    let (one, two) = (one.entry().unwrap(), two.entry().unwrap());
    assert_eq!((one.phase, two.phase), (Phase::Start, Phase::Outcome));
    assert_eq!(two.previous, first.sha256);
    assert_eq!(one.run, two.run);
    assert!(two.act.reason.contains("password=[masked]") && two.act.reason.contains("\u{1b}[31m"));
    let text = &records[0].text;
    assert!(!text.chars().any(|character| character.is_control() || character == '\u{202e}'), "{text}");
    assert_eq!(store.acts(&RecordFilter::default()).unwrap(), [two.act]);
}

#[test]
fn records_are_found_by_session_and_the_last_acts_by_number() {
    let home = Home::new();
    let mut store = home.open();
    for id in 1..=4 {
        let mut act = act(id, ActKind::Alert, &[done()]);
        if id == 2 {
            act.subject = Subject::Session(SessionKey::new(ScopeId::new("444455556666", "eu-central-1"), "jane-0a1b"));
        } else if id == 3 {
            act.subject = Subject::Account("111122223333".into());
        }
        store.record(Phase::Start, &act, &[]).unwrap();
        store.record(Phase::Outcome, &act, &[]).unwrap();
    }
    let seqs = |records: Vec<Record>| records.iter().map(|record| record.seq).collect::<Vec<_>>();
    let filter = |session: Option<&str>, acts| RecordFilter { session: session.map(str::to_owned), acts };
    assert_eq!(seqs(store.records(&filter(None, Some(2))).unwrap()), [5, 6, 7, 8]);
    assert_eq!(seqs(store.records(&filter(Some("jane-0a1b"), Some(2))).unwrap()), [3, 4, 7, 8]);
    assert_eq!(seqs(store.records_of(&session("jane-0a1b")).unwrap()), [1, 2, 7, 8]);
    assert_eq!(store.records(&filter(Some("nobody"), None)).unwrap(), []);
}

#[test]
fn a_changed_record_is_named() {
    let changed = ["record 4 was changed (its SHA-256 is not the one that was written)"];
    assert_eq!(after("UPDATE records SET record = replace(record, 'jane-0a1b', 'mary-0a1b') WHERE seq = 4"), changed);
    assert_eq!(after("UPDATE records SET record = 'no JSON' WHERE seq = 4"), changed);
    assert_eq!(after("UPDATE records SET record = x'00ff' WHERE seq = 4"), changed);
    assert_eq!(after("UPDATE records SET record = replace(record, '\"seq\":4', '\"seq\":9') WHERE seq = 4"), changed);
    assert_eq!(after("UPDATE records SET sha256 = 'x' WHERE seq = 4"), changed);
    let two = after("UPDATE records SET record = replace(record, 'jane', 'mary') WHERE seq IN (1, 10)");
    assert_eq!(two.len(), 2);
    assert!(two[0].starts_with("record 1 was changed") && two[1].starts_with("record 10 was changed"), "{two:?}");
}

/// Changes the text of a record, and its hash with it.
fn replaced(seq: u32) -> Vec<String> {
    let home = Home::new();
    let store = recorded(&home, 10);
    let text = store.records(&RecordFilter::default()).unwrap()[seq as usize - 1].text.replace("jane", "mary");
    store.close().unwrap();
    home.tamper(&format!(
        "UPDATE records SET record = '{}', sha256 = '{}' WHERE seq = {seq}",
        text.replace('\'', "''"),
        sha256(text.as_bytes())
    ));
    broken(&home)
}

#[test]
fn a_record_that_was_replaced_with_its_hash_is_named() {
    let between = "one of them was replaced, its SHA-256 with it";
    assert_eq!(replaced(4), [format!("record 5 does not follow record 4: {between}")]);
    assert_eq!(replaced(1), [format!("record 2 does not follow record 1: {between}")]);
    assert_eq!(replaced(10), ["record 10 is not the last one that was written: it was replaced"]);
}

#[test]
fn removed_records_are_named() {
    assert_eq!(after("DELETE FROM records WHERE seq IN (5, 6)"), ["records 5 to 6 are missing"]);
    assert_eq!(after("DELETE FROM records WHERE seq = 1"), ["record 1 is missing"]);
    assert_eq!(after(&format!("DELETE FROM records WHERE seq = 5; {}", shifted(6, false))), ["record 5 is missing"]);
    assert_eq!(
        after("DELETE FROM records WHERE seq IN (3, 4, 8)"),
        ["records 3 to 4 are missing", "record 8 is missing"]
    );
    assert_eq!(after("DELETE FROM records WHERE seq > 8"), ["the last records after 8 were removed; there were 10"]);
    assert_eq!(after("DELETE FROM records"), ["all records were removed; there were 10"]);
    assert_eq!(after("DELETE FROM chain"), ["the note of the last record is missing"]);
    let both = after("DELETE FROM records WHERE seq = 3; UPDATE records SET record = record || ' ' WHERE seq = 4");
    assert!(both.len() == 2 && both[0] == "record 3 is missing" && both[1].starts_with("record 4 was changed"));
}

/// A record that was put at that place of a chain of ten, the others moved; its link is that of the record there.
fn inserted(place: u32, hashed: bool) -> Vec<String> {
    let home = Home::new();
    let store = recorded(&home, 10);
    let records = store.records(&RecordFilter::default()).unwrap();
    store.close().unwrap();
    let text = match records.get(place as usize - 1) {
        Some(there) => there.text.replace("jane", "mary"),
        None => {
            let last = records.last().unwrap();
            let previous = last.entry().unwrap().previous;
            last.text.replace(&previous, &last.sha256).replace("\"seq\":10", "\"seq\":11")
        }
    };
    let hash = if hashed { sha256(text.as_bytes()) } else { "f".repeat(64) };
    home.tamper(&shifted(place, true));
    home.tamper(&format!(
        "INSERT INTO records (seq, record, sha256) VALUES ({place}, '{}', '{hash}')",
        text.replace('\'', "''")
    ));
    broken(&home)
}

#[test]
fn an_inserted_record_is_named() {
    for place in [1, 4, 10] {
        assert_eq!(inserted(place, true), [format!("record {place} was inserted")]);
        assert_eq!(inserted(place, false), [format!("record {place} was inserted")]);
    }
    assert_eq!(inserted(11, true), ["record 11 was inserted: the last one that was written is 10"]);
    let none_of_ours = format!("INSERT INTO records (seq, record, sha256) VALUES (0, '{{}}', '{}')", sha256(b"{}"));
    let copy = "INSERT INTO records (seq, record, sha256) SELECT 11, record, sha256 FROM records WHERE seq = 5";
    assert_eq!(after(copy), ["record 11 was inserted"]);
    assert_eq!(after(&none_of_ours), ["record 0 was inserted: ssmwatch writes no such record"]);
}

#[test]
fn exchanged_records_are_named() {
    let exchange = |one: u32, other: u32| {
        format!(
            "UPDATE records SET seq = 99 WHERE seq = {one}; UPDATE records SET seq = {one} WHERE seq = {other};
             UPDATE records SET seq = {other} WHERE seq = 99;"
        )
    };
    assert_eq!(after(&exchange(5, 6)), ["record 5 is out of its place: it was moved to 6"]);
    assert_eq!(
        after(&exchange(3, 8)),
        ["record 8 is out of its place: it was moved to 3", "record 3 is out of its place: it was moved to 8"]
    );
}

#[test]
fn a_chain_that_was_written_anew_is_found_by_a_head_that_is_known_from_elsewhere() {
    let home = Home::new();
    let mut store = recorded(&home, 10);
    let head = store.head().unwrap().unwrap();
    store.record(Phase::Start, &act(6, ActKind::Export, &[]), &[]).unwrap();
    assert!(store.verify(Some(&head.sha256)).unwrap().is_whole(), "the chain has grown since");
    drop(store);
    std::fs::remove_file(home.path()).unwrap();
    std::fs::remove_file(home.path().with_extension("db-wal")).ok();
    let store = recorded(&home, 10);
    assert!(store.verify(None).unwrap().is_whole());
    let broken = store.verify(Some(&head.sha256)).unwrap().broken;
    assert!(broken.len() == 1 && broken[0].to_string().contains(&head.sha256), "{broken:?}");
}

#[test]
fn an_act_after_the_chain_was_broken_does_not_hide_it() {
    let home = Home::new();
    recorded(&home, 4).close().unwrap();
    home.tamper("DELETE FROM records WHERE seq = 4");
    let mut store = home.open();
    store.record(Phase::Start, &act(9, ActKind::Export, &[]), &[]).unwrap();
    drop(store);
    assert_eq!(broken(&home), ["record 4 is missing"]);
    home.tamper("INSERT INTO records (seq, record, sha256) VALUES (6, '{}', 'x')");
    let error = home.open().record(Phase::Start, &act(9, ActKind::Export, &[]), &[]).expect_err("the place is taken");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn what_hides_records_from_lists_or_eats_what_is_written_is_found() {
    for (sql, opens) in [
        // An index that leads to nothing.
        (
            "CREATE TABLE none (a); CREATE INDEX empty ON none (a); PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'empty')
             WHERE name = 'records_by_session'; DELETE FROM sqlite_schema WHERE name IN ('none', 'empty');",
            None,
        ),
        ("CREATE TRIGGER eater AFTER INSERT ON parcels BEGIN DELETE FROM parcels; END;", Some(false)),
    ] {
        let home = Home::new();
        recorded(&home, 4).close().unwrap();
        home.tamper(sql);
        let verified = Store::open_to_read(&home.path()).unwrap().verify(None);
        assert!(matches!(verified, Err(StoreError::Damaged { .. })), "{verified:?}");
        if let Some(opens) = opens {
            assert_eq!(Store::open(&home.path()).is_ok(), opens);
        }
    }
}

fn any_act() -> impl Strategy<Value = (Phase, Act)> {
    let outcome = prop_oneof![
        Just(ActOutcome::Started),
        Just(ActOutcome::Sent),
        (any::<u64>(), any::<String>()).prop_map(|(took_ms, proof)| ActOutcome::Done { took_ms, proof }),
        (any::<String>(), any::<String>()).prop_map(|(what, to_do)| ActOutcome::Unproven { what, to_do }),
        (any::<String>(), any::<String>(), any::<u32>()).prop_map(|(what, to_do, attempts)| ActOutcome::Waiting {
            what,
            to_do,
            attempts
        }),
    ];
    let subject = prop_oneof![
        any::<String>().prop_map(|id| Subject::Session(session(&id))),
        any::<String>().prop_map(|id| Subject::Node(ScopeId::new("111122223333", "eu-central-1"), id.as_str().into())),
        Just(Subject::Program),
    ];
    let phase = prop_oneof![Just(Phase::Start), Just(Phase::Outcome)];
    (phase, 0..1000_u64, 0..ActKind::ALL.len(), subject, any::<String>(), vec(outcome, 0..3)).prop_map(
        |(phase, id, kind, subject, text, outcomes)| {
            let mut act = act(id, ActKind::ALL[kind], &outcomes);
            (act.subject, act.target, act.reason) = (subject, text.clone(), text);
            (phase, act)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_acts_verify_and_any_changed_byte_is_named(
        acts in vec(any_act(), 1..8), record in any::<Index>(), byte in any::<Index>(), bit in 0..8_u8,
    ) {
        let home = Home::new();
        let mut store = home.open();
        // Each act costs a disk's time; what is tested here is the text.
        store.connection().execute_batch("PRAGMA synchronous = OFF").unwrap();
        for (phase, act) in &acts {
            store.record(*phase, act, &[]).unwrap();
        }
        let verified = store.verify(None).unwrap();
        prop_assert!(verified.is_whole(), "{:?}", verified);
        prop_assert_eq!(verified.records, acts.len() as u64);
        let records = store.records(&RecordFilter::default()).unwrap();
        for (record, (_, act)) in records.iter().zip(&acts) {
            let entry = record.entry().unwrap();
            let act = Act { reason: crate::report::mask(&act.reason).into_owned(), ..act.clone() };
            prop_assert_eq!(entry.act, act);
            prop_assert!(serde_json::from_str::<Value>(&record.text).unwrap().get("previous").is_some());
        }
        let unsettled: Vec<bool> = acts.iter().map(|(_, act)| !act.is_over()).collect();
        let mut statement = store.connection().prepare("SELECT unsettled FROM records ORDER BY seq").unwrap();
        let noted: Vec<bool> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        drop(statement);
        prop_assert_eq!(noted, unsettled);

        let record = record.get(&records);
        let mut bytes = record.text.clone().into_bytes();
        bytes[byte.index(record.text.len())] ^= 1 << bit;
        let changed = store.connection().execute(
            "UPDATE records SET record = CAST(?2 AS TEXT) WHERE seq = ?1",
            rusqlite::params![i64::try_from(record.seq).unwrap(), bytes],
        );
        prop_assert_eq!(changed.unwrap(), 1);
        let broken = store.verify(None).unwrap().broken;
        prop_assert_eq!(broken.len(), 1, "{:?}", &broken);
        prop_assert_eq!(broken[0].seq, record.seq);
        prop_assert!(broken[0].what.contains("was changed"));
    }

    #[test]
    fn whatever_is_done_to_the_records_is_found(edits in vec((0..6_u8, 1..9_i64, 1..9_i64), 1..5)) {
        let home = Home::new();
        let store = recorded(&home, 8);
        let connection = store.connection();
        let rows = || -> Vec<(i64, String, String)> {
            let mut statement = connection.prepare("SELECT seq, record, sha256 FROM records ORDER BY seq").unwrap();
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
        };
        let written = rows();
        for (edit, one, other) in edits {
            let text = || written[usize::try_from(one).unwrap() - 1].1.replace("jane", "mary");
            // Some of these do nothing, where a place is free or taken.
            connection.execute_batch(&match edit {
                0 => format!("DELETE FROM records WHERE seq = {one}"),
                1 => format!("UPDATE OR IGNORE records SET seq = {one} + {other} WHERE seq = {one}"),
                2 => shifted(u32::try_from(one).unwrap(), other % 2 == 0)
                    .replace("UPDATE records", "UPDATE OR REPLACE records"),
                3 => format!("INSERT OR REPLACE INTO records SELECT seq + {other}, record, sha256 FROM records WHERE seq = {one}")
                    .replace("INTO records", "INTO records (seq, record, sha256)"),
                4 => format!(
                    "INSERT OR REPLACE INTO records (seq, record, sha256) VALUES ({other}, '{}', '{}')",
                    text().replace('\'', "''"),
                    sha256(text().as_bytes())
                ),
                _ => format!("UPDATE records SET record = replace(record, 'rogue', 'right') || ' ' WHERE seq = {one}"),
            }).unwrap();
        }
        let verified = store.verify(None).unwrap();
        prop_assert_eq!(verified.is_whole(), rows() == written, "{:?}", verified);
    }
}
