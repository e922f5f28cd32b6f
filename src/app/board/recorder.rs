//! The recorder of each session: its log stream, and what the tail of the log group shows of it.

use std::sync::Arc;

use super::{Board, Phase, merge::renew};
use crate::domain::{Fact, LogStream, ScopeId, SessionId, SessionKey, StreamHealth};

impl Board {
    /// A stream that was looked for. One that vanishes, or comes anew, while the session lives is remembered (rule LOG-03).
    pub(super) fn log_stream_seen(&mut self, key: &SessionKey, fact: Fact<Option<LogStream>>) {
        let Some(board) = self.sessions.get_mut(key) else { return };
        if let (Fact::Known { value: Some(before), .. }, Fact::Known { value: after, at, .. }) =
            (&board.log_stream, &fact)
            && board.phase == Phase::Active
            && board.stream_change.is_none()
        {
            let change = match after {
                None => Some("vanished"),
                Some(after) if differ(before.created_at, after.created_at) => {
                    Some("made anew: its creation time changed")
                }
                Some(after) if differ(before.arn.as_ref(), after.arn.as_ref()) => Some("made anew: its ARN changed"),
                Some(_) => None,
            };
            board.stream_change = change.map(|change| (change.into(), *at));
        }
        if renew(&mut board.log_stream, fact) {
            self.soil_one(key);
        }
    }

    /// The tail of a log group was read, or could not be.
    pub(super) fn tail_read(
        &mut self,
        scope: &ScopeId,
        log_group: Arc<str>,
        streams: Vec<(SessionId, StreamHealth)>,
        read: Fact<()>,
    ) {
        self.note_evidence(scope, "logs:FilterLogEvents", &read);
        if renew(self.scope_mut(scope).tails.entry(log_group).or_default(), read) {
            self.soil(|session| session.key.scope == *scope);
        }
        for (id, health) in streams {
            let key = SessionKey { scope: scope.clone(), id };
            let Some(board) = self.sessions.get_mut(&key) else { continue };
            // What the tail shows is newer than what the listing of streams knows.
            if let Fact::Known { value: Some(stream), .. } = &mut board.log_stream
                && stream.last_event_at < health.last_event_at
            {
                stream.last_event_at = health.last_event_at;
            }
            if board.stream.as_ref() != Some(&health) {
                board.stream = Some(health);
                self.soil_one(&key);
            }
        }
    }
}

/// Both are known, and not the same.
fn differ<T: PartialEq>(before: Option<T>, after: Option<T>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before != after)
}
