//! How an account or a role is put into quarantine.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::names;
use crate::domain::QuarantineMethod;

/// The words of the config for the methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineMethodName {
    /// A service control policy is attached to the account.
    ServiceControlPolicy,
    /// The sessions of the owner's role are revoked.
    RevokeRoleSessions,
}

/// How an account or a role is put into quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// How it works.
    pub method: QuarantineMethodName,
    /// The service control policy; needed by that method, and only by it.
    #[serde(default, deserialize_with = "policy_id", skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    /// Profile of the management account's credentials; absent: the ambient ones (or `--profile`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A role of the management account to assume with those credentials.
    #[serde(default, deserialize_with = "names::role_arn", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// External id of that role's trust policy.
    #[serde(default, deserialize_with = "names::external_id", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl Quarantine {
    /// The method with what belongs to it.
    pub fn method(&self) -> QuarantineMethod {
        match self.method {
            QuarantineMethodName::ServiceControlPolicy => {
                QuarantineMethod::ServiceControlPolicy { policy_id: self.policy_id.clone().unwrap_or_default() }
            }
            QuarantineMethodName::RevokeRoleSessions => QuarantineMethod::RevokeRoleSessions,
        }
    }

    /// What does not go together: the key that it is about, and what to write instead.
    pub(super) fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut complaints = Vec::new();
        match self.method {
            QuarantineMethodName::ServiceControlPolicy => {
                if self.policy_id.is_none() {
                    let words = "`method` is \"service_control_policy\", but there is no `policy_id`; \
                                 write which policy, as \"p-examplepolicyid111\"";
                    complaints.push(("method", words.to_owned()));
                }
                if self.external_id.is_some() && self.role_arn.is_none() {
                    let words = "`external_id` is for a role, but there is no `role_arn`; add it or leave this out";
                    complaints.push(("external_id", words.to_owned()));
                }
                if self.profile.as_deref().is_some_and(|profile| profile.trim().is_empty()) {
                    complaints.push(("profile", "`profile` is empty; leave the key out instead".to_owned()));
                }
            }
            QuarantineMethodName::RevokeRoleSessions => {
                for (key, written) in [
                    ("policy_id", self.policy_id.is_some()),
                    ("profile", self.profile.is_some()),
                    ("role_arn", self.role_arn.is_some()),
                    ("external_id", self.external_id.is_some()),
                ] {
                    if written {
                        let words =
                            format!("`{key}` is only for the method \"service_control_policy\"; leave this out");
                        complaints.push((key, words));
                    }
                }
            }
        }
        complaints
    }
}

/// An id of an organization's policy, and not that of the policy which allows everything.
/// docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html
fn policy_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let tail = text.strip_prefix("p-").unwrap_or_default();
    if text == "p-FullAWSAccess" {
        return Err(D::Error::custom("`p-FullAWSAccess` allows everything; name a policy that denies"));
    }
    if (8..=128).contains(&tail.len()) && tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        Ok(Some(text))
    } else {
        Err(D::Error::custom(format!(
            "`{text}` is not the id of an organization's policy; write for instance \"p-examplepolicyid111\""
        )))
    }
}
