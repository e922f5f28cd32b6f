//! A small believable shell: what a terminal prints while somebody works in it.

use std::collections::VecDeque;

use super::{
    commands::{self, Piece, Scene},
    editing,
    meddling::Meddling,
    powershell, screens,
};
use crate::sim::scenario::{Os, Step};

/// What the shell does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Bytes on the terminal.
    Print(Vec<u8>),
    /// The shell ends.
    Exit,
    /// The client goes away; seconds until it comes back, negative is never.
    Disconnect(f64),
    /// Something befalls the log, unseen on the terminal.
    Meddle(Meddling),
}

/// Where a shell runs.
#[derive(Debug, Clone)]
pub struct ShellSetting {
    /// Operating system.
    pub os: Os,
    /// Account on the node.
    pub run_as_user: String,
    /// Host name.
    pub host: String,
    /// Name of the node.
    pub node_name: String,
    /// What the preferences type at the start.
    pub profile: String,
    /// A shell with a prompt, not a lone command.
    pub interactive: bool,
}

/// A shell at work.
#[derive(Debug)]
pub struct Shell {
    setting: ShellSetting,
    script: Vec<Step>,
    position: usize,
    planned: VecDeque<(f64, Act)>,
    endless: Option<Endless>,
    at_prompt: bool,
    /// `stty -echo` hides what is typed.
    echo_off: bool,
    prompt: String,
    random: fastrand::Rng,
    scene: Scene,
}

/// How somebody types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typing {
    /// The whole text at once.
    Whole,
    /// Word by word.
    Careful,
    /// Word by word, now and then with an error and its correction.
    Slips,
}

impl Typing {
    fn careful(hurried: bool) -> Self {
        if hurried { Typing::Whole } else { Typing::Careful }
    }
}

/// A step that goes on and on.
#[derive(Debug, Clone)]
enum Endless {
    Repeat { lines: Vec<String>, every: f64, left: Option<u64>, count: u64 },
    Flood { rate: u64, left: f64, count: u64, line: Option<String> },
    Work(String),
}

impl Shell {
    /// A shell that plays a script.
    pub fn new(setting: ShellSetting, script: Vec<Step>, mut random: fastrand::Rng) -> Self {
        let prompt = match setting.os {
            Os::AmazonLinux => "\u{1b}[?2004hsh-5.2$ ",
            Os::AmazonLinux2 => "sh-4.2$ ",
            Os::Ubuntu => "$ ",
            Os::Windows => "PS C:\\Windows\\system32> ",
        };
        let scene = Scene::new(&setting, random.fork());
        let mut shell = Self {
            script,
            position: 0,
            planned: VecDeque::new(),
            endless: None,
            at_prompt: false,
            echo_off: false,
            prompt: if setting.interactive { prompt.into() } else { String::new() },
            random,
            scene,
            setting,
        };
        shell.start();
        shell
    }

    /// Whether nothing is scripted for it.
    pub fn is_untouched(&self) -> bool {
        self.script.is_empty()
    }

    fn windows(&self) -> bool {
        self.setting.os == Os::Windows
    }

    fn start(&mut self) {
        if !self.setting.interactive {
            return;
        }
        if self.windows() {
            let header = powershell::header(&mut self.scene);
            self.plan(0.9, header.join("\r\n") + "\r\n");
        }
        let profile = self.setting.profile.clone();
        for line in profile.lines().filter(|line| !line.trim().is_empty()) {
            self.type_command(line, Typing::Whole, true);
        }
    }

    fn plan(&mut self, delay: f64, text: String) {
        if !text.is_empty() {
            self.planned.push_back((delay, Act::Print(text.into_bytes())));
        }
    }

    /// What comes next and after how many seconds; none: nothing ever again. A hurried shell types whole lines.
    pub fn next(&mut self, hurried: bool) -> Option<(f64, Act)> {
        // Each step plans something or is over at once; a script of nothing but `again` must not hang.
        for _ in 0..10_000 {
            if let Some(planned) = self.planned.pop_front() {
                return Some(planned);
            }
            match self.endless.take() {
                Some(endless) => self.go_on(endless, hurried),
                None if self.position < self.script.len() => self.step(hurried),
                None if self.at_prompt || self.prompt.is_empty() => return None,
                None => self.show_prompt(0.05),
            }
        }
        None
    }

    fn step(&mut self, hurried: bool) {
        let Some(step) = self.script.get(self.position).cloned() else { return };
        self.position += 1;
        match step {
            Step::Wait(seconds) => {
                let next = self.script.get(self.position);
                let follows_output = next.is_some_and(|step| is_output(step) || is_silent(step));
                if !self.at_prompt && !follows_output {
                    self.show_prompt(0.05);
                }
                // An empty print carries the delay.
                self.planned.push_back((seconds, Act::Print(Vec::new())));
            }
            Step::Type(command) => {
                let answers = self.answers();
                self.type_command(&command, Typing::careful(hurried), answers);
            }
            Step::TypeUnfinished(text) => {
                self.show_prompt_if_needed();
                if !self.windows() {
                    self.type_text(&text, Typing::careful(hurried));
                }
            }
            Step::Output(lines) => {
                for line in lines {
                    self.plan(0.02, line + "\r\n");
                }
                self.at_prompt = false;
            }
            Step::Raw(text) => {
                self.plan(0.05, text);
                self.at_prompt = false;
            }
            Step::Bytes(bytes) => {
                self.planned.push_back((0.05, Act::Print(bytes)));
                self.at_prompt = false;
            }
            Step::Keys { echo, runs } => {
                let answers = self.answers();
                self.enter(&runs, answers, |shell| shell.plan(0.4 + echo.len() as f64 * 0.12, echo));
            }
            Step::Edit { by, from, to } => {
                let answers = self.answers();
                let echo = editing::echo(by, &from, &to, self.setting.os, &self.prompt);
                self.enter(&to, answers, |shell| shell.plan(0.6 + echo.len() as f64 * 0.12, echo));
            }
            Step::Resize => {
                self.show_prompt_if_needed();
                if !self.windows() {
                    self.plan(0.3, format!("\r\u{1b}[K\r{}", self.prompt));
                }
            }
            Step::LongLine(bytes) => {
                let mut line = self.scene.long_line(bytes);
                line.push_str("\r\n");
                self.plan(0.05, line);
                self.at_prompt = false;
            }
            Step::Event(message) => self.meddle(Meddling::Event(message)),
            Step::Forge(forgery) => self.meddle(Meddling::Forge(forgery)),
            Step::Replay(lines) => self.meddle(Meddling::Replay(lines)),
            Step::DeleteStream => self.meddle(Meddling::DeleteStream),
            Step::Repeat { lines, every, times } => {
                self.at_prompt = false;
                self.endless = Some(Endless::Repeat { lines, every: every.max(0.01), left: times, count: 0 });
            }
            Step::Flood { rate, seconds, line } => {
                self.at_prompt = false;
                self.endless = Some(Endless::Flood { rate, left: seconds, count: 0, line });
            }
            Step::Screen { program, seconds } => {
                for piece in screens::play(&program, seconds, &mut self.scene) {
                    self.play(piece);
                }
                self.at_prompt = false;
            }
            Step::Prompt(prompt) => {
                self.prompt = prompt;
                self.at_prompt = false;
            }
            Step::Work(persona) => self.endless = Some(Endless::Work(persona)),
            Step::Again => self.position = 0,
            Step::Exit => self.exit(hurried),
            Step::Disconnect(seconds) => {
                self.show_prompt_if_needed();
                self.planned.push_back((0.1, Act::Disconnect(seconds)));
            }
        }
    }

    /// The owner leaves by `exit`.
    fn exit(&mut self, hurried: bool) {
        if self.setting.interactive {
            self.type_command("exit", Typing::careful(hurried), false);
            match self.setting.os {
                Os::AmazonLinux | Os::AmazonLinux2 => self.plan(0.05, "exit\r\n".into()),
                Os::Ubuntu => {}
                Os::Windows => self.plan(
                    0.2,
                    "**********************\r\nWindows PowerShell transcript end\r\nEnd time: {stamp}\r\n**********************\r\n".into(),
                ),
            }
        }
        self.planned.push_back((0.1, Act::Exit));
        self.position = self.script.len();
        self.endless = None;
        self.at_prompt = true;
    }

    /// Ends the work of the crowd at the next opportunity.
    pub fn leave(&mut self) {
        self.endless = None;
        self.script = vec![Step::Exit];
        self.position = 0;
    }

    fn go_on(&mut self, endless: Endless, hurried: bool) {
        match endless {
            Endless::Repeat { lines, every, left, count } => {
                if left == Some(0) {
                    return;
                }
                let text: String =
                    lines.iter().map(|line| line.replace("{n}", &(count + 1).to_string()) + "\r\n").collect();
                self.plan(every, text);
                self.endless =
                    Some(Endless::Repeat { lines, every, left: left.map(|left| left - 1), count: count + 1 });
            }
            Endless::Flood { rate, left, count, line } => {
                const SLICE: f64 = 0.25;
                if left <= 0.0 {
                    return;
                }
                let bytes = (rate as f64 * SLICE) as usize;
                let mut text = String::with_capacity(bytes + 128);
                let mut count = count;
                while text.len() < bytes {
                    match &line {
                        Some(line) => text.push_str(line),
                        None => text.push_str(&self.scene.flood_line(count)),
                    }
                    text.push_str("\r\n");
                    count += 1;
                }
                self.plan(SLICE, text);
                self.endless = Some(Endless::Flood { rate, left: left - SLICE, count, line });
            }
            Endless::Work(persona) => {
                self.show_prompt_if_needed();
                let thinking =
                    if self.random.u8(..5) == 0 { self.random.f64() * 25.0 } else { self.random.f64() * 7.0 };
                self.planned.push_back((1.5 + thinking, Act::Print(Vec::new())));
                let command = self.scene.next_task(&persona, self.windows());
                let typing = if hurried { Typing::Whole } else { Typing::Slips };
                self.type_command(&command, typing, true);
                self.endless = Some(Endless::Work(persona));
            }
        }
    }

    fn play(&mut self, piece: Piece) {
        match piece {
            Piece::Line(line) => self.plan(0.004, line + "\r\n"),
            Piece::Raw(text) => self.plan(0.004, text),
            Piece::Pause(seconds) => self.planned.push_back((seconds, Act::Print(Vec::new()))),
        }
    }

    fn show_prompt(&mut self, delay: f64) {
        if self.windows() {
            // A PowerShell transcript shows the prompt together with the command.
            self.planned.push_back((delay, Act::Print(Vec::new())));
        } else {
            self.plan(delay, self.prompt.clone());
        }
        self.at_prompt = true;
    }

    fn show_prompt_if_needed(&mut self) {
        if !self.at_prompt && !self.prompt.is_empty() {
            self.show_prompt(0.05);
        }
    }

    /// Whether the command that is typed now answers by itself: nothing that it prints is scripted.
    fn answers(&self) -> bool {
        let next = self.script.iter().skip(self.position).find(|step| !is_silent(step));
        !next.is_some_and(|step| is_output(step) || matches!(step, Step::Prompt(_)))
    }

    fn meddle(&mut self, meddling: Meddling) {
        self.planned.push_back((0.0, Act::Meddle(meddling)));
    }

    fn type_command(&mut self, command: &str, typing: Typing, answers: bool) {
        self.enter(command, answers, |shell| shell.type_text(command, typing));
    }

    /// A command line and Enter; `echo` plans what the terminal shows of the keystrokes.
    fn enter(&mut self, command: &str, answers: bool, echo: impl FnOnce(&mut Self)) {
        if self.setting.interactive {
            self.show_prompt_if_needed();
            if self.windows() {
                let delay = 0.6 + command.len() as f64 * 0.12;
                let line = format!("{}{command}\r\n", self.prompt);
                self.plan(delay, line);
            } else {
                if !self.echo_off {
                    echo(self);
                }
                // Enter, and what readline of bash 5.1 and later switches off before the command runs.
                let end = if self.prompt.contains("\u{1b}[?2004h") { "\r\n\u{1b}[?2004l\r" } else { "\r\n" };
                let delay = 0.15 + self.random.f64() * 0.6;
                self.plan(delay, end.into());
                self.echo_off = editing::is_echo_off_after(command, self.echo_off);
            }
        }
        self.at_prompt = false;
        if answers {
            let pieces = commands::respond(command, &mut self.scene);
            // One print for what comes at once: a terminal program writes in blocks too.
            let mut block = String::new();
            for piece in pieces {
                match piece {
                    Piece::Line(line) => block.push_str(&(line + "\r\n")),
                    Piece::Raw(text) => block.push_str(&text),
                    Piece::Pause(seconds) => {
                        self.plan(0.03, std::mem::take(&mut block));
                        self.planned.push_back((seconds, Act::Print(Vec::new())));
                    }
                }
            }
            self.plan(0.03, block);
        }
    }

    /// Keystrokes as the terminal echoes them, now and then a typing error and its correction.
    fn type_text(&mut self, text: &str, typing: Typing) {
        if typing == Typing::Whole {
            let delay = 0.4 + text.len() as f64 * 0.12;
            self.plan(delay, text.to_owned());
            return;
        }
        let slip = (typing == Typing::Slips && text.len() > 6 && self.random.u8(..7) == 0)
            .then(|| self.random.usize(2..text.len() - 2));
        let mut typed = 0;
        for word in text.split_inclusive([' ', '/', '-']) {
            let delay = 0.1 + word.len() as f64 * (0.05 + self.random.f64() * 0.1);
            let mut shown = word.to_owned();
            if let Some(slip) = slip
                && (typed..typed + word.len()).contains(&slip)
                && word.is_char_boundary(slip - typed)
            {
                let wrong = char::from(self.random.u8(b'a'..=b'z'));
                let erase = if self.setting.os == Os::Ubuntu { "\u{8} \u{8}" } else { "\u{8}\u{1b}[K" };
                let (before, after) = word.split_at(slip - typed);
                shown = format!("{before}{wrong}{erase}{after}");
            }
            typed += word.len();
            self.plan(delay, shown);
        }
    }
}

/// Whether a step leaves the terminal as it is.
fn is_silent(step: &Step) -> bool {
    matches!(step, Step::Wait(_) | Step::Event(_) | Step::Forge(_) | Step::Replay(_) | Step::DeleteStream)
}

/// Whether a step is what the command before it prints.
fn is_output(step: &Step) -> bool {
    matches!(
        step,
        Step::Output(_)
            | Step::Raw(_)
            | Step::Bytes(_)
            | Step::LongLine(_)
            | Step::Repeat { .. }
            | Step::Flood { .. }
            | Step::Screen { .. }
    )
}
