//! From a scenario to accounts with roles, policies, documents, log groups and nodes.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use super::{
    logs::LogGroup,
    model::{Account, Document, DocumentVersion, InstanceProfile, ManagedPolicy, Node, RegionState, Role, Trust},
};
use crate::sim::scenario::{Os, RoleSpec, Scenario};

/// The accounts of a scenario by id.
pub fn build(scenario: &Scenario, start: Timestamp) -> BTreeMap<String, Account> {
    let management: Vec<String> = scenario
        .accounts
        .iter()
        .filter(|account| account.management || account.log_archive)
        .map(|account| account.id.clone())
        .collect();
    let mut accounts = BTreeMap::new();
    for (number, spec) in scenario.accounts.iter().enumerate() {
        let joined = days_before(start, 900 - 60 * number as i64);
        let mut account = Account {
            id: spec.id.clone(),
            name: spec.name.clone(),
            email: spec.email.clone().unwrap_or_else(|| format!("aws+{}@example.com", spec.name)),
            joined,
            management: spec.management,
            log_archive: spec.log_archive,
            denied: spec.denied.clone(),
            throttles: spec.throttles.clone(),
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            instance_profiles: BTreeMap::new(),
            regions: BTreeMap::new(),
        };
        add_policies(&mut account, scenario, joined);
        let trust = if spec.refuses_assume_role {
            Trust::Nobody
        } else {
            Trust::Accounts { ids: management.clone(), external_id: scenario.external_id.clone() }
        };
        add_watch_role(&mut account, trust, joined);
        for role in scenario.roles.iter().filter(|role| applies(&role.account, &spec.id, &spec.name)) {
            add_role(&mut account, scenario, role, joined);
        }
        add_owners(&mut account, scenario, joined);
        for region in &scenario.regions {
            let state = region_state(scenario, &account, region, start);
            account.regions.insert(region.clone(), state);
        }
        accounts.insert(account.id.clone(), account);
    }
    accounts
}

/// Whether a selector of the scenario means the account with that id and name.
pub fn applies(selector: &str, id: &str, name: &str) -> bool {
    selector == "*" || selector == id || selector == name
}

fn days_before(start: Timestamp, days: i64) -> Timestamp {
    start.checked_sub((days * 24).hours()).unwrap_or(start)
}

fn fill(text: &str, account: &str, region: &str) -> String {
    text.replace("{account}", account).replace("{region}", region)
}

/// A stable number for a name (FNV-1a): ids that must not depend on the seed.
pub fn stable_hash(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0x1f])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // One more round of mixing: the low bits of FNV over short names are alike.
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 29)
}

/// An IAM unique id: prefix and 17 letters or digits of base 32.
pub fn unique_id(prefix: &str, name: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut numbers = fastrand::Rng::with_seed(stable_hash(&[prefix, name]));
    let tail = (0..17).map(|_| char::from(ALPHABET.get(numbers.usize(..32)).copied().unwrap_or(b'A')));
    prefix.chars().chain(tail).collect()
}

/// When AWS made what it gives to all accounts: 15 March 2019, the day of AmazonSSMManagedInstanceCore.
const AWS_MANAGED_SINCE: Timestamp = Timestamp::constant(1_552_670_972, 0);

fn add_policies(account: &mut Account, scenario: &Scenario, created: Timestamp) {
    for spec in &scenario.policies {
        if !applies(&spec.account, &account.id, &account.name) {
            continue;
        }
        let names = if spec.name.contains("{region}") {
            scenario.regions.iter().map(|region| (fill(&spec.name, &account.id, region), region.as_str())).collect()
        } else {
            vec![(fill(&spec.name, &account.id, ""), scenario.regions.first().map_or("", String::as_str))]
        };
        for (name, region) in names {
            let owner = if spec.aws_managed { "aws" } else { account.id.as_str() };
            let arn = format!("arn:aws:iam::{owner}:policy{}{name}", spec.path);
            account.policies.insert(
                arn.clone(),
                ManagedPolicy {
                    policy_id: unique_id("ANPA", &arn),
                    path: spec.path.clone(),
                    arn,
                    create_date: if spec.aws_managed { AWS_MANAGED_SINCE } else { created },
                    description: spec.description.clone(),
                    document: fill(&spec.document, &account.id, region),
                    name,
                },
            );
        }
    }
}

/// ARNs that a policy name or ARN of the scenario means in that account.
pub fn policy_arns(account: &Account, regions: &[String], name: &str) -> Vec<String> {
    let names: Vec<String> = if name.contains("{region}") {
        regions.iter().map(|region| fill(name, &account.id, region)).collect()
    } else {
        vec![fill(name, &account.id, "")]
    };
    names
        .into_iter()
        .map(|name| {
            if name.starts_with("arn:") {
                return name;
            }
            let known = account.policies.values().find(|policy| policy.name == name).map(|policy| policy.arn.clone());
            known.unwrap_or_else(|| format!("arn:aws:iam::{}:policy/{name}", account.id))
        })
        .collect()
}

fn add_watch_role(account: &mut Account, trust: Trust, created: Timestamp) {
    let arn = format!("arn:aws:iam::{}:role/ssmwatch", account.id);
    account.roles.insert(
        "ssmwatch".into(),
        Role {
            name: "ssmwatch".into(),
            path: "/".into(),
            role_id: role_id(&arn),
            arn,
            create_date: created,
            description: Some("Read access and TerminateSession for the session dashboard".into()),
            trust,
            boundary: None,
            tags: BTreeMap::new(),
            attached: Vec::new(),
            inline: BTreeMap::from([("ssmwatch".into(), watch_policy())]),
        },
    );
}

/// Roles that people of the scenario have assumed, in the accounts that they work in.
fn add_owners(account: &mut Account, scenario: &Scenario, created: Timestamp) {
    let mine = |selector: &str| applies(selector, &account.id, &account.name);
    let nodes: Vec<_> = scenario.nodes.iter().filter(|node| mine(&node.account)).collect();
    let here = |name: &str| nodes.iter().any(|node| (1..=node.count).any(|number| node.numbered(number) == name));
    let cast = scenario.cast.iter().filter(|session| here(&session.node)).map(|session| session.owner.as_str());
    let crowd = scenario.crowd.iter().filter(|_| nodes.iter().any(|node| node.crowd));
    let crowd = crowd.flat_map(|crowd| crowd.owners.iter().map(String::as_str));
    let generated = scenario.generate.iter().map(|_| "arn:aws:sts::{account}:assumed-role/FleetOperator/operator");
    let owners: Vec<String> =
        cast.chain(crowd).chain(generated).map(|owner| owner.replace("{account}", &account.id)).collect();
    let prefix = format!("arn:aws:sts::{}:assumed-role/", account.id);
    for name in owners.iter().filter_map(|owner| owner.strip_prefix(&prefix)?.split('/').next()) {
        let arn = role_arn(&account.id, name);
        let sso = name.starts_with("AWSReservedSSO_");
        account.roles.entry(name.to_owned()).or_insert_with(|| Role {
            name: name.to_owned(),
            path: if sso { SSO_PATH } else { "/" }.to_owned(),
            role_id: role_id(&arn),
            arn,
            create_date: created,
            description: None,
            trust: if sso {
                Trust::SingleSignOn { account: account.id.clone() }
            } else {
                Trust::Accounts { ids: vec![account.id.clone()], external_id: String::new() }
            },
            boundary: None,
            tags: BTreeMap::new(),
            attached: Vec::new(),
            inline: BTreeMap::new(),
        });
    }
}

/// Path of the roles that IAM Identity Center makes.
const SSO_PATH: &str = "/aws-reserved/sso.amazonaws.com/";

/// ARN of the role of that name which people assume.
pub fn role_arn(account: &str, name: &str) -> String {
    let path = if name.starts_with("AWSReservedSSO_") { SSO_PATH } else { "/" };
    format!("arn:aws:iam::{account}:role{path}{name}")
}

/// The unique id of the role of that ARN.
pub fn role_id(arn: &str) -> String {
    unique_id("AROA", arn)
}

/// The unique id of the user of that ARN.
pub fn user_id(arn: &str) -> String {
    unique_id("AIDA", arn)
}

fn watch_policy() -> String {
    serde_json::json!({"Version": "2012-10-17", "Statement": [{"Sid": "Look", "Effect": "Allow", "Resource": "*", "Action": [
        "ssm:Describe*", "ssm:Get*", "ssm:ListTagsForResource", "ssm:TerminateSession", "tag:GetResources", "logs:Describe*",
        "logs:GetLogEvents", "logs:FilterLogEvents", "logs:StartLiveTail", "iam:Get*", "iam:List*", "s3:GetObject", "s3:ListBucket",
        "iam:PutRolePolicy", "iam:DeleteRolePolicy", "cloudtrail:LookupEvents", "cloudwatch:PutMetricData", "sns:Publish", "organizations:ListAccounts"]}]})
    .to_string()
}

fn add_role(account: &mut Account, scenario: &Scenario, spec: &RoleSpec, created: Timestamp) {
    let arn = format!("arn:aws:iam::{}:role{}{}", account.id, spec.path, spec.name);
    let attached =
        spec.attached.iter().flat_map(|name| policy_arns(account, &scenario.regions, name)).collect::<Vec<_>>();
    let boundary =
        spec.boundary.as_ref().and_then(|name| policy_arns(account, &scenario.regions, name).into_iter().next());
    if spec.service == "ec2.amazonaws.com" {
        let profile_arn = format!("arn:aws:iam::{}:instance-profile{}{}", account.id, spec.path, spec.name);
        account.instance_profiles.insert(
            spec.name.clone(),
            InstanceProfile {
                name: spec.name.clone(),
                profile_id: unique_id("AIPA", &profile_arn),
                arn: profile_arn,
                create_date: created,
                role: spec.name.clone(),
            },
        );
    }
    account.roles.insert(
        spec.name.clone(),
        Role {
            name: spec.name.clone(),
            path: spec.path.clone(),
            role_id: role_id(&arn),
            arn,
            create_date: created,
            description: spec.description.clone(),
            trust: Trust::Service(spec.service.clone()),
            boundary,
            tags: spec.tags.clone(),
            attached,
            inline: spec
                .inline
                .iter()
                .map(|(name, document)| (name.clone(), fill(document, &account.id, "")))
                .collect(),
        },
    );
}

fn region_state(scenario: &Scenario, account: &Account, region: &str, start: Timestamp) -> RegionState {
    let mut state = RegionState { topics: vec![scenario.member_topic.clone()], ..RegionState::default() };
    let central = format!("arn:aws:sns:{region}:{}:", account.id);
    if let Some(name) = scenario.central_topic.strip_prefix(&central) {
        state.topics.push(name.to_owned());
    }
    for (name, content) in super::documents::amazon_documents() {
        let versions = vec![DocumentVersion { content, created: AWS_MANAGED_SINCE }];
        let document = Document {
            name: name.into(),
            owner: "Amazon".into(),
            versions,
            default_version: 1,
            shared_with: vec!["all".into()],
            tags: BTreeMap::new(),
        };
        state.documents.insert(name.into(), document);
    }
    for spec in scenario.documents.iter().filter(|spec| {
        applies(&spec.account, &account.id, &account.name) && (spec.region == "*" || spec.region == region)
    }) {
        if spec.absent {
            state.documents.remove(&spec.name);
            continue;
        }
        let count = spec.versions.len();
        let versions = spec.versions.iter().enumerate().map(|(number, content)| DocumentVersion {
            content: fill(content, &account.id, region).trim().to_owned(),
            created: days_before(start, 30 * (count - number) as i64),
        });
        let document = Document {
            name: spec.name.clone(),
            owner: account.id.clone(),
            versions: versions.collect(),
            default_version: spec.default_version.unwrap_or(count),
            shared_with: spec.shared_with.clone(),
            tags: spec.tags.clone(),
        };
        state.documents.insert(spec.name.clone(), document);
    }
    let missing = scenario.missing_log_groups.iter().any(|place| {
        applies(&place.account, &account.id, &account.name) && (place.region == "*" || place.region == region)
    });
    if !missing {
        let mut group = LogGroup::new(&scenario.log_group, days_before(start, 400));
        group.retention_days = Some(365);
        group.kms_key = Some(format!(
            "arn:aws:kms:{region}:{}:key/{}",
            account.id,
            uuid_from(stable_hash(&["logs-key", &account.id, region]))
        ));
        state.log_groups.insert(group.name.clone(), group);
    }
    for spec in scenario.log_groups.iter().filter(|spec| {
        applies(&spec.account, &account.id, &account.name) && (spec.region == "*" || spec.region == region)
    }) {
        let mut group = LogGroup::new(&spec.name, days_before(start, 300));
        group.retention_days = spec.retention_days;
        group.kms_key = spec.kms_key.as_ref().map(|key| fill(key, &account.id, region));
        state.log_groups.insert(spec.name.clone(), group);
    }
    add_nodes(&mut state, scenario, account, region, start);
    state
}

fn add_nodes(state: &mut RegionState, scenario: &Scenario, account: &Account, region: &str, start: Timestamp) {
    for spec in
        scenario.nodes.iter().filter(|spec| applies(&spec.account, &account.id, &account.name) && spec.region == region)
    {
        for number in 1..=spec.count {
            let name = spec.numbered(number);
            let hash = stable_hash(&[&account.id, region, &name]);
            let id = match (&spec.id, spec.count) {
                (Some(id), 1) => id.clone(),
                _ => node_id(spec.hybrid, hash),
            };
            let mut tags = spec.tags.clone();
            tags.insert("Name".into(), name.clone());
            let octets = ((hash >> 8) % 16, (hash >> 16) % 250 + 4);
            let ip_address = if id.starts_with("mi-") {
                format!("192.0.2.{}", octets.1)
            } else {
                format!("10.{}.{}.{}", hash % 200 + 10, octets.0, octets.1)
            };
            let computer_name = match spec.os {
                Os::Windows => format!("EC2AMAZ-{:07X}", hash & 0x0fff_ffff),
                _ if id.starts_with("mi-") => format!("{name}.corp.example.com"),
                _ => format!("ip-{}.{region}.compute.internal", ip_address.replace('.', "-")),
            };
            let activation_id = id.starts_with("mi-").then(|| uuid_from(stable_hash(&["activation", &name])));
            let node = Node {
                name,
                os: spec.os,
                agent_version: spec.agent_version.clone(),
                role: spec.role.clone(),
                tags,
                online: spec.online,
                last_ping: (!spec.online).then(|| days_before(start, 2)),
                ip_address,
                computer_name,
                instance_type: match hash % 4 {
                    0 => "m6i.large",
                    1 => "t3.medium",
                    2 => "c6i.xlarge",
                    _ => "r6i.large",
                }
                .into(),
                registered: days_before(start, (hash % 200) as i64 + 3),
                activation_id,
                crowd: spec.crowd,
                id: id.clone(),
            };
            state.nodes.insert(id, node);
        }
    }
}

/// A node id of 17 hex digits.
pub fn node_id(hybrid: bool, hash: u64) -> String {
    let digits = format!("{:016x}", hash);
    if hybrid { format!("mi-0{digits}") } else { format!("i-0{digits}") }
}

/// A random-looking UUID (version 4 shape) of a number.
pub fn uuid_from(seed: u64) -> String {
    let mut numbers = fastrand::Rng::with_seed(seed);
    let high = numbers.u64(..) & !0xf000 | 0x4000;
    let low = numbers.u64(..) & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
