//! Live Tail: what arrives in a log group, once a second, on an event stream.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{
    operation::start_live_tail::StartLiveTailOutput,
    types::{LiveTailSessionUpdate, StartLiveTailResponseStream as Frame},
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::retry::RetryConfig;
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    failure::{classify_stream, other, unreachable},
    nodes::partition,
    scope::{ScopeClient, from_millis},
};
use crate::domain::{Failure, LogEvent};

/// The permission that a live tail needs.
pub const START_LIVE_TAIL: &str = "logs:StartLiveTail";
/// The service sends an update each second, empty ones too. The SDK itself would wait for ever: none of its time-outs covers this stream.
const SILENCE: Duration = Duration::from_secs(15);
/// What the SDK puts before the host of every endpoint.
const PREFIX: &str = "stream-";
/// A live tail that ended without an error; what comes after it needs another one.
pub const LIVE_TAIL_ENDED: &str = "end of stream";

/// A running live tail of one log group. It ends when it is dropped; the service ends it after three hours.
#[derive(Debug)]
pub struct LiveTail {
    answer: StartLiveTailOutput,
}

/// What arrived within about a second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveTailUpdate {
    /// Stream name and event, in the service's order.
    pub events: Vec<(String, LogEvent)>,
    /// More than 500 events arrived: these are some of them.
    pub sampled: bool,
}

impl ScopeClient {
    /// The ARN by which Live Tail knows a log group of this account and region.
    pub fn log_group_arn(&self, group: &str) -> String {
        let (account, region) = (&self.id.account, &self.id.region);
        format!("arn:{}:logs:{region}:{account}:log-group:{group}", partition(region.as_str()))
    }

    /// Begins to tail the log group; once this answers, what arrives is told by [`LiveTail::next`]. Nothing is tried again.
    ///
    /// # Errors
    /// A classified failure: `Denied`; code `LimitExceededException`: the account has as many as it may (15 in a region); `Gone`: there is no
    /// such group; `Unreachable`: no first frame within 15 seconds.
    pub async fn live_tail(&self, group_arn: &str) -> Result<LiveTail, Failure> {
        let request = self
            .logs
            .start_live_tail()
            .log_group_identifiers(group_arn)
            .customize()
            .config_override(aws_sdk_cloudwatchlogs::config::Builder::new().retry_config(RetryConfig::disabled()))
            .mutate_request(to_the_endpoint_itself);
        let deadline = Instant::now() + SILENCE;
        let answer = timeout_at(deadline, self.send(START_LIVE_TAIL, request.send())).await;
        let Ok(answer) = answer else {
            let failure = unreachable(START_LIVE_TAIL, "no answer in time");
            self.count(START_LIVE_TAIL, Some(&failure));
            return Err(failure);
        };
        let mut tail = LiveTail { answer: answer? };
        match timeout_at(deadline, tail.frame()).await {
            Ok(Ok(Frame::SessionStart(_))) => Ok(tail),
            Ok(Ok(_)) => Err(other(START_LIVE_TAIL, "the stream does not begin with the start of a session")),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(unreachable(START_LIVE_TAIL, "no frame in time")),
        }
    }
}

impl LiveTail {
    /// The next update. After an error the tail is over.
    ///
    /// # Errors
    /// A classified failure. Code `SessionTimeoutException`: the service's three hours are over; [`LIVE_TAIL_ENDED`]: the stream ended without
    /// a reason; `Unreachable`: it broke off, or was silent for 15 seconds.
    pub async fn next(&mut self) -> Result<LiveTailUpdate, Failure> {
        loop {
            match timeout(SILENCE, self.frame()).await {
                Ok(Ok(Frame::SessionUpdate(update))) => return Ok(domain(update)),
                // Frames of other kinds are of no use here, and they end no silence that matters: updates come every second.
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => return Err(failure),
                Err(_) => return Err(unreachable(START_LIVE_TAIL, "no frame in time")),
            }
        }
    }

    async fn frame(&mut self) -> Result<Frame, Failure> {
        match self.answer.response_stream.recv().await {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(Failure {
                code: Some(LIVE_TAIL_ENDED.to_owned()),
                ..unreachable(START_LIVE_TAIL, "the stream ended without a reason")
            }),
            Err(error) => Err(classify_stream(START_LIVE_TAIL, &error)),
        }
    }
}

fn domain(update: LiveTailSessionUpdate) -> LiveTailUpdate {
    let at = |millis: Option<i64>| millis.and_then(from_millis).unwrap_or(Timestamp::UNIX_EPOCH);
    let sampled = update.session_metadata.is_some_and(|metadata| metadata.sampled);
    let events = update.session_results.unwrap_or_default().into_iter().filter_map(|event| {
        let read = LogEvent {
            timestamp: at(event.timestamp),
            ingested_at: at(event.ingestion_time),
            message: event.message.unwrap_or_default(),
        };
        Some((event.log_stream_name?, read))
    });
    LiveTailUpdate { events: events.collect(), sampled }
}

/// The SDK puts `stream-` before the host of a custom endpoint too, where nothing has that name: such a request goes to the endpoint itself.
/// This runs before the request is signed.
fn to_the_endpoint_itself(request: &mut HttpRequest) {
    if let Some(uri) = without_prefix(request.uri()) {
        // What cannot be set stays as it was: the request then fails and says why.
        let _ = request.set_uri(uri);
    }
}

/// The URI without the prefix, unless the host is AWS's own.
fn without_prefix(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let bare = rest.strip_prefix(PREFIX)?;
    let host = bare.split(['/', '?', ':']).next().unwrap_or_default();
    let aws = (host.starts_with("logs.") || host.starts_with("logs-fips."))
        && [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonwebservices.com.cn", ".gov", ".eu", ".uk"]
            .iter()
            .any(|suffix| host.ends_with(suffix));
    (!aws).then(|| format!("{scheme}://{bare}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_endpoints_of_aws_keep_the_prefix() {
        for (uri, sent) in [
            ("http://stream-127.0.0.1:9911/", Some("http://127.0.0.1:9911/")),
            ("http://stream-[::1]:9911/", Some("http://[::1]:9911/")),
            ("http://stream-localhost/x", Some("http://localhost/x")),
            (
                "https://stream-vpce-1.logs.eu-central-1.vpce.amazonaws.com/",
                Some("https://vpce-1.logs.eu-central-1.vpce.amazonaws.com/"),
            ),
            ("https://stream-logs.eu-central-1.amazonaws.com/", None),
            ("https://stream-logs-fips.us-east-1.amazonaws.com/", None),
            ("https://stream-logs.cn-north-1.amazonaws.com.cn/", None),
            ("https://stream-logs.eu-central-1.api.aws/", None),
            ("https://logs.eu-central-1.amazonaws.com/", None),
        ] {
            assert_eq!(without_prefix(uri).as_deref(), sent, "{uri}");
        }
    }
}
