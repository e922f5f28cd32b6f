//! From an event in the log group to its glyphs on the screen: the simulated AWS, the real watch, the real State and frames. DESIGN holds
//! 300 ms at the 99th percentile beyond the service's own cadence.
//!
//! ```text
//! cargo bench --bench glyph
//! ```
//!
//! A live tail sends what came once a second: the wait for that is the service's, and told apart. Without a live tail the followed stream is
//! read once a second, which is our own pace: all of it counts. `SSMWATCH_SAMPLES` is the number of samples.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "../tests/common/rig.rs"]
mod rig;
#[allow(dead_code, clippy::panic)]
#[path = "../tests/screen/world.rs"]
mod world;

use std::{collections::HashMap, env, sync::Arc, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::{Terminal, backend::TestBackend};
use ssmwatch::{
    app::{Effect, Message, State, board::Board, update},
    compliance::{Engine, Parameters},
    detection::{Detections, Tuning},
    domain::{Observation, SessionKey},
    sim::Sim,
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
    watch::{Watch, WatchConfig},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

const SIZE: (u16, u16) = (200, 60);
/// As in the runtime: a frame is drawn at most this often, so many messages are taken before.
const FRAME: Duration = Duration::from_millis(33);
const DRAIN: usize = 256;
const GROUP: &str = "/ssm-session-logs";

fn main() {
    let samples = env::var("SSMWATCH_SAMPLES").ok().and_then(|samples| samples.parse().ok()).unwrap_or(200);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for live_tail in [true, false] {
        let samples = runtime.block_on(measure(live_tail, samples));
        println!("live tail {}: {} samples", if live_tail { "on" } else { "off" }, samples.len());
        print("event in the log group to glyph", &samples, |sample| sample.glyph.duration_since(sample.ingested));
        if live_tail {
            print("  until the live tail showed it", &samples, |sample| sample.told.duration_since(sample.ingested));
            print("  beyond the service's cadence", &samples, |sample| sample.glyph.duration_since(sample.told));
        }
    }
}

fn print(what: &str, samples: &[Sample], of: impl Fn(&Sample) -> SignedDuration) {
    let mut times: Vec<SignedDuration> = samples.iter().map(of).collect();
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_millis();
    println!("{what:>34}: median {:4} ms, 99th percentile {:4} ms, worst {:4} ms", at(50), at(99), at(100));
}

/// When a line was where.
struct Sample {
    ingested: Timestamp,
    /// The tail of the log group told of it.
    told: Timestamp,
    glyph: Timestamp,
}

/// The program without a terminal: messages in, frames out.
struct Program {
    state: State,
    watch: Watch,
    theme: Theme,
    terminal: Terminal<TestBackend>,
    messages: mpsc::Receiver<Observation>,
    drawn_at: Instant,
    drawn_revision: u64,
    /// When the tail told of which line.
    told: HashMap<String, Timestamp>,
}

impl Program {
    async fn start(sim: &Sim, live_tail: bool, stop: &CancellationToken) -> Self {
        let fleet = rig::fleet(sim).await;
        let scopes: Vec<_> = fleet.scopes().map(|scope| (scope.id().clone(), Arc::clone(scope.name()), None)).collect();
        let engine = Arc::new(Engine::new(Parameters::default(), Vec::new()).unwrap());
        let detections = Arc::new(Detections::load(&[], &Tuning::default()).unwrap());
        let now = Timestamp::now();
        let mut state =
            State::new(Board::new(scopes, engine, SignedDuration::from_secs(20)), detections, world::setup(), now);
        update(&mut state, Message::Resize(SIZE.0, SIZE.1), now);
        let (sender, messages) = mpsc::channel(1024);
        Self {
            watch: Watch::start(&fleet, WatchConfig { live_tail, ..WatchConfig::default() }, sender, stop),
            state,
            theme: Theme::load("default-dark", None).unwrap(),
            terminal: Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap(),
            messages,
            drawn_at: Instant::now(),
            drawn_revision: 0,
            told: HashMap::new(),
        }
    }

    fn take(&mut self, message: Message) {
        if let Message::Observed(Observation::Tailed { events, .. }) = &message {
            let now = Timestamp::now();
            for event in events.iter().flat_map(|(_, events)| events) {
                if let Some(text) = event.message.find("glyph-").and_then(|at| event.message.get(at..at + 12)) {
                    self.told.entry(text.to_owned()).or_insert(now);
                }
            }
        }
        for effect in update(&mut self.state, message, Timestamp::now()) {
            // As `runtime::effects` does.
            if let Effect::Follow(follows) = effect {
                for follow in follows.iter().filter(|follow| follow.from_start) {
                    self.watch.reread(&follow.session);
                }
                self.watch
                    .follow(follows.into_iter().map(|follow| (follow.session, follow.log_group.to_string())).collect());
            }
        }
    }

    /// Runs until that time or the next frame; says whether there was one.
    async fn run(&mut self, until: Instant) -> bool {
        let mut clock = tokio::time::interval_at(Instant::now() + Duration::from_secs(1), Duration::from_secs(1));
        loop {
            let dirty = self.state.revision != self.drawn_revision;
            let message = tokio::select! {
                biased;
                message = self.messages.recv() => Message::Observed(message.unwrap()),
                _ = clock.tick() => Message::Tick,
                () = sleep_until(self.drawn_at + FRAME), if dirty => {
                    self.draw();
                    return true;
                }
                () = std::future::ready(()), if self.state.has_work() => Message::Tick,
                () = sleep_until(until) => return false,
            };
            self.take(message);
            for _ in 1..DRAIN {
                let Ok(message) = self.messages.try_recv() else { break };
                self.take(Message::Observed(message));
            }
            if self.state.revision != self.drawn_revision && self.drawn_at.elapsed() >= FRAME {
                self.draw();
                return true;
            }
        }
    }

    fn draw(&mut self) {
        let (state, theme) = (&self.state, &self.theme);
        self.terminal
            .draw(|frame| {
                ui::draw(frame, state, theme, &Glyphs::UTF8);
            })
            .unwrap();
        (self.drawn_at, self.drawn_revision) = (Instant::now(), self.state.revision);
    }

    fn shows(&self, text: &str) -> bool {
        let cells = self.terminal.backend().buffer().content();
        cells
            .chunks(usize::from(SIZE.0))
            .any(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().contains(text))
    }

    fn press(&mut self, key: KeyCode) {
        self.take(Message::Key(KeyEvent::new(key, KeyModifiers::NONE)));
    }
}

async fn measure(live_tail: bool, count: usize) -> Vec<Sample> {
    let sim = rig::quiet().await;
    let session = sim.with_world(|world| {
        let session = world.sessions.iter().find(|session| session.owner.ends_with("user/bob")).unwrap();
        SessionKey::new(rig::scope(&session.account, &session.region), session.id.as_str())
    });
    let stop = CancellationToken::new();
    let mut program = Program::start(&sim, live_tail, &stop).await;
    let patience = Instant::now() + rig::PATIENCE;
    while !program.state.board.sessions.contains_key(&session) {
        program.run(patience).await;
        assert!(Instant::now() < patience, "the session is not listed");
    }
    sim.with_world(|world| assert!(world.print(session.id.as_str(), b"sh-5.2$ begin\r\n")));
    program.state.view.table.list.selected = Some(session.clone());
    program.press(KeyCode::Enter);
    while !program.shows("sh-5.2$ begin") {
        program.run(patience).await;
        assert!(Instant::now() < patience, "the session is not followed");
    }
    // Tails begin, evidence is read.
    let settled = Instant::now() + Duration::from_secs(5);
    while Instant::now() < settled {
        program.run(settled).await;
    }

    let mut random = fastrand::Rng::with_seed(7);
    let mut waiting: Vec<(String, Timestamp)> = Vec::new();
    let mut glyphs: Vec<(String, Timestamp, Timestamp)> = Vec::new();
    let (mut printed, mut next) = (0, Instant::now());
    let end = Instant::now() + Duration::from_secs(3 * count as u64 + 30);
    while glyphs.len() < count {
        assert!(Instant::now() < end, "{} lines never came: {waiting:?}", waiting.len());
        if printed < count && Instant::now() >= next {
            let text = format!("glyph-{printed:06}");
            let message =
                serde_json::json!({"eventVersion": "1.0", "sessionId": session.id.as_str(), "sessionData": [text]});
            let (account, region) = (session.scope.account.as_str(), session.scope.region.as_str());
            let now = Timestamp::now();
            let events = vec![(now.as_millisecond(), message.to_string())];
            sim.with_world(|world| assert!(world.put_log_events(account, region, GROUP, session.id.as_str(), events)));
            waiting.push((text, now));
            printed += 1;
            next = Instant::now() + Duration::from_millis(random.u64(300..900));
        }
        if program.run(next.max(Instant::now() + Duration::from_millis(1))).await {
            let now = Timestamp::now();
            let shown: Vec<bool> = waiting.iter().map(|(text, _)| program.shows(text)).collect();
            let mut shown = shown.into_iter();
            waiting.retain(|(text, at)| {
                let there = shown.next().unwrap();
                if there {
                    glyphs.push((text.clone(), *at, now));
                }
                !there
            });
        }
    }
    stop.cancel();
    let told = |text: &str, glyph: Timestamp| program.told.get(text).copied().unwrap_or(glyph).min(glyph);
    glyphs
        .iter()
        .map(|(text, ingested, glyph)| Sample { ingested: *ingested, told: told(text, *glyph), glyph: *glyph })
        .collect()
}
