//! The first lines: what matters from four meters away, then the numbers, then where we are.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    look::Look,
    text::{self, Pieces, counted, line_width, piece, put_line, put_right},
};
use crate::{
    app::{board::Counts, view::Screen},
    domain::Severity,
};

/// What the wall says: one word and its reason, in the color of that word.
struct Word {
    word: &'static str,
    /// From the shortest to the longest; the longest that fits is shown.
    reasons: Vec<String>,
    style: Style,
    glyph: &'static str,
}

impl Word {
    /// The word with the reason of that length.
    fn said(&self, rank: usize) -> String {
        match self.reasons.get(rank).map(String::as_str) {
            Some("") | None => format!(" {} {} ", self.glyph, self.word),
            Some(reason) => format!(" {} {}: {reason} ", self.glyph, self.word),
        }
    }
}

/// Draws the header: three lines, or one where the screen is low.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    if area.height == 0 {
        return;
    }
    let line = |y: u16| Rect::new(area.x, area.y + y, area.width, 1);
    if area.height < 3 {
        let clock = clock(look);
        let narrow = line(0);
        bar(look, buffer, narrow, &clock);
        return;
    }
    bar(look, buffer, line(0), &clock(look));
    counters(look, buffer, line(1));
    tabs(look, buffer, line(2));
}

/// The words of the moment, loudest first; never none.
fn words(look: &Look<'_>) -> Vec<Word> {
    let (counts, theme, glyphs) = (&look.state.counts, look.theme, look.glyphs);
    let unseen = unseen(counts);
    let mut words = Vec::new();
    if counts.scopes == 0 {
        let reasons = vec![String::new(), "no scope is configured".to_owned()];
        words.push(Word { word: "BLIND", reasons, style: theme.header_blind, glyph: glyphs.blind });
    }
    if counts.non_compliant > 0 {
        let short = format!("{}", counts.non_compliant);
        let middle = format!("{} non-compliant", counts.non_compliant);
        let mut reasons = vec![short, middle.clone()];
        if counts.critical > 0 {
            reasons.push(format!("{middle} ({} CRITICAL)", counts.critical));
        }
        words.push(Word {
            word: "LOOK",
            reasons,
            style: theme.header_look,
            glyph: glyphs.severity(Severity::Critical),
        });
    }
    if unseen > 0 {
        let reasons = vec![
            format!("{unseen}/{}", counts.scopes),
            format!("{unseen} of {}", counts.scopes),
            format!("{unseen} of {} cannot be read", counted(counts.scopes, "scope", "scopes")),
        ];
        words.push(Word { word: "BLIND", reasons, style: theme.header_blind, glyph: glyphs.blind });
    }
    if !words.is_empty() {
        return words;
    }
    let calm = theme.header_ok;
    // Not well, and not loud either: the bar is neither green nor alarming.
    let waiting = theme.insufficient.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    if counts.loading > 0 {
        let done = counts.scopes - counts.loading;
        let reasons = vec![
            format!("{done}/{}", counts.scopes),
            format!("{done} of {} read so far", counted(counts.scopes, "scope", "scopes")),
        ];
        words.push(Word { word: "LOADING", reasons, style: waiting, glyph: glyphs.loading });
    } else if counts.insufficient > 0 || counts.partial > 0 {
        let mut reasons = vec![counts.insufficient.to_string()];
        let mut long = format!("{} with insufficient data", counts.insufficient);
        reasons.push(long.clone());
        if counts.partial > 0 {
            long.push_str(&format!(", {} without all evidence", counted(counts.partial, "scope", "scopes")));
            reasons.push(long);
        }
        words.push(Word { word: "WATCHING", reasons, style: waiting, glyph: glyphs.insufficient });
    } else {
        let sessions = counted(counts.active, "session", "sessions");
        let scopes = counted(counts.scopes, "scope", "scopes");
        let reasons = vec![String::new(), format!("{sessions}, {scopes}")];
        words.push(Word { word: "ALL WELL", reasons, style: calm, glyph: glyphs.compliant });
    }
    words
}

/// Scopes that were tried and cannot be relied on.
pub(super) fn unseen(counts: &Counts) -> usize {
    counts.scopes.saturating_sub(counts.fresh + counts.loading)
}

/// The colored bar; it is shared where there is more than one thing to say.
fn bar(look: &Look<'_>, buffer: &mut Buffer, area: Rect, right: &Pieces<'_>) {
    let words = words(look);
    let right_width = u16::try_from(line_width(right)).unwrap_or(u16::MAX);
    let room = usize::from(area.width.saturating_sub(right_width));
    let mut ranks: Vec<usize> = words.iter().map(|word| word.reasons.len().saturating_sub(1)).collect();
    let said =
        |ranks: &[usize]| -> Vec<String> { words.iter().zip(ranks).map(|(word, rank)| word.said(*rank)).collect() };
    let mut texts = said(&ranks);
    while texts.iter().map(|words| text::width(words)).sum::<usize>() > room {
        // The longest is said in fewer words.
        let longest = (0..words.len())
            .filter(|index| ranks.get(*index).is_some_and(|rank| *rank > 0))
            .max_by_key(|index| texts.get(*index).map_or(0, |words| text::width(words)));
        let Some(rank) = longest.and_then(|longest| ranks.get_mut(longest)) else { break };
        *rank -= 1;
        texts = said(&ranks);
    }
    let mut x = area.x;
    let last = words.len().saturating_sub(1);
    let share = area.width / u16::try_from(words.len()).unwrap_or(1).max(1);
    for (index, (word, words)) in words.iter().zip(&texts).enumerate() {
        let needs = u16::try_from(text::width(words)).unwrap_or(u16::MAX);
        let wide = if index == last { area.right() - x } else { share.max(needs).min(area.right() - x) };
        buffer.set_style(Rect::new(x, area.y, wide, 1), word.style);
        text::put(buffer, (x, area.y), wide, words, word.style, look.glyphs.ellipsis);
        x += wide;
    }
    // The clock takes the color of the bar that it stands on.
    if right_width + 12 <= area.width {
        let style = words.last().map_or(look.theme.text, |word| word.style);
        let on_bar: Pieces<'_> = right.iter().map(|part| piece(part.text.clone(), style)).collect();
        put_right(buffer, area, &on_bar, look.glyphs.ellipsis);
    }
}

/// What always stands in the corner: the mode, and a clock that ticks, so that a frozen screen is noticed.
fn clock<'a>(look: &Look<'a>) -> Pieces<'a> {
    let zoned = look.state.now.to_zoned(look.state.setup.zone.clone());
    vec![piece(format!(" {} ", zoned.strftime("%H:%M:%S %Z")), look.theme.text)]
}

fn counters(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let (counts, theme) = (&look.state.counts, look.theme);
    let number = |count: usize, loud: Style| if count > 0 { loud.add_modifier(Modifier::BOLD) } else { theme.muted };
    let roomy = area.width >= 100;
    let gap = if area.width >= 140 {
        "     "
    } else if roomy {
        "   "
    } else {
        "  "
    };
    let mut line: Pieces<'_> = vec![piece(" ", theme.text)];
    let mut add = |number: String, words: &'static str, style: Style| {
        let more = text::width(gap) + text::width(&number) + 1 + words.len();
        if line_width(&line) + more > usize::from(area.width) {
            return;
        }
        if line.len() > 1 {
            line.push(piece(gap, theme.text));
        }
        line.push(piece(number, style));
        line.push(piece(format!(" {words}"), theme.muted));
    };
    add(counts.active.to_string(), "active", theme.title);
    add(counts.non_compliant.to_string(), "non-compliant", number(counts.non_compliant, theme.danger));
    add(
        counts.insufficient.to_string(),
        if roomy { "insufficient data" } else { "insufficient" },
        number(counts.insufficient, theme.insufficient),
    );
    let fresh = if counts.fresh == counts.scopes && counts.scopes > 0 { theme.ok } else { theme.warning };
    add(format!("{}/{}", counts.fresh, counts.scopes), if roomy { "scopes fresh" } else { "fresh" }, fresh);
    let (oldest, style) = match counts.oldest_seconds {
        Some(seconds) if seconds > look.state.board.stale_after.as_secs() => (format!("{seconds}s"), theme.danger),
        Some(seconds) => (format!("{seconds}s"), theme.title),
        None => (look.glyphs.loading.to_owned(), theme.muted),
    };
    add(oldest, if roomy { "oldest data" } else { "oldest" }, style);
    if roomy && counts.never_read > 0 {
        add(counts.never_read.to_string(), "never read", theme.warning);
    }
    if roomy && counts.partial > 0 {
        add(counts.partial.to_string(), "without all evidence", theme.warning);
    }
    put_line(buffer, (area.x, area.y), area.width, &line, look.glyphs.ellipsis);
}

fn tabs(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let short = area.width < 100;
    let mut line: Pieces<'_> = Vec::new();
    for screen in Screen::ALL {
        let active = screen == look.state.view.screen;
        let action = super::footer::action_of(screen);
        let key = look.state.setup.keymap.first_key(action).unwrap_or_default();
        let title = match screen {
            Screen::Alerts if short => "Alerts",
            Screen::Preferences if short => "Prefs",
            other => other.title(),
        };
        if active {
            let style = theme.accent.add_modifier(Modifier::BOLD | Modifier::REVERSED);
            line.push(piece(format!(" {key} {title} "), style));
        } else {
            line.push(piece(format!(" {key}"), theme.accent));
            line.push(piece(format!(" {title} "), theme.muted));
        }
    }
    let taken = put_line(buffer, (area.x, area.y), area.width, &line, look.glyphs.ellipsis);
    let mut right: Pieces<'_> = Vec::new();
    if look.state.setup.read_only.is_some() {
        right.push(piece(" READ ONLY ", theme.warning.add_modifier(Modifier::BOLD | Modifier::REVERSED)));
        right.push(piece(" ", theme.text));
    }
    if look.state.setup.demo {
        right.push(piece(" DEMO ", theme.accent.add_modifier(Modifier::BOLD | Modifier::REVERSED)));
        right.push(piece(" ", theme.text));
    }
    right.push(piece("ssmwatch ", theme.title));
    let left_over = area.width.saturating_sub(taken + 1);
    if usize::from(left_over) >= line_width(&right) {
        put_right(buffer, Rect::new(area.right() - left_over, area.y, left_over, 1), &right, look.glyphs.ellipsis);
    } else {
        // The name goes first, the modes stay.
        right.pop();
        if !right.is_empty() {
            let wide = u16::try_from(line_width(&right)).unwrap_or(u16::MAX).min(area.width);
            put_right(buffer, Rect::new(area.right() - wide, area.y, wide, 1), &right, look.glyphs.ellipsis);
        }
    }
}
