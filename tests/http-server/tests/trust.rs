//! Whose context becomes the parent, and what is left of the others': a link.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use ipnet::IpNet;
use opentelemetry_sdk::trace::Sampler;
use tower::ServiceExt as _;
use tracewire::http::{Peer, Trust};
use tracewire::test::{Capture, expect};

use crate::support::{SAMPLED, SPAN, Site, TRACE, UNSAMPLED, field, outgoing};

const CALLER: [&str; 3] = [SAMPLED, "tracestate: vendor=1", "baggage: user=7"];

async fn site(capture: Capture, trust: Trust) -> Site {
    Site::recording(capture, |layer| {
        Router::new().route("/", get(outgoing)).layer(layer.trust(trust))
    })
    .await
}

fn networks<const N: usize>(networks: [&str; N]) -> Vec<IpNet> {
    networks.map(|network| network.parse().unwrap()).into()
}

#[tokio::test]
async fn a_trusted_caller_is_the_parent() {
    for trust in [
        Trust::default(),
        Trust::always(),
        Trust::networks(networks(["127.0.0.0/8"])),
        Trust::networks(networks(["10.0.0.0/8", "::1/128", "127.0.0.1/32"])),
        Trust::when(|request| request.headers.contains_key("traceparent")),
    ] {
        let site = site(Capture::new(), trust).await;
        let answer = site.get("/", &CALLER).await;
        let trace = site.trace(1).await;
        assert_eq!(trace.id().to_string(), TRACE);
        assert_eq!(trace.roots()[0].span.parent_span_id.to_string(), SPAN);
        assert_eq!(field(answer.body(), "tracestate"), Some("vendor=1"));
        assert_eq!(field(answer.body(), "baggage"), Some("user=7"));
        trace.assert(expect::span("GET /").server().links(0));
    }
}

#[tokio::test]
async fn a_stranger_is_a_link() {
    for trust in [
        Trust::never(),
        Trust::networks(networks(["10.0.0.0/8", "::/0"])),
        Trust::networks([]),
        Trust::when(|request| request.headers.contains_key("x-key")),
    ] {
        let site = site(Capture::new(), trust).await;
        let answer = site.get("/", &CALLER).await;
        let trace = site.trace(1).await;
        let root = &trace.roots()[0].span;
        assert_ne!(trace.id().to_string(), TRACE);
        assert_eq!(root.parent_span_id.to_string(), "0".repeat(16));
        let link = &root.links[0].span_context;
        assert_eq!(
            (link.trace_id().to_string(), link.span_id().to_string()),
            (TRACE.into(), SPAN.into())
        );
        assert_eq!(link.trace_state().header(), "vendor=1");
        let own = format!("00-{}-{}-01", trace.id(), root.span_context.span_id());
        assert_eq!(answer.body(), format!("traceparent: {own}\n"));
        trace.assert(expect::span("GET /").server().links(1));
    }
}

#[tokio::test]
async fn a_stranger_without_a_trace_is_no_link() {
    let site = site(Capture::new(), Trust::never()).await;
    let answer = site.get("/", &["baggage: user=7", "tracestate: vendor=1"]).await;
    assert_eq!(field(answer.body(), "baggage"), None);
    site.assert(expect::span("GET /").server().links(0), 1).await;
}

/// A sampler that follows parents and drops what has none: a stranger cannot make it record.
#[tokio::test]
async fn a_stranger_forces_nothing_to_be_recorded() {
    let sampler = || Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    for (trust, header, spans) in [
        (Trust::always(), SAMPLED, 1),
        (Trust::always(), UNSAMPLED, 0),
        (Trust::never(), SAMPLED, 0),
        (Trust::never(), UNSAMPLED, 0),
    ] {
        let trusted = format!("{trust:?}") == "Trust::always";
        let site = site(Capture::with_sampler(sampler()), trust).await;
        let answer = site.get("/", &[header]).await;
        site.settled(spans).await;
        let sent = field(answer.body(), "traceparent").unwrap();
        assert_eq!(sent.contains(TRACE), trusted, "{sent}");
        assert!(sent.ends_with(if spans == 1 { "-01" } else { "-00" }), "{sent}");
    }
    // The other way round: it cannot keep anything from being recorded either.
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let site = site(Capture::with_sampler(sampler), Trust::never()).await;
    site.get("/", &[UNSAMPLED]).await;
    site.assert(expect::span("GET /").server().links(1), 1).await;
}

/// Which addresses lie in which networks.
#[tokio::test]
async fn networks_of_every_family() {
    let cases = [
        ("10.1.2.3:1", "10.0.0.0/8", true),
        ("11.1.2.3:1", "10.0.0.0/8", false),
        ("10.1.2.3:1", "10.1.2.3/32", true),
        ("10.1.2.3:1", "0.0.0.0/0", true),
        ("[2001:db8::1]:1", "2001:db8::/32", true),
        ("[2001:db9::1]:1", "2001:db8::/32", false),
        ("[2001:db8::1]:1", "0.0.0.0/0", false),
        ("[::1]:1", "::1/128", true),
        ("10.1.2.3:1", "::/0", false),
        // What a socket for both families says of an IPv4 peer.
        ("[::ffff:10.1.2.3]:1", "10.0.0.0/8", true),
        ("[::ffff:11.1.2.3]:1", "10.0.0.0/8", false),
        // What an operator may write who has seen that.
        ("[::ffff:10.1.2.3]:1", "::ffff:10.0.0.0/104", true),
        ("10.1.2.3:1", "::ffff:10.0.0.0/104", true),
        ("11.1.2.3:1", "::ffff:10.0.0.0/104", false),
    ];
    for (peer, network, trusted) in cases {
        let capture = Capture::new();
        let layer = tracewire::axum::ServerLayer::new()
            .telemetry(&capture.telemetry())
            .trust(Trust::networks(networks([network])));
        let app: Router = Router::new().route("/", get(outgoing)).layer(layer);
        let peer: SocketAddr = peer.parse().unwrap();
        let request = Request::get("/")
            .header("traceparent", format!("00-{TRACE}-{SPAN}-01"))
            .extension(Peer(peer))
            .body(Body::empty())
            .unwrap();
        let response = app.oneshot(request).await.unwrap();
        axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let trace = capture.trace();
        assert_eq!(trace.id().to_string() == TRACE, trusted, "{peer} in {network}");
        let address = peer.ip().to_canonical().to_string();
        let expected = expect::span("GET /")
            .server()
            .links(usize::from(!trusted))
            .attribute("network.peer.address", address.clone())
            .attribute("client.address", address);
        trace.assert(expected);
    }
}

/// An unknown peer lies in no network.
#[tokio::test]
async fn an_unknown_peer_is_a_stranger() {
    let capture = Capture::new();
    let layer = tracewire::axum::ServerLayer::new()
        .telemetry(&capture.telemetry())
        .trust(Trust::networks(networks(["0.0.0.0/0", "::/0"])));
    let app: Router = Router::new().route("/", get(outgoing)).layer(layer);
    let request = Request::get("/")
        .header("traceparent", format!("00-{TRACE}-{SPAN}-01"))
        .body(Body::empty())
        .unwrap();
    drop(app.oneshot(request).await.unwrap());
    assert_ne!(capture.trace().id().to_string(), TRACE);
}
