//! Tables of cases; and the proof that no rule of the catalogue lacks a case of a kind.

use std::collections::BTreeSet;

use super::{
    Case, Engine, Fact, Finding, Parameters, SessionType, TagChange, Verdict, accounts, approval, archive, at, conduct,
    document, documents, engine, engine_with, finding, nodes, preferences, principals, roles, streams,
};
use crate::compliance::tagged_principal;

use Verdict::{Compliant, InsufficientData, NonCompliant, NotApplicable};

/// A verdict; of what is not known also the fact and the reason, as `fact: reason`. An ellipsis ends words that go on.
pub type Expected = (Verdict, &'static str);

pub const GOOD: Expected = (Compliant, "");
pub const BAD: Expected = (NonCompliant, "");
pub const SILENT: Expected = (NotApplicable, "");

pub const fn lacks(words: &'static str) -> Expected {
    (InsufficientData, words)
}

/// A case, judged.
pub struct Row {
    pub rule: &'static str,
    what: &'static str,
    expected: Expected,
    found: Finding,
}

impl Row {
    /// A subject's findings, of which that of one rule counts.
    pub fn of(rule: &'static str, what: &'static str, findings: Vec<Finding>, expected: Expected) -> Self {
        let found = findings.into_iter().find(|finding| finding.rule.as_str() == rule).expect("the rule");
        Self { rule, what, expected, found }
    }
}

/// A session without any config, 300 s old unless it was seen later.
pub fn row(rule: &'static str, what: &'static str, case: &Case, expected: Expected) -> Row {
    row_with(engine(), rule, what, case, expected)
}

pub fn row_with(engine: &Engine, rule: &'static str, what: &'static str, case: &Case, expected: Expected) -> Row {
    let now = at(300).max(case.listed_at);
    Row { rule, what, expected, found: finding(engine, case, now, rule) }
}

/// Judged at that second.
pub fn row_at(rule: &'static str, what: &'static str, case: &Case, now: i64, expected: Expected) -> Row {
    Row { rule, what, expected, found: finding(engine(), case, at(now), rule) }
}

#[track_caller]
pub fn check(rows: Vec<Row>) {
    for Row { rule, what, expected: (verdict, words), found } in rows {
        assert_eq!(found.status, verdict, "{rule}, {what}: {found:#?}");
        let said: Vec<String> = found.missing.iter().map(|it| format!("{}: {}", it.fact, it.reason)).collect();
        let said = said.join("; ");
        match words.strip_suffix('…') {
            Some(start) => assert!(said.starts_with(start), "{rule}, {what}: {said}"),
            None => assert_eq!(said, words, "{rule}, {what}"),
        }
    }
}

/// The good session, bent.
pub fn good(bend: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::good();
    bend(&mut case);
    case
}

/// The good session that ended, bent.
pub fn ended(bend: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::ended();
    bend(&mut case);
    case
}

pub fn port() -> Case {
    Case::good().with_document("Tunnel", Some(document(SessionType::Port)))
}

pub fn with(bend: impl FnOnce(&mut Parameters)) -> Engine {
    engine_with(bend)
}

/// The owner carries the approval for this node, set at that second; CloudTrail was asked when all else was.
pub fn carries(case: &mut Case, set_at: i64) {
    let (key, target) = ("SecurityAllowSessionInstance".to_owned(), case.session.target.as_str().to_owned());
    let owner = case.session.owner.clone();
    let (name, user) = tagged_principal(&owner).unwrap();
    let tags = [(key.clone(), target.clone())].into_iter().collect();
    case.principal_tags = Fact::known(Some(std::sync::Arc::new(tags)), "iam:GetRole", case.listed_at);
    case.tag_changes_read = Fact::known((), "cloudtrail:LookupEvents", case.listed_at);
    case.tag_changes = vec![TagChange {
        event_id: "0aa1".into(),
        at: at(set_at),
        principal: name.into(),
        user,
        set: [(key, target)].into(),
        removed: Vec::new(),
    }];
}

/// Of these every fact stands in the listing, the config or our own memory: nothing can be lacking.
const NEVER_LACKING: [&str; 4] = ["DOC-01", "THR-01", "WHO-01", "WHO-06"];

/// These speak of every subject of theirs.
const NEVER_SILENT: [&str; 13] = [
    "DOC-01", "DOC-02", "DOC-03", "DOC-04", "NOD-01", "NOD-03", "PRF-00", "TAG-01", "THR-01", "WHO-02", "WHO-05",
    "WHO-06", "WHO-07",
];

#[test]
fn every_rule_of_the_catalogue_has_a_case_of_each_kind() {
    let tables = [
        documents::table(),
        streams::table(),
        archive::table(),
        roles::table(),
        principals::table(),
        approval::table(),
        conduct::table(),
        nodes::table(),
        preferences::table(),
        accounts::table(),
    ];
    let has: BTreeSet<(&str, Verdict)> = tables.iter().flatten().map(|row| (row.rule, row.expected.0)).collect();
    let mut lacking = Vec::new();
    for rule in engine().rules() {
        let id = rule.id.as_str();
        for verdict in [Compliant, NonCompliant, InsufficientData, NotApplicable] {
            let cannot = match verdict {
                InsufficientData => NEVER_LACKING.contains(&id),
                NotApplicable => NEVER_SILENT.contains(&id),
                _ => false,
            };
            // A case of what cannot be makes the list wrong.
            if has.contains(&(id, verdict)) == cannot {
                lacking.push((id.to_owned(), verdict, cannot));
            }
        }
    }
    assert_eq!(lacking, []);
    let known: BTreeSet<&str> = engine().rules().iter().map(|rule| rule.id.as_str()).collect();
    assert!(NEVER_LACKING.iter().chain(&NEVER_SILENT).all(|id| known.contains(id)));
}
