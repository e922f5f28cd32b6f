//! The last hour as sparklines: a minute a column, nothing at all where there was no data.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    app::trend::{MINUTES, Sample},
    ui::{
        look::Look,
        text::{self, piece, put_line},
    },
};

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// In one row of ASCII heights are told by how dark a sign is; zero lies on the ground.
const ASCII_BARS: [&str; 8] = ["_", ".", ":", "-", "=", "+", "*", "#"];

/// Draws both beside each other where it is wide, else each in rows of its own, else the sessions alone.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    if area.height == 0 || area.width < 30 {
        return;
    }
    let hour = look.state.trend.hour(look.state.now);
    let (active, alerts) = (|sample: Sample| sample.active, |sample: Sample| sample.alerts);
    let theme = look.theme;
    let half = area.width / 2;
    let left = Rect { width: half, ..area };
    let right = Rect { x: area.x + half, width: area.width - half, ..area };
    line(look, buffer, left, ("sessions", theme.accent), &hour.map(|sample| sample.map(active)));
    line(look, buffer, right, ("alerts", theme.warning), &hour.map(|sample| sample.map(alerts)));
}

fn line(
    look: &Look<'_>,
    buffer: &mut Buffer,
    area: Rect,
    (name, style): (&str, Style),
    values: &[Option<usize>; MINUTES],
) {
    let theme = look.theme;
    let most = values.iter().flatten().copied().max();
    let label = match most {
        Some(most) => format!(" {name}, last hour, max {most} "),
        None => format!(" {name}, last hour: no data "),
    };
    let short = most.map_or_else(|| format!(" {name} ? "), |most| format!(" {name} 1h max {most} "));
    let tall = area.height >= 3;
    // Low ones have their words before them, tall ones above them.
    let (words, chart) = if tall {
        let chart = Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height - 1 };
        (label, chart)
    } else {
        let words = if text::width(&label) + MINUTES <= usize::from(area.width) { label } else { short };
        let taken = u16::try_from(text::width(&words)).unwrap_or(area.width).min(area.width);
        let chart = Rect { x: area.x + taken, width: (area.width - taken).saturating_sub(1), ..area };
        (words, chart)
    };
    put_line(buffer, (area.x, area.y), area.width, &[piece(words, theme.muted)], look.glyphs.ellipsis);
    if chart.width == 0 {
        return;
    }
    // As many cells a minute as fit; where not even one does, the latest minutes.
    let minute = (usize::from(chart.width) / MINUTES).max(1);
    let shown = (usize::from(chart.width) / minute).min(MINUTES);
    let scale = most.unwrap_or(0).max(1);
    let steps = usize::from(chart.height) * BARS.len();
    for (index, value) in values.iter().skip(MINUTES - shown).enumerate() {
        let Some(value) = value else { continue };
        // Zero is the lowest bar; only what was not seen is blank.
        let filled = (value * (steps - 1)).div_ceil(scale) + 1;
        for row in 0..chart.height {
            let below = usize::from(chart.height - 1 - row) * BARS.len();
            let here = filled.saturating_sub(below).min(BARS.len());
            let Some(place) = here.checked_sub(1) else { continue };
            let bars = if look.state.setup.ascii { &ASCII_BARS } else { &BARS };
            let symbol = bars.get(place).copied().unwrap_or(" ");
            for cell in 0..minute {
                let x = chart.x + u16::try_from(index * minute + cell).unwrap_or(0);
                if let Some(cell) = buffer.cell_mut((x, chart.y + row)).filter(|_| x < chart.right()) {
                    cell.set_symbol(symbol).set_style(style);
                }
            }
        }
    }
}
