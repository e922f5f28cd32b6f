//! The mouse on what is really drawn; the menu of what can be copied; panes of chosen sizes.

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use jiff::SignedDuration;
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, layout::Rect};
use ssmwatch::{
    app::{
        Effect, Message, State,
        overlay::Overlay,
        pointing::{Pane, RowId},
        update,
        view::{Focus, Screen, SortBy},
    },
    domain::SessionKey,
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
};

use crate::{
    dump::{drawn, styled},
    snapshots::{at_all_sizes, opened},
    world,
};

/// Draws a frame, and lets the State know what is where, as the loop does.
fn frame(state: &mut State) {
    let (width, height) = state.view.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let theme = Theme::load("default-dark", None).unwrap();
    let mut seen = None;
    terminal.draw(|frame| seen = Some(ui::draw(frame, state, &theme, &Glyphs::UTF8))).unwrap();
    let drawn = seen.unwrap();
    state.view.detail_lines = drawn.detail_lines;
    state.view.help_last = drawn.help_last;
    state.view.pointer.seen = drawn.seen;
}

fn mouse_after(state: &mut State, kind: MouseEventKind, (column, row): (u16, u16), ms: i64) -> Vec<Effect> {
    let at = state.now + SignedDuration::from_millis(ms);
    update(state, Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }), at)
}

fn click_after(state: &mut State, cell: (u16, u16), ms: i64) -> Vec<Effect> {
    frame(state);
    let mut effects = mouse_after(state, MouseEventKind::Down(MouseButton::Left), cell, ms);
    effects.extend(mouse_after(state, MouseEventKind::Up(MouseButton::Left), cell, 10));
    effects
}

fn click(state: &mut State, cell: (u16, u16)) -> Vec<Effect> {
    click_after(state, cell, 1000)
}

/// The same day, with the mouse listened to.
fn listening(size: (u16, u16)) -> State {
    let mut setup = world::setup();
    setup.mouse = true;
    let mut state = world::bad_day_with(size, setup);
    frame(&mut state);
    state
}

fn line_of(state: &State, key: &SessionKey) -> u16 {
    let row = RowId::Session(key.clone());
    state.view.pointer.seen.rows.iter().find(|(_, there)| *there == row).unwrap().0
}

fn middle(area: Rect) -> (u16, u16) {
    (area.x + area.width / 2, area.y + area.height / 2)
}

fn pane(state: &State, wanted: impl Fn(&Pane) -> bool) -> Rect {
    state.view.pointer.seen.panes.iter().find(|(_, pane)| wanted(pane)).unwrap().0
}

fn selected(state: &State) -> SessionKey {
    state.view.table.list.selected.clone().unwrap()
}

#[test]
fn off_it_does_nothing_and_the_key_turns_it_on_and_off() {
    let mut state = world::bad_day((200, 60));
    frame(&mut state);
    let before = selected(&state);
    let line = state.view.pointer.seen.rows[3].0;
    click(&mut state, (20, line));
    assert_eq!(selected(&state), before);
    world::press(&mut state, KeyCode::Char('M'));
    assert!(state.view.pointer.on && state.view.notice.as_ref().unwrap().text.contains("Shift"));
    click(&mut state, (20, line));
    assert_ne!(selected(&state), before);
    world::press(&mut state, KeyCode::Char('M'));
    assert!(!state.view.pointer.on);
}

#[test]
fn a_click_selects_the_session_that_was_drawn_under_it_even_if_the_table_was_sorted_anew() {
    let mut state = listening((200, 60));
    let wanted = state.view.table.list.rows[5].clone();
    let line = line_of(&state, &wanted);
    // Between the frame and the click the order is turned around.
    state.view.table.touched = true;
    world::press(&mut state, KeyCode::Char('S'));
    assert_ne!(state.view.table.list.rows[5], wanted);
    mouse_after(&mut state, MouseEventKind::Down(MouseButton::Left), (20, line), 5);
    assert_eq!(selected(&state), wanted);
}

#[test]
fn a_session_that_has_gone_from_the_table_is_not_replaced_by_another() {
    let mut state = listening((200, 60));
    let before = selected(&state);
    let gone = state.view.table.list.rows[5].clone();
    let line = line_of(&state, &gone);
    state.view.table.list.rows.retain(|key| *key != gone);
    mouse_after(&mut state, MouseEventKind::Down(MouseButton::Left), (20, line), 5);
    assert_eq!(selected(&state), before);
    assert!(state.view.notice.as_ref().unwrap().text.contains("no longer"));
}

#[test]
fn two_quick_clicks_open_and_two_slow_ones_do_not() {
    let mut state = listening((200, 60));
    let line = state.view.pointer.seen.rows[2].0;
    click(&mut state, (20, line));
    click_after(&mut state, (20, line), 900);
    assert!(!state.view.opened);
    click_after(&mut state, (20, line), 200);
    assert!(state.view.opened && state.view.focus == Focus::Detail);
    assert!(state.view.dialog.is_none());
}

#[test]
fn a_heading_sorts_and_the_second_click_reverses() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut state = listening(size);
        let headings = state.view.pointer.seen.headings.clone();
        assert!(headings.iter().any(|(_, by)| *by == SortBy::Owner));
        for (area, by) in headings {
            if by == SortBy::Severity {
                continue;
            }
            let place = |state: &State| {
                state.view.pointer.seen.headings.iter().find(|(_, there)| *there == by).map(|(area, _)| middle(*area))
            };
            let cell = place(&state).unwrap_or(middle(area));
            click(&mut state, cell);
            assert_eq!((state.view.table.sort, state.view.table.reverse), (by, false), "{size:?}");
            frame(&mut state);
            if let Some(cell) = place(&state) {
                click(&mut state, cell);
                assert_eq!((state.view.table.sort, state.view.table.reverse), (by, true), "{size:?}");
            }
        }
    }
}

#[test]
fn a_tab_switches_the_screen_and_a_row_there_is_selected() {
    let mut state = listening((120, 40));
    for screen in Screen::ALL.into_iter().rev() {
        let tabs = state.view.pointer.seen.tabs.clone();
        let (area, _) = tabs.iter().find(|(_, tab)| *tab == screen).unwrap();
        click(&mut state, middle(*area));
        assert_eq!(state.view.screen, screen);
        frame(&mut state);
        if let Some((line, row)) = state.view.pointer.seen.rows.get(1).cloned() {
            click(&mut state, (10, line));
            let view = &state.view;
            let is_selected = match row {
                RowId::Session(key) => view.table.list.selected == Some(key),
                RowId::Ended(key) => view.history.selected == Some(key),
                RowId::Alert(id) => view.alerts.selected == Some(id),
                RowId::Act(id) => view.acts.selected == Some(id),
                RowId::Scope(id) => view.scopes.selected == Some(id),
                RowId::Preferences(id) => view.preferences.selected == Some(id),
            };
            assert!(is_selected, "{screen:?}");
        }
    }
}

#[test]
fn a_click_gives_a_pane_the_keys_and_the_wheel_scrolls_without() {
    let mut state = listening((200, 60));
    let detail = pane(&state, |pane| *pane == Pane::Focus(Focus::Detail));
    mouse_after(&mut state, MouseEventKind::ScrollDown, middle(detail), 50);
    assert_eq!((state.view.focus, state.view.detail_top), (Focus::Table, 3));
    mouse_after(&mut state, MouseEventKind::ScrollUp, middle(detail), 50);
    assert_eq!(state.view.detail_top, 0);
    click(&mut state, middle(detail));
    assert_eq!(state.view.focus, Focus::Detail);
    let before = state.view.table.list.position().unwrap();
    frame(&mut state);
    let list = pane(&state, |pane| *pane == Pane::List);
    mouse_after(&mut state, MouseEventKind::ScrollDown, middle(list), 50);
    assert_eq!((state.view.table.list.position().unwrap(), state.view.focus), (before + 3, Focus::Detail));
    frame(&mut state);
    let transcript = pane(&state, |pane| matches!(pane, Pane::Transcript(_)));
    click(&mut state, middle(transcript));
    assert_eq!(state.view.focus, Focus::Transcript);
}

#[test]
fn a_border_that_is_dragged_follows_the_mouse_to_the_least_size() {
    let mut state = listening((200, 60));
    for vertical in [true, false] {
        frame(&mut state);
        let borders = state.view.pointer.seen.borders.clone();
        let border = *borders.iter().find(|border| border.split.is_vertical() == vertical).unwrap();
        let whole = border.whole;
        let cell = |along: u16| match vertical {
            true => (whole.x + 3, whole.y + along),
            false => (whole.x + along, whole.y + whole.height / 2),
        };
        let (least, second) = border.split.least();
        for (to, wanted) in [
            (border.first + 2, border.first + 2),
            (border.first - 1, border.first - 1),
            (0, least),
            (border.cells() - 1, border.cells() - second),
        ] {
            frame(&mut state);
            let now = *state.view.pointer.seen.borders.iter().find(|other| other.split == border.split).unwrap();
            mouse_after(&mut state, MouseEventKind::Down(MouseButton::Left), cell(now.first), 1000);
            mouse_after(&mut state, MouseEventKind::Drag(MouseButton::Left), cell(to), 20);
            mouse_after(&mut state, MouseEventKind::Up(MouseButton::Left), cell(to), 20);
            frame(&mut state);
            let after = *state.view.pointer.seen.borders.iter().find(|other| other.split == border.split).unwrap();
            assert_eq!(after.first, wanted, "vertical {vertical}, to {to}");
        }
        // Let go, it stays.
        let before = state.view.sizes.clone();
        mouse_after(&mut state, MouseEventKind::Drag(MouseButton::Left), cell(border.first), 20);
        assert_eq!(state.view.sizes, before);
    }
}

#[test]
fn keys_size_the_pane_that_has_them_and_say_when_it_goes_no_further() {
    let mut state = listening((200, 60));
    let height = |state: &mut State| {
        frame(state);
        pane(state, |pane| *pane == Pane::List).height
    };
    let before = height(&mut state);
    world::press(&mut state, KeyCode::Char('}'));
    assert_eq!(height(&mut state), before + 2);
    for _ in 0..60 {
        world::press(&mut state, KeyCode::Char('{'));
    }
    assert_eq!(height(&mut state), 5);
    assert!(state.view.notice.as_ref().unwrap().text.contains("as small"));
    world::press(&mut state, KeyCode::Tab);
    let width = |state: &mut State| {
        frame(state);
        pane(state, |pane| *pane == Pane::Focus(Focus::Detail)).width
    };
    let before = width(&mut state);
    world::press(&mut state, KeyCode::Char('}'));
    assert_eq!(width(&mut state), before + 4);
    // The transcript takes it back.
    world::press(&mut state, KeyCode::Tab);
    world::press(&mut state, KeyCode::Char('}'));
    assert_eq!(width(&mut state), before);
    let mut small = world::bad_day((80, 24));
    world::press(&mut small, KeyCode::Char('}'));
    assert!(small.view.notice.as_ref().unwrap().text.contains("no other pane"));
}

/// What may lie over the screen, each opened by keys.
fn covered(state: &mut State, what: usize) {
    match what {
        0 => {
            world::press(state, KeyCode::Char('t'));
            world::type_text(state, "INC-1 typed");
        }
        1 => {
            world::press(state, KeyCode::Char('t'));
            world::type_text(state, "INC-1");
            world::press(state, KeyCode::Enter);
        }
        2 => world::press(state, KeyCode::Char('y')),
        3 => world::press(state, KeyCode::Char('?')),
        4 => {
            world::press(state, KeyCode::Tab);
            world::press(state, KeyCode::Enter);
        }
        _ => {
            world::press(state, KeyCode::Char('/'));
            world::type_text(state, "mall");
        }
    }
}

fn layers(state: &State) -> String {
    let view = &state.view;
    let overlay = match &view.overlay {
        Some(Overlay::Copy(menu)) => format!("{:?}", menu.rows),
        other => format!("{other:?}"),
    };
    let dialog =
        view.dialog.as_ref().map(|dialog| (dialog.kind, dialog.subjects.clone(), dialog.reason.lines().to_vec()));
    format!(
        "{dialog:?} {overlay} {:?} {:?} {:?}",
        view.input,
        view.help.is_some(),
        view.sheet.as_ref().map(|sheet| &sheet.rule)
    )
}

#[test]
fn a_click_beside_what_lies_over_the_screen_loses_and_confirms_nothing() {
    for what in 0..6 {
        let mut state = listening((120, 40));
        world::select(&mut state, "mallory-0c4b7f1e2d3a49d18");
        covered(&mut state, what);
        let before = layers(&state);
        let (screen, on) = (state.view.screen, selected(&state));
        frame(&mut state);
        for cell in (0..120).step_by(7).flat_map(|x| (0..40).step_by(3).map(move |y| (x, y))) {
            let mut effects = mouse_after(&mut state, MouseEventKind::Down(MouseButton::Left), cell, 100);
            effects.extend(mouse_after(&mut state, MouseEventKind::Up(MouseButton::Left), cell, 10));
            assert!(effects.is_empty(), "{what}: {effects:?}");
        }
        assert_eq!(layers(&state), before, "{what}");
        assert_eq!((state.view.screen, selected(&state)), (screen, on), "{what}");
        assert!(state.acts.is_empty());
    }
}

fn any_event() -> impl Strategy<Value = (u8, u16, u16, i64)> {
    (0_u8..14, 0_u16..210, 0_u16..70, 0_i64..1500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_mouse_anywhere_at_any_time_never_acts_and_never_answers(
        size in prop::sample::select(vec![(40_u16, 12_u16), (80, 24), (120, 40), (200, 60), (30, 8)]),
        screen in 0_usize..6,
        what in 0_usize..9,
        events in prop::collection::vec(any_event(), 1..40),
    ) {
        let mut state = listening(size);
        world::press(&mut state, KeyCode::Char(char::from_digit(u32::try_from(screen).unwrap() + 1, 10).unwrap()));
        if what < 6 {
            covered(&mut state, what);
        }
        let asked = state.view.dialog.as_ref().map(|dialog| (dialog.kind, dialog.subjects.clone()));
        for (kind, x, y, ms) in events {
            let kind = match kind {
                0..4 => MouseEventKind::Down(MouseButton::Left),
                4 => MouseEventKind::Up(MouseButton::Left),
                5..8 => MouseEventKind::Drag(MouseButton::Left),
                8 => MouseEventKind::ScrollDown,
                9 => MouseEventKind::ScrollUp,
                10 => MouseEventKind::Down(MouseButton::Right),
                11 => MouseEventKind::Moved,
                12 => MouseEventKind::ScrollLeft,
                _ => MouseEventKind::Down(MouseButton::Middle),
            };
            if ms % 3 != 0 {
                frame(&mut state);
            }
            let effects = mouse_after(&mut state, kind, (x, y), ms);
            let harmless = |effect: &Effect| matches!(effect, Effect::Follow(_) | Effect::Recall(_) | Effect::ReadArchive(_) | Effect::Keep(_) | Effect::Record { .. });
            prop_assert!(effects.iter().all(harmless), "{:?}", effects);
            let now = state.view.dialog.as_ref().map(|dialog| (dialog.kind, dialog.subjects.clone()));
            prop_assert_eq!(&now, &asked);
        }
    }
}

#[test]
fn copy_menu() {
    at_all_sizes("copy", |size| {
        let mut state = opened(size);
        world::press(&mut state, KeyCode::Char('y'));
        state
    });
}

#[test]
fn copy_menu_of_a_scope() {
    let mut state = world::bad_day((80, 24));
    world::press(&mut state, KeyCode::Char('5'));
    world::press(&mut state, KeyCode::Char('y'));
    insta::assert_snapshot!("copy_scope_80x24", styled(&drawn(&state, "default-dark", &Glyphs::UTF8)));
}

#[test]
fn sized_panes() {
    at_all_sizes("sized", |size| {
        let mut state = opened(size);
        for _ in 0..5 {
            world::press(&mut state, KeyCode::Char('}'));
        }
        state
    });
    at_all_sizes("sized_alerts", |size| {
        let mut state = world::bad_day(size);
        world::press(&mut state, KeyCode::Char('2'));
        for _ in 0..3 {
            world::press(&mut state, KeyCode::Char('}'));
        }
        state
    });
}
