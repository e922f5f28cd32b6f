//! Every session is listened to, opened or not: what is typed and printed in it goes to the detections, and nothing else of it is kept.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::board::{Board, Phase, SessionBoard};
use crate::{
    detection::{Bursts, Confidence, DetectionRule, Detector, Hit, SessionFields, survivor},
    domain::{Finding, LogEvent, ScopeId, Session, SessionId, SessionKey, Severity, Subject, Verdict},
    transcript::{Certainty, Command, Glyphs, Heard, Line, LineKind, Transcript, clean, mask},
};

/// Different detections of one session that are kept; the worst stay.
const MOST: usize = 200;
/// Bytes of the text of a detection.
const TEXT_BYTES: usize = 512;
/// Times of one detection that are remembered, to count each once.
const MOST_TIMES: usize = 64;
/// What a session printed last is in its log group by then; the watch does not read its stream for longer.
const AFTER_END: SignedDuration = SignedDuration::from_mins(3);
/// Bytes of events that wait for the listing of their sessions, and listings of the scope that they wait for.
const MOST_EARLY: usize = 8 * 1024 * 1024;
const EARLY_LISTINGS: u8 = 4;
/// The rule of output floods, which LOG-04 confirms.
const FLOOD: &str = "CMD-07";
/// The recorder is flooded by the command if that is seen within this time after it.
const FLOOD_FOLLOWS: SignedDuration = SignedDuration::from_secs(300);

/// One rule that matched one text in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// The rule.
    pub rule: Arc<DetectionRule>,
    /// Typed, or merely printed.
    pub confidence: Confidence,
    /// Its severity here.
    pub severity: Severity,
    /// The command or the line: cleaned, its secrets masked. Of a correlation, the command that completed it.
    pub text: Arc<str>,
    /// The events' times at which it came, oldest first.
    pub times: Vec<Timestamp>,
    /// Times beyond those.
    pub more: u64,
    /// When it was found first.
    pub found_at: Timestamp,
    /// Other readings of the line allow that it was not typed so.
    pub uncertain: bool,
    /// Its line came with an upload after the end: it was typed before its time.
    pub uploaded: bool,
    /// What confirms it beside the text.
    pub confirmed: Option<&'static str>,
}

impl Detected {
    /// When it came last.
    pub fn last(&self) -> Timestamp {
        self.times.last().copied().unwrap_or(self.found_at)
    }

    /// How often it came.
    pub fn count(&self) -> u64 {
        self.times.len() as u64 + self.more
    }

    /// Typed ones before printed ones, worse before harmless, new before old.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        (other.confidence, other.severity, other.last()).cmp(&(self.confidence, self.severity, self.last()))
    }
}

/// Detections of one session, the worst first.
#[derive(Debug, Default)]
pub struct DetectionBook {
    found: Vec<Detected>,
    /// Detections that were not kept.
    pub dropped: u64,
}

impl DetectionBook {
    /// All of them: typed ones first, the worst first.
    pub fn all(&self) -> &[Detected] {
        &self.found
    }

    /// Those that are to be shown: mere output only when it is wanted.
    pub fn shown(&self, output: bool) -> impl Iterator<Item = &Detected> {
        self.found.iter().filter(move |found| output || found.confidence == Confidence::Command)
    }

    /// The worst of what was typed.
    pub fn worst(&self) -> Option<Severity> {
        self.shown(false).map(|found| found.severity).max()
    }

    /// Enters a detection; says whether it is new. The same event is heard more than once where its session is followed.
    fn enter(&mut self, sensed: Sensed, now: Timestamp) -> bool {
        let Sensed { hit, text, at, uncertain, uploaded, .. } = sensed;
        let text = text.as_str();
        // A command that went on in further lines is the same command.
        let grew = |found: &Detected| {
            hit.confidence == Confidence::Command
                && found.times.last() == Some(&at)
                && text.starts_with(found.text.trim_end_matches('\\'))
        };
        let known = self.found.iter_mut().find(|found| {
            let of_rule = found.rule.id == hit.rule.id && found.confidence == hit.confidence;
            of_rule && (*found.text == *text || grew(found))
        });
        let new = match known {
            // An upload holds all that was streamed before once more.
            Some(found) if uploaded && !found.uploaded => return false,
            Some(found) => match found.times.binary_search(&at) {
                Ok(_) if *found.text == *text => return false,
                Ok(_) => {
                    found.text = text.into();
                    true
                }
                Err(_) if found.times.len() >= MOST_TIMES && found.times.first().is_some_and(|first| at < *first) => {
                    // It may have been counted already.
                    return false;
                }
                Err(place) => {
                    found.times.insert(place, at);
                    if found.times.len() > MOST_TIMES {
                        found.times.remove(0);
                        found.more += 1;
                    }
                    true
                }
            },
            None => {
                self.found.push(Detected {
                    rule: hit.rule,
                    confidence: hit.confidence,
                    severity: hit.severity,
                    text: text.into(),
                    times: vec![at],
                    more: 0,
                    found_at: now,
                    uncertain,
                    uploaded,
                    confirmed: None,
                });
                true
            }
        };
        self.found.sort_by(Detected::order);
        if self.found.len() > MOST {
            self.found.truncate(MOST);
            self.dropped += 1;
        }
        new
    }

    /// An output flood that the recorder suffers from is worse than the command alone.
    fn confirm_flood(&mut self, saturated_at: Timestamp) -> bool {
        let mut changed = false;
        for found in &mut self.found {
            let follows = found.times.iter().any(|at| {
                let after = saturated_at.duration_since(*at);
                (SignedDuration::from_secs(-5)..=FLOOD_FOLLOWS).contains(&after)
            });
            if &*found.rule.id == FLOOD
                && found.confidence == Confidence::Command
                && found.confirmed.is_none()
                && follows
            {
                (found.confirmed, found.severity) = (Some("the recorder is flooded (LOG-04)"), Severity::Critical);
                changed = true;
            }
        }
        if changed {
            self.found.sort_by(Detected::order);
        }
        changed
    }
}

/// Programs that one session started and that outlive it: so many are kept.
const MOST_SURVIVORS: usize = 8;

/// Something that was started in a session and that outlives its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// The program that detached it: `nohup`, `tmux`, …; `&` for a job in the background.
    pub program: &'static str,
    /// The command line: cleaned, its secrets masked, cut.
    pub text: Arc<str>,
    /// The event's time.
    pub at: Timestamp,
}

/// Who listens to one session.
#[derive(Debug)]
struct Ear {
    transcript: Transcript,
    /// The last printed line: floods print one line again and again.
    printed: String,
}

impl Ear {
    /// Whether the same line was printed directly before: it has nothing new.
    fn knows(&mut self, heard: &Heard) -> bool {
        let Heard::Output(line) = heard else { return false };
        let Some(text) = self.transcript.line(*line).map(|line| line.text()) else { return false };
        if self.printed == text {
            return true;
        }
        self.printed.clear();
        self.printed.push_str(text);
        false
    }
}

/// Events of a session that no listing showed yet.
#[derive(Debug, Default)]
struct Early {
    events: Vec<LogEvent>,
    /// Listings of its scope that came without it.
    listings: u8,
}

/// Who listens.
#[derive(Debug)]
pub struct Listening {
    /// The rules in force.
    pub detector: Arc<dyn Detector>,
    bursts: Bursts,
    ears: HashMap<SessionKey, Ear>,
    /// Events of sessions that no listing showed yet.
    early: HashMap<SessionKey, Early>,
    early_bytes: usize,
    /// Events of sessions that no listing showed, and that there was no room for.
    pub left_out: u64,
    /// Lines that were listened to since the start.
    pub lines: u64,
}

/// A rule that matched a line of a transcript, for its margin.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    /// Its severity here.
    pub severity: Severity,
    /// Typed, or merely printed.
    pub confidence: Confidence,
    /// The rule's id.
    pub rule: Arc<str>,
}

impl Listening {
    /// Listens with those rules.
    pub fn new(detector: Arc<dyn Detector>) -> Self {
        let bursts = Bursts::new(detector.correlations());
        Self { detector, bursts, ears: HashMap::new(), early: HashMap::new(), early_bytes: 0, left_out: 0, lines: 0 }
    }

    /// Other rules from now on; what was found stays.
    pub fn set_detector(&mut self, detector: Arc<dyn Detector>) {
        self.bursts = Bursts::new(detector.correlations());
        self.detector = detector;
    }

    /// A counter of its own for correlations: for a transcript that is read from its beginning.
    pub fn bursts(&self) -> Bursts {
        Bursts::new(self.detector.correlations())
    }

    /// Sessions that are listened to.
    pub fn len(&self) -> usize {
        self.ears.len()
    }

    /// Whether nobody is listened to.
    pub fn is_empty(&self) -> bool {
        self.ears.is_empty()
    }

    /// Events of sessions of a scope came.
    pub fn tailed(
        &mut self,
        board: &mut Board,
        scope: &ScopeId,
        events: &[(SessionId, Vec<LogEvent>)],
        now: Timestamp,
    ) {
        for (id, events) in events {
            let key = SessionKey { scope: scope.clone(), id: id.clone() };
            let Some(session) = board.sessions.get_mut(&key) else {
                // Its listing is on the way.
                self.wait(key, events);
                continue;
            };
            let new = || Ear { transcript: Transcript::new(0, Glyphs::Unicode), printed: String::new() };
            let ear = self.ears.entry(key.clone()).or_insert_with(new);
            let mut found = false;
            for event in events {
                for heard in ear.transcript.push(std::slice::from_ref(event)) {
                    self.lines += 1;
                    if ear.knows(&heard) {
                        continue;
                    }
                    let transcript = &ear.transcript;
                    found |= session.note_survivor(&heard);
                    let heard = (&heard, event.timestamp);
                    for sensed in sense(&*self.detector, &mut self.bursts, &session.session, transcript, heard) {
                        found |= session.detections.enter(sensed, now);
                    }
                }
                ear.transcript.forget_lines();
            }
            if found {
                session.confirm_flood();
                board.revision += 1;
                board.tell(Subject::Session(key));
            }
        }
    }

    fn wait(&mut self, key: SessionKey, events: &[LogEvent]) {
        for event in events {
            let bytes = event.message.len();
            if self.early_bytes + bytes > MOST_EARLY {
                self.left_out += 1;
                continue;
            }
            self.early_bytes += bytes;
            self.early.entry(key.clone()).or_default().events.push(event.clone());
        }
    }

    /// Sessions of a scope were listed: what came of them before is listened to now.
    pub fn listed(&mut self, board: &mut Board, scope: &ScopeId, now: Timestamp) {
        let mut arrived = Vec::new();
        for (key, early) in self.early.iter_mut().filter(|(key, _)| key.scope == *scope) {
            early.listings += 1;
            if board.sessions.contains_key(key) || early.listings > EARLY_LISTINGS {
                arrived.push(key.clone());
            }
        }
        for key in arrived {
            let Some(early) = self.early.remove(&key) else { continue };
            self.early_bytes -= early.events.iter().map(|event| event.message.len()).sum::<usize>();
            if board.sessions.contains_key(&key) {
                self.tailed(board, &key.scope, &[(key.id, early.events)], now);
            }
        }
        self.forget(board, now);
    }

    /// What was heard in a followed transcript; the lines that matched.
    pub fn followed(
        &self,
        board: &mut Board,
        key: &SessionKey,
        (transcript, bursts): (&Transcript, &mut Bursts),
        (heard, at): (Vec<Heard>, Timestamp),
        now: Timestamp,
    ) -> Vec<(u64, Marked)> {
        let Some(session) = board.sessions.get_mut(key) else { return Vec::new() };
        let mut marks = Vec::new();
        let mut found = false;
        for heard in heard {
            found |= session.note_survivor(&heard);
            for sensed in sense(&*self.detector, bursts, &session.session, transcript, (&heard, at)) {
                if let Some(line) = sensed.line {
                    let (severity, confidence) = (sensed.hit.severity, sensed.hit.confidence);
                    marks.push((line, Marked { severity, confidence, rule: Arc::clone(&sensed.hit.rule.id) }));
                }
                found |= session.detections.enter(sensed, now);
            }
        }
        if found {
            session.confirm_flood();
            board.revision += 1;
            board.tell(Subject::Session(key.clone()));
        }
        marks
    }

    /// Sessions that left the board are not listened to any more, nor are those that are over for longer than their logs take.
    fn forget(&mut self, board: &Board, now: Timestamp) {
        self.ears.retain(|key, _| match board.sessions.get(key).map(|session| &session.phase) {
            Some(Phase::Active) => true,
            Some(Phase::Ended { at, .. }) => now.duration_since(*at) <= AFTER_END,
            None => false,
        });
    }
}

impl SessionBoard {
    /// Notes what outlives the session; says whether that is news.
    fn note_survivor(&mut self, heard: &Heard) -> bool {
        let Heard::Command(command) = heard else { return false };
        let found = command.all_readings().find_map(|reading| Some((survivor(reading)?, reading)));
        let Some((program, reading)) = found else { return false };
        let text: Arc<str> = shown(reading).into();
        // A command that is heard again grew, or is read once more.
        let full = self.survivors.len() >= MOST_SURVIVORS;
        let known = self.survivors.iter_mut().find(|known| known.at == command.at && known.program == program);
        match known {
            Some(known) if known.text == text => false,
            Some(known) => {
                known.text = text;
                true
            }
            None if full => false,
            None => {
                self.survivors.push(Survivor { program, text, at: command.at });
                true
            }
        }
    }

    /// Joins an output flood to what the recorder suffers of it; says whether that is news.
    pub(super) fn confirm_flood(&mut self) -> bool {
        let is_flood = |finding: &Finding| finding.rule.as_str() == "LOG-04" && finding.status == Verdict::NonCompliant;
        let saturated = self.stream.as_ref().and_then(|health| health.saturated_at);
        let flooded = saturated.filter(|_| self.judgement.findings.iter().any(is_flood));
        flooded.is_some_and(|at| self.detections.confirm_flood(at))
    }
}

/// What a rule found in what was heard.
pub(crate) struct Sensed {
    /// The rule, and how it matched.
    pub hit: Hit,
    /// The text as it may be shown.
    pub text: String,
    /// The line's number.
    pub line: Option<u64>,
    /// The event's time; of a command, that of its first line.
    pub at: Timestamp,
    /// The command may have been another.
    pub uncertain: bool,
    /// The line came with an upload after the end.
    pub uploaded: bool,
}

/// What the rules find in what was heard in an event of that time.
pub(crate) fn sense(
    detector: &dyn Detector,
    bursts: &mut Bursts,
    session: &Session,
    transcript: &Transcript,
    (heard, event): (&Heard, Timestamp),
) -> Vec<Sensed> {
    let run_as = transcript.payload().and_then(|payload| payload.run_as_user.as_deref()).unwrap_or_default();
    let fields = SessionFields {
        session_id: session.key.id.as_str(),
        owner: &session.owner,
        target: session.target.as_str(),
        account: session.key.scope.account.as_str(),
        region: session.key.scope.region.as_str(),
        run_as_user: run_as,
    };
    let is_plain = |line: &Line| line.kind == LineKind::Plain;
    let (hits, line, text, at, uncertain) = match heard {
        Heard::Command(command) => {
            let readings: Vec<&str> = command.all_readings().collect();
            let hits = detector.command(&fields, &readings);
            if hits.is_empty() {
                return Vec::new();
            }
            let uncertain = command.certainty == Certainty::Uncertain;
            (bursts.take(&fields, command.at, hits), Some(command.line), None, command.at, uncertain)
        }
        Heard::Output(line) => {
            let Some(text) = transcript.line(*line).map(|line| line.text()) else { return Vec::new() };
            (detector.output(&fields, text), Some(*line), Some(text), event, false)
        }
        Heard::Folded(text) => (detector.output(&fields, text), None, Some(&**text), event, false),
    };
    let of_line = line.and_then(|line| transcript.line(line)).or_else(|| transcript.lines().back());
    let uploaded = of_line.is_some_and(is_plain);
    let hits = hits.into_iter().filter(|hit| !hit.rule.counted_only);
    hits.map(|hit| {
        let text = match (text, heard) {
            (Some(text), _) => shown(text),
            (None, Heard::Command(command)) => shown(text_of(&hit, command)),
            (None, _) => String::new(),
        };
        Sensed { hit, text, line, at, uncertain, uploaded }
    })
    .collect()
}

/// The reading that matched: the command as it stands, where a piece of it did.
fn text_of<'a>(hit: &'a Hit, command: &'a Command) -> &'a str {
    let matched = |reading: &&str| hit.pieces.iter().any(|piece| reading.contains(&*piece.text));
    command.all_readings().find(matched).unwrap_or(&command.text)
}

/// A hostile text as it may be shown, and kept: cleaned, its secrets masked, cut.
fn shown(text: &str) -> String {
    let text = text.get(..text.floor_char_boundary(TEXT_BYTES * 2)).unwrap_or_default();
    let masked = mask(text).into_owned();
    let cleaned = clean(&masked);
    let cut = cleaned.get(..cleaned.floor_char_boundary(TEXT_BYTES)).unwrap_or_default();
    if cut.len() < cleaned.len() { format!("{cut}…") } else { cut.to_owned() }
}
