//! Answers: an outcome in the protocol of its request.

use super::{
    cbor, json,
    route::{Protocol, Route, Service},
    value::Value,
    xml::Xml,
};
use crate::sim::{error::AwsError, services::UNKNOWN_OPERATION};

/// A complete HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers beside those that the server adds to all.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type".into(), content_type.into())], body }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Circumstances of a request that its answer depends on.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Id of the request.
    pub request_id: String,
    /// S3's second id.
    pub host_id: String,
    /// Answer to HEAD: no body.
    pub head: bool,
    /// The client wants the codes of the query protocol beside those of its own.
    pub query_mode: bool,
    /// Bucket, key and path of an S3 request.
    pub resource: (String, String, String),
    /// Access key id of the signature.
    pub access_key_id: String,
}

/// Writes an operation's output; `Value::Null` where the operation has none.
pub fn success(route: &Route, context: &Context, output: &Value) -> Answer {
    let or_empty = |output: &Value| if *output == Value::Null { Value::empty() } else { output.clone() };
    match route.protocol {
        Protocol::Json10 => Answer::new(200, "application/x-amz-json-1.0", json::write(&or_empty(output))),
        Protocol::Json11 | Protocol::RestJson => {
            Answer::new(200, "application/x-amz-json-1.1", json::write(&or_empty(output)))
        }
        Protocol::Cbor => {
            Answer::new(200, "application/cbor", cbor::write(&or_empty(output))).with("smithy-protocol", "rpc-v2-cbor")
        }
        Protocol::Query | Protocol::Ec2Query => {
            let operation = &route.operation;
            let response = format!("{operation}Response");
            let mut xml = Xml::default();
            xml.open(&response, &format!(" xmlns=\"{}\"", route.service.xml_namespace()));
            xml.member(&format!("{operation}Result"), output);
            xml.open("ResponseMetadata", "").leaf("RequestId", &context.request_id).close("ResponseMetadata");
            xml.close(&response);
            Answer::new(200, "text/xml", xml.finish())
        }
        Protocol::S3 => {
            let mut xml = Xml::with_declaration();
            let result = format!("{}Result", route.operation);
            xml.member(&result, output);
            Answer::new(200, "application/xml", xml.finish())
        }
    }
}

/// Writes an error.
pub fn failure(route: &Route, context: &Context, error: &AwsError) -> Answer {
    let error = worded(route, error);
    match route.protocol {
        Protocol::Json10 => json_failure(route, context, &error, "application/x-amz-json-1.0"),
        Protocol::Json11 => json_failure(route, context, &error, "application/x-amz-json-1.1"),
        Protocol::RestJson => {
            let body = Value::structure([("message", error.message.as_str().into())]);
            Answer::new(error.status, "application/json", json::write(&body)).with("x-amzn-errortype", &error.code)
        }
        Protocol::Cbor => {
            let name = shape_name(route.service, &error.code);
            let namespace = if route.service == Service::CloudWatch { "com.amazonaws.cloudwatch#" } else { "" };
            let mut body = Value::structure([("__type", format!("{namespace}{name}").into())]);
            if !error.message.is_empty() {
                body.push("message", error.message.as_str());
            }
            let answer = Answer::new(error.status, "application/cbor", cbor::write(&body))
                .with("smithy-protocol", "rpc-v2-cbor");
            with_query_code(answer, route, context, &error)
        }
        Protocol::Query => {
            let mut xml = Xml::default();
            xml.open("ErrorResponse", &format!(" xmlns=\"{}\"", route.service.xml_namespace())).open("Error", "");
            xml.leaf("Type", fault_side(&error)).leaf("Code", &error.code).leaf("Message", &error.message);
            xml.close("Error").leaf("RequestId", &context.request_id).close("ErrorResponse");
            Answer::new(error.status, "text/xml", xml.finish())
        }
        Protocol::Ec2Query => {
            let mut xml = Xml::with_declaration();
            xml.open("Response", "").open("Errors", "").open("Error", "");
            xml.leaf("Code", &error.code).leaf("Message", &error.message);
            xml.close("Error").close("Errors").leaf("RequestID", &context.request_id).close("Response");
            Answer::new(error.status, "text/xml;charset=UTF-8", xml.finish())
        }
        Protocol::S3 => s3_failure(context, &error),
    }
}

fn json_failure(route: &Route, context: &Context, error: &AwsError, content_type: &str) -> Answer {
    let name = shape_name(route.service, &error.code);
    let mut body = Value::structure([("__type", name.into())]);
    if !error.message.is_empty() {
        body.push(message_member(route.service, name), error.message.as_str());
    }
    for (member, value) in &error.details {
        body.push(member, value.as_str());
    }
    let answer = Answer::new(error.status, content_type, json::write(&body));
    with_query_code(answer, route, context, error)
}

/// The member that holds the words: a service's own errors follow its model, the front end writes its own way.
fn message_member(service: Service, code: &str) -> &'static str {
    match code {
        "AccessDeniedException" | "SerializationException" => "Message",
        // These two of Systems Manager are the ones of this simulation that its model spells in lower case.
        "InvalidInstanceInformationFilterValue"
        | "InvalidInstancePropertyFilterValue"
        | "ValidationException"
        | "ThrottlingException"
        | "UnrecognizedClientException"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException"
        | "ExpiredTokenException" => "message",
        _ => match service {
            Service::Ssm | Service::Organizations | Service::Tagging => "Message",
            _ => "message",
        },
    }
}

fn with_query_code(answer: Answer, route: &Route, context: &Context, error: &AwsError) -> Answer {
    if context.query_mode && route.service == Service::CloudWatch {
        return answer.with("x-amzn-query-error", &format!("{};{}", query_code(&error.code), fault_side(error)));
    }
    answer
}

/// The query protocol's code of what AWS's front end answers in the other two.
fn query_code(code: &str) -> &str {
    match code {
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "ExpiredTokenException" => "ExpiredToken",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "SerializationException" => "MalformedInput",
        UNKNOWN_OPERATION => "InvalidAction",
        other => other,
    }
}

fn fault_side(error: &AwsError) -> &'static str {
    if error.status >= 500 { "Receiver" } else { "Sender" }
}

/// CloudWatch's errors have the codes of the query protocol and other names in the model.
fn shape_name(service: Service, code: &str) -> &str {
    if service != Service::CloudWatch {
        return code;
    }
    match code {
        "InvalidParameterValue" => "InvalidParameterValueException",
        "MissingParameter" => "MissingRequiredParameterException",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "InternalServiceError" => "InternalServiceFault",
        "Throttling" => "ThrottlingException",
        "AccessDenied" => "AccessDeniedException",
        "ValidationError" => "ValidationException",
        "MalformedInput" => "SerializationException",
        other => other,
    }
}

/// The words of each protocol for an operation that does not exist.
fn worded(route: &Route, error: &AwsError) -> AwsError {
    if error.code != UNKNOWN_OPERATION || !error.message.is_empty() {
        return error.clone();
    }
    match route.protocol {
        Protocol::Json10 | Protocol::Json11 => error.clone(),
        Protocol::Cbor | Protocol::RestJson => error.clone().with_status(404),
        Protocol::Query | Protocol::Ec2Query if route.operation.is_empty() => {
            AwsError::client("MissingAction", "Could not find operation in request")
        }
        Protocol::Query => AwsError::client(
            "InvalidAction",
            format!(
                "Could not find operation {} for version {}",
                route.operation,
                if route.version.is_empty() { "NO_VERSION_SPECIFIED" } else { &route.version }
            ),
        ),
        Protocol::Ec2Query => AwsError::client(
            "InvalidAction",
            format!("The action {} is not valid for this web service.", route.operation),
        ),
        Protocol::S3 if route.operation == super::rest::NOT_ALLOWED => {
            AwsError::client("MethodNotAllowed", "The specified method is not allowed against this resource.")
                .with_status(405)
        }
        Protocol::S3 => {
            AwsError::client("NotImplemented", format!("The operation {} is not implemented.", route.operation))
                .with_status(501)
        }
    }
}

fn s3_failure(context: &Context, error: &AwsError) -> Answer {
    if context.head || error.status == 304 {
        return Answer {
            status: error.status,
            headers: vec![("content-type".into(), "application/xml".into())],
            body: Vec::new(),
        };
    }
    let (bucket, key, path) = &context.resource;
    let mut xml = Xml::with_declaration();
    xml.open("Error", "").leaf("Code", &error.code).leaf("Message", &error.message);
    match error.code.as_str() {
        "NoSuchKey" => {
            xml.leaf("Key", key);
        }
        "NoSuchBucket" => {
            xml.leaf("BucketName", bucket);
        }
        "InvalidAccessKeyId" => {
            xml.leaf("AWSAccessKeyId", &context.access_key_id);
        }
        "AccessDenied" | "SlowDown" => {}
        _ if error.details.is_empty() => {
            xml.leaf("Resource", path);
        }
        _ => {}
    }
    for (element, value) in &error.details {
        xml.leaf(element, value);
    }
    xml.leaf("RequestId", &context.request_id).leaf("HostId", &context.host_id).close("Error");
    Answer::new(error.status, "application/xml", xml.finish())
}
