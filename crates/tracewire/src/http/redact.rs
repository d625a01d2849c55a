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
    #[inline]
    pub(crate) fn query<'a>(&self, query: &'a str) -> Cow<'a, str> {
        if self.may_hold_secrets(query.as_bytes()) {
            Cow::Owned(self.redacted(query))
        } else {
            Cow::Borrowed(query)
        }
    }

    #[cold]
    fn redacted(&self, query: &str) -> String {
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
        redacted
    }

    /// Whether a key is secret, or would have to be decoded to know. Most queries have none such.
    fn may_hold_secrets(&self, query: &[u8]) -> bool {
        let (mut began, mut is_key) = (0, true);
        for (at, byte) in query.iter().enumerate() {
            match byte {
                // Mostly letters.
                b'>'.. => {}
                b'&' => (began, is_key) = (at + 1, true),
                b'%' if is_key => return true,
                b'=' if is_key => {
                    if self.lists(&query[began..at]) {
                        return true;
                    }
                    is_key = false;
                }
                _ => {}
            }
        }
        false
    }

    fn is_secret(&self, key: &str) -> bool {
        if !key.contains('%') {
            return self.lists(key.as_bytes());
        }
        self.lists(percent_decode_str(key).decode_utf8_lossy().as_bytes())
    }

    fn lists(&self, key: &[u8]) -> bool {
        match &self.0 {
            None => DEFAULT.iter().any(|secret| secret.as_bytes() == key),
            Some(keys) => keys.iter().any(|secret| secret.as_bytes() == key),
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
