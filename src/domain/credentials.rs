//! Credentials that people renew: what they are for, until when they last, and how it stands with them now.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{AccountId, Failure, FailureClass};

/// An end that is this near is warned of.
pub const WARNED_BEFORE: SignedDuration = SignedDuration::from_mins(60);
/// An end that is this near is warned of loudly.
pub const URGED_BEFORE: SignedDuration = SignedDuration::from_mins(15);

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialBase {
    /// A profile of the shared config files, by its name.
    Profile(Arc<str>),
    /// Whatever the environment of the program has.
    Ambient,
}

impl fmt::Display for CredentialBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Ambient => f.write_str("the ambient credentials"),
        }
    }
}

/// What is known of one base of credentials.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialStanding {
    /// Which.
    pub base: CredentialBase,
    /// Accounts that are read with them.
    pub accounts: BTreeSet<AccountId>,
    /// The command that renews them, if they come from a login (IAM Identity Center). Hostile input: it has a name from a file.
    pub login: Option<Arc<str>>,
    /// When they end unless somebody renews them by hand; `None`: never, or not known.
    pub expires_at: Option<Timestamp>,
    /// When the login's token ends; it may be renewed without people after that.
    pub token_until: Option<Timestamp>,
    /// They are renewed without people until `expires_at`.
    pub renews_itself: bool,
    /// Why `expires_at` is not known of a login. Hostile input.
    pub unknown: Option<Arc<str>>,
    /// When what is held now ends; `None`: it does not, or nothing usable is held.
    pub held_until: Option<Timestamp>,
    /// Why they could not be renewed at the last try. Hostile input.
    pub problem: Option<Failure>,
    /// When this was found.
    pub at: Timestamp,
}

/// How it stands with credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialStage {
    /// Nothing is to be done.
    Good,
    /// They end within [`WARNED_BEFORE`], after this time.
    Ends(SignedDuration),
    /// They were to be renewed and were not; what is held lasts for this time.
    Failing(SignedDuration),
    /// They are over: since then, if that is known.
    Ended(Option<Timestamp>),
}

impl CredentialStage {
    /// Whether it does not wait.
    pub fn is_urgent(self) -> bool {
        match self {
            Self::Good => false,
            Self::Ends(left) | Self::Failing(left) => left <= URGED_BEFORE,
            Self::Ended(_) => true,
        }
    }
}

impl CredentialStanding {
    /// How it stands at `now`.
    pub fn stage(&self, now: Timestamp) -> CredentialStage {
        if let Some(end) = self.expires_at.filter(|end| *end <= now) {
            return CredentialStage::Ended(Some(end));
        }
        let held = self.held_until.filter(|until| *until > now);
        if let (Some(problem), None) = (&self.problem, held) {
            // No answer is no end: the scopes say that nothing is reached.
            return match problem.class {
                FailureClass::Unreachable | FailureClass::Throttled => CredentialStage::Failing(SignedDuration::ZERO),
                _ => CredentialStage::Ended(None),
            };
        }
        let left = self.expires_at.map(|end| end.duration_since(now));
        match (&self.problem, held, left.filter(|left| *left <= WARNED_BEFORE)) {
            (Some(_), Some(until), _) => CredentialStage::Failing(until.duration_since(now)),
            (_, _, Some(left)) => CredentialStage::Ends(left),
            _ => CredentialStage::Good,
        }
    }

    /// What people call it: `SSO login of profile payments`.
    pub fn name(&self) -> String {
        match &self.login {
            Some(_) => format!("SSO login of {}", self.base),
            None => self.base.to_string(),
        }
    }

    /// What to do about it, as a clause.
    pub fn to_do(&self) -> String {
        match (&self.login, &self.base) {
            (Some(command), _) => format!("run `{command}`"),
            (None, CredentialBase::Profile(_)) => "renew what the profile names".to_owned(),
            (None, CredentialBase::Ambient) if self.expires_at.is_none() => {
                "renew them where they come from".to_owned()
            }
            (None, CredentialBase::Ambient) => "export new ones and start ssmwatch again".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn standing() -> CredentialStanding {
        CredentialStanding {
            base: CredentialBase::Profile("payments".into()),
            accounts: BTreeSet::new(),
            login: None,
            expires_at: None,
            token_until: None,
            renews_itself: false,
            unknown: None,
            held_until: None,
            problem: None,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn an_end_is_warned_of_an_hour_ahead_and_urged_a_quarter_of_an_hour_ahead() {
        let standing = CredentialStanding { expires_at: Some(at(10_000)), ..standing() };
        assert_eq!(standing.stage(at(10_000 - 3601)), CredentialStage::Good);
        assert_eq!(standing.stage(at(10_000 - 3600)), CredentialStage::Ends(SignedDuration::from_secs(3600)));
        assert!(!standing.stage(at(10_000 - 901)).is_urgent());
        assert!(standing.stage(at(10_000 - 900)).is_urgent());
        assert_eq!(standing.stage(at(10_000)), CredentialStage::Ended(Some(at(10_000))));
    }

    #[test]
    fn a_renewal_that_fails_is_told_with_what_is_left() {
        let problem = |class| Some(Failure { class, action: "credentials", code: None, message: "no".into() });
        let failing =
            CredentialStanding { held_until: Some(at(100)), problem: problem(FailureClass::Expired), ..standing() };
        assert_eq!(failing.stage(at(40)), CredentialStage::Failing(SignedDuration::from_secs(60)));
        assert_eq!(failing.stage(at(100)), CredentialStage::Ended(None));
        let unreachable = CredentialStanding { problem: problem(FailureClass::Unreachable), ..failing };
        assert_eq!(unreachable.stage(at(100)), CredentialStage::Failing(SignedDuration::ZERO));
        assert_eq!(standing().stage(at(100)), CredentialStage::Good);
    }
}
