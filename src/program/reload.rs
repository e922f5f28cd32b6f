//! People's own policies, read again when their files change.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::judging;
use crate::{app::Message, config::Settings};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks at the files of the config's own policies, and hands new rules over when they changed: the rules, or in one line
/// what is wrong with them. Ends when nobody receives any more; without policies of one's own, at once.
pub(super) async fn policies(settings: Settings, messages: mpsc::Sender<Message>) {
    if !judging::has_own_files(&settings) {
        return;
    }
    let settings = Arc::new(settings);
    let mut known = judging::stamps(&settings);
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let again = Arc::clone(&settings);
        let Ok(stamps) = tokio::task::spawn_blocking(move || judging::stamps(&again)).await else { return };
        if stamps == known {
            continue;
        }
        known = stamps;
        let again = Arc::clone(&settings);
        // Reading and checking takes milliseconds, but of the disk's time.
        let Ok(engine) = tokio::task::spawn_blocking(move || judging::engine(&again)).await else { return };
        let rules: Result<_, Arc<str>> = match engine {
            Ok(engine) => Ok(Arc::new(engine)),
            Err(refusal) => Err(refusal.what.as_str().into()),
        };
        match &rules {
            Ok(engine) => tracing::info!(rules = engine.rules().len(), "policies read again"),
            Err(what) => tracing::warn!(what = &**what, "policies cannot be read again, the old ones stay in force"),
        }
        if messages.send(Message::Rules(rules)).await.is_err() {
            return;
        }
    }
}
