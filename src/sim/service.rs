//! What a service gets and gives: the seam between the wire and the world.

use jiff::Timestamp;

use super::{error::AwsError, wire::value::Value};

/// Who signed the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The twelve digits of the account that is spoken for.
    pub account: String,
    /// The caller's ARN (IAM user or assumed role session).
    pub arn: String,
    /// The unique id (`AIDA…`, `AROA…:session`).
    pub user_id: String,
    /// The access key id of the signature.
    pub access_key_id: String,
}

/// One request, decoded, authenticated, past faults, throttles and permissions.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// Region of the signature scope.
    pub region: String,
    /// Time of the request.
    pub now: Timestamp,
    /// `x-amzn-RequestId` of the answer.
    pub request_id: String,
    /// Client's `User-Agent`, for CloudTrail records.
    pub user_agent: String,
    /// The decoded input structure; for S3 the members of the model's input shape (`Bucket`, `Key`, `Prefix`, …, `Body`).
    pub input: Value,
}

/// What a service answers.
#[derive(Debug)]
pub enum Reply {
    /// The output structure, written in the protocol of the request.
    Output(Value),
    /// S3 and other REST answers: status, headers, body as they go out.
    Http {
        /// HTTP status.
        status: u16,
        /// Headers by name.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// A Live Tail subscription; the server turns it into an event stream.
    LiveTail(LiveTail),
}

/// What a Live Tail subscriber wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTail {
    /// Account and region of the log groups.
    pub account: String,
    /// Region of the log groups.
    pub region: String,
    /// Log group ARNs as the request named them (1 to 10).
    pub log_group_identifiers: Vec<String>,
    /// Only these streams, if any are named.
    pub log_stream_names: Vec<String>,
    /// Only streams with one of these prefixes, if any are named.
    pub log_stream_name_prefixes: Vec<String>,
    /// The filter pattern, if any.
    pub filter_pattern: Option<String>,
}

/// The outcome of one operation.
pub type Outcome = Result<Reply, AwsError>;
