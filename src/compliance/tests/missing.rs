//! Missing facts: always named, never a pass.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{
    compliance::Network,
    domain::{Failure, FailureClass, Missing, Why},
};

use Verdict::{Compliant, InsufficientData, NotApplicable};

fn failure(class: FailureClass, action: &'static str) -> Failure {
    Failure { class, action, code: None, message: "no".to_owned() }
}

/// A way to take one piece of evidence away.
pub type Removal = fn(&mut Case, Missing);

pub const REMOVALS: [(&str, Removal); 15] = [
    ("node", |case, missing| case.node = Fact::Missing(missing)),
    ("tags", |case, missing| case.tags = Fact::Missing(missing)),
    ("role_policies", |case, missing| case.role_policies = Fact::Missing(missing)),
    ("preferences", |case, missing| case.preferences = Fact::Missing(missing)),
    ("document", |case, missing| case.document = Fact::Missing(missing)),
    ("log_stream", |case, missing| case.log_stream = Fact::Missing(missing)),
    ("archive", |case, missing| case.archive = Fact::Missing(missing)),
    ("standing", |case, missing| case.standing = Fact::Missing(missing)),
    ("document_public", |case, missing| {
        if let Fact::Known { value: Some(standing), .. } = &mut case.standing {
            standing.public = Fact::Missing(missing);
        }
    }),
    ("tail", |case, missing| case.tail = Fact::Missing(missing)),
    ("trail", |case, missing| {
        case.trail = Fact::Missing(missing);
        case.start_record = None;
    }),
    ("principal_tags", |case, missing| case.principal_tags = Fact::Missing(missing)),
    ("tag_changes_read", |case, missing| case.tag_changes_read = Fact::Missing(missing)),
    ("first_of_principal", |case, missing| case.first_of_principal = Fact::Missing(missing)),
    ("role_documents", |case, missing| {
        if let Fact::Known { value: Some(role), .. } = &mut case.role_policies {
            role.documents = Fact::Missing(missing);
        }
    }),
];

/// Every reason, with the words for it.
fn whys() -> [(Why, String); 6] {
    [
        (Why::NotRead, "not read yet".into()),
        (Why::Pending("read is under way".into()), "pending: read is under way".into()),
        (Why::Failed(failure(FailureClass::Denied, "x:Read")), "denied: x:Read".into()),
        (Why::Failed(failure(FailureClass::Throttled, "x:Read")), "throttled: x:Read".into()),
        (Why::Failed(failure(FailureClass::Unreachable, "x:Read")), "unreachable: x:Read".into()),
        (Why::Stale(at(7)), "stale: last read 2026-11-20T09:00:07Z".into()),
    ]
}

/// All that can be demanded.
fn demanding(parameters: &mut Parameters) {
    parameters.allowed_documents.push("Own".to_owned());
    parameters.allowed_principals = vec!["arn:aws:*:user/*".into(), "arn:aws:*/Ops/*".into()];
    parameters.allowed_networks = Network::parse("198.51.100.0/24").into_iter().collect();
    parameters.tag_pairs.insert("APP_ID".into(), "AppId".into());
    parameters.roles_required = true;
    parameters.approval_required = true;
    parameters.run_as_required = true;
}

/// Started by an IAM user.
pub fn of_user() -> Session {
    Session { owner: "arn:aws:iam::111122223333:user/jane".into(), ..Case::good().session }
}

/// Evidence, a session that needs it, and the rules that lack it with the fact that each of them names.
type Lacking<'a> = (&'a str, Case, &'a [(&'a str, &'a str)]);

#[test]
fn each_rule_names_the_fact_it_lacks_and_why() {
    let custom = || Case::good().with_document("Own", Some(document(SessionType::StandardStream)));
    const TYPE: &[(&str, &str)] = &[
        ("DOC-02", "session_type"),
        ("DOC-03", "session_type"),
        ("DOC-05", "session_type"),
        ("LOG-01", "session_type"),
        ("LOG-02", "session_type"),
        ("LOG-03", "session_type"),
        ("LOG-04", "session_type"),
        ("LOG-05", "session_type"),
        ("LOG-06", "session_type"),
        ("LOG-11", "session_type"),
        ("RUN-01", "session_type"),
        ("TIM-03", "session_type"),
    ];
    let tunnel = || Case::good().with_document("Own", Some(document(SessionType::Port)));
    let cases: [Lacking<'_>; 17] = [
        (
            "node",
            Case::good(),
            &[
                ("IAM-01", "has_instance_profile"),
                ("IAM-02", "has_instance_profile"),
                ("IAM-03", "has_instance_profile"),
                ("IAM-05", "has_instance_profile"),
            ],
        ),
        ("tags", Case::good(), &[("TAG-01", "production_tag"), ("WHO-04", "tag_pair_mismatch")]),
        (
            "role_policies",
            Case::hybrid(),
            &[("IAM-02", "denied_actions"), ("IAM-03", "role_change"), ("IAM-04", "role_policies")],
        ),
        ("role_documents", Case::hybrid(), &[("IAM-02", "denied_actions"), ("IAM-03", "role_change")]),
        ("preferences", Case::good(), TYPE),
        ("document", custom(), TYPE),
        (
            "log_stream",
            Case::good(),
            &[
                ("LOG-01", "log_stream_exists"),
                ("LOG-02", "log_stream_exists"),
                ("LOG-03", "stream_change"),
                ("LOG-04", "log_stream_exists"),
                ("LOG-05", "log_stream_exists"),
                ("LOG-06", "log_stream_exists"),
                ("LOG-11", "log_stream_exists"),
                ("RUN-01", "log_stream_exists"),
                ("TIM-03", "quiet_seconds"),
            ],
        ),
        (
            "archive",
            Case::ended(),
            &[
                ("LOG-07", "archive_object_exists"),
                ("LOG-08", "archive_object_exists"),
                ("LOG-09", "archive_object_exists"),
            ],
        ),
        ("standing", Case::good(), &[("DOC-04", "document_owner")]),
        ("document_public", Case::good(), &[("DOC-04", "document_public")]),
        (
            "tail",
            Case::good(),
            &[
                ("LOG-02", "quiet_seconds"),
                ("LOG-04", "saturated_flushes"),
                ("LOG-05", "payload_mismatch"),
                ("LOG-06", "backwards_seconds"),
                ("LOG-11", "delayed_reads"),
                ("RUN-01", "run_as_users"),
                ("TIM-03", "quiet_seconds"),
            ],
        ),
        ("trail", Case::good(), &[("WHO-02", "mfa"), ("WHO-03", "source_ips_allowed")]),
        ("trail", tunnel(), &[("DOC-05", "remote_host_denied"), ("WHO-02", "mfa"), ("WHO-03", "source_ips_allowed")]),
        (
            "trail",
            Case { session: of_user(), ..Case::good() },
            &[("WHO-02", "mfa"), ("WHO-03", "source_ips_allowed"), ("WHO-05", "long_term_key")],
        ),
        ("principal_tags", Case::good(), &[("APR-02", "approval_tag_present"), ("WHO-04", "tag_pair_mismatch")]),
        ("tag_changes_read", Case::good(), &[("APR-01", "approved_at_start"), ("APR-02", "approval_tag_seconds")]),
        ("first_of_principal", Case::good(), &[("WHO-07", "first_of_principal")]),
    ];
    let engine = engine_with(demanding);
    for (name, mut case, lacking) in cases {
        // Approved when it started: what CloudTrail has is told by now.
        table::carries(&mut case, -60);
        let (_, remove) = REMOVALS.iter().find(|(removal, _)| *removal == name).unwrap();
        for (why, words) in whys() {
            let mut case = case.clone();
            let retry_at = Some(at(9_999));
            remove(&mut case, Missing { why, retry_at });
            let findings = engine.explain(&case.evidence(), at(300).max(case.listed_at));
            for (rule, fact) in lacking {
                let finding = findings.iter().find(|finding| finding.rule.as_str() == *rule).unwrap();
                assert_eq!(finding.status, InsufficientData, "{rule} without {name}");
                let missing: Vec<_> =
                    finding.missing.iter().map(|m| (m.fact.as_str(), m.reason.as_str(), m.retry_at)).collect();
                assert_eq!(missing, [(*fact, words.as_str(), retry_at)], "{rule} without {name}");
            }
            for finding in
                findings.iter().filter(|finding| lacking.iter().all(|(rule, _)| finding.rule.as_str() != *rule))
            {
                assert_ne!(finding.status, InsufficientData, "{finding:#?} without {name}");
            }
        }
    }
}

#[test]
fn a_role_that_cannot_be_named_is_blamed_on_the_node() {
    let mut case = Case::hybrid();
    case.node = Fact::failed(failure(FailureClass::Denied, "ssm:DescribeInstanceProperties"), None);
    case.role_policies = Fact::not_read();
    let found = finding(engine(), &case, at(300), "IAM-04");
    assert_eq!(found.missing[0].reason, "depends on node_role, which is missing");
    case.node = Fact::known(Some(node("mi-0123456789abcdef0", None, None)), "ssm:DescribeInstanceProperties", at(290));
    let found = finding(engine(), &case, at(300), "IAM-04");
    assert_eq!((found.status, found.missing[0].reason.as_str()), (InsufficientData, "the node does not report a role"));
    case.node = Fact::known(None, "ssm:DescribeInstanceProperties", at(290));
    let ec2 = Case { node: case.node.clone(), ..Case::good() };
    let found = finding(engine(), &ec2, at(300), "IAM-05");
    assert_eq!(found.missing[0].reason, "not found: ssm:DescribeInstanceProperties");
}

#[test]
fn a_failing_check_never_accuses() {
    // Fault 7: a throttle, a denial or a time-out of a check ended a healthy session.
    for (why, _) in whys() {
        let mut case = Case::good();
        for (_, remove) in REMOVALS {
            remove(&mut case, Missing { why: why.clone(), retry_at: None });
        }
        let judged = engine().judge(&case.evidence(), at(300));
        assert_eq!(judged.judgement.verdict(), InsufficientData);
        assert!(judged.judgement.findings.iter().all(|finding| finding.status == InsufficientData));
        assert_eq!(judged.judgement.severity(), None);
    }
}

#[test]
fn an_old_listing_says_nothing_of_now() {
    // Fault 8: one bad answer must not end the watch; what was listed long ago is not what is.
    let mut case = Case::good();
    case.listed_at = at(100);
    let findings = engine().explain(&case.evidence(), at(300));
    for rule in ["LOG-01", "LOG-07", "STA-01", "TIM-02"] {
        let finding = findings.iter().find(|finding| finding.rule.as_str() == rule).unwrap();
        assert_eq!(finding.status, InsufficientData, "{rule}");
        assert_eq!(finding.missing[0].reason, "stale: last read 2026-11-20T09:01:40Z", "{rule}");
    }
    // What a session was started with does not change.
    let document = findings.iter().find(|finding| finding.rule.as_str() == "DOC-01").unwrap();
    assert_eq!(document.status, Compliant);
}

#[test]
fn after_the_end_evidence_is_as_old_as_it_was_then() {
    let fresh_then = Case::ended();
    assert_verdict(engine(), &fresh_then, at(500_000), "IAM-01", Compliant);
    let mut stale_then = Case::ended();
    stale_then.role_policies = policies(&[MANDATORY], at(3_600 - 180));
    assert_verdict(engine(), &stale_then, at(500_000), "IAM-01", InsufficientData);
}

/// Sessions of all kinds, in all states of knowledge.
pub fn cases() -> impl Strategy<Value = (Case, Timestamp)> {
    let documents = select(vec![
        None,
        Some("SSM-SessionManagerRunShell"),
        Some("AWS-StartSSHSession"),
        Some("Own"),
        Some("arn:aws:ssm:eu-central-1:999999999999:document/Theirs"),
    ]);
    let statuses =
        select(vec!["Connected", "Connecting", "Disconnected", "Terminating", "Terminated", "Failed", "Odd"]);
    let types = select(vec!["Standard_Stream", "Port", "InteractiveCommands", "Odd"]);
    let session = (documents, statuses, any::<bool>(), any::<bool>(), select(vec![None, Some(1), Some(60)]));
    let settings = (types, any::<bool>(), any::<bool>());
    let findings = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let ages = prop::collection::vec(0_i64..2_000, 7);
    let moments = (prop_oneof![0_i64..400, 0_i64..50_000], 0_i64..5_000, 0_i64..999_999_999);
    let absent = prop::collection::vec(prop::bool::weighted(0.1), REMOVALS.len());
    let more = (prop::collection::vec(any::<bool>(), 18), prop::collection::vec(0_i64..2_000, 8));
    (session, settings, findings, ages, moments, absent, more).prop_map(
        |(
            (document_name, status, hybrid, reasoned, limit),
            (kind, streaming, bucket),
            found,
            ages,
            moments,
            absent,
            (coins, more_ages),
        )| {
            let (now, since_end, nanoseconds) = moments;
            let end = now - since_end;
            let now_at = at(now) + SignedDuration::from_nanos(nanoseconds);
            let read = |index: usize| now_at - SignedDuration::from_secs(ages[index]);
            let mut case = if hybrid { Case::hybrid() } else { Case::good() };
            case.session.document = document_name.map(Into::into);
            case.session.status = SessionStatus::parse(status);
            if matches!(case.session.status, SessionStatus::Terminated | SessionStatus::Failed) {
                case.session.ended_at = Some(at(end));
            }
            case.status_since = at(end);
            case.session.reason = reasoned.then(|| "OPS-1".into());
            case.session.max_duration_minutes = limit;
            case.listed_at = read(0);
            let inputs = Preferences {
                streaming,
                s3_bucket: if bucket { "archive".into() } else { String::new() },
                ..Preferences::default()
            };
            let document =
                Some(SessionDocument { session_type: SessionType::parse(kind), inputs, content: Default::default() });
            let (in_production, has_policy, has_stream, has_object, has_profile) = found;
            let node_id = case.session.target.to_string();
            let profile = has_profile.then_some("web");
            let tag = if in_production { "PROD" } else { "test" };
            case.node =
                Fact::known(Some(node(&node_id, profile, Some("hybrid"))), "ssm:DescribeInstanceProperties", read(1));
            case.tags = tags(&[("Environment", tag)], read(2));
            case.role_policies = policies(if has_policy { &[MANDATORY] } else { &[] }, read(3));
            case.preferences = Fact::known(document.clone(), "ssm:GetDocument", read(4));
            case.document = Fact::known(document, "ssm:GetDocument", read(4));
            case.log_stream = stream(has_stream, read(5));
            case.archive = archive(has_object, read(6));
            vary(&mut case, &coins, &more_ages, now_at);
            for (absent, (_, remove)) in absent.into_iter().zip(REMOVALS) {
                if absent {
                    remove(&mut case, Missing { why: Why::NotRead, retry_at: None });
                }
            }
            (case, now_at)
        },
    )
}

/// The evidence beyond the listing, the node and the documents: by coins, and that many seconds old.
fn vary(case: &mut Case, coins: &[bool], ages: &[i64], now: Timestamp) {
    let read = |index: usize| now - SignedDuration::from_secs(ages[index]);
    let text = |coin: usize, one: &'static str, other: &'static str| if coins[coin] { one } else { other };
    if coins[0] {
        case.session = Session { owner: of_user().owner, ..case.session.clone() };
    }
    case.session.access = Some(if coins[1] { AccessType::JustInTime } else { AccessType::Standard });
    let public = Fact::known(coins[2], "ssm:DescribeDocumentPermission", read(0));
    let standing = DocumentStanding { owner: text(3, ACCOUNT, "Amazon").into(), public };
    case.standing = Fact::known(Some(standing), "ssm:DescribeDocument", read(0));
    case.tail = Fact::known((), "logs:FilterLogEvents", read(1));
    let mut health = health();
    health.last_event_at = Some(read(2));
    if coins[4] {
        health.saturated_flushes = 3;
        health.clock_gap_seconds = 400;
        health.delayed_reads = 3;
    }
    let mut identity = health.identities.pop_first().unwrap();
    if coins[5] {
        identity.target = "i-666".into();
    }
    identity.run_as_user = text(6, "jane", "").into();
    health.identities.insert(identity);
    case.health = coins[7].then_some(health);
    case.stream_change = coins[8].then(|| ("vanished".to_owned(), read(3)));
    case.role_change = coins[9].then(|| ("detached".to_owned(), read(3)));
    if coins[10] {
        *case = case.clone().with_policy(
            PolicyKind::Inline,
            r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"x":"false"}}}}"#,
        );
    }
    let mut record = start_record();
    record.mfa = if coins[11] { Mfa::Yes } else { Mfa::No };
    record.source_ip = Some(text(12, "198.51.100.7", "203.0.113.9").into());
    record.access_key_id = Some(text(12, "AKIAEXAMPLE", "ASIAEXAMPLE").into());
    record.parameters.insert("portNumber".into(), vec![text(13, "22", "8443").into()]);
    case.trail = Fact::known((), "cloudtrail:LookupEvents", read(4));
    case.start_record = coins[14].then_some(record);
    table::carries(case, ages[5] - 1_000);
    if coins[15] {
        case.tag_changes.clear();
    }
    if let Fact::Known { at, .. } = &mut case.principal_tags {
        *at = read(6);
    }
    if let Fact::Known { at, .. } = &mut case.tag_changes_read {
        *at = read(7);
    }
    let nodes = if coins[16] { 3 } else { 1 };
    let until = coins[16].then(|| now + SignedDuration::from_secs(1 + ages[7]));
    case.concurrency = Concurrency { sessions: 2, nodes, until, uncounted: None };
    case.first_of_principal = Fact::known(coins[17], "ssm:DescribeSessions", read(0));
}

/// With all that can be configured.
pub static DEMANDING: LazyLock<Engine> = LazyLock::new(|| {
    engine_with(|parameters| {
        demanding(parameters);
        parameters.jit_policies = Some(approval::jit_policies());
        parameters.denied_hosts = vec!["db*".into()];
        parameters.archive_encryption = Some("aws:kms".into());
        parameters.allowed_users = vec!["jane".into()];
    })
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Removing any one piece of evidence never turns a verdict into COMPLIANT (or silent) that was not.
    #[test]
    fn what_is_unknown_is_never_a_pass((case, now) in cases(), demands in any::<bool>()) {
        let engine = if demands { &*DEMANDING } else { engine() };
        let before = engine.explain(&case.evidence(), now);
        let verdict_before = engine.judge(&case.evidence(), now).judgement.verdict();
        for (name, remove) in REMOVALS {
            let mut poorer = case.clone();
            remove(&mut poorer, Missing { why: Why::NotRead, retry_at: None });
            check_poorer(engine, name, &before, verdict_before, &poorer, now)?;
        }
        let mut unlisted = case.clone();
        unlisted.listed_at = now - SignedDuration::from_hours(1);
        check_poorer(engine, "listing", &before, verdict_before, &unlisted, now)?;
        let mut undated = case.clone();
        undated.session.started_at = None;
        check_poorer(engine, "start", &before, verdict_before, &undated, now)?;
    }
}

fn check_poorer(
    engine: &Engine,
    name: &str,
    before: &[Finding],
    verdict_before: Verdict,
    poorer: &Case,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    for after in engine.explain(&poorer.evidence(), now) {
        let before = before.iter().find(|finding| finding.rule == after.rule).unwrap();
        prop_assert!(
            after.status == before.status || after.status == InsufficientData,
            "without {name} {} turned from {:?} to {:?}",
            after.rule,
            before.status,
            after.status
        );
        prop_assert_eq!(after.status == InsufficientData, !after.missing.is_empty());
        prop_assert!(after.missing.iter().all(|missing| missing.fact != "policy"), "{:?}", after);
    }
    let verdict_after = engine.judge(&poorer.evidence(), now).judgement.verdict();
    prop_assert!(verdict_after == verdict_before || verdict_after != Compliant);
    prop_assert!(verdict_after != NotApplicable);
    Ok(())
}
