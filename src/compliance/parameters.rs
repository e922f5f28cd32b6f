//! What the people in charge decide: allow lists, patterns, bounds.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Time, Weekday},
    tz::TimeZone,
};
use regex::Regex;

use super::just_in_time::JitPolicies;
use crate::domain::{ScopeId, Session, Severity};

/// The bounds and lists that the rules compare with; policies read them as `context.parameters.…`.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// Documents that sessions may use: names, or full ARNs (of other accounts' documents only the ARN counts).
    /// Default: only `SSM-SessionManagerRunShell`.
    pub allowed_documents: Vec<String>,
    /// The managed policy that a node's role must have: name or ARN; `{region}` and `{account}` are filled in.
    /// Default: `aws-ssm-guardrails-mandatory-policy-{region}`.
    pub mandatory_policy: String,
    /// The log archive bucket, `{region}` and `{account}` are filled in. Default: what the session's document says.
    pub log_bucket: Option<String>,
    /// The node tag that marks production. Default: `Environment=Prod*`.
    pub production_tag: TagPattern,
    /// What a reason must match (anywhere in it). Default: a reason must only not be empty.
    pub ticket_pattern: Option<Regex>,
    /// How old an active session may get. Default: 12 h.
    pub max_age: SignedDuration,
    /// How much later than its own maximum a session may end. Default: 2 min.
    pub duration_slack: SignedDuration,
    /// Before this age no log stream can be expected. Default: 15 s.
    pub log_stream_grace: SignedDuration,
    /// After this age a missing log stream is no longer taken for an untouched prompt. Default: 120 s.
    pub silent_grace: SignedDuration,
    /// How long after the end the archive object may take; sessions longer than ten times this get a tenth of their
    /// length. Default: 15 min.
    pub archive_grace: SignedDuration,
    /// How long a session may be Terminating or Disconnected. Default: 5 min.
    pub stuck_after: SignedDuration,
    /// DOC-05: remote hosts that port sessions may not reach, with `*`. Default: none.
    pub denied_hosts: Vec<String>,
    /// DOC-05: remote ports that port sessions may not reach. Default: 22, 3389, 5432, 3306, 389, 636, 88, 445.
    pub denied_ports: Vec<u16>,
    /// LOG-02: after this long without output a stream that had some is stalled. Default: 5 min.
    pub stall_after: SignedDuration,
    /// LOG-06: how far time stamps of events may be from their ingestion. Default: 5 min.
    pub clock_gap: SignedDuration,
    /// LOG-08: `x-amz-server-side-encryption` that archive objects must have. Default: any.
    pub archive_encryption: Option<String>,
    /// IAM-02: ARNs that logging writes to, with `*`, `{region}` and `{account}`: a Deny on none of them does not count.
    /// Default: empty, every resource counts.
    pub log_resources: Vec<String>,
    /// WHO-01: patterns, with `*`, that owners must match. Default: none, the rule does not apply.
    pub allowed_principals: Vec<String>,
    /// WHO-03: networks that sessions may be started from. Default: none, the rule does not apply.
    pub allowed_networks: Vec<Network>,
    /// WHO-04: tag of the principal, tag of the node that must be the same. Default: none, the rule does not apply.
    pub tag_pairs: BTreeMap<String, String>,
    /// WHO-05: people must come through roles, not as IAM users with long-term keys. Default: false.
    pub roles_required: bool,
    /// WHO-07: a principal that had no session on the account for this long is new. Default: 10 d.
    pub new_principal_after: SignedDuration,
    /// APR-01, APR-02: sessions need an approval tag on their principal. Default: false.
    pub approval_required: bool,
    /// The key of that tag; its value is the node's id. Default: `SecurityAllowSessionInstance`.
    pub approval_tag: String,
    /// How long that tag is valid. Default: 10 min.
    pub approval_validity: SignedDuration,
    /// APR-04: people's just-in-time node access policies. Default: none, the rule does not apply.
    pub jit_policies: Option<Arc<JitPolicies>>,
    /// APR-05: how long a just-in-time session may last. Default: 1 h.
    pub jit_window: SignedDuration,
    /// APR-04: patterns, with `*`, of the owners in each IAM Identity Center group, by group id. A group that is not here
    /// has members unknown to us.
    pub groups: BTreeMap<String, Vec<String>>,
    /// TIM-01: when sessions may start. Default: always, the rule does not apply.
    pub allowed_hours: Option<AllowedHours>,
    /// RUN-01, PRF-10: Run As is demanded. Default: false.
    pub run_as_required: bool,
    /// RUN-01, PRF-10: users that shells must not run as. Default: root, Administrator, ssm-user.
    pub forbidden_users: Vec<String>,
    /// LOG-05: the users that shells may run as. Default: any.
    pub allowed_users: Vec<String>,
    /// CON-01: sessions that one principal may hold at once. Default: 3.
    pub max_sessions: u32,
    /// CON-01: nodes that one principal may reach within an hour. Default: 2.
    pub max_nodes: u32,
    /// PRF-08: the longest idleSessionTimeout. Default: 15 min.
    pub max_idle: SignedDuration,
    /// PRF-09: the longest maxSessionDuration. Default: 12 h.
    pub max_duration: SignedDuration,
    /// PRF-11: the shellProfile for Linux and macOS. Default: any.
    pub shell_profile_linux: Option<String>,
    /// PRF-11: the shellProfile for Windows. Default: any.
    pub shell_profile_windows: Option<String>,
    /// PRF-00: the golden preferences document. Default: none is compared with.
    pub golden: Option<serde_json::Value>,
    /// PRF-04 and LOG-01: the log group of the config, if it names one.
    pub log_group: Option<String>,
    /// THR-01: so many terminated non-compliant sessions of one account … Default: 10.
    pub threshold: u32,
    /// … within this time are an alert of their own. Default: 5 min.
    pub threshold_window: SignedDuration,
    /// Evidence that is this old counts as missing. Default: 3 min, three evidence intervals.
    pub stale_after: SignedDuration,
    /// Rules that are off. Default: none.
    pub disabled: Vec<String>,
    /// Severities other than the policies' own, by rule id. Default: none.
    pub severity: BTreeMap<String, Severity>,
}

impl Parameters {
    /// What logging needs of a role in that scope (rule IAM-02).
    pub fn needs(&self, scope: &ScopeId) -> super::deny::Needs {
        let resources: Vec<String> = self.log_resources.iter().map(|resource| in_scope(resource, scope)).collect();
        super::deny::Needs::logging(&resources)
    }

    /// The rule of thumb for [`Parameters::stale_after`]: three evidence intervals.
    pub fn stale_after_for(evidence_interval: SignedDuration) -> SignedDuration {
        evidence_interval.saturating_mul(3)
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            allowed_documents: vec![Session::DEFAULT_DOCUMENT.to_owned()],
            mandatory_policy: "aws-ssm-guardrails-mandatory-policy-{region}".to_owned(),
            log_bucket: None,
            production_tag: TagPattern { key: "Environment".to_owned(), value: "Prod*".to_owned() },
            ticket_pattern: None,
            max_age: SignedDuration::from_hours(12),
            duration_slack: SignedDuration::from_mins(2),
            log_stream_grace: SignedDuration::from_secs(15),
            silent_grace: SignedDuration::from_secs(120),
            archive_grace: SignedDuration::from_mins(15),
            stuck_after: SignedDuration::from_mins(5),
            denied_hosts: Vec::new(),
            denied_ports: vec![22, 3389, 5432, 3306, 389, 636, 88, 445],
            stall_after: SignedDuration::from_mins(5),
            clock_gap: SignedDuration::from_mins(5),
            archive_encryption: None,
            log_resources: Vec::new(),
            allowed_principals: Vec::new(),
            allowed_networks: Vec::new(),
            tag_pairs: BTreeMap::new(),
            roles_required: false,
            new_principal_after: SignedDuration::from_hours(24 * 10),
            approval_required: false,
            approval_tag: "SecurityAllowSessionInstance".to_owned(),
            approval_validity: SignedDuration::from_mins(10),
            jit_policies: None,
            jit_window: SignedDuration::from_hours(1),
            groups: BTreeMap::new(),
            allowed_hours: None,
            run_as_required: false,
            forbidden_users: ["root", "Administrator", "ssm-user"].map(str::to_owned).into(),
            allowed_users: Vec::new(),
            max_sessions: 3,
            max_nodes: 2,
            max_idle: SignedDuration::from_mins(15),
            max_duration: SignedDuration::from_hours(12),
            shell_profile_linux: None,
            shell_profile_windows: None,
            golden: None,
            log_group: None,
            threshold: 10,
            threshold_window: SignedDuration::from_mins(5),
            stale_after: Self::stale_after_for(SignedDuration::from_secs(60)),
            disabled: Vec::new(),
            severity: BTreeMap::new(),
        }
    }
}

/// A range of addresses in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `198.51.100.0/24`, `2001:db8::/32`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.trim().parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared = |a: u128, b: u128, width: u8| self.bits == 0 || (a ^ b) >> (width - self.bits) == 0;
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => shared(u32::from(a).into(), u32::from(b).into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.into(), b.into(), 128),
            _ => false,
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// When sessions may start.
#[derive(Debug, Clone, PartialEq)]
pub struct AllowedHours {
    /// First minute of the day, from midnight.
    pub from: Time,
    /// The minute at which it is over; before `from`: on the next day.
    pub to: Time,
    /// Days of the week on which it begins.
    pub days: Vec<Weekday>,
    /// Where that is.
    pub zone: TimeZone,
}

impl AllowedHours {
    /// Whether a session may start at that moment.
    pub fn allow(&self, moment: Timestamp) -> bool {
        let there = moment.to_zoned(self.zone.clone());
        let (time, day) = (there.time(), there.weekday());
        if self.from <= self.to {
            self.days.contains(&day) && self.from <= time && time < self.to
        } else {
            // Over midnight: the early hours belong to the day before.
            (time >= self.from && self.days.contains(&day)) || (time < self.to && self.days.contains(&day.previous()))
        }
    }
}

impl std::fmt::Display for AllowedHours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days: Vec<&str> = self.days.iter().map(|day| weekday_word(*day)).collect();
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{} {} to {} {zone}", days.join(", "), self.from.strftime("%H:%M"), self.to.strftime("%H:%M"))
    }
}

fn weekday_word(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

/// A tag key and a pattern for its value (`*`: anything), both in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPattern {
    key: String,
    value: String,
}

impl TagPattern {
    /// Reads `Key=Value*`. `None` without a key or without a `=`.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, value) = text.split_once('=')?;
        let key = key.trim();
        (!key.is_empty()).then(|| Self { key: key.to_owned(), value: value.trim().to_owned() })
    }

    /// Whether that tag matches.
    pub fn matches(&self, key: &str, value: &str) -> bool {
        key.to_lowercase() == self.key.to_lowercase()
            && matches_pattern(&self.value.to_lowercase(), &value.to_lowercase())
    }
}

impl std::fmt::Display for TagPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// Whether the whole text has the pattern's form; `*` stands for any text.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// Fills `{region}` and `{account}` in.
pub(super) fn in_scope(template: &str, scope: &ScopeId) -> String {
    template.replace("{region}", scope.region.as_str()).replace("{account}", scope.account.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tag_patterns_match_in_any_case() {
        let cases = [
            ("Environment=Prod*", "Environment", "Prod", true),
            ("Environment=Prod*", "environment", "PRODUCTION", true),
            ("Environment=Prod*", "Environment", "preprod", false),
            ("Environment=Prod*", "Environment", "", false),
            ("Environment=Prod*", "Env", "Prod", false),
            ("Environment=Prod", "Environment", "prod", true),
            ("Environment=Prod", "Environment", "prod2", false),
            ("stage=*live*eu", "Stage", "very-LIVE-eu", true),
            ("stage=*live*eu", "Stage", "live", false),
            ("stage=a*a", "stage", "a", false),
            ("stage=*", "stage", "", true),
        ];
        for (pattern, key, value, matches) in cases {
            assert_eq!(TagPattern::parse(pattern).unwrap().matches(key, value), matches, "{pattern} {key}={value}");
        }
        assert_eq!(TagPattern::parse("Environment"), None);
        assert_eq!(TagPattern::parse("=Prod"), None);
    }
}
