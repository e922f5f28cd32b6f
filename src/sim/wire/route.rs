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

    /// API version of those that speak the query protocol.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Service::Sts => Some("2011-06-15"),
            Service::Iam => Some("2010-05-08"),
            Service::Sns => Some("2010-03-31"),
            Service::CloudWatch => Some("2010-08-01"),
            _ => None,
        }
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
        if scope != "s3"
            && let Some((prefix, operation)) = rpc_path(&request.path)
        {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use hyper::http::{HeaderValue, Request as HttpRequest};
    use proptest::prelude::*;

    use super::*;

    fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let mut builder = HttpRequest::builder().method(method).uri(path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        Request::new(builder.body(()).unwrap().into_parts().0, Bytes::copy_from_slice(body.as_bytes()))
    }

    fn signed(scope: &str) -> Credential {
        Credential {
            access_key_id: "111122223333".into(),
            region: "eu-central-1".into(),
            service: scope.into(),
            token: None,
        }
    }

    fn routed(request: &Request, scope: &str) -> (Service, String, Protocol) {
        let route = Route::of(request, Some(&signed(scope)));
        (route.service, route.operation, route.protocol)
    }

    #[test]
    fn targets_paths_actions_and_scopes_lead_to_their_services() {
        let json = |target: &str| request("POST", "/", &[("x-amz-target", target)], "{}");
        for target in
            ["CloudTrail_20131101.LookupEvents", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"]
        {
            let expected = (Service::CloudTrail, "LookupEvents".to_owned(), Protocol::Json11);
            assert_eq!(routed(&json(target), "cloudtrail"), expected);
        }
        let cbor = request("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", &[], "");
        assert_eq!(routed(&cbor, "monitoring"), (Service::CloudWatch, "PutMetricData".into(), Protocol::Cbor));
        let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let query = request("POST", "/", &form, "Action=GetRole&Version=2010-05-08&RoleName=R");
        assert_eq!(routed(&query, "iam"), (Service::Iam, "GetRole".into(), Protocol::Query));
        let link = request("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", &[], "");
        assert_eq!(routed(&link, "sts"), (Service::Sts, "GetCallerIdentity".into(), Protocol::Query));
        assert_eq!(Route::of(&link, None).service, Service::Sts);
        assert_eq!(routed(&request("GET", "/b/k", &[], ""), "s3"), (Service::S3, "GetObject".into(), Protocol::S3));
        assert_eq!(routed(&json("DynamoDB_20120810.ListTables"), "dynamodb").0, Service::Other);
        // An object may well be called like an operation's path.
        let object = request("GET", "/bucket/service/x/operation/y", &[], "");
        assert_eq!(routed(&object, "s3"), (Service::S3, "GetObject".into(), Protocol::S3));
    }

    proptest! {
        #[test]
        fn every_request_has_a_route_and_a_readable_or_refused_signature(
            target in "\\PC{0,40}", authorization in "(AWS4-HMAC-SHA256 )?(Credential=)?\\PC{0,60}", path in "[!-~]{0,40}",
        ) {
            let uri = format!("/{}", path.replace(['#', '"', '<', '>', '\\', '^', '`', '{', '|', '}'], ""));
            let mut request = request("POST", &uri, &[], "");
            for (name, value) in [("x-amz-target", &target), ("authorization", &authorization)] {
                if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                    request.headers.insert(name, value);
                }
            }
            let credential = Credential::of(&request);
            let _ = Route::of(&request, credential.ok().flatten().as_ref());
        }
    }
}
