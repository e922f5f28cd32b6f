//! Whether a filter holds for a session. Nothing is allocated for a row whose texts are ASCII.

use std::ops::Not;

use jiff::{SignedDuration, Timestamp};

use super::{Clock, Field, Filter, Order, Pattern, Term, What};
use crate::{
    app::board::{Board, Phase, SessionBoard},
    domain::{Fact, NodeTags, Severity, Verdict},
};

/// Whether something holds, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not.
    No,
    /// Nobody can tell yet.
    NotKnown,
    /// It does.
    Yes,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Not for Truth {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::NotKnown => Self::NotKnown,
            Self::Yes => Self::No,
        }
    }
}

/// Whether a row is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All terms hold.
    Yes,
    /// A term does not hold.
    No,
    /// All that is known holds, and what is not known is only to be left out: it stays.
    YesNotKnown,
    /// All that is known holds, and it is not known whether the rest does: it is not drawn as a match.
    NoNotKnown,
}

/// One session, and what a filter needs beside it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Everything known.
    pub board: &'a Board,
    /// The session.
    pub session: &'a SessionBoard,
    /// Detections in mere output count, too.
    pub output: bool,
    /// The present.
    pub now: Timestamp,
}

/// What a filter asks of a session.
pub trait Filterable {
    /// In something that its row shows, or hides only for want of room.
    fn text(&self, pattern: &Pattern) -> Truth;
    /// In that field.
    fn field(&self, field: Field, pattern: &Pattern) -> Truth;
    /// Whether its verdict is one of these.
    fn verdict(&self, verdicts: &[Verdict]) -> Truth;
    /// Whether that holds for its worst severity.
    fn severity(&self, holds: impl Fn(Severity) -> bool) -> Truth;
    /// Whether its node has the tag, with one of the values if there are any.
    fn tag(&self, key: &Pattern, values: &[Pattern]) -> Truth;
    /// How its time compares; brings `again_at` forward to when time alone may change that.
    fn time(&self, clock: Clock, order: Order, than: SignedDuration, again_at: &mut Option<Timestamp>) -> Truth;
    /// Whether a rule detected something in it.
    fn detected(&self) -> Truth;
}

impl Filter {
    /// Whether it shows everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the row is shown; brings `again_at` forward to when time alone may change that.
    pub fn shows(&self, row: &impl Filterable, again_at: &mut Option<Timestamp>) -> Shown {
        let mut shown = Shown::Yes;
        for term in &self.terms {
            match (term.holds(row, again_at), term.negated, shown) {
                (Truth::No, ..) => return Shown::No,
                (Truth::Yes, ..) => {}
                (Truth::NotKnown, false, _) => shown = Shown::NoNotKnown,
                (Truth::NotKnown, true, Shown::Yes) => shown = Shown::YesNotKnown,
                (Truth::NotKnown, true, _) => {}
            }
        }
        shown
    }
}

impl Term {
    /// Whether the term holds, its `-` included.
    pub(super) fn holds(&self, row: &impl Filterable, again_at: &mut Option<Timestamp>) -> Truth {
        let holds = match &self.what {
            What::Text(pattern) => row.text(pattern),
            What::Field(field, patterns) => any(patterns, |pattern| row.field(*field, pattern)),
            What::Verdict(verdicts) => row.verdict(verdicts),
            What::Severity(severities) => row.severity(|severity| severities.contains(&severity)),
            What::SeverityIs(order, than) => row.severity(|severity| order.holds(&severity, than)),
            What::Tag(key, values) => row.tag(key, values),
            What::Time(clock, order, than) => row.time(*clock, *order, *than, again_at),
            What::Detected => row.detected(),
        };
        if self.negated { !holds } else { holds }
    }
}

/// Whether one of them holds, or might.
fn any<T>(all: &[T], holds: impl Fn(&T) -> Truth) -> Truth {
    let mut any = Truth::No;
    for one in all {
        any = any.max(holds(one));
        if any == Truth::Yes {
            break;
        }
    }
    any
}

impl Filterable for Row<'_> {
    /// In something that the row shows, or hides only for want of room.
    fn text(&self, pattern: &Pattern) -> Truth {
        let record = &self.session.session;
        let judgement = &self.session.judgement;
        let texts = [
            self.board.account_name(&record.key.scope),
            record.key.scope.account.as_str(),
            record.key.scope.region.as_str(),
            record.key.id.as_str(),
            &record.owner,
            record.document_name(),
            record.reason.as_deref().unwrap_or_default(),
            record.status.as_str(),
            judgement.verdict().word(),
            judgement.severity().map_or("", Severity::word),
        ];
        if texts.iter().any(|text| !text.is_empty() && pattern.is_in(text)) || self.rule(pattern, false) {
            return Truth::Yes;
        }
        self.node(pattern)
    }

    fn field(&self, field: Field, pattern: &Pattern) -> Truth {
        let record = &self.session.session;
        let found = match field {
            Field::Owner => pattern.is_in(&record.owner),
            Field::Account => {
                let scope = &record.key.scope;
                pattern.is_in(self.board.account_name(scope)) || pattern.is_in(scope.account.as_str())
            }
            Field::Region => pattern.is_in(record.key.scope.region.as_str()),
            Field::Node => return self.node(pattern),
            Field::Document => {
                pattern.is_in(record.document_name())
                    || record.document.as_deref().is_some_and(|name| pattern.is_in(name))
            }
            Field::Rule => {
                let found = self.rule(pattern, true);
                if !found && self.session.judgement.verdict.is_none() {
                    return Truth::NotKnown;
                }
                found
            }
            Field::Status => {
                let how = match &self.session.phase {
                    Phase::Ended { how, .. } => how,
                    Phase::Active => "",
                };
                pattern.is_in(record.status.as_str()) || (!how.is_empty() && pattern.is_in(how))
            }
            Field::Reason => pattern.is_in(record.reason.as_deref().unwrap_or_default()),
            Field::Session => pattern.is_in(record.key.id.as_str()),
        };
        found.into()
    }

    /// Whether that holds for the worst severity of what the session breaks and of what was typed in it. What cannot be
    /// judged may be as bad as its rule says.
    fn severity(&self, holds: impl Fn(Severity) -> bool) -> Truth {
        let judgement = &self.session.judgement;
        let known = judgement.severity().max(self.session.detections.worst());
        let open = judgement.findings.iter().filter(|finding| finding.status == Verdict::InsufficientData);
        let worst = match judgement.verdict {
            Some(_) => open.map(|finding| finding.severity).max().max(known),
            None => Some(Severity::Critical),
        };
        let sure = known.is_some_and(&holds);
        // Between what is known and what could be, with nothing at all as the least.
        let possible = Severity::ALL.into_iter().filter(|severity| Some(*severity) > known && Some(*severity) <= worst);
        let same = possible.map(holds).all(|holds| holds == sure);
        if same { sure.into() } else { Truth::NotKnown }
    }

    fn tag(&self, key: &Pattern, values: &[Pattern]) -> Truth {
        let tags: Option<&NodeTags> = self.board.node(&self.session.session).and_then(|node| node.tags.value());
        let Some(tags) = tags else { return Truth::NotKnown };
        let fits = |value: &str| values.is_empty() || values.iter().any(|pattern| pattern.is(value));
        tags.iter().any(|(name, value)| key.is(name) && fits(value)).into()
    }

    fn time(&self, clock: Clock, order: Order, than: SignedDuration, again_at: &mut Option<Timestamp>) -> Truth {
        let started = self.session.session.started_at;
        let since = match clock {
            Clock::Age => started,
            Clock::Idle => match &self.session.log_stream {
                // A stream without an event, or none where it was looked for: it printed nothing since it began.
                Fact::Known { value, .. } => value.as_ref().and_then(|stream| stream.last_event_at).or(started),
                Fact::Missing(_) => None,
            },
        };
        let Some(since) = since else { return Truth::NotKnown };
        let until = match self.session.phase {
            Phase::Ended { at, .. } => at,
            Phase::Active => {
                // More than so long it is only after that moment.
                let after = matches!(order, Order::More | Order::AtMost);
                let margin = SignedDuration::from_millis(i64::from(after));
                let change = since.checked_add(than).and_then(|at| at.checked_add(margin)).ok();
                if let Some(change) = change.filter(|change| *change > self.now) {
                    *again_at = Some(again_at.map_or(change, |at| at.min(change)));
                }
                self.now
            }
        };
        order.holds(&until.duration_since(since).max(SignedDuration::ZERO), &than).into()
    }

    fn verdict(&self, verdicts: &[Verdict]) -> Truth {
        verdicts.contains(&self.session.judgement.verdict()).into()
    }

    fn detected(&self) -> Truth {
        self.session.detections.shown(self.output).next().is_some().into()
    }
}

impl Row<'_> {
    /// In the id or the name of the node; while its properties are not read, its name is not known.
    fn node(&self, pattern: &Pattern) -> Truth {
        let record = &self.session.session;
        if pattern.is_in(record.target.as_str()) {
            return Truth::Yes;
        }
        match self.board.node(record).map(|node| &node.properties) {
            Some(Fact::Known { value, .. }) => {
                let name = value.as_ref().and_then(|node| node.name.as_deref());
                name.is_some_and(|name| pattern.is_in(name)).into()
            }
            Some(Fact::Missing(_)) | None => Truth::NotKnown,
        }
    }

    /// In a rule that the session breaks, that cannot be judged, or that detects something in it.
    fn rule(&self, pattern: &Pattern, titles: bool) -> bool {
        let of = |id: &str, title: &str| pattern.is_in(id) || (titles && pattern.is_in(title));
        let findings = &self.session.judgement.findings;
        findings.iter().any(|finding| of(finding.rule.as_str(), &finding.title))
            || self.session.detections.shown(self.output).any(|found| of(&found.rule.id, &found.rule.title))
    }
}
