#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod chain;
mod loading;
mod opening;
mod outbox;
mod remembering;

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;

use super::Store;
use crate::domain::{
    Act, ActKind, ActOutcome, ActStep, Actor, Alert, AlertDestination, AlertSource, Content, Delivery, Evidence,
    Parcel, ScopeId, SessionKey, Severity, Subject, Workflow,
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn session(id: &str) -> SessionKey {
    SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), id)
}

fn act(id: u64, kind: ActKind, outcomes: &[ActOutcome]) -> Act {
    Act {
        id,
        at: at("20T09:00:00"),
        kind,
        subject: Subject::Session(session("jane-0a1b")),
        target: String::new(),
        owner: "arn:aws:iam::111122223333:user/jane".to_owned(),
        reason: "line one\n\"two\" \u{1b}[31m\u{9b}\u{202e} password=hunter2 \"state\":\"sent\"".to_owned(),
        actor: Actor { user: "analyst".to_owned(), arn: None, rule: None },
        evidence_sha256: Some("ab".repeat(32)),
        steps: outcomes.iter().map(|outcome| ActStep { name: "step".to_owned(), outcome: outcome.clone() }).collect(),
    }
}

fn done() -> ActOutcome {
    ActOutcome::Done { took_ms: 1200, proof: "History says Terminated".to_owned() }
}

fn alert(id: &str) -> Alert {
    let waiting = Delivery::Waiting { attempts: 0, problem: None, next_at: None };
    Alert {
        id: id.into(),
        rule: "DOC-01".into(),
        title: "A document that is not allowed".into(),
        severity: Severity::High,
        source: AlertSource::Finding,
        subject: Subject::Session(session("jane-0a1b")),
        owner: "arn:aws:iam::111122223333:user/jane".into(),
        evidence: vec![Evidence {
            fact: "document".to_owned(),
            value: "\u{1b}]0;x".to_owned(),
            source: "ssm:DescribeSessions".to_owned(),
            at: at("20T08:00:00"),
        }],
        reason: String::new(),
        raised_by: "ssmwatch".to_owned(),
        workflow: Workflow::New,
        raised_at: at("20T09:00:00"),
        reopened_at: at("20T09:00:00"),
        occurrence: 1,
        acknowledged: None,
        deliveries: BTreeMap::from([
            (AlertDestination::MemberTopic, waiting.clone()),
            (AlertDestination::CentralTopic, waiting),
        ]),
    }
}

fn parcel(key: &str, alert: &str, severity: Severity) -> Parcel {
    Parcel {
        key: key.to_owned(),
        alert: Some(alert.into()),
        act: None,
        destination: AlertDestination::MemberTopic,
        scope: ScopeId::new("111122223333", "eu-central-1"),
        severity,
        content: Content::Message {
            topic: "arn:aws:sns:eu-central-1:111122223333:topic".to_owned(),
            subject: "subject".to_owned(),
            body: "{}".to_owned(),
            attributes: BTreeMap::from([("rule".to_owned(), "DOC-01".to_owned())]),
        },
        created_at: at("20T09:00:00"),
    }
}

/// A folder with the path of a store in it.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/ssmwatch.db")
    }

    fn open(&self) -> Store {
        Store::open(&self.path()).unwrap()
    }

    /// Lets somebody who has the file do as they please with it.
    fn tamper(&self, sql: &str) {
        rusqlite::Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }
}
