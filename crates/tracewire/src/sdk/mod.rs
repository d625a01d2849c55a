//! Process start: `init` sets up everything, the guard ends it.
//!
//! ```
//! # // No Collector listens while documentation is tested.
//! # let builder = tracewire::sdk::builder().exporters([]);
//! # /*
//! let _telemetry = tracewire::sdk::init()?;
//! # */
//! # let _telemetry = builder.init()?;
//! # assert!(tracewire::sdk::init().is_err_and(|error| error.is_already_initialized()));
//! # Ok::<(), tracewire::Error>(())
//! ```
//!
//! That is all a service needs. From then on
//!
//! - every layer and wrapper of tracewire that was given nothing else uses this telemetry, those
//!   built before too, and so does code that uses OpenTelemetry's globals;
//! - spans go to a Collector in batches, from a thread of their own, on any kind of runtime and
//!   without one. While the Collector cannot be reached the application notices nothing: a warning
//!   is logged at most once a minute, and sending goes on by itself as soon as it can;
//! - spans of `#[tracing::instrument]` are in the traces, below the request that they belong to, and
//!   log lines, with the ids of their traces, are on standard error. `RUST_LOG` decides about the lines and about nothing else.
//!
//! What the environment says can be said in code, where it counts for more:
//!
//! ```no_run
//! use tracewire::sdk::{self, Protocol, Sampler};
//!
//! let _telemetry = sdk::builder()
//!     .service_name("checkout")
//!     .service_version(env!("CARGO_PKG_VERSION"))
//!     .environment("staging")
//!     .endpoint("http://collector:4317")
//!     .protocol(Protocol::Grpc)
//!     .sampler(Sampler::parent_based(Sampler::ratio(0.1)))
//!     .init()?;
//! # Ok::<(), tracewire::Error>(())
//! ```
//!
//! When nothing arrives, [`doctor::examine`](crate::doctor::examine) knows why; what of that can be
//! seen at once is logged as a warning.
//!
//! # Tail sampling
//! [`TailSampling`] decides when a request has ended whether its spans are sent: those with errors,
//! slow ones, those that rules of your own are for, and a share of the rest.
//!
//! # One at a time
//! A second `init` while the first guard lives is an [error](crate::Error::is_already_initialized):
//! two exporters would send every span to one of them at random. When the guard has been dropped,
//! telemetry can be set up anew.
//!
//! # A subscriber of your own
//! When the program has set its `tracing` subscriber before `init`, or says
//! [`without_subscriber`](Builder::without_subscriber), `init` leaves it in place. Add [`layer`] to
//! it, or `#[instrument]` spans are missing from the traces; everything else works without it.
//!
//! # Environment variables
//! An empty value counts as unset. A value that is not understood is told of in a warning and then
//! counts as unset; only an endpoint or a certificate that cannot be used is an error.
//!
//! | variable | in code | default |
//! |---|---|---|
//! | `OTEL_CONFIG_FILE`, `OTEL_EXPERIMENTAL_CONFIG_FILE` | [`config_file`](Builder::config_file) | none; with one, no other `OTEL_…` counts but [by way of it](Config) |
//! | `OTEL_SDK_DISABLED` | [`disabled`](Builder::disabled) | `false`; when `true` context still travels |
//! | `OTEL_SERVICE_NAME` | [`service_name`](Builder::service_name) | `unknown_service:` and the executable |
//! | `OTEL_RESOURCE_ATTRIBUTES` | [`resource_attribute`](Builder::resource_attribute) and its kin | |
//! | `OTEL_ENTITIES` | [`entity`](Builder::entity) | none; as `type{key=value}[key=value]@schema_url;…` |
//! | `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS` | [`detectors`](Builder::detectors) | `none`; also `all`, `host`, `os`, `process`, `container`, `k8s` |
//! | `OTEL_PROPAGATORS` | [`propagator`](Builder::propagator) | `tracecontext,baggage`; also `b3`, `b3multi`, `jaeger`, `xray`, `datadog`, `none`; there is no `ottrace` |
//! | `OTEL_TRACES_SAMPLER` | [`sampler`](Builder::sampler) | `parentbased_always_on`; also `always_on`, `always_off`, `traceidratio`, `jaeger_remote`, and `parentbased_` with each; there is no `xray` |
//! | `OTEL_TRACES_SAMPLER_ARG` | the same | the ratio, 1.0; of `jaeger_remote` `endpoint=http://localhost:5778/sampling,pollingIntervalMs=60000,initialSamplingRate=0.001` |
//! | `OTEL_TRACES_EXPORTER` | [`exporters`](Builder::exporters) | `otlp`; also `console`, `zipkin`, `otlp/stdout`, `none`, or several |
//! | `OTEL_LOGS_EXPORTER` | [`log_exporters`](Builder::log_exporters) | `none`, see below; also `otlp`, `console`, `otlp/stdout`, or several |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | [`endpoint`](Builder::endpoint) | `http://localhost:4318`, gRPC `:4317` |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL` | [`protocol`](Builder::protocol) | `http/protobuf`; also `http/json`, `grpc` |
//! | `OTEL_EXPORTER_OTLP_HEADERS` | [`Otlp::header`] | none |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT` | [`Otlp::timeout`] | 10000 ms |
//! | `OTEL_EXPORTER_OTLP_COMPRESSION` | [`Otlp::compression`] | `none`; also `gzip` |
//! | `OTEL_EXPORTER_OTLP_INSECURE` | [`Otlp::insecure`] | `false`; for gRPC endpoints without a scheme |
//! | `OTEL_EXPORTER_OTLP_CERTIFICATE` | [`Otlp::certificate`] | whom the system trusts |
//! | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CLIENT_KEY` | [`Otlp::client_certificate`] | none |
//! | `OTEL_EXPORTER_ZIPKIN_ENDPOINT` | [`zipkin_endpoint`](Builder::zipkin_endpoint) | `http://localhost:9411/api/v2/spans` |
//! | `OTEL_EXPORTER_ZIPKIN_TIMEOUT` | [`zipkin_timeout`](Builder::zipkin_timeout) | 10000 ms |
//! | `OTEL_BSP_SCHEDULE_DELAY` | [`Batch::schedule_delay`] | 5000 ms |
//! | `OTEL_BSP_EXPORT_TIMEOUT` | [`Batch::export_timeout`] | 30000 ms |
//! | `OTEL_BSP_MAX_QUEUE_SIZE` | [`Batch::max_queue_size`] | 2048 spans |
//! | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | [`Batch::max_export_batch_size`] | 512 spans |
//! | `OTEL_BLRP_SCHEDULE_DELAY` | [`log_batch`](Builder::log_batch) | 1000 ms |
//! | `OTEL_BLRP_EXPORT_TIMEOUT` | [`log_batch`](Builder::log_batch) | 30000 ms |
//! | `OTEL_BLRP_MAX_QUEUE_SIZE` | [`log_batch`](Builder::log_batch) | 2048 log records |
//! | `OTEL_BLRP_MAX_EXPORT_BATCH_SIZE` | [`log_batch`](Builder::log_batch) | 512 log records |
//! | `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` | [`Limits::attribute_value_length`] | none |
//! | `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT` | [`Limits::attributes`] | 128 |
//! | `OTEL_SPAN_EVENT_COUNT_LIMIT` | [`Limits::events`] | 128 |
//! | `OTEL_SPAN_LINK_COUNT_LIMIT` | [`Limits::links`] | 128 |
//! | `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT` | [`Limits::event_attributes`] | 128 |
//! | `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT` | [`Limits::link_attributes`] | 128 |
//! | `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` | [`log_limits`](Builder::log_limits) | none |
//! | `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT` | the same | 128 |
//! | `OTEL_METRICS_EXPORTER` | [`metric_exporters`](Builder::metric_exporters) | `none`; also `otlp`, `prometheus`, `console`, `otlp/stdout`, or several, with feature `metrics` |
//! | `OTEL_METRIC_EXPORT_INTERVAL` | [`metric_interval`](Builder::metric_interval) | 60000 ms |
//! | `OTEL_METRIC_EXPORT_TIMEOUT` | [`metric_timeout`](Builder::metric_timeout) | 30000 ms |
//! | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | [`metric_temporality`](Builder::metric_temporality) | `cumulative`; also `delta`, `lowmemory` |
//! | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | [`metric_histograms`](Builder::metric_histograms) | `explicit_bucket_histogram`; also `base2_exponential_bucket_histogram` |
//! | `OTEL_METRICS_EXEMPLAR_FILTER` | `exemplars`, with feature `metrics` | `trace_based`; also `always_on`, `always_off` |
//! | `OTEL_EXPORTER_PROMETHEUS_HOST`, `OTEL_EXPORTER_PROMETHEUS_PORT` | `prometheus::Metrics::listen` | `localhost`, 9464 |
//! | `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` | [`exception_events`](Builder::exception_events) | `logs`; also `logs/dup`, which adds span events |
//! | `OTEL_SEMCONV_STABILITY_OPT_IN` | nothing to choose | the stable conventions are all there are; a `…/dup` is told of |
//! | `OTEL_LOG_LEVEL` | [`own_log_level`](Builder::own_log_level) | `warn` of tracewire alone |
//! | `RUST_LOG` | [`log_filter`](Builder::log_filter) | `info` |
//! | `NO_COLOR` | [`without_color`](Builder::without_color) | colors on a terminal |
//!
//! Each `OTEL_EXPORTER_OTLP_…` has an `OTEL_EXPORTER_OTLP_TRACES_…`, an `OTEL_EXPORTER_OTLP_LOGS_…`
//! and an `OTEL_EXPORTER_OTLP_METRICS_…` beside it, which count for more;
//! in code that is [`otlp_for`](Builder::otlp_for). `https://` needs the feature `sdk-tls`.
//!
//! Two defaults depart from the specification on purpose: there `OTEL_LOGS_EXPORTER` and
//! `OTEL_METRICS_EXPORTER` are `otlp`, here log records and metrics go nowhere until they are asked
//! for. Not every receiver of spans takes them, and a feature that a dependency switches on must not
//! send what nobody wanted. Log lines are written to standard error all the same.
//!
//! A timeout of 0 is a day. How large requests and answers may be is
//! [said in code](Otlp::max_request_size) alone.
//!
//! `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` is read without `init` too, and beside a configuration file; so
//! is `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`, which in code is `known_methods` of a layer.
//!
//! # What arrives, and what does not
//! A Collector that is away or busy is tried again for as long as an export may take, and left alone
//! as long as it asks for. What it refuses, what finds the queue full and what is too late is dropped.
//! [`Guard::stats`] has the counts: of the spans that have ended, each was exported, dropped or
//! sampled out. [`Guard::exporters`] has them for each place that telemetry goes to.
//!
//! # Sampling
//! Samplers are [composed](Sampler) of ratios, limits, rules and probabilities on which all services
//! agree. Traces that begin here have the random flag of W3C Trace Context level 2, as their ids are.
//!
//! # Resource
//! `service.name`, `service.version`, `deployment.environment.name` as given; `service.instance.id`,
//! a new UUID for each start; `telemetry.sdk.*`; `telemetry.distro.name` and `.version`; and what
//! [`Detector`]s find out.

mod builder;
mod config;
mod entity;
mod env;
mod exporter;
mod guard;
mod limits;
pub(crate) mod meters;
mod processor;
mod provider;
mod records;
mod resource;
mod sampler;
pub(crate) mod setup;
mod shutdown;
mod signal;
mod stats;
mod subscriber;
mod tail;
mod together;
mod tracer;

pub use builder::Builder;
pub use config::Config;
pub(crate) use config::{Content, Fault, Key, Lookup, Mark, Node, Scalar, substitute};
pub use entity::Entity;
pub use exporter::{Batch, Compression, Exporter, Otlp, Protocol};
pub use guard::Guard;
pub use limits::Limits;
pub use meters::{HistogramAggregation, MetricExporter};
/// OpenTelemetry's SDK in the version that tracewire is built on, for samplers of your own.
pub use opentelemetry_sdk as otel_sdk;
pub use records::log_layer;
pub use resource::Detector;
pub(crate) use sampler::Keeps;
pub use sampler::{Candidate, Consistent, JaegerRemote, ParentBased, Rules, Sampler, When};
pub use shutdown::shutdown_signal;
pub use signal::Signal;
pub use stats::{ExporterStats, Stats};
pub use subscriber::{layer, layer_with};
pub use tail::{LocalTrace, TailHandle, TailProcessor, TailSampling, TailStats};

use crate::Error;

/// Sets up the telemetry of this process from its environment.
///
/// # Errors
/// As [`Builder::init`].
pub fn init() -> Result<Guard, Error> {
    builder().init()
}

/// Settings to begin with: none.
pub fn builder() -> Builder {
    Builder::new()
}
