//! Rules on accounts.

use super::{table::*, *};
use crate::{compliance::AccountEvidence, domain::AccountId};

fn terminated(engine: &Engine, number: i64) -> Vec<Finding> {
    let account = AccountId::from(ACCOUNT);
    engine.explain_account(&AccountEvidence { account: &account, terminated: number, until: None }, at(300))
}

pub fn table() -> Vec<Row> {
    let three = with(|parameters| parameters.threshold = 3);
    vec![
        Row::of("THR-01", "none", terminated(engine(), 0), GOOD),
        Row::of("THR-01", "nine", terminated(engine(), 9), GOOD),
        Row::of("THR-01", "ten", terminated(engine(), 10), BAD),
        Row::of("THR-01", "two of three", terminated(&three, 2), GOOD),
        Row::of("THR-01", "three", terminated(&three, 3), BAD),
    ]
}

#[test]
fn accounts_are_judged_by_what_was_terminated() {
    check(table());
}
