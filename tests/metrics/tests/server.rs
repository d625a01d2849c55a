//! Requests that come to a server.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::future::pending;
use std::io::ErrorKind;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::Sampler;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::axum::ServerLayer;
use tracewire::metrics::Choice;
use tracewire::test::Capture;
use tracewire::{Sampling, Telemetry};
use tracewire_metrics_tests::Site;

/// What to make of a site.
type Source = fn(&Site) -> Telemetry;

const DURATION: &str = "http.server.request.duration";
const ACTIVE: &str = "http.server.active_requests";

fn app(telemetry: &Telemetry) -> Router {
    let nested = Router::new().route("/deep/{id}", get(async || "deep"));
    Router::new()
        .route("/orders/{id}", any(async || "seven"))
        .route("/fails", get(async || StatusCode::BAD_GATEWAY))
        .route("/refuses", get(async || StatusCode::IM_A_TEAPOT))
        .route("/panics", get(async || -> &'static str { panic!("as asked for") }))
        .nest("/nested", nested)
        .layer(ServerLayer::new().telemetry(telemetry))
}

/// Sends a request and reads the answer.
async fn send(app: Router, method: &str, uri: &str) -> StatusCode {
    let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    response.into_body().collect().await.unwrap();
    status
}

#[tokio::test]
async fn a_request_is_measured_as_its_span_is() {
    let version = "network.protocol.version=1.1";
    for (method, path, labels) in [
        (
            "GET",
            "/orders/7?x=y",
            "http.request.method=GET http.response.status_code=200 http.route=/orders/{id}",
        ),
        (
            "BREW",
            "/orders/7",
            "http.request.method=_OTHER http.response.status_code=200 http.route=/orders/{id}",
        ),
        (
            "HEAD",
            "/orders/7",
            "http.request.method=HEAD http.response.status_code=200 http.route=/orders/{id}",
        ),
        (
            "GET",
            "/nested/deep/1",
            "http.request.method=GET http.response.status_code=200 http.route=/nested/deep/{id}",
        ),
        (
            "GET",
            "/refuses",
            "http.request.method=GET http.response.status_code=418 http.route=/refuses",
        ),
        ("GET", "/no/such/path", "http.request.method=GET http.response.status_code=404"),
        (
            "GET",
            "/fails",
            "error.type=502 http.request.method=GET http.response.status_code=502 http.route=/fails",
        ),
    ] {
        let site = Site::new(Capture::new());
        send(app(&site.telemetry()), method, path).await;
        let series = site.only(DURATION);
        assert_eq!(series.labels(), format!("{labels} {version} url.scheme=http"), "{path}");
        assert_eq!(series.unit, "s");
        assert_eq!(
            series.bounds,
            [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]
        );
        series.assert_is(&site.capture.spans()[0]);
        assert_eq!(site.series().len(), 1, "nothing else is measured without being asked for");
    }
}

#[tokio::test]
async fn the_route_of_an_inner_router_is_known() {
    let site = Site::new(Capture::new());
    let inner = Router::new().route("/late/{id}", get(async || "late"));
    let inner = inner.layer(ServerLayer::new().telemetry(&site.telemetry()));
    let service = ServerLayer::new().telemetry(&site.telemetry()).layer(inner);
    let request = Request::get("/late/1").body(Body::empty()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    let series = site.only(DURATION);
    assert_eq!(series.attributes["http.route"], "/late/{id}");
    series.assert_is(&site.capture.spans()[0]);
}

#[tokio::test]
async fn what_has_no_span_is_measured_all_the_same() {
    let unsampled = |site: &Site| site.telemetry().sampling(Sampling::FollowsParent);
    let nothing = |site: &Site| Telemetry::propagate_only().meter_provider(site.meters().clone());
    let all: [(&str, Source); 3] =
        [("dropped", |site| site.telemetry()), ("taken at its word", unsampled), ("off", nothing)];
    for (name, telemetry) in all {
        let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
        let app = app(&telemetry(&site));
        for path in ["/orders/1", "/fails", "/no/such/path"] {
            let request = Request::get(path)
                .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
        assert_eq!(site.capture.spans(), [], "{name}");
        let series = site.of(DURATION);
        assert_eq!(series.iter().map(|it| it.count).sum::<u64>(), 3, "{name}: {series:#?}");
        let failed = series.iter().filter(|it| it.attributes.contains_key("error.type"));
        let failed: Vec<_> = failed.map(|it| it.attributes["error.type"].clone()).collect();
        assert_eq!(failed, ["502"], "{name}");
        assert!(series.iter().all(|it| it.sum > 0.0 && it.sum < 60.0), "{name}: {series:#?}");
    }
}

#[tokio::test]
async fn what_is_skipped_or_suppressed_is_not_measured() {
    let site = Site::new(Capture::new());
    let layer = ServerLayer::new().telemetry(&site.telemetry()).skip_path("/health");
    let app = Router::new().route("/health", get(async || "up")).layer(layer);
    assert_eq!(send(app, "GET", "/health").await, StatusCode::OK);
    assert_eq!(site.series(), []);
}

#[tokio::test]
async fn active_requests_return_to_zero() {
    let site = Site::new(Capture::new());
    let telemetry = site.measuring(Choice::new().active_requests());
    let (entered, hold) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (enters, holds) = (entered.clone(), hold.clone());
    let waits = get(move || {
        let (enters, holds) = (enters.clone(), holds.clone());
        async move {
            enters.notify_one();
            holds.notified().await;
            "done"
        }
    });
    let hangs = get(async || pending::<&'static str>().await);
    let app = app(&telemetry);
    let more = Router::new().route("/waits", waits).route("/hangs", hangs);
    let app = app.merge(more.layer(ServerLayer::new().telemetry(&telemetry)));

    let waiting = tokio::spawn(send(app.clone(), "GET", "/waits"));
    entered.notified().await;
    let series = site.only(ACTIVE);
    assert_eq!(
        (series.labels().as_str(), series.sum),
        ("http.request.method=GET url.scheme=http", 1.0)
    );
    assert_eq!(series.unit, "{request}");
    hold.notify_one();
    assert_eq!(waiting.await.unwrap(), StatusCode::OK);
    assert_eq!(site.only(ACTIVE).sum, 0.0, "after an answer");

    let request = Request::get("/hangs").body(Body::empty()).unwrap();
    let mut hanging = Box::pin(app.clone().oneshot(request));
    assert!(futures_util::poll!(&mut hanging).is_pending());
    assert_eq!(site.only(ACTIVE).sum, 1.0);
    drop(hanging);
    assert_eq!(site.only(ACTIVE).sum, 0.0, "after a cancelled request");

    assert!(tokio::spawn(send(app.clone(), "GET", "/panics")).await.unwrap_err().is_panic());
    assert_eq!(site.only(ACTIVE).sum, 0.0, "after a panic");

    let request = Request::get("/orders/1").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(site.only(ACTIVE).sum, 1.0, "while the body is not read");
    drop(response);
    assert_eq!(site.only(ACTIVE).sum, 0.0, "after a body that nobody read");

    let errors: Vec<_> =
        site.of(DURATION).iter().map(|it| it.attributes.get("error.type").cloned()).collect();
    assert_eq!(errors.iter().flatten().filter(|it| *it == "panic").count(), 1, "{errors:?}");
    for span in site.capture.spans() {
        let lasted = span.end_time.duration_since(span.start_time).unwrap().as_secs_f64();
        assert!(site.of(DURATION).iter().any(|it| (it.sum - lasted).abs() < 1e-12 || it.count > 1));
    }
}

#[tokio::test]
async fn an_upgrade_ends_what_is_active() {
    let site = Site::new(Capture::new());
    let telemetry = site.measuring(Choice::new().active_requests());
    let upgrade = async || {
        let response =
            Response::builder().status(101).header("upgrade", "x").header("connection", "upgrade");
        response.body(Body::empty()).unwrap()
    };
    let app =
        Router::new().route("/up", any(upgrade)).layer(ServerLayer::new().telemetry(&telemetry));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = b"GET /up HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    site.capture.ended(1).await;
    assert_eq!(site.only(ACTIVE).sum, 0.0);
    let series = site.only(DURATION);
    assert_eq!(series.attributes["http.response.status_code"], "101");
    series.assert_is(&site.capture.spans()[0]);
    server.abort();
}

#[tokio::test]
async fn bodies_are_measured_by_choice() {
    let site = Site::new(Capture::new());
    let telemetry = site.measuring(Choice::new().body_sizes());
    let app = app(&telemetry);
    let request =
        Request::post("/orders/1").header("content-length", "12").body(Body::from("twelve bytes"));
    let response = app.oneshot(request.unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap();
    let request = site.only("http.server.request.body.size");
    let response = site.only("http.server.response.body.size");
    assert_eq!((request.count, request.sum, request.unit.as_str()), (1, 12.0, "By"));
    assert_eq!((response.count, response.sum, response.unit.as_str()), (1, 5.0, "By"));
    assert_eq!(request.attributes, site.only(DURATION).attributes);
}

#[tokio::test]
async fn a_body_that_fails_is_an_error_of_the_measurement_too() {
    let site = Site::new(Capture::new());
    let failing = async |_: Request<Body>| {
        let steps = [Ok("some"), Err(std::io::Error::from(ErrorKind::ConnectionReset))];
        Ok::<_, std::io::Error>(Response::new(Body::from_stream(futures_util::stream::iter(steps))))
    };
    let service = ServerLayer::new().telemetry(&site.telemetry()).layer(service_fn(failing));
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    site.only(DURATION).assert_is(&site.capture.spans()[0]);
    assert!(site.only(DURATION).attributes.contains_key("error.type"));
}

#[tokio::test]
async fn hooks_add_attributes_and_their_number_is_bounded() {
    let site = Site::new(Capture::new());
    let telemetry = site.measuring(Choice::new().most_series(10));
    let layer = ServerLayer::new().telemetry(&telemetry).on_measurement(|request, attributes| {
        let user = request.uri.query().unwrap_or_default().to_owned();
        attributes.set(KeyValue::new("app.user", user));
    });
    let app = Router::new().route("/", get(async || "")).layer(layer);
    for user in 0..50 {
        send(app.clone(), "GET", &format!("/?{user}")).await;
    }
    let series = site.of(DURATION);
    assert_eq!(series.len(), 11, "{series:#?}");
    assert_eq!(series.iter().map(|it| it.count).sum::<u64>(), 50);
    let overflow = series.iter().find(|it| it.labels() == "otel.metric.overflow=true").unwrap();
    assert_eq!(overflow.count, 40);
}

#[tokio::test]
async fn a_server_address_is_there_by_choice() {
    let site = Site::new(Capture::new());
    let app = app(&site.measuring(Choice::new().server_address()));
    send(app, "GET", "http://shop.example:8080/orders/1").await;
    let series = site.only(DURATION);
    assert_eq!(series.attributes["server.address"], "shop.example");
    assert_eq!(series.attributes["server.port"], "8080");
}

#[tokio::test]
async fn hostile_traffic_makes_no_series() {
    let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
    let telemetry = site.measuring(Choice::new().active_requests().body_sizes());
    let app = app(&telemetry);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..100_000 {
        let scheme = ["http", "https", "gopher"][(random() % 3) as usize];
        let uri = match random() % 3 {
            0 => format!("/{:x}", random()),
            1 => format!("/orders/{:x}?{:x}", random(), random()),
            _ => format!(
                "{scheme}{}://h{:x}.example:{}/orders/{:x}",
                if scheme == "gopher" { format!("{:x}", random()) } else { String::new() },
                random(),
                random() % 65_536,
                random()
            ),
        };
        let request = Request::builder()
            .method(format!("M{:x}", random()).as_str())
            .uri(uri)
            .header("host", format!("h{:x}", random()))
            .header("x-forwarded-host", format!("h{:x}", random()))
            .header("x-forwarded-proto", format!("p{:x}", random()));
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        drop(response);
    }
    let series = site.of(DURATION);
    assert_eq!(series.iter().map(|it| it.count).sum::<u64>(), 100_000);
    // Two outcomes for each of three schemes with a route, and `http` without one.
    assert!(series.len() <= 8, "{} series: {series:#?}", series.len());
    assert!(site.of(ACTIVE).len() <= 3);
    assert!(site.of(ACTIVE).iter().all(|it| it.sum == 0.0));
}

#[tokio::test]
async fn the_span_is_current_and_open_when_it_is_measured() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let site = Site::new(Capture::new());
    let provider = support::Watching { seen: seen.clone() };
    let app = app(&site.capture.telemetry().meter_provider(provider));
    send(app, "GET", "/orders/1").await;
    let span = site.capture.spans()[0].span_context.clone();
    assert_eq!(*seen.lock().unwrap(), [(DURATION.to_owned(), span.span_id(), true)]);
}

mod support {
    //! Instruments that note what is current when they are used.

    use std::sync::{Arc, Mutex};

    use opentelemetry::InstrumentationScope;
    use opentelemetry::metrics::{
        BoundSyncInstrument, Histogram, HistogramBuilder, InstrumentProvider, Meter, MeterProvider,
        SyncInstrument,
    };
    use opentelemetry::trace::{SpanId, TraceContextExt as _};

    use super::{Context, KeyValue, Value};

    type Seen = Arc<Mutex<Vec<(String, SpanId, bool)>>>;

    #[derive(Clone)]
    pub(super) struct Watching {
        pub(super) seen: Seen,
    }

    struct Noting {
        name: String,
        seen: Seen,
    }

    impl MeterProvider for Watching {
        fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
            assert_eq!(scope.name(), "tracewire");
            Meter::new(Arc::new(self.clone()))
        }
    }

    impl InstrumentProvider for Watching {
        fn f64_histogram(&self, builder: HistogramBuilder<'_, Histogram<f64>>) -> Histogram<f64> {
            let (name, seen) = (builder.name.to_string(), self.seen.clone());
            Histogram::new(Arc::new(Noting { name, seen }))
        }
    }

    impl Noting {
        fn note(&self) {
            let context = Context::current();
            let span = context.span();
            let noted = (self.name.clone(), span.span_context().span_id(), span.is_recording());
            self.seen.lock().unwrap().push(noted);
        }
    }

    impl SyncInstrument<f64> for Noting {
        fn measure(&self, _: f64, _: &[KeyValue]) {
            self.note();
        }

        fn bind(&self, attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<f64> + Send + Sync> {
            let route = attributes.iter().find(|it| it.key.as_str() == "http.route");
            assert_eq!(route.map(|it| &it.value), Some(&Value::from("/orders/{id}")));
            Box::new(Self { name: self.name.clone(), seen: self.seen.clone() })
        }
    }

    impl BoundSyncInstrument<f64> for Noting {
        fn measure(&self, _: f64) {
            self.note();
        }
    }
}
