//! All scopes: built once, shared by everything.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use aws_config::{BehaviorVersion, SdkConfig, identity::IdentityCache, provider_config::ProviderConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::{
    Builder as HttpBuilder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use futures_util::future::join_all;

use super::{
    config::{Access, AccountConfig, FleetConfig, account_of_role},
    credentials::{self, Base},
    failure::{CREDENTIALS, classify},
    held::HeldCredentials,
    login::{self, Login},
    quarantine::Management,
    scope::{ScopeClient, Signed},
};
use crate::domain::{AccountId, Failure, FailureClass, Region, ScopeId};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(12);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(25);
/// The watch itself comes back: the SDK retries only once.
const ATTEMPTS: u32 = 2;

/// Why no fleet can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Neither config, environment nor profile names a region.
    #[error("no region for {0}")]
    NoRegion(String),
    /// The endpoint is no http(s) URL.
    #[error("the endpoint URL {0:?} is not an http or https URL")]
    BadEndpoint(String),
    /// The account behind the credentials cannot be found out.
    #[error("cannot find out which account {name} is: {}", said(.failure))]
    Caller {
        /// Account name of the config, or `the ambient credentials`.
        name: String,
        /// Why.
        failure: Failure,
        /// The command that renews the login, if one is behind the credentials.
        login: Option<String>,
    },
    /// The same account and region are configured twice.
    #[error("scope {0} is configured twice")]
    Twice(ScopeId),
}

/// Class, permission and words; credentials are no permission to name.
fn said(failure: &Failure) -> String {
    if failure.action == CREDENTIALS {
        format!("{}: {}", failure.class.word(), failure.message)
    } else {
        format!("{failure}: {}", failure.message)
    }
}

impl ConnectError {
    /// One line of what to do.
    pub fn to_do(&self) -> String {
        match self {
            Self::NoRegion(_) => {
                "pass --region, set AWS_REGION, or write regions = [\"…\"] for the account in the config".into()
            }
            Self::BadEndpoint(_) => "pass --endpoint-url (or AWS_ENDPOINT_URL) like http://127.0.0.1:4566".into(),
            Self::Caller { failure, login: Some(command), .. }
                if matches!(failure.class, FailureClass::NoCredentials | FailureClass::Expired) =>
            {
                format!("log in (run `{command}`) and start again")
            }
            Self::Caller { failure, .. } => match failure.class {
                FailureClass::NoCredentials => {
                    "log in (aws sso login, aws configure), pass --profile, or name accounts in the config".into()
                }
                FailureClass::Expired => "renew the credentials (aws sso login) and start again".into(),
                FailureClass::Unreachable => "check network, proxy and --endpoint-url, then start again".into(),
                FailureClass::Denied => format!("allow {} for these credentials", failure.action),
                _ => "write id = \"…\" for the account in the config".into(),
            },
            Self::Twice(_) => "name each account and region once in the config".into(),
        }
    }
}

/// All scopes and their clients; cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    scopes: BTreeMap<ScopeId, Arc<ScopeClient>>,
    accounts: HashMap<AccountId, (SdkConfig, HeldCredentials)>,
    management: Option<Management>,
    logins: Vec<Login>,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.inner.scopes.keys()).finish()
    }
}

impl Fleet {
    /// Builds the clients of all scopes. Requests are sent only for accounts whose id the config does not tell.
    ///
    /// # Errors
    /// No region, a bad endpoint URL, an account that cannot be found out, a scope that is named twice.
    pub async fn connect(config: FleetConfig) -> Result<Self, ConnectError> {
        let http = http_client(&config);
        let sdk = ambient(&config, &http).await;
        // The SDK's clients read this variable themselves, and answer a bad one with a dump of their insides.
        let environment = std::env::var("AWS_ENDPOINT_URL").ok();
        if let Some(endpoint) = config.endpoint_url.as_deref().or(sdk.endpoint_url()).or(environment.as_deref())
            && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            return Err(ConnectError::BadEndpoint(endpoint.to_owned()));
        }
        let ambient_region = sdk.region().map(|region| Region::from(region.as_ref()));
        let accounts =
            if config.accounts.is_empty() { vec![AccountConfig::default()] } else { config.accounts.clone() };

        let mut bases = Bases { config: &config, http: &http, held: HashMap::new(), served: HashMap::new() };
        let mut members = Vec::with_capacity(accounts.len());
        for account in accounts {
            let name = account.name.clone().unwrap_or_else(|| described(&account, &config));
            let regions = regions_of(&account, &config, ambient_region.as_ref())
                .ok_or_else(|| ConnectError::NoRegion(name.clone()))?;
            let first = regions.first().cloned().ok_or_else(|| ConnectError::NoRegion(name.clone()))?;
            let base = bases.of(account.access.profile.as_deref());
            let held = Box::pin(credentials::of_account(base, &account.access, first.clone(), &sdk)).await;
            let sdk = with_credentials(&sdk, &held).to_builder().region(sdk_region(&first)).build();
            bases.serve(&account.access, account.id.clone());
            members.push(Member { account, name, regions, sdk, held });
        }
        let archive = match &config.archive {
            Some(access) => {
                let region = members.first().and_then(|member| member.regions.first()).cloned();
                let region = region.ok_or_else(|| ConnectError::NoRegion("the log archive".into()))?;
                let base = bases.of(access.profile.as_deref());
                bases.serve(access, None);
                Some(Box::pin(credentials::of_account(base, access, region, &sdk)).await)
            }
            None => None,
        };

        let management = match &config.management {
            Some(access) => {
                let region = members.first().and_then(|member| member.regions.first()).cloned();
                let region = region.ok_or_else(|| ConnectError::NoRegion("the management account".into()))?;
                let base = bases.of(access.profile.as_deref());
                bases.serve(access, None);
                let sdk = sdk.to_builder().region(sdk_region(&region)).build();
                let held = Box::pin(credentials::of_account(base, access, region, &sdk)).await;
                Some(Management::new(&with_credentials(&sdk, &held), &held))
            }
            None => None,
        };

        let ids = join_all(members.iter().map(|member| account_id(member, &config))).await;
        let mut scopes = BTreeMap::new();
        let mut accounts = HashMap::new();
        for (member, id) in members.into_iter().zip(ids) {
            let id = id?;
            bases.serve(&member.account.access, Some(id.clone()));
            let name: Arc<str> = member.account.name.map_or_else(|| id.as_str().into(), Arc::from);
            for region in member.regions {
                let scope = ScopeId::new(id.clone(), region.clone());
                let sdk = member.sdk.to_builder().region(sdk_region(&region)).build();
                let archive = archive.as_ref().unwrap_or(&member.held);
                let own = Signed { sdk: &sdk, held: &member.held };
                let archive = Signed { sdk: &with_credentials(&sdk, archive), held: archive };
                let client = Arc::new(ScopeClient::new(scope.clone(), name.clone(), own, archive));
                if scopes.insert(scope.clone(), client).is_some() {
                    return Err(ConnectError::Twice(scope));
                }
            }
            accounts.entry(id).or_insert((member.sdk, member.held));
        }
        let logins = bases.logins();
        Ok(Self { inner: Arc::new(Inner { scopes, accounts, management, logins }) })
    }

    /// The clients of one scope.
    pub fn scope(&self, id: &ScopeId) -> Option<Arc<ScopeClient>> {
        self.inner.scopes.get(id).cloned()
    }

    /// All scopes, by account and region.
    pub fn scopes(&self) -> impl Iterator<Item = &Arc<ScopeClient>> {
        self.inner.scopes.values()
    }

    /// The bases of credentials that people renew.
    pub fn logins(&self) -> &[Login] {
        &self.inner.logins
    }

    /// The management account of the organization, if its credentials are configured.
    pub(super) fn management(&self) -> Option<&Management> {
        self.inner.management.as_ref()
    }

    /// The SDK settings of an account, for a region of their own, and its credentials; of an unknown account: nothing.
    pub(super) fn account(&self, account: &AccountId, region: &Region) -> Option<(SdkConfig, HeldCredentials)> {
        let (sdk, held) = self.inner.accounts.get(account)?;
        Some((sdk.to_builder().region(sdk_region(region)).build(), held.clone()))
    }
}

/// One configured account on its way to its scopes.
struct Member {
    account: AccountConfig,
    name: String,
    regions: Vec<Region>,
    sdk: SdkConfig,
    held: HeldCredentials,
}

fn with_credentials(sdk: &SdkConfig, held: &HeldCredentials) -> SdkConfig {
    sdk.to_builder().credentials_provider(SharedCredentialsProvider::new(held.clone())).build()
}

/// The base credentials of each profile, shared by all accounts that use it.
struct Bases<'a> {
    config: &'a FleetConfig,
    http: &'a SharedHttpClient,
    held: HashMap<Option<String>, HeldCredentials>,
    served: HashMap<Option<String>, BTreeSet<AccountId>>,
}

impl Bases<'_> {
    fn of(&mut self, profile: Option<&str>) -> HeldCredentials {
        let profile = profile.or(self.config.profile.as_deref()).map(str::to_owned);
        let (config, http) = (self.config, self.http);
        self.held
            .entry(profile.clone())
            .or_insert_with(|| {
                let base = base_of(profile, config);
                let settings = ProviderConfig::default()
                    .with_http_client(http.clone())
                    .with_retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
                    .with_timeout_config(timeouts());
                credentials::base(base, settings)
            })
            .clone()
    }

    /// Notes that an account is read with the base of `access`; without an id, the account of its role, if it has one.
    fn serve(&mut self, access: &Access, account: Option<AccountId>) {
        let profile = access.profile.as_ref().or(self.config.profile.as_ref()).cloned();
        let account = account.or_else(|| access.role_arn.as_deref().and_then(account_of_role));
        self.served.entry(profile).or_default().extend(account);
    }

    fn logins(mut self) -> Vec<Login> {
        let served = &mut self.served;
        let logins = self.held.into_iter().filter_map(|(profile, held)| {
            let accounts = served.remove(&profile).unwrap_or_default();
            Login::new(base_of(profile, self.config), accounts, held)
        });
        logins.collect()
    }
}

fn base_of(profile: Option<String>, config: &FleetConfig) -> Base {
    match (profile, &config.credentials) {
        (Some(profile), _) => Base::Profile(profile),
        (None, Some(fixed)) => Base::Fixed(fixed.clone()),
        (None, None) => Base::Ambient,
    }
}

fn described(account: &AccountConfig, config: &FleetConfig) -> String {
    match (&account.id, &account.access.role_arn, account.access.profile.as_ref().or(config.profile.as_ref())) {
        (Some(id), ..) => format!("account {id}"),
        (None, Some(role), _) => format!("role {role}"),
        (None, None, Some(profile)) => format!("profile {profile}"),
        (None, None, None) => match std::env::var("AWS_PROFILE") {
            Ok(profile) if !profile.is_empty() => format!("profile {profile} (AWS_PROFILE)"),
            _ => "the ambient credentials".into(),
        },
    }
}

/// The account's regions, each once; else the fleet's; else the ambient one.
fn regions_of(account: &AccountConfig, config: &FleetConfig, ambient: Option<&Region>) -> Option<Vec<Region>> {
    let mut regions: Vec<Region> =
        if account.regions.is_empty() { config.regions.clone() } else { account.regions.clone() };
    if regions.is_empty() {
        regions.extend(ambient.cloned());
    }
    regions.sort();
    regions.dedup();
    (!regions.is_empty()).then_some(regions)
}

async fn account_id(member: &Member, config: &FleetConfig) -> Result<AccountId, ConnectError> {
    if let Some(id) = &member.account.id {
        return Ok(id.clone());
    }
    if let Some(id) = member.account.access.role_arn.as_deref().and_then(account_of_role) {
        return Ok(id);
    }
    const ACTION: &str = "sts:GetCallerIdentity";
    let sts = aws_sdk_sts::Client::new(&member.sdk);
    let failed = |failure, login| ConnectError::Caller { name: member.name.clone(), failure, login };
    let caller = match Box::pin(sts.get_caller_identity().send()).await {
        Ok(caller) => caller,
        Err(error) => {
            let profile = member.account.access.profile.as_ref().or(config.profile.as_ref()).cloned();
            let login = login::sso(&base_of(profile, config)).await.map(|sso| sso.command());
            return Err(failed(classify(ACTION, &error), login));
        }
    };
    match caller.account.filter(|account| !account.is_empty()) {
        Some(account) => Ok(account.into()),
        None => Err(failed(super::failure::other(ACTION, "the answer names no account"), None)),
    }
}

fn sdk_region(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.to_string())
}

/// The ambient settings (region, endpoint, FIPS, dual stack) with our HTTP client, retries and time-outs;
/// credentials are held by ourselves.
async fn ambient(config: &FleetConfig, http: &SharedHttpClient) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .identity_cache(IdentityCache::no_cache())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts())
        .no_credentials();
    if let Some(profile) = &config.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &config.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(region) = known_region(config) {
        // A known region spares the search for one, which ends at the instance metadata address.
        loader = loader.region(region);
    }
    Box::pin(loader.load()).await
}

/// The ambient region is only searched for where an account needs it.
fn known_region(config: &FleetConfig) -> Option<aws_config::Region> {
    let needed = config.regions.is_empty()
        && (config.accounts.is_empty() || config.accounts.iter().any(|account| account.regions.is_empty()));
    if needed {
        return None;
    }
    config.accounts.iter().flat_map(|account| &account.regions).chain(&config.regions).next().map(sdk_region)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// One pool for all clients. A simulated AWS is on loopback without TLS: then no certificates are loaded and no proxy is asked.
fn http_client(config: &FleetConfig) -> SharedHttpClient {
    let plain = config.endpoint_url.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    if plain && config.credentials.is_some() {
        return HttpBuilder::new().build_http();
    }
    HttpBuilder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fleet(accounts: &[(&str, &[&str])]) -> FleetConfig {
        FleetConfig::simulated(
            "http://127.0.0.1:1",
            &"999999999999".into(),
            &"888888888888".into(),
            "x-1",
            accounts.iter().map(|(id, regions)| {
                ((*id).into(), format!("account-{id}"), regions.iter().map(|region| (*region).into()).collect())
            }),
        )
    }

    #[tokio::test]
    async fn scopes_are_accounts_times_regions_and_cost_no_request() {
        let fleet = Fleet::connect(fleet(&[
            ("111111111111", &["eu-central-1", "us-east-1", "eu-central-1"]),
            ("222222222222", &["eu-central-1"]),
        ]))
        .await
        .unwrap();
        let scopes: Vec<String> = fleet.scopes().map(|scope| scope.id().to_string()).collect();
        assert_eq!(scopes, ["111111111111/eu-central-1", "111111111111/us-east-1", "222222222222/eu-central-1"]);
        assert_eq!(&**fleet.scopes().next().unwrap().name(), "account-111111111111");
        assert!(fleet.scopes().all(|scope| scope.counts().is_empty()));
    }

    #[tokio::test]
    async fn a_scope_named_twice_is_an_error() {
        let error = Fleet::connect(fleet(&[("111111111111", &["eu-central-1"]), ("111111111111", &["eu-central-1"])]))
            .await
            .unwrap_err();
        assert_eq!(error, ConnectError::Twice(ScopeId::new("111111111111", "eu-central-1")));
    }

    #[tokio::test]
    async fn a_bad_endpoint_is_said_so() {
        let mut config = fleet(&[("111111111111", &["eu-central-1"])]);
        config.endpoint_url = Some("127.0.0.1:80".into());
        assert_eq!(Fleet::connect(config).await.unwrap_err(), ConnectError::BadEndpoint("127.0.0.1:80".into()));
    }
}
