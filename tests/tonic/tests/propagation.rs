//! Whose child a call is, and where its context may go.

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{FutureExt as _, SpanKind};
use opentelemetry::{Context, KeyValue};
use tonic::Request;
use tracewire::tonic::Trust;
use tracewire::{Format, Propagator};

use crate::support::{SPAN, Site, TRACE, TRACEPARENT, call};

fn traced(message: &str) -> Request<String> {
    let mut request = Request::new(message.to_owned());
    request.metadata_mut().insert("traceparent", TRACEPARENT.parse().unwrap());
    request.metadata_mut().insert("baggage", "who=me".parse().unwrap());
    request
}

#[tokio::test]
async fn a_call_is_the_child_of_whoever_makes_it() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    let telemetry = site.capture.telemetry();
    let outer = telemetry.start(SpanKind::Internal, &Context::new(), |start| start.name("outer"));
    outer.run(caller.unary("hello")).await.unwrap();
    outer.finish(tracewire::span::Outcome::Success);
    let expected = tracewire::test::expect::span("outer").internal();
    site.assert(3, expected.child(call("test.Echo/Unary"))).await;
}

#[tokio::test]
async fn a_handler_runs_inside_its_span() {
    let site = Site::new().await;
    let mut caller = site.stock().await;
    let id = |span: &tracewire::test::SpanData| span.span_context.span_id().to_string();
    let told = caller.unary("context").await.unwrap();
    assert_eq!(told, id(&site.only_span().await));

    site.capture.clear();
    let answers = caller.bidi(futures_util::stream::iter(["context", "context"])).await.unwrap();
    let (told, _) = crate::support::drain(answers).await;
    let span = site.only_span().await;
    assert_eq!(told, [id(&span), id(&span)], "streams run inside it too");
}

#[tokio::test]
async fn services_in_a_row_are_one_trace() {
    // A chain of three: each server calls the next from inside its handler.
    let last = Site::new().await;
    let middle = Site::with(|layer| layer.telemetry(&last.capture.telemetry())).await;
    let mut to_middle = middle.client_with(|it| it.telemetry(&last.capture.telemetry())).await;
    let mut to_last = last.client().await;
    let telemetry = last.capture.telemetry();
    let outer = telemetry.start(SpanKind::Server, &Context::new(), |start| start.name("edge"));
    outer
        .run(async {
            to_middle.unary("hello").await.unwrap();
            to_last.unary("hello").await.unwrap();
        })
        .await;
    outer.finish(tracewire::span::Outcome::Success);
    let expected = tracewire::test::expect::span("edge").server();
    let expected = expected.child(call("test.Echo/Unary")).child(call("test.Echo/Unary"));
    last.assert(5, expected).await;
}

#[tokio::test]
async fn a_stock_client_may_bring_a_context_or_none() {
    let site = Site::new().await;
    let mut caller = site.stock().await;
    caller.unary("hello").await.unwrap();
    let span = site.only_span().await;
    assert_eq!(span.parent_span_id, opentelemetry::trace::SpanId::INVALID);

    site.capture.clear();
    caller.call("Unary", traced("hello")).await.unwrap();
    let span = site.only_span().await;
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_span_id.to_string(), SPAN);
}

#[tokio::test]
async fn a_client_replaces_what_is_in_the_request() {
    let site = Site::new().await;
    site.client().await.call("Unary", traced("hello")).await.unwrap();
    site.assert(2, call("test.Echo/Unary")).await;
    assert_ne!(site.capture.trace().id().to_string(), TRACE);
}

#[tokio::test]
async fn strangers_are_linked_and_not_believed() {
    let site = Site::with(|layer| layer.trust(Trust::never())).await;
    let answer = site.stock().await.call("Unary", traced("baggage")).await.unwrap();
    assert_eq!(answer.into_inner(), "", "their baggage is dropped");
    let span = site.only_span().await;
    assert_eq!(span.parent_span_id, opentelemetry::trace::SpanId::INVALID);
    assert_eq!(span.links[0].span_context.trace_id().to_string(), TRACE);
    assert_ne!(span.span_context.trace_id().to_string(), TRACE);
}

#[tokio::test]
async fn trust_goes_by_the_peer() {
    for (network, is_parent) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let networks = [network.parse().unwrap()];
        let site = Site::with(|layer| layer.trust(Trust::networks(networks))).await;
        site.stock().await.call("Unary", traced("hello")).await.unwrap();
        let span = site.only_span().await;
        assert_eq!(span.parent_span_id.to_string() == SPAN, is_parent, "{network}");
    }
}

#[tokio::test]
async fn baggage_travels() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    let context = Context::new().with_baggage([KeyValue::new("who", "me")]);
    assert_eq!(caller.unary("baggage").with_context(context.clone()).await.unwrap(), "me");
    let mut silent = site.client_with(|layer| layer.baggage_keys(["other"])).await;
    assert_eq!(silent.unary("baggage").with_context(context).await.unwrap(), "");
}

#[tokio::test]
async fn context_goes_only_where_it_may() {
    type Tell = fn(tracewire::tonic::ClientLayer) -> tracewire::tonic::ClientLayer;
    let cases: [(Tell, bool); 6] = [
        (|layer| layer, true),
        (|layer| layer.propagate_to(["127.0.0.1"]), true),
        (|layer| layer.propagate_to(["*.internal"]), false),
        (|layer| layer.never_propagate_to(["127.0.0.1"]), false),
        (|layer| layer.target("dns:///pay.internal:1").propagate_to(["*.internal"]), true),
        // Several hosts, or none, are nobody in particular.
        (|layer| layer.target("xds:///pay").propagate_to(["127.0.0.1"]), false),
    ];
    for (index, (tell, is_sent)) in cases.into_iter().enumerate() {
        let site = Site::new().await;
        site.client_with(tell).await.call("Unary", traced("hello")).await.unwrap();
        site.capture.ended(2).await;
        let traces = site.capture.traces();
        assert_eq!(traces.len(), if is_sent { 1 } else { 2 }, "case {index}");
        let servers = site.capture.spans();
        let served = servers.iter().find(|span| span.span_kind == SpanKind::Server).unwrap();
        assert_ne!(served.parent_span_id.to_string(), SPAN, "case {index}: nothing stale is left");
    }
}

#[tokio::test]
async fn other_formats_travel_too() {
    let b3 = |site: &Site| site.capture.telemetry().propagator(Propagator::new([Format::B3]));
    let first = Site::new().await;
    let site = Site::with(|layer| layer.telemetry(&b3(&first))).await;
    let mut caller = site.client_with(|layer| layer.telemetry(&b3(&first))).await;
    caller.unary("hello").await.unwrap();
    first.assert(2, call("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_suppressed_call_is_left_alone() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    let suppressed = Context::new().with_telemetry_suppressed();
    caller.unary("hello").with_context(suppressed).await.unwrap();
    let span = site.only_span().await;
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.parent_span_id, opentelemetry::trace::SpanId::INVALID);
}

#[tokio::test]
async fn telemetry_that_only_propagates() {
    let site = Site::new().await;
    let quiet = tracewire::Telemetry::propagate_only();
    let mut caller = site.client_with(|layer| layer.telemetry(&quiet)).await;
    caller.call("Unary", traced("hello")).await.unwrap();
    let span = site.only_span().await;
    assert_eq!(span.parent_span_id.to_string(), SPAN);

    let between = Site::with(|layer| layer.telemetry(&quiet)).await;
    let current = between.stock().await.call("Unary", traced("context")).await.unwrap();
    assert_eq!(current.into_inner(), SPAN, "the caller's context is current in the handler");
}
