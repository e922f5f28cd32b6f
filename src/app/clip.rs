//! What can be copied of what is selected: ids, ARNs, the command, a link to the console. Nothing here is read anew.

use super::{
    state::State,
    view::{Focus, Screen},
};
use crate::{
    domain::{AccountId, Region, ScopeId, SessionKey, Subject},
    transcript::{is_hidden, mask},
};

/// Longer texts are refused: xterm and those after it drop an OSC 52 of more than 100,000 bytes, which are 74,994 before Base64.
pub const MOST_BYTES: usize = 74_994;

/// A text for the clipboard: one line without control or hidden characters, so that pasted into a shell it runs nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip(String);

impl Clip {
    /// The text as it may be copied; `None`: nothing of it is left, or it is too long. It is never cut: half a command is another one.
    pub fn new(text: &str) -> Option<Self> {
        let visible = text.chars().filter_map(|c| match c {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if c.is_control() || is_hidden(c) => None,
            c => Some(c),
        });
        let text: String = visible.collect();
        let text = text.trim();
        (!text.is_empty() && text.len() <= MOST_BYTES).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The open menu of what can be copied: what it offers is what it was opened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMenu {
    /// What is offered; never nothing.
    pub rows: Vec<CopyRow>,
    /// The selected one.
    pub selected: usize,
}

/// One thing to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// Its key.
    pub letter: char,
    /// What it is.
    pub what: &'static str,
    /// What is copied; `None`: it is too long for that.
    pub clip: Option<Clip>,
}

/// What can be copied of what is selected, the likeliest first; empty: nothing is selected.
pub fn offered(state: &State) -> Vec<CopyRow> {
    let mut rows = Rows::default();
    let view = &state.view;
    let session = super::update::selected_session(state);
    match view.screen {
        Screen::Alerts => {
            if let Some(alert) = view.alerts.selected.as_ref().and_then(|id| state.alerts.get(id)) {
                of_subject(state, &alert.subject, &mut rows);
                rows.add('e', "alert id", &alert.id);
                rows.add('u', "rule", alert.rule.as_str());
            }
        }
        Screen::Acts => {
            if let Some(act) = view.acts.selected.and_then(|id| state.act(id)) {
                of_subject(state, &act.subject, &mut rows);
            }
        }
        Screen::Preferences => {
            if let Some(scope) = &view.preferences.selected {
                of_scope(scope, "preferences", &mut rows);
            }
        }
        Screen::Scopes => {
            if let Some(scope) = &view.scopes.selected {
                of_scope(scope, "sessions", &mut rows);
            }
        }
        Screen::Sessions | Screen::History => {
            if let Some(key) = &session {
                of_session(state, key, &mut rows);
            }
        }
    }
    rows.0
}

#[derive(Default)]
struct Rows(Vec<CopyRow>);

impl Rows {
    fn add(&mut self, letter: char, what: &'static str, text: &str) {
        if !text.trim().is_empty() {
            self.0.push(CopyRow { letter, what, clip: Clip::new(text) });
        }
    }
}

fn of_subject(state: &State, subject: &Subject, rows: &mut Rows) {
    match subject {
        Subject::Session(key) => of_session(state, key, rows),
        Subject::Node(scope, node) => {
            rows.add('n', "node id", node.as_str());
            of_scope(scope, "sessions", rows);
        }
        Subject::Preferences(scope) => of_scope(scope, "preferences", rows),
        Subject::Account(account) => rows.add('a', "account id", account.as_str()),
        Subject::Program => {}
    }
}

fn of_session(state: &State, key: &SessionKey, rows: &mut Rows) {
    let view = &state.view;
    let ScopeId { account, region } = &key.scope;
    let transcript = view.transcript.as_ref().filter(|transcript| transcript.session == *key);
    // The selected command, else the last one that was entered; what looks like a secret stays masked, as it is on the screen.
    let command = transcript.and_then(|transcript| {
        let selected = transcript.command;
        let selected = transcript.commands().find(|command| Some(command.line) == selected);
        selected.or_else(|| transcript.commands().next_back()).map(|command| mask(&command.text).into_owned())
    });
    let command = command.unwrap_or_default();
    let reads = view.screen == Screen::Sessions && matches!(view.focus, Focus::Transcript | Focus::Commands);
    if reads {
        rows.add('c', "command", &command);
    }
    rows.add('i', "session id", key.id.as_str());
    if let Some(board) = state.board.sessions.get(key) {
        rows.add('o', "owner ARN", &board.session.owner);
        rows.add('s', "session ARN", &session_arn(account, region, key.id.as_str()));
        rows.add('n', "node id", board.session.target.as_str());
    } else {
        rows.add('s', "session ARN", &session_arn(account, region, key.id.as_str()));
    }
    rows.add('a', "account id", account.as_str());
    if !reads {
        rows.add('c', "command", &command);
    }
    rows.add('l', "link to the console", &console_link(region, "sessions"));
}

fn of_scope(scope: &ScopeId, page: &str, rows: &mut Rows) {
    rows.add('a', "account id", scope.account.as_str());
    rows.add('r', "region", scope.region.as_str());
    rows.add('l', "link to the console", &console_link(&scope.region, page));
}

/// The partition of a region and the domain of its console
/// (docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html; aws-cn and aws-us-gov have consoles of their own).
fn partition(region: &Region) -> (&'static str, &'static str) {
    match region.as_str() {
        region if region.starts_with("cn-") => ("aws-cn", "console.amazonaws.cn"),
        region if region.starts_with("us-gov-") => ("aws-us-gov", "console.amazonaws-us-gov.com"),
        _ => ("aws", "console.aws.amazon.com"),
    }
}

/// The ARN of a session (docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html).
pub fn session_arn(account: &AccountId, region: &Region, id: &str) -> String {
    format!("arn:{}:ssm:{region}:{account}:session/{id}", partition(region).0)
}

/// A page of Session Manager in the console of that region. There is none of a single session; one of a node would open a
/// shell on it, so it is never linked to.
pub fn console_link(region: &Region, page: &str) -> String {
    format!("https://{region}.{}/systems-manager/session-manager/{page}?region={region}", partition(region).1)
}

#[cfg(test)]
#[path = "clip_tests.rs"]
mod tests;
