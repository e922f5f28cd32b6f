//! Security Token Service: AssumeRole, GetCallerIdentity.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::sim::{
    error::AwsError,
    service::{Call, Caller, Outcome, Reply},
    services::unknown_operation,
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{
        World,
        model::Trust,
        trail::{self, Deed},
    },
};

/// Longest session of a role that was assumed with an assumed role's credentials, seconds.
const CHAINED_LIMIT: i64 = 3600;
/// Longest session of a role unless the role says otherwise, seconds.
const DEFAULT_LIMIT: i64 = 3600;

/// `eventSource` of the event history.
const SOURCE: &str = "sts.amazonaws.com";

/// Sessions of assumed roles.
#[derive(Debug, Default)]
pub struct Sts {
    sessions: HashMap<String, RoleSession>,
}

/// Credentials that AssumeRole gave out.
#[derive(Debug, Clone)]
pub struct RoleSession {
    /// Whom they speak for.
    pub caller: Caller,
    /// The session token that must come with the key.
    pub token: String,
    /// When they end.
    pub expires: Timestamp,
}

impl Sts {
    /// The session of an access key id.
    pub fn session(&self, access_key_id: &str) -> Option<&RoleSession> {
        self.sessions.get(access_key_id)
    }

    /// Lets all sessions end now.
    pub fn expire_all(&mut self, now: Timestamp) {
        for session in self.sessions.values_mut() {
            session.expires = session.expires.min(now);
        }
    }
}

/// Prefix and so many letters or digits of base 32, as IAM makes its ids.
fn letters(prefix: &str, count: usize, numbers: &mut fastrand::Rng) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let tail = (0..count).map(|_| numbers.choice(ALPHABET.iter()).map_or('A', |letter| char::from(*letter)));
    prefix.chars().chain(tail).collect()
}

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    match operation {
        "AssumeRole" => assume_role(world, call),
        "GetCallerIdentity" => {
            let deed = Deed {
                source: SOURCE,
                name: "GetCallerIdentity",
                read_only: true,
                request: serde_json::Value::Null,
                response: serde_json::Value::Null,
                error: None,
                resources: Vec::new(),
            };
            world.record(&call.caller.account, &call.region, &trail::Caller::of(call), deed);
            Ok(Reply::Output(Value::structure([
                ("UserId", call.caller.user_id.as_str().into()),
                ("Account", call.caller.account.as_str().into()),
                ("Arn", call.caller.arn.as_str().into()),
            ])))
        }
        _ => Err(unknown_operation()),
    }
}

fn assume_role(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let role_arn = input.required_text_of("RoleArn", 20..=2048);
    let session_name = input.required_text_of("RoleSessionName", 2..=64);
    input.pattern("RoleSessionName", r"[\w+=,.@-]*");
    let duration = input.int("DurationSeconds", 900..=43_200);
    let external_id = input.text_of("ExternalId", 2..=1224);
    input.pattern("ExternalId", r"[\w+=,.@:\/-]*");
    let source_identity = input.text_of("SourceIdentity", 2..=64);
    input.pattern("SourceIdentity", r"[\w+=,.@-]*");
    input.text_of("SerialNumber", 9..=256);
    input.text_of("TokenCode", 6..=6);
    let policy = input.text_of("Policy", 1..=usize::MAX);
    let policy_arns = input.structs("PolicyArns", 0..=usize::MAX);
    for policy in &policy_arns {
        policy.text_of("arn", 20..=2048);
    }
    let tags = input.structs("Tags", 0..=50);
    for tag in &tags {
        tag.required_text_of("Key", 1..=128);
        tag.required_text_of("Value", 0..=256);
    }
    let transitive = input.texts("TransitiveTagKeys", 0..=50, 1..=128);
    input.finish(Style::Query)?;

    let account =
        role_account(role_arn).ok_or_else(|| AwsError::client("ValidationError", format!("{role_arn} is invalid")))?;
    if let Some(policy) = policy
        && !serde_json::from_str::<serde_json::Value>(policy).is_ok_and(|document| document.is_object())
    {
        return Err(AwsError::client("MalformedPolicyDocument", "This policy contains invalid Json"));
    }
    let role = world
        .accounts
        .get(account)
        .and_then(|account| account.roles.values().find(|role| role.arn == role_arn))
        .filter(|role| trusts(&role.trust, &call.caller, external_id))
        // AWS tells nobody whether a role exists that he may not assume.
        .ok_or_else(|| {
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                call.caller.arn
            );
            AwsError::client("AccessDenied", message).with_status(403)
        })?;
    // The trust policies here allow sts:AssumeRole and nothing beside it.
    let more = [
        (!tags.is_empty() || !transitive.is_empty(), "sts:TagSession"),
        (source_identity.is_some(), "sts:SetSourceIdentity"),
    ];
    if let Some((_, action)) = more.iter().find(|(asked, _)| *asked) {
        let message =
            format!("User: {} is not authorized to perform: {action} on resource: {role_arn}", call.caller.arn);
        return Err(AwsError::client("AccessDenied", message).with_status(403));
    }
    let chained = call.caller.arn.contains(":assumed-role/");
    let asked = duration.unwrap_or(DEFAULT_LIMIT);
    if chained && asked > CHAINED_LIMIT {
        return Err(AwsError::client(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if asked > DEFAULT_LIMIT {
        return Err(AwsError::client(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let arn = format!("arn:aws:sts::{account}:assumed-role/{}/{session_name}", role.name);
    let user_id = format!("{}:{session_name}", role.role_id);
    let mut numbers = fastrand::Rng::new();
    let access_key_id = letters("ASIA", 16, &mut numbers);
    let secret: String = (0..40).map(|_| numbers.alphanumeric()).collect();
    let token: String = "IQoJb3JpZ2luX2Vj".chars().chain((0..340).map(|_| numbers.alphanumeric())).collect();
    let expires = call.now.checked_add(SignedDuration::from_secs(asked)).unwrap_or(call.now);
    let caller = Caller {
        account: account.to_owned(),
        arn: arn.clone(),
        user_id: user_id.clone(),
        access_key_id: access_key_id.clone(),
    };
    // Sessions that ended an hour ago can say "unknown" instead of "expired".
    let forget = call.now.checked_sub(SignedDuration::from_hours(1)).unwrap_or(call.now);
    world.sts.sessions.retain(|_, session| session.expires > forget);
    world.sts.sessions.insert(access_key_id.clone(), RoleSession { caller, token: token.clone(), expires });
    let mut request = json!({"roleArn": role_arn, "roleSessionName": session_name});
    if let Some(members) = request.as_object_mut() {
        members.extend(external_id.map(|id| ("externalId".to_owned(), json!(id))));
        members.extend(duration.map(|seconds| ("durationSeconds".to_owned(), json!(seconds))));
    }
    let asked_for = Assumption {
        role_arn,
        request,
        response: json!({
            "credentials": {"accessKeyId": access_key_id, "sessionToken": token,
                            "expiration": expires.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string()},
            "assumedRoleUser": {"assumedRoleId": user_id, "arn": arn}}),
    };
    let mut output = Value::structure([
        (
            "Credentials",
            Value::structure([
                ("AccessKeyId", access_key_id.into()),
                ("SecretAccessKey", secret.into()),
                ("SessionToken", token.into()),
                ("Expiration", expires.into()),
            ]),
        ),
        ("AssumedRoleUser", Value::structure([("AssumedRoleId", user_id.into()), ("Arn", arn.into())])),
    ]);
    if policy.is_some() || !policy_arns.is_empty() {
        let size = policy.map_or(0, str::len) + 40 * policy_arns.len();
        output.push("PackedPolicySize", i64::try_from(size * 100 / 2048).unwrap_or(100).clamp(1, 100));
    }
    record_assumption(world, call, account, &asked_for);
    Ok(Reply::Output(output))
}

/// An AssumeRole that went well, as the event history shows it.
struct Assumption<'a> {
    role_arn: &'a str,
    request: serde_json::Value,
    response: serde_json::Value,
}

/// Writes an AssumeRole to the history of the caller's account and, if that is another, of the role's.
fn record_assumption(world: &mut World, call: &Call, account: &str, assumption: &Assumption<'_>) {
    let caller = trail::Caller::of(call);
    let mut accounts = vec![call.caller.account.as_str(), account];
    accounts.dedup();
    for recipient in accounts {
        let deed = Deed {
            source: SOURCE,
            name: "AssumeRole",
            read_only: true,
            request: assumption.request.clone(),
            response: assumption.response.clone(),
            error: None,
            resources: vec![("AWS::IAM::Role".into(), assumption.role_arn.to_owned())],
        };
        world.record(recipient, &call.region, &caller, deed);
    }
}

/// The account of `arn:aws:iam::ACCOUNT:role/…`.
fn role_account(arn: &str) -> Option<&str> {
    let (account, name) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    (account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()) && !name.is_empty()).then_some(account)
}

fn trusts(trust: &Trust, caller: &Caller, external_id: Option<&str>) -> bool {
    match trust {
        Trust::Accounts { ids, external_id: wanted } => {
            ids.contains(&caller.account) && (wanted.is_empty() || external_id == Some(wanted.as_str()))
        }
        Trust::Service(_) | Trust::SingleSignOn { .. } | Trust::Nobody => false,
    }
}
