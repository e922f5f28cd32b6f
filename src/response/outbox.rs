//! The outbox: what was written down is sent until it is accepted, each destination by itself, and never as a storm.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::terminate::{failure_advice, failure_words};
use crate::{
    aws::{Fleet, Metric},
    domain::{ActId, AlertDestination, AlertId, Content, Delivery, Failure, Parcel, ScopeId, Waiting},
    report::AlertMessage,
    store::{Keeper, Store},
};

/// Messages that one destination takes at once …
const BURST: f64 = 10.0;
/// … and how long it takes until it may take one more: what comes faster is told in one summary.
const REFILL: Duration = Duration::from_secs(3);
/// While something waits it is looked at this often.
const LOOK: Duration = Duration::from_secs(1);
/// The first retry comes after this, then twice as late each time …
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// … and never later than this.
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Parcels that are looked at together.
const MOST: usize = 2000;
/// Counts of one PutMetricData: it takes 1,000 (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html).
const MOST_METRICS: usize = 500;

/// What the outbox tells.
#[derive(Debug, Clone, PartialEq)]
pub enum OutboxNews {
    /// Parcels have come further.
    Progress(Vec<Progress>),
    /// What waits, by destination; alerts that were told only in a summary, since the start.
    Counts(Vec<(AlertDestination, u64)>, u64),
}

/// A parcel that has come further.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The alert that it carries.
    pub alert: Option<AlertId>,
    /// The act whose step waits for it, and which step.
    pub act: Option<(ActId, usize)>,
    /// Its destination.
    pub destination: AlertDestination,
    /// How far.
    pub delivery: Delivery,
}

/// Sends what lies in the outbox.
#[derive(Debug, Clone)]
pub struct Outbox {
    wake: Arc<Notify>,
}

/// Where a parcel goes: parcels to one address are sent one after the other, those to others at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Address {
    destination: AlertDestination,
    /// A topic's ARN, or a namespace.
    name: String,
    /// Metrics lie in a scope.
    scope: Option<ScopeId>,
}

impl Address {
    fn of(parcel: &Parcel) -> Self {
        let (name, scope) = match &parcel.content {
            Content::Message { topic, .. } => (topic.clone(), None),
            Content::Metric { namespace, .. } => (namespace.clone(), Some(parcel.scope.clone())),
        };
        Self { destination: parcel.destination, name, scope }
    }
}

impl Outbox {
    /// Begins to send, from what earlier runs left on, until `stop`.
    pub fn start(
        fleet: Fleet,
        keeper: Keeper,
        news: mpsc::UnboundedSender<OutboxNews>,
        stop: CancellationToken,
    ) -> Self {
        let wake = Arc::new(Notify::new());
        let sender =
            Arc::new(Sender { fleet, keeper, news, allowances: Mutex::default(), summarized: AtomicU64::new(0) });
        let woken = Arc::clone(&wake);
        tokio::spawn(async move {
            // What is being sent when the program is left lies in the outbox, and is sent again by the next run.
            stop.run_until_cancelled(sender.run(woken)).await;
        });
        Self { wake }
    }

    /// Something was put into the outbox.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

struct Sender {
    fleet: Fleet,
    keeper: Keeper,
    news: mpsc::UnboundedSender<OutboxNews>,
    allowances: Mutex<HashMap<Address, Allowance>>,
    summarized: AtomicU64,
}

impl Sender {
    async fn run(self: Arc<Self>, wake: Arc<Notify>) {
        let mut busy: HashSet<Address> = HashSet::new();
        let mut deliveries: JoinSet<Address> = JoinSet::new();
        loop {
            let mut waits = true;
            match self.keeper.run(|store: &mut Store| (store.due(Timestamp::now(), MOST), store.undelivered())).await {
                Ok((Ok(due), Ok(undelivered))) => {
                    waits = !undelivered.is_empty();
                    let _ = self.news.send(OutboxNews::Counts(undelivered, self.summarized.load(Ordering::Relaxed)));
                    let mut groups: HashMap<Address, Vec<Waiting>> = HashMap::new();
                    for waiting in due {
                        groups.entry(Address::of(&waiting.parcel)).or_default().push(waiting);
                    }
                    for (address, group) in groups {
                        if busy.insert(address.clone()) {
                            let sender = Arc::clone(&self);
                            deliveries.spawn(async move {
                                sender.deliver(&address, group).await;
                                address
                            });
                        }
                    }
                }
                Ok((Err(error), _) | (_, Err(error))) => tracing::error!(%error, "the outbox cannot be read"),
                Err(_) => return,
            }
            tokio::select! {
                () = wake.notified() => {}
                () = sleep(LOOK), if waits => {}
                Some(done) = deliveries.join_next() => {
                    if let Ok(address) = done {
                        busy.remove(&address);
                    }
                }
            }
        }
    }

    /// Sends what goes to one address: the worst first; what is too much for it in one summary.
    async fn deliver(&self, address: &Address, group: Vec<Waiting>) {
        if address.scope.is_some() {
            for counts in group.chunks(MOST_METRICS) {
                if !self.count(address, counts).await {
                    return;
                }
            }
            return;
        }
        let allowed = lock(&self.allowances)
            .entry(address.clone())
            .or_insert_with(|| Allowance::new(Instant::now()))
            .take(group.len(), Instant::now());
        if allowed == 0 {
            return;
        }
        // The last message that is allowed takes all the rest.
        let alone = if allowed < group.len() { allowed - 1 } else { group.len() };
        let (alone, rest) = group.split_at(alone);
        for (index, waiting) in alone.iter().enumerate() {
            let Content::Message { topic, subject, body, attributes } = &waiting.parcel.content else { continue };
            let sent = self.fleet.publish(&waiting.parcel.scope, topic, subject, body, attributes).await;
            let Some(failure) = self.publish_done(std::slice::from_ref(waiting), sent).await else { continue };
            // Where one is refused the others are.
            self.failed(group.get(index..).unwrap_or_default(), &failure).await;
            return;
        }
        if rest.is_empty() {
            return;
        }
        let parcels: Vec<&Parcel> = rest.iter().map(|waiting| &waiting.parcel).collect();
        let Ok(summary) = AlertMessage::summary(&parcels, Timestamp::now()) else { return };
        let Some(from) = rest.first().map(|waiting| waiting.parcel.scope.clone()) else { return };
        let attributes: BTreeMap<String, String> =
            summary.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let sent = self.fleet.publish(&from, &address.name, &summary.subject, &summary.body, &attributes).await;
        let sent = sent.map(|message| format!("{message}, a summary of {} alerts", rest.len()));
        match self.publish_done(rest, sent).await {
            None => {
                self.summarized.fetch_add(rest.len() as u64, Ordering::Relaxed);
            }
            Some(failure) => self.failed(rest, &failure).await,
        }
    }

    async fn publish_done(&self, group: &[Waiting], sent: Result<String, Failure>) -> Option<Failure> {
        match sent {
            Ok(message) => {
                self.delivered(group, &format!("message {message}")).await;
                None
            }
            Err(failure) => Some(failure),
        }
    }

    /// Adds counts to the metrics of one scope; whether that worked.
    async fn count(&self, address: &Address, group: &[Waiting]) -> bool {
        let metric = |waiting: &Waiting| match &waiting.parcel.content {
            Content::Metric { name, dimensions, .. } => {
                Some(Metric { name: name.clone(), dimensions: dimensions.clone(), count: 1.0 })
            }
            Content::Message { .. } => None,
        };
        let metrics: Vec<Metric> = group.iter().filter_map(metric).collect();
        let client = address.scope.as_ref().and_then(|scope| self.fleet.scope(scope));
        let Some(client) = client else {
            let what = "its account and region are not configured any more".to_owned();
            self.not_delivered(group, (what, "Put them back into the config".to_owned())).await;
            return false;
        };
        match client.put_metrics(&address.name, &metrics).await {
            Ok(()) => {
                let names: HashSet<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
                let names: Vec<&str> = names.into_iter().collect();
                self.delivered(group, &format!("{} counted", names.join(", "))).await;
                true
            }
            Err(failure) => {
                self.failed(group, &failure).await;
                false
            }
        }
    }

    async fn delivered(&self, group: &[Waiting], proof: &str) {
        let ids: Vec<i64> = group.iter().map(|waiting| waiting.id).collect();
        // As the store keeps it.
        let now = Timestamp::now();
        let at = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let words = proof.to_owned();
        let mark = move |store: &mut Store| store.delivered(&ids, at, &words);
        match self.keeper.run(mark).await {
            Ok(Ok(())) => {}
            // It is sent once more then: at least once.
            Ok(Err(error)) => {
                tracing::error!(%error, "that a message was delivered cannot be written down");
                sleep(LOOK).await;
                return;
            }
            Err(_) => return,
        }
        self.tell(group, |_| Delivery::Delivered { at, proof: proof.to_owned() });
    }

    async fn failed(&self, group: &[Waiting], failure: &Failure) {
        self.not_delivered(group, (failure_words(failure), failure_advice(failure))).await;
    }

    async fn not_delivered(&self, group: &[Waiting], (what, to_do): (String, String)) {
        let ids: Vec<i64> = group.iter().map(|waiting| waiting.id).collect();
        let attempts = group.iter().map(|waiting| waiting.attempts).max().unwrap_or(0) + 1;
        let next_at = Timestamp::now() + retry_after(attempts);
        let (words, advice) = (what.clone(), to_do.clone());
        let mark = move |store: &mut Store| store.not_delivered(&ids, &words, &advice, next_at);
        if let Ok(Err(error)) = self.keeper.run(mark).await {
            tracing::error!(%error, "that a message was not delivered cannot be written down");
            sleep(LOOK).await;
        }
        self.tell(group, |waiting| Delivery::Waiting {
            attempts: waiting.attempts + 1,
            problem: Some((what.clone(), to_do.clone())),
            next_at: Some(next_at),
        });
    }

    fn tell(&self, group: &[Waiting], delivery: impl Fn(&Waiting) -> Delivery) {
        let progress = group.iter().map(|waiting| Progress {
            alert: waiting.parcel.alert.clone(),
            act: waiting.parcel.act,
            destination: waiting.parcel.destination,
            delivery: delivery(waiting),
        });
        // Nobody listens any more only when the program is left.
        let _ = self.news.send(OutboxNews::Progress(progress.collect()));
    }
}

/// When the next try comes: later each time, and not for all at once.
fn retry_after(attempts: u32) -> SignedDuration {
    let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1).min(16)));
    let time = doubled.min(LAST_RETRY).mul_f64(0.8 + 0.4 * fastrand::f64());
    SignedDuration::try_from(time).unwrap_or(SignedDuration::from_secs(300))
}

/// How many messages an address may still get.
#[derive(Debug)]
struct Allowance {
    tokens: f64,
    at: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { tokens: BURST, at: now }
    }

    /// Takes up to `wanted`.
    fn take(&mut self, wanted: usize, now: Instant) -> usize {
        self.tokens = (self.tokens + now.duration_since(self.at).as_secs_f64() / REFILL.as_secs_f64()).min(BURST);
        self.at = now;
        let mut taken = 0;
        while taken < wanted && self.tokens >= 1.0 {
            self.tokens -= 1.0;
            taken += 1;
        }
        taken
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_a_burst_and_then_one_every_three_seconds() {
        let now = Instant::now();
        let mut allowance = Allowance::new(now);
        assert_eq!(allowance.take(4, now), 4);
        assert_eq!(allowance.take(100, now), 6);
        assert_eq!(allowance.take(1, now), 0);
        assert_eq!(allowance.take(100, now + Duration::from_secs(7)), 2);
        assert_eq!(allowance.take(100, now + Duration::from_secs(3600)), 10);
    }

    #[test]
    fn retries_come_later_each_time_and_never_later_than_five_minutes() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (5, 16.0), (20, 300.0), (u32::MAX, 300.0)] {
            let after = retry_after(attempts).as_secs_f64();
            assert!((seconds * 0.8..=seconds * 1.2).contains(&after), "{attempts}: {after}");
        }
    }
}
