//! The headers of a message as a carrier of context.

use std::collections::BTreeMap;

use http::HeaderName;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::context::{Carrier, CarrierMut, Values};

/// Headers of a message that was received.
#[derive(Clone, Copy)]
pub(super) struct Received<'a>(Option<&'a FieldTable>);

/// Headers of a message that is about to leave.
pub(super) struct Leaving {
    headers: BTreeMap<ShortString, AMQPValue>,
    changed: bool,
}

// === impl Received ===

impl<'a> Received<'a> {
    pub(super) fn of(properties: &'a BasicProperties) -> Self {
        Self(properties.headers().as_ref())
    }
}

impl Carrier for Received<'_> {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        Values::one(self.0.and_then(|headers| find(headers.inner(), name)))
    }
}

// === impl Leaving ===

impl Leaving {
    pub(super) fn of(properties: &BasicProperties) -> Self {
        let headers = properties.headers().as_ref().map(FieldTable::inner);
        Self { headers: headers.cloned().unwrap_or_default(), changed: false }
    }

    /// The properties with these headers.
    pub(super) fn write(self, properties: BasicProperties) -> BasicProperties {
        if self.changed { properties.with_headers(self.headers.into()) } else { properties }
    }
}

impl Carrier for Leaving {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        Values::one(find(&self.headers, name))
    }
}

impl CarrierMut for Leaving {
    fn set(&mut self, name: &HeaderName, value: &str) {
        self.remove(name);
        // All names of fields are short.
        if let Ok(name) = ShortString::try_new(name.as_str()) {
            self.headers.insert(name, AMQPValue::LongString(value.into()));
            self.changed = true;
        }
    }

    fn remove(&mut self, name: &HeaderName) {
        let count = self.headers.len();
        self.headers.retain(|key, _| !key.as_str().eq_ignore_ascii_case(name.as_str()));
        self.changed |= self.headers.len() != count;
    }
}

/// The value of a header, by its name as written, then ignoring case. What is not text is not there.
fn find<'a>(headers: &'a BTreeMap<ShortString, AMQPValue>, name: &HeaderName) -> Option<&'a [u8]> {
    let name = name.as_str();
    let found = headers.get(name).or_else(|| {
        let same = |key: &ShortString| key.as_str().eq_ignore_ascii_case(name);
        headers.iter().find(|(key, _)| same(key)).map(|(_, value)| value)
    });
    match found? {
        AMQPValue::LongString(value) => Some(value.as_bytes()),
        AMQPValue::ShortString(value) => Some(value.as_str().as_bytes()),
        AMQPValue::ByteArray(value) => Some(value.as_slice()),
        _ => None,
    }
}
