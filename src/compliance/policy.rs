//! Policy files: the rules, and what says when they speak.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use cedar_policy::{Effect, ParseErrors, Policy, PolicySet};
use miette::Diagnostic;

use super::{
    FactName, Parameters, PolicyError, Subject, analysis::Reading, engine::parameter_numbers, error::nearest, schema,
};
use crate::domain::{RuleId, Severity};

/// The built-in rules.
pub(super) const BUILT_IN: [(&str, &str); 10] = [
    ("documents.cedar", include_str!("policies/documents.cedar")),
    ("roles.cedar", include_str!("policies/roles.cedar")),
    ("logs.cedar", include_str!("policies/logs.cedar")),
    ("streams.cedar", include_str!("policies/streams.cedar")),
    ("principals.cedar", include_str!("policies/principals.cedar")),
    ("approval.cedar", include_str!("policies/approval.cedar")),
    ("conduct.cedar", include_str!("policies/conduct.cedar")),
    ("nodes.cedar", include_str!("policies/nodes.cedar")),
    ("preferences.cedar", include_str!("policies/preferences.cedar")),
    ("accounts.cedar", include_str!("policies/accounts.cedar")),
];

/// Where a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built into the program.
    BuiltIn,
    /// The user's own file.
    File(Arc<str>),
}

/// A rule in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its stable id.
    pub id: RuleId,
    /// Its severity; the config's, where the config has one.
    pub severity: Severity,
    /// What it finds.
    pub title: Arc<str>,
    /// What to do about a finding.
    pub remediation: Arc<str>,
    /// Its Cedar text: the `forbid`, and the policies that say when it speaks.
    pub text: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
    /// What it judges.
    pub subject: Subject,
    /// The facts that it reads.
    pub reads: Vec<FactName>,
    /// The parameters that it reads.
    pub parameters: Vec<String>,
    /// The config gave it the severity, for all its conditions.
    pub(super) overridden: bool,
}

/// What a policy is for.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// The rule itself.
    Rule { severity: Severity, title: Arc<str>, remediation: Arc<str> },
    /// Another condition of the rule of that id, with a severity of its own.
    Also { severity: Severity },
    /// Says whether the rule of that id applies.
    Applies,
    /// Says whether the rule of that id still waits for a fact.
    Pending { fact: FactName, awaits: Arc<str> },
}

/// A policy of a file.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    /// The rule that it is or speaks for.
    pub(super) rule: String,
    pub(super) role: Role,
    pub(super) subject: Subject,
    pub(super) policy: Policy,
    pub(super) reading: Reading,
    pub(super) text: String,
    pub(super) place: Place,
}

/// Where a policy stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) origin: Origin,
}

impl Place {
    pub(super) fn error(&self, what: impl Into<String>) -> PolicyError {
        PolicyError::Policy { file: self.file.to_string(), line: self.line, column: self.column, what: what.into() }
    }
}

/// Reads a file's policies.
pub(super) fn clauses(
    origin: &Origin,
    file: &str,
    text: &str,
    parameters: &BTreeMap<String, Option<i64>>,
) -> Result<Vec<Clause>, PolicyError> {
    let file: Arc<str> = file.into();
    let at = |offset: usize| {
        let (line, column) = line_and_column(text, offset);
        Place { file: Arc::clone(&file), line, column, origin: origin.clone() }
    };
    let set = PolicySet::from_str(text).map_err(|errors| {
        let (offset, what) = first_error(&errors);
        at(offset).error(what)
    })?;
    if let Some(template) = set.templates().next() {
        let offset = text.find(&template.to_string()).unwrap_or_default();
        return Err(at(offset).error("a template is no rule: write principal and resource without slots"));
    }
    // Cedar calls the policies of a file policy0, policy1, … in the file's order.
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|policy| {
        let id: &str = policy.id().as_ref();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    let mut from = 0;
    let mut clauses = Vec::with_capacity(policies.len());
    for policy in policies {
        let policy_text = policy.to_string();
        let offset = text.get(from..).and_then(|rest| rest.find(&policy_text)).map_or(from, |found| from + found);
        from = offset + 1;
        let place = at(offset);
        let json = policy.to_json().map_err(|error| place.error(error.to_string()))?;
        let subject = subject(&json).map_err(|what| place.error(what))?;
        let reading = Reading::of(&json, subject, parameters).map_err(|what| place.error(what))?;
        let (rule, role) = role(policy).map_err(|what| place.error(what))?;
        clauses.push(Clause { rule, role, subject, policy: policy.clone(), reading, text: policy_text, place });
    }
    Ok(clauses)
}

/// Checks a file of people's own policies against the schema: everything that is wrong with it, in the file's order.
pub fn check_file(file: &str, text: &str) -> Vec<PolicyError> {
    let origin = Origin::File(file.into());
    let clauses = match clauses(&origin, file, text, &parameter_numbers(&Parameters::default())) {
        Ok(clauses) => clauses,
        Err(error) => return vec![error],
    };
    let subjects: Vec<Subject> = clauses.iter().map(|clause| clause.subject).collect();
    schema::mistakes(text, &subjects)
        .into_iter()
        .map(|mistake| {
            let (line, column) = line_and_column(text, mistake.offset.unwrap_or_default());
            PolicyError::Policy { file: file.to_owned(), line, column, what: mistake.what }
        })
        .collect()
}

/// What the policy judges: its action says it; without one it judges sessions.
fn subject(policy: &serde_json::Value) -> Result<Subject, String> {
    let action = policy.get("action").unwrap_or(&serde_json::Value::Null);
    fn text(value: Option<&serde_json::Value>) -> &str {
        value.and_then(serde_json::Value::as_str).unwrap_or_default()
    }
    let words = Subject::ALL.map(|subject| format!("Action::\"{}\"", subject.word())).join(", ");
    match (text(action.get("op")), action.get("entity")) {
        ("All", _) => Ok(Subject::Session),
        ("==", Some(entity)) if text(entity.get("type")) == "Action" => {
            let word = text(entity.get("id"));
            Subject::ALL
                .into_iter()
                .find(|subject| subject.word() == word)
                .ok_or_else(|| format!("there is no Action::\"{word}\"; a rule judges one of {words}"))
        }
        _ => Err(format!("a rule judges one thing: write `action ==` with one of {words}, or `action` for sessions")),
    }
}

/// What the annotations make of the policy.
fn role(policy: &Policy) -> Result<(String, Role), String> {
    let annotation = |key: &str| -> Result<&str, String> {
        match policy.annotation(key).map(str::trim) {
            Some("") => Err(format!("the annotation @{key} is empty")),
            Some(value) => Ok(value),
            None => Err(format!("the annotation @{key} is missing")),
        }
    };
    if policy.effect() == Effect::Forbid {
        let also = policy.annotation("also").is_some();
        let id = annotation(if also { "also" } else { "id" })?;
        let word = annotation("severity")?;
        let severity = Severity::ALL.into_iter().find(|severity| severity.word() == word).ok_or_else(|| {
            let words = Severity::ALL.map(Severity::word);
            let nearest = nearest(word, words).map(|nearest| format!("; the nearest is \"{nearest}\""));
            format!("\"{word}\" is no severity{} ({})", nearest.unwrap_or_default(), words.join(", "))
        })?;
        if also {
            return Ok((id.to_owned(), Role::Also { severity }));
        }
        let (title, remediation) = (annotation("title")?.into(), annotation("remediation")?.into());
        return Ok((id.to_owned(), Role::Rule { severity, title, remediation }));
    }
    match (policy.annotation("applies"), policy.annotation("pending")) {
        (Some(_), None) => Ok((annotation("applies")?.to_owned(), Role::Applies)),
        (None, Some(_)) => {
            let word = annotation("fact")?;
            let fact = FactName::parse(word).ok_or_else(|| {
                let nearest = nearest(word, FactName::ALL.iter().map(|name| name.as_str()));
                let nearest = nearest.map(|nearest| format!("; the nearest is \"{nearest}\""));
                format!("@fact names \"{word}\", which is none{}", nearest.unwrap_or_default())
            })?;
            Ok((annotation("pending")?.to_owned(), Role::Pending { fact, awaits: annotation("awaits")?.into() }))
        }
        (None, None) => Err("a rule is a forbid; a permit needs @applies(\"ID\") or @pending(\"ID\")".to_owned()),
        (Some(_), Some(_)) => Err("a permit has @applies or @pending, not both".to_owned()),
    }
}

/// Offset and words of the first parse error.
pub(super) fn first_error(errors: &ParseErrors) -> (usize, String) {
    let offset = errors.labels().into_iter().flatten().map(|label| label.offset()).next();
    let mut what = errors.to_string();
    if let Some(label) = errors.labels().into_iter().flatten().find_map(|label| label.label().map(str::to_owned)) {
        what = format!("{what}: {label}");
    } else if let Some(help) = errors.help() {
        what = format!("{what}: {help}");
    }
    (offset.unwrap_or_default(), what.replace('\n', " "))
}

/// Line and column, both from 1, of a byte offset.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
