#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn usage(arguments: &[&str]) -> String {
    match answer(&Cli::read(arguments).expect_err("must be refused")) {
        Answer::Usage(text) => text,
        Answer::Shown(text) => panic!("{text}"),
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn global_options_stand_before_and_behind_the_command() {
    for arguments in [
        ["ssmwatch", "--region", "eu-central-1", "--region", "us-east-1", "--read-only", "check"],
        ["ssmwatch", "check", "--region", "eu-central-1", "--region", "us-east-1", "--read-only"],
    ] {
        let cli = Cli::read(arguments).unwrap();
        assert_eq!(cli.global.regions, [Region::from("eu-central-1"), Region::from("us-east-1")]);
        assert!(cli.global.read_only);
        let check = Check { format: Format::Table, fail_on: Severity::Low, all: false };
        assert_eq!(cli.command, Some(Command::Check(check)));
    }
    assert!(Cli::read(["ssmwatch"]).unwrap().command.is_none());
}

#[test]
fn only_loopback_is_served() {
    for address in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:4566", "localhost:4566"] {
        let cli = Cli::read(["ssmwatch", "sim", "--listen", address]).unwrap();
        let Some(Command::Sim(sim)) = cli.command else { panic!("not sim") };
        assert!(sim.listen.ip().is_loopback());
    }
    for address in ["0.0.0.0:0", "10.0.0.1:80", "[::]:80", "[2001:db8::1]:80"] {
        let text = usage(&["ssmwatch", "sim", "--listen", address]);
        assert!(text.contains("not a loopback address"), "{text}");
    }
    assert!(usage(&["ssmwatch", "sim", "--listen", "4566"]).contains("127.0.0.1:4566"));
}

#[test]
fn usage_errors_are_a_line_of_what_and_a_line_of_what_to_do() {
    for arguments in [
        &["ssmwatch", "chek"][..],
        &["ssmwatch", "--colour"],
        &["ssmwatch", "check", "--format", "yaml"],
        &["ssmwatch", "check", "--fail-on", "HIHG"],
        &["ssmwatch", "--endpoint-url", "nowhere"],
        &["ssmwatch", "--region", "frankfurt"],
        &["ssmwatch", "sim", "--speed", "0"],
        &["ssmwatch", "sim", "--speed", "NaN"],
        &["ssmwatch", "completions"],
        &["ssmwatch", "rules", "show"],
        &["ssmwatch", "--profile", ""],
        &["ssmwatch", "export"],
        &["ssmwatch", "export", "jane-0a1b"],
        &["ssmwatch", "export", "--output", "case"],
        &["ssmwatch", "export", "jane 0a1b", "--output", "case"],
        &["ssmwatch", "export", "jane-0a1b", "--output", "case", "--account", "payments"],
        &["ssmwatch", "audit", "look"],
        &["ssmwatch", "audit", "list", "--limit", "0"],
        &["ssmwatch", "audit", "list", "--session", ""],
        &["ssmwatch", "audit", "verify", "--head", "0a1b"],
    ] {
        let text = usage(arguments);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with("error: "), "{text}");
    }
    assert!(usage(&["ssmwatch", "chek"]).contains("'check'"));
    assert!(usage(&["ssmwatch", "check", "--fail-on", "HIHG"]).contains("did you mean `HIGH`"));
}

#[test]
fn later_commands_are_not_offered() {
    for command in ["watch", "doctor"] {
        assert!(usage(&["ssmwatch", command]).contains("unrecognized subcommand"));
    }
}

#[test]
fn help_is_shown_and_says_how() {
    for arguments in [
        &["ssmwatch", "--help"][..],
        &["ssmwatch", "check", "--help"],
        &["ssmwatch", "sim", "--help"],
        &["ssmwatch", "export", "--help"],
        &["ssmwatch", "audit", "--help"],
        &["ssmwatch", "audit", "list", "--help"],
        &["ssmwatch", "audit", "verify", "--help"],
    ] {
        let Answer::Shown(text) = answer(&Cli::read(arguments).expect_err("help")) else { panic!("not help") };
        assert!(text.contains("Example"), "{text}");
    }
}

#[test]
fn no_color_counts_when_it_is_not_empty() {
    let global = Cli::read(["ssmwatch"]).unwrap().global;
    assert!(!global.overrides(None).no_color);
    assert!(!global.overrides(Some(OsString::new())).no_color);
    assert!(global.overrides(Some("0".into())).no_color);
    assert!(Cli::read(["ssmwatch", "--no-color"]).unwrap().global.overrides(None).no_color);
}

#[test]
fn completions_and_manual_name_every_command() {
    let mut manual = Vec::new();
    Cli::man(&mut manual).unwrap();
    let manual = String::from_utf8(manual).unwrap();
    let mut bash = Vec::new();
    Cli::completions(Shell::Bash, &mut bash);
    let bash = String::from_utf8(bash).unwrap();
    for command in Cli::command().get_subcommands() {
        assert!(bash.contains(command.get_name()));
        assert!(manual.contains(&format!("SSMWATCH {}", command.get_name().to_uppercase())));
    }
    assert!(manual.contains("\\-\\-fail\\-on"));
}
