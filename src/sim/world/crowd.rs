//! Harmless work by many people: seats that are taken again when their session is over.

use super::{
    World,
    clock::Moment,
    life::Happening,
    opening::{Opening, SessionIdForm},
    organization,
    trail::Caller,
};
use crate::sim::scenario::{Archive, GenerateSpec, Os, Scenario, Step};

/// Seconds for which a seat stays empty, least and most.
const GAP: [f64; 2] = [10.0, 120.0];

/// The seats.
#[derive(Debug, Default)]
pub struct Crowd {
    seats: Vec<Seat>,
}

#[derive(Debug)]
struct Seat {
    random: fastrand::Rng,
    sessions: u64,
}

impl Crowd {
    /// As many seats as the scenario wants sessions.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let count = scenario.crowd.as_ref().map_or(0, |crowd| crowd.active);
        let seat = |number: usize| Seat {
            random: fastrand::Rng::with_seed(seed ^ organization::stable_hash(&["seat", &number.to_string()])),
            sessions: 0,
        };
        Self { seats: (0..count).map(seat).collect() }
    }
}

impl World {
    pub(super) fn seat_crowd(&mut self) {
        let scenario = std::sync::Arc::clone(&self.scenario);
        let Some(spec) = &scenario.crowd else { return };
        for (number, seat) in self.crowd.seats.iter_mut().enumerate() {
            let first = -spec.warm_up + seat.random.f64() * spec.warm_up.min(spec.mean_seconds) * 0.8;
            self.agenda.put(Moment::at(first), Happening::CrowdEnters(number));
        }
    }

    pub(super) fn seat_is_free(&mut self, number: usize) {
        let now = self.clock;
        if let Some(seat) = self.crowd.seats.get_mut(number) {
            let gap = GAP[0] + seat.random.f64() * (GAP[1] - GAP[0]);
            self.agenda.put(now.plus(gap), Happening::CrowdEnters(number));
        }
    }

    pub(super) fn crowd_enters(&mut self, number: usize) {
        let scenario = std::sync::Arc::clone(&self.scenario);
        let Some(spec) = &scenario.crowd else { return };
        let nodes: Vec<(String, String, String, String, Os)> =
            self.accounts
                .values()
                .flat_map(|account| {
                    account.regions.iter().flat_map(|(region, state)| {
                        state.nodes.values().filter(|node| node.crowd && node.online).map(|node| {
                            (account.id.clone(), region.clone(), node.id.clone(), node.name.clone(), node.os)
                        })
                    })
                })
                .collect();
        let seed = self.seed;
        let Some(seat) = self.crowd.seats.get_mut(number) else { return };
        seat.sessions += 1;
        let random = &mut seat.random;
        let Some((account, region, node, name, os)) = nodes.get(random.usize(..nodes.len().max(1))).cloned() else {
            return;
        };
        let owner = spec.owners.get(random.usize(..spec.owners.len().max(1))).cloned().unwrap_or_default();
        let owner = owner.replace("{account}", &account);
        let reason = spec.reasons.get(random.usize(..spec.reasons.len().max(1))).cloned().unwrap_or_default();
        let reason = reason.replace("{n}", &random.u32(10_000..99_999).to_string());
        // An exponential length, within what people do.
        let length = (-(1.0 - random.f64()).ln() * spec.mean_seconds).clamp(150.0, spec.mean_seconds * 4.0);
        let persona = ["web", "db", "batch"]
            .into_iter()
            .find(|persona| name.contains(persona))
            .unwrap_or(if random.bool() { "deploy" } else { "ops" });
        let old_id = random.u8(..8) == 0;
        let session_seed =
            seed ^ organization::stable_hash(&["crowd", &number.to_string(), &seat.sessions.to_string()]);
        let opened = self.open_session(Opening {
            caller: Caller::scripted(&owner, None, usual_factor(&owner), session_seed),
            account,
            region,
            node,
            owner,
            document: None,
            reason: Some(reason),
            parameters: Default::default(),
            script: vec![
                Step::Type(if os == Os::Windows { "whoami".into() } else { "whoami && hostname".into() }),
                Step::Work(persona.into()),
            ],
            just_in_time: false,
            id: if old_id { SessionIdForm::Old } else { SessionIdForm::New },
            stubborn: 0.0,
            archive: Archive::Arrives,
            logged: true,
            seed: session_seed,
            seat: Some(number),
        });
        match opened {
            Some((_, index)) => self.agenda.put(self.clock.plus(length), Happening::Leaves(index)),
            // Somebody else comes later.
            None => self.seat_is_free(number),
        }
    }

    pub(super) fn generate(&mut self) {
        let scenario = std::sync::Arc::clone(&self.scenario);
        let Some(GenerateSpec { sessions, sessions_per_node, talkative }) = scenario.generate.clone() else { return };
        let places: Vec<(String, String)> = scenario
            .accounts
            .iter()
            .flat_map(|account| scenario.regions.iter().map(|region| (account.id.clone(), region.clone())))
            .collect();
        let template = self.accounts.values().flat_map(|account| account.regions.values()).find_map(|state| {
            state
                .nodes
                .values()
                .find(|node| !node.is_hybrid() && node.os != Os::Windows && node.role.is_some())
                .cloned()
        });
        let Some(template) = template else { return };
        for number in 0..sessions {
            let node_number = number / sessions_per_node.max(1);
            let Some((account, region)) = places.get(node_number % places.len().max(1)).cloned() else { return };
            let name = format!("fleet-{node_number}");
            let mut node = template.clone();
            let hash = organization::stable_hash(&["fleet", &name]);
            node.id = organization::node_id(false, hash);
            node.tags.insert("Name".into(), name.clone());
            node.name = name;
            node.ip_address = format!("10.{}.{}.{}", hash % 250, (hash >> 8) % 250, (hash >> 16) % 250);
            let id = node.id.clone();
            if let Some(state) = self.region_mut(&account, &region) {
                state.nodes.entry(id.clone()).or_insert(node);
            }
            let owner = format!("arn:aws:sts::{account}:assumed-role/FleetOperator/operator-{}", number % 97);
            let seed = self.seed ^ organization::stable_hash(&["generated", &number.to_string()]);
            let script = if number < talkative {
                vec![Step::Type("tail -f /var/log/app.log".into()), Step::Work("batch".into())]
            } else {
                Vec::new()
            };
            self.open_session(Opening {
                caller: Caller::scripted(&owner, None, usual_factor(&owner), seed),
                account,
                region,
                node: id,
                owner,
                document: None,
                reason: Some(format!("INC-{}", 10_000 + number)),
                parameters: Default::default(),
                script,
                just_in_time: false,
                id: SessionIdForm::New,
                stubborn: 0.0,
                archive: Archive::Arrives,
                logged: true,
                seed,
                seat: None,
            });
        }
    }
}

/// The crowd means no harm and shows its second factor; who signs in at IAM Identity Center shows it there, and CloudTrail says "false".
fn usual_factor(owner: &str) -> Option<bool> {
    (!owner.contains("AWSReservedSSO_")).then_some(true)
}
