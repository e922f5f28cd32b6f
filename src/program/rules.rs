//! `ssmwatch rules`: what is judged by, and whether people's own policies are right.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{Refusal, complain, detecting, print, setup};
use crate::{
    cli::{Cli, RulesCommand},
    compliance::{Engine, FactKind, Origin, Rule, check_file, just_in_time::JitPolicies, schema_text},
    detection::{Detections, Detector, Tuning},
};

pub(super) fn run(cli: &Cli, command: Option<&RulesCommand>) -> Result<ExitCode, Refusal> {
    match command.unwrap_or(&RulesCommand::List) {
        RulesCommand::Schema => Ok(print(&schema_text())),
        RulesCommand::List => {
            let (engine, detector) = detecting::both(&setup::settings(cli)?)?;
            Ok(print(&list(&engine, &*detector)))
        }
        RulesCommand::Show { id } => {
            let (engine, detector) = detecting::both(&setup::settings(cli)?)?;
            if let Some(rule) = detector.rules().iter().find(|rule| rule.id.eq_ignore_ascii_case(id)) {
                return Ok(print(&detecting::sheet(rule)));
            }
            let rule =
                engine.rules().iter().find(|rule| rule.id.as_str().eq_ignore_ascii_case(id)).ok_or_else(|| {
                    Refusal::failed(format!("there is no rule `{id}`"), "see all of them: ssmwatch rules list")
                })?;
            Ok(print(&sheet(&engine, rule)))
        }
        RulesCommand::Check { paths } if paths.is_empty() => {
            let settings = setup::settings(cli)?;
            let (engine, detector) = detecting::both(&settings).map_err(|refusal| Refusal { code: 1, ..refusal })?;
            let (rules, detections) = (engine.rules().len(), detector.rules().len());
            let mut text = format!("ok: {rules} rules and {detections} detections in force\n");
            for rule in detector.not_loaded() {
                text.push_str(&format!("  not loaded: {}: {}: {}\n", rule.file, rule.title, rule.reason));
            }
            Ok(print(&text))
        }
        RulesCommand::Check { paths } => check(paths),
    }
}

fn origin(rule: &Rule) -> &str {
    match &rule.origin {
        Origin::BuiltIn => "built in",
        Origin::File(file) => file,
    }
}

/// One line a rule.
fn list(engine: &Engine, detector: &dyn Detector) -> String {
    let ids = engine.rules().iter().map(|rule| rule.id.as_str()).chain(detector.rules().iter().map(|rule| &*rule.id));
    let width = ids.map(str::len).max().unwrap_or_default().min(40);
    let rules: String = engine
        .rules()
        .iter()
        .map(|rule| {
            let own = if rule.origin == Origin::BuiltIn { String::new() } else { format!("  ({})", origin(rule)) };
            format!(
                "{:<width$}  {:<13} {:<11} {}{own}\n",
                rule.id,
                rule.severity.word(),
                rule.subject.word(),
                rule.title
            )
        })
        .collect();
    rules + &detecting::list(detector, width)
}

/// Everything about one rule.
fn sheet(engine: &Engine, rule: &Rule) -> String {
    let mut text = format!(
        "{} {} {}\njudges: {}\nfrom: {}\nremedy: {}\n",
        rule.id,
        rule.severity.word(),
        rule.title,
        rule.subject.word(),
        origin(rule),
        rule.remediation
    );
    if !rule.reads.is_empty() {
        text.push_str("\nreads:\n");
    }
    for name in &rule.reads {
        let as_read =
            if name.kind() == FactKind::Tags { "resource tags".to_owned() } else { format!("context.{name}") };
        text.push_str(&format!("  {as_read:<42} {} [{}]\n", name.meaning(), name.read_from()));
    }
    if !rule.parameters.is_empty() {
        text.push_str("\nparameters in force:\n");
    }
    for name in &rule.parameters {
        let value = engine.shown_parameter(name).unwrap_or_default();
        text.push_str(&format!("  context.parameters.{name:<23} {value}\n"));
    }
    text.push_str(&format!("\n{}\n", rule.text.trim_end()));
    text
}

/// Checks files and folders; everything that is wrong is said, on stderr, with its place.
fn check(paths: &[PathBuf]) -> Result<ExitCode, Refusal> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(policy_files(path)?);
    }
    let mut wrong = 0_usize;
    let mut seen = Vec::new();
    let mut not_loaded = Vec::new();
    for file in &files {
        let name = file.display().to_string();
        let text = fs::read_to_string(file).map_err(|error| {
            Refusal::failed(format!("{name}: cannot be read: {error}"), "make it readable, as UTF-8 text")
        })?;
        if is_sigma(file) {
            match Detections::load(&[(name, text)], &Tuning::default()) {
                Ok(detections) => {
                    for rule in detections.not_loaded() {
                        not_loaded.push(format!("  not loaded: {}: {}: {}\n", rule.file, rule.title, rule.reason));
                    }
                }
                Err(error) => {
                    wrong += 1;
                    complain(&format!("{error}\n"));
                }
            }
            continue;
        }
        if is_just_in_time(&text) {
            if let Err(error) = JitPolicies::parse(&[(name, text)]) {
                wrong += 1;
                complain(&format!("{error}\n"));
            }
            continue;
        }
        let mistakes = check_file(&name, &text);
        wrong += mistakes.len();
        for mistake in &mistakes {
            complain(&format!("{mistake}\n"));
        }
        if mistakes.is_empty() {
            seen.push((name, text));
        }
    }
    // Ids that two files share, or that a built-in rule has.
    if wrong == 0
        && let Err(error) = Engine::new(crate::compliance::Parameters::default(), seen)
    {
        wrong += 1;
        complain(&format!("{error}\n"));
    }
    if wrong > 0 {
        complain(&format!(
            "  correct {}, then check again; see what may be read: ssmwatch rules schema\n",
            if wrong == 1 { "it" } else { "them" }
        ));
        return Ok(ExitCode::FAILURE);
    }
    let counted = if files.len() == 1 { "file" } else { "files" };
    Ok(print(&format!("ok: {} {counted}\n{}", files.len(), not_loaded.concat())))
}

fn is_sigma(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
}

/// Policies of AWS Systems Manager just-in-time node access name its action.
pub(super) fn is_just_in_time(text: &str) -> bool {
    text.contains("AWS::SSM::Action::")
}

fn policy_files(path: &Path) -> Result<Vec<PathBuf>, Refusal> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let refused = |error: std::io::Error| {
        Refusal::failed(format!("{}: cannot be read: {error}", path.display()), "name a folder that you may read")
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(refused)? {
        let file = entry.map_err(refused)?.path();
        if file.is_dir() {
            // SigmaHQ keeps its rules in folders of folders.
            files.extend(policy_files(&file).unwrap_or_default());
        } else if is_sigma(&file) || file.extension().is_some_and(|extension| extension == "cedar") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Refusal::failed(
            format!("{}: there is no *.cedar and no *.yml file", path.display()),
            "name a policy or a Sigma rule, or a folder that has some",
        ));
    }
    Ok(files)
}
