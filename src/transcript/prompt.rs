//! Shell prompts, as far as they can be told from output. Anything can print a prompt: a hint, never a proof.

/// A longer prompt is not looked for.
const MAX_PROMPT: usize = 160;

/// Bytes of the prompt at the start of a cleaned line, its final space included: `sh-5.2$ `, `$ `, `root@web:~# `,
/// `[ec2-user@web ~]$ `, `PS C:\> `.
pub(super) fn length(line: &str) -> Option<usize> {
    let head = line.get(..line.floor_char_boundary(MAX_PROMPT))?;
    head.match_indices(' ').map(|(space, _)| space).find_map(|space| {
        let body = head.get(..space)?;
        let name = body.strip_suffix(['$', '#', '>', '%'])?;
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
}
