//! One log group of one scope: its live tail, the reads that fill what that leaves out, and what is told of both.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    FILTER, Wanted,
    books::Books,
    gaps::{Gaps, Told},
    live::{Live, News, at, of},
    reading::{OVERLAP_WHEN_LOUD, Reading, Skipped},
    taken::{Shown, Taken, Taking},
};
use crate::{
    aws::{LiveTailUpdate, START_LIVE_TAIL, TailPage},
    domain::{Fact, Failure, FailureClass, LogEvent, NoLiveTail, Observation, SessionId, TailMode},
    watch::{
        backoff::{Backoff, is_passing},
        pace::Pace,
        scope::{Closed, Scope, clock_after, clock_before},
    },
};

/// The first read of a group looks back this far at the most.
const LOOK_BACK: Duration = Duration::from_secs(600);
/// FilterLogEvents takes 5 requests a second of an account and region, where it takes the fewest, and others ask too (CloudWatch Logs
/// quotas): one a second of each group.
const GROUP_PAUSE: Duration = Duration::from_secs(1);
/// FilterLogEvents may show later what the live tail showed already: after a read that fills a hole comes another one.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// After so many pages it is said that the tail is behind; it goes on from there.
const PAGES_A_READ: usize = 20;
/// Tries of one pass where a failure may be over soon.
const PASS_TRIES: u32 = 4;

/// Events by session.
type Fresh = Vec<(SessionId, Vec<LogEvent>)>;

/// One group's tail.
pub(super) struct GroupTail {
    scope: Arc<Scope>,
    group: Arc<str>,
    pace: Arc<Pace>,
    /// Sessions and when they began.
    wanted: Wanted,
    live: Live,
    reading: Reading,
    taken: Taken,
    books: Books,
    gaps: Gaps,
    /// The page that is on its way.
    page: Option<BoxFuture<'static, Result<TailPage, Failure>>>,
    due: Instant,
    /// When the last page was asked for.
    asked: Instant,
    backoff: Backoff,
    /// Reads that something made necessary; those of them that the read that goes on makes good; those that were made good.
    owed: u64,
    making_good: u64,
    made_good: u64,
    /// When the read that goes on began.
    began: Timestamp,
    /// Why the last request failed, if it did.
    failing: Option<Failure>,
    /// When a live tail's events are a complete read: reads have the pace of polls, whichever way events come.
    read_ends: Instant,
    /// Up to here everything was read; milliseconds, by our clock.
    read_at: Arc<AtomicI64>,
    told_mode: Option<TailMode>,
}

impl GroupTail {
    pub(super) fn new(
        scope: Arc<Scope>,
        group: Arc<str>,
        pace: Arc<Pace>,
        wanted: Wanted,
        read_at: Arc<AtomicI64>,
    ) -> Self {
        let now = Instant::now();
        let every = scope.config.sessions_every;
        let oldest = wanted.sessions.values().filter_map(|started| *started).min();
        let from = clock_before(LOOK_BACK);
        let from = oldest.map_or(from, |oldest| oldest.max(from));
        Self {
            live: Live::new(Arc::clone(&scope), &group),
            reading: Reading::from(from, every),
            taken: Taken::default(),
            books: Books::default(),
            gaps: Gaps::new(scope.config.gap_after),
            page: None,
            due: now,
            asked: now,
            backoff: Backoff::new(every.max(GROUP_PAUSE)),
            owed: 1,
            making_good: 0,
            made_good: 0,
            began: from,
            failing: None,
            read_ends: now,
            read_at,
            told_mode: None,
            scope,
            group,
            pace,
            wanted,
        }
    }

    /// Tails until nothing is wanted any more.
    pub(super) async fn run(mut self, mut wanted: watch::Receiver<Wanted>) -> Result<(), Closed> {
        loop {
            self.tell_mode().await?;
            if let Some(told) = self.gaps.told(Instant::now()) {
                self.tell_gap(told).await?;
            }
            self.ask_if_due().await?;
            let reading_due = Some(self.due).filter(|_| self.page.is_none() && !self.wanted.cut_off);
            let due = [reading_due, self.gaps.due()].into_iter().flatten().min();
            tokio::select! {
                biased;
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let now = wanted.borrow_and_update().clone();
                    self.want(now);
                }
                news = self.live.news() => self.take_news(news).await?,
                page = of(&mut self.page) => {
                    self.page = None;
                    self.take_page(page).await?;
                }
                () = at(due) => {}
            }
        }
    }

    /// For one pass: reads the group, or finds that it cannot be read.
    pub(super) async fn pass(mut self) -> Result<(), Closed> {
        loop {
            sleep_until(self.due).await;
            self.ask_if_due().await?;
            let page = of(&mut self.page).await;
            self.page = None;
            self.take_page(page).await?;
            let refused = self.failing.as_ref().is_some_and(|failure| !is_passing(failure));
            if self.made_good > 0 || refused || self.backoff.failures() >= PASS_TRIES {
                return Ok(());
            }
        }
    }

    fn every(&self) -> Duration {
        self.scope.config.sessions_every.max(GROUP_PAUSE)
    }

    fn read_at(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.read_at.load(Ordering::Relaxed)).ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
    }

    /// Up to here everything was read, or was not to be read.
    fn read_to(&self) -> Timestamp {
        self.read_at().unwrap_or(self.reading.begin())
    }

    fn is_owed(&self) -> bool {
        self.owed > self.made_good
    }

    fn want(&mut self, wanted: Wanted) {
        let new = wanted.sessions.iter().filter(|(id, _)| !self.wanted.sessions.contains_key(id));
        let new: Vec<Timestamp> = new.map(|(_, started)| started.unwrap_or_else(|| clock_before(LOOK_BACK))).collect();
        if let Some(started) = new.into_iter().min() {
            // What it wrote before it was listed came by.
            self.reading.reach_back(started);
            self.hurry();
        }
        self.books.keep(|id| wanted.sessions.contains_key(id));
        self.taken.keep(|stream| wanted.sessions.contains_key(&SessionId::from(stream)));
        let reached = self.wanted.cut_off && !wanted.cut_off;
        self.wanted = wanted;
        if self.wanted.cut_off && !self.live.is_on() {
            let why = failure(FailureClass::Unreachable, FILTER, "not asked while the account cannot be read at all");
            self.gaps.begin(self.read_to(), why, Instant::now());
        }
        if reached {
            self.hurry();
        }
    }

    /// The next read comes as soon as it may, unless the last one failed.
    fn hurry(&mut self) {
        if self.backoff.is_idle() && self.page.is_none() {
            self.due = self.due.min((self.asked + GROUP_PAUSE).max(Instant::now()));
        }
    }

    /// Since the last read something may have been missed.
    fn owe(&mut self, why: Failure) {
        self.owed += 1;
        self.gaps.begin(self.read_to(), why, Instant::now());
        self.hurry();
    }

    async fn ask_if_due(&mut self) -> Result<(), Closed> {
        if self.page.is_some() || self.wanted.cut_off || Instant::now() < self.due {
            return Ok(());
        }
        if let Some(skipped) = self.reading.skip(self.read_to(), Timestamp::now()) {
            self.tell_skipped(skipped).await?;
        }
        if !self.reading.is_going_on() {
            (self.making_good, self.began) = (self.owed, Timestamp::now());
        }
        let (from, token) = self.reading.next_page();
        let (scope, group, pace) = (Arc::clone(&self.scope), Arc::clone(&self.group), Arc::clone(&self.pace));
        self.asked = Instant::now();
        self.page = Some(Box::pin(async move {
            pace.turn().await;
            scope.ask(scope.client.tail_page(&group, from, token)).await
        }));
        Ok(())
    }

    async fn take_page(&mut self, page: Result<TailPage, Failure>) -> Result<(), Closed> {
        let page = match page {
            Ok(page) => page,
            Err(failure) => return self.page_failed(failure).await,
        };
        self.backoff.succeeded();
        self.failing = None;
        // What arrived since then was not surely seen before.
        let settled = self.reading.settled().checked_sub(OVERLAP_WHEN_LOUD).unwrap_or(Timestamp::MIN);
        let complete = self.reading.came(&page);
        let mut fresh = HashMap::new();
        let mut lost: Option<(Timestamp, Timestamp)> = None;
        for (stream, id, event) in page.events {
            match self.take(&mut fresh, &stream, event, Shown::Filter(&id)) {
                Some((Taking::Forgotten, arrived)) if arrived > settled => {
                    let (from, until) = lost.unwrap_or((arrived, arrived));
                    lost = Some((from.min(arrived), until.max(arrived)));
                }
                _ => {}
            }
        }
        let at = Timestamp::now();
        self.tell_fresh(fresh, at).await?;
        if let Some((from, until)) = lost {
            let why =
                failure(FailureClass::Other, FILTER, "more events came than are remembered: some may be left out");
            self.tell_gap(Told { from, until: Some(until), filled: false, why }).await?;
        }
        if complete { self.read_is_over(at).await } else { self.read_goes_on().await }
    }

    async fn page_failed(&mut self, failure: Failure) -> Result<(), Closed> {
        // A token lives 24 hours, and not over a restart of what gave it.
        if failure.code.as_deref() == Some("InvalidParameterException") {
            self.reading.begin_again();
        }
        let wait = self.backoff.failed();
        self.due = Instant::now() + wait;
        self.failing = Some(failure.clone());
        if self.live.is_on() {
            self.gaps.goes_on(&failure);
        } else if failure.class != FailureClass::Gone {
            // In a group that is not there nothing is missed.
            self.gaps.begin(self.read_to(), failure.clone(), Instant::now());
            self.gaps.goes_on(&failure);
        }
        // Nobody knows when the rest will come.
        self.books.take_held(Timestamp::now());
        self.tell_health(Fact::failed(failure, Some(clock_after(wait)))).await
    }

    async fn read_goes_on(&mut self) -> Result<(), Closed> {
        self.due = self.asked + GROUP_PAUSE;
        let pages = self.reading.pages();
        if !pages.is_multiple_of(PAGES_A_READ) {
            return Ok(());
        }
        let until = self.reading.until();
        let words = until.map_or_else(String::new, |until| format!(": read up to {until:.0}"));
        let message = format!("the log group holds more than {pages} pages that are not read yet{words}");
        tracing::warn!(scope = %self.scope.client.id(), group = &*self.group, "{message}");
        let why = failure(FailureClass::Other, FILTER, &message);
        self.gaps.begin(until.unwrap_or(self.read_to()), why.clone(), Instant::now());
        self.gaps.goes_on(&why);
        self.gaps.matters();
        self.books.take_held(Timestamp::now());
        self.tell_health(Fact::failed(why, Some(clock_after(GROUP_PAUSE)))).await
    }

    async fn read_is_over(&mut self, at: Timestamp) -> Result<(), Closed> {
        let filled = self.making_good > self.made_good;
        self.made_good = self.making_good;
        self.books.take_held(at);
        self.books.end_read(self.wanted.sessions.keys(), at);
        let now = Instant::now();
        self.read_ends = now + self.every();
        self.read_at.store(at.as_millisecond(), Ordering::Relaxed);
        if let Some(told) = self.gaps.fill(at) {
            self.tell_gap(told).await?;
        }
        let pause = if self.is_owed() || self.reading.is_to_reach_back() {
            GROUP_PAUSE
        } else if !self.live.is_on() {
            self.every()
        } else if filled {
            LOOK_AGAIN
        } else {
            self.scope.config.sweep_every
        };
        self.due = self.asked + pause;
        if self.is_owed() {
            // What made it necessary happened while this read went on.
            let why = failure(FailureClass::Other, START_LIVE_TAIL, "the live tail left something out");
            self.gaps.begin(self.began, why, now);
            if self.live.is_on() {
                self.gaps.narrow(at);
            }
        }
        self.tell_health(Fact::known((), FILTER, at)).await
    }

    async fn take_news(&mut self, news: News) -> Result<(), Closed> {
        match news {
            News::Update(update) => return self.take_update(update).await,
            News::Begun => {
                // What came before it did is not in it.
                self.owe(failure(FailureClass::Other, START_LIVE_TAIL, "the live tail began again"));
                self.gaps.narrow(Timestamp::now());
                self.read_ends = Instant::now() + self.every();
            }
            News::Ended(why) => self.owe(why),
            // Reads go on at the pace of polls.
            News::NotBegun => {
                if !self.live.is_on() {
                    self.due = self.due.min(self.asked + self.every()).max(Instant::now());
                }
            }
        }
        Ok(())
    }

    async fn take_update(&mut self, update: LiveTailUpdate) -> Result<(), Closed> {
        let number = self.live.number();
        let at = Timestamp::now();
        if update.sampled {
            self.owe(failure(FailureClass::Other, START_LIVE_TAIL, "more than 500 events came in a second"));
            self.gaps.narrow(at);
        }
        let mut fresh = HashMap::new();
        for (stream, event) in update.events {
            self.take(&mut fresh, &stream, event, Shown::Live(number));
        }
        self.tell_fresh(fresh, at).await?;
        if self.is_owed() || self.failing.is_some() {
            // What is known of the streams is told when the read is over that this made necessary.
            return Ok(());
        }
        self.read_at.store(at.as_millisecond(), Ordering::Relaxed);
        let now = Instant::now();
        if now < self.read_ends {
            return Ok(());
        }
        // Verdicts follow: they are not asked for more often than polls would.
        self.read_ends = now + self.every();
        self.books.end_read(self.wanted.sessions.keys(), at);
        self.tell_health(Fact::known((), FILTER, at)).await
    }

    /// Takes an event of a session that is wanted, if it is new; what was done, and when it arrived.
    fn take(
        &mut self,
        fresh: &mut HashMap<SessionId, Vec<LogEvent>>,
        stream: &str,
        event: LogEvent,
        shown: Shown<'_>,
    ) -> Option<(Taking, Timestamp)> {
        // Events of other streams are passed over, and not remembered: their session may be listed yet.
        let session = SessionId::from(stream);
        if !self.wanted.sessions.contains_key(&session) {
            return None;
        }
        let (taking, arrived) = (self.taken.take(stream, &event, shown), event.ingested_at);
        if taking == Taking::New {
            fresh.entry(session).or_default().push(event);
        }
        Some((taking, arrived))
    }

    async fn tell_fresh(&mut self, fresh: HashMap<SessionId, Vec<LogEvent>>, at: Timestamp) -> Result<(), Closed> {
        if fresh.is_empty() {
            return Ok(());
        }
        let events: Fresh = fresh.into_iter().collect();
        self.scope.nudge(events.iter().map(|(id, _)| id));
        if self.is_owed() {
            self.books.hold(&events, at);
        } else {
            self.books.take(&events, at);
        }
        let (scope, log_group) = (self.scope.client.id().clone(), Arc::clone(&self.group));
        self.scope.tell(Observation::Tailed { scope, log_group, events, at }).await
    }

    async fn tell_health(&mut self, read: Fact<()>) -> Result<(), Closed> {
        let (scope, log_group) = (self.scope.client.id().clone(), Arc::clone(&self.group));
        let streams = self.books.news();
        self.scope.tell(Observation::StreamHealth { scope, log_group, streams, read }).await
    }

    async fn tell_mode(&mut self) -> Result<(), Closed> {
        let Some(mode) = self.live.mode() else { return Ok(()) };
        if self.told_mode.as_ref().is_some_and(|told| are_alike(told, mode)) {
            return Ok(());
        }
        let mode = mode.clone();
        self.told_mode = Some(mode.clone());
        let (scope, log_group) = (self.scope.client.id().clone(), Arc::clone(&self.group));
        self.scope.tell(Observation::TailMode { scope, log_group, mode }).await
    }

    async fn tell_gap(&mut self, gap: Told) -> Result<(), Closed> {
        let (scope, log_group) = (self.scope.client.id().clone(), Arc::clone(&self.group));
        let Told { from, until, filled, why } = gap;
        self.scope.tell(Observation::TailGap { scope, log_group, from, until, filled, why }).await
    }

    async fn tell_skipped(&mut self, skipped: Skipped) -> Result<(), Closed> {
        let Skipped { from, until } = skipped;
        let why = self.failing.clone();
        let why =
            why.unwrap_or_else(|| failure(FailureClass::Other, FILTER, "nothing was read for longer than an hour"));
        self.tell_gap(Told { from, until: Some(until), filled: false, why }).await
    }
}

fn failure(class: FailureClass, action: &'static str, message: &str) -> Failure {
    Failure { class, action, code: None, message: message.to_owned() }
}

/// The same to people: words of one failure may hold numbers that change.
fn are_alike(one: &TailMode, other: &TailMode) -> bool {
    match (one, other) {
        (TailMode::Polling { why: NoLiveTail::Failed(one) }, TailMode::Polling { why: NoLiveTail::Failed(other) }) => {
            (one.class, one.action, &one.code) == (other.class, other.action, &other.code)
        }
        _ => one == other,
    }
}
