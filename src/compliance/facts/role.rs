//! What the node's role may not do, and whether it changed.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    FactName, Value,
    known::{Known, Read, text},
    read::SessionReader,
};
use crate::{
    compliance::deny::DenyAnalysis,
    domain::{Fact, NodeKind, Why},
};

/// What was found out about the role that governs a session's node.
#[derive(Debug, Clone, Copy)]
pub struct RoleEvidence<'a> {
    /// The analysis of its policies for this scope; `None`: they were not read.
    pub analysis: Option<&'a DenyAnalysis>,
    /// What changed in the role during the session, and when that was seen.
    pub change: Option<(&'a str, Timestamp)>,
}

impl<'a> SessionReader<'a> {
    /// A Deny that reaches what logging needs. What cannot be decided is not clean.
    pub(super) fn denied_actions(&self) -> Read<Value<'a>> {
        let role = self.role()?;
        let documents = self.clock.fresh(&role.value.documents)?;
        let Some(analysis) = self.evidence.role.analysis else {
            return Err(super::known::missing(Why::DependsOn(FactName::NodeRole.as_str())));
        };
        if !analysis.denied.is_empty() {
            let denials = analysis.denied.iter().map(|denial| Cow::Owned(denial.to_string())).collect();
            return Ok(documents.map(|_| Value::Texts(denials)));
        }
        if let Some(undecided) = analysis.undecided.first() {
            return documents.and(|_| None, || Why::Undecidable(undecided.to_string()));
        }
        if let Some((policy, why)) = analysis.unreadable.first() {
            let unreadable = format!("the policy {policy} cannot be read: {why}");
            return documents.and(|_| None, || Why::Undecidable(unreadable));
        }
        Ok(documents.map(|_| Value::Texts(Vec::new())))
    }

    /// Known as soon as the policies were read once: a change needs two reads.
    pub(super) fn role_change(&self) -> Read<Value<'a>> {
        if let Some((change, at)) = self.evidence.role.change {
            return Ok(Known { value: text(change), source: "iam:GetPolicyVersion", at, expires: None });
        }
        // Without an instance profile there is no role that could change.
        if NodeKind::of(&self.evidence.session.target) == NodeKind::Ec2
            && let Ok(profile) = self.node_facts().value(FactName::HasInstanceProfile)
            && profile.value == Value::Flag(false)
        {
            return Ok(profile.map(|_| text("")));
        }
        let role = self.role()?;
        match &role.value.documents {
            Fact::Missing(missing) => Err(super::known::Lack::Missing(missing.clone())),
            documents => Ok(self.clock.fresh(documents)?.map(|_| text(""))),
        }
    }
}
