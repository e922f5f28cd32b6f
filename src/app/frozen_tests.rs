//! The table held still, its groups, and the marks of what changed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crossterm::event::KeyCode;

use super::{
    Message, State,
    changes::Change,
    fixture::{at, scope, session, start, state},
    frozen::Since,
    grouping::GroupBy,
    tests::{key, list, press},
    update,
    view::SortBy,
};
use crate::domain::{Observation, ScopeId, Session, SessionKey, SessionStatus};

fn listed(state: &mut State, sessions: Vec<Session>, seconds: i64) {
    let listing = Observation::Active { scope: scope(), sessions, at: at(seconds) };
    update(state, Message::Observed(listing), at(seconds));
}

fn judged(state: &mut State, seconds: i64) {
    update(state, Message::Tick, at(seconds));
    while state.has_work() {
        update(state, Message::Tick, at(seconds));
    }
}

fn notice(state: &State) -> &str {
    state.view.notice.as_ref().map_or("", |notice| notice.text.as_str())
}

fn disconnected(id: &str) -> Session {
    Session { status: SessionStatus::Disconnected, ..session(id) }
}

#[test]
fn a_frozen_table_keeps_its_rows_and_counts_what_is_otherwise() {
    let mut state = state(&["a", "b", "c"]);
    judged(&mut state, 1);
    press(&mut state, KeyCode::Char('j'), 2_000);
    let (rows, selected) = (state.view.table.list.rows.clone(), state.view.table.list.selected.clone());
    press(&mut state, KeyCode::Char('p'), 3_000);
    let frozen = state.view.table.frozen.as_ref().unwrap();
    assert_eq!((frozen.at, frozen.new, frozen.ended, frozen.changed), (at(3), 0, 0, 0));
    for seconds in [5, 10, 15] {
        let newest = Session { started_at: Some(start()), ..session("z") };
        listed(&mut state, vec![newest, disconnected("b"), session("c")], seconds);
    }
    judged(&mut state, 16);
    let frozen = state.view.table.frozen.as_ref().unwrap();
    assert_eq!((frozen.new, frozen.ended, frozen.changed), (1, 1, 1));
    assert_eq!(frozen.row(&key("a")).unwrap().since, Some(Since::Ended));
    assert_eq!(frozen.row(&key("b")).unwrap().since, Some(Since::Changed));
    assert_eq!(frozen.row(&key("b")).unwrap().facts.session.status, SessionStatus::Connected, "as it was");
    assert_eq!(frozen.row(&key("c")).unwrap().since, None);
    assert_eq!((&state.view.table.list.rows, &state.view.table.list.selected), (&rows, &selected));
    assert_eq!(state.counts.active, 3, "the intake goes on");
    // Another screen and back: it stays as it is.
    press(&mut state, KeyCode::Char('5'), 17_000);
    press(&mut state, KeyCode::Char('1'), 18_000);
    assert_eq!(state.view.table.list.rows, rows);
    press(&mut state, KeyCode::Char('p'), 19_000);
    assert!(state.view.table.frozen.is_none());
    assert!(state.view.table.list.rows.contains(&key("z")));
    assert_eq!(state.view.table.list.selected, selected);
}

#[test]
fn acts_go_to_the_live_session_of_the_frozen_row() {
    let mut state = state(&["a", "b", "c"]);
    judged(&mut state, 1);
    press(&mut state, KeyCode::Char('p'), 2_000);
    for seconds in [5, 10, 15] {
        list(&mut state, &["x", "y", "z", "b", "c"], seconds);
    }
    let to = state.view.table.list.rows[1].clone();
    press(&mut state, KeyCode::Char('g'), 16_000);
    press(&mut state, KeyCode::Char('j'), 17_000);
    press(&mut state, KeyCode::Char('t'), 18_000);
    assert_eq!(state.view.dialog.as_ref().unwrap().subject().unwrap().session(), Some(&to));
    press(&mut state, KeyCode::Esc, 19_000);
    // The one that ended since cannot be ended again.
    let mut ms = 20_000;
    while state.view.table.list.selected != Some(key("a")) {
        press(&mut state, KeyCode::Char('g'), ms);
        for _ in 0..state.view.table.list.rows.iter().position(|row| *row == key("a")).unwrap() {
            press(&mut state, KeyCode::Char('j'), ms);
        }
        ms += 1_000;
    }
    press(&mut state, KeyCode::Char('t'), ms + 1_000);
    assert!(state.view.dialog.is_none());
    assert!(state.view.table.list.rows.contains(&key("a")), "its row stays all the same");
}

#[test]
fn what_would_change_the_rows_is_refused_with_a_word() {
    let mut state = state(&["a", "b"]);
    press(&mut state, KeyCode::Char('p'), 1_000);
    let rows = state.view.table.list.rows.clone();
    for (code, ms) in [('s', 2_000), ('S', 3_000), ('/', 4_000), ('b', 5_000)] {
        state.view.notice = None;
        press(&mut state, KeyCode::Char(code), ms);
        assert_eq!(notice(&state), "the table is frozen: p goes on", "{code}");
        assert!(state.view.input.is_none());
    }
    let table = &state.view.table;
    assert_eq!((table.sort, table.reverse, table.group), (SortBy::Severity, false, GroupBy::None));
    assert_eq!(table.list.rows, rows);
}

#[test]
fn the_filter_of_the_freeze_decides_what_is_new() {
    let mut state = state(&["alpha", "beta"]);
    state.view.table.filter = "id:alpha".to_owned();
    update(&mut state, Message::Tick, at(1));
    press(&mut state, KeyCode::Char('p'), 1_000);
    assert_eq!(state.view.table.frozen.as_ref().unwrap().filter, "id:alpha");
    list(&mut state, &["alpha", "beta", "gamma"], 5);
    assert_eq!(state.view.table.frozen.as_ref().unwrap().new, 0);
    list(&mut state, &["alpha", "beta", "gamma", "alpha-2"], 10);
    assert_eq!(state.view.table.frozen.as_ref().unwrap().new, 1);
    press(&mut state, KeyCode::Esc, 11_000);
    assert_eq!(state.view.table.filter, "id:alpha", "taking the filter away waits for the thaw, too");
}

#[test]
fn opening_a_session_that_is_no_frozen_row_lets_the_table_go_on() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Char('p'), 1_000);
    list(&mut state, &["a", "b"], 5);
    state.view.table.list.selected = Some(key("b"));
    update(&mut state, Message::Tick, at(6));
    assert!(state.view.table.frozen.is_none());
    assert_eq!(state.view.table.list.selected, Some(key("b")));
    assert!(notice(&state).contains("the table goes on"));
}

#[test]
fn what_is_no_longer_seen_is_not_as_it_was() {
    let mut state = state(&["a"]);
    judged(&mut state, 1);
    press(&mut state, KeyCode::Char('p'), 2_000);
    update(&mut state, Message::Tick, at(60));
    assert_eq!(state.view.table.frozen.as_ref().unwrap().row(&key("a")).unwrap().since, Some(Since::Changed));
}

fn other() -> ScopeId {
    ScopeId::new("444455556666", "us-east-1")
}

/// Two accounts; the port forwarding of the second breaks a rule.
fn two_accounts() -> State {
    let mut state = state(&["a", "b", "c"]);
    let elsewhere = |id: &str, document: Option<&str>| Session {
        key: SessionKey::new(other(), id),
        owner: "arn:aws:sts::444455556666:assumed-role/Ops/mallory".into(),
        document: document.map(Into::into),
        ..session(id)
    };
    let sessions = vec![elsewhere("x", Some("AWS-StartPortForwardingSession")), elsewhere("y", None)];
    let listing = Observation::Active { scope: other(), sessions, at: at(1) };
    update(&mut state, Message::Observed(listing), at(1));
    judged(&mut state, 2);
    state
}

#[test]
fn groups_come_with_the_worst_first_and_rows_as_sorted() {
    let mut state = two_accounts();
    let flat = state.view.table.list.rows.clone();
    press(&mut state, KeyCode::Char('b'), 3_000);
    let table = &state.view.table;
    assert_eq!((table.group, notice(&state)), (GroupBy::Account, "grouped by account"));
    assert_eq!(table.groups.iter().map(|head| head.at).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(table.list.rows[0], SessionKey::new(other(), "x"));
    assert_eq!(table.list.rows[1], SessionKey::new(other(), "y"));
    assert_eq!((table.groups[0].counts.sessions, table.groups[0].counts.non_compliant), (2, 1));
    assert_eq!(table.groups[1].counts.sessions, 3);
    for (group, groups) in [(GroupBy::Owner, 2), (GroupBy::Node, 2), (GroupBy::None, 0)] {
        press(&mut state, KeyCode::Char('b'), 4_000);
        assert_eq!((state.view.table.group, state.view.table.groups.len()), (group, groups));
    }
    assert_eq!(state.view.table.list.rows, flat);
}

#[test]
fn the_selection_stays_by_id_when_groups_move() {
    let mut state = two_accounts();
    press(&mut state, KeyCode::Char('b'), 3_000);
    press(&mut state, KeyCode::Char('G'), 4_000);
    let selected = state.view.table.list.selected.clone().unwrap();
    assert_eq!(selected.scope, scope());
    let forwarding = Session { document: Some("AWS-StartPortForwardingSession".into()), ..session("d") };
    let more = Session { document: Some("AWS-StartPortForwardingSession".into()), ..session("e") };
    // The bad one of the other account is gone; now this account comes first.
    let listing = Observation::Active { scope: other(), sessions: Vec::new(), at: at(5) };
    update(&mut state, Message::Observed(listing.clone()), at(5));
    update(&mut state, Message::Observed(listing.clone()), at(8));
    update(&mut state, Message::Observed(listing), at(11));
    listed(&mut state, vec![session("a"), session("b"), session("c"), forwarding, more], 12);
    judged(&mut state, 13);
    assert_eq!(state.view.table.list.selected, Some(selected));
    assert_eq!(state.view.table.list.rows[0].scope, scope());
}

#[test]
fn headings_of_groups_do_not_call_well_what_is_not_seen() {
    let mut state = two_accounts();
    press(&mut state, KeyCode::Char('b'), 3_000);
    let seen: usize = state.view.table.groups.iter().map(|head| head.counts.stale).sum();
    update(&mut state, Message::Tick, at(90));
    let well = state.board.sessions.values().filter(|session| {
        !matches!(
            session.judgement.verdict(),
            crate::domain::Verdict::NonCompliant | crate::domain::Verdict::InsufficientData
        )
    });
    let stale: usize = state.view.table.groups.iter().map(|head| head.counts.stale).sum();
    assert_eq!((seen, stale), (0, well.count()));
}

#[test]
fn changes_are_marked_for_a_while_and_the_first_listing_is_none() {
    let mut state = state(&["a", "b"]);
    judged(&mut state, 1);
    press(&mut state, KeyCode::Char('j'), 2_000);
    let of = |state: &State, id: &str| state.changes.of(&key(id), state.now);
    assert_eq!((of(&state, "a"), of(&state, "b")), (None, None));
    listed(&mut state, vec![session("a"), disconnected("b"), session("c")], 5);
    assert_eq!(of(&state, "a"), None);
    assert_eq!((of(&state, "b"), of(&state, "c")), (Some(Change::Changed), Some(Change::New)));
    judged(&mut state, 6);
    assert_eq!((of(&state, "a"), of(&state, "c")), (None, Some(Change::New)), "being judged is no change");
    update(&mut state, Message::Tick, at(14));
    assert_eq!((of(&state, "b"), of(&state, "c")), (None, None));
    // The other scope was not read before: what it has is not new.
    let first = Session { key: SessionKey::new(other(), "x"), ..session("x") };
    let listing = Observation::Active { scope: other(), sessions: vec![first.clone()], at: at(15) };
    update(&mut state, Message::Observed(listing), at(15));
    assert_eq!(state.changes.of(&first.key, state.now), None);
}

#[test]
fn what_changed_while_nobody_looked_is_marked_at_the_return() {
    let mut state = state(&["a", "b"]);
    judged(&mut state, 1);
    press(&mut state, KeyCode::Char('j'), 2_000);
    listed(&mut state, vec![session("a"), disconnected("b"), session("c")], 30);
    update(&mut state, Message::Tick, at(70));
    assert_eq!((state.changes.of(&key("c"), state.now), state.changes.while_away(state.now, |_| true)), (None, None));
    press(&mut state, KeyCode::Char('j'), 71_000);
    assert_eq!(state.changes.while_away(state.now, |_| true), Some((1, 1, 0)));
    assert_eq!(state.changes.of(&key("c"), state.now), Some(Change::New));
    update(&mut state, Message::Tick, at(80));
    assert_eq!((state.changes.of(&key("c"), state.now), state.changes.while_away(state.now, |_| true)), (None, None));
    // On another screen nobody looks at the table, whatever is pressed there.
    press(&mut state, KeyCode::Char('5'), 81_000);
    listed(&mut state, vec![session("a"), disconnected("b"), session("c"), session("d")], 85);
    press(&mut state, KeyCode::Char('j'), 95_000);
    press(&mut state, KeyCode::Char('1'), 100_000);
    // Time went on for the verdicts of the others, too.
    assert!(matches!(state.changes.while_away(state.now, |_| true), Some((1, _, 0))));
    assert_eq!(state.changes.of(&key("d"), state.now), Some(Change::New));
}
