//! What befalls the log of a session while it runs: forged and repeated events, a stream that goes away.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{World, agent, agent::Envelope};
use crate::sim::scenario::Forgery;

/// One such thing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meddling {
    /// An event to the letter.
    Event(String),
    /// An event in the agent's form that the agent did not write.
    Forge(Forgery),
    /// So many lines once more.
    Replay(usize),
    /// The stream is deleted.
    DeleteStream,
}

impl World {
    /// Prints on the terminal of an active session, as it is; false if there is none of that id.
    pub fn print(&mut self, session_id: &str, bytes: &[u8]) -> bool {
        let Some(index) = self.active(session_id) else { return false };
        let now = self.clock;
        if let Some(session) = self.sessions.get_mut(index) {
            session.recording.feed(bytes);
            session.last_activity = now;
        }
        self.plan_tick(index);
        true
    }

    /// Lets something befall the log of an active session now; false if there is none of that id.
    pub fn meddle_with(&mut self, session_id: &str, meddling: &Meddling) -> bool {
        let Some(index) = self.active(session_id) else { return false };
        self.meddle(index, meddling);
        true
    }

    fn active(&self, session_id: &str) -> Option<usize> {
        let index = *self.sessions_by_id.get(session_id)?;
        self.sessions.get(index)?.is_active().then_some(index)
    }

    pub(super) fn meddle(&mut self, index: usize, meddling: &Meddling) {
        let now = self.now();
        match meddling {
            Meddling::Event(message) => self.write(index, now, message.clone()),
            Meddling::Forge(forgery) => {
                let time = now.checked_add(SignedDuration::from_secs_f64(forgery.off)).unwrap_or(now);
                let Some(envelope) = self.claimed(index, forgery) else { return };
                let lines: Vec<Vec<u8>> = forgery.lines.iter().map(|line| line.clone().into_bytes()).collect();
                self.write(index, time, agent::message(&envelope, time, &lines));
            }
            Meddling::Replay(lines) => {
                if let Some(session) = self.sessions.get_mut(index) {
                    session.recording.rewind(*lines);
                }
                self.plan_tick(index);
            }
            Meddling::DeleteStream => {
                let Some(session) = self.sessions.get(index) else { return };
                let (account, region, id) = (session.account.clone(), session.region.clone(), session.id.clone());
                let Some(group) = session.logging.group.clone() else { return };
                let state = self.region_mut(&account, &region);
                if let Some(group) = state.and_then(|state| state.log_groups.get_mut(&group)) {
                    group.streams.remove(&id);
                }
            }
        }
    }

    fn claimed(&self, index: usize, forgery: &Forgery) -> Option<Envelope> {
        let own = self.sessions.get(index)?;
        let mut envelope = own.envelope.clone();
        let claimed = forgery.node.as_ref().and_then(|name| {
            let (account, region, node) = self.find_node(name)?;
            let of_it = |session: &&super::session::Session| {
                session.account == account && session.region == region && session.target == node
            };
            self.sessions.iter().filter(of_it).max_by_key(|session| (session.is_active(), session.started))
        });
        if let Some(claimed) = claimed {
            let short_escapes = envelope.short_escapes;
            envelope = Envelope { short_escapes, ..claimed.envelope.clone() };
        }
        let say = |field: &mut String, claim: &Option<String>| {
            if let Some(claim) = claim {
                *field = claim.replace("{account}", &own.account);
            }
        };
        say(&mut envelope.owner, &forgery.owner);
        say(&mut envelope.session_id, &forgery.session_id);
        say(&mut envelope.target, &forgery.target);
        say(&mut envelope.run_as_user, &forgery.run_as_user);
        Some(envelope)
    }

    /// One event into the stream of a session, past its agent; the stream is made if there is none.
    fn write(&mut self, index: usize, time: Timestamp, message: String) {
        let Some(session) = self.sessions.get(index) else { return };
        let (account, region, id) = (session.account.clone(), session.region.clone(), session.id.clone());
        let Some(group) = session.logging.group.clone() else { return };
        if self.create_log_stream(&account, &region, &group, &id) {
            self.put_log_events(&account, &region, &group, &id, vec![(time.as_millisecond(), message)]);
        }
    }
}
