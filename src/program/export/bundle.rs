//! The one way in which a session becomes files, for the command and for the key.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::progress::Progress;
use crate::{
    app::listening::{Sensed, sense},
    aws::ScopeClient,
    detection::{Bursts, Detector as Rules},
    domain::{Failure, FailureClass, LogEvent, Session, StreamHealth},
    export::{
        ACTS, ALERTS, ArchiveRead, CAST, COMMANDS, Counts, DETECTIONS, FACTS, Folder, Known, MANIFEST, Manifest,
        NothingRecorded, Recorder, Remembered, Sinks, TRAIL, TRANSCRIPT, VERDICTS, WrittenEvidence, write_evidence,
    },
    program::Refusal,
    transcript::{HealthBook, Heard, NO_STREAM_YET, Transcript, clean},
    watch::{LogPlaces, StreamReader, archived},
};

/// An export: what is read, and where it is written.
pub(super) struct Bundle<'a> {
    pub(super) session: &'a Session,
    pub(super) client: &'a ScopeClient,
    pub(super) places: &'a LogPlaces,
    pub(super) rules: &'a dyn Rules,
    /// The folder, for messages.
    pub(super) output: &'a Path,
    pub(super) masked: bool,
    /// Nobody is told how far it is: there is a dashboard on the screen.
    pub(super) quiet: bool,
}

/// What became of the session's log.
pub(super) struct Log {
    counts: Counts,
    columns: usize,
    read: Read,
    /// What the whole stream shows of the recorder, if it was read.
    pub(super) health: Option<StreamHealth>,
    pub(super) nothing: Option<NothingRecorded>,
}

/// What was read, and from where.
#[derive(Default)]
struct Read {
    stream_events: Option<u64>,
    archive: Option<ArchiveRead>,
    book: HealthBook,
}

/// Why an export was not written.
pub(super) fn cannot_write(folder: &Path, error: &io::Error) -> Refusal {
    Refusal::failed(
        format!("the export cannot be written to {}: {error}", folder.display()),
        "nothing was written; name another folder with --output",
    )
}

impl Bundle<'_> {
    /// Reads the log into its files, still under their working names. Where nothing is recorded there are none: they would claim that the
    /// session did nothing.
    pub(super) async fn log(&self, folder: &mut Folder) -> Result<Log, Refusal> {
        let failed = |error: io::Error| cannot_write(self.output, &error);
        let sinks = Sinks {
            transcript: folder.file(TRANSCRIPT).map_err(failed)?,
            commands: folder.file(COMMANDS).map_err(failed)?,
            detections: Some((
                folder.file(DETECTIONS).map_err(failed)?,
                Box::new(detecting(self.rules, self.session)) as Box<crate::export::Detector<'_>>,
            )),
            cast: folder.file(CAST).map_err(failed)?,
        };
        let title = clean(self.session.key.id.as_str());
        let mut recorder = Recorder::new(sinks, &title, self.session.started_at, self.masked).map_err(failed)?;
        recorder.expect(self.session.identity());
        let mut read = Read::default();
        let nothing = self.read_to(&mut recorder, &mut read).await?;
        let (mut counts, columns) = recorder.finish().map_err(failed)?;
        if nothing.is_some() {
            for name in [TRANSCRIPT, COMMANDS, DETECTIONS, CAST] {
                folder.discard(name).map_err(failed)?;
            }
            // Nobody looked.
            counts = Counts::default();
        }
        let health = read.stream_events.map(|_| read.book.health().clone());
        Ok(Log { counts, columns, read, health, nothing })
    }

    /// Writes what is known beside the log, and gives all files their names. Says what they are, one line a file.
    pub(super) fn finish(
        &self,
        mut folder: Folder,
        log: &Log,
        known: &Known,
        remembered: &Remembered,
        not_recorded: Option<&str>,
    ) -> Result<String, Refusal> {
        let failed = |error: io::Error| cannot_write(self.output, &error);
        let evidence = write_evidence(&mut folder, known, remembered, self.masked).map_err(failed)?;
        let manifest = Manifest {
            session: &known.session,
            exported_at: Timestamp::now(),
            log_group: self.places.log_group.as_deref(),
            stream_events: log.read.stream_events,
            archive: log.read.archive.as_ref(),
            masked: self.masked,
            nothing_recorded: log.nothing.as_ref(),
            counts: log.counts,
            ended: known.has_ended(),
            evidence: &evidence,
            remembered,
            not_recorded,
            files: &folder.written().map_err(failed)?,
        };
        let json = manifest.json().map_err(|error| failed(error.into()))?;
        let mut file = folder.file(MANIFEST).map_err(failed)?;
        file.write_all(json.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
        let said = self.said(&folder, log, &evidence);
        folder.publish().map_err(failed)?;
        Ok(said)
    }

    fn said(&self, folder: &Folder, log: &Log, evidence: &WrittenEvidence) -> String {
        let mut said = String::new();
        let mut line = |name, what: String| said += &format!("{}: {what}\n", folder.path_of(name).display());
        let Counts { lines, commands, gaps, detections, .. } = log.counts;
        if log.nothing.is_none() {
            let gaps = if gaps > 0 { format!(", {}", counted(gaps, "gap")) } else { String::new() };
            line(TRANSCRIPT, counted(lines, "line") + &gaps);
            line(COMMANDS, counted(commands, "command"));
            line(DETECTIONS, counted(detections.unwrap_or_default(), "detection"));
            line(CAST, format!("asciicast v2, {} columns", log.columns));
        }
        let counts = &evidence.counts;
        let missing =
            if counts.missing_facts > 0 { format!(", {} missing", counts.missing_facts) } else { String::new() };
        line(FACTS, counted(counts.facts as u64, "fact") + &missing);
        let severity = evidence.severity.map(|severity| format!(" {}", severity.word())).unwrap_or_default();
        line(VERDICTS, format!("{}{severity}, {}", evidence.verdict.word(), counted(counts.findings as u64, "rule")));
        line(ALERTS, counted(counts.alerts as u64, "alert"));
        line(ACTS, counted(counts.acts as u64, "record"));
        line(TRAIL, format!("{} of CloudTrail", counted(counts.trail as u64, "record")));
        let masked = if self.masked { "what looks like a secret is masked" } else { "secrets are not masked" };
        line(MANIFEST, format!("what was read, SHA-256 of the files; {masked}"));
        said
    }

    /// Reads the stream, or what the archive has where that is gone; why nothing is there, if that is so.
    async fn read_to(
        &self,
        recorder: &mut Recorder<'_, BufWriter<File>>,
        read: &mut Read,
    ) -> Result<Option<NothingRecorded>, Refusal> {
        let Some(group) = self.places.log_group.as_deref() else {
            return self.archive(recorder, read, "the session has no log group").await;
        };
        let mut progress = Progress::new(self.quiet);
        let mut stream = StreamReader::new(self.client, group, &self.session.key.id);
        let mut count = 0;
        let lost = loop {
            match stream.next().await {
                Ok(Some(events)) => {
                    count += events.len() as u64;
                    read.book.take(&events);
                    self.take(recorder, &events)?;
                    progress.tell(&format!("{count} events read"));
                }
                Ok(None) if count == 0 => break Some("its log stream is empty"),
                Ok(None) => break None,
                Err(failure) if failure.class == FailureClass::Gone && count == 0 => {
                    break Some("there is no log stream of it");
                }
                Err(failure) if failure.class == FailureClass::Gone => {
                    break Some("the log stream was deleted while it was read");
                }
                Err(failure) => return Err(unreadable(self.session, "log stream", &failure)),
            }
        };
        drop(progress);
        read.stream_events = (count > 0).then_some(count);
        match lost {
            Some(why) => self.archive(recorder, read, why).await,
            None => Ok(None),
        }
    }

    fn take(&self, recorder: &mut Recorder<'_, BufWriter<File>>, events: &[LogEvent]) -> Result<(), Refusal> {
        recorder.events(events).map_err(|error| cannot_write(self.output, &error))
    }

    /// Reads the archive object in place of a stream that is missing, or that was lost on the way.
    async fn archive(
        &self,
        recorder: &mut Recorder<'_, BufWriter<File>>,
        read: &mut Read,
        why: &str,
    ) -> Result<Option<NothingRecorded>, Refusal> {
        let failed = |error: io::Error| cannot_write(self.output, &error);
        let session = self.session;
        let object = match &self.places.archive {
            Some((bucket, keys)) => archived(self.client, bucket, keys)
                .await
                .map_err(|failure| unreadable(session, "archive object", &failure))?
                .map(|object| (bucket, object)),
            None => None,
        };
        let ended = session.ended_at.unwrap_or_else(Timestamp::now);
        let from = recorder.last_at().or(session.started_at).unwrap_or(ended);
        let Some((bucket, object)) = object else {
            if read.stream_events.is_none() {
                return Ok(Some(self.nothing(why)));
            }
            recorder.gap(from, &format!("{why}, and there is no archive object")).map_err(failed)?;
            return Ok(None);
        };
        let beginning = if object.cut { "the beginning of " } else { "" };
        let gap = format!("{why}: what follows is {beginning}the archive object, which came after the end");
        recorder.gap(from, &gap).map_err(failed)?;
        recorder.object(&object.bytes, ended, object.modified_at).map_err(failed)?;
        if object.cut {
            let why = format!("the archive object has more than the {} bytes that are read", object.bytes.len());
            recorder.gap(ended, &why).map_err(failed)?;
        }
        read.archive = Some(ArchiveRead {
            bucket: bucket.clone(),
            key: object.key,
            modified_at: object.modified_at,
            bytes: object.bytes.len(),
            cut: object.cut,
        });
        Ok(None)
    }

    /// Nothing is recorded of the session: why, and what to do or to know.
    fn nothing(&self, why: &str) -> NothingRecorded {
        let archive = match &self.places.archive {
            Some((bucket, _)) => format!("no object in the bucket {bucket}"),
            None => "it has no archive bucket".to_owned(),
        };
        let to_do = match (&self.places.no_log, self.places.unread.first()) {
            (_, Some(failure)) => {
                format!(
                    "its log may lie elsewhere: {failure}; allow that, or name log_group and log_bucket in the config"
                )
            }
            (Some(reason), None) if reason.is_final() || self.session.ended_at.is_none() => {
                reason.sentence().to_owned()
            }
            (_, None) if self.session.ended_at.is_none() => NO_STREAM_YET.to_owned(),
            (_, None) => "try again later if it has just ended: the agent uploads within minutes".to_owned(),
        };
        let what = format!("nothing is recorded of session {}: {why}, and {}", self.session.key.id, clean(&archive));
        NothingRecorded { what, to_do }
    }
}

fn counted(count: u64, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

/// Writes down what the rules in force find, each with its line; the texts' secrets are masked in any case.
fn detecting<'a>(
    rules: &'a dyn Rules,
    session: &'a Session,
) -> impl FnMut(&Heard, &Transcript) -> Vec<Value> + Send + 'a {
    let mut bursts = Bursts::new(rules.correlations());
    move |heard, transcript| {
        let event = transcript.lines().back().map_or(Timestamp::UNIX_EPOCH, |line| line.at);
        let found = sense(rules, &mut bursts, session, transcript, (heard, event));
        let written = |found: Sensed| {
            let rule = &found.hit.rule;
            let attack: Vec<&str> = rule.attack.iter().map(|technique| technique.id.as_str()).collect();
            json!({
                "at": found.at, "line": found.line, "rule": &*rule.id, "title": &*rule.title,
                "severity": found.hit.severity.word(), "confidence": found.hit.confidence.word(),
                "uncertain": found.uncertain, "uploaded": found.uploaded, "text": found.text, "attack": attack,
            })
        };
        found.into_iter().map(written).collect()
    }
}

fn unreadable(session: &Session, what: &str, failure: &Failure) -> Refusal {
    let to_do = match failure.class {
        FailureClass::Denied => format!("allow {} (ssmwatch iam-policy prints what is needed)", failure.action),
        FailureClass::Expired | FailureClass::NoCredentials => "renew the credentials and run it again".to_owned(),
        _ => "nothing was written; run it again".to_owned(),
    };
    let words = clean(&failure.message);
    Refusal::failed(format!("the {what} of session {} cannot be read: {failure}: {words}", session.key.id), to_do)
}
