//! How much one span or log record may hold.
//!
//! Specification: "Attribute Limits" and "Span Limits". The resource is exempt.

mod records;

use std::time::Duration;

use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanLimits, SpanProcessor};

pub(super) use self::records::RecordLimits;

/// How much one span, or log record, may hold. What is beyond is dropped and counted in it. Log
/// records have attributes alone.
///
/// What is not said comes from the environment.
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it has to be given to a builder"]
pub struct Limits {
    pub(super) value_length: Option<usize>,
    pub(super) attributes: Option<u32>,
    pub(super) events: Option<u32>,
    pub(super) links: Option<u32>,
    pub(super) event_attributes: Option<u32>,
    pub(super) link_attributes: Option<u32>,
    pub(super) value_depth: Option<usize>,
}

impl Limits {
    /// Nothing is said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many characters a text may have as the value of an attribute, of the span or of its
    /// events and links; longer ones are cut off. As many as you like by default. Variables:
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`,
    /// `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.
    pub fn attribute_value_length(mut self, characters: usize) -> Self {
        self.value_length = Some(characters);
        self
    }

    /// How many lists and maps may be within each other as the value of an attribute of a log record;
    /// 64 by default. Deeper ones are left out. Values in spans are never nested. There is no variable
    /// for it.
    pub fn attribute_value_depth(mut self, most: usize) -> Self {
        self.value_depth = Some(most);
        self
    }

    /// How many attributes a span or a log record may have; 128 by default. Variables:
    /// `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`,
    /// `OTEL_ATTRIBUTE_COUNT_LIMIT`.
    pub fn attributes(mut self, most: u32) -> Self {
        self.attributes = Some(most);
        self
    }

    /// How many events a span may have; 128 by default. Variable: `OTEL_SPAN_EVENT_COUNT_LIMIT`.
    pub fn events(mut self, most: u32) -> Self {
        self.events = Some(most);
        self
    }

    /// How many links a span may have; 128 by default. Variable: `OTEL_SPAN_LINK_COUNT_LIMIT`.
    pub fn links(mut self, most: u32) -> Self {
        self.links = Some(most);
        self
    }

    /// How many attributes an event may have; 128 by default. Variable:
    /// `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`.
    pub fn event_attributes(mut self, most: u32) -> Self {
        self.event_attributes = Some(most);
        self
    }

    /// How many attributes a link may have; 128 by default. Variable:
    /// `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`.
    pub fn link_attributes(mut self, most: u32) -> Self {
        self.link_attributes = Some(most);
        self
    }

    /// What is said here, and else what `other` says.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            value_length: self.value_length.or(other.value_length),
            value_depth: self.value_depth.or(other.value_depth),
            attributes: self.attributes.or(other.attributes),
            events: self.events.or(other.events),
            links: self.links.or(other.links),
            event_attributes: self.event_attributes.or(other.event_attributes),
            link_attributes: self.link_attributes.or(other.link_attributes),
        }
    }

    /// What of this the SDK does by itself.
    pub(super) fn of_spans(&self) -> SpanLimits {
        let SpanLimits {
            max_events_per_span,
            max_attributes_per_span,
            max_links_per_span,
            max_attributes_per_event,
            max_attributes_per_link,
        } = SpanLimits::default();
        SpanLimits {
            max_events_per_span: self.events.unwrap_or(max_events_per_span),
            max_attributes_per_span: self.attributes.unwrap_or(max_attributes_per_span),
            max_links_per_span: self.links.unwrap_or(max_links_per_span),
            max_attributes_per_event: self.event_attributes.unwrap_or(max_attributes_per_event),
            max_attributes_per_link: self.link_attributes.unwrap_or(max_attributes_per_link),
        }
    }
}

/// Hands spans to `P`, with texts no longer than the limit if there is one.
#[derive(Debug)]
pub(super) struct Short<P> {
    inner: P,
    limit: Option<usize>,
}

impl<P> Short<P> {
    pub(super) fn new(inner: P, limits: &Limits) -> Self {
        Self { inner, limit: limits.value_length }
    }
}

impl<P: SpanProcessor> SpanProcessor for Short<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if let Some(limit) = self.limit {
            shorten(&mut span.attributes, limit);
            for event in &mut span.events.events {
                shorten(&mut event.attributes, limit);
            }
            for link in &mut span.links.links {
                shorten(&mut link.attributes, limit);
            }
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Cuts texts off after so many characters, those in arrays too.
pub(super) fn shorten(attributes: &mut [KeyValue], limit: usize) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(text) => cut(text, limit),
            Value::Array(Array::String(texts)) => {
                texts.iter_mut().for_each(|text| cut(text, limit));
            }
            _ => {}
        }
    }
}

fn cut(text: &mut StringValue, limit: usize) {
    if let Some(end) = end_of(text.as_str(), limit) {
        *text = text.as_str()[..end].to_owned().into();
    }
}

/// Where a text of more than `limit` characters has to be cut off.
fn end_of(text: &str, limit: usize) -> Option<usize> {
    // A character has at least one byte.
    if text.len() <= limit {
        return None;
    }
    text.char_indices().nth(limit).map(|(end, _)| end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let cases = [
            (Value::from("abcdef"), 3, Value::from("abc")),
            (Value::from("äöü€"), 3, Value::from("äöü")),
            (Value::from("äöü"), 3, Value::from("äöü")),
            (Value::from("abc"), 0, Value::from("")),
            (Value::from(123_456), 3, Value::from(123_456)),
            (
                Value::Array(vec![StringValue::from("abcd"), StringValue::from("x")].into()),
                2,
                Value::Array(vec![StringValue::from("ab"), StringValue::from("x")].into()),
            ),
        ];
        for (value, limit, expected) in cases {
            let mut attributes = [KeyValue::new("key", value)];
            shorten(&mut attributes, limit);
            assert_eq!(attributes[0].value, expected);
        }
    }
}
