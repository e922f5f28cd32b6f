//! Verdicts: found anew when a fact of the session changed, or when time passed a bound that matters to it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Board, SessionBoard};
use crate::{
    compliance::{SessionEvidence, governing_role},
    domain::{Fact, Finding, Judgement, Node, NodeTags, RolePolicies, SessionDocument, SessionKey},
};

/// Verdicts that one update finds at most, so that a key never waits for ten thousand of them.
const PORTION: usize = 400;

impl Board {
    /// Whether verdicts are outstanding.
    pub fn has_unjudged(&self) -> bool {
        !self.unjudged.is_empty()
    }

    /// Finds outstanding verdicts, and those whose time has come; at most a portion of them.
    pub fn judge_due(&mut self, now: Timestamp) {
        while let Some((due, _)) = self.due.first() {
            if *due > now {
                break;
            }
            if let Some((_, key)) = self.due.pop_first()
                && let Some(board) = self.sessions.get_mut(&key)
                && !board.dirty
            {
                board.dirty = true;
                board.next_change = None;
                self.unjudged.push_back(key);
            }
        }
        for _ in 0..PORTION {
            let Some(key) = self.unjudged.pop_front() else { break };
            self.judge(&key, now);
        }
    }

    fn judge(&mut self, key: &SessionKey, now: Timestamp) {
        let Some(board) = self.sessions.get(key) else { return };
        let judged = self.engine.judge(&self.evidence(board), now);
        let before = self.sessions.get(key).and_then(|board| board.next_change);
        if let Some(before) = before {
            self.due.remove(&(before, key.clone()));
        }
        let Some(board) = self.sessions.get_mut(key) else { return };
        board.dirty = false;
        board.next_change = judged.next_change;
        if let Some(due) = judged.next_change {
            self.due.insert((due, key.clone()));
        }
        // Evidence carries ages and times that move with every look; rows change only with a verdict.
        let verdicts = |judgement: &Judgement| {
            judgement.findings.iter().map(|finding| (finding.rule.clone(), finding.status)).collect::<Vec<_>>()
        };
        if board.judgement.verdict != judged.judgement.verdict
            || verdicts(&board.judgement) != verdicts(&judged.judgement)
        {
            self.revision += 1;
        }
        board.judgement = judged.judgement;
    }

    /// Every rule's finding on a session, the compliant ones too, as of `now`.
    pub fn explain(&self, key: &SessionKey, now: Timestamp) -> Vec<Finding> {
        self.sessions.get(key).map(|board| self.engine.explain(&self.evidence(board), now)).unwrap_or_default()
    }

    /// What the rules are told about a session.
    pub fn evidence<'a>(&'a self, board: &'a SessionBoard) -> SessionEvidence<'a> {
        static NODE: Fact<Option<Node>> = Fact::not_read();
        static TAGS: Fact<NodeTags> = Fact::not_read();
        static ROLE: Fact<Option<RolePolicies>> = Fact::not_read();
        static DOCUMENT: Fact<Option<SessionDocument>> = Fact::not_read();
        let session = &board.session;
        let scope = self.scopes.get(&session.key.scope);
        let node = scope.and_then(|scope| scope.nodes.get(&session.target));
        let properties = node.map_or(&NODE, |node| &node.properties);
        let role = properties.value().and_then(Option::as_ref).and_then(governing_role);
        let account = &session.key.scope.account;
        SessionEvidence {
            session,
            listed_at: board.listed_at,
            status_since: board.status_since,
            node: properties,
            tags: node.map_or(&TAGS, |node| &node.tags),
            role_policies: role.and_then(|role| self.roles.get(&(account.clone(), Arc::clone(role)))).unwrap_or(&ROLE),
            preferences: scope.map_or(&DOCUMENT, |scope| &scope.preferences),
            document: scope.and_then(|scope| scope.documents.get(session.document_name())).unwrap_or(&DOCUMENT),
            log_stream: &board.log_stream,
            archive: &board.archive,
        }
    }
}
