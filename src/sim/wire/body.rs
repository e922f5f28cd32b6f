//! Bodies of S3 requests: `aws-chunked` framing, trailing checksums, digests.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{request::Request, value::Value};
use crate::sim::error::AwsError;

/// A body, put together.
pub(super) struct Body {
    /// What is to be stored.
    pub content: Bytes,
    /// Trailing headers, names in lower case.
    pub trailers: Vec<(String, String)>,
}

/// Puts the body of a request together.
///
/// # Errors
/// `IncompleteBody` and `XAmzContentSHA256Mismatch`.
pub(super) fn body(request: &Request) -> Result<Body, AwsError> {
    let streaming = request.header("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"))
        || request
            .header("content-encoding")
            .is_some_and(|encoding| encoding.split(',').any(|name| name.trim() == "aws-chunked"));
    if !streaming {
        if let Some(expected) = request.header("x-amz-content-sha256").filter(|hash| hash.len() == 64) {
            let actual = hex(&Sha256::digest(&request.body));
            if !expected.eq_ignore_ascii_case(&actual) {
                return Err(AwsError::client(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ));
            }
        }
        return Ok(Body { content: request.body.clone(), trailers: Vec::new() });
    }
    let incomplete = || AwsError::client("IncompleteBody", "The request body terminated unexpectedly");
    let body = unchunk(&request.body).ok_or_else(incomplete)?;
    if let Some(length) = request.header("x-amz-decoded-content-length")
        && length.parse() != Ok(body.content.len())
    {
        return Err(AwsError::client(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ));
    }
    Ok(body)
}

/// Takes `aws-chunked` apart: `HEX[;chunk-signature=…]CRLF DATA CRLF … 0[;…]CRLF trailers CRLF`.
fn unchunk(raw: &[u8]) -> Option<Body> {
    let mut content = Vec::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        let (line, after) = split_line(rest)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        let (data, after) = rest.split_at_checked(size)?;
        content.extend_from_slice(data);
        rest = after.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    while let Some((line, after)) = split_line(rest) {
        if let Some((name, value)) = line.split_once(':') {
            trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        rest = after;
    }
    Some(Body { content: content.into(), trailers })
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(line).ok()?, rest.get(2..)?))
}

/// Compares the checksums that need no further library with what came.
pub(super) fn check_digests(input: &Value, content: &[u8]) -> Result<(), AwsError> {
    let mismatch = |name: &str| {
        AwsError::client("BadDigest", format!("The {name} you specified did not match the calculated checksum."))
    };
    let malformed = |name: &str| AwsError::client("InvalidRequest", format!("Value for {name} header is invalid."));
    if let Some(expected) = input.text("ChecksumCRC32") {
        let expected = STANDARD.decode(expected).map_err(|_| malformed("x-amz-checksum-crc32"))?;
        let mut crc = flate2::Crc::new();
        crc.update(content);
        if expected != crc.sum().to_be_bytes() {
            return Err(mismatch("CRC32"));
        }
    }
    if let Some(expected) = input.text("ChecksumSHA256") {
        let expected = STANDARD.decode(expected).map_err(|_| malformed("x-amz-checksum-sha256"))?;
        if expected.as_slice() != Sha256::digest(content).as_slice() {
            return Err(mismatch("SHA256"));
        }
    }
    if let Some(digest) = input.text("ContentMD5")
        && STANDARD.decode(digest).map_or(true, |bytes| bytes.len() != 16)
    {
        return Err(AwsError::client("InvalidDigest", "The Content-MD5 you specified was invalid."));
    }
    Ok(())
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_chunked_body_is_read_or_refused(raw in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = unchunk(&raw);
        }
    }
}
