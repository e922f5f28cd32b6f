//! Listings of buckets and objects.

use std::ops::Bound;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{NAMESPACE, document, readable, text};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome},
    services::page_token,
    wire::xml::Xml,
    world::{World, organization::stable_hash},
};

/// Keys and common prefixes of a page at most.
const MOST_KEYS: i64 = 1000;
/// What `encoding-type=url` leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// A time in the form of S3's documents.
pub(super) fn iso(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// The canonical user id of an account.
pub(super) fn canonical_id(account: &str) -> String {
    (0..4).map(|part| format!("{:016x}", stable_hash(&["canonical", account, &part.to_string()]))).collect()
}

pub(super) fn buckets(world: &mut World, call: &Call) -> Outcome {
    let account = &call.caller.account;
    let mut xml = Xml::with_declaration();
    xml.open("ListAllMyBucketsResult", NAMESPACE).open("Owner", "").leaf("ID", &canonical_id(account)).close("Owner");
    xml.open("Buckets", "");
    let prefix = text(call, "Prefix").unwrap_or_default();
    for (name, bucket) in &world.buckets {
        if bucket.account != *account || !name.starts_with(prefix) {
            continue;
        }
        xml.open("Bucket", "").leaf("Name", name).leaf("CreationDate", &iso(bucket.created));
        xml.leaf("BucketRegion", &bucket.region).close("Bucket");
    }
    xml.close("Buckets").close("ListAllMyBucketsResult");
    Ok(document(xml))
}

fn invalid_argument(message: &str) -> AwsError {
    AwsError::client("InvalidArgument", message)
}

/// ListObjectsV2, and ListObjects with its markers.
pub(super) fn objects(world: &mut World, call: &Call, second: bool) -> Outcome {
    let bucket = readable(world, call)?;
    let name = super::bucket_name(call);
    let prefix = text(call, "Prefix").unwrap_or_default();
    let delimiter = text(call, "Delimiter").unwrap_or_default();
    let most: i64 = match text(call, "MaxKeys") {
        None => MOST_KEYS,
        Some(number) => {
            number.parse().ok().filter(|number| (0..=i64::from(i32::MAX)).contains(number)).ok_or_else(|| {
                invalid_argument("Argument maxKeys must be an integer between 0 and 2147483647")
                    .with_detail("ArgumentName", "maxKeys")
                    .with_detail("ArgumentValue", number)
            })?
        }
    };
    let limit = usize::try_from(most.min(MOST_KEYS)).unwrap_or(0);
    let encode = match text(call, "EncodingType") {
        None => false,
        Some("url") => true,
        Some(other) => {
            return Err(invalid_argument("Invalid Encoding Method specified in Request")
                .with_detail("ArgumentName", "encoding-type")
                .with_detail("ArgumentValue", other));
        }
    };
    let shown = |key: &str| if encode { utf8_percent_encode(key, ENCODED).to_string() } else { key.to_owned() };
    let question = ["ListObjectsV2", name, prefix, delimiter];
    let token = text(call, "ContinuationToken").filter(|_| second);
    let start_after = text(call, if second { "StartAfter" } else { "Marker" }).unwrap_or_default();
    let after = match token {
        Some(token) => page_token::decode(&question, token).ok_or_else(|| {
            invalid_argument("The continuation token provided is incorrect")
                .with_detail("ArgumentName", "continuation-token")
        })?,
        None => start_after.to_owned(),
    };
    // A page may end with a common prefix; everything below it is behind us then.
    let behind_prefix = !delimiter.is_empty() && after.ends_with(delimiter) && after.len() > prefix.len();
    let mut contents = Vec::new();
    let mut common: Vec<String> = Vec::new();
    let mut last = String::new();
    let mut truncated = false;
    for (key, object) in bucket.objects.range::<str, _>((Bound::Excluded(after.as_str()), Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(prefix) else { continue };
        if behind_prefix && key.starts_with(&after) {
            continue;
        }
        let group = (!delimiter.is_empty()).then(|| rest.find(delimiter)).flatten();
        let group = group.and_then(|at| key.get(..prefix.len() + at + delimiter.len()));
        if let Some(group) = group
            && common.last().is_some_and(|last| last == group)
        {
            continue;
        }
        if contents.len() + common.len() >= limit {
            truncated = limit > 0;
            break;
        }
        match group {
            Some(group) => {
                common.push(group.to_owned());
                last = group.to_owned();
            }
            None => {
                contents.push((key, object));
                last.clone_from(key);
            }
        }
    }
    let mut xml = Xml::with_declaration();
    xml.open("ListBucketResult", NAMESPACE).leaf("Name", name).leaf("Prefix", &shown(prefix));
    if second {
        if !start_after.is_empty() {
            xml.leaf("StartAfter", &shown(start_after));
        }
        if let Some(token) = token {
            xml.leaf("ContinuationToken", token);
        }
        if truncated {
            xml.leaf("NextContinuationToken", &page_token::encode(&question, &last));
        }
        xml.leaf("KeyCount", &(contents.len() + common.len()).to_string());
    } else {
        xml.leaf("Marker", &shown(start_after));
        if truncated && !delimiter.is_empty() {
            xml.leaf("NextMarker", &shown(&last));
        }
    }
    xml.leaf("MaxKeys", &most.min(MOST_KEYS).to_string());
    if !delimiter.is_empty() {
        xml.leaf("Delimiter", &shown(delimiter));
    }
    if encode {
        xml.leaf("EncodingType", "url");
    }
    xml.leaf("IsTruncated", if truncated { "true" } else { "false" });
    let with_owner = !second || text(call, "FetchOwner") == Some("true");
    for (key, object) in contents {
        xml.open("Contents", "").leaf("Key", &shown(key)).leaf("LastModified", &iso(object.modified));
        xml.leaf("ETag", object.etag()).leaf("Size", &object.body.len().to_string());
        if with_owner {
            xml.open("Owner", "").leaf("ID", &canonical_id(&bucket.account)).close("Owner");
        }
        xml.leaf("StorageClass", &object.properties.storage_class).close("Contents");
    }
    for group in &common {
        xml.open("CommonPrefixes", "").leaf("Prefix", &shown(group)).close("CommonPrefixes");
    }
    xml.close("ListBucketResult");
    Ok(document(xml))
}
