//! Quarantine over the wire: planned, carried out, proven by reading back, lifted; with the simulated AWS refusing, hanging and changing its
//! mind where a test says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/field.rs"]
mod field;

use std::time::Duration;

use field::{CAROL, Field, POLICY};
use jiff::Timestamp;
use rig::{ARCHIVE as MANAGEMENT, PAYMENTS, break_it, calls, home, scope};
use ssmwatch::{
    aws::Fleet,
    domain::{ActOutcome, QuarantineChange, QuarantineKind, QuarantineMethod},
    response::quarantine::{carry_out, plan},
    sim::gate::{Effect, Fault},
};
use tokio::time::Instant;

use QuarantineKind::{Lift, Set};

const ALICE: &str = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_OpsAdmin_0123456789abcdef/alice@example.com";
const BOB: &str = "arn:aws:iam::111122223333:user/bob";

fn by_policy() -> QuarantineMethod {
    QuarantineMethod::ServiceControlPolicy { policy_id: POLICY.to_owned() }
}

const BY_REVOKING: QuarantineMethod = QuarantineMethod::RevokeRoleSessions;

fn error(code: &str, status: u16) -> Effect {
    Effect::Error { code: code.to_owned(), message: "not now".to_owned(), status }
}

// --- Set, proven, lifted ----------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_policy_is_attached_proven_and_detached() {
    let field = Field::new().await;
    let set = field.plan(&by_policy(), Set).await;
    assert_eq!((set.action, set.target.as_str()), ("organizations:AttachPolicy", "account 111122223333"));
    assert_eq!((set.account.as_str(), &*set.account_name, &set.already), (PAYMENTS, "payments-prod", &None));
    assert_eq!(
        set.writes[0],
        "organizations:AttachPolicy: policy p-quarantine1 (ssm-quarantine) to account 111122223333 (payments-prod), \
         by the management account 444455556666"
    );
    // The document is shown as it is, in the order in which it is written.
    let shown = set.writes[2..].join("\n");
    let written = field.sim.with_world(|world| world.control_policies.by_id[POLICY].document.clone());
    let without_space = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
    assert_eq!(without_space(&shown), without_space(&written));
    assert!(set.notes.iter().any(|note| note.contains("terminate them")), "{:?}", set.notes);
    assert_eq!(field.writes(), 0, "a plan changes nothing");

    assert_eq!(
        field.done(&set).await,
        "organizations:ListPoliciesForTarget shows p-quarantine1 on account 111122223333"
    );
    assert!(field.attached(PAYMENTS) && !field.attached(MANAGEMENT));
    assert_eq!(field.writes(), 1);
    let again = field.plan(&by_policy(), Set).await;
    assert_eq!(again.already.as_deref(), Some("it is in force already: the policy is attached"));

    let lift = field.plan(&by_policy(), Lift).await;
    assert_eq!(lift.action, "organizations:DetachPolicy");
    assert!(lift.writes[0].contains("p-quarantine1 (ssm-quarantine) from account 111122223333"), "{}", lift.writes[0]);
    let proof = field.done(&lift).await;
    assert_eq!(proof, "organizations:ListPoliciesForTarget does not show p-quarantine1 on account 111122223333");
    assert!(!field.attached(PAYMENTS));
    let refused = field.refused(&by_policy(), CAROL, Lift).await;
    assert_eq!(refused.what, "p-quarantine1 (ssm-quarantine) is not attached to account 111122223333");
    // Requests are counted with the account that they are for.
    let counts = field.fleet.scope(&home()).unwrap().counts();
    assert_eq!(counts["organizations:AttachPolicy"].calls, 1);
}

#[tokio::test]
async fn a_roles_sessions_are_revoked_proven_and_good_again() {
    let field = Field::new().await;
    let before = Timestamp::now();
    let set = field.plan(&BY_REVOKING, Set).await;
    let after = Timestamp::now();
    assert_eq!(set.action, "iam:PutRolePolicy");
    assert_eq!(set.target, "role arn:aws:iam::111122223333:role/WinOps");
    assert_eq!(set.already, None);
    assert_eq!(set.writes[0], "iam:PutRolePolicy: AWSRevokeOlderSessions into arn:aws:iam::111122223333:role/WinOps");
    assert_eq!(field.writes(), 0, "a plan changes nothing");
    let proof = field.done(&set).await;
    assert_eq!(
        proof,
        "iam:GetRolePolicy shows AWSRevokeOlderSessions as it was written in role arn:aws:iam::111122223333:role/WinOps"
    );
    // What was shown is what is there, with the time of the plan.
    let document = field.revoking_document().unwrap();
    let read: serde_json::Value = serde_json::from_str(&document).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&set.writes[2..].join("\n")).unwrap();
    assert_eq!(read, shown);
    let statement = &read["Statement"][0];
    assert_eq!(
        (&statement["Effect"], &statement["Action"][0], &statement["Resource"][0]),
        (&"Deny".into(), &"*".into(), &"*".into())
    );
    let at: Timestamp = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"].as_str().unwrap().parse().unwrap();
    assert!(at.as_millisecond() >= before.as_millisecond() && at <= after, "{before} {at} {after}");

    // Once more: it says what it replaces, and does.
    let again = field.plan(&BY_REVOKING, Set).await;
    assert_eq!(again.already, Some(format!("replaces the one of {at:.0}")));
    field.done(&again).await;
    assert_ne!(field.revoking_document().unwrap(), document);

    let lift = field.plan(&BY_REVOKING, Lift).await;
    assert_eq!(lift.action, "iam:DeleteRolePolicy");
    let proof = field.done(&lift).await;
    assert_eq!(
        proof,
        "iam:GetRolePolicy shows AWSRevokeOlderSessions no more in role arn:aws:iam::111122223333:role/WinOps"
    );
    assert_eq!(field.revoking_document(), None);
    let refused = field.refused(&BY_REVOKING, CAROL, Lift).await;
    assert_eq!(refused.what, "role WinOps has no AWSRevokeOlderSessions");
}

#[tokio::test]
async fn a_revocation_never_makes_tokens_good_again_that_a_later_one_voids() {
    let field = Field::new().await;
    let ahead = Timestamp::now() + jiff::SignedDuration::from_mins(5);
    field.write_document(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{ahead:.3}"}}}}}}]}}"#
    ));
    let set = field.plan(&BY_REVOKING, Set).await;
    assert!(set.writes.join("\n").contains(&format!("{ahead:.3}")), "{:?}", set.writes);
}

// --- Refused before anything is asked ---------------------------------------------------------------------------------

#[tokio::test]
async fn what_cannot_work_is_refused_with_words_of_what_to_do() {
    let field = Field::new().await;
    let management = scope(MANAGEMENT, "eu-central-1");
    let refused = field.plan_in(&management, &by_policy(), CAROL, Set).await.unwrap_err();
    assert!(refused.what.contains("444455556666 is the management account"), "{refused:?}");
    assert!(refused.to_do.contains("IAM Identity Center"), "{refused:?}");

    let refused = field.refused(&BY_REVOKING, ALICE, Set).await;
    assert!(refused.what.starts_with("OpsAdmin belongs to AWS (IAM Identity Center"), "{refused:?}");
    assert!(refused.to_do.contains("take the assignment to account 111122223333 away"), "{refused:?}");
    let refused = field.refused(&BY_REVOKING, BOB, Set).await;
    assert_eq!(refused.what, "bob is a user: there is no role whose sessions could be revoked");
    assert_eq!(refused.to_do, "Deactivate the access keys of the user in account 111122223333 (iam:UpdateAccessKey)");
    for (owner, said) in [
        ("arn:aws:iam::111122223333:root", "root user"),
        ("arn:aws:sts::111122223333:federated-user/fred", "fred is a federated user"),
        ("AIDAEXAMPLE\u{1b}[2J", "no role can be read from the owner AIDAEXAMPLE\u{fffd}[2J"),
        ("arn:aws:sts::444455556666:assumed-role/ArchiveOps/dave", "is of account 444455556666"),
        ("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_odd/x", "belongs to AWS"),
        ("arn:aws:sts::111122223333:assumed-role/a b/x", "a b is not a role's name"),
        ("arn:aws:sts::111122223333:assumed-role/gone/x", "has no role gone any more"),
        ("arn:aws:sts::111122223333:assumed-role/ssmwatch/x", "is the role that ssmwatch itself has"),
    ] {
        let refused = field.refused(&BY_REVOKING, owner, Set).await;
        assert!(refused.what.contains(said) && !refused.to_do.is_empty(), "{owner:?}: {refused:?}");
    }
    // A role of a service has a name like any other; its path tells.
    field.sim.with_world(|world| {
        let roles = &mut world.accounts.get_mut(PAYMENTS).unwrap().roles;
        roles.get_mut("WinOps").unwrap().path = "/aws-service-role/ssm.amazonaws.com/".to_owned();
    });
    assert!(field.refused(&BY_REVOKING, CAROL, Set).await.what.contains("belongs to AWS"));

    let none = QuarantineMethod::ServiceControlPolicy { policy_id: "p-nosuchpolicy1".to_owned() };
    let refused = field.refused(&none, CAROL, Set).await;
    assert_eq!(refused.what, "the organization has no policy p-nosuchpolicy1");
    let elsewhere = scope("999999999999", "eu-central-1");
    let refused = field.plan_in(&elsewhere, &by_policy(), CAROL, Set).await.unwrap_err();
    assert_eq!(refused.what, "account 999999999999 is not watched in eu-central-1");
    field.change_policy(|policy| policy.document = policy.document.replace("Deny", "Allow"));
    let refused = field.refused(&by_policy(), CAROL, Set).await;
    assert!(refused.what.contains("has no Deny"), "{refused:?}");
    assert_eq!(field.writes(), 0);
}

#[tokio::test]
async fn hostile_names_and_documents_are_shown_without_their_controls() {
    let field = Field::new().await;
    field.change_policy(|policy| {
        policy.name = "ssm\u{1b}[2J\u{202e}quarantine\nApproved".to_owned();
        policy.document = policy.document.replace("Quarantine", "x\u{1b}]0;t\u{7}\u{202e}");
    });
    let set = field.plan(&by_policy(), Set).await;
    let all = format!("{:?}{}{}", set.notes, set.writes.join(""), set.target);
    assert!(!all.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{all:?}");
    // And what is written is the policy all the same.
    field.done(&set).await;
}

#[tokio::test]
async fn each_missing_permission_is_named() {
    for (account, action, method) in [
        (MANAGEMENT, "organizations:DescribePolicy", by_policy()),
        (MANAGEMENT, "organizations:ListPoliciesForTarget", by_policy()),
        (PAYMENTS, "iam:GetRole", BY_REVOKING),
        (PAYMENTS, "iam:GetRolePolicy", BY_REVOKING),
    ] {
        let field = Field::new().await;
        field.deny(account, action);
        let refused = field.refused(&method, CAROL, Set).await;
        assert_eq!(refused.what, format!("the permission {action} is missing"));
        let whose = if account == MANAGEMENT { "the management account" } else { "in this account" };
        assert!(refused.to_do.contains(action) && refused.to_do.contains(whose), "{refused:?}");
    }
    for (account, kind, action, method) in [
        (MANAGEMENT, Set, "organizations:AttachPolicy", by_policy()),
        (MANAGEMENT, Lift, "organizations:DetachPolicy", by_policy()),
        (PAYMENTS, Set, "iam:PutRolePolicy", BY_REVOKING),
        (PAYMENTS, Lift, "iam:DeleteRolePolicy", BY_REVOKING),
    ] {
        let field = Field::new().await;
        field.attach(PAYMENTS, kind == Lift);
        if kind == Lift {
            field.write_document("{}");
        }
        let plan = field.plan(&method, kind).await;
        field.deny(account, action);
        let (what, to_do) = field.failed(&plan).await;
        assert_eq!(what, format!("the permission {action} is missing"));
        assert!(to_do.contains(action), "{to_do}");
        assert_eq!(field.attached(PAYMENTS), kind == Lift, "nothing changed");
    }
}

#[tokio::test]
async fn credentials_of_a_member_are_told_from_those_of_the_management_account() {
    let sim = rig::quiet().await;
    let mut config = rig::fleet_config(&sim, rig::EXTERNAL_ID);
    // The role in the member, as if its ARN had been written into [response.quarantine].
    config.management = config.accounts[0].access.clone().into();
    let fleet = Fleet::connect(config.clone()).await.unwrap();
    let refused = plan(&fleet, &by_policy(), &home(), CAROL, Set).await.unwrap_err();
    assert!(refused.what.starts_with("the permission organizations:"), "{refused:?}");
    assert!(refused.to_do.contains("credentials of the management account"), "{refused:?}");
    config.management = None;
    let fleet = Fleet::connect(config.clone()).await.unwrap();
    let refused = plan(&fleet, &by_policy(), &home(), CAROL, Set).await.unwrap_err();
    assert!(refused.what.contains("no credentials of the management account are configured"), "{refused:?}");
    // A role in the management account with its external id, as an organization would have it.
    config.management = config.accounts[1].access.clone().into();
    let fleet = Fleet::connect(config).await.unwrap();
    let set = plan(&fleet, &by_policy(), &home(), CAROL, Set).await.unwrap();
    assert!(matches!(carry_out(&fleet, &set, |_| {}).await, ActOutcome::Done { .. }));
}

// --- Carried out on an AWS in trouble ---------------------------------------------------------------------------------

#[tokio::test]
async fn what_is_carried_out_without_an_answer_is_proven_by_reading_back() {
    tokio::join!(
        unanswered(by_policy(), "organizations", ["AttachPolicy", "DetachPolicy"]),
        unanswered(BY_REVOKING, "iam", ["PutRolePolicy", "DeleteRolePolicy"]),
    );
}

async fn unanswered(method: QuarantineMethod, service: &str, operations: [&str; 2]) {
    let field = Field::new().await;
    for (kind, operation) in [Set, Lift].into_iter().zip(operations) {
        let plan = field.plan(&method, kind).await;
        break_it(&field.sim, Fault::new(service, operation, Effect::Mute));
        field.done(&plan).await;
        assert_eq!(calls(&field.sim, service, operation), 1, "{operation}");
    }
    assert!(!field.attached(PAYMENTS) && field.revoking_document().is_none());
}

/// For both methods at once: what is not proven takes its ten seconds.
#[tokio::test]
async fn an_answer_that_breaks_off_is_told_by_reading_back() {
    tokio::join!(
        broken_off(by_policy(), "organizations", ["AttachPolicy", "DetachPolicy"]),
        broken_off(BY_REVOKING, "iam", ["PutRolePolicy", "DeleteRolePolicy"]),
    );
}

async fn broken_off(method: QuarantineMethod, service: &str, operations: [&str; 2]) {
    let field = Field::new().await;
    for (kind, operation) in [Set, Lift].into_iter().zip(operations) {
        let plan = field.plan(&method, kind).await;
        break_it(&field.sim, Fault::new(service, operation, Effect::Cut));
        field.done(&plan).await;
    }
    // Without a connection nothing arrives, and nothing is claimed.
    let plan = field.plan(&method, Set).await;
    rig::repair(&field.sim);
    break_it(&field.sim, Fault::new(service, operations[0], Effect::Disconnect));
    let (what, _) = field.unproven(&plan).await;
    assert!(what.contains(&format!("{service}:{} got no answer", operations[0])), "{what}");
}

#[tokio::test]
async fn what_never_arrives_is_not_shown_as_done() {
    let (policy, role) = (Field::new().await, Field::new().await);
    let plans = (policy.plan(&by_policy(), Set).await, role.plan(&BY_REVOKING, Set).await);
    break_it(&policy.sim, Fault::new("organizations", "AttachPolicy", Effect::Hang));
    break_it(&role.sim, Fault::new("iam", "PutRolePolicy", Effect::Hang));
    let began = Instant::now();
    let (policy, role) = tokio::join!(policy.unproven(&plans.0), role.unproven(&plans.1));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(
        policy.0,
        "NOT IN QUARANTINE: organizations:AttachPolicy got no answer, and organizations:ListPoliciesForTarget does not \
         show p-quarantine1 on account 111122223333 after 10 s"
    );
    assert!(
        role.0.starts_with("NOT IN QUARANTINE: iam:PutRolePolicy got no answer, and iam:GetRolePolicy"),
        "{}",
        role.0
    );
}

#[tokio::test]
async fn what_somebody_else_undoes_is_not_shown_as_done() {
    let (policy, role) = (Field::new().await, Field::new().await);
    let plans = (policy.plan(&by_policy(), Set).await, role.plan(&BY_REVOKING, Set).await);
    // The answer comes late enough for somebody to come in between.
    for (field, service, operation) in [(&policy, "organizations", "AttachPolicy"), (&role, "iam", "PutRolePolicy")] {
        break_it(&field.sim, Fault::new(service, operation, Effect::Latency { milliseconds: 1500 }));
    }
    let other = async {
        while !policy.attached(PAYMENTS) || role.revoking_document().is_none() {
            tokio::task::yield_now().await;
        }
        policy.attach(PAYMENTS, false);
        role.write_document(r#"{"Version":"2012-10-17","Statement":[]}"#);
    };
    let (on_policy, on_role, ()) = tokio::join!(policy.unproven(&plans.0), role.unproven(&plans.1), other);
    assert!(on_policy.0.starts_with("NOT IN QUARANTINE: sent, and "), "{on_policy:?}");
    assert!(on_policy.0.contains("does not show p-quarantine1"), "{on_policy:?}");
    assert!(on_role.0.contains("shows AWSRevokeOlderSessions not as it was written"), "{on_role:?}");
    assert!(on_role.1.contains("CloudTrail"), "{on_role:?}");
}

#[tokio::test]
async fn what_cannot_be_read_back_is_not_proven() {
    let field = Field::new().await;
    let plan = field.plan(&BY_REVOKING, Set).await;
    field.deny(PAYMENTS, "iam:GetRolePolicy");
    let (what, to_do) = field.unproven(&plan).await;
    assert_eq!(what, "sent, but it cannot be proven: the permission iam:GetRolePolicy is missing");
    assert!(to_do.contains("iam:GetRolePolicy"), "{to_do}");
    assert!(field.revoking_document().is_some(), "that it cannot be proven does not keep it from being sent");

    let field = Field::new().await;
    let plan = field.plan(&by_policy(), Set).await;
    break_it(&field.sim, Fault::new("organizations", "ListPoliciesForTarget", Effect::Hang));
    let began = Instant::now();
    let (what, _) = field.unproven(&plan).await;
    assert_eq!(what, "sent, but it cannot be proven: nothing could be read back within 10 s");
    assert!(began.elapsed() < Duration::from_secs(13), "{:?}", began.elapsed());
    assert!(field.attached(PAYMENTS));
}

#[tokio::test]
async fn throttles_and_changes_under_way_are_waited_for() {
    for (method, service, operation, effect) in [
        (by_policy(), "organizations", "AttachPolicy", Effect::Throttle),
        (by_policy(), "organizations", "AttachPolicy", error("ConcurrentModificationException", 400)),
        (by_policy(), "organizations", "AttachPolicy", error("PolicyChangesInProgressException", 400)),
        (BY_REVOKING, "iam", "PutRolePolicy", Effect::Throttle),
        (BY_REVOKING, "iam", "PutRolePolicy", error("ConcurrentModification", 409)),
    ] {
        let field = Field::new().await;
        let plan = field.plan(&method, Set).await;
        // More than the SDK itself tries.
        break_it(&field.sim, Fault { count: Some(3), ..Fault::new(service, operation, effect.clone()) });
        field.done(&plan).await;
        assert_eq!(calls(&field.sim, service, operation), 4, "{effect:?}");
    }
    let field = Field::new().await;
    let plan = field.plan(&by_policy(), Set).await;
    break_it(&field.sim, Fault::new("organizations", "AttachPolicy", Effect::Throttle));
    let began = Instant::now();
    let (what, to_do) = field.failed(&plan).await;
    assert_eq!(
        (what.as_str(), to_do.as_str()),
        ("organizations:AttachPolicy failed: throttled", "Wait a moment and repeat it")
    );
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_refusal_that_says_it_is_so_already_is_told_by_reading_back() {
    // The look before does not get through, and somebody was faster.
    let field = Field::new().await;
    let plan = field.plan(&by_policy(), Set).await;
    field.attach(PAYMENTS, true);
    break_it(
        &field.sim,
        Fault {
            count: Some(2),
            ..Fault::new("organizations", "ListPoliciesForTarget", error("ServiceException", 500))
        },
    );
    field.done(&plan).await;
    let plan = field.plan(&by_policy(), Lift).await;
    field.attach(PAYMENTS, false);
    break_it(
        &field.sim,
        Fault {
            count: Some(2),
            ..Fault::new("organizations", "ListPoliciesForTarget", error("ServiceException", 500))
        },
    );
    field.done(&plan).await;

    field.write_document("{}");
    let plan = field.plan(&BY_REVOKING, Lift).await;
    field.sim.with_world(|world| {
        let role = world.accounts.get_mut(PAYMENTS).unwrap().roles.get_mut("WinOps").unwrap();
        role.inline.clear();
    });
    break_it(&field.sim, Fault { count: Some(2), ..Fault::new("iam", "GetRolePolicy", error("ServiceFailure", 500)) });
    field.done(&plan).await;
    assert_eq!(calls(&field.sim, "iam", "DeleteRolePolicy"), 1);
}

#[tokio::test]
async fn what_has_changed_since_it_was_shown_is_not_touched() {
    let field = Field::new().await;
    // The policy says something else.
    let plan = field.plan(&by_policy(), Set).await;
    field.change_policy(|policy| policy.document = policy.document.replace("ssm:StartSession", "ssm:*"));
    let (what, to_do) = field.failed(&plan).await;
    assert_eq!(what, "nothing was sent: what is there has changed since it was shown");
    assert!(to_do.starts_with("Begin anew"), "{to_do}");
    // Somebody was faster.
    let plan = field.plan(&by_policy(), Set).await;
    field.attach(PAYMENTS, true);
    let (what, to_do) = field.failed(&plan).await;
    assert!(
        what.starts_with("nothing was sent: it is so already: organizations:ListPoliciesForTarget shows"),
        "{what}"
    );
    assert_eq!(to_do, "Nothing is left to do here");
    // A later revocation is not taken back by an older plan; nor is one lifted that nobody has seen.
    let set = field.plan(&BY_REVOKING, Set).await;
    field.write_document(r#"{"Version":"2012-10-17","Statement":[]}"#);
    assert!(field.failed(&set).await.0.contains("has changed since"));
    let lift = field.plan(&BY_REVOKING, Lift).await;
    field.done(&field.plan(&BY_REVOKING, Set).await).await;
    assert!(field.failed(&lift).await.0.contains("has changed since"));
    assert_eq!(field.sim.with_world(|world| world.gate.writes()).len(), 1, "only the one that was meant");
}

#[tokio::test]
async fn a_plan_comes_within_ten_seconds_or_says_why_not() {
    let field = Field::new().await;
    break_it(&field.sim, Fault::new("organizations", "DescribePolicy", Effect::Hang));
    let began = Instant::now();
    let refused = field.refused(&by_policy(), CAROL, Set).await;
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert!(
        refused.what.contains("AWS did not say within 10 s") || refused.what.contains("unreachable"),
        "{refused:?}"
    );
    rig::repair(&field.sim);
    break_it(&field.sim, Fault::new("organizations", "DescribePolicy", Effect::Malformed));
    let refused = field.refused(&by_policy(), CAROL, Set).await;
    assert!(refused.what.starts_with("organizations:DescribePolicy failed"), "{refused:?}");
    rig::repair(&field.sim);
    // An empty page is not the last: the policy is on the next one.
    field.attach(PAYMENTS, true);
    let empty = || Fault { count: Some(1), ..Fault::new("organizations", "ListPoliciesForTarget", Effect::EmptyPage) };
    break_it(&field.sim, empty());
    assert!(field.plan(&by_policy(), Set).await.already.is_some());
    break_it(&field.sim, empty());
    let lift = field.plan(&by_policy(), Lift).await;
    assert!(matches!(lift.change, QuarantineChange::ControlPolicy { .. }));
}

// --- What the config turns on -----------------------------------------------------------------------------------------

/// The actions of `ssmwatch iam-policy` with that config, each with its resources.
fn permissions(config: &str, arguments: &[&str]) -> Vec<(String, Vec<String>)> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    std::fs::write(&path, config).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ssmwatch"))
        .arg("iam-policy")
        .arg("--config")
        .arg(&path)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let policy: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let texts = |list: &serde_json::Value| {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let statements = policy["Statement"].as_array().unwrap();
    statements
        .iter()
        .flat_map(|statement| {
            let resources = texts(&statement["Resource"]);
            texts(&statement["Action"]).into_iter().map(move |action| (action, resources.clone()))
        })
        .collect()
}

fn of_quarantine(permissions: Vec<(String, Vec<String>)>) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<_> = permissions
        .into_iter()
        .filter(|(action, _)| {
            action.starts_with("organizations:")
                || ["iam:PutRolePolicy", "iam:DeleteRolePolicy", "sts:AssumeRole"].contains(&action.as_str())
        })
        .collect();
    found.sort();
    found
}

#[test]
fn permissions_are_asked_for_only_where_quarantine_is_configured() {
    assert_eq!(of_quarantine(permissions("", &[])), []);
    let by_policy = include_str!("fixtures/config_valid/quarantine_by_policy.toml");
    let by_policy = format!("[[accounts]]\nid = \"111122223333\"\nregions = [\"eu-central-1\"]\n{by_policy}");
    let policy = "arn:aws:organizations::*:policy/*/service_control_policy/p-examplepolicyid111".to_owned();
    let account = "arn:aws:organizations::*:account/*/111122223333".to_owned();
    let role = "arn:aws:iam::999999999999:role/ssmwatch-quarantine".to_owned();
    assert_eq!(
        of_quarantine(permissions(&by_policy, &[])),
        [
            ("organizations:AttachPolicy".to_owned(), vec![account.clone(), policy.clone()]),
            ("organizations:DescribePolicy".to_owned(), vec![policy.clone()]),
            ("organizations:DetachPolicy".to_owned(), vec![account.clone(), policy]),
            ("organizations:ListPoliciesForTarget".to_owned(), vec![account]),
            ("sts:AssumeRole".to_owned(), vec![role]),
        ]
    );
    let by_revoking = include_str!("fixtures/config_valid/quarantine_by_revoking.toml");
    let roles = vec!["arn:aws:iam::*:role/*".to_owned()];
    assert_eq!(
        of_quarantine(permissions(by_revoking, &[])),
        [("iam:DeleteRolePolicy".to_owned(), roles.clone()), ("iam:PutRolePolicy".to_owned(), roles)]
    );
    for config in [by_policy.as_str(), by_revoking] {
        assert_eq!(of_quarantine(permissions(config, &["--read-only"])), []);
    }
}
