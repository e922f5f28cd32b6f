//! The store on a thread of its own: writes wait for the disk, and nothing else may wait for them.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use tokio::sync::oneshot;

use super::{Store, StoreError};

type Work = Box<dyn FnOnce(&mut Store) + Send>;

enum Order {
    Work(Work),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// Hands work to the thread that has the store. Work is done in the order in which it is handed over, each before the next. What waits
/// is not bounded: none of it may be dropped.
#[derive(Debug, Clone)]
pub struct Keeper {
    orders: Sender<Order>,
}

/// The thread that had the store has ended: the work was not done, or nobody can tell whether it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is closed: what was to be written may not be")]
pub struct KeeperGone;

impl KeeperGone {
    /// One line of what to do.
    pub fn to_do(self) -> &'static str {
        "start again; the program's log says more"
    }
}

impl Keeper {
    /// Gives the store to a thread of its own.
    ///
    /// # Errors
    /// The system gave no thread.
    pub fn start(store: Store) -> Result<Self, StoreError> {
        let (orders, received) = channel();
        let path = store.path().to_owned();
        let started = thread::Builder::new().name("store".to_owned()).spawn(move || keep(store, &received));
        started.map_err(|source| StoreError::io(&path, source))?;
        Ok(Self { orders })
    }

    /// Does the work and waits for what it answers. Once it was handed over it is done, even where the answer is not waited for.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, KeeperGone> {
        let (answer, answered) = oneshot::channel();
        self.post(move |store| {
            // Whoever asked may no longer wait.
            let _ = answer.send(work(store));
        })?;
        answered.await.map_err(|_| KeeperGone)
    }

    /// Does the work when its turn comes.
    ///
    /// # Errors
    /// The thread has ended.
    pub fn post(&self, work: impl FnOnce(&mut Store) + Send + 'static) -> Result<(), KeeperGone> {
        self.orders.send(Order::Work(Box::new(work))).map_err(|_| KeeperGone)
    }

    /// Closes the store after all work that was handed over before. Work that is handed over later is refused.
    ///
    /// # Errors
    /// [`KeeperGone`], or the write-ahead log could not be written back, which loses nothing ([`Store::close`]).
    pub async fn close(self) -> Result<Result<(), StoreError>, KeeperGone> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Close(answer)).map_err(|_| KeeperGone)?;
        answered.await.map_err(|_| KeeperGone)
    }
}

fn keep(mut store: Store, orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Work(work) => work(&mut store),
            Order::Close(answer) => {
                let _ = answer.send(store.close());
                return;
            }
        }
    }
    // Everybody has gone without a word.
    if let Err(error) = store.close() {
        tracing::warn!(%error, "the store was not closed as it should be");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn work_is_done_in_order_and_all_of_it_before_the_end() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ssmwatch.db");
        let keeper = Keeper::start(Store::open(&path).unwrap()).unwrap();
        let done = Arc::new(Mutex::new(Vec::new()));
        for number in 0..100 {
            let done = Arc::clone(&done);
            keeper.post(move |_| done.lock().unwrap().push(number)).unwrap();
        }
        let read_only = keeper.clone().run(|store| store.is_read_only()).await;
        assert_eq!(read_only, Ok(false));
        let other = keeper.clone();
        keeper.close().await.unwrap().unwrap();
        assert_eq!(*done.lock().unwrap(), (0..100).collect::<Vec<_>>());
        assert_eq!(other.run(|_| ()).await, Err(KeeperGone));
        assert!(!path.with_file_name("ssmwatch.db-wal").exists(), "the log is written back");
        Store::open(&path).expect("its lock is given back");
    }
}
