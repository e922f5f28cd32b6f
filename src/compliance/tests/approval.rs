//! Rules on whether somebody agreed to the session.

use super::{table::*, *};
use crate::compliance::just_in_time::JitPolicies;

/// Seen at 1,000 s, when CloudTrail has told all of the start.
fn carrying(set_at: i64, bend: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::good().seen(at(1_000));
    carries(&mut case, set_at);
    bend(&mut case);
    case
}

fn jit(case: Case) -> Case {
    Case { session: Session { access: Some(AccessType::JustInTime), ..case.session.clone() }, ..case }
}

fn of_tag(value: &str, case: Case) -> Case {
    Case { tags: tags(&[("Environment", value)], at(290)), ..case }
}

pub fn jit_policies() -> Arc<JitPolicies> {
    let text = r#"permit (principal, action == AWS::SSM::Action::"getTokenForInstanceAccess", resource)
        when { resource.hasTag("Environment") && resource.getTag("Environment") == "Prod" };"#;
    Arc::new(JitPolicies::parse(&[("jit.cedar".to_owned(), text.to_owned())]).unwrap())
}

pub fn table() -> Vec<Row> {
    let demanding = with(|parameters| parameters.approval_required = true);
    let covering = with(|parameters| parameters.jit_policies = Some(jit_policies()));
    let untagged = |case: &mut Case| case.principal_tags = tags(&[], at(1_000)).map_known();
    let elsewhere = |case: &mut Case| {
        case.tag_changes[0].set.insert("SecurityAllowSessionInstance".into(), "i-666".into());
    };
    let removed = carrying(-300, |case| {
        let set = case.tag_changes[0].clone();
        let removed = vec!["SecurityAllowSessionInstance".to_owned()];
        case.tag_changes.push(TagChange { at: at(-10), set: BTreeMap::new(), removed, ..set });
    });
    let production = |set_at| carrying(set_at, |case| case.tags = tags(&[("Environment", "Prod")], at(1_000)));
    let soon = {
        let mut case = Case::good();
        carries(&mut case, 10);
        case
    };
    vec![
        row_with(&demanding, "APR-01", "approved a minute before", &carrying(-60, |_| ()), GOOD),
        row_with(&demanding, "APR-01", "approved when the start was, gone by now", &carrying(-60, untagged), GOOD),
        row_with(&demanding, "APR-01", "approved just in time", &carrying(-600, |_| ()), GOOD),
        row_with(&demanding, "APR-01", "approved too long before", &carrying(-601, |_| ()), BAD),
        row_with(&demanding, "APR-01", "approved afterwards", &carrying(10, |_| ()), BAD),
        row_with(&demanding, "APR-01", "approved for another node", &carrying(-60, elsewhere), BAD),
        row_with(&demanding, "APR-01", "taken back before the start", &removed, BAD),
        row_with(
            &demanding,
            "APR-01",
            "somebody else's approval",
            &carrying(-60, |case| case.tag_changes[0].principal = "Dev".into()),
            BAD,
        ),
        row_with(
            &demanding,
            "APR-01",
            "root carries no tags",
            &{
                let mut case = carrying(-60, |_| ());
                case.session.owner = "arn:aws:iam::111122223333:root".into();
                case
            },
            BAD,
        ),
        row_with(
            &demanding,
            "APR-01",
            "CloudTrail may be late",
            &soon,
            lacks("approved_at_start: pending: CloudTrail may not have recorded the approval yet"),
        ),
        row_with(
            &demanding,
            "APR-01",
            "not asked",
            &carrying(-60, |case| case.tag_changes_read = Fact::not_read()),
            lacks("approved_at_start: not read yet"),
        ),
        row("APR-01", "not demanded", &carrying(10, |_| ()), SILENT),
        row_with(&demanding, "APR-02", "no tag", &carrying(-60, untagged), GOOD),
        row_with(&demanding, "APR-02", "a young tag", &carrying(400, |_| ()), GOOD),
        row_with(&demanding, "APR-02", "an old tag", &carrying(399, |_| ()), BAD),
        row_with(
            &demanding,
            "APR-02",
            "tags not read",
            &carrying(400, |case| case.principal_tags = Fact::not_read()),
            lacks("approval_tag_present: not read yet"),
        ),
        // It may be so young that CloudTrail does not tell of it yet.
        row_with(
            &demanding,
            "APR-02",
            "no record of the tag",
            &carrying(400, |case| case.tag_changes.clear()),
            lacks("approval_tag_seconds: pending: CloudTrail has no record of the tag yet"),
        ),
        row("APR-02", "not demanded", &carrying(399, |_| ()), SILENT),
        row_with(&covering, "APR-04", "a node of no policy", &Case::good(), GOOD),
        row_with(&covering, "APR-04", "a covered node", &of_tag("Prod", Case::good()), BAD),
        row_with(&covering, "APR-04", "just in time", &jit(of_tag("Prod", Case::good())), SILENT),
        row_with(
            &covering,
            "APR-04",
            "tags not read",
            &good(|case| case.tags = Fact::not_read()),
            lacks("jit_covered: not read yet"),
        ),
        row("APR-04", "no policies", &of_tag("Prod", Case::good()), SILENT),
        row("APR-05", "within the window", &jit(Case::good().seen(at(3_600))), GOOD),
        row("APR-05", "after the window", &jit(Case::good().seen(at(3_601))), BAD),
        row(
            "APR-05",
            "started nobody knows when",
            &jit(good(|case| case.session.started_at = None)),
            lacks("age_seconds: pending: AWS has not sent StartDate"),
        ),
        row("APR-05", "standard access", &Case::good().seen(at(3_601)), SILENT),
        row("APR-05", "ended", &jit(Case::ended()), SILENT),
        row("TAG-01", "a test node", &Case::good(), GOOD),
        row("TAG-01", "production", &of_tag("Prod", Case::good()), BAD),
        row("TAG-01", "production on a hybrid node", &of_tag("prod", Case::hybrid()), BAD),
        row("TAG-01", "production, just in time", &jit(of_tag("Prod", Case::good())), GOOD),
        row_with(&demanding, "TAG-01", "production, approved", &production(-60), GOOD),
        row_with(&demanding, "TAG-01", "production, approved afterwards", &production(10), BAD),
        row("TAG-01", "production, a tag that nobody demands", &production(-60), BAD),
        row(
            "TAG-01",
            "tags not read",
            &good(|case| case.tags = Fact::not_read()),
            lacks("production_tag: not read yet"),
        ),
    ]
}

/// Tags as those of a principal that exists.
trait Existing {
    fn map_known(self) -> Fact<Option<NodeTags>>;
}

impl Existing for Fact<NodeTags> {
    fn map_known(self) -> Fact<Option<NodeTags>> {
        match self {
            Self::Known { value, at, .. } => Fact::known(Some(value), "iam:GetRole", at),
            Self::Missing(missing) => Fact::Missing(missing),
        }
    }
}

#[test]
fn approvals_are_judged_by_what_was_recorded() {
    check(table());
}
