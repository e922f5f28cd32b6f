//! One pass: everything read once, for runs without a screen.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    Scopes, WatchConfig,
    archive::Archives,
    evidence::Evidence,
    listing::Listing,
    principals::Principals,
    scope::{Closed, Scope, clock_after},
    scopes_of,
    streams::Streams,
    tag_trail::TagTrail,
    tail::Tails,
    trail::Trail,
};
use crate::{
    aws::{Fleet, unreachable},
    domain::{Observation, ScopeId},
};

/// One pass tries so often what fails in a way that may be over soon, and waits about this long after the first time.
const PASS_TRIES: usize = 5;
/// Evidence is many things, each with its own next try.
const PASS_EVIDENCE_TRIES: usize = 8;
const PASS_RETRY: Duration = Duration::from_secs(1);

/// Reads everything once, all scopes at the same time, each within [`WatchConfig::scope_deadline`]. What fails is tried again as long as that
/// may help, and what was read before the deadline is kept. A failed listing is told, once, where it was not read in the end.
pub async fn one_pass(fleet: &Fleet, config: WatchConfig) -> Vec<Observation> {
    let deadline = Instant::now() + config.scope_deadline;
    let config = WatchConfig { sessions_every: config.sessions_every.min(PASS_RETRY), ..config };
    let (sender, mut receiver) = mpsc::channel(256);
    let Scopes { scopes, tags } = scopes_of(fleet, config, &sender);
    let mut passes = JoinSet::new();
    for tags in tags {
        passes.spawn(async move {
            let _ = timeout_at(deadline, pass_tags(tags)).await;
        });
    }
    for scope in scopes {
        let sender = sender.clone();
        passes.spawn(async move {
            // A pass that is cut off has told what it read; the listings that it lacks are seen below.
            let _ = timeout_at(deadline, pass(&scope)).await;
            let observation = Observation::ApiUse { scope: scope.client.id().clone(), calls: scope.client.counts() };
            // The receiver lives until all passes are over.
            let _ = sender.send(observation).await;
        });
    }
    drop(sender);
    let mut seen = Vec::new();
    while let Some(observation) = receiver.recv().await {
        seen.push(observation);
    }
    passes.join_all().await;
    only_last_failures(&mut seen);
    for scope in fleet.scopes() {
        let settled = seen.iter().any(|observation| match observation {
            Observation::History { scope: told, .. } | Observation::ListingFailed { scope: told, .. } => {
                told == scope.id()
            }
            _ => false,
        });
        if !settled {
            let failure = unreachable("ssm:DescribeSessions", "no complete answer before the deadline");
            let at = clock_after(Duration::ZERO);
            seen.push(Observation::ListingFailed { scope: scope.id().clone(), failure, retry_at: at, at });
        }
    }
    seen
}

/// Drops failures of listings that were read afterwards: a pass reads History last, once Active was read.
fn only_last_failures(seen: &mut Vec<Observation>) {
    let mut settled: HashSet<ScopeId> = HashSet::new();
    let mut kept: Vec<Observation> = Vec::with_capacity(seen.len());
    for observation in seen.drain(..).rev() {
        let keep = match &observation {
            Observation::History { scope, .. } => {
                settled.insert(scope.clone());
                true
            }
            Observation::ListingFailed { scope, .. } => settled.insert(scope.clone()),
            _ => true,
        };
        if keep {
            kept.push(observation);
        }
    }
    kept.reverse();
    *seen = kept;
}

/// One scope, once.
async fn pass(scope: &Arc<Scope>) -> Result<(), Closed> {
    let mut listing = Listing::new(scope.clone(), Duration::ZERO);
    for tries_left in (0..PASS_TRIES).rev() {
        if rest(scope, Some(listing.first().await?), tries_left).await {
            break;
        }
    }
    scope.known.send_modify(|known| known.passed = true);
    let (evidence, trail, principals) = tokio::join!(pass_evidence(scope), pass_trail(scope), pass_principals(scope));
    evidence.and(trail).and(principals)
}

async fn pass_evidence(scope: &Arc<Scope>) -> Result<(), Closed> {
    // Documents of ended sessions decide where their archive is; roles of nodes come with the nodes.
    let mut evidence = Evidence::new(scope.clone());
    for _ in 0..PASS_EVIDENCE_TRIES {
        evidence.step().await?;
        match evidence.next_passing() {
            Some(next) => sleep_until(next).await,
            None => break,
        }
    }
    scope.take_hiccup();
    let (streams, tails, archives) =
        tokio::join!(pass_streams(scope), Tails::new(scope.clone()).pass(), pass_archives(scope));
    streams.and(tails).and(archives)
}

async fn pass_streams(scope: &Arc<Scope>) -> Result<(), Closed> {
    let mut streams = Streams::new(scope.clone());
    for tries_left in (0..PASS_TRIES).rev() {
        if rest(scope, streams.step().await?, tries_left).await {
            break;
        }
    }
    Ok(())
}

async fn pass_archives(scope: &Arc<Scope>) -> Result<(), Closed> {
    let mut archives = Archives::new(scope.clone());
    for tries_left in (0..PASS_TRIES).rev() {
        if rest(scope, archives.step().await?, tries_left).await {
            break;
        }
    }
    Ok(())
}

async fn pass_trail(scope: &Arc<Scope>) -> Result<(), Closed> {
    let mut trail = Trail::new(scope.clone());
    for _ in 0..PASS_TRIES {
        match trail.once().await? {
            Some(next) => sleep_until(next).await,
            None => break,
        }
    }
    Ok(())
}

pub(super) async fn pass_principals(scope: &Arc<Scope>) -> Result<(), Closed> {
    // Where no listing was read, this one would not be either.
    if !scope.known.borrow().listed {
        return Ok(());
    }
    let mut principals = Principals::new(scope.clone());
    for _ in 0..PASS_TRIES {
        match principals.once().await? {
            Some(next) => sleep_until(next).await,
            None => break,
        }
    }
    Ok(())
}

/// The tags of one account, once its scopes are listed or never will be.
pub(super) async fn pass_tags(mut tags: TagTrail) -> Result<(), Closed> {
    tags.listings_passed().await?;
    for _ in 0..PASS_TRIES {
        match tags.step().await? {
            (next, true) => sleep_until(next).await,
            (_, false) => break,
        }
    }
    Ok(())
}

/// Waits for the next try, if one may help; whether none does.
async fn rest(scope: &Scope, next: Option<Instant>, tries_left: usize) -> bool {
    match next {
        Some(next) if scope.take_hiccup() && tries_left > 0 => {
            sleep_until(next).await;
            false
        }
        _ => true,
    }
}
