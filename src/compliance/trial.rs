//! One session before all rules at one moment.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, EvaluationError,
    PolicyId, PolicySet, Request, Response, RestrictedExpression,
};
use jiff::Timestamp;

use super::{
    analysis::{Entries, Reading},
    facts::{Entry, FactName, Value, clean},
    policy::{Clause, Role},
};
use crate::domain::{MissingFact, Severity, Verdict};

/// Which clause of which rule a Cedar policy is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClauseIndex {
    pub(super) rule: usize,
    pub(super) clause: usize,
}

/// The clauses of a rule: the `forbid`, and what says when it speaks.
#[derive(Debug)]
pub(super) struct Clauses {
    pub(super) clauses: Vec<(Role, Reading)>,
}

/// What Cedar is asked with, made once.
pub(super) struct Court {
    pub(super) authorizer: Authorizer,
    pub(super) forbids: PolicySet,
    pub(super) permits: PolicySet,
    pub(super) index: HashMap<PolicyId, ClauseIndex>,
    pub(super) names: Names,
    pub(super) parameters: RestrictedExpression,
    /// The facts that any policy reads.
    pub(super) facts: Vec<FactName>,
}

/// Names of entities, parsed once.
pub(super) struct Names {
    pub(super) principal: EntityTypeName,
    pub(super) resource: EntityTypeName,
    pub(super) action: EntityUid,
}

/// What a policy said.
enum Answer<'e> {
    Unsatisfied,
    Satisfied,
    Failed(&'e EvaluationError),
}

/// What a rule comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub(super) status: Verdict,
    pub(super) missing: Vec<MissingFact>,
    /// Of the condition that is satisfied, where it has one of its own.
    pub(super) severity: Option<Severity>,
}

impl Outcome {
    pub(super) fn plain(status: Verdict) -> Self {
        Self { status, missing: Vec::new(), severity: None }
    }

    fn insufficient(missing: MissingFact) -> Self {
        Self { status: Verdict::InsufficientData, missing: vec![missing], severity: None }
    }
}

/// The facts, what each rule came to, and when that may change by itself.
pub(super) struct Trial<'a> {
    pub(super) entries: Entries<'a>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) next_change: Option<Timestamp>,
}

impl Court {
    /// Judges one session.
    pub(super) fn hold<'a>(
        &self,
        rules: &[Clauses],
        principal: &str,
        resource: &str,
        read: &dyn Fn(FactName) -> Entry<'a>,
        now: Timestamp,
    ) -> Trial<'a> {
        let entries: Entries<'a> = self.facts.iter().map(|name| (*name, read(*name))).collect();
        let mut next_change = entries.values().filter_map(Entry::expires).filter(|expires| *expires > now).min();
        let outcomes = match self.ask(principal, resource, &entries) {
            Ok((permits, forbids)) => {
                let mut answers: Vec<Vec<Answer<'_>>> =
                    rules.iter().map(|rule| rule.clauses.iter().map(|_| Answer::Unsatisfied).collect()).collect();
                self.note(&permits, &mut answers);
                self.note(&forbids, &mut answers);
                rules
                    .iter()
                    .zip(&answers)
                    .map(|(rule, answers)| {
                        let outcome = rule.outcome(answers, &entries);
                        let crossing = rule.next_crossing(outcome.status, &entries, now);
                        next_change = next_change.into_iter().chain(crossing).min();
                        outcome
                    })
                    .collect()
            }
            Err(what) => rules.iter().map(|_| Outcome::insufficient(policy_error(&what))).collect(),
        };
        Trial { entries, outcomes, next_change }
    }

    /// Which rules can never apply: what says whether they do is unsatisfied by the parameters alone.
    pub(super) fn dormant(&self, rules: &[Clauses]) -> Vec<bool> {
        let Ok((permits, _)) = self.ask("", "", &Entries::new()) else { return vec![false; rules.len()] };
        let mut answers: Vec<Vec<Answer<'_>>> =
            rules.iter().map(|rule| rule.clauses.iter().map(|_| Answer::Unsatisfied).collect()).collect();
        self.note(&permits, &mut answers);
        let never = |(rule, answers): (&Clauses, &Vec<Answer<'_>>)| {
            let mut applies =
                rule.clauses.iter().zip(answers).filter(|((role, _), _)| matches!(role, Role::Applies)).peekable();
            // One that asks with `has` is unsatisfied for want of a fact, not by the parameters.
            applies.peek().is_some()
                && applies
                    .all(|((_, reading), answer)| matches!(answer, Answer::Unsatisfied) && reading.guarded.is_empty())
        };
        rules.iter().zip(&answers).map(never).collect()
    }

    fn ask(&self, principal: &str, resource: &str, entries: &Entries<'_>) -> Result<(Response, Response), String> {
        let facts = entries.iter().filter_map(|(name, entry)| match entry {
            Entry::Known { value, .. } => Some((name.as_str().to_owned(), value.expression()?)),
            Entry::Absent { .. } | Entry::Missing { .. } => None,
        });
        let parameters = ("parameters".to_owned(), self.parameters.clone());
        let context =
            Context::from_pairs(facts.chain(std::iter::once(parameters))).map_err(|error| error.to_string())?;
        let uid = |kind: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id));
        let node = uid(&self.names.resource, resource);
        // Without its tags the node is no entity: reading a tag is an error then, not an answer.
        let entities = match entries.get(&FactName::NodeTags) {
            Some(Entry::Known { value: Value::Tags(tags), .. }) => {
                let tags =
                    tags.iter().map(|(key, value)| (key.clone(), RestrictedExpression::new_string(value.clone())));
                let node = Entity::new_with_tags(node.clone(), [], [], tags).map_err(|error| error.to_string())?;
                Entities::from_entities([node], None).map_err(|error| error.to_string())?
            }
            _ => Entities::empty(),
        };
        let owner = uid(&self.names.principal, principal);
        let request =
            Request::new(owner, self.names.action.clone(), node, context, None).map_err(|error| error.to_string())?;
        // Two questions: with a satisfied forbid in the set, Cedar no longer tells which permits were satisfied.
        Ok((
            self.authorizer.is_authorized(&request, &self.permits, &entities),
            self.authorizer.is_authorized(&request, &self.forbids, &entities),
        ))
    }

    fn note<'e>(&self, response: &'e Response, answers: &mut [Vec<Answer<'e>>]) {
        let mut set = |id: &PolicyId, answer: Answer<'e>| {
            let slot = self.index.get(id).and_then(|at| answers.get_mut(at.rule)?.get_mut(at.clause));
            if let Some(slot) = slot {
                *slot = answer;
            }
        };
        for id in response.diagnostics().reason() {
            set(id, Answer::Satisfied);
        }
        for AuthorizationError::PolicyEvaluationError(error) in response.diagnostics().errors() {
            set(error.policy_id(), Answer::Failed(error.inner()));
        }
    }
}

impl Clauses {
    pub(super) fn of(clauses: &[Clause]) -> Self {
        Self { clauses: clauses.iter().map(|clause| (clause.role.clone(), clause.reading.clone())).collect() }
    }

    fn outcome(&self, answers: &[Answer<'_>], entries: &Entries<'_>) -> Outcome {
        let clauses = || self.clauses.iter().zip(answers);
        // Who asks whether a fact is there must not take a missing one for an absent one.
        let unknown = self.clauses.iter().flat_map(|(_, reading)| &reading.guarded).find_map(|name| {
            let Entry::Missing { missing, .. } = entries.get(name)? else { return None };
            Some(missing_fact(*name, missing.why.to_string(), missing.retry_at))
        });
        if let Some(unknown) = unknown {
            return Outcome::insufficient(unknown);
        }
        let applies = || clauses().filter(|((role, _), _)| matches!(role, Role::Applies));
        let is_satisfied = |answer: &Answer<'_>| matches!(answer, Answer::Satisfied);
        if applies().next().is_some() && !applies().any(|(_, answer)| is_satisfied(answer)) {
            return match first_failure(applies(), entries) {
                Some(missing) => Outcome::insufficient(missing),
                None => Outcome::plain(Verdict::NotApplicable),
            };
        }
        let pending = || clauses().filter(|((role, _), _)| matches!(role, Role::Pending { .. }));
        for ((role, _), answer) in pending() {
            if let (Role::Pending { fact, awaits }, Answer::Satisfied) = (role, answer) {
                return Outcome::insufficient(missing_fact(*fact, format!("pending: {awaits}"), None));
            }
        }
        if let Some(missing) = first_failure(pending(), entries) {
            return Outcome::insufficient(missing);
        }
        let rule = || clauses().filter(|((role, _), _)| matches!(role, Role::Rule { .. } | Role::Also { .. }));
        // One condition that holds is enough, whatever is unknown about the others.
        let severity = rule()
            .filter(|(_, answer)| is_satisfied(answer))
            .filter_map(|((role, _), _)| match role {
                Role::Rule { severity, .. } | Role::Also { severity } => Some(*severity),
                _ => None,
            })
            .max();
        if severity.is_some() {
            return Outcome { severity, ..Outcome::plain(Verdict::NonCompliant) };
        }
        match first_failure(rule(), entries) {
            Some(missing) => Outcome::insufficient(missing),
            None => Outcome::plain(Verdict::Compliant),
        }
    }

    /// While the rule does not apply, only what says whether it does can change that.
    fn next_crossing(&self, status: Verdict, entries: &Entries<'_>, now: Timestamp) -> Option<Timestamp> {
        self.clauses
            .iter()
            .filter(|(role, _)| status != Verdict::NotApplicable || matches!(role, Role::Applies))
            .filter_map(|(_, reading)| reading.next_crossing(entries, now))
            .min()
    }
}

fn first_failure<'c, 'e: 'c>(
    mut clauses: impl Iterator<Item = (&'c (Role, Reading), &'c Answer<'e>)>,
    entries: &Entries<'_>,
) -> Option<MissingFact> {
    clauses.find_map(|((_, reading), answer)| match answer {
        Answer::Failed(error) => Some(what_was_missing(error, reading, entries)),
        Answer::Unsatisfied | Answer::Satisfied => None,
    })
}

/// The fact whose absence ended the policy in an error; of any other error, the error.
fn what_was_missing(error: &EvaluationError, reading: &Reading, entries: &Entries<'_>) -> MissingFact {
    let words = error.to_string();
    let stopped = reading.facts.iter().copied().find(|name| match error {
        EvaluationError::RecordAttrDoesNotExist(_) => words.contains(&format!("`{name}`")),
        EvaluationError::EntityDoesNotExist(_) => *name == FactName::NodeTags,
        _ => false,
    });
    match stopped.and_then(|name| Some((name, entries.get(&name)?))) {
        Some((name, Entry::Missing { missing, .. })) => missing_fact(name, missing.why.to_string(), missing.retry_at),
        Some((name, Entry::Absent { why, .. })) => missing_fact(name, why.clone(), None),
        _ => policy_error(&words),
    }
}

fn missing_fact(name: FactName, reason: String, retry_at: Option<Timestamp>) -> MissingFact {
    MissingFact { fact: name.as_str().to_owned(), reason, retry_at }
}

/// Cedar's words may quote names that others chose.
fn policy_error(what: &str) -> MissingFact {
    let reason = format!("the policy could not be evaluated: {}", clean(what));
    MissingFact { fact: "policy".to_owned(), reason, retry_at: None }
}

/// Numbers of the parameters that are numbers, by the name that policies use.
pub(super) type ParameterNumbers = BTreeMap<String, Option<i64>>;
