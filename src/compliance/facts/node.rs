//! Facts of a node, for rules on nodes and on the sessions there.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    FactName, Value, governing_role,
    known::{Clock, Entry, Known, Read, absent, gone, missing, text},
    read::kind_word,
};
use crate::{
    compliance::{
        parameters::{Parameters, in_scope},
        version,
    },
    domain::{Fact, Node, NodeId, NodeKind, NodeTags, ScopeId, Why},
};

/// All evidence on one node.
#[derive(Debug, Clone, Copy)]
pub struct NodeEvidence<'a> {
    /// Its id.
    pub id: &'a NodeId,
    /// Where it is.
    pub scope: &'a ScopeId,
    /// Its properties. `Known(None)`: Systems Manager knows no such node.
    pub node: &'a Fact<Option<Node>>,
    /// Its tags.
    pub tags: &'a Fact<NodeTags>,
    /// Active sessions on it.
    pub active_sessions: i64,
    /// Active port and SSH sessions on it; `None`: of some active session the type is not known.
    pub port_sessions: Option<i64>,
    /// When the sessions were last listed.
    pub listed_at: Option<Timestamp>,
}

/// What sessions and rules on nodes share.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeFacts<'a> {
    pub(super) scope: &'a ScopeId,
    pub(super) properties: &'a Fact<Option<Node>>,
    pub(super) tags: &'a Fact<NodeTags>,
    pub(super) parameters: &'a Parameters,
    pub(super) clock: Clock,
}

impl<'a> NodeFacts<'a> {
    pub(super) fn value(&self, name: FactName) -> Read<Value<'a>> {
        match name {
            FactName::HasInstanceProfile => Ok(self.node()?.map(|node| Value::Flag(node.instance_role.is_some()))),
            FactName::NodeRole => self.words(governing_role, "a role"),
            FactName::MandatoryPolicy => {
                Ok(self.clock.configured(text(in_scope(&self.parameters.mandatory_policy, self.scope))))
            }
            FactName::ProductionTag => Ok(self.tags()?.map(|tags| {
                let production = &self.parameters.production_tag;
                let tag = tags.iter().find(|(key, value)| production.matches(key, value));
                text(tag.map(|(key, value)| format!("{key}={value}")).unwrap_or_default())
            })),
            FactName::NodeTags => Ok(self.clock.fresh(self.tags)?.map(Value::Tags)),
            FactName::NodeName => self.words(|node| node.name.as_ref(), "a name"),
            FactName::Platform => self.words(|node| node.platform.as_ref(), "its platform"),
            FactName::AgentVersion => self.words(|node| node.agent_version.as_ref(), "its agent's version"),
            FactName::AgentVersionNumber => {
                let node = self.node()?;
                let Some(version) = node.value.agent_version.as_ref() else {
                    return Err(absent("the node does not report its agent's version"));
                };
                let number = version::number(version);
                node.and(
                    |_| number.map(Value::Number),
                    || Why::Undecidable(format!("\"{version}\" is no version of the agent")),
                )
            }
            FactName::PingStatus => self.words(|node| node.ping_status.as_ref(), "its ping status"),
            _ => Err(absent("a node has no such fact")),
        }
    }

    pub(super) fn tags(&self) -> Read<&'a BTreeMap<String, String>> {
        Ok(self.clock.fresh(self.tags)?.map(|tags| &**tags))
    }

    fn node(&self) -> Read<&'a Node> {
        self.clock
            .fresh(self.properties)?
            .and(Option::as_ref, || gone("ssm:DescribeInstanceProperties", "Systems Manager knows no such node"))
    }

    fn words(&self, words: impl FnOnce(&'a Node) -> Option<&'a std::sync::Arc<str>>, what: &str) -> Read<Value<'a>> {
        self.node()?
            .if_any(|node| words(node).map(|words| text(&**words)), || format!("the node does not report {what}"))
    }
}

/// Reads facts of one node at one moment.
pub(in crate::compliance) struct NodeReader<'a> {
    evidence: NodeEvidence<'a>,
    parameters: &'a Parameters,
    clock: Clock,
}

impl<'a> NodeReader<'a> {
    pub(in crate::compliance) fn new(evidence: &NodeEvidence<'a>, parameters: &'a Parameters, now: Timestamp) -> Self {
        let clock = Clock { now, stale_after: parameters.stale_after, end: None };
        Self { evidence: *evidence, parameters, clock }
    }

    pub(in crate::compliance) fn read(&self, name: FactName) -> Entry<'a> {
        self.value(name).into()
    }

    fn value(&self, name: FactName) -> Read<Value<'a>> {
        let NodeEvidence { id, scope, .. } = self.evidence;
        match name {
            FactName::Account => Ok(self.clock.configured(text(scope.account.as_str()))),
            FactName::Region => Ok(self.clock.configured(text(scope.region.as_str()))),
            FactName::Target => Ok(self.clock.configured(text(id.as_str()))),
            FactName::NodeKind => Ok(self.clock.configured(text(kind_word(NodeKind::of(id))))),
            FactName::ActiveSessions => self.counted(Some(self.evidence.active_sessions)),
            FactName::PortSessions => self.counted(self.evidence.port_sessions),
            FactName::RolePolicies => Err(absent("a rule on nodes reads no role")),
            _ => {
                let facts = NodeFacts {
                    scope,
                    properties: self.evidence.node,
                    tags: self.evidence.tags,
                    parameters: self.parameters,
                    clock: self.clock,
                };
                facts.value(name)
            }
        }
    }

    fn counted(&self, number: Option<i64>) -> Read<Value<'a>> {
        let Some(at) = self.evidence.listed_at else { return Err(missing(Why::NotRead)) };
        let listed: Known<()> = self.clock.unless_stale((), "ssm:DescribeSessions", at, self.clock.expiry(at))?;
        listed.and(|()| number.map(Value::Number), || Why::DependsOn(FactName::SessionType.as_str()))
    }
}
