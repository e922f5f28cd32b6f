//! IAM-02: whether a policy of the node's role denies what session logging needs. Pure.
//!
//! What a Deny reaches is IAM's policy evaluation
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>) as far as it can be
//! followed without the request: the request's context is unknown, so a statement with a Condition, and a resource with a
//! policy variable, decide nothing from here. Nothing that cannot be read passes silently.

use std::fmt;

use serde_json::{Map, Value};

use super::wildcard::{Pattern, cover, matches_action, meet};
use crate::domain::{PolicyDocument, PolicyKind};

/// What the agent calls for logging, to S3 and to CloudWatch Logs, encrypted or not
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html>).
pub const LOGGING_ACTIONS: [&str; 8] = [
    "s3:PutObject",
    "s3:GetEncryptionConfiguration",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
];

/// What a permissions boundary that does not allow an action is said to do.
const NOT_ALLOWED: &str = "the permissions boundary does not allow it";
/// Longer documents are not read: IAM's own are 10,240 characters at most, white space not counted
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const LONGEST_DOCUMENT: usize = 64 * 1024;
/// Quoted conditions and statement ids are cut to so many characters.
const LONGEST_QUOTE: usize = 300;
/// The elements of a statement of an identity-based policy
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>).
const ELEMENTS: [&str; 7] = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// Actions, and for each the resources it is needed on: ARNs with `*`; none: every resource counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The actions, each with its resources.
    pub actions: Vec<(&'static str, Vec<String>)>,
}

impl Needs {
    /// What logging to those resources needs: each action on the resources of its own service, in the form of ARN that
    /// the service gives the action
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>,
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>).
    pub fn logging(resources: &[String]) -> Self {
        let actions = LOGGING_ACTIONS.into_iter().map(|action| {
            let (service, _) = action.split_once(':').unwrap_or((action, ""));
            let own = resources.iter().filter(|resource| {
                let of = resource.split(':').nth(2).unwrap_or("*");
                meet(&Pattern::plain(of), &Pattern::plain(service)) != Some(false)
            });
            (action, own.flat_map(|resource| forms(action, resource)).collect())
        });
        Self { actions: actions.collect() }
    }
}

/// The ARNs under which an action sees the resource.
fn forms(action: &str, resource: &str) -> Vec<String> {
    let arn_of_s3 = resource.starts_with("arn:") && resource.split(':').nth(2) == Some("s3");
    match (action, resource.split_once('/')) {
        ("s3:PutObject", None) if arn_of_s3 => vec![format!("{resource}/*")],
        ("s3:GetEncryptionConfiguration", Some((bucket, _))) if arn_of_s3 => vec![bucket.to_owned()],
        // Policies for these actions see a log group by the ARN with `:*`; the one without is for tagging.
        // <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html>
        (action, _) if action.starts_with("logs:") && resource.split(':').count() == 7 && !resource.ends_with('*') => {
            vec![format!("{resource}:*")]
        }
        _ => vec![resource.to_owned()],
    }
}

/// An action that is denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The policy's name or ARN.
    pub policy: String,
    /// The action, of the needed ones.
    pub action: &'static str,
    /// The statement's `Sid`, else `statement N` (from 1); of a boundary without an Allow, that it has none.
    pub statement: String,
}

/// An action of which it cannot be told from here whether it is denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecided {
    /// The policy's name or ARN.
    pub policy: String,
    /// The action, of the needed ones.
    pub action: &'static str,
    /// The statement's `Sid`, else `statement N` (from 1).
    pub statement: String,
    /// What decides: the `Condition`, or the resources that cannot be told, as compact JSON. Cut, not cleaned.
    pub condition: String,
}

/// What the policies deny.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DenyAnalysis {
    /// Denied for certain.
    pub denied: Vec<Denial>,
    /// Perhaps denied; never an action that is among the denied.
    pub undecided: Vec<Undecided>,
    /// Policies that are not, or not wholly, read, and why.
    pub unreadable: Vec<(String, String)>,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {} ({})", self.action, self.policy, self.statement)
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) may deny {}: {}", self.policy, self.statement, self.action, self.condition)
    }
}

impl DenyAnalysis {
    /// What these policies of one role deny of what is needed.
    pub fn of(documents: &[PolicyDocument], needs: &Needs) -> Self {
        let mut analysis = Self::default();
        let needs: Vec<Need> = needs.actions.iter().map(Need::of).collect();
        for document in documents {
            let (statements, complete) = match statements(&document.text) {
                Ok(parsed) => {
                    let complete = parsed.wrong.is_empty();
                    let wrong = parsed.wrong.into_iter().map(|why| (document.name.to_string(), why));
                    analysis.unreadable.extend(wrong);
                    (parsed.statements, complete)
                }
                Err(why) => {
                    analysis.unreadable.push((document.name.to_string(), why));
                    continue;
                }
            };
            for need in &needs {
                for statement in statements.iter().filter(|statement| statement.denies) {
                    analysis.add(document, need, statement.name.clone(), statement.verdict(need));
                }
                // What of a boundary cannot be read may be the Allow: then its lack proves nothing.
                if document.kind == PolicyKind::Boundary && complete {
                    let (statement, verdict) = lack(&statements, need);
                    analysis.add(document, need, statement, verdict);
                }
            }
        }
        let denied: Vec<&str> = analysis.denied.iter().map(|denial| denial.action).collect();
        analysis.undecided.retain(|undecided| !denied.contains(&undecided.action));
        analysis
    }

    fn add(&mut self, document: &PolicyDocument, need: &Need, statement: String, verdict: Reach) {
        let (policy, action) = (document.name.to_string(), need.action);
        match verdict {
            Reach::Not => {}
            Reach::Certain => self.denied.push(Denial { policy, action, statement }),
            Reach::Perhaps(condition) => {
                self.undecided.push(Undecided { policy, action, statement, condition });
            }
        }
    }
}

/// A needed action with its resources read.
struct Need {
    action: &'static str,
    resources: Vec<Pattern>,
}

impl Need {
    fn of((action, resources): &(&'static str, Vec<String>)) -> Self {
        let mut resources: Vec<Pattern> = resources.iter().map(|resource| Pattern::plain(resource)).collect();
        if resources.is_empty() {
            resources.push(Pattern::plain("*"));
        }
        Self { action, resources }
    }
}

/// Whether something is reached; perhaps: by what that is decided.
enum Reach {
    Not,
    Certain,
    Perhaps(String),
}

/// How much of what is needed a statement's resources take in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    Nothing,
    /// A policy variable or a pattern that is too hard decides whether anything.
    Unclear,
    Part,
    All,
}

struct Statement {
    name: String,
    denies: bool,
    actions: Vec<String>,
    /// `NotAction`: all but those.
    other_actions: bool,
    resources: Vec<Pattern>,
    /// `NotResource`: all but those.
    other_resources: bool,
    resources_quoted: String,
    /// The `Condition`, quoted, if it has any content.
    condition: Option<String>,
}

impl Statement {
    fn speaks_of(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| matches_action(pattern, action)) != self.other_actions
    }

    /// Whether this Deny reaches the action on any needed resource.
    fn verdict(&self, need: &Need) -> Reach {
        if !self.speaks_of(need.action) {
            return Reach::Not;
        }
        match (self.extent(need), &self.condition) {
            (Extent::Nothing, _) => Reach::Not,
            (_, Some(condition)) => Reach::Perhaps(condition.clone()),
            (Extent::Unclear, None) => Reach::Perhaps(self.resources_quoted.clone()),
            (Extent::Part | Extent::All, None) => Reach::Certain,
        }
    }

    fn extent(&self, need: &Need) -> Extent {
        let one = |needed: &Pattern| if self.other_resources { self.beside(needed) } else { self.among(needed) };
        let extents: Vec<Extent> = need.resources.iter().map(one).collect();
        let least = extents.iter().copied().min().unwrap_or(Extent::Nothing);
        let most = extents.into_iter().max().unwrap_or(Extent::Nothing);
        if least == Extent::All { Extent::All } else { most.min(Extent::Part) }
    }

    /// `Resource`: how much of the needed is among them.
    fn among(&self, needed: &Pattern) -> Extent {
        let (certain, variable): (Vec<&Pattern>, Vec<&Pattern>) = self.resources.iter().partition(|p| !p.variable);
        if cover(&certain, needed) == Some(true) {
            return Extent::All;
        }
        let meets: Vec<Option<bool>> = certain.into_iter().map(|pattern| meet(pattern, needed)).collect();
        if meets.contains(&Some(true)) {
            Extent::Part
        } else if meets.contains(&None) || variable.into_iter().any(|pattern| meet(pattern, needed) != Some(false)) {
            Extent::Unclear
        } else {
            Extent::Nothing
        }
    }

    /// `NotResource`: how much of the needed is beside them.
    fn beside(&self, needed: &Pattern) -> Extent {
        let all: Vec<&Pattern> = self.resources.iter().collect();
        let certain: Vec<&Pattern> = self.resources.iter().filter(|pattern| !pattern.variable).collect();
        if cover(&certain, needed) == Some(true) {
            Extent::Nothing
        } else if all.iter().all(|pattern| meet(pattern, needed) == Some(false)) {
            Extent::All
        } else if cover(&all, needed) == Some(false) {
            Extent::Part
        } else {
            Extent::Unclear
        }
    }
}

/// Whether a boundary denies by not allowing. An Allow on part of the resources decides nothing: the needed patterns may
/// be wider than what logging really writes to.
fn lack(statements: &[Statement], need: &Need) -> (String, Reach) {
    let allows = statements.iter().filter(|statement| !statement.denies && statement.speaks_of(need.action));
    let allows: Vec<&Statement> = allows.filter(|statement| statement.extent(need) != Extent::Nothing).collect();
    // Each needed resource may be allowed by one statement as a whole, or by several together.
    let certain: Vec<&&Statement> = allows.iter().filter(|statement| statement.condition.is_none()).collect();
    let listed =
        certain.iter().filter(|statement| !statement.other_resources).flat_map(|statement| &statement.resources);
    let listed: Vec<&Pattern> = listed.filter(|pattern| !pattern.variable).collect();
    let allowed = |needed: &Pattern| {
        cover(&listed, needed) == Some(true)
            || certain.iter().any(|s| s.other_resources && s.beside(needed) == Extent::All)
    };
    if need.resources.iter().all(allowed) {
        return (String::new(), Reach::Not);
    }
    match allows.first() {
        None => (NOT_ALLOWED.to_owned(), Reach::Certain),
        Some(statement) => {
            let decides = statement.condition.as_ref().unwrap_or(&statement.resources_quoted);
            (statement.name.clone(), Reach::Perhaps(decides.clone()))
        }
    }
}

/// A document's statements, and what is wrong with those that cannot be read.
struct Parsed {
    statements: Vec<Statement>,
    wrong: Vec<String>,
}

fn statements(text: &str) -> Result<Parsed, String> {
    if text.len() > LONGEST_DOCUMENT {
        return Err(format!("longer than {LONGEST_DOCUMENT} bytes"));
    }
    let document: Value = serde_json::from_str(text).map_err(|error| cut(&format!("not JSON: {error}")))?;
    let document = document.as_object().ok_or("not a JSON object")?;
    // Older versions know no policy variables: there `${aws:username}` is the text itself.
    // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
    let variables = match document.get("Version") {
        None => false,
        Some(version) if version == "2008-10-17" => false,
        Some(version) if version == "2012-10-17" => true,
        Some(version) => return Err(format!("unknown Version {}", quote(version))),
    };
    let list = match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        Some(_) => return Err("Statement is neither an object nor a list".to_owned()),
        None => return Err("no Statement".to_owned()),
    };
    let mut parsed = Parsed { statements: Vec::new(), wrong: Vec::new() };
    for (index, value) in list.into_iter().enumerate() {
        match statement(value, index + 1, variables) {
            Ok(statement) => parsed.statements.push(statement),
            Err(why) => parsed.wrong.push(format!("statement {}: {why}", index + 1)),
        }
    }
    Ok(parsed)
}

fn statement(value: &Value, number: usize, variables: bool) -> Result<Statement, String> {
    let map = value.as_object().ok_or("not an object")?;
    if let Some(key) = map.keys().find(|key| !ELEMENTS.contains(&key.as_str())) {
        return Err(format!("unknown element \"{}\"", cut(key)));
    }
    let denies = match map.get("Effect") {
        Some(effect) if effect == "Deny" => true,
        Some(effect) if effect == "Allow" => false,
        Some(effect) => return Err(format!("unknown Effect {}", quote(effect))),
        None => return Err("no Effect".to_owned()),
    };
    let (actions, other_actions) = one_of(map, "Action", "NotAction")?;
    let (resources, other_resources) = one_of(map, "Resource", "NotResource")?;
    let condition = match map.get("Condition") {
        None => None,
        Some(Value::Object(map)) if map.is_empty() => None,
        Some(condition @ Value::Object(_)) => Some(quote(condition)),
        Some(_) => return Err("Condition is not an object".to_owned()),
    };
    let name = map.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty()).map(cut);
    let key = if other_resources { "NotResource" } else { "Resource" };
    let read = |text: &&str| if variables { Pattern::with_variables(text) } else { Pattern::plain(text) };
    Ok(Statement {
        name: name.unwrap_or_else(|| format!("statement {number}")),
        denies,
        actions: actions.into_iter().map(str::to_owned).collect(),
        other_actions,
        resources: resources.iter().map(read).collect(),
        other_resources,
        resources_quoted: cut(&format!("{{\"{key}\":{}}}", map.get(key).unwrap_or(&Value::Null))),
        condition,
    })
}

/// The texts of the one element or of the other, and whether it is the other.
fn one_of<'a>(map: &'a Map<String, Value>, key: &str, other: &str) -> Result<(Vec<&'a str>, bool), String> {
    let (value, is_other) = match (map.get(key), map.get(other)) {
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Err(format!("neither {key} nor {other}")),
        (Some(_), Some(_)) => return Err(format!("both {key} and {other}")),
    };
    let texts = match value {
        Value::String(text) => Some(vec![text.as_str()]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let texts = texts.filter(|texts| !texts.is_empty());
    texts
        .map(|texts| (texts, is_other))
        .ok_or_else(|| format!("{} is no text and no list of texts", if is_other { other } else { key }))
}

fn quote(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "deny_tests.rs"]
mod tests;
