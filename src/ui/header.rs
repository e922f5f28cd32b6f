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
    app::{
        automatic::Paused,
        board::{Counts, Others},
        state::Store,
        view::Screen,
    },
    domain::{Severity, Verdict},
};

/// What the wall says: one word and its reason, in the color of that word.
pub(super) struct Word {
    pub(super) word: &'static str,
    /// From the shortest to the longest; the longest that fits is shown.
    pub(super) reasons: Vec<String>,
    pub(super) style: Style,
    pub(super) glyph: &'static str,
}

impl Word {
    /// The word with the reason of that length.
    pub(super) fn said(&self, rank: usize) -> String {
        match self.reasons.get(rank).map(String::as_str) {
            Some("") | None => format!(" {} {} ", self.glyph, self.word),
            Some(reason) => format!(" {} {}: {reason} ", self.glyph, self.word),
        }
    }
}

/// Draws the header: three lines, or one where the screen is low. Answers where the screens' titles are.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) -> Vec<(Rect, Screen)> {
    if area.height == 0 {
        return Vec::new();
    }
    let line = |y: u16| Rect::new(area.x, area.y + y, area.width, 1);
    if area.height < 3 {
        let clock = clock(look);
        let narrow = line(0);
        bar(look, buffer, narrow, &clock);
        return Vec::new();
    }
    bar(look, buffer, line(0), &clock(look));
    counters(look, buffer, line(1));
    tabs(look, buffer, line(2))
}

/// The words of the moment, loudest first; never none.
pub(super) fn words(look: &Look<'_>) -> Vec<Word> {
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
    if counts.detected_worst >= Some(Severity::High) {
        let worst = counts.detected_worst.map_or("", Severity::word);
        let detected = format!("{} detected ({worst})", counts.detected);
        match words.iter_mut().find(|word| word.word == "LOOK") {
            Some(look) => look.reasons.extend(look.reasons.last().map(|longest| format!("{longest}, {detected}"))),
            None => words.push(Word {
                word: "LOOK",
                reasons: vec![detected.clone(), format!("{detected}: dangerous commands were typed")],
                style: theme.header_look,
                glyph: glyphs.severity(Severity::Critical),
            }),
        }
    }
    alerts(look, &mut words);
    // Accounts, nodes and preferences are as loud by themselves as beside sessions.
    let others = [("accounts", counts.accounts), ("prefs", counts.preferences), ("nodes", counts.nodes)];
    let drift: Vec<String> = others
        .iter()
        .filter(|(_, of)| of.non_compliant > 0)
        .map(|(what, of)| format!("{what} {}{}", of.non_compliant, of.worst.map_or(' ', Severity::letter)))
        .collect();
    if !drift.is_empty() {
        let drift = drift.join(" ");
        match words.iter_mut().find(|word| word.word == "LOOK") {
            Some(look) => look.reasons.extend(look.reasons.last().map(|longest| format!("{longest}, {drift}"))),
            None => words.push(Word {
                word: "LOOK",
                reasons: vec![drift.clone(), format!("{drift} non-compliant")],
                style: theme.header_look,
                glyph: glyphs.severity(Severity::Critical),
            }),
        }
    }
    if unseen > 0 {
        let reasons = vec![
            format!("{unseen}/{}", counts.scopes),
            format!("{unseen} of {}", counts.scopes),
            format!("{unseen} of {} cannot be read", counted(counts.scopes, "scope", "scopes")),
        ];
        words.push(Word { word: "BLIND", reasons, style: theme.header_blind, glyph: glyphs.blind });
    }
    store(look, &mut words);
    let mut mild = Vec::new();
    for (word, is_mild) in super::credentials::words(look) {
        if is_mild { mild.push(word) } else { words.push(word) }
    }
    if !words.is_empty() {
        words.extend(mild);
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
    } else if counts.insufficient > 0 || counts.partial > 0 || others.iter().any(|(_, of)| of.unknown > 0) {
        let mut reasons = vec![counts.insufficient.to_string()];
        let mut long = format!("{} with insufficient data", counts.insufficient);
        reasons.push(long.clone());
        let unknown: Vec<String> = others
            .iter()
            .filter(|(_, of)| of.unknown > 0)
            .map(|(what, of)| format!("{what} {}{}", of.unknown, glyphs.insufficient))
            .collect();
        if !unknown.is_empty() {
            long.push_str(&format!(", {}", unknown.join(" ")));
            reasons.push(long.clone());
        }
        if counts.partial > 0 {
            long.push_str(&format!(", {} without all evidence", counted(counts.partial, "scope", "scopes")));
            reasons.push(long);
        }
        words.push(Word { word: "WATCHING", reasons, style: waiting, glyph: glyphs.insufficient });
    } else if mild.is_empty() {
        let sessions = counted(counts.active, "session", "sessions");
        let scopes = counted(counts.scopes, "scope", "scopes");
        let reasons = vec![String::new(), format!("{sessions}, {scopes}")];
        words.push(Word { word: "ALL WELL", reasons, style: calm, glyph: glyphs.compliant });
    }
    words.extend(mild);
    words
}

/// What was raised and nobody has seen: as loud as what it was raised for, which may be over.
fn alerts(look: &Look<'_>, words: &mut Vec<Word>) {
    let (waiting, Some(worst)) = look.state.alerts.unacknowledged() else { return };
    let said = format!("{} unacknowledged ({})", counted(waiting, "alert", "alerts"), worst.word());
    match words.iter_mut().find(|word| word.word == "LOOK") {
        Some(look) => {
            if let Some(longest) = look.reasons.last().cloned() {
                look.reasons.push(format!("{longest}, {}", counted(waiting, "alert", "alerts")));
                look.reasons.push(format!("{longest}, {said}"));
            }
        }
        None => words.push(Word {
            word: "LOOK",
            reasons: vec![counted(waiting, "alert", "alerts"), said],
            style: look.theme.header_look,
            glyph: look.glyphs.severity(Severity::Critical),
        }),
    }
}

/// Without the store nothing is done here, and nothing is raised: that is not well.
fn store(look: &Look<'_>, words: &mut Vec<Word>) {
    let (word, reasons) = match &look.state.store {
        Store::Opening | Store::Open => return,
        Store::Troubled(waiting, _) => {
            let records = counted(*waiting, "record waits", "records wait");
            ("NOT WRITTEN", vec![waiting.to_string(), records])
        }
        Store::Refused(_) => ("ACTS OFF", vec![String::new(), "nothing is raised or ended from here".to_owned()]),
    };
    words.push(Word { word, reasons, style: look.theme.header_blind, glyph: look.glyphs.blind });
}

/// Scopes that were tried and cannot be relied on.
pub(super) fn unseen(counts: &Counts) -> usize {
    counts.scopes.saturating_sub(counts.fresh + counts.loading)
}

/// The colored bar; it is shared where there is more than one thing to say. Numbers are never cut: first the words get
/// fewer, then the clock goes.
pub(super) fn bar(look: &Look<'_>, buffer: &mut Buffer, area: Rect, clock: &Pieces<'_>) {
    bar_of(look, buffer, area, (&words(look), clock));
}

/// The same of those words.
pub(super) fn bar_of(look: &Look<'_>, buffer: &mut Buffer, area: Rect, (words, clock): (&[Word], &Pieces<'_>)) {
    let clock_width = u16::try_from(line_width(clock)).unwrap_or(u16::MAX);
    let mut ranks: Vec<usize> = words.iter().map(|word| word.reasons.len().saturating_sub(1)).collect();
    let needed = |ranks: &[usize]| -> Vec<u16> {
        let said = words.iter().zip(ranks).map(|(word, rank)| text::width(&word.said(*rank)));
        said.map(|wide| u16::try_from(wide).unwrap_or(u16::MAX)).collect()
    };
    let sum = |needs: &[u16]| needs.iter().copied().fold(0, u16::saturating_add);
    let least = sum(&needed(&vec![0; words.len()]));
    let clock_width = if least.saturating_add(clock_width) <= area.width { clock_width } else { 0 };
    let room = area.width - clock_width;
    let mut needs = needed(&ranks);
    while sum(&needs) > room {
        // The longest is said in fewer words.
        let longest = (0..words.len())
            .filter(|index| ranks.get(*index).is_some_and(|rank| *rank > 0))
            .max_by_key(|index| needs.get(*index));
        let Some(rank) = longest.and_then(|longest| ranks.get_mut(longest)) else { break };
        *rank -= 1;
        needs = needed(&ranks);
    }
    let mut x = area.x;
    let share = area.width / u16::try_from(words.len()).unwrap_or(1).max(1);
    let mut others = sum(&needs);
    let last = words.len().saturating_sub(1);
    for (index, ((word, rank), needs)) in words.iter().zip(&ranks).zip(&needs).enumerate() {
        others = others.saturating_sub(*needs);
        let left = area.right() - x;
        // Parts are of one width as long as that takes nothing from the others.
        let spare = left.saturating_sub(others.saturating_add(clock_width));
        let wide = if index == last { left } else { share.min(spare).max(*needs).min(left) };
        buffer.set_style(Rect::new(x, area.y, wide, 1), word.style);
        text::put(buffer, (x, area.y), wide, &word.said(*rank), word.style, look.glyphs.ellipsis);
        x += wide;
    }
    // The clock takes the color of the bar that it stands on.
    if clock_width > 0 {
        let style = words.last().map_or(look.theme.text, |word| word.style);
        let on_bar: Pieces<'_> = clock.iter().map(|part| piece(part.text.clone(), style)).collect();
        put_right(buffer, area, &on_bar, look.glyphs.ellipsis);
    }
}

/// What always stands in the corner: the mode, and a clock that ticks, so that a frozen screen is noticed.
fn clock<'a>(look: &Look<'a>) -> Pieces<'a> {
    let zoned = look.state.now.to_zoned(look.state.setup.zone.clone());
    vec![piece(format!(" {} ", zoned.strftime("%H:%M:%S %Z")), look.theme.text)]
}

/// A number and its words, from the longest to the shortest.
struct Counter {
    number: String,
    style: Style,
    words: [&'static str; 3],
}

/// The numbers: in as many words as fit, then in fewer, then without the last ones; never half of one.
fn counters(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let counters = numbers(look);
    let room = usize::from(area.width);
    let said = |rank: usize, extras: bool, gap: &'static str| -> Pieces<'static> {
        let mut line: Pieces<'static> = vec![piece(" ", look.theme.text)];
        for counter in
            counters.iter().filter(|counter| extras || !counter.words.last().is_some_and(|words| words.is_empty()))
        {
            let words = counter.words.get(rank).copied().unwrap_or_default();
            let gap = match line.len() {
                1 => "",
                _ if counter.number.starts_with('(') => " ",
                _ => gap,
            };
            if rank == 2 && line_width(&line) + gap.len() + text::width(&counter.number) + words.len() > room {
                continue;
            }
            line.push(piece(gap, look.theme.text));
            line.push(piece(counter.number.clone(), counter.style));
            line.push(piece(words, look.theme.muted));
        }
        line
    };
    let forms =
        [(0, true, "     "), (0, true, "   "), (0, true, "  "), (0, false, "   "), (0, false, "  "), (1, false, "  ")];
    let line = forms
        .into_iter()
        .map(|(rank, extras, gap)| said(rank, extras, gap))
        .find(|line| line_width(line) <= room)
        .unwrap_or_else(|| said(2, false, "  "));
    put_line(buffer, (area.x, area.y), area.width, &line, look.glyphs.ellipsis);
}

/// What is counted, the most important first. Words begin with their own space; without words a number is left out.
fn numbers(look: &Look<'_>) -> Vec<Counter> {
    let (counts, theme) = (&look.state.counts, look.theme);
    let loud = |count: usize, loud: Style| if count > 0 { loud.add_modifier(Modifier::BOLD) } else { theme.muted };
    // Where nothing was read there may be anything.
    let nothing_read = counts.scopes > 0 && counts.never_read == counts.scopes;
    let number = |count: usize| if nothing_read { "?".to_owned() } else { count.to_string() };
    let mut all = vec![Counter { number: number(counts.active), style: theme.title, words: [" active"; 3] }];
    if counts.unseen > 0 {
        let words = [" not seen now)", " unseen)", " unseen)"];
        all.push(Counter { number: format!("({}", counts.unseen), style: loud(counts.unseen, theme.warning), words });
    }
    all.push(Counter {
        number: number(counts.non_compliant),
        style: loud(counts.non_compliant, theme.danger),
        words: [" non-compliant", " non-compliant", " non-compl."],
    });
    if counts.detected > 0 {
        let worst = counts.detected_worst.unwrap_or(Severity::Informational);
        let (_, style) = look.mark(Verdict::NonCompliant, Some(worst));
        let words = [" with detections", " detected", " detected"];
        all.push(Counter { number: counts.detected.to_string(), style: style.add_modifier(Modifier::BOLD), words });
    }
    if let (waiting, Some(worst)) = look.state.alerts.unacknowledged() {
        let style = theme.severity(worst).add_modifier(Modifier::BOLD);
        let words = match waiting {
            1 => [" alert unacknowledged", " alert", " alert"],
            _ => [" alerts unacknowledged", " alerts", " alerts"],
        };
        all.push(Counter { number: waiting.to_string(), style, words });
    }
    all.push(Counter {
        number: number(counts.insufficient),
        style: loud(counts.insufficient, theme.insufficient),
        words: [" insufficient data", " insufficient", " insuff."],
    });
    let fresh = if counts.fresh == counts.scopes && counts.scopes > 0 { theme.ok } else { theme.warning };
    all.push(Counter {
        number: format!("{}/{}", counts.fresh, counts.scopes),
        style: fresh,
        words: [" scopes fresh", " fresh", " fresh"],
    });
    let undelivered = look.state.alerts.undelivered();
    if undelivered > 0 {
        let style = theme.warning.add_modifier(Modifier::BOLD);
        let words = [" undelivered", " undelivered", " unsent"];
        all.push(Counter { number: undelivered.to_string(), style, words });
    }
    let (oldest, style) = match counts.oldest_seconds {
        Some(seconds) if seconds > look.state.board.stale_after.as_secs() => (format!("{seconds}s"), theme.danger),
        Some(seconds) => (format!("{seconds}s"), theme.title),
        None => (look.glyphs.loading.to_owned(), theme.muted),
    };
    all.push(Counter { number: oldest, style, words: [" oldest data", " oldest", " old"] });
    for (count, words) in [(counts.never_read, " never read"), (counts.partial, " without all evidence")] {
        if count > 0 {
            all.push(Counter { number: count.to_string(), style: theme.warning, words: [words, "", ""] });
        }
    }
    all
}

/// Titles of the screens, from the longest to the shortest form.
const TAB_FORMS: usize = 4;

/// A screen's title in one of the forms; in the last only the screen that is shown has one.
fn tab(screen: Screen, form: usize, active: bool) -> &'static str {
    match (form, screen) {
        (0, _) => screen.title(),
        (1, Screen::Preferences) => "Prefs",
        (2, Screen::Sessions) => "Sess",
        (2 | 3, Screen::Preferences) if form == 2 || active => "Pref",
        (2, Screen::History) => "Hist",
        (3, _) if !active => "",
        _ => screen.title(),
    }
}

fn tabs(look: &Look<'_>, buffer: &mut Buffer, area: Rect) -> Vec<(Rect, Screen)> {
    let theme = look.theme;
    let title_of = |screen: Screen, form: usize| -> Pieces<'static> {
        let mut line: Pieces<'static> = Vec::new();
        {
            let active = screen == look.state.view.screen;
            let action = super::footer::action_of(screen);
            let key = look.state.setup.keymap.first_key(action).unwrap_or_default();
            let title = tab(screen, form, active);
            if active {
                let style = theme.accent.add_modifier(Modifier::BOLD | Modifier::REVERSED);
                line.push(piece(format!(" {key} {title} "), style));
            } else {
                line.push(piece(format!(" {key}"), theme.accent));
                line.push(piece(if title.is_empty() { String::new() } else { format!(" {title} ") }, theme.muted));
            }
        }
        line
    };
    let line = |form: usize| -> Pieces<'static> {
        Screen::ALL.into_iter().flat_map(|screen| title_of(screen, form)).collect()
    };
    let mut right: Vec<Pieces<'static>> = vec![badges(look)];
    right.extend(automatic(look));
    if look.state.setup.read_only.is_some() {
        let style = theme.warning.add_modifier(Modifier::BOLD | Modifier::REVERSED);
        right.push(vec![piece(" READ ONLY ", style), piece(" ", theme.text)]);
    }
    let always = right.len();
    if look.state.setup.demo {
        let style = theme.accent.add_modifier(Modifier::BOLD | Modifier::REVERSED);
        right.push(vec![piece(" DEMO ", style), piece(" ", theme.text)]);
    }
    right.push(vec![piece("ssmwatch ", theme.title)]);
    let wide = |right: &[Pieces<'_>]| right.iter().map(|part| line_width(part)).sum::<usize>();
    // The titles get shorter before a mode or what is wrong goes.
    let modes = right.get(..always).map_or(0, wide);
    let room = usize::from(area.width).saturating_sub(modes + 1);
    let form = (0..TAB_FORMS).find(|form| line_width(&line(*form)) <= room).unwrap_or(TAB_FORMS - 1);
    let taken = put_line(buffer, (area.x, area.y), area.width, &line(form), look.glyphs.ellipsis);
    let left_over = area.width.saturating_sub(taken + 1);
    // The name goes first, then the last of the modes; what is wrong stays, over the tabs if it must.
    while right.len() > 1 && wide(&right) > usize::from(left_over) {
        if right.len() == 2 && right.first().is_some_and(Vec::is_empty) {
            break;
        }
        right.pop();
    }
    let wide = u16::try_from(wide(&right)).unwrap_or(u16::MAX).min(area.width);
    if wide > 0 {
        let right: Pieces<'_> = right.into_iter().flatten().collect();
        put_right(buffer, Rect::new(area.right() - wide, area.y, wide, 1), &right, look.glyphs.ellipsis);
    }
    // What stands over the tabs hides them.
    let end = area.right() - wide;
    let mut x = area.x;
    let places = Screen::ALL.into_iter().map(|screen| {
        let from = x;
        x = x.saturating_add(u16::try_from(line_width(&title_of(screen, form))).unwrap_or(u16::MAX)).min(end);
        (Rect::new(from, area.y, x - from, 1), screen)
    });
    places.collect()
}

/// Whether sessions are ended by themselves, where rules are configured for it.
fn automatic(look: &Look<'_>) -> Option<Pieces<'static>> {
    let (automatic, theme) = (&look.state.automatic, look.theme);
    if automatic.rules.is_empty() {
        return None;
    }
    let off = look.state.acting_off(true).is_some() || matches!(look.state.store, Store::Troubled(..));
    let loud = Modifier::BOLD | Modifier::REVERSED;
    let (words, style) = match automatic.paused {
        _ if off => (" AUTO OFF ".to_owned(), theme.warning.add_modifier(loud)),
        Some(Paused::Ceiling) => (" AUTO STOPPED ".to_owned(), theme.danger.add_modifier(loud)),
        Some(Paused::ByHand) => (" AUTO PAUSED ".to_owned(), theme.warning.add_modifier(loud)),
        None => {
            let rules = counted(automatic.rules.len(), "rule", "rules");
            (format!(" AUTO {rules} "), theme.accent.add_modifier(Modifier::REVERSED))
        }
    };
    Some(vec![piece(words, style), piece(" ", theme.text)])
}

/// `prefs 3H nodes 2H 1?`: what is judged beside sessions and is not well; nothing where all of it is.
fn badges(look: &Look<'_>) -> Pieces<'static> {
    let (counts, theme) = (&look.state.counts, look.theme);
    let mut line = Vec::new();
    let mut badge = |what: &'static str, of: Others| {
        if of.non_compliant == 0 && of.unknown == 0 {
            return;
        }
        line.push(piece(what, theme.muted));
        if let Some(worst) = of.worst.filter(|_| of.non_compliant > 0) {
            let (_, style) = look.mark(Verdict::NonCompliant, Some(worst));
            let words = format!(" {}{}", of.non_compliant, worst.letter());
            line.push(piece(words, style.add_modifier(Modifier::BOLD)));
        }
        if of.unknown > 0 {
            line.push(piece(format!(" {}{}", of.unknown, look.glyphs.insufficient), theme.insufficient));
        }
        line.push(piece(" ", theme.text));
    };
    badge("accounts", counts.accounts);
    badge("prefs", counts.preferences);
    badge("nodes", counts.nodes);
    line
}
