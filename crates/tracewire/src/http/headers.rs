//! Header fields that are recorded because somebody asked for them.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use crate::context::FEW_FIELDS;

/// Fields that are recorded without their values, even when asked for.
const SENSITIVE: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::SET_COOKIE,
    HeaderName::from_static("x-api-key"),
];

const REDACTED: &str = "REDACTED";

/// The first value of a field.
pub(crate) fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    if headers.len() > FEW_FIELDS {
        return headers.get(name);
    }
    headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// An allow-list of header fields. Names that are none are left out, and those named twice count once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(Vec<(HeaderName, Key)>);

impl Captured {
    pub(crate) fn new<T: AsRef<str>>(prefix: &str, names: impl IntoIterator<Item = T>) -> Self {
        let mut captured: Vec<(HeaderName, Key)> = Vec::new();
        for name in names {
            let Ok(name) = name.as_ref().parse::<HeaderName>() else {
                continue;
            };
            if captured.iter().all(|(known, _)| *known != name) {
                let key = Key::from(format!("{prefix}{name}"));
                captured.push((name, key));
            }
        }
        Self(captured)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// One attribute for each field that is there, its values in order.
    pub(crate) fn attributes<'a>(
        &'a self,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = KeyValue> + 'a {
        self.0.iter().filter(|(name, _)| headers.contains_key(name)).map(|(name, key)| {
            let text = |value: &HeaderValue| -> StringValue {
                if value.is_sensitive() || SENSITIVE.contains(name) {
                    return REDACTED.into();
                }
                String::from_utf8_lossy(value.as_bytes()).into_owned().into()
            };
            let values = headers.get_all(name).iter().map(text).collect();
            KeyValue::new(key.clone(), Value::Array(Array::String(values)))
        })
    }
}
