//! Long lines on several rows: drawing and scrolling agree on where they break.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// The pieces of a cleaned text that each take at most `cells` cells, as byte ranges in order; one empty range for an empty text.
/// A terminal breaks lines anywhere, and so does this.
pub fn wrapped(text: &str, cells: usize) -> Vec<Range<usize>> {
    let cells = cells.max(2);
    let mut rows = Vec::new();
    let (mut start, mut taken) = (0, 0);
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if taken + wide > cells {
            rows.push(start..at);
            (start, taken) = (at, 0);
        }
        taken += wide;
    }
    rows.push(start..text.len());
    rows
}

/// How many rows [`wrapped`] makes of a text.
pub fn wrapped_rows(text: &str, cells: usize) -> usize {
    let cells = cells.max(2);
    if text.is_ascii() {
        return text.len().div_ceil(cells).max(1);
    }
    wrapped(text, cells).len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::string_slice)]
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    proptest! {
        #[test]
        fn rows_hold_everything_and_fit(text in "[ -~äé你🙂\u{301}]{0,80}", cells in 2_usize..30) {
            let rows = wrapped(&text, cells);
            prop_assert_eq!(rows.len(), wrapped_rows(&text, cells));
            prop_assert_eq!(rows.iter().map(|row| &text[row.clone()]).collect::<String>(), text.clone());
            for row in rows {
                prop_assert!(text[row].width() <= cells);
            }
        }
    }
}
