//! CloudTrail's event history: the calls that make, resume and end sessions, and changes of principals' tags.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_cloudtrail::{
    config::retry::RetryConfig,
    types::{LookupAttribute, LookupAttributeKey},
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use serde_json::Value;

use super::{failure::other, page::Page, scope::ScopeClient};
use crate::domain::{Failure, Mfa, Region, SessionId, TagChange, TrailCall, TrailEvent};

/// The IAM action of every lookup.
pub const LOOKUP_EVENTS: &str = "cloudtrail:LookupEvents";
/// The largest page that LookupEvents gives.
/// docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
const PAGE: i32 = 50;
/// Records that name more than this are somebody's flood, not tags or parameters: IAM takes 50 tags, a document far fewer parameters.
const MOST_ENTRIES: usize = 64;

/// One page of records, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct TrailPage<T> {
    /// What could be read.
    pub records: Vec<T>,
    /// The time of the page's oldest record, read or not.
    pub oldest: Option<Timestamp>,
    /// Records of calls that failed: nothing came of them.
    pub refused: usize,
    /// Records that make no sense.
    pub garbled: usize,
    /// Where the next page starts; nothing: this was the last.
    pub next: Option<String>,
}

/// The calls that change tags of roles and users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TagCall {
    /// iam:TagRole.
    TagRole,
    /// iam:UntagRole.
    UntagRole,
    /// iam:TagUser.
    TagUser,
    /// iam:UntagUser.
    UntagUser,
}

impl TagCall {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TagRole, Self::UntagRole, Self::TagUser, Self::UntagUser];

    /// `eventName`.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::TagRole => "TagRole",
            Self::UntagRole => "UntagRole",
            Self::TagUser => "TagUser",
            Self::UntagUser => "UntagUser",
        }
    }
}

/// Where CloudTrail records the calls to IAM, which is global, of a region's partition.
/// docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
pub fn global_events_region(region: &Region) -> Region {
    match region.as_str() {
        china if china.starts_with("cn-") => "cn-north-1".into(),
        government if government.starts_with("us-gov-") => "us-gov-west-1".into(),
        _ => "us-east-1".into(),
    }
}

impl ScopeClient {
    /// One page of the scope's records of a call since `from`, up to `to` (nothing: up to now, by the service's clock), newest first.
    /// A request is sent once: who asks counts requests.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn trail_page(
        &self,
        call: TrailCall,
        from: Timestamp,
        to: Option<Timestamp>,
        token: Option<String>,
    ) -> Result<TrailPage<TrailEvent>, Failure> {
        let region = self.id.region.clone();
        // The request and its settings are large; on the heap they do not add up with what awaits them.
        let page = Box::pin(self.lookup(&region, call.event_name(), from, to, token)).await?;
        Ok(read_all(page, |record| parse_event(record, call)))
    }

    /// One page of the account's changes of tags of roles or users, as [`ScopeClient::trail_page`].
    ///
    /// # Errors
    /// A classified failure.
    pub async fn tag_page(
        &self,
        call: TagCall,
        from: Timestamp,
        to: Option<Timestamp>,
        token: Option<String>,
    ) -> Result<TrailPage<TagChange>, Failure> {
        let region = global_events_region(&self.id.region);
        let page = Box::pin(self.lookup(&region, call.event_name(), from, to, token)).await?;
        Ok(read_all(page, |record| parse_tag_change(record, call)))
    }

    async fn lookup(
        &self,
        region: &Region,
        name: &str,
        from: Timestamp,
        to: Option<Timestamp>,
        token: Option<String>,
    ) -> Result<Page<aws_sdk_cloudtrail::types::Event>, Failure> {
        let attribute = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::EventName)
            .attribute_value(name)
            .build()
            .map_err(|error| other(LOOKUP_EVENTS, &error.to_string()))?;
        let settings = aws_sdk_cloudtrail::config::Builder::new()
            .region(aws_sdk_cloudtrail::config::Region::new(region.to_string()))
            .retry_config(RetryConfig::disabled());
        let request = self
            .cloudtrail
            .lookup_events()
            .lookup_attributes(attribute)
            .start_time(DateTime::from_secs(from.as_second()))
            .set_end_time(to.map(|to| DateTime::from_secs(to.as_second())))
            .max_results(PAGE)
            .set_next_token(token)
            .customize()
            .config_override(settings);
        let answer = self.send(LOOKUP_EVENTS, Box::pin(request.send())).await?;
        Ok(Page { items: answer.events.unwrap_or_default(), next: answer.next_token.filter(|next| !next.is_empty()) })
    }
}

/// What one record says.
#[derive(Debug, PartialEq)]
enum Reading<T> {
    Read(T),
    /// The call failed.
    Refused,
    /// Not what the format says.
    Garbled,
}

fn read_all<T>(page: Page<aws_sdk_cloudtrail::types::Event>, read: impl Fn(&str) -> Reading<T>) -> TrailPage<T> {
    let mut records = Vec::with_capacity(page.items.len());
    let (mut oldest, mut refused, mut garbled) = (None, 0, 0);
    for event in page.items {
        let at = event.event_time.and_then(|time| Timestamp::from_second(time.secs()).ok());
        oldest = at.into_iter().chain(oldest).min();
        match read(event.cloud_trail_event.as_deref().unwrap_or_default()) {
            Reading::Read(record) => records.push(record),
            Reading::Refused => refused += 1,
            Reading::Garbled => garbled += 1,
        }
    }
    TrailPage { records, oldest, refused, garbled, next: page.next }
}

/// What every record has.
struct Record {
    content: Value,
    event_id: Arc<str>,
    at: Timestamp,
}

impl Record {
    fn read(record: &str, name: &str) -> Reading<Self> {
        let Ok(content) = serde_json::from_str::<Value>(record) else { return Reading::Garbled };
        let event_id = text(&content, "/eventID");
        let at = content.pointer("/eventTime").and_then(Value::as_str).and_then(|at| at.parse().ok());
        let (Some(event_id), Some(at)) = (event_id, at) else { return Reading::Garbled };
        if content.get("eventName").and_then(Value::as_str) != Some(name) {
            return Reading::Garbled;
        }
        if text(&content, "/errorCode").is_some() {
            return Reading::Refused;
        }
        Reading::Read(Self { content, event_id, at })
    }
}

fn text(content: &Value, pointer: &str) -> Option<Arc<str>> {
    content.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Arc::from)
}

/// The record of a session's call. Other services have calls of the same name (Athena's TerminateSession): they are as garbled as what
/// is no record at all.
fn parse_event(record: &str, call: TrailCall) -> Reading<TrailEvent> {
    let Record { content, event_id, at } = match Record::read(record, call.event_name()) {
        Reading::Read(record) => record,
        Reading::Refused => return Reading::Refused,
        Reading::Garbled => return Reading::Garbled,
    };
    if content.get("eventSource").and_then(Value::as_str) != Some("ssm.amazonaws.com") {
        return Reading::Garbled;
    }
    let answered = text(&content, "/responseElements/sessionId");
    let session = match call {
        // What was started is only in the answer; a call that was denied has none.
        TrailCall::StartSession => answered,
        TrailCall::ResumeSession | TrailCall::TerminateSession => {
            answered.or_else(|| text(&content, "/requestParameters/sessionId"))
        }
    };
    let Some(session) = session else { return Reading::Refused };
    let mfa = match content.pointer("/userIdentity/sessionContext/attributes/mfaAuthenticated") {
        Some(Value::String(said)) if said.eq_ignore_ascii_case("true") => Mfa::Yes,
        Some(Value::String(said)) if said.eq_ignore_ascii_case("false") => Mfa::No,
        Some(Value::Bool(true)) => Mfa::Yes,
        Some(Value::Bool(false)) => Mfa::No,
        _ => Mfa::Unknown,
    };
    Reading::Read(TrailEvent {
        event_id,
        call,
        at,
        session: SessionId::from(&*session),
        source_ip: text(&content, "/sourceIPAddress"),
        user_agent: text(&content, "/userAgent"),
        mfa,
        identity_type: text(&content, "/userIdentity/type").unwrap_or_default(),
        identity_arn: text(&content, "/userIdentity/arn"),
        issuer_arn: text(&content, "/userIdentity/sessionContext/sessionIssuer/arn"),
        access_key_id: text(&content, "/userIdentity/accessKeyId"),
        document: text(&content, "/requestParameters/documentName"),
        parameters: parameters(content.pointer("/requestParameters/parameters")),
    })
}

/// Document parameters: lists of strings, in some records bare strings. A text in their place was hidden by the service.
fn parameters(content: Option<&Value>) -> BTreeMap<String, Vec<String>> {
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let Some(Value::Object(entries)) = content else { return BTreeMap::new() };
    let entries = entries.iter().take(MOST_ENTRIES).map(|(key, value)| {
        let values = match value {
            Value::Array(items) => items.iter().take(MOST_ENTRIES).filter_map(word).collect(),
            single => word(single).into_iter().collect(),
        };
        (key.clone(), values)
    });
    entries.collect()
}

fn parse_tag_change(record: &str, call: TagCall) -> Reading<TagChange> {
    let Record { content, event_id, at } = match Record::read(record, call.event_name()) {
        Reading::Read(record) => record,
        Reading::Refused => return Reading::Refused,
        Reading::Garbled => return Reading::Garbled,
    };
    if content.get("eventSource").and_then(Value::as_str) != Some("iam.amazonaws.com") {
        return Reading::Garbled;
    }
    let user = matches!(call, TagCall::TagUser | TagCall::UntagUser);
    let principal = text(&content, if user { "/requestParameters/userName" } else { "/requestParameters/roleName" });
    let Some(principal) = principal else { return Reading::Garbled };
    let list = |key: &str| {
        let items = content.pointer("/requestParameters").and_then(|request| request.get(key)?.as_array());
        items.map(|items| items.iter().take(MOST_ENTRIES)).into_iter().flatten()
    };
    let (mut set, mut removed) = (BTreeMap::new(), Vec::new());
    match call {
        TagCall::TagRole | TagCall::TagUser => {
            for tag in list("tags") {
                let Some(key) = tag.get("key").and_then(Value::as_str) else { return Reading::Garbled };
                set.insert(key.to_owned(), tag.get("value").and_then(Value::as_str).unwrap_or_default().to_owned());
            }
        }
        TagCall::UntagRole | TagCall::UntagUser => {
            removed.extend(list("tagKeys").filter_map(Value::as_str).map(str::to_owned));
        }
    }
    if set.is_empty() && removed.is_empty() {
        return Reading::Garbled;
    }
    Reading::Read(TagChange { event_id, at, principal, user, set, removed })
}

#[cfg(test)]
#[path = "trail_tests.rs"]
mod tests;
