//! `ssmwatch export`, and the key `e`: one session as files.

mod bundle;
mod key;
mod progress;
mod recording;

use std::{
    path::{self, Path},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

pub(super) use key::exporter;

use super::{Refusal, setup};
use crate::{
    aws::{Fleet, ScopeClient},
    cli::{self, Cli},
    compliance::Engine,
    config::Settings,
    detection::Detector,
    domain::{EndedSession, Fact, Observation, Session, SessionStatus},
    export::{Folder, Known, Others, Remembered, taken},
    store::{self, Store},
    transcript::clean,
    watch::{log_places, one_session, search},
};
use bundle::{Bundle, Log, cannot_write};
use progress::Progress;
use recording::Recording;

/// Exit code of what SIGINT or SIGTERM stopped, as shells count.
const STOPPED: u8 = 130;
/// Who exports is asked for at most that long.
const ASKED: Duration = Duration::from_secs(2);

pub(super) async fn run(cli: &Cli, options: &cli::Export) -> Result<ExitCode, Refusal> {
    let export = or_stopped(Export::prepare(cli, options)).await?;
    let arn = match tokio::time::timeout(ASKED, export.client.caller()).await {
        Ok(Ok((_, arn))) => Some(arn.to_string()),
        _ => None,
    };
    let output = path::absolute(&options.output).unwrap_or_else(|_| options.output.clone());
    let recording = Recording::begin(store::default_path(false), &export.session, &output, arn);
    // What is dropped on the way takes its unfinished files with it.
    let done = or_stopped(export.carry_out(options, recording.not_recorded())).await;
    recording.end(done.as_ref().map(|_| output.as_path()));
    let said = done?;
    if export.session.ended_at.is_none() {
        super::complain("ssmwatch: the session has not ended: what it prints from now on is not in the export\n");
    }
    Ok(super::print(&said))
}

async fn or_stopped<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    tokio::select! {
        done = work => done,
        () = interrupted() => Err(Refusal {
            what: "stopped before the session was read whole".to_owned(),
            to_do: "nothing was written; run it again".to_owned(),
            code: STOPPED,
        }),
    }
}

/// An export by the command.
struct Export {
    settings: Settings,
    engine: Arc<Engine>,
    rules: Arc<dyn Detector>,
    fleet: Fleet,
    session: Session,
    client: Arc<ScopeClient>,
}

impl Export {
    /// Finds the session, before anything is written.
    async fn prepare(cli: &Cli, options: &cli::Export) -> Result<Self, Refusal> {
        let settings = setup::honored(setup::settings(cli)?)?;
        if let Some(path) = taken(&options.output) {
            return Err(exists(&path));
        }
        let (engine, rules) = super::detecting::both(&settings)?;
        let fleet = setup::connect(setup::fleet_config(&settings)).await?;
        let (session, client) = find(&fleet, options).await?;
        Ok(Self { settings, engine: Arc::new(engine), rules, fleet, session, client })
    }

    /// Reads everything and writes it; says what was written.
    async fn carry_out(&self, options: &cli::Export, not_recorded: Option<&str>) -> Result<String, Refusal> {
        let watched = setup::watch_config(&self.settings.config, self.engine.parameters());
        let places = log_places(&self.client, &self.session, &watched).await;
        let bundle = Bundle {
            session: &self.session,
            client: &self.client,
            places: &places,
            rules: &*self.rules,
            output: &options.output,
            masked: !options.unmasked,
            quiet: false,
        };
        let mut folder = Folder::open(&options.output).map_err(|error| cannot_write(&options.output, &error))?;
        let log = bundle.log(&mut folder).await?;
        let progress = told("reading what is known of it");
        let observations = one_session(&self.fleet, &self.session, watched).await;
        drop(progress);
        let remembered = match store::default_path(false) {
            Ok(path) => Remembered::read(&path, &self.session.key),
            Err(error) => Remembered::unread(error.to_string()),
        };
        let known = self.known(observations, &log, places.log_group.as_deref())?;
        if let Some(nothing) = &log.nothing {
            super::complain(&format!(
                "ssmwatch: no transcript: {}\n  {}\n",
                clean(&nothing.what),
                clean(&nothing.to_do)
            ));
        }
        bundle.finish(folder, &log, &known, &remembered, not_recorded)
    }

    /// What was read, on a board of its own, by the rules in force.
    fn known(&self, observations: Vec<Observation>, log: &Log, group: Option<&str>) -> Result<Known, Refusal> {
        let lost = || Refusal::failed("the session was lost on the way", "report this");
        let key = &self.session.key;
        let mut board = setup::board(&self.fleet, Arc::clone(&self.engine), &self.settings.config);
        observations.into_iter().for_each(|observation| board.observe(observation));
        let now = Timestamp::now();
        if let Some(group) = group {
            // The whole stream was read, not only its tail.
            let read = Fact::known((), "logs:GetLogEvents", now);
            let streams = log.health.iter().map(|health| (key.id.clone(), health.clone())).collect();
            let scope = key.scope.clone();
            board.observe(Observation::StreamHealth { scope, log_group: group.into(), streams, read });
        }
        board.sessions.get_mut(key).ok_or_else(lost)?.listed_at = now;
        Known::of(&board, key, Vec::new(), Others::NotListed, now).ok_or_else(lost)
    }
}

fn told(what: &str) -> Progress {
    let mut progress = Progress::new(false);
    progress.tell(what);
    progress
}

/// The session and the clients of its scope.
async fn find(fleet: &Fleet, options: &cli::Export) -> Result<(Session, Arc<ScopeClient>), Refusal> {
    let id = &options.session;
    let progress = told("looking for the session");
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
    if search.found.is_empty()
        && let Some(found) = remembered(fleet, options)
    {
        super::complain("ssmwatch: AWS tells of no such session: what the store remembers of it is exported\n");
        return Ok(found);
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

/// A session that AWS forgot, or does not tell of, and that the store remembers.
fn remembered(fleet: &Fleet, options: &cli::Export) -> Option<(Session, Arc<ScopeClient>)> {
    let store = Store::open_to_read(&store::default_path(false).ok()?).ok()?;
    let of_account =
        |ended: &EndedSession| options.account.as_ref().is_none_or(|account| *account == ended.key.scope.account);
    let mut ended = store.ended_since(Timestamp::MIN, usize::MAX).ok()?;
    ended.retain(|ended| ended.key.id == options.session && of_account(ended));
    let [ended] = ended.as_slice() else { return None };
    let client = fleet.scope(&ended.key.scope)?;
    let text = |text: &str| (!text.is_empty()).then(|| text.into());
    let session = Session {
        key: ended.key.clone(),
        target: ended.target.as_str().into(),
        status: match SessionStatus::parse(&ended.how) {
            SessionStatus::Failed => SessionStatus::Failed,
            _ => SessionStatus::Terminated,
        },
        started_at: ended.started_at,
        ended_at: Some(ended.ended_at),
        document: text(&ended.document),
        owner: ended.owner.as_str().into(),
        reason: text(&ended.reason),
        max_duration_minutes: None,
        log_group: None,
        access: None,
    };
    Some((session, client))
}

fn exists(path: &Path) -> Refusal {
    Refusal::failed(
        format!("{} is there already", path.display()),
        "name another folder with --output; nothing is overwritten",
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
