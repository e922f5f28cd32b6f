//! The whole program on a real pseudo-terminal, its screen read by a terminal emulator.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, dead_code, missing_docs)]

use std::{
    io::{Read, Write},
    num::NonZero,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Nothing that is waited for takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program and its screen.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    reader: Option<JoinHandle<()>>,
    screen: Arc<Mutex<Seen>>,
}

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(size: u16) -> NonZero<u16> {
    NonZero::new(size).unwrap()
}

impl Terminal {
    /// Starts ssmwatch with those arguments, with `home` as its home folder and nothing else of this environment.
    pub fn start(arguments: &[&str], home: &Path, columns: u16, rows: u16) -> Self {
        Self::with_environment(&[], arguments, home, columns, rows)
    }

    /// The same with these environment variables.
    pub fn with_environment(
        environment: &[(&str, &str)],
        arguments: &[&str],
        home: &Path,
        columns: u16,
        rows: u16,
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ssmwatch"));
        command.args(arguments);
        command.env_clear();
        command.env("HOME", home);
        command.env("PATH", "/usr/bin:/bin");
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        for (name, value) in environment {
            command.env(name, value);
        }
        command.cwd(home);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let screen = Arc::new(Mutex::new(Seen {
            parser: vt100::Parser::new(nonzero(rows), nonzero(columns), 0),
            raw: Vec::new(),
        }));
        let seen = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut seen = seen.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.raw.extend_from_slice(&buffer[..count]);
            }
        });
        Self { master: pair.master, writer, child, reader: Some(reader), screen }
    }

    /// The screen's text.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().parser.screen().contents()
    }

    /// Everything that was written to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.screen.lock().unwrap().raw.clone()
    }

    /// Types those bytes.
    pub fn type_text(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits until the screen is as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: not seen within {PATIENCE:?}; the screen:\n{text}");
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits until the screen shows that text.
    pub fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Types as slowly as a person reads: not before the question has been on the screen for a while.
    pub fn answer(&mut self, question: &str, key: &str) {
        self.wait_for(question);
        let shown = Instant::now();
        self.wait("the question to be read", |_| shown.elapsed() > Duration::from_millis(500));
        self.type_text(key);
    }

    /// Another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Sends a signal (`TERM`).
    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Whether the process is stopped, as by Ctrl-Z in a shell.
    #[cfg(target_os = "linux")]
    pub fn is_stopped(&self) -> bool {
        let stat = format!("/proc/{}/stat", self.child.process_id().unwrap());
        // The state follows the program's name in parentheses.
        std::fs::read_to_string(stat).unwrap().contains(") T ")
    }

    /// Whether the program has left the alternate screen: the last thing that it does when it gives the terminal back.
    pub fn is_given_back(&self) -> bool {
        !self.screen.lock().unwrap().parser.screen().alternate_screen()
    }

    /// Waits for the end and for the last byte; the exit code.
    pub fn exit_code(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                if let Some(reader) = self.reader.take() {
                    reader.join().unwrap();
                }
                return status.exit_code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end; the screen:\n{}", self.text());
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// The terminal is as the shell wants it: cooked with echo, main screen, cursor shown, no bracketed paste, no mouse.
    pub fn assert_restored(&self) {
        let modes = format!("{:?}", self.master.get_termios().unwrap().local_flags);
        for flag in ["ICANON", "ECHO", "ISIG"] {
            assert!(modes.contains(flag), "{flag} is off: {modes}");
        }
        let seen = self.screen.lock().unwrap();
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    }

    /// The terminal is taken: raw, on the alternate screen.
    pub fn assert_taken(&self) {
        let modes = format!("{:?}", self.master.get_termios().unwrap().local_flags);
        assert!(!modes.contains("ICANON") && !modes.contains("ISIG"), "{modes}");
        let seen = self.screen.lock().unwrap();
        let screen = seen.parser.screen();
        assert!(screen.alternate_screen() && screen.bracketed_paste());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind.
        let _ = self.child.kill();
    }
}
