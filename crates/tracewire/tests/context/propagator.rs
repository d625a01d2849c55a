//! Which formats are read and written, and which header wins.

use std::collections::HashMap;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt as _, TraceState};
use opentelemetry::{Context, KeyValue, global};
use tracewire::{Format, Propagator};

use crate::{SPAN_ID, TRACE_ID, check, headers, inject, lines, local};

const ALL: [Format; 7] = [
    Format::TraceContext,
    Format::Baggage,
    Format::B3,
    Format::B3Multi,
    Format::Jaeger,
    Format::XRay,
    Format::Datadog,
];

const W3C: &str = "traceparent: 00-00000000000000000000000000000001-0000000000000001-01";
const B3: &str = "b3: 00000000000000000000000000000002-0000000000000002-1";
const JAEGER: &str = "uber-trace-id: 00000000000000000000000000000003:0000000000000003:0:1";

#[test]
fn the_first_format_that_finds_something_wins() {
    let first = |formats: &[Format], received: &[&str]| {
        let incoming = Propagator::new(formats.iter().copied()).read(&headers(received));
        incoming.trace.map(|trace| u128::from_be_bytes(trace.span_context().trace_id().to_bytes()))
    };
    use Format::{Baggage, Jaeger, TraceContext};
    let cases: &[(&[Format], &[&str], Option<u128>)] = &[
        (&[TraceContext, Format::B3, Jaeger], &[JAEGER, B3, W3C], Some(1)),
        (&[Format::B3, TraceContext, Jaeger], &[JAEGER, B3, W3C], Some(2)),
        (&[Jaeger, Format::B3, TraceContext], &[W3C, B3, JAEGER], Some(3)),
        (&[Baggage, Jaeger, TraceContext], &[W3C, JAEGER], Some(3)),
        (&[TraceContext, Format::B3], &[B3], Some(2)),
        (&[TraceContext, Format::B3], &["traceparent: broken", B3], Some(2)),
        (&[TraceContext, Format::B3], &[W3C, W3C, B3], Some(2)),
        (&[TraceContext], &[B3, JAEGER], None),
        (&[Baggage], &[W3C], None),
        (&[], &[W3C, B3], None),
    ];
    for (formats, received, expected) in cases {
        assert_eq!(first(formats, received), *expected, "{formats:?} {received:?}");
    }
}

#[test]
fn every_format_of_the_list_is_written_once() {
    let twice = [Format::TraceContext, Format::B3, Format::Jaeger, Format::B3];
    let in_b3 = "b3: 00000000000000000000000000000001-0000000000000001-1";
    let in_jaeger = "uber-trace-id: 00000000000000000000000000000001:0000000000000001:0:1";
    check(&twice, &[(&[W3C], &[in_b3, W3C, in_jaeger])]);
    assert_eq!(
        TextMapPropagator::fields(&Propagator::new(twice)).collect::<Vec<_>>(),
        ["traceparent", "tracestate", "b3", "uber-trace-id"],
    );
}

#[test]
fn inject_only_leaves_reading_as_it_is() {
    let migrating = Propagator::new([Format::B3, Format::TraceContext, Format::Baggage])
        .inject_only([Format::TraceContext]);
    let context = migrating.extract(&headers(&[B3, "baggage: a=1"]));
    assert_eq!(context.baggage().len(), 1);
    let expected = "traceparent: 00-00000000000000000000000000000002-0000000000000002-01";
    assert_eq!(lines(&inject(&migrating, &context)), [expected]);

    let mute = Propagator::default().inject_only([]);
    let context = mute.extract(&headers(&[W3C]));
    assert!(context.has_active_span());
    assert!(inject(&mute, &context).is_empty());
    assert_eq!(TextMapPropagator::fields(&mute).count(), 0);
}

#[test]
fn the_default_is_w3c_with_baggage() {
    let context = Propagator::default().extract(&headers(&[W3C, B3, "baggage: a=1"]));
    let sent = lines(&inject(&Propagator::default(), &context));
    assert_eq!(sent, ["baggage: a=1", W3C]);
}

#[test]
fn names_are_those_of_otel_propagators() {
    let names = ["tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray", "datadog"];
    for (format, name) in ALL.into_iter().zip(names) {
        assert_eq!(format.name(), name);
        assert_eq!(Format::from_name(name), Some(format));
        assert_eq!(Format::from_name(&name.to_uppercase()), Some(format));
    }
    for unknown in ["", "none", "ottrace", "b3 multi", "traceparent"] {
        assert_eq!(Format::from_name(unknown), None, "{unknown}");
    }
}

#[test]
fn reading_starts_from_nothing_whatever_is_current() {
    let current = local(TraceState::NONE).with_baggage([KeyValue::new("mine", "1")]);
    let _current = current.attach();
    for received in [&[][..], &["traceparent: broken", "baggage: broken"]] {
        let context = Propagator::new(ALL).extract(&headers(received));
        assert!(!context.has_active_span());
        assert!(context.baggage().is_empty());
    }
    let context = Propagator::default().extract(&headers(&[W3C]));
    assert!(context.baggage().is_empty());
}

#[test]
fn a_valid_span_replaces_what_a_former_use_left_behind() {
    let stale = [
        "accept: */*",
        "traceparent: 00-000000000000000000000000000000aa-00000000000000aa-01",
        "traceparent: 00-000000000000000000000000000000bb-00000000000000bb-01",
        "tracestate: stale=1",
        "tracestate: stale=2",
        "baggage: stale=1",
        "baggage: stale=2",
        "b3: stale",
        "uber-trace-id: stale",
        "x-amzn-trace-id: stale",
    ];
    let mut reused = headers(&stale);
    let formats = [Format::TraceContext, Format::Baggage, Format::B3, Format::Jaeger, Format::XRay];
    let propagator = Propagator::new(formats);
    propagator.inject(&local(TraceState::NONE), &mut reused);
    let expected = [
        "accept: */*".to_owned(),
        format!("b3: {TRACE_ID}-{SPAN_ID}-1"),
        format!("traceparent: 00-{TRACE_ID}-{SPAN_ID}-01"),
        format!("uber-trace-id: {TRACE_ID}:{SPAN_ID}:0:1"),
        format!(
            "x-amzn-trace-id: Root=1-{}-{};Parent={SPAN_ID};Sampled=1",
            &TRACE_ID[..8],
            &TRACE_ID[8..],
        ),
    ];
    assert_eq!(lines(&reused), expected);
    propagator.clear(&mut reused);
    assert_eq!(lines(&reused), ["accept: */*"]);
}

#[test]
fn without_a_span_what_the_user_wrote_stays() {
    let own = ["b3: own", "baggage: own=1", "traceparent: own", "x-b3-flags: 1"];
    let mut sent = headers(&own);
    Propagator::new(ALL).inject(&Context::new(), &mut sent);
    assert_eq!(lines(&sent), own);
    let with_baggage = Context::new().with_baggage([KeyValue::new("a", "1")]);
    Propagator::new(ALL).inject(&with_baggage, &mut sent);
    assert_eq!(sent["baggage"], "a=1");
    assert_eq!(sent["traceparent"], "own");
}

/// What third-party instrumentation brings along: OpenTelemetry's own carrier traits.
#[derive(Default)]
struct Metadata(Vec<(String, String)>);

impl Extractor for Metadata {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key)?.into_iter().next()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let named = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        Some(named.map(|(_, value)| value.as_str()).collect())
    }
}

impl Injector for Metadata {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

#[test]
fn opentelemetry_can_use_it_for_everything_else() {
    global::set_text_map_propagator(Propagator::default());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let received = Metadata(vec![
        pair("TraceParent", "00-00000000000000000000000000000001-0000000000000001-03"),
        pair("tracestate", "a=1"),
        pair("tracestate", "x@y@z=2"),
        pair("Baggage", "k=v"),
        pair("baggage", "l=w"),
    ]);
    let mut sent = Metadata::default();
    global::get_text_map_propagator(|propagator| {
        let context = propagator.extract(&received);
        propagator.inject_context(&context, &mut sent);
        let fields: Vec<_> = propagator.fields().collect();
        assert_eq!(fields, ["traceparent", "tracestate", "baggage"]);
    });
    let expected = [
        pair("traceparent", "00-00000000000000000000000000000001-0000000000000001-03"),
        pair("tracestate", "a=1,x@y@z=2"),
        pair("baggage", "k=v,l=w"),
    ];
    assert_eq!(sent.0, expected);
}

#[test]
fn opentelemetrys_interface_keeps_the_context_it_is_given() {
    let propagator = Propagator::default();
    let base = local(TraceState::NONE).with_baggage([KeyValue::new("mine", "1")]);
    let nothing: HashMap<String, String> = HashMap::new();
    let context = TextMapPropagator::extract_with_context(&propagator, &base, &nothing);
    assert_eq!(context.span().span_context(), base.span().span_context());
    assert_eq!(context.baggage().len(), 1);

    let (name, value) = W3C.split_once(": ").unwrap();
    let received = HashMap::from([(name.to_owned(), value.to_owned())]);
    let context = TextMapPropagator::extract_with_context(&propagator, &base, &received);
    assert!(context.span().span_context().is_remote());
    assert_eq!(context.baggage().len(), 1);
}
