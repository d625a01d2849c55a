//! What must not be recorded: secrets in queries and URLs.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

/// Semantic conventions, `url.query`: keys whose values are redacted unless configured otherwise.
const DEFAULT: [&str; 7] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
];

const REDACTED: &str = "REDACTED";

/// Query keys whose values are replaced by `REDACTED`. Comparison is case-sensitive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction(Option<Arc<[Box<str>]>>);

impl Redaction {
    /// A full replacement of the default list.
    pub(crate) fn only<T: AsRef<str>>(keys: impl IntoIterator<Item = T>) -> Self {
        Self(Some(keys.into_iter().map(|key| key.as_ref().into()).collect()))
    }

    /// A query with secret values replaced.
    pub(crate) fn query<'a>(&self, query: &'a str) -> Cow<'a, str> {
        let secret = |pair: &[u8]| {
            let equals = pair.iter().position(|byte| *byte == b'=');
            equals.is_some_and(|equals| self.may_be_secret(&pair[..equals]))
        };
        if !query.as_bytes().split(|byte| *byte == b'&').any(secret) {
            return Cow::Borrowed(query);
        }
        let mut redacted = String::with_capacity(query.len());
        for (index, pair) in query.split('&').enumerate() {
            if index > 0 {
                redacted.push('&');
            }
            match pair.split_once('=') {
                Some((key, _)) if self.is_secret(key) => {
                    redacted.extend([key, "=", REDACTED]);
                }
                _ => redacted.push_str(pair),
            }
        }
        Cow::Owned(redacted)
    }

    /// Whether a key is secret, or would have to be decoded to know. Most queries have none such.
    fn may_be_secret(&self, key: &[u8]) -> bool {
        let is_listed = match &self.0 {
            None => DEFAULT.iter().any(|secret| secret.as_bytes() == key),
            Some(keys) => keys.iter().any(|secret| secret.as_bytes() == key),
        };
        is_listed || key.contains(&b'%')
    }

    fn is_secret(&self, key: &str) -> bool {
        if !key.contains('%') {
            return self.lists(key);
        }
        self.lists(&percent_decode_str(key).decode_utf8_lossy())
    }

    fn lists(&self, key: &str) -> bool {
        match &self.0 {
            None => DEFAULT.contains(&key),
            Some(keys) => keys.iter().any(|secret| **secret == *key),
        }
    }
}

/// The authority of a URL with its user and password replaced.
pub(crate) fn authority(authority: &str) -> Cow<'_, str> {
    if !authority.as_bytes().contains(&b'@') {
        return Cow::Borrowed(authority);
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    Cow::Owned(format!("{REDACTED}:{REDACTED}@{host}"))
}
