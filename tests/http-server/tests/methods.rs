//! Request methods: those that are known, and all the others.

use tracewire::test::expect;

use crate::support::{Site, in_own_process, request, shop};

#[tokio::test]
async fn unknown_methods_are_other() {
    for (wire, name, recorded, original) in [
        ("GET", "GET /", "GET", None),
        ("QUERY", "QUERY /", "QUERY", None),
        ("BREW", "HTTP /", "_OTHER", Some("BREW")),
        ("get", "HTTP /", "_OTHER", Some("get")),
        ("_OTHER", "HTTP /", "_OTHER", Some("_OTHER")),
    ] {
        let site = Site::new(shop).await;
        assert_eq!(site.raw(request(wire, "/", &[])).await.status(), 200);
        let expected =
            expect::span(name).server().status(200).attribute("http.request.method", recorded);
        let expected = match original {
            Some(original) => expected.attribute("http.request.method_original", original),
            None => expected.without("http.request.method_original"),
        };
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn an_unknown_method_without_a_route_is_http() {
    let site = Site::new(shop).await;
    site.raw(request("BREW", "/pot", &[])).await;
    site.assert(expect::span("HTTP").server().status(404).without("http.route"), 1).await;
}

#[tokio::test]
async fn known_methods_are_replaced_in_full() {
    for (wire, name) in [("BREW", "BREW /"), ("GET", "HTTP /")] {
        let site = Site::new(|layer| shop(layer.known_methods(["BREW", " POST "]))).await;
        site.raw(request(wire, "/", &[])).await;
        site.assert(expect::span(name).server().status(200), 1).await;
    }
}

#[test]
fn known_methods_of_the_environment() {
    let variables = [("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "BREW, POST,,")];
    if in_own_process(concat!(module_path!(), "::known_methods_of_the_environment"), &variables) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for (wire, name) in [("BREW", "BREW /"), ("POST", "POST /"), ("GET", "HTTP /")] {
            let site = Site::new(shop).await;
            site.raw(request(wire, "/", &[])).await;
            site.assert(expect::span(name).server().status(200), 1).await;
        }
        // Code has the last word.
        let site = Site::new(|layer| shop(layer.known_methods(["GET"]))).await;
        site.raw(request("GET", "/", &[])).await;
        site.assert(expect::span("GET /").server().status(200), 1).await;
    });
}
