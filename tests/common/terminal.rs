//! The whole program on a real pseudo-terminal, its screen read by a terminal emulator.

use std::{
    io::{Read, Write},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// A running program and its screen.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<Seen>>,
}

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

impl Terminal {
    /// Starts ssmwatch with those arguments, with `home` as its home folder.
    pub fn start(arguments: &[&str], home: &Path, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ssmwatch"));
        command.args(arguments);
        command.env_clear();
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let screen = Arc::new(Mutex::new(Seen { parser: vt100::Parser::new(rows, columns, 0), raw: Vec::new() }));
        let seen = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut seen = seen.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.raw.extend_from_slice(&buffer[..count]);
            }
        });
        Self { master: pair.master, writer, child, screen }
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
    pub fn wait(&self, what: &str, limit: Duration, wanted: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return;
            }
            assert!(began.elapsed() < limit, "{what}: not seen within {limit:?}; the screen:\n{text}");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Waits until the screen shows that text.
    pub fn wait_for(&self, text: &str) {
        self.wait(text, Duration::from_secs(60), |screen| screen.contains(text));
    }

    /// Another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().parser.screen_mut().set_size(rows, columns);
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// The process.
    pub fn process_id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for the end; the exit code.
    pub fn exit_code(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it does not end; the screen:\n{}", self.text());
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Cooked mode with echo: the terminal is as the shell wants it.
    pub fn is_restored(&self) -> bool {
        let raw = self.raw();
        let tail = String::from_utf8_lossy(&raw[raw.len().saturating_sub(400)..]).into_owned();
        let left = tail.contains("\u{1b}[?1049l") && tail.contains("\u{1b}[?25h") && tail.contains("\u{1b}[?2004l");
        let modes = self.master.get_termios().unwrap();
        let cooked = format!("{:?}", modes.local_flags);
        left && cooked.contains("ICANON") && cooked.contains("ECHO")
    }
}
