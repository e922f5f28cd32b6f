//! Which service, operation and protocol a request is for.

use hyper::http::Method;

use super::{auth::Credential, request::Request, rest};

/// The services of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Systems Manager.
    Ssm,
    /// CloudWatch Logs.
    Logs,
    /// CloudTrail.
    CloudTrail,
    /// Organizations.
    Organizations,
    /// Resource Groups Tagging.
    Tagging,
    /// CloudWatch metrics.
    CloudWatch,
    /// Simple Notification Service.
    Sns,
    /// Security Token Service.
    Sts,
    /// Identity and Access Management.
    Iam,
    /// Simple Storage Service.
    S3,
    /// Any that is not simulated.
    Other,
}

impl Service {
    /// Name for people and for selectors of faults and throttles: the service of an IAM action in most cases.
    pub fn name(self) -> &'static str {
        match self {
            Service::Ssm => "ssm",
            Service::Logs => "logs",
            Service::CloudTrail => "cloudtrail",
            Service::Organizations => "organizations",
            Service::Tagging => "tagging",
            Service::CloudWatch => "cloudwatch",
            Service::Sns => "sns",
            Service::Sts => "sts",
            Service::Iam => "iam",
            Service::S3 => "s3",
            Service::Other => "other",
        }
    }

    /// The service of a signature's scope.
    pub fn signing_name(self) -> Option<&'static str> {
        match self {
            Service::CloudWatch => Some("monitoring"),
            Service::Other => None,
            other => Some(other.name()),
        }
    }

    /// Whether a selector (`ssm`, `monitoring`, `resourcegroupstaggingapi`, `*`, …) means this service.
    pub fn is_selected_by(self, selector: &str) -> bool {
        let alias = match self {
            Service::CloudWatch => ["monitoring", "cloudwatch"],
            Service::Tagging => ["tag", "resourcegroupstaggingapi"],
            _ => ["", ""],
        };
        selector == "*" || selector == self.name() || (!selector.is_empty() && alias.contains(&selector))
    }

    /// XML namespace of the query protocol's answers.
    pub fn xml_namespace(self) -> &'static str {
        match self {
            Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Service::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Service::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
            Service::Sns => "http://sns.amazonaws.com/doc/2010-03-31/",
            _ => "http://webservices.amazon.com/AWSFault/2005-15-09",
        }
    }

    /// The service of a JSON target prefix or of the service name in an RPC v2 path.
    fn of_target(prefix: &str) -> Service {
        match prefix {
            "AmazonSSM" => Service::Ssm,
            "Logs_20140328" => Service::Logs,
            // The short name is that of newer Smithy SDKs, the long one is botocore's.
            "CloudTrail_20131101" | "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101" => Service::CloudTrail,
            "AWSOrganizationsV20161128" => Service::Organizations,
            "ResourceGroupsTaggingAPI_20170126" => Service::Tagging,
            "GraniteServiceVersion20100801" => Service::CloudWatch,
            _ => Service::Other,
        }
    }

    fn of_signing_name(name: &str) -> Option<Service> {
        [
            Service::Ssm,
            Service::Logs,
            Service::CloudTrail,
            Service::Organizations,
            Service::Tagging,
            Service::CloudWatch,
            Service::Sns,
            Service::Sts,
            Service::Iam,
            Service::S3,
        ]
        .into_iter()
        .find(|service| service.signing_name() == Some(name))
    }

    fn of_version(version: &str) -> Service {
        match version {
            "2011-06-15" => Service::Sts,
            "2010-05-08" => Service::Iam,
            "2010-03-31" => Service::Sns,
            "2010-08-01" => Service::CloudWatch,
            _ => Service::Other,
        }
    }
}

/// How a request was written and its answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson 1.0.
    Json10,
    /// awsJson 1.1.
    Json11,
    /// Smithy RPC v2 CBOR.
    Cbor,
    /// awsQuery.
    Query,
    /// EC2's dialect of awsQuery; only its errors are needed.
    Ec2Query,
    /// restJson of a service that is not simulated; only its errors are needed.
    RestJson,
    /// restXml as S3 does it.
    S3,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The service.
    pub service: Service,
    /// The operation's name; empty if the request names none.
    pub operation: String,
    /// The protocol.
    pub protocol: Protocol,
    /// API version of a query request.
    pub version: String,
}

impl Route {
    /// Reads the route off a request; every request has one.
    pub fn of(request: &Request, credential: Option<&Credential>) -> Route {
        let scope = credential.map(|credential| credential.service.as_str()).unwrap_or_default();
        if let Some((prefix, operation)) = rpc_path(&request.path) {
            return Route::new(Service::of_target(prefix), operation, Protocol::Cbor);
        }
        if let Some(target) = request.header("x-amz-target") {
            let (prefix, operation) = target.rsplit_once('.').unwrap_or((target, ""));
            let old = request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-amz-json-1.0"));
            let protocol = if old { Protocol::Json10 } else { Protocol::Json11 };
            return Route::new(Service::of_target(prefix), operation, protocol);
        }
        if scope != "s3" {
            if let Some(route) = query_route(request, scope) {
                return route;
            }
            match Service::of_signing_name(scope) {
                Some(service @ (Service::Sts | Service::Iam | Service::Sns)) => {
                    return Route::new(service, "", Protocol::Query);
                }
                Some(service) if service != Service::S3 => return Route::new(service, "", Protocol::Json11),
                None if !scope.is_empty() => {
                    let protocol = if scope == "ec2" { Protocol::Ec2Query } else { Protocol::RestJson };
                    return Route::new(Service::Other, "", protocol);
                }
                _ => {}
            }
        }
        Route::new(Service::S3, rest::operation(request), Protocol::S3)
    }

    fn new(service: Service, operation: &str, protocol: Protocol) -> Route {
        Route { service, operation: operation.to_owned(), protocol, version: String::new() }
    }
}

/// The service and operation of `…/service/NAME/operation/NAME`.
fn rpc_path(path: &str) -> Option<(&str, &str)> {
    let (_, rest) = path.split_once("/service/")?;
    let (service, operation) = rest.split_once("/operation/")?;
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.".contains(letter))
    };
    (plain(service) && plain(operation)).then_some((service, operation))
}

fn query_route(request: &Request, scope: &str) -> Option<Route> {
    if request.method != Method::GET && request.method != Method::POST {
        return None;
    }
    let form = request.form();
    let find = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let operation = find("Action")?;
    let version = find("Version").unwrap_or_default();
    let service = match scope {
        "" => Service::of_version(&version),
        scope => Service::of_signing_name(scope).unwrap_or(Service::Other),
    };
    let protocol = if scope == "ec2" { Protocol::Ec2Query } else { Protocol::Query };
    Some(Route { service, operation, protocol, version })
}
