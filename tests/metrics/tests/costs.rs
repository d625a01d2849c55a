//! What measuring costs where everything has been seen before.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use futures_util::FutureExt as _;
use http::{Request, Response};
use opentelemetry_sdk::trace::Sampler;
use tower::{Layer as _, Service, service_fn};
use tracewire::http::{ClientLayer, ServerLayer};
use tracewire::metrics::Choice;
use tracewire::test::Capture;
use tracewire::{Sampling, Telemetry};
use tracewire_metrics_tests::Site;

/// Sends one request through a service that answers at once.
fn send<S>(service: &mut S)
where
    S: Service<Request<String>, Response: Sized, Error = Infallible>,
{
    let request = Request::get("http://shop.example/orders").body(String::new()).unwrap();
    let response = service.call(request).now_or_never().expect("it answers at once");
    drop(black_box(response));
}

async fn answer(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

fn telemetries() -> [(&'static str, Telemetry, Telemetry); 3] {
    let unmeasured = Capture::with_sampler(Sampler::AlwaysOff);
    let site = Site::new(unmeasured.clone());
    let off = |site: &Site| {
        (
            Telemetry::propagate_only(),
            Telemetry::propagate_only().meter_provider(site.meters().clone()),
        )
    };
    let chosen = |site: &Site| {
        let all = Choice::new().active_requests().body_sizes();
        (Telemetry::propagate_only(), off(site).1.measure(all))
    };
    let (bare, metered) = off(&site);
    let (bare_unsampled, metered_unsampled) = (unmeasured.telemetry(), site.telemetry());
    let (bare_chosen, metered_chosen) = chosen(&site);
    // The provider has to stay.
    Box::leak(Box::new(site));
    [
        ("spans off", bare, metered),
        ("unsampled", bare_unsampled, metered_unsampled),
        ("spans off, everything chosen", bare_chosen, metered_chosen),
    ]
}

#[test]
fn a_measured_request_allocates_no_more_than_another() {
    for (name, bare, metered) in telemetries() {
        let server = |telemetry: &Telemetry| {
            let mut service = ServerLayer::new().telemetry(telemetry).layer(service_fn(answer));
            (0..100).for_each(|_| send(&mut service));
            allocation_counter::measure(|| send(&mut service)).count_total
        };
        let client = |telemetry: &Telemetry| {
            let mut service = ClientLayer::new().telemetry(telemetry).layer(service_fn(answer));
            (0..100).for_each(|_| send(&mut service));
            allocation_counter::measure(|| send(&mut service)).count_total
        };
        assert!(server(&metered) <= server(&bare), "{name}");
        assert!(client(&metered) <= client(&bare), "{name}");
    }
}

/// `cargo test --release -p tracewire-metrics-tests --test costs -- --nocapture` tells the times.
#[test]
fn a_measured_request_takes_little_longer_than_another() {
    const ROUNDS: u32 = 20_000;
    for (name, bare, metered) in telemetries() {
        for (name, telemetry) in [(name, &bare), ("  measured", &metered)] {
            let telemetry = telemetry.clone().sampling(Sampling::FollowsParent);
            let layer = ServerLayer::new().telemetry(&telemetry);
            let mut service = layer.layer(service_fn(answer));
            let best = (0..20).map(|_| {
                let began = Instant::now();
                (0..ROUNDS).for_each(|_| send(&mut service));
                began.elapsed() / ROUNDS
            });
            let best = best.min().unwrap_or_default();
            eprintln!("{name}: {best:?}");
            // Far above what it takes, even without optimization.
            assert!(best.as_micros() < 200, "{name}: {best:?}");
        }
    }
}
