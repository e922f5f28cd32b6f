//! The README's picture is the real screen; it is written with UPDATE_PICTURES=1 and compared otherwise.

use std::{env, fs, path::Path};

use ssmwatch::ui::{
    svg::{self, Palette},
    theme::Glyphs,
};

use crate::{dump::drawn, snapshots::opened};

#[test]
fn the_picture_shows_the_screen_as_it_is() {
    let buffer = drawn(&opened((140, 42)), "default-dark", &Glyphs::UTF8);
    let picture = svg::render(&buffer, Palette { foreground: 0xd8_dee9, background: 0x11_151c });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screen.svg");
    if env::var_os("UPDATE_PICTURES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, picture).unwrap();
        return;
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert!(held == picture, "docs/screen.svg is out of date; run: UPDATE_PICTURES=1 cargo test --test screen picture");
}
