//! Verdicts: found anew when a fact of the session changed, or when time passed a bound that matters to it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Board, Other, SessionBoard};
use crate::{
    compliance::{
        AccountEvidence, Engine, NodeEvidence, PreferencesEvidence, PrincipalEvidence, RoleEvidence, SessionEvidence,
        StreamEvidence, TrailEvidence, governing_role, tagged_principal,
    },
    domain::{
        AccountId, DocumentStanding, Fact, Finding, Judgement, Node, NodeId, NodeTags, RolePolicies, ScopeId, Session,
        SessionDocument, SessionKey, SessionType, Subject,
    },
};

/// Verdicts that one update finds at most, so that a key never waits for ten thousand of them.
const PORTION: usize = 400;

impl Board {
    /// Whether verdicts are outstanding.
    pub fn has_unjudged(&self) -> bool {
        !self.unjudged.is_empty() || !self.unjudged_others.is_empty() || !self.owners_changed.is_empty()
    }

    /// Other rules are in force: everything is judged by them, as soon as there is time.
    pub fn set_engine(&mut self, engine: Arc<Engine>) {
        self.engine = engine;
        let roles: Vec<(ScopeId, Arc<str>)> = self.analyses.keys().cloned().collect();
        for (scope, role) in roles {
            self.analyse(&scope, &role);
        }
        self.soil(|_| true);
        for (scope, board) in &self.scopes {
            self.unjudged_others.insert(Other::Preferences(scope.clone()));
            self.unjudged_others.extend(board.nodes.keys().map(|node| Other::Node(scope.clone(), node.clone())));
        }
        self.unjudged_others.extend(self.accounts.keys().cloned().map(Other::Account));
        self.revision += 1;
    }

    /// Finds outstanding verdicts, and those whose time has come; at most a portion of them.
    pub fn judge_due(&mut self, now: Timestamp) {
        self.recount_owners(now);
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
        let due = self.due_others.iter().filter(|(_, due)| **due <= now).map(|(other, _)| other.clone());
        let due: Vec<Other> = due.collect();
        self.unjudged_others.extend(due);
        for _ in 0..PORTION {
            let Some(other) = self.unjudged_others.pop_first() else { break };
            self.judge_other(other, now);
        }
    }

    fn judge_other(&mut self, other: Other, now: Timestamp) {
        let judged = match &other {
            Other::Node(scope, node) => match self.node_evidence(scope, node) {
                Some(evidence) => self.engine.judge_node(&evidence, now),
                None => return,
            },
            Other::Preferences(scope) => match self.preferences_evidence(scope) {
                Some(evidence) => self.engine.judge_preferences(&evidence, now),
                None => return,
            },
            Other::Account(account) => self.engine.judge_account(&self.account_evidence(account, now), now),
        };
        match judged.next_change {
            Some(due) => self.due_others.insert(other.clone(), due),
            None => self.due_others.remove(&other),
        };
        let slot = match &other {
            Other::Node(scope, node) => {
                self.scopes.get_mut(scope).and_then(|scope| scope.nodes.get_mut(node)).map(|node| &mut node.judgement)
            }
            Other::Preferences(scope) => self.scopes.get_mut(scope).map(|scope| &mut scope.preferences_judgement),
            Other::Account(account) => self.accounts.get_mut(account).map(|account| &mut account.judgement),
        };
        if let Some(slot) = slot {
            if verdicts(slot) != verdicts(&judged.judgement) {
                self.revision += 1;
            }
            *slot = judged.judgement;
            self.tell(match other {
                Other::Node(scope, node) => Subject::Node(scope, node),
                Other::Preferences(scope) => Subject::Preferences(scope),
                Other::Account(account) => Subject::Account(account),
            });
        }
    }

    fn judge(&mut self, key: &SessionKey, now: Timestamp) {
        self.recount_if_due(key, now);
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
        if verdicts(&board.judgement) != verdicts(&judged.judgement) {
            self.revision += 1;
        }
        board.judgement = judged.judgement;
        self.revision += u64::from(board.confirm_flood());
        self.tell(Subject::Session(key.clone()));
    }

    /// Every rule's finding on a session, the compliant ones too, as of `now`.
    pub fn explain(&self, key: &SessionKey, now: Timestamp) -> Vec<Finding> {
        let explain = |board: &SessionBoard| match board.adopted {
            // What was found at its end; its facts are gone.
            true => board.judgement.findings.clone(),
            false => self.engine.explain(&self.evidence(board), now),
        };
        self.sessions.get(key).map(explain).unwrap_or_default()
    }

    /// Every rule's finding on a node, as of `now`.
    pub fn explain_node(&self, scope: &ScopeId, node: &NodeId, now: Timestamp) -> Vec<Finding> {
        self.node_evidence(scope, node).map(|evidence| self.engine.explain_node(&evidence, now)).unwrap_or_default()
    }

    /// Every rule's finding on the preferences of a scope, as of `now`.
    pub fn explain_preferences(&self, scope: &ScopeId, now: Timestamp) -> Vec<Finding> {
        let evidence = self.preferences_evidence(scope);
        evidence.map(|evidence| self.engine.explain_preferences(&evidence, now)).unwrap_or_default()
    }

    /// Every rule's finding on an account, as of `now`.
    pub fn explain_account(&self, account: &AccountId, now: Timestamp) -> Vec<Finding> {
        self.engine.explain_account(&self.account_evidence(account, now), now)
    }

    fn node_evidence<'a>(&'a self, scope: &'a ScopeId, node: &'a NodeId) -> Option<NodeEvidence<'a>> {
        let board = self.scopes.get(scope)?;
        let (id, facts) = board.nodes.get_key_value(node)?;
        let mut port_sessions = Some(0);
        let mut active_sessions = 0;
        for session in
            board.active.iter().filter_map(|id| self.sessions.get(&SessionKey::new(scope.clone(), id.clone())))
        {
            if session.session.target != *node {
                continue;
            }
            active_sessions += 1;
            port_sessions = match self.session_type(&session.session) {
                Some(kind) => port_sessions.map(|count: i64| count + i64::from(*kind == SessionType::Port)),
                None => None,
            };
        }
        Some(NodeEvidence {
            id,
            scope,
            node: &facts.properties,
            tags: &facts.tags,
            active_sessions,
            port_sessions,
            listed_at: board.last_good,
        })
    }

    /// The type of a session, if its document was read.
    fn session_type(&self, session: &Session) -> Option<&SessionType> {
        let scope = self.scopes.get(&session.key.scope)?;
        let name = session.document_name();
        let document =
            if name == Session::DEFAULT_DOCUMENT { Some(&scope.preferences) } else { scope.documents.get(name) };
        match document?.value()? {
            Some(document) => Some(&document.session_type),
            None => (name == Session::DEFAULT_DOCUMENT).then_some(&SessionType::StandardStream),
        }
    }

    fn preferences_evidence<'a>(&'a self, scope: &'a ScopeId) -> Option<PreferencesEvidence<'a>> {
        static STANDING: Fact<Option<DocumentStanding>> = Fact::not_read();
        let board = self.scopes.get(scope)?;
        let group = board.preferences.value().and_then(Option::as_ref).map(|document| &document.inputs.log_group);
        Some(PreferencesEvidence {
            scope,
            document: &board.preferences,
            latest: &board.latest_preferences,
            standing: board.standings.get(Session::DEFAULT_DOCUMENT).unwrap_or(&STANDING),
            log_group: group.and_then(|group| board.log_groups.get_key_value(group.as_str())),
        })
    }

    fn account_evidence<'a>(&self, account: &'a AccountId, now: Timestamp) -> AccountEvidence<'a> {
        let window = self.engine.parameters().threshold_window;
        let leaves = |at: &Timestamp| at.checked_add(window).unwrap_or(Timestamp::MAX);
        let within: Vec<Timestamp> = self
            .accounts
            .get(account)
            .into_iter()
            .flat_map(|board| &board.terminated)
            .map(leaves)
            .filter(|leaves| *leaves > now)
            .collect();
        let until = within.iter().min().copied();
        AccountEvidence { account, terminated: i64::try_from(within.len()).unwrap_or(i64::MAX), until }
    }

    /// What the rules are told about a session.
    pub fn evidence<'a>(&'a self, board: &'a SessionBoard) -> SessionEvidence<'a> {
        static STANDING: Fact<Option<DocumentStanding>> = Fact::not_read();
        static READ: Fact<()> = Fact::not_read();
        static PRINCIPAL: Fact<Option<NodeTags>> = Fact::not_read();
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
        let principal = tagged_principal(&session.owner)
            .and_then(|(name, user)| self.principals.get(&(account.clone(), name.into(), user)));
        let tag_book = self.tag_changes.get(account);
        let group = self.log_group_of(session);
        let changed = |change: &'a Option<(Arc<str>, Timestamp)>| change.as_ref().map(|(what, at)| (&**what, *at));
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
            standing: scope.and_then(|scope| scope.standings.get(session.document_name())).unwrap_or(&STANDING),
            stream: StreamEvidence {
                read: group.and_then(|group| scope?.tails.get(&group)).unwrap_or(&READ),
                health: board.stream.as_ref(),
                change: changed(&board.stream_change),
            },
            role: RoleEvidence {
                analysis: role.and_then(|role| self.analyses.get(&(session.key.scope.clone(), Arc::clone(role)))),
                change: changed(&board.role_change),
            },
            trail: TrailEvidence {
                read: scope.map_or(&READ, |scope| &scope.trail_read),
                from: scope.and_then(|scope| scope.trail_from),
                start: board.start_record.as_deref(),
                resumes: &board.resume_records,
            },
            principal: PrincipalEvidence {
                tags: principal.unwrap_or(&PRINCIPAL),
                changes_read: tag_book.map_or(&READ, |book| &book.read),
                changes_from: tag_book.and_then(|book| book.from),
                changes: tag_book.map_or(&[], |book| &book.changes),
            },
            concurrency: self.concurrency(board),
            first_of_principal: &board.first_of_principal,
        }
    }

    /// The log group of a session, if it is known: the config's, the one that the service names, its document's, or the preferences'.
    pub fn log_group_of(&self, session: &Session) -> Option<Arc<str>> {
        let scope = self.scopes.get(&session.key.scope)?;
        if let Some(group) = scope.log_group.as_ref().or(session.log_group.as_ref()) {
            return Some(Arc::clone(group));
        }
        let named = |document: &Fact<Option<SessionDocument>>| {
            let document = document.value()?.as_ref()?;
            Some(document.inputs.log_group.as_str()).filter(|group| !group.is_empty()).map(Arc::from)
        };
        let own = scope.documents.get(session.document_name()).and_then(named);
        own.or_else(|| named(&scope.preferences))
    }
}

/// What a row shows of a judgement. Evidence carries ages and times that move with every look.
fn verdicts(
    judgement: &Judgement,
) -> (Option<crate::domain::Verdict>, Vec<(crate::domain::RuleId, crate::domain::Verdict)>) {
    (judgement.verdict, judgement.findings.iter().map(|finding| (finding.rule.clone(), finding.status)).collect())
}
