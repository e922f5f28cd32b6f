//! Alerts and everything else that was done here, with the outcome of every step.

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
use crate::domain::{Act, ActOutcome, ActStep};

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.acts;
    let theme = look.theme;
    let title = [piece("Alerts and acts ", theme.title), piece(list.rows.len().to_string(), theme.text)];
    let state = [piece(format!("written to {}", look.clean(&look.state.setup.store)), theme.muted)];
    let inner = look.pane(buffer, area, &title, &state, true);
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        let key = |action| look.state.setup.keymap.first_key(action).unwrap_or_default();
        let how = match &look.state.setup.read_only {
            Some(why) => format!("terminating and alerting are off: {}", look.clean(why)),
            None => format!(
                "on a session, {} terminates and {} alerts",
                key(crate::app::action::Action::Terminate),
                key(crate::app::action::Action::Alert)
            ),
        };
        let lines = [("nothing was done here since the start".to_owned(), theme.title), (how, theme.muted)];
        return look.centered(buffer, inner, &lines);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let acts = || list.rows.iter().skip(list.offset).take(visible).filter_map(|id| look.state.act(*id));
    let longest = acts().map(|act| text::width(&worst(look, act).text)).max().unwrap_or(0);
    // The outcome is what the list is for: up to two fifths of it.
    let outcome = u16::try_from(longest).unwrap_or(u16::MAX).min(inner.width * 2 / 5).max(14);
    let columns = [
        Column::new("WHEN", 8, 8, 0),
        Column::new("ACT", 9, 9, 0),
        Column::new("OUTCOME", outcome, outcome.max(64), 0),
        Column::new("SESSION", 12, 40, 0).middle(),
        Column::new("OWNER", 10, 36, 4),
        Column::new("REASON", 12, 60, 5),
        Column::new("BY", 8, 40, 6),
    ];
    let rows: Vec<Row<'_>> = acts()
        .map(|act| Row { cells: cells(look, act), over: (list.selected == Some(act.id)).then_some(theme.selection) })
        .collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(false));
    let position = look.position(list.offset, visible, list.rows.len());
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
}

fn cells<'a>(look: &Look<'a>, act: &'a Act) -> Vec<Pieces<'a>> {
    let theme = look.theme;
    vec![
        vec![piece(look.clock(act.at), theme.muted)],
        vec![piece(act.kind.title(), theme.text)],
        vec![worst(look, act)],
        vec![piece(look.clean(act.subject.id()), theme.text)],
        vec![piece(look.owner(&act.owner), theme.text)],
        vec![piece(look.clean(&act.reason), theme.muted)],
        vec![piece(look.clean(&act.actor.to_string()).into_owned(), theme.muted)],
    ]
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
        let (word, style) = outcome(look, &first.outcome);
        let names = if all > 1 { format!(": {}", named(&waiting, |_| None)) } else { String::new() };
        return match counted(&waiting).as_str() {
            "" => piece(word, style),
            count => piece(format!("{} {count}not done yet{names}", glyphs.loading), style),
        };
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

/// Glyph and word of an outcome.
fn outcome(look: &Look<'_>, outcome: &ActOutcome) -> (String, Style) {
    let (theme, glyphs) = (look.theme, look.glyphs);
    match outcome {
        ActOutcome::Started => (format!("{} started", glyphs.loading), theme.warning),
        ActOutcome::Sent => (format!("{} sent, proof awaited", glyphs.loading), theme.warning),
        ActOutcome::Waiting { .. } => (format!("{} in the outbox", glyphs.loading), theme.warning),
        ActOutcome::Done { took_ms, .. } => (format!("{} done in {}", glyphs.compliant, seconds(*took_ms)), theme.ok),
        ActOutcome::Unproven { .. } => (format!("{} unproven", glyphs.insufficient), theme.warning),
        ActOutcome::Failed { .. } => (format!("{} FAILED", glyphs.non_compliant), theme.danger),
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
    let title =
        [piece(format!("{} ", act.kind.title()), theme.title), piece(look.clean(act.subject.id()), theme.muted)];
    let inner = look.pane(buffer, area, &title, &[], false);
    if inner.width < 3 {
        return;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    let mut steps: Vec<&ActStep> = act.steps.iter().collect();
    steps.sort_by_key(|step| match step.outcome {
        ActOutcome::Failed { .. } => 0,
        ActOutcome::Unproven { .. } => 1,
        ActOutcome::Started | ActOutcome::Sent | ActOutcome::Waiting { .. } => 2,
        ActOutcome::Done { .. } => 3,
    });
    for step in steps {
        let (word, style) = outcome(look, &step.outcome);
        let lead = vec![
            piece(format!("{} ", look.clean(&step.name)), theme.text),
            piece(word, style.add_modifier(Modifier::BOLD)),
        ];
        sheet.line(lead);
        match &step.outcome {
            ActOutcome::Done { proof, .. } => sheet.words(Vec::new(), 2, &look.clean(proof), theme.muted),
            ActOutcome::Failed { what, to_do } | ActOutcome::Unproven { what, to_do } => {
                sheet.words(Vec::new(), 2, &look.clean(what), style);
                let lead = vec![piece(format!("  {} ", look.glyphs.remedy), theme.accent)];
                sheet.words(lead, 4, &look.clean(to_do), theme.text);
            }
            ActOutcome::Started | ActOutcome::Sent | ActOutcome::Waiting { .. } => {}
        }
    }
    sheet.field("when", &look.date(act.at), theme.text);
    if let Some(scope) = act.subject.scope() {
        sheet.field("where", &look.place(scope), theme.text);
    }
    sheet.field("owner", &look.clean(&act.owner), theme.text);
    sheet.field("reason", &look.clean(&act.reason), theme.text);
    sheet.field("by", &look.clean(&act.actor.to_string()), theme.text);
    look.lines(buffer, text_area, &sheet.lines);
}
