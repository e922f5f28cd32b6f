//! Draws the palette: what is typed, and what it may mean.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    look::Look,
    text::{self, Pieces, line_width, piece, put_line, put_right},
};
use crate::app::{
    palette::{Candidate, Kind, Palette, Target},
    works::off_now,
};

/// Cells of the words for kinds.
const KINDS: usize = 8;
/// Names are cut to this, so that what else there is to say has room.
const NAMES: usize = 34;

/// Draws it; where the cursor stands.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, palette: &Palette) -> Option<Position> {
    let theme = look.theme;
    let place = Palette::area(area.width, area.height).intersection(area);
    text::clear(buffer, place, theme.base);
    let title = [piece(if palette.filters_only { "Saved filters" } else { "Go to, or do" }, theme.title)];
    let count = match palette.count() {
        0 => Vec::new(),
        count if count > palette.listed() => {
            vec![piece(format!("the first {} of {count}", palette.listed()), theme.muted)]
        }
        count => vec![piece(format!("{count} found"), theme.muted)],
    };
    let inner = look.pane(buffer, place, &title, &count, true);
    look.on_frame(buffer, place, place.bottom().saturating_sub(1), &[], &keys(look));
    if inner.width < 4 || inner.height == 0 {
        return None;
    }
    let inner = Rect { x: inner.x + 1, width: inner.width - 2, ..inner };
    let cursor = draw_query(look, buffer, Rect { height: 1, ..inner }, palette);
    let list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    if palette.count() == 0 {
        look.centered(buffer, list, &nothing(look, palette));
        return Some(cursor);
    }
    let rows = usize::from(list.height);
    for ((candidate, selected), y) in palette.visible(rows).zip(list.top()..list.bottom()) {
        draw_row(look, buffer, Rect::new(list.x, y, list.width, 1), (palette, candidate, selected));
    }
    Some(cursor)
}

/// What is typed; its end stays in sight, and with it the cursor.
fn draw_query(look: &Look<'_>, buffer: &mut Buffer, area: Rect, palette: &Palette) -> Position {
    let theme = look.theme;
    let prompt = if look.state.setup.ascii { "> " } else { "› " };
    let lead = put_line(buffer, (area.x, area.y), area.width, &[piece(prompt, theme.accent)], "");
    let room = usize::from(area.width.saturating_sub(lead + 1));
    let before: String = palette.query.chars().take(palette.cursor).collect();
    let before = look.clean(&before).into_owned();
    let after: String = palette.query.chars().skip(palette.cursor).collect();
    let after = look.clean(&after).into_owned();
    let shown = text::tail(&before, text::width(&before).saturating_sub(room));
    let x = area.x + lead;
    let taken = put_line(buffer, (x, area.y), area.width - lead, &[piece(shown, theme.text)], "");
    let left = area.width.saturating_sub(lead + taken);
    put_line(buffer, (x + taken, area.y), left, &[piece(after, theme.text)], look.glyphs.ellipsis);
    if palette.query.is_empty() {
        let words: Vec<String> = match palette.filters_only {
            true => vec!["the name of a filter, or what it says".to_owned()],
            false => Kind::SIGNS.iter().map(|(sign, what)| format!("{sign} {what}")).collect(),
        };
        let words = [piece(format!("  {}", words.join("   ")), theme.muted)];
        if line_width(&words) < usize::from(left) {
            put_line(buffer, (x, area.y), left, &words, look.glyphs.ellipsis);
        }
    }
    Position::new((x + taken).min(area.right().saturating_sub(1)), area.y)
}

fn draw_row(
    look: &Look<'_>,
    buffer: &mut Buffer,
    area: Rect,
    (palette, candidate, selected): (&Palette, &Candidate, bool),
) {
    let theme = look.theme;
    let (keys, off) = match candidate.target {
        Target::Action(action) => (look.state.setup.keymap.keys(action).join(" "), off_now(look.state, action)),
        Target::Theme(ref name) => {
            let in_force = look.state.themes.get(palette.theme_before) == Some(name);
            (if in_force { "in force".to_owned() } else { String::new() }, None)
        }
        _ => (String::new(), None),
    };
    let right = match off {
        Some(why) => vec![piece(why, theme.muted)],
        None => vec![piece(keys, theme.accent.add_modifier(Modifier::BOLD))],
    };
    let mark = if selected { look.glyphs.selected } else { " " };
    let kind = format!("{mark} {:KINDS$}", candidate.kind.word());
    let kept = put_right(buffer, area, &right, look.glyphs.ellipsis).min(area.width);
    let room = area.width.saturating_sub(kept + u16::from(kept > 0) * 2);
    let lead = put_line(buffer, (area.x, area.y), room, &[piece(kind, theme.muted)], look.glyphs.ellipsis);
    let x = area.x + lead;
    let room = room.saturating_sub(lead);
    let letters = palette.letters(candidate);
    let name_style = if off.is_some() { theme.muted } else { theme.text };
    let name_length = candidate.name.graphemes(true).count();
    let name = lettered(&look.clean(&candidate.name), &letters, 0, (name_style, theme.match_));
    let wide = u16::try_from(line_width(&name).min(NAMES)).unwrap_or(u16::MAX).min(room);
    let taken = put_line(buffer, (x, area.y), wide, &name, look.glyphs.ellipsis);
    let gap = u16::try_from(22_usize.saturating_sub(usize::from(taken)).max(2)).unwrap_or(2);
    let more = lettered(&look.clean(&candidate.more), &letters, name_length + 1, (theme.muted, theme.match_));
    let left = room.saturating_sub(taken + gap);
    if left > 3 {
        put_line(buffer, (x + taken + gap, area.y), left, &more, look.glyphs.ellipsis);
    }
    if selected {
        buffer.set_style(area.intersection(buffer.area), theme.selection);
    }
}

/// A text in which some graphemes, counted from `from` on, stand out.
fn lettered(words: &str, letters: &[usize], from: usize, (plain, found): (Style, Style)) -> Pieces<'static> {
    let mut pieces: Vec<(String, bool)> = Vec::new();
    for (index, grapheme) in words.graphemes(true).enumerate() {
        let is_letter = letters.binary_search(&(index + from)).is_ok();
        match pieces.last_mut() {
            Some((text, same)) if *same == is_letter => text.push_str(grapheme),
            _ => pieces.push((grapheme.to_owned(), is_letter)),
        }
    }
    pieces.into_iter().map(|(text, is_letter)| piece(text, if is_letter { found } else { plain })).collect()
}

/// Why nothing is listed, and what to do.
fn nothing(look: &Look<'_>, palette: &Palette) -> Vec<(String, Style)> {
    let theme = look.theme;
    if palette.is_empty() && palette.filters_only {
        return vec![
            ("no filter is saved".to_owned(), theme.text),
            (String::new(), theme.text),
            ("write one into the config:".to_owned(), theme.muted),
            ("[[filters]]".to_owned(), theme.accent),
            ("name = \"interactive in production\"".to_owned(), theme.accent),
            ("filter = \"account:payments-prod\"".to_owned(), theme.accent),
        ];
    }
    let query = text::fit(&look.clean(&palette.query), 40, look.glyphs.ellipsis).into_owned();
    vec![
        (format!("nothing is called \"{query}\""), theme.text),
        ("letters may be left out, but not in another order".to_owned(), theme.muted),
    ]
}

fn keys(look: &Look<'_>) -> Pieces<'static> {
    let theme = look.theme;
    let key = |word: &'static str| piece(word, theme.accent.add_modifier(Modifier::BOLD));
    let word = |word: &'static str| piece(word, theme.muted);
    vec![key("Enter"), word(" does it  "), key("Up Down"), word(" choose  "), key("Esc"), word(" closes")]
}
