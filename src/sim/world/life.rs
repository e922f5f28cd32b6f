//! The life of a session, from its start to what is left of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    World,
    agent::{self, Envelope, Recording},
    archive::Object,
    clock::Moment,
    documents,
    model::Node,
    organization,
    session::{Kind, Logging, Session, Status},
    shell::{Act, Shell, ShellSetting},
    trail::Caller,
};
use crate::sim::scenario::{Archive, Os, Step};

/// Seconds after its end for which the world keeps a session's recording and log stream.
const KEEP_SECONDS: f64 = 6.0 * 3600.0;
/// Idle time-out in minutes where the preferences say nothing.
const DEFAULT_IDLE_MINUTES: f64 = 20.0;

/// What the agenda holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A session of the cast starts.
    CastEnters(usize),
    /// Somebody of the crowd starts a session.
    CrowdEnters(usize),
    /// Somebody of the crowd has done their work.
    Leaves(usize),
    /// A happening of the scenario.
    Scripted(usize),
    /// The channel of a session is open.
    Connect(usize),
    /// The shell of a session goes on.
    Step(usize),
    /// The agent of a session looks for new lines.
    Tick(usize),
    /// A session that was Terminating is over.
    Ended(usize),
    /// Has a session been idle for too long?
    IdleCheck(usize),
    /// A session has reached its longest duration.
    TooLong(usize),
    /// The client of a session comes back.
    Resume(usize),
    /// A terminate that did not take at once takes now.
    TerminateTakes(usize),
    /// The transcript of a session is uploaded to S3.
    ArchiveArrives(usize),
    /// The transcript of a session is uploaded to CloudWatch Logs.
    TranscriptArrives(usize),
    /// The recording of a session is forgotten.
    Forget(usize),
}

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
    pub(super) fn play(&mut self, happening: Happening) {
        match happening {
            Happening::CastEnters(number) => self.cast_enters(number),
            Happening::CrowdEnters(seat) => self.crowd_enters(seat),
            Happening::Leaves(index) => {
                if let Some(session) = self.sessions.get_mut(index) {
                    session.shell.leave();
                }
            }
            Happening::Scripted(number) => {
                let scenario = std::sync::Arc::clone(&self.scenario);
                if let Some(happening) = scenario.happenings.get(number) {
                    self.scripted(&happening.what);
                }
            }
            Happening::Connect(index) => self.connect(index),
            Happening::Step(index) => self.step(index),
            Happening::Tick(index) => self.tick(index),
            Happening::Ended(index) => self.ended(index),
            Happening::IdleCheck(index) => self.idle_check(index),
            Happening::TooLong(index) => {
                if self.sessions.get(index).is_some_and(Session::is_active) {
                    self.begin_end(index, 0.5);
                }
            }
            Happening::Resume(index) => self.client_returns(index),
            Happening::TerminateTakes(index) => self.terminate_takes(index),
            Happening::ArchiveArrives(index) => self.archive_arrives(index),
            Happening::TranscriptArrives(index) => self.transcript_arrives(index),
            Happening::Forget(index) => self.forget(index),
        }
    }

    fn cast_enters(&mut self, number: usize) {
        let scenario = std::sync::Arc::clone(&self.scenario);
        let Some(spec) = scenario.cast.get(number) else { return };
        let Some((account, region, node)) = self.find_node(&spec.node) else { return };
        let owner = spec.owner.replace("{account}", &account);
        let seed = self.seed ^ organization::stable_hash(&["cast", &number.to_string()]);
        self.open_session(Opening {
            caller: Caller::scripted(&owner, spec.source_ip.as_deref(), seed),
            account,
            region,
            node,
            owner,
            document: spec.document.clone(),
            reason: spec.reason.clone(),
            parameters: spec.parameters.clone(),
            script: spec.script.clone(),
            just_in_time: spec.just_in_time,
            id: match (&spec.id, spec.old_id) {
                (Some(id), _) => SessionIdForm::Given(id.clone()),
                (None, true) => SessionIdForm::Old,
                (None, false) => SessionIdForm::New,
            },
            stubborn: spec.stubborn,
            archive: spec.archive,
            logged: spec.logged,
            seed,
            seat: None,
        });
    }

    /// Starts a session; the id and its index. The node must exist.
    pub fn open_session(&mut self, opening: Opening) -> Option<(String, usize)> {
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

    fn setting(&self, opening: &Opening, node: &Node) -> Setting {
        let state = self.region(&opening.account, &opening.region);
        let document = |name: &str| state.and_then(|state| state.documents.get(name));
        let name = opening.document.as_deref().unwrap_or("SSM-SessionManagerRunShell");
        let name = name.rsplit_once("document/").map_or(name, |(_, name)| name);
        let content = document(name).map(|document| document.default_content()).unwrap_or_default();
        let kind = match content["sessionType"].as_str() {
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
                .map(|document| document.default_content()["inputs"].clone())
                .unwrap_or_default(),
        };
        let text = |key: &str| {
            inputs[key].as_str().map(|text| documents::substitute(text, &values)).filter(|text| !text.is_empty())
        };
        let group = text("cloudWatchLogGroupName");
        let existing = group.as_ref().and_then(|group| state.and_then(|state| state.log_groups.get(group)));
        let encrypted = existing.is_some_and(|group| group.kms_key.is_some());
        let failed =
            kind == Kind::Shell && group.is_some() && is_true(&inputs["cloudWatchEncryptionEnabled"]) && !encrypted;
        let os_key = if node.os == Os::Windows { "windows" } else { "linux" };
        let command =
            content["properties"][os_key]["commands"].as_str().map(|command| documents::substitute(command, &values));
        let run_as = text("runAsDefaultUser").filter(|_| is_true(&inputs["runAsEnabled"]) && os_key == "linux");
        Setting {
            kind,
            logging: Logging {
                group: existing.map(|group| group.name.clone()).filter(|_| kind != Kind::Port),
                streaming: kind == Kind::Shell && inputs["cloudWatchStreamingEnabled"] == true,
                bucket: text("s3BucketName").filter(|_| kind != Kind::Port),
                prefix: text("s3KeyPrefix").unwrap_or_default(),
            },
            max_minutes: text("maxSessionDuration").and_then(|minutes| minutes.parse().ok()),
            idle_minutes: text("idleSessionTimeout")
                .and_then(|minutes| minutes.parse().ok())
                .unwrap_or(DEFAULT_IDLE_MINUTES),
            run_as_user: run_as.unwrap_or_else(|| "ssm-user".into()),
            profile: inputs["shellProfile"][os_key].as_str().unwrap_or_default().to_owned(),
            command: command.filter(|_| kind == Kind::Command),
            failed,
        }
    }

    fn connect(&mut self, index: usize) {
        let now = self.clock;
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.status != Status::Connecting {
            return;
        }
        session.status = Status::Connected;
        session.last_activity = now;
        // The writer sleeps one second before its first read, and the first look is a second after that.
        session.first_tick = now.plus(2.0);
        let timeout = session.idle_timeout;
        self.agenda.put(now.plus(timeout), Happening::IdleCheck(index));
        self.plan_step(index);
    }

    fn plan_step(&mut self, index: usize) {
        // What was before the start is typed line by line: nobody can see the difference any more.
        let hurried = self.clock < Moment::at(-5.0);
        let now = self.clock;
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.step_due || session.kind == Kind::Port && session.shell.is_untouched() {
            return;
        }
        let delay = match &session.next_act {
            Some(_) => Some(0.2),
            None => session.shell.next(hurried).map(|(delay, act)| {
                session.next_act = Some(act);
                delay
            }),
        };
        if let Some(delay) = delay {
            session.step_due = true;
            self.agenda.put(now.plus(delay), Happening::Step(index));
        }
    }

    fn step(&mut self, index: usize) {
        let now = self.clock;
        let time = self.wall(now);
        let Some(session) = self.sessions.get_mut(index) else { return };
        session.step_due = false;
        // A client that is gone pauses the terminal; Terminating ends it.
        if session.status != Status::Connected {
            return;
        }
        match session.next_act.take() {
            None => return,
            Some(Act::Print(bytes)) => {
                let bytes = if bytes.contains(&b'{') { fill_time(&bytes, time) } else { bytes };
                if !bytes.is_empty() {
                    session.recording.feed(&bytes);
                    session.last_activity = now;
                    self.plan_tick(index);
                }
            }
            Some(Act::Exit) => {
                self.begin_end(index, 0.8);
                return;
            }
            Some(Act::Disconnect(seconds)) => {
                session.status = Status::Disconnected;
                if seconds >= 0.0 {
                    self.agenda.put(now.plus(seconds), Happening::Resume(index));
                }
                return;
            }
        }
        self.plan_step(index);
    }

    fn plan_tick(&mut self, index: usize) {
        let now = self.clock;
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.tick_due
            || session.log_dead
            || !session.logging.streaming
            || session.logging.group.is_none()
            || !session.recording.has_unit()
        {
            return;
        }
        let since = now.0 - session.first_tick.0;
        let ticks = if since < 0 { 0 } else { since / 1_000_000 + 1 };
        session.tick_due = true;
        let due = Moment(session.first_tick.0 + ticks * 1_000_000);
        self.agenda.put(due, Happening::Tick(index));
    }

    fn tick(&mut self, index: usize) {
        let now = self.now();
        let Some(session) = self.sessions.get_mut(index) else { return };
        session.tick_due = false;
        let messages = session.recording.take_messages(&session.envelope, now);
        let (account, region, id) = (session.account.clone(), session.region.clone(), session.id.clone());
        let Some(group) = session.logging.group.clone() else { return };
        if messages.is_empty() {
            return;
        }
        if !session.stream_made {
            session.stream_made = true;
            if !self.create_log_stream(&account, &region, &group, &id) {
                self.log_dies(index);
                return;
            }
        }
        let events = messages.into_iter().map(|message| (now.as_millisecond(), message)).collect();
        if self.put_log_events(&account, &region, &group, &id, events) {
            self.plan_tick(index);
        } else {
            self.log_dies(index);
        }
    }

    /// A stream or group that is gone stops the upload of that session for good; the shell goes on.
    fn log_dies(&mut self, index: usize) {
        if let Some(session) = self.sessions.get_mut(index) {
            session.log_dead = true;
        }
    }

    fn idle_check(&mut self, index: usize) {
        let now = self.clock;
        let Some(session) = self.sessions.get(index) else { return };
        if !session.is_active() || session.status == Status::Terminating {
            return;
        }
        // Bytes through a tunnel are activity that the world does not play.
        if session.kind == Kind::Port && session.status == Status::Connected {
            return;
        }
        let due = session.last_activity.plus(session.idle_timeout);
        if due > now {
            self.agenda.put(due, Happening::IdleCheck(index));
        } else {
            self.begin_end(index, 0.5);
        }
    }

    fn client_returns(&mut self, index: usize) {
        let now = self.clock;
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.status != Status::Disconnected {
            return;
        }
        session.status = Status::Connected;
        session.last_activity = now;
        let timeout = session.idle_timeout;
        self.agenda.put(now.plus(timeout), Happening::IdleCheck(index));
        self.plan_step(index);
    }

    /// ResumeSession: the id belongs to a session that is active.
    pub fn resume_session(&mut self, account: &str, region: &str, id: &str) -> bool {
        let Some(index) = self.sessions_by_id.get(id).copied() else { return false };
        let Some(session) = self.sessions.get(index) else { return false };
        if session.account != account || session.region != region || !session.is_active() {
            return false;
        }
        if session.status == Status::Disconnected {
            self.client_returns(index);
        }
        true
    }

    /// TerminateSession; ids that are not of an active session here change nothing.
    pub fn terminate_session(&mut self, account: &str, region: &str, id: &str) {
        let Some(index) = self.sessions_by_id.get(id).copied() else { return };
        let now = self.clock;
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.account != account
            || session.region != region
            || !session.is_active()
            || session.status == Status::Terminating
        {
            return;
        }
        match session.stubborn_until {
            Some(until) if until > now => {
                if !session.terminate_asked && until != Moment(i64::MAX) {
                    self.agenda.put(until, Happening::TerminateTakes(index));
                }
                if let Some(session) = self.sessions.get_mut(index) {
                    session.terminate_asked = true;
                }
            }
            _ => self.terminate_takes(index),
        }
    }

    fn terminate_takes(&mut self, index: usize) {
        let [least, most] = self.scenario.delays.terminate;
        let Some(session) = self.sessions.get(index) else { return };
        // A hash and not a generator: a request must not change what the script does next.
        let share = (organization::stable_hash(&[&session.id, "terminate"]) % 1000) as f64 / 1000.0;
        self.begin_end(index, least + share * (most - least));
    }

    fn begin_end(&mut self, index: usize, seconds: f64) {
        let now = self.clock;
        let Some(session) = self.sessions.get_mut(index) else { return };
        if matches!(session.status, Status::Terminating | Status::Terminated | Status::Failed) {
            return;
        }
        session.status = Status::Terminating;
        session.next_act = None;
        session.recording.finish();
        self.agenda.put(now.plus(seconds), Happening::Ended(index));
        self.plan_tick(index);
    }

    fn ended(&mut self, index: usize) {
        let now = self.clock;
        let ended = self.wall(now);
        let [least, most] = self.scenario.delays.archive;
        let Some(session) = self.sessions.get_mut(index) else { return };
        session.status = Status::Terminated;
        session.ended = Some(ended);
        let share = (organization::stable_hash(&[&session.id, "archive"]) % 1000) as f64 / 1000.0;
        let usual = least + share * (most - least);
        let logged = !session.log_dead;
        if session.logging.bucket.is_some() {
            match session.archive {
                Archive::Lost => {}
                Archive::Late(seconds) => self.agenda.put(now.plus(seconds), Happening::ArchiveArrives(index)),
                Archive::Arrives | Archive::Empty => {
                    self.agenda.put(now.plus(usual), Happening::ArchiveArrives(index));
                }
            }
        }
        let seat = session.seat;
        if session.logging.group.is_some() && !session.logging.streaming && logged {
            self.agenda.put(now.plus(1.0 + share * 2.0), Happening::TranscriptArrives(index));
        }
        self.agenda.put(now.plus(KEEP_SECONDS), Happening::Forget(index));
        if let Some(seat) = seat {
            self.seat_is_free(seat);
        }
    }

    fn transcript(&self, index: usize) -> Option<Vec<u8>> {
        let session = self.sessions.get(index)?;
        let plugin = if session.kind == Kind::Command { "InteractiveCommands" } else { "Standard_Stream" };
        let source = format!(
            "/var/lib/amazon/ssm/{}/session/orchestration/{}/{plugin}/ipcTempFile.log",
            session.target, session.id
        );
        let ended = session.ended.unwrap_or(session.started);
        Some(agent::transcript(&session.recording, &source, ended, ended))
    }

    fn archive_arrives(&mut self, index: usize) {
        let modified = self.now();
        let Some(session) = self.sessions.get(index) else { return };
        let Some(bucket) = session.logging.bucket.clone() else { return };
        let prefix = session.logging.prefix.trim_matches('/');
        // The agent takes colons out of the file name.
        let file = format!("{}.log", session.id).replace(':', "");
        let key = if prefix.is_empty() { file } else { format!("{prefix}/{file}") };
        let body =
            if session.archive == Archive::Empty { Vec::new() } else { self.transcript(index).unwrap_or_default() };
        if let Some(bucket) = self.buckets.get_mut(&bucket) {
            bucket.objects.insert(key, Object::new(body, "text/plain", modified));
        }
    }

    fn transcript_arrives(&mut self, index: usize) {
        let now = self.now();
        let Some(transcript) = self.transcript(index) else { return };
        let Some(session) = self.sessions.get(index) else { return };
        let (account, region, id) = (session.account.clone(), session.region.clone(), session.id.clone());
        let Some(group) = session.logging.group.clone() else { return };
        let events: Vec<(i64, String)> =
            agent::transcript_messages(&transcript).into_iter().map(|text| (now.as_millisecond(), text)).collect();
        if self.create_log_stream(&account, &region, &group, &id) {
            self.put_log_events(&account, &region, &group, &id, events);
        }
    }

    fn forget(&mut self, index: usize) {
        let Some(session) = self.sessions.get_mut(index) else { return };
        session.recording.clear();
        let (account, region, id) = (session.account.clone(), session.region.clone(), session.id.clone());
        if let Some(group) = session.logging.group.clone()
            && let Some(group) = self.region_mut(&account, &region).and_then(|state| state.log_groups.get_mut(&group))
        {
            group.streams.remove(&id);
        }
    }
}

struct Setting {
    kind: Kind,
    logging: Logging,
    max_minutes: Option<u64>,
    idle_minutes: f64,
    run_as_user: String,
    profile: String,
    command: Option<String>,
    failed: bool,
}

fn is_true(value: &Value) -> bool {
    value == true || value.as_str() == Some("true")
}

/// Whether an agent version is older than the three first numbers of another.
fn is_older(version: &str, than: [u64; 3]) -> bool {
    let numbers: Vec<u64> = version.split('.').take(3).map(|part| part.parse().unwrap_or(0)).collect();
    numbers.as_slice() < than.as_slice()
}

fn fill_time(bytes: &[u8], time: Timestamp) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("{time}") || text.contains("{date}") || text.contains("{day}") => {
            let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
            text.replace("{time}", &zoned.strftime("%H:%M:%S").to_string())
                .replace("{date}", &zoned.strftime("%Y-%m-%d").to_string())
                .replace("{day}", &zoned.strftime("%b %d").to_string())
                .into_bytes()
        }
        _ => bytes.to_vec(),
    }
}

/// A session id: the last part of the owner's ARN and a random tail.
fn session_id(owner: &str, form: &SessionIdForm, random: &mut fastrand::Rng) -> String {
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
