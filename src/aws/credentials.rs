//! Credentials: a base (fixed, profile, ambient), and a role on top of it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{
    SdkConfig, default_provider::credentials::DefaultCredentialsChain, imds, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, sts::AssumeRoleProvider,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, Result as Provided, SharedCredentialsProvider, future},
};
use tokio::sync::Mutex;

use super::config::{Access, StaticCredentials};
use crate::domain::Region;

/// Credentials are renewed this long before they expire.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
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

/// Base credentials, kept until they expire. The SDK's own providers remember that they failed, so each load takes a new one: a profile
/// that is repaired, or a login that is renewed, is seen without a restart.
#[derive(Debug)]
pub(super) struct BaseProvider {
    base: Base,
    settings: ProviderConfig,
    held: Mutex<Option<Credentials>>,
}

impl BaseProvider {
    pub(super) fn new(base: Base, settings: ProviderConfig) -> Self {
        Self { base, settings, held: Mutex::new(None) }
    }

    async fn load(&self) -> Provided {
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

    async fn credentials(&self) -> Provided {
        // One load at a time: all regions of an account ask at once.
        let mut held = self.held.lock().await;
        if let Some(credentials) = held.as_ref().filter(|credentials| is_fresh(credentials)) {
            return Ok(credentials.clone());
        }
        let credentials = self.load().await?;
        *held = Some(credentials.clone());
        Ok(credentials)
    }
}

fn is_fresh(credentials: &Credentials) -> bool {
    credentials.expiry().is_none_or(|expiry| SystemTime::now() + RENEW_BEFORE < expiry)
}

impl ProvideCredentials for BaseProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// Lets clones of one base be the base of several roles.
#[derive(Debug, Clone)]
pub(super) struct SharedBase(pub(super) Arc<BaseProvider>);

impl ProvideCredentials for SharedBase {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.provide_credentials()
    }
}

/// The provider of one account: the base itself, or a role that the base assumes at the STS endpoint of `region`.
pub(super) async fn provider(
    base: SharedBase,
    access: &Access,
    region: Region,
    sdk: &SdkConfig,
) -> SharedCredentialsProvider {
    let Some(role) = &access.role_arn else { return SharedCredentialsProvider::new(base) };
    let mut builder = AssumeRoleProvider::builder(role)
        .configure(sdk)
        .region(aws_config::Region::new(region.to_string()))
        .session_name(session_name());
    if let Some(external_id) = &access.external_id {
        builder = builder.external_id(external_id);
    }
    SharedCredentialsProvider::new(builder.build_from_provider(base).await)
}

/// `ssmwatch-<user>`: an account's CloudTrail then shows which analyst looked. At most 64 characters of `[\w+=,.@-]`.
fn session_name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
    let user: String =
        user.chars().filter(|letter| letter.is_ascii_alphanumeric() || "+=,.@-_".contains(*letter)).take(50).collect();
    if user.is_empty() { "ssmwatch".to_owned() } else { format!("ssmwatch-{user}") }
}
