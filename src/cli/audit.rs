//! Arguments of `ssmwatch audit`.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Subcommand};

use super::{Format, session_id};
use crate::domain::SessionId;

/// The commands of the record of acts.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  ssmwatch audit
  ssmwatch audit list --session jane-0a1b2c3d4e5f60718
  ssmwatch audit verify --store /mnt/evidence/ssmwatch.db")]
pub struct Audit {
    /// What to do with it; absent: list.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Another store, or a copy of one [default: ssmwatch.db in the user's data directory]
    #[arg(long, global = true, value_name = "PATH")]
    pub store: Option<PathBuf>,
}

/// What can be done with the record of acts.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum AuditCommand {
    /// The acts, the last one at the end
    ///
    /// The table has one line for each act, as far as it has come. JSON has one line for each record: the text that was
    /// hashed, and its SHA-256 behind it.
    #[command(after_help = "\
Examples:
  ssmwatch audit list --limit 20
  ssmwatch audit list --format json | jq -r 'select(.act.kind == \"terminate\") | .act.reason'")]
    List(AuditList),
    /// Whether the chain of records is as it was written; exit code 1 if it is not
    ///
    /// Each record holds the SHA-256 of the one before. A record that was changed, removed, inserted or moved is named. Who can
    /// write the store can write the whole chain anew: keep the head that this prints in another place, and give it with --head.
    #[command(after_help = "\
Examples:
  ssmwatch audit verify
  ssmwatch audit verify --head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    Verify(AuditVerify),
}

/// Which acts are listed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct AuditList {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Only acts on the session of this id
    #[arg(long, value_name = "SESSION_ID", value_parser = session_id)]
    pub session: Option<SessionId>,
    /// Only so many acts, the last ones
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroUsize>,
}

impl Default for AuditList {
    fn default() -> Self {
        Self { format: Format::Table, session: None, limit: None }
    }
}

/// What the chain is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub struct AuditVerify {
    /// SHA-256 of a record that is known from elsewhere; it must be in the chain
    #[arg(long, value_name = "SHA256", value_parser = sha256)]
    pub head: Option<String>,
}

fn sha256(text: &str) -> Result<String, String> {
    let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("not a SHA-256; write its 64 hexadecimal digits".to_owned()) }
}
