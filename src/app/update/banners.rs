//! What must not be overlooked, line by line.

use super::short_age;
use crate::{
    app::{
        action::Action,
        automatic::Paused,
        board::Freshness,
        state::{State, Store},
        view::{Banner, BannerKind},
    },
    domain::{ActKind, ActOutcome, FailureClass, Finding, Verdict},
};

/// What must not be overlooked: failed acts first, then rules that could not be read, accounts over a threshold, and
/// scopes that cannot be read.
pub(super) fn gather(state: &mut State) {
    let mut banners = Vec::new();
    store(state, &mut banners);
    automatic(state, &mut banners);
    for act in state.acts.iter().rev() {
        if state.view.dismissed.contains(&act.id) {
            continue;
        }
        for step in &act.steps {
            // What waits in the outbox is told once a try failed.
            if let ActOutcome::Failed { what, to_do }
            | ActOutcome::Unproven { what, to_do }
            | ActOutcome::Waiting { what, to_do, attempts: 1.. } = &step.outcome
            {
                let text = format!("{} of {}: {what}. {to_do}", step.name, act.subject.id());
                banners.push(Banner { kind: BannerKind::Act(act.id), text });
                if act.kind == ActKind::Terminate {
                    // What was not counted follows from what did not end.
                    break;
                }
            }
        }
    }
    super::logins::banners(state, &mut banners);
    returned(state, &mut banners);
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
    if let Some(problem) = &state.view.not_told {
        let text = format!("NOT TOLD, [notify]: {problem}; {} takes this away", state.setup.keymap.word(Action::Back));
        banners.push(Banner { kind: BannerKind::Rules, text });
    }
    if let Some(problem) = &state.themes_problem {
        let text = format!("THEME NOT READ, the old look stays: {problem}");
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
        let key = state.setup.keymap.word(Action::Scopes);
        scopes.push(Banner { kind: BannerKind::Scopes, text: format!("CANNOT SEE {rest} more scopes: press {key}") });
    }
    banners.extend(scopes);
    state.view.banners = banners;
}

/// What cannot be written down: acts are refused, and what is raised is not sent.
fn store(state: &State, banners: &mut Vec<Banner>) {
    let text = match &state.store {
        Store::Opening | Store::Open => return,
        Store::Troubled(waiting, why) => {
            format!("NOT WRITTEN DOWN: {waiting} alerts and records wait, and are not sent: {why}")
        }
        Store::Refused(why) => format!("ACTS AND ALERTS ARE OFF HERE: {why}"),
    };
    banners.push(Banner { kind: BannerKind::Store, text });
}

/// What is about to be ended by itself, or why nothing is.
fn automatic(state: &State, banners: &mut Vec<Banner>) {
    let automatic = &state.automatic;
    if automatic.rules.is_empty() {
        return;
    }
    let key = |action| state.setup.keymap.word(action);
    let pending = automatic.pending();
    let stand = match pending.len() {
        1 => "1 session that it would end stands".to_owned(),
        count => format!("{count} sessions that it would end stand"),
    };
    if let Some(why) = state.acting_off(true) {
        // Nothing is ended here, so nothing counts down.
        if !pending.is_empty() {
            let text = format!("AUTOMATIC RESPONSE IS OFF HERE: {why}; {stand}");
            banners.push(Banner { kind: BannerKind::Automatic, text });
        }
        return;
    }
    let text = match (automatic.paused, pending.as_slice()) {
        (Some(Paused::Ceiling), _) => {
            let from = automatic.full_until(state.now).map_or(String::new(), |until| {
                format!(" from {} on", until.to_zoned(state.setup.zone.clone()).strftime("%H:%M:%S"))
            });
            format!(
                "AUTOMATIC RESPONSE HAS STOPPED: {} terminations within an hour, max_per_hour is {}; {stand}. Look, then {} takes it up again{from}",
                automatic.used(),
                automatic.max_per_hour,
                key(Action::PauseAutomatic)
            )
        }
        (Some(Paused::ByHand), _) => {
            format!("AUTOMATIC RESPONSE IS PAUSED: {stand}. {} takes it up again", key(Action::PauseAutomatic))
        }
        (None, [(session, first), rest @ ..]) => {
            let left = first.at.map_or(0, |at| at.duration_since(state.now).as_secs().max(0));
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more after it", rest.len()) };
            format!(
                "ENDS BY ITSELF in {left} s: {}{more}, {} {}. {} leaves it alone, {} pauses all",
                session.id,
                first.rule,
                first.title,
                key(Action::Spare),
                key(Action::PauseAutomatic)
            )
        }
        (None, []) => return,
    };
    banners.push(Banner { kind: BannerKind::Automatic, text });
}

/// Principals that are back on a node from which their session was ended.
fn returned(state: &State, banners: &mut Vec<Banner>) {
    for returned in &state.view.returned {
        let Some(board) = state.board.sessions.get(&returned.session).filter(|session| session.is_active()) else {
            continue;
        };
        let key = |action| state.setup.keymap.word(action);
        let next = match state.setup.quarantine {
            Some(_) => format!("; {} quarantines", key(Action::Quarantine)),
            None => String::new(),
        };
        let text = format!(
            "BACK AGAIN: {} is on {} once more, {} after its session was ended here: {}. Select it, then {} ends it{next}",
            crate::domain::Owner::parse(&board.session.owner),
            board.session.target,
            short_age(returned.after),
            returned.session.id,
            key(Action::Terminate),
        );
        banners.push(Banner { kind: BannerKind::Returned(returned.session.clone()), text });
    }
}
