//! Log events: reading with tokens, filtering, writing, following.

use std::sync::Arc;

use super::{
    GROUP_NAME, STREAM_NAME, find_group, group_name,
    groups::{group_of_arn, sequence_token},
    invalid, invalid_token, no_stream,
    pattern::Pattern,
    read_group,
};
use crate::sim::{
    error::AwsError,
    service::{Call, LiveTail, Outcome, Reply},
    services::page_token,
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{
        World,
        logs::{EVENT_OVERHEAD, LogEvent, LogStream},
    },
};

/// Bytes of a page or an upload.
const MOST_BYTES: u64 = 1_048_576;
/// Events of a page.
const MOST_EVENTS: i64 = 10_000;
const DAY_MILLISECONDS: i64 = 24 * 3600 * 1000;

/// Where an event stands in its stream.
type Position = (i64, u64);

fn position(event: &LogEvent) -> Position {
    (event.timestamp, event.serial)
}

/// A token of GetLogEvents: direction, then time stamp, serials of event and stream as one long number.
fn token(direction: char, at: Position, stream: &LogStream) -> String {
    format!("{direction}/3{:016}{:020}{:019}/s", at.0.max(0), at.1, stream.serial)
}

fn read_token(text: &str, stream: &LogStream) -> Option<(char, Position)> {
    let direction = text.chars().next().filter(|direction| matches!(direction, 'f' | 'b'))?;
    let digits = text.get(1..)?.strip_prefix("/3")?.strip_suffix("/s")?;
    if digits.len() != 55 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let owner: u64 = digits.get(36..)?.parse().ok()?;
    let at = (digits.get(..16)?.parse().ok()?, digits.get(16..36)?.parse().ok()?);
    (owner == stream.serial).then_some((direction, at))
}

pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let pair = read_group(&input);
    let stream_name = input.required_text_of("logStreamName", 1..=512);
    input.pattern("logStreamName", STREAM_NAME);
    let from = input.int("startTime", 0..=i64::MAX).unwrap_or(0);
    let to = input.int("endTime", 0..=i64::MAX).unwrap_or(i64::MAX);
    let given = input.text_of("nextToken", 1..=usize::MAX);
    let limit = input.int("limit", 1..=MOST_EVENTS).unwrap_or(MOST_EVENTS);
    let from_head = input.boolean("startFromHead").unwrap_or(false);
    input.boolean("unmask");
    input.finish(Style::InvalidParameter)?;
    let name = group_name(call, pair)?;
    let stream = find_group(world, call, name)?.streams.get(stream_name).ok_or_else(no_stream)?;
    let cursor = match given {
        None => None,
        Some(text) => Some(read_token(text, stream).ok_or_else(invalid_token)?),
    };
    let window = window(&stream.events, from, to);
    let limit = usize::try_from(limit).unwrap_or(1);
    let page = match cursor {
        Some(('f', at)) => {
            let start = window.partition_point(|event| position(event) <= at);
            first_page(window.get(start..).unwrap_or_default(), limit)
        }
        Some((_, at)) => {
            let end = window.partition_point(|event| position(event) < at);
            last_page(window.get(..end).unwrap_or_default(), limit)
        }
        None if from_head => first_page(window, limit),
        None => last_page(window, limit),
    };
    let (backward, forward) = match (page.first(), page.last(), cursor) {
        (Some(first), Some(last), _) => (position(first), position(last)),
        // At an end: the token that was sent comes back, the other one turns around at the same place.
        (_, _, Some(('f', at))) => ((at.0, at.1.saturating_add(1)), at),
        (_, _, Some((_, at))) => (at, (at.0, at.1.saturating_sub(1))),
        _ => {
            let end = if from_head { None } else { stream.events.last() };
            let at = end.map_or((0, 0), |event| position(event));
            ((at.0, at.1.saturating_add(1)), at)
        }
    };
    let events = page.iter().map(|event| {
        Value::structure([
            ("timestamp", Value::Int(event.timestamp)),
            ("message", Value::from(&event.message)),
            ("ingestionTime", Value::Int(event.ingestion)),
        ])
    });
    Ok(Reply::Output(Value::structure([
        ("events", Value::List(events.collect())),
        ("nextForwardToken", token('f', forward, stream).into()),
        ("nextBackwardToken", token('b', backward, stream).into()),
    ])))
}

fn window(events: &[Arc<LogEvent>], from: i64, to: i64) -> &[Arc<LogEvent>] {
    let start = events.partition_point(|event| event.timestamp < from);
    let end = events.partition_point(|event| event.timestamp < to);
    events.get(start..end).unwrap_or_default()
}

fn size(event: &LogEvent) -> u64 {
    event.message.len() as u64 + EVENT_OVERHEAD
}

/// How many of these events fill a page: at least one, if there are any.
fn fitting<'a>(events: impl Iterator<Item = &'a Arc<LogEvent>>, limit: usize) -> usize {
    let mut bytes = 0;
    let mut count = 0;
    for event in events.take(limit) {
        bytes += size(event);
        if bytes > MOST_BYTES && count > 0 {
            break;
        }
        count += 1;
    }
    count
}

fn first_page(events: &[Arc<LogEvent>], limit: usize) -> &[Arc<LogEvent>] {
    events.get(..fitting(events.iter(), limit)).unwrap_or_default()
}

fn last_page(events: &[Arc<LogEvent>], limit: usize) -> &[Arc<LogEvent>] {
    let count = fitting(events.iter().rev(), limit);
    events.get(events.len() - count..).unwrap_or_default()
}

pub(super) fn filter(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let pair = read_group(&input);
    let names = input.texts("logStreamNames", 1..=100, 1..=512);
    let prefix = input.text_of("logStreamNamePrefix", 1..=512);
    input.pattern("logStreamNamePrefix", STREAM_NAME);
    let from = input.int("startTime", 0..=i64::MAX).unwrap_or(0);
    let to = input.int("endTime", 0..=i64::MAX).unwrap_or(i64::MAX);
    let pattern = input.text_of("filterPattern", 0..=1024).unwrap_or_default();
    let given = input.text_of("nextToken", 1..=usize::MAX);
    let limit = input.int("limit", 1..=MOST_EVENTS).unwrap_or(MOST_EVENTS);
    let from_head = input.boolean("startFromHead").unwrap_or(true);
    input.boolean("interleaved");
    input.boolean("unmask");
    input.finish(Style::InvalidParameter)?;
    let name = group_name(call, pair)?;
    if !names.is_empty() && prefix.is_some() {
        return Err(invalid("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters."));
    }
    let parsed = Pattern::parse(pattern).map_err(invalid)?;
    let group = find_group(world, call, name)?;
    if let Some(missing) = names.iter().find(|name| !group.streams.contains_key(**name)) {
        return Err(AwsError::client(
            "ResourceNotFoundException",
            format!("The specified log stream does not exist: {missing}"),
        ));
    }
    let joined = names.join(",");
    let direction = if from_head { "head" } else { "tail" };
    let question = [
        "FilterLogEvents",
        &call.caller.account,
        &call.region,
        name,
        &joined,
        prefix.unwrap_or_default(),
        pattern,
        direction,
    ];
    let cursor: Option<Position> = match given {
        None => None,
        Some(token) => {
            let position = page_token::decode(&question, token).ok_or_else(invalid_token)?;
            let (time, serial) = position.split_once('.').ok_or_else(invalid_token)?;
            Some((time.parse().map_err(|_| invalid_token())?, serial.parse().map_err(|_| invalid_token())?))
        }
    };
    let mut found: Vec<(&String, &Arc<LogEvent>)> = group
        .streams
        .iter()
        .filter(|(name, _)| {
            (names.is_empty() || names.contains(&name.as_str())) && prefix.is_none_or(|prefix| name.starts_with(prefix))
        })
        .flat_map(|(name, stream)| window(&stream.events, from, to).iter().map(move |event| (name, event)))
        .filter(|(_, event)| {
            cursor.is_none_or(|at| if from_head { position(event) > at } else { position(event) < at })
                && parsed.matches(&event.message)
        })
        .collect();
    found.sort_unstable_by_key(|(_, event)| position(event));
    if !from_head {
        found.reverse();
    }
    let count = fitting(found.iter().map(|(_, event)| *event), usize::try_from(limit).unwrap_or(1));
    let shown = found.get(..count).unwrap_or_default();
    let events = shown.iter().map(|(name, event)| {
        Value::structure([
            ("logStreamName", Value::from(*name)),
            ("timestamp", Value::Int(event.timestamp)),
            ("message", Value::from(&event.message)),
            ("ingestionTime", Value::Int(event.ingestion)),
            ("eventId", format!("3{:016}{:039}", event.timestamp.max(0), event.serial).into()),
        ])
    });
    let mut output =
        Value::structure([("events", Value::List(events.collect())), ("searchedLogStreams", Value::List(Vec::new()))]);
    if let (true, Some((_, last))) = (found.len() > count, shown.last()) {
        let at = format!("{}.{}", last.timestamp, last.serial);
        output.push("nextToken", page_token::encode(&question, &at));
    }
    Ok(Reply::Output(output))
}

pub(super) fn put(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let group = input.required_text_of("logGroupName", 1..=512);
    input.pattern("logGroupName", GROUP_NAME);
    let stream = input.required_text_of("logStreamName", 1..=512);
    input.pattern("logStreamName", STREAM_NAME);
    input.require("logEvents");
    let mut events = Vec::new();
    for event in input.structs("logEvents", 1..=10_000) {
        let timestamp = event.required_int("timestamp", 0..=i64::MAX);
        events.push((timestamp, event.required_text_of("message", 1..=usize::MAX).to_owned()));
    }
    input.finish(Style::InvalidParameter)?;
    if !find_group(world, call, group)?.streams.contains_key(stream) {
        return Err(no_stream());
    }
    if events.windows(2).any(|pair| matches!(pair, [(left, _), (right, _)] if left > right)) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let bounds = (events.first().map_or(0, |event| event.0), events.last().map_or(0, |event| event.0));
    if bounds.1 - bounds.0 > DAY_MILLISECONDS {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    if let Some((_, message)) = events.iter().find(|(_, message)| message.len() as u64 + EVENT_OVERHEAD > MOST_BYTES) {
        let size = message.len() as u64 + EVENT_OVERHEAD;
        return Err(invalid(format!("Log event too large: {size} bytes exceeds limit of {MOST_BYTES}")));
    }
    let total: u64 = events.iter().map(|(_, message)| message.len() as u64 + EVENT_OVERHEAD).sum();
    if total > MOST_BYTES {
        return Err(invalid(format!("Upload too large: {total} bytes exceeds limit of {MOST_BYTES}")));
    }
    let now = call.now.as_millisecond();
    let (oldest, newest) = (now - 14 * DAY_MILLISECONDS, now + 2 * 3600 * 1000);
    let too_old = events.partition_point(|(timestamp, _)| *timestamp < oldest);
    let too_new = events.partition_point(|(timestamp, _)| *timestamp <= newest);
    let mut rejected = Value::empty();
    if too_new < events.len() {
        rejected.push("tooNewLogEventStartIndex", Value::Int(too_new as i64));
    }
    if too_old > 0 {
        rejected.push("tooOldLogEventEndIndex", Value::Int(too_old as i64));
    }
    let nothing_rejected = rejected == Value::empty();
    let accepted: Vec<(i64, String)> = events.into_iter().take(too_new).skip(too_old).collect();
    world.put_log_events(&call.caller.account, &call.region, group, stream, accepted);
    let stored = find_group(world, call, group)?.streams.get(stream).ok_or_else(no_stream)?;
    let mut output = Value::structure([("nextSequenceToken", sequence_token(stored).into())]);
    if !nothing_rejected {
        output.push("rejectedLogEventsInfo", rejected);
    }
    Ok(Reply::Output(output))
}

pub(super) fn live_tail(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    input.require("logGroupIdentifiers");
    let groups = input.texts("logGroupIdentifiers", 1..=10, 1..=2048);
    let names = input.texts("logStreamNames", 1..=100, 1..=512);
    let prefixes = input.texts("logStreamNamePrefixes", 1..=100, 1..=512);
    let pattern = input.text_of("logEventFilterPattern", 0..=1024);
    input.finish(Style::InvalidParameter)?;
    if !names.is_empty() && !prefixes.is_empty() {
        return Err(invalid("LogStreamNames and LogStreamNamePrefixes are mutually exclusive parameters."));
    }
    if groups.len() > 1 && !(names.is_empty() && prefixes.is_empty()) {
        return Err(invalid(
            "LogStreamNames or LogStreamNamePrefixes can be specified only when a single log group is specified.",
        ));
    }
    for arn in &groups {
        group_of_arn(world, call, arn)?;
    }
    if let Some(pattern) = pattern {
        Pattern::parse(pattern).map_err(invalid)?;
    }
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    Ok(Reply::LiveTail(LiveTail {
        account: call.caller.account.clone(),
        region: call.region.clone(),
        log_group_identifiers: owned(groups),
        log_stream_names: owned(names),
        log_stream_name_prefixes: owned(prefixes),
        filter_pattern: pattern.filter(|pattern| !pattern.is_empty()).map(str::to_owned),
    }))
}
