//! The folder of an export: its files are written under other names, and get theirs all at once when they are complete.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Read},
    path::{Path, PathBuf},
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::FILES;

/// A file of the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenFile {
    /// Its name in the folder.
    pub name: &'static str,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// The first file of an export that is in that folder already; it is never overwritten.
pub fn taken(folder: &Path) -> Option<PathBuf> {
    FILES.iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok())
}

/// A folder that an export is written to. Dropped before [`Folder::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// What was made for this export: the folder, and those above it.
    made: Vec<PathBuf>,
    /// Names of files that are being written.
    staged: Vec<&'static str>,
    /// Files that have their names, and are not known to be all.
    placed: Vec<PathBuf>,
}

impl Folder {
    /// Opens the folder, or makes it, for its owner only.
    ///
    /// # Errors
    /// It cannot be made; something else has that name.
    pub fn open(path: &Path) -> io::Result<Self> {
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && folder.symlink_metadata().is_err();
        let made: Vec<PathBuf> = path.ancestors().take_while(missing).map(Path::to_owned).collect();
        if !path.is_dir() {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(path)?;
        }
        Ok(Self { path: path.to_owned(), made, staged: Vec::new(), placed: Vec::new() })
    }

    /// Where a file will be.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Begins a file, which only its owner may read and write.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn file(&mut self, name: &'static str) -> io::Result<BufWriter<File>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.staged_path(name))?;
        self.staged.push(name);
        Ok(BufWriter::new(file))
    }

    /// Takes back a file that was begun.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn discard(&mut self, name: &'static str) -> io::Result<()> {
        if self.staged.contains(&name) {
            fs::remove_file(self.staged_path(name))?;
            self.staged.retain(|staged| *staged != name);
        }
        Ok(())
    }

    /// The files as they are so far, all of them on the disk.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn written(&self) -> io::Result<Vec<WrittenFile>> {
        self.staged.iter().map(|name| self.digest(name)).collect()
    }

    /// Gives all files their names, in the order in which they were begun. What has such a name already stays as it is.
    ///
    /// # Errors
    /// A file cannot get its name; then none has it.
    pub fn publish(mut self) -> io::Result<()> {
        while let Some(name) = self.staged.first().copied() {
            let (staged, path) = (self.staged_path(name), self.path_of(name));
            OpenOptions::new().write(true).open(&staged)?.sync_all()?;
            place(&staged, &path)?;
            self.staged.remove(0);
            self.placed.push(path);
        }
        #[cfg(unix)]
        File::open(&self.path)?.sync_all()?;
        self.placed.clear();
        self.made.clear();
        Ok(())
    }

    /// Nobody takes it for a file of a complete export.
    fn staged_path(&self, name: &str) -> PathBuf {
        self.path.join(format!(".{name}.{}.part", std::process::id()))
    }

    fn digest(&self, name: &'static str) -> io::Result<WrittenFile> {
        let mut file = File::open(self.staged_path(name))?;
        let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
        loop {
            let read = file.read(&mut buffer)?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            hasher.update(part);
            bytes += read as u64;
        }
        let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(WrittenFile { name, bytes, sha256 })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let staged = self.staged.iter().map(|name| self.staged_path(name));
        for path in staged.chain(self.placed.iter().cloned()) {
            // What cannot be removed is told by its name.
            let _ = fs::remove_file(path);
        }
        for folder in &self.made {
            // Somebody else's files keep it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Gives a file its name, unless something has it. A link does so in one step; some file systems have none.
fn place(staged: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(staged, path) {
        Ok(()) => fs::remove_file(staged),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) if path.symlink_metadata().is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(staged, path),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use std::io::Write;

    use super::{super::*, *};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_begun_can_be_taken_back() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path()).unwrap();
        drop(folder.file(TRANSCRIPT).unwrap());
        drop(folder.file(MANIFEST).unwrap());
        folder.discard(TRANSCRIPT).unwrap();
        folder.discard(CAST).unwrap();
        folder.publish().unwrap();
        assert_eq!(names(home.path()), [MANIFEST]);
    }

    #[test]
    fn files_get_their_names_when_all_are_complete() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("cases/1");
        let mut folder = Folder::open(&path).unwrap();
        for name in [COMMANDS, MANIFEST] {
            let mut file = folder.file(name).unwrap();
            file.write_all(b"abc").unwrap();
            file.flush().unwrap();
        }
        assert_eq!(taken(&path), None);
        let written = folder.written().unwrap();
        assert_eq!((written[0].name, written[0].bytes), (COMMANDS, 3));
        assert_eq!(written[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        folder.publish().unwrap();
        assert_eq!(names(&path), [COMMANDS, MANIFEST]);
        assert_eq!(taken(&path), Some(path.join(COMMANDS)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(&path.join(COMMANDS))), (0o700, 0o600));
        }
    }

    #[test]
    fn an_export_that_breaks_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("cases/1");
        let mut folder = Folder::open(&path).unwrap();
        folder.file(CAST).unwrap();
        drop(folder);
        assert!(!home.path().join("cases").exists(), "it was made for this");
        assert!(Folder::open(home.path()).is_ok() && home.path().exists(), "it was not");
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Folder::open(&file).is_err() && Folder::open(&file.join("case")).is_err(), "a file");
        assert!(file.is_file());
    }

    #[test]
    fn what_came_in_between_is_not_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path()).unwrap();
        folder.file(TRANSCRIPT).unwrap();
        folder.file(CAST).unwrap();
        fs::write(home.path().join(CAST), "mine").unwrap();
        assert_eq!(folder.publish().expect_err("taken").kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(home.path()), [CAST]);
        assert_eq!(fs::read_to_string(home.path().join(CAST)).unwrap(), "mine");
    }
}
