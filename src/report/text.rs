//! Hostile text made harmless for a terminal, and cut by display width.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Characters that a terminal or a reader could be fooled with: controls (C0, DEL, C1), direction marks and overrides,
/// zero-width and line-separating characters, tags, non-characters.
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// The text on one line, with every unsafe character replaced by U+FFFD.
pub fn clean(text: &str) -> String {
    text.chars().map(|character| if is_unsafe(character) { '\u{fffd}' } else { character }).collect()
}

/// The text cut to that many columns, an ellipsis in the last one where it was cut.
pub fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let width = grapheme.width();
        if used + width + 1 > columns {
            break;
        }
        fitted.push_str(grapheme);
        used += width;
    }
    if columns > 0 {
        fitted.push('…');
    }
    fitted
}

/// JSON whose strings hold no unsafe character: what is left of them after JSON's own escapes is written as `\uXXXX`.
/// Outside of strings JSON has none of them.
pub fn safe_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unsafe(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(is_unsafe));
        }

        #[test]
        fn what_fits_fits(text in "\\PC{0,40}", columns in 0_usize..30) {
            prop_assert!(fit(&text, columns).width() <= columns);
        }

        #[test]
        fn json_keeps_its_meaning(text in any::<String>()) {
            let json = safe_json(&serde_json::to_string_pretty(&[&text]).unwrap());
            prop_assert!(!json.chars().any(|character| is_unsafe(character) && character != '\n'));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), vec![text]);
        }
    }

    #[test]
    fn escapes_and_overrides_are_replaced() {
        assert_eq!(clean("a\u{1b}[31mb\u{9b}\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}d");
        assert_eq!(fit("日本語テキスト", 7), "日本語…");
        assert_eq!(fit("abc", 3), "abc");
    }
}
