//! A login of IAM Identity Center that ends and is renewed elsewhere: the real SDK against the simulated portal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
};

use jiff::{SignedDuration, Timestamp};
use rig::{PAYMENTS, Rig, active_of, hasty, home};
use ssmwatch::{
    aws::{AccountConfig, Fleet, FleetConfig},
    domain::{CredentialStage, CredentialStanding, FailureClass, Observation},
    sim::{Sim, scenario::Scenario, world::World},
    watch::Watch,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Set where the test runs with a home of its own.
const INSIDE: &str = "SSMWATCH_TEST_PORTAL";
const START_URL: &str = "https://sso.example/start";
/// `printf https://sso.example/start | sha1sum`.
const TOKEN_FILE: &str = "98df91031e87f97bfc088c045be6442dc5d70b2a.json";

/// The environment is of a process: the test runs itself once more with one of its own.
#[test]
fn a_login_that_ends_is_said_and_one_made_elsewhere_is_taken_up() {
    if let Ok(address) = std::env::var(INSIDE) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(inside(address.parse().unwrap()));
    }
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
    let config = format!(
        "[profile corp]\nsso_start_url = {START_URL}\nsso_region = eu-central-1\nsso_account_id = {PAYMENTS}\n\
         sso_role_name = Audit\nregion = eu-central-1\n"
    );
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_login_that_ends_is_said_and_one_made_elsewhere_is_taken_up", "--nocapture"])
        .env_clear()
        .env("HOME", home.path())
        .env(INSIDE, address.to_string())
        .env("AWS_ENDPOINT_URL_SSO", format!("http://{address}"))
        .output()
        .unwrap();
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

/// As `aws sso login` does it.
fn log_in(sim: &Sim, token: &str, life: SignedDuration) {
    let until = Timestamp::now() + life;
    sim.with_world(|world| world.portal.tokens.insert(token.to_owned(), until));
    let file = Path::new(&std::env::var("HOME").unwrap()).join(".aws/sso/cache").join(TOKEN_FILE);
    let until = until.strftime("%Y-%m-%dT%H:%M:%SZ");
    let text = format!(
        r#"{{"startUrl": "{START_URL}", "region": "eu-central-1", "accessToken": "{token}", "expiresAt": "{until}"}}"#
    );
    std::fs::write(file, text).unwrap();
}

fn standing(observation: &Observation) -> Option<&CredentialStanding> {
    match observation {
        Observation::Credentials(standing) => Some(standing),
        _ => None,
    }
}

async fn inside(address: SocketAddr) {
    let world = World::new(&Scenario::load("quiet").unwrap(), 7, 1.0, Timestamp::now());
    let sim = Sim::start(address, world).await.unwrap();
    sim.with_world(|world| world.portal.life = SignedDuration::from_secs(6));
    log_in(&sim, "first", SignedDuration::from_secs(12));
    let config = FleetConfig {
        accounts: vec![AccountConfig { id: Some(PAYMENTS.into()), ..AccountConfig::default() }],
        regions: vec!["eu-central-1".into()],
        profile: Some("corp".into()),
        endpoint_url: Some(sim.endpoint()),
        ..FleetConfig::default()
    };
    let fleet = Fleet::connect(config).await.unwrap();
    let (sender, receiver) = mpsc::channel(1024);
    let stop = CancellationToken::new();
    let watch = Watch::start(&fleet, hasty(), sender, &stop);
    let mut rig = Rig { watch, receiver, stop };
    let warned = rig
        .until("the warning", |observation| {
            let standing = standing(observation)?;
            matches!(standing.stage(Timestamp::now()), CredentialStage::Ends(_)).then(|| standing.clone())
        })
        .await;
    assert_eq!(warned.login.as_deref(), Some("aws sso login --profile corp"));
    assert_eq!((warned.accounts.len(), warned.renews_itself, &warned.problem), (1, false, &None));
    rig.until("a listing with the first login", |observation| active_of(observation, &home())).await;
    let failure = rig
        .until("the end", |observation| match observation {
            Observation::ListingFailed { failure, .. } if failure.action == "credentials" => Some(failure.clone()),
            _ => None,
        })
        .await;
    assert_eq!(failure.class, FailureClass::Expired, "{failure:?}");
    assert!(failure.message.contains("run `aws sso login --profile corp`"), "{failure:?}");
    rig.until("the loud word", |observation| {
        let standing = standing(observation)?;
        let ended = matches!(standing.stage(Timestamp::now()), CredentialStage::Ended(_));
        (ended && standing.problem.is_some()).then_some(())
    })
    .await;
    log_in(&sim, "second", SignedDuration::from_hours(8));
    rig.until("all being well again", |observation| {
        let standing = standing(observation)?;
        (standing.stage(Timestamp::now()) == CredentialStage::Good).then_some(())
    })
    .await;
    rig.until("a listing with the second login", |observation| active_of(observation, &home())).await;
}
