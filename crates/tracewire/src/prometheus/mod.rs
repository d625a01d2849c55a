//! An endpoint for Prometheus, whose exemplars lead from a number to a trace.
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//! use tracewire::{Telemetry, prometheus::Metrics};
//!
//! let metrics = Metrics::new();
//! Telemetry::default().prometheus(&metrics).install();
//! let app = Router::<()>::new()
//!     .layer(tracewire::axum::ServerLayer::new())
//!     .route("/metrics", get(metrics));
//! # drop(app);
//! # }
//! ```
//!
//! With feature `sdk`, `sdk::builder().prometheus(&metrics)` does the same, and also says in
//! `target_info` what the process is. Without a router, [`Metrics::listen`] serves them on a port of
//! its own; `OTEL_METRICS_EXPORTER=prometheus` has `sdk::init` do so.
//!
//! Prometheus gets OpenMetrics, and exemplars in it when it runs with
//! `--enable-feature=exemplar-storage`; whoever asks for nothing special gets text.
//!
//! # Exemplars
//! Each bucket of each histogram has the latest measurement whose span is sampled, with its
//! `trace_id` and `span_id`. [`Metrics::exemplars`] changes that. With tail sampling the trace may be
//! dropped later, so a measurement waits until its trace is decided, one for each bucket, and is
//! shown when that was kept. No exemplar then leads nowhere; a bucket whose traces are nearly all
//! dropped may for some time have none.
//!
//! # Names
//! They are translated by [OpenTelemetry's rules]: `http.server.request.duration` in `s` is
//! `http_server_request_duration_seconds`, its `http.request.method` is `http_request_method`, and
//! every series says in `otel_scope_name` that it comes from here.
//!
//! [OpenTelemetry's rules]: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use opentelemetry::KeyValue;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;
use tower_service::Service;

use crate::Telemetry;
use crate::measure::{Examples, ExemplarFilter};
use crate::readings::WeakReader;

mod accept;
mod joined;
mod listener;
mod name;
mod pools;
mod readings;
mod series;
mod shape;
mod unit;
mod write;

pub use crate::readings::Reader;
pub use listener::Listener;
/// The library for metrics of your own, in the version that [`Metrics::join`] takes.
pub use prometheus_client as client;

use accept::Format;
use series::Store;
use shape::{Names, Shape};

/// What is measured, for Prometheus to fetch. Cheap to clone; all clones are the same metrics.
///
/// It is a tower service and, with feature `axum`, a handler: `get(metrics)`.
#[derive(Clone, Default)]
pub struct Metrics {
    store: Arc<Store>,
    target: Arc<RwLock<String>>,
    joined: Arc<RwLock<Vec<Arc<Registry>>>>,
    readers: Arc<RwLock<Vec<WeakReader>>>,
}

impl Metrics {
    /// Nothing is measured yet. [`Telemetry::prometheus`] has it so.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which measurements may become exemplars. Variable, where it is not said:
    /// `OTEL_METRICS_EXEMPLAR_FILTER`.
    #[must_use]
    pub fn exemplars(self, filter: ExemplarFilter) -> Self {
        self.store.examples.filter(filter);
        self
    }

    /// Serves the metrics of a registry, too. Their names have to be others.
    ///
    /// ```
    /// use tracewire::prometheus::{Metrics, client};
    ///
    /// let mut registry = client::registry::Registry::default();
    /// let orders = client::metrics::counter::Counter::<u64>::default();
    /// registry.register("orders", "Orders taken", orders.clone());
    /// let metrics = Metrics::new().join(registry);
    /// orders.inc();
    /// assert!(metrics.text().contains("orders_total 1"));
    /// ```
    #[must_use]
    pub fn join(self, registry: impl Into<Arc<Registry>>) -> Self {
        self.joined.write().unwrap_or_else(PoisonError::into_inner).push(registry.into());
        self
    }

    /// Serves the metrics of a meter provider, too: those of a program's own instruments, read
    /// whenever somebody asks. Their names are translated by the same rules. What has a name that is
    /// taken is left out: of two metrics that become one the first is there, in the order of their
    /// scopes and then of their names, and so it is for each series where both have the same type.
    /// The buckets of exponential histograms are left out, too.
    ///
    /// With feature `sdk` the process-wide meter provider has such a reader already.
    ///
    /// ```
    /// use opentelemetry::metrics::MeterProvider as _;
    /// use opentelemetry_sdk::metrics::SdkMeterProvider;
    /// use tracewire::prometheus::Metrics;
    ///
    /// let metrics = Metrics::new();
    /// let provider = SdkMeterProvider::builder().with_reader(metrics.reader()).build();
    /// let orders = provider.meter("shop").u64_counter("orders").build();
    /// orders.add(3, &[]);
    /// assert!(metrics.text().contains("orders_total{otel_scope_name=\"shop\"} 3"));
    /// ```
    pub fn reader(&self) -> Reader {
        let reader = Reader::default();
        let mut readers = self.readers.write().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| reader.upgrade().is_some());
        readers.push(reader.downgrade());
        reader
    }

    /// What the process is: the labels of `target_info`, in place of earlier ones.
    #[must_use]
    pub fn target(self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        let attributes: Vec<_> = attributes.into_iter().collect();
        let labels = name::of_labels(&attributes);
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = labels;
        self
    }

    /// All metrics in Prometheus's text format, version 0.0.4, which has no exemplars.
    pub fn text(&self) -> String {
        self.write(Format::Text)
    }

    /// All metrics in OpenMetrics, version 1.0.0.
    pub fn open_metrics(&self) -> String {
        self.write(Format::OpenMetrics)
    }

    fn write(&self, format: Format) -> String {
        let (mut out, mut names) = (String::new(), Names::default());
        let target = self.target.read().unwrap_or_else(PoisonError::into_inner);
        if !target.is_empty() {
            write::target(&mut out, format, &target);
            ["target", "target_info"].iter().for_each(|name| _ = names.take(name, Shape::Gauge));
        }
        drop(target);
        pools::write(&mut out, format, &self.store, &mut names);
        let families = self.store.read();
        write::families(&mut out, format, &families);
        for (name, family) in &*families {
            names.take(name, family.instrument.kind.into());
        }
        drop(families);
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner).clone();
        let read = readers.iter().filter_map(WeakReader::upgrade).flat_map(|it| it.read());
        readings::write(&mut out, format, read, &mut names);
        for registry in &*self.joined.read().unwrap_or_else(PoisonError::into_inner) {
            let mut more = String::new();
            match (encode_registry(&mut more, registry), format) {
                (Ok(()), Format::OpenMetrics) => out.push_str(&more),
                (Ok(()), Format::Text) => out.push_str(&joined::as_text(&more)),
                (Err(_), _) => {
                    tracing::warn!(target: "tracewire", "metrics that were joined cannot be written");
                }
            }
        }
        if format == Format::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out
    }

    pub(crate) fn answer(&self, method: &Method, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        if *method != Method::GET && *method != Method::HEAD {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let format = Format::wanted(headers);
        let content_type = HeaderValue::from_static(format.content_type());
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        *response.body_mut() = Full::from(self.write(format));
        response
    }

    pub(crate) fn examples(&self) -> &Examples {
        &self.store.examples
    }
}

impl<B> Service<Request<B>> for Metrics {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method(), request.headers())))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Measures for Prometheus, too, in place of earlier metrics for it.
    ///
    /// With this, [`meter_provider`](Self::meter_provider) has to say where else measurements go:
    /// OpenTelemetry's global provider is not looked for.
    #[must_use]
    pub fn prometheus(self, metrics: &Metrics) -> Self {
        self.change_measuring(|measuring| measuring.set_sink("prometheus", metrics.store.clone()))
    }
}
