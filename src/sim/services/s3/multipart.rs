//! Uploads in parts.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use quick_xml::{Reader, events::Event};

use super::{NAMESPACE, document, invalid_argument, listing, objects, properties, readable, text, writable};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::{
        body::{self, hex},
        value::Value,
        xml::Xml,
    },
    world::{
        World,
        archive::{Bucket, Checksum, Object, Properties, Upload},
    },
};

/// The highest number of a part.
const LAST_PART: u32 = 10_000;
/// Bytes of every part but the last at least.
const LEAST_PART: usize = 5 * 1024 * 1024;
/// Bytes that uploads of a bucket may hold before they are complete: the memory of this program, no rule of S3.
const MOST_PENDING: usize = 1024 * 1024 * 1024;

fn no_upload(id: &str) -> AwsError {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    AwsError::client("NoSuchUpload", message).with_status(404).with_detail("UploadId", id)
}

fn upload_id(call: &Call) -> &str {
    text(call, "UploadId").unwrap_or_default()
}

/// The upload of the request, if it is one of that key.
fn upload<'a>(bucket: &'a Bucket, call: &Call) -> Result<&'a Upload, AwsError> {
    let id = upload_id(call);
    let key = text(call, "Key").unwrap_or_default();
    bucket.uploads.get(id).filter(|upload| upload.key == key).ok_or_else(|| no_upload(id))
}

pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let mut numbers = fastrand::Rng::with_seed(world.request_seed());
    let bucket = writable(world, call)?;
    let key = objects::written_key(call)?.to_owned();
    let properties = properties::of(call, bucket)?;
    let checksum = match text(call, "ChecksumAlgorithm") {
        None => None,
        Some(name) => {
            let algorithm = properties::algorithm(name).ok_or_else(|| {
                let message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                               [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
                AwsError::client("InvalidRequest", message)
            })?;
            let kind = match (text(call, "ChecksumType"), algorithm) {
                (None | Some("FULL_OBJECT"), "CRC64NVME") | (Some("FULL_OBJECT"), "CRC32" | "CRC32C") => "FULL_OBJECT",
                (None | Some("COMPOSITE"), "CRC32" | "CRC32C" | "SHA1" | "SHA256") => "COMPOSITE",
                (kind, algorithm) => {
                    let kind = kind.unwrap_or_default();
                    let message = format!(
                        "The {kind} checksum type cannot be used with the {} checksum algorithm.",
                        algorithm.to_ascii_lowercase()
                    );
                    return Err(AwsError::client("InvalidRequest", message));
                }
            };
            Some((algorithm, kind))
        }
    };
    let id: String = (0..96).map(|_| numbers.alphanumeric()).collect();
    let mut headers = properties::encryption_headers(bucket, &properties);
    if let Some((algorithm, kind)) = checksum {
        headers.push(("x-amz-checksum-algorithm".into(), algorithm.into()));
        headers.push(("x-amz-checksum-type".into(), kind.into()));
    }
    let mut xml = Xml::with_declaration();
    xml.open("InitiateMultipartUploadResult", NAMESPACE).leaf("Bucket", super::bucket_name(call)).leaf("Key", &key);
    xml.leaf("UploadId", &id).close("InitiateMultipartUploadResult");
    let upload = Upload { key, begun: call.now, properties, checksum, parts: Default::default() };
    bucket.uploads.insert(id, upload);
    Ok(objects::with_headers(document(xml), headers))
}

pub(super) fn upload_part(world: &mut World, call: &Call) -> Outcome {
    let bucket = writable(world, call)?;
    let number = text(call, "PartNumber").unwrap_or_default();
    let number: u32 = number.parse().ok().filter(|number| (1..=LAST_PART).contains(number)).ok_or_else(|| {
        let message = format!("Part number must be an integer between 1 and {LAST_PART}, inclusive");
        invalid_argument(&message, "partNumber", number)
    })?;
    upload(bucket, call)?;
    let body = match call.input.get("Body") {
        Some(Value::Blob(bytes)) => bytes.clone(),
        _ => Vec::new(),
    };
    let parts = bucket.uploads.values().flat_map(|upload| upload.parts.values());
    let pending: usize = parts.map(|part| part.body.len()).sum();
    if pending + body.len() > MOST_PENDING {
        let message = "Your proposed upload exceeds the maximum allowed size";
        return Err(AwsError::client("EntityTooLarge", message)
            .with_detail("ProposedSize", pending + body.len())
            .with_detail("MaxSizeAllowed", MOST_PENDING));
    }
    let part = Object::with_properties(body, Properties::of_type(""), call.now);
    let mut headers = vec![("etag".to_owned(), part.etag().to_owned())];
    if let Some(sent) = properties::sent_checksum(call) {
        let [sum, _] = properties::checksum_headers(&sent);
        headers.push(sum);
        // A new part has none yet.
        let _ = part.checksum.set(sent);
    }
    if let Some(upload) = bucket.uploads.get_mut(upload_id(call)) {
        headers.extend(
            upload
                .properties
                .encryption
                .iter()
                .map(|encryption| ("x-amz-server-side-encryption".to_owned(), encryption.algorithm.clone())),
        );
        upload.parts.insert(number, part);
    }
    Ok(Reply::Http { status: 200, headers, body: Vec::new() })
}

/// Number and entity tag of each part that the request names.
fn named_parts(body: &[u8]) -> Option<Vec<(u32, String)>> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    let mut parts = Vec::new();
    let (mut element, mut number, mut etag) = (String::new(), None, String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                element = start.local_name().as_ref().to_owned();
                if element == "Part" {
                    (number, etag) = (None, String::new());
                }
            }
            Event::Text(text) if element == "PartNumber" => {
                number = Some(text.trim().parse().ok()?);
            }
            Event::Text(text) if element == "ETag" => etag.push_str(&text),
            Event::End(end) => {
                if end.local_name().as_ref() == "Part" {
                    // Quotes come as themselves, as entities (which are no text) or not at all.
                    parts.push((number?, etag.trim().trim_matches('"').to_owned()));
                }
                element.clear();
            }
            Event::Eof => return Some(parts).filter(|parts| !parts.is_empty()),
            _ => {}
        }
    }
}

pub(super) fn complete(world: &mut World, call: &Call) -> Outcome {
    let bucket = writable(world, call)?;
    let upload = upload(bucket, call)?.clone();
    let body = match call.input.get("Body") {
        Some(Value::Blob(bytes)) => bytes.as_slice(),
        _ => &[],
    };
    let named = named_parts(body).ok_or_else(|| {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        AwsError::client("MalformedXML", message)
    })?;
    if !named.is_sorted_by_key(|(number, _)| *number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(AwsError::client("InvalidPartOrder", message).with_detail("UploadId", upload_id(call)));
    }
    let mut parts = Vec::with_capacity(named.len());
    for (number, etag) in &named {
        let part = upload.parts.get(number).filter(|part| part.etag().trim_matches('"') == etag).ok_or_else(|| {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, \
                           or the specified entity tag may not match the part's entity tag.";
            AwsError::client("InvalidPart", message)
                .with_detail("UploadId", upload_id(call))
                .with_detail("PartNumber", number)
                .with_detail("ETag", etag)
        })?;
        parts.push(part);
    }
    let small = parts.iter().zip(&named).rev().skip(1).rev().find(|(part, _)| part.body.len() < LEAST_PART);
    if let Some((part, (number, etag))) = small {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(AwsError::client("EntityTooSmall", message)
            .with_detail("ProposedSize", part.body.len())
            .with_detail("MinSizeAllowed", LEAST_PART)
            .with_detail("PartNumber", number)
            .with_detail("ETag", etag));
    }
    objects::check_write(call, bucket.objects.get(&upload.key))?;
    let content = parts.iter().map(|part| &*part.body).collect::<Vec<_>>().concat();
    let sums: Vec<u8> = parts.iter().flat_map(|part| Md5::digest(&part.body)).collect();
    let etag = format!("\"{}-{}\"", hex(&Md5::digest(&sums)), parts.len());
    let checksum = whole_checksum(&upload, &parts, &content);
    if let (Some(sent), Some(found)) = (properties::sent_checksum(call), &checksum)
        && sent.algorithm == found.algorithm
        && found.kind == "FULL_OBJECT"
        && sent.value != found.value
    {
        let message = format!("The {} you specified did not match the calculated checksum.", sent.algorithm);
        return Err(AwsError::client("BadDigest", message));
    }
    let object = Object::with_properties(content, upload.properties, call.now).with_etag(etag);
    let name = super::bucket_name(call);
    let mut xml = Xml::with_declaration();
    xml.open("CompleteMultipartUploadResult", NAMESPACE);
    xml.leaf("Location", &format!("https://{name}.s3.{}.amazonaws.com/{}", bucket.region, upload.key));
    xml.leaf("Bucket", name).leaf("Key", &upload.key).leaf("ETag", object.etag());
    if let Some(checksum) = checksum {
        xml.leaf(&format!("Checksum{}", checksum.algorithm), &checksum.value).leaf("ChecksumType", checksum.kind);
        // A new object has none yet.
        let _ = object.checksum.set(checksum);
    }
    xml.close("CompleteMultipartUploadResult");
    let headers = properties::encryption_headers(bucket, &object.properties);
    bucket.uploads.remove(upload_id(call));
    bucket.objects.insert(upload.key, object);
    Ok(objects::with_headers(document(xml), headers))
}

/// The checksum of the whole: of its content, or of the checksums of its parts. None where a part lacks its own.
fn whole_checksum(upload: &Upload, parts: &[&Object], content: &[u8]) -> Option<Checksum> {
    let (algorithm, kind) = upload.checksum?;
    if kind == "FULL_OBJECT" {
        let value = STANDARD.encode(body::checksum(algorithm, content)?);
        return Some(Checksum { algorithm, value, kind });
    }
    let mut sums = Vec::new();
    for part in parts {
        let sum = part.checksum.get().filter(|sum| sum.algorithm == algorithm)?;
        sums.extend(STANDARD.decode(&sum.value).ok()?);
    }
    let value = format!("{}-{}", STANDARD.encode(body::checksum(algorithm, &sums)?), parts.len());
    Some(Checksum { algorithm, value, kind })
}

pub(super) fn abort(world: &mut World, call: &Call) -> Outcome {
    let bucket = writable(world, call)?;
    upload(bucket, call)?;
    bucket.uploads.remove(upload_id(call));
    Ok(Reply::Http { status: 204, headers: Vec::new(), body: Vec::new() })
}

pub(super) fn list_parts(world: &mut World, call: &Call) -> Outcome {
    let bucket = readable(world, call)?;
    let upload = upload(bucket, call)?;
    let number = |name: &str, member: &'static str, default: usize| match text(call, member) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().map_err(|_| {
            let message = format!("Argument {name} must be an integer between 0 and 2147483647");
            invalid_argument(&message, member, text)
        }),
    };
    let most = number("maxParts", "MaxParts", 1000)?.min(1000);
    let after = number("partNumberMarker", "PartNumberMarker", 0)?;
    let mut rest = upload.parts.iter().filter(|(number, _)| **number as usize > after);
    let shown: Vec<_> = rest.by_ref().take(most).collect();
    let more = rest.next().is_some();
    let mut xml = Xml::with_declaration();
    xml.open("ListPartsResult", NAMESPACE).leaf("Bucket", super::bucket_name(call)).leaf("Key", &upload.key);
    xml.leaf("UploadId", upload_id(call)).leaf("PartNumberMarker", &after.to_string());
    if let (true, Some((last, _))) = (more, shown.last()) {
        xml.leaf("NextPartNumberMarker", &last.to_string());
    }
    xml.leaf("MaxParts", &most.to_string()).leaf("IsTruncated", if more { "true" } else { "false" });
    for (number, part) in shown {
        xml.open("Part", "").leaf("PartNumber", &number.to_string());
        xml.leaf("LastModified", &listing::iso(part.modified)).leaf("ETag", part.etag());
        xml.leaf("Size", &part.body.len().to_string());
        if let Some(sum) = part.checksum.get() {
            xml.leaf(&format!("Checksum{}", sum.algorithm), &sum.value);
        }
        xml.close("Part");
    }
    xml.open("Owner", "").leaf("ID", &listing::canonical_id(&bucket.account)).close("Owner");
    xml.leaf("StorageClass", &upload.properties.storage_class).close("ListPartsResult");
    Ok(document(xml))
}
