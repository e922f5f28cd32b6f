//! What leaves the program for people and programs: the check's table and JSON, the table of acts, alerts, the IAM policy.

mod acts;
mod alert;
mod check;
mod iam_policy;
mod table;
mod text;

pub use crate::transcript::mask;
pub use acts::acts_table;
pub use alert::{AlertMessage, MAX_BODY_BYTES, MAX_SUBJECT_CHARACTERS};
pub use check::{AccountRow, CheckReport, DetectionRow, NodeRow, PreferencesRow, ScopeRow, ScopeStatus, SessionRow};
pub use iam_policy::iam_policy;
pub use table::{Paint, table};
pub use text::{clean, fit, safe_json};
