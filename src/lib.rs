//! ssmwatch: the live terminal dashboard of AWS Session Manager sessions.
//!
//! ```text
//!  AWS ──► aws/        one client set per scope, one HTTP pool, one credential cache     (the only place that knows the SDK)
//!           │  plain domain values, or a classified error
//!           ▼
//!         watch/       who is asked what, and when: backoff, staggering; emits Observations
//!           ▼
//!         app/         update(&mut State, Message, now) -> Vec<Effect>     pure: no I/O, no clock, no randomness
//!           │  ├─ compliance/   facts in, verdicts out (Cedar)              pure
//!           │  ├─ transcript/   log events in, clean lines out              pure
//!           │  └─ detection/    command lines in, detections out (Sigma)    pure
//!           ├──► ui/       draw(frame, &State, &Theme): reads only
//!           ├──► report/   table and JSON of the same State
//!           ├──► export/   the evidence of one session as files
//!           └──► Effect ► runtime/effects ► response/ ► store/ first, then aws/ ► Message
//! ```
//!
//! - [`store`]: alerts with their outbox, the chain of acts, ended sessions: SQLite on a thread of its own.
//! - [`domain`]: plain data that every room shares; imports nothing of ours.
//! - [`config`], [`cli`]: what the file and the command line say.
//! - [`runtime`]: the event loop and the hands; [`terminal`]: the only writer to the terminal.
//! - [`sim`]: a simulated AWS organization that speaks AWS's wire protocols on loopback.

pub mod app;
pub mod aws;
pub mod cli;
pub mod compliance;
pub mod config;
pub mod detection;
pub mod domain;
pub mod export;
pub mod program;
pub mod report;
pub mod response;
pub mod runtime;
pub mod sim;
pub mod store;
pub mod terminal;
pub mod transcript;
pub mod ui;
pub mod watch;
