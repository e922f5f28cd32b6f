//! Alerts out: topics and metrics.

use std::{collections::BTreeMap, time::Instant};

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_sdk_sns::types::MessageAttributeValue;

use super::{
    failure::{classify, other},
    fleet::Fleet,
    held::judged,
    scope::ScopeClient,
};
use crate::domain::{AccountId, Failure, Region, ScopeId};

const PUBLISH: &str = "sns:Publish";
const METRICS: &str = "cloudwatch:PutMetricData";

/// One count of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Dimensions, by name.
    pub dimensions: Vec<(String, String)>,
    /// How many.
    pub count: f64,
}

impl Fleet {
    /// Publishes to a topic, in the region that its ARN names: with the credentials of the topic's account if that is one of ours, else with
    /// those of the scope `from` (the topic's policy then has to allow it). The message's id comes back.
    ///
    /// # Errors
    /// A classified failure; an ARN that names no region.
    pub async fn publish(
        &self,
        from: &ScopeId,
        topic_arn: &str,
        subject: &str,
        body: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<String, Failure> {
        let (account, region) =
            topic_home(topic_arn).ok_or_else(|| other(PUBLISH, &format!("{topic_arn:?} is not a topic's ARN")))?;
        let home = ScopeId { account, region };
        let counted = self.scope(from);
        let (client, held) = match self.scope(&home) {
            Some(scope) => (scope.sns.clone(), scope.held.clone()),
            None => {
                let (sdk, held) = self
                    .account(&home.account, &home.region)
                    .or_else(|| self.account(&from.account, &home.region))
                    .ok_or_else(|| other(PUBLISH, &format!("account {} is not configured", from.account)))?;
                (aws_sdk_sns::Client::new(&sdk), held)
            }
        };
        let mut request = client.publish().topic_arn(topic_arn).subject(subject).message(body);
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| other(PUBLISH, &error.to_string()))?;
            request = request.message_attributes(name, value);
        }
        let began = Instant::now();
        let answer = Box::pin(request.send()).await.map_err(|error| judged(classify(PUBLISH, &error), &held, began));
        if let Some(scope) = counted {
            scope.count(PUBLISH, answer.as_ref().err());
        }
        match answer?.message_id {
            Some(id) if !id.is_empty() => Ok(id),
            _ => Err(other(PUBLISH, "the service accepted the message without an id")),
        }
    }
}

impl ScopeClient {
    /// Adds counts to metrics of the scope's account and region.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn put_metrics(&self, namespace: &str, metrics: &[Metric]) -> Result<(), Failure> {
        let data = metrics.iter().map(|metric| {
            let dimensions =
                metric.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build());
            MetricDatum::builder()
                .metric_name(&metric.name)
                .set_dimensions((!metric.dimensions.is_empty()).then(|| dimensions.collect()))
                .value(metric.count)
                .unit(StandardUnit::Count)
                .build()
        });
        let request = self.metrics.put_metric_data().namespace(namespace).set_metric_data(Some(data.collect()));
        self.send(METRICS, request.send()).await.map(drop)
    }
}

/// Account and region of a topic's ARN.
fn topic_home(arn: &str) -> Option<(AccountId, Region)> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "sns", region, account, name] if ![region, account, name].iter().any(|part| part.is_empty()) => {
            Some(((*account).into(), (*region).into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_account_and_region() {
        assert_eq!(
            topic_home("arn:aws:sns:eu-central-1:444455556666:CentralAlarm"),
            Some(("444455556666".into(), "eu-central-1".into()))
        );
        assert_eq!(topic_home("arn:aws:sqs:eu-central-1:444455556666:q"), None);
        assert_eq!(topic_home("CentralAlarm"), None);
    }
}
