//! News of what is judged: alerts, automatic response, sessions that come back, what is remembered.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::SignedDuration;

use super::{acts, notify};
use crate::{
    app::{
        alerts::Changed,
        board::{Board, Phase},
        message::{Effect, Keep},
        state::{State, Store},
        view::Returned,
    },
    domain::{
        Act, ActKind, ActOutcome, EndedSession, Loaded, Observation, PrincipalSeen, Session, SessionKey, Subject,
    },
};

/// News that one update looks at, so that a key never waits for ten thousand of it.
const PORTION: usize = 500;
/// A principal that is back on a node this soon after its session was ended is told of.
const COMES_BACK: SignedDuration = SignedDuration::from_mins(10);

/// Looks at what was judged anew.
pub(super) fn news(state: &mut State, effects: &mut Vec<Effect>) {
    let mut keep = Keep::default();
    let mut changed = false;
    for subject in state.board.take_news(PORTION) {
        // On what is only shown of the past nothing is raised, and nothing of it is written down anew.
        if subject.session().is_some_and(|key| state.board.adopted().any(|adopted| adopted == key)) {
            continue;
        }
        changed |= consider(state, &subject, effects);
        if let Subject::Session(key) = subject {
            state.automatic.consider(&state.board, &key);
            returns(state, &key);
            remember(state, &key, &mut keep);
        }
    }
    if !keep.is_empty() {
        effects.push(Effect::Keep(keep));
    }
    if changed {
        // Once for all of them: a thousand alerts are not sorted a thousand times.
        state.project_alerts();
    }
    if state.alerts.is_loaded {
        state.alerts.forget(&state.board);
        let over = state.alerts.end_suppressions(&state.setup, state.now);
        if !over.is_empty() {
            tell(state, over, effects);
            state.project_alerts();
        }
    }
}

/// Raises, updates, resolves the alerts on a subject. Says whether the list of alerts is out of date.
pub(super) fn consider(state: &mut State, subject: &Subject, effects: &mut Vec<Effect>) -> bool {
    let State { alerts, board, setup, .. } = state;
    let changed = alerts.consider(board, setup, subject, state.now);
    if changed.is_empty() {
        return false;
    }
    tell(state, changed, effects);
    state.revision += 1;
    true
}

fn tell(state: &mut State, changed: Vec<Changed>, effects: &mut Vec<Effect>) {
    for Changed { id, raised } in &changed {
        state.hear_of(id, *raised);
    }
    let keep = |Changed { id, raised }| Effect::KeepAlert { alert: id, raised, act: None };
    effects.extend(changed.into_iter().map(keep));
}

/// What earlier runs left.
pub(super) fn loaded(state: &mut State, loaded: Loaded, effects: &mut Vec<Effect>) {
    state.store = Store::Open;
    state.alerts.load(&loaded);
    state.told_before();
    state.automatic.load(&loaded);
    state.board.remember_principals(&loaded.principals);
    for (account, at) in &loaded.terminated {
        state.board.note_terminated(account, *at);
    }
    state.quarantined.clone_from(&loaded.quarantined);
    state.memory.next_act = loaded.next_act.max(state.memory.next_act);
    super::outcomes::load(state, loaded, effects);
    // What was judged before is looked at now.
    state.board.tell_all();
    state.project_acts();
    state.project_alerts();
}

/// Ends what is due by itself.
pub(super) fn automatic(state: &mut State, effects: &mut Vec<Effect>) {
    if state.automatic.rules.is_empty() {
        return;
    }
    let may_act = state.acting_off(true).is_none() && !matches!(state.store, Store::Troubled(..));
    let due = state.automatic.due(&state.board, may_act, state.now);
    for (key, rule) in due {
        if acts::running(state, &key) {
            continue;
        }
        let reason = format!("{rule} is NON_COMPLIANT: [response] auto_terminate");
        notify(state, format!("{} is ended by itself: {rule}", key.id), true);
        state.revision += 1;
        acts::terminate(state, key, reason, Some(rule), effects);
    }
}

/// A principal whose session was ended from here is back on the same node.
fn returns(state: &mut State, key: &SessionKey) {
    let Some(session) = state.board.sessions.get(key).filter(|session| session.is_active()) else {
        state.view.returned.retain(|returned| returned.session != *key);
        return;
    };
    let Some(returned) = state.returned_after(&session.session) else { return };
    if state.view.returned.iter().all(|returned| returned.session != *key) && !state.view.returns_seen.contains(key) {
        state.view.returned.push(returned);
        state.revision += 1;
    }
}

impl State {
    /// Whether that session began soon after one of the same principal on the same node was ended here.
    pub fn returned_after(&self, session: &Session) -> Option<Returned> {
        let key = &session.key;
        let started = session.started_at?;
        let of_same = |act: &&Act| {
            act.kind == ActKind::Terminate
                && act.session().is_some_and(|ended| ended != key && ended.scope == key.scope)
                && !act.owner.is_empty()
                && *act.owner == *session.owner
                && act.target == session.target.as_str()
                && act.steps.first().is_some_and(|step| matches!(step.outcome, ActOutcome::Done { .. }))
                && (SignedDuration::ZERO..=COMES_BACK).contains(&started.duration_since(act.at))
        };
        let act = self.acts.iter().rev().find(of_same)?;
        Some(Returned { session: key.clone(), act: act.id, after: started.duration_since(act.at) })
    }
}

/// Sessions that ended, and who holds sessions, are remembered beyond the end of the program.
fn remember(state: &mut State, key: &SessionKey, keep: &mut Keep) {
    let Some(session) = state.board.sessions.get(key) else {
        state.memory.ended.remove(key);
        state.memory.principals.remove(key);
        return;
    };
    let record = &session.session;
    if let Some(started) = record.started_at.filter(|_| !record.owner.is_empty())
        && state.memory.principals.insert(key.clone())
    {
        let (account, owner) = (key.scope.account.clone(), record.owner.to_string());
        keep.principals.push(PrincipalSeen { account, owner, first: started, last: started });
    }
    let Phase::Ended { how, at } = &session.phase else { return };
    if session.judgement.verdict.is_none() {
        return;
    }
    let ended = EndedSession {
        key: key.clone(),
        owner: record.owner.to_string(),
        target: record.target.as_str().to_owned(),
        document: record.document_name().to_owned(),
        reason: record.reason.as_deref().unwrap_or_default().to_owned(),
        started_at: record.started_at,
        ended_at: *at,
        how: how.to_string(),
        verdict: session.judgement.verdict(),
        severity: session.judgement.severity(),
        findings: session.judgement.findings.clone(),
        archived: session.archive.value().map(Option::is_some),
    };
    let mark = mark(&ended);
    if state.memory.ended.insert(key.clone(), mark) != Some(mark) {
        // Who looks at its principal next reads it again.
        state.memory.recalled.remove(ended.owner.as_str());
        if matches!(state.store, Store::Open | Store::Troubled(..)) {
            state.history.remembered(&ended);
        }
        keep.ended.push(ended);
    }
}

/// What of it makes a difference: facts are read again and again.
fn mark(ended: &EndedSession) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&ended.how, ended.ended_at, ended.verdict, ended.severity, ended.archived).hash(&mut hasher);
    for finding in &ended.findings {
        (&finding.rule, finding.status, finding.severity).hash(&mut hasher);
    }
    hasher.finish()
}

/// CloudTrail's records are kept as they come.
pub(super) fn trail(observation: &Observation) -> Option<Effect> {
    let Observation::Trail { scope, events, .. } = observation else { return None };
    let trail = vec![(scope.clone(), events.clone())];
    (!events.is_empty()).then(|| Effect::Keep(Keep { trail, ..Keep::default() }))
}

/// Reads the earlier sessions of the selected session's principal, once a principal.
pub(super) fn recall(state: &mut State, effects: &mut Vec<Effect>) {
    if !matches!(state.store, Store::Open | Store::Troubled(..)) {
        return;
    }
    let Some(session) = acts::selected(state).and_then(|key| state.board.sessions.get(&key)) else { return };
    let owner = Arc::clone(&session.session.owner);
    if !owner.is_empty() && state.memory.recalled.insert(Arc::clone(&owner)) {
        effects.push(Effect::Recall(owner));
    }
}

impl Board {
    /// Everything is to be looked at anew.
    fn tell_all(&mut self) {
        let sessions = self.sessions.keys().cloned().map(Subject::Session);
        let scopes = self.scopes.iter().flat_map(|(scope, board)| {
            let nodes = board.nodes.keys().map(|node| Subject::Node(scope.clone(), node.clone()));
            nodes.chain([Subject::Preferences(scope.clone())])
        });
        let accounts = self.accounts.keys().cloned().map(Subject::Account);
        let all: Vec<Subject> = sessions.chain(scopes).chain(accounts).collect();
        all.into_iter().for_each(|subject| self.tell(subject));
    }
}
