//! What rules judge.

/// The things that have verdicts. A policy names its subject as its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A session, active or ended.
    Session,
    /// A managed node that sessions run on.
    Node,
    /// The preferences document of one account and region.
    Preferences,
    /// An account.
    Account,
}

impl Subject {
    /// All.
    pub const ALL: [Self; 4] = [Self::Session, Self::Node, Self::Preferences, Self::Account];

    /// The id of its action.
    pub fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Node => "node",
            Self::Preferences => "preferences",
            Self::Account => "account",
        }
    }

    /// The entity types of principal and resource.
    pub(super) fn types(self) -> (&'static str, &'static str) {
        match self {
            Self::Session => ("Owner", "Node"),
            Self::Node => ("Account", "Node"),
            Self::Preferences => ("Account", "Preferences"),
            Self::Account => ("Account", "Account"),
        }
    }

    /// Its bit in a set of subjects.
    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Session => 1,
            Self::Node => 2,
            Self::Preferences => 4,
            Self::Account => 8,
        }
    }
}
