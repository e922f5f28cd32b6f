//! An analyst at the program without its screen: State, update, effects and watch on a simulated AWS, driven by keys.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, missing_docs)]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    app::{Message, Setup, State, board::Board, keymap::Keymap, update},
    compliance::{Engine, Parameters},
    config::Template,
    detection::{Detections, Tuning},
    domain::{Act, ActOutcome, QuarantineMethod, RuleId, SessionKey, Severity, Verdict},
    response::AlertTargets,
    runtime::effects::{Effects, Tools},
    sim::{Sim, scenario::Scenario},
    store::{Keeper, Store},
    watch::{Watch, WatchConfig},
};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

pub use ssmwatch::sim::services::sns::Publication;

use super::rig;

pub const NAMESPACE: &str = "SSMMonitoringLoggingGuardrails";
pub const MEMBER_TOPIC: &str = "arn:aws:sns:{region}:{account}:aws-ssm-monitoring-logging-guardrails-multiaccount";
/// The member topic of the payments account in eu-central-1.
pub const MEMBER: &str = "arn:aws:sns:eu-central-1:111122223333:aws-ssm-monitoring-logging-guardrails-multiaccount";
pub const CENTRAL_TOPIC: &str = "arn:aws:sns:eu-central-1:444455556666:CentralAlarm";

/// What was published to a topic, oldest first.
pub fn published(sim: &Sim, topic: &str) -> Vec<Publication> {
    sim.with_world(|world| world.sns.published().filter(|message| message.topic == topic).cloned().collect())
}

/// The quiet scenario with the sessions of `tests/fixtures/rogues.toml`.
pub async fn rogues() -> Sim {
    let quiet = include_str!("../../src/sim/scenarios/quiet.toml");
    let rogues = include_str!("../fixtures/rogues.toml");
    rig::sim(&Scenario::parse("rogues", &format!("{quiet}\n{rogues}")).unwrap()).await
}

/// How a run differs from the usual one.
pub struct Run {
    pub read_only: Option<&'static str>,
    /// Where acts are written down; a store of the run's own unless given.
    pub store: Option<PathBuf>,
    /// What is raised by itself.
    pub raise_on: Option<Severity>,
    /// What is ended by itself.
    pub auto_terminate: &'static [&'static str],
    pub max_per_hour: u32,
    pub countdown: SignedDuration,
    pub quarantine: Option<QuarantineMethod>,
    /// Rule THR-01.
    pub threshold: u32,
    pub member_topic: &'static str,
    pub central_topic: &'static str,
    pub sessions_every: Duration,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            read_only: None,
            store: None,
            raise_on: None,
            auto_terminate: &[],
            max_per_hour: 20,
            countdown: SignedDuration::from_secs(5),
            quarantine: None,
            threshold: 10,
            member_topic: MEMBER_TOPIC,
            central_topic: CENTRAL_TOPIC,
            // Polls and looks at a session's end together stay below the 6 requests a second that the service takes.
            sessions_every: Duration::from_secs(1),
        }
    }
}

pub struct Analyst {
    pub state: State,
    /// Every outcome that was ever told, by act and step.
    pub told: Vec<(u64, usize, ActOutcome)>,
    pub store: PathBuf,
    keeper: Option<Keeper>,
    effects: Effects,
    received: mpsc::Receiver<Message>,
    stop: CancellationToken,
    /// How far the keys are ahead of the clock: people do not type a word in a microsecond.
    pub ahead: SignedDuration,
    home: Arc<TempDir>,
}

impl Analyst {
    /// Starts to watch, and waits until that session is judged; it is selected then.
    pub async fn at(sim: &Sim, run: Run, session: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = run.store.clone().unwrap_or_else(|| home.path().join("ssmwatch.db"));
        let fleet = rig::fleet(sim).await;
        let bucket = sim.with_world(|world| world.summary().log_bucket);
        // Records of CloudTrail come minutes late, and nobody has a past in a world that has just begun.
        let disabled = vec!["WHO-02".to_owned(), "WHO-07".to_owned()];
        let parameters =
            Parameters { log_bucket: Some(bucket), disabled, threshold: run.threshold, ..Parameters::default() };
        let engine = Engine::new(parameters, Vec::new()).unwrap();
        let scopes = fleet.scopes().map(|scope| (scope.id().clone(), Arc::clone(scope.name()), None));
        let board = Board::new(scopes.collect::<Vec<_>>(), Arc::new(engine), SignedDuration::from_mins(5));
        let setup = Setup {
            read_only: run.read_only.map(Arc::from),
            ascii: false,
            demo: true,
            actor: "analyst".into(),
            keymap: Keymap::new(std::iter::empty()).unwrap(),
            filters: Vec::new(),
            themes: vec!["default-dark".into()],
            poll: SignedDuration::try_from(run.sessions_every).unwrap(),
            member_topic: Some(run.member_topic.into()),
            central_topic: Some(run.central_topic.into()),
            metric_namespace: NAMESPACE.into(),
            raise_on: run.raise_on,
            quarantine: run.quarantine.as_ref().map(|_| "is configured".into()),
            mouse: false,
            notify: ssmwatch::app::notify::Channels::default(),
            auto_terminate: run.auto_terminate.iter().map(|id| RuleId::from(*id)).collect(),
            max_per_hour: run.max_per_hour,
            countdown: run.countdown,
            store: path.display().to_string().into(),
            wall: ssmwatch::app::wall::WallSetup::default(),
            table: ssmwatch::app::columns::TableSetup::default(),
            zone: jiff::tz::TimeZone::UTC,
        };
        let (messages, received) = mpsc::channel(1024);
        let (observations, mut observed) = mpsc::channel(1024);
        let stop = CancellationToken::new();
        let config = WatchConfig { sessions_every: run.sessions_every, ..rig::hasty() };
        let watch = Arc::new(Watch::start(&fleet, config, observations, &stop));
        let targets = AlertTargets {
            member_topic: Some(Template::parse(run.member_topic).unwrap()),
            central_topic: Some(Template::parse(run.central_topic).unwrap()),
            metric_namespace: NAMESPACE.into(),
        };
        let (keeper, opened) = match Store::open(&path) {
            Ok(store) => {
                let loaded = store.load(Timestamp::now()).unwrap();
                (Some(Keeper::start(store).unwrap()), Message::Loaded(Box::new(loaded)))
            }
            Err(error) => (None, Message::StoreRefused(format!("{error}. {}", error.to_do()).into())),
        };
        let tools = Tools {
            fleet,
            watch,
            keeper: keeper.clone(),
            targets,
            sends: run.read_only.is_none(),
            quarantine: run.quarantine.clone(),
            exporter: Arc::new(|_| Box::pin(async { Err(("not in this run".into(), String::new())) })),
        };
        let effects = Effects::new(tools, messages.clone());
        tokio::spawn(async move {
            while let Some(observation) = observed.recv().await {
                if messages.send(Message::Observed(observation)).await.is_err() {
                    break;
                }
            }
        });
        let detector = Arc::new(Detections::load(&[], &Tuning::default()).unwrap());
        let state = State::new(board, detector, setup, Timestamp::now());
        let ahead = SignedDuration::ZERO;
        let mut analyst =
            Self { state, told: Vec::new(), store: path, keeper, effects, received, stop, ahead, home: Arc::new(home) };
        analyst.apply(opened);
        analyst.apply(Message::Resize(200, 60));
        analyst.until(&format!("{session} to be judged"), |analyst| analyst.judged(session)).await;
        analyst.select(session);
        analyst
    }

    fn judged(&self, session: &str) -> bool {
        let Some(key) = self.key_of(session) else { return false };
        let preferences = self.state.board.scopes.get(&key.scope).and_then(|scope| scope.preferences.value());
        preferences.is_some() && !self.state.board.has_unjudged()
    }

    /// The verdict on that session.
    pub fn verdict(&self, session: &str) -> Option<Verdict> {
        let board = self.state.board.sessions.get(&self.key_of(session)?)?;
        Some(board.judgement.verdict())
    }

    /// The session whose id begins like that.
    pub fn key_of(&self, session: &str) -> Option<SessionKey> {
        self.state.board.sessions.keys().find(|key| key.id.as_str().starts_with(session)).cloned()
    }

    /// Moves the selection to that session, with the keys for it.
    pub fn select(&mut self, session: &str) {
        let wanted = self.key_of(session).unwrap();
        self.press(KeyCode::Char('g'));
        for _ in 0..self.state.view.table.list.rows.len() {
            if self.state.view.table.list.selected.as_ref() == Some(&wanted) {
                return;
            }
            self.press(KeyCode::Char('j'));
        }
        panic!("{session} is not in the table: {:?}", self.state.view.table.list.rows);
    }

    pub fn press(&mut self, code: KeyCode) {
        // Slower than a key that is held down repeats itself.
        self.ahead += SignedDuration::from_millis(700);
        self.apply(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    /// The whole dialog: the key that opens it, the reason, and for a termination the confirmation.
    pub fn act(&mut self, key: char, reason: &str) {
        self.press(KeyCode::Char(key));
        assert!(self.state.view.dialog.is_some(), "no dialog: {:?}", self.state.view.notice);
        self.apply(Message::Paste(reason.to_owned()));
        self.press(KeyCode::Enter);
        if key == 't' {
            self.press(KeyCode::Char('y'));
        }
        assert!(self.state.view.dialog.is_none(), "the dialog is still open");
    }

    pub fn apply(&mut self, message: Message) {
        if let Message::ActProgress { act, step, outcome } = &message {
            self.told.push((*act, *step, outcome.clone()));
        }
        let now = Timestamp::now() + self.ahead;
        for effect in update(&mut self.state, message, now) {
            self.effects.perform(effect, &self.state);
        }
    }

    /// Takes what comes until it is as wanted.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + rig::PATIENCE;
        while !wanted(self) {
            let tick = Instant::now() + Duration::from_millis(50);
            match tokio::time::timeout_at(tick.min(deadline), self.received.recv()).await {
                Ok(Some(message)) => self.apply(message),
                Ok(None) => panic!("everything ended while waiting for {what}"),
                Err(_) if Instant::now() >= deadline => {
                    panic!(
                        "waited in vain for {what}; acts: {:#?}; banners: {:#?}",
                        self.state.acts, self.state.view.banners
                    )
                }
                Err(_) => self.apply(Message::Tick),
            }
        }
    }

    /// Waits until the last act has all its outcomes.
    pub async fn outcome(&mut self) -> Act {
        self.until("the act's outcome", |analyst| {
            analyst.state.acts.last().is_some_and(|act| act.steps.iter().all(|step| step.outcome.is_final()))
        })
        .await;
        self.state.acts.last().unwrap().clone()
    }

    /// The failures that stay on the screen.
    pub fn banners(&self) -> String {
        self.state.view.banners.iter().map(|banner| format!("{}\n", banner.text)).collect()
    }

    pub fn notice(&self) -> String {
        self.state.view.notice.as_ref().map(|notice| notice.text.clone()).unwrap_or_default()
    }

    pub fn records(&self) -> Vec<serde_json::Value> {
        records(&self.store)
    }

    /// Leaves the program; the acts that had no outcome.
    pub async fn leave(self) -> Vec<Act> {
        self.stop.cancel();
        let left = self.effects.finish().await;
        if let Some(keeper) = self.keeper {
            keeper.close().await.unwrap().unwrap();
        }
        left
    }
}

impl Analyst {
    /// Leaves, and reads what was written down once all is.
    pub async fn leave_with_records(self) -> (Vec<Act>, Vec<serde_json::Value>) {
        let (store, home) = (self.store.clone(), self.home.clone());
        let left = self.leave().await;
        let read = records(&store);
        drop(home);
        (left, read)
    }
}

/// The records of a store of acts, the oldest first.
pub fn records(store: &Path) -> Vec<serde_json::Value> {
    let store = Store::open_to_read(store).unwrap();
    let records = store.records(&Default::default()).unwrap();
    records.iter().map(|record| serde_json::from_str(&record.text).unwrap()).collect()
}

/// What an act's step came to, in words: `Done: …` or `Failed: … / …`.
pub fn words(act: &Act, step: usize) -> String {
    match &act.steps.get(step).unwrap().outcome {
        ActOutcome::Done { proof, .. } => format!("Done: {proof}"),
        ActOutcome::Unproven { what, to_do } => format!("Unproven: {what} / {to_do}"),
        ActOutcome::Failed { what, to_do } => format!("Failed: {what} / {to_do}"),
        other => format!("{other:?}"),
    }
}
