//! Service control policies of the organization, what they are attached to, and what they and revoked role sessions forbid.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{World, opening::Opening, organization, trail::TOKEN_AGE};
use crate::sim::{
    gate::{Visitor, iam_action, matches},
    scenario::Scenario,
};

/// The policy that every root and account has until somebody detaches it.
/// docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
pub const FULL_ACCESS: &str = "p-FullAWSAccess";

/// One service control policy.
#[derive(Debug, Clone)]
pub struct ControlPolicy {
    /// `p-…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Words about it.
    pub description: String,
    /// The policy document, JSON.
    pub document: String,
    /// Made by AWS.
    pub aws_managed: bool,
}

/// The policies by id, and what is attached to the root and to each account, in the order of attachment.
#[derive(Debug, Default)]
pub struct ControlPolicies {
    /// Policies by id.
    pub by_id: BTreeMap<String, ControlPolicy>,
    /// Policy ids by target: the root or an account.
    pub attached: BTreeMap<String, Vec<String>>,
}

impl ControlPolicies {
    /// Those of a scenario, and AWS's own on everything.
    pub fn of(scenario: &Scenario) -> Self {
        let full = ControlPolicy {
            id: FULL_ACCESS.into(),
            name: "FullAWSAccess".into(),
            description: "Allows access to every operation".into(),
            document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#.into(),
            aws_managed: true,
        };
        let own = scenario.service_control_policies.iter().map(|spec| ControlPolicy {
            id: spec.id.clone(),
            name: spec.name.clone(),
            description: spec.description.clone(),
            document: spec.document.trim().to_owned(),
            aws_managed: false,
        });
        let by_id = std::iter::once(full).chain(own).map(|policy| (policy.id.clone(), policy)).collect();
        let mut attached = BTreeMap::new();
        if let Some(management) = scenario.accounts.iter().find(|account| account.management) {
            attached.insert(root_id(&management.id), vec![FULL_ACCESS.to_owned()]);
        }
        for account in &scenario.accounts {
            let mut policies = vec![FULL_ACCESS.to_owned()];
            let here = |spec: &&crate::sim::scenario::ControlPolicySpec| {
                spec.attached_to.iter().any(|selector| organization::applies(selector, &account.id, &account.name))
            };
            policies.extend(scenario.service_control_policies.iter().filter(here).map(|spec| spec.id.clone()));
            attached.insert(account.id.clone(), policies);
        }
        Self { by_id, attached }
    }
}

/// Id of the root of the organization whose management account that is.
pub fn root_id(management: &str) -> String {
    let letters: String =
        organization::unique_id("root", management).to_ascii_lowercase().chars().rev().take(4).collect();
    format!("r-{letters}")
}

impl World {
    /// Whether a service control policy forbids the request. The management account is subject to none.
    /// docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    pub fn organization_denies(&self, visitor: &Visitor<'_>) -> bool {
        visitor.route.operation != "GetCallerIdentity"
            && self.organization_denies_action(&visitor.caller.account, &iam_action(visitor.route))
    }

    fn organization_denies_action(&self, account: &str, action: &str) -> bool {
        let Some(management) = self.accounts.values().find(|account| account.management) else { return false };
        if management.id == account {
            return false;
        }
        let targets = [root_id(&management.id), account.to_owned()];
        let attached = targets.iter().filter_map(|target| self.control_policies.attached.get(target)).flatten();
        attached
            .filter_map(|id| self.control_policies.by_id.get(id))
            .any(|policy| denials(&policy.document).any(|denial| denial.condition.is_null() && denial.covers(action)))
    }

    /// Whether somebody may not start a session: the organization forbids it, or the tokens of the role are revoked.
    pub(super) fn may_not_start(&self, opening: &Opening) -> bool {
        let home = opening.owner.split(':').nth(4).unwrap_or_default();
        self.organization_denies_action(home, "ssm:StartSession") || self.tokens_are_revoked(&opening.owner)
    }

    /// Whether the role's inline policies deny what tokens of the usual age may do.
    /// docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    fn tokens_are_revoked(&self, owner: &str) -> bool {
        let mut parts = owner.split(':').skip(4);
        let (Some(home), Some(resource)) = (parts.next(), parts.next()) else { return false };
        let name = resource.strip_prefix("assumed-role/").and_then(|path| path.split('/').next());
        let role = name.and_then(|name| self.accounts.get(home)?.roles.get(name));
        let issued = self.now() - SignedDuration::from_mins(TOKEN_AGE);
        role.into_iter().flat_map(|role| role.inline.values()).any(|document| {
            denials(document).any(|denial| {
                let before = denial.condition.pointer("/DateLessThan/aws:TokenIssueTime").and_then(Value::as_str);
                let before = before.and_then(|time| time.parse::<Timestamp>().ok());
                denial.covers("ssm:StartSession") && before.is_some_and(|before| issued < before)
            })
        })
    }
}

/// What a statement denies, and when.
struct Denial {
    actions: Value,
    condition: Value,
}

impl Denial {
    fn covers(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let one =
            |pattern: &Value| pattern.as_str().is_some_and(|pattern| matches(&pattern.to_ascii_lowercase(), &action));
        match &self.actions {
            Value::Array(patterns) => patterns.iter().any(one),
            pattern => one(pattern),
        }
    }
}

fn denials(document: &str) -> impl Iterator<Item = Denial> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    };
    statements.into_iter().filter(|statement| statement.get("Effect").is_some_and(|effect| effect == "Deny")).map(
        |statement| {
            let member = |name: &str| statement.get(name).cloned().unwrap_or_default();
            Denial { actions: member("Action"), condition: member("Condition") }
        },
    )
}
