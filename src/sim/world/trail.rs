//! CloudTrail as a store: records that become visible some time after the call.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{World, opening::Opening, organization};
use crate::sim::service::Call;

/// One management event.
#[derive(Debug, Clone)]
pub struct TrailRecord {
    /// `eventID`.
    pub event_id: String,
    /// `eventName`.
    pub event_name: String,
    /// `eventSource`.
    pub event_source: String,
    /// When the call was made.
    pub event_time: Timestamp,
    /// From when on LookupEvents shows it.
    pub visible_from: Timestamp,
    /// Read-only call.
    pub read_only: bool,
    /// Access key of the caller, if the record has one.
    pub access_key_id: Option<String>,
    /// User or session name.
    pub username: String,
    /// `(type, name)` of resources.
    pub resources: Vec<(String, String)>,
    /// The record itself, JSON.
    pub record: String,
}

/// Who made a call, as CloudTrail describes it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// ARN.
    pub arn: String,
    /// Access key id.
    pub access_key_id: String,
    /// Address.
    pub source_ip: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// Request id.
    pub request_id: String,
    /// Whether there was a second factor; nothing: what is usual for who it is.
    pub mfa: Option<bool>,
}

impl Caller {
    /// The caller of a request.
    pub fn of(call: &Call) -> Self {
        Self {
            arn: call.caller.arn.clone(),
            access_key_id: call.caller.access_key_id.clone(),
            source_ip: "127.0.0.1".into(),
            user_agent: call.user_agent.clone(),
            request_id: call.request_id.clone(),
            mfa: None,
        }
    }

    /// The unique id of the user, or that of the role with the name of its session.
    fn principal_id(&self, role_arn: impl Fn(&str) -> String) -> String {
        match self.arn.split_once(":assumed-role/").and_then(|(_, path)| path.split_once('/')) {
            Some((role, session)) => format!("{}:{session}", organization::role_id(&role_arn(role))),
            None => organization::user_id(&self.arn),
        }
    }

    /// The caller of a scripted session.
    pub fn scripted(owner: &str, source_ip: Option<&str>, mfa: Option<bool>, seed: u64) -> Self {
        let mut numbers = fastrand::Rng::with_seed(seed ^ organization::stable_hash(&["caller", owner]));
        // Who has shown a second factor has temporary credentials, a user too (GetSessionToken).
        let prefix = if owner.contains(":user/") && mfa.is_none() { "AKIA" } else { "ASIA" };
        let agents = [
            "aws-cli/2.31.18 md/awscrt#0.28.4 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7 cfg/retry-mode#standard md/command#ssm.start-session",
            "aws-cli/2.27.49 md/awscrt#0.26.1 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.13.4 md/command#ssm.start-session",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
        ];
        let agent = agents.get(numbers.usize(..agents.len())).copied().unwrap_or_default();
        Self {
            arn: owner.into(),
            access_key_id: organization::unique_id(prefix, owner).chars().take(20).collect(),
            source_ip: source_ip.map_or_else(|| format!("198.51.100.{}", numbers.u8(2..250)), str::to_owned),
            user_agent: agent.into(),
            request_id: organization::uuid_from(numbers.u64(..)),
            mfa,
        }
    }
}

/// Minutes between the issue of a caller's token and the call.
pub const TOKEN_AGE: i64 = 37;

/// What a record says beside who and when.
#[derive(Debug)]
pub struct Deed<'a> {
    /// `eventSource`, as `ssm.amazonaws.com`.
    pub source: &'a str,
    /// `eventName`.
    pub name: &'a str,
    /// Read-only call.
    pub read_only: bool,
    /// `requestParameters`.
    pub request: Value,
    /// `responseElements`.
    pub response: Value,
    /// `errorCode` and `errorMessage` of a call that failed.
    pub error: Option<(&'a str, &'a str)>,
    /// `(type, name)` of resources.
    pub resources: Vec<(String, String)>,
}

/// Records that a region keeps; about twice the days of a busy demonstration.
const MOST_RECORDS: usize = 20_000;
/// Records that are forgotten at once when there are more.
const FORGOTTEN_AT_ONCE: usize = 1_000;

impl World {
    /// Writes a record that LookupEvents shows some time later.
    pub fn record(&mut self, account: &str, region: &str, caller: &Caller, deed: Deed<'_>) {
        let clock = self.clock();
        let time = self.wall(clock);
        let number = self.region(account, region).map_or(0, |state| state.trail_forgotten + state.trail.len());
        let key = organization::stable_hash(&[account, region, &number.to_string(), deed.name, &self.seed.to_string()]);
        let [least, most] = self.scenario.delays.trail;
        let visible_from = self.wall(clock.plus(least + (key % 1000) as f64 / 1000.0 * (most - least)));
        let event_id = organization::uuid_from(key);
        let service = deed.source.split('.').next().unwrap_or_default();
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": self.identity(account, caller, time),
            "eventTime": super::agent::whole_seconds(time),
            "eventSource": deed.source,
            "eventName": deed.name,
            "awsRegion": region,
            "sourceIPAddress": caller.source_ip,
            "userAgent": caller.user_agent,
            "requestParameters": deed.request,
            "responseElements": deed.response,
            "requestID": caller.request_id,
            "eventID": event_id,
            "readOnly": deed.read_only,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": account,
            "eventCategory": "Management",
            "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
                           "clientProvidedHostHeader": format!("{service}.{region}.amazonaws.com")}
        });
        if let (Some((code, message)), Some(record)) = (deed.error, record.as_object_mut()) {
            record.insert("errorCode".into(), json!(code));
            record.insert("errorMessage".into(), json!(message));
        }
        let record = TrailRecord {
            event_id,
            event_name: deed.name.into(),
            event_source: deed.source.into(),
            event_time: time,
            visible_from,
            read_only: deed.read_only,
            access_key_id: Some(caller.access_key_id.clone()),
            username: caller.arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned(),
            resources: deed.resources,
            record: record.to_string(),
        };
        if let Some(state) = self.region_mut(account, region) {
            state.trail.push(record);
            if state.trail.len() > MOST_RECORDS {
                state.trail.drain(..FORGOTTEN_AT_ONCE);
                state.trail_forgotten += FORGOTTEN_AT_ONCE;
            }
        }
    }

    pub(super) fn record_start(&mut self, opening: &Opening, session_id: &str) {
        let mut request = serde_json::Map::new();
        request.insert("target".into(), json!(opening.node));
        if let Some(document) = &opening.document {
            request.insert("documentName".into(), json!(document));
        }
        if let Some(reason) = &opening.reason {
            request.insert("reason".into(), json!(reason));
        }
        if !opening.parameters.is_empty() {
            request.insert("parameters".into(), json!(opening.parameters));
        }
        let region = &opening.region;
        let url = stream_url(region, session_id);
        let response = json!({"sessionId": session_id, "tokenValue": HIDDEN, "streamUrl": url});
        let resources = vec![("AWS::EC2::Instance".to_owned(), opening.node.clone())];
        let deed = Deed {
            source: "ssm.amazonaws.com",
            name: "StartSession",
            read_only: false,
            request: Value::Object(request),
            response,
            error: None,
            resources: if opening.node.starts_with("mi-") { Vec::new() } else { resources },
        };
        self.record(&opening.account, region, &opening.caller, deed);
    }

    /// The client of a session came back by itself.
    pub(super) fn record_resume(&mut self, index: usize) {
        let Some(session) = self.sessions.get(index) else { return };
        let (account, region, id) = (session.account.clone(), session.region.clone(), session.id.clone());
        let seed = organization::stable_hash(&["resume", &id, &self.clock().0.to_string()]);
        let caller = Caller { request_id: organization::uuid_from(seed), ..session.caller.clone() };
        let response = json!({"sessionId": id, "tokenValue": HIDDEN, "streamUrl": stream_url(&region, &id)});
        let deed = Deed {
            source: "ssm.amazonaws.com",
            name: "ResumeSession",
            read_only: false,
            request: json!({"sessionId": id}),
            response,
            error: None,
            resources: Vec::new(),
        };
        self.record(&account, &region, &caller, deed);
    }
}

/// What CloudTrail writes instead of a session's token.
pub const HIDDEN: &str = "Value hidden due to security reasons.";

/// The web socket of a session.
pub fn stream_url(region: &str, session_id: &str) -> String {
    format!(
        "wss://ssmmessages.{region}.amazonaws.com/v1/data-channel/{session_id}?role=publish_subscribe&cell-number={}",
        organization::stable_hash(&["cell", region]) % 20 + 1
    )
}

impl World {
    fn identity(&self, account: &str, caller: &Caller, time: Timestamp) -> Value {
        identity(account, caller, time, |role| {
            let known = self.accounts.get(account).and_then(|account| account.roles.get(role));
            known.map_or_else(|| organization::role_arn(account, role), |role| role.arn.clone())
        })
    }
}

/// `role_arn` knows the ARN of a role of the account by its name.
fn identity(account: &str, caller: &Caller, time: Timestamp, role_arn: impl Fn(&str) -> String) -> Value {
    // Who comes from another account is no more than its number there.
    let home = caller.arn.split(':').nth(4).unwrap_or(account);
    if home != account {
        return json!({"type": "AWSAccount", "principalId": caller.principal_id(|role| organization::role_arn(home, role)), "accountId": home});
    }
    let name = caller.arn.rsplit('/').next().unwrap_or_default();
    let created = super::agent::whole_seconds(time - SignedDuration::from_mins(TOKEN_AGE));
    let attributes =
        |usual: bool| json!({"creationDate": created, "mfaAuthenticated": caller.mfa.unwrap_or(usual).to_string()});
    if caller.arn.ends_with(":root") {
        return json!({"type": "Root", "principalId": account, "arn": caller.arn, "accountId": account,
                      "accessKeyId": caller.access_key_id,
                      "sessionContext": {"attributes": attributes(true)}});
    }
    if let Some((_, path)) = caller.arn.split_once(":assumed-role/") {
        let role = path.split('/').next().unwrap_or_default();
        let role_arn = role_arn(role);
        let role_id = organization::role_id(&role_arn);
        return json!({"type": "AssumedRole", "principalId": format!("{role_id}:{name}"), "arn": caller.arn,
            "accountId": account, "accessKeyId": caller.access_key_id,
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": role_id, "accountId": account, "userName": role,
                                  "arn": role_arn},
                "attributes": attributes(false)}});
    }
    if caller.arn.contains(":federated-user/") {
        let broker = format!("arn:aws:iam::{account}:user/federation-broker");
        return json!({"type": "FederatedUser", "principalId": format!("{account}:{name}"), "arn": caller.arn,
            "accountId": account, "accessKeyId": caller.access_key_id,
            "sessionContext": {"sessionIssuer": {"type": "IAMUser", "accountId": account, "userName": "federation-broker",
                                  "principalId": organization::user_id(&broker),
                                  "arn": broker},
                               "attributes": attributes(false)}});
    }
    let mut user = json!({"type": "IAMUser", "principalId": organization::user_id(&caller.arn), "arn": caller.arn,
           "accountId": account, "accessKeyId": caller.access_key_id, "userName": name});
    // With a long-term key there is no session to describe.
    if let (Some(mfa), Some(user)) = (caller.mfa, user.as_object_mut()) {
        user.insert("sessionContext".into(), json!({"attributes": attributes(mfa)}));
    }
    user
}
