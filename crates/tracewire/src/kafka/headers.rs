//! Context in Kafka's headers, which are bytes under names that tell upper from lower case.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::HeaderName;
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders, OwnedMessage};

use crate::context::{Carrier, CarrierMut, Values};

impl Carrier for OwnedHeaders {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        values(Some(self), name)
    }
}

impl Carrier for BorrowedMessage<'_> {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        values(self.headers(), name)
    }
}

impl Carrier for OwnedMessage {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        values(self.headers(), name)
    }
}

impl CarrierMut for OwnedHeaders {
    fn set(&mut self, name: &HeaderName, value: &str) {
        CarrierMut::remove(self, name);
        let header = Header { key: name.as_str(), value: Some(value) };
        *self = std::mem::take(self).insert(header);
    }

    fn remove(&mut self, name: &HeaderName) {
        if all(self).any(|header| is_named(&header, name)) {
            let rest = all(self).filter(|header| !is_named(header, name));
            *self = rest.fold(OwnedHeaders::new(), OwnedHeaders::insert);
        }
    }
}

/// The headers whose names can be read; `rdkafka` panics at one that is no UTF-8.
fn all<H: Headers>(headers: &H) -> impl Iterator<Item = Header<'_, &[u8]>> {
    let header = |index| catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok().flatten();
    (0..headers.count()).filter_map(header)
}

fn is_named(header: &Header<'_, &[u8]>, name: &HeaderName) -> bool {
    header.key.eq_ignore_ascii_case(name.as_str())
}

/// The values under the name in lower case, otherwise those under it in another.
fn values<'a>(headers: Option<&'a impl Headers>, name: &HeaderName) -> Values<'a> {
    let named = headers.into_iter().flat_map(all).filter(|header| is_named(header, name));
    let (exact, others): (Vec<_>, Vec<_>) = named.partition(|header| header.key == name.as_str());
    let found = if exact.is_empty() { others } else { exact };
    Values::many(found.into_iter().filter_map(|header| header.value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    static NAME: HeaderName = HeaderName::from_static("traceparent");

    fn headers(lines: &[(&str, Option<&str>)]) -> OwnedHeaders {
        let insert = |headers: OwnedHeaders, (key, value): &(&str, Option<&str>)| {
            headers.insert(Header { key, value: *value })
        };
        lines.iter().fold(OwnedHeaders::new(), insert)
    }

    fn text(headers: &OwnedHeaders) -> String {
        let line = |header: Header<'_, &[u8]>| {
            let value = header.value.map(String::from_utf8_lossy);
            format!("{}={}", header.key, value.as_deref().unwrap_or("null"))
        };
        all(headers).map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_are_read_in_any_case_and_in_lower_case_first() {
        let read = |lines: &[(&str, Option<&str>)]| {
            let headers = headers(lines);
            let values = Carrier::get_all(&headers, &NAME);
            values.map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(read(&[("Traceparent", Some("a"))]), ["a"]);
        assert_eq!(read(&[("Traceparent", Some("a")), ("traceparent", Some("b"))]), ["b"]);
        assert_eq!(read(&[("traceparent", Some("a")), ("traceparent", Some("b"))]), ["a", "b"]);
        assert_eq!(read(&[("traceparent", None), ("x", Some("a"))]), [""; 0]);
    }

    #[test]
    fn names_are_written_once_and_the_others_stay_in_order() {
        let mut written =
            headers(&[("Traceparent", Some("a")), ("x", Some("1")), ("x", None), ("y", Some(""))]);
        CarrierMut::set(&mut written, &NAME, "b");
        assert_eq!(text(&written), "x=1 x=null y= traceparent=b");
        CarrierMut::remove(&mut written, &NAME);
        assert_eq!(text(&written), "x=1 x=null y=");
    }
}
