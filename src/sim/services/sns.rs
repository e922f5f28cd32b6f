//! Simple Notification Service: Publish and its validations; what was published can be read at `/_sim/published`.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;

use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::{page_token, unknown_operation},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::World,
};

/// Publications that are remembered; older ones are forgotten.
const REMEMBERED: usize = 10_000;
/// Bytes of message and attributes together.
const MESSAGE_LIMIT: usize = 262_144;
/// Topics of a page.
const PAGE: usize = 100;

/// What was published.
#[derive(Debug, Default)]
pub struct Sns {
    published: VecDeque<Publication>,
}

/// One published message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publication {
    /// Topic ARN, or the phone number of a text message.
    pub topic: String,
    /// `MessageId` of the answer.
    pub message_id: String,
    /// Who published, an ARN.
    pub publisher: String,
    /// When.
    pub at: Timestamp,
    /// Subject.
    pub subject: Option<String>,
    /// Message.
    pub message: String,
    /// `json` if the message has a version for each protocol.
    pub message_structure: Option<String>,
    /// Attributes in the order of the request.
    pub attributes: Vec<Attribute>,
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// `String`, `String.Array`, `Number`, `Binary`, or one of these with a label.
    pub data_type: String,
    /// The value; base64 if the type is binary.
    pub value: String,
}

impl Sns {
    /// What was published, oldest first.
    pub fn published(&self) -> impl Iterator<Item = &Publication> {
        self.published.iter()
    }

    fn remember(&mut self, publication: Publication) {
        if self.published.len() >= REMEMBERED {
            self.published.pop_front();
        }
        self.published.push_back(publication);
    }
}

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    match operation {
        "Publish" => publish(world, call, &input),
        "PublishBatch" => publish_batch(world, call, &input),
        "ListTopics" => list_topics(world, call, &input),
        "GetTopicAttributes" => get_topic_attributes(world, call, &input),
        "ListSubscriptionsByTopic" => {
            let arn = input.required_text("TopicArn");
            input.finish(Style::Query)?;
            existing_topic(world, call, ("ListSubscriptionsByTopic", "TopicArn"), arn)?;
            Ok(Reply::Output(Value::structure([("Subscriptions", Value::List(Vec::new()))])))
        }
        "ListTagsForResource" => {
            let arn = input.required_text_of("ResourceArn", 1..=1011);
            input.finish(Style::Query)?;
            existing_topic(world, call, ("ListTagsForResource", "ResourceArn"), arn).map_err(|error| {
                match error.code.as_str() {
                    "NotFound" => AwsError::client("ResourceNotFound", "Resource does not exist").with_status(404),
                    _ => error,
                }
            })?;
            Ok(Reply::Output(Value::structure([("Tags", Value::List(Vec::new()))])))
        }
        _ => Err(unknown_operation()),
    }
}

fn publish(world: &mut World, call: &Call, input: &Input<'_>) -> Outcome {
    input.require("Message");
    input.finish(Style::Query)?;
    let topic = match (input.text("TopicArn"), input.text("TargetArn"), input.text("PhoneNumber")) {
        (Some(arn), None, None) => existing_topic(world, call, ("Publish", "TopicArn"), arn)?,
        (None, Some(arn), None) => existing_topic(world, call, ("Publish", "TargetArn"), arn)?,
        (None, None, Some(number)) => phone(number)?,
        (None, None, None) => return Err(invalid("TopicArn or TargetArn Reason: no value for required parameter")),
        _ => return Err(invalid("Only one of TopicArn, TargetArn or PhoneNumber can be specified")),
    };
    let publication = message(call, input, topic)?;
    let id = publication.message_id.clone();
    world.sns.remember(publication);
    Ok(Reply::Output(Value::structure([("MessageId", id.into())])))
}

fn publish_batch(world: &mut World, call: &Call, input: &Input<'_>) -> Outcome {
    let arn = input.required_text("TopicArn");
    input.require("PublishBatchRequestEntries");
    let entries = input.structs("PublishBatchRequestEntries", 0..=usize::MAX);
    for entry in &entries {
        entry.required_text("Id");
        entry.required_text("Message");
    }
    input.finish(Style::Query)?;
    let topic = existing_topic(world, call, ("Publish", "TopicArn"), arn)?;
    let batch = |code: &str, words: &str| AwsError::client(code, words);
    match entries.len() {
        0 => return Err(batch("EmptyBatchRequest", "The batch request doesn't contain any entries.")),
        1..=10 => {}
        _ => {
            return Err(batch(
                "TooManyEntriesInBatchRequest",
                "The batch request contains more entries than permissible.",
            ));
        }
    }
    let ids: Vec<&str> = entries.iter().filter_map(|entry| entry.text("Id")).collect();
    for (position, id) in ids.iter().enumerate() {
        let plain = id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
        if id.is_empty() || id.len() > 80 || !plain {
            return Err(batch(
                "InvalidBatchEntryId",
                "The Id of a batch entry in a batch request doesn't abide by the specification.",
            ));
        }
        if ids.iter().take(position).any(|other| other == id) {
            return Err(batch(
                "BatchEntryIdsNotDistinct",
                "Two or more batch entries in the request have the same Id.",
            ));
        }
    }
    let size: usize = entries.iter().filter_map(|entry| entry.text("Message")).map(str::len).sum();
    if size > MESSAGE_LIMIT {
        return Err(batch(
            "BatchRequestTooLong",
            "The length of all the batch messages put together is more than the limit.",
        ));
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in &entries {
        let id = entry.text("Id").unwrap_or_default();
        match message(call, entry, topic.clone()) {
            Ok(publication) => {
                let message_id = publication.message_id.clone();
                world.sns.remember(publication);
                successful.push(Value::structure([("Id", id.into()), ("MessageId", message_id.into())]));
            }
            Err(error) => failed.push(Value::structure([
                ("Id", id.into()),
                ("Code", error.code.into()),
                ("Message", error.message.into()),
                ("SenderFault", true.into()),
            ])),
        }
    }
    Ok(Reply::Output(Value::structure([("Successful", Value::List(successful)), ("Failed", Value::List(failed))])))
}

/// Checks everything of a message but its destination.
fn message(call: &Call, input: &Input<'_>, topic: String) -> Result<Publication, AwsError> {
    let text = input.text("Message").unwrap_or_default();
    if text.is_empty() {
        return Err(invalid("Empty message"));
    }
    let subject = input.text("Subject");
    if let Some(subject) = subject {
        // UTF-8 without line breaks and control characters, at most 100 characters.
        if subject.is_empty() || subject.chars().count() > 100 || subject.chars().any(char::is_control) {
            return Err(invalid("Subject"));
        }
    }
    let structure = input.text("MessageStructure");
    match structure {
        None => {}
        Some("json") => check_structure(text)?,
        Some(_) => return Err(invalid("Invalid message structure")),
    }
    let group_allows =
        |group: &str| (1..=128).contains(&group.len()) && group.chars().all(|letter| letter.is_ascii_graphic());
    if input.text("MessageGroupId").is_some_and(|group| !group_allows(group)) {
        return Err(invalid(
            "MessageGroupId Reason: The MessageGroupId can contain up to 128 alphanumeric and punctuation characters",
        ));
    }
    if input.text("MessageDeduplicationId").is_some() {
        return Err(invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ));
    }
    let attributes = attributes(input)?;
    let size = text.len()
        + attributes
            .iter()
            .map(|attribute| attribute.name.len() + attribute.data_type.len() + attribute.value.len())
            .sum::<usize>();
    if size > MESSAGE_LIMIT {
        return Err(invalid("Message too long"));
    }
    Ok(Publication {
        topic,
        message_id: message_id(),
        publisher: call.caller.arn.clone(),
        at: call.now,
        subject: subject.map(str::to_owned),
        message: text.to_owned(),
        message_structure: structure.map(str::to_owned),
        attributes,
    })
}

fn check_structure(text: &str) -> Result<(), AwsError> {
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|_| invalid("Message Structure - JSON message body failed to parse"))?;
    match parsed.get("default") {
        Some(serde_json::Value::String(_)) => Ok(()),
        _ => Err(invalid("Message Structure - No default entry in JSON message body")),
    }
}

fn attributes(input: &Input<'_>) -> Result<Vec<Attribute>, AwsError> {
    let mut attributes: Vec<Attribute> = Vec::new();
    for (name, value) in input.map("MessageAttributes") {
        let refuse = |words: String| AwsError::client("ParameterValueInvalid", words);
        let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter));
        if name.is_empty()
            || name.len() > 256
            || !plain
            || name.starts_with('.')
            || name.ends_with('.')
            || name.contains("..")
        {
            return Err(refuse(format!(
                "Invalid parameter: MessageAttributes Reason: The message attribute name '{name}' is invalid."
            )));
        }
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("aws.") || lower.starts_with("amazon.") {
            return Err(refuse(format!(
                "The message attribute name '{name}' is invalid. Attribute name cannot begin with reserved prefix."
            )));
        }
        let data_type = value.text("DataType").unwrap_or_default();
        if data_type.is_empty() {
            return Err(refuse(format!(
                "The message attribute '{name}' must contain non-empty message attribute type."
            )));
        }
        let base = data_type.split('.').next().unwrap_or_default();
        if !matches!(base, "String" | "Number" | "Binary") {
            return Err(refuse(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            )));
        }
        let content = if base == "Binary" { value.text("BinaryValue") } else { value.text("StringValue") };
        let content = content.filter(|content| !content.is_empty()).ok_or_else(|| {
            refuse(format!("The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."))
        })?;
        if base == "Number" && content.parse::<f64>().is_err() {
            return Err(refuse(format!("Could not cast message attribute '{name}' value to number.")));
        }
        if data_type == "String.Array" {
            let array = serde_json::from_str::<serde_json::Value>(content).ok();
            if !array.is_some_and(|array| array.is_array()) {
                return Err(refuse(format!(
                    "The message attribute '{name}' with type 'String.Array' must be a JSON array."
                )));
            }
        }
        attributes.push(Attribute { name: name.into(), data_type: data_type.into(), value: content.into() });
    }
    Ok(attributes)
}

/// The ARN, if the topic exists where the request went.
fn existing_topic(
    world: &World,
    call: &Call,
    (action, parameter): (&str, &str),
    arn: &str,
) -> Result<String, AwsError> {
    let parts: Vec<&str> = arn.split(':').collect();
    let [first, _partition, service, region, account, name] = parts.as_slice() else {
        let found = parts.len();
        return Err(invalid(&format!("{parameter} Reason: An ARN must have at least 6 elements, not {found}")));
    };
    if *first != "arn" || *service != "sns" || *region != call.region || account.len() != 12 || name.is_empty() {
        return Err(invalid(parameter));
    }
    let topics =
        world.accounts.get(*account).and_then(|account| account.regions.get(*region)).map(|state| &state.topics);
    match topics {
        Some(topics) if topics.iter().any(|topic| topic == name) => Ok(arn.to_owned()),
        // Another account's topic says no more than that there is nothing for this caller.
        _ if **account != *call.caller.account => Err(AwsError::client(
            "AuthorizationError",
            format!(
                "User: {} is not authorized to perform: SNS:{action} on resource: {arn} because no resource-based policy allows the SNS:{action} action",
                call.caller.arn
            ),
        )
        .with_status(403)),
        _ => Err(AwsError::client("NotFound", "Topic does not exist").with_status(404)),
    }
}

fn phone(number: &str) -> Result<String, AwsError> {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let valid = (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    if valid {
        Ok(number.to_owned())
    } else {
        Err(invalid(&format!("PhoneNumber Reason: {number} is not valid to publish to")))
    }
}

fn list_topics(world: &World, call: &Call, input: &Input<'_>) -> Outcome {
    let token = input.text("NextToken").filter(|token| !token.is_empty());
    input.finish(Style::Query)?;
    let names = world.accounts.get(&call.caller.account).and_then(|account| account.regions.get(&call.region));
    let mut arns: Vec<String> = names
        .into_iter()
        .flat_map(|state| &state.topics)
        .map(|name| format!("arn:aws:sns:{}:{}:{name}", call.region, call.caller.account))
        .collect();
    arns.sort();
    let question = ["ListTopics", &call.caller.account, &call.region];
    let start = match token {
        None => 0,
        Some(token) => page_token::decode(&question, token)
            .and_then(|position| position.parse().ok())
            .filter(|start| *start <= arns.len())
            .ok_or_else(|| invalid("NextToken"))?,
    };
    let page = arns.iter().skip(start).take(PAGE).map(|arn| Value::structure([("TopicArn", arn.into())]));
    let mut output = Value::structure([("Topics", Value::list(page))]);
    if start + PAGE < arns.len() {
        output.push("NextToken", page_token::encode(&question, &(start + PAGE).to_string()));
    }
    Ok(Reply::Output(output))
}

fn get_topic_attributes(world: &World, call: &Call, input: &Input<'_>) -> Outcome {
    let arn = input.required_text("TopicArn");
    input.finish(Style::Query)?;
    existing_topic(world, call, ("GetTopicAttributes", "TopicArn"), arn)?;
    let owner = arn.split(':').nth(4).unwrap_or_default();
    let policy = serde_json::json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "organization_publishes",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "SNS:Publish",
            "Resource": arn,
        }],
    });
    let delivery = serde_json::json!({"http": {"defaultHealthyRetryPolicy": {
        "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, "numMaxDelayRetries": 0, "numNoDelayRetries": 0,
        "numMinDelayRetries": 0, "backoffFunction": "linear"}, "disableSubscriptionOverrides": false,
        "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"}}});
    let attributes = [
        ("Policy", policy.to_string()),
        ("Owner", owner.to_owned()),
        ("SubscriptionsPending", "0".to_owned()),
        ("TopicArn", arn.to_owned()),
        ("EffectiveDeliveryPolicy", delivery.to_string()),
        ("SubscriptionsConfirmed", "0".to_owned()),
        ("DisplayName", String::new()),
        ("SubscriptionsDeleted", "0".to_owned()),
    ];
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), Value::Text(value))).collect();
    Ok(Reply::Output(Value::structure([("Attributes", Value::Map(attributes))])))
}

fn invalid(reason: &str) -> AwsError {
    AwsError::client("InvalidParameter", format!("Invalid parameter: {reason}"))
}

/// A UUID in version 5 shape, as SNS makes them.
fn message_id() -> String {
    let bits = fastrand::u128(..);
    format!(
        "{:08x}-{:04x}-5{:03x}-{:x}{:03x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xfff,
        8 | ((bits >> 62) & 3),
        (bits >> 48) & 0xfff,
        bits & 0xffff_ffff_ffff
    )
}
