//! What goes into the outbox: an alert for each of its destinations, the metric of a termination.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    config::Template,
    domain::{ActId, Alert, AlertDestination, Content, Parcel, ScopeId, Session, SessionKey, Severity},
    report::AlertMessage,
};

/// Count 1, no dimensions: name and shape are those that alarms of the reference guardrail are built on.
const TERMINATED: &str = "TerminatedSSMSessions";
/// With the dimensions Account, Region and Rule.
const NON_COMPLIANT: &str = "NonCompliantSSMSessions";

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

/// The parcels of an alert that was just raised, one a destination, in the order of the destinations. `home` is the scope whose
/// credentials send what is about no scope; `act` raised it by hand, and its steps are the destinations.
///
/// # Errors
/// The message cannot be written as JSON.
pub fn parcels_of(
    targets: &AlertTargets,
    alert: &Alert,
    session: Option<&Session>,
    home: &ScopeId,
    act: Option<ActId>,
) -> serde_json::Result<Vec<Parcel>> {
    let message = AlertMessage::new(alert, session)?;
    let scope = alert.subject.scope().unwrap_or(home);
    let attributes: BTreeMap<String, String> =
        message.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let content = |destination| {
        let topic = match destination {
            AlertDestination::MemberTopic => targets.member_topic.as_ref(),
            AlertDestination::CentralTopic => targets.central_topic.as_ref(),
            AlertDestination::Metrics => {
                let rule = alert.rule.as_str();
                let dimensions =
                    [("Account", scope.account.as_str()), ("Region", scope.region.as_str()), ("Rule", rule)];
                return Some(Content::Metric {
                    namespace: targets.metric_namespace.clone(),
                    name: NON_COMPLIANT.to_owned(),
                    dimensions: dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
                });
            }
        };
        topic.map(|topic| Content::Message {
            topic: topic.fill(scope),
            subject: message.subject.clone(),
            body: message.body.clone(),
            attributes: attributes.clone(),
        })
    };
    let parcel = |(step, destination): (usize, &AlertDestination)| {
        let content = content(*destination)?;
        Some(Parcel {
            key: format!("{}#{}:{}", alert.id, alert.occurrence, destination.word()),
            alert: Some(alert.id.clone()),
            act: act.map(|act| (act, step)),
            destination: *destination,
            scope: scope.clone(),
            severity: alert.severity,
            content,
            created_at: Timestamp::now(),
        })
    };
    Ok(alert.deliveries.keys().enumerate().filter_map(parcel).collect())
}

/// The metric of a proven end: once a session, whoever proved it and how often.
pub fn termination(namespace: &str, session: &SessionKey, act: ActId, step: usize) -> Parcel {
    Parcel {
        key: format!("terminated:{session}"),
        alert: None,
        act: Some((act, step)),
        destination: AlertDestination::Metrics,
        scope: session.scope.clone(),
        severity: Severity::Informational,
        content: Content::Metric {
            namespace: namespace.to_owned(),
            name: TERMINATED.to_owned(),
            dimensions: Vec::new(),
        },
        created_at: Timestamp::now(),
    }
}
