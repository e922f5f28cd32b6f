//! `ssmwatch audit`: the acts that were recorded, and whether their chain is as it was written.

use std::{path::Path, process::ExitCode};

use jiff::tz::TimeZone;

use super::{Refusal, complain, print};
use crate::{
    cli::{Audit, AuditCommand, AuditList, AuditVerify, Format},
    report::{acts_table, safe_json},
    store::{self, RecordFilter, Store, StoreError, Verified},
};

pub(super) fn run(audit: &Audit) -> Result<ExitCode, Refusal> {
    let path = match &audit.store {
        Some(path) => path.clone(),
        None => store::default_path(false).map_err(refused)?,
    };
    let store = match Store::open_to_read(&path) {
        Ok(store) => Some(store),
        // A store that was named is meant to be there: a wrong name, or one that was deleted, is no good news.
        Err(StoreError::Absent { .. }) if audit.store.is_none() => None,
        Err(error) => return Err(refused(error)),
    };
    match &audit.command {
        None => list(store.as_ref(), &path, &AuditList::default()),
        Some(AuditCommand::List(options)) => list(store.as_ref(), &path, options),
        Some(AuditCommand::Verify(options)) => verify(store.as_ref(), &path, options),
    }
}

fn refused(error: StoreError) -> Refusal {
    Refusal::failed(error.to_string(), error.to_do())
}

fn nothing(path: &Path) -> String {
    format!("no act was recorded so far ({})\n", path.display())
}

fn list(store: Option<&Store>, path: &Path, options: &AuditList) -> Result<ExitCode, Refusal> {
    let filter = RecordFilter {
        session: options.session.as_ref().map(|session| session.as_str().to_owned()),
        acts: options.limit.map(Into::into),
    };
    match options.format {
        Format::Table => {
            let acts = store.map_or(Ok(Vec::new()), |store| store.acts(&filter)).map_err(refused)?;
            match (acts.is_empty(), &options.session) {
                (false, _) => Ok(print(&acts_table(&acts, &TimeZone::system()))),
                (true, Some(session)) if store.is_some() => {
                    Ok(print(&format!("no act on session {session} was recorded so far ({})\n", path.display())))
                }
                (true, _) => Ok(print(&nothing(path))),
            }
        }
        Format::Json => {
            let records = store.map_or(Ok(Vec::new()), |store| store.records(&filter)).map_err(refused)?;
            if records.is_empty() {
                // A program reads lines of JSON: there are none.
                complain(&nothing(path));
            }
            let mut lines = String::new();
            for record in records {
                record.entry().map_err(|error| {
                    Refusal::failed(
                        format!("{}: record {} cannot be read: {error}", path.display(), record.seq),
                        "somebody changed it; see: ssmwatch audit verify",
                    )
                })?;
                // The hash stands behind what was hashed, so that this is there to the byte.
                let text = record.text.strip_suffix('}').unwrap_or(&record.text);
                let sha256 = serde_json::Value::from(record.sha256);
                lines += &safe_json(&format!("{text},\"sha256\":{sha256}}}\n"));
            }
            Ok(print(&lines))
        }
    }
}

fn verify(store: Option<&Store>, path: &Path, options: &AuditVerify) -> Result<ExitCode, Refusal> {
    let known = options.head.as_deref();
    let verified = match store {
        Some(store) => store.verify(known).map_err(refused)?,
        None if known.is_none() => return Ok(print(&nothing(path))),
        None => {
            return Err(Refusal::failed(
                format!("{}: there is no store, so no record with that SHA-256", path.display()),
                "look for the store that was there, or name it with --store",
            ));
        }
    };
    let Verified { records, head, broken } = verified;
    if broken.is_empty() {
        let Some(head) = head else { return Ok(print(&nothing(path))) };
        let counted = if records == 1 { "1 record".to_owned() } else { format!("{records} records") };
        return Ok(print(&format!("ok: {counted}, head {}\n", head.sha256)));
    }
    let what: Vec<String> = broken.iter().map(ToString::to_string).collect();
    Err(Refusal::failed(
        format!("{}: the chain of acts is broken\n{}", path.display(), what.join("\n")),
        "keep the file as it is, find out who could write it, and compare the acts with CloudTrail",
    ))
}
