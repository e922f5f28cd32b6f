//! From what is typed to a filter, or to what is wrong with it and where.

use std::ops::Range;

use jiff::SignedDuration;

use super::{Clock, Filter, FilterError, KEYS, Key, Order, Pattern, Term, What, pattern::lower};
use crate::domain::{Severity, Verdict};

/// One character of a word, what it stands for, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    pub(super) c: char,
    /// Its first byte in the text.
    pub(super) at: usize,
    pub(super) quoted: bool,
}

/// What stands between spaces.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) range: Range<usize>,
    pub(super) letters: Vec<Letter>,
    /// The quote that is never closed.
    pub(super) unclosed: Option<usize>,
    /// A `\` in quotes that means nothing.
    wrong_escape: Option<Range<usize>>,
}

/// Splits a text at spaces that are not in quotes.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, _)) = rest.next_if(|(_, c)| c.is_whitespace()).or_else(|| rest.peek().copied()) {
        if text.get(start..).is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
            continue;
        }
        let mut word = Word { range: start..text.len(), letters: Vec::new(), unclosed: None, wrong_escape: None };
        while let Some(&(at, c)) = rest.peek() {
            if word.unclosed.is_none() && c.is_whitespace() {
                word.range.end = at;
                break;
            }
            rest.next();
            match (c, word.unclosed) {
                ('"', None) => word.unclosed = Some(at),
                ('"', Some(_)) => word.unclosed = None,
                ('\\', Some(_)) => {
                    let (c, length) = escaped(text.get(at + 1..).unwrap_or_default());
                    let end = at + 1 + length;
                    while rest.next_if(|(at, _)| *at < end).is_some() {}
                    match c {
                        Some(c) => word.letters.push(Letter { c, at, quoted: true }),
                        None => word.wrong_escape = Some(at..end.min(text.len())),
                    }
                }
                (c, quote) => word.letters.push(Letter { c, at, quoted: quote.is_some() }),
            }
        }
        words.push(word);
    }
    words
}

/// What a `\` in quotes stands for, and the bytes after it that belong to it.
fn escaped(after: &str) -> (Option<char>, usize) {
    if let Some(c) = after.chars().next().filter(|c| matches!(c, '"' | '\\')) {
        return (Some(c), 1);
    }
    let number = after.strip_prefix("u{").and_then(|rest| rest.split_once('}')).map(|(number, _)| number);
    match number.filter(|number| (1..=6).contains(&number.len())) {
        Some(number) => {
            let c = number.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(number, 16).ok());
            (c.flatten().and_then(char::from_u32), number.len() + 3)
        }
        None => (None, 0),
    }
}

/// A part of a word.
#[derive(Debug, Clone)]
pub(super) struct Part<'w> {
    pub(super) range: Range<usize>,
    pub(super) letters: &'w [Letter],
}

impl<'w> Part<'w> {
    pub(super) fn of(word: &'w Word) -> Self {
        Self { range: word.range.clone(), letters: &word.letters }
    }

    /// Before and after the first such sign outside of quotes.
    pub(super) fn split(&self, sign: char) -> (Self, Option<Self>) {
        let found = self.letters.iter().position(|letter| letter.c == sign && !letter.quoted);
        let at = found.and_then(|place| Some((self.letters.get(place)?.at, place)));
        match at {
            Some((at, place)) => {
                let (before, after) = self.letters.split_at_checked(place).unwrap_or((self.letters, &[]));
                let after = after.get(1..).unwrap_or_default();
                let after = Self { range: at + sign.len_utf8()..self.range.end, letters: after };
                (Self { range: self.range.start..at, letters: before }, Some(after))
            }
            None => (self.clone(), None),
        }
    }

    pub(super) fn split_all(&self, sign: char) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = Some(self.clone());
        while let Some(part) = rest {
            let (before, after) = part.split(sign);
            parts.push(before);
            rest = after;
        }
        parts
    }

    /// Without its first letter, which takes one byte.
    fn after_first(&self) -> Self {
        Self { range: self.range.start + 1..self.range.end, letters: self.letters.get(1..).unwrap_or_default() }
    }

    pub(super) fn text(&self) -> String {
        self.letters.iter().map(|letter| letter.c).collect()
    }

    fn begins_with(&self, sign: char) -> bool {
        self.letters.first().is_some_and(|first| first.c == sign && !first.quoted && first.at == self.range.start)
    }

    /// `-` and what is behind it.
    pub(super) fn negated(&self) -> (bool, Self) {
        if self.begins_with('-') { (true, self.after_first()) } else { (false, self.clone()) }
    }

    /// The letters before a sign, the sign, and what is behind it.
    pub(super) fn key(&self) -> Option<(String, &'static str, Self)> {
        let sign = |letter: &Letter| !letter.quoted && matches!(letter.c, ':' | '=' | '<' | '>');
        let length = self.letters.iter().position(sign).filter(|length| *length > 0)?;
        let (name, rest) = self.letters.split_at_checked(length)?;
        let sign = rest.first()?;
        let bare = name.iter().all(|letter| !letter.quoted && letter.c.is_ascii_alphabetic());
        if !bare || sign.at != self.range.start + length {
            return None;
        }
        let name: String = name.iter().map(|letter| letter.c.to_ascii_lowercase()).collect();
        let rest = Self { range: sign.at..self.range.end, letters: rest }.after_first();
        let equal = rest.begins_with('=');
        Some(match (sign.c, equal) {
            ('<', true) => (name, "<=", rest.after_first()),
            ('>', true) => (name, ">=", rest.after_first()),
            ('<', false) => (name, "<", rest),
            ('>', false) => (name, ">", rest),
            _ => (name, ":", rest),
        })
    }

    fn pattern(&self) -> Pattern {
        let mut pieces = vec![String::new()];
        for letter in self.letters {
            match pieces.last_mut() {
                Some(piece) if letter.c != '*' || letter.quoted => piece.extend(letter.c.to_lowercase()),
                _ => pieces.push(String::new()),
            }
        }
        Pattern { pieces }
    }
}

/// The key of that name.
pub(super) fn key_of(name: &str) -> Option<Key> {
    KEYS.iter().find(|(key, ..)| *key == name).map(|(_, key, _)| *key)
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let words = words(text);
        let terms = words.iter().map(|word| Reader { text, word }.term()).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }
}

/// Reads one word.
struct Reader<'a> {
    text: &'a str,
    word: &'a Word,
}

impl Reader<'_> {
    fn error(&self, range: Range<usize>, message: impl Into<String>) -> FilterError {
        FilterError { range, message: message.into(), incomplete: false, term: self.word.range.start }
    }

    /// Wrong as it is; where it is the end of the text, more may come.
    fn unfinished(&self, range: Range<usize>, message: impl Into<String>) -> FilterError {
        let incomplete = range.end == self.text.len();
        // There is always something to point at.
        let range = if range.is_empty() { self.word.range.start..range.end } else { range };
        FilterError { incomplete, ..self.error(range, message) }
    }

    fn term(&self) -> Result<Term, FilterError> {
        if let Some(range) = &self.word.wrong_escape {
            let message = "in quotes `\\` stands only before `\"` and `\\`, and in `\\u{…}`";
            return Err(self.unfinished(range.clone(), message));
        }
        if let Some(quote) = self.word.unclosed {
            return Err(self.unfinished(quote..self.text.len(), "this quote is not closed"));
        }
        let (negated, part) = Part::of(self.word).negated();
        if negated && part.range.is_empty() {
            return Err(self.unfinished(part.range, "a `-` needs a term behind it; in quotes it is text: \"-\""));
        }
        Ok(Term { negated, what: self.what(&part)? })
    }

    fn what(&self, part: &Part<'_>) -> Result<What, FilterError> {
        if let Some((name, sign, value)) = part.key() {
            let place = part.range.start..part.range.start + name.len();
            match key_of(&name) {
                Some(key) => return self.keyed(key, &name, sign, &place, &value),
                None => self.may_be_text(&name, sign, &place, &value)?,
            }
        }
        if part.letters.is_empty() {
            return Err(self.error(part.range.clone(), "there is nothing between these quotes"));
        }
        Ok(What::Text(part.pattern()))
    }

    /// An ARN, a URL, an image with its tag are text; what looks like a key is none that there is.
    fn may_be_text(&self, name: &str, sign: &str, place: &Range<usize>, value: &Part<'_>) -> Result<(), FilterError> {
        let keys = || KEYS.iter().map(|(key, ..)| *key);
        let near = keys().map(|key| (strsim::damerau_levenshtein(name, key), key)).min();
        let near = near.filter(|(distance, key)| *distance <= 1 + name.len().min(key.len()) / 4).map(|(_, key)| key);
        let more = value.letters.iter().any(|letter| letter.c == ':') || value.begins_with('/');
        let equals = self.text.get(place.end..=place.end) == Some("=");
        if more || (near.is_none() && (sign != ":" || equals)) {
            return Ok(());
        }
        let range = place.start..(place.end + sign.len()).min(self.text.len());
        Err(self.error(
            range,
            match near {
                Some(key) => format!("unknown key `{name}`, did you mean `{key}`? In quotes it is text"),
                None => format!("unknown key `{name}`; in quotes it is text"),
            },
        ))
    }

    fn keyed(
        &self,
        key: Key,
        name: &str,
        sign: &str,
        place: &Range<usize>,
        value: &Part<'_>,
    ) -> Result<What, FilterError> {
        let signs = place.start..value.range.start;
        let order = match sign {
            "<" => Some(Order::Less),
            "<=" => Some(Order::AtMost),
            ">=" => Some(Order::AtLeast),
            ">" => Some(Order::More),
            _ => None,
        };
        match (key, order) {
            (Key::Time(clock), Some(order)) => Ok(What::Time(clock, order, self.length(clock, value)?)),
            (Key::Time(_), None) => {
                Err(self.unfinished(signs, format!("`{name}` is compared: `{name}>1h`, `{name}<10m`")))
            }
            (Key::Severity, Some(order)) => match self.severities(value)?.as_slice() {
                [severity] => Ok(What::SeverityIs(order, *severity)),
                _ => Err(self.error(value.range.clone(), "one severity is compared, as `severity>=high`")),
            },
            (_, Some(_)) => Err(self.error(signs, format!("`{name}` is not compared; write `{name}:`"))),
            (Key::Severity, None) => Ok(What::Severity(self.severities(value)?)),
            (Key::Verdict, None) => Ok(What::Verdict(self.verdicts(value)?)),
            (Key::Is, None) => {
                let text = lower(&self.given(name, value)?.text());
                if "detected".starts_with(&text) && !text.is_empty() {
                    return Ok(What::Detected);
                }
                Err(self.error(value.range.clone(), format!("unknown `is:{text}`; there is `is:detected`")))
            }
            (Key::Text(field), None) => Ok(What::Field(field, self.patterns(name, value)?)),
            (Key::Tag, None) => {
                let (key, values) = value.split('=');
                let key = self.given("tag", &key)?.pattern();
                let values = values.map(|values| self.patterns("tag", &values)).transpose()?.unwrap_or_default();
                Ok(What::Tag(key, values))
            }
        }
    }

    fn given<'p>(&self, name: &str, part: &'p Part<'p>) -> Result<&'p Part<'p>, FilterError> {
        if part.range.is_empty() {
            let wanted = match name {
                "tag" => "a tag, as `tag:Environment=prod`".to_owned(),
                _ => format!("a value, as `{name}:…`"),
            };
            return Err(self.unfinished(part.range.clone(), format!("`{name}` needs {wanted}")));
        }
        Ok(part)
    }

    fn patterns(&self, name: &str, part: &Part<'_>) -> Result<Vec<Pattern>, FilterError> {
        let parts = part.split_all(',');
        parts.iter().map(|part| self.given(name, part).map(Part::pattern)).collect()
    }

    fn severities(&self, part: &Part<'_>) -> Result<Vec<Severity>, FilterError> {
        self.chosen("severity", "high", &Severity::ALL, Severity::word, part)
    }

    fn verdicts(&self, part: &Part<'_>) -> Result<Vec<Verdict>, FilterError> {
        let all = [Verdict::NonCompliant, Verdict::InsufficientData, Verdict::Compliant, Verdict::NotApplicable];
        self.chosen("verdict", "non", &all, Verdict::word, part)
    }

    /// Those of `all` whose words begin as one of the values does.
    fn chosen<T: Copy + PartialEq>(
        &self,
        name: &str,
        example: &str,
        all: &[T],
        word: fn(T) -> &'static str,
        part: &Part<'_>,
    ) -> Result<Vec<T>, FilterError> {
        let bare = |text: &str| lower(text).replace(['_', '-', ' '], "");
        let mut chosen: Vec<T> = Vec::new();
        for part in part.split_all(',') {
            if part.range.is_empty() {
                let message = format!("`{name}` needs a value, as `{name}:{example}`");
                return Err(self.unfinished(part.range, message));
            }
            let wanted = bare(&part.text());
            let begins = |one: &&T| !wanted.is_empty() && bare(word(**one)).starts_with(&wanted);
            let found: Vec<T> = all.iter().filter(begins).copied().collect();
            if found.is_empty() {
                let words: Vec<String> = all.iter().map(|one| word(*one).to_lowercase()).collect();
                return Err(self.error(
                    part.range.clone(),
                    format!("unknown {name} `{}`; there are {}", part.text(), words.join(", ")),
                ));
            }
            for one in found {
                if !chosen.contains(&one) {
                    chosen.push(one);
                }
            }
        }
        Ok(chosen)
    }

    /// A length of time: `90s`, `10m`, `1h30m`, `2d`.
    fn length(&self, clock: Clock, part: &Part<'_>) -> Result<SignedDuration, FilterError> {
        let name = clock.name();
        if part.range.is_empty() {
            return Err(self.unfinished(part.range.clone(), format!("`{name}` needs a duration, as `{name}>1h`")));
        }
        let wanted = || format!("`{}` is not a duration; write 90s, 10m, 1h30m or 2d", part.text());
        let wrong = || self.error(part.range.clone(), wanted());
        let mut total: i64 = 0;
        let mut number: Option<i64> = None;
        for letter in part.letters {
            if let Some(digit) = letter.c.to_digit(10) {
                let so_far = number.unwrap_or(0).checked_mul(10);
                number = Some(so_far.and_then(|so_far| so_far.checked_add(digit.into())).ok_or_else(wrong)?);
                continue;
            }
            let unit = match letter.c.to_ascii_lowercase() {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return Err(wrong()),
            };
            let length = number.take().and_then(|number| number.checked_mul(unit));
            total = length.and_then(|length| total.checked_add(length)).ok_or_else(wrong)?;
        }
        if number.is_some() || part.letters.is_empty() {
            return Err(self.unfinished(part.range.clone(), wanted()));
        }
        // Time itself does not reach further.
        if total > 100 * 365 * 86_400 {
            return Err(wrong());
        }
        Ok(SignedDuration::from_secs(total))
    }
}
