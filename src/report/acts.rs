//! The acts as a table for people.

use jiff::tz::TimeZone;

use super::{
    table::{Cell, Paint, cell, columns},
    text::clean,
};
use crate::domain::{Act, ActOutcome, ActStep, Actor, Owner, Subject};

/// The acts, a line each, in the order in which they come; times in that zone.
pub fn acts_table(acts: &[Act], zone: &TimeZone) -> String {
    let header = ["WHEN", "ACT", "WHAT", "ON", "WHO", "OUTCOME", "REASON"];
    let mut rows: Vec<Vec<Cell>> = vec![header.map(|title| Cell(title.to_owned(), "")).into()];
    rows.extend(acts.iter().map(|act| {
        vec![
            cell(act.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z")),
            cell(act.id),
            cell(act.kind.title()),
            // What identifies, what came of it and why are never cut.
            Cell(clean(&subject(act)), ""),
            Cell(clean(&actor(&act.actor)), ""),
            Cell(clean(&outcome(&act.steps)), ""),
            Cell(clean(&act.reason), ""),
        ]
    }));
    let mut table = String::new();
    columns(&rows, Paint::Plain, &mut table);
    table
}

fn subject(act: &Act) -> String {
    match (&act.subject, act.target.as_str()) {
        (subject, "") => subject.to_string(),
        (Subject::Program, target) => target.to_owned(),
        (subject, target) => format!("{subject}: {target}"),
    }
}

fn actor(actor: &Actor) -> String {
    let who = match &actor.arn {
        Some(arn) => format!("{} as {}", actor.user, Owner::parse(arn)),
        None => actor.user.clone(),
    };
    match &actor.rule {
        Some(rule) => format!("{rule}, run by {who}"),
        None => who,
    }
}

fn outcome(steps: &[ActStep]) -> String {
    if steps.is_empty() {
        return "recorded".to_owned();
    }
    let said = steps.iter().map(|ActStep { name, outcome }| match outcome {
        ActOutcome::Started => format!("{name}: begun, no outcome so far"),
        ActOutcome::Sent => format!("{name}: sent, not proven so far"),
        ActOutcome::Waiting { what, .. } if what.is_empty() => format!("{name}: waiting to be sent"),
        ActOutcome::Waiting { what, attempts, .. } => format!("{name}: waiting after {attempts} tries: {what}"),
        ActOutcome::Done { proof, .. } if proof.is_empty() => format!("{name}: done"),
        ActOutcome::Done { proof, .. } => format!("{name}: done, {proof}"),
        ActOutcome::Unproven { what, .. } => format!("{name}: UNPROVEN, {what}"),
        ActOutcome::Failed { what, .. } => format!("{name}: FAILED, {what}"),
    });
    said.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ActKind, ScopeId, SessionKey};

    #[test]
    fn who_did_what_to_whom_and_what_came_of_it_is_on_one_harmless_line() {
        let step = |name: &str, outcome| ActStep { name: name.to_owned(), outcome };
        let act = Act {
            id: 7,
            at: jiff::Timestamp::UNIX_EPOCH,
            kind: ActKind::Terminate,
            subject: Subject::Session(SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), "jane-0a1b")),
            target: String::new(),
            owner: String::new(),
            reason: "line one\n\u{1b}[31mred".to_owned(),
            actor: Actor {
                user: "ana".to_owned(),
                arn: Some("arn:aws:sts::111122223333:assumed-role/SecOps/ana".to_owned()),
                rule: Some("DOC-01".into()),
            },
            evidence_sha256: None,
            steps: vec![
                step("terminate", ActOutcome::Done { took_ms: 1200, proof: "History says Terminated".to_owned() }),
                step("metric", ActOutcome::Waiting { what: "throttled".to_owned(), to_do: String::new(), attempts: 3 }),
            ],
        };
        let table = acts_table(&[act], &TimeZone::UTC);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 2, "{table}");
        let words = [
            "1970-01-01 00:00:00 UTC  7    terminate  111122223333/eu-central-1/jane-0a1b  ",
            "DOC-01, run by ana as SecOps/ana  ",
            "terminate: done, History says Terminated; metric: waiting after 3 tries: throttled  ",
            "line one\u{fffd}\u{fffd}[31mred",
        ];
        for word in words {
            assert!(table.contains(word), "{word} is not in {table}");
        }
    }
}
