//! `ssmwatch export` as a process, against the simulated AWS over the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/program.rs"]
mod program;

use std::{collections::BTreeSet, fs, path::Path};

use jiff::Timestamp;
use program::{Ended, Home};
use serde_json::Value;
use ssmwatch::sim::{
    Sim,
    gate::{Effect, Fault},
    scenario::Scenario,
    world::World,
};

const PAYMENTS: &str = "111122223333";
const ARCHIVE: &str = "444455556666";
const GROUP: &str = "/ssm-session-logs";

async fn start() -> Sim {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let scenario = format!("{quiet}\n{}", include_str!("fixtures/exports.toml"));
    let world = World::new(&Scenario::parse("exports", &scenario).unwrap(), 1, 1.0, Timestamp::now());
    Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap()
}

/// The home of somebody in the management account, who watches both accounts.
fn home(sim: &Sim) -> Home {
    let account = |id: &str, name: &str| {
        format!(
            "[[accounts]]\nid = \"{id}\"\nname = \"{name}\"\nregions = [\"eu-central-1\", \"us-east-1\"]\n\
             role_arn = \"arn:aws:iam::{id}:role/ssmwatch\"\nexternal_id = \"ssmwatch-demo\"\n"
        )
    };
    Home::speaking_for(ARCHIVE, &sim.endpoint()).config(&(account(PAYMENTS, "payments") + &account(ARCHIVE, "archive")))
}

fn id_of(sim: &Sim, user: &str) -> String {
    sim.with_world(|world| {
        let session = world.sessions.iter().find(|session| session.owner.contains(&format!("/{user}"))).unwrap();
        session.id.clone()
    })
}

fn fault(sim: &Sim, account: &str, region: &str, fault: Fault) {
    let fault = Fault { account: account.into(), region: region.into(), ..fault };
    sim.with_world(|world| world.gate.add_fault(fault));
}

fn text(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path("case").join(name)).unwrap()
}

fn values(home: &Home, name: &str) -> Vec<Value> {
    text(home, name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn json(home: &Home, name: &str) -> Value {
    serde_json::from_str(&text(home, name)).unwrap()
}

fn texts(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| value["text"].as_str().unwrap()).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// What an export has of a session of which something is recorded; the last six are there in any case.
const FILES: [&str; 10] = [
    "transcript.jsonl",
    "commands.jsonl",
    "detections.jsonl",
    "session.cast",
    "facts.json",
    "verdicts.json",
    "alerts.json",
    "acts.jsonl",
    "trail.jsonl",
    "export.json",
];

/// Exports into the folder `case`, and says which files it wrote.
fn exported(home: &Home, arguments: &[&str]) -> Ended {
    wrote(home, &FILES, arguments)
}

/// Exports into the folder `case`, which has these files then.
fn wrote(home: &Home, written: &[&str], arguments: &[&str]) -> Ended {
    let ended = home.run(&[&["export", "--output", "case"], arguments].concat());
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert_eq!(names(&home.path("case")), written.iter().map(|name| (*name).to_owned()).collect());
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines.len(), written.len(), "{ended:#?}");
    for (line, name) in lines.iter().zip(written) {
        assert!(line.starts_with(&format!("case/{name}: ")), "{ended:#?}");
    }
    ended
}

/// The output and the markers of the recording, which is an asciicast of version 2.
fn cast(home: &Home) -> (String, Vec<String>) {
    let values = values(home, "session.cast");
    let header = values[0].as_object().unwrap();
    assert_eq!((&header["version"], &header["height"]), (&2.into(), &24.into()));
    assert!((80..=200).contains(&header["width"].as_u64().unwrap()), "{header:?}");
    assert!(header["timestamp"].as_i64().unwrap() > 1_700_000_000, "{header:?}");
    assert_eq!(header["env"]["TERM"], "xterm-256color");
    let (mut before, mut output, mut markers) = (0.0, String::new(), Vec::new());
    for event in &values[1..] {
        let [time, kind, data] = event.as_array().unwrap().as_slice() else { panic!("{event}") };
        assert!(time.as_f64().unwrap() >= before, "{event}");
        before = time.as_f64().unwrap();
        match kind.as_str().unwrap() {
            "o" => output += data.as_str().unwrap(),
            "m" => markers.push(data.as_str().unwrap().to_owned()),
            other => panic!("{other}"),
        }
    }
    let controls = output.replace("\r\n", "").chars().find(|c| c.is_control() || *c == '\u{202e}');
    assert_eq!(controls, None, "{output:?}");
    (output, markers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_session_is_exported_whole() {
    let sim = start().await;
    let (home, erin) = (home(&sim), id_of(&sim, "erin"));
    let ended = exported(&home, &[&erin]);
    assert_eq!(ended.err, "", "it has ended");
    assert!(ended.out.contains("what looks like a secret is masked"), "{ended:#?}");
    let commands = values(&home, "commands.jsonl");
    assert_eq!(
        texts(&commands),
        [
            "cat /etc/hosts",
            "vi app.conf",
            "echo grüße 你好 🙂",
            "cat trap",
            "mysql --password [masked] ledger",
            "history -c",
            "exit"
        ]
    );
    assert_eq!((&commands[0]["certainty"], &commands[2]["certainty"]), (&"certain".into(), &"certain".into()));
    let lines = values(&home, "transcript.jsonl");
    for (line, number) in lines.iter().zip(0_u64..) {
        assert_eq!((&line["line"], &line["source"]), (&number.into(), &"stream".into()), "{line}");
        let [at, ingested_at] =
            ["at", "ingested_at"].map(|time| line[time].as_str().unwrap().parse::<Timestamp>().unwrap());
        assert!(at <= ingested_at, "{line}");
    }
    let screen = lines.iter().find(|line| line["kind"] == "screen").unwrap();
    assert_eq!((&screen["program"], &screen["open"]), (&"vi".into(), &false.into()));
    assert!(screen["line_count"].as_u64().unwrap() > 0, "{screen}");
    assert!(texts(&lines).contains(&"grün 你好"), "{lines:#?}");
    let (output, markers) = cast(&home);
    assert_eq!(markers, texts(&commands));
    assert_eq!(output.matches("\r\n").count(), lines.len());
    assert!(output.contains("red<U+202E>der") && output.contains("── vi"), "{output}");
    let manifest: Value = serde_json::from_str(&text(&home, "export.json")).unwrap();
    assert_eq!((&manifest["schema"], &manifest["session_id"]), (&"ssmwatch.export/1".into(), &erin.as_str().into()));
    assert_eq!((&manifest["account"], &manifest["region"]), (&PAYMENTS.into(), &"eu-central-1".into()));
    assert_eq!((&manifest["log_group"], &manifest["masked"]), (&GROUP.into(), &true.into()));
    assert_eq!(
        (&manifest["reason"], &manifest["owner"]),
        (&"INC-10005 token=[masked]".into(), &"arn:aws:iam::111122223333:user/erin".into())
    );
    assert!(
        manifest["ended_at"].is_string() && manifest["read"]["stream_events"].as_u64().unwrap() > 5,
        "{manifest:#}"
    );
    let counts = &manifest["counts"];
    assert_eq!((&counts["lines"], &counts["commands"]), (&lines.len().into(), &commands.len().into()));
    assert_eq!((&counts["screens"], &counts["gaps"], &counts["evicted"]), (&1.into(), &0.into(), &0.into()));
    for file in manifest["files"].as_array().unwrap() {
        let bytes = text(&home, file["name"].as_str().unwrap()).len();
        assert_eq!((&file["bytes"], file["sha256"].as_str().unwrap().len()), (&bytes.into(), 64));
    }
    let detections = values(&home, "detections.jsonl");
    assert_eq!(counts["detections"].as_u64(), Some(detections.len() as u64));
    let wiped = detections.iter().find(|found| found["rule"] == "CMD-09").unwrap_or_else(|| panic!("{detections:#?}"));
    assert_eq!((&wiped["confidence"], &wiped["text"]), (&"command".into(), &"history -c".into()));
    let typed = commands.iter().find(|command| command["text"] == "history -c").unwrap();
    assert_eq!((&wiped["line"], &wiped["at"]), (&typed["line"], &typed["at"]));
    for name in FILES {
        for secret in ["hunter2", "MIIEow", "token=abcdef"] {
            assert!(!text(&home, name).contains(secret), "{secret} is in {name}");
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str| fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("case"), mode("case/session.cast"), mode("case/export.json")), (0o700, 0o600, 0o600));
    }
    // What is there stays as it is.
    let before = text(&home, "transcript.jsonl");
    let again = home.run(&["export", &erin, "--output", "case", "--unmasked"]);
    again.refused(1, &["case/transcript.jsonl is there already"], &["--output"]);
    assert_eq!(text(&home, "transcript.jsonl"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stay_where_that_is_asked_for() {
    let sim = start().await;
    let home = home(&sim);
    let ended = exported(&home, &[&id_of(&sim, "erin"), "--unmasked"]);
    assert!(ended.out.contains("secrets are not masked"), "{ended:#?}");
    assert!(text(&home, "transcript.jsonl").contains("hunter2") && text(&home, "session.cast").contains("MIIEow"));
    assert!(text(&home, "export.json").contains("\"masked\": false"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_takes_the_place_of_a_stream_that_was_deleted() {
    let sim = start().await;
    let (home, frank) = (home(&sim), id_of(&sim, "frank"));
    let ended = exported(&home, &[&frank]);
    assert!(ended.out.contains(" lines, 1 gap\n"), "{ended:#?}");
    let lines = values(&home, "transcript.jsonl");
    let gap = &lines[0];
    assert_eq!((&gap["kind"], &gap["line"]), (&"gap".into(), &0.into()));
    assert!(gap["why"].as_str().unwrap().starts_with("there is no log stream of it"), "{gap}");
    let [from, until] = ["from", "until"].map(|time| gap[time].as_str().unwrap().parse::<Timestamp>().unwrap());
    assert!(from < until, "{gap}");
    assert!(lines[1..].iter().all(|line| line["source"] == "object" && line["ingested_at"].is_string()), "{lines:#?}");
    assert_eq!(texts(&values(&home, "commands.jsonl")), ["echo before", "echo after", "exit"]);
    let (output, markers) = cast(&home);
    assert!(output.starts_with("── gap from ") && output.contains("echo after"), "{output}");
    assert!(markers[0].starts_with("gap from "), "{markers:?}");
    let manifest: Value = serde_json::from_str(&text(&home, "export.json")).unwrap();
    assert_eq!(manifest["read"]["stream_events"], Value::Null);
    let object = &manifest["read"]["archive_object"];
    assert_eq!(object["key"], format!("{PAYMENTS}/eu-central-1/{frank}.log"));
    assert!(object["bytes"].as_u64().unwrap() > 0 && object["modified_at"].is_string(), "{object}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_is_recorded_there_is_no_transcript_and_everything_else() {
    let sim = start().await;
    let home = home(&sim);
    let grace = id_of(&sim, "grace");
    let gone = wrote(&home, &FILES[4..], &[&grace]);
    let said: Vec<_> = gone.err.lines().collect();
    assert_eq!(said.len(), 2, "{gone:#?}");
    assert!(said[0].contains(&grace) && said[0].contains("no log stream"), "{gone:#?}");
    assert!(said[0].contains("no object in the bucket") && said[1].contains("minutes"), "{gone:#?}");
    let manifest = json(&home, "export.json");
    assert!(manifest["nothing_recorded"]["what"].as_str().unwrap().contains("no log stream"), "{manifest:#}");
    assert_eq!((&manifest["session_ended"], &manifest["counts"]["detections"]), (&true.into(), &Value::Null));
    let facts = json(&home, "facts.json");
    assert_eq!(facts["facts"]["log_stream_exists"]["value"], false, "{facts:#}");
    assert_eq!(facts["read"]["archive_object"]["value"], Value::Null, "{facts:#}");
    fs::remove_dir_all(home.path("case")).unwrap();
    let bob = id_of(&sim, "bob");
    let untouched = wrote(&home, &FILES[4..], &[&bob]);
    assert!(untouched.err.contains("no log stream") && untouched.err.contains("first complete line"), "{untouched:#?}");
    assert!(untouched.err.contains("the session has not ended"), "{untouched:#?}");
    assert_eq!(json(&home, "export.json")["session_ended"], false);
    fs::remove_dir_all(home.path("case")).unwrap();
    // What cannot be read is said, and not taken for nothing.
    fault(&sim, PAYMENTS, "*", Fault::new("s3", "*", Effect::Deny));
    fault(&sim, ARCHIVE, "*", Fault::new("s3", "*", Effect::Deny));
    home.run(&["export", &grace, "--output", "case"]).refused(
        1,
        &["archive object", "denied: s3:GetObject"],
        &["allow"],
    );
    fault(&sim, PAYMENTS, "*", Fault::new("logs", "GetLogEvents", Effect::Deny));
    let denied = home.run(&["export", &id_of(&sim, "erin"), "--output", "case"]);
    denied.refused(1, &["log stream", "denied: logs:GetLogEvents"], &["allow logs:GetLogEvents"]);
    assert!(!home.path("case").exists(), "a broken export leaves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_looked_for_in_all_scopes() {
    let sim = start().await;
    let home = home(&sim);
    let nobody = ["export", "nobody-0123456789abcdef0", "--output", "case"];
    home.run(&nobody).refused(1, &["no session nobody-0123456789abcdef0", "4 accounts and regions"], &["check the id"]);
    let carol = id_of(&sim, "carol");
    home.run(&["export", &carol, "--output", "case", "--account", ARCHIVE]).refused(1, &[&carol], &["check the id"]);
    let elsewhere = home.run(&["export", &carol, "--output", "case", "--region", "eu-central-1"]);
    elsewhere.refused(1, &[&carol, "2 accounts and regions"], &["check the id"]);
    let unknown = home.run(&["export", &carol, "--output", "case", "--account", "999999999999"]);
    unknown.refused(1, &["account 999999999999 is not watched"], &["--account"]);
    // A scope that cannot be asked counts only where the session was not found elsewhere.
    fault(&sim, ARCHIVE, "us-east-1", Fault::new("ssm", "DescribeSessions", Effect::Deny));
    let ended = home.run(&nobody);
    assert_eq!((ended.code, ended.err.lines().count()), (1, 3), "{ended:#?}");
    let lines: Vec<_> = ended.err.lines().collect();
    assert!(lines[0].contains("444455556666/us-east-1 could not be asked: denied: ssm:DescribeSessions"), "{ended:#?}");
    assert!(lines[1].contains("was not found, and 1 of 4"), "{ended:#?}");
    assert!(!home.path("case").exists());
    let ended = exported(&home, &[&carol]);
    let lines: Vec<_> = ended.err.lines().collect();
    assert_eq!(lines.len(), 2, "{ended:#?}");
    assert!(lines[0].contains("could not be asked") && lines[1].contains("has not ended"), "{ended:#?}");
    assert!(texts(&values(&home, "commands.jsonl")).contains(&"whoami"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_pages_are_read() {
    let sim = start().await;
    let (home, dave) = (home(&sim), id_of(&sim, "dave"));
    let now = Timestamp::now().as_millisecond();
    let events = (0..10_500).map(|number| (now, format!("event {number:05}"))).collect();
    sim.with_world(|world| assert!(world.put_log_events(ARCHIVE, "eu-central-1", GROUP, &dave, events)));
    exported(&home, &[&dave]);
    let lines = values(&home, "transcript.jsonl");
    let texts = texts(&lines);
    let first = texts.iter().position(|text| *text == "event 00000").unwrap();
    assert!(texts[first..].iter().zip(0..).all(|(text, number)| *text == format!("event {number:05}")));
    assert_eq!((texts.len() - first, texts[0].contains("df -h")), (10_500, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_is_there_twice_is_not_guessed() {
    let sim = start().await;
    let (home, alice, carol) = (home(&sim), id_of(&sim, "alice"), id_of(&sim, "carol"));
    sim.with_world(|world| {
        let twin = world.sessions.iter_mut().find(|session| session.id == carol).unwrap();
        twin.id.clone_from(&alice);
    });
    let twice = home.run(&["export", &alice, "--output", "case"]);
    let what = [&*alice, "in each of 111122223333/eu-central-1, 111122223333/us-east-1"];
    twice.refused(1, &what, &["--account", "--region"]);
    exported(&home, &[&alice, "--region", "eu-central-1"]);
    assert!(text(&home, "export.json").contains("alice@example.com"));
}
