//! A session of the past as a filter sees it: what is kept of it is less, and what is not kept is not known.

use jiff::{SignedDuration, Timestamp};

use super::{
    Clock, Field, Order, Pattern,
    eval::{Filterable, Truth},
};
use crate::{
    app::{
        board::{Board, NodeBoard},
        history::PastSession,
    },
    domain::{Fact, Severity, Verdict},
};

/// What is said of a session that was never judged.
const NOT_JUDGED: &str = "not judged";

/// A session that is over and no longer on the board, and what a filter needs beside it.
#[derive(Debug, Clone, Copy)]
pub struct PastRow<'a> {
    /// Everything known of the present.
    pub board: &'a Board,
    /// The session.
    pub past: &'a PastSession,
}

impl PastRow<'_> {
    fn node_board(&self) -> Option<&NodeBoard> {
        self.board.scopes.get(&self.past.key.scope)?.nodes.get(&self.past.target)
    }

    fn node(&self, pattern: &Pattern) -> Truth {
        if pattern.is_in(self.past.target.as_str()) {
            return Truth::Yes;
        }
        match self.node_board().map(|node| &node.properties) {
            Some(Fact::Known { value, .. }) => {
                let name = value.as_ref().and_then(|node| node.name.as_deref());
                name.is_some_and(|name| pattern.is_in(name)).into()
            }
            Some(Fact::Missing(_)) | None => Truth::NotKnown,
        }
    }

    fn rule(&self, pattern: &Pattern) -> bool {
        self.past.rules.iter().any(|rule| pattern.is_in(rule.as_str()))
    }
}

impl Filterable for PastRow<'_> {
    fn text(&self, pattern: &Pattern) -> Truth {
        let past = self.past;
        let texts = [
            self.board.account_name(&past.key.scope),
            past.key.scope.account.as_str(),
            past.key.scope.region.as_str(),
            past.key.id.as_str(),
            &past.owner,
            past.document_name(),
            past.reason.as_deref().unwrap_or_default(),
            &past.how,
            past.verdict.map_or(NOT_JUDGED, Verdict::word),
            past.severity.map_or("", Severity::word),
        ];
        if texts.iter().any(|text| !text.is_empty() && pattern.is_in(text)) || self.rule(pattern) {
            return Truth::Yes;
        }
        // A name that nobody knows is not waited for: nearly all nodes of the past are gone.
        match self.node(pattern) {
            Truth::NotKnown => Truth::No,
            known => known,
        }
    }

    fn field(&self, field: Field, pattern: &Pattern) -> Truth {
        let past = self.past;
        let found = match field {
            Field::Owner => pattern.is_in(&past.owner),
            Field::Account => {
                let scope = &past.key.scope;
                pattern.is_in(self.board.account_name(scope)) || pattern.is_in(scope.account.as_str())
            }
            Field::Region => pattern.is_in(past.key.scope.region.as_str()),
            Field::Node => return self.node(pattern),
            Field::Document => {
                pattern.is_in(past.document_name()) || past.document.as_deref().is_some_and(|name| pattern.is_in(name))
            }
            Field::Rule => match (self.rule(pattern), past.verdict) {
                (false, None) => return Truth::NotKnown,
                (found, _) => found,
            },
            Field::Status => pattern.is_in(&past.how),
            Field::Reason => pattern.is_in(past.reason.as_deref().unwrap_or_default()),
            Field::Session => pattern.is_in(past.key.id.as_str()),
        };
        found.into()
    }

    fn verdict(&self, verdicts: &[Verdict]) -> Truth {
        self.past.verdict.map_or(Truth::NotKnown, |verdict| verdicts.contains(&verdict).into())
    }

    fn severity(&self, holds: impl Fn(Severity) -> bool) -> Truth {
        match (self.past.verdict, self.past.severity) {
            (_, Some(severity)) => holds(severity).into(),
            (Some(Verdict::Compliant | Verdict::NotApplicable), None) => Truth::No,
            // Which rules could not be judged is known, but not how bad each would have been.
            (_, None) => Truth::NotKnown,
        }
    }

    fn tag(&self, key: &Pattern, values: &[Pattern]) -> Truth {
        let Some(tags) = self.node_board().and_then(|node| node.tags.value()) else { return Truth::NotKnown };
        let fits = |value: &str| values.is_empty() || values.iter().any(|pattern| pattern.is(value));
        tags.iter().any(|(name, value)| key.is(name) && fits(value)).into()
    }

    fn time(&self, clock: Clock, order: Order, than: SignedDuration, _again_at: &mut Option<Timestamp>) -> Truth {
        match clock {
            Clock::Age => self.past.lasted().map_or(Truth::NotKnown, |lasted| order.holds(&lasted, &than).into()),
            Clock::Idle => Truth::NotKnown,
        }
    }

    fn detected(&self) -> Truth {
        Truth::NotKnown
    }
}
