//! The tags of who started the session: the pairs that must match the node's, and the approval.

use jiff::Timestamp;

use super::{
    FactName, Value,
    known::{Known, Read, absent, gone, missing, text, undecidable},
    read::SessionReader,
};
use crate::domain::{Fact, NodeTags, Owner, TRAIL_LATENESS, TagChange, Why};

/// What is known of the principal's tags.
#[derive(Debug, Clone, Copy)]
pub struct PrincipalEvidence<'a> {
    /// Its tags now. `Known(None)`: there is no such role or user.
    pub tags: &'a Fact<Option<NodeTags>>,
    /// The last lookup of tag changes in its account.
    pub changes_read: &'a Fact<()>,
    /// How far back the lookups reach.
    pub changes_from: Option<Timestamp>,
    /// Changes of this account's principals, oldest first.
    pub changes: &'a [TagChange],
}

/// Name of the role or user whose tags count, and whether it is a user.
pub fn tagged_principal(owner: &str) -> Option<(&str, bool)> {
    match Owner::parse(owner) {
        // The tags are of the role as IAM names it, reserved prefix and suffix included.
        Owner::Role { .. } => {
            let name = owner.split_once(":assumed-role/")?.1;
            Some((name.rsplit_once('/').map_or(name, |(role, _)| role), false))
        }
        Owner::User(name) => Some((name, true)),
        Owner::Root | Owner::Federated(_) | Owner::Other(_) => None,
    }
}

impl<'a> SessionReader<'a> {
    pub(super) fn principal(&self, name: FactName) -> Read<Value<'a>> {
        match name {
            FactName::TagPairMismatch => self.tag_pair_mismatch(),
            FactName::ApprovedAtStart => self.approved_at_start(),
            FactName::ApprovalTagPresent => {
                let target = self.evidence.session.target.as_str();
                Ok(self.tags_of_principal()?.map(|tags| {
                    Value::Flag(tags.get(&self.parameters.approval_tag).is_some_and(|value| value == target))
                }))
            }
            _ => self.approval_age(),
        }
    }

    fn tags_of_principal(&self) -> Read<&'a std::collections::BTreeMap<String, String>> {
        if tagged_principal(&self.evidence.session.owner).is_none() {
            return Err(undecidable("the owner is neither a role nor an IAM user, and has no tags to read"));
        }
        let tags = self.clock.fresh(self.evidence.principal.tags)?;
        Ok(tags.and(Option::as_ref, || gone("iam:GetRole", "there is no such principal"))?.map(|tags| &**tags))
    }

    fn tag_pair_mismatch(&self) -> Read<Value<'a>> {
        let principal = self.tags_of_principal()?;
        let node = self.node_facts().tags()?;
        let differing = self.parameters.tag_pairs.iter().find_map(|(of_principal, of_node)| {
            let (mine, its) = (principal.value.get(of_principal), node.value.get(of_node));
            let shown = |value: Option<&String>| value.map_or("(none)".to_owned(), |value| format!("\"{value}\""));
            (mine != its).then(|| format!("{of_principal} = {}, {of_node} = {}", shown(mine), shown(its)))
        });
        // As old as the older of the two.
        let older = if node.at < principal.at { (node.at, node.expires) } else { (principal.at, principal.expires) };
        let value = text(differing.unwrap_or_default());
        Ok(Known { value, source: "iam:GetRole", at: older.0, expires: older.1 })
    }

    /// The last change of the approval tag before a moment: when, and whether it then named this node.
    fn approval_before(&self, moment: Timestamp) -> Option<(Timestamp, bool)> {
        let (name, user) = tagged_principal(&self.evidence.session.owner)?;
        let tag = &self.parameters.approval_tag;
        let target = self.evidence.session.target.as_str();
        self.evidence
            .principal
            .changes
            .iter()
            .filter(|change| &*change.principal == name && change.user == user && change.at <= moment)
            .filter_map(|change| match change.set.get(tag) {
                Some(value) => Some((change.at, value == target)),
                None => change.removed.contains(tag).then_some((change.at, false)),
            })
            .max_by_key(|(at, _)| *at)
    }

    /// The tag lives for minutes: what counts is the interval that CloudTrail recorded, not the tags of now.
    fn approved_at_start(&self) -> Read<Value<'a>> {
        if tagged_principal(&self.evidence.session.owner).is_none() {
            return Ok(self.clock.configured(Value::Flag(false)));
        }
        let Some(started) = self.evidence.session.started_at else {
            return Err(missing(super::known::not_sent("StartDate")));
        };
        let principal = &self.evidence.principal;
        let at = match principal.changes_read {
            Fact::Known { at, .. } => *at,
            Fact::Missing(missing) => return Err(super::known::Lack::Missing(missing.clone())),
        };
        let valid = |set: Timestamp| started.duration_since(set) <= self.parameters.approval_validity;
        let known = |flag| Ok(Known { value: Value::Flag(flag), source: "cloudtrail:LookupEvents", at, expires: None });
        match self.approval_before(started) {
            Some((set, true)) if valid(set) => known(true),
            _ if at.duration_since(started) <= TRAIL_LATENESS => {
                Err(missing(Why::Pending("CloudTrail may not have recorded the approval yet".to_owned())))
            }
            Some(_) => known(false),
            None if principal
                .changes_from
                .is_some_and(|from| started.duration_since(from) >= self.parameters.approval_validity) =>
            {
                known(false)
            }
            None => Err(undecidable("the session started before the time that was looked up in CloudTrail")),
        }
    }

    fn approval_age(&self) -> Read<Value<'a>> {
        let tags = self.tags_of_principal()?;
        let target = self.evidence.session.target.as_str();
        if tags.value.get(&self.parameters.approval_tag).is_none_or(|value| value != target) {
            return Err(absent("the principal does not carry the approval tag for this node"));
        }
        // As old as the older of the two: it counts no longer than both do.
        let changes = self.clock.fresh(self.evidence.principal.changes_read)?;
        let tags = if changes.at < tags.at { Known { at: changes.at, expires: changes.expires, ..tags } } else { tags };
        // Without a record it may have been set before the time that was looked up, or so recently that CloudTrail does
        // not tell of it yet: an age that nobody knows accuses nobody.
        let set = self.approval_before(self.clock.now).and_then(|(set, for_node)| for_node.then_some(set));
        tags.and(
            |_| set.map(|set| self.clock.since(set)),
            || Why::Pending("CloudTrail has no record of the tag yet".to_owned()),
        )
    }
}
