//! `ssmwatch check`: one pass over all scopes, with the same State as the dashboard.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use jiff::Timestamp;

use super::{Refusal, detecting, setup};
use crate::{
    app::{
        board::{Board, Failing},
        listening::{Detected, Listening},
    },
    cli::{self, Cli},
    domain::{Observation, ScopeId},
    report::{
        AccountRow, CheckReport, DetectionRow, NodeRow, Paint, PreferencesRow, ScopeRow, ScopeStatus, SessionRow, table,
    },
    watch,
};

/// Exit code when not everything could be judged.
const NOT_JUDGED: u8 = 2;

pub(super) async fn run(cli: &Cli, options: &cli::Check) -> Result<ExitCode, Refusal> {
    let settings = setup::honored(setup::settings(cli)?)?;
    let (engine, detector) = detecting::both(&settings)?;
    let watched = setup::watch_config(&settings.config, engine.parameters());
    // Without credentials or a way to AWS nothing is judged at all.
    let fleet = setup::connect(setup::fleet_config(&settings))
        .await
        .map_err(|refusal| Refusal { code: NOT_JUDGED, ..refusal })?;
    let mut board = setup::board(&fleet, engine, &settings.config);
    let mut listening = Listening::new(detector);
    let observations = watch::one_pass(&fleet, watched).await;
    let now = Timestamp::now();
    for observation in observations {
        if let Observation::Tailed { scope, events, .. } = &observation {
            listening.tailed(&mut board, scope, events, now);
        }
        board.observe(observation);
    }
    while board.has_unjudged() {
        board.judge_due(now);
    }
    let report = report(&board, now, options.all);
    let text = match options.format {
        cli::Format::Table => {
            let paint = Paint::of(io::stdout().is_terminal(), settings.overrides.no_color);
            table(&report, options.all, paint)
        }
        cli::Format::Json => report
            .json(options.all)
            .map_err(|error| Refusal::failed(format!("the report cannot be written: {error}"), "report this"))?,
    };
    super::print(&text);
    Ok(ExitCode::from(report.exit_code(options.fail_on)))
}

/// The report of a board.
pub fn report(board: &Board, now: Timestamp, all: bool) -> CheckReport {
    let scopes = board
        .scopes
        .iter()
        .map(|(id, scope)| {
            let (status, error) = match (scope.last_good, &scope.failing) {
                (Some(_), None) if scope.evidence_failures.is_empty() => (ScopeStatus::Ok, None),
                (Some(_), None) => (ScopeStatus::Partial, Some(evidence_words(scope))),
                // The active sessions were read; what failed since is the history.
                (Some(_), Some(failing)) => (ScopeStatus::Partial, Some(words(failing))),
                (None, Some(failing)) => (ScopeStatus::Unreachable, Some(words(failing))),
                (None, None) => (ScopeStatus::Unreachable, Some("not everything was answered in time".to_owned())),
            };
            ScopeRow {
                account: id.account.clone(),
                region: id.region.clone(),
                name: board.account_name(id).to_owned(),
                status,
                error,
                active_sessions: scope.last_good.map(|_| active(board, id)),
            }
        })
        .collect();
    let sessions = board
        .sessions
        .values()
        .map(|session| SessionRow {
            session: session.session.clone(),
            account_name: board.account_name(&session.session.key.scope).to_owned(),
            findings: if all { board.explain(&session.session.key, now) } else { session.judgement.findings.clone() },
            verdict: session.judgement.verdict(),
            detections: (session.is_active() || !session.detections.all().is_empty())
                .then(|| session.detections.shown(false).map(detection).collect()),
        })
        .collect();
    let preferences = board
        .scopes
        .iter()
        .map(|(id, scope)| PreferencesRow {
            account: id.account.clone(),
            region: id.region.clone(),
            verdict: scope.preferences_judgement.verdict(),
            findings: if all {
                board.explain_preferences(id, now)
            } else {
                scope.preferences_judgement.findings.clone()
            },
        })
        .collect();
    let nodes = board.scopes.iter().flat_map(|(id, scope)| {
        scope.nodes.iter().map(|(target, node)| NodeRow {
            account: id.account.clone(),
            region: id.region.clone(),
            target: target.clone(),
            verdict: node.judgement.verdict(),
            findings: if all { board.explain_node(id, target, now) } else { node.judgement.findings.clone() },
        })
    });
    let mut nodes: Vec<NodeRow> = nodes.collect();
    nodes.sort_by(|a, b| (&a.account, &a.region, &a.target).cmp(&(&b.account, &b.region, &b.target)));
    let accounts = board
        .accounts
        .iter()
        .map(|(id, account)| AccountRow {
            account: id.clone(),
            verdict: account.judgement.verdict(),
            findings: if all { board.explain_account(id, now) } else { account.judgement.findings.clone() },
        })
        .collect();
    CheckReport { generated_at: now, scopes, sessions, preferences, nodes, accounts }
}

fn detection(found: &Detected) -> DetectionRow {
    DetectionRow {
        rule: found.rule.id.to_string(),
        title: found.rule.title.to_string(),
        severity: found.severity,
        confidence: found.confidence.word(),
        text: found.text.to_string(),
        attack: found.rule.attack.iter().map(|technique| technique.id.clone()).collect(),
        count: found.count(),
        first_at: found.times.first().copied().unwrap_or(found.found_at),
        last_at: found.last(),
    }
}

fn active(board: &Board, scope: &ScopeId) -> usize {
    board.sessions.values().filter(|session| session.is_active() && session.session.key.scope == *scope).count()
}

fn words(failing: &Failing) -> String {
    format!("{}: {}", failing.failure, failing.failure.message)
}

fn evidence_words(scope: &crate::app::board::ScopeBoard) -> String {
    scope.evidence_failures.values().map(|failing| failing.failure.to_string()).collect::<Vec<_>>().join("; ")
}
