//! The log archive: one object a session, in a bucket that often lies in another account.

use std::{sync::PoisonError, time::Instant};

use super::{failure::classify, held::judged, scope::ScopeClient};
use crate::domain::{ArchiveObject, Failure, FailureClass, SessionKey};

/// HeadObject needs the permission to read the object.
const ACTION: &str = "s3:GetObject";

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

    async fn head(&self, bucket: &str, key: &str) -> Result<ArchiveObject, Failure> {
        let known = self.bucket_regions.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned();
        let mut region = known.unwrap_or_else(|| self.id.region.to_string());
        let mut moved = false;
        loop {
            let sdk_region = aws_sdk_s3::config::Region::new(region.clone());
            let request = self
                .s3
                .head_object()
                .bucket(bucket)
                .key(key)
                .customize()
                .config_override(aws_sdk_s3::config::Builder::new().region(sdk_region));
            let began = Instant::now();
            let answer = match Box::pin(request.send()).await {
                Ok(answer) => answer,
                Err(error) => {
                    // A bucket of another region says which one.
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
                            self.bucket_regions
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .insert(bucket.to_owned(), home.clone());
                            region = home;
                            moved = true;
                            continue;
                        }
                        _ => return Err(failure),
                    }
                }
            };
            self.count(ACTION, None);
            return Ok(ArchiveObject {
                bucket: bucket.into(),
                key: key.into(),
                size: answer.content_length.unwrap_or_default(),
                modified_at: answer.last_modified.as_ref().and_then(super::scope::timestamp),
                encryption: answer.server_side_encryption.as_ref().map(|kind| kind.as_str().into()),
                kms_key: answer.ssekms_key_id.as_deref().map(Into::into),
            });
        }
    }
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
