//! The commands: what each reads, runs and answers.

mod audit;
mod check;
mod config_commands;
mod dashboard;
mod demo;
mod detecting;
mod export;
mod judging;
mod keeping;
mod reload;
mod rules;
mod setup;
mod themes;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use crate::cli::{self, Cli, Command};

/// Why a command did not do what it was asked: one line of what, one of what to do, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One line (or one a complaint) of what.
    pub what: String,
    /// One line of what to do.
    pub to_do: String,
    /// Exit code: sysexits where the contract says so.
    pub code: u8,
}

impl Refusal {
    /// A failure of the run itself.
    pub(crate) fn failed(what: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { what: what.into(), to_do: to_do.into(), code: 1 }
    }

    /// Something configured cannot be used (`EX_CONFIG`).
    pub(crate) fn config(what: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { what: what.into(), to_do: to_do.into(), code: 78 }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::failed(format!("input or output failed: {error}"), "see the program's log with --log-file")
    }
}

/// Runs the program with those arguments (the program's name first).
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            return match cli::answer(&error) {
                cli::Answer::Shown(text) => print(&text),
                cli::Answer::Usage(text) => {
                    complain(&text);
                    ExitCode::from(cli::USAGE_EXIT_CODE)
                }
            };
        }
    };
    match run(&cli) {
        Ok(code) => code,
        Err(refusal) => {
            complain(&format!("ssmwatch: {}\n  {}\n", refusal.what, refusal.to_do));
            ExitCode::from(refusal.code)
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, Refusal> {
    match &cli.command {
        None => block_on(dashboard::run(cli)),
        Some(Command::Demo(world)) => block_on(demo::demo(cli, world)),
        Some(Command::Sim(sim)) => block_on(demo::serve(sim)),
        Some(Command::Check(check)) => block_on(check::run(cli, check)),
        Some(Command::Export(export)) => block_on(export::run(cli, export)),
        Some(Command::Audit(audit)) => audit::run(audit),
        Some(Command::Config(config)) => config_commands::config(cli, config.command),
        Some(Command::Rules(rules)) => rules::run(cli, rules.command.as_ref()),
        Some(Command::IamPolicy) => config_commands::iam_policy(cli),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            Cli::completions(*shell, &mut text);
            Ok(print(&String::from_utf8_lossy(&text)))
        }
        Some(Command::Man) => {
            let mut text = Vec::new();
            Cli::man(&mut text)?;
            Ok(print(&String::from_utf8_lossy(&text)))
        }
    }
}

fn block_on(work: impl Future<Output = Result<ExitCode, Refusal>>) -> Result<ExitCode, Refusal> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(work);
    // A request that hangs does not keep the program.
    runtime.shutdown_background();
    outcome
}

/// Writes to stdout; a reader that has gone away is no failure.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn complain(text: &str) {
    // Where stderr is closed there is nobody left to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}
