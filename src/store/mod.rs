//! What survives a restart.

mod acts;
mod stub;

pub use acts::{ActLog, ActLogError, Phase, default_act_log};
pub use stub::*;
