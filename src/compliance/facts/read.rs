//! How each fact is read from the evidence.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::{FactName, SessionEvidence, Value, governing_role};
use crate::{
    compliance::parameters::{Parameters, in_scope},
    domain::{
        AccessType, Fact, Failure, FailureClass, Missing, Node, NodeKind, ScopeId, Session, SessionDocument,
        SessionStatus, SessionType, Source, Why,
    },
};

const LISTING: Source = "ssm:DescribeSessions";
const CONFIG: Source = "config";

/// One fact as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::compliance) enum Entry<'a> {
    /// Known.
    Known {
        /// The value.
        value: Value<'a>,
        /// Where it was read.
        source: Source,
        /// When.
        at: Timestamp,
        /// From when on it is too old to be relied on.
        expires: Option<Timestamp>,
    },
    /// Known to be nothing: a policy may ask for it with `has`, but reading it is an error.
    Absent {
        /// Why there is none.
        why: String,
        /// From when on that is too old to be relied on.
        expires: Option<Timestamp>,
    },
    /// Missing.
    Missing(Missing),
}

impl Entry<'_> {
    /// From when on it counts as missing.
    pub(in crate::compliance) fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Known { expires, .. } | Self::Absent { expires, .. } => *expires,
            Self::Missing(_) => None,
        }
    }
}

/// Something that was read, on its way to a value.
struct Known<T> {
    value: T,
    source: Source,
    at: Timestamp,
    expires: Option<Timestamp>,
}

/// Why there is no value.
enum Lack {
    Absent { why: String, expires: Option<Timestamp> },
    Missing(Missing),
}

type Read<T> = Result<Known<T>, Lack>;

impl<T> Known<T> {
    fn map<U>(self, then: impl FnOnce(T) -> U) -> Known<U> {
        Known { value: then(self.value), source: self.source, at: self.at, expires: self.expires }
    }

    /// A value that should be there: missing if it is not, for that reason.
    fn and<U>(self, then: impl FnOnce(T) -> Option<U>, lacks: impl FnOnce() -> Why) -> Read<U> {
        match then(self.value) {
            Some(value) => Ok(Known { value, source: self.source, at: self.at, expires: self.expires }),
            None => Err(missing(lacks())),
        }
    }

    /// A value that need not be there.
    fn if_any<U>(self, then: impl FnOnce(T) -> Option<U>, why: impl FnOnce() -> String) -> Read<U> {
        match then(self.value) {
            Some(value) => Ok(Known { value, source: self.source, at: self.at, expires: self.expires }),
            None => Err(Lack::Absent { why: why(), expires: self.expires }),
        }
    }
}

fn missing(why: Why) -> Lack {
    Lack::Missing(Missing { why, retry_at: None })
}

fn gone(action: &'static str, message: &str) -> Why {
    Why::Failed(Failure { class: FailureClass::Gone, action, code: None, message: message.to_owned() })
}

fn not_sent(what: &str) -> Why {
    Why::Pending(format!("AWS has not sent {what}"))
}

/// Whole seconds from `from` to `to`, rounded down; negative where clocks disagree.
pub(in crate::compliance) fn whole_seconds(from: Timestamp, to: Timestamp) -> i64 {
    let between = to.duration_since(from);
    between.as_secs() - i64::from(between.subsec_nanos() < 0)
}

/// Later by that much; past the end of time: never.
fn after(moment: Timestamp, duration: SignedDuration) -> Option<Timestamp> {
    moment.checked_add(duration).ok()
}

/// Reads facts of one session at one moment.
pub(in crate::compliance) struct Reader<'a> {
    evidence: SessionEvidence<'a>,
    parameters: &'a Parameters,
    now: Timestamp,
    /// When the session ended, if it has; the end of all change in it.
    end: Option<Timestamp>,
}

impl<'a> Reader<'a> {
    pub(in crate::compliance) fn new(
        evidence: &SessionEvidence<'a>,
        parameters: &'a Parameters,
        now: Timestamp,
    ) -> Self {
        let session = evidence.session;
        let ended = matches!(session.status, SessionStatus::Terminated | SessionStatus::Failed);
        let end = ended.then(|| session.ended_at.unwrap_or(evidence.status_since));
        Self { evidence: *evidence, parameters, now, end }
    }

    /// The fact of that name.
    pub(in crate::compliance) fn read(&self, name: FactName) -> Entry<'a> {
        match self.value(name) {
            Ok(Known { value, source, at, expires }) => Entry::Known { value, source, at, expires },
            Err(Lack::Absent { why, expires }) => Entry::Absent { why, expires },
            Err(Lack::Missing(missing)) => Entry::Missing(missing),
        }
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
            FactName::Ended => Ok(self.listed()?.map(|_| Value::Flag(self.end.is_some()))),
            FactName::StatusSeconds => Ok(self.listed()?.map(|_| self.since(self.evidence.status_since, self.now))),
            FactName::AgeSeconds => self.listed()?.and(
                |session| {
                    let started = session.started_at?;
                    Some(match self.end {
                        Some(end) => Value::Seconds(whole_seconds(started, end)),
                        None => self.since(started, self.now),
                    })
                },
                || not_sent("StartDate"),
            ),
            FactName::SecondsSinceEnd => {
                self.ended()?.and(|end| Some(self.since(end, self.now)), || not_sent("EndDate"))
            }
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
                Ok(self.fresh(self.evidence.log_stream)?.map(|stream| Value::Flag(stream.is_some())))
            }
            FactName::LogStreamSoughtAtAgeSeconds => {
                let looked = self.fresh(self.evidence.log_stream)?;
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
            FactName::HasInstanceProfile => Ok(self.node()?.map(|node| Value::Flag(node.instance_role.is_some()))),
            FactName::NodeRole => self.node_text(governing_role, "a role"),
            FactName::RolePolicies => self.role_policies(),
            FactName::MandatoryPolicy => {
                Ok(self.configured(Value::Text(in_scope(&self.parameters.mandatory_policy, &key.scope).into())))
            }
            FactName::ProductionTag => Ok(self.fresh(self.evidence.tags)?.map(|tags| {
                let production = &self.parameters.production_tag;
                let tag = tags.iter().find(|(key, value)| production.matches(key, value));
                Value::Text(tag.map(|(key, value)| format!("{key}={value}")).unwrap_or_default().into())
            })),
            FactName::NodeTags => Ok(self.fresh(self.evidence.tags)?.map(Value::Tags)),
            FactName::NodeName => self.node_text(|node| node.name.as_ref(), "a name"),
            FactName::Platform => self.node_text(|node| node.platform.as_ref(), "its platform"),
            FactName::AgentVersion => self.node_text(|node| node.agent_version.as_ref(), "its agent's version"),
            FactName::PingStatus => self.node_text(|node| node.ping_status.as_ref(), "its ping status"),
        }
    }

    /// What never changes in a session once it was listed.
    fn fixed(&self, value: Value<'a>) -> Read<Value<'a>> {
        Ok(Known { value, source: LISTING, at: self.evidence.listed_at, expires: None })
    }

    fn configured<T>(&self, value: T) -> Known<T> {
        Known { value, source: CONFIG, at: self.now, expires: None }
    }

    fn since(&self, anchor: Timestamp, now: Timestamp) -> Value<'a> {
        Value::Since(anchor, whole_seconds(anchor, now))
    }

    /// When something that was read then is too old. After the end nothing in a session changes any more: then it is
    /// too old if it was so at the end.
    fn expiry(&self, at: Timestamp) -> Option<Timestamp> {
        let expires = after(at, self.parameters.stale_after)?;
        self.end.is_none_or(|end| expires <= end).then_some(expires)
    }

    fn unless_stale<T>(&self, value: T, source: Source, at: Timestamp, expires: Option<Timestamp>) -> Read<T> {
        if expires.is_some_and(|expires| expires <= self.now) {
            return Err(missing(Why::Stale(at)));
        }
        Ok(Known { value, source, at, expires })
    }

    /// What a listing says of the session's life.
    fn listed(&self) -> Read<&'a Session> {
        let at = self.evidence.listed_at;
        // An end is final, however long ago it was listed.
        let expires = if self.end.is_some() { None } else { after(at, self.parameters.stale_after) };
        self.unless_stale(self.evidence.session, LISTING, at, expires)
    }

    fn fresh<T>(&self, fact: &'a Fact<T>) -> Read<&'a T> {
        match fact {
            Fact::Known { value, source, at } => self.unless_stale(value, source, *at, self.expiry(*at)),
            Fact::Missing(missing) => Err(Lack::Missing(missing.clone())),
        }
    }

    fn ended(&self) -> Read<Timestamp> {
        self.listed()?.if_any(|_| self.end, || "the session has not ended".to_owned())
    }

    fn node(&self) -> Read<&'a Node> {
        self.fresh(self.evidence.node)?
            .and(Option::as_ref, || gone("ssm:DescribeInstanceProperties", "Systems Manager knows no such node"))
    }

    fn node_text(&self, text: impl FnOnce(&'a Node) -> Option<&'a std::sync::Arc<str>>, what: &str) -> Read<Value<'a>> {
        self.node()?.if_any(
            |node| text(node).map(|text| Value::Text((&**text).into())),
            || format!("the node does not report {what}"),
        )
    }

    fn role_policies(&self) -> Read<Value<'a>> {
        // Without the node nobody knows which role to ask for; the node's own reason is the one to act on.
        if let Fact::Missing(Missing { why: Why::NotRead, .. }) = self.evidence.role_policies
            && let Err(lack) = self.value(FactName::NodeRole)
        {
            return Err(match lack {
                Lack::Missing(Missing { retry_at, .. }) => {
                    Lack::Missing(Missing { why: Why::DependsOn(FactName::NodeRole.as_str()), retry_at })
                }
                absent @ Lack::Absent { .. } => absent,
            });
        }
        let policies = self
            .fresh(self.evidence.role_policies)?
            .and(Option::as_ref, || gone("iam:ListAttachedRolePolicies", "there is no such role"))?;
        Ok(policies.map(|policies| {
            let account = self.evidence.session.key.scope.account.as_str();
            let names = policies.attached.iter().filter_map(|arn| own_policy_name(arn, account));
            Value::Texts(policies.attached.iter().map(|arn| &**arn).chain(names).map(Cow::Borrowed).collect())
        }))
    }

    /// Reads the session's document. A scope may have no preferences document: the service then runs its default shell,
    /// which logs nothing.
    fn document(
        &self,
        then: impl FnOnce(&'a SessionDocument) -> Value<'a>,
        service_default: impl FnOnce() -> Value<'a>,
    ) -> Read<Value<'a>> {
        let session = self.evidence.session;
        let own_default = document_name_or_arn(session).is_some_and(|name| name == Session::DEFAULT_DOCUMENT);
        if own_default {
            return Ok(self.fresh(self.evidence.preferences)?.map(|document| match document {
                Some(document) => then(document),
                None => service_default(),
            }));
        }
        self.fresh(self.evidence.document)?
            .and(|document| document.as_ref().map(then), || gone("ssm:GetDocument", "there is no such document"))
    }

    /// The configured bucket, else the one that the session's document names.
    fn archive_bucket(&self) -> Read<Value<'a>> {
        if let Some(bucket) = &self.parameters.log_bucket {
            let scope = &self.evidence.session.key.scope;
            return Ok(self.configured(Value::Text(in_scope(bucket, scope).into())));
        }
        let bucket = |document: &'a SessionDocument| Value::Text(document.inputs.s3_bucket.as_str().into());
        if is_amazons(self.evidence.session.document_name()) {
            // Amazon's documents have no inputs of their own: the account's preferences are all there is.
            return Ok(self.fresh(self.evidence.preferences)?.map(|document| match document {
                Some(document) => bucket(document),
                None => Value::Text("".into()),
            }));
        }
        self.document(bucket, || Value::Text("".into()))
    }

    fn tenth_of_duration(&self) -> Option<i64> {
        Some(whole_seconds(self.evidence.session.started_at?, self.end?) / 10)
    }

    /// An object that was found stays found. One that was not found decides only if somebody looked when the grace was
    /// all but over: an earlier look is not relied on once it is.
    fn archive(&self) -> Read<&'a Option<crate::domain::ArchiveObject>> {
        let (value, source, at) = match self.evidence.archive {
            Fact::Known { value, source, at } => (value, *source, *at),
            Fact::Missing(missing) => return Err(Lack::Missing(missing.clone())),
        };
        let grace =
            self.parameters.archive_grace.max(SignedDuration::from_secs(self.tenth_of_duration().unwrap_or_default()));
        let grace_over = self.end.and_then(|end| after(end, grace));
        let expires = match (value, grace_over) {
            (None, Some(over)) if after(at, self.parameters.stale_after).is_some_and(|old| old < over) => {
                // The grace's last second belongs to it.
                after(over, SignedDuration::from_secs(1))
            }
            _ => None,
        };
        self.unless_stale(value, source, at, expires)
    }
}

fn kind_word(kind: NodeKind) -> &'static str {
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
fn document_name_or_arn(session: &Session) -> Option<Cow<'_, str>> {
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
