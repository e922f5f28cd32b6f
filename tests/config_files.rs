//! Config files that are right and config files that are wrong, each wrong one with the words it is answered with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{collections::BTreeMap, fs, path::Path};

use ssmwatch::config::{Config, ConfigError, Overrides, Settings, Vocabulary, load, parse};

fn check_keys(keys: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
    let mut all: Vec<_> = keys.values().flatten().collect();
    all.sort();
    match all.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first().copied()) {
        Some(twice) => Err(format!("key `{twice}` is bound twice; give one action another key")),
        None => Ok(()),
    }
}

const VOCABULARY: Vocabulary<'static> = Vocabulary {
    actions: &["terminate", "alert", "quit", "help"],
    is_key: &|key| key.chars().count() == 1 || matches!(key, "f2" | "f3"),
    check_keys: &check_keys,
    check_filter: &|text| match ssmwatch::app::filter::Filter::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err((error.range.start, error.message)),
    },
    check_filter_keys: &|keys, filters| {
        let taken: Vec<_> =
            keys.values().flatten().chain(filters.iter().flat_map(|named| &named.keys)).cloned().collect();
        check_keys(&BTreeMap::from([("terminate".to_owned(), taken)]))
    },
    columns: ssmwatch::config::ColumnNames {
        all: &["verdict", "account", "node", "owner", "log", "age", "tags"],
        sorting: &["verdict", "account", "age"],
    },
    rules: &["DOC-01", "DOC-02", "TIM-02", "WHO-06"],
};

fn files(directory: &str) -> Vec<std::path::PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(directory);
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn read(path: &Path) -> Result<Config, ConfigError> {
    let name = path.file_name().unwrap();
    parse(&fs::read_to_string(path).unwrap(), Path::new(name), &VOCABULARY)
}

#[test]
fn wrong_files_are_answered_with_place_and_remedy() {
    let mut answers = String::new();
    for path in files("config_invalid") {
        let error = read(&path).expect_err(&path.display().to_string());
        answers.push_str(&format!("{error}\n"));
    }
    insta::assert_snapshot!(answers);
}

#[test]
fn right_files_are_read() {
    for path in files("config_valid") {
        let config = read(&path).unwrap_or_else(|error| panic!("{error}"));
        let written = toml::to_string(&config).unwrap();
        assert_eq!(parse(&written, &path, &VOCABULARY).unwrap(), config, "what is written is what is read");
    }
}

#[test]
fn the_command_line_goes_over_the_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    fs::write(&path, "[[accounts]]\nid = \"111122223333\"\nregions = [\"eu-central-1\"]\n").unwrap();
    let overrides = Overrides {
        read_only: true,
        theme: Some("mono".to_owned()),
        regions: vec!["us-east-1".into(), "us-west-2".into()],
        ..Overrides::default()
    };
    let settings = load(Some(&path), overrides, &VOCABULARY).unwrap();
    assert!(settings.config.read_only);
    assert_eq!(settings.config.theme, "mono");
    assert_eq!(settings.config.accounts.first().unwrap().regions.len(), 2);
    let shown = settings.show().replace(&path.display().to_string(), "config.toml");
    insta::assert_snapshot!(shown);
    assert_eq!(parse(&shown, &path, &VOCABULARY).unwrap(), settings.config, "what is shown is a config file");
}

#[test]
fn quarantine_is_shown_as_it_is_written_and_not_at_all_without_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    let written = include_str!("fixtures/config_valid/quarantine_by_policy.toml");
    fs::write(&path, written).unwrap();
    let settings = load(Some(&path), Overrides::default(), &VOCABULARY).unwrap();
    let shown = settings.show();
    assert!(
        shown.contains(
            "\n[response.quarantine]\nexternal_id = \"12345\"  # file\nmethod = \"service_control_policy\"  # file\n"
        ),
        "{shown}"
    );
    assert_eq!(parse(&shown, &path, &VOCABULARY).unwrap(), settings.config);
    assert!(!Settings::default().show().contains("quarantine"));
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("nothing.toml");
    let error = load(Some(&path), Overrides::default(), &VOCABULARY).expect_err("is not there");
    assert!(matches!(error, ConfigError::NotFound { .. }));
    assert!(error.to_string().contains("nothing.toml") && !error.to_do().is_empty());
    let error = load(Some(home.path()), Overrides::default(), &VOCABULARY).expect_err("is a directory");
    assert!(matches!(error, ConfigError::Unreadable { .. }));
}

#[test]
fn without_a_file_the_defaults_hold() {
    let settings = Settings::default();
    assert!(settings.show().starts_with("# no config file"));
    assert_eq!(
        settings.config.summary(),
        "the account of the ambient credentials, sessions every 5s, acting allowed, theme default-dark"
    );
}
