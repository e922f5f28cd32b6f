//! One pass over a large organization: 20 scopes and 2,000 sessions on the simulated AWS, 20 ms of latency a request.
//!
//! Bound to hold: 3 s, with the simulated AWS on the same cores.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/organization.rs"]
mod organization;

use std::time::Duration;

use divan::Bencher;
use jiff::Timestamp;
use ssmwatch::{
    aws::{Fleet, FleetConfig},
    sim::{Sim, world::World},
    watch::{WatchConfig, one_pass},
};

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn twenty_scopes_two_thousand_sessions(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sim = runtime.block_on(async {
        let world = World::new(&organization::organization(9, 110), 7, 1.0, Timestamp::now());
        Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap()
    });
    sim.with_world(|world| world.gate.set_latency(Duration::from_millis(20)));
    let summary = sim.with_world(|world| world.summary());
    let regions: Vec<_> = summary.regions.iter().map(|region| region.as_str().into()).collect();
    let config = FleetConfig::simulated(
        sim.endpoint(),
        &summary.management_account.as_str().into(),
        &summary.log_archive_account.as_str().into(),
        "ssmwatch-demo",
        summary.accounts.iter().map(|account| (account.id.as_str().into(), account.name.clone(), regions.clone())),
    );
    bencher
        .with_inputs(|| {
            // The lookups of the pass before are forgotten by the service's limits.
            std::thread::sleep(Duration::from_secs(5));
            runtime.block_on(Fleet::connect(config.clone())).unwrap()
        })
        .bench_local_values(|fleet| runtime.block_on(one_pass(&fleet, WatchConfig::default())).len());
}
