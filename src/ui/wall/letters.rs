//! Letters that are read from four meters: five pixels high, drawn in cells of any size, in UTF-8 and in ASCII.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// Pixels of a letter's height.
const HIGH: u16 = 5;

/// How many cells a pixel takes. Cells are twice as high as wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Two pixels above each other in a cell.
    Half,
    /// So many rows, and twice as many columns, a pixel.
    Full(u16),
}

impl Scale {
    /// From the largest to the smallest.
    const ALL: [Self; 6] = [Self::Full(6), Self::Full(4), Self::Full(3), Self::Full(2), Self::Full(1), Self::Half];

    /// Rows between two lines: half a cell is free below small ones.
    fn gap(self) -> u16 {
        match self {
            Self::Half => 0,
            Self::Full(rows) => rows,
        }
    }

    /// Rows from one line to the next.
    pub(super) fn step(self) -> u16 {
        self.size("0").1.saturating_add(self.gap())
    }

    /// Columns and rows of that text.
    pub(super) fn size(self, text: &str) -> (u16, u16) {
        let pixels: u16 = text.chars().map(|letter| shape(letter).0 + 1).sum::<u16>().saturating_sub(1);
        match self {
            Self::Half => (pixels, HIGH.div_ceil(2)),
            Self::Full(rows) => (pixels.saturating_mul(2 * rows), HIGH.saturating_mul(rows)),
        }
    }
}

/// The largest scale at which a text fits; nothing: none does, or it has a letter that is not here.
pub(super) fn scale(text: &str, (width, height): (u16, u16)) -> Option<Scale> {
    if text.is_empty() || text.chars().any(|letter| shape(letter) == UNKNOWN) {
        return None;
    }
    Scale::ALL.into_iter().find(|scale| {
        let (columns, rows) = scale.size(text);
        columns <= width && rows <= height
    })
}

/// The largest scale at which a text fits over several lines, broken between words, and those lines.
pub(super) fn wrapped(text: &str, (width, height): (u16, u16)) -> Option<(Scale, Vec<String>)> {
    scale(text, (u16::MAX, u16::MAX))?;
    Scale::ALL.into_iter().find_map(|scale| {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let longer = lines.last().map(|line| format!("{line} {word}"));
            match (longer.filter(|longer| scale.size(longer).0 <= width), lines.last_mut()) {
                (Some(longer), Some(line)) => *line = longer,
                _ => lines.push(word.to_owned()),
            }
        }
        let rows = scale.step().saturating_mul(u16::try_from(lines.len()).unwrap_or(u16::MAX));
        let fits = lines.iter().all(|line| scale.size(line).0 <= width) && rows <= height.saturating_add(scale.gap());
        (fits && !lines.is_empty()).then_some((scale, lines))
    })
}

/// Draws a text from the upper left corner of an area on; the columns that it took.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, text: &str, (scale, ascii): (Scale, bool), style: Style) -> u16 {
    let mut x = area.x;
    for letter in text.chars() {
        let (wide, rows) = shape(letter);
        let lit = |column: u16, row: u16| {
            rows.get(usize::from(row)).is_some_and(|bits| column < wide && bits >> (wide - 1 - column) & 1 == 1)
        };
        let mut put = |column: u16, row: u16, symbol: &str| {
            let (at, y) = (x.saturating_add(column), area.y.saturating_add(row));
            if at < area.right()
                && y < area.bottom()
                && let Some(cell) = buffer.cell_mut((at, y))
            {
                cell.set_symbol(symbol).set_style(style);
            }
        };
        match scale {
            Scale::Half => {
                for (column, row) in pixels(wide, HIGH.div_ceil(2)) {
                    match (lit(column, row * 2), lit(column, row * 2 + 1)) {
                        (true, true) => put(column, row, if ascii { "#" } else { "█" }),
                        (true, false) => put(column, row, if ascii { "\"" } else { "▀" }),
                        (false, true) => put(column, row, if ascii { "." } else { "▄" }),
                        (false, false) => {}
                    }
                }
            }
            Scale::Full(size) => {
                let block = if ascii { "#" } else { "█" };
                for (column, row) in pixels(wide, HIGH).filter(|(column, row)| lit(*column, *row)) {
                    for (right, down) in pixels(size * 2, size) {
                        put(column * size * 2 + right, row * size + down, block);
                    }
                }
            }
        }
        let step = match scale {
            Scale::Half => wide + 1,
            Scale::Full(size) => (wide + 1) * size * 2,
        };
        x = x.saturating_add(step);
    }
    x.saturating_sub(area.x)
}

fn pixels(wide: u16, high: u16) -> impl Iterator<Item = (u16, u16)> {
    (0..high).flat_map(move |row| (0..wide).map(move |column| (column, row)))
}

type Shape = (u16, [u8; 5]);
const UNKNOWN: Shape = (3, [0b111, 0b111, 0b111, 0b111, 0b111]);

/// Width in pixels, and the rows from the top on; the lowest bit is on the right.
fn shape(letter: char) -> Shape {
    match letter.to_ascii_uppercase() {
        '0' => (3, [0b111, 0b101, 0b101, 0b101, 0b111]),
        '1' => (3, [0b010, 0b110, 0b010, 0b010, 0b111]),
        '2' => (3, [0b111, 0b001, 0b111, 0b100, 0b111]),
        '3' => (3, [0b111, 0b001, 0b111, 0b001, 0b111]),
        '4' => (3, [0b101, 0b101, 0b111, 0b001, 0b001]),
        '5' => (3, [0b111, 0b100, 0b111, 0b001, 0b111]),
        '6' => (3, [0b111, 0b100, 0b111, 0b101, 0b111]),
        '7' => (3, [0b111, 0b001, 0b001, 0b010, 0b010]),
        '8' => (3, [0b111, 0b101, 0b111, 0b101, 0b111]),
        '9' => (3, [0b111, 0b101, 0b111, 0b001, 0b111]),
        'A' => (3, [0b010, 0b101, 0b111, 0b101, 0b101]),
        'B' => (3, [0b110, 0b101, 0b110, 0b101, 0b110]),
        'C' => (3, [0b011, 0b100, 0b100, 0b100, 0b011]),
        'D' => (3, [0b110, 0b101, 0b101, 0b101, 0b110]),
        'E' => (3, [0b111, 0b100, 0b110, 0b100, 0b111]),
        'F' => (3, [0b111, 0b100, 0b110, 0b100, 0b100]),
        'G' => (4, [0b0111, 0b1000, 0b1011, 0b1001, 0b0111]),
        'H' => (3, [0b101, 0b101, 0b111, 0b101, 0b101]),
        'I' => (3, [0b111, 0b010, 0b010, 0b010, 0b111]),
        'J' => (3, [0b001, 0b001, 0b001, 0b101, 0b010]),
        'K' => (3, [0b101, 0b101, 0b110, 0b101, 0b101]),
        'L' => (3, [0b100, 0b100, 0b100, 0b100, 0b111]),
        'M' => (5, [0b10001, 0b11011, 0b10101, 0b10001, 0b10001]),
        'N' => (4, [0b1001, 0b1101, 0b1011, 0b1001, 0b1001]),
        'O' => (4, [0b0110, 0b1001, 0b1001, 0b1001, 0b0110]),
        'P' => (3, [0b110, 0b101, 0b110, 0b100, 0b100]),
        'Q' => (4, [0b0110, 0b1001, 0b1001, 0b1010, 0b0101]),
        'R' => (3, [0b110, 0b101, 0b110, 0b101, 0b101]),
        'S' => (3, [0b011, 0b100, 0b010, 0b001, 0b110]),
        'T' => (3, [0b111, 0b010, 0b010, 0b010, 0b010]),
        'U' => (3, [0b101, 0b101, 0b101, 0b101, 0b111]),
        'V' => (3, [0b101, 0b101, 0b101, 0b101, 0b010]),
        'W' => (5, [0b10001, 0b10001, 0b10101, 0b11011, 0b10001]),
        'X' => (3, [0b101, 0b101, 0b010, 0b101, 0b101]),
        'Y' => (3, [0b101, 0b101, 0b010, 0b010, 0b010]),
        'Z' => (3, [0b111, 0b001, 0b010, 0b100, 0b111]),
        ' ' => (2, [0; 5]),
        ':' => (1, [0, 1, 0, 1, 0]),
        '.' => (1, [0, 0, 0, 0, 1]),
        ',' => (1, [0, 0, 0, 1, 1]),
        '-' => (3, [0, 0, 0b111, 0, 0]),
        '/' => (3, [0b001, 0b001, 0b010, 0b100, 0b100]),
        '+' => (3, [0, 0b010, 0b111, 0b010, 0]),
        '(' => (2, [0b01, 0b10, 0b10, 0b10, 0b01]),
        ')' => (2, [0b10, 0b01, 0b01, 0b01, 0b10]),
        '_' => (3, [0, 0, 0, 0, 0b111]),
        '?' => (3, [0b111, 0b001, 0b010, 0, 0b010]),
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_another_shape_and_texts_take_the_cells_that_they_say() {
        let letters: Vec<char> = ('A'..='Z').chain('0'..='9').chain(":.,-/+()_? ".chars()).collect();
        for (index, letter) in letters.iter().enumerate() {
            assert!(shape(*letter) != UNKNOWN, "{letter}");
            let (wide, rows) = shape(*letter);
            assert!(rows.iter().all(|row| u16::from(*row) < 1 << wide), "{letter}");
            for earlier in letters.iter().take(index) {
                let same = matches!((*earlier, *letter), ('S', '5') | ('5', 'S'));
                assert!(same || shape(*earlier) != shape(*letter), "{earlier} and {letter}");
            }
        }
        assert_eq!(scale("漢", (500, 100)), None, "what cannot be drawn is no big text");
        assert_eq!(scale("12", (7, 3)), Some(Scale::Half));
        assert_eq!(scale("12", (14, 5)), Some(Scale::Full(1)));
        for (scale, ascii) in Scale::ALL.into_iter().flat_map(|scale| [(scale, false), (scale, true)]) {
            let (wide, high) = scale.size("12:45");
            let mut buffer = Buffer::empty(Rect::new(0, 0, wide, high));
            let area = buffer.area;
            draw(&mut buffer, area, "12:45", (scale, ascii), Style::default());
            let lit = |x: u16, y: u16| buffer.cell((x, y)).is_some_and(|cell| cell.symbol() != " ");
            assert!((0..high).any(|y| lit(wide - 1, y)), "the last column is lit");
            assert!((0..wide).any(|x| lit(x, high - 1)), "the last row is lit");
        }
    }
}
