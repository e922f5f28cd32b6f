//! Themes: colors by meaning, read from TOML; and the glyphs that go with the terminal's character set.

mod glyphs;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use ratatui::style::{Color, Modifier, Style};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    config::Complaint,
    domain::{Severity, Verdict},
};

pub use glyphs::Glyphs;

/// The themes in the binary, in the order in which the theme key steps through them.
const BUILT_IN: [(&str, &str); 7] = [
    ("default-dark", include_str!("../../themes/default-dark.toml")),
    ("default-light", include_str!("../../themes/default-light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../themes/deuteranopia.toml")),
    ("tritanopia", include_str!("../../themes/tritanopia.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    ("ansi16", include_str!("../../themes/ansi16.toml")),
];

/// The theme without colors, for NO_COLOR.
pub const MONO: &str = "mono";

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident $(as $written:literal)?,)*) => {
        /// Styles by meaning.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Theme {
            /// Its name.
            pub name: String,
            /// What everything stands on; drawn over the whole screen first.
            pub base: Style,
            $($(#[$doc])* pub $role: Style,)*
        }

        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Roles {
            $($(#[serde(rename = $written)])? $role: Option<Ink>,)*
        }

        impl Roles {
            /// These, and where they say nothing, what `under` says.
            fn over(self, under: Self) -> Self {
                Self { $($role: self.$role.or(under.$role),)* }
            }

            /// All roles, or the first that is missing.
            fn complete(self, name: &str, base: Style) -> Result<Theme, &'static str> {
                Ok(Theme {
                    name: name.to_owned(),
                    base,
                    $($role: self.$role.ok_or(stringify!($role).trim_end_matches('_'))?.style(),)*
                })
            }
        }

        impl Theme {
            /// Every role with its style, for a test or a preview.
            pub fn roles(&self) -> Vec<(&'static str, Style)> {
                vec![$((stringify!($role).trim_end_matches('_'), self.$role),)*]
            }
        }
    };
}

roles! {
    /// Ordinary text.
    text,
    /// Text of second rank.
    muted,
    /// Titles of panes and columns.
    title,
    /// Border of a pane.
    border,
    /// Border of the pane that has the focus.
    border_focused,
    /// The selected row; laid over what is in it.
    selection,
    /// CRITICAL.
    critical,
    /// HIGH.
    high,
    /// MEDIUM.
    medium,
    /// LOW.
    low,
    /// INFORMATIONAL.
    informational,
    /// COMPLIANT.
    compliant,
    /// INSUFFICIENT_DATA.
    insufficient,
    /// Something went well.
    ok,
    /// Something wants a look.
    warning,
    /// Something failed, or is about to be ended.
    danger,
    /// Keys, links, what can be acted on.
    accent,
    /// The header when all is well.
    header_ok,
    /// The header when somebody must look.
    header_look,
    /// The header when an account or region cannot be seen.
    header_blind,
    /// A control character that was made visible.
    marked,
    /// A match of the filter or search.
    match_ as "match",
    /// A session that ended and is still selected.
    ghost,
}

impl Theme {
    /// The style of a severity.
    pub fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Informational => self.informational,
        }
    }

    /// The style of a verdict; NON_COMPLIANT without a severity is as loud as can be.
    pub fn verdict(&self, verdict: Verdict, severity: Option<Severity>) -> Style {
        match verdict {
            Verdict::NonCompliant => self.severity(severity.unwrap_or(Severity::Critical)),
            Verdict::InsufficientData => self.insufficient,
            Verdict::Compliant => self.compliant,
            Verdict::NotApplicable => self.muted,
        }
    }

    /// Reads a theme: the user's of that name, else the built-in one.
    ///
    /// # Errors
    /// There is none of that name (the error lists those there are), or it cannot be used.
    pub fn load(name: &str, user_dir: Option<&Path>) -> Result<Self, ThemeError> {
        let (roles, background) = gather(name, user_dir, &mut Vec::new())?;
        let mut base = Style::new().bg(background.unwrap_or(Color::Reset));
        base.fg = roles.text.as_ref().and_then(|ink| ink.fg);
        roles.complete(name, base).map_err(|role| ThemeError::Incomplete { name: name.to_owned(), role })
    }

    /// The names of all themes: the built-in ones, then the user's own.
    pub fn names(user_dir: Option<&Path>) -> Vec<String> {
        let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut own: Vec<String> = user_dir
            .and_then(|directory| fs::read_dir(directory).ok())
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let is_theme = path.extension().is_some_and(|extension| extension == "toml");
                is_theme.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
            })
            .filter(|name| !names.contains(name))
            .collect();
        own.sort();
        names.extend(own);
        names
    }
}

/// A theme that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// There is none of that name.
    #[error("there is no theme `{name}`; there are {}", .available.join(", "))]
    Unknown {
        /// As it was asked for.
        name: String,
        /// Those there are.
        available: Vec<String>,
    },
    /// Its file cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What it says cannot be used.
    #[error("{}:{}:{}: {}", .path.display(), .complaint.line, .complaint.column, .complaint.message)]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        complaint: Complaint,
    },
    /// A role is missing, and there is nothing to inherit it from.
    #[error("theme `{name}` says nothing of the role `{role}`; add it, or add: inherit = \"default-dark\"")]
    Incomplete {
        /// The theme.
        name: String,
        /// The role.
        role: &'static str,
    },
    /// Themes that inherit from each other.
    #[error("theme `{name}` inherits from itself: {}", .chain.join(" > "))]
    Circle {
        /// The theme.
        name: String,
        /// The way round.
        chain: Vec<String>,
    },
}

/// A theme as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    inherit: Option<String>,
    background: Option<Paint>,
    #[serde(default)]
    roles: Roles,
}

/// What a theme and those that it inherits from say together.
fn gather(name: &str, user_dir: Option<&Path>, chain: &mut Vec<String>) -> Result<(Roles, Option<Color>), ThemeError> {
    let seen = chain.iter().filter(|earlier| *earlier == name).count();
    chain.push(name.to_owned());
    // A user's theme may refine the built-in one of the same name; that is no circle.
    let built_in = BUILT_IN.iter().find(|(built_in, _)| *built_in == name);
    if seen > 1 || (seen == 1 && built_in.is_none()) {
        return Err(ThemeError::Circle { name: name.to_owned(), chain: chain.clone() });
    }
    // A name with a separator in it would read a file elsewhere.
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    let own = user_dir.filter(|_| plain && seen == 0).map(|directory| directory.join(format!("{name}.toml")));
    let (path, text) = match own.map(|path| (fs::read_to_string(&path), path)) {
        Some((Ok(text), path)) => (path, text),
        Some((Err(source), path)) if source.kind() != io::ErrorKind::NotFound => {
            return Err(ThemeError::Unreadable { path, source });
        }
        _ => match built_in {
            Some((_, text)) => (PathBuf::from(format!("themes/{name}.toml")), (*text).to_owned()),
            None => {
                return Err(ThemeError::Unknown { name: name.to_owned(), available: Theme::names(user_dir) });
            }
        },
    };
    let file: ThemeFile = toml::from_str(&text)
        .map_err(|error| ThemeError::Invalid { path, complaint: Complaint::of_toml(&text, &error) })?;
    let background = file.background.map(|paint| paint.0);
    match file.inherit {
        Some(parent) => {
            let (under, parent_background) = gather(&parent, user_dir, chain)?;
            Ok((file.roles.over(under), background.or(parent_background)))
        }
        None => Ok((file.roles, background)),
    }
}

/// A color as it is written: `"#88c0d0"`, a name (`"light red"`, `"reset"`), or one of the 256 (`12` or `"12"`).
#[derive(Debug, Clone, Copy)]
struct Paint(Color);

impl<'de> Deserialize<'de> for Paint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Ink::deserialize(deserializer)? {
            Ink { fg: Some(color), bg: None, modifiers } if modifiers.is_empty() => Ok(Self(color)),
            _ => Err(D::Error::custom("wanted is one color, as \"#88c0d0\"")),
        }
    }
}

/// What a role is drawn with: a color alone, or a table of `fg`, `bg`, `modifiers`.
#[derive(Debug, Clone, Copy, Default)]
struct Ink {
    fg: Option<Color>,
    bg: Option<Color>,
    modifiers: Modifier,
}

impl Ink {
    fn style(self) -> Style {
        let mut style = Style::new().add_modifier(self.modifiers);
        style.fg = self.fg;
        style.bg = self.bg;
        style
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InkTable {
    fg: Option<Paint>,
    bg: Option<Paint>,
    #[serde(default)]
    modifiers: Vec<Weight>,
}

impl<'de> Deserialize<'de> for Ink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InkVisitor;
        impl<'de> Visitor<'de> for InkVisitor {
            type Value = Ink;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a color, as \"#88c0d0\", or a table of fg, bg and modifiers")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Ink, E> {
                let color = text.parse().map_err(|_| {
                    E::custom(format!(
                        "`{text}` is not a color; write \"#88c0d0\", a name as \"light red\", or a number up to 255"
                    ))
                })?;
                Ok(Ink { fg: Some(color), ..Ink::default() })
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Ink, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ink, A::Error> {
                let table = InkTable::deserialize(MapAccessDeserializer::new(map))?;
                let modifiers = table.modifiers.iter().fold(Modifier::empty(), |all, weight| all | weight.modifier());
                Ok(Ink { fg: table.fg.map(|paint| paint.0), bg: table.bg.map(|paint| paint.0), modifiers })
            }
        }
        deserializer.deserialize_any(InkVisitor)
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Weight {
    Bold,
    Dim,
    Italic,
    Underlined,
    Reversed,
    CrossedOut,
}

impl Weight {
    fn modifier(self) -> Modifier {
        match self {
            Self::Bold => Modifier::BOLD,
            Self::Dim => Modifier::DIM,
            Self::Italic => Modifier::ITALIC,
            Self::Underlined => Modifier::UNDERLINED,
            Self::Reversed => Modifier::REVERSED,
            Self::CrossedOut => Modifier::CROSSED_OUT,
        }
    }
}

#[cfg(test)]
pub(super) mod contrast_tests;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn user(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(format!("{name}.toml")), text).unwrap();
        }
        directory
    }

    fn refused(text: &str) -> String {
        let directory = user(&[("mine", text)]);
        let error = Theme::load("mine", Some(directory.path())).expect_err("must be refused").to_string();
        error.replace(&format!("{}/", directory.path().display()), "")
    }

    #[test]
    fn a_user_theme_inherits_and_refines() {
        let directory = user(&[
            (
                "mine",
                "inherit = \"default-light\"\n[roles]\ncritical = 196\nmatch = { bg = \"light red\", modifiers = [\"bold\"] }",
            ),
            ("default-dark", "inherit = \"default-dark\"\n[roles]\ntext = \"#ffffff\""),
        ]);
        let (mine, light) =
            (Theme::load("mine", Some(directory.path())).unwrap(), Theme::load("default-light", None).unwrap());
        assert_eq!(mine.critical.fg, Some(Color::Indexed(196)));
        assert_eq!(mine.match_, Style::new().bg(Color::LightRed).add_modifier(Modifier::BOLD));
        assert_eq!((mine.high, mine.base), (light.high, light.base));
        let dark = Theme::load("default-dark", Some(directory.path())).unwrap();
        assert_eq!(dark.text.fg, Some(Color::Rgb(255, 255, 255)));
        assert_eq!(
            Theme::names(Some(directory.path())),
            ["default-dark", "default-light", "high-contrast", "deuteranopia", "tritanopia", "mono", "ansi16", "mine"]
        );
    }

    #[test]
    fn wrong_themes_say_where_and_what() {
        assert_eq!(
            Theme::load("solarized", None).expect_err("unknown").to_string(),
            "there is no theme `solarized`; there are default-dark, default-light, high-contrast, deuteranopia, tritanopia, mono, \
             ansi16"
        );
        assert!(matches!(Theme::load("../themes/mono", Some(Path::new("."))), Err(ThemeError::Unknown { .. })));
        assert_eq!(
            refused("[roles]\ncritcal = \"red\""),
            "mine.toml:2:1: unknown key `critcal` in `roles`, did you mean `critical`?"
        );
        assert_eq!(
            refused("[roles]\nhigh = \"redd\""),
            "mine.toml:2:8: `roles.high`: `redd` is not a color; write \"#88c0d0\", a name as \"light red\", or a number up to 255"
        );
        assert_eq!(
            refused("[roles]\nhigh = { fgg = \"red\" }"),
            "mine.toml:2:10: unknown key `fgg` in `roles.high`, did you mean `fg`?"
        );
        assert_eq!(
            refused("[roles]\nhigh = true"),
            "mine.toml:2:8: `roles.high` is boolean `true`, wanted is a color, as \"#88c0d0\", or a table of fg, bg and modifiers"
        );
        assert_eq!(
            refused("[roles]\nhigh = { modifiers = [\"bald\"] }"),
            "mine.toml:2:23: unknown word `bald` in `roles.high.modifiers[1]`, did you mean `bold`?"
        );
        assert_eq!(
            refused("[roles]\nhigh = \"red\""),
            "theme `mine` says nothing of the role `text`; add it, or add: inherit = \"default-dark\""
        );
        assert_eq!(refused("inherit = \"mine\""), "theme `mine` inherits from itself: mine > mine");
    }
}
