//! Identity and Access Management, the reading half; `iam_tags` and `iam_inline` have what changes. IAM is global: every region sees the same.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::{iam_inline, iam_tags, page_token, unknown_operation},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{
        World,
        model::{Account, InstanceProfile, ManagedPolicy, Role},
    },
};

/// What Java's URL encoder leaves as it is, as policy documents come.
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const MARKER: &str = r"[\u0020-\u00FF]+";
const POLICY_PATH: &str = r"((/[A-Za-z0-9\.,\+@=_-]+)*)/";
const PATH_PREFIX: &str = r"\u002F[\u0021-\u007F]*";
/// Items of a page unless asked otherwise.
const PAGE: i64 = 100;

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    let read: fn(&Account, &Input<'_>) -> Result<Value, AwsError> = match operation {
        "TagRole" => return iam_tags::tag_role(world, call),
        "UntagRole" => return iam_tags::untag_role(world, call),
        "PutRolePolicy" => return iam_inline::put_role_policy(world, call),
        "DeleteRolePolicy" => return iam_inline::delete_role_policy(world, call),
        "GetRole" => get_role,
        "GetInstanceProfile" => get_instance_profile,
        "GetPolicy" => get_policy,
        "GetPolicyVersion" => get_policy_version,
        "GetRolePolicy" => get_role_policy,
        "ListRoleTags" => list_role_tags,
        "ListAttachedRolePolicies" => list_attached_role_policies,
        "ListRolePolicies" => list_role_policies,
        "ListRoles" => list_roles,
        "ListPolicies" => list_policies,
        "ListPolicyVersions" => list_policy_versions,
        "ListInstanceProfiles" => list_instance_profiles,
        "ListInstanceProfilesForRole" => list_instance_profiles_for_role,
        "ListAccountAliases" => list_account_aliases,
        _ => return Err(unknown_operation()),
    };
    // Authentication has found the account in this very map.
    let account = world.accounts.get(&call.caller.account).ok_or_else(|| {
        AwsError::client("InvalidClientTokenId", "The security token included in the request is invalid.")
            .with_status(403)
    })?;
    read(account, &Input::new(&call.input)).map(Reply::Output)
}

fn get_role(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let role = role(account, input)?;
    Ok(Value::structure([("Role", role_value(role, true))]))
}

fn get_instance_profile(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let name = input.required_text_of("InstanceProfileName", 1..=128);
    input.finish(Style::Query)?;
    check_name("instanceProfileName", name)?;
    let profile = account
        .instance_profiles
        .get(name)
        .ok_or_else(|| no_such_entity(format!("Instance Profile {name} cannot be found.")))?;
    Ok(Value::structure([("InstanceProfile", profile_value(account, profile).with("Tags", Value::List(Vec::new())))]))
}

fn get_policy(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let policy = policy(account, input, None)?;
    Ok(Value::structure([("Policy", policy_value(account, policy, true))]))
}

fn get_policy_version(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let version = input.required_text("VersionId");
    input.pattern("VersionId", r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?");
    let policy = policy(account, input, Some(version))?;
    if version != "v1" {
        return Err(no_such_entity(format!(
            "Policy {} version {version} does not exist or is not attachable.",
            policy.arn
        )));
    }
    Ok(Value::structure([("PolicyVersion", version_value(policy, true))]))
}

fn get_role_policy(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let name = input.required_text_of("PolicyName", 1..=128);
    check_name("policyName", name)?;
    let role = role(account, input)?;
    let document = role
        .inline
        .get(name)
        .ok_or_else(|| no_such_entity(format!("The role policy with name {name} cannot be found.")))?;
    Ok(Value::structure([
        ("RoleName", role.name.as_str().into()),
        ("PolicyName", name.into()),
        ("PolicyDocument", encoded(document).into()),
    ]))
}

fn list_role_tags(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let role = role(account, input)?;
    page.answer("Tags", tags(role))
}

fn list_attached_role_policies(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let prefix = input.text_of("PathPrefix", 1..=512).unwrap_or("/");
    input.pattern("PathPrefix", POLICY_PATH);
    let role = role(account, input)?;
    let attached = role.attached.iter().filter(|arn| policy_path(arn).starts_with(prefix)).map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        Value::structure([("PolicyName", name.into()), ("PolicyArn", arn.into())])
    });
    page.answer("AttachedPolicies", attached.collect())
}

fn list_role_policies(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let role = role(account, input)?;
    page.answer("PolicyNames", role.inline.keys().map(Value::from).collect())
}

fn list_roles(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let prefix = path_prefix(input);
    input.finish(Style::Query)?;
    let roles = account.roles.values().filter(|role| role.path.starts_with(prefix));
    page.answer("Roles", roles.map(|role| role_value(role, false)).collect())
}

fn list_policies(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let scope = input.enumeration("Scope", &["All", "AWS", "Local"]).unwrap_or("All");
    let attached_only = input.boolean("OnlyAttached").unwrap_or(false);
    let prefix = input.text_of("PathPrefix", 1..=512).unwrap_or("/");
    input.pattern("PathPrefix", POLICY_PATH);
    let usage = input.enumeration("PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"]);
    input.finish(Style::Query)?;
    let policies = account.policies.values().filter(|policy| {
        let aws = policy.arn.starts_with("arn:aws:iam::aws:");
        let (attachments, boundaries) = usage_counts(account, policy);
        (scope == "All" || (scope == "AWS") == aws)
            && policy.path.starts_with(prefix)
            && match usage {
                Some("PermissionsBoundary") => boundaries > 0,
                Some(_) => attachments > 0,
                None => !attached_only || attachments > 0,
            }
    });
    page.answer("Policies", policies.map(|policy| policy_value(account, policy, false)).collect())
}

fn list_policy_versions(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let policy = policy(account, input, None)?;
    page.answer("Versions", vec![version_value(policy, false)])
}

fn list_instance_profiles(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let prefix = path_prefix(input);
    input.finish(Style::Query)?;
    let profiles = account.instance_profiles.values().filter(|profile| profile_path(profile).starts_with(prefix));
    page.answer("InstanceProfiles", profiles.map(|profile| profile_value(account, profile)).collect())
}

fn list_instance_profiles_for_role(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    let role = role(account, input)?;
    let profiles = account.instance_profiles.values().filter(|profile| profile.role == role.name);
    page.answer("InstanceProfiles", profiles.map(|profile| profile_value(account, profile)).collect())
}

fn list_account_aliases(account: &Account, input: &Input<'_>) -> Result<Value, AwsError> {
    let page = Page::of(input);
    input.finish(Style::Query)?;
    page.answer("AccountAliases", vec![Value::from(&account.name)])
}

/// The words for a name with letters that IAM's names do not have.
pub(super) fn check_name(member: &str, name: &str) -> Result<(), AwsError> {
    if name.chars().all(|letter| letter.is_ascii_alphanumeric() || "+=,.@_-".contains(letter)) {
        return Ok(());
    }
    Err(AwsError::client(
        "ValidationError",
        format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        ),
    ))
}

/// The role that the input names; ends the reading of the input.
fn role<'a>(account: &'a Account, input: &Input<'_>) -> Result<&'a Role, AwsError> {
    let name = input.required_text_of("RoleName", 1..=64);
    input.finish(Style::Query)?;
    check_name("roleName", name)?;
    account.roles.get(name).ok_or_else(|| no_such_entity(format!("The role with name {name} cannot be found.")))
}

/// The policy that the input names; ends the reading of the input.
fn policy<'a>(account: &'a Account, input: &Input<'_>, version: Option<&str>) -> Result<&'a ManagedPolicy, AwsError> {
    let arn = input.required_text_of("PolicyArn", 20..=2048);
    input.finish(Style::Query)?;
    let rest = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":policy/"));
    if rest.is_none() {
        return Err(AwsError::client("InvalidInput", format!("ARN {arn} is not valid.")));
    }
    account.policies.get(arn).ok_or_else(|| {
        no_such_entity(match version {
            Some(version) => format!("Policy {arn} version {version} does not exist or is not attachable."),
            None => format!("Policy {arn} was not found."),
        })
    })
}

fn path_prefix<'a>(input: &Input<'a>) -> &'a str {
    input.pattern("PathPrefix", PATH_PREFIX);
    input.text_of("PathPrefix", 1..=512).unwrap_or("/")
}

pub(super) fn no_such_entity(message: String) -> AwsError {
    AwsError::client("NoSuchEntity", message).with_status(404)
}

/// `Marker` and `MaxItems` of a listing.
struct Page<'a> {
    marker: Option<&'a str>,
    size: usize,
}

impl<'a> Page<'a> {
    fn of(input: &Input<'a>) -> Self {
        let marker = input.text_of("Marker", 1..=320);
        input.pattern("Marker", MARKER);
        let size = input.int("MaxItems", 1..=1000).unwrap_or(PAGE);
        Self { marker, size: usize::try_from(size).unwrap_or(1) }
    }

    /// One page of a listing under the member of that name.
    fn answer(&self, member: &str, items: Vec<Value>) -> Result<Value, AwsError> {
        let start = match self.marker {
            None => 0,
            Some(marker) => page_token::decode(&["iam", member], marker)
                .and_then(|position| position.parse::<usize>().ok())
                .filter(|start| *start <= items.len())
                .ok_or_else(|| AwsError::client("ValidationError", format!("Invalid Marker: {marker}")))?,
        };
        let end = (start + self.size).min(items.len());
        let more = end < items.len();
        let page: Vec<Value> = items.into_iter().skip(start).take(end - start).collect();
        let mut output = Value::structure([(member, Value::List(page)), ("IsTruncated", more.into())]);
        if more {
            output.push("Marker", page_token::encode(&["iam", member], &end.to_string()));
        }
        Ok(output)
    }
}

/// Everything of a role; listings and instance profiles leave the details out.
fn role_value(role: &Role, details: bool) -> Value {
    let mut value = Value::structure([
        ("Path", role.path.as_str().into()),
        ("RoleName", role.name.as_str().into()),
        ("RoleId", role.role_id.as_str().into()),
        ("Arn", role.arn.as_str().into()),
        ("CreateDate", role.create_date.into()),
        ("AssumeRolePolicyDocument", encoded(&role.trust.document()).into()),
        ("Description", role.description.as_deref().into()),
        ("MaxSessionDuration", Value::Int(3600)),
    ]);
    if details {
        if let Some(arn) = &role.boundary {
            value.push(
                "PermissionsBoundary",
                Value::structure([
                    // The documentation says PermissionsBoundaryPolicy, the service answers Policy.
                    ("PermissionsBoundaryType", "Policy".into()),
                    ("PermissionsBoundaryArn", arn.into()),
                ]),
            );
        }
        let tags = tags(role);
        if !tags.is_empty() {
            value.push("Tags", tags);
        }
        value.push("RoleLastUsed", Value::empty());
    }
    value
}

fn tags(role: &Role) -> Vec<Value> {
    role.tags.iter().map(|(key, value)| Value::structure([("Key", key.into()), ("Value", value.into())])).collect()
}

fn profile_value(account: &Account, profile: &InstanceProfile) -> Value {
    let roles = account.roles.get(&profile.role).map(|role| role_value(role, false));
    Value::structure([
        ("Path", profile_path(profile).into()),
        ("InstanceProfileName", profile.name.as_str().into()),
        ("InstanceProfileId", profile.profile_id.as_str().into()),
        ("Arn", profile.arn.as_str().into()),
        ("CreateDate", profile.create_date.into()),
        ("Roles", Value::list(roles)),
    ])
}

/// The path between `instance-profile` and the name.
fn profile_path(profile: &InstanceProfile) -> &str {
    let path = profile.arn.split_once(":instance-profile").map_or("/", |(_, path)| path);
    path.strip_suffix(profile.name.as_str()).unwrap_or("/")
}

/// The path between `policy` and the name.
fn policy_path(arn: &str) -> &str {
    let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
    path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or("/")
}

fn policy_value(account: &Account, policy: &ManagedPolicy, details: bool) -> Value {
    let (attachments, boundaries) = usage_counts(account, policy);
    let mut value = Value::structure([
        ("PolicyName", policy.name.as_str().into()),
        ("PolicyId", policy.policy_id.as_str().into()),
        ("Arn", policy.arn.as_str().into()),
        ("Path", policy.path.as_str().into()),
        ("DefaultVersionId", "v1".into()),
        ("AttachmentCount", Value::Int(attachments)),
        ("PermissionsBoundaryUsageCount", Value::Int(boundaries)),
        ("IsAttachable", true.into()),
        ("CreateDate", policy.create_date.into()),
        ("UpdateDate", policy.create_date.into()),
    ]);
    if details {
        // ListPolicies leaves both out.
        value.push("Description", policy.description.as_deref());
        value.push("Tags", Value::List(Vec::new()));
    }
    value
}

fn usage_counts(account: &Account, policy: &ManagedPolicy) -> (i64, i64) {
    let count = |used: &dyn Fn(&Role) -> bool| {
        i64::try_from(account.roles.values().filter(|role| used(role)).count()).unwrap_or(i64::MAX)
    };
    (
        count(&|role| role.attached.contains(&policy.arn)),
        count(&|role| role.boundary.as_deref() == Some(policy.arn.as_str())),
    )
}

fn version_value(policy: &ManagedPolicy, document: bool) -> Value {
    let mut value = Value::empty();
    if document {
        value.push("Document", encoded(&policy.document));
    }
    value.with("VersionId", "v1").with("IsDefaultVersion", true).with("CreateDate", policy.create_date)
}

fn encoded(document: &str) -> String {
    utf8_percent_encode(document, DOCUMENT).to_string()
}
