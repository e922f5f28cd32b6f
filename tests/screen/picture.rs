//! The README's pictures are the real screen, desk and wall in two themes; they are written with UPDATE_PICTURES=1 and compared otherwise.

use std::{env, fs, path::Path};

use ssmwatch::{
    app::State,
    ui::{
        svg::{self, Palette},
        theme::Glyphs,
    },
};

use crate::{dump::drawn, snapshots::opened, wall};

const SIZE: (u16, u16) = (140, 42);
const DARK: (&str, Palette) = ("default-dark", Palette { foreground: 0xd8_dee9, background: 0x11_151c });
const LIGHT: (&str, Palette) = ("default-light", Palette { foreground: 0x1f_2430, background: 0xfb_fbf8 });

/// The picture of that name shows that State.
fn shows(name: &str, state: &State, (theme, palette): (&str, Palette)) {
    let picture = svg::render(&drawn(state, theme, &Glyphs::UTF8), palette);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if env::var_os("UPDATE_PICTURES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, picture).unwrap();
        return;
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert!(held == picture, "docs/{name} is out of date; run: UPDATE_PICTURES=1 cargo test --test screen picture");
}

#[test]
fn the_pictures_show_the_desk_as_it_is() {
    shows("desk-dark.svg", &opened(SIZE), DARK);
    shows("desk-light.svg", &opened(SIZE), LIGHT);
}

#[test]
fn the_pictures_show_the_wall_as_it_is() {
    shows("wall-dark.svg", &wall::pictured(SIZE), DARK);
    shows("wall-light.svg", &wall::pictured(SIZE), LIGHT);
}

#[test]
fn the_readme_shows_the_pictures() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for name in ["desk-dark", "desk-light", "wall-dark", "wall-light"] {
        assert!(readme.contains(&format!("docs/{name}.svg")), "{name}");
    }
}
