//! Doing what a plan says, and proving it by reading back.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{
    advice,
    document::{REVOKING_POLICY, same},
};
use crate::{
    aws::{Fleet, GET_ROLE_POLICY, LIST_POLICIES, ScopeClient},
    domain::{ActOutcome, Failure, FailureClass, QuarantineChange, QuarantineKind, QuarantinePlan},
    response::terminate::failure_words,
};

/// After that long what is not proven is an error.
const PATIENCE: Duration = Duration::from_secs(10);
/// The look before it is sent keeps it from being sent for at most that long.
const GLANCE: Duration = Duration::from_secs(2);
/// A request that is not answered within that time may have arrived: reading back tells.
const ANSWER: Duration = Duration::from_secs(3);
/// What is kept of the time for reading back.
const PROOF: Duration = Duration::from_secs(3);
/// Between two looks, and between two tries.
const LOOK: Duration = Duration::from_millis(500);

/// Sets or lifts a quarantine as planned; tells each step. The last outcome is `Done` only when reading back agrees. What is not as it was
/// when the plan was made is not touched: nothing is sent then. An outcome comes within little more than ten seconds, whatever AWS does.
pub async fn carry_out(fleet: &Fleet, plan: &QuarantinePlan, mut tell: impl FnMut(ActOutcome)) -> ActOutcome {
    let began = Instant::now();
    let deadline = began + PATIENCE;
    let Some(client) = fleet.scope(&plan.scope) else {
        return ActOutcome::Failed {
            what: format!("nothing was sent: account {} is not watched any more", plan.account),
            to_do: "Add it to the config".to_owned(),
        };
    };
    let hands = Hands { fleet, client, plan };
    // Where that cannot be looked up at once it is sent all the same.
    if let Ok(Some(failed)) = timeout(GLANCE, hands.not_as_planned()).await {
        return failed;
    }
    let unanswered = match hands.send(deadline).await {
        Ok(unanswered) => unanswered,
        Err(failure) => return ActOutcome::Failed { what: failure_words(&failure), to_do: advice(&failure) },
    };
    tell(ActOutcome::Sent);
    let (mut seen, mut trouble) = (false, None);
    loop {
        let patience = deadline.min(Instant::now() + ANSWER);
        match timeout_at(patience, hands.is_as_wanted()).await {
            Ok(Ok(true)) => {
                let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                return ActOutcome::Done { took_ms, proof: hands.proof(true) };
            }
            Ok(Ok(false)) => (seen, trouble) = (true, None),
            Ok(Err(failure)) => {
                use FailureClass::{Denied, Expired, NoCredentials};
                let hopeless = matches!(failure.class, Denied | Expired | NoCredentials);
                trouble = Some(failure);
                if hopeless {
                    break;
                }
            }
            Err(_) => {}
        }
        let next = Instant::now() + LOOK;
        if next >= deadline {
            break;
        }
        sleep_until(next).await;
    }
    hands.not_proven(unanswered, seen, trouble)
}

/// One plan on its way.
struct Hands<'a> {
    fleet: &'a Fleet,
    client: Arc<ScopeClient>,
    plan: &'a QuarantinePlan,
}

impl Hands<'_> {
    /// Sends the change, again where the service asks for it. True: it was not answered, and may have arrived.
    async fn send(&self, deadline: Instant) -> Result<bool, Failure> {
        loop {
            let failure = match timeout(ANSWER, self.write()).await {
                Ok(Ok(())) => return Ok(false),
                Err(_) => return Ok(true),
                Ok(Err(failure)) if failure.class == FailureClass::Unreachable => return Ok(true),
                Ok(Err(failure)) if self.is_told_by_reading(&failure) => return Ok(false),
                Ok(Err(failure)) => failure,
            };
            let next = Instant::now() + LOOK;
            if !may_be_repeated(&failure) || next + PROOF >= deadline {
                return Err(failure);
            }
            sleep_until(next).await;
        }
    }

    async fn write(&self) -> Result<(), Failure> {
        let (fleet, scope) = (self.fleet, &self.plan.scope);
        match (&self.plan.change, self.plan.kind) {
            (QuarantineChange::ControlPolicy { id, .. }, QuarantineKind::Set) => fleet.attach_policy(scope, id).await,
            (QuarantineChange::ControlPolicy { id, .. }, QuarantineKind::Lift) => fleet.detach_policy(scope, id).await,
            (QuarantineChange::RolePolicy { role, written: Some(document), .. }, _) => {
                self.client.put_role_policy(role, REVOKING_POLICY, document).await
            }
            (QuarantineChange::RolePolicy { role, written: None, .. }, _) => {
                self.client.delete_role_policy(role, REVOKING_POLICY).await
            }
        }
    }

    /// Refusals that say it is so already: by somebody else, or by a first try whose answer was lost.
    fn is_told_by_reading(&self, failure: &Failure) -> bool {
        let code = failure.code.as_deref().unwrap_or_default();
        match (&self.plan.change, self.plan.kind) {
            (QuarantineChange::ControlPolicy { .. }, QuarantineKind::Set) => {
                code == "DuplicatePolicyAttachmentException"
            }
            (QuarantineChange::ControlPolicy { .. }, QuarantineKind::Lift) => code == "PolicyNotAttachedException",
            (QuarantineChange::RolePolicy { .. }, QuarantineKind::Set) => false,
            (QuarantineChange::RolePolicy { .. }, QuarantineKind::Lift) => failure.class == FailureClass::Gone,
        }
    }

    /// What keeps the plan from being carried out: it is so already, or what was shown has changed.
    async fn not_as_planned(&self) -> Option<ActOutcome> {
        let failed = |what: String, to_do: &str| {
            Some(ActOutcome::Failed { what: format!("nothing was sent: {what}"), to_do: to_do.to_owned() })
        };
        let (changed, as_wanted) = match &self.plan.change {
            QuarantineChange::ControlPolicy { id, document } => {
                let (policy, attached) = tokio::join!(
                    self.fleet.control_policy(&self.plan.scope, id),
                    self.fleet.is_attached(&self.plan.scope, id)
                );
                let changed = policy.is_ok_and(|policy| !same(&policy.document, document));
                let wanted = self.plan.kind == QuarantineKind::Set;
                // To take a policy away that says something else now is as good.
                (changed && wanted, attached.ok() == Some(wanted))
            }
            QuarantineChange::RolePolicy { role, written, found } => {
                let Ok(now) = self.client.role_policy(role, REVOKING_POLICY).await else { return None };
                let alike = |other: &Option<Arc<str>>| match (&now, other) {
                    (Some(now), Some(other)) => same(now, other),
                    (now, other) => now.is_none() && other.is_none(),
                };
                (!alike(found), alike(written))
            }
        };
        if as_wanted {
            return failed(format!("it is so already: {}", self.proof(true)), "Nothing is left to do here");
        }
        if changed {
            return failed(
                "what is there has changed since it was shown".to_owned(),
                "Begin anew, and read what it says now",
            );
        }
        None
    }

    /// Reads back.
    async fn is_as_wanted(&self) -> Result<bool, Failure> {
        match &self.plan.change {
            QuarantineChange::ControlPolicy { id, .. } => {
                let attached = self.fleet.is_attached(&self.plan.scope, id).await?;
                Ok(attached == (self.plan.kind == QuarantineKind::Set))
            }
            QuarantineChange::RolePolicy { role, written, .. } => {
                let now = self.client.role_policy(role, REVOKING_POLICY).await?;
                Ok(match (now, written) {
                    (Some(now), Some(written)) => same(&now, written),
                    (now, written) => now.is_none() && written.is_none(),
                })
            }
        }
    }

    /// What reading back says, for people.
    fn proof(&self, as_wanted: bool) -> String {
        let target = &self.plan.target;
        let set = self.plan.kind == QuarantineKind::Set;
        match &self.plan.change {
            QuarantineChange::ControlPolicy { id, .. } => {
                let verb = if set == as_wanted { "shows" } else { "does not show" };
                format!("{LIST_POLICIES} {verb} {id} on {target}")
            }
            QuarantineChange::RolePolicy { .. } => {
                let says = match (set, as_wanted) {
                    (true, true) => "as it was written",
                    (true, false) => "not as it was written",
                    (false, true) => "no more",
                    (false, false) => "still",
                };
                format!("{GET_ROLE_POLICY} shows {REVOKING_POLICY} {says} in {target}")
            }
        }
    }

    /// What is known when time is up: what was seen last, and what kept from looking since.
    fn not_proven(&self, unanswered: bool, seen: bool, trouble: Option<Failure>) -> ActOutcome {
        let state = match self.plan.kind {
            QuarantineKind::Set => "NOT IN QUARANTINE",
            QuarantineKind::Lift => "NOT LIFTED",
        };
        let sent = if unanswered { format!("{} got no answer", self.plan.action) } else { "sent".to_owned() };
        let patience = PATIENCE.as_secs();
        let repeat = "Repeat it, and look in CloudTrail who else changes it".to_owned();
        let (what, to_do) = match (seen, trouble) {
            (true, None) => (format!("{state}: {sent}, and {} after {patience} s", self.proof(false)), repeat),
            (true, Some(failure)) => {
                let why = failure_words(&failure);
                (format!("NOT PROVEN: {sent}, and {}; since then {why}", self.proof(false)), advice(&failure))
            }
            (false, Some(failure)) => {
                (format!("{sent}, but it cannot be proven: {}", failure_words(&failure)), advice(&failure))
            }
            (false, None) => {
                (format!("{sent}, but it cannot be proven: nothing could be read back within {patience} s"), repeat)
            }
        };
        ActOutcome::Unproven { what, to_do }
    }
}

/// Refusals by which a service only asks to come back.
/// docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html, docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
fn may_be_repeated(failure: &Failure) -> bool {
    failure.class == FailureClass::Throttled
        || failure.code.as_deref().is_some_and(|code| {
            matches!(
                code,
                "ConcurrentModificationException"
                    | "ConcurrentModification"
                    | "PolicyChangesInProgressException"
                    | "EntityTemporarilyUnmodifiable"
                    | "ServiceException"
                    | "ServiceFailure"
            )
        })
}
