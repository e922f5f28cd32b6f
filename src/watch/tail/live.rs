//! The live tail of one log group: begun, kept, renewed before the service ends it, begun again when it broke.

use std::{future::pending, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use crate::{
    aws::{LiveTail, LiveTailUpdate},
    domain::{Failure, FailureClass, NoLiveTail, TailMode},
    watch::{backoff::Backoff, scope::Scope},
};

/// What somebody must allow first is tried again after this long.
const DENIED: Duration = Duration::from_secs(600);
/// Another live tail may have ended by then: an account has 15 in a region.
const LIMIT: Duration = Duration::from_secs(60);
/// A live tail that held so long was a good one: the next may begin at once.
const GOOD: Duration = Duration::from_secs(30);
/// Pause before the second try, doubled from then on. StartLiveTail takes five requests a second of an account and region.
const RETRY: Duration = Duration::from_secs(1);
/// Codes of what this log group or endpoint does not have at all.
const NOT_HERE: [&str; 5] = [
    "InvalidParameterException",
    "InvalidOperationException",
    "UnknownOperationException",
    "UnrecognizedOperationException",
    "NotImplemented",
];

/// What happened to a live tail.
#[derive(Debug)]
pub(super) enum News {
    /// It runs from now on, in the place of the one before.
    Begun,
    /// It did not begin; one that runs goes on.
    NotBegun,
    /// It showed what arrived.
    Update(LiveTailUpdate),
    /// It is over.
    Ended(Failure),
}

type Opening = BoxFuture<'static, Result<LiveTail, Failure>>;
type Reading = BoxFuture<'static, (LiveTail, Result<LiveTailUpdate, Failure>)>;

/// The live tail of one log group.
pub(super) struct Live {
    scope: Arc<Scope>,
    arn: String,
    opening: Option<Opening>,
    reading: Option<Reading>,
    /// When the next one is begun; nothing: never.
    begin_at: Option<Instant>,
    begun_at: Instant,
    /// The number of the one that runs.
    number: u32,
    backoff: Backoff,
    /// How events come, as far as that was found out.
    mode: Option<TailMode>,
}

impl Live {
    pub(super) fn new(scope: Arc<Scope>, group: &str) -> Self {
        let on = scope.config.live_tail;
        let now = Instant::now();
        Self {
            arn: scope.client.log_group_arn(group),
            scope,
            opening: None,
            reading: None,
            begin_at: on.then_some(now),
            begun_at: now,
            number: 0,
            backoff: Backoff::new(RETRY),
            mode: (!on).then_some(TailMode::Polling { why: NoLiveTail::SwitchedOff }),
        }
    }

    /// One runs.
    pub(super) fn is_on(&self) -> bool {
        self.reading.is_some()
    }

    /// The number of the one that runs.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// How events come, as far as that was found out.
    pub(super) fn mode(&self) -> Option<&TailMode> {
        self.mode.as_ref()
    }

    /// What happens next. May be given up at any time.
    pub(super) async fn news(&mut self) -> News {
        loop {
            if self.opening.is_none() && self.begin_at.is_some_and(|at| at <= Instant::now()) {
                self.begin_at = None;
                self.opening = Some(self.open());
            }
            let begin_at = self.begin_at.filter(|_| self.opening.is_none());
            tokio::select! {
                // What arrived is taken before the tail that showed it goes.
                biased;
                (tail, update) = of(&mut self.reading) => {
                    self.reading = None;
                    match update {
                        Ok(update) => {
                            self.reading = Some(read(tail));
                            return News::Update(update);
                        }
                        Err(failure) => {
                            self.ended();
                            return News::Ended(failure);
                        }
                    }
                }
                opened = of(&mut self.opening) => {
                    self.opening = None;
                    match opened {
                        Ok(tail) => {
                            self.begun(tail);
                            return News::Begun;
                        }
                        Err(failure) => {
                            self.not_begun(&failure);
                            return News::NotBegun;
                        }
                    }
                }
                () = at(begin_at) => {}
            }
        }
    }

    fn open(&self) -> Opening {
        let (scope, arn) = (Arc::clone(&self.scope), self.arn.clone());
        Box::pin(async move { scope.ask(scope.client.live_tail(&arn)).await })
    }

    fn begun(&mut self, tail: LiveTail) {
        let now = Instant::now();
        (self.reading, self.begun_at) = (Some(read(tail)), now);
        self.number = self.number.wrapping_add(1);
        // The next one takes over before the service ends this one.
        self.begin_at = Some(now + self.scope.config.live_tail_life);
        self.mode = Some(TailMode::Live);
    }

    fn not_begun(&mut self, failure: &Failure) {
        let wait = wait_after(failure, &mut self.backoff);
        self.begin_at = Some(Instant::now() + wait);
        // One that runs while its successor cannot begin is still one.
        if !self.is_on() {
            self.mode = Some(TailMode::Polling { why: NoLiveTail::Failed(failure.clone()) });
        }
    }

    fn ended(&mut self) {
        let now = Instant::now();
        let wait = if now.duration_since(self.begun_at) >= GOOD {
            self.backoff.succeeded();
            Duration::ZERO
        } else if self.backoff.is_idle() {
            self.backoff.failed();
            Duration::ZERO
        } else {
            self.backoff.failed()
        };
        if self.opening.is_none() {
            self.begin_at = Some(now + wait);
        }
    }
}

/// How long to do without after that failure.
fn wait_after(failure: &Failure, backoff: &mut Backoff) -> Duration {
    let code = failure.code.as_deref().unwrap_or_default();
    if failure.class == FailureClass::Denied || NOT_HERE.contains(&code) {
        DENIED
    } else if code == "LimitExceededException" {
        LIMIT
    } else {
        backoff.failed()
    }
}

fn read(mut tail: LiveTail) -> Reading {
    Box::pin(async move {
        let update = tail.next().await;
        (tail, update)
    })
}

/// The future, if there is one; else nothing ever.
pub(super) async fn of<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// The time, if there is one; else nothing ever.
pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::START_LIVE_TAIL;

    #[test]
    fn what_waits_for_people_or_for_others_is_not_hurried() {
        let wait = |class, code: &str| {
            let failure =
                Failure { class, action: START_LIVE_TAIL, code: Some(code.to_owned()), message: String::new() };
            wait_after(&failure, &mut Backoff::new(RETRY))
        };
        assert_eq!(wait(FailureClass::Denied, "AccessDeniedException"), DENIED);
        assert_eq!(wait(FailureClass::Other, "InvalidOperationException"), DENIED);
        assert_eq!(wait(FailureClass::Throttled, "LimitExceededException"), LIMIT);
        for (class, code) in [(FailureClass::Throttled, "ThrottlingException"), (FailureClass::Unreachable, "")] {
            assert!(wait(class, code) <= RETRY * 2, "{code}");
        }
    }
}
