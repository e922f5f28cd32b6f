//! Logins that people renew (IAM Identity Center): how a profile names them, and until when their cached token lasts.
//!
//! Which fields count, how the token's file is called and when the SDK renews it by itself follows aws-config (`sso/cache.rs`, `sso/token.rs`,
//! `profile/credentials/repr.rs`), which does not tell any of it.

use std::{
    collections::BTreeSet,
    env, fmt,
    path::{Path, PathBuf},
};

use aws_config::profile::ProfileSet;
use aws_credential_types::{Credentials, provider::error::CredentialsError};
use jiff::Timestamp;
use sha1::{Digest, Sha1};
use tokio::{fs::File, io::AsyncReadExt};

use super::{
    credentials::Base,
    failure::{clean, of_credentials},
    held::HeldCredentials,
};
use crate::domain::{AccountId, CredentialBase, CredentialStanding, FailureClass};

/// A profile that takes its credentials from itself over others would never end.
const MOST_SOURCES: usize = 8;
/// No token's file is longer, in bytes.
const MOST_BYTES: u64 = 256 * 1024;
/// The expiry of exported credentials, as `aws configure export-credentials --format env` writes it.
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";

/// The login that a profile takes its credentials from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sso {
    /// The profile that names it.
    profile: String,
    /// What the token's file is called after.
    token: TokenName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TokenName {
    /// The name of an `sso-session` section: such tokens can be renewed.
    Session(String),
    /// The start URL of a profile of the older kind.
    StartUrl(String),
}

impl Sso {
    /// The command that renews it.
    pub(super) fn command(&self) -> String {
        clean(&format!("aws sso login --profile {}", quoted(&self.profile)))
    }

    /// The token's file within a home directory.
    fn file(&self, home: &Path) -> PathBuf {
        let (TokenName::Session(name) | TokenName::StartUrl(name)) = &self.token;
        let hash: String = Sha1::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        home.join(".aws/sso/cache").join(hash).with_extension("json")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The login of a profile, or of the profile that it takes its role with.
fn sso_of(profiles: &ProfileSet, profile: &str) -> Option<Sso> {
    let mut name = profile;
    for _ in 0..MOST_SOURCES {
        let found = profiles.get_profile(name)?;
        if let (Some(_), Some(source)) = (found.get("role_arn"), found.get("source_profile"))
            && source != name
        {
            name = source;
            continue;
        }
        if found.get("web_identity_token_file").is_some() {
            return None;
        }
        let session = found.get("sso_session").map(|name| TokenName::Session(name.to_owned()));
        let token = session.or_else(|| found.get("sso_start_url").map(|url| TokenName::StartUrl(url.to_owned())))?;
        return Some(Sso { profile: name.to_owned(), token });
    }
    None
}

/// The login behind a base, as the files say now.
pub(super) async fn sso(base: &Base) -> Option<Sso> {
    let profile = match base {
        Base::Fixed(_) => return None,
        Base::Profile(name) => Some(name.clone()),
        // The environment comes first.
        Base::Ambient if has_keys() => return None,
        Base::Ambient => None,
    };
    let (fs, env, files) = Default::default();
    let profiles = aws_config::profile::load(&fs, &env, &files, profile.map(Into::into)).await.ok()?;
    sso_of(&profiles, profiles.selected_profile())
}

fn has_keys() -> bool {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .iter()
        .all(|name| env::var_os(name).is_some_and(|key| !key.is_empty()))
}

/// When the credentials in the environment end, if it says so.
fn end_of_environment(base: &Base) -> Option<Timestamp> {
    if !matches!(base, Base::Ambient) || !has_keys() {
        return None;
    }
    env::var(EXPIRATION).ok().and_then(|text| time(&text))
}

/// A time stamp; older versions of the CLI write `UTC` where others write `Z`.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let utc = text.strip_suffix("UTC").map(|text| format!("{text}Z"));
    utc.as_deref().unwrap_or(text).parse().ok()
}

/// What a cached token says of its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    expires_at: Timestamp,
    /// It can be renewed without people until then.
    renewable_until: Option<Timestamp>,
}

/// Why a token's life is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum TokenError {
    #[error("there is no home directory")]
    NoHome,
    #[error("the login's token file cannot be read: {0}")]
    Unread(std::io::ErrorKind),
    #[error("the login's token file is longer than 256 KiB")]
    TooLong,
    #[error("the login's token file is not JSON")]
    NotJson,
    #[error("the login's token file has no usable expiresAt")]
    NoExpiry,
}

/// Reads what a token's file says. Names count without regard to case, as the SDK takes them.
fn parse_token(text: &[u8]) -> Result<Token, TokenError> {
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(text).map_err(|_| TokenError::NotJson)?;
    let field = |name: &str| {
        let mut found = fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.find_map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let expires_at = field("expiresAt").and_then(time).ok_or(TokenError::NoExpiry)?;
    let renewable = ["refreshToken", "clientId", "clientSecret"].iter().all(|name| field(name).is_some());
    let renewable_until = field("registrationExpiresAt").and_then(time).filter(|_| renewable);
    Ok(Token { expires_at, renewable_until })
}

async fn read_token(sso: &Sso, home: Option<&Path>) -> Result<Token, TokenError> {
    let path = sso.file(home.ok_or(TokenError::NoHome)?);
    let unread = |error: std::io::Error| TokenError::Unread(error.kind());
    let mut text = Vec::new();
    let file = File::open(path).await.map_err(unread)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut text).await.map_err(unread)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(TokenError::TooLong);
    }
    let token = parse_token(&text)?;
    // Only tokens of a session section are renewed by the SDK.
    let renewable = matches!(sso.token, TokenName::Session(_));
    Ok(Token { renewable_until: token.renewable_until.filter(|_| renewable), ..token })
}

fn home() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|home| !home.is_empty()).map(PathBuf::from);
    named("HOME").or_else(|| named("USERPROFILE").filter(|_| cfg!(windows)))
}

/// A login that has to be renewed by people: the cause of a failed load, with what to do.
#[derive(Debug)]
struct LoginOver {
    command: String,
    over: bool,
    name: String,
    cause: CredentialsError,
}

impl fmt::Display for LoginOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.over { "has expired" } else { "is needed" };
        write!(f, "the SSO login of {} {what}: run `{}`", self.name, self.command)
    }
}

impl std::error::Error for LoginOver {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// What a failed load says to people about a login, if one is behind it: which, and what to do.
pub(super) fn advice(error: &(dyn std::error::Error + 'static)) -> Option<(String, FailureClass)> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(login) = error.downcast_ref::<LoginOver>() {
            let class = if login.over { FailureClass::Expired } else { FailureClass::NoCredentials };
            return Some((login.to_string(), class));
        }
        link = error.source();
    }
    None
}

/// A load that failed because a login is over, or was never made, says so.
pub(super) async fn explained(
    base: &Base,
    answer: Result<Credentials, CredentialsError>,
) -> Result<Credentials, CredentialsError> {
    let cause = match answer {
        Ok(credentials) => return Ok(credentials),
        Err(cause) => cause,
    };
    let over = match of_credentials(&cause).class {
        FailureClass::Expired => true,
        FailureClass::NoCredentials => false,
        _ => return Err(cause),
    };
    let Some(sso) = sso(base).await else { return Err(cause) };
    let name = clean(&name_of(base).map_or_else(String::new, |base| base.to_string()));
    Err(CredentialsError::provider_error(LoginOver { command: sso.command(), over, name, cause }))
}

/// What people call a base; fixed credentials are nobody's to renew.
fn name_of(base: &Base) -> Option<CredentialBase> {
    match base {
        Base::Fixed(_) => None,
        Base::Profile(name) => Some(CredentialBase::Profile(clean(name).into())),
        Base::Ambient => Some(CredentialBase::Ambient),
    }
}

/// One base of credentials and what is read with it.
#[derive(Debug)]
pub struct Login {
    base: Base,
    name: CredentialBase,
    accounts: BTreeSet<AccountId>,
    held: HeldCredentials,
}

/// What is held of a login in memory; no file is read to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    failing: bool,
    held_until: Option<Timestamp>,
}

impl Login {
    /// The login of a base; fixed credentials have none.
    pub(super) fn new(base: Base, accounts: BTreeSet<AccountId>, held: HeldCredentials) -> Option<Self> {
        Some(Self { name: name_of(&base)?, base, accounts, held })
    }

    /// Accounts that are read with it.
    pub fn accounts(&self) -> &BTreeSet<AccountId> {
        &self.accounts
    }

    /// A look at what is held: when it differs from an earlier one, [`Login::standing`] is worth its reads.
    pub fn glance(&self) -> Glance {
        let (held_until, failure) = self.held.standing();
        Glance { failing: failure.is_some(), held_until }
    }

    /// How it stands: reads the profile and the token's file, and asks nobody.
    pub async fn standing(&self) -> CredentialStanding {
        self.standing_at(Timestamp::now(), home().as_deref()).await
    }

    async fn standing_at(&self, now: Timestamp, home: Option<&Path>) -> CredentialStanding {
        let sso = sso(&self.base).await;
        let token = match &sso {
            Some(sso) => Some(read_token(sso, home).await),
            None => None,
        };
        let (held_until, failure) = self.held.standing();
        let mut standing = CredentialStanding {
            base: self.name.clone(),
            accounts: self.accounts.clone(),
            login: sso.map(|sso| sso.command().into()),
            expires_at: end_of_environment(&self.base),
            token_until: None,
            renews_itself: false,
            unknown: None,
            held_until,
            problem: failure.map(|failure| of_credentials(&failure)),
            at: now,
        };
        match token {
            Some(Ok(token)) => {
                let renewable = token.renewable_until.filter(|until| *until > now);
                standing.renews_itself = renewable.is_some();
                standing.token_until = Some(token.expires_at);
                standing.expires_at = renewable.max(Some(token.expires_at));
            }
            Some(Err(error)) => standing.unknown = Some(error.to_string().into()),
            None => {}
        }
        standing
    }

    /// Loads the credentials anew if what is held cannot be used: somebody may have logged in. Whether there are usable ones then.
    pub async fn take_up(&self) -> bool {
        self.held.load_again().await
    }
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
