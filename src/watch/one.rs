//! One session, once: everything that the rules read of it, and of no other.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    Scopes, WatchConfig,
    evidence::Evidence,
    listing::HISTORY_SPAN,
    pass::{pass_principals, pass_tags},
    scope::{Closed, Scope, elapsed_since},
    scopes_of,
    whole::patiently,
};
use crate::{
    aws::{Fleet, LOOKUP_EVENTS, archive_keys},
    domain::{Fact, Failure, FailureClass, Observation, Session, SessionType, TrailCall, TrailEvent},
};

/// A record may bear a time some way off the session's own.
const LEEWAY: SignedDuration = SignedDuration::from_mins(5);
/// Pages of CloudTrail's records of one call: in so short a time there are few.
const TRAIL_PAGES: usize = 20;
/// Evidence is tried so often where it fails in a way that may be over soon.
const EVIDENCE_TRIES: usize = 8;

/// Reads everything once that is kept of one session, within [`WatchConfig::scope_deadline`]; what is not read by then is missing. What else its
/// principal does now, and what its terminal printed, is not read.
pub async fn one_session(fleet: &Fleet, session: &Session, config: WatchConfig) -> Vec<Observation> {
    let deadline = Instant::now() + config.scope_deadline;
    let since_start = session.started_at.map(elapsed_since).unwrap_or_default();
    let config = WatchConfig {
        history: HISTORY_SPAN + session.ended_at.map(elapsed_since).unwrap_or_default(),
        principals_since: match config.principals_since {
            // Nobody asks who was here before.
            none if none.is_zero() => none,
            some => some + since_start,
        },
        ..config
    };
    let (sender, mut receiver) = mpsc::channel(256);
    let Scopes { scopes, tags } = scopes_of(fleet, config, &sender);
    let mut reads = JoinSet::new();
    for scope in scopes.into_iter().filter(|scope| scope.client.id().account == session.key.scope.account) {
        let session = session.clone();
        reads.spawn(async move {
            let _ = timeout_at(deadline, read(&scope, &session)).await;
        });
    }
    for tags in tags {
        reads.spawn(async move {
            let _ = timeout_at(deadline, pass_tags(tags)).await;
        });
    }
    drop(sender);
    let mut seen = Vec::new();
    while let Some(observation) = receiver.recv().await {
        seen.push(observation);
    }
    reads.join_all().await;
    seen
}

/// The session's own scope is asked for all, the others of its account for who was there before.
async fn read(scope: &Arc<Scope>, session: &Session) -> Result<(), Closed> {
    let is_its_own = *scope.client.id() == session.key.scope;
    scope.known.send_modify(|known| {
        (known.listed, known.passed) = (true, true);
        if is_its_own {
            let one = HashMap::from([(session.key.id.clone(), session.clone())]);
            match session.ended_at {
                Some(_) => known.ended = one,
                None => known.active = one,
            }
        }
    });
    if !is_its_own {
        return pass_principals(scope).await;
    }
    tell_session(scope, session).await?;
    let (places, trail, principals) =
        tokio::join!(read_places(scope, session), read_trail(scope, session), pass_principals(scope));
    places.and(trail).and(principals)
}

async fn tell_session(scope: &Scope, session: &Session) -> Result<(), Closed> {
    let (id, at) = (scope.client.id().clone(), Timestamp::now());
    match session.ended_at {
        // As if it had been listed when it ended: what is over for long is looked at, too.
        Some(ended) => {
            let sessions = vec![session.clone()];
            let since = session.started_at.unwrap_or(ended);
            scope.tell(Observation::History { scope: id, sessions, since, at: ended }).await
        }
        None => scope.tell(Observation::Active { scope: id, sessions: vec![session.clone()], at }).await,
    }
}

/// Documents, node, tags and role; then the stream and the archive object, which lie where the documents say.
async fn read_places(scope: &Arc<Scope>, session: &Session) -> Result<(), Closed> {
    let mut evidence = Evidence::new(scope.clone());
    for _ in 0..EVIDENCE_TRIES {
        evidence.step().await?;
        match evidence.next_passing() {
            Some(next) => tokio::time::sleep_until(next).await,
            None => break,
        }
    }
    let (group, archive, kind) = {
        let known = scope.known.borrow();
        let config = &scope.config;
        let kind = known.type_of(session).cloned();
        (known.log_group_of(session, config), known.archive_of(session, config), kind)
    };
    let client = &scope.client;
    let id = &session.key.id;
    // The contents of ports are never logged.
    let is_logged = kind != Some(SessionType::Port);
    if let Some(group) = group.filter(|_| is_logged) {
        let stream = match patiently(|| client.log_stream(&group, id)).await {
            Err(failure) if failure.class == FailureClass::Gone => Ok(None),
            answer => answer,
        };
        let fact = fact(stream, "logs:DescribeLogStreams");
        let scope_id = client.id().clone();
        scope.tell(Observation::LogStreams { scope: scope_id, streams: vec![(id.clone(), fact)] }).await?;
    }
    if let Some((bucket, prefix)) = archive.filter(|_| is_logged && session.ended_at.is_some()) {
        let keys = archive_keys(&prefix, &session.key);
        let object = fact(patiently(|| client.archive_object(&bucket, &keys)).await, "s3:HeadObject");
        scope.tell(Observation::Archive { session: session.key.clone(), object }).await?;
    }
    Ok(())
}

/// CloudTrail's records of the session: around its start and its end, and of all the time between for who resumed it.
async fn read_trail(scope: &Scope, session: &Session) -> Result<(), Closed> {
    let now = Timestamp::now();
    let end = session.ended_at.unwrap_or(now);
    let start = session.started_at.unwrap_or(end);
    for call in TrailCall::ALL {
        let (first, last) = match call {
            TrailCall::StartSession => (start, Some(start)),
            TrailCall::ResumeSession => (start, session.ended_at),
            TrailCall::TerminateSession if session.ended_at.is_none() => continue,
            TrailCall::TerminateSession => (end, Some(end)),
        };
        let from = first.checked_sub(LEEWAY).unwrap_or(first);
        let to = last.and_then(|last| last.checked_add(LEEWAY).ok()).filter(|to| *to < now);
        let (events, read) = match records(scope, session, call, (from, to)).await {
            Ok(events) => (events, Fact::known((), LOOKUP_EVENTS, Timestamp::now())),
            Err(failure) => (Vec::new(), Fact::failed(failure, None)),
        };
        scope.tell(Observation::Trail { scope: scope.client.id().clone(), call, from, events, read }).await?;
    }
    Ok(())
}

async fn records(
    scope: &Scope,
    session: &Session,
    call: TrailCall,
    (from, to): (Timestamp, Option<Timestamp>),
) -> Result<Vec<TrailEvent>, Failure> {
    let mut events = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..TRAIL_PAGES {
        let page = patiently(|| async {
            scope.lookups.turn().await;
            scope.client.trail_page(call, from, to, token.clone()).await
        })
        .await?;
        events.extend(page.records.into_iter().filter(|event| event.session == session.key.id));
        token = page.next;
        if token.is_none() {
            return Ok(events);
        }
    }
    tracing::warn!(session = %session.key.id, call = call.event_name(), "too many CloudTrail records: not all are looked at");
    Ok(events)
}

fn fact<T>(answer: Result<T, Failure>, source: &'static str) -> Fact<T> {
    match answer {
        Ok(value) => Fact::known(value, source, Timestamp::now()),
        Err(failure) => Fact::failed(failure, None),
    }
}
