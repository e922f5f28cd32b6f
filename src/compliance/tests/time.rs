//! Time alone changes a verdict when the engine says so, and not before.

use proptest::prelude::*;

use super::{
    missing::{DEMANDING, cases},
    table::carries,
    *,
};
use crate::compliance::{AccountEvidence, AllowedHours, NodeEvidence, PreferencesEvidence};

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
    let quiet = Case::good();
    let just_in_time = {
        let mut case = Case::good();
        case.session.access = Some(AccessType::JustInTime);
        case
    };
    let approved = {
        let mut case = Case::good();
        carries(&mut case, 250);
        case
    };
    let long = {
        let mut case = Case::ended().seen(at(36_000));
        case.session.ended_at = Some(at(36_000));
        case.archive = archive(false, at(39_590));
        case
    };
    let of = |rule: &str| only(&[rule], |_| ());
    let (tim_02, tim_03, sta_01) = (of("TIM-02"), of("TIM-03"), of("STA-01"));
    let (log_02, log_07, log_09, apr_05) = (of("LOG-02"), of("LOG-07"), of("LOG-09"), of("APR-05"));
    let apr_02 = only(&["APR-02"], |parameters| parameters.approval_required = true);
    let fresh = |rule| only(&[rule], |parameters| parameters.stale_after = SignedDuration::from_secs(180));
    let (log_01, con_01) = (fresh("LOG-01"), fresh("CON-01"));
    let cases = [
        ("TIM-02 by age", &tim_02, Case::good(), at(300), at(43_201), Compliant, NonCompliant),
        ("TIM-02 by its own maximum", &tim_02, limited, at(300), at(3_721), Compliant, NonCompliant),
        ("TIM-03", &tim_03, quiet.clone(), at(300), at(285 + 1_321), Compliant, NonCompliant),
        ("STA-01", &sta_01, hanging, at(295), at(302), Compliant, NonCompliant),
        ("LOG-02 stalls", &log_02, quiet.clone(), at(300), at(285 + 301), Compliant, NonCompliant),
        ("LOG-02 is idle", &log_02, quiet, at(600), at(285 + 1_201), NonCompliant, Compliant),
        ("LOG-07", &log_07, unarchived.clone(), at(4_480), at(4_501), InsufficientData, NonCompliant),
        ("LOG-07 of a long session", &log_07, long.clone(), at(39_595), at(39_601), InsufficientData, NonCompliant),
        ("LOG-09", &log_09, unarchived, at(4_480), at(4_501), InsufficientData, NonCompliant),
        ("LOG-09 of a long session", &log_09, long, at(39_595), at(39_601), InsufficientData, NonCompliant),
        ("APR-02", &apr_02, approved, at(300), at(250 + 601), Compliant, NonCompliant),
        ("APR-05", &apr_05, just_in_time, at(300), at(3_601), Compliant, NonCompliant),
        ("staleness", engine(), gone_stale, at(300), at(380), Compliant, InsufficientData),
        // A look is of its time: that it is young or silent changes with the next look, else it grows old.
        ("LOG-01", &log_01, Case::good(), at(300), at(470), Compliant, InsufficientData),
        ("CON-01", &con_01, Case::good(), at(300), at(470), Compliant, InsufficientData),
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
fn what_a_session_was_started_with_never_changes_by_itself() {
    let zone = jiff::tz::TimeZone::UTC;
    let days = vec![jiff::civil::Weekday::Friday];
    let hours = AllowedHours { from: jiff::civil::time(8, 0, 0, 0), to: jiff::civil::time(9, 1, 0, 0), days, zone };
    let engine = only(&["TIM-01"], |parameters| parameters.allowed_hours = Some(hours));
    assert_eq!(next_change(&engine, &Case::good(), at(300)), None);
    // What counts is the start: 09:01 is over.
    assert_verdict(&engine, &Case::good(), at(300), "TIM-01", Compliant);
}

#[test]
fn log_01_changes_with_looks_not_with_the_clock() {
    let engine = only(&["LOG-01"], |_| ());
    for (looked, verdict) in
        [(15, InsufficientData), (16, InsufficientData), (120, InsufficientData), (121, NonCompliant)]
    {
        let mut case = Case::good();
        // Whole seconds: the last nanosecond of one belongs to it.
        case.log_stream = stream(false, at(looked + 1) - NANOSECOND);
        let judged = engine.judge(&case.evidence(), at(300));
        assert_eq!(judged.judgement.verdict(), verdict, "looked for at {looked} s");
        let grows_old = after_hours(case.log_stream.at().unwrap().min(case.listed_at));
        assert_eq!(judged.next_change, Some(grows_old));
    }
}

fn after_hours(moment: Timestamp) -> Timestamp {
    moment + SignedDuration::from_hours(10_000)
}

#[test]
fn counts_change_when_something_leaves_them() {
    let con_01 = only(&["CON-01"], |_| ());
    let mut case = Case::good();
    case.concurrency = Concurrency { sessions: 1, nodes: 3, until: Some(at(500)), uncounted: None };
    assert_eq!(next_change(&con_01, &case, at(300)), Some(at(500)));
    assert_eq!(next_change(&con_01, &case, at(500) - NANOSECOND), Some(at(500)));
    let account = crate::domain::AccountId::from(ACCOUNT);
    let counted = |until| AccountEvidence { account: &account, terminated: 10, until };
    for until in [None, Some(at(500))] {
        let judged = engine().judge_account(&counted(until), at(300));
        assert_eq!((judged.judgement.verdict(), judged.next_change), (NonCompliant, until));
    }
}

#[test]
fn nodes_and_preferences_change_when_what_was_read_grows_old() {
    let (id, scope) = (crate::domain::NodeId::from("i-0123456789abcdef0"), ScopeId::new(ACCOUNT, REGION));
    let case = Case::good();
    let node = NodeEvidence {
        id: &id,
        scope: &scope,
        node: &case.node,
        tags: &case.tags,
        active_sessions: 1,
        port_sessions: Some(0),
        listed_at: Some(at(295)),
    };
    let bound = at(470);
    let judge = |now| engine().judge_node(&node, now);
    assert_eq!((judge(at(300)).judgement.verdict(), judge(at(300)).next_change), (Compliant, Some(bound)));
    assert_eq!(judge(bound - NANOSECOND).judgement.verdict(), Compliant);
    assert_eq!(judge(bound).judgement.verdict(), InsufficientData);
    let preferences = PreferencesEvidence {
        scope: &scope,
        document: &case.preferences,
        latest: &case.preferences,
        standing: &case.standing,
        log_group: None,
    };
    let judge = |now| engine().judge_preferences(&preferences, now);
    assert_eq!((judge(at(300)).judgement.verdict(), judge(at(300)).next_change), (NonCompliant, Some(bound)));
    assert_eq!(judge(bound - NANOSECOND).judgement.verdict(), NonCompliant);
    assert_eq!(judge(bound).judgement.verdict(), InsufficientData);
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
    fn nothing_changes_before_the_next_change((case, now) in cases(), share in 0.0_f64..1.0, which in 0..3) {
        let engine = match which {
            0 => &*PATIENT,
            1 => &*DEMANDING,
            _ => engine(),
        };
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
