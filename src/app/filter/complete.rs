//! What could stand at the cursor of a filter that is being typed: keys, and values from what is on the board.

use std::{cmp::Reverse, collections::HashMap, ops::Range};

use super::{
    KEYS, Key, Pattern,
    parse::{Part, key_of, words},
    pattern::lower,
    print::value,
};
use crate::{
    app::{
        State,
        board::{Board, SessionBoard},
        project::node_name,
        view::Screen,
    },
    domain::{Owner, Severity, Verdict},
};

/// So many are offered at most, the best of them.
const MOST: usize = 50;

/// What could stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The best first.
    pub candidates: Vec<Candidate>,
    /// The one that stands in the line already.
    pub chosen: Option<usize>,
    /// The bytes of the line in whose place it goes.
    pub range: Range<usize>,
}

/// One thing that could stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As it is typed: read again, it is the same value.
    pub insert: String,
    /// What it means.
    pub about: String,
}

/// A value, what is said of it, and how many sessions have it.
type Counted = HashMap<String, (String, usize)>;

/// What could stand at that byte of a text. `asked`: the keys are offered at a new word, too.
pub fn offer(state: &State, text: &str, cursor: usize, asked: bool) -> Offer {
    let before = text.get(..cursor).unwrap_or(text);
    let words = words(before);
    let nothing = || Offer { range: cursor..cursor, ..Offer::default() };
    let Some(word) = words.last().filter(|word| word.range.end == before.len()) else {
        return if asked || text.trim().is_empty() { keys("", cursor..cursor) } else { nothing() };
    };
    let (_, part) = Part::of(word).negated();
    if let Some((name, sign, given)) = part.key()
        && let Some(key) = key_of(&name)
    {
        return values(state, key, sign, &given);
    }
    let bare = part.letters.iter().all(|letter| !letter.quoted && letter.c.is_ascii_alphabetic());
    if bare && part.letters.len() == part.range.len() { keys(&lower(&part.text()), part.range) } else { nothing() }
}

fn keys(typed: &str, range: Range<usize>) -> Offer {
    let offered = KEYS.iter().filter(|(name, _, about)| name.starts_with(typed) && !about.is_empty());
    let candidates = offered.map(|(name, key, about)| {
        let sign = if matches!(key, Key::Time(_)) { ">" } else { ":" };
        Candidate { insert: format!("{name}{sign}"), about: (*about).to_owned() }
    });
    Offer { candidates: candidates.collect(), chosen: None, range }
}

fn values(state: &State, key: Key, sign: &str, given: &Part<'_>) -> Offer {
    if let Key::Time(_) = key {
        let lengths = if sign == ":" { [].as_slice() } else { &["10m", "1h", "12h", "1d"] };
        let fixed = lengths.iter().map(|length| ((*length).to_owned(), String::new()));
        return fixed_offer(fixed, &given.text(), given.range.clone());
    }
    let mut last = given.split_all(',').pop().unwrap_or_else(|| given.clone());
    let mut counted = Counted::new();
    if key == Key::Tag {
        let (name, given) = given.split('=');
        match given {
            None => last = name,
            Some(given) => {
                last = given.split_all(',').pop().unwrap_or(given);
                let wanted = Pattern::literal(&name.text());
                each_tag(state, |key, value| {
                    if wanted.is(key) {
                        count(&mut counted, value, "");
                    }
                });
                return best(counted, &last);
            }
        }
        each_tag(state, |key, _| count(&mut counted, key, ""));
        return best(counted, &last);
    }
    let board = &state.board;
    let sessions = || shown_sessions(state);
    match key {
        Key::Verdict => {
            for verdict in [Verdict::NonCompliant, Verdict::InsufficientData, Verdict::Compliant] {
                counted.insert(verdict.word().to_lowercase(), (String::new(), 0));
            }
            sessions().for_each(|session| count(&mut counted, &lower(session.judgement.verdict().word()), ""));
        }
        Key::Severity => {
            for severity in Severity::ALL {
                counted.insert(lower(severity.word()), (String::new(), 0));
            }
            for session in sessions() {
                if let Some(worst) = session.judgement.severity().max(session.detections.worst()) {
                    count(&mut counted, &lower(worst.word()), "");
                }
            }
        }
        Key::Is => {
            let found = sessions().filter(|session| session.detections.shown(false).next().is_some()).count();
            counted.insert("detected".to_owned(), (String::new(), found));
        }
        Key::Text(field) => sessions().for_each(|session| of_field(&mut counted, board, session, field)),
        Key::Tag | Key::Time(_) => {}
    }
    best(counted, &last)
}

fn of_field(counted: &mut Counted, board: &Board, session: &SessionBoard, field: super::Field) {
    use super::Field;
    let record = &session.session;
    let scope = &record.key.scope;
    match field {
        Field::Owner => match Owner::parse(&record.owner) {
            Owner::Role { role, session, .. } => {
                [role, session].into_iter().filter(|name| !name.is_empty()).for_each(|name| count(counted, name, ""));
            }
            Owner::User(name) | Owner::Federated(name) | Owner::Other(name) => count(counted, name, ""),
            Owner::Root => count(counted, "root", ""),
        },
        Field::Account => {
            let name = board.account_name(scope);
            count(counted, name, "");
            if name != scope.account.as_str() {
                count(counted, scope.account.as_str(), name);
            }
        }
        Field::Region => count(counted, scope.region.as_str(), ""),
        Field::Node => count(counted, node_name(board, session), ""),
        Field::Document => count(counted, record.document_name(), ""),
        Field::Status => count(counted, record.status.as_str(), ""),
        Field::Reason => count(counted, record.reason.as_deref().unwrap_or_default(), ""),
        Field::Session => count(counted, record.key.id.as_str(), ""),
        Field::Rule => {
            let findings = session.judgement.findings.iter();
            let mut rules: Vec<(&str, &str)> =
                findings.map(|finding| (finding.rule.as_str(), finding.title.as_ref())).collect();
            rules.extend(session.detections.shown(false).map(|found| (&*found.rule.id, found.rule.title.as_ref())));
            rules.sort_unstable();
            rules.dedup_by_key(|(id, _)| *id);
            rules.into_iter().for_each(|(id, title)| count(counted, id, title));
        }
    }
}

fn count(counted: &mut Counted, value: &str, about: &str) {
    match counted.get_mut(value) {
        Some((_, sessions)) => *sessions += 1,
        None => drop(counted.insert(value.to_owned(), (about.to_owned(), 1))),
    }
}

/// The sessions of the list that is on the screen.
fn shown_sessions(state: &State) -> impl Iterator<Item = &SessionBoard> {
    let active = state.view.screen != Screen::History;
    state.board.sessions.values().filter(move |session| session.is_active() == active)
}

/// The tags of the nodes of those sessions.
fn each_tag(state: &State, mut tag: impl FnMut(&str, &str)) {
    for session in shown_sessions(state) {
        let tags = state.board.node(&session.session).and_then(|node| node.tags.value());
        tags.into_iter().flat_map(|tags| tags.iter()).for_each(|(key, value)| tag(key, value));
    }
}

fn fixed_offer(all: impl Iterator<Item = (String, String)>, typed: &str, range: Range<usize>) -> Offer {
    let fits = all.filter(|(value, _)| value.starts_with(typed) && value != typed);
    Offer { candidates: fits.map(|(insert, about)| Candidate { insert, about }).collect(), chosen: None, range }
}

/// Those that fit what is typed of them: those that begin with it first, then those of most sessions.
fn best(counted: Counted, part: &Part<'_>) -> Offer {
    let typed = lower(&part.text());
    let mut fitting: Vec<_> = counted
        .into_iter()
        .filter_map(|(value, (about, sessions))| {
            let place = lower(&value).find(&typed).or_else(|| lower(&about).find(&typed).map(|_| usize::MAX))?;
            Some((place, Reverse(sessions), value, about))
        })
        .collect();
    fitting.sort_by(|a, b| (a.0 > 0, a.1, &a.2).cmp(&(b.0 > 0, b.1, &b.2)));
    fitting.truncate(MOST);
    let only = fitting.len() == 1;
    let candidates = fitting.into_iter().filter(|(.., text, _)| !only || lower(text) != typed);
    let candidates = candidates.map(|(_, Reverse(sessions), text, about)| {
        let sessions = sessions.to_string();
        let about = if about.is_empty() { sessions } else { format!("{sessions}  {about}") };
        Candidate { insert: value(&text), about }
    });
    Offer { candidates: candidates.collect(), chosen: None, range: part.range.clone() }
}
