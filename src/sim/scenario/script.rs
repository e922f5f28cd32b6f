//! What happens in sessions, and beside them.

use serde::Deserialize;

/// One step of a script.
#[derive(Debug, Clone, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Nothing for so many seconds.
    Wait(f64),
    /// The owner types a command and Enter; common commands answer by themselves unless an `output` follows.
    Type(String),
    /// The owner types and does not press Enter.
    TypeUnfinished(String),
    /// Lines the command prints.
    Output(Vec<String>),
    /// Bytes as they are, `\u001b` and all.
    Raw(String),
    /// Bytes as they are, text or not.
    Bytes(Vec<u8>),
    /// The owner types, and this is what the terminal echoes until Enter, control bytes and all.
    Keys {
        /// Echo of the keystrokes.
        echo: String,
        /// The command that the shell gets, which answers by itself unless an `output` follows.
        #[serde(default)]
        runs: String,
    },
    /// The owner types one command and edits it into another before Enter; the shell echoes what its line editor does.
    Edit {
        /// How.
        by: Editing,
        /// What is typed first.
        #[serde(default)]
        from: String,
        /// The command that the shell gets.
        to: String,
    },
    /// The window gets another size: the shell shows its prompt once more.
    Resize,
    /// One line of so many bytes.
    LongLine(usize),
    /// An event in the stream that the agent never wrote, its payload to the letter.
    Event(String),
    /// An event in the stream in the agent's form that the agent never wrote: somebody with the node's credentials did.
    Forge(Forgery),
    /// The answer to an upload is lost: the agent sends that many lines again, with what has come since.
    Replay(usize),
    /// Somebody deletes the log stream of the session.
    DeleteStream,
    /// Lines again and again; `{n}` counts, `{time}` is the time of day.
    Repeat {
        /// Lines of one round.
        lines: Vec<String>,
        /// Seconds between rounds.
        every: f64,
        /// Rounds; none given: for ever.
        times: Option<u64>,
    },
    /// Output without measure.
    Flood {
        /// Bytes a second.
        rate: u64,
        /// Seconds.
        seconds: f64,
        /// The line that comes again and again (`yes`); debug messages unless given.
        line: Option<String>,
    },
    /// A full-screen program: `top`, `vi` or `less`.
    Screen {
        /// Which.
        program: String,
        /// Seconds it stays.
        seconds: f64,
    },
    /// Another prompt from here on (`sudo -i`, `bash`), `\u001b` and all.
    Prompt(String),
    /// Harmless work by the persona of that name, for ever.
    Work(String),
    /// The script from its beginning, for ever.
    Again,
    /// The shell ends.
    Exit,
    /// The client goes away; with seconds after which it resumes, negative is never.
    Disconnect(f64),
}

/// How a command line is edited into another one.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Editing {
    /// Backspace, letter by letter, until what is left is common to both.
    Erase,
    /// Ctrl-U, or an arrow key to a shorter entry of the history.
    Kill,
    /// Ctrl-A, and something put in front.
    Prepend,
    /// Ctrl-R, and the first letters of what was run before.
    Search,
    /// Ctrl-L in the middle: the prompt and what was typed are shown again.
    Redraw,
    /// Tab twice in the middle: the choices, and the prompt again.
    Complete,
    /// Longer than the window is wide.
    Wrap,
    /// Pasted: shown, highlighted, and painted again.
    Paste,
}

/// An event that lies about its origin; what is not given is said as the agent of the session says it.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Forgery {
    /// Its `sessionData`.
    pub lines: Vec<String>,
    /// Name of the node whose session and owner it claims.
    pub node: Option<String>,
    /// Owner that it claims; `{account}` is the account of the session.
    pub owner: Option<String>,
    /// Session id that it claims.
    pub session_id: Option<String>,
    /// Node id that it claims.
    pub target: Option<String>,
    /// Account on the node that it claims.
    pub run_as_user: Option<String>,
    /// Seconds by which its time stamps are off.
    pub off: f64,
}

/// Something that happens outside of a session.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HappeningSpec {
    /// Seconds after the start of the world.
    pub at: f64,
    /// What.
    pub what: What,
}

/// What can happen outside of a session.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A role loses a managed policy.
    DetachPolicy {
        /// Account.
        account: String,
        /// Role name.
        role: String,
        /// Policy name or ARN.
        policy: String,
    },
    /// A role gets a managed policy.
    AttachPolicy {
        /// Account.
        account: String,
        /// Role name.
        role: String,
        /// Policy name or ARN.
        policy: String,
    },
    /// A document gets a new default version.
    UpdateDocument {
        /// Account.
        account: String,
        /// Region.
        region: String,
        /// Document name.
        name: String,
        /// JSON content.
        content: String,
    },
    /// The log stream of the session on that node goes away; its agent stops streaming.
    DeleteLogStream {
        /// Node name.
        node: String,
    },
    /// A log group goes away with its streams.
    DeleteLogGroup {
        /// Account.
        account: String,
        /// Region.
        region: String,
        /// Group name.
        name: String,
    },
    /// A node gets a tag.
    TagNode {
        /// Node name.
        node: String,
        /// Tag key.
        key: String,
        /// Tag value.
        value: String,
    },
    /// The agent of a node goes offline or comes back.
    PingNode {
        /// Node name.
        node: String,
        /// Whether it is online.
        online: bool,
    },
}
