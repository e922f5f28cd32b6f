//! The tags of principals that hold sessions: each role or user once an account, however many sessions it holds.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    evidence::{RETRY, ROLES_AT_ONCE, jittered},
    scope::{Closed, Scope, clock_after},
};
use crate::{
    compliance::tagged_principal,
    domain::{Fact, Observation},
};

/// Reads tags of principals of the scope's own account.
#[derive(Debug)]
pub(super) struct PrincipalTags {
    wanted: HashSet<Arc<str>>,
}

/// `role/NAME` or `user/NAME`.
fn key_of(name: &str, user: bool) -> Arc<str> {
    format!("{}/{name}", if user { "user" } else { "role" }).into()
}

impl PrincipalTags {
    pub(super) fn new() -> Self {
        Self { wanted: HashSet::new() }
    }

    pub(super) fn next_passing(&self, scope: &Scope) -> Option<Instant> {
        self.wanted.iter().filter_map(|key| scope.principals.passing(key)).min()
    }

    pub(super) async fn step(&mut self, scope: &Scope) -> Result<Option<Instant>, Closed> {
        if !scope.config.principal_tags {
            return Ok(None);
        }
        let account = scope.client.id().account.clone();
        let of_account = format!(":{account}:");
        self.wanted = scope
            .known
            .borrow()
            .active
            .values()
            .filter(|session| session.owner.contains(&of_account))
            .filter_map(|session| tagged_principal(&session.owner))
            .map(|(name, user)| key_of(name, user))
            .collect();
        let every = scope.config.evidence_every;
        let due: Vec<&Arc<str>> =
            self.wanted.iter().filter(|key| scope.principals.claim(key, jittered(every), false)).collect();
        for some in due.chunks(ROLES_AT_ONCE) {
            let reads = some.iter().filter_map(|key| {
                let (kind, name) = key.split_once('/')?;
                let user = kind == "user";
                Some(async move { (*key, name, user, scope.ask(scope.client.principal_tags(name, user)).await) })
            });
            for (key, name, user, answer) in join_all(reads).await {
                let source = if user { "iam:GetUser" } else { "iam:GetRole" };
                let tags = match answer {
                    Ok(tags) => {
                        scope.principals.done(key);
                        Fact::known(tags, source, Timestamp::now())
                    }
                    Err(failure) => {
                        let wait = scope.principals.failed(key, RETRY, &failure);
                        Fact::failed(failure, Some(clock_after(wait)))
                    }
                };
                let (account, principal) = (account.clone(), name.into());
                scope.tell(Observation::PrincipalTags { account, principal, user, tags }).await?;
            }
        }
        Ok(self.wanted.iter().filter_map(|key| scope.principals.due(key, false)).min())
    }
}
