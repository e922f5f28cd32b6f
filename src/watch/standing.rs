//! What stands behind a scope's documents: the newest preferences, whose documents are and who may use them, the log group.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    backoff::DueBook,
    evidence::{RETRY, jittered},
    scope::{Closed, Scope, clock_after, document_key},
};
use crate::{
    aws::PREFERENCES_DOCUMENT,
    domain::{DocumentStanding, Fact, Failure, Missing, Observation, Why},
};

const GET_DOCUMENT: &str = "ssm:GetDocument";
const DESCRIBE: &str = "ssm:DescribeDocument";
const GROUPS: &str = "logs:DescribeLogGroups";

/// Reads $LATEST, owners and sharing of documents.
#[derive(Debug)]
pub(super) struct Standings {
    latest: DueBook<()>,
    /// By the name or ARN that sessions give.
    standings: DueBook<Arc<str>>,
}

impl Standings {
    pub(super) fn new() -> Self {
        Self { latest: DueBook::new(), standings: DueBook::new() }
    }

    pub(super) fn next_passing(&self) -> Option<Instant> {
        [self.latest.next_passing(), self.standings.next_passing()].into_iter().flatten().min()
    }

    pub(super) async fn step(&mut self, scope: &Scope) -> Result<Option<Instant>, Closed> {
        let every = scope.config.evidence_every;
        {
            let known = scope.known.borrow();
            let used = known.active.values().filter_map(document_key).cloned();
            let once = known.ended.values().filter_map(document_key).cloned();
            let preferences = Arc::from(PREFERENCES_DOCUMENT);
            self.standings.want_also_once(used.chain([preferences]), once, Instant::now());
        }
        self.latest.want([()], Instant::now());
        if !self.latest.due(Instant::now(), every / 4).is_empty() {
            let document = match scope.ask(scope.client.latest_preferences()).await {
                Ok(document) => {
                    self.latest.done(&(), Instant::now(), jittered(every));
                    Fact::known(document, GET_DOCUMENT, Timestamp::now())
                }
                Err(failure) => {
                    let wait = self.latest.failed(&(), Instant::now(), RETRY, &failure);
                    Fact::failed(failure, Some(clock_after(wait)))
                }
            };
            scope.tell(Observation::LatestPreferences { scope: scope.client.id().clone(), document }).await?;
        }
        for name in self.standings.due(Instant::now(), every / 4) {
            let standing = match scope.ask(scope.client.document_standing(&name)).await {
                Ok(standing) => {
                    let lacking = standing.as_ref().and_then(|standing| failure_in(&standing.public)).cloned();
                    let next = match lacking {
                        Some(failure) => self.standings.failed(&name, Instant::now(), RETRY, &failure),
                        None => {
                            let next = jittered(every);
                            self.standings.done(&name, Instant::now(), next);
                            next
                        }
                    };
                    Fact::known(standing.map(|standing| with_retry(standing, next)), DESCRIBE, Timestamp::now())
                }
                Err(failure) => {
                    let wait = self.standings.failed(&name, Instant::now(), RETRY, &failure);
                    Fact::failed(failure, Some(clock_after(wait)))
                }
            };
            // A shared document is asked for by ARN and told by its name, as `Session::document_name` has it.
            let name = match name.rsplit_once('/') {
                Some((arn, short)) if arn.starts_with("arn:") => short.into(),
                _ => name,
            };
            let scope_id = scope.client.id().clone();
            scope.tell(Observation::DocumentStanding { scope: scope_id, name, standing }).await?;
        }
        Ok([self.latest.next(), self.standings.next()].into_iter().flatten().min())
    }
}

/// A part that failed by itself is tried again with the whole.
fn with_retry(standing: DocumentStanding, next: Duration) -> DocumentStanding {
    let public = retried(standing.public, next);
    DocumentStanding { public, ..standing }
}

/// Why a part of an answer is not known, if its request failed.
pub(super) fn failure_in<T>(part: &Fact<T>) -> Option<&Failure> {
    match part {
        Fact::Missing(Missing { why: Why::Failed(failure), .. }) => Some(failure),
        _ => None,
    }
}

/// A failed part of an answer: when the answer is asked for again.
pub(super) fn retried<T>(part: Fact<T>, next: Duration) -> Fact<T> {
    match part {
        Fact::Missing(missing @ Missing { retry_at: None, why: Why::Failed(_) }) => {
            Fact::Missing(Missing { retry_at: Some(clock_after(next)), ..missing })
        }
        part => part,
    }
}

/// Whether the log group exists that the preferences, or the config, name.
#[derive(Debug)]
pub(super) struct Groups {
    book: DueBook<Arc<str>>,
}

impl Groups {
    pub(super) fn new() -> Self {
        Self { book: DueBook::new() }
    }

    pub(super) fn next_passing(&self) -> Option<Instant> {
        self.book.next_passing()
    }

    pub(super) async fn step(&mut self, scope: &Scope) -> Result<Option<Instant>, Closed> {
        let every = scope.config.evidence_every;
        let wanted = scope.known.borrow().preferred_log_group();
        self.book.want(wanted, Instant::now());
        for name in self.book.due(Instant::now(), every / 4) {
            let exists = match scope.ask(scope.client.log_group_exists(&name)).await {
                Ok(exists) => {
                    self.book.done(&name, Instant::now(), jittered(every));
                    Fact::known(exists, GROUPS, Timestamp::now())
                }
                Err(failure) => {
                    let wait = self.book.failed(&name, Instant::now(), RETRY, &failure);
                    Fact::failed(failure, Some(clock_after(wait)))
                }
            };
            scope.tell(Observation::LogGroup { scope: scope.client.id().clone(), name, exists }).await?;
        }
        Ok(self.book.next())
    }
}
