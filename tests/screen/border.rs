//! From the bytes of log events to the bytes of the terminal: what a session prints is text, and stays in its pane.
//!
//! The property itself, for the tests beside it and for the fuzz target. Panics where it does not hold.

use std::{cell::RefCell, collections::HashMap, io, rc::Rc};

use crossterm::event::KeyCode;
use jiff::{SignedDuration, Timestamp};
use ratatui::{
    Terminal, TerminalOptions, Viewport,
    backend::CrosstermBackend,
    buffer::{Buffer, CellWidth},
    layout::Rect,
};
use ssmwatch::{
    app::{
        State,
        layout::Areas,
        listening::{DetectionBook, Listening},
        view::{Focus, TranscriptView},
    },
    domain::{LogEvent, Observation, SessionKey},
    transcript::Transcript,
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use crate::world;

/// Whose transcript is hostile.
const SESSION: &str = "jane.doe-0a1b2c3d4e5f60718";
/// Separates the events of one input of the fuzzer.
const EVENT_END: u8 = 0x1e;

/// How the screen is while the session prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Screen {
    /// Columns and rows.
    pub size: (u16, u16),
    /// Three other transcripts stand beside.
    pub beside: bool,
    /// The terminal has no UTF-8.
    pub ascii: bool,
}

/// The screens that are tried.
pub const SCREENS: [Screen; 6] = [
    Screen { size: (160, 40), beside: false, ascii: false },
    Screen { size: (200, 60), beside: true, ascii: false },
    Screen { size: (160, 40), beside: false, ascii: true },
    Screen { size: (80, 24), beside: false, ascii: false },
    Screen { size: (47, 13), beside: false, ascii: false },
    Screen { size: (121, 45), beside: true, ascii: false },
];

/// What a session prints, and how it is looked at.
#[derive(Debug, Clone)]
pub struct Input {
    /// An index into [`SCREENS`].
    pub screen: usize,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// The list of commands has the keys.
    pub commands: bool,
    /// Cells to the left of the pane.
    pub left: usize,
    /// What is searched for.
    pub search: String,
    /// The messages of the events.
    pub messages: Vec<String>,
}

impl Input {
    /// An input made of any bytes: one for the screen, one for the look, and events that end with 0x1e. An event's first byte says what the
    /// others are: lines that the agent streams, a message as it is, or a message with the byte escapes of JSON.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (head, rest) = bytes.split_at_checked(2).unwrap_or((bytes, &[]));
        let look = head.get(1).copied().unwrap_or(0);
        let message = |bytes: &[u8]| {
            let Some((kind, bytes)) = bytes.split_first() else { return String::new() };
            let text = String::from_utf8_lossy(bytes).into_owned();
            match kind % 3 {
                0 => streamed(&text.split('\n').collect::<Vec<_>>()),
                1 => text,
                _ => escaped(bytes),
            }
        };
        Self {
            screen: usize::from(head.first().copied().unwrap_or(0)) % SCREENS.len(),
            wrap: look & 1 != 0,
            commands: look & 2 != 0,
            left: if look & 4 != 0 { 20 } else { 0 },
            search: if look & 8 != 0 {
                rest.iter().take(3).map(|byte| char::from(*byte)).collect()
            } else {
                String::new()
            },
            messages: rest.split(|byte| *byte == EVENT_END).map(message).collect(),
        }
    }
}

/// The message of an event as the agent streams it.
pub fn streamed(lines: &[&str]) -> String {
    serde_json::json!({
        "eventVersion": "1.0", "eventTime": world::now().to_string(), "awsRegion": "eu-central-1",
        "target": {"id": "i-0a1b2c3d4e5f67890"}, "userIdentity": {"arn": "arn:aws:sts::1:assumed-role/a/b"},
        "runAsUser": "ssm-user", "sessionId": SESSION, "sessionData": lines,
    })
    .to_string()
}

/// The same with every 16 bits written as an escape of JSON, surrogates without their other half included.
fn escaped(bytes: &[u8]) -> String {
    let units = bytes.chunks(2).map(|pair| pair.iter().fold(0_u16, |unit, byte| unit << 8 | u16::from(*byte)));
    let text: String = units.map(|unit| format!("\\u{unit:04x}")).collect();
    format!("{{\"sessionData\":[\"{text}\"]}}")
}

/// What was drawn, and the bytes that went to the terminal.
struct Drawn {
    buffer: Buffer,
    bytes: Vec<u8>,
}

#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn drawn(state: &State, theme: &Theme, glyphs: &Glyphs) -> Drawn {
    let sink = Sink::default();
    let (width, height) = state.view.size;
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    let backend = CrosstermBackend::new(sink.clone());
    let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
    let frame = terminal.draw(|frame| {
        ui::draw(frame, state, theme, glyphs);
    });
    let buffer = frame.unwrap().buffer.clone();
    drop(terminal);
    Drawn { buffer, bytes: sink.0.take() }
}

/// A State with the session selected and its transcript on the screen, and what it is drawn with.
struct Stage {
    state: State,
    session: SessionKey,
    theme: Theme,
    glyphs: Glyphs,
}

impl Stage {
    fn new(screen: Screen) -> Self {
        let mut state = world::bad_day(screen.size);
        state.setup.ascii = screen.ascii;
        if screen.beside {
            for other in ["mallory-0c4b7f1e2d3a49d18", "ansible-0b9a8f7e6d5c4b3a2", "tom-0f00ba4f00ba4f00b"] {
                world::select(&mut state, other);
                let key = state.view.table.list.selected.clone().unwrap();
                state.view.beside.push(key);
            }
        }
        world::select(&mut state, SESSION);
        world::press(&mut state, KeyCode::Enter);
        while state.view.focus != Focus::Transcript {
            world::press(&mut state, KeyCode::Tab);
        }
        world::settle(&mut state);
        let session = state.view.transcript.as_ref().unwrap().session.clone();
        for other in state.view.beside.clone() {
            let event = event(streamed(world::SHELL), world::now());
            let at = state.now;
            world::observe(&mut state, Observation::Transcript { session: other, events: vec![event], at }, at);
        }
        let glyphs = if screen.ascii { Glyphs::ASCII } else { Glyphs::UTF8 };
        Self { state, session, theme: Theme::load("default-dark", None).unwrap(), glyphs }
    }

    /// Nothing was printed yet.
    fn reset(&mut self, input: &Input) {
        let glyphs = match self.state.setup.ascii {
            true => ssmwatch::transcript::Glyphs::Ascii,
            false => ssmwatch::transcript::Glyphs::Unicode,
        };
        let view = TranscriptView::new(self.session.clone(), Transcript::new(0, glyphs), self.state.listening.bursts());
        let followed = self.state.view.transcript.replace(view).unwrap().followed;
        let view = self.state.view.transcript.as_mut().unwrap();
        (view.followed, view.begun, view.left) = (followed, true, input.left);
        view.search.clone_from(&input.search);
        self.state.view.wrap = input.wrap;
        self.state.view.focus = if input.commands { Focus::Commands } else { Focus::Transcript };
        self.state.listening = Listening::new(self.state.listening.detector.clone());
        for session in self.state.board.sessions.values_mut() {
            session.detections = DetectionBook::default();
        }
    }

    fn draw(&self) -> Drawn {
        drawn(&self.state, &self.theme, &self.glyphs)
    }
}

fn event(message: String, at: Timestamp) -> LogEvent {
    LogEvent { timestamp: at, ingested_at: at, message }
}

/// Draws what the session prints, and holds it to its border.
pub fn check(input: &Input) {
    thread_local! {
        static STAGES: RefCell<HashMap<Screen, Stage>> = RefCell::default();
    }
    let screen = SCREENS[input.screen];
    STAGES.with_borrow_mut(|stages| check_on(stages.entry(screen).or_insert_with(|| Stage::new(screen)), input));
}

fn check_on(stage: &mut Stage, input: &Input) {
    stage.reset(input);
    let now = stage.state.now;
    let times = (0..).map(|number| now - SignedDuration::from_secs(60) + SignedDuration::from_secs(number));
    let events: Vec<LogEvent> =
        input.messages.iter().zip(times).map(|(message, at)| event(message.clone(), at)).collect();
    // Everybody is listened to, and this session is followed as well.
    let (scope, id) = (stage.session.scope.clone(), stage.session.id.clone());
    let tailed = vec![(id, events.clone())];
    let tailed = Observation::Tailed { scope, log_group: "/ssm-session-logs".into(), events: tailed, at: now };
    world::observe(&mut stage.state, tailed, now);
    let followed = Observation::Transcript { session: stage.session.clone(), events, at: now };
    world::observe(&mut stage.state, followed, now);

    let hostile = stage.draw();
    cells_are_text(&hostile.buffer);
    terminal_shows(&hostile);
    let view = stage.state.view.transcript.as_ref().unwrap();
    for line in view.content.lines() {
        no_control(line.text());
        line.alternatives().for_each(no_control);
    }
    let commands = view.content.commands().iter().flat_map(|command| command.all_readings());
    commands.for_each(no_control);
    stage
        .state
        .board
        .sessions
        .values()
        .flat_map(|session| session.detections.all())
        .for_each(|found| no_control(&found.text));

    // As many lines of harmless text: nothing but the inside of the pane is another.
    let lines = view.content.lines().len();
    let mut harmless = Transcript::default();
    if lines > 0 {
        harmless.push(&[event(vec!["harmless"; lines].join("\n"), now)]);
        assert_eq!(harmless.lines().len(), lines);
    }
    stage.state.view.transcript.as_mut().unwrap().content = harmless;
    let harmless = stage.draw();
    let areas = Areas::of(screen_size(&stage.state).0, screen_size(&stage.state).1, &stage.state.view).unwrap();
    // The commands' count and, where lines are wrapped, the lines in sight stand on the frame.
    let own = |area: Rect| match input.wrap || input.commands {
        true => area,
        false => Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), area.height.saturating_sub(2)),
    };
    // … and whether there is anything to scroll, or a command to go to, the footer says.
    let footer = Some(areas.footer).filter(|_| input.wrap || input.commands);
    let own = [areas.transcript.map(own), areas.commands, footer];
    for position in hostile.buffer.area.positions() {
        if own.iter().flatten().any(|area| area.contains(position)) {
            continue;
        }
        let (with, without) = (&hostile.buffer[position], &harmless.buffer[position]);
        assert_eq!(with, without, "the cell at {position} is not the session's, and is another with what it prints");
    }
}

fn screen_size(state: &State) -> (u16, u16) {
    state.view.size
}

fn no_control(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?} holds a control character");
}

/// Every cell holds one visible character, and nothing that hides or reorders.
fn cells_are_text(buffer: &Buffer) {
    let area = buffer.area;
    for (index, cell) in buffer.content().iter().enumerate() {
        let symbol = cell.symbol();
        assert!(!symbol.chars().any(is_forbidden), "{symbol:?} ({}) is in a cell", symbol.escape_unicode());
        let width = symbol.cell_width();
        assert!(matches!(width, 1 | 2), "{symbol:?} ({}) is {width} cells wide", symbol.escape_unicode());
        assert_eq!(symbol.graphemes(true).count(), 1, "{symbol:?} is not one grapheme");
        let column = u16::try_from(index % usize::from(area.width)).unwrap();
        assert!(column + width <= area.width, "{symbol:?} hangs over the edge");
    }
}

/// What a terminal interprets, what is not seen, what changes the order of what is seen. Written apart from the sanitizer's own list: from the
/// general categories Cc, Zl, Zp, private use beyond the first plane (there, prompts have their symbols), the property Default_Ignorable_Code_Point, and noncharacters.
fn is_forbidden(c: char) -> bool {
    let point = u32::from(c);
    c.is_control()
        || point & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Plays the bytes on a terminal that counts cells a character at a time, as terminals without graphemes do: it shows the buffer, and is told
/// nothing but colours and places.
fn terminal_shows(drawn: &Drawn) {
    let area = drawn.buffer.area;
    let (width, rows) = (usize::from(area.width), usize::from(area.height));
    let mut grid = Grid { width, at: (0, 0), cells: vec![String::new(); width * rows] };
    vte::Parser::new().advance(&mut grid, &drawn.bytes);
    for (y, row) in drawn.buffer.content().chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let symbol = row[x].symbol();
            let cells = usize::from(symbol.cell_width().max(1));
            let shown = grid.cells[y * width + x..][..cells].concat();
            let shown = if shown.is_empty() { " " } else { &shown };
            assert_eq!(shown, symbol, "the terminal shows something else at column {x} of row {y}");
            x += cells;
        }
    }
}

struct Grid {
    width: usize,
    /// Row and column of the cursor.
    at: (usize, usize),
    /// What stands in each cell; of a wide character, in its first one.
    cells: Vec<String>,
}

impl Grid {
    fn row(&mut self) -> &mut [String] {
        let start = self.at.0 * self.width;
        &mut self.cells[start..][..self.width]
    }
}

impl vte::Perform for Grid {
    fn print(&mut self, c: char) {
        let column = self.at.1;
        match c.width() {
            Some(0) | None => {
                let before = self.row()[..column].iter_mut().rfind(|cell| !cell.is_empty());
                before.expect("something stands before a combining character").push(c);
            }
            Some(cells) => {
                assert!(column + cells <= self.width, "{c:?} is printed over the edge");
                let row = self.row();
                row[column..column + cells].iter_mut().for_each(String::clear);
                row[column].push(c);
                self.at.1 += cells;
            }
        }
    }

    fn execute(&mut self, byte: u8) {
        panic!("the control character {byte:#04x} reaches the terminal");
    }

    fn csi_dispatch(&mut self, params: &vte::Params, intermediates: &[u8], _ignore: bool, action: char) {
        let mut numbers = params.iter().map(|param| usize::from(param[0]));
        match (intermediates, action) {
            ([], 'H') => {
                let (row, column) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
                self.at = (row.max(1) - 1, column.max(1) - 1);
            }
            ([], 'm') => {}
            // The cursor is hidden and shown.
            (b"?", 'h' | 'l') => assert_eq!(numbers.collect::<Vec<_>>(), [25]),
            _ => panic!("the sequence CSI {intermediates:?} {params:?} {action} reaches the terminal"),
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        panic!("the sequence ESC {intermediates:?} {byte:#04x} reaches the terminal");
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
        panic!("the control string OSC {params:?} reaches the terminal");
    }

    fn hook(&mut self, _params: &vte::Params, _intermediates: &[u8], _ignore: bool, action: char) {
        panic!("the control string DCS {action} reaches the terminal");
    }
}
