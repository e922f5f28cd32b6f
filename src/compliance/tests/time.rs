//! Time alone changes a verdict when the engine says so, and not before.

use proptest::prelude::*;

use super::{missing::cases, *};

use Verdict::{Compliant, InsufficientData, NonCompliant};

/// What counts of a judgement: each rule's status, and the words for what it lacks.
fn statuses(engine: &Engine, case: &Case, now: Timestamp) -> Vec<(String, Verdict, Vec<String>)> {
    let findings = engine.explain(&case.evidence(), now);
    let mut statuses: Vec<_> = findings
        .into_iter()
        .map(|finding| {
            let missing = finding.missing.into_iter().map(|missing| missing.reason).collect();
            (finding.rule.to_string(), finding.status, missing)
        })
        .collect();
    statuses.sort();
    statuses
}

fn next_change(engine: &Engine, case: &Case, now: Timestamp) -> Option<Timestamp> {
    engine.judge(&case.evidence(), now).next_change
}

const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// Evidence does not grow old here.
static PATIENT: LazyLock<Engine> =
    LazyLock::new(|| engine_with(|parameters| parameters.stale_after = SignedDuration::from_hours(10_000)));

#[test]
fn bounds_are_met_to_the_nanosecond() {
    let hanging = {
        let mut case = Case::good();
        case.session.status = SessionStatus::Terminating;
        case.log_stream = stream(true, at(290));
        case
    };
    let limited = {
        let mut case = Case::good();
        case.session.max_duration_minutes = Some(60);
        case
    };
    let unarchived = {
        let mut case = Case::ended();
        case.archive = archive(false, at(3_600 + 880));
        case
    };
    let gone_stale = {
        let mut case = Case::good();
        case.tags = tags(&[], at(200));
        case
    };
    let of = |rule: &str| only(&[rule], |_| ());
    let (tim_02, sta_01, log_07) = (of("TIM-02"), of("STA-01"), of("LOG-07"));
    let cases = [
        ("TIM-02 by age", &tim_02, Case::good(), at(300), at(43_201), Compliant, NonCompliant),
        ("TIM-02 by its own maximum", &tim_02, limited, at(300), at(3_721), Compliant, NonCompliant),
        ("STA-01", &sta_01, hanging, at(295), at(302), Compliant, NonCompliant),
        ("LOG-07", &log_07, unarchived, at(4_480), at(4_501), InsufficientData, NonCompliant),
        ("staleness", engine(), gone_stale, at(300), at(380), Compliant, InsufficientData),
    ];
    for (name, engine, case, now, bound, before, after) in cases {
        assert_eq!(next_change(engine, &case, now), Some(bound), "{name}");
        let just_before = bound - NANOSECOND;
        assert_eq!(statuses(engine, &case, just_before), statuses(engine, &case, now), "{name}");
        assert_eq!(engine.judge(&case.evidence(), just_before).judgement.verdict(), before, "{name}");
        assert_eq!(engine.judge(&case.evidence(), bound).judgement.verdict(), after, "{name}");
        assert_eq!(next_change(engine, &case, just_before), Some(bound), "{name}");
        assert!(next_change(engine, &case, bound).is_none_or(|next| next > bound), "{name}");
    }
}

#[test]
fn what_is_over_never_changes_by_itself() {
    assert_eq!(next_change(engine(), &Case::ended(), at(5_000)), None);
    let mut unarchived = Case::ended();
    unarchived.archive = archive(false, at(9_000));
    assert_eq!(next_change(engine(), &unarchived, at(9_001)), None);
}

#[test]
fn users_bounds_are_found_in_their_policies() {
    let rule = |condition: &str| {
        let text = format!(
            "@id(\"X-01\") @severity(\"LOW\") @title(\"t\") @remediation(\"r\")\nforbid (principal, action, resource) when {{ {condition} }};"
        );
        let parameters = Parameters { stale_after: SignedDuration::from_hours(10_000), ..Parameters::default() };
        Engine::new(parameters, vec![("own.cedar".into(), text)]).unwrap()
    };
    let cases = [
        ("context.age_seconds > 400", 401),
        ("context.age_seconds >= 400", 400),
        ("400 < context.age_seconds", 401),
        ("context.age_seconds < 400", 400),
        ("context.age_seconds == 400", 400),
        ("context.age_seconds != 300", 301),
        ("context.age_seconds > 2 * context.parameters.silent_grace_seconds + 100 - 1", 340),
        ("context.age_seconds > -(-400)", 401),
        ("context.age_seconds > context.log_stream_sought_at_age_seconds + 20", 311),
        // Not of the form that is understood: looked at again each second.
        ("context.age_seconds - 100 > 400", 301),
        ("[400].contains(context.age_seconds)", 301),
    ];
    for (condition, seconds) in cases {
        assert_eq!(next_change(&rule(condition), &Case::good(), at(300)), Some(at(seconds)), "{condition}");
    }
}

#[test]
fn a_start_in_the_future_is_a_negative_age() {
    // Clocks disagree: the session starts half a second from now.
    let text = "@id(\"X-01\") @severity(\"LOW\") @title(\"t\") @remediation(\"r\")
        forbid (principal, action, resource) when { context.age_seconds < 0 };";
    let engine = Engine::new(Parameters::default(), vec![("own.cedar".into(), text.into())]).unwrap();
    let now = at(0) - SignedDuration::from_millis(500);
    let case = Case::good().seen(now);
    assert_verdict(&engine, &case, now, "X-01", NonCompliant);
    assert_eq!(next_change(&engine, &case, now), Some(at(0)));
    assert_verdict(&engine, &case, at(0) - NANOSECOND, "X-01", NonCompliant);
    assert_verdict(&engine, &case, at(0), "X-01", Compliant);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_changes_before_the_next_change((case, now) in cases(), share in 0.0_f64..1.0, patient in any::<bool>()) {
        let engine = if patient { &*PATIENT } else { engine() };
        let before = statuses(engine, &case, now);
        let next = next_change(engine, &case, now);
        let horizon = next.unwrap_or(now + SignedDuration::from_hours(24 * 30));
        prop_assert!(horizon > now);
        let between = horizon.duration_since(now);
        let part = now + SignedDuration::from_secs_f64(between.as_secs_f64() * share);
        for then in [part.min(horizon - NANOSECOND), horizon - NANOSECOND] {
            prop_assert_eq!(&statuses(engine, &case, then), &before, "at {} before {:?}", then, next);
        }
    }
}
