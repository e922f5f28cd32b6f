//! Who signed a request.
//!
//! The simulation does not verify signatures: an access key id of twelve digits speaks for that account with any secret.
//! Keys given out by AssumeRole need the session token that came with them, and expire.

use jiff::Timestamp;

use super::{
    request::Request,
    route::{Protocol, Route},
};
use crate::sim::{
    error::AwsError,
    service::Caller,
    world::{World, organization},
};

/// What a signature says about its maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Access key id.
    pub access_key_id: String,
    /// Region of the scope.
    pub region: String,
    /// Service of the scope.
    pub service: String,
    /// Session token.
    pub token: Option<String>,
}

/// Why a request is turned away before anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No signature.
    Missing,
    /// A signature that cannot be read.
    Incomplete(String),
    /// Nobody's access key id.
    UnknownKey(String),
    /// The token is not the key's.
    WrongToken,
    /// The role session is over.
    Expired,
    /// The signature is for another service.
    WrongScope(&'static str),
    /// A presigned URL after its time.
    LinkExpired,
}

impl Credential {
    /// Reads the `Authorization` header or the query of a presigned URL. None if there is no signature.
    ///
    /// # Errors
    /// [`Refusal::Incomplete`] if there is one that cannot be read.
    pub fn of(request: &Request) -> Result<Option<Credential>, Refusal> {
        if let Some(header) = request.headers.get("authorization") {
            let text = header.to_str().map_err(|_| Refusal::Incomplete("Authorization header is not text.".into()))?;
            let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
            if !scheme.starts_with("AWS4-") {
                let words = format!("Unsupported AWS 'algorithm': '{scheme}'.");
                return Err(Refusal::Incomplete(words));
            }
            let part = |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
            for name in ["Credential", "Signature", "SignedHeaders"] {
                if part(name).is_none_or(str::is_empty) {
                    let words = format!("Authorization header requires '{name}' parameter. Authorization={text}");
                    return Err(Refusal::Incomplete(words));
                }
            }
            let token = request.header("x-amz-security-token").map(str::to_owned);
            return Credential::from_scope(part("Credential").unwrap_or_default(), token, request).map(Some);
        }
        match request.parameter("X-Amz-Credential") {
            Some(scope) => {
                let token = request.parameter("X-Amz-Security-Token").map(str::to_owned);
                Credential::from_scope(scope, token, request).map(Some)
            }
            None => Ok(None),
        }
    }

    /// `KEY/DATE/REGION/SERVICE/aws4_request`; the asymmetric variant has no region.
    fn from_scope(scope: &str, token: Option<String>, request: &Request) -> Result<Credential, Refusal> {
        let parts: Vec<&str> = scope.split('/').collect();
        let (access_key_id, region, service) = match parts.as_slice() {
            [key, _date, region, service, "aws4_request"] => (*key, *region, *service),
            [key, _date, service, "aws4_request"] => {
                let regions = request.header("x-amz-region-set").unwrap_or("us-east-1");
                (*key, regions.split(',').next().unwrap_or_default(), *service)
            }
            _ => {
                let words = format!(
                    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{scope}'"
                );
                return Err(Refusal::Incomplete(words));
            }
        };
        Ok(Credential {
            access_key_id: access_key_id.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            token: token.filter(|token| !token.is_empty()),
        })
    }
}

/// Who a credential speaks for.
///
/// # Errors
/// Why nobody.
pub fn caller(
    world: &World,
    request: &Request,
    credential: Option<&Credential>,
    route: &Route,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let credential = credential.ok_or(Refusal::Missing)?;
    if let Some(service) = route.service.signing_name()
        && service != credential.service
    {
        return Err(Refusal::WrongScope(service));
    }
    if link_expired(request, now) {
        return Err(Refusal::LinkExpired);
    }
    let key = &credential.access_key_id;
    if world.accounts.contains_key(key) {
        let arn = format!("arn:aws:iam::{key}:user/analyst");
        return Ok(Caller {
            account: key.clone(),
            user_id: organization::user_id(&arn),
            arn,
            access_key_id: key.clone(),
        });
    }
    let session = world.sts.session(key).ok_or_else(|| Refusal::UnknownKey(key.clone()))?;
    if credential.token.as_deref() != Some(session.token.as_str()) {
        return Err(Refusal::WrongToken);
    }
    if session.expires <= now {
        return Err(Refusal::Expired);
    }
    Ok(session.caller.clone())
}

fn link_expired(request: &Request, now: Timestamp) -> bool {
    let expiry = || {
        let seconds: i64 = request.parameter("X-Amz-Expires")?.parse().ok()?;
        let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", request.parameter("X-Amz-Date")?).ok()?;
        let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        signed.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
    };
    expiry().is_some_and(|expiry| expiry < now)
}

impl Refusal {
    /// The error as the service answers it.
    pub fn error(&self, route: &Route) -> AwsError {
        match route.protocol {
            Protocol::S3 => self.s3_error(),
            Protocol::Query | Protocol::Ec2Query => self.query_error(),
            _ => self.json_error(),
        }
    }

    fn json_error(&self) -> AwsError {
        match self {
            Refusal::Missing => AwsError::client("MissingAuthenticationTokenException", "Missing Authentication Token"),
            Refusal::Incomplete(words) => AwsError::client("IncompleteSignatureException", words.clone()),
            Refusal::UnknownKey(_) | Refusal::WrongToken => AwsError::client(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Refusal::Expired => {
                AwsError::client("ExpiredTokenException", "The security token included in the request is expired")
            }
            Refusal::WrongScope(service) => AwsError::client(
                "InvalidSignatureException",
                format!("Credential should be scoped to correct service: '{service}'. "),
            ),
            Refusal::LinkExpired => AwsError::client("InvalidSignatureException", "Signature expired"),
        }
    }

    fn query_error(&self) -> AwsError {
        let error = match self {
            Refusal::Missing => {
                AwsError::client("MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            Refusal::Incomplete(words) => return AwsError::client("IncompleteSignature", words.clone()),
            Refusal::UnknownKey(_) | Refusal::WrongToken => {
                AwsError::client("InvalidClientTokenId", "The security token included in the request is invalid.")
            }
            Refusal::Expired => {
                AwsError::client("ExpiredToken", "The security token included in the request is expired")
            }
            Refusal::WrongScope(service) => AwsError::client(
                "SignatureDoesNotMatch",
                format!("Credential should be scoped to correct service: '{service}'. "),
            ),
            Refusal::LinkExpired => AwsError::client("SignatureDoesNotMatch", "Signature expired"),
        };
        error.with_status(403)
    }

    fn s3_error(&self) -> AwsError {
        match self {
            // S3 takes an unsigned request for one of the public.
            Refusal::Missing => AwsError::client("AccessDenied", "Access Denied").with_status(403),
            Refusal::Incomplete(words) if words.starts_with("Unsupported") => AwsError::client(
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            ),
            Refusal::Incomplete(_) => AwsError::client(
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; the authorization header requires three components: Credential, \
                 SignedHeaders, and Signature.",
            ),
            Refusal::UnknownKey(_) => AwsError::client(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            )
            .with_status(403),
            Refusal::WrongToken => {
                AwsError::client("InvalidToken", "The provided token is malformed or otherwise invalid.")
            }
            Refusal::Expired => AwsError::client("ExpiredToken", "The provided token has expired."),
            Refusal::WrongScope(_) => AwsError::client(
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; incorrect service. This endpoint belongs to \"s3\".",
            ),
            Refusal::LinkExpired => AwsError::client("AccessDenied", "Request has expired").with_status(403),
        }
    }
}
