//! The numbers that matter, as large as there is room; the clock, and how old the data is.

use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    Mood, headline,
    letters::{self, Scale},
};
use crate::{
    app::wall::Wall,
    ui::{
        look::Look,
        text::{self, Pieces, piece, put_line, put_right},
    },
};

struct Counter {
    number: usize,
    words: [&'static str; 2],
    style: Style,
}

/// Active, non-compliant, unlogged, unacknowledged; each in its color only where it is not nothing.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, wall: &Wall, mood: Mood) {
    if area.height == 0 {
        return;
    }
    let (counts, theme) = (&look.state.counts, look.theme);
    let blind = mood == Mood::Blind;
    if blind {
        buffer.set_style(area, theme.header_blind);
    }
    let loud = |number: usize, style: Style| match (blind, number) {
        (true, _) => theme.header_blind,
        (false, 0) => theme.muted,
        (false, _) => style.add_modifier(Modifier::BOLD),
    };
    let (waiting, worst) = look.state.alerts.unacknowledged();
    let alerts = worst.map_or(theme.muted, |worst| theme.severity(worst));
    let seen = if counts.unseen > 0 || blind { "active when seen" } else { "active" };
    let counters = [
        Counter {
            number: counts.active,
            words: [seen, "active"],
            style: if blind { theme.header_blind } else { theme.title },
        },
        Counter {
            number: counts.non_compliant,
            words: ["non-compliant", "bad"],
            style: loud(counts.non_compliant, theme.danger),
        },
        Counter { number: wall.unlogged, words: ["unlogged", "unlogged"], style: loud(wall.unlogged, theme.warning) },
        Counter { number: waiting, words: ["alerts unacknowledged", "alerts"], style: loud(waiting, alerts) },
    ];
    // What was not read is not nothing.
    let known = counts.scopes > 0 && counts.scopes > counts.never_read;
    let number = |counter: &Counter| match known {
        true => counter.number.to_string(),
        false => "?".to_owned(),
    };
    if area.height < 4 {
        let mut line: Pieces<'_> = vec![piece(" ", theme.text)];
        for counter in &counters {
            let words = if area.width >= 76 { counter.words[0] } else { counter.words[1] };
            line.push(piece(number(counter), counter.style.add_modifier(Modifier::BOLD)));
            line.push(piece(format!(" {words}  "), if blind { theme.header_blind } else { theme.muted }));
        }
        put_line(buffer, (area.x, area.y), area.width, &line, look.glyphs.ellipsis);
        return;
    }
    let share = area.width / 4;
    let ascii = look.state.setup.ascii;
    let high = area.height - 1;
    // One scale for all: numbers that are compared are of one size.
    let room = (share.saturating_sub(3), high);
    let scales = counters.iter().map(|counter| letters::scale(&number(counter), room));
    let scale = scales.map(|scale| scale.map(|scale| scale.size("0").1)).min().flatten();
    let scale = scale.and_then(|rows| letters::scale("0", (rows * 2, rows))).unwrap_or(Scale::Half);
    for (index, counter) in counters.iter().enumerate() {
        let x = area.x + share * u16::try_from(index).unwrap_or(0) + 2;
        let wide = share.saturating_sub(2);
        let number = number(counter);
        let place = Rect { x, width: wide, height: high, ..area };
        match letters::scale(&number, room) {
            Some(own) => {
                let scale = if scale.size("0").1 <= own.size("0").1 { scale } else { own };
                letters::draw(buffer, place, &number, (scale, ascii), counter.style);
            }
            None => {
                let style = counter.style.add_modifier(Modifier::BOLD);
                text::put(buffer, (x, area.y + high / 2), wide, &number, style, look.glyphs.ellipsis);
            }
        }
        let [long, short] = counter.words;
        let words = if text::width(long) < usize::from(wide) { long } else { short };
        let style = if blind { theme.header_blind } else { counter.style };
        text::put(buffer, (x, area.bottom() - 1), wide, words, style, look.glyphs.ellipsis);
    }
}

/// The clock, and `last data 3 s ago`: both move with every second, so that a frozen screen is noticed.
pub(super) fn draw_age(look: &Look<'_>, buffer: &mut Buffer, area: Rect, mood: Mood) {
    if area.height == 0 {
        return;
    }
    let (state, theme) = (look.state, look.theme);
    let style = if mood == Mood::Blind { theme.header_blind } else { theme.title };
    buffer.set_style(area, if mood == Mood::Blind { theme.header_blind } else { theme.base });
    let reads = || state.board.scopes.values().filter_map(|scope| scope.last_good);
    let ago = |at: Timestamp| state.now.duration_since(at).as_secs().max(0);
    let (newest, oldest) = (reads().max().map(ago), reads().min().map(ago));
    let mut words = match newest {
        Some(seconds) => format!("last data {seconds} s ago"),
        None => "no data so far".to_owned(),
    };
    let short = words.clone();
    if let (Some(newest), Some(oldest)) = (newest, oldest)
        && oldest > newest
    {
        words.push_str(&format!(", oldest {oldest} s"));
    }
    let never = state.counts.never_read;
    if never > 0 && newest.is_some() {
        words.push_str(&format!(", {never} never read"));
    }
    let clock = look.clock(state.now);
    let zoned = format!("{clock} {}", state.now.to_zoned(state.setup.zone.clone()).strftime("%Z"));
    if area.height < 3 {
        let clock = if usize::from(area.width) > text::width(&short) + text::width(&zoned) + 4 { zoned } else { clock };
        let right = [piece(format!("{clock} "), style.add_modifier(Modifier::BOLD))];
        let taken = put_right(buffer, Rect { height: 1, ..area }, &right, look.glyphs.ellipsis);
        let room = area.width.saturating_sub(taken + 1);
        let words = if text::width(&words) < usize::from(room) { words } else { short };
        put_line(buffer, (area.x, area.y), room, &[piece(format!(" {words}"), style)], look.glyphs.ellipsis);
        return;
    }
    let scale_of = |text: &str| letters::scale(text, (area.width / 3, area.height));
    let clock = if scale_of(&zoned).is_some() && scale_of(&zoned) == scale_of(&clock) { zoned } else { clock };
    let scale = scale_of(&clock);
    let wide = scale.map_or(9, |scale| scale.size(&clock).0 + 2);
    let right = Rect { x: area.right().saturating_sub(wide), width: wide.min(area.width), ..area };
    headline(look, buffer, Rect { width: right.width.saturating_sub(1), ..right }, &clock, style);
    let left = Rect { x: area.x + 2, width: area.width.saturating_sub(wide + 3), ..area };
    let fits = |text: &str| letters::scale(text, (left.width, left.height)).is_some();
    let words = if fits(&words) || !fits(&short) { words } else { short };
    headline(look, buffer, left, &words, style);
}
