//! The program as a process without a terminal: its exit code and what it says.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, missing_docs)]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A home folder, and the environment that the program sees: this folder and what is added.
pub struct Home {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// One that speaks for an account of the simulated AWS.
    pub fn speaking_for(account: &str, endpoint: &str) -> Self {
        Self::new()
            .with("AWS_ACCESS_KEY_ID", account)
            .with("AWS_SECRET_ACCESS_KEY", "any secret")
            .with("AWS_REGION", "eu-central-1")
            .with("AWS_ENDPOINT_URL", endpoint)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file below the home folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes the config file where the program looks for it.
    pub fn config(self, text: &str) -> Self {
        self.write(".config/ssmwatch/config.toml", text);
        self
    }

    /// The program with those arguments, in this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssmwatch"));
        command.args(arguments).env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    /// It refused with that exit code: one line of what and one of what to do, each with these words, and nothing else.
    pub fn refused(&self, code: i32, what: &[&str], to_do: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert_eq!(self.out, "", "{self:#?}");
        let lines: Vec<_> = self.err.lines().collect();
        let [first, second] = lines.as_slice() else { panic!("not two lines: {self:#?}") };
        for (line, words) in [(first, what), (second, to_do)] {
            for word in words {
                assert!(line.contains(word), "`{word}` is not in `{line}`: {self:#?}");
            }
        }
        assert!(!self.err.contains("panicked") && !self.err.contains('\u{1b}'), "{self:#?}");
    }
}
