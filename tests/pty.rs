//! The whole program on a pseudo-terminal: what an analyst does from the first to the last key.
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

use std::{collections::BTreeSet, fs, path::PathBuf};

use ssmwatch::sim::{
    Sim,
    gate::{Effect, Fault},
    scenario::Scenario,
    world::World,
};
use ssmwatch::{
    domain::{Act, ActKind, ActOutcome},
    store::{RecordFilter, Store},
};
use tempfile::TempDir;
use terminal::Terminal;

const QUIET: &str = include_str!("../src/sim/scenarios/quiet.toml");
const ROGUES: &str = include_str!("fixtures/rogues.toml");
const HOSTILE: &str = include_str!("fixtures/hostile.toml");

/// A home folder, and in it the quiet scenario with more sessions.
fn scenario(more: &str) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("scenario.toml");
    fs::write(&path, format!("{QUIET}\n{more}")).unwrap();
    (home, path)
}

/// Terminations as the demo's store has them, in their latest state; the chain is whole.
fn ends(home: &TempDir) -> Vec<Act> {
    let store = Store::open_to_read(&home.path().join(".local/share/ssmwatch/demo.db")).unwrap();
    assert!(store.verify(None).unwrap().is_whole());
    let acts = store.acts(&RecordFilter::default()).unwrap();
    acts.into_iter().filter(|act| act.kind == ActKind::Terminate).collect()
}

fn demo(home: &TempDir, columns: u16, rows: u16) -> Terminal {
    Terminal::start(&["demo", "--scenario", "quiet"], home.path(), columns, rows)
}

#[test]
fn a_rogue_session_is_found_ended_and_seen_proven() {
    let (home, scenario) = scenario(ROGUES);
    let mut terminal = Terminal::start(&["demo", "--scenario", scenario.to_str().unwrap()], home.path(), 180, 50);
    // Everybody is there.
    terminal.wait("all sessions", |screen| {
        ["alice", "bob", "carol", "eve", "mallory"].iter().all(|name| screen.contains(name))
    });
    terminal.assert_taken();
    // Find it, open it, read the verdict.
    terminal.type_text("/eve");
    terminal.wait("only eve", |screen| screen.contains("eve") && !screen.contains("carol"));
    terminal.type_text("\r");
    terminal.wait_for("no filter");
    terminal.type_text("\r");
    terminal.wait_for("DOC-01");
    terminal.wait_for("ssm:DescribeSessions");
    // End it.
    terminal.type_text("t");
    terminal.wait_for("Why is it ended?");
    terminal.type_text("\r");
    terminal.wait_for("a reason is needed");
    terminal.type_text("INC-77 tunnel");
    terminal.wait_for("INC-77 tunnel");
    terminal.type_text("\r");
    terminal.answer("will call ssm:TerminateSession for eve-0e0e0e0e0e0e0e0e1", "y");
    terminal.wait_for("terminate done in");
    terminal.wait_for("History says Terminated");
    // It is in the list of acts, and in the history.
    terminal.type_text("6");
    terminal.wait("the act", |screen| screen.contains("Acts") && screen.contains("INC-77 tunnel"));
    terminal.type_text("4");
    terminal.wait("the history", |screen| screen.contains("Terminated") && screen.contains("eve"));
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
    let ends = ends(&home);
    assert_eq!(ends.len(), 1);
    assert_eq!((ends[0].subject.id(), ends[0].reason.as_str()), ("eve-0e0e0e0e0e0e0e0e1", "INC-77 tunnel"));
    assert!(matches!(ends[0].steps[0].outcome, ActOutcome::Done { .. }), "{ends:#?}");
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT"] {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = demo(&home, 120, 40);
        terminal.wait_for("user/bob");
        terminal.assert_taken();
        terminal.signal(signal);
        assert_eq!(terminal.exit_code(), 0, "SIG{signal}");
        terminal.assert_restored();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn stopped_and_continued_it_takes_the_terminal_again() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, 120, 40);
    terminal.wait_for("user/bob");
    terminal.signal("TSTP");
    terminal.wait("the process to be stopped", |_| terminal.is_stopped() && terminal.is_given_back());
    terminal.assert_restored();
    terminal.signal("CONT");
    terminal.wait_for("user/bob");
    terminal.assert_taken();
    terminal.type_text("?");
    terminal.wait_for("any other key closes");
    terminal.signal("TERM");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn left_before_an_outcome_is_known_it_says_so() {
    let (home, scenario) = scenario(ROGUES);
    let mut terminal = Terminal::start(&["demo", "--scenario", scenario.to_str().unwrap()], home.path(), 180, 50);
    terminal.wait_for("user/mallory");
    terminal.type_text("/mallory\r");
    terminal.wait_for("no filter");
    terminal.type_text("t");
    terminal.wait_for("Why is it ended?");
    terminal.type_text("INC-78");
    terminal.wait_for("INC-78");
    terminal.type_text("\r");
    terminal.answer("will call ssm:TerminateSession for mallory", "y");
    terminal.wait("the dialog to close", |screen| !screen.contains("will call"));
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 1);
    terminal.assert_restored();
    terminal.wait_for("left before the outcome");
    terminal.wait_for("mallory-0e0e0e0e0e0e0e0e3 was known");
    let ends = ends(&home);
    assert!(matches!(ends[0].steps[0].outcome, ActOutcome::Unproven { .. }), "{ends:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_config_it_watches_those_accounts_and_is_loud_about_what_it_cannot_see() {
    let world = World::new(&Scenario::load("quiet").unwrap(), 1, 1.0, jiff::Timestamp::now());
    let sim = Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap();
    let deny = Fault::new("ssm", "DescribeSessions", Effect::Deny);
    sim.with_world(|world| world.gate.add_fault(Fault { region: "us-east-1".into(), ..deny }));
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".config/ssmwatch")).unwrap();
    let config = "read_only = true\n[[accounts]]\nid = \"111122223333\"\nname = \"payments\"\n\
                  regions = [\"eu-central-1\", \"us-east-1\"]\n\
                  role_arn = \"arn:aws:iam::111122223333:role/ssmwatch\"\nexternal_id = \"ssmwatch-demo\"\n";
    fs::write(home.path().join(".config/ssmwatch/config.toml"), config).unwrap();
    let endpoint = sim.endpoint();
    let environment = [
        ("AWS_ACCESS_KEY_ID", "444455556666"),
        ("AWS_SECRET_ACCESS_KEY", "any secret"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let mut terminal = Terminal::with_environment(&environment, &[], home.path(), 160, 48);
    terminal
        .wait("the scope that answers", |screen| screen.contains("user/bob") && screen.contains("1/2 scopes fresh"));
    terminal.wait("the scope that refuses", |screen| {
        let loud = screen.lines().find(|line| line.contains("CANNOT SEE payments us-east-1"));
        loud.is_some_and(|line| line.contains("never read") && line.contains("ssm:DescribeSessions"))
    });
    assert!(!terminal.text().contains("carol") && terminal.text().contains("BLIND"), "{}", terminal.text());
    // Read only: the key says that it is off, and why.
    terminal.type_text("t");
    terminal.wait_for("terminating is off: read_only = true in the config");
    // Granted, it comes back.
    sim.with_world(|world| world.gate.remove_faults(None));
    terminal.type_text("r");
    terminal.wait("the other scope", |screen| screen.contains("carol") && screen.contains("2/2 scopes fresh"));
    assert!(!terminal.text().contains("CANNOT SEE"), "{}", terminal.text());
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn ctrl_c_leaves_and_a_dialog_is_cancelled_first() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, 120, 40);
    terminal.wait_for("user/bob");
    // From the first key on the selection does not move by itself.
    terminal.type_text("g");
    terminal.type_text("t");
    terminal.wait_for("Why is it ended?");
    terminal.type_text("\u{3}");
    terminal.wait("the dialog to close", |screen| !screen.contains("Why is it ended?"));
    // The key that closed the dialog must be let go first: held down it must not leave the program.
    terminal.answer("user/bob", "\u{3}");
    terminal.answer("user/bob", "\u{3}");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn any_size_is_drawn_or_said_to_be_too_small() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, 160, 48);
    terminal.wait_for("user/bob");
    terminal.wait_for("DOCUMENT");
    terminal.resize(80, 24);
    terminal
        .wait("80x24", |screen| screen.contains("user/bob") && screen.lines().all(|line| line.chars().count() <= 80));
    terminal.resize(20, 5);
    terminal.wait("the sentence", |screen| screen.contains("too small") && screen.contains("20x5, needs 40x12"));
    terminal.resize(1, 1);
    terminal.resize(160, 48);
    terminal.wait("the whole again", |screen| {
        screen.contains("user/bob") && screen.contains("DOCUMENT") && !screen.contains("too small")
    });
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn pasted_text_is_not_keys() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(&home, 160, 48);
    terminal.wait_for("user/bob");
    // As keys this would end a session and leave.
    terminal.type_text("\u{1b}[200~tx\ryq/zzz\r\u{3}\u{1b}[201~?");
    terminal.wait_for("any other key closes");
    terminal.type_text("?");
    terminal
        .wait("the table as before", |screen| screen.contains("user/bob") && !screen.contains("any other key closes"));
    let screen = terminal.text();
    assert!(!screen.contains("Terminate session") && !screen.contains("zzz"), "{screen}");
    // Into the reason it is text, without its line breaks being keys.
    terminal.type_text("t");
    terminal.wait_for("Why is it ended?");
    terminal.type_text("\u{1b}[200~pasted reason\ry\u{1b}[201~");
    terminal.wait_for("pasted reason");
    assert!(terminal.text().contains("Why is it ended?"), "{}", terminal.text());
    terminal.type_text("\u{1b}");
    terminal.wait("the dialog to close", |screen| !screen.contains("Why is it ended?"));
    terminal.type_text("6");
    terminal.wait_for("nothing was done so far");
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn nothing_that_a_session_prints_steers_the_terminal() {
    let (home, scenario) = scenario(HOSTILE);
    let mut terminal = Terminal::start(&["demo", "--scenario", scenario.to_str().unwrap()], home.path(), 180, 60);
    terminal.wait_for("oscar");
    terminal.type_text("/oscar\r");
    terminal.wait_for("no filter");
    terminal.type_text("\r\t");
    terminal.wait("the transcript with what came last", |screen| {
        screen.contains("HOSTILE-END") && screen.contains("round 3")
    });
    // The dialog and the other screens show its owner and its reason, too.
    terminal.type_text("a");
    terminal.wait_for("Why is this an alert?");
    terminal.type_text("INC-1\r");
    terminal.wait_for("central topic done");
    for screen in ["2", "3", "4", "5", "1"] {
        terminal.type_text(screen);
    }
    terminal.wait_for("HOSTILE-END");
    terminal.assert_taken();
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
    assert_only_our_sequences(&terminal.raw());
}

/// Reads all that was written and refuses every sequence that the program has no reason to write.
fn assert_only_our_sequences(raw: &[u8]) {
    let text = String::from_utf8(raw.to_vec()).expect("UTF-8 only: no cut character, no 8-bit controls");
    let mut rest = text.as_str();
    let mut modes = BTreeSet::new();
    while let Some(at) = rest.find(|c: char| {
        c.is_control()
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    }) {
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("\u{1b}]0;ssmwatch\u{7}") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\u{1b}[") {
            let end = after.find(|c: char| ('@'..='~').contains(&c)).unwrap();
            let (parameters, last) = (&after[..end], &after[end..=end]);
            match last {
                // Colors, cursor, clear.
                "m" | "H" => assert!(
                    parameters.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':'),
                    "{parameters}{last}"
                ),
                "J" => assert_eq!(parameters, "2"),
                "h" | "l" => {
                    modes.insert(parameters.to_owned());
                }
                _ => panic!("ESC [ {parameters}{last}"),
            }
            rest = &after[end + 1..];
        } else if let Some(after) = rest.strip_prefix("\r\n") {
            // Behind the alternate screen only; the emulator would show it.
            rest = after;
        } else {
            let excerpt: String = rest.chars().take(30).collect();
            panic!("written to the terminal: {excerpt:?}");
        }
    }
    let ours: BTreeSet<_> = ["?1049", "?25", "?2004", "?2026"].map(str::to_owned).into();
    assert_eq!(modes, ours);
    // The title was set once, at the start, and the clipboard never.
    assert_eq!(text.matches("\u{1b}]").count(), 1, "one operating system command");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_are_read_again_and_a_broken_one_leaves_the_old_in_force() {
    let world = World::new(&Scenario::load("quiet").unwrap(), 1, 1.0, jiff::Timestamp::now());
    let sim = Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/ssmwatch");
    fs::create_dir_all(&folder).unwrap();
    let config = "[[accounts]]\nid = \"111122223333\"\nname = \"payments\"\nregions = [\"eu-central-1\"]\n\
                  role_arn = \"arn:aws:iam::111122223333:role/ssmwatch\"\nexternal_id = \"ssmwatch-demo\"\n\
                  [compliance]\npolicies = [\"own.cedar\"]\n";
    fs::write(folder.join("config.toml"), config).unwrap();
    let policy = |title: &str, condition: &str| {
        let text = format!(
            "@id(\"OWN-01\") @severity(\"CRITICAL\") @title(\"{title}\") @remediation(\"Ask bob\")\n\
             forbid (principal, action == Action::\"session\", resource) when {{ {condition} }};\n"
        );
        fs::write(folder.join("own.cedar"), text).unwrap();
    };
    policy("Bob is here", "context.owner like \"*user/bob\"");
    let endpoint = sim.endpoint();
    let environment = [
        ("AWS_ACCESS_KEY_ID", "444455556666"),
        ("AWS_SECRET_ACCESS_KEY", "any secret"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let mut terminal = Terminal::with_environment(&environment, &[], home.path(), 160, 48);
    terminal.wait("their own rule", |screen| screen.contains("OWN-01") && screen.contains("Bob is here"));
    policy("Bob is still here", "context.owner >");
    terminal.wait("what is wrong", |screen| screen.contains("RULES NOT RELOADED") && screen.contains("own.cedar:2:"));
    assert!(terminal.text().contains("Bob is here"), "{}", terminal.text());
    policy("Bob came back", "context.owner like \"*user/bob\"");
    terminal.wait("the new rule", |screen| screen.contains("Bob came back") && !screen.contains("RULES NOT RELOADED"));
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
}
