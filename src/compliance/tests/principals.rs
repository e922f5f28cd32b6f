//! Rules on who started the session.

use super::{missing::of_user, table::*, *};
use crate::{compliance::Network, domain::Severity};

fn recorded(bend: impl FnOnce(&mut TrailEvent)) -> Case {
    good(|case| bend(case.start_record.as_mut().unwrap()))
}

fn resumed_from(address: Option<&str>) -> Case {
    good(|case| {
        case.resume_records = vec![TrailEvent {
            call: TrailCall::ResumeSession,
            at: at(100),
            source_ip: address.map(Into::into),
            ..start_record()
        }];
    })
}

fn with_key(key: Option<&str>) -> Case {
    let mut case = recorded(|record| {
        record.identity_type = "IAMUser".into();
        record.access_key_id = key.map(Into::into);
    });
    case.session = of_user();
    case
}

fn root() -> Case {
    good(|case| case.session.owner = "arn:aws:iam::111122223333:root".into())
}

/// The principal's APP_ID, the node's AppId.
fn tagged(principal: &[(&str, &str)], node: &[(&str, &str)]) -> Case {
    let Fact::Known { value, .. } = tags(principal, at(290)) else { panic!("no tags") };
    good(|case| {
        case.principal_tags = Fact::known(Some(value), "iam:GetRole", at(290));
        case.tags = tags(node, at(290));
    })
}

pub fn table() -> Vec<Row> {
    let ops = with(|parameters| parameters.allowed_principals = vec!["arn:aws:sts::*:assumed-role/Ops/*".into()]);
    let net = with(|parameters| {
        parameters.allowed_networks =
            ["198.51.100.0/24", "2001:db8::/32"].iter().filter_map(|it| Network::parse(it)).collect();
    });
    let app = with(|parameters| drop(parameters.tag_pairs.insert("APP_ID".into(), "AppId".into())));
    let roles = with(|parameters| parameters.roles_required = true);
    let tickets = with(|parameters| parameters.ticket_pattern = regex::Regex::new("OPS-[0-9]+").ok());
    let stranger = good(|case| case.session.owner = "arn:aws:sts::111122223333:assumed-role/Dev/jane".into());
    let unrecorded = good(|case| case.start_record = None);
    let unasked = good(|case| {
        case.start_record = None;
        case.trail = Fact::not_read();
    });
    let late = |case: Case| {
        let mut case = case.seen(at(1_200));
        case.start_record = None;
        case
    };
    let sso = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef";
    let federated = "mfa: cannot be decided from here: a federated principal: its identity provider asks for the second factor, out of AWS's sight";
    let first = |first| Fact::known(first, "ssm:DescribeSessions", at(290));
    vec![
        row_with(&ops, "WHO-01", "allowed", &Case::good(), GOOD),
        row_with(&ops, "WHO-01", "a stranger", &stranger, BAD),
        row("WHO-01", "not configured", &stranger, SILENT),
        row("WHO-02", "a second factor", &Case::good(), GOOD),
        row("WHO-02", "none", &recorded(|record| record.mfa = Mfa::No), BAD),
        row(
            "WHO-02",
            "the record does not say",
            &recorded(|record| record.mfa = Mfa::Unknown),
            lacks("mfa: cannot be decided from here: the record does not say whether there was a second factor"),
        ),
        row(
            "WHO-02",
            "Identity Center",
            &recorded(|record| {
                record.mfa = Mfa::No;
                record.issuer_arn = Some(sso.into());
            }),
            lacks(federated),
        ),
        row(
            "WHO-02",
            "SAML",
            &recorded(|record| {
                record.mfa = Mfa::No;
                record.identity_type = "SAMLUser".into();
            }),
            lacks(federated),
        ),
        row(
            "WHO-02",
            "no record yet",
            &unrecorded,
            lacks("mfa: pending: CloudTrail has no record of the start yet, 290 s after it"),
        ),
        row(
            "WHO-02",
            "no record for long",
            &late(Case::good()),
            lacks("mfa: pending: CloudTrail has no record of the start 20 min after it, later than usual"),
        ),
        row("WHO-02", "not asked", &unasked, lacks("mfa: not read yet")),
        row_with(&net, "WHO-03", "inside", &Case::good(), GOOD),
        row_with(&net, "WHO-03", "inside, by IPv6", &recorded(|it| it.source_ip = Some("2001:db8::7".into())), GOOD),
        row_with(&net, "WHO-03", "outside", &recorded(|it| it.source_ip = Some("203.0.113.9".into())), BAD),
        row_with(&net, "WHO-03", "resumed inside", &resumed_from(Some("198.51.100.9")), GOOD),
        row_with(&net, "WHO-03", "resumed outside", &resumed_from(Some("203.0.113.9")), BAD),
        row_with(
            &net,
            "WHO-03",
            "resumed nobody knows where",
            &resumed_from(None),
            lacks("source_ips_allowed: cannot be decided from here: the record names no address"),
        ),
        row_with(
            &net,
            "WHO-03",
            "a service in between",
            &recorded(|it| it.source_ip = Some("ssm.amazonaws.com".into())),
            lacks(
                "source_ips_allowed: cannot be decided from here: the record names the service ssm.amazonaws.com, not an address",
            ),
        ),
        row_with(&net, "WHO-03", "not asked", &unasked, lacks("source_ips_allowed: not read yet")),
        row("WHO-03", "not configured", &resumed_from(Some("203.0.113.9")), SILENT),
        row_with(&app, "WHO-04", "the same", &tagged(&[("APP_ID", "7")], &[("AppId", "7")]), GOOD),
        row_with(&app, "WHO-04", "others", &tagged(&[("APP_ID", "7")], &[("AppId", "8")]), BAD),
        row_with(&app, "WHO-04", "the principal has none", &tagged(&[], &[("AppId", "8")]), BAD),
        row_with(&app, "WHO-04", "the node has none", &tagged(&[("APP_ID", "7")], &[]), BAD),
        row_with(&app, "WHO-04", "not read", &Case::good(), lacks("tag_pair_mismatch: not read yet")),
        row_with(
            &app,
            "WHO-04",
            "root has no tags",
            &root(),
            lacks(
                "tag_pair_mismatch: cannot be decided from here: the owner is neither a role nor an IAM user, and has no tags to read",
            ),
        ),
        row("WHO-04", "not configured", &tagged(&[], &[("AppId", "8")]), SILENT),
        row("WHO-05", "a role", &Case::good(), GOOD),
        row("WHO-05", "root", &root(), BAD),
        row("WHO-05", "a user's key where users may have keys", &with_key(Some("AKIAEXAMPLE")), GOOD),
        row_with(&roles, "WHO-05", "a user's key", &with_key(Some("AKIAEXAMPLE")), BAD),
        row_with(&roles, "WHO-05", "a user's temporary key", &with_key(Some("ASIAEXAMPLE")), GOOD),
        row_with(
            &roles,
            "WHO-05",
            "which key is not said",
            &with_key(None),
            lacks("long_term_key: cannot be decided from here: the record names no access key"),
        ),
        row("WHO-06", "a reason", &Case::good(), GOOD),
        row("WHO-06", "none", &good(|case| case.session.reason = None), BAD),
        row_with(&tickets, "WHO-06", "a ticket", &Case::good(), GOOD),
        row_with(&tickets, "WHO-06", "no ticket", &good(|case| case.session.reason = Some("disk".into())), BAD),
        row("WHO-07", "known", &Case::good(), GOOD),
        row("WHO-07", "new", &good(|case| case.first_of_principal = first(true)), BAD),
        row(
            "WHO-07",
            "history not read",
            &good(|case| case.first_of_principal = Fact::not_read()),
            lacks("first_of_principal: not read yet"),
        ),
    ]
}

#[test]
fn principals_are_judged_by_listing_record_and_tags() {
    check(table());
}

#[test]
fn root_is_critical_and_a_users_key_is_high() {
    let roles = with(|parameters| parameters.roles_required = true);
    assert_eq!(finding(&roles, &root(), at(300), "WHO-05").severity, Severity::Critical);
    assert_eq!(finding(&roles, &with_key(Some("AKIAEXAMPLE")), at(300), "WHO-05").severity, Severity::High);
    // What the config says counts for both.
    let changed = with(|parameters| {
        parameters.roles_required = true;
        parameters.severity.insert("WHO-05".into(), Severity::Low);
    });
    for case in [root(), with_key(Some("AKIAEXAMPLE"))] {
        assert_eq!(finding(&changed, &case, at(300), "WHO-05").severity, Severity::Low);
    }
}
