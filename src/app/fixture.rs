//! States for tests, built the way the program builds them: from observations.

use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};

use super::{Setup, State, board::Board, keymap::Keymap};
use crate::{
    compliance::{Engine, Parameters},
    detection::{Detections, Detector, Tuning},
    domain::{Failure, FailureClass, Observation, Region, ScopeId, Session, SessionKey, SessionStatus},
};

/// The moment at which tests begin.
pub fn start() -> Timestamp {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

/// `seconds` after the beginning.
pub fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// The scope that most tests use.
pub fn scope() -> ScopeId {
    ScopeId::new("111122223333", "eu-central-1")
}

/// A session of that id in the usual scope, five minutes old.
pub fn session(id: &str) -> Session {
    Session {
        key: SessionKey::new(scope(), id),
        target: "i-0a1b2c3d4e5f67890".into(),
        status: SessionStatus::Connected,
        started_at: Some(start() - SignedDuration::from_mins(5)),
        ended_at: None,
        document: None,
        owner: "arn:aws:sts::111122223333:assumed-role/Ops/jane".into(),
        reason: Some("INC-1".into()),
        max_duration_minutes: None,
        log_group: None,
        access: None,
    }
}

/// The same session, over.
pub fn ended(id: &str, status: SessionStatus, at: Timestamp) -> Session {
    Session { status, ended_at: Some(at), ..session(id) }
}

/// A failure of that class.
pub fn failure(class: FailureClass) -> Failure {
    Failure { class, action: "ssm:DescribeSessions", code: None, message: "no".to_owned() }
}

/// An empty board of the usual scope and one more.
pub fn board() -> Board {
    let other = ScopeId { account: "444455556666".into(), region: Region::new("us-east-1") };
    static ENGINE: LazyLock<Arc<Engine>> =
        LazyLock::new(|| Arc::new(Engine::new(Parameters::default(), Vec::new()).unwrap()));
    let engine = Arc::clone(&ENGINE);
    let scopes = [(scope(), Arc::from("payments-prod"), None), (other, Arc::from("log-archive"), None)];
    Board::new(scopes, engine, SignedDuration::from_secs(15))
}

/// The built-in detections.
pub fn detector() -> Arc<dyn Detector> {
    static BUILT_IN: LazyLock<Arc<Detections>> =
        LazyLock::new(|| Arc::new(Detections::load(&[], &Tuning::default()).unwrap()));
    BUILT_IN.clone()
}

/// Settings of a run that may act.
pub fn setup() -> Setup {
    Setup {
        read_only: None,
        ascii: false,
        demo: false,
        actor: "tester".into(),
        keymap: Keymap::new(std::iter::empty()).unwrap(),
        filters: Vec::new(),
        themes: vec!["default-dark".into(), "default-light".into()],
        poll: SignedDuration::from_secs(5),
        member_topic: Some("arn:aws:sns:{region}:{account}:member".into()),
        central_topic: Some("arn:aws:sns:eu-central-1:444455556666:CentralAlarm".into()),
        metric_namespace: "SSMMonitoringLoggingGuardrails".into(),
        raise_on: None,
        quarantine: None,
        mouse: false,
        notify: super::notify::Channels::default(),
        auto_terminate: Vec::new(),
        max_per_hour: 20,
        countdown: SignedDuration::from_secs(30),
        store: "ssmwatch.db".into(),
        wall: crate::app::wall::WallSetup::default(),
        table: super::columns::TableSetup::default(),
        zone: jiff::tz::TimeZone::UTC,
    }
}

/// A State with those active sessions listed at the beginning.
pub fn state(sessions: &[&str]) -> State {
    let mut state = State::new(board(), detector(), setup(), start());
    super::update(&mut state, super::Message::Loaded(Box::default()), start());
    let sessions = sessions.iter().map(|id| session(id)).collect();
    let listing = Observation::Active { scope: scope(), sessions, at: start() };
    super::update(&mut state, super::Message::Observed(listing), start());
    super::update(&mut state, super::Message::Resize(200, 60), start());
    state
}
