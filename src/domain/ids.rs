//! Names of things, cheap to clone.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the name as AWS gave it.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }
    };
}

name_type! {
    /// The twelve digits of an AWS account.
    AccountId
}
name_type! {
    /// A region's name, as `eu-central-1`.
    Region
}
name_type! {
    /// A session's id: at most 96 characters, the caller's session name and a random suffix.
    SessionId
}
name_type! {
    /// A managed node: `i-…` (EC2), `mi-…` (hybrid), or another session target (`ecs:…`).
    NodeId
}
name_type! {
    /// A rule's stable id, as `DOC-01`.
    RuleId
}

/// One account in one region: the unit that is asked, throttled, denied and shown as healthy or not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ScopeId {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

impl ScopeId {
    /// The scope of that account in that region.
    pub fn new(account: impl Into<AccountId>, region: impl Into<Region>) -> Self {
        Self { account: account.into(), region: region.into() }
    }
}

impl fmt::Display for ScopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// What identifies a session everywhere: selection, dialogs and acts are bound to it, never to a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SessionKey {
    /// Where it runs.
    pub scope: ScopeId,
    /// Its id there.
    pub id: SessionId,
}

impl SessionKey {
    /// The session of that id in that scope.
    pub fn new(scope: ScopeId, id: impl Into<SessionId>) -> Self {
        Self { scope, id: id.into() }
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope, self.id)
    }
}
