//! Facts: one thing known about a session, with its source and its time; or why it is not known.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Failure;

/// Where a fact was read: `service:Operation`, as `ssm:DescribeSessions`. `config` and `clock` are sources too.
pub type Source = &'static str;

/// A value that was read, or the reason why there is none. A fact is never defaulted.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact<T> {
    /// Read from AWS.
    Known {
        /// What was read.
        value: T,
        /// From which operation.
        source: Source,
        /// When.
        at: Timestamp,
    },
    /// Not known.
    Missing(Missing),
}

impl<T> Fact<T> {
    /// A value that was read.
    pub fn known(value: T, source: Source, at: Timestamp) -> Self {
        Self::Known { value, source, at }
    }

    /// Nobody asked yet.
    pub const fn not_read() -> Self {
        Self::Missing(Missing { why: Why::NotRead, retry_at: None })
    }

    /// Asking failed.
    pub fn failed(failure: Failure, retry_at: Option<Timestamp>) -> Self {
        Self::Missing(Missing { why: Why::Failed(failure), retry_at })
    }

    /// The value, if it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Missing(_) => None,
        }
    }

    /// When it was read, if it is known.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Known { at, .. } => Some(*at),
            Self::Missing(_) => None,
        }
    }
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::not_read()
    }
}

/// Why a fact is missing, and when it is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// The reason.
    pub why: Why,
    /// The next try, if one is planned.
    pub retry_at: Option<Timestamp>,
}

/// The reasons for a missing fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// Nobody asked yet.
    NotRead,
    /// It may still come; the words say what is awaited ("no output yet", "log object pending").
    Pending(String),
    /// The request failed.
    Failed(Failure),
    /// It was known, but too long ago to be relied on.
    Stale(Timestamp),
    /// Nobody can tell from here; the words say why.
    Undecidable(String),
    /// Another fact that it depends on is missing.
    DependsOn(&'static str),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRead => f.write_str("not read yet"),
            Self::Pending(what) => write!(f, "pending: {what}"),
            Self::Failed(failure) => failure.fmt(f),
            Self::Stale(since) => write!(f, "stale: last read {since:.0}"),
            Self::Undecidable(why) => write!(f, "cannot be decided from here: {why}"),
            Self::DependsOn(fact) => write!(f, "depends on {fact}, which is missing"),
        }
    }
}

/// A fact as a finding quotes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The fact's name, as policies read it.
    pub fact: String,
    /// Its value, for people.
    pub value: String,
    /// Where it was read.
    pub source: String,
    /// When.
    pub at: Timestamp,
}

/// A missing fact as a finding quotes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingFact {
    /// The fact's name.
    pub fact: String,
    /// Why it is missing.
    pub reason: String,
    /// When it is tried again, if that is planned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_at: Option<Timestamp>,
}
