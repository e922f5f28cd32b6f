//! Credentials that people renew: warned of, urged, over, and taken up again.

use crossterm::event::KeyCode;
use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    app::State,
    domain::{CredentialBase, CredentialStanding, FailureClass, Observation},
};

use crate::{acting::flat, snapshots::at_all_sizes, world};

fn standing(minutes: i64) -> CredentialStanding {
    let end = world::now() + SignedDuration::from_mins(minutes);
    CredentialStanding {
        base: CredentialBase::Profile("payments".into()),
        accounts: world::scopes().into_iter().map(|scope| scope.account).collect(),
        login: Some("aws sso login --profile payments".into()),
        expires_at: Some(end),
        token_until: Some(end),
        renews_itself: false,
        unknown: None,
        held_until: None,
        problem: None,
        at: world::now(),
    }
}

fn told(mut state: State, standing: CredentialStanding) -> State {
    world::observe(&mut state, Observation::Credentials(Box::new(standing)), world::now());
    world::settle(&mut state);
    state
}

/// The scopes, where the selected one says whose credentials it is read with.
fn scopes(mut state: State) -> State {
    world::press(&mut state, KeyCode::Char('5'));
    world::settle(&mut state);
    state
}

#[test]
fn an_end_within_the_hour_is_warned_of() {
    at_all_sizes("credentials_warned", |size| told(world::calm(size), standing(42)));
    let calm = flat(&told(world::calm((120, 40)), standing(61)));
    assert!(calm.contains("ALL WELL") && !calm.contains("LOGIN"), "{calm}");
    let warned = flat(&told(world::calm((120, 40)), standing(42)));
    assert!(
        !warned.contains("ALL WELL") && warned.contains("LOGIN ENDS: in 42m, profile payments, 6 accounts"),
        "{warned}"
    );
}

#[test]
fn an_end_within_a_quarter_of_an_hour_is_urged() {
    at_all_sizes("credentials_urged", |size| told(world::calm(size), standing(9)));
}

#[test]
fn a_login_that_is_over_is_loud_and_says_what_to_do() {
    let over = |size| told(world::calm(size), standing(-3));
    at_all_sizes("credentials_over", over);
    at_all_sizes("credentials_over_scopes", |size| scopes(over(size)));
    at_all_sizes("credentials_over_on_a_bad_day", |size| told(world::bad_day(size), standing(-3)));
    for size in [(80, 24), (120, 40), (200, 60)] {
        let words = flat(&over(size));
        assert!(words.contains("LOGIN ENDED: profile payments"), "{size:?} {words}");
        // The line may be wrapped, and each has the glyph.
        let unwrapped = words.replace(" ■ ", " ");
        assert!(unwrapped.contains("run `aws sso login --profile payments`"), "{size:?} {words}");
        assert!(!words.contains("ALL WELL"), "{size:?} {words}");
    }
}

#[test]
fn a_renewed_login_is_said_in_passing() {
    let state = told(told(world::calm((120, 40)), standing(-3)), standing(480));
    let words = flat(&state);
    assert!(words.contains("renewed") && words.contains("ALL WELL"), "{words}");
}

#[test]
fn a_scope_says_whose_credentials_it_is_read_with() {
    at_all_sizes("credentials_good_scopes", |size| scopes(told(world::calm(size), standing(480))));
}

#[test]
fn hostile_names_and_error_texts_stay_words() {
    let hostile = "pay\u{1b}]0;owned\u{7}\u{202e}ments\u{9b}31m";
    let failing = CredentialStanding {
        base: CredentialBase::Profile(hostile.into()),
        login: Some(format!("aws sso login --profile {hostile}").into()),
        problem: Some(world::failure(FailureClass::Other, "credentials", hostile)),
        held_until: Some(world::now() + SignedDuration::from_mins(5)),
        unknown: Some(hostile.into()),
        expires_at: None::<Timestamp>,
        ..standing(5)
    };
    for state in [told(world::calm((200, 60)), failing.clone()), scopes(told(world::calm((200, 60)), failing))] {
        let words = flat(&state);
        let bad = words.chars().find(|letter| letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}'));
        assert_eq!(bad, None, "{words}");
    }
}
