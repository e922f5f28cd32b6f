//! One message in, a changed State and its effects out.

pub mod acts;
mod alerting;
mod banners;
mod columns;
mod copy;
mod history;
mod keys;
mod line;
mod logins;
mod mouse;
mod outcomes;
mod overlay;
mod palette;
mod quarantine;
mod sheet;
mod table;
mod themes;
mod transcript;
mod wall;

use jiff::{SignedDuration, Timestamp};

use super::{
    grouping,
    layout::Areas,
    message::{Effect, Message},
    state::{State, Store},
    view::{Notice, Screen},
};
use crate::domain::Observation;

pub(super) use acts::selected as selected_session;
pub use logins::span;
pub use transcript::KEPT as KEPT_TRANSCRIPTS;

/// How long a passing word stays.
const NOTICE_TIME: SignedDuration = SignedDuration::from_secs(6);

/// Applies a message that arrived at `now`.
pub fn update(state: &mut State, message: Message, now: Timestamp) -> Vec<Effect> {
    state.now = state.now.max(now);
    // What an observation changes is told by the board; everything else is drawn.
    let before = state.board.revision;
    let attended = matches!(message, Message::Key(_) | Message::Mouse(_) | Message::Paste(_));
    state.revision += u64::from(!matches!(message, Message::Observed(_)));
    let mut effects = Vec::new();
    match message {
        Message::Observed(observation) => {
            effects.extend(alerting::trail(&observation));
            history::observe(state, &observation, &mut effects);
            observe(state, observation);
        }
        Message::Key(key) => keys::key(state, key, &mut effects),
        Message::Mouse(event) => mouse::event(state, event, &mut effects),
        Message::Paste(text) => keys::paste(state, &text),
        Message::Resize(width, height) => state.view.size = (width, height),
        Message::Tick => {}
        Message::ActProgress { act, step, outcome } => outcomes::progress(state, act, step, outcome, &mut effects),
        Message::Loaded(loaded) => alerting::loaded(state, *loaded, &mut effects),
        Message::StoreRefused(why) => state.store = Store::Refused(why),
        Message::StoreTrouble(trouble) => {
            if !matches!(state.store, Store::Refused(_)) {
                state.store = match trouble {
                    Some((waiting, why)) => Store::Troubled(waiting, why),
                    None => Store::Open,
                };
            }
        }
        Message::Alerts(alerts) => {
            state.alerts.replace(alerts);
            state.looked_on();
            state.project_alerts();
        }
        Message::Delivered(news) => outcomes::delivered(state, news, &mut effects),
        Message::Outbox { undelivered, summarized } => {
            state.alerts.undelivered = undelivered.into_iter().collect();
            state.alerts.summarized = summarized;
        }
        Message::Planned(plan) => quarantine::planned(state, plan, &mut effects),
        Message::Recalled { owner, sessions } => {
            state.recalled.insert(owner, sessions);
        }
        Message::Stored(page) => history::stored(state, page),
        Message::Ended { session, found } => history::whole(state, session, found),
        Message::Rules(Ok(engine)) => {
            state.board.set_engine(engine);
            state.rules_problem = None;
            notify(state, "the rules were read again and are in force", false);
        }
        Message::Rules(Err(problem)) => state.rules_problem = Some(problem),
        Message::Detections(Ok(detector)) => {
            let (rules, not_loaded) = (detector.rules().len(), detector.not_loaded().len());
            let first = state.listening.detector.rules().is_empty();
            state.listening.set_detector(detector);
            state.detections_problem = None;
            if !first {
                let words = match not_loaded {
                    0 => format!("the detection rules were read again: {rules} are in force"),
                    _ => format!(
                        "the detection rules were read again: {rules} are in force, {not_loaded} cannot be used"
                    ),
                };
                notify(state, words, false);
            }
        }
        Message::Detections(Err(problem)) => state.detections_problem = Some(problem),
        Message::NotTold(why) => notify(state, why.to_string(), true),
        Message::Themes { names, problem, quiet } => themes::read_again(state, names, problem, quiet),
        Message::Quit => effects.push(Effect::Quit),
    }
    transcript::play(state);
    state.board.judge_due(state.now);
    outcomes::settle(state, &mut effects);
    alerting::news(state, &mut effects);
    alerting::automatic(state, &mut effects);
    alerting::recall(state, &mut effects);
    state.notify_people(&mut effects);
    state.revision += u64::from(state.board.revision != before);
    state.note_changes(attended);
    settle(state, &mut effects);
    effects
}

fn observe(state: &mut State, observation: Observation) {
    match &observation {
        Observation::Transcript { session, events, at } => transcript::events(state, session, events, *at),
        Observation::TranscriptFailed { session, failure, retry_at, at } => {
            transcript::failed(state, session, failure, *retry_at, *at);
        }
        Observation::Tailed { scope, events, .. } => {
            state.listening.tailed(&mut state.board, scope, events, state.now);
        }
        Observation::Credentials(standing) => logins::observed(state, standing),
        Observation::ArchiveBody { session, body, cut } => transcript::archive_body(state, session, body, *cut),
        _ => {}
    }
    let listed = match &observation {
        Observation::Active { scope, .. } | Observation::History { scope, .. } => Some(scope.clone()),
        _ => None,
    };
    state.board.observe(observation);
    if let Some(scope) = listed {
        state.listening.listed(&mut state.board, &scope, state.now);
    }
}

/// Brings everything that is derived up to date.
fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    state.project();
    history::settle(state, effects);
    banners::gather(state);
    wall::settle(state);
    if state.view.notice.as_ref().is_some_and(|notice| notice.until <= state.now) {
        state.view.notice = None;
    }
    let (width, height) = state.view.size;
    let areas = Areas::of(width, height, &state.view);
    if let Some(areas) = &areas {
        let rows = areas.table_rows();
        match state.view.screen {
            Screen::Sessions => {
                let table = &mut state.view.table;
                grouping::scroll(&mut table.list, &table.groups, rows);
            }
            Screen::Alerts => state.view.alerts.scroll(rows),
            Screen::Acts => state.view.acts.scroll(rows),
            Screen::Preferences => state.view.preferences.scroll(rows),
            Screen::History => state.view.history.scroll(rows),
            Screen::Scopes => state.view.scopes.scroll(rows),
        }
    }
    transcript::follow_selection(state, areas.as_ref(), effects);
}

/// `59s`, `12m`, `3h05m`, `2d04h`.
pub fn short_age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

pub(super) fn notify(state: &mut State, text: impl Into<String>, bad: bool) {
    state.view.notice = Some(Notice { text: text.into(), bad, until: state.now + NOTICE_TIME });
}
