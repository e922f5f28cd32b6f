//! Rules on the preferences document.

use super::{table::*, *};
use crate::compliance::PreferencesEvidence;

/// What is known of a scope's preferences.
#[derive(Clone)]
struct PreferencesCase {
    document: Fact<Option<SessionDocument>>,
    latest: Fact<Option<SessionDocument>>,
    public: Fact<bool>,
    group_exists: Fact<bool>,
}

fn document_of(inputs: Preferences, content: &str) -> Fact<Option<SessionDocument>> {
    let content = Arc::new(serde_json::from_str(content).unwrap());
    let document = SessionDocument { session_type: SessionType::StandardStream, inputs, content };
    Fact::known(Some(document), "ssm:GetDocument", at(290))
}

const CONTENT: &str = r#"{"inputs":{"s3BucketName":"archive-111122223333","runAsEnabled":true}}"#;

/// Preferences that nothing is wrong with, bent.
fn set(bend: impl FnOnce(&mut Preferences)) -> PreferencesCase {
    let mut inputs = Preferences {
        s3_bucket: "archive-111122223333".into(),
        s3_prefix: "logs/111122223333".into(),
        s3_encrypted: true,
        log_group: "/ssm-session-logs".into(),
        log_group_encrypted: true,
        streaming: true,
        kms_key: "alias/sessions".into(),
        idle_timeout_minutes: Some(15),
        max_duration_minutes: Some(720),
        run_as_enabled: true,
        run_as_default_user: "jane".into(),
        shell_profile_linux: "cd".into(),
        shell_profile_windows: "date".into(),
    };
    bend(&mut inputs);
    PreferencesCase {
        document: document_of(inputs.clone(), CONTENT),
        latest: document_of(inputs, CONTENT),
        public: Fact::known(false, "ssm:DescribeDocumentPermission", at(290)),
        group_exists: Fact::known(true, "logs:DescribeLogGroups", at(290)),
    }
}

fn judged(engine: &Engine, case: &PreferencesCase) -> Vec<Finding> {
    let standing = DocumentStanding { owner: ACCOUNT.into(), public: case.public.clone() };
    let standing = Fact::known(Some(standing), "ssm:DescribeDocument", at(290));
    let (scope, group) = (ScopeId::new(ACCOUNT, REGION), Arc::from("/ssm-session-logs"));
    let evidence = PreferencesEvidence {
        scope: &scope,
        document: &case.document,
        latest: &case.latest,
        standing: &standing,
        log_group: Some((&group, &case.group_exists)),
    };
    engine.explain_preferences(&evidence, at(300))
}

pub fn table() -> Vec<Row> {
    let row = |rule, what, case: &PreferencesCase, expected| Row::of(rule, what, judged(engine(), case), expected);
    let row_with = |engine: &Engine, rule, what, case: &PreferencesCase, expected| {
        Row::of(rule, what, judged(engine, case), expected)
    };
    let fine = set(|_| ());
    let none = PreferencesCase { document: Fact::known(None, "ssm:GetDocument", at(290)), ..fine.clone() };
    let unread = PreferencesCase { document: Fact::not_read(), ..fine.clone() };
    let drifted = PreferencesCase { latest: document_of(Preferences::default(), r#"{"inputs":{}}"#), ..fine.clone() };
    // Order is nothing, and "true" is true.
    let golden = |content: &str| {
        let golden = serde_json::from_str(content).unwrap();
        with(|parameters| parameters.golden = Some(golden))
    };
    let same = golden(r#"{"inputs":{"runAsEnabled":"true","s3BucketName":"archive-{account}"}}"#);
    let other = golden(r#"{"inputs":{"runAsEnabled":false,"s3BucketName":"archive-{account}"}}"#);
    let central = |name: &str| with(|parameters| parameters.log_bucket = Some(name.to_owned()));
    let run_as = with(|parameters| parameters.run_as_required = true);
    let pinned = with(|parameters| parameters.shell_profile_linux = Some("cd".into()));
    let pinned_for_windows = with(|parameters| parameters.shell_profile_windows = Some("date".into()));
    let group = |exists| PreferencesCase { group_exists: exists, ..fine.clone() };
    let public = |public| PreferencesCase { public, ..fine.clone() };
    let mut rows = vec![
        row("PRF-00", "as it should be", &fine, GOOD),
        row("PRF-00", "missing", &none, BAD),
        row("PRF-00", "the newest is not the default", &drifted, BAD),
        row("PRF-00", "not read", &unread, lacks("preferences_exist: not read yet")),
        row(
            "PRF-00",
            "newest not read",
            &PreferencesCase { latest: Fact::not_read(), ..fine.clone() },
            lacks("latest_differences: not read yet"),
        ),
        row_with(&same, "PRF-00", "the golden one", &fine, GOOD),
        row_with(&other, "PRF-00", "not the golden one", &fine, BAD),
        // What is known to be wrong is wrong, whatever is unknown of the newest version.
        row_with(
            &other,
            "PRF-00",
            "not the golden one, newest not read",
            &PreferencesCase { latest: Fact::not_read(), ..fine.clone() },
            BAD,
        ),
        row("PRF-01", "a bucket", &fine, GOOD),
        row_with(&central("archive-{account}"), "PRF-01", "the central bucket", &fine, GOOD),
        row("PRF-01", "no bucket", &set(|it| it.s3_bucket.clear()), BAD),
        row_with(&central("central"), "PRF-01", "another bucket", &fine, BAD),
        row("PRF-02", "the account", &fine, GOOD),
        row("PRF-02", "no account", &set(|it| it.s3_prefix = "logs".into()), BAD),
        row("PRF-03", "demanded", &fine, GOOD),
        row("PRF-03", "not demanded", &set(|it| it.s3_encrypted = false), BAD),
        row("PRF-04", "a group", &fine, GOOD),
        row("PRF-04", "no group", &set(|it| it.log_group.clear()), BAD),
        row(
            "PRF-04",
            "a group that does not exist",
            &group(Fact::known(false, "logs:DescribeLogGroups", at(290))),
            BAD,
        ),
        row("PRF-04", "not looked for", &group(Fact::not_read()), lacks("log_group_exists: not read yet")),
        row(
            "PRF-04",
            "another group was looked for",
            &set(|it| it.log_group = "/other".into()),
            lacks("log_group_exists: not read yet"),
        ),
        row("PRF-05", "demanded", &fine, GOOD),
        row("PRF-05", "not demanded", &set(|it| it.log_group_encrypted = false), BAD),
        row("PRF-06", "streamed", &fine, GOOD),
        row("PRF-06", "not streamed", &set(|it| it.streaming = false), BAD),
        row("PRF-07", "a key", &fine, GOOD),
        row("PRF-07", "no key", &set(|it| it.kms_key.clear()), BAD),
        row("PRF-08", "15 min", &fine, GOOD),
        row("PRF-08", "16 min", &set(|it| it.idle_timeout_minutes = Some(16)), BAD),
        row("PRF-08", "the service's 20 min", &set(|it| it.idle_timeout_minutes = None), BAD),
        row("PRF-09", "12 h", &fine, GOOD),
        row("PRF-09", "longer", &set(|it| it.max_duration_minutes = Some(721)), BAD),
        row("PRF-09", "without an end", &set(|it| it.max_duration_minutes = None), BAD),
        row("PRF-10", "a user", &fine, GOOD),
        row("PRF-10", "root", &set(|it| it.run_as_default_user = "root".into()), BAD),
        row("PRF-10", "the agent's user", &set(|it| it.run_as_default_user = "ssm-user".into()), BAD),
        row("PRF-10", "off", &set(|it| it.run_as_enabled = false), GOOD),
        row_with(&run_as, "PRF-10", "off where it is demanded", &set(|it| it.run_as_enabled = false), BAD),
        row_with(&pinned, "PRF-11", "the pinned one", &fine, GOOD),
        row_with(&pinned, "PRF-11", "another", &set(|it| it.shell_profile_linux = "bash".into()), BAD),
        row_with(&pinned, "PRF-11", "Windows is not pinned", &set(|it| it.shell_profile_windows.clear()), GOOD),
        row_with(
            &pinned_for_windows,
            "PRF-11",
            "another for Windows",
            &set(|it| it.shell_profile_windows.clear()),
            BAD,
        ),
        row_with(&pinned, "PRF-11", "not read", &unread, lacks("preferences_exist: not read yet")),
        row("PRF-11", "nothing is pinned", &fine, SILENT),
        row("PRF-12", "not shared", &fine, GOOD),
        row("PRF-12", "everybody's", &public(Fact::known(true, "ssm:DescribeDocumentPermission", at(290))), BAD),
        row("PRF-12", "share not read", &public(Fact::not_read()), lacks("document_public: not read yet")),
    ];
    let of_inputs =
        ["PRF-01", "PRF-02", "PRF-03", "PRF-04", "PRF-05", "PRF-06", "PRF-07", "PRF-08", "PRF-09", "PRF-10", "PRF-12"];
    for rule in of_inputs {
        // PRF-00 speaks of a document that is not there.
        rows.push(row(rule, "missing", &none, SILENT));
        rows.push(row(rule, "not read", &unread, lacks("preferences_exist: not read yet")));
    }
    rows
}

#[test]
fn preferences_are_judged_input_by_input() {
    check(table());
}
