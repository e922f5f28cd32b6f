//! The preferences of a scope value by value: what is wanted, what was found. No rule is decided here a second time: the
//! mark of a value is its rule's finding, and what only a rule can find out is quoted from that finding.

use super::{FactName, Parameters, parameters::in_scope};
use crate::domain::{Finding, RuleId, ScopeId, SessionDocument, Severity, Verdict};

/// What one rule wants of the preferences, and what there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The rule.
    pub rule: RuleId,
    /// Its verdict; `None`: the rule is off.
    pub status: Option<Verdict>,
    /// Its severity.
    pub severity: Option<Severity>,
    /// The values that it judges together.
    pub values: Vec<WantedValue>,
}

/// One value of the preferences.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedValue {
    /// As the document names it, or in plain words where it is about the document.
    pub name: &'static str,
    /// What the rules in force want.
    pub wanted: String,
    /// What was found, or why it is not known. Hostile input.
    pub found: String,
}

/// All values, in the order of the document; `findings` are all findings on that document, the compliant ones too.
pub fn wanted(
    parameters: &Parameters,
    scope: &ScopeId,
    document: Option<&SessionDocument>,
    findings: &[Finding],
) -> Vec<Wanted> {
    let inputs = document.map(|document| &document.inputs);
    let found = |rule: &str, fact: FactName, value: Option<String>| found(findings, rule, fact, value);
    let text = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    let flag = |value: bool| value.to_string();
    let minutes = |value: Option<u32>| value.map_or("not set".to_owned(), |minutes| format!("{minutes} min"));
    let value = |name, wanted: String, found| WantedValue { name, wanted, found };
    let of = |rule: &'static str, values: Vec<WantedValue>| {
        let finding = findings.iter().find(|finding| finding.rule.as_str() == rule);
        Wanted {
            rule: RuleId::new(rule),
            status: finding.map(|finding| finding.status),
            severity: finding.map(|finding| finding.severity),
            values,
        }
    };
    let on = || "true".to_owned();
    let any = "any".to_owned();
    let bucket = parameters.log_bucket.as_deref().map(|bucket| in_scope(bucket, scope).to_string());
    let forbidden = parameters.forbidden_users.join(", ");
    let run_as = if parameters.run_as_required { "true" } else { "any" };
    let golden = if parameters.golden.is_some() { "no difference" } else { "none is configured" };
    let pinned = |profile: &Option<String>| profile.as_ref().map_or(any.clone(), |profile| text(profile));
    let input = |read: &dyn Fn(&crate::domain::Preferences) -> String| inputs.map(read);
    vec![
        of(
            "PRF-00",
            vec![
                value(
                    "document",
                    "exists".into(),
                    found("PRF-00", FactName::PreferencesExist, document.map(|_| "exists".into())),
                ),
                value("$LATEST", "is $DEFAULT".into(), found("PRF-00", FactName::LatestDifferences, None)),
                value("golden", golden.into(), found("PRF-00", FactName::GoldenDifferences, None)),
            ],
        ),
        of(
            "PRF-01",
            vec![value(
                "s3BucketName",
                bucket.unwrap_or("any bucket".to_owned()),
                found("PRF-01", FactName::S3Bucket, input(&|it| text(&it.s3_bucket))),
            )],
        ),
        of(
            "PRF-02",
            vec![value(
                "s3KeyPrefix",
                format!("contains {}", scope.account),
                found("PRF-02", FactName::S3PrefixHasAccount, input(&|it| text(&it.s3_prefix))),
            )],
        ),
        of(
            "PRF-03",
            vec![value(
                "s3EncryptionEnabled",
                on(),
                found("PRF-03", FactName::S3EncryptionEnabled, input(&|it| flag(it.s3_encrypted))),
            )],
        ),
        of(
            "PRF-04",
            vec![
                value(
                    "cloudWatchLogGroupName",
                    parameters.log_group.clone().unwrap_or("any group".to_owned()),
                    found("PRF-04", FactName::LogGroup, input(&|it| text(&it.log_group))),
                ),
                value("the group exists", on(), found("PRF-04", FactName::LogGroupExists, None)),
            ],
        ),
        of(
            "PRF-05",
            vec![value(
                "cloudWatchEncryptionEnabled",
                on(),
                found("PRF-05", FactName::LogGroupEncryptionEnabled, input(&|it| flag(it.log_group_encrypted))),
            )],
        ),
        of(
            "PRF-06",
            vec![value(
                "cloudWatchStreamingEnabled",
                on(),
                found("PRF-06", FactName::StreamingEnabled, input(&|it| flag(it.streaming))),
            )],
        ),
        of(
            "PRF-07",
            vec![value("kmsKeyId", "a key".into(), found("PRF-07", FactName::KmsKey, input(&|it| text(&it.kms_key))))],
        ),
        of(
            "PRF-08",
            vec![value(
                "idleSessionTimeout",
                format!("at most {} min", parameters.max_idle.as_mins()),
                found("PRF-08", FactName::IdleTimeoutSeconds, input(&|it| minutes(it.idle_timeout_minutes))),
            )],
        ),
        of(
            "PRF-09",
            vec![value(
                "maxSessionDuration",
                format!("at most {} min", parameters.max_duration.as_mins()),
                found("PRF-09", FactName::MaxSessionSeconds, input(&|it| minutes(it.max_duration_minutes))),
            )],
        ),
        of(
            "PRF-10",
            vec![
                value(
                    "runAsEnabled",
                    run_as.into(),
                    found("PRF-10", FactName::RunAsEnabled, input(&|it| flag(it.run_as_enabled))),
                ),
                value(
                    "runAsDefaultUser",
                    if forbidden.is_empty() { any.clone() } else { format!("not {forbidden}, where Run As is on") },
                    found("PRF-10", FactName::RunAsDefaultUser, input(&|it| text(&it.run_as_default_user))),
                ),
            ],
        ),
        of(
            "PRF-11",
            vec![
                value(
                    "shellProfile.linux",
                    pinned(&parameters.shell_profile_linux),
                    found("PRF-11", FactName::ShellProfileLinux, input(&|it| text(&it.shell_profile_linux))),
                ),
                value(
                    "shellProfile.windows",
                    pinned(&parameters.shell_profile_windows),
                    found("PRF-11", FactName::ShellProfileWindows, input(&|it| text(&it.shell_profile_windows))),
                ),
            ],
        ),
        of("PRF-12", vec![value("shared publicly", "false".into(), found("PRF-12", FactName::DocumentPublic, None))]),
    ]
}

/// What was found: unknown wherever the rule says so, else the document's own words, else the rule's evidence.
fn found(findings: &[Finding], rule: &str, fact: FactName, value: Option<String>) -> String {
    let finding = findings.iter().find(|finding| finding.rule.as_str() == rule);
    let missing = finding.and_then(|finding| finding.missing.iter().find(|missing| missing.fact == fact.as_str()));
    let evidence = finding.and_then(|finding| finding.evidence.iter().find(|it| it.fact == fact.as_str()));
    match (missing, value, evidence) {
        (Some(missing), ..) => format!("unknown: {}", missing.reason),
        (None, Some(value), _) => value,
        (None, None, Some(evidence)) if fact == FactName::PreferencesExist && evidence.value == "false" => {
            "missing".to_owned()
        }
        (None, None, Some(evidence)) => match evidence.value.as_str() {
            "(none)" => "no difference".to_owned(),
            value => value.to_owned(),
        },
        (None, None, None) => "not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{
        compliance::{Engine, PreferencesEvidence},
        domain::{DocumentStanding, Fact, Preferences, SessionType},
    };

    #[test]
    fn every_value_has_the_mark_of_its_rule_and_every_rule_has_a_value() {
        let engine = Engine::new(Parameters::default(), Vec::new()).unwrap();
        let scope = ScopeId::new("111122223333", "eu-central-1");
        let now = "2026-11-20T09:00:00Z".parse().unwrap();
        let inputs = Preferences { s3_bucket: "b".into(), idle_timeout_minutes: Some(30), ..Preferences::default() };
        let document =
            SessionDocument { session_type: SessionType::StandardStream, inputs, content: std::sync::Arc::default() };
        let fact = Fact::known(Some(document.clone()), "ssm:GetDocument", now);
        let standing = DocumentStanding { owner: "111122223333".into(), public: Fact::not_read() };
        let evidence = PreferencesEvidence {
            scope: &scope,
            document: &fact,
            latest: &Fact::known(Some(document.clone()), "ssm:GetDocument", now),
            standing: &Fact::known(Some(standing), "ssm:DescribeDocument", now),
            log_group: None,
        };
        let findings = engine.explain_preferences(&evidence, now);
        let values = wanted(engine.parameters(), &scope, Some(&document), &findings);
        for finding in &findings {
            let of_rule = values.iter().find(|value| value.rule == finding.rule).unwrap();
            assert_eq!(of_rule.status, Some(finding.status), "{}", finding.rule);
        }
        let found = |rule: &str| {
            let of_rule = values.iter().find(|value| value.rule.as_str() == rule).unwrap();
            (of_rule.status.unwrap(), of_rule.values[0].wanted.clone(), of_rule.values[0].found.clone())
        };
        assert_eq!(found("PRF-08"), (Verdict::NonCompliant, "at most 15 min".into(), "30 min".into()));
        assert_eq!(found("PRF-01"), (Verdict::Compliant, "any bucket".into(), "b".into()));
        let (status, _, public) = found("PRF-12");
        assert_eq!((status, public.as_str()), (Verdict::InsufficientData, "unknown: not read yet"));
    }
}
