//! IAM's wildcard patterns as languages: whether a text has a pattern's form, whether two patterns meet, whether patterns
//! together cover another. Pure.
//!
//! `*` stands for any text, `?` for one character; `${…}` is a policy variable, but `${*}`, `${?}` and `${$}` are those
//! characters (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).

use std::collections::{BTreeSet, HashSet};

/// How many places two patterns may be compared in: more than a policy of IAM's longest size needs.
const MOST_PLACES: usize = 500_000;
/// How many steps the question of covering may take: a policy is hostile, and the question is hard by its nature.
const MOST_STEPS: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Token {
    Exactly(char),
    AnyOne,
    AnyText,
}

/// A text with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    /// It has a policy variable, which stands here for any text.
    pub(super) variable: bool,
}

impl Pattern {
    /// Reads a pattern without policy variables, as the config and documents of version 2008-10-17 have them.
    pub(super) fn plain(text: &str) -> Self {
        Self { tokens: text.chars().map(token).collect(), variable: false }
    }

    /// Reads a pattern with policy variables.
    pub(super) fn with_variables(text: &str) -> Self {
        let (mut tokens, mut variable, mut rest) = (Vec::new(), false, text);
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}') else { break };
            tokens.extend(before.chars().map(token));
            match name {
                "*" => tokens.push(Token::Exactly('*')),
                "?" => tokens.push(Token::Exactly('?')),
                "$" => tokens.push(Token::Exactly('$')),
                _ => {
                    variable = true;
                    tokens.push(Token::AnyText);
                }
            }
            rest = after;
        }
        tokens.extend(rest.chars().map(token));
        Self { tokens, variable }
    }

    fn is_everything(&self) -> bool {
        self.tokens.contains(&Token::AnyText) && self.tokens.iter().all(|token| *token == Token::AnyText)
    }
}

fn token(c: char) -> Token {
    match c {
        '*' => Token::AnyText,
        '?' => Token::AnyOne,
        c => Token::Exactly(c),
    }
}

/// Whether there is a text that has the form of both. `None`: too hard.
pub(super) fn meet(a: &Pattern, b: &Pattern) -> Option<bool> {
    let mut seen = HashSet::from([(0, 0)]);
    let mut open = vec![(0, 0)];
    while let Some((i, j)) = open.pop() {
        if seen.len() > MOST_PLACES {
            return None;
        }
        let next = match (a.tokens.get(i), b.tokens.get(j)) {
            (None, None) => return Some(true),
            // Any text is nothing, or takes what the other pattern has next, whatever that is.
            (Some(Token::AnyText), Some(Token::AnyText)) => [Some((i + 1, j)), Some((i, j + 1))],
            (Some(Token::AnyText), other) => [Some((i + 1, j)), other.map(|_| (i, j + 1))],
            (other, Some(Token::AnyText)) => [Some((i, j + 1)), other.map(|_| (i + 1, j))],
            (None, Some(_)) | (Some(_), None) => [None, None],
            (Some(Token::Exactly(a)), Some(Token::Exactly(b))) if a != b => [None, None],
            (Some(_), Some(_)) => [Some((i + 1, j + 1)), None],
        };
        open.extend(next.into_iter().flatten().filter(|place| seen.insert(*place)));
    }
    Some(false)
}

/// Whether every text that has the form of `needed` has the form of one of the patterns. `None`: too hard.
///
/// A walk over all texts of `needed`, by the places that the text so far may have reached: one in `needed`, in the
/// patterns all at once (the subset construction). It looks for a text that is at the end in `needed` and in no pattern.
pub(super) fn cover(patterns: &[&Pattern], needed: &Pattern) -> Option<bool> {
    if patterns.iter().any(|pattern| pattern.is_everything() || pattern.tokens == needed.tokens) {
        return Some(true);
    }
    // All characters that no pattern names behave alike: one of them stands for all.
    let named: BTreeSet<char> = patterns
        .iter()
        .copied()
        .chain([needed])
        .flat_map(|pattern| &pattern.tokens)
        .filter_map(|token| if let Token::Exactly(c) = token { Some(*c) } else { None })
        .collect();
    let other = ('\u{0}'..=char::MAX).find(|c| !named.contains(c))?;

    let mut start = BTreeSet::new();
    patterns.iter().enumerate().for_each(|(index, pattern)| reach(&mut start, index, pattern, 0));
    let mut open = vec![(0, start)];
    let mut seen: HashSet<(usize, BTreeSet<(usize, usize)>)> = open.iter().cloned().collect();
    let mut steps = 0;
    while let Some((place, places)) = open.pop() {
        let ended = |(index, at): &(usize, usize)| patterns.get(*index).is_some_and(|p| *at == p.tokens.len());
        let mut next = Vec::new();
        match needed.tokens.get(place) {
            None if places.iter().any(ended) => {}
            None => return Some(false),
            Some(Token::Exactly(c)) => next.push((place + 1, after(patterns, &places, *c))),
            Some(Token::AnyOne) => {
                next.extend(named.iter().chain([&other]).map(|c| (place + 1, after(patterns, &places, *c))));
            }
            Some(Token::AnyText) => {
                next.extend(named.iter().chain([&other]).map(|c| (place, after(patterns, &places, *c))));
                next.push((place + 1, places.clone()));
            }
        }
        steps += next.len() * (places.len() + 1);
        if steps > MOST_STEPS {
            return None;
        }
        open.extend(next.into_iter().filter(|state| seen.insert(state.clone())));
    }
    Some(true)
}

/// The places in the patterns after one more character.
fn after(patterns: &[&Pattern], places: &BTreeSet<(usize, usize)>, c: char) -> BTreeSet<(usize, usize)> {
    let mut reached = BTreeSet::new();
    for &(index, at) in places {
        let Some(pattern) = patterns.get(index) else { continue };
        match pattern.tokens.get(at) {
            Some(Token::AnyText) => reach(&mut reached, index, pattern, at),
            Some(Token::AnyOne) => reach(&mut reached, index, pattern, at + 1),
            Some(Token::Exactly(wanted)) if *wanted == c => reach(&mut reached, index, pattern, at + 1),
            Some(Token::Exactly(_)) | None => {}
        }
    }
    reached
}

/// A place, and those behind it that any text makes reachable for nothing.
fn reach(reached: &mut BTreeSet<(usize, usize)>, index: usize, pattern: &Pattern, mut at: usize) {
    while reached.insert((index, at)) && pattern.tokens.get(at) == Some(&Token::AnyText) {
        at += 1;
    }
}

/// Whether the action has the pattern's form, in any case.
pub(super) fn matches_action(pattern: &str, action: &str) -> bool {
    let small = |text: &str| text.to_ascii_lowercase();
    // A concrete action against a pattern of any length takes few steps; a pattern that is too long for it is none of IAM's.
    let action = Pattern { tokens: small(action).chars().map(Token::Exactly).collect(), variable: false };
    meet(&Pattern::plain(&small(pattern)), &action).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plain reference: recursion over the text.
    fn has_form(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                has_form(rest, text) || matches!(text, [_, behind @ ..] if has_form(pattern, behind))
            }
            (['?', rest @ ..], [_, behind @ ..]) => has_form(rest, behind),
            ([p, rest @ ..], [c, behind @ ..]) => p == c && has_form(rest, behind),
            _ => false,
        }
    }

    fn form(pattern: &str, text: &str) -> bool {
        has_form(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
    }

    /// All texts over two named characters and one that no pattern names, up to that length.
    fn texts(longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|text| ['a', 'b', 'z'].map(|c| format!("{text}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn patterns_meet_where_a_text_has_both_forms(a in "[ab*?]{0,4}", b in "[ab*?]{0,4}") {
            // Where they meet at all, they meet in a text no longer than both together.
            let wanted = texts(8).iter().any(|text| form(&a, text) && form(&b, text));
            prop_assert_eq!(meet(&Pattern::plain(&a), &Pattern::plain(&b)), Some(wanted), "{} {}", a, b);
            prop_assert_eq!(meet(&Pattern::plain(&b), &Pattern::plain(&a)), Some(wanted));
        }

        #[test]
        fn patterns_cover_where_no_text_is_left(patterns in prop::collection::vec("[ab*?]{0,3}", 0..4), needed in "[ab*?]{0,3}") {
            let wanted = texts(8).iter().filter(|text| form(&needed, text)).all(|text| patterns.iter().any(|p| form(p, text)));
            let read: Vec<Pattern> = patterns.iter().map(|text| Pattern::plain(text)).collect();
            let read: Vec<&Pattern> = read.iter().collect();
            prop_assert_eq!(cover(&read, &Pattern::plain(&needed)), Some(wanted), "{:?} {}", patterns, needed);
        }

        #[test]
        fn actions_match_in_any_case(pattern in "[abAB*?]{0,5}", action in "[abAB]{0,5}") {
            prop_assert_eq!(matches_action(&pattern, &action), form(&pattern.to_lowercase(), &action.to_lowercase()));
        }

        #[test]
        fn any_text_is_a_pattern(text in "\\PC*|(\\$\\{|\\}|\\*|a){0,8}") {
            let pattern = Pattern::with_variables(&text);
            let named = text.contains("${a}");
            prop_assert!(pattern.variable || !named);
        }
    }

    #[test]
    fn variables_stand_for_any_text_and_escapes_for_themselves() {
        let read = Pattern::with_variables;
        assert!(read("home/${aws:username}/*").variable);
        assert_eq!(meet(&read("home/${aws:username}"), &Pattern::plain("home/me")), Some(true));
        assert!(!read("a${*}").variable);
        assert_eq!(meet(&read("a${*}"), &Pattern::plain("ab")), Some(false));
        assert_eq!(meet(&read("a${$}"), &Pattern::plain("a$")), Some(true));
        assert_eq!(read("a${open"), Pattern::plain("a${open"));
        assert!(!Pattern::plain("a${aws:username}").variable);
    }

    #[test]
    fn hard_patterns_end() {
        let hard = Pattern::plain(&format!("*{}", "a?b*?".repeat(2_000)));
        let _ = meet(&hard, &hard);
        let union = Pattern::plain(&format!("*a{}", "?".repeat(60)));
        assert_eq!(cover(&[&union], &Pattern::plain("*a*b*")), Some(false));
        let _ = cover(&[&hard, &union], &Pattern::plain("*a?????????????????????????????????b*"));
        assert!(matches_action(&"*".repeat(10_000), "s3:PutObject"));
    }
}
