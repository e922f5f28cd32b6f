//! One session, whole: looked for in all scopes, and its log read from the first event to the last.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::sleep;

use super::{
    WatchConfig,
    backoff::{delay, is_passing},
    pace::Pace,
    scope::{DocumentState, Known, TRANSCRIPT_PAUSE, document_key},
};
use crate::{
    aws::{Fleet, ScopeClient, archive_keys},
    domain::{Failure, FailureClass, LogEvent, ScopeId, Session, SessionId, SessionType},
    transcript::{NoLog, why_no_log},
};

/// Scopes that are asked at once.
const AT_ONCE: usize = 16;
/// What fails in a way that may be over soon is tried so often, with these pauses between; what is throttled is there, and worth more patience.
const TRIES: u32 = 4;
const TRIES_THROTTLED: u32 = 10;
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What came of looking for one session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Search {
    /// Where it is, by scope. Ids are unique; a copy of an organization is not.
    pub found: Vec<Session>,
    /// How many scopes were asked.
    pub asked: usize,
    /// Scopes that could not be asked.
    pub unanswered: Vec<(ScopeId, Failure)>,
}

/// Looks for a session in the Active and in the History listing of those scopes that are `wanted`.
pub async fn search(fleet: &Fleet, id: &SessionId, wanted: impl Fn(&ScopeId) -> bool) -> Search {
    let scopes: Vec<_> = fleet.scopes().filter(|scope| wanted(scope.id())).cloned().collect();
    let mut search = Search { asked: scopes.len(), ..Search::default() };
    let mut answers: Vec<_> = stream::iter(scopes)
        .map(|scope| async move {
            // Each listing by itself: a scope may be throttled so hard that it answers but one at a time.
            let answer = match patiently(|| scope.find_active(id)).await {
                Ok(None) => patiently(|| scope.find_ended(id)).await,
                answer => answer,
            };
            (scope.id().clone(), answer)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    answers.sort_by(|first, second| first.0.cmp(&second.0));
    for (scope, answer) in answers {
        match answer {
            Ok(found) => search.found.extend(found),
            Err(failure) => search.unanswered.push((scope, failure)),
        }
    }
    search
}

/// Where a session's log may lie.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogPlaces {
    /// The log group of its stream.
    pub log_group: Option<Arc<str>>,
    /// Bucket and keys of its archive object.
    pub archive: Option<(String, Vec<String>)>,
    /// Why it has no log (yet), as far as its document tells.
    pub no_log: Option<NoLog>,
    /// Documents that could not be read: the log may lie elsewhere.
    pub unread: Vec<Failure>,
}

/// Where the session's log may lie: what the config says, else its document, else the preferences; the same as the dashboard finds.
pub async fn log_places(client: &ScopeClient, session: &Session, config: &WatchConfig) -> LogPlaces {
    let mut unread = Vec::new();
    let mut state = |answer| match answer {
        Ok(document) => DocumentState::Read(document),
        Err(failure) => {
            unread.push(failure);
            DocumentState::Failed
        }
    };
    let preferences = Some(state(patiently(|| client.preferences()).await));
    let mut known = Known { preferences, ..Known::default() };
    if let Some(name) = document_key(session) {
        let document = state(patiently(|| client.session_document(name)).await);
        known.documents.insert(Arc::clone(name), document);
    }
    let log_group = known.log_group_of(session, config);
    let archive = known.archive_of(session, config);
    let streaming = known.streams(session);
    let session_type = known.type_of(session).unwrap_or(&SessionType::StandardStream);
    LogPlaces {
        no_log: why_no_log(session_type, streaming, log_group.as_deref().unwrap_or_default()),
        archive: archive.map(|(bucket, prefix)| (bucket, archive_keys(&prefix, &session.key))),
        log_group,
        unread,
    }
}

/// Reads a log stream from its head, page by page.
#[derive(Debug)]
pub struct StreamReader<'a> {
    client: &'a ScopeClient,
    group: &'a str,
    session: &'a SessionId,
    token: Option<String>,
    read_all: bool,
    pace: Pace,
}

impl<'a> StreamReader<'a> {
    /// A reader of the session's stream in that group.
    pub fn new(client: &'a ScopeClient, group: &'a str, session: &'a SessionId) -> Self {
        Self { client, group, session, token: None, read_all: false, pace: Pace::new(TRANSCRIPT_PAUSE) }
    }

    /// The events of the next page, which may be none; `None`: there is nothing behind the last one for now.
    ///
    /// # Errors
    /// A classified failure, after some tries where they may help; `Gone`: there is no such stream or group (any more).
    pub async fn next(&mut self) -> Result<Option<Vec<LogEvent>>, Failure> {
        if self.read_all {
            return Ok(None);
        }
        let page = patiently(|| async {
            self.pace.turn().await;
            self.client.log_events(self.group, self.session, self.token.as_deref(), None).await
        })
        .await?;
        self.read_all = page.caught_up;
        self.token = Some(page.next);
        Ok((!self.read_all || !page.events.is_empty()).then_some(page.events))
    }
}

/// What lies in the archive of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Archived {
    /// Its key.
    pub key: String,
    /// When it was written, if the service says.
    pub modified_at: Option<Timestamp>,
    /// Its bytes, up to 16 MiB of them. Hostile input.
    pub bytes: Arc<[u8]>,
    /// The object has more than that.
    pub cut: bool,
}

/// The archive object under the first of the keys that is there; `None`: there is none.
///
/// # Errors
/// A classified failure, after some tries where they may help.
pub async fn archived(client: &ScopeClient, bucket: &str, keys: &[String]) -> Result<Option<Archived>, Failure> {
    let Some(object) = patiently(|| client.archive_object(bucket, keys)).await? else { return Ok(None) };
    let key = [object.key.to_string()];
    let body = patiently(|| client.archive_body(bucket, &key)).await?;
    let [key] = key;
    Ok(body.map(|body| Archived { key, modified_at: object.modified_at, bytes: body.bytes, cut: body.cut }))
}

/// Sends a request again, with growing pauses, as long as that may help.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
    mut request: impl FnMut() -> F,
) -> Result<T, Failure> {
    let mut failures = 0;
    loop {
        // Requests are large futures: on the heap they do not add up in what awaits them.
        match Box::pin(request()).await {
            Err(failure) if is_passing(&failure) => {
                failures += 1;
                let tries = if failure.class == FailureClass::Throttled { TRIES_THROTTLED } else { TRIES };
                if failures >= tries {
                    return Err(failure);
                }
                sleep(delay(PAUSE, failures, LONGEST_PAUSE)).await;
            }
            answer => return answer,
        }
    }
}
