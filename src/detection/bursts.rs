//! Sigma correlations: how often rules fire within a time, in one session (or of one owner, on one node, …).

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use rsigma_parser::{ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, WindowMode};

use super::{
    event::{SESSION_FIELDS, SessionFields},
    normalize::cut,
    rule::{Confidence, DetectionRule, Hit},
};

/// Groups (sessions, owners, …) that are counted at a time; the one that was quiet longest makes room.
pub const MAX_GROUPS: usize = 4096;
/// Events that are kept of one group.
pub const MAX_EVENTS: usize = 1024;
/// Bytes of a counted value that are kept.
const MAX_VALUE: usize = 256;

/// A correlation in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// The rule that it raises.
    pub rule: Arc<DetectionRule>,
    /// Ids of the rules that it counts.
    pub counts: Vec<Arc<str>>,
    /// The field whose different values are counted; without one every hit counts.
    values_of: Option<String>,
    group_by: Vec<String>,
    within: SignedDuration,
    conditions: Vec<(ConditionOperator, u64)>,
}

impl Correlation {
    /// Reads what the document asks for; the error says why it cannot be had here.
    pub(super) fn read(
        document: &CorrelationRule,
        rule: Arc<DetectionRule>,
        counts: Vec<Arc<str>>,
    ) -> Result<Self, String> {
        if document.window != WindowMode::Sliding {
            return Err(format!("uses a window that is {}", document.window.as_str()));
        }
        let CorrelationCondition::Threshold { predicates, field, .. } = &document.condition else {
            return Err("has no condition that is a number".to_owned());
        };
        let values_of = match (document.correlation_type, field.as_deref().unwrap_or_default()) {
            (CorrelationType::EventCount, _) => None,
            (CorrelationType::ValueCount, [field]) if value_field(field) => Some(field.clone()),
            (CorrelationType::ValueCount, fields) => {
                return Err(format!("counts values of {}, which a shell's stream does not have", fields.join(", ")));
            }
            (other, _) => return Err(format!("is a correlation of the type {}", other.as_str())),
        };
        if let Some(field) = document.group_by.iter().find(|field| !SESSION_FIELDS.contains(&field.as_str())) {
            return Err(format!("groups by {field}, which a session does not have"));
        }
        let lower =
            |operator| matches!(operator, ConditionOperator::Gt | ConditionOperator::Gte | ConditionOperator::Eq);
        if !predicates.iter().any(|(operator, _)| lower(*operator)) {
            return Err("has no number from which on it fires".to_owned());
        }
        Ok(Self {
            rule,
            counts,
            values_of,
            group_by: document.group_by.clone(),
            within: SignedDuration::from_secs(i64::try_from(document.timespan.seconds).unwrap_or(i64::MAX)),
            conditions: predicates.clone(),
        })
    }

    fn holds(&self, count: usize) -> bool {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.conditions.iter().all(|(operator, number)| match operator {
            ConditionOperator::Lt => count < *number,
            ConditionOperator::Lte => count <= *number,
            ConditionOperator::Gt => count > *number,
            ConditionOperator::Gte => count >= *number,
            ConditionOperator::Eq => count == *number,
            ConditionOperator::Neq => count != *number,
        })
    }

    fn values(&self, session: &SessionFields<'_>, hit: &Hit) -> Vec<Box<str>> {
        let Some(field) = &self.values_of else { return vec!["".into()] };
        let mut values: Vec<Box<str>> = match field.as_str() {
            "CommandLine" => hit.pieces.iter().map(|piece| cut(&piece.text, MAX_VALUE).into()).collect(),
            "Image" => hit.pieces.iter().map(|piece| cut(&piece.image, MAX_VALUE).into()).collect(),
            field => session.get(field).map(|value| cut(value, MAX_VALUE).into()).into_iter().collect(),
        };
        values.retain(|value| !value.is_empty());
        values
    }
}

fn value_field(field: &str) -> bool {
    matches!(field, "CommandLine" | "Image") || SESSION_FIELDS.contains(&field)
}

/// What correlations have counted so far. Bounded, and pure: time enters as a value.
#[derive(Debug, Clone, Default)]
pub struct Bursts {
    correlations: Arc<[Correlation]>,
    groups: HashMap<(usize, Box<str>), Group>,
}

#[derive(Debug, Clone)]
struct Group {
    events: VecDeque<(Timestamp, Box<str>)>,
    last: Timestamp,
    raised: Option<Timestamp>,
}

impl Bursts {
    /// Counts for these correlations ([`super::Detector::correlations`]).
    pub fn new(correlations: Arc<[Correlation]>) -> Self {
        Self { correlations, groups: HashMap::new() }
    }

    /// Takes what one command of the session fired, and answers what is to be raised: the hits without those that are
    /// only counted, and the correlations that came true with them. One that came true rests for its time span.
    pub fn take(&mut self, session: &SessionFields<'_>, at: Timestamp, hits: Vec<Hit>) -> Vec<Hit> {
        let correlations = Arc::clone(&self.correlations);
        let mut burst = Vec::new();
        for (number, correlation) in correlations.iter().enumerate() {
            let counted = hits.iter().filter(|hit| {
                hit.confidence == Confidence::Command && correlation.counts.iter().any(|id| *id == hit.rule.id)
            });
            let values: Vec<Box<str>> = counted.flat_map(|hit| correlation.values(session, hit)).collect();
            if !values.is_empty() && self.count(number, correlation, session, at, values) {
                burst.push(Hit {
                    rule: Arc::clone(&correlation.rule),
                    confidence: Confidence::Command,
                    severity: correlation.rule.severity,
                    pieces: Vec::new(),
                });
            }
        }
        hits.into_iter().filter(|hit| !hit.rule.counted_only).chain(burst).collect()
    }

    fn count(
        &mut self,
        number: usize,
        correlation: &Correlation,
        session: &SessionFields<'_>,
        at: Timestamp,
        values: Vec<Box<str>>,
    ) -> bool {
        let key: Vec<&str> = correlation.group_by.iter().map(|field| session.get(field).unwrap_or_default()).collect();
        let key = (number, key.join("\u{0}").into_boxed_str());
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            let quiet = self.groups.iter().min_by_key(|(_, group)| group.last).map(|(key, _)| key.clone());
            quiet.map(|quiet| self.groups.remove(&quiet));
        }
        let group = self.groups.entry(key).or_insert_with(|| Group { events: VecDeque::new(), last: at, raised: None });
        group.last = group.last.max(at);
        group.events.extend(values.into_iter().map(|value| (at, value)));
        let last = group.last;
        group.events.retain(|(at, _)| last.duration_since(*at) < correlation.within);
        while group.events.len() > MAX_EVENTS {
            group.events.pop_front();
        }
        if group.raised.is_some_and(|raised| last.duration_since(raised) < correlation.within) {
            return false;
        }
        let count = match correlation.values_of {
            None => group.events.len(),
            Some(_) => group.events.iter().map(|(_, value)| value).collect::<HashSet<_>>().len(),
        };
        let holds = correlation.holds(count);
        if holds {
            group.raised = Some(last);
            group.events.clear();
        }
        holds
    }
}
