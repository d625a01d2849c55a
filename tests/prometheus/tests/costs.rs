//! What it costs to measure a request with an exemplar, where everything has been seen before.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::{Request, Response};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tower::{Layer as _, Service, service_fn};
use tracewire::Telemetry;
use tracewire::http::ServerLayer;
use tracewire::metrics::ExemplarFilter;
use tracewire::prometheus::Metrics;

/// Sends one request of a sampled trace through a service that answers at once.
fn send<S>(service: &mut S)
where
    S: Service<Request<String>, Response: Sized, Error = Infallible>,
{
    let request = Request::get("http://shop.example/orders")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")
        .body(String::new())
        .unwrap();
    drop(black_box(service.call(request).now_or_never().unwrap()));
}

async fn answer(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

/// Without metrics, with them, and with exemplars.
fn telemetries(bare: Telemetry) -> [(&'static str, Telemetry); 3] {
    let with = |filter| bare.clone().prometheus(&Metrics::new().exemplars(filter));
    let (without, with) = (with(ExemplarFilter::AlwaysOff), with(ExemplarFilter::TraceBased));
    [("not measured", bare), ("measured", without), ("with exemplars", with)]
}

#[test]
fn an_exemplar_allocates_nothing() {
    let telemetries = telemetries(Telemetry::propagate_only());
    let [bare, _, measured] = telemetries.map(|(_, telemetry)| {
        let layer = ServerLayer::new().telemetry(&telemetry);
        let mut service = layer.layer(service_fn(answer));
        (0..100).for_each(|_| send(&mut service));
        allocation_counter::measure(|| send(&mut service)).count_total
    });
    assert!(measured <= bare, "{measured} allocations, {bare} without metrics");
}

/// How much longer a request takes where it is measured: 150 ns, or on a slower machine this part of
/// what it takes there otherwise. An exemplar is dated, which takes one more look at the clock.
const MOST: Duration = Duration::from_nanos(150);
const MOST_OF_ALL: f64 = 0.3;

/// How long a look at the clock takes beyond the 30 ns that are in [`MOST`].
fn slow_clock() -> Duration {
    const LOOKS: u32 = 1_000;
    let looks = (0..50).map(|_| {
        let began = Instant::now();
        (0..LOOKS).for_each(|_| _ = black_box(Instant::now()));
        began.elapsed() / LOOKS
    });
    looks.min().unwrap_or_default().saturating_sub(Duration::from_nanos(30))
}

/// `cargo test --release -p tracewire-prometheus-tests --test costs -- --nocapture` tells the times.
#[test]
fn an_exemplar_takes_little_time() {
    let sampled = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).build();
    for (spans, bare) in
        [("spans off", Telemetry::propagate_only()), ("spans sampled", Telemetry::new(&sampled))]
    {
        eprintln!("{spans}");
        compare(&telemetries(bare));
    }
}

fn compare(telemetries: &[(&'static str, Telemetry); 3]) {
    const ROUNDS: u32 = 2_000;
    let mut best = [Duration::MAX; 3];
    for _ in 0..200 {
        for ((_, telemetry), best) in telemetries.iter().zip(&mut best) {
            let mut service = ServerLayer::new().telemetry(telemetry).layer(service_fn(answer));
            let began = Instant::now();
            (0..ROUNDS).for_each(|_| send(&mut service));
            *best = (*best).min(began.elapsed() / ROUNDS);
        }
    }
    let [bare, ..] = best;
    for ((name, _), best) in telemetries.iter().zip(best) {
        let more = best.saturating_sub(bare);
        eprintln!("{name}: {best:?}, {more:?} more");
        if cfg!(debug_assertions) {
            // Far above what it takes without optimization.
            assert!(best.as_micros() < 200, "{name}: {best:?}");
        } else {
            // One look at the beginning, one at the end, and one for the date of an exemplar.
            let most = MOST.max(bare.mul_f64(MOST_OF_ALL)) + 3 * slow_clock();
            assert!(more <= most, "{name}: {more:?} on top of {bare:?}");
        }
    }
}
