//! S3 as a store: buckets and objects.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Account that owns it.
    pub account: String,
    /// Region.
    pub region: String,
    /// When it was made.
    pub created: Timestamp,
    /// Other accounts that its policy lets read.
    pub readers: Vec<String>,
    /// Default encryption: `AES256` or `aws:kms`.
    pub encryption: String,
    /// KMS key ARN for `aws:kms`.
    pub kms_key: Option<String>,
    /// Objects by key.
    pub objects: BTreeMap<String, Object>,
    /// Uploads in parts that are not complete, by their ids.
    pub uploads: BTreeMap<String, Upload>,
}

/// What an upload says of its object beside the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// `Content-Type`.
    pub content_type: String,
    /// The other headers that come back as they were sent, by their names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// User metadata, `x-amz-meta-` left out.
    pub metadata: BTreeMap<String, String>,
    /// Storage class.
    pub storage_class: String,
    /// Encryption, where it is another than the bucket's.
    pub encryption: Option<Encryption>,
}

impl Properties {
    /// Those of an upload that names its content type only.
    pub fn of_type(content_type: &str) -> Self {
        Self {
            content_type: content_type.into(),
            headers: Vec::new(),
            metadata: BTreeMap::new(),
            storage_class: "STANDARD".into(),
            encryption: None,
        }
    }
}

/// How an object is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub algorithm: String,
    /// ARN of the KMS key.
    pub kms_key: Option<String>,
    /// Whether a bucket key is used.
    pub bucket_key: bool,
}

/// A checksum as S3 keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// `CRC32`, `CRC64NVME`, `SHA256`, …
    pub algorithm: &'static str,
    /// Base64; with `-N` behind it where it is one of N parts' checksums.
    pub value: String,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub kind: &'static str,
}

/// An upload in parts.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Key of the object that it shall be.
    pub key: String,
    /// When it was begun.
    pub begun: Timestamp,
    /// What was said of the object.
    pub properties: Properties,
    /// Algorithm and kind of the checksum that was asked for.
    pub checksum: Option<(&'static str, &'static str)>,
    /// Parts by number.
    pub parts: BTreeMap<u32, Object>,
}

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Content.
    pub body: Arc<[u8]>,
    /// Everything beside the content.
    pub properties: Properties,
    /// Time of the upload.
    pub modified: Timestamp,
    etag: OnceLock<String>,
    /// Its checksum; not set where nobody has asked yet.
    pub checksum: OnceLock<Checksum>,
}

impl Object {
    /// An object as an upload in one part makes it.
    pub fn new(body: Vec<u8>, content_type: &str, modified: Timestamp) -> Self {
        Self::with_properties(body, Properties::of_type(content_type), modified)
    }

    /// An object of which more is known than its type.
    pub fn with_properties(body: Vec<u8>, properties: Properties, modified: Timestamp) -> Self {
        Self { body: body.into(), properties, modified, etag: OnceLock::new(), checksum: OnceLock::new() }
    }

    /// The same object with an entity tag (quotes included) that is not the MD5 sum of its content.
    pub fn with_etag(self, etag: String) -> Self {
        Self { etag: OnceLock::from(etag), ..self }
    }

    /// Entity tag with its quotes: the MD5 sum. Reckoned when it is first asked for, most never are.
    pub fn etag(&self) -> &str {
        use md5::{Digest, Md5};
        self.etag.get_or_init(|| {
            let sum = Md5::digest(&self.body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            format!("\"{sum}\"")
        })
    }
}
