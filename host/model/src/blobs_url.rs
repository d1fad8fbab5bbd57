//! Where artifacts are kept other than in the environment's folder: a bucket, and a prefix in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

const SCHEME: &str = "s3://";
/// More than any prefix needs; S3 itself takes 1,024 bytes for a name.
const MOST: usize = 700;

/// An address such as `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobsUrl {
    bucket: String,
    prefix: Vec<String>,
}

/// A text that is not a [`BlobsUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" is not where artifacts can be kept: use s3://BUCKET/PREFIX, the bucket of 3 to 63 of a-z, 0-9, . and -, the prefix of parts of \
     A-Z, a-z, 0-9, ., _ and -",
    .0.escape_debug()
)]
pub struct InvalidBlobsUrl(String);

impl BlobsUrl {
    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The parts of the prefix: none is empty, `.` or `..`.
    pub fn prefix(&self) -> &[String] {
        &self.prefix
    }

    /// A place within this one.
    ///
    /// # Errors
    /// A part is not one that a prefix may have.
    pub fn within<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidBlobsUrl> {
        let parts: Vec<&str> = parts.into_iter().collect();
        let mut prefix = self.prefix.clone();
        if !parts.iter().copied().all(is_part) {
            return Err(InvalidBlobsUrl(parts.join("/")));
        }
        prefix.extend(parts.into_iter().map(str::to_owned));
        Ok(Self { bucket: self.bucket.clone(), prefix })
    }
}

fn is_part(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !matches!(part, "" | "." | "..") && part.bytes().all(allowed)
}

fn is_bucket(bucket: &str) -> bool {
    (3..=63).contains(&bucket.len())
        && !bucket.starts_with(['.', '-'])
        && bucket.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
}

impl FromStr for BlobsUrl {
    type Err = InvalidBlobsUrl;

    fn from_str(url: &str) -> Result<Self, InvalidBlobsUrl> {
        let parsed = || {
            let rest = url.strip_prefix(SCHEME).filter(|rest| rest.len() <= MOST)?;
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            let prefix: Vec<String> =
                if prefix.is_empty() { Vec::new() } else { prefix.split('/').map(str::to_owned).collect() };
            (is_bucket(bucket) && prefix.iter().all(|part| is_part(part)))
                .then(|| Self { bucket: bucket.to_owned(), prefix })
        };
        parsed().ok_or_else(|| InvalidBlobsUrl(url.to_owned()))
    }
}

impl fmt::Display for BlobsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.bucket)?;
        self.prefix.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl<'de> Deserialize<'de> for BlobsUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_what_it_shows() {
        for url in ["s3://bucket", "s3://a.b-c/one/Two_3", "s3://123/x"] {
            assert_eq!(url.parse::<BlobsUrl>().unwrap().to_string(), url);
        }
        assert_eq!("s3://bucket/a/".parse::<BlobsUrl>().unwrap().to_string(), "s3://bucket/a");
    }

    #[test]
    fn nothing_leaves_the_prefix() {
        for url in ["", "bucket", "http://bucket/a", "s3://", "s3://ab", "s3://Bucket", "s3://-bucket"] {
            assert!(url.parse::<BlobsUrl>().is_err(), "{url}");
        }
        for part in ["", ".", "..", "a/b", "a\\b", "a b", "%2e", "a?b", "a#b", "\0"] {
            assert!(
                format!("s3://bucket/x/{part}/y").parse::<BlobsUrl>().is_err() || part == "a/b",
                "{part}"
            );
            assert!("s3://bucket/x".parse::<BlobsUrl>().unwrap().within([part]).is_err(), "{part}");
        }
    }
}
