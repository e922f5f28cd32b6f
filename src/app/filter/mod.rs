//! The filter language: which sessions a table shows.
//!
//! Terms stand between spaces, and all of them must hold. `jane` is found in anything that a row shows; `owner:jane`,
//! `account:a,b` (either), `tag:Environment=prod*`, `age>1h`, `severity>=high` look at one thing; `-` before a term turns it
//! round; quotes keep spaces and signs together (`\"`, `\\` and `\u{1b}` inside of them). Upper and lower case are the same
//! everywhere, in tags too: a filter finds, it does not judge. `*` outside of quotes stands for anything.
//!
//! What is not known is neither yes nor no. A term about it does not hold, and its opposite does not either: a session of
//! which the tags were not read is no match of `tag:Environment=prod` and stays hidden, and stays on the screen under
//! `-tag:Environment=prod`; both are counted, and the count is shown.

mod complete;
mod eval;
mod parse;
mod past;
mod pattern;
mod print;
#[cfg(test)]
mod tests;

use std::{ops::Range, sync::Arc};

use jiff::{SignedDuration, Timestamp};

pub use complete::{Candidate, Offer, offer};
pub use eval::{Row, Shown, Truth};
pub use past::PastRow;
pub use pattern::Pattern;

use crate::domain::{Severity, Verdict};

/// A filter that the config gives a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    /// Its name.
    pub name: Arc<str>,
    /// The filter.
    pub filter: Arc<str>,
}

/// A filter that was read: terms that must all hold. None: everything is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub(super) terms: Vec<Term>,
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// The bytes that are wrong.
    pub range: Range<usize>,
    /// What is wrong, and what to write instead.
    pub message: String,
    /// It is the end of the text that is wrong, and typing on can make it right.
    pub incomplete: bool,
    /// Where the term begins.
    pub term: usize,
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) negated: bool,
    pub(super) what: What,
}

/// What a term asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Anything that the row shows.
    Text(Pattern),
    /// One text of the session: one of the patterns is in it.
    Field(Field, Vec<Pattern>),
    /// One of those.
    Verdict(Vec<Verdict>),
    /// One of those.
    Severity(Vec<Severity>),
    /// On that side of it.
    SeverityIs(Order, Severity),
    /// A tag of the node: a key, and one of the values; none: any.
    Tag(Pattern, Vec<Pattern>),
    /// So long.
    Time(Clock, Order, SignedDuration),
    /// Something was typed that a rule detects.
    Detected,
}

/// Texts of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// ARN of who started it.
    Owner,
    /// Name or id of the account.
    Account,
    /// The region.
    Region,
    /// Id or name of the node.
    Node,
    /// The document's name or ARN.
    Document,
    /// Rules that it breaks, that cannot be judged, or that detect something in it.
    Rule,
    /// The status, or how it ended.
    Status,
    /// The reason that was given.
    Reason,
    /// The session id.
    Session,
}

/// Lengths of time of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Since it began; of an ended one, how long it was.
    Age,
    /// Since it printed last; without any output, since it began.
    Idle,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>=`.
    AtLeast,
    /// `>`.
    More,
}

impl Order {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    pub(super) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// What stands before the `:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Text(Field),
    Verdict,
    Severity,
    Tag,
    Time(Clock),
    Is,
}

/// All keys with what they mean; the first of several names of one is the one that is offered.
pub(super) const KEYS: [(&str, Key, &str); 17] = [
    ("owner", Key::Text(Field::Owner), "who started it: role, user, name"),
    ("account", Key::Text(Field::Account), "name or id of the account"),
    ("region", Key::Text(Field::Region), "the region"),
    ("node", Key::Text(Field::Node), "name or id of the node"),
    ("doc", Key::Text(Field::Document), "the session document"),
    ("document", Key::Text(Field::Document), ""),
    ("verdict", Key::Verdict, "non, insufficient, compliant"),
    ("severity", Key::Severity, "severity:high, severity>=medium"),
    ("rule", Key::Text(Field::Rule), "a finding or a detection, by rule id or title"),
    ("tag", Key::Tag, "a tag of the node: tag:Environment=prod*"),
    ("age", Key::Time(Clock::Age), "how long it runs: age>1h"),
    ("idle", Key::Time(Clock::Idle), "how long it printed nothing: idle>10m"),
    ("status", Key::Text(Field::Status), "Connected, Disconnected, …"),
    ("reason", Key::Text(Field::Reason), "the reason given; reason:\"\" is none"),
    ("session", Key::Text(Field::Session), "the session's id"),
    ("id", Key::Text(Field::Session), ""),
    ("is", Key::Is, "is:detected: something was typed that a rule detects"),
];

/// The filter in force, and what it left out.
#[derive(Debug, Default)]
pub struct Filtered {
    /// The text that it was read from.
    pub(super) text: String,
    /// The filter.
    pub(super) filter: Filter,
    /// When time alone may change what it shows.
    pub(super) again_at: Option<Timestamp>,
    /// How it was with the sessions.
    pub sessions: NotKnown,
    /// How it was with those that ended.
    pub history: NotKnown,
}

/// Sessions of which the filter cannot tell whether it holds, because something is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotKnown {
    /// They are not shown, and could belong there.
    pub hidden: usize,
    /// They are shown, and could not belong there.
    pub shown: usize,
}

impl NotKnown {
    /// `, 3 more not known`; nothing where all is known.
    pub fn words(self) -> String {
        let mut words = String::new();
        if self.hidden > 0 {
            words.push_str(&format!(", {} hidden: not known", self.hidden));
        }
        if self.shown > 0 {
            words.push_str(&format!(", {} shown: not known", self.shown));
        }
        words
    }

    pub(super) fn count(&mut self, shown: Shown) -> bool {
        match shown {
            Shown::Yes => true,
            Shown::No => false,
            Shown::YesNotKnown => {
                self.shown += 1;
                true
            }
            Shown::NoNotKnown => {
                self.hidden += 1;
                false
            }
        }
    }
}

impl Filtered {
    /// Takes that filter, where it is another one.
    pub(super) fn take(&mut self, text: &str) {
        if self.text != text {
            text.clone_into(&mut self.text);
            // What is in force was read before it came into force.
            self.filter = Filter::parse(text).unwrap_or_else(|_| Filter::of_text(text));
        }
    }

    /// Whether time alone may have changed what it shows.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.again_at.is_some_and(|at| at <= now)
    }
}

/// What of a text that is being typed can be in force, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The filter; `None`: the one before stays.
    pub in_force: Option<String>,
    /// What is wrong.
    pub problem: Option<FilterError>,
}

impl Filter {
    /// What of a text that is being typed can be in force: all of it; or all but the term at its end that is
    /// not complete or wrong. Where another term is wrong, the filter before stays.
    pub fn typed(text: &str) -> Typed {
        let Err(problem) = Self::parse(text) else { return Typed { in_force: Some(text.to_owned()), problem: None } };
        // A key that is typed letter by letter was a word of free text before its sign: that is not to stay in force.
        let at_end = parse::words(text).last().is_some_and(|word| word.range.start == problem.term);
        let in_force = if at_end {
            // An open quote is closed for the time being, once there is something in it.
            let closed = format!("{text}\"");
            let closed = if text.get(problem.range.clone()) == Some("\"") { "\"" } else { closed.as_str() };
            let before = text.get(..problem.term).unwrap_or_default();
            [closed, before].into_iter().find(|text| Self::parse(text).is_ok()).map(|text| text.trim().to_owned())
        } else {
            None
        };
        Typed { in_force, problem: Some(problem) }
    }

    /// All words of a text, whatever signs are in them.
    pub(super) fn of_text(text: &str) -> Self {
        let term = |word| Term { negated: false, what: What::Text(Pattern::literal(word)) };
        Self { terms: text.split_whitespace().map(term).collect() }
    }
}
