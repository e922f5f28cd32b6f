//! S3's REST requests: which operation, and its input as the model names the members.

use std::borrow::Cow;

use hyper::http::Method;
use percent_encoding::percent_decode_str;

use super::{
    body::{body, check_digests},
    request::Request,
    value::Value,
};
use crate::sim::error::AwsError;

/// The operation of a request that names something which S3 has, simulated or not.
pub const NOT_ALLOWED: &str = "MethodNotAllowed";

/// Query parameters and headers that are members of S3's inputs under another name.
const PARAMETERS: &[(&str, &str)] = &[
    ("prefix", "Prefix"),
    ("delimiter", "Delimiter"),
    ("max-keys", "MaxKeys"),
    ("max-buckets", "MaxBuckets"),
    ("bucket-region", "BucketRegion"),
    ("continuation-token", "ContinuationToken"),
    ("start-after", "StartAfter"),
    ("fetch-owner", "FetchOwner"),
    ("encoding-type", "EncodingType"),
    ("marker", "Marker"),
    ("key-marker", "KeyMarker"),
    ("version-id-marker", "VersionIdMarker"),
    ("upload-id-marker", "UploadIdMarker"),
    ("max-uploads", "MaxUploads"),
    ("max-parts", "MaxParts"),
    ("part-number-marker", "PartNumberMarker"),
    ("versionId", "VersionId"),
    ("partNumber", "PartNumber"),
    ("uploadId", "UploadId"),
    ("response-cache-control", "ResponseCacheControl"),
    ("response-content-disposition", "ResponseContentDisposition"),
    ("response-content-encoding", "ResponseContentEncoding"),
    ("response-content-language", "ResponseContentLanguage"),
    ("response-content-type", "ResponseContentType"),
    ("response-expires", "ResponseExpires"),
];

const HEADERS: &[(&str, &str)] = &[
    ("cache-control", "CacheControl"),
    ("content-disposition", "ContentDisposition"),
    ("content-language", "ContentLanguage"),
    ("content-md5", "ContentMD5"),
    ("content-type", "ContentType"),
    ("expires", "Expires"),
    ("if-match", "IfMatch"),
    ("if-modified-since", "IfModifiedSince"),
    ("if-none-match", "IfNoneMatch"),
    ("if-unmodified-since", "IfUnmodifiedSince"),
    ("range", "Range"),
    ("x-amz-acl", "ACL"),
    ("x-amz-checksum-crc32", "ChecksumCRC32"),
    ("x-amz-checksum-crc32c", "ChecksumCRC32C"),
    ("x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"),
    ("x-amz-checksum-sha1", "ChecksumSHA1"),
    ("x-amz-checksum-sha256", "ChecksumSHA256"),
    ("x-amz-checksum-algorithm", "ChecksumAlgorithm"),
    ("x-amz-checksum-mode", "ChecksumMode"),
    ("x-amz-checksum-type", "ChecksumType"),
    ("x-amz-copy-source", "CopySource"),
    ("x-amz-expected-bucket-owner", "ExpectedBucketOwner"),
    ("x-amz-metadata-directive", "MetadataDirective"),
    ("x-amz-object-attributes", "ObjectAttributes"),
    ("x-amz-object-lock-legal-hold", "ObjectLockLegalHoldStatus"),
    ("x-amz-object-lock-mode", "ObjectLockMode"),
    ("x-amz-object-lock-retain-until-date", "ObjectLockRetainUntilDate"),
    ("x-amz-optional-object-attributes", "OptionalObjectAttributes"),
    ("x-amz-request-payer", "RequestPayer"),
    ("x-amz-sdk-checksum-algorithm", "ChecksumAlgorithm"),
    ("x-amz-server-side-encryption", "ServerSideEncryption"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "SSEKMSKeyId"),
    ("x-amz-server-side-encryption-bucket-key-enabled", "BucketKeyEnabled"),
    ("x-amz-server-side-encryption-customer-algorithm", "SSECustomerAlgorithm"),
    ("x-amz-storage-class", "StorageClass"),
    ("x-amz-tagging", "Tagging"),
];

/// Sub-resources that make another operation of a request, with the name of the thing.
const SUBRESOURCES: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// Bucket and key; both may be empty. The host names the bucket in virtual-host style, else the path does.
pub fn bucket_and_key(request: &Request) -> (String, String) {
    let path = request.path.strip_prefix('/').unwrap_or(&request.path);
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match virtual_bucket(&request.host) {
        Some(bucket) => (bucket.to_owned(), decode(path)),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (decode(bucket), decode(key))
        }
    }
}

/// The bucket in front of `.localhost` or of an S3 host name.
fn virtual_bucket(host: &str) -> Option<&str> {
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.chars().all(|digit| digit.is_ascii_digit()) { name } else { host });
    let bucket = match name.strip_suffix(".localhost") {
        Some(bucket) => bucket,
        None => {
            let (bucket, rest) = name.split_once(".s3")?;
            rest.ends_with(".amazonaws.com").then_some(bucket)?
        }
    };
    // `s3.localhost` and `s3.REGION.localhost` are endpoints, not buckets.
    if bucket == "s3" || bucket.starts_with("s3.") {
        return None;
    }
    let bucket = bucket.split_once(".s3.").map_or(bucket, |(bucket, _)| bucket);
    Some(bucket.strip_suffix(".s3").unwrap_or(bucket)).filter(|bucket| !bucket.is_empty())
}

/// The operation's name. Those that the simulation lacks are named too where the name is one of S3's, so that faults and
/// counts show them.
pub fn operation(request: &Request) -> &'static str {
    let (bucket, key) = bucket_and_key(request);
    let has = |name: &str| request.parameter(name).is_some();
    let subresource = SUBRESOURCES.iter().find(|name| has(name)).copied();
    let method = request.method.as_str();
    if bucket.is_empty() {
        return if method == "GET" { "ListBuckets" } else { NOT_ALLOWED };
    }
    if key.is_empty() {
        return match (method, subresource) {
            ("GET", None) if request.parameter("list-type") == Some("2") => "ListObjectsV2",
            ("GET", None) => "ListObjects",
            ("GET", Some("location")) => "GetBucketLocation",
            ("GET", Some("versioning")) => "GetBucketVersioning",
            ("GET", Some("versions")) => "ListObjectVersions",
            ("GET", Some("uploads")) => "ListMultipartUploads",
            ("GET", Some("encryption")) => "GetBucketEncryption",
            ("GET", Some("policy")) => "GetBucketPolicy",
            ("GET", Some("policyStatus")) => "GetBucketPolicyStatus",
            ("GET", Some("tagging")) => "GetBucketTagging",
            ("GET", Some("acl")) => "GetBucketAcl",
            ("GET", Some("object-lock")) => "GetObjectLockConfiguration",
            ("GET", Some("publicAccessBlock")) => "GetPublicAccessBlock",
            ("GET", Some("lifecycle")) => "GetBucketLifecycleConfiguration",
            ("GET", Some("logging")) => "GetBucketLogging",
            ("HEAD", None) => "HeadBucket",
            ("PUT", None) => "CreateBucket",
            ("DELETE", None) => "DeleteBucket",
            ("POST", _) if has("delete") => "DeleteObjects",
            ("GET" | "PUT" | "DELETE", Some(_)) => "BucketConfiguration",
            _ => NOT_ALLOWED,
        };
    }
    match (method, subresource) {
        ("GET", None) if has("uploadId") => "ListParts",
        ("GET", None) => "GetObject",
        ("GET", Some("tagging")) => "GetObjectTagging",
        ("GET", Some("acl")) => "GetObjectAcl",
        ("GET", Some("attributes")) => "GetObjectAttributes",
        ("GET", Some("legal-hold")) => "GetObjectLegalHold",
        ("GET", Some("retention")) => "GetObjectRetention",
        ("HEAD", None) => "HeadObject",
        ("PUT", None) if has("uploadId") && request.header("x-amz-copy-source").is_some() => "UploadPartCopy",
        ("PUT", None) if has("uploadId") => "UploadPart",
        ("PUT", None) if request.header("x-amz-copy-source").is_some() => "CopyObject",
        ("PUT", None) => "PutObject",
        ("PUT", Some("tagging")) => "PutObjectTagging",
        ("DELETE", None) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", None) => "DeleteObject",
        ("POST", Some("uploads")) => "CreateMultipartUpload",
        ("POST", None) if has("uploadId") => "CompleteMultipartUpload",
        ("GET" | "PUT" | "DELETE" | "POST", Some(_)) => "ObjectConfiguration",
        _ => NOT_ALLOWED,
    }
}

/// The input structure: `Bucket`, `Key`, parameters and headers by their member names, `Metadata`, `Body`.
///
/// # Errors
/// `IncompleteBody`, `BadDigest` and the like for a body that is not what its headers say.
pub fn input(request: &Request) -> Result<Value, AwsError> {
    let (bucket, key) = bucket_and_key(request);
    let mut input = Value::empty();
    if !bucket.is_empty() {
        input.push("Bucket", bucket);
    }
    if !key.is_empty() {
        input.push("Key", key);
    }
    for (name, member) in PARAMETERS {
        if let Some(value) = request.parameter(name) {
            input.push(member, value);
        }
    }
    let body = body(request)?;
    for (name, member) in HEADERS {
        let sent = request.header(name).map(Cow::Borrowed);
        let trailer =
            || body.trailers.iter().find(|(key, _)| key == name).map(|(_, value)| Cow::Borrowed(value.as_str()));
        if let Some(value) = sent.or_else(trailer) {
            input.push(member, value.as_ref());
        }
    }
    if let Some(encoding) = request.header("content-encoding") {
        let encodings: Vec<_> = encoding.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
        if !encodings.is_empty() && encodings != [""] {
            input.push("ContentEncoding", encodings.join(","));
        }
    }
    let metadata: Vec<_> = request
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix("x-amz-meta-")?.to_owned(), Value::from(value.to_str().ok()?)))
        })
        .collect();
    if !metadata.is_empty() {
        input.push("Metadata", Value::Map(metadata));
    }
    if request.method == Method::PUT || request.method == Method::POST {
        // The checksum that completes an upload is that of the object, not of the list of its parts.
        if request.method == Method::PUT || request.parameter("uploadId").is_none() {
            check_digests(&input, &body.content)?;
        }
        input.push("Body", Value::Blob(body.content.to_vec()));
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use bytes::Bytes;
    use hyper::http::Request as HttpRequest;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
        let mut builder = HttpRequest::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        Request::new(builder.body(()).unwrap().into_parts().0, Bytes::copy_from_slice(body))
    }

    #[test]
    fn path_and_host_style_name_the_same_object() {
        let by_path = request("GET", "/b-1/p/k%201?versionId=null", &[("host", "127.0.0.1:9000")], b"");
        let by_host = request("GET", "/p/k%201", &[("host", "b-1.localhost:9000")], b"");
        assert_eq!(bucket_and_key(&by_path), ("b-1".into(), "p/k 1".into()));
        assert_eq!(bucket_and_key(&by_host), ("b-1".into(), "p/k 1".into()));
        assert_eq!(operation(&by_path), "GetObject");
        assert_eq!(input(&by_path).unwrap().text("VersionId"), Some("null"));
        assert_eq!(bucket_and_key(&request("GET", "/", &[("host", "b.s3.eu-central-1.amazonaws.com")], b"")).0, "b");
        assert_eq!(bucket_and_key(&request("GET", "/b", &[("host", "localhost:1")], b"")).0, "b");
        assert_eq!(bucket_and_key(&request("GET", "/b", &[("host", "[::1]:1")], b"")).0, "b");
    }

    #[test]
    fn operations_are_told_apart_by_method_and_subresource() {
        for (method, uri, expected) in [
            ("GET", "/", "ListBuckets"),
            ("GET", "/b?list-type=2&prefix=a", "ListObjectsV2"),
            ("GET", "/b/?list-type=2", "ListObjectsV2"),
            ("GET", "/b", "ListObjects"),
            ("GET", "/b?location", "GetBucketLocation"),
            ("HEAD", "/b", "HeadBucket"),
            ("HEAD", "/b/k", "HeadObject"),
            ("PUT", "/b/k", "PutObject"),
            ("PUT", "/b/k?partNumber=1&uploadId=x", "UploadPart"),
            ("POST", "/b/k", NOT_ALLOWED),
            ("PATCH", "/b/k", NOT_ALLOWED),
        ] {
            assert_eq!(operation(&request(method, uri, &[], b"")), expected, "{method} {uri}");
        }
    }

    #[test]
    fn chunked_uploads_are_put_together_and_checked() {
        let headers = [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "5"),
        ];
        let good = b"3\r\nhel\r\n2;chunk-signature=ab\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
        let read = input(&request("PUT", "/b/k", &headers, good)).unwrap();
        assert_eq!(read.get("Body"), Some(&Value::Blob(b"hello".to_vec())));
        assert_eq!(read.text("ChecksumCRC32"), Some("NhCmhg=="));
        assert!(read.get("ContentEncoding").is_none());
        let bad = b"5\r\nhellO\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
        assert_eq!(input(&request("PUT", "/b/k", &headers, bad)).unwrap_err().code, "BadDigest");
        let cut = b"5\r\nhel";
        assert_eq!(input(&request("PUT", "/b/k", &headers, cut)).unwrap_err().code, "IncompleteBody");
    }
}
