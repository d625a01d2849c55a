//! Who measures with OpenTelemetry's global provider; in a process of its own, which it changes.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

use std::convert::Infallible;

use http::{Request, Response};
use opentelemetry::global;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::Telemetry;
use tracewire::http::ClientLayer;
use tracewire::test::Capture;
use tracewire_metrics_tests::Site;

const DURATION: &str = "http.client.request.duration";

async fn answer(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

async fn send(telemetry: &Telemetry) {
    let client = ClientLayer::new().telemetry(telemetry).layer(service_fn(answer));
    let request = Request::get("http://shop.example/orders").body(String::new());
    drop(client.oneshot(request.unwrap()).await.unwrap());
}

fn count(site: &Site) -> u64 {
    site.of(DURATION).iter().map(|series| series.count).sum()
}

#[tokio::test]
async fn the_global_provider_gets_what_has_no_other_unless_nothing_is_wanted() {
    let (globals, own) = (Site::new(Capture::new()), Site::new(Capture::new()));
    global::set_meter_provider(globals.meters().clone());
    let spans = Capture::new();
    let cases = [
        ("spans only", spans.telemetry(), 1, 0),
        ("process-wide", Telemetry::default(), 1, 0),
        ("nothing", Telemetry::propagate_only(), 0, 0),
        ("nothing, whatever is chosen", Telemetry::propagate_only().measure(choice()), 0, 0),
        ("a provider", Telemetry::propagate_only().meter_provider(own.meters().clone()), 0, 1),
    ];
    for (name, telemetry, of_global, of_own) in cases {
        let before = (count(&globals), count(&own));
        send(&telemetry).await;
        let after = (count(&globals), count(&own));
        assert_eq!(after, (before.0 + of_global, before.1 + of_own), "{name}");
    }
}

fn choice() -> tracewire::metrics::Choice {
    tracewire::metrics::Choice::new().active_requests().body_sizes()
}
