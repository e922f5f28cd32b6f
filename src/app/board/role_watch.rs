//! The roles of nodes: what their policies deny, and whether they change while somebody is on the node (rules IAM-02, IAM-03).

use std::sync::Arc;

use super::Board;
use crate::{
    compliance::{deny::DenyAnalysis, governing_role},
    domain::{Fact, PolicyDocument, ScopeId, Session, SessionKey},
};

/// A role as it was when a session was seen with it first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RoleMark {
    role: Option<Arc<str>>,
    attached: Vec<Arc<str>>,
    documents: Option<Arc<[PolicyDocument]>>,
}

impl Board {
    /// Finds out what the role's policies deny in that scope; once for each change of them.
    pub(super) fn analyse(&mut self, scope: &ScopeId, role: &Arc<str>) {
        let key = (scope.clone(), Arc::clone(role));
        let policies = self.roles.get(&(scope.account.clone(), Arc::clone(role)));
        let documents = policies.and_then(Fact::value).and_then(Option::as_ref).and_then(|it| it.documents.value());
        match documents {
            Some(documents) => {
                let analysis = DenyAnalysis::of(documents, &self.engine.parameters().needs(scope));
                self.analyses.insert(key, analysis);
            }
            None => {
                self.analyses.remove(&key);
            }
        }
    }

    /// Compares the roles of those sessions with what they were.
    pub(super) fn mark_roles(&mut self, touches: impl Fn(&Session) -> bool) {
        let keys: Vec<SessionKey> = self
            .sessions
            .values()
            .filter(|board| board.is_active() && touches(&board.session))
            .map(|board| board.session.key.clone())
            .collect();
        for key in keys {
            self.mark_role(&key);
        }
    }

    /// Remembers the role of an active session's node, or says what changed in it. Only what was read both times is compared.
    pub(super) fn mark_role(&mut self, key: &SessionKey) {
        let Some(board) = self.sessions.get(key).filter(|board| board.is_active()) else { return };
        let Some((node, at)) = self.node(&board.session).and_then(|node| match &node.properties {
            Fact::Known { value: Some(node), at, .. } => Some((node, *at)),
            _ => None,
        }) else {
            return;
        };
        let role = governing_role(node).cloned();
        let policies = role.as_ref().and_then(|role| self.roles.get(&(key.scope.account.clone(), Arc::clone(role))));
        let (attached, documents, at) = match (&role, policies) {
            (None, _) => (Vec::new(), None, at),
            (Some(_), Some(Fact::Known { value: Some(policies), at, .. })) => {
                (policies.attached.clone(), policies.documents.value().cloned(), *at)
            }
            // A role that was not read yet says nothing; one of another name does.
            (Some(role), _) => {
                let before = board.role_at_first.as_ref().map(|mark| mark.role.clone());
                if before.is_none_or(|before| before.as_ref() == Some(role)) {
                    return;
                }
                (Vec::new(), None, at)
            }
        };
        let now = RoleMark { role, attached, documents };
        let Some(board) = self.sessions.get_mut(key) else { return };
        match &mut board.role_at_first {
            None => board.role_at_first = Some(now),
            Some(first) => {
                if first.documents.is_none() && first.role == now.role {
                    first.documents.clone_from(&now.documents);
                }
                let change = first.change_to(&now);
                if let Some(change) = change
                    && board.role_change.is_none()
                {
                    board.role_change = Some((change.into(), at));
                    self.soil_one(key);
                }
            }
        }
    }
}

impl RoleMark {
    /// What is different, in words.
    fn change_to(&self, now: &Self) -> Option<String> {
        let named = |role: &Option<Arc<str>>| role.as_deref().unwrap_or("none").to_owned();
        if self.role != now.role {
            return Some(format!("the node's role was {}, and is {}", named(&self.role), named(&now.role)));
        }
        if let Some(lost) = self.attached.iter().find(|arn| !now.attached.contains(arn)) {
            return Some(format!("{lost} was detached"));
        }
        if let Some(new) = now.attached.iter().find(|arn| !self.attached.contains(arn)) {
            return Some(format!("{new} was attached"));
        }
        let (before, after) = (self.documents.as_ref()?, now.documents.as_ref()?);
        if let Some(lost) = before.iter().find(|document| !after.iter().any(|it| same_policy(it, document))) {
            return Some(format!("the policy {} was removed", lost.name));
        }
        let changed = after.iter().find(|document| !before.contains(document))?;
        let known = before.iter().any(|it| same_policy(it, changed));
        Some(format!("the policy {} was {}", changed.name, if known { "changed" } else { "added" }))
    }
}

fn same_policy(a: &PolicyDocument, b: &PolicyDocument) -> bool {
    a.kind == b.kind && a.name == b.name
}
