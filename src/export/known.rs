//! What is known of a session at the moment of an export, taken out of the board.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::read::{self, fact};
use crate::{
    app::board::{Board, Phase, SessionBoard},
    compliance::{Concurrency, FactLine, FactName, SessionEvidence, governing_role},
    domain::{Alert, Finding, Session, SessionKey, Subject, TrailEvent},
};

/// Everything known of one session, apart from what it printed.
#[derive(Debug, Clone)]
pub struct Known {
    /// The session as last listed; with the time of its end where only its absence tells of that.
    pub session: Session,
    /// How and when it ended, if it has.
    pub end: Option<(Arc<str>, Timestamp)>,
    /// The moment of which facts and findings are. Of a session that ended it hangs on its end alone, not on when somebody exports it.
    pub as_of: Timestamp,
    /// All facts that rules may read.
    pub facts: Vec<FactLine>,
    /// What was read at AWS, whole, as JSON.
    pub read: Map<String, Value>,
    /// Every rule's finding, compliant ones too, the worst first.
    pub findings: Vec<Finding>,
    /// CloudTrail's records of it.
    pub trail: Vec<TrailEvent>,
    /// What was raised on it, as far as it is known here.
    pub alerts: Vec<Alert>,
}

/// Whether the board knows what else the session's principal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// It has the sessions of all scopes.
    Listed,
    /// It was filled for this session alone.
    NotListed,
}

const ALONE: &str = "an export lists no other sessions of the principal";
const ENDED: &str = "it is counted only while the session is active";

impl Known {
    /// What the board knows of that session.
    pub fn of(board: &Board, key: &SessionKey, alerts: Vec<Alert>, others: Others, now: Timestamp) -> Option<Self> {
        let known = board.sessions.get(key)?;
        let end = match &known.phase {
            Phase::Ended { how, at } => Some((Arc::clone(how), *at)),
            Phase::Active => None,
        };
        let as_of = end.as_ref().map_or(now, |(_, end)| settled(board, known, *end, now));
        let mut evidence = board.evidence(known);
        let uncounted = match (&end, others) {
            (Some(_), _) => Some(ENDED),
            (None, Others::NotListed) => Some(ALONE),
            (None, Others::Listed) => None,
        };
        if uncounted.is_some() {
            // Of now, it would say nothing of then.
            evidence.concurrency = Concurrency { uncounted, ..Concurrency::default() };
        }
        let mut facts = board.engine.facts(&evidence, as_of);
        let mut findings = board.engine.explain(&evidence, as_of);
        if known.adopted && known.judgement.verdict.is_some() {
            // It was judged at its end, by facts that are gone now: that verdict stands.
            findings.clone_from(&known.judgement.findings);
        }
        if end.is_some() {
            facts.iter_mut().for_each(fix_fact);
            findings.iter_mut().for_each(fix_finding);
        }
        let starts = known.start_record.as_deref().into_iter();
        let records = starts.chain(&known.resume_records).chain(known.end_record.as_deref());
        // Two listings that lack it give no time of their own.
        let ended_at = known.session.ended_at.or(end.as_ref().map(|(_, at)| *at));
        Some(Self {
            session: Session { ended_at, ..known.session.clone() },
            as_of,
            facts,
            findings,
            read: everything(board, known, &evidence),
            trail: records.cloned().collect(),
            alerts: alerts.into_iter().filter(|alert| alert.subject == Subject::Session(key.clone())).collect(),
            end,
        })
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }
}

/// A moment that is the same whenever a session that ended is looked at: its end; once the time of its archive object is over, that moment.
fn settled(board: &Board, known: &SessionBoard, end: Timestamp, now: Timestamp) -> Timestamp {
    let parameters = board.engine.parameters();
    let lasted = known.session.started_at.map(|started| end.duration_since(started)).unwrap_or_default();
    let grace = parameters.archive_grace.max(SignedDuration::from_secs(lasted.as_secs() / 10));
    let over = grace.checked_add(SignedDuration::from_secs(1)).and_then(|grace| end.checked_add(grace).ok());
    over.filter(|over| *over <= now).unwrap_or(end)
}

/// The one fact that is an age of the look, and not of what was looked at, is told by the time of the look.
fn fix_fact(line: &mut FactLine) {
    if line.name == FactName::LogStreamSoughtAtAgeSeconds
        && let crate::compliance::FactState::Known { value, at, .. } = &mut line.state
    {
        *value = looked(*at).into();
    }
}

fn fix_finding(finding: &mut Finding) {
    for evidence in &mut finding.evidence {
        if evidence.fact == FactName::LogStreamSoughtAtAgeSeconds.as_str() {
            evidence.value = looked(evidence.at);
        }
    }
}

fn looked(at: Timestamp) -> String {
    format!("looked for at {at:.0}")
}

/// What stands behind the facts: as it was read, each part with its source and its time, or with why it is missing.
fn everything(board: &Board, known: &SessionBoard, evidence: &SessionEvidence<'_>) -> Map<String, Value> {
    let session = &known.session;
    let scope = board.scopes.get(&session.key.scope);
    let role = evidence.node.value().and_then(Option::as_ref).and_then(governing_role);
    let change = |change: &Option<(Arc<str>, Timestamp)>| match change {
        Some((what, at)) => json!({"value": &**what, "at": at}),
        None => Value::Null,
    };
    let parts = [
        ("session", json!({"value": read::session(session), "source": "ssm:DescribeSessions", "at": known.listed_at})),
        ("node", fact(evidence.node, |node| node.as_ref().map(read::node).into())),
        ("node_tags", fact(evidence.tags, read::tags)),
        ("role", role.map_or(Value::Null, |role| json!(&**role))),
        ("role_policies", fact(evidence.role_policies, |role| role.as_ref().map(read::role).into())),
        ("role_change", change(&known.role_change)),
        ("document", fact(evidence.document, |document| document.as_ref().map(read::document).into())),
        ("document_standing", fact(evidence.standing, |standing| standing.as_ref().map(read::standing).into())),
        ("preferences", fact(evidence.preferences, |document| document.as_ref().map(read::document).into())),
        ("log_group", board.log_group_of(session).map_or(Value::Null, |group| json!(&*group))),
        ("log_stream", fact(evidence.log_stream, |stream| stream.as_ref().map(read::log_stream).into())),
        ("log_stream_change", change(&known.stream_change)),
        ("log_stream_health", fact(evidence.stream.read, |()| evidence.stream.health.map(read::health).into())),
        ("archive_object", fact(evidence.archive, |object| object.as_ref().map(read::archive_object).into())),
        ("cloudtrail", fact(evidence.trail.read, |()| json!({"from": evidence.trail.from}))),
        ("principal_tags", fact(evidence.principal.tags, |tags| tags.as_ref().map(read::tags).into())),
        ("first_session_of_principal", fact(evidence.first_of_principal, |first| json!(first))),
        ("account_name", scope.map_or(Value::Null, |scope| json!(&*scope.name))),
    ];
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
