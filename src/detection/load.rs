//! From Sigma's documents to rules in force.

use std::{collections::BTreeSet, sync::Arc};

use rsigma_parser::{Detection, DetectionItem, Detections as Sections, Level, LogSource, Modifier, SigmaRule};
use serde::Deserialize;

use super::{
    attack::Technique,
    event::{SESSION_FIELDS, TEXT_FIELDS, WINDOWS_IMAGE, WINDOWS_NAME},
    rule::{DetectionRule, Origin},
};
use crate::domain::Severity;

/// What our own rules say beyond Sigma, under the key `ssmwatch`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Extras {
    /// The ids that techniques had before ATT&CK 19.
    formerly: std::collections::BTreeMap<String, String>,
    /// What to look at when it fires.
    advice: String,
    fires: Vec<String>,
    silent: Vec<String>,
}

/// The parts that rules and correlations have in common.
pub(super) struct Head<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) title: &'a str,
    pub(super) description: Option<&'a str>,
    pub(super) level: Option<Level>,
    pub(super) tags: &'a [String],
    pub(super) false_positives: &'a [String],
    pub(super) extras: Option<serde_json::Value>,
}

/// The extras of a document, as JSON.
pub(super) fn extras<V: serde::Serialize>(value: Option<&V>) -> Option<serde_json::Value> {
    value.and_then(|value| serde_json::to_value(value).ok())
}

impl Head<'_> {
    /// The rule; or what is wrong with it.
    pub(super) fn rule(self, origin: &Origin) -> Result<DetectionRule, String> {
        let extras = match self.extras {
            Some(value) => Extras::deserialize(value).map_err(|error| format!("ssmwatch: {error}"))?,
            None => Extras::default(),
        };
        let id = match origin {
            Origin::BuiltIn => self.name.ok_or("a built-in rule needs a name")?,
            Origin::File(_) => self.name.or(self.id).unwrap_or(self.title),
        };
        let mut attack: Vec<Technique> = Vec::new();
        for mut technique in self.tags.iter().filter_map(|tag| Technique::of_tag(tag)) {
            technique.formerly = technique.formerly.or_else(|| extras.formerly.get(&technique.id).cloned());
            if !attack.iter().any(|known| known.id == technique.id) {
                attack.push(technique);
            }
        }
        Ok(DetectionRule {
            id: id.into(),
            title: self.title.into(),
            description: self.description.unwrap_or_default().trim().into(),
            severity: self.level.map_or(Severity::Medium, severity),
            attack,
            false_positives: self.false_positives.to_vec(),
            advice: extras.advice.into(),
            origin: origin.clone(),
            correlation: false,
            counted_only: false,
            reads_output: false,
            fires: extras.fires,
            silent: extras.silent,
        })
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    }
}

/// What kind of log a rule is written for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Our own log source.
    Session,
    /// Processes of Linux and macOS, and Linux logs searched for keywords.
    Unix,
    /// Processes of Windows.
    Windows,
    /// PowerShell's script blocks.
    Script,
}

/// Makes a rule ready for the stream's events, or says why it cannot be: its log source, or the fields that it needs.
pub(super) fn adapt(rule: &mut SigmaRule) -> Result<(), String> {
    let kind = kind(&rule.logsource)?;
    let mut fields = BTreeSet::new();
    let mut placeholders = false;
    items(&mut rule.detection, &mut |item| {
        placeholders |= item.field.has_modifier(Modifier::Expand);
        if let Some(name) = &mut item.field.name {
            match (kind, name.as_str()) {
                (Kind::Windows, "Image") => *name = WINDOWS_IMAGE.to_owned(),
                (Kind::Windows, "OriginalFileName") => *name = WINDOWS_NAME.to_owned(),
                (Kind::Script, "ScriptBlockText") => *name = "CommandLine".to_owned(),
                (_, known) if SESSION_FIELDS.contains(&known) || TEXT_FIELDS.contains(&known) => {}
                (_, other) => drop(fields.insert(other.to_owned())),
            }
        }
    })?;
    if placeholders {
        return Err("uses the modifier expand, whose values a pipeline would give".to_owned());
    }
    if fields.is_empty() {
        return Ok(());
    }
    let fields: Vec<String> = fields.into_iter().collect();
    Err(format!("needs {}, which a shell's stream does not have", fields.join(", ")))
}

fn kind(source: &LogSource) -> Result<Kind, String> {
    let (product, category, service) =
        (source.product.as_deref(), source.category.as_deref(), source.service.as_deref());
    match (product, category, service) {
        (Some("aws"), None, Some("ssm_session")) => Ok(Kind::Session),
        (None | Some("linux" | "macos"), Some("process_creation"), None) => Ok(Kind::Unix),
        (Some("linux"), None, _) => Ok(Kind::Unix),
        (Some("windows"), Some("process_creation"), None) => Ok(Kind::Windows),
        (Some("windows"), Some("ps_script"), None) => Ok(Kind::Script),
        _ => {
            let names: Vec<&str> = [product, category, service].into_iter().flatten().collect();
            Err(format!("is written for the log source {}, which a shell's stream is not", names.join("/")))
        }
    }
}

/// Whether the rule asks for that field.
pub(super) fn reads(rule: &mut SigmaRule, field: &str) -> bool {
    let mut found = false;
    let walked = items(&mut rule.detection, &mut |item| found |= item.field.name.as_deref() == Some(field));
    walked.is_ok() && found
}

fn items(sections: &mut Sections, visit: &mut dyn FnMut(&mut DetectionItem)) -> Result<(), String> {
    sections.named.values_mut().try_for_each(|detection| items_of(detection, visit))
}

fn items_of(detection: &mut Detection, visit: &mut dyn FnMut(&mut DetectionItem)) -> Result<(), String> {
    match detection {
        Detection::AllOf(items) => items.iter_mut().for_each(visit),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            return parts.iter_mut().try_for_each(|part| items_of(part, visit));
        }
        Detection::Keywords(_) => {}
        Detection::ArrayMatch { field, .. } => return Err(format!("matches the members of the list {field}")),
        Detection::Conditional { .. } => return Err("matches the members of a list".to_owned()),
    }
    Ok(())
}

/// The origin of a file of the user's own.
pub(super) fn own(file: &str) -> Origin {
    Origin::File(Arc::from(file))
}
