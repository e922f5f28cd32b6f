//! One raw line, as a terminal would leave it: backspaces and cursor movement applied, escape sequences gone.
//!
//! A terminal has rows; a log line is treated as one endless row. Movement to another row therefore never erases: the
//! text goes on at the end of the line, and the line is uncertain.

use unicode_width::UnicodeWidthChar;
use vte::{Params, Parser, Perform};

/// Columns of the endless row. Text beyond is counted, not kept.
const MAX_COLUMNS: usize = 8192;
/// Control strings longer than a window title make a line uncertain: text may be hidden in them.
const MAX_TITLE: usize = 256;
/// A prompt is looked for in so many columns.
const PROMPT_COLUMNS: usize = 80;
/// What a shell shows while it searches its history: the line is rewritten at each key.
pub(super) const HISTORY_SEARCH: &str = "-i-search)";
const ESC: char = '\u{1b}';

/// A raw line in parts: text of the normal screen or of a full screen, and the changes between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Text, with whatever other sequences it has.
    Text(&'a str),
    /// `ESC [ ? 1049 h`: a full-screen program takes the screen.
    EnterScreen,
    /// `ESC [ ? 1049 l`: it gives it back.
    LeaveScreen,
}

/// The parts of a raw line, in order; texts are never empty.
pub(super) fn parts(raw: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in raw.match_indices(ESC) {
        let Some(rest) = raw.get(at..).and_then(|rest| rest.strip_prefix("\u{1b}[?")) else { continue };
        let Some(end) = rest.find(|c: char| !c.is_ascii_digit() && c != ';') else { continue };
        let (Some(numbers), Some(last)) = (rest.get(..end), rest.as_bytes().get(end)) else { continue };
        let after = rest.get(end + 1..).unwrap_or_default();
        let change = match last {
            b'h' => Part::EnterScreen,
            b'l' => Part::LeaveScreen,
            _ => continue,
        };
        let alternate = numbers.split(';').any(|number| matches!(number, "47" | "1047" | "1049"));
        // `top` and `watch` take the screen without the alternate buffer: keypad mode on, and the screen cleared.
        let keypad = numbers == "1"
            && match last {
                b'h' => after.starts_with("\u{1b}=") && after.contains("\u{1b}[2J"),
                _ => after.starts_with("\u{1b}>"),
            };
        if alternate || keypad {
            parts.extend(text_between(raw, start, at));
            parts.push(change);
            start = at + 3 + end + 1 + if keypad { 2 } else { 0 };
        }
    }
    parts.extend(text_between(raw, start, raw.len()));
    parts
}

fn text_between(raw: &str, from: usize, to: usize) -> Option<Part<'_>> {
    raw.get(from..to).filter(|text| !text.is_empty()).map(Part::Text)
}

/// What a part of a raw line leaves on the row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Row {
    /// The text, not cleaned yet.
    pub text: String,
    /// There is more than one reading.
    pub uncertain: bool,
    /// Times the screen was cleared.
    pub clears: u64,
    /// Bytes that did not fit on the row.
    pub cut_bytes: u64,
}

/// Must the line go through [`render`], or is its text what is shown?
pub(super) fn needs_rendering(raw: &str) -> bool {
    raw.bytes().any(|byte| matches!(byte, 0x08 | 0x09 | 0x0d | 0x1b))
}

/// Plays a raw text on an empty row. `stripped`: it went through the agent's stripper, so that the sequences which tell
/// an erasure from a movement are gone wherever no escape sequence is left at all.
pub(super) fn render(raw: &str, stripped: bool) -> Row {
    let mut row = RowScreen { cells: Vec::with_capacity(raw.len().min(MAX_COLUMNS)), ..RowScreen::default() };
    let mut parser: Option<Parser> = None;
    let mut sequences_kept = false;
    let mut at = 0;
    // Where one string of a kind has no end, none after it has: without these a line of beginnings costs its square.
    let (mut endless_bell, mut endless_string) = (false, false);
    loop {
        let rest = raw.get(at..).unwrap_or_default();
        let Some((text, rest)) = rest.split_once(ESC) else {
            row.plain(rest);
            break;
        };
        row.plain(text);
        sequences_kept = true;
        let escape = at + text.len();
        match rest.as_bytes() {
            // Control strings (DCS, SOS, OSC, PM, APC) are taken out here: a parser for streams waits for their end beyond
            // the line and swallows the text until then.
            [kind @ (b'P' | b'X' | b']' | b'^' | b'_'), ..] => {
                let bell_ends = *kind == b']';
                let endless = if bell_ends { &mut endless_bell } else { &mut endless_string };
                let end = if *endless { None } else { string_end(rest, bell_ends) };
                *endless |= end.is_none();
                match end {
                    Some(end) => {
                        row.uncertain |= !bell_ends || end > MAX_TITLE;
                        if let Some(name) = string_name(rest) {
                            row.uncertain = true;
                            row.plain(&name);
                        }
                        at = escape + 1 + end;
                    }
                    None => {
                        row.put(ESC);
                        row.put(char::from(*kind));
                        row.uncertain = true;
                        at = escape + 2;
                    }
                }
            }
            [b'[', parameters @ ..] => {
                let length = parameters.iter().take_while(|byte| matches!(byte, b'0'..=b';')).count();
                // Colours change nothing on the row, and are most of what there is.
                at = if parameters.get(length) == Some(&b'm') {
                    escape + 3 + length
                } else {
                    row.sequence(raw, escape, parser.get_or_insert_default())
                };
            }
            _ => at = row.sequence(raw, escape, parser.get_or_insert_default()),
        }
    }
    row.finish(stripped && !sequences_kept)
}

/// What else a stripped line may have been. The sequences that tell an erasure or an insertion from a movement are gone, so
/// what was typed after the cursor had gone back may stand in front of the rest, or in its place. Nothing where there is no such doubt.
pub(super) fn alternatives(raw: &str) -> Vec<String> {
    let mut readings: Vec<String> = Vec::new();
    if raw.contains(HISTORY_SEARCH) {
        // The match follows the last of the search's own prompts; the shell draws the command line anew when it is taken.
        readings.extend(raw.rsplit("': ").next().map(without_controls));
    }
    if raw.contains('\u{8}') && !raw.contains(ESC) {
        readings.push(edited(raw, Edit::Insert));
        readings.push(edited(raw, Edit::Erase));
    }
    if !readings.is_empty() {
        readings.push(without_controls(raw));
    }
    readings
}

#[derive(Clone, Copy, PartialEq)]
enum Edit {
    /// What is typed pushes the rest to the right.
    Insert,
    /// Going back erases.
    Erase,
}

fn edited(raw: &str, edit: Edit) -> String {
    let mut row: Vec<char> = Vec::new();
    let mut cursor = 0_usize;
    for c in raw.chars() {
        match c {
            '\u{8}' if edit == Edit::Erase => drop(row.pop()),
            '\u{8}' => cursor = cursor.saturating_sub(1),
            _ if c.is_control() => {}
            _ if edit == Edit::Erase => row.push(c),
            _ => {
                row.insert(cursor.min(row.len()), c);
                cursor += 1;
            }
        }
    }
    row.into_iter().collect()
}

fn without_controls(raw: &str) -> String {
    raw.chars().filter(|c| !c.is_control()).collect()
}

/// What stands in place of a control string that would act on the reader's terminal or desk: `<OSC 52>`. Clipboard (52), notifications
/// (9, 99, 777), fonts (50), files and more of iTerm2 (1337). Titles, links and the marks of prompts are drawn by many shells, and nothing
/// is lost without them.
fn string_name(rest: &str) -> Option<String> {
    let digits = rest.strip_prefix(']')?;
    let number = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    matches!(number, "9" | "50" | "52" | "99" | "777" | "1337").then(|| format!("<OSC {number}>"))
}

/// Bytes up to and including the end of a control string; `bell_ends`: BEL ends it as well as ESC `\`.
fn string_end(rest: &str, bell_ends: bool) -> Option<usize> {
    rest.bytes().enumerate().skip(1).find_map(|(end, byte)| match byte {
        0x07 if bell_ends => Some(end + 1),
        0x1b if rest.as_bytes().get(end + 1) == Some(&b'\\') => Some(end + 2),
        _ => None,
    })
}

/// A column of the row: a character, the second column of a wide one, or an index into `RowScreen::stacks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell(u32);

impl Cell {
    const SPACE: Self = Self(0x20);
    const TAIL: Self = Self(0x11_0000);
    const STACK: u32 = 0x20_0000;
}

#[derive(Debug, Default)]
struct RowScreen {
    cells: Vec<Cell>,
    cursor: usize,
    saved: usize,
    /// Characters with something on them that takes no column: combining characters, bells, other control characters.
    stacks: Vec<String>,
    uncertain: bool,
    went_back: bool,
    /// The cursor went back to the start of a row that begins with a prompt.
    returned: bool,
    /// … and something was printed over the prompt.
    wrapped: bool,
    clears: u64,
    cut_bytes: u64,
}

impl RowScreen {
    /// A sequence and the text after it, up to the next sequence; where that begins.
    fn sequence(&mut self, raw: &str, escape: usize, parser: &mut Parser) -> usize {
        let after = raw.get(escape + 1..).unwrap_or_default();
        let end = after.find(ESC).map_or(raw.len(), |next| escape + 1 + next);
        parser.advance(self, raw.get(escape..end).unwrap_or_default().as_bytes());
        end
    }

    /// A text without sequences: as the parser would have it, a run of ordinary characters at a time.
    fn plain(&mut self, mut text: &str) {
        while !text.is_empty() {
            let run = text.bytes().take_while(|byte| matches!(byte, b' '..=b'~')).count();
            let (ordinary, rest) = text.split_at_checked(run).unwrap_or((text, ""));
            let fits = if self.cursor == self.cells.len() { run.min(MAX_COLUMNS - self.cursor) } else { 0 };
            let (appended, others) = ordinary.split_at_checked(fits).unwrap_or_default();
            self.cells.extend(appended.bytes().map(|byte| Cell(u32::from(byte))));
            self.cursor += appended.len();
            others.chars().for_each(|c| self.put(c));
            let mut characters = rest.chars();
            match characters.next() {
                Some(c @ ('\0'..='\x1f' | '\u{80}'..='\u{9f}')) => self.execute(c as u8),
                Some(c) => self.print(c),
                None => {}
            }
            text = characters.as_str();
        }
    }

    fn put(&mut self, c: char) {
        // Nearly all text is this: ASCII at the end of the row.
        if matches!(c, ' '..='~') && self.cursor == self.cells.len() && self.cursor < MAX_COLUMNS {
            self.cells.push(Cell(u32::from(c)));
            self.cursor += 1;
            return;
        }
        match c.width() {
            None | Some(0) => self.stack(c),
            Some(width) => {
                if self.cursor + width > MAX_COLUMNS {
                    self.cut_bytes += c.len_utf8() as u64;
                    return;
                }
                // Shells wrap a long command line with a return at the margin; on an endless row that overwrites its start.
                self.wrapped |= self.returned && self.cursor == 0 && !self.cells.is_empty();
                self.set(self.cursor, Cell(u32::from(c)));
                self.cursor += 1;
                if width == 2 {
                    self.set(self.cursor, Cell::TAIL);
                    self.cursor += 1;
                }
            }
        }
    }

    fn set(&mut self, column: usize, cell: Cell) {
        if self.cells.len() <= column {
            self.cells.resize(column + 1, Cell::SPACE);
        }
        if let Some(place) = self.cells.get_mut(column) {
            *place = cell;
        }
    }

    /// Puts a character that takes no column on the one before the cursor.
    fn stack(&mut self, c: char) {
        let end = self.cursor.min(self.cells.len());
        let before = (0..end).rev().find(|&column| self.cells.get(column).is_some_and(|cell| *cell != Cell::TAIL));
        let Some(column) = before.or((!self.cells.is_empty()).then_some(0)) else {
            // On an empty row it needs a column of its own.
            self.set(0, Cell(u32::from(c)));
            self.cursor = self.cursor.max(1);
            return;
        };
        let Some(cell) = self.cells.get(column).copied() else { return };
        if let Some(stack) = cell.0.checked_sub(Cell::STACK).and_then(|index| self.stacks.get_mut(index as usize)) {
            stack.push(c);
            return;
        }
        let Ok(index) = u32::try_from(self.stacks.len()) else { return };
        self.stacks.push(char::from_u32(cell.0).into_iter().chain([c]).collect());
        self.set(column, Cell(Cell::STACK.saturating_add(index)));
    }

    fn move_to(&mut self, column: usize) {
        self.cursor = column.min(MAX_COLUMNS);
    }

    /// The cursor went somewhere that is not on this row: what follows is kept apart, at the end.
    fn leave_row(&mut self) {
        self.uncertain = true;
        self.cursor = self.cells.len().min(MAX_COLUMNS);
        if self.cells.last().is_some_and(|last| *last != Cell::SPACE) {
            self.put(' ');
        }
    }

    fn erase_in_line(&mut self, what: u16) {
        match what {
            0 => self.cells.truncate(self.cursor),
            1 => self.cells.iter_mut().take(self.cursor + 1).for_each(|cell| *cell = Cell::SPACE),
            _ => self.cells.clear(),
        }
    }

    fn insert_columns(&mut self, count: usize) {
        if self.cursor < self.cells.len() {
            let count = count.min(MAX_COLUMNS - self.cursor.min(MAX_COLUMNS));
            let (from, gap) = (self.cursor, std::iter::repeat_n(Cell::SPACE, count));
            self.cells.splice(from..from, gap);
            self.cells.truncate(MAX_COLUMNS);
        }
    }

    fn delete_columns(&mut self, count: usize) {
        let end = self.cursor.saturating_add(count).min(self.cells.len());
        if self.cursor < end {
            self.cells.drain(self.cursor..end);
        }
    }

    /// The text of the first columns.
    fn text_of(&self, columns: usize) -> String {
        let cells = self.cells.get(..columns.min(self.cells.len())).unwrap_or_default();
        if cells.iter().fold(0, |all, cell| all | cell.0) < 0x80 {
            return cells.iter().map(|cell| char::from(cell.0 as u8)).collect();
        }
        let mut text = String::with_capacity(cells.len());
        for cell in cells {
            match cell.0.checked_sub(Cell::STACK) {
                Some(index) => text.push_str(self.stacks.get(index as usize).map_or("", String::as_str)),
                None => text.extend(char::from_u32(cell.0)),
            }
        }
        text
    }

    fn finish(self, ambiguous_edits: bool) -> Row {
        let text = self.text_of(MAX_COLUMNS);
        let left_behind = ambiguous_edits && self.went_back && self.cursor < self.cells.len();
        let searched = text.contains(HISTORY_SEARCH);
        Row {
            uncertain: self.uncertain || left_behind || searched || self.wrapped,
            text,
            clears: self.clears,
            cut_bytes: self.cut_bytes,
        }
    }
}

impl Perform for RowScreen {
    fn print(&mut self, c: char) {
        if c == '\u{7f}' {
            self.stack(c);
        } else {
            self.put(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            0x08 if self.cursor == 0 => self.uncertain = true,
            0x08 => {
                self.cursor -= 1;
                self.went_back = true;
            }
            b'\t' => {
                let stop = (self.cursor / 8 + 1) * 8;
                self.move_to(stop);
                if self.cells.len() < self.cursor {
                    self.cells.resize(self.cursor, Cell::SPACE);
                }
            }
            b'\r' => {
                self.returned =
                    self.returned || self.cursor > 0 && super::prompt::length(&self.text_of(PROMPT_COLUMNS)).is_some();
                self.cursor = 0;
            }
            _ => self.stack(char::from(byte)),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: char) {
        let first = params.iter().next().and_then(|param| param.first().copied()).unwrap_or(0);
        if !intermediates.is_empty() {
            return;
        }
        let count = usize::from(first.max(1));
        match action {
            'C' | 'a' => self.move_to(self.cursor.saturating_add(count)),
            'D' => self.move_to(self.cursor.saturating_sub(count)),
            'G' | '`' => self.move_to(count - 1),
            'K' => self.erase_in_line(first),
            'P' => self.delete_columns(count),
            '@' => self.insert_columns(count),
            'X' => {
                let end = self.cursor.saturating_add(count).min(self.cells.len());
                self.cells.iter_mut().take(end).skip(self.cursor).for_each(|cell| *cell = Cell::SPACE);
            }
            's' => self.saved = self.cursor,
            'u' => self.cursor = self.saved,
            'J' => self.clears += u64::from(first >= 2),
            'A' | 'B' | 'E' | 'F' | 'H' | 'f' | 'd' | 'e' | 'L' | 'M' | 'S' | 'T' => self.leave_row(),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        match (intermediates, byte) {
            ([], b'7') => self.saved = self.cursor,
            ([], b'8') => self.cursor = self.saved,
            ([], b'D' | b'E' | b'M' | b'c') => self.leave_row(),
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
