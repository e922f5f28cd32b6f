//! Tables: columns that adapt to the room there is. Only visible rows are ever built.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text::{self, Piece, Pieces, line_width, piece, put_line};

/// Makes a text fit into so many cells, with an ellipsis where something was left out.
pub(super) type Shorten = for<'a> fn(&'a str, usize, &str) -> Cow<'a, str>;

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its heading.
    pub(super) title: String,
    /// Below this width it makes no sense.
    pub(super) min: u16,
    /// Beyond this width it only wastes room.
    pub(super) max: u16,
    /// Columns with a higher number go first where room is short; 0 stays.
    pub(super) drop: u8,
    /// Numbers stand on the right.
    pub(super) right: bool,
    /// The table is sorted by it.
    pub(super) sorted: bool,
    /// The keys are on its heading.
    pub(super) chosen: bool,
    /// How what does not fit is made shorter.
    pub(super) shorten: Shorten,
}

impl Column {
    /// A column of text.
    pub(super) fn new(title: &str, min: u16, max: u16, drop: u8) -> Self {
        Self { title: title.to_owned(), min, max, drop, right: false, sorted: false, chosen: false, shorten: text::fit }
    }

    /// A column of numbers.
    pub(super) fn number(title: &str, min: u16, max: u16, drop: u8) -> Self {
        Self { right: true, ..Self::new(title, min, max, drop) }
    }

    /// The same, of names of documents.
    pub(super) fn documents(self) -> Self {
        Self { shorten: document, ..self }
    }

    /// The same, of names whose end tells as much as their beginning.
    pub(super) fn middle(self) -> Self {
        Self { shorten: text::fit_middle, ..self }
    }
}

/// The name of a document: what AWS's own begin with tells nothing and goes first, and then their middle. The ellipsis
/// that is left cannot be part of a name, so that no other document can pass for one of AWS's.
fn document<'a>(name: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if text::width(name) <= cells {
        return Cow::Borrowed(name);
    }
    let Some(kind) = ["AWS-Start", "SSM-SessionManager"].iter().find_map(|noise| name.strip_prefix(noise)) else {
        return text::fit_middle(name, cells, ellipsis);
    };
    let whole = format!("{ellipsis}{kind}");
    if text::width(&whole) <= cells {
        return Cow::Owned(whole);
    }
    let kind = kind.strip_suffix("Session").unwrap_or(kind);
    let short = format!("{ellipsis}{kind}");
    if text::width(&short) <= cells {
        return Cow::Owned(short);
    }
    // Where all of it would fit but the ellipsis, a letter goes for that.
    Cow::Owned(text::fit_middle(kind, cells.min(text::width(kind).saturating_sub(1)), ellipsis).into_owned())
}

/// A row: its cells in the order of the columns, and the style of the whole row, if it has one.
pub(super) struct Row<'a> {
    pub(super) cells: Vec<Pieces<'a>>,
    /// Laid over the whole row: selection.
    pub(super) over: Option<Style>,
    /// A sign of one cell before all columns: marked, not seen yet.
    pub(super) lead: Option<Piece<'a>>,
}

impl<'a> Row<'a> {
    /// A row of those cells, selected in that style or not.
    pub(super) fn new(cells: Vec<Pieces<'a>>, over: Option<Style>) -> Self {
        Self { cells, over, lead: None }
    }
}

/// Cells between two columns.
const GAP: u16 = 1;

/// The width of each column in `room` cells; `None`: there is no room for it.
///
/// Columns are dropped by their rank until the narrowest form of the others fits; what is left is given to those whose
/// content wants more.
pub(super) fn widths(columns: &[Column], content: &[u16], room: u16) -> Vec<Option<u16>> {
    let ideal = |index: usize| {
        let wants = content.get(index).copied().unwrap_or(0);
        columns.get(index).map_or(0, |column| wants.max(heading_width(column)).clamp(column.min, column.max))
    };
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let least = |shown: &[usize]| -> u16 {
        let cells: u16 =
            shown.iter().filter_map(|index| columns.get(*index)).map(|column| column.min).fold(0, u16::saturating_add);
        cells.saturating_add(GAP.saturating_mul(u16::try_from(shown.len().saturating_sub(1)).unwrap_or(u16::MAX)))
    };
    while least(&shown) > room {
        let rank = |index: &usize| columns.get(*index).map_or(0, |column| column.drop);
        let Some(worst) = shown.iter().copied().filter(|index| rank(index) > 0).max_by_key(|index| rank(index)) else {
            break;
        };
        shown.retain(|index| *index != worst);
    }
    let mut widths: Vec<Option<u16>> = vec![None; columns.len()];
    let mut left = room.saturating_sub(least(&shown));
    for index in &shown {
        if let (Some(width), Some(column)) = (widths.get_mut(*index), columns.get(*index)) {
            *width = Some(column.min);
        }
    }
    // Cell by cell to the narrowest column that wants more: short ones are soon whole, long ones share the rest.
    while left > 0 {
        let width = |index: usize| widths.get(index).copied().flatten().unwrap_or(0);
        let hungry = shown.iter().copied().filter(|index| width(*index) < ideal(*index));
        let Some(narrowest) = hungry.min_by_key(|index| width(*index)) else { break };
        if let Some(Some(width)) = widths.get_mut(narrowest) {
            *width += 1;
        }
        left -= 1;
    }
    widths
}

/// What of the columns is in sight.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fitted {
    /// Indices of the columns that are, in their order.
    pub(super) drawn: Vec<usize>,
    /// So many are out of sight to the left; as many were panned over.
    pub(super) left: usize,
    /// So many to the right, or because others need the room more.
    pub(super) right: usize,
    /// Panned over none, the same are in sight as without panning.
    pub(super) same_at_first: bool,
}

/// Which columns are in sight in `room` cells. Those that are never dropped stay, cut as far as it must be; without `pan`
/// the others go by their rank, with it they stand in their order from that one on.
pub(super) fn fit(columns: &mut [Column], pan: Option<usize>, room: u16) -> Fitted {
    let pinned: Vec<usize> =
        (0..columns.len()).filter(|index| columns.get(*index).is_some_and(|c| c.drop == 0)).collect();
    let panning: Vec<usize> = (0..columns.len()).filter(|index| !pinned.contains(index)).collect();
    let least = |columns: &[Column], shown: &mut dyn Iterator<Item = usize>| -> usize {
        let mins = shown.filter_map(|index| columns.get(index)).map(|column| usize::from(column.min + GAP));
        mins.sum::<usize>().saturating_sub(usize::from(GAP))
    };
    let room = usize::from(room);
    while least(columns, &mut pinned.iter().copied()) > room {
        let widest = pinned.iter().copied().max_by_key(|index| columns.get(*index).map_or(0, |column| column.min));
        let Some(column) = widest.and_then(|index| columns.get_mut(index)).filter(|column| column.min > 1) else {
            break;
        };
        column.min -= 1;
        column.max = column.max.min(column.min);
    }
    let taken = least(columns, &mut pinned.iter().copied());
    let left = room.saturating_sub(taken + if pinned.is_empty() { 0 } else { usize::from(GAP) });
    // None is so wide that it never comes into sight.
    for index in &panning {
        if let Some(column) = columns.get_mut(*index) {
            column.min = column.min.min(u16::try_from(left).unwrap_or(u16::MAX)).max(1);
            column.max = column.max.max(column.min);
        }
    }
    let from = |first: usize| -> Vec<usize> {
        let mut shown: Vec<usize> = Vec::new();
        for index in panning.iter().skip(first) {
            shown.push(*index);
            if least(columns, &mut shown.iter().copied()) > left {
                shown.pop();
                break;
            }
        }
        shown
    };
    let mut by_rank = panning.clone();
    while !by_rank.is_empty() && least(columns, &mut by_rank.iter().copied()) > left {
        let worst = by_rank.iter().copied().max_by_key(|index| columns.get(*index).map_or(0, |column| column.drop));
        by_rank.retain(|index| Some(*index) != worst);
    }
    let last = (0..panning.len()).find(|first| first + from(*first).len() == panning.len()).unwrap_or(0);
    let same_at_first = by_rank == from(0);
    let (shown, left) = match pan {
        None => (by_rank, 0),
        Some(pan) => (from(pan.min(last)), pan.min(last)),
    };
    let right = panning.len().saturating_sub(left + shown.len());
    let drawn = (0..columns.len()).filter(|index| pinned.contains(index) || shown.contains(index)).collect();
    Fitted { drawn, left, right, same_at_first }
}

fn heading_width(column: &Column) -> u16 {
    let signs = 2 * u16::from(column.sorted) + u16::from(column.chosen);
    u16::try_from(text::width(&column.title)).unwrap_or(u16::MAX).saturating_add(signs)
}

/// What a table looks like beside its rows.
pub(super) struct Dress<'a> {
    pub(super) heading: Style,
    pub(super) sorted: Style,
    /// Marker of the sorted column.
    pub(super) marker: &'a str,
    pub(super) ellipsis: &'a str,
    /// Sign and style of the heading that the keys are on.
    pub(super) chosen: (&'a str, Style),
}

/// Draws heading and rows into `area` (its first line is the heading). Answers where the headings are, column by column.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    columns: &[Column],
    rows: &[Row<'_>],
    dress: &Dress<'_>,
) -> Vec<Option<Rect>> {
    if area.width < 3 || area.height == 0 {
        return Vec::new();
    }
    let content: Vec<u16> = (0..columns.len())
        .map(|index| {
            let widest = rows.iter().filter_map(|row| row.cells.get(index)).map(|cell| line_width(cell)).max();
            u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX)
        })
        .collect();
    // One cell of air on both sides; the highlight of a row covers it.
    let widths = widths(columns, &content, area.width - 2);
    let heading = columns
        .iter()
        .map(|column| {
            let sign = if column.chosen { dress.chosen.0 } else { "" };
            let style = if column.sorted { dress.sorted } else { dress.heading };
            let style = if column.chosen { style.patch(dress.chosen.1) } else { style };
            vec![if column.sorted {
                piece(format!("{sign}{} {}", column.title, dress.marker), style)
            } else {
                piece(format!("{sign}{}", column.title), style)
            }]
        })
        .collect();
    let heading = Row::new(heading, None);
    let mut headings = vec![None; columns.len()];
    for (row, y) in std::iter::once(&heading).chain(rows).zip(area.top()..area.bottom()) {
        let mut x = area.x + 1;
        for (((column, wide), line), place) in columns.iter().zip(&widths).zip(&row.cells).zip(&mut headings) {
            let Some(wide) = *wide else { continue };
            let room = wide.min(area.right().saturating_sub(x + 1));
            set(buffer, (x, y), room, line, column, dress.ellipsis);
            if y == area.y {
                *place = Some(Rect::new(x, y, room, 1));
                if column.chosen {
                    buffer.set_style(Rect::new(x, y, room, 1), dress.chosen.1);
                }
            }
            x = x.saturating_add(wide + GAP);
            if x >= area.right() {
                break;
            }
        }
        if let Some(over) = row.over {
            buffer.set_style(Rect::new(area.x, y, area.width, 1), over);
        }
        if let Some(lead) = &row.lead {
            text::put(buffer, (area.x, y), 1, &lead.text, lead.style, dress.ellipsis);
        }
    }
    headings
}

fn set(buffer: &mut Buffer, (x, y): (u16, u16), room: u16, line: &Pieces<'_>, column: &Column, ellipsis: &str) {
    if let (false, [only]) = (column.right, line.as_slice()) {
        let short = (column.shorten)(&only.text, usize::from(room), ellipsis);
        text::put(buffer, (x, y), room, &short, only.style, ellipsis);
        return;
    }
    let wide = u16::try_from(line_width(line)).unwrap_or(u16::MAX);
    let indent = if column.right { room.saturating_sub(wide) } else { 0 };
    put_line(buffer, (x + indent, y), room - indent, line, ellipsis);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        vec![
            Column::new("A", 5, 10, 0),
            Column::new("B", 5, 20, 1),
            Column::new("C", 5, 40, 2),
            Column::number("D", 3, 3, 0),
        ]
    }

    #[test]
    fn columns_leave_in_the_order_of_their_rank() {
        let content = [8, 15, 60, 2];
        assert_eq!(widths(&columns(), &content, 120), [Some(8), Some(15), Some(40), Some(3)]);
        let narrow = widths(&columns(), &content, 19);
        assert_eq!(narrow.get(2), Some(&None));
        assert_eq!(widths(&columns(), &content, 10), [Some(6), None, None, Some(3)]);
    }

    #[test]
    fn kinds_of_documents_stay_apart_where_there_is_little_room() {
        let names = [
            "SSM-SessionManagerRunShell",
            "AWS-StartPortForwardingSession",
            "AWS-StartPortForwardingSessionToRemoteHost",
            "AWS-StartSSHSession",
            "AWS-StartInteractiveCommand",
            "AWS-StartNonInteractiveCommand",
            "Company-RestrictedShell",
        ];
        let short = |cells| names.map(|name| document(name, cells, "…").into_owned());
        assert_eq!(short(50), names);
        assert_eq!(
            short(10),
            ["…RunShell", "PortF…ding", "PortF…Host", "…SSH", "Inter…mand", "NonIn…mand", "Compa…hell"]
        );
        assert_eq!(document("AWS-StartPortForwardingSession", 16, "…"), "…PortForwarding");
        assert_eq!(document("AWS-StartPortForwardingSession", 14, "…"), "PortFo…arding");
        assert_eq!(document("SSH", 10, "…"), "SSH");
    }

    #[test]
    fn panned_columns_come_in_their_order_and_the_others_stay() {
        let fitted = |pan, room| fit(&mut columns(), pan, room);
        assert_eq!(fitted(None, 40).drawn, [0, 1, 2, 3]);
        let home = fitted(None, 16);
        assert_eq!((home.drawn, home.left, home.right, home.same_at_first), (vec![0, 1, 3], 0, 1, true));
        let panned = fitted(Some(1), 16);
        assert_eq!((panned.drawn, panned.left, panned.right), (vec![0, 2, 3], 1, 0));
        assert_eq!(fitted(Some(9), 16).drawn, [0, 2, 3], "never past the end");
        assert_eq!(fitted(Some(9), 40).left, 0, "where all fits there is nothing to pan");
        // One that is wider than the room comes into sight as far as there is any.
        let mut wide = columns();
        if let Some(column) = wide.get_mut(2) {
            (column.min, column.max) = (200, 200);
        }
        assert_eq!(fit(&mut wide, Some(1), 16).drawn, [0, 2, 3]);
    }

    #[test]
    fn what_is_shown_always_fits() {
        for room in 9..200 {
            let shown: Vec<u16> = widths(&columns(), &[50, 50, 50, 50], room).into_iter().flatten().collect();
            let gaps = u16::try_from(shown.len()).unwrap_or(0) - 1;
            assert!(shown.iter().sum::<u16>() + gaps <= room, "{room}: {shown:?}");
        }
    }
}
