//! Evidence: documents, nodes, tags, roles, the caller. Batched, cached, and only for what has sessions; what only sessions need that are
//! over is read once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    backoff::{CEILING, DueBook},
    principal_tags::PrincipalTags,
    scope::{Closed, DocumentState, Scope, clock_after, clock_before, document_key},
    standing::{Groups, Standings, failure_in, retried},
};
use crate::{
    aws::PREFERENCES_DOCUMENT,
    domain::{Fact, Failure, Node, NodeId, NodeKind, Observation, RolePolicies, Session, SessionDocument},
};

const GET_DOCUMENT: &str = "ssm:GetDocument";
const NODE_PROPERTIES: &str = "ssm:DescribeInstanceProperties";
const NODE_TAGS: &str = "tag:GetResources";
const ROLE_POLICIES: &str = "iam:ListAttachedRolePolicies";
/// First delay after a failed read.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Role reads of a scope at once.
pub(super) const ROLES_AT_ONCE: usize = 4;

/// The evidence task of one scope.
#[derive(Debug)]
pub(super) struct Evidence {
    scope: Arc<Scope>,
    documents: Documents,
    nodes: Nodes,
    tags: Tags,
    caller: Caller,
    standings: Standings,
    groups: Groups,
    principals: PrincipalTags,
}

impl Evidence {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        Self {
            documents: Documents { book: DueBook::new() },
            nodes: Nodes { book: DueBook::new(), roles: HashMap::new() },
            tags: Tags { book: DueBook::new() },
            caller: Caller { book: DueBook::new(), told: false },
            standings: Standings::new(),
            groups: Groups::new(),
            principals: PrincipalTags::new(),
            scope,
        }
    }

    /// When the first of those is due that failed in a way that may be over soon.
    pub(super) fn next_passing(&self) -> Option<Instant> {
        let roles = self.nodes.roles.values().flatten().filter_map(|role| self.scope.roles.passing(role)).min();
        let others =
            [self.documents.book.next_passing(), self.nodes.book.next_passing(), self.tags.book.next_passing()];
        let behind =
            [self.standings.next_passing(), self.groups.next_passing(), self.principals.next_passing(&self.scope)];
        others.into_iter().chain(behind).flatten().chain(roles).min()
    }

    /// Reads what is due; when to come back (nothing: when something changes).
    pub(super) async fn step(&mut self) -> Result<Option<Instant>, Closed> {
        let scope = &*self.scope;
        if scope.known.borrow().cut_off {
            return Ok(None);
        }
        // The log group is the one that the documents name.
        let documents = async {
            let documents = self.documents.step(scope).await?;
            let groups = self.groups.step(scope).await?;
            Ok([documents, groups].into_iter().flatten().min())
        };
        let (documents, nodes, tags, caller, standings, principals) = tokio::join!(
            documents,
            self.nodes.step(scope),
            self.tags.step(scope),
            self.caller.step(scope),
            self.standings.step(scope),
            self.principals.step(scope)
        );
        let next = [documents?, nodes?, tags?, caller?, standings?, principals?];
        Ok(next.into_iter().flatten().min())
    }
}

/// Spreads re-reads over a tenth of the interval, so that scopes that started together do not stay together.
pub(super) fn jittered(every: Duration) -> Duration {
    every.mul_f64(0.95 + fastrand::f64() / 10.0)
}

/// The preferences and the documents that sessions use; `None` is the preferences document.
#[derive(Debug)]
struct Documents {
    book: DueBook<Option<Arc<str>>>,
}

impl Documents {
    async fn step(&mut self, scope: &Scope) -> Result<Option<Instant>, Closed> {
        {
            let known = scope.known.borrow();
            let used = known.active.values().filter_map(document_key).cloned();
            let once = known.ended.values().filter_map(document_key).cloned();
            self.book.want_also_once(used.map(Some).chain([None]), once.map(Some), Instant::now());
        }
        let every = scope.config.evidence_every;
        for name in self.book.due(Instant::now(), every / 4) {
            let document = name.as_deref().unwrap_or(PREFERENCES_DOCUMENT);
            let answer = scope.ask(scope.client.session_document(document)).await;
            let fact = match &answer {
                Ok(document) => {
                    self.book.done(&name, Instant::now(), jittered(every));
                    Fact::known(document.clone(), GET_DOCUMENT, Timestamp::now())
                }
                Err(failure) => {
                    let wait = self.book.failed(&name, Instant::now(), RETRY, failure);
                    Fact::failed(failure.clone(), Some(clock_after(wait)))
                }
            };
            note_document(scope, name.clone(), answer);
            let id = scope.client.id().clone();
            if name.is_none() {
                scope.tell(Observation::Preferences { scope: id.clone(), document: fact.clone() }).await?;
            }
            // A shared document is asked for by ARN and told by its name, as `Session::document_name` has it.
            let name = name.unwrap_or_else(|| PREFERENCES_DOCUMENT.into());
            let name = match name.rsplit_once('/') {
                Some((arn, short)) if arn.starts_with("arn:") => short.into(),
                _ => name,
            };
            scope.tell(Observation::Document { scope: id, name, document: fact }).await?;
        }
        Ok(self.book.next())
    }
}

/// Lets the other tasks of the scope know; a failed read does not take back what was read before.
fn note_document(scope: &Scope, name: Option<Arc<str>>, answer: Result<Option<SessionDocument>, Failure>) {
    scope.known.send_if_modified(|known| {
        let state = match answer {
            Ok(document) => DocumentState::Read(document),
            Err(_) => {
                let before = match &name {
                    None => known.preferences.clone(),
                    Some(name) => known.documents.get(name).cloned(),
                };
                before.unwrap_or(DocumentState::Failed)
            }
        };
        let before = match name {
            None => known.preferences.replace(state.clone()),
            Some(name) => known.documents.insert(name, state.clone()),
        };
        before != Some(state)
    });
}

/// The nodes of active sessions, and of those that are over and told.
fn nodes_of(scope: &Scope) -> (HashSet<NodeId>, HashSet<NodeId>) {
    let known = scope.known.borrow();
    let node = |session: &Session| Some(&session.target).filter(|id| NodeKind::of(id) != NodeKind::Other).cloned();
    let since = clock_before(scope.config.history);
    let told = known.ended.values().filter(|session| session.ended_at.is_none_or(|ended| ended >= since));
    (known.active.values().filter_map(node).collect(), told.filter_map(node).collect())
}

/// Node properties, and the policies of the roles that they name.
#[derive(Debug)]
struct Nodes {
    book: DueBook<NodeId>,
    /// The roles of each node as last read.
    roles: HashMap<NodeId, Vec<Arc<str>>>,
}

impl Nodes {
    async fn step(&mut self, scope: &Scope) -> Result<Option<Instant>, Closed> {
        let (active, over) = nodes_of(scope);
        self.roles.retain(|node, _| active.contains(node) || over.contains(node));
        self.book.want_also_once(active.iter().cloned(), over, Instant::now());
        let every = scope.config.evidence_every;
        let due = self.book.due(Instant::now(), every / 4);
        if !due.is_empty() {
            let answer = scope.ask(scope.client.describe_nodes(&due)).await;
            let at = Timestamp::now();
            let next = jittered(every);
            let facts = match answer {
                Ok(nodes) => nodes
                    .into_iter()
                    .map(|(id, node)| {
                        let fact = match node {
                            Ok(node) => {
                                self.book.done(&id, Instant::now(), next);
                                self.roles.insert(id.clone(), roles_of(node.as_ref()));
                                Fact::known(node, NODE_PROPERTIES, at)
                            }
                            Err(failure) => {
                                let wait = self.book.failed(&id, Instant::now(), RETRY, &failure);
                                Fact::failed(failure, Some(clock_after(wait)))
                            }
                        };
                        (id, fact)
                    })
                    .collect::<Vec<_>>(),
                Err(failure) => fail_all(&mut self.book, &due, &failure),
            };
            // What the client leaves out (ids of no managed node) is not asked for again soon.
            for id in due.iter().filter(|id| !facts.iter().any(|(told, _)| told == *id)) {
                self.book.done(id, Instant::now(), next);
            }
            scope.tell(Observation::Nodes { scope: scope.client.id().clone(), nodes: facts }).await?;
        }
        let roles = self.read_roles(scope, &active).await?;
        Ok([self.book.next(), roles].into_iter().flatten().min())
    }

    async fn read_roles(&self, scope: &Scope, active: &HashSet<NodeId>) -> Result<Option<Instant>, Closed> {
        // Whether once is enough, by role.
        let mut roles: HashMap<&Arc<str>, bool> = HashMap::new();
        for (node, names) in &self.roles {
            let once = !active.contains(node);
            for role in names {
                *roles.entry(role).or_insert(true) &= once;
            }
        }
        let every = scope.config.evidence_every;
        let due = roles.iter().filter(|(role, once)| scope.roles.claim(role, jittered(every), **once));
        let mine: Vec<&Arc<str>> = due.map(|(role, _)| *role).collect();
        for some in mine.chunks(ROLES_AT_ONCE) {
            let reads = some.iter().map(|role| async move {
                (*role, scope.ask(scope.client.role(role, &scope.roles.cache, every.mul_f64(0.9))).await)
            });
            for (role, answer) in join_all(reads).await {
                let policies = match answer {
                    Ok(policies) => {
                        // A part that failed is tried again as soon as a role that failed.
                        let lacking =
                            policies.as_ref().and_then(|role| failure_in(&role.documents).or(failure_in(&role.tags)));
                        let wait = match lacking {
                            Some(failure) => scope.roles.failed(role, RETRY, failure),
                            None => {
                                scope.roles.done(role);
                                every
                            }
                        };
                        let policies = policies.map(|role| RolePolicies {
                            documents: retried(role.documents, wait),
                            tags: retried(role.tags, wait),
                            ..role
                        });
                        Fact::known(policies, ROLE_POLICIES, Timestamp::now())
                    }
                    Err(failure) => {
                        let wait = scope.roles.failed(role, RETRY, &failure);
                        Fact::failed(failure, Some(clock_after(wait)))
                    }
                };
                let account = scope.client.id().account.clone();
                scope.tell(Observation::Role { account, role: role.clone(), policies }).await?;
            }
        }
        Ok(roles.into_iter().filter_map(|(role, once)| scope.roles.due(role, once)).min())
    }
}

fn roles_of(node: Option<&Node>) -> Vec<Arc<str>> {
    let roles = node.into_iter().flat_map(|node| [&node.instance_role, &node.iam_role]);
    roles.flatten().cloned().collect()
}

fn fail_all<T>(book: &mut DueBook<NodeId>, due: &[NodeId], failure: &Failure) -> Vec<(NodeId, Fact<T>)> {
    due.iter()
        .map(|id| {
            let wait = book.failed(id, Instant::now(), RETRY, failure);
            (id.clone(), Fact::failed(failure.clone(), Some(clock_after(wait))))
        })
        .collect()
}

/// Node tags.
#[derive(Debug)]
struct Tags {
    book: DueBook<NodeId>,
}

impl Tags {
    async fn step(&mut self, scope: &Scope) -> Result<Option<Instant>, Closed> {
        let (active, over) = nodes_of(scope);
        self.book.want_also_once(active, over, Instant::now());
        let every = scope.config.evidence_every;
        let due = self.book.due(Instant::now(), every / 4);
        if !due.is_empty() {
            let tags = match scope.ask(scope.client.node_tags(&due)).await {
                Ok(tags) => {
                    let (at, next) = (Timestamp::now(), jittered(every));
                    for id in &due {
                        self.book.done(id, Instant::now(), next);
                    }
                    tags.into_iter().map(|(id, tags)| (id, Fact::known(tags, NODE_TAGS, at))).collect()
                }
                Err(failure) => fail_all(&mut self.book, &due, &failure),
            };
            scope.tell(Observation::NodeTags { scope: scope.client.id().clone(), tags }).await?;
        }
        Ok(self.book.next())
    }
}

/// Whose credentials these are; asked until it is known.
#[derive(Debug)]
struct Caller {
    book: DueBook<()>,
    told: bool,
}

impl Caller {
    async fn step(&mut self, scope: &Scope) -> Result<Option<Instant>, Closed> {
        self.book.want((!self.told).then_some(()), Instant::now());
        if self.book.due(Instant::now(), Duration::ZERO).is_empty() {
            return Ok(self.book.next());
        }
        match scope.ask(scope.client.caller()).await {
            Ok((_, arn)) => {
                self.told = true;
                self.book.want(None, Instant::now());
                scope.tell(Observation::Caller { scope: scope.client.id().clone(), arn }).await?;
            }
            Err(_) => {
                // The listing says what is wrong with the scope.
                self.book.missed(&(), Instant::now(), RETRY, CEILING);
            }
        }
        Ok(self.book.next())
    }
}
