//! Alerts as SNS carries them: subject, body, attributes.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    check::{Seconds, SessionObject},
    text::{clean, safe_json},
};
use crate::domain::{AlertBody, Evidence, Session, Severity};
use crate::transcript::mask;

/// The longest subject that SNS takes (docs.aws.amazon.com/sns/latest/api/API_Publish.html).
pub const MAX_SUBJECT_CHARACTERS: usize = 100;

/// The largest body: SNS takes 256 KiB, of which 4 KiB are kept free for the attributes.
pub const MAX_BODY_BYTES: usize = 252 * 1024;

/// The longest text of an alert that is not cut, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

/// The most facts that an alert quotes.
const MOST_EVIDENCE: usize = 256;

/// The rule of an alert that stands for no finding: the analyst raised the session as such.
const BY_HAND: &str = "MANUAL";

const SCHEMA: &str = "ssmwatch.alert/1";

/// An alert, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// 32 hexadecimal digits; the same for the same finding on the same session.
    pub id: String,
    /// One line of ASCII that begins with a letter, at most [`MAX_SUBJECT_CHARACTERS`] long.
    pub subject: String,
    /// One JSON object of schema `ssmwatch.alert/1`, at most [`MAX_BODY_BYTES`] long.
    pub body: String,
    /// For filter policies: `severity`, `rule`, `account`, `region`.
    pub attributes: [(&'static str, String); 4],
}

#[derive(Serialize)]
struct Body<'a> {
    schema: &'static str,
    id: &'a str,
    rule: &'a str,
    severity: Severity,
    title: &'a str,
    session: SessionObject<'a>,
    evidence: Vec<Evidence>,
    reason: &'a str,
    raised_by: &'a str,
    at: Seconds,
    #[serde(skip_serializing_if = "is_zero")]
    evidence_left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Alert {
    /// The alert of that finding (or of the session as such), raised by `raised_by` at `at`: for an alert that is sent again,
    /// the time of the first try.
    ///
    /// # Errors
    /// None of its parts can fail to be written; the JSON writer wants the error passed on.
    pub fn new(session: &Session, alert: &AlertBody, raised_by: &str, at: Timestamp) -> serde_json::Result<Self> {
        let rule = alert.finding.as_ref().map_or(BY_HAND, |finding| finding.rule.as_str());
        let title = alert.finding.as_ref().map_or("Raised by an analyst", |finding| &finding.title);
        let scope = &session.key.scope;
        let id = match &alert.finding {
            Some(_) => identity(&[rule, scope.account.as_str(), scope.region.as_str(), session.key.id.as_str()]),
            // Two alerts by hand are two alerts, so what was said, and when, makes the difference.
            None => identity(&[
                rule,
                scope.account.as_str(),
                scope.region.as_str(),
                session.key.id.as_str(),
                &alert.reason,
                &at.to_string(),
            ]),
        };
        let subject = ascii(&format!("{} {rule} {}/{}: {title}", alert.severity.word(), scope.account, scope.region));
        let attributes = [
            ("severity", alert.severity.word().to_owned()),
            ("rule", attribute(rule)),
            ("account", attribute(scope.account.as_str())),
            ("region", attribute(scope.region.as_str())),
        ];
        let body = Self::body(session, alert, raised_by, at, &id, rule, title)?;
        Ok(Self { id, subject, body, attributes })
    }

    /// The body, its texts cut shorter and shorter until it fits. The last limits fit whatever the texts are: at most 12
    /// texts of the session and 4 of each of 16 facts, of 256 bytes each, which JSON's escapes make at most six times longer.
    fn body(
        session: &Session,
        alert: &AlertBody,
        raised_by: &str,
        at: Timestamp,
        id: &str,
        rule: &str,
        title: &str,
    ) -> serde_json::Result<String> {
        let evidence = alert.finding.as_ref().map_or(&[][..], |finding| &finding.evidence);
        // Masked once, and before it is cut, so that no half of a secret is left over.
        let reason = masked(&alert.reason);
        let values: Vec<String> = evidence.iter().take(MOST_EVIDENCE).map(|evidence| masked(&evidence.value)).collect();
        let mut json = String::new();
        for (longest, most) in [(LONGEST_TEXT, MOST_EVIDENCE), (8 * 1024, 128), (1024, 64), (256, 16)] {
            let object = SessionObject::of(session);
            let cut = |text: &str| cut(text, longest);
            let [rule, title, reason, raised_by] = [rule, title, &reason, raised_by].map(cut);
            let [session_id, account, region, target, owner, document, status] = [
                object.session_id,
                object.account,
                object.region,
                object.target,
                object.owner,
                object.document,
                object.status,
            ]
            .map(cut);
            let body = Body {
                schema: SCHEMA,
                id,
                rule: &rule,
                severity: alert.severity,
                title: &title,
                session: SessionObject {
                    session_id: &session_id,
                    account: &account,
                    region: &region,
                    target: &target,
                    owner: &owner,
                    document: &document,
                    status: &status,
                    started_at: object.started_at,
                },
                evidence: evidence
                    .iter()
                    .zip(&values)
                    .take(most)
                    .map(|(evidence, value)| Evidence {
                        fact: cut(&evidence.fact),
                        value: cut(value),
                        source: cut(&evidence.source),
                        at: evidence.at,
                    })
                    .collect(),
                reason: &reason,
                raised_by: &raised_by,
                at: Seconds(at),
                evidence_left_out: evidence.len().saturating_sub(most),
            };
            json = safe_json(&serde_json::to_string(&body)?);
            if json.len() <= MAX_BODY_BYTES {
                break;
            }
        }
        Ok(json)
    }
}

/// The text with secrets masked. What is far behind the longest text that is sent is not looked at.
fn masked(text: &str) -> String {
    let looked_at = text.get(..text.floor_char_boundary(2 * LONGEST_TEXT)).unwrap_or_default();
    let cut = text.len() - looked_at.len();
    let mut masked = mask(looked_at).into_owned();
    if cut > 0 {
        masked.push_str(&format!("… [{cut} bytes cut]"));
    }
    masked
}

/// The first 32 hexadecimal digits of the SHA-256 of these parts. Each is led by its length, so that no two lists are alike.
fn identity(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(SCHEMA);
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// At most `longest` bytes of the text, with a mark that says how much was cut.
fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let kept = text.get(..text.floor_char_boundary(longest)).unwrap_or_default();
    format!("{kept}… [{} bytes cut]", text.len() - kept.len())
}

/// One line of printable ASCII, at most as long as a subject may be.
fn ascii(text: &str) -> String {
    let printable = |character: char| character == ' ' || character.is_ascii_graphic();
    let mut line: String =
        clean(text).chars().map(|character| if printable(character) { character } else { '?' }).collect();
    if line.len() > MAX_SUBJECT_CHARACTERS {
        line.truncate(MAX_SUBJECT_CHARACTERS - 3);
        line.push_str("...");
    }
    line
}

/// A value for a filter policy: SNS refuses empty ones.
fn attribute(text: &str) -> String {
    let value = ascii(text);
    if value.is_empty() { "unknown".to_owned() } else { value }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::domain::{Finding, NodeId, ScopeId, SessionKey, SessionStatus, Verdict};

    fn at() -> Timestamp {
        "2026-11-20T09:00:00Z".parse().unwrap()
    }

    fn session(id: &str, owner: &str) -> Session {
        Session {
            key: SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), id),
            target: NodeId::from("i-0123456789abcdef0"),
            status: SessionStatus::Connected,
            started_at: Some(at()),
            ended_at: None,
            document: None,
            owner: owner.into(),
            reason: None,
            max_duration_minutes: None,
            log_group: None,
            access: None,
        }
    }

    fn body(rule: &str, title: &str, values: &[String], reason: &str) -> AlertBody {
        let evidence = values
            .iter()
            .map(|value| Evidence {
                fact: "command".into(),
                value: value.clone(),
                source: "logs:GetLogEvents".into(),
                at: at(),
            })
            .collect();
        let finding = Finding {
            rule: rule.into(),
            title: title.into(),
            status: Verdict::NonCompliant,
            severity: Severity::Critical,
            evidence,
            missing: Vec::new(),
            remediation: "end it".into(),
        };
        AlertBody { finding: Some(finding), severity: Severity::Critical, reason: reason.to_owned() }
    }

    #[test]
    fn an_alert_reads_as_the_contract_says() {
        let alert = body("DOC-01", "Document not on the allow list", &["AWS-StartSSHSession".to_owned()], "INC1");
        let alert =
            Alert::new(&session("jane-0a1b", "arn:aws:iam::111122223333:user/jane"), &alert, "jane", at()).unwrap();
        assert_eq!(alert.subject, "CRITICAL DOC-01 111122223333/eu-central-1: Document not on the allow list");
        insta::assert_snapshot!(alert.body);
        assert_eq!(
            alert.attributes.map(|(name, value)| format!("{name}={value}")),
            ["severity=CRITICAL", "rule=DOC-01", "account=111122223333", "region=eu-central-1"]
        );
    }

    #[test]
    fn the_id_is_the_findings_on_the_session_and_nothing_elses() {
        let id = |session_id: &str, rule: &str, reason: &str, at| {
            Alert::new(&session(session_id, "o"), &body(rule, "t", &[], reason), "jane", at).unwrap().id
        };
        let later = "2026-11-20T10:00:00Z".parse().unwrap();
        let first = id("jane-1", "DOC-01", "a", at());
        assert_eq!(first, id("jane-1", "DOC-01", "b", later));
        assert_eq!(first.len(), 32);
        assert_ne!(first, id("jane-2", "DOC-01", "a", at()));
        assert_ne!(first, id("jane-1", "DOC-02", "a", at()));
        let by_hand = |reason: &str, at| {
            let alert = AlertBody { finding: None, severity: Severity::High, reason: reason.to_owned() };
            Alert::new(&session("jane-1", "o"), &alert, "jane", at).unwrap()
        };
        assert_eq!(by_hand("a", at()).id, by_hand("a", at()).id);
        assert_ne!(by_hand("a", at()).id, by_hand("b", at()).id);
        assert_ne!(by_hand("a", at()).id, by_hand("a", later).id);
        assert!(by_hand("a", at()).body.contains("\"rule\":\"MANUAL\""));
    }

    #[test]
    fn secrets_do_not_leave() {
        let values = ["export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()];
        let alert = body("CMD-01", "Secret typed", &values, "he typed password=hunter2");
        let body = Alert::new(&session("s", "o"), &alert, "jane", at()).unwrap().body;
        assert!(!body.contains("wJalr") && !body.contains("hunter2"), "{body}");
    }

    #[test]
    fn what_is_cut_says_so() {
        let values = vec!["\u{1b}".repeat(10_000); 100];
        let alert = body("CMD-01", "Flood", &values, &"why ".repeat(100_000));
        let body = Alert::new(&session("s", "o"), &alert, "jane", at()).unwrap().body;
        assert!(body.len() <= MAX_BODY_BYTES);
        let body: Value = serde_json::from_str(&body).unwrap();
        let shown = body["evidence"].as_array().unwrap().len();
        assert_eq!(shown + usize::try_from(body["evidence_left_out"].as_u64().unwrap()).unwrap(), 100);
        assert!(body["reason"].as_str().unwrap().contains("bytes cut]"));
        assert!(body["evidence"][0]["value"].as_str().unwrap().contains("bytes cut]"));
    }

    /// Any text, often of characters that JSON makes long, and often very long.
    fn hostile() -> impl Strategy<Value = String> {
        (
            any::<String>(),
            prop_oneof![Just('\u{1b}'), Just('\u{9b}'), Just('\u{202e}'), Just('"'), Just('é'), Just('\u{e0041}')],
            0_usize..90_000,
        )
            .prop_map(|(text, character, times)| {
                let mut text = text;
                text.extend(std::iter::repeat_n(character, times));
                text
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn limits_hold_for_hostile_input(
            texts in prop::array::uniform6(hostile()),
            values in prop::collection::vec(hostile(), 0..4),
            times in 1_usize..30,
        ) {
            let [id, owner, rule, title, reason, by] = &texts;
            let values: Vec<String> = values.iter().cycle().take(values.len() * times).cloned().collect();
            let alert = Alert::new(&session(id, owner), &body(rule, title, &values, reason), by, at()).unwrap();
            prop_assert!(alert.subject.len() <= MAX_SUBJECT_CHARACTERS);
            prop_assert!(alert.subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert!(alert.subject.starts_with(|first: char| first.is_ascii_alphanumeric()));
            prop_assert!(alert.body.len() <= MAX_BODY_BYTES);
            prop_assert!(serde_json::from_str::<Value>(&alert.body).unwrap().is_object());
            for (_, value) in &alert.attributes {
                prop_assert!(!value.is_empty() && value.len() <= MAX_SUBJECT_CHARACTERS);
            }
        }
    }
}
