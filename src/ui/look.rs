//! What every pane needs to draw: the State, the theme, the glyphs, and the words that all panes share.

use std::{borrow::Cow, collections::HashMap};

use jiff::{SignedDuration, Timestamp};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    columns::Dress,
    text::{self, Piece, Pieces, piece, put_line, put_right},
    theme::{Glyphs, Theme},
};
use crate::{
    app::{
        State,
        board::{Phase, Recorder, SessionBoard},
        mask::Masked,
    },
    domain::{
        ActKind, MissingFact, NodeId, Owner, ScopeId, Session, SessionKey, SessionStatus, Severity, Subject, Verdict,
    },
    transcript,
};

/// Everything that drawing reads.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) state: &'a State,
    pub(super) theme: &'a Theme,
    pub(super) glyphs: &'a Glyphs,
    /// Names stand in place of accounts, owners, nodes and sessions.
    pub(super) masked: bool,
}

impl<'a> Look<'a> {
    /// Text that somebody else chose, made harmless for this terminal.
    pub(super) fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.masked {
            return self.harmless(text);
        }
        match self.state.masks.hide(text) {
            Cow::Borrowed(text) => self.harmless(text),
            // Who is called like a control character is not called so after it was made visible.
            Cow::Owned(text) => Cow::Owned(self.harmless(&text).into_owned()),
        }
    }

    fn harmless<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.state.setup.ascii {
            transcript::clean_marked(text, transcript::Glyphs::Ascii).into_parts().0
        } else {
            transcript::clean(text)
        }
    }

    /// Shape and letter of a verdict, two cells, and its color.
    pub(super) fn mark(&self, verdict: Verdict, severity: Option<Severity>) -> (String, Style) {
        match (verdict, severity) {
            (Verdict::NonCompliant, severity) => {
                let severity = severity.unwrap_or(Severity::Informational);
                (format!("{}{}", self.glyphs.severity(severity), severity.letter()), self.theme.severity(severity))
            }
            (Verdict::InsufficientData, _) => (format!("{} ", self.glyphs.insufficient), self.theme.insufficient),
            (Verdict::Compliant, _) => (format!("{} ", self.glyphs.compliant), self.theme.compliant),
            (Verdict::NotApplicable, _) => (format!("{} ", self.glyphs.not_applicable), self.theme.muted),
        }
    }

    /// Mark and word of a session's verdict. What was well when it was last seen is not called well while it is not seen.
    pub(super) fn verdict(&self, session: &SessionBoard) -> (String, &'static str, Style) {
        let judgement = &session.judgement;
        let unseen = self.unseen_since(session).is_some();
        self.verdict_of((judgement.verdict, judgement.severity()), unseen, session.adopted)
    }

    /// The same of what was copied from a session.
    pub(super) fn verdict_of(
        &self,
        (verdict, severity): (Option<Verdict>, Option<Severity>),
        unseen: bool,
        adopted: bool,
    ) -> (String, &'static str, Style) {
        match verdict {
            Some(Verdict::Compliant | Verdict::NotApplicable) if unseen => {
                (format!("{} ", self.glyphs.insufficient), "STALE", self.theme.insufficient)
            }
            None if adopted => self.not_judged(),
            None => (format!("{} ", self.glyphs.loading), "not judged yet", self.theme.muted),
            Some(verdict) => {
                let (mark, style) = self.mark(verdict, severity);
                (mark, verdict.word(), style)
            }
        }
    }

    /// Of a session that was never watched: unknown, which is not good.
    pub(super) fn not_judged(&self) -> (String, &'static str, Style) {
        (format!("{} ", self.glyphs.insufficient), "not judged", self.theme.insufficient)
    }

    /// Date of another day with the time, or the time of today, in the analyst's zone.
    pub(super) fn when(&self, at: Timestamp) -> String {
        let zone = &self.state.setup.zone;
        let (then, now) = (at.to_zoned(zone.clone()), self.state.now.to_zoned(zone.clone()));
        let format = if then.date() == now.date() { "%H:%M" } else { "%a %-d %b %H:%M" };
        then.strftime(format).to_string()
    }

    /// The name of a node, if it has one that is known here.
    pub(super) fn name_of_node(&self, scope: &ScopeId, node: &NodeId) -> Option<Cow<'a, str>> {
        let state = self.state;
        let node = state.board.scopes.get(scope)?.nodes.get(node)?.properties.value()?.as_ref()?;
        node.name.as_deref().filter(|name| !name.is_empty()).map(|name| self.clean(name))
    }

    /// How long ago that was.
    pub(super) fn ago(&self, at: Timestamp) -> String {
        text::age(self.state.now.duration_since(at))
    }

    /// Since when an active session is not seen.
    pub(super) fn unseen_since(&self, session: &SessionBoard) -> Option<Timestamp> {
        self.state.board.unseen_since(session, self.state.now)
    }

    /// A source and how long ago that was read; what the config or the clock says has no age.
    pub(super) fn source(&self, source: &str, at: Timestamp) -> String {
        match source {
            "config" | "clock" => source.to_owned(),
            read => format!("{}, {} ago", self.clean(read), self.ago(at)),
        }
    }

    /// `retry in 12 s`; nothing when none is planned.
    pub(super) fn retry(&self, at: Option<Timestamp>) -> Option<String> {
        let left = at?.duration_since(self.state.now);
        Some(if left > SignedDuration::ZERO {
            format!("next try in {}", text::span(SignedDuration::from_secs(left.as_secs().max(1))))
        } else {
            "trying again".to_owned()
        })
    }

    /// Hours, minutes and seconds in the analyst's zone.
    pub(super) fn clock(&self, at: Timestamp) -> String {
        let time = at.to_zoned(self.state.setup.zone.clone()).time();
        format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }

    /// Date and time in the analyst's zone.
    pub(super) fn date(&self, at: Timestamp) -> String {
        at.to_zoned(self.state.setup.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Who started a session, readable and clean.
    pub(super) fn owner(&self, owner: &str) -> String {
        if owner.is_empty() {
            return "unknown".to_owned();
        }
        if self.masked {
            return self.state.masks.name(Masked::Owner, owner);
        }
        self.clean(&Owner::parse(owner).to_string()).into_owned()
    }

    /// The account's name, clean.
    pub(super) fn account<'t>(&'t self, scope: &'t ScopeId) -> Cow<'t, str> {
        if self.masked {
            return Cow::Owned(self.state.masks.name(Masked::Account, scope.account.as_str()));
        }
        self.clean(self.state.board.account_name(scope))
    }

    /// `payments-prod 111122223333/eu-central-1`; the id stands once where the account has no name.
    pub(super) fn place(&self, scope: &ScopeId) -> String {
        let name = self.account(scope);
        if self.masked {
            return format!("{name} {}", self.clean(scope.region.as_str()));
        }
        if name == scope.account.as_str() {
            self.clean(&scope.to_string()).into_owned()
        } else {
            format!("{name} {}", self.clean(&scope.to_string()))
        }
    }

    /// The name of the account that something lies in, or its id; nothing for what lies in none.
    pub(super) fn account_of(&self, subject: &Subject) -> String {
        let Some(account) = subject.account() else { return String::new() };
        if self.masked {
            return self.state.masks.name(Masked::Account, account.as_str());
        }
        let scopes = &self.state.board.scopes;
        let scope = subject.scope().or_else(|| scopes.keys().find(|scope| scope.account == *account));
        let name = scope.map_or(account.as_str(), |scope| self.state.board.account_name(scope));
        self.clean(name).into_owned()
    }

    /// Account and region of something; of a whole account without a region.
    pub(super) fn place_of(&self, subject: &Subject) -> Option<String> {
        if let Some(scope) = subject.scope() {
            return Some(self.place(scope));
        }
        if self.masked {
            return Some(self.account_of(subject));
        }
        let account = self.clean(subject.account()?.as_str()).into_owned();
        let name = self.account_of(subject);
        Some(if name == account { account } else { format!("{name} {account}") })
    }

    /// The node's name, if it has one that is known.
    pub(super) fn node_name(&self, session: &'a SessionBoard) -> Option<Cow<'a, str>> {
        let node = self.state.board.node(&session.session)?.properties.value()?.as_ref()?;
        let name = node.name.as_deref().filter(|name| !name.is_empty())?;
        Some(if self.masked { Cow::Owned(self.node_id(session)) } else { self.clean(name) })
    }

    /// The id of a session's node.
    pub(super) fn node_id(&self, session: &SessionBoard) -> String {
        self.node_id_of(&session.session)
    }

    /// The same of what was copied from a session.
    pub(super) fn node_id_of(&self, session: &Session) -> String {
        let id = session.target.as_str();
        if self.masked { self.state.masks.name(Masked::Node, id) } else { self.clean(id).into_owned() }
    }

    /// Name and id of a session's node.
    pub(super) fn node(&self, session: &'a SessionBoard) -> String {
        let id = self.node_id(session);
        match self.node_name(session).filter(|_| !self.masked) {
            Some(name) => format!("{name} ({id})"),
            None => id,
        }
    }

    /// A session's status for people; an ended one says how it ended.
    pub(super) fn status(&self, session: &SessionBoard) -> (String, Style) {
        self.status_of(&session.phase, &session.session.status)
    }

    /// The same of what was copied from a session.
    pub(super) fn status_of(&self, phase: &Phase, status: &SessionStatus) -> (String, Style) {
        match phase {
            Phase::Ended { how, .. } => (format!("ended ({})", self.clean(how)), self.theme.muted),
            Phase::Active => {
                let style = match status {
                    SessionStatus::Connected => self.theme.text,
                    SessionStatus::Terminating | SessionStatus::Failed => self.theme.warning,
                    _ => self.theme.muted,
                };
                (self.clean(status.as_str()).into_owned(), style)
            }
        }
    }

    /// The style of what is said of a recorder.
    pub(super) fn recorder(&self, recorder: Recorder) -> Style {
        let theme = self.theme;
        match recorder {
            Recorder::Forged | Recorder::Deleted | Recorder::Unlogged => theme.danger.add_modifier(Modifier::BOLD),
            Recorder::Flooded | Recorder::Stalled { .. } | Recorder::Late { .. } | Recorder::Unreadable => {
                theme.warning
            }
            Recorder::NoLog(reason) if reason.is_final() => theme.warning,
            Recorder::Live { .. } => theme.ok,
            Recorder::NotKnown | Recorder::NoLog(_) | Recorder::Waiting => theme.muted,
        }
    }

    /// Sessions whose termination is under way, and since when: found once a frame, not once a row.
    pub(super) fn ending(&self) -> HashMap<&'a SessionKey, Timestamp> {
        let under_way = self.state.acts.iter().filter(|act| {
            act.kind == ActKind::Terminate && act.steps.first().is_some_and(|step| !step.outcome.is_final())
        });
        under_way.filter_map(|act| Some((act.session()?, act.at))).collect()
    }

    /// When the permission for acts of that kind was denied in a scope, if it was.
    pub(super) fn denied(&self, scope: &ScopeId, kind: ActKind) -> Option<Timestamp> {
        self.state.denied.get(&(scope.clone(), kind)).copied()
    }

    /// `tags: denied: tag:GetResources; next try in 12 s`.
    pub(super) fn missing(&self, missing: &MissingFact) -> String {
        let mut words = format!("{}: {}", self.clean(&missing.fact), self.clean(&missing.reason));
        if let Some(retry) = self.retry(missing.retry_at) {
            words.push_str("; ");
            words.push_str(&retry);
        }
        words
    }

    /// The filter in force: its name where it has one, and its text.
    pub(super) fn filter(&self) -> Pieces<'static> {
        let state = self.state;
        let text = self.clean(&state.view.table.filter).into_owned();
        match state.saved_filter().and_then(|index| state.setup.filters.get(index)) {
            Some(saved) => vec![
                piece(self.clean(&saved.name).into_owned(), self.theme.match_),
                piece(format!("  {text}"), self.theme.muted),
            ],
            None => vec![piece(text, self.theme.match_)],
        }
    }

    /// How all tables look.
    pub(super) fn dress(&self, reverse: bool) -> Dress<'a> {
        Dress {
            heading: self.theme.muted.add_modifier(Modifier::BOLD),
            sorted: self.theme.accent.add_modifier(Modifier::BOLD),
            marker: if reverse { self.glyphs.ascending } else { self.glyphs.descending },
            ellipsis: self.glyphs.ellipsis,
            chosen: (self.glyphs.selected, self.theme.selection),
        }
    }

    /// Draws a pane's frame with its title on the left and how it is on the right. What is left inside.
    pub(super) fn pane(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        title: &[Piece<'_>],
        state: &[Piece<'_>],
        focused: bool,
    ) -> Rect {
        let area = area.intersection(buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect::new(area.x, area.y, 0, 0);
        }
        let style = if focused { self.theme.border_focused } else { self.theme.border };
        let set = &self.glyphs.border;
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in area.x + 1..right {
            cell(buffer, x, area.y, set.horizontal_top, style);
            cell(buffer, x, bottom, set.horizontal_bottom, style);
        }
        for y in area.y + 1..bottom {
            cell(buffer, area.x, y, set.vertical_left, style);
            cell(buffer, right, y, set.vertical_right, style);
        }
        cell(buffer, area.x, area.y, set.top_left, style);
        cell(buffer, right, area.y, set.top_right, style);
        cell(buffer, area.x, bottom, set.bottom_left, style);
        cell(buffer, right, bottom, set.bottom_right, style);
        // The focus is a sign as well as a color.
        let sign =
            if focused { vec![piece(format!("{} ", self.glyphs.selected), self.theme.accent)] } else { Vec::new() };
        let title: Pieces<'_> = sign.into_iter().chain(title.iter().cloned()).collect();
        self.on_frame(buffer, area, area.y, &title, state);
        Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
    }

    /// Writes words into a horizontal line of a frame, on the left and on the right. How a pane is matters more than its
    /// whole title: the left is cut first, down to two fifths of the line.
    pub(super) fn on_frame(&self, buffer: &mut Buffer, area: Rect, y: u16, left: &[Piece<'_>], right: &[Piece<'_>]) {
        let room = Rect::new(area.x + 2, y, area.width.saturating_sub(4), 1);
        let padded = |line: &[Piece<'_>]| -> Pieces<'static> {
            let own = line.iter().map(|part| piece(part.text.clone().into_owned(), part.style));
            std::iter::once(piece(" ", self.theme.text)).chain(own).chain([piece(" ", self.theme.text)]).collect()
        };
        let mut taken = 0;
        if !left.is_empty() && room.width > 2 {
            let wide = u16::try_from(text::line_width(&padded(right))).unwrap_or(u16::MAX);
            let reserved = if right.is_empty() { 0 } else { wide.saturating_add(1).min(room.width * 3 / 5) };
            taken = put_line(buffer, (room.x, y), room.width - reserved, &padded(left), self.glyphs.ellipsis);
        }
        let left_over = room.width.saturating_sub(taken + 1);
        if !right.is_empty() && left_over > 6 {
            let area = Rect::new(room.right() - left_over, y, left_over, 1);
            put_right(buffer, area, &padded(right), self.glyphs.ellipsis);
        }
    }

    /// Words in the middle of an empty pane.
    pub(super) fn centered(&self, buffer: &mut Buffer, area: Rect, lines: &[(String, Style)]) {
        let wrapped: Vec<(String, Style)> = lines
            .iter()
            .flat_map(|(words, style)| {
                let wide = usize::from(area.width.saturating_sub(4)).clamp(1, 64);
                text::wrap(words, wide).into_iter().map(|line| (line, *style)).collect::<Vec<_>>()
            })
            .collect();
        let height = u16::try_from(wrapped.len()).unwrap_or(u16::MAX).min(area.height);
        let top = area.y + (area.height - height) / 2;
        for ((words, style), y) in wrapped.iter().zip(top..area.bottom()) {
            let wide = u16::try_from(text::width(words)).unwrap_or(u16::MAX).min(area.width);
            let x = area.x + (area.width - wide) / 2;
            text::put(buffer, (x, y), area.width, words, *style, self.glyphs.ellipsis);
        }
    }

    /// Lines of pieces from the top of an area on.
    pub(super) fn lines(&self, buffer: &mut Buffer, area: Rect, lines: &[Pieces<'_>]) {
        for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
            put_line(buffer, (area.x, y), area.width, line, self.glyphs.ellipsis);
        }
    }

    /// `12-28 of 340`, for the foot of a list that does not fit.
    pub(super) fn position(&self, offset: usize, visible: usize, all: usize) -> Pieces<'static> {
        if all <= visible {
            return Vec::new();
        }
        let last = (offset + visible).min(all);
        vec![piece(format!("{}-{last} of {all}", offset + 1), self.theme.muted)]
    }
}

fn cell(buffer: &mut Buffer, x: u16, y: u16, symbol: &str, style: Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_symbol(symbol).set_style(style);
    }
}
