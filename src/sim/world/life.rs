//! The life of a session, from its start to what is left of it.

use jiff::Timestamp;

use super::{
    World, agent,
    archive::Object,
    clock::Moment,
    opening::{Opening, SessionIdForm},
    organization,
    session::{Kind, Session, Status},
    shell::Act,
    trail::Caller,
};
use crate::sim::scenario::Archive;

/// Seconds after its end for which the world keeps a session's recording and log stream.
const KEEP_SECONDS: f64 = 6.0 * 3600.0;

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
                    self.happen(&happening.what);
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
            Happening::Resume(index) => {
                if self.sessions.get(index).is_some_and(|session| session.status == Status::Disconnected) {
                    self.record_resume(index);
                }
                self.client_returns(index);
            }
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
            caller: Caller::scripted(&owner, spec.source_ip.as_deref(), spec.mfa, seed),
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
            Some(Act::Meddle(meddling)) => self.meddle(index, &meddling),
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

    pub(super) fn plan_tick(&mut self, index: usize) {
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
        // What is both streamed and archived need not be held a third time.
        if let Some(session) = self.sessions.get_mut(index)
            && session.logging.streaming
            && (session.log_dead || !session.recording.has_unit())
        {
            session.recording.clear();
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

fn fill_time(bytes: &[u8], time: Timestamp) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) if ["{time}", "{date}", "{day}", "{stamp}"].iter().any(|name| text.contains(name)) => {
            let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
            text.replace("{time}", &zoned.strftime("%H:%M:%S").to_string())
                .replace("{date}", &zoned.strftime("%Y-%m-%d").to_string())
                .replace("{stamp}", &zoned.strftime("%Y%m%d%H%M%S").to_string())
                .replace("{day}", &zoned.strftime("%b %d").to_string())
                .into_bytes()
        }
        _ => bytes.to_vec(),
    }
}
