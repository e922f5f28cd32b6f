//! Nodes: properties, tags, the policies of their roles.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use aws_sdk_ssm::types::{
    InstanceInformation, InstanceInformationStringFilter, InstanceProperty, InstancePropertyFilter,
    InstancePropertyFilterKey,
};

use super::{
    failure::other,
    page::{Page, all_pages},
    scope::{ScopeClient, timestamp},
};
use crate::domain::{Failure, Node, NodeId, NodeKind, NodeTags};

const INFORMATION: &str = "ssm:DescribeInstanceInformation";
/// Values of one filter and nodes of one page (service model: 1 to 100, 5 to 50).
const INFORMATION_A_REQUEST: usize = 50;
const INFORMATION_PAGE: i32 = 50;
const PROPERTIES: &str = "ssm:DescribeInstanceProperties";
/// The service's code for a node that is gone or was never there.
const UNKNOWN_NODE: &str = "InvalidInstanceId";
const PROFILE: &str = "iam:GetInstanceProfile";
const TAGS: &str = "tag:GetResources";
/// Values of one filter (service model: InstancePropertyFilterValueSet, 1 to 40).
const NODES_A_REQUEST: usize = 40;
/// ARNs of one GetResources request (service model).
const ARNS_A_REQUEST: usize = 100;
const PROPERTIES_PAGE: i32 = 1000;
const MOST_PAGES: usize = 20;

impl ScopeClient {
    /// Properties of the nodes `ids`, in batches; `None`: the service knows no such node. Ids that are no managed node's are left out.
    ///
    /// # Errors
    /// A classified failure of any batch. A failure to resolve one node's instance profile is that node's own.
    pub async fn describe_nodes(
        &self,
        ids: &[NodeId],
    ) -> Result<Vec<(NodeId, Result<Option<Node>, Failure>)>, Failure> {
        let mut seen: HashMap<String, InstanceProperty> = HashMap::new();
        let asked: Vec<&NodeId> = ids.iter().filter(|id| is_managed_node(id)).collect();
        let mut batches: Vec<Vec<&NodeId>> = asked.chunks(NODES_A_REQUEST).map(<[_]>::to_vec).collect();
        while let Some(batch) = batches.pop() {
            match self.properties_of(&batch).await {
                Ok(properties) => {
                    seen.extend(properties.into_iter().filter_map(|node| Some((node.instance_id.clone()?, node))));
                }
                // One node that is gone makes the service refuse the whole batch.
                Err(failure) if failure.code.as_deref() == Some(UNKNOWN_NODE) => {
                    batches.extend(without_named(batch, &failure.message));
                }
                Err(failure) => return Err(failure),
            }
        }
        let (informed, uninformed) = self.information_of(&seen).await;
        let profiles: BTreeSet<String> = seen
            .values()
            .filter_map(|node| match RoleName::parse(node.instance_role.as_deref()) {
                RoleName::Profile(name) => Some(name),
                _ => None,
            })
            .collect();
        let mut roles = HashMap::new();
        for profile in profiles {
            let role = self.role_of_profile(&profile).await;
            roles.insert(profile, role);
        }
        Ok(asked
            .into_iter()
            .map(|id| {
                let node = match seen.get(id.as_str()) {
                    None => Ok(None),
                    Some(properties) => {
                        let node = instance_role(properties, &roles).map(|role| domain(id, properties, role));
                        match (node, informed.get(id.as_str())) {
                            (Ok(node), Some(information)) => Ok(Some(with_information(node, information))),
                            // Without it the service role of a hybrid node is not known.
                            (Ok(node), None) if NodeKind::of(id) == NodeKind::Hybrid && node.iam_role.is_none() => {
                                uninformed.clone().map_or(Ok(Some(node)), Err)
                            }
                            (node, _) => node.map(Some),
                        }
                    }
                };
                (id.clone(), node)
            })
            .collect())
    }

    async fn properties_of(&self, batch: &[&NodeId]) -> Result<Vec<InstanceProperty>, Failure> {
        let filter = InstancePropertyFilter::builder()
            .key(InstancePropertyFilterKey::InstanceIds)
            .set_value_set(Some(batch.iter().map(|id| id.to_string()).collect()))
            .build()
            .map_err(|error| other(PROPERTIES, &error.to_string()))?;
        all_pages(PROPERTIES, MOST_PAGES, |token| {
            let request = self
                .ssm
                .describe_instance_properties()
                .instance_property_filter_list(filter.clone())
                .max_results(PROPERTIES_PAGE)
                .set_next_token(token);
            async move {
                let answer = self.send(PROPERTIES, request.send()).await?;
                Ok(Page { next: answer.next_token, items: answer.instance_properties.unwrap_or_default() })
            }
        })
        .await
    }

    /// What DescribeInstanceInformation knows beyond the properties: service roles of hybrid nodes, and what an agent reports
    /// that the properties lack. Only nodes that the service has just shown are asked for; beside them, what failed.
    async fn information_of(
        &self,
        seen: &HashMap<String, InstanceProperty>,
    ) -> (HashMap<String, InstanceInformation>, Option<Failure>) {
        let lacking = |node: &InstanceProperty| node.agent_version.is_none() || node.ping_status.is_none();
        let mut wanted: Vec<&String> =
            seen.iter().filter(|(id, node)| id.starts_with("mi-") || lacking(node)).map(|(id, _)| id).collect();
        wanted.sort();
        let (mut informed, mut failed) = (HashMap::new(), None);
        for batch in wanted.chunks(INFORMATION_A_REQUEST) {
            let read = all_pages(INFORMATION, MOST_PAGES, |token| {
                let ids = batch.iter().map(|id| (*id).clone()).collect();
                let filter =
                    InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(ids)).build();
                async move {
                    let filter = filter.map_err(|error| other(INFORMATION, &error.to_string()))?;
                    let request = self.ssm.describe_instance_information().filters(filter);
                    let request = request.max_results(INFORMATION_PAGE).set_next_token(token);
                    let answer = self.send(INFORMATION, request.send()).await?;
                    Ok(Page { next: answer.next_token, items: answer.instance_information_list.unwrap_or_default() })
                }
            });
            match read.await {
                Ok(nodes) => {
                    informed.extend(nodes.into_iter().filter_map(|node| Some((node.instance_id.clone()?, node))))
                }
                Err(failure) => failed = Some(failure),
            }
        }
        (informed, failed)
    }

    /// The role in an instance profile; `None`: the profile holds no role.
    pub(super) async fn role_of_profile(&self, profile: &str) -> Result<Option<Arc<str>>, Failure> {
        let request = self.iam.get_instance_profile().instance_profile_name(profile);
        let answer = self.send(PROFILE, request.send()).await?;
        let role = answer.instance_profile.and_then(|profile| profile.roles.into_iter().next());
        Ok(role.map(|role| role.role_name.into()))
    }

    /// Tags of the nodes `ids`; an untagged node has an empty map. Ids that are no managed node's are left out.
    ///
    /// # Errors
    /// A classified failure of any batch.
    pub async fn node_tags(&self, ids: &[NodeId]) -> Result<Vec<(NodeId, NodeTags)>, Failure> {
        let arns: HashMap<String, &NodeId> =
            ids.iter().filter(|id| is_managed_node(id)).map(|id| (self.node_arn(id), id)).collect();
        let mut tags: HashMap<&NodeId, BTreeMap<String, String>> =
            arns.values().map(|id| (*id, BTreeMap::new())).collect();
        let mut wanted: Vec<&String> = arns.keys().collect();
        wanted.sort();
        for batch in wanted.chunks(ARNS_A_REQUEST) {
            let request = self
                .tagging
                .get_resources()
                .set_resource_arn_list(Some(batch.iter().map(|arn| (*arn).clone()).collect()));
            let answer = self.send(TAGS, request.send()).await?;
            for resource in answer.resource_tag_mapping_list.unwrap_or_default() {
                let node = resource.resource_arn.as_ref().and_then(|arn| arns.get(arn)).and_then(|id| tags.get_mut(id));
                if let Some(node) = node {
                    node.extend(resource.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
                }
            }
        }
        Ok(tags.into_iter().map(|(id, tags)| (id.clone(), Arc::new(tags))).collect())
    }

    fn node_arn(&self, id: &NodeId) -> String {
        let (account, region) = (&self.id.account, &self.id.region);
        let partition = partition(region.as_str());
        match NodeKind::of(id) {
            NodeKind::Hybrid => format!("arn:{partition}:ssm:{region}:{account}:managed-instance/{id}"),
            _ => format!("arn:{partition}:ec2:{region}:{account}:instance/{id}"),
        }
    }
}

/// What to ask for after the service refused `batch` for nodes that it does not know: the rest, if its words name them; else both halves, down
/// to the single node that it is.
fn without_named<'a>(batch: Vec<&'a NodeId>, words: &str) -> Vec<Vec<&'a NodeId>> {
    let named: BTreeSet<&str> = words.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').collect();
    let rest: Vec<&NodeId> = batch.iter().copied().filter(|id| !named.contains(id.as_str())).collect();
    if rest.len() < batch.len() {
        return if rest.is_empty() { Vec::new() } else { vec![rest] };
    }
    if batch.len() < 2 {
        return Vec::new();
    }
    let (first, second) = batch.split_at(batch.len() / 2);
    vec![first.to_vec(), second.to_vec()]
}

/// `i-` or `mi-` and hexadecimal digits: one odd id would make the service refuse the whole batch.
fn is_managed_node(id: &NodeId) -> bool {
    let digits = id.as_str().strip_prefix("mi-").or_else(|| id.as_str().strip_prefix("i-"));
    digits.is_some_and(|digits| (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The partition that a region lies in (`aws`, `aws-cn`, `aws-us-gov`).
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// What `InstanceRole` may hold.
#[derive(Debug, PartialEq, Eq)]
enum RoleName {
    /// Nothing.
    Absent,
    /// A role: bare, or from a role's ARN.
    Role(String),
    /// An instance profile's ARN; the role has to be asked for.
    Profile(String),
}

impl RoleName {
    fn parse(text: Option<&str>) -> Self {
        let text = text.map(str::trim).unwrap_or_default();
        let last = text.rsplit('/').next().unwrap_or(text);
        if last.is_empty() {
            Self::Absent
        } else if text.starts_with("arn:") && text.contains(":instance-profile/") {
            Self::Profile(last.to_owned())
        } else {
            Self::Role(last.to_owned())
        }
    }
}

fn instance_role(
    node: &InstanceProperty,
    roles: &HashMap<String, Result<Option<Arc<str>>, Failure>>,
) -> Result<Option<Arc<str>>, Failure> {
    match RoleName::parse(node.instance_role.as_deref()) {
        RoleName::Absent => Ok(None),
        RoleName::Role(name) => Ok(Some(name.into())),
        RoleName::Profile(name) => match roles.get(&name) {
            Some(role) => role.clone(),
            None => Err(other(PROFILE, "the instance profile was not looked up")),
        },
    }
}

/// What the information adds where the properties are silent.
fn with_information(node: Node, information: &InstanceInformation) -> Node {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Arc::from);
    let role = match RoleName::parse(information.iam_role.as_deref()) {
        RoleName::Role(name) | RoleName::Profile(name) => Some(name.into()),
        RoleName::Absent => None,
    };
    Node {
        iam_role: node.iam_role.or(role),
        name: node.name.or_else(|| text(information.name.as_deref())),
        agent_version: node.agent_version.or_else(|| text(information.agent_version.as_deref())),
        platform: node.platform.or_else(|| text(information.platform_type.as_ref().map(|kind| kind.as_str()))),
        ping_status: node.ping_status.or_else(|| text(information.ping_status.as_ref().map(|status| status.as_str()))),
        last_ping: node.last_ping.or_else(|| information.last_ping_date_time.as_ref().and_then(timestamp)),
        ..node
    }
}

fn domain(id: &NodeId, node: &InstanceProperty, instance_role: Option<Arc<str>>) -> Node {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Arc::from);
    let role = match RoleName::parse(node.iam_role.as_deref()) {
        RoleName::Role(name) | RoleName::Profile(name) => Some(name.into()),
        RoleName::Absent => None,
    };
    Node {
        id: id.clone(),
        name: text(node.name.as_deref()).or_else(|| text(node.computer_name.as_deref())),
        instance_role,
        iam_role: role,
        agent_version: text(node.agent_version.as_deref()),
        platform: text(node.platform_type.as_ref().map(|platform| platform.as_str())),
        ping_status: text(node.ping_status.as_ref().map(|status| status.as_str())),
        last_ping: node.last_ping_date_time.as_ref().and_then(timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_from_names_and_arns() {
        let role = |name: &str| RoleName::Role(name.into());
        assert_eq!(RoleName::parse(None), RoleName::Absent);
        assert_eq!(RoleName::parse(Some("")), RoleName::Absent);
        assert_eq!(RoleName::parse(Some("web")), role("web"));
        assert_eq!(RoleName::parse(Some("service-role/web")), role("web"));
        assert_eq!(RoleName::parse(Some("arn:aws:iam::111122223333:role/path/web")), role("web"));
        assert_eq!(
            RoleName::parse(Some("arn:aws:iam::111122223333:instance-profile/path/web")),
            RoleName::Profile("web".into())
        );
    }

    #[test]
    fn nodes_that_are_gone_are_left_out_of_the_next_try() {
        let ids: Vec<NodeId> = ["i-00000001", "i-00000002", "i-0000000211111111"].map(NodeId::from).into();
        let [one, two, three] = &*ids else { unreachable!() };
        let after = |batch: &[&NodeId], words: &str| -> Vec<Vec<String>> {
            let next = without_named(ids.iter().filter(|id| batch.contains(id)).collect(), words);
            next.iter().map(|batch| batch.iter().map(|id| id.to_string()).collect()).collect()
        };
        let all = [one, two, three];
        assert_eq!(
            after(&all, "Instances [[i-00000002]] not in a valid state"),
            [["i-00000001", "i-0000000211111111"]]
        );
        assert!(after(&[one], "Instances [[i-00000001]]").is_empty());
        assert!(after(&all, "[[i-00000001, i-00000002, i-0000000211111111]]").is_empty());
        assert_eq!(after(&all, "some node"), [vec!["i-00000001"], vec!["i-00000002", "i-0000000211111111"]]);
        assert!(after(&[two], "some node").is_empty());
    }

    #[test]
    fn only_managed_nodes_are_asked_for() {
        for id in ["i-0123456789abcdef0", "mi-0123456789abcdef0", "i-01234567"] {
            assert!(is_managed_node(&id.into()), "{id}");
        }
        for id in ["ecs:cluster_task_runtime", "i-", "i-xyz", "", "i-0123456789abcdef0123"] {
            assert!(!is_managed_node(&id.into()), "{id}");
        }
    }
}
