//! Bodies of S3 requests: `aws-chunked` framing, trailing checksums, digests.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use md5::Md5;
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

/// Reflected polynomials of the two checksums that no library here knows.
const CRC32C: u64 = 0x82f6_3b78;
const CRC64NVME: u64 = 0x9a6c_9329_ac4b_c9b5;

/// Computes one kind of digest.
type Digester = fn(&[u8]) -> Vec<u8>;

/// The checksums that are computed here, by the names that S3 gives their algorithms.
const DIGESTERS: [(&str, Digester); 4] = [
    ("CRC32", |content| {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        crc.sum().to_be_bytes().to_vec()
    }),
    ("CRC32C", |content| crc(content, CRC32C, 0xffff_ffff).to_be_bytes().into_iter().skip(4).collect()),
    ("CRC64NVME", |content| crc(content, CRC64NVME, u64::MAX).to_be_bytes().to_vec()),
    ("SHA256", |content| Sha256::digest(content).to_vec()),
];

/// The checksum of one of S3's algorithms (`CRC32`, `CRC32C`, `CRC64NVME`, `SHA256`), in its bytes; none for any other.
pub fn checksum(algorithm: &str, content: &[u8]) -> Option<Vec<u8>> {
    DIGESTERS.iter().find(|(name, _)| *name == algorithm).map(|(_, digest)| digest(content))
}

/// Compares the digests that came with what was stored; SHA-1, which no client sends by itself, is taken as it is.
pub(super) fn check_digests(input: &Value, content: &[u8]) -> Result<(), AwsError> {
    for (name, digest) in DIGESTERS {
        let Some(text) = input.text(&format!("Checksum{name}")) else { continue };
        let expected = digest(content);
        let sent = STANDARD.decode(text).ok().filter(|sent| sent.len() == expected.len()).ok_or_else(|| {
            let header = name.to_ascii_lowercase();
            AwsError::client("InvalidRequest", format!("Value for x-amz-checksum-{header} header is invalid."))
        })?;
        if sent != expected {
            let words = format!("The {name} you specified did not match the calculated checksum.");
            return Err(AwsError::client("BadDigest", words));
        }
    }
    if let Some(text) = input.text("ContentMD5") {
        let sent = STANDARD
            .decode(text)
            .ok()
            .filter(|sent| sent.len() == 16)
            .ok_or_else(|| AwsError::client("InvalidDigest", "The Content-MD5 you specified was invalid."))?;
        if sent != Md5::digest(content).to_vec() {
            return Err(AwsError::client("BadDigest", "The Content-MD5 you specified did not match what we received."));
        }
    }
    Ok(())
}

/// A reflected CRC that begins with, and is inverted by, `ones`.
fn crc(content: &[u8], polynomial: u64, ones: u64) -> u64 {
    let table: [u64; 256] = std::array::from_fn(|byte| {
        (0..8).fold(byte as u64, |rest, _| if rest & 1 == 1 { (rest >> 1) ^ polynomial } else { rest >> 1 })
    });
    let sum = content.iter().fold(ones, |sum, byte| {
        let index = usize::from(sum.to_le_bytes().first().copied().unwrap_or_default() ^ byte);
        (sum >> 8) ^ table.get(index).copied().unwrap_or_default()
    });
    sum ^ ones
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

    #[test]
    fn checksums_are_those_of_the_catalogue() {
        // The check values of "123456789" in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc(b"123456789", CRC32C, 0xffff_ffff), 0xe306_9283);
        assert_eq!(crc(b"123456789", CRC64NVME, u64::MAX), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn a_digest_of_something_else_is_refused() {
        for (member, good, code) in [
            ("ChecksumCRC32", "NhCmhg==", "BadDigest"),
            ("ChecksumCRC32C", "mnG7TA==", "BadDigest"),
            ("ChecksumCRC64NVME", "M3eFcAZSQlc=", "BadDigest"),
            ("ChecksumSHA256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "BadDigest"),
            ("ContentMD5", "XUFAKrxLKna5cZ2REBfFkg==", "BadDigest"),
        ] {
            let input = Value::structure([(member, good.into())]);
            assert_eq!(check_digests(&input, b"hello"), Ok(()), "{member}");
            assert_eq!(check_digests(&input, b"hellO").map_err(|error| error.code), Err(code.to_owned()), "{member}");
            let input = Value::structure([(member, "AA==".into())]);
            assert!(check_digests(&input, b"hello").is_err(), "{member}");
        }
    }

    proptest! {
        #[test]
        fn any_chunked_body_is_read_or_refused(raw in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = unchunk(&raw);
        }
    }
}
