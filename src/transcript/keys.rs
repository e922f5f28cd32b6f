//! Private keys that are printed over several lines: which lines belong to one, and are not to be shown.

/// A line of a private key is at least so long, its last one excepted (RFC 7468: 64 characters, others write fewer).
const KEY_LINE: usize = 40;

/// Follows lines, to know which are part of a private key.
#[derive(Debug, Default)]
pub struct KeyLines {
    /// The lines of a private key have begun, and not ended.
    in_key: bool,
}

impl KeyLines {
    /// Whether the next line is part of a key. The line that begins one is not: it says what is hidden.
    ///
    /// Only what a key can be made of is: whoever prints the beginning of one hides no more than a line with it.
    pub fn takes(&mut self, text: &str) -> bool {
        if let Some(at) = text.rfind("-----BEGIN ") {
            let rest = text.get(at..).unwrap_or_default();
            self.in_key = rest.contains("PRIVATE KEY-----") && !rest.contains("-----END ");
            return false;
        }
        if !self.in_key {
            return false;
        }
        let kind = Kind::of(text);
        self.in_key = matches!(kind, Kind::Inner | Kind::Blank);
        matches!(kind, Kind::Inner | Kind::Last)
    }
}

/// What a line behind the beginning of a private key is.
enum Kind {
    Inner,
    Last,
    Blank,
    Other,
}

impl Kind {
    fn of(text: &str) -> Self {
        // Line numbers, file names, indentation and continuation prompts may stand before it.
        let word = text.split([' ', ':', '>']).rfind(|word| !word.is_empty()).unwrap_or_default();
        let is_base64 = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        // … but no shell prompt.
        let is_base64 = is_base64 && !text.contains(['$', '#', '%']);
        if text.trim().is_empty() || text.contains("Proc-Type:") || text.contains("DEK-Info:") {
            Self::Blank
        } else if is_base64 && word.len() >= KEY_LINE {
            Self::Inner
        } else if is_base64 {
            Self::Last
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lines: &[&str]) -> Vec<bool> {
        let mut keys = KeyLines::default();
        lines.iter().map(|line| keys.takes(line)).collect()
    }

    #[test]
    fn whoever_prints_the_beginning_of_a_key_hides_a_line_at_most() {
        let lines = ["-----BEGIN PRIVATE KEY-----", "whoami", "root", "sh-5.2$ rm -rf /srv --force"];
        assert_eq!(taken(&lines), [false, true, false, false]);
        assert_eq!(taken(&["-----BEGIN PRIVATE KEY-----", "sh-5.2$ id"]), [false, false]);
    }

    #[test]
    fn the_lines_of_a_key_are_taken_and_what_follows_is_not() {
        let inner = "MIIEowIBAAKCAQEA0123456789+/0123456789abcdefghijklmnopqrstuvwxyz";
        let lines = ["-----BEGIN RSA PRIVATE KEY-----", "", inner, "q1w2==", "-----END RSA PRIVATE KEY-----", inner];
        assert_eq!(taken(&lines), [false, false, true, true, false, false]);
        assert_eq!(taken(&["-----BEGIN CERTIFICATE-----", inner]), [false, false]);
    }
}
