//! Running Live Tail sessions: one update a second on an event stream.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Shared;
use crate::sim::{
    gate::{Effect, Spoiling},
    service::LiveTail,
    wire::{stream as frames, value::Value},
    world::{
        logs::Arrival,
        tails::{Ending, Seat},
    },
};

/// Most events of one update; from there on they are a sample.
const MOST_EVENTS: usize = 500;
/// Most updates that wait for a client that does not read; then the oldest are dropped.
const MOST_UPDATES: i64 = 10;
/// After this long a session ends with `SessionTimeoutException`.
const LONGEST: SignedDuration = SignedDuration::from_hours(3);
/// Cadence of updates.
const CADENCE: Duration = Duration::from_secs(1);

/// A running session; while it lives its seat counts against its account and region.
pub struct Session {
    shared: Arc<Shared>,
    tail: LiveTail,
    seat: Seat,
    begin: Begin,
    ticks: Interval,
    updated: Instant,
    stage: Stage,
}

/// With what a session begins.
pub struct Begin {
    /// Request id.
    pub request_id: String,
    /// Session id.
    pub session_id: String,
    /// Behind everything that has arrived.
    pub cursor: u64,
    /// Time of the request.
    pub now: Timestamp,
    /// How the first frames are spoiled.
    pub spoiling: Option<Spoiling>,
}

enum Stage {
    Opening,
    Running,
    Breaking,
    Over,
}

impl Session {
    /// A session that has its seat.
    pub fn new(shared: Arc<Shared>, tail: LiveTail, seat: Seat, begin: Begin) -> Self {
        let mut ticks = interval_at(Instant::now() + CADENCE, CADENCE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { shared, tail, seat, begin, ticks, updated: Instant::now(), stage: Stage::Opening }
    }

    /// The frames as the body of the answer; an error breaks the connection.
    pub fn frames(self) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> {
        stream::unfold(self, |mut session| async move {
            let bytes = session.next().await?;
            Some((bytes.map(|bytes| Frame::data(Bytes::from(bytes))), session))
        })
    }

    async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        match self.stage {
            Stage::Over => None,
            Stage::Opening => Some(Ok(self.open())),
            Stage::Breaking => {
                // Lets the bytes before it out.
                tokio::task::yield_now().await;
                self.end(Ending::Sever)
            }
            Stage::Running => loop {
                tokio::select! {
                    () = self.shared.stop.cancelled() => return None,
                    ending = self.seat.ended() => return self.end(ending),
                    _ = self.ticks.tick() => {}
                }
                match self.update() {
                    Tick::Silent => {}
                    Tick::Send(bytes) => return Some(Ok(bytes)),
                    Tick::End(ending) => return self.end(ending),
                }
            },
        }
    }

    fn open(&mut self) -> Vec<u8> {
        let mut bytes = frames::event("initial-response", &Value::empty());
        let mut start = frames::event("sessionStart", &self.start());
        self.stage = Stage::Running;
        match self.begin.spoiling {
            Some(Spoiling::Cut) => {
                start.truncate(start.len() / 2);
                self.stage = Stage::Breaking;
            }
            // Its checksum is wrong.
            Some(Spoiling::Malformed) => {
                if let Some(last) = start.last_mut() {
                    *last = !*last;
                }
            }
            _ => {}
        }
        bytes.extend(start);
        bytes
    }

    fn end(&mut self, ending: Ending) -> Option<io::Result<Vec<u8>>> {
        self.stage = Stage::Over;
        match ending {
            Ending::Sever => Some(Err(io::Error::from(io::ErrorKind::ConnectionReset))),
            Ending::TimeOut => {
                Some(Ok(frames::exception("SessionTimeoutException", "The Live Tail session has timed out.")))
            }
            Ending::Fail => Some(Ok(frames::exception(
                "SessionStreamingException",
                "An unknown error occurred while streaming the Live Tail session.",
            ))),
            Ending::Close => None,
        }
    }

    /// What one tick brings.
    fn update(&mut self) -> Tick {
        let mut state = self.shared.state();
        let now = state.advance();
        let world = &mut state.world;
        let mut share = None;
        let mut hangs = false;
        for effect in world.gate.live_tail_effects(&self.tail.account, &self.tail.region) {
            match effect {
                Effect::EndLiveTail => return Tick::End(Ending::TimeOut),
                Effect::FailLiveTail => return Tick::End(Ending::Fail),
                Effect::SeverLiveTail => return Tick::End(Ending::Sever),
                Effect::HangLiveTail => hangs = true,
                Effect::SampleLiveTail { drop } => share = Some(drop),
                _ => {}
            }
        }
        if now.duration_since(self.begin.now) >= LONGEST {
            return Tick::End(Ending::TimeOut);
        }
        if hangs {
            return Tick::Silent;
        }
        let (arrivals, cursor) = world.live_tail_events(&self.tail, self.begin.cursor);
        drop(state);
        self.begin.cursor = cursor;
        let late = self.updated.elapsed() > CADENCE * 2;
        self.updated = Instant::now();
        let batches = if late { by_second(&arrivals) } else { vec![arrivals.as_slice()] };
        Tick::Send(batches.iter().flat_map(|batch| frames::event("sessionUpdate", &update(batch, share))).collect())
    }

    fn start(&self) -> Value {
        let tail = &self.tail;
        Value::structure([
            ("requestId", self.begin.request_id.as_str().into()),
            ("sessionId", self.begin.session_id.as_str().into()),
            ("logGroupIdentifiers", Value::list(&tail.log_group_identifiers)),
            ("logStreamNames", Value::list(&tail.log_stream_names)),
            ("logStreamNamePrefixes", Value::list(&tail.log_stream_name_prefixes)),
            ("logEventFilterPattern", tail.filter_pattern.as_deref().unwrap_or_default().into()),
        ])
    }
}

enum Tick {
    Silent,
    Send(Vec<u8>),
    End(Ending),
}

/// The updates that waited for a client that did not read: one for each second, the newest ten.
fn by_second(arrivals: &[Arrival]) -> Vec<&[Arrival]> {
    let second = |arrival: &Arrival| arrival.event.ingestion.div_euclid(1000);
    let newest = arrivals.iter().map(second).max().unwrap_or_default();
    let kept = arrivals.iter().position(|arrival| second(arrival) > newest - MOST_UPDATES).unwrap_or_default();
    let kept = arrivals.get(kept..).unwrap_or_default();
    if kept.is_empty() {
        return vec![kept];
    }
    kept.chunk_by(|left, right| second(left) == second(right)).collect()
}

/// An update: 500 events at the most, fewer by the share that a fault leaves out.
fn update(arrivals: &[Arrival], share: Option<f64>) -> Value {
    let sampled = arrivals.len() > MOST_EVENTS || share.is_some();
    // Every n-th of them, spread over the second.
    let step = arrivals.len().div_ceil(MOST_EVENTS).max(1);
    // The share is left out evenly: an event goes where the count of those to go reaches the next whole number.
    let share = share.unwrap_or_default().clamp(0.0, 1.0);
    let gone = |number: usize| (number as f64 * share + 1e-9).floor();
    let results = arrivals.iter().step_by(step).enumerate().filter(|(number, _)| gone(number + 1) <= gone(*number));
    let results = results.map(|(_, arrival)| {
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

    fn arrivals(count: usize, a_second: i64) -> Vec<Arrival> {
        (0..count)
            .map(|number| Arrival {
                account: "111122223333".into(),
                region: "eu-central-1".into(),
                group: "/g".into(),
                stream: "s".into(),
                event: Arc::new(LogEvent {
                    timestamp: 1,
                    ingestion: number as i64 * 1000 / a_second,
                    message: number.to_string(),
                    serial: 0,
                }),
            })
            .collect()
    }

    fn shape(count: usize, share: Option<f64>) -> (bool, usize) {
        let update = update(&arrivals(count, 1000), share);
        let sampled = update.get("sessionMetadata").and_then(|metadata| metadata.get("sampled"));
        let Some(Value::List(results)) = update.get("sessionResults") else { return (false, usize::MAX) };
        (sampled == Some(&Value::Bool(true)), results.len())
    }

    #[test]
    fn more_than_500_events_are_a_sample_and_say_so() {
        assert_eq!(shape(0, None), (false, 0));
        assert_eq!(shape(500, None), (false, 500));
        assert_eq!(shape(501, None), (true, 251));
        assert_eq!(shape(5000, None), (true, 500));
    }

    #[test]
    fn a_share_is_left_out_exactly() {
        assert_eq!(shape(100, Some(0.0)), (true, 100));
        assert_eq!(shape(100, Some(0.3)), (true, 70));
        assert_eq!(shape(3, Some(0.5)), (true, 2));
        assert_eq!(shape(100, Some(1.0)), (true, 0));
    }

    #[test]
    fn who_does_not_read_gets_the_newest_ten_updates() {
        let sizes =
            |count, a_second| by_second(&arrivals(count, a_second)).iter().map(|batch| batch.len()).collect::<Vec<_>>();
        assert_eq!(sizes(0, 1), [0]);
        assert_eq!(sizes(3, 1), [1, 1, 1]);
        assert_eq!(sizes(1500, 100), [100; 10]);
    }
}
