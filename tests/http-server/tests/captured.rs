//! What is recorded of queries and headers, and what is not.

use axum::Router;
use axum::routing::get;
use http::Response;
use tracewire::axum::ServerLayer;
use tracewire::test::expect;

use crate::support::{Site, shop};

#[tokio::test]
async fn queries_are_redacted_by_key() {
    let cases = [
        ("a=1&b=2", "a=1&b=2"),
        ("sig=x", "sig=REDACTED"),
        ("sig=", "sig=REDACTED"),
        ("sig", "sig"),
        ("SIG=x", "SIG=x"),
        ("a=1&X-Amz-Signature=deadbeef&b=2", "a=1&X-Amz-Signature=REDACTED&b=2"),
        ("AWSAccessKeyId=x&Signature=y", "AWSAccessKeyId=REDACTED&Signature=REDACTED"),
        (
            "X-Amz-Credential=x&X-Amz-Security-Token=y",
            "X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED",
        ),
        ("X-Goog-Signature=x", "X-Goog-Signature=REDACTED"),
        ("%73ig=x", "%73ig=REDACTED"),
        ("s%69g=x&sig=y", "s%69g=REDACTED&sig=REDACTED"),
        ("%73%69%67=x=y", "%73%69%67=REDACTED"),
        ("sig=a=b=c&sig=d", "sig=REDACTED&sig=REDACTED"),
        ("a=sig=x", "a=sig=x"),
        ("%=1&%zz=2", "%=1&%zz=2"),
        ("&&", "&&"),
    ];
    for (query, recorded) in cases {
        let site = Site::new(shop).await;
        assert_eq!(site.get(&format!("/?{query}"), &[]).await.status(), 200);
        let expected = expect::span("GET /").server().attribute("url.query", recorded);
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn own_keys_replace_the_default_ones() {
    let site = Site::new(|layer| shop(layer.redacted_query_keys(["token"]))).await;
    site.get("/?sig=1&token=2&Token=3", &[]).await;
    let expected =
        expect::span("GET /").server().attribute("url.query", "sig=1&token=REDACTED&Token=3");
    site.assert(expected, 1).await;
}

#[tokio::test]
async fn headers_are_captured_by_name_and_credentials_masked() {
    let app = |layer: ServerLayer| {
        let layer = layer
            .request_headers([
                "X-Tenant",
                "authorization",
                "cookie",
                "x-api-key",
                "x-absent",
                "not a name",
                "accept",
            ])
            .response_headers(["Set-Cookie", "x-served-by", "x-secret"]);
        let answer = async || {
            let mut secret = http::HeaderValue::from_static("hunter2");
            secret.set_sensitive(true);
            let mut response = Response::new(axum::body::Body::empty());
            let headers = response.headers_mut();
            headers.append("set-cookie", "a=hunter2".parse().unwrap());
            headers.append("set-cookie", "b=hunter2".parse().unwrap());
            headers.append("x-served-by", "node-1".parse().unwrap());
            headers.append("x-secret", secret);
            response
        };
        Router::new().route("/", get(answer)).layer(layer)
    };
    let site = Site::new(app).await;
    let headers = [
        "X-Tenant: north",
        "x-tenant: south",
        "Authorization: Bearer hunter2",
        "Cookie: session=hunter2",
        "X-Api-Key: hunter2",
        "X-Other: not asked for",
        "Accept: text/html, */*",
    ];
    site.get("/", &headers).await;
    let list = |values: &[&'static str]| {
        let values = values.iter().map(|value| (*value).into()).collect();
        opentelemetry::Value::Array(opentelemetry::Array::String(values))
    };
    let expected = expect::span("GET /")
        .server()
        .attribute("http.request.header.x-tenant", list(&["north", "south"]))
        .attribute("http.request.header.accept", list(&["text/html, */*"]))
        .attribute("http.request.header.authorization", list(&["REDACTED"]))
        .attribute("http.request.header.cookie", list(&["REDACTED"]))
        .attribute("http.request.header.x-api-key", list(&["REDACTED"]))
        .without("http.request.header.x-absent")
        .without("http.request.header.x-other")
        .attribute("http.response.header.set-cookie", list(&["REDACTED", "REDACTED"]))
        .attribute("http.response.header.x-served-by", list(&["node-1"]))
        .attribute("http.response.header.x-secret", list(&["REDACTED"]));
    let trace = site.trace(1).await;
    assert!(!trace.to_string().contains("hunter2"), "{trace}");
    trace.assert(expected);
}

#[tokio::test]
async fn a_header_asked_for_twice_is_recorded_once() {
    let site = Site::new(|layer| shop(layer.request_headers(["X-Tenant", "x-tenant"]))).await;
    site.get("/", &["X-Tenant: north"]).await;
    let outline = site.trace(1).await.to_string();
    assert_eq!(outline.matches("x-tenant").count(), 1, "{outline}");
}
