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
}

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Content.
    pub body: Arc<[u8]>,
    /// `Content-Type`.
    pub content_type: String,
    /// Time of the upload.
    pub modified: Timestamp,
    etag: OnceLock<String>,
    /// User metadata, `x-amz-meta-` left out.
    pub metadata: BTreeMap<String, String>,
}

impl Object {
    /// An object as an upload in one part makes it.
    pub fn new(body: Vec<u8>, content_type: &str, modified: Timestamp) -> Self {
        Self {
            body: body.into(),
            content_type: content_type.into(),
            modified,
            etag: OnceLock::new(),
            metadata: BTreeMap::new(),
        }
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
