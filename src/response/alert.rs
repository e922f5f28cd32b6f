//! Sending an alert: each destination by itself, so that one that fails hides no other.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::terminate::{failure_advice, failure_words};
use crate::{
    aws::{Fleet, Metric, ScopeClient},
    config::Template,
    domain::{ActOutcome, AlertBody, AlertDestination, Failure, ScopeId, Session},
    report::Alert,
};

/// Where alerts and metrics go.
#[derive(Debug, Clone, Default)]
pub struct AlertTargets {
    /// The topic in the session's account, with `{region}` and `{account}`.
    pub member_topic: Option<Template>,
    /// The organization's topic.
    pub central_topic: Option<Template>,
    /// Namespace of the metrics.
    pub metric_namespace: String,
}

/// Sends an alert to one destination; the outcome is that destination's alone.
pub async fn send(
    fleet: &Fleet,
    targets: &AlertTargets,
    destination: AlertDestination,
    session: &Session,
    body: &AlertBody,
    alert: &Alert,
) -> ActOutcome {
    let scope = &session.key.scope;
    let template = match destination {
        AlertDestination::MemberTopic => &targets.member_topic,
        AlertDestination::CentralTopic => &targets.central_topic,
        AlertDestination::Metrics => {
            let Some(client) = fleet.scope(scope) else { return not_configured(scope) };
            let rule = body.finding.as_ref().map_or("MANUAL", |finding| finding.rule.as_str());
            let dimensions = [("Account", scope.account.as_str()), ("Region", scope.region.as_str()), ("Rule", rule)];
            let dimensions = dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            let metric = Metric { name: "NonCompliantSSMSessions".into(), dimensions, count: 1.0 };
            return put_metric(&client, &targets.metric_namespace, metric).await;
        }
    };
    let Some(template) = template else {
        return ActOutcome::Failed {
            what: format!("no {} is configured", destination.word()),
            to_do: "Set it under [alerts] in the config".into(),
        };
    };
    let began = Instant::now();
    let attributes: BTreeMap<String, String> =
        alert.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    match fleet.publish(scope, &template.fill(scope), &alert.subject, &alert.body, &attributes).await {
        Ok(message) => done(began, format!("message {message}")),
        Err(failure) => failed(&failure),
    }
}

/// Puts one metric of a scope.
pub async fn put_metric(client: &ScopeClient, namespace: &str, metric: Metric) -> ActOutcome {
    let began = Instant::now();
    let name = metric.name.clone();
    match client.put_metrics(namespace, &[metric]).await {
        Ok(()) => done(began, format!("{name} counted")),
        Err(failure) => failed(&failure),
    }
}

fn done(began: Instant, proof: String) -> ActOutcome {
    ActOutcome::Done { took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), proof }
}

fn failed(failure: &Failure) -> ActOutcome {
    ActOutcome::Failed { what: failure_words(failure), to_do: failure_advice(failure) }
}

fn not_configured(scope: &ScopeId) -> ActOutcome {
    ActOutcome::Failed {
        what: format!("{scope} is not configured any more"),
        to_do: "Restart with that account and region in the config".into(),
    }
}
