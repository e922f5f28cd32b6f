//! The past: all sessions that History has, read when somebody asks, page by page and behind everything else.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

use super::{
    backoff::Backoff,
    scope::{Closed, Scope, clock_after},
};
use crate::domain::{FailureClass, Observation, PastProgress};

/// Scopes that are read at once: the polls of the others go first.
pub(super) const AT_ONCE: usize = 4;
/// The polls need the same quota (6 requests a second): this is not urgent.
const PAGE_EVERY: Duration = Duration::from_millis(500);
/// 5,000 sessions of a scope; that older ones are not read is told.
const MOST_PAGES: usize = 25;
/// First delay after a failed page.
const RETRY: Duration = Duration::from_secs(4);

/// The reader of one scope's past.
#[derive(Debug)]
pub(super) struct Past {
    scope: Arc<Scope>,
    turns: Arc<Semaphore>,
    backoff: Backoff,
}

impl Past {
    pub(super) fn new(scope: Arc<Scope>, turns: Arc<Semaphore>) -> Self {
        Self { scope, turns, backoff: Backoff::new(RETRY) }
    }

    /// Reads the past whenever it is asked for.
    pub(super) async fn run(mut self) -> Result<(), Closed> {
        loop {
            self.scope.past.notified().await;
            self.read().await?;
        }
    }

    /// Reads all pages, however often one must be tried.
    async fn read(&mut self) -> Result<(), Closed> {
        let mut token: Option<String> = None;
        let mut pages = 0;
        loop {
            let mut known = self.scope.known.subscribe();
            // Whoever has no connection or no credentials cannot be asked for more; the listing tells of that.
            known.wait_for(|known| !known.cut_off).await.map_err(|_| Closed)?;
            drop(known);
            let turns = Arc::clone(&self.turns);
            // Never closed; without a turn the page is read all the same.
            let turn = turns.acquire().await.ok();
            let answer = self.scope.ask(self.scope.client.past_page(token.clone())).await;
            drop(turn);
            let id = self.scope.client.id().clone();
            let next = match answer {
                Ok((sessions, next)) => {
                    self.backoff.succeeded();
                    pages += 1;
                    let progress = match &next {
                        None => PastProgress::Whole,
                        Some(_) if pages >= MOST_PAGES => PastProgress::Cut,
                        Some(_) => PastProgress::More,
                    };
                    let (first, at) = (pages == 1, Timestamp::now());
                    self.scope.tell(Observation::Past { scope: id, sessions, first, progress, at }).await?;
                    if progress != PastProgress::More {
                        return Ok(());
                    }
                    token = next;
                    Instant::now() + PAGE_EVERY
                }
                Err(failure) => {
                    if failure.class == FailureClass::Other {
                        // It may be the token: it is read from the start.
                        (token, pages) = (None, 0);
                    }
                    let wait = self.backoff.failed();
                    let (retry_at, at) = (clock_after(wait), Timestamp::now());
                    self.scope.tell(Observation::PastFailed { scope: id, failure, retry_at, at }).await?;
                    Instant::now() + wait
                }
            };
            sleep_until(next).await;
        }
    }
}
