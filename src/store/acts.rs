//! The log of acts: one JSON object a line, on the disk before the act is sent.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use directories::ProjectDirs;
use serde::Serialize;

use super::Phase;
use crate::{
    domain::Act,
    report::{mask, safe_json},
};

/// Where acts are written without anything else being said: beside the log of `--log-file`, else in the user's state
/// directory (where there is none: data directory).
///
/// # Errors
/// There is no home directory.
pub fn default_act_log(log_file: Option<&Path>) -> Result<PathBuf, ActLogError> {
    if let Some(log_file) = log_file {
        return Ok(log_file.with_file_name("acts.jsonl"));
    }
    let directories = ProjectDirs::from("", "", "ssmwatch").ok_or(ActLogError::NoHome)?;
    Ok(directories.state_dir().unwrap_or_else(|| directories.data_dir()).join("acts.jsonl"))
}

/// An act that could not be written down. It must not be sent then.
#[derive(Debug, thiserror::Error)]
pub enum ActLogError {
    /// There is no place for the log.
    #[error("no home directory, so no place for the log of acts; set HOME or use --log-file")]
    NoHome,
    /// The log cannot be opened.
    #[error("{}: the log of acts cannot be opened: {source}", .path.display())]
    Open {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log cannot be written.
    #[error("{}: the act could not be written down: {source}", .path.display())]
    Write {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    phase: Phase,
    /// Numbers of acts begin again with each run; with the process they are told apart.
    process: u32,
    #[serde(flatten)]
    act: &'a Act,
}

/// The open log. Records are only ever added.
#[derive(Debug)]
pub struct ActLog {
    path: PathBuf,
    file: File,
}

impl ActLog {
    /// Opens the log for adding; makes it (only its owner may read and write it) and the directories above it.
    ///
    /// # Errors
    /// It cannot be opened or written. Acting must be refused then.
    pub fn open(path: &Path) -> Result<Self, ActLogError> {
        let failed = |source| ActLogError::Open { path: path.to_owned(), source };
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        #[cfg(unix)]
        only_for_owner(&file).map_err(failed)?;
        #[cfg(unix)]
        if let Some(directory) = path.parent() {
            // A new file is only on the disk when its directory is.
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        }
        let mut log = Self { path: path.to_owned(), file };
        log.end_broken_line().map_err(failed)?;
        Ok(log)
    }

    /// Where the log lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the act as it stands, with what looks like a secret in its reason masked, and returns when it is on the disk. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// It could not be written. An act of phase [`Phase::Start`] must not be sent then.
    pub fn record(&mut self, phase: Phase, act: &Act) -> Result<(), ActLogError> {
        let failed = |source| ActLogError::Write { path: self.path.clone(), source };
        let act = &Act { reason: mask(&act.reason).into_owned(), ..act.clone() };
        let record = Record { schema: "ssmwatch.act/1", phase, process: std::process::id(), act };
        let json = serde_json::to_string(&record).map_err(|error| failed(error.into()))?;
        let line = safe_json(&json) + "\n";
        let before = self.file.metadata().map_err(failed)?.len();
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // Half a line would make the next record unreadable. If this fails too, the next opening repairs it.
            self.file.set_len(before).ok();
            return Err(failed(source));
        }
        Ok(())
    }

    /// A run that died within a record left half a line: end it, so that the next record has a line of its own.
    fn end_broken_line(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() == 0 {
            return Ok(());
        }
        self.file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        self.file.read_exact(&mut last)?;
        if last != *b"\n" {
            self.file.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// Reasons and owners are nobody else's business, whatever the file was made with.
#[cfg(unix)]
fn only_for_owner(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // A device (as /dev/null or a pipe of the user's) keeps its mode.
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use serde_json::Value;

    use super::*;
    use crate::domain::{ActKind, ActOutcome, ActStep, Actor, ScopeId, SessionKey, Subject};

    fn act(outcome: ActOutcome) -> Act {
        Act {
            id: 7,
            at: "2026-11-20T09:00:00Z".parse().unwrap(),
            kind: ActKind::Terminate,
            subject: Subject::Session(SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), "jane-0a1b")),
            target: String::new(),
            evidence_sha256: None,
            owner: "arn:aws:iam::111122223333:user/jane".to_owned(),
            reason: "line one\nline \"two\" \u{1b}[31m\u{9b} password=hunter2".to_owned(),
            actor: Actor { user: "analyst".to_owned(), arn: None, rule: None },
            steps: vec![ActStep { name: "terminate".to_owned(), outcome }],
        }
    }

    fn lines(path: &Path) -> Vec<Value> {
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn start_and_outcome_are_lines_of_their_own_and_survive_reopening() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/ssmwatch/acts.jsonl");
        ActLog::open(&path).unwrap().record(Phase::Start, &act(ActOutcome::Started)).unwrap();
        let done = ActOutcome::Done { took_ms: 1200, proof: "History says Terminated".to_owned() };
        ActLog::open(&path).unwrap().record(Phase::Outcome, &act(done)).unwrap();
        let lines = lines(&path);
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["phase"], &lines[1]["phase"]), (&Value::from("start"), &Value::from("outcome")));
        assert_eq!(lines[0]["subject"]["of"]["id"], "jane-0a1b");
        assert_eq!(lines[0]["reason"], "line one\nline \"two\" \u{1b}[31m\u{9b} password=[masked]");
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text}");
        assert_eq!(lines[1]["steps"][0]["outcome"]["took_ms"], 1200);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("acts.jsonl");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        ActLog::open(&path).unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        ActLog::open(&path).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn half_a_line_of_a_run_that_died_spoils_only_itself() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("acts.jsonl");
        fs::write(&path, "{\"schema\":\"ssmwatch.act/1\",\"pha").unwrap();
        ActLog::open(&path).unwrap().record(Phase::Start, &act(ActOutcome::Started)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(serde_json::from_str::<Value>(text.lines().last().unwrap()).is_ok());
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let error = ActLog::open(home.path()).expect_err("a directory");
        assert!(matches!(error, ActLogError::Open { .. }));
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(ActLog::open(&file.join("acts.jsonl")), Err(ActLogError::Open { .. })));
    }

    /// /dev/full takes no byte: a full disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_of_the_record() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let mut log = ActLog::open(full).unwrap();
        let error = log.record(Phase::Start, &act(ActOutcome::Started)).expect_err("no space");
        assert!(matches!(error, ActLogError::Write { .. }), "{error}");
    }

    #[test]
    fn lies_beside_the_programs_log() {
        let path = default_act_log(Some(Path::new("/var/log/ssmwatch/watch.log"))).unwrap();
        assert_eq!(path, Path::new("/var/log/ssmwatch/acts.jsonl"));
    }
}
