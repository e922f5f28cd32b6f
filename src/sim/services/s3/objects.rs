//! Objects: reading with ranges and conditions, writing, deleting.

use jiff::{Timestamp, fmt::rfc2822};

use super::{NAMESPACE, document, invalid_argument, listing, properties, readable, readable_by_name, text, writable};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::{value::Value, xml::Xml},
    world::{
        World,
        archive::{Object, Properties},
    },
};

/// Bytes of a key at most.
const MOST_KEY_BYTES: usize = 1024;

fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn parse_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

pub(super) fn no_key() -> AwsError {
    AwsError::client("NoSuchKey", "The specified key does not exist.").with_status(404)
}

fn failed_condition(header: &str) -> AwsError {
    AwsError::client("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        .with_status(412)
        .with_detail("Condition", header)
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
        Some(tags) if !names_tag(tags, object.etag()) => return Err(failed_condition("If-Match")),
        Some(_) => {}
        None => {
            if time("IfUnmodifiedSince").is_some_and(|limit| modified > limit) {
                return Err(failed_condition("If-Unmodified-Since"));
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
    let unsatisfiable = || {
        AwsError::client("InvalidRange", "The requested range is not satisfiable")
            .with_status(416)
            .with_detail("RangeRequested", header)
            .with_detail("ActualObjectSize", length)
    };
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

pub(super) fn get(world: &mut World, call: &Call, with_body: bool) -> Outcome {
    let bucket = readable(world, call)?;
    let key = text(call, "Key").unwrap_or_default();
    let object = bucket.objects.get(key).ok_or_else(no_key)?;
    if let Some(version) = text(call, "VersionId")
        && version != "null"
    {
        return Err(invalid_argument("Invalid version id specified", "versionId", version));
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
    // Archived objects would have to be restored first.
    if with_body && matches!(object.properties.storage_class.as_str(), "GLACIER" | "DEEP_ARCHIVE") {
        let message = "The operation is not valid for the object's storage class";
        return Err(AwsError::client("InvalidObjectState", message)
            .with_status(403)
            .with_detail("StorageClass", &object.properties.storage_class));
    }
    let content_type = text(call, "ResponseContentType").unwrap_or(&object.properties.content_type);
    headers.push(("content-type".into(), content_type.to_owned()));
    for (member, header) in [
        ("ResponseContentDisposition", "content-disposition"),
        ("ResponseContentEncoding", "content-encoding"),
        ("ResponseCacheControl", "cache-control"),
        ("ResponseContentLanguage", "content-language"),
        ("ResponseExpires", "expires"),
    ] {
        let kept = || {
            let found = object.properties.headers.iter().find(|(name, _)| *name == header);
            found.map(|(_, value)| value.as_str())
        };
        if let Some(value) = text(call, member).or_else(kept) {
            headers.push((header.into(), value.to_owned()));
        }
    }
    if object.properties.storage_class != "STANDARD" {
        headers.push(("x-amz-storage-class".into(), object.properties.storage_class.clone()));
    }
    headers.extend(properties::encryption_headers(bucket, &object.properties));
    headers
        .extend(object.properties.metadata.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone())));
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
        None => {
            if text(call, "ChecksumMode").is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED")) {
                headers.extend(properties::checksum_headers(properties::checksum(object)));
            }
            (200, &*object.body)
        }
    };
    headers.push(("content-length".into(), slice.len().to_string()));
    let body = if with_body { slice.to_vec() } else { Vec::new() };
    Ok(Reply::Http { status, headers, body })
}

/// Conditions that a writer sets on what is there already.
pub(super) fn check_write(call: &Call, existing: Option<&Object>) -> Result<(), AwsError> {
    match (text(call, "IfNoneMatch"), text(call, "IfMatch"), existing) {
        (Some(_), _, Some(_)) => Err(failed_condition("If-None-Match")),
        (_, Some(_), None) => Err(no_key()),
        (_, Some(tags), Some(object)) if !names_tag(tags, object.etag()) => Err(failed_condition("If-Match")),
        _ => Ok(()),
    }
}

/// The key that is written to.
pub(super) fn written_key(call: &Call) -> Result<&str, AwsError> {
    let key = text(call, "Key").unwrap_or_default();
    if key.len() > MOST_KEY_BYTES {
        return Err(AwsError::client("KeyTooLongError", "Your key is too long")
            .with_detail("Size", key.len())
            .with_detail("MaxSizeAllowed", MOST_KEY_BYTES));
    }
    Ok(key)
}

pub(super) fn put(world: &mut World, call: &Call) -> Outcome {
    let bucket = writable(world, call)?;
    let key = written_key(call)?;
    let properties = properties::of(call, bucket)?;
    check_write(call, bucket.objects.get(key))?;
    let body = match call.input.get("Body") {
        Some(Value::Blob(bytes)) => bytes.clone(),
        _ => Vec::new(),
    };
    let object = Object::with_properties(body, properties, call.now);
    if let Some(sent) = properties::sent_checksum(call) {
        // A new object has none yet.
        let _ = object.checksum.set(sent);
    }
    let mut headers = vec![("etag".to_owned(), object.etag().to_owned())];
    headers.extend(properties::checksum_headers(properties::checksum(&object)));
    headers.extend(properties::encryption_headers(bucket, &object.properties));
    bucket.objects.insert(key.to_owned(), object);
    Ok(Reply::Http { status: 200, headers, body: Vec::new() })
}

pub(super) fn copy(world: &mut World, call: &Call) -> Outcome {
    let source = text(call, "CopySource").unwrap_or_default();
    let (path, version) = source.split_once("?versionId=").unwrap_or((source, "null"));
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let Some((from, from_key)) = path.strip_prefix('/').unwrap_or(&path).split_once('/') else {
        let message = "Invalid copy source object key";
        return Err(invalid_argument(message, "x-amz-copy-source", source));
    };
    if version != "null" {
        return Err(invalid_argument("Invalid version id specified", "x-amz-copy-source", version));
    }
    let original = readable_by_name(world, call, from)?.objects.get(from_key).ok_or_else(no_key)?.clone();
    let bucket = writable(world, call)?;
    let key = written_key(call)?;
    let asked = properties::of(call, bucket)?;
    let replace = match text(call, "MetadataDirective") {
        None | Some("COPY") => false,
        Some("REPLACE") => true,
        Some(other) => {
            return Err(invalid_argument("Unknown metadata directive.", "x-amz-metadata-directive", other));
        }
    };
    let itself = from == text(call, "Bucket").unwrap_or_default() && from_key == key;
    let changed = replace || text(call, "StorageClass").is_some() || text(call, "ServerSideEncryption").is_some();
    if itself && !changed {
        return Err(AwsError::client(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
             metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let properties = if replace {
        asked
    } else {
        Properties { storage_class: asked.storage_class, encryption: asked.encryption, ..original.properties.clone() }
    };
    // A copy is written in one part, whatever its original was.
    let object = Object::with_properties(original.body.to_vec(), properties, call.now);
    let mut xml = Xml::with_declaration();
    xml.open("CopyObjectResult", NAMESPACE).leaf("LastModified", &listing::iso(object.modified));
    xml.leaf("ETag", object.etag()).close("CopyObjectResult");
    let encryption = properties::encryption_headers(bucket, &object.properties);
    bucket.objects.insert(key.to_owned(), object);
    Ok(with_headers(document(xml), encryption))
}

/// A reply with these headers too.
pub(super) fn with_headers(mut reply: Reply, more: Vec<(String, String)>) -> Reply {
    if let Reply::Http { headers, .. } = &mut reply {
        headers.extend(more);
    }
    reply
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
