//! One alert in full: what decided, whom it is about, who was told and how, what became of it.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
};

use super::{
    detail::Sheet,
    look::Look,
    text::{self, piece},
};
use crate::{
    app::action::Action,
    domain::{Alert, AlertSource, Delivery, Subject, Verdict, Workflow},
};

/// From this width on, what became of it stands beside what it is.
const BESIDE: u16 = 110;

/// The selected alert in full.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let selected = look.state.view.alerts.selected.as_ref();
    let Some(alert) = selected.and_then(|id| look.state.alerts.get(id)) else {
        let inner = look.pane(buffer, area, &[], &[], false);
        return look.centered(buffer, inner, &[("that alert is no longer known here".to_owned(), theme.muted)]);
    };
    let title = [piece("Alert ", theme.title), piece(look.clean(&alert.id), theme.muted)];
    let inner = look.pane(buffer, area, &title, &[], false);
    if inner.width < 3 || inner.height == 0 {
        return;
    }
    let room = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let sheet = |area: Rect| Sheet { look, cells: usize::from(area.width), lines: Vec::new() };
    let lines = if inner.width >= BESIDE {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(52), Constraint::Percentage(48)]).spacing(3).areas(room);
        let (mut what, mut fate) = (sheet(left), sheet(right));
        what.alert(alert);
        what.offer(alert);
        fate.fate(alert);
        // What decided is the longest: it goes where there is more room.
        let right_is_free = fate.lines.len() < what.lines.len();
        if right_is_free { &mut fate } else { &mut what }.because(alert);
        look.lines(buffer, left, &what.lines);
        look.lines(buffer, right, &fate.lines);
        what.lines.len().max(fate.lines.len())
    } else {
        let mut all = sheet(room);
        all.alert(alert);
        all.fate(alert);
        all.offer(alert);
        all.because(alert);
        look.lines(buffer, room, &all.lines);
        all.lines.len()
    };
    let more = lines.saturating_sub(usize::from(inner.height));
    if more > 0 {
        let words = format!("{} more, a higher terminal shows them", text::counted(more, "line", "lines"));
        look.on_frame(buffer, area, area.bottom() - 1, &[], &[piece(words, theme.muted)]);
    }
}

impl Sheet<'_> {
    /// What it is, what it is about, since when.
    fn alert(&mut self, alert: &Alert) {
        let look = self.look;
        let theme = look.theme;
        let (mark, style) = look.mark(Verdict::NonCompliant, Some(alert.severity));
        let lead = vec![piece(
            format!("{mark} {} {} ", alert.severity.word(), look.clean(alert.rule.as_str())),
            style.add_modifier(Modifier::BOLD),
        )];
        self.words(lead, 3, &look.clean(&alert.title), theme.title);
        let kind = match alert.source {
            AlertSource::Finding => "a finding of a rule",
            AlertSource::Detection => "a detection in a transcript",
            AlertSource::Hand => "raised as such, by an analyst",
        };
        self.subject(&alert.subject, &alert.owner);
        let since = format!("{} ago, {}: {kind}", look.ago(alert.raised_at), look.date(alert.raised_at));
        self.field("raised", &since, theme.text);
        if alert.occurrence > 1 {
            let times = text::counted(usize::try_from(alert.occurrence - 1).unwrap_or(usize::MAX), "time", "times");
            let words = format!("raised again {times}, last {} ago", look.ago(alert.reopened_at));
            self.field("again", &words, theme.warning);
        }
        if !alert.reason.is_empty() {
            self.field("reason", &look.clean(&alert.reason), theme.text);
        }
    }

    /// What decided, and who raised it.
    fn because(&mut self, alert: &Alert) {
        let look = self.look;
        let theme = look.theme;
        let mut label = "because";
        for evidence in &alert.evidence {
            let fact = format!("{} = {}", look.clean(&evidence.fact), look.clean(&evidence.value));
            self.field(label, &fact, theme.text);
            self.source(11, &look.source(&evidence.source, evidence.at));
            label = "";
        }
        self.field("raised by", &look.clean(&alert.raised_by), theme.text);
    }

    /// What an alert or an act is about, and whose session it is.
    pub(super) fn subject(&mut self, subject: &Subject, owner: &str) {
        let look = self.look;
        let theme = look.theme;
        match subject {
            Subject::Session(key) => {
                self.field("session", &look.session_id(key), theme.title);
                match look.state.board.sessions.get(key) {
                    Some(session) => {
                        let (status, style) = look.status(session);
                        self.field("node", &format!("{}, {status}", look.node(session)), style);
                    }
                    None => self.field("", "no longer known here", theme.muted),
                }
            }
            Subject::Node(_, node) => self.field("node", &look.clean(node.as_str()), theme.title),
            Subject::Preferences(_) => self.field("on", "the Session Manager preferences", theme.title),
            Subject::Account(_) => self.field("on", "the whole account", theme.title),
            Subject::Program => self.field("on", "ssmwatch itself", theme.title),
        }
        if let Some(place) = look.place_of(subject) {
            self.field("where", &place, theme.text);
        }
        if !owner.is_empty() {
            self.field("owner", &look.owner(owner), theme.text);
        }
    }

    /// Who was told, who has seen it, what became of it.
    fn fate(&mut self, alert: &Alert) {
        let look = self.look;
        let theme = look.theme;
        let open = alert.workflow.is_open();
        match &alert.workflow {
            Workflow::New | Workflow::Notified => {
                let words = match alert.workflow {
                    Workflow::New => "NEW: not every topic has it",
                    _ => "NOTIFIED: every topic that is configured has it",
                };
                self.field("workflow", words, theme.text);
            }
            Workflow::Suppressed { until, reason, by } => {
                let left = text::span(until.duration_since(look.state.now));
                let words = format!("SUPPRESSED until {}, for {left} more", look.date(*until));
                self.field("workflow", &words, theme.text);
                self.field("", &format!("by {}: {}", look.clean(by), look.clean(reason)), theme.text);
            }
            Workflow::Resolved { at, why } => {
                let words = format!("RESOLVED {} ago: {}", look.ago(*at), look.clean(why));
                self.field("workflow", &words, theme.ok);
            }
        }
        match &alert.acknowledged {
            Some(seen) => {
                self.field("seen by", &format!("{}, {} ago", look.clean(&seen.by), look.ago(seen.at)), theme.text);
            }
            None if open => {
                let key = look.state.setup.keymap.word(Action::Acknowledge);
                let words = match look.state.acting_off(false) {
                    None => format!("nobody: {key} acknowledges it"),
                    Some(_) => "nobody".to_owned(),
                };
                self.field("seen by", &words, theme.severity(alert.severity).add_modifier(Modifier::BOLD));
            }
            None => self.field("seen by", "nobody", theme.muted),
        }
        if alert.deliveries.is_empty() {
            let (words, style) = super::alerts::sent(look, alert);
            self.field("messages", &words, style);
        }
        for (destination, delivery) in &alert.deliveries {
            self.delivery(destination.word(), delivery);
        }
    }

    fn delivery(&mut self, to: &str, delivery: &Delivery) {
        let look = self.look;
        let theme = look.theme;
        let lead = |sign: &str, style: Style| vec![piece(format!("{sign} {to:13} "), style)];
        match delivery {
            Delivery::Delivered { at, proof } => {
                let words = format!("sent {} ago: {}", look.ago(*at), look.clean(proof));
                self.words(lead(look.glyphs.compliant, theme.ok), 16, &words, theme.text);
            }
            Delivery::Waiting { attempts, problem, next_at } => {
                let tried = match attempts {
                    0 => "in the outbox, not tried so far".to_owned(),
                    times => format!("in the outbox, tried {times}x"),
                };
                let next = look.retry(*next_at).map_or(String::new(), |retry| format!("; {retry}"));
                let words = match problem {
                    Some((what, _)) => format!("{tried}: {}{next}", look.clean(what)),
                    None => format!("{tried}{next}"),
                };
                self.words(lead(look.glyphs.loading, theme.warning), 16, &words, theme.warning);
                if let Some((_, to_do)) = problem {
                    let lead = vec![piece(format!("{:14}{} ", "", look.glyphs.remedy), theme.accent)];
                    self.words(lead, 16, &look.clean(to_do), theme.text);
                }
            }
        }
    }

    /// Where a whole account stands out, what can be done about the whole of it.
    fn offer(&mut self, alert: &Alert) {
        let look = self.look;
        let (Subject::Account(_), Some(what)) = (&alert.subject, &look.state.setup.quarantine) else { return };
        let key = look.state.setup.keymap.word(Action::Quarantine);
        let words = match look.state.acting_off(true) {
            None => format!("{key} quarantines: {}", look.clean(what)),
            Some(why) => format!("quarantine is off: {}", look.clean(&why)),
        };
        self.words(vec![piece(format!("{} ", look.glyphs.remedy), look.theme.accent)], 2, &words, look.theme.text);
    }
}
