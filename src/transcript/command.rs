//! Commands, as far as the transcript tells them: what follows a prompt. The log holds no keystrokes; a command is a reading.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{
    line::{Line, LineKind},
    prompt::Prompts,
};

/// Commands of one session that are remembered.
pub const MOST_COMMANDS: usize = 5_000;
/// Bytes of a command that are kept: the lines of a here-document are joined to it.
const MOST_BYTES: usize = 16 * 1024;
/// Lines of a command, those of here-documents aside.
const MOST_LINES: usize = 200;
/// A command up to so many bytes is heard anew with each line that it goes on in; a longer one when it has doubled and when it is whole:
/// what is heard of it stays in proportion to what was printed.
const HEARD_EACH_TIME: usize = 512;

/// How sure it is that this was entered as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Behind a prompt that the session has, with nothing that allows another reading.
    Certain,
    /// Line editing allows other readings, or the prompt may have been printed by something else.
    Uncertain,
    /// Ended with `^C`: typed, and not run.
    NotRun,
}

impl Certainty {
    /// In one word, for reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Uncertain => "uncertain",
            Self::NotRun => "not_run",
        }
    }
}

/// One command that was entered at a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// When the agent sent its line: at or after the time it was entered.
    pub at: Timestamp,
    /// The number of its line, counted from the transcript's first line, those that are gone included.
    pub line: u64,
    /// The number of the line at which its output begins.
    pub output: u64,
    /// The text after the prompt, cleaned.
    pub text: Box<str>,
    /// Other texts that it may have been, cleaned.
    pub readings: Vec<Box<str>>,
    /// How sure it is.
    pub certainty: Certainty,
    /// Its line was sent again by the agent, or everything since a few commands was entered once more.
    pub repeated: bool,
}

impl Command {
    /// Everything that it may have been, the likeliest first.
    pub fn all_readings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.text).chain(self.readings.iter().map(|reading| &**reading))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.readings.iter().map(|reading| reading.len() + 16).sum::<usize>()
    }
}

/// What a line was heard as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A command was entered, or the last one went on (then its earlier form was heard before).
    Command(Command),
    /// The line of that number was printed.
    Output(u64),
    /// A full-screen program printed this, or a line that is gone already; cleaned.
    Folded(Box<str>),
}

/// Reads the commands out of lines.
#[derive(Debug, Default)]
pub(super) struct Reader {
    prompts: Prompts,
    commands: VecDeque<Command>,
    bytes: usize,
    forgotten: u64,
    growth: Growth,
}

/// How the last command goes on.
#[derive(Debug, Default)]
struct Growth {
    /// Lines that were joined to it.
    lines: usize,
    /// Its bytes when it was last heard.
    heard: usize,
    /// It grew since.
    unheard: bool,
    rest: Rest,
}

/// What a command lacks.
#[derive(Debug, Default)]
enum Rest {
    /// Nobody asked yet: nearly all commands are one line.
    #[default]
    Unknown,
    /// The rest of a here-document, up to that word.
    Document(Box<str>),
    /// The next line, joined so; nothing: it is whole.
    Line(Option<Glue>),
}

impl Rest {
    fn of(command: &str) -> Self {
        match glue(command) {
            Some(Glue::NewLine) => Self::Document(here_document(command.trim_end()).unwrap_or_default().into()),
            glue => Self::Line(glue),
        }
    }

    fn glue(&self) -> Option<Glue> {
        match self {
            Self::Unknown => None,
            Self::Document(_) => Some(Glue::NewLine),
            Self::Line(glue) => *glue,
        }
    }
}

impl Reader {
    pub fn commands(&self) -> &VecDeque<Command> {
        &self.commands
    }

    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory that is held, in bytes.
    pub fn memory(&self) -> usize {
        self.bytes + self.prompts.bytes()
    }

    /// Takes in the line of that number, once it cannot grow any more, and adds what is heard in it.
    pub fn take(&mut self, number: u64, line: &Line, heard: &mut Vec<Heard>) {
        let is_text = matches!(line.kind, LineKind::Streamed | LineKind::Plain);
        if is_text && self.continued(number, line, heard) {
            return;
        }
        if std::mem::take(&mut self.growth.unheard) {
            heard.extend(self.commands.back().cloned().map(Heard::Command));
        }
        if is_text {
            heard.extend(self.entered(number, line));
        }
    }

    /// A command, or output.
    fn entered(&mut self, number: u64, line: &Line) -> Option<Heard> {
        let text = line.text();
        let Some(found) = self.prompts.find(text) else { return Some(Heard::Output(number)) };
        let whole = text.get(found.range.end..).unwrap_or_default().trim();
        // Drawn twice, the range holds the prompt as often.
        let prompt = text.get(found.range.clone()).unwrap_or_default();
        let prompt = prompt.get(..found.once).unwrap_or(prompt);
        let mut readings: Vec<Box<str>> = Vec::new();
        // The line was drawn anew while it was typed: the last form is what was entered. Or a command names the prompt.
        let typed = last_after(whole, prompt).trim();
        if typed != whole {
            readings.push(whole.into());
        }
        // What is pasted is drawn twice: first highlighted, then plain.
        let half = whole.split_at_checked(whole.len() / 2).filter(|(first, second)| first == second && first.len() > 1);
        readings.extend(half.map(|(first, _)| first.into()));
        // The agent deletes the return and the erasure with which a shell replaces a line: what was there before stays in front.
        if line.kind == LineKind::Streamed && !line.raw().contains('\u{1b}') {
            readings.extend(glued(typed).map(Into::into));
        }
        let redrawn = !readings.is_empty();
        for other in line.alternatives() {
            let other = last_after(other, prompt).trim();
            if !other.is_empty() && other != typed && !readings.iter().any(|known| **known == *other) {
                readings.push(other.into());
            }
        }
        if typed.is_empty() && readings.is_empty() {
            return None;
        }
        let certainty = if typed.ends_with("^C") {
            Certainty::NotRun
        } else if line.uncertain || !found.sure || redrawn {
            Certainty::Uncertain
        } else {
            Certainty::Certain
        };
        self.prompts.entered(typed);
        for reading in &readings {
            self.prompts.entered_too(reading);
        }
        let command = Command {
            at: line.at,
            line: number,
            output: number + 1,
            text: typed.into(),
            readings,
            certainty,
            repeated: line.repeated,
        };
        self.keep(command.clone());
        Some(Heard::Command(command))
    }

    /// A line behind a continuation prompt belongs to the command above, if that is not whole.
    fn continued(&mut self, number: u64, line: &Line, heard: &mut Vec<Heard>) -> bool {
        let growth = &mut self.growth;
        let Some(command) = self.commands.back_mut().filter(|command| command.output == number) else { return false };
        let text = line.text();
        let Some(more) = text.strip_prefix(">> ").or_else(|| text.strip_prefix("> ")) else { return false };
        if matches!(growth.rest, Rest::Unknown) {
            growth.rest = Rest::of(&command.text);
        }
        let Some(glue) = growth.rest.glue() else { return false };
        if command.text.len() + more.len() > MOST_BYTES {
            return false;
        }
        let before = command.bytes();
        let kept = match glue {
            Glue::Backslash => command.text.strip_suffix('\\').unwrap_or(&command.text),
            _ => &command.text,
        };
        command.text = format!("{kept}{}{more}", glue.text()).into();
        command.output = number + 1;
        if line.uncertain && command.certainty == Certainty::Certain {
            command.certainty = Certainty::Uncertain;
        }
        self.bytes = self.bytes + command.bytes() - before;
        growth.lines += 1;
        growth.rest = match std::mem::take(&mut growth.rest) {
            // The lines of a here-document are not looked at, and can be many.
            Rest::Document(word) if more.trim_end() != &*word => Rest::Document(word),
            Rest::Document(_) => Rest::Line(None),
            _ if growth.lines >= MOST_LINES => Rest::Line(None),
            _ => Rest::of(&command.text),
        };
        let bytes = command.text.len();
        growth.unheard = bytes > HEARD_EACH_TIME && bytes < growth.heard * 2 && growth.rest.glue().is_some();
        if !growth.unheard {
            growth.heard = bytes;
            heard.push(Heard::Command(command.clone()));
        }
        true
    }

    fn keep(&mut self, command: Command) {
        self.growth = Growth { heard: command.text.len(), ..Growth::default() };
        self.bytes += command.bytes();
        self.commands.push_back(command);
        while self.commands.len() > MOST_COMMANDS {
            let Some(oldest) = self.commands.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.forgotten += 1;
        }
    }

    /// Keeps only the last command: what a listener needs to go on.
    pub fn forget(&mut self) {
        while self.commands.len() > 1 {
            let Some(oldest) = self.commands.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.forgotten += 1;
        }
    }
}

/// Programs that are looked for inside of words; the short ones only where an option or a path follows.
const PROGRAMS: [&str; 30] = [
    "curl",
    "wget",
    "sudo",
    "bash",
    "chmod",
    "chown",
    "chattr",
    "systemctl",
    "history",
    "iptables",
    "useradd",
    "usermod",
    "crontab",
    "python3",
    "openssl",
    "socat",
    "nohup",
    "setsid",
    "shred",
    "auditctl",
    "setenforce",
    "journalctl",
    "docker",
    "kubectl",
    "whoami",
    "id",
    "ls",
    "rm",
    "nc",
    "cat",
];
/// Words that end like one and are programs of their own.
const WHOLE_WORDS: [&str; 12] =
    ["visudo", "rbash", "zcat", "bzcat", "xzcat", "ncat", "terraform", "pycurl", "uuid", "netcat", "rsync", "socat"];

/// The command that seems to be glued to the end of another one's last word: `id -u` in `cat /etc/hostnameid -u`.
fn glued(command: &str) -> Option<&str> {
    let mut at = 0;
    for word in command.split_inclusive(' ') {
        let bare = word.trim_end();
        let rest = command.get(at + word.len()..).unwrap_or_default();
        let found = PROGRAMS.iter().filter(|name| bare.len() > name.len() && bare.ends_with(**name)).find(|name| {
            let before = bare.get(..bare.len() - name.len()).and_then(|before| before.chars().next_back());
            let name_of = bare.rsplit('/').next().unwrap_or(bare);
            let whole = bare.starts_with("--") || WHOLE_WORDS.contains(&name_of);
            let in_word = before.is_some_and(char::is_alphanumeric) && !whole;
            let goes_on = rest.starts_with(['-', '/']) || (name.len() > 3 && !rest.is_empty());
            in_word && goes_on
        });
        if let Some(name) = found {
            return command.get(at + bare.len() - name.len()..);
        }
        at += word.len();
    }
    None
}

/// What comes after the last prompt in a text; all of it where there is none.
fn last_after<'a>(text: &'a str, prompt: &str) -> &'a str {
    match text.rfind(prompt) {
        Some(at) if !prompt.is_empty() => text.get(at + prompt.len()..).unwrap_or_default(),
        _ => text,
    }
}

/// What joins the next line to a command that is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glue {
    /// A backslash at the end, which goes.
    Backslash,
    /// An operator or a quote goes on.
    Space,
    /// A compound command goes on.
    Semicolon,
    /// A here-document goes on.
    NewLine,
}

impl Glue {
    fn text(self) -> &'static str {
        match self {
            Self::Backslash => "",
            Self::Space => " ",
            Self::Semicolon => "; ",
            // A separator for who reads the command: a shell that is fed the lines runs each.
            Self::NewLine => " ; ",
        }
    }
}

/// How the next line joins a command; nothing: the command is complete.
fn glue(command: &str) -> Option<Glue> {
    let trimmed = command.trim_end();
    if trimmed.ends_with('\\') {
        return Some(Glue::Backslash);
    }
    let (mut quote, mut escaped) = (None, false);
    for c in trimmed.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            _ => {}
        }
    }
    if quote.is_some() {
        return Some(Glue::Space);
    }
    if let Some(word) = here_document(trimmed) {
        return (!trimmed.ends_with(&format!("; {word}"))).then_some(Glue::NewLine);
    }
    let last = trimmed.rsplit([' ', ';']).next().unwrap_or_default();
    if trimmed.ends_with(['|', '{', '(']) || trimmed.ends_with("&&") || matches!(last, "do" | "then" | "else") {
        return Some(Glue::Space);
    }
    let word = |word: &str| trimmed.split([' ', ';', '\t']).filter(|part| *part == word).count();
    let open = word("do") > word("done") || word("if") > word("fi") || word("case") > word("esac");
    let head = trimmed.split_whitespace().next().unwrap_or_default();
    let waits = matches!(head, "for" | "while" | "until") && word("do") == 0;
    let braces = trimmed.matches('{').count() > trimmed.matches('}').count();
    (open || waits || braces).then_some(Glue::Semicolon)
}

/// The word that ends the here-document of a command.
fn here_document(command: &str) -> Option<&str> {
    let (_, rest) = command.split_once("<<")?;
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start();
    // `<<<` is a here-string: complete as it is.
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ';' | '|' | '>' | '&')).unwrap_or(rest.len());
    let word = rest.get(..end)?.trim_matches(['\'', '"', '\\']);
    (!word.is_empty() && !word.starts_with('<')).then_some(word)
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
