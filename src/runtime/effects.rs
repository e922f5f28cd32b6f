//! Carries out effects as tasks; each ends in a message.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::{
    app::{Effect, Message, State, update::acts::destinations},
    aws::{Fleet, Metric, ScopeClient},
    domain::{Act, ActOutcome, AlertBody, AlertDestination, Session, SessionKey},
    report::{Alert, mask},
    response::{self, AlertTargets},
    store::{ActLog, Phase},
    watch::Watch,
};

/// How long leaving waits for acts that are under way.
const LEAVE: Duration = Duration::from_secs(3);

/// The hands of the program.
#[derive(Debug)]
pub struct Effects {
    fleet: Fleet,
    watch: Arc<Watch>,
    log: Option<Log>,
    targets: Arc<AlertTargets>,
    messages: mpsc::Sender<Message>,
    tasks: TaskTracker,
    under_way: Arc<Mutex<Vec<Act>>>,
}

impl Effects {
    /// Hands for that fleet; outcomes go to `messages`.
    pub fn new(
        fleet: Fleet,
        watch: Arc<Watch>,
        log: Option<Log>,
        targets: AlertTargets,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        let targets = Arc::new(targets);
        Self { fleet, watch, log, targets, messages, tasks: TaskTracker::new(), under_way: Arc::default() }
    }

    /// Begins what the State asks for; never waits.
    pub fn perform(&self, effect: Effect, state: &State) {
        match effect {
            // The loop's own.
            Effect::Quit | Effect::Suspend => {}
            Effect::Settled { act, count_it } => {
                if let Some(act) = state.act(act) {
                    self.settled(act.clone(), count_it);
                }
            }
            Effect::Follow(follows) => {
                for follow in follows.iter().filter(|follow| follow.from_start) {
                    self.watch.reread(&follow.session);
                }
                let sessions = follows.into_iter().map(|follow| (follow.session, follow.log_group.to_string()));
                self.watch.follow(sessions.collect());
            }
            Effect::ReadArchive(session) => self.watch.read_archive(session),
            Effect::Refresh(scope) => self.watch.refresh(&scope),
            Effect::Terminate { act, session, count_it } => {
                if let Some(act) = state.act(act) {
                    self.terminate(act.clone(), session, count_it);
                }
            }
            Effect::Alert { act, session, body } => {
                let record = state.board.sessions.get(&session).map(|board| board.session.clone());
                if let (Some(act), Some(record)) = (state.act(act), record) {
                    let destinations = destinations(&state.setup, body.finding.is_some()).collect();
                    self.alert(act.clone(), record, destinations, body);
                }
            }
        }
    }

    fn terminate(&self, act: Act, session: SessionKey, count_it: bool) {
        let report = self.report(act);
        let client = self.fleet.scope(&session.scope);
        let watch = Arc::clone(&self.watch);
        let namespace = self.targets.metric_namespace.clone();
        self.tasks.spawn(async move {
            if !report.write_down().await {
                return;
            }
            let Some(client) = client else {
                return report
                    .fail_all("its scope is not configured any more", "Restart with that scope in the config");
            };
            let outcome = response::terminate(&client, &session.id, |outcome| report.step(0, outcome)).await;
            report.step(0, outcome.clone());
            watch.refresh(&session.scope);
            if count_it {
                report.step(1, count(&client, &namespace, &outcome).await);
            }
        });
    }

    /// The proof came later: it is written down, and counted if nothing was counted so far.
    fn settled(&self, act: Act, count_it: bool) {
        let client = act.subject.scope().and_then(|scope| self.fleet.scope(scope));
        let namespace = self.targets.metric_namespace.clone();
        let proof = act.steps.first().map(|step| step.outcome.clone());
        let report = self.report(act);
        self.tasks.spawn(async move {
            let (Some(client), Some(proof)) = (client, proof) else { return };
            if count_it {
                report.step(1, count(&client, &namespace, &proof).await);
            }
            report.step(0, proof);
        });
    }

    fn alert(&self, act: Act, session: Session, destinations: Vec<AlertDestination>, body: AlertBody) {
        let alert = Alert::new(&session, &body, &act.actor.to_string(), act.at);
        let report = self.report(act);
        let (fleet, targets) = (self.fleet.clone(), Arc::clone(&self.targets));
        self.tasks.spawn(async move {
            if !report.write_down().await {
                return;
            }
            let alert = match alert {
                Ok(alert) => alert,
                Err(error) => {
                    let what = format!("the alert cannot be written as JSON: {error}");
                    return report.fail_all(&what, "Report this to ssmwatch's developers");
                }
            };
            let sends = destinations.into_iter().enumerate().map(|(step, destination)| {
                let (fleet, targets, report) = (&fleet, &targets, &report);
                let (alert, session, body) = (&alert, &session, &body);
                async move {
                    report.step(step, ActOutcome::Sent);
                    report.step(step, response::send(fleet, targets, destination, session, body, alert).await);
                }
            });
            futures_util::future::join_all(sends).await;
        });
    }

    fn report(&self, act: Act) -> Report {
        lock(&self.under_way).push(act.clone());
        Report {
            act: Mutex::new(act),
            log: self.log.clone(),
            messages: self.messages.clone(),
            under_way: Arc::clone(&self.under_way),
        }
    }

    /// Waits a little for acts that are under way; tells of those that have no outcome, and writes that down.
    pub async fn finish(self) -> Vec<Act> {
        self.tasks.close();
        let _ = tokio::time::timeout(LEAVE, self.tasks.wait()).await;
        let left = std::mem::take(&mut *lock(&self.under_way));
        for act in &left {
            let mut act = act.clone();
            for step in act.steps.iter_mut().filter(|step| !step.outcome.is_final()) {
                step.outcome = ActOutcome::Failed {
                    what: "ssmwatch was left before an outcome was known".into(),
                    to_do: "Look the session up".into(),
                };
            }
            record(self.log.as_ref(), &act);
        }
        left
    }
}

/// Keeps an act's record, on the screen and in the log.
struct Report {
    act: Mutex<Act>,
    log: Option<Log>,
    messages: mpsc::Sender<Message>,
    under_way: Arc<Mutex<Vec<Act>>>,
}

impl Report {
    /// Writes the act down before anything is sent; if that fails nothing is.
    async fn write_down(&self) -> bool {
        let act = lock(&self.act).clone();
        let error = match self.log.clone() {
            Some(log) => match tokio::task::spawn_blocking(move || lock(&log).record(Phase::Start, &act)).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            },
            None => "the record of acts is not open".to_owned(),
        };
        self.fail_all(
            &format!("nothing was sent, because it could not be written down: {error}"),
            "Make room on the disk, or name another place with --log-file",
        );
        false
    }

    fn fail_all(&self, what: &str, to_do: &str) {
        let steps = lock(&self.act).steps.len();
        for step in 0..steps {
            self.step(step, ActOutcome::Failed { what: what.to_owned(), to_do: to_do.to_owned() });
        }
    }

    fn step(&self, step: usize, outcome: ActOutcome) {
        let act = {
            let mut act = lock(&self.act);
            if let Some(step) = act.steps.get_mut(step) {
                step.outcome = outcome.clone();
            }
            act.clone()
        };
        if outcome.is_final() {
            record(self.log.as_ref(), &act);
            tracing::info!(
                act = act.id,
                at = %act.at,
                actor = ?act.actor,
                kind = ?act.kind,
                subject = ?act.subject.to_string(),
                reason = ?mask(&act.reason),
                ?outcome,
                "act"
            );
        }
        if act.steps.iter().all(|step| step.outcome.is_final()) {
            lock(&self.under_way).retain(|other| other.id != act.id);
        }
        let (messages, id) = (self.messages.clone(), act.id);
        // An outcome is never dropped: where the queue is full a task waits for room.
        let message = Message::ActProgress { act: id, step, outcome };
        if let Err(mpsc::error::TrySendError::Full(message)) = messages.try_send(message) {
            tokio::spawn(async move { messages.send(message).await });
        }
    }
}

/// Counts a proven end. Name and shape are those that alarms of the reference guardrail are built on: count 1, no
/// dimensions.
async fn count(client: &ScopeClient, namespace: &str, outcome: &ActOutcome) -> ActOutcome {
    match outcome {
        ActOutcome::Done { .. } => {
            let metric = Metric { name: "TerminatedSSMSessions".into(), dimensions: Vec::new(), count: 1.0 };
            response::put_metric(client, namespace, metric).await
        }
        ActOutcome::Failed { .. } => ActOutcome::Failed {
            what: "not counted: the session was not ended by this act".into(),
            to_do: "Nothing is to be done about it".into(),
        },
        ActOutcome::Started | ActOutcome::Sent | ActOutcome::Waiting { .. } | ActOutcome::Unproven { .. } => {
            ActOutcome::Unproven {
                what: "not counted so far: the end is not proven".into(),
                to_do: "It is counted when the end is seen".into(),
            }
        }
    }
}

type Log = Arc<Mutex<ActLog>>;

/// Writes an outcome down. It is known by then: a record that cannot be written is told, and nothing is undone.
fn record(log: Option<&Log>, act: &Act) {
    if let Some(Err(error)) = log.map(|log| lock(log).record(Phase::Outcome, act)) {
        tracing::error!(act = act.id, %error, "the act's outcome cannot be written down");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
