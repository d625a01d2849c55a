//! Addresses, metadata, hooks: what is on a span besides its method and status.

use http::uri::Uri;
use opentelemetry::{Array, KeyValue, Value};
use tonic::Request;
use tonic::client::Grpc;
use tower::{Layer as _, ServiceExt as _};
use tracewire::test::{Capture, SpanData};
use tracewire::tonic::{ClientLayer, Peer, ServerLayer};

use crate::support::{Caller, Site, attribute, client, server, wire};

fn keys(span: &SpanData) -> Vec<&str> {
    let mut keys: Vec<&str> = span.attributes.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn nothing_but_what_the_conventions_name() {
    let site = Site::with(|layer| layer.known_methods(["test.Echo/Unary"])).await;
    site.client().await.unary("hello").await.unwrap();
    site.capture.ended(2).await;
    let trace = site.capture.trace();
    let [client, server] = trace.spans()[..] else { panic!("two spans are expected") };
    let of_client = [
        "rpc.method",
        "rpc.response.status_code",
        "rpc.system.name",
        "server.address",
        "server.port",
    ];
    let of_server = [
        "network.peer.address",
        "network.peer.port",
        "rpc.method",
        "rpc.response.status_code",
        "rpc.system.name",
        "server.address",
        "server.port",
    ];
    assert_eq!(keys(client), of_client);
    assert_eq!(keys(server), of_server);
    for span in [client, server] {
        assert_eq!(attribute(span, "server.address").unwrap(), "127.0.0.1");
        assert_eq!(attribute(span, "server.port").unwrap(), site.address.port().to_string());
    }
    assert_eq!(attribute(server, "network.peer.address").unwrap(), "127.0.0.1");
    assert_ne!(attribute(server, "network.peer.port"), attribute(server, "server.port"));
}

#[tokio::test]
async fn samplers_see_method_and_server() {
    let site = Site::with(|layer| layer.known_methods(["test.Echo/Unary"])).await;
    site.client().await.unary("hello").await.unwrap();
    site.capture.ended(2).await;
    for span in site.capture.spans() {
        let start = site.capture.attributes_at_start(&span);
        for key in ["rpc.system.name", "rpc.method", "server.address", "server.port"] {
            assert!(start.iter().any(|it| it.key.as_str() == key), "{key} is missing");
        }
    }
}

#[tokio::test]
async fn the_server_is_whom_the_caller_named() {
    let site = Site::new().await;
    let port = |port: Option<&str>| port.map(str::to_owned);
    for (authority, address, expected_port) in [
        ("shop.example:8080", "shop.example", Some("8080")),
        ("shop.example", "shop.example", None),
        ("[2001:db8::1]:50051", "2001:db8::1", Some("50051")),
    ] {
        let origin: Uri = format!("http://{authority}").parse().unwrap();
        let channel = site.endpoint().origin(origin).connect().await.unwrap();
        Caller::new(channel).unary("hello").await.unwrap();
        let span = site.only_span().await;
        assert_eq!(attribute(&span, "server.address").unwrap(), address);
        assert_eq!(attribute(&span, "server.port"), port(expected_port));
        site.capture.clear();
    }
}

#[tokio::test]
async fn a_client_knows_its_server_from_target_or_origin() {
    let site = Site::new().await;
    let channel = site.endpoint().connect().await.unwrap();
    let layer = ClientLayer::new().telemetry(&site.capture.telemetry());
    let cases = [
        (None, "http://shop.example:81", Some(("shop.example", Some("81")))),
        (None, "", None),
        (Some("dns:///pay.example:82"), "", Some(("pay.example", Some("82")))),
        (Some("dns:///pay:82"), "http://shop.example:81", Some(("pay", Some("82")))),
        (Some("unix:/run/pay.sock"), "", Some(("/run/pay.sock", None))),
        (Some("xds:///pay"), "http://shop.example", Some(("xds:///pay", None))),
    ];
    for (target, origin, server) in cases {
        let layer = target.map_or(layer.clone(), |target| layer.clone().target(target));
        let origin = if origin.is_empty() { Uri::default() } else { origin.parse().unwrap() };
        let grpc = Grpc::with_origin(layer.layer(channel.clone()), origin);
        Caller::of(grpc).unary("hello").await.unwrap();
        site.capture.ended(2).await;
        let trace = site.capture.trace();
        let span = &trace.roots()[0].span;
        let (address, port) = (attribute(span, "server.address"), attribute(span, "server.port"));
        let found = address.as_deref().map(|address| (address, port.as_deref()));
        assert_eq!(found, server, "{target:?}");
        site.capture.clear();
    }
}

#[tokio::test]
async fn a_prefix_before_the_service_is_no_part_of_the_method() {
    let capture = Capture::new();
    let layer = ClientLayer::new().telemetry(&capture.telemetry());
    let echo = tower::service_fn(async |_: http::Request<tonic::body::Body>| {
        Ok::<_, tonic::Status>(tonic::Status::ok("").into_http::<tonic::body::Body>())
    });
    let origin = Uri::from_static("http://shop.example/api/v1");
    let mut caller = Caller::of(Grpc::with_origin(layer.layer(echo), origin));
    assert!(caller.unary("hello").await.is_err());
    capture.assert(client("test.Echo/Unary").attribute("server.port", 80));
}

#[tokio::test]
async fn a_service_has_a_name() {
    let site = Site::new().await;
    let mut named = site.client_with(|layer| layer.service("127.0.0.1", "echoes")).await;
    named.unary("hello").await.unwrap();
    let expected = client("test.Echo/Unary").attribute("service.peer.name", "echoes");
    site.assert(2, expected.child(server("test.Echo/Unary"))).await;
}

#[tokio::test]
async fn a_peer_can_be_told() {
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let request = http::Request::post("/test.Echo/Unary")
        .header("content-type", "application/grpc+proto")
        .extension(Peer("192.0.2.7:4711".parse().unwrap()))
        .body(tonic::body::Body::empty())
        .unwrap();
    layer.layer(crate::support::Echo::default()).oneshot(request).await.unwrap();
    let expected = server("test.Echo/Unary").error("INTERNAL");
    let expected = expected.attribute("network.peer.address", "192.0.2.7");
    capture.assert(expected.attribute("network.peer.port", 4711).without("server.address"));
}

fn texts(values: &[&'static str]) -> Value {
    Value::Array(Array::String(values.iter().map(|value| (*value).into()).collect()))
}

#[tokio::test]
async fn metadata_is_recorded_when_it_is_named() {
    let site = Site::with(|layer| {
        layer
            .request_metadata(["X-Tenant", "authorization", "x-absent", "not a key"])
            .response_metadata(["seen"])
    })
    .await;
    let mut caller = site
        .client_with(|layer| {
            layer
                .request_metadata(["x-tenant", "x-raw-bin"])
                .response_metadata(["SEEN", "x-absent"])
        })
        .await;
    let mut request = Request::new("hello".to_owned());
    let metadata = request.metadata_mut();
    metadata.append("x-tenant", "one".parse().unwrap());
    metadata.append("x-tenant", "two".parse().unwrap());
    metadata.insert("authorization", "Bearer secret".parse().unwrap());
    metadata.insert("answer-seen", "yes".parse().unwrap());
    metadata.insert_bin("x-raw-bin", tonic::metadata::MetadataValue::from_bytes(&[0, 255]));
    caller.call("Unary", request).await.unwrap();
    let expected = client("test.Echo/Unary")
        .attribute("rpc.request.metadata.x-tenant", texts(&["one", "two"]))
        .attribute("rpc.request.metadata.x-raw-bin", texts(&["AP8"]))
        .attribute("rpc.response.metadata.seen", texts(&["yes"]))
        .without("rpc.request.metadata.authorization")
        .without("rpc.response.metadata.x-absent")
        .child(
            server("test.Echo/Unary")
                .attribute("rpc.request.metadata.x-tenant", texts(&["one", "two"]))
                .attribute("rpc.request.metadata.authorization", texts(&["REDACTED"]))
                .attribute("rpc.response.metadata.seen", texts(&["yes"]))
                .without("rpc.request.metadata.x-absent"),
        );
    site.assert(2, expected).await;
}

#[tokio::test]
async fn metadata_of_a_response_is_in_head_and_trailers() {
    let (address, _server) = wire::serve(|connection| {
        wire::answer(connection, |_, mut response| {
            let mut head = wire::head(200);
            head.headers_mut().insert("x-both", "head".parse().unwrap());
            let mut stream = response.send_response(head, false).unwrap();
            let mut trailers = wire::trailers("0", "");
            trailers.insert("x-both", "trailers".parse().unwrap());
            trailers.insert("x-cost", "7".parse().unwrap());
            stream.send_data(wire::message("hello"), false).unwrap();
            stream.send_trailers(trailers).unwrap();
        })
    })
    .await;
    let capture = Capture::new();
    let layer = ClientLayer::new().telemetry(&capture.telemetry());
    let layer = layer.response_metadata(["x-cost", "x-both"]);
    let channel = crate::support::endpoint(address).connect().await.unwrap();
    Caller::new(layer.layer(channel)).unary("hello").await.unwrap();
    capture.assert(
        client("test.Echo/Unary")
            .attribute("rpc.response.metadata.x-cost", texts(&["7"]))
            .attribute("rpc.response.metadata.x-both", texts(&["head"])),
    );
    attribute(&capture.spans()[0], "rpc.response.metadata.x-both");
}

#[tokio::test]
async fn hooks_see_request_head_and_trailers() {
    fn has_details(trailers: &http::HeaderMap) -> KeyValue {
        KeyValue::new("details", trailers.contains_key("grpc-status-details-bin"))
    }
    let site = Site::with(|layer| {
        layer
            .on_request(|request, start| {
                start.set(KeyValue::new("te", request.headers["te"].to_str().unwrap().to_owned()));
            })
            .on_response(|response, operation| {
                operation.set([KeyValue::new("http", i64::from(response.status.as_u16()))]);
            })
            .on_trailers(|trailers, operation| operation.set([has_details(trailers)]))
    })
    .await;
    let mut caller = site
        .client_with(|layer| {
            layer
                .on_request(|_, start| start.name("asking"))
                .on_response(|_, operation| operation.set([KeyValue::new("answered", true)]))
                .on_trailers(|trailers, operation| {
                    operation.set([KeyValue::new("trailers", trailers.len() as i64)]);
                })
        })
        .await;
    caller.unary("hello").await.unwrap();
    let served = server("test.Echo/Unary").attribute("te", "trailers").attribute("http", 200);
    let expected = tracewire::test::expect::span("asking")
        .client()
        .attribute("answered", true)
        .attribute("trailers", 1)
        .child(served.clone().attribute("details", false));
    site.assert(2, expected).await;

    // A head without a body is head and trailers at once.
    site.capture.clear();
    assert!(caller.unary("status 5").await.is_err());
    site.capture.ended(2).await;
    let trace = site.capture.trace();
    assert_eq!(trace.roots()[0].children[0].attribute("details"), Some(&Value::Bool(false)));
}

#[tokio::test]
async fn a_sampler_that_wants_nothing_leaves_calls_alone() {
    let capture = Capture::with_sampler(opentelemetry_sdk::trace::Sampler::AlwaysOff);
    let site = Site::with(|layer| layer.telemetry(&capture.telemetry()).count_messages()).await;
    let mut caller = site.client_with(|layer| layer.telemetry(&capture.telemetry())).await;
    assert_eq!(caller.unary("hello").await.unwrap(), "hello");
    assert!(caller.unary("status 5").await.is_err());
    assert!(caller.service("test.Missing").unary("hello").await.is_err());
    assert!(capture.spans().is_empty());
    let mut caller = site.client().await;
    caller.unary("hello").await.unwrap();
    site.capture.ended(1).await;
}
