//! Futures and bodies that are dropped on the way, and panics.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context as Task, Poll};

use futures_util::FutureExt;
use futures_util::task::noop_waker_ref;
use http::{Extensions, Request, StatusCode};
use http_body_util::BodyExt;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use reqwest_middleware::{ClientWithMiddleware, Next};
use tower::{Layer, Service, ServiceExt, service_fn};
use tracewire::reqwest::Middleware;
use tracewire::test::{Capture, expect};

use crate::support::{
    Puppet, Steps, Then, Via, error_type, get, layer, only, reqwest_client, text,
};

fn request() -> Request<()> {
    Request::get("http://a.test/").body(()).unwrap()
}

/// Answers in the place of reqwest.
struct InPlace(Steps);

#[async_trait::async_trait]
impl reqwest_middleware::Middleware for InPlace {
    async fn handle(
        &self,
        _: reqwest::Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let response = self.0.clone().oneshot(()).await.unwrap();
        Ok(response.map(reqwest::Body::wrap).into())
    }
}

fn middleware(
    capture: &Capture,
    inner: impl reqwest_middleware::Middleware,
) -> ClientWithMiddleware {
    reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(layer!(reqwest, capture)))
        .with(inner)
        .build()
}

/// A request and its response to the end of the body.
async fn converse(via: Via, capture: &Capture, steps: Steps) {
    match via {
        Via::Plain | Via::Hyper | Via::Http2 => {
            let client = layer!(http, capture).layer(steps);
            let response = client.oneshot(request()).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
        Via::Middleware => {
            let client = middleware(capture, InPlace(steps));
            let response = client.get("http://a.test/").send().await.unwrap();
            response.bytes().await.unwrap();
        }
        Via::Reqwest => {
            let inner = service_fn(move |_: reqwest::Request| {
                let answer = steps.clone().call(());
                async { answer.await.map(|response| response.map(reqwest::Body::wrap).into()) }
            });
            let request =
                reqwest::Request::new(http::Method::GET, "http://a.test/".parse().unwrap());
            let response: reqwest::Response =
                layer!(reqwest, capture).layer(inner).oneshot(request).await.unwrap();
            response.bytes().await.unwrap();
        }
    }
}

#[tokio::test]
async fn dropped_after_any_number_of_polls() {
    const PENDS: usize = 2;
    for status in [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR] {
        for via in [Via::Plain, Via::Middleware, Via::Reqwest] {
            let mut whole = false;
            let mut polls = 0;
            while !whole {
                let capture = Capture::new();
                let steps = Steps::default().pends(PENDS).status(status);
                {
                    let mut conversation = pin!(converse(via, &capture, steps));
                    let mut task = Task::from_waker(noop_waker_ref());
                    for _ in 0..polls {
                        whole = conversation.as_mut().poll(&mut task).is_ready();
                    }
                }
                assert_eq!(capture.open(), 0, "{via}: {polls} polls");
                assert_eq!(capture.spans().len(), polls.min(1), "{via}: {polls} polls");
                if polls > 0 {
                    let span = only(&capture);
                    let code = text(&span, "http.response.status_code");
                    let has_head = polls > PENDS;
                    assert_eq!(code.is_some(), has_head, "{via}: {polls} polls");
                    let is_error = has_head && status.is_server_error();
                    assert_eq!(error_type(&span), is_error.then(|| "500".to_owned()), "{via}");
                }
                polls += 1;
                assert!(polls < 100);
            }
        }
    }
}

#[tokio::test]
async fn everything_inside_runs_in_the_context_of_the_span() {
    for via in [Via::Plain, Via::Middleware, Via::Reqwest] {
        let (capture, steps) = (Capture::new(), Steps::default().pends(1));
        converse(via, &capture, steps.clone()).await;
        let span = only(&capture).span_context.span_id();
        let log = steps.log();
        for place in ["call", "poll", "future dropped", "poll_frame", "body dropped"] {
            assert!(log.iter().any(|(name, _)| *name == place), "{via}: no {place}");
        }
        for (place, current) in log {
            assert_eq!(current, span, "{via}: {place}");
        }
        assert!(!Context::current().has_active_span());
    }
}

#[tokio::test]
async fn what_is_dropped_early_is_dropped_in_the_context_of_the_span() {
    let (capture, steps) = (Capture::new(), Steps::default().pends(1));
    let mut client = layer!(http, capture).layer(steps.clone());
    let mut future = Box::pin(client.call(request()));
    assert!(future.as_mut().now_or_never().is_none());
    drop(future);
    let span = only(&capture).span_context.span_id();
    assert_eq!(steps.log().last(), Some(&("future dropped", span)));

    let (capture, steps) = (Capture::new(), Steps::default());
    drop(layer!(http, capture).layer(steps.clone()).oneshot(request()).await.unwrap());
    let span = only(&capture).span_context.span_id();
    assert_eq!(steps.log().last(), Some(&("body dropped", span)));
}

#[tokio::test]
async fn a_caller_that_goes_away_over_real_connections() {
    for via in Via::ALL {
        let (puppet, capture) = (Puppet::new("", Then::Hang).await, Capture::new());
        let url = puppet.url("/");
        let mut sending = Box::pin(via.get(&capture, &url));
        while puppet.heads().is_empty() {
            assert!(sending.as_mut().now_or_never().is_none(), "{via}");
            tokio::task::yield_now().await;
        }
        assert_eq!((capture.open(), capture.spans().len()), (1, 0), "{via}");
        drop(sending);
        let span = only(&capture);
        assert_eq!(error_type(&span), None, "{via}");
        assert_eq!(text(&span, "http.response.status_code"), None, "{via}");
    }
}

#[tokio::test]
async fn a_body_half_read_over_real_connections() {
    for (status, error) in [(200, None), (404, Some("404")), (500, Some("500"))] {
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\nhello");
        for read in [false, true] {
            let (puppet, capture) = (Puppet::new(answer.clone(), Then::Hang).await, Capture::new());
            let inner =
                hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
            let client = layer!(hyper, capture).layer(inner.build_http());
            let mut response = client.oneshot(get(&puppet.url("/"))).await.unwrap();
            if read {
                response.frame().await.unwrap().unwrap();
            }
            assert_eq!(capture.open(), 1);
            drop(response);
            assert_eq!(error_type(&only(&capture)).as_deref(), error);

            let (puppet, capture) = (Puppet::new(answer.clone(), Then::Hang).await, Capture::new());
            let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
                .with(Middleware::from(layer!(reqwest, capture)))
                .build();
            let mut response = client.get(puppet.url("/")).send().await.unwrap();
            if read {
                response.chunk().await.unwrap().unwrap();
            }
            assert_eq!(capture.open(), 1);
            drop(response);
            assert_eq!(error_type(&only(&capture)).as_deref(), error);
        }
    }
}

#[tokio::test]
async fn panics_anywhere_inside() {
    for via in [Via::Plain, Via::Middleware, Via::Reqwest] {
        for place in ["call", "poll", "poll_frame"] {
            for pends in [0, 1] {
                let capture = Capture::new();
                let steps = Steps::default().pends(pends).panics_in(place);
                let conversation = AssertUnwindSafe(converse(via, &capture, steps));
                conversation.catch_unwind().await.unwrap_err();
                let found = error_type(&only(&capture));
                assert_eq!(found.as_deref(), Some("panic"), "{via}: {place}");
            }
        }
    }
}

#[tokio::test]
async fn a_panic_of_the_caller_is_not_one_of_the_request() {
    let capture = Capture::new();
    let client = layer!(http, capture).layer(Steps::default());
    let caller = AssertUnwindSafe(async {
        let response = client.oneshot(request()).await.unwrap();
        assert!(response.status().is_server_error(), "the caller panics");
    });
    caller.catch_unwind().await.unwrap_err();
    capture.assert(expect::span("GET").client().status(200));
}

/// Does its work before it hands out a future, which `async_trait` would not.
struct AtOnce(Steps);

impl reqwest_middleware::Middleware for AtOnce {
    fn handle<'a, 'b, 'c, 'd>(
        &'a self,
        _: reqwest::Request,
        _: &'b mut Extensions,
        _: Next<'c>,
    ) -> std::pin::Pin<
        Box<dyn Future<Output = reqwest_middleware::Result<reqwest::Response>> + Send + 'd>,
    >
    where
        'a: 'd,
        'b: 'd,
        'c: 'd,
        Self: 'd,
    {
        self.0.here("handle");
        Box::pin(async { Ok(http::Response::new("").into()) })
    }
}

#[tokio::test]
async fn a_middleware_that_works_before_its_future() {
    let (capture, steps) = (Capture::new(), Steps::default());
    let client = middleware(&capture, AtOnce(steps.clone()));
    drop(client.get("http://a.test/").send().await.unwrap());
    let span = only(&capture).span_context.span_id();
    assert_eq!(steps.log(), [("handle", span)]);

    let capture = Capture::new();
    let steps = Steps::default().panics_in("handle");
    let client = middleware(&capture, AtOnce(steps));
    let sending = AssertUnwindSafe(client.get("http://a.test/").send());
    sending.catch_unwind().await.unwrap_err();
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("panic"));
}

#[tokio::test]
async fn a_future_that_is_polled_again_does_not_panic() {
    let capture = Capture::new();
    let mut client = layer!(http, capture).layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(http::Response::new(String::new()))
    }));
    let mut future = Box::pin(client.call(request()));
    let mut task = Task::from_waker(noop_waker_ref());
    assert!(future.as_mut().poll(&mut task).is_ready());
    assert!(matches!(future.as_mut().poll(&mut task), Poll::Pending));
    only(&capture);
}
