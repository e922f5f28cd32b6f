//! The report of `ssmwatch check`: JSON, table, exit code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use jiff::Timestamp;
use ssmwatch::{
    domain::{Evidence, Finding, MissingFact, NodeId, ScopeId, Session, SessionKey, SessionStatus, Severity, Verdict},
    report::{CheckReport, Paint, ScopeRow, ScopeStatus, SessionRow, table},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn scope(account: &str, region: &str, name: &str, status: ScopeStatus, error: Option<&str>) -> ScopeRow {
    let active_sessions = (status != ScopeStatus::Unreachable).then_some(3);
    ScopeRow {
        account: account.into(),
        region: region.into(),
        name: name.to_owned(),
        status,
        error: error.map(str::to_owned),
        active_sessions,
    }
}

fn finding(rule: &str, status: Verdict, severity: Severity) -> Finding {
    let evidence = Evidence {
        fact: "document".to_owned(),
        value: "AWS-StartSSHSession --password hunter2".to_owned(),
        source: "ssm:DescribeSessions".to_owned(),
        at: at("2026-11-20T08:59:58Z"),
    };
    let missing = MissingFact {
        fact: "role_policies".to_owned(),
        reason: "denied: iam:ListAttachedRolePolicies".to_owned(),
        retry_at: None,
    };
    Finding {
        rule: rule.into(),
        title: format!("Title of {rule}").into(),
        status,
        severity,
        evidence: vec![evidence],
        missing: if status == Verdict::InsufficientData { vec![missing] } else { Vec::new() },
        remediation: format!("Remedy of {rule}.").into(),
    }
}

fn session(id: &str, owner: &str, document: Option<&str>, findings: Vec<Finding>) -> SessionRow {
    let verdict = findings.iter().map(|finding| finding.status).max().unwrap_or(Verdict::Compliant);
    SessionRow {
        detections: Some(Vec::new()),
        session: Session {
            key: SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), id),
            target: NodeId::from("i-0123456789abcdef0"),
            status: SessionStatus::Connected,
            started_at: Some(at("2026-11-20T08:30:00Z")),
            ended_at: None,
            document: document.map(Into::into),
            owner: owner.into(),
            reason: None,
            max_duration_minutes: None,
            log_group: None,
            access: None,
        },
        account_name: "payments-日本".to_owned(),
        findings,
        verdict,
    }
}

fn report() -> CheckReport {
    CheckReport {
        generated_at: at("2026-11-20T09:00:00.123Z"),
        scopes: vec![
            scope("111122223333", "eu-central-1", "payments-日本", ScopeStatus::Ok, None),
            scope(
                "111122223333",
                "us-east-1",
                "payments-日本",
                ScopeStatus::Partial,
                Some("denied: iam:ListAttachedRolePolicies"),
            ),
            scope(
                "444455556666",
                "eu-central-1",
                "sand\u{1b}[31mbox",
                ScopeStatus::Unreachable,
                Some("unreachable: ssm:DescribeSessions"),
            ),
        ],
        sessions: vec![
            session(
                "carol-3",
                "arn:aws:sts::111122223333:assumed-role/Ops/carol@example.com",
                None,
                vec![
                    finding("IAM-01", Verdict::Compliant, Severity::Critical),
                    finding("TAG-01", Verdict::NotApplicable, Severity::Critical),
                ],
            ),
            session(
                "bob-2",
                "arn:aws:iam::111122223333:user/bob\u{202e}\u{9b}2J",
                None,
                vec![finding("IAM-01", Verdict::InsufficientData, Severity::Critical)],
            ),
            session(
                "jane-1",
                "arn:aws:iam::111122223333:root",
                Some("AWS-StartSSHSession"),
                vec![
                    finding("WHO-06", Verdict::NonCompliant, Severity::Medium),
                    finding("DOC-01", Verdict::NonCompliant, Severity::Critical),
                    finding("LOG-01", Verdict::NotApplicable, Severity::Critical),
                ],
            ),
        ],
        preferences: Vec::new(),
        nodes: Vec::new(),
        accounts: Vec::new(),
    }
}

#[test]
fn json_is_the_contracts() {
    insta::assert_snapshot!(report().json(false).unwrap());
}

#[test]
fn all_adds_what_is_well_and_no_secret_and_no_control_byte_gets_out() {
    let json = report().json(true).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["sessions"][0]["findings"].as_array().unwrap().len(), 3);
    assert_eq!(value["sessions"][2]["findings"].as_array().unwrap().len(), 2);
    assert!(!json.contains("hunter2"));
    for text in [json, table(&report(), true, Paint::Plain)] {
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text}");
    }
}

#[test]
fn the_table_is_aligned_and_loud_about_what_was_not_read() {
    insta::assert_snapshot!(table(&report(), false, Paint::Plain));
}

#[test]
fn what_ended_stands_apart_and_is_counted_apart() {
    let mut report = report();
    let broken = vec![finding("DOC-01", Verdict::NonCompliant, Severity::Critical)];
    let mut over = session("over-9", "arn:aws:iam::111122223333:user/erin", None, broken);
    over.session.status = SessionStatus::Terminated;
    over.session.ended_at = Some(at("2026-11-20T08:50:00Z"));
    over.session.reason = Some("INC-7 --password hunter2".into());
    report.sessions.insert(0, over);
    let text = table(&report, false, Paint::Plain);
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} is not in {text}"));
    assert!(place("carol-3") < place("ENDED WITHIN THE LAST HOUR: 1") && place("ENDED WITHIN") < place("over-9"));
    assert!(text.contains(
        "3 active sessions: 1 NON_COMPLIANT, 1 INSUFFICIENT_DATA, 1 COMPLIANT; 1 ended within the last hour: \
         1 NON_COMPLIANT, 0 INSUFFICIENT_DATA, 0 COMPLIANT; 1 of 3 scopes read in full"
    ));
    assert!(text.contains("Terminated") && text.contains("INC-7") && !text.contains("hunter2"));
    report.sessions.retain(|row| row.session.ended_at.is_some());
    assert!(table(&report, false, Paint::Plain).starts_with("NOT EVERYTHING"));
    assert!(table(&report, false, Paint::Plain).contains("No active sessions in what could be read.\n\nENDED"));
}

#[test]
fn colors_only_on_a_terminal_and_only_if_wanted() {
    assert_eq!(Paint::of(true, false), Paint::Colors);
    assert_eq!(Paint::of(true, true), Paint::Plain);
    assert_eq!(Paint::of(false, false), Paint::Plain);
    let colored = table(&report(), false, Paint::Colors);
    assert!(colored.contains("\u{1b}[1;31mCRITICAL\u{1b}[0m"));
    // Without the colors it is the plain table: alignment does not depend on them.
    let mut plain = String::new();
    let mut parts = colored.split("\u{1b}[");
    plain.push_str(parts.next().unwrap());
    for part in parts {
        plain.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(plain, table(&report(), false, Paint::Plain));
}

#[test]
fn the_exit_code_says_the_worst() {
    let mut report = report();
    assert_eq!(report.exit_code(Severity::Low), 1);
    assert_eq!(report.exit_code(Severity::Critical), 1);
    report.sessions.pop();
    assert_eq!(report.exit_code(Severity::Low), 2, "a scope could not be read, nothing is worse");
    report.scopes.truncate(2);
    assert_eq!(report.exit_code(Severity::Low), 2, "a scope was read in part");
    report.scopes.truncate(1);
    assert_eq!(report.exit_code(Severity::Low), 0);
    report.scopes.clear();
    assert_eq!(report.exit_code(Severity::Low), 2, "nothing was looked at");

    let mut report = self::report();
    report.scopes.truncate(1);
    report.sessions =
        vec![session("dave-4", "o", None, vec![finding("X-1", Verdict::NonCompliant, Severity::Informational)])];
    assert_eq!(report.exit_code(Severity::Low), 0, "INFORMATIONAL is below the default");
    assert_eq!(report.exit_code(Severity::Informational), 1);
    report.sessions = vec![session("erin-5", "o", None, vec![finding("X-1", Verdict::Compliant, Severity::Critical)])];
    assert_eq!(report.exit_code(Severity::Informational), 0, "a rule that is kept has no severity");
}
