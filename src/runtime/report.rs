//! Keeps an act's record while it is carried out: on the screen and in the store.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    app::Message,
    aws::ScopeClient,
    domain::{Act, ActOutcome, Alert, Parcel},
    report::mask,
    store::{Keeper, Phase, Store, StoreError},
};

/// Who acts is asked for at most that long.
const ASKED: Duration = Duration::from_secs(1);

/// One act on its way.
pub(super) struct Report {
    act: Mutex<Act>,
    /// Whose credentials act.
    client: Option<Arc<ScopeClient>>,
    keeper: Option<Keeper>,
    messages: mpsc::Sender<Message>,
    under_way: Arc<Mutex<Vec<Act>>>,
}

impl Report {
    pub(super) fn new(
        act: Act,
        client: Option<Arc<ScopeClient>>,
        keeper: Option<Keeper>,
        messages: mpsc::Sender<Message>,
        under_way: Arc<Mutex<Vec<Act>>>,
    ) -> Self {
        lock(&under_way).push(act.clone());
        Self { act: Mutex::new(act), client, keeper, messages, under_way }
    }

    /// The act as it stands.
    pub(super) fn act(&self) -> Act {
        lock(&self.act).clone()
    }

    /// Writes the act down before anything is sent, with what it puts into the outbox and the alert that it is about; if that fails
    /// nothing is sent.
    pub(super) async fn write_down(&self, phase: Phase, parcels: Vec<Parcel>, alert: Option<Alert>) -> bool {
        self.ask_who().await;
        let act = self.act();
        let written = self.store(move |store| {
            store.record(phase, &act, &parcels)?;
            alert.map_or(Ok(()), |alert| store.keep_alert(&alert, &[]))
        });
        let Err((what, to_do)) = written.await else { return true };
        self.fail_all(&format!("nothing was done, because it could not be written down: {what}"), &to_do);
        false
    }

    /// Whose credentials they are belongs into the record; where AWS does not say at once the act does not wait.
    async fn ask_who(&self) {
        let Some(client) = self.client.as_ref().filter(|_| lock(&self.act).actor.arn.is_none()) else { return };
        if let Ok(Ok((_, arn))) = tokio::time::timeout(ASKED, client.caller()).await {
            lock(&self.act).actor.arn = Some(arn.to_string());
        }
    }

    async fn store(
        &self,
        write: impl FnOnce(&mut Store) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), (String, String)> {
        let again = || "Start ssmwatch again".to_owned();
        let Some(keeper) = &self.keeper else { return Err(("the store is not open".to_owned(), again())) };
        match keeper.run(write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err((error.to_string(), error.to_do().to_owned())),
            Err(_) => Err(("the store's thread has ended".to_owned(), again())),
        }
    }

    pub(super) fn fail_all(&self, what: &str, to_do: &str) {
        let steps = lock(&self.act).steps.len();
        for step in 0..steps {
            self.step(step, ActOutcome::Failed { what: what.to_owned(), to_do: to_do.to_owned() });
        }
    }

    /// A step has come further: enters it and tells the screen.
    pub(super) fn step(&self, step: usize, outcome: ActOutcome) {
        let act = {
            let mut act = lock(&self.act);
            if let Some(step) = act.steps.get_mut(step) {
                step.outcome = outcome.clone();
            }
            act.clone()
        };
        if outcome.is_final() {
            tracing::info!(
                act = act.id,
                at = %act.at,
                actor = ?act.actor.to_string(),
                kind = ?act.kind,
                subject = ?act.subject.to_string(),
                reason = ?mask(&act.reason),
                ?outcome,
                "act"
            );
        }
        let id = act.id;
        if act.steps.iter().all(|step| step.outcome.is_final() || matches!(step.outcome, ActOutcome::Waiting { .. })) {
            self.is_over();
        }
        let messages = self.messages.clone();
        // An outcome is never dropped: where the queue is full a task waits for room.
        let message = Message::ActProgress { act: id, step, outcome };
        if let Err(mpsc::error::TrySendError::Full(message)) = messages.try_send(message) {
            tokio::spawn(async move { messages.send(message).await });
        }
    }

    /// A step has come to its outcome: writes that down, with what follows from it, and then tells the screen. The outcome is known
    /// by then: where it cannot be written that is told, and nothing is undone.
    pub(super) async fn outcome(&self, step: usize, outcome: ActOutcome, parcels: Vec<Parcel>) {
        let act = {
            let mut act = lock(&self.act);
            if let Some(step) = act.steps.get_mut(step) {
                step.outcome = outcome.clone();
            }
            act.clone()
        };
        let written = self.store(move |store| store.record(Phase::Outcome, &act, &parcels).map(drop)).await;
        if let Err((what, to_do)) = written {
            tracing::error!(act = self.act().id, %what, "the act's outcome cannot be written down");
            let trouble = Message::StoreTrouble(Some((1, format!("the outcome of an act: {what}. {to_do}").into())));
            let _ = self.messages.send(trouble).await;
        }
        self.step(step, outcome);
    }

    /// Nothing of it is under way any more.
    fn is_over(&self) {
        let id = lock(&self.act).id;
        lock(&self.under_way).retain(|other| other.id != id);
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
