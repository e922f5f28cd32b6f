//! ssmwatch

pub mod aws;
pub mod domain;
pub mod sim;
pub mod watch;
