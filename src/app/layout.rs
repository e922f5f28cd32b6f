//! Where the panes are, as a pure function of the size: drawing and scrolling agree on it.

use ratatui::layout::{Constraint, Layout, Rect};

use super::view::{BannerKind, Focus, Screen, View};

/// Below this the program says that it is too small.
pub const MINIMUM: (u16, u16) = (40, 10);

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
    /// What its terminal prints.
    pub transcript: Option<Rect>,
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
            BannerKind::Rules | BannerKind::Account(_) => {
                1 + usize::from(banner.text.chars().count() + 3 > usize::from(width))
            }
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
                    _ => (body.height * 2 / 5).clamp(6, 16),
                };
                let [table, detail] = Layout::vertical([Constraint::Min(1), Constraint::Length(lower)]).areas(body);
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
            let [table, lower] =
                Layout::vertical([Constraint::Percentage(table_share), Constraint::Min(8)]).areas(body);
            let [detail, transcript] =
                Layout::horizontal([Constraint::Percentage(40), Constraint::Percentage(60)]).areas(lower);
            areas.table = Some(table);
            areas.detail = Some(detail);
            areas.transcript = Some(transcript);
        } else if view.opened {
            // One pane at a time, with the selected row still in sight where there is room.
            let pane = match view.focus {
                Focus::Detail | Focus::Table => &mut areas.detail,
                Focus::Transcript => &mut areas.transcript,
            };
            *pane = Some(body);
        } else {
            areas.table = Some(body);
        }
        Some(areas)
    }

    /// Rows of content in the table: without its borders and its heading.
    pub fn table_rows(&self) -> usize {
        self.table.map_or(1, |area| usize::from(area.height.saturating_sub(3)).max(1))
    }

    /// Lines of content in the detail pane.
    pub fn detail_rows(&self) -> usize {
        self.detail.map_or(1, |area| usize::from(area.height.saturating_sub(2)).max(1))
    }

    /// Lines of content in the transcript pane: without its borders.
    pub fn transcript_rows(&self) -> usize {
        self.transcript.map_or(1, |area| usize::from(area.height.saturating_sub(2)).max(1))
    }
}
