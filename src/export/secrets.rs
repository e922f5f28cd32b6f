//! What looks like a secret is masked, also where it lies on many lines.

use std::borrow::Cow;

use serde_json::Value;

use crate::transcript::{KeyLines, mask};

const MASKED: &str = "[masked private key]";
/// Stands for a value whose name announces a secret.
pub(super) const MASKED_VALUE: &str = "[masked]";

/// Masks the texts of an export, if it is to.
#[derive(Debug)]
pub(super) struct Secrets {
    masked: bool,
    keys: KeyLines,
}

impl Secrets {
    pub(super) fn new(masked: bool) -> Self {
        Self { masked, keys: KeyLines::default() }
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
        if self.keys.takes(text) { Cow::Borrowed(MASKED) } else { mask(text) }
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
