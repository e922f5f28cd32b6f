//! The only writer to the terminal: takes it, draws on it, and gives it back on every way out.

use std::{
    io::{self, IsTerminal, Stdout, Write, stdout},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste},
    execute, queue,
    style::Print,
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        SetTitle, disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

use crate::app::{
    clip::Clip,
    notify::{Notification, Protocol},
};

/// Why there is no screen to draw on.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Standard output is a file or a pipe.
    #[error("standard output is not a terminal\n  run ssmwatch in a terminal, or `ssmwatch check` without one")]
    NotATerminal,
    /// The terminal refused.
    #[error("the terminal cannot be used: {0}\n  try another terminal, or set TERM")]
    Io(#[from] io::Error),
}

/// Presses, drags and the wheel, in coordinates of any size (xterm's modes 1000, 1002, 1006). Crossterm's own command also asks for
/// every move of the mouse (1003), which over a slow line is a stream of nothing.
const LISTEN_TO_MOUSE: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";

/// The terminal was told to report the mouse; a panic anywhere has to know.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// The taken terminal. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    taken: bool,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste.
    ///
    /// # Errors
    /// When standard output is no terminal, or it refuses.
    pub fn take() -> Result<Self, TerminalError> {
        if !stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(TerminalError::NotATerminal);
        }
        give_back_on_panic();
        let (width, height) = crossterm::terminal::size()?;
        let mut screen = Self { terminal: terminal(width, height)?, taken: false, mouse: false };
        screen.resume()?;
        Ok(screen)
    }

    /// Takes the terminal (again, after a stop).
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn resume(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        self.taken = true;
        execute!(stdout(), EnterAlternateScreen, Hide, EnableBracketedPaste, SetTitle("ssmwatch"))?;
        self.listen_to_mouse(self.mouse)?;
        let (width, height) = self.size()?;
        self.resize(width, height)
    }

    /// Listens to the mouse, or leaves it to the terminal, which selects text with it.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn listen_to_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        match (on, MOUSE.swap(on, Ordering::SeqCst)) {
            (true, false) => execute!(stdout(), Print(LISTEN_TO_MOUSE)),
            (false, true) => execute!(stdout(), DisableMouseCapture),
            _ => Ok(()),
        }
    }

    /// Gives the terminal back, to stop or to leave.
    pub fn give_back(&mut self) {
        if std::mem::take(&mut self.taken) {
            give_back();
        }
    }

    /// The size: columns, rows.
    ///
    /// # Errors
    /// When the terminal does not say.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }

    /// Takes on a size, and forgets what is on the screen: the next frame is drawn whole.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn resize(&mut self, width: u16, height: u16) -> io::Result<()> {
        execute!(stdout(), Clear(ClearType::All))?;
        self.terminal = terminal(width, height)?;
        Ok(())
    }

    /// Puts that on the clipboard (OSC 52), if the terminal allows it; it does not say whether it did.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn copy(&mut self, clip: &Clip) -> io::Result<()> {
        execute!(stdout(), CopyToClipboard::to_clipboard_from(clip.as_str()))
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn ring(&mut self) -> io::Result<()> {
        execute!(stdout(), Print("\x07"))
    }

    /// Asks the terminal to show a notification. It does not say whether it did.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn notify(&mut self, protocol: Protocol, what: &Notification) -> io::Result<()> {
        let in_tmux = std::env::var_os("TMUX").is_some_and(|tmux| !tmux.is_empty());
        execute!(stdout(), Print(notification(protocol, what, in_tmux)))
    }

    /// Draws one frame, shown at once (DEC private mode 2026, synchronized output).
    ///
    /// # Errors
    /// When the terminal cannot be written: it is gone.
    pub fn draw<Drawn>(&mut self, draw: impl FnOnce(&mut Frame<'_>) -> Drawn) -> io::Result<Option<Drawn>> {
        let mut drawn = None;
        queue!(stdout(), BeginSynchronizedUpdate)?;
        let outcome = self.terminal.draw(|frame| drawn = Some(draw(frame)));
        execute!(stdout(), EndSynchronizedUpdate)?;
        outcome?;
        Ok(drawn)
    }
}

/// A terminal of a fixed size: one that follows the terminal by itself asks for the cursor's position, and the answer
/// would have to come through the input that the loop reads.
fn terminal(width: u16, height: u16) -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    Terminal::with_options(CrosstermBackend::new(stdout()), TerminalOptions { viewport })
}

/// The sequence for a notification. tmux swallows it unless it is handed through, which `allow-passthrough` has to allow.
fn notification(protocol: Protocol, what: &Notification, in_tmux: bool) -> String {
    // The words are clean already; what frames them must not be in them, whatever becomes of that.
    let part =
        |text: String| -> String { text.chars().map(|c| if c.is_control() || c == ';' { ' ' } else { c }).collect() };
    let (title, text) = (part(what.title()), part(what.text()));
    let sequence = match protocol {
        Protocol::Osc9 => format!("\x1b]9;ssmwatch: {text}\x07"),
        Protocol::Osc777 => format!("\x1b]777;notify;{title};{text}\x07"),
    };
    if in_tmux { format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")) } else { sequence }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn give_back() {
    if MOUSE.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), DisableMouseCapture);
    }
    // Nothing can be done about a terminal that refuses to be restored: each step is tried all the same.
    let _ = execute!(stdout(), EndSynchronizedUpdate, DisableBracketedPaste, Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

/// A panic in any thread restores the terminal before its words are printed.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |information| {
            tracing::error!("panic: {information}");
            give_back();
            next(information);
        }));
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_notification_is_framed_once_whatever_its_words_are(rule in any::<String>(), account in any::<String>(), tmux in any::<bool>()) {
            let what = Notification::of_rule(&rule, &account);
            for protocol in [Protocol::Osc9, Protocol::Osc777] {
                let written = notification(protocol, &what, tmux);
                let inner = if tmux {
                    let inner = written.strip_prefix("\x1bPtmux;\x1b\x1b]").and_then(|rest| rest.strip_suffix("\x07\x1b\\"));
                    inner.map(str::to_owned)
                } else {
                    written.strip_prefix("\x1b]").and_then(|rest| rest.strip_suffix('\x07')).map(str::to_owned)
                };
                let inner = inner.unwrap_or_default();
                let parts: Vec<&str> = inner.split(';').collect();
                match protocol {
                    Protocol::Osc9 => {
                        prop_assert_eq!(parts.len(), 2);
                        prop_assert!(inner.starts_with("9;ssmwatch: "));
                    }
                    Protocol::Osc777 => {
                        prop_assert_eq!(parts.len(), 4);
                        prop_assert!(inner.starts_with("777;notify;ssmwatch: CRITICAL;"));
                    }
                }
                prop_assert!(inner.chars().all(|c| !c.is_control() && !crate::transcript::is_hidden(c)), "{:?}", inner);
                prop_assert!(inner.len() < 2000);
            }
        }
    }
}
