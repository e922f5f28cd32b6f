//! How a transcript is looked at: where in it, what is searched for, whether it is played back.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::listening::Marked;
use crate::{
    detection::{Bursts, Confidence},
    domain::{Failure, SessionKey, Severity},
    transcript::{Certainty, Command, Search, Transcript, wrapped_rows},
};

/// How the transcript pane is.
#[derive(Debug, Clone, PartialEq)]
pub enum TranscriptStatus {
    /// Asked, no answer yet.
    Loading,
    /// Read; last answer at that time.
    Live(Timestamp),
    /// The stream is not there (yet): the words say what that means.
    Waiting(Arc<str>),
    /// There will never be a log: the words say why.
    Never(Arc<str>),
    /// Cannot be read.
    Failing {
        /// Why.
        failure: Failure,
        /// The next try.
        retry_at: Timestamp,
    },
    /// The stream is lost; what is shown is the archive object's text.
    Archived(Timestamp),
}

/// The room of a pane: its rows, and the cells of a row where long lines are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Rows.
    pub rows: usize,
    /// Cells for a line's text; `None`: a line is one row.
    pub wrap: Option<usize>,
}

impl Room {
    fn height(self, text: &str) -> usize {
        self.wrap.map_or(1, |cells| wrapped_rows(text, cells))
    }
}

/// A recorded session that is played back at its own pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Playback {
    /// Lines up to this time are on the screen.
    pub at: Timestamp,
    /// So many times as fast as it was.
    pub speed: u32,
    /// It stands still.
    pub paused: bool,
    /// When `at` was moved last.
    moved: Timestamp,
    /// Time in which nothing was printed, and that was skipped.
    pub skipped: SignedDuration,
}

impl Playback {
    /// The fastest.
    pub const FASTEST: u32 = 64;
    /// Longer pauses of the session are cut down to this.
    const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(3);

    fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, speed: 1, paused: false, moved: now, skipped: SignedDuration::ZERO }
    }
}

/// Which lines a search matches, found while the transcript grows.
#[derive(Debug, Default)]
pub struct Matches {
    text: String,
    lines: VecDeque<u64>,
    /// Lines before this one were looked at.
    read_to: u64,
}

/// The transcript of one session.
#[derive(Debug)]
pub struct TranscriptView {
    /// Whose.
    pub session: SessionKey,
    /// Its lines.
    pub content: Transcript,
    /// How it is.
    pub status: TranscriptStatus,
    /// The watch follows it now, in this log group.
    pub followed: Option<Arc<str>>,
    /// The watch was told to follow it before: it tells only what it has not told yet.
    pub begun: bool,
    /// Stay at the end.
    pub follow: bool,
    /// The number of the first visible line, while not at the end.
    pub top: u64,
    /// Cells of every line that are to the left of the pane.
    pub left: usize,
    /// What is searched for; empty: nothing.
    pub search: String,
    /// The number of the line of the current match.
    pub found: Option<u64>,
    /// All lines that match.
    pub matches: Matches,
    /// The number of the line of the command that is selected in the list of commands.
    pub command: Option<u64>,
    /// Lines in which rules found something.
    pub marks: BTreeMap<u64, Vec<Marked>>,
    /// Counts what correlations need, from the transcript's beginning.
    pub bursts: Bursts,
    /// It is played back.
    pub playback: Option<Playback>,
    /// From then on the archive object may be asked for, in place of a stream that is lost.
    pub archive_due: Timestamp,
    /// Why the archive object could not be read, in words.
    pub archive_problem: Option<Arc<str>>,
}

impl TranscriptView {
    /// A transcript of which nothing was read yet.
    pub fn new(session: SessionKey, content: Transcript, bursts: Bursts) -> Self {
        Self {
            session,
            content,
            status: TranscriptStatus::Loading,
            followed: None,
            begun: false,
            follow: true,
            top: 0,
            left: 0,
            search: String::new(),
            found: None,
            matches: Matches::default(),
            command: None,
            marks: BTreeMap::new(),
            bursts,
            playback: None,
            archive_due: Timestamp::UNIX_EPOCH,
            archive_problem: None,
        }
    }

    /// Lines that are there to be seen: all that are held, or those up to the time that is played.
    pub fn len(&self) -> usize {
        let lines = self.content.lines();
        match &self.playback {
            Some(playback) => lines.partition_point(|line| line.at <= playback.at),
            None => lines.len(),
        }
    }

    /// Whether there is nothing to be seen.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Index, among the lines that are held, of the first visible one.
    pub fn first_line(&self, room: Room) -> usize {
        let last = self.last_top(room);
        if self.follow {
            return last;
        }
        // Lines that were dropped at the front since move what is looked at, not the look.
        self.index(self.top).min(last)
    }

    /// Index of the first line of the last page.
    pub fn last_top(&self, room: Room) -> usize {
        let len = self.len();
        if room.wrap.is_none() {
            return len.saturating_sub(room.rows);
        }
        let mut left = room.rows;
        let mut top = len;
        while top > 0 {
            let height = self.content.lines().get(top - 1).map_or(1, |line| room.height(line.text()));
            if height > left {
                break;
            }
            left -= height;
            top -= 1;
        }
        // A line higher than the pane is shown from its beginning.
        top.min(len.saturating_sub(1))
    }

    /// Lines from `first` on that fit into the room.
    pub fn visible(&self, first: usize, room: Room) -> usize {
        let mut left = room.rows;
        let lines = self.content.lines().iter().take(self.len()).skip(first);
        lines
            .take_while(|line| {
                let fits = left > 0;
                left = left.saturating_sub(room.height(line.text()));
                fits
            })
            .count()
    }

    /// The number of the line at an index.
    pub fn number(&self, index: usize) -> u64 {
        self.content.evicted_lines() + index as u64
    }

    /// The index of a line among those that are held; the first one for lines that are gone.
    pub fn index(&self, number: u64) -> usize {
        usize::try_from(number.saturating_sub(self.content.evicted_lines())).unwrap_or(usize::MAX)
    }

    /// Looks at that index, and stays there.
    pub fn look_at(&mut self, index: usize) {
        self.top = self.number(index);
        self.follow = false;
    }

    /// Looks for what is searched in lines that came since, and forgets lines that are gone.
    pub fn count_matches(&mut self) {
        if self.matches.text != self.search {
            self.matches = Matches { text: self.search.clone(), ..Matches::default() };
        }
        let Some(search) = Search::new(&self.search) else { return };
        let matches = &mut self.matches;
        let evicted = self.content.evicted_lines();
        while matches.lines.front().is_some_and(|line| *line < evicted) {
            matches.lines.pop_front();
        }
        // The last line can still grow: it is looked at again.
        let end = evicted + self.content.lines().len() as u64;
        matches.read_to = matches.read_to.max(evicted);
        while matches.lines.back().is_some_and(|line| *line >= matches.read_to) {
            matches.lines.pop_back();
        }
        for number in matches.read_to..end {
            if self.content.line(number).is_some_and(|line| search.is_in(line)) {
                matches.lines.push_back(number);
            }
        }
        matches.read_to = end.saturating_sub(1).max(matches.read_to);
    }

    /// Which match the current one is, and how many there are.
    pub fn match_position(&self) -> (Option<usize>, usize) {
        let lines = &self.matches.lines;
        (self.found.and_then(|found| lines.binary_search(&found).ok()), lines.len())
    }

    /// The next match in that direction from the current one (or from the end that is looked at first), around the ends.
    pub fn next_match(&self, forward: bool) -> Option<u64> {
        let lines = &self.matches.lines;
        let before = self.found.map(|found| lines.partition_point(|line| *line < found));
        let next = match (self.found, before) {
            (Some(found), Some(at)) if forward => lines.get(at + usize::from(lines.get(at) == Some(&found))),
            (Some(_), Some(at)) => at.checked_sub(1).and_then(|at| lines.get(at)),
            _ if forward => lines.front(),
            _ => lines.back(),
        };
        next.or_else(|| if forward { lines.front() } else { lines.back() }).copied()
    }

    /// The commands that are there to be seen.
    pub fn commands(&self) -> impl DoubleEndedIterator<Item = &Command> {
        let until = self.playback.map(|playback| playback.at);
        self.content.commands().iter().filter(move |command| until.is_none_or(|until| command.at <= until))
    }

    /// Whether what was entered in that line is uncertain.
    pub fn is_uncertain(&self, line: u64) -> bool {
        let commands = self.content.commands();
        let command = commands.get(commands.partition_point(|command| command.line < line));
        command.is_some_and(|command| command.line == line && command.certainty == Certainty::Uncertain)
    }

    /// The worst mark of a line; marks of mere output only when they are wanted.
    pub fn mark(&self, line: u64, output: bool) -> Option<(Severity, Confidence)> {
        let marks = self.marks.get(&line)?.iter();
        let shown = marks.filter(|mark| output || mark.confidence == Confidence::Command);
        shown.map(|mark| (mark.severity, mark.confidence)).max()
    }

    /// Takes in marks, and forgets those of lines that are gone.
    pub fn add_marks(&mut self, marks: Vec<(u64, Marked)>) {
        for (line, mark) in marks {
            let known = self.marks.entry(line).or_default();
            if !known.contains(&mark) {
                known.push(mark);
            }
        }
        let first = self.content.evicted_lines();
        while self.marks.first_key_value().is_some_and(|(line, _)| *line < first) {
            self.marks.pop_first();
        }
    }

    /// The command nearest to a line in that direction.
    pub fn command_from(&self, line: u64, forward: bool) -> Option<u64> {
        let commands = self.content.commands();
        let at = commands.partition_point(|command| command.line < line);
        let found = if forward {
            commands.iter().skip(at).find(|command| command.line > line)
        } else {
            at.checked_sub(1).and_then(|at| commands.get(at))
        };
        found.map(|command| command.line)
    }

    /// Plays from the first line on, or stops to.
    pub fn toggle_playback(&mut self, now: Timestamp) {
        let start = self.content.lines().front().map(|line| line.at);
        self.playback = match (self.playback, start) {
            (None, Some(start)) => Some(Playback::new(start, now)),
            _ => None,
        };
        self.follow = true;
    }

    /// Moves what is played to that line.
    pub fn seek(&mut self, number: u64, now: Timestamp) {
        let Some(at) = self.content.line(number).map(|line| line.at) else { return };
        if let Some(playback) = &mut self.playback {
            (playback.at, playback.moved) = (at, now);
            self.follow = true;
        }
    }

    /// Whether time moves what is played.
    pub fn is_playing(&self) -> bool {
        self.playback.is_some_and(|playback| !playback.paused) && self.len() < self.content.lines().len()
    }

    /// Plays on until `now`; says whether lines came.
    pub fn play(&mut self, now: Timestamp) -> bool {
        let before = self.len();
        let next = self.content.lines().get(before).map(|line| line.at);
        let Some(playback) = &mut self.playback else { return false };
        let passed = now.duration_since(playback.moved).max(SignedDuration::ZERO);
        playback.moved = now;
        if playback.paused {
            return false;
        }
        let Some(next) = next else { return false };
        let ahead = i32::try_from(playback.speed).unwrap_or(1);
        playback.at = playback.at.saturating_add(passed.saturating_mul(ahead)).unwrap_or(next);
        let pause = next.duration_since(playback.at) - Playback::LONGEST_PAUSE.saturating_mul(ahead);
        if pause > SignedDuration::ZERO {
            playback.skipped += pause;
            playback.at = playback.at.saturating_add(pause).unwrap_or(next);
        }
        self.len() != before
    }

    /// Stands still, or goes on.
    pub fn pause(&mut self, now: Timestamp) {
        if let Some(playback) = &mut self.playback {
            playback.paused = !playback.paused;
            playback.moved = now;
        }
    }

    /// Twice as fast, or half.
    pub fn change_speed(&mut self, faster: bool) {
        if let Some(playback) = &mut self.playback {
            playback.speed =
                if faster { (playback.speed * 2).min(Playback::FASTEST) } else { (playback.speed / 2).max(1) };
        }
    }
}
