//! What a capture has traced and measured, in the terms of these tests.
#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::fmt;

use opentelemetry_sdk::metrics::SdkMeterProvider;
use tracewire::Telemetry;
use tracewire::metrics::Choice;
use tracewire::test::{self, Capture, SpanData};

/// What one telemetry traces and measures.
#[derive(Debug)]
pub struct Site {
    /// The spans.
    pub capture: Capture,
}

/// One series of a metric, with plain numbers and attributes as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The metric.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// All attributes, values as text.
    pub attributes: BTreeMap<String, String>,
    /// How many values, for a histogram.
    pub count: u64,
    /// Their sum, or what anything else stands at.
    pub sum: f64,
    /// The upper bounds of a histogram's buckets.
    pub bounds: Vec<f64>,
}

impl Site {
    /// Traces what `capture` does.
    pub fn new(capture: Capture) -> Self {
        Self { capture: capture.with_meters() }
    }

    /// The telemetry, which measures durations only.
    pub fn telemetry(&self) -> Telemetry {
        self.capture.telemetry()
    }

    /// The telemetry that measures what is chosen.
    pub fn measuring(&self, choice: Choice) -> Telemetry {
        self.telemetry().measure(choice)
    }

    /// The provider of meters.
    pub fn meters(&self) -> &SdkMeterProvider {
        self.capture.meter_provider().expect("there are meters")
    }

    /// All series so far.
    pub fn series(&self) -> Vec<Series> {
        self.capture.metrics().into_iter().map(Series::from).collect()
    }

    /// The series of one metric.
    pub fn of(&self, name: &str) -> Vec<Series> {
        self.series().into_iter().filter(|series| series.name == name).collect()
    }

    /// The only series of a metric.
    #[track_caller]
    pub fn only(&self, name: &str) -> Series {
        self.capture.metric(name).into()
    }
}

impl From<test::Series> for Series {
    fn from(series: test::Series) -> Self {
        let attributes = series.attributes().iter();
        Self {
            name: series.name().to_owned(),
            unit: series.unit().to_owned(),
            attributes: attributes.map(|it| (it.key.to_string(), it.value.to_string())).collect(),
            count: series.count().unwrap_or_default(),
            sum: series.sum().or(series.value()).unwrap_or_default(),
            bounds: series.bounds().to_vec(),
        }
    }
}

impl Series {
    /// The attributes as one text: `name=value name=value`, in the order of the names.
    pub fn labels(&self) -> String {
        let all: Vec<_> =
            self.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.join(" ")
    }

    /// Fails unless it is one value: the duration and the error of this span.
    #[track_caller]
    pub fn assert_is(&self, span: &SpanData) {
        let lasted =
            span.end_time.duration_since(span.start_time).expect("it ends after its start");
        assert_eq!((self.count, self.sum), (1, lasted.as_secs_f64()), "{self}");
        let error = span.attributes.iter().find(|it| it.key.as_str() == "error.type");
        let error = error.map(|error| error.value.to_string());
        assert_eq!(self.attributes.get("error.type"), error.as_ref(), "{self}");
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{{}}}", self.name, self.labels())
    }
}
