//! The policy documents of a quarantine: what revokes sessions, and how documents are read and shown.

use jiff::Timestamp;
use serde_json::Value;

use crate::report::clean;

/// The name under which the IAM console writes the inline policy that revokes a role's sessions.
/// docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
pub const REVOKING_POLICY: &str = "AWSRevokeOlderSessions";

/// What the IAM console writes: everything is denied to tokens of the role that were issued before that time.
pub(super) fn revoking(before: Timestamp) -> String {
    format!(
        r#"{{
    "Version": "2012-10-17",
    "Statement": [
        {{
            "Effect": "Deny",
            "Action": [
                "*"
            ],
            "Resource": [
                "*"
            ],
            "Condition": {{
                "DateLessThan": {{
                    "aws:TokenIssueTime": "{before:.3}"
                }}
            }}
        }}
    ]
}}"#
    )
}

fn statements(document: &Value) -> &[Value] {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    }
}

/// The time of a revoking document.
pub(super) fn revokes_before(document: &str) -> Option<Timestamp> {
    let document: Value = serde_json::from_str(document).ok()?;
    let time = |statement: &Value| {
        statement.pointer("/Condition/DateLessThan/aws:TokenIssueTime")?.as_str()?.parse::<Timestamp>().ok()
    };
    statements(&document).iter().find_map(time)
}

/// Whether a document that can be read has no statement that denies.
pub(super) fn denies_nothing(document: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return false };
    !statements(&document).iter().any(|statement| statement.get("Effect").is_some_and(|effect| effect == "Deny"))
}

/// Whether two documents say the same, however they are written.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other
        || serde_json::from_str::<Value>(one)
            .ok()
            .zip(serde_json::from_str::<Value>(other).ok())
            .is_some_and(|(one, other)| one == other)
}

/// The document's own characters in lines, two spaces a level: nothing is left out, put in another order or read a second time, and what
/// could control a terminal is made visible.
pub(super) fn lines(document: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut level, mut in_string, mut escaped) = (0_usize, false, false);
    for letter in document.chars() {
        if !in_string && letter.is_whitespace() {
            continue;
        }
        let broken = !in_string && (matches!(letter, '}' | ']') || lines.last().is_some_and(|line| ends_line(line)));
        if broken {
            if matches!(letter, '}' | ']') {
                level = level.saturating_sub(1);
            }
            lines.push("  ".repeat(level.min(32)));
        }
        let Some(line) = lines.last_mut() else { break };
        line.push(letter);
        match letter {
            '"' if !escaped => in_string = !in_string,
            '{' | '[' if !in_string => level += 1,
            ':' if !in_string => line.push(' '),
            _ => {}
        }
        escaped = in_string && letter == '\\' && !escaped;
        if !in_string && matches!(letter, '{' | '[' | ',') {
            // A mark that no text can hold, taken out again below.
            line.push('\n');
        }
    }
    lines.iter().map(|line| clean(line.trim_end_matches('\n'))).collect()
}

/// Whether the line ended with a bracket or a comma outside of a string.
fn ends_line(line: &str) -> bool {
    line.ends_with('\n')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_revoking_document_is_what_the_console_writes() {
        let at: Timestamp = "2026-11-25T12:07:40.123456Z".parse().unwrap();
        let document = revoking(at);
        let read: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"],
                "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-25T12:07:40.123Z"}}}]})
        );
        assert_eq!(revokes_before(&document), Some("2026-11-25T12:07:40.123Z".parse().unwrap()));
        assert_eq!(revokes_before(r#"{"Statement":{"Effect":"Deny"}}"#), None);
        assert_eq!(revokes_before("no JSON"), None);
    }

    #[test]
    fn documents_are_the_same_however_they_are_written() {
        assert!(same(r#"{"a": 1, "b": [2]}"#, r#"{"b":[2],"a":1}"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(same("no JSON", "no JSON") && !same("no JSON", "other"));
    }

    #[test]
    fn a_document_without_a_deny_forbids_nothing() {
        assert!(denies_nothing(r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#));
        assert!(!denies_nothing(r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#));
        assert!(!denies_nothing("no JSON"), "what cannot be read may deny");
    }

    #[test]
    fn documents_are_shown_with_all_their_characters() {
        let shown = lines(r#"{"Version":"2012-10-17", "Statement":[{"Action":["a:B","c:\"{,D"],"Effect":"Deny"}]}"#);
        let wanted = [
            "{",
            r#"  "Version": "2012-10-17","#,
            r#"  "Statement": ["#,
            "    {",
            r#"      "Action": ["#,
            r#"        "a:B","#,
            r#"        "c:\"{,D""#,
            "      ],",
            r#"      "Effect": "Deny""#,
            "    }",
            "  ]",
            "}",
        ];
        assert_eq!(shown, wanted);
        // Twice the same key, controls and what reorders text are all to be seen.
        let shown = lines("{\"Effect\":\"Deny\",\"Effect\":\"Allow\u{202e}\u{1b}[2J\"}").join("\n");
        assert_eq!(shown.matches("Effect").count(), 2);
        assert!(!shown.contains(['\u{202e}', '\u{1b}']), "{shown:?}");
        assert_eq!(shown.matches('\u{fffd}').count(), 2);
        let deep = lines(&"[".repeat(100));
        assert!(deep.iter().all(|line| line.len() < 80));
    }
}
