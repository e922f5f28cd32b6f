//! Where the panes are, as a pure function of the size: drawing and scrolling agree on it.

use ratatui::layout::{Constraint, Layout, Rect};

use super::{
    sizes::{Border, Split},
    view::{BannerKind, Focus, MOST_BESIDE, Room, Screen, View},
};

/// Below this the program says that it is too small.
pub const MINIMUM: (u16, u16) = (40, 12);

/// Narrower transcripts do not stand side by side …
const LEAST_WIDTH: u16 = 46;
/// … and lower ones not above each other.
const LEAST_HEIGHT: u16 = 5;

/// The parts of the screen. Absent parts have no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    /// Counters, health, clock.
    pub header: Rect,
    /// What must not be overlooked: blind scopes, failed acts. Zero height when there is nothing.
    pub banner: Rect,
    /// The table or list of the screen.
    pub table: Option<Rect>,
    /// Facts and findings of the selected session; on the other screens the selected row in full.
    pub detail: Option<Rect>,
    /// What the selected session's terminal prints.
    pub transcript: Option<Rect>,
    /// The transcripts side by side, in the order of [`View::panes`]; the selected one's is among them. Those without room are absent.
    pub panes: [Option<Rect>; MOST_BESIDE + 1],
    /// The commands of the selected session's transcript.
    pub commands: Option<Rect>,
    /// Keys that work now, notices, the filter line.
    pub footer: Rect,
}

impl Areas {
    /// The areas of a screen of that size; `None`: too small.
    pub fn of(width: u16, height: u16, view: &View) -> Option<Self> {
        if width < MINIMUM.0 || height < MINIMUM.1 {
            return None;
        }
        let area = Rect::new(0, 0, width, height);
        let header_height = if height >= 16 { 3 } else { 1 };
        // An act that failed says what to do as well: that takes a second line.
        let lines = view.banners.iter().map(|banner| match banner.kind {
            BannerKind::Act(_) => 1 + usize::from(banner.text.chars().count() + 14 > usize::from(width)),
            BannerKind::Rules
            | BannerKind::Account(_)
            | BannerKind::Returned(_)
            | BannerKind::Automatic
            | BannerKind::Credentials { .. }
            | BannerKind::Store => 1 + usize::from(banner.text.chars().count() + 3 > usize::from(width)),
            BannerKind::Scope(_) | BannerKind::Scopes => 1,
        });
        let banner_height = u16::try_from(lines.sum::<usize>()).unwrap_or(u16::MAX).min(height / 6).min(4);
        let [header, banner, body, footer] = Layout::vertical([
            Constraint::Length(header_height),
            Constraint::Length(banner_height),
            Constraint::Min(1),
            Constraint::Length(1),
        ])
        .areas(area);
        let mut areas = Self { header, banner, footer, ..Self::default() };
        if view.screen != Screen::Sessions {
            // The list, and below it the selected row in full where there is room.
            if body.height >= 14 {
                // Preferences are a table of their own, one line a value.
                let lower = match view.screen {
                    Screen::Preferences => (body.height * 3 / 5).clamp(6, 40),
                    // An alert has many parts: what, who, why, and how far each of its messages came.
                    Screen::Alerts => (body.height / 2).clamp(6, 30),
                    _ => (body.height * 2 / 5).clamp(6, 16),
                };
                let (table, detail) = match view.sizes.first(Split::List(view.screen), body.height) {
                    Some(first) => divided(body, true, first),
                    None => divided(body, true, body.height - lower),
                };
                areas.table = Some(table);
                areas.detail = Some(detail);
            } else {
                areas.table = Some(body);
            }
            return Some(areas);
        }
        let roomy = width >= 120 && body.height >= 22;
        if roomy {
            let table_share = if view.opened { 30 } else { 55 };
            let (table, lower) = match view.sizes.first(Split::Table { opened: view.opened }, body.height) {
                Some(first) => divided(body, true, first),
                None => {
                    let [table, lower] =
                        Layout::vertical([Constraint::Percentage(table_share), Constraint::Min(8)]).areas(body);
                    (table, lower)
                }
            };
            areas.table = Some(table);
            if view.panes().len() > 1 && view.focus != Focus::Detail {
                // More than one transcript takes the room of the details.
                areas.show_transcripts(lower, view);
            } else {
                let (detail, transcript) = beside(lower, view, Split::Detail);
                areas.detail = Some(detail);
                areas.show_transcripts(transcript, view);
            }
        } else if view.opened {
            // One pane at a time, with the selected row still in sight where there is room.
            match view.focus {
                Focus::Detail | Focus::Table => areas.detail = Some(body),
                Focus::Transcript | Focus::Commands => areas.show_transcripts(body, view),
            }
        } else {
            areas.table = Some(body);
        }
        Some(areas)
    }

    /// Divides an area among the transcripts, and the commands where they have the keys.
    fn show_transcripts(&mut self, area: Rect, view: &View) {
        let mut area = area;
        if view.focus == Focus::Commands {
            if area.width < LEAST_WIDTH * 2 {
                self.commands = Some(area);
                return;
            }
            let (commands, rest) = beside(area, view, Split::Commands);
            self.commands = Some(commands);
            area = rest;
        }
        let selected = view.table.list.selected.as_ref();
        let shown = view.panes();
        let current = shown.iter().position(|key| Some(*key) == selected).unwrap_or(0);
        let columns = if shown.len() > 1 && area.width >= LEAST_WIDTH * 2 { 2 } else { 1 };
        let rows = shown.len().div_ceil(columns);
        let fits = usize::from(area.height) >= rows * usize::from(LEAST_HEIGHT);
        if shown.len() <= 1 || view.focus == Focus::Commands || !fits {
            self.transcript = Some(area);
            if let Some(pane) = self.panes.get_mut(current) {
                *pane = Some(area);
            }
            return;
        }
        let lines = Layout::vertical(vec![Constraint::Fill(1); rows]).split(area);
        let mut panes = self.panes.iter_mut();
        for (row, line) in lines.iter().enumerate() {
            let here = (shown.len() - row * columns).min(columns);
            for pane in Layout::horizontal(vec![Constraint::Fill(1); here]).split(*line).iter() {
                if let Some(place) = panes.next() {
                    *place = Some(*pane);
                }
            }
        }
        self.transcript = self.panes.get(current).copied().flatten();
    }

    /// The borders between panes that can be moved, those above first.
    pub fn borders(&self, view: &View) -> Vec<Border> {
        let width = self.header.width;
        let body = Rect::new(0, self.banner.bottom(), width, self.footer.y.saturating_sub(self.banner.bottom()));
        let mut borders = Vec::new();
        let lower = self.detail.or(self.commands).or(self.transcript);
        if let (Some(table), Some(_)) = (self.table, lower) {
            let split = match view.screen {
                Screen::Sessions => Split::Table { opened: view.opened },
                screen => Split::List(screen),
            };
            borders.push(Border { split, whole: body, first: table.height });
        }
        let rest = |pane: Rect| Rect::new(pane.x, pane.y, width - pane.x, pane.height);
        let right = |pane: Rect| self.transcript.or(self.commands).is_some_and(|other| other.x >= pane.right());
        if let Some(detail) = self.detail.filter(|detail| right(*detail)) {
            borders.push(Border { split: Split::Detail, whole: rest(detail), first: detail.width });
        }
        if let Some(commands) = self.commands.filter(|commands| right(*commands)) {
            borders.push(Border { split: Split::Commands, whole: rest(commands), first: commands.width });
        }
        // What is too small for a choice is left as it is.
        borders.retain(|border| {
            let (first, second) = border.split.least();
            border.cells() >= first + second
        });
        borders
    }

    /// Rows of content in the table: without its borders and its heading.
    pub fn table_rows(&self) -> usize {
        self.table.map_or(1, |area| usize::from(area.height.saturating_sub(3)).max(1))
    }

    /// Lines of content in the detail pane.
    pub fn detail_rows(&self) -> usize {
        self.detail.map_or(1, |area| usize::from(area.height.saturating_sub(2)).max(1))
    }

    /// The room for lines in the selected session's transcript.
    pub fn transcript_room(&self, view: &View) -> Room {
        self.transcript.map_or(Room { rows: 1, wrap: None }, |area| transcript_room(area, view))
    }

    /// Rows of content in the list of commands.
    pub fn command_rows(&self) -> usize {
        self.commands.map_or(1, |area| usize::from(area.height.saturating_sub(2)).max(1))
    }
}

/// An area in two: so many cells, and the rest.
fn divided(area: Rect, vertically: bool, first: u16) -> (Rect, Rect) {
    if vertically {
        let first = first.min(area.height);
        let below = Rect { y: area.y + first, height: area.height - first, ..area };
        (Rect { height: first, ..area }, below)
    } else {
        let first = first.min(area.width);
        let right = Rect { x: area.x + first, width: area.width - first, ..area };
        (Rect { width: first, ..area }, right)
    }
}

/// Two panes side by side: as was chosen, else two fifths and the rest.
fn beside(area: Rect, view: &View, split: Split) -> (Rect, Rect) {
    if let Some(first) = view.sizes.first(split, area.width) {
        return divided(area, false, first);
    }
    let [first, second] = Layout::horizontal([Constraint::Percentage(40), Constraint::Percentage(60)]).areas(area);
    (first, second)
}

/// Cells before the text of a transcript's line: the time, where there is room for it, and the margin.
pub fn transcript_lead(inner_width: u16, view: &View) -> u16 {
    if inner_width >= 40 && !view.no_times { 12 } else { 2 }
}

/// The room for lines in a transcript's pane of that size.
pub fn transcript_room(area: Rect, view: &View) -> Room {
    let inner = area.width.saturating_sub(2);
    let cells = inner.saturating_sub(transcript_lead(inner, view));
    Room {
        rows: usize::from(area.height.saturating_sub(2)).max(1),
        wrap: view.wrap.then_some(usize::from(cells.max(2))),
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
