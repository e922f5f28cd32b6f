//! Rules on the role of the node.

use super::{table::*, *};

fn attached(case: Case, arns: &[&str]) -> Case {
    Case { role_policies: policies(arns, at(290)), ..case }
}

fn inline(text: &str) -> Case {
    Case::good().with_policy(PolicyKind::Inline, text)
}

pub fn table() -> Vec<Row> {
    let other = &["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"];
    let unread = |case: Case| Case { role_policies: Fact::not_read(), ..case };
    let unprofiled = {
        let node = node("i-0123456789abcdef0", None, None);
        Case { node: Fact::known(Some(node), "ssm:DescribeInstanceProperties", at(290)), ..unread(Case::good()) }
    };
    let unreadable = good(|case| {
        let Fact::Known { value: Some(role), .. } = &mut case.role_policies else { panic!("no role") };
        role.documents = Fact::not_read();
    });
    let changed = good(|case| case.role_change = Some(("a policy was detached".to_owned(), at(200))));
    let container = good(|case| case.session.target = "ecs:cluster_task_container".into());
    let tls = r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}}"#;
    let deny = |action: &str| inline(&format!(r#"{{"Statement":[{{"Effect":"Deny",{action},"Resource":"*"}}]}}"#));
    let mut rows = vec![
        row("IAM-01", "attached", &Case::good(), GOOD),
        row("IAM-01", "not attached", &attached(Case::good(), other), BAD),
        row("IAM-01", "not read", &unread(Case::good()), lacks("role_policies: not read yet")),
        row("IAM-01", "hybrid, which IAM-04 judges", &Case::hybrid(), SILENT),
        row("IAM-01", "no profile, which IAM-05 judges", &unprofiled, SILENT),
        row("IAM-02", "nothing denied", &Case::good(), GOOD),
        row("IAM-02", "something else denied", &deny(r#""Action":"ec2:*""#), GOOD),
        row("IAM-02", "everything", &deny(r#""Action":"*""#), BAD),
        row("IAM-02", "a service", &deny(r#""Action":["ec2:*","s3:*"]"#), BAD),
        row("IAM-02", "a wildcard", &deny(r#""Action":"logs:Put*""#), BAD),
        row("IAM-02", "all but something", &deny(r#""NotAction":"ec2:*""#), BAD),
        row(
            "IAM-02",
            "one statement without a list",
            &inline(r#"{"Statement":{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}}"#),
            BAD,
        ),
        row(
            "IAM-02",
            "attached policies count as well",
            &Case::good().with_policy(
                PolicyKind::Attached,
                r#"{"Statement":[{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}]}"#,
            ),
            BAD,
        ),
        row(
            "IAM-02",
            "a boundary that denies",
            &Case::good().with_policy(
                PolicyKind::Boundary,
                r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"logs:*","Resource":"*"}]}"#,
            ),
            BAD,
        ),
        row("IAM-02", "a condition decides", &inline(tls), lacks("denied_actions: cannot be decided from here: own (statement 1) may deny s3:…")),
        row("IAM-02", "no JSON", &inline("{"), lacks("denied_actions: cannot be decided from here: the policy own cannot be read: …")),
        row("IAM-02", "documents not read", &unreadable, lacks("denied_actions: not read yet")),
        row("IAM-02", "no profile", &unprofiled, SILENT),
        row("IAM-03", "as it was", &Case::good(), GOOD),
        row("IAM-03", "changed", &changed, BAD),
        row("IAM-03", "not read", &unread(Case::good()), lacks("role_change: not read yet")),
        row("IAM-03", "documents not read", &unreadable, lacks("role_change: not read yet")),
        row("IAM-03", "the profile was taken away", &Case { node: unprofiled.node.clone(), ..changed.clone() }, BAD),
        // Which role it now is cannot be told; that it changed is known.
        row("IAM-03", "changed, then the node was throttled", &Case { node: Fact::not_read(), ..changed.clone() }, BAD),
        row("IAM-03", "no profile, which IAM-05 judges", &unprofiled, SILENT),
        row("IAM-03", "ended", &Case::ended(), SILENT),
        row("IAM-04", "attached", &Case::hybrid(), GOOD),
        row("IAM-04", "not attached", &attached(Case::hybrid(), other), BAD),
        row("IAM-04", "not read", &unread(Case::hybrid()), lacks("role_policies: not read yet")),
        row("IAM-04", "an instance", &Case::good(), SILENT),
        row("IAM-05", "a profile", &Case::good(), GOOD),
        row("IAM-05", "none", &unprofiled, BAD),
        row("IAM-05", "not read", &good(|case| case.node = Fact::not_read()), lacks("has_instance_profile: not read yet")),
        row("IAM-05", "hybrid", &Case::hybrid(), SILENT),
    ];
    for rule in ["IAM-01", "IAM-02", "IAM-03", "IAM-04", "IAM-05"] {
        rows.push(row(rule, "a container", &container, SILENT));
    }
    rows
}

#[test]
fn roles_are_judged_by_what_they_grant_deny_and_were() {
    check(table());
}
