//! SSM Agent versions and which of two is older. Pure.
//!
//! Versions are four numbers with dots, as `3.3.40.0`
//! (<https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-get-version.html>). The node itself reports
//! its version, so the text may be anything.

/// Longer texts are no version; a real one has about 12 characters.
const LONGEST: usize = 128;

/// Digits of each part in [`number`]; the largest part that was ever released has four.
const PART: i64 = 100_000;
/// Parts of a version.
const PARTS: usize = 4;

/// The version as one number that orders as versions do: five digits a part, 3.1.1856.0 is 3000010185600000. Parts that
/// are missing count as 0, larger ones as 99999. `None`: it is no version.
pub(super) fn number(version: &str) -> Option<i64> {
    let parts = parts(version)?;
    if parts.len() > PARTS {
        return None;
    }
    let part = |at: usize| match parts.get(at).copied() {
        None | Some("") => 0,
        Some(digits) => digits.parse::<i64>().map_or(PART - 1, |number| number.min(PART - 1)),
    };
    // The first part of a real version is one digit; a larger one must not overflow.
    Some((0..PARTS).fold(0, |number: i64, at| {
        number.saturating_mul(PART).saturating_add(part(at).min(if at == 0 { 9000 } else { PART }))
    }))
}

/// The numbers, without leading zeros (0 is empty).
fn parts(version: &str) -> Option<Vec<&str>> {
    if version.len() > LONGEST {
        return None;
    }
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    version.split('.').map(|part| number(part).then(|| part.trim_start_matches('0'))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::cmp::Ordering;

    use super::*;

    /// How the two versions stand to each other. Parts that are missing count as 0. `None`: one of them is no version.
    fn compare(a: &str, b: &str) -> Option<Ordering> {
        let (a, b) = (parts(a)?, parts(b)?);
        // Without leading zeros the longer number is the larger: numbers of any length compare without overflow.
        let orders = (0..a.len().max(b.len())).map(|index| {
            let (a, b) = (a.get(index).unwrap_or(&""), b.get(index).unwrap_or(&""));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        });
        Some(orders.fold(Ordering::Equal, Ordering::then))
    }

    /// Whether the version is older than the bound. `None`: one of them is no version.
    fn is_older(version: &str, bound: &str) -> Option<bool> {
        compare(version, bound).map(Ordering::is_lt)
    }

    #[test]
    fn the_bounds_of_the_node_rules() {
        for (version, bound, older) in [
            ("2.3.67.9", "2.3.68.0", Some(true)),
            ("2.3.68.0", "2.3.68.0", Some(false)),
            ("2.3.68", "2.3.68.0", Some(false)),
            ("2.3.68.0", "2.3.68", Some(false)),
            ("3.0.222.0", "3.0.356.0", Some(true)),
            ("3.0.1000.0", "3.0.356.0", Some(false)),
            ("3.1.1856.0", "3.1.1856.0", Some(false)),
            ("10.0.0.0", "3.1.1856.0", Some(false)),
            ("3.00.0356.0", "3.0.356.0", Some(false)),
            ("3", "3.0.0.1", Some(true)),
            ("3.99999999999999999999999999999999999999999999.0.0", "3.1.0.0", Some(false)),
            ("3.1.1856.0-rc1", "3.1.1856.0", None),
            ("latest", "3.1.1856.0", None),
            ("3..1", "3.1.1856.0", None),
            ("3.1.", "3.1.1856.0", None),
            ("", "3.1.1856.0", None),
            (" 3.1", "3.1.1856.0", None),
            ("+3.1", "3.1.1856.0", None),
            ("٣.1", "3.1.1856.0", None),
        ] {
            assert_eq!(is_older(version, bound), older, "{version} {bound}");
        }
        assert_eq!(compare(&"1.".repeat(100), "1"), None);
    }

    /// The plain reference: padded numbers.
    fn reference(text: &str) -> Option<Vec<u128>> {
        let mut numbers = text
            .split('.')
            .map(|part| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?)
            .collect::<Option<Vec<u128>>>()?;
        numbers.resize(16, 0);
        Some(numbers)
    }

    proptest! {
        #[test]
        fn agrees_with_numbers(a in "[0-9]{0,4}(\\.[0-9]{0,12}){0,4}(-rc)?", b in "[0-2]{1,2}(\\.[0-9]{1,2}){0,5}") {
            let wanted = reference(&a).zip(reference(&b)).map(|(a, b)| a.cmp(&b));
            prop_assert_eq!(compare(&a, &b), wanted);
            prop_assert_eq!(compare(&b, &a), wanted.map(Ordering::reverse));
        }

        #[test]
        fn near_versions_agree_with_numbers(a in "0?[01](\\.0{0,2}[0-2]){0,4}", b in "0?[01](\\.0{0,2}[0-2]){0,4}") {
            let wanted = reference(&a).zip(reference(&b)).map(|(a, b)| a.cmp(&b));
            prop_assert!(wanted.is_some());
            prop_assert_eq!(compare(&a, &b), wanted);
            prop_assert_eq!(is_older(&a, &b), wanted.map(|order| order == Ordering::Less));
        }

        #[test]
        fn any_text_is_taken(a in "\\PC*", b in "\\PC*") {
            let _ = compare(&a, &b);
        }
    }

    #[test]
    fn the_numbers_of_the_node_rules() {
        assert_eq!(number("3.1.1856.0"), Some(3_000_010_185_600_000));
        assert_eq!(number("2.3.68"), Some(2_000_030_006_800_000));
        assert_eq!(number("3.0.222.0"), Some(3_000_000_022_200_000));
        for text in ["latest", "", "3..1", "3.1.1856.0-rc1", "1.2.3.4.5", "-1.0"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_order_as_versions_do(a in "[0-9]{1,2}(\\.[0-9]{1,5}){0,3}", b in "[0-9]{1,2}(\\.[0-9]{1,5}){0,3}") {
            prop_assert_eq!(number(&a).zip(number(&b)).map(|(a, b)| a.cmp(&b)), compare(&a, &b));
        }

        #[test]
        fn numbers_of_anything_are_harmless(text in "\\PC{0,40}|[0-9.]{0,60}") {
            let _ = number(&text);
        }
    }
}
