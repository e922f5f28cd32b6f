//! Finding, reading and checking the config file.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use directories::ProjectDirs;
use toml::de::DeTable;

use super::{
    Config, KeyBindings,
    error::{Complaint, ConfigError, Step, nearest, offset_of, unknown_key},
    filters::{self, CheckFilter, CheckFilterKeys},
    names::arn_parts,
};
use crate::domain::Region;

/// What the config file may name and other rooms know: actions, keys, rules.
#[derive(Clone, Copy)]
pub struct Vocabulary<'a> {
    /// Names of the actions that keys can be bound to.
    pub actions: &'a [&'a str],
    /// Whether a text is a key.
    pub is_key: &'a dyn Fn(&str) -> bool,
    /// Whether the bindings go together; the words of the error say which do not.
    pub check_keys: &'a dyn Fn(&KeyBindings) -> Result<(), String>,
    /// Whether a text is a filter; the byte at which it is not, and why.
    pub check_filter: CheckFilter<'a>,
    /// Whether the keys of filters go together with the bindings and with each other.
    pub check_filter_keys: CheckFilterKeys<'a>,
    /// Columns of the sessions table.
    pub columns: super::ColumnNames<'a>,
    /// Ids of the built-in rules; empty: rule ids are not checked.
    pub rules: &'a [&'a str],
}

/// What the command line says over the config file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// Looking only.
    pub read_only: bool,
    /// Name of the theme.
    pub theme: Option<String>,
    /// The profile of accounts that name none, and of the ambient account.
    pub profile: Option<String>,
    /// The regions of every account, instead of the file's.
    pub regions: Vec<Region>,
    /// Where all AWS requests go.
    pub endpoint_url: Option<String>,
    /// The program's log.
    pub log_file: Option<PathBuf>,
    /// No colors.
    pub no_color: bool,
    /// Begin at the wall.
    pub wall: bool,
}

/// Where the values of the config come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Origin {
    /// The file that was read; `None`: there is none, and the defaults hold.
    pub file: Option<PathBuf>,
    /// What is written in it.
    pub written: toml::Table,
}

/// The config in force: file and command line together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// File over defaults, command line over file.
    pub config: Config,
    /// The command line's part.
    pub overrides: Overrides,
    /// Where it comes from.
    pub origin: Origin,
}

fn directories() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "ssmwatch")
}

/// Where the config file is looked for without `--config`.
///
/// # Errors
/// There is no home directory.
pub fn default_path() -> Result<PathBuf, ConfigError> {
    directories().map(|dirs| dirs.config_dir().join("config.toml")).ok_or(ConfigError::NoHome)
}

/// Where the user's own themes lie: beside the config file.
pub fn user_theme_dir(config_file: Option<&Path>) -> Option<PathBuf> {
    match config_file.and_then(Path::parent) {
        Some(directory) => Some(directory.join("themes")),
        None => directories().map(|dirs| dirs.config_dir().join("themes")),
    }
}

/// Reads the config: the file of `--config` (which must be there), or the default one (which need not), then the
/// command line over it.
///
/// # Errors
/// The file is not there, cannot be read, or says something that cannot be used.
pub fn load(
    asked_for: Option<&Path>,
    overrides: Overrides,
    vocabulary: &Vocabulary<'_>,
) -> Result<Settings, ConfigError> {
    let path = match asked_for {
        Some(path) => Some(path.to_owned()),
        None => default_path().ok(),
    };
    let mut config = Config::default();
    let mut origin = Origin::default();
    if let Some(path) = path {
        match fs::read_to_string(&path) {
            Ok(text) => {
                config = parse(&text, &path, vocabulary)?;
                origin = Origin { file: Some(path), written: text.parse().unwrap_or_default() };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if asked_for.is_some() {
                    return Err(ConfigError::NotFound { path });
                }
            }
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        }
    }
    config.read_only |= overrides.read_only;
    if let Some(theme) = &overrides.theme {
        config.theme.clone_from(theme);
    }
    if !overrides.regions.is_empty() {
        for account in &mut config.accounts {
            account.regions.clone_from(&overrides.regions);
        }
        if let Some(organization) = &mut config.organization {
            organization.regions.clone_from(&overrides.regions);
        }
    }
    Ok(Settings { config, overrides, origin })
}

/// Reads and checks the text of a config file; `path` only names it in errors.
///
/// # Errors
/// Every complaint: one if it cannot be read at all, otherwise all that do not go together.
pub fn parse(text: &str, path: &Path, vocabulary: &Vocabulary<'_>) -> Result<Config, ConfigError> {
    let invalid = |complaints| ConfigError::Invalid { path: path.to_owned(), complaints };
    let config: Config = toml::from_str(text).map_err(|error| invalid(vec![Complaint::of_toml(text, &error)]))?;
    let table = DeTable::parse(text).map_err(|error| invalid(vec![Complaint::of_toml(text, &error)]))?;
    let mut check = Check { text, table: table.get_ref(), complaints: Vec::new() };
    check.accounts(&config);
    check.rules(&config, vocabulary.rules);
    check.hours(&config);
    check.quarantine(&config);
    check.notify(&config);
    check.table(&config, vocabulary);
    check.keys(&config, vocabulary);
    check.filters(&config, vocabulary);
    if check.complaints.is_empty() {
        Ok(config)
    } else {
        check.complaints.sort_by_key(|complaint| (complaint.line, complaint.column));
        Err(invalid(check.complaints))
    }
}

/// What no value can know by itself.
struct Check<'a> {
    text: &'a str,
    table: &'a DeTable<'a>,
    complaints: Vec<Complaint>,
}

impl Check<'_> {
    fn value(&mut self, path: &[Step<'_>], message: String) {
        self.complaints.push(Complaint::at(self.text, offset_of(self.table, path, false), message));
    }

    fn key(&mut self, path: &[Step<'_>], message: String) {
        self.complaints.push(Complaint::at(self.text, offset_of(self.table, path, true), message));
    }

    fn accounts(&mut self, config: &Config) {
        let mut seen = HashMap::new();
        for (index, account) in config.accounts.iter().enumerate() {
            let field = |name| [Step::Key("accounts"), Step::Index(index), Step::Key(name)];
            if seen.insert(&account.id, index).is_some() {
                self.value(
                    &field("id"),
                    format!("account `{}` is there twice; put all its regions into one [[accounts]]", account.id),
                );
            }
            self.repeated_region("accounts", Some(index), &account.regions);
            if let Some([.., owner, _]) = account.role_arn.as_deref().and_then(arn_parts)
                && owner != account.id.as_str()
            {
                self.value(
                    &field("role_arn"),
                    format!("the role is of account `{owner}`, but `id` is `{}`; they must be the same", account.id),
                );
            }
            if account.external_id.is_some() && account.role_arn.is_none() {
                self.key(
                    &field("external_id"),
                    "`external_id` is for a role, but there is no `role_arn`; add it or leave this out".to_owned(),
                );
            }
            for (name, value) in [("name", &account.name), ("profile", &account.profile)] {
                if value.as_deref().is_some_and(|value| value.trim().is_empty()) {
                    self.value(&field(name), format!("`{name}` is empty; leave the key out instead"));
                }
            }
        }
        if let Some(organization) = &config.organization {
            self.repeated_region("organization", None, &organization.regions);
        }
        if config.theme.is_empty() {
            self.value(&[Step::Key("theme")], "`theme` is empty; write for instance \"default-dark\"".to_owned());
        }
    }

    fn repeated_region(&mut self, table: &str, account: Option<usize>, regions: &[Region]) {
        for (index, region) in regions.iter().enumerate() {
            if regions.iter().take(index).any(|earlier| earlier == region) {
                let mut path = vec![Step::Key(table)];
                path.extend(account.map(Step::Index));
                path.extend([Step::Key("regions"), Step::Index(index)]);
                self.value(&path, format!("region `{region}` is there twice; leave one out"));
            }
        }
    }

    /// Ids that nobody knows. The user's own policies and Sigma rules bring ids of their own, so with them all are let through.
    fn rules(&mut self, config: &Config, rules: &[&str]) {
        if rules.is_empty() || !config.compliance.policies.is_empty() || !config.compliance.detections.is_empty() {
            return;
        }
        let unknown = |id: &str| {
            let known = rules.contains(&id);
            (!known).then(|| match nearest(id, rules.iter().copied()) {
                Some(word) => format!("unknown rule `{id}`, did you mean `{word}`?"),
                None => format!("unknown rule `{id}`; `ssmwatch rules list` shows them all"),
            })
        };
        for (table, name, ids) in [
            ("compliance", "disabled", &config.compliance.disabled),
            ("response", "auto_terminate", &config.response.auto_terminate),
        ] {
            for (index, id) in ids.iter().enumerate() {
                if let Some(message) = unknown(id) {
                    self.value(&[Step::Key(table), Step::Key(name), Step::Index(index)], message);
                }
            }
        }
        for id in config.compliance.severity.keys() {
            if let Some(message) = unknown(id) {
                self.key(&[Step::Key("compliance"), Step::Key("severity"), Step::Key(id)], message);
            }
        }
    }

    /// Days and a zone without hours would look like a rule that is in force.
    fn hours(&mut self, config: &Config) {
        if config.compliance.allowed_hours.is_some() {
            return;
        }
        // All seven days are no limit.
        let fewer_days = config.compliance.allowed_days.len() < 7;
        for (key, written) in [("allowed_days", fewer_days), ("time_zone", config.compliance.time_zone.is_some())] {
            if written {
                let message =
                    format!("`{key}` is for hours, but there are no `allowed_hours`; add them or leave this out");
                self.key(&[Step::Key("compliance"), Step::Key(key)], message);
            }
        }
    }

    fn quarantine(&mut self, config: &Config) {
        for (key, message) in config.response.quarantine.iter().flat_map(super::Quarantine::complaints) {
            self.key(&[Step::Key("response"), Step::Key("quarantine"), Step::Key(key)], message);
        }
    }

    fn notify(&mut self, config: &Config) {
        for (key, message) in config.notify.complaints() {
            self.key(&[Step::Key("notify"), Step::Key(key)], message);
        }
    }

    fn table(&mut self, config: &Config, vocabulary: &Vocabulary<'_>) {
        for (key, element, message) in config.table.complaints(vocabulary.columns) {
            let path = [Step::Key("table"), Step::Key(key)];
            let path: Vec<Step<'_>> = path.into_iter().chain(element.map(Step::Index)).collect();
            self.value(&path, message);
        }
    }

    fn keys(&mut self, config: &Config, vocabulary: &Vocabulary<'_>) {
        let before = self.complaints.len();
        for (action, keys) in &config.keys {
            if !vocabulary.actions.contains(&action.as_str()) {
                let message = unknown_key(action, "keys", vocabulary.actions);
                self.key(&[Step::Key("keys"), Step::Key(action)], message);
                continue;
            }
            for (index, key) in keys.iter().enumerate().filter(|(_, key)| !(vocabulary.is_key)(key)) {
                let message = format!(
                    "`{key}` is not a key; write for instance \"t\", \"T\", \"ctrl-t\", \"enter\", \"pagedown\", \"f5\""
                );
                self.value(&[Step::Key("keys"), Step::Key(action), Step::Index(index)], message);
            }
        }
        if self.complaints.len() == before
            && !config.keys.is_empty()
            && let Err(message) = (vocabulary.check_keys)(&config.keys)
        {
            // The place is that of a key without which the complaint would be another one.
            let matters = |action: &str, index: usize| {
                let mut fewer = config.keys.clone();
                if let Some(keys) = fewer.get_mut(action).filter(|keys| index < keys.len()) {
                    keys.remove(index);
                }
                (vocabulary.check_keys)(&fewer).err().as_ref() != Some(&message)
            };
            let mut written = config
                .keys
                .iter()
                .rev()
                .flat_map(|(action, keys)| (0..keys.len()).map(move |index| (action.as_str(), index)));
            match written.find(|(action, index)| matters(action, *index)) {
                Some((action, index)) => {
                    self.value(&[Step::Key("keys"), Step::Key(action), Step::Index(index)], message);
                }
                None => self.key(&[Step::Key("keys")], message),
            }
        }
    }

    fn filters(&mut self, config: &Config, vocabulary: &Vocabulary<'_>) {
        for wrong in filters::complaints(&config.filters, vocabulary.check_filter, vocabulary.is_key) {
            let mut path = vec![Step::Key("filters"), Step::Index(wrong.index), Step::Key(wrong.key)];
            path.extend(wrong.element.map(Step::Index));
            let start = offset_of(self.table, &path, false);
            // Into the string, where it is written as it is read.
            let written = config.filters.get(wrong.index).filter(|_| wrong.byte > 0).map(|named| named.filter.as_str());
            let inside =
                self.text.get(start + 1..).zip(written).is_some_and(|(text, written)| text.starts_with(written));
            let at = if inside { start + 1 + wrong.byte } else { start };
            self.complaints.push(Complaint::at(self.text, at, wrong.message));
        }
        // One by one, so that the complaint stands at the one that clashes.
        for count in 1..=config.filters.len() {
            let filters = config.filters.get(..count).unwrap_or_default();
            let result = match self.complaints.is_empty() {
                true => (vocabulary.check_filter_keys)(&config.keys, filters),
                false => Ok(()),
            };
            if let Err(message) = result {
                self.value(&[Step::Key("filters"), Step::Index(count - 1), Step::Key("keys")], message);
                return;
            }
        }
    }
}
