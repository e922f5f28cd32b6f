//! What a verdict costs: all rules over one session, in the cases that matter.
//!
//! Bounds to hold: 100 µs a session; the engine itself is made once, before the first frame (50 ms for all of that).

use std::{collections::BTreeMap, sync::Arc};

use divan::{Bencher, black_box};
use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    compliance::{
        Concurrency, Engine, Parameters, PrincipalEvidence, RoleEvidence, SessionEvidence, StreamEvidence,
        TrailEvidence, deny::DenyAnalysis,
    },
    domain::{
        AccessType, ArchiveObject, DocumentStanding, Fact, Failure, FailureClass, LogStream, Mfa, Node, NodeTags,
        PayloadIdentity, Preferences, RolePolicies, ScopeId, Session, SessionDocument, SessionKey, SessionStatus,
        SessionType, StreamHealth, TrailCall, TrailEvent, Verdict,
    },
};

fn main() {
    divan::main();
}

const OWNER: &str = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/jane@example.com";

struct Case {
    session: Session,
    node: Fact<Option<Node>>,
    tags: Fact<NodeTags>,
    role_policies: Fact<Option<RolePolicies>>,
    preferences: Fact<Option<SessionDocument>>,
    document: Fact<Option<SessionDocument>>,
    log_stream: Fact<Option<LogStream>>,
    archive: Fact<Option<ArchiveObject>>,
    standing: Fact<Option<DocumentStanding>>,
    tail: Fact<()>,
    health: StreamHealth,
    analysis: DenyAnalysis,
    start_record: TrailEvent,
    not_read: Fact<Option<NodeTags>>,
    first_of_principal: Fact<bool>,
    seen: Timestamp,
}

impl Case {
    fn evidence(&self) -> SessionEvidence<'_> {
        SessionEvidence {
            session: &self.session,
            listed_at: self.seen,
            status_since: self.seen,
            node: &self.node,
            tags: &self.tags,
            role_policies: &self.role_policies,
            preferences: &self.preferences,
            document: &self.document,
            log_stream: &self.log_stream,
            archive: &self.archive,
            standing: &self.standing,
            stream: StreamEvidence { read: &self.tail, health: Some(&self.health), change: None },
            role: RoleEvidence { analysis: Some(&self.analysis), change: None },
            trail: TrailEvidence {
                read: &self.tail,
                from: Some(self.seen - SignedDuration::from_hours(1)),
                start: Some(&self.start_record),
                resumes: &[],
            },
            principal: PrincipalEvidence {
                tags: &self.not_read,
                changes_read: &self.tail,
                changes_from: None,
                changes: &[],
            },
            concurrency: Concurrency { sessions: 1, nodes: 1, ..Concurrency::default() },
            first_of_principal: &self.first_of_principal,
        }
    }

    fn now(&self) -> Timestamp {
        self.seen + SignedDuration::from_secs(5)
    }
}

/// A session that is as it should be, with the usual number of tags and role policies.
fn compliant(number: usize) -> Case {
    let seen = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000);
    let arns = [
        "111122223333:policy/aws-ssm-guardrails-mandatory-policy-eu-central-1",
        "aws:policy/AmazonSSMManagedInstanceCore",
        "aws:policy/CloudWatchAgentServerPolicy",
    ];
    let attached = arns.iter().map(|arn| format!("arn:aws:iam::{arn}").into()).collect();
    let tags: BTreeMap<String, String> = (0..8)
        .map(|tag| (format!("Tag{tag}"), format!("value-{tag}")))
        .chain([("Environment".into(), "Test".into())])
        .collect();
    let node_id = format!("i-{number:017x}");
    Case {
        session: Session {
            key: SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), format!("jane-{number:017x}")),
            target: node_id.as_str().into(),
            status: SessionStatus::Connected,
            started_at: Some(seen - SignedDuration::from_mins(20)),
            ended_at: None,
            document: None,
            owner: OWNER.into(),
            reason: Some("OPS-1234 disk full on the web node".into()),
            max_duration_minutes: Some(60),
            log_group: None,
            access: Some(AccessType::Standard),
        },
        node: Fact::known(
            Some(Node {
                id: node_id.into(),
                name: Some("web".into()),
                instance_role: Some("web".into()),
                iam_role: None,
                agent_version: Some("3.3.0.0".into()),
                platform: Some("Linux".into()),
                ping_status: Some("Online".into()),
                last_ping: Some(seen),
            }),
            "ssm:DescribeInstanceProperties",
            seen,
        ),
        tags: Fact::known(Arc::new(tags), "tag:GetResources", seen),
        role_policies: Fact::known(
            Some(RolePolicies {
                attached,
                documents: Fact::known(Arc::from([]), "iam:GetPolicyVersion", seen),
                tags: Fact::not_read(),
            }),
            "iam:ListAttachedRolePolicies",
            seen,
        ),
        preferences: Fact::known(
            Some(SessionDocument {
                content: Default::default(),
                session_type: SessionType::StandardStream,
                inputs: Preferences {
                    s3_bucket: "archive".into(),
                    log_group: "/ssm-session-logs".into(),
                    streaming: true,
                    ..Preferences::default()
                },
            }),
            "ssm:GetDocument",
            seen,
        ),
        document: Fact::not_read(),
        log_stream: Fact::known(
            Some(LogStream {
                log_group: "/ssm-session-logs".into(),
                arn: None,
                created_at: None,
                last_event_at: Some(seen),
            }),
            "logs:DescribeLogStreams",
            seen,
        ),
        archive: Fact::not_read(),
        standing: Fact::known(
            Some(DocumentStanding {
                owner: "111122223333".into(),
                public: Fact::known(false, "ssm:DescribeDocumentPermission", seen),
            }),
            "ssm:DescribeDocument",
            seen,
        ),
        tail: Fact::known((), "logs:FilterLogEvents", seen),
        health: StreamHealth {
            events: 40,
            last_event_at: Some(seen),
            identities: [PayloadIdentity {
                session_id: format!("jane-{number:017x}").into(),
                target: format!("i-{number:017x}").into(),
                owner: OWNER.into(),
                run_as_user: "ssm-user".into(),
            }]
            .into(),
            ..StreamHealth::default()
        },
        analysis: DenyAnalysis::default(),
        start_record: TrailEvent {
            event_id: "0f1e2d3c".into(),
            call: TrailCall::StartSession,
            at: seen - SignedDuration::from_mins(20),
            session: format!("jane-{number:017x}").into(),
            source_ip: Some("198.51.100.7".into()),
            user_agent: Some("aws-cli/2".into()),
            mfa: Mfa::Yes,
            identity_type: "AssumedRole".into(),
            identity_arn: Some(OWNER.into()),
            issuer_arn: None,
            access_key_id: Some("ASIAEXAMPLE".into()),
            document: None,
            parameters: BTreeMap::new(),
        },
        not_read: Fact::not_read(),
        first_of_principal: Fact::known(false, "ssm:DescribeSessions", seen),
        seen,
    }
}

/// Wrong in most ways at once: most findings to write.
fn rogue() -> Case {
    let mut case = compliant(1);
    case.session.document = Some("AWS-StartPortForwardingSession".into());
    case.session.reason = None;
    case.session.started_at = Some(case.seen - SignedDuration::from_hours(20));
    case.document = Fact::known(
        Some(SessionDocument {
            session_type: SessionType::Port,
            inputs: Preferences::default(),
            content: Default::default(),
        }),
        "ssm:GetDocument",
        case.seen,
    );
    case.role_policies = Fact::known(Some(RolePolicies::default()), "iam:ListAttachedRolePolicies", case.seen);
    case.tags = Fact::known(
        Arc::new(BTreeMap::from([("Environment".into(), "Production".into())])),
        "tag:GetResources",
        case.seen,
    );
    case
}

/// An account that denies everything but the listing.
fn denied() -> Case {
    fn denial<T>(action: &'static str) -> Fact<T> {
        let failure = Failure { class: FailureClass::Denied, action, code: None, message: "not authorized".into() };
        Fact::failed(failure, None)
    }
    let mut case = compliant(1);
    case.node = denial("ssm:DescribeInstanceProperties");
    case.tags = denial("tag:GetResources");
    case.role_policies = denial("iam:ListAttachedRolePolicies");
    case.preferences = denial("ssm:GetDocument");
    case.log_stream = denial("logs:DescribeLogStreams");
    case
}

fn engine() -> Engine {
    match Engine::new(Parameters::default(), Vec::new()) {
        Ok(engine) => engine,
        Err(error) => unreachable!("the built-in rules: {error}"),
    }
}

fn judge(bencher: Bencher<'_, '_>, case: &Case, verdict: Verdict) {
    let engine = engine();
    assert_eq!(engine.judge(&case.evidence(), case.now()).judgement.verdict(), verdict);
    bencher.bench(|| engine.judge(black_box(&case.evidence()), case.now()));
}

#[divan::bench]
fn one_compliant(bencher: Bencher<'_, '_>) {
    judge(bencher, &compliant(1), Verdict::Compliant);
}

#[divan::bench]
fn one_rogue(bencher: Bencher<'_, '_>) {
    judge(bencher, &rogue(), Verdict::NonCompliant);
}

#[divan::bench]
fn one_denied(bencher: Bencher<'_, '_>) {
    judge(bencher, &denied(), Verdict::InsufficientData);
}

#[divan::bench]
fn explain_one(bencher: Bencher<'_, '_>) {
    let (engine, case) = (engine(), compliant(1));
    bencher.bench(|| engine.explain(black_box(&case.evidence()), case.now()));
}

#[divan::bench(sample_count = 10)]
fn ten_thousand(bencher: Bencher<'_, '_>) {
    let engine = engine();
    let cases: Vec<Case> = (0..10_000).map(compliant).collect();
    bencher.bench(|| cases.iter().map(|case| engine.judge(&case.evidence(), case.now())).collect::<Vec<_>>());
}

#[divan::bench]
fn make_the_engine() -> Engine {
    engine()
}

/// What rules of people's own add: so many, each with a condition of its own, over a thousand sessions.
#[divan::bench(args = [0, 10, 50], sample_count = 10)]
fn own_policies_times_a_thousand_sessions(bencher: Bencher<'_, '_>, policies: usize) {
    let text: String = (0..policies)
        .map(|number| {
            format!(
                "@id(\"OWN-{number}\") @severity(\"LOW\") @title(\"t\") @remediation(\"r\")\n\
                 forbid (principal, action == Action::\"session\", resource)\n\
                 when {{ context.age_seconds > {} && context.document == \"Own-{number}\" }};\n",
                number * 60
            )
        })
        .collect();
    let engine = match Engine::new(Parameters::default(), vec![("own.cedar".to_owned(), text)]) {
        Ok(engine) => engine,
        Err(error) => unreachable!("{error}"),
    };
    let cases: Vec<Case> = (0..1_000).map(compliant).collect();
    bencher.bench(|| {
        cases
            .iter()
            .filter(|case| engine.judge(&case.evidence(), case.now()).judgement.verdict() == Verdict::Compliant)
            .count()
    });
}
