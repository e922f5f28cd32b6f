//! What the tasks of one scope share.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{Notify, Semaphore, mpsc, watch},
    time::Instant,
};

use super::{
    WatchConfig,
    backoff::{CEILING, delay, is_passing},
    lookup::Limiter,
    pace::Pace,
};
use crate::{
    aws::{PREFERENCES_DOCUMENT, PolicyCache, ScopeClient},
    domain::{
        Failure, FailureClass, Observation, Preferences, ScopeId, Session, SessionDocument, SessionId, SessionType,
    },
};

/// Requests of one scope that are in flight at once: a scope that hangs cannot take all of the fleet's.
const IN_FLIGHT: usize = 4;
/// GetLogEvents takes 10 requests a second of an account and region, where it takes the fewest (CloudWatch Logs quotas); a little less.
pub(super) const TRANSCRIPT_PAUSE: Duration = Duration::from_millis(110);

/// The receiver of observations is gone; the watch has nobody to talk to.
#[derive(Debug)]
pub(super) struct Closed;

/// A document as far as it is known.
#[derive(Debug, Clone, PartialEq)]
// A scope has a handful of them.
#[allow(clippy::large_enum_variant)]
pub(super) enum DocumentState {
    /// Read; `None`: there is none.
    Read(Option<SessionDocument>),
    /// Could not be read.
    Failed,
}

impl DocumentState {
    fn document(&self) -> Option<&SessionDocument> {
        match self {
            Self::Read(document) => document.as_ref(),
            Self::Failed => None,
        }
    }
}

/// What the scope's tasks tell each other.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// An Active listing was complete.
    pub listed: bool,
    /// One pass is through with the listings, read or not.
    pub passed: bool,
    /// The listing fails for a reason that hits every request (no connection, no credentials).
    pub cut_off: bool,
    /// The sessions of the last complete Active listing.
    pub active: HashMap<SessionId, Session>,
    /// Sessions that History listed, by id.
    pub ended: HashMap<SessionId, Session>,
    /// The preferences, once they were asked for.
    pub preferences: Option<DocumentState>,
    /// Other documents, by the name that sessions give.
    pub documents: HashMap<Arc<str>, DocumentState>,
}

impl Known {
    /// The session's document; `None`: it was not asked for yet.
    pub(super) fn document_of(&self, session: &Session) -> Option<&DocumentState> {
        match document_key(session) {
            None => self.preferences.as_ref(),
            Some(name) => self.documents.get(name),
        }
    }

    /// The session's type, if its document is known.
    pub(super) fn type_of(&self, session: &Session) -> Option<&SessionType> {
        Some(&self.document_of(session)?.document()?.session_type)
    }

    /// The inputs that decide where the session is logged: the document's own where it names something, else the preferences.
    fn inputs_of(&self, session: &Session) -> impl Iterator<Item = &Preferences> {
        let own = self.document_of(session).and_then(DocumentState::document);
        let preferences = self.preferences.as_ref().and_then(DocumentState::document);
        own.into_iter().chain(preferences).map(|document| &document.inputs)
    }

    /// The log group that the session's stream belongs in.
    pub(super) fn log_group_of(&self, session: &Session, config: &WatchConfig) -> Option<Arc<str>> {
        if let Some(group) = &config.log_group {
            return Some(filled(group, &session.key.scope).into());
        }
        // What the service itself says goes before what documents say now: they may have changed since the start.
        session.log_group.clone().or_else(|| {
            let mut groups = self.inputs_of(session).map(|inputs| inputs.log_group.as_str());
            groups.find(|group| !group.is_empty()).map(Arc::from)
        })
    }

    /// Whether the session is streamed while it runs: documents of AWS's own carry no inputs, then the preferences decide.
    pub(super) fn streams(&self, session: &Session) -> bool {
        self.inputs_of(session).any(|inputs| inputs.streaming)
    }

    /// The log group that the preferences name.
    pub(super) fn preferred_log_group(&self) -> Option<Arc<str>> {
        let group = &self.preferences.as_ref()?.document()?.inputs.log_group;
        (!group.is_empty()).then(|| group.as_str().into())
    }

    /// The bucket and prefix that the session's object belongs in.
    pub(super) fn archive_of(&self, session: &Session, config: &WatchConfig) -> Option<(String, String)> {
        let inputs = self.inputs_of(session).find(|inputs| !inputs.s3_bucket.is_empty());
        let prefix = inputs.map(|inputs| inputs.s3_prefix.clone()).unwrap_or_default();
        match &config.log_bucket {
            Some(bucket) => Some((filled(bucket, &session.key.scope), prefix)),
            None => inputs.map(|inputs| (inputs.s3_bucket.clone(), prefix)),
        }
    }
}

/// A name of the config, with `{region}` and `{account}` filled in.
fn filled(template: &str, scope: &ScopeId) -> String {
    template.replace("{region}", scope.region.as_str()).replace("{account}", scope.account.as_str())
}

/// The key of a session's document among [`Known::documents`]; `None`: it is the preferences document.
pub(super) fn document_key(session: &Session) -> Option<&Arc<str>> {
    session.document.as_ref().filter(|_| session.document_name() != PREFERENCES_DOCUMENT)
}

/// One account's roles: IAM is global, so one scope of the account reads a role for all of them.
#[derive(Debug, Default)]
pub(super) struct RoleBook {
    /// Documents of the account's managed policies.
    pub(super) cache: PolicyCache,
    entries: Mutex<HashMap<Arc<str>, RoleEntry>>,
}

#[derive(Debug)]
struct RoleEntry {
    due: Instant,
    failures: u32,
    passing: bool,
    read: bool,
}

impl RoleBook {
    fn with<R>(&self, role: &Arc<str>, act: impl FnOnce(&mut RoleEntry) -> R) -> R {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || RoleEntry { due: Instant::now(), failures: 0, passing: false, read: false };
        act(entries.entry(role.clone()).or_insert_with(new))
    }

    /// Whether the role is due, and the caller reads it now; nobody else does before `every` is over. With `once`, a role that was read is
    /// not due again.
    pub(super) fn claim(&self, role: &Arc<str>, every: Duration, once: bool) -> bool {
        self.with(role, |entry| {
            let now = Instant::now();
            let mine = entry.due <= now && !(once && entry.read);
            if mine {
                entry.due = now + every;
            }
            mine
        })
    }

    /// The claimed read failed: when it is tried again.
    pub(super) fn failed(&self, role: &Arc<str>, base: Duration, failure: &Failure) -> Duration {
        self.with(role, |entry| {
            entry.failures += 1;
            entry.read = false;
            entry.passing = is_passing(failure);
            let wait = delay(base, entry.failures, CEILING);
            entry.due = Instant::now() + wait;
            wait
        })
    }

    /// The claimed read worked.
    pub(super) fn done(&self, role: &Arc<str>) {
        self.with(role, |entry| {
            entry.failures = 0;
            entry.passing = false;
            entry.read = true;
        });
    }

    /// When the role is due; nothing: it was read, and `once` is enough.
    pub(super) fn due(&self, role: &Arc<str>, once: bool) -> Option<Instant> {
        self.with(role, |entry| (!(once && entry.read)).then_some(entry.due))
    }

    /// When the role is due, if its last read failed in a way that may be over soon.
    pub(super) fn passing(&self, role: &Arc<str>) -> Option<Instant> {
        self.with(role, |entry| entry.passing.then_some(entry.due))
    }
}

/// One scope, as its tasks see it.
#[derive(Debug)]
pub(super) struct Scope {
    pub client: Arc<ScopeClient>,
    pub config: Arc<WatchConfig>,
    pub roles: Arc<RoleBook>,
    /// Principals of the account whose tags are read, as `role/NAME` and `user/NAME`.
    pub principals: Arc<RoleBook>,
    /// The pace of CloudTrail lookups here.
    pub lookups: Arc<Limiter>,
    pub known: watch::Sender<Known>,
    /// Poll now.
    pub refresh: Notify,
    /// Read all that the service tells of the past.
    pub past: Notify,
    /// The pace of reads of followed streams.
    pub transcripts: Pace,
    /// Whom to tell that a followed session has new events.
    nudges: Mutex<HashMap<SessionId, Arc<Notify>>>,
    /// A request failed in a way that may be over soon.
    hiccup: AtomicBool,
    out: mpsc::Sender<Observation>,
    fleet_permits: Arc<Semaphore>,
    permits: Semaphore,
}

impl Scope {
    pub(super) fn new(
        client: Arc<ScopeClient>,
        config: Arc<WatchConfig>,
        roles: Arc<RoleBook>,
        principals: Arc<RoleBook>,
        lookups: Arc<Limiter>,
        out: mpsc::Sender<Observation>,
        fleet_permits: Arc<Semaphore>,
    ) -> Self {
        Self {
            client,
            config,
            roles,
            principals,
            lookups,
            known: watch::Sender::new(Known::default()),
            refresh: Notify::new(),
            past: Notify::new(),
            transcripts: Pace::new(TRANSCRIPT_PAUSE),
            nudges: Mutex::default(),
            hiccup: AtomicBool::new(false),
            out,
            fleet_permits,
            permits: Semaphore::new(IN_FLIGHT),
        }
    }

    /// Sends a request when the scope and the fleet have room for it. Both queues are first come, first served.
    pub(super) async fn in_turn<T>(&self, request: impl Future<Output = T>) -> T {
        // The semaphores are never closed; without a permit the request goes out all the same.
        let _mine = self.permits.acquire().await.ok();
        let _fleet = self.fleet_permits.acquire().await.ok();
        request.await
    }

    /// As [`Scope::in_turn`], and notes whether it failed in a way that may be over soon.
    pub(super) async fn ask<T>(&self, request: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        // Requests are large futures: on the heap they do not add up in what awaits them.
        let answer = self.in_turn(Box::pin(request)).await;
        if answer.as_ref().is_err_and(is_passing) {
            self.hiccup.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Notified as soon as events of that session are seen, until [`Scope::unlisten`].
    pub(super) fn listen(&self, session: &SessionId) -> Arc<Notify> {
        self.nudges.lock().unwrap_or_else(PoisonError::into_inner).entry(session.clone()).or_default().clone()
    }

    /// Nobody waits for that session's events any more.
    pub(super) fn unlisten(&self, session: &SessionId) {
        self.nudges.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }

    /// Events of those sessions were seen.
    pub(super) fn nudge<'a>(&self, sessions: impl Iterator<Item = &'a SessionId>) {
        let nudges = self.nudges.lock().unwrap_or_else(PoisonError::into_inner);
        if !nudges.is_empty() {
            sessions.filter_map(|session| nudges.get(session)).for_each(|nudge| nudge.notify_one());
        }
    }

    /// Whether a request failed since the last call in a way that may be over soon.
    pub(super) fn take_hiccup(&self) -> bool {
        self.hiccup.swap(false, Ordering::Relaxed)
    }

    /// Hands an observation over, waiting while the receiver is behind.
    pub(super) async fn tell(&self, observation: Observation) -> Result<(), Closed> {
        self.out.send(observation).await.map_err(|_| Closed)
    }
}

/// Failures that hit every request of a scope, whatever it asks.
pub(super) fn cuts_off(failure: &Failure) -> bool {
    matches!(failure.class, FailureClass::Unreachable | FailureClass::Expired | FailureClass::NoCredentials)
        || failure.action == "sts:AssumeRole"
}

/// Failures for which the credentials are renewed with the next request: a service no longer accepts them. (A login that is over, or a role
/// that cannot be assumed, needs people.)
pub(super) fn is_renewed(failure: &Failure) -> bool {
    failure.class == FailureClass::Expired && !matches!(failure.action, "sts:AssumeRole" | "credentials")
}

/// The clock's time after `wait`.
pub(super) fn clock_after(wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The clock's time before `ago`.
pub(super) fn clock_before(ago: Duration) -> Timestamp {
    let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
    Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN)
}

/// How long the clock's `time` is over; zero if it is to come.
pub(super) fn elapsed_since(time: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(time)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{SessionKey, SessionStatus};

    #[test]
    fn names_of_the_config_are_filled_for_the_scope() {
        let session = Session {
            key: SessionKey::new(ScopeId::new("111122223333", "us-east-1"), "jane-0a1b"),
            target: "i-0a".into(),
            status: SessionStatus::Connected,
            started_at: None,
            ended_at: None,
            document: None,
            owner: "".into(),
            reason: None,
            max_duration_minutes: None,
            log_group: None,
            access: None,
        };
        let config = WatchConfig {
            log_group: Some("/ssm/{account}/{region}".into()),
            log_bucket: Some("logs-{region}".into()),
            ..WatchConfig::default()
        };
        let known = Known::default();
        assert_eq!(known.log_group_of(&session, &config).as_deref(), Some("/ssm/111122223333/us-east-1"));
        assert_eq!(known.archive_of(&session, &config), Some(("logs-us-east-1".into(), String::new())));
    }
}
