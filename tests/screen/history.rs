//! The history: sessions of 30 days, from where they are, and how each source is.

use crossterm::event::KeyCode;
use ssmwatch::{
    app::{Message, State, StoredPage, update},
    domain::{
        ArchiveObject, EndedSession, Evidence, Fact, FailureClass, Finding, Observation, PastProgress, ScopeId,
        Session, SessionKey, SessionStatus, Severity, Verdict,
    },
};

use crate::{
    dump::{drawn, text},
    snapshots::at_all_sizes,
    world,
};
use ssmwatch::ui::theme::Glyphs;

const HOUR: i64 = 3600;

fn key(id: &str, scope: usize) -> SessionKey {
    SessionKey::new(world::scopes()[scope].clone(), id)
}

fn listed(id: &str, scope: usize, hours: i64, status: SessionStatus) -> Session {
    let failed = status == SessionStatus::Failed;
    Session {
        key: key(id, scope),
        target: "i-0bbb000000000000b".into(),
        status,
        started_at: Some(world::ago(hours * HOUR + if failed { 0 } else { 1_980 })),
        ended_at: Some(world::ago(hours * HOUR)),
        document: None,
        owner: "arn:aws:sts::222233334444:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/e.hartmann@example.com"
            .into(),
        reason: Some("INC-20817 queue does not drain".into()),
        max_duration_minutes: Some(240),
        log_group: None,
        access: None,
    }
}

fn stored(id: &str, scope: usize, hours: i64, verdict: Verdict) -> EndedSession {
    let bad = verdict == Verdict::NonCompliant;
    let finding = Finding {
        rule: "DOC-01".into(),
        title: "Sessions forward no ports".into(),
        status: verdict,
        severity: Severity::High,
        evidence: vec![Evidence {
            fact: "session_type".into(),
            value: "Port".into(),
            source: "ssm:GetDocument".into(),
            at: world::ago(hours * HOUR),
        }],
        missing: Vec::new(),
        remediation: "End the tunnel and ask its owner what it was for.".into(),
    };
    EndedSession {
        key: key(id, scope),
        owner: "arn:aws:sts::222233334444:assumed-role/BreakGlass/mallory@example.com".into(),
        target: "i-0aaa000000000000a".into(),
        document: "AWS-StartPortForwardingSession".into(),
        reason: "CHG-31007 \u{1b}[31mrotate".into(),
        started_at: Some(world::ago(hours * HOUR + 5_400)),
        ended_at: world::ago(hours * HOUR),
        how: "no longer listed".into(),
        verdict,
        severity: bad.then_some(Severity::High),
        findings: if bad { vec![finding] } else { Vec::new() },
        archived: bad.then_some(true),
    }
}

fn of_store() -> Vec<EndedSession> {
    let document = |ended: EndedSession| EndedSession { document: Session::DEFAULT_DOCUMENT.into(), ..ended };
    vec![
        stored("mallory-0d0000000000000d1", 1, 26, Verdict::NonCompliant),
        document(stored("mallory-0d0000000000000d2", 1, 49, Verdict::Compliant)),
        document(stored("mallory-0d0000000000000d3", 1, 700, Verdict::InsufficientData)),
    ]
}

fn page(scope: usize, sessions: Vec<Session>, progress: PastProgress) -> Message {
    let scope = world::scopes()[scope].clone();
    Message::Observed(Observation::Past { scope, sessions, first: true, progress, at: world::ago(60) })
}

fn failed(scope: ScopeId, class: FailureClass, action: &'static str, message: &str) -> Message {
    let failure = world::failure(class, action, message);
    Message::Observed(Observation::PastFailed { scope, failure, retry_at: world::ago(-42), at: world::ago(10) })
}

fn tell(state: &mut State, message: Message) {
    let now = state.now;
    update(state, message, now);
}

/// The screen was just opened, and the sources answer one by one.
fn loading(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    world::press(&mut state, KeyCode::Char('4'));
    tell(&mut state, Message::Stored(Ok(StoredPage { sessions: of_store(), more: true, whole: false })));
    let sessions = vec![listed("e.hartmann-0f0000000000000f1", 1, 30, SessionStatus::Terminated)];
    tell(&mut state, page(1, sessions, PastProgress::More));
    tell(&mut state, page(2, Vec::new(), PastProgress::Whole));
    state
}

/// All of it was read.
fn fresh(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    state.board.scopes.values_mut().for_each(|scope| scope.failing = None);
    world::press(&mut state, KeyCode::Char('4'));
    tell(&mut state, Message::Stored(Ok(StoredPage { sessions: of_store(), more: false, whole: true })));
    for scope in 0..world::scopes().len() {
        let sessions = match scope {
            1 => vec![
                listed("e.hartmann-0f0000000000000f1", 1, 30, SessionStatus::Terminated),
                listed("e.hartmann-0f0000000000000f2", 1, 31, SessionStatus::Failed),
                listed("mallory-0d0000000000000d2", 1, 49, SessionStatus::Terminated),
            ],
            3 => vec![listed("e.hartmann-0f0000000000000f3", 3, 400, SessionStatus::Terminated)],
            _ => Vec::new(),
        };
        let progress = if scope == 3 { PastProgress::Cut } else { PastProgress::Whole };
        tell(&mut state, page(scope, sessions, progress));
    }
    select(&mut state, "mallory-0d0000000000000d1");
    state
}

fn select(state: &mut State, id: &str) {
    world::press(state, KeyCode::Char('g'));
    for _ in 0..state.view.history.rows.len() {
        if state.view.history.selected.as_ref().is_some_and(|key| key.id.as_str() == id) {
            break;
        }
        world::press(state, KeyCode::Char('j'));
    }
    let found = of_store().into_iter().find(|ended| ended.key.id.as_str() == id).map(Box::new);
    if let Some(found) = found {
        tell(state, Message::Ended { session: found.key.clone(), found: Some(found) });
    }
}

fn troubled(size: (u16, u16)) -> State {
    let mut state = fresh(size);
    tell(
        &mut state,
        failed(
            world::scopes()[4].clone(),
            FailureClass::Denied,
            "ssm:DescribeSessions",
            "User: arn:aws:sts::333344445555:assumed-role/ssmwatch/analyst is not authorized",
        ),
    );
    tell(
        &mut state,
        failed(world::scopes()[1].clone(), FailureClass::Throttled, "ssm:DescribeSessions", "Rate exceeded"),
    );
    state
}

fn refused(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    tell(&mut state, Message::StoreRefused("the store is in use by another run (process 4711). Leave that one".into()));
    world::press(&mut state, KeyCode::Char('4'));
    for scope in 0..world::scopes().len() {
        tell(&mut state, page(scope, Vec::new(), PastProgress::Whole));
    }
    state
}

fn empty(size: (u16, u16)) -> State {
    let mut state = world::empty(size);
    world::press(&mut state, KeyCode::Char('4'));
    let scopes: Vec<ScopeId> = state.board.scopes.keys().cloned().collect();
    tell(&mut state, Message::Stored(Ok(StoredPage { sessions: Vec::new(), more: false, whole: true })));
    for scope in scopes {
        let (sessions, at) = (Vec::new(), world::ago(60));
        let past = Observation::Past { scope, sessions, first: true, progress: PastProgress::Whole, at };
        tell(&mut state, Message::Observed(past));
    }
    state
}

fn opened(size: (u16, u16)) -> State {
    let mut state = fresh(size);
    let object = ArchiveObject {
        bucket: "central-log-ssm-audit-eu-central-1-o-example".into(),
        key: "sessions/mallory-0d0000000000000d1.log".into(),
        size: 48_211,
        modified_at: Some(world::ago(26 * HOUR - 9)),
        encryption: None,
        kms_key: None,
    };
    let object = Fact::known(Some(object), "s3:HeadObject", world::ago(4));
    let session = key("mallory-0d0000000000000d1", 1);
    tell(&mut state, Message::Observed(Observation::Archive { session, object }));
    world::press(&mut state, KeyCode::Enter);
    world::settle(&mut state);
    state
}

#[test]
fn loading_fresh_and_empty() {
    at_all_sizes("past_loading", loading);
    at_all_sizes("past_fresh", fresh);
    at_all_sizes("past_empty", empty);
}

#[test]
fn filtered_and_sorted() {
    at_all_sizes("past_filtered", |size| {
        let mut state = fresh(size);
        world::press(&mut state, KeyCode::Char('s'));
        world::press(&mut state, KeyCode::Char('/'));
        world::type_text(&mut state, "mallory");
        world::press(&mut state, KeyCode::Enter);
        state
    });
}

#[test]
fn what_cannot_be_read_is_loud() {
    at_all_sizes("past_troubled", troubled);
    at_all_sizes("past_store_refused", refused);
}

#[test]
fn what_nobody_judged_is_not_good() {
    at_all_sizes("past_not_judged", |size| {
        let mut state = fresh(size);
        select(&mut state, "e.hartmann-0f0000000000000f1");
        state
    });
}

#[test]
fn a_session_of_the_past_is_opened() {
    at_all_sizes("past_opened", opened);
    let state = opened((200, 60));
    let shown = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(shown.contains("What was found then") && shown.contains("DOC-01"), "{shown}");
    assert!(!shown.contains('\u{1b}'));
}
