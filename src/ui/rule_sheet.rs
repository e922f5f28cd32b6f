//! One finding and the rule behind it: what decided, what is missing, what the rule reads, and its policy text.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    detail::Sheet,
    look::Look,
    text::{self, piece},
};
use crate::{
    app::view::{RuleSheet, SheetOf},
    compliance::Origin,
    domain::{Finding, Verdict},
};

/// Wider than this the lines are hard to read.
const WIDEST: u16 = 100;

/// Draws the sheet in the middle of `area`; how far it can be scrolled.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, sheet: &RuleSheet) -> usize {
    let theme = look.theme;
    let width = area.width.saturating_sub(4).min(WIDEST).max(area.width.min(40));
    let findings = look.state.sheet_findings(&sheet.of);
    let at = findings.iter().position(|finding| finding.rule == sheet.rule);
    let mut lines = Sheet { look, cells: usize::from(width.saturating_sub(4)), lines: Vec::new() };
    match at.and_then(|at| findings.get(at)) {
        Some(finding) => write(&mut lines, sheet, finding),
        None => lines.words(Vec::new(), 0, "this finding is no longer known here", theme.warning),
    }
    let wanted = u16::try_from(lines.lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let height = wanted.min(area.height.saturating_sub(2).max(area.height.min(8)));
    let place = text::middle(area, width, height);
    text::clear(buffer, place, theme.base);
    let title = [piece("Rule ", theme.title), piece(look.clean(sheet.rule.as_str()).into_owned(), theme.title)];
    let count = at.map_or(String::new(), |at| format!("finding {} of {}", at + 1, findings.len()));
    let inner = look.pane(buffer, place, &title, &[piece(count, theme.muted)], true);
    if inner.width < 3 || inner.height == 0 {
        return 0;
    }
    let visible = usize::from(inner.height);
    let last = lines.lines.len().saturating_sub(visible);
    let top = sheet.top.min(last);
    let inner = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    look.lines(buffer, inner, lines.lines.get(top..).unwrap_or_default());
    let position = look.position(top, visible, lines.lines.len());
    look.on_frame(buffer, place, place.bottom() - 1, &[], &position);
    last
}

fn write(sheet: &mut Sheet<'_>, shown: &RuleSheet, finding: &Finding) {
    let look = sheet.look;
    let theme = look.theme;
    let (mark, style) = look.mark(finding.status, Some(finding.severity));
    let judged = match finding.status {
        Verdict::NonCompliant => finding.severity.word().to_owned(),
        _ => format!("{} if it is so", finding.severity.word()),
    };
    sheet.line(vec![
        piece(format!("{mark} {}", finding.status.word()), style.add_modifier(Modifier::BOLD)),
        piece(format!("  {judged}"), style),
    ]);
    sheet.words(Vec::new(), 0, &look.clean(&finding.title), theme.title);
    let subject = match &shown.of {
        SheetOf::Session(key) => {
            if look.masked {
                look.session_id(key)
            } else {
                format!("session {}", look.session_id(key))
            }
        }
        SheetOf::Preferences(scope) => format!("preferences of {}", look.place(scope)),
    };
    sheet.words(Vec::new(), 0, &subject, theme.muted);
    if !finding.evidence.is_empty() {
        sheet.heading("What decided", "");
        for evidence in &finding.evidence {
            let fact = format!("{} = {}", look.clean(&evidence.fact), look.clean(&evidence.value));
            sheet.words(Vec::new(), 2, &fact, theme.text);
            sheet.source(2, &look.source(&evidence.source, evidence.at));
        }
    }
    if !finding.missing.is_empty() {
        sheet.heading("What is missing", "");
        for missing in &finding.missing {
            let lead = vec![piece(format!("{} ", look.glyphs.insufficient), theme.insufficient)];
            sheet.words(lead, 2, &look.missing(missing), theme.insufficient);
        }
    }
    sheet.heading("What to do", "");
    let lead = vec![piece(format!("{} ", look.glyphs.remedy), theme.accent)];
    sheet.words(lead, 2, &look.clean(&finding.remediation), theme.text);
    let engine = &look.state.board.engine;
    let Some(rule) = engine.rules().iter().find(|rule| rule.id == finding.rule) else {
        return sheet.words(Vec::new(), 0, "this rule is no longer in force", theme.warning);
    };
    sheet.heading("What it reads", "");
    for fact in &rule.reads {
        sheet.words(vec![piece(format!("{fact} "), theme.accent)], 2, fact.meaning(), theme.text);
        let absent = fact.absent_when();
        let mut source = format!("from {}", fact.read_from());
        if !absent.is_empty() {
            source.push_str(&format!("; there is none when {absent}"));
        }
        sheet.words(vec![piece("  ", theme.muted)], 2, &source, theme.muted);
    }
    if !rule.parameters.is_empty() {
        sheet.heading("Parameters in force", "config");
        for name in &rule.parameters {
            let value = engine.shown_parameter(name).unwrap_or("not set");
            let words = format!("{} = {}", look.clean(name), look.clean(value));
            sheet.words(Vec::new(), 2, &words, theme.text);
        }
    }
    let origin = match &rule.origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::File(file) => look.clean(file).into_owned(),
    };
    sheet.heading("Policy", &origin);
    for line in rule.text.lines() {
        sheet.words(Vec::new(), 4, &look.clean(line), theme.muted);
    }
}
