//! ATT&CK techniques, and the ids that version 19 gave to those of earlier versions.

use std::fmt;

/// A technique that a rule detects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Technique {
    /// Its id in ATT&CK 19: `T1685.001`.
    pub id: String,
    /// The id that it had up to version 18, where it had another one.
    pub formerly: Option<String>,
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.formerly {
            Some(formerly) => write!(f, "{} (was {formerly})", self.id),
            None => f.write_str(&self.id),
        }
    }
}

/// Ids up to version 18, and from version 19 on. In version 19 *Impair Defenses* was parted into techniques of its own.
const RENAMED: [(&str, &str); 12] = [
    ("T1562", "T1685"),
    ("T1562.001", "T1685"),
    ("T1562.002", "T1685.001"),
    ("T1562.003", "T1690"),
    ("T1562.004", "T1686"),
    ("T1562.006", "T1685"),
    ("T1562.007", "T1686.001"),
    ("T1562.008", "T1685.002"),
    ("T1562.010", "T1689"),
    ("T1562.012", "T1685.004"),
    ("T1070.001", "T1685.005"),
    ("T1070.002", "T1685.006"),
];

impl Technique {
    /// The technique of a Sigma tag (`attack.t1685.001`), in version 19's ids; other tags name none.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let id = tag.get(..7).filter(|space| space.eq_ignore_ascii_case("attack.")).and(tag.get(7..))?;
        let id = id.to_ascii_uppercase();
        let mut digits = id.strip_prefix('T')?.splitn(2, '.');
        let is_number = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits.next().is_some_and(|part| is_number(part, 4)) || !digits.next().is_none_or(|part| is_number(part, 3))
        {
            return None;
        }
        Some(match RENAMED.iter().find(|(former, _)| *former == id) {
            Some((_, now)) => Self { id: (*now).to_owned(), formerly: Some(id) },
            None => Self { id, formerly: None },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_techniques_in_the_ids_of_today() {
        let technique = |id: &str, formerly: Option<&str>| {
            Some(Technique { id: id.to_owned(), formerly: formerly.map(str::to_owned) })
        };
        for (tag, expected) in [
            ("attack.t1685.001", technique("T1685.001", None)),
            ("attack.t1059.004", technique("T1059.004", None)),
            ("attack.T1562.001", technique("T1685", Some("T1562.001"))),
            ("attack.t1070.002", technique("T1685.006", Some("T1070.002"))),
            ("attack.t1070.003", technique("T1070.003", None)),
            ("attack.execution", None),
            ("attack.t15", None),
            ("attack.g0049", None),
            ("cve.2021-44228", None),
            ("", None),
        ] {
            assert_eq!(Technique::of_tag(tag), expected, "{tag}");
        }
    }
}
