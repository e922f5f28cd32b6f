//! From the bytes of log events to the bytes of the terminal: nothing that a session prints is interpreted, hides, or leaves its pane.
//!
//! The property is that of the test `border_property`, which needs no nightly. To look further, in the repository's root:
//!
//! ```text
//! cargo install cargo-fuzz
//! cargo +nightly fuzz run event_to_terminal -- -dict=fuzz/event_to_terminal.dict -max_len=2048 -max_total_time=600
//! ```
//!
//! Without a nightly: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none event_to_terminal -- …`, with the same arguments.
#![no_main]
#![allow(dead_code)] // the tests of the screen use more of the world

#[path = "../../tests/screen/border.rs"]
mod border;
#[path = "../../tests/screen/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| border::check(&border::Input::from_bytes(bytes)));
