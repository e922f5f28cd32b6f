//! What was exported, from where.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{ChainEnd, Counts, EvidenceCounts, Remembered, WrittenEvidence, folder::WrittenFile, secrets::Secrets};
use crate::{
    domain::{ActKind, Session},
    report::safe_json,
    transcript::clean,
};

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

/// Why there is no transcript: nothing of the session is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NothingRecorded {
    /// One line of what.
    pub what: String,
    /// One line of what to do, or to know.
    pub to_do: String,
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
    /// Why there is no transcript, if there is none.
    pub nothing_recorded: Option<&'a NothingRecorded>,
    /// How much of the transcript was written.
    pub counts: Counts,
    /// Whether the session has ended; otherwise the export is of the session so far.
    pub ended: bool,
    /// What was written beside the transcript.
    pub evidence: &'a WrittenEvidence,
    /// What the store has, or why it was not read.
    pub remembered: &'a Remembered,
    /// Why this export is not in the chain of acts, if it is not.
    pub not_recorded: Option<&'a str>,
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
    session_ended: bool,
    verdict: &'static str,
    severity: Option<&'static str>,
    log_group: Option<&'a str>,
    read: Read<'a>,
    nothing_recorded: Option<&'a NothingRecorded>,
    masked: bool,
    counts: Counts,
    evidence: &'a EvidenceCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<&'a ChainEnd>,
    /// Kinds of acts whose records are not in the export: each export would add one.
    acts_left_out: [&'static str; 1],
    store: StoreRead<'a>,
    recorded: Recorded<'a>,
    files: &'a [WrittenFile],
}

/// Whether the store was read, and why not.
#[derive(Serialize)]
struct StoreRead<'a> {
    read: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

/// Whether the export is in the chain of acts, and why not.
#[derive(Serialize)]
struct Recorded<'a> {
    as_act: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
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
            session_ended: self.ended,
            verdict: self.evidence.verdict.word(),
            severity: self.evidence.severity.map(crate::domain::Severity::word),
            log_group: self.log_group,
            read: Read { stream_events: self.stream_events, archive_object: self.archive },
            nothing_recorded: self.nothing_recorded,
            masked: self.masked,
            counts: self.counts,
            evidence: &self.evidence.counts,
            chain: self.evidence.chain.as_ref(),
            acts_left_out: [ActKind::Export.word()],
            store: StoreRead { read: self.remembered.unread.is_none(), why: self.remembered.unread.as_deref() },
            recorded: Recorded { as_act: self.not_recorded.is_none(), why: self.not_recorded },
            files: self.files,
        };
        Ok(safe_json(&serde_json::to_string_pretty(&document)?) + "\n")
    }
}
