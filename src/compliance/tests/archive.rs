//! Rules on the archive object of a session that ended.

use super::{table::*, *};

/// Ended at 3,600 s; seen that many seconds later.
fn after_end(seconds: i64, bend: impl FnOnce(&mut Case)) -> Case {
    ended(|case| {
        case.listed_at = at(3_600 + seconds);
        bend(case);
    })
}

fn object(bend: impl FnOnce(&mut ArchiveObject)) -> Case {
    ended(|case| {
        let Fact::Known { value: Some(object), .. } = &mut case.archive else { panic!("no object") };
        bend(object);
    })
}

fn looked(there: bool, seconds: i64) -> Fact<Option<ArchiveObject>> {
    archive(there, at(3_600 + seconds))
}

pub fn table() -> Vec<Row> {
    let kms = with(|parameters| parameters.archive_encryption = Some("aws:kms".into()));
    let unlooked = ended(|case| case.archive = Fact::not_read());
    let failed = ended(|case| case.session.status = SessionStatus::Failed);
    let no_bucket = ended(|case| {
        case.preferences = Fact::known(Some(document(SessionType::StandardStream)), "ssm:GetDocument", at(3_590));
    });
    let mut tunnel = Case::ended().with_document("Tunnel", Some(document(SessionType::Port)));
    tunnel.document = Fact::known(Some(document(SessionType::Port)), "ssm:GetDocument", at(3_590));
    let mut rows = vec![
        row("LOG-07", "there", &Case::ended(), GOOD),
        row("LOG-07", "missing", &after_end(901, |case| case.archive = looked(false, 900)), BAD),
        row(
            "LOG-07",
            "may still come",
            &after_end(900, |case| case.archive = looked(false, 890)),
            lacks("archive_object_exists: pending: log object pending"),
        ),
        row("LOG-07", "never looked", &unlooked, lacks("archive_object_exists: not read yet")),
        row("LOG-07", "it never ran", &failed, SILENT),
        row("LOG-08", "as it should be", &Case::ended(), GOOD),
        row("LOG-08", "empty", &object(|object| object.size = 0), BAD),
        row("LOG-08", "older than the end", &object(|object| object.modified_at = Some(at(3_597))), BAD),
        row("LOG-08", "two clocks differ by a second or two", &object(|it| it.modified_at = Some(at(3_598))), GOOD),
        row_with(&kms, "LOG-08", "encrypted as demanded", &Case::ended(), GOOD),
        row_with(&kms, "LOG-08", "encrypted otherwise", &object(|it| it.encryption = Some("AES256".into())), BAD),
        row_with(&kms, "LOG-08", "not encrypted", &object(|object| object.encryption = None), BAD),
        row("LOG-08", "encryption is not demanded", &object(|object| object.encryption = None), GOOD),
        row(
            "LOG-08",
            "written nobody knows when",
            &object(|object| object.modified_at = None),
            lacks("archive_object_after_end: pending: AWS has not sent when the object was written"),
        ),
        row("LOG-08", "never looked", &unlooked, lacks("archive_object_exists: not read yet")),
        row("LOG-08", "no object to judge", &after_end(901, |case| case.archive = looked(false, 900)), SILENT),
        row("LOG-09", "both", &Case::ended(), GOOD),
        row(
            "LOG-09",
            "neither, which LOG-07 judges",
            &after_end(901, |case| {
                case.archive = looked(false, 900);
                case.log_stream = stream(false, at(4_500));
            }),
            GOOD,
        ),
        row("LOG-09", "no object", &after_end(901, |case| case.archive = looked(false, 900)), BAD),
        row("LOG-09", "no stream", &after_end(901, |case| case.log_stream = stream(false, at(4_500))), BAD),
        // Without streaming the stream comes with the upload at the end.
        row(
            "LOG-09",
            "no stream while it ran",
            &after_end(901, |case| case.log_stream = stream(false, at(3_590))),
            lacks("log_stream_exists: pending: nobody looked for the log stream after the end"),
        ),
        row(
            "LOG-09",
            "the object may still come",
            &after_end(900, |case| case.archive = looked(false, 890)),
            lacks("archive_object_exists: pending: the other log may still arrive"),
        ),
        row("LOG-09", "never looked", &unlooked, lacks("archive_object_exists: not read yet")),
        row("LOG-09", "it never ran", &failed, SILENT),
    ];
    for rule in ["LOG-07", "LOG-08", "LOG-09"] {
        rows.push(row(rule, "active", &Case::good(), SILENT));
        rows.push(row(rule, "no bucket", &no_bucket, SILENT));
        rows.push(row(rule, "a tunnel", &tunnel, SILENT));
    }
    rows
}

#[test]
fn archives_are_judged_after_the_end() {
    check(table());
}
