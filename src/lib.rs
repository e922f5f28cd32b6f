//! ssmwatch

pub mod domain;
pub mod sim;
pub mod transcript;
