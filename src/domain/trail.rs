//! What CloudTrail recorded of sessions: who asked from where, with what proof.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SessionId;

/// A record is usually delivered within this time (AWS: "typically within an average of about 5 minutes", not guaranteed);
/// one that is later still counts as late, not as lacking.
/// docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html
pub const TRAIL_LATENESS: SignedDuration = SignedDuration::from_mins(15);

/// The calls that make, resume and end sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TrailCall {
    /// ssm:StartSession.
    StartSession,
    /// ssm:ResumeSession.
    ResumeSession,
    /// ssm:TerminateSession.
    TerminateSession,
}

impl TrailCall {
    /// All, in the order in which they are looked up.
    pub const ALL: [Self; 3] = [Self::StartSession, Self::ResumeSession, Self::TerminateSession];

    /// `eventName`.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::StartSession => "StartSession",
            Self::ResumeSession => "ResumeSession",
            Self::TerminateSession => "TerminateSession",
        }
    }
}

/// Whether the caller had a second factor (`sessionContext.attributes.mfaAuthenticated`, a string).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mfa {
    /// `"true"`.
    Yes,
    /// `"false"`.
    No,
    /// The record has no session context, or does not say.
    Unknown,
}

/// One recorded call that succeeded, joined to its session by the id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrailEvent {
    /// `eventID`.
    pub event_id: Arc<str>,
    /// `eventName`.
    pub call: TrailCall,
    /// `eventTime`.
    pub at: Timestamp,
    /// The session that the answer or the request names.
    pub session: SessionId,
    /// `sourceIPAddress`: an address, or the name of an AWS service.
    pub source_ip: Option<Arc<str>>,
    /// `userAgent`. Hostile input.
    pub user_agent: Option<Arc<str>>,
    /// The second factor.
    pub mfa: Mfa,
    /// `userIdentity.type`: `AssumedRole`, `IAMUser`, `Root`, `FederatedUser`, `IdentityCenterUser`, …
    pub identity_type: Arc<str>,
    /// `userIdentity.arn`.
    pub identity_arn: Option<Arc<str>>,
    /// `userIdentity.sessionContext.sessionIssuer.arn`: the role that was assumed.
    pub issuer_arn: Option<Arc<str>>,
    /// `userIdentity.accessKeyId`: `AKIA…` is a long-term key, `ASIA…` a temporary one.
    pub access_key_id: Option<Arc<str>>,
    /// `requestParameters.documentName`.
    pub document: Option<Arc<str>>,
    /// `requestParameters.parameters` (`host`, `portNumber`, …). Hostile input.
    pub parameters: BTreeMap<String, Vec<String>>,
}

/// A role's or user's tags were changed (iam:TagRole, UntagRole, TagUser, UntagUser).
#[derive(Debug, Clone, PartialEq)]
pub struct TagChange {
    /// `eventID`.
    pub event_id: Arc<str>,
    /// When.
    pub at: Timestamp,
    /// Name of the role or user.
    pub principal: Arc<str>,
    /// It is a user, not a role.
    pub user: bool,
    /// Tags that were set.
    pub set: BTreeMap<String, String>,
    /// Keys that were removed.
    pub removed: Vec<String>,
}
