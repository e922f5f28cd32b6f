//! The key `e` in the whole program on a pseudo-terminal: the evidence lies beside the store.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

#[path = "common/terminal.rs"]
mod terminal;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;
use terminal::Terminal;

const QUIET: &str = include_str!("../src/sim/scenarios/quiet.toml");
const ROGUES: &str = include_str!("fixtures/rogues.toml");

/// Exports that are complete: their manifest is there.
fn bundles(home: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(home.join(".local/share/ssmwatch/evidence")).into_iter().flatten();
    let mut bundles: Vec<PathBuf> = folders.map(|folder| folder.unwrap().path()).collect();
    bundles.retain(|folder| folder.join("export.json").exists());
    bundles.sort();
    bundles
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// The file's text without times.
fn timeless(path: &Path) -> String {
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z").unwrap();
    time.replace_all(&fs::read_to_string(path).unwrap(), "TIME").into_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Selects the session of that owner, by a filter.
fn select(terminal: &mut Terminal, name: &str, others: &str) {
    terminal.type_text(&format!("/{name}"));
    terminal.wait("only that one", |screen| screen.contains(name) && !screen.contains(others));
    terminal.type_text("\r");
    terminal.wait_for("no filter");
}

#[test]
fn a_session_that_goes_on_and_one_that_was_ended_are_exported() {
    let home = tempfile::tempdir().unwrap();
    let scenario = home.path().join("scenario.toml");
    fs::write(&scenario, format!("{QUIET}\n{ROGUES}")).unwrap();
    let mut terminal = Terminal::start(&["demo", "--scenario", scenario.to_str().unwrap()], home.path(), 180, 50);
    terminal.wait("all sessions", |screen| ["alice", "eve", "mallory"].iter().all(|name| screen.contains(name)));

    // A shell, while it goes on.
    select(&mut terminal, "alice", "mallory");
    terminal.type_text("e");
    terminal.wait("the first bundle", |_| bundles(home.path()).len() == 1);
    terminal.wait_for("export done in");
    let alice = bundles(home.path()).remove(0);
    assert!(names(&alice).contains("transcript.jsonl") && names(&alice).contains("session.cast"));
    assert_eq!((mode(&alice), mode(alice.parent().unwrap()), mode(&alice.join("facts.json"))), (0o700, 0o700, 0o600));
    let manifest = json(&alice, "export.json");
    assert_eq!((&manifest["session_ended"], &manifest["store"]["read"]), (&false.into(), &true.into()), "{manifest:#}");
    let id = manifest["session_id"].as_str().unwrap();
    let name = alice.file_name().unwrap().to_str().unwrap();
    let time = name.strip_prefix(&format!("{id}-")).unwrap_or_else(|| panic!("{name}"));
    assert!(time.len() == 16 && time.ends_with('Z') && &time[8..9] == "T", "{name}");
    let facts = json(&alice, "facts.json");
    assert_eq!(facts["facts"]["principal_sessions"]["value"], 1, "the dashboard knows the others: {facts:#}");
    let document = json(&alice, "verdicts.json");
    let rules: Vec<_> = document["findings"].as_array().unwrap().iter().map(|finding| &finding["rule"]).collect();
    assert!(rules.contains(&&Value::from("DOC-01")), "compliant rules too: {rules:?}");

    // A port session, of which nothing is ever recorded, after it was ended from here.
    terminal.type_text("/\u{15}");
    select(&mut terminal, "eve", "alice");
    terminal.type_text("t");
    terminal.wait_for("Why is it ended?");
    terminal.type_text("INC-77 tunnel");
    terminal.wait_for("INC-77 tunnel");
    terminal.type_text("\r");
    terminal.answer("will call ssm:TerminateSession for eve-0e0e0e0e0e0e0e0e1", "y");
    terminal.wait_for("History says Terminated");
    terminal.type_text("4");
    terminal.wait("the history", |screen| screen.contains("Terminated") && screen.contains("eve"));
    terminal.type_text("e");
    terminal.wait("the second bundle", |_| bundles(home.path()).len() == 2);
    let eve = bundles(home.path()).into_iter().find(|folder| *folder != alice).unwrap();
    assert!(eve.file_name().unwrap().to_str().unwrap().starts_with("eve-0e0e0e0e0e0e0e0e1-"), "{}", eve.display());
    assert!(!names(&eve).contains("transcript.jsonl") && names(&eve).contains("acts.jsonl"), "{:?}", names(&eve));
    let manifest = json(&eve, "export.json");
    assert_eq!((&manifest["session_ended"], &manifest["verdict"]), (&true.into(), &"NON_COMPLIANT".into()));
    assert!(manifest["nothing_recorded"]["what"].is_string() && manifest["chain"]["records"].as_u64() >= Some(2));
    let acts = fs::read_to_string(eve.join("acts.jsonl")).unwrap();
    assert!(acts.contains("INC-77 tunnel") && !acts.contains("\"kind\":\"export\""), "{acts}");

    // Once more, some time later: it is the same but for times.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    terminal.type_text("e");
    terminal.wait("the third bundle", |_| bundles(home.path()).len() == 3);
    let again = bundles(home.path()).into_iter().find(|folder| *folder != alice && *folder != eve).unwrap();
    assert_eq!(names(&again), names(&eve));
    for name in ["facts.json", "verdicts.json", "alerts.json", "acts.jsonl", "trail.jsonl"] {
        assert_eq!(timeless(&again.join(name)), timeless(&eve.join(name)), "{name}");
    }
    assert_eq!(json(&again, "export.json")["chain"], manifest["chain"]);
    assert_eq!(json(&again, "verdicts.json")["from"], "watch");
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
}
