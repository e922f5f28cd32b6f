//! CloudTrail's event history.

use jiff::SignedDuration;

use super::{page_token, unknown_operation};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{World, trail::TrailRecord},
};

const KEYS: &[&str] =
    &["EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"];
const HISTORY_DAYS: i64 = 90;

/// Answers one call.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    match operation {
        "LookupEvents" => lookup(world, call),
        _ => Err(unknown_operation()),
    }
}

fn admits(record: &TrailRecord, key: &str, value: &str) -> bool {
    match key {
        "EventId" => record.event_id == value,
        "EventName" => record.event_name == value,
        "ReadOnly" => record.read_only.to_string() == value,
        "Username" => record.username == value,
        "ResourceType" => record.resources.iter().any(|(kind, _)| kind == value),
        "ResourceName" => record.resources.iter().any(|(_, name)| name == value),
        "EventSource" => record.event_source == value,
        _ => record.access_key_id.as_deref() == Some(value),
    }
}

fn lookup(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let mut attributes = Vec::new();
    for attribute in input.structs("LookupAttributes", 0..=usize::MAX) {
        let key = attribute.required_enum("AttributeKey", KEYS);
        attributes.push((key, attribute.required_text_of("AttributeValue", 1..=2000)));
    }
    let from = input.time("StartTime");
    let to = input.time("EndTime");
    let category = input.text("EventCategory");
    let limit = input.int("MaxResults", i64::MIN..=i64::MAX).unwrap_or(50);
    let token = input.text("NextToken");
    input.finish(Style::Json)?;
    if !(1..=50).contains(&limit) {
        return Err(AwsError::client(
            "InvalidMaxResultsException",
            format!("Invalid MaxResults: {limit}. MaxResults must be between 1 and 50."),
        ));
    }
    if attributes.len() > 1 {
        let message = "You can specify only one lookup attribute.";
        return Err(AwsError::client("InvalidLookupAttributesException", message));
    }
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        let message = "The time range is not valid: the start time is after the end time.";
        return Err(AwsError::client("InvalidTimeRangeException", message));
    }
    match category {
        None => {}
        Some("insight") => return Ok(Reply::Output(Value::structure([("Events", Value::List(Vec::new()))]))),
        Some(other) => {
            let message = format!("The event category {other} is not valid. Valid event category: insight.");
            return Err(AwsError::client("InvalidEventCategoryException", message));
        }
    }
    let earliest = call.now - SignedDuration::from_hours(24 * HISTORY_DAYS);
    let from = from.unwrap_or(earliest).max(earliest);
    let to = to.unwrap_or(call.now);
    let (key, value) = attributes.first().copied().unwrap_or_default();
    let (first, last) = (from.to_string(), to.to_string());
    // Without an end in the request the window of a later page must not be another question.
    let last = if input.raw("EndTime").is_some() { last.as_str() } else { "now" };
    let first = if input.raw("StartTime").is_some() { first.as_str() } else { "ever" };
    let question = ["LookupEvents", &call.caller.account, &call.region, key, value, first, last];
    let before: usize = match token {
        None => usize::MAX,
        Some(token) => {
            page_token::decode(&question, token).and_then(|position| position.parse().ok()).ok_or_else(|| {
                let message = "The token is not valid, or was used in a request with other parameters.";
                AwsError::client("InvalidNextTokenException", message)
            })?
        }
    };
    let state = world.region(&call.caller.account, &call.region);
    let (trail, forgotten) = state.map_or((&[][..], 0), |state| (state.trail.as_slice(), state.trail_forgotten));
    // Positions count what is forgotten too, so that tokens stay true.
    let counted = trail.iter().enumerate().map(|(at, record)| (forgotten + at, record));
    let mut found = counted.take(before.saturating_sub(forgotten)).rev().filter(|(_, record)| {
        record.visible_from <= call.now
            && record.event_time >= from
            && record.event_time <= to
            && (key.is_empty() || admits(record, key, value))
    });
    let shown: Vec<(usize, &TrailRecord)> = found.by_ref().take(usize::try_from(limit).unwrap_or(1)).collect();
    let more = found.next().is_some();
    let events = shown.iter().map(|(_, record)| {
        let resources = record.resources.iter().map(|(kind, name)| {
            Value::structure([("ResourceType", Value::from(kind)), ("ResourceName", Value::from(name))])
        });
        Value::structure([
            ("EventId", Value::from(&record.event_id)),
            ("EventName", Value::from(&record.event_name)),
            ("ReadOnly", record.read_only.to_string().into()),
            ("AccessKeyId", record.access_key_id.clone().into()),
            ("EventTime", record.event_time.into()),
            ("EventSource", Value::from(&record.event_source)),
            ("Username", Value::from(&record.username)),
            ("Resources", Value::List(resources.collect())),
            ("CloudTrailEvent", Value::from(&record.record)),
        ])
    });
    let mut output = Value::structure([("Events", Value::List(events.collect()))]);
    if let (true, Some((last, _))) = (more, shown.last()) {
        output.push("NextToken", page_token::encode(&question, &last.to_string()));
    }
    Ok(Reply::Output(output))
}
