//! Where context may go, which baggage goes along, and what the services there are called.

use http::Request;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use tower::{Layer, Service, ServiceExt, service_fn};
use tracewire::http::ClientLayer;
use tracewire::reqwest::Middleware;
use tracewire::test::Capture;
use tracewire::{Format, Propagator, Telemetry};

use crate::support::{Puppet, Via, Wire, layer, only, reqwest_client, text, values};

const STALE: &str = "00-11111111111111111111111111111111-1111111111111111-01";

/// Whether context went along, to a host named by the target.
async fn sent(layer: ClientLayer, target: &str) -> bool {
    let mut request = Request::get(target).body(()).unwrap();
    for (name, value) in [("traceparent", STALE), ("tracestate", "a=1"), ("baggage", "a=1")] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let seen = Wire::default().send(layer, request).await;
    let sent = seen.headers.contains_key("traceparent");
    assert!(!seen.headers.contains_key("tracestate") && !seen.headers.contains_key("baggage"));
    assert!(!seen.field("traceparent").contains(&STALE), "a stale context has left");
    sent
}

#[tokio::test]
async fn lists_of_hosts() {
    // A pattern, a target, and whether the one names the other.
    let cases = [
        ("api.example.com", "http://api.example.com/", true),
        ("api.example.com", "https://api.example.com:8443/", true),
        ("api.example.com", "http://u:p@api.example.com/", true),
        ("API.Example.com", "http://api.example.com/", true),
        ("api.example.com", "http://API.EXAMPLE.COM/", true),
        (" api.example.com ", "http://api.example.com/", true),
        ("api.example.com", "http://api.example.com./", true),
        ("api.example.com.", "http://api.example.com/", true),
        ("api.example.com.", "http://api.example.com./", true),
        ("api.example.com", "http://example.com/", false),
        ("api.example.com", "http://xapi.example.com/", false),
        ("api.example.com", "http://api.example.com.evil.com/", false),
        ("api.example.com", "http://evil.com/api.example.com", false),
        ("api.example.com", "http://api.example.com@evil.com/", false),
        ("*.example.com", "http://api.example.com/", true),
        ("*.example.com", "http://a.b.EXAMPLE.com/", true),
        ("*.example.com", "http://api.example.com./", true),
        ("*.example.com.", "http://api.example.com/", true),
        ("*.example.com", "http://example.com/", false),
        ("*.example.com", "http://evilexample.com/", false),
        ("*.example.com", "http://example.com.evil.com/", false),
        ("*", "http://api.example.com/", true),
        ("*", "http://[::1]/", true),
        ("api.example.com:8443", "http://api.example.com:8443/", true),
        ("api.example.com:8443", "http://api.example.com/", false),
        ("api.example.com:443", "https://api.example.com/", true),
        ("api.example.com:443", "http://api.example.com/", false),
        ("*.example.com:80", "http://api.example.com/", true),
        ("*.example.com:80", "http://api.example.com:81/", false),
        ("127.0.0.1", "http://127.0.0.1:8080/", true),
        ("::1", "http://[::1]:8080/", true),
        ("[::1]", "http://[::1]/", true),
        ("[::1]:81", "http://[::1]:81/", true),
        ("[::1]:81", "http://[::1]/", false),
        ("[0:0:0:0:0:0:0:1]", "http://[::1]/", true),
        ("2001:DB8::7", "http://[2001:db8:0::7]/", true),
        ("::1", "http://[::2]/", false),
        ("", "http://api.example.com/", false),
        ("*.", "http://api.example.com/", true),
    ];
    for (pattern, target, named) in cases {
        let capture = Capture::new();
        let allowing = layer!(http, capture).propagate_to([pattern]);
        assert_eq!(sent(allowing, target).await, named, "allow `{pattern}`: {target}");
        let denying = layer!(http, capture).never_propagate_to([pattern]);
        assert_eq!(sent(denying, target).await, !named, "deny `{pattern}`: {target}");
        assert_eq!(capture.spans().len(), 2);
    }
}

#[tokio::test]
async fn both_lists_at_once_and_empty_ones() {
    let capture = Capture::new();
    let both = || {
        layer!(http, capture).propagate_to(["*.example.com"]).never_propagate_to(["b.example.com"])
    };
    assert!(sent(both(), "http://a.example.com/").await);
    assert!(!sent(both(), "http://b.example.com/").await);
    assert!(!sent(both(), "http://c.test/").await);
    let none: [&str; 0] = [];
    assert!(!sent(layer!(http, capture).propagate_to(none), "http://a.test/").await);
    assert!(sent(layer!(http, capture).never_propagate_to(none), "http://a.test/").await);
}

#[tokio::test]
async fn a_host_that_is_not_known_gets_nothing_once_there_is_a_list() {
    let capture = Capture::new();
    assert!(sent(layer!(http, capture), "/").await);
    assert!(!sent(layer!(http, capture).propagate_to(["*"]), "/").await);
    assert!(!sent(layer!(http, capture).never_propagate_to(["a.test"]), "/").await);
}

#[tokio::test]
async fn lists_by_the_host_header() {
    for (host, expected) in
        [("a.test", true), ("a.test:81", true), ("b.test", false), ("a b", false)]
    {
        let capture = Capture::new();
        let request = Request::get("/").header("host", host).body(()).unwrap();
        let layer = layer!(http, capture).propagate_to(["a.test"]);
        let seen = Wire::default().send(layer, request).await;
        assert_eq!(seen.headers.contains_key("traceparent"), expected, "{host}");
    }
}

#[tokio::test]
async fn a_request_passed_on_leaves_nothing_of_the_caller_behind() {
    // With a span, and in programs that make none.
    let capture = Capture::new();
    for telemetry in [capture.telemetry(), Telemetry::propagate_only()] {
        for skipped in [false, true] {
            let layer = ClientLayer::new().telemetry(&telemetry).never_propagate_to(["a.test"]);
            let layer = layer.skip(move |_| skipped);
            assert!(!sent(layer, "http://a.test/").await);
        }
    }
}

#[tokio::test]
async fn over_real_connections() {
    for denied in [false, true] {
        for via in Via::REQWEST {
            let (puppet, capture) = (Puppet::ok().await, Capture::new());
            let layer = layer!(reqwest, capture);
            let layer = if denied { layer.never_propagate_to(["127.0.0.1"]) } else { layer };
            let mut request =
                reqwest::Request::new(http::Method::GET, puppet.url("/").parse().unwrap());
            request.headers_mut().insert("traceparent", STALE.parse().unwrap());
            let response = match via {
                Via::Reqwest => layer.layer(reqwest_client()).oneshot(request).await.unwrap(),
                _ => {
                    let client = reqwest_middleware::ClientBuilder::new(reqwest_client());
                    client.with(Middleware::from(layer)).build().execute(request).await.unwrap()
                }
            };
            response.text().await.unwrap();
            let sent = puppet.field("traceparent");
            assert_eq!(sent.is_empty(), denied, "{via}: {sent:?}");
            assert!(!sent.contains(&STALE.to_owned()));
            only(&capture);
        }
    }
}

#[tokio::test]
async fn only_the_baggage_that_may_leave() {
    // Keys that may leave, and the field then sent.
    let cases: [(&[&str], Option<&str>); 4] = [
        (&["tenant", "user"], Some("tenant=7,user=ann")),
        (&["tenant"], Some("tenant=7")),
        (&["Tenant"], None),
        (&[], None),
    ];
    let baggage = [KeyValue::new("user", "ann"), KeyValue::new("tenant", "7")];
    let caller = Context::new().with_baggage(baggage);
    let capture = Capture::new();
    for telemetry in [capture.telemetry(), Telemetry::propagate_only()] {
        for (keys, expected) in &cases {
            let layer = ClientLayer::new().telemetry(&telemetry).baggage_keys(*keys);
            let wire = Wire::default();
            let mut request = Request::get("http://a.test/").body(()).unwrap();
            request.headers_mut().insert("baggage", "stale=1".parse().unwrap());
            let mut client = layer.layer(wire.clone());
            let future = {
                let _current = caller.clone().attach();
                client.call(request)
            };
            future.await.unwrap();
            assert_eq!(wire.seen()[0].field("baggage"), Vec::from_iter(*expected), "{keys:?}");
        }
    }
}

#[tokio::test]
async fn formats_that_are_only_read_do_not_slip_out_to_denied_hosts() {
    let all = [
        Format::TraceContext,
        Format::Baggage,
        Format::B3,
        Format::Jaeger,
        Format::XRay,
        Format::Datadog,
    ];
    let caller = Capture::new().telemetry().start(SpanKind::Server, &Context::new(), |_| {});
    let context = caller.context().with_baggage([KeyValue::new("user", "ann")]);
    let capture = Capture::new();
    let telemetry =
        capture.telemetry().propagator(Propagator::new(all).inject_only([Format::TraceContext]));
    let layer = ClientLayer::new().telemetry(&telemetry).never_propagate_to(["a.test"]);
    let mut request = Request::get("http://a.test/").body(()).unwrap();
    Propagator::new(all).inject(&context, request.headers_mut());
    Propagator::new([Format::B3Multi]).inject(&context, request.headers_mut());
    assert!(request.headers().len() > 8);
    let seen = Wire::default().send(layer, request).await;
    assert!(seen.headers.is_empty(), "{:?}", seen.headers);
}

#[tokio::test]
async fn names_of_services() {
    let layer = |capture: &Capture| {
        layer!(http, capture)
            .service("users.test:8080", "users-8080")
            .service("users.test", "users")
            .service("*.shop.test", "shop")
            .service("[::1]:81", "local-81")
            .service("::1", "local")
            .service("secure.test:443", "secure")
    };
    let cases = [
        ("http://users.test/", Some("users")),
        ("http://USERS.test:8080/", Some("users-8080")),
        ("http://users.test.:81/", Some("users")),
        ("http://a.shop.test/", Some("shop")),
        ("http://[::1]:81/", Some("local-81")),
        ("http://[::1]/", Some("local")),
        ("https://secure.test/", Some("secure")),
        ("http://secure.test/", None),
        ("http://other.test/", None),
        ("/", None),
    ];
    for (target, name) in cases {
        let capture = Capture::new();
        let request = Request::get(target).body(()).unwrap();
        Wire::default().send(layer(&capture), request).await;
        let span = only(&capture);
        assert_eq!(text(&span, "service.peer.name").as_deref(), name, "{target}");
        let at_start = capture.attributes_at_start(&span);
        let there = at_start.iter().any(|attribute| attribute.key.as_str() == "service.peer.name");
        assert_eq!(there, name.is_some());
    }
}

#[tokio::test]
async fn a_proxy_does_not_tell_a_denied_host_whose_request_it_was() {
    // The request as it came is sent on, with all its headers and extensions, by a server's handler.
    let (puppet, capture) = (Puppet::ok().await, Capture::new());
    let client = layer!(reqwest, capture).never_propagate_to(["127.0.0.1"]).layer(reqwest_client());
    let url: reqwest::Url = puppet.url("/").parse().unwrap();
    let handler = service_fn(move |incoming: Request<()>| {
        let mut request = reqwest::Request::new(http::Method::GET, url.clone());
        *request.headers_mut() = incoming.into_parts().0.headers;
        let client = client.clone();
        async move {
            let response = client.oneshot(request).await?;
            Ok::<_, reqwest::Error>(http::Response::new(response.text().await?))
        }
    });
    let server = tracewire::http::ServerLayer::new().telemetry(&capture.telemetry());
    let incoming = Request::get("/")
        .header("traceparent", STALE)
        .header("tracestate", "a=1")
        .header("baggage", "user=ann")
        .body(())
        .unwrap();
    server.layer(handler).oneshot(incoming).await.unwrap();
    let head = puppet.heads().remove(0);
    for field in ["traceparent", "tracestate", "baggage"] {
        assert!(values(&head, field).is_empty(), "{head}");
    }
    let spans = capture.spans();
    assert_eq!(spans[0].span_kind, SpanKind::Client);
    assert_eq!(spans[0].span_context.trace_id(), spans[1].span_context.trace_id());
}
