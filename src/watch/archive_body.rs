//! Archive objects and what they hold: looked for and read when somebody asks for one.

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
    domain::{Fact, Failure, FailureClass, Missing, Observation, ScopeId, Session, SessionKey, Why},
};

const GET_OBJECT: &str = "s3:GetObject";
const HEAD_OBJECT: &str = "s3:HeadObject";
/// Objects that are read at once; each may take 16 MiB.
const AT_ONCE: usize = 4;

/// What is asked for.
#[derive(Debug)]
pub(super) enum Asked {
    /// What the session's object holds. The session as it was, for one that the watch does not know.
    Body(SessionKey, Option<Session>),
    /// Whether the session's object is there.
    Object(Session),
}

impl Asked {
    /// The session, and whether the object's content is wanted.
    fn mark(&self) -> (SessionKey, bool) {
        match self {
            Self::Body(session, _) => (session.clone(), true),
            Self::Object(session) => (session.key.clone(), false),
        }
    }
}

/// Reads archive objects.
pub(super) struct Bodies {
    scopes: HashMap<ScopeId, Arc<Scope>>,
}

impl Bodies {
    pub(super) fn new(scopes: HashMap<ScopeId, Arc<Scope>>) -> Self {
        Self { scopes }
    }

    /// Reads what is asked for until nobody can ask any more.
    pub(super) async fn run(self, mut asked: UnboundedReceiver<Asked>) -> Result<(), Closed> {
        let mut reads = FuturesUnordered::new();
        // Who asks again for what is being read gets that answer.
        let mut reading: HashSet<(SessionKey, bool)> = HashSet::new();
        loop {
            tokio::select! {
                asked = asked.recv(), if reads.len() < AT_ONCE => {
                    let Some(asked) = asked else { return Ok(()) };
                    let mark = asked.mark();
                    if let Some(scope) = self.scopes.get(&mark.0.scope)
                        && reading.insert(mark.clone())
                    {
                        let scope = Arc::clone(scope);
                        reads.push(async move {
                            let told = match asked {
                                Asked::Body(session, record) => body(&scope, session, record).await,
                                Asked::Object(session) => object(&scope, session).await,
                            };
                            (mark, told)
                        });
                    }
                }
                Some((mark, told)) = reads.next() => {
                    reading.remove(&mark);
                    told?;
                }
            }
        }
    }
}

/// Whether the object of a session is there, wherever the session's log goes as far as that is known now.
async fn object(scope: &Scope, session: Session) -> Result<(), Closed> {
    let place = {
        let known = scope.known.borrow();
        known.archive_of(&session, &scope.config).ok_or(known.preferences.is_some())
    };
    let session = session.key;
    let object = match place {
        Ok((bucket, prefix)) => {
            match scope.ask(scope.client.archive_object(&bucket, &archive_keys(&prefix, &session))).await {
                Ok(object) => Fact::known(object, HEAD_OBJECT, Timestamp::now()),
                Err(failure) => Fact::failed(failure, None),
            }
        }
        Err(read) => {
            let why = match read {
                true => "neither its document nor the preferences name a bucket",
                false => "the preferences, which name the bucket, were not read",
            };
            Fact::Missing(Missing { why: Why::Undecidable(why.to_owned()), retry_at: None })
        }
    };
    scope.tell(Observation::Archive { session, object }).await
}

async fn body(scope: &Scope, session: SessionKey, record: Option<Session>) -> Result<(), Closed> {
    let place = {
        let known = scope.known.borrow();
        let record = known.ended.get(&session.id).or_else(|| known.active.get(&session.id)).or(record.as_ref());
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
    scope.tell(Observation::ArchiveBody { session, body, cut }).await
}
