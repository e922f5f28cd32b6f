//! The watch: who is asked what, and when. Emits [`Observation`]s.
//!
//! Each scope has tasks of its own: one for the listings (never two requests at once), one each for evidence, log streams, the archive and
//! CloudTrail, one that reads once who was here before; each account has one for its tags' history.
//! They share what is known of the scope and wake each other when it changes. One more task reads the followed sessions, one archive objects that
//! are asked for. A scope that hangs or is refused holds only its own few request slots.

mod archive;
mod archive_body;
mod backoff;
mod credentials;
mod evidence;
mod listing;
mod lookup;
mod one;
mod pace;
mod pass;
mod past;
mod principal_tags;
mod principals;
mod scope;
mod standing;
mod streams;
mod tag_trail;
mod tail;
mod trail;
mod transcript;
mod whole;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Instant, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

pub use self::one::one_session;
pub use self::pass::one_pass;
pub use self::whole::{Archived, LogPlaces, Search, StreamReader, archived, log_places, search};

use self::{
    archive::Archives,
    archive_body::{Asked, Bodies},
    evidence::Evidence,
    listing::Listing,
    lookup::{Limiter, Limiters},
    past::Past,
    principals::Principals,
    scope::{Closed, RoleBook, Scope},
    streams::Streams,
    tag_trail::TagTrail,
    tail::Tails,
    trail::Trail,
    transcript::{Followed, Places, Tail},
};
use crate::{
    aws::{Fleet, global_events_region},
    domain::{AccountId, Observation, ScopeId, Session, SessionKey},
};

/// Requests of the whole fleet in flight at once, at the least; each opens a connection.
const IN_FLIGHT: usize = 64;
/// … and at the most: below the usual limit of 1024 open files.
const IN_FLIGHT_MOST: usize = 512;
/// First polls follow each other this closely.
const START_STEP: Duration = Duration::from_millis(10);
/// The last first poll is sent after this long, however many scopes there are.
const START_SPAN: Duration = Duration::from_secs(1);
/// How often request counts are told, if they changed.
const API_USE_EVERY: Duration = Duration::from_secs(3);

/// Sessions that are followed at once: GetLogEvents takes 10 requests a second of an account and region, where it takes the fewest.
pub const MOST_FOLLOWED: usize = 4;

/// How the watch looks.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchConfig {
    /// Time between two Active listings of a scope.
    pub sessions_every: Duration,
    /// Time between two reads of the same evidence.
    pub evidence_every: Duration,
    /// Log group of all sessions, with `{region}` and `{account}`; absent: what their documents and the preferences say.
    pub log_group: Option<String>,
    /// Log archive bucket, with `{region}` and `{account}`; absent: what documents and preferences say.
    pub log_bucket: Option<String>,
    /// Whether tags of principals are read: where they must match the node's, or approve sessions (rules WHO-04, APR-02).
    pub principal_tags: bool,
    /// Whether changes of principals' tags are looked up in CloudTrail: where a tag approves sessions (rules APR-01, APR-02).
    pub tag_changes: bool,
    /// Whether log groups are tailed live (logs:StartLiveTail); otherwise they are polled.
    pub live_tail: bool,
    /// How long a live tail runs before another takes over: the service ends it after three hours.
    pub live_tail_life: Duration,
    /// Beside a live tail: time between two reads that look for what it left out.
    pub sweep_every: Duration,
    /// A gap in what is read of a log group is told when it was open so long.
    pub gap_after: Duration,
    /// How far back it is looked who held sessions before (rule WHO-07); zero: it is not.
    pub principals_since: Duration,
    /// Evidence of sessions that ended is read back to here.
    pub history: Duration,
    /// How long [`one_pass`] waits for a scope.
    pub scope_deadline: Duration,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            sessions_every: Duration::from_secs(5),
            evidence_every: Duration::from_secs(60),
            log_group: None,
            log_bucket: None,
            principal_tags: false,
            tag_changes: false,
            live_tail: true,
            live_tail_life: Duration::from_secs(170 * 60),
            sweep_every: Duration::from_secs(60),
            gap_after: Duration::from_secs(30),
            principals_since: Duration::from_secs(10 * 24 * 3600),
            history: listing::HISTORY_SPAN,
            scope_deadline: Duration::from_secs(60),
        }
    }
}

/// The running watch.
#[derive(Debug)]
pub struct Watch {
    followed: watch::Sender<Vec<Followed>>,
    places: Arc<Places>,
    bodies: mpsc::UnboundedSender<Asked>,
    scopes: HashMap<ScopeId, Arc<Scope>>,
    tasks: JoinSet<()>,
}

impl Watch {
    /// Starts to watch all scopes of the fleet; observations go to `sender`, with back-pressure, until `stop` is cancelled or the receiver is gone.
    /// Must be called within a tokio runtime.
    pub fn start(
        fleet: &Fleet,
        config: WatchConfig,
        sender: mpsc::Sender<Observation>,
        stop: &CancellationToken,
    ) -> Self {
        let every = config.sessions_every;
        let Scopes { scopes, tags } = scopes_of(fleet, config, &sender);
        let mut tasks = JoinSet::new();
        let count = u32::try_from(scopes.len()).unwrap_or(u32::MAX).max(1);
        let past = Arc::new(Semaphore::new(past::AT_ONCE));
        let step = START_STEP.min(START_SPAN / count);
        for (turn, scope) in (0_u32..).zip(&scopes) {
            let phase = every * turn / count;
            let first = Instant::now() + step * turn;
            let watched = Watched { scope: scope.clone(), stop: stop.clone() };
            tasks.spawn(watched.clone().listings(first, phase));
            tasks.spawn(watched.clone().evidence(first));
            tasks.spawn(watched.clone().streams());
            tasks.spawn(watched.clone().tails());
            tasks.spawn(watched.clone().archives());
            tasks.spawn(watched.clone().trail());
            tasks.spawn(watched.clone().principals());
            tasks.spawn(watched.past(Arc::clone(&past)));
        }
        for mut tags in tags {
            let stopped = stop.clone();
            tasks.spawn(async move {
                let work = async {
                    loop {
                        let (next, _) = tags.step().await?;
                        sleep_until(next).await;
                    }
                };
                let _: Option<Result<(), Closed>> = stopped.run_until_cancelled(work).await;
            });
        }
        let by_id: HashMap<ScopeId, Arc<Scope>> =
            scopes.into_iter().map(|scope| (scope.client.id().clone(), scope)).collect();
        let places = Arc::new(Places::default());
        let followed = watch::Sender::new(Vec::new());
        let (bodies, asked) = mpsc::unbounded_channel();
        let reader = Bodies::new(by_id.clone());
        let stopped = stop.clone();
        tasks.spawn(async move {
            // Either end is the end of the watch; nothing is left to say.
            let _ = stopped.run_until_cancelled(reader.run(asked)).await;
        });
        let tail = Tail { scopes: by_id.clone(), places: places.clone(), out: sender.clone() };
        let receiver = followed.subscribe();
        let stopped = stop.clone();
        tasks.spawn(async move {
            // Either end is the end of the watch; nothing is left to say.
            let _ = stopped.run_until_cancelled(tail.run(receiver)).await;
        });
        if !fleet.logins().is_empty() {
            let watched = credentials::Credentials::new(fleet.clone(), by_id.clone(), sender.clone());
            let stopped = stop.clone();
            tasks.spawn(async move {
                // Either end is the end of the watch; nothing is left to say.
                let _ = stopped.run_until_cancelled(watched.run()).await;
            });
        }
        let (fleet, stopped) = (fleet.clone(), stop.clone());
        tasks.spawn(async move {
            let _ = stopped.run_until_cancelled(tell_api_use(fleet, sender)).await;
        });
        Self { followed, places, bodies, scopes: by_id, tasks }
    }

    /// Follows these sessions' streams, each in its log group, and no others; more than [`MOST_FOLLOWED`] are not followed. Those that were followed
    /// before go on undisturbed. Events that were told before are not told again.
    pub fn follow(&self, sessions: Vec<(SessionKey, String)>) {
        let mut wanted: Vec<Followed> = Vec::new();
        for (session, group) in sessions {
            if wanted.len() < MOST_FOLLOWED && wanted.iter().all(|followed| followed.0 != session) {
                wanted.push((session, group.into()));
            }
        }
        self.followed.send_if_modified(|followed| {
            let changed = *followed != wanted;
            *followed = wanted;
            changed
        });
    }

    /// Reads what the session's archive object holds; the answer is an [`Observation::ArchiveBody`].
    pub fn read_archive(&self, session: SessionKey) {
        // Nobody reads any more only when the watch is over.
        let _ = self.bodies.send(Asked::Body(session, None));
    }

    /// As [`Watch::read_archive`], of a session that the watch need not know (any more).
    pub fn read_archive_of(&self, session: Session) {
        let _ = self.bodies.send(Asked::Body(session.key.clone(), Some(session)));
    }

    /// Looks once whether the archive object of a session is there that the watch need not know (any more); the answer is an
    /// [`Observation::Archive`].
    pub fn find_archive(&self, session: Session) {
        let _ = self.bodies.send(Asked::Object(session));
    }

    /// Reads the sessions that ended within the 30 days of which the service tells, scope after scope, beside everything else; the
    /// answers are [`Observation::Past`]. Asked again while it is under way, it is read once more after that.
    pub fn read_past(&self) {
        self.scopes.values().for_each(|scope| scope.past.notify_one());
    }

    /// The next time this session is followed, its events are told from the first one on.
    pub fn reread(&self, session: &SessionKey) {
        self.places.forget(session);
    }

    /// Lists the scope's sessions now; the next regular poll keeps its time.
    pub fn refresh(&self, scope: &ScopeId) {
        if let Some(scope) = self.scopes.get(scope) {
            scope.refresh.notify_one();
        }
    }

    /// Waits until all tasks have ended (after `stop` was cancelled).
    pub async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What is watched.
struct Scopes {
    scopes: Vec<Arc<Scope>>,
    /// One an account, if tags are looked at.
    tags: Vec<TagTrail>,
}

fn scopes_of(fleet: &Fleet, config: WatchConfig, sender: &mpsc::Sender<Observation>) -> Scopes {
    let config = Arc::new(config);
    let count = fleet.scopes().count();
    let permits = Arc::new(Semaphore::new((count * 3).clamp(IN_FLIGHT, IN_FLIGHT_MOST)));
    let mut roles: HashMap<AccountId, Arc<RoleBook>> = HashMap::new();
    let mut tagged: HashMap<AccountId, Arc<RoleBook>> = HashMap::new();
    let mut limiters = Limiters::default();
    let mut accounts: HashMap<AccountId, (Arc<Limiter>, Vec<Arc<Scope>>)> = HashMap::new();
    let mut scopes = Vec::with_capacity(count);
    for client in fleet.scopes() {
        let ScopeId { account, region } = client.id();
        let roles = roles.entry(account.clone()).or_default().clone();
        let tagged = tagged.entry(account.clone()).or_default().clone();
        let lookups = limiters.of(account, region);
        let scope = Arc::new(Scope::new(
            client.clone(),
            config.clone(),
            roles,
            tagged,
            lookups,
            sender.clone(),
            permits.clone(),
        ));
        if config.tag_changes {
            let limiter = limiters.of(account, &global_events_region(region));
            accounts.entry(account.clone()).or_insert_with(|| (limiter, Vec::new())).1.push(scope.clone());
        }
        scopes.push(scope);
    }
    let tags = accounts.into_values().map(|(limiter, scopes)| TagTrail::new(scopes, limiter)).collect();
    Scopes { scopes, tags }
}

/// A scope on its way through the tasks.
#[derive(Clone)]
struct Watched {
    scope: Arc<Scope>,
    stop: CancellationToken,
}

impl Watched {
    async fn listings(self, first: Instant, phase: Duration) {
        let scope = self.scope.clone();
        let work = async {
            sleep_until(first).await;
            let mut listing = Listing::new(scope.clone(), phase);
            loop {
                let next = listing.step().await?;
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = scope.refresh.notified() => {}
                }
            }
        };
        self.until_stopped(work).await;
    }

    async fn evidence(self, first: Instant) {
        let scope = self.scope.clone();
        let work = async {
            let mut changes = scope.known.subscribe();
            sleep_until(first).await;
            let mut evidence = Evidence::new(scope.clone());
            loop {
                let next = evidence.step().await?;
                wait(next, &mut changes).await?;
            }
        };
        self.until_stopped(work).await;
    }

    async fn streams(self) {
        let scope = self.scope.clone();
        let work = async {
            let mut changes = scope.known.subscribe();
            let mut streams = Streams::new(scope.clone());
            loop {
                let next = streams.step().await?;
                wait(next, &mut changes).await?;
            }
        };
        self.until_stopped(work).await;
    }

    async fn tails(self) {
        self.until_stopped(Tails::new(self.scope.clone()).run()).await;
    }

    async fn archives(self) {
        let scope = self.scope.clone();
        let work = async {
            let mut changes = scope.known.subscribe();
            let mut archives = Archives::new(scope.clone());
            loop {
                let next = archives.step().await?;
                wait(next, &mut changes).await?;
            }
        };
        self.until_stopped(work).await;
    }

    async fn trail(self) {
        let scope = self.scope.clone();
        let work = async {
            let mut changes = scope.known.subscribe();
            let mut trail = Trail::new(scope.clone());
            loop {
                let next = trail.step().await?;
                wait(next, &mut changes).await?;
            }
        };
        self.until_stopped(work).await;
    }

    async fn principals(self) {
        self.until_stopped(Principals::new(self.scope.clone()).run()).await;
    }

    async fn past(self, turns: Arc<Semaphore>) {
        self.until_stopped(Past::new(self.scope.clone(), turns).run()).await;
    }

    async fn until_stopped(&self, work: impl Future<Output = Result<(), Closed>>) {
        if let Some(Err(Closed)) = self.stop.run_until_cancelled(work).await {
            tracing::debug!(scope = %self.scope.client.id(), "nobody receives observations: the watch of this scope ends");
        }
    }
}

/// Waits for the time or for a change of what is known.
async fn wait(next: Option<Instant>, changes: &mut watch::Receiver<scope::Known>) -> Result<(), Closed> {
    let timer = async {
        match next {
            Some(next) => sleep_until(next).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = timer => Ok(()),
        changed = changes.changed() => changed.map_err(|_| Closed),
    }
}

/// Tells request counts where they changed.
async fn tell_api_use(fleet: Fleet, sender: mpsc::Sender<Observation>) -> Result<(), Closed> {
    let mut told = HashMap::new();
    let mut ticks = interval(API_USE_EVERY);
    loop {
        ticks.tick().await;
        for scope in fleet.scopes() {
            let calls = scope.counts();
            if told.get(scope.id()) != Some(&calls) {
                told.insert(scope.id().clone(), calls.clone());
                let observation = Observation::ApiUse { scope: scope.id().clone(), calls };
                sender.send(observation).await.map_err(|_| Closed)?;
            }
        }
    }
}
