//! Whom the screen does not reach is told: when, of what, in which words. Pure: bell, terminal and command are for others to work.
//!
//! A notification leaves the screen, where nothing cleans it. So it is made of our own words only: severities, ids of rules, titles
//! of built-in rules, names of accounts from the config. Nothing that a session, its owner or its node says has a place in it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use serde::Serialize;

use super::{
    board::Freshness,
    message::Effect,
    state::{State, Store},
};
use crate::{
    compliance::Origin,
    domain::{Alert, AlertId, ScopeId, Severity},
    transcript::is_hidden,
};

/// What comes within this time after a notification is told together.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(5);
/// A scope that comes and goes is told of this often at most.
const SCOPE_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// A word has at most this many characters.
const LONGEST: usize = 80;
/// Alerts whose telling is remembered; more, and those that are gone are forgotten.
const REMEMBERED: usize = 4096;

/// A way to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The terminal's bell.
    Bell,
    /// A notification by the terminal.
    Terminal(Protocol),
    /// The user's command.
    Command,
}

/// How the terminal is asked for a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// `OSC 9`: one text.
    #[default]
    Osc9,
    /// `OSC 777`: title and text.
    Osc777,
}

/// From when on a way is used, and when not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// From this severity on.
    pub least: Severity,
    /// Not from then until then; over midnight where the end is before the beginning.
    pub quiet: Option<(Time, Time)>,
}

/// The ways that are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Channels {
    /// The bell.
    pub bell: Option<Channel>,
    /// The terminal's notifications.
    pub terminal: Option<Channel>,
    /// How the terminal is asked.
    pub protocol: Protocol,
    /// The command.
    pub command: Option<Channel>,
    /// From this severity on quiet hours do not hold.
    pub except: Option<Severity>,
    /// Zone of the quiet hours.
    pub zone: TimeZone,
    /// What cannot be seen is told, as CRITICAL.
    pub cannot_see: bool,
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            bell: None,
            terminal: None,
            protocol: Protocol::Osc9,
            command: None,
            except: None,
            zone: TimeZone::UTC,
            cannot_see: true,
        }
    }
}

impl Channels {
    fn each(&self) -> [(Way, Option<&Channel>); 3] {
        [
            (Way::Bell, self.bell.as_ref()),
            (Way::Terminal(self.protocol), self.terminal.as_ref()),
            (Way::Command, self.command.as_ref()),
        ]
    }
}

/// Whether it is between two times of the day; over midnight where the end is before the beginning. The end is not in it.
fn is_between((from, to): (Time, Time), time: Time) -> bool {
    if from < to { from <= time && time < to } else { from <= time || time < to }
}

/// A word that may leave the screen: visible, short, nothing that a terminal, a shell or a bus reads as more than a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Word(String);

impl Word {
    fn new(text: &str) -> Self {
        let is_letter = |c: char| (c.is_alphanumeric() && !is_hidden(c)) || " .,:-_/()+@#".contains(c);
        let letter = |c: char| if is_letter(c) { c } else { '_' };
        Self(text.chars().take(LONGEST).map(letter).collect())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is told. It has no place for anything that a session says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// The worst of it.
    severity: Severity,
    /// Alerts that were raised.
    alerts: usize,
    /// Scopes that cannot be read any more.
    scopes_unseen: usize,
    /// Nothing can be written down, so nothing is raised or ended.
    store_refuses: bool,
    /// The rule, of a single alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Word>,
    /// Its title, where it is a built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_title: Option<Word>,
    /// The account's name in the config, of a single alert or scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Word>,
    /// Its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Word>,
    /// The alert's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Word>,
    /// Names of accounts are masked: other people can read the screen that shows this. The command is told all the same.
    #[serde(skip)]
    masked: bool,
    /// When.
    at: Timestamp,
}

impl Notification {
    /// `ssmwatch: CRITICAL`. It begins with a word: what begins with digits is a command to some terminals (OSC 9;4 is progress).
    pub fn title(&self) -> String {
        format!("ssmwatch: {}", self.severity.word())
    }

    /// One line of what.
    pub fn text(&self) -> String {
        let account = self.account.as_ref().filter(|_| !self.masked);
        let place: Vec<String> = account.into_iter().chain(&self.region).map(ToString::to_string).collect();
        let place = place.join(" ");
        let mut parts = Vec::new();
        match (self.alerts, &self.rule) {
            (0, _) => {}
            (1, Some(rule)) => {
                let title = self.rule_title.as_ref().map_or(String::new(), |title| format!(" {title}"));
                let at = if place.is_empty() { String::new() } else { format!(" in {place}") };
                parts.push(format!("{} {rule}{title}{at}", self.severity.word()));
            }
            (count, _) => parts.push(format!("{count} alerts, worst {}", self.severity.word())),
        }
        match self.scopes_unseen {
            0 => {}
            1 if !place.is_empty() && self.alerts == 0 => parts.push(format!("CANNOT SEE {place}")),
            1 => parts.push("CANNOT SEE 1 scope".to_owned()),
            count => parts.push(format!("CANNOT SEE {count} scopes")),
        }
        if self.store_refuses {
            parts.push("nothing can be written down, so nothing is raised or ended".to_owned());
        }
        parts.join(", ")
    }

    /// The facts as one line of JSON.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Said<'a> {
            title: String,
            text: String,
            #[serde(flatten)]
            facts: &'a Notification,
        }
        // Words, numbers and a time stamp: nothing in it can fail to be written.
        serde_json::to_string(&Said { title: self.title(), text: self.text(), facts: self }).unwrap_or_default()
    }

    /// The facts as environment variables.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let said = |word: &Option<Word>| word.as_ref().map_or(String::new(), ToString::to_string);
        vec![
            ("SSMWATCH_TITLE", self.title()),
            ("SSMWATCH_TEXT", self.text()),
            ("SSMWATCH_SEVERITY", self.severity.word().to_owned()),
            ("SSMWATCH_ALERTS", self.alerts.to_string()),
            ("SSMWATCH_SCOPES_UNSEEN", self.scopes_unseen.to_string()),
            ("SSMWATCH_RULE", said(&self.rule)),
            ("SSMWATCH_ACCOUNT", said(&self.account)),
            ("SSMWATCH_REGION", said(&self.region)),
        ]
    }

    /// Of one alert of that rule in that account; for tests of what becomes of its words.
    #[cfg(test)]
    pub(crate) fn of_rule(rule: &str, account: &str) -> Self {
        Self {
            severity: Severity::Critical,
            alerts: 1,
            scopes_unseen: 0,
            store_refuses: false,
            rule: Some(Word::new(rule)),
            rule_title: Some(Word::new(rule)),
            account: Some(Word::new(account)),
            masked: false,
            region: None,
            alert: None,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// How many alerts, scopes and stores it tells of.
    pub fn count(&self) -> usize {
        self.alerts + self.scopes_unseen + usize::from(self.store_refuses)
    }
}

/// What was told, and what waits to be.
#[derive(Debug, Default)]
pub(super) struct Notifying {
    /// Alerts that were told of or are of earlier runs: which occurrence, and how bad it was.
    told: HashMap<AlertId, (u32, Severity)>,
    /// Scopes that cannot be read now.
    unseen: BTreeSet<ScopeId>,
    /// When a scope was last told of.
    scope_told: BTreeMap<ScopeId, Timestamp>,
    refused: bool,
    /// Alerts of another run were taken in once: those were its to tell.
    looked_on: bool,
    waiting: [Waiting; 3],
}

/// What waits for one of the ways.
#[derive(Debug, Default)]
struct Waiting {
    alerts: BTreeSet<AlertId>,
    scopes: BTreeSet<ScopeId>,
    store: bool,
    last: Option<Timestamp>,
}

impl State {
    /// Alerts of earlier runs: they were told of then.
    pub(super) fn told_before(&mut self) {
        let told = self.alerts.all().map(|alert| (Arc::clone(&alert.id), (alert.occurrence, alert.severity)));
        self.notifying.told.extend(told.collect::<Vec<_>>());
    }

    /// The alerts as another run has them: what was not there at the first look is told here, too.
    pub(super) fn looked_on(&mut self) {
        if !std::mem::replace(&mut self.notifying.looked_on, true) {
            return self.told_before();
        }
        let ids: Vec<AlertId> = self.alerts.all().map(|alert| Arc::clone(&alert.id)).collect();
        for id in ids {
            self.hear_of(&id, true);
        }
    }

    /// An alert was raised, or has changed: it is told if it was raised, or got worse.
    pub(super) fn hear_of(&mut self, id: &AlertId, raised: bool) {
        let Some(alert) = self.alerts.get(id).filter(|alert| alert.is_unacknowledged()) else { return };
        let now = (alert.occurrence, alert.severity);
        let told = &mut self.notifying.told;
        let is_news = match told.get(id) {
            Some(before) => *before < now,
            None => raised,
        };
        if !is_news {
            return;
        }
        if told.len() >= REMEMBERED {
            told.retain(|id, _| self.alerts.get(id).is_some());
        }
        told.insert(Arc::clone(id), now);
        let ways = self.setup.notify.each();
        for ((_, channel), waiting) in ways.iter().zip(&mut self.notifying.waiting) {
            if channel.is_some_and(|channel| alert.severity >= channel.least) {
                waiting.alerts.insert(Arc::clone(id));
            }
        }
    }

    /// Looks at what cannot be seen, and tells what is due.
    pub(super) fn notify_people(&mut self, effects: &mut Vec<Effect>) {
        if self.setup.notify.each().iter().all(|(_, channel)| channel.is_none()) {
            return;
        }
        if self.setup.notify.cannot_see {
            self.look_for_unseen();
        }
        for index in 0..self.notifying.waiting.len() {
            effects.extend(self.due(index));
        }
    }

    fn look_for_unseen(&mut self) {
        let (now, board) = (self.now, &self.board);
        let bad = |scope: &super::board::ScopeBoard| {
            let freshness = board.freshness(scope, now);
            scope.failing.is_some() && matches!(freshness, Freshness::Blind | Freshness::Stale)
        };
        let unseen: BTreeSet<ScopeId> =
            board.scopes.iter().filter(|(_, scope)| bad(scope)).map(|(id, _)| id.clone()).collect();
        let told = &self.notifying.scope_told;
        let may_tell = |id: &&ScopeId| told.get(id).is_none_or(|at| now.duration_since(*at) >= SCOPE_AGAIN);
        let new: Vec<ScopeId> = unseen.difference(&self.notifying.unseen).filter(may_tell).cloned().collect();
        let refused = matches!(self.store, Store::Refused(_));
        let newly_refused = refused && !self.notifying.refused;
        for ((_, channel), waiting) in self.setup.notify.each().iter().zip(&mut self.notifying.waiting) {
            if channel.is_some() {
                waiting.scopes.extend(new.iter().cloned());
                waiting.store |= newly_refused;
            }
        }
        self.notifying.scope_told.extend(new.into_iter().map(|id| (id, now)));
        self.notifying.unseen = unseen;
        self.notifying.refused = refused;
    }

    /// What is due on one of the ways. Within quiet hours it waits, and is told when they end, unless somebody has seen it by then.
    fn due(&mut self, index: usize) -> Option<Effect> {
        let (way, channel) = *self.setup.notify.each().get(index)?;
        let channel = channel?;
        let is_quiet = channel
            .quiet
            .is_some_and(|hours| is_between(hours, self.now.to_zoned(self.setup.notify.zone.clone()).time()));
        let except = self.setup.notify.except;
        let may = |severity: Severity| !is_quiet || except.is_some_and(|least| severity >= least);
        let waiting = self.notifying.waiting.get_mut(index)?;
        // What was seen, or is over, needs no telling.
        waiting.alerts.retain(|id| self.alerts.get(id).is_some_and(Alert::is_unacknowledged));
        waiting.scopes.retain(|id| self.notifying.unseen.contains(id));
        waiting.store &= self.notifying.refused;
        if waiting.last.is_some_and(|last| self.now.duration_since(last) < WINDOW) {
            return None;
        }
        let severity_of = |id: &AlertId| self.alerts.get(id).map(|alert| alert.severity);
        let due = |id: &AlertId| severity_of(id).is_some_and(may);
        let alerts: Vec<AlertId> = waiting.alerts.iter().filter(|id| due(id)).cloned().collect();
        waiting.alerts.retain(|id| !due(id));
        let critical = may(Severity::Critical);
        let scopes = if critical { std::mem::take(&mut waiting.scopes) } else { BTreeSet::new() };
        let store = critical && std::mem::take(&mut waiting.store);
        if alerts.is_empty() && scopes.is_empty() && !store {
            return None;
        }
        waiting.last = Some(self.now);
        let what = Box::new(self.notification(&alerts, &scopes, store));
        Some(Effect::Notify { way, what })
    }

    fn notification(&self, alerts: &[AlertId], scopes: &BTreeSet<ScopeId>, store: bool) -> Notification {
        let found: Vec<&Alert> = alerts.iter().filter_map(|id| self.alerts.get(id)).collect();
        let unseen = (!scopes.is_empty() || store).then_some(Severity::Critical);
        let worst = found.iter().map(|alert| alert.severity).chain(unseen).max();
        let mut what = Notification {
            severity: worst.unwrap_or(Severity::Informational),
            alerts: found.len(),
            scopes_unseen: scopes.len(),
            store_refuses: store,
            rule: None,
            rule_title: None,
            account: None,
            region: None,
            alert: None,
            masked: self.is_masked(),
            at: self.now,
        };
        if let [alert] = found.as_slice() {
            what.rule = Some(Word::new(alert.rule.as_str()));
            what.rule_title = self.built_in_title(alert).map(|title| Word::new(&title));
            what.alert = Some(Word::new(&alert.id));
        }
        let place = match (found.as_slice(), scopes.len()) {
            ([alert], _) => alert.subject.scope().cloned(),
            ([], 1) => scopes.first().cloned(),
            _ => None,
        };
        match (place, found.as_slice()) {
            (Some(scope), _) => {
                what.account = Some(Word::new(self.board.account_name(&scope)));
                what.region = Some(Word::new(scope.region.as_str()));
            }
            // An account as such lies in no region.
            (None, [alert]) => what.account = alert.subject.account().map(|account| Word::new(account.as_str())),
            (None, _) => {}
        }
        what
    }

    /// The title of a built-in rule: what people's own rules are called stays on the screen.
    fn built_in_title(&self, alert: &Alert) -> Option<Arc<str>> {
        let rule = self.board.engine.rules().iter().find(|rule| rule.id == alert.rule);
        if let Some(rule) = rule {
            return (rule.origin == Origin::BuiltIn).then(|| Arc::clone(&rule.title));
        }
        let detector = &self.listening.detector;
        let rule = detector.rules().iter().find(|rule| *rule.id == *alert.rule.as_str())?;
        (rule.origin == crate::detection::Origin::BuiltIn).then(|| Arc::clone(&rule.title))
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
