//! The engine: rules that were read once, asked for each session.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    str::FromStr,
    sync::Arc,
};

use cedar_policy::{Authorizer, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, RestrictedExpression};
use jiff::{SignedDuration, Timestamp};

use super::{
    FactName, Parameters, PolicyError, Rule, SessionEvidence,
    analysis::Entries,
    error::nearest,
    facts::{Entry, Value},
    policy::{BUILT_IN, Clause, Origin, Role, clauses},
    trial::{ClauseIndex, Clauses, Court, Names, Outcome, ParameterNumbers},
};
use crate::domain::{Evidence, Finding, Judgement, RuleId, Verdict};

/// A session's judgement, and how long it holds while no fact changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What the rules say.
    pub judgement: Judgement,
    /// The earliest moment at which time alone may change any verdict: a bound is crossed, or evidence grows stale.
    /// `None`: never.
    pub next_change: Option<Timestamp>,
}

/// The verdict engine. Made once from the config; judging changes nothing in it.
pub struct Engine {
    parameters: Parameters,
    shown_parameters: BTreeMap<&'static str, String>,
    rules: Vec<Rule>,
    clauses: Vec<Clauses>,
    court: Court,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("parameters", &self.parameters)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Reads the built-in rules and the user's own policies (file name, text).
    ///
    /// # Errors
    /// A malformed policy, an id that two rules have, a missing annotation, an unknown severity, a fact or parameter that
    /// does not exist; or a rule in `disabled` or `severity` that does not exist.
    pub fn new(parameters: Parameters, extra_policies: Vec<(String, String)>) -> Result<Self, PolicyError> {
        let named = NamedParameters::of(&parameters);
        let mut all = Vec::new();
        for (file, text) in BUILT_IN {
            all.extend(clauses(&Origin::BuiltIn, file, text, &named.numbers)?);
        }
        for (file, text) in &extra_policies {
            all.extend(clauses(&Origin::File(file.as_str().into()), file, text, &named.numbers)?);
        }
        let (mut rules, mut by_rule) = gather(all)?;
        check_ids("disabled", parameters.disabled.iter(), &rules)?;
        check_ids("severity", parameters.severity.keys(), &rules)?;
        for rule in &mut rules {
            if let Some(severity) = parameters.severity.get(rule.id.as_str()) {
                rule.severity = *severity;
            }
        }
        let enabled: Vec<bool> =
            rules.iter().map(|rule| !parameters.disabled.iter().any(|id| id == rule.id.as_str())).collect();
        retain_marked(&mut rules, &enabled);
        retain_marked(&mut by_rule, &enabled);

        let court = Court::of(&by_rule, named.expression)?;
        let clauses = by_rule
            .into_iter()
            .map(|clauses| Clauses {
                clauses: clauses.into_iter().map(|clause| (clause.role, clause.reading)).collect(),
            })
            .collect();
        Ok(Self { parameters, shown_parameters: named.shown, rules, clauses, court })
    }

    /// The rules in force.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the engine was made with.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Judges a session at that moment: what is wrong or unknown, worst first.
    pub fn judge(&self, evidence: &SessionEvidence<'_>, now: Timestamp) -> Judged {
        let trial = self.court.hold(&self.clauses, evidence, &self.parameters, now);
        let verdict = trial.outcomes.iter().map(|outcome| outcome.status).max();
        let mut findings: Vec<Finding> = self
            .rules
            .iter()
            .zip(&self.clauses)
            .zip(trial.outcomes)
            .filter(|(_, outcome)| outcome.status >= Verdict::InsufficientData)
            .map(|((rule, clauses), outcome)| self.finding(rule, clauses, outcome, &trial.entries, now))
            .collect();
        worst_first(&mut findings);
        let judgement = Judgement { findings, verdict: Some(verdict.unwrap_or(Verdict::NotApplicable)) };
        Judged { judgement, next_change: trial.next_change }
    }

    /// Every rule's finding on a session at that moment, the good and the silent ones too, worst first.
    pub fn explain(&self, evidence: &SessionEvidence<'_>, now: Timestamp) -> Vec<Finding> {
        let trial = self.court.hold(&self.clauses, evidence, &self.parameters, now);
        let mut findings: Vec<Finding> = self
            .rules
            .iter()
            .zip(&self.clauses)
            .zip(trial.outcomes)
            .map(|((rule, clauses), outcome)| self.finding(rule, clauses, outcome, &trial.entries, now))
            .collect();
        worst_first(&mut findings);
        findings
    }

    fn finding(
        &self,
        rule: &Rule,
        clauses: &Clauses,
        outcome: Outcome,
        entries: &Entries<'_>,
        now: Timestamp,
    ) -> Finding {
        let readings = || clauses.clauses.iter().map(|(_, reading)| reading);
        let facts: BTreeSet<FactName> = readings().flat_map(|reading| reading.all_facts()).collect();
        let parameters: BTreeSet<&str> =
            readings().flat_map(|reading| &reading.parameters).map(String::as_str).collect();
        let facts = facts.iter().filter_map(|name| match entries.get(name)? {
            Entry::Known { value, source, at, .. } => Some(Evidence {
                fact: name.as_str().to_owned(),
                value: value.to_string(),
                source: (*source).to_owned(),
                at: *at,
            }),
            Entry::Absent { .. } | Entry::Missing(_) => None,
        });
        let parameters = parameters.iter().filter_map(|name| {
            Some(Evidence {
                fact: format!("parameters.{name}"),
                value: self.shown_parameters.get(name)?.clone(),
                source: "config".to_owned(),
                at: now,
            })
        });
        Finding {
            rule: rule.id.clone(),
            title: Arc::clone(&rule.title),
            status: outcome.status,
            severity: rule.severity,
            evidence: facts.chain(parameters).collect(),
            missing: outcome.missing,
            remediation: Arc::clone(&rule.remediation),
        }
    }
}

/// By status, then severity, then id.
fn worst_first(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.status.cmp(&a.status).then_with(|| b.severity.cmp(&a.severity)).then_with(|| a.rule.cmp(&b.rule))
    });
}

fn retain_marked<T>(items: &mut Vec<T>, marks: &[bool]) {
    let mut marks = marks.iter();
    items.retain(|_| marks.next().copied().unwrap_or(false));
}

/// Puts each rule's clauses together, the `forbid` first.
fn gather(all: Vec<Clause>) -> Result<(Vec<Rule>, Vec<Vec<Clause>>), PolicyError> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut by_rule: Vec<Vec<Clause>> = Vec::new();
    let mut at: HashMap<String, usize> = HashMap::new();
    let (forbids, permits): (Vec<Clause>, Vec<Clause>) =
        all.into_iter().partition(|clause| matches!(clause.role, Role::Rule { .. }));
    for clause in forbids {
        let Role::Rule { severity, title, remediation } = &clause.role else { continue };
        if let Some(first) = at.get(&clause.rule).and_then(|at| by_rule.get(*at)?.first()) {
            let what = format!(
                "the id \"{}\" is taken by {}:{}:{}",
                clause.rule, first.place.file, first.place.line, first.place.column
            );
            return Err(clause.place.error(what));
        }
        at.insert(clause.rule.clone(), rules.len());
        rules.push(Rule {
            id: RuleId::new(clause.rule.as_str()),
            severity: *severity,
            title: Arc::clone(title),
            remediation: Arc::clone(remediation),
            text: clause.text.as_str().into(),
            origin: clause.place.origin.clone(),
        });
        by_rule.push(vec![clause]);
    }
    for clause in permits {
        let found = at.get(&clause.rule).and_then(|at| Some((rules.get_mut(*at)?, by_rule.get_mut(*at)?)));
        let Some((rule, clauses)) = found else {
            let nearest = nearest(&clause.rule, at.keys().map(String::as_str));
            let nearest = nearest.map(|nearest| format!("; the nearest is \"{nearest}\"")).unwrap_or_default();
            return Err(clause.place.error(format!("there is no rule \"{}\"{nearest}", clause.rule)));
        };
        if clause.place.origin != rule.origin {
            return Err(clause.place.error(format!("the rule \"{}\" is of another file", clause.rule)));
        }
        rule.text = format!("{}\n\n{}", rule.text, clause.text).into();
        clauses.push(clause);
    }
    Ok((rules, by_rule))
}

fn check_ids<'a>(key: &'static str, ids: impl Iterator<Item = &'a String>, rules: &[Rule]) -> Result<(), PolicyError> {
    let known = || rules.iter().map(|rule| rule.id.as_str());
    for id in ids {
        if !known().any(|known| known == id) {
            let nearest = nearest(id, known()).map(str::to_owned);
            return Err(PolicyError::UnknownRule { key, id: id.clone(), nearest });
        }
    }
    Ok(())
}

impl Court {
    fn of(by_rule: &[Vec<Clause>], parameters: RestrictedExpression) -> Result<Self, PolicyError> {
        let (mut forbids, mut permits, mut index) = (PolicySet::new(), PolicySet::new(), HashMap::new());
        let mut facts = BTreeSet::new();
        for (rule, clauses) in by_rule.iter().enumerate() {
            for (clause, Clause { policy, role, reading, place, .. }) in clauses.iter().enumerate() {
                let id = PolicyId::new(format!("{rule}/{clause}"));
                let set = if matches!(role, Role::Rule { .. }) { &mut forbids } else { &mut permits };
                set.add(policy.new_id(id.clone())).map_err(|error| place.error(error.to_string()))?;
                index.insert(id, ClauseIndex { rule, clause });
                facts.extend(reading.all_facts());
            }
        }
        let names = Names::new().map_err(|what| PolicyError::Policy {
            file: "built in".to_owned(),
            line: 1,
            column: 1,
            what,
        })?;
        Ok(Self {
            authorizer: Authorizer::new(),
            forbids,
            permits,
            index,
            names,
            parameters,
            facts: facts.into_iter().collect(),
        })
    }
}

impl Names {
    fn new() -> Result<Self, String> {
        let kind = |name: &str| EntityTypeName::from_str(name).map_err(|error| error.to_string());
        Ok(Self {
            owner: kind("Owner")?,
            node: kind("Node")?,
            action: EntityUid::from_type_name_and_id(kind("Action")?, EntityId::new("session")),
        })
    }
}

/// The parameters as policies and people read them.
struct NamedParameters {
    expression: RestrictedExpression,
    numbers: ParameterNumbers,
    shown: BTreeMap<&'static str, String>,
}

impl NamedParameters {
    fn of(parameters: &Parameters) -> Self {
        let seconds = |duration: SignedDuration| Value::Seconds(duration.as_secs());
        let documents = parameters.allowed_documents.iter().map(|document| document.as_str().into()).collect();
        let values = [
            ("allowed_documents", Value::Texts(documents)),
            ("archive_grace_seconds", seconds(parameters.archive_grace)),
            ("duration_slack_seconds", seconds(parameters.duration_slack)),
            ("log_stream_grace_seconds", seconds(parameters.log_stream_grace)),
            ("max_age_seconds", seconds(parameters.max_age)),
            ("silent_grace_seconds", seconds(parameters.silent_grace)),
            ("stuck_after_seconds", seconds(parameters.stuck_after)),
            (
                "ticket_pattern",
                Value::Text(parameters.ticket_pattern.as_ref().map_or("", |pattern| pattern.as_str()).into()),
            ),
        ];
        let fields: BTreeMap<String, RestrictedExpression> =
            values.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.expression()?))).collect();
        Self {
            // The keys are of a map: the only error there is, a repeated key, cannot be.
            expression: RestrictedExpression::new_record(fields).unwrap_or_else(|_| RestrictedExpression::new_set([])),
            numbers: values
                .iter()
                .map(|(name, value)| {
                    let number = match value {
                        Value::Seconds(seconds) => Some(*seconds),
                        _ => None,
                    };
                    ((*name).to_owned(), number)
                })
                .collect(),
            shown: values.iter().map(|(name, value)| (*name, value.to_string())).collect(),
        }
    }
}
