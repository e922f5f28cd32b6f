//! Health of every account and region: what can be seen, what cannot, and what that costs.

use std::collections::HashMap;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    columns::{self, Column, Row},
    detail::Sheet,
    look::Look,
    text::{Pieces, counted, piece},
};
use crate::{
    app::board::{Failing, Freshness, ScopeBoard},
    domain::{FailureClass, NoLiveTail, ScopeId, TailMode},
};

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.scopes;
    let counts = &look.state.counts;
    let title = [
        piece("Scopes ", look.theme.title),
        piece(format!("{} fresh of {}", counts.fresh, counts.scopes), look.theme.text),
    ];
    let inner = look.pane(buffer, area, &title, &[], true);
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        return look.centered(buffer, inner, &[("no account and region is configured".to_owned(), look.theme.danger)]);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let sessions = sessions(look);
    let columns = [
        Column::new("HEALTH", 11, 18, 0),
        Column::new("ACCOUNT", 8, 24, 0).middle(),
        Column::new("ID", 12, 12, 8),
        Column::new("REGION", 9, 16, 0).middle(),
        Column::number("DATA", 5, 8, 0),
        Column::number("SESSIONS", 8, 8, 6),
        Column::number("CALLS", 6, 9, 4),
        Column::number("THROTTLED", 9, 9, 5),
        Column::number("FAILED", 6, 8, 7),
        Column::new("WHAT IS LOST", 16, 90, 2),
    ];
    let rows: Vec<Row<'_>> = list
        .rows
        .iter()
        .skip(list.offset)
        .take(visible)
        .filter_map(|id| Some((id, look.state.board.scopes.get(id)?)))
        .map(|(id, scope)| {
            let cells = cells(look, id, scope, sessions.get(id).copied().unwrap_or(0));
            Row::new(cells, (list.selected.as_ref() == Some(id)).then_some(look.theme.selection))
        })
        .collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(false));
    let position = look.position(list.offset, visible, list.rows.len());
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
}

/// Active sessions by scope.
fn sessions<'a>(look: &Look<'a>) -> HashMap<&'a ScopeId, usize> {
    let mut sessions = HashMap::new();
    for (key, session) in &look.state.board.sessions {
        if session.is_active() {
            *sessions.entry(&key.scope).or_insert(0) += 1;
        }
    }
    sessions
}

/// Glyph, word and color of a scope's health.
pub(super) fn health(look: &Look<'_>, scope: &ScopeBoard) -> (String, Style) {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let failing = scope.failing.as_ref().map(|failing| failing.failure.class);
    match (look.state.board.freshness(scope, look.state.now), failing) {
        // Now and then a request more than the service allows: the data is fresh all the same.
        (Freshness::Fresh, Some(FailureClass::Throttled)) if scope.evidence_failures.is_empty() => {
            (format!("{} fresh", glyphs.compliant), theme.ok)
        }
        (Freshness::Fresh, Some(FailureClass::Throttled)) => {
            (format!("{} partial", glyphs.insufficient), theme.insufficient)
        }
        (Freshness::Fresh, Some(class)) => (format!("{} {}", glyphs.insufficient, class.word()), theme.warning),
        (Freshness::Fresh, None) if !scope.evidence_failures.is_empty() => {
            (format!("{} partial", glyphs.insufficient), theme.insufficient)
        }
        (Freshness::Fresh, None) => (format!("{} fresh", glyphs.compliant), theme.ok),
        (Freshness::Loading, _) => (format!("{} loading", glyphs.loading), theme.muted),
        (Freshness::Stale, Some(class)) => (format!("{} {}", glyphs.blind, class.word()), theme.danger),
        (Freshness::Stale, None) => (format!("{} stale", glyphs.blind), theme.danger),
        (Freshness::Blind, class) => {
            (format!("{} {}", glyphs.blind, class.map_or("blind", FailureClass::word)), theme.danger)
        }
    }
}

fn cells<'a>(look: &'a Look<'a>, id: &'a ScopeId, scope: &'a ScopeBoard, sessions: usize) -> Vec<Pieces<'a>> {
    let theme = look.theme;
    let (word, style) = health(look, scope);
    let bad = style == theme.danger;
    let name_style = if bad { theme.danger } else { theme.text };
    let (mut calls, mut throttled, mut failed) = (0, 0, 0);
    for count in scope.calls.values() {
        calls += count.calls;
        throttled += count.throttled;
        failed += count.failed;
    }
    let number = |count: u64, style: Style| vec![piece(count.to_string(), if count > 0 { style } else { theme.muted })];
    let data = match scope.last_good {
        Some(at) => piece(look.ago(at), if bad { theme.danger } else { theme.text }),
        None => piece("never", if bad { theme.danger } else { theme.muted }),
    };
    let name = look.account(id);
    vec![
        vec![piece(word, style)],
        vec![piece(name, name_style)],
        vec![piece(look.clean(id.account.as_str()), theme.muted)],
        vec![piece(look.clean(id.region.as_str()), theme.text)],
        vec![data],
        vec![if scope.last_good.is_some() {
            piece(sessions.to_string(), theme.text)
        } else {
            piece("?", theme.warning)
        }],
        number(calls, theme.text),
        number(throttled, if bad { theme.warning } else { theme.text }),
        number(failed, if bad { theme.warning } else { theme.text }),
        lost(look, scope),
    ]
}

/// What a failure of the listing means while the data is fresh all the same.
fn tried(look: &Look<'_>, failing: &Failing) -> String {
    match failing.failure.class {
        FailureClass::Throttled => "throttled now and then; data is fresh".to_owned(),
        _ => {
            format!("{} for {}; data is still fresh", look.clean(&failing.failure.to_string()), look.ago(failing.since))
        }
    }
}

/// In one line: the listing's failure, or the evidence that cannot be read.
fn lost<'a>(look: &Look<'a>, scope: &'a ScopeBoard) -> Pieces<'a> {
    let theme = look.theme;
    let fresh = look.state.board.freshness(scope, look.state.now) == Freshness::Fresh;
    if let (true, Some(failing), true) = (fresh, &scope.failing, scope.evidence_failures.is_empty()) {
        let words = match failing.failure.class {
            FailureClass::Throttled => "throttled at times".to_owned(),
            _ => tried(look, failing),
        };
        return vec![piece(words, theme.muted)];
    }
    if let Some(failing) = scope.failing.as_ref().filter(|_| !fresh) {
        let retry = look.retry(failing.retry_at).map_or(String::new(), |retry| format!("; {retry}"));
        return vec![piece(format!("{}{retry}", look.clean(&failing.failure.to_string())), theme.danger)];
    }
    let mut lost: Pieces<'_> = Vec::new();
    for (action, failing) in &scope.evidence_failures {
        let comma = if lost.is_empty() { "" } else { ", " };
        lost.push(piece(format!("{comma}{action} {}", failing.failure.class.word()), theme.insufficient));
    }
    lost
}

/// The selected scope in full: error texts, evidence that is lost, requests by action.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let Some((id, scope)) =
        look.state.view.scopes.selected.as_ref().and_then(|id| Some((id, look.state.board.scopes.get(id)?)))
    else {
        look.pane(buffer, area, &[], &[], false);
        return;
    };
    let title = [piece(look.place(id), theme.title)];
    let inner = look.pane(buffer, area, &title, &[], false);
    if inner.width < 3 {
        return;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    let (word, style) = health(look, scope);
    let read = match scope.last_good {
        Some(at) => format!("last complete listing {} ago, at {}", look.ago(at), look.clock(at)),
        None => "never read completely".to_owned(),
    };
    sheet.line(vec![piece(word, style.add_modifier(Modifier::BOLD)), piece(format!("  {read}"), theme.text)]);
    if let Some(caller) = &scope.caller {
        sheet.field("read as", &look.clean(caller), theme.text);
    }
    super::credentials::sheet(look, &mut sheet, id);
    if look.state.board.freshness(scope, look.state.now) == Freshness::Fresh {
        if let Some(failing) = &scope.failing {
            sheet.words(Vec::new(), 0, &tried(look, failing), theme.muted);
        }
    } else if let Some(failing) = &scope.failing {
        failure(look, &mut sheet, failing, "the sessions of this scope are not seen");
    }
    for failing in scope.evidence_failures.values() {
        failure(look, &mut sheet, failing, loss(failing.failure.action));
    }
    if scope.failing.is_none() && scope.evidence_failures.is_empty() && scope.last_good.is_some() {
        sheet.words(Vec::new(), 0, "everything that was asked for was answered", theme.muted);
    }
    tails(look, &mut sheet, scope);
    let mut calls: Vec<_> = scope.calls.iter().collect();
    calls.sort_unstable_by_key(|(action, _)| **action);
    if !calls.is_empty() {
        let words: Vec<String> = calls
            .into_iter()
            .map(|(action, count)| {
                let mut words = format!("{action} {}", count.calls);
                if count.throttled > 0 {
                    words.push_str(&format!(" ({} throttled)", count.throttled));
                }
                if count.failed > 0 {
                    words.push_str(&format!(" ({} failed)", count.failed));
                }
                words
            })
            .collect();
        sheet.field("requests", &words.join(", "), theme.muted);
    }
    let more = sheet.lines.len().saturating_sub(usize::from(inner.height));
    look.lines(buffer, text_area, &sheet.lines);
    if more > 0 {
        let words = [piece(format!("{} more", counted(more, "line", "lines")), theme.muted)];
        look.on_frame(buffer, area, area.bottom() - 1, &[], &words);
    }
}

/// How the events of log groups come, and what of them may be missing.
fn tails(look: &Look<'_>, sheet: &mut Sheet<'_>, scope: &ScopeBoard) {
    let theme = look.theme;
    for (group, mode) in &scope.tail_modes {
        let (words, style) = match mode {
            TailMode::Live => ("a live tail, within about a second".to_owned(), theme.text),
            TailMode::Polling { why: NoLiveTail::SwitchedOff } => {
                ("polled: live tails are off".to_owned(), theme.muted)
            }
            TailMode::Polling { why: NoLiveTail::Failed(failure) } => {
                (format!("polled: {}", look.clean(&failure.to_string())), theme.muted)
            }
        };
        sheet.field("log group", &format!("{}: {words}", look.clean(group)), style);
    }
    for gap in &scope.tail_gaps {
        let times = super::detections::times(look, gap);
        let words =
            format!("{} was not read {times}: {}", look.clean(&gap.log_group), look.clean(&gap.why.to_string()));
        sheet.words(vec![piece(format!("{} ", look.glyphs.blind), theme.warning)], 2, &words, theme.warning);
        sheet.words(Vec::new(), 2, "lost: what was typed then may not have been detected", theme.text);
    }
}

fn failure(look: &Look<'_>, sheet: &mut Sheet<'_>, failing: &Failing, loss: &str) {
    let theme = look.theme;
    let mut words = look.clean(&failing.failure.to_string()).into_owned();
    words.push_str(&format!(" for {}", look.ago(failing.since)));
    if let Some(retry) = look.retry(failing.retry_at) {
        words.push_str("; ");
        words.push_str(&retry);
    }
    sheet.words(vec![piece(format!("{} ", look.glyphs.blind), theme.danger)], 2, &words, theme.danger);
    sheet.words(Vec::new(), 2, &format!("lost: {loss}"), theme.text);
    if !failing.failure.message.is_empty() {
        sheet.words(Vec::new(), 2, &look.clean(&failing.failure.message), theme.muted);
    }
}

/// What the analyst does not get while that action fails.
fn loss(action: &str) -> &'static str {
    match action {
        "ssm:DescribeInstanceProperties" => "node names, roles, agents",
        "ssm:DescribeInstanceInformation" => "service roles of hybrid nodes: their policies cannot be judged",
        "ssm:DescribeDocument" => "owners of documents: whether one is foreign cannot be judged",
        "ssm:DescribeDocumentPermission" => "shares of documents: whether one is public cannot be judged",
        "tag:GetResources" => "node tags: production and approval cannot be judged",
        "iam:ListAttachedRolePolicies" => "role policies: the mandatory policy cannot be judged",
        "iam:GetPolicy" | "iam:GetPolicyVersion" => {
            "managed policies: what a role is denied, and whether its policies change, cannot be judged"
        }
        "iam:ListRolePolicies" | "iam:GetRolePolicy" => {
            "inline policies: what a role is denied, and whether its policies change, cannot be judged"
        }
        "iam:GetRole" => "role tags and boundaries: approval, tag pairs and denials cannot be judged",
        "iam:ListUserTags" | "iam:ListRoleTags" => "tags of principals: approval and tag pairs cannot be judged",
        "cloudtrail:LookupEvents" => {
            "who, where, how: second factor, source address, port targets and approval at the start cannot be judged"
        }
        "ssm:GetDocument" => "preferences and documents: logging cannot be judged",
        "logs:DescribeLogStreams" => "log streams: whether the recorder lives cannot be judged",
        "logs:DescribeLogGroups" => "log groups: whether the one of the preferences exists cannot be judged",
        "logs:FilterLogEvents" => "tails of log groups: stalled, flooded and forged streams cannot be judged",
        "logs:GetLogEvents" => "transcripts",
        "logs:StartLiveTail" => "live tails: log groups are polled, which is later by seconds",
        "ssm:DescribeSessions" => "sessions",
        _ if action.starts_with("s3:") => "the archive: whether a session was kept cannot be judged",
        _ => "what is read with it",
    }
}
