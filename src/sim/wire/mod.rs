//! The wire: protocols in and out, independent of what a service does.

pub mod value;
