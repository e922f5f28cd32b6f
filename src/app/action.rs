//! The one table of actions: help, footer hints, README and config all read it.

/// What a key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Selection or scroll down by one.
    Down,
    /// Selection or scroll up by one.
    Up,
    /// Down by a page.
    PageDown,
    /// Up by a page.
    PageUp,
    /// To the first.
    Top,
    /// To the last.
    Bottom,
    /// Open the selected session.
    Open,
    /// Next pane.
    NextPane,
    /// Previous pane.
    PreviousPane,
    /// Back, close, dismiss.
    Back,
    /// Filter the table, or search the transcript.
    Filter,
    /// Sort by the next column.
    SortNext,
    /// Reverse the order.
    SortReverse,
    /// Follow the transcript's end, or stop following.
    Follow,
    /// The transcript further to the left.
    Left,
    /// The transcript further to the right: the rest of long lines.
    Right,
    /// Long transcript lines on several rows.
    Wrap,
    /// Transcripts with or without time stamps.
    Times,
    /// Keep the session's transcript beside the next.
    Beside,
    /// Detections in mere output, too.
    OutputDetections,
    /// Next command of the transcript.
    NextCommand,
    /// Previous command of the transcript.
    PreviousCommand,
    /// Play the transcript back.
    Replay,
    /// Mark the session for acts on many; stand still in playing back, or go on.
    Mark,
    /// Play back faster.
    Faster,
    /// Play back slower.
    Slower,
    /// Next match of the search.
    NextMatch,
    /// Previous match of the search.
    PreviousMatch,
    /// End the session.
    Terminate,
    /// Raise an alert.
    Alert,
    /// The alert was seen.
    Acknowledge,
    /// Hear nothing of the alert for a time.
    Suppress,
    /// Quarantine the account or the role, or lift that.
    Quarantine,
    /// Export the evidence.
    Export,
    /// Stop the countdown of an automatic termination.
    Spare,
    /// Pause automatic response, or take it up again.
    PauseAutomatic,
    /// Hold the table still while the intake goes on, or go on.
    Freeze,
    /// Group the sessions by the next thing, or not at all.
    GroupBy,
    /// Choose, order and size the columns.
    Columns,
    /// Copy an id, an ARN, a command or a link.
    Copy,
    /// Mask accounts, owners and nodes, or show them.
    Mask,
    /// More room for the pane that has the keys.
    GrowPane,
    /// Less room for the pane that has the keys.
    ShrinkPane,
    /// Screen 1.
    Sessions,
    /// Screen 2.
    Alerts,
    /// Screen 3.
    Preferences,
    /// Screen 4.
    History,
    /// Screen 5.
    Scopes,
    /// Screen 6.
    Acts,
    /// The wall, or back from it.
    Wall,
    /// Everything by name.
    Palette,
    /// The saved filters by name.
    SavedFilters,
    /// Listen to the mouse, or leave it to the terminal.
    Mouse,
    /// Ask every scope again, now.
    Refresh,
    /// Next theme.
    NextTheme,
    /// Help.
    Help,
    /// Stop, as other programs do on this key.
    Suspend,
    /// Leave.
    Quit,
}

/// Where an action stands in the help screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Getting around.
    Move,
    /// What is shown.
    Look,
    /// What changes the world.
    Act,
    /// Screens and the program itself.
    Program,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    /// The action.
    pub action: Action,
    /// Its name in the config's `[keys]`.
    pub name: &'static str,
    /// Default keys, as the config spells them.
    pub keys: &'static [&'static str],
    /// What it does, for help and README.
    pub what: &'static str,
    /// One or two words for the footer.
    pub hint: &'static str,
    /// Section of the help screen.
    pub group: Group,
}

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    hint: &'static str,
    what: &'static str,
    group: Group,
) -> ActionInfo {
    ActionInfo { action, name, keys, what, hint, group }
}

/// All actions, in the order of the help screen.
pub const ACTIONS: &[ActionInfo] = &[
    row(Action::Down, "down", &["j", "down"], "down", "move or scroll down", Group::Move),
    row(Action::Up, "up", &["k", "up"], "up", "move or scroll up", Group::Move),
    row(Action::PageDown, "page_down", &["pagedown"], "page down", "one page down", Group::Move),
    row(Action::PageUp, "page_up", &["pageup"], "page up", "one page up", Group::Move),
    row(Action::Top, "top", &["g", "home"], "first", "to the first", Group::Move),
    row(Action::Bottom, "bottom", &["G", "end"], "last", "to the last", Group::Move),
    row(
        Action::Open,
        "open",
        &["enter"],
        "open",
        "open the session; in its details, and on a scope's preferences: the rule of a finding",
        Group::Move,
    ),
    row(Action::NextPane, "next_pane", &["tab"], "next pane", "next pane", Group::Move),
    row(Action::PreviousPane, "previous_pane", &["backtab"], "prev pane", "previous pane", Group::Move),
    row(Action::Back, "back", &["esc"], "back", "back, close, dismiss a message", Group::Move),
    row(Action::Filter, "filter", &["/"], "filter", "filter the table; search in the transcript", Group::Look),
    row(Action::SortNext, "sort", &["s"], "sort", "sort by the next column", Group::Look),
    row(Action::SortReverse, "sort_reverse", &["S"], "reverse", "reverse the order", Group::Look),
    row(Action::Follow, "follow", &["f"], "follow", "follow the end of the transcript, on or off", Group::Look),
    row(
        Action::Left,
        "left",
        &["h", "left"],
        "left",
        "the transcript back to the left; columns back into sight",
        Group::Look,
    ),
    row(
        Action::Right,
        "right",
        &["l", "right"],
        "right",
        "the rest of long transcript lines; columns that had no room",
        Group::Look,
    ),
    row(
        Action::NextMatch,
        "next_match",
        &["n"],
        "next",
        "next match in the transcript; the next finding's rule",
        Group::Look,
    ),
    row(
        Action::PreviousMatch,
        "previous_match",
        &["N"],
        "previous",
        "previous match in the transcript; the previous finding's rule",
        Group::Look,
    ),
    row(Action::NextCommand, "next_command", &["]"], "next command", "next command of the transcript", Group::Look),
    row(
        Action::PreviousCommand,
        "previous_command",
        &["["],
        "previous command",
        "previous command of the transcript",
        Group::Look,
    ),
    row(Action::Wrap, "wrap", &["W"], "wrap", "wrap long transcript lines, on or off", Group::Look),
    row(Action::Times, "times", &["i"], "times", "time stamps in transcripts, on or off", Group::Look),
    row(
        Action::Beside,
        "beside",
        &["v"],
        "keep beside",
        "keep this session's transcript beside the next ones, or let it go",
        Group::Look,
    ),
    row(
        Action::OutputDetections,
        "output_detections",
        &["o"],
        "output too",
        "detections in mere output, shown or hidden",
        Group::Look,
    ),
    row(
        Action::Replay,
        "replay",
        &["R"],
        "play back",
        "play the transcript back from its beginning, or stop",
        Group::Look,
    ),
    row(
        Action::Mark,
        "mark",
        &["space"],
        "mark",
        "mark the session and go on to the next, to end many at once; playing back: pause, or go on",
        Group::Look,
    ),
    row(Action::Faster, "faster", &["+"], "faster", "play back faster", Group::Look),
    row(Action::Slower, "slower", &["-"], "slower", "play back slower", Group::Look),
    row(
        Action::Freeze,
        "freeze",
        &["p"],
        "freeze",
        "hold the table still while the intake goes on, or go on",
        Group::Look,
    ),
    row(
        Action::GroupBy,
        "group",
        &["b"],
        "group",
        "group the sessions by account, owner or node, or not at all",
        Group::Look,
    ),
    row(Action::Columns, "columns", &["C"], "columns", "choose, order and size the columns", Group::Look),
    row(Action::Copy, "copy", &["y"], "copy", "copy the id, an ARN, the command or a link to the console", Group::Look),
    row(Action::Mask, "mask", &["m"], "mask", "mask accounts, owners and nodes, or show them", Group::Look),
    row(Action::GrowPane, "grow_pane", &["}"], "larger", "more room for the pane that has the keys", Group::Look),
    row(Action::ShrinkPane, "shrink_pane", &["{"], "smaller", "less room for the pane that has the keys", Group::Look),
    row(
        Action::Terminate,
        "terminate",
        &["t"],
        "terminate",
        "end the session, or all that are marked: asks why, then for confirmation",
        Group::Act,
    ),
    row(Action::Alert, "alert", &["a"], "alert", "raise an alert: asks why", Group::Act),
    row(Action::Acknowledge, "acknowledge", &["c"], "acknowledge", "acknowledge the alert", Group::Act),
    row(Action::Suppress, "suppress", &["z"], "suppress", "suppress the alert: asks why and for how long", Group::Act),
    row(
        Action::Quarantine,
        "quarantine",
        &["x"],
        "quarantine",
        "quarantine what the session came from, or lift that: asks why, for the account's name, then for confirmation",
        Group::Act,
    ),
    row(Action::Export, "export", &["e"], "export", "export the session's evidence as files", Group::Act),
    row(Action::Spare, "spare", &["u"], "leave alone", "stop the countdown of an automatic termination", Group::Act),
    row(
        Action::PauseAutomatic,
        "pause_automatic",
        &["P"],
        "pause automatic",
        "pause automatic response, or take it up again",
        Group::Act,
    ),
    row(Action::Sessions, "sessions", &["1"], "sessions", "the sessions", Group::Program),
    row(Action::Alerts, "alerts", &["2"], "alerts", "the alerts", Group::Program),
    row(
        Action::Preferences,
        "preferences",
        &["3"],
        "prefs",
        "Session Manager preferences, scope by scope",
        Group::Program,
    ),
    row(Action::History, "history", &["4"], "history", "sessions that ended within 30 days", Group::Program),
    row(Action::Scopes, "scopes", &["5"], "scopes", "health of every account and region", Group::Program),
    row(Action::Acts, "acts", &["6"], "acts", "everything that was done here, and what it came to", Group::Program),
    row(
        Action::Wall,
        "wall",
        &["w"],
        "wall",
        "the wall, for a screen that nobody touches; back to the desk",
        Group::Program,
    ),
    row(
        Action::Palette,
        "palette",
        &[":"],
        "palette",
        "find any action, session, account, filter or theme by name",
        Group::Program,
    ),
    row(Action::SavedFilters, "saved_filters", &["F"], "filters", "the saved filters, by name", Group::Program),
    row(Action::Mouse, "mouse", &["M"], "mouse", "listen to the mouse, or leave it to the terminal", Group::Program),
    row(Action::Refresh, "refresh", &["r"], "refresh", "ask every scope again, now", Group::Program),
    row(Action::NextTheme, "theme", &["T"], "theme", "next theme", Group::Program),
    row(Action::Help, "help", &["?"], "help", "this help", Group::Program),
    row(Action::Suspend, "suspend", &["ctrl-z"], "suspend", "stop; the shell's fg brings it back", Group::Program),
    row(Action::Quit, "quit", &["q", "ctrl-c"], "quit", "leave", Group::Program),
];

impl Action {
    /// Its row in the table.
    pub fn info(self) -> &'static ActionInfo {
        // The table has a row for every action (tested); the first row stands in only to keep this total.
        const FIRST: &ActionInfo = &row(Action::Help, "help", &["?"], "help", "this help", Group::Program);
        ACTIONS.iter().find(|info| info.action == self).unwrap_or(FIRST)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::ACTIONS;
    use crate::app::keymap::Keymap;

    /// The key table of the README, in Markdown: written from the table above, so that the two cannot drift.
    fn key_table(keymap: &Keymap) -> String {
        let cells: Vec<String> = ACTIONS
            .iter()
            .map(|info| {
                let keys: Vec<String> = keymap.keys(info.action).iter().map(|key| format!("`{key}`")).collect();
                format!("{} | {}", keys.join(" "), info.what)
            })
            .collect();
        let mut table = String::from("| key | action | key | action |\n|---|---|---|---|\n");
        for pair in cells.chunks(2) {
            let right = pair.get(1).map_or(" | ", String::as_str);
            table.push_str(&format!("| {} | {right} |\n", pair.first().map_or("", String::as_str)));
        }
        table
    }

    /// Written with UPDATE_PICTURES=1, as the README's pictures are, and compared otherwise.
    #[test]
    fn the_readme_shows_these_keys() {
        let keymap = Keymap::new(std::iter::empty()).unwrap();
        let table = key_table(&keymap);
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let readme = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = readme.split_once("| key | action | key | action |\n").unwrap();
        let (_, after) = rest.split_once("<!-- /keys -->").unwrap();
        let wanted = format!("{before}{table}<!-- /keys -->{after}");
        if std::env::var_os("UPDATE_PICTURES").is_some() {
            std::fs::write(&path, wanted).unwrap();
            return;
        }
        assert!(
            readme == wanted,
            "README.md's keys are out of date; run: UPDATE_PICTURES=1 cargo test --lib the_readme"
        );
    }
}
