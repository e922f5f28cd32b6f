//! Why the store cannot be used.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use rusqlite::{Error, ErrorCode};

/// Why the store could not be opened, read or written. Nothing was written then, and an act must not be sent.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no place for the store.
    #[error("no home directory, so no place for the store")]
    NoHome,
    /// Another ssmwatch has the store.
    #[error("{}: the store is in use by another ssmwatch{}", .path.display(), Process(*.pid))]
    InUse {
        /// The store.
        path: PathBuf,
        /// The other's process id, if it has said so already.
        pid: Option<u32>,
    },
    /// There is no store.
    #[error("{}: there is no store", .path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It was opened for reading only.
    #[error("{}: the store was opened to be read only", .path.display())]
    ReadOnly {
        /// The store.
        path: PathBuf,
    },
    /// It is no database, or not as it was written.
    #[error("{}: the store is damaged: {what}", .path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It is another program's database.
    #[error("{}: this is a database, but not a store of ssmwatch", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later ssmwatch wrote it.
    #[error("{}: the store has version {found}, and this ssmwatch knows {known}", .path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version that is known here.
        known: i64,
    },
    /// The disk, or the share of it that may be used, is full.
    #[error("{}: the store could not be written: the disk is full", .path.display())]
    Full {
        /// The store.
        path: PathBuf,
    },
    /// Another process holds it locked.
    #[error("{}: the store is locked by another program", .path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// It may not be read or written, or the disk failed.
    #[error("{}: the store cannot be read or written: {source}", .path.display())]
    Io {
        /// The store, its directory or its lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite says so.
    #[error("{}: the store failed: {what}", .path.display())]
    Sqlite {
        /// The store.
        path: PathBuf,
        /// Its words.
        what: String,
    },
}

/// `, process 4711`, if it is known.
struct Process(Option<u32>);

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |pid| write!(f, ", process {pid}"))
    }
}

impl StoreError {
    /// One line of what to do.
    pub fn to_do(&self) -> &'static str {
        match self {
            Self::NoHome => "set HOME",
            Self::InUse { .. } => "act there, or quit it and start again",
            Self::Absent { .. } => "check the path; ssmwatch makes the store when it starts",
            Self::ReadOnly { .. } => "act where it is open to be written",
            Self::Damaged { .. } => "move it away (it may hold acts: keep it), or restore a copy, then start again",
            Self::Foreign { .. } => "move the file away, or name another one",
            Self::Newer { .. } => "use the later ssmwatch, or move the store away",
            Self::Full { .. } => "make room on the disk, then try again",
            Self::Busy { .. } => "end the program that holds it (as an open sqlite3), then try again",
            Self::Io { .. } => "check who may write there and that the disk is well, then try again",
            Self::Sqlite { .. } => "try again; if it stays, look into the program's log",
        }
    }

    /// An error of the file system.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned() },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// A store that holds what ssmwatch never writes.
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        // SQLite's findings are lines.
        Self::Damaged { path: path.to_owned(), what: what.into().replace('\n', ": ") }
    }

    /// What SQLite's error means here.
    pub(super) fn sqlite(path: &Path, error: &Error) -> Self {
        let path = path.to_owned();
        let what = error.to_string();
        // The index of the write-ahead log could not grow: SQLite calls that an I/O error.
        if error.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full { path };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
                Self::Damaged { path, what }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Io { path, source: io::Error::new(io::ErrorKind::PermissionDenied, what) }
            }
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => {
                Self::Io { path, source: io::Error::other(what) }
            }
            // A value of another kind than the column has.
            None if matches!(error, Error::InvalidColumnType(..) | Error::FromSqlConversionFailure(..)) => {
                Self::Damaged { path, what }
            }
            _ => Self::Sqlite { path, what },
        }
    }
}

/// What can go wrong inside of a transaction, before it is known which store it was.
#[derive(Debug)]
pub(super) enum Trouble {
    Sqlite(Error),
    /// A row is not as ssmwatch writes it.
    Unreadable(String),
    /// A value has no JSON.
    Unwritable(serde_json::Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    pub(super) fn at(&self, path: &Path) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::sqlite(path, error),
            Self::Unreadable(what) => StoreError::damaged(path, what),
            Self::Unwritable(error) => StoreError::Sqlite { path: path.to_owned(), what: error.to_string() },
        }
    }
}
