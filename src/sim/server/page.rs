//! The fault of a page without items: a valid token, and nothing before it.

use crate::sim::wire::{route::Service, value::Value};

/// Begins a token that leads to the page which the empty one stood in for.
const MARK: &str = "sim-empty-page.";

/// Name of the pagination token in requests and answers.
fn token_name(service: Service) -> &'static str {
    match service {
        Service::Iam => "Marker",
        Service::Tagging => "PaginationToken",
        Service::Logs => "nextToken",
        _ => "NextToken",
    }
}

/// Puts the token of the page that was asked for back into the input.
pub fn restore(service: Service, input: &mut Value) {
    let name = token_name(service);
    let Value::Struct(members) = input else { return };
    for (member, value) in members.iter_mut() {
        if member == name
            && let Value::Text(token) = value
            && let Some(original) = token.strip_prefix(MARK)
        {
            *value = if original.is_empty() { Value::Null } else { Value::Text(original.to_owned()) };
        }
    }
}

/// Takes the items out of an answer and leaves a token to the page that was asked for.
pub fn empty(service: Service, input: &Value, output: &mut Value) {
    let name = token_name(service);
    let asked = input.text(name).unwrap_or_default();
    let Value::Struct(members) = output else { return };
    for (_, value) in members.iter_mut() {
        if let Value::List(items) = value {
            items.clear();
        }
    }
    members.retain(|(member, _)| member != name && member != "IsTruncated");
    if service == Service::Iam {
        members.push(("IsTruncated".into(), Value::Bool(true)));
    }
    members.push((name.into(), Value::Text(format!("{MARK}{asked}"))));
}
