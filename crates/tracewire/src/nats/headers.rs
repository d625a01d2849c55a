//! Context in NATS headers, which unlike those of HTTP tell upper from lower case.

use async_nats::{HeaderMap, HeaderValue};
use http::HeaderName;

use crate::context::{Carrier, CarrierMut, Values};

impl Carrier for HeaderMap {
    /// The values under the name in lower case, otherwise those under it in another.
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        let mut found = None;
        for (key, values) in self.iter() {
            let key: &str = key.as_ref();
            if key == name.as_str() {
                found = Some(values);
                break;
            }
            if key.eq_ignore_ascii_case(name.as_str()) {
                found = Some(values);
            }
        }
        match found.map(Vec::as_slice) {
            None | Some([]) => Values::one(None),
            Some([value]) => Values::one(Some(value.as_ref())),
            Some(values) => Values::many(values.iter().map(AsRef::as_ref).collect()),
        }
    }
}

impl CarrierMut for HeaderMap {
    fn set(&mut self, name: &HeaderName, value: &str) {
        CarrierMut::remove(self, name);
        if let Ok(value) = value.parse::<HeaderValue>() {
            self.insert(name.as_str(), value);
        }
    }

    fn remove(&mut self, name: &HeaderName) {
        let is_it = |key: &str| key.eq_ignore_ascii_case(name.as_str());
        if !self.iter().any(|(key, _)| is_it(key.as_ref())) {
            return;
        }
        let mut rest = HeaderMap::new();
        for (key, values) in self.iter().filter(|(key, _)| !is_it(key.as_ref())) {
            values.iter().for_each(|value| rest.append(key.clone(), value.clone()));
        }
        *self = rest;
    }
}

/// How many bytes headers take on the wire.
fn wire_length(headers: &HeaderMap) -> usize {
    const FRAME: usize = "NATS/1.0\r\n\r\n".len();
    let lines = headers.iter().flat_map(|(key, values)| {
        let key: &str = key.as_ref();
        values.iter().map(move |value| key.len() + value.as_str().len() + ": \r\n".len())
    });
    FRAME + lines.sum::<usize>()
}

/// What to send: the headers with the context in them, or as they were where the server would not
/// take those.
pub(super) fn acceptable(
    client: &async_nats::Client,
    before: Option<HeaderMap>,
    with_context: HeaderMap,
    payload: usize,
) -> Option<HeaderMap> {
    let knows_headers = client.try_server_info().is_none_or(|server| server.headers);
    let fits = || payload.saturating_add(wire_length(&with_context)) <= client.max_payload();
    // No headers at all are none on the wire; an empty map is still a map.
    if with_context.is_empty() || !knows_headers || !fits() {
        return before;
    }
    Some(with_context)
}

#[cfg(test)]
mod tests {
    use super::*;

    static NAME: HeaderName = HeaderName::from_static("traceparent");

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        lines.iter().for_each(|(key, value)| headers.append(*key, *value));
        headers
    }

    fn values(headers: &HeaderMap) -> Vec<&[u8]> {
        Carrier::get_all(headers, &NAME).collect()
    }

    #[test]
    fn names_are_read_in_any_case_and_in_lower_case_first() {
        assert_eq!(values(&headers(&[("Traceparent", "a")])), [b"a"]);
        assert_eq!(values(&headers(&[("TRACEPARENT", "a"), ("traceparent", "b")])), [b"b"]);
        assert_eq!(values(&headers(&[("traceparent", "a"), ("traceparent", "b")])), [b"a", b"b"]);
        assert!(values(&headers(&[("trace-parent", "a")])).is_empty());
    }

    #[test]
    fn names_are_written_once_and_in_lower_case() {
        let mut written = headers(&[("Traceparent", "a"), ("x", "1"), ("x", "2")]);
        CarrierMut::set(&mut written, &NAME, "b");
        assert_eq!(written, headers(&[("traceparent", "b"), ("x", "1"), ("x", "2")]));
        CarrierMut::remove(&mut written, &NAME);
        assert_eq!(written, headers(&[("x", "1"), ("x", "2")]));
    }

    #[test]
    fn a_value_that_headers_cannot_hold_is_left_out() {
        let mut written = headers(&[("Traceparent", "a")]);
        CarrierMut::set(&mut written, &NAME, "b\r\nx: 1");
        assert!(written.is_empty());
    }

    #[test]
    fn the_length_is_that_on_the_wire() {
        let text = "NATS/1.0\r\nx: 1\r\nx: 22\r\n\r\n";
        assert_eq!(wire_length(&headers(&[("x", "1"), ("x", "22")])), text.len());
    }
}
