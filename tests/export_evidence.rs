//! What an export has beside the transcript, through the real program and over the wire: facts, verdicts, alerts, acts, CloudTrail's records.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/program.rs"]
mod program;

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use jiff::Timestamp;
use program::Home;
use regex::Regex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use ssmwatch::{
    domain::{
        Act, ActKind, ActOutcome, ActStep, Actor, Alert, AlertDestination, AlertSource, Delivery, EndedSession,
        Evidence, Finding, Mfa, ScopeId, SessionKey, Severity, Subject, TrailCall, TrailEvent, Verdict, Workflow,
    },
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
        world::World,
    },
    store::{Phase, Store},
};

const PAYMENTS: &str = "111122223333";
const STORE: &str = ".local/share/ssmwatch/ssmwatch.db";

/// It ended hours ago: longer than the dashboard keeps sessions. Its archive object never came.
const LONG_OVER: &str = r#"
[[cast]]
owner = "arn:aws:iam::{account}:user/heidi"
node = "payments-web-2"
reason = "INC-10008"
at = -10800.0
archive = "lost"
script = [{ type = "id" }, { wait = 5.0 }, "exit"]
"#;

async fn start() -> Sim {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let scenario = format!("{quiet}\n{}\n{LONG_OVER}", include_str!("fixtures/exports.toml"));
    let mut scenario = Scenario::parse("exports", &scenario).unwrap();
    scenario.delays.trail = [0.0, 0.1];
    let world = World::new(&scenario, 1, 1.0, Timestamp::now());
    Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap()
}

fn home(sim: &Sim) -> Home {
    Home::speaking_for(PAYMENTS, &sim.endpoint())
        .config(&format!("[[accounts]]\nid = \"{PAYMENTS}\"\nname = \"payments\"\nregions = [\"eu-central-1\"]\n"))
}

fn key_of(sim: &Sim, user: &str) -> SessionKey {
    sim.with_world(|world| {
        let session = world.sessions.iter().find(|session| session.owner.contains(&format!("/{user}"))).unwrap();
        SessionKey::new(ScopeId::new(PAYMENTS, "eu-central-1"), session.id.as_str())
    })
}

fn act(id: u64, kind: ActKind, key: &SessionKey) -> Act {
    Act {
        id,
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        kind,
        subject: Subject::Session(key.clone()),
        target: String::new(),
        owner: "arn:aws:iam::111122223333:user/erin".to_owned(),
        reason: "rogue \u{1b}[2J".to_owned(),
        actor: Actor { user: "ana".to_owned(), arn: None, rule: None },
        evidence_sha256: None,
        steps: vec![ActStep::started(kind.title())],
    }
}

fn record(store: &mut Store, mut act: Act) {
    store.record(Phase::Start, &act, &[]).unwrap();
    act.steps[0].outcome = ActOutcome::Done { took_ms: 900, proof: "History says Terminated".to_owned() };
    store.record(Phase::Outcome, &act, &[]).unwrap();
}

fn alert(key: &SessionKey) -> Alert {
    let at: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    Alert {
        id: "0123456789abcdef0123456789abcdef".into(),
        rule: "DOC-01".into(),
        title: "A document that is not allowed".into(),
        severity: Severity::High,
        source: AlertSource::Finding,
        subject: Subject::Session(key.clone()),
        owner: "arn:aws:iam::111122223333:user/erin".into(),
        evidence: Vec::new(),
        reason: String::new(),
        raised_by: "ssmwatch".to_owned(),
        workflow: Workflow::Notified,
        raised_at: at,
        reopened_at: at,
        occurrence: 1,
        acknowledged: None,
        deliveries: BTreeMap::from([(
            AlertDestination::CentralTopic,
            Delivery::Delivered { at, proof: "message 42".to_owned() },
        )]),
    }
}

fn trail(key: &SessionKey) -> TrailEvent {
    TrailEvent {
        event_id: "e-0".into(),
        call: TrailCall::ResumeSession,
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        session: key.id.clone(),
        source_ip: Some("198.51.100.7".into()),
        user_agent: Some("evil\u{202e} agent".into()),
        mfa: Mfa::No,
        identity_type: "IAMUser".into(),
        identity_arn: None,
        issuer_arn: None,
        access_key_id: Some("AKIAIOSFODNN7EXAMPLE".into()),
        document: None,
        parameters: BTreeMap::new(),
    }
}

fn json_of(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn lines_of(folder: &Path, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A finding of the rule.
fn finding<'a>(verdicts: &'a Value, rule: &str) -> &'a Value {
    let findings = verdicts["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["rule"] == rule).unwrap_or_else(|| panic!("{rule}: {verdicts:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_has_what_is_known_and_what_is_remembered() {
    let sim = start().await;
    let (home, erin, bob) = (home(&sim), key_of(&sim, "erin"), key_of(&sim, "bob"));
    let mut store = Store::open(&home.path(STORE)).unwrap();
    record(&mut store, act(1, ActKind::Terminate, &erin));
    record(&mut store, act(2, ActKind::Terminate, &bob));
    record(&mut store, act(3, ActKind::Export, &erin));
    store.keep_alert(&alert(&erin), &[]).unwrap();
    store.keep_alert(&Alert { id: "f".repeat(32).into(), ..alert(&bob) }, &[]).unwrap();
    store.keep_trail(&erin.scope, &[trail(&erin)]).unwrap();
    store.close().unwrap();
    let ended = home.run(&["export", erin.id.as_str(), "--output", "case"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:#?}");
    let case = home.path("case");

    let facts = json_of(&case, "facts.json");
    assert_eq!((&facts["schema"], &facts["session_ended"]), (&"ssmwatch.facts/1".into(), &true.into()));
    let owner = &facts["facts"]["owner"];
    assert_eq!(owner["value"], "arn:aws:iam::111122223333:user/erin");
    assert!(owner["source"] == "ssm:DescribeSessions" && owner["at"].is_string(), "{owner}");
    assert_eq!(facts["facts"]["log_stream_exists"]["value"], true, "{facts:#}");
    assert_eq!(facts["facts"]["payload_mismatch"]["value"], "", "the whole stream was read: {facts:#}");
    assert!(facts["facts"]["principal_sessions"]["missing"].is_string(), "{facts:#}");
    let read = &facts["read"];
    assert_eq!(read["session"]["value"]["reason"], "INC-10005 token=[masked]");
    assert_eq!(read["node"]["value"]["name"], "payments-web-1", "{read:#}");
    assert_eq!(read["node_tags"]["value"]["Environment"], "Staging", "{read:#}");
    let role = &read["role_policies"]["value"];
    assert!(role["attached"][0].as_str().unwrap().starts_with("arn:aws:iam::"), "{role:#}");
    assert!(role["documents"]["value"][0]["policy"]["Statement"].is_array(), "{role:#}");
    let preferences = &read["preferences"]["value"]["content"]["inputs"];
    assert_eq!(preferences["cloudWatchLogGroupName"], "/ssm-session-logs", "{read:#}");
    assert!(read["log_stream"]["value"]["arn"].is_string() && read["archive_object"]["source"] == "s3:HeadObject");

    let verdicts = json_of(&case, "verdicts.json");
    assert_eq!((&verdicts["from"], &verdicts["schema"]), (&"export".into(), &"ssmwatch.verdicts/1".into()));
    assert!(verdicts["findings"].as_array().unwrap().len() > 20, "{verdicts:#}");
    let document = finding(&verdicts, "DOC-01");
    assert_eq!(document["status"], "COMPLIANT", "{document:#}");
    assert!(document["evidence"][0]["source"].is_string() && document["remediation"].is_string(), "{document:#}");

    let alerts = json_of(&case, "alerts.json");
    assert_eq!(alerts["alerts"].as_array().unwrap().len(), 1, "{alerts:#}");
    assert_eq!(alerts["alerts"][0]["workflow"]["status"], "NOTIFIED");
    assert_eq!(alerts["alerts"][0]["deliveries"]["central_topic"]["proof"], "message 42");

    let trail = lines_of(&case, "trail.jsonl");
    assert_eq!(trail[0]["user_agent"], "evil<U+202E> agent");
    assert_eq!(trail[0]["access_key_id"], "AKIA[masked]");
    assert!(trail[1..].iter().any(|event| event["call"] == "StartSession"), "{trail:#?}");

    let text = fs::read_to_string(case.join("acts.jsonl")).unwrap();
    let acts: Vec<&str> = text.lines().collect();
    assert_eq!(acts.len(), 2, "the act on erin's session alone, and no export: {text}");
    let mut before = None;
    for line in &acts {
        let (record, end) = line.rsplit_once(",\"sha256\":\"").unwrap();
        let hash = end.strip_suffix("\"}").unwrap();
        assert_eq!(sha256(format!("{record}}}").as_bytes()), hash, "{line}");
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(before.is_none_or(|before| value["previous"] == before), "{line}");
        before = Some(json!(hash));
    }
    let manifest = json_of(&case, "export.json");
    let chain = &manifest["chain"];
    assert_eq!((&chain["seq"], &chain["records"], &chain["sha256"]), (&2.into(), &2.into(), &before.unwrap()));
    assert_eq!((&manifest["store"]["read"], &manifest["recorded"]["as_act"]), (&true.into(), &true.into()));
    assert_eq!(manifest["acts_left_out"], json!(["export"]));
    for file in manifest["files"].as_array().unwrap() {
        let bytes = fs::read(case.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!((&file["bytes"], &file["sha256"]), (&bytes.len().into(), &sha256(&bytes).into()), "{file}");
    }
    assert_eq!(manifest["files"].as_array().unwrap().len(), 9);

    // The export is in the chain, and the chain has what the bundle says.
    let head = chain["sha256"].as_str().unwrap();
    let verified = home.run(&["audit", "verify", "--head", head]);
    assert!(verified.code == 0 && verified.out.starts_with("ok: 8 records"), "{verified:#?}");
    let listed = home.run(&["audit", "list", "--format", "json", "--limit", "1"]).out;
    let last: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&last[0]["act"]["kind"], &last[0]["act"]["id"]), (&"export".into(), &4.into()), "{last:#?}");
    let arn = last[0]["act"]["actor"]["arn"].as_str().unwrap();
    assert!(arn.contains(PAYMENTS), "{arn}");
    let outcome = &last[1]["act"]["steps"][0]["outcome"];
    assert_eq!(outcome["state"], "done");
    assert_eq!(outcome["proof"], format!("written to {}", case.display()));
}

/// The file, with times and the hashes that follow from them left out.
fn normal(path: &Path) -> String {
    static TIME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z").unwrap());
    static HASH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""(?:sha256|bytes)": ("[0-9a-f]{64}"|\d+)"#).unwrap());
    let text = fs::read_to_string(path).unwrap();
    let text = TIME.replace_all(&text, "TIME");
    if path.ends_with("export.json") {
        // The chain's head stays as it is.
        let (head, files) = text.rsplit_once("\"files\"").unwrap();
        return format!("{head}{}", HASH.replace_all(files, "HASH"));
    }
    text.into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_exports_of_a_session_that_ended_are_alike_but_for_their_times() {
    let sim = start().await;
    let (home, bob) = (home(&sim), key_of(&sim, "bob"));
    let names = ["transcript.jsonl", "commands.jsonl", "detections.jsonl", "session.cast", "facts.json"]
        .into_iter()
        .chain(["verdicts.json", "alerts.json", "acts.jsonl", "trail.jsonl", "export.json"]);
    let names: Vec<&str> = names.collect();
    for user in ["erin", "frank"] {
        let key = key_of(&sim, user);
        let mut store = Store::open(&home.path(STORE)).unwrap();
        let next = store.load(Timestamp::now()).unwrap().next_act;
        record(&mut store, act(next, ActKind::Terminate, &key));
        store.close().unwrap();
        let export = |folder: &str| {
            let ended = home.run(&["export", key.id.as_str(), "--output", folder]);
            assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:#?}");
            home.path(folder)
        };
        let first = export(&format!("{user}-1"));
        // Acts on others, an export, and some time.
        let mut store = Store::open(&home.path(STORE)).unwrap();
        let next = store.load(Timestamp::now()).unwrap().next_act;
        record(&mut store, act(next, ActKind::Terminate, &bob));
        store.keep_alert(&alert(&bob), &[]).unwrap();
        store.close().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        let second = export(&format!("{user}-2"));
        for name in &names {
            assert_eq!(normal(&first.join(name)), normal(&second.join(name)), "{user}: {name}");
        }
        for name in ["transcript.jsonl", "commands.jsonl", "detections.jsonl", "session.cast", "acts.jsonl"] {
            let same = fs::read(first.join(name)).unwrap() == fs::read(second.join(name)).unwrap();
            assert!(same, "{user}: {name} has no time of the export");
        }
        let chain = |folder: &Path| json_of(folder, "export.json")["chain"].clone();
        assert_eq!(chain(&first), chain(&second));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verdict_of_the_watch_is_kept() {
    let sim = start().await;
    let (home, erin) = (home(&sim), key_of(&sim, "erin"));
    let at: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let evidence = Evidence { fact: "role_change".into(), value: "detached".into(), source: "iam".into(), at };
    let remembered = EndedSession {
        key: erin.clone(),
        owner: "arn:aws:iam::111122223333:user/erin".to_owned(),
        target: "i-0a".to_owned(),
        document: "SSM-SessionManagerRunShell".to_owned(),
        reason: String::new(),
        started_at: Some(at),
        ended_at: at,
        how: "Terminated".to_owned(),
        verdict: Verdict::NonCompliant,
        severity: Some(Severity::High),
        findings: vec![Finding {
            rule: "IAM-03".into(),
            title: "The role changed".into(),
            status: Verdict::NonCompliant,
            severity: Severity::High,
            evidence: vec![evidence],
            missing: Vec::new(),
            remediation: "Ask".into(),
        }],
        archived: Some(true),
    };
    let gone = SessionKey::new(erin.scope.clone(), "gone-0a1b2c3d4e5f60718");
    let mut store = Store::open(&home.path(STORE)).unwrap();
    store.keep_ended(&[remembered.clone(), EndedSession { key: gone.clone(), ..remembered }]).unwrap();
    store.close().unwrap();
    let ended = home.run(&["export", erin.id.as_str(), "--output", "case"]);
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert!(ended.out.contains("case/verdicts.json: NON_COMPLIANT HIGH, "), "{ended:#?}");
    let verdicts = json_of(&home.path("case"), "verdicts.json");
    assert_eq!((&verdicts["from"], &verdicts["verdict"]), (&"watch".into(), &"NON_COMPLIANT".into()));
    let (watched, judged) = (finding(&verdicts, "IAM-03"), finding(&verdicts, "DOC-01"));
    assert_eq!((&watched["from"], &watched["evidence"][0]["value"]), (&"watch".into(), &"detached".into()));
    assert_eq!((&judged["from"], &judged["status"]), (&"export".into(), &"COMPLIANT".into()));
    let differing = verdicts["compliant_or_silent_when_it_ended"].as_array().unwrap();
    assert!(differing.iter().all(|finding| finding["status"] != "COMPLIANT"), "{verdicts:#}");
    // AWS does not know it any more.
    let ended = home.run(&["export", gone.id.as_str(), "--output", "gone"]);
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert!(ended.err.contains("AWS tells of no such session"), "{ended:#?}");
    assert!(ended.err.contains("nothing is recorded"), "{ended:#?}");
    assert_eq!(json_of(&home.path("gone"), "export.json")["verdict"], "NON_COMPLIANT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_another_run_holds_or_nobody_can_write_keeps_nobody_from_exporting() {
    let sim = start().await;
    let (home, erin) = (home(&sim), key_of(&sim, "erin"));
    let mut store = Store::open(&home.path(STORE)).unwrap();
    record(&mut store, act(1, ActKind::Terminate, &erin));
    let ended = home.run(&["export", erin.id.as_str(), "--output", "held"]);
    assert_eq!((ended.code, ended.err.lines().count()), (0, 1), "{ended:#?}");
    assert!(ended.err.contains("not in the record of acts") && ended.err.contains("in use"), "{ended:#?}");
    let manifest = json_of(&home.path("held"), "export.json");
    assert_eq!((&manifest["store"]["read"], &manifest["chain"]["records"]), (&true.into(), &2.into()));
    assert_eq!(manifest["recorded"]["as_act"], false);
    assert!(manifest["recorded"]["why"].as_str().unwrap().contains("in use"), "{manifest:#}");
    assert_eq!(store.head().unwrap().unwrap().seq, 2, "nothing was written");
    store.close().unwrap();
    fs::write(home.path(STORE), "this is no database ".repeat(400)).unwrap();
    let ended = home.run(&["export", erin.id.as_str(), "--output", "damaged"]);
    assert_eq!((ended.code, ended.err.lines().count()), (0, 1), "{ended:#?}");
    assert!(ended.err.contains("not in the record of acts") && ended.err.contains("damaged"), "{ended:#?}");
    let manifest = json_of(&home.path("damaged"), "export.json");
    assert_eq!((&manifest["store"]["read"], manifest.get("chain")), (&false.into(), None));
    assert!(manifest["store"]["why"].as_str().unwrap().contains("damaged"), "{manifest:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_fails_is_in_the_chain_as_failed() {
    let sim = start().await;
    let (home, erin) = (home(&sim), key_of(&sim, "erin"));
    home.write("file", "in the way");
    home.run(&["export", erin.id.as_str(), "--output", "file"]).refused(1, &["cannot be written"], &["--output"]);
    let listed = home.run(&["audit", "list", "--format", "json"]).out;
    let last: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    assert_eq!((&last["act"]["kind"], &last["phase"]), (&"export".into(), &"outcome".into()));
    assert_eq!(last["act"]["steps"][0]["outcome"]["state"], "failed", "{last:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_session_that_is_long_over_all_is_read_that_is_still_there() {
    let sim = start().await;
    let (home, heidi) = (home(&sim), key_of(&sim, "heidi"));
    let ended = home.run(&["export", heidi.id.as_str(), "--output", "case"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:#?}");
    let facts = json_of(&home.path("case"), "facts.json");
    assert_eq!(facts["read"]["node"]["value"]["name"], "payments-web-2", "{facts:#}");
    assert_eq!(facts["facts"]["log_stream_exists"]["value"], true, "{facts:#}");
    assert!(facts["facts"]["source_ips"]["value"].is_array(), "{facts:#}");
    let trail = lines_of(&home.path("case"), "trail.jsonl");
    assert!(trail.iter().any(|event| event["call"] == "StartSession"), "{trail:#?}");
    // The time of its archive object is over: that none came is decided, by a moment that hangs on the end alone.
    let verdicts = json_of(&home.path("case"), "verdicts.json");
    assert_eq!(finding(&verdicts, "LOG-07")["status"], "NON_COMPLIANT");
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let after = time(&facts["as_of"]).duration_since(time(&facts["read"]["session"]["value"]["ended_at"]));
    assert!(after.as_secs() > 60 && after.as_hours() < 2, "{after:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_stopped_leaves_its_record_and_no_file() {
    let sim = start().await;
    let (home, erin) = (home(&sim), key_of(&sim, "erin"));
    let hangs =
        Fault { account: PAYMENTS.into(), region: "*".into(), ..Fault::new("logs", "GetLogEvents", Effect::Hang) };
    sim.with_world(|world| world.gate.add_fault(hangs));
    let mut child = home.command(&["export", erin.id.as_str(), "--output", "case"]).spawn().unwrap();
    let began = std::time::Instant::now();
    while !home.path("case").exists() {
        assert!(began.elapsed().as_secs() < 20, "it never began");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let killed = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!home.path("case").exists());
    let listed = home.run(&["audit", "list", "--format", "json"]).out;
    let last: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    let outcome = &last["act"]["steps"][0]["outcome"];
    assert_eq!((&outcome["state"], &last["phase"]), (&"failed".into(), &"outcome".into()), "{last:#}");
    assert!(outcome["what"].as_str().unwrap().starts_with("stopped"), "{outcome}");
}
