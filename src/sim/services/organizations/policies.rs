//! Service control policies: reading, attaching, detaching.
//!
//! Errors and their words: docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html and its neighbours.

use serde_json::json;

use super::{Organization, invalid_input, page};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{
        World,
        control_policies::ControlPolicy,
        model::Account,
        trail::{Caller, Deed},
    },
};

/// Where the calls of Organizations are recorded.
const RECORDS: &str = "us-east-1";
/// Policies of a type that a target has at most.
/// docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
const MOST_ATTACHED: usize = 5;
const KIND: &str = "SERVICE_CONTROL_POLICY";
const KINDS: &[&str] = &[
    KIND,
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
];

/// organizations:DescribePolicy.
pub(super) fn describe_policy(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let id = input.required_text("PolicyId");
    input.finish(Style::InvalidInput)?;
    let policy = organization.policy(id)?;
    let described = Value::structure([
        ("PolicySummary", organization.policy_summary(policy)),
        ("Content", policy.document.as_str().into()),
    ]);
    Ok(Value::structure([("Policy", described)]))
}

/// organizations:ListPolicies.
pub(super) fn list_policies(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let kind = input.required_enum("Filter", KINDS);
    let policies = organization.world.control_policies.by_id.values().filter(|_| kind == KIND);
    page(input, &["ListPolicies", kind], "Policies", policies.map(|policy| organization.policy_summary(policy)))
}

/// organizations:ListPoliciesForTarget.
pub(super) fn list_policies_for_target(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let kind = input.required_enum("Filter", KINDS);
    let target = input.required_text("TargetId");
    input.finish(Style::InvalidInput)?;
    organization.target(target)?;
    let policies = &organization.world.control_policies;
    let attached = policies.attached.get(target).into_iter().flatten().filter(|_| kind == KIND);
    let attached = attached.filter_map(|id| policies.by_id.get(id)).map(|policy| organization.policy_summary(policy));
    page(input, &["ListPoliciesForTarget", kind, target], "Policies", attached)
}

/// organizations:ListTargetsForPolicy.
pub(super) fn list_targets_for_policy(organization: &Organization<'_>, input: &Input<'_>) -> Result<Value, AwsError> {
    let id = input.required_text("PolicyId");
    input.finish(Style::InvalidInput)?;
    organization.policy(id)?;
    let attached = organization.world.control_policies.attached.iter();
    let targets = attached.filter(|(_, policies)| policies.iter().any(|policy| policy == id)).map(|(target, _)| {
        let (arn, name, kind) = match organization.world.accounts.get(target) {
            Some(account) => (organization.account_arn(account), account.name.as_str(), "ACCOUNT"),
            None => (organization.root_arn(), "Root", "ROOT"),
        };
        Value::structure([
            ("TargetId", target.into()),
            ("Arn", arn.into()),
            ("Name", name.into()),
            ("Type", kind.into()),
        ])
    });
    page(input, &["ListTargetsForPolicy", id], "Targets", targets)
}

/// organizations:AttachPolicy.
pub(super) fn attach_policy(world: &mut World, management: &str, call: &Call) -> Outcome {
    let (id, target) = both(world, management, call)?;
    let attached = world.control_policies.attached.entry(target.clone()).or_default();
    if attached.contains(&id) {
        // The service's own words, wherever they were meant for.
        let words = "A policy with the specified name and type already exists.";
        return Err(AwsError::client("DuplicatePolicyAttachmentException", words));
    }
    if attached.len() >= MOST_ATTACHED {
        let words = "You have attached the maximum number of policies to the specified target.";
        return Err(violation(words, "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"));
    }
    attached.push(id.clone());
    record(world, call, "AttachPolicy", &id, &target);
    Ok(Reply::Output(Value::Null))
}

/// organizations:DetachPolicy.
pub(super) fn detach_policy(world: &mut World, management: &str, call: &Call) -> Outcome {
    let (id, target) = both(world, management, call)?;
    let attached = world.control_policies.attached.entry(target.clone()).or_default();
    if !attached.contains(&id) {
        let words = "The policy isn't attached to the specified target in the specified root.";
        return Err(AwsError::client("PolicyNotAttachedException", words));
    }
    if attached.len() == 1 {
        let words = "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.";
        return Err(violation(words, "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"));
    }
    attached.retain(|one| *one != id);
    record(world, call, "DetachPolicy", &id, &target);
    Ok(Reply::Output(Value::Null))
}

/// The policy and the target that the input names; both exist.
fn both(world: &World, management: &str, call: &Call) -> Result<(String, String), AwsError> {
    let input = Input::new(&call.input);
    let (id, target) = (input.required_text("PolicyId"), input.required_text("TargetId"));
    input.finish(Style::InvalidInput)?;
    let organization = Organization::of(world, management)?;
    organization.policy(id)?;
    organization.target(target)?;
    Ok((id.to_owned(), target.to_owned()))
}

fn violation(words: &str, reason: &str) -> AwsError {
    AwsError::client("ConstraintViolationException", words).with_detail("Reason", reason)
}

impl Organization<'_> {
    fn policy(&self, id: &str) -> Result<&ControlPolicy, AwsError> {
        let tail = id.strip_prefix("p-").unwrap_or_default();
        if !(8..=128).contains(&tail.len()) || !tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(invalid_input("INVALID_PATTERN"));
        }
        self.world
            .control_policies
            .by_id
            .get(id)
            .ok_or_else(|| AwsError::client("PolicyNotFoundException", "You specified a policy that doesn't exist."))
    }

    fn target(&self, id: &str) -> Result<(), AwsError> {
        let is_account = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_unit = |begin: &str, of: std::ops::RangeInclusive<usize>| {
            id.strip_prefix(begin).is_some_and(|tail| {
                of.contains(&tail.len())
                    && tail.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            })
        };
        if !is_account && !is_unit("r-", 4..=32) && !is_unit("ou-", 13..=65) {
            return Err(invalid_input("INVALID_PATTERN_TARGET_ID"));
        }
        if self.world.control_policies.attached.contains_key(id) {
            return Ok(());
        }
        Err(AwsError::client("TargetNotFoundException", "You specified a target that doesn't exist."))
    }

    fn root_arn(&self) -> String {
        format!("arn:aws:organizations::{}:root/{}/{}", self.management.id, self.id(), self.root())
    }

    fn policy_summary(&self, policy: &ControlPolicy) -> Value {
        let home = if policy.aws_managed {
            "aws:policy".to_owned()
        } else {
            format!("{}:policy/{}", self.management.id, self.id())
        };
        Value::structure([
            ("Id", policy.id.as_str().into()),
            ("Arn", format!("arn:aws:organizations::{home}/service_control_policy/{}", policy.id).into()),
            ("Name", policy.name.as_str().into()),
            ("Description", policy.description.as_str().into()),
            ("Type", KIND.into()),
            ("AwsManaged", policy.aws_managed.into()),
        ])
    }
}

fn record(world: &mut World, call: &Call, name: &str, policy: &str, target: &str) {
    let deed = Deed {
        source: "organizations.amazonaws.com",
        name,
        read_only: false,
        request: json!({"policyId": policy, "targetId": target}),
        response: serde_json::Value::Null,
        error: None,
        resources: Vec::new(),
    };
    world.record(&call.caller.account, RECORDS, &Caller::of(call), deed);
}

/// The management account of a world that has one.
pub(super) fn management(world: &World) -> Option<&Account> {
    world.accounts.values().find(|account| account.management)
}
