//! The HTTP server: HTTP/1.1 and HTTP/2 on one loopback port, any number of servers in one process.

mod handle;
mod live_tail;
mod page;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::world::World;

/// How long a client may take for the head of a request, and again for its body.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long connections may take to finish after [`Sim::stop`].
const GRACE: Duration = Duration::from_secs(2);

/// Why the simulated AWS does not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The address would be reachable from outside.
    #[error(
        "{0} is not a loopback address: the simulated AWS accepts any credentials and listens on 127.0.0.0/8 or ::1 only"
    )]
    NotLoopback(SocketAddr),
    /// The operating system refuses the address.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
}

/// A running simulated AWS. Dropped, it ends without grace.
#[derive(Debug)]
pub struct Sim {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    stop: CancellationToken,
}

/// The world and its clock.
#[derive(Debug)]
pub(super) struct State {
    /// What exists.
    pub world: World,
    /// How far the world is ahead of the wall clock.
    pub offset: SignedDuration,
}

impl State {
    /// The world's time, to which it has been advanced.
    pub fn advance(&mut self) -> Timestamp {
        let wall = Timestamp::now();
        let now = wall.checked_add(self.offset).unwrap_or(wall);
        self.world.advance(now);
        now
    }
}

impl Shared {
    /// The world; one that a panicking request left behind is still consistent enough to answer the next.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sim {
    /// Listens and serves until stopped or dropped. Port 0 takes any free one.
    ///
    /// # Errors
    /// An address that is not loopback, or that is taken.
    pub async fn start(listen: SocketAddr, world: World) -> Result<Sim, SimError> {
        if !listen.ip().is_loopback() {
            return Err(SimError::NotLoopback(listen));
        }
        let refused = |source| SimError::Listen { addr: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State { world, offset: SignedDuration::ZERO }),
            stop: CancellationToken::new(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Sim { addr, shared, accepting })
    }

    /// The endpoint URL for clients.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Looks at or changes the world, advanced to now.
    pub fn with_world<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let mut state = self.shared.state();
        state.advance();
        act(&mut state.world)
    }

    /// Moves the world's clock forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.shared.state();
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::ZERO);
        state.offset = state.offset.saturating_add(by);
        state.advance();
    }

    /// Takes no more connections, lets running requests finish for a moment, and ends.
    pub async fn stop(mut self) {
        self.shared.stop.cancel();
        // The accept loop neither panics nor is aborted before this.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                // Out of descriptors, or the peer was gone already: others may still get through.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, finished).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers in small packets; without this they may wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    let stop = shared.stop.clone();
    let service = service_fn(move |request| handle::answer(Arc::clone(&shared), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Pipelined and half-closed clients are answered in full.
    builder.http1().half_close(true).timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // Which version of HTTP it is shows in the first bytes; whoever sends none of them is not waited for.
    let mut first = [0];
    let peek = tokio::time::timeout(PATIENCE, stream.peek(&mut first));
    tokio::select! {
        heard = peek => if !matches!(heard, Ok(Ok(1))) { return },
        () = stop.cancelled() => return,
    }
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // An error here is the client's: gone, or not speaking HTTP.
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
