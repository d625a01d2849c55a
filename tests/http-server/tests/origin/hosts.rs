//! The host and the scheme that a client named.

use http::Request;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::axum::ServerLayer;
use tracewire::http::{Scheme, TrustedProxies};
use tracewire::test::{Capture, expect};

use super::{HOST, PEER, check, hops, networks};

#[tokio::test]
async fn host_and_scheme_of_the_same_hop() {
    let api = ("api.example", Some(8443));
    type Host = (&'static str, Option<i64>);
    type Case<'a> = (TrustedProxies, &'a [&'a str], &'a str, Host, &'static str);
    let cases: Vec<Case<'_>> = vec![
        (
            hops(1),
            &["Forwarded: for=203.0.113.9;proto=https;host=\"api.example:8443\""],
            "203.0.113.9",
            api,
            "https",
        ),
        (
            hops(1),
            &["Forwarded: proto=HTTPS;Host=api.example"],
            PEER,
            ("api.example", None),
            "https",
        ),
        (
            hops(1),
            &["Forwarded: host=\"[2001:db8::1]:8443\""],
            PEER,
            ("2001:db8::1", Some(8443)),
            "http",
        ),
        (hops(1), &["Forwarded: host=\"<script>\";proto=\"java script\""], PEER, HOST, "http"),
        (hops(1), &["Forwarded: host=\"\";proto=\"\""], PEER, HOST, "http"),
        (hops(1), &["Forwarded: host=\"a:b@api.example:8443\""], PEER, api, "http"),
        (
            networks(),
            &[
                "Forwarded: for=6.6.6.6;proto=ftp;host=evil.example, for=203.0.113.9;proto=https;host=\"api.example:8443\", for=10.0.0.7;proto=http;host=internal",
            ],
            "203.0.113.9",
            api,
            "https",
        ),
        // Without a host of its own the hop leaves that to the request.
        (
            networks(),
            &["Forwarded: for=203.0.113.9, for=10.0.0.7;proto=https;host=internal"],
            "203.0.113.9",
            HOST,
            "http",
        ),
        (
            hops(1),
            &["X-Forwarded-Proto: https", "X-Forwarded-Host: api.example:8443"],
            PEER,
            api,
            "https",
        ),
        (
            networks(),
            &["X-Forwarded-Proto: https", "X-Forwarded-Host: api.example:8443"],
            PEER,
            api,
            "https",
        ),
        (hops(1), &["X-Forwarded-Host: evil.example, api.example:8443"], PEER, api, "http"),
        // One entry stands for all hops.
        (
            networks(),
            &[
                "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.7",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: api.example:8443",
            ],
            "203.0.113.9",
            api,
            "https",
        ),
        // Several are those of their hops, counted from the right.
        (
            networks(),
            &[
                "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.7",
                "X-Forwarded-Proto: https, http",
                "X-Forwarded-Host: api.example:8443, internal",
            ],
            "203.0.113.9",
            api,
            "https",
        ),
        (
            hops(1),
            &["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: ftp, gopher, https"],
            "203.0.113.9",
            HOST,
            "https",
        ),
        // Where both kinds are there, one is read and the other is not.
        (
            hops(1),
            &["Forwarded: for=203.0.113.9", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https"],
            "203.0.113.9",
            HOST,
            "http",
        ),
        (
            hops(1).only_forwarded(),
            &["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https"],
            PEER,
            HOST,
            "http",
        ),
        (
            hops(1).only_forwarded(),
            &["Forwarded: for=203.0.113.9", "X-Forwarded-For: 6.6.6.6"],
            "203.0.113.9",
            HOST,
            "http",
        ),
        (hops(1).only_x_forwarded(), &["Forwarded: for=6.6.6.6;proto=https"], PEER, HOST, "http"),
        (
            hops(1).only_x_forwarded(),
            &[
                "Forwarded: for=6.6.6.6;proto=ftp",
                "X-Forwarded-For: 203.0.113.9",
                "X-Forwarded-Proto: https",
            ],
            "203.0.113.9",
            HOST,
            "https",
        ),
    ];
    for (proxies, lines, client, host, scheme) in cases {
        check(proxies, lines, client, host, scheme).await;
    }
}

/// A proxy's word, the target, the connection, the setting; the first that says a scheme.
#[tokio::test]
async fn sources_of_the_scheme() {
    let inner = || {
        service_fn(async |_: Request<()>| {
            Ok::<_, std::io::Error>(http::Response::new(String::new()))
        })
    };
    let cases = [
        ("https", "http://a/", Some("ftp"), "ws", "https"),
        ("", "https://a/", Some("ftp"), "ws", "https"),
        ("", "HTTPS://a/", Some("ftp"), "ws", "https"),
        ("", "/", Some("https"), "ws", "https"),
        ("", "/", Some("HTTPS"), "ws", "https"),
        ("", "/", Some(""), "https", "https"),
        ("", "/", Some(" "), "https", "https"),
        ("", "/", None, "https", "https"),
        ("", "/", None, "HTTPS", "https"),
        ("", "/", None, "", "http"),
        ("", "/", None, " ", "http"),
        ("", "coap+tcp://a/", None, "https", "coap+tcp"),
        ("no scheme", "https://a/", None, "ws", "https"),
    ];
    for (proxy, target, connection, setting, scheme) in cases {
        let capture = Capture::new();
        let layer = ServerLayer::new()
            .telemetry(&capture.telemetry())
            .trusted_proxies(hops(1))
            .default_scheme(setting);
        let mut request = Request::get(target).header("x-forwarded-proto", proxy).body(()).unwrap();
        if let Some(scheme) = connection {
            request.extensions_mut().insert(Scheme(scheme));
        }
        drop(layer.layer(inner()).oneshot(request).await.unwrap());
        capture.assert(expect::span("GET").server().attribute("url.scheme", scheme));
    }
}
