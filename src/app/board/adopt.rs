//! Sessions of the past that somebody opened: on the board to be shown, and for nothing else. They are not judged, not counted, not
//! remembered, and nothing is raised on them.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Board, Phase, SessionBoard};
use crate::domain::{ArchiveObject, Fact, Judgement, Session, SessionKey};

impl Board {
    /// Takes in a session that ended long ago, with the verdict of its end; one that is on the board stays as it is.
    pub(in crate::app) fn adopt(
        &mut self,
        session: Session,
        (how, at): (Arc<str>, Timestamp),
        judgement: Judgement,
        archive: Fact<Option<ArchiveObject>>,
        now: Timestamp,
    ) {
        let key = session.key.clone();
        if self.sessions.contains_key(&key) {
            return;
        }
        let mut board = SessionBoard::new(session, Phase::Ended { how, at }, now);
        (board.adopted, board.judgement, board.archive) = (true, judgement, archive);
        self.sessions.insert(key.clone(), board);
        self.adopted.insert(key);
        self.revision += 1;
    }

    /// Lets go of those that need not stay.
    pub(in crate::app) fn release(&mut self, stays: impl Fn(&SessionKey) -> bool) {
        let leaves: Vec<SessionKey> = self.adopted.iter().filter(|key| !stays(key)).cloned().collect();
        leaves.iter().for_each(|key| self.release_one(key));
    }

    pub(super) fn release_one(&mut self, key: &SessionKey) {
        if self.adopted.remove(key) {
            self.sessions.remove(key);
            self.revision += 1;
        }
    }

    /// The findings of the end were read.
    pub(in crate::app) fn set_kept_judgement(&mut self, key: &SessionKey, judgement: Judgement) {
        if let Some(board) = self.sessions.get_mut(key).filter(|board| board.adopted) {
            board.judgement = judgement;
            self.revision += 1;
        }
    }

    /// Sessions of the past that are on the board only because somebody opened them.
    pub fn adopted(&self) -> impl Iterator<Item = &SessionKey> {
        self.adopted.iter()
    }

    /// The session, if it is watched: not one of the past that is only shown.
    pub fn watched(&self, key: &SessionKey) -> Option<&SessionBoard> {
        self.sessions.get(key).filter(|board| !board.adopted)
    }
}
