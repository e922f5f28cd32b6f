//! The least IAM policy for what is turned on.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy<'a> {
    version: &'static str,
    statement: Vec<Statement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    effect: &'static str,
    action: BTreeSet<&'a str>,
    resource: Vec<&'a str>,
}

/// The policy that allows each action on its resource (`*` or an ARN), as indented JSON with a line break at the end. Actions
/// with the same resources share a statement, and what is allowed twice is written once.
///
/// # Errors
/// None of its parts can fail to be written; the JSON writer wants the error passed on.
pub fn iam_policy<'a>(permissions: impl IntoIterator<Item = (&'a str, &'a str)>) -> serde_json::Result<String> {
    let mut resources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (action, resource) in permissions {
        resources.entry(action).or_default().insert(resource);
    }
    let mut statements: BTreeMap<Vec<&str>, BTreeSet<&str>> = BTreeMap::new();
    for (action, resources) in resources {
        // What is allowed on everything needs no second resource.
        let resources = if resources.contains("*") { vec!["*"] } else { resources.into_iter().collect::<Vec<_>>() };
        statements.entry(resources).or_default().insert(action);
    }
    let statement =
        statements.into_iter().map(|(resource, action)| Statement { effect: "Allow", action, resource }).collect();
    Ok(serde_json::to_string_pretty(&Policy { version: "2012-10-17", statement })? + "\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn actions_are_grouped_by_resource() {
        let policy = iam_policy([
            ("ssm:TerminateSession", "arn:aws:ssm:*:*:session/*"),
            ("ssm:DescribeSessions", "*"),
            ("sns:Publish", "arn:aws:sns:eu-central-1:444455556666:CentralAlarm"),
            ("ssm:DescribeSessions", "*"),
            ("ssm:DescribeSessions", "arn:aws:ssm:*:*:session/*"),
            ("iam:ListAttachedRolePolicies", "*"),
        ]);
        let policy: serde_json::Value = serde_json::from_str(&policy.unwrap()).unwrap();
        assert_eq!(
            policy,
            serde_json::json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["iam:ListAttachedRolePolicies", "ssm:DescribeSessions"], "Resource": ["*"]},
                {"Effect": "Allow", "Action": ["sns:Publish"],
                 "Resource": ["arn:aws:sns:eu-central-1:444455556666:CentralAlarm"]},
                {"Effect": "Allow", "Action": ["ssm:TerminateSession"], "Resource": ["arn:aws:ssm:*:*:session/*"]},
            ]})
        );
    }
}
