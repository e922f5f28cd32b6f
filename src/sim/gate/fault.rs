//! Faults: misbehaviours and the requests that they hit.

use serde::{Deserialize, Serialize};

fn any() -> String {
    "*".into()
}

fn always() -> f64 {
    1.0
}

/// A misbehaviour and the requests that it hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Number by which it is deleted; given by the gate.
    #[serde(default)]
    pub id: u64,
    /// Account id or `*`.
    #[serde(default = "any")]
    pub account: String,
    /// Region or `*`.
    #[serde(default = "any")]
    pub region: String,
    /// Service or `*`.
    #[serde(default = "any")]
    pub service: String,
    /// Operation, with `*` for any letters.
    #[serde(default = "any")]
    pub operation: String,
    /// How many more requests (or updates of Live Tail) it hits; without limit if absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// Share of the matching requests that it hits, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// A fault that hits every request of a service's operation (`*` for any), without limit.
    pub fn new(service: &str, operation: &str, effect: Effect) -> Self {
        Self {
            id: 0,
            account: any(),
            region: any(),
            service: service.into(),
            operation: operation.into(),
            count: None,
            probability: 1.0,
            effect,
        }
    }
}

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers this error.
    Error {
        /// Code.
        code: String,
        /// Words.
        #[serde(default)]
        message: String,
        /// HTTP status.
        #[serde(default = "client_error")]
        status: u16,
    },
    /// Answers late; the request goes on.
    Latency {
        /// By how much.
        milliseconds: u64,
    },
    /// Accepts and never answers; nothing is carried out.
    Hang,
    /// Carries the request out and never answers: what a client leaves behind that is killed between the two.
    Mute,
    /// Closes the connection without a byte, as if the endpoint were unreachable.
    Disconnect,
    /// Begins the answer and cuts the connection.
    Cut,
    /// Answers success with a body that cannot be read.
    Malformed,
    /// Answers a page without items and with a token to the page that was asked for.
    EmptyPage,
    /// Says that the credentials are expired.
    ExpiredCredentials,
    /// Says that the permission is missing.
    Deny,
    /// Says that the rate is exceeded.
    Throttle,
    /// Ends running Live Tail sessions with `SessionTimeoutException`.
    EndLiveTail,
    /// Ends running Live Tail sessions with `SessionStreamingException`.
    FailLiveTail,
    /// Breaks the connections of running Live Tail sessions.
    SeverLiveTail,
    /// Holds back the updates of running Live Tail sessions; what comes meanwhile is buffered as the service does.
    HangLiveTail,
    /// Leaves events out of the updates of running Live Tail sessions, and says that they are sampled.
    SampleLiveTail {
        /// Share that is left out, 0 to 1.
        drop: f64,
    },
}

impl Effect {
    /// Whether it hits running Live Tail sessions, once an update, and no requests.
    pub fn is_of_live_tail(&self) -> bool {
        matches!(
            self,
            Self::EndLiveTail
                | Self::FailLiveTail
                | Self::SeverLiveTail
                | Self::HangLiveTail
                | Self::SampleLiveTail { .. }
        )
    }
}

fn client_error() -> u16 {
    400
}
