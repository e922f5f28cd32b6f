//! Who, where, why: the principal of a session, from where it came, why, and what else it does and did.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use ratatui::style::Modifier;

use super::{detail::Sheet, text};
use crate::{
    app::{
        board::{Phase, SessionBoard},
        state::Store,
    },
    domain::{AccessType, Alert, EndedSession, Fact, Finding, Mfa, SessionKey, Severity, Subject, Verdict, Workflow},
};

/// Other sessions that are written out; the rest are counted.
const MOST_OTHERS: usize = 4;
/// Earlier sessions that are written out.
const MOST_EARLIER: usize = 8;

/// An earlier session, from the board or from the store.
struct Earlier<'a> {
    at: Timestamp,
    node: String,
    place: String,
    how: &'a str,
    lasted: Option<SignedDuration>,
    verdict: Option<Verdict>,
    severity: Option<Severity>,
}

/// What an alert is to somebody who looks at its session.
fn state_of(alert: &Alert) -> &'static str {
    match alert.workflow {
        Workflow::Suppressed { .. } => "suppressed",
        Workflow::Resolved { .. } => "resolved",
        Workflow::New | Workflow::Notified if alert.acknowledged.is_some() => "seen",
        Workflow::New | Workflow::Notified => "UNACKNOWLEDGED",
    }
}

impl Sheet<'_> {
    /// What stands on a session beside its findings: where it comes from, alerts, that it is back, a quarantine.
    pub(super) fn standing(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        if let Some(start) = &session.start_record {
            let from = start.source_ip.as_deref().unwrap_or("an unknown address");
            let (factor, style) = match start.mfa {
                Mfa::Yes => ("with a second factor", theme.text),
                Mfa::No => ("WITHOUT a second factor", theme.warning),
                Mfa::Unknown => ("second factor unknown", theme.insufficient),
            };
            self.field("from", &format!("{}, {factor}", look.clean(from)), style);
        }
        if let Some(returned) = look.state.returned_after(&session.session) {
            let earlier = look.state.act(returned.act).map_or("", |act| act.subject.id());
            let words = format!(
                "BACK {} after {} was ended here (act {})",
                text::span(returned.after),
                look.clean(earlier),
                returned.act
            );
            self.field("back", &words, theme.danger);
        }
        if let Some(act) = look.state.quarantine_on(&session.session) {
            let on = if act.owner.is_empty() { "its account" } else { "its role" };
            let words = format!(
                "QUARANTINED, {on}, {} ago by {}: {} ({})",
                look.ago(act.at),
                look.clean(&act.actor.user),
                look.clean(&act.target),
                look.clean(&act.reason)
            );
            self.field("quarantine", &words, theme.warning.add_modifier(Modifier::BOLD));
        }
        self.alerts_on(session);
    }

    /// The alerts on a session in a line for each state that they are in; in full they stand on their own screen.
    fn alerts_on(&mut self, session: &SessionBoard) {
        let look = self.look;
        let alerts = look.state.alerts.of(&Subject::Session(session.session.key.clone()));
        let mut label = "alerts";
        for state in ["UNACKNOWLEDGED", "seen", "suppressed", "resolved"] {
            let these: Vec<&&Alert> = alerts.iter().filter(|alert| state_of(alert) == state).collect();
            let Some(worst) = these.iter().map(|alert| alert.severity).max() else { continue };
            let named: Vec<String> = these
                .iter()
                .map(|alert| {
                    let (mark, _) = look.mark(Verdict::NonCompliant, Some(alert.severity));
                    format!("{mark} {}", look.clean(alert.rule.as_str()))
                })
                .collect();
            let style = match state {
                "UNACKNOWLEDGED" => look.theme.severity(worst).add_modifier(Modifier::BOLD),
                "seen" => look.theme.text,
                _ => look.theme.muted,
            };
            self.field(label, &format!("{} {state}: {}", these.len(), named.join(", ")), style);
            label = "";
        }
    }

    /// The group of facts: the principal, from where, why, with whose approval, what else it does and did.
    pub(super) fn who(&mut self, session: &SessionBoard, findings: &[Finding]) {
        let look = self.look;
        let theme = look.theme;
        let record = &session.session;
        let scope = look.state.board.scopes.get(&record.key.scope);
        let source = match scope.map(|scope| &scope.trail_read) {
            Some(Fact::Known { source, at, .. }) => look.source(source, *at),
            Some(Fact::Missing(_)) | None => "not all is known".to_owned(),
        };
        self.heading("Who, where, why", &source);
        if record.owner.is_empty() {
            self.field("owner", "the service names none", theme.insufficient);
        } else {
            self.field("owner", &look.owner(&record.owner), theme.title);
            self.field("", &look.clean(&record.owner), theme.text);
        }
        self.trail(session);
        self.why(session);
        self.approval(session, findings);
        self.others(session);
        self.earlier(session);
    }

    /// The reason, and the ticket in it.
    fn why(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        let reason = session.session.reason.as_deref().unwrap_or_default();
        match reason {
            "" => self.field("reason", "none was given", theme.warning),
            reason => self.field("reason", &look.clean(reason), theme.text),
        }
        match &look.state.board.engine.parameters().ticket_pattern {
            None => self.field("ticket", "not looked for: no ticket_pattern is configured", theme.muted),
            Some(pattern) => match pattern.find(reason).map(|found| found.as_str()).filter(|ticket| !ticket.is_empty())
            {
                Some(ticket) => self.field("ticket", &look.clean(ticket), theme.text),
                None => self.field("ticket", "none: the reason names none", theme.warning),
            },
        }
    }

    /// With whose approval, as far as the rules can tell.
    fn approval(&mut self, session: &SessionBoard, findings: &[Finding]) {
        let look = self.look;
        let theme = look.theme;
        let of = |rule: &str| findings.iter().find(|finding| finding.rule.as_str() == rule);
        let access = match session.session.access {
            Some(AccessType::Standard) => "by IAM",
            Some(AccessType::JustInTime) => "just in time, by request",
            None => "the service does not say",
        };
        self.field("access", access, theme.text);
        // A production node asks for one whatever the rest of the config does.
        let production = of("TAG-01").filter(|finding| finding.status == Verdict::NonCompliant);
        let at_start = production.or_else(|| of("APR-01"));
        let (words, style) = match (session.session.access, at_start) {
            (_, Some(finding)) if finding.status == Verdict::NonCompliant => {
                (format!("LACKING ({})", look.clean(finding.rule.as_str())), theme.severity(finding.severity))
            }
            (Some(AccessType::JustInTime), _) => {
                ("just in time: none starts without an approved request".to_owned(), theme.ok)
            }
            (_, Some(finding)) => match finding.status {
                Verdict::Compliant => ("given at the start (APR-01)".to_owned(), theme.ok),
                Verdict::NotApplicable => ("none is required here".to_owned(), theme.muted),
                _ => {
                    let missing = finding.missing.first().map_or(String::new(), |missing| look.missing(missing));
                    (format!("not known (APR-01): {missing}"), theme.insufficient)
                }
            },
            (_, None) => ("no rule looks for one".to_owned(), theme.muted),
        };
        self.field("approval", &words, style);
        for rule in ["APR-02", "APR-03", "APR-04", "APR-05"] {
            if let Some(finding) = of(rule).filter(|finding| finding.status == Verdict::NonCompliant) {
                let words = format!("{rule} {}", look.clean(&finding.title));
                self.field("", &words, theme.severity(finding.severity));
            }
        }
    }

    /// What else that principal does now, and who else is on the node.
    fn others(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        let key = &session.session.key;
        let live = |other: &&SessionBoard| other.is_active() && other.session.key != *key;
        let mut same: Vec<&SessionBoard> = look.state.board.sessions_of(&session.session.owner).filter(live).collect();
        same.sort_by_key(|other| std::cmp::Reverse(other.session.started_at));
        match same.len() {
            0 => self.field("also live", "no other session of it", theme.muted),
            count => {
                let nodes: HashSet<_> =
                    same.iter().map(|other| (&other.session.key.scope, &other.session.target)).collect();
                let words = format!(
                    "{} of it on {}",
                    text::counted(count, "other session", "other sessions"),
                    text::counted(nodes.len(), "node", "nodes")
                );
                self.field("also live", &words, theme.warning);
            }
        }
        for other in same.iter().take(MOST_OTHERS) {
            let (mark, word, style) = look.verdict(other);
            let place = look.place(&other.session.key.scope);
            let words = format!("{mark} {word} on {} in {place}, {}", look.node(other), self.age_of(other));
            self.field("", &words, style);
        }
        self.more(same.len(), MOST_OTHERS);
        let mut beside: Vec<&SessionBoard> = look.state.board.sessions_beside(&session.session).filter(live).collect();
        beside.sort_by_key(|other| std::cmp::Reverse(other.session.started_at));
        beside.retain(|other| other.session.owner.is_empty() || other.session.owner != session.session.owner);
        match beside.len() {
            0 => self.field("on node", "nobody else", theme.muted),
            count => {
                self.field("on node", &text::counted(count, "session of others", "sessions of others"), theme.text)
            }
        }
        for other in beside.iter().take(MOST_OTHERS) {
            let (mark, word, style) = look.verdict(other);
            let words = format!("{mark} {word} {}, {}", look.owner(&other.session.owner), self.age_of(other));
            self.field("", &words, style);
        }
        self.more(beside.len(), MOST_OTHERS);
    }

    fn age_of(&self, session: &SessionBoard) -> String {
        session.session.started_at.map_or("start unknown".to_owned(), |at| format!("for {}", self.look.ago(at)))
    }

    fn more(&mut self, all: usize, shown: usize) {
        if all > shown {
            self.field("", &format!("and {} more", all - shown), self.look.theme.muted);
        }
    }

    /// Sessions of that principal that are over, the last first.
    fn earlier(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        let owner = &session.session.owner;
        if owner.is_empty() {
            return;
        }
        let mut known: HashSet<&SessionKey> = HashSet::new();
        known.insert(&session.session.key);
        let mut earlier: Vec<Earlier<'_>> = Vec::new();
        for other in look.state.board.sessions_of(owner) {
            let Phase::Ended { how, at } = &other.phase else { continue };
            if known.insert(&other.session.key) {
                earlier.push(Earlier {
                    at: *at,
                    node: look.node(other),
                    place: look.account(&other.session.key.scope).into_owned(),
                    how,
                    lasted: other.session.started_at.map(|started| at.duration_since(started)),
                    verdict: other.judgement.verdict,
                    severity: other.judgement.severity(),
                });
            }
        }
        let recalled: &[EndedSession] = look.state.recalled.get(owner).map_or(&[], Vec::as_slice);
        for ended in recalled.iter().filter(|ended| known.insert(&ended.key)) {
            earlier.push(Earlier {
                at: ended.ended_at,
                node: look.clean(&ended.target).into_owned(),
                place: look.account(&ended.key.scope).into_owned(),
                how: &ended.how,
                lasted: ended.started_at.map(|started| ended.ended_at.duration_since(started)),
                verdict: Some(ended.verdict),
                severity: ended.severity,
            });
        }
        earlier.sort_by_key(|ended| std::cmp::Reverse(ended.at));
        match earlier.len() {
            0 if look.state.acting_off(false).is_none() && !look.state.recalled.contains_key(owner) => {
                self.field("before", "being read from the store", theme.muted);
            }
            0 => self.field("before", "no session of it that is remembered", theme.muted),
            count => self.field("before", &text::counted(count, "session of it", "sessions of it"), theme.text),
        }
        for ended in earlier.iter().take(MOST_EARLIER) {
            let (mark, style) = match ended.verdict {
                Some(verdict) => look.mark(verdict, ended.severity),
                None => (format!("{} ", look.glyphs.loading), theme.muted),
            };
            let lasted = ended.lasted.map_or(String::new(), |lasted| format!(" after {}", text::age(lasted)));
            let words = format!(
                "{mark} {} ago on {} in {}, {}{lasted}",
                look.ago(ended.at),
                ended.node,
                ended.place,
                look.clean(ended.how)
            );
            self.field("", &words, style);
        }
        self.more(earlier.len(), MOST_EARLIER);
        match &look.state.store {
            Store::Open | Store::Troubled(..) => {}
            Store::Opening => self.field("", "those of earlier runs are not read yet", theme.muted),
            Store::Refused(why) => {
                let words = format!("those of earlier runs are not known: {}", look.clean(why));
                self.field("", &words, theme.insufficient);
            }
        }
    }
}
