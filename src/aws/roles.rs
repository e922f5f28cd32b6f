//! Roles: what is attached, written into them and bounds them, and their tags.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::{
    failure::other,
    page::{Page, all_pages},
    scope::ScopeClient,
};
use crate::domain::{Fact, Failure, FailureClass, NodeTags, PolicyDocument, PolicyKind, RolePolicies};

const ATTACHED: &str = "iam:ListAttachedRolePolicies";
const INLINE: &str = "iam:ListRolePolicies";
const INLINE_DOCUMENT: &str = "iam:GetRolePolicy";
const ROLE: &str = "iam:GetRole";
const USER: &str = "iam:GetUser";
const POLICY: &str = "iam:GetPolicy";
const VERSION: &str = "iam:GetPolicyVersion";
const PAGE: i32 = 100;
const MOST_PAGES: usize = 20;

/// Documents of managed policies, read once for all roles of an account.
#[derive(Debug, Default)]
pub struct PolicyCache {
    slots: Mutex<HashMap<Arc<str>, Arc<Slot>>>,
}

/// One policy; whoever comes while it is read waits for the answer.
type Slot = tokio::sync::Mutex<Option<(Instant, Document)>>;

/// Id of the default version, and its text.
type Document = (Arc<str>, Arc<str>);

impl PolicyCache {
    fn slot(&self, arn: &Arc<str>) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(Arc::clone(arn)).or_default())
    }
}

impl ScopeClient {
    /// Everything of a role; `None`: there is no such role. A name that is no role's is tried as an instance profile's,
    /// since some nodes report only that. Managed policies that were read within `fresh_for` are taken from the cache.
    ///
    /// # Errors
    /// A classified failure of the list of attached policies. What else fails is missing by itself.
    pub async fn role(
        &self,
        role: &str,
        cache: &PolicyCache,
        fresh_for: Duration,
    ) -> Result<Option<RolePolicies>, Failure> {
        match self.role_of_name(role, cache, fresh_for).await {
            Err(failure) if failure.class == FailureClass::Gone => match self.role_of_profile(role).await {
                Ok(Some(inner)) if *inner != *role => match self.role_of_name(&inner, cache, fresh_for).await {
                    Err(failure) if failure.class == FailureClass::Gone => Ok(None),
                    answer => answer.map(Some),
                },
                Ok(_) => Ok(None),
                // Whether it is a profile stays unknown without the permission: the role itself is not there.
                Err(_) => Ok(None),
            },
            answer => answer.map(Some),
        }
    }

    async fn role_of_name(
        &self,
        role: &str,
        cache: &PolicyCache,
        fresh_for: Duration,
    ) -> Result<RolePolicies, Failure> {
        let (attached, inline, about) = tokio::join!(
            self.attached(role),
            self.inline(role),
            self.send(ROLE, self.iam.get_role().role_name(role).send())
        );
        let attached = attached?;
        let about = about.map(|answer| {
            let role = answer.role;
            let boundary = role.as_ref().and_then(|role| role.permissions_boundary.as_ref());
            let boundary = boundary.and_then(|boundary| boundary.permissions_boundary_arn.as_deref()).map(Arc::from);
            let tags = role.and_then(|role| role.tags).unwrap_or_default();
            (boundary, tags.into_iter().map(|tag| (tag.key, tag.value)).collect::<BTreeMap<_, _>>())
        });
        let now = Timestamp::now();
        let tags = match &about {
            Ok((_, tags)) => Fact::known(NodeTags::new(tags.clone()), ROLE, now),
            Err(failure) => Fact::failed(failure.clone(), None),
        };
        // Without one of its policies nobody knows what the role may not do.
        let documents = match (inline, about) {
            (Ok(inline), Ok((boundary, _))) => self.documents(&attached, inline, boundary, cache, fresh_for).await,
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        let documents = match documents {
            Ok(documents) => Fact::known(documents.into(), VERSION, now),
            Err(failure) => Fact::failed(failure, None),
        };
        Ok(RolePolicies { attached, documents, tags })
    }

    async fn attached(&self, role: &str) -> Result<Vec<Arc<str>>, Failure> {
        let mut attached: Vec<Arc<str>> = all_pages(ATTACHED, MOST_PAGES, |marker| {
            let request = self.iam.list_attached_role_policies().role_name(role).max_items(PAGE).set_marker(marker);
            async move {
                let answer = self.send(ATTACHED, request.send()).await?;
                let next = next_marker(ATTACHED, answer.is_truncated, answer.marker)?;
                let policies = answer.attached_policies.unwrap_or_default();
                Ok(Page {
                    next,
                    items: policies.into_iter().filter_map(|policy| policy.policy_arn).map(Arc::from).collect(),
                })
            }
        })
        .await?;
        attached.sort();
        attached.dedup();
        Ok(attached)
    }

    async fn inline(&self, role: &str) -> Result<Vec<PolicyDocument>, Failure> {
        let names: Vec<String> = all_pages(INLINE, MOST_PAGES, |marker| {
            let request = self.iam.list_role_policies().role_name(role).max_items(PAGE).set_marker(marker);
            async move {
                let answer = self.send(INLINE, request.send()).await?;
                let next = next_marker(INLINE, answer.is_truncated, answer.marker)?;
                Ok(Page { next, items: answer.policy_names })
            }
        })
        .await?;
        let reads = names.iter().map(|name| async move {
            let request = self.iam.get_role_policy().role_name(role).policy_name(name);
            let answer = self.send(INLINE_DOCUMENT, request.send()).await?;
            Ok(PolicyDocument {
                kind: PolicyKind::Inline,
                name: name.as_str().into(),
                version: None,
                text: decoded(INLINE_DOCUMENT, &answer.policy_document)?,
            })
        });
        join_all(reads).await.into_iter().collect()
    }

    async fn documents(
        &self,
        attached: &[Arc<str>],
        inline: Vec<PolicyDocument>,
        boundary: Option<Arc<str>>,
        cache: &PolicyCache,
        fresh_for: Duration,
    ) -> Result<Vec<PolicyDocument>, Failure> {
        let managed = attached.iter().map(|arn| (PolicyKind::Attached, Arc::clone(arn)));
        let managed = managed.chain(boundary.map(|arn| (PolicyKind::Boundary, arn)));
        let reads = managed.map(|(kind, arn)| async move {
            let (version, text) = self.managed(&arn, cache, fresh_for).await?;
            Ok(PolicyDocument { kind, name: arn, version: Some(version), text })
        });
        let mut documents = join_all(reads).await.into_iter().collect::<Result<Vec<_>, Failure>>()?;
        documents.extend(inline);
        documents.sort();
        Ok(documents)
    }

    /// The default version of a managed policy.
    async fn managed(&self, arn: &Arc<str>, cache: &PolicyCache, fresh_for: Duration) -> Result<Document, Failure> {
        let slot = cache.slot(arn);
        let mut slot = slot.lock().await;
        if let Some((read, document)) = &*slot
            && read.elapsed() < fresh_for
        {
            return Ok(document.clone());
        }
        let answer = self.send(POLICY, self.iam.get_policy().policy_arn(&**arn).send()).await?;
        let version = answer.policy.and_then(|policy| policy.default_version_id);
        let version = version.ok_or_else(|| other(POLICY, "the policy names no default version"))?;
        let request = self.iam.get_policy_version().policy_arn(&**arn).version_id(&version);
        let answer = self.send(VERSION, request.send()).await?;
        let text = answer.policy_version.and_then(|version| version.document).unwrap_or_default();
        let document: Document = (version.into(), decoded(VERSION, &text)?);
        *slot = Some((Instant::now(), document.clone()));
        Ok(document)
    }

    /// Tags of a role or user; `None`: there is none of that name.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn principal_tags(&self, name: &str, user: bool) -> Result<Option<NodeTags>, Failure> {
        let tags = if user {
            let answer = self.send(USER, self.iam.get_user().user_name(name).send()).await;
            answer.map(|answer| answer.user.and_then(|user| user.tags).unwrap_or_default())
        } else {
            let answer = self.send(ROLE, self.iam.get_role().role_name(name).send()).await;
            answer.map(|answer| answer.role.and_then(|role| role.tags).unwrap_or_default())
        };
        match tags {
            Ok(tags) => {
                Ok(Some(NodeTags::new(tags.into_iter().map(|tag| (tag.key, tag.value)).collect::<BTreeMap<_, _>>())))
            }
            Err(failure) if failure.class == FailureClass::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// The marker of the next page of an IAM listing.
fn next_marker(action: &'static str, truncated: bool, marker: Option<String>) -> Result<Option<String>, Failure> {
    match (truncated, marker) {
        (false, _) => Ok(None),
        (true, Some(marker)) => Ok(Some(marker)),
        (true, None) => Err(other(action, "the service cut the list without a marker")),
    }
}

/// IAM answers policy documents URL-encoded (RFC 3986).
pub(super) fn decoded(action: &'static str, text: &str) -> Result<Arc<str>, Failure> {
    let text = percent_decode_str(text).decode_utf8();
    Ok(text.map_err(|_| other(action, "the policy document is not UTF-8"))?.into())
}
