//! A failed AWS request, classified.

use std::fmt;

/// What kind of failure it was; decides what is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Too many requests: back off and come back.
    Throttled,
    /// A permission is missing.
    Denied,
    /// The credentials' time is over.
    Expired,
    /// There are no usable credentials.
    NoCredentials,
    /// No answer: connection refused, reset, timed out, name not found.
    Unreachable,
    /// The thing asked for does not exist.
    Gone,
    /// The service answered another error.
    Other,
}

impl FailureClass {
    /// One word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::NoCredentials => "no credentials",
            Self::Unreachable => "unreachable",
            Self::Gone => "not found",
            Self::Other => "failed",
        }
    }
}

/// A failed request: its class, the IAM action, the service's code and (cleaned) words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The kind.
    pub class: FailureClass,
    /// The IAM action of the request, as `ssm:DescribeSessions`.
    pub action: &'static str,
    /// The service's error code, if it answered one.
    pub code: Option<String>,
    /// The error's words, cleaned of control characters, at most 300 characters. Hostile input.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.word(), self.action)?;
        if let (FailureClass::Other, Some(code)) = (self.class, &self.code) {
            write!(f, " ({code})")?;
        }
        Ok(())
    }
}
