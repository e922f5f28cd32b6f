//! That themes can be read, and told apart: computed, for every role.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use ratatui::style::{Color, Modifier, Style};

use super::{BUILT_IN, MONO, Theme};

/// xterm's default palette (XTerm-col.ad): black to white, then the light ones. Where a theme leaves the color to the terminal, it is
/// judged as xterm with light text on black would show it.
const XTERM: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [0xcd, 0, 0]),
    (Color::Green, [0, 0xcd, 0]),
    (Color::Yellow, [0xcd, 0xcd, 0]),
    (Color::Blue, [0, 0, 0xee]),
    (Color::Magenta, [0xcd, 0, 0xcd]),
    (Color::Cyan, [0, 0xcd, 0xcd]),
    (Color::Gray, [0xe5, 0xe5, 0xe5]),
    (Color::DarkGray, [0x7f, 0x7f, 0x7f]),
    (Color::LightRed, [0xff, 0, 0]),
    (Color::LightGreen, [0, 0xff, 0]),
    (Color::LightYellow, [0xff, 0xff, 0]),
    (Color::LightBlue, [0x5c, 0x5c, 0xff]),
    (Color::LightMagenta, [0xff, 0, 0xff]),
    (Color::LightCyan, [0, 0xff, 0xff]),
    (Color::White, [0xff, 0xff, 0xff]),
];

/// Red, green and blue from 0 to 1, without the gamma of sRGB (IEC 61966-2-1).
fn linear(color: Color, reset: Color) -> [f64; 3] {
    let bytes = match color {
        Color::Reset => return linear(reset, Color::Black),
        Color::Rgb(red, green, blue) => [red, green, blue],
        named => XTERM.iter().find(|(name, _)| *name == named).expect("one of the sixteen").1,
    };
    bytes.map(|channel| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    })
}

/// Contrast of a foreground with a background (www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
pub(in crate::ui) fn contrast(fg: Color, bg: Color) -> f64 {
    let luminance = |[red, green, blue]: [f64; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let (first, second) = (luminance(linear(fg, Color::Gray)), luminance(linear(bg, Color::Black)));
    (first.max(second) + 0.05) / (first.min(second) + 0.05)
}

/// What an eye makes of linear red, green and blue: rows of the matrices of Machado, Oliveira and Fernandes (2009), severity 1.0.
type Eye = [[f64; 3]; 3];
const TYPICAL: Eye = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
const DEUTERANOPIA: Eye =
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
const PROTANOPIA: Eye =
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
const TRITANOPIA: Eye =
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]];

/// A color in CIE L*a*b* (D65) as that eye sees it.
fn lab(color: Color, eye: &Eye) -> [f64; 3] {
    let product = |rows: &[[f64; 3]; 3], with: [f64; 3]| {
        rows.map(|row| row.iter().zip(with).map(|(factor, part)| factor * part).sum::<f64>())
    };
    let seen = product(eye, linear(color, Color::Gray)).map(|part| part.clamp(0.0, 1.0));
    let to_xyz =
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]];
    let [x, y, z] = product(&to_xyz, seen);
    let [x, y, z] = [x / 0.95047, y, z / 1.08883]
        .map(|part: f64| if part > 216.0 / 24389.0 { part.cbrt() } else { (24389.0 / 27.0 * part + 16.0) / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The difference of two colors (CIE76); about 2.3 can just be seen side by side.
fn difference(first: Color, second: Color, eye: &Eye) -> f64 {
    let (first, second) = (lab(first, eye), lab(second, eye));
    first.iter().zip(second).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn theme(name: &str) -> Theme {
    Theme::load(name, None).unwrap()
}

pub(in crate::ui) fn colored() -> impl Iterator<Item = Theme> {
    BUILT_IN.iter().map(|(name, _)| theme(name)).filter(|theme| theme.name != MONO)
}

#[test]
fn contrast_is_computed_as_wcag_does() {
    assert!((contrast(Color::Rgb(255, 255, 255), Color::Rgb(0, 0, 0)) - 21.0).abs() < 0.001);
    assert!((contrast(Color::Rgb(0x77, 0x77, 0x77), Color::Rgb(255, 255, 255)) - 4.48).abs() < 0.01);
}

#[test]
fn differences_are_computed_as_cie_and_machado_do() {
    let (red, green) = (Color::Rgb(255, 0, 0), Color::Rgb(0, 255, 0));
    assert!((difference(red, green, &TYPICAL) - 170.6).abs() < 0.1, "{}", difference(red, green, &TYPICAL));
    let [white, ..] = lab(Color::Rgb(255, 255, 255), &DEUTERANOPIA);
    assert!((white - 100.0).abs() < 0.1, "white stays white: {white}");
    let (olive, brick) = (Color::Rgb(0x7a, 0x8a, 0x3a), Color::Rgb(0xb0, 0x70, 0x3a));
    assert!(difference(olive, brick, &DEUTERANOPIA) < difference(olive, brick, &TYPICAL) / 3.0);
}

#[test]
fn text_can_be_read_on_its_background_and_on_the_selection() {
    for theme in colored() {
        let name = &theme.name;
        let background = theme.base.bg.unwrap();
        let turned = theme.selection.add_modifier.contains(Modifier::REVERSED);
        assert!(theme.selection.bg.is_some() || turned, "{name}: the selection cannot be seen");
        for (role, style) in theme.roles() {
            // Frames carry no words, and the focus has a color and a sign of its own, so that WCAG 1.4.11 asks nothing of them.
            if role == "border" || role == "selection" {
                continue;
            }
            let color = style.fg.unwrap();
            // WCAG 1.4.3 for text, 1.4.11 for lines that say something.
            let least = if role == "border_focused" { 3.0 } else { 4.5 };
            let found = contrast(color, style.bg.unwrap_or(background));
            assert!(found >= least, "{name}: {role} has {found:.2}");
            assert!(!style.add_modifier.contains(Modifier::DIM), "{name}: {role} is dimmed by who knows how much");
            // What is turned round has the contrast that it had.
            if let (None, Some(selection)) = (style.bg, theme.selection.bg) {
                let found = contrast(color, selection);
                assert!(found >= least, "{name}: {role} on the selection has {found:.2}");
            }
        }
    }
}

/// What stands for different verdicts, by role.
fn verdicts(theme: &Theme) -> Vec<(&'static str, Color)> {
    let told = ["critical", "high", "medium", "low", "compliant", "insufficient"];
    let color = |(role, style): (&'static str, Style)| told.contains(&role).then(|| (role, style.fg.unwrap()));
    theme.roles().into_iter().filter_map(color).collect()
}

/// The smallest difference among those, and between whom.
fn closest(colors: &[(&'static str, Color)], eye: &Eye) -> (f64, String) {
    let mut least = (f64::MAX, String::new());
    for (index, (first, one)) in colors.iter().enumerate() {
        for (second, other) in colors.iter().skip(index + 1) {
            let found = difference(*one, *other, eye);
            if found < least.0 {
                least = (found, format!("{first} and {second} differ by {found:.1}"));
            }
        }
    }
    least
}

#[test]
fn verdicts_and_headers_stay_apart_for_every_eye_that_a_theme_is_for() {
    // Five times what can just be seen side by side: text is thin, and rows stand apart.
    const LEAST: f64 = 12.0;
    let themes: [(&str, &[Eye]); 6] = [
        ("deuteranopia", &[DEUTERANOPIA, PROTANOPIA, TYPICAL]),
        ("tritanopia", &[TRITANOPIA, TYPICAL]),
        ("high-contrast", &[DEUTERANOPIA, PROTANOPIA, TRITANOPIA, TYPICAL]),
        ("default-dark", &[TYPICAL]),
        ("default-light", &[TYPICAL]),
        ("ansi16", &[TYPICAL]),
    ];
    let mut wrong = Vec::new();
    for (name, eyes) in themes {
        let theme = theme(name);
        let headers = [
            ("header_ok", theme.header_ok.bg.unwrap()),
            ("header_look", theme.header_look.bg.unwrap()),
            ("header_blind", theme.header_blind.bg.unwrap()),
        ];
        for (index, eye) in eyes.iter().enumerate() {
            for (found, who) in [closest(&verdicts(&theme), eye), closest(&headers, eye)] {
                if found < LEAST {
                    wrong.push(format!("{name}, eye {index}: {who}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_colorblind_themes_are_better_than_the_default_for_whom_they_are_for() {
    let default = verdicts(&theme("default-dark"));
    for (name, eye) in [("deuteranopia", DEUTERANOPIA), ("tritanopia", TRITANOPIA)] {
        assert!(closest(&verdicts(&theme(name)), &eye).0 > 2.0 * closest(&default, &eye).0, "{name}");
    }
}

#[test]
fn ansi16_has_the_sixteen_colors_and_the_terminals_own() {
    let theme = theme("ansi16");
    for (role, style) in theme.roles().into_iter().chain([("base", theme.base)]) {
        for color in [style.fg, style.bg].into_iter().flatten() {
            let named = color == Color::Reset || XTERM.iter().any(|(name, _)| *name == color);
            assert!(named, "{role}: {color}");
        }
    }
}

#[test]
fn mono_has_no_color() {
    for (role, style) in theme(MONO).roles() {
        assert!(matches!(style.fg, None | Some(Color::Reset)), "{role}");
        assert!(matches!(style.bg, None | Some(Color::Reset)), "{role}");
    }
}

#[test]
fn whatever_names_the_themes_names_them_all() {
    use clap::CommandFactory as _;
    let read =
        |path: &str| std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let help = crate::cli::Cli::command().render_long_help().to_string();
    let texts = [("--theme", help), ("README.md", read("README.md")), ("template", read("src/config/template.toml"))];
    for (what, text) in texts {
        let words: Vec<&str> = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect();
        for (name, _) in BUILT_IN {
            assert!(words.contains(&name), "{what} does not name {name}");
        }
    }
}
