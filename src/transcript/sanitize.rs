//! Hostile text made harmless: nothing that a terminal would interpret, nothing that hides or reorders what is read.
//!
//! Every text that somebody else chose (what a session printed, session names, reasons, tags, error texts) goes through
//! here before it reaches a span. What cannot be shown as it is becomes visible: control characters as control pictures
//! (U+2400 and on), everything else as `<U+202E>`. The places are marked, so that the screen can style them: a session
//! that prints the characters `<U+202E>` itself is not marked.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Combining characters that one base character may carry: what living scripts need (UAX #15 calls 30 "stream safe",
/// which is enough to paint over the lines above).
const MAX_COMBINING: usize = 4;

/// Which characters the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// UTF-8: control pictures for control characters, other scripts as they are.
    #[default]
    Unicode,
    /// Printable ASCII only: caret notation (`^[`) for control characters, `<U+00E9>` for everything beyond ASCII. A
    /// terminal without UTF-8 would read half of a UTF-8 sequence as a C1 control.
    Ascii,
}

/// A replaced place in a cleaned text: byte offsets, half open, on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// First byte.
    pub start: u32,
    /// Byte after the last one.
    pub end: u32,
}

/// A piece of cleaned text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'a> {
    /// What to show; never empty.
    pub text: &'a str,
    /// Ours, in place of what was there: to be styled apart.
    pub marked: bool,
}

/// A cleaned text with the places where it differs from the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<'a> {
    text: Cow<'a, str>,
    marks: Vec<Mark>,
}

impl<'a> Marked<'a> {
    /// The cleaned text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The replaced places, in order.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The text in pieces, marked and not.
    pub fn spans(&self) -> Spans<'_> {
        Spans::new(&self.text, &self.marks)
    }

    /// Text and marks by themselves.
    pub fn into_parts(self) -> (Cow<'a, str>, Vec<Mark>) {
        (self.text, self.marks)
    }
}

/// The pieces of a cleaned text, in order.
#[derive(Debug, Clone)]
pub struct Spans<'a> {
    text: &'a str,
    marks: std::slice::Iter<'a, Mark>,
    next_mark: Option<Mark>,
    at: usize,
}

impl<'a> Spans<'a> {
    pub(super) fn new(text: &'a str, marks: &'a [Mark]) -> Self {
        let mut marks = marks.iter();
        let next_mark = marks.next().copied();
        Self { text, marks, next_mark, at: 0 }
    }
}

impl<'a> Iterator for Spans<'a> {
    type Item = Span<'a>;

    fn next(&mut self) -> Option<Span<'a>> {
        let (end, marked) = match self.next_mark {
            Some(mark) if mark.start as usize <= self.at => {
                self.next_mark = self.marks.next().copied();
                (mark.end as usize, true)
            }
            Some(mark) => (mark.start as usize, false),
            None => (self.text.len(), false),
        };
        let text = self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
        (!text.is_empty()).then_some(Span { text, marked })
    }
}

/// A single-line field made harmless, for a terminal with UTF-8. Tabs become a space; a line break is made visible.
/// Borrowed when there was nothing to do.
///
/// ```
/// assert_eq!(ssmwatch::transcript::clean("ticket 42"), "ticket 42");
/// assert_eq!(ssmwatch::transcript::clean("a\u{1b}[2Jb\u{202e}c"), "a␛[2Jb<U+202E>c");
/// ```
pub fn clean(text: &str) -> Cow<'_, str> {
    clean_marked(text, Glyphs::Unicode).text
}

/// As [`clean`], for the glyphs that the terminal has, and with the places that were replaced.
pub fn clean_marked(text: &str, glyphs: Glyphs) -> Marked<'_> {
    if is_printable_ascii(text.as_bytes()) {
        return Marked { text: Cow::Borrowed(text), marks: Vec::new() };
    }
    let mut cleaner = Cleaner::new(text.len(), glyphs);
    text.chars().for_each(|c| cleaner.push(c));
    cleaner.end_flood();
    if cleaner.out == text {
        return Marked { text: Cow::Borrowed(text), marks: Vec::new() };
    }
    Marked { text: Cow::Owned(cleaner.out), marks: cleaner.marks }
}

/// Is there nothing but U+0020 to U+007E in it? (Written so that the compiler makes vector code of it.)
pub(super) fn is_printable_ascii(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| !chunk.iter().fold(false, |bad, byte| bad | (byte.wrapping_sub(0x20) >= 0x5f)))
}

/// What precedes the next character.
#[derive(PartialEq)]
enum Base {
    /// Nothing that a combining character could sit on.
    None,
    /// A visible character and the number of combining characters on it.
    Carrying(usize),
}

struct Cleaner {
    out: String,
    marks: Vec<Mark>,
    glyphs: Glyphs,
    base: Base,
    /// Combining characters over the limit that were left out since the last base.
    flood: usize,
}

impl Cleaner {
    fn new(expected: usize, glyphs: Glyphs) -> Self {
        Self { out: String::with_capacity(expected + 16), marks: Vec::new(), glyphs, base: Base::None, flood: 0 }
    }

    fn push(&mut self, c: char) {
        match c {
            ' '..='~' => self.keep(c),
            '\t' => self.keep(' '),
            '\0'..='\x1f' | '\x7f' => self.control(c as u8),
            _ if self.glyphs == Glyphs::Ascii => self.code_point(c),
            // The two selectors that only choose between text and emoji style: terminals disagree on the width of what
            // they follow, and without them nothing of the text is lost. On anything else they are made visible.
            '\u{fe0e}' | '\u{fe0f}' if self.base == Base::Carrying(0) => self.base = Base::Carrying(1),
            _ if is_hidden(c) => self.code_point(c),
            _ => match c.width() {
                None => self.code_point(c),
                Some(0) => self.combining(c),
                Some(_) => self.keep(c),
            },
        }
    }

    fn keep(&mut self, c: char) {
        self.end_flood();
        self.out.push(c);
        self.base = Base::Carrying(0);
    }

    fn control(&mut self, byte: u8) {
        self.marked(|out, glyphs| match (glyphs, byte) {
            (Glyphs::Unicode, 0x7f) => out.push('\u{2421}'),
            (Glyphs::Unicode, _) => out.push(char::from_u32(0x2400 + u32::from(byte)).unwrap_or('\u{2426}')),
            (Glyphs::Ascii, _) => out.extend(['^', char::from(byte ^ 0x40)]),
        });
    }

    fn code_point(&mut self, c: char) {
        self.marked(|out, _| out.push_str(&format!("<U+{:04X}>", u32::from(c))));
    }

    fn combining(&mut self, c: char) {
        match self.base {
            // Without a base of its own it would sit on whatever the screen has to the left of the text.
            Base::None => self.code_point(c),
            // The screen would take it for the beginning of what follows, or leave it out.
            _ if !self.joins(c) => self.code_point(c),
            Base::Carrying(count) if count < MAX_COMBINING => {
                self.out.push(c);
                self.base = Base::Carrying(count + 1);
            }
            Base::Carrying(_) => self.flood += 1,
        }
    }

    /// Does a character that takes no cell make one grapheme with what is before it?
    fn joins(&self, c: char) -> bool {
        let Some(before) = self.out.chars().next_back() else { return false };
        let mut bytes = [0; 8];
        let end = before.encode_utf8(&mut bytes).len();
        let end = end + bytes.get_mut(end..).map_or(0, |rest| c.encode_utf8(rest).len());
        let pair = bytes.get(..end).and_then(|pair| str::from_utf8(pair).ok()).unwrap_or_default();
        pair.graphemes(true).nth(1).is_none()
    }

    /// Says how many combining characters were left out.
    fn end_flood(&mut self) {
        if self.flood > 0 {
            let left_out = std::mem::take(&mut self.flood);
            self.marked(|out, _| out.push_str(&format!("<+{left_out} combining>")));
        }
    }

    fn marked(&mut self, write: impl FnOnce(&mut String, Glyphs)) {
        self.end_flood();
        let start = self.out.len();
        write(&mut self.out, self.glyphs);
        let (start, end) = (offset(start), offset(self.out.len()));
        match self.marks.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.marks.push(Mark { start, end }),
        }
        self.base = Base::None;
    }
}

/// A byte offset of a field or of one capped line: they are far below 4 GiB.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Characters that are not seen, reorder what is seen, or are read as something else by some terminal.
/// (Control characters have no width and are found by that.)
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'             // C1 controls: U+009B starts a control sequence
        | '\u{ad}'                      // soft hyphen
        | '\u{34f}'                     // combining grapheme joiner
        | '\u{61c}'                     // Arabic letter mark (bidi)
        | '\u{115f}'..='\u{1160}'       // Hangul fillers
        | '\u{17b4}'..='\u{17b5}'       // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'       // Mongolian variation selectors and vowel separator
        | '\u{200b}'..='\u{200f}'       // zero width space, joiners, left-to-right and right-to-left mark
        | '\u{2028}'..='\u{202e}'       // line and paragraph separator, bidi embeddings and overrides
        | '\u{2060}'..='\u{206f}'       // word joiner, invisible operators, bidi isolates, deprecated format characters
        | '\u{3164}'                    // Hangul filler
        | '\u{fdd0}'..='\u{fdef}'       // noncharacters
        | '\u{fe00}'..='\u{fe0f}'       // variation selectors
        | '\u{feff}'                    // zero width no-break space, byte order mark
        | '\u{ffa0}'                    // halfwidth Hangul filler
        | '\u{fff0}'..='\u{fffb}'       // interlinear annotation and the unassigned before it
        | '\u{13430}'..='\u{1345f}'     // Egyptian hieroglyph format controls
        | '\u{1bca0}'..='\u{1bca3}'     // shorthand format controls
        | '\u{1d173}'..='\u{1d17a}'     // musical format controls
        | '\u{1f3fb}'..='\u{1f3ff}'     // skin tones: some terminals paint the emoji before, others take two more cells
        | '\u{e0000}'..='\u{e0fff}'     // tags, variation selectors supplement
        | '\u{f0000}'..='\u{10ffff}'    // supplementary private use: kitty reads U+10EEEE as a place for an image
    ) || u32::from(c) & 0xfffe == 0xfffe // noncharacters at the end of each plane
}

#[cfg(test)]
#[path = "sanitize_tests.rs"]
pub(crate) mod tests;
