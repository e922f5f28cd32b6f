//! The permissions in use, and what each is for.

use super::quarantine;
use crate::domain::QuarantineMethod;

/// A permission and what is lost without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequiredAction {
    /// The IAM action.
    pub action: &'static str,
    /// What is lost without it, for people.
    pub lost_without: &'static str,
    /// It changes something: not needed with `read_only`.
    pub acts: bool,
}

/// All permissions that ssmwatch uses, in the order of their weight. (sts:GetCallerIdentity needs none.)
pub fn required_actions() -> &'static [RequiredAction] {
    const fn read(action: &'static str, lost_without: &'static str) -> RequiredAction {
        RequiredAction { action, lost_without, acts: false }
    }
    const fn act(action: &'static str, lost_without: &'static str) -> RequiredAction {
        RequiredAction { action, lost_without, acts: true }
    }
    const ACTIONS: &[RequiredAction] = &[
        read("sts:AssumeRole", "accounts that are read through a role (a permission of the base credentials)"),
        read("ssm:DescribeSessions", "everything: no session is seen, no end is proven"),
        read("ssm:GetDocument", "preferences and session types: all rules on documents and logging"),
        read("ssm:DescribeInstanceProperties", "names, agents and roles of nodes: the rules on roles"),
        read("ssm:DescribeInstanceInformation", "service roles of hybrid nodes (IAM-04)"),
        read("iam:GetInstanceProfile", "the role of nodes that report only their instance profile"),
        read("ssm:DescribeDocument", "whose a session document is (DOC-04)"),
        read("ssm:DescribeDocumentPermission", "whether everybody may use a document (DOC-04, PRF-12)"),
        read("iam:ListAttachedRolePolicies", "the mandatory policy on node roles (IAM-01, IAM-04)"),
        read("iam:ListRolePolicies", "what a node's role is denied (IAM-02), and whether it changed (IAM-03)"),
        read("iam:GetRolePolicy", "what a node's role is denied (IAM-02), and whether it changed (IAM-03)"),
        read("iam:GetPolicy", "what a node's role is denied (IAM-02), and whether it changed (IAM-03)"),
        read("iam:GetPolicyVersion", "what a node's role is denied (IAM-02), and whether it changed (IAM-03)"),
        read("iam:GetRole", "permissions boundaries (IAM-02); tags of principals (WHO-04, APR-02)"),
        read("iam:GetUser", "tags of principals that are IAM users (WHO-04, APR-02)"),
        read("tag:GetResources", "node tags: rules that depend on tags (TAG-01)"),
        read(
            "cloudtrail:LookupEvents",
            "source address, second factor and parameters of sessions (WHO-02, WHO-03, DOC-05), approvals by tag (APR-01, APR-02)",
        ),
        read("logs:DescribeLogStreams", "whether a session is recorded (LOG-01)"),
        read("logs:DescribeLogGroups", "whether the log group exists (PRF-04)"),
        read(
            "logs:FilterLogEvents",
            "whether the recorder works and says the truth (LOG-02, LOG-04 to LOG-06, LOG-11)",
        ),
        read("logs:StartLiveTail", "events of all sessions within a second: they are polled instead"),
        read("logs:GetLogEvents", "transcripts"),
        read(
            "s3:GetObject",
            "whether a session's log reached the archive (LOG-07), and what it says (with kms:Decrypt, if the bucket has a key); on the log bucket",
        ),
        read("s3:ListBucket", "telling a missing object from a denied one (LOG-07); on the log bucket"),
        act("ssm:TerminateSession", "ending sessions"),
        act("sns:Publish", "alerts to topics"),
        act("cloudwatch:PutMetricData", "alert metrics"),
    ];
    ACTIONS
}

/// What quarantine needs beside them, where it is configured: the permissions of the management account for service control policies, those
/// of each account for revoking sessions. All of it only to act.
pub fn quarantine_actions(method: &QuarantineMethod) -> &'static [RequiredAction] {
    const fn act(action: &'static str, lost_without: &'static str) -> RequiredAction {
        RequiredAction { action, lost_without, acts: true }
    }
    const BY_POLICY: &[RequiredAction] = &[
        act(quarantine::DESCRIBE_POLICY, "quarantine: what the policy says cannot be shown (management account)"),
        act(quarantine::LIST_POLICIES, "quarantine: nothing proves that it is in force (management account)"),
        act(quarantine::ATTACH_POLICY, "setting a quarantine (management account)"),
        act(quarantine::DETACH_POLICY, "lifting a quarantine (management account)"),
    ];
    const BY_REVOKING: &[RequiredAction] = &[
        act(quarantine::GET_ROLE, "quarantine: whose a role is"),
        act(quarantine::GET_ROLE_POLICY, "quarantine: nothing proves that it is in force"),
        act(quarantine::PUT_ROLE_POLICY, "setting a quarantine"),
        act(quarantine::DELETE_ROLE_POLICY, "lifting a quarantine"),
    ];
    match method {
        QuarantineMethod::ServiceControlPolicy { .. } => BY_POLICY,
        QuarantineMethod::RevokeRoleSessions => BY_REVOKING,
    }
}
