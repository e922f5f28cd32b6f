//! The palette's content: everything by name, and what of it a few letters mean.

use std::{cmp::Reverse, sync::Arc};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::{
    Config, Matcher, Utf32Str, Utf32String,
    pattern::{AtomKind, CaseMatching, Normalization, Pattern},
};
use ratatui::layout::Rect;

use super::action::Action;
use crate::domain::SessionKey;

/// A query is no longer than this, in characters.
const QUERY_LIMIT: usize = 200;
/// Characters of a candidate that are searched; the rest of a longer one is not.
const SEARCHED: usize = 300;
/// What is not listed is counted.
const LISTED: usize = 1000;

/// What kind of thing a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something to do.
    Action,
    /// A session.
    Session,
    /// An account.
    Account,
    /// An account in a region.
    Scope,
    /// A saved filter.
    Filter,
    /// A theme.
    Theme,
}

impl Kind {
    /// The word before it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Session => "session",
            Self::Account => "account",
            Self::Scope => "scope",
            Self::Filter => "filter",
            Self::Theme => "theme",
        }
    }

    /// Signs that narrow the search, when a query begins with one, and what they leave.
    pub const SIGNS: [(char, &'static str); 5] =
        [('>', "actions"), ('#', "sessions"), ('@', "accounts"), ('/', "filters"), ('*', "themes")];

    fn sign(self) -> char {
        match self {
            Self::Action => '>',
            Self::Session => '#',
            Self::Account | Self::Scope => '@',
            Self::Filter => '/',
            Self::Theme => '*',
        }
    }
}

/// What choosing a candidate does.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// As the action's key does.
    Action(Action),
    /// Goes to the session.
    Session(SessionKey),
    /// Puts that filter in force.
    Filter(Arc<str>),
    /// Puts the saved filter of that name in force.
    Saved(Arc<str>),
    /// Changes to the theme of that name.
    Theme(Arc<str>),
}

/// One thing that can be found. Its words are cleaned already.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What else there is to say; searched as well.
    pub more: String,
    /// What choosing it does.
    pub target: Target,
    searched: Utf32String,
}

impl Candidate {
    /// A candidate of that name.
    pub fn new(kind: Kind, name: String, more: String, target: Target) -> Self {
        let all: String = name.chars().chain([' ']).chain(more.chars()).take(SEARCHED).collect();
        Self { kind, name, more, target, searched: Utf32String::from(all) }
    }
}

/// The open palette.
#[derive(Debug, Clone, PartialEq)]
pub struct Palette {
    /// Only the saved filters are here.
    pub filters_only: bool,
    /// What is typed so far.
    pub query: String,
    /// Where the cursor stands in it, in characters.
    pub cursor: usize,
    /// The theme before, to go back to.
    pub theme_before: usize,
    candidates: Vec<Candidate>,
    found: Vec<usize>,
    left_out: usize,
    selected: usize,
    first: usize,
}

impl Palette {
    /// A palette of those candidates, in the order in which they are listed while nothing is typed.
    pub fn new(candidates: Vec<Candidate>, filters_only: bool, theme_before: usize) -> Self {
        let mut palette = Self {
            filters_only,
            query: String::new(),
            cursor: 0,
            theme_before,
            candidates,
            found: Vec::new(),
            left_out: 0,
            selected: 0,
            first: 0,
        };
        palette.search();
        palette
    }

    /// Where it lies on a screen of that size.
    pub fn area(width: u16, height: u16) -> Rect {
        let wide = width.saturating_sub(4).min(110).max(width.min(40));
        let high = height.saturating_sub(4).min(26).max(height.min(8));
        Rect::new((width - wide) / 2, (height - high) / 3, wide, high)
    }

    /// Rows of its list on a screen of that size.
    pub fn rows(width: u16, height: u16) -> usize {
        // Two lines of frame, one that is typed in.
        usize::from(Self::area(width, height).height.saturating_sub(3))
    }

    /// Whether there is anything to find.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// How many were found, listed or not.
    pub fn count(&self) -> usize {
        self.found.len() + self.left_out
    }

    /// How many can be scrolled through.
    pub fn listed(&self) -> usize {
        self.found.len()
    }

    /// The selected candidate.
    pub fn selected(&self) -> Option<&Candidate> {
        self.candidates.get(*self.found.get(self.selected)?)
    }

    /// The first of `rows` visible rows.
    pub fn first(&self, rows: usize) -> usize {
        let first = self.first.min(self.found.len().saturating_sub(rows));
        first.min(self.selected).max((self.selected + 1).saturating_sub(rows.max(1)))
    }

    /// Candidates in `rows` visible rows, and whether each is the selected one.
    pub fn visible(&self, rows: usize) -> impl Iterator<Item = (&Candidate, bool)> {
        let numbered = self.found.iter().enumerate().skip(self.first(rows)).take(rows);
        numbered.filter_map(|(row, index)| Some((self.candidates.get(*index)?, row == self.selected)))
    }

    /// Moves the selection, stopping at the ends.
    pub fn step(&mut self, by: isize, rows: usize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
        self.first = self.first(rows);
    }

    /// What the query is without its sign, and what it is narrowed to.
    fn narrowed(&self) -> (&str, Option<char>) {
        let mut rest = self.query.chars();
        match rest.next().filter(|sign| Kind::SIGNS.iter().any(|(known, _)| known == sign)) {
            Some(sign) if !self.filters_only => (rest.as_str(), Some(sign)),
            _ => (&self.query, None),
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern::new(self.narrowed().0, CaseMatching::Smart, Normalization::Smart, AtomKind::Fuzzy)
    }

    /// Finds what the query means: the best first.
    fn search(&mut self) {
        let (pattern, sign) = (self.pattern(), self.narrowed().1);
        let mut matcher = matcher();
        let candidates = self.candidates.iter().enumerate();
        let of_kind = candidates.filter(|(_, candidate)| sign.is_none_or(|sign| candidate.kind.sign() == sign));
        let scored = of_kind.filter_map(|(index, candidate)| {
            let score = pattern.score(candidate.searched.slice(..), &mut matcher)?;
            Some((Reverse(score), index))
        });
        let mut scored: Vec<(Reverse<u32>, usize)> = scored.collect();
        scored.sort_unstable();
        self.left_out = scored.len().saturating_sub(LISTED);
        self.found = scored.into_iter().take(LISTED).map(|(_, index)| index).collect();
        self.selected = 0;
        self.first = 0;
    }

    /// Which letters of a candidate the query means, by grapheme, in its name, a space and what else there is to say.
    pub fn letters(&self, candidate: &Candidate) -> Vec<usize> {
        let mut letters = Vec::new();
        let searched: Utf32Str<'_> = candidate.searched.slice(..);
        self.pattern().indices(searched, &mut matcher(), &mut letters);
        let mut letters: Vec<usize> = letters.into_iter().filter_map(|index| usize::try_from(index).ok()).collect();
        letters.sort_unstable();
        letters.dedup();
        letters
    }

    /// Types what was pasted.
    pub fn paste(&mut self, text: &str) {
        for character in text.chars().take(QUERY_LIMIT) {
            self.insert(if character.is_control() { ' ' } else { character });
        }
        self.search();
    }

    fn insert(&mut self, character: char) {
        if self.query.chars().count() < QUERY_LIMIT {
            let at = self.byte(self.cursor);
            self.query.insert(at, character);
            self.cursor += 1;
        }
    }

    fn byte(&self, cursor: usize) -> usize {
        self.query.char_indices().nth(cursor).map_or(self.query.len(), |(at, _)| at)
    }

    fn remove(&mut self, from: usize, to: usize) {
        let (start, end) = (self.byte(from), self.byte(to));
        self.query.replace_range(start..end, "");
        self.cursor = from;
    }

    fn word_start(&self) -> usize {
        let before: Vec<char> = self.query.chars().take(self.cursor).collect();
        let spaces = before.iter().rev().take_while(|c| c.is_whitespace()).count();
        let word = before.iter().rev().skip(spaces).take_while(|c| !c.is_whitespace()).count();
        before.len() - spaces - word
    }

    /// A key for the line or the list, with `rows` visible rows; `Enter` and `Esc` are not its to know.
    pub fn key(&mut self, event: KeyEvent, rows: usize) {
        let page = isize::try_from(rows.max(2) - 1).unwrap_or(1);
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let length = self.query.chars().count();
        match event.code {
            KeyCode::Down | KeyCode::Tab => self.step(1, rows),
            KeyCode::Up | KeyCode::BackTab => self.step(-1, rows),
            KeyCode::Char('n') if control => self.step(1, rows),
            KeyCode::Char('p') if control => self.step(-1, rows),
            KeyCode::PageDown => self.step(page, rows),
            KeyCode::PageUp => self.step(-page, rows),
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(length),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = length,
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = length,
            KeyCode::Backspace if self.cursor > 0 => {
                self.remove(self.cursor - 1, self.cursor);
                self.search();
            }
            KeyCode::Delete if self.cursor < length => {
                self.remove(self.cursor, self.cursor + 1);
                self.search();
            }
            KeyCode::Char('u') if control => {
                self.remove(0, self.cursor);
                self.search();
            }
            KeyCode::Char('w') if control => {
                self.remove(self.word_start(), self.cursor);
                self.search();
            }
            KeyCode::Char(character) if plain && !character.is_control() => {
                self.insert(character);
                self.search();
            }
            _ => {}
        }
    }
}

fn matcher() -> Matcher {
    let mut config = Config::DEFAULT;
    // What begins with the letters comes before what has them somewhere.
    config.prefer_prefix = true;
    Matcher::new(config)
}
