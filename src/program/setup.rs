//! From the config to the parts of the program.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{Refusal, themes::Themes};
use crate::{
    app::{
        Setup, State,
        action::ACTIONS,
        board::Board,
        columns::{COLUMNS, ColumnId, ColumnSet, ShownColumn, TableSetup},
        filter::{Filter, SavedFilter},
        grouping::GroupBy,
        keymap::{Keymap, parse_key},
        notify::{Channel, Channels, Protocol},
        wall::WallSetup,
    },
    aws::{Access, AccountConfig, Fleet, FleetConfig},
    cli::Cli,
    compliance::{Engine, Parameters, Rule, Subject},
    config::{
        self, Compliance, Config, NamedFilter, Quarantine, QuarantineMethodName, Settings, TableGroup, Vocabulary,
    },
    detection::Detector,
    domain::{QuarantineMethod, Severity},
    response::AlertTargets,
    ui::theme::Glyphs,
    watch::WatchConfig,
};

/// Reads the config as the command line says.
pub(super) fn settings(cli: &Cli) -> Result<Settings, Refusal> {
    let overrides = cli.global.overrides(std::env::var_os("NO_COLOR"));
    let actions: Vec<&str> = ACTIONS.iter().map(|info| info.name).collect();
    let rules = built_in_rules();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let columns: Vec<&str> = COLUMNS.iter().map(|info| info.name).collect();
    let sorting: Vec<&str> = COLUMNS.iter().filter(|info| info.sort.is_some()).map(|info| info.name).collect();
    let vocabulary = Vocabulary {
        actions: &actions,
        is_key: &|key| parse_key(key).is_some(),
        check_keys: &|keys| keymap(keys).map(drop).map_err(|error| error.to_string()),
        check_filter: &|text| match Filter::parse(text) {
            Ok(_) => Ok(()),
            Err(error) => Err((error.range.start, error.message)),
        },
        check_filter_keys: &|keys, filters| with_filters(keys, filters).map(drop).map_err(|error| error.to_string()),
        rules: &rules,
        columns: config::ColumnNames { all: &columns, sorting: &sorting },
    };
    let settings = config::load(cli.global.config.as_deref(), overrides, &vocabulary)
        .map_err(|error| Refusal::config(error.to_string(), error.to_do()))?;
    Ok(settings)
}

/// The demo's settings: the defaults with what the command line says of looks; accounts and acts of the config stay out.
pub(super) fn demo_settings(cli: &Cli) -> Result<Settings, Refusal> {
    let mut settings = settings(cli)?;
    let Config { theme, filters, keys, read_only, mouse, notify, table, wall, .. } =
        std::mem::take(&mut settings.config);
    // Its people come through an identity provider, which never tells AWS of a second factor; and its history begins with it.
    // A dozen people look after all of it.
    let compliance = Compliance {
        disabled: vec!["WHO-02".to_owned(), "WHO-07".to_owned()],
        max_sessions: 8,
        max_nodes: 12,
        ..Compliance::default()
    };
    settings.config =
        Config { theme, filters, keys, read_only, mouse, notify, table, wall, compliance, ..Config::default() };
    Ok(settings)
}

/// Refuses settings that this version reads but cannot honor: silence would look like protection.
pub(super) fn honored(settings: Settings) -> Result<Settings, Refusal> {
    match settings.config.not_in_force().first() {
        None => Ok(settings),
        Some(key) => Err(Refusal::config(
            format!("this version does not have {key}"),
            "take the key out of the config, so that nobody relies on it",
        )),
    }
}

/// Sessions are ended by verdicts, never by a detection, which may be a guess, or by a rule that is not in force.
pub(super) fn check_response(settings: &Settings, engine: &Engine) -> Result<(), Refusal> {
    let ends = |id: &&String| {
        let judges = |rule: &&Rule| rule.id.as_str() == id.as_str() && rule.subject == Subject::Session;
        engine.rules().iter().any(|rule| judges(&rule)) && !settings.config.compliance.disabled.contains(id)
    };
    match settings.config.response.auto_terminate.iter().find(|id| !ends(id)) {
        None => Ok(()),
        Some(id) => Err(Refusal::config(
            format!("response.auto_terminate: {id} is no rule in force that judges sessions"),
            "name rules on sessions from `ssmwatch rules list`; detections, nodes and preferences end none",
        )),
    }
}

fn built_in_rules() -> Vec<String> {
    match Engine::new(Parameters::default(), Vec::new()) {
        Ok(engine) => {
            let rules = engine.rules().iter().map(|rule| rule.id.to_string());
            rules.chain(super::detecting::built_in()).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// The keys of the config over the defaults.
pub(super) fn keymap(keys: &BTreeMap<String, Vec<String>>) -> Result<Keymap, crate::app::keymap::KeymapError> {
    Keymap::new(keys.iter().map(|(action, keys)| (action.as_str(), keys.as_slice())))
}

/// The same with the keys of saved filters.
pub(super) fn with_filters(
    keys: &BTreeMap<String, Vec<String>>,
    filters: &[NamedFilter],
) -> Result<Keymap, crate::app::keymap::KeymapError> {
    keymap(keys)?.with_filters(filters.iter().map(|named| (named.name.as_str(), named.keys.as_slice())))
}

/// The filters that the config gives names.
fn saved_filters(filters: &[NamedFilter]) -> Vec<SavedFilter> {
    let saved =
        |named: &NamedFilter| SavedFilter { name: named.name.as_str().into(), filter: named.filter.trim().into() };
    filters.iter().map(saved).collect()
}

/// The fleet that the config describes.
pub(super) fn fleet_config(settings: &Settings) -> FleetConfig {
    let config = &settings.config;
    let accounts = config.accounts.iter().map(|account| AccountConfig {
        id: Some(account.id.clone()),
        name: account.name.clone(),
        regions: account.regions.clone(),
        access: Access {
            profile: account.profile.clone(),
            role_arn: account.role_arn.clone(),
            external_id: account.external_id.clone(),
        },
    });
    FleetConfig {
        accounts: accounts.collect(),
        regions: settings.overrides.regions.clone(),
        profile: settings.overrides.profile.clone(),
        endpoint_url: settings.overrides.endpoint_url.clone(),
        archive: config
            .compliance
            .log_bucket_profile
            .as_ref()
            .map(|profile| Access { profile: Some(profile.clone()), ..Access::default() }),
        management: config.response.quarantine.as_ref().and_then(management),
        credentials: None,
    }
}

/// The credentials of the management account; nothing: the method does not need them.
fn management(quarantine: &Quarantine) -> Option<Access> {
    (quarantine.method == QuarantineMethodName::ServiceControlPolicy).then(|| Access {
        profile: quarantine.profile.clone(),
        role_arn: quarantine.role_arn.clone(),
        external_id: quarantine.external_id.clone(),
    })
}

/// Connects the fleet; its errors are the user's to mend.
pub(super) async fn connect(config: FleetConfig) -> Result<Fleet, Refusal> {
    Fleet::connect(config).await.map_err(|error| Refusal::failed(error.to_string(), error.to_do()))
}

/// How the watch looks.
pub(super) fn watch_config(config: &Config, parameters: &Parameters) -> WatchConfig {
    WatchConfig {
        sessions_every: config.poll.sessions.duration(),
        evidence_every: config.poll.evidence.duration(),
        log_group: config.compliance.log_group.as_ref().map(|group| group.as_str().to_owned()),
        log_bucket: config.compliance.log_bucket.as_ref().map(|bucket| bucket.as_str().to_owned()),
        principal_tags: parameters.approval_required || !parameters.tag_pairs.is_empty(),
        tag_changes: parameters.approval_required,
        live_tail: config.poll.live_tail,
        principals_since: match parameters.disabled.iter().any(|rule| rule == "WHO-07") {
            true => Duration::ZERO,
            false => Duration::try_from(parameters.new_principal_after).unwrap_or_default(),
        },
        ..WatchConfig::default()
    }
}

/// An empty board of the fleet's scopes.
pub(super) fn board(fleet: &Fleet, engine: impl Into<Arc<Engine>>, config: &Config) -> Board {
    let group = config.compliance.log_group.as_ref();
    let scopes = fleet.scopes().map(|scope| {
        let id = scope.id().clone();
        let group = group.map(|group| Arc::from(group.fill(&id)));
        (id, Arc::clone(scope.name()), group)
    });
    Board::new(scopes.collect::<Vec<_>>(), engine.into(), stale_after(config.poll.sessions.duration()))
}

/// Three polls without a complete listing, and never less than what one slow answer takes.
fn stale_after(poll: Duration) -> SignedDuration {
    SignedDuration::try_from((poll * 3).max(Duration::from_secs(12))).unwrap_or(SignedDuration::MAX)
}

/// Where alerts go.
pub(super) fn alert_targets(config: &Config) -> AlertTargets {
    AlertTargets {
        member_topic: config.alerts.member_topic.clone(),
        central_topic: config.alerts.central_topic.clone(),
        metric_namespace: config.alerts.metric_namespace.clone(),
    }
}

/// The themes, the configured one first.
pub(super) fn themes(settings: &Settings) -> Result<Themes, Refusal> {
    let themes = Themes::read(settings, &[]);
    if let Err(error) = &themes.wanted {
        let to_do = "correct it, or choose another: ssmwatch --theme default-dark";
        return Err(Refusal::config(error.to_string(), to_do));
    }
    Ok(themes)
}

/// The glyphs of this terminal.
pub(super) fn glyphs() -> Glyphs {
    let variable = |name| std::env::var(name).ok();
    let (all, kind, language) = (variable("LC_ALL"), variable("LC_CTYPE"), variable("LANG"));
    Glyphs::for_locale(all.as_deref(), kind.as_deref(), language.as_deref())
}

/// A State for the dashboard.
pub(super) fn state(
    (board, detector): (Board, Arc<dyn Detector>),
    settings: &Settings,
    (themes, glyphs): (&Themes, Glyphs),
    store: &Path,
    demo: bool,
) -> Result<State, Refusal> {
    let config = &settings.config;
    let keymap = with_filters(&config.keys, &config.filters)
        .map_err(|error| Refusal::config(error.to_string(), "correct [keys] in the config"))?;
    let read_only = if settings.overrides.read_only {
        Some(Arc::from("--read-only was given"))
    } else if config.read_only {
        Some(Arc::from("read_only = true in the config"))
    } else {
        None
    };
    let setup = Setup {
        read_only,
        ascii: glyphs == Glyphs::ASCII,
        demo,
        actor: whoami::fallible::username().unwrap_or_else(|_| "unknown user".into()).into(),
        keymap,
        filters: saved_filters(&config.filters),
        themes: themes.names(),
        poll: SignedDuration::try_from(config.poll.sessions.duration()).unwrap_or(SignedDuration::MAX),
        member_topic: config.alerts.member_topic.as_ref().map(|topic| topic.as_str().into()),
        central_topic: config.alerts.central_topic.as_ref().map(|topic| topic.as_str().into()),
        metric_namespace: config.alerts.metric_namespace.as_str().into(),
        raise_on: Some(config.alerts.raise_on),
        quarantine: config.response.quarantine.as_ref().map(|quarantine| match quarantine.method() {
            QuarantineMethod::ServiceControlPolicy { policy_id } => {
                format!("attaches the service control policy {policy_id} to the account").into()
            }
            QuarantineMethod::RevokeRoleSessions => "revokes the sessions of the owner's role".into(),
        }),
        mouse: config.mouse,
        notify: channels(&config.notify)?,
        auto_terminate: config.response.auto_terminate.iter().map(|id| id.as_str().into()).collect(),
        max_per_hour: config.response.max_per_hour,
        countdown: SignedDuration::try_from(config.response.countdown.duration()).unwrap_or(SignedDuration::MAX),
        store: store.display().to_string().into(),
        wall: WallSetup {
            start: config.wall.start || settings.overrides.wall,
            dwell: SignedDuration::try_from(config.wall.dwell.duration()).unwrap_or(SignedDuration::MAX),
            mask: config.wall.mask,
        },
        table: table(&config.table),
        zone: jiff::tz::TimeZone::system(),
    };
    Ok(State::new(board, detector, setup, Timestamp::now()))
}

/// The sessions table, as the config says. Its names were checked when it was read.
fn table(table: &config::Table) -> TableSetup {
    let shown =
        |column: &config::TableColumn| Some(ShownColumn { id: ColumnId::named(&column.name)?, width: column.cells });
    let sort = table.sort.as_deref().and_then(ColumnId::named).and_then(|id| id.info().sort);
    TableSetup {
        columns: match &table.columns {
            Some(columns) => ColumnSet::new(columns.iter().filter_map(shown)),
            None => ColumnSet::default(),
        },
        sort: sort.unwrap_or_default(),
        reverse: table.reverse,
        group: match table.group {
            TableGroup::None => GroupBy::None,
            TableGroup::Account => GroupBy::Account,
            TableGroup::Owner => GroupBy::Owner,
            TableGroup::Node => GroupBy::Node,
        },
    }
}

/// How people are told, as the config says.
fn channels(notify: &config::Notify) -> Result<Channels, Refusal> {
    let refused = |why: String| Refusal::config(why, "correct [notify] in the config");
    let channel = |least: Option<Severity>, hours: &Option<String>| -> Result<Option<Channel>, Refusal> {
        let quiet = hours.as_deref().map(config::parse_hours).transpose().map_err(refused)?;
        Ok(least.map(|least| Channel { least, quiet }))
    };
    let zone = match &notify.time_zone {
        Some(name) => jiff::tz::TimeZone::get(name).map_err(|error| refused(error.to_string()))?,
        None => jiff::tz::TimeZone::system(),
    };
    let on = (!notify.command.is_empty()).then_some(notify.command_on);
    Ok(Channels {
        bell: channel(notify.bell, &notify.bell_quiet_hours)?,
        terminal: channel(notify.terminal, &notify.terminal_quiet_hours)?,
        protocol: match notify.protocol {
            config::NotifyProtocol::Osc9 => Protocol::Osc9,
            config::NotifyProtocol::Osc777 => Protocol::Osc777,
        },
        command: channel(on, &notify.command_quiet_hours)?,
        except: notify.quiet_except,
        zone,
        cannot_see: notify.cannot_see,
    })
}

/// The program's log: where `--log-file` says, else in the user's state directory.
pub(super) fn program_log_path(settings: &Settings) -> Result<PathBuf, Refusal> {
    match &settings.overrides.log_file {
        Some(path) => Ok(path.clone()),
        None => Ok(data_directory()?.join("ssmwatch.log")),
    }
}

fn data_directory() -> Result<PathBuf, Refusal> {
    let directories = directories::ProjectDirs::from("", "", "ssmwatch").ok_or_else(|| {
        Refusal::failed("there is no home directory for the program's log", "set HOME, or give --log-file PATH")
    })?;
    Ok(directories.state_dir().unwrap_or_else(|| directories.data_dir()).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::view::SortBy;

    fn with(quarantine: Option<Quarantine>) -> FleetConfig {
        let mut settings = Settings::default();
        settings.config.response.quarantine = quarantine;
        fleet_config(&settings)
    }

    #[test]
    fn the_line_that_keeps_the_columns_is_read_as_it_was_shown() {
        let shown = |(id, width)| ShownColumn { id, width };
        let columns = [(ColumnId::Verdict, Some(16)), (ColumnId::Tags, None), (ColumnId::Owner, Some(30))];
        for setup in [
            TableSetup::default(),
            TableSetup {
                columns: ColumnSet::new(columns.map(shown)),
                sort: SortBy::LastOutput,
                reverse: true,
                group: GroupBy::Owner,
            },
        ] {
            let config: Config = toml::from_str(&setup.to_toml()).unwrap_or_default();
            assert!(config.table.columns.is_some());
            assert_eq!(table(&config.table), setup);
        }
    }

    #[test]
    fn the_management_account_is_reached_only_for_what_needs_it() {
        let quarantine = Quarantine {
            method: QuarantineMethodName::ServiceControlPolicy,
            policy_id: Some("p-examplepolicyid111".to_owned()),
            profile: Some("org".to_owned()),
            role_arn: Some("arn:aws:iam::999999999999:role/quarantine".to_owned()),
            external_id: Some("12345".to_owned()),
        };
        let access = Access {
            profile: Some("org".to_owned()),
            role_arn: Some("arn:aws:iam::999999999999:role/quarantine".to_owned()),
            external_id: Some("12345".to_owned()),
        };
        assert_eq!(with(Some(quarantine.clone())).management, Some(access));
        assert_eq!(with(None).management, None);
        let revoking = Quarantine { method: QuarantineMethodName::RevokeRoleSessions, ..quarantine };
        assert_eq!(with(Some(revoking)).management, None);
    }
}
