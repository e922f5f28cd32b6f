//! The plan of a quarantine: reads what is there, and says what would be written.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::timeout;

use super::{
    advice,
    document::{REVOKING_POLICY, denies_nothing, lines, revokes_before, revoking},
};
use crate::{
    aws::{ATTACH_POLICY, DELETE_ROLE_POLICY, DETACH_POLICY, Fleet, PUT_ROLE_POLICY, ScopeClient},
    domain::{
        Failure, FailureClass, Owner, QuarantineChange, QuarantineKind, QuarantineMethod, QuarantinePlan,
        QuarantineRefused, ScopeId,
    },
    report::clean,
    response::terminate::failure_words,
};

/// After that long without a plan it is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Paths of roles that only AWS changes.
/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-friendly-names
const RESERVED: [&str; 2] = ["/aws-reserved/", "/aws-service-role/"];

/// Reads from AWS what a quarantine of the session's account, or of its owner's role, would write or take away. Nothing is changed.
/// What is shown is what will be written, so the time of a revocation is that of the plan: tokens that are issued between plan and
/// confirmation stay good.
///
/// # Errors
/// Why it cannot be done, in a line of what and a line of what to do. An answer comes within ten seconds, whatever AWS does.
pub async fn plan(
    fleet: &Fleet,
    method: &QuarantineMethod,
    scope: &ScopeId,
    owner: &str,
    kind: QuarantineKind,
) -> Result<QuarantinePlan, QuarantineRefused> {
    let Some(client) = fleet.scope(scope) else {
        return refused(
            format!("account {} is not watched in {}", scope.account, scope.region),
            "Add it to the config",
        );
    };
    let planned = async {
        match method {
            QuarantineMethod::ServiceControlPolicy { policy_id } => of_account(fleet, &client, policy_id, kind).await,
            QuarantineMethod::RevokeRoleSessions => of_role(&client, owner, kind).await,
        }
    };
    match timeout(PATIENCE, planned).await {
        Ok(planned) => planned,
        Err(_) => refused(
            format!("AWS did not say within {} s what is there", PATIENCE.as_secs()),
            "Check the network to the AWS endpoint and repeat it",
        ),
    }
}

/// A service control policy on the account of the scope.
async fn of_account(
    fleet: &Fleet,
    client: &ScopeClient,
    id: &str,
    kind: QuarantineKind,
) -> Result<QuarantinePlan, QuarantineRefused> {
    let scope = client.id();
    let (policy, attached) = tokio::join!(fleet.control_policy(scope, id), fleet.is_attached(scope, id));
    let policy = match policy {
        Err(failure) if failure.class == FailureClass::Gone => {
            return refused(
                format!("the organization has no policy {id}"),
                "Correct policy_id of [response.quarantine] in the config",
            );
        }
        policy => policy.map_err(failed)?,
    };
    let attached = match attached {
        Err(failure) if failure.class == FailureClass::Gone => {
            return refused(
                format!("account {} is not of the organization that has the policy {id}", scope.account),
                "Check whose management account [response.quarantine] in the config names",
            );
        }
        attached => attached.map_err(failed)?,
    };
    let name = clean(&policy.name);
    let account = format!("account {}", scope.account);
    let management = policy.management_account.as_ref();
    match kind {
        QuarantineKind::Set if !policy.is_control_policy => {
            return refused(
                format!("{id} ({name}) is not a service control policy"),
                "Correct policy_id of [response.quarantine] in the config",
            );
        }
        QuarantineKind::Set if management == Some(&scope.account) => {
            return refused(
                format!("{account} is the management account: service control policies do not hold for it"),
                "End the session, and take the owner's access away in IAM or IAM Identity Center",
            );
        }
        QuarantineKind::Set if denies_nothing(&policy.document) => {
            return refused(
                format!("{id} ({name}) has no Deny: attached beside others it forbids nothing"),
                "Write the policy so that it denies, or name another in [response.quarantine]",
            );
        }
        QuarantineKind::Lift if !attached => {
            return gone(format!("{id} ({name}) is not attached to {account}"));
        }
        _ => {}
    }
    let (action, verb) = match kind {
        QuarantineKind::Set => (ATTACH_POLICY, "to"),
        QuarantineKind::Lift => (DETACH_POLICY, "from"),
    };
    let by = management.map(|management| format!(", by the management account {management}")).unwrap_or_default();
    let mut writes = vec![format!("{action}: policy {id} ({name}) {verb} {account} ({}){by}", clean(client.name()))];
    writes.push("The policy says:".to_owned());
    writes.extend(lines(&policy.document));
    let notes = match kind {
        QuarantineKind::Set => vec![
            "It holds for all users and roles of the account, ssmwatch's own too".to_owned(),
            "Sessions that are running go on: terminate them".to_owned(),
        ],
        QuarantineKind::Lift => vec!["Policies of units above the account stay".to_owned()],
    };
    Ok(QuarantinePlan {
        kind,
        method: QuarantineMethod::ServiceControlPolicy { policy_id: id.to_owned() },
        scope: scope.clone(),
        account: scope.account.clone(),
        account_name: Arc::clone(client.name()),
        target: account,
        action,
        writes,
        already: (kind == QuarantineKind::Set && attached)
            .then(|| "it is in force already: the policy is attached".to_owned()),
        notes,
        change: QuarantineChange::ControlPolicy { id: id.to_owned(), document: policy.document.into() },
    })
}

/// An inline policy in the role of the session's owner.
async fn of_role(client: &ScopeClient, owner: &str, kind: QuarantineKind) -> Result<QuarantinePlan, QuarantineRefused> {
    let scope = client.id();
    let role = revocable(owner, scope)?;
    let (standing, found, caller) =
        tokio::join!(client.role_standing(role), client.role_policy(role, REVOKING_POLICY), client.caller());
    let Some(standing) = standing.map_err(failed)? else {
        return refused(
            format!("account {} has no role {role} any more", scope.account),
            "Its tokens are void: end the session",
        );
    };
    if RESERVED.iter().any(|path| standing.path.starts_with(path)) {
        return Err(of_aws(role, scope));
    }
    let found = found.map_err(failed)?;
    let (_, caller) = caller.map_err(failed)?;
    let own = caller.split(':').nth(4) == Some(scope.account.as_str())
        && matches!(Owner::parse(&caller), Owner::Role { role: own, .. } if own == role);
    if own && kind == QuarantineKind::Set {
        return refused(
            format!("{role} is the role that ssmwatch itself has in account {}", scope.account),
            "Give ssmwatch a role of its own; revoke this one with other credentials",
        );
    }
    let before = found.as_deref().and_then(revokes_before);
    let since = before.map_or("without a time that can be read".to_owned(), |at| format!("of {at:.0}"));
    let arn = clean(&standing.arn);
    let (action, written, mut writes, already, notes) = match kind {
        QuarantineKind::Set => {
            // A clock that is behind must not make tokens good again.
            let at = before.map_or(Timestamp::now(), |before| before.max(Timestamp::now()));
            let document: Arc<str> = revoking(at).into();
            let writes = vec![format!("{PUT_ROLE_POLICY}: {REVOKING_POLICY} into {arn}"), "It says:".to_owned()];
            let notes = vec![
                format!("Everything is denied to all who got tokens of {role} before {at:.0}, not only to this owner"),
                "Who may assume the role gets new tokens that are good".to_owned(),
                "Sessions that are running go on: terminate them".to_owned(),
            ];
            (
                PUT_ROLE_POLICY,
                Some(document),
                writes,
                found.is_some().then(|| format!("replaces the one {since}")),
                notes,
            )
        }
        QuarantineKind::Lift if found.is_none() => {
            return gone(format!("role {role} has no {REVOKING_POLICY}"));
        }
        QuarantineKind::Lift => {
            let head = format!("{DELETE_ROLE_POLICY}: {REVOKING_POLICY} {since} from {arn}");
            let notes = vec![format!("Tokens of {role} that have not expired are good again")];
            (DELETE_ROLE_POLICY, None, vec![head, "It says:".to_owned()], None, notes)
        }
    };
    writes.extend(written.as_deref().or(found.as_deref()).map(lines).unwrap_or_default());
    Ok(QuarantinePlan {
        kind,
        method: QuarantineMethod::RevokeRoleSessions,
        scope: scope.clone(),
        account: scope.account.clone(),
        account_name: Arc::clone(client.name()),
        target: format!("role {arn}"),
        action,
        writes,
        already,
        notes,
        change: QuarantineChange::RolePolicy { role: role.to_owned(), written, found },
    })
}

/// The name of the owner's role, if it is one of the account whose sessions can be revoked.
fn revocable<'a>(owner: &'a str, scope: &ScopeId) -> Result<&'a str, QuarantineRefused> {
    let account = &scope.account;
    let home = owner.split(':').nth(4).unwrap_or_default();
    let role = match Owner::parse(owner) {
        Owner::Role { sso: true, role: set, .. } => return Err(of_aws(set, scope)),
        Owner::Role { role, .. } => role,
        Owner::User(name) => {
            return refused(
                format!("{} is a user: there is no role whose sessions could be revoked", clean(name)),
                &format!("Deactivate the access keys of the user in account {account} (iam:UpdateAccessKey)"),
            );
        }
        Owner::Federated(name) => {
            return refused(
                format!("{} is a federated user: there is no role whose sessions could be revoked", clean(name)),
                "Deny aws:TokenIssueTime before now at the IAM user that asked for the tokens",
            );
        }
        Owner::Root => {
            return refused(
                format!("the owner is the root user of account {account}: it has no role"),
                "Change the root user's password and delete its access keys",
            );
        }
        Owner::Other(name) => {
            return refused(
                format!("no role can be read from the owner {}", clean(name)),
                "Look in CloudTrail who started the session",
            );
        }
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if role.is_empty() || role.len() > 64 || !role.bytes().all(fits) {
        return refused(format!("{} is not a role's name", clean(role)), "Look in CloudTrail who started the session");
    }
    if home != account.as_str() {
        return refused(
            format!("the role {role} is of account {}, the session of {account}", clean(home)),
            "Revoke its sessions in its own account",
        );
    }
    if role.starts_with("AWSReservedSSO_") {
        return Err(of_aws(role, scope));
    }
    Ok(role)
}

fn of_aws(role: &str, scope: &ScopeId) -> QuarantineRefused {
    QuarantineRefused {
        what: format!("{} belongs to AWS (IAM Identity Center or a service): nobody can write into it", clean(role)),
        to_do: format!(
            "In IAM Identity Center disable the user or take the assignment to account {} away; or set method = \
             \"service_control_policy\"",
            scope.account
        ),
        is_gone: false,
    }
}

fn refused<T>(what: String, to_do: &str) -> Result<T, QuarantineRefused> {
    Err(QuarantineRefused { what, to_do: to_do.to_owned(), is_gone: false })
}

/// What was to be lifted is not in force.
fn gone<T>(what: String) -> Result<T, QuarantineRefused> {
    Err(QuarantineRefused { what, to_do: "Nothing is left to do here".to_owned(), is_gone: true })
}

fn failed(failure: Failure) -> QuarantineRefused {
    QuarantineRefused { what: failure_words(&failure), to_do: advice(&failure), is_gone: false }
}
