//! Sessions: listing, starting, resuming, ending.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::json;

use super::invalid_next_token;
use crate::sim::{
    error::AwsError,
    scenario::Archive,
    service::{Call, Outcome, Reply},
    services::page_token,
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{
        World, documents,
        opening::{Opening, SessionIdForm},
        organization,
        session::Session,
        trail::{Caller, Deed, HIDDEN, stream_url},
    },
};

const FILTER_KEYS: &[&str] = &["InvokedAfter", "InvokedBefore", "Target", "Owner", "Status", "SessionId", "AccessType"];
const STATUSES: &[&str] = &["Connected", "Connecting", "Disconnected", "Terminated", "Terminating", "Failed"];
/// Sessions of a page when the request does not say.
const PAGE: i64 = 50;
/// Days that ended sessions stay in the history.
const HISTORY_DAYS: i64 = 30;

enum Filter {
    After(Timestamp),
    Before(Timestamp),
    Target(String),
    Owner(String),
    Status(String),
    SessionId(String),
    AccessType(String),
}

impl Filter {
    fn parse(key: &str, value: &str) -> Result<Self, AwsError> {
        let time = || {
            value.parse::<Timestamp>().map_err(|_| {
                AwsError::validation(format!(
                    "Invalid filter value {value} for filter key {key}. Use a timestamp such as 2024-08-29T00:00:00Z."
                ))
            })
        };
        let one_of = |set: &[&str]| {
            if set.contains(&value) {
                Ok(value.to_owned())
            } else {
                let set = set.join(", ");
                Err(AwsError::validation(format!(
                    "Invalid filter value {value} for filter key {key}. Valid values: [{set}]."
                )))
            }
        };
        Ok(match key {
            "InvokedAfter" => Filter::After(time()?),
            "InvokedBefore" => Filter::Before(time()?),
            "Target" => Filter::Target(value.to_owned()),
            "Owner" => Filter::Owner(value.to_owned()),
            "Status" => Filter::Status(one_of(STATUSES)?),
            "SessionId" => Filter::SessionId(value.to_owned()),
            _ => Filter::AccessType(one_of(&["Standard", "JustInTime"])?),
        })
    }

    fn admits(&self, session: &Session) -> bool {
        match self {
            Filter::After(time) => session.started >= *time,
            Filter::Before(time) => session.started < *time,
            Filter::Target(target) => session.target == *target,
            Filter::Owner(owner) => {
                session.owner == *owner
                    || (!owner.contains(':') && session.owner.rsplit(['/', ':']).next() == Some(owner.as_str()))
            }
            Filter::Status(status) => session.status.name() == status,
            Filter::SessionId(id) => session.id == *id,
            Filter::AccessType(kind) => access_type(session) == kind,
        }
    }
}

fn access_type(session: &Session) -> &'static str {
    if session.just_in_time { "JustInTime" } else { "Standard" }
}

pub(super) fn describe(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let state = input.required_enum("State", &["Active", "History"]);
    let page = input.int("MaxResults", 1..=200).unwrap_or(PAGE);
    let token = input.text("NextToken");
    let mut pairs = Vec::new();
    for filter in input.structs("Filters", 1..=6) {
        pairs.push((filter.required_enum("key", FILTER_KEYS), filter.required_text_of("value", 1..=400)));
    }
    input.finish(Style::Json)?;
    for (at, (key, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(at).any(|(other, _)| other == key) {
            return Err(AwsError::client("InvalidFilterKey", "The specified key isn't valid."));
        }
    }
    let filters = pairs.iter().map(|(key, value)| Filter::parse(key, value)).collect::<Result<Vec<_>, _>>()?;
    let mut question = vec!["DescribeSessions", &call.caller.account, &call.region, state];
    question.extend(pairs.iter().flat_map(|(key, value)| [*key, *value]));
    // A position is the index of the last session that was shown: what starts meanwhile does not move the others.
    let before = match token {
        None => usize::MAX,
        Some(token) => page_token::decode(&question, token)
            .and_then(|position| position.parse().ok())
            .ok_or_else(invalid_next_token)?,
    };
    let wants_active = state == "Active";
    let oldest = call.now - jiff::SignedDuration::from_hours(24 * HISTORY_DAYS);
    let indexes = world.region(&call.caller.account, &call.region).map_or(&[][..], |state| state.sessions.as_slice());
    let end = indexes.partition_point(|index| *index < before);
    let mut found =
        indexes.iter().take(end).rev().filter_map(|index| Some((*index, world.sessions.get(*index)?))).filter(
            |(_, session)| {
                session.is_active() == wants_active
                    && (wants_active || session.ended.is_none_or(|ended| ended >= oldest))
                    && filters.iter().all(|filter| filter.admits(session))
            },
        );
    let page = usize::try_from(page).unwrap_or(1);
    let shown: Vec<(usize, &Session)> = found.by_ref().take(page).collect();
    let more = found.next().is_some();
    let sessions: Vec<Value> = shown.iter().map(|(_, session)| describe_one(session)).collect();
    let mut output = Value::structure([("Sessions", Value::List(sessions))]);
    if let (true, Some((last, _))) = (more, shown.last()) {
        output.push("NextToken", page_token::encode(&question, &last.to_string()));
    }
    Ok(Reply::Output(output))
}

fn describe_one(session: &Session) -> Value {
    Value::structure([
        ("SessionId", Value::from(&session.id)),
        ("Target", Value::from(&session.target)),
        ("Status", session.status.name().into()),
        ("StartDate", session.started.into()),
        ("EndDate", session.ended.into()),
        ("DocumentName", Value::from(&session.document)),
        ("Owner", Value::from(&session.owner)),
        ("Reason", session.reason.clone().into()),
        ("OutputUrl", Value::empty()),
        ("MaxSessionDuration", session.max_duration.clone().into()),
        ("AccessType", access_type(session).into()),
    ])
}

pub(super) fn start(world: &mut World, call: &Call) -> Outcome {
    let outcome = try_start(world, call);
    if let Err(error) = &outcome
        && error.code != "ValidationException"
    {
        record_refusal(world, call, error);
    }
    outcome
}

/// CloudTrail keeps what the service refused, too.
fn record_refusal(world: &mut World, call: &Call, error: &AwsError) {
    let mut request = serde_json::Map::new();
    for (member, key) in [("Target", "target"), ("DocumentName", "documentName"), ("Reason", "reason")] {
        if let Some(text) = call.input.text(member) {
            request.insert(key.into(), json!(text));
        }
    }
    let deed = Deed {
        source: "ssm.amazonaws.com",
        name: "StartSession",
        read_only: false,
        request: serde_json::Value::Object(request),
        response: serde_json::Value::Null,
        error: Some((&error.code, &error.message)),
        resources: Vec::new(),
    };
    world.record(&call.caller.account, &call.region, &Caller::of(call), deed);
}

fn try_start(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let target = input.required_text_of("Target", 1..=400);
    let document = input.text("DocumentName");
    input.pattern("DocumentName", "^[a-zA-Z0-9_\\-.:/]{3,128}$");
    let reason = input.text_of("Reason", 1..=256);
    input.pattern("Reason", "^.{1,256}$");
    let mut given = Vec::new();
    for (key, value) in input.map("Parameters") {
        let texts = match value {
            Value::List(items) => items.iter().filter_map(|item| match item {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            }),
            _ => {
                input.refuse("Parameters", "Map value must satisfy constraint: [Member must be a list]");
                continue;
            }
        };
        given.push((key.to_owned(), texts.collect::<Vec<String>>()));
    }
    input.finish(Style::Json)?;
    let (account, region) = (&call.caller.account, &call.region);
    let state = world.region(account, region);
    let name = document.map_or("SSM-SessionManagerRunShell", |name| name.rsplit('/').next().unwrap_or(name));
    let stored = state.and_then(|state| state.documents.get(name));
    match stored {
        // The default shell works without a preferences document.
        None if document.is_none() || name == "SSM-SessionManagerRunShell" => {}
        None => {
            let message = format!("Document with name {name} does not exist.");
            return Err(AwsError::client("InvalidDocument", message));
        }
        Some(stored) => {
            if let Err(message) = documents::parameters(&stored.default_content(), &given) {
                return Err(AwsError::client("InvalidParameters", message));
            }
        }
    }
    let node = state.and_then(|state| state.nodes.get(target));
    if !node.is_some_and(|node| node.online) {
        return Err(AwsError::client("TargetNotConnected", format!("{target} is not connected.")));
    }
    let seed = world.request_seed();
    let opened = world.open_session(Opening {
        account: account.clone(),
        region: region.clone(),
        node: target.to_owned(),
        owner: call.caller.arn.clone(),
        document: document.map(|_| name.to_owned()),
        reason: reason.map(str::to_owned),
        parameters: given.into_iter().collect::<BTreeMap<_, _>>(),
        // Nobody is at the other end of the channel: the prompt stays untouched. Documents with commands run them.
        script: Vec::new(),
        just_in_time: false,
        id: SessionIdForm::New,
        stubborn: 0.0,
        archive: Archive::Arrives,
        logged: true,
        seed,
        caller: Caller::of(call),
        seat: None,
    });
    let Some((id, _)) = opened else {
        return Err(AwsError::client("InternalServerError", "An error occurred on the server side.").with_status(500));
    };
    Ok(Reply::Output(channel(region, &id, seed)))
}

fn channel(region: &str, id: &str, seed: u64) -> Value {
    let mut numbers = fastrand::Rng::with_seed(seed ^ organization::stable_hash(&["token", id]));
    let bytes: Vec<u8> = (0..168).map(|_| numbers.u8(..)).collect();
    Value::structure([
        ("SessionId", Value::from(id)),
        ("TokenValue", format!("AAEAA{}", STANDARD.encode(bytes)).into()),
        ("StreamUrl", stream_url(region, id).into()),
    ])
}

pub(super) fn resume(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let id = input.required_text_of("SessionId", 1..=96);
    input.finish(Style::Json)?;
    let (account, region) = (&call.caller.account, &call.region);
    if !world.resume_session(account, region, id) {
        return Err(AwsError::client("DoesNotExistException", format!("Session {id} does not exist.")));
    }
    let response = json!({"sessionId": id, "tokenValue": HIDDEN, "streamUrl": stream_url(region, id)});
    record(world, call, "ResumeSession", id, response);
    let seed = world.request_seed();
    Ok(Reply::Output(channel(region, id, seed)))
}

pub(super) fn terminate(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let id = input.required_text_of("SessionId", 1..=96);
    input.finish(Style::Json)?;
    world.terminate_session(&call.caller.account, &call.region, id);
    record(world, call, "TerminateSession", id, json!({"sessionId": id}));
    Ok(Reply::Output(Value::structure([("SessionId", id.into())])))
}

fn record(world: &mut World, call: &Call, name: &str, id: &str, response: serde_json::Value) {
    let deed = Deed {
        source: "ssm.amazonaws.com",
        name,
        read_only: false,
        request: json!({"sessionId": id}),
        response,
        error: None,
        resources: Vec::new(),
    };
    world.record(&call.caller.account, &call.region, &Caller::of(call), deed);
}

pub(super) fn connection_status(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let target = input.required_text_of("Target", 1..=400);
    input.finish(Style::Json)?;
    let state = world.region(&call.caller.account, &call.region);
    let online = state.and_then(|state| state.nodes.get(target)).is_some_and(|node| node.online);
    let status = if online { "connected" } else { "notconnected" };
    Ok(Reply::Output(Value::structure([("Target", target.into()), ("Status", status.into())])))
}
