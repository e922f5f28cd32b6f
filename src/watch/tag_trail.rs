//! CloudTrail: when roles and users were given tags and lost them. IAM is global: one look an account, in the region that records it.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    backoff::{Backoff, is_passing},
    lookup::{Coverage, Limiter, Told, Window},
    scope::{Closed, Scope, clock_after},
    trail::{begin_of_sessions, note_unread},
};
use crate::{
    aws::{LOOKUP_EVENTS, TagCall},
    domain::{Fact, Failure, Observation, TagChange},
};

/// A tag that approves a session is set before the session starts.
const BEFORE_SESSION: SignedDuration = SignedDuration::from_hours(1);
/// First delay after a failed lookup.
const RETRY: Duration = Duration::from_secs(2);
/// While no scope of the account can be asked, it is seen this often whether one can.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The tag task of one account.
#[derive(Debug)]
pub(super) struct TagTrail {
    /// All scopes of the account; any of them can ask.
    scopes: Vec<Arc<Scope>>,
    limiter: Arc<Limiter>,
    due: Instant,
    backoff: Backoff,
    coverage: Coverage,
    told: Told,
}

impl TagTrail {
    pub(super) fn new(scopes: Vec<Arc<Scope>>, limiter: Arc<Limiter>) -> Self {
        Self {
            scopes,
            limiter,
            due: Instant::now(),
            backoff: Backoff::new(RETRY),
            coverage: Coverage::default(),
            told: Told::default(),
        }
    }

    /// For one pass: waits until each scope is through with its listings.
    pub(super) async fn listings_passed(&self) -> Result<(), Closed> {
        for scope in &self.scopes {
            scope.known.subscribe().wait_for(|known| known.passed).await.map_err(|_| Closed)?;
        }
        Ok(())
    }

    /// Reads when it is due; when to come back, and whether the last read failed in a way that may be over soon.
    pub(super) async fn step(&mut self) -> Result<(Instant, bool), Closed> {
        let asking = self.scopes.iter().find(|scope| {
            let known = scope.known.borrow();
            known.listed && !known.cut_off
        });
        let Some(scope) = asking.cloned() else { return Ok((Instant::now() + LOOK_AGAIN, false)) };
        if self.due > Instant::now() {
            return Ok((self.due, false));
        }
        let begin = |scope: &Arc<Scope>| begin_of_sessions(&scope.known.borrow(), scope.config.history, BEFORE_SESSION);
        let wanted = self.scopes.iter().map(begin).min();
        let began = Timestamp::now();
        let mut changes = Vec::new();
        let answer = self.read(&scope, wanted.unwrap_or(began), began, &mut changes).await;
        let (read, passing) = match answer {
            Ok(()) => {
                self.backoff.succeeded();
                self.told.forget(began);
                self.due = Instant::now() + scope.config.evidence_every.mul_f64(0.95 + fastrand::f64() / 10.0);
                (Fact::known((), LOOKUP_EVENTS, Timestamp::now()), false)
            }
            Err(failure) => {
                let wait = self.backoff.failed();
                self.due = Instant::now() + wait;
                let passing = is_passing(&failure);
                (Fact::failed(failure, Some(clock_after(wait))), passing)
            }
        };
        let account = scope.client.id().account.clone();
        scope.tell(Observation::TagChanges { account, from: self.coverage.from(), changes, read }).await?;
        Ok((self.due, passing))
    }

    /// Reads all four calls; what was covered is so only when all of them were.
    async fn read(
        &mut self,
        scope: &Scope,
        wanted: Timestamp,
        began: Timestamp,
        changes: &mut Vec<TagChange>,
    ) -> Result<(), Failure> {
        for window in self.coverage.windows(wanted) {
            let mut cut = None;
            for call in TagCall::ALL {
                cut = cut.max(self.read_call(scope, &window, call, changes).await?);
            }
            self.coverage.add(&window, cut, began);
        }
        Ok(())
    }

    /// Reads one call's records; where its pages ran out.
    async fn read_call(
        &mut self,
        scope: &Scope,
        window: &Window,
        call: TagCall,
        changes: &mut Vec<TagChange>,
    ) -> Result<Option<Timestamp>, Failure> {
        let mut token = None;
        let mut oldest = None;
        for _ in 0..window.pages {
            self.limiter.turn().await;
            let page = scope.in_turn(scope.client.tag_page(call, window.from, window.to, token.take())).await?;
            note_unread(scope, call.event_name(), &page);
            oldest = page.oldest.or(oldest);
            changes.extend(page.records.into_iter().filter(|change| self.told.is_new(&change.event_id, change.at)));
            match page.next {
                None => return Ok(None),
                next => token = next,
            }
        }
        let oldest = oldest.unwrap_or_else(Timestamp::now);
        tracing::warn!(scope = %scope.client.id(), call = call.event_name(), %oldest, wanted = %window.from,
            "too many CloudTrail records: older ones are not looked at");
        Ok(Some(oldest))
    }
}
