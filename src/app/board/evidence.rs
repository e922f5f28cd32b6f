//! Evidence enters the board: nodes, roles, documents, log groups, archives.

use std::{collections::HashSet, sync::Arc};

use super::{Board, Other, TailGap, merge::renew};
use crate::domain::{DocumentStanding, Fact, Observation, RolePolicies, Session, SessionKey};

impl Board {
    /// Takes in evidence; listings and transcripts are not.
    pub(super) fn evidence_read(&mut self, observation: Observation) {
        match observation {
            Observation::Nodes { scope, nodes } => {
                let mut touched = HashSet::new();
                for (id, fact) in nodes {
                    self.note_evidence(&scope, "ssm:DescribeInstanceProperties", &fact);
                    let node = self.scope_mut(&scope).nodes.entry(id.clone()).or_default();
                    if renew(&mut node.properties, fact) {
                        self.unjudged_others.insert(Other::Node(scope.clone(), id.clone()));
                        touched.insert(id);
                    }
                }
                self.soil_nodes(&scope, &touched);
                self.mark_roles(|session| session.key.scope == scope && touched.contains(&session.target));
            }
            Observation::NodeTags { scope, tags } => {
                let mut touched = HashSet::new();
                for (id, fact) in tags {
                    self.note_evidence(&scope, "tag:GetResources", &fact);
                    let node = self.scope_mut(&scope).nodes.entry(id.clone()).or_default();
                    if renew(&mut node.tags, fact) {
                        self.unjudged_others.insert(Other::Node(scope.clone(), id.clone()));
                        touched.insert(id);
                    }
                }
                self.soil_nodes(&scope, &touched);
            }
            Observation::Role { account, role, policies } => {
                let scopes: Vec<_> = self.scopes.keys().filter(|scope| scope.account == account).cloned().collect();
                for scope in &scopes {
                    self.note_evidence(scope, "iam:ListAttachedRolePolicies", &policies);
                    if let Some(policies) = policies.value().and_then(Option::as_ref) {
                        self.note_evidence(scope, "iam:GetPolicyVersion", &policies.documents);
                    }
                }
                if renew_role(self.roles.entry((account.clone(), Arc::clone(&role))).or_default(), policies) {
                    for scope in scopes {
                        self.analyse(&scope, &role);
                    }
                    self.soil(|session| session.key.scope.account == account);
                    self.mark_roles(|session| session.key.scope.account == account);
                }
            }
            Observation::Preferences { scope, document } => {
                self.note_evidence(&scope, "ssm:GetDocument", &document);
                if renew(&mut self.scope_mut(&scope).preferences, document) {
                    self.soil(|session| session.key.scope == scope);
                    self.unjudged_others.insert(Other::Preferences(scope));
                    self.revision += 1;
                }
            }
            Observation::LatestPreferences { scope, document } => {
                self.note_evidence(&scope, "ssm:GetDocument", &document);
                if renew(&mut self.scope_mut(&scope).latest_preferences, document) {
                    self.unjudged_others.insert(Other::Preferences(scope));
                    self.revision += 1;
                }
            }
            Observation::DocumentStanding { scope, name, standing } => {
                self.note_evidence(&scope, "ssm:DescribeDocument", &standing);
                if let Some(standing) = standing.value().and_then(Option::as_ref) {
                    self.note_evidence(&scope, "ssm:DescribeDocumentPermission", &standing.public);
                }
                let known = self.scope_mut(&scope).standings.entry(Arc::clone(&name)).or_default();
                if renew_standing(known, standing) {
                    self.soil(|session| session.key.scope == scope && session.document_name() == &*name);
                    if &*name == Session::DEFAULT_DOCUMENT {
                        self.unjudged_others.insert(Other::Preferences(scope));
                    }
                }
            }
            Observation::LogGroup { scope, name, exists } => {
                self.note_evidence(&scope, "logs:DescribeLogGroups", &exists);
                if renew(self.scope_mut(&scope).log_groups.entry(name).or_default(), exists) {
                    self.unjudged_others.insert(Other::Preferences(scope));
                }
            }
            Observation::Document { scope, name, document } => {
                let known = self.scope_mut(&scope).documents.entry(Arc::clone(&name)).or_default();
                if renew(known, document) {
                    self.soil(|session| session.key.scope == scope && session.document_name() == &*name);
                }
            }
            Observation::LogStreams { scope, streams } => {
                for (id, fact) in streams {
                    self.note_evidence(&scope, "logs:DescribeLogStreams", &fact);
                    self.log_stream_seen(&SessionKey { scope: scope.clone(), id }, fact);
                }
            }
            Observation::TailMode { scope, log_group, mode } => self.tail_mode(&scope, log_group, mode),
            Observation::TailGap { scope, log_group, from, until, filled, why } => {
                self.tail_gap(&scope, TailGap { log_group, from, until, why }, filled);
            }
            Observation::StreamHealth { scope, log_group, streams, read } => {
                self.tail_read(&scope, log_group, streams, read);
            }
            Observation::Archive { session, object } => {
                self.note_evidence(&session.scope, "s3:GetObject", &object);
                if let Some(board) = self.sessions.get_mut(&session)
                    && renew(&mut board.archive, object)
                {
                    self.soil_one(&session);
                }
            }
            Observation::PrincipalTags { account, principal, user, tags } => {
                self.principal_tags(account, principal, user, tags);
            }
            Observation::Trail { scope, call, from, events, read } => self.trail_read(&scope, call, from, events, read),
            Observation::TagChanges { account, from, changes, read } => self.tags_changed(account, from, changes, read),
            Observation::Principals { scope, since, starts, read } => self.principals_read(scope, since, starts, read),
            _ => {}
        }
    }
}

/// As [`renew`], for a value whose parts are facts of their own: a part that could not be read again keeps what was known.
fn renew_role(known: &mut Fact<Option<RolePolicies>>, mut read: Fact<Option<RolePolicies>>) -> bool {
    if let (Fact::Known { value: Some(before), .. }, Fact::Known { value: Some(after), .. }) = (&mut *known, &mut read)
    {
        let mut changed = before.attached != after.attached;
        changed |= renew(&mut before.documents, std::mem::take(&mut after.documents));
        changed |= renew(&mut before.tags, std::mem::take(&mut after.tags));
        after.documents = std::mem::take(&mut before.documents);
        after.tags = std::mem::take(&mut before.tags);
        *known = read;
        return changed;
    }
    renew(known, read)
}

fn renew_standing(known: &mut Fact<Option<DocumentStanding>>, mut read: Fact<Option<DocumentStanding>>) -> bool {
    if let (Fact::Known { value: Some(before), .. }, Fact::Known { value: Some(after), .. }) = (&mut *known, &mut read)
    {
        let mut changed = before.owner != after.owner;
        changed |= renew(&mut before.public, std::mem::take(&mut after.public));
        after.public = std::mem::take(&mut before.public);
        *known = read;
        return changed;
    }
    renew(known, read)
}
