//! A scenario: the organization, its nodes, roles and documents, and the cast of sessions, as a TOML file.
//!
//! Text fields may hold `{account}` and `{region}`; `account` and `region` selectors take an id, a name or `*`.

mod parts;
mod script;

use std::path::Path;

use serde::Deserialize;

use super::gate::Fault;

pub use parts::*;
pub use script::*;

/// The scenario that `ssmwatch demo` plays unless told otherwise.
const DEFAULT: &str = include_str!("../scenarios/default.toml");
/// Two accounts, a handful of deterministic sessions: for tests.
const QUIET: &str = include_str!("../scenarios/quiet.toml");
/// The quiet one with one of each trouble.
const TROUBLED: &str = concat!(include_str!("../scenarios/quiet.toml"), include_str!("../scenarios/troubled.toml"));

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Neither the name of an embedded scenario nor a readable file.
    #[error("{name}: {reason}; embedded scenarios are default, quiet, troubled and generated:N (N sessions)")]
    NotFound {
        /// What was asked for.
        name: String,
        /// What the file system said.
        reason: String,
    },
    /// Not TOML, or not of the scenario's shape; the message of the parser names line and column.
    #[error("{file}: {message}")]
    Syntax {
        /// Name or path.
        file: String,
        /// The parser's words with line and column.
        message: String,
    },
    /// It parses but contradicts itself.
    #[error("{file}: {message}")]
    Contradiction {
        /// Name or path.
        file: String,
        /// What does not fit.
        message: String,
    },
}

/// Everything that a world begins with, and what will happen in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Regions in which every account works.
    pub regions: Vec<String>,
    /// Accounts of the organization.
    pub accounts: Vec<AccountSpec>,
    /// Central log group name of every account and region.
    #[serde(default = "default_log_group")]
    pub log_group: String,
    /// Bucket of the log archive account.
    #[serde(default = "default_log_bucket")]
    pub log_bucket: String,
    /// Region of that bucket; the first region unless given.
    pub log_bucket_region: Option<String>,
    /// Accounts that may read the bucket beside its owner (its bucket policy).
    #[serde(default)]
    pub log_bucket_readers: Vec<String>,
    /// ARN of the central alarm topic.
    #[serde(default = "default_central_topic")]
    pub central_topic: String,
    /// Name of the topic that every account has in every region.
    #[serde(default = "default_member_topic")]
    pub member_topic: String,
    /// External id that the `ssmwatch` roles ask for.
    #[serde(default = "default_external_id")]
    pub external_id: String,
    /// Misbehaviours from the start, as the control plane takes them.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Service delays.
    #[serde(default)]
    pub delays: Delays,
    /// Managed policies.
    #[serde(default)]
    pub policies: Vec<PolicySpec>,
    /// Service control policies; what comes first is the one for quarantine.
    #[serde(default)]
    pub service_control_policies: Vec<ControlPolicySpec>,
    /// Roles of nodes and others; every account has `ssmwatch` beside them.
    #[serde(default)]
    pub roles: Vec<RoleSpec>,
    /// Session documents; `AWS-…` ones exist without being named.
    #[serde(default)]
    pub documents: Vec<DocumentSpec>,
    /// Log groups beside the central one.
    #[serde(default)]
    pub log_groups: Vec<LogGroupSpec>,
    /// Accounts and regions in which the central log group does not exist.
    #[serde(default)]
    pub missing_log_groups: Vec<Place>,
    /// Managed nodes.
    #[serde(default)]
    pub nodes: Vec<NodeSpec>,
    /// Named sessions.
    #[serde(default)]
    pub cast: Vec<CastSpec>,
    /// What else happens.
    #[serde(default)]
    pub happenings: Vec<HappeningSpec>,
    /// Harmless work that never ends.
    pub crowd: Option<CrowdSpec>,
    /// Sessions that were over long before.
    pub past: Option<PastSpec>,
    /// A crowd that was there all at once, for measurements.
    pub generate: Option<GenerateSpec>,
}

fn default_log_group() -> String {
    "/ssm-session-logs".into()
}
fn default_log_bucket() -> String {
    "central-log-ssm-audit-eu-central-1-o-example".into()
}
fn default_central_topic() -> String {
    "arn:aws:sns:eu-central-1:444455556666:CentralAlarm".into()
}
fn default_member_topic() -> String {
    "aws-ssm-monitoring-logging-guardrails-multiaccount".into()
}
fn default_external_id() -> String {
    "ssmwatch-demo".into()
}

impl Scenario {
    /// The scenario of that name (`default`, `quiet`, `troubled`, `generated:N`), or the file at that path.
    ///
    /// # Errors
    /// Not found, not TOML of this shape (with line and column), or contradictory.
    pub fn load(name_or_path: &str) -> Result<Self, ScenarioError> {
        match name_or_path {
            "default" => Self::parse("default", DEFAULT),
            "quiet" => Self::parse("quiet", QUIET),
            "troubled" => Self::parse("troubled", TROUBLED),
            other => {
                if let Some(count) = other.strip_prefix("generated:") {
                    let sessions = count.parse().map_err(|_| ScenarioError::NotFound {
                        name: other.into(),
                        reason: "N must be a whole number".into(),
                    })?;
                    return Self::generated(sessions);
                }
                let text = std::fs::read_to_string(Path::new(other))
                    .map_err(|error| ScenarioError::NotFound { name: other.into(), reason: error.to_string() })?;
                Self::parse(other, &text)
            }
        }
    }

    /// The quiet organization with that many sessions more, all there at the start.
    ///
    /// # Errors
    /// As [`Scenario::parse`].
    pub fn generated(sessions: usize) -> Result<Self, ScenarioError> {
        let mut scenario = Self::parse("quiet", QUIET)?;
        scenario.cast.clear();
        scenario.happenings.clear();
        scenario.generate = Some(GenerateSpec { sessions, sessions_per_node: 1, talkative: sessions / 20 });
        Ok(scenario)
    }

    /// A scenario from TOML text; `file` is what errors call it.
    ///
    /// # Errors
    /// Not TOML of this shape (with line and column), or contradictory.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)
            .map_err(|error| ScenarioError::Syntax { file: file.into(), message: error.to_string() })?;
        scenario.check().map_err(|message| ScenarioError::Contradiction { file: file.into(), message })?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if self.regions.is_empty() || self.accounts.is_empty() {
            return Err("a scenario needs at least one region and one account".into());
        }
        for account in &self.accounts {
            if account.id.len() != 12 || !account.id.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("account id {:?} is not twelve digits", account.id));
            }
        }
        if self.accounts.iter().filter(|account| account.management).count() != 1 {
            return Err("exactly one account must say management = true".into());
        }
        if self.accounts.iter().filter(|account| account.log_archive).count() != 1 {
            return Err("exactly one account must say log_archive = true".into());
        }
        for node in &self.nodes {
            self.account(&node.account)
                .ok_or_else(|| format!("node {:?}: no account is called {:?}", node.name, node.account))?;
            if !self.regions.contains(&node.region) {
                return Err(format!("node {:?}: {:?} is not among the regions", node.name, node.region));
            }
        }
        for session in &self.cast {
            if !self.node_names().any(|name| name == session.node) {
                return Err(format!("a session of {:?}: no node is called {:?}", session.owner, session.node));
            }
        }
        for step in self.cast.iter().flat_map(|session| &session.script) {
            if let Step::Forge(Forgery { node: Some(name), .. }) = step
                && !self.node_names().any(|one| one == *name)
            {
                return Err(format!("a forgery: no node is called {name:?}"));
            }
        }
        for (number, happening) in self.happenings.iter().enumerate() {
            self.check_happening(&happening.what).map_err(|message| format!("happening {}: {message}", number + 1))?;
        }
        for role in self.nodes.iter().filter_map(|node| node.role.as_ref()) {
            if !self.roles.iter().any(|spec| spec.name == *role) {
                return Err(format!("no role is called {role:?}, but a node has it"));
            }
        }
        if self.crowd.as_ref().is_some_and(|crowd| crowd.owners.is_empty() || crowd.reasons.is_empty()) {
            return Err("a crowd needs owners and reasons".into());
        }
        if self.past.as_ref().is_some_and(|past| past.owners.is_empty() || past.reasons.is_empty()) {
            return Err("a past needs owners and reasons".into());
        }
        for document in self.documents.iter().filter(|document| !document.absent) {
            if document.versions.is_empty() {
                return Err(format!("document {:?} has no versions", document.name));
            }
            for version in &document.versions {
                serde_json::from_str::<serde_json::Value>(version)
                    .map_err(|error| format!("document {:?} is not JSON: {error}", document.name))?;
            }
        }
        for policy in &self.service_control_policies {
            let tail = policy.id.strip_prefix("p-").unwrap_or_default();
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if !(8..=128).contains(&tail.len()) || !tail.bytes().all(fits) {
                return Err(format!("service control policy id {:?} is not p- and 8 to 128 letters", policy.id));
            }
            serde_json::from_str::<serde_json::Value>(&policy.document)
                .map_err(|error| format!("service control policy {:?} is not JSON: {error}", policy.name))?;
            for selector in policy.attached_to.iter().filter(|selector| *selector != "*") {
                self.account(selector).ok_or_else(|| {
                    format!("service control policy {:?}: no account is called {selector:?}", policy.name)
                })?;
            }
        }
        for policy in &self.policies {
            serde_json::from_str::<serde_json::Value>(&policy.document)
                .map_err(|error| format!("policy {:?} is not JSON: {error}", policy.name))?;
        }
        Ok(())
    }

    fn check_happening(&self, what: &What) -> Result<(), String> {
        let node = |name: &String| {
            if self.node_names().any(|one| one == *name) { Ok(()) } else { Err(format!("no node is called {name:?}")) }
        };
        let account =
            |name: &String| self.account(name).map(|_| ()).ok_or_else(|| format!("no account is called {name:?}"));
        match what {
            What::DetachPolicy { account: name, role, .. } | What::AttachPolicy { account: name, role, .. } => {
                account(name)?;
                let known = self.roles.iter().any(|spec| spec.name == *role);
                if known { Ok(()) } else { Err(format!("no role is called {role:?}")) }
            }
            What::UpdateDocument { account: name, region, content, .. } => {
                account(name)?;
                serde_json::from_str::<serde_json::Value>(content).map_err(|error| format!("not JSON: {error}"))?;
                self.check_region(region)
            }
            What::DeleteLogGroup { account: name, region, .. } => {
                account(name)?;
                self.check_region(region)
            }
            What::DeleteLogStream { node: name }
            | What::TagNode { node: name, .. }
            | What::PingNode { node: name, .. } => node(name),
        }
    }

    fn check_region(&self, region: &String) -> Result<(), String> {
        if self.regions.contains(region) { Ok(()) } else { Err(format!("{region:?} is not among the regions")) }
    }

    /// The account with that id or name.
    pub fn account(&self, selector: &str) -> Option<&AccountSpec> {
        self.accounts.iter().find(|account| account.id == selector || account.name == selector)
    }

    /// Seconds before (negative) or after the start at which the first thing happens.
    pub fn earliest(&self) -> f64 {
        let cast = self.cast.iter().map(|session| session.at);
        let warm_up = self.crowd.iter().map(|crowd| -crowd.warm_up);
        let generated = self.generate.iter().map(|_| -10.0);
        cast.chain(warm_up).chain(generated).fold(0.0, f64::min)
    }

    /// Names of all nodes, numbered ones expanded.
    pub fn node_names(&self) -> impl Iterator<Item = String> + '_ {
        self.nodes.iter().flat_map(|node| (1..=node.count).map(move |number| node.numbered(number)))
    }
}
