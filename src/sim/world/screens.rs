//! Full-screen programs: what they leave in a recording.

use super::commands::{Piece, Scene};

/// A full-screen program for so many seconds.
pub fn play(program: &str, seconds: f64, scene: &mut Scene) -> Vec<Piece> {
    match program {
        "top" => {
            let mut pieces = vec![Piece::Raw("\u{1b}[?1h\u{1b}=\u{1b}[?25l\u{1b}[H\u{1b}[2J".into())];
            for _ in 0..(seconds / 3.0).ceil() as usize {
                pieces.push(Piece::Raw(top_frame(scene)));
                pieces.push(Piece::Pause(3.0));
            }
            pieces.push(Piece::Raw("\u{1b}[?1l\u{1b}>\u{1b}[25;1H\r\n\u{1b}[?12l\u{1b}[?25h\u{1b}[K".into()));
            pieces
        }
        "less" => vec![
            Piece::Raw("\u{1b}[?1049h\u{1b}[22;0;0t\u{1b}[?1h\u{1b}=\r".into()),
            Piece::Line(scene.log_line("app")),
            Piece::Line(scene.log_line("app")),
            Piece::Raw(":\u{1b}[K".into()),
            Piece::Pause(seconds),
            Piece::Raw("\r\u{1b}[K\u{1b}[?1l\u{1b}>\u{1b}[?1049l\u{1b}[23;0;0t".into()),
        ],
        _ => vec![
            Piece::Raw("\u{1b}[?1049h\u{1b}[22;0;0t\u{1b}[>4;2m\u{1b}[?1h\u{1b}=\u{1b}[?2004h\u{1b}[1;24r\u{1b}[?25l\u{1b}[24;1H\"app.conf\" 18L, 411B\u{1b}[1;1Hlisten = 8080\r\nworkers = 4\r\n".into()),
            Piece::Raw("~                                                                               \r\n".into()),
            Piece::Pause(seconds * 0.7),
            Piece::Raw("\u{1b}[24;1H\u{1b}[1m-- INSERT --\u{1b}[m\u{1b}[2;11H\u{1b}[K8\u{8}".into()),
            Piece::Pause(seconds * 0.3),
            Piece::Raw("\u{1b}[24;1H\u{1b}[K:wq\r\"app.conf\" 18L, 411B written\r\r\n\u{1b}[?2004l\u{1b}[?1l\u{1b}>\u{1b}[?1049l\u{1b}[23;0;0t\u{1b}[?25h\u{1b}[>4;m".into()),
        ],
    }
}

fn top_frame(scene: &mut Scene) -> String {
    const RESET: &str = "\u{1b}(B\u{1b}[m\u{1b}[39;49m\u{1b}[K";
    let mut frame = format!(
        "\u{1b}[Htop - {{time}} up 18 days,  1 user,  load average: 0.{:02}, 0.31, 0.21{RESET}\r\n",
        scene.random.u8(10..99)
    );
    frame.push_str(&format!(
        "Tasks:\u{1b}(B\u{1b}[m\u{1b}[39;49m\u{1b}[1m {:3} \u{1b}(B\u{1b}[m\u{1b}[39;49mtotal,   1 running{RESET}\r\n",
        scene.random.u8(90..140)
    ));
    let busy = scene.random.u8(2..40);
    let idle = 98 - busy;
    frame.push_str(&format!("%Cpu(s): {busy:2}.3 us,  1.1 sy, {idle:2}.6 id{RESET}\r\n{RESET}\r\n"));
    frame.push_str("\u{1b}[7m    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND  \u{1b}(B\u{1b}[m\u{1b}[39;49m\u{1b}[K\r\n");
    for command in ["java", "nginx", "amazon-ssm-agen", "systemd", "sshd"] {
        frame.push_str(&format!(
            "{:7} root      20   0 {:7} {:6}  18332 S  {:2}.7   4.1   {}:12.04 {command}{RESET}\r\n",
            scene.random.u16(300..30_000),
            scene.random.u32(90_000..9_000_000),
            scene.random.u32(9_000..900_000),
            scene.random.u8(..30),
            scene.random.u8(..99)
        ));
    }
    frame
}
