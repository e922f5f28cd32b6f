//! Each rule, each branch.

use super::*;
use crate::domain::Severity;

use Verdict::{Compliant, InsufficientData, NonCompliant, NotApplicable};

const NOW: i64 = 300;

fn reasons(finding: &Finding) -> Vec<(&str, &str)> {
    finding.missing.iter().map(|missing| (missing.fact.as_str(), missing.reason.as_str())).collect()
}

#[test]
fn a_session_as_it_should_be_is_compliant() {
    let judged = engine().judge(&Case::good().evidence(), at(NOW));
    assert_eq!(judged.judgement.findings, []);
    assert_eq!(judged.judgement.verdict(), Compliant);
    let mut silent: Vec<String> = engine()
        .explain(&Case::good().evidence(), at(NOW))
        .into_iter()
        .filter(|finding| finding.status == NotApplicable)
        .map(|finding| finding.rule.to_string())
        .collect();
    silent.sort();
    let unconfigured = ["APR-01", "APR-02", "APR-04", "RUN-01", "TIM-01", "WHO-01", "WHO-03", "WHO-04"];
    let of_other_sessions = ["APR-05", "DOC-05", "IAM-04", "LOG-07", "LOG-08", "LOG-09", "STA-01"];
    let mut expected = [&unconfigured[..], &of_other_sessions[..]].concat();
    expected.sort_unstable();
    assert_eq!(silent, expected);
}

#[test]
fn an_ended_session_as_it_should_be_is_compliant_for_good() {
    let judged = engine().judge(&Case::ended().evidence(), at(3_700));
    assert_eq!(judged.judgement.findings, []);
    let a_week_later = engine().judge(&Case::ended().evidence(), at(600_000));
    assert_eq!((a_week_later.judgement.verdict(), a_week_later.next_change), (Compliant, None));
}

#[test]
fn doc_01_knows_the_allow_list() {
    let allowed =
        vec!["SSM-SessionManagerRunShell".to_owned(), "arn:aws:ssm:eu-central-1:999999999999:document/Ours".to_owned()];
    let engine = engine_with(|parameters| parameters.allowed_documents = allowed);
    let cases = [
        (None, Compliant),
        (Some("SSM-SessionManagerRunShell"), Compliant),
        (Some("arn:aws:ssm:eu-central-1:111122223333:document/SSM-SessionManagerRunShell"), Compliant),
        // The same name in another account or region is another document.
        (Some("arn:aws:ssm:eu-central-1:666666666666:document/SSM-SessionManagerRunShell"), NonCompliant),
        (Some("arn:aws:ssm:us-east-1:111122223333:document/SSM-SessionManagerRunShell"), NonCompliant),
        (Some("arn:aws:ssm:eu-central-1::document/SSM-SessionManagerRunShell"), NonCompliant),
        (Some("arn:aws:ssm:eu-central-1:999999999999:document/Ours"), Compliant),
        (Some("Ours"), NonCompliant),
        (Some("AWS-StartSSHSession"), NonCompliant),
        (Some("ssm-sessionmanagerrunshell"), NonCompliant),
        (Some("arn:"), NonCompliant),
        (Some(""), NonCompliant),
    ];
    for (document, verdict) in cases {
        let mut case = Case::good();
        case.session.document = document.map(Into::into);
        assert_verdict(&engine, &case, at(NOW), "DOC-01", verdict);
    }
}

#[test]
fn doc_01_takes_an_arn_of_this_account_for_the_name() {
    let arn = "arn:aws:ssm:eu-central-1:111122223333:document/Shell";
    let amazons = "arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession";
    let engine = engine_with(|parameters| parameters.allowed_documents = vec![arn.to_owned(), amazons.to_owned()]);
    for document in ["Shell", arn, "AWS-StartSSHSession", amazons] {
        assert_verdict(&engine, &Case::good().with_document(document, None), at(NOW), "DOC-01", Compliant);
    }
    assert_verdict(&engine, &Case::good(), at(NOW), "DOC-01", NonCompliant);
}

#[test]
fn doc_02_finds_port_sessions_by_type_and_by_name() {
    let cases = [
        (Case::good(), Compliant),
        (Case::good().with_document("Tunnel", Some(document(SessionType::Port))), NonCompliant),
        (Case::good().with_document("Shell", Some(document(SessionType::StandardStream))), Compliant),
        (Case::good().with_document("Odd", Some(document(SessionType::Other("New".into())))), Compliant),
        (Case::good().with_document("Odd", None), InsufficientData),
    ];
    for (case, verdict) in cases {
        assert_verdict(engine(), &case, at(NOW), "DOC-02", verdict);
    }
    for name in [
        "AWS-StartSSHSession",
        "AWS-StartPortForwardingSession",
        "AWS-StartPortForwardingSessionToRemoteHost",
        "AWS-StartPortForwardingSessionToSocket",
        "arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession",
    ] {
        // By its name even while nobody could read the document.
        let mut case = Case::good();
        case.session.document = Some(name.into());
        assert_verdict(engine(), &case, at(NOW), "DOC-02", NonCompliant);
        assert_verdict(engine(), &case, at(NOW), "DOC-01", NonCompliant);
    }
}

#[test]
fn doc_03_finds_command_sessions() {
    let cases = [
        (SessionType::StandardStream, Compliant),
        (SessionType::Port, Compliant),
        (SessionType::InteractiveCommands, NonCompliant),
        (SessionType::NonInteractiveCommands, NonCompliant),
    ];
    for (session_type, verdict) in cases {
        let case = Case::good().with_document("Own", Some(document(session_type)));
        assert_verdict(engine(), &case, at(NOW), "DOC-03", verdict);
    }
    assert_verdict(engine(), &Case::good(), at(NOW), "DOC-03", Compliant);
    // A scope without preferences: the service's default shell, which logs nothing.
    let mut bare = Case::good();
    bare.preferences = Fact::known(None, "ssm:GetDocument", at(290));
    assert_verdict(engine(), &bare, at(NOW), "DOC-03", Compliant);
    assert_verdict(engine(), &bare, at(NOW), "LOG-01", NotApplicable);
}

#[test]
fn iam_01_wants_the_mandatory_policy_of_this_account() {
    let name = "aws-ssm-guardrails-mandatory-policy-eu-central-1";
    let cases = [
        (vec![MANDATORY.to_owned()], Compliant),
        (vec![format!("arn:aws:iam::{ACCOUNT}:policy/security/ssm/{name}")], Compliant),
        (vec![format!("arn:aws:iam::aws:policy/{name}")], NonCompliant),
        (vec![format!("arn:aws:iam::999999999999:policy/{name}")], NonCompliant),
        (vec![format!("arn:aws:iam::{ACCOUNT}:policy/{name}-copy")], NonCompliant),
        (vec![format!("arn:aws:iam::{ACCOUNT}:policy/{name}/other")], NonCompliant),
        (vec![format!("arn:aws:iam::{ACCOUNT}:role/{name}")], NonCompliant),
        (vec!["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore".to_owned(), MANDATORY.to_owned()], Compliant),
        (vec![], NonCompliant),
    ];
    for (attached, verdict) in cases {
        let mut case = Case::good();
        case.role_policies = policies(&attached.iter().map(String::as_str).collect::<Vec<_>>(), at(290));
        assert_verdict(engine(), &case, at(NOW), "IAM-01", verdict);
    }
    // Configured as an ARN it is that ARN and no other.
    let exact =
        engine_with(|parameters| parameters.mandatory_policy = "arn:aws:iam::{account}:policy/p-{region}".to_owned());
    let mut case = Case::good();
    case.role_policies = policies(&[&format!("arn:aws:iam::{ACCOUNT}:policy/p-{REGION}")], at(290));
    assert_verdict(&exact, &case, at(NOW), "IAM-01", Compliant);
    case.role_policies = policies(&[&format!("arn:aws:iam::{ACCOUNT}:policy/path/p-{REGION}")], at(290));
    assert_verdict(&exact, &case, at(NOW), "IAM-01", NonCompliant);
    // A role that is gone has no policies that anybody could know.
    case.role_policies = Fact::known(None, "iam:ListAttachedRolePolicies", at(290));
    let gone = finding(&exact, &case, at(NOW), "IAM-01");
    assert_eq!(reasons(&gone), [("role_policies", "not found: iam:ListAttachedRolePolicies")]);
}

#[test]
fn each_kind_of_node_has_its_role_rule() {
    let ec2_without_profile = {
        let mut case = Case::good();
        case.node = Fact::known(
            Some(node("i-0", None, Some("default-host-management"))),
            "ssm:DescribeInstanceProperties",
            at(290),
        );
        case.role_policies = Fact::not_read();
        case
    };
    let lacking = |mut case: Case| {
        case.role_policies = policies(&[], at(290));
        case
    };
    let container = {
        let mut case = Case::good();
        case.session.target = "ecs:cluster_task_container".into();
        case
    };
    let cases = [
        ("ec2", Case::good(), [Compliant, NotApplicable, Compliant]),
        ("ec2 lacking", lacking(Case::good()), [NonCompliant, NotApplicable, Compliant]),
        ("ec2 without profile", ec2_without_profile, [NotApplicable, NotApplicable, NonCompliant]),
        ("hybrid", Case::hybrid(), [NotApplicable, Compliant, NotApplicable]),
        ("hybrid lacking", lacking(Case::hybrid()), [NotApplicable, NonCompliant, NotApplicable]),
        ("container", container, [NotApplicable, NotApplicable, NotApplicable]),
    ];
    for (name, case, verdicts) in cases {
        let found = ["IAM-01", "IAM-04", "IAM-05"].map(|rule| finding(engine(), &case, at(NOW), rule).status);
        assert_eq!(found, verdicts, "{name}");
    }
}

#[test]
fn log_01_waits_for_the_first_line_then_accuses() {
    let cases = [
        (true, 10, Compliant, ""),
        (false, 0, InsufficientData, "pending: the session is too young for a log stream"),
        (false, 15, InsufficientData, "pending: the session is too young for a log stream"),
        (false, 16, InsufficientData, "pending: no output yet"),
        (false, 120, InsufficientData, "pending: no output yet"),
        (false, 121, NonCompliant, ""),
        (false, 4_000, NonCompliant, ""),
    ];
    for (there, sought_at, verdict, reason) in cases {
        let mut case = Case::good().seen(at(sought_at));
        case.log_stream = stream(there, at(sought_at));
        let found = finding(engine(), &case, at(sought_at + 2), "LOG-01");
        assert_eq!(found.status, verdict, "looked for at {sought_at} s");
        let expected: Vec<(&str, &str)> = if reason.is_empty() { vec![] } else { vec![("log_stream_exists", reason)] };
        assert_eq!(reasons(&found), expected);
    }
    // A look before the bound proves nothing after it.
    let mut case = Case::good().seen(at(100));
    case.log_stream = stream(false, at(100));
    assert_verdict(engine(), &case, at(200), "LOG-01", InsufficientData);
}

#[test]
fn log_01_speaks_of_streamed_shells_that_run() {
    let unstreamed = |bend: fn(&mut Case)| {
        let mut case = Case::good();
        case.log_stream = stream(false, at(290));
        bend(&mut case);
        case
    };
    let shell = |streaming: bool| {
        let mut shell = document(SessionType::StandardStream);
        shell.inputs.streaming = streaming;
        unstreamed(|_| ()).with_document("Own", Some(shell))
    };
    let cases = [
        ("connected", unstreamed(|_| ()), NonCompliant),
        ("disconnected", unstreamed(|case| case.session.status = SessionStatus::Disconnected), NonCompliant),
        ("new status", unstreamed(|case| case.session.status = SessionStatus::Other("Odd".into())), NonCompliant),
        ("connecting", unstreamed(|case| case.session.status = SessionStatus::Connecting), NotApplicable),
        ("terminating", unstreamed(|case| case.session.status = SessionStatus::Terminating), NotApplicable),
        ("terminated", unstreamed(|case| case.session.status = SessionStatus::Terminated), NotApplicable),
        ("failed", unstreamed(|case| case.session.status = SessionStatus::Failed), NotApplicable),
        ("own document, streamed", shell(true), NonCompliant),
        ("own document, not streamed", shell(false), NotApplicable),
        ("port", unstreamed(|_| ()).with_document("P", Some(document(SessionType::Port))), NotApplicable),
    ];
    for (name, case, verdict) in cases {
        let found = finding(engine(), &case, at(NOW), "LOG-01");
        assert_eq!(found.status, verdict, "{name}: {found:#?}");
    }
}

#[test]
fn log_07_waits_out_the_grace_then_accuses_and_closes_by_itself() {
    let cases = [
        (false, 10, 11, InsufficientData),
        (false, 890, 900, InsufficientData),
        (false, 895, 901, NonCompliant),
        (false, 50_000, 50_001, NonCompliant),
        (true, 10, 11, Compliant),
        (true, 10, 90_000, Compliant),
        // Late: it closes.
        (true, 2_000, 2_001, Compliant),
        // A last look long before the end of the grace does not decide.
        (false, 60, 901, InsufficientData),
        // One shortly before or after it does, for good.
        (false, 900, 900_000, NonCompliant),
    ];
    for (there, looked, now, verdict) in cases {
        let mut case = Case::ended();
        case.archive = archive(there, at(3_600 + looked));
        let found = finding(engine(), &case, at(3_600 + now), "LOG-07");
        assert_eq!(found.status, verdict, "there {there}, looked {looked}, now {now}: {found:#?}");
    }
    let mut pending = Case::ended();
    pending.archive = archive(false, at(3_620));
    let found = finding(engine(), &pending, at(3_700), "LOG-07");
    assert_eq!(reasons(&found), [("archive_object_exists", "pending: log object pending")]);
}

#[test]
fn log_07_gives_longer_sessions_longer() {
    let mut case = Case::ended().seen(at(36_000));
    case.session.ended_at = Some(at(36_000));
    case.archive = archive(false, at(36_000 + 3_599));
    assert_verdict(engine(), &case, at(36_000 + 3_600), "LOG-07", InsufficientData);
    assert_verdict(engine(), &case, at(36_000 + 3_601), "LOG-07", NonCompliant);
}

#[test]
fn log_07_speaks_of_sessions_that_ran_and_have_a_bucket() {
    let missing = |bend: fn(&mut Case)| {
        let mut case = Case::ended();
        case.archive = archive(false, at(9_000));
        bend(&mut case);
        case
    };
    let no_bucket = |case: &mut Case| {
        case.preferences = Fact::known(Some(document(SessionType::StandardStream)), "ssm:GetDocument", at(3_590));
    };
    let central = engine_with(|parameters| parameters.log_bucket = Some("central-{region}".to_owned()));
    let port = missing(|_| ()).with_document("P", Some(document(SessionType::Port))).seen(at(3_600));
    let command = missing(|_| ())
        .with_document("AWS-StartInteractiveCommand", Some(document(SessionType::InteractiveCommands)))
        .seen(at(3_600));
    let cases = [
        ("as it was", engine(), missing(|_| ()), NonCompliant),
        (
            "active",
            engine(),
            missing(|case| case.session.status = SessionStatus::Connected).seen(at(8_990)),
            NotApplicable,
        ),
        ("failed", engine(), missing(|case| case.session.status = SessionStatus::Failed), NotApplicable),
        ("no bucket", engine(), missing(no_bucket), NotApplicable),
        ("no bucket of its own, but a central one", &central, missing(no_bucket), NonCompliant),
        ("port", engine(), port.clone(), NotApplicable),
        ("port, central bucket", &central, port, NotApplicable),
        ("command of Amazon's", engine(), command, NonCompliant),
    ];
    for (name, engine, mut case, verdict) in cases {
        case.archive = archive(false, at(9_000));
        let found = finding(engine, &case, at(9_000), "LOG-07");
        assert_eq!(found.status, verdict, "{name}: {found:#?}");
    }
    let found = finding(&central, &missing(|_| ()), at(9_000), "LOG-07");
    let bucket = found.evidence.iter().find(|evidence| evidence.fact == "archive_bucket").unwrap();
    assert_eq!((bucket.value.as_str(), bucket.source.as_str()), ("central-eu-central-1", "config"));
}

#[test]
fn tag_01_finds_production_without_approval_on_every_kind_of_node() {
    for base in [Case::good(), Case::hybrid()] {
        let cases = [
            ("Environment", "Prod", Some(AccessType::Standard), NonCompliant),
            ("environment", "PRODUCTION", Some(AccessType::Standard), NonCompliant),
            // The service documents Standard as the default.
            ("Environment", "prod", None, NonCompliant),
            ("Environment", "prod", Some(AccessType::JustInTime), Compliant),
            ("Environment", "Test", Some(AccessType::Standard), Compliant),
            ("Env", "Prod", Some(AccessType::Standard), Compliant),
        ];
        for (key, value, access, verdict) in cases {
            let mut case = base.clone();
            case.tags = tags(&[("Name", "x"), (key, value)], at(290));
            case.session.access = access;
            assert_verdict(engine(), &case, at(NOW), "TAG-01", verdict);
        }
        let mut untagged = base;
        untagged.tags = tags(&[], at(290));
        assert_verdict(engine(), &untagged, at(NOW), "TAG-01", Compliant);
    }
}

#[test]
fn tim_02_finds_old_sessions() {
    let cases = [
        (None, 43_200, Compliant),
        (None, 43_201, NonCompliant),
        (Some(60), 3_720, Compliant),
        (Some(60), 3_721, NonCompliant),
        (Some(1_440), 43_201, NonCompliant),
    ];
    for (limit, age, verdict) in cases {
        let mut case = Case::good().seen(at(age));
        case.session.max_duration_minutes = limit;
        assert_verdict(engine(), &case, at(age), "TIM-02", verdict);
    }
    assert_verdict(engine(), &Case::ended(), at(3_610), "TIM-02", NotApplicable);
    let mut undated = Case::good();
    undated.session.started_at = None;
    let found = finding(engine(), &undated, at(NOW), "TIM-02");
    assert_eq!(reasons(&found), [("age_seconds", "pending: AWS has not sent StartDate")]);
}

#[test]
fn who_06_wants_a_reason_and_a_ticket_where_one_is_demanded() {
    let demanding =
        engine_with(|parameters| parameters.ticket_pattern = Some(regex::Regex::new(r"\bOPS-\d+\b").unwrap()));
    let cases = [
        (Some("OPS-1 disk"), Compliant, Compliant),
        (Some("disk"), Compliant, NonCompliant),
        (Some("  "), NonCompliant, NonCompliant),
        (Some(""), NonCompliant, NonCompliant),
        (None, NonCompliant, NonCompliant),
    ];
    for (reason, plain, demanded) in cases {
        let mut case = Case::good();
        case.session.reason = reason.map(Into::into);
        assert_verdict(engine(), &case, at(NOW), "WHO-06", plain);
        assert_verdict(&demanding, &case, at(NOW), "WHO-06", demanded);
    }
}

#[test]
fn sta_01_finds_hanging_sessions() {
    let cases = [
        (SessionStatus::Connected, 5_000, NotApplicable),
        (SessionStatus::Terminating, 300, Compliant),
        (SessionStatus::Terminating, 301, NonCompliant),
        (SessionStatus::Disconnected, 301, NonCompliant),
        (SessionStatus::Terminated, 5_000, NotApplicable),
    ];
    for (status, seconds, verdict) in cases {
        let mut case = Case::good().seen(at(1 + seconds));
        case.session.status = status;
        assert_verdict(engine(), &case, at(1 + seconds), "STA-01", verdict);
    }
}

#[test]
fn findings_carry_their_evidence_and_stand_worst_first() {
    let mut case = Case::good();
    case.session.document = Some("AWS-StartSSHSession".into());
    case.session.reason = None;
    case.role_policies = Fact::not_read();
    let judged = engine().judge(&case.evidence(), at(NOW));
    let order: Vec<(String, Verdict)> =
        judged.judgement.findings.iter().map(|finding| (finding.rule.to_string(), finding.status)).collect();
    let expected = [
        ("DOC-01", NonCompliant),
        ("DOC-02", NonCompliant),
        ("WHO-06", NonCompliant),
        ("IAM-01", InsufficientData),
        ("IAM-02", InsufficientData),
        ("IAM-03", InsufficientData),
        ("LOG-01", InsufficientData),
        ("LOG-03", InsufficientData),
        ("LOG-05", InsufficientData),
        ("DOC-03", InsufficientData),
        ("LOG-02", InsufficientData),
        ("LOG-04", InsufficientData),
        ("DOC-05", InsufficientData),
        ("LOG-06", InsufficientData),
        ("LOG-11", InsufficientData),
        ("TIM-03", InsufficientData),
    ];
    assert_eq!(order, expected.map(|(rule, status)| (rule.to_owned(), status)));
    assert_eq!(judged.judgement.severity(), Some(Severity::Critical));
    let finding = &judged.judgement.findings[0];
    let quoted: Vec<(&str, &str, &str)> = finding
        .evidence
        .iter()
        .map(|evidence| (evidence.fact.as_str(), evidence.value.as_str(), evidence.source.as_str()))
        .collect();
    assert_eq!(
        quoted,
        [
            ("document", "AWS-StartSSHSession", "ssm:DescribeSessions"),
            ("document_arn", "arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession", "ssm:DescribeSessions"),
            ("parameters.allowed_documents", "SSM-SessionManagerRunShell", "config"),
        ]
    );
    assert!(finding.evidence[..2].iter().all(|evidence| evidence.at == at(290)));
    assert!(!finding.title.is_empty() && !finding.remediation.is_empty());
}
