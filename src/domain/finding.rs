//! Verdicts and findings, in AWS Config's and Security Hub's words.

use serde::{Deserialize, Serialize};

use super::{Evidence, MissingFact, RuleId};
use std::sync::Arc;

/// A rule's verdict. Ordered from harmless to bad; a session's verdict is the worst of its findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// The rule says nothing about this session.
    NotApplicable,
    /// Judged, and as it should be.
    Compliant,
    /// A fact that decides is missing. Never drawn like a pass.
    InsufficientData,
    /// Judged, and against the rule.
    NonCompliant,
}

impl Verdict {
    /// The word of AWS Config.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "NOT_APPLICABLE",
            Self::Compliant => "COMPLIANT",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::NonCompliant => "NON_COMPLIANT",
        }
    }
}

/// Security Hub's scale, from harmless to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Worth knowing.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// All, from harmless to bad.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word of Security Hub.
    pub fn word(self) -> &'static str {
        match self {
            Self::Informational => "INFORMATIONAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    /// The letter that stands beside its color.
    pub fn letter(self) -> char {
        match self {
            Self::Informational => 'I',
            Self::Low => 'L',
            Self::Medium => 'M',
            Self::High => 'H',
            Self::Critical => 'C',
        }
    }
}

/// One rule's verdict on one session, with what decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// The rule's title.
    pub title: Arc<str>,
    /// The verdict.
    pub status: Verdict,
    /// The rule's severity.
    pub severity: Severity,
    /// The facts that the rule read.
    pub evidence: Vec<Evidence>,
    /// The facts that it would have needed.
    pub missing: Vec<MissingFact>,
    /// What to do about it.
    pub remediation: Arc<str>,
}

/// What all rules together say of one session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// Every finding that is NON_COMPLIANT or INSUFFICIENT_DATA, worst first.
    pub findings: Vec<Finding>,
    /// The worst verdict; `None` until the session was judged for the first time.
    pub verdict: Option<Verdict>,
}

impl Judgement {
    /// The verdict; a session that was never judged is INSUFFICIENT_DATA.
    pub fn verdict(&self) -> Verdict {
        self.verdict.unwrap_or(Verdict::InsufficientData)
    }

    /// The worst severity among the NON_COMPLIANT findings.
    pub fn severity(&self) -> Option<Severity> {
        self.findings
            .iter()
            .filter(|finding| finding.status == Verdict::NonCompliant)
            .map(|finding| finding.severity)
            .max()
    }
}
