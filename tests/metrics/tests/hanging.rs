//! A Collector that never answers holds nobody up for longer than is said.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::convert::Infallible;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::{Request, Response};
use tower::{Layer as _, Service as _, service_fn};
use tracewire::http::ServerLayer;
use tracewire::sdk::{self, MetricExporter, Otlp, Protocol};

/// How much longer than asked for something may take on a busy machine.
const SLACK: Duration = Duration::from_secs(2);
const FLUSH: Duration = Duration::from_secs(5);
const SHUTDOWN: Duration = Duration::from_millis(500);

fn request() {
    let answer = async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new()));
    let mut service = ServerLayer::new().layer(service_fn(answer));
    drop(service.call(Request::new(String::new())).now_or_never().unwrap());
}

/// One test, as a process has one telemetry at a time.
#[test]
fn flushing_and_ending_take_no_longer_than_is_said() {
    // Takes connections and never answers.
    let black_hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", black_hole.local_addr().unwrap());
    for (protocol, interval, flushes) in [
        (Protocol::Grpc, Duration::from_secs(60), 2),
        // An export hangs already.
        (Protocol::HttpProtobuf, Duration::from_millis(1), 1),
        (Protocol::Grpc, Duration::from_millis(1), 0),
    ] {
        let guard = sdk::builder()
            .exporters([])
            .metric_exporters([MetricExporter::Otlp])
            .otlp(Otlp::new().endpoint(&*endpoint).protocol(protocol))
            .metric_interval(interval)
            .shutdown_timeout(SHUTDOWN)
            .init()
            .unwrap();
        request();
        for flush in 0..flushes {
            let begin = Instant::now();
            assert!(!guard.flush(), "{protocol:?}");
            let took = begin.elapsed();
            assert!(took < FLUSH + SLACK, "{protocol:?}, flush {flush}: {took:?}");
        }
        let begin = Instant::now();
        drop(guard);
        let took = begin.elapsed();
        assert!(took < SHUTDOWN + SLACK, "{protocol:?}: {took:?}");
    }
}
