//! Quarantine: what keeps a principal's new sessions from starting, as it is shown before it is asked, and done.

use std::sync::Arc;

use super::{AccountId, ScopeId};

/// How a quarantine works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuarantineMethod {
    /// A service control policy of the organization is attached to the session's account.
    /// docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    ServiceControlPolicy {
        /// `p-…`.
        policy_id: String,
    },
    /// The role of the session's owner denies everything to tokens that were issued before now.
    /// docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    RevokeRoleSessions,
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineKind {
    /// Into quarantine.
    Set,
    /// Out of it.
    Lift,
}

/// The change that a plan makes, and what was there when it was made: it is not carried out on anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuarantineChange {
    /// A service control policy is attached to the account, or detached.
    ControlPolicy {
        /// Its id.
        id: String,
        /// What it says.
        document: Arc<str>,
    },
    /// An inline policy is written into the role, or deleted.
    RolePolicy {
        /// Name of the role.
        role: String,
        /// What is written; nothing: it is deleted.
        written: Option<Arc<str>>,
        /// What was there.
        found: Option<Arc<str>>,
    },
}

/// What will be done, read from AWS before it is asked; shown to the analyst word by word. All texts are cleaned, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinePlan {
    /// Which way.
    pub kind: QuarantineKind,
    /// How.
    pub method: QuarantineMethod,
    /// The session's account and region: whose clients act.
    pub scope: ScopeId,
    /// The account that is acted on.
    pub account: AccountId,
    /// Its name, which the analyst types as the confirmation.
    pub account_name: Arc<str>,
    /// What is changed, for people: `account 111122223333`, `role arn:aws:iam::111122223333:role/Ops`.
    pub target: String,
    /// The IAM action that is used.
    pub action: &'static str,
    /// Exactly what is written where, line by line, the document as it is.
    pub writes: Vec<String>,
    /// It is in force already, or what it replaces.
    pub already: Option<String>,
    /// What it does, and what it does not do.
    pub notes: Vec<String>,
    /// The change itself.
    pub change: QuarantineChange,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRefused {
    /// One line of what.
    pub what: String,
    /// One line of what to do.
    pub to_do: String,
    /// It was to be lifted, and is not in force.
    pub is_gone: bool,
}
