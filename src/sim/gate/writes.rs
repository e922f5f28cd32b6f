//! Which operations change something.

/// How the names of operations begin that only read. Nothing else is known to.
const READING: [&str; 9] = [
    "Describe",
    "Get",
    "List",
    "Lookup",
    "Head",
    "Filter",
    "StartLiveTail",
    "AssumeRole",
    "DecodeAuthorizationMessage",
];

/// Whether an operation of that name changes nothing. What is not known counts as changing something.
pub(super) fn only_reads(operation: &str) -> bool {
    READING.iter().any(|begin| operation.starts_with(begin))
}
