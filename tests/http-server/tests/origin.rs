//! Who called, which host and by which scheme: as proxies say, where they are to be believed.

use axum::Router;
use axum::routing::get;
use tracewire::http::TrustedProxies;

use crate::support::Site;

mod hosts;

/// What stands there when no proxy is believed.
const PEER: &str = "127.0.0.1";
const HOST: (&str, Option<i64>) = ("shop.example", None);

fn hops(count: usize) -> TrustedProxies {
    TrustedProxies::hops(count)
}

/// The peer of these tests, a private network of each family.
fn networks() -> TrustedProxies {
    let networks = ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48"];
    TrustedProxies::networks(networks.map(|network| network.parse().unwrap()))
}

fn strangers() -> TrustedProxies {
    TrustedProxies::networks(["10.0.0.0/8".parse().unwrap()])
}

/// Serves one request with these header lines and compares where it came from.
async fn check(
    proxies: TrustedProxies,
    lines: &[&str],
    client: &str,
    (host, port): (&'static str, Option<i64>),
    scheme: &'static str,
) {
    let site = Site::new(|layer| {
        Router::new().route("/", get(async || "")).layer(layer.trusted_proxies(proxies.clone()))
    })
    .await;
    let mut request = b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n".to_vec();
    for line in lines {
        // A tilde stands for a byte that is no text.
        request.extend(line.bytes().map(|byte| if byte == b'~' { 0xff } else { byte }));
        request.extend(b"\r\n");
    }
    request.extend(b"\r\n");
    assert_eq!(site.raw(request).await.status(), 200, "{lines:?}");
    let trace = site.trace(1).await;
    let found = |key| trace.roots()[0].attribute(key).cloned();
    let text = |key| found(key).map(|value| value.as_str().into_owned());
    let context = format!("{proxies:?}, {lines:?}");
    assert_eq!(text("client.address").as_deref(), Some(client), "{context}");
    assert_eq!(text("server.address").as_deref(), Some(host), "{context}");
    assert_eq!(found("server.port"), port.map(opentelemetry::Value::I64), "{context}");
    assert_eq!(text("url.scheme").as_deref(), Some(scheme), "{context}");
    assert_eq!(text("network.peer.address").as_deref(), Some(PEER), "{context}");
}

/// Only the client's address is of interest.
async fn clients(cases: Vec<(TrustedProxies, &[&str], &str)>) {
    for (proxies, lines, client) in cases {
        check(proxies, lines, client, HOST, "http").await;
    }
}

#[tokio::test]
async fn nobody_is_believed_unless_configured() {
    for proxies in [TrustedProxies::default(), TrustedProxies::none(), hops(0), strangers()] {
        for lines in [
            &[
                "X-Forwarded-For: 6.6.6.6",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: evil.example",
            ][..],
            &["Forwarded: for=6.6.6.6;proto=https;host=evil.example"],
        ] {
            check(proxies.clone(), lines, PEER, HOST, "http").await;
        }
    }
}

#[tokio::test]
async fn x_forwarded_for() {
    clients(vec![
        (hops(1), &["X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
        (hops(1), &["X-Forwarded-For: 6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (hops(1), &["X-Forwarded-For: 6.6.6.6", "x-forwarded-for: 203.0.113.9"], "203.0.113.9"),
        (hops(2), &["X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        (
            hops(2),
            &["X-Forwarded-For: 6.6.6.6,203.0.113.9", "X-Forwarded-For: 10.0.0.7"],
            "203.0.113.9",
        ),
        (hops(3), &["X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.7, 10.0.0.8"], "203.0.113.9"),
        (hops(3), &["X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
        // Ports, families, spaces.
        (hops(1), &["X-Forwarded-For: 203.0.113.9:4711"], "203.0.113.9"),
        (hops(1), &["X-Forwarded-For: 2001:db8::9"], "2001:db8::9"),
        (hops(1), &["X-Forwarded-For: [2001:db8::9]"], "2001:db8::9"),
        (hops(1), &["X-Forwarded-For: [2001:DB8::0009]:4711"], "2001:db8::9"),
        (hops(1), &["X-Forwarded-For: ::ffff:203.0.113.9"], "203.0.113.9"),
        (hops(1), &["X-Forwarded-For: \t203.0.113.9 \t"], "203.0.113.9"),
        // What is no address and no name is nothing.
        (hops(1), &["X-Forwarded-For: unknown"], PEER),
        (hops(1), &["X-Forwarded-For: 203.0.113.9, "], PEER),
        (hops(1), &["X-Forwarded-For: 203.0.113.9, <script>"], PEER),
        (hops(1), &["X-Forwarded-For: [2001:db8::9"], PEER),
        (hops(1), &["X-Forwarded-For: [2001:db8::9]x"], PEER),
        (hops(1), &["X-Forwarded-For: [shop]"], PEER),
        (hops(1), &["X-Forwarded-For:"], PEER),
        (hops(1), &["X-Forwarded-For: _hidden"], "_hidden"),
        // Nonsense further left changes nothing.
        (hops(1), &["X-Forwarded-For: ~~~, <script>, 203.0.113.9"], "203.0.113.9"),
        (hops(1), &["X-Forwarded-For: ~", "X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
    ])
    .await;
}

#[tokio::test]
async fn a_list_too_long_counts_from_the_right() {
    let flood = "6.6.6.6,".repeat(500);
    let x = format!("X-Forwarded-For: {flood} 203.0.113.9");
    check(hops(1), &[&x], "203.0.113.9", HOST, "http").await;
    let x = format!("X-Forwarded-For: {flood} 203.0.113.9, 10.0.0.7");
    check(networks(), &[&x], "203.0.113.9", HOST, "http").await;
    let flood = "for=6.6.6.6,".repeat(200);
    let standard = format!("Forwarded: {flood} for=203.0.113.9");
    check(hops(1), &[&standard], "203.0.113.9", HOST, "http").await;
    let standard = format!("Forwarded: {flood} for=203.0.113.9, for=10.0.0.7");
    check(networks(), &[&standard], "203.0.113.9", HOST, "http").await;
}

#[tokio::test]
async fn networks_are_walked_from_the_right() {
    clients(vec![
        (networks(), &["X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
        (networks(), &["X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.7, 10.0.0.8"], "203.0.113.9"),
        (networks(), &["X-Forwarded-For: 10.6.6.6, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        (
            networks(),
            &["X-Forwarded-For: 203.0.113.9, [2001:db8:1::7]:80, ::ffff:10.0.0.8"],
            "203.0.113.9",
        ),
        // A proxy's own request.
        (networks(), &["X-Forwarded-For: 10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        // A hop that says nothing of itself is where belief ends.
        (networks(), &["X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.7"], PEER),
        (networks(), &["X-Forwarded-For: 203.0.113.9, _gateway, 10.0.0.7"], "_gateway"),
        (networks(), &["Forwarded: for=6.6.6.6, for=203.0.113.9, for=10.0.0.7"], "203.0.113.9"),
        (networks(), &["Forwarded: for=203.0.113.9, for=\"[2001:db8:1::7]:80\""], "203.0.113.9"),
        (networks(), &["Forwarded: for=203.0.113.9, for=unknown, for=10.0.0.7"], PEER),
        (networks(), &["Forwarded: for=_secret, for=10.0.0.7"], "_secret"),
    ])
    .await;
}

#[tokio::test]
async fn forwarded() {
    clients(vec![
        (hops(1), &["Forwarded: for=203.0.113.9"], "203.0.113.9"),
        (hops(1), &["Forwarded: FOR=203.0.113.9"], "203.0.113.9"),
        (hops(1), &["Forwarded: for=\"203.0.113.9\""], "203.0.113.9"),
        (hops(1), &["Forwarded: for=\"203.0.113.9:4711\""], "203.0.113.9"),
        (hops(1), &["Forwarded: for=\"[2001:db8::9]:4711\""], "2001:db8::9"),
        (hops(1), &["Forwarded: for=\"[2001:db8::9]\""], "2001:db8::9"),
        (hops(1), &["Forwarded: for=\"203\\.0.113.\\9\""], "203.0.113.9"),
        (
            hops(1),
            &["Forwarded: by=10.0.0.1;for=203.0.113.9;x=\"a,b;for=6.6.6.6\\\"\""],
            "203.0.113.9",
        ),
        (hops(1), &["Forwarded: for=6.6.6.6, for=203.0.113.9"], "203.0.113.9"),
        (hops(1), &["Forwarded: for=6.6.6.6", "Forwarded: for=203.0.113.9"], "203.0.113.9"),
        (
            hops(2),
            &["Forwarded: for=6.6.6.6", "Forwarded: for=203.0.113.9,for=10.0.0.7"],
            "203.0.113.9",
        ),
        (hops(1), &["Forwarded: ,, for=203.0.113.9 ,,"], "203.0.113.9"),
        (hops(1), &["Forwarded: ; for=203.0.113.9 ;; "], "203.0.113.9"),
        (hops(1), &["Forwarded: for=unknown"], PEER),
        (hops(1), &["Forwarded: for=\"unknown\""], PEER),
        (hops(1), &["Forwarded: for=_hidden"], "_hidden"),
        (hops(1), &["Forwarded: for=\"_hidden:_port\""], "_hidden"),
        // Malformed: as if it were not there.
        (hops(1), &["Forwarded: for"], PEER),
        (hops(1), &["Forwarded: for="], PEER),
        (hops(1), &["Forwarded: for=\"203.0.113.9"], PEER),
        (hops(1), &["Forwarded: for=\"203.0.113.9\\"], PEER),
        (hops(1), &["Forwarded: for=203.0.113.9 proto=https"], PEER),
        (hops(1), &["Forwarded: for=203.0.113.9;=https"], PEER),
        (hops(1), &["Forwarded: for=203.0.113.9;for=203.0.113.10"], PEER),
        (hops(1), &["Forwarded: for=~"], PEER),
        (hops(1), &["Forwarded: nonsense, for=203.0.113.9"], PEER),
        (hops(1), &["Forwarded:"], PEER),
        // A line of its own can be read whatever a client has written before it.
        (hops(1), &["Forwarded: nonsense", "Forwarded: for=203.0.113.9"], "203.0.113.9"),
        (hops(1), &["Forwarded: for=\"", "Forwarded: for=203.0.113.9"], "203.0.113.9"),
        (hops(1), &["Forwarded: ~", "Forwarded: for=203.0.113.9"], "203.0.113.9"),
        // What is malformed leaves the floor to the other fields.
        (hops(1), &["Forwarded: for", "X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
    ])
    .await;
}
