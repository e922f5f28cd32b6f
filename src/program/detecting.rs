//! From the config to the detections in force: the built-in Sigma rules and people's own.

use std::{collections::BTreeMap, sync::Arc};

use super::{Refusal, judging};
use crate::{
    compliance::Engine,
    config::Settings,
    detection::{Confidence, DetectionRule, Detections, Detector, Origin, Tuning},
};

/// The detections in force.
pub(super) fn detector(settings: &Settings) -> Result<Detections, Refusal> {
    let files = judging::files(settings, "detections", "sigma/**/*.yml", &settings.config.compliance.detections)?;
    let refused = |error: crate::detection::DetectionError| Refusal::config(error.to_string(), error.to_do());
    let all = Detections::load(&files, &Tuning::default()).map_err(refused)?;
    let tuning = tuning(settings, &all);
    all.tuned(&tuning).map_err(refused)
}

/// The rules and the detections in force. They share `disabled` and `severity`: an id that neither has is refused.
pub(super) fn both(settings: &Settings) -> Result<(Engine, Arc<dyn Detector>), Refusal> {
    let detector = detector(settings)?;
    let engine = judging::engine(settings)?;
    Ok((engine, Arc::new(detector)))
}

/// No rules: until they are compiled.
pub(super) fn none() -> Result<Arc<dyn Detector>, Refusal> {
    let refused = |error: crate::detection::DetectionError| Refusal::config(error.to_string(), error.to_do());
    Ok(Arc::new(Detections::only(&[], &Tuning::default()).map_err(refused)?))
}

/// What the config says of those detections.
fn tuning(settings: &Settings, all: &Detections) -> Tuning {
    let compliance = &settings.config.compliance;
    let is_one = |id: &str| all.rules().iter().any(|rule| *rule.id == *id);
    Tuning {
        disabled: compliance.disabled.iter().filter(|id| is_one(id)).cloned().collect(),
        severity: compliance
            .severity
            .iter()
            .filter(|(id, _)| is_one(id))
            .map(|(id, severity)| (id.clone(), *severity))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Ids of all detections, those that the config switches off included: they are none of the compliance rules.
pub(super) fn ids(settings: &Settings) -> Vec<Arc<str>> {
    let files = judging::files(settings, "detections", "sigma/**/*.yml", &settings.config.compliance.detections);
    files.ok().and_then(|files| Detections::ids(&files).ok()).unwrap_or_default()
}

/// Ids of the built-in detections.
pub(super) fn built_in() -> Vec<String> {
    Detections::ids(&[]).unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// One line a rule, then the rules that are not loaded, each with its reason.
pub(super) fn list(detections: &dyn Detector, width: usize) -> String {
    let rule_line = |rule: &Arc<DetectionRule>| {
        let own = match &rule.origin {
            Origin::BuiltIn => String::new(),
            Origin::File(file) => format!("  ({file})"),
        };
        format!("{:<width$}  {:<13} {:<11} {}{own}\n", rule.id, rule.severity.word(), kind(rule), rule.title)
    };
    let mut text: String = detections.rules().iter().map(rule_line).collect();
    let not_loaded = detections.not_loaded();
    if !not_loaded.is_empty() {
        text.push_str(&format!("\nnot loaded: {}\n", not_loaded.len()));
        for rule in not_loaded {
            text.push_str(&format!("  {}: {}: {}\n", rule.file, rule.title, rule.reason));
        }
    }
    text
}

fn kind(rule: &DetectionRule) -> &'static str {
    match (rule.correlation, rule.counted_only, rule.reads_output) {
        (true, ..) => "burst",
        (_, true, _) => "counted",
        (_, _, true) => "output",
        _ => Confidence::Command.word(),
    }
}

/// Everything about one rule.
pub(super) fn sheet(rule: &DetectionRule) -> String {
    let from = match &rule.origin {
        Origin::BuiltIn => "built in",
        Origin::File(file) => file,
    };
    let mut text =
        format!("{} {} {}\nfinds: {}\nfrom: {from}\n", rule.id, rule.severity.word(), rule.title, kind(rule));
    if !rule.attack.is_empty() {
        let techniques: Vec<String> = rule.attack.iter().map(ToString::to_string).collect();
        text.push_str(&format!("ATT&CK: {}\n", techniques.join(", ")));
    }
    if !rule.description.is_empty() {
        text.push_str(&format!("\n{}\n", rule.description));
    }
    if !rule.advice.is_empty() {
        text.push_str(&format!("\nwhat to do: {}\n", rule.advice));
    }
    for (title, lines) in
        [("false positives", &rule.false_positives), ("fires on", &rule.fires), ("does not fire on", &rule.silent)]
    {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}:\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    }
    text
}
