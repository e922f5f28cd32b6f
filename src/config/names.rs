//! Names that AWS and its users give: each is checked for its form where it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};

use super::value::{Template, checked};
use crate::domain::{AccountId, Region, ScopeId, Severity};

const ACCOUNT_WANTED: &str = "an account id in quotes, as \"111122223333\"";

/// Twelve digits, nothing else.
pub(super) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_account_id(text: &str) -> Result<AccountId, String> {
    if is_account_id(text) {
        Ok(AccountId::from(text))
    } else {
        Err(format!("`{text}` is not an account id; write its twelve digits, as \"111122223333\""))
    }
}

/// Whether the name has a region's form: `eu-central-1`, `us-gov-west-1`. New regions come, so there is no list.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    (2..=3).contains(&words.len())
        && words.iter().all(|word| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// One account id.
pub(super) fn account_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountId, D::Error> {
    checked(deserializer, ACCOUNT_WANTED, check_account_id)
}

/// A checked element of a list, so that an error stands at the element and not at the list.
macro_rules! element {
    ($name:ident, $inner:ty, $wanted:expr, $check:expr) => {
        struct $name($inner);
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                checked(deserializer, $wanted, $check).map(Self)
            }
        }
    };
}

element!(AccountElement, AccountId, ACCOUNT_WANTED, check_account_id);
element!(RegionElement, Region, "a region in quotes, as \"eu-central-1\"", |text: &str| {
    if is_region(text) {
        Ok(Region::from(text))
    } else {
        Err(format!("`{text}` is not a region; write for instance \"eu-central-1\""))
    }
});
element!(DocumentElement, String, "a document's name in quotes", |text: &str| {
    // docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartSession.html: a name or an ARN.
    if is_made_of(text, 3..=128, b"_-.:/") {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a document's name; write for instance \"SSM-SessionManagerRunShell\""))
    }
});
element!(SeverityElement, Severity, "a severity in quotes, as \"HIGH\"", parse_severity);

/// A list of account ids.
pub(super) fn account_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AccountId>, D::Error> {
    Ok(Vec::<AccountElement>::deserialize(deserializer)?.into_iter().map(|element| element.0).collect())
}

/// A list of document names, not empty.
pub(super) fn documents<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let documents: Vec<String> =
        Vec::<DocumentElement>::deserialize(deserializer)?.into_iter().map(|element| element.0).collect();
    if documents.is_empty() {
        return Err(D::Error::custom("no document, so every session would be against the rules; name at least one"));
    }
    Ok(documents)
}

/// A list of regions, not empty.
pub(super) fn regions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Region>, D::Error> {
    let regions: Vec<Region> =
        Vec::<RegionElement>::deserialize(deserializer)?.into_iter().map(|element| element.0).collect();
    if regions.is_empty() {
        return Err(D::Error::custom("no region; write at least one, as [\"eu-central-1\"]"));
    }
    Ok(regions)
}

/// A severity by its word, in any case.
///
/// # Errors
/// The words there are.
pub fn parse_severity(text: &str) -> Result<Severity, String> {
    Severity::ALL.into_iter().find(|severity| severity.word().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let nearest = super::error::nearest(&text.to_uppercase(), Severity::ALL.iter().map(|severity| severity.word()));
        match nearest {
            Some(word) => format!("unknown severity `{text}`, did you mean `{word}`?"),
            None => format!("unknown severity `{text}`; there are CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL"),
        }
    })
}

/// A severity.
pub(super) fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
    SeverityElement::deserialize(deserializer).map(|element| element.0)
}

/// Severities by rule.
pub(super) fn severities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Severity>, D::Error> {
    let map = BTreeMap::<String, SeverityElement>::deserialize(deserializer)?;
    Ok(map.into_iter().map(|(rule, element)| (rule, element.0)).collect())
}

/// The six parts of an ARN, if it is one.
pub(super) fn arn_parts(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let [scheme, partition, ..] = parts;
    (scheme == "arn" && partition.starts_with("aws")).then_some(parts)
}

/// The characters that IAM allows in a role's name.
fn is_role_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
}

/// An ARN of an IAM role.
pub(super) fn role_arn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = arn_parts(&text).is_some_and(|[_, _, service, region, account, resource]| {
        let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
        service == "iam" && region.is_empty() && is_account_id(account) && name.is_some_and(is_role_name)
    });
    if fits {
        Ok(Some(text))
    } else {
        Err(D::Error::custom(format!(
            "`{text}` is not a role's ARN; write for instance \"arn:aws:iam::111122223333:role/ssmwatch\""
        )))
    }
}

/// A role's name, without a path.
pub(super) fn role_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_role_name(&text) {
        Ok(text)
    } else {
        Err(D::Error::custom(format!("`{text}` is not a role's name; write the name alone, as \"ssmwatch\"")))
    }
}

/// An external id: 2 to 1224 characters (docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
pub(super) fn external_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = (2..=1224).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte));
    if fits {
        Ok(Some(text))
    } else {
        Err(D::Error::custom("not an external id; it has 2 to 1224 letters, digits and _+=,.@:/-"))
    }
}

/// An ARN of an SNS topic, with placeholders.
pub(super) fn topic<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Template>, D::Error> {
    let template = Template::deserialize(deserializer)?;
    let example = template.fill(&ScopeId::new("111122223333", "eu-central-1"));
    let fits = arn_parts(&example).is_some_and(|[_, _, service, region, account, name]| {
        service == "sns"
            && is_region(region)
            && is_account_id(account)
            && (1..=256).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    });
    if fits {
        Ok(Some(template))
    } else {
        Err(D::Error::custom(format!(
            "`{}` is not a topic's ARN; write for instance \"arn:aws:sns:{{region}}:{{account}}:SessionAlerts\"",
            template.as_str()
        )))
    }
}

/// A template whose filled form has to fit; `wanted` says what to write.
fn fitting<'de, D: Deserializer<'de>>(
    deserializer: D,
    wanted: &'static str,
    fits: impl Fn(&str) -> bool,
) -> Result<Template, D::Error> {
    checked(deserializer, "a name in quotes", |text| {
        let template = Template::parse(text)?;
        if fits(&template.fill(&ScopeId::new("111122223333", "eu-central-1"))) {
            Ok(template)
        } else {
            Err(format!("`{text}` {wanted}"))
        }
    })
}

/// Whether the text has so many characters, all of them letters, digits or one of `signs`.
fn is_made_of(text: &str, length: std::ops::RangeInclusive<usize>, signs: &[u8]) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(&byte))
}

/// Name or ARN of a managed policy (docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html).
pub(super) fn managed_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Template, D::Error> {
    let wanted = "is neither the name nor the ARN of a managed policy; \
                  write for instance \"guardrails-{region}\" or \"arn:aws:iam::{account}:policy/guardrails-{region}\"";
    let is_name = |name: &str| is_made_of(name, 1..=128, b"+=,.@_-");
    fitting(deserializer, wanted, |text| match arn_parts(text) {
        Some([_, _, service, region, account, resource]) => {
            service == "iam"
                && region.is_empty()
                && (is_account_id(account) || account == "aws")
                && resource.strip_prefix("policy/").and_then(|path| path.rsplit('/').next()).is_some_and(is_name)
        }
        None => is_name(text),
    })
}

/// A bucket's name (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
pub(super) fn bucket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Template>, D::Error> {
    let wanted = "is not a bucket's name; it has 3 to 63 lower-case letters, digits, dots and hyphens";
    let fits = |text: &str| is_made_of(text, 3..=63, b".-") && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    fitting(deserializer, wanted, fits).map(Some)
}

/// A log group's name (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html).
pub(super) fn log_group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Template>, D::Error> {
    let wanted = "is not a log group's name; it has 1 to 512 letters, digits and _ - / . #";
    fitting(deserializer, wanted, |text| is_made_of(text, 1..=512, b"_-/.#")).map(Some)
}

/// A CloudWatch namespace (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html).
pub(super) fn metric_namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = (1..=255).contains(&text.len())
        && !text.starts_with(':')
        && !text.starts_with("AWS/")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte));
    if fits {
        Ok(text)
    } else {
        Err(D::Error::custom(format!(
            "`{text}` is not a metric namespace; use letters, digits and . - _ / # :, and do not begin with AWS/"
        )))
    }
}

/// A count that cannot be nothing.
pub(super) fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("`0` is too small; the least is 1")),
        count => Ok(count),
    }
}
