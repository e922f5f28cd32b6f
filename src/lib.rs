//! ssmwatch

pub mod domain;
pub mod sim;
