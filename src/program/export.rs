//! `ssmwatch export`: one session as files.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Refusal, setup};
use crate::{
    app::listening::{Sensed, sense},
    aws::{Fleet, ScopeClient},
    cli::{self, Cli},
    config::Config,
    detection::{Bursts, Detections, Detector as _},
    domain::{Failure, FailureClass, LogEvent, Session},
    export::{
        ArchiveRead, CAST, COMMANDS, Counts, DETECTIONS, Detector, Folder, MANIFEST, Manifest, Recorder, Sinks,
        TRANSCRIPT, taken,
    },
    transcript::{Heard, NO_STREAM_YET, Transcript, clean},
    watch::{LogPlaces, StreamReader, WatchConfig, archived, log_places, search},
};

/// Exit code of what SIGINT or SIGTERM stopped, as shells count.
const STOPPED: u8 = 130;
/// Progress is told so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

pub(super) async fn run(cli: &Cli, options: &cli::Export) -> Result<ExitCode, Refusal> {
    // What is dropped on the way takes its unfinished files with it.
    tokio::select! {
        done = export(cli, options) => done,
        () = interrupted() => Err(Refusal {
            what: "stopped before the session was read whole".to_owned(),
            to_do: "nothing was written; run it again".to_owned(),
            code: STOPPED,
        }),
    }
}

async fn export(cli: &Cli, options: &cli::Export) -> Result<ExitCode, Refusal> {
    let settings = setup::honored(setup::settings(cli)?)?;
    if let Some(path) = taken(&options.output) {
        return Err(exists(&path));
    }
    let rules = super::detecting::detector(&settings)?;
    let fleet = setup::connect(setup::fleet_config(&settings)).await?;
    let (session, client) = find(&fleet, options).await?;
    let places = log_places(&client, &session, &watch_config(&settings.config)).await;
    let detector: Option<Box<Detector<'_>>> = Some(Box::new(detecting(&rules, &session)));
    let mut folder = Folder::open(&options.output).map_err(|error| cannot_write(&options.output, &error))?;
    let written = write(&mut folder, &session, &client, &places, options, detector).await?;
    let path_of = |name| folder.path_of(name).display().to_string();
    let Counts { lines, commands, gaps, detections, .. } = written.counts;
    let gaps = if gaps > 0 { format!(", {}", counted(gaps, "gap")) } else { String::new() };
    let mut said = format!("{}: {}{gaps}\n", path_of(TRANSCRIPT), counted(lines, "line"));
    said += &format!("{}: {}\n", path_of(COMMANDS), counted(commands, "command"));
    if let Some(detections) = detections {
        said += &format!("{}: {}\n", path_of(DETECTIONS), counted(detections, "detection"));
    }
    let masked = if options.unmasked { "secrets are not masked" } else { "what looks like a secret is masked" };
    said += &format!(
        "{}: asciicast v2, {} columns\n{}: what was read, SHA-256 of the files; {masked}\n",
        path_of(CAST),
        written.columns,
        path_of(MANIFEST)
    );
    folder.publish().map_err(|error| cannot_write(&options.output, &error))?;
    if session.ended_at.is_none() {
        super::complain("ssmwatch: the session has not ended: what it prints from now on is not in the export\n");
    }
    Ok(super::print(&said))
}

fn counted(count: u64, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

/// Where logs lie is what an export needs of the watch's config.
fn watch_config(config: &Config) -> WatchConfig {
    WatchConfig {
        log_group: config.compliance.log_group.as_ref().map(|group| group.as_str().to_owned()),
        log_bucket: config.compliance.log_bucket.as_ref().map(|bucket| bucket.as_str().to_owned()),
        ..WatchConfig::default()
    }
}

/// The session and the clients of its scope.
async fn find(fleet: &Fleet, options: &cli::Export) -> Result<(Session, Arc<ScopeClient>), Refusal> {
    let id = &options.session;
    let mut progress = Progress::new();
    progress.tell("looking for the session");
    let search =
        search(fleet, id, |scope| options.account.as_ref().is_none_or(|account| *account == scope.account)).await;
    drop(progress);
    if let (0, Some(account)) = (search.asked, &options.account) {
        return Err(Refusal::failed(
            format!("account {account} is not watched"),
            "write it into the config, or leave --account away to look in all that are",
        ));
    }
    for (scope, failure) in &search.unanswered {
        super::complain(&format!("ssmwatch: {scope} could not be asked: {failure}: {}\n", clean(&failure.message)));
    }
    match search.found.as_slice() {
        [session] => match fleet.scope(&session.key.scope) {
            Some(client) => Ok((session.clone(), client)),
            None => Err(Refusal::failed(format!("{} is not watched", session.key.scope), "report this")),
        },
        [] if search.unanswered.is_empty() => Err(Refusal::failed(
            format!("there is no session {id} in {}, neither active nor in the history", scopes(search.asked)),
            "check the id (ssmwatch check lists them); AWS keeps the history for 30 days",
        )),
        [] => Err(Refusal::failed(
            format!(
                "session {id} was not found, and {} of {} could not be asked",
                search.unanswered.len(),
                scopes(search.asked)
            ),
            "mend what is said above and run it again, or narrow with --account and --region",
        )),
        several => {
            let scopes: Vec<_> = several.iter().map(|session| session.key.scope.to_string()).collect();
            Err(Refusal::failed(
                format!("there is a session {id} in each of {}", scopes.join(", ")),
                "say which one with --account and --region",
            ))
        }
    }
}

fn scopes(count: usize) -> String {
    if count == 1 { "1 account and region".to_owned() } else { format!("{count} accounts and regions") }
}

/// Writes down what the rules in force find, each with its line; the texts' secrets are masked in any case.
fn detecting<'a>(rules: &'a Detections, session: &'a Session) -> impl FnMut(&Heard, &Transcript) -> Vec<Value> + 'a {
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

/// How much was written.
struct Written {
    counts: Counts,
    columns: usize,
}

/// What was read, and from where.
#[derive(Default)]
struct Read {
    stream_events: Option<u64>,
    archive: Option<ArchiveRead>,
}

/// Writes all files, still under their working names.
async fn write(
    folder: &mut Folder,
    session: &Session,
    client: &ScopeClient,
    places: &LogPlaces,
    options: &cli::Export,
    detector: Option<Box<Detector<'_>>>,
) -> Result<Written, Refusal> {
    let failed = |error: io::Error| cannot_write(&options.output, &error);
    let masked = !options.unmasked;
    let sinks = Sinks {
        transcript: folder.file(TRANSCRIPT).map_err(failed)?,
        commands: folder.file(COMMANDS).map_err(failed)?,
        detections: match detector {
            Some(detector) => Some((folder.file(DETECTIONS).map_err(failed)?, detector)),
            None => None,
        },
        cast: folder.file(CAST).map_err(failed)?,
    };
    let mut recorder =
        Recorder::new(sinks, &clean(session.key.id.as_str()), session.started_at, masked).map_err(failed)?;
    recorder.expect(session.identity());
    let read = Reading { session, client, places, output: &options.output }.read_to(&mut recorder).await?;
    let (counts, columns) = recorder.finish().map_err(failed)?;
    let manifest = Manifest {
        session,
        exported_at: Timestamp::now(),
        log_group: places.log_group.as_deref(),
        stream_events: read.stream_events,
        archive: read.archive.as_ref(),
        masked,
        counts,
        files: &folder.written().map_err(failed)?,
    };
    let json = manifest.json().map_err(|error| failed(error.into()))?;
    let mut file = folder.file(MANIFEST).map_err(failed)?;
    file.write_all(json.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    Ok(Written { counts, columns })
}

/// A session's log on its way to the files.
struct Reading<'a> {
    session: &'a Session,
    client: &'a ScopeClient,
    places: &'a LogPlaces,
    output: &'a Path,
}

impl Reading<'_> {
    /// Reads the stream, or what the archive has where that is gone.
    async fn read_to(&self, recorder: &mut Recorder<'_, BufWriter<File>>) -> Result<Read, Refusal> {
        let mut read = Read::default();
        let Some(group) = self.places.log_group.as_deref() else {
            self.archive(recorder, &mut read, "the session has no log group").await?;
            return Ok(read);
        };
        let mut progress = Progress::new();
        let mut stream = StreamReader::new(self.client, group, &self.session.key.id);
        let mut count = 0;
        let lost = loop {
            match stream.next().await {
                Ok(Some(events)) => {
                    count += events.len() as u64;
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
        if let Some(why) = lost {
            self.archive(recorder, &mut read, why).await?;
        }
        Ok(read)
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
    ) -> Result<(), Refusal> {
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
                return Err(self.nothing(why));
            }
            return recorder.gap(from, &format!("{why}, and there is no archive object")).map_err(failed);
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
        Ok(())
    }

    /// Nothing is recorded of the session; files would claim that it did nothing.
    fn nothing(&self, why: &str) -> Refusal {
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
        Refusal::failed(
            format!("nothing is recorded of session {}: {why}, and {}", self.session.key.id, clean(&archive)),
            to_do,
        )
    }
}

/// What is being done, for people at a terminal.
struct Progress {
    /// When it may be told next; nothing: nobody looks.
    next: Option<Instant>,
    told: bool,
}

impl Progress {
    fn new() -> Self {
        Self { next: io::stderr().is_terminal().then(Instant::now), told: false }
    }

    fn tell(&mut self, what: &str) {
        let now = Instant::now();
        if self.next.is_some_and(|next| next <= now) {
            self.next = Some(now + PROGRESS_EVERY);
            self.told = true;
            super::complain(&format!("\r{what}\u{1b}[K"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told {
            super::complain("\r\u{1b}[K");
        }
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

fn exists(path: &Path) -> Refusal {
    Refusal::failed(
        format!("{} is there already", path.display()),
        "name another folder with --output; nothing is overwritten",
    )
}

fn cannot_write(folder: &Path, error: &io::Error) -> Refusal {
    Refusal::failed(
        format!("the export cannot be written to {}: {error}", folder.display()),
        "nothing was written; name another folder with --output",
    )
}

/// Somebody stops the program.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
            tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => return,
            }
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        return;
    }
    // Without signals nothing stops it but its end.
    std::future::pending::<()>().await;
}
