//! reqwest behaves behind the layers as it does without them.

use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::response::Redirect;
use axum::routing::{any, get as route};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use reqwest_middleware::ClientWithMiddleware;
use tower::{Layer, ServiceExt};
use tracewire::reqwest::Middleware;
use tracewire::test::Capture;

use crate::support::{Puppet, Server, Then, layer, reqwest_client};

/// With the layers, and without.
#[derive(Clone, Copy, Debug)]
enum Client {
    Bare,
    Middleware,
    Layer,
}

impl Client {
    const ALL: [Self; 3] = [Self::Bare, Self::Middleware, Self::Layer];

    async fn send(
        self,
        capture: &Capture,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let client = reqwest_client();
        match self {
            Self::Bare => client.execute(request).await,
            Self::Middleware => match with_middleware(client, capture).execute(request).await {
                Ok(response) => Ok(response),
                Err(reqwest_middleware::Error::Reqwest(error)) => Err(error),
                Err(error) => panic!("{error}"),
            },
            Self::Layer => layer!(reqwest, capture).layer(client).oneshot(request).await,
        }
    }

    async fn get(self, capture: &Capture, url: &str) -> Result<reqwest::Response, reqwest::Error> {
        self.send(capture, reqwest::Request::new(Method::GET, url.parse().unwrap())).await
    }
}

fn with_middleware(client: reqwest::Client, capture: &Capture) -> ClientWithMiddleware {
    reqwest_middleware::ClientBuilder::new(client)
        .with(Middleware::from(layer!(reqwest, capture)))
        .build()
}

async fn server() -> Server {
    // "hello", compressed.
    const GZIP: [u8; 25] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0,
        0,
    ];
    let streamed = async || {
        let chunks = ["one ", "two ", "three"].map(Ok::<_, std::io::Error>);
        Body::from_stream(stream::iter(chunks))
    };
    let app = Router::new()
        .route("/text", any(async || "hello"))
        .route("/empty", any(async || ()))
        .route(
            "/json",
            route(async || ([(header::CONTENT_TYPE, "application/json")], r#"{"id":7}"#)),
        )
        .route("/gzip", route(async || ([(header::CONTENT_ENCODING, "gzip")], GZIP)))
        .route("/streamed", route(streamed))
        .route("/moved", route(async || Redirect::temporary("/text?q=1")))
        .route("/cookie", route(async || ([(header::SET_COOKIE, "a=1")], "")))
        .route("/204", any(async || StatusCode::NO_CONTENT))
        .route("/304", any(async || StatusCode::NOT_MODIFIED))
        .route("/404", any(async || (StatusCode::NOT_FOUND, "none")))
        .route("/500", any(async || (StatusCode::INTERNAL_SERVER_ERROR, "broken")));
    Server::new(app).await
}

/// Everything a response says before its body is read, and the body.
async fn describe(response: reqwest::Response) -> String {
    let mut text = String::new();
    writeln!(text, "{} {:?}", response.status(), response.version()).unwrap();
    writeln!(text, "{} {:?}", response.url(), response.remote_addr()).unwrap();
    writeln!(text, "{:?}", response.content_length()).unwrap();
    let failed = response.error_for_status_ref().map(|_| ()).map_err(|error| error.to_string());
    writeln!(text, "{failed:?}").unwrap();
    let mut headers = response.headers().clone();
    headers.remove("date");
    writeln!(text, "{headers:?}").unwrap();
    let body = response.bytes().await.map_err(|error| format!("{error:?} {}", error.is_timeout()));
    writeln!(text, "{body:?}").unwrap();
    text
}

#[tokio::test]
async fn responses_look_the_same() {
    let (server, capture) = (server().await, Capture::new());
    let paths = [
        "/text",
        "/empty",
        "/json",
        "/gzip",
        "/streamed",
        "/moved",
        "/cookie",
        "/204",
        "/304",
        "/404",
        "/500",
    ];
    for path in paths {
        for method in [Method::GET, Method::HEAD] {
            let mut found = Vec::new();
            for client in Client::ALL {
                let request =
                    reqwest::Request::new(method.clone(), server.url(path).parse().unwrap());
                found.push(describe(client.send(&capture, request).await.unwrap()).await);
            }
            assert_eq!(found[0], found[1], "{method} {path}");
            assert_eq!(found[0], found[2], "{method} {path}");
            assert!(!found[0].contains("no.url.provided"));
        }
    }
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn bodies_in_every_way_to_read_them() {
    let (server, capture) = (server().await, Capture::new());
    for client in Client::ALL {
        let get = async |path: &str| client.get(&capture, &server.url(path)).await.unwrap();
        assert_eq!(get("/text").await.text().await.unwrap(), "hello");
        let json: serde_json::Value = get("/json").await.json().await.unwrap();
        assert_eq!(json["id"], 7);
        get("/text").await.json::<u8>().await.unwrap_err();
        assert_eq!(get("/gzip").await.text().await.unwrap(), "hello");
        assert_eq!(get("/text").await.bytes().await.unwrap(), "hello");

        let (mut response, mut chunks) = (get("/streamed").await, Vec::new());
        while let Some(chunk) = response.chunk().await.unwrap() {
            chunks.extend(chunk);
        }
        assert_eq!(chunks, b"one two three");
        assert!(response.chunk().await.unwrap().is_none());
        let stream = get("/streamed").await.bytes_stream();
        let read: Vec<Bytes> = stream.map(Result::unwrap).collect().await;
        assert_eq!(read.concat(), b"one two three");

        let response: http::Response<reqwest::Body> = get("/streamed").await.into();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "one two three");
        assert_eq!(get("/404").await.error_for_status().unwrap_err().status().unwrap(), 404);
    }
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn trailers_come_through() {
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())]);
    let sent = trailers.clone();
    let app = Router::new().route(
        "/",
        route(async move || {
            let frames = [
                Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"body"))),
                Ok(Frame::trailers(sent)),
            ];
            let body = Body::new(StreamBody::new(stream::iter(frames)));
            Response::builder().header("trailer", "x-sum").body(body).unwrap()
        }),
    );
    let (server, capture) = (Server::new(app).await, Capture::new());
    for client in Client::ALL {
        let mut request = reqwest::Request::new(Method::GET, server.url("/").parse().unwrap());
        request.headers_mut().insert("te", "trailers".parse().unwrap());
        let response: http::Response<reqwest::Body> =
            client.send(&capture, request).await.unwrap().into();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers(), Some(&trailers), "{client:?}");
    }
}

#[tokio::test]
async fn errors_look_the_same() {
    let cases = [
        ("", Then::Close),
        ("", Then::Reset),
        ("nonsense", Then::Close),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", Then::Close),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n", Then::Close),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
            Then::Close,
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            Then::Close,
        ),
    ];
    for (answer, then) in cases {
        let (puppet, capture) = (Puppet::new(answer, then).await, Capture::new());
        let mut found = Vec::new();
        for client in Client::ALL {
            let sent = client.get(&capture, &puppet.url("/")).await;
            let error = match sent {
                Ok(response) => response.bytes().await.unwrap_err(),
                Err(error) => error,
            };
            found.push([
                error.is_body(),
                error.is_builder(),
                error.is_connect(),
                error.is_decode(),
                error.is_redirect(),
                error.is_request(),
                error.is_status(),
                error.is_timeout(),
                error.url().is_some(),
            ]);
        }
        assert_eq!(found[0], found[1], "{answer:?}");
        assert_eq!(found[0], found[2], "{answer:?}");
    }
}

#[tokio::test]
async fn extensions_of_requests_and_responses_are_kept() {
    /// Something a middleware leaves behind.
    #[derive(Clone, Debug, PartialEq)]
    struct Mark(u8);
    struct Marks;
    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Marks {
        async fn handle(
            &self,
            request: reqwest::Request,
            extensions: &mut http::Extensions,
            next: reqwest_middleware::Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            assert_eq!(extensions.get(), Some(&Mark(1)));
            let mut response = next.run(request, extensions).await?;
            response.extensions_mut().insert(Mark(2));
            Ok(response)
        }
    }
    let (server, capture) = (server().await, Capture::new());
    let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(layer!(reqwest, capture)))
        .with(Marks)
        .build();
    let response = client.get(server.url("/text")).with_extension(Mark(1)).send().await.unwrap();
    assert_eq!(response.extensions().get(), Some(&Mark(2)));
}

#[tokio::test]
async fn a_cloned_request_is_sent_by_itself() {
    let (server, capture) = (Server::recording().await, Capture::new());
    let client = with_middleware(reqwest_client(), &capture);
    let first = client.post(server.url("/")).body("again");
    let second = first.try_clone().unwrap();
    for request in [first, second] {
        request.send().await.unwrap().text().await.unwrap();
    }
    assert_eq!(capture.traces().len(), 2);
    for span in capture.spans() {
        assert_eq!(crate::support::text(&span, "http.request.resend_count"), None);
    }
}
