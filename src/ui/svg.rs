//! A drawn buffer as a picture, for the README: every cell where the terminal has it, in its colors.

use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell, CellWidth},
    style::{Color, Modifier},
};

/// Width and height of a cell, and where the text stands in it, in pixels.
const CELL: (f32, f32, f32) = (8.4, 17.0, 12.8);
/// Around the screen, in pixels.
const MARGIN: f32 = 14.0;

/// What a terminal takes for colors that are not named in full.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// Color of text that has none, as 0xRRGGBB.
    pub foreground: u32,
    /// Color of cells that have none, as 0xRRGGBB.
    pub background: u32,
}

/// The buffer as an SVG document. Deterministic: the same buffer gives the same text.
pub fn render(buffer: &Buffer, palette: Palette) -> String {
    let (cell_width, cell_height, _) = CELL;
    let area = buffer.area;
    let width = f32::from(area.width) * cell_width + 2.0 * MARGIN;
    let height = f32::from(area.height) * cell_height + 2.0 * MARGIN;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" height=\"{height:.0}\">\n\
         <style>text{{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:14px}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#{:06x}\"/>",
        palette.background
    );
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while let Some(cell) = buffer.cell((x, y)).filter(|_| x < area.right()) {
            let wide = cell.symbol().cell_width().max(1);
            if wide > 1 {
                // A run of its own: a font that draws it narrower shall not move what follows.
                run(&mut svg, palette, (x - area.x, y - area.y), wide, cell, cell.symbol());
                x = x.saturating_add(wide);
                continue;
            }
            let start = x;
            let mut text = String::new();
            while let Some(next) = buffer.cell((x, y)).filter(|next| {
                x < area.right() && next.symbol().cell_width() <= 1 && paint(next, palette) == paint(cell, palette)
            }) {
                text.push_str(next.symbol());
                x += 1;
            }
            run(&mut svg, palette, (start - area.x, y - area.y), x - start, cell, &text);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Foreground, background and weight of a cell.
fn paint(cell: &Cell, palette: Palette) -> (u32, u32, Modifier) {
    let (mut fg, mut bg) = (rgb(cell.fg, palette.foreground), rgb(cell.bg, palette.background));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut fg, &mut bg);
    }
    (fg, bg, cell.modifier - Modifier::REVERSED)
}

fn run(svg: &mut String, palette: Palette, (column, row): (u16, u16), cells: u16, cell: &Cell, text: &str) {
    let (cell_width, cell_height, base) = CELL;
    let (fg, bg, modifier) = paint(cell, palette);
    let x = MARGIN + f32::from(column) * cell_width;
    let y = MARGIN + f32::from(row) * cell_height;
    let width = f32::from(cells) * cell_width;
    if bg != palette.background {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{cell_height:.1}\" fill=\"#{bg:06x}\"/>"
        );
    }
    let trimmed = text.trim_end();
    if trimmed.is_empty() {
        return;
    }
    let mut attributes = String::new();
    for (set, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
        (Modifier::DIM, " opacity=\"0.6\""),
    ] {
        if modifier.contains(set) {
            attributes.push_str(attribute);
        }
    }
    // Every word has its own place: spaces are not left to the renderer, and a font of another width moves nothing.
    let mut word = String::new();
    let mut start = 0_u16;
    for (index, character) in (0_u16..).zip(trimmed.chars().chain([' '])) {
        let drawn = shape(svg, character, (x + f32::from(index) * cell_width, y), fg);
        if character != ' ' && !drawn {
            if word.is_empty() {
                start = index;
            }
            word.push(character);
        } else if !word.is_empty() {
            let (x, y) = (x + f32::from(start) * cell_width, y + base);
            let length = f32::from(index - start) * cell_width;
            let length = if cells > 1 { format!(" textLength=\"{length:.1}\"") } else { String::new() };
            let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"#{fg:06x}\"{attributes}{length}>");
            escape(svg, &word);
            svg.push_str("</text>\n");
            word.clear();
        }
    }
}

fn escape(svg: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => svg.push_str("&amp;"),
            '<' => svg.push_str("&lt;"),
            '>' => svg.push_str("&gt;"),
            other => svg.push(other),
        }
    }
}

/// The part of a cell that a block element fills: from the left, from the top, width, height, all of 1; and how solid it is.
fn block(character: char) -> Option<([f32; 4], f32)> {
    Some(match character {
        '█' => ([0.0, 0.0, 1.0, 1.0], 1.0),
        '▓' => ([0.0, 0.0, 1.0, 1.0], 0.75),
        '▀' => ([0.0, 0.0, 1.0, 0.5], 1.0),
        '▌' => ([0.0, 0.0, 0.5, 1.0], 1.0),
        '▐' => ([0.5, 0.0, 0.5, 1.0], 1.0),
        '▁'..='▇' => {
            let eighths = u8::try_from(u32::from(character) - u32::from('▁') + 1).unwrap_or(8);
            let high = f32::from(eighths) / 8.0;
            ([0.0, 1.0 - high, 1.0, high], 1.0)
        }
        _ => return None,
    })
}

/// Draws a frame's line or a block element as a shape, so that it joins its neighbors in every font; whether it is one.
fn shape(svg: &mut String, character: char, (x, y): (f32, f32), color: u32) -> bool {
    let (wide, high, _) = CELL;
    if let Some(([left, top, width, height], opacity)) = block(character) {
        let opacity = if opacity < 1.0 { format!(" fill-opacity=\"{opacity}\"") } else { String::new() };
        let _ = writeln!(
            svg,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"#{color:06x}\"{opacity} \
             shape-rendering=\"crispEdges\"/>",
            x + left * wide,
            y + top * high,
            width * wide,
            height * high
        );
        return true;
    }
    // The two lines of a double frame lie so far from its middle.
    const APART: f32 = 1.5;
    let (right, bottom, middle_x, middle_y) = (x + wide, y + high, x + wide / 2.0, y + high / 2.0);
    let path = match character {
        '─' => format!("M{x:.1} {middle_y:.1}H{right:.1}"),
        '│' => format!("M{middle_x:.1} {y:.1}V{bottom:.1}"),
        '┌' => format!("M{right:.1} {middle_y:.1}H{middle_x:.1}V{bottom:.1}"),
        '┐' => format!("M{x:.1} {middle_y:.1}H{middle_x:.1}V{bottom:.1}"),
        '└' => format!("M{middle_x:.1} {y:.1}V{middle_y:.1}H{right:.1}"),
        '┘' => format!("M{middle_x:.1} {y:.1}V{middle_y:.1}H{x:.1}"),
        '═' => {
            let (one, two) = (middle_y - APART, middle_y + APART);
            format!("M{x:.1} {one:.1}H{right:.1}M{x:.1} {two:.1}H{right:.1}")
        }
        '║' => {
            let (one, two) = (middle_x - APART, middle_x + APART);
            format!("M{one:.1} {y:.1}V{bottom:.1}M{two:.1} {y:.1}V{bottom:.1}")
        }
        '╔' | '╗' | '╚' | '╝' => {
            let side = if matches!(character, '╔' | '╚') { right } else { x };
            let end = if matches!(character, '╔' | '╗') { bottom } else { y };
            // The outer line is the one away from the side that it goes to.
            let (away_x, away_y) = ((middle_x - side).signum() * APART, (middle_y - end).signum() * APART);
            let corner = |by: f32| {
                let (corner_x, corner_y) = (middle_x + by * away_x, middle_y + by * away_y);
                format!("M{side:.1} {corner_y:.1}H{corner_x:.1}V{end:.1}")
            };
            format!("{}{}", corner(1.0), corner(-1.0))
        }
        _ => return false,
    };
    let _ = writeln!(svg, "<path d=\"{path}\" stroke=\"#{color:06x}\" fill=\"none\"/>");
    true
}

/// A color as 0xRRGGBB; the sixteen of a terminal in the values that xterm gives them.
fn rgb(color: Color, default: u32) -> u32 {
    match color {
        Color::Reset => default,
        Color::Rgb(red, green, blue) => u32::from_be_bytes([0, red, green, blue]),
        Color::Black | Color::Indexed(0) => 0x00_0000,
        Color::Red | Color::Indexed(1) => 0xcd_0000,
        Color::Green | Color::Indexed(2) => 0x00_cd00,
        Color::Yellow | Color::Indexed(3) => 0xcd_cd00,
        Color::Blue | Color::Indexed(4) => 0x00_00ee,
        Color::Magenta | Color::Indexed(5) => 0xcd_00cd,
        Color::Cyan | Color::Indexed(6) => 0x00_cdcd,
        Color::Gray | Color::Indexed(7) => 0xe5_e5e5,
        Color::DarkGray | Color::Indexed(8) => 0x7f_7f7f,
        Color::LightRed | Color::Indexed(9) => 0xff_0000,
        Color::LightGreen | Color::Indexed(10) => 0x00_ff00,
        Color::LightYellow | Color::Indexed(11) => 0xff_ff00,
        Color::LightBlue | Color::Indexed(12) => 0x5c_5cff,
        Color::LightMagenta | Color::Indexed(13) => 0xff_00ff,
        Color::LightCyan | Color::Indexed(14) => 0x00_ffff,
        Color::White | Color::Indexed(15) => 0xff_ffff,
        // The 6x6x6 cube and the ramp of grays of xterm-256color.
        Color::Indexed(index @ 16..=231) => {
            let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
            let index = index - 16;
            u32::from_be_bytes([0, level(index / 36), level(index / 6 % 6), level(index % 6)])
        }
        Color::Indexed(index) => {
            let gray = 8 + 10 * (index - 232);
            u32::from_be_bytes([0, gray, gray, gray])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{layout::Rect, style::Style};

    #[test]
    fn texts_are_escaped_and_placed_by_cells() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "漢<&", Style::new().fg(Color::Rgb(1, 2, 3)));
        let svg = render(&buffer, Palette { foreground: 0xff_ffff, background: 0 });
        assert!(svg.contains(">漢</text>"), "{svg}");
        assert!(svg.contains("x=\"30.8\"") && svg.contains(">&lt;&amp;</text>"), "{svg}");
        assert!(svg.contains("fill=\"#010203\""), "{svg}");
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "ab  c │ ", Style::new());
        let svg = render(&buffer, Palette { foreground: 0xff_ffff, background: 0 });
        assert!(
            svg.contains(">ab</text>") && svg.contains("x=\"47.6\" y=\"26.8\" fill=\"#ffffff\" textLength=\"8.4\">c<"),
            "{svg}"
        );
        assert!(svg.contains("<path d=\"M68.6 14.0V31.0\""), "{svg}");
    }

    #[test]
    fn colors_of_the_cube_are_those_of_xterm() {
        assert_eq!(rgb(Color::Indexed(196), 0), 0xff_0000);
        assert_eq!(rgb(Color::Indexed(244), 0), 0x80_8080);
    }
}
