//! A service's own error: code, words, HTTP status.

/// An AWS error as a service answers it; the protocol decides how it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// The code clients branch on, as in the service's model (`InvalidNextToken`, `AccessDeniedException`, …).
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Further members of the error's shape, or elements of S3's error document.
    pub details: Vec<(&'static str, String)>,
}

impl AwsError {
    /// An error that blames the request (HTTP 400).
    pub fn client(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400, details: Vec::new() }
    }

    /// The same error under another HTTP status (S3 and IAM use 403, 404, 409).
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same error with one member more.
    pub fn with_detail(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.push((name, value.to_string()));
        self
    }

    /// The constraint violation that AWS's front end answers before a service sees the request.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::client("ValidationException", message)
    }
}
