//! What a dialog says: on which subjects it was opened, what is known against it, and exactly what will be done.

use ratatui::style::{Modifier, Style};

use super::{
    detail::Sheet,
    look::Look,
    text::{self, Pieces, piece},
};
use crate::{
    app::{
        action::Action,
        board::SessionBoard,
        dialog::{Dialog, Planned, SUPPRESS_FOR, Step},
    },
    domain::{ActKind, SessionKey, Subject, Verdict},
};

/// Lines around the question.
pub(super) struct Part {
    pub(super) lines: Vec<Pieces<'static>>,
    /// The lowest gets its room first.
    pub(super) rank: u8,
    /// It may be cut: the last line says what was left out.
    pub(super) cuts: bool,
    /// Ids for a denser form of the list, where its lines do not fit.
    dense: Vec<String>,
    /// What is left out, where something is: `sessions`, `lines`.
    unit: &'static str,
}

impl Part {
    fn new(lines: Vec<Pieces<'static>>, rank: u8) -> Self {
        Self { lines, rank, cuts: false, dense: Vec::new(), unit: "" }
    }

    /// The part in at most that many lines; of a list from the line `top` on.
    pub(super) fn cut(self, most: usize, look: &Look<'_>, cells: usize, top: usize) -> Vec<Pieces<'static>> {
        if self.lines.len() <= most {
            return self.lines;
        }
        let style = look.theme.warning.add_modifier(Modifier::BOLD);
        let and_more = |left: usize| vec![piece(format!("and {left} more {}", self.unit), style)];
        if self.dense.is_empty() {
            let shown = if self.unit.is_empty() { most } else { most.saturating_sub(1) };
            let left = self.lines.len() - shown;
            let top = if self.rank == 0 { top.min(left) } else { 0 };
            let mut lines: Vec<_> = self.lines.into_iter().skip(top).take(shown).collect();
            if shown < most {
                lines.push(and_more(left));
            }
            return lines;
        }
        // The ids alone, several a line.
        let widest = self.dense.iter().map(|id| text::width(id)).max().unwrap_or(1);
        let columns = ((cells + 2) / (widest + 2)).max(1);
        let rows: Vec<Pieces<'static>> = self
            .dense
            .chunks(columns)
            .map(|ids| {
                let padded: Vec<String> = ids
                    .iter()
                    .map(|id| format!("{id}{}", " ".repeat(widest.saturating_sub(text::width(id)))))
                    .collect();
                vec![piece(padded.join("  "), look.theme.title)]
            })
            .collect();
        if rows.len() <= most {
            return rows;
        }
        let shown = most.saturating_sub(1);
        let top = top.min(rows.len() - shown);
        let mut lines: Vec<_> = rows.into_iter().skip(top).take(shown).collect();
        lines.push(and_more(self.dense.len().saturating_sub(shown * columns)));
        lines
    }
}

/// The title of its frame.
pub(super) fn title(dialog: &Dialog) -> String {
    match (dialog.kind, dialog.subjects.len()) {
        (ActKind::Terminate, 2..) => format!("Terminate {} sessions", dialog.subjects.len()),
        (ActKind::Terminate, _) => "Terminate session".to_owned(),
        (ActKind::Alert, _) => "Raise an alert".to_owned(),
        (ActKind::Suppress, _) => "Suppress the alert".to_owned(),
        (ActKind::Quarantine, _) => "Quarantine".to_owned(),
        (ActKind::LiftQuarantine, _) => "Lift the quarantine".to_owned(),
        (kind, _) => kind.title().to_owned(),
    }
}

/// What stands around the question, in the order in which it is read.
pub(super) fn around(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let many = dialog.subjects.len() > 1;
    if many {
        parts.push(targets(look, dialog, cells));
    } else if let Some(subject) = dialog.subject() {
        let mut part = Part::new(context(look, dialog, subject, cells), 2);
        part.cuts = true;
        parts.push(part);
    }
    if let Some(plan) = plan(look, dialog, cells) {
        parts.push(plan);
    }
    let warnings = warnings(look, dialog, cells);
    if !warnings.is_empty() {
        let mut part = Part::new(warnings, 1);
        (part.cuts, part.unit) = (true, "warnings");
        parts.push(part);
    }
    let hint = hint(look, dialog, cells);
    if !hint.is_empty() {
        parts.push(Part::new(hint, 3));
    }
    parts
}

/// All sessions that would be ended, one a line: id, owner, node, verdict.
fn targets(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Part {
    let theme = look.theme;
    let keys: Vec<&SessionKey> = dialog.subjects.iter().filter_map(Subject::session).collect();
    let ids: Vec<String> = keys.iter().map(|key| look.clean(key.id.as_str()).into_owned()).collect();
    // The id is never cut as long as there is room for it: it is what will be ended.
    let widest = ids.iter().map(|id| text::width(id)).max().unwrap_or(0).min(cells.saturating_sub(3));
    let rest = cells.saturating_sub(3 + widest + 2);
    let lines = keys
        .iter()
        .zip(&ids)
        .map(|(key, id)| {
            let id = text::fit_middle(id, widest, look.glyphs.ellipsis);
            let fill = " ".repeat((widest + 2).saturating_sub(text::width(&id)));
            match look.state.board.sessions.get(*key) {
                Some(session) => {
                    let (mark, word, style) = match session.detections.shown(false).next() {
                        // What was typed is as good a reason as a verdict, and stands beside it.
                        Some(found) if Some(found.severity) > session.judgement.severity() => {
                            let (mark, style) = look.mark(Verdict::NonCompliant, Some(found.severity));
                            (mark, look.clean(&found.rule.id).into_owned(), style)
                        }
                        _ => {
                            let (mark, word, style) = look.verdict(session);
                            (mark, word.to_owned(), style)
                        }
                    };
                    let about = about(look, session, &word, rest);
                    vec![
                        piece(format!("{mark} "), style),
                        piece(id.into_owned(), theme.title),
                        piece(fill, theme.text),
                        piece(about, theme.text),
                    ]
                }
                None => vec![
                    piece("   ", theme.text),
                    piece(id.into_owned(), theme.title),
                    piece(fill, theme.text),
                    piece("no longer known here", theme.warning),
                ],
            }
        })
        .collect();
    Part {
        lines,
        rank: 0,
        cuts: true,
        dense: ids,
        unit: unit(dialog, "sessions: Down shows them", "sessions: all can be seen before the y"),
    }
}

/// What is left out, and how it is seen: while the reason is typed the arrows belong to the text.
fn unit(dialog: &Dialog, scrolls: &'static str, later: &'static str) -> &'static str {
    if dialog.step == Step::Reason { later } else { scrolls }
}

/// Owner, node and, where there is room, the verdict's word beside its mark.
fn about(look: &Look<'_>, session: &SessionBoard, verdict: &str, cells: usize) -> String {
    let word = if cells >= text::width(verdict) + 44 { format!("  {verdict}") } else { String::new() };
    let room = cells.saturating_sub(text::width(&word) + 2);
    let node = look.node_name(session).unwrap_or_else(|| look.clean(session.session.target.as_str()));
    let owner = look.owner(&session.session.owner);
    // Both ends of both names are seen: the longer one gives way.
    let for_node = text::width(&node).min(room.saturating_sub(text::width(&owner)).max(room / 2));
    let owner = text::fit_middle(&owner, room - for_node, look.glyphs.ellipsis).into_owned();
    let node = text::fit_middle(&node, for_node, look.glyphs.ellipsis);
    format!("{owner}  {node}{word}")
}

/// Who, where, what: of that on which the dialog was opened, wherever the selection is now.
fn context(look: &Look<'_>, dialog: &Dialog, subject: &Subject, cells: usize) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    if let Some(alert) = dialog.alert.as_ref().and_then(|id| look.state.alerts.get(id)) {
        let (mark, style) = look.mark(Verdict::NonCompliant, Some(alert.severity));
        let words = format!("{mark} {} {}", look.clean(alert.rule.as_str()), look.clean(&alert.title));
        sheet.field("alert", &words, style);
        let standing = format!("{}, raised {} ago", alert.workflow.word(), look.ago(alert.reopened_at));
        sheet.field("workflow", &standing, theme.text);
        sheet.subject(subject, &alert.owner);
        return sheet.lines;
    }
    let Some(key) = subject.session() else {
        sheet.subject(subject, "");
        return sheet.lines;
    };
    sheet.field("session", &look.clean(key.id.as_str()), theme.title);
    if dialog.kind == ActKind::Alert {
        let (rule, severity, title) = look.state.alerts.raised_by_hand(&look.state.board, subject);
        let (mark, style) = look.mark(Verdict::NonCompliant, Some(severity));
        sheet.field("raises", &format!("{mark} {} {}", look.clean(rule.as_str()), look.clean(&title)), style);
    }
    match look.state.board.sessions.get(key) {
        Some(session) => {
            let (mark, word, style) = look.verdict(session);
            let worst = session.judgement.findings.first();
            let why = worst.map_or(String::new(), |finding| {
                format!(": {} {}", look.clean(finding.rule.as_str()), look.clean(&finding.title))
            });
            sheet.field("verdict", &format!("{mark} {word}{why}"), style);
            sheet.field("who", &look.owner(&session.session.owner), theme.text);
            sheet.field("node", &look.node(session), theme.text);
            sheet.field("where", &look.place(&key.scope), theme.text);
            let (status, _) = look.status(session);
            sheet.field("document", &format!("{}, {status}", look.clean(session.session.document_name())), theme.text);
        }
        None => {
            sheet.field("where", &look.place(&key.scope), theme.text);
            sheet.words(Vec::new(), 0, "this session is no longer known here", theme.warning);
        }
    }
    sheet.lines
}

/// What a quarantine would write where, word by word; or why that is not known.
fn plan(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Option<Part> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    let rank = 0;
    match &dialog.plan {
        Planned::NotNeeded => return None,
        Planned::Reading => {
            let words = "reading what would be written where";
            sheet.words(vec![piece(format!("{} ", look.glyphs.loading), theme.muted)], 2, words, theme.muted);
        }
        Planned::Refused(what, to_do) => {
            let lead = vec![piece(format!("{} ", look.glyphs.non_compliant), theme.danger)];
            sheet.words(lead, 2, &format!("it cannot be done: {}", look.clean(what)), theme.danger);
            let lead = vec![piece(format!("{} ", look.glyphs.remedy), theme.accent)];
            sheet.words(lead, 2, &look.clean(to_do), theme.text);
        }
        Planned::Ready(plan) => {
            sheet.field("changes", &look.clean(&plan.target), theme.title);
            sheet.field("calls", &look.clean(plan.action), theme.text);
            if let Some(already) = &plan.already {
                sheet.field("in force", &look.clean(already), theme.warning);
            }
            for note in &plan.notes {
                sheet.words(Vec::new(), 2, &look.clean(note), theme.muted);
            }
            for line in &plan.writes {
                let lead = vec![piece(format!("{} ", look.glyphs.dot), theme.accent)];
                sheet.words(lead, 2, &look.clean(line), theme.text);
            }
        }
    }
    Some(Part {
        lines: sheet.lines,
        rank,
        cuts: true,
        dense: Vec::new(),
        unit: unit(dialog, "lines: Down shows them", "lines: all can be seen before the y"),
    })
}

/// What is known against it: the permission was denied there before, something outlives the end.
fn warnings(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    let mut warn = |words: &str| {
        let lead = vec![piece(format!("{} ", look.glyphs.blind), theme.warning.add_modifier(Modifier::BOLD))];
        sheet.words(lead, 2, words, theme.warning);
    };
    let mut scopes: Vec<_> = dialog.subjects.iter().filter_map(Subject::scope).collect();
    scopes.sort();
    scopes.dedup();
    for scope in scopes {
        if let Some(at) = look.denied(scope, dialog.kind) {
            warn(&format!(
                "the permission to {} was denied {} ago in {}: it may be denied again",
                dialog.kind.title(),
                look.ago(at),
                look.place(scope)
            ));
        }
    }
    if dialog.kind == ActKind::Terminate {
        let many = dialog.subjects.len() > 1;
        for key in dialog.subjects.iter().filter_map(Subject::session) {
            let Some(session) = look.state.board.sessions.get(key) else { continue };
            let outlives = survivors(session);
            if !outlives.is_empty() {
                let whose = if many { format!("{}: ", look.clean(key.id.as_str())) } else { String::new() };
                let outlives: Vec<_> = outlives.iter().map(|text| look.clean(text).into_owned()).collect();
                warn(&format!("{whose}may outlive its end: {}", outlives.join("; ")));
            }
        }
    }
    sheet.lines
}

/// What was started in a session that its end may not end.
fn survivors(session: &SessionBoard) -> Vec<String> {
    session.survivors.iter().map(|survivor| survivor.text.to_string()).collect()
}

/// What the end of a session does not do.
fn hint(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Vec<Pieces<'static>> {
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    if dialog.kind != ActKind::Terminate {
        return sheet.lines;
    }
    let sessions = || dialog.subjects.iter().filter_map(Subject::session);
    let owner = match (dialog.subjects.len(), sessions().next().and_then(|key| look.state.board.sessions.get(key))) {
        (1, Some(session)) if !session.session.owner.is_empty() => look.owner(&session.session.owner),
        (1, _) => "its owner".to_owned(),
        _ => "their owners".to_owned(),
    };
    let next = match look.state.setup.quarantine {
        Some(_) => {
            let key = look.state.setup.keymap.word(Action::Quarantine);
            format!("{key} quarantines")
        }
        None if dialog.subjects.len() > 1 => {
            "take ssm:StartSession from them, or revoke their roles' sessions".to_owned()
        }
        None => "take ssm:StartSession from it, or revoke its role's sessions".to_owned(),
    };
    let words = format!("does not keep {owner} from starting another session: {next}");
    sheet.words(vec![piece(format!("{} ", look.glyphs.remedy), look.theme.accent)], 2, &words, look.theme.muted);
    sheet.lines
}

/// What is asked, or exactly what will be done.
pub(super) fn asked(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    match dialog.step {
        Step::Reason => reason(&mut sheet, dialog),
        Step::Name => name(&mut sheet, dialog),
        Step::Confirm(_) => {
            sheet.words(Vec::new(), 0, &will(look, dialog), theme.danger);
            let reason = dialog.reason_text();
            let because = text::fit(&look.clean(&reason), cells.saturating_sub(9), look.glyphs.ellipsis).into_owned();
            sheet.line(vec![piece("because: ", theme.muted), piece(because, theme.text)]);
        }
    }
    sheet.lines
}

fn reason(sheet: &mut Sheet<'_>, dialog: &Dialog) {
    let look = sheet.look;
    let theme = look.theme;
    match dialog.kind {
        ActKind::Terminate if dialog.subjects.len() > 1 => {
            let words = format!("Why are these {} sessions ended?", dialog.subjects.len());
            sheet.words(Vec::new(), 0, &words, theme.title);
        }
        ActKind::Terminate => sheet.words(Vec::new(), 0, "Why is it ended?", theme.title),
        ActKind::Alert => {
            if let Some(session) = dialog.subject().and_then(Subject::session) {
                for (name, target) in destinations(look, session) {
                    sheet.field(name, &target, theme.muted);
                }
            }
            sheet.words(Vec::new(), 0, "Why is this an alert?", theme.title);
        }
        ActKind::Suppress => {
            how_long(sheet, dialog.suppress_for);
            sheet.words(Vec::new(), 0, "Why does nobody need to hear of it?", theme.title);
        }
        ActKind::LiftQuarantine => sheet.words(Vec::new(), 0, "Why is the quarantine lifted?", theme.title),
        ActKind::Quarantine => {
            if let Some(what) = &look.state.setup.quarantine {
                sheet.words(Vec::new(), 0, &look.clean(what), theme.muted);
            }
            sheet.words(Vec::new(), 0, "Why is it quarantined?", theme.title);
        }
        _ => sheet.words(Vec::new(), 0, "Why?", theme.title),
    }
}

/// For how long an alert is suppressed: all choices where there is room, and until when.
fn how_long(sheet: &mut Sheet<'_>, choice: usize) {
    let look = sheet.look;
    let theme = look.theme;
    let Some((chosen, time)) = SUPPRESS_FOR.get(choice).copied() else { return };
    let label = piece(format!("{:10} ", "for"), theme.muted);
    let on = theme.accent.add_modifier(Modifier::BOLD | Modifier::REVERSED);
    let mut line: Pieces<'static> = vec![label.clone()];
    for (words, _) in SUPPRESS_FOR {
        line.push(piece(format!(" {words} "), if words == chosen { on } else { theme.muted }));
    }
    if text::line_width(&line) > sheet.cells {
        line = vec![label, piece(format!(" {chosen} "), on)];
    }
    sheet.line(line);
    let until = look.state.now.checked_add(time).unwrap_or(look.state.now);
    sheet.field("until", &look.date(until), theme.text);
}

/// The account's name is to be typed.
fn name(sheet: &mut Sheet<'_>, dialog: &Dialog) {
    let look = sheet.look;
    let theme = look.theme;
    let Some(name) = &dialog.name else { return };
    let words = match dialog.kind {
        ActKind::LiftQuarantine => "To lift it, type the account's name:",
        _ => "To quarantine it, type the account's name:",
    };
    sheet.words(Vec::new(), 0, words, theme.title);
    sheet.field("name", &look.clean(&name.wanted), theme.danger);
    let room = sheet.cells.saturating_sub(13);
    let typed = look.clean(&name.typed).into_owned();
    let shown = text::tail(&typed, text::width(&typed).saturating_sub(room)).to_owned();
    let field = theme.base.patch(theme.selection).remove_modifier(Modifier::BOLD).patch(theme.text);
    let fill = " ".repeat(room.saturating_sub(text::width(&shown)));
    sheet.line(vec![
        piece(format!("{:10} ", "typed"), theme.muted),
        piece(shown, field),
        piece(" ", field.add_modifier(Modifier::REVERSED)),
        piece(fill, field),
    ]);
}

/// Exactly what `y` does, to which id.
fn will(look: &Look<'_>, dialog: &Dialog) -> String {
    let session = dialog.subject().and_then(Subject::session);
    match (&dialog.plan, session) {
        (Planned::Ready(plan), _) => {
            let account = Subject::Account(plan.account.clone());
            let place = look.place_of(&account).unwrap_or_default();
            format!("will call {} on {} in {place}", look.clean(plan.action), look.clean(&plan.target))
        }
        (_, _) if dialog.subjects.len() > 1 => {
            format!("will call ssm:TerminateSession for {} sessions, each by its id", dialog.subjects.len())
        }
        (_, Some(session)) => format!(
            "will call ssm:TerminateSession for {} in {}",
            look.clean(session.id.as_str()),
            look.place(&session.scope)
        ),
        (_, None) => format!("will {}", dialog.kind.title()),
    }
}

/// Where an alert goes, with names filled in.
fn destinations(look: &Look<'_>, key: &SessionKey) -> Vec<(&'static str, String)> {
    let setup = &look.state.setup;
    let scope = &key.scope;
    let filled = |template: &str| {
        let text = template.replace("{region}", scope.region.as_str()).replace("{account}", scope.account.as_str());
        look.clean(&text).into_owned()
    };
    let mut all = Vec::new();
    if let Some(topic) = &setup.member_topic {
        all.push(("member", filled(topic)));
    }
    if let Some(topic) = &setup.central_topic {
        all.push(("central", filled(topic)));
    }
    // The metric counts what a rule found, and each finding once.
    let subject = Subject::Session(key.clone());
    let raised = look.state.alerts.of(&subject);
    let counts = look.state.board.sessions.get(key).is_some_and(|session| {
        let broken = session.judgement.findings.iter().filter(|finding| finding.status == Verdict::NonCompliant);
        broken.map(|finding| &finding.rule).any(|rule| raised.iter().all(|alert| alert.rule != *rule))
    });
    if counts {
        all.push(("metrics", look.clean(&setup.metric_namespace).into_owned()));
    }
    all
}

/// Why the last key did not go on.
pub(super) fn complaint(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Vec<Pieces<'static>> {
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    if let Some(complaint) = dialog.complaint {
        let style: Style = look.theme.warning.add_modifier(Modifier::BOLD);
        sheet.words(vec![piece(format!("{} ", look.glyphs.blind), style)], 2, complaint, style);
    }
    sheet.lines
}
