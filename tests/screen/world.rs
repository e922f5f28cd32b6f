//! An organization for pictures and measurements: built as the program builds it, from observations and keys.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    app::{Message, Setup, State, board::Board, keymap::Keymap, update},
    compliance::{Engine, Parameters},
    detection::{Detections, Tuning},
    domain::{
        AccessType, ApiCount, ArchiveObject, DocumentStanding, Fact, Failure, FailureClass, LogEvent, LogStream, Mfa,
        Node, NodeTags, Observation, PayloadIdentity, PolicyDocument, PolicyKind, Preferences, RolePolicies, ScopeId,
        Session, SessionDocument, SessionKey, SessionStatus, SessionType, StreamHealth, TrailCall, TrailEvent,
    },
};

/// The moment that everything shows.
pub fn now() -> Timestamp {
    "2026-11-20T09:14:00Z".parse().unwrap()
}

pub fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

const ACCOUNTS: [(&str, &str); 6] = [
    ("111122223333", "payments-prod"),
    ("222233334444", "payments-test"),
    ("333344445555", "platform"),
    ("444455556666", "data-lake"),
    ("555566667777", "corp-it"),
    ("666677778888", "log-archive"),
];
const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];
const LOG_GROUP: &str = "/ssm-session-logs";
const LISTING: &str = "ssm:DescribeSessions";

/// The scope of that account and region, by their places in the lists.
pub fn scope(account: usize, region: usize) -> ScopeId {
    ScopeId::new(ACCOUNTS[account].0, REGIONS[region])
}

/// All scopes.
pub fn scopes() -> Vec<ScopeId> {
    (0..ACCOUNTS.len()).flat_map(|account| (0..REGIONS.len()).map(move |region| scope(account, region))).collect()
}

/// Settings of a demo that may act.
pub fn setup() -> Setup {
    Setup {
        read_only: None,
        ascii: false,
        demo: true,
        actor: "analyst".into(),
        keymap: Keymap::new(std::iter::empty()).unwrap(),
        filters: Vec::new(),
        themes: vec!["default-dark".into(), "default-light".into()],
        poll: SignedDuration::from_secs(5),
        member_topic: Some("arn:aws:sns:{region}:{account}:aws-ssm-monitoring-logging-guardrails-multiaccount".into()),
        central_topic: Some("arn:aws:sns:eu-central-1:666677778888:CentralAlarm".into()),
        metric_namespace: "SSMMonitoringLoggingGuardrails".into(),
        raise_on: None,
        quarantine: None,
        mouse: false,
        notify: ssmwatch::app::notify::Channels::default(),
        auto_terminate: Vec::new(),
        max_per_hour: 20,
        countdown: SignedDuration::from_secs(30),
        store: "~/.local/share/ssmwatch/ssmwatch.db".into(),
        wall: ssmwatch::app::wall::WallSetup::default(),
        table: ssmwatch::app::columns::TableSetup::default(),
        zone: jiff::tz::TimeZone::UTC,
    }
}

/// A State of those scopes in which nothing was read.
pub fn unread(size: (u16, u16), scopes: &[ScopeId]) -> State {
    unread_with(size, scopes, setup())
}

/// The same with those settings.
pub fn unread_with(size: (u16, u16), scopes: &[ScopeId], setup: Setup) -> State {
    static ENGINE: LazyLock<Arc<Engine>> =
        LazyLock::new(|| Arc::new(Engine::new(Parameters::default(), Vec::new()).unwrap()));
    let named = scopes.iter().map(|scope| {
        let name = ACCOUNTS.iter().find(|(id, _)| *id == scope.account.as_str()).map_or("", |(_, name)| name);
        (scope.clone(), Arc::from(name), None)
    });
    static DETECTIONS: LazyLock<Arc<Detections>> =
        LazyLock::new(|| Arc::new(Detections::load(&[], &Tuning::default()).unwrap()));
    let board = Board::new(named, Arc::clone(&ENGINE), SignedDuration::from_secs(20));
    let mut state = State::new(board, DETECTIONS.clone(), setup, ago(60));
    update(&mut state, Message::Resize(size.0, size.1), ago(60));
    update(&mut state, Message::Loaded(Box::default()), ago(60));
    state
}

/// Tells the State what was seen, at that time.
pub fn observe(state: &mut State, observation: Observation, at: Timestamp) {
    update(state, Message::Observed(observation), at);
}

/// Lets time pass until every verdict is found, and the clock stands at [`now`].
pub fn settle(state: &mut State) {
    update(state, Message::Tick, now());
    while state.has_work() {
        update(state, Message::Tick, now());
    }
    // All of it happened at once here; who looks at the screen has had time to read the selected row.
    state.view.table.moved_at = None;
}

/// Presses a key, as long after the key before as a person takes.
pub fn press(state: &mut State, code: KeyCode) {
    press_after(state, code, 200);
}

/// Presses a key, that many milliseconds after whatever was before.
pub fn press_after(state: &mut State, code: KeyCode, milliseconds: i64) {
    let at = state.now + SignedDuration::from_millis(milliseconds);
    let modifiers = match code {
        KeyCode::Char(character) if character.is_uppercase() => KeyModifiers::SHIFT,
        _ => KeyModifiers::NONE,
    };
    update(state, Message::Key(KeyEvent::new(code, modifiers)), at);
}

/// Types a text.
pub fn type_text(state: &mut State, text: &str) {
    text.chars().for_each(|character| press(state, KeyCode::Char(character)));
}

/// One member of the cast.
struct Role {
    id: &'static str,
    account: usize,
    region: usize,
    node: (&'static str, &'static str),
    owner: (&'static str, &'static str),
    document: Option<&'static str>,
    minutes: i64,
    reason: &'static str,
    status: SessionStatus,
    silent_seconds: Option<i64>,
    production: bool,
}

impl Role {
    const HARMLESS: Self = Self {
        id: "",
        account: 1,
        region: 0,
        node: ("", ""),
        owner: ("", ""),
        document: None,
        minutes: 5,
        reason: "",
        status: SessionStatus::Connected,
        silent_seconds: Some(4),
        production: false,
    };
}

fn cast() -> Vec<Role> {
    let sso = |set: &'static str, who: &'static str| (set, who);
    vec![
        Role {
            id: "mallory-0c4b7f1e2d3a49d18",
            account: 0,
            node: ("i-0d1e2f3a4b5c6d7e8", "payments-db-1"),
            owner: ("BreakGlass", "mallory@example.com"),
            document: Some("AWS-StartPortForwardingSession"),
            minutes: 3,
            reason: "",
            silent_seconds: None,
            production: true,
            ..Role::HARMLESS
        },
        Role {
            id: "jane.doe-0a1b2c3d4e5f60718",
            account: 0,
            node: ("i-0a1b2c3d4e5f67890", "payments-web-1"),
            owner: sso("AWSReservedSSO_OpsAdmin_0123456789abcdef", "jane.doe@example.com"),
            minutes: 12,
            reason: "CHG-4711 rotate certificates",
            production: true,
            ..Role::HARMLESS
        },
        Role {
            id: "ansible-0b9a8f7e6d5c4b3a2",
            account: 2,
            node: ("mi-0123456789abcdef0", "factory-gateway"),
            owner: ("Automation", "ansible"),
            minutes: 41,
            reason: "OPS-118",
            silent_seconds: Some(95),
            ..Role::HARMLESS
        },
        Role {
            id: "li.wei-01fe23dc45ba6798a",
            account: 3,
            region: 2,
            node: ("i-0fedcba9876543210", "spark-driver"),
            owner: sso("AWSReservedSSO_DataEngineer_fedcba9876543210", "li.wei@example.com"),
            minutes: 95,
            reason: "DATA-77 漢字 in a reason",
            silent_seconds: Some(840),
            ..Role::HARMLESS
        },
        Role {
            id: "tom-0f00ba4f00ba4f00b",
            account: 4,
            node: ("i-00aa11bb22cc33dd4", "jump-host"),
            owner: ("Support", "tom"),
            minutes: 190,
            reason: "INC-2210 printer",
            status: SessionStatus::Disconnected,
            silent_seconds: Some(5_400),
            ..Role::HARMLESS
        },
        Role {
            id: "ci-0deadbeef0deadbee",
            account: 1,
            node: ("i-0c0ffee0c0ffee0c0", "build-7"),
            owner: ("Deploy", "botocore-session-1763630000"),
            document: Some("AWS-StartInteractiveCommand"),
            minutes: 1,
            reason: "pipeline 8123",
            silent_seconds: None,
            ..Role::HARMLESS
        },
    ]
}

/// Harmless sessions to fill the screen.
fn extras() -> Vec<Role> {
    const PEOPLE: [&str; 8] = ["amara", "bjorn", "chloe", "dmitri", "elif", "farid", "grace", "hiro"];
    const IDS: [&str; 12] = [
        "amara-0a0000000000000a1",
        "bjorn-0a0000000000000b2",
        "chloe-0a0000000000000c3",
        "dmitri-0a000000000000d4",
        "elif-0a00000000000000e5",
        "farid-0a0000000000000f6",
        "grace-0a000000000000007",
        "hiro-0a0000000000000a8",
        "amara-0a0000000000000a9",
        "bjorn-0a0000000000000ba",
        "chloe-0a0000000000000cb",
        "dmitri-0a000000000000dc",
    ];
    const NODES: [(&str, &str); 4] = [
        ("i-0aaa000000000000a", "web-blue-1"),
        ("i-0bbb000000000000b", "web-blue-2"),
        ("i-0ccc000000000000c", "worker-3"),
        ("i-0ddd000000000000d", "cache-1"),
    ];
    IDS.iter()
        .enumerate()
        .map(|(index, id)| Role {
            id,
            account: [1, 2, 3, 4][index % 4],
            region: index % 2,
            node: NODES[index % 4],
            owner: ("Developer", PEOPLE[index % 8]),
            minutes: 7 + 13 * i64::try_from(index).unwrap(),
            reason: "TASK-100 routine",
            silent_seconds: Some(3 + 20 * i64::try_from(index).unwrap()),
            ..Role::HARMLESS
        })
        .collect()
}

fn session(role: &Role) -> Session {
    let account = ACCOUNTS[role.account].0;
    Session {
        key: SessionKey::new(scope(role.account, role.region), role.id),
        target: role.node.0.into(),
        status: role.status.clone(),
        started_at: Some(ago(role.minutes * 60)),
        ended_at: None,
        document: role.document.map(Arc::from),
        owner: format!("arn:aws:sts::{account}:assumed-role/{}/{}", role.owner.0, role.owner.1).into(),
        reason: (!role.reason.is_empty()).then(|| role.reason.into()),
        max_duration_minutes: Some(240),
        log_group: None,
        access: Some(AccessType::Standard),
    }
}

fn shell_document(account: &str, session_type: SessionType) -> SessionDocument {
    SessionDocument {
        content: Default::default(),
        session_type,
        inputs: Preferences {
            s3_bucket: "central-log-ssm-audit-eu-central-1-o-example".to_owned(),
            s3_prefix: format!("{account}/sessions/"),
            log_group: "/ssm-session-logs".to_owned(),
            streaming: true,
            idle_timeout_minutes: Some(15),
            max_duration_minutes: Some(240),
            s3_encrypted: true,
            log_group_encrypted: true,
            kms_key: "arn:aws:kms:eu-central-1:111122223333:key/0f1e2d3c".to_owned(),
            ..Preferences::default()
        },
    }
}

/// The usual failures: one account denies, one region throttles, one role listing is denied.
pub fn failure(class: FailureClass, action: &'static str, message: &str) -> Failure {
    Failure { class, action, code: None, message: message.to_owned() }
}

/// What is read beside the sessions, so that they can be judged.
fn evidence(state: &mut State, scopes: &[ScopeId], roles: &[Role]) {
    nobody_is_new(state);
    for scope in scopes {
        for (name, session_type) in [
            (Session::DEFAULT_DOCUMENT, SessionType::StandardStream),
            ("AWS-StartPortForwardingSession", SessionType::Port),
            ("AWS-StartInteractiveCommand", SessionType::InteractiveCommands),
        ] {
            let document =
                Fact::known(Some(shell_document(scope.account.as_str(), session_type)), "ssm:GetDocument", ago(40));
            let standing = DocumentStanding {
                owner: if name.starts_with("AWS-") { "Amazon".into() } else { scope.account.as_str().into() },
                public: Fact::known(false, "ssm:DescribeDocumentPermission", ago(40)),
            };
            let standing = Fact::known(Some(standing), "ssm:DescribeDocument", ago(40));
            observe(
                state,
                Observation::DocumentStanding { scope: scope.clone(), name: name.into(), standing },
                ago(40),
            );
            observe(state, Observation::Document { scope: scope.clone(), name: name.into(), document }, ago(40));
        }
        let document = shell_document(scope.account.as_str(), SessionType::StandardStream);
        let document = Fact::known(Some(document), "ssm:GetDocument", ago(40));
        let latest = document.clone();
        observe(state, Observation::Preferences { scope: scope.clone(), document }, ago(40));
        observe(state, Observation::LatestPreferences { scope: scope.clone(), document: latest }, ago(40));
        let exists = Fact::known(true, "logs:DescribeLogGroups", ago(40));
        let group = Observation::LogGroup { scope: scope.clone(), name: LOG_GROUP.into(), exists };
        observe(state, group, ago(40));
        let policy =
            format!("arn:aws:iam::{}:policy/aws-ssm-guardrails-mandatory-policy-{}", scope.account, scope.region);
        let others = ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore".into()];
        let role = Arc::<str>::from(format!("node-{}", scope.region));
        let mut attached: Vec<Arc<str>> = others.into_iter().chain([policy.into()]).collect();
        attached.sort();
        let documents: Vec<PolicyDocument> = attached
            .iter()
            .map(|arn| PolicyDocument {
                kind: PolicyKind::Attached,
                name: Arc::clone(arn),
                version: Some("v1".into()),
                text: r#"{"Statement":[{"Effect":"Allow","Action":["logs:*","s3:PutObject"],"Resource":"*"}]}"#.into(),
            })
            .collect();
        let policies = Fact::known(
            Some(RolePolicies {
                attached,
                documents: Fact::known(Arc::from(documents), "iam:GetPolicyVersion", ago(35)),
                tags: Fact::known(NodeTags::default(), "iam:GetRole", ago(35)),
            }),
            "iam:ListAttachedRolePolicies",
            ago(35),
        );
        observe(state, Observation::Role { account: scope.account.clone(), role, policies }, ago(35));
        let mut calls = std::collections::HashMap::new();
        calls.insert(LISTING, ApiCount { calls: 168, throttled: 0, failed: 0 });
        calls.insert("ssm:DescribeInstanceProperties", ApiCount { calls: 14, throttled: 0, failed: 0 });
        calls.insert("tag:GetResources", ApiCount { calls: 14, throttled: 0, failed: 0 });
        observe(state, Observation::ApiUse { scope: scope.clone(), calls }, ago(2));
        let arn = format!("arn:aws:sts::{}:assumed-role/ssmwatch/analyst", scope.account);
        observe(state, Observation::Caller { scope: scope.clone(), arn: arn.into() }, ago(60));
    }
    trail(state, scopes, roles);
    stream_health(state, scopes, roles);
    for role in roles {
        let scope = scope(role.account, role.region);
        let hybrid = role.node.0.starts_with("mi-");
        let node_role = Arc::<str>::from(format!("node-{}", scope.region));
        let node = Node {
            id: role.node.0.into(),
            name: Some(role.node.1.into()),
            instance_role: (!hybrid).then(|| Arc::clone(&node_role)),
            iam_role: hybrid.then_some(node_role),
            agent_version: Some("3.3.4177.0".into()),
            platform: Some("Linux".into()),
            ping_status: Some("Online".into()),
            last_ping: Some(ago(25)),
        };
        let node = Fact::known(Some(node), "ssm:DescribeInstanceProperties", ago(30));
        observe(state, Observation::Nodes { scope: scope.clone(), nodes: vec![(role.node.0.into(), node)] }, ago(30));
        let environment = if role.production { "Production" } else { "Test" };
        let tags: BTreeMap<String, String> = [("Environment", environment), ("Team", "payments")]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let tags: Fact<NodeTags> = Fact::known(Arc::new(tags), "tag:GetResources", ago(30));
        observe(state, Observation::NodeTags { scope: scope.clone(), tags: vec![(role.node.0.into(), tags)] }, ago(30));
        let stream = role.silent_seconds.map(|silent| LogStream {
            log_group: "/ssm-session-logs".into(),
            arn: None,
            created_at: Some(ago(role.minutes * 60 - 9)),
            last_event_at: Some(ago(silent)),
        });
        let stream = Fact::known(stream, "logs:DescribeLogStreams", ago(20));
        observe(state, Observation::LogStreams { scope, streams: vec![(role.id.into(), stream)] }, ago(20));
    }
}

/// The past was read as far back as it matters (the store tells it); what is observed next has everything judged anew.
fn nobody_is_new(state: &mut State) {
    for session in state.board.sessions.values_mut() {
        session.first_of_principal = Fact::known(false, "ssm:DescribeSessions (History)", ago(30));
    }
}

/// CloudTrail's records of the sessions: a second factor for everybody but the one who broke the glass.
fn trail(state: &mut State, scopes: &[ScopeId], roles: &[Role]) {
    for scope in scopes {
        let of_scope = roles.iter().filter(|role| self::scope(role.account, role.region) == *scope);
        let events: Vec<TrailEvent> = of_scope
            .filter(|role| role.minutes > 2)
            .map(|role| {
                let mallory = role.owner.1.starts_with("mallory");
                let parameters = [("host", "payments-db.internal"), ("portNumber", "5432")];
                let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
                TrailEvent {
                    event_id: role.id.into(),
                    call: TrailCall::StartSession,
                    at: ago(role.minutes * 60),
                    session: role.id.into(),
                    source_ip: Some(if mallory { "198.51.100.77" } else { "203.0.113.24" }.into()),
                    user_agent: Some(if mallory { "Boto3/1.40.1" } else { "aws-cli/2.31.0 session-manager" }.into()),
                    mfa: if mallory { Mfa::No } else { Mfa::Yes },
                    identity_type: "AssumedRole".into(),
                    identity_arn: Some(session(role).owner),
                    issuer_arn: Some(format!("arn:aws:iam::{}:role/{}", scope.account, role.owner.0).into()),
                    access_key_id: Some("ASIAEXAMPLE".into()),
                    document: role.document.map(Arc::from),
                    parameters: if mallory { parameters.collect() } else { BTreeMap::new() },
                }
            })
            .collect();
        for call in TrailCall::ALL {
            let events = if call == TrailCall::StartSession { events.clone() } else { Vec::new() };
            let read = Fact::known((), "cloudtrail:LookupEvents", ago(25));
            let seen = Observation::Trail { scope: scope.clone(), call, from: ago(90_000), events, read };
            observe(state, seen, ago(25));
        }
    }
}

/// The tails of the log groups: every recorder is alive and says who is who.
fn stream_health(state: &mut State, scopes: &[ScopeId], roles: &[Role]) {
    for scope in scopes {
        let of_scope = roles.iter().filter(|role| self::scope(role.account, role.region) == *scope);
        let streams = of_scope
            .filter_map(|role| {
                let last = ago(role.silent_seconds?);
                let identity = PayloadIdentity {
                    session_id: role.id.into(),
                    target: role.node.0.into(),
                    owner: session(role).owner,
                    run_as_user: "ssm-shell".into(),
                };
                let health = StreamHealth {
                    events: 40,
                    last_event_at: Some(last),
                    last_ingested_at: Some(last),
                    identities: [identity].into(),
                    ..StreamHealth::default()
                };
                Some((role.id.into(), health))
            })
            .collect();
        let read = Fact::known((), "logs:FilterLogEvents", ago(20));
        let seen = Observation::StreamHealth { scope: scope.clone(), log_group: LOG_GROUP.into(), streams, read };
        observe(state, seen, ago(20));
    }
}

fn listings(state: &mut State, scopes: &[ScopeId], roles: &[Role]) {
    for (index, scope) in scopes.iter().enumerate() {
        let at = ago(1 + i64::try_from(index % 5).unwrap());
        let sessions = roles.iter().map(session).filter(|session| session.key.scope == *scope).collect();
        observe(state, Observation::Active { scope: scope.clone(), sessions, at }, at);
    }
}

/// An organization of 18 scopes on an ordinary bad day: a port forwarding, a session on production without approval, a
/// denied account, a throttled region, a role that cannot be read, an ended session without an archive.
pub fn bad_day(size: (u16, u16)) -> State {
    bad_day_with(size, setup())
}

/// The same day with those settings.
pub fn bad_day_with(size: (u16, u16), setup: Setup) -> State {
    let all = scopes();
    let mut state = unread_with(size, &all, setup);
    let roles: Vec<Role> = cast().into_iter().chain(extras()).collect();
    listings(&mut state, &all, &roles);
    evidence(&mut state, &all, &roles);
    listings(&mut state, &all, &roles);
    troubles(&mut state);
    history(&mut state);
    settle(&mut state);
    state
}

fn troubles(state: &mut State) {
    let denied = failure(
        FailureClass::Denied,
        LISTING,
        "User: arn:aws:sts::666677778888:assumed-role/ssmwatch/analyst is not authorized to perform: \
         ssm:DescribeSessions because no identity-based policy allows the ssm:DescribeSessions action",
    );
    let log_archive = scope(5, 1);
    state.board.scopes.get_mut(&log_archive).unwrap().last_good = None;
    let (retry_at, at) = (ago(-42), ago(18));
    observe(state, Observation::ListingFailed { scope: log_archive, failure: denied, retry_at, at }, at);
    let throttled = failure(FailureClass::Throttled, LISTING, "Rate exceeded");
    let busy = scope(3, 2);
    state.board.scopes.get_mut(&busy).unwrap().last_good = Some(ago(73));
    let in_it = state.board.sessions.values_mut().filter(|session| session.session.key.scope == busy);
    in_it.for_each(|session| session.listed_at = ago(73));
    let (retry_at, at) = (ago(-11), ago(9));
    observe(state, Observation::ListingFailed { scope: busy.clone(), failure: throttled, retry_at, at }, at);
    let calls = [(LISTING, ApiCount { calls: 171, throttled: 64, failed: 64 })].into_iter().collect();
    observe(state, Observation::ApiUse { scope: busy, calls }, ago(9));
    // One document was changed by hand: no streaming, idle sessions live for an hour. One cannot be read.
    let drifting = scope(2, 1);
    let mut document = shell_document(drifting.account.as_str(), SessionType::StandardStream);
    document.inputs.streaming = false;
    document.inputs.idle_timeout_minutes = Some(60);
    document.inputs.s3_bucket.clear();
    let document = Fact::known(Some(document), "ssm:GetDocument", ago(39));
    observe(state, Observation::Preferences { scope: drifting, document }, ago(39));
    // The account that denies the role's policies: what depends on them cannot be judged there.
    let denied = failure(
        FailureClass::Denied,
        "iam:ListAttachedRolePolicies",
        "User: arn:aws:sts::444455556666:assumed-role/ssmwatch/analyst is not authorized to perform: \
         iam:ListAttachedRolePolicies on resource: role node-us-east-1",
    );
    for region in REGIONS {
        let role: Arc<str> = format!("node-{region}").into();
        state.board.roles.remove(&("444455556666".into(), Arc::clone(&role)));
        let policies = Fact::failed(denied.clone(), Some(ago(-33)));
        observe(state, Observation::Role { account: "444455556666".into(), role, policies }, ago(27));
    }
}

fn history(state: &mut State) {
    let ended = |id: &str, minutes: i64, status: SessionStatus, document: Option<&str>| Session {
        key: SessionKey::new(scope(1, 0), id),
        status,
        ended_at: Some(ago(minutes * 60)),
        started_at: Some(ago(minutes * 60 + 1_260)),
        document: document.map(Arc::from),
        ..session(&Role {
            node: ("i-0aaa000000000000a", "web-blue-1"),
            owner: ("Developer", "ines"),
            reason: "TASK-9 look at a log",
            ..Role::HARMLESS
        })
    };
    let sessions = vec![
        ended("ines-0e0000000000000e1", 4, SessionStatus::Terminated, None),
        ended("ines-0e0000000000000e2", 32, SessionStatus::Terminated, None),
        ended("ines-0e0000000000000e3", 50, SessionStatus::Failed, Some("AWS-StartSSHSession")),
    ];
    let (since, at) = (ago(3_600), ago(6));
    observe(state, Observation::History { scope: scope(1, 0), sessions, since, at }, at);
    nobody_is_new(state);
    let object = ArchiveObject {
        bucket: "central-log-ssm-audit-eu-central-1-o-example".into(),
        key: "sessions/ines-0e0000000000000e1.log".into(),
        size: 18_204,
        modified_at: Some(ago(230)),
        encryption: None,
        kms_key: None,
    };
    let archives = [("ines-0e0000000000000e1", Some(object)), ("ines-0e0000000000000e2", None)];
    for (id, object) in archives {
        let object = Fact::known(object, "s3:ListObjectsV2", ago(10));
        observe(state, Observation::Archive { session: SessionKey::new(scope(1, 0), id), object }, ago(10));
    }
}

/// All active sessions are listed once more, at that time.
pub fn list_again(state: &mut State, at: Timestamp) {
    for scope in scopes() {
        let here = |session: &&Session| session.key.scope == scope;
        let active = state.board.sessions.values().filter(|session| session.is_active());
        let sessions = active.map(|session| &session.session).filter(here).cloned().collect();
        observe(state, Observation::Active { scope: scope.clone(), sessions, at }, at);
    }
    while state.has_work() {
        update(state, Message::Tick, at);
    }
}

/// The key of the session of that id.
pub fn key_of(state: &State, id: &str) -> SessionKey {
    state.board.sessions.keys().find(|key| key.id.as_str() == id).unwrap().clone()
}

/// A morning on which nothing is wrong.
pub fn calm(size: (u16, u16)) -> State {
    let all = scopes();
    let mut state = unread(size, &all);
    let roles = extras();
    listings(&mut state, &all, &roles);
    evidence(&mut state, &all, &roles);
    listings(&mut state, &all, &roles);
    settle(&mut state);
    state
}

/// Everything was read, and no session is active.
pub fn empty(size: (u16, u16)) -> State {
    let all = scopes();
    let mut state = unread(size, &all);
    listings(&mut state, &all, &[]);
    settle(&mut state);
    state
}

/// Selects the session of that id, from wherever the selection is.
pub fn select(state: &mut State, id: &str) {
    press(state, KeyCode::Char('g'));
    for _ in 0..state.view.table.list.rows.len() {
        if state.view.table.list.selected.as_ref().is_some_and(|key| key.id.as_str() == id) {
            return;
        }
        press(state, KeyCode::Char('j'));
    }
    panic!("{id} is not in the table");
}

/// The followed session prints: as the agent streams it, hostile bytes and all.
pub fn print(state: &mut State, lines: &[&str]) {
    let Some(transcript) = &state.view.transcript else { panic!("nothing is followed") };
    let session = transcript.session.clone();
    let record = &state.board.sessions[&session].session;
    let (target, owner) = (record.target.as_str().to_owned(), record.owner.to_string());
    let events = lines
        .chunks(2)
        .enumerate()
        .map(|(index, lines)| {
            let at = ago(60 - 5 * i64::try_from(index).unwrap());
            let message = serde_json::json!({
                "eventVersion": "1.0", "eventTime": at.to_string(), "awsRegion": session.scope.region.as_str(),
                "target": {"id": target}, "userIdentity": {"arn": owner},
                "runAsUser": "ssm-user", "sessionId": session.id.as_str(), "sessionData": lines,
            });
            LogEvent { timestamp: at, ingested_at: at, message: message.to_string() }
        })
        .collect();
    let at = state.now;
    observe(state, Observation::Transcript { session, events, at }, at);
}

/// What somebody types who stops the recorder.
pub const SHELL: &[&str] = &[
    "sh-5.2$ id",
    "uid=1001(ssm-user) gid=1001(ssm-user) groups=1001(ssm-user)",
    "sh-5.2$ sudo -i",
    "[root@payments-web-1 ~]# systemctl status nginx --no-pager",
    "● nginx.service - The nginx HTTP and reverse proxy server",
    "     Active: active (running) since Mon 2026-11-16 04:12:07 UTC; 4 days ago",
    "[root@payments-web-1 ~]# openssl x509 -enddate -noout -in /etc/pki/nginx/server.crt",
    "notAfter=Nov 23 12:00:00 2026 GMT",
    "[root@payments-web-1 ~]# cat note.txt",
    "a title \u{1b}]0;all is well\u{7} and a bell\u{7}, right to left \u{202e}gnp.exe",
    "[root@payments-web-1 ~]# systemctl stop amazon-ssm-agent",
];

/// That many sessions in the 18 scopes, all judged.
pub fn crowd(size: (u16, u16), count: usize) -> State {
    let all = scopes();
    let mut state = unread(size, &all);
    for (index, scope) in all.iter().enumerate() {
        let sessions = (0..count)
            .filter(|number| number % all.len() == index)
            .map(|number| Session {
                key: SessionKey::new(scope.clone(), format!("user{number}-{number:017x}")),
                target: format!("i-{number:017x}").as_str().into(),
                started_at: Some(ago(60 + i64::try_from(number % 40_000).unwrap())),
                document: (number % 50 == 0).then(|| "AWS-StartSSHSession".into()),
                owner: format!("arn:aws:sts::{}:assumed-role/Developer/user{number}", scope.account).into(),
                reason: Some(format!("TASK-{number} routine work on the node").into()),
                ..session(&Role { owner: ("a", "b"), ..Role::HARMLESS })
            })
            .collect();
        observe(&mut state, Observation::Active { scope: scope.clone(), sessions, at: ago(2) }, ago(2));
    }
    settle(&mut state);
    state
}
