//! Session documents: content, description, sharing.

use sha2::{Digest, Sha256};

use super::invalid_next_token;
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
        model::{Document, DocumentVersion},
    },
};

const NAME: &str = "^[a-zA-Z0-9_\\-.:/]{3,128}$";
const VERSION: &str = "([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)";
const VERSION_NAME: &str = "^[a-zA-Z0-9_\\-.]{1,128}$";

fn find<'a>(world: &'a World, call: &Call, name: &str) -> Result<&'a Document, AwsError> {
    let short = name.rsplit_once("document/").map_or(name, |(_, short)| short);
    // An ARN of another account reaches a document that is shared from there.
    let account = name.strip_prefix("arn:aws:ssm:").and_then(|rest| rest.split(':').nth(1)).filter(|id| !id.is_empty());
    let account = account.unwrap_or(&call.caller.account);
    let found = world.region(account, &call.region).and_then(|state| state.documents.get(short)).filter(|document| {
        account == call.caller.account
            || document.shared_with.iter().any(|id| id.eq_ignore_ascii_case("all") || *id == call.caller.account)
    });
    found.ok_or_else(|| AwsError::client("InvalidDocument", format!("Document with name {short} does not exist.")))
}

fn version<'a>(
    document: &'a Document,
    number: Option<&str>,
    name: Option<&str>,
) -> Result<(usize, &'a DocumentVersion), AwsError> {
    let number = match (number, name) {
        (_, Some(_)) => None,
        (None | Some("$DEFAULT"), None) => Some(document.default_version),
        (Some("$LATEST"), None) => Some(document.versions.len()),
        (Some(number), None) => number.parse().ok(),
    };
    let version = number.and_then(|number| Some((number, document.versions.get(number.checked_sub(1)?)?)));
    version
        .ok_or_else(|| AwsError::client("InvalidDocumentVersion", "The document version isn't valid or doesn't exist."))
}

pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let name = input.required_text("Name");
    input.pattern("Name", NAME);
    input.pattern("VersionName", VERSION_NAME);
    input.pattern("DocumentVersion", VERSION);
    let format = input.enumeration("DocumentFormat", &["YAML", "TEXT", "JSON"]).unwrap_or("JSON");
    input.finish(Style::Json)?;
    let document = find(world, call, name)?;
    let (number, version) = version(document, input.text("DocumentVersion"), input.text("VersionName"))?;
    let content = match format {
        "YAML" => serde_json::from_str(&version.content)
            .map(|content: serde_json::Value| yaml(&content))
            .unwrap_or_else(|_| version.content.clone()),
        _ => version.content.clone(),
    };
    Ok(Reply::Output(Value::structure([
        ("Name", Value::from(&document.name)),
        ("CreatedDate", version.created.into()),
        ("DocumentVersion", number.to_string().into()),
        ("Status", "Active".into()),
        ("Content", content.into()),
        ("DocumentType", "Session".into()),
        ("DocumentFormat", format.into()),
    ])))
}

fn yaml(content: &serde_json::Value) -> String {
    let mut text = String::from("---\n");
    write_yaml(content, 0, &mut text);
    text
}

fn write_yaml(value: &serde_json::Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                if nests(value) {
                    text.push_str(&format!("{indent}{key}:\n"));
                    write_yaml(value, depth + 1, text);
                } else {
                    text.push_str(&format!("{indent}{key}: {value}\n"));
                }
            }
        }
        serde_json::Value::Array(items) => {
            for item in items {
                if nests(item) {
                    text.push_str(&format!("{indent}-\n"));
                    write_yaml(item, depth + 1, text);
                } else {
                    text.push_str(&format!("{indent}- {item}\n"));
                }
            }
        }
        // JSON's scalars are YAML's too.
        scalar => text.push_str(&format!("{indent}{scalar}\n")),
    }
}

fn nests(value: &serde_json::Value) -> bool {
    value.as_object().is_some_and(|members| !members.is_empty())
        || value.as_array().is_some_and(|items| !items.is_empty())
}

pub(super) fn describe(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let name = input.required_text("Name");
    input.pattern("Name", NAME);
    input.pattern("DocumentVersion", VERSION);
    input.pattern("VersionName", VERSION_NAME);
    input.finish(Style::Json)?;
    let document = find(world, call, name)?;
    let (number, version) = version(document, input.text("DocumentVersion"), input.text("VersionName"))?;
    let content: serde_json::Value = serde_json::from_str(&version.content).unwrap_or_default();
    let hash: String = Sha256::digest(version.content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let parameters: Vec<Value> = content
        .get("parameters")
        .and_then(serde_json::Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, declaration)| {
            let text = |key: &str| declaration.get(key)?.as_str().map(str::to_owned);
            Value::structure([
                ("Name", Value::from(name)),
                ("Type", text("type").unwrap_or_else(|| "String".into()).into()),
                ("Description", text("description").into()),
                ("DefaultValue", text("default").into()),
            ])
        })
        .collect();
    let mut description = Value::structure([
        ("Hash", Value::from(hash)),
        ("HashType", "Sha256".into()),
        ("Name", Value::from(&document.name)),
        ("Owner", Value::from(&document.owner)),
        ("CreatedDate", version.created.into()),
        ("Status", "Active".into()),
        ("DocumentVersion", number.to_string().into()),
        ("Description", text_of(&content, "description").into()),
    ]);
    if !parameters.is_empty() {
        description.push("Parameters", Value::List(parameters));
    }
    description.push("PlatformTypes", Value::list(["Windows", "Linux", "MacOS"]));
    description.push("DocumentType", "Session");
    description.push("SchemaVersion", text_of(&content, "schemaVersion").unwrap_or_else(|| "1.0".into()));
    description.push("LatestVersion", document.versions.len().to_string());
    description.push("DefaultVersion", document.default_version.to_string());
    description.push("DocumentFormat", "JSON");
    description.push("Tags", tags(document));
    Ok(Reply::Output(Value::structure([("Document", description)])))
}

fn text_of(content: &serde_json::Value, key: &str) -> Option<String> {
    content.get(key)?.as_str().map(str::to_owned)
}

fn tags(document: &Document) -> Value {
    let tag = |(key, value): (&String, &String)| Value::structure([("Key", key.into()), ("Value", value.into())]);
    Value::List(document.tags.iter().map(tag).collect())
}

pub(super) fn permission(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let name = input.required_text("Name");
    input.pattern("Name", "^[a-zA-Z0-9_\\-.]{3,128}$");
    input.required_enum("PermissionType", &["Share"]);
    let limit = input.int("MaxResults", 1..=200).unwrap_or(200);
    let token = input.text("NextToken");
    input.finish(Style::Json)?;
    let document = find(world, call, name)?;
    if document.owner != call.caller.account {
        let message = format!("You do not have permission to access the document {name}.");
        return Err(AwsError::client("InvalidDocument", message));
    }
    let question = ["DescribeDocumentPermission", &call.caller.account, &call.region, name];
    let from: usize = match token {
        None => 0,
        Some(token) => page_token::decode(&question, token)
            .and_then(|position| position.parse().ok())
            .ok_or_else(invalid_next_token)?,
    };
    let limit = usize::try_from(limit).unwrap_or(1);
    let shown: Vec<&String> = document.shared_with.iter().skip(from).take(limit).collect();
    let sharing = shown
        .iter()
        .map(|id| Value::structure([("AccountId", Value::from(*id)), ("SharedDocumentVersion", "$DEFAULT".into())]));
    let mut output = Value::structure([
        ("AccountIds", Value::list(shown.iter().copied())),
        ("AccountSharingInfoList", Value::List(sharing.collect())),
    ]);
    if from + shown.len() < document.shared_with.len() {
        output.push("NextToken", page_token::encode(&question, &(from + shown.len()).to_string()));
    }
    Ok(Reply::Output(output))
}

pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let mut filters = Vec::new();
    for filter in input.structs("Filters", 0..=5) {
        let key = filter.required_text("Key");
        filters.push((key, filter.texts("Values", 0..=100, 1..=4096)));
    }
    let limit = input.int("MaxResults", 1..=50).unwrap_or(50);
    let token = input.text("NextToken");
    input.finish(Style::Json)?;
    let words: Vec<String> = filters.iter().map(|(key, values)| format!("{key}={}", values.join(","))).collect();
    let mut question = vec!["ListDocuments", &call.caller.account, &call.region];
    question.extend(words.iter().map(String::as_str));
    let after = match token {
        None => String::new(),
        Some(token) => page_token::decode(&question, token).ok_or_else(invalid_next_token)?,
    };
    for (key, _) in &filters {
        if !["Name", "Owner", "DocumentType", "PlatformTypes", "SearchKeyword"].contains(key)
            && !key.starts_with("tag:")
        {
            return Err(AwsError::client("InvalidFilterKey", "The specified key isn't valid."));
        }
    }
    let admits = |document: &Document| {
        filters.iter().all(|(key, values)| {
            values.iter().any(|value| match *key {
                "Name" => document.name.starts_with(value),
                "Owner" => match *value {
                    "Self" => document.owner == call.caller.account,
                    "Amazon" => document.owner == "Amazon",
                    "Public" | "All" => true,
                    _ => false,
                },
                "DocumentType" => *value == "Session",
                "PlatformTypes" => ["Windows", "Linux", "MacOS"].contains(value),
                "SearchKeyword" => document.name.contains(value),
                tag => tag.strip_prefix("tag:").and_then(|tag| document.tags.get(tag)).is_some_and(|own| own == value),
            })
        })
    };
    let documents = world.region(&call.caller.account, &call.region).map(|state| &state.documents);
    let mut found = documents
        .into_iter()
        .flat_map(|documents| documents.values())
        .filter(|document| document.name > after && admits(document));
    let limit = usize::try_from(limit).unwrap_or(1);
    let shown: Vec<&Document> = found.by_ref().take(limit).collect();
    let more = found.next().is_some();
    let identifiers = shown.iter().map(|document| {
        let created = document.versions.last().map(|version| version.created);
        Value::structure([
            ("Name", Value::from(&document.name)),
            ("CreatedDate", created.into()),
            ("Owner", Value::from(&document.owner)),
            ("PlatformTypes", Value::list(["Windows", "Linux", "MacOS"])),
            ("DocumentVersion", document.default_version.to_string().into()),
            ("DocumentType", "Session".into()),
            ("SchemaVersion", "1.0".into()),
            ("DocumentFormat", "JSON".into()),
            ("Tags", tags(document)),
        ])
    });
    let mut output = Value::structure([("DocumentIdentifiers", Value::List(identifiers.collect()))]);
    if let (true, Some(last)) = (more, shown.last()) {
        output.push("NextToken", page_token::encode(&question, &last.name));
    }
    Ok(Reply::Output(output))
}
