//! How each fact of a session is read from the evidence.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::{
    FactName, SessionEvidence, Value,
    known::{
        Clock, Entry, Known, Lack, Read, absent, after, gone, missing, not_sent, text, undecidable, whole_seconds,
    },
    node::NodeFacts,
};
use crate::{
    compliance::parameters::{Parameters, in_scope, matches_pattern},
    domain::{
        AccessType, Fact, Missing, NodeKind, Owner, ScopeId, Session, SessionDocument, SessionStatus, SessionType,
        Source, Why,
    },
};

const LISTING: Source = "ssm:DescribeSessions";
/// Minutes; what the service takes without an idleSessionTimeout (AWS General Reference, Session Manager quotas).
pub(super) const DEFAULT_IDLE: u32 = 20;

/// Reads facts of one session at one moment.
pub(in crate::compliance) struct SessionReader<'a> {
    pub(super) evidence: SessionEvidence<'a>,
    pub(super) parameters: &'a Parameters,
    pub(super) clock: Clock,
}

impl<'a> SessionReader<'a> {
    pub(in crate::compliance) fn new(
        evidence: &SessionEvidence<'a>,
        parameters: &'a Parameters,
        now: Timestamp,
    ) -> Self {
        let session = evidence.session;
        let ended = matches!(session.status, SessionStatus::Terminated | SessionStatus::Failed);
        let end = ended.then(|| session.ended_at.unwrap_or(evidence.status_since));
        let clock = Clock { now, stale_after: parameters.stale_after, end };
        Self { evidence: *evidence, parameters, clock }
    }

    /// The fact of that name.
    pub(in crate::compliance) fn read(&self, name: FactName) -> Entry<'a> {
        self.value(name).into()
    }

    fn value(&self, name: FactName) -> Read<Value<'a>> {
        let session = self.evidence.session;
        let key = &session.key;
        match name {
            FactName::SessionId => self.fixed(Value::Text(key.id.as_str().into())),
            FactName::Account => self.fixed(Value::Text(key.scope.account.as_str().into())),
            FactName::Region => self.fixed(Value::Text(key.scope.region.as_str().into())),
            FactName::Target => self.fixed(Value::Text(session.target.as_str().into())),
            FactName::NodeKind => self.fixed(Value::Text(kind_word(NodeKind::of(&session.target)).into())),
            FactName::Owner => self.fixed(Value::Text((&*session.owner).into())),
            FactName::Reason => self.fixed(Value::Text(reason(session).into())),
            FactName::ReasonMatchesTicketPattern => match &self.parameters.ticket_pattern {
                Some(pattern) => self.fixed(Value::Flag(pattern.is_match(reason(session)))),
                None => Err(Lack::Absent { why: "no ticket pattern is configured".to_owned(), expires: None }),
            },
            FactName::AccessType => self.fixed(Value::Text(access_word(session.access).into())),
            FactName::Document => {
                self.fixed(Value::Text(document_name_or_arn(session).unwrap_or_else(|| document_arn(session))))
            }
            FactName::DocumentArn => self.fixed(Value::Text(document_arn(session))),
            FactName::DocumentName => self.fixed(Value::Text(session.document_name().into())),
            FactName::Status => Ok(self.listed()?.map(|session| Value::Text(session.status.as_str().into()))),
            FactName::Ended => Ok(self.listed()?.map(|_| Value::Flag(self.clock.end.is_some()))),
            FactName::StatusSeconds => Ok(self.listed()?.map(|_| self.clock.since(self.evidence.status_since))),
            FactName::AgeSeconds => self.listed()?.and(
                |session| {
                    let started = session.started_at?;
                    Some(match self.clock.end {
                        Some(end) => Value::Seconds(whole_seconds(started, end)),
                        None => self.clock.since(started),
                    })
                },
                || not_sent("StartDate"),
            ),
            FactName::SecondsSinceEnd => self.ended()?.and(|end| Some(self.clock.since(end)), || not_sent("EndDate")),
            FactName::TenthOfDurationSeconds => {
                self.ended()?.and(|_| self.tenth_of_duration().map(Value::Seconds), || not_sent("StartDate"))
            }
            FactName::DurationLimited => {
                Ok(self.listed()?.map(|session| Value::Flag(session.max_duration_minutes.is_some())))
            }
            FactName::MaxDurationSeconds => self.listed()?.if_any(
                |session| session.max_duration_minutes.map(|minutes| Value::Seconds(i64::from(minutes) * 60)),
                || "the session has no maximal duration".to_owned(),
            ),
            FactName::SessionType => self.document(
                |document| Value::Text(document.session_type.as_str().into()),
                || Value::Text(SessionType::StandardStream.as_str().to_owned().into()),
            ),
            FactName::StreamingEnabled => {
                self.document(|document| Value::Flag(document.inputs.streaming), || Value::Flag(false))
            }
            FactName::LogGroup => self
                .document(|document| Value::Text(document.inputs.log_group.as_str().into()), || Value::Text("".into())),
            FactName::LogStreamExists => {
                Ok(self.clock.fresh(self.evidence.log_stream)?.map(|stream| Value::Flag(stream.is_some())))
            }
            FactName::LogStreamSoughtAtAgeSeconds => {
                let looked = self.clock.fresh(self.evidence.log_stream)?;
                let at = looked.at;
                looked.and(
                    |_| session.started_at.map(|started| Value::Seconds(whole_seconds(started, at))),
                    || not_sent("StartDate"),
                )
            }
            FactName::ArchiveBucket => self.archive_bucket(),
            FactName::ArchiveObjectExists => Ok(self.archive()?.map(|object| Value::Flag(object.is_some()))),
            FactName::ArchiveObjectSize => self.archive()?.if_any(
                |object| object.as_ref().map(|object| Value::Number(object.size)),
                || "there is no archive object".to_owned(),
            ),
            FactName::RolePolicies => self.role_policies(),
            FactName::MandatoryPolicy | FactName::ProductionTag | FactName::NodeTags => self.node_facts().value(name),
            FactName::HasInstanceProfile
            | FactName::NodeRole
            | FactName::NodeName
            | FactName::Platform
            | FactName::AgentVersion
            | FactName::AgentVersionNumber
            | FactName::PingStatus => self.node_facts().value(name),
            FactName::PrincipalType => self.fixed(text(match Owner::parse(&session.owner) {
                Owner::Root => "root",
                Owner::User(_) => "user",
                Owner::Role { .. } => "role",
                Owner::Federated(_) => "federated",
                Owner::Other(_) => "other",
            })),
            FactName::OwnerAllowed => {
                let allowed = &self.parameters.allowed_principals;
                self.fixed(Value::Flag(allowed.iter().any(|pattern| matches_pattern(pattern, &session.owner))))
            }
            FactName::StartedInAllowedHours => match (&self.parameters.allowed_hours, session.started_at) {
                (None, _) => Err(absent("no allowed hours are configured")),
                (Some(_), None) => Err(missing(not_sent("StartDate"))),
                (Some(hours), Some(started)) => self.fixed(Value::Flag(hours.allow(started))),
            },
            FactName::PrincipalSessions => self.counted(self.evidence.concurrency.sessions),
            FactName::PrincipalNodes => self.counted(self.evidence.concurrency.nodes),
            FactName::FirstOfPrincipal => match self.evidence.first_of_principal {
                // What was found out about the past does not grow old.
                Fact::Known { value, source, at } => {
                    Ok(Known { value: Value::Flag(*value), source, at: *at, expires: None })
                }
                Fact::Missing(missing) => Err(Lack::Missing(missing.clone())),
            },
            FactName::DocumentOwner => self.standing().map(|known| known.map(|standing| text(&*standing.owner))),
            FactName::DocumentPublic => {
                let standing = self.standing()?;
                Ok(self.clock.fresh(&standing.value.public)?.map(|public| Value::Flag(*public)))
            }
            FactName::IdleTimeoutSeconds => {
                let minutes = |minutes: Option<u32>| Value::Seconds(i64::from(minutes.unwrap_or(DEFAULT_IDLE)) * 60);
                self.document(|document| minutes(document.inputs.idle_timeout_minutes), || minutes(None))
            }
            FactName::StreamChange
            | FactName::QuietSeconds
            | FactName::SaturatedFlushes
            | FactName::PayloadMismatch
            | FactName::RunAsUsers
            | FactName::BackwardsSeconds
            | FactName::ClockGapSeconds
            | FactName::DelayedReads
            | FactName::DelaySeconds => self.stream(name),
            FactName::DeniedActions => self.denied_actions(),
            FactName::RoleChange => self.role_change(),
            FactName::Mfa
            | FactName::SourceIps
            | FactName::SourceIpsAllowed
            | FactName::UserAgent
            | FactName::LongTermKey
            | FactName::RemoteHost
            | FactName::RemoteHostDenied
            | FactName::RemotePort => self.trail(name),
            FactName::TagPairMismatch
            | FactName::ApprovedAtStart
            | FactName::ApprovalTagPresent
            | FactName::ApprovalTagSeconds => self.principal(name),
            FactName::JitCovered | FactName::JitDecision => self.just_in_time(name),
            FactName::ArchiveObjectEncryption => self.archive()?.if_any(
                |object| object.as_ref().map(|object| text(object.encryption.as_deref().unwrap_or_default())),
                || "there is no archive object".to_owned(),
            ),
            FactName::ArchiveObjectAfterEnd => {
                let object = self.archive()?;
                if object.value.is_none() {
                    return Err(absent("there is no archive object"));
                }
                object.and(
                    |object| {
                        let modified = object.as_ref()?.modified_at?;
                        // Both times are of whole seconds, and of two clocks.
                        let end = self.clock.end?.checked_sub(SignedDuration::from_secs(2)).ok()?;
                        Some(Value::Flag(modified >= end))
                    },
                    || not_sent("when the object was written"),
                )
            }
            // Facts of other subjects: the analysis refuses policies on sessions that read them.
            _ => Err(absent("a session has no such fact")),
        }
    }

    /// What never changes in a session once it was listed.
    pub(super) fn fixed(&self, value: Value<'a>) -> Read<Value<'a>> {
        Ok(Known { value, source: LISTING, at: self.evidence.listed_at, expires: None })
    }

    /// What a listing says of the session's life.
    pub(super) fn listed(&self) -> Read<&'a Session> {
        let at = self.evidence.listed_at;
        // An end is final, however long ago it was listed.
        let expires = if self.clock.end.is_some() { None } else { after(at, self.parameters.stale_after) };
        self.clock.unless_stale(self.evidence.session, LISTING, at, expires)
    }

    /// A number of what else the principal does.
    fn counted(&self, number: i64) -> Read<Value<'a>> {
        match self.evidence.concurrency.uncounted {
            Some(why) => Err(undecidable(why)),
            None => Ok(self.listed()?.map(|_| Value::Number(number))),
        }
    }

    fn ended(&self) -> Read<Timestamp> {
        self.listed()?.if_any(|_| self.clock.end, || "the session has not ended".to_owned())
    }

    pub(super) fn node_facts(&self) -> NodeFacts<'a> {
        NodeFacts {
            scope: &self.evidence.session.key.scope,
            properties: self.evidence.node,
            tags: self.evidence.tags,
            parameters: self.parameters,
            clock: self.clock,
        }
    }

    /// Whose the session's document is.
    fn standing(&self) -> Read<&'a crate::domain::DocumentStanding> {
        self.clock
            .fresh(self.evidence.standing)?
            .and(Option::as_ref, || gone("ssm:DescribeDocument", "there is no such document"))
    }

    /// The policies of the role that governs the node.
    pub(super) fn role(&self) -> Read<&'a crate::domain::RolePolicies> {
        // Without the node nobody knows which role to ask for; the node's own reason is the one to act on.
        if let Fact::Missing(Missing { why: Why::NotRead, .. }) = self.evidence.role_policies
            && let Err(lack) = self.value(FactName::NodeRole)
        {
            return Err(match lack {
                Lack::Missing(Missing { retry_at, .. }) => {
                    Lack::Missing(Missing { why: Why::DependsOn(FactName::NodeRole.as_str()), retry_at })
                }
                Lack::Unclear { expires, .. } => {
                    Lack::Unclear { why: Why::DependsOn(FactName::NodeRole.as_str()), expires }
                }
                absent @ Lack::Absent { .. } => absent,
            });
        }
        self.clock
            .fresh(self.evidence.role_policies)?
            .and(Option::as_ref, || gone("iam:ListAttachedRolePolicies", "there is no such role"))
    }

    fn role_policies(&self) -> Read<Value<'a>> {
        Ok(self.role()?.map(|policies| {
            let account = self.evidence.session.key.scope.account.as_str();
            let names = policies.attached.iter().filter_map(|arn| own_policy_name(arn, account));
            Value::Texts(policies.attached.iter().map(|arn| &**arn).chain(names).map(Cow::Borrowed).collect())
        }))
    }

    /// Reads the session's document. A scope may have no preferences document: the service then runs its default shell,
    /// which logs nothing.
    pub(super) fn document(
        &self,
        then: impl FnOnce(&'a SessionDocument) -> Value<'a>,
        service_default: impl FnOnce() -> Value<'a>,
    ) -> Read<Value<'a>> {
        let session = self.evidence.session;
        let own_default = document_name_or_arn(session).is_some_and(|name| name == Session::DEFAULT_DOCUMENT);
        if own_default {
            return Ok(self.clock.fresh(self.evidence.preferences)?.map(|document| match document {
                Some(document) => then(document),
                None => service_default(),
            }));
        }
        self.clock
            .fresh(self.evidence.document)?
            .and(|document| document.as_ref().map(then), || gone("ssm:GetDocument", "there is no such document"))
    }

    /// The configured bucket, else the one that the session's document names.
    fn archive_bucket(&self) -> Read<Value<'a>> {
        if let Some(bucket) = &self.parameters.log_bucket {
            let scope = &self.evidence.session.key.scope;
            return Ok(self.clock.configured(Value::Text(in_scope(bucket, scope).into())));
        }
        let bucket = |document: &'a SessionDocument| Value::Text(document.inputs.s3_bucket.as_str().into());
        if is_amazons(self.evidence.session.document_name()) {
            // Amazon's documents have no inputs of their own: the account's preferences are all there is.
            return Ok(self.clock.fresh(self.evidence.preferences)?.map(|document| match document {
                Some(document) => bucket(document),
                None => Value::Text("".into()),
            }));
        }
        self.document(bucket, || Value::Text("".into()))
    }

    fn tenth_of_duration(&self) -> Option<i64> {
        Some(whole_seconds(self.evidence.session.started_at?, self.clock.end?) / 10)
    }

    /// An object that was found stays found. One that was not found decides only if somebody looked when the grace was
    /// all but over: an earlier look is not relied on once it is.
    fn archive(&self) -> Read<&'a Option<crate::domain::ArchiveObject>> {
        let (value, source, at) = match self.evidence.archive {
            Fact::Known { value, source, at } => (value, *source, *at),
            Fact::Missing(missing) => return Err(Lack::Missing(missing.clone())),
        };
        // How long the object may take depends on how long the session was.
        if value.is_none() && self.evidence.session.started_at.is_none() && self.clock.end.is_some() {
            return Err(missing(not_sent("StartDate")));
        }
        let grace =
            self.parameters.archive_grace.max(SignedDuration::from_secs(self.tenth_of_duration().unwrap_or_default()));
        let grace_over = self.clock.end.and_then(|end| after(end, grace));
        let expires = match (value, grace_over) {
            (None, Some(over)) if after(at, self.parameters.stale_after).is_some_and(|old| old < over) => {
                // The grace's last second belongs to it.
                after(over, SignedDuration::from_secs(1))
            }
            _ => None,
        };
        self.clock.unless_stale(value, source, at, expires)
    }
}

pub(super) fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Ec2 => "ec2",
        NodeKind::Hybrid => "hybrid",
        NodeKind::Other => "other",
    }
}

/// An absent AccessType is Standard: "Standard" is the service's documented default for sessions.
fn access_word(access: Option<AccessType>) -> &'static str {
    match access {
        Some(AccessType::JustInTime) => "JustInTime",
        Some(AccessType::Standard) | None => "Standard",
    }
}

fn reason(session: &Session) -> &str {
    session.reason.as_deref().unwrap_or_default().trim()
}

/// The name of a policy of that account, from its ARN; paths do not matter. Amazon's own and other accounts' have none.
fn own_policy_name<'a>(arn: &'a str, account: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(_), Some("iam"), Some(_), Some(owner), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let path = resource.strip_prefix("policy/")?;
    (owner == account).then(|| path.rsplit('/').next().unwrap_or(path))
}

/// Amazon's documents have no account in their ARN, and names whose prefixes are reserved.
fn is_amazons(name: &str) -> bool {
    name.starts_with("AWS-") || name.starts_with("Amazon")
}

/// The document's bare name, if the document is of this account and region, or Amazon's.
pub(super) fn document_name_or_arn(session: &Session) -> Option<Cow<'_, str>> {
    let document = session.document.as_deref().unwrap_or(Session::DEFAULT_DOCUMENT);
    if !document.starts_with("arn:") {
        return Some(document.into());
    }
    let mut parts = document.splitn(6, ':');
    let (Some(_), Some(_), Some("ssm"), Some(region), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let name = resource.strip_prefix("document/")?;
    let scope = &session.key.scope;
    let own = account == scope.account.as_str() && region == scope.region.as_str();
    (own || account.is_empty() && is_amazons(name)).then(|| name.into())
}

/// The document's full ARN.
fn document_arn(session: &Session) -> Cow<'_, str> {
    let document = session.document.as_deref().unwrap_or(Session::DEFAULT_DOCUMENT);
    if document.starts_with("arn:") {
        return document.into();
    }
    let ScopeId { account, region } = &session.key.scope;
    let partition = match region.as_str() {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let account = if is_amazons(document) { "" } else { account.as_str() };
    format!("arn:{partition}:ssm:{region}:{account}:document/{document}").into()
}
