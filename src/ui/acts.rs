//! Everything that was done here, with the outcome of every step.

use std::borrow::Cow;

use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    columns::{self, Column, Row},
    detail::Sheet,
    look::Look,
    text::{self, Piece, Pieces, piece},
};
use crate::{
    app::{action::Action, state::Store},
    domain::{Act, ActOutcome, ActStep, Subject},
};

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.acts;
    let theme = look.theme;
    let title = [piece("Acts ", theme.title), piece(list.rows.len().to_string(), theme.text)];
    let inner = look.pane(buffer, area, &title, &[kept(look)], true);
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        return look.centered(buffer, inner, &empty(look));
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let acts = || list.rows.iter().skip(list.offset).take(visible).filter_map(|id| look.state.act(*id));
    let longest = acts().map(|act| text::width(&worst(look, act).text)).max().unwrap_or(0);
    // The outcome is what the list is for: up to two fifths of it.
    let outcome = u16::try_from(longest).unwrap_or(u16::MAX).min(inner.width * 2 / 5).max(14);
    let longest = acts().map(|act| text::width(&kind(act))).max().unwrap_or(0);
    let kind = u16::try_from(longest).unwrap_or(u16::MAX).clamp(9, 16);
    let columns = [
        Column::new("WHEN", 8, 11, 0),
        Column::new("ACT", kind, kind, 0),
        Column::new("OUTCOME", outcome, outcome.max(64), 0),
        Column::new("ON", 12, 40, 0).middle(),
        Column::new("OWNER", 10, 36, 4),
        Column::new("REASON", 12, 60, 5),
        Column::new("BY", 8, 40, 6),
    ];
    let over = |act: &Act| (list.selected == Some(act.id)).then_some(theme.selection);
    let rows: Vec<Row<'_>> = acts().map(|act| Row::new(cells(look, act), over(act))).collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(false));
    let position = look.position(list.offset, visible, list.rows.len());
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
}

/// Where acts are written down, or why they are not.
fn kept(look: &Look<'_>) -> Piece<'static> {
    let theme = look.theme;
    let store = look.clean(&look.state.setup.store);
    match &look.state.store {
        Store::Opening => piece(format!("{} opening {store}", look.glyphs.loading), theme.muted),
        Store::Open => piece(format!("written to {store}"), theme.muted),
        Store::Troubled(waiting, _) => piece(format!("{waiting} NOT WRITTEN to {store}"), theme.danger),
        Store::Refused(_) => piece("nothing is done or kept here", theme.danger),
    }
}

/// Why there are no rows, and how there would be one.
fn empty(look: &Look<'_>) -> Vec<(String, Style)> {
    let (state, theme) = (look.state, look.theme);
    let key = |action| state.setup.keymap.word(action);
    let store = look.clean(&state.setup.store);
    let mut lines = match &state.store {
        Store::Opening => {
            return vec![(format!("{} reading the acts of earlier runs", look.glyphs.loading), theme.title)];
        }
        Store::Refused(why) => vec![
            ("acts are off here: nothing can be written down, so nothing is done".to_owned(), theme.danger),
            (format!("the store is {store}: {}", look.clean(why)), theme.warning),
        ],
        Store::Troubled(_, why) => vec![
            ("nothing was done so far".to_owned(), theme.title),
            (format!("what cannot be written to {store}: {}", look.clean(why)), theme.danger),
        ],
        Store::Open => vec![
            ("nothing was done so far, in this run or the last ones".to_owned(), theme.title),
            (format!("acts are written to {store}"), theme.muted),
        ],
    };
    if !matches!(state.store, Store::Refused(_)) {
        lines.push(match &state.setup.read_only {
            Some(why) => (format!("terminating and alerting are off: {}", look.clean(why)), theme.warning),
            None => {
                let (terminate, alert) = (key(Action::Terminate), key(Action::Alert));
                (format!("on a session, {terminate} terminates and {alert} alerts"), theme.muted)
            }
        });
    }
    lines
}

fn cells<'a>(look: &Look<'a>, act: &'a Act) -> Vec<Pieces<'a>> {
    let theme = look.theme;
    let on = match &act.subject {
        Subject::Preferences(_) | Subject::Account(_) => {
            format!("{} {}", look.subject_id(&act.subject), look.account_of(&act.subject))
        }
        subject => look.subject_id(subject),
    };
    let by = match &act.actor.rule {
        Some(rule) => piece(format!("automatic ({})", look.clean(rule.as_str())), theme.warning),
        None => piece(look.clean(&act.actor.to_string()).into_owned(), theme.muted),
    };
    let owner = if act.owner.is_empty() { String::new() } else { look.owner(&act.owner) };
    vec![
        vec![piece(when(look, act.at), theme.muted)],
        vec![piece(kind(act), theme.text)],
        vec![worst(look, act)],
        vec![piece(on, theme.text)],
        vec![piece(owner, theme.text)],
        vec![piece(look.clean(&act.reason), theme.muted)],
        vec![by],
    ]
}

/// What was done; what a rule did says so, wherever there is no room for who.
fn kind(act: &Act) -> Cow<'static, str> {
    match act.is_automatic() {
        true => format!("{} (auto)", act.kind.title()).into(),
        false => act.kind.title().into(),
    }
}

/// The time of today, the date of other days: acts of earlier runs stand here as well.
fn when(look: &Look<'_>, at: Timestamp) -> String {
    let zoned = |at: Timestamp| at.to_zoned(look.state.setup.zone.clone());
    if zoned(at).date() == zoned(look.state.now).date() {
        return look.clock(at);
    }
    zoned(at).strftime("%m-%d %H:%M").to_string()
}

/// The words of an outcome, if it is of that kind.
type Told = fn(&ActOutcome) -> Option<&str>;

/// The act in one line: its worst outcome first, so that no part that went well hides one that did not.
fn worst(look: &Look<'_>, act: &Act) -> Piece<'static> {
    let all = act.steps.len();
    let counted = |steps: &[&ActStep]| if all > 1 { format!("{} of {all} ", steps.len()) } else { String::new() };
    let named = |steps: &[&ActStep], words: Told| {
        let one = |step: &&ActStep| match (all, words(&step.outcome).unwrap_or_default()) {
            (1, words) => look.clean(words).into_owned(),
            (_, "") => look.clean(&step.name).into_owned(),
            (_, words) => format!("{}: {}", look.clean(&step.name), look.clean(words)),
        };
        steps.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    let (theme, glyphs) = (look.theme, look.glyphs);
    let troubles: [(Told, &str, &str, Style); 2] = [
        (failure, "FAILED", glyphs.non_compliant, theme.danger),
        (doubt, "unproven", glyphs.insufficient, theme.warning),
    ];
    for (what, word, glyph, style) in troubles {
        let steps: Vec<_> = act.steps.iter().filter(|step| what(&step.outcome).is_some()).collect();
        if !steps.is_empty() {
            let named = named(&steps, what);
            return piece(format!("{glyph} {}{word}: {named}", counted(&steps)), style);
        }
    }
    let waiting: Vec<_> = act.steps.iter().filter(|step| !step.outcome.is_final()).collect();
    if let [first, ..] = waiting.as_slice() {
        let (word, style) = outcome(look, act, &first.outcome);
        let which = match counted(&waiting).as_str() {
            "" => String::new(),
            count => format!(" ({}; {count}not done)", look.clean(&first.name)),
        };
        return piece(format!("{} {word}{which}", glyphs.loading), style);
    }
    let took = act.steps.iter().filter_map(|step| match &step.outcome {
        ActOutcome::Done { took_ms, .. } => Some(*took_ms),
        _ => None,
    });
    let count = if all > 1 { format!("{all} of {all} ") } else { String::new() };
    piece(format!("{} {count}done in {}", glyphs.compliant, seconds(took.max().unwrap_or(0))), theme.ok)
}

/// What went wrong, if it did.
fn failure(outcome: &ActOutcome) -> Option<&str> {
    match outcome {
        ActOutcome::Failed { what, .. } => Some(what),
        _ => None,
    }
}

/// What nothing proves, if that is so.
fn doubt(outcome: &ActOutcome) -> Option<&str> {
    match outcome {
        ActOutcome::Unproven { what, .. } => Some(what),
        _ => None,
    }
}

/// The word of an outcome; of what is under way with how long it has been.
fn outcome(look: &Look<'_>, act: &Act, outcome: &ActOutcome) -> (String, Style) {
    let theme = look.theme;
    let so_far = || text::span(look.state.now.duration_since(act.at));
    match outcome {
        ActOutcome::Started => (format!("started, {} so far", so_far()), theme.warning),
        ActOutcome::Sent => (format!("sent, {} so far, proof awaited", so_far()), theme.warning),
        ActOutcome::Waiting { attempts: 0, .. } => ("in the outbox".to_owned(), theme.warning),
        ActOutcome::Waiting { what, attempts, .. } => {
            let why = if what.is_empty() { String::new() } else { format!(": {}", look.clean(what)) };
            (format!("in the outbox, tried {attempts}x{why}"), theme.warning)
        }
        ActOutcome::Done { took_ms, .. } => (format!("done in {}", seconds(*took_ms)), theme.ok),
        ActOutcome::Unproven { .. } => ("unproven".to_owned(), theme.warning),
        ActOutcome::Failed { .. } => ("FAILED".to_owned(), theme.danger),
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

/// The selected act in full, its worst outcome first.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let Some(act) = look.state.view.acts.selected.and_then(|id| look.state.act(id)) else {
        look.pane(buffer, area, &[], &[], false);
        return;
    };
    let title = [
        piece(format!("{} ", act.kind.title()), theme.title),
        piece(format!("act {} on {} ", act.id, act.subject.kind()), theme.muted),
        piece(look.subject_id(&act.subject), theme.muted),
    ];
    let inner = look.pane(buffer, area, &title, &[], false);
    if inner.width < 3 {
        return;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    sheet.act(act);
    look.lines(buffer, text_area, &sheet.lines);
    let more = sheet.lines.len().saturating_sub(usize::from(inner.height));
    if more > 0 {
        let words = format!("{} more, a higher terminal shows them", text::counted(more, "line", "lines"));
        look.on_frame(buffer, area, area.bottom() - 1, &[], &[piece(words, theme.muted)]);
    }
}

impl Sheet<'_> {
    fn act(&mut self, act: &Act) {
        let look = self.look;
        let theme = look.theme;
        let mut steps: Vec<&ActStep> = act.steps.iter().collect();
        steps.sort_by_key(|step| match step.outcome {
            ActOutcome::Failed { .. } => 0,
            ActOutcome::Unproven { .. } => 1,
            ActOutcome::Started | ActOutcome::Sent | ActOutcome::Waiting { .. } => 2,
            ActOutcome::Done { .. } => 3,
        });
        for step in steps {
            let (word, style) = outcome(look, act, &step.outcome);
            let sign = match step.outcome {
                ActOutcome::Done { .. } => look.glyphs.compliant,
                ActOutcome::Unproven { .. } => look.glyphs.insufficient,
                ActOutcome::Failed { .. } => look.glyphs.non_compliant,
                ActOutcome::Started | ActOutcome::Sent | ActOutcome::Waiting { .. } => look.glyphs.loading,
            };
            let lead =
                vec![piece(format!("{sign} "), style), piece(format!("{} ", look.clean(&step.name)), theme.text)];
            self.words(lead, 2, &word, style.add_modifier(Modifier::BOLD));
            match &step.outcome {
                ActOutcome::Done { proof, .. } => self.words(Vec::new(), 2, &look.clean(proof), theme.muted),
                ActOutcome::Failed { what, to_do } | ActOutcome::Unproven { what, to_do } => {
                    self.words(Vec::new(), 2, &look.clean(what), style);
                    self.advice(to_do);
                }
                ActOutcome::Waiting { to_do, .. } if !to_do.is_empty() => self.advice(to_do),
                ActOutcome::Started | ActOutcome::Sent | ActOutcome::Waiting { .. } => {}
            }
        }
        self.field("when", &look.date(act.at), theme.text);
        if let Some(place) = look.place_of(&act.subject) {
            self.field("where", &place, theme.text);
        }
        for (label, value) in [("target", act.target.as_str()), ("owner", &act.owner), ("reason", &act.reason)] {
            if !value.is_empty() {
                self.field(label, &look.clean(value), theme.text);
            }
        }
        if let Some(rule) = &act.actor.rule {
            self.field("rule", &format!("{}, by itself", look.clean(rule.as_str())), theme.warning);
        }
        self.field("by", &look.clean(&act.actor.to_string()), theme.text);
        if let Some(digest) = &act.evidence_sha256 {
            self.field("evidence", &format!("sha256 {}", look.clean(digest)), theme.muted);
        }
    }

    fn advice(&mut self, to_do: &str) {
        let lead = vec![piece(format!("  {} ", self.look.glyphs.remedy), self.look.theme.accent)];
        self.words(lead, 4, &self.look.clean(to_do), self.look.theme.text);
    }
}
