//! The control plane under `/_sim/`: JSON over plain HTTP, for tests and for people with curl. It needs no credentials.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sim/` | lists these |
//! | `GET /_sim/calls` | counts of calls, throttles and errors by account, region and operation |
//! | `DELETE /_sim/calls` | begins to count anew |
//! | `GET /_sim/writes` | counts of calls that change something, by `service:Operation` |
//! | `GET /_sim/published[?topic=ARN]` | what SNS Publish got, oldest first |
//! | `GET /_sim/faults` | faults that can still hit |
//! | `POST /_sim/faults` | adds one ([`Fault`]): `{"service":"ssm","operation":"DescribeSessions","count":1,"effect":{"type":"hang"}}` |
//! | `DELETE /_sim/faults[?id=N]` | removes one or all |
//! | `GET /_sim/live_tails` | Live Tail sessions that are open |
//! | `POST /_sim/live_tails` | ends them now: `{"account":"*","region":"*","ending":"sever"}`; or `time_out`, `fail`, `close` |
//! | `POST /_sim/print` | prints on a session's terminal: `{"session_id":"…","text":"sh-5.2$ id\r\n"}` |
//! | `POST /_sim/meddle` | meddles with its log: `{"session_id":"…","with":{"replay":3}}`; or `{"event":"…"}`, `{"forge":{…}}`, `"delete_stream"` |
//! | `GET /_sim/world` | accounts, sessions with their status, the world's time |
//! | `POST /_sim/advance` | `{"seconds":N}` moves the world's clock forward |
//!
//! Effects: `error` (`code`, `message`, `status`), `latency` (`milliseconds`), `hang`, `mute` (done, and never answered), `disconnect`, `cut`, `malformed`, `empty_page`,
//! `expired_credentials`, `deny`, `throttle`; and of running Live Tail sessions, update by update: `end_live_tail`,
//! `fail_live_tail`, `sever_live_tail`, `hang_live_tail`, `sample_live_tail` (`drop`, 0 to 1). Selectors `account`, `region`,
//! `service`, `operation` default to `*`; `count` limits how often, `probability` (0 to 1) how likely.

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    gate::Fault,
    server::State,
    wire::{answer::Answer, request::Request},
    world::{meddling::Meddling, tails::Ending},
};

/// Furthest that one request moves the clock: ten years.
const FURTHEST: f64 = 3.2e8;

/// The path below `/_sim`, if this is one of the control plane.
pub fn path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/_sim")?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
}

/// Answers a request of the control plane.
pub(super) fn answer(state: &mut State, request: &Request, path: &str) -> Answer {
    let now = state.advance();
    match (request.method.as_str(), path) {
        ("GET", "") => ok(&index()),
        ("GET", "calls") => {
            let calls: Vec<_> = state
                .world
                .gate
                .tallies()
                .map(|((account, region, service, operation), tally)| {
                    json!({"account": account, "region": region, "service": service, "operation": operation,
                           "calls": tally.calls, "throttled": tally.throttled, "errors": tally.errors})
                })
                .collect();
            ok(&json!({ "calls": calls }))
        }
        ("DELETE", "calls") => {
            state.world.gate.reset_tallies();
            ok(&json!({}))
        }
        ("GET", "writes") => ok(&json!({ "writes": state.world.gate.writes() })),
        ("GET", "published") => {
            let topic = request.parameter("topic");
            let messages: Vec<_> = state
                .world
                .sns
                .published()
                .filter(|message| topic.is_none_or(|topic| message.topic == topic))
                .collect();
            ok(&json!({ "messages": messages }))
        }
        ("GET", "faults") => ok(&json!({"faults": state.world.gate.faults()})),
        ("POST", "faults") => match serde_json::from_slice::<Fault>(&request.body) {
            Ok(fault) if !(0.0..=1.0).contains(&fault.probability) => refused("probability must be between 0 and 1"),
            Ok(fault) => ok(&json!({"id": state.world.gate.add_fault(fault)})),
            Err(error) => refused(&error.to_string()),
        },
        ("DELETE", "faults") => match request.parameter("id").map(str::parse::<u64>) {
            Some(Err(_)) => refused("id must be a number"),
            Some(Ok(id)) => ok(&json!({"removed": state.world.gate.remove_faults(Some(id))})),
            None => ok(&json!({"removed": state.world.gate.remove_faults(None)})),
        },
        ("GET", "live_tails") => ok(&json!({"live_tails": state.world.live_tails.followers("*", "*")})),
        ("POST", "live_tails") => match serde_json::from_slice::<End>(&request.body) {
            Ok(End { account, region, ending }) => {
                ok(&json!({"ended": state.world.live_tails.end(&account, &region, ending)}))
            }
            Err(error) => refused(&error.to_string()),
        },
        ("POST", "print") => match serde_json::from_slice::<Print>(&request.body) {
            Ok(print) => of_session(&print.session_id, state.world.print(&print.session_id, print.text.as_bytes())),
            Err(error) => refused(&error.to_string()),
        },
        ("POST", "meddle") => match serde_json::from_slice::<Meddle>(&request.body) {
            Ok(Meddle { session_id, with }) => of_session(&session_id, state.world.meddle_with(&session_id, &with)),
            Err(error) => refused(&error.to_string()),
        },
        ("GET", "world") => ok(&state.world.overview()),
        ("POST", "advance") => match serde_json::from_slice::<Advance>(&request.body) {
            Ok(Advance { seconds }) if (0.0..=FURTHEST).contains(&seconds) => {
                state.offset = state.offset.saturating_add(SignedDuration::from_secs_f64(seconds));
                let now = state.advance();
                ok(&json!({"now": now.to_string()}))
            }
            Ok(_) => refused("seconds must be between 0 and 320000000: the clock does not go back"),
            Err(error) => refused(&error.to_string()),
        },
        (
            _,
            "" | "calls" | "writes" | "published" | "faults" | "live_tails" | "print" | "meddle" | "world" | "advance",
        ) => reply(405, &json!({"error": format!("{} is not allowed here", request.method), "now": now.to_string()})),
        _ => reply(404, &json!({"error": "no such resource", "see": "/_sim/"})),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    #[serde(default = "any")]
    account: String,
    #[serde(default = "any")]
    region: String,
    ending: Ending,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Print {
    session_id: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meddle {
    session_id: String,
    with: Meddling,
}

fn of_session(id: &str, found: bool) -> Answer {
    if found { ok(&json!({})) } else { reply(404, &json!({"error": format!("no active session is called {id:?}")})) }
}

fn any() -> String {
    "*".into()
}

fn index() -> Json {
    json!({
        "GET /_sim/calls": "counts of calls, throttles and errors by account, region and operation",
        "DELETE /_sim/calls": "begins to count anew",
        "GET /_sim/writes": "counts of calls that change something, by service:Operation",
        "GET /_sim/published": "what SNS Publish got, oldest first; ?topic=ARN for one topic",
        "GET /_sim/faults": "faults that can still hit",
        "POST /_sim/faults": {
            "adds a fault": {"account": "*", "region": "*", "service": "ssm", "operation": "Describe*", "count": 1,
                             "probability": 1.0, "effect": {"type": "error", "code": "InternalServerError", "message": "", "status": 500}},
            "effects": ["error", "latency {milliseconds}", "hang", "mute", "disconnect", "cut", "malformed", "empty_page", "expired_credentials",
                        "deny", "throttle", "end_live_tail", "fail_live_tail", "sever_live_tail", "hang_live_tail",
                        "sample_live_tail {drop}"]
        },
        "DELETE /_sim/faults": "removes all faults; ?id=N removes one",
        "GET /_sim/live_tails": "Live Tail sessions that are open",
        "POST /_sim/live_tails": {"account": "*", "region": "*", "ending": "sever, time_out, fail or close"},
        "POST /_sim/print": {"session_id": "id of an active session", "text": "sh-5.2$ id\r\n"},
        "POST /_sim/meddle": {"session_id": "id of an active session",
                              "with": "one of {event: text}, {forge: {lines, node, owner, session_id, …}}, {replay: lines}, delete_stream"},
        "GET /_sim/world": "accounts, sessions with their status, the world's time",
        "POST /_sim/advance": {"seconds": 60}
    })
}

fn ok(body: &Json) -> Answer {
    reply(200, body)
}

fn refused(why: &str) -> Answer {
    reply(400, &json!({ "error": why }))
}

fn reply(status: u16, body: &Json) -> Answer {
    let mut body = body.to_string().into_bytes();
    body.push(b'\n');
    Answer { status, headers: vec![("content-type".into(), "application/json".into())], body }
}
