//! What looks like a secret is masked, also where it lies on many lines.

use std::borrow::Cow;

use serde_json::Value;

use crate::report::mask;

const MASKED: &str = "[masked private key]";
/// A line of a private key is at least so long, its last one excepted.
const KEY_LINE: usize = 40;

/// Masks the texts of an export, if it is to.
#[derive(Debug)]
pub(super) struct Secrets {
    masked: bool,
    /// The lines of a private key have begun, and not ended.
    in_key: bool,
}

impl Secrets {
    pub(super) fn new(masked: bool) -> Self {
        Self { masked, in_key: false }
    }

    pub(super) fn is_masked(&self) -> bool {
        self.masked
    }

    /// A text that stands for itself.
    pub(super) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.masked { mask(text) } else { Cow::Borrowed(text) }
    }

    /// The next line of the session.
    pub(super) fn line<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        if !self.masked {
            return Cow::Borrowed(text);
        }
        if let Some(at) = text.rfind("-----BEGIN ") {
            let rest = text.get(at..).unwrap_or_default();
            self.in_key = rest.contains("PRIVATE KEY-----") && !rest.contains("-----END ");
        } else if self.in_key {
            match key_line(text) {
                KeyLine::Inner => return Cow::Borrowed(MASKED),
                KeyLine::Last => {
                    self.in_key = false;
                    return Cow::Borrowed(MASKED);
                }
                KeyLine::Blank => {}
                KeyLine::Other => self.in_key = false,
            }
        }
        mask(text)
    }

    /// All texts of a value.
    pub(super) fn mask_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask_value(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.mask_value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Lines that follow each other.
pub(super) fn masked_lines<'a>(lines: impl Iterator<Item = &'a str>, masked: bool) -> Vec<Cow<'a, str>> {
    let mut secrets = Secrets::new(masked);
    lines.map(|line| secrets.line(line)).collect()
}

/// What a line behind the beginning of a private key is.
enum KeyLine {
    Inner,
    Last,
    Blank,
    Other,
}

/// Only what a key can be made of is masked: whoever prints the beginning of one hides no more than a line with it.
fn key_line(text: &str) -> KeyLine {
    // Line numbers, file names, indentation and continuation prompts may stand before it.
    let word = text.split([' ', ':', '>']).rfind(|word| !word.is_empty()).unwrap_or_default();
    let is_base64 = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    // … but no shell prompt.
    let is_base64 = is_base64 && !text.contains(['$', '#', '%']);
    if text.trim().is_empty() || text.contains("Proc-Type:") || text.contains("DEK-Info:") {
        KeyLine::Blank
    } else if is_base64 && word.len() >= KEY_LINE {
        KeyLine::Inner
    } else if is_base64 {
        KeyLine::Last
    } else {
        KeyLine::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_private_key_are_masked_and_what_follows_is_not() {
        let inner = "MIIEowIBAAKCAQEA0123456789+/0123456789abcdefghijklmnopqrstuvwxyz";
        let numbered = format!("    3 {inner}");
        let typed = format!("> {inner}");
        let lines = [
            "$ cat -n id_rsa",
            "-----BEGIN RSA PRIVATE KEY-----",
            "Proc-Type: 4,ENCRYPTED",
            "",
            inner,
            &numbered,
            &typed,
            "q1w2e3==",
            "-----END RSA PRIVATE KEY-----",
            "total",
            inner,
        ];
        let masked = masked_lines(lines.into_iter(), true);
        assert_eq!(
            masked,
            [
                "$ cat -n id_rsa",
                MASKED,
                "Proc-Type: 4,ENCRYPTED",
                "",
                MASKED,
                MASKED,
                MASKED,
                MASKED,
                "-----END RSA PRIVATE KEY-----",
                "total",
                inner
            ]
        );
        assert_eq!(masked_lines(lines.into_iter(), false), lines);
    }

    #[test]
    fn whoever_prints_the_beginning_of_a_key_hides_a_line_at_most() {
        let lines = ["-----BEGIN PRIVATE KEY-----", "whoami", "root", "sh-5.2$ rm -rf /srv --force"];
        assert_eq!(masked_lines(lines.into_iter(), true), [MASKED, MASKED, "root", "sh-5.2$ rm -rf /srv --force"]);
        let lines = ["-----BEGIN PRIVATE KEY-----", "sh-5.2$ id"];
        assert_eq!(masked_lines(lines.into_iter(), true), [MASKED, "sh-5.2$ id"]);
        let lines = ["-----BEGIN PRIVATE KEY----- x -----END PRIVATE KEY-----", "whoami"];
        assert_eq!(masked_lines(lines.into_iter(), true), ["[masked private key]", "whoami"]);
    }

    #[test]
    fn all_texts_of_a_detection_are_masked() {
        let mut value = serde_json::json!({"a": ["PGPASSWORD=hunter2 psql"], "b": 1});
        Secrets::new(true).mask_value(&mut value);
        assert_eq!(value, serde_json::json!({"a": ["PGPASSWORD=[masked] psql"], "b": 1}));
    }
}
