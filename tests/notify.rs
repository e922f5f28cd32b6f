//! What leaves the real program beside its frames: bell, notifications, the clipboard, the mouse's modes, the user's command.
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
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use terminal::Terminal;

const QUIET: &str = include_str!("../src/sim/scenarios/quiet.toml");
const ROGUES: &str = include_str!("fixtures/rogues.toml");
const PATIENCE: Duration = Duration::from_secs(20);

/// A home folder with that config, and a scenario with rogue sessions.
fn home(config: &str) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("scenario.toml");
    fs::write(&path, format!("{QUIET}\n{ROGUES}")).unwrap();
    let folder = home.path().join(".config/ssmwatch");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), config).unwrap();
    (home, path)
}

fn start(home: &TempDir, scenario: &Path, environment: &[(&str, &str)]) -> Terminal {
    let arguments = ["demo", "--scenario", scenario.to_str().unwrap()];
    let terminal = Terminal::with_environment(environment, &arguments, home.path(), 160, 48);
    terminal.wait_for("user/mallory");
    terminal
}

/// Waits until what was written is as wanted.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// The operating system commands that were written with that number, without their frame.
fn commands(terminal: &Terminal, number: &str) -> Vec<String> {
    let raw = String::from_utf8(terminal.raw()).unwrap();
    let begin = format!("\u{1b}]{number};");
    let mut found = Vec::new();
    for part in raw.split(&begin).skip(1) {
        let end = part.find(['\u{7}', '\u{1b}']);
        // What was not read to its end is looked at again.
        if let Some(end) = end {
            found.push(part[..end].to_owned());
        }
    }
    found
}

fn leave(terminal: &mut Terminal) {
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn the_bell_rings_and_the_terminal_notifies_in_our_own_words() {
    let (home, scenario) = home("[notify]\nbell = \"CRITICAL\"\nterminal = \"HIGH\"\n");
    let mut terminal = start(&home, &scenario, &[]);
    let said = until("a notification", || commands(&terminal, "9").into_iter().next());
    assert!(said.starts_with("ssmwatch: "), "{said}");
    let all = commands(&terminal, "9").join("\n");
    for word in ["mallory", "eve", "SSHSession", "i-0"] {
        assert!(!all.contains(word), "{word}: {all}");
    }
    // The bell alone: not the end of the title or of a notification.
    until("the bell", || {
        let raw = String::from_utf8(terminal.raw()).unwrap();
        let mut rest = raw.as_str();
        while let Some(at) = rest.find("\u{1b}]") {
            if rest[..at].contains('\u{7}') {
                return Some(());
            }
            let after = &rest[at..];
            rest = &after[after.find('\u{7}').map_or(after.len(), |end| end + 1)..];
        }
        rest.contains('\u{7}').then_some(())
    });
    leave(&mut terminal);
}

#[test]
fn osc_777_has_title_and_text_and_tmux_is_asked_to_hand_it_through() {
    let (home, scenario) = home("[notify]\nterminal = \"HIGH\"\nprotocol = \"osc777\"\n");
    let mut terminal = start(&home, &scenario, &[]);
    let said = until("a notification", || commands(&terminal, "777").into_iter().next());
    assert!(said.starts_with("notify;ssmwatch: "), "{said}");
    assert_eq!(said.matches(';').count(), 2, "{said}");
    leave(&mut terminal);
    let mut terminal = start(&home, &scenario, &[("TMUX", "/tmp/tmux-0/default,1,0")]);
    until("what is handed through", || {
        let raw = String::from_utf8(terminal.raw()).unwrap();
        raw.contains("\u{1b}Ptmux;\u{1b}\u{1b}]777;notify;ssmwatch: ").then_some(())
    });
    leave(&mut terminal);
}

#[test]
fn without_a_config_nothing_rings_notifies_copies_or_listens_to_the_mouse() {
    let (home, scenario) = home("");
    let mut terminal = start(&home, &scenario, &[]);
    terminal.type_text("2");
    terminal.wait_for("DOC-01");
    leave(&mut terminal);
    let raw = String::from_utf8(terminal.raw()).unwrap();
    assert_eq!(raw.matches("\u{1b}]").count(), 1, "the title");
    assert_eq!(raw.matches('\u{7}').count(), 1, "the title's end");
    assert!(!raw.contains("?1000") && !raw.contains("?1002"));
}

#[test]
fn the_command_gets_the_facts_and_no_secrets() {
    let (home, scenario) = home("");
    let script = home.path().join("tell.sh");
    let out = home.path().join("told");
    let text = format!(
        "#!/bin/sh\nread line\n{{ echo \"$line\"; echo \"ARG $1\"; env; }} > {out}.part\nmv {out}.part {out}.$$\n",
        out = out.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("[notify]\ncommand = [\"{}\", \"{{title}}\"]\ncommand_on = \"CRITICAL\"\n", script.display());
    fs::write(home.path().join(".config/ssmwatch/config.toml"), config).unwrap();
    let environment = [
        ("AWS_SECRET_ACCESS_KEY", "hunter2-secret"),
        ("AWS_SESSION_TOKEN", "hunter2-token"),
        ("AWS_ACCESS_KEY_ID", "hunter2-id"),
        ("AWS_PROFILE", "payments"),
    ];
    let mut terminal = start(&home, &scenario, &environment);
    let told = until("the command to have run", || {
        let names = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
        let path = names
            .filter(|path| path.file_stem().is_some_and(|stem| stem == "told"))
            .find(|path| !path.ends_with("told.part"));
        path.map(|path| fs::read_to_string(path).unwrap())
    });
    let (line, rest) = told.split_once('\n').unwrap();
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(json["severity"], "CRITICAL");
    assert!(json["alerts"].as_u64().unwrap() >= 1);
    assert!(rest.contains("ARG ssmwatch: CRITICAL\n"), "{rest}");
    assert!(rest.contains("SSMWATCH_SEVERITY=CRITICAL\n") && rest.contains("AWS_PROFILE=payments\n"), "{rest}");
    assert!(rest.contains("HOME=") && rest.contains("PATH="), "{rest}");
    assert!(!told.contains("hunter2"), "{told}");
    for word in ["mallory", "eve-0e"] {
        assert!(!told.contains(word), "{word}: {told}");
    }
    leave(&mut terminal);
}

#[test]
fn a_command_that_cannot_run_is_said_on_the_screen() {
    let (home, scenario) = home("[notify]\ncommand = [\"/nowhere/at/all\"]\n");
    let mut terminal = start(&home, &scenario, &[]);
    terminal.wait_for("the command of [notify] did not work");
    leave(&mut terminal);
}

#[test]
fn what_is_copied_goes_out_as_osc_52_and_nothing_else() {
    let (home, scenario) = home("");
    let mut terminal = start(&home, &scenario, &[]);
    terminal.type_text("/mallory\r");
    terminal.wait_for("no filter");
    terminal.type_text("y");
    terminal.wait_for("session ARN");
    terminal.type_text("i");
    terminal.wait_for("sent to the clipboard");
    // "mallory-0e0e0e0e0e0e0e0e3" in Base64.
    assert_eq!(commands(&terminal, "52"), ["c;bWFsbG9yeS0wZTBlMGUwZTBlMGUwZTBlMw=="]);
    leave(&mut terminal);
}

#[test]
fn the_mouse_is_listened_to_when_asked_and_given_back_on_every_way_out() {
    let (home, scenario) = home("mouse = true\n");
    let mut terminal = start(&home, &scenario, &[]);
    let raw = |terminal: &Terminal| String::from_utf8(terminal.raw()).unwrap();
    assert!(raw(&terminal).contains("\u{1b}[?1000h\u{1b}[?1002h\u{1b}[?1006h"));
    assert!(!raw(&terminal).contains("?1003h"), "moves are not asked for");
    // The tab of the second screen, as the terminal reports a click there (SGR, from 1).
    let line = terminal.text().lines().position(|line| line.contains("2 Alerts")).unwrap();
    let column = terminal.text().lines().nth(line).unwrap().find("2 Alerts").unwrap() + 3;
    terminal.type_text(&format!("\u{1b}[<0;{column};{}M\u{1b}[<0;{column};{}m", line + 1, line + 1));
    terminal.wait_for("WORKFLOW");
    terminal.type_text("M");
    terminal.wait_for("the mouse is the terminal's again");
    terminal.type_text("M");
    terminal.wait_for("with Shift held");
    terminal.signal("TERM");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}
