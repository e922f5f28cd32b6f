//! One writer for a store: an advisory lock beside it, which the system takes back when the process ends in any way.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::StoreError;

/// The lock of a store. Dropped: given back.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store at `path`, and writes down whose it is.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let lock = beside(path, ".lock");
        let failed = |source| StoreError::io(&lock, source);
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is ours, the words in it are another's.
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is is only a help.
                file.take(32).read_to_string(&mut holder).ok();
                return Err(StoreError::InUse { path: path.to_owned(), pid: holder.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(pid.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The path of a file that belongs to the store.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
