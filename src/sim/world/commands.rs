//! What common commands print on a believable node, and the work that people do with them.

use super::{lasting, powershell, risky, screens, shell::ShellSetting};
use crate::sim::scenario::Os;

/// A piece of a command's output.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// A line.
    Line(String),
    /// Bytes as they are.
    Raw(String),
    /// Seconds without output.
    Pause(f64),
}

/// The node as commands see it.
#[derive(Debug)]
pub struct Scene {
    pub(super) setting: ShellSetting,
    pub(super) random: fastrand::Rng,
    /// What one looks at goes on: request and job numbers.
    counter: u64,
}

impl Scene {
    /// The node of a shell.
    pub fn new(setting: &ShellSetting, mut random: fastrand::Rng) -> Self {
        let counter = random.u64(1_000..90_000);
        Self { setting: setting.clone(), random, counter }
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices.get(self.random.usize(..choices.len().max(1))).copied().unwrap_or_default()
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += self.random.u64(1..9);
        self.counter
    }

    fn short_host(&self) -> String {
        self.setting.host.split('.').next().unwrap_or_default().to_owned()
    }

    fn service(&self) -> &'static str {
        let name = &self.setting.node_name;
        [
            ("db", "postgresql"),
            ("api", "payments-api"),
            ("web", "nginx"),
            ("batch", "batch-worker"),
            ("cache", "redis6"),
        ]
        .iter()
        .find(|(part, _)| name.contains(part))
        .map_or("app", |(_, service)| service)
    }

    /// The next command of somebody at work.
    pub fn next_task(&mut self, persona: &str, windows: bool) -> String {
        let service = self.service();
        let list: Vec<String> = if windows {
            [
                "Get-Service -Name W32Time",
                "Get-Process | Sort-Object CPU -Descending | Select-Object -First 5",
                "Get-Volume",
                "Get-EventLog -LogName System -Newest 5",
                "Test-NetConnection sql.corp.example.com -Port 1433",
                "hostname",
                "Get-Content C:\\inetpub\\logs\\app.log -Tail 8",
                "Get-HotFix | Select-Object -Last 4",
            ]
            .map(str::to_owned)
            .to_vec()
        } else {
            let common = [
                "uptime".to_owned(),
                "df -h".into(),
                "free -m".into(),
                "ls -la".into(),
                format!("systemctl status {service}"),
                format!("journalctl -u {service} -n 12 --no-pager"),
                "ps aux --sort=-%cpu | head -6".into(),
                "ss -tln".into(),
                "cat /etc/os-release".into(),
                "who".into(),
                "date".into(),
                "vmstat 1 5".into(),
                "dmesg -T | tail -5".into(),
                "id".into(),
            ];
            let special: &[&str] = match persona {
                "web" => &[
                    "tail -f /var/log/nginx/access.log",
                    "curl -sI http://localhost/healthz",
                    "sudo nginx -t",
                    "grep -c ' 500 ' /var/log/nginx/access.log",
                    "ls -lh /var/log/nginx",
                    "tail -n 15 /var/log/nginx/error.log",
                    "sudo systemctl reload nginx",
                ],
                "db" => &[
                    "psql -h localhost -U report -c 'select count(*) from pg_stat_activity'",
                    "tail -f /var/log/postgresql/postgresql.log",
                    "du -sh /var/lib/pgsql/data",
                    "pg_isready",
                    "iostat -x 1 3",
                    "ls -lh /backup",
                ],
                "batch" => &[
                    "tail -f /var/log/batch/worker.log",
                    "ls -l /srv/batch/queue | wc -l",
                    "docker ps",
                    "docker logs --tail 12 worker",
                    "crontab -l",
                    "aws s3 ls s3://example-batch-input/",
                ],
                "deploy" => &[
                    "git -C /srv/app status",
                    "git -C /srv/app log --oneline -5",
                    "docker compose pull",
                    "docker ps",
                    "curl -s http://localhost:8080/version",
                    "ls -lt /srv/app/releases",
                    "tail -f /var/log/app/deploy.log",
                ],
                _ => &[
                    "tail -f /var/log/messages",
                    "last -n 5",
                    "sudo dnf check-update",
                    "ping -c 4 192.0.2.1",
                    "netstat -i",
                ],
            };
            common.into_iter().chain(special.iter().chain(special).map(|command| (*command).to_owned())).collect()
        };
        let number = self.random.usize(..list.len().max(1));
        list.into_iter().nth(number).unwrap_or_else(|| "uptime".into())
    }

    /// One line of output without measure.
    pub fn flood_line(&mut self, number: u64) -> String {
        let value = self.random.u64(..);
        format!(
            "{number:08} {value:016x} DEBUG consumer lag exceeded, retrying partition {} offset {}",
            value % 64,
            value >> 40
        )
    }

    /// One line of about nothing, as long as asked.
    pub fn long_line(&mut self, bytes: usize) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let letter = |random: &mut fastrand::Rng| LETTERS.get(random.usize(..64)).copied().unwrap_or(b'A');
        (0..bytes).map(|_| char::from(letter(&mut self.random))).collect()
    }

    pub(super) fn log_line(&mut self, file: &str) -> String {
        let number = self.next_number();
        let milliseconds = self.random.u16(2..900);
        if file.contains("access") {
            let path = self.pick(&["/", "/healthz", "/api/v1/orders", "/api/v1/payments", "/static/app.css", "/login"]);
            let method = self.pick(&["GET", "GET", "GET", "POST"]);
            let status = self.pick(&["200", "200", "200", "200", "304", "404", "302"]);
            let last = self.random.u8(2..250);
            return format!("203.0.113.{last} - - [{{date}}T{{time}}Z] \"{method} {path} HTTP/1.1\" {status} {number}");
        }
        if file.contains("error") {
            return format!(
                "{{date}} {{time}} [warn] 812#812: *{number} an upstream response is buffered to a temporary file, client: 203.0.113.{}",
                number % 250
            );
        }
        if file.contains("postgres") {
            return format!(
                "{{date}} {{time}} UTC [{}] LOG:  duration: {milliseconds}.{:03} ms  statement: SELECT * FROM ledger WHERE id = {number}",
                2000 + number % 500,
                number % 1000
            );
        }
        let level = self.pick(&["INFO", "INFO", "INFO", "INFO", "WARN"]);
        let text =
            self.pick(&["job finished", "batch accepted", "cache refreshed", "heartbeat sent", "connection reused"]);
        format!("{{date}}T{{time}}Z {level} [{}] {text} id={number} took={milliseconds}ms", self.service())
    }
}

/// The output of a command.
pub fn respond(command: &str, scene: &mut Scene) -> Vec<Piece> {
    if let Some(pieces) = risky::respond_whole(command, scene) {
        return pieces;
    }
    let mut pieces = Vec::new();
    for part in command.split("&&").flat_map(|part| part.split(';')) {
        pieces.extend(respond_one(part.trim(), scene));
    }
    pieces
}

fn respond_one(command: &str, scene: &mut Scene) -> Vec<Piece> {
    if scene.setting.os == Os::Windows {
        return lines(powershell::respond(command, scene));
    }
    if let Some(pieces) = risky::respond(command, scene) {
        return pieces;
    }
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    let (first, rest) = command.split_once(' ').unwrap_or((command, ""));
    match first {
        "tail" if rest.contains("-f") || rest.contains("-F") => lasting::follow(rest, scene),
        "vmstat" | "iostat" => lasting::periodic(scene),
        "ping" => lasting::ping(rest, scene),
        "docker" if rest.contains("pull") => lasting::pull(scene),
        "sleep" => vec![Piece::Pause(rest.parse().unwrap_or(1.0))],
        "top" if !rest.contains("-b") => screens::play("top", 12.0, scene),
        "vi" | "vim" | "nano" => screens::play("vi", 15.0, scene),
        "less" | "more" | "man" => screens::play("less", 10.0, scene),
        _ => lines(at_once(first, rest, scene)),
    }
}

pub(super) fn lines(lines: Vec<String>) -> Vec<Piece> {
    lines.into_iter().map(Piece::Line).collect()
}

fn at_once(first: &str, rest: &str, scene: &mut Scene) -> Vec<String> {
    let host = scene.short_host();
    let user = scene.setting.run_as_user.clone();
    let load = [(); 3].map(|()| format!("{}.{:02}", scene.random.u8(..2), scene.random.u8(..100))).join(", ");
    let text = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    match first {
        "" | "cd" | "export" | "clear" | "exit" | "true" | "set" | "sudo" | "bash" | "su" | "chmod" | "chown"
        | "mkdir" | "touch" | "rm" | "cp" | "mv" | "kill" | "pkill" | "history" | "stty" => Vec::new(),
        "whoami" => vec![user],
        "id" => vec![format!("uid=1001({user}) gid=1001({user}) groups=1001({user})")],
        "hostname" => vec![scene.setting.host.clone()],
        "pwd" => vec!["/usr/bin".into()],
        "date" => vec!["{date} {time} UTC".into()],
        "echo" => vec![rest.trim_matches(['"', '\'']).to_owned()],
        "uname" => {
            vec![format!("Linux {host} 6.1.148-173.267.amzn2023.x86_64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux")]
        }
        "uptime" => vec![format!(
            " {{time}} up {} days,  4:{:02},  0 users,  load average: {load}",
            11 + host.len() % 40,
            scene.random.u8(..60)
        )],
        "w" | "who" | "last" => vec![format!("{user} pts/0        {{date}} {{time}}")],
        "ls" => listing(rest, scene),
        "df" => text(concat!(
            "Filesystem        Size  Used Avail Use% Mounted on\n",
            "devtmpfs          4.0M     0  4.0M   0% /dev\n",
            "tmpfs             3.9G     0  3.9G   0% /dev/shm\n",
            "tmpfs             1.6G  540K  1.6G   1% /run\n",
            "/dev/nvme0n1p1     40G   17G   24G  42% /\n",
            "/dev/nvme1n1      200G  121G   80G  61% /srv\n",
            "/dev/nvme0n1p128   10M  1.3M  8.7M  13% /boot/efi"
        )),
        "du" => vec![format!("{}G\t{}", scene.random.u8(3..90), rest.split(' ').next_back().unwrap_or("."))],
        "free" => vec![
            "               total        used        free      shared  buff/cache   available".into(),
            format!(
                "Mem:            7847        {}         {}           1        3215        5122",
                scene.random.u16(2000..3000),
                scene.random.u16(300..900)
            ),
            "Swap:              0           0           0".into(),
        ],
        "ps" => processes(scene),
        "ss" | "netstat" => text(concat!(
            "State  Recv-Q Send-Q Local Address:Port  Peer Address:Port\n",
            "LISTEN 0      128          0.0.0.0:22         0.0.0.0:*\n",
            "LISTEN 0      511          0.0.0.0:80         0.0.0.0:*\n",
            "LISTEN 0      4096       127.0.0.1:8080       0.0.0.0:*\n",
            "LISTEN 0      244        127.0.0.1:5432       0.0.0.0:*"
        )),
        "systemctl" => systemctl(rest, scene),
        "journalctl" | "tail" | "cat" | "grep" | "head" | "dmesg" | "zgrep" => file_output(first, rest, scene),
        "curl" if rest.contains("-sI") || rest.contains("-I") => text(concat!(
            "HTTP/1.1 200 OK\nServer: nginx/1.26.3\nContent-Type: application/json\nConnection: keep-alive\n",
            "Cache-Control: no-store"
        )),
        "curl" => vec![format!("{{\"version\":\"4.{}.2\",\"status\":\"ok\"}}", scene.random.u8(10..40))],
        "nginx" => text(concat!(
            "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n",
            "nginx: configuration file /etc/nginx/nginx.conf test is successful"
        )),
        "docker" if rest.starts_with("logs") => (0..12).map(|_| scene.log_line("worker")).collect(),
        "docker" => vec![
            "CONTAINER ID   IMAGE                   COMMAND                  STATUS         NAMES".into(),
            format!(
                "{:012x}   example/app:4.18        \"/app/bin/server\"        Up 6 days      app",
                scene.random.u64(..) >> 16
            ),
            format!(
                "{:012x}   example/worker:4.18     \"/app/bin/worker\"        Up 6 days      worker",
                scene.random.u64(..) >> 16
            ),
        ],
        "git" if rest.contains("log") => (0..5)
            .map(|number| {
                format!(
                    "{:07x} {}",
                    scene.random.u32(..) >> 4,
                    ["Raise pool size", "Fix retry of refunds", "Bump base image", "Add ledger index", "Trim logs"]
                        .get(number)
                        .copied()
                        .unwrap_or_default()
                )
            })
            .collect(),
        "git" => text(
            "On branch main\nYour branch is up to date with 'origin/main'.\n\nnothing to commit, working tree clean",
        ),
        "psql" => vec![
            " count ".into(),
            "-------".into(),
            format!("    {}", scene.random.u8(12..90)),
            "(1 row)".into(),
            String::new(),
        ],
        "pg_isready" => vec!["/var/run/postgresql:5432 - accepting connections".into()],
        "crontab" => text(
            "# m h dom mon dow command\n*/5 * * * * /srv/batch/bin/collect --quiet\n17 3 * * * /srv/batch/bin/rotate",
        ),
        "aws" => (0..4)
            .map(|_| {
                format!(
                    "{{date}} {{time}} {:10} part-{:05}.parquet",
                    scene.random.u32(90_000..9_000_000),
                    scene.next_number()
                )
            })
            .collect(),
        "dnf" | "yum" => text(
            "Last metadata expiration check: 0:41:12 ago.\n\nopenssl.x86_64    1:3.2.2-1.amzn2023.0.1    amazonlinux\nvim-minimal.x86_64    2:9.1.1706-1.amzn2023.0.1    amazonlinux",
        ),
        other => {
            vec![format!("{}: {other}: command not found", if scene.setting.os == Os::Ubuntu { "sh: 1" } else { "sh" })]
        }
    }
}

fn listing(rest: &str, scene: &mut Scene) -> Vec<String> {
    let names = if rest.contains("/var/log") {
        ["access.log", "access.log.1", "access.log.2.gz", "error.log", "error.log.1"]
    } else if rest.contains("backup") {
        ["base-20251116.tar.zst", "base-20251117.tar.zst", "base-20251118.tar.zst", "wal", "manifest.json"]
    } else {
        ["bin", "conf", "current", "releases", "shared"]
    };
    if rest.starts_with('-') && rest.contains('l') {
        let total = scene.random.u16(20..800);
        std::iter::once(format!("total {total}"))
            .chain(names.iter().map(|name| {
                let kind = if name.contains('.') { "-rw-r-----" } else { "drwxr-xr-x" };
                format!(
                    "{kind} 1 root adm {:9} {{day}} 06:{:02} {name}",
                    scene.random.u32(80..9_000_000),
                    scene.random.u8(..60)
                )
            }))
            .collect()
    } else {
        vec![names.join("  ")]
    }
}

fn processes(scene: &mut Scene) -> Vec<String> {
    let service = scene.service();
    let mut lines = vec!["USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND".to_owned()];
    for (user, command) in [
        ("app", format!("/usr/bin/{service} --config /etc/{service}/{service}.conf")),
        ("root", "/usr/bin/amazon-ssm-agent".into()),
        ("root", "/usr/bin/ssm-agent-worker".into()),
        ("root", "/usr/lib/systemd/systemd-journald".into()),
        ("ssm-user", "sh".into()),
    ] {
        let (pid, cpu) = (scene.random.u16(700..30_000), scene.random.u8(..30));
        let memory = scene.random.u8(..9);
        let size = scene.random.u32(20_000..900_000);
        lines.push(format!(
            "{user:8} {pid:7} {cpu:2}.{} {memory:3}.1 {size:6} {:5} ?        Ssl  Nov14   {cpu}:41 {command}",
            cpu % 10,
            size / 9
        ));
    }
    lines
}

fn systemctl(rest: &str, scene: &mut Scene) -> Vec<String> {
    let (verb, unit) = rest.split_once(' ').unwrap_or((rest, ""));
    if verb != "status" {
        return Vec::new();
    }
    let unit = if unit.is_empty() { scene.service() } else { unit };
    let unit = unit.trim_end_matches(".service");
    let pid = scene.random.u16(700..20_000);
    let mut lines = vec![
        format!("\u{1b}[0;1;32m●\u{1b}[0m {unit}.service - {unit}"),
        format!("     Loaded: loaded (/usr/lib/systemd/system/{unit}.service; enabled; preset: disabled)"),
        "     Active: \u{1b}[0;1;32mactive (running)\u{1b}[0m since Fri 2025-11-14 06:12:41 UTC; 6 days ago".into(),
        format!("   Main PID: {pid} ({unit})"),
        format!("      Tasks: {} (limit: 9377)", scene.random.u8(4..60)),
        format!("     Memory: {}.4M", scene.random.u16(20..900)),
        format!("     CGroup: /system.slice/{unit}.service"),
        String::new(),
    ];
    for _ in 0..4 {
        let text = scene.log_line("worker");
        lines.push(format!(
            "{{day}} {{time}} {} {unit}[{pid}]: {}",
            scene.short_host(),
            text.split(' ').skip(2).collect::<Vec<_>>().join(" ")
        ));
    }
    lines
}

fn file_output(first: &str, rest: &str, scene: &mut Scene) -> Vec<String> {
    if rest.contains("os-release") {
        return match scene.setting.os {
            Os::Ubuntu => vec![
                "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"".into(),
                "NAME=\"Ubuntu\"".into(),
                "VERSION_ID=\"22.04\"".into(),
            ],
            Os::AmazonLinux2 => vec!["NAME=\"Amazon Linux\"".into(), "VERSION=\"2\"".into(), "ID=\"amzn\"".into()],
            _ => vec!["NAME=\"Amazon Linux\"".into(), "VERSION=\"2023\"".into(), "ID=\"amzn\"".into()],
        };
    }
    if rest.contains("/etc/hosts") {
        return vec!["127.0.0.1   localhost localhost.localdomain".into(), "::1         localhost6".into()];
    }
    if rest.contains("/etc/passwd") {
        return vec![
            "root:x:0:0:root:/root:/bin/bash".into(),
            "bin:x:1:1:bin:/bin:/sbin/nologin".into(),
            "ssm-user:x:1001:1001::/home/ssm-user:/bin/sh".into(),
        ];
    }
    if first == "grep" && rest.contains("-c") {
        return vec![scene.random.u8(..40).to_string()];
    }
    if first == "dmesg" || rest.contains("dmesg") {
        return (0..5)
            .map(|number| {
                format!(
                    "[{{day}} {{time}}] xfs filesystem being mounted at /srv supports timestamps until 2038 ({number})"
                )
            })
            .collect();
    }
    let count = if first == "journalctl" { 12 } else { 10 };
    (0..count).map(|_| scene.log_line(rest)).collect()
}
