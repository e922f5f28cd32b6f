//! Live Tail sessions that are open: who follows what, and how they are told to end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::sim::{error::AwsError, gate::matches, service::LiveTail};

/// Most sessions of one account in one region at a time.
pub const MOST_SESSIONS: usize = 15;

/// How a Live Tail session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The connection breaks.
    Sever,
    /// `SessionTimeoutException` in the stream.
    TimeOut,
    /// `SessionStreamingException` in the stream.
    Fail,
    /// The stream is complete, and nobody says why.
    Close,
}

/// What an open session follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Follower {
    /// Account of the log groups.
    pub account: String,
    /// Region of the log groups.
    pub region: String,
    /// ARNs of the log groups.
    pub log_groups: Vec<String>,
}

/// All open sessions.
#[derive(Debug, Clone, Default)]
pub struct LiveTails(Arc<Mutex<Registry>>);

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    open: BTreeMap<u64, (Follower, watch::Sender<Option<Ending>>)>,
}

impl LiveTails {
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session; it counts until its seat is dropped.
    ///
    /// # Errors
    /// `LimitExceededException` if account and region have as many as they may.
    pub fn open(&self, tail: &LiveTail) -> Result<Seat, AwsError> {
        let mut registry = self.lock();
        let same = |follower: &Follower| follower.account == tail.account && follower.region == tail.region;
        if registry.open.values().filter(|(follower, _)| same(follower)).count() >= MOST_SESSIONS {
            return Err(AwsError::client(
                "LimitExceededException",
                format!("Maximum number of concurrent Live Tail sessions reached. Limit: {MOST_SESSIONS}"),
            ));
        }
        let number = registry.next;
        registry.next += 1;
        let follower = Follower {
            account: tail.account.clone(),
            region: tail.region.clone(),
            log_groups: tail.log_group_identifiers.clone(),
        };
        let (sender, told) = watch::channel(None);
        registry.open.insert(number, (follower, sender));
        Ok(Seat { tails: self.clone(), number, told })
    }

    /// The open sessions of the matching accounts and regions (`*` for any).
    pub fn followers(&self, account: &str, region: &str) -> Vec<Follower> {
        let registry = self.lock();
        let followers = registry.open.values().map(|(follower, _)| follower);
        followers.filter(|follower| follower.is_of(account, region)).cloned().collect()
    }

    /// Ends the open sessions of the matching accounts and regions (`*` for any) at once; says how many.
    pub fn end(&self, account: &str, region: &str, ending: Ending) -> usize {
        let registry = self.lock();
        let hit = registry.open.values().filter(|(follower, _)| follower.is_of(account, region));
        hit.map(|(_, sender)| sender.send_replace(Some(ending))).filter(Option::is_none).count()
    }

    /// Breaks their connections.
    pub fn sever(&self, account: &str, region: &str) -> usize {
        self.end(account, region, Ending::Sever)
    }
}

impl Follower {
    fn is_of(&self, account: &str, region: &str) -> bool {
        matches(account, &self.account) && matches(region, &self.region)
    }
}

/// The place of one open session.
#[derive(Debug)]
pub struct Seat {
    tails: LiveTails,
    number: u64,
    told: watch::Receiver<Option<Ending>>,
}

impl Seat {
    /// Waits until somebody ends the session.
    pub async fn ended(&mut self) -> Ending {
        match self.told.wait_for(Option::is_some).await.map(|ending| *ending) {
            Ok(Some(ending)) => ending,
            // The sender lives as long as the seat does.
            _ => std::future::pending().await,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.tails.lock().open.remove(&self.number);
    }
}
