//! Where the reference guardrail is known to be wrong, by the numbers of the catalogue. Not the engine's to get right: 6
//! (where the object is looked for), 8 (the listing; what the engine does of an old one is in missing.rs), 10 and 12
//! (ending sessions, metrics).

use super::{table::*, *};
use crate::{
    compliance::Network,
    domain::{Failure, FailureClass},
};

use Verdict::{Compliant, InsufficientData, NonCompliant, NotApplicable};

/// 1: a session that was resumed must keep being judged.
#[test]
fn a_resumed_session_is_judged_by_where_it_was_resumed_from() {
    let engine = with(|parameters| {
        parameters.allowed_networks = Network::parse("198.51.100.0/24").into_iter().collect();
    });
    let mut case = Case::good();
    assert_verdict(&engine, &case, at(300), "WHO-03", Compliant);
    case.session.status = SessionStatus::Disconnected;
    assert_verdict(&engine, &case, at(300), "WHO-03", Compliant);
    case.session.status = SessionStatus::Connected;
    case.status_since = at(250);
    let resumed = TrailEvent { call: TrailCall::ResumeSession, at: at(250), ..start_record() };
    case.resume_records = vec![TrailEvent { source_ip: Some("203.0.113.9".into()), ..resumed }];
    let before: Vec<Finding> = engine.explain(&Case::good().evidence(), at(300));
    for finding in engine.explain(&case.evidence(), at(300)) {
        let was = before.iter().find(|before| before.rule == finding.rule).unwrap();
        let expected = if finding.rule.as_str() == "WHO-03" { NonCompliant } else { was.status };
        assert_eq!(finding.status, expected, "{finding:#?}");
    }
}

/// 2: these forms passed as compliant, or crashed the check.
#[test]
fn no_form_of_a_deny_passes_and_none_breaks_the_judge() {
    let cases = [
        (r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#, NonCompliant),
        (r#"{"Statement":[{"Effect":"Deny","NotAction":"iam:*","Resource":"*"}]}"#, NonCompliant),
        (r#"{"Statement":{"Effect":"Deny","Action":["s3:PutObject"],"Resource":"*"}}"#, NonCompliant),
        (r#"{"Statement":{"Effect":"Deny","Action":"LOGS:putlogevents","Resource":["*"]}}"#, NonCompliant),
        (r#"{"Statement":{"Effect":"Deny","Action":"kms:Generate*Key","Resource":"*"}}"#, NonCompliant),
        (r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, Compliant),
        (r#"{"Statement":[]}"#, Compliant),
        ("", InsufficientData),
        ("[]", InsufficientData),
        (r#"{"Statement":[{"Effect":"Deny"}]}"#, InsufficientData),
    ];
    for (text, verdict) in cases {
        assert_verdict(engine(), &Case::good().with_policy(PolicyKind::Inline, text), at(300), "IAM-02", verdict);
    }
}

/// 4: a zero-byte or a planted object passed.
#[test]
fn an_empty_or_planted_object_is_no_log() {
    let object = |size, modified| {
        ended(|case| {
            let Fact::Known { value: Some(object), .. } = &mut case.archive else { panic!("no object") };
            object.size = size;
            object.modified_at = Some(at(modified));
        })
    };
    assert_verdict(engine(), &object(10, 3_610), at(3_700), "LOG-08", Compliant);
    assert_verdict(engine(), &object(0, 3_610), at(3_700), "LOG-08", NonCompliant);
    assert_verdict(engine(), &object(10, 1_000), at(3_700), "LOG-08", NonCompliant);
}

/// 5: it looked once, 10 s after the end, and its alarm never closed.
#[test]
fn a_late_object_heals_its_session() {
    let looked = |there, seconds: i64| Case { archive: archive(there, at(3_600 + seconds)), ..Case::ended() };
    let verdicts = [(false, 10), (false, 890), (false, 1_000), (true, 1_100)]
        .map(|(there, seconds)| finding(engine(), &looked(there, seconds), at(3_601 + seconds), "LOG-07").status);
    assert_eq!(verdicts, [InsufficientData, InsufficientData, NonCompliant, Compliant]);
    let healed = engine().judge(&looked(true, 1_100).evidence(), at(5_000)).judgement;
    assert_eq!((healed.verdict(), healed.findings), (Compliant, Vec::new()));
}

/// 7: any throttle, denial or time-out of a check ended a healthy session.
#[test]
fn a_check_that_fails_is_unknown_and_heals_with_the_next_read() {
    for class in [FailureClass::Throttled, FailureClass::Denied, FailureClass::Unreachable] {
        for (name, remove) in missing::REMOVALS {
            let mut case = Case::good();
            let failure = Failure { class, action: "x:Read", code: None, message: "no".to_owned() };
            let why = crate::domain::Why::Failed(failure);
            remove(&mut case, crate::domain::Missing { why, retry_at: Some(at(320)) });
            for finding in engine().explain(&case.evidence(), at(300)) {
                assert_ne!(finding.status, NonCompliant, "without {name}: {finding:#?}");
                let planned = finding.missing.iter().all(|missing| missing.retry_at == Some(at(320)));
                assert!(planned, "without {name}: {finding:#?}");
            }
        }
    }
    assert_eq!(engine().judge(&Case::good().evidence(), at(300)).judgement.verdict(), Compliant);
}

/// 11: it never showed compliant sessions, nor which rules were asked.
#[test]
fn a_healthy_session_is_shown_with_all_rules() {
    let findings = engine().explain(&Case::good().evidence(), at(300));
    let of_sessions = engine().rules().iter().filter(|rule| rule.subject == crate::compliance::Subject::Session);
    assert_eq!(findings.len(), of_sessions.count());
    assert!(findings.iter().all(|finding| matches!(finding.status, Compliant | NotApplicable)));
    let judged = findings.iter().filter(|finding| finding.status == Compliant);
    assert!(judged.into_iter().all(|finding| !finding.evidence.is_empty()));
}

/// 1 and 9: its watch ignored resumption, and died silently after 6.5 hours.
#[test]
fn a_session_resumed_or_forgotten_for_hours_is_still_judged() {
    // Nothing about age or resumption switches the judge off.
    let engine = engine_with(|parameters| parameters.max_age = SignedDuration::from_hours(100));
    let mut case = Case::good().seen(at(30_000));
    case.session.status = SessionStatus::Connected;
    case.status_since = at(29_990);
    case.role_policies = policies(&[], at(30_000));
    assert_verdict(&engine, &case, at(30_001), "IAM-01", NonCompliant);
}

/// 3: with CloudWatch on, "no stream" counted as "S3 log present".
#[test]
fn a_stream_is_no_archive_object() {
    let mut case = Case::ended();
    case.log_stream = stream(false, at(3_590));
    case.archive = archive(false, at(9_000));
    assert_verdict(engine(), &case, at(9_001), "LOG-07", NonCompliant);
    case.log_stream = stream(true, at(3_590));
    assert_verdict(engine(), &case, at(9_001), "LOG-07", NonCompliant);
}
