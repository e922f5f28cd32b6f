//! Session Manager preferences, scope by scope: what holds and what drifts, value by value, wanted and found.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    columns::{self, Column, Row},
    detail::{self, Sheet},
    look::Look,
    text::{self, Pieces, counted, piece},
};
use crate::{
    app::board::ScopeBoard,
    compliance::{Wanted, wanted},
    domain::{Fact, Finding, ScopeId, Session, Severity, Verdict},
};

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.preferences;
    let theme = look.theme;
    let counts = look.state.counts.preferences;
    let mut title = vec![piece("Preferences ", theme.title)];
    if counts.non_compliant > 0 {
        let style = counts.worst.map_or(theme.danger, |worst| theme.severity(worst));
        title.push(piece(format!("{} of {} drift ", counts.non_compliant, list.rows.len()), style));
    }
    if counts.unknown > 0 {
        title.push(piece(format!("{} unknown ", counts.unknown), theme.insufficient));
    }
    title.push(piece(Session::DEFAULT_DOCUMENT, theme.muted));
    let inner = look.pane(buffer, area, &title, &[], true);
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        return look.centered(buffer, inner, &[("no account and region is configured".to_owned(), theme.danger)]);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let columns = [
        Column::new("VERDICT", 12, 20, 0),
        Column::new("ACCOUNT", 8, 24, 0).middle(),
        Column::new("REGION", 9, 16, 0).middle(),
        Column::number("DRIFT", 5, 5, 2),
        Column::new("RULES, OR WHY NOT KNOWN", 16, 120, 0),
        Column::number("READ", 5, 6, 3),
    ];
    let rows: Vec<Row<'_>> = list
        .rows
        .iter()
        .skip(list.offset)
        .take(visible)
        .filter_map(|id| Some((id, look.state.board.scopes.get(id)?)))
        .map(|(id, scope)| {
            Row::new(cells(look, id, scope), (list.selected.as_ref() == Some(id)).then_some(theme.selection))
        })
        .collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(false));
    let position = look.position(list.offset, visible, list.rows.len());
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
}

fn cells<'a>(look: &'a Look<'a>, id: &'a ScopeId, scope: &'a ScopeBoard) -> Vec<Pieces<'a>> {
    let theme = look.theme;
    let judgement = &scope.preferences_judgement;
    let (mark, style) = look.mark(judgement.verdict(), judgement.severity());
    let word = judgement.severity().map_or(judgement.verdict().word(), Severity::word);
    let of = |verdict: Verdict| judgement.findings.iter().filter(move |finding| finding.status == verdict);
    let ids = |verdict: Verdict| of(verdict).map(|finding| look.clean(finding.rule.as_str())).collect::<Vec<_>>();
    let (drifting, unknown) = (ids(Verdict::NonCompliant), ids(Verdict::InsufficientData));
    let mut rules: Pieces<'_> = Vec::new();
    let mut read = Vec::new();
    match &scope.preferences {
        Fact::Missing(missing) => rules.push(piece(detail::why(look, missing), theme.insufficient)),
        Fact::Known { value, at, .. } => {
            read.push(piece(look.ago(*at), theme.muted));
            if value.is_none() {
                rules.push(piece("no document: sessions are neither logged nor limited ", theme.warning));
            }
            rules.push(piece(drifting.join(" "), style));
            if !unknown.is_empty() {
                let gap = if drifting.is_empty() { "" } else { "  " };
                let words = format!("{gap}{} {}", look.glyphs.insufficient, unknown.join(" "));
                rules.push(piece(words, theme.insufficient));
            }
        }
    }
    let drift = if scope.preferences.value().is_none() {
        piece("?", theme.insufficient)
    } else {
        piece(drifting.len().to_string(), if drifting.is_empty() { theme.muted } else { style })
    };
    vec![
        vec![piece(format!("{mark} {word}"), style)],
        vec![piece(look.account(id), theme.text)],
        vec![piece(look.clean(id.region.as_str()), theme.text)],
        vec![drift],
        rules,
        read,
    ]
}

/// The selected scope's values, wanted and found, and what to do about those that drift.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let selected = look.state.view.preferences.selected.as_ref();
    let Some((id, scope)) = selected.and_then(|id| Some((id, look.state.board.scopes.get(id)?))) else {
        look.pane(buffer, area, &[], &[], false);
        return;
    };
    let theme = look.theme;
    let source = match &scope.preferences {
        Fact::Known { source, at, .. } => look.source(source, *at),
        Fact::Missing(missing) => detail::why(look, missing),
    };
    let title = [piece(look.place(id), theme.title)];
    let inner = look.pane(buffer, area, &title, &[piece(source, theme.muted)], false);
    if inner.width < 3 || inner.height == 0 {
        return;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    if let Fact::Missing(missing) = &scope.preferences {
        let lead = vec![piece(format!("{} ", look.glyphs.insufficient), theme.insufficient)];
        sheet.words(lead, 2, &format!("not known: {}", detail::why(look, missing)), theme.insufficient);
    }
    let findings = look.state.board.explain_preferences(id, look.state.now);
    let document = scope.preferences.value().and_then(Option::as_ref);
    let mut values = wanted(look.state.board.engine.parameters(), id, document, &findings);
    // What drifts comes first: the pane may be low.
    values.sort_by_key(|value| {
        std::cmp::Reverse(value.status.map_or((Verdict::NotApplicable, None), |status| {
            let loud = status >= Verdict::InsufficientData;
            (status.max(Verdict::Compliant), value.severity.filter(|_| loud))
        }))
    });
    table(&mut sheet, &values);
    for finding in findings.iter().filter(|finding| finding.status >= Verdict::InsufficientData) {
        remedy(&mut sheet, finding);
    }
    let more = sheet.lines.len().saturating_sub(usize::from(inner.height));
    look.lines(buffer, text_area, &sheet.lines);
    if more > 0 {
        let words = [piece(format!("{} more", counted(more, "line", "lines")), theme.muted)];
        look.on_frame(buffer, area, area.bottom() - 1, &[], &words);
    }
}

/// One line a value: mark and rule, name, wanted, found. Values that one rule judges together stand under one mark.
fn table(sheet: &mut Sheet<'_>, values: &[Wanted]) {
    let look = sheet.look;
    let theme = look.theme;
    // Mark and id take 10 cells; the name is never cut, the rest is shared.
    let name_cells = 28.min(sheet.cells.saturating_sub(10));
    let rest = sheet.cells.saturating_sub(10 + name_cells + 1);
    let wanted_cells = (rest * 2 / 5).min(40);
    let found_cells = rest.saturating_sub(wanted_cells + 1);
    let fit = |words: &str, cells: usize| {
        let fitted = text::fit(words, cells, look.glyphs.ellipsis).into_owned();
        let fill = cells.saturating_sub(text::width(&fitted));
        format!("{fitted}{}", " ".repeat(fill))
    };
    let heading = theme.muted.add_modifier(Modifier::BOLD);
    sheet.line(vec![
        piece(format!("{:10}{} ", "   RULE", fit("VALUE", name_cells)), heading),
        piece(format!("{} ", fit("WANTED", wanted_cells)), heading),
        piece(fit("FOUND", found_cells), heading),
    ]);
    for of_rule in values {
        let (mark, style) = match of_rule.status {
            Some(status) => look.mark(status, of_rule.severity),
            None => (format!("{} ", look.glyphs.not_applicable), theme.muted),
        };
        let loud = of_rule.status.is_some_and(|status| status >= Verdict::InsufficientData);
        let rule = match of_rule.status {
            Some(_) => of_rule.rule.as_str(),
            None => "off",
        };
        for (index, value) in of_rule.values.iter().enumerate() {
            let lead = if index == 0 { format!("{mark} {rule:6} ") } else { " ".repeat(10) };
            sheet.line(vec![
                piece(lead, style),
                piece(format!("{} ", fit(value.name, name_cells)), theme.text),
                piece(format!("{} ", fit(&look.clean(&value.wanted), wanted_cells)), theme.muted),
                piece(fit(&look.clean(&value.found), found_cells), if loud { style } else { theme.text }),
            ]);
        }
    }
}

/// A finding in short, and what to do; the rest stands in its rule sheet.
fn remedy(sheet: &mut Sheet<'_>, finding: &Finding) {
    let look = sheet.look;
    let theme = look.theme;
    let (mark, style) = look.mark(finding.status, Some(finding.severity));
    sheet.gap();
    let lead = vec![piece(format!("{mark} {} ", look.clean(finding.rule.as_str())), style)];
    sheet.words(lead, 10, &look.clean(&finding.title), theme.text);
    for missing in &finding.missing {
        sheet.words(vec![piece(" ".repeat(10), theme.text)], 10, &look.missing(missing), theme.insufficient);
    }
    let lead = vec![piece(format!("        {} ", look.glyphs.remedy), theme.accent)];
    sheet.words(lead, 10, &look.clean(&finding.remediation), theme.muted);
}
