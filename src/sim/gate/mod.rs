//! What stands between a request and its service: faults, then throttles, then permissions; and the count of calls.

mod fault;
mod rate;
mod refusal;
#[cfg(test)]
mod tests;
mod writes;

pub use fault::{Effect, Fault};
pub use refusal::{denied, denied_by_organization, iam_action, throttled};

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;

use rate::published_rate;

use super::{
    error::AwsError,
    service::Caller,
    wire::{
        route::{Route, Service},
        value::Value,
    },
    world::model::Account,
};

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
    /// It never comes, and nothing is done.
    Hang,
    /// It never comes, although it is done.
    Mute,
    /// The connection closes instead.
    Disconnect,
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

    /// Begins to count anew.
    pub fn reset_tallies(&mut self) {
        self.tallies.clear();
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

    /// Requests that change something (or would, had they been let through), by `service:Operation`: all but the known
    /// reading ones, so that an operation that nobody thought of counts as writing.
    pub fn writes(&self) -> BTreeMap<String, u64> {
        let mut writes = BTreeMap::new();
        for ((_, _, service, operation), tally) in
            self.tallies().filter(|((_, _, _, name), _)| !writes::only_reads(name))
        {
            *writes.entry(format!("{service}:{operation}")).or_default() += tally.calls;
        }
        writes
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
                Effect::Mute => spoiling = Some(Spoiling::Mute),
                Effect::Disconnect => spoiling = Some(Spoiling::Disconnect),
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
                Effect::EndLiveTail
                | Effect::FailLiveTail
                | Effect::SeverLiveTail
                | Effect::HangLiveTail
                | Effect::SampleLiveTail { .. } => {}
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

    /// Effects of the faults that hit the next update of a Live Tail session of that account and region.
    pub fn live_tail_effects(&mut self, account: &str, region: &str) -> Vec<Effect> {
        self.use_up(|fault| {
            fault.effect.is_of_live_tail() && matches(&fault.account, account) && matches(&fault.region, region)
        })
    }

    /// Effects of the faults that hit, used up by one; in the order in which the faults were added.
    fn effects(&mut self, visitor: &Visitor<'_>) -> Vec<Effect> {
        self.use_up(|fault| {
            !fault.effect.is_of_live_tail()
                && matches(&fault.account, &visitor.caller.account)
                && matches(&fault.region, visitor.region)
                && visitor.route.service.is_selected_by(&fault.service)
                && matches(&fault.operation, &visitor.route.operation)
        })
    }

    fn use_up(&mut self, of: impl Fn(&Fault) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for fault in &mut self.faults {
            let hit = of(fault)
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
