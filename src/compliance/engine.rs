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
    AccountEvidence, FactName, NodeEvidence, Parameters, PolicyError, PreferencesEvidence, Rule, SessionEvidence,
    Subject,
    analysis::Entries,
    error::nearest,
    facts::{AccountReader, Entry, NodeReader, PreferencesReader, SessionReader, Value},
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
    /// By subject, in the order of [`Subject::ALL`].
    benches: [Bench; 4],
}

/// The rules on one subject.
struct Bench {
    /// Indexes into the engine's rules.
    rules: Vec<usize>,
    clauses: Vec<Clauses>,
    court: Court,
    /// Rules that cannot apply with these parameters, whatever the facts: they are not asked.
    dormant: Vec<(usize, Clauses)>,
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
                rule.overridden = true;
            }
        }
        let enabled: Vec<bool> =
            rules.iter().map(|rule| !parameters.disabled.iter().any(|id| id == rule.id.as_str())).collect();
        retain_marked(&mut rules, &enabled);
        retain_marked(&mut by_rule, &enabled);

        let mut benches = Vec::with_capacity(Subject::ALL.len());
        for subject in Subject::ALL {
            let of_subject = rules.iter().zip(&by_rule).enumerate().filter(|(_, (rule, _))| rule.subject == subject);
            let (indexes, clauses): (Vec<usize>, Vec<&[Clause]>) =
                of_subject.map(|(at, (_, clauses))| (at, clauses.as_slice())).unzip();
            let all: Vec<Clauses> = clauses.iter().map(|clauses| Clauses::of(clauses)).collect();
            let asleep = Court::of(subject, &clauses, named.expression.clone())?.dormant(&all);
            let (mut rules, mut awake, mut dormant, mut asked) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (((rule, of_rule), asleep), texts) in indexes.into_iter().zip(all).zip(asleep).zip(&clauses) {
                if asleep {
                    dormant.push((rule, of_rule));
                } else {
                    rules.push(rule);
                    awake.push(of_rule);
                    asked.push(*texts);
                }
            }
            let court = Court::of(subject, &asked, named.expression.clone())?;
            benches.push(Bench { rules, clauses: awake, court, dormant });
        }
        let benches = benches.try_into().map_err(|_| PolicyError::Policy {
            file: "built in".to_owned(),
            line: 1,
            column: 1,
            what: "a subject has no bench".to_owned(),
        })?;
        Ok(Self { parameters, shown_parameters: named.shown, rules, benches })
    }

    /// The rules in force.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the engine was made with.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// A parameter's value, for people.
    pub fn shown_parameter(&self, name: &str) -> Option<&str> {
        self.shown_parameters.get(name).map(String::as_str)
    }

    /// Judges a session at that moment: what is wrong or unknown, worst first.
    pub fn judge(&self, evidence: &SessionEvidence<'_>, now: Timestamp) -> Judged {
        let reader = SessionReader::new(evidence, &self.parameters, now);
        let mut judged = self.judge_by(
            &self.question(Subject::Session, &evidence.session.owner, evidence.session.target.as_str()),
            &|name| reader.read(name),
            now,
        );
        judged.next_change = [judged.next_change, evidence.concurrency.until].into_iter().flatten().min();
        judged
    }

    /// Every rule's finding on a session at that moment, the good and the silent ones too, worst first.
    pub fn explain(&self, evidence: &SessionEvidence<'_>, now: Timestamp) -> Vec<Finding> {
        let reader = SessionReader::new(evidence, &self.parameters, now);
        let question = self.question(Subject::Session, &evidence.session.owner, evidence.session.target.as_str());
        self.explain_by(&question, &|name| reader.read(name), now)
    }

    /// Judges a node at that moment.
    pub fn judge_node(&self, evidence: &NodeEvidence<'_>, now: Timestamp) -> Judged {
        let reader = NodeReader::new(evidence, &self.parameters, now);
        let question = self.question(Subject::Node, evidence.scope.account.as_str(), evidence.id.as_str());
        self.judge_by(&question, &|name| reader.read(name), now)
    }

    /// Every rule's finding on a node at that moment, worst first.
    pub fn explain_node(&self, evidence: &NodeEvidence<'_>, now: Timestamp) -> Vec<Finding> {
        let reader = NodeReader::new(evidence, &self.parameters, now);
        let question = self.question(Subject::Node, evidence.scope.account.as_str(), evidence.id.as_str());
        self.explain_by(&question, &|name| reader.read(name), now)
    }

    /// Judges the preferences of a scope at that moment.
    pub fn judge_preferences(&self, evidence: &PreferencesEvidence<'_>, now: Timestamp) -> Judged {
        let reader = PreferencesReader::new(evidence, &self.parameters, now);
        let scope = evidence.scope.to_string();
        let question = self.question(Subject::Preferences, evidence.scope.account.as_str(), &scope);
        self.judge_by(&question, &|name| reader.read(name), now)
    }

    /// Every rule's finding on the preferences of a scope at that moment, worst first.
    pub fn explain_preferences(&self, evidence: &PreferencesEvidence<'_>, now: Timestamp) -> Vec<Finding> {
        let reader = PreferencesReader::new(evidence, &self.parameters, now);
        let scope = evidence.scope.to_string();
        let question = self.question(Subject::Preferences, evidence.scope.account.as_str(), &scope);
        self.explain_by(&question, &|name| reader.read(name), now)
    }

    /// Judges an account at that moment.
    pub fn judge_account(&self, evidence: &AccountEvidence<'_>, now: Timestamp) -> Judged {
        let reader = AccountReader::new(evidence, &self.parameters, now);
        let account = evidence.account.as_str();
        let mut judged =
            self.judge_by(&self.question(Subject::Account, account, account), &|name| reader.read(name), now);
        judged.next_change = [judged.next_change, evidence.until].into_iter().flatten().min();
        judged
    }

    /// Every rule's finding on an account at that moment, worst first.
    pub fn explain_account(&self, evidence: &AccountEvidence<'_>, now: Timestamp) -> Vec<Finding> {
        let reader = AccountReader::new(evidence, &self.parameters, now);
        let account = evidence.account.as_str();
        self.explain_by(&self.question(Subject::Account, account, account), &|name| reader.read(name), now)
    }

    fn question<'q>(&'q self, subject: Subject, principal: &'q str, resource: &'q str) -> Question<'q> {
        let [session, node, preferences, account] = &self.benches;
        let bench = match subject {
            Subject::Session => session,
            Subject::Node => node,
            Subject::Preferences => preferences,
            Subject::Account => account,
        };
        Question { bench, principal, resource }
    }

    fn judge_by<'a>(&self, question: &Question<'_>, read: &dyn Fn(FactName) -> Entry<'a>, now: Timestamp) -> Judged {
        let bench = question.bench;
        let trial = bench.court.hold(&bench.clauses, question.principal, question.resource, read, now);
        let verdict = trial.outcomes.iter().map(|outcome| outcome.status).max();
        let mut findings: Vec<Finding> = self
            .rules_of(bench)
            .zip(&bench.clauses)
            .zip(trial.outcomes)
            .filter(|(_, outcome)| outcome.status >= Verdict::InsufficientData)
            .map(|((rule, clauses), outcome)| self.finding(rule, clauses, outcome, &trial.entries, now))
            .collect();
        // Ten thousand sessions keep theirs.
        findings.shrink_to_fit();
        worst_first(&mut findings);
        let judgement = Judgement { findings, verdict: Some(verdict.unwrap_or(Verdict::NotApplicable)) };
        Judged { judgement, next_change: trial.next_change }
    }

    fn explain_by<'a>(
        &self,
        question: &Question<'_>,
        read: &dyn Fn(FactName) -> Entry<'a>,
        now: Timestamp,
    ) -> Vec<Finding> {
        let bench = question.bench;
        let trial = bench.court.hold(&bench.clauses, question.principal, question.resource, read, now);
        let mut findings: Vec<Finding> = self
            .rules_of(bench)
            .zip(&bench.clauses)
            .zip(trial.outcomes)
            .map(|((rule, clauses), outcome)| self.finding(rule, clauses, outcome, &trial.entries, now))
            .collect();
        findings.extend(bench.dormant.iter().filter_map(|(rule, clauses)| {
            let silent = Outcome::plain(Verdict::NotApplicable);
            Some(self.finding(self.rules.get(*rule)?, clauses, silent, &trial.entries, now))
        }));
        worst_first(&mut findings);
        findings
    }

    fn rules_of<'e>(&'e self, bench: &'e Bench) -> impl Iterator<Item = &'e Rule> {
        bench.rules.iter().filter_map(|at| self.rules.get(*at))
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
            Entry::Absent { .. } | Entry::Missing { .. } => None,
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
            severity: if rule.overridden { rule.severity } else { outcome.severity.unwrap_or(rule.severity) },
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
            subject: clause.subject,
            reads: clause.reading.all_facts().collect(),
            parameters: clause.reading.parameters.iter().cloned().collect(),
            overridden: false,
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
        if clause.subject != rule.subject {
            let word = rule.subject.word();
            return Err(clause
                .place
                .error(format!("the rule \"{}\" judges a {word}: write that action here too", clause.rule)));
        }
        rule.reads.extend(clause.reading.all_facts());
        rule.reads.sort();
        rule.reads.dedup();
        rule.parameters.extend(clause.reading.parameters.iter().cloned());
        rule.parameters.sort();
        rule.parameters.dedup();
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
    fn of(subject: Subject, by_rule: &[&[Clause]], parameters: RestrictedExpression) -> Result<Self, PolicyError> {
        let (mut forbids, mut permits, mut index) = (PolicySet::new(), PolicySet::new(), HashMap::new());
        let mut facts = BTreeSet::new();
        for (rule, clauses) in by_rule.iter().enumerate() {
            for (clause, Clause { policy, role, reading, place, .. }) in clauses.iter().enumerate() {
                let id = PolicyId::new(format!("{rule}/{clause}"));
                let set =
                    if matches!(role, Role::Rule { .. } | Role::Also { .. }) { &mut forbids } else { &mut permits };
                set.add(policy.new_id(id.clone())).map_err(|error| place.error(error.to_string()))?;
                index.insert(id, ClauseIndex { rule, clause });
                facts.extend(reading.all_facts());
            }
        }
        let names = Names::of(subject).map_err(|what| PolicyError::Policy {
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
    fn of(subject: Subject) -> Result<Self, String> {
        let kind = |name: &str| EntityTypeName::from_str(name).map_err(|error| error.to_string());
        let (principal, resource) = subject.types();
        Ok(Self {
            principal: kind(principal)?,
            resource: kind(resource)?,
            action: EntityUid::from_type_name_and_id(kind("Action")?, EntityId::new(subject.word())),
        })
    }
}

/// Who is judged by which rules.
struct Question<'q> {
    bench: &'q Bench,
    principal: &'q str,
    resource: &'q str,
}

/// The parameters by the names that policies use.
pub(super) fn values(parameters: &Parameters) -> Vec<(&'static str, Value<'static>)> {
    let seconds = |duration: SignedDuration| Value::Seconds(duration.as_secs());
    let owned = |text: &str| Value::Text(text.to_owned().into());
    let texts = |texts: &[String]| Value::Texts(texts.iter().map(|text| text.clone().into()).collect());
    let or_empty = |text: &Option<String>| owned(text.as_deref().unwrap_or_default());
    let networks = parameters.allowed_networks.iter().map(|network| network.to_string().into()).collect();
    let pairs = parameters.tag_pairs.iter().map(|(principal, node)| format!("{principal}={node}").into()).collect();
    let hours = parameters.allowed_hours.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![
        ("allowed_documents", texts(&parameters.allowed_documents)),
        ("allowed_hours", owned(&hours)),
        ("allowed_networks", Value::Texts(networks)),
        ("allowed_principals", texts(&parameters.allowed_principals)),
        ("allowed_users", texts(&parameters.allowed_users)),
        ("approval_required", Value::Flag(parameters.approval_required)),
        ("approval_tag", owned(&parameters.approval_tag)),
        ("approval_validity_seconds", seconds(parameters.approval_validity)),
        ("archive_encryption", or_empty(&parameters.archive_encryption)),
        ("archive_grace_seconds", seconds(parameters.archive_grace)),
        ("clock_gap_seconds", seconds(parameters.clock_gap)),
        ("denied_hosts", texts(&parameters.denied_hosts)),
        ("denied_ports", Value::Numbers(parameters.denied_ports.iter().map(|port| i64::from(*port)).collect())),
        ("duration_slack_seconds", seconds(parameters.duration_slack)),
        ("forbidden_users", texts(&parameters.forbidden_users)),
        ("jit_configured", Value::Flag(parameters.jit_policies.is_some())),
        ("jit_window_seconds", seconds(parameters.jit_window)),
        ("log_stream_grace_seconds", seconds(parameters.log_stream_grace)),
        ("max_age_seconds", seconds(parameters.max_age)),
        ("max_duration_seconds", seconds(parameters.max_duration)),
        ("max_idle_seconds", seconds(parameters.max_idle)),
        ("max_nodes", Value::Number(i64::from(parameters.max_nodes))),
        ("max_sessions", Value::Number(i64::from(parameters.max_sessions))),
        ("new_principal_after_seconds", seconds(parameters.new_principal_after)),
        ("roles_required", Value::Flag(parameters.roles_required)),
        ("run_as_required", Value::Flag(parameters.run_as_required)),
        ("shell_profile_linux", or_empty(&parameters.shell_profile_linux)),
        ("shell_profile_linux_pinned", Value::Flag(parameters.shell_profile_linux.is_some())),
        ("shell_profile_windows", or_empty(&parameters.shell_profile_windows)),
        ("shell_profile_windows_pinned", Value::Flag(parameters.shell_profile_windows.is_some())),
        ("silent_grace_seconds", seconds(parameters.silent_grace)),
        ("stall_after_seconds", seconds(parameters.stall_after)),
        ("stuck_after_seconds", seconds(parameters.stuck_after)),
        ("tag_pairs", Value::Texts(pairs)),
        ("threshold", Value::Number(i64::from(parameters.threshold))),
        ("ticket_pattern", owned(parameters.ticket_pattern.as_ref().map_or("", |pattern| pattern.as_str()))),
    ]
}

/// The numbers of those parameters that are numbers, beside the names of all.
pub(super) fn parameter_numbers(parameters: &Parameters) -> ParameterNumbers {
    let number = |value: &Value<'_>| match value {
        Value::Seconds(number) | Value::Number(number) => Some(*number),
        _ => None,
    };
    values(parameters).iter().map(|(name, value)| ((*name).to_owned(), number(value))).collect()
}

/// The parameters as policies and people read them.
struct NamedParameters {
    expression: RestrictedExpression,
    numbers: ParameterNumbers,
    shown: BTreeMap<&'static str, String>,
}

impl NamedParameters {
    fn of(parameters: &Parameters) -> Self {
        let values = values(parameters);
        let fields: BTreeMap<String, RestrictedExpression> =
            values.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.expression()?))).collect();
        Self {
            // The keys are of a map: the only error there is, a repeated key, cannot be.
            expression: RestrictedExpression::new_record(fields).unwrap_or_else(|_| RestrictedExpression::new_set([])),
            numbers: parameter_numbers(parameters),
            shown: values.iter().map(|(name, value)| (*name, value.to_string())).collect(),
        }
    }
}
