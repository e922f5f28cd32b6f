//! The last line: the keys that work now, or a passing word, or what is being typed.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Modifier,
};

use super::{
    look::Look,
    text::{self, Pieces, line_width, piece, put_line, put_right},
};
use crate::app::{
    action::Action,
    layout::Areas,
    view::{Focus, Screen},
};

/// The action that shows a screen.
pub(super) fn action_of(screen: Screen) -> Action {
    match screen {
        Screen::Sessions => Action::Sessions,
        Screen::Alerts => Action::Alerts,
        Screen::Preferences => Action::Preferences,
        Screen::History => Action::History,
        Screen::Scopes => Action::Scopes,
        Screen::Acts => Action::Acts,
    }
}

/// Draws the footer; where the cursor stands if something is being typed.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    if area.height == 0 || area.width == 0 {
        return None;
    }
    let view = &look.state.view;
    if let Some(dialog) = &view.dialog {
        let mut keys = super::dialog::keys(look, dialog);
        keys.insert(0, piece(" ", look.theme.text));
        put_line(buffer, (area.x, area.y), area.width, &keys, look.glyphs.ellipsis);
        return None;
    }
    if let Some(input) = &view.input {
        return Some(draw_input(look, buffer, area, &input.text));
    }
    if let Some(notice) = &view.notice {
        let style = if notice.bad { look.theme.danger } else { look.theme.ok };
        let glyph = if notice.bad { look.glyphs.non_compliant } else { look.glyphs.compliant };
        let words = format!(" {glyph} {}", look.clean(&notice.text));
        text::put(
            buffer,
            (area.x, area.y),
            area.width,
            &words,
            style.add_modifier(Modifier::BOLD),
            look.glyphs.ellipsis,
        );
        return None;
    }
    hints(look, buffer, area);
    None
}

fn draw_input(look: &Look<'_>, buffer: &mut Buffer, area: Rect, typed: &str) -> Position {
    let view = &look.state.view;
    let in_transcript = view.screen == Screen::Sessions && matches!(view.focus, Focus::Transcript | Focus::Commands);
    let (label, found) = if in_transcript {
        let found = match view.transcript.as_ref().map(|transcript| transcript.match_position()) {
            _ if typed.is_empty() => String::new(),
            Some((Some(at), count)) => format!("{} of {count}", at + 1),
            _ => "no match".to_owned(),
        };
        (" search: ", found)
    } else {
        let found = match view.screen {
            Screen::History => format!("{} of {}", view.history.rows.len(), look.state.counts.ended),
            _ => format!("{} of {}", view.table.list.rows.len(), view.table.total),
        };
        (" filter: ", found)
    };
    let right: Pieces<'_> =
        vec![piece(found, look.theme.muted), piece("   Enter keeps it, Esc undoes it ", look.theme.muted)];
    let label_width = put_line(
        buffer,
        (area.x, area.y),
        area.width,
        &[piece(label, look.theme.accent.add_modifier(Modifier::BOLD))],
        look.glyphs.ellipsis,
    );
    let room = area.width.saturating_sub(label_width + 1);
    // The end of what is typed stays in sight.
    let typed = look.clean(typed);
    let over = text::width(&typed).saturating_sub(usize::from(room));
    let shown = text::tail(&typed, over);
    let x = area.x + label_width;
    let taken = text::put(buffer, (x, area.y), room, shown, look.theme.text, "");
    let left_over = area.width.saturating_sub(label_width + taken + 3);
    if usize::from(left_over) >= line_width(&right) {
        put_right(buffer, Rect::new(area.right() - left_over, area.y, left_over, 1), &right, look.glyphs.ellipsis);
    }
    Position::new((x + taken).min(area.right() - 1), area.y)
}

/// The actions that do something now, the most useful first.
pub(super) fn actions(look: &Look<'_>) -> Vec<(Action, &'static str)> {
    let view = &look.state.view;
    let areas = Areas::of(view.size.0, view.size.1, view);
    let may_act = look.state.setup.read_only.is_none();
    let hint = |action: Action| (action, action.info().hint);
    if view.help.is_some() {
        return vec![(Action::Down, "scroll"), (Action::Back, "close")];
    }
    if view.sheet.is_some() {
        return vec![
            (Action::Back, "close"),
            (Action::Down, "scroll"),
            (Action::NextMatch, "next finding"),
            (Action::PreviousMatch, "previous finding"),
        ];
    }
    let mut actions = Vec::new();
    let act_on = |actions: &mut Vec<_>, selected: bool, active: bool| {
        if selected && may_act {
            if active {
                actions.push(hint(Action::Terminate));
            }
            actions.push(hint(Action::Alert));
        }
    };
    match view.screen {
        Screen::Sessions => {
            let selected = view.table.list.selected.as_ref();
            let active = selected
                .and_then(|key| look.state.board.sessions.get(key))
                .is_some_and(crate::app::board::SessionBoard::is_active);
            match view.focus {
                Focus::Table => {
                    if selected.is_some() {
                        actions.push(hint(Action::Open));
                    }
                    act_on(&mut actions, selected.is_some(), active);
                    actions.push(hint(Action::Filter));
                    if !view.table.filter.is_empty() {
                        actions.push((Action::Back, "no filter"));
                    }
                    actions.push(hint(Action::SortNext));
                    actions.push(hint(Action::SortReverse));
                }
                Focus::Detail => {
                    actions.push(hint(Action::Back));
                    actions.push((Action::Down, "scroll"));
                    if selected.is_some() {
                        actions.push((Action::Open, "rule"));
                    }
                    act_on(&mut actions, selected.is_some(), active);
                }
                Focus::Transcript => {
                    actions.push(hint(Action::Back));
                    actions.push((Action::Down, "scroll"));
                    let following = view.transcript.as_ref().is_some_and(|transcript| transcript.follow);
                    actions.push((Action::Follow, if following { "stop following" } else { "follow" }));
                    actions.push((Action::Filter, "search"));
                    if !view.wrap {
                        actions.push((Action::Right, "rest of lines"));
                    }
                    if view.transcript.as_ref().is_some_and(|transcript| !transcript.search.is_empty()) {
                        actions.push(hint(Action::NextMatch));
                        actions.push(hint(Action::PreviousMatch));
                    }
                    let playing = view.transcript.as_ref().is_some_and(|transcript| transcript.playback.is_some());
                    if playing {
                        actions.extend([(Action::Mark, "pause"), hint(Action::Faster), hint(Action::Slower)]);
                        actions.extend([hint(Action::NextCommand), (Action::Replay, "stop")]);
                    }
                    act_on(&mut actions, selected.is_some(), active);
                    let beside = selected.is_some_and(|key| view.beside.contains(key));
                    actions.push((Action::Beside, if beside { "let go" } else { "keep beside" }));
                    if !playing {
                        actions.extend([hint(Action::Wrap), hint(Action::Times), hint(Action::Replay)]);
                    }
                }
                Focus::Commands => {
                    actions.extend([
                        hint(Action::Back),
                        (Action::Down, "next command"),
                        (Action::Open, "to its place"),
                    ]);
                    actions.push((Action::Filter, "search"));
                    act_on(&mut actions, selected.is_some(), active);
                }
            }
            if areas.is_some_and(|areas| areas.detail.is_some() || areas.transcript.is_some()) {
                actions.push(hint(Action::NextPane));
            }
        }
        Screen::History => {
            let selected = view.history.selected.is_some();
            if selected {
                actions.push(hint(Action::Open));
            }
            act_on(&mut actions, selected, false);
            actions.push(hint(Action::Filter));
            if !view.table.filter.is_empty() {
                actions.push((Action::Back, "no filter"));
            }
        }
        Screen::Alerts => {
            let alert = view.alerts.selected.as_ref().and_then(|id| look.state.alerts.get(id));
            let session = alert.and_then(|alert| alert.subject.session());
            let board = session.and_then(|key| look.state.board.sessions.get(key));
            if board.is_some() {
                actions.push(hint(Action::Open));
            }
            act_on(&mut actions, board.is_some(), board.is_some_and(crate::app::board::SessionBoard::is_active));
        }
        Screen::Preferences => {
            actions.push((Action::Down, "down"));
            if view.preferences.selected.is_some() {
                actions.push((Action::Open, "rule"));
            }
        }
        Screen::Acts => actions.push(hint(Action::Open)),
        Screen::Scopes => actions.push((Action::Down, "down")),
    }
    if view.screen != Screen::Sessions {
        actions.push((Action::NextPane, "next screen"));
        if view.screen != Screen::History || view.table.filter.is_empty() {
            actions.push((Action::Back, "sessions"));
        }
    }
    actions.extend([hint(Action::Refresh), hint(Action::NextTheme), hint(Action::Help), hint(Action::Quit)]);
    actions
}

fn hints(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let key_of = |action: Action| look.state.setup.keymap.first_key(action);
    let one = |action: Action, hint: &str| -> Option<Pieces<'static>> {
        let key = key_of(action)?;
        let style = match action {
            Action::Terminate => theme.danger,
            _ => theme.accent,
        };
        Some(vec![
            piece(format!(" {key}"), style.add_modifier(Modifier::BOLD)),
            piece(format!(" {hint} "), theme.muted),
        ])
    };
    // Help and quit keep their place; of the others as many as fit.
    let actions = actions(look);
    let (always, others): (Vec<_>, Vec<_>) =
        actions.into_iter().partition(|(action, _)| matches!(action, Action::Help | Action::Quit));
    let always: Pieces<'_> = always.into_iter().filter_map(|(action, hint)| one(action, hint)).flatten().collect();
    let right = put_right(buffer, area, &always, look.glyphs.ellipsis);
    let room = area.width.saturating_sub(right + 1);
    let mut x = 0;
    for line in others.into_iter().filter_map(|(action, hint)| one(action, hint)) {
        let wide = u16::try_from(line_width(&line)).unwrap_or(u16::MAX);
        if x + wide > room {
            break;
        }
        x += put_line(buffer, (area.x + x, area.y), wide, &line, look.glyphs.ellipsis);
    }
}
