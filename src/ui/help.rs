//! Help: the table of actions with the keys that are bound now, and what the signs mean.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    detail::Sheet,
    look::Look,
    text::{self, Pieces, line_width, piece},
};
use crate::{
    app::{
        action::{ACTIONS, Action, Group},
        state::Store,
    },
    domain::{Severity, Verdict},
};

/// Cells of the names of keys.
const KEYS: usize = 14;

/// Draws the help over the whole screen, from its line `top` on; how far it can be scrolled.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, top: usize) -> usize {
    let theme = look.theme;
    let (mut left, right) = (keys(look, usize::MAX), signs(look));
    let widest = |lines: &[Pieces<'_>]| lines.iter().map(|line| line_width(line)).max().unwrap_or(0);
    let (left_width, right_width) = (widest(&left), widest(&right));
    let beside = usize::from(area.width) >= left_width + right_width + 8;
    if !beside {
        // What does not fit into a line goes on below it.
        left = keys(look, usize::from(area.width.saturating_sub(4)));
    }
    let left_width = widest(&left);
    let (lines, wanted_width) = if beside {
        (left.len().max(right.len()), left_width + right_width + 8)
    } else {
        (left.len() + 1 + right.len(), left_width.max(right_width) + 4)
    };
    let width = u16::try_from(wanted_width).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).min(area.height);
    let place = Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height);
    text::clear(buffer, place, theme.base);
    let title = [piece("Help", theme.title)];
    let state = [piece("any other key closes", theme.muted)];
    let inner = look.pane(buffer, place, &title, &state, true);
    if inner.width < 3 || inner.height == 0 {
        return 0;
    }
    let visible = usize::from(inner.height);
    let last = lines.saturating_sub(visible);
    let top = top.min(last);
    let inner = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    if beside {
        let [first, second] = [left_width, right_width].map(|width| u16::try_from(width).unwrap_or(u16::MAX));
        look.lines(buffer, Rect { width: first, ..inner }, left.get(top..).unwrap_or_default());
        let second = Rect::new(inner.right().saturating_sub(second), inner.y, second, inner.height);
        look.lines(buffer, second, right.get(top..).unwrap_or_default());
    } else {
        let all: Vec<Pieces<'_>> = left.into_iter().chain([Vec::new()]).chain(right).collect();
        look.lines(buffer, inner, all.get(top..).unwrap_or_default());
    }
    let position = look.position(top, visible, lines);
    look.on_frame(buffer, place, place.bottom() - 1, &[], &position);
    last
}

/// The actions with their keys, in lines of at most `cells`.
fn keys(look: &Look<'_>, cells: usize) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    for (group, title) in
        [(Group::Move, "Move"), (Group::Look, "Look"), (Group::Act, "Act"), (Group::Program, "Screens and program")]
    {
        sheet.gap();
        sheet.line(vec![piece(title, theme.title)]);
        for info in ACTIONS.iter().filter(|info| info.group == group) {
            let keys = look.state.setup.keymap.keys(info.action).join(" ");
            let (keys, style) =
                if keys.is_empty() { ("not bound".to_owned(), theme.muted) } else { (keys, theme.accent) };
            let off = off(look, info.action);
            let what = match off {
                Some(word) => format!("{} ({word})", info.what),
                None => info.what.to_owned(),
            };
            let off = off.is_some();
            let lead = vec![piece(format!("{keys:KEYS$} "), style.add_modifier(Modifier::BOLD))];
            sheet.words(lead, KEYS + 1, &what, if off { theme.muted } else { theme.text });
        }
    }
    sheet.lines
}

/// Why that key does nothing now, in a word.
fn off(look: &Look<'_>, action: Action) -> Option<&'static str> {
    let state = look.state;
    let kept = match &state.store {
        Store::Open | Store::Troubled(..) => None,
        Store::Opening => Some("off: the store is being opened"),
        Store::Refused(_) => Some("off: no store"),
    };
    let read_only = state.setup.read_only.as_ref().map(|_| "off: read only");
    match action {
        Action::Quarantine if state.setup.quarantine.is_none() => Some("not configured"),
        Action::Spare | Action::PauseAutomatic if state.automatic.rules.is_empty() => Some("not configured"),
        Action::Terminate | Action::Alert | Action::Quarantine => read_only.or(kept),
        Action::Acknowledge | Action::Suppress | Action::Export => kept,
        _ => None,
    }
}

fn signs(look: &Look<'_>) -> Vec<Pieces<'static>> {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let mut lines: Vec<Pieces<'static>> = vec![vec![piece("Verdicts", theme.title)]];
    for severity in Severity::ALL.into_iter().rev() {
        let (mark, style) = look.mark(Verdict::NonCompliant, Some(severity));
        lines.push(vec![
            piece(format!("{mark}  "), style),
            piece(format!("NON_COMPLIANT, {}", severity.word()), theme.text),
        ]);
    }
    for (verdict, words) in [
        (Verdict::InsufficientData, "INSUFFICIENT_DATA: a fact is missing"),
        (Verdict::Compliant, "COMPLIANT"),
        (Verdict::NotApplicable, "NOT_APPLICABLE"),
    ] {
        let (mark, style) = look.mark(verdict, None);
        lines.push(vec![piece(format!("{mark}  "), style), piece(words, theme.text)]);
    }
    lines.push(vec![
        piece(format!("{}   ", glyphs.insufficient), theme.insufficient),
        piece("STALE: COMPLIANT when it was last seen", theme.text),
    ]);
    lines.push(Vec::new());
    lines.push(vec![piece("Signs", theme.title)]);
    for (sign, style, words) in [
        (glyphs.loading, theme.muted, "not read or not judged yet; on its way"),
        (glyphs.disconnected, theme.muted, "session without a client (Disconnected)"),
        (glyphs.unseen, theme.danger, "an alert that nobody has seen"),
        (glyphs.marked, theme.accent, "marked, to be ended with the others that are"),
        (glyphs.blind, theme.danger, "cannot be read, or failed"),
        (glyphs.remedy, theme.accent, "what to do about it"),
    ] {
        lines.push(vec![piece(format!("{sign}   "), style), piece(words, theme.text)]);
    }
    lines.push(Vec::new());
    lines.push(vec![piece("Transcript", theme.title)]);
    for (sign, style, words) in [
        ("␛", theme.marked, "a control character that was printed"),
        (glyphs.uncertain, theme.warning, "line editing: what was run may differ"),
        (glyphs.repeated, theme.border, "the agent may have sent it twice"),
    ] {
        let sign = if look.state.setup.ascii && !sign.is_ascii() { "^[" } else { sign };
        let gap = " ".repeat(4_usize.saturating_sub(text::width(sign)));
        lines.push(vec![piece(sign, style), piece(gap, theme.text), piece(words, theme.text)]);
    }
    lines
}
