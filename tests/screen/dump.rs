//! A drawn buffer as text, styles included: the lines, and below them which cells have which style.

use std::{collections::BTreeMap, fmt::Write};

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, CellWidth},
    style::{Color, Modifier},
};
use ssmwatch::{
    app::State,
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
};

/// Draws the State at the size that it knows.
pub fn drawn(state: &State, theme: &str, glyphs: &Glyphs) -> Buffer {
    let (width, height) = state.view.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let theme = Theme::load(theme, None).unwrap();
    terminal
        .draw(|frame| {
            ui::draw(frame, state, &theme, glyphs);
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The lines of text; a wide character takes its cells once.
pub fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut x = area.left();
        while x < area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += symbol.cell_width().max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The lines, then a map of styles: one letter a cell (space: the commonest), and what the letters stand for.
pub fn styled(buffer: &Buffer) -> String {
    let name = |cell: &ratatui::buffer::Cell| {
        let color = |color: Color| match color {
            Color::Reset => "-".to_owned(),
            Color::Rgb(red, green, blue) => format!("{red:02x}{green:02x}{blue:02x}"),
            other => format!("{other:?}"),
        };
        let mut name = format!("{} on {}", color(cell.fg), color(cell.bg));
        if cell.modifier != Modifier::empty() {
            write!(name, " {:?}", cell.modifier).unwrap();
        }
        name
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    buffer.content().iter().for_each(|cell| *counts.entry(name(cell)).or_default() += 1);
    let commonest = counts.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name.clone()).unwrap_or_default();
    let mut letters: BTreeMap<String, char> = BTreeMap::new();
    let mut alphabet = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    let mut map = String::new();
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        for x in area.left()..area.right() {
            let name = name(&buffer[(x, y)]);
            let letter =
                if name == commonest { ' ' } else { *letters.entry(name).or_insert_with(|| alphabet.next().unwrap()) };
            line.push(letter);
        }
        map.push_str(line.trim_end());
        map.push('\n');
    }
    let mut legend: Vec<(char, String)> = letters.into_iter().map(|(name, letter)| (letter, name)).collect();
    legend.sort_by_key(|(letter, _)| alphabet_place(*letter));
    let mut all = format!("{}\n--- styles, the rest is {commonest}\n{map}\n", text(buffer));
    for (letter, name) in legend {
        writeln!(all, "{letter}: {name}").unwrap();
    }
    all
}

fn alphabet_place(letter: char) -> usize {
    ('a'..='z').chain('A'..='Z').chain('0'..='9').position(|other| other == letter).unwrap_or(usize::MAX)
}
