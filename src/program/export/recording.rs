//! An export by the command is an act: it is written down where that is possible, and done in any case.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::{
    domain::{Act, ActKind, ActOutcome, ActStep, Actor, Session, Subject},
    program::{Refusal, complain},
    store::{Phase, Store, StoreError},
};

/// Another export holds the store for moments, a dashboard for hours: it is tried so often, this long apart.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(60);

/// The act of this export.
pub(super) struct Recording {
    path: Result<PathBuf, String>,
    act: Act,
    began: Instant,
    not_recorded: Option<String>,
}

impl Recording {
    /// Writes down that the export begins.
    pub(super) fn begin(
        path: Result<PathBuf, StoreError>,
        session: &Session,
        output: &Path,
        arn: Option<String>,
    ) -> Self {
        let subject = Subject::Session(session.key.clone());
        let user = whoami::fallible::username().unwrap_or_else(|_| "unknown user".into());
        let act = Act {
            id: 0,
            at: Timestamp::now(),
            kind: ActKind::Export,
            subject,
            target: output.display().to_string(),
            owner: session.owner.to_string(),
            reason: String::new(),
            actor: Actor { user, arn, rule: None },
            evidence_sha256: None,
            steps: vec![ActStep::started(ActKind::Export.title())],
        };
        let path = path.map_err(|error| format!("{error}: {}", error.to_do()));
        let mut recording = Self { path, act, began: Instant::now(), not_recorded: None };
        recording.not_recorded = recording.write(Phase::Start).err();
        recording
    }

    /// Why it is not written down, if it is not.
    pub(super) fn not_recorded(&self) -> Option<&str> {
        self.not_recorded.as_deref()
    }

    /// Writes down what it came to; where that, or the begin, could not be written that is said.
    pub(super) fn end(mut self, done: Result<&Path, &Refusal>) {
        let outcome = match done {
            Ok(path) => ActOutcome::Done {
                took_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
                proof: format!("written to {}", path.display()),
            },
            Err(refusal) => ActOutcome::Failed { what: refusal.what.clone(), to_do: refusal.to_do.clone() },
        };
        let why = match self.not_recorded.take() {
            Some(why) if done.is_ok() => Some(why),
            // Nothing was exported, and nothing was written down.
            Some(_) => None,
            None => {
                for step in &mut self.act.steps {
                    step.outcome = outcome.clone();
                }
                self.write(Phase::Outcome).err()
            }
        };
        if let Some(why) = why {
            complain(&format!("ssmwatch: the export is not in the record of acts: {why}\n"));
        }
    }

    /// The store is held no longer than it takes: a dashboard may start at any time.
    fn write(&mut self, phase: Phase) -> Result<(), String> {
        let path = self.path.clone()?;
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let written = Store::open(&path).and_then(|mut store| {
                if phase == Phase::Start {
                    self.act.id = store.load(Timestamp::now())?.next_act.max(1);
                }
                store.record(phase, &self.act, &[])?;
                // What is recorded is on the disk.
                let _ = store.close();
                Ok(())
            });
            match written {
                Err(StoreError::InUse { .. }) if tries > 0 => thread::sleep(PAUSE),
                Err(error) => return Err(format!("{error}: {}", error.to_do())),
                Ok(()) => return Ok(()),
            }
        }
    }
}
