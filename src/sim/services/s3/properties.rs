//! What goes with an object: headers, metadata, storage class, encryption, checksum.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{invalid_argument, text};
use crate::sim::{
    error::AwsError,
    service::Call,
    wire::{body, value::Value},
    world::{
        archive::{Bucket, Checksum, Encryption, Object, Properties},
        organization::{stable_hash, uuid_from},
    },
};

/// Headers that come back as they were sent, by the members of PutObject.
const KEPT: [(&str, &str); 5] = [
    ("CacheControl", "cache-control"),
    ("ContentDisposition", "content-disposition"),
    ("ContentEncoding", "content-encoding"),
    ("ContentLanguage", "content-language"),
    ("Expires", "expires"),
];
const STORAGE_CLASSES: &[&str] = &[
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
];
const CANNED_ACLS: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];
/// Algorithms of checksums, as members of PutObject name them behind `Checksum`.
const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];
/// Bytes of the names and values of user metadata at most.
const MOST_METADATA: usize = 2048;

/// Reads and judges what an upload says of its object.
pub(super) fn of(call: &Call, bucket: &Bucket) -> Result<Properties, AwsError> {
    check_acl(call)?;
    let storage_class = text(call, "StorageClass").unwrap_or("STANDARD");
    if !STORAGE_CLASSES.contains(&storage_class) {
        return Err(AwsError::client("InvalidStorageClass", "The storage class you specified is not valid")
            .with_detail("StorageClassRequested", storage_class));
    }
    let mut metadata = BTreeMap::new();
    if let Some(Value::Map(entries)) = call.input.get("Metadata") {
        for (name, value) in entries {
            if let Value::Text(value) = value {
                metadata.insert(name.clone(), value.clone());
            }
        }
    }
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MOST_METADATA {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(AwsError::client("MetadataTooLarge", message)
            .with_detail("Size", size)
            .with_detail("MaxSizeAllowed", MOST_METADATA));
    }
    let headers = KEPT.iter().filter_map(|(member, header)| Some((*header, text(call, member)?.to_owned())));
    Ok(Properties {
        content_type: text(call, "ContentType").unwrap_or("binary/octet-stream").to_owned(),
        headers: headers.collect(),
        metadata,
        storage_class: storage_class.to_owned(),
        encryption: encryption(call, bucket)?,
    })
}

fn check_acl(call: &Call) -> Result<(), AwsError> {
    match text(call, "ACL") {
        None | Some("private" | "bucket-owner-full-control") => Ok(()),
        // The owner of a bucket owns what is in it, as all buckets are made since 2023.
        Some(acl) if CANNED_ACLS.contains(&acl) => {
            Err(AwsError::client("AccessControlListNotSupported", "The bucket does not allow ACLs"))
        }
        Some(acl) => Err(invalid_argument("The canned ACL is not valid.", "x-amz-acl", acl)),
    }
}

fn encryption(call: &Call, bucket: &Bucket) -> Result<Option<Encryption>, AwsError> {
    if text(call, "SSECustomerAlgorithm").is_some() {
        let message = "A header you provided implies functionality that is not implemented";
        return Err(AwsError::client("NotImplemented", message)
            .with_status(501)
            .with_detail("Header", "x-amz-server-side-encryption-customer-algorithm"));
    }
    let key = text(call, "SSEKMSKeyId");
    let wants_key =
        "Server Side Encryption with KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
    let (algorithm, kms_key) = match text(call, "ServerSideEncryption") {
        None if key.is_none() => return Ok(None),
        None => return Err(invalid_argument(wants_key, "x-amz-server-side-encryption", "null")),
        Some("AES256") if key.is_some() => {
            return Err(invalid_argument(wants_key, "x-amz-server-side-encryption", "AES256"));
        }
        Some("AES256") => ("AES256", None),
        Some(algorithm @ ("aws:kms" | "aws:kms:dsse")) => {
            // Without a key it is the one that AWS manages for S3 in the account.
            let id = key.map_or_else(|| uuid_from(stable_hash(&["aws/s3", &bucket.account])), str::to_owned);
            let place = format!("arn:aws:kms:{}:{}:", bucket.region, bucket.account);
            let arn = match id.as_str() {
                arn if arn.starts_with("arn:") => id,
                alias if alias.starts_with("alias/") => format!("{place}{id}"),
                _ => format!("{place}key/{id}"),
            };
            (algorithm, Some(arn))
        }
        Some(other) => {
            let message = "The encryption method specified is not supported";
            return Err(invalid_argument(message, "x-amz-server-side-encryption", other));
        }
    };
    let bucket_key = kms_key.is_some() && text(call, "BucketKeyEnabled") == Some("true");
    Ok(Some(Encryption { algorithm: algorithm.to_owned(), kms_key, bucket_key }))
}

/// The headers that say how an object is encrypted.
pub(super) fn encryption_headers(bucket: &Bucket, properties: &Properties) -> Vec<(String, String)> {
    let of_bucket = || Encryption {
        algorithm: bucket.encryption.clone(),
        kms_key: bucket.kms_key.clone().filter(|_| bucket.encryption.starts_with("aws:kms")),
        bucket_key: bucket.encryption == "aws:kms",
    };
    let encryption = properties.encryption.clone().unwrap_or_else(of_bucket);
    let mut headers = vec![("x-amz-server-side-encryption".to_owned(), encryption.algorithm)];
    if let Some(key) = encryption.kms_key {
        headers.push(("x-amz-server-side-encryption-aws-kms-key-id".into(), key));
    }
    if encryption.bucket_key {
        headers.push(("x-amz-server-side-encryption-bucket-key-enabled".into(), "true".into()));
    }
    headers
}

/// The algorithm of that name.
pub(super) fn algorithm(name: &str) -> Option<&'static str> {
    ALGORITHMS.into_iter().find(|known| *known == name)
}

/// The checksum that came with the content; it has been found right before.
pub(super) fn sent_checksum(call: &Call) -> Option<Checksum> {
    ALGORITHMS.into_iter().find_map(|algorithm| {
        let value = text(call, &format!("Checksum{algorithm}"))?.to_owned();
        Some(Checksum { algorithm, value, kind: "FULL_OBJECT" })
    })
}

/// The checksum of an object; S3 reckons CRC-64/NVME of those that came without any.
pub(super) fn checksum(object: &Object) -> &Checksum {
    object.checksum.get_or_init(|| {
        let sum = body::checksum("CRC64NVME", &object.body).unwrap_or_default();
        Checksum { algorithm: "CRC64NVME", value: STANDARD.encode(sum), kind: "FULL_OBJECT" }
    })
}

/// The headers of a checksum.
pub(super) fn checksum_headers(checksum: &Checksum) -> [(String, String); 2] {
    let name = checksum.algorithm.to_ascii_lowercase();
    [
        (format!("x-amz-checksum-{name}"), checksum.value.clone()),
        ("x-amz-checksum-type".to_owned(), checksum.kind.to_owned()),
    ]
}
