//! Rules on the log stream of an active session.

use super::{table::*, *};

fn shown(bend: impl FnOnce(&mut StreamHealth)) -> Case {
    good(|case| bend(case.health.as_mut().unwrap()))
}

fn named(bend: impl Fn(&mut PayloadIdentity)) -> Case {
    shown(|health| {
        let mut identity = health.identities.first().unwrap().clone();
        bend(&mut identity);
        health.identities.insert(identity);
    })
}

/// Seen at 2,000 s, quiet for that long.
fn quiet(seconds: i64) -> Case {
    let mut case = Case::good().seen(at(2_000));
    case.health.as_mut().unwrap().last_event_at = Some(at(2_000 - seconds));
    case
}

fn sought(there: bool, seconds: i64) -> Case {
    let mut case = Case::good().seen(at(seconds));
    case.log_stream = stream(there, at(seconds));
    case
}

pub fn table() -> Vec<Row> {
    let unlooked = good(|case| case.log_stream = Fact::not_read());
    let untailed = good(|case| case.tail = Fact::not_read());
    let unseen = good(|case| case.health = None);
    let changed = |what: &str, there: bool| {
        good(|case| {
            case.stream_change = Some((what.to_owned(), at(200)));
            case.log_stream = stream(there, at(290));
        })
    };
    let jane_only = with(|parameters| parameters.allowed_users = vec!["jane".into()]);
    let mut rows = vec![
        row("LOG-01", "there", &Case::good(), GOOD),
        row("LOG-01", "missing", &sought(false, 400), BAD),
        row_at(
            "LOG-01",
            "young",
            &sought(false, 15),
            17,
            lacks("log_stream_exists: pending: the session is too young for a log stream"),
        ),
        row_at(
            "LOG-01",
            "an untouched prompt",
            &sought(false, 120),
            122,
            lacks("log_stream_exists: pending: no output yet"),
        ),
        row("LOG-01", "never looked", &unlooked, lacks("log_stream_exists: not read yet")),
        row("LOG-02", "quiet for a moment", &quiet(300), GOOD),
        row("LOG-02", "quiet for too long", &quiet(301), BAD),
        row("LOG-02", "quiet as long as idle sessions may", &quiet(1_200), BAD),
        row("LOG-02", "idle, which TIM-03 judges", &quiet(1_201), GOOD),
        row("LOG-02", "tail not read", &untailed, lacks("quiet_seconds: not read yet")),
        row("LOG-02", "no stream to stall", &sought(false, 400), SILENT),
        row("LOG-03", "as it was", &Case::good(), GOOD),
        row("LOG-03", "vanished", &changed("vanished", false), BAD),
        row("LOG-03", "made anew", &changed("created anew", true), BAD),
        row("LOG-03", "never looked", &unlooked, lacks("stream_change: not read yet")),
        row("LOG-03", "none yet", &sought(false, 400), SILENT),
        row("LOG-04", "two full flushes", &shown(|health| health.saturated_flushes = 2), GOOD),
        row("LOG-04", "three", &shown(|health| health.saturated_flushes = 3), BAD),
        row("LOG-04", "tail not read", &untailed, lacks("saturated_flushes: not read yet")),
        row("LOG-05", "its own", &Case::good(), GOOD),
        row("LOG-05", "another session", &named(|it| it.session_id = "mallory-0000".into()), BAD),
        row("LOG-05", "another node", &named(|it| it.target = "i-666".into()), BAD),
        row("LOG-05", "another owner", &named(|it| it.owner = "arn:aws:iam::111122223333:user/mallory".into()), BAD),
        row_with(&jane_only, "LOG-05", "another user than allowed", &Case::good(), BAD),
        row_with(
            &jane_only,
            "LOG-05",
            "the allowed user",
            &shown(|health| {
                let mut identity = health.identities.pop_first().unwrap();
                identity.run_as_user = "jane".into();
                health.identities.insert(identity);
            }),
            GOOD,
        ),
        row(
            "LOG-05",
            "plain text, which names nobody",
            &shown(|health| health.identities.clear()),
            lacks("payload_mismatch: pending: no payload of this stream was read yet"),
        ),
        row("LOG-06", "in order", &shown(|health| health.clock_gap_seconds = 300), GOOD),
        row("LOG-06", "backwards", &shown(|health| health.backwards_seconds = 1), BAD),
        row("LOG-06", "far from ingestion", &shown(|health| health.clock_gap_seconds = 301), BAD),
        row("LOG-06", "tail not read", &untailed, lacks("backwards_seconds: not read yet")),
        row("LOG-11", "late twice", &shown(|health| health.delayed_reads = 2), GOOD),
        row("LOG-11", "late three times", &shown(|health| health.delayed_reads = 3), BAD),
        row("LOG-11", "tail not read", &untailed, lacks("delayed_reads: not read yet")),
    ];
    for (rule, fact) in [
        ("LOG-04", "saturated_flushes: pending: no event of this stream was read yet"),
        ("LOG-05", "payload_mismatch: pending: no event of this stream was read yet"),
        ("LOG-06", "backwards_seconds: pending: no event of this stream was read yet"),
        ("LOG-11", "delayed_reads: pending: no event of this stream was read yet"),
    ] {
        rows.push(row(rule, "no event read", &unseen, lacks(fact)));
    }
    for rule in ["LOG-01", "LOG-02", "LOG-03", "LOG-04", "LOG-05", "LOG-06", "LOG-11"] {
        rows.push(row(rule, "a tunnel has no stream", &port(), SILENT));
        rows.push(row(rule, "ended", &Case::ended(), SILENT));
    }
    rows
}

#[test]
fn streams_are_judged_by_what_the_tail_shows() {
    check(table());
}

#[test]
fn a_change_of_the_stream_that_was_seen_stays_seen() {
    // The next look was throttled: what happened did happen.
    let case = good(|case| {
        case.stream_change = Some(("vanished".to_owned(), at(200)));
        case.log_stream = Fact::not_read();
    });
    assert_verdict(engine(), &case, at(300), "LOG-03", Verdict::NonCompliant);
}

#[test]
fn a_payload_without_a_user_neither_accuses_nor_clears() {
    let nameless = shown(|health| {
        let mut identity = health.identities.pop_first().unwrap();
        identity.run_as_user = "".into();
        health.identities.insert(identity);
    });
    let strict = with(|parameters| {
        parameters.allowed_users = vec!["jane".into()];
        parameters.run_as_required = true;
    });
    let words = "run_as_users: cannot be decided from here: no payload of this stream names the user";
    check(vec![
        row_with(&strict, "LOG-05", "nameless", &nameless, lacks(words)),
        row_with(&strict, "RUN-01", "nameless", &nameless, lacks(words)),
        row("LOG-05", "nameless, any user will do", &nameless, GOOD),
    ]);
}
