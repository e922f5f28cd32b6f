//! Running Live Tail sessions: one update a second on an event stream.

use std::{
    io,
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Shared;
use crate::sim::{
    error::AwsError,
    service::LiveTail,
    wire::{stream as frames, value::Value},
    world::logs::Arrival,
};

/// Most events of one update; from there on they are a sample.
const MOST_EVENTS: usize = 500;
/// Most sessions of one account at a time.
const MOST_SESSIONS: usize = 15;
/// After this long a session ends with `SessionTimeoutException`.
const LONGEST: SignedDuration = SignedDuration::from_hours(3);
/// Cadence of updates.
const CADENCE: Duration = Duration::from_secs(1);

/// A running session; while it lives it counts against its account.
pub struct Session {
    shared: Arc<Shared>,
    tail: LiveTail,
    request_id: String,
    session_id: String,
    cursor: u64,
    started: Timestamp,
    ticks: Interval,
    stage: Stage,
}

enum Stage {
    Opening,
    Running,
    Over,
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut counts = self.shared.live_tails.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.tail.account) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Session {
    /// Begins a session at `cursor`.
    ///
    /// # Errors
    /// `LimitExceededException` if the account has as many as it may.
    pub fn begin(
        shared: &Arc<Shared>,
        tail: LiveTail,
        request_id: &str,
        session_id: String,
        cursor: u64,
        started: Timestamp,
    ) -> Result<Self, AwsError> {
        let mut counts = shared.live_tails.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(tail.account.clone()).or_default();
        if *count >= MOST_SESSIONS {
            return Err(AwsError::client(
                "LimitExceededException",
                format!("Maximum number of concurrent Live Tail sessions reached. Limit: {MOST_SESSIONS}"),
            ));
        }
        *count += 1;
        drop(counts);
        let mut ticks = interval_at(Instant::now() + CADENCE, CADENCE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            shared: Arc::clone(shared),
            tail,
            request_id: request_id.to_owned(),
            session_id,
            cursor,
            started,
            ticks,
            stage: Stage::Opening,
        })
    }

    /// The frames as the body of the answer.
    pub fn frames(self) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> {
        stream::unfold(self, |mut session| async move {
            let bytes = session.next().await?;
            Some((Ok(Frame::data(Bytes::from(bytes))), session))
        })
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        match self.stage {
            Stage::Over => None,
            Stage::Opening => {
                self.stage = Stage::Running;
                let mut bytes = frames::event("initial-response", &Value::empty());
                bytes.extend(frames::event("sessionStart", &self.start()));
                Some(bytes)
            }
            Stage::Running => {
                tokio::select! {
                    () = self.shared.stop.cancelled() => return None,
                    _ = self.ticks.tick() => {}
                }
                let arrivals = {
                    let mut state = self.shared.state();
                    let now = state.advance();
                    let world = &mut state.world;
                    if now.duration_since(self.started) >= LONGEST
                        || world.gate.ends_live_tail(&self.tail.account, &self.tail.region)
                    {
                        self.stage = Stage::Over;
                        return Some(frames::exception("SessionTimeoutException", "The session has timed out."));
                    }
                    let (arrivals, cursor) = world.live_tail_events(&self.tail, self.cursor);
                    self.cursor = cursor;
                    arrivals
                };
                Some(frames::event("sessionUpdate", &update(&arrivals)))
            }
        }
    }

    fn start(&self) -> Value {
        let tail = &self.tail;
        Value::structure([
            ("requestId", self.request_id.as_str().into()),
            ("sessionId", self.session_id.as_str().into()),
            ("logGroupIdentifiers", Value::list(&tail.log_group_identifiers)),
            ("logStreamNames", Value::list(&tail.log_stream_names)),
            ("logStreamNamePrefixes", Value::list(&tail.log_stream_name_prefixes)),
            ("logEventFilterPattern", tail.filter_pattern.as_deref().unwrap_or_default().into()),
        ])
    }
}

fn update(arrivals: &[Arrival]) -> Value {
    let sampled = arrivals.len() > MOST_EVENTS;
    // Every n-th of them, spread over the second.
    let step = arrivals.len().div_ceil(MOST_EVENTS).max(1);
    let results = arrivals.iter().step_by(step).map(|arrival| {
        Value::structure([
            ("logStreamName", (&*arrival.stream).into()),
            ("logGroupIdentifier", format!("{}:{}", arrival.account, arrival.group).into()),
            ("message", arrival.event.message.as_str().into()),
            ("timestamp", Value::Int(arrival.event.timestamp)),
            ("ingestionTime", Value::Int(arrival.event.ingestion)),
        ])
    });
    Value::structure([
        ("sessionMetadata", Value::structure([("sampled", sampled.into())])),
        ("sessionResults", Value::list(results)),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;
    use crate::sim::world::logs::LogEvent;

    fn arrivals(count: usize) -> Vec<Arrival> {
        (0..count)
            .map(|number| Arrival {
                account: "111122223333".into(),
                region: "eu-central-1".into(),
                group: "/g".into(),
                stream: "s".into(),
                event: Arc::new(LogEvent { timestamp: 1, ingestion: 2, message: number.to_string(), serial: 0 }),
            })
            .collect()
    }

    fn shape(count: usize) -> (bool, usize) {
        let update = update(&arrivals(count));
        let sampled = update.get("sessionMetadata").and_then(|metadata| metadata.get("sampled"));
        let Some(Value::List(results)) = update.get("sessionResults") else { return (false, usize::MAX) };
        (sampled == Some(&Value::Bool(true)), results.len())
    }

    #[test]
    fn more_than_500_events_are_a_sample_and_say_so() {
        assert_eq!(shape(0), (false, 0));
        assert_eq!(shape(500), (false, 500));
        assert_eq!(shape(501), (true, 251));
        assert_eq!(shape(5000), (true, 500));
    }
}
