//! One HTTP request, read completely, with what every protocol needs of it.

use std::io::Read;

use bytes::Bytes;
use hyper::http::{HeaderMap, Method, request::Parts};
use percent_encoding::percent_decode_str;

/// Largest request body of S3 that is read: a part of an upload.
pub const MAX_BODY: usize = 64 * 1024 * 1024;

/// Largest request body of any other service, packed or not: PutLogEvents' megabyte with room for JSON's escapes.
pub const MAX_RPC_BODY: usize = 6 * 1024 * 1024;

/// One HTTP request, read completely.
#[derive(Debug)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path as it was sent, percent-encoded.
    pub path: String,
    /// Query parameters in their order, decoded.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// `Host` (HTTP/1) or authority (HTTP/2), port included.
    pub host: String,
    /// Body as it was sent.
    pub body: Bytes,
}

impl Request {
    /// From the parts that hyper gives.
    pub fn new(parts: Parts, body: Bytes) -> Self {
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let header_host = parts.headers.get("host").and_then(|host| host.to_str().ok()).map(str::to_owned);
        let host =
            header_host.or_else(|| parts.uri.authority().map(|host| host.as_str().to_owned())).unwrap_or_default();
        Self { path: parts.uri.path().to_owned(), method: parts.method, query, headers: parts.headers, host, body }
    }

    /// A header's text; none if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query parameter; empty for one without a value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The path, decoded; bytes that are not UTF-8 are replaced.
    pub fn decoded_path(&self) -> String {
        percent_decode_str(&self.path).decode_utf8_lossy().into_owned()
    }

    /// Whether the body is a form (parameters of `text/plain` tools without a type are not).
    pub fn is_form(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// The form's pairs, or the query's for a GET request.
    pub fn form(&self) -> Vec<(String, String)> {
        let mut pairs = self.query.clone();
        if self.is_form() {
            pairs.extend(form_urlencoded::parse(&self.body).into_owned());
        }
        pairs
    }

    /// Undoes `Content-Encoding: gzip`. None if it is not gzip or unpacks to more than [`MAX_RPC_BODY`].
    pub fn unpack(&mut self) -> Option<()> {
        if !self.header("content-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip")) {
            return Some(());
        }
        let mut unpacked = Vec::new();
        let limit = MAX_RPC_BODY as u64 + 1;
        flate2::read::MultiGzDecoder::new(self.body.as_ref()).take(limit).read_to_end(&mut unpacked).ok()?;
        if unpacked.len() > MAX_RPC_BODY {
            return None;
        }
        self.body = unpacked.into();
        Some(())
    }
}
