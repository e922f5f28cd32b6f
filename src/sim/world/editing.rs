//! Line editors: what the terminal shows while a command is edited into another one.

use crate::sim::scenario::{Editing, Os};

/// The echo from the first key to the last before Enter.
pub fn echo(by: Editing, from: &str, to: &str, os: Os, prompt: &str) -> String {
    // A transcript of PowerShell shows what was submitted; the terminal of dash has the line editor of the kernel only.
    let readline = match os {
        Os::Windows => return to.to_owned(),
        Os::Ubuntu => false,
        Os::AmazonLinux | Os::AmazonLinux2 => true,
    };
    let letters = |text: &str| text.chars().count();
    let one_back = if readline { "\u{8}\u{1b}[K" } else { "\u{8} \u{8}" };
    let common: String =
        from.chars().zip(to.chars()).take_while(|(left, right)| left == right).map(|pair| pair.0).collect();
    let front = to.strip_suffix(from).unwrap_or(to);
    let rest = to.strip_prefix(from).unwrap_or(to);
    match (by, readline) {
        (Editing::Erase, _) => {
            let back = one_back.repeat(letters(from) - letters(&common));
            format!("{from}{back}{}", to.strip_prefix(&common).unwrap_or_default())
        }
        (Editing::Kill, true) => {
            let right = "\u{1b}[C".repeat(letters(&shown(prompt)));
            format!("{from}\r{right}\u{1b}[K{to}")
        }
        (Editing::Kill, false) => format!("{from}{}{to}", one_back.repeat(letters(from))),
        (Editing::Prepend, true) => {
            format!("{from}{}\u{1b}[{}@{front}", "\u{8}".repeat(letters(from)), letters(front))
        }
        // Nothing there knows these keys: they are text.
        (Editing::Prepend, false) => format!("{from}^A{front}"),
        (Editing::Search, false) => format!("^R{to}"),
        (Editing::Redraw, false) => format!("{from}^L{rest}"),
        (Editing::Complete, false) => format!("{from}\t\t{rest}"),
        (Editing::Wrap | Editing::Paste, false) => to.to_owned(),
        (Editing::Redraw, true) => format!("{from}\u{1b}[H\u{1b}[2J{}{from}{rest}", shown(prompt)),
        (Editing::Complete, true) => {
            let word = from.rsplit(' ').next().unwrap_or_default();
            let choices = [word.to_owned(), format!("{word}.d"), format!("{word}.old")].join("  ");
            format!("{from}\u{7}\r\n{choices}\r\n{}{from}{rest}", shown(prompt))
        }
        (Editing::Wrap, true) => wrapped(to, letters(&shown(prompt))),
        (Editing::Paste, true) => {
            let right = "\u{1b}[C".repeat(letters(&shown(prompt)));
            format!("\u{1b}[7m{to}\u{1b}[27m\r{right}{to}")
        }
        (Editing::Search, true) => {
            let mut echo = "\r\u{1b}[K(reverse-i-search)`': ".to_owned();
            let mut tail = "': ".to_owned();
            for letter in from.chars() {
                echo.push_str(&"\u{8}".repeat(letters(&tail)));
                tail = format!("': {to}");
                echo.push(letter);
                echo.push_str(&tail);
            }
            format!("{echo}\r\u{1b}[K{}{to}", shown(prompt))
        }
    }
}

/// Columns of the window.
const COLUMNS: usize = 80;

/// At the margin readline prints a space and returns, so that the cursor is on the next row.
fn wrapped(text: &str, column: usize) -> String {
    let mut out = String::new();
    let mut column = column;
    for letter in text.chars() {
        out.push(letter);
        column += 1;
        if column == COLUMNS {
            out.push_str(" \r");
            column = 0;
        }
    }
    out
}

/// What is seen of a prompt.
fn shown(prompt: &str) -> String {
    let stripped = super::agent::strip(prompt.as_bytes()).unwrap_or_else(|| prompt.as_bytes().to_vec());
    String::from_utf8_lossy(&stripped).into_owned()
}

/// Whether the terminal shows nothing of what is typed, once this command has run.
pub fn is_echo_off_after(command: &str, before: bool) -> bool {
    let settings = command.split([';', '&', '|']).filter_map(|part| part.trim().strip_prefix("stty "));
    settings.fold(before, |off, setting| {
        setting.split_whitespace().fold(off, |off, word| match word {
            "-echo" => true,
            "echo" | "sane" => false,
            _ => off,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world::agent;

    fn streamed(by: Editing, from: &str, to: &str, os: Os) -> String {
        let prompt = if os == Os::Ubuntu { "$ " } else { "\u{1b}[?2004hsh-5.2$ " };
        let line = format!("{prompt}{}\r\n", echo(by, from, to, os, prompt));
        let stripped = agent::strip(line.as_bytes()).unwrap_or_default();
        String::from_utf8_lossy(&agent::session_data(&stripped).concat()).into_owned()
    }

    #[test]
    fn editing_leaves_what_the_agent_was_seen_to_stream() {
        let (bash, dash) = (Os::AmazonLinux, Os::Ubuntu);
        assert_eq!(streamed(Editing::Erase, "lss", "ls -l", dash), "$ lss\u{8} \u{8} -l");
        assert_eq!(streamed(Editing::Erase, "lss", "ls -l", bash), "sh-5.2$ lss\u{8} -l");
        assert_eq!(streamed(Editing::Kill, "cat /etc/hostname", "id -u", bash), "sh-5.2$ cat /etc/hostnameid -u");
        assert_eq!(
            streamed(Editing::Prepend, "rm file", "sudo rm file", bash),
            "sh-5.2$ rm file\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}sudo "
        );
        let search = streamed(Editing::Search, "sy", "systemctl stop nginx", bash);
        assert!(
            search.starts_with("sh-5.2$ (reverse-i-search)`': \u{8}\u{8}\u{8}s': systemctl stop nginx\u{8}"),
            "{search}"
        );
        assert!(search.ends_with("sh-5.2$ systemctl stop nginx"), "{search}");
        assert_eq!(streamed(Editing::Redraw, "ls", "ls -l", bash), "sh-5.2$ lssh-5.2$ ls -l");
        assert_eq!(streamed(Editing::Paste, "", "id -u", bash), "sh-5.2$ id -uid -u");
        let complete = streamed(Editing::Complete, "ls /etc/host", "ls /etc/hosts", bash);
        assert_eq!(complete, "sh-5.2$ ls /etc/host\u{7}/etc/host  /etc/host.d  /etc/host.oldsh-5.2$ ls /etc/hosts");
        let wrap = streamed(Editing::Wrap, "", &"x".repeat(100), bash);
        assert_eq!(wrap, format!("sh-5.2$ {} {}", "x".repeat(72), "x".repeat(28)));
        assert_eq!(echo(Editing::Kill, "a", "b", Os::Windows, "PS> "), "b");
    }

    #[test]
    fn the_last_setting_of_the_echo_counts() {
        assert!(is_echo_off_after("stty -echo", false));
        assert!(!is_echo_off_after("stty -echo; read password; stty echo", false));
        assert!(!is_echo_off_after("stty sane", true));
        assert!(is_echo_off_after("ls", true));
    }
}
