//! Commands that start what outlives the end of its session.
//!
//! The end of a session is the end of its shell and of what hangs on its terminal; what left it lives on.

use super::{normalize::texts, pipeline::commands};

/// Programs that detach what they start, or start it later, and words with which they only tell what there is.
const SURVIVORS: [(&str, &[&str]); 9] = [
    ("nohup", &["--help", "--version"]),
    ("setsid", &["--help", "--version", "-h", "-V"]),
    ("tmux", &["ls", "list-sessions", "-V", "kill-server", "kill-session"]),
    ("screen", &["-ls", "-list", "-v", "--version", "-wipe"]),
    ("at", &["-l", "-r", "-d", "-c", "-V"]),
    ("batch", &["-V"]),
    ("systemd-run", &["--help", "--version", "-h"]),
    ("disown", &["-h"]),
    ("crontab", &["-l", "-r"]),
];
/// A job that was put into the background.
const BACKGROUND: &str = "&";

/// The program in a typed line that starts what outlives its session: `nohup`, `setsid`, `tmux`, `screen`, `at`, …; `&` for a job in the
/// background.
pub fn survivor(line: &str) -> Option<&'static str> {
    let named = SURVIVORS.iter().any(|(name, _)| line.contains(name));
    let background = || {
        let end = line.trim_end();
        end.ends_with(BACKGROUND) && !end.ends_with("&&")
    };
    // Disguises and encodings are looked through only where there may be one.
    let disguised = line.contains(['\'', '"', '\\', '$', '`', '{']) || line.len() > 40;
    if !named && !disguised {
        return background().then_some(BACKGROUND);
    }
    let (typed, decoded) = texts(line);
    let all = std::iter::once(&*typed).chain(decoded.iter().map(String::as_str));
    for text in all {
        for command in commands(text) {
            let name = command.image.rsplit('/').next().unwrap_or_default();
            let Some((name, tells)) = SURVIVORS.iter().find(|(survivor, _)| *survivor == name) else { continue };
            let after = command.line.split_whitespace().skip_while(|word| word.rsplit('/').next() != Some(name)).nth(1);
            if after.is_none_or(|word| !tells.contains(&word)) {
                return Some(name);
            }
        }
    }
    background().then_some(BACKGROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_outlives_a_session_is_named() {
        for (line, program) in [
            ("nohup ./miner > /dev/null 2>&1", "nohup"),
            ("sudo nohup python3 -m http.server &", "nohup"),
            ("setsid sh -c 'while :; do sleep 60; done'", "setsid"),
            ("tmux new -d -s x 'nc -l 4444'", "tmux"),
            ("screen -dmS job ./run.sh", "screen"),
            ("echo /tmp/x.sh | at now + 1 hour", "at"),
            ("/usr/bin/systemd-run --unit=x /tmp/x", "systemd-run"),
            ("cd /tmp; n'o'hup ./x", "nohup"),
            ("bash -c 'setsid ./x'", "setsid"),
            ("./long.sh &", "&"),
            ("(crontab -l; echo '* * * * * /tmp/x') | crontab -", "crontab"),
        ] {
            assert_eq!(survivor(line), Some(program), "{line}");
        }
    }

    #[test]
    fn what_only_tells_and_what_ends_with_it_is_not() {
        for line in [
            "ls -la",
            "tmux ls",
            "screen -ls",
            "at -l",
            "crontab -l",
            "cat nohup.out",
            "make && make install",
            "grep at file",
            "man nohup",
            "echo 'a & b'",
            "",
        ] {
            assert_eq!(survivor(line), None, "{line}");
        }
    }
}
