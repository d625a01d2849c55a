//! The headers of a request, looked through once for what every request is asked for.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::baggage::BAGGAGE;
use super::traceparent::TRACEPARENT;
use super::tracestate::TRACESTATE;
use super::{Carrier, FEW_FIELDS, Values};

/// The headers of a request, with the fields of the W3C and those that name the server and the user
/// agent at hand.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    headers: &'a HeaderMap,
    /// There are so many headers, or so many of these, that each is looked up when it is asked for.
    looks_up: bool,
    traceparent: Option<&'a HeaderValue>,
    tracestate: Option<&'a HeaderValue>,
    baggage: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    user_agent: Option<&'a HeaderValue>,
}

impl<'a> Fields<'a> {
    /// Headers of which little will be asked for.
    #[inline]
    pub(crate) fn unread(headers: &'a HeaderMap) -> Self {
        Self {
            headers,
            looks_up: true,
            traceparent: None,
            tracestate: None,
            baggage: None,
            host: None,
            user_agent: None,
        }
    }

    /// Headers of which all of these will be asked for.
    #[inline]
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let unread = Self::unread(headers);
        if headers.len() > FEW_FIELDS {
            return unread;
        }
        let mut fields = Self { looks_up: false, ..unread };
        for (name, value) in headers {
            let found = match name {
                // Names that `http` knows are numbers.
                name if *name == header::HOST => &mut fields.host,
                name if *name == header::USER_AGENT => &mut fields.user_agent,
                name => match name.as_str() {
                    "baggage" => &mut fields.baggage,
                    "tracestate" => &mut fields.tracestate,
                    "traceparent" => &mut fields.traceparent,
                    _ => continue,
                },
            };
            fields.looks_up |= found.is_some();
            *found = Some(value);
        }
        fields
    }

    /// The first `Host`.
    #[inline]
    pub(crate) fn host(&self) -> Option<&'a HeaderValue> {
        if self.looks_up { self.headers.get(header::HOST) } else { self.host }
    }

    /// The first `User-Agent`.
    #[inline]
    pub(crate) fn user_agent(&self) -> Option<&'a HeaderValue> {
        if self.looks_up { self.headers.get(header::USER_AGENT) } else { self.user_agent }
    }

    /// `None` where the field has to be looked up.
    #[inline]
    fn found(&self, name: &HeaderName) -> Option<Option<&'a [u8]>> {
        let value = match name {
            _ if self.looks_up => return None,
            name if std::ptr::eq(name, &TRACEPARENT) => self.traceparent,
            name if std::ptr::eq(name, &TRACESTATE) => self.tracestate,
            name if std::ptr::eq(name, &BAGGAGE) => self.baggage,
            _ => return None,
        };
        Some(value.map(HeaderValue::as_bytes))
    }
}

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fields(..)")
    }
}

impl Carrier for Fields<'_> {
    #[inline]
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        match self.found(name) {
            Some(value) => Values::one(value),
            None => Carrier::get_all(self.headers, name),
        }
    }

    #[inline]
    fn only<'a>(&'a self, name: &HeaderName) -> Option<&'a [u8]> {
        self.found(name).unwrap_or_else(|| self.headers.only(name))
    }

    #[inline]
    fn has(&self, name: &HeaderName) -> bool {
        self.found(name).map_or_else(|| self.headers.contains_key(name), |value| value.is_some())
    }
}
