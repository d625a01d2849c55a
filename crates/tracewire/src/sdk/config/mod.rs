//! Settings from a file: OpenTelemetry's declarative configuration.
//!
//! `crate::yaml` makes a tree of [`Node`]s of the text, with variables put in (`substitute`); [`Settings`]
//! asks the tree for everything it may hold; and the builder takes them for whatever code leaves open.

mod composite;
mod destination;
mod logger;
mod meter;
mod node;
mod otlp;
mod pattern;
mod propagator;
mod resource;
mod sampler;
mod section;
mod settings;
mod substitute;
mod tracer;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

pub(super) use destination::{Destination, Situated, To};
pub(super) use meter::{MetricDestination, MetricTo};
pub(crate) use node::{Content, Fault, Key, Mark, Node, Scalar};
pub(super) use pattern::Patterns;
pub(super) use settings::Settings;
pub(crate) use substitute::{Lookup, substitute};

use crate::{Error, yaml};

/// What a configuration file says: OpenTelemetry's
/// [declarative configuration](https://opentelemetry.io/docs/specs/otel/configuration/), in YAML.
///
/// `OTEL_CONFIG_FILE` names one; [`Builder::config_file`](super::Builder::config_file) and
/// [`Builder::config`](super::Builder::config) take one in code. It needs the feature `sdk-config`.
///
/// ```
/// # #[cfg(feature = "sdk-config")] {
/// let config = tracewire::sdk::Config::parse(r#"
/// file_format: "1.0"
/// resource:
///   attributes:
///     - { name: service.name, value: "${SERVICE_NAME:-orders}" }
///     - { name: shard, value: 7, type: int }
///   attributes_list: ${OTEL_RESOURCE_ATTRIBUTES}
///   detection/development:
///     detectors: [{ host: }, { container: }, { process: }]
///     attributes: { excluded: [process.executable.*] }
/// propagator:
///   composite: [{ tracecontext: }, { baggage: }]
///   composite_list: ${OTEL_PROPAGATORS}
/// attribute_limits:
///   attribute_value_length_limit: 4096
/// tracer_provider:
///   processors:
///     - batch:
///         schedule_delay: 2000
///         exporter:
///           otlp_http:
///             endpoint: ${OTLP_ENDPOINT:-http://localhost:4318}/v1/traces
///             compression: gzip
///             headers: [{ name: api-key, value: "${API_KEY}" }]
///   limits:
///     event_count_limit: 64
///   sampler:
///     parent_based:
///       root:
///         trace_id_ratio_based: { ratio: 0.1 }
/// logger_provider:
///   processors:
///     - batch: { exporter: { otlp_http: { endpoint: "http://localhost:4318/v1/logs" } } }
/// meter_provider:
///   exemplar_filter: trace_based
///   readers:
///     - periodic:
///         interval: 30000
///         exporter:
///           otlp_grpc: { endpoint: "http://localhost:4317", temporality_preference: delta }
///     - pull: { exporter: { prometheus/development: { port: 9464 } } }
/// "#)?;
/// assert_eq!(config.warnings().count(), 0);
/// # }
/// # Ok::<(), tracewire::Error>(())
/// ```
///
/// # What counts
/// With a file, no other `OTEL_…` variable has a say in the set-up but by `${…}` in the file; code
/// still beats the file. What the file does not have is not there: without `tracer_provider` there
/// are no spans, without `meter_provider` no metrics, without `logger_provider` no log records are
/// sent, and without `propagator` no context travels.
///
/// # Variables
/// In values, not in names, `${NAME}` and `${env:NAME}` stand for a variable, and for nothing where it
/// is not set; `${NAME:-default}` then stands for the default. `$$` is a `$`. What is put in is taken
/// for a number or for `true` where it looks like that, unless there are quotes around it, but never
/// for a reference or for more than one value.
///
/// # What is understood
/// `file_format` 1.0 and its candidates (`1.0-rc.1`, …) as far as their names agree:
///
/// | key | |
/// |---|---|
/// | `disabled`, `log_level` | |
/// | `attribute_limits` | for spans and log records |
/// | `resource` | `attributes`, `attributes_list`, `detection/development` with `container`, `host` (also what [`Detector::Os`](super::Detector::Os) knows), `process`, `service`, and, which only tracewire has, `os` and `k8s` |
/// | `propagator` | `composite`, `composite_list`: the names of [`Format`](crate::Format) |
/// | `tracer_provider.processors` | `batch`, `simple`, each with `otlp_http`, `otlp_grpc`, `otlp_file/development`, `zipkin` or `console`. Nobody waits for `simple`; it sends every span by itself. `console` writes at once also in a `batch`; `otlp_file/development` writes to `stdout` and nowhere else |
/// | `tracer_provider.limits` | |
/// | `tracer_provider.sampler` | `always_on`, `always_off`, `trace_id_ratio_based`, `parent_based`, `probability/development`, `composite/development` (with `always_on`, `always_off`, `probability`, `parent_threshold`, `rule_based`), `jaeger_remote/development`, over HTTP and with a share of all traces as its `initial_sampler` |
/// | `logger_provider.processors` | the same but for `zipkin` |
/// | `logger_provider.limits` | |
/// | `meter_provider.readers` | `periodic` with `interval`, `timeout` and `otlp_http`, `otlp_grpc`, `otlp_file/development` or `console`; `pull` with `prometheus/development`, its `host` and `port`, which needs feature `prometheus`. `temporality_preference` is for each reader; where one of them wants exponential histograms, [all get them](super::Builder::metric_histograms) |
/// | `meter_provider.exemplar_filter` | |
///
/// A timeout of 0 is a day. Aliases and `<<` work.
///
/// A name that is not known is told of with its line and column, and ignored. What cannot be followed,
/// such as an unknown exporter, a ratio of 2 or text that is no YAML, is an error with the same.
#[derive(Clone, Debug)]
#[must_use = "it has to be given to a builder"]
pub struct Config {
    name: String,
    settings: Settings,
    warnings: Vec<String>,
}

/// How large a file may be, in bytes.
const MOST: u64 = 256 << 10;

impl Config {
    /// Reads a file, with the variables of this process.
    ///
    /// # Errors
    /// When it cannot be read or cannot be followed.
    pub fn read(file: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read_with(file.as_ref(), &variable)
    }

    /// Takes `yaml`, with the variables of this process.
    ///
    /// # Errors
    /// When it cannot be followed.
    pub fn parse(yaml: &str) -> Result<Self, Error> {
        Self::parse_with(yaml, variable)
    }

    /// Takes `yaml`, with whatever `variable` says of a name.
    ///
    /// # Errors
    /// When it cannot be followed.
    pub fn parse_with(
        yaml: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        Self::of("configuration", yaml, &variable)
    }

    /// What is ignored in it, a sentence with the place for each.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str)
    }

    fn read_with(file: &Path, variable: &Lookup<'_>) -> Result<Self, Error> {
        let name = file.display().to_string();
        let wrong = |why: String| {
            Error::configuration(format!("the configuration {name} cannot be read: {why}"))
        };
        let mut bytes = Vec::new();
        File::open(file)
            .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
            .map_err(|error| wrong(error.to_string()).because(error))?;
        if bytes.len() as u64 > MOST {
            return Err(wrong(format!("it has more than {} KiB", MOST >> 10)));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            wrong(format!("line {line} is not UTF-8"))
        })?;
        Self::of(&name, &text, variable)
    }

    fn of(name: &str, text: &str, variable: &Lookup<'_>) -> Result<Self, Error> {
        let mut notes = Vec::new();
        let settings = Some(text)
            .filter(|text| text.len() as u64 <= MOST)
            .ok_or_else(|| Fault::whole(format!("it has more than {} KiB", MOST >> 10)))
            .and_then(|text| yaml::parse(text.trim_start_matches('\u{feff}'), variable))
            .and_then(|document| Settings::read(&document, variable, &mut notes))
            .map_err(|Fault { at, why }| {
                Error::configuration(match at {
                    Some(at) => format!("{name}:{at}: {why}"),
                    None => format!("{name}: {why}"),
                })
            })?;
        notes.sort_by_key(|(at, _)| (at.line, at.column));
        let warnings = notes.into_iter().map(|(at, what)| format!("{name}:{at}: {what}")).collect();
        Ok(Self { name: name.to_owned(), settings, warnings })
    }

    /// Its name, what it says, and what is ignored in it.
    pub(super) fn into_parts(self) -> (String, Settings, Vec<String>) {
        (self.name, self.settings, self.warnings)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
