//! Runs the user's command of `[notify] command`, one after the other, and never for long.

use std::{
    io::Write,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::app::{Message, notify::Notification};

/// It is ended after this long.
const LONGEST: Duration = Duration::from_secs(10);
/// How often it is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// Notifications that wait while it runs; more are dropped, counted, and shown.
const QUEUE: usize = 16;
/// What of AWS's variables the command may know: where things are, never what opens them.
const NO_SECRETS: [&str; 7] = [
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "AWS_EC2_METADATA_DISABLED",
];

/// Hands notifications to the command.
#[derive(Debug, Clone)]
pub(super) struct Notifier {
    queue: SyncSender<Notification>,
    dropped: Arc<AtomicUsize>,
}

impl Notifier {
    /// Starts a thread of its own, which ends with the program: leaving never waits for somebody's command.
    pub(super) fn start(command: Vec<String>, messages: mpsc::Sender<Message>) -> Self {
        let (queue, received) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicUsize::new(0));
        let lost = Arc::clone(&dropped);
        thread::spawn(move || work(&command, &received, &lost, &messages));
        Self { queue, dropped }
    }

    /// Hands it over, or counts it.
    pub(super) fn notify(&self, what: Notification) {
        let count = what.count();
        if self.queue.try_send(what).is_err() {
            self.dropped.fetch_add(count, Ordering::Relaxed);
            tracing::warn!(count, "not told: the command of [notify] is too slow");
        }
    }
}

fn work(
    command: &[String],
    received: &Receiver<Notification>,
    dropped: &AtomicUsize,
    messages: &mpsc::Sender<Message>,
) {
    let mut failed = false;
    while let Ok(what) = received.recv() {
        let outcome = run(command, &what, LONGEST);
        let lost = dropped.swap(0, Ordering::Relaxed);
        let words = match &outcome {
            Err(why) => {
                tracing::warn!(why, "the command of [notify] did not work");
                Some(format!("the command of [notify] did not work: {why}"))
            }
            Ok(()) => None,
        };
        // A command that keeps failing is told of once.
        let words = words.filter(|_| !std::mem::replace(&mut failed, outcome.is_err()));
        failed = outcome.is_err();
        let lost = (lost > 0).then(|| format!("{lost} were not told: the command of [notify] is too slow"));
        for words in words.into_iter().chain(lost) {
            let _ = messages.blocking_send(Message::NotTold(words.into()));
        }
    }
}

/// Runs it to its end, or ends it and all that it started.
fn run(command: &[String], what: &Notification, longest: Duration) -> Result<(), String> {
    let (title, text) = (what.title(), what.text());
    let filled = |word: &String| word.replace("{title}", &title).replace("{text}", &text);
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments.iter().map(filled)).envs(what.environment());
    let secret = |name: &str| name.starts_with("AWS_") && !NO_SECRETS.contains(&name);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_none_or(secret)) {
        command.env_remove(name);
    }
    // A group of its own: it does not get the keys of the terminal, and can be ended with all that it started.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One short line fits into the pipe: it is written at once, whether it is read or not.
        let _ = stdin.write_all(format!("{}\n", what.json()).as_bytes());
    }
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program}: {status}")),
            Ok(None) if began.elapsed() < longest => thread::sleep(LOOK),
            Ok(None) => {
                // The system's `kill`, as for stopping: groups cannot be signalled without unsafe code or one more crate.
                let group = format!("-{}", child.id());
                let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program}: ended after {} s", longest.as_secs()));
            }
            Err(error) => return Err(format!("{program}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let script = format!("sleep 600 & echo $! > {0}.part; mv {0}.part {0}; wait", file.display());
        let what = Notification::of_rule("DOC-01", "payments");
        // Long enough for a shell to start on a machine that has much to do.
        let longest = Duration::from_secs(3);
        let why = run(&words(&["/bin/sh", "-c", &script]), &what, longest).unwrap_err();
        assert!(why.contains("ended after 3 s"), "{why}");
        let child = std::fs::read_to_string(&file).unwrap();
        let began = Instant::now();
        let is_there =
            || Command::new("kill").args(["-0", child.trim()]).stderr(Stdio::null()).status().unwrap().success();
        // A zombie that nobody waits for still has its number.
        let is_dead =
            || std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).is_ok_and(|stat| stat.contains(") Z "));
        while is_there() && !is_dead() {
            assert!(began.elapsed() < Duration::from_secs(10), "{} goes on", child.trim());
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    #[test]
    fn words_are_filled_in_as_arguments_and_never_read_by_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let script = format!("printf %s \"$1\" > {}", file.display());
        let what = Notification::of_rule("$(touch x)`;|", "a b");
        run(&words(&["/bin/sh", "-c", &script, "sh", "{text}"]), &what, LONGEST).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), what.text());
        assert!(run(&words(&["/bin/false"]), &what, LONGEST).unwrap_err().contains("/bin/false"));
    }

    #[test]
    fn what_does_not_get_its_turn_is_counted_and_said() {
        let (messages, mut received) = mpsc::channel(64);
        let notifier = Notifier::start(words(&["/bin/sleep", "0.2"]), messages);
        for _ in 0..QUEUE + 8 {
            notifier.notify(Notification::of_rule("DOC-01", "payments"));
        }
        let Some(Message::NotTold(why)) = received.blocking_recv() else { panic!("nothing was said") };
        assert!(why.contains("were not told"), "{why}");
    }
}
