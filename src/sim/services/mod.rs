//! The services: one file each, with the state that only it has.

pub mod logs;
