//! Detections over command lines and printed lines: DESIGN holds 200,000 a second.
//!
//! With SSMWATCH_SIGMA_RULES naming a folder, its rules are measured too: clone SigmaHQ/sigma and name `rules/linux`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{env, fs, path::Path, time::Instant};

use divan::{Bencher, counter::ItemsCount};
use ssmwatch::detection::{Detections, Detector, SessionFields, Tuning};

fn main() {
    if let Some(rules) = sigma_rules() {
        let start = Instant::now();
        let detections = Detections::only(&rules, &Tuning::default()).unwrap();
        let (loaded, not) = (detections.rules().len(), detections.not_loaded().len());
        eprintln!("{} files: {loaded} rules, {not} not loaded, in {:?}", rules.len(), start.elapsed());
        if env::var_os("SSMWATCH_SIGMA_REASONS").is_some() {
            detections.not_loaded().iter().for_each(|rule| eprintln!("{}: {}: {}", rule.file, rule.title, rule.reason));
        }
    }
    divan::main();
}

const SESSION: SessionFields<'static> = SessionFields {
    session_id: "jane-0123456789abcdef0",
    owner: "arn:aws:sts::111122223333:assumed-role/Ops/jane",
    target: "i-0123456789abcdef0",
    account: "111122223333",
    region: "eu-west-1",
    run_as_user: "ssm-user",
};

const LINES: usize = 10_000;

/// What administrators type; `{}` is a number.
const ORDINARY: [&str; 20] = [
    "ls -la /srv/app-{}",
    "cd /var/lib/app{}",
    "cat /etc/nginx/conf.d/site{}.conf",
    "sudo journalctl -u nginx --since '-{}m'",
    "ps aux | grep java | head -{}",
    "df -h",
    "kubectl get pods -n team{} -o wide",
    "docker logs --tail {} web",
    "tail -f /opt/app/logs/app-{}.log",
    "git pull origin main",
    "vim config-{}.yaml",
    "export LIMIT={}",
    "curl -s http://localhost:8080/health?x={}",
    "find . -name '*.log' -mtime +{} -print",
    "sudo systemctl restart app{}",
    "echo done {}",
    "awk '{print $1}' access-{}.log | sort | uniq -c",
    "tar czf backup-{}.tgz /srv/data",
    "grep -rn 'error {}' /opt/app && echo yes",
    "aws s3 ls s3://bucket-{}/prefix/",
];

const PRINTED: [&str; 6] = [
    "Nov 20 09:00:00 web-1 nginx[{}]: 10.0.0.7 - - \"GET /index.html HTTP/1.1\" 200 5120",
    "drwxr-xr-x  2 root root 4096 Nov 20 09:{} conf.d",
    "root       {}  0.0  0.1 169316 13108 ?        Ss   Nov19   0:03 /usr/lib/systemd/systemd --system",
    "{\"level\":\"info\",\"ts\":{},\"msg\":\"request served\",\"path\":\"/api/v1/items\",\"status\":200}",
    "  {}% [=====>        ] 12.3 MB/s",
    "",
];

fn lines(of: &[&str]) -> Vec<String> {
    of.iter().cycle().take(LINES).enumerate().map(|(number, line)| line.replace("{}", &number.to_string())).collect()
}

/// One line in a hundred fires a rule.
fn typed(detections: &Detections) -> Vec<String> {
    let fires: Vec<&String> = detections.rules().iter().flat_map(|rule| &rule.fires).collect();
    let mut lines = lines(&ORDINARY);
    if !fires.is_empty() {
        for (number, line) in lines.iter_mut().step_by(100).enumerate() {
            line.clone_from(fires[number % fires.len()]);
        }
    }
    lines
}

fn commands(bencher: Bencher<'_, '_>, detections: &Detections) {
    let lines = typed(detections);
    bencher.counter(ItemsCount::new(lines.len())).bench_local(|| {
        lines.iter().map(|line| detections.command(&SESSION, &[divan::black_box(line)]).len()).sum::<usize>()
    });
}

fn output(bencher: Bencher<'_, '_>, detections: &Detections) {
    let lines = lines(&PRINTED);
    bencher.counter(ItemsCount::new(lines.len())).bench_local(|| {
        lines.iter().map(|line| detections.output(&SESSION, divan::black_box(line)).len()).sum::<usize>()
    });
}

fn built_in() -> Detections {
    Detections::load(&[], &Tuning::default()).unwrap()
}

#[divan::bench]
fn load_built_in(bencher: Bencher<'_, '_>) {
    bencher.bench_local(built_in);
}

#[divan::bench]
fn commands_built_in(bencher: Bencher<'_, '_>) {
    commands(bencher, &built_in());
}

#[divan::bench]
fn output_built_in(bencher: Bencher<'_, '_>) {
    output(bencher, &built_in());
}

/// The worst that a session can type: long lines of quotes, substitutions and encoded pieces.
#[divan::bench]
fn commands_hostile(bencher: Bencher<'_, '_>) {
    let detections = built_in();
    let lines = [
        "$(a;'b' ".repeat(4000),
        "sudo env A=1 c''url | ".repeat(1500),
        "ZWNobyBoZWxsbyB3b3JsZCBhZ2Fpbg ".repeat(1000),
    ];
    let bytes: usize = lines.iter().map(String::len).sum();
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench_local(|| {
        lines.iter().map(|line| detections.command(&SESSION, &[divan::black_box(line)]).len()).sum::<usize>()
    });
}

/// The built-in rules together with those of the folder.
fn with_sigma_rules() -> Option<Detections> {
    Some(Detections::load(&sigma_rules()?, &Tuning::default()).unwrap())
}

#[divan::bench]
fn commands_with_sigma_rules(bencher: Bencher<'_, '_>) {
    if let Some(detections) = with_sigma_rules() {
        commands(bencher, &detections);
    }
}

#[divan::bench]
fn output_with_sigma_rules(bencher: Bencher<'_, '_>) {
    if let Some(detections) = with_sigma_rules() {
        output(bencher, &detections);
    }
}

fn sigma_rules() -> Option<Vec<(String, String)>> {
    let mut files = Vec::new();
    read(Path::new(&env::var_os("SSMWATCH_SIGMA_RULES")?), &mut files);
    files.sort();
    Some(files)
}

fn read(path: &Path, files: &mut Vec<(String, String)>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| read(&entry.unwrap().path(), files));
    } else if path.extension().is_some_and(|extension| extension == "yml") {
        files.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
    }
}
