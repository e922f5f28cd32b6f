//! How a session begins: its id, its document's settings, its place in the world.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    World,
    agent::{Envelope, Recording},
    clock::Moment,
    documents,
    life::Happening,
    model::Node,
    session::{Kind, Logging, Session, Status},
    shell::{Shell, ShellSetting},
    trail::Caller,
};
use crate::sim::scenario::{Archive, Os, Step};

/// Idle time-out in minutes where the preferences say nothing.
const DEFAULT_IDLE_MINUTES: f64 = 20.0;

/// What a session begins with.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Account of the node.
    pub account: String,
    /// Region of the node.
    pub region: String,
    /// Node id.
    pub node: String,
    /// ARN of who starts it.
    pub owner: String,
    /// Document name; none given: the preferences.
    pub document: Option<String>,
    /// Reason.
    pub reason: Option<String>,
    /// Document parameters as given.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// What happens in it.
    pub script: Vec<Step>,
    /// JustInTime instead of Standard.
    pub just_in_time: bool,
    /// Whole id, or whether it is of the old form.
    pub id: SessionIdForm,
    /// Seconds for which a terminate does not take; negative is never.
    pub stubborn: f64,
    /// What becomes of the S3 object.
    pub archive: Archive,
    /// Whether the agent reaches CloudWatch Logs.
    pub logged: bool,
    /// Seed of everything random in it.
    pub seed: u64,
    /// Who CloudTrail says made the call.
    pub caller: Caller,
    /// Seat in the crowd.
    pub seat: Option<usize>,
}

/// How a session gets its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionIdForm {
    /// Name and 26 lowercase letters or digits.
    New,
    /// Name, `0` and 16 hex digits.
    Old,
    /// As given.
    Given(String),
}

impl World {
    /// Starts a session; the id and its index. The node must exist, and nothing forbid it to the owner: then there is none.
    pub fn open_session(&mut self, opening: Opening) -> Option<(String, usize)> {
        if self.may_not_start(&opening) {
            return None;
        }
        let mut random = fastrand::Rng::with_seed(opening.seed);
        let id = session_id(&opening.owner, &opening.id, &mut random);
        let node = self.node(&opening.account, &opening.region, &opening.node)?.clone();
        let setting = self.setting(&opening, &node);
        let now = self.clock;
        let failed = setting.failed;
        let quiet_start = random.f64();
        let shell_setting = ShellSetting {
            os: node.os,
            run_as_user: setting.run_as_user.clone(),
            host: node.computer_name.clone(),
            node_name: node.name.clone(),
            profile: setting.profile,
            interactive: setting.kind == Kind::Shell,
        };
        let script = match (setting.kind, &setting.command) {
            (Kind::Command, Some(command)) if opening.script.is_empty() => {
                vec![Step::Type(command.clone()), Step::Exit]
            }
            _ => opening.script.clone(),
        };
        let index = self.sessions.len();
        let session = Session {
            id: id.clone(),
            account: opening.account.clone(),
            region: opening.region.clone(),
            target: opening.node.clone(),
            owner: opening.owner.clone(),
            document: opening.document.clone().unwrap_or_else(|| "SSM-SessionManagerRunShell".into()),
            reason: opening.reason.clone(),
            status: if failed { Status::Failed } else { Status::Connecting },
            started: self.wall(now),
            ended: failed.then(|| self.wall(now)),
            max_duration: setting.max_minutes.map(|minutes| minutes.to_string()),
            just_in_time: opening.just_in_time,
            kind: setting.kind,
            logging: setting.logging,
            caller: opening.caller.clone(),
            envelope: Envelope {
                region: opening.region.clone(),
                target: opening.node.clone(),
                owner: opening.owner.clone(),
                run_as_user: setting.run_as_user,
                session_id: id.clone(),
                short_escapes: !is_older(&node.agent_version, [3, 3, 987]),
            },
            recording: Recording::new(node.os == Os::Windows),
            shell: Shell::new(shell_setting, script, random.fork()),
            next_act: None,
            step_due: false,
            first_tick: now,
            tick_due: false,
            log_dead: !opening.logged || node.role.is_none(),
            stream_made: false,
            last_activity: now,
            idle_timeout: setting.idle_minutes * 60.0,
            stubborn_until: match opening.stubborn {
                0.0 => None,
                seconds if seconds < 0.0 => Some(Moment(i64::MAX)),
                seconds => Some(now.plus(seconds)),
            },
            terminate_asked: false,
            archive: if node.role.is_none() { Archive::Lost } else { opening.archive },
            seat: opening.seat,
        };
        self.sessions.push(session);
        self.sessions_by_id.insert(id.clone(), index);
        if let Some(state) = self.region_mut(&opening.account, &opening.region) {
            state.sessions.push(index);
        }
        self.record_start(&opening, &id);
        if !failed {
            let [least, most] = self.scenario.delays.connect;
            self.agenda.put(now.plus(least + quiet_start * (most - least)), Happening::Connect(index));
            if let Some(minutes) = setting.max_minutes {
                self.agenda.put(now.plus(minutes as f64 * 60.0), Happening::TooLong(index));
            }
        }
        Some((id, index))
    }

    pub(super) fn setting(&self, opening: &Opening, node: &Node) -> Setting {
        let state = self.region(&opening.account, &opening.region);
        let document = |name: &str| state.and_then(|state| state.documents.get(name));
        let name = opening.document.as_deref().unwrap_or("SSM-SessionManagerRunShell");
        let name = name.rsplit_once("document/").map_or(name, |(_, name)| name);
        let content = document(name).map(|document| document.default_content()).unwrap_or_default();
        let kind = match at(&content, "/sessionType").as_str() {
            Some("Port") => Kind::Port,
            Some("InteractiveCommands" | "NonInteractiveCommands") => Kind::Command,
            _ => Kind::Shell,
        };
        let given: Vec<_> = opening.parameters.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let values = documents::parameters(&content, &given).unwrap_or_default();
        // Amazon's command documents carry no inputs of their own; the preferences of the account hold for them.
        let inputs = match content.get("inputs") {
            Some(inputs) => inputs.clone(),
            None => document("SSM-SessionManagerRunShell")
                .map(|document| at(&document.default_content(), "/inputs").clone())
                .unwrap_or_default(),
        };
        let text = |key: &str| {
            at(&inputs, &format!("/{key}"))
                .as_str()
                .map(|text| documents::substitute(text, &values))
                .filter(|text| !text.is_empty())
        };
        let group = text("cloudWatchLogGroupName");
        let existing = group.as_ref().and_then(|group| state.and_then(|state| state.log_groups.get(group)));
        let encrypted = existing.is_some_and(|group| group.kms_key.is_some());
        let failed = kind == Kind::Shell
            && group.is_some()
            && is_true(at(&inputs, "/cloudWatchEncryptionEnabled"))
            && !encrypted;
        let os_key = if node.os == Os::Windows { "windows" } else { "linux" };
        let command = at(&content, &format!("/properties/{os_key}/commands"))
            .as_str()
            .map(|command| documents::substitute(command, &values));
        let run_as = text("runAsDefaultUser").filter(|_| is_true(at(&inputs, "/runAsEnabled")) && os_key == "linux");
        Setting {
            kind,
            logging: Logging {
                group: existing.map(|group| group.name.clone()).filter(|_| kind != Kind::Port),
                streaming: kind == Kind::Shell && at(&inputs, "/cloudWatchStreamingEnabled") == true,
                bucket: text("s3BucketName").filter(|_| kind != Kind::Port),
                prefix: text("s3KeyPrefix").unwrap_or_default(),
            },
            max_minutes: text("maxSessionDuration").and_then(|minutes| minutes.parse().ok()),
            idle_minutes: text("idleSessionTimeout")
                .and_then(|minutes| minutes.parse().ok())
                .unwrap_or(DEFAULT_IDLE_MINUTES),
            run_as_user: run_as.unwrap_or_else(|| "ssm-user".into()),
            profile: at(&inputs, &format!("/shellProfile/{os_key}")).as_str().unwrap_or_default().to_owned(),
            command: command.filter(|_| kind == Kind::Command),
            failed,
        }
    }
}

pub(super) struct Setting {
    pub(super) kind: Kind,
    pub(super) logging: Logging,
    pub(super) max_minutes: Option<u64>,
    pub(super) idle_minutes: f64,
    pub(super) run_as_user: String,
    pub(super) profile: String,
    pub(super) command: Option<String>,
    pub(super) failed: bool,
}

/// The member at a JSON pointer, or null.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn is_true(value: &Value) -> bool {
    value == true || value.as_str() == Some("true")
}

/// Whether an agent version is older than the three first numbers of another.
pub(super) fn is_older(version: &str, than: [u64; 3]) -> bool {
    let numbers: Vec<u64> = version.split('.').take(3).map(|part| part.parse().unwrap_or(0)).collect();
    numbers.as_slice() < than.as_slice()
}

/// A session id: the last part of the owner's ARN and a random tail.
pub(super) fn session_id(owner: &str, form: &SessionIdForm, random: &mut fastrand::Rng) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let name = owner.rsplit(['/', ':']).next().unwrap_or("session");
    match form {
        SessionIdForm::Given(id) => id.clone(),
        SessionIdForm::Old => format!("{name}-0{:016x}", random.u64(..)),
        SessionIdForm::New => {
            let tail = (0..26).map(|_| char::from(LETTERS.get(random.usize(..36)).copied().unwrap_or(b'a')));
            format!("{name}-{}", tail.collect::<String>())
        }
    }
}
