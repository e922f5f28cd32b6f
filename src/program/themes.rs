//! The themes of a run: read when it starts, and again when their files change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    app::Message,
    config::{self, Settings},
    ui::theme::{MONO, Theme, ThemeError},
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Broken files that are told of one by one.
const TOLD: usize = 2;

/// The themes that there are.
#[derive(Debug)]
pub(super) struct Themes {
    /// Those that can be used, the configured one first.
    pub(super) all: Arc<Vec<Theme>>,
    /// Whether the configured one can be.
    pub(super) wanted: Result<(), ThemeError>,
    /// What the others are refused for, one line.
    problem: Option<Arc<str>>,
    files: Files,
}

/// What the user's own theme files were when they were read: changed files have other stamps.
type Files = Vec<(PathBuf, Option<SystemTime>, u64)>;

impl Themes {
    /// Reads all themes. One that cannot be used any more stays as it was `before`.
    pub(super) fn read(settings: &Settings, before: &[Theme]) -> Self {
        let no_color = settings.overrides.no_color;
        let directory = directory(settings);
        // Before they are read: what changes in between is read once more.
        let files = stamps(directory.as_deref());
        let wanted_name = if no_color { MONO } else { settings.config.theme.as_str() };
        let others = Theme::names(directory.as_deref()).into_iter().filter(|name| name != wanted_name && !no_color);
        let mut all = Vec::new();
        let mut problems = Vec::new();
        let mut wanted = Ok(());
        for name in std::iter::once(wanted_name.to_owned()).chain(others) {
            let old = || before.iter().find(|theme| theme.name == name).cloned();
            match Theme::load(&name, directory.as_deref()) {
                Ok(theme) => all.push(theme),
                // A file that is gone is no mistake.
                Err(ThemeError::Unknown { name: unknown, .. }) if unknown == name && name != wanted_name => {}
                Err(error) => {
                    problems.push(error.to_string().replace('\n', " "));
                    all.extend(old());
                    if name == wanted_name {
                        wanted = Err(error);
                    }
                }
            }
        }
        let more = problems.len().saturating_sub(TOLD);
        problems.truncate(TOLD);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let problem = (!problems.is_empty()).then(|| Arc::from(format!("{}{more}", problems.join("; "))));
        Self { all: Arc::new(all), wanted, problem, files }
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.all.iter().map(|theme| Arc::from(theme.name.as_str())).collect()
    }
}

/// Where the user's own themes are; nowhere when no colors are wanted: a file of one's own could bring them.
fn directory(settings: &Settings) -> Option<PathBuf> {
    config::user_theme_dir(settings.origin.file.as_deref()).filter(|_| !settings.overrides.no_color)
}

fn stamps(directory: Option<&Path>) -> Files {
    let entries = directory.and_then(|directory| fs::read_dir(directory).ok()).into_iter().flatten();
    let mut files: Files = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let about = fs::metadata(&path).ok();
            let written = about.as_ref().and_then(|about| about.modified().ok());
            (path, written, about.map_or(0, |about| about.len()))
        })
        .collect();
    files.sort();
    files
}

/// Looks at the user's own theme files, and hands over what they say when they change: the themes to whoever draws, their names and what
/// is wrong to the State. Ends when nobody receives any more; when no colors are wanted, at once.
pub(super) async fn reload(
    settings: Settings,
    themes: Themes,
    shown: watch::Sender<Arc<Vec<Theme>>>,
    messages: mpsc::Sender<Message>,
) {
    if directory(&settings).is_none() {
        return;
    }
    let settings = Arc::new(settings);
    let Themes { mut all, mut files, problem, .. } = themes;
    if let Some(what) = &problem {
        tracing::warn!(what = &**what, "a theme cannot be used");
        let names = all.iter().map(|theme| Arc::from(theme.name.as_str())).collect();
        if messages.send(Message::Themes { names, problem, quiet: true }).await.is_err() {
            return;
        }
    }
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let again = (Arc::clone(&settings), files.clone(), Arc::clone(&all));
        let read = tokio::task::spawn_blocking(move || {
            let (settings, files, all) = again;
            (stamps(directory(&settings).as_deref()) != files).then(|| Themes::read(&settings, &all))
        });
        let Ok(read) = read.await else { return };
        let Some(themes) = read else { continue };
        files.clone_from(&themes.files);
        match &themes.problem {
            Some(what) => tracing::warn!(what = &**what, "a theme cannot be read again, the old look stays"),
            None => tracing::info!(files = files.len(), "themes read again"),
        }
        let message = Message::Themes { names: themes.names(), problem: themes.problem.clone(), quiet: false };
        all = themes.all;
        // Whoever draws must have them before their names are chosen.
        if shown.send(Arc::clone(&all)).is_err() || messages.send(message).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use ratatui::style::Color;

    use super::*;

    /// A config beside which themes lie.
    fn settings(home: &Path) -> Settings {
        let mut settings = Settings::default();
        settings.origin.file = Some(home.join("config.toml"));
        fs::create_dir_all(home.join("themes")).unwrap();
        settings
    }

    /// The next message of the task, or the end of patience.
    async fn next(received: &mut mpsc::Receiver<Message>) -> (Vec<String>, Option<String>) {
        let message = tokio::time::timeout(Duration::from_secs(60), received.recv()).await.unwrap().unwrap();
        let Message::Themes { names, problem, .. } = message else { panic!("{message:?}") };
        (names.iter().map(|name| name.to_string()).collect(), problem.map(|what| what.to_string()))
    }

    fn color(look: &watch::Receiver<Arc<Vec<Theme>>>, name: &str) -> Option<Color> {
        look.borrow().iter().find(|theme| theme.name == name).and_then(|theme| theme.critical.fg)
    }

    #[tokio::test]
    async fn files_that_come_change_break_and_go_are_told_of() {
        let home = tempfile::tempdir().unwrap();
        let settings = settings(home.path());
        let file = home.path().join("themes/mine.toml");
        let themes = Themes::read(&settings, &[]);
        assert_eq!(themes.all.len(), 7);
        let (shown, look) = watch::channel(Arc::clone(&themes.all));
        let (messages, mut received) = mpsc::channel(8);
        let task = tokio::spawn(reload(settings, themes, shown, messages));

        fs::write(&file, "inherit = \"default-dark\"\n[roles]\ncritical = \"#ff0000\"\n").unwrap();
        let (names, problem) = next(&mut received).await;
        assert_eq!((names.len(), names.last().map(String::as_str), problem), (8, Some("mine"), None));
        assert_eq!(color(&look, "mine"), Some(Color::Rgb(255, 0, 0)));

        fs::write(&file, "inherit = \"default-dark\"\n[roles]\ncritical = \"#00ff00\" # another\n").unwrap();
        next(&mut received).await;
        assert_eq!(color(&look, "mine"), Some(Color::Rgb(0, 255, 0)));

        fs::write(&file, "inherit = \"default-dark\"\n[roles]\ncritcal = \"#0000ff\"\n").unwrap();
        let (names, problem) = next(&mut received).await;
        let problem = problem.unwrap();
        assert!(problem.contains("mine.toml:3:1") && problem.contains("critcal"), "{problem}");
        assert_eq!((names.len(), color(&look, "mine")), (8, Some(Color::Rgb(0, 255, 0))), "the old look stays");

        fs::remove_file(&file).unwrap();
        let (names, problem) = next(&mut received).await;
        assert_eq!((names.len(), problem, color(&look, "mine")), (7, None, None));
        task.abort();
    }

    #[test]
    fn a_configured_theme_that_breaks_stays_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let mut settings = settings(home.path());
        settings.config.theme = "mine".to_owned();
        let file = home.path().join("themes/mine.toml");
        fs::write(&file, "inherit = \"mono\"\n").unwrap();
        let before = Themes::read(&settings, &[]);
        fs::write(&file, "inherit = 7\n").unwrap();
        let after = Themes::read(&settings, &before.all);
        assert!(after.wanted.is_err() && after.problem.is_some());
        assert_eq!(after.names(), before.names());
        assert_eq!(after.names()[0].as_ref(), "mine");
    }

    #[test]
    fn without_colors_there_is_only_mono_whatever_a_file_says() {
        let home = tempfile::tempdir().unwrap();
        let mut settings = settings(home.path());
        settings.overrides.no_color = true;
        fs::write(home.path().join("themes/mono.toml"), "inherit = \"default-dark\"\n").unwrap();
        let themes = Themes::read(&settings, &[]);
        assert_eq!(themes.names().iter().map(|name| name.to_string()).collect::<Vec<_>>(), ["mono"]);
        assert_eq!(themes.all[0].critical.fg, None);
    }
}
