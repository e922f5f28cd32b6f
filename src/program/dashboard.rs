//! The dashboard, over whatever AWS the fleet reaches.

use std::os::unix::fs::OpenOptionsExt as _;
use std::{fs, path::Path, process::ExitCode, sync::Arc};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{Refusal, detecting, judging, keeping, reload, setup, themes::Themes};
use crate::{
    app::Message,
    aws::Fleet,
    cli::Cli,
    config::Settings,
    detection::Detector,
    runtime::{
        self,
        effects::{Effects, Tools},
    },
    store,
    terminal::Screen,
    watch::Watch,
};

/// SIGXFSZ of Linux, macOS and the BSDs.
const FILE_SIZE_LIMIT: i32 = 25;
/// Messages that may wait for the loop; the watch slows down when they do.
const QUEUE: usize = 1024;

/// `ssmwatch`: the dashboard of the configured accounts.
pub(super) async fn run(cli: &Cli) -> Result<ExitCode, Refusal> {
    let settings = setup::honored(setup::settings(cli)?)?;
    let parts = Parts::new(&settings)?;
    let fleet = setup::connect(setup::fleet_config(&settings)).await?;
    show(&settings, parts, fleet, false).await
}

/// What can be wrong before AWS is asked anything.
pub(super) struct Parts {
    engine: crate::compliance::Engine,
    /// People's own detection rules are read before anything else, to refuse what is wrong with them; without any, the built-in ones
    /// are compiled while the first frame is drawn.
    detector: Option<Arc<dyn Detector>>,
    themes: Themes,
}

impl Parts {
    /// Rules, themes, keys: all that the config decides.
    pub(super) fn new(settings: &Settings) -> Result<Self, Refusal> {
        let (engine, detector) = match settings.config.compliance.detections.is_empty() {
            true => (judging::engine(settings)?, None),
            false => {
                let (engine, detector) = detecting::both(settings)?;
                (engine, Some(detector))
            }
        };
        setup::check_response(settings, &engine)?;
        Ok(Self { engine, detector, themes: setup::themes(settings)? })
    }
}

/// Shows a fleet until the analyst leaves.
pub(super) async fn show(settings: &Settings, parts: Parts, fleet: Fleet, demo: bool) -> Result<ExitCode, Refusal> {
    let Parts { engine, detector, themes } = parts;
    let path = store::default_path(demo).map_err(|error| Refusal::failed(error.to_string(), error.to_do()))?;
    let _log = program_log(&setup::program_log_path(settings)?)?;
    let watched = setup::watch_config(&settings.config, engine.parameters());
    let board = setup::board(&fleet, engine, &settings.config);
    let compiled_later = detector.is_none();
    let detector = match detector {
        Some(detector) => detector,
        None => detecting::none()?,
    };
    let mut state = setup::state((board, detector), settings, (&themes, setup::glyphs()), &path, demo)?;
    // A limit on the size of files would kill the program; caught, it is an error of the write like a full disk.
    let _limit = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(FILE_SIZE_LIMIT))?;
    let (messages, mut received) = mpsc::channel(QUEUE);
    let keeper = keeping::open(&path, demo, settings, &messages).await;
    let (observations, mut observed) = mpsc::channel(QUEUE);
    let stop = CancellationToken::new();
    let exporter = super::export::exporter(fleet.clone(), watched.clone(), &path);
    let watch = Arc::new(Watch::start(&fleet, watched, observations, &stop));
    let tools = Tools {
        fleet,
        watch: Arc::clone(&watch),
        keeper: keeper.clone(),
        targets: setup::alert_targets(&settings.config),
        sends: state.setup.read_only.is_none(),
        quarantine: settings.config.response.quarantine.as_ref().map(crate::config::Quarantine::method),
        exporter,
    };
    let effects = Effects::new(tools, messages.clone()).telling_by(settings.config.notify.command.clone());
    let reload = tokio::spawn(reload::policies(settings.clone(), messages.clone()));
    let detections = tokio::spawn(reload::detections(settings.clone(), messages.clone()));
    let (shown, look) = runtime::Look::new(themes.all.clone(), setup::glyphs());
    let themes = tokio::spawn(super::themes::reload(settings.clone(), themes, shown, messages.clone()));
    let built_in = compiled_later.then(|| {
        let settings = settings.clone();
        tokio::task::spawn_blocking(move || detecting::detector(&settings))
    });
    let forward = tokio::spawn(async move {
        // What is observed waits for the rules: nothing that is typed gets past them.
        if let Some(built_in) = built_in {
            let detector: Result<Arc<dyn Detector>, Arc<str>> = match built_in.await {
                Ok(Ok(detector)) => Ok(Arc::new(detector)),
                Ok(Err(refusal)) => Err(refusal.what.as_str().into()),
                Err(error) => Err(error.to_string().into()),
            };
            if messages.send(Message::Detections(detector)).await.is_err() {
                return;
            }
        }
        while let Some(observation) = observed.recv().await {
            if messages.send(Message::Observed(observation)).await.is_err() {
                break;
            }
        }
    });

    let mut screen = Screen::take().map_err(|error| {
        let text = error.to_string();
        let (what, to_do) = text.split_once("\n  ").unwrap_or((&text, "try another terminal"));
        Refusal::failed(what, to_do)
    })?;
    let outcome = runtime::run(&mut state, &mut screen, &look, &mut received, |effect, state| {
        effects.perform(effect, state);
    })
    .await;
    screen.give_back();
    stop.cancel();
    forward.abort();
    reload.abort();
    detections.abort();
    themes.abort();
    let left = effects.finish().await;
    for act in &left {
        super::complain(&format!(
            "ssmwatch: left before the outcome of {:?} on {} was known\n  look the session up; the record is in {}\n",
            act.kind,
            act.subject.id(),
            path.display()
        ));
    }
    if let Some(keeper) = keeper
        && let Ok(Err(error)) = keeper.close().await
    {
        tracing::warn!(%error, "the store was not closed as it should be");
    }
    outcome.map_err(|error| Refusal::failed(format!("the terminal is gone: {error}"), "start it again"))?;
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The program's log goes to a file: the screen is not its to write on.
fn program_log(path: &Path) -> Result<tracing_appender::non_blocking::WorkerGuard, Refusal> {
    let refused = |error: std::io::Error| {
        Refusal::failed(
            format!("the program's log {} cannot be written: {error}", path.display()),
            "name another place with --log-file PATH",
        )
    };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(refused)?;
    }
    // It names sessions and owners: nobody else's to read.
    let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(refused)?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env("SSMWATCH_LOG").unwrap_or_else(|_| EnvFilter::new("warn,ssmwatch=info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).finish();
    // A second run in one process (tests) keeps the first log.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(guard)
}
