//! Credentials: a base (fixed, profile, ambient), and a role on top of it.

use std::time::{Duration, Instant};

use aws_config::{
    SdkConfig, default_provider::credentials::DefaultCredentialsChain, imds, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, sts::AssumeRoleProvider,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, Result as Provided, future},
};

use super::{
    config::{Access, StaticCredentials},
    failure::base_is_refused,
    held::HeldCredentials,
    login,
};
use crate::domain::Region;

/// Off EC2 nobody answers at the instance metadata address: do not wait for it long.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// Where base credentials come from.
#[derive(Debug, Clone)]
pub(super) enum Base {
    /// Given in the config.
    Fixed(StaticCredentials),
    /// A profile of the shared config files.
    Profile(String),
    /// Environment, profile, container, instance: the SDK's default chain.
    Ambient,
}

/// Loads base credentials. The SDK's own providers remember that they failed, so each load takes a new one: a profile that is repaired, or a
/// login that is renewed, is seen without a restart.
#[derive(Debug)]
struct BaseProvider {
    base: Base,
    settings: ProviderConfig,
}

impl BaseProvider {
    async fn load(&self) -> Provided {
        login::explained(&self.base, self.load_plain().await).await
    }

    async fn load_plain(&self) -> Provided {
        match &self.base {
            Base::Fixed(fixed) => Ok(Credentials::new(
                fixed.access_key_id.clone(),
                fixed.secret_access_key.clone(),
                None,
                None,
                "ssmwatch",
            )),
            Base::Profile(name) => {
                let provider =
                    ProfileFileCredentialsProvider::builder().configure(&self.settings).profile_name(name).build();
                provider.provide_credentials().await
            }
            Base::Ambient => {
                let metadata = imds::Client::builder()
                    .configure(&self.settings)
                    .max_attempts(2)
                    .connect_timeout(METADATA_TIMEOUT)
                    .read_timeout(METADATA_TIMEOUT)
                    .build();
                let chain = DefaultCredentialsChain::builder().configure(self.settings.clone()).imds_client(metadata);
                chain.build().await.provide_credentials().await
            }
        }
    }
}

impl ProvideCredentials for BaseProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

/// Assumes a role with base credentials; tells the base when AWS no longer accepts them.
#[derive(Debug)]
struct RoleProvider {
    role: AssumeRoleProvider,
    base: HeldCredentials,
}

impl RoleProvider {
    async fn load(&self) -> Provided {
        let began = Instant::now();
        let answer = self.role.provide_credentials().await;
        if answer.as_ref().is_err_and(base_is_refused) {
            self.base.refused(began);
        }
        answer
    }
}

impl ProvideCredentials for RoleProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

/// Base credentials, shared by all accounts that use them.
pub(super) fn base(base: Base, settings: ProviderConfig) -> HeldCredentials {
    HeldCredentials::new(BaseProvider { base, settings })
}

/// The credentials of one account: the base itself, or a role that the base assumes at the STS endpoint of `region`.
pub(super) async fn of_account(
    base: HeldCredentials,
    access: &Access,
    region: Region,
    sdk: &SdkConfig,
) -> HeldCredentials {
    let Some(role) = &access.role_arn else { return base };
    let mut builder = AssumeRoleProvider::builder(role)
        .configure(sdk)
        .region(aws_config::Region::new(region.to_string()))
        .session_name(session_name());
    if let Some(external_id) = &access.external_id {
        builder = builder.external_id(external_id);
    }
    HeldCredentials::new(RoleProvider { role: builder.build_from_provider(base.clone()).await, base })
}

/// `ssmwatch-<user>`: an account's CloudTrail then shows which analyst looked. At most 64 characters of `[\w+=,.@-]`.
fn session_name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
    let user: String =
        user.chars().filter(|letter| letter.is_ascii_alphanumeric() || "+=,.@-_".contains(*letter)).take(50).collect();
    if user.is_empty() { "ssmwatch".to_owned() } else { format!("ssmwatch-{user}") }
}
