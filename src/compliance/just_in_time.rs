//! placeholder
/// x
#[derive(Debug)]
pub struct JitPolicies;
