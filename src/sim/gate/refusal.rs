//! How each service words a throttle and a missing permission.

use super::Visitor;
use crate::sim::{
    error::AwsError,
    wire::route::{Protocol, Route, Service},
};

/// A service's own way to say that the rate is exceeded.
pub fn throttled(route: &Route) -> AwsError {
    match (route.service, route.protocol) {
        (Service::S3, _) => AwsError::client("SlowDown", "Please reduce your request rate.").with_status(503),
        (Service::Tagging, _) => AwsError::client("ThrottledException", "Rate exceeded"),
        (Service::Organizations, _) => AwsError::client(
            "TooManyRequestsException",
            "AWS Organizations can't complete your request because another request is already in progress. Try again later.",
        ),
        (Service::CloudWatch, _) | (_, Protocol::Query | Protocol::Ec2Query) => {
            AwsError::client("Throttling", "Rate exceeded")
        }
        _ => AwsError::client("ThrottlingException", "Rate exceeded"),
    }
}

/// The IAM action that an operation needs, as refusals name it.
pub fn iam_action(route: &Route) -> String {
    let operation = route.operation.as_str();
    let (service, action) = match route.service {
        Service::S3 => {
            let action = match operation {
                "HeadObject" | "GetObject" => "GetObject",
                "ListObjects" | "ListObjectsV2" | "HeadBucket" => "ListBucket",
                "ListBuckets" => "ListAllMyBuckets",
                "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
                "ListParts" => "ListMultipartUploadParts",
                other => other,
            };
            ("s3", action)
        }
        Service::Tagging => ("tag", operation),
        Service::Sns => ("SNS", operation),
        other => (other.name(), operation),
    };
    format!("{service}:{action}")
}

/// The refusal of a caller without the permission, worded as the service does.
pub fn denied(visitor: &Visitor<'_>) -> AwsError {
    let action = iam_action(visitor.route);
    let resource = resource(visitor).map(|arn| format!(" on resource: {arn}")).unwrap_or_default();
    let message = format!(
        "User: {} is not authorized to perform: {action}{resource} because no identity-based policy allows the {action} action",
        visitor.caller.arn
    );
    match (visitor.route.service, visitor.route.protocol) {
        (Service::Sns, _) => AwsError::client("AuthorizationError", message).with_status(403),
        (Service::CloudWatch, Protocol::Query) => AwsError::client("AccessDenied", message).with_status(403),
        (Service::CloudWatch, _) => AwsError::client("AccessDenied", message),
        (_, Protocol::Query | Protocol::Ec2Query | Protocol::S3) => {
            AwsError::client("AccessDenied", message).with_status(403)
        }
        _ => AwsError::client("AccessDeniedException", message),
    }
}

/// The refusal of a caller whom a service control policy of the organization forbids the action.
/// Words: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
pub fn denied_by_organization(visitor: &Visitor<'_>) -> AwsError {
    let error = denied(visitor);
    let (because, explicit) =
        ("because no identity-based policy allows", "with an explicit deny in a service control policy");
    let message = match error.message.split_once(because) {
        Some((before, _)) => format!("{before}{explicit}"),
        None => error.message.clone(),
    };
    AwsError { message, ..error }
}

/// The resource of a refusal; none where the service names none.
fn resource(visitor: &Visitor<'_>) -> Option<String> {
    let (account, region, input) = (&visitor.caller.account, visitor.region, visitor.input);
    let operation = visitor.route.operation.as_str();
    let group = || {
        let name = input.text("logGroupName").map(str::to_owned).or_else(|| {
            let identifier = input.text("logGroupIdentifier")?;
            Some(identifier.rsplit_once(":log-group:").map_or(identifier, |(_, name)| name).to_owned())
        });
        name.unwrap_or_default()
    };
    Some(match visitor.route.service {
        Service::Ssm => match operation {
            "GetDocument" | "DescribeDocument" | "DescribeDocumentPermission" => {
                format!("arn:aws:ssm:{region}:{account}:document/{}", input.text("Name").unwrap_or_default())
            }
            "TerminateSession" | "ResumeSession" => {
                format!("arn:aws:ssm:{region}:{account}:session/{}", input.text("SessionId").unwrap_or_default())
            }
            "StartSession" | "GetConnectionStatus" => match input.text("Target").unwrap_or_default() {
                node if node.starts_with("mi-") => format!("arn:aws:ssm:{region}:{account}:managed-instance/{node}"),
                node => format!("arn:aws:ec2:{region}:{account}:instance/{node}"),
            },
            _ => format!("arn:aws:ssm:{region}:{account}:*"),
        },
        Service::Logs => match operation {
            "GetLogEvents" | "PutLogEvents" => format!(
                "arn:aws:logs:{region}:{account}:log-group:{}:log-stream:{}",
                group(),
                input.text("logStreamName").unwrap_or_default()
            ),
            _ => format!("arn:aws:logs:{region}:{account}:log-group:{}:log-stream:", group()),
        },
        Service::Iam => {
            if let Some(name) = input.text("RoleName") {
                format!("role {name}")
            } else if let Some(arn) = input.text("PolicyArn") {
                format!("policy {arn}")
            } else if let Some(name) = input.text("InstanceProfileName") {
                format!("instance profile {name}")
            } else {
                format!("arn:aws:iam::{account}:*")
            }
        }
        Service::Sns => {
            let topic = input.text("TopicArn").or_else(|| input.text("TargetArn"));
            topic.map_or_else(|| format!("arn:aws:sns:{region}:{account}:*"), str::to_owned)
        }
        Service::Sts => input.text("RoleArn").unwrap_or("*").to_owned(),
        Service::S3 => {
            let bucket = input.text("Bucket")?;
            match input.text("Key") {
                Some(key) => format!("\"arn:aws:s3:::{bucket}/{key}\""),
                None => format!("\"arn:aws:s3:::{bucket}\""),
            }
        }
        Service::Organizations => "*".to_owned(),
        Service::CloudTrail => format!("arn:aws:cloudtrail:{region}:{account}:*"),
        Service::CloudWatch | Service::Tagging | Service::Other => return None,
    })
}
