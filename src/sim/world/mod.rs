//! What exists in the simulated organization, and how it goes on.
//!
//! Time is script time ([`clock::Moment`]); `speed` says how many script seconds pass in one second of the wall
//! clock. Nothing runs in the background: [`World::advance`] plays everything that is due by the time of a request.

pub mod agent;
pub mod archive;
pub mod clock;
pub mod commands;
pub mod control_policies;
pub mod crowd;
pub mod documents;
pub mod editing;
pub mod lasting;
pub mod life;
pub mod logs;
pub mod meddling;
pub mod model;
pub mod opening;
pub mod organization;
pub mod past;
pub mod powershell;
pub mod risky;
pub mod screens;
pub mod session;
pub mod shell;
pub mod tails;
pub mod trail;

#[cfg(test)]
mod script_tests;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::{
    archive::Bucket,
    clock::{Agenda, Moment},
    life::Happening,
    logs::{Arrival, LogEvent, LogStream},
    model::{Account, Node, RegionState},
    session::Session,
};
use super::{
    gate::Gate,
    scenario::{Scenario, What},
    service::LiveTail,
    services,
};

/// How many arrivals Live Tail may lag behind before it misses some.
const JOURNAL_LENGTH: usize = 20_000;

/// The whole simulated organization.
#[derive(Debug)]
pub struct World {
    /// What it was made from.
    pub scenario: Arc<Scenario>,
    /// Accounts by id.
    pub accounts: BTreeMap<String, Account>,
    /// Service control policies and what they are attached to.
    pub control_policies: control_policies::ControlPolicies,
    /// Buckets by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// All sessions that are or were; regions hold indexes.
    pub sessions: Vec<Session>,
    /// Faults, throttles, permissions and the count of calls.
    pub gate: Gate,
    /// Sessions of assumed roles.
    pub sts: services::sts::Sts,
    /// Logins of IAM Identity Center.
    pub portal: services::sso::Portal,
    /// Topics' publications.
    pub sns: services::sns::Sns,
    /// Metrics.
    pub metrics: services::cloudwatch::Metrics,
    /// Live Tail sessions that are open.
    pub live_tails: tails::LiveTails,
    sessions_by_id: HashMap<String, usize>,
    start: Timestamp,
    speed: f64,
    clock: Moment,
    agenda: Agenda<Happening>,
    seed: u64,
    /// Randomness of what requests cause; the script has generators of its own.
    request_numbers: fastrand::Rng,
    crowd: crowd::Crowd,
    next_log_serial: u64,
    journal: VecDeque<Arrival>,
}

/// The contract's second line of `ssmwatch sim`.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Summary {
    /// Accounts with their names.
    pub accounts: Vec<SummaryAccount>,
    /// Regions.
    pub regions: Vec<String>,
    /// Id of the management account.
    pub management_account: String,
    /// Id of the log archive account.
    pub log_archive_account: String,
    /// Central log group name.
    pub log_group: String,
    /// Central bucket.
    pub log_bucket: String,
    /// ARN of the central topic.
    pub central_topic: String,
}

/// One account of the [`Summary`].
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct SummaryAccount {
    /// Twelve digits.
    pub id: String,
    /// Name.
    pub name: String,
}

impl World {
    /// The world of a scenario. `speed` divides every scripted and service delay.
    pub fn new(scenario: &Scenario, seed: u64, speed: f64, start: Timestamp) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        let scenario = Arc::new(scenario.clone());
        let mut world = Self {
            accounts: organization::build(&scenario, start),
            control_policies: control_policies::ControlPolicies::of(&scenario),
            buckets: BTreeMap::new(),
            sessions: Vec::new(),
            gate: Gate::seeded(seed),
            sts: services::sts::Sts::default(),
            portal: services::sso::Portal::default(),
            sns: services::sns::Sns::default(),
            metrics: services::cloudwatch::Metrics::default(),
            live_tails: tails::LiveTails::default(),
            sessions_by_id: HashMap::new(),
            start,
            speed,
            clock: Moment::at(scenario.earliest()),
            agenda: Agenda::default(),
            seed,
            request_numbers: fastrand::Rng::with_seed(seed ^ 0x7265_7175_6573_7473),
            crowd: crowd::Crowd::new(&scenario, seed),
            next_log_serial: 1,
            journal: VecDeque::new(),
            scenario: Arc::clone(&scenario),
        };
        for fault in &scenario.faults {
            world.gate.add_fault(fault.clone());
        }
        world.add_bucket();
        for (number, spec) in scenario.cast.iter().enumerate() {
            world.agenda.put(Moment::at(spec.at), Happening::CastEnters(number));
        }
        for (number, happening) in scenario.happenings.iter().enumerate() {
            world.agenda.put(Moment::at(happening.at), Happening::Scripted(number));
        }
        world.seed_past();
        world.generate();
        world.seat_crowd();
        world.play_until(Moment::at(0.0));
        world
    }

    /// A world without accounts.
    pub fn empty(now: Timestamp) -> Self {
        Self::new(&Scenario::default(), 0, 1.0, now)
    }

    /// What `GET /_sim/world` answers: accounts and sessions.
    pub fn overview(&self) -> serde_json::Value {
        let accounts: Vec<_> =
            self.accounts.values().map(|account| serde_json::json!({"id": account.id, "name": account.name})).collect();
        let sessions: Vec<_> = self
            .sessions
            .iter()
            .map(|session| {
                serde_json::json!({
                    "session_id": session.id, "account": session.account, "region": session.region,
                    "target": session.target, "owner": session.owner, "document": session.document,
                    "status": session.status.name(), "started_at": session.started.to_string(),
                    "ended_at": session.ended.map(|ended| ended.to_string())
                })
            })
            .collect();
        serde_json::json!({"now": self.now().to_string(), "accounts": accounts, "sessions": sessions})
    }

    fn add_bucket(&mut self) {
        let scenario = &self.scenario;
        let owner = scenario.accounts.iter().find(|account| account.log_archive);
        let region = scenario.log_bucket_region.clone().or_else(|| scenario.regions.first().cloned());
        let account = owner.map(|account| account.id.clone()).unwrap_or_default();
        let region = region.unwrap_or_default();
        let key = organization::uuid_from(organization::stable_hash(&["bucket-key", &account]));
        let bucket = Bucket {
            kms_key: Some(format!("arn:aws:kms:{region}:{account}:key/{key}")),
            account,
            region,
            created: self.start - SignedDuration::from_hours(24 * 700),
            readers: scenario.log_bucket_readers.clone(),
            encryption: "aws:kms".into(),
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
        };
        self.buckets.insert(scenario.log_bucket.clone(), bucket);
    }

    /// Plays everything that is due by `now`. Time never goes backwards: an earlier `now` does nothing.
    pub fn advance(&mut self, now: Timestamp) {
        self.play_until(self.moment(now));
    }

    fn play_until(&mut self, until: Moment) {
        while let Some((due, happening)) = self.agenda.take_due(until) {
            self.clock = self.clock.max(due);
            self.play(happening);
        }
        self.clock = self.clock.max(until);
    }

    /// Script time of the last [`World::advance`].
    pub fn clock(&self) -> Moment {
        self.clock
    }

    /// Wall clock of the last [`World::advance`].
    pub fn now(&self) -> Timestamp {
        self.wall(self.clock)
    }

    /// When the world started.
    pub fn started(&self) -> Timestamp {
        self.start
    }

    /// Wall clock of a moment: what was before the start keeps its pace, what comes after it runs at `speed`.
    pub fn wall(&self, moment: Moment) -> Timestamp {
        let micros = if moment.0 > 0 { (moment.0 as f64 / self.speed) as i64 } else { moment.0 };
        self.start.checked_add(SignedDuration::from_micros(micros)).unwrap_or(self.start)
    }

    fn moment(&self, wall: Timestamp) -> Moment {
        let micros = i64::try_from(wall.duration_since(self.start).as_micros()).unwrap_or(i64::MAX);
        Moment(if micros > 0 { (micros as f64 * self.speed) as i64 } else { micros })
    }

    /// The contract's second line of `ssmwatch sim`.
    pub fn summary(&self) -> Summary {
        let role = |wanted: fn(&Account) -> bool| {
            self.accounts.values().find(|account| wanted(account)).map(|account| account.id.clone()).unwrap_or_default()
        };
        Summary {
            accounts: self
                .scenario
                .accounts
                .iter()
                .map(|account| SummaryAccount { id: account.id.clone(), name: account.name.clone() })
                .collect(),
            regions: self.scenario.regions.clone(),
            management_account: role(|account| account.management),
            log_archive_account: role(|account| account.log_archive),
            log_group: self.scenario.log_group.clone(),
            log_bucket: self.scenario.log_bucket.clone(),
            central_topic: self.scenario.central_topic.clone(),
        }
    }

    /// What an account has in a region; none if the account does not work there.
    pub fn region(&self, account: &str, region: &str) -> Option<&RegionState> {
        self.accounts.get(account)?.regions.get(region)
    }

    /// As [`World::region`], to change it.
    pub fn region_mut(&mut self, account: &str, region: &str) -> Option<&mut RegionState> {
        self.accounts.get_mut(account)?.regions.get_mut(region)
    }

    /// The session of that id, if it is of that account and region.
    pub fn session(&self, account: &str, region: &str, id: &str) -> Option<&Session> {
        let session = self.sessions.get(*self.sessions_by_id.get(id)?)?;
        (session.account == account && session.region == region).then_some(session)
    }

    /// A seed for something that a request causes.
    pub fn request_seed(&mut self) -> u64 {
        self.request_numbers.u64(..)
    }

    /// Account, region and id of the node with that name.
    fn find_node(&self, name: &str) -> Option<(String, String, String)> {
        self.accounts.values().find_map(|account| {
            account.regions.iter().find_map(|(region, state)| {
                let node = state.nodes.values().find(|node| node.name == name)?;
                Some((account.id.clone(), region.clone(), node.id.clone()))
            })
        })
    }

    fn node(&self, account: &str, region: &str, id: &str) -> Option<&Node> {
        self.region(account, region)?.nodes.get(id)
    }

    fn account_id(&self, selector: &str) -> Option<String> {
        self.scenario.account(selector).map(|account| account.id.clone())
    }

    /// Makes something happen now that a scenario could have scripted.
    pub fn happen(&mut self, what: &What) {
        match what {
            What::DetachPolicy { account, role, policy } => {
                self.change_role(account, role, policy, |attached, arn| attached.retain(|one| one != arn));
            }
            What::AttachPolicy { account, role, policy } => {
                self.change_role(account, role, policy, |attached, arn| {
                    if !attached.iter().any(|one| one == arn) {
                        attached.push(arn.to_owned());
                    }
                });
            }
            What::UpdateDocument { account, region, name, content } => {
                let now = self.now();
                let Some(id) = self.account_id(account) else { return };
                let content = content.replace("{account}", &id).replace("{region}", region).trim().to_owned();
                if let Some(document) = self.region_mut(&id, region).and_then(|state| state.documents.get_mut(name)) {
                    document.versions.push(model::DocumentVersion { content, created: now });
                    document.default_version = document.versions.len();
                }
            }
            What::DeleteLogStream { node } => {
                let Some((account, region, node)) = self.find_node(node) else { return };
                let ids: Vec<String> = self
                    .sessions
                    .iter()
                    .filter(|session| session.target == node && session.is_active())
                    .map(|session| session.id.clone())
                    .collect();
                let group = self.scenario.log_group.clone();
                if let Some(group) =
                    self.region_mut(&account, &region).and_then(|state| state.log_groups.get_mut(&group))
                {
                    group.streams.retain(|name, _| !ids.contains(name));
                }
            }
            What::DeleteLogGroup { account, region, name } => {
                let Some(id) = self.account_id(account) else { return };
                if let Some(state) = self.region_mut(&id, region) {
                    state.log_groups.remove(name);
                }
            }
            What::TagNode { node, key, value } => {
                if let Some(node) = self.node_by_name(node) {
                    node.tags.insert(key.clone(), value.clone());
                }
            }
            What::PingNode { node, online } => {
                let now = self.now();
                if let Some(node) = self.node_by_name(node) {
                    node.online = *online;
                    node.last_ping = (!online).then_some(now);
                }
            }
        }
    }

    fn node_by_name(&mut self, name: &str) -> Option<&mut Node> {
        let (account, region, id) = self.find_node(name)?;
        self.region_mut(&account, &region)?.nodes.get_mut(&id)
    }

    fn change_role(&mut self, account: &str, role: &str, policy: &str, change: impl Fn(&mut Vec<String>, &str)) {
        let Some(id) = self.account_id(account) else { return };
        let regions = self.scenario.regions.clone();
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let arns = organization::policy_arns(account, &regions, policy);
        if let Some(role) = account.roles.get_mut(role) {
            for arn in arns {
                change(&mut role.attached, &arn);
            }
        }
    }

    /// Makes a log stream; false if the group does not exist.
    pub fn create_log_stream(&mut self, account: &str, region: &str, group: &str, stream: &str) -> bool {
        let created = self.now();
        let serial = self.next_log_serial;
        self.next_log_serial += 1;
        let Some(group) = self.region_mut(account, region).and_then(|state| state.log_groups.get_mut(group)) else {
            return false;
        };
        group.streams.entry(stream.to_owned()).or_insert(LogStream {
            created,
            serial,
            events: Vec::new(),
            last_ingestion: None,
        });
        true
    }

    /// Stores events in a stream; false if the stream does not exist.
    pub fn put_log_events(
        &mut self,
        account: &str,
        region: &str,
        group: &str,
        stream: &str,
        events: Vec<(i64, String)>,
    ) -> bool {
        let now = self.now().as_millisecond();
        let mut serial = self.next_log_serial;
        let Some(state) = self.accounts.get_mut(account).and_then(|account| account.regions.get_mut(region)) else {
            return false;
        };
        let Some(target) = state.log_groups.get_mut(group).and_then(|group| group.streams.get_mut(stream)) else {
            return false;
        };
        // What is sent arrives some tens of milliseconds later; a hash, so that one stream does not disturb another.
        let jitter = organization::stable_hash(&[stream, &target.events.len().to_string()]) % 61;
        let ingestion = now + 20 + i64::try_from(jitter).unwrap_or(0);
        let (account, region): (Arc<str>, Arc<str>) = (account.into(), region.into());
        let (group, stream): (Arc<str>, Arc<str>) = (group.into(), stream.into());
        for (timestamp, message) in events {
            let event = Arc::new(LogEvent { timestamp, ingestion, message, serial });
            serial += 1;
            target.insert(Arc::clone(&event));
            self.journal.push_back(Arrival {
                account: Arc::clone(&account),
                region: Arc::clone(&region),
                group: Arc::clone(&group),
                stream: Arc::clone(&stream),
                event,
            });
            if self.journal.len() > JOURNAL_LENGTH {
                self.journal.pop_front();
            }
        }
        self.next_log_serial = serial;
        true
    }

    /// Where a Live Tail subscription begins: behind everything that has arrived.
    pub fn live_tail_cursor(&self) -> u64 {
        self.next_log_serial
    }

    /// What arrived for a subscription since `cursor`, and the cursor of the next call.
    pub fn live_tail_events(&mut self, tail: &LiveTail, cursor: u64) -> (Vec<Arrival>, u64) {
        let pattern =
            tail.filter_pattern.as_deref().and_then(|text| services::logs::pattern::Pattern::parse(text).ok());
        let first = self.journal.partition_point(|arrival| arrival.event.serial < cursor);
        let wanted = |arrival: &&Arrival| {
            *arrival.account == *tail.account
                && *arrival.region == *tail.region
                && tail.log_group_identifiers.iter().any(|identifier| {
                    let name = identifier.rsplit_once(":log-group:").map_or(identifier.as_str(), |(_, name)| name);
                    name.strip_suffix(":*").unwrap_or(name) == &*arrival.group
                })
                && (tail.log_stream_names.is_empty()
                    || tail.log_stream_names.iter().any(|name| *name == *arrival.stream))
                && (tail.log_stream_name_prefixes.is_empty()
                    || tail.log_stream_name_prefixes.iter().any(|prefix| arrival.stream.starts_with(prefix.as_str())))
                && pattern.as_ref().is_none_or(|pattern| pattern.matches(&arrival.event.message))
        };
        (self.journal.range(first..).filter(wanted).cloned().collect(), self.next_log_serial)
    }
}
