//! Commands that print for a while.

use super::commands::{Piece, Scene, lines};

/// `tail -f` until Ctrl-C.
pub fn follow(rest: &str, scene: &mut Scene) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = (0..6).map(|_| Piece::Line(scene.log_line(rest))).collect();
    let rounds = scene.random.usize(12..50);
    for _ in 0..rounds {
        pieces.push(Piece::Pause(0.3 + scene.random.f64() * 2.6));
        pieces.push(Piece::Line(scene.log_line(rest)));
    }
    pieces.push(Piece::Pause(0.8));
    pieces.push(Piece::Line("^C".into()));
    pieces
}

/// `vmstat` and its like.
pub fn periodic(scene: &mut Scene) -> Vec<Piece> {
    let mut pieces = lines(vec![
        "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----".into(),
        " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st".into(),
    ]);
    for _ in 0..5 {
        let (user, system) = (scene.random.u8(1..40), scene.random.u8(1..8));
        pieces.push(Piece::Line(format!(
            " {}  0      0 {:6} 211004 {:7}    0    0     {}    {:2} {:4} {:4} {user:2} {system:2} {:2}  0  0",
            user / 15,
            scene.random.u32(210_000..480_000),
            scene.random.u32(1_600_000..1_900_000),
            scene.random.u8(..9),
            scene.random.u8(3..80),
            scene.random.u16(300..2900),
            scene.random.u16(400..4200),
            100 - user - system,
        )));
        pieces.push(Piece::Pause(1.0));
    }
    pieces
}

/// `ping`, four times.
pub fn ping(rest: &str, scene: &mut Scene) -> Vec<Piece> {
    let host = rest.split(' ').next_back().unwrap_or("192.0.2.1").to_owned();
    let mut pieces = vec![Piece::Line(format!("PING {host} ({host}) 56(84) bytes of data."))];
    for number in 1..=4 {
        pieces.push(Piece::Line(format!(
            "64 bytes from {host}: icmp_seq={number} ttl=64 time=0.{} ms",
            scene.random.u16(210..890)
        )));
        pieces.push(Piece::Pause(1.0));
    }
    pieces.push(Piece::Line(String::new()));
    pieces.push(Piece::Line(format!("--- {host} ping statistics ---")));
    pieces.push(Piece::Line("4 packets transmitted, 4 received, 0% packet loss, time 3061ms".into()));
    pieces
}

/// `docker compose pull`.
pub fn pull(scene: &mut Scene) -> Vec<Piece> {
    let mut pieces = vec![Piece::Raw("[+] Pulling 0/2\r".into())];
    for percent in [12, 38, 61, 87, 100] {
        pieces.push(Piece::Pause(0.4 + scene.random.f64()));
        pieces.push(Piece::Raw(format!(" app {percent:3}%\r")));
    }
    pieces.push(Piece::Raw("\r\n".into()));
    pieces.push(Piece::Line(" \u{1b}[32m✔\u{1b}[0m app Pulled".into()));
    pieces.push(Piece::Line(" \u{1b}[32m✔\u{1b}[0m worker Pulled".into()));
    pieces
}
