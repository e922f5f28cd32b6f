//! One account in one region: its clients, its counters.

use std::{
    collections::HashMap,
    error::Error,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use aws_config::SdkConfig;
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;

use super::{
    failure::classify,
    held::{HeldCredentials, judged},
};
use crate::domain::{ApiCount, Failure, FailureClass, ScopeId};

/// The clients of one scope. All operations answer domain values or a classified [`Failure`], and each request is counted.
#[derive(Debug)]
pub struct ScopeClient {
    pub(super) id: ScopeId,
    pub(super) name: Arc<str>,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) metrics: aws_sdk_cloudwatch::Client,
    pub(super) sns: aws_sdk_sns::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) cloudtrail: aws_sdk_cloudtrail::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) tagging: aws_sdk_resourcegroupstagging::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) bucket_regions: Mutex<HashMap<String, String>>,
    pub(super) held: HeldCredentials,
    pub(super) held_for_archive: HeldCredentials,
    counts: Mutex<HashMap<&'static str, ApiCount>>,
}

/// SDK settings, and the credentials in them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub sdk: &'a SdkConfig,
    pub held: &'a HeldCredentials,
}

impl ScopeClient {
    /// Builds the clients; nothing is sent. `archive` has the credentials that read the log archive.
    pub(super) fn new(id: ScopeId, name: Arc<str>, own: Signed<'_>, archive: Signed<'_>) -> Self {
        let (held, held_for_archive) = (own.held.clone(), archive.held.clone());
        let (sdk, archive) = (own.sdk, archive.sdk);
        // The SDK's retry budget is shared by all clients of a service and region, of whatever account: one throttled account would take the
        // retries of all. A partition of its own for each scope and service keeps them apart.
        let partition =
            |service: &str| RetryPartition::custom(format!("{service}-{}-{}", id.account, id.region)).build();
        // Virtual-hosted bucket names cannot be resolved below a loopback or private endpoint.
        let path_style = archive.endpoint_url().is_some();
        Self {
            ssm: aws_sdk_ssm::Client::from_conf(
                aws_sdk_ssm::config::Builder::from(sdk).retry_partition(partition("ssm")).build(),
            ),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(
                aws_sdk_cloudwatchlogs::config::Builder::from(sdk).retry_partition(partition("logs")).build(),
            ),
            metrics: aws_sdk_cloudwatch::Client::from_conf(
                aws_sdk_cloudwatch::config::Builder::from(sdk).retry_partition(partition("monitoring")).build(),
            ),
            sns: aws_sdk_sns::Client::from_conf(
                aws_sdk_sns::config::Builder::from(sdk).retry_partition(partition("sns")).build(),
            ),
            iam: aws_sdk_iam::Client::from_conf(
                aws_sdk_iam::config::Builder::from(sdk).retry_partition(partition("iam")).build(),
            ),
            cloudtrail: aws_sdk_cloudtrail::Client::from_conf(
                aws_sdk_cloudtrail::config::Builder::from(sdk).retry_partition(partition("cloudtrail")).build(),
            ),
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(archive)
                    .force_path_style(path_style)
                    .retry_partition(partition("s3"))
                    .build(),
            ),
            tagging: aws_sdk_resourcegroupstagging::Client::from_conf(
                aws_sdk_resourcegroupstagging::config::Builder::from(sdk).retry_partition(partition("tagging")).build(),
            ),
            sts: aws_sdk_sts::Client::from_conf(
                aws_sdk_sts::config::Builder::from(sdk).retry_partition(partition("sts")).build(),
            ),
            bucket_regions: Mutex::new(HashMap::new()),
            held,
            held_for_archive,
            counts: Mutex::new(HashMap::new()),
            id,
            name,
        }
    }

    /// Which scope this is.
    pub fn id(&self) -> &ScopeId {
        &self.id
    }

    /// The account's name for people.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Requests since the start, by IAM action.
    pub fn counts(&self) -> HashMap<&'static str, ApiCount> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a request, counts it, classifies its failure.
    pub(super) async fn send<T, E>(
        &self,
        action: &'static str,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let began = Instant::now();
        // The SDK's futures are large: on the heap they do not add up where several are awaited together.
        let answer = Box::pin(request).await.map_err(|error| judged(classify(action, &error), &self.held, began));
        self.count(action, answer.as_ref().err());
        answer
    }

    pub(super) fn count(&self, action: &'static str, failure: Option<&Failure>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(action).or_default();
        count.calls += 1;
        match failure.map(|failure| failure.class) {
            None => {}
            Some(FailureClass::Throttled) => count.throttled += 1,
            Some(_) => count.failed += 1,
        }
    }

    /// Who the scope's credentials are: account and ARN.
    ///
    /// # Errors
    /// A classified failure; GetCallerIdentity itself needs no permission.
    pub async fn caller(&self) -> Result<(String, Arc<str>), Failure> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let caller = self.send(ACTION, self.sts.get_caller_identity().send()).await?;
        match (caller.account, caller.arn) {
            (Some(account), Some(arn)) if !account.is_empty() => Ok((account, arn.into())),
            _ => Err(super::failure::other(ACTION, "the answer names no account")),
        }
    }
}

/// An SDK time stamp, rounded to milliseconds: the SDK's JSON parser truncates fractions (`.123` becomes `.122999`).
pub(super) fn timestamp(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    let nanos = time.as_nanos();
    Timestamp::from_millisecond(i64::try_from((nanos + 500_000).div_euclid(1_000_000)).ok()?).ok()
}

/// Milliseconds since 1970, as CloudWatch Logs counts.
pub(super) fn from_millis(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn truncated_fractions_are_rounded() {
        let time = aws_smithy_types::DateTime::from_secs_and_nanos(1_700_000_000, 122_999_000);
        assert_eq!(timestamp(&time).unwrap().as_millisecond(), 1_700_000_000_123);
        let early = aws_smithy_types::DateTime::from_secs_and_nanos(-1, 500_000_000);
        assert_eq!(timestamp(&early).unwrap().as_millisecond(), -500);
    }
}
