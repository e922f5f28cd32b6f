//! Session logs in CloudWatch Logs: streams and events.

use std::{collections::HashMap, sync::Arc};

use aws_sdk_cloudwatchlogs::types::{LogStream as SdkStream, OrderBy};
use jiff::Timestamp;

use super::{
    failure::other,
    page::{Page, all_pages},
    scope::{ScopeClient, from_millis},
};
use crate::domain::{Failure, LogEvent, LogStream, SessionId};

const FILTER: &str = "logs:FilterLogEvents";
const GROUP_PAGES: usize = 40;
const GROUPS: &str = "logs:DescribeLogGroups";
const STREAMS: &str = "logs:DescribeLogStreams";
const EVENTS: &str = "logs:GetLogEvents";
/// The largest page of DescribeLogStreams.
const STREAMS_PAGE: i32 = 50;
/// 500 streams by recency; what is not among them is looked up by name.
const RECENT_PAGES: usize = 10;
const PREFIX_PAGES: usize = 4;
/// The largest page of GetLogEvents.
const EVENTS_PAGE: i32 = 10_000;

/// A page of a log stream.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// Its events, in the service's order.
    pub events: Vec<LogEvent>,
    /// Where the next page starts; valid for 24 hours.
    pub next: String,
    /// There is nothing behind this page for now.
    pub caught_up: bool,
}

impl ScopeClient {
    /// Looks for the streams of `wanted` among the most recently written ones of the group, back to `oldest`. What is not found may still be there:
    /// AWS orders by a time that may lag, and the search is bounded.
    ///
    /// # Errors
    /// A classified failure of any page; `Gone`: there is no such group.
    pub async fn recent_log_streams(
        &self,
        group: &Arc<str>,
        wanted: &[SessionId],
        oldest: Option<Timestamp>,
    ) -> Result<HashMap<SessionId, LogStream>, Failure> {
        let mut found = HashMap::new();
        let mut token: Option<String> = None;
        for _ in 0..RECENT_PAGES {
            let request = self
                .logs
                .describe_log_streams()
                .log_group_name(&**group)
                .order_by(OrderBy::LastEventTime)
                .descending(true)
                .limit(STREAMS_PAGE)
                .set_next_token(token.clone());
            let answer = self.send(STREAMS, request.send()).await?;
            let streams = answer.log_streams.unwrap_or_default();
            let past_oldest = streams.last().is_some_and(|stream| {
                let last = stream.last_event_timestamp.or(stream.creation_time).and_then(from_millis);
                matches!((last, oldest), (Some(last), Some(oldest)) if last < oldest)
            });
            for stream in streams {
                let Some(name) = stream.log_stream_name.as_deref() else { continue };
                if let Some(id) = wanted.iter().find(|id| id.as_str() == name) {
                    found.insert(id.clone(), domain(group, &stream));
                }
            }
            let next = answer.next_token.filter(|next| !next.is_empty());
            if next.is_none() || next == token || past_oldest || found.len() == wanted.len() {
                break;
            }
            token = next;
        }
        Ok(found)
    }

    /// The stream named exactly like the session; `None`: there is none.
    ///
    /// # Errors
    /// A classified failure; `Gone`: there is no such group.
    pub async fn log_stream(&self, group: &Arc<str>, session: &SessionId) -> Result<Option<LogStream>, Failure> {
        let streams = all_pages(STREAMS, PREFIX_PAGES, |token| {
            let request = self
                .logs
                .describe_log_streams()
                .log_group_name(&**group)
                .log_stream_name_prefix(session.as_str())
                .limit(STREAMS_PAGE)
                .set_next_token(token);
            async move {
                let answer = self.send(STREAMS, request.send()).await?;
                Ok(Page { next: answer.next_token, items: answer.log_streams.unwrap_or_default() })
            }
        })
        .await?;
        let stream = streams.iter().find(|stream| stream.log_stream_name.as_deref() == Some(session.as_str()));
        Ok(stream.map(|stream| domain(group, stream)))
    }

    /// Whether there is a log group of exactly that name.
    ///
    /// # Errors
    /// A classified failure of any page.
    pub async fn log_group_exists(&self, group: &str) -> Result<bool, Failure> {
        let mut token = None;
        for _ in 0..GROUP_PAGES {
            let request = self.logs.describe_log_groups().log_group_name_prefix(group).limit(STREAMS_PAGE);
            let answer = self.send(GROUPS, request.set_next_token(token).send()).await?;
            let mut found = answer.log_groups.unwrap_or_default().into_iter();
            if found.any(|found| found.log_group_name.as_deref() == Some(group)) {
                return Ok(true);
            }
            token = answer.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(false);
            }
        }
        Err(other(GROUPS, "more log groups begin with that name than are read"))
    }

    /// A page of the session's events: from the head, or from where `token` points. `since` bounds the first page only.
    ///
    /// # Errors
    /// A classified failure; `Gone`: there is no such stream or group (yet).
    pub async fn log_events(
        &self,
        group: &str,
        session: &SessionId,
        token: Option<&str>,
        since: Option<Timestamp>,
    ) -> Result<LogPage, Failure> {
        let request = self
            .logs
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(session.as_str())
            .start_from_head(true)
            .limit(EVENTS_PAGE)
            .set_start_time(since.filter(|_| token.is_none()).map(Timestamp::as_millisecond))
            .set_next_token(token.map(str::to_owned));
        let answer = self.send(EVENTS, request.send()).await?;
        let Some(next) = answer.next_forward_token.filter(|next| !next.is_empty()) else {
            return Err(other(EVENTS, "the answer has no forward token"));
        };
        let at = |millis: Option<i64>| millis.and_then(from_millis).unwrap_or(Timestamp::UNIX_EPOCH);
        let events = answer.events.unwrap_or_default().into_iter().map(|event| LogEvent {
            timestamp: at(event.timestamp),
            ingested_at: at(event.ingestion_time),
            message: event.message.unwrap_or_default(),
        });
        Ok(LogPage { events: events.collect(), caught_up: token == Some(next.as_str()), next })
    }
}

/// A page of a whole log group's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailPage {
    /// Stream name, event id, event; in the order of their time stamps.
    pub events: Vec<(String, String, LogEvent)>,
    /// Where the next page begins; nothing: this was the last.
    pub next: Option<String>,
}

impl ScopeClient {
    /// A page of all events of a log group since then.
    ///
    /// # Errors
    /// A classified failure; `Gone`: there is no such group.
    pub async fn tail_page(&self, group: &str, from: Timestamp, token: Option<String>) -> Result<TailPage, Failure> {
        let request = self.logs.filter_log_events().log_group_name(group).start_time(from.as_millisecond());
        let answer = self.send(FILTER, request.set_next_token(token).send()).await?;
        let at = |millis: Option<i64>| millis.and_then(from_millis).unwrap_or(Timestamp::UNIX_EPOCH);
        let events = answer.events.unwrap_or_default().into_iter().filter_map(|event| {
            let read = LogEvent {
                timestamp: at(event.timestamp),
                ingested_at: at(event.ingestion_time),
                message: event.message.unwrap_or_default(),
            };
            Some((event.log_stream_name?, event.event_id?, read))
        });
        Ok(TailPage { events: events.collect(), next: answer.next_token.filter(|next| !next.is_empty()) })
    }
}

fn domain(group: &Arc<str>, stream: &SdkStream) -> LogStream {
    LogStream {
        log_group: group.clone(),
        arn: stream.arn.as_deref().map(Arc::from),
        created_at: stream.creation_time.and_then(from_millis),
        last_event_at: stream.last_event_timestamp.and_then(from_millis),
    }
}
