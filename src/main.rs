//! ssmwatch
fn main() {}
