//! From the config to the rules in force: parameters, people's own policies, the golden document.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use jiff::{SignedDuration, tz::TimeZone};

use super::{Refusal, detecting};
use crate::{
    compliance::{AllowedHours, Engine, Network, Parameters, TagPattern, check_file, just_in_time::JitPolicies},
    config::{self, Settings},
};

/// The rules in force.
pub(super) fn engine(settings: &Settings) -> Result<Engine, Refusal> {
    let parameters = parameters(settings)?;
    let own = policies(settings, "policies", &settings.config.compliance.policies)?;
    for (file, text) in &own {
        if let Some(mistake) = check_file(file, text).first() {
            return Err(Refusal::config(mistake.to_string(), mistake.to_do()));
        }
    }
    Engine::new(parameters, own).map_err(|error| Refusal::config(error.to_string(), error.to_do()))
}

/// What the config says of the rules, over the defaults.
fn parameters(settings: &Settings) -> Result<Parameters, Refusal> {
    let compliance = &settings.config.compliance;
    let alerts = &settings.config.alerts;
    let signed = |period: config::Period| SignedDuration::try_from(period.duration()).unwrap_or(SignedDuration::MAX);
    let production_tag = &compliance.production_tag;
    let production_tag = TagPattern::parse(&format!("{}={}", production_tag.key, production_tag.value))
        .unwrap_or_else(|| Parameters::default().production_tag);
    let jit = policies(settings, "jit_policies", &compliance.jit_policies)?;
    let jit_policies = match jit.is_empty() {
        true => None,
        false => Some(Arc::new(JitPolicies::parse(&jit).map_err(|error| {
            Refusal::config(error.to_string(), "correct the policy, or take the file out of compliance.jit_policies")
        })?)),
    };
    // Detections have the same keys.
    let named = !compliance.disabled.is_empty() || !compliance.severity.is_empty();
    let detections = if named { detecting::ids(settings) } else { Vec::new() };
    let is_detection = |id: &str| detections.iter().any(|detection| **detection == *id);
    Ok(Parameters {
        allowed_documents: compliance.allowed_documents.clone(),
        mandatory_policy: compliance.mandatory_policy.as_str().to_owned(),
        log_bucket: compliance.log_bucket.as_ref().map(|bucket| bucket.as_str().to_owned()),
        production_tag,
        ticket_pattern: compliance.ticket_pattern.as_ref().map(|pattern| pattern.regex().clone()),
        max_age: signed(compliance.max_age),
        duration_slack: signed(compliance.max_duration_grace),
        log_stream_grace: signed(compliance.start_grace),
        silent_grace: signed(compliance.silent_grace),
        archive_grace: signed(compliance.archive_grace),
        stuck_after: signed(compliance.state_grace),
        denied_hosts: compliance.denied_hosts.clone(),
        denied_ports: compliance.denied_ports.clone(),
        stall_after: signed(compliance.stall_after),
        clock_gap: signed(compliance.clock_gap),
        archive_encryption: compliance.archive_encryption.clone(),
        log_resources: compliance.log_resources.clone(),
        allowed_principals: compliance.allowed_principals.clone(),
        allowed_networks: compliance.allowed_networks.iter().filter_map(|network| Network::parse(network)).collect(),
        tag_pairs: compliance.tag_pairs.clone(),
        roles_required: compliance.roles_required,
        new_principal_after: signed(compliance.new_principal_after),
        approval_required: compliance.approval_required,
        approval_tag: compliance.approval_tag.clone(),
        approval_validity: signed(compliance.approval_validity),
        jit_policies,
        jit_window: signed(compliance.jit_window),
        groups: compliance.groups.clone(),
        allowed_hours: allowed_hours(settings),
        run_as_required: compliance.run_as_required,
        forbidden_users: compliance.forbidden_users.clone(),
        allowed_users: compliance.allowed_users.clone(),
        max_sessions: compliance.max_sessions,
        max_nodes: compliance.max_nodes,
        max_idle: signed(compliance.max_idle),
        max_duration: signed(compliance.max_duration),
        shell_profile_linux: compliance.shell_profile_linux.clone(),
        shell_profile_windows: compliance.shell_profile_windows.clone(),
        golden: golden(settings)?,
        log_group: compliance.log_group.as_ref().map(|group| group.as_str().to_owned()),
        threshold: alerts.threshold,
        threshold_window: signed(alerts.window),
        stale_after: Parameters::stale_after_for(signed(settings.config.poll.evidence)),
        disabled: compliance.disabled.iter().filter(|id| !is_detection(id)).cloned().collect(),
        severity: compliance
            .severity
            .iter()
            .filter(|(id, _)| !is_detection(id))
            .map(|(id, severity)| (id.clone(), *severity))
            .collect(),
    })
}

fn allowed_hours(settings: &Settings) -> Option<AllowedHours> {
    let compliance = &settings.config.compliance;
    // The config has checked the form of all of them.
    let (from, to) = config::parse_hours(compliance.allowed_hours.as_deref()?).ok()?;
    let days = config::DAYS.iter().filter(|(word, _)| compliance.allowed_days.iter().any(|day| day == word));
    let zone = match &compliance.time_zone {
        Some(name) => TimeZone::get(name).ok()?,
        None => TimeZone::system(),
    };
    Some(AllowedHours { from, to, days: days.map(|(_, day)| *day).collect(), zone })
}

/// The golden preferences document.
fn golden(settings: &Settings) -> Result<Option<serde_json::Value>, Refusal> {
    let Some(file) = &settings.config.compliance.golden else { return Ok(None) };
    let path = beside(settings).join(file);
    let refused = |what: String| {
        Refusal::config(
            format!("compliance.golden: {}{what}", path.display()),
            "name a file with the content of the document, as `aws ssm get-document` answers it",
        )
    };
    let text = fs::read_to_string(&path).map_err(|error| refused(format!(": cannot be read: {error}")))?;
    let content: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| refused(format!(":{}:{}: {error}", error.line(), error.column())))?;
    if content.is_object() { Ok(Some(content)) } else { Err(refused(":1:1: not a JSON object".to_owned())) }
}

/// The folder that the config's file names are relative to.
fn beside(settings: &Settings) -> PathBuf {
    settings.origin.file.as_deref().and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default()
}

/// Policy files that the patterns of that key match.
fn policies(settings: &Settings, key: &str, patterns: &[String]) -> Result<Vec<(String, String)>, Refusal> {
    files(settings, key, "policies/*.cedar", patterns)
}

/// Files that the patterns of a key of `[compliance]` match: name and text, in the order of their names.
pub(super) fn files(
    settings: &Settings,
    key: &str,
    example: &str,
    patterns: &[String],
) -> Result<Vec<(String, String)>, Refusal> {
    let beside = beside(settings);
    let mut files = Vec::new();
    for pattern in patterns {
        let full = beside.join(pattern);
        let paths = glob::glob(&full.to_string_lossy()).map_err(|error| {
            Refusal::config(
                format!("compliance.{key}: `{pattern}` is not a pattern: {error}"),
                format!("write for instance \"{example}\", relative to the config file"),
            )
        })?;
        let before = files.len();
        files.extend(paths.filter_map(Result::ok).filter(|path| path.is_file()));
        if files.len() == before {
            return Err(Refusal::config(
                format!("compliance.{key}: no file matches {}", full.display()),
                "correct the pattern (it is relative to the config file), or take it out",
            ));
        }
    }
    files.sort();
    files.dedup();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).map_err(|error| {
                Refusal::config(
                    format!("{}: cannot be read: {error}", path.display()),
                    "make it readable, as UTF-8 text",
                )
            })?;
            Ok((path.display().to_string(), text))
        })
        .collect()
}

/// Patterns of the files that the rules hang on, relative to the config file.
pub(super) fn own_policies(settings: &Settings) -> Vec<String> {
    let compliance = &settings.config.compliance;
    compliance.policies.iter().chain(&compliance.jit_policies).chain(&compliance.golden).cloned().collect()
}

/// What the files of those patterns are now: each, when it was written, its length.
pub(super) fn stamps(settings: &Settings, patterns: &[String]) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let beside = beside(settings);
    let patterns = patterns.iter();
    let matches = patterns.filter_map(|pattern| glob::glob(&beside.join(pattern).to_string_lossy()).ok());
    let mut stamps: Vec<_> = matches
        .flatten()
        .filter_map(Result::ok)
        .map(|path| {
            let about = fs::metadata(&path).ok();
            let written = about.as_ref().and_then(|about| about.modified().ok());
            (path, written, about.map_or(0, |about| about.len()))
        })
        .collect();
    stamps.sort();
    stamps.dedup();
    stamps
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_config_that_says_nothing_is_the_defaults() {
        let from_config = format!("{:#?}", parameters(&Settings::default()).ok().unwrap());
        assert_eq!(from_config, format!("{:#?}", Parameters::default()));
    }
}
