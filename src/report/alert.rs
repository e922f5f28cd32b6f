//! Alerts as SNS carries them: subject, body, attributes.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    check::{Seconds, SessionObject},
    text::{clean, safe_json},
};
use crate::domain::{Alert, Content, Evidence, Parcel, Session, Severity};
use crate::transcript::mask;

/// The longest subject that SNS takes (docs.aws.amazon.com/sns/latest/api/API_Publish.html).
pub const MAX_SUBJECT_CHARACTERS: usize = 100;

/// The largest body: SNS takes 256 KiB, of which 4 KiB are kept free for the attributes.
pub const MAX_BODY_BYTES: usize = 252 * 1024;

/// The longest text of an alert that is not cut, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

/// The most facts that an alert quotes.
const MOST_EVIDENCE: usize = 256;

const SCHEMA: &str = "ssmwatch.alert/1";
const SUMMARY_SCHEMA: &str = "ssmwatch.alert_summary/1";
/// The most alerts that a summary names; the others are counted.
const MOST_NAMED: usize = 500;

/// An alert as a topic carries it, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertMessage {
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
    /// Absent where it is about no session.
    session: Option<SessionObject<'a>>,
    subject: SubjectObject<'a>,
    evidence: Vec<Evidence>,
    reason: &'a str,
    raised_by: &'a str,
    at: Seconds,
    /// 2 and more: raised again after it had been resolved or suppressed.
    occurrence: u32,
    #[serde(skip_serializing_if = "is_zero")]
    evidence_left_out: usize,
}

/// What the alert is about, a session or not.
#[derive(Serialize)]
struct SubjectObject<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    account: &'a str,
    region: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary<'a> {
    schema: &'static str,
    id: &'a str,
    at: Seconds,
    count: usize,
    severity: Severity,
    alerts: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,
}

/// An alert in a summary.
#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    severity: Severity,
    /// The subject line that its own message would have had.
    subject: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl AlertMessage {
    /// The message of an alert; `session` where it is about one, as it is known now.
    ///
    /// # Errors
    /// None of its parts can fail to be written; the JSON writer wants the error passed on.
    pub fn new(alert: &Alert, session: Option<&Session>) -> serde_json::Result<Self> {
        let place = match (alert.subject.scope(), alert.subject.account()) {
            (Some(scope), _) => scope.to_string(),
            (None, Some(account)) => account.to_string(),
            (None, None) => String::new(),
        };
        let subject = ascii(&format!("{} {} {place}: {}", alert.severity.word(), alert.rule, alert.title));
        let region = alert.subject.scope().map_or("all", |scope| scope.region.as_str());
        let attributes = [
            ("severity", alert.severity.word().to_owned()),
            ("rule", attribute(alert.rule.as_str())),
            ("account", attribute(alert.subject.account().map_or("", |account| account.as_str()))),
            ("region", attribute(region)),
        ];
        let body = Self::body(alert, session)?;
        Ok(Self { id: alert.id.to_string(), subject, body, attributes })
    }

    /// One message for many alerts, where each by itself would be too many.
    ///
    /// # Errors
    /// As [`AlertMessage::new`].
    pub fn summary(parcels: &[&Parcel], at: Timestamp) -> serde_json::Result<Self> {
        let ids: Vec<&str> = parcels.iter().map(|parcel| parcel.key.as_str()).collect();
        let id = identity(SUMMARY_SCHEMA, &ids);
        let worst = parcels.iter().map(|parcel| parcel.severity).max().unwrap_or(Severity::Informational);
        let mut named: Vec<Named<'_>> = Vec::new();
        for parcel in parcels.iter().take(MOST_NAMED) {
            let Content::Message { subject, .. } = &parcel.content else { continue };
            let id = parcel.alert.as_deref().unwrap_or_default();
            named.push(Named { id, severity: parcel.severity, subject });
        }
        let left_out = parcels.len() - named.len();
        let count = parcels.len();
        let same = |of: fn(&Parcel) -> &str| {
            let first = parcels.first().map_or("", |parcel| of(parcel));
            if parcels.iter().all(|parcel| of(parcel) == first) { first } else { "multiple" }
        };
        let attributes = [
            ("severity", worst.word().to_owned()),
            ("rule", "SUMMARY".to_owned()),
            ("account", attribute(same(|parcel| parcel.scope.account.as_str()))),
            ("region", attribute(same(|parcel| parcel.scope.region.as_str()))),
        ];
        let subject = ascii(&format!("{} SUMMARY: {count} alerts in one message", worst.word()));
        let summary = Summary {
            schema: SUMMARY_SCHEMA,
            id: &id,
            at: Seconds(at),
            count,
            severity: worst,
            alerts: named,
            left_out,
        };
        let body = safe_json(&serde_json::to_string(&summary)?);
        Ok(Self { id, subject, body, attributes })
    }

    /// The body, its texts cut shorter and shorter until it fits. The last limits fit whatever the texts are: at most 14
    /// texts of the subject and 4 of each of 16 facts, of 256 bytes each, which JSON's escapes make at most six times longer.
    fn body(alert: &Alert, session: Option<&Session>) -> serde_json::Result<String> {
        let evidence = &alert.evidence;
        // Masked once, and before it is cut, so that no half of a secret is left over.
        let reason = masked(&alert.reason);
        let values: Vec<String> = evidence.iter().take(MOST_EVIDENCE).map(|evidence| masked(&evidence.value)).collect();
        let object = session.map(SessionObject::of);
        let (scope, account) = (alert.subject.scope(), alert.subject.account());
        let mut json = String::new();
        for (longest, most) in [(LONGEST_TEXT, MOST_EVIDENCE), (8 * 1024, 128), (1024, 64), (256, 16)] {
            let cut = |text: &str| cut(text, longest);
            let [rule, title, reason, raised_by] =
                [alert.rule.as_str(), &alert.title, &reason, &alert.raised_by].map(cut);
            let subject_id = cut(alert.subject.id());
            let texts = object.as_ref().map(|object| {
                [
                    object.session_id,
                    object.account,
                    object.region,
                    object.target,
                    object.owner,
                    object.document,
                    object.status,
                ]
                .map(cut)
            });
            let session = texts.as_ref().zip(object.as_ref()).map(|(texts, object)| {
                let [session_id, account, region, target, owner, document, status] = texts;
                SessionObject {
                    session_id,
                    account,
                    region,
                    target,
                    owner,
                    document,
                    status,
                    started_at: object.started_at,
                }
            });
            let body = Body {
                schema: SCHEMA,
                id: &alert.id,
                rule: &rule,
                severity: alert.severity,
                title: &title,
                session,
                subject: SubjectObject {
                    kind: alert.subject.kind(),
                    id: &subject_id,
                    account: account.map_or("", |account| account.as_str()),
                    region: scope.map(|scope| scope.region.as_str()),
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
                at: Seconds(alert.reopened_at),
                occurrence: alert.occurrence,
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
fn identity(schema: &str, parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(schema);
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
    use crate::domain::{AlertSource, NodeId, ScopeId, SessionKey, SessionStatus, Subject, Workflow, alert_id};

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

    fn alert(session: &Session, (rule, title): (&str, &str), values: &[String], reason: &str, by: &str) -> Alert {
        let subject = Subject::Session(session.key.clone());
        let evidence = values
            .iter()
            .map(|value| Evidence {
                fact: "command".into(),
                value: value.clone(),
                source: "logs:GetLogEvents".into(),
                at: at(),
            })
            .collect();
        Alert {
            id: alert_id(rule, &subject, None),
            rule: rule.into(),
            title: title.into(),
            severity: Severity::Critical,
            source: AlertSource::Finding,
            owner: session.owner.clone(),
            subject,
            evidence,
            reason: reason.to_owned(),
            raised_by: by.to_owned(),
            workflow: Workflow::New,
            raised_at: at(),
            reopened_at: at(),
            occurrence: 1,
            acknowledged: None,
            deliveries: Default::default(),
        }
    }

    fn message(session: &Session, alert: &Alert) -> AlertMessage {
        AlertMessage::new(alert, Some(session)).unwrap()
    }

    #[test]
    fn an_alert_reads_as_the_contract_says() {
        let session = session("jane-0a1b", "arn:aws:iam::111122223333:user/jane");
        let title = ("DOC-01", "Document not on the allow list");
        let alert = alert(&session, title, &["AWS-StartSSHSession".to_owned()], "INC1", "jane");
        let alert = message(&session, &alert);
        assert_eq!(alert.subject, "CRITICAL DOC-01 111122223333/eu-central-1: Document not on the allow list");
        insta::assert_snapshot!(alert.body);
        assert_eq!(
            alert.attributes.map(|(name, value)| format!("{name}={value}")),
            ["severity=CRITICAL", "rule=DOC-01", "account=111122223333", "region=eu-central-1"]
        );
    }

    #[test]
    fn the_id_is_the_findings_on_the_session_and_nothing_elses() {
        let of = |id: &str| Subject::Session(session(id, "o").key);
        let id = |session: &str, rule: &str| alert_id(rule, &of(session), None);
        let first = id("jane-1", "DOC-01");
        assert_eq!(first, id("jane-1", "DOC-01"));
        assert_eq!(&*first, "fdf552c707ba23c6eff0996226b24a73", "what receivers drop repeats by does not change");
        assert_ne!(first, id("jane-2", "DOC-01"));
        assert_ne!(first, id("jane-1", "DOC-02"));
        let later = "2026-11-20T10:00:00Z".parse().unwrap();
        let by_hand = |reason, at| alert_id("MANUAL", &of("jane-1"), Some((reason, at)));
        assert_eq!(by_hand("a", at()), by_hand("a", at()));
        assert_ne!(by_hand("a", at()), by_hand("b", at()));
        assert_ne!(by_hand("a", at()), by_hand("a", later));
        let scope = ScopeId::new("111122223333", "eu-central-1");
        let others = [
            Subject::Node(scope.clone(), "i-1".into()),
            Subject::Preferences(scope.clone()),
            Subject::Account(scope.account),
        ];
        let ids: std::collections::BTreeSet<_> =
            others.iter().map(|subject| alert_id("DOC-01", subject, None)).chain([first]).collect();
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn an_alert_on_an_account_names_no_session() {
        let mut alert = alert(&session("s", "o"), ("THR-01", "Too many"), &[], "", "ssmwatch");
        alert.subject = Subject::Account("111122223333".into());
        let message = AlertMessage::new(&alert, None).unwrap();
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(body["session"], Value::Null);
        assert_eq!((&body["subject"]["type"], &body["subject"]["id"]), (&"account".into(), &"111122223333".into()));
        assert_eq!(message.subject, "CRITICAL THR-01 111122223333: Too many");
    }

    #[test]
    fn a_summary_names_and_counts_all() {
        let parcels: Vec<Parcel> = (0..600)
            .map(|number| Parcel {
                key: format!("{number}"),
                alert: Some(format!("{number:032x}").into()),
                act: None,
                destination: crate::domain::AlertDestination::CentralTopic,
                scope: ScopeId::new("111122223333", if number % 2 == 0 { "eu-central-1" } else { "us-east-1" }),
                severity: if number == 7 { Severity::Critical } else { Severity::High },
                content: Content::Message {
                    topic: "t".into(),
                    subject: "x".repeat(100),
                    body: "{}".into(),
                    attributes: Default::default(),
                },
                created_at: at(),
            })
            .collect();
        let message = AlertMessage::summary(&parcels.iter().collect::<Vec<_>>(), at()).unwrap();
        assert!(message.body.len() < MAX_BODY_BYTES);
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(
            (&body["count"], &body["left_out"], &body["severity"]),
            (&600.into(), &100.into(), &"CRITICAL".into())
        );
        assert_eq!(body["alerts"].as_array().unwrap().len(), 500);
        assert_eq!(message.attributes[3].1, "multiple");
        assert_eq!(message.subject, "CRITICAL SUMMARY: 600 alerts in one message");
    }

    #[test]
    fn secrets_do_not_leave() {
        let values = ["export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()];
        let session = session("s", "o");
        let alert = alert(&session, ("CMD-01", "Secret typed"), &values, "he typed password=hunter2", "jane");
        let body = message(&session, &alert).body;
        assert!(!body.contains("wJalr") && !body.contains("hunter2"), "{body}");
    }

    #[test]
    fn what_is_cut_says_so() {
        let values = vec!["\u{1b}".repeat(10_000); 100];
        let session = session("s", "o");
        let alert = alert(&session, ("CMD-01", "Flood"), &values, &"why ".repeat(100_000), "jane");
        let body = message(&session, &alert).body;
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
            let session = session(id, owner);
            let alert = message(&session, &self::alert(&session, (rule, title), &values, reason, by));
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
