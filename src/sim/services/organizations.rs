//! AWS Organizations: the list of accounts, for the management account.

use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::{page_token, unknown_operation},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{World, model::Account, organization::unique_id},
};

/// Accounts of a page at most, and unless asked otherwise.
const PAGE: i64 = 20;

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    let read: fn(&Organization<'_>, &Input<'_>) -> Result<Value, AwsError> = match operation {
        "ListAccounts" => list_accounts,
        "DescribeAccount" => describe_account,
        "DescribeOrganization" => describe_organization,
        _ => return Err(unknown_operation()),
    };
    let management = world.accounts.values().find(|account| account.management).ok_or_else(|| {
        AwsError::client("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    })?;
    let organization = Organization { world, management };
    // Members may look at the organization, and at nothing in it.
    if operation != "DescribeOrganization" && call.caller.account != management.id {
        return Err(AwsError::client("AccessDeniedException", "You don't have permissions to access this resource."));
    }
    read(&organization, &Input::new(&call.input)).map(Reply::Output)
}

struct Organization<'a> {
    world: &'a World,
    management: &'a Account,
}

impl Organization<'_> {
    fn id(&self) -> String {
        let letters = unique_id("", &self.management.id).to_ascii_lowercase();
        let short: String = letters.chars().take(10).collect();
        format!("o-{short}")
    }

    fn account_arn(&self, account: &Account) -> String {
        format!("arn:aws:organizations::{}:account/{}/{}", self.management.id, self.id(), account.id)
    }

    fn account(&self, account: &Account) -> Value {
        let root: String = unique_id("root", &self.management.id).to_ascii_lowercase().chars().rev().take(4).collect();
        Value::structure([
            ("Id", account.id.as_str().into()),
            ("Arn", self.account_arn(account).into()),
            ("Email", account.email.as_str().into()),
            ("Name", account.name.as_str().into()),
            ("Status", "ACTIVE".into()),
            ("State", "ACTIVE".into()),
            ("Paths", Value::list([format!("{}/r-{root}/{}/", self.id(), account.id)])),
            ("JoinedMethod", if account.management { "INVITED" } else { "CREATED" }.into()),
            ("JoinedTimestamp", account.joined.into()),
        ])
    }
}

fn list_accounts(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let token = input.text_of("NextToken", 0..=100_000);
    let size = input.int("MaxResults", 1..=PAGE).unwrap_or(PAGE);
    input.finish(Style::InvalidInput)?;
    let accounts: Vec<&Account> = organization.world.accounts.values().collect();
    let start = match token {
        None => 0,
        Some(token) => page_token::decode(&["ListAccounts"], token)
            .and_then(|position| position.parse::<usize>().ok())
            .filter(|start| *start <= accounts.len())
            .ok_or_else(|| {
                AwsError::client("InvalidInputException", "You provided a NextToken value that is not valid.")
                    .with_detail("Reason", "INVALID_NEXT_TOKEN")
            })?,
    };
    let end = (start + usize::try_from(size).unwrap_or(1)).min(accounts.len());
    let page = accounts.iter().skip(start).take(end - start).map(|account| organization.account(account));
    let mut output = Value::structure([("Accounts", Value::list(page))]);
    if end < accounts.len() {
        output.push("NextToken", page_token::encode(&["ListAccounts"], &end.to_string()));
    }
    Ok(output)
}

fn describe_account(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let id = input.required_text("AccountId");
    input.finish(Style::InvalidInput)?;
    if id.len() != 12 || !id.bytes().all(|digit| digit.is_ascii_digit()) {
        let words = "You provided a value that does not match the required pattern.";
        return Err(AwsError::client("InvalidInputException", words));
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
