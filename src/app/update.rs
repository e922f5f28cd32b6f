//! One message in, a changed State and its effects out.

pub mod acts;
mod keys;
mod sheet;
mod transcript;

use jiff::{SignedDuration, Timestamp};

use super::{
    board::Freshness,
    layout::Areas,
    message::{Effect, Message},
    state::State,
    view::{Banner, BannerKind, Notice, Screen},
};
use crate::domain::{ActKind, ActOutcome, FailureClass, Finding, Observation, Verdict};

pub use transcript::KEPT as KEPT_TRANSCRIPTS;

/// How long a passing word stays.
const NOTICE_TIME: SignedDuration = SignedDuration::from_secs(6);

/// Applies a message that arrived at `now`.
pub fn update(state: &mut State, message: Message, now: Timestamp) -> Vec<Effect> {
    state.now = state.now.max(now);
    // What an observation changes is told by the board; everything else is drawn.
    let before = state.board.revision;
    state.revision += u64::from(!matches!(message, Message::Observed(_)));
    let mut effects = Vec::new();
    match message {
        Message::Observed(observation) => observe(state, observation),
        Message::Key(key) => keys::key(state, key, &mut effects),
        Message::Paste(text) => keys::paste(state, &text),
        Message::Resize(width, height) => state.view.size = (width, height),
        Message::Tick => {}
        Message::ActProgress { act, step, outcome } => acts::progress(state, act, step, outcome),
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
        Message::Quit => effects.push(Effect::Quit),
    }
    transcript::play(state);
    state.board.judge_due(state.now);
    acts::settle(state, &mut effects);
    state.revision += u64::from(state.board.revision != before);
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
    banners(state);
    if state.view.notice.as_ref().is_some_and(|notice| notice.until <= state.now) {
        state.view.notice = None;
    }
    let (width, height) = state.view.size;
    let areas = Areas::of(width, height, &state.view);
    if let Some(areas) = &areas {
        let rows = areas.table_rows();
        match state.view.screen {
            Screen::Sessions => state.view.table.list.scroll(rows),
            Screen::Alerts => state.view.acts.scroll(rows),
            Screen::Preferences => state.view.preferences.scroll(rows),
            Screen::History => state.view.history.scroll(rows),
            Screen::Scopes => state.view.scopes.scroll(rows),
        }
    }
    transcript::follow_selection(state, areas.as_ref(), effects);
}

/// What must not be overlooked: failed acts first, then rules that could not be read, accounts over a threshold, and
/// scopes that cannot be read.
fn banners(state: &mut State) {
    let mut banners = Vec::new();
    for act in state.acts.iter().rev() {
        if state.view.dismissed.contains(&act.id) {
            continue;
        }
        for step in &act.steps {
            if let ActOutcome::Failed { what, to_do } | ActOutcome::Unproven { what, to_do } = &step.outcome {
                let text = format!("{} of {}: {what}. {to_do}", step.name, act.subject.id());
                banners.push(Banner { kind: BannerKind::Act(act.id), text });
                if act.kind == ActKind::Terminate {
                    // What was not counted follows from what did not end.
                    break;
                }
            }
        }
    }
    if let Some(problem) = &state.detections_problem {
        let text = match state.listening.detector.rules().is_empty() {
            true => format!("NO DETECTION RULES, nothing that is typed is detected: {problem}"),
            false => format!("DETECTION RULES NOT RELOADED, the old ones stay in force: {problem}"),
        };
        banners.push(Banner { kind: BannerKind::Rules, text });
    }
    if let Some(problem) = &state.rules_problem {
        let text = format!("RULES NOT RELOADED, the old ones stay in force: {problem}");
        banners.push(Banner { kind: BannerKind::Rules, text });
    }
    for (account, board) in &state.board.accounts {
        let broken = |finding: &&Finding| finding.status == Verdict::NonCompliant;
        for finding in board.judgement.findings.iter().filter(broken) {
            let name = state.board.scopes.iter().find(|(id, board)| id.account == *account && !board.name.is_empty());
            let name = name.map_or(String::new(), |(_, board)| format!("{} ", board.name));
            let (severity, rule, title) = (finding.severity.word(), &finding.rule, &finding.title);
            let found: Vec<String> =
                finding.evidence.iter().map(|fact| format!("{} = {}", fact.fact, fact.value)).collect();
            let text = format!("{severity} {rule} {name}{account}: {title} ({})", found.join(", "));
            banners.push(Banner { kind: BannerKind::Account(account.clone()), text });
        }
    }
    if state.listening.left_out > 0 {
        let text = format!("{} events of sessions that are not listed were not listened to", state.listening.left_out);
        banners.push(Banner { kind: BannerKind::Scopes, text });
    }
    let mut blind = 0;
    let mut scopes = Vec::new();
    for (id, scope) in &state.board.scopes {
        let freshness = state.board.freshness(scope, state.now);
        let bad = freshness == Freshness::Blind || (freshness == Freshness::Stale && scope.failing.is_some());
        let Some(failing) = scope.failing.as_ref().filter(|_| bad) else { continue };
        blind += 1;
        let name = state.board.account_name(id);
        let what = match failing.failure.class {
            FailureClass::Denied => format!("{} denied", failing.failure.action),
            FailureClass::Throttled => "throttled".to_owned(),
            class => format!("{}: {}", class.word(), failing.failure.message),
        };
        let age = match scope.last_good {
            Some(at) => format!("for {}", short_age(state.now.duration_since(at))),
            None => "never read so far".to_owned(),
        };
        scopes.push(Banner {
            kind: BannerKind::Scope(id.clone()),
            text: format!("CANNOT SEE {name} {} {age}: {what}", id.region),
        });
    }
    if scopes.len() > 3 {
        let rest = blind - 2;
        scopes.truncate(2);
        scopes.push(Banner { kind: BannerKind::Scopes, text: format!("CANNOT SEE {rest} more scopes: press 5") });
    }
    banners.extend(scopes);
    state.view.banners = banners;
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
