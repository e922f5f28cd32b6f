//! The log archive: one object a session, in a bucket that often lies in another account.

use std::{
    error::Error,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    config::{Builder, Region},
    operation::get_object::GetObjectOutput,
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::timeout;

use super::{
    failure::{classify, other, unreachable},
    held::judged,
    scope::ScopeClient,
};
use crate::domain::{ArchiveObject, Failure, FailureClass, SessionKey};

/// HeadObject needs the permission to read the object.
const ACTION: &str = "s3:GetObject";
/// Most bytes of an object that are read.
const MOST_BYTES: usize = 16 << 20;
/// An object's body is read within this time, or not at all.
const BODY_TIME: Duration = Duration::from_secs(60);

/// What an archive object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveBody {
    /// The object's bytes, up to 16 MiB of them. Hostile input.
    pub bytes: Arc<[u8]>,
    /// The object has more than that.
    pub cut: bool,
}

/// The keys under which a session's object may lie: `<prefix>/<id>.log`, `<prefix>/<region>/<id>.log`, `<account>/<region>/<id>.log`
/// (rule LOG-07). The agent leaves colons out of the file name.
pub fn archive_keys(prefix: &str, session: &SessionKey) -> Vec<String> {
    let prefix = prefix.trim_matches('/');
    let (account, region) = (&session.scope.account, &session.scope.region);
    let file = format!("{}.log", session.id.as_str().replace(':', ""));
    let below = |folder: &str| if folder.is_empty() { file.clone() } else { format!("{folder}/{file}") };
    let regional = if prefix.is_empty() { region.to_string() } else { format!("{prefix}/{region}") };
    let mut keys = vec![below(prefix), below(&regional)];
    let accountwise = below(&format!("{account}/{region}"));
    if !keys.contains(&accountwise) {
        keys.push(accountwise);
    }
    keys
}

impl ScopeClient {
    /// The first of the keys that is in the bucket; `None`: none of them is.
    ///
    /// # Errors
    /// A classified failure. `Denied` when no key was found and one was refused: without s3:ListBucket, S3 refuses what is not there.
    pub async fn archive_object(&self, bucket: &str, keys: &[String]) -> Result<Option<ArchiveObject>, Failure> {
        let mut refused = None;
        for key in keys {
            match self.head(bucket, key).await {
                Ok(object) => return Ok(Some(object)),
                Err(failure) if failure.class == FailureClass::Gone => {}
                Err(failure) if failure.class == FailureClass::Denied => refused = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    /// What the object under the first of the keys that is in the bucket holds; `None`: none of them is.
    ///
    /// # Errors
    /// As [`ScopeClient::archive_object`]; `Unreachable` where the body does not come within a minute.
    pub async fn archive_body(&self, bucket: &str, keys: &[String]) -> Result<Option<ArchiveBody>, Failure> {
        let mut refused = None;
        for key in keys {
            let answer = self
                .in_its_region(bucket, |config| {
                    self.s3.get_object().bucket(bucket).key(key).customize().config_override(config).send()
                })
                .await;
            match answer {
                Ok(object) => return body_of(object).await.map(Some),
                Err(failure) if failure.class == FailureClass::Gone => {}
                Err(failure) if failure.class == FailureClass::Denied => refused = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ArchiveObject, Failure> {
        let answer = self
            .in_its_region(bucket, |config| {
                self.s3.head_object().bucket(bucket).key(key).customize().config_override(config).send()
            })
            .await?;
        Ok(ArchiveObject {
            bucket: bucket.into(),
            key: key.into(),
            size: answer.content_length.unwrap_or_default(),
            modified_at: answer.last_modified.as_ref().and_then(super::scope::timestamp),
            encryption: answer.server_side_encryption.as_ref().map(|kind| kind.as_str().into()),
            kms_key: answer.ssekms_key_id.as_deref().map(Into::into),
        })
    }

    /// Sends a request in the region of the bucket: a bucket of another region says which one.
    async fn in_its_region<T, E, F>(&self, bucket: &str, request: impl Fn(Builder) -> F) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let known = self.bucket_regions.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned();
        let mut region = known.unwrap_or_else(|| self.id.region.to_string());
        let mut moved = false;
        loop {
            let began = Instant::now();
            let error = match Box::pin(request(Builder::new().region(Region::new(region.clone())))).await {
                Ok(answer) => {
                    self.count(ACTION, None);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let home = error
                .raw_response()
                .filter(|response| matches!(response.status().as_u16(), 301 | 307 | 400))
                .and_then(|response| response.headers().get("x-amz-bucket-region"))
                .filter(|home| **home != *region)
                .map(str::to_owned);
            let failure = judged(classify(ACTION, &error), &self.held_for_archive, began);
            let status = error.raw_response().map(|response| response.status().as_u16());
            if failure.code.is_none() && matches!(status, Some(400 | 403)) && home.is_none() {
                self.held_for_archive.doubtful(began);
            }
            self.count(ACTION, Some(&failure));
            match home {
                Some(home) if !moved => {
                    let mut regions = self.bucket_regions.lock().unwrap_or_else(PoisonError::into_inner);
                    regions.insert(bucket.to_owned(), home.clone());
                    region = home;
                    moved = true;
                }
                _ => return Err(failure),
            }
        }
    }
}

/// Reads the body up to its bound; the rest is not asked for.
async fn body_of(object: GetObjectOutput) -> Result<ArchiveBody, Failure> {
    let mut body = object.body;
    let read = async {
        let mut bytes: Vec<u8> = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| unreachable(ACTION, &format!("the object broke off: {error}")))?;
            let room = MOST_BYTES.saturating_sub(bytes.len());
            let part = chunk.get(..room.min(chunk.len())).unwrap_or_default();
            bytes.extend_from_slice(part);
            if part.len() < chunk.len() {
                return Ok(ArchiveBody { bytes: bytes.into(), cut: true });
            }
        }
        // A body that is shorter than it says is not what was archived.
        match object.content_length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) if length != bytes.len() => Err(other(ACTION, "the object is not as long as the answer says")),
            _ => Ok(ArchiveBody { bytes: bytes.into(), cut: false }),
        }
    };
    timeout(BODY_TIME, read).await.unwrap_or_else(|_| Err(unreachable(ACTION, "the object did not come in time")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScopeId;

    #[test]
    fn all_three_key_forms_are_tried() {
        // Fault 6 of the reference guardrail: it looks under one of them, and not the agent's.
        let session = SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), "a:b-0f");
        assert_eq!(
            archive_keys("/logs/", &session),
            ["logs/ab-0f.log", "logs/eu-central-1/ab-0f.log", "111122223333/eu-central-1/ab-0f.log"]
        );
        assert_eq!(
            archive_keys("", &session),
            ["ab-0f.log", "eu-central-1/ab-0f.log", "111122223333/eu-central-1/ab-0f.log"]
        );
        assert_eq!(archive_keys("111122223333", &session).len(), 2);
    }
}
