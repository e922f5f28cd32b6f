//! Facts on their way from evidence to policies: known with source and time, absent, or missing for a reason.

use jiff::{SignedDuration, Timestamp};

use super::Value;
use crate::domain::{Fact, Failure, FailureClass, Missing, Source, Why};

/// The source of what people wrote down.
pub(super) const CONFIG: Source = "config";

/// One fact as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::compliance) enum Entry<'a> {
    /// Known.
    Known {
        /// The value.
        value: Value<'a>,
        /// Where it was read.
        source: Source,
        /// When.
        at: Timestamp,
        /// From when on it is too old to be relied on.
        expires: Option<Timestamp>,
    },
    /// Known to be nothing: a policy may ask for it with `has`, but reading it is an error.
    Absent {
        /// Why there is none.
        why: String,
        /// From when on that is too old to be relied on.
        expires: Option<Timestamp>,
    },
    /// Missing.
    Missing {
        /// Why.
        missing: Missing,
        /// From when on what that was read from is too old, and that is the reason.
        expires: Option<Timestamp>,
    },
}

impl Entry<'_> {
    /// From when on it counts as missing.
    pub(in crate::compliance) fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Known { expires, .. } | Self::Absent { expires, .. } | Self::Missing { expires, .. } => *expires,
        }
    }
}

/// Something that was read, on its way to a value.
pub(super) struct Known<T> {
    pub(super) value: T,
    pub(super) source: Source,
    pub(super) at: Timestamp,
    pub(super) expires: Option<Timestamp>,
}

/// Why there is no value.
pub(super) enum Lack {
    Absent {
        why: String,
        expires: Option<Timestamp>,
    },
    Missing(Missing),
    /// What was read does not tell.
    Unclear {
        why: Why,
        expires: Option<Timestamp>,
    },
}

pub(super) type Read<T> = Result<Known<T>, Lack>;

impl<T> Known<T> {
    pub(super) fn map<U>(self, then: impl FnOnce(T) -> U) -> Known<U> {
        Known { value: then(self.value), source: self.source, at: self.at, expires: self.expires }
    }

    /// A value that should be there: missing if it is not, for that reason.
    pub(super) fn and<U>(self, then: impl FnOnce(T) -> Option<U>, lacks: impl FnOnce() -> Why) -> Read<U> {
        match then(self.value) {
            Some(value) => Ok(Known { value, source: self.source, at: self.at, expires: self.expires }),
            None => Err(Lack::Unclear { why: lacks(), expires: self.expires }),
        }
    }

    /// A value that need not be there.
    pub(super) fn if_any<U>(self, then: impl FnOnce(T) -> Option<U>, why: impl FnOnce() -> String) -> Read<U> {
        match then(self.value) {
            Some(value) => Ok(Known { value, source: self.source, at: self.at, expires: self.expires }),
            None => Err(Lack::Absent { why: why(), expires: self.expires }),
        }
    }
}

pub(super) fn missing(why: Why) -> Lack {
    Lack::Missing(Missing { why, retry_at: None })
}

pub(super) fn gone(action: &'static str, message: &str) -> Why {
    Why::Failed(Failure { class: FailureClass::Gone, action, code: None, message: message.to_owned() })
}

pub(super) fn not_sent(what: &str) -> Why {
    Why::Pending(format!("AWS has not sent {what}"))
}

/// Whole seconds from `from` to `to`, rounded down; negative where clocks disagree.
pub(in crate::compliance) fn whole_seconds(from: Timestamp, to: Timestamp) -> i64 {
    let between = to.duration_since(from);
    between.as_secs() - i64::from(between.subsec_nanos() < 0)
}

/// Later by that much; past the end of time: never.
pub(super) fn after(moment: Timestamp, duration: SignedDuration) -> Option<Timestamp> {
    moment.checked_add(duration).ok()
}

/// Which evidence is recent enough to be relied on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: Timestamp,
    pub(super) stale_after: SignedDuration,
    /// When the session ended, if it has; the end of all change in it.
    pub(super) end: Option<Timestamp>,
}

impl Clock {
    /// When something that was read then is too old. After the end nothing in a session changes any more: then it is
    /// too old if it was so at the end.
    pub(super) fn expiry(&self, at: Timestamp) -> Option<Timestamp> {
        let expires = after(at, self.stale_after)?;
        self.end.is_none_or(|end| expires <= end).then_some(expires)
    }

    pub(super) fn unless_stale<T>(
        &self,
        value: T,
        source: Source,
        at: Timestamp,
        expires: Option<Timestamp>,
    ) -> Read<T> {
        if expires.is_some_and(|expires| expires <= self.now) {
            return Err(missing(Why::Stale(at)));
        }
        Ok(Known { value, source, at, expires })
    }

    pub(super) fn fresh<'a, T>(&self, fact: &'a Fact<T>) -> Read<&'a T> {
        match fact {
            Fact::Known { value, source, at } => self.unless_stale(value, source, *at, self.expiry(*at)),
            Fact::Missing(missing) => Err(Lack::Missing(missing.clone())),
        }
    }

    pub(super) fn configured<T>(&self, value: T) -> Known<T> {
        Known { value, source: CONFIG, at: self.now, expires: None }
    }

    /// Whole seconds since then, counting on.
    pub(super) fn since<'a>(&self, anchor: Timestamp) -> Value<'a> {
        Value::Since(anchor, whole_seconds(anchor, self.now))
    }
}

impl<'a> From<Read<Value<'a>>> for Entry<'a> {
    fn from(read: Read<Value<'a>>) -> Self {
        match read {
            Ok(Known { value, source, at, expires }) => Self::Known { value, source, at, expires },
            Err(Lack::Absent { why, expires }) => Self::Absent { why, expires },
            Err(Lack::Missing(missing)) => Self::Missing { missing, expires: None },
            Err(Lack::Unclear { why, expires }) => Self::Missing { missing: Missing { why, retry_at: None }, expires },
        }
    }
}

/// Text.
pub(super) fn text<'a>(words: impl Into<std::borrow::Cow<'a, str>>) -> Value<'a> {
    Value::Text(words.into())
}

/// It is known that there is none.
pub(super) fn absent(why: impl Into<String>) -> Lack {
    Lack::Absent { why: why.into(), expires: None }
}

/// It cannot be decided from here, whoever asks again.
pub(super) fn undecidable(why: impl Into<String>) -> Lack {
    missing(Why::Undecidable(why.into()))
}
