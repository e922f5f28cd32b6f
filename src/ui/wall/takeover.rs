//! Something CRITICAL has the screen until somebody has seen it.

use jiff::SignedDuration;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{headline, letters};
use crate::{
    app::{action::Action, wall::Alarm},
    ui::{look::Look, text},
};

/// Draws what, who and where, since when; and how to end it.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, alarm: &Alarm, more: usize) {
    let (state, theme) = (look.state, look.theme);
    let loud = theme.header_look;
    text::clear(buffer, area, loud);
    let inner = Rect {
        x: area.x + 2.min(area.width),
        width: area.width.saturating_sub(4),
        y: area.y + u16::from(area.height > 8),
        height: area.height.saturating_sub(u16::from(area.height > 8)),
    };
    let since = state.now.duration_since(alarm.since).max(SignedDuration::ZERO);
    let key = state.setup.keymap.first_key(Action::Acknowledge).unwrap_or_default();
    let board = alarm.subject.session().and_then(|key| state.board.sessions.get(key));
    let owner = if alarm.owner.is_empty() { None } else { Some(look.owner(&alarm.owner)) };
    let node = board.map(|board| look.node_name(board).unwrap_or_else(|| look.node_id(board).into()).into_owned());
    let title = look.clean(&alarm.title).into_owned();
    let mut facts: Vec<String> = Vec::new();
    let mut who: Vec<String> = owner.into_iter().collect();
    if let Some(node) = node {
        who.push(format!("on {node}"));
    }
    if !who.is_empty() {
        facts.push(who.join(" "));
    }
    facts.extend(look.place_of(&alarm.subject));
    facts.push(format!(
        "{}  since {}, {} ago",
        look.clean(alarm.rule.as_str()),
        look.clock(alarm.since),
        text::span(since)
    ));
    let ends = match alarm.is_alert {
        true => format!("{key} acknowledges it"),
        false => format!("{key}: seen. It is no alert, and goes when its cause does"),
    };
    let others = match more {
        0 => ends,
        _ => format!("{more} more CRITICAL    {ends}"),
    };
    let mut y = inner.y;
    // Answers where the next line is.
    let line = |buffer: &mut Buffer, y: u16, words: &str, high: u16, style: Style| -> u16 {
        let room = inner.bottom().saturating_sub(y);
        if room == 0 {
            return y;
        }
        let place = Rect { y, height: high.clamp(1, room), ..inner };
        y + headline(look, buffer, place, words, style) + u16::from(high > 1 && room > 12)
    };
    // Half for the word, half for what it is, where who and where leave room for big letters.
    let bold = loud.add_modifier(Modifier::BOLD);
    let spare = inner.height.saturating_sub(u16::try_from(facts.len()).unwrap_or(0) + 2);
    let (word, what) = match spare {
        24.. => (spare / 3, spare / 3),
        8..24 => (spare / 2, spare / 2 - 1),
        6..8 => (3, 3),
        3..6 => (3, 1),
        _ => (spare.saturating_sub(1), 1),
    };
    // A long title goes on in the next line; the word gets small before the title is no big text any more.
    let wraps = |high: u16| letters::wrapped(&title, (inner.width, high));
    let (word, what) = if spare > 8 && wraps(what).is_none() && wraps(spare - 4).is_some() {
        (3, spare - 4)
    } else {
        (word, what.max(1))
    };
    y = line(buffer, y, "CRITICAL", word.max(1), bold);
    let (scale, words) = match wraps(what) {
        Some((scale, words)) => (Some(scale), words),
        None => (None, text::wrap(&title, usize::from(inner.width))),
    };
    let step = scale.map_or(1, letters::Scale::step);
    for (index, part) in words.iter().enumerate().take(usize::from(what)) {
        if y >= inner.bottom() {
            break;
        }
        let last = index + 1 == usize::from(what);
        let rest = if last { words.get(index..).unwrap_or_default().join(" ") } else { part.clone() };
        let high = scale.map_or(1, |scale| scale.size(part).1);
        let place = Rect { y, height: high.min(inner.bottom().saturating_sub(y)), ..inner };
        match scale {
            Some(scale) => {
                letters::draw(buffer, place, part, (scale, state.setup.ascii), bold);
            }
            None => {
                text::put(buffer, (place.x, y), place.width, &rest, bold, look.glyphs.ellipsis);
            }
        }
        y += step;
    }
    y += u16::from(scale.is_some() && inner.bottom().saturating_sub(y) > 12);
    let each = if spare >= 24 { 3 } else { 1 };
    for fact in &facts {
        y = line(buffer, y, fact, each, bold);
    }
    line(buffer, y, &others, 1, bold);
}
