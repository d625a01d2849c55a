//! What it costs at 10 000 requests of five spans a second: memory within its bounds, and less work
//! for a span that is dropped than for one that is sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanExporter,
    SpanProcessor,
};
use prost::Message as _;
use tail_tests::{Service, Sink};
use tracewire::sdk::TailSampling;

const SPANS: usize = 5;

#[test]
fn memory_stays_within_its_bounds_at_ten_thousand_requests_a_second() {
    const PER_SECOND: u64 = 10_000;
    // Every request takes 400 ms, one in a thousand never ends: 4 000 would be open, 20 000 spans.
    const TAKES: u64 = 400 * PER_SECOND / 1000;
    let cases = [
        ("enough", 10_000, 100_000, 64 << 20, false),
        ("few traces", 1_000, 100_000, 64 << 20, true),
        ("few spans", 10_000, 5_000, 64 << 20, true),
        ("few bytes", 10_000, 100_000, 4 << 20, true),
    ];
    for (what, traces, spans, bytes, cut) in cases {
        let settings = TailSampling::new()
            .keep_errors()
            .slower_than(Duration::from_secs(1))
            .otherwise(0.01)
            .max_traces(traces)
            .max_spans(spans)
            .max_bytes(bytes);
        let service = Service::new(settings);
        let (mut open, mut stuck) = (VecDeque::new(), Vec::new());
        let mut most = service.stats();
        for request in 0..2 * PER_SECOND {
            service.clock.advance(Duration::from_micros(100));
            let root = service.below(&Context::new(), "GET /x", SpanKind::Server);
            for _ in 1..SPANS {
                service.child(&root).set("db.query.text", "SELECT name FROM users").end();
            }
            if request % 1000 == 0 {
                stuck.push(root);
            } else {
                open.push_back(root);
            }
            if request >= TAKES {
                open.pop_front();
            }
            if request % 97 == 0 {
                let now = service.stats();
                assert!(now.traces_waiting <= traces as u64, "{what}: {now:?}");
                assert!(now.spans_waiting <= spans as u64, "{what}: {now:?}");
                assert!(now.bytes_waiting <= bytes as u64, "{what}: {now:?}");
                most.spans_waiting = most.spans_waiting.max(now.spans_waiting);
                most.bytes_waiting = most.bytes_waiting.max(now.bytes_waiting);
            }
        }
        drop((open, stuck));
        let stats = service.stats();
        println!(
            "{what}: at most {} spans in {} KiB, {} traces cut",
            most.spans_waiting,
            most.bytes_waiting >> 10,
            stats.traces_cut_by_bounds
        );
        assert_eq!(stats.traces_cut_by_bounds > 0, cut, "{what}: {stats:?}");
        let ended = 2 * PER_SECOND * SPANS as u64;
        assert_eq!(stats.spans_kept + stats.spans_dropped, ended, "{what}: {stats:?}");
        assert_eq!(stats.spans_waiting + stats.bytes_waiting, 0);
    }
}

#[test]
fn estimates_are_not_too_low() {
    let service = Service::new(TailSampling::new().max_traces(100));
    let before = service.stats().bytes_waiting;
    let mut roots = Vec::with_capacity(100);
    // What the open roots themselves take up is not in the estimate, so it is measured apart.
    let measured = allocation_counter::measure(|| {
        for _ in 0..100 {
            roots.push(service.below(&Context::new(), "GET /x", SpanKind::Server));
        }
    });
    let parts = service.stats().bytes_waiting - before;
    let children = allocation_counter::measure(|| {
        for root in &roots {
            for index in 0..10 {
                let child = service.child(root).set("number", index);
                child.set("text", "x".repeat(100)).end();
            }
        }
    });
    let spans = service.stats().bytes_waiting - before - parts;
    let (most, held) = (measured.bytes_current, children.bytes_current);
    println!("100 parts: {parts} of {most} B; 1000 spans: {spans} B estimated, {held} B measured");
    let held = u64::try_from(held).unwrap();
    assert!(spans >= held && spans < 2 * held, "{spans} B estimated, {held} B measured");
}

/// A span as an adapter makes it.
fn span(trace: TraceId, index: u64, parent: Option<u64>) -> SpanData {
    let sink = Sink::default();
    let provider = SdkTracerProvider::builder().with_span_processor(sink.clone()).build();
    let context = |span, remote| {
        SpanContext::new(trace, SpanId::from(span), TraceFlags::SAMPLED, remote, TraceState::NONE)
    };
    let above = Context::new()
        .with_remote_span_context(context(parent.unwrap_or(u64::MAX), parent.is_none()));
    let mut builder = SpanBuilder::from_name("GET /users/{id}");
    builder.start_time = Some(SystemTime::UNIX_EPOCH);
    builder.attributes = Some(vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.path", format!("/users/{index}")),
        KeyValue::new("url.scheme", "https"),
        KeyValue::new("http.route", "/users/{id}"),
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new("server.address", "users.example.com".to_owned()),
        KeyValue::new("server.port", 443),
        KeyValue::new("client.address", "192.0.2.17".to_owned()),
        KeyValue::new("network.protocol.version", "1.1"),
        KeyValue::new("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)".to_owned()),
    ]);
    drop(provider.tracer("budget").build_with_context(builder, &above));
    let mut span = sink.spans().remove(0);
    span.span_context = context(index, false);
    span
}

/// Encodes what it gets, as an exporter does before it sends.
#[derive(Debug)]
struct Encode {
    resource: ResourceAttributesWithSchema,
    took: Arc<Mutex<Duration>>,
}

impl SpanExporter for Encode {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let begin = Instant::now();
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        black_box(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
        *self.took.lock().unwrap() += begin.elapsed();
        Ok(())
    }
}

/// Everything that is done for a span after it has ended, in nanoseconds: when its trace is dropped,
/// and when it is put into a batch and encoded. Network, compression and waking threads would be on
/// top of the latter.
fn round(traces: u64) -> (u128, u128) {
    let tail = TailSampling::new().keep_errors().otherwise(0.0).in_front_of(Sink::default());
    let provider = SdkTracerProvider::builder().with_span_processor(Sink::default()).build();
    let tracer = provider.tracer("budget");
    let make = |number: u64| -> Vec<SpanData> {
        let trace = TraceId::from(u128::from(number) << 64 | u128::from(number * 7919 + 1));
        let mut spans: Vec<_> = (1..SPANS as u64)
            .map(|index| span(trace, number << 8 | index, Some(number << 8)))
            .collect();
        spans.push(span(trace, number << 8, None));
        spans
    };
    let made: Vec<_> = (1..=traces).map(make).collect();
    let copy = made.clone();

    let mut dropping = Duration::ZERO;
    for spans in made {
        let root = spans[SPANS - 1].clone();
        // The SDK starts a span with the same ids for the processor to see.
        let caller = root.span_context.clone();
        let caller = SpanContext::new(
            caller.trace_id(),
            root.parent_span_id,
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        let parent = Context::new().with_remote_span_context(caller);
        let mut builder = SpanBuilder::from_name("GET /users/{id}");
        builder.start_time = Some(SystemTime::UNIX_EPOCH);
        let mut started: Span = tracer.build_with_context(builder, &parent);
        let mut spans = spans;
        spans[SPANS - 1].span_context = opentelemetry::trace::Span::span_context(&started).clone();
        let begin = Instant::now();
        tail.on_start(&mut started, &parent);
        for span in spans {
            tail.on_end(span);
        }
        dropping += begin.elapsed();
    }
    let stats = tail.handle().stats();
    assert_eq!((stats.spans_dropped, stats.traces_dropped), (traces * SPANS as u64, traces));

    let took = Arc::new(Mutex::new(Duration::ZERO));
    let exporter = Encode { resource: ResourceAttributesWithSchema::default(), took: took.clone() };
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(copy.len() * SPANS)
        .with_max_export_batch_size(512)
        .build();
    let batches = BatchSpanProcessor::new(exporter, config);
    let mut handing_over = Duration::ZERO;
    for spans in copy {
        let begin = Instant::now();
        for span in spans {
            batches.on_end(span);
        }
        handing_over += begin.elapsed();
    }
    batches.force_flush().unwrap();
    let sending = handing_over + *took.lock().unwrap();
    batches.shutdown().unwrap();
    let each = u128::from(traces) * SPANS as u128;
    (dropping.as_nanos() / each, sending.as_nanos() / each)
}

#[test]
fn dropping_a_span_costs_less_than_sending_it() {
    // The quietest round counts: other processes share the machine.
    let rounds: Vec<_> = (0..7).map(|_| round(1_000)).collect();
    let dropped = rounds.iter().map(|(dropped, _)| *dropped).min().unwrap();
    let sent = rounds.iter().map(|(_, sent)| *sent).min().unwrap();
    println!("per span: dropped {dropped} ns, batched and encoded {sent} ns");
    assert!(dropped < sent, "{dropped} ns, {sent} ns");
}
