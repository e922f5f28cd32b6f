//! The check's report for people.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use super::{
    check::{CheckReport, ScopeRow, ScopeStatus, SessionRow, Summary, shown, worst},
    text::{clean, fit},
};
use crate::domain::{Finding, Owner, Severity, Verdict};
use crate::transcript::mask;

/// The widest that a column becomes.
const WIDEST: usize = 44;

/// Whether the table has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    Plain,
    /// The sixteen colors of every terminal.
    Colors,
}

impl Paint {
    /// Colors on a terminal, unless they are not wanted.
    pub fn of(is_terminal: bool, no_color: bool) -> Self {
        if is_terminal && !no_color { Self::Colors } else { Self::Plain }
    }

    /// The text in a color (SGR parameters), if there are colors.
    fn on(self, sgr: &str, text: &str) -> String {
        match self {
            Self::Colors if !sgr.is_empty() && !text.is_empty() => format!("\u{1b}[{sgr}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

fn severity_color(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1;31",
        Severity::High => "31",
        Severity::Medium => "33",
        Severity::Low => "34",
        Severity::Informational => "36",
    }
}

fn verdict_color(verdict: Verdict, severity: Option<Severity>) -> &'static str {
    match verdict {
        Verdict::NonCompliant => severity_color(severity.unwrap_or(Severity::Critical)),
        Verdict::InsufficientData => "35",
        Verdict::Compliant => "32",
        Verdict::NotApplicable => "",
    }
}

/// A cell: its text, already clean, and its color.
pub(super) struct Cell(pub(super) String, pub(super) &'static str);

pub(super) fn cell(text: impl std::fmt::Display) -> Cell {
    Cell(fit(&clean(&text.to_string()), WIDEST), "")
}

/// Rows in columns as wide as their widest cell.
pub(super) fn columns(rows: &[Vec<Cell>], paint: Paint, out: &mut String) {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (index, Cell(text, _)) in row.iter().enumerate() {
            match widths.get_mut(index) {
                Some(width) => *width = (*width).max(text.width()),
                None => widths.push(text.width()),
            }
        }
    }
    for row in rows {
        let mut line = String::new();
        let mut gap = 0;
        for (Cell(text, color), width) in row.iter().zip(&widths) {
            line.push_str(&" ".repeat(gap));
            line.push_str(&paint.on(color, text));
            gap = width - text.width() + 2;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// The report as aligned text: what could not be read first, then the active sessions, the worst first, then those that
/// ended, then what to do, then the totals. `all` adds findings that are COMPLIANT or NOT_APPLICABLE.
pub fn table(report: &CheckReport, all: bool, paint: Paint) -> String {
    let mut out = String::new();
    unread(report, paint, &mut out);
    sessions(report, all, paint, &mut out);
    others(report, all, paint, &mut out);
    remedies(report, paint, &mut out);
    unjudged(report, paint, &mut out);
    totals(report, paint, &mut out);
    out
}

fn unread(report: &CheckReport, paint: Paint, out: &mut String) {
    let bad: Vec<&ScopeRow> =
        report.sorted_scopes().into_iter().filter(|scope| scope.status != ScopeStatus::Ok).collect();
    if bad.is_empty() {
        return;
    }
    out.push_str(&paint.on("1;31", "NOT EVERYTHING COULD BE READ"));
    out.push('\n');
    let rows: Vec<Vec<Cell>> = bad
        .into_iter()
        .map(|scope| {
            let word = if scope.status == ScopeStatus::Partial { "PARTIAL" } else { "UNREACHABLE" };
            let error = scope.error.as_deref().unwrap_or("no reason is known");
            vec![
                Cell(format!("! {word}"), "1;31"),
                cell(&scope.name),
                cell(&scope.account),
                cell(&scope.region),
                // What is wrong is never cut.
                Cell(clean(error), ""),
            ]
        })
        .collect();
    columns(&rows, paint, out);
    out.push('\n');
}

/// The active sessions, and in a section of their own those that are over.
fn sessions(report: &CheckReport, all: bool, paint: Paint, out: &mut String) {
    let (ended, active): (Vec<&SessionRow>, Vec<&SessionRow>) =
        report.sorted_sessions().into_iter().partition(|row| row.ended());
    if active.is_empty() {
        out.push_str("No active sessions in what could be read.\n\n");
    }
    for (rows, title) in [(active, None), (ended, Some("ENDED WITHIN THE LAST HOUR"))] {
        if rows.is_empty() {
            continue;
        }
        if let Some(title) = title {
            out.push_str(&paint.on("1", &format!("{title}: {}", rows.len())));
            out.push('\n');
        }
        let header = [
            "SEVERITY", "VERDICT", "STATUS", "ACCOUNT", "REGION", "NODE", "OWNER", "DOCUMENT", "STARTED", "REASON",
            "SESSION", "RULES",
        ];
        let mut table = vec![header.map(|title| Cell(title.to_owned(), "1")).into()];
        table.extend(rows.into_iter().map(|row| session(row, all)));
        columns(&table, paint, out);
        out.push('\n');
    }
}

/// Verdict, where, and the findings.
type Place<'a> = (Verdict, String, &'a Vec<Finding>);

/// Preferences, nodes and accounts that are not as they should be; with `all`, all of them.
fn others(report: &CheckReport, all: bool, paint: Paint, out: &mut String) {
    let preferences =
        report.preferences.iter().map(|row| (row.verdict, format!("{} {}", row.account, row.region), &row.findings));
    let nodes = report
        .nodes
        .iter()
        .map(|row| (row.verdict, format!("{} {} {}", row.account, row.region, row.target), &row.findings));
    let accounts = report.accounts.iter().map(|row| (row.verdict, row.account.to_string(), &row.findings));
    let sections: [(&str, Vec<Place<'_>>); 3] =
        [("PREFERENCES", preferences.collect()), ("NODES", nodes.collect()), ("ACCOUNTS", accounts.collect())];
    for (title, mut rows) in sections {
        rows.retain(|(verdict, ..)| all || *verdict >= Verdict::InsufficientData);
        if rows.is_empty() {
            continue;
        }
        let badness = |row: &Place<'_>| (row.0, worst(row.2));
        rows.sort_by(|a, b| badness(b).cmp(&badness(a)).then_with(|| a.1.cmp(&b.1)));
        out.push_str(&paint.on("1", &format!("{title}: {}", rows.len())));
        out.push('\n');
        let mut table: Vec<Vec<Cell>> =
            vec![["SEVERITY", "VERDICT", "WHERE", "RULES"].map(|title| Cell(title.to_owned(), "1")).into()];
        table.extend(rows.into_iter().map(|(verdict, place, findings)| {
            let severity = worst(findings);
            let color = verdict_color(verdict, severity);
            vec![
                Cell(severity.map_or("-", Severity::word).to_owned(), color),
                Cell(verdict.word().to_owned(), color),
                Cell(clean(&place), ""),
                Cell(clean(&rules_of(findings, all)), ""),
            ]
        }));
        columns(&table, paint, out);
        out.push('\n');
    }
}

/// The rules that speak, each with a mark for its verdict.
fn rules_of(findings: &[Finding], all: bool) -> String {
    let rules: Vec<String> = shown(findings, all)
        .into_iter()
        .map(|finding| {
            let mark = match finding.status {
                Verdict::NonCompliant => "",
                Verdict::InsufficientData => "?",
                Verdict::Compliant => "+",
                Verdict::NotApplicable => "-",
            };
            format!("{}{mark}", finding.rule)
        })
        .collect();
    rules.join(" ")
}

fn session(row: &SessionRow, all: bool) -> Vec<Cell> {
    let session = &row.session;
    let (severity, verdict) = (row.severity(), row.counted_verdict());
    let color = verdict_color(verdict, severity);
    let owner = Owner::parse(&session.owner).to_string();
    vec![
        Cell(severity.map_or("-", Severity::word).to_owned(), color),
        Cell(verdict.word().to_owned(), color),
        cell(session.status.as_str()),
        cell(&row.account_name),
        cell(&session.key.scope.region),
        cell(&session.target),
        cell(if owner.is_empty() { "?" } else { &owner }),
        cell(session.document_name()),
        cell(session.started_at.map_or_else(|| "?".to_owned(), |at| format!("{at:.0}"))),
        cell(session.reason.as_deref().map_or_else(|| "-".to_owned(), |reason| mask(reason).into_owned())),
        // Never cut: it is what the next command needs.
        Cell(clean(session.key.id.as_str()), ""),
        Cell(clean(&rules_of(&row.findings, all)), ""),
    ]
}

/// One line for each broken rule: what to do about it.
fn remedies(report: &CheckReport, paint: Paint, out: &mut String) {
    let mut rules = BTreeMap::new();
    for finding in report.findings() {
        if finding.status == Verdict::NonCompliant {
            let entry = rules.entry((std::cmp::Reverse(finding.severity), &finding.rule)).or_insert((0_usize, finding));
            entry.0 += 1;
        }
    }
    if rules.is_empty() {
        return;
    }
    out.push_str(&paint.on("1", "WHAT TO DO"));
    out.push('\n');
    let rows: Vec<Vec<Cell>> = rules
        .values()
        .map(|(count, finding)| {
            vec![
                Cell(clean(finding.rule.as_str()), severity_color(finding.severity)),
                Cell(finding.severity.word().to_owned(), severity_color(finding.severity)),
                cell(counted(*count, "finding")),
                Cell(clean(&format!("{}. {}", finding.title.trim_end_matches('.'), finding.remediation)), ""),
            ]
        })
        .collect();
    columns(&rows, paint, out);
    out.push('\n');
}

/// One line for each fact that a rule lacked, and why.
fn unjudged(report: &CheckReport, paint: Paint, out: &mut String) {
    let mut facts: BTreeMap<_, usize> = BTreeMap::new();
    for finding in report.findings() {
        if finding.status == Verdict::InsufficientData {
            for missing in &finding.missing {
                *facts.entry((&finding.rule, &missing.fact, &missing.reason)).or_default() += 1;
            }
        }
    }
    if facts.is_empty() {
        return;
    }
    out.push_str(&paint.on("1", "NOT JUDGED"));
    out.push('\n');
    let rows: Vec<Vec<Cell>> = facts
        .iter()
        .map(|((rule, fact, reason), count)| {
            vec![
                Cell(clean(rule.as_str()), "35"),
                cell(counted(*count, "finding")),
                Cell(clean(&format!("{fact}: {}", mask(reason))), ""),
            ]
        })
        .collect();
    columns(&rows, paint, out);
    out.push('\n');
}

fn totals(report: &CheckReport, paint: Paint, out: &mut String) {
    let of = |ended: bool| Summary::of(report.sessions.iter().filter(move |row| row.ended() == ended));
    let (active, ended) = (of(false), of(true));
    let read = report.scopes.iter().filter(|scope| scope.status == ScopeStatus::Ok).count();
    let scopes = format!("{read} of {} read in full", counted(report.scopes.len(), "scope"));
    let complete = read == report.scopes.len() && read > 0;
    let verdicts = |summary: &Summary| {
        [
            (summary.non_compliant, "31", "NON_COMPLIANT"),
            (summary.insufficient_data, "35", "INSUFFICIENT_DATA"),
            (summary.compliant, "", "COMPLIANT"),
        ]
        .map(|(count, color, word)| paint.on(if count > 0 { color } else { "" }, &format!("{count} {word}")))
        .join(", ")
    };
    out.push_str(&format!("{}: {}", counted(active.sessions, "active session"), verdicts(&active)));
    if ended.sessions > 0 {
        out.push_str(&format!("; {} ended within the last hour: {}", ended.sessions, verdicts(&ended)));
    }
    out.push_str(&format!("; {}\n", paint.on(if complete { "" } else { "1;31" }, &scopes)));
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
