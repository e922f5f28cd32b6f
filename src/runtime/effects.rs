//! Carries out effects as tasks; each ends in a message.

use std::{
    collections::HashMap,
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    notifier::Notifier,
    report::{Report, lock},
    scribe::{Entry, Scribe},
};
use crate::{
    app::{Delivered, Effect, Message, State, StoredPage, board::SessionBoard, history::SPAN, notify::Way},
    aws::Fleet,
    detection::Detector,
    domain::{
        Act, ActId, ActOutcome, Alert, AlertId, Parcel, QuarantineKind, QuarantineMethod, QuarantinePlan, ScopeId,
        SessionKey,
    },
    export::{Known, Others},
    response::{self, AlertTargets, Outbox, OutboxNews, Progress, parcels_of, quarantine},
    store::{Keeper, Phase, Store},
    watch::Watch,
};

/// How long leaving waits for acts that are under way, and for what is to be written.
const LEAVE: Duration = Duration::from_secs(3);
/// Sessions of one scope that are ended at the same time: each looks at two listings every half second, of the 6 requests a second that
/// DescribeSessions allows an account and region.
const ENDED_TOGETHER: usize = 2;
/// Sessions that are read from the store at once: a few milliseconds.
const STORED_PAGE: usize = 250;
/// Earlier sessions of a principal that are shown.
const RECALLED: usize = 50;

/// What the hands work with.
#[derive(Clone)]
pub struct Tools {
    /// The clients.
    pub fleet: Fleet,
    /// The watch.
    pub watch: Arc<Watch>,
    /// The store; `None`: nothing can be written down, so nothing is done.
    pub keeper: Option<Keeper>,
    /// Where alerts go.
    pub targets: AlertTargets,
    /// Sending alerts is allowed: not with `read_only`.
    pub sends: bool,
    /// How accounts or roles are put into quarantine, if they are.
    pub quarantine: Option<QuarantineMethod>,
    /// Writes the evidence of a session.
    pub exporter: Exporter,
}

/// Writes the evidence of a session, and answers where; or what went wrong, and what to do.
pub type Exporter = Arc<dyn Fn(ExportRequest) -> Exporting + Send + Sync>;
/// An export on its way.
pub type Exporting = Pin<Box<dyn Future<Output = Result<PathBuf, (String, String)>> + Send>>;

/// What is known of a session when its evidence is asked for.
#[derive(Debug)]
pub struct ExportRequest {
    /// All that the board has of it, and what was raised on it.
    pub known: Known,
    /// The detections in force.
    pub detector: Arc<dyn Detector>,
}

/// The hands of the program.
pub struct Effects {
    tools: Tools,
    outbox: Option<Outbox>,
    scribe: Option<Scribe>,
    messages: mpsc::Sender<Message>,
    tasks: TaskTracker,
    under_way: Arc<Mutex<Vec<Act>>>,
    turns: Mutex<HashMap<ScopeId, Arc<Semaphore>>>,
    stop: CancellationToken,
    notifier: Option<Notifier>,
}

impl Effects {
    /// Hands with those tools; outcomes go to `messages`. What lies in the outbox is sent from here on.
    pub fn new(tools: Tools, messages: mpsc::Sender<Message>) -> Self {
        let stop = CancellationToken::new();
        let outbox = tools.keeper.clone().map(|keeper| {
            let (news, received) = mpsc::unbounded_channel();
            tokio::spawn(tell(received, messages.clone()));
            // What may not be sent is not: it waits.
            let sends = if tools.sends { stop.clone() } else { stopped() };
            Outbox::start(tools.fleet.clone(), keeper, news, sends)
        });
        let scribe = tools.keeper.clone().zip(outbox.clone());
        let scribe = scribe.map(|(keeper, outbox)| Scribe::start(keeper, outbox, messages.clone()));
        Self {
            tools,
            outbox,
            scribe,
            messages,
            tasks: TaskTracker::new(),
            under_way: Arc::default(),
            notifier: None,
            turns: Mutex::default(),
            stop,
        }
    }

    /// The same hands, which tell people by that command, too; an empty one is none.
    pub fn telling_by(mut self, command: Vec<String>) -> Self {
        self.notifier = (!command.is_empty()).then(|| Notifier::start(command, self.messages.clone()));
        self
    }

    /// Begins what the State asks for; never waits.
    pub fn perform(&self, effect: Effect, state: &State) {
        match effect {
            // The loop's own.
            Effect::Quit | Effect::Suspend | Effect::Copy(_) | Effect::Mouse(_) => {}
            Effect::Notify { way, what } => {
                if let (Way::Command, Some(notifier)) = (way, &self.notifier) {
                    notifier.notify(*what);
                }
            }
            Effect::Settled { act, count_it } => {
                if let Some(act) = state.act(act) {
                    self.settled(act.clone(), count_it);
                }
            }
            Effect::Follow(follows) => {
                for follow in follows.iter().filter(|follow| follow.from_start) {
                    self.tools.watch.reread(&follow.session);
                }
                let sessions = follows.into_iter().map(|follow| (follow.session, follow.log_group.to_string()));
                self.tools.watch.follow(sessions.collect());
            }
            Effect::ReadArchive(session) => match state.board.sessions.get(&session) {
                Some(board) => self.tools.watch.read_archive_of(board.session.clone()),
                None => self.tools.watch.read_archive(session),
            },
            Effect::FindArchive(session) => self.tools.watch.find_archive(*session),
            Effect::ReadPast => self.tools.watch.read_past(),
            Effect::ReadStored { most } => self.read_stored(most, state.now),
            Effect::ReadEnded(session) => self.read_ended(session),
            Effect::Refresh(scope) => self.tools.watch.refresh(&scope),
            Effect::Terminate { act, session, count_it } => {
                if let Some(act) = state.act(act) {
                    let survivors = state.board.sessions.get(&session).map(survivors).unwrap_or_default();
                    self.terminate(act.clone(), session, count_it, survivors);
                }
            }
            Effect::KeepAlert { alert, raised, act } => self.keep_alert(&alert, raised, act, state),
            Effect::Record { act, alert } => {
                if let Some(act) = state.act(act) {
                    let alert = alert.and_then(|alert| state.alerts.get(&alert)).cloned();
                    self.record(act.clone(), alert);
                }
            }
            Effect::Keep(keep) => {
                if let Some(scribe) = &self.scribe {
                    scribe.write(Entry::Keep(keep));
                }
            }
            Effect::Recall(owner) => self.recall(owner),
            Effect::Plan { scope, owner, kind } => self.plan(scope, owner, kind),
            Effect::Quarantine { act, plan } => {
                if let Some(act) = state.act(act) {
                    self.quarantine(act.clone(), *plan);
                }
            }
            Effect::Export { act, session } => {
                if let Some(act) = state.act(act) {
                    let alerts = state.alerts.of(&act.subject).into_iter().cloned().collect();
                    let known = Known::of(&state.board, &session, alerts, Others::Listed, state.now);
                    let detector = Arc::clone(&state.listening.detector);
                    self.export(act.clone(), known.map(|known| ExportRequest { known, detector }));
                }
            }
        }
    }

    /// An alert as it stands now; where it was raised its destinations are told.
    fn keep_alert(&self, id: &AlertId, raised: bool, act: Option<ActId>, state: &State) {
        let Some(alert) = state.alerts.get(id).cloned() else { return };
        let parcels = match raised {
            true => self.parcels(&alert, act, state),
            false => Vec::new(),
        };
        match act.and_then(|act| state.act(act)) {
            Some(act) => self.raise(act.clone(), alert, parcels),
            None => {
                if let Some(scribe) = &self.scribe {
                    scribe.write(Entry::Alert(Box::new(alert), parcels));
                }
            }
        }
    }

    fn parcels(&self, alert: &Alert, act: Option<ActId>, state: &State) -> Vec<Parcel> {
        let session = alert.subject.session().and_then(|key| state.board.sessions.get(key));
        // What is about a whole account is sent with the credentials of one of its scopes.
        let of_account = state.board.scopes.keys().find(|scope| Some(&scope.account) == alert.subject.account());
        let Some(home) = of_account.or_else(|| state.board.scopes.keys().next()) else { return Vec::new() };
        let parcels = parcels_of(&self.tools.targets, alert, session.map(|board| &board.session), home, act);
        parcels.unwrap_or_else(|error| {
            tracing::error!(alert = %alert.id, %error, "the alert cannot be written as JSON");
            Vec::new()
        })
    }

    /// An alert by hand: the act, the alert and its messages are written down, then they are sent.
    fn raise(&self, act: Act, alert: Alert, parcels: Vec<Parcel>) {
        let report = self.report(act);
        let outbox = self.outbox.clone();
        self.tasks.spawn(async move {
            let steps = parcels.len();
            if !report.write_down(Phase::Start, parcels, Some(alert)).await {
                return;
            }
            for step in 0..steps {
                report.step(step, ActOutcome::Waiting { what: String::new(), to_do: String::new(), attempts: 0 });
            }
            if let Some(outbox) = outbox {
                outbox.wake();
            }
        });
    }

    /// An act that changes nothing at AWS: it is done when it is written down.
    fn record(&self, mut act: Act, alert: Option<Alert>) {
        let began = Instant::now();
        let done = ActOutcome::Done { took_ms: 0, proof: "written down".to_owned() };
        for step in &mut act.steps {
            step.outcome = done.clone();
        }
        let report = self.report(act);
        self.tasks.spawn(async move {
            if report.write_down(Phase::Outcome, Vec::new(), alert).await {
                report.step(0, ActOutcome::Done { took_ms: millis(began), proof: "written down".to_owned() });
            }
        });
    }

    fn terminate(&self, act: Act, session: SessionKey, count_it: bool, survivors: String) {
        let pressed = Instant::now();
        let id = act.id;
        let report = self.report(act);
        let client = self.tools.fleet.scope(&session.scope);
        let (watch, outbox) = (Arc::clone(&self.tools.watch), self.outbox.clone());
        let namespace = self.tools.targets.metric_namespace.clone();
        let turn = self.turn(&session.scope);
        self.tasks.spawn(async move {
            if !report.write_down(Phase::Start, Vec::new(), None).await {
                return;
            }
            let Some(client) = client else {
                return report
                    .fail_all("its scope is not configured any more", "Restart with that scope in the config");
            };
            let Ok(_turn) = turn.acquire().await else { return };
            let outcome = response::terminate(&client, &session.id, |outcome| report.step(0, outcome)).await;
            // The clock runs from the key on.
            let outcome = match timed(outcome, pressed) {
                ActOutcome::Done { took_ms, proof } => {
                    ActOutcome::Done { took_ms, proof: format!("{proof}{survivors}") }
                }
                outcome => outcome,
            };
            watch.refresh(&session.scope);
            // The metric of a proven end is written down with the proof: it is counted, and once.
            let is_done = matches!(outcome, ActOutcome::Done { .. });
            let metric = (count_it && is_done).then(|| response::termination(&namespace, &session, id, 1));
            if count_it && !is_done {
                report.step(1, not_counted(&outcome));
            } else if count_it {
                report.step(1, ActOutcome::Waiting { what: String::new(), to_do: String::new(), attempts: 0 });
            }
            report.outcome(0, outcome, metric.into_iter().collect()).await;
            if let Some(outbox) = outbox {
                outbox.wake();
            }
        });
    }

    fn turn(&self, scope: &ScopeId) -> Arc<Semaphore> {
        let mut turns = lock(&self.turns);
        Arc::clone(turns.entry(scope.clone()).or_insert_with(|| Arc::new(Semaphore::new(ENDED_TOGETHER))))
    }

    /// What an act came to was seen later: it is written down, and an end is counted if nothing was counted so far.
    fn settled(&self, act: Act, count_it: bool) {
        let Some(keeper) = self.tools.keeper.clone() else { return };
        let metric = act
            .session()
            .filter(|_| count_it)
            .map(|session| response::termination(&self.tools.targets.metric_namespace, session, act.id, 1));
        let (outbox, messages) = (self.outbox.clone(), self.messages.clone());
        self.tasks.spawn(async move {
            let parcels: Vec<Parcel> = metric.into_iter().collect();
            let written = keeper.run(move |store: &mut Store| store.record(Phase::Outcome, &act, &parcels)).await;
            if let Ok(Err(error)) = written {
                tracing::error!(%error, "the act's outcome cannot be written down");
                let why = format!("the outcome of an act: {error}. {}", error.to_do());
                let _ = messages.send(Message::StoreTrouble(Some((1, why.into())))).await;
            }
            if let Some(outbox) = outbox {
                outbox.wake();
            }
        });
    }

    /// Reads what the store remembers of 30 days in portions, so that what is to be written never waits for more than one of them.
    fn read_stored(&self, most: usize, now: Timestamp) {
        let messages = self.messages.clone();
        let keeper = self.tools.keeper.clone();
        self.tasks.spawn(async move {
            let since = now.checked_sub(SPAN).unwrap_or(Timestamp::MIN);
            let mut read = 0;
            let mut last: Option<(Timestamp, SessionKey)> = None;
            loop {
                let before = last.clone();
                let at_most = STORED_PAGE.min(most - read);
                let page = match &keeper {
                    None => Err("the store is not open".to_owned()),
                    Some(keeper) => {
                        let read = move |store: &mut Store| {
                            store.ended_before(since, before.as_ref().map(|(at, key)| (*at, key)), at_most)
                        };
                        match keeper.run(read).await {
                            Ok(page) => page.map_err(|error| format!("{error}. {}", error.to_do())),
                            Err(gone) => Err(gone.to_string()),
                        }
                    }
                };
                let page = match page {
                    Ok(sessions) => {
                        read += sessions.len();
                        last = sessions.last().map(|session| (session.ended_at, session.key.clone()));
                        let whole = sessions.len() < at_most;
                        Ok(StoredPage { more: !whole && read < most, whole, sessions })
                    }
                    Err(why) => {
                        tracing::error!(%why, "the sessions that ended cannot be read");
                        Err(why.into())
                    }
                };
                let more = page.as_ref().is_ok_and(|page| page.more);
                if messages.send(Message::Stored(page)).await.is_err() || !more {
                    return;
                }
            }
        });
    }

    fn read_ended(&self, session: SessionKey) {
        let Some(keeper) = self.tools.keeper.clone() else { return };
        let messages = self.messages.clone();
        self.tasks.spawn(async move {
            let key = session.clone();
            let found = match keeper.run(move |store: &mut Store| store.ended(&key)).await {
                Ok(Ok(found)) => found.map(Box::new),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a session that ended cannot be read");
                    None
                }
                Err(_) => None,
            };
            let _ = messages.send(Message::Ended { session, found }).await;
        });
    }

    fn recall(&self, owner: Arc<str>) {
        let Some(keeper) = self.tools.keeper.clone() else { return };
        let messages = self.messages.clone();
        self.tasks.spawn(async move {
            let name = Arc::clone(&owner);
            let read = keeper.run(move |store: &mut Store| store.previous_sessions(&name, RECALLED)).await;
            match read {
                Ok(Ok(sessions)) => {
                    let _ = messages.send(Message::Recalled { owner, sessions }).await;
                }
                Ok(Err(error)) => tracing::error!(%error, "earlier sessions cannot be read"),
                Err(_) => {}
            }
        });
    }

    /// Reads what a quarantine would write.
    fn plan(&self, scope: ScopeId, owner: Arc<str>, kind: QuarantineKind) {
        let Some(method) = self.tools.quarantine.clone() else { return };
        let (fleet, messages) = (self.tools.fleet.clone(), self.messages.clone());
        self.tasks.spawn(async move {
            let plan = quarantine::plan(&fleet, &method, &scope, &owner, kind).await;
            let plan = plan.map(Box::new);
            let _ = messages.send(Message::Planned(plan)).await;
        });
    }

    /// Does what the analyst read and confirmed, and proves it.
    fn quarantine(&self, act: Act, plan: QuarantinePlan) {
        let pressed = Instant::now();
        let report = Report::new(
            act,
            self.tools.fleet.scope(&plan.scope),
            self.tools.keeper.clone(),
            self.messages.clone(),
            Arc::clone(&self.under_way),
        );
        let fleet = self.tools.fleet.clone();
        self.tasks.spawn(async move {
            if !report.write_down(Phase::Start, Vec::new(), None).await {
                return;
            }
            let outcome = quarantine::carry_out(&fleet, &plan, |outcome| report.step(0, outcome)).await;
            report.outcome(0, timed(outcome, pressed), Vec::new()).await;
        });
    }

    fn export(&self, act: Act, request: Option<ExportRequest>) {
        let began = Instant::now();
        let report = self.report(act);
        let Some(request) = request else {
            let to_do = "Export it with: ssmwatch export SESSION_ID --output DIR";
            return report.fail_all("the session ended long ago, and is not kept here any more", to_do);
        };
        let exporting = (self.tools.exporter)(request);
        self.tasks.spawn(async move {
            if !report.write_down(Phase::Start, Vec::new(), None).await {
                return;
            }
            let outcome = match exporting.await {
                Ok(path) => {
                    ActOutcome::Done { took_ms: millis(began), proof: format!("written to {}", path.display()) }
                }
                Err((what, to_do)) => ActOutcome::Failed { what, to_do },
            };
            report.outcome(0, outcome, Vec::new()).await;
        });
    }

    fn report(&self, act: Act) -> Report {
        let client = act.subject.scope().and_then(|scope| self.tools.fleet.scope(scope));
        Report::new(act, client, self.tools.keeper.clone(), self.messages.clone(), Arc::clone(&self.under_way))
    }

    /// Waits a little for acts that are under way, and for what is to be written; tells of acts that have no outcome, and writes that
    /// down.
    pub async fn finish(self) -> Vec<Act> {
        self.stop.cancel();
        self.tasks.close();
        let deadline = tokio::time::Instant::now() + LEAVE;
        let _ = tokio::time::timeout_at(deadline, self.tasks.wait()).await;
        if let Some(scribe) = &self.scribe {
            let _ = tokio::time::timeout_at(deadline, scribe.settled()).await;
        }
        let left = std::mem::take(&mut *lock(&self.under_way));
        if let Some(keeper) = &self.tools.keeper {
            for act in &left {
                let mut act = act.clone();
                for step in act.steps.iter_mut().filter(|step| !step.outcome.is_final()) {
                    step.outcome = ActOutcome::Unproven {
                        what: "ssmwatch was left before an outcome was known".into(),
                        to_do: "Look the session up".into(),
                    };
                }
                let written = keeper.run(move |store: &mut Store| store.record(Phase::Outcome, &act, &[]).map(drop));
                if let Ok(Ok(Err(error))) = tokio::time::timeout(LEAVE, written).await {
                    tracing::error!(%error, "the act's outcome cannot be written down");
                }
            }
        }
        left
    }
}

/// Passes on what the outbox tells.
async fn tell(mut news: mpsc::UnboundedReceiver<OutboxNews>, messages: mpsc::Sender<Message>) {
    let mut counts = None;
    while let Some(told) = news.recv().await {
        let message = match told {
            OutboxNews::Progress(progress) => {
                let one =
                    |Progress { alert, act, destination, delivery }| Delivered { alert, act, destination, delivery };
                Message::Delivered(progress.into_iter().map(one).collect())
            }
            OutboxNews::Counts(undelivered, summarized) => {
                // It is counted every second while something waits: only a change is news.
                if counts.replace((undelivered.clone(), summarized)) == Some((undelivered.clone(), summarized)) {
                    continue;
                }
                Message::Outbox { undelivered, summarized }
            }
        };
        if messages.send(message).await.is_err() {
            return;
        }
    }
}

fn not_counted(outcome: &ActOutcome) -> ActOutcome {
    match outcome {
        ActOutcome::Failed { .. } => ActOutcome::Failed {
            what: "not counted: the session was not ended by this act".into(),
            to_do: "Nothing is to be done about it".into(),
        },
        _ => ActOutcome::Unproven {
            what: "not counted so far: the end is not proven".into(),
            to_do: "It is counted when the end is seen".into(),
        },
    }
}

/// What may live on after the end of a session: it belongs to the record of that end.
fn survivors(session: &SessionBoard) -> String {
    let texts: Vec<&str> = session.survivors.iter().map(|survivor| &*survivor.text).collect();
    if texts.is_empty() { String::new() } else { format!("; on the node may live on: {}", texts.join("; ")) }
}

/// The outcome, with the time since the key.
fn timed(outcome: ActOutcome, pressed: Instant) -> ActOutcome {
    match outcome {
        ActOutcome::Done { proof, .. } => ActOutcome::Done { took_ms: millis(pressed), proof },
        outcome => outcome,
    }
}

fn stopped() -> CancellationToken {
    let token = CancellationToken::new();
    token.cancel();
    token
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
