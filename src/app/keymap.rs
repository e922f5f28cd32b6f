//! From keys to actions.

use std::{collections::HashMap, str::FromStr};

use crokey::{KeyCombination, KeyCombinationFormat};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::{ACTIONS, Action};

/// Which key does what, and the other way round for hints.
#[derive(Debug, Clone)]
pub struct Keymap {
    by_key: HashMap<KeyCombination, Action>,
    by_action: HashMap<Action, Vec<KeyCombination>>,
    filters: HashMap<KeyCombination, usize>,
}

/// What is wrong with a `[keys]` table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// No such action.
    #[error("unknown action `{name}`{}", nearest(.name))]
    UnknownAction {
        /// As written.
        name: String,
    },
    /// Not a key.
    #[error(
        "`{key}` of action `{action}` is not a key; write for instance `t`, `T`, `ctrl-t`, `enter`, `pagedown`, `f5`"
    )]
    NotAKey {
        /// As written.
        key: String,
        /// The action.
        action: String,
    },
    /// Two actions want one key.
    #[error("key `{key}` is bound to both `{first}` and `{second}`; give one of them another key, or none: []")]
    Clash {
        /// The key.
        key: String,
        /// One action.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A saved filter's key is not one.
    #[error("`{key}` of filter `{filter}` is not a key; write for instance `f2`, `ctrl-o`, `1`, `P`")]
    NotAKeyOfFilter {
        /// As written.
        key: String,
        /// The filter.
        filter: String,
    },
    /// A saved filter wants a key that has something to do.
    #[error("key `{key}` is bound to both {first} and filter `{filter}`; give one of them another key")]
    FilterClash {
        /// The key.
        key: String,
        /// The action or the other filter, with its kind where it is one.
        first: String,
        /// The filter.
        filter: String,
    },
}

fn nearest(name: &str) -> String {
    ACTIONS
        .iter()
        .map(|info| (strsim::damerau_levenshtein(name, info.name), info.name))
        .min()
        .map_or_else(String::new, |(_, nearest)| format!(", did you mean `{nearest}`?"))
}

/// Reads a key as people write it: `G` is shift-g.
pub fn parse_key(text: &str) -> Option<KeyCombination> {
    let mut characters = text.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        let modifiers = if character.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
        return Some(KeyCombination::from(KeyEvent::new(KeyCode::Char(character), modifiers)).normalized());
    }
    KeyCombination::from_str(text).ok().map(KeyCombination::normalized)
}

/// The one form in which keys are compared; `None` for a key's release.
pub fn combination(event: KeyEvent) -> Option<KeyCombination> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut event = event;
    if let KeyCode::Char(character) = event.code {
        // Terminals disagree on whether `?` or `G` carry SHIFT: for letters the case says it, for signs it says nothing.
        if character.is_uppercase() {
            event.modifiers |= KeyModifiers::SHIFT;
        } else if !character.is_alphabetic() {
            event.modifiers -= KeyModifiers::SHIFT;
        }
    }
    Some(KeyCombination::from(KeyEvent::new(event.code, event.modifiers)).normalized())
}

impl Keymap {
    /// The defaults with the user's `[keys]` laid over them; an empty list unbinds.
    ///
    /// # Errors
    /// Unknown action, unreadable key, or a key bound twice.
    pub fn new<'a>(overrides: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, KeymapError> {
        let mut by_action: HashMap<Action, Vec<KeyCombination>> = HashMap::new();
        for info in ACTIONS {
            by_action.insert(info.action, info.keys.iter().filter_map(|key| parse_key(key)).collect());
        }
        for (name, keys) in overrides {
            let info = ACTIONS
                .iter()
                .find(|info| info.name == name)
                .ok_or_else(|| KeymapError::UnknownAction { name: name.to_owned() })?;
            let keys = keys
                .iter()
                .map(|key| {
                    parse_key(key).ok_or_else(|| KeymapError::NotAKey { key: key.clone(), action: name.to_owned() })
                })
                .collect::<Result<_, _>>()?;
            by_action.insert(info.action, keys);
        }
        let mut by_key: HashMap<KeyCombination, Action> = HashMap::new();
        for info in ACTIONS {
            for key in by_action.get(&info.action).into_iter().flatten() {
                if let Some(first) = by_key.insert(*key, info.action) {
                    return Err(KeymapError::Clash {
                        key: key_name(*key),
                        first: first.info().name,
                        second: info.name,
                    });
                }
            }
        }
        Ok(Self { by_key, by_action, filters: HashMap::new() })
    }

    /// The same, with keys that put saved filters in force: their names and keys, in the order of the filters.
    ///
    /// # Errors
    /// Unreadable key, or a key that an action or another filter has.
    pub fn with_filters<'a>(
        mut self,
        filters: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, KeymapError> {
        let mut names: Vec<&str> = Vec::new();
        for (index, (name, keys)) in filters.into_iter().enumerate() {
            names.push(name);
            for written in keys {
                let key = parse_key(written)
                    .ok_or_else(|| KeymapError::NotAKeyOfFilter { key: written.clone(), filter: name.to_owned() })?;
                let action = self.by_key.get(&key).map(|action| format!("`{}`", action.info().name));
                let other = self.filters.insert(key, index).and_then(|other| names.get(other));
                if let Some(first) = action.or_else(|| other.map(|name| format!("filter `{name}`"))) {
                    return Err(KeymapError::FilterClash { key: written.clone(), first, filter: name.to_owned() });
                }
            }
        }
        Ok(self)
    }

    /// The saved filter that the key puts in force, by its place among them.
    pub fn filter(&self, key: KeyCombination) -> Option<usize> {
        self.filters.get(&key).copied()
    }

    /// The keys of a saved filter, as people write them.
    pub fn filter_keys(&self, index: usize) -> Vec<String> {
        let mut keys: Vec<String> =
            self.filters.iter().filter(|(_, filter)| **filter == index).map(|(key, _)| key_name(*key)).collect();
        keys.sort();
        keys
    }

    /// What that key does.
    pub fn action(&self, key: KeyCombination) -> Option<Action> {
        self.by_key.get(&key).copied()
    }

    /// The keys of an action, as people write them.
    pub fn keys(&self, action: Action) -> Vec<String> {
        self.by_action.get(&action).map(|keys| keys.iter().map(|key| key_name(*key)).collect()).unwrap_or_default()
    }

    /// What to press for an action, in a sentence: its first key; unbound, what finds it in the palette (`:quarantine`).
    pub fn word(&self, action: Action) -> String {
        self.first_key(action).unwrap_or_else(|| match self.first_key(Action::Palette) {
            Some(key) => format!("{key}{}", action.info().name),
            None => format!("the action {}", action.info().name),
        })
    }

    /// The first key of an action, for hints.
    pub fn first_key(&self, action: Action) -> Option<String> {
        self.by_action.get(&action).and_then(|keys| keys.first()).map(|key| key_name(*key))
    }
}

/// A key's short name for hints and help: `j`, `G`, `↓` is `Down`.
pub fn key_name(key: KeyCombination) -> String {
    let event: KeyEvent = key.into();
    match (event.code, event.modifiers) {
        (KeyCode::Char(character), modifiers) if (modifiers - KeyModifiers::SHIFT).is_empty() && character != ' ' => {
            if modifiers.contains(KeyModifiers::SHIFT) {
                character.to_uppercase().to_string()
            } else {
                character.to_string()
            }
        }
        (KeyCode::PageDown, KeyModifiers::NONE) => "PgDn".to_owned(),
        (KeyCode::PageUp, KeyModifiers::NONE) => "PgUp".to_owned(),
        (KeyCode::BackTab, _) => "Shift-Tab".to_owned(),
        _ => KeyCombinationFormat::default().to_string(key),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn none() -> std::iter::Empty<(&'static str, &'static [String])> {
        std::iter::empty()
    }

    #[test]
    fn every_action_has_one_row_and_readable_keys() {
        let map = Keymap::new(none()).unwrap();
        for (index, info) in ACTIONS.iter().enumerate() {
            assert_eq!(ACTIONS.iter().position(|other| other.action == info.action), Some(index));
            assert_eq!(map.keys(info.action).len(), info.keys.len(), "{}", info.name);
            assert_eq!(info.action.info().name, info.name);
        }
    }

    #[test]
    fn shifted_letters_and_signs_are_found_however_the_terminal_reports_them() {
        let map = Keymap::new(none()).unwrap();
        let press = |code, modifiers| map.action(combination(KeyEvent::new(code, modifiers)).unwrap());
        assert_eq!(press(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Action::Bottom));
        assert_eq!(press(KeyCode::Char('G'), KeyModifiers::NONE), Some(Action::Bottom));
        assert_eq!(press(KeyCode::Char('g'), KeyModifiers::NONE), Some(Action::Top));
        assert_eq!(press(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Action::Help));
        assert_eq!(press(KeyCode::Char('/'), KeyModifiers::NONE), Some(Action::Filter));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
        assert_eq!(press(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::PreviousPane));
        assert_eq!(press(KeyCode::PageDown, KeyModifiers::NONE), Some(Action::PageDown));
    }

    #[test]
    fn keys_of_saved_filters_belong_to_one_thing() {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<String>>();
        let with = |filters: &[(&str, Vec<String>)]| {
            let filters = filters.iter().map(|(name, keys)| (*name, keys.as_slice()));
            Keymap::new(none()).unwrap().with_filters(filters)
        };
        let map = with(&[("prod", keys(&["f7"])), ("mine", keys(&["f8", "f9"]))]).unwrap();
        assert_eq!(map.filter(parse_key("f9").unwrap()), Some(1));
        assert_eq!((map.filter_keys(0), map.filter_keys(1)), (keys(&["F7"]), keys(&["F8", "F9"])));
        let error = |filters: &[(&str, Vec<String>)]| with(filters).unwrap_err().to_string();
        let clash = error(&[("prod", keys(&["?"]))]);
        assert!(clash.starts_with("key `?` is bound to both `help` and filter `prod`"), "{clash}");
        let clash = error(&[("prod", keys(&["f7"])), ("mine", keys(&["f7"]))]);
        assert!(clash.starts_with("key `f7` is bound to both filter `prod` and filter `mine`"), "{clash}");
        assert!(error(&[("prod", keys(&["nokey"]))]).contains("`nokey` of filter `prod` is not a key"));
    }

    #[test]
    fn overrides_rebind_unbind_and_clash() {
        let keys = vec!["X".to_owned(), "ctrl-t".to_owned()];
        let map = Keymap::new([("terminate", keys.as_slice()), ("quit", [].as_slice())]).unwrap();
        assert_eq!(map.keys(Action::Terminate), ["X", "Ctrl-t"]);
        assert!(map.keys(Action::Quit).is_empty());
        let keys = vec!["a".to_owned()];
        let clash = Keymap::new([("terminate", keys.as_slice())]).unwrap_err().to_string();
        assert!(clash.contains("`terminate`") && clash.contains("`alert`") && clash.contains("key `a`"), "{clash}");
        let keys = vec!["nosuchkey".to_owned()];
        assert!(matches!(Keymap::new([("terminate", keys.as_slice())]), Err(KeymapError::NotAKey { .. })));
        assert_eq!((map.word(Action::Terminate), map.word(Action::Quit)), ("X".to_owned(), ":quit".to_owned()));
        let error = Keymap::new([("terminat", keys.as_slice())]).unwrap_err().to_string();
        assert!(error.contains("did you mean `terminate`"), "{error}");
    }
}
