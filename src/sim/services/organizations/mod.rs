//! AWS Organizations, for the management account: the list of accounts, and service control policies.

mod policies;

use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::{page_token, unknown_operation},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{World, control_policies::root_id, model::Account, organization::unique_id},
};

/// Accounts of a page at most, and unless asked otherwise.
const PAGE: i64 = 20;

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    let read: Option<Read> = match operation {
        "AttachPolicy" | "DetachPolicy" => None,
        "ListAccounts" => Some(list_accounts),
        "DescribeAccount" => Some(describe_account),
        "DescribeOrganization" => Some(describe_organization),
        "DescribePolicy" => Some(policies::describe_policy),
        "ListPolicies" => Some(policies::list_policies),
        "ListPoliciesForTarget" => Some(policies::list_policies_for_target),
        "ListTargetsForPolicy" => Some(policies::list_targets_for_policy),
        _ => return Err(unknown_operation()),
    };
    let management = policies::management(world).map(|account| account.id.clone()).ok_or_else(|| {
        AwsError::client("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    })?;
    // Members may look at the organization, and at nothing in it.
    if operation != "DescribeOrganization" && call.caller.account != management {
        return Err(AwsError::client("AccessDeniedException", "You don't have permissions to access this resource."));
    }
    match read {
        Some(read) => read(&Organization::of(world, &management)?, &Input::new(&call.input)).map(Reply::Output),
        None if operation == "AttachPolicy" => policies::attach_policy(world, &management, call),
        None => policies::detach_policy(world, &management, call),
    }
}

type Read = fn(&Organization<'_>, &Input<'_>) -> Result<Value, AwsError>;

struct Organization<'a> {
    world: &'a World,
    management: &'a Account,
}

impl<'a> Organization<'a> {
    fn of(world: &'a World, management: &str) -> Result<Self, AwsError> {
        let management = world.accounts.get(management).ok_or_else(unknown_operation)?;
        Ok(Self { world, management })
    }

    fn id(&self) -> String {
        let letters = unique_id("", &self.management.id).to_ascii_lowercase();
        let short: String = letters.chars().take(10).collect();
        format!("o-{short}")
    }

    fn root(&self) -> String {
        root_id(&self.management.id)
    }

    fn account_arn(&self, account: &Account) -> String {
        format!("arn:aws:organizations::{}:account/{}/{}", self.management.id, self.id(), account.id)
    }

    fn account(&self, account: &Account) -> Value {
        Value::structure([
            ("Id", account.id.as_str().into()),
            ("Arn", self.account_arn(account).into()),
            ("Email", account.email.as_str().into()),
            ("Name", account.name.as_str().into()),
            ("Status", "ACTIVE".into()),
            ("State", "ACTIVE".into()),
            ("Paths", Value::list([format!("{}/{}/{}/", self.id(), self.root(), account.id)])),
            ("JoinedMethod", if account.management { "INVITED" } else { "CREATED" }.into()),
            ("JoinedTimestamp", account.joined.into()),
        ])
    }
}

fn list_accounts(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let accounts = organization.world.accounts.values().map(|account| organization.account(account));
    page(input, &["ListAccounts"], "Accounts", accounts)
}

/// One page of a listing under the member of that name; ends the reading of the input. A token belongs to its question.
fn page(
    input: &Input<'_>,
    question: &[&str],
    member: &str,
    items: impl Iterator<Item = Value>,
) -> Result<Value, AwsError> {
    let token = input.text_of("NextToken", 0..=100_000);
    let size = input.int("MaxResults", 1..=PAGE).unwrap_or(PAGE);
    input.finish(Style::InvalidInput)?;
    let items: Vec<Value> = items.collect();
    let start = match token {
        None => 0,
        Some(token) => page_token::decode(question, token)
            .and_then(|position| position.parse::<usize>().ok())
            .filter(|start| *start <= items.len())
            .ok_or_else(|| {
                AwsError::client("InvalidInputException", "You provided a NextToken value that is not valid.")
                    .with_detail("Reason", "INVALID_NEXT_TOKEN")
            })?,
    };
    let end = (start + usize::try_from(size).unwrap_or(1)).min(items.len());
    let more = end < items.len();
    let shown: Vec<Value> = items.into_iter().skip(start).take(end - start).collect();
    let mut output = Value::structure([(member, Value::List(shown))]);
    if more {
        output.push("NextToken", page_token::encode(question, &end.to_string()));
    }
    Ok(output)
}

/// A value that does not have the form of its member.
fn invalid_input(reason: &str) -> AwsError {
    let words = "You provided a value that does not match the required pattern.";
    AwsError::client("InvalidInputException", words).with_detail("Reason", reason)
}

fn describe_account(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let id = input.required_text("AccountId");
    input.finish(Style::InvalidInput)?;
    if id.len() != 12 || !id.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(invalid_input("INVALID_PATTERN"));
    }
    let account =
        organization.world.accounts.get(id).ok_or_else(|| {
            AwsError::client("AccountNotFoundException", "You specified an account that doesn't exist.")
        })?;
    Ok(Value::structure([("Account", organization.account(account))]))
}

fn describe_organization(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    input.finish(Style::InvalidInput)?;
    let management = organization.management;
    let policy_types =
        Value::list([Value::structure([("Type", "SERVICE_CONTROL_POLICY".into()), ("Status", "ENABLED".into())])]);
    let id = organization.id();
    Ok(Value::structure([(
        "Organization",
        Value::structure([
            ("Arn", format!("arn:aws:organizations::{}:organization/{id}", management.id).into()),
            ("Id", id.into()),
            ("FeatureSet", "ALL".into()),
            ("MasterAccountArn", organization.account_arn(management).into()),
            ("MasterAccountId", management.id.as_str().into()),
            ("MasterAccountEmail", management.email.as_str().into()),
            ("AvailablePolicyTypes", policy_types),
        ]),
    )]))
}
