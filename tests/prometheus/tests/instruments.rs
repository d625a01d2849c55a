//! Instruments of a program's own, at the same endpoint.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::convert::Infallible;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use http::{Request, Response};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tower::{Layer as _, Service as _, service_fn};
use tracewire::http::ServerLayer;
use tracewire::metrics::{Choice, ConnectionPool, PoolNumbers};
use tracewire::otel::metrics::{Meter, MeterProvider as _};
use tracewire::otel::{InstrumentationScope, KeyValue};
use tracewire::prometheus::Metrics;
use tracewire::test::Capture;
use tracing_subscriber::fmt::MakeWriter;

fn provider(metrics: &Metrics) -> SdkMeterProvider {
    SdkMeterProvider::builder().with_reader(metrics.reader()).build()
}

#[test]
fn every_kind_of_instrument_is_written_in_both_formats() {
    let metrics = Metrics::new();
    let provider = provider(&metrics);
    let scope = InstrumentationScope::builder("shop").with_version("1.2");
    let meter =
        provider.meter_with_scope(scope.with_attributes([KeyValue::new("by", "us")]).build());
    let gold = [KeyValue::new("customer.tier", "gold \"1\"")];
    let orders = meter.u64_counter("orders.taken").with_description("Orders\nin all.").build();
    orders.add(2, &gold);
    orders.add(1, &gold);
    orders.add(5, &[]);
    meter.f64_counter("heat.total").with_unit("J").build().add(0.5, &[]);
    meter.i64_up_down_counter("carts.open").with_unit("{cart}").build().add(-2, &[]);
    meter.f64_gauge("disk.free").with_unit("1").build().record(0.25, &[]);
    let _ = (meter.u64_observable_gauge("queue.length"))
        .with_callback(|observer| observer.observe(7, &[KeyValue::new("queue", "mail")]))
        .build();
    let lasting = meter.f64_histogram("packing.time").with_unit("ms");
    let lasting = lasting.with_boundaries(vec![1.0, 2.5]).build();
    [0.5, 2.5, 100.0].iter().for_each(|value| lasting.record(*value, &[]));

    let scope = r#"otel_scope_name="shop",otel_scope_version="1.2",otel_scope_by="us""#;
    let text = [
        "# HELP carts_open ",
        "# TYPE carts_open gauge",
        "carts_open{SCOPE} -2",
        "# HELP disk_free_ratio ",
        "# TYPE disk_free_ratio gauge",
        "disk_free_ratio{SCOPE} 0.25",
        "# HELP heat_joules_total ",
        "# TYPE heat_joules_total counter",
        "heat_joules_total{SCOPE} 0.5",
        "# HELP orders_taken_total Orders\\nin all.",
        "# TYPE orders_taken_total counter",
        r#"orders_taken_total{customer_tier="gold \"1\"",SCOPE} 3"#,
        "orders_taken_total{SCOPE} 5",
        "# HELP packing_time_milliseconds ",
        "# TYPE packing_time_milliseconds histogram",
        r#"packing_time_milliseconds_bucket{SCOPE,le="1"} 1"#,
        r#"packing_time_milliseconds_bucket{SCOPE,le="2.5"} 2"#,
        r#"packing_time_milliseconds_bucket{SCOPE,le="+Inf"} 3"#,
        "packing_time_milliseconds_sum{SCOPE} 103",
        "packing_time_milliseconds_count{SCOPE} 3",
        "# HELP queue_length ",
        "# TYPE queue_length gauge",
        r#"queue_length{queue="mail",SCOPE} 7"#,
        "",
    ];
    assert_eq!(metrics.text(), text.join("\n").replace("SCOPE", scope));
    let open = metrics.open_metrics();
    for line in [
        "# TYPE orders_taken counter\n",
        "# TYPE heat_joules counter\n# UNIT heat_joules joules\n",
        "# UNIT disk_free_ratio ratio\n",
        r#"packing_time_milliseconds_bucket{SCOPE,le="1.0"} 1"#,
        "heat_joules_total{SCOPE} 0.5\n",
    ] {
        assert!(open.contains(&line.replace("SCOPE", scope)), "{line} in {open}");
    }
    assert!(open.ends_with("# EOF\n"));
    assert_eq!(metrics.text(), text.join("\n").replace("SCOPE", scope), "sums stay what they are");
}

/// How often each metric is declared must be once, and each series must be there once.
fn assert_is_sound(text: &str) {
    for marks in ["# TYPE ", ""] {
        let lines = text.lines().filter(|line| marks.is_empty() != line.starts_with('#'));
        let mut heads: Vec<_> = (lines.filter(|line| line.starts_with(marks)))
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        heads.sort_unstable();
        let all = heads.len();
        heads.dedup();
        assert_eq!(heads.len(), all, "{text}");
    }
}

#[test]
fn what_is_there_already_is_not_there_twice() {
    let metrics = Metrics::new();
    let provider = provider(&metrics);
    // Measurements of our own go to the provider, too.
    let telemetry = Capture::new().telemetry().meter_provider(provider.clone());
    let telemetry = telemetry.prometheus(&metrics).measure(Choice::new().connection_pools());
    let answer = async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new()));
    let layer = ServerLayer::new().telemetry(&telemetry);
    let mut service = layer.layer(service_fn(answer));
    drop(service.call(Request::new(String::new())).now_or_never().unwrap());
    let pool = ConnectionPool::new(&telemetry, "cache", || PoolNumbers::new(3, 4).max(8));
    drop(pool.wait().obtained());
    telemetry.meter().u64_counter("orders").build().add(1, &[]);
    // The same name and another kind, from elsewhere.
    let elsewhere = provider.meter("elsewhere");
    elsewhere.i64_up_down_counter("orders").build().add(1, &[]);
    elsewhere.f64_gauge("http_server_request_duration_seconds").build().record(1.0, &[]);
    // The same name and kind, from elsewhere.
    provider.meter("one").u64_counter("jobs").build().add(1, &[]);
    provider.meter("two").u64_counter("jobs").build().add(2, &[]);
    for text in [metrics.text(), metrics.open_metrics()] {
        assert_is_sound(&text);
        assert!(!text.contains("orders_total"), "{text}");
        for line in [
            "http_server_request_duration_seconds_count{",
            "orders{otel_scope_name=\"elsewhere\"} 1\n",
            "jobs_total{otel_scope_name=\"one\"} 1\n",
            "jobs_total{otel_scope_name=\"two\"} 2\n",
            "db_client_connection_count{db_client_connection_pool_name=\"cache\",db_client_connection_state=\"used\",",
            "db_client_connection_max{db_client_connection_pool_name=\"cache\",",
            "db_client_connection_timeouts_total{db_client_connection_pool_name=\"cache\",",
            "db_client_connection_use_time_seconds_count{db_client_connection_pool_name=\"cache\",",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
    drop(pool);
    assert!(!metrics.text().contains("db_client_connection_count"));
}

/// Two metrics of one scope, set in this order, and what there is in text and in OpenMetrics.
#[test]
fn of_two_metrics_with_one_name_the_first_is_there() {
    type Set = fn(&Meter);
    let cases: [(&str, Set, &[&str]); 4] = [
        (
            "two counters",
            |meter| {
                meter.u64_counter("requests.total").build().add(2, &[]);
                meter.u64_counter("requests").build().add(1, &[]);
            },
            &["requests_total{otel_scope_name=\"shop\"} 1"],
        ),
        (
            "two counters with a series that only one has",
            |meter| {
                meter.u64_counter("requests").build().add(1, &[]);
                meter.u64_counter("requests.total").build().add(2, &[KeyValue::new("a", 1)]);
            },
            &[
                "requests_total{a=\"1\",otel_scope_name=\"shop\"} 2",
                "requests_total{otel_scope_name=\"shop\"} 1",
            ],
        ),
        (
            "a counter, and a gauge with the name of its samples",
            |meter| {
                meter.u64_counter("a").build().add(1, &[]);
                meter.f64_gauge("a.total").build().record(2.0, &[]);
            },
            &["a_total{otel_scope_name=\"shop\"} 1"],
        ),
        (
            "a histogram, and others with the names of its samples",
            |meter| {
                meter.f64_histogram("b").with_boundaries(vec![]).build().record(1.0, &[]);
                meter.u64_counter("b.sum").build().add(2, &[]);
                meter.f64_gauge("b_count").build().record(3.0, &[]);
            },
            &[
                "b_bucket{otel_scope_name=\"shop\",le=\"+Inf\"} 1",
                "b_sum{otel_scope_name=\"shop\"} 1",
                "b_count{otel_scope_name=\"shop\"} 1",
            ],
        ),
    ];
    for (name, set, expected) in cases {
        let metrics = Metrics::new();
        let provider = provider(&metrics);
        set(&provider.meter("shop"));
        for text in [metrics.text(), metrics.open_metrics()] {
            assert_is_sound(&text);
            let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert_eq!(samples, expected, "{name}");
        }
    }
}

#[test]
fn a_pool_that_panics_is_left_out_until_it_does_not() {
    let metrics = Metrics::new();
    let provider = provider(&metrics);
    let telemetry = Capture::new().telemetry().prometheus(&metrics);
    let telemetry = telemetry.measure(Choice::new().connection_pools());
    let rounds = AtomicUsize::new(0);
    let panics = ConnectionPool::new(&telemetry, "panics", move || {
        assert!(rounds.fetch_add(1, Ordering::Relaxed) >= 2, "it panics twice");
        PoolNumbers::new(1, 2)
    });
    let sound = ConnectionPool::new(&telemetry, "sound", || PoolNumbers::new(3, 4));
    provider.meter("shop").u64_counter("orders").build().add(1, &[]);
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let texts = tracing::subscriber::with_default(subscriber, || {
        [metrics.text(), metrics.open_metrics(), metrics.text()]
    });
    for (round, text) in texts.iter().enumerate() {
        assert_is_sound(text);
        let count = "db_client_connection_count{db_client_connection_pool_name=";
        assert_eq!(text.contains(&format!("{count}\"panics\"")), round == 2, "{text}");
        assert!(text.contains(&format!("{count}\"sound\"")), "{text}");
        assert!(text.contains("orders_total{"), "{text}");
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("pool=\"panics\"").count(), 1, "{log}");
    drop((panics, sound));
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn a_provider_that_has_ended_tells_nothing() {
    let metrics = Metrics::new();
    let provider = provider(&metrics);
    provider.meter("shop").u64_counter("orders").build().add(1, &[]);
    assert!(metrics.text().contains("orders_total"));
    provider.shutdown().unwrap();
    assert_eq!(metrics.text(), "");
    drop(provider);
    assert_eq!(metrics.text(), "");
}
