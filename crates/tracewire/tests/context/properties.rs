//! What holds for all bytes, and for all valid values.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt as _, BaggageMetadata};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanId, TraceId};
use proptest::collection::vec;
use proptest::prelude::*;
use tracewire::context::{Carrier, CarrierMut, Values};
use tracewire::{Format, Propagator};

use crate::{headers, inject, lines};

const FORMATS: [Format; 7] = [
    Format::TraceContext,
    Format::Baggage,
    Format::B3,
    Format::B3Multi,
    Format::Jaeger,
    Format::XRay,
    Format::Datadog,
];

/// Every field that is read, with a value that is valid.
const FIELDS: [(&str, &str); 15] = [
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"),
    ("tracestate", "dd=s:2;o:rum;t.dm:-4,foo@bar@baz=1 2,0*/=~"),
    ("tracestate", "congo=t61rcWkgMzE"),
    ("baggage", "a=1%20;p=2;q,b=%C3%A4==,c="),
    ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-d-b7ad6b7169203331"),
    ("x-b3-traceid", "8448eb211c80319c"),
    ("x-b3-spanid", "b7ad6b7169203331"),
    ("x-b3-sampled", "1"),
    ("x-b3-flags", "1"),
    ("uber-trace-id", "af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:3"),
    (
        "x-amzn-trace-id",
        "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1",
    ),
    ("x-datadog-trace-id", "9532127138774266268"),
    ("x-datadog-parent-id", "13235353014750950193"),
    ("x-datadog-sampling-priority", "2"),
    ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.a=b=c;d~,_dd.p.tid=0af7651916cd43dd"),
];

/// A message whose values may be any bytes, which HTTP would not allow.
#[derive(Debug, Default)]
struct Raw(Vec<(&'static str, Vec<u8>)>);

impl Carrier for Raw {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        let named = |(known, _): &&(&str, Vec<u8>)| *known == name.as_str();
        Values::many(self.0.iter().filter(named).map(|(_, value)| &value[..]).collect())
    }
}

/// Takes only what is a valid and useful HTTP header.
#[derive(Default)]
struct Strict(HeaderMap);

impl CarrierMut for Strict {
    fn set(&mut self, name: &HeaderName, value: &str) {
        assert!(!value.is_empty(), "{name}");
        assert_eq!(value.trim_matches([' ', '\t']), value, "{name}");
        let value = HeaderValue::from_str(value).unwrap();
        self.0.insert(name.clone(), value);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.remove(name);
    }
}

fn inject_strict(propagator: &Propagator, context: &Context) -> HeaderMap {
    let mut sent = Strict::default();
    propagator.inject(context, &mut sent);
    let fields: HashSet<_> = propagator.fields().collect();
    assert!(sent.0.keys().all(|name| fields.contains(name.as_str())));
    sent.0
}

/// A valid value with a few bytes replaced, taken out or put in.
fn nearly(valid: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"0aA-:;,=%~@ \t".to_vec()),];
    vec((any::<prop::sample::Index>(), 0..3, byte), 0..4).prop_map(move |edits| {
        let mut bytes = valid.as_bytes().to_vec();
        for (place, edit, byte) in edits {
            let place = place.index(bytes.len() + 1);
            match edit {
                0 => bytes.insert(place, byte),
                1 if place < bytes.len() => bytes[place] = byte,
                2 if place < bytes.len() => drop(bytes.remove(place)),
                _ => {}
            }
        }
        bytes
    })
}

/// All fields, each absent, valid, nearly valid or any bytes.
fn message() -> impl Strategy<Value = Raw> {
    let field = |(name, valid): (&'static str, &'static str)| {
        prop_oneof![
            1 => Just(None),
            3 => Just(Some(valid.as_bytes().to_vec())),
            3 => nearly(valid).prop_map(Some),
            1 => vec(any::<u8>(), 0..100).prop_map(Some),
        ]
        .prop_map(move |value| Some((name, value?)))
    };
    FIELDS.map(field).to_vec().prop_map(|fields| Raw(fields.into_iter().flatten().collect()))
}

proptest! {
    #[test]
    fn any_bytes_are_nothing_or_valid(message in message()) {
        for format in FORMATS {
            let propagator = Propagator::new([format]);
            let incoming = propagator.read(&message);
            if let Some(trace) = &incoming.trace {
                let span = trace.span_context();
                prop_assert!(span.is_valid() && span.is_remote());
                prop_assert_eq!(span.trace_flags().to_u8() & !0x03, 0);
            }
            // Whoever reads what was sent on reads the same again.
            let sent = inject_strict(&propagator, &incoming.into_context(Context::new()));
            let again = inject_strict(&propagator, &propagator.extract(&sent));
            prop_assert_eq!(sent, again, "{:?}", format);
        }
    }

    #[test]
    fn any_bytes_in_one_format_make_valid_headers_in_all(message in message()) {
        for format in FORMATS {
            let propagator = Propagator::new([format]).inject_only(FORMATS);
            let context = propagator.extract(&message);
            let sent = inject_strict(&propagator, &context);
            let found = propagator.read(&message).trace.is_some();
            for format in FORMATS.into_iter().filter(|format| *format != Format::Baggage) {
                prop_assert_eq!(Propagator::new([format]).read(&sent).trace.is_some(), found);
            }
        }
    }

    #[test]
    fn any_length_is_read(
        length in 0_usize..20_000,
        byte in proptest::sample::select(b"0a,=; :-%\xff".to_vec()),
    ) {
        for (name, _) in FIELDS {
            let message = Raw(vec![(name, vec![byte; length])]);
            for format in FORMATS {
                prop_assert_eq!(Propagator::new([format]).read(&message).trace, None);
            }
        }
    }

    #[test]
    fn valid_trace_context_is_passed_on_as_it_is(
        ids in ids(), flags in 0_u8..4, state in state(),
    ) {
        let mut sent = vec![format!("traceparent: 00-{}-{}-{flags:02x}", ids.0, ids.1)];
        sent.extend(state.map(|state| format!("tracestate: {state}")));
        check_passed_on(Format::TraceContext, &sent)?;
    }

    #[test]
    fn valid_baggage_is_passed_on_as_it_is(
        members in prop::collection::btree_map("[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,10}", (value(), properties()), 1..64),
    ) {
        let mut baggage = Baggage::new();
        for (key, (value, properties)) in &members {
            baggage.insert_with_metadata(key.clone(), value.clone(), properties.as_str());
        }
        let propagator = Propagator::default();
        let sent = inject_strict(&propagator, &Context::new().with_baggage(baggage));
        let context = propagator.extract(&sent);
        for (key, (value, properties)) in members {
            let read = context.baggage().get_with_metadata(key);
            let expected = (value.into(), BaggageMetadata::from(properties));
            prop_assert_eq!(read, Some(&expected));
        }
        prop_assert_eq!(inject_strict(&propagator, &context), sent);
    }

    #[test]
    fn any_baggage_of_a_program_makes_a_valid_header(
        members in vec(("[a-z]{1,3}|\\PC{1,3}", any::<String>(), any::<String>()), 0..80),
    ) {
        let mut baggage = Baggage::new();
        for (key, value, properties) in members {
            baggage.insert_with_metadata(key, value, properties.as_str());
        }
        let expected = baggage.len();
        let propagator = Propagator::default();
        let sent = inject_strict(&propagator, &Context::new().with_baggage(baggage));
        let bytes = sent.get("baggage").map_or(0, HeaderValue::len);
        prop_assert!(bytes <= 8192);
        let read = propagator.extract(&sent).baggage().len();
        prop_assert!(read == expected || bytes > 4096);
    }

    #[test]
    fn valid_b3_is_passed_on_as_it_is(
        ids in ids(),
        state in proptest::sample::select(vec!["", "-0", "-1", "-d"]),
    ) {
        check_passed_on(Format::B3, &[format!("b3: {}-{}{state}", ids.0, ids.1)])?;
        let mut separate = match state {
            "-d" => vec!["x-b3-flags: 1".to_owned()],
            "" => vec![],
            state => vec![format!("x-b3-sampled: {}", &state[1..])],
        };
        separate.push(format!("x-b3-spanid: {}", ids.1));
        separate.push(format!("x-b3-traceid: {}", ids.0));
        check_passed_on(Format::B3Multi, &separate)?;
    }

    #[test]
    fn valid_jaeger_is_passed_on_as_it_is(
        ids in ids(), flags in proptest::sample::select(vec![0, 1, 3]),
    ) {
        check_passed_on(Format::Jaeger, &[format!("uber-trace-id: {}:{}:0:{flags}", ids.0, ids.1)])?;
    }

    #[test]
    fn valid_xray_is_passed_on_as_it_is(
        ids in ids(), sampled in proptest::sample::select(vec!["", ";Sampled=0", ";Sampled=1"]),
    ) {
        let id = ids.0.to_string();
        let root = format!("Root=1-{}-{}", &id[..8], &id[8..]);
        let parent = format!("Parent={}", ids.1);
        check_passed_on(Format::XRay, &[format!("x-amzn-trace-id: {root};{parent}{sampled}")])?;
    }

    #[test]
    fn valid_datadog_is_passed_on_as_it_is(
        ids in ids(),
        priority in proptest::option::of(-1..=2),
        origin in proptest::option::of("[!-+\\--:<-}]{1,20}"),
        tags in prop::collection::btree_map("[a-z.]{4,10}", "[!-+\\--:<-}]{1,10}", 0..5),
    ) {
        let id = u128::from_be_bytes(ids.0.to_bytes());
        let mut sent = Vec::new();
        sent.extend(origin.map(|origin| format!("x-datadog-origin: {origin}")));
        let span_id = u64::from_be_bytes(ids.1.to_bytes());
        sent.push(format!("x-datadog-parent-id: {span_id}"));
        sent.extend(priority.map(|n| format!("x-datadog-sampling-priority: {n}")));
        let upper = (id >> 64 != 0).then(|| format!("_dd.p.tid={:016x}", id >> 64));
        let tags = tags.iter().map(|(name, value)| format!("_dd.p.{name}={value}"));
        let tags: Vec<_> = tags.chain(upper).collect();
        if !tags.is_empty() {
            sent.push(format!("x-datadog-tags: {}", tags.join(",")));
        }
        sent.push(format!("x-datadog-trace-id: {}", id as u64));
        check_passed_on(Format::Datadog, &sent)?;
    }
}

fn check_passed_on(format: Format, expected: &[String]) -> Result<(), TestCaseError> {
    let received: Vec<_> = expected.iter().map(String::as_str).collect();
    let propagator = Propagator::new([format]);
    let context = propagator.extract(&headers(&received));
    prop_assert_eq!(&lines(&inject(&propagator, &context)), expected);
    Ok(())
}

/// Valid ids: any but all zeroes, with small ones among them.
fn ids() -> impl Strategy<Value = (TraceId, SpanId)> {
    let trace_id = prop_oneof![1..u128::MAX, 1..u128::from(u64::MAX)];
    let span_id = prop_oneof![1..u64::MAX, 1..0xff_u64];
    (trace_id, span_id).prop_map(|(trace_id, span_id)| (trace_id.into(), span_id.into()))
}

/// A valid tracestate of at most 32 members and 512 characters, with keys that OpenTelemetry's
/// type refuses among them.
fn state() -> impl Strategy<Value = Option<String>> {
    let key = prop_oneof![
        "[a-z0-9][a-z0-9_*/@-]{0,15}",
        "[a-z0-9]@{0,3}[a-z0-9_*/-]{0,20}",
        "[a-z][a-z0-9@]{0,255}",
    ];
    let value = prop_oneof!["[!-+\\--<>-~]{1,9}", "[ -+\\--<>-~]{0,12}[!-+\\--<>-~]"];
    vec((key, value), 0..40).prop_map(|members| {
        let (mut list, mut keys) = (String::new(), HashSet::new());
        for (key, value) in members {
            let member = format!("{key}={value}");
            let fits = list.len() + 1 + member.len() <= 512;
            if fits && keys.len() < 32 && keys.insert(key) {
                if !list.is_empty() {
                    list.push(',');
                }
                list.push_str(&member);
            }
        }
        (!list.is_empty()).then_some(list)
    })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,20}", "\\PC{0,10}", any::<String>()]
        .prop_map(|value| value.chars().take(10).collect())
}

fn properties() -> impl Strategy<Value = String> {
    "([a-z]{1,5}(=[a-z0-9%=]{0,5})?(; ?[a-z]{1,5}){0,2})?"
}
