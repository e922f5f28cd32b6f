//! The Cedar schema of what policies may read: printed for people, and what their policies are checked against.

use std::{collections::BTreeSet, str::FromStr};

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::{
    FactName, Parameters, Subject,
    engine::values,
    facts::{FactKind, Value},
};

/// The schema with every subject, as `ssmwatch rules schema` prints it.
pub fn schema_text() -> String {
    text_of(&Subject::ALL)
}

/// A schema of those subjects. A fact that is missing makes a rule INSUFFICIENT_DATA before its policy sees it, so that all
/// are declared as there.
fn text_of(subjects: &[Subject]) -> String {
    let mut text = String::from(
        "// What ssmwatch's rules may read. A rule is a `forbid` on one action, with @id, @severity, @title and @remediation.\n\
         // A fact that could not be read makes its rule INSUFFICIENT_DATA. Where a fact can be absent, ask with `has` first.\n\n\
         entity Owner;\nentity Account;\nentity Node tags String;\nentity Preferences;\n\n\
         // From [compliance] of the config, with defaults.\ntype Parameters = {\n",
    );
    for (name, value) in values(&Parameters::default()) {
        text.push_str(&format!("  \"{name}\": {},\n", parameter_type(&value)));
    }
    text.push_str("};\n");
    for subject in subjects {
        let (principal, resource) = subject.types();
        text.push_str(&format!(
            "\naction \"{}\" appliesTo {{\n  principal: {principal},\n  resource: {resource},\n  context: {{\n",
            subject.word()
        ));
        for name in FactName::ALL.iter().filter(|name| name.is_of(*subject)) {
            text.push_str(&format!("    // {}\n    // From {}.", name.meaning(), name.read_from()));
            if !name.absent_when().is_empty() {
                text.push_str(&format!(" Absent: {}.", name.absent_when()));
            }
            if name.kind() == FactKind::Tags {
                text.push('\n');
                continue;
            }
            text.push_str(&format!("\n    \"{name}\": {},\n", name.kind().cedar()));
        }
        text.push_str("    \"parameters\": Parameters,\n  },\n};\n");
    }
    text
}

fn parameter_type(value: &Value<'_>) -> &'static str {
    match value {
        Value::Flag(_) => "Bool",
        Value::Number(_) | Value::Seconds(_) | Value::Since(..) => "Long",
        Value::Text(_) | Value::Tags(_) => "String",
        Value::Texts(_) => "Set<String>",
        Value::Numbers(_) => "Set<Long>",
    }
}

/// What a policy does with facts that their types do not allow.
pub(super) struct Mistake {
    /// Byte offset in the file, where Cedar knows it.
    pub(super) offset: Option<usize>,
    pub(super) what: String,
}

/// Checks the policies of a file, each against its subject. One that names no action is on sessions.
pub(super) fn mistakes(file_text: &str, subjects: &[Subject]) -> Vec<Mistake> {
    let Ok(all) = PolicySet::from_str(file_text) else { return Vec::new() };
    // Cedar calls them policy0, policy1, … in the file's order.
    let mut mistakes = Vec::new();
    let wanted: BTreeSet<Subject> = subjects.iter().copied().collect();
    for subject in wanted {
        let schema = match Schema::from_cedarschema_str(&text_of(&[subject])) {
            Ok((schema, _)) => schema,
            Err(error) => {
                mistakes.push(Mistake { offset: None, what: format!("the schema cannot be read: {error}") });
                continue;
            }
        };
        let mut of_subject = PolicySet::new();
        for policy in all.policies() {
            let id: &str = policy.id().as_ref();
            let at = id.trim_start_matches("policy").parse::<usize>().ok();
            if at.and_then(|at| subjects.get(at)) == Some(&subject) && of_subject.add(policy.clone()).is_err() {
                mistakes.push(Mistake { offset: None, what: format!("the policy {id} cannot be checked") });
            }
        }
        let result = Validator::new(schema).validate(&of_subject, ValidationMode::Strict);
        for error in result.validation_errors() {
            let offset = error.labels().into_iter().flatten().map(|label| label.offset()).next();
            let mut what = error.to_string();
            if let Some(help) = error.help() {
                what = format!("{what}: {help}");
            }
            mistakes.push(Mistake { offset, what: what.replace('\n', " ") });
        }
    }
    mistakes.sort_by_key(|mistake| mistake.offset);
    mistakes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::compliance::policy::BUILT_IN;

    #[test]
    fn the_schema_is_one_and_the_built_in_rules_keep_to_it() {
        let schema = Schema::from_cedarschema_str(&schema_text()).unwrap().0;
        for (file, text) in BUILT_IN {
            let result =
                Validator::new(schema.clone()).validate(&PolicySet::from_str(text).unwrap(), ValidationMode::Strict);
            let errors: Vec<String> = result.validation_errors().map(ToString::to_string).collect();
            assert_eq!(errors, Vec::<String>::new(), "{file}");
        }
    }

    #[test]
    fn each_fact_says_what_it_is_and_where_it_is_read() {
        for name in FactName::ALL {
            assert!(name.meaning().ends_with(['.', '`']), "{name}: {}", name.meaning());
            assert!(!name.read_from().is_empty(), "{name}");
        }
    }
}
