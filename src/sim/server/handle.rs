//! One request from its bytes to its answer.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    http::{HeaderName, HeaderValue, Request as HttpRequest, Response, StatusCode},
};

use super::{
    PATIENCE, Shared, State,
    live_tail::{Begin, Session},
    page,
};
use crate::sim::{
    control,
    error::AwsError,
    gate::{Spoiling, Verdict, Visitor, denied_by_organization},
    service::{Call, Reply},
    services,
    wire::{
        answer::{self, Answer, Context},
        auth::{self, Credential},
        cbor, json, query,
        request::{MAX_BODY, MAX_RPC_BODY, Request},
        rest,
        route::{Protocol, Route, Service},
        value::Value,
    },
};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What the locked part of a request's way decided.
enum Step {
    Answer(Answer),
    Hang,
    Disconnect,
    Cut(Answer),
    LiveTail(Box<Session>),
}

/// Answers one request. Never fails: what goes wrong is an answer, or a connection that ends.
pub(super) async fn answer(shared: Arc<Shared>, request: HttpRequest<Incoming>) -> Result<Response<Body>, io::Error> {
    let (parts, body) = request.into_parts();
    let context = Context {
        request_id: request_id(),
        host_id: host_id(),
        head: parts.method == hyper::http::Method::HEAD,
        ..Context::default()
    };
    let mut request = Request::new(parts, Bytes::new());
    match read_body(&request, body).await {
        Ok(bytes) => request.body = bytes,
        Err((route, error)) => {
            let mut answer = answer::failure(&route, &context, &error);
            // What is still on its way is not read.
            answer.headers.push(("connection".into(), "close".into()));
            return Ok(full(answer, &route, &context));
        }
    }
    if let Some(path) = control::path(&request.path) {
        let path = path.to_owned();
        return Ok(plain(control::answer(&mut shared.state(), &request, &path)));
    }
    if services::sso::is_for(&request) {
        let mut state = shared.state();
        let now = state.advance();
        return Ok(plain(services::sso::answer(&state.world, &request, now)));
    }
    let credential = Credential::of(&request);
    let route = Route::of(&request, credential.as_ref().ok().and_then(Option::as_ref));
    let context = Context {
        query_mode: request.header("x-amzn-query-mode") == Some("true"),
        resource: match route.protocol {
            Protocol::S3 => {
                let (bucket, key) = rest::bucket_and_key(&request);
                (bucket, key, request.decoded_path())
            }
            _ => Default::default(),
        },
        access_key_id: credential
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .map(|credential| credential.access_key_id.clone())
            .unwrap_or_default(),
        ..context
    };
    let (latency, step) = decide(&shared, &mut request, credential, &route, &context);
    if !latency.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(latency) => {}
            () = shared.stop.cancelled() => {}
        }
    }
    match step {
        Step::Answer(answer) => Ok(full(answer, &route, &context)),
        Step::Hang => {
            shared.stop.cancelled().await;
            Err(io::Error::other("hung until the end"))
        }
        Step::Disconnect => Err(io::Error::other("disconnected")),
        Step::Cut(answer) => Ok(cut(answer, &route, &context)),
        Step::LiveTail(session) => {
            let answer = Answer {
                status: 200,
                headers: vec![("content-type".into(), "application/vnd.amazon.eventstream".into())],
                body: Vec::new(),
            };
            let body = StreamBody::new(session.frames()).boxed_unsync();
            Ok(respond(answer, &route, &context, body))
        }
    }
}

/// The body of a request whose head has been read, or what the service of that head answers instead.
async fn read_body(head: &Request, body: Incoming) -> Result<Bytes, (Route, AwsError)> {
    let credential = Credential::of(head).ok().flatten();
    let route = Route::of(head, credential.as_ref());
    let most = if route.protocol == Protocol::S3 { MAX_BODY } else { MAX_RPC_BODY };
    let announced = head.header("content-length").and_then(|length| length.parse::<u64>().ok());
    let too_large = match route.protocol {
        Protocol::S3 => {
            let error = AwsError::client("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
                .with_detail("MaxSizeAllowed", most);
            announced.iter().fold(error, |error, size| error.with_detail("ProposedSize", size))
        }
        _ => AwsError::client("RequestEntityTooLargeException", "Request is too large.").with_status(413),
    };
    if announced.is_some_and(|length| length > most as u64) {
        return Err((route, too_large));
    }
    match tokio::time::timeout(PATIENCE, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        // Too large, or it broke off; in the second case nobody reads this.
        Ok(Err(_)) => Err((route, too_large)),
        Err(_) => {
            let error = match route.protocol {
                Protocol::S3 => AwsError::client(
                    "RequestTimeout",
                    "Your socket connection to the server was not read from or written to within the timeout period. \
                     Idle connections will be closed.",
                ),
                _ => AwsError::client("RequestTimeoutException", "The request body was not received in time.")
                    .with_status(408),
            };
            Err((route, error))
        }
    }
}

fn decide(
    shared: &Arc<Shared>,
    request: &mut Request,
    credential: Result<Option<Credential>, auth::Refusal>,
    route: &Route,
    context: &Context,
) -> (Duration, Step) {
    let failure = |error: &AwsError| Step::Answer(answer::failure(route, context, error));
    let mut state = shared.state();
    let now = state.advance();
    let State { world, .. } = &mut *state;
    let caller = credential
        .and_then(|credential| {
            let caller = auth::caller(world, request, credential.as_ref(), route, now)?;
            Ok((caller, credential.map(|credential| credential.region).unwrap_or_default()))
        })
        .map_err(|refusal| refusal.error(route));
    let (caller, region) = match caller {
        Ok(found) => found,
        Err(error) => return (Duration::ZERO, failure(&error)),
    };
    let (mut input, unreadable) = match input(request, route) {
        Ok(input) => (input, None),
        Err(error) => (Value::empty(), Some(error)),
    };
    page::restore(route.service, &mut input);
    let call = Call {
        caller,
        region,
        now,
        request_id: context.request_id.clone(),
        user_agent: request.header("user-agent").unwrap_or_default().to_owned(),
        input,
    };
    let visitor = Visitor { caller: &call.caller, region: &call.region, route, input: &call.input, now };
    let passage = world.gate.pass(&visitor, &world.accounts);
    let spoiling = match passage.verdict {
        Verdict::Refused(error) => {
            world.gate.count_error(&visitor);
            return (passage.latency, failure(&error));
        }
        Verdict::Open => None,
        Verdict::Spoiled(spoiling) => Some(spoiling),
    };
    if let Some(error) = unreadable {
        world.gate.count_error(&visitor);
        return (passage.latency, failure(&error));
    }
    if world.organization_denies(&visitor) {
        world.gate.count_error(&visitor);
        return (passage.latency, failure(&denied_by_organization(&visitor)));
    }
    match spoiling {
        Some(Spoiling::Hang) => return (passage.latency, Step::Hang),
        Some(Spoiling::Disconnect) => return (passage.latency, Step::Disconnect),
        _ => {}
    }
    let outcome = services::dispatch(world, route.service, &route.operation, &call);
    let step = match outcome {
        _ if spoiling == Some(Spoiling::Mute) => Step::Hang,
        Err(error) => {
            world.gate.count_error(&visitor);
            failure(&error)
        }
        Ok(Reply::Output(mut output)) => {
            if spoiling == Some(Spoiling::EmptyPage) {
                page::empty(route.service, &call.input, &mut output);
            }
            spoil(answer::success(route, context, &output), spoiling)
        }
        Ok(Reply::Http { status, headers, body }) => spoil(Answer { status, headers, body }, spoiling),
        Ok(Reply::LiveTail(tail)) => {
            let begin = Begin {
                request_id: context.request_id.clone(),
                session_id: request_id(),
                cursor: world.live_tail_cursor(),
                now,
                spoiling,
            };
            match world.live_tails.open(&tail) {
                Ok(seat) => Step::LiveTail(Box::new(Session::new(Arc::clone(shared), tail, seat, begin))),
                Err(error) => {
                    world.gate.count_error(&visitor);
                    failure(&error)
                }
            }
        }
    };
    (passage.latency, step)
}

fn spoil(mut answer: Answer, spoiling: Option<Spoiling>) -> Step {
    match spoiling {
        Some(Spoiling::Cut) => Step::Cut(answer),
        Some(Spoiling::Malformed) => {
            answer.body.truncate(answer.body.len() / 2);
            answer.body.push(b'<');
            Step::Answer(answer)
        }
        _ => Step::Answer(answer),
    }
}

/// Reads the input of a request in its protocol.
fn input(request: &mut Request, route: &Route) -> Result<Value, AwsError> {
    let serialization = || AwsError::client("SerializationException", "");
    match route.protocol {
        Protocol::S3 => rest::input(request),
        _ if request.unpack().is_none() => Err(match route.protocol {
            Protocol::Query | Protocol::Ec2Query => {
                AwsError::client("MalformedInput", "Unable to decompress the request body")
            }
            _ => serialization(),
        }),
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => json::read(&request.body).ok_or_else(serialization),
        Protocol::Cbor => cbor::read(&request.body).ok_or_else(serialization),
        Protocol::Query if route.service.version().is_some_and(|version| version != route.version) => {
            Err(services::unknown_operation())
        }
        Protocol::Query | Protocol::Ec2Query => {
            let form = request.form();
            query::read(form.iter().map(|(name, value)| (name.as_str(), value.as_str()))).ok_or_else(|| {
                AwsError::client("MalformedQueryString", "The query string is malformed.").with_status(404)
            })
        }
    }
}

fn request_id() -> String {
    let bits = fastrand::u128(..);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xfff,
        8 | ((bits >> 62) & 3),
        (bits >> 48) & 0xfff,
        bits & 0xffff_ffff_ffff
    )
}

/// S3's second id: base64 of 48 bytes.
fn host_id() -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let bytes: Vec<u8> = (0..48).map(|_| fastrand::u8(..)).collect();
    STANDARD.encode(bytes)
}

fn full(answer: Answer, route: &Route, context: &Context) -> Response<Body> {
    let mut answer = answer;
    let body = std::mem::take(&mut answer.body);
    respond(answer, route, context, body_of(body))
}

/// The answer of the control plane: no AWS headers.
fn plain(mut answer: Answer) -> Response<Body> {
    let body = std::mem::take(&mut answer.body);
    let mut response = Response::new(body_of(body));
    set_head(&mut response, &answer);
    response
}

fn body_of(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Promises the whole body, sends the first half, and breaks off.
fn cut(mut answer: Answer, route: &Route, context: &Context) -> Response<Body> {
    let body = std::mem::take(&mut answer.body);
    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    answer.headers.push(("content-length".into(), (body.len().max(2)).to_string()));
    let mut half = Bytes::from(body);
    half.truncate(half.len() / 2);
    // The pause lets head and half a body out before the connection goes.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(io::Error::other("cut"))
    });
    let frames = stream::iter([Ok(Frame::data(half))]).chain(end);
    respond(answer, route, context, StreamBody::new(frames).boxed_unsync())
}

fn respond(answer: Answer, route: &Route, context: &Context, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    set_head(&mut response, &answer);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if route.service == Service::S3 {
        set("x-amz-request-id", &context.request_id);
        set("x-amz-id-2", &context.host_id);
        set("server", "AmazonS3");
    } else {
        set("x-amzn-requestid", &context.request_id);
    }
    response
}

fn set_head(response: &mut Response<Body>, answer: &Answer) {
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        // A header that a scenario or a stored object spoiled is left out rather than the answer.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
}
