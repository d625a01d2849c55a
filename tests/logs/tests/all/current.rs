//! The request's span from deep below it, and baggage.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{FutureExt as _, SpanContext, SpanId, SpanKind, TraceContextExt as _};
use opentelemetry::trace::{TraceFlags, TraceId, TraceState, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use tower::{Layer as _, ServiceExt as _};
use tracewire::Telemetry;
use tracewire::axum::ServerLayer;
use tracewire::http::ClientLayer;
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::span;

async fn serve(capture: &Capture, layer: ServerLayer, app: Router, headers: &[(&str, &str)]) {
    let mut request = Request::get("/orders/7");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let app = app.layer(layer.telemetry(&capture.telemetry()));
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
}

fn link() -> SpanContext {
    let (trace, span) = (TraceId::from(7), SpanId::from(7));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}

#[tracing::instrument]
async fn charge() {
    tracewire::current().set("shop.before", 1_i64);
    tokio::task::yield_now().await;
    let current = tracewire::current();
    assert!(current.is_recording());
    current.set("shop.after", "await");
    current.link(link(), vec![KeyValue::new("why", "retry")]);
    current.link(SpanContext::NONE, Vec::new());
    tokio::spawn(async move { current.set("shop.moved", true) }).await.unwrap();
}

#[tokio::test]
async fn the_request_is_found_from_spans_below_it() {
    let capture = Capture::new();
    let tracer = capture.provider().tracer("application");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false);
    let layer = layer.with_threads(false).with_target(false).with_tracked_inactivity(false);
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let app = Router::new().route("/orders/{id}", get(charge));
    serve(&capture, ServerLayer::new(), app, &[]).await;
    capture.assert(
        expect::span("GET /orders/{id}")
            .server()
            .attribute("shop.before", 1_i64)
            .attribute("shop.after", "await")
            .attribute("shop.moved", true)
            .child(expect::span("charge").without("shop.before").without("shop.after")),
    );
    let links = span(&capture, "GET /orders/{id}").links;
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].span_context, link());
}

#[test]
fn the_innermost_operation_counts_and_the_outer_one_is_back_after_it() {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let outer = telemetry.start(SpanKind::Server, &Context::new(), |span| span.name("outer"));
    let entered = outer.enter();
    let inner = telemetry.start(SpanKind::Client, &Context::current(), |span| span.name("inner"));
    let within = inner.enter();
    tracewire::current().set("which", "inner");
    // Whoever makes another trace current means it.
    let elsewhere = Context::new().with_remote_span_context(link()).attach();
    assert_eq!(tracewire::current().context().span().span_context(), &link());
    assert!(!tracewire::current().is_recording());
    drop(elsewhere);
    drop(within);
    tracewire::current().set("which", "outer");
    drop(entered);
    assert!(!tracewire::current().is_recording());
    tracewire::current().set("which", "nobody's");
    inner.finish(Outcome::Success);
    outer.finish(Outcome::Success);
    capture.assert(
        expect::span("outer")
            .server()
            .attribute("which", "outer")
            .child(expect::span("inner").client().attribute("which", "inner")),
    );
}

#[test]
fn guards_may_go_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let capture = Capture::new();
        let names = ["first", "second", "third"];
        let mut parent = Context::new();
        let operations = names.map(|name| {
            let operation = capture.telemetry().start(SpanKind::Internal, &parent, |span| {
                span.name(name);
            });
            parent = operation.context().clone();
            operation
        });
        let mut guards = operations.each_ref().map(|operation| Some(operation.enter()));
        for (left, index) in order.into_iter().enumerate() {
            drop(guards[index].take());
            assert_eq!(tracewire::current().is_recording(), left < 2, "{order:?}");
        }
        // Nothing of them is left for those that come after.
        for operation in &operations {
            let entered = operation.enter();
            let current = tracewire::current();
            let own = operation.context().span();
            assert_eq!(current.context().span().span_context(), own.span_context(), "{order:?}");
            drop(entered);
            assert!(!tracewire::current().is_recording(), "{order:?}");
        }
    }
}

#[test]
fn a_panic_leaves_no_operation_behind() {
    let capture = Capture::new();
    let start = |name: &'static str, parent: &Context| {
        capture.telemetry().start(SpanKind::Internal, parent, |span| span.name(name))
    };
    let outer = start("outer", &Context::new());
    let entered = outer.enter();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let inner = start("inner", &Context::current());
        let _entered = inner.enter();
        panic!("on purpose");
    }));
    caught.unwrap_err();
    tracewire::current().set("after", "the panic");
    drop(entered);
    assert!(!tracewire::current().is_recording());
    outer.finish(Outcome::Success);
    capture.assert(
        expect::span("outer")
            .attribute("after", "the panic")
            .child(expect::span("inner").error("panic")),
    );
}

/// What a layer below a client does.
#[tracing::instrument]
async fn sign(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    tracewire::current().set("shop.signed", true);
    Ok(Response::new(Body::empty()))
}

async fn call(telemetry: &Telemetry) {
    let client = ClientLayer::new().telemetry(telemetry).layer(tower::service_fn(sign));
    let request = Request::get("http://bank.test/pay").body(Body::empty()).unwrap();
    drop(client.oneshot(request).await.unwrap());
}

#[tokio::test]
async fn within_a_call_it_is_what_the_call_is_made_for() {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let tracer = capture.provider().tracer("application");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false);
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let handler = async move || call(&telemetry).await;
    let app = Router::new().route("/orders/{id}", get(handler));
    serve(&capture, ServerLayer::new(), app, &[]).await;
    let signing = expect::span("sign").without("shop.signed");
    let client = expect::span("GET").client().without("shop.signed").child(signing);
    let server = expect::span("GET /orders/{id}").server().attribute("shop.signed", true);
    capture.assert(server.child(client));
    // For nothing that is known, it is the innermost span.
    capture.clear();
    call(&capture.telemetry()).await;
    let signing = expect::span("sign").attribute("shop.signed", true);
    capture.assert(expect::span("GET").client().without("shop.signed").child(signing));
}

/// Asks for what is current when it goes.
struct AsksAtItsEnd;

impl Drop for AsksAtItsEnd {
    fn drop(&mut self) {
        tracewire::current().set("asked", "at its end");
    }
}

#[tokio::test]
async fn what_a_future_holds_goes_while_its_operation_is_current() {
    for is_polled in [true, false] {
        let capture = Capture::new();
        let operation = capture.telemetry().start(SpanKind::Internal, &Context::new(), |span| {
            span.name("work");
        });
        let held = AsksAtItsEnd;
        // A closure's future holds what it has taken until it goes itself.
        let future = operation.run(std::future::poll_fn(move |_| {
            let _held = &held;
            std::task::Poll::Ready(())
        }));
        if is_polled {
            future.await;
        } else {
            drop(future);
        }
        assert!(!tracewire::current().is_recording());
        operation.finish(Outcome::Success);
        capture.assert(expect::span("work").attribute("asked", "at its end"));
    }
}

#[tokio::test]
async fn a_task_with_the_context_has_its_span() {
    let capture = Capture::new();
    let operation = capture.telemetry().start(SpanKind::Server, &Context::new(), |span| {
        span.name("request");
    });
    let task = async { tracewire::current().set("from", "a task") };
    tokio::spawn(task.with_context(operation.context().clone())).await.unwrap();
    operation.finish(Outcome::Success);
    capture.assert(expect::span("request").server().attribute("from", "a task"));
}

const BAGGAGE: (&str, &str) = ("baggage", "tenant=acme%20inc;prop=1,user=7,secret=x");

#[tokio::test]
async fn listed_baggage_becomes_attributes() {
    let capture = Capture::new();
    let app = || Router::new().route("/orders/{id}", get(async || "here"));
    let layer = ServerLayer::new().baggage_attributes(["tenant", "plan"]);
    serve(&capture, layer, app(), &[BAGGAGE]).await;
    let span = expect::span("GET /orders/{id}").server().attribute("tenant", "acme inc");
    capture.assert(span.without("plan").without("user").without("secret"));
    // Samplers see it.
    let at_start = capture.attributes_at_start(&capture.spans()[0]);
    assert!(at_start.iter().any(|attribute| attribute.key.as_str() == "tenant"));
    // Whom nobody believes has no say in attributes either.
    capture.clear();
    let layer =
        ServerLayer::new().baggage_attributes(["tenant"]).trust(tracewire::http::Trust::never());
    serve(&capture, layer, app(), &[BAGGAGE]).await;
    capture.assert(expect::span("GET /orders/{id}").server().without("tenant"));
}

#[tokio::test]
async fn baggage_is_read_and_added_below_a_request() {
    async fn order() {
        assert_eq!(tracewire::context::baggage("tenant").as_deref(), Some("acme inc"));
        assert_eq!(tracewire::context::baggage("plan"), None);
        let context = tracewire::context::with_baggage([("plan", "gold"), ("user", "8")]);
        assert_eq!(tracewire::context::baggage("plan"), None);
        async {
            tokio::task::yield_now().await;
            let known =
                ["tenant", "plan", "user"].map(|key| tracewire::context::baggage(key).unwrap());
            assert_eq!(known, ["acme inc", "gold", "8"]);
            let properties = Context::current()
                .baggage()
                .get_with_metadata("tenant")
                .unwrap()
                .1
                .as_str()
                .to_owned();
            assert_eq!(properties, "prop=1");
            let mut headers = http::HeaderMap::new();
            tracewire::Propagator::default().inject(&Context::current(), &mut headers);
            let sent = headers["baggage"].to_str().unwrap().to_owned();
            assert!(sent.contains("plan=gold") && sent.contains("user=8"), "{sent}");
        }
        .with_context(context)
        .await;
        tracewire::current().set("done", true);
    }
    let capture = Capture::new();
    let app = Router::new().route("/orders/{id}", get(order));
    serve(&capture, ServerLayer::new(), app, &[BAGGAGE]).await;
    capture.assert(expect::span("GET /orders/{id}").server().attribute("done", true));
}
