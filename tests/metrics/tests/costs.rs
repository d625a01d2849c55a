//! What measuring costs where everything has been seen before.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
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

async fn fail(request: Request<String>) -> Result<Response<String>, Infallible> {
    let mut response = answer(request).await?;
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    Ok(response)
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
        let failing = |telemetry: &Telemetry| {
            let mut service = ServerLayer::new().telemetry(telemetry).layer(service_fn(fail));
            (0..100).for_each(|_| send(&mut service));
            allocation_counter::measure(|| send(&mut service)).count_total
        };
        assert!(server(&metered) <= server(&bare), "{name}");
        assert!(failing(&metered) <= failing(&bare), "{name}: failing");
        assert!(client(&metered) <= client(&bare), "{name}");
    }
}

/// How much longer a request takes where its duration is measured: 150 ns, or on a slower or a busy
/// machine this part of what it takes there otherwise, which is slowed as much.
const MOST: Duration = Duration::from_nanos(150);
const MOST_OF_ALL: f64 = 0.4;

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

/// `cargo test --release -p tracewire-metrics-tests --test costs -- --nocapture` tells the times.
#[test]
fn a_measured_request_takes_little_longer_than_another() {
    const ROUNDS: u32 = 2_000;
    let serve = |telemetry: &Telemetry| {
        let telemetry = telemetry.clone().sampling(Sampling::FollowsParent);
        ServerLayer::new().telemetry(&telemetry).layer(service_fn(answer))
    };
    for (name, bare, metered) in telemetries() {
        let mut services = [serve(&bare), serve(&metered)];
        // Taken in turns, so that whatever else the machine does slows both.
        let mut best = [Duration::MAX; 2];
        for _ in 0..200 {
            for (service, best) in services.iter_mut().zip(&mut best) {
                let began = Instant::now();
                (0..ROUNDS).for_each(|_| send(service));
                *best = (*best).min(began.elapsed() / ROUNDS);
            }
        }
        let [bare, measured] = best;
        let more = measured.saturating_sub(bare);
        eprintln!("{name}: {bare:?}, measured {measured:?}: {more:?} more");
        if cfg!(debug_assertions) || name.contains("chosen") {
            // Far above what it takes, even without optimization.
            assert!(measured.as_micros() < 200, "{name}: {measured:?}");
        } else {
            // One look at the beginning and one at the end.
            let most = MOST.max(bare.mul_f64(MOST_OF_ALL)) + 2 * slow_clock();
            assert!(more <= most, "{name}: {more:?} on top of {bare:?}");
        }
    }
}
