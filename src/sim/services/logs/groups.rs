//! Log groups and streams.

use super::{
    GROUP_NAME, STREAM_NAME, find_group, group_name, invalid, invalid_token, named_by, no_group, no_stream, read_group,
};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::page_token,
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{
        World,
        logs::{EVENT_OVERHEAD, LogGroup, LogStream},
    },
};

const CLASSES: &[&str] = &["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"];

fn bytes(stream: &LogStream) -> i64 {
    let total: u64 = stream.events.iter().map(|event| event.message.len() as u64 + EVENT_OVERHEAD).sum();
    i64::try_from(total).unwrap_or(i64::MAX)
}

pub(super) fn describe_groups(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    input.texts("accountIdentifiers", 0..=20, 12..=12);
    let prefix = input.text_of("logGroupNamePrefix", 1..=512);
    input.pattern("logGroupNamePrefix", GROUP_NAME);
    let part = input.text_of("logGroupNamePattern", 0..=512);
    input.pattern("logGroupNamePattern", "[\\.\\-_/#A-Za-z0-9]*");
    let token = input.text_of("nextToken", 1..=usize::MAX);
    let limit = input.int("limit", 1..=50).unwrap_or(50);
    input.boolean("includeLinkedAccounts");
    let class = input.enumeration("logGroupClass", CLASSES);
    let identifiers = input.texts("logGroupIdentifiers", 1..=50, 1..=2048);
    input.finish(Style::InvalidParameter)?;
    if prefix.is_some() && part.is_some() {
        return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    let (account, region) = (call.caller.account.as_str(), call.region.as_str());
    let joined = identifiers.join(",");
    let question = [
        "DescribeLogGroups",
        account,
        region,
        prefix.unwrap_or_default(),
        part.unwrap_or_default(),
        class.unwrap_or_default(),
        &joined,
    ];
    let after = match token {
        None => String::new(),
        Some(token) => page_token::decode(&question, token).ok_or_else(invalid_token)?,
    };
    let named: Vec<&str> = identifiers.iter().filter_map(|identifier| named_by(call, identifier)).collect();
    let admits = |group: &LogGroup| {
        group.name > after
            && prefix.is_none_or(|prefix| group.name.starts_with(prefix))
            // The pattern is a substring, letter case counts not.
            && part.is_none_or(|part| group.name.to_lowercase().contains(&part.to_lowercase()))
            && class.is_none_or(|class| class == "STANDARD")
            && (identifiers.is_empty() || named.contains(&group.name.as_str()))
    };
    let groups = world.region(account, region).map(|state| &state.log_groups);
    let mut found = groups.into_iter().flat_map(|groups| groups.values()).filter(|group| admits(group));
    let shown: Vec<&LogGroup> = found.by_ref().take(usize::try_from(limit).unwrap_or(1)).collect();
    let more = found.next().is_some();
    let list = shown.iter().map(|group| {
        let arn = group.arn(account, region);
        Value::structure([
            ("logGroupName", Value::from(&group.name)),
            ("creationTime", Value::Int(group.created.as_millisecond())),
            ("retentionInDays", group.retention_days.into()),
            ("metricFilterCount", Value::Int(0)),
            ("arn", format!("{arn}:*").into()),
            ("storedBytes", Value::Int(group.streams.values().map(bytes).sum())),
            ("kmsKeyId", group.kms_key.clone().into()),
            ("logGroupClass", "STANDARD".into()),
            ("logGroupArn", arn.into()),
            ("deletionProtectionEnabled", false.into()),
        ])
    });
    let mut output = Value::structure([("logGroups", Value::List(list.collect()))]);
    if let (true, Some(last)) = (more, shown.last()) {
        output.push("nextToken", page_token::encode(&question, &last.name));
    }
    Ok(Reply::Output(output))
}

pub(super) fn describe_streams(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let pair = read_group(&input);
    let prefix = input.text_of("logStreamNamePrefix", 1..=512);
    input.pattern("logStreamNamePrefix", STREAM_NAME);
    let order = input.enumeration("orderBy", &["LogStreamName", "LastEventTime"]).unwrap_or("LogStreamName");
    let descending = input.boolean("descending").unwrap_or(false);
    let token = input.text_of("nextToken", 1..=usize::MAX);
    let limit = input.int("limit", 1..=50).unwrap_or(50);
    input.finish(Style::InvalidParameter)?;
    let name = group_name(call, pair)?;
    if prefix.is_some() && order == "LastEventTime" {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let group = find_group(world, call, name)?;
    let (account, region) = (call.caller.account.as_str(), call.region.as_str());
    let direction = if descending { "descending" } else { "ascending" };
    let question = ["DescribeLogStreams", account, region, name, prefix.unwrap_or_default(), order, direction];
    let position = match token {
        None => None,
        Some(token) => Some(page_token::decode(&question, token).ok_or_else(invalid_token)?),
    };
    // The key of a stream in the order asked for; pages go on behind the key of the last one shown.
    let by_name = order == "LogStreamName";
    let key = |name: &str, stream: &LogStream| {
        if by_name { name.to_owned() } else { format!("{:020}{name}", stream.last_event().unwrap_or(0)) }
    };
    let mut found: Vec<(String, &String, &LogStream)> = group
        .streams
        .iter()
        .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
        .map(|(name, stream)| (key(name, stream), name, stream))
        .collect();
    found.sort_by(|left, right| if descending { right.0.cmp(&left.0) } else { left.0.cmp(&right.0) });
    let beyond = |key: &str| match &position {
        None => true,
        Some(position) if descending => key < position.as_str(),
        Some(position) => key > position.as_str(),
    };
    let mut rest = found.into_iter().filter(|(key, ..)| beyond(key));
    let shown: Vec<_> = rest.by_ref().take(usize::try_from(limit).unwrap_or(1)).collect();
    let more = rest.next().is_some();
    let arn = group.arn(account, region);
    let list = shown.iter().map(|(_, name, stream)| {
        Value::structure([
            ("logStreamName", Value::from(*name)),
            ("creationTime", Value::Int(stream.created.as_millisecond())),
            ("firstEventTimestamp", stream.first_event().into()),
            ("lastEventTimestamp", stream.last_event().into()),
            ("lastIngestionTime", stream.last_ingestion.into()),
            ("uploadSequenceToken", sequence_token(stream).into()),
            ("arn", format!("{arn}:log-stream:{name}").into()),
            ("storedBytes", Value::Int(0)),
        ])
    });
    let mut output = Value::structure([("logStreams", Value::List(list.collect()))]);
    if let (true, Some((last, ..))) = (more, shown.last()) {
        output.push("nextToken", page_token::encode(&question, last));
    }
    Ok(Reply::Output(output))
}

pub(super) fn sequence_token(stream: &LogStream) -> String {
    format!("49{:054}", u128::from(stream.serial) * 1_000_003 + stream.events.len() as u128)
}

pub(super) fn create_group(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let name = input.required_text_of("logGroupName", 1..=512);
    input.pattern("logGroupName", GROUP_NAME);
    let key = input.text_of("kmsKeyId", 0..=256);
    input.enumeration("logGroupClass", CLASSES);
    input.finish(Style::InvalidParameter)?;
    let now = call.now;
    let Some(state) = world.region_mut(&call.caller.account, &call.region) else {
        return Err(AwsError::client("ServiceUnavailableException", "The service cannot complete the request.")
            .with_status(503));
    };
    if state.log_groups.contains_key(name) {
        return Err(AwsError::client("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    let mut group = LogGroup::new(name, now);
    group.kms_key = key.map(str::to_owned);
    state.log_groups.insert(name.to_owned(), group);
    Ok(Reply::Output(Value::empty()))
}

pub(super) fn delete_group(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let name = input.required_text_of("logGroupName", 1..=512);
    input.pattern("logGroupName", GROUP_NAME);
    input.finish(Style::InvalidParameter)?;
    let state = world.region_mut(&call.caller.account, &call.region);
    match state.and_then(|state| state.log_groups.remove(name)) {
        Some(_) => Ok(Reply::Output(Value::empty())),
        None => Err(no_group()),
    }
}

fn read_stream<'a>(input: &Input<'a>) -> (&'a str, &'a str) {
    let group = input.required_text_of("logGroupName", 1..=512);
    input.pattern("logGroupName", GROUP_NAME);
    let stream = input.required_text_of("logStreamName", 1..=512);
    input.pattern("logStreamName", STREAM_NAME);
    (group, stream)
}

pub(super) fn create_stream(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let (group, stream) = read_stream(&input);
    input.finish(Style::InvalidParameter)?;
    if find_group(world, call, group)?.streams.contains_key(stream) {
        return Err(AwsError::client("ResourceAlreadyExistsException", "The specified log stream already exists"));
    }
    world.create_log_stream(&call.caller.account, &call.region, group, stream);
    Ok(Reply::Output(Value::empty()))
}

pub(super) fn delete_stream(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let (name, stream) = read_stream(&input);
    input.finish(Style::InvalidParameter)?;
    let state = world.region_mut(&call.caller.account, &call.region);
    let group = state.and_then(|state| state.log_groups.get_mut(name)).ok_or_else(no_group)?;
    group.streams.remove(stream).map(|_| Reply::Output(Value::empty())).ok_or_else(no_stream)
}

/// Live Tail names its groups by ARN; the group of one of this account and region.
pub(super) fn group_of_arn<'a>(world: &'a World, call: &Call, arn: &str) -> Result<&'a LogGroup, AwsError> {
    if !arn.starts_with("arn:") || arn.ends_with('*') {
        return Err(invalid(format!("The specified log group identifier is not a valid ARN: {arn}")));
    }
    let name = named_by(call, arn).ok_or_else(no_group)?;
    find_group(world, call, name)
}
