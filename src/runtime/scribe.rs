//! Writes to the store what must not be lost: in order, and again until it is written.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::{
    app::{Keep, Message},
    domain::{Alert, Parcel},
    response::Outbox,
    store::{Keeper, Store, StoreError},
};

/// Between two tries of what could not be written.
const AGAIN: Duration = Duration::from_secs(2);

/// Something to write.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// An alert, and what its destinations are told.
    Alert(Box<Alert>, Vec<Parcel>),
    /// What is remembered beyond the end of the program.
    Keep(Keep),
}

/// Takes entries; never waits.
#[derive(Debug, Clone)]
pub(super) struct Scribe {
    entries: mpsc::UnboundedSender<Entry>,
    /// Entries that are not written yet.
    left: watch::Sender<usize>,
}

impl Scribe {
    pub(super) fn start(keeper: Keeper, outbox: Outbox, messages: mpsc::Sender<Message>) -> Self {
        let (entries, mut received) = mpsc::unbounded_channel();
        let left = watch::Sender::new(0);
        let counter = left.clone();
        tokio::spawn(async move {
            let mut waiting: VecDeque<Entry> = VecDeque::new();
            let mut troubled = false;
            let mut again = Instant::now();
            loop {
                tokio::select! {
                    entry = received.recv() => match entry {
                        Some(entry) => waiting.push_back(entry),
                        None => return,
                    },
                    () = sleep_until(again), if troubled => {}
                }
                while let Ok(entry) = received.try_recv() {
                    waiting.push_back(entry);
                }
                if troubled && Instant::now() < again {
                    continue;
                }
                let trouble = write_all(&keeper, &mut waiting, &counter).await;
                outbox.wake();
                again = Instant::now() + AGAIN;
                if trouble.is_some() || troubled {
                    troubled = trouble.is_some();
                    let trouble = trouble.map(|why| (waiting.len(), Arc::from(why)));
                    if messages.send(Message::StoreTrouble(trouble)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Self { entries, left }
    }

    /// Waits until all is written.
    pub(super) async fn settled(&self) {
        // The other end is in this very place.
        let _ = self.left.subscribe().wait_for(|left| *left == 0).await;
    }

    pub(super) fn write(&self, entry: Entry) {
        self.left.send_modify(|left| *left += 1);
        // Nobody writes any more only when the program is left.
        let _ = self.entries.send(entry);
    }
}

/// Writes in order until something cannot be written; why not.
async fn write_all(keeper: &Keeper, waiting: &mut VecDeque<Entry>, left: &watch::Sender<usize>) -> Option<String> {
    while let Some(entry) = waiting.front().cloned() {
        match keeper.run(move |store: &mut Store| write(store, &entry)).await {
            Ok(Ok(())) => {
                waiting.pop_front();
                left.send_modify(|left| *left = left.saturating_sub(1));
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the store cannot be written");
                return Some(format!("{error}. {}", error.to_do()));
            }
            Err(_) => return Some("the store's thread has ended".to_owned()),
        }
    }
    None
}

fn write(store: &mut Store, entry: &Entry) -> Result<(), StoreError> {
    match entry {
        Entry::Alert(alert, parcels) => store.keep_alert(alert, parcels),
        Entry::Keep(keep) => {
            if !keep.ended.is_empty() {
                store.keep_ended(&keep.ended)?;
            }
            for (scope, events) in &keep.trail {
                store.keep_trail(scope, events)?;
            }
            match keep.principals.is_empty() {
                true => Ok(()),
                false => store.keep_principals(&keep.principals),
            }
        }
    }
}
