//! A watch on the simulated AWS, and what it says.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, missing_docs)]

use std::time::Duration;

use jiff::Timestamp;
use ssmwatch::{
    aws::{Fleet, FleetConfig},
    domain::{Fact, FailureClass, Missing, Observation, ScopeId, Session, Why},
    sim::{Sim, gate::Fault, scenario::Scenario, world::World},
    watch::{Watch, WatchConfig},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

pub const PAYMENTS: &str = "111122223333";
pub const ARCHIVE: &str = "444455556666";
pub const EXTERNAL_ID: &str = "ssmwatch-demo";
/// Nothing that is waited for takes this long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub async fn sim(scenario: &Scenario) -> Sim {
    let world = World::new(scenario, 7, 1.0, Timestamp::now());
    Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap()
}

pub async fn quiet() -> Sim {
    sim(&Scenario::load("quiet").unwrap()).await
}

pub fn fleet_config(sim: &Sim, external_id: &str) -> FleetConfig {
    let summary = sim.with_world(|world| world.summary());
    let regions: Vec<_> = summary.regions.iter().map(|region| region.as_str().into()).collect();
    FleetConfig::simulated(
        sim.endpoint(),
        &summary.management_account.as_str().into(),
        &summary.log_archive_account.as_str().into(),
        external_id,
        summary.accounts.iter().map(|account| (account.id.as_str().into(), account.name.clone(), regions.clone())),
    )
}

pub async fn fleet(sim: &Sim) -> Fleet {
    Fleet::connect(fleet_config(sim, EXTERNAL_ID)).await.unwrap()
}

pub fn hasty() -> WatchConfig {
    WatchConfig {
        sessions_every: Duration::from_millis(200),
        evidence_every: Duration::from_secs(2),
        ..WatchConfig::default()
    }
}

/// A running watch and what it has said.
pub struct Rig {
    pub watch: Watch,
    pub receiver: mpsc::Receiver<Observation>,
    pub stop: CancellationToken,
}

impl Rig {
    pub async fn start(sim: &Sim, config: WatchConfig) -> Self {
        let (sender, receiver) = mpsc::channel(1024);
        let stop = CancellationToken::new();
        let watch = Watch::start(&fleet(sim).await, config, sender, &stop);
        Self { watch, receiver, stop }
    }

    /// Waits for an observation that `pick` takes something from.
    pub async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Observation) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match tokio::time::timeout_at(deadline, self.receiver.recv()).await {
                Ok(Some(observation)) => {
                    if let Some(found) = pick(&observation) {
                        return found;
                    }
                    seen.push(observation);
                }
                Ok(None) => panic!("the watch ended while waiting for {what}"),
                Err(_) => panic!(
                    "waited in vain for {what}; the last that was seen: {:#?}",
                    seen.iter().rev().take(8).collect::<Vec<_>>()
                ),
            }
        }
    }

    /// Everything that is said within a time.
    pub async fn hear(&mut self, time: Duration) -> Vec<Observation> {
        let deadline = Instant::now() + time;
        let mut seen = Vec::new();
        while let Ok(Some(observation)) = tokio::time::timeout_at(deadline, self.receiver.recv()).await {
            seen.push(observation);
        }
        seen
    }
}

pub fn scope(account: &str, region: &str) -> ScopeId {
    ScopeId::new(account, region)
}

pub fn home() -> ScopeId {
    scope(PAYMENTS, "eu-central-1")
}

pub fn active_of(observation: &Observation, of: &ScopeId) -> Option<Vec<Session>> {
    match observation {
        Observation::Active { scope, sessions, .. } if scope == of => Some(sessions.clone()),
        _ => None,
    }
}

pub fn failing<T>(fact: &Fact<T>) -> Option<FailureClass> {
    match fact {
        Fact::Missing(Missing { why: Why::Failed(failure), .. }) => Some(failure.class),
        _ => None,
    }
}

pub fn break_it(sim: &Sim, fault: Fault) -> u64 {
    sim.with_world(|world| world.gate.add_fault(fault))
}

pub fn repair(sim: &Sim) {
    sim.with_world(|world| world.gate.remove_faults(None));
}

pub fn calls(sim: &Sim, service: &str, operation: &str) -> u64 {
    sim.with_world(|world| world.gate.tally(service, operation).calls)
}

pub fn calls_in(sim: &Sim, of: &ScopeId, operation: &str) -> u64 {
    sim.with_world(|world| {
        let tallies = world.gate.tallies();
        let mine = tallies.filter(|((account, region, _, name), _)| {
            *account == of.account.as_str() && *region == of.region.as_str() && *name == operation
        });
        mine.map(|(_, tally)| tally.calls).sum()
    })
}

pub fn in_scope(of: &ScopeId, fault: Fault) -> Fault {
    Fault { account: of.account.to_string(), region: of.region.to_string(), ..fault }
}
