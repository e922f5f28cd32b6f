//! Opening a store, and the two ways to use it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::{self, Path, PathBuf},
    time::Duration,
};

use directories::ProjectDirs;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    StoreError,
    error::Trouble,
    lock::{Lock, beside},
    schema::{self, MigrationError},
};
use crate::report::safe_json;

/// How long another process may hold the database before it counts as locked.
const BUSY: Duration = Duration::from_secs(2);

/// Where the store lies: `ssmwatch.db` in the user's data directory (`demo.db` for the demo).
///
/// # Errors
/// There is no home directory.
pub fn default_path(demo: bool) -> Result<PathBuf, StoreError> {
    let directories = ProjectDirs::from("", "", "ssmwatch").ok_or(StoreError::NoHome)?;
    Ok(directories.data_dir().join(if demo { "demo.db" } else { "ssmwatch.db" }))
}

/// The open store. Synchronous: a write returns when it is on the disk, so one thread of its own keeps it ([`super::Keeper`]).
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    /// Held by the one that may write. Behind the connection: it is given back after that is closed.
    lock: Option<Lock>,
    /// Tells the records of this run from those of others.
    pub(super) run: String,
}

impl Store {
    /// Opens the store to be written: takes its lock, makes the file (and the directories above it) where there is none, for its
    /// owner only, checks it and brings it to this version.
    ///
    /// # Errors
    /// Another ssmwatch has it ([`StoreError::InUse`]: open it with [`Store::open_to_read`]), or it cannot be used. Acting must be
    /// refused then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path = absolute(path)?;
        make_directory(&path)?;
        let lock = Lock::take(&path)?;
        Self::begin(path, lock)
    }

    /// As [`Store::open`], with nothing in it: what an earlier run left is deleted. For the demo.
    ///
    /// # Errors
    /// As [`Store::open`]; nothing is deleted when another ssmwatch has it.
    pub fn open_fresh(path: &Path) -> Result<Self, StoreError> {
        let path = absolute(path)?;
        make_directory(&path)?;
        let lock = Lock::take(&path)?;
        for file in [path.clone(), beside(&path, "-wal"), beside(&path, "-shm")] {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StoreError::io(&file, error)),
                _ => {}
            }
        }
        Self::begin(path, lock)
    }

    fn begin(path: PathBuf, lock: Lock) -> Result<Self, StoreError> {
        make_file(&path).map_err(|source| StoreError::io(&path, source))?;
        let connection = connect(&path, &path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let mut store = Self { path, connection, lock: Some(lock), run: run_id() };
        let prepared = store.prepare();
        prepared.map_err(|error| store.migration_error(&error))?;
        schema::check(&store.connection).map_err(|trouble| trouble.at(&store.path))?;
        Ok(store)
    }

    /// Before anything is written into it, it is known to be a store, one that is not from the future, and whole.
    fn prepare(&mut self) -> Result<(), MigrationError> {
        schema::version(&self.connection, schema::STEPS)?;
        self.connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        let whole: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if whole != "ok" {
            return Err(MigrationError::NotWhole(whole));
        }
        schema::migrate(&mut self.connection, schema::STEPS)
    }

    fn migration_error(&self, error: &MigrationError) -> StoreError {
        let path = self.path.clone();
        match error {
            MigrationError::Foreign => StoreError::Foreign { path },
            MigrationError::Newer(found) => {
                let known = i64::try_from(schema::STEPS.len()).unwrap_or(i64::MAX);
                StoreError::Newer { path, found: *found, known }
            }
            MigrationError::NotWhole(what) => StoreError::damaged(&path, what),
            MigrationError::Sqlite(error) => StoreError::sqlite(&path, error),
        }
    }

    /// Opens the store to be read only: beside one that writes, or a copy. Takes no lock and writes nothing into it.
    ///
    /// # Errors
    /// There is none ([`StoreError::Absent`]), or it cannot be read.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let path = absolute(path)?;
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Absent { path }),
            Err(source) => return Err(StoreError::io(&path, source)),
            Ok(metadata) if metadata.is_dir() => {
                return Err(StoreError::io(&path, io::Error::from(io::ErrorKind::IsADirectory)));
            }
            // Another ssmwatch is about to make it.
            Ok(metadata) if metadata.len() == 0 => return Err(StoreError::Absent { path }),
            Ok(_) => {}
        }
        let connection = connect(&path, &path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut store = Self { path, connection, lock: None, run: String::new() };
        let mut version = schema::version(&store.connection, schema::STEPS);
        let log = beside(&store.path, "-wal");
        if let Err(MigrationError::Sqlite(error)) = &version
            && error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen)
            && fs::metadata(&log).map_or(true, |metadata| metadata.len() == 0)
        {
            // A copy in a directory where nobody may write: SQLite cannot make the index of the log. There is no log, so nothing of it
            // is missed.
            store.connection = connect(
                &store.path,
                &immutable(&store.path),
                OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
            )?;
            version = schema::version(&store.connection, schema::STEPS);
        }
        match version {
            // An older store is brought to this version by the next one that writes.
            Ok(0) => Err(StoreError::Absent { path: store.path }),
            Ok(_) => Ok(store),
            Err(error) => Err(store.migration_error(&error)),
        }
    }

    /// Whether nothing can be written into it.
    pub fn is_read_only(&self) -> bool {
        self.lock.is_none()
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the store, its write-ahead log written back into the database.
    ///
    /// # Errors
    /// The log could not be written back. Nothing is lost: it is read when the store is opened.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { path, connection, lock, .. } = self;
        let written = match lock {
            Some(_) => connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())),
            None => Ok(()),
        };
        let closed = connection.close().map_err(|(_, error)| error);
        written.and(closed).map_err(|error| StoreError::sqlite(&path, &error))
    }

    /// All that `work` writes, or nothing; on the disk when it returns.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &str) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let Self { path, connection, lock, run } = self;
        if lock.is_none() {
            return Err(StoreError::ReadOnly { path: path.clone() });
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Trouble::from);
        let done = transaction.and_then(|transaction| {
            let done = work(&transaction, run)?;
            transaction.commit()?;
            Ok(done)
        });
        done.map_err(|trouble| trouble.at(path))
    }

    /// All that `work` reads is of one moment.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, StoreError> {
        let transaction = self.connection.unchecked_transaction().map_err(Trouble::from);
        transaction.and_then(|transaction| work(&transaction)).map_err(|trouble| trouble.at(&self.path))
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// A value as the store holds it.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Trouble> {
    serde_json::to_string(value).map(|json| safe_json(&json)).map_err(Trouble::Unwritable)
}

/// A value that the store holds; `what` names it when it is not one.
pub(super) fn from_json<T: DeserializeOwned>(json: &str, what: impl FnOnce() -> String) -> Result<T, Trouble> {
    serde_json::from_str(json).map_err(|error| Trouble::Unreadable(format!("{} cannot be read: {error}", what())))
}

/// A time as columns hold it: microseconds since 1970.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of a column.
pub(super) fn time(micros: i64) -> Result<Timestamp, Trouble> {
    Timestamp::from_microsecond(micros).map_err(|error| Trouble::Unreadable(format!("{micros} is no time: {error}")))
}

/// A limit as SQL wants it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The store itself is told by its whole path: it says where it lies, and SQLite takes no name for a URL.
fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    path::absolute(path).map_err(|source| StoreError::io(path, source))
}

fn connect(path: &Path, name: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let connection = Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    // A file that somebody changed is not to run anything here, and its pages are looked at before they are believed.
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;")
        .map_err(failed)?;
    Ok(connection)
}

/// The URL of a file that nobody changes while it is read (sqlite.org/uri.html).
fn immutable(path: &Path) -> PathBuf {
    let mut url = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' => url.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(*byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    (url + "?immutable=1").into()
}

/// Directories that are made here are their owner's only; those that are there stay as they are.
fn make_directory(path: &Path) -> Result<(), StoreError> {
    let Some(directory) = path.parent() else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|source| StoreError::io(directory, source))
}

/// The file is its owner's only before anything is in it: SQLite gives its other files the same mode.
fn make_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
        // A new file is only on the disk when its directory is.
        if let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
    }
    Ok(())
}

fn run_id() -> String {
    format!("{}-{:016x}", std::process::id(), fastrand::u64(..))
}
