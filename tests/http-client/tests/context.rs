//! What travels: the context of the span, of the caller where there is no span, and nothing stale.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, SpanContext, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Sampler;
use tower::{Layer, ServiceExt, service_fn};
use tracewire::http::ClientLayer;
use tracewire::reqwest::Middleware;
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};
use tracewire::{Format, Propagator, Sampling, Telemetry};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{
    Puppet, Server, Via, Wire, caller, get, layer, only, reqwest_client, traceparent, values,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn request() -> Request<()> {
    Request::get("http://a.test/").body(()).unwrap()
}

/// A caller's context, as a server reads it: with `tracestate` and baggage.
fn remote(flags: &str) -> Context {
    let mut headers = HeaderMap::new();
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-{flags}");
    headers.insert("traceparent", traceparent.parse().unwrap());
    headers.insert("tracestate", "a=1,b=2".parse().unwrap());
    headers.insert("baggage", "user=ann".parse().unwrap());
    Propagator::default().extract(&headers)
}

/// Sends in this context, as if called from there.
async fn send_in(
    context: &Context,
    layer: ClientLayer,
    request: Request<()>,
) -> crate::support::Seen {
    let wire = Wire::default();
    let future = {
        let _current = context.clone().attach();
        let mut client = layer.layer(wire.clone());
        tower::Service::call(&mut client, request)
    };
    drop(future.await.unwrap());
    wire.seen().pop().unwrap()
}

#[tokio::test]
async fn each_client_sends_the_context_of_its_own_span() {
    for via in Via::ALL {
        let (server, capture) = (Server::recording().await, Capture::new());
        via.get(&capture, &server.url("/")).await.unwrap();
        let headers = server.headers().remove(0);
        assert_eq!(headers["traceparent"], traceparent(&only(&capture)), "{via}");
        assert_eq!(headers.get_all("traceparent").iter().count(), 1);
        assert!(!headers.contains_key("tracestate"), "{via}");
        assert!(!headers.contains_key("baggage"), "{via}");
    }
}

#[tokio::test]
async fn what_a_request_brings_along_is_replaced() {
    for via in Via::HTTP1 {
        let (puppet, capture) = (Puppet::ok().await, Capture::new());
        let mut request = get(&puppet.url("/"));
        let stale = [
            ("traceparent", "00-11111111111111111111111111111111-1111111111111111-01"),
            ("traceparent", "00-22222222222222222222222222222222-2222222222222222-01"),
            ("tracestate", "stale=1"),
            ("tracestate", "stale=2"),
            ("baggage", "stale=1"),
            ("x-own", "stays"),
        ];
        for (name, value) in stale {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        via.send(&capture, request).await.unwrap();
        assert_eq!(puppet.field("traceparent"), [traceparent(&only(&capture))], "{via}");
        assert!(puppet.field("tracestate").is_empty(), "{via}");
        assert!(puppet.field("baggage").is_empty(), "{via}");
        assert_eq!(puppet.field("x-own"), ["stays"]);
    }
}

#[tokio::test]
async fn attempts_are_siblings_with_a_context_each() {
    let capture = Capture::new();
    let puppet = Puppet::ok().await;
    let caller = caller(&capture);
    let request = get(&puppet.url("/"));
    for via in [Via::Plain, Via::Hyper, Via::Middleware, Via::Reqwest] {
        // The same request each time, with what the last attempt has written into it.
        let mut request = request.clone();
        if let Some(head) = puppet.heads().pop() {
            let last = values(&head, "traceparent").remove(0);
            request.headers_mut().insert("traceparent", last.parse().unwrap());
        }
        caller.run(via.send(&capture, request)).await.unwrap();
    }
    caller.finish(Outcome::Success);

    let spans = capture.spans();
    let sent: Vec<String> =
        puppet.heads().iter().flat_map(|head| values(head, "traceparent")).collect();
    let own: Vec<String> = spans[..4].iter().map(traceparent).collect();
    assert_eq!(sent, own);
    let attempt = || expect::span("GET").client().status(200);
    capture.assert(
        expect::span("caller")
            .internal()
            .child(attempt())
            .child(attempt())
            .child(attempt())
            .child(attempt()),
    );
}

#[tokio::test]
async fn state_and_baggage_of_the_caller_travel_on() {
    let capture = Capture::new();
    let seen = send_in(&remote("01"), layer!(http, capture), request()).await;
    let span = only(&capture);
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(seen.field("traceparent"), [traceparent(&span)]);
    assert_eq!(seen.field("tracestate"), ["a=1,b=2"]);
    assert_eq!(seen.field("baggage"), ["user=ann"]);
    assert_eq!(seen.current, span.span_context);
}

#[tokio::test]
async fn the_random_flag_travels_on() {
    for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
        for (flags, random) in [("03", 2), ("02", 2), ("01", 0), ("00", 0)] {
            let capture = Capture::with_sampler(sampler.clone());
            let seen = send_in(&remote(flags), layer!(http, capture), request()).await;
            let sent = u8::from_str_radix(&seen.field("traceparent")[0][53..], 16).unwrap();
            assert_eq!(sent & 2, random, "{sampler:?} below {flags}: sent {sent:02x}");
        }
    }
}

/// A name, a layer, and how the request relates to the caller's context.
type Unrecorded = (&'static str, ClientLayer, Sent);

#[derive(Debug, PartialEq)]
enum Sent {
    /// The caller's own span id.
    Callers,
    /// A span of the same trace that is not sampled.
    Unsampled,
}

fn unrecorded(capture: &Capture) -> Vec<Unrecorded> {
    crate::support::keep_a_subscriber();
    let layer = |telemetry: &Telemetry| ClientLayer::new().telemetry(telemetry);
    let off = Capture::with_sampler(Sampler::AlwaysOff);
    let parents = Capture::with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
    let shut_down = Capture::new();
    shut_down.provider().shutdown().unwrap();
    let follows = parents.telemetry().sampling(Sampling::FollowsParent);
    vec![
        ("propagate only", layer(&Telemetry::propagate_only()), Sent::Callers),
        ("no layer in tracing", layer(&Telemetry::from_tracing()), Sent::Callers),
        ("skipped", layer!(http, capture).skip(|_| true), Sent::Callers),
        ("unsampled parent", layer(&parents.telemetry()), Sent::Unsampled),
        ("unsampled parent, followed", layer(&follows), Sent::Callers),
        ("sampler says no", layer(&off.telemetry()), Sent::Unsampled),
        ("shut down", layer(&shut_down.telemetry()), Sent::Callers),
    ]
}

#[tokio::test]
async fn the_callers_context_travels_when_nothing_is_recorded() {
    let capture = Capture::new();
    for (name, layer, sent) in unrecorded(&capture) {
        let parent = remote("00");
        let seen = send_in(&parent, layer, request()).await;
        let fields = seen.field("traceparent");
        let [traceparent] = fields[..] else {
            panic!("{name}: {fields:?}");
        };
        let same = traceparent == format!("00-{TRACE}-b7ad6b7169203331-00");
        let expected = sent == Sent::Callers;
        assert_eq!(same, expected, "{name}: {traceparent}");
        assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{name}");
        assert!(traceparent.ends_with("-00"), "{name}");
        assert_eq!(seen.field("tracestate"), ["a=1,b=2"], "{name}");
        assert_eq!(seen.field("baggage"), ["user=ann"], "{name}");
        assert_eq!(seen.current.trace_id().to_string(), TRACE, "{name}");
    }
    assert!(capture.spans().is_empty() && capture.open() == 0);
}

#[tokio::test]
async fn what_the_caller_carries_is_current_wherever_the_future_is_polled() {
    let capture = Capture::new();
    for (name, layer, _) in unrecorded(&capture) {
        for is_suppressed in [false, true] {
            let caller = remote("00");
            // The same span, with nothing else of the caller's.
            let span = caller.span().span_context().clone();
            let elsewhere = [
                Context::new().with_remote_span_context(span),
                caller.clone(),
                caller.with_baggage([KeyValue::new("user", "bob")]),
            ];
            let caller = if is_suppressed { caller.with_telemetry_suppressed() } else { caller };
            for elsewhere in elsewhere {
                let inner = service_fn(async |_: Request<()>| {
                    let user =
                        Context::map_current(|current| current.baggage().get("user").cloned());
                    assert_eq!(user.unwrap().as_str(), "ann", "{name}");
                    assert_eq!(Context::is_current_telemetry_suppressed(), is_suppressed, "{name}");
                    Ok::<_, Infallible>(Response::new(String::new()))
                });
                let mut client = layer.clone().layer(inner);
                let future = {
                    let _current = caller.clone().attach();
                    tower::Service::call(&mut client, request())
                };
                future.with_context(elsewhere).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn following_the_parent_records_where_there_is_none_or_a_sampled_one() {
    for parent in [Context::new(), remote("01")] {
        let capture = Capture::new();
        let telemetry = capture.telemetry().sampling(Sampling::FollowsParent);
        let layer = ClientLayer::new().telemetry(&telemetry);
        let seen = send_in(&parent, layer, request()).await;
        assert_eq!(seen.field("traceparent"), [traceparent(&only(&capture))]);
    }
}

#[tokio::test]
async fn without_a_caller_and_a_span_the_request_keeps_its_own_headers() {
    for own in [None, Some("00-11111111111111111111111111111111-1111111111111111-01")] {
        let mut request = request();
        if let Some(own) = own {
            request.headers_mut().insert("traceparent", own.parse().unwrap());
        }
        let layer = ClientLayer::new().telemetry(&Telemetry::propagate_only());
        let seen = send_in(&Context::new(), layer, request).await;
        assert_eq!(seen.field("traceparent"), Vec::from_iter(own));
    }
}

#[tokio::test]
async fn where_telemetry_is_suppressed_requests_stay_as_they_are() {
    let capture = Capture::new();
    let suppressed = remote("01").with_telemetry_suppressed();
    let seen = send_in(&suppressed, layer!(http, capture), request()).await;
    assert!(seen.headers.is_empty());

    let mut own = request();
    own.headers_mut().insert("traceparent", "own".parse().unwrap());
    own.headers_mut().insert("baggage", "own=1".parse().unwrap());
    let layer = layer!(http, capture).propagate_to(["nowhere.test"]);
    let seen = send_in(&suppressed, layer, own).await;
    assert_eq!((seen.field("traceparent"), seen.field("baggage")), (vec!["own"], vec!["own=1"]));

    let puppet = Puppet::ok().await;
    for via in Via::HTTP1 {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        // The scope is that of this thread, which the current-thread runtime does not leave.
        via.get(&capture, &puppet.url("/")).await.unwrap();
    }
    for head in puppet.heads() {
        assert!(values(&head, "traceparent").is_empty());
    }
    assert!(capture.spans().is_empty() && capture.open() == 0);
}

/// Every field of every format, with something that is not ours in it.
const FIELDS: [&str; 15] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
];

#[tokio::test]
async fn only_the_formats_asked_for_are_written() {
    use Format::{B3, B3Multi, Baggage, Datadog, Jaeger, TraceContext, XRay};
    let datadog = &[
        "x-datadog-trace-id",
        "x-datadog-parent-id",
        "x-datadog-sampling-priority",
        "x-datadog-tags",
    ];
    let cases: [(&[Format], &[&str]); 11] = [
        (&[TraceContext, Baggage], &["traceparent", "tracestate", "baggage"]),
        (&[TraceContext], &["traceparent", "tracestate"]),
        (&[Baggage], &["baggage"]),
        (&[B3], &["b3"]),
        (&[B3Multi], &["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]),
        (&[B3, B3Multi], &["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]),
        (&[Jaeger], &["uber-trace-id"]),
        (&[XRay], &["x-amzn-trace-id"]),
        (&[Datadog], datadog),
        (&[B3, TraceContext, Jaeger], &["traceparent", "tracestate", "b3", "uber-trace-id"]),
        (&[], &[]),
    ];
    for (formats, expected) in cases {
        let capture = Capture::new();
        let telemetry = capture.telemetry().propagator(Propagator::new(formats.iter().copied()));
        let layer = ClientLayer::new().telemetry(&telemetry);
        let seen = send_in(&remote("01"), layer, request()).await;
        let span = only(&capture).span_context.span_id();
        for name in FIELDS {
            let there = seen.headers.contains_key(name);
            assert_eq!(there, expected.contains(&name), "{formats:?}: {name}");
        }
        // Whichever format is read, it names the span that was sent.
        for format in formats.iter().filter(|format| **format != Baggage) {
            let read = Propagator::new([*format]).extract(&seen.headers);
            assert_eq!(read.span().span_context().span_id(), span, "{format:?}");
        }
    }
}

#[tokio::test]
async fn nothing_stale_wins_over_what_is_written() {
    let stale = Context::new();
    let all = [
        Format::TraceContext,
        Format::B3,
        Format::B3Multi,
        Format::Jaeger,
        Format::XRay,
        Format::Datadog,
    ];
    for format in all {
        let capture = Capture::new();
        let telemetry = capture.telemetry().propagator(Propagator::new([format]));
        let mut request = request();
        let former = Capture::new().telemetry().start(SpanKind::Client, &stale, |_| {});
        Propagator::new(all).inject(former.context(), request.headers_mut());
        let layer = ClientLayer::new().telemetry(&telemetry);
        let seen = send_in(&Context::new(), layer, request).await;
        let read = Propagator::new([format]).extract(&seen.headers);
        let read = read.span().span_context().span_id();
        assert_eq!(read, only(&capture).span_context.span_id(), "{format:?}");
        let fields = Propagator::new([Format::B3]).extract(&seen.headers);
        if matches!(format, Format::B3 | Format::B3Multi) {
            assert_eq!(fields.span().span_context().span_id(), read, "{format:?}");
        }
    }
}

#[tokio::test]
async fn the_span_of_an_instrumented_function_is_the_parent() {
    #[tracing::instrument(skip_all)]
    async fn load_user(via: Via, capture: &Capture, url: &str) {
        // Not at once, so that the span has been left and entered again.
        tokio::task::yield_now().await;
        via.get(capture, url).await.unwrap();
    }
    for filter in [LevelFilter::INFO, LevelFilter::DEBUG] {
        for via in Via::ALL {
            let (server, capture) = (Server::recording().await, Capture::new());
            let tracer = opentelemetry::trace::TracerProvider::tracer(capture.provider(), "app");
            let subscriber = tracing_subscriber::registry()
                .with(tracing_opentelemetry::layer().with_tracer(tracer))
                .with(filter);
            load_user(via, &capture, &server.url("/")).with_subscriber(subscriber).await;
            capture.assert(
                expect::span("load_user")
                    .internal()
                    .child(expect::span("GET").client().status(200)),
            );
        }
    }
}

#[tokio::test]
async fn a_filter_that_hides_everything_breaks_nothing() {
    #[tracing::instrument(skip_all)]
    async fn hidden(capture: &Capture, url: &str) {
        Via::Hyper.get(capture, url).await.unwrap();
    }
    let (server, capture) = (Server::recording().await, Capture::new());
    let tracer = opentelemetry::trace::TracerProvider::tracer(capture.provider(), "app");
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(LevelFilter::OFF);
    let caller = caller(&capture);
    caller.run(hidden(&capture, &server.url("/")).with_subscriber(subscriber)).await;
    caller.finish(Outcome::Success);
    capture
        .assert(expect::span("caller").internal().child(expect::span("GET").client().status(200)));
    assert_eq!(server.headers()[0]["traceparent"], traceparent(&capture.spans()[0]));
}

#[tokio::test]
async fn spans_that_come_from_tracing() {
    crate::support::keep_a_subscriber();
    let (server, capture) = (Server::recording().await, Capture::new());
    let tracer = opentelemetry::trace::TracerProvider::tracer(capture.provider(), "app");
    let subscriber = Arc::new(
        tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer)),
    );
    let telemetry = Telemetry::from_tracing();
    let middleware = tracewire::reqwest::ClientLayer::new().telemetry(&telemetry);
    let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(middleware))
        .build();
    async {
        for path in ["/ok", "/again"] {
            client.get(server.url(path)).send().await.unwrap().text().await.unwrap();
        }
        client.get("http://127.0.0.1:1/").send().await.unwrap_err();
    }
    .with_subscriber(subscriber)
    .await;
    let traces = capture.traces();
    assert_eq!(traces.len(), 3);
    traces[0].assert(
        expect::span("GET")
            .client()
            .status(200)
            .attribute("server.port", i64::from(server.address().port()))
            .attribute("network.protocol.version", "1.1"),
    );
    traces[2].assert(expect::span("GET").client().error("connection_refused"));
    assert_eq!(server.headers()[0]["traceparent"], traceparent(&capture.spans()[0]));
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn what_an_inner_service_opens_is_a_child() {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let inner = service_fn(move |_: Request<()>| {
        // Before the future, within it, and after it has waited.
        let open = |name: &'static str| {
            let span = telemetry.start(SpanKind::Internal, &Context::current(), |span| {
                span.name(name);
            });
            span.finish(Outcome::Success);
        };
        open("in call");
        let open = {
            let telemetry = telemetry.clone();
            move |name: &'static str| {
                let parent = Context::current();
                telemetry
                    .start(SpanKind::Internal, &parent, |span| span.name(name))
                    .finish(Outcome::Success);
            }
        };
        async move {
            open("in poll");
            tokio::task::yield_now().await;
            open("in poll again");
            Ok::<_, Infallible>(http::Response::new(String::new()))
        }
    });
    layer!(http, capture).layer(inner).oneshot(request()).await.unwrap();
    let child = |name| expect::span(name).internal();
    capture.assert(
        expect::span("GET")
            .client()
            .child(child("in call"))
            .child(child("in poll"))
            .child(child("in poll again")),
    );
}

#[tokio::test]
async fn samplers_decide_with_the_whole_start_before_them() {
    #[derive(Clone, Debug)]
    struct ByPath;
    impl opentelemetry_sdk::trace::ShouldSample for ByPath {
        fn should_sample(
            &self,
            _: Option<&Context>,
            _: opentelemetry::TraceId,
            _: &str,
            kind: &SpanKind,
            attributes: &[KeyValue],
            _: &[opentelemetry::trace::Link],
        ) -> opentelemetry_sdk::trace::SamplingResult {
            let text = |key: &str| {
                let found = attributes.iter().find(|attribute| attribute.key.as_str() == key);
                found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
            };
            let health = text("url.full").ends_with("/health")
                && text("server.address") == "a.test"
                && text("server.port") == "80"
                && text("http.request.method") == "GET"
                && *kind == SpanKind::Client;
            use opentelemetry_sdk::trace::SamplingDecision::{Drop, RecordAndSample};
            opentelemetry_sdk::trace::SamplingResult {
                decision: if health { Drop } else { RecordAndSample },
                attributes: vec![],
                trace_state: Default::default(),
            }
        }
    }
    let capture = Capture::with_sampler(ByPath);
    for (path, sampled) in [("/health", false), ("/orders", true)] {
        let request = Request::get(format!("http://a.test{path}")).body(()).unwrap();
        let seen = Wire::default().send(layer!(http, capture), request).await;
        assert_eq!(seen.current.is_sampled(), sampled, "{path}");
        assert_ne!(seen.current, SpanContext::empty_context());
    }
    only(&capture);
}
