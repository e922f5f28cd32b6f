//! Who held sessions before: History, read once and slowly, so that a principal's first session can be told (rule WHO-07).

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::{
    backoff::{Backoff, is_passing},
    scope::{Closed, Scope, clock_after, clock_before},
};
use crate::domain::{Fact, Failure, FailureClass, Observation};

const DESCRIBE_SESSIONS: &str = "ssm:DescribeSessions";
/// The listings need the same quota (6 a second): this is not urgent.
const PAGE_EVERY: Duration = Duration::from_secs(1);
/// 10,000 sessions; older ones are not looked at, and `since` says so.
const MOST_PAGES: usize = 50;
/// What one pass has time for.
const PASS_PAGES: usize = 2;
/// First delay after a failed page.
const RETRY: Duration = Duration::from_secs(4);

/// The read of one scope's History.
#[derive(Debug)]
pub(super) struct Principals {
    scope: Arc<Scope>,
    backoff: Backoff,
    starts: HashMap<Arc<str>, Vec<Timestamp>>,
    oldest: Option<Timestamp>,
    token: Option<String>,
    pages: usize,
}

impl Principals {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        Self { scope, backoff: Backoff::new(RETRY), starts: HashMap::new(), oldest: None, token: None, pages: 0 }
    }

    /// Reads all, page by page, however often it must be tried.
    pub(super) async fn run(mut self) -> Result<(), Closed> {
        if self.scope.config.principals_since.is_zero() {
            return Ok(());
        }
        let since = clock_before(self.scope.config.principals_since);
        loop {
            let mut known = self.scope.known.subscribe();
            // Whoever cannot be listed cannot be asked for more.
            known.wait_for(|known| known.listed && !known.cut_off).await.map_err(|_| Closed)?;
            drop(known);
            let next = match self.page(since, MOST_PAGES).await {
                Ok(true) => return self.tell(since, MOST_PAGES).await,
                Ok(false) => Instant::now() + PAGE_EVERY,
                Err(failure) => {
                    let wait = self.backoff.failed();
                    self.fail(since, failure, clock_after(wait)).await?;
                    Instant::now() + wait
                }
            };
            sleep_until(next).await;
        }
    }

    /// For one pass: reads the newest; when to try again what failed in a way that may be over soon.
    pub(super) async fn once(&mut self) -> Result<Option<Instant>, Closed> {
        if self.scope.config.principals_since.is_zero() {
            return Ok(None);
        }
        let since = clock_before(self.scope.config.principals_since);
        loop {
            match self.page(since, PASS_PAGES).await {
                Ok(true) => {
                    self.tell(since, PASS_PAGES).await?;
                    return Ok(None);
                }
                Ok(false) => {}
                Err(failure) => {
                    let passing = is_passing(&failure);
                    let wait = self.backoff.failed();
                    self.fail(since, failure, clock_after(wait)).await?;
                    return Ok(passing.then(|| Instant::now() + wait));
                }
            }
        }
    }

    /// Reads the next page; whether it was the last, or the last that may be read.
    async fn page(&mut self, since: Timestamp, most: usize) -> Result<bool, Failure> {
        let request = self.scope.client.history_page(since, self.token.clone());
        match self.scope.in_turn(request).await {
            Ok((sessions, next)) => {
                self.backoff.succeeded();
                self.pages += 1;
                for session in sessions {
                    let Some(started) = session.started_at else { continue };
                    self.oldest = Some(self.oldest.map_or(started, |oldest| oldest.min(started)));
                    self.starts.entry(session.owner).or_default().push(started);
                }
                self.token = next;
                Ok(self.token.is_none() || self.pages >= most)
            }
            Err(failure) => {
                if failure.class == FailureClass::Other {
                    // It may be the token: it is read from the start.
                    *self = Self {
                        backoff: std::mem::replace(&mut self.backoff, Backoff::new(RETRY)),
                        ..Self::new(self.scope.clone())
                    };
                }
                Err(failure)
            }
        }
    }

    /// Tells what was read; where pages ran out, it reaches no further back than the oldest that was seen.
    async fn tell(&mut self, since: Timestamp, most: usize) -> Result<(), Closed> {
        let cut = self.token.is_some();
        let reached = self.oldest.filter(|_| cut).unwrap_or(since);
        if cut {
            tracing::info!(scope = %self.scope.client.id(), pages = most, %reached, wanted = %since,
                "more sessions in the History than are read: whoever was here before that counts as new");
        }
        let read = Fact::known((), DESCRIBE_SESSIONS, Timestamp::now());
        let starts = std::mem::take(&mut self.starts).into_iter().collect();
        let scope = self.scope.client.id().clone();
        self.scope.tell(Observation::Principals { scope, since: reached, starts, read }).await
    }

    async fn fail(&self, since: Timestamp, failure: Failure, retry_at: Timestamp) -> Result<(), Closed> {
        let scope = self.scope.client.id().clone();
        let read = Fact::failed(failure, Some(retry_at));
        self.scope.tell(Observation::Principals { scope, since, starts: Vec::new(), read }).await
    }
}
