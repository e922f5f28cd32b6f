//! A watch on the simulated AWS, and the board whose verdicts follow it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, dead_code, missing_docs)]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    app::board::Board,
    compliance::{Engine, Parameters},
    domain::{Finding, Observation, ScopeId, Verdict},
    sim::{Sim, scenario::Scenario},
    watch::WatchConfig,
};
use tokio::time::Instant;

use super::rig::{PATIENCE, Rig, fleet};

/// A watch and the board that it fills.
pub struct Watched {
    pub rig: Rig,
    pub board: Board,
}

/// What a rule says of whom.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// The session whose owner contains this.
    Session(&'a str),
    /// The nodes of a scope.
    Nodes(&'a str, &'a str),
    /// The preferences of a scope.
    Preferences(&'a str, &'a str),
}

impl Watched {
    pub async fn start(sim: &Sim, config: WatchConfig, bend: impl FnOnce(&mut Parameters)) -> Self {
        let mut parameters = Parameters::default();
        bend(&mut parameters);
        let engine = Arc::new(Engine::new(parameters, Vec::new()).unwrap());
        let scopes: Vec<_> =
            fleet(sim).await.scopes().map(|scope| (scope.id().clone(), Arc::clone(scope.name()), None)).collect();
        let board = Board::new(scopes, engine, SignedDuration::from_mins(5));
        Self { rig: Rig::start(sim, config).await, board }
    }

    pub fn findings(&self, of: Of<'_>) -> Vec<Finding> {
        let now = Timestamp::now();
        match of {
            Of::Session(owner) => {
                let session = self.board.sessions.values().find(|board| board.session.owner.contains(owner));
                session.map(|board| self.board.explain(&board.session.key, now)).unwrap_or_default()
            }
            Of::Nodes(account, region) => {
                let scope = ScopeId::new(account, region);
                let nodes = self.board.scopes[&scope].nodes.keys();
                nodes.flat_map(|node| self.board.explain_node(&scope, node, now)).collect()
            }
            Of::Preferences(account, region) => self.board.explain_preferences(&ScopeId::new(account, region), now),
        }
    }

    /// Waits until the rule says that of it, and answers the finding.
    pub async fn until(&mut self, of: Of<'_>, rule: &str, status: Verdict) -> Finding {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.findings(of).into_iter().filter(|finding| finding.rule.as_str() == rule);
            let found: Vec<Finding> = found.collect();
            if let Some(finding) = found.iter().find(|finding| finding.status == status) {
                return finding.clone();
            }
            match tokio::time::timeout_at(deadline, self.rig.receiver.recv()).await {
                Ok(Some(observation)) => self.take(observation),
                _ => panic!("{rule} of {of:?} never became {status:?}: {found:#?}"),
            }
        }
    }

    /// Takes an observation in, and judges what is due.
    fn take(&mut self, observation: Observation) {
        self.board.observe(observation);
        self.board.judge_due(Timestamp::now());
    }

    /// Whether the rule says that of it now.
    pub fn says(&self, of: Of<'_>, rule: &str, status: Verdict) -> bool {
        self.findings(of).iter().any(|finding| finding.rule.as_str() == rule && finding.status == status)
    }

    /// Takes in the next observation.
    pub async fn observe_next(&mut self) {
        let next = tokio::time::timeout(PATIENCE, self.rig.receiver.recv()).await;
        self.take(next.unwrap().unwrap());
    }

    /// Waits until the rule lacks a fact for that reason, and answers the finding.
    pub async fn until_because(&mut self, of: Of<'_>, rule: &str, reason: &str) -> Finding {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let finding = self.until(of, rule, Verdict::InsufficientData).await;
            if finding.missing[0].reason.contains(reason) {
                return finding;
            }
            match tokio::time::timeout_at(deadline, self.rig.receiver.recv()).await {
                Ok(Some(observation)) => self.take(observation),
                _ => panic!("{rule} of {of:?} never lacked anything for \"{reason}\": {finding:#?}"),
            }
        }
    }

    /// The session of that owner, judged.
    pub fn session(&mut self, owner: &str) -> &ssmwatch::app::board::SessionBoard {
        let now = Timestamp::now();
        while self.board.has_unjudged() {
            self.board.judge_due(now);
        }
        self.board.sessions.values().find(|board| board.session.owner.contains(owner)).unwrap()
    }
}

/// The quiet scenario with more in it, whose records come at once.
pub fn quiet_with(casts: &str) -> Scenario {
    let quiet = include_str!("../../src/sim/scenarios/quiet.toml");
    let mut scenario = Scenario::parse("bent", &format!("{quiet}\n{casts}")).unwrap();
    scenario.delays.trail = [0.0, 0.1];
    scenario
}
