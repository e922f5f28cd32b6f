//! The palette: everything by name. What is chosen runs in what lies below it, as if its key had been pressed there.

use std::{cmp::Reverse, sync::Arc};

use crokey::KeyCombination;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{keys, line, notify};
use crate::{
    app::{
        action::{ACTIONS, Action, Group},
        board::{Phase, SessionBoard},
        message::Effect,
        overlay::Overlay,
        palette::{Candidate, Kind, Palette, Target},
        state::{Projected, State},
        view::{Focus, HeldKey, RECENT, Screen},
        works::off_now,
    },
    domain::{Owner, SessionKey},
    transcript,
};

/// Opens the palette, with everything or with the saved filters alone.
pub(super) fn open(state: &mut State, filters_only: bool) {
    let mut candidates = Vec::new();
    if filters_only {
        filters(state, &mut candidates);
    } else {
        let (useful, rest) = actions(state);
        candidates.extend(useful);
        filters(state, &mut candidates);
        accounts(state, &mut candidates);
        sessions(state, &mut candidates);
        themes(state, &mut candidates);
        candidates.extend(rest);
    }
    state.view.overlay = Some(Overlay::Palette(Palette::new(candidates, filters_only, state.view.theme)));
}

/// An action was used: it is among the first that the palette lists.
pub(super) fn note_used(state: &mut State, action: Action) {
    let aside = matches!(action, Action::Palette | Action::SavedFilters | Action::Quit | Action::Suspend);
    if !aside && action.info().group != Group::Move {
        state.view.recent.retain(|recent| *recent != action);
        state.view.recent.push_front(action);
        state.view.recent.truncate(RECENT);
    }
}

/// A key while it is open.
pub(super) fn key(
    state: &mut State,
    mut palette: Palette,
    (event, key): (KeyEvent, KeyCombination),
    effects: &mut Vec<Effect>,
) {
    let held = Some(HeldKey { key, last: state.now, repeats: false });
    let cancels = event.code == KeyCode::Char('c') && event.modifiers.contains(KeyModifiers::CONTROL);
    if event.code == KeyCode::Esc || cancels {
        state.view.theme = palette.theme_before;
        state.view.held = held;
        return;
    }
    let (width, height) = state.view.size;
    // What cannot be seen cannot be chosen.
    if keys::areas(state).is_some() {
        if event.code == KeyCode::Enter {
            state.view.held = held;
            return choose(state, palette, event.code, effects);
        }
        palette.key(event, Palette::rows(width, height));
        preview(state, &palette);
    }
    state.view.overlay = Some(Overlay::Palette(palette));
}

/// Text that was pasted while it is open.
pub(super) fn paste(state: &mut State, mut palette: Palette, text: &str) {
    palette.paste(text);
    preview(state, &palette);
    state.view.overlay = Some(Overlay::Palette(palette));
}

/// The selected theme is on the screen already; any other selection brings the one from before back.
fn preview(state: &mut State, palette: &Palette) {
    let theme = match palette.selected().map(|candidate| &candidate.target) {
        Some(Target::Theme(name)) => state.themes.iter().position(|theme| theme == name),
        _ => None,
    };
    state.view.theme = theme.unwrap_or(palette.theme_before);
}

fn choose(state: &mut State, palette: Palette, code: KeyCode, effects: &mut Vec<Effect>) {
    let Some(chosen) = palette.selected() else {
        state.view.overlay = Some(Overlay::Palette(palette));
        return;
    };
    if let Target::Action(action) = chosen.target
        && let Some(why) = off_now(state, action)
    {
        notify(state, format!("{}: {why}", chosen.name), true);
        state.view.overlay = Some(Overlay::Palette(palette));
        return;
    }
    let target = chosen.target.clone();
    if !matches!(target, Target::Theme(_)) {
        state.view.theme = palette.theme_before;
    }
    match target {
        Target::Action(action) => {
            note_used(state, action);
            keys::run(state, action, code, effects);
        }
        Target::Session(key) => go_to(state, key),
        Target::Filter(filter) => {
            show_filtered(state);
            line::set_filter(state, filter.to_string());
        }
        Target::Saved(name) => match state.setup.filters.iter().position(|filter| filter.name == name) {
            Some(index) => {
                show_filtered(state);
                line::use_saved(state, index);
            }
            None => notify(state, "that filter is no longer there", true),
        },
        Target::Theme(name) => match state.themes.iter().position(|theme| *theme == name) {
            Some(index) => {
                state.view.theme = index;
                notify(state, format!("theme {name}"), false);
            }
            None => {
                state.view.theme = palette.theme_before;
                notify(state, format!("the theme {name} is no longer there"), true);
            }
        },
    }
}

/// A filter holds for the sessions and for the history: one of them is to be seen.
fn show_filtered(state: &mut State) {
    if state.view.screen != Screen::History {
        keys::show(state, Screen::Sessions);
    }
}

/// Selects the session on the sessions screen; one that has ended is there as a ghost.
fn go_to(state: &mut State, key: SessionKey) {
    let Some(board) = state.board.sessions.get(&key) else {
        return notify(state, format!("{} is no longer known here", key.id), true);
    };
    let ended = !board.is_active();
    keys::show(state, Screen::Sessions);
    if !state.view.table.list.rows.contains(&key) {
        if !state.view.table.filter.is_empty() && !ended {
            notify(state, "the filter hid that session: it is taken away", false);
        }
        line::set_filter(state, String::new());
    }
    if ended {
        notify(state, format!("{} has ended", key.id), false);
    }
    state.view.focus = Focus::Table;
    state.view.detail_top = 0;
    state.view.table.list.selected = Some(key);
    state.projected = Projected::default();
}

fn clean(state: &State, text: &str) -> String {
    if state.setup.ascii {
        transcript::clean_marked(text, transcript::Glyphs::Ascii).into_parts().0.into_owned()
    } else {
        transcript::clean(text).into_owned()
    }
}

/// The actions: those that do something now, the last used first; then the others.
fn actions(state: &State) -> (Vec<Candidate>, Vec<Candidate>) {
    let one = |action: Action| {
        let info = action.info();
        Candidate::new(Kind::Action, info.name.replace('_', " "), info.what.to_owned(), Target::Action(action))
    };
    let itself = |action: Action| matches!(action, Action::Palette);
    let works = |action: Action| off_now(state, action).is_none();
    let recent = &state.view.recent;
    let others = ACTIONS.iter().map(|info| info.action).filter(|action| !itself(*action));
    let others: Vec<Action> = others.filter(|action| !recent.contains(action) || !works(*action)).collect();
    // What changes something or what is shown comes before moving about, which has keys that everybody knows.
    let useful = |moves: bool| {
        let is_move = move |action: &Action| (action.info().group == Group::Move) == moves;
        others.clone().into_iter().filter(|action| works(*action)).filter(is_move)
    };
    let first = recent.iter().copied().filter(|action| works(*action)).chain(useful(false));
    let rest = useful(true).chain(others.iter().copied().filter(|action| !works(*action)));
    (first.map(one).collect(), rest.map(one).collect())
}

fn filters(state: &State, candidates: &mut Vec<Candidate>) {
    candidates.extend(state.setup.filters.iter().map(|saved| {
        let (name, filter) = (clean(state, &saved.name), clean(state, &saved.filter));
        Candidate::new(Kind::Filter, name, filter, Target::Saved(Arc::clone(&saved.name)))
    }));
}

/// Accounts by name, then each of their regions.
fn accounts(state: &State, candidates: &mut Vec<Candidate>) {
    let mut accounts: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for id in state.board.scopes.keys() {
        let (account, name) = (id.account.as_str(), state.board.account_name(id));
        match accounts.iter_mut().find(|(known, ..)| *known == account) {
            Some((.., regions)) => regions.push(id.region.as_str()),
            None => accounts.push((account, name, vec![id.region.as_str()])),
        }
    }
    accounts.sort_by_key(|(id, name, _)| (name.to_lowercase(), *id));
    let mut scopes = Vec::new();
    for (id, name, regions) in accounts {
        let shown = clean(state, name);
        let filter = format!("account:{}", quoted(name));
        let more = format!("{}shows its sessions", if name == id { String::new() } else { format!("{id}  ") });
        candidates.push(Candidate::new(Kind::Account, shown.clone(), more, Target::Filter(filter.as_str().into())));
        for region in regions {
            let filter = format!("{filter} region:{}", quoted(region));
            let name = format!("{shown} {}", clean(state, region));
            scopes.push(Candidate::new(Kind::Scope, name, id.to_owned(), Target::Filter(filter.into())));
        }
    }
    candidates.extend(scopes);
}

/// A value as the filter language reads it back: quoted where it is more than one plain word.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The sessions: active ones first, the newest first.
fn sessions(state: &State, candidates: &mut Vec<Candidate>) {
    let mut sessions: Vec<&SessionBoard> = state.board.sessions.values().collect();
    sessions.sort_by_key(|board| (!board.is_active(), Reverse(board.session.started_at)));
    candidates.extend(sessions.into_iter().map(|board| {
        let session = &board.session;
        let node = state.board.node(session).and_then(|node| node.properties.value()?.as_ref()?.name.as_deref());
        let node = match node.filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} {}", session.target),
            None => session.target.to_string(),
        };
        let scope = &session.key.scope;
        let ended = match board.phase {
            Phase::Ended { .. } => "ended  ",
            Phase::Active => "",
        };
        let owner = Owner::parse(&session.owner);
        let more = format!("{ended}{owner}  {node}  {} {}", state.board.account_name(scope), scope.region);
        let (name, more) = (clean(state, session.key.id.as_str()), clean(state, &more));
        Candidate::new(Kind::Session, name, more, Target::Session(session.key.clone()))
    }));
}

fn themes(state: &State, candidates: &mut Vec<Candidate>) {
    candidates.extend(state.themes.iter().map(|theme| {
        let name = clean(state, theme);
        Candidate::new(Kind::Theme, name, "look of the screen".to_owned(), Target::Theme(Arc::clone(theme)))
    }));
}
