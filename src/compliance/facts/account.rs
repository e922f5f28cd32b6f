//! Facts of one account.

use jiff::Timestamp;

use super::{
    FactName, Value,
    known::{Clock, Entry, Known, Read, absent, text},
};
use crate::{compliance::parameters::Parameters, domain::AccountId};

/// All evidence on one account.
#[derive(Debug, Clone, Copy)]
pub struct AccountEvidence<'a> {
    /// Which.
    pub account: &'a AccountId,
    /// Its non-compliant sessions that were terminated from here and proven so, within the window.
    pub terminated: i64,
    /// When the oldest of those leaves the window.
    pub until: Option<Timestamp>,
}

/// Reads facts of one account at one moment.
pub(in crate::compliance) struct AccountReader<'a> {
    evidence: AccountEvidence<'a>,
    clock: Clock,
}

impl<'a> AccountReader<'a> {
    pub(in crate::compliance) fn new(
        evidence: &AccountEvidence<'a>,
        parameters: &'a Parameters,
        now: Timestamp,
    ) -> Self {
        Self { evidence: *evidence, clock: Clock { now, stale_after: parameters.stale_after, end: None } }
    }

    pub(in crate::compliance) fn read(&self, name: FactName) -> Entry<'a> {
        self.value(name).into()
    }

    fn value(&self, name: FactName) -> Read<Value<'a>> {
        match name {
            FactName::Account => Ok(self.clock.configured(text(self.evidence.account.as_str()))),
            FactName::TerminatedSessions => Ok(Known {
                value: Value::Number(self.evidence.terminated),
                source: "ssmwatch",
                at: self.clock.now,
                expires: None,
            }),
            _ => Err(absent("an account has no such fact")),
        }
    }
}
