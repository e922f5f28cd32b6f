//! Inline policies of roles that change: iam:PutRolePolicy, iam:DeleteRolePolicy.

use serde_json::{Value as Json, json};

use super::{
    iam::{check_name, no_such_entity},
    iam_tags::record,
};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{World, model::Role},
};

/// Characters that all inline policies of a role may have together, white space left out.
/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const MOST_CHARACTERS: usize = 10_240;
const DOCUMENT: &str = r"[\u0009\u000A\u000D\u0020-\u00FF]+";

/// iam:PutRolePolicy.
///
/// # Errors
/// The service's own.
pub(super) fn put_role_policy(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let role = input.required_text_of("RoleName", 1..=64);
    let policy = input.required_text_of("PolicyName", 1..=128);
    let document = input.required_text_of("PolicyDocument", 1..=131_072);
    input.pattern("PolicyDocument", DOCUMENT);
    input.finish(Style::Query)?;
    check_name("policyName", policy)?;
    let found = modifiable(world, call, role)?;
    check_document(document)?;
    let length = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).count();
    let others = found.inline.iter().filter(|(name, _)| *name != policy).map(|(_, text)| length(text));
    if others.sum::<usize>() + length(document) > MOST_CHARACTERS {
        let words = format!("Maximum policy size of {MOST_CHARACTERS} bytes exceeded for role {role}");
        return Err(AwsError::client("LimitExceeded", words).with_status(409));
    }
    found.inline.insert(policy.to_owned(), document.to_owned());
    let request = json!({"roleName": role, "policyName": policy, "policyDocument": document});
    record(world, call, "PutRolePolicy", request);
    Ok(Reply::Output(Value::Null))
}

/// iam:DeleteRolePolicy.
///
/// # Errors
/// The service's own.
pub(super) fn delete_role_policy(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let role = input.required_text_of("RoleName", 1..=64);
    let policy = input.required_text_of("PolicyName", 1..=128);
    input.finish(Style::Query)?;
    check_name("policyName", policy)?;
    if modifiable(world, call, role)?.inline.remove(policy).is_none() {
        return Err(no_such_entity(format!("The role policy with name {policy} cannot be found.")));
    }
    record(world, call, "DeleteRolePolicy", json!({"roleName": role, "policyName": policy}));
    Ok(Reply::Output(Value::Null))
}

/// The role of that name, unless it belongs to AWS.
fn modifiable<'a>(world: &'a mut World, call: &Call, name: &str) -> Result<&'a mut Role, AwsError> {
    check_name("roleName", name)?;
    let account = world.accounts.get_mut(&call.caller.account);
    let role = account
        .and_then(|account| account.roles.get_mut(name))
        .ok_or_else(|| no_such_entity(format!("The role with name {name} cannot be found.")))?;
    let of_aws = ["/aws-reserved/", "/aws-service-role/"].iter().any(|path| role.path.starts_with(path));
    if of_aws || name.starts_with("AWSReservedSSO_") {
        let words = format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        );
        return Err(AwsError::client("UnmodifiableEntity", words));
    }
    Ok(role)
}

/// What IAM asks of an identity policy's form.
/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
fn check_document(document: &str) -> Result<(), AwsError> {
    let malformed = |words: &str| Err(AwsError::client("MalformedPolicyDocument", words));
    let document: Json = serde_json::from_str(document).unwrap_or_default();
    let statements = match document.get("Statement") {
        Some(Json::Array(statements)) => statements.as_slice(),
        Some(statement @ Json::Object(_)) => std::slice::from_ref(statement),
        _ => return malformed("Syntax errors in policy."),
    };
    let version = document.get("Version");
    if version.is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") || statements.is_empty() {
        return malformed("Syntax errors in policy.");
    }
    for statement in statements {
        let has = |names: [&str; 2]| names.iter().any(|name| statement.get(name).is_some());
        let effect = statement.get("Effect");
        if effect.is_none_or(|effect| effect != "Allow" && effect != "Deny") {
            return malformed("Syntax errors in policy.");
        }
        if has(["Principal", "NotPrincipal"]) {
            return malformed("Policy document should not specify a principal.");
        }
        if !has(["Action", "NotAction"]) {
            return malformed("Policy statement must contain actions.");
        }
        if !has(["Resource", "NotResource"]) {
            return malformed("Policy statement must contain resources.");
        }
    }
    Ok(())
}
