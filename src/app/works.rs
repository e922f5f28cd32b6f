//! Where an action works, and why it does nothing now: one table for the help, the footer's hints and the palette.

use super::{
    action::Action,
    board::SessionBoard,
    state::{State, Store},
    update::acts,
    view::{Focus, Screen, View},
    wall::works_on_wall,
};
use crate::domain::{ActKind, Alert, SessionKey, Subject, Workflow};

/// Where keys go, when nothing lies over the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The table of sessions.
    Table,
    /// Facts and findings of a session.
    Detail,
    /// A transcript.
    Transcript,
    /// The commands of a transcript.
    Commands,
    /// The alerts.
    Alerts,
    /// The preferences.
    Preferences,
    /// The ended sessions.
    History,
    /// The scopes.
    Scopes,
    /// The acts.
    Acts,
    /// The wall.
    Wall,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Table,
        Self::Detail,
        Self::Transcript,
        Self::Commands,
        Self::Alerts,
        Self::Preferences,
        Self::History,
        Self::Scopes,
        Self::Acts,
        Self::Wall,
    ];

    /// Where the keys go now.
    pub fn of(view: &View) -> Self {
        if view.wall.is_some() {
            return Self::Wall;
        }
        match (view.screen, view.focus) {
            (Screen::Sessions, Focus::Table) => Self::Table,
            (Screen::Sessions, Focus::Detail) => Self::Detail,
            (Screen::Sessions, Focus::Transcript) => Self::Transcript,
            (Screen::Sessions, Focus::Commands) => Self::Commands,
            (Screen::Alerts, _) => Self::Alerts,
            (Screen::Preferences, _) => Self::Preferences,
            (Screen::History, _) => Self::History,
            (Screen::Scopes, _) => Self::Scopes,
            (Screen::Acts, _) => Self::Acts,
        }
    }

    /// Its name in titles.
    pub fn title(self) -> &'static str {
        match self {
            Self::Table => "Sessions",
            Self::Detail => "Details",
            Self::Transcript => "Transcript",
            Self::Commands => "Commands",
            Self::Alerts => "Alerts",
            Self::Preferences => "Preferences",
            Self::History => "History",
            Self::Scopes => "Scopes",
            Self::Acts => "Acts",
            Self::Wall => "Wall",
        }
    }

    fn is_on_sessions(self) -> bool {
        matches!(self, Self::Table | Self::Detail | Self::Transcript | Self::Commands)
    }

    /// A session can be selected there.
    fn has_session(self) -> bool {
        self.is_on_sessions() || matches!(self, Self::Alerts | Self::History | Self::Acts)
    }
}

/// Whether an action belongs to that place. What belongs to none of its places is done elsewhere.
pub fn works_in(action: Action, place: Place) -> bool {
    use Action as A;
    let in_transcript = matches!(place, Place::Transcript | Place::Commands);
    match (action, place) {
        // Nobody touches the wall: what it is for, and the way back to the desk.
        (action, Place::Wall) => works_on_wall(action),
        (A::Open, _) => place != Place::Scopes,
        (A::SortNext | A::SortReverse, Place::History) => true,
        (A::Terminate, Place::History) => false,
        (A::SortNext | A::SortReverse | A::Freeze | A::GroupBy | A::Columns, _) => place == Place::Table,
        (A::Left | A::Right, Place::Table) => true,
        (A::Left | A::Right | A::Replay | A::NextCommand | A::PreviousCommand, _) => in_transcript,
        (A::Follow | A::Wrap | A::Times | A::Beside | A::NextMatch | A::PreviousMatch, _) => place.is_on_sessions(),
        (A::Mark | A::Faster | A::Slower, _) => place.is_on_sessions(),
        (A::OutputDetections | A::GrowPane | A::ShrinkPane, _) => place.is_on_sessions(),
        (A::Terminate | A::Alert | A::Acknowledge | A::Suppress | A::Quarantine | A::Export | A::Copy, _) => {
            place.has_session()
        }
        _ => true,
    }
}

/// Where to go for an action that does not belong to the present place, in words.
pub fn elsewhere(action: Action) -> &'static str {
    match Place::ALL.into_iter().find(|place| works_in(action, *place)) {
        Some(Place::Transcript) => "in the transcript",
        Some(_) if works_in(action, Place::History) => "on a session",
        Some(Place::Table) if works_in(action, Place::Detail) => "on the sessions screen",
        Some(Place::Table) => "in the table of sessions",
        _ => "not on this screen",
    }
}

/// Why the action is off on this run, wherever the selection stands, in a word or two.
pub fn off_here(state: &State, action: Action) -> Option<&'static str> {
    let kept = match &state.store {
        Store::Open | Store::Troubled(..) => None,
        Store::Opening => Some("off: the store is being opened"),
        Store::Refused(_) => Some("off: no store"),
    };
    let read_only = state.setup.read_only.as_ref().map(|_| "off: read only");
    let no_topic = state.setup.member_topic.is_none() && state.setup.central_topic.is_none();
    match action {
        Action::Quarantine if state.setup.quarantine.is_none() => Some("not configured"),
        Action::Spare | Action::PauseAutomatic if state.automatic.rules.is_empty() => Some("not configured"),
        Action::Terminate | Action::Quarantine => read_only.or(kept),
        Action::Alert => read_only.or(kept).or(no_topic.then_some("no topic configured")),
        Action::Acknowledge | Action::Suppress | Action::Export => kept,
        Action::NextTheme if state.themes.len() < 2 => Some("off: no colors were asked for"),
        _ => None,
    }
}

/// Why pressing its key would do nothing now, in a word or two: off on this run, not here, or nothing to do it to.
pub fn off_now(state: &State, action: Action) -> Option<&'static str> {
    if let Some(why) = off_here(state, action) {
        return Some(why);
    }
    let place = Place::of(&state.view);
    if !works_in(action, place) {
        return Some(elsewhere(action));
    }
    if place == Place::Wall {
        return (action == Action::Spare && state.automatic.pending().is_empty()).then_some("nothing counts down");
    }
    let view = &state.view;
    let selected = acts::selected(state);
    let board = selected.as_ref().and_then(|key| state.board.sessions.get(key));
    let active = board.is_some_and(SessionBoard::is_active);
    let marked = place.is_on_sessions() && !view.marked.is_empty();
    let transcript = view.transcript.as_ref();
    let playing = transcript.is_some_and(|transcript| transcript.playback.is_some());
    let nothing = "nothing selected";
    let frozen = "the table is frozen";
    let in_transcript = matches!(place, Place::Transcript | Place::Commands);
    match action {
        Action::SortNext | Action::SortReverse | Action::GroupBy if state.is_frozen() => Some(frozen),
        Action::Filter if state.is_frozen() && !(in_transcript || place == Place::History) => Some(frozen),
        Action::Open => match place {
            Place::Preferences => view.preferences.selected.is_none().then_some(nothing),
            _ => board.is_none().then_some(nothing),
        },
        // On the headings: the next heading, the table held still.
        Action::Left | Action::Right | Action::Mark if view.heading().is_some() => None,
        Action::Left if place == Place::Table => view.table.pan.is_none().then_some("no columns to the left"),
        Action::Right if place == Place::Table => (view.pointer.seen.columns.right == 0).then_some("no more columns"),
        Action::Mark if place == Place::Table => {
            (!active).then_some(if board.is_some() { "it has ended" } else { nothing })
        }
        Action::Mark | Action::Faster | Action::Slower => (!playing).then_some("nothing is played back"),
        Action::Replay => {
            transcript.is_none_or(|view| view.content.lines().is_empty()).then_some("nothing to play back")
        }
        Action::Follow => transcript.is_none().then_some("no transcript"),
        Action::Beside => selected.is_none().then_some(nothing),
        Action::Left => {
            transcript.is_none_or(|view| view.left == 0).then_some("nothing to the left").or(wrapped(state))
        }
        Action::Right => transcript.is_none().then_some("no transcript").or(wrapped(state)),
        Action::NextMatch | Action::PreviousMatch => {
            transcript.is_none_or(|view| view.search.is_empty()).then_some("nothing is searched for")
        }
        Action::NextCommand | Action::PreviousCommand => {
            transcript.is_none_or(|view| view.commands().next().is_none()).then_some("no commands")
        }
        Action::Terminate if marked => None,
        Action::Terminate => match (board, active) {
            (None, _) => Some(nothing),
            (Some(_), false) => Some("it has ended"),
            (Some(_), true) => selected.is_some_and(|key| acts::running(state, &key)).then_some("under way"),
        },
        Action::Export if selected.as_ref().is_some_and(|key| is_exported(state, key)) => Some("under way"),
        Action::Alert | Action::Export | Action::Copy => board.is_none().then_some(nothing),
        Action::Quarantine => {
            let alert = view.alerts.selected.as_ref().filter(|_| place == Place::Alerts);
            let of_account = alert.and_then(|id| state.alerts.get(id));
            let of_account = of_account.is_some_and(|alert| matches!(alert.subject, Subject::Account(_)));
            (board.is_none() && !of_account).then_some(nothing)
        }
        Action::Acknowledge | Action::Suppress => off_alert(state, action, place),
        Action::Spare => state.automatic.pending().is_empty().then_some("nothing counts down"),
        _ => None,
    }
}

fn is_exported(state: &State, key: &SessionKey) -> bool {
    state.acts.iter().any(|act| act.kind == ActKind::Export && act.session() == Some(key) && !act.is_over())
}

fn wrapped(state: &State) -> Option<&'static str> {
    state.view.wrap.then_some("lines are wrapped")
}

fn off_alert(state: &State, action: Action, place: Place) -> Option<&'static str> {
    let alert = match place {
        Place::Alerts => state.view.alerts.selected.as_ref().and_then(|id| state.alerts.get(id)),
        _ => acts::selected(state).and_then(|key| {
            let alerts = state.alerts.of(&Subject::Session(key));
            let unseen = alerts.iter().find(|alert| alert.is_unacknowledged()).copied();
            unseen.or_else(|| alerts.iter().find(|alert| alert.workflow.is_open()).copied())
        }),
    };
    let Some(alert) = alert else { return Some("no alert") };
    match action {
        Action::Acknowledge => alert.acknowledged.is_some().then_some("acknowledged already"),
        _ if is_over(state, alert) => Some("its session is over"),
        _ => matches!(alert.workflow, Workflow::Resolved { .. }).then_some("resolved"),
    }
}

/// What was seen of a session that is over is resolved by being acknowledged; only alerts on logging outlive it.
fn is_over(state: &State, alert: &Alert) -> bool {
    let is_over = |key| state.board.sessions.get(key).is_none_or(|session| !session.is_active());
    alert.subject.session().is_some_and(is_over) && !alert.rule.as_str().starts_with("LOG-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::ACTIONS;

    #[test]
    fn the_wall_helps_with_what_works_there() {
        for action in [Action::Acknowledge, Action::Down, Action::Up, Action::Mask, Action::Wall] {
            assert!(works_in(action, Place::Wall), "{action:?}");
        }
        for action in [Action::Scopes, Action::Palette, Action::SavedFilters, Action::Terminate] {
            assert!(!works_in(action, Place::Wall), "{action:?}");
        }
    }

    #[test]
    fn every_action_works_somewhere_and_the_program_everywhere() {
        for info in ACTIONS {
            assert!(Place::ALL.iter().any(|place| works_in(info.action, *place)), "{}", info.name);
            for place in Place::ALL {
                let always = matches!(info.action, Action::Help | Action::Quit | Action::Palette | Action::Wall);
                // At the wall nothing is typed.
                let always = always && (info.action, place) != (Action::Palette, Place::Wall);
                assert!(!always || works_in(info.action, place), "{} in {place:?}", info.name);
            }
        }
    }
}
