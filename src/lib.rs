//! ssmwatch

pub mod sim;
