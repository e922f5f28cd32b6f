//! The files beside the transcript: facts, verdicts, alerts, acts, CloudTrail's records.

use std::{collections::BTreeMap, io::Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    ACTS, ALERTS, FACTS, Folder, Known, Remembered, TRAIL, VERDICTS,
    secrets::{MASKED_VALUE, Secrets},
    write_json,
};
use crate::{
    compliance::FactState,
    domain::{Alert, Finding, RuleId, Severity, TrailEvent, Verdict},
    report::safe_json,
    transcript::{clean, mask},
};

/// How much was written beside the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceCounts {
    /// Facts that are known, or known not to be.
    pub facts: usize,
    /// Facts that are missing.
    pub missing_facts: usize,
    /// Findings, those of compliant rules too.
    pub findings: usize,
    /// Alerts.
    pub alerts: usize,
    /// Records of acts.
    pub acts: usize,
    /// CloudTrail's records.
    pub trail: usize,
}

/// The last record that an export has of the chain of acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainEnd {
    /// Its number.
    pub seq: u64,
    /// Its SHA-256, which `ssmwatch audit verify --head` looks for.
    pub sha256: String,
    /// How many records the export has.
    pub records: usize,
}

/// What was written beside the transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenEvidence {
    /// How much.
    pub counts: EvidenceCounts,
    /// The session's verdict, in one word.
    pub verdict: Verdict,
    /// The worst severity of what is NON_COMPLIANT.
    pub severity: Option<Severity>,
    /// The last record of the acts; nothing: there is none.
    pub chain: Option<ChainEnd>,
}

/// Writes what is known and remembered of a session into the folder. `masked`: what looks like a secret is masked, but in the acts: those are
/// as they were hashed.
///
/// # Errors
/// A file cannot be written.
pub fn write_evidence(
    folder: &mut Folder,
    known: &Known,
    remembered: &Remembered,
    masked: bool,
) -> std::io::Result<WrittenEvidence> {
    let secrets = Secrets::new(masked);
    let head = |schema: &str| -> Map<String, Value> {
        let key = &known.session.key;
        let head = [
            ("schema", json!(schema)),
            ("session_id", json!(key.id.as_str())),
            ("account", json!(key.scope.account.as_str())),
            ("region", json!(key.scope.region.as_str())),
            ("session_ended", json!(known.has_ended())),
            ("as_of", json!(known.as_of)),
        ];
        head.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };

    let facts = facts(known);
    let missing_facts = facts.values().filter(|fact| fact.get("missing").is_some()).count();
    let counts_of_facts = (facts.len() - missing_facts, missing_facts);
    let mut document = head("ssmwatch.facts/1");
    document.insert("facts".to_owned(), facts.into());
    document.insert("read".to_owned(), known.read.clone().into());
    write_document(folder, FACTS, document, &secrets)?;

    let verdicts = Verdicts::of(known, remembered);
    let mut document = head("ssmwatch.verdicts/1");
    verdicts.enter(&mut document);
    write_document(folder, VERDICTS, document, &secrets)?;

    let alerts = alerts(known, remembered);
    let mut document = head("ssmwatch.alerts/1");
    // They go on after the end.
    document.remove("as_of");
    let values = alerts.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
    document.insert("alerts".to_owned(), values.into());
    if let Some(why) = &remembered.unread {
        document.insert("store_not_read".to_owned(), why.as_str().into());
    }
    write_document(folder, ALERTS, document, &secrets)?;

    let chain = write_acts(folder, remembered)?;

    let trail = trail(known, remembered);
    let mut file = folder.file(TRAIL)?;
    for event in trail.values() {
        let mut value = serde_json::to_value(event)?;
        tidy(&mut value, &secrets, false);
        write_json(&mut file, &value)?;
    }
    file.flush()?;

    Ok(WrittenEvidence {
        counts: EvidenceCounts {
            facts: counts_of_facts.0,
            missing_facts: counts_of_facts.1,
            findings: verdicts.findings.len(),
            alerts: alerts.len(),
            acts: remembered.records.len(),
            trail: trail.len(),
        },
        verdict: verdicts.verdict,
        severity: verdicts.severity,
        chain,
    })
}

/// A document, indented, its texts cleaned and masked.
fn write_document(
    folder: &mut Folder,
    name: &'static str,
    document: Map<String, Value>,
    secrets: &Secrets,
) -> std::io::Result<()> {
    let mut document = Value::Object(document);
    tidy(&mut document, secrets, false);
    let mut file = folder.file(name)?;
    file.write_all(safe_json(&serde_json::to_string_pretty(&document)?).as_bytes())?;
    file.write_all(b"\n")?;
    file.flush()
}

fn facts(known: &Known) -> Map<String, Value> {
    let line = |line: &crate::compliance::FactLine| {
        let value = match &line.state {
            FactState::Known { value, source, at } => json!({"value": value, "source": source, "at": at}),
            FactState::Absent(why) => json!({"absent": why}),
            FactState::Missing(why) => json!({"missing": why}),
        };
        (line.name.as_str().to_owned(), value)
    };
    known.facts.iter().map(line).collect()
}

/// What the rules say.
struct Verdicts {
    verdict: Verdict,
    severity: Option<Severity>,
    findings: Vec<(Finding, &'static str)>,
    /// Findings from what can be read now that are not those of when the session ended.
    differing: Vec<Finding>,
    remembered: bool,
}

/// Where a finding is from: the watch that saw the session end, or this export.
const WATCHED: &str = "watch";
const JUDGED: &str = "export";

impl Verdicts {
    /// Of a session that ended while somebody watched the watch's verdict counts: it saw what cannot be read any more. It remembers what was
    /// NON_COMPLIANT or INSUFFICIENT_DATA; all other rules were satisfied or silent then.
    fn of(known: &Known, remembered: &Remembered) -> Self {
        let judged = known.findings.iter().map(|finding| Finding { missing: unpromised(finding), ..finding.clone() });
        let Some(ended) = remembered.ended.as_ref().filter(|_| known.has_ended()) else {
            let verdict = known.findings.iter().map(|finding| finding.status).max();
            let severity = known.findings.iter().filter(|finding| finding.status == Verdict::NonCompliant);
            return Self {
                verdict: verdict.unwrap_or(Verdict::NotApplicable),
                severity: severity.map(|finding| finding.severity).max(),
                findings: judged.map(|finding| (finding, JUDGED)).collect(),
                differing: Vec::new(),
                remembered: false,
            };
        };
        let of_watch: BTreeMap<&RuleId, &Finding> =
            ended.findings.iter().map(|finding| (&finding.rule, finding)).collect();
        let mut findings: Vec<(Finding, &'static str)> = ended
            .findings
            .iter()
            .map(|finding| (Finding { missing: unpromised(finding), ..finding.clone() }, WATCHED))
            .collect();
        let mut differing = Vec::new();
        for finding in judged.filter(|finding| !of_watch.contains_key(&finding.rule)) {
            if finding.status < Verdict::InsufficientData {
                findings.push((finding, JUDGED));
            } else {
                differing.push(finding);
            }
        }
        Self { verdict: ended.verdict, severity: ended.severity, findings, differing, remembered: true }
    }

    fn enter(&self, document: &mut Map<String, Value>) {
        let value = |finding: &Finding| {
            json!({
                "rule": finding.rule.as_str(), "title": &*finding.title, "status": finding.status.word(),
                "severity": finding.severity.word(), "evidence": finding.evidence, "missing": finding.missing,
                "remediation": &*finding.remediation,
            })
        };
        let from = |(finding, from): &(Finding, &str)| {
            let mut value = value(finding);
            if let Value::Object(fields) = &mut value {
                fields.insert("from".to_owned(), (*from).into());
            }
            value
        };
        let fields = [
            ("verdict", json!(self.verdict.word())),
            ("severity", json!(self.severity.map(Severity::word))),
            ("from", json!(if self.remembered { WATCHED } else { JUDGED })),
            ("findings", self.findings.iter().map(from).collect()),
            ("compliant_or_silent_when_it_ended", self.differing.iter().map(value).collect()),
        ];
        document.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
}

/// What is missing, without when it would have been asked for again.
fn unpromised(finding: &Finding) -> Vec<crate::domain::MissingFact> {
    let missing = finding.missing.iter().cloned();
    missing.map(|missing| crate::domain::MissingFact { retry_at: None, ..missing }).collect()
}

/// Those of the store, and those that are known here as they stand here; oldest first.
fn alerts(known: &Known, remembered: &Remembered) -> Vec<Alert> {
    let all = remembered.alerts.iter().chain(&known.alerts);
    let by_id: BTreeMap<&str, &Alert> = all.map(|alert| (&*alert.id, alert)).collect();
    let mut alerts: Vec<Alert> = by_id.into_values().cloned().collect();
    alerts.sort_by(|one, other| (one.raised_at, &one.id).cmp(&(other.raised_at, &other.id)));
    alerts
}

/// CloudTrail's records, each once, oldest first.
fn trail<'a>(known: &'a Known, remembered: &'a Remembered) -> BTreeMap<(Timestamp, &'a str), &'a TrailEvent> {
    remembered.trail.iter().chain(&known.trail).map(|event| ((event.at, &*event.event_id), event)).collect()
}

/// The records as they were hashed, each with its SHA-256 behind it, as `ssmwatch audit list --format json` writes them.
fn write_acts(folder: &mut Folder, remembered: &Remembered) -> std::io::Result<Option<ChainEnd>> {
    let mut file = folder.file(ACTS)?;
    for record in &remembered.records {
        let sha256 = Value::from(record.sha256.as_str());
        match (record.entry(), record.text.strip_suffix('}')) {
            (Ok(_), Some(text)) => writeln!(file, "{}", safe_json(&format!("{text},\"sha256\":{sha256}}}")))?,
            // Somebody changed it: it is no record any more.
            _ => write_json(&mut file, &json!({"seq": record.seq, "unreadable": record.text, "sha256": sha256}))?,
        }
    }
    file.flush()?;
    let last = remembered.records.last();
    Ok(last.map(|last| ChainEnd { seq: last.seq, sha256: last.sha256.clone(), records: remembered.records.len() }))
}

/// Cleans and masks all texts. Lines stay lines: JSON escapes what ends them.
fn tidy(value: &mut Value, secrets: &Secrets, tags: bool) {
    match value {
        Value::String(text) => *text = tidied(text, secrets),
        Value::Array(values) => values.iter_mut().for_each(|value| tidy(value, secrets, tags)),
        Value::Object(fields) => {
            for (name, mut value) in std::mem::take(fields) {
                let announces = tags && secrets.is_masked() && mask(&format!("{name}=x")) != format!("{name}=x");
                match &mut value {
                    Value::String(text) if announces && !text.is_empty() => *text = MASKED_VALUE.to_owned(),
                    value => tidy(value, secrets, tags || name.ends_with("tags")),
                }
                fields.insert(clean(&name).into_owned(), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn tidied(text: &str, secrets: &Secrets) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| clean(line.strip_suffix('\r').unwrap_or(line))).collect();
    secrets.text(&lines.join("\n")).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;
    use crate::transcript::sanitize::tests::{hostile_text, is_forbidden};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_of_a_value_fools_a_terminal(key in hostile_text(), text in hostile_text(), masked: bool) {
            let mut value = json!({"tags": {key: text.clone()}, "list": [text]});
            tidy(&mut value, &Secrets::new(masked), false);
            let written = safe_json(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(written.chars().find(|c| is_forbidden(*c) && *c != '\n'), None);
            // Nor those of whoever reads the values.
            let list = value["list"][0].as_str().unwrap();
            prop_assert_eq!(list.chars().find(|c| is_forbidden(*c) && *c != '\n'), None);
        }
    }

    #[test]
    fn texts_are_cleaned_and_masked_and_lines_stay_lines() {
        let hostile = "a\u{1b}[2Jb\nc\u{202e}d token=abcdef";
        let mut value =
            json!({"read": {"node_tags": {"value": {"DbPassword": "hunter2", "Name\u{1b}": "x"}}, "text": hostile}});
        tidy(&mut value, &Secrets::new(true), false);
        assert_eq!(
            value,
            json!({"read": {"node_tags": {"value": {"DbPassword": "[masked]", "Name␛": "x"}},
                "text": "a␛[2Jb\nc<U+202E>d token=[masked]"}})
        );
        let mut open = json!({"tags": {"DbPassword": "hunter2"}, "policy": {"aws:TokenIssueTime": "2026"}});
        let before = open.clone();
        tidy(&mut open, &Secrets::new(false), false);
        assert_eq!(open, before);
        tidy(&mut open, &Secrets::new(true), false);
        assert_eq!(open["policy"], before["policy"], "only tags are people's own words");
    }
}
