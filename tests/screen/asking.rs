//! Dialogs: each and its steps; what will be done to which id is on the screen before `y`.

use crossterm::event::KeyCode;
use jiff::SignedDuration;
use ssmwatch::{
    app::{Message, State, listening::Survivor},
    domain::{
        Act, ActKind, Actor, QuarantineChange, QuarantineKind, QuarantineMethod, QuarantinePlan, QuarantineRefused,
        Subject,
    },
};

use crate::{
    acting::{MALLORY, alerts, armed, flat, marked, tell, words},
    snapshots::{SIZES, at_all_sizes},
    world,
};

fn terminating(size: (u16, u16), confirm: bool) -> State {
    let mut state = marked(size);
    world::press(&mut state, KeyCode::Char('t'));
    world::type_text(&mut state, "INC-2301 all of them");
    if confirm {
        world::press(&mut state, KeyCode::Enter);
    }
    state
}

#[test]
fn many_are_terminated_by_their_ids() {
    at_all_sizes("many_reason", |size| terminating(size, false));
    at_all_sizes("many_confirm", |size| terminating(size, true));
    for size in SIZES {
        let state = terminating(size, true);
        let shown = words(&state);
        for subject in &state.view.dialog.as_ref().unwrap().subjects {
            assert!(shown.contains(subject.id()), "{} is not on the screen:\n{shown}", subject.id());
        }
        assert!(shown.contains("for 5 sessions"), "{shown}");
    }
    let mut state = world::bad_day((60, 14));
    (0..18).for_each(|_| world::press(&mut state, KeyCode::Char(' ')));
    world::press(&mut state, KeyCode::Char('t'));
    world::type_text(&mut state, "x");
    world::press(&mut state, KeyCode::Enter);
    let shown = words(&state);
    assert!(shown.contains("more sessions: Down shows them") && shown.contains("for 18 sessions"), "{shown}");
    // All of them can be read before the y.
    let ids: Vec<String> = {
        let dialog = state.view.dialog.as_ref().unwrap();
        dialog.subjects.iter().map(|subject| subject.id().to_owned()).collect()
    };
    let mut seen: Vec<bool> = ids.iter().map(|_| false).collect();
    for _ in 0..20 {
        let shown = words(&state);
        ids.iter().zip(&mut seen).for_each(|(id, seen)| *seen |= shown.contains(id.as_str()));
        world::press(&mut state, KeyCode::Down);
    }
    assert!(seen.iter().all(|seen| *seen), "{ids:#?} {seen:?}");
}

#[test]
fn the_end_of_a_session_says_what_it_does_not_do() {
    let mut state = world::bad_day((80, 24));
    world::press(&mut state, KeyCode::Char('t'));
    let shown = flat(&state);
    assert!(shown.contains("from starting another session: take ssm:StartSession from it"), "{shown}");
    state.setup.quarantine = Some("denies".into());
    let shown = flat(&state);
    assert!(shown.contains("from starting another session: x quarantines"), "{shown}");
}

#[test]
fn what_outlives_a_session_is_named_before_it_is_ended() {
    let mut state = world::bad_day((80, 24));
    let key = state.view.table.list.selected.clone().unwrap();
    let survivor = Survivor { program: "nohup", text: "nohup ./miner \u{1b}[2J &".into(), at: state.now };
    state.board.sessions.get_mut(&key).unwrap().survivors.push(survivor);
    world::press(&mut state, KeyCode::Char('t'));
    let shown = flat(&state);
    assert!(shown.contains("may outlive its end: nohup ./miner"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

fn suppressing(size: (u16, u16)) -> State {
    let mut state = alerts(size);
    world::press(&mut state, KeyCode::Char('z'));
    world::type_text(&mut state, "CHG-5120 known");
    (0..3).for_each(|_| world::press(&mut state, KeyCode::Tab));
    state
}

#[test]
fn an_alert_is_suppressed_for_a_time() {
    at_all_sizes("suppress", suppressing);
}

/// How far the question of a quarantine is answered.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    Read,
    Refused,
    Ready,
    Name,
    Confirm,
}

fn plan(state: &State) -> QuarantinePlan {
    QuarantinePlan {
        kind: QuarantineKind::Set,
        method: QuarantineMethod::RevokeRoleSessions,
        scope: world::key_of(state, MALLORY).scope,
        account: world::key_of(state, MALLORY).scope.account,
        account_name: state.board.account_name(&world::key_of(state, MALLORY).scope).into(),
        notes: vec![
            "Who may assume the role gets new tokens that are good".to_owned(),
            "Sessions that are running go on: terminate them".to_owned(),
        ],
        change: QuarantineChange::RolePolicy { role: "BreakGlass".to_owned(), written: None, found: None },
        target: "role BreakGlass, inline policy ssmwatch-quarantine".to_owned(),
        action: "iam:PutRolePolicy",
        writes: vec![
            "{".to_owned(),
            "  \"Version\": \"2012-10-17\",".to_owned(),
            "  \"Statement\": [{\"Effect\": \"Deny\", \"Action\": \"*\", \"Resource\": \"*\",".to_owned(),
            "    \"Condition\": {\"DateLessThan\": {\"aws:TokenIssueTime\": \"2026-11-20T09:14:00Z\"}}}]".to_owned(),
            "}".to_owned(),
        ],
        already: None,
    }
}

fn quarantining(size: (u16, u16), until: Until) -> State {
    let mut state = world::bad_day_with(size, armed());
    world::select(&mut state, MALLORY);
    world::press(&mut state, KeyCode::Char('x'));
    if until == Until::Read {
        return state;
    }
    let plan = match until {
        Until::Refused => Err(QuarantineRefused {
            what: "the permission iam:GetRolePolicy is missing".to_owned(),
            to_do: "Have iam:GetRolePolicy granted to the role that ssmwatch uses in this account".to_owned(),
            is_gone: false,
        }),
        _ => Ok(Box::new(plan(&state))),
    };
    tell(&mut state, Message::Planned(plan.clone()));
    world::type_text(&mut state, "INC-2301 break glass key is out");
    if matches!(until, Until::Name | Until::Confirm) {
        world::press(&mut state, KeyCode::Enter);
        world::type_text(&mut state, if until == Until::Name { "payments-p" } else { "payments-prod" });
    }
    if until == Until::Confirm {
        world::press(&mut state, KeyCode::Enter);
        // It is read once more for the last question.
        tell(&mut state, Message::Planned(plan));
    }
    state
}

#[test]
fn a_quarantine_is_read_shown_and_named() {
    for (name, until) in [
        ("quarantine_reading", Until::Read),
        ("quarantine_refused", Until::Refused),
        ("quarantine_ready", Until::Ready),
        ("quarantine_name", Until::Name),
        ("quarantine_confirm", Until::Confirm),
    ] {
        at_all_sizes(name, |size| quarantining(size, until));
    }
    for size in SIZES {
        let state = quarantining(size, Until::Confirm);
        let shown = flat(&state);
        for line in plan(&state).writes {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(shown.contains(&line), "{line} is not on the screen:\n{shown}");
        }
        assert!(shown.contains("will call iam:PutRolePolicy on role BreakGlass"), "{shown}");
    }
}

#[test]
fn what_is_quarantined_is_marked_and_can_be_lifted() {
    let quarantined = |size| {
        let mut state = world::bad_day_with(size, armed());
        let key = world::key_of(&state, MALLORY);
        state.quarantined.push(Act {
            id: 3,
            at: world::now() - SignedDuration::from_mins(8),
            kind: ActKind::Quarantine,
            subject: Subject::Account(key.scope.account.clone()),
            target: "role BreakGlass, inline policy ssmwatch-quarantine".to_owned(),
            owner: state.board.sessions[&key].session.owner.to_string(),
            reason: "INC-2301 break glass key is out".to_owned(),
            actor: Actor { user: "robin".to_owned(), arn: None, rule: None },
            evidence_sha256: None,
            steps: Vec::new(),
        });
        world::select(&mut state, MALLORY);
        state
    };
    at_all_sizes("quarantined", quarantined);
    at_all_sizes("lift", |size| {
        let mut state = quarantined(size);
        world::press(&mut state, KeyCode::Char('x'));
        let plan = QuarantinePlan { kind: QuarantineKind::Lift, action: "iam:DeleteRolePolicy", ..plan(&state) };
        tell(&mut state, Message::Planned(Ok(Box::new(plan))));
        state
    });
}
