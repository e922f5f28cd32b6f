//! A large organization: so many accounts and sessions, each role and document as it should be.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;

use ssmwatch::sim::scenario::Scenario;

/// Nodes of one account in one region.
pub const NODES: usize = 10;

/// `accounts` more accounts in both regions of the quiet scenario, with `sessions` sessions in each of those scopes.
pub fn organization(accounts: usize, sessions: usize) -> Scenario {
    let mut text = include_str!("../../src/sim/scenarios/quiet.toml").replace("trail =", "trail_of_old =");
    for account in 0..accounts {
        let id = 900_000_000_000 + account;
        writeln!(text, "\n[[accounts]]\nid = \"{id}\"\nname = \"team-{account}\"").unwrap();
        for region in ["eu-central-1", "us-east-1"] {
            writeln!(
                text,
                "\n[[nodes]]\naccount = \"team-{account}\"\nregion = \"{region}\"\nname = \"node-{account}-{region}\"\n\
                 count = {NODES}\nrole = \"ssm-managed-node\"\ntags = {{ Environment = \"Staging\" }}"
            )
            .unwrap();
            for session in 0..sessions {
                let (node, at) = (session % NODES + 1, -100.0 - session as f64);
                writeln!(
                    text,
                    "\n[[cast]]\nowner = \"arn:aws:sts::{{account}}:assumed-role/Ops/person-{account}-{session}\"\n\
                     node = \"node-{account}-{region}-{node}\"\nreason = \"INC-1\"\nat = {at:.1}\n\
                     script = [{{ type = \"uptime\" }}]"
                )
                .unwrap();
            }
        }
    }
    let mut scenario = Scenario::parse("organization", &text).unwrap();
    scenario.delays.trail = [0.0, 0.1];
    scenario
}
