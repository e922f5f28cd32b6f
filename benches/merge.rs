//! A poll of 10,000 sessions merged into the State: the loop's cost of `update`, verdicts of what changed included.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::panic, clippy::indexing_slicing)]
#[path = "../tests/screen/world.rs"]
mod world;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use divan::Bencher;
use jiff::SignedDuration;
use ssmwatch::{
    app::{Message, State, update},
    domain::{Fact, LogStream, Observation, ScopeId, Session, SessionStatus},
};

fn main() {
    divan::main();
}

/// The sessions of the State as the next poll would list them, scope by scope.
fn listings(state: &State) -> Vec<(ScopeId, Vec<Session>)> {
    let mut by_scope: HashMap<ScopeId, Vec<Session>> = HashMap::new();
    for board in state.board.sessions.values().filter(|board| board.is_active()) {
        by_scope.entry(board.session.key.scope.clone()).or_default().push(board.session.clone());
    }
    by_scope.into_iter().collect()
}

/// Merges a poll in which every `nth` session changed its status, and finds the verdicts.
fn merge(bencher: Bencher, nth: usize) {
    let state = RefCell::new(world::crowd((200, 60), 10_000));
    let connected = listings(&state.borrow());
    let mut disconnected = connected.clone();
    for session in disconnected.iter_mut().flat_map(|(_, sessions)| sessions).step_by(nth) {
        session.status = SessionStatus::Disconnected;
    }
    let polls = Cell::new(0);
    let poll = || {
        polls.set(polls.get() + 1);
        if polls.get() % 2 == 0 { connected.clone() } else { disconnected.clone() }
    };
    bencher.with_inputs(poll).bench_local_values(|listings| {
        let mut state = state.borrow_mut();
        let at = world::now() + SignedDuration::from_secs(polls.get());
        for (scope, sessions) in listings {
            update(&mut state, Message::Observed(Observation::Active { scope, sessions, at }), at);
        }
        while state.has_work() {
            update(&mut state, Message::Tick, at);
        }
    });
}

/// Nothing changed since the last poll.
#[divan::bench]
fn unchanged(bencher: Bencher) {
    merge(bencher, usize::MAX);
}

/// One session in a hundred changed.
#[divan::bench]
fn one_in_a_hundred_changed(bencher: Bencher) {
    merge(bencher, 100);
}

/// Every session is new: the first poll, all verdicts included.
#[divan::bench(sample_count = 5)]
fn first_poll(bencher: Bencher) {
    let crowd = world::crowd((200, 60), 10_000);
    let listings = listings(&crowd);
    let scopes: Vec<ScopeId> = listings.iter().map(|(scope, _)| scope.clone()).collect();
    bencher.with_inputs(|| (world::unread((200, 60), &scopes), listings.clone())).bench_local_values(
        |(mut state, listings)| {
            let at = world::now();
            for (scope, sessions) in listings {
                update(&mut state, Message::Observed(Observation::Active { scope, sessions, at }), at);
            }
            while state.has_work() {
                update(&mut state, Message::Tick, at);
            }
            state
        },
    );
}

/// One fact of one session among 10,000 changed: its verdict is found again, and no other.
#[divan::bench]
fn one_fact_changed(bencher: Bencher) {
    let state = RefCell::new(world::crowd((200, 60), 10_000));
    let key = state.borrow().board.sessions.values().find(|board| board.is_active()).unwrap().session.key.clone();
    let reads = Cell::new(0);
    bencher.bench_local(|| {
        reads.set(reads.get() + 1);
        let at = world::now() + SignedDuration::from_secs(reads.get());
        let stream =
            LogStream { log_group: "/ssm-session-logs".into(), arn: None, created_at: None, last_event_at: Some(at) };
        let streams = vec![(key.id.clone(), Fact::known(Some(stream), "logs:DescribeLogStreams", at))];
        let observation = Observation::LogStreams { scope: key.scope.clone(), streams };
        let mut state = state.borrow_mut();
        update(&mut state, Message::Observed(observation), at);
        while state.has_work() {
            update(&mut state, Message::Tick, at);
        }
    });
}
