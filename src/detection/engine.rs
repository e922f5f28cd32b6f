//! The rules in force, compiled.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use rsigma_eval::Engine;
use rsigma_parser::{CorrelationRule, FilterRule, FilterRuleTarget, SigmaRule};

use super::{
    Detector,
    bursts::Correlation,
    document::{Document, documents},
    error::DetectionError,
    event::{SessionFields, StreamEvent},
    load::{Head, adapt, extras, own, reads},
    normalize::{MAX_LINE, cut, texts},
    pack::BUILT_IN,
    pipeline::{Command, commands},
    rule::{Confidence, DetectionRule, Hit, NotLoaded, Origin, Piece, lowered},
};
use crate::domain::Severity;

/// Where a compiled rule keeps its number.
const NUMBER: &str = "ssmwatch.number";
/// The key of what our own rules say beyond Sigma.
const EXTRAS: &str = "ssmwatch";
/// Readings of one command that are looked at.
const MAX_READINGS: usize = 8;
/// Pieces that one hit keeps.
const MAX_PIECES: usize = 32;
/// Bytes of a piece that are kept.
const MAX_PIECE: usize = 4096;
/// Bytes of a printed line in which commands are looked for one by one.
const MAX_OUTPUT: usize = 8 * 1024;

/// What the config says of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tuning {
    /// Ids of rules that are off.
    pub disabled: Vec<String>,
    /// Rules with a severity of the user's.
    pub severity: BTreeMap<String, Severity>,
}

/// The rules in force.
pub struct Detections {
    engine: Engine,
    /// By the number that the compiled rule keeps; nothing for those that are off.
    numbered: Vec<Option<Arc<DetectionRule>>>,
    rules: Vec<Arc<DetectionRule>>,
    correlations: Arc<[Correlation]>,
    not_loaded: Vec<NotLoaded>,
    /// Every id that the config may name.
    known: Vec<Arc<str>>,
    #[cfg(test)]
    pub(super) every_rule: bool,
}

/// The built-in files, and people's own.
fn all_files(files: &[(String, String)]) -> impl Iterator<Item = (Origin, &str, &str)> {
    let built_in = BUILT_IN.iter().map(|(file, text)| (Origin::BuiltIn, *file, *text));
    built_in.chain(files.iter().map(|(file, text)| (own(file), file.as_str(), text.as_str())))
}

/// The id that is most like the wanted one, if any is at all like it.
fn nearest(wanted: &str, ids: &[Arc<str>]) -> Option<String> {
    let likeness = |id: &str| strsim::jaro_winkler(&id.to_lowercase(), &wanted.to_lowercase());
    let alike = ids.iter().map(|id| (likeness(id), id)).filter(|(likeness, _)| *likeness > 0.7);
    alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, id)| id.to_string())
}

impl fmt::Debug for Detections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detections")
            .field("rules", &self.rules.len())
            .field("correlations", &self.correlations.len())
            .field("not_loaded", &self.not_loaded.len())
            .finish_non_exhaustive()
    }
}

impl Detections {
    /// The built-in rules and people's own (file name and text), as the config wants them.
    pub fn load(files: &[(String, String)], tuning: &Tuning) -> Result<Self, DetectionError> {
        Self::from_files(all_files(files), tuning)
    }

    /// People's own rules alone.
    pub fn only(files: &[(String, String)], tuning: &Tuning) -> Result<Self, DetectionError> {
        Self::from_files(files.iter().map(|(file, text)| (own(file), file.as_str(), text.as_str())), tuning)
    }

    /// Ids of the built-in rules and of people's own, which costs a third of loading them.
    pub fn ids(files: &[(String, String)]) -> Result<Vec<Arc<str>>, DetectionError> {
        Ok(Loading::read(all_files(files))?.ids().cloned().collect())
    }

    /// Rules of these files.
    pub(super) fn from_files<'a>(
        files: impl Iterator<Item = (Origin, &'a str, &'a str)>,
        tuning: &Tuning,
    ) -> Result<Self, DetectionError> {
        Loading::read(files)?.compile().tuned(tuning)
    }

    /// The same rules, those that are disabled taken out, the others with the severities of the config. Nothing is
    /// compiled again.
    pub fn tuned(mut self, tuning: &Tuning) -> Result<Self, DetectionError> {
        let named = tuning.disabled.iter().map(|id| ("disabled", id));
        for (key, id) in named.chain(tuning.severity.keys().map(|id| ("severity", id))) {
            if !self.known.iter().any(|known| **known == **id) {
                let nearest = nearest(id, &self.known);
                return Err(DetectionError::UnknownRule { key, id: id.clone(), nearest });
            }
        }
        let disabled = |rule: &DetectionRule| tuning.disabled.iter().any(|id| **id == *rule.id);
        let tune = |rule: &mut Arc<DetectionRule>| {
            if let Some(severity) = tuning.severity.get(&*rule.id) {
                Arc::make_mut(rule).severity = *severity;
            }
        };
        let off: Vec<Arc<str>> =
            self.rules.iter().filter(|rule| disabled(rule)).map(|rule| Arc::clone(&rule.id)).collect();
        let mut correlations = self.correlations.to_vec();
        let mut gone = off.clone();
        correlations.retain_mut(|correlation| {
            tune(&mut correlation.rule);
            if off.contains(&correlation.rule.id) {
                return false;
            }
            let Some(missing) = correlation.counts.iter().find(|id| off.contains(id)) else { return true };
            self.not_loaded.push(NotLoaded {
                file: match &correlation.rule.origin {
                    Origin::BuiltIn => Arc::from("built-in"),
                    Origin::File(file) => Arc::clone(file),
                },
                title: Arc::clone(&correlation.rule.title),
                reason: format!("counts the rule {missing}, which is disabled"),
            });
            gone.push(Arc::clone(&correlation.rule.id));
            false
        });
        self.correlations = correlations.into();
        for numbered in &mut self.numbered {
            numbered.take_if(|rule| gone.contains(&rule.id));
            numbered.as_mut().map(tune);
        }
        self.rules.retain(|rule| !gone.contains(&rule.id));
        self.rules.iter_mut().for_each(tune);
        Ok(self)
    }

    fn find(&self, event: &StreamEvent<'_>, found: &mut Vec<(usize, Vec<Piece>)>) {
        #[cfg(not(test))]
        let results = self.engine.evaluate(event);
        // Tests can ask every rule, without the engine's index of what rules need.
        #[cfg(test)]
        let results = match self.every_rule {
            false => self.engine.evaluate(event),
            true => {
                let rules = self.engine.rules().iter();
                rules.filter_map(|rule| rsigma_eval::evaluate_rule(rule, event)).collect()
            }
        };
        for result in results {
            let number = result.header.custom_attributes.get(NUMBER).and_then(serde_json::Value::as_u64);
            let Some(number) = number.and_then(|number| usize::try_from(number).ok()) else { continue };
            let at = match found.iter().position(|(known, _)| *known == number) {
                Some(at) => at,
                None => {
                    found.push((number, Vec::new()));
                    found.len() - 1
                }
            };
            let Some((_, pieces)) = found.get_mut(at) else { continue };
            if pieces.len() < MAX_PIECES {
                let piece = Piece { text: cut(event.command_line, MAX_PIECE).into(), image: event.image.into() };
                if !pieces.contains(&piece) {
                    pieces.push(piece);
                }
            }
        }
    }

    fn hits(&self, confidence: Confidence, mut found: Vec<(usize, Vec<Piece>)>) -> Vec<Hit> {
        found.sort_by_key(|(number, _)| *number);
        found
            .into_iter()
            .filter_map(|(number, mut pieces)| {
                let rule = Arc::clone(self.numbered.get(number)?.as_ref()?);
                // The whole line tells less than the command in it that matched.
                pieces.sort_by_key(|piece| piece.text.len());
                let severity = match confidence {
                    Confidence::Output if !rule.reads_output => lowered(rule.severity),
                    _ => rule.severity,
                };
                Some(Hit { rule, confidence, severity, pieces })
            })
            .collect()
    }
}

impl Detector for Detections {
    fn command(&self, session: &SessionFields<'_>, readings: &[&str]) -> Vec<Hit> {
        let mut found = Vec::new();
        for (number, reading) in readings.iter().take(MAX_READINGS).enumerate() {
            if readings.iter().take(number).any(|known| known == reading) {
                continue;
            }
            let (typed, decoded) = texts(reading);
            for text in std::iter::once(typed.as_ref()).chain(decoded.iter().map(String::as_str)) {
                for command in commands(text) {
                    let event = StreamEvent {
                        session,
                        command_line: &command.line,
                        image: &command.image,
                        line: text,
                        output: None,
                        confidence: Confidence::Command,
                    };
                    self.find(&event, &mut found);
                }
            }
        }
        self.hits(Confidence::Command, found)
    }

    fn output(&self, session: &SessionFields<'_>, line: &str) -> Vec<Hit> {
        let mut found = Vec::new();
        let whole = cut(line, MAX_LINE);
        let start = cut(whole, MAX_OUTPUT);
        let mut commands = commands(start);
        if start.len() < whole.len() || commands.is_empty() {
            let image = commands.first().map(|command| command.image.clone()).unwrap_or_default();
            commands.push(Command { line: whole.into(), image });
        }
        for command in &commands {
            let event = StreamEvent {
                session,
                command_line: &command.line,
                image: &command.image,
                line: whole,
                output: Some(whole),
                confidence: Confidence::Output,
            };
            self.find(&event, &mut found);
        }
        let mut hits = self.hits(Confidence::Output, found);
        hits.retain(|hit| !hit.rule.counted_only);
        hits
    }

    fn rules(&self) -> &[Arc<DetectionRule>] {
        &self.rules
    }

    fn not_loaded(&self) -> &[NotLoaded] {
        &self.not_loaded
    }

    fn correlations(&self) -> Arc<[Correlation]> {
        Arc::clone(&self.correlations)
    }
}

/// Rules on their way to being in force.
#[derive(Default)]
struct Loading {
    rules: Vec<(DetectionRule, SigmaRule, Arc<str>)>,
    correlations: Vec<(DetectionRule, CorrelationRule, Arc<str>)>,
    filters: Vec<(FilterRule, Arc<str>)>,
    not_loaded: Vec<NotLoaded>,
}

impl Loading {
    fn read<'a>(files: impl Iterator<Item = (Origin, &'a str, &'a str)>) -> Result<Self, DetectionError> {
        let mut loading = Self::default();
        for (origin, file, text) in files {
            for document in documents(file, text)? {
                loading.document(&origin, file, document)?;
            }
        }
        Ok(loading)
    }

    fn document(&mut self, origin: &Origin, file: &str, document: Document) -> Result<(), DetectionError> {
        let file: Arc<str> = file.into();
        let wrong = |what: String| DetectionError::File { file: file.to_string(), line: 1, column: 1, what };
        let collection = match document {
            Document::Rules(collection) => collection,
            Document::Unknown { title, reason } => {
                self.refuse(&file, &title, reason);
                return Ok(());
            }
        };
        for mut sigma in collection.rules {
            let rule = Head {
                name: sigma.name.as_deref(),
                id: sigma.id.as_deref(),
                title: &sigma.title,
                description: sigma.description.as_deref(),
                level: sigma.level,
                tags: &sigma.tags,
                false_positives: &sigma.falsepositives,
                extras: extras(sigma.custom_attributes.get(EXTRAS)),
            };
            let mut rule = rule.rule(origin).map_err(wrong)?;
            match self.taken(&rule.id).map_or_else(|| adapt(&mut sigma), Err) {
                Ok(()) => {
                    rule.reads_output = reads(&mut sigma, "OutputLine");
                    self.rules.push((rule, sigma, Arc::clone(&file)));
                }
                Err(reason) => self.refuse(&file, &rule.title, reason),
            }
        }
        for sigma in collection.correlations {
            let rule = Head {
                name: sigma.name.as_deref(),
                id: sigma.id.as_deref(),
                title: &sigma.title,
                description: sigma.description.as_deref(),
                level: sigma.level,
                tags: &sigma.tags,
                false_positives: &sigma.falsepositives,
                extras: extras(sigma.custom_attributes.get(EXTRAS)),
            };
            let mut rule = rule.rule(origin).map_err(wrong)?;
            rule.correlation = true;
            match self.taken(&rule.id) {
                None => self.correlations.push((rule, sigma, Arc::clone(&file))),
                Some(reason) => self.refuse(&file, &rule.title, reason),
            }
        }
        self.filters.extend(collection.filters.into_iter().map(|filter| (filter, Arc::clone(&file))));
        Ok(())
    }

    fn refuse(&mut self, file: &Arc<str>, title: &str, reason: String) {
        self.not_loaded.push(NotLoaded { file: Arc::clone(file), title: title.into(), reason });
    }

    fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        let rules = self.rules.iter().map(|(rule, ..)| &rule.id);
        rules.chain(self.correlations.iter().map(|(rule, ..)| &rule.id))
    }

    fn taken(&self, id: &str) -> Option<String> {
        self.ids().any(|known| **known == *id).then(|| format!("another rule has the id {id}"))
    }

    fn compile(mut self) -> Detections {
        let known: Vec<Arc<str>> = self.ids().cloned().collect();
        // What correlations call rules by.
        let mut called: HashMap<String, Arc<str>> = HashMap::new();
        for (rule, sigma, _) in &self.rules {
            let names = [sigma.name.as_ref(), sigma.id.as_ref(), Some(&sigma.title)];
            for name in names.into_iter().flatten() {
                called.entry(name.clone()).or_insert_with(|| Arc::clone(&rule.id));
            }
        }
        let mut engine = Engine::new();
        let mut rules: Vec<Arc<DetectionRule>> = Vec::new();
        let mut compiled: Vec<SigmaRule> = Vec::new();
        let mut files = Vec::new();
        for (rule, mut sigma, file) in std::mem::take(&mut self.rules) {
            sigma.custom_attributes.clear();
            sigma.custom_attributes.insert(NUMBER.to_owned(), rules.len().into());
            rules.push(Arc::new(rule));
            compiled.push(sigma);
            files.push(file);
        }
        let failed = engine.add_rules(&compiled);
        let mut broken: Vec<Arc<str>> = Vec::new();
        for (number, error) in failed {
            if let (Some(rule), Some(file)) = (rules.get(number).cloned(), files.get(number)) {
                self.refuse(file, &rule.title, error.to_string().replace('\n', " "));
                broken.push(Arc::clone(&rule.id));
            }
        }
        for (mut filter, file) in std::mem::take(&mut self.filters) {
            // The engine knows rules by id and title; people also call ours by name.
            if let FilterRuleTarget::Specific(names) = &mut filter.rules {
                for name in names.iter_mut() {
                    if let Some(sigma) = compiled.iter().find(|sigma| sigma.name.as_deref() == Some(name.as_str())) {
                        *name = sigma.id.clone().unwrap_or_else(|| sigma.title.clone());
                    }
                }
            }
            if let Err(error) = engine.apply_filter(&filter) {
                self.refuse(&file, &filter.title, error.to_string().replace('\n', " "));
            }
        }

        let mut correlations = Vec::new();
        for (rule, document, file) in std::mem::take(&mut self.correlations) {
            let rule = Arc::new(rule);
            let in_force = |id: &Arc<str>| rules.iter().any(|known| known.id == *id) && !broken.contains(id);
            let missing = document.rules.iter().find(|name| !called.get(*name).is_some_and(in_force));
            let counts = document.rules.iter().filter_map(|name| called.get(name).cloned()).collect();
            let read = match missing {
                Some(missing) => Err(format!("counts the rule {missing}, which is not loaded")),
                None => Correlation::read(&document, Arc::clone(&rule), counts),
            };
            match read {
                Ok(correlation) => {
                    // Sigma's default: what is counted is not raised too. A correlation of people's own silences no
                    // built-in rule, and one that is not loaded silences none.
                    for counted in rules.iter_mut().filter(|_| !document.generate) {
                        if correlation.counts.contains(&counted.id) && counted.origin == rule.origin {
                            Arc::make_mut(counted).counted_only = true;
                        }
                    }
                    rules.push(rule);
                    correlations.push(correlation);
                }
                Err(reason) => self.refuse(&file, &rule.title, reason),
            }
        }
        let numbered = rules.iter().map(|rule| (!broken.contains(&rule.id)).then(|| Arc::clone(rule))).collect();
        rules.retain(|rule| !broken.contains(&rule.id));
        Detections {
            engine,
            numbered,
            rules,
            correlations: correlations.into(),
            not_loaded: self.not_loaded,
            known,
            #[cfg(test)]
            every_rule: false,
        }
    }
}
