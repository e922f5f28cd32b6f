//! The portal of IAM Identity Center: GetRoleCredentials (REST-JSON, with a bearer token instead of a signature).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::sim::{
    wire::{answer::Answer, request::Request},
    world::World,
};

/// Where role credentials are asked for.
const PATH: &str = "/federation/credentials";
/// The header of the bearer token.
const TOKEN: &str = "x-amz-sso_bearer_token";

/// Logins and what they get.
#[derive(Debug)]
pub struct Portal {
    /// When the tokens end.
    pub tokens: HashMap<String, Timestamp>,
    /// How long role credentials live.
    pub life: SignedDuration,
}

impl Default for Portal {
    fn default() -> Self {
        Self { tokens: HashMap::new(), life: SignedDuration::from_hours(1) }
    }
}

/// Whether a request is for the portal.
pub fn is_for(request: &Request) -> bool {
    request.path == PATH && request.header(TOKEN).is_some()
}

/// Credentials of an account for a token that is good now.
pub fn answer(world: &World, request: &Request, now: Timestamp) -> Answer {
    let token = request.header(TOKEN).unwrap_or_default();
    if world.portal.tokens.get(token).is_none_or(|until| *until <= now) {
        return refusal(401, "UnauthorizedException", "Session token not found or invalid");
    }
    let account = request.parameter("account_id").unwrap_or_default();
    if !world.accounts.contains_key(account) || request.parameter("role_name").is_none_or(str::is_empty) {
        return refusal(403, "ForbiddenException", "No access");
    }
    // Account numbers are keys here: no session has to be kept for them.
    let credentials = json!({ "roleCredentials": {
        "accessKeyId": account,
        "secretAccessKey": "simulated",
        "sessionToken": "simulated",
        "expiration": (now + world.portal.life).as_millisecond(),
    }});
    written(200, Vec::new(), &credentials)
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    written(status, vec![("x-amzn-errortype".to_owned(), code.to_owned())], &json!({ "message": message }))
}

fn written(status: u16, mut headers: Vec<(String, String)>, body: &serde_json::Value) -> Answer {
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    Answer { status, headers, body: body.to_string().into_bytes() }
}
