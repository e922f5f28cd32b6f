#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
use proptest::prelude::*;

use super::*;

/// Written apart from the code under test, from the Unicode names: no character of these may reach the screen.
pub(crate) fn is_forbidden(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || [0xad, 0x34f, 0x61c, 0x180e, 0x2028, 0x2029, 0x3164, 0xfeff, 0xffa0].contains(&code)
        || [0x200b..=0x200f, 0x202a..=0x202e, 0x2060..=0x206f, 0xfe00..=0xfe0f, 0xfff9..=0xfffb, 0xe0000..=0xe01ef]
            .iter()
            .any(|range| range.contains(&code))
        || code == 0x10_eeee
}

#[test]
fn what_a_terminal_would_interpret_or_hide_becomes_visible() {
    for (hostile, unicode, ascii) in [
        ("plain text, 100 %", "plain text, 100 %", "plain text, 100 %"),
        ("a\tb", "a b", "a b"),
        ("a\nb\r", "a␊b␍", "a^Jb^M"),
        ("\0\u{7}\u{1b}[31m\u{7f}", "␀␇␛[31m␡", "^@^G^[[31m^?"),
        ("\u{9b}31m\u{85}", "<U+009B>31m<U+0085>", "<U+009B>31m<U+0085>"),
        ("user\u{202e}gpj.exe", "user<U+202E>gpj.exe", "user<U+202E>gpj.exe"),
        ("\u{2066}x\u{2069}\u{200f}\u{61c}", "<U+2066>x<U+2069><U+200F><U+061C>", "<U+2066>x<U+2069><U+200F><U+061C>"),
        ("ad\u{200b}min\u{2060}\u{feff}", "ad<U+200B>min<U+2060><U+FEFF>", "ad<U+200B>min<U+2060><U+FEFF>"),
        ("l\u{2028}p\u{2029}", "l<U+2028>p<U+2029>", "l<U+2028>p<U+2029>"),
        ("\u{e0001}\u{e0041}", "<U+E0001><U+E0041>", "<U+E0001><U+E0041>"),
        ("\u{fff9}a\u{fffb}", "<U+FFF9>a<U+FFFB>", "<U+FFF9>a<U+FFFB>"),
        ("\u{10eeee}", "<U+10EEEE>", "<U+10EEEE>"),
        ("\u{e0b0} stays", "\u{e0b0} stays", "<U+E0B0> stays"),
        ("é 你好 Ж", "é 你好 Ж", "<U+00E9> <U+4F60><U+597D> <U+0416>"),
        ("\u{26a0}\u{fe0f} hot", "\u{26a0} hot", "<U+26A0><U+FE0F> hot"),
        ("a\u{fe0f}\u{fe0f}\u{fe01}", "a<U+FE0F><U+FE01>", "a<U+FE0F><U+FE0F><U+FE01>"),
        ("e\u{301}", "e\u{301}", "e<U+0301>"),
        ("\u{301}e", "<U+0301>e", "<U+0301>e"),
        ("\u{fffd}", "\u{fffd}", "<U+FFFD>"),
        ("👍\u{1f3fd}!", "👍<U+1F3FD>!", "<U+1F44D><U+1F3FD>!"),
        (
            "x\u{70f}y\u{1161} \u{1100}\u{1161}",
            "x<U+070F>y<U+1161> \u{1100}\u{1161}",
            "x<U+070F>y<U+1161> <U+1100><U+1161>",
        ),
        ("\u{fffe}\u{1fffe}\u{1f600}", "<U+FFFE><U+1FFFE>\u{1f600}", "<U+FFFE><U+1FFFE><U+1F600>"),
    ] {
        assert_eq!(clean(hostile), unicode, "{hostile:?}");
        assert_eq!(clean_marked(hostile, Glyphs::Ascii).text(), ascii, "{hostile:?}");
    }
}

#[test]
fn a_flood_of_combining_characters_is_cut_and_counted() {
    let flood = format!("a{}b", "\u{36f}".repeat(30));
    assert_eq!(clean(&flood), format!("a{}<+26 combining>b", "\u{36f}".repeat(4)));
    let at_the_end = format!("a{}", "\u{36f}".repeat(5));
    assert_eq!(clean(&at_the_end), format!("a{}<+1 combining>", "\u{36f}".repeat(4)));
}

#[test]
fn replaced_places_are_marked_and_imitations_are_not() {
    let marked = clean_marked("a\u{1b}\u{7}b<U+202E>\u{202e}", Glyphs::Unicode);
    let spans: Vec<_> = marked.spans().map(|span| (span.text, span.marked)).collect();
    assert_eq!(spans, [("a", false), ("␛␇", true), ("b<U+202E>", false), ("<U+202E>", true)]);
}

/// One that begins a cluster would be drawn with what follows, and a terminal would draw it on what comes before.
#[test]
fn what_takes_no_cell_sits_on_what_comes_before() {
    let alone: Vec<String> = ('\0'..=char::MAX)
        .filter(|c| c.width() == Some(0))
        .map(|c| format!("a{c}b"))
        .filter(|text| clean(text) == *text && text.graphemes(true).next() == Some("a"))
        .collect();
    assert!(alone.is_empty(), "{:?}", alone.iter().map(|text| text.escape_unicode().to_string()).collect::<Vec<_>>());
}

#[test]
fn harmless_text_is_borrowed() {
    for text in ["", "plain", "grün 你好", "naïve café"] {
        assert!(matches!(clean(text), Cow::Borrowed(same) if same == text), "{text:?}");
    }
}

/// Text in which the dangerous characters are frequent.
pub(crate) fn hostile_text() -> impl Strategy<Value = String> {
    let hostile_char = prop_oneof![
        4 => prop::char::range(' ', '~'),
        2 => prop::char::range('\0', '\u{1f}'),
        1 => prop::char::range('\u{7f}', '\u{9f}'),
        1 => prop::char::range('\u{200b}', '\u{206f}'),
        1 => prop::char::range('\u{fe00}', '\u{fe0f}'),
        1 => prop::char::range('\u{300}', '\u{36f}'),
        1 => prop::char::range('\u{e0000}', '\u{e01ef}'),
        1 => Just('\u{1b}'),
        1 => Just('\u{8}'),
        2 => any::<char>(),
    ];
    prop::collection::vec(hostile_char, 0..200).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn nothing_forbidden_comes_through(text in hostile_text()) {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let marked = clean_marked(&text, glyphs);
            prop_assert_eq!(marked.text().chars().find(|c| is_forbidden(*c)), None);
            if glyphs == Glyphs::Ascii {
                prop_assert!(marked.text().bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            }
            let joined: String = marked.spans().map(|span| span.text).collect();
            prop_assert_eq!(joined.as_str(), marked.text());
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing_more(text in hostile_text()) {
        let once = clean(&text).into_owned();
        prop_assert_eq!(clean(&once), once.as_str());
    }

    #[test]
    fn printable_text_is_not_touched(text in "[ -~]{0,300}") {
        prop_assert_eq!(clean(&text), text.as_str());
    }

    #[test]
    fn the_vector_scan_agrees_with_the_definition(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(is_printable_ascii(&bytes), bytes.iter().all(|byte| (0x20..=0x7e).contains(byte)));
    }
}
