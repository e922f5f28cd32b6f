//! The wall, for who stands four meters away: all well, where to look, or what cannot be seen. One file a part.

mod counters;
mod letters;
mod rows;
pub(super) mod strip;
mod takeover;
mod ticker;
mod trend;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    banner, header,
    look::Look,
    text::{self, piece},
    transcript,
};
use crate::app::{action::Action, wall::Wall, wall_layout::WallAreas};

/// How all of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Nothing to do.
    Calm,
    /// Something is to be looked at.
    Look,
    /// Something cannot be seen.
    Blind,
}

/// Draws the wall.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, areas: &WallAreas, wall: &Wall) {
    let mood = mood(look);
    frame(look, buffer, areas.frame, mood);
    bar(look, buffer, areas.bar);
    banner::draw(look, buffer, areas.banner);
    counters::draw(look, buffer, areas.counters, wall, mood);
    counters::draw_age(look, buffer, areas.age, mood);
    strip::draw(look, buffer, areas.strip, wall);
    trend::draw(look, buffer, areas.trend);
    ticker::draw(look, buffer, areas.ticker);
    match (areas.takeover, wall.alarms.first()) {
        (Some(area), Some(alarm)) => takeover::draw(look, buffer, area, alarm, wall.alarms.len() - 1),
        _ => rows::draw(look, buffer, areas.rows, wall),
    }
    for (index, area) in areas.panes.iter().enumerate() {
        match wall.shown.get(index) {
            Some(session) => transcript::draw_on_wall(look, buffer, *area, session),
            None => {
                let inner = look.pane(buffer, *area, &[piece("Transcript", look.theme.title)], &[], false);
                look.centered(buffer, inner, &[(no_transcript(look).to_owned(), look.theme.muted)]);
            }
        }
    }
    foot(look, buffer, areas.frame, (wall, mood));
}

fn no_transcript(look: &Look<'_>) -> &'static str {
    let counts = &look.state.counts;
    match (counts.active, counts.loading) {
        (0, 1..) => "asking every account and region",
        (0, 0) if header::unseen(counts) > 0 => "no session that can be seen",
        (0, 0) => "no session is active",
        _ => "no other session",
    }
}

/// What the header says. As long as nothing was read that is said first: what is stored of yesterday says nothing of today.
fn words(look: &Look<'_>) -> Vec<header::Word> {
    let counts = &look.state.counts;
    let mut words = header::words(look);
    if counts.scopes > 0 && counts.never_read == counts.scopes {
        words.retain(|word| word.word != "LOADING");
        match words.iter().position(|word| word.word == "BLIND" && header::unseen(counts) == counts.scopes) {
            Some(at) => words.get_mut(..=at).unwrap_or_default().rotate_right(1),
            None => {
                let reasons = vec![
                    format!("0/{}", counts.scopes),
                    format!("0/{}", text::counted(counts.scopes, "scope", "scopes")),
                    format!("0 of {}", text::counted(counts.scopes, "scope", "scopes")),
                ];
                let (style, glyph) = (look.theme.header_blind, look.glyphs.blind);
                words.insert(0, header::Word { word: "NOTHING READ YET", reasons, style, glyph });
            }
        }
    }
    words
}

/// What the header says decides, so that wall and desk never disagree.
fn mood(look: &Look<'_>) -> Mood {
    let words = words(look);
    if words.iter().any(|word| word.style == look.theme.header_blind && word.word != "LOOK") {
        Mood::Blind
    } else if words.iter().any(|word| word.word == "LOOK") {
        Mood::Look
    } else {
        Mood::Calm
    }
}

/// The frame around all of it: thin, double, or solid; in the color of the mood.
fn frame(look: &Look<'_>, buffer: &mut Buffer, area: Rect, mood: Mood) {
    let ascii = look.state.setup.ascii;
    let theme = look.theme;
    let (top, side, corner, style) = match (mood, ascii) {
        (Mood::Calm, false) => ("─", "│", ["┌", "┐", "└", "┘"], theme.border),
        (Mood::Calm, true) => ("-", "|", ["+"; 4], theme.border),
        (Mood::Look, false) => ("═", "║", ["╔", "╗", "╚", "╝"], theme.header_look),
        (Mood::Look, true) => ("=", "=", ["="; 4], theme.header_look),
        (Mood::Blind, false) => ("▓", "▓", ["▓"; 4], theme.header_blind),
        (Mood::Blind, true) => ("X", "X", ["X"; 4], theme.header_blind),
    };
    let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
    let mut put = |x: u16, y: u16, symbol: &str| {
        if let Some(cell) = buffer.cell_mut((x, y)) {
            cell.set_symbol(symbol).set_style(style);
        }
    };
    for x in area.x..=right {
        put(x, area.y, top);
        put(x, bottom, top);
    }
    for y in area.y..=bottom {
        put(area.x, y, side);
        put(right, y, side);
    }
    let [upper_left, upper_right, lower_left, lower_right] = corner;
    put(area.x, area.y, upper_left);
    put(right, area.y, upper_right);
    put(area.x, bottom, lower_left);
    put(right, bottom, lower_right);
}

/// The words of the moment: big where they fit.
fn bar(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let words = words(look);
    let ascii = look.state.setup.ascii;
    let [first, ..] = words.as_slice() else { return };
    if area.height < 3 {
        return header::bar_of(look, buffer, Rect { height: area.height.min(1), ..area }, (&words, &Vec::new()));
    }
    // Each word has its share; each as large, and with as long a reason, as all of them can be.
    let count = u16::try_from(words.len()).unwrap_or(1).max(1);
    let share = area.width / count;
    buffer.set_style(area, first.style);
    for (index, word) in words.iter().enumerate() {
        let x = area.x + share * u16::try_from(index).unwrap_or(0);
        let wide = if index + 1 == words.len() { area.right() - x } else { share };
        let part = Rect { x, width: wide, ..area };
        buffer.set_style(part, word.style);
        // The reason counts where it can be read as large as that; the number at least.
        let blind = word.word == "BLIND";
        let mut said: Vec<String> = word
            .reasons
            .iter()
            .rev()
            .filter(|reason| !reason.is_empty())
            .map(|reason| format!("{} {reason}", if blind { "CANNOT SEE" } else { word.word }))
            .collect();
        if blind {
            said = word
                .reasons
                .iter()
                .rev()
                .filter(|reason| !reason.is_empty())
                .map(|reason| {
                    let reason = reason.replace(" cannot be read", "");
                    format!("CANNOT SEE {reason}")
                })
                .collect();
        }
        // The number stays as long as anything does.
        let least = word.reasons.iter().find(|reason| !reason.is_empty());
        said.extend(least.map(|least| format!("{} {least}", word.word)));
        said.push(word.word.to_owned());
        let room = (wide.saturating_sub(2), area.height);
        let fits = said.iter().find_map(|text| letters::scale(text, room).map(|scale| (text, scale)));
        // In as many words as fit, where letters are small.
        let small = || {
            let mut ranks = (0..word.reasons.len()).rev().map(|rank| word.said(rank));
            ranks.find(|said| text::width(said) <= usize::from(wide)).unwrap_or_else(|| word.said(0))
        };
        let Some((text, scale)) = fits else {
            text::put(buffer, (x, area.y + area.height / 2), wide, &small(), word.style, look.glyphs.ellipsis);
            continue;
        };
        // A number without what it counts says too little: that stands beside it, or all of it is said in small letters.
        let bare = least.filter(|least| text.ends_with(least.as_str()) && !least.contains(char::is_alphabetic));
        let units: Vec<&str> = bare.map_or(Vec::new(), |bare| {
            let longer = word.reasons.iter().rev().filter_map(|reason| reason.strip_prefix(bare.as_str()));
            longer.map(str::trim_start).filter(|unit| !unit.is_empty()).collect()
        });
        let taken = scale.size(text).0 + 2;
        let beside = room.0.saturating_sub(taken);
        // Parts of a whole are parts of the scopes.
        let of_scopes = bare.filter(|bare| bare.contains('/')).map(|_| "scopes");
        let unit = units.iter().copied().chain(of_scopes).find(|unit| text::width(unit) <= usize::from(beside));
        if unit.is_none() && !units.is_empty() && text::width(&small()) <= usize::from(wide) {
            text::put(buffer, (x, area.y + area.height / 2), wide, &small(), word.style, look.glyphs.ellipsis);
            continue;
        }
        letters::draw(buffer, Rect { x: x + 1, width: room.0, ..part }, text, (scale, ascii), word.style);
        if let Some(unit) = unit {
            let style = word.style.add_modifier(Modifier::BOLD);
            let place = (x + 1 + taken, area.y + area.height / 2);
            text::put(buffer, place, beside, unit, style, look.glyphs.ellipsis);
        }
    }
}

/// A notice, or the keys while somebody is there, in the lower line of the frame.
fn foot(look: &Look<'_>, buffer: &mut Buffer, area: Rect, (wall, mood): (&Wall, Mood)) {
    let y = area.bottom().saturating_sub(1);
    let theme = look.theme;
    // On a colored frame words are in the frame's own colors: those of the theme's other roles are made for its background.
    let on_frame = |calm: Style| match mood {
        Mood::Calm => calm,
        Mood::Look => theme.header_look,
        Mood::Blind => theme.header_blind,
    };
    if let Some(notice) = &look.state.view.notice {
        let style = on_frame(if notice.bad { theme.danger } else { theme.ok }).add_modifier(Modifier::BOLD);
        return look.on_frame(buffer, area, y, &[piece(look.clean(&notice.text), style)], &[]);
    }
    if !wall.shows_keys(look.state.now) {
        return;
    }
    let mask = if look.state.is_masked() { "unmask" } else { "mask" };
    let keys = [
        (Action::Wall, "desk"),
        (Action::Mask, mask),
        (Action::Acknowledge, "acknowledge"),
        (Action::Down, "next"),
        (Action::Help, "help"),
    ];
    let mut line = Vec::new();
    for (action, words) in keys {
        let Some(key) = look.state.setup.keymap.first_key(action) else { continue };
        line.push(piece(format!("{key} {words}  "), on_frame(theme.muted)));
    }
    look.on_frame(buffer, area, y, &line, &[]);
}

/// Big where there is room and the text allows it, else in one line.
fn headline(look: &Look<'_>, buffer: &mut Buffer, area: Rect, text: &str, style: Style) -> u16 {
    let ascii = look.state.setup.ascii;
    match letters::scale(text, (area.width, area.height)) {
        Some(scale) => {
            letters::draw(buffer, area, text, (scale, ascii), style);
            scale.size(text).1
        }
        None => {
            text::put(
                buffer,
                (area.x, area.y),
                area.width,
                text,
                style.add_modifier(Modifier::BOLD),
                look.glyphs.ellipsis,
            );
            1
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
