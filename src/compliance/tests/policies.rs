//! Policies: the built-in ones are complete, the user's own are checked.

use std::collections::BTreeSet;

use super::*;
use crate::{
    compliance::{Origin, PolicyError},
    domain::Severity,
};

use Verdict::{Compliant, InsufficientData, NonCompliant, NotApplicable};

const HEAD: &str = "@id(\"X-01\") @severity(\"LOW\") @title(\"t\") @remediation(\"r\")\n";

fn with_policy(text: &str) -> Result<Engine, PolicyError> {
    Engine::new(Parameters::default(), vec![("own.cedar".to_owned(), text.to_owned())])
}

fn with_rule(condition: &str) -> Engine {
    with_policy(&format!("{HEAD}forbid (principal, action, resource) when {{ {condition} }};")).unwrap()
}

#[test]
fn the_built_in_rules_are_those_of_the_catalogue_and_complete() {
    let mut rules: Vec<(&str, Severity)> =
        engine().rules().iter().map(|rule| (rule.id.as_str(), rule.severity)).collect();
    let catalogue = [
        (
            Severity::Critical,
            "APR-01 APR-05 DOC-01 IAM-01 IAM-02 IAM-03 LOG-01 LOG-03 LOG-05 LOG-07 PRF-01 PRF-12 TAG-01 THR-01 WHO-05",
        ),
        (
            Severity::High,
            "APR-02 APR-04 DOC-02 DOC-03 DOC-04 IAM-04 IAM-05 LOG-02 LOG-04 LOG-08 LOG-09 NOD-01 NOD-03 PRF-00 PRF-03 \
             PRF-04 PRF-05 PRF-06 PRF-07 PRF-11 RUN-01 TIM-01 TIM-02 WHO-01 WHO-02 WHO-03 WHO-04",
        ),
        (
            Severity::Medium,
            "CON-01 DOC-05 LOG-06 LOG-11 NOD-02 NOD-04 PRF-02 PRF-08 PRF-09 PRF-10 STA-01 TIM-03 WHO-06",
        ),
        (Severity::Informational, "WHO-07"),
    ];
    let mut expected: Vec<(&str, Severity)> = catalogue
        .into_iter()
        .flat_map(|(severity, ids)| ids.split_whitespace().map(move |id| (id, severity)))
        .collect();
    expected.sort();
    rules.sort();
    assert_eq!(expected.len(), 56);
    assert_eq!(rules, expected);
    let titles: BTreeSet<&str> = engine().rules().iter().map(|rule| &*rule.title).collect();
    assert_eq!(titles.len(), expected.len());
    for rule in engine().rules() {
        assert_eq!(rule.origin, Origin::BuiltIn);
        for annotation in ["@id(", "@title(", "@remediation("] {
            assert_eq!(rule.text.matches(annotation).count(), 1, "{}", rule.text);
        }
        // Each condition has one.
        let severities = rule.text.matches("forbid (").count();
        assert_eq!(rule.text.matches("@severity(").count(), severities, "{}", rule.text);
        assert!(rule.remediation.len() > 20, "{}", rule.remediation);
    }
    let log_01 = engine().rules().iter().find(|rule| rule.id.as_str() == "LOG-01").unwrap();
    assert_eq!(log_01.text.matches("permit (").count(), 3, "the text shows when the rule speaks");
}

#[test]
fn every_rule_that_lacks_all_it_reads_says_so() {
    // Nothing known but the listing, and that is old.
    let mut case = Case::good();
    case.listed_at = at(0);
    case.session.started_at = None;
    case.node = Fact::not_read();
    case.tags = Fact::not_read();
    case.role_policies = Fact::not_read();
    case.preferences = Fact::not_read();
    case.log_stream = Fact::not_read();
    case.standing = Fact::not_read();
    case.tail = Fact::not_read();
    case.analysis = None;
    case.trail = Fact::not_read();
    case.start_record = None;
    case.first_of_principal = Fact::not_read();
    for finding in engine().explain(&case.evidence(), at(1_000)) {
        let expected = match finding.rule.as_str() {
            // Of what a session was started with; an assumed role is no root, and users may have keys.
            "DOC-01" | "WHO-05" | "WHO-06" => Compliant,
            "IAM-04" => NotApplicable,
            // Nobody configured what they compare with.
            "APR-01" | "APR-02" | "APR-04" | "RUN-01" | "TIM-01" | "WHO-01" | "WHO-03" | "WHO-04" => NotApplicable,
            _ => InsufficientData,
        };
        assert_eq!(finding.status, expected, "{finding:#?}");
    }
}

#[test]
fn errors_of_evaluation_never_read_as_a_pass() {
    let conditions = [
        "context.age_seconds > \"old\"",
        "context.owner > 3",
        "context.age_seconds * 9223372036854775807 > 1",
        "context.owner.name == \"jane\"",
        "ip(context.owner).isLoopback()",
        "resource.getTag(\"Nope\") == \"x\"",
        "context.archive_object_exists",
        "context.max_duration_seconds > 3",
    ];
    for condition in conditions {
        let engine = with_rule(condition);
        let found = finding(&engine, &Case::good(), at(300), "X-01");
        assert_eq!(found.status, InsufficientData, "{condition}");
        assert_eq!(found.missing.len(), 1, "{condition}");
        assert_eq!(engine.judge(&Case::good().evidence(), at(300)).judgement.verdict(), InsufficientData);
    }
    let found = finding(&with_rule("context.owner > 3"), &Case::good(), at(300), "X-01");
    assert_eq!(found.missing[0].fact, "policy");
    assert!(found.missing[0].reason.contains("type error"), "{found:#?}");
    let found = finding(&with_rule("context.max_duration_seconds > 3"), &Case::good(), at(300), "X-01");
    assert_eq!(found.missing[0].fact, "max_duration_seconds");
    assert_eq!(found.missing[0].reason, "the session has no maximal duration");
}

#[test]
fn asking_whether_a_fact_is_there_is_no_way_around_it() {
    let mut case = Case::good();
    case.node = Fact::not_read();
    case.tags = Fact::not_read();
    let cases = [
        ("context has agent_version && context.agent_version == \"2.0\"", "agent_version"),
        ("!(context has agent_version)", "agent_version"),
        ("resource.hasTag(\"Stage\") && resource.getTag(\"Stage\") == \"live\"", "node_tags"),
        ("resource.getTag(\"Stage\") == \"live\"", "node_tags"),
    ];
    for (condition, fact) in cases {
        let found = finding(&with_rule(condition), &case, at(300), "X-01");
        assert_eq!(found.status, InsufficientData, "{condition}");
        assert_eq!((found.missing[0].fact.as_str(), found.missing[0].reason.as_str()), (fact, "not read yet"));
    }
    // What is known to be nothing may be asked for.
    let limited = with_rule("context has max_duration_seconds && context.max_duration_seconds > 60");
    assert_verdict(&limited, &Case::good(), at(300), "X-01", Compliant);
    assert_verdict(&limited, &case, at(300), "X-01", Compliant);
}

#[test]
fn own_rules_read_tags_owner_and_facts() {
    let mut case = Case::good();
    case.tags = tags(&[("Stage", "live")], at(290));
    let tagged = with_rule("resource.hasTag(\"Stage\") && resource.getTag(\"Stage\") == \"live\"");
    assert_verdict(&tagged, &case, at(300), "X-01", NonCompliant);
    let found = finding(&tagged, &case, at(300), "X-01");
    assert_eq!((found.evidence[0].fact.as_str(), found.evidence[0].value.as_str()), ("node_tags", "Stage=live"));
    case.tags = tags(&[], at(290));
    assert_verdict(&tagged, &case, at(300), "X-01", Compliant);
    let owner = with_rule("principal == Owner::\"arn:aws:sts::111122223333:assumed-role/Ops/jane\"");
    assert_verdict(&owner, &case, at(300), "X-01", NonCompliant);
    let region = with_rule("context.region like \"us-*\"");
    assert_verdict(&region, &case, at(300), "X-01", Compliant);
    let rule = region.rules().last().unwrap();
    assert_eq!((rule.id.as_str(), &rule.origin), ("X-01", &Origin::File("own.cedar".into())));
}

#[test]
fn own_rules_may_say_when_they_speak() {
    let text = format!(
        "{HEAD}forbid (principal, action, resource);\n\
         @applies(\"X-01\") permit (principal, action, resource) when {{ context.node_kind == \"hybrid\" }};\n\
         @pending(\"X-01\") @fact(\"ping_status\") @awaits(\"a sign of life\")\n\
         permit (principal, action, resource) when {{ context.ping_status != \"Online\" }};"
    );
    let engine = with_policy(&text).unwrap();
    assert_verdict(&engine, &Case::good(), at(300), "X-01", NotApplicable);
    assert_verdict(&engine, &Case::hybrid(), at(300), "X-01", NonCompliant);
    let mut silent = Case::hybrid();
    let mut lost = node("mi-0123456789abcdef0", None, Some("hybrid"));
    lost.ping_status = Some("ConnectionLost".into());
    silent.node = Fact::known(Some(lost), "ssm:DescribeInstanceProperties", at(290));
    let found = finding(&engine, &silent, at(300), "X-01");
    assert_eq!(found.status, InsufficientData);
    assert_eq!(found.missing[0].fact, "ping_status");
    assert_eq!(found.missing[0].reason, "pending: a sign of life");
}

#[test]
fn a_rule_that_cannot_say_whether_it_waits_is_not_content() {
    let text = format!(
        "{HEAD}forbid (principal, action, resource) when {{ false }};\n\
         @pending(\"X-01\") @fact(\"ping_status\") @awaits(\"a sign of life\")\n\
         permit (principal, action, resource) when {{ context.ping_status != \"Online\" }};"
    );
    let engine = with_policy(&text).unwrap();
    assert_verdict(&engine, &Case::good(), at(300), "X-01", Compliant);
    let mut unread = Case::good();
    unread.node = Fact::not_read();
    let found = finding(&engine, &unread, at(300), "X-01");
    assert_eq!((found.status, found.missing[0].reason.as_str()), (InsufficientData, "not read yet"));
}

#[test]
fn disabled_rules_are_silent_and_severities_can_be_changed() {
    let engine = engine_with(|parameters| {
        parameters.disabled = vec!["WHO-06".into()];
        parameters.severity.insert("TIM-02".into(), Severity::Low);
    });
    let mut case = Case::good().seen(at(50_000));
    case.session.reason = None;
    let findings = engine.judge(&case.evidence(), at(50_000)).judgement.findings;
    let found: Vec<(&str, Severity)> =
        findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect();
    assert_eq!(found, [("TIM-02", Severity::Low)]);
    assert_eq!(engine.rules().len(), 55);
}

#[test]
fn what_is_wrong_with_a_policy_is_said_with_its_place() {
    let rule = format!("{HEAD}forbid (principal, action, resource)");
    let cases = [
        (format!("\n{rule}\nwhen {{ context.age_seconds >> 3 }};"), "own.cedar:4:29: ", "unexpected token `>`"),
        (rule.clone(), "own.cedar:2:", "unexpected end of input"),
        (format!("{rule};\n  {rule};"), "own.cedar:3:3: ", "the id \"X-01\" is taken by own.cedar:1:1"),
        (rule.replace("X-01", "DOC-01") + ";", "own.cedar:1:1: ", "the id \"DOC-01\" is taken by documents.cedar:"),
        (rule.replace("@title(\"t\")", "") + ";", "own.cedar:1:1: ", "the annotation @title is missing"),
        (rule.replace("@remediation(\"r\")", "@remediation(\" \")") + ";", "own.cedar:1:1: ", "@remediation is empty"),
        (rule.replace("@id(\"X-01\")", "") + ";", "own.cedar:1:2: ", "the annotation @id is missing"),
        (rule.replace("LOW", "HIHG") + ";", "own.cedar:1:1: ", "\"HIHG\" is no severity; the nearest is \"HIGH\""),
        (format!("{rule} when {{ context.documnet == \"x\" }};"), "own.cedar:1:1: ", "the nearest is \"document\""),
        (
            format!("{rule} when {{ context.age_seconds > context.parameters.max_age }};"),
            "own.cedar:1:1: ",
            "there is no parameter \"max_age\"; the nearest is \"max_age_seconds\"",
        ),
        (format!("{rule} when {{ context has documnet }};"), "own.cedar:1:1: ", "the nearest is \"document\""),
        (format!("{rule} when {{ context.node_tags == 3 }};"), "own.cedar:1:1: ", "write `resource.hasTag"),
        (format!("{rule} when {{ resource.tags == 3 }};"), "own.cedar:1:1: ", "the resource has no attributes"),
        (format!("{rule} when {{ context == {{}} }};"), "own.cedar:1:1: ", "write `context.<fact>`"),
        (rule.replace("action", "action == Action::\"x\"") + ";", "own.cedar:1:1: ", "there is no Action::\"x\""),
        (rule.replace("principal,", "principal == ?principal,") + ";", "own.cedar:1:1: ", "template"),
        ("permit (principal, action, resource);".to_owned(), "own.cedar:1:1: ", "a rule is a forbid"),
        (
            "@applies(\"LOG-7\") permit (principal, action, resource);".to_owned(),
            "own.cedar:1:1: ",
            "there is no rule \"LOG-7\"; the nearest is \"LOG-07\"",
        ),
        ("@applies(\"LOG-07\") permit (principal, action, resource);".to_owned(), "own.cedar:1:1: ", "another file"),
        (
            "@pending(\"LOG-07\") @fact(\"nope\") @awaits(\"x\") permit (principal, action, resource);".to_owned(),
            "own.cedar:1:1: ",
            "@fact names \"nope\"",
        ),
    ];
    for (text, place, what) in cases {
        let error = with_policy(&text).expect_err(&text);
        let line = error.to_string();
        assert!(line.starts_with(place), "{line}\n{text}");
        assert!(line.contains(what), "{line}\n{text}");
        assert!(!line.contains('\n') && !error.to_do().is_empty(), "{line}");
    }
}

#[test]
fn rules_that_do_not_exist_are_named_with_their_nearest() {
    let mut parameters = Parameters { disabled: vec!["WHO-6".into()], ..Parameters::default() };
    let error = Engine::new(parameters.clone(), Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "compliance.disabled names the rule \"WHO-6\", which does not exist; the nearest is \"WHO-06\""
    );
    parameters.disabled.clear();
    parameters.severity.insert("zzz".into(), Severity::Low);
    let error = Engine::new(parameters, Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "compliance.severity names the rule \"zzz\", which does not exist");
}
