//! Names, reasons and tags are what others wrote: they neither break the judge nor reach the screen as control bytes.

use proptest::prelude::*;

use super::*;

/// With a rule whose error quotes names of others.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let own = "@id(\"X-01\") @severity(\"LOW\") @title(\"t\") @remediation(\"r\")
        forbid (principal, action, resource) when { resource.getTag(\"Stage\") == context.owner };";
    Engine::new(Parameters::default(), vec![("own.cedar".into(), own.into())]).unwrap()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_others_wrote_is_judged_and_quoted_harmlessly(
        words in prop::collection::vec("(\\PC|[\u{0}-\u{9f}\u{202a}-\u{202e}\u{2066}-\u{2069}\"\\\\:/*]){0,40}", 8),
        long in any::<bool>(),
    ) {
        let word = |index: usize| if long { words[index].repeat(40) } else { words[index].clone() };
        let mut case = Case::good();
        case.session.document = Some(word(0).into());
        case.session.owner = word(1).into();
        case.session.reason = Some(word(2).into());
        case.session.target = format!("i-{}", word(3)).into();
        case.session.status = SessionStatus::parse(&word(4));
        case.tags = tags(&[("Environment", &format!("Prod{}", word(5)))], at(290));
        case.role_policies = policies(&[&word(6), &format!("arn:aws:iam::{ACCOUNT}:policy/{}", word(7))], at(290));
        for finding in ENGINE.explain(&case.evidence(), at(300)) {
            let quoted = finding.evidence.iter().map(|evidence| &evidence.value);
            for text in quoted.chain(finding.missing.iter().map(|missing| &missing.reason)) {
                let harmful = |c: char| {
                    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
                };
                prop_assert!(!text.contains(harmful), "{text:?}");
                prop_assert!(text.chars().count() < 1_100);
            }
            let expected = match finding.rule.as_str() {
                "TAG-01" => Some(Verdict::NonCompliant),
                "X-01" => Some(Verdict::InsufficientData),
                _ => None,
            };
            prop_assert!(expected.is_none_or(|expected| expected == finding.status), "{finding:?}");
        }
    }
}
