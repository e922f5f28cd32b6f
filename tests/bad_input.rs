//! Wrong input of every kind: the exit code, one line of what and one of what to do, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/program.rs"]
mod program;

use std::net::TcpListener;

use program::Home;
use ssmwatch::sim::{
    Sim,
    gate::{Effect, Fault},
    scenario::Scenario,
    world::World,
};

const CONFIG: &str = "config.toml:";
const CORRECT: &str = "ssmwatch config check";
const ACCOUNT: &str = "[[accounts]]\nid = \"111122223333\"\nregions = [\"eu-central-1\"]\n";
/// The commands that read the config before they do anything.
const COMMANDS: [&[&str]; 6] =
    [&[], &["demo"], &["check"], &["export", "jane-0a1b", "--output", "case"], &["rules"], &["iam-policy"]];

async fn quiet() -> Sim {
    let world = World::new(&Scenario::load("quiet").unwrap(), 1, 1.0, jiff::Timestamp::now());
    Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap()
}

// --- The config -------------------------------------------------------------------------------------------------------

#[test]
fn a_config_that_is_wrong_is_answered_with_its_place_by_every_command() {
    let home = Home::new().config("read_only = false\nthme = \"mono\"\n");
    for arguments in COMMANDS {
        let what = [CONFIG, ":2:1: unknown key `thme`", "did you mean `theme`?"];
        home.run(arguments).refused(78, &what, &[CORRECT]);
    }
    // Asked about, it is an answer and not a failure of use.
    home.run(&["config", "check"]).refused(1, &[":2:1: unknown key `thme`"], &[CORRECT]);
}

#[test]
fn wrong_types_and_impossible_values_are_named() {
    for (text, line, what) in [
        ("read_only = \"yes\"\n", ":1:13:", "true or false"),
        ("\n[poll]\nsessions = 5\n", ":3:12:", "poll.sessions"),
        ("[poll]\nsessions = \"0s\"\n", ":2:12:", "0s"),
        ("[alerts]\nthreshold = -1\n", ":2:13:", "alerts.threshold"),
        ("[[accounts]]\nid = \"1111\"\nregions = [\"eu-central-1\"]\n", ":2:6:", "1111"),
        ("[[accounts]]\nid = \"111122223333\"\nregions = [\"Frankfurt\"]\n", ":3:12:", "Frankfurt"),
        ("[alerts]\ncentral_topic = \"CentralAlarm\"\n", ":2:17:", "CentralAlarm"),
        ("[compliance]\ndisabled = [\"DOC-99\"]\n", ":2:13:", "DOC-99"),
        ("[compliance.severity]\n\"TIM-02\" = \"LOWER\"\n", ":2:12:", "LOWER"),
        ("[keys]\nterminate = [\"tt\"]\n", ":2:14:", "`tt`"),
        ("[keys]\nterminat = [\"t\"]\n", ":2:1:", "did you mean `terminate`?"),
        ("[keys]\nterminate = [\"a\"]\n", ":2:14:", "bound to both `terminate` and `alert`"),
        ("theme = \"mono\n", ":1:", "string"),
    ] {
        Home::new().config(text).run(&["check"]).refused(78, &[CONFIG, line, what], &[CORRECT]);
    }
}

#[test]
fn several_mistakes_are_told_together() {
    let ended = Home::new().config("thme = \"mono\"\nreed_only = true\n").run(&["check"]);
    assert_eq!((ended.code, ended.out.as_str()), (78, ""));
    assert!(ended.err.contains("`theme`") || ended.err.contains("`read_only`"), "{}", ended.err);
    assert!(!ended.err.contains("panicked"));
}

#[test]
fn files_that_are_not_there_are_named() {
    let home = Home::new();
    let to_do = ["--config", "config init"];
    home.run(&["--config", "nothing.toml", "check"]).refused(78, &["nothing.toml: there is no such config"], &to_do);
    home.run(&["--config", ".", "check"]).refused(78, &["cannot be read"], &["readable"]);
    let home = Home::new().config(&format!("{ACCOUNT}[compliance]\npolicies = [\"policies/*.cedar\"]\n"));
    home.run(&["check"]).refused(78, &["no file matches", "policies/*.cedar"], &["relative to the config file"]);
}

#[test]
fn what_cannot_end_a_session_by_itself_is_refused_before_anything_else() {
    // A detection is a guess; preferences hold no session; what is disabled would look like protection.
    for (id, disabled) in [("CMD-01", ""), ("PRF-01", ""), ("THR-01", ""), ("DOC-01", "\"DOC-01\"")] {
        let text = format!("{ACCOUNT}[compliance]\ndisabled = [{disabled}]\n[response]\nauto_terminate = [\"{id}\"]\n");
        let home = Home::new().config(&text);
        home.run(&[]).refused(78, &["response.auto_terminate", id], &["rules list"]);
        home.run(&["config", "check"]).refused(1, &["response.auto_terminate", id], &["rules list"]);
    }
    let home = Home::new().config(&format!("{ACCOUNT}[response]\nauto_terminate = [\"DOC-01\"]\n"));
    assert_eq!(home.run(&["config", "check"]).code, 0);
}

#[test]
fn a_malformed_policy_is_named_with_its_place() {
    let home = Home::new().config(&format!("{ACCOUNT}[compliance]\npolicies = [\"policies/*.cedar\"]\n"));
    let policy = |text: &str| home.write(".config/ssmwatch/policies/own.cedar", text);
    policy(
        "@id(\"OWN-01\")\n@severity(\"HIGH\")\n@title(\"t\")\n@remediation(\"r\")\nforbid (principal, action, resource\n",
    );
    for arguments in [&["check"][..], &["rules"], &[]] {
        home.run(arguments).refused(78, &["own.cedar"], &[]);
    }
    home.run(&["config", "check"]).refused(1, &["own.cedar"], &[]);
    // A policy without its annotations could not be told to anybody.
    policy("forbid (principal, action, resource);\n");
    home.run(&["check"]).refused(78, &["own.cedar"], &[]);
    // A permit would make an open door of a rule.
    policy(
        "@id(\"OWN-01\")\n@severity(\"HIGH\")\n@title(\"t\")\n@remediation(\"r\")\npermit (principal, action, resource);\n",
    );
    home.run(&["check"]).refused(78, &["own.cedar"], &[]);
    policy(
        "@id(\"OWN-01\")\n@severity(\"HIGH\")\n@title(\"t\")\n@remediation(\"r\")\nforbid (principal, action, resource);\n",
    );
    let ended = home.run(&["rules"]);
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert!(ended.out.contains("OWN-01"), "{ended:#?}");
}

#[test]
fn a_theme_that_does_not_exist_is_said_before_the_screen() {
    let home = Home::new();
    for arguments in [&["demo", "--theme", "nope"][..], &["--theme", "nope"]] {
        home.run(arguments).refused(78, &["nope"], &["--theme default-dark"]);
    }
    Home::new().config("theme = \"default-drak\"\n").run(&["demo"]).refused(78, &["default-drak"], &["theme"]);
    let home = Home::new().config("theme = \"own\"\n");
    home.write(".config/ssmwatch/themes/own.toml", "text = 7\n");
    home.run(&["demo"]).refused(78, &["own.toml"], &["theme"]);
}

#[test]
fn config_is_made_shown_and_checked() {
    let home = Home::new();
    let file = home.path(".config/ssmwatch/config.toml");
    let path = home.run(&["config", "path"]);
    assert_eq!((path.code, path.out.trim_end(), path.err.as_str()), (0, file.to_str().unwrap(), ""));
    let made = home.run(&["config", "init"]);
    assert_eq!((made.code, made.err.as_str()), (0, ""), "{made:#?}");
    assert!(made.out.contains(file.to_str().unwrap()));
    home.run(&["config", "init"]).refused(1, &["already there"], &["move it away"]);
    let checked = home.run(&["config", "check"]);
    assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{checked:#?}");
    assert!(checked.out.starts_with("ok\n"));
    let shown = home.run(&["config", "show", "--theme", "mono"]);
    assert_eq!(shown.code, 0);
    assert!(shown.out.contains("theme = \"mono\""), "{}", shown.out);
    // What is shown is a config file.
    home.write("shown.toml", &shown.out);
    assert_eq!(home.run(&["--config", "shown.toml", "config", "check"]).code, 0);
    let elsewhere = home.run(&["--config", "other/own.toml", "config", "init"]);
    assert_eq!(elsewhere.code, 0, "{elsewhere:#?}");
    assert!(home.path("other/own.toml").is_file());
}

// --- The command line -------------------------------------------------------------------------------------------------

#[test]
fn usage_errors_are_64() {
    let home = Home::new();
    for (arguments, what, to_do) in [
        (&["chek"][..], "chek", "check"),
        (&["--no-such-option"], "--no-such-option", ""),
        (&["check", "--fail-on", "BAD"], "BAD", ""),
        (&["check", "--format", "xml"], "xml", ""),
        (&["--region", "Frankfurt"], "Frankfurt", ""),
        (&["--endpoint-url", "localhost", "check"], "localhost", ""),
        (&["sim", "--speed", "0"], "above 0", ""),
        (&["rules", "show"], "ID", ""),
        (&["sim", "--listen", "0.0.0.0:0"], "not a loopback address", ""),
        (&["sim", "--listen", "[::]:0"], "not a loopback address", ""),
        (&["sim", "--listen", "192.0.2.1:80"], "not a loopback address", ""),
    ] {
        home.run(arguments).refused(64, &[what], &[to_do]);
    }
    home.run(&["rules", "show", "NOPE-1"]).refused(1, &["there is no rule `NOPE-1`"], &["ssmwatch rules list"]);
    home.run(&["demo", "--scenario", "nope"]).refused(78, &["nope", "default, quiet"], &["scenario"]);
    home.run(&["sim", "--scenario", "nope"]).refused(78, &["nope", "default, quiet"], &["scenario"]);
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let arguments = ["sim", "--scenario", "quiet", "--listen", &address];
    Home::new().run(&arguments).refused(1, &[&format!("cannot listen on {address}")], &["port 0"]);
}

#[test]
fn without_a_terminal_there_is_no_dashboard() {
    let to_do = ["ssmwatch check"];
    Home::new().run(&["demo", "--scenario", "quiet"]).refused(1, &["not a terminal"], &to_do);
    let home = Home::speaking_for("111122223333", "http://127.0.0.1:9").config(ACCOUNT);
    home.run(&[]).refused(1, &["not a terminal"], &to_do);
}

// --- The way to AWS ---------------------------------------------------------------------------------------------------

#[test]
fn without_credentials_or_region_it_says_how_to_get_them() {
    let home = Home::new().with("AWS_REGION", "eu-central-1");
    home.run(&[]).refused(1, &["credentials"], &["aws sso login", "--profile"]);
    home.run(&["check"]).refused(2, &["credentials"], &["aws sso login", "--profile"]);
    home.run(&["check", "--profile", "nope"]).refused(2, &["nope"], &["--profile"]);
    let home = Home::new().with("AWS_ACCESS_KEY_ID", "111122223333").with("AWS_SECRET_ACCESS_KEY", "x");
    home.run(&[]).refused(1, &["region"], &["--region", "AWS_REGION"]);
    home.run(&["check"]).refused(2, &["region"], &["--region", "AWS_REGION"]);
}

#[test]
fn an_endpoint_that_is_not_there_is_unreachable() {
    // A port that was free a moment ago, and that nobody listens on.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let home = Home::speaking_for("111122223333", &format!("http://{address}"));
    home.run(&[]).refused(1, &["unreachable"], &["network", "--endpoint-url"]);
    home.run(&["check"]).refused(2, &["unreachable"], &["network", "--endpoint-url"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_credentials_are_to_be_renewed() {
    let sim = quiet().await;
    sim.with_world(|world| world.gate.add_fault(Fault::new("*", "*", Effect::ExpiredCredentials)));
    let home = Home::speaking_for("111122223333", &sim.endpoint());
    home.run(&[]).refused(1, &["expired"], &["renew", "aws sso login"]);
    home.run(&["check"]).refused(2, &["expired"], &["renew", "aws sso login"]);
}
