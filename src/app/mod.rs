//! The program's mind: `update(&mut State, Message, now) -> Vec<Effect>`. No I/O, no clock, no randomness.

pub mod action;
pub mod alerts;
#[cfg(test)]
mod alerts_tests;
pub mod automatic;
pub mod board;
pub mod changes;
pub mod clip;
pub mod columns;
pub mod dialog;
pub mod filter;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod fixture;
pub mod frozen;
pub mod grouping;
pub mod history;
pub mod keymap;
pub mod layout;
pub mod line_input;
#[cfg(test)]
mod line_tests;
pub mod listening;
pub mod mask;
pub mod message;
pub mod notify;
pub mod overlay;
pub mod palette;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod palette_tests;
pub mod pointing;
pub mod project;
#[cfg(test)]
mod response_tests;
pub mod sizes;
pub mod state;
#[cfg(test)]
mod tests;
pub mod transcript_view;
pub mod trend;
pub mod update;
pub mod view;
pub mod wall;
pub mod wall_layout;
#[cfg(test)]
mod wall_tests;
pub mod works;

pub use message::{Delivered, Effect, Follow, Keep, Message, StoredPage};
pub use state::{Setup, State};
pub use update::{short_age, update};
