//! Alerts: which findings and detections are raised, and what becomes of them. One alert a rule and subject: updated, not repeated.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    board::{Board, SessionBoard},
    state::Setup,
};
use crate::{
    detection::Confidence,
    domain::{
        Acknowledgement, Alert, AlertDestination, AlertId, AlertSource, BY_HAND, Delivery, Evidence, Finding, Loaded,
        RuleId, Severity, Subject, Verdict, Workflow, alert_id,
    },
};

/// Rules on what the recorder left behind are judged when the session is over; all others lose their cause with the session.
const RECORD_RULES: &str = "LOG-";
/// Facts that are seen in passing: a run that was not there cannot tell that they are gone.
const IN_PASSING: [&str; 10] = [
    "stream_change",
    "saturated_flushes",
    "payload_mismatch",
    "run_as_users",
    "backwards_seconds",
    "clock_gap_seconds",
    "delayed_reads",
    "delay_seconds",
    "role_change",
    "principal_nodes",
];
/// Who raises what is raised by itself.
pub const PROGRAM: &str = "ssmwatch";
/// Alerts that are held in memory; those that are not resolved always are.
const MOST: usize = 2000;
/// The quoted facts of a detection.
const COMMAND: &str = "command";

/// All alerts that are known.
#[derive(Debug, Default)]
pub struct AlertBook {
    alerts: BTreeMap<AlertId, Alert>,
    by_subject: HashMap<Subject, BTreeSet<AlertId>>,
    /// Alerts whose cause was seen to stand in this run.
    seen: HashSet<AlertId>,
    /// When the first suppression ends; it is asked with every message.
    suppressed_until: Option<Timestamp>,
    /// Findings and detections at or above are raised by themselves; `None`: none is.
    pub raise_on: Option<Severity>,
    /// Messages that wait in the outbox, by destination.
    pub undelivered: BTreeMap<AlertDestination, u64>,
    /// Alerts that were told only in a summary, since the start.
    pub summarized: u64,
    /// What earlier runs left was taken in: from here on alerts are raised.
    pub is_loaded: bool,
}

/// An alert that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub id: AlertId,
    /// It was raised: its destinations are to be told.
    pub raised: bool,
}

/// What a rule found.
struct Cause {
    rule: RuleId,
    title: Arc<str>,
    severity: Severity,
    source: AlertSource,
    evidence: Vec<Evidence>,
}

/// Whether the cause of an alert stands.
enum Standing {
    Stands(Box<Cause>),
    Gone(String),
    Unknown,
}

impl AlertBook {
    /// An empty book.
    pub fn new(raise_on: Option<Severity>) -> Self {
        Self { raise_on, ..Self::default() }
    }

    /// All alerts, in no order that matters.
    pub fn all(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// The alert of that id.
    pub fn get(&self, id: &AlertId) -> Option<&Alert> {
        self.alerts.get(id)
    }

    /// The alerts on a subject, the worst first.
    pub fn of(&self, subject: &Subject) -> Vec<&Alert> {
        let ids = self.by_subject.get(subject).into_iter().flatten();
        let mut alerts: Vec<&Alert> = ids.filter_map(|id| self.alerts.get(id)).collect();
        alerts.sort_by_key(|alert| (!alert.workflow.is_open(), std::cmp::Reverse(alert.severity)));
        alerts
    }

    /// Alerts that stand and that nobody has seen, and the worst of them.
    pub fn unacknowledged(&self) -> (usize, Option<Severity>) {
        let waiting = self.alerts.values().filter(|alert| alert.is_unacknowledged());
        waiting.fold((0, None), |(count, worst), alert| (count + 1, worst.max(Some(alert.severity))))
    }

    /// Messages that wait in the outbox.
    pub fn undelivered(&self) -> u64 {
        self.undelivered.values().sum()
    }

    /// Takes in what earlier runs left.
    pub fn load(&mut self, loaded: &Loaded) {
        for alert in &loaded.alerts {
            let mut alert = alert.clone();
            // The run ended between the delivery and the word of it.
            alert.note_notified();
            self.put(alert);
        }
        self.undelivered = loaded.undelivered.iter().copied().collect();
        self.is_loaded = true;
    }

    /// Takes in alerts as another run keeps them.
    pub fn replace(&mut self, alerts: Vec<Alert>) {
        self.alerts.clear();
        self.by_subject.clear();
        alerts.into_iter().for_each(|alert| self.put(alert));
    }

    /// Resolved alerts beyond what a screen is good for leave the memory, the oldest first; the store keeps them. What can come back, so
    /// that its alert is raised once more and not for the first time, stays.
    pub fn forget(&mut self, board: &Board) {
        if self.alerts.len() <= MOST {
            return;
        }
        let is_over = |alert: &&Alert| alert.subject.session().is_some_and(|key| board.watched(key).is_none());
        let mut resolved: Vec<(Timestamp, AlertId)> =
            self.alerts.values().filter(is_over).filter_map(resolved_at).collect();
        resolved.sort();
        let surplus = self.alerts.len() - MOST;
        for (_, id) in resolved.into_iter().take(surplus) {
            let Some(alert) = self.alerts.remove(&id) else { continue };
            self.seen.remove(&id);
            if let Some(ids) = self.by_subject.get_mut(&alert.subject) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_subject.remove(&alert.subject);
                }
            }
        }
    }

    fn put(&mut self, alert: Alert) {
        if let Workflow::Suppressed { until, .. } = alert.workflow {
            self.suppressed_until = Some(self.suppressed_until.map_or(until, |first| first.min(until)));
        }
        self.by_subject.entry(alert.subject.clone()).or_default().insert(Arc::clone(&alert.id));
        self.alerts.insert(Arc::clone(&alert.id), alert);
    }

    /// Looks at a subject of which there is news: raises, updates, resolves, reopens.
    pub fn consider(&mut self, board: &Board, setup: &Setup, subject: &Subject, now: Timestamp) -> Vec<Changed> {
        if !self.is_loaded {
            return Vec::new();
        }
        let known = self.by_subject.get(subject).cloned().unwrap_or_default();
        let causes = causes(board, subject);
        if known.is_empty() && !causes.iter().any(|cause| self.raises(cause.severity)) {
            return Vec::new();
        }
        let mut changed = Vec::new();
        let mut rules: BTreeSet<RuleId> = BTreeSet::new();
        for id in known {
            let Some(alert) = self.alerts.get_mut(&id) else { continue };
            rules.insert(alert.rule.clone());
            let before = alert.clone();
            let passing = !self.seen.contains(&id) && was_seen_in_passing(alert);
            let raised = match standing(board, alert, &causes, passing) {
                Standing::Stands(cause) => {
                    self.seen.insert(Arc::clone(&id));
                    alert.severity = alert.severity.max(cause.severity);
                    alert.title = cause.title;
                    alert.evidence = cause.evidence;
                    let reopens = matches!(alert.workflow, Workflow::Resolved { .. });
                    if reopens {
                        reopen(alert, setup, now);
                    }
                    reopens
                }
                Standing::Gone(why) => {
                    if !matches!(alert.workflow, Workflow::Resolved { .. }) {
                        alert.workflow = Workflow::Resolved { at: now, why };
                    }
                    false
                }
                Standing::Unknown => false,
            };
            if raised || differs(&before, alert) {
                changed.push(Changed { id, raised });
            } else {
                *alert = before;
            }
        }
        for cause in causes {
            if rules.contains(&cause.rule) || !self.raises(cause.severity) {
                continue;
            }
            let id = alert_id(cause.rule.as_str(), subject, None);
            let alert = raise(Arc::clone(&id), cause, subject, owner(board, subject), setup, now);
            self.seen.insert(Arc::clone(&id));
            self.put(alert);
            changed.push(Changed { id, raised: true });
        }
        changed
    }

    fn raises(&self, severity: Severity) -> bool {
        self.raise_on.is_some_and(|least| severity >= least)
    }

    /// What an alert by hand would be: rule, severity, title.
    pub fn raised_by_hand(&self, board: &Board, subject: &Subject) -> (RuleId, Severity, Arc<str>) {
        let cause = self.by_hand(board, subject);
        (cause.rule, cause.severity, cause.title)
    }

    fn by_hand(&self, board: &Board, subject: &Subject) -> Cause {
        let known = self.of(subject);
        let raised: BTreeSet<RuleId> = known.iter().map(|alert| alert.rule.clone()).collect();
        let mut causes = causes(board, subject);
        causes.sort_by_key(|cause| std::cmp::Reverse((cause.source == AlertSource::Finding, cause.severity)));
        let worst = causes.iter().map(|cause| cause.severity).chain(known.iter().map(|alert| alert.severity)).max();
        let evidence = causes.first().map(|cause| cause.evidence.clone()).unwrap_or_default();
        causes.into_iter().find(|cause| !raised.contains(&cause.rule)).unwrap_or_else(|| Cause {
            rule: BY_HAND.into(),
            title: "Raised by an analyst".into(),
            severity: worst.unwrap_or(Severity::Informational),
            source: AlertSource::Hand,
            evidence,
        })
    }

    /// Raises what an analyst wants raised: the worst finding on the session that is no alert, else the session as such.
    pub fn raise_by_hand(
        &mut self,
        board: &Board,
        setup: &Setup,
        subject: &Subject,
        (reason, by): (&str, &str),
        now: Timestamp,
    ) -> AlertId {
        let cause = self.by_hand(board, subject);
        let said = (cause.source == AlertSource::Hand).then_some((reason, now));
        let id = alert_id(cause.rule.as_str(), subject, said);
        let mut alert = raise(Arc::clone(&id), cause, subject, owner(board, subject), setup, now);
        alert.reason = reason.to_owned();
        alert.raised_by = by.to_owned();
        // Who raises it has seen it.
        alert.acknowledged = Some(Acknowledgement { at: now, by: by.to_owned() });
        self.put(alert);
        id
    }

    /// An analyst has seen it. Says whether that is news.
    pub fn acknowledge(&mut self, id: &AlertId, by: &str, now: Timestamp) -> bool {
        match self.alerts.get_mut(id) {
            Some(alert) if alert.acknowledged.is_none() => {
                alert.acknowledged = Some(Acknowledgement { at: now, by: by.to_owned() });
                true
            }
            _ => false,
        }
    }

    /// Nobody wants to hear of it until then.
    pub fn suppress(&mut self, id: &AlertId, until: Timestamp, (reason, by): (&str, &str), now: Timestamp) -> bool {
        let Some(alert) = self.alerts.get_mut(id) else { return false };
        alert.workflow = Workflow::Suppressed { until, reason: reason.to_owned(), by: by.to_owned() };
        self.suppressed_until = Some(self.suppressed_until.map_or(until, |first| first.min(until)));
        alert.acknowledged = Some(Acknowledgement { at: now, by: by.to_owned() });
        true
    }

    /// Suppressions whose time is over: the alerts are new again, and their destinations are told.
    pub fn end_suppressions(&mut self, setup: &Setup, now: Timestamp) -> Vec<Changed> {
        if self.suppressed_until.is_none_or(|until| until > now) {
            return Vec::new();
        }
        let over = |alert: &&mut Alert| matches!(alert.workflow, Workflow::Suppressed { until, .. } if until <= now);
        let mut changed = Vec::new();
        for alert in self.alerts.values_mut().filter(over) {
            reopen(alert, setup, now);
            changed.push(Changed { id: Arc::clone(&alert.id), raised: true });
        }
        let still = |alert: &Alert| match alert.workflow {
            Workflow::Suppressed { until, .. } => Some(until),
            _ => None,
        };
        self.suppressed_until = self.alerts.values().filter_map(still).min();
        changed
    }

    /// A message to a destination has come further. Says whether the alert is to be kept anew: all topics have it.
    pub fn delivered(&mut self, id: &AlertId, destination: AlertDestination, delivery: Delivery) -> bool {
        let Some(alert) = self.alerts.get_mut(id) else { return false };
        let Some(slot) = alert.deliveries.get_mut(&destination) else { return false };
        *slot = delivery;
        alert.note_notified()
    }
}

/// Where the messages of an alert go. A session's go to the topic of its account, too; the metric counts NON_COMPLIANT sessions only.
pub fn destinations(setup: &Setup, alert: &Alert) -> impl Iterator<Item = AlertDestination> {
    let in_scope = alert.subject.scope().is_some();
    let counts = alert.source == AlertSource::Finding && alert.subject.session().is_some();
    [
        (in_scope && setup.member_topic.is_some()).then_some(AlertDestination::MemberTopic),
        setup.central_topic.as_ref().map(|_| AlertDestination::CentralTopic),
        counts.then_some(AlertDestination::Metrics),
    ]
    .into_iter()
    .flatten()
    .filter(|_| setup.read_only.is_none())
}

fn resolved_at(alert: &Alert) -> Option<(Timestamp, AlertId)> {
    match &alert.workflow {
        Workflow::Resolved { at, .. } => Some((*at, Arc::clone(&alert.id))),
        _ => None,
    }
}

fn raise(id: AlertId, cause: Cause, subject: &Subject, owner: Arc<str>, setup: &Setup, now: Timestamp) -> Alert {
    let mut alert = Alert {
        id,
        rule: cause.rule,
        title: cause.title,
        severity: cause.severity,
        source: cause.source,
        subject: subject.clone(),
        owner,
        evidence: cause.evidence,
        reason: String::new(),
        raised_by: PROGRAM.to_owned(),
        workflow: Workflow::New,
        raised_at: now,
        reopened_at: now,
        occurrence: 1,
        acknowledged: None,
        deliveries: BTreeMap::new(),
    };
    address(&mut alert, setup);
    alert
}

fn reopen(alert: &mut Alert, setup: &Setup, now: Timestamp) {
    alert.workflow = Workflow::New;
    alert.acknowledged = None;
    alert.reopened_at = now;
    alert.occurrence += 1;
    address(alert, setup);
}

fn address(alert: &mut Alert, setup: &Setup) {
    let waiting = |destination| (destination, Delivery::Waiting { attempts: 0, problem: None, next_at: None });
    let deliveries = destinations(setup, alert).map(waiting).collect();
    alert.deliveries = deliveries;
}

/// Whether more changed than when facts were read.
fn differs(before: &Alert, after: &Alert) -> bool {
    let facts = |alert: &Alert| -> Vec<(String, String)> {
        alert.evidence.iter().map(|evidence| (evidence.fact.clone(), evidence.value.clone())).collect()
    };
    before.workflow != after.workflow
        || before.severity != after.severity
        || before.title != after.title
        || (before.source == AlertSource::Detection && facts(before) != facts(after))
}

fn owner(board: &Board, subject: &Subject) -> Arc<str> {
    let session = subject.session().and_then(|key| board.sessions.get(key));
    session.map_or_else(|| Arc::from(""), |session| Arc::clone(&session.session.owner))
}

/// Everything that rules found on a subject; of a detection that was found more than once the worst.
fn causes(board: &Board, subject: &Subject) -> Vec<Cause> {
    let mut causes: Vec<Cause> = match subject {
        Subject::Session(key) => {
            let Some(session) = board.watched(key) else { return Vec::new() };
            let mut causes = of_findings(&session.judgement.findings);
            causes.extend(of_detections(session));
            causes
        }
        Subject::Node(scope, node) => {
            let node = board.scopes.get(scope).and_then(|scope| scope.nodes.get(node));
            node.map(|node| of_findings(&node.judgement.findings)).unwrap_or_default()
        }
        Subject::Preferences(scope) => {
            board.scopes.get(scope).map(|scope| of_findings(&scope.preferences_judgement.findings)).unwrap_or_default()
        }
        Subject::Account(account) => {
            board.accounts.get(account).map(|account| of_findings(&account.judgement.findings)).unwrap_or_default()
        }
        Subject::Program => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    causes.retain(|cause| seen.insert(cause.rule.clone()));
    causes
}

fn of_findings(findings: &[Finding]) -> Vec<Cause> {
    let broken = findings.iter().filter(|finding| finding.status == Verdict::NonCompliant);
    broken
        .map(|finding| Cause {
            rule: finding.rule.clone(),
            title: Arc::clone(&finding.title),
            severity: finding.severity,
            source: AlertSource::Finding,
            evidence: finding.evidence.clone(),
        })
        .collect()
}

fn of_detections(session: &SessionBoard) -> Vec<Cause> {
    let mut found: Vec<_> = session.detections.all().iter().collect();
    found.sort_by_key(|found| std::cmp::Reverse((found.severity, found.confidence)));
    found
        .into_iter()
        .map(|found| {
            let printed = if found.confidence == Confidence::Output { " (printed, not seen typed)" } else { "" };
            Cause {
                rule: RuleId::new(Arc::clone(&found.rule.id)),
                title: format!("{}{printed}", found.rule.title).into(),
                severity: found.severity,
                source: AlertSource::Detection,
                evidence: vec![Evidence {
                    fact: COMMAND.to_owned(),
                    value: found.text.to_string(),
                    source: "transcript".to_owned(),
                    at: found.last(),
                }],
            }
        })
        .collect()
}

/// It is of an earlier run, and decided by what was seen in passing.
fn was_seen_in_passing(alert: &Alert) -> bool {
    alert.evidence.iter().any(|evidence| IN_PASSING.contains(&evidence.fact.as_str()))
}

/// Whether the cause of an alert stands; unknown is not gone, and what only an earlier run saw in passing is unknown.
fn standing(board: &Board, alert: &Alert, causes: &[Cause], passing: bool) -> Standing {
    let stands = || {
        let cause = causes.iter().find(|cause| cause.rule == alert.rule && cause.source == alert.source)?;
        Some(Standing::Stands(Box::new(Cause {
            rule: cause.rule.clone(),
            title: Arc::clone(&cause.title),
            severity: cause.severity,
            source: cause.source,
            evidence: cause.evidence.clone(),
        })))
    };
    let Some(key) = alert.subject.session() else {
        return stands().unwrap_or_else(|| match passing || finding_unknown(board, alert) {
            true => Standing::Unknown,
            false => Standing::Gone("it is as it should be again".to_owned()),
        });
    };
    let seen = alert.acknowledged.is_some();
    let scope = board.scopes.get(&key.scope);
    let Some(session) = board.watched(key) else {
        // What nobody has seen stays, however long the session is over.
        let listed = scope.is_some_and(|scope| scope.last_good.is_some() && scope.history_read);
        return match seen && listed {
            true => Standing::Gone("the session is over".to_owned()),
            false => Standing::Unknown,
        };
    };
    let leaves_with_session = !alert.rule.as_str().starts_with(RECORD_RULES);
    if !session.is_active() && seen && leaves_with_session {
        return Standing::Gone("the session is over".to_owned());
    }
    stands().unwrap_or_else(|| match alert.source {
        AlertSource::Finding if !passing && !finding_unknown(board, alert) => {
            Standing::Gone("it is as it should be again".to_owned())
        }
        // What was typed was typed.
        AlertSource::Finding | AlertSource::Detection | AlertSource::Hand => Standing::Unknown,
    })
}

/// Whether the rule cannot be judged now, or was not so far.
fn finding_unknown(board: &Board, alert: &Alert) -> bool {
    let judgement = match &alert.subject {
        Subject::Session(key) => board.watched(key).map(|session| &session.judgement),
        Subject::Node(scope, node) => {
            board.scopes.get(scope).and_then(|scope| scope.nodes.get(node)).map(|node| &node.judgement)
        }
        Subject::Preferences(scope) => board.scopes.get(scope).map(|scope| &scope.preferences_judgement),
        Subject::Account(account) => board.accounts.get(account).map(|account| &account.judgement),
        Subject::Program => None,
    };
    judgement.is_none_or(|judgement| {
        judgement.verdict.is_none()
            || judgement
                .findings
                .iter()
                .any(|finding| finding.rule == alert.rule && finding.status == Verdict::InsufficientData)
    })
}
