//! What people's just-in-time node access policies say to a session.

use super::{
    FactName, Value,
    known::{Known, Lack, Read, absent, text},
    read::SessionReader,
};
use crate::{
    compliance::{
        just_in_time::{JitDecision, NodeView, PrincipalView},
        parameters::matches_pattern,
    },
    domain::{NodeKind, Owner, Why},
};

impl<'a> SessionReader<'a> {
    pub(super) fn just_in_time(&self, name: FactName) -> Read<Value<'a>> {
        let Some(policies) = &self.parameters.jit_policies else {
            return Err(absent("no just-in-time node access policies are configured"));
        };
        let session = self.evidence.session;
        let scope = &session.key.scope;
        let tags = self.node_facts().tags()?;
        let node = NodeView {
            id: session.target.as_str(),
            hybrid: NodeKind::of(&session.target) == NodeKind::Hybrid,
            account: scope.account.as_str(),
            region: scope.region.as_str(),
            tags: tags.value,
        };
        let person = match Owner::parse(&session.owner) {
            Owner::Role { session, .. } => session,
            Owner::User(name) | Owner::Federated(name) | Owner::Other(name) => name,
            Owner::Root => "root",
        };
        let member_of = |group: &str| {
            let patterns = self.parameters.groups.get(group)?;
            Some(patterns.iter().any(|pattern| matches_pattern(pattern, &session.owner)))
        };
        let principal = PrincipalView { owner_arn: &session.owner, name: person, member_of: &member_of };
        let judgement = policies.judge(node, principal);
        let known = |value| Ok(Known { value, source: "compliance.jit_policies", at: tags.at, expires: tags.expires });
        match (name, judgement.covered, judgement.decision) {
            (FactName::JitCovered, Some(covered), _) => known(Value::Flag(covered)),
            (FactName::JitCovered, None, decision) => {
                let why = match decision {
                    JitDecision::Unknown(why) => why,
                    _ => "whether a policy speaks of this node is not known".to_owned(),
                };
                Err(Lack::Unclear { why: Why::Undecidable(why), expires: tags.expires })
            }
            (_, _, decision) => {
                let by = judgement.covering.join(", ");
                let by = if by.is_empty() { String::new() } else { format!(" ({by})") };
                known(text(match decision {
                    JitDecision::Permitted => format!("permitted{by}"),
                    JitDecision::Refused => format!("refused{by}"),
                    JitDecision::Unknown(why) => format!("unknown: {why}{by}"),
                }))
            }
        }
    }
}
