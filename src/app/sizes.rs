//! Sizes of panes that somebody chose: shares of two panes that divide an area between them.

use std::collections::HashMap;

use ratatui::layout::Rect;

use super::view::Screen;

/// Where an area is divided in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The sessions above what belongs to the selected one; opened it is another division.
    Table {
        /// The session is opened.
        opened: bool,
    },
    /// The details beside the transcript.
    Detail,
    /// The commands beside the transcript.
    Commands,
    /// The list of another screen above the selected row in full.
    List(Screen),
}

impl Split {
    /// The panes stand above each other.
    pub fn is_vertical(self) -> bool {
        matches!(self, Self::Table { .. } | Self::List(_))
    }

    /// What both panes keep at least, in cells, borders included.
    pub fn least(self) -> (u16, u16) {
        match self {
            // A border, the heading, two rows; and what says something of a session.
            Self::Table { .. } => (5, 8),
            Self::Detail => (36, 46),
            Self::Commands => (30, 46),
            Self::List(_) => (5, 6),
        }
    }
}

/// Shares are of a thousand: no terminal has more cells in a line, so each cell can be meant.
const WHOLE: u32 = 1000;

/// The shares of the first panes that were chosen; the others are as the layout likes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sizes(HashMap<Split, u16>);

impl Sizes {
    /// The cells of the first pane of an area of so many cells; `None`: nobody chose, or there is no room for a choice.
    pub fn first(&self, split: Split, cells: u16) -> Option<u16> {
        let share = u32::from(*self.0.get(&split)?);
        bounded(split, u16::try_from(u32::from(cells) * share / WHOLE).unwrap_or(cells), cells)
    }

    /// Gives the first pane so many cells of `cells`, as far as both keep their least. Says whether there was room for a choice.
    pub fn set(&mut self, split: Split, first: u16, cells: u16) -> bool {
        let Some(first) = bounded(split, first, cells) else { return false };
        // Rounded up, so that the cells come out of the share again.
        let share = (u32::from(first) * WHOLE).div_ceil(u32::from(cells.max(1)));
        self.0.insert(split, u16::try_from(share.min(WHOLE)).unwrap_or(500));
        true
    }
}

fn bounded(split: Split, first: u16, cells: u16) -> Option<u16> {
    let (least, least_second) = split.least();
    let most = cells.checked_sub(least_second)?;
    (most >= least).then(|| first.clamp(least, most))
}

/// A border between two panes that can be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    /// What it divides.
    pub split: Split,
    /// The area that both panes have.
    pub whole: Rect,
    /// The first pane's cells.
    pub first: u16,
}

impl Border {
    /// The cells that are divided.
    pub fn cells(&self) -> u16 {
        if self.split.is_vertical() { self.whole.height } else { self.whole.width }
    }

    /// Whether that cell is on it: the last line of the first pane or the first of the second.
    pub fn is_at(&self, (x, y): (u16, u16)) -> bool {
        let along = self.along((x, y));
        let last = self.first.saturating_sub(1);
        let whole = self.whole;
        (whole.x..whole.right()).contains(&x)
            && (whole.y..whole.bottom()).contains(&y)
            && (last..=self.first).contains(&along)
    }

    /// How far into the divided area that cell is.
    pub fn along(&self, (x, y): (u16, u16)) -> u16 {
        if self.split.is_vertical() { y.saturating_sub(self.whole.y) } else { x.saturating_sub(self.whole.x) }
    }
}
