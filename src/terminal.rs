//! The only writer to the terminal: takes it, draws on it, and gives it back on every way out.

use std::{
    io::{self, IsTerminal, Stdout, Write, stdout},
    panic,
    sync::Once,
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        SetTitle, disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

use crate::app::clip::Clip;

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

/// The taken terminal. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    taken: bool,
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
        let mut screen = Self { terminal: terminal(width, height)?, taken: false };
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
        let (width, height) = self.size()?;
        self.resize(width, height)
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

impl Drop for Screen {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn give_back() {
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
