//! The recorder of each session: its log stream, and what the tail of the log group shows of it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Board, Phase, SessionBoard, merge::renew};
use crate::{
    domain::{Fact, Failure, LogStream, ScopeId, Session, SessionId, SessionKey, StreamHealth, TailMode, Verdict},
    transcript::{NoLog, why_no_log},
};

/// For so long after a flood what is seen may still be old.
const FLOOD_LASTS: SignedDuration = SignedDuration::from_secs(120);

/// How the recorder of a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorder {
    /// Not enough was read to tell.
    NotKnown,
    /// Nothing of the session is logged while it runs; some of these never.
    NoLog(NoLog),
    /// The log group cannot be read.
    Unreadable,
    /// Nothing was printed so far that would make a stream.
    Waiting,
    /// Lines come; so many seconds late when they came last.
    Live {
        /// From the payload's eventTime to the read.
        delay: i64,
    },
    /// Lines come later than they should, and went on to (rule LOG-11).
    Late {
        /// From the payload's eventTime to the read.
        delay: i64,
    },
    /// Nothing comes any more since then (rule LOG-02).
    Stalled {
        /// The last event.
        since: Option<Timestamp>,
    },
    /// More is printed than the agent can send (rule LOG-04): what is seen may be minutes old.
    Flooded,
    /// The stream was deleted or made anew during the session (rule LOG-03).
    Deleted,
    /// The payload names somebody else (rule LOG-05).
    Forged,
    /// There should be a stream, and there is none (rule LOG-01).
    Unlogged,
}

impl Recorder {
    /// In one word, upper case where it is against a rule.
    pub fn word(self) -> String {
        match self {
            Self::NotKnown => "?".to_owned(),
            Self::NoLog(reason) if reason.is_final() => "never".to_owned(),
            Self::NoLog(_) => "at end".to_owned(),
            Self::Unreadable => "unread".to_owned(),
            Self::Waiting => "waiting".to_owned(),
            Self::Live { delay } => format!("live {delay}s"),
            Self::Late { delay } => format!("LATE {delay}s"),
            Self::Stalled { .. } => "STALLED".to_owned(),
            Self::Flooded => "FLOODED".to_owned(),
            Self::Deleted => "DELETED".to_owned(),
            Self::Forged => "FORGED".to_owned(),
            Self::Unlogged => "UNLOGGED".to_owned(),
        }
    }

    /// What that means for who reads the transcript; nothing where all is well.
    pub fn warning(self) -> Option<&'static str> {
        Some(match self {
            Self::Flooded => "flooded: what you see may be minutes old",
            Self::Late { .. } => "delivery is late: what you see is old",
            Self::Stalled { .. } => "stalled: nothing arrives any more",
            Self::Deleted => "the stream was deleted during the session",
            Self::Forged => "forged: the log names another session",
            Self::Unlogged => "unlogged: there should be a stream, and there is none",
            Self::Unreadable => "the log group cannot be read",
            _ => return None,
        })
    }
}

/// A time of which events of a log group may be missing here: what was typed then may not have been detected.
#[derive(Debug, Clone, PartialEq)]
pub struct TailGap {
    /// The log group.
    pub log_group: Arc<str>,
    /// Its begin.
    pub from: Timestamp,
    /// Its end; nothing: it goes on.
    pub until: Option<Timestamp>,
    /// What caused it.
    pub why: Failure,
}

/// Gaps of one scope that are remembered.
const MOST_GAPS: usize = 50;

impl Board {
    /// How the events of a log group come from now on.
    pub(super) fn tail_mode(&mut self, scope: &ScopeId, log_group: Arc<str>, mode: TailMode) {
        let known = &mut self.scope_mut(scope).tail_modes;
        if known.get(&log_group) != Some(&mode) {
            known.insert(log_group, mode);
            self.revision += 1;
        }
    }

    /// A stretch of time may be missing, or was read after all.
    pub(super) fn tail_gap(&mut self, scope: &ScopeId, gap: TailGap, filled: bool) {
        let known = &mut self.scope_mut(scope).tail_gaps;
        let before = known.len();
        known.retain(|other| (&other.log_group, other.from) != (&gap.log_group, gap.from));
        if filled && known.len() == before {
            return;
        }
        if !filled {
            known.push(gap);
            if known.len() > MOST_GAPS {
                known.remove(0);
            }
        }
        self.revision += 1;
    }

    /// Times in a session's life in which it may not have been listened to.
    pub fn unheard(&self, session: &SessionBoard) -> Vec<&TailGap> {
        let Some(scope) = self.scopes.get(&session.session.key.scope) else { return Vec::new() };
        let group = self.log_group_of(&session.session);
        let ended = match session.phase {
            Phase::Ended { at, .. } => Some(at),
            Phase::Active => None,
        };
        let touches = |gap: &&TailGap| {
            let before_its_end = ended.is_none_or(|ended| gap.from <= ended);
            let after_its_start = gap.until.is_none_or(|until| session.session.started_at.is_none_or(|at| at <= until));
            Some(&gap.log_group) == group.as_ref() && before_its_end && after_its_start
        };
        scope.tail_gaps.iter().filter(touches).collect()
    }

    /// How the recorder of a session is at `now`: what the rules found, and where they found nothing what was read.
    pub fn recorder(&self, session: &SessionBoard, now: Timestamp) -> Recorder {
        let broken = |rule: &str| {
            session
                .judgement
                .findings
                .iter()
                .any(|finding| finding.rule.as_str() == rule && finding.status == Verdict::NonCompliant)
        };
        let health = session.stream.as_ref();
        let flooding =
            |health: &StreamHealth| health.saturated_at.is_some_and(|at| now.duration_since(at) <= FLOOD_LASTS);
        if broken("LOG-05") {
            return Recorder::Forged;
        }
        if broken("LOG-03") || session.stream_change.is_some() {
            return Recorder::Deleted;
        }
        if broken("LOG-01") {
            return Recorder::Unlogged;
        }
        if broken("LOG-04") && health.is_some_and(flooding) {
            return Recorder::Flooded;
        }
        let since = health.and_then(|health| health.last_ingested_at).or_else(|| session.last_output());
        if broken("LOG-02") {
            return Recorder::Stalled { since };
        }
        // What is not seen now is not live now, either.
        let unseen = self.unseen_since(session, now).is_some();
        match (self.no_log(&session.session), health) {
            (Some(reason), _) => Recorder::NoLog(reason),
            (None, _) if unseen => Recorder::NotKnown,
            (None, Some(health)) if health.events > 0 => {
                let delay = health.delay_seconds;
                if broken("LOG-11") { Recorder::Late { delay } } else { Recorder::Live { delay } }
            }
            (None, _) => {
                let tail = self.log_group_of(&session.session).and_then(|group| {
                    self.scopes.get(&session.session.key.scope).and_then(|scope| scope.tails.get(&group))
                });
                match tail {
                    Some(Fact::Known { .. }) if session.last_output().is_some() => Recorder::Live { delay: 0 },
                    Some(Fact::Known { .. }) => Recorder::Waiting,
                    Some(Fact::Missing(missing)) if matches!(missing.why, crate::domain::Why::Failed(_)) => {
                        Recorder::Unreadable
                    }
                    _ => Recorder::NotKnown,
                }
            }
        }
    }

    /// Why a session has no log while it runs; nothing where it can have one, or where its document is not known.
    pub fn no_log(&self, session: &Session) -> Option<NoLog> {
        let scope = self.scopes.get(&session.key.scope)?;
        let preferences = scope.preferences.value().and_then(Option::as_ref);
        let own = scope.documents.get(session.document_name()).and_then(Fact::value).and_then(Option::as_ref);
        let default = preferences.filter(|_| session.document_name() == Session::DEFAULT_DOCUMENT);
        let document = own.or(default)?;
        // Documents of AWS's own carry no inputs: the account's preferences decide where their sessions are logged.
        let streaming =
            document.inputs.streaming || preferences.is_some_and(|preferences| preferences.inputs.streaming);
        let group = self.log_group_of(session);
        why_no_log(&document.session_type, streaming, group.as_deref().unwrap_or_default())
    }

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
