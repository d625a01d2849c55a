//! Methods that the server has, and those that it does not have.

use tracewire::test::expect;

use crate::support::{Site, client, server, wire};

fn absent(original: &'static str) -> expect::Span {
    expect::span("grpc")
        .server()
        .error("UNIMPLEMENTED")
        .attribute("rpc.method", "_OTHER")
        .attribute("rpc.method_original", original)
}

/// One call of a method, as the server's only span.
async fn check(site: &Site, service: &'static str, method: &str, expected: expect::Span) {
    let mut caller = site.stock().await.service(service);
    let _ = caller.call(method, tonic::Request::new("hello".to_owned())).await;
    let span = site.only_span().await;
    crate::support::attribute(&span, "rpc.method").expect("a method is recorded");
    site.assert(1, expected).await;
    site.capture.clear();
}

#[tokio::test]
async fn what_the_server_does_not_have_is_learnt_from_its_answer() {
    let site = Site::new().await;
    check(&site, "test.Echo", "Missing", absent("test.Echo/Missing")).await;
    check(&site, "test.Missing", "Unary", absent("test.Missing/Unary")).await;
    check(&site, "test.Echo", "Unary", server("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_method_that_has_answered_once_stays() {
    let site = Site::new().await;
    let mut caller = site.stock().await;
    // Not proven yet: this may be what a server says that does not have the method.
    assert!(caller.unary("status 12 not yet").await.is_err());
    site.assert(1, absent("test.Echo/Unary")).await;

    site.capture.clear();
    caller.unary("hello").await.unwrap();
    site.assert(1, server("test.Echo/Unary")).await;

    site.capture.clear();
    assert!(caller.unary("status 12 not yet").await.is_err());
    let span = site.only_span().await;
    site.assert(1, server("test.Echo/Unary").error("UNIMPLEMENTED")).await;
    let start = site.capture.attributes_at_start(&span);
    assert!(start.iter().any(|it| it.key.as_str() == "rpc.method"), "samplers see it now");
}

#[tokio::test]
async fn an_error_proves_nothing() {
    let site = Site::new().await;
    let mut caller = site.stock().await;
    assert!(caller.unary("status 16").await.is_err());
    site.assert(1, server("test.Echo/Unary")).await;
    site.capture.clear();
    assert!(caller.unary("status 12").await.is_err());
    site.assert(1, absent("test.Echo/Unary")).await;
}

#[tokio::test]
async fn what_is_not_listed_is_not_there() {
    let site =
        Site::with(|layer| layer.known_methods(["test.Echo/Unary", "/test.Echo/Bidi"])).await;
    check(&site, "test.Echo", "Unary", server("test.Echo/Unary")).await;
    check(&site, "test.Echo", "Missing", absent("test.Echo/Missing")).await;
    // The server has it, but nobody has said so.
    let unlisted = expect::span("grpc")
        .server()
        .attribute("rpc.method", "_OTHER")
        .attribute("rpc.method_original", "test.Echo/ServerStream");
    check(&site, "test.Echo", "ServerStream", unlisted).await;
    // A listed method may say what it likes.
    assert!(site.stock().await.unary("status 12").await.is_err());
    site.assert(1, server("test.Echo/Unary").error("UNIMPLEMENTED")).await;
}

#[tokio::test]
async fn a_listed_service_answers_for_its_methods() {
    let site = Site::with(|layer| layer.known_methods(["test.Echo/*"])).await;
    check(&site, "test.Echo", "Unary", server("test.Echo/Unary")).await;
    check(&site, "test.Echo", "Missing", absent("test.Echo/Missing")).await;
    check(&site, "test.Missing", "Unary", absent("test.Missing/Unary")).await;
}

#[tokio::test]
async fn paths_that_are_no_methods() {
    for (path, original) in [
        ("/", None),
        ("/test.Echo", Some("test.Echo")),
        ("/test.Echo/", Some("test.Echo/")),
        ("/a/test.Echo/Unary", Some("a/test.Echo/Unary")),
        ("/test.Echo/Unary/more", Some("test.Echo/Unary/more")),
    ] {
        let site = Site::new().await;
        let (mut requests, _connection) = wire::connect(site.address).await;
        let request = http::Request::builder().uri(format!("http://shop{path}"));
        let (response, _stream) = wire::ask(&mut requests, request);
        let _ = response.await;
        drop(_stream);
        let span = site.only_span().await;
        assert_eq!(span.name, "grpc", "{path}");
        assert_eq!(crate::support::attribute(&span, "rpc.method").unwrap(), "_OTHER", "{path}");
        let found = crate::support::attribute(&span, "rpc.method_original");
        assert_eq!(found.as_deref(), original, "{path}");
    }
}

#[tokio::test]
async fn a_client_names_whatever_it_calls() {
    let site = Site::new().await;
    let mut caller = site.client().await.service("test.Missing");
    assert!(caller.unary("hello").await.is_err());
    let expected = client("test.Missing/Unary").error("UNIMPLEMENTED");
    site.assert(2, expected.child(absent("test.Missing/Unary"))).await;
}
