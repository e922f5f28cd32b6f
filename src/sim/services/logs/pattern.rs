//! Filter patterns: terms, quoted phrases, alternatives, exclusions, regular expressions and JSON selectors.

use regex::Regex;
use serde_json::Value;

/// A parsed filter pattern.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Terms of the text.
    Terms {
        /// All of these.
        required: Vec<Term>,
        /// At least one of these, if there are any (`?term`).
        optional: Vec<Term>,
        /// None of these (`-term`).
        excluded: Vec<Term>,
    },
    /// A condition on JSON messages.
    Json(Condition),
    /// Space-delimited fields with conditions.
    Fields(Vec<Field>),
}

/// One term.
#[derive(Debug, Clone)]
pub enum Term {
    /// Text that must occur, case-sensitive.
    Text(String),
    /// `%…%`.
    Expression(Regex),
}

impl Term {
    fn occurs(&self, message: &str) -> bool {
        match self {
            Term::Text(text) => message.contains(text.as_str()),
            Term::Expression(expression) => expression.is_match(message),
        }
    }
}

/// A field of a space-delimited pattern.
#[derive(Debug, Clone)]
pub enum Field {
    /// Any number of fields.
    Ellipsis,
    /// A field with an optional test.
    One(Option<(Operator, Literal)>),
}

/// A condition on a JSON message.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// Either.
    Or(Box<Condition>, Box<Condition>),
    /// A comparison of the selected value.
    Compare(Vec<Step>, Operator, Literal),
    /// `IS NULL`, `IS TRUE`, `IS FALSE`.
    Is(Vec<Step>, Value),
    /// `NOT EXISTS`.
    Absent(Vec<Step>),
    /// `EXISTS`.
    Present(Vec<Step>),
}

/// A step of a selector.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `.name` or `["name"]`.
    Key(String),
    /// `[0]`.
    Index(usize),
    /// `[*]` or `.*`.
    Any,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    Greater,
    /// `>=`.
    AtLeast,
}

/// What a value is compared with.
#[derive(Debug, Clone)]
pub enum Literal {
    /// A number.
    Number(f64),
    /// Text, `*` stands for anything.
    Text(String),
    /// `%…%`.
    Expression(Regex),
}

impl Pattern {
    /// Parses a filter pattern; blank matches everything.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(body) = text.strip_prefix('{') {
            let body = body.strip_suffix('}').ok_or("Invalid filter pattern: missing closing brace")?;
            let mut parser = Parser { rest: body };
            let condition = parser.either()?;
            parser.skip_space();
            return if parser.rest.is_empty() {
                Ok(Pattern::Json(condition))
            } else {
                Err("Invalid filter pattern".into())
            };
        }
        if let Some(body) = text.strip_prefix('[') {
            let body = body.strip_suffix(']').ok_or("Invalid filter pattern: missing closing bracket")?;
            return fields(body);
        }
        terms(text)
    }

    /// Whether a message matches.
    pub fn matches(&self, message: &str) -> bool {
        match self {
            Pattern::Terms { required, optional, excluded } => {
                required.iter().all(|term| term.occurs(message))
                    && (optional.is_empty() || !required.is_empty() || optional.iter().any(|term| term.occurs(message)))
                    && !excluded.iter().any(|term| term.occurs(message))
            }
            Pattern::Json(condition) => {
                serde_json::from_str::<Value>(message).is_ok_and(|json| json.is_object() && condition.holds(&json))
            }
            Pattern::Fields(fields) => {
                let values = split_fields(message);
                match_fields(fields, &values)
            }
        }
    }
}

fn terms(text: &str) -> Result<Pattern, String> {
    let (mut required, mut optional, mut excluded) = (Vec::new(), Vec::new(), Vec::new());
    let mut parser = Parser { rest: text };
    loop {
        parser.skip_space();
        let Some(first) = parser.rest.chars().next() else { break };
        let list = match first {
            '?' => {
                parser.advance(1);
                &mut optional
            }
            '-' => {
                parser.advance(1);
                &mut excluded
            }
            _ => &mut required,
        };
        match parser.rest.chars().next() {
            Some('"') => {
                let phrase = parser.quoted()?;
                list.push(Term::Text(phrase));
            }
            Some('%') => {
                let expression = parser.expression()?;
                list.push(Term::Expression(expression));
            }
            _ => {
                let word = parser.take_while(|character| !character.is_whitespace());
                if word.chars().any(|character| !(character.is_alphanumeric() || "_.*/:@#-".contains(character))) {
                    return Err(format!("Invalid character(s) in term '{word}'"));
                }
                list.push(Term::Text(word.to_owned()));
            }
        }
    }
    Ok(Pattern::Terms { required, optional, excluded })
}

fn fields(body: &str) -> Result<Pattern, String> {
    let mut fields = Vec::new();
    for part in body.split(',').map(str::trim) {
        if part == "..." {
            fields.push(Field::Ellipsis);
            continue;
        }
        let at = part.find(['=', '<', '>', '!']);
        let Some(at) = at else {
            fields.push(Field::One(None));
            continue;
        };
        let (_, test) = part.split_at(at);
        let mut parser = Parser { rest: test };
        let operator = parser.operator()?;
        let literal = parser.literal()?;
        fields.push(Field::One(Some((operator, literal))));
    }
    Ok(Pattern::Fields(fields))
}

fn split_fields(message: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = message.trim_start();
    while let Some(first) = rest.chars().next() {
        let (close, body) = match first {
            '"' => ('"', rest.get(1..).unwrap_or_default()),
            '[' => (']', rest.get(1..).unwrap_or_default()),
            _ => (' ', rest),
        };
        let (value, tail) = body.split_once(close).unwrap_or((body, ""));
        values.push(value.to_owned());
        rest = tail.trim_start();
    }
    values
}

fn match_fields(fields: &[Field], values: &[String]) -> bool {
    match fields.split_first() {
        None => values.is_empty(),
        Some((Field::Ellipsis, rest)) => {
            (0..=values.len()).any(|skip| values.get(skip..).is_some_and(|values| match_fields(rest, values)))
        }
        Some((Field::One(test), rest)) => match values.split_first() {
            None => false,
            Some((value, values)) => {
                test.as_ref()
                    .is_none_or(|(operator, literal)| literal.compare(*operator, &Value::String(value.clone())))
                    && match_fields(rest, values)
            }
        },
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !wanted(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        let mut escaped = false;
        for (at, character) in self.rest.char_indices().skip(1) {
            match character {
                _ if escaped => {
                    text.push(character);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.advance(at + 1);
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err("Invalid filter pattern: unterminated quotation".into())
    }

    fn expression(&mut self) -> Result<Regex, String> {
        self.advance(1);
        let (body, rest) =
            self.rest.split_once('%').ok_or("Invalid filter pattern: unterminated regular expression")?;
        self.rest = rest;
        Regex::new(body).map_err(|_| "Invalid filter pattern: invalid regular expression".to_owned())
    }

    fn either(&mut self) -> Result<Condition, String> {
        let mut left = self.both()?;
        while self.eat("||") {
            left = Condition::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Condition, String> {
        let mut left = self.single()?;
        while self.eat("&&") {
            left = Condition::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Condition, String> {
        if self.eat("(") {
            let inner = self.either()?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err("Invalid filter pattern: missing closing parenthesis".into())
            };
        }
        let selector = self.selector()?;
        self.skip_space();
        let before = self.rest;
        let word = self.take_while(char::is_alphabetic).to_ascii_uppercase();
        match word.as_str() {
            "IS" => {
                self.skip_space();
                let value = self.take_while(char::is_alphabetic).to_ascii_uppercase();
                match value.as_str() {
                    "NULL" => Ok(Condition::Is(selector, Value::Null)),
                    "TRUE" => Ok(Condition::Is(selector, Value::Bool(true))),
                    "FALSE" => Ok(Condition::Is(selector, Value::Bool(false))),
                    other => Err(format!("Invalid filter pattern: IS {other}")),
                }
            }
            "NOT" if self.eat("EXISTS") => Ok(Condition::Absent(selector)),
            "EXISTS" => Ok(Condition::Present(selector)),
            _ => {
                self.rest = before;
                let operator = self.operator()?;
                let literal = self.literal()?;
                Ok(Condition::Compare(selector, operator, literal))
            }
        }
    }

    fn selector(&mut self) -> Result<Vec<Step>, String> {
        if !self.eat("$") {
            return Err("Invalid filter pattern: a selector begins with $".into());
        }
        let mut steps = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                let name = self.take_while(|character| character.is_alphanumeric() || "_-*".contains(character));
                steps.push(if name == "*" { Step::Any } else { Step::Key(name.to_owned()) });
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                if self.rest.starts_with('"') {
                    steps.push(Step::Key(self.quoted()?));
                } else {
                    let inside = self.take_while(|character| character != ']');
                    steps.push(match inside.trim() {
                        "*" => Step::Any,
                        number => Step::Index(number.parse().map_err(|_| "Invalid filter pattern: bad index")?),
                    });
                }
                if !self.eat("]") {
                    return Err("Invalid filter pattern: missing closing bracket".into());
                }
            } else if steps.is_empty() {
                return Err("Invalid filter pattern: empty selector".into());
            } else {
                return Ok(steps);
            }
        }
    }

    fn operator(&mut self) -> Result<Operator, String> {
        for (token, operator) in [
            ("!=", Operator::NotEqual),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ] {
            if self.eat(token) {
                return Ok(operator);
            }
        }
        Err("Invalid filter pattern: missing operator".into())
    }

    fn literal(&mut self) -> Result<Literal, String> {
        self.skip_space();
        match self.rest.chars().next() {
            Some('"') => Ok(Literal::Text(self.quoted()?)),
            Some('%') => Ok(Literal::Expression(self.expression()?)),
            _ => {
                let word = self.take_while(|character| !character.is_whitespace() && !"&|)}".contains(character));
                match word.parse() {
                    _ if word.is_empty() => Err("Invalid filter pattern: missing value".into()),
                    Ok(number) => Ok(Literal::Number(number)),
                    Err(_) => Ok(Literal::Text(word.to_owned())),
                }
            }
        }
    }
}

impl Condition {
    fn holds(&self, json: &Value) -> bool {
        match self {
            Condition::And(left, right) => left.holds(json) && right.holds(json),
            Condition::Or(left, right) => left.holds(json) || right.holds(json),
            Condition::Compare(steps, operator, literal) => {
                select(json, steps).iter().any(|value| literal.compare(*operator, value))
            }
            Condition::Is(steps, wanted) => select(json, steps).contains(&wanted),
            Condition::Absent(steps) => select(json, steps).is_empty(),
            Condition::Present(steps) => !select(json, steps).is_empty(),
        }
    }
}

fn select<'a>(json: &'a Value, steps: &[Step]) -> Vec<&'a Value> {
    let mut found = vec![json];
    for step in steps {
        found = found
            .into_iter()
            .flat_map(|value| match step {
                Step::Key(key) => value.get(key).into_iter().collect::<Vec<_>>(),
                Step::Index(index) => value.get(index).into_iter().collect(),
                Step::Any => match value {
                    Value::Array(items) => items.iter().collect(),
                    Value::Object(members) => members.values().collect(),
                    _ => Vec::new(),
                },
            })
            .collect();
    }
    found
}

impl Literal {
    fn compare(&self, operator: Operator, value: &Value) -> bool {
        match self {
            Literal::Number(number) => {
                let Some(value) = value.as_f64().or_else(|| value.as_str()?.parse().ok()) else {
                    return operator == Operator::NotEqual;
                };
                match operator {
                    Operator::Equal => value == *number,
                    Operator::NotEqual => value != *number,
                    Operator::Less => value < *number,
                    Operator::AtMost => value <= *number,
                    Operator::Greater => value > *number,
                    Operator::AtLeast => value >= *number,
                }
            }
            Literal::Text(pattern) => {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Bool(_) | Value::Number(_) => value.to_string(),
                    _ => return false,
                };
                let equal = wildcard(pattern, &text);
                match operator {
                    Operator::Equal => equal,
                    Operator::NotEqual => !equal,
                    _ => false,
                }
            }
            Literal::Expression(expression) => {
                let matches = value.as_str().is_some_and(|text| expression.is_match(text));
                match operator {
                    Operator::Equal => matches,
                    Operator::NotEqual => !matches,
                    _ => false,
                }
            }
        }
    }
}

fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, tail)) => rest = tail,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_pattern_breaks_the_parser(pattern in "[{}\\[\\]$.\"%=!<>&|?a-c0-9 *,()-]{0,40}", message in ".{0,60}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&message);
                pattern.matches("{\"a\":[1,{\"b\":null}]}");
            }
        }
    }

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(message)
    }

    #[test]
    fn terms_phrases_alternatives_and_exclusions() {
        assert!(matches("", "anything"));
        assert!(matches("sudo rm", "sudo -i; rm x"));
        assert!(!matches("sudo rm", "sudo -i"));
        assert!(!matches("SUDO", "sudo"));
        assert!(matches("\"rm -rf\"", "x rm -rf /"));
        assert!(!matches("\"rm -rf\"", "rm x -rf"));
        assert!(matches("?ERROR ?WARN", "a WARN b"));
        assert!(!matches("?ERROR ?WARN", "fine"));
        assert!(!matches("sudo -systemctl", "sudo systemctl"));
        assert!(matches("%ssm-[a-z]+%", "pkill ssm-worker"));
        assert!(Pattern::parse("a|b").is_err());
        assert!(Pattern::parse("\"open").is_err());
    }

    #[test]
    fn json_selectors() {
        let event = r#"{"runAsUser":"root","target":{"id":"i-0abc"},"n":5,"x":null,"sessionData":["id","uid=0"]}"#;
        assert!(matches(r#"{ $.runAsUser = "root" }"#, event));
        assert!(matches("{ $.target.id = i-0* }", event));
        assert!(!matches(r#"{ $.runAsUser != "root" }"#, event));
        assert!(matches(r#"{ $.sessionData[*] = "uid*" && $.n >= 5 }"#, event));
        assert!(matches("{ ($.n > 9) || ($.sessionData[0] = id) }", event));
        assert!(matches("{ $.x IS NULL }", event));
        assert!(matches("{ $.y NOT EXISTS }", event));
        assert!(!matches(r#"{ $.runAsUser = "root" }"#, "plain text"));
        assert!(Pattern::parse("{ runAsUser = 1 }").is_err());
    }

    #[test]
    fn space_delimited_fields() {
        assert!(matches("[ip, ..., status=4*, bytes>100]", "203.0.113.1 - - [now] \"GET /\" 404 512"));
        assert!(!matches("[ip, ..., status=5*, bytes]", "203.0.113.1 - - [now] \"GET /\" 404 512"));
    }
}
