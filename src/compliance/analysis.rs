//! What a policy reads, and where time decides in it: taken from the policy itself, not from a list kept beside it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::{
    Subject,
    error::nearest,
    facts::{Entry, FactName, Value},
};

/// What one policy reads.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// Facts whose absence stops the policy with an error.
    pub(super) facts: BTreeSet<FactName>,
    /// Facts whose absence the policy asks for without an error (`has`, `hasTag`).
    pub(super) guarded: BTreeSet<FactName>,
    /// Parameters.
    pub(super) parameters: BTreeSet<String>,
    /// Comparisons of an age with a bound.
    crossings: Vec<Crossing>,
    /// Ages that are used in another way than such a comparison: each of their seconds may matter.
    ticking: BTreeSet<FactName>,
}

/// How an age is compared with its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Comparison {
    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal => Self::Equal,
        }
    }
}

#[derive(Debug, Clone)]
struct Crossing {
    age: FactName,
    comparison: Comparison,
    bound: Bound,
}

/// The side of a comparison that time does not change.
#[derive(Debug, Clone)]
enum Bound {
    Number(i64),
    Fact(FactName),
    Sum(Box<Bound>, Box<Bound>),
    Difference(Box<Bound>, Box<Bound>),
    Product(Box<Bound>, Box<Bound>),
    Negative(Box<Bound>),
}

impl Bound {
    fn value(&self, entries: &Entries<'_>) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Fact(name) => match entries.get(name)? {
                Entry::Known { value: Value::Number(number) | Value::Seconds(number), .. } => Some(*number),
                _ => None,
            },
            Self::Sum(a, b) => a.value(entries)?.checked_add(b.value(entries)?),
            Self::Difference(a, b) => a.value(entries)?.checked_sub(b.value(entries)?),
            Self::Product(a, b) => a.value(entries)?.checked_mul(b.value(entries)?),
            Self::Negative(a) => a.value(entries)?.checked_neg(),
        }
    }
}

/// Facts as they stand at one moment.
pub(super) type Entries<'a> = BTreeMap<FactName, Entry<'a>>;

/// Whether a fact changes while nothing but time passes.
fn is_age(name: FactName) -> bool {
    matches!(
        name,
        FactName::StatusSeconds
            | FactName::AgeSeconds
            | FactName::SecondsSinceEnd
            | FactName::QuietSeconds
            | FactName::ApprovalTagSeconds
    )
}

impl Reading {
    /// Reads a policy's JSON form (docs.cedarpolicy.com/policies/json-format.html). The numbers of the parameters that
    /// are numbers stand beside the names of all.
    ///
    /// # Errors
    /// Words, if it reads what its subject does not have.
    pub(super) fn of(
        policy: &Json,
        subject: Subject,
        parameters: &BTreeMap<String, Option<i64>>,
    ) -> Result<Self, String> {
        let mut reading = Self::default();
        let mut walk = Walk { reading: &mut reading, subject, parameters };
        for condition in policy.get("conditions").and_then(Json::as_array).into_iter().flatten() {
            walk.expression(condition.get("body").unwrap_or(&Json::Null))?;
        }
        Ok(reading)
    }

    /// All facts that it reads in one way or the other.
    pub(super) fn all_facts(&self) -> impl Iterator<Item = FactName> + '_ {
        self.facts.union(&self.guarded).copied()
    }

    /// The next moment at which time alone may change what the policy says, its facts being as they are.
    pub(super) fn next_crossing(&self, entries: &Entries<'_>, now: Timestamp) -> Option<Timestamp> {
        let age = |name: &FactName| match entries.get(name) {
            Some(Entry::Known { value: Value::Since(anchor, seconds), .. }) => Some((*anchor, *seconds)),
            _ => None,
        };
        let crossings = self.crossings.iter().filter_map(|crossing| {
            let (anchor, _) = age(&crossing.age)?;
            let bound = crossing.bound.value(entries)?;
            let beyond = bound.checked_add(1)?;
            let (first, second) = match crossing.comparison {
                Comparison::Less | Comparison::GreaterOrEqual => (bound, bound),
                Comparison::LessOrEqual | Comparison::Greater => (beyond, beyond),
                Comparison::Equal => (bound, beyond),
            };
            [first, second].into_iter().filter_map(|seconds| moment(anchor, seconds)).find(|moment| *moment > now)
        });
        let ticks = self.ticking.iter().filter_map(|name| {
            let (anchor, seconds) = age(name)?;
            moment(anchor, seconds.checked_add(1)?)
        });
        crossings.chain(ticks).min()
    }
}

fn moment(anchor: Timestamp, seconds: i64) -> Option<Timestamp> {
    anchor.checked_add(SignedDuration::from_secs(seconds)).ok()
}

struct Walk<'a> {
    reading: &'a mut Reading,
    subject: Subject,
    parameters: &'a BTreeMap<String, Option<i64>>,
}

/// What an access with `.` means.
enum Access {
    Fact(FactName),
    Parameter(String),
}

impl Walk<'_> {
    fn expression(&mut self, json: &Json) -> Result<(), String> {
        let Some((operator, body)) = operation(json) else { return self.parts(json) };
        match operator {
            // Constants.
            "Value" => Ok(()),
            "Var" if body == "context" => Err("the context as a whole is no fact: write `context.<fact>`".to_owned()),
            "Var" => Ok(()),
            "." => match self.access(body)? {
                Some(Access::Fact(name)) => {
                    self.reading.facts.insert(name);
                    if is_age(name) {
                        self.reading.ticking.insert(name);
                    }
                    Ok(())
                }
                Some(Access::Parameter(name)) => {
                    self.reading.parameters.insert(name);
                    Ok(())
                }
                None => self.expression(body.get("left").unwrap_or(&Json::Null)),
            },
            "has" => self.guard(body),
            "hasTag" | "getTag" => {
                let left = body.get("left").unwrap_or(&Json::Null);
                if variable(left) != Some("resource") || !FactName::NodeTags.is_of(self.subject) {
                    return Err(format!("only the resource, the node, has tags: write `resource.{operator}(…)`"));
                }
                let reads = if operator == "hasTag" { &mut self.reading.guarded } else { &mut self.reading.facts };
                reads.insert(FactName::NodeTags);
                self.expression(body.get("right").unwrap_or(&Json::Null))
            }
            "<" => self.comparison(Comparison::Less, body),
            "<=" => self.comparison(Comparison::LessOrEqual, body),
            ">" => self.comparison(Comparison::Greater, body),
            ">=" => self.comparison(Comparison::GreaterOrEqual, body),
            "==" | "!=" => self.comparison(Comparison::Equal, body),
            _ => self.parts(body),
        }
    }

    fn parts(&mut self, json: &Json) -> Result<(), String> {
        match json {
            Json::Array(items) => items.iter().try_for_each(|item| self.expression(item)),
            Json::Object(fields) => fields.values().try_for_each(|field| self.expression(field)),
            _ => Ok(()),
        }
    }

    /// `context.<fact>` or `context.parameters.<name>`; nothing for an access into another value.
    fn access(&self, body: &Json) -> Result<Option<Access>, String> {
        let left = body.get("left").unwrap_or(&Json::Null);
        let attribute = body.get("attr").and_then(Json::as_str).unwrap_or_default();
        match variable(left) {
            Some("context") if attribute == "parameters" => {
                Err("parameters are read by name: write `context.parameters.<name>`".to_owned())
            }
            Some("context") => Ok(Some(Access::Fact(fact(attribute, self.subject)?))),
            Some(entity) => Err(format!("the {entity} has no attributes: facts are read as `context.<fact>`")),
            None if is_parameters(left) => self.parameter(attribute).map(|name| Some(Access::Parameter(name))),
            None => Ok(None),
        }
    }

    fn parameter(&self, name: &str) -> Result<String, String> {
        if self.parameters.contains_key(name) {
            return Ok(name.to_owned());
        }
        Err(unknown("parameter", name, self.parameters.keys().map(String::as_str)))
    }

    fn guard(&mut self, body: &Json) -> Result<(), String> {
        let left = body.get("left").unwrap_or(&Json::Null);
        let path: Vec<&str> = match body.get("attr") {
            Some(Json::Array(path)) => path.iter().filter_map(Json::as_str).collect(),
            Some(Json::String(attribute)) => vec![attribute],
            _ => Vec::new(),
        };
        match (variable(left), path.as_slice()) {
            (Some("context"), ["parameters"]) => Ok(()),
            (Some("context"), ["parameters", name, ..]) => self.parameter(name).map(drop),
            (Some("context"), [name, ..]) => {
                let name = fact(name, self.subject)?;
                self.reading.guarded.insert(name);
                Ok(())
            }
            (Some(entity), _) => Err(format!("the {entity} has no attributes: facts are read as `context.<fact>`")),
            (None, [name, ..]) if is_parameters(left) => self.parameter(name).map(drop),
            (None, _) => self.expression(left),
        }
    }

    fn comparison(&mut self, comparison: Comparison, body: &Json) -> Result<(), String> {
        let left = body.get("left").unwrap_or(&Json::Null);
        let right = body.get("right").unwrap_or(&Json::Null);
        for (age, bound, comparison) in [(left, right, comparison), (right, left, comparison.mirrored())] {
            if let Some(age) = self.age(age)?
                && let Some(compiled) = self.bound(bound)?
            {
                self.reading.facts.insert(age);
                self.reading.crossings.push(Crossing { age, comparison, bound: compiled });
                // The bound holds no age, so this only notes what it reads.
                return self.expression(bound);
            }
        }
        self.parts(body)
    }

    fn age(&self, json: &Json) -> Result<Option<FactName>, String> {
        Ok(match operation(json) {
            Some((".", body)) => match self.access(body)? {
                Some(Access::Fact(name)) if is_age(name) => Some(name),
                _ => None,
            },
            _ => None,
        })
    }

    /// The expression as a bound, if it is built of numbers, parameters and facts that are no ages.
    fn bound(&self, json: &Json) -> Result<Option<Bound>, String> {
        let Some((operator, body)) = operation(json) else { return Ok(None) };
        let pair = |build: fn(Box<Bound>, Box<Bound>) -> Bound| -> Result<Option<Bound>, String> {
            let left = self.bound(body.get("left").unwrap_or(&Json::Null))?;
            let right = self.bound(body.get("right").unwrap_or(&Json::Null))?;
            Ok(left.zip(right).map(|(left, right)| build(Box::new(left), Box::new(right))))
        };
        match operator {
            "Value" => Ok(body.as_i64().map(Bound::Number)),
            "." => Ok(match self.access(body)? {
                Some(Access::Fact(name)) if !is_age(name) => Some(Bound::Fact(name)),
                Some(Access::Parameter(name)) => self.parameters.get(&name).copied().flatten().map(Bound::Number),
                _ => None,
            }),
            "+" => pair(Bound::Sum),
            "-" => pair(Bound::Difference),
            "*" => pair(Bound::Product),
            "neg" => {
                let inner = self.bound(body.get("arg").unwrap_or(&Json::Null))?;
                Ok(inner.map(|inner| Bound::Negative(Box::new(inner))))
            }
            _ => Ok(None),
        }
    }
}

/// `{"<operator>": <body>}`.
fn operation(json: &Json) -> Option<(&str, &Json)> {
    let fields = json.as_object()?;
    let (operator, body) = fields.iter().next()?;
    (fields.len() == 1).then_some((operator.as_str(), body))
}

fn variable(json: &Json) -> Option<&str> {
    match operation(json)? {
        ("Var", name) => name.as_str(),
        _ => None,
    }
}

fn is_parameters(json: &Json) -> bool {
    matches!(operation(json), Some((".", body))
        if body.get("attr").and_then(Json::as_str) == Some("parameters")
            && body.get("left").and_then(variable) == Some("context"))
}

fn fact(name: &str, subject: Subject) -> Result<FactName, String> {
    let of_subject = || FactName::ALL.iter().filter(move |name| name.is_of(subject)).map(|name| name.as_str());
    match FactName::parse(name) {
        Some(FactName::NodeTags) => {
            Err("tags are read from the node: write `resource.hasTag(…)`, `resource.getTag(…)`".to_owned())
        }
        Some(name) if name.is_of(subject) => Ok(name),
        Some(name) => Err(format!("the fact \"{name}\" is none of a {}", subject.word())),
        None => Err(unknown("fact", name, of_subject())),
    }
}

fn unknown<'a>(what: &str, name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, names) {
        Some(nearest) => format!("there is no {what} \"{name}\"; the nearest is \"{nearest}\""),
        None => format!("there is no {what} \"{name}\""),
    }
}
