//! What the tail of the log group shows of a session's stream.

use std::{borrow::Cow, collections::BTreeSet};

use jiff::Timestamp;

use super::{
    FactName, Value,
    known::{Known, Read, missing, not_sent, text},
    read::SessionReader,
};
use crate::domain::{Fact, PayloadIdentity, Session, StreamHealth, Why};

/// What is known of a session's stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamEvidence<'a> {
    /// The last read of the log group's tail.
    pub read: &'a Fact<()>,
    /// What came of it for this session; `None`: no event of it was read.
    pub health: Option<&'a StreamHealth>,
    /// What became of the stream during the session, and when that was seen.
    pub change: Option<(&'a str, Timestamp)>,
}

impl<'a> SessionReader<'a> {
    pub(super) fn stream(&self, name: FactName) -> Read<Value<'a>> {
        match name {
            FactName::StreamChange => match self.evidence.stream.change {
                // What happened does not unhappen.
                Some((change, at)) => {
                    Ok(Known { value: text(change), source: "logs:DescribeLogStreams", at, expires: None })
                }
                // After the end nothing changes during the session any more.
                None if self.clock.end.is_some() => Ok(self.listed()?.map(|_| text(""))),
                None => Ok(self.clock.fresh(self.evidence.log_stream)?.map(|_| text(""))),
            },
            FactName::QuietSeconds => self.quiet(),
            FactName::SaturatedFlushes => {
                Ok(self.health()?.map(|health| Value::Number(i64::from(health.saturated_flushes))))
            }
            FactName::PayloadMismatch => {
                let session = self.evidence.session;
                Ok(self.identities()?.map(|identities| text(mismatch(identities, session))))
            }
            FactName::RunAsUsers => self.identities()?.and(
                |identities| {
                    let users: BTreeSet<&str> = identities.iter().map(|identity| &*identity.run_as_user).collect();
                    let users: Vec<_> = users.into_iter().filter(|user| !user.is_empty()).map(Cow::Borrowed).collect();
                    (!users.is_empty()).then_some(Value::Texts(users))
                },
                || Why::Undecidable("no payload of this stream names the user".to_owned()),
            ),
            FactName::BackwardsSeconds => Ok(self.health()?.map(|health| Value::Seconds(health.backwards_seconds))),
            FactName::ClockGapSeconds => Ok(self.health()?.map(|health| Value::Seconds(health.clock_gap_seconds))),
            FactName::DelayedReads => Ok(self.health()?.map(|health| Value::Number(i64::from(health.delayed_reads)))),
            _ => Ok(self.health()?.map(|health| Value::Seconds(health.delay_seconds))),
        }
    }

    fn health(&self) -> Read<&'a StreamHealth> {
        let health = self.evidence.stream.health;
        self.clock
            .fresh(self.evidence.stream.read)?
            .and(|()| health, || Why::Pending("no event of this stream was read yet".to_owned()))
    }

    fn identities(&self) -> Read<&'a BTreeSet<PayloadIdentity>> {
        self.health()?.and(
            |health| Some(&health.identities).filter(|identities| !identities.is_empty()),
            || Why::Pending("no payload of this stream was read yet".to_owned()),
        )
    }

    /// The last output is the later of what the tail read and what the listing of streams says; both must be recent, since
    /// silence is only known of what was looked at.
    fn quiet(&self) -> Read<Value<'a>> {
        let tail = self.clock.fresh(self.evidence.stream.read)?;
        let stream = self.clock.fresh(self.evidence.log_stream)?;
        let listed = stream.value.as_ref().and_then(|stream| stream.last_event_at);
        let read = self.evidence.stream.health.and_then(|health| health.last_event_at);
        let last = [listed, read, self.evidence.session.started_at].into_iter().flatten().max();
        let Some(last) = last else { return Err(missing(not_sent("StartDate"))) };
        Ok(tail.map(|()| self.clock.since(last)))
    }
}

/// The first field in which a payload is not of that session; empty: none. Text that tells nothing accuses nobody.
fn mismatch(identities: &BTreeSet<PayloadIdentity>, session: &Session) -> String {
    let differs = |said: &str, is: &str| !said.is_empty() && said != is;
    identities
        .iter()
        .find_map(|identity| {
            [
                ("sessionId", &identity.session_id, session.key.id.as_str()),
                ("target", &identity.target, session.target.as_str()),
                ("owner", &identity.owner, &*session.owner),
            ]
            .into_iter()
            .find(|(_, said, is)| differs(said, is))
            .map(|(field, said, _)| format!("{field} says {said}"))
        })
        .unwrap_or_default()
}
