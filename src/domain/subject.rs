//! What an alert or an act is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountId, NodeId, ScopeId, SessionKey};

/// What an alert or an act is about: never a row, always an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "of", rename_all = "snake_case")]
pub enum Subject {
    /// A session.
    Session(SessionKey),
    /// A managed node.
    Node(ScopeId, NodeId),
    /// The Session Manager preferences of a scope.
    Preferences(ScopeId),
    /// A whole account.
    Account(AccountId),
    /// The program itself: its automatic response.
    Program,
}

impl Subject {
    /// The session, if it is one.
    pub fn session(&self) -> Option<&SessionKey> {
        match self {
            Self::Session(key) => Some(key),
            _ => None,
        }
    }

    /// The scope it lies in; an account and the program lie in none.
    pub fn scope(&self) -> Option<&ScopeId> {
        match self {
            Self::Session(key) => Some(&key.scope),
            Self::Node(scope, _) | Self::Preferences(scope) => Some(scope),
            Self::Account(_) | Self::Program => None,
        }
    }

    /// The account it lies in.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account(account) => Some(account),
            _ => self.scope().map(|scope| &scope.account),
        }
    }

    /// Its id for people and records: a session's or node's own id, `preferences`, the account, `ssmwatch`.
    pub fn id(&self) -> &str {
        match self {
            Self::Session(key) => key.id.as_str(),
            Self::Node(_, node) => node.as_str(),
            Self::Preferences(_) => "preferences",
            Self::Account(account) => account.as_str(),
            Self::Program => "ssmwatch",
        }
    }

    /// One word for its kind, as in the JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Node(..) => "node",
            Self::Preferences(_) => "preferences",
            Self::Account(_) => "account",
            Self::Program => "program",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(key) => key.fmt(f),
            Self::Node(scope, node) => write!(f, "{scope}/{node}"),
            Self::Preferences(scope) => write!(f, "preferences of {scope}"),
            Self::Account(account) => write!(f, "account {account}"),
            Self::Program => f.write_str("ssmwatch"),
        }
    }
}
