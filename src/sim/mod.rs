//! A simulated AWS organization that speaks AWS's wire protocols on loopback.
//!
//! ```text
//! HTTP ─► server ─► wire (which service, operation, protocol; who calls) ─► gate (faults, throttles, permissions)
//!                                                                             ─► services/* on the World
//!      ◄─ wire (JSON, query XML, REST XML, CBOR, event stream) ◄──────────────────┘
//! ```
//! The [`world::World`] holds what exists and is advanced lazily, to the time of each request.

pub mod control;
pub mod error;
pub mod gate;
pub mod scenario;
pub mod server;
pub mod service;
pub mod services;
pub mod wire;
pub mod world;

pub use server::{Sim, SimError};
