//! The command line.

mod audit;

use std::{
    ffi::OsString,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use clap_complete::Shell;

pub use audit::{Audit, AuditCommand, AuditList, AuditVerify};

use crate::{
    config::{Overrides, is_region, parse_severity},
    domain::{AccountId, Region, SessionId, Severity},
};

/// `EX_USAGE` of sysexits: the command line cannot be used.
pub const USAGE_EXIT_CODE: u8 = 64;

const EXAMPLES: &str = "\
Examples:
  ssmwatch demo                            look around, without AWS and without a config
  ssmwatch --profile audit --region eu-central-1   watch one account in one region
  ssmwatch config init                     write a commented config file, then run: ssmwatch
  ssmwatch check --format json             one pass for a pipeline
  ssmwatch export jane-0a1b2c3d4e5f60718 --output case-17   one session as files
  ssmwatch audit verify                    whether the record of the acts is as it was written
  ssmwatch iam-policy --read-only          the permissions that looking needs

Environment: NO_COLOR turns colors off. AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and the rest of the AWS SDK's
own environment work unchanged.";

/// Live terminal dashboard of AWS Session Manager sessions
///
/// Shows every session of every account and region: who is on which node, what the terminal there prints, whether the
/// session is compliant and why; ends a rogue session and proves that it ended. Without a command: the dashboard.
#[derive(Debug, Clone, Parser)]
#[command(name = "ssmwatch", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do; absent: the dashboard.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Config file; must exist [default: ssmwatch/config.toml in the user's config directory, if there]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// AWS profile for accounts that name none in the config
    #[arg(long, global = true, value_name = "NAME", value_parser = not_empty)]
    pub profile: Option<String>,
    /// Region to watch, instead of the config's; repeatable
    #[arg(long = "region", global = true, value_name = "REGION", value_parser = region)]
    pub regions: Vec<Region>,
    /// Send all AWS requests there
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint_url)]
    pub endpoint_url: Option<String>,
    /// Look only: nothing can be ended, no alert can be raised
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Theme: default-dark, default-light, high-contrast, deuteranopia, tritanopia, mono, ansi16, or one of your own
    #[arg(long, global = true, value_name = "NAME", value_parser = not_empty)]
    pub theme: Option<String>,
    /// Write the program's log there
    #[arg(long, global = true, value_name = "PATH")]
    pub log_file: Option<PathBuf>,
    /// No colors
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Begin at the wall, for a screen that nobody touches (the dashboard and the demo)
    #[arg(long, global = true)]
    pub wall: bool,
}

impl Global {
    /// What goes over the config file. `no_color`: the value of `NO_COLOR`; it counts when it is not empty (no-color.org).
    pub fn overrides(&self, no_color: Option<OsString>) -> Overrides {
        Overrides {
            read_only: self.read_only,
            theme: self.theme.clone(),
            profile: self.profile.clone(),
            regions: self.regions.clone(),
            endpoint_url: self.endpoint_url.clone(),
            log_file: self.log_file.clone(),
            no_color: self.no_color || no_color.is_some_and(|value| !value.is_empty()),
            wall: self.wall,
        }
    }
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// The dashboard on a simulated organization; needs no AWS, no config, no network
    Demo(World),
    /// Only the simulated AWS, for the AWS CLI, boto3 or another ssmwatch
    ///
    /// The first line on stdout says where it listens, the second is a JSON object of its accounts and regions. Runs until
    /// SIGINT or SIGTERM. An access key id of twelve digits speaks for that account, with any secret.
    #[command(after_help = "\
Example:
  ssmwatch sim --listen 127.0.0.1:4566 &
  AWS_ACCESS_KEY_ID=111122223333 AWS_SECRET_ACCESS_KEY=x AWS_REGION=eu-central-1 \\
    aws --endpoint-url http://127.0.0.1:4566 ssm describe-sessions --state Active")]
    Sim(Sim),
    /// One pass over all accounts and regions, every session judged
    ///
    /// Exit code: 0 nothing is NON_COMPLIANT at or above --fail-on; 1 something is; 2 not everything could be judged (an
    /// account or region unreachable or denied) and nothing worse was found.
    #[command(after_help = "\
Examples:
  ssmwatch check
  ssmwatch check --format json --fail-on HIGH | jq '.sessions[] | select(.verdict == \"NON_COMPLIANT\")'")]
    Check(Check),
    /// The evidence of one session as files: transcript, facts, verdicts, acts, and a recording for asciinema play
    ///
    /// Finds the session in all accounts and regions, active or ended, reads its log whole and what is known of it, and
    /// writes into a folder: transcript.jsonl, commands.jsonl and detections.jsonl (one JSON object a line), session.cast
    /// (asciicast v2), facts.json (each with value, source and time, or why it is missing), verdicts.json (every rule),
    /// alerts.json, acts.jsonl (the records of the chain, each with its SHA-256), trail.jsonl (CloudTrail's records) and
    /// export.json (what was read, SHA-256 of the files, the last record of acts.jsonl: audit verify --head finds it).
    ///
    /// Where its log stream is gone, its archive object takes the place. What is missing is marked as a gap. Where nothing
    /// is recorded (ports), there is no transcript, and export.json says why; a log that cannot be read ends the export.
    /// Texts are cleaned: nothing of them is interpreted by a terminal. Nothing is overwritten. Two exports of a session
    /// that ended are alike to the byte, but for times.
    ///
    /// The export is an act: it is recorded in the store. While the dashboard has that open, or where it cannot be written,
    /// the export is made all the same, and stderr and export.json say that it was not recorded. The dashboard's key for
    /// the same is e; its files lie beside the store, in evidence/.
    ///
    /// Exit code: 0 all files are written; 1 none is.
    #[command(after_help = "\
Examples:
  ssmwatch export jane-0a1b2c3d4e5f60718 --output case-17
  asciinema play --idle-time-limit 2 case-17/session.cast
  jq -r 'select(.certainty != \"certain\") | .text' case-17/commands.jsonl
  jq '.findings[] | select(.status == \"NON_COMPLIANT\")' case-17/verdicts.json
  ssmwatch audit verify --head \"$(jq -r .chain.sha256 case-17/export.json)\"")]
    Export(Export),
    /// What was done with ssmwatch: who ended, alerted, quarantined what, when and why
    Audit(Audit),
    /// The config file
    Config(ConfigArgs),
    /// The rules in force
    Rules(RulesArgs),
    /// The least IAM policy for what the config turns on, as JSON
    ///
    /// Global --read-only leaves out what ending sessions and raising alerts needs.
    #[command(after_help = "\
Example:
  ssmwatch iam-policy --read-only > policy.json
  aws iam create-policy --policy-name ssmwatch --policy-document file://policy.json")]
    IamPolicy,
    /// Completions for a shell, to stdout
    #[command(after_help = "\
Example:
  ssmwatch completions bash > ~/.local/share/bash-completion/completions/ssmwatch")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// The manual page, to stdout
    #[command(after_help = "\
Example:
  ssmwatch man | man -l -")]
    Man,
}

/// Which simulated world.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct World {
    /// Name of the scenario [default: the built-in organization]
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    pub scenario: Option<String>,
    /// Makes a run repeat exactly
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// How the simulated AWS is served.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Sim {
    /// Loopback address and port; port 0: any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = loopback)]
    pub listen: SocketAddr,
    /// Which world.
    #[command(flatten)]
    pub world: World,
    /// How many times faster than real its time passes
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
}

/// How a pass is reported and what it fails on.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Check {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Least severity that makes the exit code 1: INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL
    #[arg(long, value_name = "SEVERITY", default_value = "LOW", value_parser = parse_severity)]
    pub fail_on: Severity,
    /// Also list rules that are COMPLIANT or NOT_APPLICABLE
    #[arg(long)]
    pub all: bool,
}

/// Which session is exported, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Export {
    /// The session's id
    #[arg(value_name = "SESSION_ID", value_parser = session_id)]
    pub session: SessionId,
    /// Folder for the files; made where there is none
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Account to look in, instead of all; global --region narrows the regions
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    pub account: Option<AccountId>,
    /// Keep what looks like a secret, instead of masking it
    #[arg(long)]
    pub unmasked: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The config file's commands.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ConfigArgs {
    /// What to do with it; absent: show.
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

/// What can be done with the config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Write a commented config file; never overwrites
    Init,
    /// Where the config file is looked for
    Path,
    /// The config in force, and where each value comes from
    Show,
    /// Whether the config file is right; exit code 1 if it is not
    Check,
}

/// The rules' commands.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RulesArgs {
    /// What to do with them; absent: list.
    #[command(subcommand)]
    pub command: Option<RulesCommand>,
}

/// What can be done with the rules.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum RulesCommand {
    /// All rules in force, with their severity
    List,
    /// One rule: what it finds, what it reads, its parameters, its remedy, its policy
    Show {
        /// The rule's id, as DOC-01
        id: String,
    },
    /// The Cedar schema of what policies may read, with the source of each fact
    Schema,
    /// Whether policy files are right: exit code 1 if one is not
    ///
    /// Checks ssmwatch's own kind of policies against the schema of `rules schema`, and just-in-time node access policies as
    /// they are. Without a path, the files that the config names.
    Check {
        /// A policy file, or a folder of *.cedar files
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

impl Cli {
    /// Reads the arguments, the program's name first.
    ///
    /// # Errors
    /// A usage error, or what was asked for to be shown (help, version); [`answer`] tells them apart.
    pub fn read(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }

    /// Writes the completions of a shell.
    pub fn completions(shell: Shell, out: &mut dyn Write) {
        clap_complete::generate(shell, &mut Self::command(), "ssmwatch", &mut AsWrite(out));
    }

    /// Writes the manual page: the program's, then each command's help.
    ///
    /// # Errors
    /// It could not be written.
    pub fn man(out: &mut dyn Write) -> io::Result<()> {
        let mut command = Self::command().disable_help_subcommand(true);
        command.build();
        clap_mangen::Man::new(command.clone()).render(&mut AsWrite(out))?;
        for subcommand in command.get_subcommands_mut() {
            writeln!(out, ".SH \"SSMWATCH {}\"\n.nf", subcommand.get_name().to_uppercase())?;
            for line in subcommand.render_long_help().to_string().lines() {
                // A line that begins with a dot or a quote would be a request, and backslashes begin escapes.
                let line = line.replace('\\', "\\e").replace('-', "\\-");
                let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
                writeln!(out, "{guard}{line}")?;
            }
            writeln!(out, ".fi")?;
        }
        Ok(())
    }
}

/// The generators want a sized writer.
struct AsWrite<'a>(&'a mut dyn Write);

impl Write for AsWrite<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What [`Cli::read`] could not turn into a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Help or version, for stdout; exit code 0.
    Shown(String),
    /// One line of what and one of what to do, for stderr; exit code [`USAGE_EXIT_CODE`].
    Usage(String),
}

/// What is said to that error.
pub fn answer(error: &clap::Error) -> Answer {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Answer::Shown(error.render().to_string());
    }
    let rendered = error.render().to_string();
    let mut paragraphs = rendered
        .split("\n\n")
        .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty());
    let what = paragraphs.next().unwrap_or_else(|| "error: the command line cannot be used".to_owned());
    let rest: Vec<String> = paragraphs.collect();
    let tip = rest.iter().find(|paragraph| paragraph.starts_with("tip: "));
    let usage = rest.iter().find(|paragraph| paragraph.starts_with("Usage: "));
    let to_do = match (tip, usage) {
        (Some(tip), _) => tip.clone(),
        (None, Some(usage)) => usage.clone(),
        (None, None) => "see: ssmwatch --help".to_owned(),
    };
    Answer::Usage(format!("{what}\n{to_do}\n"))
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty; write a name".to_owned()) } else { Ok(text.to_owned()) }
}

fn region(text: &str) -> Result<Region, String> {
    if is_region(text) { Ok(text.into()) } else { Err("not a region; write for instance eu-central-1".to_owned()) }
}

fn session_id(text: &str) -> Result<SessionId, String> {
    let fits = (1..=96).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != '/' && c != '*');
    if fits { Ok(text.into()) } else { Err("not a session id; write for instance jane-0a1b2c3d4e5f60718".to_owned()) }
}

fn account(text: &str) -> Result<AccountId, String> {
    let fits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(text.into()) } else { Err("not an account; write its twelve digits".to_owned()) }
}

fn endpoint_url(text: &str) -> Result<String, String> {
    let wanted = "not a URL; write for instance http://127.0.0.1:4566";
    let uri: hyper::Uri = text.parse().map_err(|_| wanted.to_owned())?;
    let fits = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if fits { Ok(text.to_owned()) } else { Err(wanted.to_owned()) }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:").map(str::parse) {
        Some(Ok(port)) => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        _ => text.parse().map_err(|_| "not an address and a port; write for instance 127.0.0.1:4566".to_owned())?,
    };
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("not a loopback address: the simulated AWS serves this machine only; use 127.0.0.1:PORT or [::1]:PORT"
            .to_owned())
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed <= 1000.0 => Ok(speed),
        _ => Err("write a number above 0 and up to 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests;
