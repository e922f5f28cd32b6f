//! The commands of the selected session's transcript: what was entered, when, and how sure that is.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    look::Look,
    text::{Pieces, counted, piece},
};
use crate::{
    app::view::Focus,
    detection::Confidence,
    domain::Severity,
    transcript::{Certainty, Command, mask},
};

/// Draws the pane.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let view = &look.state.view;
    let theme = look.theme;
    let Some(transcript) = &view.transcript else { return };
    let commands: Vec<&Command> = transcript.commands().collect();
    let title = [
        piece("Commands ", theme.title),
        piece(commands.len().to_string(), theme.text),
        piece("  ", theme.text),
        piece(look.clean(transcript.session.id.as_str()), theme.muted),
    ];
    let uncertain = commands.iter().filter(|command| command.certainty == Certainty::Uncertain).count();
    let state: Pieces<'_> = match uncertain {
        0 => Vec::new(),
        count => vec![piece(format!("{} {count} uncertain", look.glyphs.uncertain), theme.warning)],
    };
    let inner = look.pane(buffer, area, &title, &state, view.focus == Focus::Commands);
    if inner.width == 0 || inner.height == 0 {
        return;
    }
    if commands.is_empty() {
        let words = if transcript.content.lines().is_empty() {
            "nothing was read so far"
        } else {
            "no prompt is recognized: nothing here can be told to have been typed"
        };
        return look.centered(buffer, inner, &[(words.to_owned(), theme.muted)]);
    }
    let rows = usize::from(inner.height);
    let last = commands.len() - 1;
    let selected = transcript.command.and_then(|line| commands.iter().position(|command| command.line == line));
    let top = (selected.unwrap_or(last) + 1).saturating_sub(rows.div_ceil(2)).min(commands.len().saturating_sub(rows));
    let mut y = inner.top();
    for (index, command) in commands.iter().enumerate().skip(top) {
        let here = selected == Some(index);
        let mark = transcript.mark(command.line, view.show_output_detections);
        for line in lines(look, command, mark, here) {
            if y >= inner.bottom() {
                break;
            }
            let area = Rect::new(inner.x, y, inner.width, 1);
            look.lines(buffer, area, &[line]);
            if here {
                buffer.set_style(area, theme.selection);
            }
            y += 1;
        }
        if y >= inner.bottom() {
            break;
        }
    }
    let forgotten = transcript.content.forgotten_commands();
    let left: Pieces<'_> = match forgotten {
        0 => Vec::new(),
        count => vec![piece(
            format!("{} not kept", counted(count as usize, "older command", "older commands")),
            theme.warning,
        )],
    };
    let position = look.position(top, rows, commands.len());
    look.on_frame(buffer, area, area.bottom() - 1, &left, &position);
}

/// A command, and its other readings where it is selected.
fn lines<'a>(
    look: &Look<'_>,
    command: &'a Command,
    mark: Option<(Severity, Confidence)>,
    selected: bool,
) -> Vec<Pieces<'a>> {
    let theme = look.theme;
    let (sign, style) = match (mark, command.certainty) {
        (Some((severity, confidence)), _) => super::transcript::detection(look, severity, confidence),
        (None, Certainty::Certain) => (" ", theme.muted),
        (None, Certainty::Uncertain) => (look.glyphs.uncertain, theme.warning),
        (None, Certainty::NotRun) => ("-", theme.muted),
    };
    let text = match (command.repeated, command.certainty) {
        (true, _) | (_, Certainty::NotRun) => theme.muted,
        _ => theme.text,
    };
    let words = if command.text.is_empty() { "(nothing that is left)".into() } else { mask(&command.text) };
    let mut lines = vec![vec![
        piece(format!(" {} ", look.clock(command.at)), theme.muted),
        piece(sign, style),
        piece(" ", text),
        piece(words, text),
    ]];
    if let (Certainty::Uncertain, Some(line)) = (command.certainty, lines.first_mut()) {
        line.push(piece("  uncertain", theme.warning.add_modifier(Modifier::ITALIC)));
    }
    if selected {
        let or = |reading: &'a str| {
            vec![piece("         or  ", theme.warning), piece(reading, theme.text.add_modifier(Modifier::ITALIC))]
        };
        lines.extend(command.readings.iter().map(|reading| or(reading)));
        if command.certainty == Certainty::NotRun {
            lines.push(vec![piece("         interrupted: typed, and not run", theme.muted)]);
        }
    }
    lines
}
