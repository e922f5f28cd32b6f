//! The simulated organization: with the dashboard on it, or alone.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use super::{Refusal, dashboard, setup};
use crate::{
    aws::FleetConfig,
    cli::{self, Cli},
    config::{Config, Pattern, Quarantine, QuarantineMethodName, Template},
    domain::Region,
    sim::{
        scenario::Scenario,
        server::Sim,
        world::{Summary, World},
    },
};

/// The scenario without a name.
const DEFAULT_SCENARIO: &str = "default";
/// The seed without a number: the same world each time.
const DEFAULT_SEED: u64 = 1;

/// `ssmwatch demo`: the dashboard on the embedded simulated organization.
pub(super) async fn demo(cli: &Cli, world: &cli::World) -> Result<ExitCode, Refusal> {
    let mut settings = setup::demo_settings(cli)?;
    let scenario = scenario(world)?;
    let world = World::new(&scenario, world.seed.unwrap_or(DEFAULT_SEED), 1.0, Timestamp::now());
    let summary = world.summary();
    settings.config = configured_for(&summary, &scenario, settings.config)?;
    let parts = dashboard::Parts::new(&settings)?;
    let sim = start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), world).await?;
    let mut fleet = fleet_config(&format!("http://{}", sim.addr), &summary, &scenario);
    let wanted = &settings.overrides.regions;
    if !wanted.is_empty() {
        for account in &mut fleet.accounts {
            account.regions.retain(|region| wanted.contains(region));
        }
        if fleet.accounts.iter().all(|account| account.regions.is_empty()) {
            return Err(Refusal::failed(
                "the simulated organization has none of these regions",
                format!("it has: {}", summary.regions.join(", ")),
            ));
        }
    }
    let fleet = setup::connect(fleet).await?;
    let outcome = dashboard::show(&settings, parts, fleet, true).await;
    sim.stop().await;
    outcome
}

/// The fleet of a simulated organization: every account in every region.
pub fn fleet_config(endpoint: &str, summary: &Summary, scenario: &Scenario) -> FleetConfig {
    let regions: Vec<Region> = summary.regions.iter().map(|region| region.as_str().into()).collect();
    let accounts =
        summary.accounts.iter().map(|account| (account.id.as_str().into(), account.name.clone(), regions.clone()));
    FleetConfig::simulated(
        endpoint,
        &summary.management_account.as_str().into(),
        &summary.log_archive_account.as_str().into(),
        &scenario.external_id,
        accounts,
    )
}

/// What a security team of that organization would have in its config.
fn configured_for(summary: &Summary, scenario: &Scenario, mut config: Config) -> Result<Config, Refusal> {
    let template = |text: &str| {
        Template::parse(text)
            .map_err(|error| Refusal::failed(format!("the scenario's {text}: {error}"), "correct the scenario"))
    };
    let ticket = "(INC|CHG)-?[0-9]+";
    config.compliance.ticket_pattern =
        Some(Pattern::parse(ticket).map_err(|error| Refusal::failed(format!("{ticket}: {error}"), "report this"))?);
    config.compliance.log_bucket = Some(template(&summary.log_bucket)?);
    config.alerts.member_topic =
        Some(template("arn:aws:sns:{region}:{account}:aws-ssm-monitoring-logging-guardrails-multiaccount")?);
    config.alerts.central_topic = Some(template(&summary.central_topic)?);
    config.response.quarantine = scenario.service_control_policies.first().map(|policy| Quarantine {
        method: QuarantineMethodName::ServiceControlPolicy,
        policy_id: Some(policy.id.clone()),
        profile: None,
        role_arn: None,
        external_id: None,
    });
    Ok(config)
}

fn scenario(world: &cli::World) -> Result<Scenario, Refusal> {
    let name = world.scenario.as_deref().unwrap_or(DEFAULT_SCENARIO);
    Scenario::load(name)
        .map_err(|error| Refusal::config(error.to_string(), "name a built-in scenario or the path of a scenario file"))
}

async fn start(listen: SocketAddr, world: World) -> Result<Sim, Refusal> {
    Sim::start(listen, world)
        .await
        .map_err(|error| Refusal::failed(error.to_string(), "choose a free port on 127.0.0.1, or port 0"))
}

/// `ssmwatch sim`: only the simulated AWS, until SIGINT or SIGTERM.
pub(super) async fn serve(options: &cli::Sim) -> Result<ExitCode, Refusal> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let scenario = scenario(&options.world)?;
    let seed = options.world.seed.unwrap_or(DEFAULT_SEED);
    let world = World::new(&scenario, seed, options.speed, Timestamp::now());
    let summary = serde_json::to_string(&world.summary())
        .map_err(|error| Refusal::failed(format!("the summary cannot be written: {error}"), "report this"))?;
    let sim = start(options.listen, world).await?;
    super::print(&format!("listening on http://{}\n{summary}\n", sim.addr));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    sim.stop().await;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::QuarantineMethod;

    #[test]
    fn every_built_in_scenario_has_a_policy_for_quarantine_and_the_demo_uses_it() {
        for name in ["default", "quiet", "troubled"] {
            let scenario = Scenario::load(name).unwrap();
            let world = World::new(&scenario, 1, 1.0, Timestamp::now());
            let config = configured_for(&world.summary(), &scenario, Config::default()).ok().unwrap();
            let QuarantineMethod::ServiceControlPolicy { policy_id } = config.response.quarantine.unwrap().method()
            else {
                unreachable!("by policy")
            };
            assert!(world.control_policies.by_id.contains_key(&policy_id), "{name}: {policy_id}");
            assert!(!world.control_policies.attached.values().flatten().any(|id| *id == policy_id), "{name}");
        }
    }
}
