//! Lines that stay until they are dealt with: acts that failed, rules that could not be reloaded, accounts over a
//! threshold, scopes that cannot be seen.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{header, look::Look, text};
use crate::app::{
    action::Action,
    view::{Banner, BannerKind, Screen},
};

/// Draws as many banners as there is room for. An act that failed gets a second line, where there is one, so that what to
/// do can be read; the last line says how many scopes it does not name, and agrees with the header about their number.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let rows = usize::from(area.height);
    if rows == 0 || area.width == 0 {
        return;
    }
    let is_act = |banner: &&Banner| matches!(banner.kind, BannerKind::Act(_));
    let (acts, rest): (Vec<&Banner>, Vec<&Banner>) = look.state.view.banners.iter().partition(is_act);
    let is_scope = |banner: &&Banner| matches!(banner.kind, BannerKind::Scope(_) | BannerKind::Scopes);
    let (scopes, loud): (Vec<&Banner>, Vec<&Banner>) = rest.into_iter().partition(is_scope);
    // A countdown runs: it comes before everything else.
    let is_urgent = |banner: &&Banner| banner.kind == BannerKind::Automatic;
    let (urgent, loud): (Vec<&Banner>, Vec<&Banner>) = loud.into_iter().partition(is_urgent);
    // What ends within the hour is said, but is no alarm yet.
    let is_mild = |banner: &&Banner| matches!(banner.kind, BannerKind::Credentials { urgent: false, .. });
    let (mild, loud): (Vec<&Banner>, Vec<&Banner>) = loud.into_iter().partition(is_mild);
    let scopes: Vec<&Banner> =
        scopes.into_iter().filter(|banner| matches!(banner.kind, BannerKind::Scope(_))).collect();
    let seen = seen(look);
    let blind = header::unseen(&look.state.counts);
    let prefix = format!(" {} ", look.glyphs.blind);
    // Each kind gets a line at least, whatever else there is.
    let for_scopes = usize::from(blind > 0) + usize::from(!mild.is_empty());
    let cells = usize::from(area.width).saturating_sub(text::width(&prefix));
    let mut lines: Vec<String> = Vec::new();
    let for_others = for_scopes + usize::from(!loud.is_empty()) + usize::from(!acts.is_empty());
    for line in loud_lines(look, &urgent, cells, rows.saturating_sub(for_others).max(1)) {
        lines.push(format!("{prefix}{line}"));
    }
    let urgent_end = lines.len();
    let rows_left = rows.saturating_sub(urgent_end);
    let for_acts = rows_left.saturating_sub(for_scopes + usize::from(!loud.is_empty())).max(1);
    let spare = rows_left.saturating_sub(acts.len() + scopes.len() + loud.len());
    let mut left = for_acts.min(acts.len() + spare.max(usize::from(acts.len() == 1)));
    for (index, act) in acts.iter().enumerate() {
        let more = acts.len() - index;
        if left == 0 {
            break;
        }
        if left == 1 && more > 1 {
            lines.push(format!("{prefix}{more} acts failed{}", press(look, Screen::Acts)));
            break;
        }
        let text = look.clean(&act.text);
        // The hint stands at the end of the first line.
        let first = cells.saturating_sub(text::width(&seen));
        let reserved = left - (more - 1).min(left - 1);
        if reserved > 1 && text::width(&text) > first {
            let words = text::wrap(&text, first).into_iter().next().unwrap_or_default();
            let rest = text.get(words.len()..).unwrap_or_default().trim_start().to_owned();
            lines.push(format!("{prefix}{words}"));
            lines.push(format!("{}{rest}", " ".repeat(text::width(&prefix))));
            left -= 2;
        } else {
            lines.push(format!("{prefix}{text}"));
            left -= 1;
        }
    }
    let acts_end = lines.len();
    let for_loud = rows.saturating_sub(lines.len() + for_scopes).max(1);
    for line in loud_lines(look, &loud, cells, for_loud) {
        lines.push(format!("{prefix}{line}"));
    }
    let mild_begin = lines.len();
    if rows > mild_begin {
        let for_mild = rows.saturating_sub(mild_begin + usize::from(blind > 0)).max(1);
        lines.extend(loud_lines(look, &mild, cells, for_mild).iter().map(|line| format!("{prefix}{line}")));
    }
    let mild_end = lines.len();
    let room = rows.saturating_sub(lines.len());
    let named = if scopes.len() == blind && blind <= room { blind } else { scopes.len().min(room.saturating_sub(1)) };
    lines.extend(scopes.iter().take(named).map(|scope| format!("{prefix}{}", look.clean(&scope.text))));
    let unnamed = blind.saturating_sub(named);
    if unnamed > 0 && room > named {
        let more = if named > 0 { " more" } else { "" };
        let scopes = if unnamed == 1 { "scope" } else { "scopes" };
        lines.push(format!("{prefix}CANNOT SEE {unnamed}{more} {scopes}{}", press(look, Screen::Scopes)));
    }
    // In another color than what has failed already: this can still be stopped.
    let urgent_style = look.theme.header_look;
    let mild_style = look.theme.insufficient.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    for (index, (words, y)) in lines.iter().zip(area.top()..area.bottom()).enumerate() {
        let style = match index {
            _ if index < urgent_end => urgent_style,
            _ if (mild_begin..mild_end).contains(&index) => mild_style,
            _ => look.theme.header_blind,
        };
        buffer.set_style(Rect::new(area.x, y, area.width, 1), style);
        let hint = if index == urgent_end && acts_end > urgent_end {
            u16::try_from(text::width(&seen)).unwrap_or(0)
        } else {
            0
        };
        let room = if area.width > hint + 30 { area.width - hint } else { area.width };
        text::put(buffer, (area.x, y), room, words, style, look.glyphs.ellipsis);
        if room < area.width {
            text::put(buffer, (area.x + room, y), hint, &seen, style, look.glyphs.ellipsis);
        }
    }
}

/// What is neither an act nor a scope, in at most that many lines; the last one takes what has no line of its own.
fn loud_lines(look: &Look<'_>, loud: &[&Banner], cells: usize, most: usize) -> Vec<String> {
    let texts: Vec<String> = loud.iter().map(|banner| look.clean(&banner.text).into_owned()).collect();
    let [only] = texts.as_slice() else {
        let own = if texts.len() > most { most.saturating_sub(1) } else { texts.len() };
        let (own, rest) = texts.split_at(own.min(texts.len()));
        let mut lines = own.to_vec();
        if !rest.is_empty() {
            lines.push(format!("{} more: {}", rest.len(), rest.join("; ")));
        }
        return lines;
    };
    let mut wrapped = text::wrap(only, cells);
    if wrapped.len() > most {
        wrapped.truncate(most.saturating_sub(1));
        let shown: usize = wrapped.iter().map(|line| line.len() + 1).sum();
        wrapped.push(only.get(shown..).unwrap_or(only).trim_start().to_owned());
    }
    wrapped
}

/// Beside an act that failed: the key that says it was seen.
fn seen(look: &Look<'_>) -> String {
    if look.state.view.wall.is_some() {
        return String::new();
    }
    format!(" {}: seen ", look.state.setup.keymap.word(Action::Back))
}

/// Which key shows the rest; on the wall there is none.
fn press(look: &Look<'_>, screen: Screen) -> String {
    match look.state.view.wall {
        Some(_) => String::new(),
        None => format!(": press {}", look.state.setup.keymap.word(super::footer::action_of(screen))),
    }
}
