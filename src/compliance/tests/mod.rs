//! One session, all evidence known, all rules content; each test bends it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod hostile;
mod missing;
mod policies;
mod rules;
mod time;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jiff::{SignedDuration, Timestamp};

use super::{Engine, Parameters, SessionEvidence};
use crate::domain::{
    AccessType, ArchiveObject, Fact, Finding, LogStream, Node, NodeTags, Preferences, RolePolicies, ScopeId, Session,
    SessionDocument, SessionKey, SessionStatus, SessionType, Verdict,
};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";
pub const MANDATORY: &str = "arn:aws:iam::111122223333:policy/aws-ssm-guardrails-mandatory-policy-eu-central-1";

/// That many seconds after the session started.
pub fn at(seconds: i64) -> Timestamp {
    "2026-11-20T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

#[derive(Debug, Clone)]
pub struct Case {
    pub session: Session,
    pub listed_at: Timestamp,
    pub status_since: Timestamp,
    pub node: Fact<Option<Node>>,
    pub tags: Fact<NodeTags>,
    pub role_policies: Fact<Option<RolePolicies>>,
    pub preferences: Fact<Option<SessionDocument>>,
    pub document: Fact<Option<SessionDocument>>,
    pub log_stream: Fact<Option<LogStream>>,
    pub archive: Fact<Option<ArchiveObject>>,
}

impl Case {
    /// An Active session of an EC2 node, 300 s old, everything read 10 s ago.
    pub fn good() -> Self {
        let seen = at(290);
        let preferences = SessionDocument {
            content: Default::default(),
            session_type: SessionType::StandardStream,
            inputs: Preferences {
                s3_bucket: "archive".into(),
                log_group: "/ssm-session-logs".into(),
                streaming: true,
                ..Preferences::default()
            },
        };
        Self {
            session: Session {
                key: SessionKey::new(ScopeId::new(ACCOUNT, REGION), "jane-0a1b2c3d4e5f67890"),
                target: "i-0123456789abcdef0".into(),
                status: SessionStatus::Connected,
                started_at: Some(at(0)),
                ended_at: None,
                document: None,
                owner: "arn:aws:sts::111122223333:assumed-role/Ops/jane".into(),
                reason: Some("OPS-1234 disk full".into()),
                max_duration_minutes: None,
                access: Some(AccessType::Standard),
            },
            listed_at: seen,
            status_since: at(1),
            node: Fact::known(
                Some(node("i-0123456789abcdef0", Some("web"), None)),
                "ssm:DescribeInstanceProperties",
                seen,
            ),
            tags: tags(&[("Environment", "Test")], seen),
            role_policies: policies(&[MANDATORY], seen),
            preferences: Fact::known(Some(preferences), "ssm:GetDocument", seen),
            document: Fact::not_read(),
            log_stream: stream(true, seen),
            archive: Fact::not_read(),
        }
    }

    /// The same session, ended at 3,600 s, looked at 1,000 s later; its object is there.
    pub fn ended() -> Self {
        let mut case = Self::good().seen(at(3_590));
        case.session.status = SessionStatus::Terminated;
        case.session.ended_at = Some(at(3_600));
        case.status_since = at(3_603);
        case.listed_at = at(3_605);
        case.archive = archive(true, at(3_620));
        case
    }

    /// All that is known was read then.
    pub fn seen(mut self, then: Timestamp) -> Self {
        fn again<T>(fact: &mut Fact<T>, then: Timestamp) {
            if let Fact::Known { at, .. } = fact {
                *at = then;
            }
        }
        self.listed_at = then;
        again(&mut self.node, then);
        again(&mut self.tags, then);
        again(&mut self.role_policies, then);
        again(&mut self.preferences, then);
        again(&mut self.document, then);
        again(&mut self.log_stream, then);
        again(&mut self.archive, then);
        self
    }

    pub fn evidence(&self) -> SessionEvidence<'_> {
        SessionEvidence {
            session: &self.session,
            listed_at: self.listed_at,
            status_since: self.status_since,
            node: &self.node,
            tags: &self.tags,
            role_policies: &self.role_policies,
            preferences: &self.preferences,
            document: &self.document,
            log_stream: &self.log_stream,
            archive: &self.archive,
        }
    }

    pub fn hybrid() -> Self {
        let mut case = Self::good();
        case.session.target = "mi-0123456789abcdef0".into();
        case.node = Fact::known(
            Some(node("mi-0123456789abcdef0", None, Some("hybrid"))),
            "ssm:DescribeInstanceProperties",
            at(290),
        );
        case
    }

    pub fn with_document(mut self, name: &str, document: Option<SessionDocument>) -> Self {
        self.session.document = Some(name.into());
        self.document = Fact::known(document, "ssm:GetDocument", at(290));
        self
    }
}

pub fn node(id: &str, instance_role: Option<&str>, iam_role: Option<&str>) -> Node {
    Node {
        id: id.into(),
        name: None,
        instance_role: instance_role.map(Into::into),
        iam_role: iam_role.map(Into::into),
        agent_version: Some("3.3.0.0".into()),
        platform: Some("Linux".into()),
        ping_status: Some("Online".into()),
        last_ping: None,
    }
}

pub fn tags(tags: &[(&str, &str)], then: Timestamp) -> Fact<NodeTags> {
    let tags: BTreeMap<String, String> =
        tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Fact::known(Arc::new(tags), "tag:GetResources", then)
}

pub fn policies(arns: &[&str], then: Timestamp) -> Fact<Option<RolePolicies>> {
    let attached = arns.iter().map(|arn| Arc::from(*arn)).collect();
    Fact::known(Some(RolePolicies { attached, ..RolePolicies::default() }), "iam:ListAttachedRolePolicies", then)
}

pub fn stream(there: bool, then: Timestamp) -> Fact<Option<LogStream>> {
    let stream = LogStream { log_group: "/ssm-session-logs".into(), arn: None, created_at: None, last_event_at: None };
    Fact::known(there.then_some(stream), "logs:DescribeLogStreams", then)
}

pub fn archive(there: bool, then: Timestamp) -> Fact<Option<ArchiveObject>> {
    let object = ArchiveObject {
        bucket: "archive".into(),
        key: "jane-0a1b2c3d4e5f67890.log".into(),
        size: 10,
        modified_at: None,
        encryption: None,
        kms_key: None,
    };
    Fact::known(there.then_some(object), "s3:ListBucket", then)
}

pub fn document(session_type: SessionType) -> SessionDocument {
    SessionDocument { session_type, inputs: Preferences::default(), content: Default::default() }
}

/// The engine as it is without any config.
pub fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| engine_with(|_| ()));
    &ENGINE
}

pub fn engine_with(bend: impl FnOnce(&mut Parameters)) -> Engine {
    let mut parameters = Parameters::default();
    bend(&mut parameters);
    Engine::new(parameters, Vec::new()).expect("the built-in rules")
}

/// One rule's finding.
pub fn finding(engine: &Engine, case: &Case, now: Timestamp, rule: &str) -> Finding {
    let findings = engine.explain(&case.evidence(), now);
    findings.into_iter().find(|finding| finding.rule.as_str() == rule).expect("the rule")
}

#[track_caller]
pub fn assert_verdict(engine: &Engine, case: &Case, now: Timestamp, rule: &str, verdict: Verdict) {
    let finding = finding(engine, case, now, rule);
    assert_eq!(finding.status, verdict, "{rule} of {case:#?} at {now}: {finding:#?}");
}
