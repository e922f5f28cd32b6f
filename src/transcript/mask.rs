//! What looks like a secret is masked before it leaves the program.

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use regex::{Captures, Regex, RegexSet};

/// What is looked for, and what stands in its place; the words that introduce a secret stay.
const SECRETS: [(&str, &str); 12] = [
    // Private keys, also when the end is cut off.
    (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)",
        "[masked private key]",
    ),
    // Access key ids: docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
    (r"\b(AKIA|ASIA)[A-Z0-9]{12,}\b", "${1}[masked]"),
    // The forty characters of a secret access key, after words that announce one.
    (
        r#"(?i)((?:aws|secret)[a-z0-9_. -]{0,32}(?:key|secret)["']?(?:\s*[:=]\s*|\s+)["']?)[A-Za-z0-9/+=]{40}"#,
        "${1}[masked]",
    ),
    // JSON Web Tokens.
    (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", "[masked token]"),
    // HTTP authorization.
    (r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/-]{8,}=*", "${1}${2}[masked]"),
    // Tokens with a prefix of their maker's.
    (r"\b(gh[pousr]_|github_pat_|glpat-|xox[abprs]-)[A-Za-z0-9_-]{10,}", "${1}[masked]"),
    // user:password@ in URLs.
    (r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+@", "${1}[masked]@"),
    // password=…, "token": "…", DB_PASSWORD: …
    (
        r#"(?i)([a-z0-9_-]*(?:passwor[dt]|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key)[a-z0-9_-]*["']?\s*(?::=|[:=])\s*)("[^"]*"|'[^']*'|[^\s"'&;,|]+)"#,
        "${1}[masked]",
    ),
    // --password …, --token …
    (
        r#"(?i)(--?[a-z0-9-]*(?:passwor[dt]|passwd|passphrase|secret|token|api-?key)\s+)("[^"]*"|'[^']*'|[^\s"'&;,|]+)"#,
        "${1}[masked]",
    ),
    // mysql -pX: the password clings to the option.
    (
        r"(?i)(\b(?:mysql|mysqldump|mysqladmin|mysqlsh|mariadb|mariadb-dump|mariadb-admin)\b[^|;&\n]*?\s-p)[^\s|;&]+",
        "${1}[masked]",
    ),
    // sshpass -p X
    (r"(?i)(\bsshpass\s+-p\s*)[^\s|;&]+", "${1}[masked]"),
    // curl -u user:password
    (r#"(?i)(\bcurl\b[^|;&\n]*?\s(?:-u\s*|--(?:proxy-)?user[ =]\s*)["']?[^\s:"']+:)[^\s"'|;&]+"#, "${1}[masked]"),
];

/// A mask can bring words together that look like a secret again; more rounds than these no honest text needs.
const ROUNDS: usize = 8;

static PATTERNS: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| SECRETS.iter().filter_map(|(pattern, mask)| Some((Regex::new(pattern).ok()?, *mask))).collect());

/// All patterns at once: nearly no line has a secret.
static ANY: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(SECRETS.iter().map(|(pattern, _)| *pattern)).ok());

/// Where in a text secrets are, as byte ranges in order, without the words that introduce them: for who shows the rest.
pub fn secrets(text: &str) -> Vec<Range<usize>> {
    let Some(any) = ANY.as_ref() else { return std::iter::once(0..text.len()).collect() };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for pattern in any.matches(text) {
        let Some((regex, mask)) = PATTERNS.get(pattern) else { continue };
        for found in regex.captures_iter(text) {
            let Some(whole) = found.get(0).filter(|_| !announces_none(&found)) else { continue };
            let kept = [(1, "${1}"), (2, "${2}")].into_iter().filter(|(_, group)| mask.contains(group));
            let start = kept.filter_map(|(group, _)| found.get(group)).map(|group| group.end()).max();
            ranges.push(start.unwrap_or(whole.start())..whole.end());
        }
    }
    ranges.sort_by_key(|range| range.start);
    ranges
}

/// sudo's `NOPASSWD: ALL` announces no password.
fn announces_none(found: &Captures<'_>) -> bool {
    found.get(1).is_some_and(|words| words.as_str().to_ascii_lowercase().starts_with("nopass"))
}

fn replace<'a>(pattern: &Regex, text: &'a str, mask: &str) -> Cow<'a, str> {
    pattern.replace_all(text, |found: &Captures<'_>| {
        let mut replaced = String::new();
        if announces_none(found) {
            replaced.push_str(found.get(0).map_or("", |whole| whole.as_str()));
        } else {
            found.expand(mask, &mut replaced);
        }
        replaced
    })
}

/// The text with what looks like a secret masked. Masking twice is masking once.
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        let mut changed = false;
        for (pattern, mask) in PATTERNS.iter() {
            if let Cow::Owned(replaced) = replace(pattern, &masked, mask)
                && replaced != *masked
            {
                masked = Cow::Owned(replaced);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_where_they_are() {
        let hidden = |text: &str| {
            let mut shown = text.to_owned();
            for range in secrets(text).into_iter().rev() {
                shown.replace_range(range.clone(), &"*".repeat(range.len()));
            }
            shown
        };
        assert_eq!(
            hidden("export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"),
            "export AWS_ACCESS_KEY_ID=********************"
        );
        assert_eq!(hidden("mysql -uroot -phunter2 db"), "mysql -uroot -p******* db");
        assert_eq!(hidden("curl -u ann:pw https://x"), "curl -u ann:** https://x");
        for plain in ["nothing to see", "(ALL) NOPASSWD: ALL"] {
            assert_eq!(hidden(plain), plain);
            assert_eq!(mask(plain), plain);
        }
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(PATTERNS.len(), SECRETS.len());
    }

    #[test]
    fn secrets_are_masked_and_what_introduces_them_stays() {
        for (text, masked) in [
            ("id AKIAIOSFODNN7EXAMPLE used", "id AKIA[masked] used"),
            ("ASIAIOSFODNN7EXAMPLE", "ASIA[masked]"),
            (
                "aws configure set aws_secret_access_key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "aws configure set aws_secret_access_key [masked]",
            ),
            ("export AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjEXAMPLE", "export AWS_SESSION_TOKEN=[masked]"),
            (
                "cat k: -----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY----- end",
                "cat k: [masked private key] end",
            ),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz", "[masked private key]"),
            ("curl -H 'Authorization: Bearer abcdef123456'", "curl -H 'Authorization: Bearer [masked]'"),
            ("mysql --password hunter2 -u root", "mysql --password [masked] -u root"),
            ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[masked] psql"),
            ("{\"password\": \"hunter 2\", \"a\": 1}", "{\"password\": [masked], \"a\": 1}"),
            ("git clone https://bob:hunter2@example.com/x", "git clone https://bob:[masked]@example.com/x"),
            ("ghp_abcdefghijklmnop", "ghp_[masked]"),
            ("mysql -u root -phunter2 shop", "mysql -u root -p[masked] shop"),
            ("sshpass -p hunter2 ssh web", "sshpass -p [masked] ssh web"),
            ("curl -s -u bob:hunter2 http://web/", "curl -s -u bob:[masked] http://web/"),
            ("curl --user 'bob:hunter2' http://web/", "curl --user 'bob:[masked]' http://web/"),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "[masked token]"),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "arn:aws:sts::111122223333:assumed-role/OpsAdmin/jane@example.com",
            "AWS-StartSSHSession",
            "passwd root",
            "mysql -u root -p shop",
            "curl -u bob http://web/",
            "INC0012345: rotate the token of the build",
            "jane-0a1b2c3d4e5f60718",
            "",
        ] {
            assert!(matches!(mask(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn masking_twice_is_masking_once(text in "\\PC{0,60}") {
            let once = mask(&text).into_owned();
            proptest::prop_assert_eq!(mask(&once), once.as_str());
        }

        #[test]
        fn masking_what_looks_like_secrets_twice_is_masking_once(
            words in proptest::collection::vec(proptest::sample::select(WORDS.as_slice()), 0..12),
        ) {
            let once = mask(&words.concat()).into_owned();
            proptest::prop_assert_eq!(mask(&once), once.as_str());
        }
    }

    const WORDS: [&str; 24] = [
        "password",
        "token",
        "secret",
        "key",
        "=",
        ": ",
        " ",
        "\"",
        "'",
        "--",
        "-p",
        "-u ",
        "bob:hunter2",
        "mysql ",
        "curl ",
        "AKIAIOSFODNN7EXAMPLE",
        "://",
        "@",
        "bearer ",
        "abcdefgh12345678",
        "eyJhbGciOiJI.eyJzdWIiOiIx",
        "-----BEGIN RSA PRIVATE KEY-----",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "; ",
    ];
}
