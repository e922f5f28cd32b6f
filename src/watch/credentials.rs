//! Credentials that people renew: how it stands with them, and that a login made elsewhere is taken up.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

use super::scope::{Closed, Scope};
use crate::{
    aws::{Fleet, Glance, Login},
    domain::{CredentialStage, CredentialStanding, FailureClass, Observation, ScopeId},
};

/// How often what is held in memory is looked at; and the files, while somebody should log in.
const GLANCE_EVERY: Duration = Duration::from_secs(5);
/// How often files are read while all is well. No two bases at once: each has its turn.
const READ_EVERY: Duration = Duration::from_secs(60);

/// The task that looks at all bases of credentials.
pub(super) struct Credentials {
    fleet: Fleet,
    scopes: HashMap<ScopeId, Arc<Scope>>,
    out: mpsc::Sender<Observation>,
}

/// What was last seen of a base.
#[derive(Default)]
struct Seen {
    glance: Option<Glance>,
    told: Option<CredentialStanding>,
    read: Option<Instant>,
}

impl Credentials {
    pub(super) fn new(fleet: Fleet, scopes: HashMap<ScopeId, Arc<Scope>>, out: mpsc::Sender<Observation>) -> Self {
        Self { fleet, scopes, out }
    }

    pub(super) async fn run(self) -> Result<(), Closed> {
        let mut seen: Vec<Seen> = self.fleet.logins().iter().map(|_| Seen::default()).collect();
        let mut ticks = interval(GLANCE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for (login, seen) in self.fleet.logins().iter().zip(&mut seen) {
                self.look(login, seen).await?;
            }
        }
    }

    async fn look(&self, login: &Login, seen: &mut Seen) -> Result<(), Closed> {
        let glance = login.glance();
        let now = Timestamp::now();
        let calm = seen.told.as_ref().is_some_and(|told| told.stage(now) == CredentialStage::Good);
        let recent = seen.read.is_some_and(|read| read.elapsed() < READ_EVERY);
        if calm && recent && seen.glance.as_ref() == Some(&glance) {
            return Ok(());
        }
        let mut standing = login.standing().await;
        (seen.glance, seen.read) = (Some(glance), Some(Instant::now()));
        if self.is_renewed(&standing, seen.told.as_ref()) && login.take_up().await {
            tracing::info!(base = %standing.base, "a login was renewed");
            standing = login.standing().await;
            for (id, scope) in &self.scopes {
                if login.accounts().contains(&id.account) {
                    scope.refresh.notify_one();
                }
            }
        }
        let same = |told: &CredentialStanding| CredentialStanding { at: told.at, ..standing.clone() } == *told;
        if seen.told.as_ref().is_some_and(same) {
            return Ok(());
        }
        seen.told = Some(standing.clone());
        self.out.send(Observation::Credentials(Box::new(standing))).await.map_err(|_| Closed)
    }

    /// Whether a login that failed has a token that was not there before.
    fn is_renewed(&self, now: &CredentialStanding, before: Option<&CredentialStanding>) -> bool {
        let failed = now
            .problem
            .as_ref()
            .is_some_and(|problem| matches!(problem.class, FailureClass::Expired | FailureClass::NoCredentials));
        let good = now.token_until.is_some_and(|end| end > now.at);
        failed && good && before.is_some_and(|before| before.token_until != now.token_until)
    }
}
