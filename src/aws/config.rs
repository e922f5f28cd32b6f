//! What the fleet is made of: accounts, regions, credentials, endpoint.

use crate::domain::{AccountId, Region};

/// Where credentials come from: a profile, the ambient chain, and a role on top of either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// Profile of the shared AWS config files; absent: the fleet's profile, or the ambient credentials.
    pub profile: Option<String>,
    /// ARN of the role to assume.
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
}

/// One account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountConfig {
    /// Its twelve digits; absent: taken from the role's ARN, or asked for with sts:GetCallerIdentity.
    pub id: Option<AccountId>,
    /// Its name for people; absent: the id.
    pub name: Option<String>,
    /// Its regions; empty: the ambient one.
    pub regions: Vec<Region>,
    /// Its credentials.
    pub access: Access,
}

/// Fixed credentials of the simulated AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// Access key id; the simulated AWS takes twelve digits as the account that is spoken for.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
}

/// All that [`super::Fleet::connect`] needs to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetConfig {
    /// The accounts; empty: the one account of the ambient credentials.
    pub accounts: Vec<AccountConfig>,
    /// Regions of accounts that name none; empty: the ambient region.
    pub regions: Vec<Region>,
    /// Profile of accounts that name none; absent: `AWS_PROFILE` and the ambient chain.
    pub profile: Option<String>,
    /// Endpoint of all services; absent: `AWS_ENDPOINT_URL` and AWS's own.
    pub endpoint_url: Option<String>,
    /// Credentials that read the log archive; absent: each account's own.
    pub archive: Option<Access>,
    /// Credentials of the organization's management account, for quarantine by service control policy; absent: there is none.
    pub management: Option<Access>,
    /// Credentials instead of the ambient ones.
    pub credentials: Option<StaticCredentials>,
}

/// The role that the simulated organization keeps in each account for ssmwatch.
const ROLE_NAME: &str = "ssmwatch";

impl FleetConfig {
    /// A fleet on the simulated AWS at `endpoint_url`: speaks for `management`, and assumes the role `ssmwatch` with
    /// `external_id` in each account; the log archive is read by that role in `log_archive`, and the organization is managed by
    /// `management` itself.
    pub fn simulated(
        endpoint_url: impl Into<String>,
        management: &AccountId,
        log_archive: &AccountId,
        external_id: &str,
        accounts: impl IntoIterator<Item = (AccountId, String, Vec<Region>)>,
    ) -> Self {
        let access = |account: &AccountId| Access {
            profile: None,
            role_arn: Some(format!("arn:aws:iam::{account}:role/{ROLE_NAME}")),
            external_id: Some(external_id.to_owned()),
        };
        Self {
            accounts: accounts
                .into_iter()
                .map(|(id, name, regions)| AccountConfig {
                    access: access(&id),
                    id: Some(id),
                    name: Some(name),
                    regions,
                })
                .collect(),
            regions: Vec::new(),
            profile: None,
            endpoint_url: Some(endpoint_url.into()),
            archive: Some(access(log_archive)),
            management: Some(Access::default()),
            credentials: Some(StaticCredentials {
                access_key_id: management.to_string(),
                secret_access_key: "simulated".into(),
            }),
        }
    }
}

/// The account in a role's ARN.
pub(super) fn account_of_role(arn: &str) -> Option<AccountId> {
    let mut parts = arn.split(':');
    match (parts.next(), parts.nth(1), parts.nth(1)) {
        (Some("arn"), Some("iam"), Some(account)) if !account.is_empty() => Some(account.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_names_its_account() {
        assert_eq!(account_of_role("arn:aws:iam::111122223333:role/x"), Some("111122223333".into()));
        assert_eq!(account_of_role("arn:aws-cn:iam::111122223333:role/x"), Some("111122223333".into()));
        assert_eq!(account_of_role("role/x"), None);
    }
}
