//! How many requests a second AWS takes.

use crate::sim::wire::route::Service;

/// Requests a second that AWS documents for an account and region; where it documents none, a figure of the order that
/// is seen in practice.
///
/// Sources: the service quota pages of Systems Manager, CloudWatch Logs, CloudWatch, SNS, CloudTrail and IAM/STS.
pub(super) fn published_rate(service: Service, operation: &str, region: &str) -> f64 {
    const SLOW_LOGS: &[&str] =
        &["us-west-2", "eu-west-1", "eu-central-1", "ca-west-1", "il-central-1", "ap-northeast-3", "ap-southeast-3"];
    const SLOWEST_LOGS: &[&str] = &["eu-central-1", "ca-west-1", "il-central-1", "ap-northeast-3", "ap-southeast-3"];
    match (service, operation) {
        (Service::Ssm, "DescribeSessions" | "TerminateSession" | "ResumeSession") => 6.0,
        (Service::Ssm, "StartSession") => 3.0,
        (Service::Ssm, "GetConnectionStatus") => 50.0,
        (Service::Ssm, _) => 40.0,
        (Service::Logs, "GetLogEvents") if SLOW_LOGS.contains(&region) => 10.0,
        (Service::Logs, "GetLogEvents") if region == "eu-west-3" => 30.0,
        (Service::Logs, "GetLogEvents" | "DescribeLogStreams") => 25.0,
        (Service::Logs, "FilterLogEvents") if region == "us-east-1" => 25.0,
        (Service::Logs, "FilterLogEvents") if SLOWEST_LOGS.contains(&region) => 5.0,
        (Service::Logs, "FilterLogEvents" | "DescribeLogGroups") => 10.0,
        (Service::Logs, "StartLiveTail") => 5.0,
        (Service::Logs, "PutLogEvents") => 5000.0,
        (Service::Logs, _) => 10.0,
        (Service::CloudTrail, "LookupEvents") => 2.0,
        (Service::CloudTrail, _) => 10.0,
        (Service::CloudWatch, "PutMetricData") => 500.0,
        (Service::CloudWatch, "GetMetricStatistics") => 400.0,
        (Service::CloudWatch, "GetMetricData") => 50.0,
        (Service::CloudWatch, _) => 25.0,
        (Service::Sns, "Publish") => match region {
            "us-east-1" => 30_000.0,
            "us-west-2" | "eu-west-1" => 9_000.0,
            "us-east-2" | "us-west-1" | "ap-south-1" | "ap-northeast-2" | "ap-southeast-1" | "ap-southeast-2"
            | "ap-northeast-1" | "eu-central-1" => 1_500.0,
            _ => 300.0,
        },
        (Service::Sns, _) => 30.0,
        (Service::Sts, _) => 600.0,
        (Service::Iam, _) => 60.0,
        (Service::Organizations, _) => 20.0,
        (Service::Tagging, _) => 20.0,
        (Service::S3, "PutObject" | "DeleteObject") => 3_500.0,
        (Service::S3, _) => 5_500.0,
        (Service::Other, _) => 1_000.0,
    }
}
