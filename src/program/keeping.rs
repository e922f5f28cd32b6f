//! The store of a run: opened, what earlier runs left read from it; or why it cannot be used.

use std::{path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use crate::{
    app::Message,
    config::Settings,
    store::{Keeper, Store, StoreError},
};

/// A run that only looks reads the alerts of the one that keeps the store this often.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// The store is looked at afresh this often.
const CHECK_AGAIN: Duration = Duration::from_secs(30);
/// What is too old is forgotten this often.
const FORGET_AGAIN: Duration = Duration::from_secs(3600);

/// Opens the store; `None` where it cannot be used. Watching goes on in any case: acting is refused with the reason.
pub(super) async fn open(
    path: &Path,
    demo: bool,
    settings: &Settings,
    messages: &mpsc::Sender<Message>,
) -> Option<Keeper> {
    let place = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        let store = if demo { Store::open_fresh(&place) } else { Store::open(&place) }?;
        let loaded = store.load(Timestamp::now())?;
        Ok::<_, StoreError>((store, loaded))
    });
    let refused = match opened.await {
        Ok(Ok((store, loaded))) => {
            let keeper = match Keeper::start(store) {
                Ok(keeper) => keeper,
                Err(error) => {
                    let why = format!("{error}. {}", error.to_do());
                    let _ = messages.send(Message::StoreRefused(why.into())).await;
                    return None;
                }
            };
            // The queue is empty so far.
            let _ = messages.send(Message::Loaded(Box::new(loaded))).await;
            tokio::spawn(forget(keeper.clone(), settings.clone()));
            tokio::spawn(look_after(path.to_owned(), messages.clone()));
            return Some(keeper);
        }
        Ok(Err(error)) => {
            if matches!(error, StoreError::InUse { .. }) {
                tokio::spawn(look_on(path.to_owned(), messages.clone()));
            }
            format!("{error}. {}", error.to_do())
        }
        Err(error) => format!("the store could not be opened: {error}"),
    };
    let _ = messages.send(Message::StoreRefused(refused.into())).await;
    None
}

/// Another run keeps the store: its alerts are shown here, too.
async fn look_on(path: std::path::PathBuf, messages: mpsc::Sender<Message>) {
    loop {
        let place = path.clone();
        let read = move || Store::open_to_read(&place)?.load(Timestamp::now());
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(loaded)) => {
                if messages.send(Message::Alerts(loaded.alerts)).await.is_err() {
                    return;
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "the alerts of the other run cannot be read"),
            Err(_) => return,
        }
        tokio::time::sleep(READ_AGAIN).await;
    }
}

/// Somebody may damage the file under us, and what is cached would hide it: a fresh look now and then finds it.
async fn look_after(path: std::path::PathBuf, messages: mpsc::Sender<Message>) {
    loop {
        tokio::time::sleep(CHECK_AGAIN).await;
        let place = path.clone();
        let looked = tokio::task::spawn_blocking(move || Store::open_to_read(&place).map(drop)).await;
        if let Ok(Err(error @ (StoreError::Damaged { .. } | StoreError::Foreign { .. } | StoreError::Absent { .. }))) =
            looked
        {
            tracing::error!(%error, "the store was damaged");
            let why = format!("{error}. {}", error.to_do());
            let _ = messages.send(Message::StoreRefused(why.into())).await;
            return;
        }
    }
}

/// What is older than the config keeps is forgotten; acts never are.
async fn forget(keeper: Keeper, settings: Settings) {
    let keep = SignedDuration::try_from(settings.config.store.keep.duration()).unwrap_or(SignedDuration::MAX);
    loop {
        let before = Timestamp::now().checked_sub(keep).unwrap_or(Timestamp::MIN);
        match keeper.run(move |store: &mut Store| store.forget(before)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "old sessions cannot be forgotten"),
            Err(_) => return,
        }
        tokio::time::sleep(FORGET_AGAIN).await;
    }
}
