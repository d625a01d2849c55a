//! `meter_provider`: what reads measurements.

use opentelemetry_sdk::metrics::Temporality;

use super::destination::{Situated, stdout};
use super::node::{Fault, Mark, Node};
use super::otlp;
use super::section::{Notes, Section, list, only, unknown};
use crate::measure::ExemplarFilter;
use crate::sdk::meters::Pace;
use crate::sdk::{HistogramAggregation, Otlp};

/// What the document says of metrics.
#[derive(Clone, Debug, Default)]
pub(in crate::sdk) struct Metrics {
    pub(in crate::sdk) destinations: Vec<MetricDestination>,
    pub(in crate::sdk) exemplars: Option<ExemplarFilter>,
}

/// Something that reads measurements.
#[derive(Clone, Debug)]
pub(in crate::sdk) struct MetricDestination {
    at: Mark,
    pub(in crate::sdk) to: MetricTo,
    pub(in crate::sdk) pace: Pace,
}

#[derive(Clone, Debug)]
pub(in crate::sdk) enum MetricTo {
    Otlp(Box<Otlp>),
    OtlpStdout,
    Console,
    Prometheus { host: Option<String>, port: Option<u16> },
}

impl Situated for MetricDestination {
    fn at(&self) -> Mark {
        self.at
    }
}

impl Metrics {
    pub(super) fn read(mut section: Section<'_>, notes: &mut Notes) -> Result<Self, Fault> {
        let readers = list("readers", section.required("readers")?)?.iter();
        let destinations = readers.map(|node| reader(node, notes)).collect::<Result<_, _>>()?;
        let wanted = "trace_based, always_on or always_off";
        let exemplars = section.name("exemplar_filter", wanted, ExemplarFilter::from_name)?;
        let why = "instruments are what they are in code";
        section.not_followed("views", why, notes);
        let why = "meters cannot be told apart here";
        section.not_followed("meter_configurator/development", why, notes);
        section.end(notes);
        Ok(Self { destinations, exemplars })
    }
}

fn reader(node: &Node, notes: &mut Notes) -> Result<MetricDestination, Fault> {
    let (key, settings) = only("readers", node)?;
    let mut section = Section::new(&key.name, settings)?;
    let mut pace = Pace::default();
    let pulled = match &*key.name {
        "periodic" => {
            // Without any pause it would read all the time.
            let least = std::time::Duration::from_millis(1);
            pace.interval = section.milliseconds("interval")?.map(|it| it.max(least));
            pace.timeout = section.timeout("timeout")?;
            false
        }
        "pull" => true,
        _ => return Err(unknown("reader", key, "periodic and pull")),
    };
    let exporter = section.required("exporter")?;
    let to = if pulled { pull(exporter, notes)? } else { push(exporter, &mut pace, notes)? };
    section.not_followed("producers", "there are no other producers here", notes);
    section.not_followed("cardinality_limits", "code says how many series there may be", notes);
    section.end(notes);
    Ok(MetricDestination { at: exporter.at, to, pace })
}

fn push(node: &Node, pace: &mut Pace, notes: &mut Notes) -> Result<MetricTo, Fault> {
    let (key, settings) = only("exporter", node)?;
    let mut section = Section::new(&key.name, settings)?;
    if key.name == "console" {
        let why = "a terminal shows sums since the start";
        section.not_followed("temporality_preference", why, notes);
        section.not_followed("default_histogram_aggregation", why, notes);
        section.end(notes);
        return Ok(MetricTo::Console);
    }
    let wanted = "cumulative, delta or low_memory";
    pace.temporality = section.name("temporality_preference", wanted, |name| match name {
        "cumulative" => Some(Temporality::Cumulative),
        "delta" => Some(Temporality::Delta),
        "low_memory" => Some(Temporality::LowMemory),
        _ => None,
    })?;
    let wanted = "explicit_bucket_histogram or base2_exponential_bucket_histogram";
    let key_of = "default_histogram_aggregation";
    pace.histograms = section.name(key_of, wanted, HistogramAggregation::from_name)?;
    Ok(match &*key.name {
        "otlp_http" => MetricTo::Otlp(Box::new(otlp::http(section, notes)?)),
        "otlp_grpc" => MetricTo::Otlp(Box::new(otlp::grpc(section, notes)?)),
        "otlp_file/development" => {
            stdout(&mut section)?;
            section.end(notes);
            MetricTo::OtlpStdout
        }
        _ => {
            let known = "otlp_http, otlp_grpc, otlp_file/development and console";
            return Err(unknown("exporter", key, known));
        }
    })
}

fn pull(node: &Node, notes: &mut Notes) -> Result<MetricTo, Fault> {
    let (key, settings) = only("exporter", node)?;
    if key.name != "prometheus/development" {
        return Err(unknown("exporter to pull from", key, "prometheus/development"));
    }
    let mut section = Section::new(&key.name, settings)?;
    let host = section.text("host")?.map(str::to_owned);
    let port = section.whole("port", 0..=i64::from(u16::MAX))?;
    for key in [
        "without_scope_info",
        "scope_info_enabled",
        "without_target_info",
        "without_target_info/development",
        "target_info_enabled/development",
        "with_resource_constant_labels",
        "resource_constant_labels",
        "translation_strategy",
    ] {
        section.not_followed(
            key,
            "there is one form of text for each that Prometheus asks for",
            notes,
        );
    }
    section.end(notes);
    Ok(MetricTo::Prometheus { host, port: port.and_then(|port| port.try_into().ok()) })
}
