//! APR-04: which nodes people's just-in-time node access policies cover, and whom they let in. Pure.
//!
//! These are the auto-approval (`permit`) and deny-access (`forbid`) policies of AWS Systems Manager just-in-time node
//! access, in Cedar, unchanged
//! (<https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-just-in-time-node-access-create-auto-approval-policies.html>,
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-just-in-time-node-access-create-deny-access-policies.html>).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};

use super::{
    just_in_time_condition::{Answers, Condition, Ends, USER},
    policy::{first_error, line_and_column},
};

/// The one action of these policies
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/auto-approval-deny-access-policy-statement-structure.html>).
const ACTION: (&str, &str) = ("AWS::SSM::Action", "getTokenForInstanceAccess");
/// Of so many groups every combination of membership is tried; beyond, the decision is unknown.
const MOST_UNKNOWN_GROUPS: usize = 8;

/// What is wrong in a file of just-in-time policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JitError {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for JitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)
    }
}

impl std::error::Error for JitError {}

/// What of a node these policies can ask.
#[derive(Debug, Clone, Copy)]
pub struct NodeView<'a> {
    /// `i-…`, `mi-…`.
    pub id: &'a str,
    /// It is a hybrid node: `AWS::SSM::ManagedInstance`, not `AWS::EC2::Instance`.
    pub hybrid: bool,
    /// Its account.
    pub account: &'a str,
    /// Its region.
    pub region: &'a str,
    /// Its tags.
    pub tags: &'a BTreeMap<String, String>,
}

/// What of a person these policies can ask, and we may know.
#[derive(Clone, Copy)]
pub struct PrincipalView<'a> {
    /// The ARN that started the session.
    pub owner_arn: &'a str,
    /// The person's name in it.
    pub name: &'a str,
    /// Whether the person is in the IAM Identity Center group of that id; `None`: unknown.
    pub member_of: &'a dyn Fn(&str) -> Option<bool>,
}

/// What the policies say of a node and a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JitJudgement {
    /// Some policy speaks of the node: its resource and the node's tags can satisfy it, for some person. `None`: it hangs
    /// on something of the node that is unknown.
    pub covered: Option<bool>,
    /// The policies that do: `@id`, else `file:line`.
    pub covering: Vec<String>,
    /// Whether they let the person in without approval by hand.
    pub decision: JitDecision,
}

/// Whether someone is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JitDecision {
    /// Approved automatically.
    Permitted,
    /// Denied, or not approved without a hand.
    Refused,
    /// It hangs on what is unknown: why.
    Unknown(String),
}

#[derive(Debug, Clone)]
struct JitPolicy {
    name: String,
    permits: bool,
    condition: Condition,
}

/// People's just-in-time policies.
#[derive(Debug, Clone)]
pub struct JitPolicies {
    policies: Vec<JitPolicy>,
}

impl JitPolicies {
    /// Reads policy files, given as names and texts.
    ///
    /// # Errors
    /// The first place that is no Cedar policy, or a template.
    pub fn parse(files: &[(String, String)]) -> Result<Self, JitError> {
        let mut policies = Vec::new();
        for (file, text) in files {
            parse_file(file, text, &mut policies)?;
        }
        Ok(Self { policies })
    }

    /// What they say of the node and the person.
    pub fn judge(&self, node: NodeView<'_>, principal: PrincipalView<'_>) -> JitJudgement {
        let unknown =
            |why: String| JitJudgement { covered: None, covering: Vec::new(), decision: JitDecision::Unknown(why) };
        let asked = match Asked::of(node) {
            Ok(asked) => asked,
            Err(why) => return unknown(why),
        };
        let anyone = With { asked: &asked, member_of: &|_| None };
        let speaking: Vec<(&JitPolicy, Ends)> = self
            .policies
            .iter()
            .map(|policy| (policy, policy.condition.ends(&anyone)))
            .filter(|(_, e)| e.satisfied)
            .collect();
        let covering: Vec<&JitPolicy> =
            speaking.iter().filter(|(_, ends)| !ends.unclear).map(|(policy, _)| *policy).collect();
        let covered = if covering.is_empty() && !speaking.is_empty() { None } else { Some(!covering.is_empty()) };
        let decision = if covered == Some(false) {
            JitDecision::Unknown("no just-in-time policy speaks of this node".to_owned())
        } else {
            let speaking: Vec<&JitPolicy> = speaking.iter().map(|(policy, _)| *policy).collect();
            match decide(&speaking, &asked, principal) {
                // Nothing is refused by default where perhaps no policy speaks.
                JitDecision::Refused if covered.is_none() => {
                    JitDecision::Unknown("it hangs on what is unknown of the node".to_owned())
                }
                decision => decision,
            }
        };
        JitJudgement { covered, covering: covering.iter().map(|policy| policy.name.clone()).collect(), decision }
    }
}

fn parse_file(file: &str, text: &str, policies: &mut Vec<JitPolicy>) -> Result<(), JitError> {
    let error = |offset: usize, what: String| {
        let (line, column) = line_and_column(text, offset);
        JitError { file: file.to_owned(), line, column, what }
    };
    let set = PolicySet::from_str(text).map_err(|errors| {
        let (offset, what) = first_error(&errors);
        error(offset, what)
    })?;
    if let Some(template) = set.templates().next() {
        let offset = text.find(&template.to_string()).unwrap_or_default();
        return Err(error(
            offset,
            "a template is no just-in-time policy: write principal and resource without slots".into(),
        ));
    }
    // Cedar calls the policies of a file policy0, policy1, … in the file's order.
    let mut all: Vec<_> = set.policies().collect();
    all.sort_by_key(|policy| {
        let id: &str = policy.id().as_ref();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    let mut from = 0;
    for policy in all {
        let offset =
            text.get(from..).and_then(|rest| rest.find(&policy.to_string())).map_or(from, |found| from + found);
        from = offset + 1;
        let json = policy.to_json().map_err(|wrong| error(offset, wrong.to_string()))?;
        let condition = Condition::of(&json).map_err(|what| error(offset, what))?;
        let name = policy.annotation("id").filter(|id| !id.is_empty());
        let name = name.map_or_else(|| format!("{file}:{}", line_and_column(text, offset).0), str::to_owned);
        policies.push(JitPolicy { name, permits: policy.effect() == Effect::Permit, condition });
    }
    Ok(())
}

/// The decision, if it is the same whatever we do not know.
fn decide(speaking: &[&JitPolicy], asked: &Asked<'_>, principal: PrincipalView<'_>) -> JitDecision {
    let mut groups = BTreeSet::new();
    speaking.iter().for_each(|policy| policy.condition.groups(&mut groups));
    let open: Vec<&str> = groups.into_iter().filter(|group| (principal.member_of)(group).is_none()).collect();
    let (name, owner) = (principal.name, principal.owner_arn);
    let who = if name.is_empty() { owner } else { name };
    if open.len() > MOST_UNKNOWN_GROUPS {
        return JitDecision::Unknown(format!("of {} groups it is unknown whether {who} is a member", open.len()));
    }
    let mut decisions = (0..1_u32 << open.len()).map(|combination| {
        let member_of = |group: &str| {
            let place = open.iter().position(|open| *open == group);
            place.map_or_else(|| (principal.member_of)(group), |place| Some(combination >> place & 1 == 1))
        };
        decide_as(speaking, &With { asked, member_of: &member_of })
    });
    let first = decisions.next().flatten();
    if let Some(permitted) = first
        && decisions.all(|decision| decision == first)
    {
        return if permitted { JitDecision::Permitted } else { JitDecision::Refused };
    }
    JitDecision::Unknown(match open.as_slice() {
        [] => format!("it hangs on attributes of {who} or of the node that are unknown"),
        [group] => format!("it is unknown whether {who} is a member of group {group}"),
        [group, ..] => format!("it is unknown whether {who} is a member of group {group} and {} more", open.len() - 1),
    })
}

/// The decision with every membership known: a forbid wins, and what is not permitted is refused.
fn decide_as(speaking: &[&JitPolicy], with: &With<'_, '_>) -> Option<bool> {
    let ends = |permits: bool| speaking.iter().filter(move |p| p.permits == permits).map(|p| p.condition.ends(with));
    let permit = ends(true).any(Ends::surely);
    let perhaps_permit = ends(true).any(|ends| ends.satisfied);
    if !perhaps_permit || ends(false).any(Ends::surely) {
        Some(false)
    } else if permit && !ends(false).any(|ends| ends.satisfied) {
        Some(true)
    } else {
        None
    }
}

/// A node as Cedar is asked about it.
struct Asked<'a> {
    node: NodeView<'a>,
    kind: &'static str,
    request: Request,
    entities: Entities,
    authorizer: Authorizer,
}

impl<'a> Asked<'a> {
    fn of(node: NodeView<'a>) -> Result<Self, String> {
        let words = |error: &dyn fmt::Display| error.to_string();
        let uid = |kind: &str, id: &str| {
            let kind = EntityTypeName::from_str(kind).map_err(|error| words(&error))?;
            Ok::<_, String>(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
        };
        let kind = if node.hybrid { "AWS::SSM::ManagedInstance" } else { "AWS::EC2::Instance" };
        let resource = uid(kind, node.id)?;
        let tags = node.tags.iter().map(|(key, value)| (key.clone(), RestrictedExpression::new_string(value.clone())));
        let entity = Entity::new_with_tags(resource.clone(), [], [], tags).map_err(|error| words(&error))?;
        let entities = Entities::from_entities([entity], None).map_err(|error| words(&error))?;
        // No piece that Cedar is asked reads the person: anybody stands for all.
        let request = Request::new(uid(USER, "")?, uid(ACTION.0, ACTION.1)?, resource, Context::empty(), None);
        let request = request.map_err(|error| words(&error))?;
        Ok(Self { node, kind, request, entities, authorizer: Authorizer::new() })
    }
}

/// A node with someone.
struct With<'a, 'n> {
    asked: &'a Asked<'n>,
    member_of: &'a dyn Fn(&str) -> Option<bool>,
}

impl Answers for With<'_, '_> {
    fn member_of(&self, group: &str) -> Option<bool> {
        (self.member_of)(group)
    }

    // AWS's pages do not show the form of ids of nodes: the plain id and the ARN are taken for the node.
    fn is_node(&self, kind: &str, id: &str) -> bool {
        let node = self.asked.node;
        let arn = || {
            let (service, what) = if node.hybrid { ("ssm", "managed-instance") } else { ("ec2", "instance") };
            let behind = format!(":{service}:{}:{}:{what}/{}", node.region, node.account, node.id);
            // The partition: aws, aws-cn, aws-us-gov.
            id.strip_prefix("arn:").and_then(|id| id.strip_suffix(&behind)).is_some_and(|part| !part.contains(':'))
        };
        kind == self.asked.kind && (id == node.id || arn())
    }

    fn has_tag(&self, key: &str) -> bool {
        self.asked.node.tags.contains_key(key)
    }

    fn cedar(&self, piece: &PolicySet) -> Ends {
        let response = self.asked.authorizer.is_authorized(&self.asked.request, piece, &self.asked.entities);
        if response.diagnostics().errors().next().is_some() {
            return Ends::ERROR;
        }
        Ends::certain(response.decision() == Decision::Allow)
    }
}

#[cfg(test)]
#[path = "just_in_time_tests.rs"]
mod tests;
