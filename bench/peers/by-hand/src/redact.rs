//! Queries without secrets.

use std::borrow::Cow;

/// The keys whose values the conventions want to be redacted.
const SECRET: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// A query without the values of such keys. Most have none, and are looked through without a copy.
pub fn query(query: &str) -> Cow<'_, str> {
    if !query.split('&').any(is_secret) {
        return Cow::Borrowed(query);
    }
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if is_secret(pair) => format!("{key}=REDACTED"),
        _ => pair.to_owned(),
    });
    Cow::Owned(pairs.collect::<Vec<_>>().join("&"))
}

fn is_secret(pair: &str) -> bool {
    SECRET.iter().any(|key| pair.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')))
}
