//! One session, all evidence known, all rules content; each test bends it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod accounts;
mod approval;
mod archive;
mod conduct;
mod documents;
mod faults;
mod hostile;
mod missing;
mod nodes;
mod policies;
mod preferences;
mod principals;
mod roles;
mod rules;
mod streams;
mod table;
mod time;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Concurrency, Engine, Parameters, PrincipalEvidence, RoleEvidence, SessionEvidence, StreamEvidence, TrailEvidence,
    deny::DenyAnalysis,
};
use crate::domain::{
    AccessType, ArchiveObject, DocumentStanding, Fact, Finding, LogStream, Mfa, Node, NodeTags, PayloadIdentity,
    PolicyDocument, PolicyKind, Preferences, RolePolicies, ScopeId, Session, SessionDocument, SessionKey,
    SessionStatus, SessionType, StreamHealth, TagChange, TrailCall, TrailEvent, Verdict,
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
    pub standing: Fact<Option<DocumentStanding>>,
    pub tail: Fact<()>,
    pub health: Option<StreamHealth>,
    pub stream_change: Option<(String, Timestamp)>,
    pub analysis: Option<DenyAnalysis>,
    pub role_change: Option<(String, Timestamp)>,
    pub trail: Fact<()>,
    pub start_record: Option<TrailEvent>,
    pub resume_records: Vec<TrailEvent>,
    pub principal_tags: Fact<Option<NodeTags>>,
    pub tag_changes_read: Fact<()>,
    pub tag_changes: Vec<TagChange>,
    pub concurrency: Concurrency,
    pub first_of_principal: Fact<bool>,
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
                log_group: None,
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
            standing: Fact::known(
                Some(DocumentStanding {
                    owner: ACCOUNT.into(),
                    public: Fact::known(false, "ssm:DescribeDocumentPermission", seen),
                }),
                "ssm:DescribeDocument",
                seen,
            ),
            tail: Fact::known((), "logs:FilterLogEvents", seen),
            health: Some(health()),
            stream_change: None,
            analysis: Some(DenyAnalysis::default()),
            role_change: None,
            trail: Fact::known((), "cloudtrail:LookupEvents", seen),
            start_record: Some(start_record()),
            resume_records: Vec::new(),
            principal_tags: Fact::not_read(),
            tag_changes_read: Fact::not_read(),
            tag_changes: Vec::new(),
            concurrency: Concurrency { sessions: 1, nodes: 1, ..Concurrency::default() },
            first_of_principal: Fact::known(false, "ssm:DescribeSessions", seen),
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
        again(&mut self.standing, then);
        again(&mut self.tail, then);
        again(&mut self.trail, then);
        again(&mut self.principal_tags, then);
        again(&mut self.tag_changes_read, then);
        if let Fact::Known { value: Some(standing), .. } = &mut self.standing {
            again(&mut standing.public, then);
        }
        if let Fact::Known { value: Some(role), .. } = &mut self.role_policies {
            again(&mut role.documents, then);
            again(&mut role.tags, then);
        }
        if let Some(health) = &mut self.health {
            health.last_event_at = Some(then);
        }
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
            standing: &self.standing,
            stream: StreamEvidence {
                read: &self.tail,
                health: self.health.as_ref(),
                change: self.stream_change.as_ref().map(|(what, at)| (what.as_str(), *at)),
            },
            role: RoleEvidence {
                analysis: self.analysis.as_ref(),
                change: self.role_change.as_ref().map(|(what, at)| (what.as_str(), *at)),
            },
            trail: TrailEvidence {
                read: &self.trail,
                from: Some(at(-3_600)),
                start: self.start_record.as_ref(),
                resumes: &self.resume_records,
            },
            principal: PrincipalEvidence {
                tags: &self.principal_tags,
                changes_read: &self.tag_changes_read,
                changes_from: Some(at(-3_600)),
                changes: &self.tag_changes,
            },
            concurrency: self.concurrency,
            first_of_principal: &self.first_of_principal,
        }
    }

    /// What the role's policies deny, found out as the board does.
    pub fn with_policy(mut self, kind: PolicyKind, text: &str) -> Self {
        let documents: Arc<[PolicyDocument]> =
            [PolicyDocument { kind, name: "own".into(), version: None, text: text.into() }].into();
        let needs = Parameters::default().needs(&self.session.key.scope);
        self.analysis = Some(DenyAnalysis::of(&documents, &needs));
        self
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
    let documents = Fact::known(Arc::from([]), "iam:GetPolicyVersion", then);
    let tags = Fact::known(NodeTags::default(), "iam:GetRole", then);
    Fact::known(Some(RolePolicies { attached, documents, tags }), "iam:ListAttachedRolePolicies", then)
}

/// A stream that says what it should.
pub fn health() -> StreamHealth {
    let identity = PayloadIdentity {
        session_id: "jane-0a1b2c3d4e5f67890".into(),
        target: "i-0123456789abcdef0".into(),
        owner: "arn:aws:sts::111122223333:assumed-role/Ops/jane".into(),
        run_as_user: "ssm-user".into(),
    };
    StreamHealth {
        events: 12,
        last_event_at: Some(at(285)),
        last_ingested_at: Some(at(286)),
        identities: [identity].into(),
        ..StreamHealth::default()
    }
}

/// CloudTrail's record of a start with a second factor.
pub fn start_record() -> TrailEvent {
    TrailEvent {
        event_id: "0f1e".into(),
        call: TrailCall::StartSession,
        at: at(0),
        session: "jane-0a1b2c3d4e5f67890".into(),
        source_ip: Some("198.51.100.7".into()),
        user_agent: Some("aws-cli/2".into()),
        mfa: Mfa::Yes,
        identity_type: "AssumedRole".into(),
        identity_arn: Some("arn:aws:sts::111122223333:assumed-role/Ops/jane".into()),
        issuer_arn: Some("arn:aws:iam::111122223333:role/Ops".into()),
        access_key_id: Some("ASIAEXAMPLE".into()),
        document: None,
        parameters: BTreeMap::new(),
    }
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
        modified_at: Some(at(3_610)),
        encryption: Some("aws:kms".into()),
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

/// Only those rules, and evidence that does not grow old: what changes is what they say.
pub fn only(rules: &[&str], bend: impl FnOnce(&mut Parameters)) -> Engine {
    engine_with(|parameters| {
        let others = engine().rules().iter().map(|rule| rule.id.to_string());
        parameters.disabled = others.filter(|id| !rules.contains(&id.as_str())).collect();
        parameters.stale_after = SignedDuration::from_hours(10_000);
        bend(parameters);
    })
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
