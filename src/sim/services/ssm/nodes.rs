//! Managed nodes: DescribeInstanceInformation, DescribeInstanceProperties, tags.

use super::invalid_next_token;
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::page_token,
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{World, model::Node, organization},
};

/// The agent version that counts as the latest.
const LATEST_AGENT: &str = "3.3.2299.0";
/// Values of one tag filter at most.
const MOST_TAG_VALUES: usize = 5;
const KEYS: &[&str] = &[
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
];
const PROPERTY_KEYS: &[&str] = &[
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "DocumentName",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
];
const RESOURCE_TYPES: &[&str] = &[
    "Document",
    "ManagedInstance",
    "MaintenanceWindow",
    "Parameter",
    "PatchBaseline",
    "OpsItem",
    "OpsMetadata",
    "Automation",
    "Association",
    "CloudConnector",
];

struct Filter {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Filter {
    fn admits(&self, node: &Node) -> bool {
        let own: Vec<String> = match self.key.as_str() {
            "tag-key" => node.tags.keys().cloned().collect(),
            key => match key.strip_prefix("tag:") {
                Some(tag) => node.tags.get(tag).cloned().into_iter().collect(),
                None => vec![attribute(node, key)],
            },
        };
        let any =
            |test: &dyn Fn(&str, &str) -> bool| own.iter().any(|own| self.values.iter().any(|value| test(own, value)));
        match self.operator.as_str() {
            "NotEqual" => !any(&|own, value| own == value),
            "BeginWith" => any(&|own, value| own.starts_with(value)),
            "LessThan" => any(&|own, value| version(own) < version(value)),
            "GreaterThan" => any(&|own, value| version(own) > version(value)),
            _ => any(&|own, value| own == value),
        }
    }
}

fn version(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn ping_status(node: &Node) -> &'static str {
    if node.online { "Online" } else { "ConnectionLost" }
}

fn attribute(node: &Node, key: &str) -> String {
    match key {
        "InstanceIds" => node.id.clone(),
        "AgentVersion" => node.agent_version.clone(),
        "PingStatus" => ping_status(node).into(),
        "PlatformTypes" => node.platform_type().into(),
        "ActivationIds" => node.activation_id.clone().unwrap_or_default(),
        "IamRole" => {
            if node.is_hybrid() {
                node.role.clone().unwrap_or_default()
            } else {
                String::new()
            }
        }
        "ResourceType" => resource_type(node).into(),
        "AssociationStatus" => "Success".into(),
        "SourceIds" => node.id.clone(),
        "SourceTypes" => source_type(node).into(),
        _ => String::new(),
    }
}

fn resource_type(node: &Node) -> &'static str {
    if node.is_hybrid() { "ManagedInstance" } else { "EC2Instance" }
}

fn source_type(node: &Node) -> &'static str {
    if node.is_hybrid() { "AWS::SSM::ManagedInstance" } else { "AWS::EC2::Instance" }
}

/// Checks keys and values as the service does.
fn check(filters: &[Filter], keys: &[&str], more_keys: &[&str], bad_value: &str) -> Result<(), AwsError> {
    let is_tag = |filter: &Filter| filter.key == "tag-key" || filter.key.starts_with("tag:");
    for filter in filters {
        let known = keys.contains(&filter.key.as_str()) || more_keys.contains(&filter.key.as_str());
        if !known && !is_tag(filter) {
            return Err(AwsError::client("InvalidFilterKey", "The specified key isn't valid."));
        }
        if is_tag(filter) && filter.values.len() > MOST_TAG_VALUES {
            let (key, count) = (&filter.key, filter.values.len());
            let message = format!("The number of tag values for {key} was {count}. Max: {MOST_TAG_VALUES}.");
            return Err(AwsError::validation(message));
        }
        let set: &[&str] = match filter.key.as_str() {
            "PingStatus" => &["Online", "ConnectionLost", "Inactive"],
            "PlatformTypes" => &["Windows", "Linux", "MacOS"],
            "ResourceType" => &["EC2Instance", "ManagedInstance"],
            "SourceTypes" => &["AWS::EC2::Instance", "AWS::SSM::ManagedInstance", "AWS::IoT::Thing"],
            _ => continue,
        };
        let key = &filter.key;
        if key == "ResourceType" && filter.values.len() > 1 {
            return Err(AwsError::client(bad_value, format!("{key} filter may contain only one value.")));
        }
        if filter.values.iter().any(|value| !set.contains(&value.as_str())) {
            let message = format!("{key} filter is invalid, valid values are {}", set.join(", "));
            return Err(AwsError::client(bad_value, message));
        }
    }
    if filters.iter().any(is_tag) && !filters.iter().all(is_tag) {
        return Err(AwsError::client("InvalidFilterKey", "Tag filters cannot be combined with other filter types."));
    }
    Ok(())
}

fn read_filters<'a>(
    input: &Input<'a>,
    list: &str,
    count: std::ops::RangeInclusive<usize>,
    names: [&str; 2],
    enumerated: Option<&[&str]>,
    most_values: usize,
) -> Vec<Filter> {
    let mut filters = Vec::new();
    for filter in input.structs(list, count) {
        let key = match enumerated {
            Some(set) => filter.required_enum(names[0], set),
            None => filter.required_text_of(names[0], 1..=100_000),
        };
        filter.require(names[1]);
        let values = filter.texts(names[1], 1..=most_values, 1..=100_000);
        let operator = if list == "FiltersWithOperator" {
            filter.enumeration("Operator", &["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan"])
        } else {
            None
        };
        filters.push(Filter {
            key: key.to_owned(),
            operator: operator.unwrap_or("Equal").to_owned(),
            values: values.into_iter().map(str::to_owned).collect(),
        });
    }
    filters
}

/// An id that is asked for by name must exist.
fn check_ids(world: &World, call: &Call, filters: &[Filter]) -> Result<(), AwsError> {
    let state = world.region(&call.caller.account, &call.region);
    let unknown: Vec<&str> = filters
        .iter()
        .filter(|filter| filter.key == "InstanceIds" && filter.operator == "Equal")
        .flat_map(|filter| filter.values.iter())
        .filter(|id| !state.is_some_and(|state| state.nodes.contains_key(*id)))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let account = &call.caller.account;
    let message = format!("Instances [[{}]] not in a valid state for account {account}", unknown.join(", "));
    Err(AwsError::client("InvalidInstanceId", message))
}

/// Which page of which listing.
struct Listing<'a> {
    operation: &'a str,
    member: &'a str,
    filters: &'a [Filter],
    limit: i64,
    token: Option<&'a str>,
}

fn page(world: &World, call: &Call, listing: &Listing<'_>, shape: impl Fn(&Node) -> Value) -> Outcome {
    let Listing { operation, member, filters, limit, token } = *listing;
    let words: Vec<String> =
        filters.iter().map(|filter| format!("{}{}{}", filter.key, filter.operator, filter.values.join(","))).collect();
    let mut question = vec![operation, &call.caller.account, &call.region];
    question.extend(words.iter().map(String::as_str));
    let after = match token {
        None => String::new(),
        Some(token) => page_token::decode(&question, token).ok_or_else(invalid_next_token)?,
    };
    let nodes = world.region(&call.caller.account, &call.region).map(|state| &state.nodes);
    let mut found = nodes
        .into_iter()
        .flat_map(|nodes| nodes.values())
        .filter(|node| node.id > after && filters.iter().all(|filter| filter.admits(node)));
    let limit = usize::try_from(limit).unwrap_or(1);
    let shown: Vec<&Node> = found.by_ref().take(limit).collect();
    let more = found.next().is_some();
    let list: Vec<Value> = shown.iter().map(|node| shape(node)).collect();
    let mut output = Value::structure([(member, Value::List(list))]);
    if let (true, Some(last)) = (more, shown.last()) {
        output.push("NextToken", page_token::encode(&question, &last.id));
    }
    Ok(Reply::Output(output))
}

pub(super) fn information(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let legacy = read_filters(&input, "InstanceInformationFilterList", 0..=100, ["key", "valueSet"], Some(KEYS), 100);
    let filters = read_filters(&input, "Filters", 0..=100, ["Key", "Values"], None, 100);
    let limit = input.int("MaxResults", 5..=50).unwrap_or(50);
    let token = input.text("NextToken");
    input.finish(Style::Json)?;
    if !legacy.is_empty() && !filters.is_empty() {
        let message = "Only one of InstanceInformationFilterList and Filters can be specified.";
        return Err(AwsError::validation(message));
    }
    let filters: Vec<Filter> = legacy.into_iter().chain(filters).collect();
    check(&filters, KEYS, &["SourceIds", "SourceTypes"], "InvalidInstanceInformationFilterValue")?;
    check_ids(world, call, &filters)?;
    let (operation, member) = ("DescribeInstanceInformation", "InstanceInformationList");
    page(world, call, &Listing { operation, member, filters: &filters, limit, token }, |node| {
        let mut value = Value::structure([
            ("InstanceId", Value::from(&node.id)),
            ("PingStatus", ping_status(node).into()),
            ("LastPingDateTime", last_ping(node, call).into()),
            ("AgentVersion", Value::from(&node.agent_version)),
            ("IsLatestVersion", (node.agent_version == LATEST_AGENT).into()),
            ("PlatformType", node.platform_type().into()),
            ("PlatformName", node.platform_name().into()),
            ("PlatformVersion", node.platform_version().into()),
        ]);
        if node.is_hybrid() {
            value.push("ActivationId", node.activation_id.clone());
            value.push("IamRole", node.role.clone());
            value.push("RegistrationDate", node.registered);
        }
        value.push("ResourceType", resource_type(node));
        if node.is_hybrid() {
            value.push("Name", Value::from(&node.name));
        }
        value.push("IPAddress", Value::from(&node.ip_address));
        value.push("ComputerName", Value::from(&node.computer_name));
        push_association(&mut value, node, call);
        value
    })
}

fn last_ping(node: &Node, call: &Call) -> jiff::Timestamp {
    // The agent reports every five minutes; each node has its own phase.
    let phase = organization::stable_hash(&[&node.id]) % 300;
    let since = (call.now.as_second().unsigned_abs() + phase) % 300;
    let second = call.now.as_second().saturating_sub(i64::try_from(since).unwrap_or(0));
    let milliseconds = i64::try_from(organization::stable_hash(&["ping", &node.id]) % 1000).unwrap_or(0);
    node.last_ping.or_else(|| jiff::Timestamp::from_millisecond(second * 1000 + milliseconds).ok()).unwrap_or(call.now)
}

fn push_association(value: &mut Value, node: &Node, call: &Call) {
    let ran = last_ping(node, call) - jiff::SignedDuration::from_mins(11);
    value.push("AssociationStatus", "Success");
    value.push("LastAssociationExecutionDate", ran);
    value.push("LastSuccessfulAssociationExecutionDate", ran);
    value.push(
        "AssociationOverview",
        Value::structure([
            ("DetailedStatus", "Success".into()),
            ("InstanceAssociationStatusAggregatedCount", Value::Map(vec![("Success".into(), Value::Int(2))])),
        ]),
    );
    value.push("SourceId", Value::from(&node.id));
    value.push("SourceType", source_type(node));
}

pub(super) fn properties(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let legacy =
        read_filters(&input, "InstancePropertyFilterList", 1..=40, ["key", "valueSet"], Some(PROPERTY_KEYS), 40);
    let filters = read_filters(&input, "FiltersWithOperator", 1..=40, ["Key", "Values"], None, 40);
    let limit = input.int("MaxResults", 5..=1000).unwrap_or(50);
    let token = input.text("NextToken");
    input.finish(Style::Json)?;
    let filters: Vec<Filter> = legacy.into_iter().chain(filters).collect();
    check(&filters, PROPERTY_KEYS, &["SourceIds", "SourceTypes"], "InvalidInstancePropertyFilterValue")?;
    check_ids(world, call, &filters)?;
    let region = call.region.clone();
    let (operation, member) = ("DescribeInstanceProperties", "InstanceProperties");
    page(world, call, &Listing { operation, member, filters: &filters, limit, token }, |node| {
        let mut value = Value::structure([("Name", Value::from(&node.name)), ("InstanceId", Value::from(&node.id))]);
        if !node.is_hybrid() {
            value.push("InstanceType", Value::from(&node.instance_type));
            value.push("InstanceRole", node.role.clone().unwrap_or_default());
            value.push("KeyName", "");
            value.push("InstanceState", "running");
            value.push("Architecture", "x86_64");
        }
        value.push("IPAddress", Value::from(&node.ip_address));
        if !node.is_hybrid() {
            value.push("LaunchTime", node.registered);
        }
        value.push("PingStatus", ping_status(node));
        value.push("LastPingDateTime", last_ping(node, call));
        value.push("AgentVersion", Value::from(&node.agent_version));
        value.push("PlatformType", node.platform_type());
        value.push("PlatformName", node.platform_name());
        value.push("PlatformVersion", node.platform_version());
        if node.is_hybrid() {
            value.push("ActivationId", node.activation_id.clone());
            value.push("IamRole", node.role.clone());
            value.push("RegistrationDate", node.registered);
        }
        value.push("ResourceType", resource_type(node));
        value.push("ComputerName", Value::from(&node.computer_name));
        push_association(&mut value, node, call);
        if !node.is_hybrid() {
            value.push("AvailabilityZone", format!("{region}a"));
        }
        value
    })
}

pub(super) fn list_tags(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let kind = input.required_enum("ResourceType", RESOURCE_TYPES);
    let id = input.required_text("ResourceId");
    input.finish(Style::Json)?;
    let state = world.region(&call.caller.account, &call.region);
    let tags = match kind {
        "ManagedInstance" if id.starts_with("mi-") => {
            state.and_then(|state| state.nodes.get(id)).map(|node| &node.tags)
        }
        "Document" => {
            let name = id.rsplit('/').next().unwrap_or(id);
            let document = state.and_then(|state| state.documents.get(name));
            document.filter(|document| document.owner != "Amazon").map(|document| &document.tags)
        }
        _ => None,
    };
    let Some(tags) = tags else {
        let message = "The resource ID isn't valid. Verify that you entered the correct ID and try again.";
        return Err(AwsError::client("InvalidResourceId", message));
    };
    let list: Vec<Value> = tags
        .iter()
        .map(|(key, value)| Value::structure([("Key", Value::from(key)), ("Value", Value::from(value))]))
        .collect();
    Ok(Reply::Output(Value::structure([("TagList", Value::List(list))])))
}
