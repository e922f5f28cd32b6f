//! Automatic response: which sessions are about to be ended by themselves. Off unless rules are configured; never on a guess.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::board::{Board, Freshness, SessionBoard};
use crate::domain::{Act, ActKind, Finding, Loaded, RuleId, SessionKey, Verdict};

/// The ceiling counts the automatic terminations within this time.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What is ended by itself, and what keeps it from being.
#[derive(Debug)]
pub struct Automatic {
    /// Rules whose NON_COMPLIANT ends a session; empty: none is ended.
    pub rules: HashSet<RuleId>,
    /// At most so many within an hour; then it stops until an analyst takes it up again.
    pub max_per_hour: u32,
    /// How long a termination is announced before it is sent.
    pub countdown: SignedDuration,
    /// Why nothing is ended now, if that is so.
    pub paused: Option<Paused>,
    pending: BTreeMap<SessionKey, Pending>,
    /// When terminations were begun, oldest first.
    begun: VecDeque<Timestamp>,
    /// Sessions that an analyst spared, or that were tried already: each is tried once.
    left_alone: HashSet<SessionKey>,
}

/// Why nothing is ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// An analyst paused it.
    ByHand,
    /// The ceiling was hit.
    Ceiling,
}

/// A session that is about to be ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The rule.
    pub rule: RuleId,
    /// Its title.
    pub title: Arc<str>,
    /// The listing under which the verdict was seen first.
    first_read: Timestamp,
    /// When it is ended; `None`: the verdict has not held for two reads so far.
    pub at: Option<Timestamp>,
}

impl Automatic {
    /// Ends sessions by those rules.
    pub fn new(rules: impl IntoIterator<Item = RuleId>, max_per_hour: u32, countdown: SignedDuration) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            max_per_hour,
            countdown,
            paused: None,
            pending: BTreeMap::new(),
            begun: VecDeque::new(),
            left_alone: HashSet::new(),
        }
    }

    /// Takes in what earlier runs left: how much of the ceiling is used, whether it was paused, what was tried.
    pub fn load(&mut self, loaded: &Loaded) {
        self.begun = loaded.automatic.iter().copied().collect();
        if loaded.paused {
            self.paused = Some(Paused::ByHand);
        }
        let left = |act: &&Act| act.is_automatic() || act.kind == ActKind::StopAutomatic;
        let tried = loaded.acts.iter().filter(left).filter_map(|act| act.session().cloned());
        self.left_alone.extend(tried);
    }

    /// Sessions that are about to be ended, the next first.
    pub fn pending(&self) -> Vec<(&SessionKey, &Pending)> {
        let mut pending: Vec<_> = self.pending.iter().filter(|(_, pending)| pending.at.is_some()).collect();
        pending.sort_by_key(|(key, pending)| (pending.at, *key));
        pending
    }

    /// What is about to be done to that session.
    pub fn pending_of(&self, key: &SessionKey) -> Option<&Pending> {
        self.pending.get(key).filter(|pending| pending.at.is_some())
    }

    /// There is news of a session.
    pub fn consider(&mut self, board: &Board, key: &SessionKey) {
        if self.rules.is_empty() || self.pending.contains_key(key) || self.left_alone.contains(key) {
            return;
        }
        let Some(session) = board.sessions.get(key).filter(|session| session.is_active()) else { return };
        let breaks = |finding: &&Finding| finding.status == Verdict::NonCompliant && self.rules.contains(&finding.rule);
        if let Some(finding) = session.judgement.findings.iter().find(breaks) {
            let (rule, title) = (finding.rule.clone(), Arc::clone(&finding.title));
            let pending = Pending { rule, title, first_read: session.listed_at, at: None };
            self.pending.insert(key.clone(), pending);
        }
    }

    /// What is due now, each with its rule. `may_act`: nothing else keeps the program from acting.
    pub fn due(&mut self, board: &Board, may_act: bool, now: Timestamp) -> Vec<(SessionKey, RuleId)> {
        while self.begun.front().is_some_and(|at| now.duration_since(*at) >= HOUR) {
            self.begun.pop_front();
        }
        let mut due = Vec::new();
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|key, waiting| {
            let Some(session) = board.sessions.get(key).filter(|session| session.is_active()) else { return false };
            if !session.dirty && !stands(&session.judgement.findings, &waiting.rule) {
                return false;
            }
            if !holds(board, session, &waiting.rule, now) {
                // Nobody can tell now: both reads are to come again.
                (waiting.first_read, waiting.at) = (session.listed_at, None);
                return true;
            }
            match waiting.at {
                None if session.listed_at > waiting.first_read => waiting.at = Some(now + self.countdown),
                Some(at) if at <= now && may_act && self.paused.is_none() => {
                    due.push((key.clone(), waiting.rule.clone()))
                }
                _ => {}
            }
            true
        });
        self.pending = pending;
        let mut begin = Vec::new();
        for (key, rule) in due {
            if self.begun.len() >= usize::try_from(self.max_per_hour).unwrap_or(usize::MAX) {
                self.paused = Some(Paused::Ceiling);
                break;
            }
            self.begun.push_back(now);
            self.pending.remove(&key);
            self.left_alone.insert(key.clone());
            begin.push((key, rule));
        }
        begin
    }

    /// An analyst stops the countdown of a session; it is not ended by itself any more. Says by which rule it would have been.
    pub fn spare(&mut self, key: &SessionKey) -> Option<RuleId> {
        let pending = self.pending.remove(key)?;
        self.left_alone.insert(key.clone());
        Some(pending.rule)
    }

    /// Nothing is ended by itself until [`Automatic::resume`].
    pub fn pause(&mut self) {
        self.paused = Some(Paused::ByHand);
    }

    /// Takes it up again. Every countdown begins anew, so that nobody is surprised.
    pub fn resume(&mut self, now: Timestamp) {
        self.paused = None;
        for pending in self.pending.values_mut().filter(|pending| pending.at.is_some()) {
            pending.at = Some(now + self.countdown);
        }
    }

    /// When the ceiling has room again, if it has none now.
    pub fn full_until(&self, now: Timestamp) -> Option<Timestamp> {
        let within: Vec<Timestamp> =
            self.begun.iter().filter_map(|at| at.checked_add(HOUR).ok()).filter(|until| *until > now).collect();
        let most = usize::try_from(self.max_per_hour).unwrap_or(usize::MAX);
        (within.len() >= most).then(|| within.into_iter().min()).flatten()
    }

    /// Terminations within the last hour.
    pub fn used(&self) -> usize {
        self.begun.len()
    }
}

/// Whether the rule's finding may end the session: NON_COMPLIANT by what is known now, in a scope that is seen now. Facts that are too
/// old count as missing, so that the verdict is INSUFFICIENT_DATA then.
fn holds(board: &Board, session: &SessionBoard, rule: &RuleId, now: Timestamp) -> bool {
    let scope = board.scopes.get(&session.session.key.scope);
    let is_seen = scope.is_some_and(|scope| board.freshness(scope, now) == Freshness::Fresh);
    is_seen && !session.dirty && stands(&board.engine.judge(&board.evidence(session), now).judgement.findings, rule)
}

fn stands(findings: &[Finding], rule: &RuleId) -> bool {
    findings.iter().any(|finding| finding.rule == *rule && finding.status == Verdict::NonCompliant)
}
