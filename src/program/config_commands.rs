//! Commands that ask AWS nothing: config, iam-policy.

use std::process::ExitCode;

use super::{Refusal, print, setup};
use crate::{
    aws::{DESCRIBE_POLICY, LIST_POLICIES, quarantine_actions, required_actions},
    cli::{Cli, ConfigCommand},
    config,
    domain::{QuarantineMethod, ScopeId},
    report::iam_policy as policy_json,
};

pub(super) fn config(cli: &Cli, command: Option<ConfigCommand>) -> Result<ExitCode, Refusal> {
    let path = match &cli.global.config {
        Some(path) => path.clone(),
        None => config::default_path().map_err(|error| Refusal::config(error.to_string(), error.to_do()))?,
    };
    match command.unwrap_or(ConfigCommand::Show) {
        ConfigCommand::Init => {
            config::write_template(&path).map_err(|error| Refusal::failed(error.to_string(), error.to_do()))?;
            Ok(print(&format!("wrote {}\n", path.display())))
        }
        ConfigCommand::Path => Ok(print(&format!("{}\n", path.display()))),
        ConfigCommand::Show => Ok(print(&setup::settings(cli)?.show())),
        ConfigCommand::Check => {
            let checked = setup::settings(cli).and_then(setup::honored).and_then(|settings| {
                let (engine, _) = super::detecting::both(&settings)?;
                setup::check_response(&settings, &engine)?;
                setup::themes(&settings)?;
                Ok(settings)
            });
            // The contract: a config that is asked about and is wrong answers 1.
            let settings = checked.map_err(|refusal| Refusal { code: 1, ..refusal })?;
            Ok(print(&format!("ok\n{}\n", settings.config.summary())))
        }
    }
}

pub(super) fn iam_policy(cli: &Cli) -> Result<ExitCode, Refusal> {
    let settings = setup::settings(cli)?;
    let config = &settings.config;
    let mut permissions: Vec<(&str, String)> = Vec::new();
    for required in required_actions() {
        if required.acts && config.read_only {
            continue;
        }
        match required.action {
            "sts:AssumeRole" => {
                let roles = config.accounts.iter().filter_map(|account| account.role_arn.clone());
                permissions.extend(roles.map(|role| ("sts:AssumeRole", role)));
            }
            "logs:StartLiveTail" if !config.poll.live_tail => {}
            "s3:GetObject" | "s3:ListBucket" => {
                let buckets = buckets(&settings);
                let suffix = if required.action == "s3:GetObject" { "/*" } else { "" };
                permissions.extend(
                    buckets.into_iter().map(|bucket| (required.action, format!("arn:aws:s3:::{bucket}{suffix}"))),
                );
            }
            "sns:Publish" => {
                let topics = [&config.alerts.member_topic, &config.alerts.central_topic];
                for topic in topics.into_iter().flatten() {
                    let arn = topic.as_str().replace("{region}", "*").replace("{account}", "*");
                    permissions.push(("sns:Publish", arn));
                }
            }
            action => permissions.push((action, "*".to_owned())),
        }
    }
    if let Some(quarantine) = config.response.quarantine.as_ref().filter(|_| !config.read_only) {
        permissions.extend(for_quarantine(quarantine, config));
    }
    let permissions = permissions.iter().map(|(action, resource)| (*action, resource.as_str()));
    let text = policy_json(permissions)
        .map_err(|error| Refusal::failed(format!("the policy cannot be written: {error}"), "report this"))?;
    Ok(print(&text))
}

/// What quarantine needs: on the configured policy and accounts in the management account, or on the roles of each account.
fn for_quarantine(quarantine: &config::Quarantine, config: &config::Config) -> Vec<(&'static str, String)> {
    const ORGANIZATIONS: &str = "arn:aws:organizations::*";
    let method = quarantine.method();
    let mut permissions = Vec::new();
    for required in quarantine_actions(&method) {
        let mut on = |resource: String| permissions.push((required.action, resource));
        match &method {
            QuarantineMethod::RevokeRoleSessions => on("arn:aws:iam::*:role/*".to_owned()),
            QuarantineMethod::ServiceControlPolicy { policy_id } => {
                // docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
                if required.action != LIST_POLICIES {
                    on(format!("{ORGANIZATIONS}:policy/*/service_control_policy/{policy_id}"));
                }
                if required.action != DESCRIBE_POLICY {
                    let ids = config.accounts.iter().map(|account| account.id.as_str());
                    let any = config.accounts.is_empty().then_some("*");
                    ids.chain(any).for_each(|account| on(format!("{ORGANIZATIONS}:account/*/{account}")));
                }
            }
        }
    }
    permissions.extend(quarantine.role_arn.clone().map(|role| ("sts:AssumeRole", role)));
    permissions
}

/// The archive buckets of all scopes; without one in the config any bucket that a preferences document may name.
fn buckets(settings: &config::Settings) -> Vec<String> {
    let Some(bucket) = &settings.config.compliance.log_bucket else { return vec!["*".to_owned()] };
    let mut names: Vec<String> = settings
        .config
        .accounts
        .iter()
        .flat_map(|account| {
            account.regions.iter().map(|region| bucket.fill(&ScopeId::new(account.id.clone(), region.clone())))
        })
        .collect();
    if names.is_empty() {
        names.push(bucket.as_str().replace("{region}", "*").replace("{account}", "*"));
    }
    names.sort();
    names.dedup();
    names
}
