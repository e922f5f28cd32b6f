//! Which rows a table shows, in which order: recomputed only when its inputs changed.

use std::cmp::{Ordering, Reverse};

use super::{
    board::{Board, Freshness, ScopeBoard, SessionBoard},
    filter::{Filtered, NotKnown, PastRow, Row},
    grouping::{self, GroupBy},
    history::{PastSession, PastSort},
    state::{Projected, State},
    view::{ListView, Screen, SortBy},
};
use crate::domain::{Alert, Owner, Severity, Verdict};

impl State {
    /// Recomputes rows, counts and scroll positions where their inputs changed.
    pub(super) fn project(&mut self) {
        self.thaw_for_selection();
        let table = &self.view.table;
        let fresh = |board: &Board, now| {
            board.scopes.values().filter(|scope| board.freshness(scope, now) == Freshness::Fresh).count()
        };
        let inputs = Projected {
            board_revision: Some(self.board.revision),
            filter: table.filter.clone(),
            sort: table.sort,
            reverse: table.reverse,
            group: table.group,
            fresh: if table.group == GroupBy::None && table.frozen.is_none() {
                0
            } else {
                fresh(&self.board, self.now)
            },
        };
        if inputs != self.projected || self.filtered.is_due(self.now) {
            self.filtered.take(&inputs.filter);
            self.filtered.again_at = None;
            if self.is_frozen() {
                self.compare_frozen();
            } else {
                self.project_sessions();
            }
            self.project_lists();
            self.projected = inputs;
        }
        if self.view.screen == Screen::History {
            self.project_history();
        }
        self.counts = self.board.counts(self.now);
    }

    /// The past: only while it is on the screen, since it is long.
    fn project_history(&mut self) {
        if self.view.past.board_revision != Some(self.board.revision) {
            self.board.sessions.values().for_each(|session| self.history.put_board(session));
            self.view.past.board_revision = Some(self.board.revision);
        }
        self.history.forget(self.now);
        self.history.count();
        let (sort, reverse) = (self.view.past.sort, self.view.past.reverse);
        let inputs = (self.history.revision, self.view.table.filter.clone(), sort, reverse);
        if self.view.past.projected.as_ref() == Some(&inputs) {
            return;
        }
        let (now, output) = (self.now, self.view.show_output_detections);
        let Filtered { filter, history: not_known, .. } = &mut self.filtered;
        *not_known = NotKnown::default();
        let mut rows: Vec<&PastSession> = self
            .history
            .newest()
            .filter(|past| {
                // What ended grows no older: time alone changes nothing here.
                let (board, again_at) = (&self.board, &mut None);
                not_known.count(match board.sessions.get(&past.key) {
                    Some(session) => filter.shows(&Row { board, session, output, now }, again_at),
                    None => filter.shows(&PastRow { board, past }, again_at),
                })
            })
            .collect();
        let text = |a: &str, b: &str| compare_names(a, b);
        let order = |a: &PastSession, b: &PastSession| match sort {
            PastSort::Ended => b.ended_at.cmp(&a.ended_at),
            PastSort::Verdict => past_badness(b).cmp(&past_badness(a)),
            PastSort::Account => text(self.board.account_name(&a.key.scope), self.board.account_name(&b.key.scope)),
            PastSort::Owner => text(&Owner::parse(&a.owner).to_string(), &Owner::parse(&b.owner).to_string()),
            PastSort::Node => text(past_node(&self.board, a), past_node(&self.board, b)),
            PastSort::Lasted => b.lasted().cmp(&a.lasted()),
        };
        // They come with the newest first, and what is alike stays in that order.
        if sort != PastSort::Ended || reverse {
            rows.sort_by(|a, b| if reverse { order(b, a) } else { order(a, b) });
        }
        let rows = rows.into_iter().map(|past| past.key.clone()).collect();
        refill(&mut self.view.history, rows);
        if !self.view.past.touched {
            self.view.history.jump(false);
        }
        self.view.past.projected = Some(inputs);
    }

    fn project_sessions(&mut self) {
        let (now, output) = (self.now, self.view.show_output_detections);
        let Filtered { filter, again_at, sessions: not_known, .. } = &mut self.filtered;
        *not_known = NotKnown::default();
        let table = &mut self.view.table;
        let selected = table.list.selected.as_ref().filter(|_| table.touched);
        table.total = self.board.sessions.values().filter(|session| session.is_active()).count();
        let mut rows: Vec<&SessionBoard> = self
            .board
            .sessions
            .values()
            // A selected session that ended stays, as a ghost, until the analyst moves on.
            .filter(|session| session.is_active() || selected == Some(&session.session.key))
            .filter(|session| {
                not_known.count(filter.shows(&Row { board: &self.board, session, output, now }, again_at))
            })
            .collect();
        sort(&self.board, &mut rows, table.sort, table.reverse);
        let (rows, groups) = grouping::group(&self.board, rows, table.group, now);
        table.groups = groups;
        let before = table.list.position();
        table.list.rows = rows.into_iter().map(|session| session.session.key.clone()).collect();
        if table.touched {
            keep_selection(&mut table.list, before);
        } else {
            let before = table.list.selected.clone();
            table.list.jump(false);
            if before.is_some() && before != table.list.selected {
                table.moved_at = Some(self.now);
            }
        }
    }

    fn project_lists(&mut self) {
        let scopes: Vec<_> = self.board.scopes.keys().cloned().collect();
        refill(&mut self.view.scopes, scopes);
        let mut preferences: Vec<_> = self.board.scopes.iter().collect();
        preferences.sort_by(|(a_id, a), (b_id, b)| {
            let bad = |board: &ScopeBoard| {
                let judgement = &board.preferences_judgement;
                (judgement.verdict(), judgement.severity())
            };
            let names = || compare_names(self.board.account_name(a_id), self.board.account_name(b_id));
            bad(b).cmp(&bad(a)).then_with(names).then_with(|| a_id.cmp(b_id))
        });
        let preferences = preferences.into_iter().map(|(id, _)| id.clone()).collect();
        refill(&mut self.view.preferences, preferences);
        if !self.view.table.touched {
            // Until somebody is at the keyboard the worst stays selected, as among the sessions.
            self.view.preferences.jump(false);
        }
    }

    pub(super) fn project_alerts(&mut self) {
        let mut alerts: Vec<_> = self.alerts.all().collect();
        alerts.sort_by(|a, b| {
            let rank = |alert: &Alert| (!alert.is_unacknowledged(), !alert.workflow.is_open(), Reverse(alert.severity));
            let newest = || b.reopened_at.cmp(&a.reopened_at);
            rank(a).cmp(&rank(b)).then_with(newest).then_with(|| a.id.cmp(&b.id))
        });
        let ids = alerts.into_iter().map(|alert| alert.id.clone()).collect();
        refill(&mut self.view.alerts, ids);
        if !self.view.table.touched {
            self.view.alerts.jump(false);
        }
    }

    pub(super) fn project_acts(&mut self) {
        let acts = self.acts.iter().rev().map(|act| act.id).collect();
        refill(&mut self.view.acts, acts);
    }
}

fn refill<Id: PartialEq + Clone>(list: &mut ListView<Id>, rows: Vec<Id>) {
    let before = list.position();
    list.rows = rows;
    keep_selection(list, before);
}

/// The selection is an id. Only where that id left the list does the row that took its place follow.
fn keep_selection<Id: PartialEq + Clone>(list: &mut ListView<Id>, before: Option<usize>) {
    if list.position().is_none() {
        let row = before.unwrap_or(0).min(list.rows.len().saturating_sub(1));
        list.selected = list.rows.get(row).cloned();
    }
}

/// How bad a session is: what is NON_COMPLIANT or was typed that a rule detects by its severity, then INSUFFICIENT_DATA, then COMPLIANT.
pub(super) fn badness(session: &SessionBoard) -> Badness {
    let (verdict, severity) = (session.judgement.verdict(), session.judgement.severity());
    let broken = severity.filter(|_| verdict == Verdict::NonCompliant);
    (broken.max(session.detections.worst()), verdict, severity)
}

pub(super) type Badness = (Option<Severity>, Verdict, Option<Severity>);

fn sort(board: &Board, rows: &mut Vec<&SessionBoard>, by: SortBy, reverse: bool) {
    // How bad a row is takes a look at its findings: found once a row, not once a comparison.
    let mut judged: Vec<(Badness, &SessionBoard)> = rows.drain(..).map(|row| (badness(row), row)).collect();
    let newest_first = |a: &SessionBoard, b: &SessionBoard| b.session.started_at.cmp(&a.session.started_at);
    let text = |a: &str, b: &str| compare_names(a, b);
    judged.sort_by(|(bad_a, a), (bad_b, b)| {
        let (left, right) = (&a.session, &b.session);
        let order = match by {
            SortBy::Severity => bad_b.cmp(bad_a).then_with(|| newest_first(a, b)),
            SortBy::Account => text(board.account_name(&left.key.scope), board.account_name(&right.key.scope)),
            SortBy::Region => text(left.key.scope.region.as_str(), right.key.scope.region.as_str()),
            SortBy::Node => text(node_name(board, a), node_name(board, b)),
            SortBy::Owner => text(&Owner::parse(&left.owner).to_string(), &Owner::parse(&right.owner).to_string()),
            SortBy::Document => text(left.document_name(), right.document_name()),
            SortBy::Reason => {
                text(left.reason.as_deref().unwrap_or_default(), right.reason.as_deref().unwrap_or_default())
            }
            SortBy::Age => newest_first(a, b),
            SortBy::LastOutput => Reverse(a.last_output()).cmp(&Reverse(b.last_output())),
        };
        let order = if reverse { order.reverse() } else { order };
        order.then_with(|| bad_b.cmp(bad_a)).then_with(|| newest_first(a, b)).then_with(|| left.key.cmp(&right.key))
    });
    rows.extend(judged.into_iter().map(|(_, row)| row));
}

/// How bad a past session was: what nobody judged comes with what could not be judged, before what was well.
fn past_badness(past: &PastSession) -> (Option<Severity>, Verdict) {
    let verdict = past.verdict.unwrap_or(Verdict::InsufficientData);
    (past.severity.filter(|_| verdict == Verdict::NonCompliant), verdict)
}

/// The name of a past session's node, or its id while the name is not known.
fn past_node<'a>(board: &'a Board, past: &'a PastSession) -> &'a str {
    let node = board.scopes.get(&past.key.scope).and_then(|scope| scope.nodes.get(&past.target));
    let name = node.and_then(|node| node.properties.value()?.as_ref()?.name.as_deref());
    name.unwrap_or_else(|| past.target.as_str())
}

/// The node's name, or its id while the name is not known.
pub fn node_name<'a>(board: &'a Board, session: &'a SessionBoard) -> &'a str {
    board
        .node(&session.session)
        .and_then(|node| node.properties.value()?.as_ref()?.name.as_deref())
        .unwrap_or_else(|| session.session.target.as_str())
}

pub(super) fn compare_names(a: &str, b: &str) -> Ordering {
    let lower = |text: &'_ str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    if a.is_ascii() && b.is_ascii() {
        return a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    lower(a).cmp(&lower(b))
}
