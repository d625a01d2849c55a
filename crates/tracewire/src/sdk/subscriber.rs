//! The `tracing` side: log lines on standard error, and `#[instrument]` spans in traces.
//!
//! Each of the two layers has a filter of its own. What is logged never decides what is traced.

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt};

use super::records::records;
use super::tracer::LateTracer;
use crate::Error;
use crate::logs::{json, text};

/// How log lines look.
#[derive(Debug)]
pub(super) struct Logs {
    /// In the terms of `EnvFilter`.
    pub(super) filter: String,
    /// How much telemetry says about itself, where that is said.
    pub(super) own_level: Option<LevelFilter>,
    /// Whether colors are welcome on a terminal.
    pub(super) color: bool,
    /// Whether each line is a JSON object.
    pub(super) json: bool,
}

/// What sends spans has spans and events of its own, which are not the application's.
const PLUMBING: [&str; 7] =
    ["h2::", "hyper::", "hyper_util::", "opentelemetry", "rustls", "tonic::", "tower::"];

/// What tracewire says about operations.
const OWN_EVENTS: [&str; 2] = ["tracewire::exception", "tracewire::request"];

/// A layer that brings `tracing` spans into traces, for a subscriber that you build yourself.
///
/// Its spans belong to whatever telemetry the process has when they start, so it can be installed
/// before or after [`init`](super::init). It keeps spans and events of level `info` and above,
/// whatever other layers log. [`layer_with`] has another filter.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry()
///     .with(tracewire::sdk::layer())
///     .with(tracing_subscriber::fmt::layer().with_filter(tracing_subscriber::EnvFilter::from_default_env()));
/// # use tracing_subscriber::Layer as _;
/// # drop(subscriber);
/// ```
pub fn layer<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    spans(default_filter())
}

/// [`layer`] with a filter such as `info,my_crate::pool=debug,noisy_crate=off`: targets and levels,
/// as in `RUST_LOG` but without fields and spans.
///
/// # Errors
/// When the filter cannot be read.
pub fn layer_with<S>(filter: &str) -> Result<impl Layer<S> + Send + Sync + 'static, Error>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    Ok(spans(span_filter(filter)?))
}

fn spans<S>(filter: Targets) -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    tracing_opentelemetry::layer()
        .with_tracer(LateTracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter)
}

/// Which `tracing` spans and events go into traces when nothing is said.
pub(super) fn default_filter() -> Targets {
    // They are about spans of our own, and no events of the spans around them.
    default_record_filter().with_targets(OWN_EVENTS.map(|target| (target, LevelFilter::OFF)))
}

/// Which events are log records when nothing is said.
pub(super) fn default_record_filter() -> Targets {
    let plumbing = PLUMBING.map(|target| (target, LevelFilter::OFF));
    Targets::new().with_default(LevelFilter::INFO).with_targets(plumbing)
}

/// The same with these directives on top.
pub(super) fn span_filter(directives: &str) -> Result<Targets, Error> {
    let mut filter = default_filter();
    for directive in directives.split(',').map(str::trim) {
        if directive.is_empty() {
            continue;
        }
        let parsed: Targets = directive.parse().map_err(|error| {
            Error::configuration(format!("the span filter {directive:?} cannot be read"))
                .because(error)
        })?;
        if let Some(level) = parsed.default_level() {
            filter = filter.with_default(level);
        }
        filter = filter.with_targets(parsed.iter());
    }
    Ok(filter)
}

/// Installs log lines, and spans if there is a filter for them, as the subscriber of the process.
/// `false` when there is one already.
pub(super) fn install(logs: &Logs, span_filter: Option<Targets>) -> bool {
    let registry = tracing_subscriber::registry();
    let installed = match span_filter {
        Some(filter) => {
            let records = records().with_filter(log_filter(logs));
            let registry = registry.with(spans(filter)).with(records);
            tracing::subscriber::set_global_default(registry.with(lines(logs)))
        }
        None => tracing::subscriber::set_global_default(registry.with(lines(logs))),
    };
    installed.is_ok()
}

fn lines<S>(logs: &Logs) -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let lines = if logs.json {
        fmt::layer().json().with_writer(json(io::stderr)).boxed()
    } else {
        let color = logs.color && io::stderr().is_terminal();
        fmt::layer().with_writer(text(io::stderr)).with_ansi(color).boxed()
    };
    lines.with_filter(log_filter(logs))
}

/// What the SDK has to say about exports is said by tracewire, and not as often; naming its target
/// shows it all the same.
fn log_filter(logs: &Logs) -> EnvFilter {
    let own = match logs.own_level {
        Some(level) => {
            // What requests and exceptions say is about the application.
            let general = (logs.filter.split(',').rev())
                .find_map(|directive| directive.trim().parse::<LevelFilter>().ok())
                .unwrap_or(LevelFilter::ERROR);
            let theirs = OWN_EVENTS.map(|target| format!("{target}={general}")).join(",");
            format!("tracewire={level},{theirs},opentelemetry={level}")
        }
        None => "opentelemetry=off".to_owned(),
    };
    EnvFilter::builder().parse_lossy(format!("{own},{}", logs.filter))
}
