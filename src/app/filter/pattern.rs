//! Patterns: text in any case, with stars for anything.

/// A text to look for, with anything between its pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// In lower case; a star stood between each two of them.
    pub(super) pieces: Vec<String>,
}

impl Pattern {
    /// That text, without stars.
    pub(super) fn literal(text: &str) -> Self {
        Self { pieces: vec![lower(text)] }
    }

    /// Nothing was asked for, in quotes: what is empty.
    fn is_empty(&self) -> bool {
        self.pieces.iter().all(String::is_empty) && self.pieces.len() == 1
    }

    /// Whether it is somewhere in the text; the empty pattern is only in an empty text.
    pub fn is_in(&self, text: &str) -> bool {
        if self.is_empty() {
            return text.is_empty();
        }
        with_lower(text, |text| {
            let mut rest = text;
            self.pieces.iter().all(|piece| match find(rest, piece) {
                Some(at) => {
                    rest = rest.get(at + piece.len()..).unwrap_or_default();
                    true
                }
                None => false,
            })
        })
    }

    /// Whether it is the whole text.
    pub fn is(&self, text: &str) -> bool {
        let Some((first, others)) = self.pieces.split_first() else { return text.is_empty() };
        with_lower(text, |text| {
            if !starts(text, first) {
                return false;
            }
            let mut rest = text.get(first.len()..).unwrap_or_default();
            let Some((last, between)) = others.split_last() else { return rest.is_empty() };
            for piece in between {
                let Some(at) = find(rest, piece) else { return false };
                rest = rest.get(at + piece.len()..).unwrap_or_default();
            }
            rest.len().checked_sub(last.len()).and_then(|at| rest.get(at..)).is_some_and(|end| starts(end, last))
        })
    }
}

/// In lower case, character by character: what a letter becomes does not depend on its neighbours.
pub(super) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// ASCII is compared as it is; anything else is brought to lower case first.
fn with_lower<T>(text: &str, found: impl FnOnce(&str) -> T) -> T {
    if text.is_ascii() { found(text) } else { found(&lower(text)) }
}

/// Whether the text begins with a piece that is in lower case.
fn starts(text: &str, piece: &str) -> bool {
    let begin = text.as_bytes().get(..piece.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(piece.as_bytes()))
}

/// Where a piece that is in lower case stands first.
fn find(text: &str, piece: &str) -> Option<usize> {
    let (text, piece) = (text.as_bytes(), piece.as_bytes());
    let Some(first) = piece.first() else { return Some(0) };
    let upper = first.to_ascii_uppercase();
    text.windows(piece.len()).position(|window| {
        window.first().is_some_and(|byte| byte == first || *byte == upper) && window.eq_ignore_ascii_case(piece)
    })
}
