//! Who started a session, readable.

use std::fmt;

/// The parts of an owner's ARN that people read.
///
/// Forms: docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner<'a> {
    /// An assumed role: role name (SSO permission sets without their reserved prefix and suffix) and session name.
    Role {
        /// Role or permission set.
        role: &'a str,
        /// Session name; chosen by the caller.
        session: &'a str,
        /// The role was reserved by IAM Identity Center.
        sso: bool,
    },
    /// An IAM user.
    User(&'a str),
    /// A federated user.
    Federated(&'a str),
    /// The account's root user.
    Root,
    /// Anything else, as it came.
    Other(&'a str),
}

impl<'a> Owner<'a> {
    /// Reads an owner ARN (or user id) as DescribeSessions gives it.
    pub fn parse(owner: &'a str) -> Self {
        let mut parts = owner.splitn(6, ':');
        let (Some("arn"), Some(_), Some(_), Some(_), Some(_), Some(resource)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Self::Other(owner);
        };
        if resource == "root" {
            return Self::Root;
        }
        match resource.split_once('/') {
            Some(("assumed-role", rest)) => {
                let (role, session) = rest.rsplit_once('/').unwrap_or((rest, ""));
                match permission_set(role) {
                    Some(set) => Self::Role { role: set, session, sso: true },
                    None => Self::Role { role, session, sso: false },
                }
            }
            Some(("user", path)) => Self::User(path.rsplit('/').next().unwrap_or(path)),
            Some(("federated-user", name)) => Self::Federated(name),
            _ => Self::Other(owner),
        }
    }
}

/// `AWSReservedSSO_<set>_<16 hex>` ► `<set>`.
fn permission_set(role: &str) -> Option<&str> {
    let (set, suffix) = role.strip_prefix("AWSReservedSSO_")?.rsplit_once('_')?;
    (suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(set)
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role { role, session: "", .. } => f.write_str(role),
            Self::Role { role, session, .. } => write!(f, "{role}/{session}"),
            Self::User(name) => write!(f, "user/{name}"),
            Self::Federated(name) => write!(f, "federated/{name}"),
            Self::Root => f.write_str("ROOT"),
            Self::Other(owner) => f.write_str(owner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_readable() {
        let cases = [
            ("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_OpsAdmin_0123456789abcdef/a@b.c", "OpsAdmin/a@b.c"),
            ("arn:aws:sts::111122223333:assumed-role/Deploy/botocore-session-1", "Deploy/botocore-session-1"),
            ("arn:aws:iam::111122223333:user/path/bob", "user/bob"),
            ("arn:aws:iam::111122223333:root", "ROOT"),
            ("arn:aws-cn:sts::111122223333:federated-user/fred", "federated/fred"),
            ("AIDAEXAMPLE", "AIDAEXAMPLE"),
        ];
        for (arn, readable) in cases {
            assert_eq!(Owner::parse(arn).to_string(), readable);
        }
    }
}
