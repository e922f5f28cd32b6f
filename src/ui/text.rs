//! Text on the screen: cleaned, measured in cells, cut between graphemes.

use std::borrow::Cow;

use jiff::SignedDuration;
use ratatui::{
    buffer::{Buffer, CellWidth},
    layout::Rect,
    style::Style,
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// A piece of text in one style. Hostile text goes through `Look::clean` before it becomes one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) style: Style,
}

/// The place of that size in the middle of an area.
pub(super) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (left, top) = (area.width.saturating_sub(width) / 2, area.height.saturating_sub(height) / 2);
    Rect::new(area.x + left, area.y + top, width, height)
}

/// A piece of that text in that style.
pub(super) fn piece<'a>(text: impl Into<Cow<'a, str>>, style: Style) -> Piece<'a> {
    Piece { text: text.into(), style }
}

/// One line of pieces.
pub(super) type Pieces<'a> = Vec<Piece<'a>>;

/// Cells that a cleaned text takes.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    clusters(text).map(|(_, cluster)| cluster_width(cluster)).sum()
}

/// What stands in a cell, or in two: graphemes, and where their place is. Scripts that join letters make graphemes of any
/// width (`क्ष्म्य`, or one letter and a thousand vowel signs), or of fewer cells than their characters take where a terminal
/// counts those (`ក្ក`); they are taken apart, so that no text is drawn as a whole or not at all, and nothing behind it is
/// moved. The bytes are the same.
fn clusters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let whole = |text: &str| {
        let characters = || -> usize { text.chars().filter_map(UnicodeWidthChar::width).sum() };
        text.len() == 1 || matches!(cluster_width(text), cells @ 0..=2 if cells == 0 || cells == characters())
    };
    text.grapheme_indices(true).flat_map(move |(at, grapheme)| {
        let mut rest = grapheme;
        std::iter::from_fn(move || {
            let end = if whole(rest) { rest.len() } else { first_cell(rest) };
            let (cluster, after) = rest.split_at_checked(end).filter(|(cluster, _)| !cluster.is_empty())?;
            let place = at + grapheme.len() - rest.len();
            rest = after;
            Some((place, cluster))
        })
    })
}

/// Bytes of the first character, and of those on it that take no cell.
fn first_cell(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    characters.find(|(_, c)| c.width().is_some_and(|cells| cells > 0)).map_or(text.len(), |(at, _)| at)
}

/// Cells of one cluster, as the buffer counts them: what holds a control character is not drawn.
fn cluster_width(cluster: &str) -> usize {
    if cluster.contains(char::is_control) { 0 } else { usize::from(cluster.cell_width()) }
}

/// Writes what fits of a text into `cells` cells; the column after it.
fn write(buffer: &mut Buffer, (x, y): (u16, u16), cells: usize, text: &str, style: Style) -> u16 {
    if text.is_ascii() {
        return buffer.set_stringn(x, y, text, cells, style).0;
    }
    let mut at = x;
    for (_, cluster) in clusters(text) {
        let room = cells.saturating_sub(usize::from(at - x));
        if cluster_width(cluster) > room {
            break;
        }
        at = buffer.set_stringn(at, y, cluster, room, style).0;
    }
    at
}

/// Cells that a line takes.
pub(super) fn line_width(line: &[Piece<'_>]) -> usize {
    line.iter().map(|piece| width(&piece.text)).sum()
}

/// The longest beginning of a text that fits into `cells`, and the cells that it takes.
pub(super) fn head(text: &str, cells: usize) -> (&str, usize) {
    if text.is_ascii() {
        let end = text.len().min(cells);
        return (text.get(..end).unwrap_or(text), end);
    }
    let mut taken = 0;
    for (at, cluster) in clusters(text) {
        let wide = cluster_width(cluster);
        if taken + wide > cells {
            return (text.get(..at).unwrap_or_default(), taken);
        }
        taken += wide;
    }
    (text, taken)
}

/// What is left of a text after its first `cells` cells. A wide character that the cut would halve goes with the head.
pub(super) fn tail(text: &str, cells: usize) -> &str {
    let (before, taken) = head(text, cells);
    let rest = text.get(before.len()..).unwrap_or_default();
    if taken < cells {
        let first = clusters(rest).next().map_or(0, |(_, cluster)| cluster.len());
        return rest.get(first..).unwrap_or_default();
    }
    rest
}

/// The text, or its beginning and an ellipsis, in at most `cells` cells.
pub(super) fn fit<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    match cells.checked_sub(width(ellipsis)) {
        None | Some(0) => Cow::Borrowed(head(text, cells).0),
        Some(room) => Cow::Owned(format!("{}{ellipsis}", head(text, room).0.trim_end())),
    }
}

/// The text, or its beginning and its end with an ellipsis between them, in at most `cells` cells.
pub(super) fn fit_middle<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    let all = width(text);
    let room = cells.saturating_sub(width(ellipsis));
    if all <= cells || room < 4 {
        return fit(text, cells, ellipsis);
    }
    let before = head(text, room.div_ceil(2)).0;
    let after = tail(text, all - room / 2);
    Cow::Owned(format!("{before}{ellipsis}{after}"))
}

/// Breaks a text into lines of at most `cells` cells: between words where that is possible. Never empty.
pub(super) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut taken = 0;
    for word in text.split_inclusive(' ') {
        let bare = width(word.trim_end());
        if taken > 0 && taken + bare > cells {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            taken = 0;
        }
        if bare <= cells {
            line.push_str(word);
            taken += width(word);
            continue;
        }
        for (_, cluster) in clusters(word) {
            let wide = cluster_width(cluster);
            if taken > 0 && taken + wide > cells {
                lines.push(std::mem::take(&mut line));
                taken = 0;
            }
            line.push_str(cluster);
            taken += wide;
        }
    }
    if !line.trim_end().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Writes a text into one line of at most `cells` cells, with an ellipsis where it does not fit. The cells that it took.
pub(super) fn put(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    cells: u16,
    text: &str,
    style: Style,
    ellipsis: &str,
) -> u16 {
    let area = buffer.area;
    if !(area.top()..area.bottom()).contains(&y) || !(area.left()..area.right()).contains(&x) {
        return 0;
    }
    let cells = cells.min(area.right() - x);
    if width(text) <= usize::from(cells) {
        return write(buffer, (x, y), usize::from(cells), text, style) - x;
    }
    let room = usize::from(cells).saturating_sub(width(ellipsis));
    if room == 0 {
        return write(buffer, (x, y), usize::from(cells), text, style) - x;
    }
    let after = write(buffer, (x, y), room, head(text, room).0, style);
    if after >= area.right() {
        return after - x;
    }
    buffer.set_stringn(after, y, ellipsis, usize::from(x + cells - after), style).0 - x
}

/// Writes a line of pieces; where they do not fit, the last visible one ends in an ellipsis. The cells that it took.
pub(super) fn put_line(buffer: &mut Buffer, (x, y): (u16, u16), cells: u16, line: &[Piece<'_>], ellipsis: &str) -> u16 {
    let mut taken = 0;
    for (index, part) in line.iter().enumerate() {
        let room = cells.saturating_sub(taken);
        if room == 0 {
            break;
        }
        let wide = width(&part.text);
        // The piece fits by itself, but what follows needs a cell for the ellipsis.
        let rest = line.iter().skip(index + 1).any(|piece| !piece.text.is_empty());
        if rest && wide == usize::from(room) {
            let cut = fit(&part.text, usize::from(room).saturating_sub(width(ellipsis)), "");
            taken += put(buffer, (x + taken, y), room, &cut, part.style, ellipsis);
            taken += put(buffer, (x + taken, y), cells.saturating_sub(taken), ellipsis, part.style, ellipsis);
            break;
        }
        if wide > usize::from(room) && taken > 0 && usize::from(room) == width(ellipsis) {
            // The first character of what does not fit would read as the end of what does.
            taken += put(buffer, (x + taken, y), room, ellipsis, part.style, ellipsis);
            break;
        }
        taken += put(buffer, (x + taken, y), room, &part.text, part.style, ellipsis);
        if wide > usize::from(room) {
            break;
        }
    }
    taken
}

/// Writes a line so that it ends at the right edge of `area`'s first line. The cells that it took.
pub(super) fn put_right(buffer: &mut Buffer, area: Rect, line: &[Piece<'_>], ellipsis: &str) -> u16 {
    let wide = u16::try_from(line_width(line)).unwrap_or(u16::MAX).min(area.width);
    put_line(buffer, (area.right() - wide, area.y), wide, line, ellipsis)
}

/// Empties an area for something that lies on top. A wide character that reached into it goes whole.
pub(super) fn clear(buffer: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buffer.area);
    for y in area.top()..area.bottom() {
        if area.x > buffer.area.left()
            && let Some(before) = buffer.cell_mut((area.x - 1, y))
            && width(before.symbol()) > 1
        {
            before.set_symbol(" ");
        }
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }
}

/// An age in one glance, at most six cells wide below a hundred days: `59s`, `12m`, `3h05m`, `2d04h`.
pub(super) fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A length of time in words that stand in a sentence: `45 s`, `12 min`, `3 h 5 min`.
pub(super) fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ if seconds % 3600 < 60 => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `1 scope`, `2 scopes`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_cells_and_never_inside_a_grapheme() {
        assert_eq!(fit("payments-prod", 8, "…"), "payment…");
        assert_eq!(fit("payments", 8, "…"), "payments");
        assert_eq!(fit("漢字漢字", 5, "…"), "漢字…");
        assert_eq!(fit("漢字漢字", 4, "…"), "漢…");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2, "…"), "e\u{301}…");
        assert_eq!(fit("abc", 1, "…"), "a");
        assert_eq!(fit("abc", 0, "…"), "");
        assert_eq!(fit_middle("payments-web-1", 9, "…"), "paym…eb-1");
        assert_eq!(fit_middle("payments", 9, "…"), "payments");
        assert_eq!(fit_middle("漢字漢字漢字", 9, "…"), "漢字…漢字");
        assert_eq!(tail("漢字ab", 2), "字ab");
        assert_eq!(tail("漢字ab", 3), "ab");
    }

    #[test]
    fn letters_that_are_joined_take_a_cell_each() {
        assert_eq!(fit("क्ष्म्यa", 3, "…"), "क्ष्…");
        assert_eq!(tail("क्ष्म्यa", 2), "म्यa");
        assert_eq!(width("ក្កa"), 3);
        let long = format!("क{}; rm", "ा".repeat(100));
        assert_eq!(width(&long), 105);
        assert_eq!(tail(&long, 101), "; rm");
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        assert_eq!(put(&mut buffer, (0, 0), 6, &long, Style::default(), "…"), 6);
        let cells: Vec<&str> = buffer.content().iter().map(|cell| cell.symbol()).collect();
        assert_eq!(cells, ["क", "ा", "ा", "ाा", " ", "…"]);
    }

    #[test]
    fn lines_break_between_words_and_only_then_inside_them() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("arn:aws:iam::1 x", 8), ["arn:aws:", "iam::1 x"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("漢字漢", 4), ["漢字", "漢"]);
        assert_eq!(wrap("漢", 1), ["漢"]);
    }

    #[test]
    fn a_line_of_pieces_says_that_it_was_cut() {
        let style = Style::default();
        let text = |cells: u16| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
            put_line(&mut buffer, (0, 0), cells, &[piece("abc", style), piece("def", style)], "…");
            buffer.content().iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned()
        };
        assert_eq!(text(6), "abcdef");
        assert_eq!(text(5), "abcd…");
        assert_eq!(text(4), "abc…");
        assert_eq!(text(3), "ab…");
        assert_eq!(text(1), "a");
    }

    #[test]
    fn ages_are_short() {
        let cases = [(-5, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (11_100, "3h05m"), (187_200, "2d04h")];
        for (seconds, words) in cases {
            assert_eq!(age(SignedDuration::from_secs(seconds)), words);
        }
        assert_eq!(span(SignedDuration::from_secs(3_900)), "1 h 5 min");
    }
}
