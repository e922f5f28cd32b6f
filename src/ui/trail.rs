//! What CloudTrail recorded of a session; and what is known of what surrounds it, its node and the
//! preferences of its scope.

use super::{detail::Sheet, text};
use crate::{
    app::board::SessionBoard,
    domain::{Fact, Judgement, Mfa, TRAIL_LATENESS, TrailEvent, Verdict},
};

impl Sheet<'_> {
    /// A line each for the verdicts on the node and on the preferences, so that an old agent is seen with its sessions.
    pub(super) fn surroundings(&mut self, session: &SessionBoard) {
        let board = &self.look.state.board;
        let key = &session.session.key;
        let unseen = self.look.unseen_since(session).is_some();
        if let Some(node) = board.node(&session.session) {
            self.verdict_line("on node", &node.judgement, unseen);
        }
        if let Some(scope) = board.scopes.get(&key.scope) {
            self.verdict_line("on prefs", &scope.preferences_judgement, unseen);
        }
    }

    fn verdict_line(&mut self, label: &str, judgement: &Judgement, unseen: bool) {
        let look = self.look;
        let Some(verdict) = judgement.verdict else {
            return self.field(label, &format!("{} not judged yet", look.glyphs.loading), look.theme.muted);
        };
        if unseen && verdict < Verdict::InsufficientData {
            // What was well is not called well while its scope is not seen.
            let words = format!("{}  STALE", look.glyphs.insufficient);
            return self.field(label, &words, look.theme.insufficient);
        }
        let (mark, style) = look.mark(verdict, judgement.severity());
        let count = judgement.findings.iter().filter(|finding| finding.status == verdict).count();
        let words = match judgement.findings.first().filter(|_| verdict >= Verdict::InsufficientData) {
            Some(worst) => {
                let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
                format!("{mark} {} {}{more}", look.clean(worst.rule.as_str()), look.clean(&worst.title))
            }
            None => format!("{mark} {}", verdict.word()),
        };
        self.field(label, &words, style);
    }

    /// CloudTrail's records; "pending" while they are not there yet.
    pub(super) fn trail(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        let scope = look.state.board.scopes.get(&session.session.key.scope);
        if let Some(Fact::Missing(missing)) = scope.map(|scope| &scope.trail_read)
            && session.start_record.is_none()
        {
            return self.field("from where", &super::detail::why(look, missing), theme.insufficient);
        }
        match &session.start_record {
            Some(start) => self.start(start),
            None => self.no_record(session, scope.and_then(|scope| scope.trail_from)),
        }
        if let Some(last) = session.resume_records.last() {
            let count = text::counted(session.resume_records.len(), "time", "times");
            let from = last.source_ip.as_deref().unwrap_or("an unknown address");
            let words = format!("{count}, last {} ago from {}", look.ago(last.at), look.clean(from));
            self.field("resumed", &words, theme.text);
        }
        if let Some(end) = &session.end_record {
            let who = end.identity_arn.as_deref().map_or("unknown".to_owned(), |arn| look.owner(arn));
            let from = end.source_ip.as_deref().unwrap_or("an unknown address");
            let words = format!("{who}, {} ago from {}", look.ago(end.at), look.clean(from));
            self.field("ended by", &words, theme.text);
        }
    }

    fn start(&mut self, start: &TrailEvent) {
        let look = self.look;
        let theme = look.theme;
        match start.source_ip.as_deref() {
            Some(address) => self.field("source ip", &look.clean(address), theme.text),
            None => self.field("source ip", "the record names none", theme.insufficient),
        }
        let (words, style) = match start.mfa {
            Mfa::Yes => ("yes", theme.ok),
            Mfa::No => ("no", theme.warning),
            Mfa::Unknown => ("unknown: the record does not say", theme.insufficient),
        };
        self.field("2nd factor", words, style);
        if let Some(agent) = &start.user_agent {
            self.field("client", &look.clean(agent), theme.text);
        }
        for (name, values) in &start.parameters {
            let words = format!("{} = {}", look.clean(name), look.clean(&values.join(", ")));
            self.field("parameter", &words, theme.text);
        }
    }

    /// No record of the start: it may still come, lies before what was looked at, or should have been here.
    fn no_record(&mut self, session: &SessionBoard, from: Option<jiff::Timestamp>) {
        let look = self.look;
        let words = match session.session.started_at {
            Some(at) if from.is_some_and(|from| at < from) => "it began before the time that was looked at".to_owned(),
            Some(at) if look.state.now.duration_since(at) <= TRAIL_LATENESS => {
                let age = look.ago(at);
                format!("pending ({age}): CloudTrail usually has it within {}", text::span(TRAIL_LATENESS))
            }
            Some(at) => format!("no record {} after the start: late, or lacking", look.ago(at)),
            None => "no record, and the start is unknown".to_owned(),
        };
        self.field("from where", &words, look.theme.insufficient);
    }
}
