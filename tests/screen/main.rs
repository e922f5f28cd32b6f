//! The screen as people see it: styled snapshots, any size, hostile text, the README's picture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod acting;
mod any_size;
mod asking;
mod border;
mod border_property;
mod columns;
mod credentials;
mod dump;
mod filtering;
mod frozen;
mod history;
mod mouse;
mod palette;
mod picture;
mod snapshots;
mod states;
mod wall;
#[allow(dead_code)] // the benchmarks use it too
mod world;
