//! What survives a restart.

mod acts;

pub use acts::{ActLog, ActLogError, Phase, default_act_log};
