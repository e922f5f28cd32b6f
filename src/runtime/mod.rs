//! The loop: signals, input, observations, clock and pacer in, one State, frames and effects out.

pub mod effects;
mod notifier;
mod report;
mod scribe;

use std::{io, sync::Arc, time::Duration};

use crossterm::event::{Event, EventStream, MouseEventKind};
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until},
};

use crate::{
    app::{Effect, Message, State, notify::Way, update},
    terminal::Screen,
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
};

/// A frame is drawn at most this often.
const FRAME: Duration = Duration::from_millis(33);
/// What is played back moves on this often.
const PLAYBACK: Duration = Duration::from_millis(100);
/// How many waiting messages are taken before a frame is drawn.
const DRAIN: usize = 256;

/// What the loop draws with.
#[derive(Debug)]
pub struct Look {
    /// The themes, as they were last read; never empty. Which one is in force the State says, by name.
    pub themes: watch::Receiver<Arc<Vec<Theme>>>,
    /// The glyphs.
    pub glyphs: Glyphs,
}

impl Look {
    /// Those themes until others come through the sender, and those glyphs.
    pub fn new(themes: Arc<Vec<Theme>>, glyphs: Glyphs) -> (watch::Sender<Arc<Vec<Theme>>>, Self) {
        let (sender, themes) = watch::channel(themes);
        (sender, Self { themes, glyphs })
    }
}

/// Runs the dashboard until the analyst leaves or a signal ends it.
///
/// # Errors
/// When the terminal is gone.
pub async fn run(
    state: &mut State,
    screen: &mut Screen,
    look: &Look,
    messages: &mut mpsc::Receiver<Message>,
    mut perform: impl FnMut(Effect, &State),
) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let mut input = EventStream::new();
    let mut clock = interval_at(Instant::now() + Duration::from_secs(1), Duration::from_secs(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    screen.listen_to_mouse(state.view.pointer.on)?;
    let (width, height) = screen.size()?;
    update(state, Message::Resize(width, height), Timestamp::now());
    let mut drawn_at = Instant::now();
    draw(state, screen, look)?;
    let mut drawn_revision = state.revision;
    loop {
        let dirty = state.revision != drawn_revision;
        let message = tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Signal::End => Message::Quit,
                Signal::Stop => stop(screen)?,
            },
            event = input.next() => match event {
                Some(Ok(Event::Key(key))) => Message::Key(key),
                Some(Ok(Event::Paste(text))) => Message::Paste(text),
                Some(Ok(Event::Resize(width, height))) => {
                    screen.resize(width, height)?;
                    Message::Resize(width, height)
                }
                // A mouse that only moves means nothing here, and is not worth a frame.
                Some(Ok(Event::Mouse(mouse))) if mouse.kind != MouseEventKind::Moved => Message::Mouse(mouse),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(error),
                // The terminal was closed under us.
                None => Message::Quit,
            },
            message = messages.recv() => match message {
                Some(message) => message,
                None => Message::Quit,
            },
            _ = clock.tick() => Message::Tick,
            () = sleep_until(drawn_at + FRAME), if dirty => {
                draw(state, screen, look)?;
                drawn_at = Instant::now();
                drawn_revision = state.revision;
                continue;
            }
            () = sleep(PLAYBACK), if state.is_playing() => Message::Tick,
            // Verdicts are found in portions, so that keys never wait for ten thousand of them.
            () = std::future::ready(()), if state.has_work() => Message::Tick,
        };
        let mut next = Some(message);
        let mut taken = 0;
        while let Some(message) = next.take() {
            taken += 1;
            for effect in update(state, message, Timestamp::now()) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Suspend => next = Some(stop(screen)?),
                    Effect::Mouse(on) => screen.listen_to_mouse(on)?,
                    Effect::Copy(clip) => screen.copy(&clip)?,
                    Effect::Notify { way: Way::Bell, .. } => screen.ring()?,
                    Effect::Notify { way: Way::Terminal(protocol), what } => screen.notify(protocol, &what)?,
                    effect => perform(effect, state),
                }
            }
            if next.is_none() && taken < DRAIN {
                next = messages.try_recv().ok();
            }
        }
        if state.revision != drawn_revision && drawn_at.elapsed() >= FRAME {
            draw(state, screen, look)?;
            drawn_at = Instant::now();
            drawn_revision = state.revision;
        }
    }
}

fn draw(state: &mut State, screen: &mut Screen, look: &Look) -> io::Result<()> {
    let themes = Arc::clone(&look.themes.borrow());
    // By name: the files may have been read again, and the State not yet have heard of it.
    let name = state.themes.get(state.view.theme);
    let named = themes.iter().find(|theme| name.is_some_and(|name| **name == *theme.name));
    let Some(theme) = named.or_else(|| themes.first()) else { return Ok(()) };
    let drawn = screen.draw(|frame| ui::draw(frame, state, theme, &look.glyphs))?;
    if let Some(drawn) = drawn {
        state.view.detail_lines = drawn.detail_lines;
        state.view.help_last = drawn.help_last;
        state.view.pointer.seen = drawn.seen;
        if let Some(sheet) = &mut state.view.sheet {
            sheet.last = drawn.sheet_last;
        }
    }
    Ok(())
}

enum Signal {
    End,
    Stop,
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(TSTP))?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End,
            _ = self.hang_up.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.stop.recv() => Signal::Stop,
        }
    }
}

/// Stops this process as the shell's job control expects it; comes back when it is continued, with the size of then.
fn stop(screen: &mut Screen) -> io::Result<Message> {
    screen.give_back();
    // STOP cannot be caught. The system's `kill` sends it: signals are not sent without unsafe code or one more crate.
    let _ = std::process::Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
    screen.resume()?;
    let (width, height) = screen.size()?;
    Ok(Message::Resize(width, height))
}

/// SIGTSTP on Linux and macOS differ.
#[cfg(all(unix, any(target_os = "macos", target_os = "ios", target_os = "freebsd")))]
const TSTP: i32 = 18;
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))))]
const TSTP: i32 = 20;
