//! Objects: reading with ranges and conditions, writing, deleting.

use jiff::{Timestamp, fmt::rfc2822};

use super::{readable, text, writable};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::value::Value,
    world::{
        World,
        archive::{Bucket, Object},
    },
};

fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn parse_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

fn no_key() -> AwsError {
    AwsError::client("NoSuchKey", "The specified key does not exist.").with_status(404)
}

fn failed_condition() -> AwsError {
    AwsError::client("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        .with_status(412)
}

/// Whether an entity tag is among those of a condition header.
fn names_tag(condition: &str, etag: &str) -> bool {
    condition
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag == etag.trim_matches('"'))
}

enum Conditions {
    Hold,
    NotModified,
}

fn check_conditions(call: &Call, object: &Object) -> Result<Conditions, AwsError> {
    // HTTP dates have whole seconds.
    let modified = object.modified.as_second();
    let time = |name: &str| text(call, name).and_then(parse_date).map(|time| time.as_second());
    match text(call, "IfMatch") {
        Some(tags) if !names_tag(tags, object.etag()) => return Err(failed_condition()),
        Some(_) => {}
        None => {
            if time("IfUnmodifiedSince").is_some_and(|limit| modified > limit) {
                return Err(failed_condition());
            }
        }
    }
    match text(call, "IfNoneMatch") {
        Some(tags) if names_tag(tags, object.etag()) => Ok(Conditions::NotModified),
        Some(_) => Ok(Conditions::Hold),
        None if time("IfModifiedSince").is_some_and(|limit| modified <= limit) => Ok(Conditions::NotModified),
        None => Ok(Conditions::Hold),
    }
}

/// First and last byte of a range that can be satisfied; none for a header that is to be ignored.
fn range(header: &str, length: usize) -> Result<Option<(usize, usize)>, AwsError> {
    let unsatisfiable = || AwsError::client("InvalidRange", "The requested range is not satisfiable").with_status(416);
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    if last.contains(',') {
        return Ok(None);
    }
    let (first, last) = (first.trim(), last.trim());
    let bounds = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, length.saturating_sub(1)),
        (Err(_), Ok(tail)) if first.is_empty() => {
            if tail == 0 || length == 0 {
                return Err(unsatisfiable());
            }
            (length.saturating_sub(tail), length - 1)
        }
        _ => return Ok(None),
    };
    if bounds.0 >= length { Err(unsatisfiable()) } else { Ok(Some(bounds)) }
}

fn encryption_headers(bucket: &Bucket) -> Vec<(String, String)> {
    let mut headers = vec![("x-amz-server-side-encryption".to_owned(), bucket.encryption.clone())];
    if bucket.encryption == "aws:kms"
        && let Some(key) = &bucket.kms_key
    {
        headers.push(("x-amz-server-side-encryption-aws-kms-key-id".into(), key.clone()));
        headers.push(("x-amz-server-side-encryption-bucket-key-enabled".into(), "true".into()));
    }
    headers
}

pub(super) fn get(world: &mut World, call: &Call, with_body: bool) -> Outcome {
    let bucket = readable(world, call)?;
    let key = text(call, "Key").unwrap_or_default();
    let object = bucket.objects.get(key).ok_or_else(no_key)?;
    if let Some(version) = text(call, "VersionId")
        && version != "null"
    {
        return Err(AwsError::client("InvalidArgument", "Invalid version id specified"));
    }
    let conditions = check_conditions(call, object)?;
    let mut headers = vec![
        ("last-modified".to_owned(), http_date(object.modified)),
        ("etag".into(), object.etag().to_owned()),
        ("accept-ranges".into(), "bytes".into()),
    ];
    if matches!(conditions, Conditions::NotModified) {
        return Ok(Reply::Http { status: 304, headers, body: Vec::new() });
    }
    let content_type = text(call, "ResponseContentType").unwrap_or(&object.content_type);
    headers.push(("content-type".into(), content_type.to_owned()));
    for (member, header) in [
        ("ResponseContentDisposition", "content-disposition"),
        ("ResponseContentEncoding", "content-encoding"),
        ("ResponseCacheControl", "cache-control"),
        ("ResponseContentLanguage", "content-language"),
        ("ResponseExpires", "expires"),
    ] {
        if let Some(value) = text(call, member) {
            headers.push((header.into(), value.to_owned()));
        }
    }
    headers.extend(encryption_headers(bucket));
    headers.extend(object.metadata.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone())));
    let length = object.body.len();
    let asked = match text(call, "Range") {
        Some(header) => range(header, length)?,
        None => None,
    };
    let (status, slice) = match asked {
        Some((first, last)) => {
            headers.push(("content-range".into(), format!("bytes {first}-{last}/{length}")));
            (206, object.body.get(first..=last).unwrap_or_default())
        }
        None => (200, &*object.body),
    };
    headers.push(("content-length".into(), slice.len().to_string()));
    let body = if with_body { slice.to_vec() } else { Vec::new() };
    Ok(Reply::Http { status, headers, body })
}

pub(super) fn put(world: &mut World, call: &Call) -> Outcome {
    let now = call.now;
    let bucket = writable(world, call)?;
    let key = text(call, "Key").unwrap_or_default();
    if key.len() > 1024 {
        return Err(AwsError::client("KeyTooLongError", "Your key is too long"));
    }
    let existing = bucket.objects.get(key);
    match (text(call, "IfNoneMatch"), text(call, "IfMatch"), existing) {
        (Some(_), _, Some(_)) => return Err(failed_condition()),
        (_, Some(_), None) => return Err(no_key()),
        (_, Some(tags), Some(object)) if !names_tag(tags, object.etag()) => return Err(failed_condition()),
        _ => {}
    }
    let body = match call.input.get("Body") {
        Some(Value::Blob(bytes)) => bytes.clone(),
        _ => Vec::new(),
    };
    let mut object = Object::new(body, text(call, "ContentType").unwrap_or("binary/octet-stream"), now);
    if let Some(Value::Map(metadata)) = call.input.get("Metadata") {
        for (name, value) in metadata {
            if let Value::Text(value) = value {
                object.metadata.insert(name.clone(), value.clone());
            }
        }
    }
    let mut headers = vec![("etag".to_owned(), object.etag().to_owned())];
    for (member, header) in [
        ("ChecksumCRC32", "x-amz-checksum-crc32"),
        ("ChecksumCRC32C", "x-amz-checksum-crc32c"),
        ("ChecksumCRC64NVME", "x-amz-checksum-crc64nvme"),
        ("ChecksumSHA1", "x-amz-checksum-sha1"),
        ("ChecksumSHA256", "x-amz-checksum-sha256"),
    ] {
        if let Some(sum) = text(call, member) {
            headers.push((header.into(), sum.to_owned()));
            headers.push(("x-amz-checksum-type".into(), "FULL_OBJECT".into()));
        }
    }
    headers.extend(encryption_headers(bucket));
    bucket.objects.insert(key.to_owned(), object);
    Ok(Reply::Http { status: 200, headers, body: Vec::new() })
}

pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let bucket = writable(world, call)?;
    bucket.objects.remove(text(call, "Key").unwrap_or_default());
    Ok(Reply::Http { status: 204, headers: Vec::new(), body: Vec::new() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object() {
        assert_eq!(range("bytes=0-4", 10).unwrap(), Some((0, 4)));
        assert_eq!(range("bytes=5-", 10).unwrap(), Some((5, 9)));
        assert_eq!(range("bytes=-3", 10).unwrap(), Some((7, 9)));
        assert_eq!(range("bytes=-30", 10).unwrap(), Some((0, 9)));
        assert_eq!(range("bytes=2-99", 10).unwrap(), Some((2, 9)));
        assert_eq!(range("lines=1-2", 10).unwrap(), None);
        assert_eq!(range("bytes=10-", 10).unwrap_err().status, 416);
        assert_eq!(range("bytes=0-0", 0).unwrap_err().code, "InvalidRange");
    }

    #[test]
    fn entity_tags_match_with_and_without_quotes() {
        assert!(names_tag("\"a\", \"b\"", "\"b\""));
        assert!(names_tag("b", "\"b\""));
        assert!(names_tag("*", "\"b\""));
        assert!(!names_tag("\"c\"", "\"b\""));
    }
}
