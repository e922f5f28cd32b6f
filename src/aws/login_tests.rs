#![allow(clippy::unwrap_used, deprecated)]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use proptest::prelude::*;

use super::*;

const CONFIG: &str = "
[default]
region = eu-central-1
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Audit
[profile payments]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 111122223333
sso_role_name = Audit
[profile over-payments]
role_arn = arn:aws:iam::444455556666:role/x
source_profile = payments
[profile round]
role_arn = arn:aws:iam::444455556666:role/x
source_profile = square
[profile square]
role_arn = arn:aws:iam::444455556666:role/x
source_profile = round
[profile keys]
aws_access_key_id = AKIA
aws_secret_access_key = x
[profile a:b/c]
sso_session = corp
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
";

async fn profiles() -> ProfileSet {
    let files = ProfileFiles::builder().with_contents(ProfileFileKind::Config, CONFIG).build();
    let (fs, env) = Default::default();
    aws_config::profile::load(&fs, &env, &files, Some("default".into())).await.unwrap()
}

#[tokio::test]
async fn a_profile_names_its_login_or_that_of_its_source() {
    let profiles = profiles().await;
    let command = |name: &str| sso_of(&profiles, name).map(|sso| sso.command());
    assert_eq!(command("default").as_deref(), Some("aws sso login --profile default"));
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(command("payments").as_deref(), Some("aws sso login --profile payments"));
    assert_eq!(command("over-payments").as_deref(), Some("aws sso login --profile payments"));
    assert_eq!(command("a:b/c").as_deref(), Some("aws sso login --profile 'a:b/c'"));
    assert_eq!((command("keys"), command("round"), command("nobody")), (None, None, None));
    // As botocore and the SDKs name them: sha1 of the session's name, or of the start URL.
    let file = |name: &str| sso_of(&profiles, name).unwrap().file(Path::new("/h"));
    assert_eq!(file("default"), PathBuf::from("/h/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"));
    assert_ne!(file("default"), file("payments"));
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_token_tells_its_end_and_whether_it_is_renewed_without_people() {
    let plain = br#"{"startUrl": "https://x", "region": "eu-central-1", "accessToken": "a", "expiresAt": "2026-11-20T10:00:00Z"}"#;
    let token = parse_token(plain).unwrap();
    assert_eq!(token, Token { expires_at: at("2026-11-20T10:00:00Z"), renewable_until: None });
    let older = br#"{"accessToken": "a", "expiresAt": "2026-11-20T10:00:00UTC"}"#;
    assert_eq!(parse_token(older).unwrap().expires_at, token.expires_at);
    let renewable = br#"{"accessToken": "a", "expiresAt": "2026-11-20T10:00:00Z", "refreshToken": "r", "clientId": "c",
        "clientSecret": "s", "registrationExpiresAt": "2027-02-01T00:00:00Z"}"#;
    assert_eq!(parse_token(renewable).unwrap().renewable_until, Some(at("2027-02-01T00:00:00Z")));
    let without_secret = br#"{"expiresAt": "2026-11-20T10:00:00Z", "refreshToken": "r", "clientId": "c",
        "registrationExpiresAt": "2027-02-01T00:00:00Z"}"#;
    assert_eq!(parse_token(without_secret).unwrap().renewable_until, None);
}

#[test]
fn broken_token_files_are_said_to_be_so() {
    let cases: [(&[u8], TokenError); 8] = [
        (b"", TokenError::NotJson),
        (b"[1, 2]", TokenError::NotJson),
        (b"null", TokenError::NotJson),
        (b"{\"expiresAt\": ", TokenError::NotJson),
        (b"\xff\xfe{}", TokenError::NotJson),
        (b"{}", TokenError::NoExpiry),
        (b"{\"expiresAt\": 17}", TokenError::NoExpiry),
        (b"{\"expiresAt\": \"\\u001b]0;x\\u0007soon\"}", TokenError::NoExpiry),
    ];
    for (text, error) in cases {
        assert_eq!(parse_token(text).unwrap_err(), error, "{:?}", String::from_utf8_lossy(text));
    }
}

proptest! {
    #[test]
    fn no_token_file_is_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200), expires in "\\PC{0,40}") {
        let _ = parse_token(&text);
        let _ = parse_token(serde_json::json!({ "expiresAt": expires }).to_string().as_bytes());
        let _ = time(&expires);
    }
}

#[tokio::test]
async fn a_token_that_is_not_there_is_not_known_and_one_that_is_too_long_is_not_read() {
    let home = tempfile::tempdir().unwrap();
    let sso = Sso { profile: "default".into(), token: TokenName::Session("corp".into()) };
    assert_eq!(read_token(&sso, None).await, Err(TokenError::NoHome));
    let missing = read_token(&sso, Some(home.path())).await;
    assert_eq!(missing, Err(TokenError::Unread(std::io::ErrorKind::NotFound)));
    let file = sso.file(home.path());
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, vec![b' '; 300 * 1024]).unwrap();
    assert_eq!(read_token(&sso, Some(home.path())).await, Err(TokenError::TooLong));
    let renewable = r#"{"accessToken": "a", "expiresAt": "2026-11-20T10:00:00Z", "refreshToken": "r", "clientId": "c",
        "clientSecret": "s", "registrationExpiresAt": "2027-02-01T00:00:00Z"}"#;
    std::fs::write(&file, renewable).unwrap();
    assert!(read_token(&sso, Some(home.path())).await.unwrap().renewable_until.is_some());
    // The SDK renews no token that is named after a start URL.
    let older = Sso { token: TokenName::StartUrl("corp".into()), ..sso };
    assert_eq!(read_token(&older, Some(home.path())).await.unwrap().renewable_until, None);
}

#[tokio::test]
async fn a_failed_load_names_the_login_through_every_wrapping() {
    let cause = CredentialsError::provider_error("the SSO token has expired and cannot be refreshed");
    let over = LoginOver {
        command: "aws sso login --profile payments".into(),
        over: true,
        name: "profile payments".into(),
        cause,
    };
    let failure = of_credentials(&CredentialsError::provider_error(over));
    assert_eq!(failure.class, FailureClass::Expired);
    assert_eq!(
        failure.message,
        "the SSO login of profile payments has expired: run `aws sso login --profile payments`"
    );
    // Without a login behind it, a failure stays as it is.
    let keys = Base::Fixed(crate::aws::StaticCredentials { access_key_id: "a".into(), secret_access_key: "b".into() });
    let failed = explained(&keys, Err(CredentialsError::provider_error("expired"))).await.unwrap_err();
    assert!(advice(&failed).is_none());
}
