//! ssmwatch

pub mod compliance;
pub mod domain;
pub mod sim;
pub mod transcript;
