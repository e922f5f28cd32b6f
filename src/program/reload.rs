//! People's own policies and detection rules, read again when their files change.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{Refusal, detecting, judging};
use crate::{app::Message, config::Settings};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks at the files of the config's own policies, and hands new rules over when they changed: the rules, or in one line
/// what is wrong with them. Ends when nobody receives any more; without policies of one's own, at once.
pub(super) async fn policies(settings: Settings, messages: mpsc::Sender<Message>) {
    let patterns = judging::own_policies(&settings);
    again(settings, patterns, messages, |settings| {
        Message::Rules(judging::engine(settings).map(Arc::new).map_err(said))
    })
    .await;
}

/// The same for the config's own detection rules.
pub(super) async fn detections(settings: Settings, messages: mpsc::Sender<Message>) {
    let patterns = settings.config.compliance.detections.clone();
    again(settings, patterns, messages, |settings| {
        Message::Detections(match detecting::detector(settings) {
            Ok(detector) => Ok(Arc::new(detector)),
            Err(refusal) => Err(said(refusal)),
        })
    })
    .await;
}

fn said(refusal: Refusal) -> Arc<str> {
    refusal.what.as_str().into()
}

async fn again(
    settings: Settings,
    patterns: Vec<String>,
    messages: mpsc::Sender<Message>,
    read: fn(&Settings) -> Message,
) {
    if patterns.is_empty() {
        return;
    }
    let settings = Arc::new((settings, patterns));
    let mut known = judging::stamps(&settings.0, &settings.1);
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let again = Arc::clone(&settings);
        let looked = tokio::task::spawn_blocking(move || judging::stamps(&again.0, &again.1)).await;
        let Ok(stamps) = looked else { return };
        if stamps == known {
            continue;
        }
        known = stamps;
        let again = Arc::clone(&settings);
        // Reading and checking takes milliseconds, but of the disk's time.
        let Ok(message) = tokio::task::spawn_blocking(move || read(&again.0)).await else { return };
        match &message {
            Message::Rules(Err(what)) | Message::Detections(Err(what)) => {
                tracing::warn!(what = &**what, "rules cannot be read again, the old ones stay in force");
            }
            _ => tracing::info!(files = known.len(), "rules read again"),
        }
        if messages.send(message).await.is_err() {
            return;
        }
    }
}
