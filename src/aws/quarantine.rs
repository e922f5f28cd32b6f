//! Quarantine: service control policies of the organization, and inline policies of roles.

use std::{fmt, sync::Arc};

use aws_config::SdkConfig;
use aws_sdk_organizations::types::PolicyType;
use aws_smithy_runtime::client::retries::RetryPartition;

use super::{
    failure::{classify, other},
    fleet::Fleet,
    held::{HeldCredentials, judged},
    page::{Page, all_pages},
    roles::decoded,
    scope::ScopeClient,
};
use crate::domain::{AccountId, Failure, FailureClass, ScopeId};

/// Reads one policy of the organization.
pub const DESCRIBE_POLICY: &str = "organizations:DescribePolicy";
/// Reads what is attached to an account.
pub const LIST_POLICIES: &str = "organizations:ListPoliciesForTarget";
/// Sets a quarantine by service control policy.
pub const ATTACH_POLICY: &str = "organizations:AttachPolicy";
/// Lifts it.
pub const DETACH_POLICY: &str = "organizations:DetachPolicy";
/// Reads a role.
pub const GET_ROLE: &str = "iam:GetRole";
/// Reads an inline policy of a role.
pub const GET_ROLE_POLICY: &str = "iam:GetRolePolicy";
/// Sets a quarantine by revoking the sessions of a role.
pub const PUT_ROLE_POLICY: &str = "iam:PutRolePolicy";
/// Lifts it.
pub const DELETE_ROLE_POLICY: &str = "iam:DeleteRolePolicy";

const MOST_PAGES: usize = 20;

/// The management account's side of the organization: its client, and whose credentials it has.
pub(super) struct Management {
    client: aws_sdk_organizations::Client,
    held: HeldCredentials,
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Management")
    }
}

impl Management {
    /// Builds the client; nothing is sent. Organizations has one endpoint a partition, which the SDK finds from the region.
    pub(super) fn new(sdk: &SdkConfig, held: &HeldCredentials) -> Self {
        let config = aws_sdk_organizations::config::Builder::from(sdk)
            .retry_partition(RetryPartition::custom("organizations").build())
            .build();
        Self { client: aws_sdk_organizations::Client::from_conf(config), held: held.clone() }
    }
}

/// A service control policy as the organization has it. Its texts are other people's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPolicy {
    /// Its name.
    pub name: String,
    /// The policy document.
    pub document: String,
    /// It is a service control policy, and no other kind.
    pub is_control_policy: bool,
    /// The management account, where the ARN of the policy names it.
    pub management_account: Option<AccountId>,
}

/// What of a role matters to revoking its sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleStanding {
    /// Its ARN.
    pub arn: String,
    /// Its path: `/aws-reserved/…` and `/aws-service-role/…` are AWS's own.
    pub path: String,
}

impl Fleet {
    /// Sends a request of the management account; counted in the scope that it is for.
    async fn organize<T, E, F>(
        &self,
        of: &ScopeId,
        action: &'static str,
        request: impl FnOnce(aws_sdk_organizations::Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<
            Output = Result<
                T,
                aws_smithy_runtime_api::client::result::SdkError<
                    E,
                    aws_smithy_runtime_api::client::orchestrator::HttpResponse,
                >,
            >,
        >,
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
    {
        let management = self
            .management()
            .ok_or_else(|| other(action, "no credentials of the management account are configured"))?;
        let began = std::time::Instant::now();
        let answer = Box::pin(request(management.client.clone())).await;
        let answer = answer.map_err(|error| judged(classify(action, &error), &management.held, began));
        if let Some(scope) = self.scope(of) {
            scope.count(action, answer.as_ref().err());
        }
        answer
    }

    /// A policy of the organization.
    ///
    /// # Errors
    /// A classified failure: `Gone` if there is no such policy.
    pub async fn control_policy(&self, of: &ScopeId, id: &str) -> Result<ControlPolicy, Failure> {
        let answer = self.organize(of, DESCRIBE_POLICY, |client| client.describe_policy().policy_id(id).send()).await?;
        let policy = answer.policy.ok_or_else(|| other(DESCRIBE_POLICY, "the answer has no policy"))?;
        let summary = policy.policy_summary;
        let arn = summary.as_ref().and_then(|summary| summary.arn.as_deref()).unwrap_or_default();
        let owner = arn.split(':').nth(4).filter(|owner| owner.len() == 12);
        Ok(ControlPolicy {
            management_account: owner.map(AccountId::from),
            is_control_policy: summary.as_ref().and_then(|summary| summary.r#type.as_ref())
                == Some(&PolicyType::ServiceControlPolicy),
            name: summary.and_then(|summary| summary.name).unwrap_or_default(),
            document: policy.content.unwrap_or_default(),
        })
    }

    /// Whether a service control policy is attached to the account itself (not to a unit above it).
    ///
    /// # Errors
    /// A classified failure.
    pub async fn is_attached(&self, of: &ScopeId, id: &str) -> Result<bool, Failure> {
        let account = of.account.as_str();
        let attached: Vec<String> = all_pages(LIST_POLICIES, MOST_PAGES, |token| async move {
            let answer = self
                .organize(of, LIST_POLICIES, |client| {
                    client
                        .list_policies_for_target()
                        .target_id(account)
                        .filter(PolicyType::ServiceControlPolicy)
                        .set_next_token(token)
                        .send()
                })
                .await?;
            let items = answer.policies.unwrap_or_default().into_iter().filter_map(|policy| policy.id).collect();
            Ok(Page { next: answer.next_token, items })
        })
        .await?;
        Ok(attached.iter().any(|attached| attached == id))
    }

    /// Attaches a service control policy to the scope's account.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn attach_policy(&self, of: &ScopeId, id: &str) -> Result<(), Failure> {
        let account = of.account.as_str();
        self.organize(of, ATTACH_POLICY, |client| client.attach_policy().policy_id(id).target_id(account).send())
            .await
            .map(drop)
    }

    /// Detaches a service control policy from the scope's account.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn detach_policy(&self, of: &ScopeId, id: &str) -> Result<(), Failure> {
        let account = of.account.as_str();
        self.organize(of, DETACH_POLICY, |client| client.detach_policy().policy_id(id).target_id(account).send())
            .await
            .map(drop)
    }
}

impl ScopeClient {
    /// Whose a role is; `None`: the account has none of that name.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn role_standing(&self, role: &str) -> Result<Option<RoleStanding>, Failure> {
        match self.send(GET_ROLE, self.iam.get_role().role_name(role).send()).await {
            Ok(answer) => {
                // The SDK reads what it can of an answer that is cut off, and makes up the rest.
                let whole = |found: &aws_sdk_iam::types::Role| {
                    found.role_name == role && found.path.starts_with('/') && found.arn.ends_with(&found.role_name)
                };
                let found = answer.role.filter(whole).ok_or_else(|| other(GET_ROLE, "the answer has no such role"))?;
                Ok(Some(RoleStanding { arn: found.arn, path: found.path }))
            }
            Err(failure) if failure.class == FailureClass::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// An inline policy of a role; `None`: there is none of that name, or no such role.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn role_policy(&self, role: &str, policy: &str) -> Result<Option<Arc<str>>, Failure> {
        let request = self.iam.get_role_policy().role_name(role).policy_name(policy);
        match self.send(GET_ROLE_POLICY, request.send()).await {
            Ok(answer) => decoded(GET_ROLE_POLICY, &answer.policy_document).map(Some),
            Err(failure) if failure.class == FailureClass::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Writes an inline policy of a role; one of the same name is replaced.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> Result<(), Failure> {
        let request = self.iam.put_role_policy().role_name(role).policy_name(policy).policy_document(document);
        self.send(PUT_ROLE_POLICY, request.send()).await.map(drop)
    }

    /// Deletes an inline policy of a role.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<(), Failure> {
        let request = self.iam.delete_role_policy().role_name(role).policy_name(policy);
        self.send(DELETE_ROLE_POLICY, request.send()).await.map(drop)
    }
}
