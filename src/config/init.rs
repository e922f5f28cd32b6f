//! `ssmwatch config init`: a commented config file to begin with.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use super::ConfigError;

/// The commented config file.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Writes the commented config file; makes the directories above it.
///
/// # Errors
/// There is a file already, or it cannot be written.
pub fn write_template(path: &Path) -> Result<(), ConfigError> {
    let unwritable = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => ConfigError::Exists { path: path.to_owned() },
        _ => ConfigError::Unwritable { path: path.to_owned(), source },
    };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)
            .map_err(|source| ConfigError::Unwritable { path: directory.to_owned(), source })?;
    }
    let mut file = File::create_new(path).map_err(unwritable)?;
    file.write_all(TEMPLATE.as_bytes()).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Config, Vocabulary, parse};

    fn read(text: &str) -> Config {
        let vocabulary = Vocabulary {
            actions: &["terminate", "quit"],
            is_key: &|_| true,
            check_keys: &|_: &BTreeMap<String, Vec<String>>| Ok(()),
            check_filter: &|_| Ok(()),
            check_filter_keys: &|_, _| Ok(()),
            rules: &["TIM-02"],
            columns: crate::config::ColumnNames {
                all: &["verdict", "account", "node", "owner", "age"],
                sorting: &["verdict", "age"],
            },
        };
        parse(text, Path::new("config.toml"), &vocabulary).unwrap()
    }

    /// Takes the comment sign from the lines that show a default, and where asked from the examples.
    fn uncommented(examples: bool) -> String {
        TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest,
                Some(rest) if examples && rest.starts_with("   ") => rest,
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_template_says_the_defaults() {
        assert_eq!(read(TEMPLATE), Config::default());
        let defaults = uncommented(false);
        assert_eq!(read(&defaults), Config::default());
        // Every default is shown: what is written out has every key that the defaults have.
        let shown: toml::Table = defaults.parse().unwrap();
        let all = toml::Table::try_from(Config::default()).unwrap();
        for (name, value) in &all {
            let Some(table) = value.as_table() else {
                assert!(
                    shown.contains_key(name) || ["accounts", "filters"].contains(&name.as_str()),
                    "{name} is not in the template"
                );
                continue;
            };
            for key in table.keys() {
                let has = shown.get(name).and_then(|table| table.get(key)).is_some();
                assert!(has, "{name}.{key} is not in the template");
            }
        }
    }

    #[test]
    fn the_examples_of_the_template_are_right() {
        let config = read(&uncommented(true));
        assert_eq!(config.accounts.len(), 1);
        assert!(config.organization.is_some() && config.compliance.ticket_pattern.is_some());
        assert!(config.alerts.member_topic.is_some() && config.alerts.central_topic.is_some());
        assert!(config.response.quarantine.is_some_and(|quarantine| quarantine.external_id.is_some()));
        assert_eq!((config.keys.len(), config.filters.len()), (2, 1));
    }

    #[test]
    fn writes_once_into_new_directories() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/config.toml");
        write_template(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), TEMPLATE);
        fs::write(&path, "theme = \"mine\"").unwrap();
        let error = write_template(&path).expect_err("must not overwrite");
        assert!(matches!(error, ConfigError::Exists { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theme = \"mine\"");
        let below_a_file = path.join("config.toml");
        assert!(matches!(write_template(&below_a_file), Err(ConfigError::Unwritable { .. })));
    }
}
