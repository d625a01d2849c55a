//! Carriers other than HTTP headers.

use std::collections::{BTreeMap, HashMap};

use http::{HeaderMap, HeaderName};
use tracewire::context::{Carrier, CarrierMut, Environment, Values};
use tracewire::{Format, Propagator};

use crate::{SPAN_ID, TRACE_ID, headers, inject, lines, local};
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{TraceContextExt as _, TraceState};

fn context() -> opentelemetry::Context {
    local(TraceState::from_key_value([("a", "1")]).unwrap())
        .with_baggage([KeyValue::new("tenant", "t\u{fc}r")])
}

fn expected() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("baggage".to_owned(), "tenant=t%C3%BCr".to_owned()),
        ("traceparent".to_owned(), format!("00-{TRACE_ID}-{SPAN_ID}-01")),
        ("tracestate".to_owned(), "a=1".to_owned()),
    ])
}

fn check_round_trip<C: Carrier + CarrierMut>(mut carrier: C) -> C {
    let propagator = Propagator::default();
    propagator.inject(&context(), &mut carrier);
    let read = propagator.extract(&carrier);
    let span = read.span().span_context().clone();
    assert_eq!(span.trace_id().to_string(), TRACE_ID);
    assert_eq!(span.trace_state().header(), "a=1");
    assert!(span.is_remote());
    assert_eq!(read.baggage().get("tenant").unwrap().as_str(), "t\u{fc}r");
    carrier
}

#[test]
fn maps_of_strings() {
    let odd_case = [
        ("TraceParent".to_owned(), "stale".to_owned()),
        ("TRACESTATE".to_owned(), "stale=1".to_owned()),
        ("Baggage".to_owned(), "stale=1".to_owned()),
    ];
    let map = check_round_trip(BTreeMap::from(odd_case.clone()));
    assert_eq!(map, expected());
    let map = check_round_trip(HashMap::from(odd_case));
    assert_eq!(map.into_iter().collect::<BTreeMap<_, _>>(), expected());
}

#[test]
fn maps_of_strings_are_read_whatever_the_case() {
    let value = format!("00-{TRACE_ID}-{SPAN_ID}-01");
    for name in ["traceparent", "Traceparent", "TRACEPARENT", "tRaCePaReNt"] {
        let map = HashMap::from([(name.to_owned(), value.clone())]);
        assert!(Propagator::default().read(&map).trace.is_some(), "{name}");
        let map = BTreeMap::from([(name.to_owned(), value.clone())]);
        assert!(Propagator::default().read(&map).trace.is_some(), "{name}");
    }
    let map = HashMap::from([("trace-parent".to_owned(), value)]);
    assert!(Propagator::default().read(&map).trace.is_none());
}

#[test]
fn the_environment() {
    let stale = Environment::from_iter([("TRACESTATE", "stale=1"), ("PATH", "/bin")]);
    let variables: Vec<_> = check_round_trip(stale).into_iter().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [
        pair("BAGGAGE", "tenant=t%C3%BCr"),
        pair("PATH", "/bin"),
        pair("TRACEPARENT", &format!("00-{TRACE_ID}-{SPAN_ID}-01")),
        pair("TRACESTATE", "a=1"),
    ];
    assert_eq!(variables, expected);
}

#[test]
fn variable_names_are_upper_case_with_underscores() {
    let propagator = Propagator::new([Format::B3Multi, Format::Datadog]);
    let mut variables = Environment::default();
    propagator.inject(&context(), &mut variables);
    let names: Vec<_> = variables.clone().into_iter().map(|(name, _)| name).collect();
    let expected = [
        "X_B3_SAMPLED",
        "X_B3_SPANID",
        "X_B3_TRACEID",
        "X_DATADOG_PARENT_ID",
        "X_DATADOG_SAMPLING_PRIORITY",
        "X_DATADOG_TAGS",
        "X_DATADOG_TRACE_ID",
    ];
    assert_eq!(names, expected);
    assert!(propagator.read(&variables).trace.is_some());
    propagator.clear(&mut variables);
    assert_eq!(variables.into_iter().count(), 0);
}

#[test]
fn the_environment_of_this_process_can_be_read() {
    let path = std::env::var("PATH").unwrap();
    let variables = Environment::of_this_process();
    let name = HeaderName::from_static("path");
    assert_eq!(variables.get_all(&name).next(), Some(path.as_bytes()));
}

/// What a third party writes: names and bytes in a list, repeated names allowed.
#[derive(Default)]
struct Properties(Vec<(String, Vec<u8>)>);

impl Carrier for Properties {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        let named = |(known, _): &&(String, Vec<u8>)| known == name.as_str();
        Values::many(self.0.iter().filter(named).map(|(_, value)| &value[..]).collect())
    }
}

impl CarrierMut for Properties {
    fn set(&mut self, name: &HeaderName, value: &str) {
        CarrierMut::remove(self, name);
        self.0.push((name.to_string(), value.as_bytes().to_vec()));
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|(known, _)| known != name.as_str());
    }
}

#[test]
fn a_carrier_of_ones_own() {
    check_round_trip(Properties::default());
    let property = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let properties = Properties(vec![
        property("tracestate", "a=1"),
        property("traceparent", &format!("00-{TRACE_ID}-{SPAN_ID}-01")),
        property("tracestate", "b=2"),
        ("baggage".to_owned(), vec![0xff, b'=', 0]),
    ]);
    let incoming = Propagator::default().read(&properties);
    assert_eq!(incoming.trace.unwrap().span_context().trace_state().header(), "a=1,b=2");
    assert!(incoming.baggage.is_none());
}

#[test]
fn a_value_at_hand_as_bytes_is_written_as_text_or_not_at_all() {
    fn check(mut carrier: impl Carrier + CarrierMut) {
        let (name, other) = (HeaderName::from_static("own"), HeaderName::from_static("other"));
        assert!(!carrier.has(&name));
        carrier.set(&name, "stale");
        carrier.set_bytes(&name, b"fresh");
        assert_eq!(carrier.get_all(&name).collect::<Vec<_>>(), [b"fresh"]);
        assert!(carrier.has(&name) && !carrier.has(&other));
        carrier.set_bytes(&name, b"\xff\n");
        assert!(!carrier.has(&name));
    }
    check(Properties::default());
    check(HeaderMap::new());
    check(HashMap::<String, String>::new());
}

#[test]
fn values_that_are_not_utf_8_are_no_context() {
    let valid = format!("traceparent: 00-{TRACE_ID}-{SPAN_ID}-01");
    let mut received = headers(&[&valid, "tracestate: a=1"]);
    let raw = http::HeaderValue::from_bytes(b"b=\xff\xfe").unwrap();
    received.append("tracestate", raw.clone());
    received.append("baggage", raw.clone());
    let context = Propagator::default().extract(&received);
    assert_eq!(lines(&inject(&Propagator::default(), &context)), [valid]);
    received.insert("traceparent", raw);
    assert!(Propagator::default().read(&received).trace.is_none());
}
