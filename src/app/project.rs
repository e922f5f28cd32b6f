//! Which rows a table shows, in which order: recomputed only when its inputs changed.

use std::cmp::{Ordering, Reverse};

use jiff::Timestamp;

use super::{
    board::{Board, Phase, ScopeBoard, SessionBoard},
    state::{Projected, State},
    view::{ListView, SortBy},
};
use crate::domain::{Alert, Owner, SessionKey, Severity, Verdict};

impl State {
    /// Recomputes rows, counts and scroll positions where their inputs changed.
    pub(super) fn project(&mut self) {
        let table = &self.view.table;
        let inputs = Projected {
            board_revision: Some(self.board.revision),
            filter: table.filter.clone(),
            sort: table.sort,
            reverse: table.reverse,
        };
        if inputs != self.projected {
            self.project_sessions();
            self.project_lists();
            self.projected = inputs;
        }
        self.counts = self.board.counts(self.now);
    }

    fn filter_words(&self) -> Vec<String> {
        self.view.table.filter.split_whitespace().map(str::to_lowercase).collect()
    }

    fn project_sessions(&mut self) {
        let words = self.filter_words();
        let table = &mut self.view.table;
        let selected = table.list.selected.as_ref().filter(|_| table.touched);
        table.total = self.board.sessions.values().filter(|session| session.is_active()).count();
        let mut rows: Vec<&SessionBoard> = self
            .board
            .sessions
            .values()
            // A selected session that ended stays, as a ghost, until the analyst moves on.
            .filter(|session| session.is_active() || selected == Some(&session.session.key))
            .filter(|session| words.is_empty() || matches(&self.board, session, &words))
            .collect();
        sort(&self.board, &mut rows, table.sort, table.reverse);
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
        let words = self.filter_words();
        let mut ended: Vec<(Timestamp, &SessionKey)> = self
            .board
            .sessions
            .iter()
            .filter(|(_, session)| words.is_empty() || matches(&self.board, session, &words))
            .filter_map(|(key, session)| match session.phase {
                Phase::Ended { at, .. } => Some((at, key)),
                Phase::Active => None,
            })
            .collect();
        ended.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        refill(&mut self.view.history, ended.into_iter().map(|(_, key)| key.clone()).collect());
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

/// Every word occurs in something that the row shows (or hides only for want of room).
fn matches(board: &Board, session: &SessionBoard, words: &[String]) -> bool {
    let mut text = String::with_capacity(256);
    let record = &session.session;
    let name = board.node(record).and_then(|node| node.properties.value()?.as_ref()?.name.clone());
    for part in [
        board.account_name(&record.key.scope),
        record.key.scope.account.as_str(),
        record.key.scope.region.as_str(),
        record.key.id.as_str(),
        record.target.as_str(),
        name.as_deref().unwrap_or_default(),
        &record.owner,
        record.document_name(),
        record.reason.as_deref().unwrap_or_default(),
        record.status.as_str(),
        session.judgement.verdict().word(),
        session.judgement.severity().map_or("", Severity::word),
    ] {
        text.push_str(part);
        text.push('\n');
    }
    for finding in &session.judgement.findings {
        text.push_str(finding.rule.as_str());
        text.push('\n');
    }
    for detected in session.detections.shown(false) {
        text.push_str(&detected.rule.id);
        text.push('\n');
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
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

/// The node's name, or its id while the name is not known.
pub fn node_name<'a>(board: &'a Board, session: &'a SessionBoard) -> &'a str {
    board
        .node(&session.session)
        .and_then(|node| node.properties.value()?.as_ref()?.name.as_deref())
        .unwrap_or_else(|| session.session.target.as_str())
}

fn compare_names(a: &str, b: &str) -> Ordering {
    let lower = |text: &'_ str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    if a.is_ascii() && b.is_ascii() {
        return a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    lower(a).cmp(&lower(b))
}
