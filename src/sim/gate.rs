//! What stands between a request and its service: faults, then throttles, then permissions; and the count of calls.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    error::AwsError,
    service::Caller,
    wire::{
        route::{Protocol, Route, Service},
        value::Value,
    },
    world::model::Account,
};

fn any() -> String {
    "*".into()
}

fn always() -> f64 {
    1.0
}

/// A misbehaviour and the requests that it hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Number by which it is deleted; given by the gate.
    #[serde(default)]
    pub id: u64,
    /// Account id or `*`.
    #[serde(default = "any")]
    pub account: String,
    /// Region or `*`.
    #[serde(default = "any")]
    pub region: String,
    /// Service or `*`.
    #[serde(default = "any")]
    pub service: String,
    /// Operation, with `*` for any letters.
    #[serde(default = "any")]
    pub operation: String,
    /// How many more requests it hits; without limit if absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// Share of the matching requests that it hits, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// A fault that hits every request of a service's operation (`*` for any), without limit.
    pub fn new(service: &str, operation: &str, effect: Effect) -> Self {
        Self {
            id: 0,
            account: any(),
            region: any(),
            service: service.into(),
            operation: operation.into(),
            count: None,
            probability: 1.0,
            effect,
        }
    }
}

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers this error.
    Error {
        /// Code.
        code: String,
        /// Words.
        #[serde(default)]
        message: String,
        /// HTTP status.
        #[serde(default = "client_error")]
        status: u16,
    },
    /// Answers late; the request goes on.
    Latency {
        /// By how much.
        milliseconds: u64,
    },
    /// Accepts and never answers.
    Hang,
    /// Begins the answer and cuts the connection.
    Cut,
    /// Answers success with a body that cannot be read.
    Malformed,
    /// Answers a page without items and with a token to the page that was asked for.
    EmptyPage,
    /// Says that the credentials are expired.
    ExpiredCredentials,
    /// Says that the permission is missing.
    Deny,
    /// Says that the rate is exceeded.
    Throttle,
    /// Ends running Live Tail sessions with `SessionTimeoutException`.
    EndLiveTail,
}

fn client_error() -> u16 {
    400
}

/// What the gate decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// To wait before anything else.
    pub latency: Duration,
    /// What happens then.
    pub verdict: Verdict,
}

/// The second half of a [`Passage`].
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The service answers.
    Open,
    /// The service answers, and that answer is spoiled.
    Spoiled(Spoiling),
    /// This error is the answer.
    Refused(AwsError),
}

/// How an answer is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiling {
    /// It never comes.
    Hang,
    /// It breaks off.
    Cut,
    /// It cannot be read.
    Malformed,
    /// It lacks its items.
    EmptyPage,
}

/// What is known of one request at the gate.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// Region of the signature.
    pub region: &'a str,
    /// Service, operation, protocol.
    pub route: &'a Route,
    /// Input, for the resource that a refusal names.
    pub input: &'a Value,
    /// Time.
    pub now: Timestamp,
}

/// Calls of one account, region and operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// All requests that were authenticated.
    pub calls: u64,
    /// Those answered with the service's throttling error.
    pub throttled: u64,
    /// Those answered with any error, throttles included.
    pub errors: u64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

#[derive(Debug)]
struct Rate {
    account: String,
    region: String,
    action: String,
    per_second: f64,
    burst: f64,
}

#[derive(Debug)]
struct Denial {
    account: String,
    principal: String,
    action: String,
}

type TallyKey = (String, String, &'static str, String);

/// Faults, throttles, permissions, counts.
#[derive(Debug)]
pub struct Gate {
    faults: Vec<Fault>,
    next_fault: u64,
    rates: Vec<Rate>,
    denials: Vec<Denial>,
    buckets: HashMap<TallyKey, Bucket>,
    tallies: BTreeMap<TallyKey, Tally>,
    latency: Duration,
    chance: fastrand::Rng,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            faults: Vec::new(),
            next_fault: 1,
            rates: Vec::new(),
            denials: Vec::new(),
            buckets: HashMap::new(),
            tallies: BTreeMap::new(),
            latency: Duration::ZERO,
            chance: fastrand::Rng::with_seed(0),
        }
    }
}

impl Gate {
    /// A gate whose faults with a probability repeat with the seed.
    pub fn seeded(seed: u64) -> Self {
        Self { chance: fastrand::Rng::with_seed(seed), ..Self::default() }
    }

    /// Delays every request by this much.
    pub fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// Refuses an action (`iam:List*`) to everybody of an account (`*` for all).
    pub fn deny(&mut self, account: &str, action: &str) {
        self.deny_principal(account, "*", action);
    }

    /// Refuses an action to the callers of an account whose ARN matches (`*:assumed-role/ssmwatch/*`).
    pub fn deny_principal(&mut self, account: &str, principal: &str, action: &str) {
        self.denials.push(Denial { account: account.into(), principal: principal.into(), action: action.into() });
    }

    /// Takes back what [`Gate::deny`] said.
    pub fn allow(&mut self, account: &str, action: &str) {
        self.denials.retain(|denial| denial.account != account || denial.action != action);
    }

    /// Gives the matching requests (`ssm:Describe*`, `*`) a token bucket of their own size; the last one given counts.
    pub fn rate(&mut self, account: &str, region: &str, action: &str, per_second: f64, burst: f64) {
        self.rates.push(Rate {
            account: account.into(),
            region: region.into(),
            action: action.into(),
            per_second,
            burst,
        });
    }

    /// Adds a fault and says its number.
    pub fn add_fault(&mut self, mut fault: Fault) -> u64 {
        fault.id = self.next_fault;
        self.next_fault += 1;
        self.faults.push(fault);
        self.next_fault - 1
    }

    /// Faults that can still hit.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Removes one fault, or all; says how many.
    pub fn remove_faults(&mut self, id: Option<u64>) -> usize {
        let before = self.faults.len();
        self.faults.retain(|fault| id.is_some_and(|id| fault.id != id));
        before - self.faults.len()
    }

    /// Counts by account, region, service and operation.
    pub fn tallies(&self) -> impl Iterator<Item = ((&str, &str, &str, &str), Tally)> {
        self.tallies.iter().map(|((account, region, service, operation), tally)| {
            ((account.as_str(), region.as_str(), *service, operation.as_str()), *tally)
        })
    }

    /// Counts of one service's operation over all accounts and regions.
    pub fn tally(&self, service: &str, operation: &str) -> Tally {
        let mut sum = Tally::default();
        for ((_, _, of, name), tally) in self.tallies() {
            if of == service && name == operation {
                sum.calls += tally.calls;
                sum.throttled += tally.throttled;
                sum.errors += tally.errors;
            }
        }
        sum
    }

    /// Notes that a request was answered with an error.
    pub fn count_error(&mut self, visitor: &Visitor<'_>) {
        self.tally_of(visitor).errors += 1;
    }

    /// Decides on a request: faults, then throttles, then permissions.
    pub fn pass(&mut self, visitor: &Visitor<'_>, accounts: &BTreeMap<String, Account>) -> Passage {
        self.tally_of(visitor).calls += 1;
        let mut latency = self.latency;
        let mut spoiling = None;
        for effect in self.effects(visitor) {
            match effect {
                Effect::Latency { milliseconds } => latency += Duration::from_millis(milliseconds),
                Effect::Hang => spoiling = Some(Spoiling::Hang),
                Effect::Cut => spoiling = Some(Spoiling::Cut),
                Effect::Malformed => spoiling = Some(Spoiling::Malformed),
                Effect::EmptyPage => spoiling = Some(Spoiling::EmptyPage),
                Effect::Error { code, message, status } => {
                    let error = AwsError::client(&code, message).with_status(status);
                    return Passage { latency, verdict: Verdict::Refused(error) };
                }
                Effect::ExpiredCredentials => {
                    let error = super::wire::auth::Refusal::Expired.error(visitor.route);
                    return Passage { latency, verdict: Verdict::Refused(error) };
                }
                Effect::Deny => return Passage { latency, verdict: Verdict::Refused(denied(visitor)) },
                Effect::Throttle => {
                    self.tally_of(visitor).throttled += 1;
                    return Passage { latency, verdict: Verdict::Refused(throttled(visitor.route)) };
                }
                Effect::EndLiveTail => {}
            }
        }
        if !self.take_token(visitor, accounts.get(&visitor.caller.account)) {
            self.tally_of(visitor).throttled += 1;
            return Passage { latency, verdict: Verdict::Refused(throttled(visitor.route)) };
        }
        if self.is_denied(visitor, accounts.get(&visitor.caller.account)) {
            return Passage { latency, verdict: Verdict::Refused(denied(visitor)) };
        }
        Passage { latency, verdict: spoiling.map_or(Verdict::Open, Verdict::Spoiled) }
    }

    /// Whether a running Live Tail session of that account and region is to end now.
    pub fn ends_live_tail(&mut self, account: &str, region: &str) -> bool {
        let found = self.faults.iter_mut().find(|fault| {
            fault.effect == Effect::EndLiveTail
                && matches(&fault.account, account)
                && matches(&fault.region, region)
                && fault.count != Some(0)
        });
        let ends = match found {
            Some(fault) => {
                fault.count = fault.count.map(|count| count.saturating_sub(1));
                true
            }
            None => false,
        };
        self.faults.retain(|fault| fault.count != Some(0));
        ends
    }

    /// Effects of the faults that hit, used up by one; in the order in which the faults were added.
    fn effects(&mut self, visitor: &Visitor<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for fault in &mut self.faults {
            let hit = matches(&fault.account, &visitor.caller.account)
                && matches(&fault.region, visitor.region)
                && visitor.route.service.is_selected_by(&fault.service)
                && matches(&fault.operation, &visitor.route.operation)
                && fault.effect != Effect::EndLiveTail
                && fault.count != Some(0)
                && (fault.probability >= 1.0 || self.chance.f64() < fault.probability);
            if hit {
                fault.count = fault.count.map(|count| count - 1);
                effects.push(fault.effect.clone());
            }
        }
        self.faults.retain(|fault| fault.count != Some(0));
        effects
    }

    fn tally_of(&mut self, visitor: &Visitor<'_>) -> &mut Tally {
        self.tallies.entry(key(visitor)).or_default()
    }

    fn take_token(&mut self, visitor: &Visitor<'_>, account: Option<&Account>) -> bool {
        let (per_second, burst) = self.size(visitor, account);
        let bucket = self.buckets.entry(bucket_key(visitor)).or_insert(Bucket { tokens: burst, filled: visitor.now });
        let elapsed = visitor.now.duration_since(bucket.filled).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + elapsed * per_second).min(burst);
        bucket.filled = visitor.now.max(bucket.filled);
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }

    fn size(&self, visitor: &Visitor<'_>, account: Option<&Account>) -> (f64, f64) {
        let action = format!("{}:{}", visitor.route.service.name(), visitor.route.operation);
        let own = self.rates.iter().rev().find(|rate| {
            matches(&rate.account, &visitor.caller.account)
                && matches(&rate.region, visitor.region)
                && matches(&rate.action, &action)
        });
        if let Some(rate) = own {
            return (rate.per_second, rate.burst);
        }
        let scripted = account.and_then(|account| {
            account
                .throttles
                .iter()
                .find(|spec| matches(&spec.region, visitor.region) && matches(&spec.action, &action))
        });
        match scripted {
            Some(spec) => (spec.rate, spec.burst),
            None => {
                let rate = published_rate(visitor.route.service, &visitor.route.operation, visitor.region);
                (rate, rate.max(1.0))
            }
        }
    }

    fn is_denied(&self, visitor: &Visitor<'_>, account: Option<&Account>) -> bool {
        // Everybody may ask who he is.
        if visitor.route.operation == "GetCallerIdentity" {
            return false;
        }
        let action = iam_action(visitor.route);
        let by_scenario =
            account.is_some_and(|account| account.denied.iter().any(|pattern| matches_action(pattern, &action)));
        by_scenario
            || self.denials.iter().any(|denial| {
                matches(&denial.account, &visitor.caller.account)
                    && matches(&denial.principal, &visitor.caller.arn)
                    && matches_action(&denial.action, &action)
            })
    }
}

fn key(visitor: &Visitor<'_>) -> TallyKey {
    let route = visitor.route;
    (visitor.caller.account.clone(), visitor.region.to_owned(), route.service.name(), route.operation.clone())
}

/// STS has one bucket for all of its operations.
fn bucket_key(visitor: &Visitor<'_>) -> TallyKey {
    let mut key = key(visitor);
    if visitor.route.service == Service::Sts {
        key.3.clear();
    }
    key
}

/// Requests a second that AWS documents for an account and region; where it documents none, a figure of the order that
/// is seen in practice.
///
/// Sources: the service quota pages of Systems Manager, CloudWatch Logs, CloudWatch, SNS, CloudTrail and IAM/STS.
fn published_rate(service: Service, operation: &str, region: &str) -> f64 {
    const SLOW_LOGS: &[&str] =
        &["us-west-2", "eu-west-1", "eu-central-1", "ca-west-1", "il-central-1", "ap-northeast-3", "ap-southeast-3"];
    const SLOWEST_LOGS: &[&str] = &["eu-central-1", "ca-west-1", "il-central-1", "ap-northeast-3", "ap-southeast-3"];
    match (service, operation) {
        (Service::Ssm, "DescribeSessions" | "TerminateSession" | "ResumeSession") => 6.0,
        (Service::Ssm, "StartSession") => 3.0,
        (Service::Ssm, "GetConnectionStatus") => 50.0,
        (Service::Ssm, _) => 40.0,
        (Service::Logs, "GetLogEvents") if SLOW_LOGS.contains(&region) => 10.0,
        (Service::Logs, "GetLogEvents") if region == "eu-west-3" => 30.0,
        (Service::Logs, "GetLogEvents" | "DescribeLogStreams") => 25.0,
        (Service::Logs, "FilterLogEvents") if region == "us-east-1" => 25.0,
        (Service::Logs, "FilterLogEvents") if SLOWEST_LOGS.contains(&region) => 5.0,
        (Service::Logs, "FilterLogEvents" | "DescribeLogGroups") => 10.0,
        (Service::Logs, "StartLiveTail") => 5.0,
        (Service::Logs, "PutLogEvents") => 5000.0,
        (Service::Logs, _) => 10.0,
        (Service::CloudTrail, "LookupEvents") => 2.0,
        (Service::CloudTrail, _) => 10.0,
        (Service::CloudWatch, "PutMetricData") => 500.0,
        (Service::CloudWatch, "GetMetricStatistics") => 400.0,
        (Service::CloudWatch, "GetMetricData") => 50.0,
        (Service::CloudWatch, _) => 25.0,
        (Service::Sns, "Publish") => match region {
            "us-east-1" => 30_000.0,
            "us-west-2" | "eu-west-1" => 9_000.0,
            "us-east-2" | "us-west-1" | "ap-south-1" | "ap-northeast-2" | "ap-southeast-1" | "ap-southeast-2"
            | "ap-northeast-1" | "eu-central-1" => 1_500.0,
            _ => 300.0,
        },
        (Service::Sns, _) => 30.0,
        (Service::Sts, _) => 600.0,
        (Service::Iam, _) => 60.0,
        (Service::Organizations, _) => 20.0,
        (Service::Tagging, _) => 20.0,
        (Service::S3, "PutObject" | "DeleteObject") => 3_500.0,
        (Service::S3, _) => 5_500.0,
        (Service::Other, _) => 1_000.0,
    }
}

/// A service's own way to say that the rate is exceeded.
pub fn throttled(route: &Route) -> AwsError {
    match (route.service, route.protocol) {
        (Service::S3, _) => AwsError::client("SlowDown", "Please reduce your request rate.").with_status(503),
        (Service::Tagging, _) => AwsError::client("ThrottledException", "Rate exceeded"),
        (Service::Organizations, _) => AwsError::client(
            "TooManyRequestsException",
            "AWS Organizations can't complete your request because another request is already in progress. Try again later.",
        ),
        (Service::CloudWatch, _) | (_, Protocol::Query | Protocol::Ec2Query) => {
            AwsError::client("Throttling", "Rate exceeded")
        }
        _ => AwsError::client("ThrottlingException", "Rate exceeded"),
    }
}

/// The IAM action that an operation needs, as refusals name it.
pub fn iam_action(route: &Route) -> String {
    let operation = route.operation.as_str();
    let (service, action) = match route.service {
        Service::S3 => {
            let action = match operation {
                "HeadObject" | "GetObject" => "GetObject",
                "ListObjects" | "ListObjectsV2" | "HeadBucket" => "ListBucket",
                "ListBuckets" => "ListAllMyBuckets",
                other => other,
            };
            ("s3", action)
        }
        Service::Tagging => ("tag", operation),
        Service::Sns => ("SNS", operation),
        other => (other.name(), operation),
    };
    format!("{service}:{action}")
}

/// The refusal of a caller without the permission, worded as the service does.
pub fn denied(visitor: &Visitor<'_>) -> AwsError {
    let action = iam_action(visitor.route);
    let resource = resource(visitor).map(|arn| format!(" on resource: {arn}")).unwrap_or_default();
    let message = format!(
        "User: {} is not authorized to perform: {action}{resource} because no identity-based policy allows the {action} action",
        visitor.caller.arn
    );
    match (visitor.route.service, visitor.route.protocol) {
        (Service::Sns, _) => AwsError::client("AuthorizationError", message).with_status(403),
        (Service::CloudWatch, Protocol::Query) => AwsError::client("AccessDenied", message).with_status(403),
        (Service::CloudWatch, _) => AwsError::client("AccessDenied", message),
        (_, Protocol::Query | Protocol::Ec2Query | Protocol::S3) => {
            AwsError::client("AccessDenied", message).with_status(403)
        }
        _ => AwsError::client("AccessDeniedException", message),
    }
}

/// The resource of a refusal; none where the service names none.
fn resource(visitor: &Visitor<'_>) -> Option<String> {
    let (account, region, input) = (&visitor.caller.account, visitor.region, visitor.input);
    let operation = visitor.route.operation.as_str();
    let group = || {
        let name = input.text("logGroupName").map(str::to_owned).or_else(|| {
            let identifier = input.text("logGroupIdentifier")?;
            Some(identifier.rsplit_once(":log-group:").map_or(identifier, |(_, name)| name).to_owned())
        });
        name.unwrap_or_default()
    };
    Some(match visitor.route.service {
        Service::Ssm => match operation {
            "GetDocument" | "DescribeDocument" | "DescribeDocumentPermission" => {
                format!("arn:aws:ssm:{region}:{account}:document/{}", input.text("Name").unwrap_or_default())
            }
            "TerminateSession" | "ResumeSession" => {
                format!("arn:aws:ssm:{region}:{account}:session/{}", input.text("SessionId").unwrap_or_default())
            }
            "StartSession" | "GetConnectionStatus" => match input.text("Target").unwrap_or_default() {
                node if node.starts_with("mi-") => format!("arn:aws:ssm:{region}:{account}:managed-instance/{node}"),
                node => format!("arn:aws:ec2:{region}:{account}:instance/{node}"),
            },
            _ => format!("arn:aws:ssm:{region}:{account}:*"),
        },
        Service::Logs => match operation {
            "GetLogEvents" | "PutLogEvents" => format!(
                "arn:aws:logs:{region}:{account}:log-group:{}:log-stream:{}",
                group(),
                input.text("logStreamName").unwrap_or_default()
            ),
            _ => format!("arn:aws:logs:{region}:{account}:log-group:{}:log-stream:", group()),
        },
        Service::Iam => {
            if let Some(name) = input.text("RoleName") {
                format!("role {name}")
            } else if let Some(arn) = input.text("PolicyArn") {
                format!("policy {arn}")
            } else if let Some(name) = input.text("InstanceProfileName") {
                format!("instance profile {name}")
            } else {
                format!("arn:aws:iam::{account}:*")
            }
        }
        Service::Sns => {
            let topic = input.text("TopicArn").or_else(|| input.text("TargetArn"));
            topic.map_or_else(|| format!("arn:aws:sns:{region}:{account}:*"), str::to_owned)
        }
        Service::Sts => input.text("RoleArn").unwrap_or("*").to_owned(),
        Service::S3 => {
            let bucket = input.text("Bucket")?;
            match input.text("Key") {
                Some(key) => format!("\"arn:aws:s3:::{bucket}/{key}\""),
                None => format!("\"arn:aws:s3:::{bucket}\""),
            }
        }
        Service::Organizations => "*".to_owned(),
        Service::CloudTrail => format!("arn:aws:cloudtrail:{region}:{account}:*"),
        Service::CloudWatch | Service::Tagging | Service::Other => return None,
    })
}

fn matches_action(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    // The tagging API is `tag` in policies and `tagging` elsewhere.
    matches(&pattern, &action)
        || (action.starts_with("tag:") && matches(&pattern, &action.replacen("tag:", "tagging:", 1)))
}

/// Whether a pattern with `*` (any letters) and `?` (one letter) covers the whole text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Remembers the last star and tries to let it swallow one letter more.
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(position) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((star_at, swallowed)) => {
                    star = Some((star_at, swallowed + 1));
                    at = star_at + 1;
                    position = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use jiff::SignedDuration;

    use super::*;

    fn caller(account: &str) -> Caller {
        Caller {
            account: account.into(),
            arn: format!("arn:aws:sts::{account}:assumed-role/ssmwatch/x"),
            user_id: "AROA:x".into(),
            access_key_id: "ASIA".into(),
        }
    }

    fn route(service: Service, operation: &str, protocol: Protocol) -> Route {
        Route { service, operation: operation.into(), protocol, version: String::new() }
    }

    fn verdict(gate: &mut Gate, caller: &Caller, route: &Route, region: &str, now: Timestamp) -> Verdict {
        let input = Value::structure([("RoleName", "nodes".into())]);
        gate.pass(&Visitor { caller, region, route, input: &input, now }, &BTreeMap::new()).verdict
    }

    fn code(verdict: Verdict) -> String {
        match verdict {
            Verdict::Refused(error) => error.code,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn wildcards_cover_whole_texts() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("ssm:Describe*", "ssm:DescribeSessions", true),
            ("ssm:*Sessions", "ssm:DescribeSessions", true),
            ("*s*s", "ssm:DescribeSessions", true),
            ("ssm:Get?ocument", "ssm:GetDocument", true),
            ("ssm:Get", "ssm:GetDocument", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_bucket_belongs_to_one_account_region_and_operation_and_fills_again() {
        let mut gate = Gate::default();
        let now = Timestamp::UNIX_EPOCH;
        let sessions = route(Service::Ssm, "DescribeSessions", Protocol::Json11);
        for _ in 0..6 {
            assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", now), Verdict::Open);
        }
        assert_eq!(code(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", now)), "ThrottlingException");
        assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "us-east-1", now), Verdict::Open);
        assert_eq!(verdict(&mut gate, &caller("2"), &sessions, "eu-central-1", now), Verdict::Open);
        let document = route(Service::Ssm, "GetDocument", Protocol::Json11);
        assert_eq!(verdict(&mut gate, &caller("1"), &document, "eu-central-1", now), Verdict::Open);
        let later = now + SignedDuration::from_millis(200);
        assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", later), Verdict::Open);
        let tally = gate.tally("ssm", "DescribeSessions");
        assert_eq!((tally.calls, tally.throttled), (10, 1));
    }

    #[test]
    fn each_service_words_its_throttling() {
        for (service, protocol, expected) in [
            (Service::Ssm, Protocol::Json11, ("ThrottlingException", 400)),
            (Service::Iam, Protocol::Query, ("Throttling", 400)),
            (Service::Tagging, Protocol::Cbor, ("ThrottledException", 400)),
            (Service::S3, Protocol::S3, ("SlowDown", 503)),
        ] {
            let error = throttled(&route(service, "X", protocol));
            assert_eq!((error.code.as_str(), error.status), expected);
        }
    }

    #[test]
    fn a_refusal_names_caller_action_and_resource() {
        let mut gate = Gate::default();
        gate.deny("111122223333", "iam:listattached*");
        let listing = route(Service::Iam, "ListAttachedRolePolicies", Protocol::Query);
        let Verdict::Refused(error) =
            verdict(&mut gate, &caller("111122223333"), &listing, "us-east-1", Timestamp::UNIX_EPOCH)
        else {
            panic!("passed")
        };
        assert_eq!((error.code.as_str(), error.status), ("AccessDenied", 403));
        assert_eq!(
            error.message,
            "User: arn:aws:sts::111122223333:assumed-role/ssmwatch/x is not authorized to perform: \
             iam:ListAttachedRolePolicies on resource: role nodes because no identity-based policy allows the \
             iam:ListAttachedRolePolicies action"
        );
        let role = route(Service::Iam, "GetRole", Protocol::Query);
        assert_eq!(
            verdict(&mut gate, &caller("111122223333"), &role, "us-east-1", Timestamp::UNIX_EPOCH),
            Verdict::Open
        );
    }

    #[test]
    fn faults_hit_only_their_target_and_only_so_often() {
        let mut gate = Gate::default();
        gate.rate("*", "*", "*", 1000.0, 1000.0);
        let error = Effect::Error { code: "InternalServerError".into(), message: String::new(), status: 500 };
        gate.add_fault(Fault { count: Some(2), region: "us-east-1".into(), ..Fault::new("ssm", "Describe*", error) });
        let sessions = route(Service::Ssm, "DescribeSessions", Protocol::Json11);
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", now), Verdict::Open);
        for _ in 0..2 {
            assert_eq!(code(verdict(&mut gate, &caller("1"), &sessions, "us-east-1", now)), "InternalServerError");
        }
        assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "us-east-1", now), Verdict::Open);
        assert!(gate.faults().is_empty());
    }
}
