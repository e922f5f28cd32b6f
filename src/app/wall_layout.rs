//! Where the parts of the wall are, as a pure function of size and time: drawing and following agree on it.
//!
//! Against burning into a screen that shows it for months, the whole picture moves by a cell or two every [`SHIFT`], and
//! the numbers and the panes change their places every [`SWAP`].

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;

use super::layout::MINIMUM;

/// The picture moves that often …
pub const SHIFT: SignedDuration = SignedDuration::from_mins(3);
/// … and its parts change their places that often.
pub const SWAP: SignedDuration = SignedDuration::from_mins(10);
/// The places of the picture in its margin, each next to the one before.
const SHIFTS: [(u16, u16); 6] = [(0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1)];
/// Cells of the margin, in columns and rows.
const MARGIN: (u16, u16) = (2, 1);

/// The parts of the wall. Those of no height have no room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WallAreas {
    /// All of it, with the frame around it.
    pub frame: Rect,
    /// The word of the moment.
    pub bar: Rect,
    /// The numbers.
    pub counters: Rect,
    /// Clock and age of the data.
    pub age: Rect,
    /// What must not be overlooked.
    pub banner: Rect,
    /// The worst sessions.
    pub rows: Rect,
    /// Transcripts in turn.
    pub panes: Vec<Rect>,
    /// Accounts and regions.
    pub strip: Rect,
    /// The last hour.
    pub trend: Rect,
    /// The latest alerts.
    pub ticker: Rect,
    /// What has taken the screen.
    pub takeover: Option<Rect>,
}

impl WallAreas {
    /// The parts of a wall of that size; `None`: too small. `taken`: something takes the screen.
    pub fn of((width, height): (u16, u16), now: Timestamp, banners: usize, taken: bool) -> Option<Self> {
        if width < MINIMUM.0 || height < MINIMUM.1 {
            return None;
        }
        let roomy = width >= 80 && height >= 20;
        let margin = if roomy { MARGIN } else { (0, 0) };
        let turns = |every: SignedDuration| now.as_second().div_euclid(every.as_secs().max(1));
        let turn = usize::try_from(turns(SHIFT).rem_euclid(SHIFTS.len() as i64)).unwrap_or(0);
        let (right, down) = SHIFTS.get(turn).copied().filter(|_| roomy).unwrap_or_default();
        let frame = Rect::new(right, down, width - margin.0, height - margin.1);
        let inner = Rect::new(frame.x + 1, frame.y + 1, frame.width - 2, frame.height - 2);
        let swapped = roomy && turns(SWAP).rem_euclid(2) == 1;
        let high = inner.height;
        let bar = big(inner, 3);
        let counters = counters_height(inner);
        let age = if high >= 40 { 3 } else { 1 };
        let strip = match high {
            0..12 => 0,
            12..20 => 1,
            20..30 => 2,
            _ => (high / 12).clamp(3, 12),
        };
        let trend = match high {
            0..16 => 0,
            16..30 => 1,
            30..60 => 3,
            _ => 5,
        };
        let ticker = match high {
            0..14 => 0,
            14..30 => 1,
            30..60 => 3,
            _ => high / 16,
        };
        let banner = u16::try_from(banners).unwrap_or(u16::MAX).min(high / 8).min(6);
        let body = high.saturating_sub(bar + counters + age + strip + trend + ticker + banner);
        let mut areas = Self { frame, ..Self::default() };
        let mut y = inner.y;
        let mut take = |height: u16| {
            let height = height.min(inner.bottom().saturating_sub(y));
            let area = Rect::new(inner.x, y, inner.width, height);
            y += height;
            area
        };
        areas.bar = take(bar);
        areas.banner = take(banner);
        // What is drawn most solidly is what burns in: it goes to the foot of the screen and back.
        let middle = if swapped {
            areas.trend = take(trend);
            areas.strip = take(strip);
            areas.ticker = take(ticker);
            let middle = take(body);
            areas.age = take(age);
            areas.counters = take(counters);
            middle
        } else {
            areas.counters = take(counters);
            areas.age = take(age);
            let middle = take(body);
            areas.strip = take(strip);
            areas.trend = take(trend);
            areas.ticker = take(ticker);
            middle
        };
        if taken {
            // The numbers and the clock stay; a transcript of what it is about has the lower half, where there is room.
            let transcript = if middle.height >= 16 { middle.height * 2 / 5 } else { 0 };
            let upper = Rect { height: middle.height - transcript, ..middle };
            areas.takeover = Some(upper);
            if transcript > 0 {
                areas.panes.push(Rect { y: upper.bottom(), height: transcript, ..middle });
            }
            return Some(areas);
        }
        areas.divide(middle, swapped);
        Some(areas)
    }

    /// Rows and transcripts: beside each other where it is wide, else above each other.
    fn divide(&mut self, middle: Rect, swapped: bool) {
        if middle.width >= 116 && middle.height >= 8 {
            let rows = middle.width * 2 / 5;
            let panes = middle.width - rows;
            let (rows_x, panes_x) = if swapped { (middle.x + panes, middle.x) } else { (middle.x, middle.x + rows) };
            self.rows = Rect { x: rows_x, width: rows, ..middle };
            let panes = Rect { x: panes_x, width: panes, ..middle };
            if middle.width >= 190 && middle.height >= 16 {
                // Two of them: above each other, so that their lines are long.
                let first = panes.height / 2;
                self.panes.push(Rect { height: first, ..panes });
                self.panes.push(Rect { y: panes.y + first, height: panes.height - first, ..panes });
            } else {
                self.panes.push(panes);
            }
            return;
        }
        if middle.height < 7 {
            self.rows = middle;
            return;
        }
        let rows = (middle.height / 2).clamp(3, 12);
        let rest = middle.height - rows;
        let (rows_y, panes_y) = if swapped { (middle.y + rest, middle.y) } else { (middle.y, middle.y + rows) };
        self.rows = Rect { y: rows_y, height: rows, ..middle };
        self.panes.push(Rect { y: panes_y, height: rest, ..middle });
    }

    /// Every part that has room.
    pub fn parts(&self) -> Vec<Rect> {
        let all = [self.bar, self.counters, self.age, self.banner, self.rows, self.strip, self.trend, self.ticker];
        let parts = all.into_iter().chain(self.panes.iter().copied()).chain(self.takeover);
        parts.filter(|part| part.height > 0 && part.width > 0).collect()
    }
}

/// How high a line of big letters is: letters of five pixels, two pixels a cell below the first scale.
fn big(inner: Rect, least: u16) -> u16 {
    match inner.height {
        0..24 => 1,
        24..75 => least,
        75..110 => 5,
        _ => 10,
    }
}

/// Numbers and a line of words below them.
fn counters_height(inner: Rect) -> u16 {
    match (inner.height, inner.width) {
        (0..16, _) => 1,
        (16..36, _) | (_, 0..118) => 4,
        (36..70, _) | (_, 0..240) => 6,
        (70..110, _) | (_, 0..400) => 11,
        _ => 16,
    }
}
