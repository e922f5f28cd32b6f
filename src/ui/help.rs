//! Help: what works on the present screen, with the keys that are bound now, then the rest; and what the signs there mean.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    detail::Sheet,
    look::Look,
    text::{self, Pieces, line_width, piece},
    wall::strip::PARTIAL,
};
use crate::{
    app::{
        action::{ACTIONS, ActionInfo, Group},
        works::{Place, elsewhere, off_here, works_in},
    },
    domain::{Severity, Verdict},
};

/// Cells of the names of keys.
const KEYS: usize = 14;

/// Draws the help over the whole screen, from its line `top` on; how far it can be scrolled.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, top: usize) -> usize {
    let theme = look.theme;
    let place_now = Place::of(&look.state.view);
    let (mut left, right) = (keys(look, place_now, usize::MAX), signs(look, place_now));
    let widest = |lines: &[Pieces<'_>]| lines.iter().map(|line| line_width(line)).max().unwrap_or(0);
    let (left_width, right_width) = (widest(&left), widest(&right));
    let beside = usize::from(area.width) >= left_width + right_width + 8;
    if !beside {
        // What does not fit into a line goes on below it.
        left = keys(look, place_now, usize::from(area.width.saturating_sub(4)));
    }
    let left_width = widest(&left);
    let (lines, wanted_width) = if beside {
        (left.len().max(right.len()), left_width + right_width + 8)
    } else {
        (left.len() + 1 + right.len(), left_width.max(right_width) + 4)
    };
    let width = u16::try_from(wanted_width).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).min(area.height);
    let place = text::middle(area, width, height);
    text::clear(buffer, place, theme.base);
    let title = [piece("Help: ", theme.muted), piece(place_now.title(), theme.title)];
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

/// The actions with their keys, in lines of at most `cells`: those of this place first.
fn keys(look: &Look<'_>, place: Place, cells: usize) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    let here = |info: &&ActionInfo| works_in(info.action, place);
    for (group, title) in
        [(Group::Move, "Move"), (Group::Look, "Look"), (Group::Act, "Act"), (Group::Program, "Screens and program")]
    {
        let mut actions = ACTIONS.iter().filter(here).filter(|info| info.group == group).peekable();
        if actions.peek().is_some() {
            sheet.gap();
            sheet.line(vec![piece(title, theme.title)]);
        }
        actions.for_each(|info| line(&mut sheet, info, off_here(look.state, info.action)));
    }
    let mut others = ACTIONS.iter().filter(|info| !here(info)).peekable();
    if others.peek().is_some() {
        sheet.gap();
        sheet.line(vec![piece("Elsewhere", theme.title)]);
    }
    others.for_each(|info| line(&mut sheet, info, off_here(look.state, info.action).or(Some(elsewhere(info.action)))));
    sheet.lines
}

/// An action, and why it does nothing here.
fn line(sheet: &mut Sheet<'_>, info: &ActionInfo, off: Option<&'static str>) {
    let theme = sheet.look.theme;
    let keys = sheet.look.state.setup.keymap.keys(info.action).join(" ");
    let (keys, style) = if keys.is_empty() { ("not bound".to_owned(), theme.muted) } else { (keys, theme.accent) };
    let what = match off {
        Some(word) => format!("{} ({word})", info.what),
        None => info.what.to_owned(),
    };
    let lead = vec![piece(format!("{keys:KEYS$} "), style.add_modifier(Modifier::BOLD))];
    sheet.words(lead, KEYS + 1, &what, if off.is_some() { theme.muted } else { theme.text });
}

/// What the signs of this place mean.
fn signs(look: &Look<'_>, place: Place) -> Vec<Pieces<'static>> {
    let in_transcript = matches!(place, Place::Transcript | Place::Commands);
    let mut lines = Vec::new();
    let mut part = |part: Vec<Pieces<'static>>| {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.extend(part);
    };
    if in_transcript {
        part(transcript_signs(look));
    }
    match place {
        Place::Scopes => part(scope_signs(look)),
        Place::Acts => part(act_signs(look)),
        _ => part(verdicts(look, place)),
    }
    if !matches!(place, Place::Scopes | Place::Acts) {
        part(others(look, place));
    }
    lines
}

type Sign = (&'static str, Style, &'static str);

fn titled(look: &Look<'_>, title: &'static str, signs: Vec<Sign>) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut lines = vec![vec![piece(title, theme.title)]];
    lines.extend(signs.into_iter().map(|(sign, style, words)| {
        let sign = if look.state.setup.ascii && !sign.is_ascii() { "^[" } else { sign };
        let gap = " ".repeat(4_usize.saturating_sub(text::width(sign)));
        vec![piece(sign, style), piece(gap, theme.text), piece(words, theme.text)]
    }));
    lines
}

fn verdicts(look: &Look<'_>, place: Place) -> Vec<Pieces<'static>> {
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
    if place != Place::Preferences {
        lines.push(vec![
            piece(format!("{}   ", glyphs.insufficient), theme.insufficient),
            piece("STALE: COMPLIANT when it was last seen", theme.text),
        ]);
    }
    lines
}

fn others(look: &Look<'_>, place: Place) -> Vec<Pieces<'static>> {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let on_sessions = matches!(place, Place::Table | Place::Detail | Place::Transcript | Place::Commands | Place::Wall);
    let mut signs = vec![(glyphs.loading, theme.muted, "not read or not judged yet; on its way")];
    if on_sessions {
        signs.push((glyphs.disconnected, theme.muted, "session without a client (Disconnected)"));
        signs.push((glyphs.marked, theme.accent, "marked, to be ended with the others that are"));
    }
    if on_sessions || place == Place::Alerts {
        signs.push((glyphs.unseen, theme.danger, "an alert that nobody has seen"));
    }
    if place == Place::Wall {
        signs.push((PARTIAL, theme.warning, "sessions are seen there, something about them is not"));
    }
    signs.push((glyphs.blind, theme.danger, "cannot be read, or failed"));
    signs.push((glyphs.remedy, theme.accent, "what to do about it"));
    titled(look, "Signs", signs)
}

fn transcript_signs(look: &Look<'_>) -> Vec<Pieces<'static>> {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let signs = vec![
        ("␛", theme.marked, "a control character that was printed"),
        (glyphs.uncertain, theme.warning, "line editing: what was run may differ"),
        (glyphs.repeated, theme.border, "the agent may have sent it twice"),
    ];
    titled(look, "Transcript", signs)
}

fn scope_signs(look: &Look<'_>) -> Vec<Pieces<'static>> {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let signs = vec![
        (glyphs.compliant, theme.ok, "fresh: read as often as it should be"),
        (glyphs.insufficient, theme.insufficient, "partial: sessions are seen, something about them is not"),
        (glyphs.loading, theme.muted, "loading: not read yet"),
        (glyphs.blind, theme.danger, "stale or blind: what happens there now is not seen"),
        (glyphs.remedy, theme.accent, "what to do about it"),
    ];
    titled(look, "Scopes", signs)
}

fn act_signs(look: &Look<'_>) -> Vec<Pieces<'static>> {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let signs = vec![
        (glyphs.compliant, theme.ok, "done, and proven"),
        (glyphs.loading, theme.muted, "under way, or waiting to be sent"),
        (glyphs.insufficient, theme.warning, "unproven: nobody knows whether it happened"),
        (glyphs.non_compliant, theme.danger, "failed"),
        (glyphs.remedy, theme.accent, "what to do about it"),
    ];
    titled(look, "Acts", signs)
}
