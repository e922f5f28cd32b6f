//! A fleet on the simulated AWS, and quarantines planned and carried out on it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, dead_code, missing_docs)]

use ssmwatch::{
    aws::Fleet,
    domain::{ActOutcome, QuarantineKind, QuarantineMethod, QuarantinePlan, QuarantineRefused, ScopeId},
    response::quarantine::{REVOKING_POLICY, carry_out, plan},
    sim::{Sim, world::control_policies::ControlPolicy},
};

use super::rig::{self, PAYMENTS, home};

pub const POLICY: &str = "p-quarantine1";
pub const CAROL: &str = "arn:aws:sts::111122223333:assumed-role/WinOps/carol";

/// The simulated AWS and the fleet on it.
pub struct Field {
    pub sim: Sim,
    pub fleet: Fleet,
}

impl Field {
    pub async fn new() -> Self {
        let sim = rig::quiet().await;
        let fleet = rig::fleet(&sim).await;
        Self { sim, fleet }
    }

    pub async fn plan_in(
        &self,
        of: &ScopeId,
        method: &QuarantineMethod,
        owner: &str,
        kind: QuarantineKind,
    ) -> Result<QuarantinePlan, QuarantineRefused> {
        plan(&self.fleet, method, of, owner, kind).await
    }

    pub async fn plan(&self, method: &QuarantineMethod, kind: QuarantineKind) -> QuarantinePlan {
        self.plan_in(&home(), method, CAROL, kind).await.unwrap()
    }

    pub async fn refused(&self, method: &QuarantineMethod, owner: &str, kind: QuarantineKind) -> QuarantineRefused {
        self.plan_in(&home(), method, owner, kind).await.unwrap_err()
    }

    /// The outcome, and whether it was said to be sent before.
    pub async fn carry_out(&self, plan: &QuarantinePlan) -> (ActOutcome, bool) {
        let mut told = Vec::new();
        let outcome = carry_out(&self.fleet, plan, |outcome| told.push(outcome)).await;
        assert!(told.len() <= 1 && told.iter().all(|told| *told == ActOutcome::Sent), "{told:?}");
        (outcome, !told.is_empty())
    }

    pub async fn done(&self, plan: &QuarantinePlan) -> String {
        match self.carry_out(plan).await {
            (ActOutcome::Done { took_ms, proof }, true) => {
                assert!(took_ms < 10_000, "{took_ms}");
                proof
            }
            other => panic!("{other:?}"),
        }
    }

    pub async fn failed(&self, plan: &QuarantinePlan) -> (String, String) {
        match self.carry_out(plan).await {
            (ActOutcome::Failed { what, to_do }, false) => (what, to_do),
            other => panic!("{other:?}"),
        }
    }

    pub async fn unproven(&self, plan: &QuarantinePlan) -> (String, String) {
        match self.carry_out(plan).await {
            (ActOutcome::Unproven { what, to_do }, true) => (what, to_do),
            other => panic!("{other:?}"),
        }
    }

    pub fn attached(&self, account: &str) -> bool {
        self.sim.with_world(|world| world.control_policies.attached[account].iter().any(|id| id == POLICY))
    }

    pub fn attach(&self, account: &str, wanted: bool) {
        self.sim.with_world(|world| {
            let attached = world.control_policies.attached.get_mut(account).unwrap();
            attached.retain(|id| id != POLICY);
            attached.extend(wanted.then(|| POLICY.to_owned()));
        });
    }

    pub fn revoking_document(&self) -> Option<String> {
        self.sim.with_world(|world| world.accounts[PAYMENTS].roles["WinOps"].inline.get(REVOKING_POLICY).cloned())
    }

    pub fn write_document(&self, document: &str) {
        self.sim.with_world(|world| {
            let role = world.accounts.get_mut(PAYMENTS).unwrap().roles.get_mut("WinOps").unwrap();
            role.inline.insert(REVOKING_POLICY.to_owned(), document.to_owned());
        });
    }

    pub fn writes(&self) -> u64 {
        self.sim.with_world(|world| world.gate.writes().values().sum())
    }

    pub fn deny(&self, account: &str, action: &str) {
        self.sim.with_world(|world| world.gate.deny(account, action));
    }

    pub fn change_policy(&self, change: impl FnOnce(&mut ControlPolicy)) {
        self.sim.with_world(|world| change(world.control_policies.by_id.get_mut(POLICY).unwrap()));
    }
}
