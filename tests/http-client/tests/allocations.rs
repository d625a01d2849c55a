//! How often the client layers allocate for one attempt, over the client without them.
//!
//! `cargo test -p http-client-tests --test allocations -- --nocapture` prints the table.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Extensions, HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use reqwest_middleware::Next;
use tower::{Layer, Service, ServiceExt, service_fn};
use tracewire::http::ClientLayer;
use tracewire::reqwest::Middleware;
use tracewire::{Propagator, Sampling, Telemetry};

/// Takes spans and lets them go.
#[derive(Debug)]
struct Sink;

impl SpanProcessor for Sink {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        black_box(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Allocations and bytes of one call, the least of several: what is set up once does not count.
fn cost<T>(mut input: impl FnMut() -> T, mut call: impl FnMut(T)) -> (u64, u64) {
    let mut measured = || {
        let value = input();
        let mut value = Some(value);
        let info = allocation_counter::measure(|| call(value.take().unwrap()));
        (info.count_total, info.bytes_total)
    };
    (0..10).map(|_| measured()).min().unwrap()
}

fn over(bare: (u64, u64), layered: (u64, u64)) -> (u64, u64) {
    (layered.0.saturating_sub(bare.0), layered.1.saturating_sub(bare.1))
}

fn request() -> Request<Full<Bytes>> {
    Request::get("http://users.internal:8080/users/7?page=2")
        .header("host", "users.internal:8080")
        .header("user-agent", "shop/1.0")
        .header("accept", "application/json")
        .body(Full::default())
        .unwrap()
}

fn of_reqwest() -> reqwest::Request {
    let mut request = reqwest::Request::new(
        http::Method::GET,
        "http://users.internal:8080/users/7?page=2".parse().unwrap(),
    );
    *request.headers_mut() = self::request().into_parts().0.headers;
    request
}

fn answer<T>(_: T) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::from("a user"))))
}

fn send<S, B>(client: &mut S, request: Request<Full<Bytes>>)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body,
{
    let response = client.call(request).now_or_never().unwrap().unwrap();
    let body = response.into_body().collect().now_or_never().unwrap();
    assert!(body.is_ok());
}

fn parent(flags: &str, tracestate: Option<&'static str>) -> Context {
    let mut headers = HeaderMap::new();
    let value = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
    headers.insert("traceparent", value.parse().unwrap());
    if let Some(tracestate) = tracestate {
        headers.insert("tracestate", tracestate.parse().unwrap());
    }
    Propagator::default().extract(&headers)
}

struct Mode {
    name: &'static str,
    telemetry: Telemetry,
    flags: &'static str,
    /// Allocations that an attempt may cost without and with two members of `tracestate`.
    budget: [u64; 2],
}

fn modes(provider: &SdkTracerProvider) -> Vec<Mode> {
    let mode = |name, telemetry, flags, budget| Mode { name, telemetry, flags, budget };
    let telemetry = Telemetry::new(provider);
    let follows = telemetry.clone().sampling(Sampling::FollowsParent);
    vec![
        mode("sampled", telemetry.clone(), "01", [6, 21]),
        mode("not sampled, reads attributes", telemetry, "00", [3, 13]),
        mode("not sampled, follows parent", follows, "00", [3, 13]),
        mode("propagate only", Telemetry::propagate_only(), "01", [2, 6]),
    ]
}

fn through_tower(telemetry: &Telemetry) -> (u64, u64) {
    let mut bare = service_fn(answer::<Request<Full<Bytes>>>);
    let mut layered = ClientLayer::new().telemetry(telemetry).layer(bare);
    over(
        cost(request, |request| send(&mut bare, request)),
        cost(request, |request| send(&mut layered, request)),
    )
}

fn through_reqwest(telemetry: &Telemetry) -> (u64, u64) {
    let bare = service_fn(|_: reqwest::Request| {
        ready(Ok::<_, Infallible>(reqwest::Response::from(Response::new("a user"))))
    });
    let layered = tracewire::reqwest::ClientLayer::new().telemetry(telemetry).layer(bare);
    let read = |response: reqwest::Response| {
        assert!(response.bytes().now_or_never().unwrap().is_ok());
    };
    over(
        cost(of_reqwest, |request| {
            read(bare.oneshot(request).now_or_never().unwrap().unwrap());
        }),
        cost(of_reqwest, |request| {
            read(layered.clone().oneshot(request).now_or_never().unwrap().unwrap());
        }),
    )
}

/// Answers in the place of reqwest.
struct InPlace;

#[async_trait::async_trait]
impl reqwest_middleware::Middleware for InPlace {
    async fn handle(
        &self,
        _: reqwest::Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        Ok(Response::new("a user").into())
    }
}

fn through_middleware(telemetry: &Telemetry) -> (u64, u64) {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let client = reqwest::Client::new();
    let layer = tracewire::reqwest::ClientLayer::new().telemetry(telemetry);
    let bare = reqwest_middleware::ClientBuilder::new(client.clone()).with(InPlace).build();
    let layered = reqwest_middleware::ClientBuilder::new(client)
        .with(Middleware::from(layer))
        .with(InPlace)
        .build();
    let send = |client: &reqwest_middleware::ClientWithMiddleware, request| {
        let response = client.execute(request).now_or_never().unwrap().unwrap();
        assert!(response.bytes().now_or_never().unwrap().is_ok());
    };
    over(
        cost(of_reqwest, |request| send(&bare, request)),
        cost(of_reqwest, |request| send(&layered, request)),
    )
}

#[test]
fn allocations_of_one_attempt() {
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_span_processor(Sink)
        .build();
    println!(
        "{:<32}{:>22}{:>10}{:>10}{:>12}",
        "allocations / bytes", "budget", "tower", "reqwest", "middleware"
    );
    for (state, members) in [(None, 0), (Some("a=1,b=2"), 1)] {
        for mode in modes(&provider) {
            let _parent = parent(mode.flags, state).attach();
            let tower = through_tower(&mode.telemetry);
            let reqwest = through_reqwest(&mode.telemetry);
            let middleware = through_middleware(&mode.telemetry);
            let show = |(count, bytes): (u64, u64)| format!("{count} / {bytes}");
            println!(
                "{:<32}{:<14}{:>8}{:>14}{:>14}{:>14}",
                mode.name,
                state.unwrap_or("no tracestate"),
                mode.budget[members],
                show(tower),
                show(reqwest),
                show(middleware),
            );
            // A layer that allocates per attribute or per poll would be far beyond this.
            assert!(tower.0 <= 2 * mode.budget[members].max(8), "{}: {}", mode.name, tower.0);
        }
    }
    let suppressed = Context::new().with_telemetry_suppressed().attach();
    let (count, bytes) = through_tower(&Telemetry::new(&provider));
    println!("{:<32}{count} / {bytes}", "suppressed");
    drop(suppressed);
    assert!(count <= 2);
}
