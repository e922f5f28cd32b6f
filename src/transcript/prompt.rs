//! Shell prompts, as far as they can be told from output. Anything can print a prompt: a hint, never a proof.

use std::{collections::VecDeque, ops::Range};

/// A longer prompt is not looked for.
const MAX_PROMPT: usize = 160;
/// Prompts of one session that are remembered: shells within shells.
const MOST_KNOWN: usize = 16;
/// Beginnings of lines that may turn out to be a prompt of the user's own making.
const MOST_CANDIDATES: usize = 64;
/// Bytes of what follows one of them that are remembered.
const CANDIDATE_REST: usize = 48;
/// A prompt in the middle of a line (output that did not end its line) has to be at least so long to be looked for.
const LEAST_INSIDE: usize = 5;

/// Bytes of the prompt at the start of a cleaned line, its final space included: `sh-5.2$ `, `$ `, `root@web:~# `,
/// `[ec2-user@web ~]$ `, `PS C:\> `.
pub(super) fn length(line: &str) -> Option<usize> {
    let head = line.get(..line.floor_char_boundary(MAX_PROMPT))?;
    let ends =
        head.as_bytes().windows(2).enumerate().filter(|(_, pair)| matches!(pair, [b'$' | b'#' | b'>' | b'%', b' ']));
    ends.map(|(sign, _)| sign).find_map(|sign| {
        let (name, space) = (head.get(..sign)?, sign + 1);
        let one_word = !name.contains(' ') || name.starts_with("PS ") || (name.starts_with('[') && name.ends_with(']'));
        one_word.then_some(space + 1)
    })
}

/// The program that a command line starts: the first word after assignments and `sudo`, without its directory.
pub(super) fn program(command: &str) -> Option<&str> {
    let word = command.split_whitespace().find(|word| {
        !matches!(*word, "sudo" | "env" | "exec" | "nohup") && !word.contains('=') && !word.starts_with('-')
    })?;
    word.rsplit('/').next().filter(|name| !name.is_empty())
}

/// A prompt that was found in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is; the command follows. A prompt that was drawn more than once is one.
    pub range: Range<usize>,
    /// Bytes of the prompt, drawn once.
    pub once: usize,
    /// The session had this prompt before, or nothing else is to be expected here.
    pub sure: bool,
}

impl Found {
    fn new(range: Range<usize>, sure: bool) -> Self {
        Self { once: range.len(), range, sure }
    }
}

/// The prompts of one session: which lines are commands is told by them.
#[derive(Debug, Default)]
pub(super) struct Prompts {
    known: Vec<Known>,
    /// The last command starts another shell or sets the prompt: what looks like a prompt next is one.
    shell_opened: bool,
    /// Beginnings of lines that end like a prompt, each with what followed it first.
    candidates: VecDeque<(Box<str>, Box<str>)>,
    started: bool,
}

/// A prompt that the session has.
#[derive(Debug)]
struct Known {
    /// What stays of it when the directory changes.
    head: Box<str>,
    /// All of it, as seen last.
    last: Box<str>,
    sure: bool,
    /// It was taken for want of another: so many times more, and it is the session's.
    trial: u8,
}

/// A prompt that was taken for want of another is the session's when it came so often.
const TRIALS: u8 = 3;

impl Prompts {
    /// The prompt in a cleaned line. Learns from it.
    pub fn find(&mut self, line: &str) -> Option<Found> {
        let first = !std::mem::replace(&mut self.started, true);
        let mut found = self.at_start(line, first).or_else(|| self.inside(line))?;
        let prompt = line.get(found.range.clone()).unwrap_or_default();
        // A shell draws its prompt anew when the window changes its size or is cleared.
        while line.get(found.range.end..).is_some_and(|rest| rest.starts_with(prompt)) {
            found.range.end += prompt.len();
        }
        self.shell_opened = false;
        Some(found)
    }

    /// Memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        let known = self.known.iter().map(|known| size_of::<Known>() + known.head.len() + known.last.len());
        let candidates =
            self.candidates.iter().map(|(prompt, rest)| size_of::<(Box<str>, Box<str>)>() + prompt.len() + rest.len());
        known.chain(candidates).sum()
    }

    /// A command that was entered at a prompt.
    pub fn entered(&mut self, command: &str) {
        self.shell_opened = opens_shell(command);
    }

    /// Another reading of that command.
    pub fn entered_too(&mut self, reading: &str) {
        self.shell_opened |= opens_shell(reading);
    }

    fn at_start(&mut self, line: &str, first: bool) -> Option<Found> {
        for known in &mut self.known {
            if !line.starts_with(&*known.head) {
                continue;
            }
            let end = if known.head == known.last { Some(known.head.len()) } else { length(line) };
            if let Some(prompt) = end.and_then(|end| line.get(..end)) {
                known.last = prompt.into();
                if known.trial > 0 {
                    known.trial -= 1;
                    known.sure |= known.trial == 0;
                }
                return Some(Found::new(0..prompt.len(), known.sure));
            }
        }
        let expected = self.shell_opened || (first && self.known.is_empty());
        if let Some(end) = length(line) {
            let prompt = line.get(..end)?;
            let sure = match shape(prompt) {
                Shape::Shell => {
                    // What was taken for want of a better is put away.
                    self.known.retain(|known| known.trial == 0);
                    expected || self.known.is_empty()
                }
                Shape::Possible if expected => true,
                Shape::Possible if self.known.is_empty() && prompt != "# " => {
                    self.learn(prompt, false, TRIALS);
                    return Some(Found::new(0..end, false));
                }
                Shape::Possible | Shape::No => return None,
            };
            self.learn(prompt, sure, 0);
            return Some(Found::new(0..end, sure));
        }
        let end = own_length(line)?;
        let (prompt, rest) = line.split_at_checked(end)?;
        if expected || self.seen_before(prompt, rest) {
            self.learn(prompt, expected, 0);
            return Some(Found::new(0..end, expected));
        }
        None
    }

    /// A known prompt behind output that did not end its line.
    fn inside(&self, line: &str) -> Option<Found> {
        // Looking from the front is many times as fast, and nearly no line has one.
        let there = |known: &&Known| known.last.len() >= LEAST_INSIDE && line.contains(&*known.last);
        let known = self.known.iter().filter(there);
        let (at, known) =
            known.filter_map(|known| Some((line.rfind(&*known.last)?, known))).max_by_key(|(at, _)| *at)?;
        Some(Found::new(at..at + known.last.len(), false))
    }

    fn learn(&mut self, prompt: &str, sure: bool, trial: u8) {
        let head = head(prompt);
        if self.known.len() >= MOST_KNOWN {
            self.known.remove(0);
        }
        self.known.push(Known { head: head.into(), last: prompt.into(), sure, trial });
    }

    /// A prompt of the user's own making comes again, with another command behind it or none.
    fn seen_before(&mut self, prompt: &str, rest: &str) -> bool {
        let rest = rest.get(..rest.floor_char_boundary(CANDIDATE_REST)).unwrap_or_default();
        if let Some((_, before)) = self.candidates.iter().find(|(candidate, _)| **candidate == *prompt) {
            return **before != *rest;
        }
        if self.candidates.len() >= MOST_CANDIDATES {
            self.candidates.pop_front();
        }
        self.candidates.push_back((prompt.into(), rest.into()));
        false
    }
}

/// What stays of a prompt when the directory changes; the whole of it where nothing does.
fn head(prompt: &str) -> &str {
    if prompt.starts_with("PS ") {
        return "PS ";
    }
    let Some(at) = prompt.find('@') else { return prompt };
    let end = prompt.get(at..).and_then(|rest| rest.find([':', ' '])).map_or(prompt.len(), |end| at + end);
    prompt.get(..end).unwrap_or(prompt)
}

/// How much a prompt looks like one.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    /// Hardly anything else looks so: `sh-5.2$ `, `root@web:~# `, `PS C:\> `.
    Shell,
    /// Other output looks so too: `# `, `prod> `.
    Possible,
    /// A percentage, a tag, an arrow.
    No,
}

fn shape(prompt: &str) -> Shape {
    let prompt = prompt.trim_end();
    let name = prompt.get(..prompt.len().saturating_sub(1)).unwrap_or_default();
    let symbol = prompt.chars().next_back().unwrap_or(' ');
    let versioned = ["sh-", "bash-"]
        .iter()
        .any(|shell| name.strip_prefix(shell).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
    let alphanumeric = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let at = name.split_once('@').is_some_and(|(user, host)| {
        alphanumeric(user.chars().next_back()) && alphanumeric(host.chars().next()) && !name.starts_with('<')
    });
    let power_shell = name.starts_with("PS ") && name.contains(['\\', '/', ':']);
    if (versioned || at) && matches!(symbol, '$' | '#') || power_shell && symbol == '>' {
        return Shape::Shell;
    }
    let arrow = matches!(symbol, '>' | '%') && !name.contains(char::is_alphabetic);
    // `ledger=# ` is how psql asks.
    let name = name.strip_suffix('=').filter(|name| !name.is_empty()).unwrap_or(name);
    let tag = name.contains(['<', '=', '"', '\'', '|']) || name.ends_with('-');
    if arrow || tag { Shape::No } else { Shape::Possible }
}

/// Bytes of what may be a prompt of the user's own making: up to the first sign that ends a prompt, with its spaces.
fn own_length(line: &str) -> Option<usize> {
    let head = line.get(..line.floor_char_boundary(MAX_PROMPT))?;
    let sign = |c| matches!(c, '$' | '#' | '>' | '»' | '❯' | '➜' | 'λ' | '⟩');
    // Nearly no line has one of them.
    if !head.bytes().fold(false, |any, byte| any | matches!(byte, b'$' | b'#' | b'>' | 0x80..)) {
        return None;
    }
    let (at, found) = head
        .char_indices()
        .find(|(at, c)| sign(*c) && head.get(at + c.len_utf8()..).is_some_and(|rest| rest.starts_with(' ')))?;
    let after = at + found.len_utf8();
    let spaces = line.get(after..)?.bytes().take_while(|byte| *byte == b' ').count();
    let prompt = line.get(..after)?;
    // A table's row is no prompt.
    if prompt.starts_with(' ') || prompt.contains('|') {
        return None;
    }
    (at > 0 && shape(prompt) != Shape::No || !found.is_ascii()).then_some(after + spaces)
}

/// Does the command start a shell that has a prompt of its own, or change the prompt?
fn opens_shell(command: &str) -> bool {
    if command.contains("PS1") || command.contains("PROMPT") || command.contains("function prompt") {
        return true;
    }
    command.split(['|', ';', '&']).any(|part| {
        let mut words = part.split_whitespace().filter(|word| !word.contains('=')).peekable();
        while let Some(word) = words.next() {
            let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
            match name {
                "sudo"
                    if words
                        .clone()
                        .any(|word| matches!(word, "-i" | "-s" | "--login" | "--shell" | "-iu" | "-is" | "-Hi")) =>
                {
                    return true;
                }
                "sudo" | "doas" | "env" | "exec" | "nohup" | "time" | "command" | "setsid" => continue,
                _ if name.starts_with('-') => continue,
                "exit" | "logout" | "su" | "ssh" | "nsenter" | "chroot" | "newgrp" | "tmux" | "screen" | "script"
                | "docker" | "podman" | "kubectl" | "crictl" | "lxc" | "machinectl" | "unshare" | "expect"
                | "socat" | "mysql" | "psql" | "redis-cli" | "mongo" | "mongosh" | "sqlite3" | "source" | "."
                | "cmd" | "cmd.exe" => return true,
                "sh" | "bash" | "dash" | "zsh" | "fish" | "ash" | "ksh" | "csh" | "tcsh" | "rbash" | "busybox"
                | "python" | "python3" | "perl" | "ruby" | "node" | "irb" | "pwsh" | "powershell"
                | "powershell.exe" => {
                    return true;
                }
                _ => return word.starts_with("./"),
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::string_slice)]
    use super::*;

    #[test]
    fn prompts_are_told_from_other_text() {
        for (line, prompt) in [
            ("sh-5.2$ ls -l", Some("sh-5.2$ ")),
            ("$ ls", Some("$ ")),
            ("# reboot", Some("# ")),
            ("root@web:/var/www# ls", Some("root@web:/var/www# ")),
            ("[ec2-user@web my dir]$ ls", Some("[ec2-user@web my dir]$ ")),
            ("PS C:\\Windows\\system32> whoami", Some("PS C:\\Windows\\system32> ")),
            ("total 40", None),
            ("it costs 5$ or more", None),
            ("", None),
            ("bare", None),
        ] {
            assert_eq!(length(line).map(|end| &line[..end]), prompt, "{line:?}");
        }
    }

    #[test]
    fn a_program_is_named_without_its_wrapping() {
        assert_eq!(program("sudo -E TERM=xterm /usr/bin/vi notes.txt"), Some("vi"));
        assert_eq!(program("top"), Some("top"));
        assert_eq!(program("  "), None);
    }

    /// The commands of a session, as its prompts tell them; `?` marks those that are not sure.
    fn commands(lines: &[&str]) -> Vec<String> {
        let mut prompts = Prompts::default();
        let mut commands = Vec::new();
        for line in lines {
            if let Some(found) = prompts.find(line) {
                let command = &line[found.range.end..];
                prompts.entered(command);
                commands.push(format!("{command}{}", if found.sure { "" } else { "?" }));
            }
        }
        commands
    }

    #[test]
    fn the_prompts_of_a_session_are_learned() {
        assert_eq!(commands(&["sh-5.2$ id", "uid=1001", "sh-5.2$ exit", "exit"]), ["id", "exit"]);
        assert_eq!(commands(&["$ id", "uid=1001", "$ exit"]), ["id", "exit"]);
        assert_eq!(commands(&["sh-4.2$ sh-4.2$ date"]), ["date"], "drawn twice");
        assert_eq!(
            commands(&[
                "sh-5.2$ cd /",
                "sh-5.2$ sudo -i",
                "[root@web ~]# id",
                "[root@web /]# exit",
                "exit",
                "sh-5.2$ w"
            ]),
            ["cd /", "sudo -i", "id", "exit", "w"]
        );
        assert_eq!(
            commands(&["sh-5.2$ read -s p; echo", "Password: sh-5.2$ echo ok"]),
            ["read -s p; echo", "echo ok?"]
        );
        assert_eq!(commands(&["PS C:\\> cd x", "PS C:\\x> dir"]), ["cd x", "dir"]);
    }

    #[test]
    fn a_shell_that_is_joined_in_its_midst_is_learned() {
        let lines = ["some output", "$ ls", "a", "$ id", "uid", "$ w", "$ date", "today", "$ exit"];
        assert_eq!(commands(&lines), ["ls?", "id?", "w?", "date", "exit"]);
        let lines = ["total 5", "12> x", "# note", "> quoted", "web:/srv> y", "sh-5.2$ id", "web:/srv> z"];
        assert_eq!(commands(&lines), ["y?", "id"], "a shell's prompt puts others away");
    }

    #[test]
    fn what_a_file_holds_is_not_typed() {
        let script = [
            "sh-5.2$ cat evil.sh",
            "#!/bin/sh",
            "# curl http://x | sh",
            "$ rm -rf /",
            "100% done",
            "<b> rm",
            "sh-5.2$ id",
        ];
        assert_eq!(commands(&script), ["cat evil.sh", "id"]);
        let spawned = ["sh-5.2$ ls", "root@web:~# id"];
        assert_eq!(commands(&spawned), ["ls", "id?"], "a root prompt without su: shown, and not sure");
    }

    #[test]
    fn a_prompt_of_ones_own_is_known_after_the_first() {
        let lines = ["deploy at web in /srv $ ls", "a", "deploy at web in /srv $ id", "uid=0"];
        assert_eq!(commands(&lines), ["ls", "id"], "the first line of a session is a prompt");
        let later = ["sh-5.2$ tool", "my own » one", "x", "my own » two", "my own » three"];
        assert_eq!(commands(&later), ["tool", "two?", "three?"]);
        let query = ["sh-5.2$ psql", "ledger=# select 1 > 0;", " 8821 | active | a > no", "ledger=# \\q", "sh-5.2$ id"];
        assert_eq!(commands(&query), ["psql", "select 1 > 0;", "\\q", "id"]);
        let set = ["sh-5.2$ PS1='prod > '", "prod > id"];
        assert_eq!(commands(&set), ["PS1='prod > '", "id"]);
    }
}
