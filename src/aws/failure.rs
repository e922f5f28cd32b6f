//! SDK errors, classified: what kind of failure it was, which permission it names, in clean words.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata, event_stream::RawMessage};

use crate::domain::{Failure, FailureClass};

/// The `action` of a failure that came before any request: there was nothing to sign it with.
pub(super) const CREDENTIALS: &str = "credentials";

/// The action behind the credentials of a role.
pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";

/// Longest message that a [`Failure`] carries, in characters.
const MESSAGE_CHARS: usize = 300;

/// Classifies a failed request of the IAM action `action`.
pub(super) fn classify<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(failure) = credentials_failure(error) {
        return failure;
    }
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let code = context.err().code().map(bare_code);
            let class = class_of(code, status);
            let message = context.err().message().map_or_else(
                || match code {
                    Some(code) => code.to_owned(),
                    None => format!("the service answered HTTP {status} without words"),
                },
                str::to_owned,
            );
            Failure { class, action, code: code.map(clean), message: clean(&message) }
        }
        SdkError::TimeoutError(_) => unreachable(action, "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let words = words_of(error);
            if failure.is_user() {
                other(action, &words)
            } else if failure.is_timeout() {
                unreachable(action, &format!("no connection in time: {words}"))
            } else {
                unreachable(action, &words)
            }
        }
        SdkError::ResponseError(context) => unread(action, context.raw().status().as_u16(), error),
        _ => other(action, &words_of(error)),
    }
}

/// Classifies what broke an event stream of the IAM action `action` off.
pub(super) fn classify_stream<E>(action: &'static str, error: &SdkError<E, RawMessage>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(context) = error else {
        return unreachable(action, &format!("the stream broke off: {}", words_of(error)));
    };
    let code = context.err().code().map(bare_code);
    let message = context.err().message().or(code).unwrap_or("the service ended the stream without words");
    Failure { class: class_of(code, 0), action, code: code.map(clean), message: clean(message) }
}

/// The code of an answer that came whole but cannot be understood.
const UNREADABLE: &str = "unreadable answer";

/// An answer without a result: its connection broke, or its body is not what the protocol says.
fn unread(action: &'static str, status: u16, error: &(dyn Error + 'static)) -> Failure {
    let words = words_of(error);
    if chain(error).any(|link| link.is::<std::io::Error>() || link.is::<hyper::Error>()) {
        return unreachable(action, &format!("the answer broke off: {words}"));
    }
    let class = match status {
        200..=299 => FailureClass::Other,
        _ => class_of(None, status),
    };
    Failure { class, action, code: Some(UNREADABLE.to_owned()), message: clean(&format!("{words} (HTTP {status})")) }
}

/// A failure of class [`FailureClass::Other`], found by ourselves in the answer.
pub(super) fn other(action: &'static str, message: &str) -> Failure {
    Failure { class: FailureClass::Other, action, code: None, message: clean(message) }
}

/// A failure of class [`FailureClass::Unreachable`].
pub(crate) fn unreachable(action: &'static str, message: &str) -> Failure {
    Failure { class: FailureClass::Unreachable, action, code: None, message: clean(message) }
}

/// The code without the namespace before `#` and the address after `:` that JSON services may put around it.
fn bare_code(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code)
}

/// The class of a service's error code; without a code (HeadObject has no body) the HTTP status decides.
fn class_of(code: Option<&str>, status: u16) -> FailureClass {
    let Some(code) = code else { return class_of_status(status) };
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "ProvisionedThroughputExceededException"
        | "PriorRequestNotComplete"
        | "TransactionInProgressException"
        | "EC2ThrottledException"
        | "SlowDown" => FailureClass::Throttled,
        "UnauthorizedOperation"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "NotAuthorized"
        | "Forbidden"
        | "AllAccessDisabled"
        | "KMSAccessDeniedException"
        | "KMSAccessDenied" => FailureClass::Denied,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" | "ExpiredTokenIssue" => {
            FailureClass::Expired
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure" => FailureClass::NoCredentials,
        "ResourceNotFoundException"
        | "NoSuchEntity"
        | "NoSuchEntityException"
        | "NoSuchKey"
        | "NoSuchBucket"
        | "NotFound"
        | "NotFoundException"
        | "InvalidDocument"
        | "InvalidResourceId"
        | "PolicyNotFoundException"
        | "TargetNotFoundException"
        | "AccountNotFoundException"
        | "DoesNotExistException" => FailureClass::Gone,
        "ServiceUnavailable" | "ServiceUnavailableException" | "RequestTimeout" | "RequestTimeoutException" => {
            FailureClass::Unreachable
        }
        _ if code.starts_with("AccessDenied") => FailureClass::Denied,
        _ => FailureClass::Other,
    }
}

fn class_of_status(status: u16) -> FailureClass {
    match status {
        403 => FailureClass::Denied,
        404 | 410 => FailureClass::Gone,
        429 => FailureClass::Throttled,
        408 | 502..=504 => FailureClass::Unreachable,
        _ => FailureClass::Other,
    }
}

/// Whether a service says with this code that it does not know the credentials: never issued, revoked, or issued by another one.
pub(super) fn is_unknown_credentials(code: &str) -> bool {
    matches!(code, "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "InvalidToken")
}

/// Whether a role could not be assumed because AWS does not accept the credentials that it is assumed with.
pub(super) fn base_is_refused(error: &CredentialsError) -> bool {
    chain(error)
        .find_map(|link| link.downcast_ref::<AssumeRoleError>())
        .and_then(|refused| refused.code().map(bare_code))
        .is_some_and(|code| is_unknown_credentials(code) || class_of(Some(code), 0) == FailureClass::Expired)
}

/// A request that failed before it was sent, because there were no credentials to sign it with.
///
/// A refused `AssumeRole` is a missing permission of its own and is named as such.
fn credentials_failure(error: &(dyn Error + 'static)) -> Option<Failure> {
    let credentials = chain(error).find_map(|link| link.downcast_ref::<CredentialsError>())?;
    if let Some(refused) = chain(credentials).find_map(|link| link.downcast_ref::<AssumeRoleError>()) {
        let code = refused.code().map(bare_code);
        let class = match class_of(code, 0) {
            FailureClass::Other | FailureClass::Gone => FailureClass::NoCredentials,
            class => class,
        };
        return Some(Failure {
            class,
            action: ASSUME_ROLE,
            code: code.map(clean),
            message: clean(refused.message().unwrap_or("the role could not be assumed")),
        });
    }
    if let Some((words, class)) = super::login::advice(credentials) {
        return Some(Failure { class, action: CREDENTIALS, code: None, message: clean(&words) });
    }
    let words = words_of(credentials);
    let text = chain(credentials).map(|link| link.to_string().to_lowercase()).collect::<Vec<_>>().join("\n");
    let class = if chain(credentials)
        .filter_map(|link| link.downcast_ref())
        .any(|link| matches!(link, CredentialsError::ProviderTimedOut(_)))
        || ["dispatch failure", "connect error", "timed out", "timeout"].iter().any(|sign| text.contains(sign))
    {
        FailureClass::Unreachable
    } else if text.contains("expired") || text.contains("unauthorizedexception") {
        FailureClass::Expired
    } else if text.contains("accessdenied") || text.contains("forbiddenexception") {
        FailureClass::Denied
    } else {
        FailureClass::NoCredentials
    };
    // The default chain lists all that it tried; off EC2 the last of it is an instance metadata service that is not there.
    let message = if words.contains("no credentials found in chain") || words.contains("IMDS") {
        "nothing in the environment, the profile, a container or the instance metadata".to_owned()
    } else {
        words
    };
    Some(Failure { class, action: CREDENTIALS, code: None, message: clean(&message) })
}

/// Classifies a load of credentials that failed.
pub(super) fn of_credentials(error: &CredentialsError) -> Failure {
    credentials_failure(error).unwrap_or_else(|| other(CREDENTIALS, &words_of(error)))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&link| link.source())
}

/// What the SDK says around the cause, and what tells people nothing.
const WRAPPING: [&str; 9] = [
    "dispatch failure",
    "response error",
    "io error",
    "service error",
    "client error (Connect)",
    "tcp connect error",
    "error trying to connect",
    "an error occurred while loading credentials",
    "the credential provider was not enabled",
];

/// The words of the chain: the cause, then in brackets what it kept from being done; without repeats and mere wrapping.
fn words_of(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut wrapping = None;
    for link in chain(error) {
        let said = link.to_string();
        if WRAPPING.contains(&said.as_str()) {
            wrapping = Some(said);
            continue;
        }
        // Many errors repeat their source in their own words.
        if let Some(before) = words.iter_mut().find(|before| before.contains(&said)) {
            if let Some(own) = before.strip_suffix(&said).map(|own| own.trim_end_matches([':', ' ']))
                && !own.is_empty()
            {
                *before = own.to_owned();
                words.push(said);
            }
        } else if !said.is_empty() {
            words.push(said);
        }
    }
    let Some(cause) = words.pop() else { return wrapping.unwrap_or_default() };
    match words.first() {
        None => cause,
        Some(_) => format!("{cause} ({})", words.join(": ")),
    }
}

/// Text of a service as it may be shown: no control characters (C0, C1, bidirectional, zero width), one line, at most 300 characters.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len().min(MESSAGE_CHARS * 4));
    let mut length = 0;
    let mut after_space = true;
    for letter in text.chars() {
        let letter = if is_hidden(letter) || letter.is_whitespace() { ' ' } else { letter };
        if letter == ' ' && after_space {
            continue;
        }
        if length == MESSAGE_CHARS - 1 {
            cleaned.push('…');
            break;
        }
        after_space = letter == ' ';
        cleaned.push(letter);
        length += 1;
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Characters that control a terminal or hide and reorder text.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_sdk_ssm::operation::describe_sessions::DescribeSessionsError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answered(code: Option<&str>, status: u16, message: &str) -> Failure {
        let mut metadata = ErrorMetadata::builder().message(message);
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        let raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        classify(
            "ssm:DescribeSessions",
            &SdkError::service_error(DescribeSessionsError::generic(metadata.build()), raw),
        )
    }

    #[test]
    fn codes_have_their_classes() {
        let cases = [
            ("ThrottlingException", FailureClass::Throttled),
            ("Throttling", FailureClass::Throttled),
            ("TooManyRequestsException", FailureClass::Throttled),
            ("RequestLimitExceeded", FailureClass::Throttled),
            ("SlowDown", FailureClass::Throttled),
            ("AccessDeniedException", FailureClass::Denied),
            ("AccessDenied", FailureClass::Denied),
            ("UnauthorizedOperation", FailureClass::Denied),
            ("AuthorizationError", FailureClass::Denied),
            ("ExpiredTokenException", FailureClass::Expired),
            ("ExpiredToken", FailureClass::Expired),
            ("RequestExpired", FailureClass::Expired),
            ("UnrecognizedClientException", FailureClass::NoCredentials),
            ("ResourceNotFoundException", FailureClass::Gone),
            ("NoSuchEntity", FailureClass::Gone),
            ("InvalidDocument", FailureClass::Gone),
            ("com.amazonaws.ssm#InvalidNextToken", FailureClass::Other),
            ("com.amazonaws.ssm#ThrottlingException:http://x", FailureClass::Throttled),
        ];
        for (code, class) in cases {
            assert_eq!(answered(Some(code), 400, "words").class, class, "{code}");
        }
    }

    #[test]
    fn without_a_code_the_status_decides() {
        let cases = [
            (403, FailureClass::Denied),
            (404, FailureClass::Gone),
            (429, FailureClass::Throttled),
            (503, FailureClass::Unreachable),
            (500, FailureClass::Other),
        ];
        for (status, class) in cases {
            assert_eq!(answered(None, status, "").class, class, "{status}");
        }
    }

    #[test]
    fn a_refused_role_names_its_own_action() {
        let metadata =
            ErrorMetadata::builder().code("AccessDenied").message("not authorized to perform: sts:AssumeRole").build();
        let raw = HttpResponse::new(StatusCode::try_from(403).unwrap(), SdkBody::empty());
        let refused = SdkError::service_error(AssumeRoleError::generic(metadata), raw);
        let error: SdkError<DescribeSessionsError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::other(CredentialsError::provider_error(refused).into(), None));
        let failure = classify("ssm:DescribeSessions", &error);
        assert_eq!((failure.class, failure.action), (FailureClass::Denied, "sts:AssumeRole"));
        assert_eq!(failure.message, "not authorized to perform: sts:AssumeRole");
    }

    #[test]
    fn missing_and_expired_credentials_differ() {
        let failure = |inner: CredentialsError| {
            let error: SdkError<DescribeSessionsError, HttpResponse> =
                SdkError::dispatch_failure(ConnectorError::other(inner.into(), None));
            classify("ssm:DescribeSessions", &error)
        };
        assert_eq!(
            failure(CredentialsError::not_loaded("profile `x` was not defined")).class,
            FailureClass::NoCredentials
        );
        assert_eq!(failure(CredentialsError::provider_error("the SSO token has expired")).class, FailureClass::Expired);
        let profile = failure(CredentialsError::not_loaded("profile `x` was not defined"));
        assert!(profile.message.contains("profile `x` was not defined"), "{}", profile.message);
    }

    #[test]
    fn broken_connections_are_unreachable() {
        let error: SdkError<DescribeSessionsError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::io("connection refused".into()));
        assert_eq!(classify("ssm:DescribeSessions", &error).class, FailureClass::Unreachable);
        let error: SdkError<DescribeSessionsError, HttpResponse> = SdkError::timeout_error("10 s");
        assert_eq!(classify("ssm:DescribeSessions", &error).class, FailureClass::Unreachable);
    }

    /// An error with a source.
    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Link {
        words: &'static str,
        source: Option<Box<dyn Error + Send + Sync>>,
    }

    fn unread_answer(error: Link) -> Failure {
        let raw = HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        let error: SdkError<DescribeSessionsError, HttpResponse> = SdkError::response_error(error, raw);
        classify("ssm:DescribeSessions", &error)
    }

    #[test]
    fn an_answer_that_broke_off_is_unreachable_and_one_that_makes_no_sense_is_not() {
        let broken = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "end of file");
        let failure = unread_answer(Link { words: "error reading a body", source: Some(broken.into()) });
        assert_eq!((failure.class, failure.code), (FailureClass::Unreachable, None));
        assert_eq!(failure.message, "the answer broke off: end of file (error reading a body)");
        let failure = unread_answer(Link { words: "expected a colon", source: None });
        assert_eq!((failure.class, failure.code.as_deref()), (FailureClass::Other, Some("unreadable answer")));
        assert_eq!(failure.message, "expected a colon (HTTP 200)");
    }

    #[test]
    fn the_cause_comes_first_and_once() {
        let cause = || Some(Link { words: "no such host", source: None }.into());
        let words = |words, source| words_of(&Link { words, source });
        assert_eq!(words("dispatch failure", cause()), "no such host");
        assert_eq!(words("cannot load: no such host", cause()), "no such host (cannot load)");
        assert_eq!(words("no such host", cause()), "no such host");
        assert_eq!(words("io error", None), "io error");
        let middle = Link { words: "lookup", source: cause() };
        assert_eq!(words("cannot load", Some(middle.into())), "no such host (cannot load: lookup)");
    }

    #[test]
    fn words_are_cleaned_and_cut() {
        assert_eq!(clean("a\u{1b}[31mb\r\n\tc\u{9b}d\u{202e}e"), "a [31mb c d e");
        let long = clean(&"x".repeat(1000));
        assert_eq!(long.chars().count(), MESSAGE_CHARS);
        assert!(long.ends_with('…'));
        assert_eq!(answered(Some("Some\u{7}Code"), 400, "\u{1b}]0;t\u{7}x").message, "]0;t x");
    }
}
