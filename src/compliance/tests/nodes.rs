//! Rules on nodes.

use super::{table::*, *};
use crate::{compliance::NodeEvidence, domain::NodeId};

/// What is known of a node.
#[derive(Clone)]
pub struct NodeCase {
    pub node: Fact<Option<Node>>,
    pub active_sessions: i64,
    pub port_sessions: Option<i64>,
    pub listed_at: Option<Timestamp>,
}

impl NodeCase {
    fn of(bend: impl FnOnce(&mut Node)) -> Self {
        let mut node = node("i-0123456789abcdef0", Some("web"), None);
        bend(&mut node);
        Self {
            node: Fact::known(Some(node), "ssm:DescribeInstanceProperties", at(290)),
            active_sessions: 1,
            port_sessions: Some(1),
            listed_at: Some(at(290)),
        }
    }

    pub fn with_agent(version: &str) -> Self {
        Self::of(|node| node.agent_version = Some(version.into()))
    }

    pub fn explain(&self, now: Timestamp) -> Vec<Finding> {
        let (id, scope, tags) =
            (NodeId::from("i-0123456789abcdef0"), ScopeId::new(ACCOUNT, REGION), tags(&[], at(290)));
        let evidence = NodeEvidence {
            id: &id,
            scope: &scope,
            node: &self.node,
            tags: &tags,
            active_sessions: self.active_sessions,
            port_sessions: self.port_sessions,
            listed_at: self.listed_at,
        };
        engine().explain_node(&evidence, now)
    }
}

fn node_row(rule: &'static str, what: &'static str, case: &NodeCase, expected: Expected) -> Row {
    Row::of(rule, what, case.explain(at(300)), expected)
}

pub fn table() -> Vec<Row> {
    let agent = NodeCase::with_agent;
    let silent = NodeCase::of(|node| node.ping_status = Some("ConnectionLost".into()));
    let unread = NodeCase { node: Fact::not_read(), ..agent("3.3.0.0") };
    let unlisted = NodeCase { listed_at: None, ..agent("3.3.0.0") };
    let quiet = NodeCase { active_sessions: 0, port_sessions: Some(0), ..silent.clone() };
    let untyped = NodeCase { port_sessions: None, ..agent("3.3.0.0") };
    let odd = "agent_version_number: cannot be decided from here: \"new\" is no version of the agent";
    vec![
        node_row("NOD-01", "the first with sessions", &agent("2.3.68.0"), GOOD),
        node_row("NOD-01", "one before", &agent("2.3.67.9"), BAD),
        // By number, not by letters.
        node_row("NOD-01", "ten is more than nine", &agent("10.0.0.0"), GOOD),
        node_row("NOD-01", "no version", &agent("new"), lacks(odd)),
        node_row("NOD-01", "not read", &unread, lacks("agent_version_number: not read yet")),
        node_row(
            "NOD-01",
            "not reported",
            &NodeCase::of(|node| node.agent_version = None),
            lacks("agent_version_number: the node does not report its agent's version"),
        ),
        node_row("NOD-02", "the first with tunnels", &agent("3.0.222.0"), GOOD),
        node_row("NOD-02", "one before", &agent("3.0.221.9"), BAD),
        node_row("NOD-02", "not read", &unread, lacks("agent_version_number: not read yet")),
        node_row(
            "NOD-02",
            "of which type a session is",
            &untyped,
            lacks("port_sessions: depends on session_type, which is missing"),
        ),
        node_row("NOD-02", "no tunnel", &NodeCase { port_sessions: Some(0), ..agent("2.0.0.0") }, SILENT),
        node_row("NOD-03", "the first that no line blocks", &agent("3.1.1856.0"), GOOD),
        node_row("NOD-03", "a long line may block it", &agent("3.1.1855.9"), BAD),
        node_row("NOD-03", "it does not stream", &agent("3.0.355.9"), BAD),
        node_row("NOD-03", "shells outlive their session", &agent("2.3.977.9"), BAD),
        node_row("NOD-03", "not read", &unread, lacks("agent_version_number: not read yet")),
        node_row("NOD-04", "online", &agent("3.3.0.0"), GOOD),
        node_row("NOD-04", "lost", &silent, BAD),
        node_row("NOD-04", "not read", &unread, lacks("ping_status: not read yet")),
        node_row("NOD-04", "sessions not listed", &unlisted, lacks("active_sessions: not read yet")),
        node_row("NOD-04", "no session", &quiet, SILENT),
    ]
}

#[test]
fn nodes_are_judged_by_agent_and_ping() {
    check(table());
}
