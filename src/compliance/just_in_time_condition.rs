//! When a just-in-time policy is satisfied, in pieces: what asks of the person, what asks of the node. Pure.
//!
//! Of the person we know little (not the attributes in IAM Identity Center, not every group), so a policy is not asked as a
//! whole: Cedar's own evaluator answers the pieces that ask of the node alone; the pieces that ask of the person stay open,
//! and are put together with what Cedar's `&&`, `||`, `!` and `if` do to errors
//! (<https://docs.cedarpolicy.com/policies/syntax-operators.html>).

use std::ops::BitOr;

use cedar_policy::{Policy, PolicySet};
use serde_json::{Value, json};

/// The type of people in just-in-time policies; principals have no other
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/auto-approval-deny-access-policy-statement-structure.html>).
pub(super) const USER: &str = "AWS::IdentityStore::User";
/// The type of their groups.
const GROUP: &str = "AWS::IdentityStore::Group";
/// Conditions that are nested deeper stay unclear; nobody writes such.
const DEEPEST: usize = 100;

/// How a condition may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) satisfied: bool,
    pub(super) unsatisfied: bool,
    pub(super) error: bool,
    /// It hangs on what we cannot read of the node, not on the person alone.
    pub(super) unclear: bool,
}

impl Ends {
    const NONE: Self = Self { satisfied: false, unsatisfied: false, error: false, unclear: false };
    pub(super) const ERROR: Self = Self { error: true, ..Self::NONE };
    /// Any end, as the person may be.
    const OPEN: Self = Self { satisfied: true, unsatisfied: true, error: true, unclear: false };

    pub(super) fn certain(satisfied: bool) -> Self {
        Self { satisfied, unsatisfied: !satisfied, ..Self::NONE }
    }

    /// It is satisfied, whatever we do not know.
    pub(super) fn surely(self) -> bool {
        self.satisfied && !self.unsatisfied && !self.error
    }

    /// What follows an end: `then` if satisfied, `otherwise` if not; an error stays one.
    fn choose(self, then: impl FnOnce() -> Self, otherwise: impl FnOnce() -> Self) -> Self {
        let mut all = Self { error: self.error, unclear: self.unclear, ..Self::NONE };
        if self.satisfied {
            all = all | then();
        }
        if self.unsatisfied {
            all = all | otherwise();
        }
        all
    }
}

impl BitOr for Ends {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            satisfied: self.satisfied || other.satisfied,
            unsatisfied: self.unsatisfied || other.unsatisfied,
            error: self.error || other.error,
            unclear: self.unclear || other.unclear,
        }
    }
}

/// Who answers the pieces.
pub(super) trait Answers {
    /// Whether the person is in the group.
    fn member_of(&self, group: &str) -> Option<bool>;
    /// Whether the node is the one that the policy names.
    fn is_node(&self, kind: &str, id: &str) -> bool;
    /// Whether the node has the tag.
    fn has_tag(&self, key: &str) -> bool;
    /// Cedar's answer about the node.
    fn cedar(&self, piece: &PolicySet) -> Ends;
}

/// A condition in pieces.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Certain(bool),
    /// The person is in that group.
    Member(String),
    /// Something else of the person; an error where the node lacks one of those tags.
    Person(Vec<String>),
    /// The node is the one of that type and id.
    IsNode(String, String),
    /// Something that Cedar can tell of the node.
    Node(Box<PolicySet>),
    /// Something of the node that we do not have.
    Unclear,
    Not(Box<Condition>),
    /// The first decides which of the others does.
    If(Box<Condition>, Box<Condition>, Box<Condition>),
}

impl Condition {
    /// Reads scope and conditions of a policy's JSON form (docs.cedarpolicy.com/policies/json-format.html).
    pub(super) fn of(policy: &Value) -> Result<Self, String> {
        let mut all = Self::Certain(true);
        for part in ["principal", "action", "resource"] {
            all = all.and(scope(part, policy.get(part).unwrap_or(&Value::Null))?);
        }
        for condition in policy.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            let body = Self::read(condition.get("body").unwrap_or(&Value::Null), 0)?;
            let unless = condition.get("kind").is_some_and(|kind| kind == "unless");
            all = all.and(if unless { Self::Not(Box::new(body)) } else { body });
        }
        Ok(all)
    }

    fn and(self, then: Self) -> Self {
        Self::If(Box::new(self), Box::new(then), Box::new(Self::Certain(false)))
    }

    fn or(self, otherwise: Self) -> Self {
        Self::If(Box::new(self), Box::new(Self::Certain(true)), Box::new(otherwise))
    }

    fn read(expression: &Value, depth: usize) -> Result<Self, String> {
        if depth > DEEPEST {
            return Ok(Self::Unclear);
        }
        let one = expression.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let Some((operator, operands)) = one else { return Self::piece(expression) };
        let read = |name: &str| Self::read(operands.get(name).unwrap_or(&Value::Null), depth + 1);
        match operator.as_str() {
            "&&" => Ok(read("left")?.and(read("right")?)),
            "||" => Ok(read("left")?.or(read("right")?)),
            "!" => Ok(Self::Not(Box::new(read("arg")?))),
            "if-then-else" => Ok(Self::If(Box::new(read("if")?), Box::new(read("then")?), Box::new(read("else")?))),
            "!=" => Ok(Self::Not(Box::new(Self::read(&json!({ "==": operands }), depth + 1)?))),
            "==" | "in" => match (operands.get("left"), operands.get("right")) {
                (Some(left), Some(right)) => {
                    Self::relation(operator, left, right).map_or_else(|| Self::piece(expression), Ok)
                }
                _ => Self::piece(expression),
            },
            "is" => {
                let of_person = operands.get("left").is_some_and(|left| is_var(left, "principal"));
                let kind = operands.get("entity_type").cloned().unwrap_or_default();
                let is = if of_person {
                    Self::Certain(kind == USER)
                } else {
                    Self::piece(&json!({ "is": { "left": operands.get("left"), "entity_type": kind } }))?
                };
                match operands.get("in") {
                    None | Some(Value::Null) => Ok(is),
                    Some(within) => {
                        let within = json!({ "in": { "left": operands.get("left"), "right": within } });
                        Ok(is.and(Self::read(&within, depth + 1)?))
                    }
                }
            }
            _ => Self::piece(expression),
        }
    }

    /// The person or the node against entities that the policy names.
    fn relation(operator: &str, left: &Value, right: &Value) -> Option<Self> {
        if operator == "in"
            && let Some(set) = right.get("Set").and_then(Value::as_array)
        {
            let each: Option<Vec<Self>> = set.iter().map(|one| Self::relation("in", left, one)).collect();
            return Some(each?.into_iter().fold(Self::Certain(false), Self::or));
        }
        let (var, (kind, id)) = match (entity(left), entity(right)) {
            (None, Some(named)) => (left, named),
            (Some(named), None) if operator == "==" => (right, named),
            _ => return None,
        };
        if is_var(var, "resource") {
            return Some(Self::IsNode(kind.to_owned(), id.to_owned()));
        }
        match (is_var(var, "principal"), operator, kind) {
            (true, "in", GROUP) => Some(Self::Member(id.to_owned())),
            (true, "==", kind) if kind != USER => Some(Self::Certain(false)),
            _ => None,
        }
    }

    /// What has no boolean parts of its own.
    fn piece(expression: &Value) -> Result<Self, String> {
        if names(expression, &|value| is_var(value, "principal") || is_var(value, "context")) {
            let mut tags = Vec::new();
            tags_read(expression, &mut tags);
            return Ok(Self::Person(tags));
        }
        // The schema gives nodes tags and no attributes; a policy that reads one knows more than we do.
        let attribute = |value: &Value| {
            let read = value.get(".").or_else(|| value.get("has"));
            read.and_then(|read| read.get("left")).is_some_and(|left| is_var(left, "resource"))
        };
        if names(expression, &attribute) {
            return Ok(Self::Unclear);
        }
        let any = json!({ "op": "All" });
        let policy = json!({
            "effect": "permit", "principal": any, "action": any, "resource": any,
            "conditions": [{ "kind": "when", "body": expression }],
        });
        let policy = Policy::from_json(None, policy).map_err(|error| error.to_string())?;
        let set = PolicySet::from_policies([policy]).map_err(|error| error.to_string())?;
        Ok(Self::Node(Box::new(set)))
    }

    /// How it may end.
    pub(super) fn ends(&self, answers: &dyn Answers) -> Ends {
        match self {
            Self::Certain(satisfied) => Ends::certain(*satisfied),
            Self::Member(group) => match answers.member_of(group) {
                Some(member) => Ends::certain(member),
                None => Ends { error: false, ..Ends::OPEN },
            },
            Self::Person(tags) if !tags.iter().all(|tag| answers.has_tag(tag)) => Ends::ERROR,
            Self::Person(_) => Ends::OPEN,
            Self::IsNode(kind, id) => Ends::certain(answers.is_node(kind, id)),
            Self::Node(piece) => answers.cedar(piece),
            Self::Unclear => Ends { unclear: true, ..Ends::OPEN },
            Self::Not(condition) => condition.ends(answers).choose(|| Ends::certain(false), || Ends::certain(true)),
            Self::If(condition, then, otherwise) => {
                condition.ends(answers).choose(|| then.ends(answers), || otherwise.ends(answers))
            }
        }
    }

    /// The groups that it asks for.
    pub(super) fn groups<'a>(&'a self, all: &mut std::collections::BTreeSet<&'a str>) {
        match self {
            Self::Member(group) => drop(all.insert(group)),
            Self::Not(condition) => condition.groups(all),
            Self::If(condition, then, otherwise) => [condition, then, otherwise].iter().for_each(|c| c.groups(all)),
            _ => {}
        }
    }
}

/// A scope's constraint as a condition.
fn scope(part: &str, constraint: &Value) -> Result<Condition, String> {
    let var = json!({ "Var": part });
    let literal = |entity: &Value| json!({ "Value": { "__entity": entity } });
    let right = match (constraint.get("entity"), constraint.get("entities").and_then(Value::as_array)) {
        (Some(entity), _) => literal(entity),
        (None, Some(list)) => json!({ "Set": list.iter().map(literal).collect::<Vec<_>>() }),
        (None, None) => Value::Null,
    };
    match constraint.get("op").and_then(Value::as_str) {
        Some("All") => Ok(Condition::Certain(true)),
        Some(operator @ ("==" | "in")) => Condition::read(&json!({ operator: { "left": var, "right": right } }), 0),
        Some("is") => {
            let mut is = json!({ "left": var, "entity_type": constraint.get("entity_type") });
            if let (Some(within), Some(is)) = (constraint.pointer("/in/entity"), is.as_object_mut()) {
                is.insert("in".to_owned(), literal(within));
            }
            Condition::read(&json!({ "is": is }), 0)
        }
        _ => Err(format!("the scope of {part} cannot be read")),
    }
}

fn is_var(expression: &Value, name: &str) -> bool {
    expression.get("Var").is_some_and(|var| var == name)
}

/// Type and id of an entity that is written out.
fn entity(expression: &Value) -> Option<(&str, &str)> {
    let entity = expression.pointer("/Value/__entity")?;
    Some((entity.get("type")?.as_str()?, entity.get("id")?.as_str()?))
}

fn names(value: &Value, wanted: &dyn Fn(&Value) -> bool) -> bool {
    wanted(value)
        || match value {
            Value::Array(list) => list.iter().any(|value| names(value, wanted)),
            Value::Object(map) => map.values().any(|value| names(value, wanted)),
            _ => false,
        }
}

/// The node's tags that are read whatever else is, and so must be there.
fn tags_read(expression: &Value, tags: &mut Vec<String>) {
    match expression {
        Value::Array(list) => list.iter().for_each(|value| tags_read(value, tags)),
        Value::Object(map) => {
            for (operator, operands) in map {
                let of_node = operands.get("left").is_some_and(|left| is_var(left, "resource"));
                match (operator.as_str(), operands.pointer("/right/Value").and_then(Value::as_str)) {
                    ("&&" | "||" | "if-then-else", _) => {}
                    ("getTag", Some(key)) if of_node => tags.push(key.to_owned()),
                    _ => tags_read(operands, tags),
                }
            }
        }
        _ => {}
    }
}
