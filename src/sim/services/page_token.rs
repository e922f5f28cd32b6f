//! Opaque page tokens that carry where a listing goes on, and for which question.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::sim::world::organization::stable_hash;

/// A token for that position in the answer to that question (operation, account, region, filters …).
pub fn encode(question: &[&str], position: &str) -> String {
    let check = stable_hash(&[&question.join("\u{1f}"), position]);
    // Padding to a length that looks like the service's own.
    STANDARD.encode(format!("AAEAAV1{check:016x}/{position:\u{7e}<24}"))
}

/// The position of a token, if it is one of ours for this question.
pub fn decode(question: &[&str], token: &str) -> Option<String> {
    let bytes = STANDARD.decode(token).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (check, position) = text.strip_prefix("AAEAAV1")?.split_once('/')?;
    let position = position.trim_end_matches('~');
    let expected = stable_hash(&[&question.join("\u{1f}"), position]);
    (u64::from_str_radix(check, 16).ok()? == expected).then(|| position.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_only_its_own_question() {
        let token = encode(&["DescribeSessions", "Active"], "17");
        assert_eq!(decode(&["DescribeSessions", "Active"], &token).as_deref(), Some("17"));
        assert_eq!(decode(&["DescribeSessions", "History"], &token), None);
        assert_eq!(decode(&["DescribeSessions", "Active"], "nonsense"), None);
    }
}
