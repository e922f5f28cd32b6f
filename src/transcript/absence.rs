//! Why a session has no log, in words: an empty pane would read as "nothing was typed".

use std::fmt;

use crate::domain::SessionType;

/// What to tell the analyst of a session that can have a log and whose stream is not there: the agent creates it lazily.
pub const NO_STREAM_YET: &str = "No log stream yet: the agent creates it with the first complete line, so nothing was entered so far or nothing arrives.";

/// Why nothing of a session can be in its log now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoLog {
    /// A port session: the agent has no logging for it.
    Port,
    /// The document names no log group.
    NoLogGroup,
    /// A command session: the agent never streams those.
    Command,
    /// A shell whose document has streaming off.
    StreamingOff,
}

impl NoLog {
    /// There will be none after the end either.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Port | Self::NoLogGroup)
    }

    /// What to tell the analyst.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Port => {
                "This is a port session: nothing that it carries is ever logged, neither now nor after its end."
            }
            Self::NoLogGroup => {
                "The session's document names no log group: what is typed and printed is not logged to CloudWatch Logs."
            }
            Self::Command => {
                "This is a command session: it is never streamed. Its output comes after its end, without the command line."
            }
            Self::StreamingOff => {
                "Streaming is off in the session's document: the transcript comes only after the session has ended."
            }
        }
    }
}

impl fmt::Display for NoLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.sentence())
    }
}

/// Why a session of that document has no log while it runs; `None`: it can have one. `streaming` and `log_group` are
/// `cloudWatchStreamingEnabled` and `cloudWatchLogGroupName` of the document that decides.
pub fn why_no_log(session_type: &SessionType, streaming: bool, log_group: &str) -> Option<NoLog> {
    match session_type {
        SessionType::Port => Some(NoLog::Port),
        _ if log_group.trim().is_empty() => Some(NoLog::NoLogGroup),
        SessionType::InteractiveCommands | SessionType::NonInteractiveCommands => Some(NoLog::Command),
        SessionType::StandardStream | SessionType::Other(_) => (!streaming).then_some(NoLog::StreamingOff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_session_has_its_reason() {
        use SessionType::{InteractiveCommands, NonInteractiveCommands, Port, StandardStream};
        for (session_type, streaming, group, expected) in [
            (Port, true, "/ssm", Some(NoLog::Port)),
            (Port, false, "", Some(NoLog::Port)),
            (StandardStream, true, "", Some(NoLog::NoLogGroup)),
            (InteractiveCommands, true, " ", Some(NoLog::NoLogGroup)),
            (InteractiveCommands, true, "/ssm", Some(NoLog::Command)),
            (NonInteractiveCommands, true, "/ssm", Some(NoLog::Command)),
            (StandardStream, false, "/ssm", Some(NoLog::StreamingOff)),
            (StandardStream, true, "/ssm", None),
            (SessionType::parse("Novel"), true, "/ssm", None),
            (SessionType::parse("Novel"), false, "/ssm", Some(NoLog::StreamingOff)),
        ] {
            assert_eq!(why_no_log(&session_type, streaming, group), expected, "{session_type:?} {streaming} {group:?}");
        }
        assert!(NoLog::Port.is_final() && NoLog::NoLogGroup.is_final());
        assert!(!NoLog::Command.is_final() && !NoLog::StreamingOff.is_final());
    }
}
