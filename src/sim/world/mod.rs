//! What exists in the simulated organization.

pub mod logs;
pub mod model;
pub mod trail;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::{logs::Arrival, model::Account};
use super::{gate::Gate, service::LiveTail, services};

/// The whole simulated organization.
#[derive(Debug)]
pub struct World {
    /// Accounts by id.
    pub accounts: BTreeMap<String, Account>,
    /// Faults, throttles, permissions and the count of calls.
    pub gate: Gate,
    /// Sessions of assumed roles.
    pub sts: services::sts::Sts,
    /// Topics' publications.
    pub sns: services::sns::Sns,
    /// Metrics.
    pub metrics: services::cloudwatch::Metrics,
    now: Timestamp,
}

impl World {
    /// A world without accounts.
    pub fn empty(now: Timestamp) -> Self {
        Self {
            accounts: BTreeMap::new(),
            gate: Gate::default(),
            sts: services::sts::Sts::default(),
            sns: services::sns::Sns::default(),
            metrics: services::cloudwatch::Metrics::default(),
            now,
        }
    }

    /// Time of the last [`World::advance`].
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Plays everything that is due by `now`.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Where a Live Tail subscription begins: behind everything that has arrived.
    pub fn live_tail_cursor(&self) -> u64 {
        0
    }

    /// What arrived for a subscription since `cursor`, and the cursor of the next call.
    pub fn live_tail_events(&mut self, _tail: &LiveTail, cursor: u64) -> (Vec<Arrival>, u64) {
        (Vec::new(), cursor)
    }

    /// What `GET /_sim/world` answers: accounts and sessions.
    pub fn overview(&self) -> serde_json::Value {
        let accounts: Vec<_> =
            self.accounts.values().map(|account| serde_json::json!({"id": account.id, "name": account.name})).collect();
        serde_json::json!({"now": self.now.to_string(), "accounts": accounts, "sessions": []})
    }
}
