//! What one pass over a large organization asks for: it grows with scopes and roles, not with sessions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/organization.rs"]
mod organization;
#[path = "common/rig.rs"]
mod rig;

use std::{collections::BTreeMap, time::Duration};

use ssmwatch::watch::one_pass;

/// Requests of one pass, by operation, at 20 ms of latency each.
async fn requests(accounts: usize, sessions: usize) -> (usize, BTreeMap<String, u64>) {
    let sim = rig::sim(&organization::organization(accounts, sessions)).await;
    sim.with_world(|world| world.gate.set_latency(Duration::from_millis(20)));
    let fleet = rig::fleet(&sim).await;
    sim.with_world(|world| world.gate.reset_tallies());
    let seen = one_pass(&fleet, rig::hasty()).await;
    let active = seen.iter().map(|observation| match observation {
        ssmwatch::domain::Observation::Active { sessions, .. } => sessions.len(),
        _ => 0,
    });
    let mut calls = BTreeMap::new();
    sim.with_world(|world| {
        for ((.., operation), tally) in world.gate.tallies() {
            // A busy machine lets lookups draw closer; what is throttled is asked again.
            *calls.entry(operation.to_owned()).or_default() += tally.calls - tally.throttled;
        }
    });
    (active.sum(), calls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_grow_with_scopes_and_roles_and_not_with_sessions() {
    // Nine accounts in two regions, and the two scopes of the payments account: 20 scopes with sessions, and the archive's two.
    let (few, of_few) = requests(9, 10).await;
    let (many, of_many) = requests(9, 110).await;
    assert!(few > 180 && many > 1_980, "{few} and {many} sessions");
    // Pages hold 200 sessions, 50 records of CloudTrail (up to four more pages a scope), 50 log streams.
    for (operation, calls) in &of_many {
        let before = of_few.get(operation).copied().unwrap_or_default();
        let pages = match operation.as_str() {
            "LookupEvents" => 6 * 22,
            "DescribeLogStreams" => 3 * 22,
            "FilterLogEvents" => 22,
            _ => 0,
        };
        assert!(*calls <= before + pages, "{operation}: {before} with {few} sessions, {calls} with {many}");
    }
    let all: u64 = of_many.values().sum();
    // So many a scope, whatever happens there: listings, documents, nodes, tags, roles, streams, records.
    assert!(all <= 22 * 30, "{all}: {of_many:?}");
    // One role an account, and the policies of each once.
    let roles = of_many["ListAttachedRolePolicies"];
    assert!(roles <= 11, "{of_many:?}");
    assert!(of_many["GetPolicyVersion"] <= 11 * 3, "{of_many:?}");
}
