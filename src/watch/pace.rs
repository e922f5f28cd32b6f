//! Requests that follow each other at a distance: quotas are an account's, and others ask too.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// One request each `pause`, first come, first served.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    free_at: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, free_at: Mutex::new(Instant::now()) }
    }

    /// Waits until a request may go out.
    pub(super) async fn turn(&self) {
        let slot = self.slot(Instant::now());
        sleep_until(slot).await;
    }

    fn slot(&self, now: Instant) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = (*free_at).max(now);
        *free_at = slot + self.pause;
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_at_once_goes_out_one_after_the_other() {
        let pause = Duration::from_millis(100);
        let pace = Pace::new(pause);
        let now = Instant::now() + Duration::from_secs(1);
        assert_eq!([0, 1, 2].map(|_| pace.slot(now)), [now, now + pause, now + pause * 2]);
        let later = now + Duration::from_secs(1);
        assert_eq!(pace.slot(later), later, "a rest is not saved up");
    }
}
