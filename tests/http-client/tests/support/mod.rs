//! Clients of every kind under test, servers that behave and servers that do not.

mod clients;
mod puppet;
mod server;
mod steps;
mod wire;

pub(crate) use clients::{
    BoxError, Via, get, layer, of_reqwest, read, reqwest_builder, reqwest_client,
};
pub(crate) use puppet::{Puppet, Then, values};
pub(crate) use server::Server;
pub(crate) use steps::Steps;
pub(crate) use wire::{Seen, Wire};

use std::collections::BTreeMap;
use std::sync::LazyLock;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use tracewire::span::{Operation, Start};
use tracewire::test::Capture;

/// Keeps a subscriber alive from now on. Whether a place in the code makes spans is decided when it
/// is first reached: where there is no subscriber at all just then, and another thread is about to
/// bring one, `tracing` may decide that it never will.
pub(crate) fn keep_a_subscriber() {
    static KEPT: LazyLock<tracing::Dispatch> =
        LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&KEPT);
}

/// A span to be the parent.
pub(crate) fn caller(capture: &Capture) -> Operation {
    let name = |span: &mut Start| span.name("caller");
    let telemetry = capture.telemetry();
    telemetry.start(SpanKind::Internal, &Context::new(), name)
}

/// The one span of a capture, which must have ended and left none open.
#[track_caller]
pub(crate) fn only(capture: &Capture) -> SpanData {
    let mut spans = capture.spans();
    assert_eq!(spans.len(), 1, "spans: {spans:#?}");
    assert_eq!(capture.open(), 0, "spans are open");
    spans.remove(0)
}

/// Attributes by name; one that is there twice is a mistake.
#[track_caller]
pub(crate) fn by_name(attributes: &[KeyValue]) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for KeyValue { key, value, .. } in attributes {
        let before = map.insert(key.to_string(), value.clone());
        assert!(before.is_none(), "{key} is there twice");
    }
    map
}

/// What a span should have, all of it.
pub(crate) fn exactly<const N: usize>(attributes: [(&str, Value); N]) -> BTreeMap<String, Value> {
    attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// An attribute as text, or nothing.
pub(crate) fn text(span: &SpanData, key: &str) -> Option<String> {
    by_name(&span.attributes).get(key).map(|value| value.as_str().into_owned())
}

/// `error.type` of a span whose status says error, and `None` of one whose status is unset.
#[track_caller]
pub(crate) fn error_type(span: &SpanData) -> Option<String> {
    let kind = text(span, "error.type");
    match &span.status {
        Status::Unset => assert_eq!(kind, None, "an error type without an error"),
        Status::Error { description } => {
            assert!(kind.is_some(), "an error without a type");
            assert_eq!(description, "", "the description says what the type says");
        }
        Status::Ok => panic!("the status is Ok, which belongs to the application"),
    }
    kind
}

/// `traceparent` of a span as it should be in the request it sent.
pub(crate) fn traceparent(span: &SpanData) -> String {
    let context = &span.span_context;
    let (trace, id) = (context.trace_id(), context.span_id());
    format!("00-{trace}-{id}-{:02x}", context.trace_flags().to_u8())
}
