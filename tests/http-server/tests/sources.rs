//! Where spans come from when nothing is said: whatever a program has set up, a request has one
//! span or none, with the right parent, and its caller's context travels on.
//!
//! All of it belongs to the whole process, so each case has one of its own.

use axum::Router;
use axum::routing::get;
use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracer;
use tracewire::Telemetry;
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, Trace, expect};
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, filter, reload};

use crate::support::{Answer, SAMPLED, SPAN, Site, TRACE, field, in_own_process, outgoing};

mod tracing_layer;

/// Tests that each run in a process of their own.
macro_rules! alone {
    ($($(#[$doc:meta])* async fn $name:ident() $body:block)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                if in_own_process(concat!(module_path!(), "::", stringify!($name)), &[]) {
                    return;
                }
                tokio::runtime::Runtime::new().unwrap().block_on(async $body);
            }
        )*
    };
}

use alone;

const CALLER: [&str; 3] = [SAMPLED, "tracestate: vendor=1", "baggage: user=7"];

fn layer<S>(capture: &Capture) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer().with_tracer(capture.provider().tracer("application"))
}

/// Does something that the application traces with `tracing`.
#[tracing::instrument(skip_all)]
async fn work() -> String {
    tokio::task::yield_now().await;
    outgoing().await
}

/// A site with a layer that nobody has told anything; what is recorded is looked for in `capture`.
async fn site(capture: &Capture) -> Site {
    with_layer(capture, ServerLayer::new()).await
}

async fn with_layer(capture: &Capture, layer: ServerLayer) -> Site {
    let app = Router::new().route("/", get(outgoing)).route("/work", get(work)).layer(layer);
    Site::serving(capture.clone(), app).await
}

/// The server span of `/` has the caller as its parent and is what the answer names.
fn assert_between(trace: &Trace, answer: &Answer) {
    let root = &trace.roots()[0].span;
    assert_eq!(trace.id().to_string(), TRACE);
    assert_eq!(root.parent_span_id.to_string(), SPAN);
    let own = format!("00-{TRACE}-{}-01", root.span_context.span_id());
    assert_eq!(field(answer.body(), "traceparent"), Some(&*own));
    assert_eq!(field(answer.body(), "tracestate"), Some("vendor=1"));
    assert_eq!(field(answer.body(), "baggage"), Some("user=7"));
}

fn root(route: &'static str) -> expect::Span {
    expect::span(format!("GET {route}"))
        .server()
        .status(200)
        .attribute("http.route", route)
        .attribute("url.path", route)
        .attribute("server.address", "shop.example")
        .without("error.type")
}

/// One request makes one span, and one with work in it makes two.
async fn assert_traced(site: &Site) {
    site.capture.clear();
    let answer = site.get("/", &CALLER).await;
    let trace = site.trace(1).await;
    assert_between(&trace, &answer);
    trace.assert(root("/").links(0));

    site.capture.clear();
    site.get("/work", &[]).await;
    let trace = site.trace(2).await;
    assert_eq!(trace.roots()[0].span.parent_span_id.to_string(), "0".repeat(16));
    trace.assert(root("/work").child(expect::span("work").internal()));
    site.capture.clear();
}

/// No span is made, and the caller's own context is what the next service gets.
async fn assert_propagated(site: &Site) {
    site.capture.clear();
    let answer = site.get("/", &CALLER).await;
    let parent = format!("00-{TRACE}-{SPAN}-01");
    assert_eq!(field(answer.body(), "traceparent"), Some(&*parent));
    assert_eq!(field(answer.body(), "tracestate"), Some("vendor=1"));
    assert_eq!(field(answer.body(), "baggage"), Some("user=7"));
    assert_eq!(site.get("/", &[]).await.body(), "");
    assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
}

alone! {
    async fn a_provider_and_no_layer() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        let site = site(&capture).await;
        let answer = site.get("/", &CALLER).await;
        let trace = site.trace(1).await;
        assert_between(&trace, &answer);
        trace.assert(root("/"));
        // The application's spans of `tracing` have nowhere to go; its context is ours.
        site.capture.clear();
        let answer = site.get("/work", &CALLER).await;
        let trace = site.trace(1).await;
        assert_between(&trace, &answer);
        trace.assert(root("/work"));
    }

    async fn a_layer_and_no_provider() {
        let capture = Capture::new();
        tracing_subscriber::registry().with(layer(&capture)).init();
        assert_traced(&site(&capture).await).await;
    }

    async fn a_layer_and_its_provider() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        tracing_subscriber::registry().with(layer(&capture)).init();
        assert_traced(&site(&capture).await).await;
    }

    /// The provider has the boundary, the layer the application's spans, below it.
    async fn a_layer_and_another_provider() {
        let (capture, others) = (Capture::new(), Capture::new());
        global::set_tracer_provider(capture.provider().clone());
        tracing_subscriber::registry().with(layer(&others)).init();
        let site = site(&capture).await;
        site.get("/work", &CALLER).await;
        site.assert(root("/work"), 1).await;
        let (server, work) = (&site.capture.spans()[0], &others.spans()[0]);
        assert_eq!(others.spans().len(), 1);
        assert_eq!(work.name, "work");
        assert_eq!(work.parent_span_id, server.span_context.span_id());
        assert_eq!(work.span_context.trace_id(), server.span_context.trace_id());
    }

    async fn neither() {
        assert_propagated(&site(&Capture::new()).await).await;
    }

    /// A subscriber that only prints is no source.
    async fn a_subscriber_without_a_layer() {
        tracing_subscriber::registry().init();
        assert_propagated(&site(&Capture::new()).await).await;
    }

    async fn a_layer_behind_a_filter_for_everything() {
        let capture = Capture::new();
        tracing_subscriber::registry().with(layer(&capture)).with(EnvFilter::new("off")).init();
        assert_propagated(&site(&capture).await).await;
    }

    async fn a_layer_behind_a_filter_for_warnings() {
        let capture = Capture::new();
        tracing_subscriber::registry().with(EnvFilter::new("warn")).with(layer(&capture)).init();
        assert_propagated(&site(&capture).await).await;
    }

    /// The application's spans go on to be the caller's children.
    async fn a_layer_behind_a_filter_for_us() {
        let capture = Capture::new();
        let filter = EnvFilter::new("info,tracewire=off");
        tracing_subscriber::registry().with(layer(&capture)).with(filter).init();
        let site = site(&capture).await;
        assert_propagated(&site).await;
        site.get("/work", &CALLER).await;
        let trace = site.trace(1).await;
        assert_eq!(trace.id().to_string(), TRACE);
        assert_eq!(trace.roots()[0].span.parent_span_id.to_string(), SPAN);
        trace.assert(expect::span("work"));
    }

    async fn a_layer_with_a_filter_of_its_own_for_everything() {
        let capture = Capture::new();
        let layer = layer(&capture).with_filter(LevelFilter::OFF);
        tracing_subscriber::registry().with(layer).init();
        assert_propagated(&site(&capture).await).await;
    }

    async fn a_layer_with_a_filter_of_its_own_for_us() {
        let capture = Capture::new();
        let only_others = filter::filter_fn(|of| !of.target().starts_with("tracewire"));
        // Another layer sees all spans, so ours are enabled, but not where it counts.
        let prints = tracing_subscriber::layer::Identity::new();
        tracing_subscriber::registry()
            .with(layer(&capture).with_filter(only_others))
            .with(prints)
            .init();
        let site = site(&capture).await;
        assert_propagated(&site).await;
        site.get("/work", &CALLER).await;
        let trace = site.trace(1).await;
        assert_eq!(trace.id().to_string(), TRACE);
        assert_eq!(trace.roots()[0].span.parent_span_id.to_string(), SPAN);
        trace.assert(expect::span("work"));
    }

    async fn a_layer_with_a_filter_of_its_own_that_lets_us_through() {
        let capture = Capture::new();
        let layer = layer(&capture).with_filter(LevelFilter::INFO);
        tracing_subscriber::registry().with(layer).init();
        assert_traced(&site(&capture).await).await;
    }

    /// Whatever a filter says of the layer, the boundary comes from the provider.
    async fn a_provider_and_a_filtered_layer() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        tracing_subscriber::registry().with(layer(&capture)).with(EnvFilter::new("off")).init();
        let site = site(&capture).await;
        let answer = site.get("/work", &CALLER).await;
        let trace = site.trace(1).await;
        assert_between(&trace, &answer);
        trace.assert(root("/work"));
    }

    async fn a_provider_and_a_layer_with_a_filter_of_its_own() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        let only_others = filter::filter_fn(|of| !of.target().starts_with("tracewire"));
        let layer = layer(&capture).with_filter(only_others);
        tracing_subscriber::registry().with(layer).init();
        assert_traced(&site(&capture).await).await;
    }

    async fn a_layer_that_can_be_reloaded() {
        let capture = Capture::new();
        let (layer, _handle) = reload::Layer::new(layer(&capture));
        tracing_subscriber::registry().with(layer).init();
        assert_traced(&site(&capture).await).await;
    }

    async fn a_provider_and_a_layer_that_can_be_reloaded() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        let (layer, _handle) = reload::Layer::new(layer(&capture));
        tracing_subscriber::registry().with(layer).init();
        assert_traced(&site(&capture).await).await;
    }

    async fn a_filter_that_is_reloaded() {
        let capture = Capture::new();
        let (filter, handle) = reload::Layer::new(EnvFilter::new("off"));
        tracing_subscriber::registry().with(layer(&capture)).with(filter).init();
        let site = site(&capture).await;
        assert_propagated(&site).await;
        handle.reload(EnvFilter::new("info")).unwrap();
        assert_traced(&site).await;
        handle.reload(EnvFilter::new("off")).unwrap();
        assert_propagated(&site).await;
    }

    /// Several filters at once, as a program grows them.
    async fn layers_of_every_kind() {
        let (capture, others) = (Capture::new(), Capture::new());
        let ours = layer(&capture).with_filter(EnvFilter::new("info"));
        let theirs = tracing_opentelemetry::layer()
            .with_tracer(others.provider().tracer("noise"))
            .with_filter(LevelFilter::OFF);
        tracing_subscriber::registry().with(theirs).with(ours).with(LevelFilter::DEBUG).init();
        assert_traced(&site(&capture).await).await;
        assert!(others.spans().is_empty());
    }

    async fn a_provider_set_after_the_first_request() {
        let capture = Capture::new();
        let site = site(&capture).await;
        assert_propagated(&site).await;
        global::set_tracer_provider(capture.provider().clone());
        let answer = site.get("/", &CALLER).await;
        let trace = site.trace(1).await;
        assert_between(&trace, &answer);
        trace.assert(root("/"));
    }

    async fn a_provider_set_after_a_layer() {
        let (capture, others) = (Capture::new(), Capture::new());
        tracing_subscriber::registry().with(layer(&others)).init();
        let site = site(&capture).await;
        site.get("/", &CALLER).await;
        others.ended(1).await;
        global::set_tracer_provider(capture.provider().clone());
        site.get("/", &CALLER).await;
        site.assert(root("/"), 1).await;
        assert_eq!(others.spans().len(), 1);
    }

    async fn a_provider_that_is_replaced() {
        let (first, second) = (Capture::new(), Capture::new());
        global::set_tracer_provider(first.provider().clone());
        let site = site(&second).await;
        site.get("/", &CALLER).await;
        first.ended(1).await;
        global::set_tracer_provider(second.provider().clone());
        site.get("/", &CALLER).await;
        site.assert(root("/"), 1).await;
        assert_eq!(first.spans().len(), 1);
    }

    async fn a_provider_that_has_been_shut_down() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        let site = site(&capture).await;
        site.get("/", &CALLER).await;
        site.assert(root("/"), 1).await;
        capture.provider().shutdown().unwrap();
        assert_propagated(&site).await;
    }

    async fn a_provider_that_has_been_shut_down_and_a_layer() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        tracing_subscriber::registry().with(layer(&capture)).init();
        let site = site(&capture).await;
        capture.provider().shutdown().unwrap();
        assert_propagated(&site).await;
        // A span of `tracing` that will not be recorded does not stand in the way.
        let answer = site.get("/work", &CALLER).await;
        assert!(field(answer.body(), "traceparent").is_none_or(|sent| sent.contains(TRACE)), "{answer:?}");
    }

    async fn what_is_installed_comes_first() {
        let (capture, others) = (Capture::new(), Capture::new());
        let site = site(&capture).await;
        global::set_tracer_provider(others.provider().clone());
        tracing_subscriber::registry().with(layer(&capture)).init();
        capture.telemetry().install();
        assert_traced(&site).await;
        Telemetry::propagate_only().install();
        assert_propagated(&site).await;
        assert!(others.spans().is_empty());
    }

    /// A telemetry that is handed over comes before all that.
    async fn what_is_handed_over_comes_before_that() {
        let (capture, others) = (Capture::new(), Capture::new());
        global::set_tracer_provider(others.provider().clone());
        others.telemetry().install();
        let layer = ServerLayer::new().telemetry(&capture.telemetry());
        let site = with_layer(&capture, layer).await;
        let answer = site.get("/", &CALLER).await;
        let trace = site.trace(1).await;
        assert_between(&trace, &answer);
        assert!(others.spans().is_empty());
    }
}
