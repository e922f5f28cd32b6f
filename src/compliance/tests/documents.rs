//! Rules on session documents.

use super::{table::*, *};

fn of_type(session_type: SessionType) -> Case {
    Case::good().with_document("Own", Some(document(session_type)))
}

fn standing(owner: &str, public: Fact<bool>) -> Case {
    good(|case| {
        let standing = DocumentStanding { owner: owner.into(), public };
        case.standing = Fact::known(Some(standing), "ssm:DescribeDocument", at(290));
    })
}

fn tunnel_to(name: &str, parameters: &[(&str, &str)]) -> Case {
    let mut case = Case::good().with_document(name, Some(document(SessionType::Port)));
    let mut record = start_record();
    record.parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
    case.start_record = Some(record);
    case
}

pub fn table() -> Vec<Row> {
    let known = |public| Fact::known(public, "ssm:DescribeDocumentPermission", at(290));
    let ssh = "AWS-StartSSHSession";
    let ports = "AWS-StartPortForwardingSession";
    let hosts = with(|parameters| parameters.denied_hosts = vec!["*.DB.example.com".into()]);
    let unread = good(|case| case.preferences = Fact::not_read());
    let unrecorded = {
        let mut case = tunnel_to("Tunnel", &[]);
        case.start_record = None;
        case
    };
    vec![
        row("DOC-01", "the default", &Case::good(), GOOD),
        row("DOC-01", "another", &of_type(SessionType::StandardStream), BAD),
        row("DOC-02", "a shell", &Case::good(), GOOD),
        row("DOC-02", "a tunnel", &of_type(SessionType::Port), BAD),
        row("DOC-02", "by its name", &good(|case| case.session.document = Some(ssh.into())), BAD),
        row("DOC-02", "type unknown", &unread, lacks("session_type: not read yet")),
        row("DOC-03", "a shell", &Case::good(), GOOD),
        row("DOC-03", "a command", &of_type(SessionType::InteractiveCommands), BAD),
        row("DOC-03", "a silent command", &of_type(SessionType::NonInteractiveCommands), BAD),
        row("DOC-03", "type unknown", &unread, lacks("session_type: not read yet")),
        row(
            "DOC-03",
            "gone",
            &Case::good().with_document("Own", None),
            lacks("session_type: not found: ssm:GetDocument"),
        ),
        row("DOC-04", "this account's", &standing(ACCOUNT, known(false)), GOOD),
        row("DOC-04", "Amazon's", &standing("Amazon", Fact::not_read()), GOOD),
        row("DOC-04", "another's, whoever may use it", &standing("999999999999", Fact::not_read()), BAD),
        row("DOC-04", "everybody's", &standing(ACCOUNT, known(true)), BAD),
        row("DOC-04", "share unknown", &standing(ACCOUNT, Fact::not_read()), lacks("document_public: not read yet")),
        row(
            "DOC-04",
            "owner unknown",
            &good(|case| case.standing = Fact::not_read()),
            lacks("document_owner: not read yet"),
        ),
        row("DOC-05", "a shell", &Case::good(), SILENT),
        row("DOC-05", "an allowed port", &tunnel_to(ports, &[("portNumber", "8443")]), GOOD),
        row("DOC-05", "a denied port", &tunnel_to(ports, &[("portNumber", "5432")]), BAD),
        row("DOC-05", "SSH without a port goes to 22", &tunnel_to(ssh, &[]), BAD),
        row("DOC-05", "forwarding without a port goes to 80", &tunnel_to(ports, &[]), GOOD),
        row_with(
            &hosts,
            "DOC-05",
            "a denied host, in any case",
            &tunnel_to(ports, &[("host", "a.db.EXAMPLE.com"), ("portNumber", "8443")]),
            BAD,
        ),
        row_with(
            &hosts,
            "DOC-05",
            "another host",
            &tunnel_to(ports, &[("host", "db.example.org"), ("portNumber", "8443")]),
            GOOD,
        ),
        row(
            "DOC-05",
            "a document of one's own without a port",
            &tunnel_to("Tunnel", &[]),
            lacks("remote_port: cannot be decided from here: the record does not say which port"),
        ),
        row(
            "DOC-05",
            "a port that is none",
            &tunnel_to(ports, &[("portNumber", "ssh")]),
            lacks("remote_port: cannot be decided from here: the record does not say which port"),
        ),
        row(
            "DOC-05",
            "no record",
            &unrecorded,
            lacks("remote_host_denied: pending: CloudTrail has no record of the start yet, 290 s after it"),
        ),
    ]
}

#[test]
fn documents_are_judged_by_type_owner_and_target() {
    check(table());
}
