//! S3: the log archive's bucket and its objects.

mod listing;
mod multipart;
mod objects;
mod properties;

use super::unknown_operation;
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::{value::Value, xml::Xml},
    world::{World, archive::Bucket},
};

const NAMESPACE: &str = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// Answers one call.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    match operation {
        "ListBuckets" => listing::buckets(world, call),
        "ListObjectsV2" => listing::objects(world, call, true),
        "ListObjects" => listing::objects(world, call, false),
        "HeadBucket" => head_bucket(world, call),
        "GetBucketLocation" => location(world, call),
        "GetBucketEncryption" => encryption(world, call),
        "GetBucketVersioning" => {
            readable(world, call)?;
            let mut xml = Xml::with_declaration();
            xml.open("VersioningConfiguration", NAMESPACE).close("VersioningConfiguration");
            Ok(document(xml))
        }
        "GetObject" => objects::get(world, call, true),
        "HeadObject" => objects::get(world, call, false),
        "PutObject" => objects::put(world, call),
        "CopyObject" => objects::copy(world, call),
        "CreateMultipartUpload" => multipart::create(world, call),
        "UploadPart" => multipart::upload_part(world, call),
        "CompleteMultipartUpload" => multipart::complete(world, call),
        "AbortMultipartUpload" => multipart::abort(world, call),
        "ListParts" => multipart::list_parts(world, call),
        "DeleteObject" => objects::delete(world, call),
        _ => Err(unknown_operation()),
    }
}

fn text<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    match call.input.get(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn denied() -> AwsError {
    AwsError::client("AccessDenied", "Access Denied").with_status(403)
}

fn bucket_name(call: &Call) -> &str {
    text(call, "Bucket").unwrap_or_default()
}

/// The bucket, if the caller may read it.
fn readable<'a>(world: &'a World, call: &Call) -> Result<&'a Bucket, AwsError> {
    readable_by_name(world, call, bucket_name(call))
}

/// The bucket of that name, if the caller may read it.
fn readable_by_name<'a>(world: &'a World, call: &Call, name: &str) -> Result<&'a Bucket, AwsError> {
    check_name(name)?;
    let bucket = world.buckets.get(name).ok_or_else(no_bucket)?;
    let account = &call.caller.account;
    if bucket.account != *account && !bucket.readers.contains(account) {
        return Err(denied());
    }
    check_owner(bucket, call)?;
    Ok(bucket)
}

/// The bucket, if the caller may write to it.
fn writable<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Bucket, AwsError> {
    check_name(bucket_name(call))?;
    let bucket = world.buckets.get_mut(bucket_name(call)).ok_or_else(no_bucket)?;
    if bucket.account != call.caller.account {
        return Err(denied());
    }
    check_owner(bucket, call)?;
    Ok(bucket)
}

/// `x-amz-expected-bucket-owner` of another account.
fn check_owner(bucket: &Bucket, call: &Call) -> Result<(), AwsError> {
    match text(call, "ExpectedBucketOwner") {
        Some(owner) if owner != bucket.account => Err(denied()),
        _ => Ok(()),
    }
}

/// Names that no bucket can have.
fn check_name(name: &str) -> Result<(), AwsError> {
    let edge =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-' || letter == '.';
    let good = (3..=63).contains(&name.len())
        && edge(name.chars().next())
        && edge(name.chars().last())
        && name.chars().all(inner)
        && !name.contains("..");
    if good {
        return Ok(());
    }
    Err(AwsError::client("InvalidBucketName", "The specified bucket is not valid.").with_detail("BucketName", name))
}

/// What S3 says of a header or parameter that it cannot take.
fn invalid_argument(message: &str, name: &'static str, value: &str) -> AwsError {
    AwsError::client("InvalidArgument", message).with_detail("ArgumentName", name).with_detail("ArgumentValue", value)
}

fn no_bucket() -> AwsError {
    AwsError::client("NoSuchBucket", "The specified bucket does not exist").with_status(404)
}

fn document(xml: Xml) -> Reply {
    Reply::Http { status: 200, headers: vec![("content-type".into(), "application/xml".into())], body: xml.finish() }
}

fn head_bucket(world: &mut World, call: &Call) -> Outcome {
    let bucket = readable(world, call)?;
    let headers = vec![
        ("x-amz-bucket-region".into(), bucket.region.clone()),
        ("x-amz-access-point-alias".into(), "false".into()),
        ("content-type".into(), "application/xml".into()),
    ];
    Ok(Reply::Http { status: 200, headers, body: Vec::new() })
}

fn location(world: &mut World, call: &Call) -> Outcome {
    let bucket = readable(world, call)?;
    let mut xml = Xml::with_declaration();
    // The oldest region has no name here.
    if bucket.region == "us-east-1" {
        xml.open("LocationConstraint", NAMESPACE).close("LocationConstraint");
    } else {
        xml.open("LocationConstraint", NAMESPACE);
        xml.content(&Value::from(&bucket.region));
        xml.close("LocationConstraint");
    }
    Ok(document(xml))
}

fn encryption(world: &mut World, call: &Call) -> Outcome {
    let bucket = readable(world, call)?;
    let mut xml = Xml::with_declaration();
    xml.open("ServerSideEncryptionConfiguration", NAMESPACE).open("Rule", "");
    xml.open("ApplyServerSideEncryptionByDefault", "").leaf("SSEAlgorithm", &bucket.encryption);
    if let Some(key) = &bucket.kms_key {
        xml.leaf("KMSMasterKeyID", key);
    }
    xml.close("ApplyServerSideEncryptionByDefault").leaf("BucketKeyEnabled", "true");
    xml.close("Rule").close("ServerSideEncryptionConfiguration");
    Ok(document(xml))
}
