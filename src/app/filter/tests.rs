#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, clippy::string_slice)]

use std::{collections::BTreeMap, sync::Arc};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Message, State,
        fixture::{at, failure, scope, session, state},
        update,
    },
    domain::{Fact, FailureClass, LogStream, Node, NodeTags, Observation, Session, SessionKey},
};

fn parsed(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn wrong(text: &str) -> (String, String, bool) {
    let error = Filter::parse(text).expect_err(text);
    (text[error.range.clone()].to_owned(), error.message, error.incomplete)
}

fn name(id: &str) -> SessionKey {
    SessionKey::new(scope(), id)
}

fn listed(sessions: Vec<Session>) -> State {
    let mut state = state(&[]);
    update(&mut state, Message::Observed(Observation::Active { scope: scope(), sessions, at: at(1) }), at(1));
    while state.has_work() {
        update(&mut state, Message::Tick, at(1));
    }
    state
}

/// A session on a node of that name and those tags.
fn on_node(state: &mut State, key: &SessionKey, node: Fact<Option<Node>>, tags: Fact<NodeTags>) {
    let target = state.board.sessions[key].session.target.clone();
    let board = state.board.scopes.get_mut(&key.scope).unwrap().nodes.entry(target).or_default();
    (board.properties, board.tags) = (node, tags);
}

fn tags(pairs: &[(&str, &str)]) -> Fact<NodeTags> {
    let pairs: BTreeMap<String, String> =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Fact::known(Arc::new(pairs), "tag:GetResources", at(0))
}

fn node(name: &str) -> Fact<Option<Node>> {
    let node = Node {
        id: "i-0a1b2c3d4e5f67890".into(),
        name: Some(name.into()),
        instance_role: None,
        iam_role: None,
        agent_version: None,
        platform: None,
        ping_status: None,
        last_ping: None,
    };
    Fact::known(Some(node), "ssm:DescribeInstanceInformation", at(0))
}

fn shown_at(state: &State, key: &SessionKey, filter: &str, seconds: i64) -> Shown {
    let row = Row { board: &state.board, session: &state.board.sessions[key], output: false, now: at(seconds) };
    parsed(filter).shows(&row, &mut None)
}

fn known() -> (State, SessionKey) {
    let mut state = listed(vec![session("jane-0a")]);
    let key = name("jane-0a");
    on_node(&mut state, &key, node("web-1"), tags(&[("Environment", "Production"), ("Cost Center", "a,b \"x\"")]));
    (state, key)
}

#[test]
fn every_key_looks_at_one_thing() {
    let (state, key) = known();
    let yes = [
        "owner:JANE",
        "owner:ops",
        "owner:nobody,jane",
        "account:payments",
        "account:1111",
        "region:eu-central",
        "region:eu-*-1",
        "node:web-1",
        "node:i-0a1b",
        "doc:runshell",
        "document:SSM-Session",
        "status:conn",
        "reason:inc-1",
        "session:jane-0a",
        "id:jane",
        "verdict:insufficient",
        "verdict:INSUFFICIENT_DATA",
        "verdict:non,ins",
        "tag:Environment=prod*",
        "tag:environment=PRODUCTION",
        "tag:Environment",
        "tag:*",
        "tag:Env*=*duct*",
        "tag:\"Cost Center\"=\"a,b \\\"x\\\"\"",
        "tag:Environment=test,production",
        "age>5m",
        "age>=5m",
        "age<1h",
        "age<=1d2h",
        "jane",
        "payments",
        "WEB-1",
        "\"inc-1\"",
        "-bob",
        "-owner:bob",
        "-tag:Environment=test",
        "-is:detected",
        "owner=jane",
        "arn:aws:sts::111122223333:assumed-role/Ops/jane",
        "jane -nosuch -\"a b\"",
        "",
    ];
    for filter in yes {
        assert_eq!(shown_at(&state, &key, filter, 1), Shown::Yes, "{filter}");
    }
    let no = [
        "owner:bob",
        "account:platform",
        "region:us-",
        "node:db",
        "doc:port",
        "status:term",
        "reason:chg",
        "reason:\"\"",
        "id:bob",
        "verdict:non",
        "verdict:compliant",
        "tag:Environment=prod",
        "tag:Owner",
        "tag:Environment=\"prod*\"",
        "age>1h",
        "age<5m",
        "bob",
        "-jane",
        "-owner:jane",
        "-tag:Environment",
        "is:detected",
        "jane bob",
        "10:30",
        "-age>1m",
    ];
    for filter in no {
        assert_eq!(shown_at(&state, &key, filter, 1), Shown::No, "{filter}");
    }
}

#[test]
fn a_rule_is_found_by_id_and_title_where_it_is_broken_or_cannot_be_judged() {
    let (state, key) = known();
    let finding = state.board.sessions[&key].judgement.findings[0].clone();
    assert_eq!(shown_at(&state, &key, &format!("rule:{}", finding.rule), 1), Shown::Yes);
    assert_eq!(shown_at(&state, &key, &format!("rule:\"{}\"", finding.title), 1), Shown::Yes);
    assert_eq!(shown_at(&state, &key, "rule:XXX-99", 1), Shown::No);
}

#[test]
fn what_is_not_known_is_no_match_and_is_not_left_out() {
    let mut state = listed(vec![session("a")]);
    let key = name("a");
    for (missing, why) in
        [(Fact::not_read(), "not read"), (Fact::failed(failure(FailureClass::Denied), None), "denied")]
    {
        on_node(&mut state, &key, Fact::not_read(), missing);
        for filter in ["tag:Environment=prod", "tag:Environment", "node:web", "web", "idle>10m", "idle<10m"] {
            assert_eq!(shown_at(&state, &key, filter, 1), Shown::NoNotKnown, "{filter}, {why}");
            assert_eq!(shown_at(&state, &key, &format!("-{filter}"), 1), Shown::YesNotKnown, "-{filter}, {why}");
        }
        // What is known decides.
        assert_eq!(shown_at(&state, &key, "tag:Environment=prod owner:bob", 1), Shown::No);
        assert_eq!(shown_at(&state, &key, "-tag:Environment=prod owner:jane", 1), Shown::YesNotKnown);
        assert_eq!(shown_at(&state, &key, "-tag:Environment=prod node:web", 1), Shown::NoNotKnown);
    }
    state.view.table.filter = "tag:Environment=prod".to_owned();
    update(&mut state, Message::Tick, at(2));
    assert_eq!(state.filtered.sessions, NotKnown { hidden: 1, shown: 0 });
    assert!(state.view.table.list.rows.is_empty());
    state.view.table.filter = "-tag:Environment=prod".to_owned();
    update(&mut state, Message::Tick, at(3));
    assert_eq!(state.filtered.sessions, NotKnown { hidden: 0, shown: 1 });
    assert_eq!(state.view.table.list.rows.len(), 1);
}

#[test]
fn what_cannot_be_judged_may_be_severe() {
    let (mut state, key) = known();
    let judgement = &mut state.board.sessions.get_mut(&key).unwrap().judgement;
    let mut finding = judgement.findings[0].clone();
    judgement.verdict = Some(Verdict::NonCompliant);
    (finding.status, finding.severity) = (Verdict::NonCompliant, Severity::Medium);
    let mut open = finding.clone();
    (open.status, open.severity) = (Verdict::InsufficientData, Severity::High);
    judgement.findings = vec![finding.clone()];
    for (filter, shown) in [
        ("severity:medium", Shown::Yes),
        ("severity:m", Shown::Yes),
        ("severity:high,medium", Shown::Yes),
        ("severity>low", Shown::Yes),
        ("severity>=medium", Shown::Yes),
        ("severity<=medium", Shown::Yes),
        ("severity<high", Shown::Yes),
        ("severity>medium", Shown::No),
        ("severity:high", Shown::No),
    ] {
        assert_eq!(shown_at(&state, &key, filter, 1), shown, "{filter}");
    }
    state.board.sessions.get_mut(&key).unwrap().judgement.findings = vec![finding, open];
    for (filter, shown) in [
        ("severity>=medium", Shown::Yes),
        ("severity:medium", Shown::NoNotKnown),
        ("severity>=high", Shown::NoNotKnown),
        ("-severity>=high", Shown::YesNotKnown),
        ("severity>=critical", Shown::No),
    ] {
        assert_eq!(shown_at(&state, &key, filter, 1), shown, "{filter}");
    }
}

#[test]
fn idle_is_the_time_since_the_last_output_or_since_the_beginning() {
    let (mut state, key) = known();
    let stream = |last| LogStream { log_group: "g".into(), arn: None, created_at: None, last_event_at: last };
    let board = state.board.sessions.get_mut(&key).unwrap();
    board.log_stream = Fact::known(Some(stream(Some(at(0)))), "logs:DescribeLogStreams", at(0));
    assert_eq!(shown_at(&state, &key, "idle>10m", 600), Shown::No);
    assert_eq!(shown_at(&state, &key, "idle>=10m", 600), Shown::Yes);
    assert_eq!(shown_at(&state, &key, "idle>10m", 601), Shown::Yes);
    for value in [None, Some(stream(None))] {
        let board = state.board.sessions.get_mut(&key).unwrap();
        board.log_stream = Fact::known(value, "logs:DescribeLogStreams", at(0));
        assert_eq!(shown_at(&state, &key, "idle>=5m", 0), Shown::Yes);
        assert_eq!(shown_at(&state, &key, "idle>5m", 0), Shown::No);
    }
}

#[test]
fn time_alone_brings_a_row_at_its_moment_and_recomputes_only_then() {
    let mut state = listed(vec![session("a")]);
    state.view.table.filter = "age>10m".to_owned();
    update(&mut state, Message::Tick, at(10));
    assert!(state.view.table.list.rows.is_empty());
    // The session began five minutes before the tests do.
    assert_eq!(state.filtered.again_at, Some(at(300) + SignedDuration::from_millis(1)));
    update(&mut state, Message::Tick, at(300));
    assert!(state.view.table.list.rows.is_empty());
    update(&mut state, Message::Tick, at(301));
    assert_eq!(state.view.table.list.rows, [name("a")]);
    assert_eq!(state.filtered.again_at, None);
}

#[test]
fn errors_point_at_the_place() {
    let cases = [
        ("jane ownr:x", "ownr:", "did you mean `owner`", false),
        ("colour:red", "colour:", "unknown key `colour`", false),
        ("verdict:bad", "bad", "unknown verdict `bad`", false),
        ("severity:high,terrible x", "terrible", "unknown severity", false),
        ("severity>=", ">=", "needs a value", true),
        ("age>1h30", "1h30", "not a duration", true),
        ("age>1h30 x", "1h30", "not a duration", false),
        ("age>soon", "soon", "not a duration", false),
        ("age>99999999999999999999s", "99999999999999999999s", "not a duration", false),
        ("age:1h", "age:", "is compared", false),
        ("age:", "age:", "is compared", true),
        ("owner>x", "owner>", "is not compared", false),
        ("say \"a b", "\"a b", "not closed", true),
        ("-", "-", "needs a term", true),
        ("- x", "-", "needs a term", false),
        ("a -owner:", "-owner:", "needs a value", true),
        ("owner: x", "owner:", "needs a value", false),
        ("owner:a,", "owner:a,", "needs a value", true),
        ("tag:", "tag:", "needs a tag", true),
        ("tag:Environment=", "tag:Environment=", "needs", true),
        ("is:odd", "odd", "is:detected", false),
        ("\"\"", "\"\"", "nothing between", false),
        ("owner:\"\\x\"", "\\", "in quotes", false),
    ];
    for (text, place, message, incomplete) in cases {
        let error = Filter::parse(text).expect_err(text);
        assert!(error.message.contains(message), "{text}: {}", error.message);
        assert_eq!(error.incomplete, incomplete, "{text}");
        let at = wrong(text).0;
        assert!(at.contains(place.trim_start_matches("age:")) || place.contains(&at), "{text}: {at}");
        assert!(!at.is_empty(), "{text}");
    }
}

#[test]
fn what_looks_like_text_is_text() {
    for text in [
        "arn:aws:iam::1:role/x",
        "https://example.com",
        "10:30",
        "a>b",
        "key=value",
        "web-1",
        "DOMAIN\\jane",
        "::",
        "a::b",
    ] {
        assert_eq!(parsed(text), Filter::of_text(text), "{text}");
    }
}

#[test]
fn what_is_typed_stays_in_force_as_far_as_it_is_complete() {
    let in_force = |text: &str| Filter::typed(text).in_force;
    assert_eq!(in_force("jane").as_deref(), Some("jane"));
    assert_eq!(in_force("jane age>").as_deref(), Some("jane"));
    assert_eq!(in_force("jane age>1").as_deref(), Some("jane"));
    assert_eq!(in_force("jane \"a b").as_deref(), Some("jane \"a b\""));
    assert_eq!(in_force("jane reason:\"").as_deref(), Some("jane"));
    assert_eq!(in_force("owner:").as_deref(), Some(""));
    assert_eq!(in_force("jane ownr:x").as_deref(), Some("jane"));
    assert_eq!(in_force("jane ownr:x bob"), None);
    assert_eq!(in_force("ownr:x age>"), None);
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let piece = prop_oneof![any::<String>(), "[a-z\" ,*=\\\\:<>-]{0,6}", Just(String::new())];
    proptest::collection::vec(piece.prop_map(|piece| pattern::lower(&piece)), 1..4)
        .prop_map(|pieces| Pattern { pieces })
}

fn any_what() -> impl Strategy<Value = What> {
    let order = || proptest::sample::select(vec![Order::Less, Order::AtMost, Order::AtLeast, Order::More]);
    let patterns = |least| proptest::collection::vec(any_pattern(), least..3);
    let field = proptest::sample::select(vec![
        Field::Owner,
        Field::Account,
        Field::Region,
        Field::Node,
        Field::Document,
        Field::Rule,
        Field::Status,
        Field::Reason,
        Field::Session,
    ]);
    let verdicts = vec![Verdict::NonCompliant, Verdict::InsufficientData, Verdict::Compliant, Verdict::NotApplicable];
    prop_oneof![
        any_pattern().prop_filter("text", |text| text.pieces != [""]).prop_map(What::Text),
        (field, patterns(1)).prop_map(|(field, patterns)| What::Field(field, patterns)),
        proptest::sample::subsequence(verdicts, 1..4).prop_map(What::Verdict),
        proptest::sample::subsequence(Severity::ALL.to_vec(), 1..4).prop_map(What::Severity),
        (order(), proptest::sample::select(Severity::ALL.to_vec()))
            .prop_map(|(order, than)| What::SeverityIs(order, than)),
        (any_pattern(), patterns(0)).prop_map(|(key, values)| What::Tag(key, values)),
        (proptest::sample::select(vec![Clock::Age, Clock::Idle]), order(), 0..100_000_000_i64)
            .prop_map(|(clock, order, seconds)| What::Time(clock, order, SignedDuration::from_secs(seconds))),
        Just(What::Detected),
    ]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let term = (any::<bool>(), any_what()).prop_map(|(negated, what)| Term { negated, what });
    proptest::collection::vec(term, 0..4).prop_map(|terms| Filter { terms })
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in any::<String>(), signs in "[a-z\"\\\\:<>=,*u{}0-9 -]{0,40}") {
        for text in [text, signs] {
            match Filter::parse(&text) {
                Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
                Err(error) => {
                    prop_assert!(text.get(error.range.clone()).is_some_and(|place| !place.is_empty()), "{:?}", error);
                    prop_assert!(text.is_char_boundary(error.term));
                }
            }
            if let Some(in_force) = Filter::typed(&text).in_force {
                prop_assert!(Filter::parse(&in_force).is_ok());
            }
        }
    }

    #[test]
    fn what_is_printed_is_read_as_the_same(filter in any_filter()) {
        let text = filter.to_string();
        prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
    }
}

#[test]
fn a_dash_is_the_opposite_except_of_what_is_not_known() {
    let (read, key) = known();
    let (mut unread, _) = known();
    on_node(&mut unread, &key, Fact::not_read(), Fact::not_read());
    let mut runner = proptest::test_runner::TestRunner::default();
    let checked = runner.run(&(any_what(), any::<bool>()), |(what, is_read)| {
        let state = if is_read { &read } else { &unread };
        let row = Row { board: &state.board, session: &state.board.sessions[&key], output: false, now: at(1) };
        let holds = |negated| {
            let filter = Filter { terms: vec![Term { negated, what: what.clone() }] };
            (filter.terms[0].holds(&row, &mut None), filter.shows(&row, &mut None))
        };
        match (holds(false), holds(true)) {
            ((Truth::Yes, Shown::Yes), (Truth::No, Shown::No)) => {}
            ((Truth::No, Shown::No), (Truth::Yes, Shown::Yes)) => {}
            ((Truth::NotKnown, Shown::NoNotKnown), (Truth::NotKnown, Shown::YesNotKnown)) => {}
            other => prop_assert!(false, "{:?}", other),
        }
        Ok(())
    });
    checked.unwrap();
}
