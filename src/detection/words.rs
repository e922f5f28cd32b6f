//! Words of a command line, and what a shell makes of their quotes.

use std::borrow::Cow;

/// The next word from `at` on: where it starts and ends. Quotes and backslashes keep what they hold in one word.
pub(super) fn next_word(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let start = at + bytes.get(at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let mut quote = None;
    let mut end = start;
    while let Some(&byte) = bytes.get(end) {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(byte),
            (None | Some(b'"'), b'\\') => end += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte) if byte.is_ascii_whitespace() => break,
            _ => {}
        }
        end += 1;
    }
    // A backslash at the end, or one before a character of several bytes.
    let mut end = end.min(bytes.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Some((start, end))
}

/// The text as the shell would pass it on: quotes and backslashes gone, `$IFS` a space, `$'\x63'` decoded, `{a,b}` words.
///
/// It answers one question only, what a word says without its disguise, and is no shell: nothing else is expanded.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`' | b'^' | b'{')) {
        return Cow::Borrowed(text);
    }
    let mut plain = Plain { rest: text, out: String::with_capacity(text.len()) };
    plain.commands();
    if plain.out == text { Cow::Borrowed(text) } else { Cow::Owned(plain.out) }
}

struct Plain<'a> {
    rest: &'a str,
    out: String,
}

impl Plain<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        self.rest.strip_prefix(prefix).map(|rest| self.rest = rest).is_some()
    }

    /// Outside of quotes.
    fn commands(&mut self) {
        while let Some(next) = self.next() {
            match next {
                '\'' => self.until_quote(),
                '"' => self.double(),
                '\\' => match self.next() {
                    Some('\n') => {}
                    Some(escaped) => self.out.push(escaped),
                    None => self.out.push('\\'),
                },
                '$' if self.skip("'") => self.ansi(),
                '$' if self.rest.starts_with('"') => {}
                '$' => self.parameter(),
                // The escapes of PowerShell and of cmd inside a word.
                '`' | '^' if self.inside_word() => {}
                '{' if !self.out.ends_with(|before: char| before.is_alphanumeric()) && self.braces() => {}
                other => self.out.push(other),
            }
        }
    }

    /// Behind a `{`: `curl,-s,http://x}` are words.
    fn braces(&mut self) -> bool {
        let end = self.rest.find(|next: char| next.is_whitespace() || matches!(next, '{' | '}' | '$' | '\'' | '"'));
        let Some((words, behind)) = end.and_then(|end| self.rest.split_at_checked(end)) else { return false };
        let Some(behind) = behind.strip_prefix('}').filter(|_| words.contains(',')) else { return false };
        self.out.push_str(&words.replace(',', " "));
        self.rest = behind;
        true
    }

    fn inside_word(&self) -> bool {
        self.out.ends_with(|before: char| before.is_ascii_alphanumeric() || before == '-')
            && self.rest.starts_with(|after: char| after.is_ascii_alphanumeric())
    }

    fn until_quote(&mut self) {
        while let Some(next) = self.next().filter(|next| *next != '\'') {
            self.out.push(next);
        }
    }

    fn double(&mut self) {
        while let Some(next) = self.next().filter(|next| *next != '"') {
            match next {
                '\\' if self.rest.starts_with(['"', '\\', '$', '`']) => {
                    let escaped = self.next();
                    self.out.extend(escaped);
                }
                '\\' if self.skip("\n") => {}
                '$' => self.parameter(),
                other => self.out.push(other),
            }
        }
    }

    /// Behind a `$`: what is a space or nothing.
    fn parameter(&mut self) {
        if let Some(after) = self.rest.strip_prefix("{IFS") {
            // ${IFS}, ${IFS%??}, ${IFS:0:1}
            if let Some((modifier, behind)) = after.split_once('}').filter(|(modifier, _)| modifier.len() <= 16)
                && !modifier.starts_with(|next: char| next == '_' || next.is_ascii_alphanumeric())
            {
                self.rest = behind;
                self.out.push(' ');
                return;
            }
        } else if let Some(after) = self.rest.strip_prefix("IFS")
            && !after.starts_with(|next: char| next == '_' || next.is_ascii_alphanumeric())
        {
            self.rest = after;
            self.out.push(' ');
            return;
        }
        // Empty in a shell that a person types in; used to break words up.
        if ["@", "*", "{@}", "{*}", "9"].into_iter().any(|empty| self.skip(empty)) {
            return;
        }
        self.out.push('$');
    }

    /// Inside `$'…'`.
    fn ansi(&mut self) {
        while let Some(next) = self.next().filter(|next| *next != '\'') {
            if next != '\\' {
                self.out.push(next);
                continue;
            }
            if let Some((decoded, rest)) = escape(self.rest) {
                self.rest = rest;
                self.out.push(decoded);
                continue;
            }
            match self.next() {
                Some('n') => self.out.push('\n'),
                Some('t') => self.out.push('\t'),
                other => self.out.extend(other),
            }
        }
    }
}

/// The character that `xHH`, `uHHHH` or octal digits behind a backslash stand for, and what follows them.
pub(super) fn escape(text: &str) -> Option<(char, &str)> {
    let digits =
        |text: &str, radix: u32, most: usize| text.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
    let (behind, radix, most) = match text.strip_prefix(['x', 'u']) {
        Some(behind) if text.starts_with('x') => (behind, 16, 2),
        Some(behind) => (behind, 16, 4),
        None => (text, 8, if text.starts_with('0') { 4 } else { 3 }),
    };
    let count = digits(behind, radix, most);
    let (number, rest) = behind.split_at_checked(count)?;
    let value = u32::from_str_radix(number, radix).ok()?;
    Some((char::from_u32(value)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_come_off() {
        for (typed, meant) in [
            ("ls -la", "ls -la"),
            ("c''at /etc/shadow", "cat /etc/shadow"),
            (r#"c"a"t /etc/sh"ad"ow"#, "cat /etc/shadow"),
            (r"c\at /etc/sha\dow", "cat /etc/shadow"),
            ("cat${IFS}/etc/shadow", "cat /etc/shadow"),
            ("cat$IFS/etc/shadow", "cat /etc/shadow"),
            ("cat$IFS$9/etc/shadow", "cat /etc/shadow"),
            ("cat${IFS%??}/etc/shadow", "cat /etc/shadow"),
            ("c$@at /etc/shadow", "cat /etc/shadow"),
            (r"$'\x63\141t' /etc/shadow", "cat /etc/shadow"),
            ("curl \\\n http://x", "curl  http://x"),
            ("i`e`x $a", "iex $a"),
            ("po^wer^shell", "powershell"),
            ("echo $IFSX ${IFS_X} $HOME", "echo $IFSX ${IFS_X} $HOME"),
            (r#"echo "a\"b" 'c\d'"#, r#"echo a"b c\d"#),
            ("don't", "dont"),
            ("{cat,/etc/shadow}", "cat /etc/shadow"),
            ("awk '{print $1,$2}' ${X} {x} a{b,c}", "awk {print $1,$2} ${X} {x} a{b,c}"),
        ] {
            assert_eq!(plain(typed), meant, "{typed}");
        }
    }

    #[test]
    fn words_hold_their_quotes() {
        let mut at = 0;
        let mut words = Vec::new();
        let text = r#" sh -c 'a b' "c \" d"e f\ g "#;
        while let Some((start, end)) = next_word(text, at) {
            words.push(text.get(start..end).unwrap_or_default());
            at = end;
        }
        assert_eq!(words, ["sh", "-c", "'a b'", r#""c \" d"e"#, r"f\ g"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_words_and_a_plain_form(text in "\\PC*") {
            let mut at = 0;
            while let Some((start, end)) = next_word(&text, at) {
                assert!(start < end && text.get(start..end).is_some());
                at = end;
            }
            assert!(plain(&text).len() <= text.len());
        }
    }
}
