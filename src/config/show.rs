//! The effective config as TOML, with where each value comes from.

use toml::{Table, Value};

use super::{Config, Settings};

impl Settings {
    /// The config in force as TOML; each line ends in a comment that says where the value comes from.
    pub fn show(&self) -> String {
        let mut shown = match &self.origin.file {
            Some(path) => format!("# file: {}\n", path.display()),
            None => "# no config file: the defaults hold\n".to_owned(),
        };
        for (flag, value) in self.flags() {
            shown.push_str(&format!("# command line: {flag}{value}\n"));
        }
        shown.push('\n');
        let effective = Table::try_from(&self.config).unwrap_or_default();
        self.table(&effective, Some(&self.origin.written), &mut Vec::new(), &mut shown);
        shown
    }

    fn flags(&self) -> Vec<(&'static str, String)> {
        let overrides = &self.overrides;
        let mut flags = Vec::new();
        if overrides.read_only {
            flags.push(("--read-only", String::new()));
        }
        for (flag, value) in [
            ("--theme ", &overrides.theme),
            ("--profile ", &overrides.profile),
            ("--endpoint-url ", &overrides.endpoint_url),
        ] {
            flags.extend(value.iter().map(|value| (flag, value.clone())));
        }
        flags.extend(overrides.regions.iter().map(|region| ("--region ", region.to_string())));
        flags.extend(overrides.log_file.iter().map(|path| ("--log-file ", path.display().to_string())));
        if overrides.no_color {
            flags.push(("--no-color", String::new()));
        }
        flags
    }

    /// Whether the command line decides this key.
    fn overridden(&self, path: &[&str]) -> bool {
        match path {
            ["read_only"] => self.overrides.read_only,
            ["theme"] => self.overrides.theme.is_some(),
            ["accounts" | "organization", "regions"] => !self.overrides.regions.is_empty(),
            _ => false,
        }
    }

    fn table<'t>(&self, table: &'t Table, written: Option<&Table>, path: &mut Vec<&'t str>, shown: &mut String) {
        let nested = |value: &Value| value.is_table() || is_tables(value);
        for (key, value) in table.iter().filter(|(_, value)| !nested(value)) {
            path.push(key);
            let from = if self.overridden(path) {
                "command line"
            } else if written.is_some_and(|written| written.contains_key(key)) {
                "file"
            } else {
                "default"
            };
            path.pop();
            shown.push_str(&format!("{} = {value}  # {from}\n", quoted(key)));
        }
        for (key, value) in table.iter().filter(|(_, value)| nested(value)) {
            let below = written.and_then(|written| written.get(key));
            path.push(key);
            let name = path.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(".");
            match value {
                Value::Table(inner) if !inner.is_empty() => {
                    shown.push_str(&format!("\n[{name}]\n"));
                    self.table(inner, below.and_then(Value::as_table), path, shown);
                }
                Value::Array(elements) => {
                    for (index, inner) in elements.iter().enumerate() {
                        shown.push_str(&format!("\n[[{name}]]\n"));
                        let written = below.and_then(|below| below.get(index)).and_then(Value::as_table);
                        if let Value::Table(inner) = inner {
                            self.table(inner, written, path, shown);
                        }
                    }
                }
                _ => {}
            }
            path.pop();
        }
    }
}

fn is_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_table))
}

/// A key as TOML wants it: quoted where it is not bare.
fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { key.to_owned() } else { Value::from(key).to_string() }
}

impl Config {
    /// One line for `config check`: what the config amounts to.
    pub fn summary(&self) -> String {
        let scopes: usize = self.accounts.iter().map(|account| account.regions.len()).sum();
        let watched = match (self.accounts.len(), &self.organization) {
            (0, None) => "the account of the ambient credentials".to_owned(),
            (0, Some(organization)) => {
                format!("all accounts of the organization in {} regions", organization.regions.len())
            }
            (accounts, None) => format!("{} in {}", counted(accounts, "account"), counted(scopes, "scope")),
            (accounts, Some(_)) => {
                format!("{} in {} and the organization", counted(accounts, "account"), counted(scopes, "scope"))
            }
        };
        let acting = if self.read_only { "read only" } else { "acting allowed" };
        format!("{watched}, sessions every {}, {acting}, theme {}", self.poll.sessions, self.theme)
    }
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
