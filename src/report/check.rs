//! `ssmwatch check`: what one pass over all scopes found.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::text::safe_json;
use crate::domain::{
    AccountId, Evidence, Finding, MissingFact, NodeId, Region, Session, SessionStatus, Severity, Verdict,
};
use crate::transcript::mask;

/// The schema of the JSON.
const SCHEMA: &str = "ssmwatch.check/1";

/// Everything that one pass found. Both formats sort it themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// When the pass was done.
    pub generated_at: Timestamp,
    /// Every scope that was asked, those that did not answer too.
    pub scopes: Vec<ScopeRow>,
    /// Every active session, and those that ended within the last hour.
    pub sessions: Vec<SessionRow>,
    /// The preferences of every scope.
    pub preferences: Vec<PreferencesRow>,
    /// The nodes that sessions run on.
    pub nodes: Vec<NodeRow>,
    /// The accounts.
    pub accounts: Vec<AccountRow>,
}

/// How well a scope could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeStatus {
    /// Nothing of the scope could be listed.
    Unreachable,
    /// Sessions were listed, but something that verdicts need was denied or failed.
    Partial,
    /// All was read.
    Ok,
}

/// One scope of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeRow {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The account's name.
    pub name: String,
    /// How well it could be read.
    pub status: ScopeStatus,
    /// What was denied or failed; `None` only where the status is ok.
    pub error: Option<String>,
    /// How many sessions are active; `None`: they could not be listed.
    pub active_sessions: Option<usize>,
}

/// One session of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// The session.
    pub session: Session,
    /// The account's name.
    pub account_name: String,
    /// The findings of all rules, or of those that are not COMPLIANT or NOT_APPLICABLE.
    pub findings: Vec<Finding>,
    /// The verdict.
    pub verdict: Verdict,
    /// What rules found in what was typed within the last minutes, the worst first; `None`: nothing of the session was listened to.
    pub detections: Option<Vec<DetectionRow>>,
}

/// One rule that matched what was typed in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DetectionRow {
    /// The rule's id.
    pub rule: String,
    /// What it finds.
    pub title: String,
    /// Its severity here.
    pub severity: Severity,
    /// `command`, or `output` where it was merely printed.
    pub confidence: &'static str,
    /// The command or the line, its secrets masked.
    pub text: String,
    /// Techniques of ATT&CK, the ids of version 19.
    pub attack: Vec<String>,
    /// How often.
    pub count: u64,
    /// When it came first and last.
    pub first_at: Timestamp,
    /// When it came last.
    pub last_at: Timestamp,
}

/// The preferences document of one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct PreferencesRow {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// The findings of all rules, or of those that are not COMPLIANT or NOT_APPLICABLE.
    pub findings: Vec<Finding>,
}

/// One node that sessions run on.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// Its id.
    pub target: NodeId,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// The findings of all rules, or of those that are not COMPLIANT or NOT_APPLICABLE.
    pub findings: Vec<Finding>,
}

/// One account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountRow {
    /// The account.
    pub account: AccountId,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// The findings of all rules, or of those that are not COMPLIANT or NOT_APPLICABLE.
    pub findings: Vec<Finding>,
}

impl SessionRow {
    /// The worst severity among the NON_COMPLIANT findings.
    pub fn severity(&self) -> Option<Severity> {
        worst(&self.findings)
    }

    /// Whether the session is over.
    pub(super) fn ended(&self) -> bool {
        self.session.ended_at.is_some()
            || matches!(self.session.status, SessionStatus::Terminated | SessionStatus::Failed)
    }

    /// The verdict as it is counted: where no rule applies, none is broken.
    pub(super) fn counted_verdict(&self) -> Verdict {
        self.verdict.max(Verdict::Compliant)
    }
}

pub(super) fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().filter(|finding| finding.status == Verdict::NonCompliant).map(|finding| finding.severity).max()
}

pub(super) fn is_broken(finding: &&Finding) -> bool {
    finding.status == Verdict::NonCompliant
}

/// How many sessions have which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// All.
    pub sessions: usize,
    /// COMPLIANT.
    #[serde(rename = "COMPLIANT")]
    pub compliant: usize,
    /// NON_COMPLIANT.
    #[serde(rename = "NON_COMPLIANT")]
    pub non_compliant: usize,
    /// INSUFFICIENT_DATA.
    #[serde(rename = "INSUFFICIENT_DATA")]
    pub insufficient_data: usize,
}

impl Summary {
    /// The summary of those rows.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a SessionRow>) -> Self {
        let mut summary = Self::default();
        for row in rows {
            summary.sessions += 1;
            match row.counted_verdict() {
                Verdict::NonCompliant => summary.non_compliant += 1,
                Verdict::InsufficientData => summary.insufficient_data += 1,
                Verdict::Compliant | Verdict::NotApplicable => summary.compliant += 1,
            }
        }
        summary
    }
}

impl CheckReport {
    /// How many sessions have which verdict.
    pub fn summary(&self) -> Summary {
        Summary::of(self.sessions.iter())
    }

    /// The exit code: 1 something is NON_COMPLIANT at or above `fail_on`; else 2 some scope could not be read in full (or
    /// there is none at all); else 0.
    pub fn exit_code(&self, fail_on: Severity) -> u8 {
        if self.findings().filter(is_broken).any(|finding| finding.severity >= fail_on) {
            1
        } else if self.scopes.is_empty() || self.scopes.iter().any(|scope| scope.status != ScopeStatus::Ok) {
            2
        } else {
            0
        }
    }

    /// All findings, of whatever they are.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        let sessions = self.sessions.iter().map(|row| &row.findings);
        let preferences = self.preferences.iter().map(|row| &row.findings);
        let nodes = self.nodes.iter().map(|row| &row.findings);
        let accounts = self.accounts.iter().map(|row| &row.findings);
        sessions.chain(preferences).chain(nodes).chain(accounts).flatten()
    }

    /// Scopes, the worst first.
    pub(super) fn sorted_scopes(&self) -> Vec<&ScopeRow> {
        let mut scopes: Vec<_> = self.scopes.iter().collect();
        scopes.sort_by_key(|row| (row.status, &row.account, &row.region));
        scopes
    }

    /// Sessions, the worst first, then the oldest.
    pub(super) fn sorted_sessions(&self) -> Vec<&SessionRow> {
        let mut sessions: Vec<_> = self.sessions.iter().collect();
        sessions.sort_by(|first, second| {
            let badness = |row: &SessionRow| (row.counted_verdict(), row.severity());
            badness(second)
                .cmp(&badness(first))
                .then_with(|| first.session.started_at.cmp(&second.session.started_at))
                .then_with(|| first.session.key.cmp(&second.session.key))
        });
        sessions
    }

    /// The JSON of the contract, indented, ending in a line break; `all` adds findings that are COMPLIANT or NOT_APPLICABLE.
    ///
    /// # Errors
    /// None of its parts can fail to be written; the JSON writer wants the error passed on.
    pub fn json(&self, all: bool) -> serde_json::Result<String> {
        let document = Document {
            schema: SCHEMA,
            generated_at: Seconds(self.generated_at),
            scopes: self
                .sorted_scopes()
                .into_iter()
                .map(|row| ScopeObject {
                    account: &row.account,
                    region: &row.region,
                    name: &row.name,
                    status: row.status,
                    error: row.error.as_deref(),
                    active_sessions: row.active_sessions,
                })
                .collect(),
            sessions: self
                .sorted_sessions()
                .into_iter()
                .map(|row| JudgedSession {
                    session: SessionObject::of(&row.session),
                    verdict: row.counted_verdict(),
                    severity: row.severity(),
                    findings: findings(&row.findings, all),
                    detections: row.detections.as_deref(),
                })
                .collect(),
            preferences: self
                .preferences
                .iter()
                .map(|row| PreferencesObject {
                    account: &row.account,
                    region: &row.region,
                    verdict: row.verdict,
                    severity: worst(&row.findings),
                    findings: findings(&row.findings, all),
                })
                .collect(),
            nodes: self
                .nodes
                .iter()
                .map(|row| NodeObject {
                    account: &row.account,
                    region: &row.region,
                    target: &row.target,
                    verdict: row.verdict,
                    severity: worst(&row.findings),
                    findings: findings(&row.findings, all),
                })
                .collect(),
            accounts: self
                .accounts
                .iter()
                .map(|row| AccountObject {
                    account: &row.account,
                    verdict: row.verdict,
                    severity: worst(&row.findings),
                    findings: findings(&row.findings, all),
                })
                .collect(),
            summary: self.summary(),
        };
        Ok(safe_json(&serde_json::to_string_pretty(&document)?) + "\n")
    }
}

/// The findings to show, the worst first.
pub(super) fn shown(all_findings: &[Finding], all: bool) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> =
        all_findings.iter().filter(|finding| all || finding.status >= Verdict::InsufficientData).collect();
    findings.sort_by(|first, second| {
        (second.status, second.severity).cmp(&(first.status, first.severity)).then_with(|| first.rule.cmp(&second.rule))
    });
    findings
}

fn findings(of: &[Finding], all: bool) -> Vec<FindingObject<'_>> {
    shown(of, all)
        .into_iter()
        .map(|finding| FindingObject {
            rule: finding.rule.as_str(),
            title: &finding.title,
            status: finding.status,
            severity: finding.severity,
            evidence: finding.evidence.iter().map(masked).collect(),
            missing: &finding.missing,
            remediation: &finding.remediation,
        })
        .collect()
}

/// The evidence with what looks like a secret masked.
pub(super) fn masked(evidence: &Evidence) -> Evidence {
    Evidence { value: mask(&evidence.value).into_owned(), ..evidence.clone() }
}

/// A time in whole seconds.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) Timestamp);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.0}", self.0))
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    generated_at: Seconds,
    scopes: Vec<ScopeObject<'a>>,
    sessions: Vec<JudgedSession<'a>>,
    preferences: Vec<PreferencesObject<'a>>,
    nodes: Vec<NodeObject<'a>>,
    accounts: Vec<AccountObject<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct ScopeObject<'a> {
    account: &'a AccountId,
    region: &'a Region,
    name: &'a str,
    status: ScopeStatus,
    error: Option<&'a str>,
    active_sessions: Option<usize>,
}

/// A session as reports and alerts show it.
#[derive(Serialize)]
pub(super) struct SessionObject<'a> {
    pub(super) session_id: &'a str,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) target: &'a str,
    pub(super) owner: &'a str,
    pub(super) document: &'a str,
    pub(super) status: &'a str,
    pub(super) started_at: Option<Seconds>,
}

impl<'a> SessionObject<'a> {
    pub(super) fn of(session: &'a Session) -> Self {
        Self {
            session_id: session.key.id.as_str(),
            account: session.key.scope.account.as_str(),
            region: session.key.scope.region.as_str(),
            target: session.target.as_str(),
            owner: &session.owner,
            document: session.document.as_deref().unwrap_or(Session::DEFAULT_DOCUMENT),
            status: session.status.as_str(),
            started_at: session.started_at.map(Seconds),
        }
    }
}

#[derive(Serialize)]
struct JudgedSession<'a> {
    #[serde(flatten)]
    session: SessionObject<'a>,
    verdict: Verdict,
    severity: Option<Severity>,
    findings: Vec<FindingObject<'a>>,
    detections: Option<&'a [DetectionRow]>,
}

#[derive(Serialize)]
struct PreferencesObject<'a> {
    account: &'a AccountId,
    region: &'a Region,
    verdict: Verdict,
    severity: Option<Severity>,
    findings: Vec<FindingObject<'a>>,
}

#[derive(Serialize)]
struct NodeObject<'a> {
    account: &'a AccountId,
    region: &'a Region,
    target: &'a NodeId,
    verdict: Verdict,
    severity: Option<Severity>,
    findings: Vec<FindingObject<'a>>,
}

#[derive(Serialize)]
struct AccountObject<'a> {
    account: &'a AccountId,
    verdict: Verdict,
    severity: Option<Severity>,
    findings: Vec<FindingObject<'a>>,
}

#[derive(Serialize)]
struct FindingObject<'a> {
    rule: &'a str,
    title: &'a str,
    status: Verdict,
    severity: Severity,
    evidence: Vec<Evidence>,
    missing: &'a [MissingFact],
    remediation: &'a str,
}
