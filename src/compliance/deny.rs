//! placeholder until the analysis lands
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DenyAnalysis {
    pub denied: Vec<String>,
    pub undecided: Vec<String>,
    pub unreadable: Vec<(String, String)>,
}

/// x
#[derive(Debug, Default)]
pub struct Needs;
/// x
pub fn analyse(_d: &[crate::domain::PolicyDocument], _n: &Needs) -> DenyAnalysis {
    DenyAnalysis::default()
}
