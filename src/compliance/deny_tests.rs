#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

const BUCKET: &str = "arn:aws:s3:::central-logs/*";
const GROUP: &str = "arn:aws:logs:eu-west-1:111122223333:log-group:ssm";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/k";

fn document(kind: PolicyKind, text: impl ToString) -> PolicyDocument {
    PolicyDocument { kind, name: "p".into(), version: None, text: text.to_string().into() }
}

fn logging() -> Needs {
    Needs::logging(&[BUCKET, GROUP, KEY].map(str::to_owned))
}

/// The analysis of one inline policy of one statement.
fn of(statement: Value) -> DenyAnalysis {
    let text = json!({ "Version": "2012-10-17", "Statement": statement });
    DenyAnalysis::of(&[document(PolicyKind::Inline, text)], &logging())
}

fn denied(analysis: &DenyAnalysis) -> Vec<&'static str> {
    assert_eq!(analysis.unreadable, []);
    analysis.denied.iter().map(|denial| denial.action).collect()
}

#[test]
fn what_is_needed_has_its_services_arns() {
    let needs = logging();
    let of = |action: &str| needs.actions.iter().find(|(a, _)| *a == action).unwrap().1.clone();
    assert_eq!(of("s3:PutObject"), [BUCKET]);
    assert_eq!(of("s3:GetEncryptionConfiguration"), ["arn:aws:s3:::central-logs"]);
    assert_eq!(of("kms:Decrypt"), [KEY]);
    assert_eq!(of("logs:PutLogEvents"), [format!("{GROUP}:*")]);
    let bucket = Needs::logging(&["arn:aws:s3:::b".to_owned()]);
    assert_eq!(bucket.actions[0].1, ["arn:aws:s3:::b/*"]);
    assert_eq!(bucket.actions[2].1, Vec::<String>::new());
    assert_eq!(Needs::logging(&["*".to_owned()]).actions[5].1, ["*"]);
}

#[test]
fn a_deny_reaches_by_any_form() {
    let s3 = ["s3:PutObject", "s3:GetEncryptionConfiguration"];
    let cases: [(Value, &[&str]); 13] = [
        (json!([{ "Effect": "Deny", "Action": "*", "Resource": "*" }]), &LOGGING_ACTIONS),
        // One object, a fault of the reference guardrail, as are `*` and NotAction.
        (json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }), &LOGGING_ACTIONS),
        (json!({ "Effect": "Deny", "NotAction": "iam:*", "Resource": "*" }), &LOGGING_ACTIONS),
        (json!({ "Effect": "Deny", "NotAction": ["logs:*", "KMS:*"], "Resource": ["*"] }), &s3),
        (json!({ "Effect": "Deny", "Action": "S3:*", "Resource": "*" }), &s3),
        (json!({ "Effect": "Deny", "Action": "s3:put?bject", "Resource": "*" }), &s3[..1]),
        (json!({ "Effect": "Deny", "Action": "*:PutObject", "Resource": "*", "Condition": {} }), &s3[..1]),
        (json!({ "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::central-logs" }), &s3[1..]),
        (json!({ "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::Central-*" }), &[]),
        (json!({ "Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::central-logs*" }), &[]),
        (json!({ "Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::central-logs/a*" }), &s3),
        (
            json!({ "Effect": "Deny", "Action": "logs:PutLogEvents", "Resource": format!("{GROUP}:log-stream:*") }),
            &["logs:PutLogEvents"],
        ),
        (json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }), &[]),
    ];
    for (statement, wanted) in cases {
        assert_eq!(denied(&of(statement.clone())), wanted, "{statement}");
        assert_eq!(of(statement).undecided, []);
    }
}

#[test]
fn a_condition_or_a_variable_decides_nothing() {
    let tls = json!({ "Sid": "Tls", "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
        "Condition": { "Bool": { "aws:SecureTransport": "false" } } });
    let analysis = of(tls.clone());
    let condition = r#"{"Bool":{"aws:SecureTransport":"false"}}"#.to_owned();
    let undecided = |statement: &str, condition| Undecided {
        policy: "p".to_owned(),
        action: "s3:PutObject",
        statement: statement.to_owned(),
        condition,
    };
    assert_eq!((analysis.denied, analysis.undecided), (vec![], vec![undecided("Tls", condition)]));

    let own = json!({ "Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::${aws:PrincipalTag/b}/*" });
    let quoted = r#"{"Resource":"arn:aws:s3:::${aws:PrincipalTag/b}/*"}"#.to_owned();
    assert_eq!(of(own.clone()).undecided, [undecided("statement 1", quoted)]);
    let older = json!({ "Statement": own });
    let analysis = DenyAnalysis::of(&[document(PolicyKind::Attached, older)], &logging());
    assert_eq!(analysis, DenyAnalysis::default());

    // Certain wins, from whatever policy.
    let analysis = of(json!([tls, { "Effect": "Deny", "Action": "s3:P*", "Resource": "*" }]));
    assert_eq!((denied(&analysis), analysis.undecided), (vec!["s3:PutObject"], vec![]));
}

#[test]
fn a_boundary_denies_what_it_does_not_allow() {
    let boundary = |statement: Value| {
        let text = json!({ "Version": "2012-10-17", "Statement": statement });
        DenyAnalysis::of(&[document(PolicyKind::Boundary, text)], &logging())
    };
    let s3 = boundary(json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }));
    assert_eq!(denied(&s3), LOGGING_ACTIONS[2..]);
    assert!(s3.denied.iter().all(|denial| denial.statement == NOT_ALLOWED));
    let all = boundary(json!([
        { "Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::central-logs", BUCKET] },
        { "Effect": "Allow", "NotAction": ["s3:*", "iam:*"], "NotResource": "arn:aws:s3:::*" },
    ]));
    assert_eq!(all, DenyAnalysis::default());
    let part = boundary(json!([
        { "Effect": "Allow", "Action": "s3:Put*", "Resource": "arn:aws:s3:::central-logs/x/*" },
        { "Effect": "Allow", "NotAction": "s3:*", "Resource": "*", "Condition": { "Bool": { "a": "b" } } },
    ]));
    assert_eq!(denied(&part), ["s3:GetEncryptionConfiguration"]);
    assert_eq!(part.undecided.len(), 7);
    let elsewhere = boundary(json!([{ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::other/*" }]));
    assert_eq!(denied(&elsewhere), LOGGING_ACTIONS);
    // What cannot be read may be the Allow.
    let broken = boundary(json!([{ "Effect": "allow", "Action": "*", "Resource": "*" }]));
    assert_eq!((broken.denied, broken.undecided, broken.unreadable.len()), (vec![], vec![], 1));
}

#[test]
fn nothing_unreadable_passes() {
    for (text, why) in [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no Statement"),
        (r#"{"Statement":"x"}"#, "neither an object nor a list"),
        (r#"{"Version":"2020-01-01","Statement":[]}"#, "unknown Version"),
        (r#"{"Statement":[1]}"#, "statement 1: not an object"),
        (r#"{"Statement":{"Effect":"deny","Action":"*","Resource":"*"}}"#, r#"unknown Effect "deny""#),
        (r#"{"Statement":{"Action":"*","Resource":"*"}}"#, "no Effect"),
        (r#"{"Statement":{"Effect":"Deny","Resource":"*"}}"#, "neither Action nor NotAction"),
        (r#"{"Statement":{"Effect":"Deny","Action":"*"}}"#, "neither Resource nor NotResource"),
        (r#"{"Statement":{"Effect":"Deny","Action":"*","NotAction":"*","Resource":"*"}}"#, "both Action and NotAction"),
        (r#"{"Statement":{"Effect":"Deny","Action":[1],"Resource":"*"}}"#, "no list of texts"),
        (r#"{"Statement":{"Effect":"Deny","Action":[],"Resource":"*"}}"#, "no list of texts"),
        (
            r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":"x"}}"#,
            "Condition is not an object",
        ),
        (r#"{"Statement":{"Effect":"Deny","Action":"*","resource":"*"}}"#, "unknown element"),
    ] {
        let analysis = DenyAnalysis::of(&[document(PolicyKind::Inline, text)], &logging());
        assert_eq!(analysis.denied, [], "{text}");
        assert!(
            analysis.unreadable.iter().any(|(name, said)| name == "p" && said.contains(why)),
            "{text} {analysis:?}"
        );
    }
    // The other statements count nevertheless.
    let analysis = of(json!([{ "Effect": "Deny" }, { "Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*" }]));
    assert_eq!((analysis.denied.len(), analysis.unreadable.len()), (1, 1));
    let long = " ".repeat(LONGEST_DOCUMENT + 1);
    assert_eq!(DenyAnalysis::of(&[document(PolicyKind::Inline, long)], &logging()).unreadable.len(), 1);
}

/// A small statement: patterns over two letters; `V` stands for a policy variable.
#[derive(Debug, Clone)]
struct Small {
    actions: Vec<&'static str>,
    other_actions: bool,
    resources: Vec<String>,
    other_resources: bool,
    condition: bool,
    denies: bool,
}

fn small() -> impl Strategy<Value = Small> {
    let action = prop::sample::select(vec!["*", "s3:*", "S3:Put*", "kms:Decrypt", "*:?ecrypt", "iam:*", "logs:*"]);
    (
        prop::collection::vec(action, 1..3),
        any::<bool>(),
        prop::collection::vec("[ab*?V]{0,3}", 1..3),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(actions, other_actions, resources, other_resources, condition, denies)| Small {
            actions,
            other_actions,
            resources,
            other_resources,
            condition,
            denies,
        })
}

fn has_form(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*' | 'V', rest @ ..], _) => {
            has_form(rest, text) || matches!(text, [_, behind @ ..] if has_form(pattern, behind))
        }
        (['?', rest @ ..], [_, behind @ ..]) => has_form(rest, behind),
        ([p, rest @ ..], [c, behind @ ..]) => p == c && has_form(rest, behind),
        _ => false,
    }
}

fn form(pattern: &str, text: &str) -> bool {
    has_form(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

impl Small {
    fn json(&self) -> Value {
        let resources: Vec<String> = self.resources.iter().map(|text| text.replace('V', "${aws:v}")).collect();
        let mut map = json!({ "Effect": if self.denies { "Deny" } else { "Allow" } });
        map[if self.other_actions { "NotAction" } else { "Action" }] = json!(self.actions);
        map[if self.other_resources { "NotResource" } else { "Resource" }] = json!(resources);
        if self.condition {
            map["Condition"] = json!({ "Bool": { "a": "true" } });
        }
        map
    }

    fn speaks_of(&self, action: &str) -> bool {
        let any = self.actions.iter().any(|pattern| form(&pattern.to_lowercase(), &action.to_lowercase()));
        any != self.other_actions
    }

    /// Whether the text is reached, with every variable being no text at all of interest, and being any text.
    fn reaches(&self, text: &str) -> (bool, bool) {
        let certain = self.resources.iter().any(|pattern| !pattern.contains('V') && form(pattern, text));
        let perhaps = self.resources.iter().any(|pattern| form(pattern, text));
        if self.other_resources { (!perhaps, !certain) } else { (certain, perhaps) }
    }
}

/// All texts of the needed pattern over two named letters and one that no pattern names.
fn texts(needed: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..6 {
        last = last.iter().flat_map(|text| ['a', 'b', 'z'].map(|c| format!("{text}{c}"))).collect();
        all.extend(last.iter().cloned());
    }
    all.retain(|text| form(needed, text));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn small_policies_agree_with_the_plain_reference(
        statements in prop::collection::vec(small(), 1..4), needed in "[ab*?]{0,3}", boundary in any::<bool>(),
    ) {
        let needs = Needs { actions: ["s3:PutObject", "kms:Decrypt"].map(|action| (action, vec![needed.clone()])).into() };
        let text = json!({ "Version": "2012-10-17", "Statement": statements.iter().map(Small::json).collect::<Vec<_>>() });
        let kind = if boundary { PolicyKind::Boundary } else { PolicyKind::Attached };
        let analysis = DenyAnalysis::of(&[document(kind, text)], &needs);
        prop_assert_eq!(&analysis.unreadable, &vec![]);
        let texts = texts(&needed);
        for (action, _) in &needs.actions {
            let speaking = || statements.iter().filter(|statement| statement.speaks_of(action));
            let denies = || speaking().filter(|statement| statement.denies);
            let allows = || speaking().filter(|statement| !statement.denies);
            let any = |statement: &Small, certain: bool| texts.iter().any(|text| {
                let reached = statement.reaches(text);
                if certain { reached.0 } else { reached.1 }
            });
            let lacks = boundary && !allows().any(|statement| any(statement, false));
            let denied = lacks || denies().any(|statement| !statement.condition && any(statement, true));
            let allowed = texts.iter().all(|text| allows().any(|s| !s.condition && s.reaches(text).0));
            let undecided = !denied && (denies().any(|statement| any(statement, false)) || (boundary && !allowed));
            prop_assert_eq!(analysis.denied.iter().any(|d| d.action == *action), denied, "{}", action);
            let told = analysis.undecided.iter().any(|u| u.action == *action);
            // Several NotResource statements, or those and lists, may allow all only together: that stays undecided.
            let together = boundary && !denied && allowed && allows().any(|s| s.other_resources);
            prop_assert!(told == undecided || (together && told), "{} {}", action, told);
        }
    }

    #[test]
    fn any_text_is_taken(text in "\\PC*|\\{\"Statement\":[\\[\\]{}\",:a]*\\}") {
        let analysis = DenyAnalysis::of(&[document(PolicyKind::Boundary, &text)], &logging());
        prop_assert!(!analysis.unreadable.is_empty() || text.contains("Statement"));
    }
}

#[test]
fn a_hostile_document_ends() {
    // Whether those cover everything is a hard question: the short texts are covered, and the long ones need a memory of
    // where every `a` was.
    let mut patterns: Vec<String> = (0..16).map(|n| "?".repeat(n)).collect();
    patterns.push(format!("*a{}", "?".repeat(15)));
    patterns.push(format!("*b{}*", "?".repeat(14)));
    let hard = json!({ "Effect": "Deny", "Action": "*", "NotResource": patterns });
    let text = json!({ "Statement": vec![hard; 100] }).to_string();
    assert!(text.len() < LONGEST_DOCUMENT);
    let analysis = DenyAnalysis::of(&[document(PolicyKind::Boundary, text)], &Needs::logging(&[]));
    assert_eq!(analysis.unreadable, []);
    assert_eq!(analysis.denied.len() + analysis.undecided.len(), 808);
}
