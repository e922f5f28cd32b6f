//! Every screen draws at any size, whatever the texts are, and lets nothing through that a terminal would interpret.

use std::sync::Arc;

use crossterm::event::KeyCode;
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, buffer::CellWidth};
use ssmwatch::{
    app::{Message, State, dialog::Planned, update},
    domain::{
        Fact, FailureClass, LogEvent, Node, NodeTags, Observation, Preferences, QuarantineChange, QuarantineKind,
        QuarantineMethod, QuarantinePlan, QuarantineRefused, Session, SessionDocument, SessionKey, SessionType,
    },
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
};

use crate::world;

/// Texts that break screens: wide, combining, right to left, control, joined, very long.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "\\PC{0,30}",
        any::<String>().prop_map(|text| text.chars().take(60).collect()),
        Just("漢字かな交じり文".repeat(6)),
        Just(format!("e{}", "\u{301}".repeat(40))),
        Just("\u{202e}gnp.exe\u{2066}".to_owned()),
        Just("\u{1b}]0;owned\u{7}\u{9b}31m\u{1b}[2J".to_owned()),
        Just("👩‍👩‍👧‍👦🏳️‍🌈".repeat(5)),
        Just("שלום עולם مرحبا بالعالم ".repeat(3)),
        Just("x".repeat(500)),
        Just("\n\r\t\u{0}".to_owned()),
        Just(String::new()),
    ]
}

#[derive(Debug, Clone)]
struct Texts(Vec<String>);

impl Texts {
    fn at(&self, index: usize) -> &str {
        &self.0[index % self.0.len()]
    }
}

/// A State in which everything that somebody else chose is one of those texts.
fn state(size: (u16, u16), texts: &Texts) -> State {
    let scopes = world::scopes();
    let mut state = world::unread_with(size, &scopes, crate::acting::armed());
    let now = world::now();
    let left = crate::acting::left_behind(&|index| texts.at(index).to_owned());
    update(&mut state, Message::Loaded(Box::new(left)), now);
    let text = |index: usize| Arc::<str>::from(texts.at(index));
    let sessions = (0..20)
        .map(|index| Session {
            key: SessionKey::new(scopes[0].clone(), format!("{index}{}", text(index))),
            target: texts.at(index + 1).into(),
            status: ssmwatch::domain::SessionStatus::parse(texts.at(index + 2)),
            started_at: Some(world::now()),
            ended_at: None,
            document: (index % 2 == 0).then(|| text(index + 3)),
            owner: text(index + 4),
            reason: Some(text(index + 5)),
            max_duration_minutes: None,
            log_group: None,
            access: None,
        })
        .collect();
    world::observe(&mut state, Observation::Active { scope: scopes[0].clone(), sessions, at: now }, now);
    let nodes = (0..20)
        .map(|index| {
            let node = Node {
                id: texts.at(index + 1).into(),
                name: Some(text(index)),
                instance_role: Some(text(index + 1)),
                iam_role: None,
                agent_version: Some(text(index + 2)),
                platform: Some(text(index + 3)),
                ping_status: Some(text(index + 4)),
                last_ping: Some(now),
            };
            (node.id.clone(), Fact::known(Some(node), "ssm:DescribeInstanceProperties", now))
        })
        .collect();
    world::observe(&mut state, Observation::Nodes { scope: scopes[0].clone(), nodes }, now);
    let tags: NodeTags =
        Arc::new((0..5).map(|index| (texts.at(index).to_owned(), texts.at(index + 1).to_owned())).collect());
    let tags = vec![(texts.at(1).into(), Fact::known(tags, "tag:GetResources", now))];
    world::observe(&mut state, Observation::NodeTags { scope: scopes[0].clone(), tags }, now);
    let inputs = Preferences {
        s3_bucket: texts.at(0).to_owned(),
        s3_prefix: texts.at(1).to_owned(),
        log_group: format!("g{}", texts.at(2)),
        streaming: true,
        idle_timeout_minutes: Some(20),
        max_duration_minutes: None,
        ..Preferences::default()
    };
    let document = SessionDocument { session_type: SessionType::StandardStream, inputs, content: Default::default() };
    let document = Fact::known(Some(document), "ssm:GetDocument", now);
    world::observe(&mut state, Observation::Preferences { scope: scopes[0].clone(), document }, now);
    for (index, class) in [FailureClass::Denied, FailureClass::Throttled, FailureClass::Other].into_iter().enumerate() {
        let mut failure = world::failure(class, "ssm:DescribeSessions", texts.at(index));
        failure.code = Some(texts.at(index + 1).to_owned());
        let scope = scopes[index + 1].clone();
        world::observe(&mut state, Observation::ListingFailed { scope, failure, retry_at: now, at: now }, now);
    }
    world::settle(&mut state);
    state
}

const STEPS: [&str; 41] = [
    "1",
    "\n\nnjG",
    "3\nnnj",
    "t",
    "tx\n",
    "a",
    "2",
    "3",
    "4",
    "5",
    "?",
    "/漢字",
    "\nf",
    "\n\t",
    "\n\t/x",
    "sSjjG",
    "2jjjc",
    "2z\tx",
    "6jjj",
    "   tx\n",
    "xy\n漢",
    "\nGGG",
    "bjjG",
    "bbpjG",
    "bbbp\n",
    "pjjzGp",
    "CjjJ+ G y",
    "kll++>s",
    "lllkl",
    ":",
    ":jan",
    ":>te\n",
    "F",
    "yj",
    "w",
    "wm?",
    "wjc",
    "4\n",
    "4\nyj",
    "/owner:x -ag",
    "b:",
];

fn walk(state: &mut State, keys: &str, texts: &Texts) {
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            other => KeyCode::Char(other),
        };
        world::press(state, code);
    }
    let now = state.now;
    update(state, Message::Paste(texts.at(3).to_owned()), now);
    let asked = state.view.dialog.as_ref().filter(|dialog| dialog.plan == Planned::Reading);
    if let Some(scope) = asked.and_then(|dialog| dialog.subject()?.scope().cloned()) {
        let plan = match texts.at(4).len() % 3 {
            0 => Err(QuarantineRefused { what: texts.at(0).to_owned(), to_do: texts.at(1).to_owned(), is_gone: false }),
            _ => Ok(Box::new(QuarantinePlan {
                kind: QuarantineKind::Set,
                method: QuarantineMethod::RevokeRoleSessions,
                account: scope.account.clone(),
                scope,
                account_name: texts.at(5).into(),
                notes: vec![texts.at(6).to_owned()],
                change: QuarantineChange::RolePolicy { role: String::new(), written: None, found: None },
                target: texts.at(0).to_owned(),
                action: "iam:PutRolePolicy",
                writes: texts.0.iter().cycle().take(30).cloned().collect(),
                already: Some(texts.at(2).to_owned()),
            })),
        };
        update(state, Message::Planned(plan), now);
        world::press(state, KeyCode::Enter);
        world::type_text(state, "wrong");
    }
    if let Some(transcript) = &state.view.transcript {
        let session = transcript.session.clone();
        let events = (0..6)
            .map(|index| LogEvent { timestamp: now, ingested_at: now, message: texts.at(index).to_owned() })
            .collect();
        update(state, Message::Observed(Observation::Transcript { session, events, at: now }), now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn any_text_at_any_size_is_drawn_and_harmless(
        width in 1_u16..=500, height in 1_u16..=150,
        texts in proptest::collection::vec(hostile(), 7).prop_map(Texts),
        ascii in any::<bool>(),
        step in 0..STEPS.len(),
    ) {
        let theme = Theme::load("default-dark", None).unwrap();
        let glyphs = if ascii { Glyphs::ASCII } else { Glyphs::UTF8 };
        let keys = STEPS[step];
        let mut state = state((width, height), &texts);
        state.setup.ascii = ascii;
            walk(&mut state, keys, &texts);
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| {
                let drawn = ui::draw(frame, &state, &theme, &glyphs);
                state.view.detail_lines = drawn.detail_lines;
                if let Some(sheet) = &mut state.view.sheet {
                    sheet.last = drawn.sheet_last;
                }
            }).unwrap();
            let buffer = terminal.backend().buffer();
            for (index, cell) in buffer.content().iter().enumerate() {
                let column = u16::try_from(index).unwrap_or(u16::MAX) % width;
                prop_assert!(!cell.symbol().contains(char::is_control), "{keys:?}: {:?}", cell.symbol());
                prop_assert!(!cell.symbol().contains(['\u{202e}', '\u{2066}', '\u{9b}']), "{keys:?}: {:?}", cell.symbol());
                prop_assert!(column + cell.symbol().cell_width() <= width, "{keys:?}: {:?} hangs over the edge", cell.symbol());
            }
    }
}

#[test]
fn every_screen_draws_at_every_small_size() {
    let theme = Theme::load("default-dark", None).unwrap();
    for keys in STEPS {
        let mut state = world::bad_day((100, 30));
        walk(&mut state, keys, &Texts(vec!["text".to_owned()]));
        for width in 1..=60 {
            for height in 1..=20 {
                let now = state.now;
                update(&mut state, Message::Resize(width, height), now);
                let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
                terminal
                    .draw(|frame| {
                        ui::draw(frame, &state, &theme, &Glyphs::UTF8);
                    })
                    .unwrap();
                let drawn: String = terminal.backend().buffer().content().iter().map(|cell| cell.symbol()).collect();
                assert!(!drawn.trim().is_empty(), "{keys:?} at {width}x{height} shows nothing");
            }
        }
    }
}

#[test]
fn the_question_keeps_its_words_at_the_smallest_size() {
    let mut state = world::bad_day((40, 12));
    walk(&mut state, "t", &Texts(vec![String::new()]));
    world::type_text(&mut state, "rogue");
    world::press(&mut state, KeyCode::Enter);
    let buffer = crate::dump::drawn(&state, "default-dark", &Glyphs::UTF8);
    let words = crate::dump::text(&buffer).replace(['│', '\n'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("will call ssm:TerminateSession for"), "{words}");
    let session = state.view.dialog.as_ref().unwrap().subject().unwrap().session().unwrap();
    assert!(words.contains(session.id.as_str()) && words.contains(&session.scope.to_string()), "{words}");
    assert!(words.contains("y does it, Esc cancels"), "{words}");
}
