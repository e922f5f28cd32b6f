//! What CloudTrail knows of a session: its start, and each time it was resumed.

use std::{borrow::Cow, collections::BTreeSet, net::IpAddr};

use jiff::Timestamp;

use super::{
    FactName, Value,
    known::{Known, Read, text, undecidable},
    read::SessionReader,
};
use crate::{
    compliance::parameters::matches_pattern,
    domain::{Fact, Mfa, Source, TRAIL_LATENESS, TrailEvent, Why},
};

const LOOKUP: Source = "cloudtrail:LookupEvents";

/// What was looked up of a session.
#[derive(Debug, Clone, Copy)]
pub struct TrailEvidence<'a> {
    /// The last lookup of StartSession in the scope.
    pub read: &'a Fact<()>,
    /// How far back the lookups reach.
    pub from: Option<Timestamp>,
    /// The record of its start.
    pub start: Option<&'a TrailEvent>,
    /// The records of each time it was resumed.
    pub resumes: &'a [TrailEvent],
}

impl<'a> SessionReader<'a> {
    pub(super) fn trail(&self, name: FactName) -> Read<Value<'a>> {
        let start = self.start_record()?;
        match name {
            FactName::Mfa => second_factor(start.value).map(|mfa| mfa.map(Value::Flag)),
            FactName::SourceIps => {
                let addresses = self.addresses(start.value);
                let addresses = addresses.into_iter().map(Cow::Borrowed).collect();
                Ok(start.map(|_| Value::Texts(addresses)))
            }
            FactName::SourceIpsAllowed => self.addresses_allowed(start),
            FactName::UserAgent => start
                .if_any(|start| start.user_agent.as_deref().map(text), || "the record names no user agent".to_owned()),
            FactName::LongTermKey => start.and(
                |start| start.access_key_id.as_ref().map(|key| Value::Flag(key.starts_with("AKIA"))),
                || Why::Undecidable("the record names no access key".to_owned()),
            ),
            FactName::RemoteHost => Ok(start.map(|start| text(parameter(start, "host").unwrap_or_default()))),
            FactName::RemoteHostDenied => {
                let denied = &self.parameters.denied_hosts;
                Ok(start.map(|start| {
                    let host = parameter(start, "host").unwrap_or_default().to_lowercase();
                    Value::Flag(denied.iter().any(|pattern| matches_pattern(&pattern.to_lowercase(), &host)))
                }))
            }
            _ => {
                let default = default_port(self.evidence.session.document_name());
                start.and(
                    |start| match parameter(start, "portNumber") {
                        Some(port) => port.trim().parse().ok().map(Value::Number),
                        None => default.map(Value::Number),
                    },
                    || Why::Undecidable("the record does not say which port".to_owned()),
                )
            }
        }
    }

    /// The record does not change once it is there.
    fn start_record(&self) -> Read<&'a TrailEvent> {
        let trail = &self.evidence.trail;
        if let Some(start) = trail.start {
            let at = trail.read.at().unwrap_or(start.at);
            return Ok(Known { value: start, source: LOOKUP, at, expires: None });
        }
        let read = self.clock.fresh(trail.read)?;
        let Some(started) = self.evidence.session.started_at else {
            return read.and(|()| None, || super::known::not_sent("StartDate"));
        };
        if trail.from.is_none_or(|from| from > started) {
            let why = "the session started before the time that was looked up in CloudTrail";
            return read.and(|()| None, || Why::Undecidable(why.to_owned()));
        }
        let age = read.at.duration_since(started);
        let minutes = age.as_mins();
        let words = if age <= TRAIL_LATENESS {
            format!("CloudTrail has no record of the start yet, {} s after it", age.as_secs().max(0))
        } else {
            format!("CloudTrail has no record of the start {minutes} min after it, later than usual")
        };
        read.and(|()| None, || Why::Pending(words))
    }

    fn addresses(&self, start: &'a TrailEvent) -> BTreeSet<&'a str> {
        let records = std::iter::once(start).chain(self.evidence.trail.resumes);
        records.filter_map(|record| record.source_ip.as_deref()).collect()
    }

    fn addresses_allowed(&self, start: Known<&'a TrailEvent>) -> Read<Value<'a>> {
        let allowed = &self.parameters.allowed_networks;
        let mut unclear = None;
        for address in self.addresses(start.value) {
            match address.parse::<IpAddr>() {
                Ok(address) if allowed.iter().any(|network| network.contains(address)) => {}
                Ok(_) => return Ok(start.map(|_| Value::Flag(false))),
                // The console and other services call in somebody's name.
                Err(_) => unclear = Some(address),
            }
        }
        let nameless = |record: &TrailEvent| record.source_ip.is_none();
        if nameless(start.value) || self.evidence.trail.resumes.iter().any(nameless) {
            return Err(undecidable("the record names no address"));
        }
        match unclear {
            Some(service) => Err(undecidable(format!("the record names the service {service}, not an address"))),
            None => Ok(start.map(|_| Value::Flag(true))),
        }
    }
}

/// Whether there was a second factor. An identity provider asks for it out of AWS's sight, and then the record says "false".
fn second_factor(start: &TrailEvent) -> Read<bool> {
    let issuer = start.issuer_arn.as_deref().unwrap_or_default();
    let federated =
        matches!(&*start.identity_type, "SAMLUser" | "WebIdentityUser" | "FederatedUser" | "IdentityCenterUser")
            || issuer.contains(":role/aws-reserved/sso.amazonaws.com/");
    let known = |mfa| Ok(Known { value: mfa, source: LOOKUP, at: start.at, expires: None });
    match start.mfa {
        Mfa::Yes => known(true),
        Mfa::No if federated => Err(undecidable(
            "a federated principal: its identity provider asks for the second factor, out of AWS's sight",
        )),
        Mfa::No => known(false),
        Mfa::Unknown => Err(undecidable("the record does not say whether there was a second factor")),
    }
}

fn parameter<'a>(record: &'a TrailEvent, name: &str) -> Option<&'a str> {
    record.parameters.get(name)?.first().map(String::as_str)
}

/// What Amazon's documents take without a portNumber (their contents, by ssm:GetDocument).
fn default_port(document: &str) -> Option<i64> {
    match document {
        "AWS-StartSSHSession" => Some(22),
        "AWS-StartPortForwardingSession" | "AWS-StartPortForwardingSessionToRemoteHost" => Some(80),
        _ => None,
    }
}
