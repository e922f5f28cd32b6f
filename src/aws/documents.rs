//! Session documents, the preferences among them.

use std::sync::Arc;

use aws_sdk_ssm::types::{DocumentFormat, DocumentPermissionType};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    failure::other,
    page::{Page, all_pages},
    scope::ScopeClient,
};
use crate::domain::{DocumentStanding, Fact, Failure, FailureClass, Preferences, SessionDocument, SessionType};

const GET: &str = "ssm:GetDocument";
const DESCRIBE: &str = "ssm:DescribeDocument";
const MOST_PAGES: usize = 20;
const PERMISSION: &str = "ssm:DescribeDocumentPermission";

/// The document that holds a scope's preferences.
pub const PREFERENCES_DOCUMENT: &str = "SSM-SessionManagerRunShell";

impl ScopeClient {
    /// The scope's preferences; `None`: it has none.
    ///
    /// # Errors
    /// A classified failure; a document that is not JSON.
    pub async fn preferences(&self) -> Result<Option<SessionDocument>, Failure> {
        self.session_document(PREFERENCES_DOCUMENT).await
    }

    /// The newest version of the scope's preferences; `None`: it has none.
    ///
    /// # Errors
    /// A classified failure; a document that is not JSON.
    pub async fn latest_preferences(&self) -> Result<Option<SessionDocument>, Failure> {
        self.document_version(PREFERENCES_DOCUMENT, Some("$LATEST")).await
    }

    /// Whose a document is, and whether everybody may use it; `None`: there is no such document. Only the owner is told
    /// who may use it.
    ///
    /// # Errors
    /// A classified failure of DescribeDocument. One of DescribeDocumentPermission is missing by itself.
    pub async fn document_standing(&self, name: &str) -> Result<Option<DocumentStanding>, Failure> {
        let answer = match self.send(DESCRIBE, self.ssm.describe_document().name(name).send()).await {
            Ok(answer) => answer,
            Err(failure) if failure.class == FailureClass::Gone => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let owner = answer.document.and_then(|document| document.owner);
        let owner: Arc<str> = owner.ok_or_else(|| other(DESCRIBE, "the service names no owner"))?.into();
        let mut public = Fact::not_read();
        if &*owner == self.id.account.as_str() {
            // Its own documents the service knows by name; the request takes no ARN.
            let bare = name.rsplit('/').next().unwrap_or(name);
            let shared = all_pages(PERMISSION, MOST_PAGES, |token| {
                let request = self.ssm.describe_document_permission().name(bare);
                let request = request.permission_type(DocumentPermissionType::Share).set_next_token(token);
                async move {
                    let answer = self.send(PERMISSION, request.send()).await?;
                    Ok(Page { next: answer.next_token, items: answer.account_ids.unwrap_or_default() })
                }
            });
            public = match shared.await {
                Ok(shared) => {
                    let all = shared.iter().any(|account| account.eq_ignore_ascii_case("all"));
                    Fact::known(all, PERMISSION, Timestamp::now())
                }
                Err(failure) => Fact::failed(failure, None),
            };
        }
        Ok(Some(DocumentStanding { owner, public }))
    }

    /// A session document by name or ARN; `None`: there is no such document.
    ///
    /// # Errors
    /// A classified failure; a document that is not JSON.
    pub async fn session_document(&self, name: &str) -> Result<Option<SessionDocument>, Failure> {
        self.document_version(name, None).await
    }

    async fn document_version(&self, name: &str, version: Option<&str>) -> Result<Option<SessionDocument>, Failure> {
        let request = self.ssm.get_document().name(name).document_format(DocumentFormat::Json);
        let request = request.set_document_version(version.map(str::to_owned));
        match self.send(GET, request.send()).await {
            Ok(answer) => parse(answer.content.as_deref().unwrap_or_default()).map(Some),
            Err(failure) if failure.class == FailureClass::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// Reads the content of a session document; unknown keys are ignored, booleans and numbers may be strings.
fn parse(content: &str) -> Result<SessionDocument, Failure> {
    let content: Value = serde_json::from_str(content)
        .map_err(|error| other(GET, &format!("the document's content is not JSON: {error}")))?;
    if !content.is_object() {
        return Err(other(GET, "the document's content is not a JSON object"));
    }
    let inputs = content.get("inputs");
    let field = |key: &str| inputs.and_then(|inputs| inputs.get(key));
    let text = |key: &str| match field(key) {
        Some(Value::String(text)) => text.trim().to_owned(),
        _ => String::new(),
    };
    let minutes = |key: &str| match field(key) {
        Some(Value::String(minutes)) => minutes.trim().parse().ok(),
        Some(Value::Number(minutes)) => minutes.as_u64().and_then(|minutes| u32::try_from(minutes).ok()),
        _ => None,
    };
    let switch = |key: &str| match field(key) {
        Some(Value::Bool(on)) => *on,
        Some(Value::String(on)) => on.trim().eq_ignore_ascii_case("true"),
        _ => false,
    };
    let profile = |system: &str| {
        let profile = field("shellProfile").and_then(|profile| profile.get(system)).and_then(Value::as_str);
        profile.unwrap_or_default().to_owned()
    };
    let document = SessionDocument {
        session_type: SessionType::parse(
            content.get("sessionType").and_then(Value::as_str).unwrap_or(SessionType::StandardStream.as_str()),
        ),
        inputs: Preferences {
            s3_bucket: text("s3BucketName"),
            s3_prefix: text("s3KeyPrefix"),
            log_group: text("cloudWatchLogGroupName"),
            streaming: switch("cloudWatchStreamingEnabled"),
            idle_timeout_minutes: minutes("idleSessionTimeout"),
            max_duration_minutes: minutes("maxSessionDuration"),
            s3_encrypted: switch("s3EncryptionEnabled"),
            log_group_encrypted: switch("cloudWatchEncryptionEnabled"),
            kms_key: text("kmsKeyId"),
            run_as_enabled: switch("runAsEnabled"),
            run_as_default_user: text("runAsDefaultUser"),
            shell_profile_linux: profile("linux"),
            shell_profile_windows: profile("windows"),
        },
        content: Arc::default(),
    };
    Ok(SessionDocument { content: Arc::new(content), ..document })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn preferences_are_read_with_strings_and_booleans() {
        let document = parse(
            r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream","later":1,"inputs":{"s3BucketName":"b","s3KeyPrefix":"p/",
                "cloudWatchLogGroupName":"/ssm","cloudWatchStreamingEnabled":"true","idleSessionTimeout":"20","maxSessionDuration":"",
                "shellProfile":{"linux":"exec bash"}}}"#,
        )
        .unwrap();
        assert_eq!(document.session_type, SessionType::StandardStream);
        let inputs = document.inputs;
        assert_eq!(
            (inputs.s3_bucket.as_str(), inputs.s3_prefix.as_str(), inputs.log_group.as_str()),
            ("b", "p/", "/ssm")
        );
        assert_eq!(
            (inputs.streaming, inputs.idle_timeout_minutes, inputs.max_duration_minutes),
            (true, Some(20), None)
        );
        let document = parse(r#"{"inputs":{"cloudWatchStreamingEnabled":true,"maxSessionDuration":60}}"#).unwrap();
        assert_eq!((document.inputs.streaming, document.inputs.max_duration_minutes), (true, Some(60)));
    }

    #[test]
    fn a_port_document_has_no_inputs() {
        let document =
            parse(r#"{"schemaVersion":"1.0","sessionType":"Port","properties":{"portNumber":"22"}}"#).unwrap();
        assert_eq!((document.session_type, document.inputs), (SessionType::Port, Preferences::default()));
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        assert!(parse("schemaVersion: '1.0'").is_err());
        assert!(parse("").is_err());
        assert!(parse("[]").is_err());
    }
}
