//! Sessions that were over long before the world starts: what the service's history, the log groups and the archive hold of them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    World,
    agent::{self, Envelope, Recording},
    archive::Object,
    clock::Moment,
    logs::{LogEvent, LogStream},
    model::Node,
    opening::{Opening, SessionIdForm, is_older, session_id},
    organization,
    session::{Kind, Session, Status},
    shell::{Shell, ShellSetting},
    trail::Caller,
};
use crate::sim::scenario::{Archive, Os};

const DAY: f64 = 86_400.0;
/// The last of them ended this long before the start: what the watch reads of the last hour is not among them.
const LATEST: f64 = 2.0 * 3600.0;
/// Commands of an ordinary day, with what they print.
const COMMANDS: &[(&str, &str)] = &[
    ("whoami && hostname", "ssm-user\r\n{host}\r\n"),
    ("uptime", " up 41 days,  3:12,  1 user,  load average: 0.14, 0.22, 0.19\r\n"),
    ("df -h /", "Filesystem      Size  Used Avail Use% Mounted on\r\n/dev/nvme0n1p1   40G   23G   17G  58% /\r\n"),
    ("systemctl is-active app", "active\r\n"),
    ("tail -n 2 /var/log/app.log", "INFO  request served in 12 ms\r\nWARN  retry 1 of 3: upstream timed out\r\n"),
    (
        "free -m | head -2",
        "               total        used        free\r\nMem:            7812        3120        2210\r\n",
    ),
    ("ls /opt/app/releases | tail -2", "2026-10-28\r\n2026-11-11\r\n"),
];

impl World {
    /// Puts the past into the world, the oldest first: sessions are listed in the order of their starts.
    pub(super) fn seed_past(&mut self) {
        let scenario = Arc::clone(&self.scenario);
        let Some(spec) = &scenario.past else { return };
        let all = |crowd: bool| -> Vec<(String, String, Node)> {
            let regions = self.accounts.values().flat_map(|account| {
                account.regions.iter().map(|(region, state)| (account.id.clone(), region.clone(), state))
            });
            let nodes = regions.flat_map(|(account, region, state)| {
                state.nodes.values().map(move |node| (account.clone(), region.clone(), node.clone()))
            });
            let fit = |node: &Node| node.online && node.os != Os::Windows && node.role.is_some();
            nodes.filter(|(_, _, node)| fit(node) && (node.crowd || !crowd)).collect()
        };
        let mut nodes = all(true);
        if nodes.is_empty() {
            nodes = all(false);
        }
        let mut random = fastrand::Rng::with_seed(self.seed ^ organization::stable_hash(&["past"]));
        let mut starts: Vec<f64> = (0..spec.sessions)
            .map(|_| LATEST + 4.0 * 3600.0 + random.f64() * (spec.days * DAY - LATEST - 4.0 * 3600.0).max(0.0))
            .collect();
        starts.sort_by(|a, b| b.total_cmp(a));
        for ago in starts {
            let Some((account, region, node)) = nodes.get(random.usize(..nodes.len().max(1))).cloned() else { return };
            let owner = spec.owners.get(random.usize(..spec.owners.len().max(1))).cloned().unwrap_or_default();
            let reason = spec.reasons.get(random.usize(..spec.reasons.len().max(1))).cloned().unwrap_or_default();
            let reason = reason.replace("{n}", &random.u32(10_000..99_999).to_string());
            let length = (-(1.0 - random.f64()).ln() * 1500.0).clamp(90.0, 4.0 * 3600.0);
            let failed = random.f64() < spec.failed;
            let opening = Opening {
                owner: owner.replace("{account}", &account),
                caller: Caller::scripted(&owner, None, Some(true), self.seed),
                node: node.id.clone(),
                account,
                region,
                document: None,
                reason: Some(reason),
                parameters: Default::default(),
                script: Vec::new(),
                just_in_time: false,
                id: if random.u8(..8) == 0 { SessionIdForm::Old } else { SessionIdForm::New },
                stubborn: 0.0,
                archive: Archive::Arrives,
                logged: true,
                seed: random.u64(..),
                seat: None,
            };
            let started = self.before_start(ago);
            let ended = if failed { started } else { self.before_start((ago - length).max(LATEST)) };
            self.put_past(opening, &node, (started, ended), ago < spec.stream_days * DAY);
        }
    }

    fn before_start(&self, seconds: f64) -> Timestamp {
        let ago = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
        self.start.checked_sub(ago).unwrap_or(self.start)
    }

    /// One session, with its stream and its object unless it failed.
    fn put_past(&mut self, opening: Opening, node: &Node, (started, ended): (Timestamp, Timestamp), streams: bool) {
        let mut random = fastrand::Rng::with_seed(opening.seed);
        let id = session_id(&opening.owner, &opening.id, &mut random);
        let setting = self.setting(&opening, node);
        let failed = setting.failed || started == ended;
        let envelope = Envelope {
            region: opening.region.clone(),
            target: opening.node.clone(),
            owner: opening.owner.clone(),
            run_as_user: setting.run_as_user.clone(),
            session_id: id.clone(),
            short_escapes: !is_older(&node.agent_version, [3, 3, 987]),
        };
        if !failed {
            let mut recording = Recording::new(false);
            let mut events = Vec::new();
            let prompt = match node.os {
                Os::AmazonLinux => "sh-5.2$ ",
                Os::AmazonLinux2 => "sh-4.2$ ",
                Os::Ubuntu | Os::Windows => "$ ",
            };
            let count = random.usize(2..6);
            let pace = ended.duration_since(started).as_secs() / i64::try_from(count + 1).unwrap_or(1);
            for number in 0..count {
                let Some((command, output)) = COMMANDS.get(random.usize(..COMMANDS.len())) else { continue };
                let text = format!("{prompt}{command}\r\n{}", output.replace("{host}", &node.computer_name));
                recording.feed(text.as_bytes());
                let after = SignedDuration::from_secs(pace * i64::try_from(number + 1).unwrap_or(1));
                let at = started.checked_add(after).unwrap_or(ended);
                events.extend(recording.take_messages(&envelope, at).into_iter().map(|message| (at, message)));
            }
            recording.feed(format!("{prompt}exit\r\nexit\r\n").as_bytes());
            recording.finish();
            events.extend(recording.take_messages(&envelope, ended).into_iter().map(|message| (ended, message)));
            if let Some(bucket) = setting.logging.bucket.as_ref().and_then(|bucket| self.buckets.get_mut(bucket)) {
                let source = format!(
                    "/var/lib/amazon/ssm/{}/session/orchestration/{id}/Standard_Stream/ipcTempFile.log",
                    opening.node
                );
                let prefix = setting.logging.prefix.trim_matches('/');
                let file = format!("{id}.log");
                let key = if prefix.is_empty() { file } else { format!("{prefix}/{file}") };
                let body = agent::transcript(&recording, &source, ended, ended);
                let written = ended.checked_add(SignedDuration::from_secs(8)).unwrap_or(ended);
                bucket.objects.insert(key, Object::new(body, "text/plain", written));
            }
            if let Some(group) = setting.logging.group.as_ref().filter(|_| streams) {
                self.put_past_stream((&opening.account, &opening.region, group), &id, started, events);
            }
        }
        let shell = ShellSetting {
            os: node.os,
            run_as_user: setting.run_as_user,
            host: node.computer_name.clone(),
            node_name: node.name.clone(),
            profile: String::new(),
            interactive: setting.kind == Kind::Shell,
        };
        let index = self.sessions.len();
        self.sessions.push(Session {
            id: id.clone(),
            account: opening.account.clone(),
            region: opening.region.clone(),
            target: opening.node,
            owner: opening.owner,
            document: "SSM-SessionManagerRunShell".into(),
            reason: opening.reason,
            status: if failed { Status::Failed } else { Status::Terminated },
            started,
            ended: Some(ended),
            max_duration: setting.max_minutes.map(|minutes| minutes.to_string()),
            just_in_time: false,
            kind: setting.kind,
            logging: setting.logging,
            caller: opening.caller,
            envelope,
            recording: Recording::new(false),
            shell: Shell::new(shell, Vec::new(), random.fork()),
            next_act: None,
            step_due: false,
            first_tick: Moment(i64::MIN),
            tick_due: false,
            log_dead: true,
            stream_made: streams,
            last_activity: Moment(i64::MIN),
            idle_timeout: 0.0,
            stubborn_until: None,
            terminate_asked: false,
            archive: opening.archive,
            seat: None,
        });
        self.sessions_by_id.insert(id, index);
        if let Some(state) = self.region_mut(&opening.account, &opening.region) {
            state.sessions.push(index);
        }
    }

    /// Straight into the group: nobody followed it, and it did not arrive now.
    fn put_past_stream(
        &mut self,
        (account, region, group): (&str, &str, &str),
        id: &str,
        created: Timestamp,
        events: Vec<(Timestamp, String)>,
    ) {
        let mut serial = self.next_log_serial;
        let stream_serial = serial;
        serial += 1;
        let Some(group) = self.region_mut(account, region).and_then(|state| state.log_groups.get_mut(group)) else {
            return;
        };
        let mut stream = LogStream { created, serial: stream_serial, events: Vec::new(), last_ingestion: None };
        for (at, message) in events {
            let timestamp = at.as_millisecond();
            stream.insert(Arc::new(LogEvent { timestamp, ingestion: timestamp + 40, message, serial }));
            serial += 1;
        }
        group.streams.insert(id.to_owned(), stream);
        self.next_log_serial = serial;
    }
}
