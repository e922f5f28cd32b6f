//! Ending a session, and proving that it ended.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::{
    aws::{FoundSession, ScopeClient},
    domain::{ActOutcome, Failure, FailureClass, SessionId, SessionStatus},
};

/// After that long a session that is still there is an error.
const PATIENCE: Duration = Duration::from_secs(10);
/// The look before it is sent keeps it from being sent for at most that long.
const GLANCE: Duration = Duration::from_secs(1);
/// Between two looks: two requests each, of the 6 a second that DescribeSessions allows an account and region.
const LOOK: Duration = Duration::from_millis(500);

/// What the listings say of a session that was told to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Left Active, and the History agrees: with that status, at that time.
    Ended(SessionStatus, Option<Timestamp>),
    /// Left Active, the History does not show it so far.
    LeftActive,
    /// Still listed as active, in that status.
    StillThere(SessionStatus),
}

impl Proof {
    /// Reads the two listings.
    pub fn of(found: &FoundSession) -> Self {
        match (&found.active, &found.history) {
            (Some(active), _) => Self::StillThere(active.status.clone()),
            (None, Some(history)) => Self::Ended(history.status.clone(), history.ended_at),
            (None, None) => Self::LeftActive,
        }
    }
}

/// Ends a session; tells each step. The last outcome is `Done` only when both listings prove the end: the service
/// answers success to TerminateSession for ids that do not exist, too. A session that History had before is not claimed:
/// nothing is sent then. An outcome comes within little more than ten seconds, whatever AWS does.
pub async fn terminate(client: &ScopeClient, id: &SessionId, mut tell: impl FnMut(ActOutcome)) -> ActOutcome {
    let began = Instant::now();
    let deadline = began + PATIENCE;
    // Where that cannot be looked up at once the session is ended all the same.
    if let Ok(Ok(found)) = timeout(GLANCE, client.find_session(id)).await
        && let Proof::Ended(status, at) = Proof::of(&found)
    {
        return ActOutcome::Failed {
            what: format!("nothing was sent, it had ended before: {}", history_words(&status, at)),
            to_do: "Nothing is left to do here".to_owned(),
        };
    }
    // A request without an answer may have arrived: whether the session ends tells.
    let unanswered = match timeout_at(deadline, client.terminate_session(id)).await {
        Ok(Ok(())) => false,
        Ok(Err(failure)) if failure.class == FailureClass::Unreachable => true,
        Err(_) => true,
        Ok(Err(failure)) => {
            return ActOutcome::Failed { what: failure_words(&failure), to_do: failure_advice(&failure) };
        }
    };
    tell(ActOutcome::Sent);
    let (mut seen, mut trouble) = (None, None);
    while let Ok(found) = timeout_at(deadline, client.find_session(id)).await {
        match found.map(|found| Proof::of(&found)) {
            Ok(Proof::Ended(status, at)) => {
                let proof = format!("left Active, {}", history_words(&status, at));
                let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                return ActOutcome::Done { took_ms, proof };
            }
            Ok(Proof::LeftActive) => {
                seen = Some("it left Active, but History does not show it".to_owned());
                trouble = None;
            }
            Ok(Proof::StillThere(status)) => {
                seen = Some(format!("it is still {status}"));
                trouble = None;
            }
            Err(failure) => {
                use FailureClass::{Denied, Expired, NoCredentials};
                let hopeless = matches!(failure.class, Denied | Expired | NoCredentials);
                trouble = Some(failure);
                if hopeless {
                    break;
                }
            }
        }
        sleep_until(deadline.min(Instant::now() + LOOK)).await;
    }
    not_proven(unanswered, seen, trouble)
}

/// What is known when time is up: what was seen last, and what kept from looking since.
fn not_proven(unanswered: bool, seen: Option<String>, trouble: Option<Failure>) -> ActOutcome {
    const REPEAT: &str =
        "Select it and terminate it once more; if it stays, stop the SSM Agent's session worker on the node";
    let sent = if unanswered { "ssm:TerminateSession got no answer" } else { "sent" };
    let patience = PATIENCE.as_secs();
    let (what, to_do) = match (seen, trouble) {
        (Some(seen), None) => (format!("NOT ENDED: {sent}, and {seen} after {patience} s"), REPEAT.to_owned()),
        (Some(seen), Some(failure)) => {
            let why = failure_words(&failure);
            let what = format!("NOT PROVEN: {sent}, and when it was last seen {seen}; since then {why}");
            (what, failure_advice(&failure))
        }
        (None, Some(failure)) => {
            let what = format!("{sent}, but its end cannot be proven: {}", failure_words(&failure));
            (what, failure_advice(&failure))
        }
        (None, None) => (
            format!("{sent}, but its end cannot be proven: no answer within {patience} s"),
            "Look whether it is still listed, and terminate it once more if it is".to_owned(),
        ),
    };
    ActOutcome::Unproven { what, to_do }
}

fn history_words(status: &SessionStatus, ended_at: Option<Timestamp>) -> String {
    let when = ended_at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
    format!("History says {status}{when}")
}

/// One line of what went wrong with a request.
pub(super) fn failure_words(failure: &Failure) -> String {
    match failure.class {
        FailureClass::Denied => format!("the permission {} is missing", failure.action),
        FailureClass::Gone | FailureClass::Other => {
            let code = failure.code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
            format!("{} failed: {code}{}", failure.action, failure.message)
        }
        class => format!("{} failed: {}", failure.action, class.word()),
    }
}

/// One line of what to do about it.
pub(super) fn failure_advice(failure: &Failure) -> String {
    match failure.class {
        FailureClass::Denied => {
            format!("Have {} granted to the role that ssmwatch uses in this account", failure.action)
        }
        FailureClass::Throttled => "Wait a moment and repeat it".to_owned(),
        FailureClass::Expired | FailureClass::NoCredentials => "Renew the credentials and repeat it".to_owned(),
        FailureClass::Unreachable => "Check the network to the AWS endpoint and repeat it".to_owned(),
        FailureClass::Gone => "Check the name in the config".to_owned(),
        FailureClass::Other => "Repeat it; the program's log has the details".to_owned(),
    }
}
