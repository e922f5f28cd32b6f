//! The mask: names in place of accounts, owners, nodes and sessions, to speak about on a screen that others see.
//!
//! A name is a word and a number in the order of appearance: `owner 3`. It says nothing of what it stands for, it is the
//! same everywhere on the screen, and it stays while what it stands for is on the board.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{alerts::AlertBook, board::Board};
use crate::domain::{Alert, Owner, SessionKey, Subject};

/// What is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Masked {
    /// An account: its id and its name.
    Account,
    /// Who started a session.
    Owner,
    /// A node: its id and its name.
    Node,
    /// A session's id, which begins with the name of a user.
    Session,
}

impl Masked {
    /// The word of its names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Owner => "owner",
            Self::Node => "node",
            Self::Session => "session",
        }
    }
}

/// Shorter names are masked where they stand alone, not inside of other texts: `a` is a word of most.
const LEAST: usize = 3;
/// Sessions that are gone and still have names; beyond that the book is written anew.
const SLACK: usize = 512;

type Alias = (Masked, u32);

/// The names that are given.
#[derive(Debug)]
pub struct MaskBook {
    names: HashMap<Arc<str>, Alias>,
    lengths: BTreeSet<usize>,
    /// Bytes that names begin with, to pass over most of a text.
    begins: [bool; 256],
    /// Sessions that were looked at, and whether their node's name was known then.
    sessions: HashMap<SessionKey, bool>,
    last: [u32; 4],
    read: Option<(u64, usize)>,
}

impl Default for MaskBook {
    fn default() -> Self {
        Self {
            names: HashMap::new(),
            lengths: BTreeSet::new(),
            begins: [false; 256],
            sessions: HashMap::new(),
            last: [0; 4],
            read: None,
        }
    }
}

impl MaskBook {
    /// Gives names to all that has none yet.
    pub fn refresh(&mut self, board: &Board, alerts: &AlertBook) {
        let state = (board.revision, alerts.all().count());
        if self.read == Some(state) {
            return;
        }
        self.read = Some(state);
        if self.sessions.len() > board.sessions.len() + SLACK {
            self.sessions.clear();
        }
        let before = if self.sessions.is_empty() {
            self.lengths.clear();
            std::mem::take(&mut self.names)
        } else {
            HashMap::new()
        };
        for (scope, scope_board) in &board.scopes {
            self.put(&before, Masked::Account, &[scope.account.as_str(), &scope_board.name]);
        }
        let node_name = |key: &SessionKey| -> Option<&str> {
            let session = &board.sessions.get(key)?.session;
            board.node(session)?.properties.value()?.as_ref()?.name.as_deref()
        };
        let mut new: Vec<&SessionKey> = board
            .sessions
            .keys()
            .filter(|key| match self.sessions.get(*key) {
                None => true,
                Some(named) => !named && node_name(key).is_some(),
            })
            .collect();
        new.sort_by_key(|key| (board.sessions.get(*key).and_then(|session| session.session.started_at), *key));
        for key in new {
            let Some(session) = board.sessions.get(key) else { continue };
            let name = node_name(key);
            self.put_owner(&before, &session.session.owner, key.id.as_str());
            self.put(&before, Masked::Node, &[session.session.target.as_str(), name.unwrap_or_default()]);
            self.put(&before, Masked::Session, &[key.id.as_str()]);
            self.sessions.insert(key.clone(), name.is_some());
        }
        for alert in alerts.all() {
            self.put_alert(&before, alert);
        }
    }

    fn put_alert(&mut self, before: &HashMap<Arc<str>, Alias>, alert: &Alert) {
        if let Some(account) = alert.subject.account() {
            self.put(before, Masked::Account, &[account.as_str()]);
        }
        let session = alert.subject.session().map_or("", |key| key.id.as_str());
        self.put_owner(before, &alert.owner, session);
        match &alert.subject {
            Subject::Session(key) => self.put(before, Masked::Session, &[key.id.as_str()]),
            Subject::Node(..) => self.put(before, Masked::Node, &[alert.subject.id()]),
            _ => {}
        }
    }

    /// The owner as the service names it, as people read it, its last part, that without a domain, and the user that the
    /// session's id begins with.
    fn put_owner(&mut self, before: &HashMap<Arc<str>, Alias>, owner: &str, session: &str) {
        let shown = Owner::parse(owner).to_string();
        let person = match Owner::parse(owner) {
            Owner::Role { session: name, .. } => name,
            Owner::User(name) | Owner::Federated(name) | Owner::Other(name) => name,
            Owner::Root => "",
        };
        let local = person.split('@').next().unwrap_or_default();
        let user = session.rsplit_once('-').map_or("", |(user, _)| user);
        self.put(before, Masked::Owner, &[owner, &shown, person, local, user]);
    }

    /// One name for all of them: that which one of them has, else a new one.
    fn put(&mut self, before: &HashMap<Arc<str>, Alias>, kind: Masked, texts: &[&str]) {
        let texts = || texts.iter().filter(|text| !text.is_empty());
        if texts().all(|text| self.names.contains_key(*text)) {
            return;
        }
        let known = |names: &HashMap<Arc<str>, Alias>| {
            texts().find_map(|text| names.get(*text).copied().filter(|(of, _)| *of == kind))
        };
        let alias = known(&self.names).or_else(|| known(before)).unwrap_or_else(|| {
            let place = match kind {
                Masked::Account => 0,
                Masked::Owner => 1,
                Masked::Node => 2,
                Masked::Session => 3,
            };
            let number = self.last.get_mut(place).map_or(0, |last| {
                *last = last.saturating_add(1);
                *last
            });
            (kind, number)
        });
        for text in texts() {
            if !self.names.contains_key(*text) {
                self.names.insert(Arc::from(*text), alias);
                if text.len() >= LEAST {
                    self.lengths.insert(text.len());
                    if let Some(first) = text.bytes().next().and_then(|byte| self.begins.get_mut(usize::from(byte))) {
                        *first = true;
                    }
                }
            }
        }
    }

    /// The name of what is called so; one without a number where it has none (yet).
    pub fn name(&self, kind: Masked, text: &str) -> String {
        match self.names.get(text) {
            Some((of, number)) if *of == kind => format!("{} {number}", kind.word()),
            // One text can be two things: it is masked all the same.
            Some((of, number)) => format!("{} {number}", of.word()),
            None => format!("{} ?", kind.word()),
        }
    }

    /// The text with all names in it masked, the longest first, where they do not go on in a word.
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if let Some((kind, number)) = self.names.get(text) {
            return Cow::Owned(format!("{} {number}", kind.word()));
        }
        let mut hidden: Option<String> = None;
        let mut done = 0;
        let mut at = 0;
        let mut in_word = false;
        while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let begins = text.as_bytes().get(at).and_then(|byte| self.begins.get(usize::from(*byte)));
            let found = if in_word || begins != Some(&true) { None } else { self.at(text, at) };
            if let Some((length, (kind, number))) = found {
                let hidden = hidden.get_or_insert_default();
                hidden.push_str(text.get(done..at).unwrap_or_default());
                hidden.push_str(&format!("{} {number}", kind.word()));
                at += length;
                done = at;
                in_word = false;
                continue;
            }
            in_word = character.is_alphanumeric();
            at += character.len_utf8();
        }
        match hidden {
            Some(mut hidden) => {
                hidden.push_str(text.get(done..).unwrap_or_default());
                Cow::Owned(hidden)
            }
            None => Cow::Borrowed(text),
        }
    }

    /// The longest name that stands at a place of a text.
    fn at(&self, text: &str, at: usize) -> Option<(usize, Alias)> {
        self.lengths.iter().rev().find_map(|length| {
            let name = text.get(at..at + length)?;
            let alias = self.names.get(name)?;
            let after = text.get(at + length..)?.chars().next();
            let ends_in_word = name.chars().next_back().is_some_and(char::is_alphanumeric);
            (!(ends_in_word && after.is_some_and(char::is_alphanumeric))).then_some((*length, *alias))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::app::fixture;

    #[test]
    fn names_are_the_same_everywhere_and_say_nothing() {
        let state = fixture::state(&["jane.doe-0a1b2c3d4e5f60718", "tom-0a1b2c3d4e5f60719"]);
        let mut book = MaskBook::default();
        book.refresh(&state.board, &state.alerts);
        let session = state.board.sessions.values().find(|board| board.session.key.id.as_str().starts_with("jane"));
        let session = &session.unwrap().session;
        let account = session.key.scope.account.as_str();
        let text =
            format!("{} by {} in {account} on {}", session.key.id.as_str(), session.owner, session.target.as_str());
        let hidden = book.hide(&text).into_owned();
        for name in [session.key.id.as_str(), account, session.target.as_str(), &session.owner] {
            assert!(!hidden.contains(name), "{hidden}");
        }
        assert!(hidden.starts_with("session "), "{hidden}");
        assert_eq!(book.hide(account), book.name(Masked::Account, account));
        assert_eq!(book.hide(&format!("x{account}9")), format!("x{account}9"), "inside of a word it is another text");
        let before = book.name(Masked::Session, session.key.id.as_str());
        book.read = None;
        book.sessions.clear();
        book.refresh(&state.board, &state.alerts);
        assert_eq!(book.name(Masked::Session, session.key.id.as_str()), before, "a book written anew keeps names");
    }
}
