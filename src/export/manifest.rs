//! What was exported, from where.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{Counts, folder::WrittenFile, secrets::Secrets};
use crate::{domain::Session, report::safe_json, transcript::clean};

const SCHEMA: &str = "ssmwatch.export/1";

/// The archive object that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArchiveRead {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// When it was written, if the service says.
    pub modified_at: Option<Timestamp>,
    /// Bytes of it that were read.
    pub bytes: usize,
    /// It has more than that.
    pub cut: bool,
}

/// What `export.json` says.
#[derive(Debug, Clone)]
pub struct Manifest<'a> {
    /// The session, as the service lists it.
    pub session: &'a Session,
    /// When the export was made.
    pub exported_at: Timestamp,
    /// The log group in which its stream was looked for.
    pub log_group: Option<&'a str>,
    /// Events of the stream that were read; nothing: there is no stream, or nothing in it.
    pub stream_events: Option<u64>,
    /// The archive object, where it took the place of a stream.
    pub archive: Option<&'a ArchiveRead>,
    /// Whether what looks like a secret is masked.
    pub masked: bool,
    /// How much was written.
    pub counts: Counts,
    /// The other files.
    pub files: &'a [WrittenFile],
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    exported_at: Timestamp,
    session_id: Cow<'a, str>,
    account: &'a str,
    region: &'a str,
    target: Cow<'a, str>,
    owner: Cow<'a, str>,
    document: Cow<'a, str>,
    status: Cow<'a, str>,
    reason: Option<Cow<'a, str>>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    log_group: Option<&'a str>,
    read: Read<'a>,
    masked: bool,
    counts: Counts,
    files: &'a [WrittenFile],
}

#[derive(Serialize)]
struct Read<'a> {
    stream_events: Option<u64>,
    archive_object: Option<&'a ArchiveRead>,
}

impl Manifest<'_> {
    /// The JSON, indented, ending in a line break.
    ///
    /// # Errors
    /// None of its parts can fail to be written; the JSON writer wants the error passed on.
    pub fn json(&self) -> serde_json::Result<String> {
        let secrets = Secrets::new(self.masked);
        let text = |text: &str| Cow::Owned(secrets.text(&clean(text)).into_owned());
        let session = self.session;
        let document = Document {
            schema: SCHEMA,
            exported_at: self.exported_at,
            session_id: clean(session.key.id.as_str()),
            account: session.key.scope.account.as_str(),
            region: session.key.scope.region.as_str(),
            target: text(session.target.as_str()),
            owner: text(&session.owner),
            document: text(session.document.as_deref().unwrap_or(Session::DEFAULT_DOCUMENT)),
            status: text(session.status.as_str()),
            reason: session.reason.as_deref().map(text),
            started_at: session.started_at,
            ended_at: session.ended_at,
            log_group: self.log_group,
            read: Read { stream_events: self.stream_events, archive_object: self.archive },
            masked: self.masked,
            counts: self.counts,
            files: self.files,
        };
        Ok(safe_json(&serde_json::to_string_pretty(&document)?) + "\n")
    }
}
