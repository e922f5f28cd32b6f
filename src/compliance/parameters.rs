//! What the people in charge decide: allow lists, patterns, bounds.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use regex::Regex;

use crate::domain::{ScopeId, Session, Severity};

/// The bounds and lists that the rules compare with; policies read them as `context.parameters.…`.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// Documents that sessions may use: names, or full ARNs (of other accounts' documents only the ARN counts).
    /// Default: only `SSM-SessionManagerRunShell`.
    pub allowed_documents: Vec<String>,
    /// The managed policy that a node's role must have: name or ARN; `{region}` and `{account}` are filled in.
    /// Default: `aws-ssm-guardrails-mandatory-policy-{region}`.
    pub mandatory_policy: String,
    /// The log archive bucket, `{region}` and `{account}` are filled in. Default: what the session's document says.
    pub log_bucket: Option<String>,
    /// The node tag that marks production. Default: `Environment=Prod*`.
    pub production_tag: TagPattern,
    /// What a reason must match (anywhere in it). Default: a reason must only not be empty.
    pub ticket_pattern: Option<Regex>,
    /// How old an active session may get. Default: 12 h.
    pub max_age: SignedDuration,
    /// How much later than its own maximum a session may end. Default: 2 min.
    pub duration_slack: SignedDuration,
    /// Before this age no log stream can be expected. Default: 15 s.
    pub log_stream_grace: SignedDuration,
    /// After this age a missing log stream is no longer taken for an untouched prompt. Default: 120 s.
    pub silent_grace: SignedDuration,
    /// How long after the end the archive object may take; sessions longer than ten times this get a tenth of their
    /// length. Default: 15 min.
    pub archive_grace: SignedDuration,
    /// How long a session may be Terminating or Disconnected. Default: 5 min.
    pub stuck_after: SignedDuration,
    /// Evidence that is this old counts as missing. Default: 3 min, three evidence intervals.
    pub stale_after: SignedDuration,
    /// Rules that are off. Default: none.
    pub disabled: Vec<String>,
    /// Severities other than the policies' own, by rule id. Default: none.
    pub severity: BTreeMap<String, Severity>,
}

impl Parameters {
    /// The rule of thumb for [`Parameters::stale_after`]: three evidence intervals.
    pub fn stale_after_for(evidence_interval: SignedDuration) -> SignedDuration {
        evidence_interval.saturating_mul(3)
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            allowed_documents: vec![Session::DEFAULT_DOCUMENT.to_owned()],
            mandatory_policy: "aws-ssm-guardrails-mandatory-policy-{region}".to_owned(),
            log_bucket: None,
            production_tag: TagPattern { key: "Environment".to_owned(), value: "Prod*".to_owned() },
            ticket_pattern: None,
            max_age: SignedDuration::from_hours(12),
            duration_slack: SignedDuration::from_mins(2),
            log_stream_grace: SignedDuration::from_secs(15),
            silent_grace: SignedDuration::from_secs(120),
            archive_grace: SignedDuration::from_mins(15),
            stuck_after: SignedDuration::from_mins(5),
            stale_after: Self::stale_after_for(SignedDuration::from_secs(60)),
            disabled: Vec::new(),
            severity: BTreeMap::new(),
        }
    }
}

/// A tag key and a pattern for its value (`*`: anything), both in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPattern {
    key: String,
    value: String,
}

impl TagPattern {
    /// Reads `Key=Value*`. `None` without a key or without a `=`.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, value) = text.split_once('=')?;
        let key = key.trim();
        (!key.is_empty()).then(|| Self { key: key.to_owned(), value: value.trim().to_owned() })
    }

    /// Whether that tag matches.
    pub fn matches(&self, key: &str, value: &str) -> bool {
        key.to_lowercase() == self.key.to_lowercase()
            && matches_pattern(&self.value.to_lowercase(), &value.to_lowercase())
    }
}

impl std::fmt::Display for TagPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// Whether the whole text has the pattern's form; `*` stands for any text.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// Fills `{region}` and `{account}` in.
pub(super) fn in_scope(template: &str, scope: &ScopeId) -> String {
    template.replace("{region}", scope.region.as_str()).replace("{account}", scope.account.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tag_patterns_match_in_any_case() {
        let cases = [
            ("Environment=Prod*", "Environment", "Prod", true),
            ("Environment=Prod*", "environment", "PRODUCTION", true),
            ("Environment=Prod*", "Environment", "preprod", false),
            ("Environment=Prod*", "Environment", "", false),
            ("Environment=Prod*", "Env", "Prod", false),
            ("Environment=Prod", "Environment", "prod", true),
            ("Environment=Prod", "Environment", "prod2", false),
            ("stage=*live*eu", "Stage", "very-LIVE-eu", true),
            ("stage=*live*eu", "Stage", "live", false),
            ("stage=a*a", "stage", "a", false),
            ("stage=*", "stage", "", true),
        ];
        for (pattern, key, value, matches) in cases {
            assert_eq!(TagPattern::parse(pattern).unwrap().matches(key, value), matches, "{pattern} {key}={value}");
        }
        assert_eq!(TagPattern::parse("Environment"), None);
        assert_eq!(TagPattern::parse("=Prod"), None);
    }
}
