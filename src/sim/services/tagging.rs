//! Resource Groups Tagging: tagged resources of an account and region in pages.

use std::collections::BTreeMap;

use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::{page_token, unknown_operation},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{World, model::RegionState},
};

/// Resources of a page unless asked otherwise.
const RESOURCES_PER_PAGE: i64 = 50;
/// Tags of a page unless asked otherwise.
const TAGS_PER_PAGE: i64 = 500;

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    let resources = tagged(world, call);
    let input = Input::new(&call.input);
    match operation {
        "GetResources" => get_resources(&resources, &input),
        "GetTagKeys" => {
            let token = input.text_of("PaginationToken", 0..=2048);
            input.finish(Style::InvalidParameter)?;
            let mut keys: Vec<_> = resources.iter().flat_map(|resource| resource.tags.keys()).collect();
            keys.sort();
            keys.dedup();
            one_page("TagKeys", keys.into_iter().map(Value::from).collect(), token)
        }
        "GetTagValues" => {
            let token = input.text_of("PaginationToken", 0..=2048);
            let key = input.required_text_of("Key", 1..=128);
            input.finish(Style::InvalidParameter)?;
            let mut values: Vec<_> = resources.iter().filter_map(|resource| resource.tags.get(key)).collect();
            values.sort();
            values.dedup();
            one_page("TagValues", values.into_iter().map(Value::from).collect(), token)
        }
        _ => Err(unknown_operation()),
    }
}

/// A resource with at least one tag.
struct Resource {
    arn: String,
    tags: BTreeMap<String, String>,
}

impl Resource {
    /// `ec2:instance` of `arn:aws:ec2:REGION:ACCOUNT:instance/ID`.
    fn kind(&self) -> (&str, &str) {
        let mut parts = self.arn.splitn(6, ':').skip(2);
        let service = parts.next().unwrap_or_default();
        let rest = parts.nth(2).unwrap_or_default();
        (service, rest.split(['/', ':']).next().unwrap_or_default())
    }
}

fn tagged(world: &World, call: &Call) -> Vec<Resource> {
    let account = &call.caller.account;
    let Some(state) = world.accounts.get(account).and_then(|account| account.regions.get(&call.region)) else {
        return Vec::new();
    };
    let mut resources = nodes_and_documents(state, account, &call.region);
    // Roles are global; the tagging API shows them in us-east-1 only.
    if call.region == "us-east-1" {
        let roles = world.accounts.get(account).into_iter().flat_map(|account| account.roles.values());
        resources.extend(roles.map(|role| Resource { arn: role.arn.clone(), tags: role.tags.clone() }));
    }
    resources.retain(|resource| !resource.tags.is_empty());
    resources.sort_by(|one, other| one.arn.cmp(&other.arn));
    resources
}

fn nodes_and_documents(state: &RegionState, account: &str, region: &str) -> Vec<Resource> {
    let nodes = state.nodes.values().map(|node| Resource { arn: node.arn(account, region), tags: node.tags.clone() });
    let documents = state.documents.values().filter(|document| document.owner == account).map(|document| Resource {
        arn: format!("arn:aws:ssm:{region}:{account}:document/{}", document.name),
        tags: document.tags.clone(),
    });
    nodes.chain(documents).collect()
}

fn get_resources(resources: &[Resource], input: &Input<'_>) -> Outcome {
    // The paginators send the empty token back that the last page came with.
    let token = input.text_of("PaginationToken", 0..=2048).filter(|token| !token.is_empty());
    let mut filters = Vec::new();
    for filter in input.structs("TagFilters", 0..=50) {
        let key = filter.text_of("Key", 1..=128);
        let values = filter.texts("Values", 0..=20, 0..=256);
        filters.push((key, values));
    }
    let kinds = input.texts("ResourceTypeFilters", 0..=usize::MAX, 0..=256);
    let arns = input.texts("ResourceARNList", 1..=100, 1..=1011);
    let page_size = input.int("ResourcesPerPage", i64::MIN..=i64::MAX);
    let tags_per_page = input.int("TagsPerPage", i64::MIN..=i64::MAX);
    let details = input.boolean("IncludeComplianceDetails");
    let exclude = input.boolean("ExcludeCompliantResources");
    input.finish(Style::InvalidParameter)?;
    if page_size.is_some_and(|size| !(1..=100).contains(&size)) {
        return Err(invalid("ResourcesPerPage must be between 1 and 100"));
    }
    if tags_per_page.is_some_and(|size| !(100..=500).contains(&size) || size % 100 != 0) {
        return Err(invalid("TagsPerPage must be a multiple of 100 between 100 and 500"));
    }
    if exclude == Some(true) && details != Some(true) {
        return Err(invalid("ExcludeCompliantResources can only be true if IncludeComplianceDetails is true"));
    }
    if !arns.is_empty()
        && (!filters.is_empty()
            || !kinds.is_empty()
            || page_size.is_some()
            || tags_per_page.is_some()
            || token.is_some())
    {
        return Err(invalid(
            "ResourceARNList cannot be specified with any other parameter but IncludeComplianceDetails and ExcludeCompliantResources",
        ));
    }
    if let Some(arn) = arns.iter().find(|arn| arn.splitn(6, ':').count() < 6 || !arn.starts_with("arn:")) {
        return Err(invalid(&format!("{arn} is not a valid ARN.")));
    }
    if filters.iter().any(|(key, _)| key.is_none()) {
        return Err(invalid("Tag key cannot be null"));
    }
    if let Some(kind) = kinds.iter().find(|kind| kind.is_empty() || kind.matches(':').count() > 1) {
        return Err(invalid(&format!("Invalid resource type filter: {kind}")));
    }
    let wanted: Vec<&Resource> = resources
        .iter()
        .filter(|resource| arns.is_empty() || arns.contains(&resource.arn.as_str()))
        .filter(|resource| {
            let (service, name) = resource.kind();
            kinds.is_empty()
                || kinds.iter().any(|kind| match kind.split_once(':') {
                    Some((of, kind)) => of == service && kind == name,
                    None => *kind == service,
                })
        })
        .filter(|resource| {
            filters.iter().all(|(key, values)| {
                let value = key.and_then(|key| resource.tags.get(key));
                value.is_some_and(|value| values.is_empty() || values.contains(&value.as_str()))
            })
        })
        .collect();
    let filtered = format!("{filters:?} {kinds:?}");
    let question = ["GetResources", &filtered];
    let start = position(&question, token)?;
    let mut page = Vec::new();
    let mut room = tags_per_page.unwrap_or(TAGS_PER_PAGE);
    let size = usize::try_from(page_size.unwrap_or(RESOURCES_PER_PAGE)).unwrap_or(1);
    for resource in wanted.iter().skip(start).take(size) {
        room -= i64::try_from(resource.tags.len()).unwrap_or(i64::MAX);
        if room < 0 && !page.is_empty() {
            break;
        }
        let tags =
            resource.tags.iter().map(|(key, value)| Value::structure([("Key", key.into()), ("Value", value.into())]));
        let mut mapping =
            Value::structure([("ResourceARN", resource.arn.as_str().into()), ("Tags", Value::list(tags))]);
        if details == Some(true) {
            mapping.push("ComplianceDetails", Value::structure([("ComplianceStatus", true.into())]));
        }
        page.push(mapping);
    }
    let next = start + page.len();
    let token = if next < wanted.len() { page_token::encode(&question, &next.to_string()) } else { String::new() };
    Ok(Reply::Output(Value::structure([
        ("PaginationToken", token.into()),
        ("ResourceTagMappingList", Value::List(page)),
    ])))
}

fn one_page(member: &str, items: Vec<Value>, token: Option<&str>) -> Outcome {
    position(&[member], token.filter(|token| !token.is_empty()))?;
    Ok(Reply::Output(Value::structure([("PaginationToken", "".into()), (member, Value::List(items))])))
}

fn invalid(message: &str) -> AwsError {
    AwsError::client("InvalidParameterException", message)
}

/// Where a page begins that this token leads to.
fn position(question: &[&str], token: Option<&str>) -> Result<usize, AwsError> {
    let Some(token) = token else { return Ok(0) };
    page_token::decode(question, token)
        .and_then(|position| position.parse().ok())
        .ok_or_else(|| invalid("Invalid pagination token"))
}
