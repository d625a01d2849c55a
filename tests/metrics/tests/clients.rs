//! Requests, statements, commands and calls that a program sends.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::collections::HashMap;
use std::convert::Infallible;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use opentelemetry_sdk::trace::Sampler;
use redis::aio::ConnectionLike;
use redis::{AsyncCommands as _, Cmd, Pipeline, RedisFuture, Value};
use sqlx::sqlite::SqlitePoolOptions;
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::http::{ClientLayer, UrlTemplate};
use tracewire::messaging::{About, Client};
use tracewire::metrics::{Attributes, Choice};
use tracewire::otel::KeyValue;
use tracewire::otel::trace::SpanContext;
use tracewire::redis::{Config, Connection};
use tracewire::span::Outcome;
use tracewire::sqlx::{Pool, Settings};
use tracewire::test::Capture;
use tracewire_metrics_tests::Site;

const REQUEST: &str = "http.client.request.duration";
const OPERATION: &str = "db.client.operation.duration";

/// A server that answers with the status that the path names.
async fn server() -> String {
    let answer = async |axum::extract::Path(status): axum::extract::Path<u16>| {
        (StatusCode::from_u16(status).unwrap(), "body")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/{status}", get(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[tokio::test]
async fn a_request_is_measured_as_its_span_is() {
    let url = server().await;
    let port = url.rsplit(':').next().unwrap();
    for (path, error) in [("/200", ""), ("/404", "error.type=404 "), ("/503", "error.type=503 ")] {
        let site = Site::new(Capture::new());
        let middleware = tracewire::reqwest::Middleware::from(
            tracewire::reqwest::ClientLayer::new().telemetry(&site.telemetry()),
        );
        let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new());
        let client = client.with(middleware).build();
        client.get(format!("{url}{path}?token=x")).send().await.unwrap().text().await.unwrap();
        let series = site.only(REQUEST);
        let status = &path[1..];
        assert_eq!(
            series.labels(),
            format!(
                "{error}http.request.method=GET http.response.status_code={status} \
                 network.protocol.version=1.1 server.address=127.0.0.1 server.port={port}"
            )
        );
        assert_eq!((series.unit.as_str(), series.bounds.len()), ("s", 14));
        series.assert_is(&site.capture.spans()[0]);
    }
}

#[tokio::test]
async fn a_request_that_fails_or_is_dropped_is_measured_once() {
    let site = Site::new(Capture::new());
    let layer = ClientLayer::new().telemetry(&site.measuring(Choice::new().active_requests()));
    let refused = service_fn(async |_: Request<String>| {
        Err::<Response<String>, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
    });
    let request = || Request::get("http://shop.example/x").body(String::new()).unwrap();
    assert!(layer.layer(refused).oneshot(request()).await.is_err());
    let series = site.only(REQUEST);
    assert_eq!(
        series.labels(),
        "error.type=connection_refused http.request.method=GET server.address=shop.example server.port=80"
    );
    series.assert_is(&site.capture.spans()[0]);

    let hangs = service_fn(async |_: Request<String>| {
        std::future::pending::<Result<Response<String>, Infallible>>().await
    });
    let mut hanging = Box::pin(layer.layer(hangs).oneshot(request()));
    assert!(futures_util::poll!(&mut hanging).is_pending());
    assert_eq!(site.only("http.client.active_requests").sum, 1.0);
    drop(hanging);
    assert_eq!(site.only("http.client.active_requests").sum, 0.0);
    let dropped = site.of(REQUEST);
    let dropped = dropped.iter().find(|it| !it.attributes.contains_key("error.type")).unwrap();
    dropped.assert_is(&site.capture.spans()[1]);
}

#[tokio::test]
async fn hosts_are_bounded_and_templates_are_a_choice() {
    let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
    let layer =
        ClientLayer::new().telemetry(&site.measuring(Choice::new().url_template().most_series(20)));
    let service = layer.layer(service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    for host in 0..1000 {
        let mut request =
            Request::get(format!("http://h{host}.example/{host}")).body(String::new()).unwrap();
        request.extensions_mut().insert(UrlTemplate("/{id}"));
        service.clone().oneshot(request).await.unwrap();
    }
    let series = site.of(REQUEST);
    assert_eq!(series.len(), 21);
    assert_eq!(series.iter().map(|it| it.count).sum::<u64>(), 1000);
    assert!(
        series.iter().any(|it| it.attributes.get("url.template").is_some_and(|it| it == "/{id}"))
    );
}

#[tokio::test]
async fn a_statement_is_measured_as_its_span_is() {
    let fixed = "db.namespace=:memory:";
    let cases = [
        ("SELECT 1", format!("{fixed} db.query.summary=SELECT db.system.name=sqlite"), 1.0),
        (
            "SELECT 1 UNION SELECT 2",
            format!("{fixed} db.query.summary=SELECT SELECT db.system.name=sqlite"),
            2.0,
        ),
        (
            "SELECT * FROM nowhere",
            format!(
                "{fixed} db.query.summary=SELECT nowhere db.response.status_code=1 \
                 db.system.name=sqlite error.type=1"
            ),
            0.0,
        ),
    ];
    for (sql, labels, rows) in cases {
        let site = Site::new(Capture::new());
        let telemetry = site.measuring(Choice::new().returned_rows());
        let settings = Settings::new().telemetry(&telemetry);
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await;
        let pool = Pool::new(pool.unwrap(), &settings);
        let _ = sqlx::query(sql).fetch_all(&pool).await;
        let series = site.only(OPERATION);
        assert_eq!(series.labels(), labels, "{sql}");
        assert_eq!(series.bounds, [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0]);
        let spans = site.capture.spans();
        let span = spans.iter().find(|span| span.name.starts_with("SELECT")).unwrap();
        series.assert_is(span);
        let returned = site.only("db.client.response.returned_rows");
        assert_eq!((returned.sum, returned.count, returned.unit.as_str()), (rows, 1, "{row}"));
        assert_eq!(returned.attributes, series.attributes);
    }
}

#[tokio::test]
async fn statements_without_spans_are_measured() {
    let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
    let settings = Settings::new().telemetry(&site.telemetry()).only_below_a_parent();
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await;
    let pool = Pool::new(pool.unwrap(), &settings);
    for _ in 0..3 {
        let _: (i64,) = sqlx::query_as("SELECT 7").fetch_one(&pool).await.unwrap();
    }
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("SELECT 8").execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(site.capture.spans(), []);
    let series = site.of(OPERATION);
    let counts: Vec<_> =
        series.iter().map(|it| (it.attributes["db.query.summary"].as_str(), it.count)).collect();
    for expected in [("SELECT", 4), ("BEGIN", 1), ("COMMIT", 1)] {
        assert!(counts.contains(&expected), "{counts:?}");
    }
}

/// A connection that knows one command.
#[derive(Clone)]
struct Memory;

impl ConnectionLike for Memory {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let knows = command.args_iter().next() == Some(redis::Arg::Simple(b"GET"));
        Box::pin(std::future::ready(Ok(if knows {
            Value::BulkString(b"7".to_vec())
        } else {
            redis::parse_redis_value(b"-WRONGTYPE no list\r\n").unwrap()
        })))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn get_db(&self) -> i64 {
        2
    }
}

#[tokio::test]
async fn a_command_is_measured_as_its_span_is() {
    let cases = [
        ("GET", "db.namespace=2 db.operation.name=GET db.system.name=redis server.address=cache"),
        (
            "LPOP",
            "db.namespace=2 db.operation.name=LPOP db.response.status_code=WRONGTYPE \
             db.system.name=redis error.type=WRONGTYPE server.address=cache",
        ),
    ];
    for (command, labels) in cases {
        let site = Site::new(Capture::new());
        let config = Config::new().telemetry(&site.telemetry()).server_address("cache", 6379);
        let mut connection = Connection::with_config(Memory, &config);
        let _ = redis::cmd(command).arg("secret").query_async::<Value>(&mut connection).await;
        let series = site.only(OPERATION);
        assert_eq!(series.labels(), labels);
        series.assert_is(&site.capture.spans()[0]);
    }
}

#[tokio::test]
async fn commands_without_spans_are_measured() {
    let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
    let config = Config::new().telemetry(&site.telemetry());
    for config in [config.clone(), config.clone().require_parent(), config.rate_limit(1)] {
        let mut connection = Connection::with_config(Memory, &config);
        for _ in 0..5 {
            assert_eq!(connection.get("key").await, Ok(7));
        }
    }
    assert_eq!(site.capture.spans(), []);
    assert_eq!(site.only(OPERATION).count, 15);
}

#[tokio::test]
async fn a_call_is_measured_on_both_sides_as_its_spans_are() {
    type Step = Result<Frame<Bytes>, Infallible>;
    for (code, name) in [(0, "OK"), (5, "NOT_FOUND"), (13, "INTERNAL")] {
        let site = Site::new(Capture::new());
        let telemetry = site.telemetry();
        let answer = service_fn(move |_: Request<String>| async move {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", code.into());
            let steps = [
                Step::Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\0"))),
                Ok(Frame::trailers(trailers)),
            ];
            let body = StreamBody::new(futures_util::stream::iter(steps));
            let response = Response::builder().header("content-type", "application/grpc");
            Ok::<_, Infallible>(response.body(body).unwrap())
        });
        let server = tracewire::tonic::ServerLayer::new().telemetry(&telemetry);
        let server = server.known_methods(["shop.Payment/Pay"]);
        let client = tracewire::tonic::ClientLayer::new().telemetry(&telemetry);
        let client = client.target("http://shop.example:50051");
        let service = client.layer(server.layer(answer));
        let request = Request::post("http://shop.example:50051/shop.Payment/Pay")
            .header("content-type", "application/grpc");
        let response = service.oneshot(request.body(String::new()).unwrap()).await.unwrap();
        let _ = response.into_body().collect().await;

        let (server, client) =
            (site.only("rpc.server.call.duration"), site.only("rpc.client.call.duration"));
        let fixed = format!(
            "rpc.method=shop.Payment/Pay rpc.response.status_code={name} rpc.system.name=grpc"
        );
        let error =
            |is_error: bool| if is_error { format!("error.type={name} ") } else { String::new() };
        assert_eq!(server.labels(), format!("{}{fixed}", error(code == 13)));
        let address = "server.address=shop.example server.port=50051";
        assert_eq!(client.labels(), format!("{}{fixed} {address}", error(code != 0)));
        let spans = site.capture.spans();
        server.assert_is(&spans[0]);
        client.assert_is(&spans[1]);
        assert_eq!((server.unit.as_str(), server.bounds.len()), ("s", 14));
    }
}

#[tokio::test]
async fn methods_that_nobody_has_make_no_series() {
    let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
    let layer = tracewire::tonic::ServerLayer::new().telemetry(&site.telemetry());
    let refuses = layer.layer(service_fn(async |request: Request<String>| {
        let code = if request.uri().path().ends_with('0') { "12" } else { "16" };
        let response = Response::builder().header("content-type", "application/grpc");
        Ok::<_, Infallible>(response.header("grpc-status", code).body(String::new()).unwrap())
    }));
    for number in 0..1000 {
        let request = Request::post(format!("http://h{number}/x{number}.Y/Z{number}"))
            .header("content-type", "application/grpc");
        let response = refuses.clone().oneshot(request.body(String::new()).unwrap()).await.unwrap();
        drop(response);
    }
    let series = site.of("rpc.server.call.duration");
    assert!(series.iter().all(|it| it.attributes["rpc.method"] == "_OTHER"), "{series:#?}");
    assert_eq!(series.len(), 2, "{series:#?}");
}

#[tokio::test]
async fn calls_have_the_attributes_that_are_added_and_no_more_series_than_allowed() {
    let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
    let telemetry = site.measuring(Choice::new().most_series(10));
    let tenant = |request: &tracewire::http::RequestHead<'_>, attributes: &mut Attributes| {
        let tenant = request.headers.get("x-tenant").and_then(|it| it.to_str().ok());
        attributes.set(KeyValue::new("tenant", tenant.unwrap_or("none").to_owned()));
    };
    let server = tracewire::tonic::ServerLayer::new().telemetry(&telemetry);
    let server = server.known_methods(["shop.Payment/Pay"]).on_measurement(tenant);
    let client = tracewire::tonic::ClientLayer::new().telemetry(&telemetry).on_measurement(tenant);
    let answer = service_fn(async |_: Request<String>| {
        let response = Response::builder().header("content-type", "application/grpc");
        Ok::<_, Infallible>(response.header("grpc-status", "0").body(String::new()).unwrap())
    });
    let service = client.layer(server.layer(answer));
    for tenant in 0..100 {
        let request = Request::post("http://shop.example:50051/shop.Payment/Pay")
            .header("content-type", "application/grpc")
            .header("x-tenant", tenant.to_string());
        drop(service.clone().oneshot(request.body(String::new()).unwrap()).await.unwrap());
    }
    for name in ["rpc.server.call.duration", "rpc.client.call.duration"] {
        let series = site.of(name);
        assert_eq!(series.len(), 11, "{name}");
        assert_eq!(series.iter().map(|it| it.count).sum::<u64>(), 100, "{name}");
        let first =
            series.iter().find(|it| it.attributes.get("tenant").is_some_and(|it| it == "0"));
        assert_eq!(
            (first.unwrap().attributes["rpc.method"].as_str(), first.unwrap().count),
            ("shop.Payment/Pay", 1)
        );
        let overflow = series.iter().find(|it| it.attributes.contains_key("otel.metric.overflow"));
        assert_eq!(overflow.unwrap().count, 90, "{name}");
    }
}

#[tokio::test]
async fn messages_are_measured_as_their_spans_are() {
    let site = Site::new(Capture::new());
    let config = tracewire::messaging::Config::new().telemetry(&site.telemetry());
    let client = tracewire::messaging::Client::new("rabbitmq", &config.server_address("mq", 5672));
    let mut message = HashMap::<String, String>::new();
    client
        .send("publish", &mut message, |about| about.destination("orders"))
        .finish(Outcome::Success);
    client
        .process("process", &message, |about| about.destination("orders"))
        .finish(Outcome::error("x"));
    client.settle("ack", [], |about| about.destination("orders")).finish(Outcome::Success);
    let spans = site.capture.spans();
    let fixed = "messaging.system=rabbitmq server.address=mq server.port=5672";
    let name = "messaging.destination.name=orders messaging.operation.name";
    let durations = site.of("messaging.client.operation.duration");
    let sent =
        durations.iter().find(|it| it.labels() == format!("{name}=publish {fixed}")).unwrap();
    sent.assert_is(&spans[0]);
    let settled = format!("{name}=ack messaging.operation.type=settle {fixed}");
    durations.iter().find(|it| it.labels() == settled).unwrap().assert_is(&spans[2]);
    assert_eq!(durations.len(), 2);
    let processed = site.only("messaging.process.duration");
    assert_eq!(processed.labels(), format!("error.type=x {name}=process {fixed}"));
    processed.assert_is(&spans[1]);
    for (metric, operation) in [("sent", "publish"), ("consumed", "process")] {
        let count = site.only(&format!("messaging.client.{metric}.messages"));
        assert_eq!((count.sum, count.unit.as_str()), (1.0, "{message}"));
        assert_eq!(count.attributes["messaging.operation.name"], operation);
    }
}

#[tokio::test]
async fn a_message_counts_once_wherever_it_is_first_seen() {
    let site = Site::new(Capture::new());
    let config = tracewire::messaging::Config::new().telemetry(&site.telemetry());
    let client = tracewire::messaging::Client::new("pigeon_post", &config);
    let message = HashMap::<String, String>::new();
    let none = SpanContext::NONE;
    // Received and then processed.
    client.receive("get", |about| about.link(&none, Vec::new())).finish(Outcome::Success);
    client.process("process", &message, About::received).finish(Outcome::Success);
    client.receive("poll", |about| about.batch_of(3)).finish(Outcome::Success);
    let batch = [message.clone(), message.clone(), message.clone()];
    let process = client.process_batch("process", &batch, About::received, |_, _| {});
    process.finish(Outcome::Success);
    let mut receiving = client.receive("fetch", |_| {});
    Client::received(&mut receiving, 2);
    receiving.finish(Outcome::Success);
    let counts = || {
        let counts = site.of("messaging.client.consumed.messages").into_iter();
        let counts = counts.map(|it| (it.labels(), it.sum)).filter(|(_, sum)| *sum > 0.0);
        let mut counts: Vec<_> = counts.map(|(labels, sum)| format!("{sum} {labels}")).collect();
        counts.sort();
        counts
    };
    let received = |count: u32, name: &str| {
        format!(
            "{count} messaging.operation.name={name} messaging.operation.type=receive \
             messaging.system=pigeon_post"
        )
    };
    let mut expected = vec![received(1, "get"), received(2, "fetch"), received(3, "poll")];
    assert_eq!(counts(), expected);
    // Nothing came.
    client.receive("get", |_| {}).finish(Outcome::error("closed"));
    client.settle("ack", [&none], |_| {}).finish(Outcome::Success);
    assert_eq!(counts(), expected);
    // Only processed.
    client.process("process", &message, |_| {}).finish(Outcome::Success);
    client.process_batch("process", &batch, |_| {}, |_, _| {}).finish(Outcome::Success);
    let processed = "messaging.operation.name=process messaging.system=pigeon_post";
    expected.push(format!("4 {processed}"));
    assert_eq!(counts(), expected);
    let durations = site.of("messaging.process.duration");
    assert_eq!(durations.iter().map(|it| it.count).sum::<u64>(), 4);
}

#[tokio::test]
async fn processing_below_an_unsampled_producer_is_measured_once() {
    let site = Site::new(Capture::with_sampler(Sampler::AlwaysOff));
    let telemetry = tracewire::Telemetry::propagate_only().meter_provider(site.meters().clone());
    let config = tracewire::messaging::Config::new().telemetry(&telemetry);
    let client = tracewire::messaging::Client::new("nats", &config);
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let message = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    client
        .process("process", &message, |about| about.destination("orders"))
        .finish(Outcome::Success);
    let series = site.only("messaging.process.duration");
    assert_eq!((series.count, series.attributes.get("error.type")), (1, None));
}
