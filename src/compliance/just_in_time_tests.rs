#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// The three examples of AWS's page on auto-approval policies, and one with an id.
const AUTO: &str = r#"permit (
    principal in AWS::IdentityStore::Group::"e8c17310-e011-7089-d989-10da1EXAMPLE",
    action == AWS::SSM::Action::"getTokenForInstanceAccess",
    resource
)
when {
    principal has costCenter && resource.hasTag("CostCenter") && principal.costCenter == resource.getTag("CostCenter")
};
// A comment between.
permit (
    principal in AWS::IdentityStore::Group::"d4q81745-r081-7079-d789-14da1EXAMPLE",
    action == AWS::SSM::Action::"getTokenForInstanceAccess",
    resource
)
when { resource.hasTag("Environment") && resource.getTag("Environment") == "Testing" };

@id("by-number")
permit (principal, action == AWS::SSM::Action::"getTokenForInstanceAccess", resource)
when {
    principal has employeeNumber && principal.employeeNumber like "E-1*" && resource.hasTag("Purpose") && resource.getTag("Purpose") == "Testing"
};
"#;
/// As AWS's page on deny-access policies has it.
const DENY: &str = r#"forbid (
    principal in AWS::IdentityStore::Group::"g-contractors",
    action == AWS::SSM::Action::"getTokenForInstanceAccess",
    resource
)
when { resource.hasTag("Environment") };
"#;
const TESTERS: &str = "d4q81745-r081-7079-d789-14da1EXAMPLE";
const FINANCE: &str = "e8c17310-e011-7089-d989-10da1EXAMPLE";

fn read(files: &[(&str, &str)]) -> JitPolicies {
    let files: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    JitPolicies::parse(&files).unwrap()
}

fn judge(policies: &JitPolicies, tags: &[(&str, &str)], known: &[(&str, bool)]) -> JitJudgement {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let node = NodeView { id: "i-1", hybrid: false, account: "111122223333", region: "eu-west-1", tags: &tags };
    let member_of = |group: &str| known.iter().find(|(name, _)| *name == group).map(|(_, member)| *member);
    let owner_arn = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Ops_0123/alice";
    policies.judge(node, PrincipalView { owner_arn, name: "alice", member_of: &member_of })
}

fn when(condition: &str) -> String {
    format!(
        r#"permit (principal, action == AWS::SSM::Action::"getTokenForInstanceAccess", resource) when {{ {condition} }};"#
    )
}

fn covered(scope: &str, condition: &str) -> Option<bool> {
    let text = format!("permit ({scope}) when {{ {condition} }};");
    judge(&read(&[("f", &text)]), &[("Environment", "Testing")], &[]).covered
}

#[test]
fn covered_is_what_a_policy_can_speak_of() {
    let policies = read(&[("auto.cedar", AUTO), ("deny.cedar", DENY)]);
    let covering = |tags: &[(&str, &str)]| {
        let judgement = judge(&policies, tags, &[]);
        assert_eq!(judgement.covered, Some(!judgement.covering.is_empty()));
        judgement.covering
    };
    assert_eq!(covering(&[]), Vec::<String>::new());
    assert_eq!(covering(&[("environment", "Testing")]), Vec::<String>::new());
    assert_eq!(covering(&[("CostCenter", "7")]), ["auto.cedar:1"]);
    assert_eq!(covering(&[("Environment", "Testing")]), ["auto.cedar:10", "deny.cedar:1"]);
    assert_eq!(covering(&[("Environment", "Production")]), ["deny.cedar:1"]);
    assert_eq!(covering(&[("Purpose", "Testing")]), ["by-number"]);
}

#[test]
fn who_is_let_in_needs_known_memberships() {
    let policies = read(&[("auto.cedar", AUTO), ("deny.cedar", DENY)]);
    let testing = [("Environment", "Testing")];
    let decision = |known: &[(&str, bool)]| judge(&policies, &testing, known).decision;
    assert_eq!(decision(&[(TESTERS, true), ("g-contractors", false)]), JitDecision::Permitted);
    assert_eq!(decision(&[(TESTERS, false), ("g-contractors", false)]), JitDecision::Refused);
    // A forbid wins over everything, and nobody outside the permitted group needs the other known.
    assert_eq!(decision(&[(TESTERS, true), ("g-contractors", true)]), JitDecision::Refused);
    assert_eq!(decision(&[("g-contractors", true)]), JitDecision::Refused);
    assert_eq!(decision(&[(TESTERS, false)]), JitDecision::Refused);
    let JitDecision::Unknown(why) = decision(&[(TESTERS, true)]) else { panic!("guessed") };
    assert_eq!(why, "it is unknown whether alice is a member of group g-contractors");
    assert!(matches!(decision(&[]), JitDecision::Unknown(_)));
    // On a node that only the deny-access policy speaks of, nobody is let in without a hand.
    assert_eq!(judge(&policies, &[("Environment", "Prod")], &[]).decision, JitDecision::Refused);
    assert!(matches!(judge(&policies, &[], &[(TESTERS, true)]).decision, JitDecision::Unknown(_)));
}

#[test]
fn attributes_of_people_are_never_guessed() {
    let policies = read(&[("auto.cedar", AUTO)]);
    let JitDecision::Unknown(why) = judge(&policies, &[("Purpose", "Testing")], &[]).decision else {
        panic!("guessed")
    };
    assert_eq!(why, "it hangs on attributes of alice or of the node that are unknown");
    let cost = [("CostCenter", "7")];
    assert!(matches!(judge(&policies, &cost, &[(FINANCE, true)]).decision, JitDecision::Unknown(_)));
    assert_eq!(judge(&policies, &cost, &[(FINANCE, false)]).decision, JitDecision::Refused);
    let iam =
        when(r#"context.iam.principalTags.hasTag("Role") && context.iam.principalTags.getTag("Role") == "Admin""#);
    let judgement = judge(&read(&[("f", &iam)]), &[], &[]);
    assert_eq!(judgement.covered, Some(true));
    assert!(matches!(judgement.decision, JitDecision::Unknown(_)));
    let named = r#"permit (principal == AWS::IdentityStore::User::"alice", action, resource);"#;
    assert!(matches!(judge(&read(&[("f", named)]), &[], &[]).decision, JitDecision::Unknown(_)));
}

#[test]
fn combinations_of_groups_agree_or_are_unknown() {
    let either =
        when(r#"principal in AWS::IdentityStore::Group::"a" || !(principal in AWS::IdentityStore::Group::"a")"#);
    assert_eq!(judge(&read(&[("f", &either)]), &[], &[]).decision, JitDecision::Permitted);
    let set = when(r#"principal in [AWS::IdentityStore::Group::"a", AWS::IdentityStore::Group::"b"]"#);
    let set = read(&[("f", &set)]);
    assert_eq!(judge(&set, &[], &[("b", true)]).decision, JitDecision::Permitted);
    assert!(matches!(judge(&set, &[], &[("b", false)]).decision, JitDecision::Unknown(_)));
    let many: Vec<String> = (0..9).map(|n| format!(r#"principal in AWS::IdentityStore::Group::"g{n}""#)).collect();
    let many = read(&[("f", &when(&many.join(" || ")))]);
    let JitDecision::Unknown(why) = judge(&many, &[], &[]).decision else { panic!("guessed") };
    assert_eq!(why, "of 9 groups it is unknown whether alice is a member");
}

#[test]
fn scopes_and_kinds_of_nodes() {
    let any = "principal, action, resource";
    assert_eq!(covered(any, "true"), Some(true));
    assert_eq!(covered(r#"principal, action == AWS::SSM::Action::"other", resource"#, "true"), Some(false));
    let two =
        r#"principal, action in [AWS::SSM::Action::"other", AWS::SSM::Action::"getTokenForInstanceAccess"], resource"#;
    assert_eq!(covered(two, "true"), Some(true));
    assert_eq!(covered("principal, action, resource is AWS::EC2::Instance", "true"), Some(true));
    assert_eq!(covered("principal, action, resource is AWS::SSM::ManagedInstance", "true"), Some(false));
    assert_eq!(covered("principal is AWS::IdentityStore::User, action, resource", "true"), Some(true));
    assert_eq!(covered("principal is AWS::IAM::Role, action, resource", "true"), Some(false));
    let within = r#"principal is AWS::IdentityStore::User in AWS::IdentityStore::Group::"g", action, resource"#;
    assert_eq!(covered(within, "true"), Some(true));
    for (id, wanted) in [
        ("i-1", true),
        ("i-2", false),
        ("arn:aws:ec2:eu-west-1:111122223333:instance/i-1", true),
        ("arn:aws:ec2:eu-west-2:111122223333:instance/i-1", false),
    ] {
        let scope = format!(r#"principal, action, resource == AWS::EC2::Instance::"{id}""#);
        assert_eq!(covered(&scope, "true"), Some(wanted), "{id}");
        let not = format!(r#"resource != AWS::EC2::Instance::"{id}""#);
        assert_eq!(covered(any, &not), Some(!wanted), "{not}");
    }
    // What stops with an error satisfies nothing; nor does its negation.
    assert_eq!(covered(any, r#"resource.getTag("None") == "x""#), Some(false));
    assert_eq!(covered(any, r#"!(resource.getTag("None") == "x")"#), Some(false));
    assert_eq!(covered(any, r#"principal.costCenter == resource.getTag("None")"#), Some(false));
    assert_eq!(
        covered(any, r#"if resource.hasTag("None") then true else resource.getTag("Environment") like "Test*""#),
        Some(true)
    );
    assert_eq!(covered(any, "resource has owner"), None);
    assert_eq!(
        judge(&read(&[("f", "forbid (principal, action, resource) unless { true };")]), &[], &[]).covered,
        Some(false)
    );
}

#[test]
fn errors_name_their_place() {
    let error = |text: &str| {
        let files = [("ok.cedar".to_owned(), AUTO.to_owned()), ("bad.cedar".to_owned(), text.to_owned())];
        JitPolicies::parse(&files).unwrap_err()
    };
    let wrong = error("// first\npermit (principal, action, resource) when { principal. };");
    assert_eq!((wrong.file.as_str(), wrong.line), ("bad.cedar", 2));
    assert!(wrong.to_string().starts_with("bad.cedar:2:"), "{wrong}");
    let template = error("\npermit (principal == ?principal, action, resource);");
    assert_eq!((template.line, template.column), (2, 1));
}

const PIECES: [&str; 10] = [
    r#"principal in AWS::IdentityStore::Group::"a""#,
    r#"principal in AWS::IdentityStore::Group::"b""#,
    "principal has division",
    r#"principal.division == "x""#,
    r#"principal.division == resource.getTag("T")"#,
    r#"resource.hasTag("T")"#,
    r#"resource.getTag("T") == "x""#,
    r#"resource.getTag("U") like "*""#,
    "resource is AWS::EC2::Instance",
    "true",
];

fn condition() -> impl Strategy<Value = String> {
    prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("if ({a}) then ({b}) else ({c})")),
        ]
    })
}

/// Cedar's own answer about a person of whom everything is known: the decision, and whether any policy was satisfied.
fn plain(text: &str, tags: &BTreeMap<String, String>, groups: [bool; 2], division: Option<&str>) -> (bool, bool) {
    let uid = |text: &str| text.parse::<EntityUid>().unwrap();
    let string = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let person = uid(r#"AWS::IdentityStore::User::"u""#);
    let node = uid(r#"AWS::EC2::Instance::"i-1""#);
    let named = [uid(r#"AWS::IdentityStore::Group::"a""#), uid(r#"AWS::IdentityStore::Group::"b""#)];
    let parents: HashSet<EntityUid> =
        named.into_iter().zip(groups).filter(|(_, member)| *member).map(|(g, _)| g).collect();
    let attributes = division.into_iter().map(|division| ("division".to_owned(), string(division)));
    let tags = tags.iter().map(|(key, value)| (key.clone(), string(value)));
    let entities = [
        Entity::new_with_tags(person.clone(), attributes, parents, []).unwrap(),
        Entity::new_with_tags(node.clone(), [], [], tags).unwrap(),
    ];
    let action = uid(r#"AWS::SSM::Action::"getTokenForInstanceAccess""#);
    let request = Request::new(person, action, node, Context::empty(), None).unwrap();
    let entities = Entities::from_entities(entities, None).unwrap();
    let decided = |text: &str| {
        let policies = PolicySet::from_str(text).unwrap();
        Authorizer::new().is_authorized(&request, &policies, &entities).decision() == Decision::Allow
    };
    // As permits alone, the policies allow if any is satisfied.
    (decided(text), decided(&text.replace("forbid", "permit")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn whatever_is_decided_holds_for_every_person(
        policies in prop::collection::vec((any::<bool>(), condition()), 1..4),
        tags in prop::collection::btree_map("[TU]", "[xy]", 0..3),
        known in any::<[Option<bool>; 2]>(),
    ) {
        let text: String = policies.iter().map(|(permits, condition)| {
            format!("{} (principal, action, resource) when {{ {condition} }};\n", if *permits { "permit" } else { "forbid" })
        }).collect();
        let node = NodeView { id: "i-1", hybrid: false, account: "1", region: "r", tags: &tags };
        let member_of = |group: &str| if group == "a" { known[0] } else { known[1] };
        let judgement = read(&[("f", &text)]).judge(node, PrincipalView { owner_arn: "", name: "u", member_of: &member_of });
        for groups in [[false, false], [false, true], [true, false], [true, true]] {
            for division in [None, Some("x"), Some("y")] {
                let (permitted, satisfied) = plain(&text, &tags, groups, division);
                prop_assert!(!satisfied || judgement.covered != Some(false), "not covered: {}", text);
                let possible = known.iter().zip(groups).all(|(known, group)| known.is_none_or(|known| known == group));
                if possible {
                    match judgement.decision {
                        JitDecision::Permitted => prop_assert!(permitted, "{}", text),
                        JitDecision::Refused => prop_assert!(!permitted, "{}", text),
                        JitDecision::Unknown(_) => {}
                    }
                }
            }
        }
    }

    #[test]
    fn any_text_is_taken(text in "\\PC*") {
        let _ = JitPolicies::parse(&[("f".to_owned(), text)]);
    }
}
