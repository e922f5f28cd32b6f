//! Credentials that are held until they near their end, or until AWS refuses them.
//!
//! The SDK's own cache cannot be told that AWS no longer accepts what it holds (a revoked session, a service that lost its tokens): it would hand
//! out the same credentials until they expire by the clock.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, Result as Provided, error::CredentialsError, future},
};
use jiff::Timestamp;
use tokio::{sync::OwnedMutexGuard, time::timeout};

use super::failure::{ASSUME_ROLE, CREDENTIALS, clean, is_unknown_credentials};
use crate::domain::{Failure, FailureClass};

/// Loading may take an AssumeRole with a retry.
const LOAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Renewed this long before they expire, and up to half as long earlier: what was loaded together is not renewed together.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// Credentials of a short life are renewed when at least this part of it is over.
const LEAST_USE: f64 = 0.5;
/// Whatever is said of them, credentials are not loaded again before this is over: neither refusals nor a wrong clock make a storm.
const LOAD_EVERY: Duration = Duration::from_secs(4);
/// A failed load is the answer to all who ask within this time.
const HOLD_FAILURE: Duration = Duration::from_secs(2);
/// S3 says nothing but a status to HeadObject. Then credentials may be the reason, but hardly more often than this.
const DOUBT_EVERY: Duration = Duration::from_secs(60);

/// The credentials of one account, shared by its regions and services: loaded by one at a time, renewed ahead of their end.
#[derive(Debug, Clone)]
pub(super) struct HeldCredentials {
    inner: Arc<Inner>,
}

struct Inner {
    provider: Box<dyn ProvideCredentials>,
    state: Mutex<State>,
    /// Held by whoever loads.
    loading: Arc<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("provider", &self.provider).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<(Instant, Arc<CredentialsError>)>,
}

struct Held {
    credentials: Credentials,
    loaded: Instant,
    renew_at: Option<SystemTime>,
    /// AWS did not accept them.
    refused: bool,
}

/// What there is without loading.
enum Answer {
    Good(Credentials),
    /// Good for now; somebody should load new ones.
    Aging(Credentials),
    Failed(CredentialsError),
    Nothing,
}

impl Held {
    fn new(credentials: Credentials) -> Self {
        let now = SystemTime::now();
        let renew_at = credentials.expiry().map(|expiry| {
            let life = expiry.duration_since(now).unwrap_or_default();
            let ahead = RENEW_BEFORE.mul_f64(1.0 + fastrand::f64() / 2.0).min(life.mul_f64(1.0 - LEAST_USE));
            expiry - ahead
        });
        Self { credentials, loaded: Instant::now(), renew_at, refused: false }
    }
}

impl State {
    fn answer(&self) -> Answer {
        let failed = self.failed.as_ref().filter(|(at, _)| at.elapsed() < HOLD_FAILURE);
        let now = SystemTime::now();
        if let Some(held) = &self.held {
            let young = held.loaded.elapsed() < LOAD_EVERY;
            let expired = held.credentials.expiry().is_some_and(|expiry| expiry <= now);
            if young || !(held.refused || expired) {
                let aging = !young && failed.is_none() && held.renew_at.is_some_and(|at| at <= now);
                let credentials = held.credentials.clone();
                return if aging { Answer::Aging(credentials) } else { Answer::Good(credentials) };
            }
        }
        match failed {
            Some((_, failure)) => Answer::Failed(CredentialsError::provider_error(SharedFailure(failure.clone()))),
            None => Answer::Nothing,
        }
    }
}

/// One failed load, told to everybody who waited for it.
#[derive(Debug)]
struct SharedFailure(Arc<CredentialsError>);

impl fmt::Display for SharedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SharedFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

impl HeldCredentials {
    /// Holds what `provider` loads; nothing is loaded yet.
    pub(super) fn new(provider: impl ProvideCredentials + 'static) -> Self {
        let inner = Inner { provider: Box::new(provider), state: Mutex::default(), loading: Arc::default() };
        Self { inner: Arc::new(inner) }
    }

    /// AWS did not accept the credentials for a request that began at `began`: the next request gets new ones. Those that were loaded since
    /// are not meant.
    pub(super) fn refused(&self, began: Instant) {
        self.doubted(began, Duration::ZERO);
    }

    /// AWS refused a request without saying why; the credentials may be the reason.
    pub(super) fn doubtful(&self, began: Instant) {
        self.doubted(began, DOUBT_EVERY);
    }

    fn doubted(&self, began: Instant, at_least_held: Duration) {
        if let Some(held) = &mut self.inner.state().held
            && held.loaded <= began
            && held.loaded.elapsed() >= at_least_held
        {
            held.refused = true;
        }
    }

    /// Whether the last that were loaded are temporary ones: those can be renewed.
    pub(super) fn are_temporary(&self) -> bool {
        self.inner.state().held.as_ref().is_some_and(|held| held.credentials.session_token().is_some())
    }

    /// Until when usable credentials are held, and why the last load failed, if it did. Nothing is loaded for it.
    pub(super) fn standing(&self) -> (Option<Timestamp>, Option<Arc<CredentialsError>>) {
        let state = self.inner.state();
        let usable = state.held.as_ref().filter(|held| !held.refused);
        let until = usable.and_then(|held| held.credentials.expiry()).filter(|expiry| *expiry > SystemTime::now());
        (until.and_then(|until| Timestamp::try_from(until).ok()), state.failed.as_ref().map(|(_, why)| why.clone()))
    }

    /// Loads at once if the last load failed; whether it did not fail this time.
    pub(super) async fn load_again(&self) -> bool {
        let turn = self.inner.loading.clone().lock_owned().await;
        if self.inner.state().failed.is_none() {
            return true;
        }
        // A caller that goes away does not give up the load.
        let loaded = tokio::spawn(self.inner.clone().load(turn)).await;
        loaded.is_ok() && self.inner.state().failed.is_none()
    }

    async fn credentials(&self) -> Provided {
        match self.inner.state().answer() {
            Answer::Good(credentials) => return Ok(credentials),
            Answer::Failed(failure) => return Err(failure),
            Answer::Aging(credentials) => {
                // Nobody waits for this: the old ones are still good.
                if let Ok(turn) = self.inner.loading.clone().try_lock_owned() {
                    tokio::spawn(self.inner.clone().load(turn));
                }
                return Ok(credentials);
            }
            Answer::Nothing => {}
        }
        let turn = self.inner.loading.clone().lock_owned().await;
        // Whoever had the turn before may have loaded them.
        match self.inner.state().answer() {
            Answer::Good(credentials) | Answer::Aging(credentials) => return Ok(credentials),
            Answer::Failed(failure) => return Err(failure),
            Answer::Nothing => {}
        }
        // A request that is given up does not give up the load: others wait for it.
        let loaded = tokio::spawn(self.inner.clone().load(turn)).await;
        loaded.map_err(CredentialsError::unhandled)?;
        match self.inner.state().answer() {
            Answer::Good(credentials) | Answer::Aging(credentials) => Ok(credentials),
            Answer::Failed(failure) => Err(failure),
            Answer::Nothing => Err(CredentialsError::provider_timed_out(LOAD_TIMEOUT)),
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(self: Arc<Self>, turn: OwnedMutexGuard<()>) {
        let answer = timeout(LOAD_TIMEOUT, self.provider.provide_credentials()).await;
        let mut state = self.state();
        match answer.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(LOAD_TIMEOUT))) {
            Ok(credentials) => *state = State { held: Some(Held::new(credentials)), failed: None },
            Err(failure) => state.failed = Some((Instant::now(), Arc::new(failure))),
        }
        drop(state);
        drop(turn);
    }
}

impl ProvideCredentials for HeldCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// The failure of a request that began at `began` and was signed with `held`. What AWS no longer accepts is not sent again: the next request
/// gets new credentials.
pub(super) fn judged(failure: Failure, held: &HeldCredentials, began: Instant) -> Failure {
    if failure.action == CREDENTIALS || failure.action == ASSUME_ROLE {
        return failure;
    }
    let unknown =
        failure.class == FailureClass::NoCredentials && failure.code.as_deref().is_some_and(is_unknown_credentials);
    if !unknown && failure.class != FailureClass::Expired {
        return failure;
    }
    held.refused(began);
    if !held.are_temporary() {
        return failure;
    }
    Failure {
        class: FailureClass::Expired,
        message: clean(&format!("credentials are no longer accepted: {}", failure.message)),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// Counts its loads; gives keys that live so long, or fails.
    #[derive(Debug, Clone, Default)]
    struct Source {
        loads: Arc<AtomicU32>,
        life: Option<Duration>,
        broken: Arc<std::sync::atomic::AtomicBool>,
    }

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(async {
                tokio::task::yield_now().await;
                let load = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
                if self.broken.load(Ordering::Relaxed) {
                    return Err(CredentialsError::provider_error("the login is over"));
                }
                let expiry = self.life.map(|life| SystemTime::now() + life);
                Ok(Credentials::new(format!("key-{load}"), "secret", Some("token".into()), expiry, "test"))
            })
        }
    }

    impl Source {
        fn loads(&self) -> u32 {
            self.loads.load(Ordering::Relaxed)
        }
    }

    async fn key(held: &HeldCredentials) -> String {
        held.provide_credentials().await.unwrap().access_key_id().to_owned()
    }

    /// As if the credentials had been loaded that much earlier.
    fn age(held: &HeldCredentials, by: Duration) {
        let mut state = held.inner.state();
        let loaded = &mut state.held.as_mut().unwrap().loaded;
        *loaded = loaded.checked_sub(by).unwrap();
    }

    #[tokio::test]
    async fn all_who_ask_at_once_wait_for_one_load() {
        let source = Source::default();
        let held = HeldCredentials::new(source.clone());
        assert!(!held.are_temporary());
        let keys = join_all((0..50).map(|_| key(&held))).await;
        assert!(keys.iter().all(|key| key == "key-1"), "{keys:?}");
        assert_eq!((source.loads(), held.are_temporary()), (1, true));
    }

    #[tokio::test]
    async fn refused_credentials_are_loaded_anew_but_not_in_a_storm() {
        let source = Source::default();
        let held = HeldCredentials::new(source.clone());
        assert_eq!(key(&held).await, "key-1");
        held.refused(Instant::now());
        assert_eq!(key(&held).await, "key-1", "loaded again at once");
        age(&held, LOAD_EVERY);
        let before = Instant::now();
        assert_eq!(key(&held).await, "key-2");
        // A request that began before they were loaded speaks of the old ones.
        held.refused(before);
        age(&held, LOAD_EVERY * 2);
        assert_eq!(key(&held).await, "key-2");
        held.doubtful(Instant::now());
        assert_eq!(key(&held).await, "key-2", "a doubt is no refusal");
        age(&held, DOUBT_EVERY);
        held.doubtful(Instant::now());
        assert_eq!((key(&held).await.as_str(), source.loads()), ("key-3", 3));
    }

    #[tokio::test]
    async fn a_failed_load_is_one_answer_to_all_and_its_cause_is_kept() {
        let source = Source::default();
        source.broken.store(true, Ordering::Relaxed);
        let held = HeldCredentials::new(source.clone());
        let answers = join_all((0..50).map(|_| held.provide_credentials())).await;
        assert_eq!(source.loads(), 1);
        for answer in answers {
            let failure = answer.unwrap_err();
            let mut words = Vec::new();
            let mut link: Option<&dyn Error> = Some(&failure);
            while let Some(error) = link {
                words.push(error.to_string());
                link = error.source();
            }
            assert!(words.iter().any(|words| words == "the login is over"), "{words:?}");
        }
        source.broken.store(false, Ordering::Relaxed);
        held.inner.state().failed.as_mut().unwrap().0 -= HOLD_FAILURE;
        assert_eq!(key(&held).await, "key-2");
    }

    #[tokio::test]
    async fn aging_credentials_serve_while_new_ones_are_loaded() {
        let source = Source { life: Some(Duration::from_secs(3600)), ..Source::default() };
        let held = HeldCredentials::new(source.clone());
        assert_eq!(key(&held).await, "key-1");
        let renew_at = held.inner.state().held.as_ref().unwrap().renew_at.unwrap();
        let ahead = Duration::from_secs(3600).saturating_sub(renew_at.duration_since(SystemTime::now()).unwrap());
        assert!(ahead >= RENEW_BEFORE && ahead <= RENEW_BEFORE * 2, "{ahead:?}");
        age(&held, Duration::from_secs(3500));
        held.inner.state().held.as_mut().unwrap().renew_at = Some(SystemTime::now());
        assert_eq!(key(&held).await, "key-1", "waited for new ones");
        let renewed = async {
            while key(&held).await != "key-2" {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), renewed).await.unwrap();
        assert_eq!(source.loads(), 2);
    }

    #[tokio::test]
    async fn days_of_hourly_credentials_leave_no_gap_and_grow_nothing() {
        let source = Source { life: Some(Duration::from_secs(3600)), ..Source::default() };
        let held = HeldCredentials::new(source.clone());
        assert_eq!(key(&held).await, "key-1");
        // Each round is an hour; in every third one the first renewal fails, and the old ones serve on.
        for hour in 1..=72 {
            let fails = hour % 3 == 0;
            let before = (key(&held).await, source.loads());
            age(&held, LOAD_EVERY);
            held.inner.state().held.as_mut().unwrap().renew_at = Some(SystemTime::now());
            source.broken.store(fails, Ordering::Relaxed);
            assert_eq!(key(&held).await, before.0, "a gap in hour {hour}");
            let loaded = async {
                while source.loads() == before.1 || held.inner.loading.try_lock().is_err() {
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(10), loaded).await.unwrap();
            if fails {
                let (until, failure) = held.standing();
                assert!(until.is_some() && failure.is_some(), "a failed renewal is told while the old ones last");
                assert_eq!(key(&held).await, before.0, "a gap in hour {hour}");
                source.broken.store(false, Ordering::Relaxed);
                assert!(held.load_again().await);
            }
            assert_ne!(key(&held).await, before.0, "not renewed in hour {hour}");
            assert!(held.standing().1.is_none());
        }
        // One load an hour, and one more for each that failed.
        assert_eq!(source.loads(), 1 + 72 + 24);
        assert_eq!(Arc::strong_count(&held.inner), 1);
    }

    #[tokio::test]
    async fn a_login_made_elsewhere_is_taken_up_when_it_is_asked_for() {
        let source = Source::default();
        source.broken.store(true, Ordering::Relaxed);
        let held = HeldCredentials::new(source.clone());
        assert!(held.load_again().await, "nothing failed so far, so nothing is loaded");
        assert_eq!(source.loads(), 0);
        held.provide_credentials().await.unwrap_err();
        assert!(!held.load_again().await);
        source.broken.store(false, Ordering::Relaxed);
        assert!(held.load_again().await);
        assert_eq!(key(&held).await, "key-3");
        assert_eq!(held.standing().1.map(|why| why.to_string()), None);
    }

    #[tokio::test]
    async fn a_wrong_clock_makes_no_storm() {
        let source = Source { life: Some(Duration::ZERO), ..Source::default() };
        let held = HeldCredentials::new(source.clone());
        for _ in 0..20 {
            assert_eq!(key(&held).await, "key-1");
        }
        age(&held, LOAD_EVERY);
        assert_eq!(key(&held).await, "key-2");
    }
}
