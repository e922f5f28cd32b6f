//! Rules on where, how long and how much.

use jiff::{
    civil::{Weekday, time},
    tz::TimeZone,
};

use super::{table::*, *};
use crate::compliance::AllowedHours;

/// Seen at 2,000 s, quiet for that long.
fn quiet(seconds: i64) -> Case {
    let mut case = Case::good().seen(at(2_000));
    case.health.as_mut().unwrap().last_event_at = Some(at(2_000 - seconds));
    case
}

fn in_status(status: SessionStatus, seconds: i64) -> Case {
    let mut case = Case::good().seen(at(1 + seconds));
    case.session.status = status;
    case
}

fn holds(sessions: i64, nodes: i64) -> Case {
    good(|case| case.concurrency = Concurrency { sessions, nodes, ..Concurrency::default() })
}

fn run_by(user: &str) -> Case {
    good(|case| {
        let health = case.health.as_mut().unwrap();
        let mut identity = health.identities.pop_first().unwrap();
        identity.run_as_user = user.into();
        health.identities.insert(identity);
    })
}

pub fn table() -> Vec<Row> {
    // The session starts on a Friday at 09:00 UTC, which is 10:00 in Berlin.
    let hours = |from: i8, to: i8, day: Weekday, zone: &str| {
        let zone = TimeZone::get(zone).unwrap();
        with(|parameters| {
            let (from, to) = (time(from, 0, 0, 0), time(to, 0, 0, 0));
            parameters.allowed_hours = Some(AllowedHours { from, to, days: vec![day], zone });
        })
    };
    let office = hours(9, 17, Weekday::Friday, "UTC");
    let undated = good(|case| case.session.started_at = None);
    let unlisted = good(|case| case.listed_at = at(0));
    let demanding = with(|parameters| parameters.run_as_required = true);
    let unseen = good(|case| case.health = None);
    let uncounted = good(|case| {
        case.concurrency = Concurrency { uncounted: Some("nobody listed the others"), ..Concurrency::default() };
    });
    let mut rows = vec![
        row_with(&office, "TIM-01", "the first minute", &Case::good(), GOOD),
        row_with(&hours(0, 9, Weekday::Friday, "UTC"), "TIM-01", "the end is outside", &Case::good(), BAD),
        row_with(&hours(0, 10, Weekday::Friday, "Europe/Berlin"), "TIM-01", "there it is later", &Case::good(), BAD),
        row_with(&hours(9, 17, Weekday::Monday, "UTC"), "TIM-01", "another day", &Case::good(), BAD),
        row_with(&hours(22, 10, Weekday::Thursday, "UTC"), "TIM-01", "over midnight", &Case::good(), GOOD),
        row_with(&hours(22, 10, Weekday::Friday, "UTC"), "TIM-01", "over another midnight", &Case::good(), BAD),
        row_with(
            &office,
            "TIM-01",
            "started nobody knows when",
            &undated,
            lacks("started_in_allowed_hours: pending: AWS has not sent StartDate"),
        ),
        row("TIM-01", "not configured", &undated, SILENT),
        row("TIM-02", "half a day", &Case::good().seen(at(43_200)), GOOD),
        row("TIM-02", "longer", &Case::good().seen(at(43_201)), BAD),
        row("TIM-02", "started nobody knows when", &undated, lacks("age_seconds: pending: AWS has not sent StartDate")),
        row("TIM-02", "ended", &Case::ended(), SILENT),
        row("TIM-03", "quiet as long as it may be", &quiet(1_320), GOOD),
        row("TIM-03", "quiet for longer", &quiet(1_321), BAD),
        row(
            "TIM-03",
            "tail not read",
            &good(|case| case.tail = Fact::not_read()),
            lacks("quiet_seconds: not read yet"),
        ),
        row("TIM-03", "a tunnel", &port(), SILENT),
        row("TIM-03", "ended", &Case::ended(), SILENT),
        row_with(&demanding, "RUN-01", "a user of one's own", &run_by("jane"), GOOD),
        row_with(&demanding, "RUN-01", "the agent's", &run_by("ssm-user"), BAD),
        row_with(&demanding, "RUN-01", "root", &run_by("root"), BAD),
        row_with(&demanding, "RUN-01", "Administrator", &run_by("Administrator"), BAD),
        row_with(
            &demanding,
            "RUN-01",
            "no event read",
            &unseen,
            lacks("run_as_users: pending: no event of this stream was read yet"),
        ),
        row("RUN-01", "not demanded", &run_by("root"), SILENT),
        row("CON-01", "three sessions on two nodes", &holds(3, 2), GOOD),
        row("CON-01", "four sessions", &holds(4, 1), BAD),
        row("CON-01", "three nodes", &holds(1, 3), BAD),
        row("CON-01", "ended", &Case::ended(), SILENT),
        row(
            "CON-01",
            "nobody counted",
            &uncounted,
            lacks("principal_sessions: cannot be decided from here: nobody listed the others"),
        ),
        row("STA-01", "ending", &in_status(SessionStatus::Terminating, 300), GOOD),
        row("STA-01", "hanging", &in_status(SessionStatus::Terminating, 301), BAD),
        row("STA-01", "cut off", &in_status(SessionStatus::Disconnected, 301), BAD),
        row("STA-01", "connected", &in_status(SessionStatus::Connected, 301), SILENT),
    ];
    for (rule, words) in [
        ("CON-01", "ended: stale: last read 2026-11-20T09:00:00Z"),
        ("STA-01", "status: stale: last read 2026-11-20T09:00:00Z"),
        ("TIM-02", "ended: stale: last read 2026-11-20T09:00:00Z"),
    ] {
        rows.push(row(rule, "listed long ago", &unlisted, lacks(words)));
    }
    rows
}

#[test]
fn conduct_is_judged_by_clock_and_count() {
    check(table());
}
