//! One line that is typed: the filter of a table, or the search in a transcript.
//!
//! Written by hand: the editor of the dialogs knows lines and columns of many lines, and here the parser, the completion and
//! the screen need bytes of one.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

use super::filter::{FilterError, Offer};

/// Bytes that the line takes at most.
pub const MOST: usize = 500;

/// A line of input at the foot: filter or search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineInput {
    /// What is typed so far.
    pub text: String,
    /// What it was before, for `Esc`.
    pub before: String,
    /// The byte before which the next character goes; between two graphemes.
    pub cursor: usize,
    /// It is a filter, not a search.
    pub is_filter: bool,
    /// What is wrong with the filter as it is.
    pub problem: Option<FilterError>,
    /// It was to be kept, and could not.
    pub refused: bool,
    /// What could stand at the cursor.
    pub offer: Offer,
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// It is none of the line's.
    Nothing,
    /// The cursor moved.
    Moved,
    /// The text is another.
    Changed,
}

impl LineInput {
    /// A line with that text, the cursor behind it.
    pub fn new(text: String, is_filter: bool) -> Self {
        Self { cursor: text.len(), before: text.clone(), text, is_filter, ..Self::default() }
    }

    /// Before and after the cursor.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    /// A key that edits or moves.
    pub fn key(&mut self, event: KeyEvent) -> Edited {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        let cursor = self.cursor;
        match (event.code, control, alt) {
            (KeyCode::Left, false, false) | (KeyCode::Char('b'), true, false) => self.cursor = self.left(),
            (KeyCode::Right, false, false) | (KeyCode::Char('f'), true, false) => self.cursor = self.right(),
            (KeyCode::Left, ..) | (KeyCode::Char('b'), false, true) => self.cursor = self.word_left(),
            (KeyCode::Right, ..) | (KeyCode::Char('f'), false, true) => self.cursor = self.word_right(),
            (KeyCode::Home, ..) | (KeyCode::Char('a'), true, false) => self.cursor = 0,
            (KeyCode::End, ..) | (KeyCode::Char('e'), true, false) => self.cursor = self.text.len(),
            (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, false) => {
                return self.cut(self.left(), cursor);
            }
            (KeyCode::Backspace, ..) | (KeyCode::Char('w'), true, false) => return self.cut(self.word_left(), cursor),
            (KeyCode::Delete, ..) | (KeyCode::Char('d'), true, false) => return self.cut(cursor, self.right()),
            (KeyCode::Char('d'), false, true) => return self.cut(cursor, self.word_right()),
            (KeyCode::Char('u'), true, false) => return self.cut(0, cursor),
            (KeyCode::Char('k'), true, false) => return self.cut(cursor, self.text.len()),
            (KeyCode::Char(character), false, false) => return self.insert(character.encode_utf8(&mut [0; 4])),
            _ => return Edited::Nothing,
        }
        Edited::Moved
    }

    /// Puts a text at the cursor: without control characters, as much as there is room for. What breaks lines becomes a space.
    pub fn insert(&mut self, text: &str) -> Edited {
        let text = text.trim_end_matches(['\r', '\n']).replace("\r\n", "\n");
        let mut room = MOST.saturating_sub(self.text.len());
        let mut taken = String::new();
        for c in text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }) {
            if c.is_control() {
                continue;
            }
            let Some(left) = room.checked_sub(c.len_utf8()) else { break };
            room = left;
            taken.push(c);
        }
        if taken.is_empty() {
            return Edited::Nothing;
        }
        self.text.insert_str(self.cursor, &taken);
        self.cursor = self.whole(self.cursor + taken.len());
        Edited::Changed
    }

    /// Puts a text in the place of another, if there is room; the cursor behind it.
    pub fn replace(&mut self, range: std::ops::Range<usize>, text: &str) -> bool {
        let fits = self.text.len().saturating_sub(range.len()) + text.len() <= MOST;
        let whole = self.text.get(range.clone()).is_some();
        if fits && whole {
            self.text.replace_range(range.clone(), text);
            self.cursor = range.start + text.len();
        }
        fits && whole
    }

    fn cut(&mut self, from: usize, to: usize) -> Edited {
        if from >= to || self.text.get(from..to).is_none() {
            return Edited::Nothing;
        }
        self.text.replace_range(from..to, "");
        self.cursor = self.whole(from);
        Edited::Changed
    }

    /// That byte, or the end of the grapheme that it is in.
    fn whole(&self, at: usize) -> usize {
        let ends = self.text.grapheme_indices(true).map(|(start, grapheme)| start + grapheme.len());
        std::iter::once(0).chain(ends).find(|end| *end >= at).unwrap_or(self.text.len())
    }

    fn left(&self) -> usize {
        self.halves().0.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.halves().1.graphemes(true).next().map_or(self.cursor, |first| self.cursor + first.len())
    }

    /// The beginning of the word before the cursor: spaces are between words.
    fn word_left(&self) -> usize {
        let before = self.halves().0.trim_end();
        before.rfind(char::is_whitespace).map_or(0, |at| at + before.get(at..).map_or(1, first_length))
    }

    fn word_right(&self) -> usize {
        let after = self.halves().1;
        let spaces = after.len() - after.trim_start().len();
        let word = after.trim_start().find(char::is_whitespace).unwrap_or(after.trim_start().len());
        self.cursor + spaces + word
    }
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn press(line: &mut LineInput, code: KeyCode, modifiers: KeyModifiers) -> Edited {
        line.key(KeyEvent::new(code, modifiers))
    }

    fn control(line: &mut LineInput, character: char) -> Edited {
        press(line, KeyCode::Char(character), KeyModifiers::CONTROL)
    }

    #[test]
    fn the_cursor_goes_by_graphemes_and_words() {
        let mut line = LineInput::new("owner:e\u{301} 漢字 x".to_owned(), true);
        press(&mut line, KeyCode::Left, KeyModifiers::NONE);
        press(&mut line, KeyCode::Left, KeyModifiers::NONE);
        press(&mut line, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!((line.text.as_str(), line.halves().1), ("owner:e\u{301} 漢 x", " x"));
        press(&mut line, KeyCode::Left, KeyModifiers::CONTROL);
        assert_eq!(line.halves().1, "漢 x");
        press(&mut line, KeyCode::Left, KeyModifiers::NONE);
        press(&mut line, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(line.text, "owner: 漢 x");
        press(&mut line, KeyCode::Right, KeyModifiers::ALT);
        assert_eq!(line.halves().1, " x");
        control(&mut line, 'w');
        assert_eq!(line.text, "owner:  x");
        control(&mut line, 'k');
        assert_eq!(line.text, "owner: ");
        control(&mut line, 'a');
        press(&mut line, KeyCode::Delete, KeyModifiers::NONE);
        assert_eq!((line.text.as_str(), line.cursor), ("wner: ", 0));
        control(&mut line, 'e');
        assert_eq!(control(&mut line, 'u'), Edited::Changed);
        assert_eq!(line.text, "");
        assert_eq!(press(&mut line, KeyCode::Backspace, KeyModifiers::NONE), Edited::Nothing);
    }

    #[test]
    fn a_paste_goes_to_the_cursor_without_what_controls() {
        let mut line = LineInput::new("ab".to_owned(), true);
        press(&mut line, KeyCode::Left, KeyModifiers::NONE);
        line.insert("1\u{1b}[31m\r\n2\u{7}\n");
        assert_eq!((line.text.as_str(), line.halves().1), ("a1[31m 2b", "b"));
        line.insert(&"漢".repeat(1000));
        assert!(line.text.len() <= MOST && line.text.len() > MOST - 3);
        assert_eq!(line.insert("漢"), Edited::Nothing);
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_between_characters(keys in proptest::collection::vec((0..16_usize, any::<char>()), 0..60)) {
            let mut line = LineInput::new("a e\u{301}漢 🧑‍🚀 x".to_owned(), true);
            for (kind, character) in keys {
                let none = KeyModifiers::NONE;
                let (code, modifiers) = match kind {
                    0 => (KeyCode::Left, none),
                    1 => (KeyCode::Right, none),
                    2 => (KeyCode::Backspace, none),
                    3 => (KeyCode::Delete, none),
                    4 => (KeyCode::Left, KeyModifiers::CONTROL),
                    5 => (KeyCode::Right, KeyModifiers::CONTROL),
                    6 => (KeyCode::Char('w'), KeyModifiers::CONTROL),
                    7 => (KeyCode::Char('k'), KeyModifiers::CONTROL),
                    8 => (KeyCode::Home, none),
                    9 => (KeyCode::End, none),
                    _ => (KeyCode::Char(character), none),
                };
                press(&mut line, code, modifiers);
                prop_assert!(line.text.is_char_boundary(line.cursor) && line.text.len() <= MOST);
                prop_assert!(!line.text.contains(char::is_control));
            }
        }
    }
}
