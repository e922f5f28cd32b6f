//! What archive objects hold: read when somebody asks for it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;

use super::scope::{Closed, Scope};
use crate::{
    aws::archive_keys,
    domain::{Fact, Failure, FailureClass, Observation, ScopeId, SessionKey},
};

const GET_OBJECT: &str = "s3:GetObject";
/// Objects that are read at once; each may take 16 MiB.
const AT_ONCE: usize = 4;

/// Reads archive objects.
pub(super) struct Bodies {
    scopes: HashMap<ScopeId, Arc<Scope>>,
}

impl Bodies {
    pub(super) fn new(scopes: HashMap<ScopeId, Arc<Scope>>) -> Self {
        Self { scopes }
    }

    /// Reads what is asked for until nobody can ask any more.
    pub(super) async fn run(self, mut asked: UnboundedReceiver<SessionKey>) -> Result<(), Closed> {
        let mut reads = FuturesUnordered::new();
        // Who asks again for what is being read gets that answer.
        let mut reading: HashSet<SessionKey> = HashSet::new();
        loop {
            tokio::select! {
                session = asked.recv(), if reads.len() < AT_ONCE => {
                    let Some(session) = session else { return Ok(()) };
                    if let Some(scope) = self.scopes.get(&session.scope)
                        && reading.insert(session.clone())
                    {
                        reads.push(read(Arc::clone(scope), session));
                    }
                }
                Some((session, told)) = reads.next() => {
                    reading.remove(&session);
                    told?;
                }
            }
        }
    }
}

async fn read(scope: Arc<Scope>, session: SessionKey) -> (SessionKey, Result<(), Closed>) {
    let place = {
        let known = scope.known.borrow();
        let record = known.ended.get(&session.id).or_else(|| known.active.get(&session.id));
        record.and_then(|record| known.archive_of(record, &scope.config))
    };
    let answer = match place {
        Some((bucket, prefix)) => scope.ask(scope.client.archive_body(&bucket, &archive_keys(&prefix, &session))).await,
        None => Err(Failure {
            class: FailureClass::Other,
            action: GET_OBJECT,
            code: None,
            message: "it is not known in which bucket the session's log is".to_owned(),
        }),
    };
    let (body, cut) = match answer {
        Ok(Some(body)) => (Fact::known(Some(body.bytes), GET_OBJECT, Timestamp::now()), body.cut),
        Ok(None) => (Fact::known(None, GET_OBJECT, Timestamp::now()), false),
        Err(failure) => (Fact::failed(failure, None), false),
    };
    let told = scope.tell(Observation::ArchiveBody { session: session.clone(), body, cut }).await;
    (session, told)
}
