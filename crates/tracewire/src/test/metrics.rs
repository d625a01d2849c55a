//! What was measured in a test, beside what was traced.

use std::fmt;

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::Telemetry;
use crate::readings::{Measured, Point, Reader};
use crate::test::{Capture, expect};

/// One series of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    name: String,
    unit: String,
    point: Point,
}

/// The meters of a capture, and how to read them.
#[derive(Clone, Debug)]
pub(crate) struct Meters {
    provider: SdkMeterProvider,
    reader: Reader,
}

impl Capture {
    /// Has meters of its own, too, for what its [`telemetry`](Self::telemetry) measures and for the
    /// instruments of its [`meter`](Telemetry::meter).
    #[must_use]
    pub fn with_meters(self) -> Self {
        self.attach(Meters::new())
    }

    /// The provider of its meters, for a telemetry of another kind; nothing without
    /// [`with_meters`](Self::with_meters).
    pub fn meter_provider(&self) -> Option<&SdkMeterProvider> {
        self.meters().map(|meters| &meters.provider)
    }

    /// Everything that was measured so far, in the order of names and attributes; nothing without
    /// [`with_meters`](Self::with_meters).
    ///
    /// ```
    /// use opentelemetry::{Context, KeyValue, trace::SpanKind};
    /// use tracewire::test::Capture;
    ///
    /// let capture = Capture::new().with_meters();
    /// let orders = capture.telemetry().meter().u64_counter("orders").with_unit("{order}").build();
    /// orders.add(2, &[KeyValue::new("tier", "gold")]);
    /// orders.add(1, &[KeyValue::new("tier", "gold")]);
    ///
    /// let orders = capture.metric("orders");
    /// assert_eq!((orders.value(), orders.unit()), (Some(3.0), "{order}"));
    /// assert_eq!(orders.attribute("tier"), Some(&"gold".into()));
    ///
    /// # #[cfg(feature = "http")] {
    /// // What the layers measure is there, too:
    /// use tower::{Layer as _, Service as _, service_fn};
    ///
    /// let layer = tracewire::http::ServerLayer::new().telemetry(&capture.telemetry());
    /// let mut service = layer.layer(service_fn(async |_: http::Request<String>| {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    /// }));
    /// futures_executor::block_on(service.call(http::Request::new(String::new()))).unwrap();
    ///
    /// let requests = capture.metric("http.server.request.duration");
    /// assert_eq!((requests.count(), requests.unit()), (Some(1), "s"));
    /// assert_eq!(requests.attribute("http.response.status_code"), Some(&200.into()));
    /// # }
    /// ```
    pub fn metrics(&self) -> Vec<Series> {
        let readings = self.meters().map(|meters| meters.reader.read()).unwrap_or_default();
        let mut series: Vec<_> = (readings.into_iter())
            .flat_map(|reading| {
                let new = move |point| Series {
                    name: reading.name.clone(),
                    unit: reading.unit.clone(),
                    point,
                };
                reading.points.into_iter().map(new)
            })
            .collect();
        series.sort_by_cached_key(|series| (series.name.clone(), series.labels()));
        series
    }

    /// The only series of the metric of this name.
    ///
    /// # Panics
    /// When there is none, or more than one; the message tells what there is.
    #[track_caller]
    pub fn metric(&self, name: &str) -> Series {
        let all = self.metrics();
        let mut found: Vec<_> = all.iter().filter(|series| series.name == name).collect();
        match (found.pop(), found.is_empty()) {
            (Some(series), true) => series.clone(),
            (last, _) => {
                let count = found.len() + usize::from(last.is_some());
                let all: Vec<_> = all.iter().map(Series::to_string).collect();
                let all = all.join("\n");
                expect::fail(&format!("expected one series of {name}, found {count} in\n{all}"))
            }
        }
    }
}

impl Series {
    /// The metric.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its unit; empty if it has none.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The attributes, in the order of their names.
    pub fn attributes(&self) -> &[KeyValue] {
        &self.point.attributes
    }

    /// The value of one attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        let mut attributes = self.point.attributes.iter();
        attributes.find(|attribute| attribute.key.as_str() == key).map(|it| &it.value)
    }

    /// What a counter or a gauge stands at; nothing of a histogram.
    pub fn value(&self) -> Option<f64> {
        match self.point.measured {
            Measured::Number(value) => Some(value),
            Measured::Histogram { .. } => None,
        }
    }

    /// How many values a histogram is of.
    pub fn count(&self) -> Option<u64> {
        match self.point.measured {
            Measured::Histogram { count, .. } => Some(count),
            Measured::Number(_) => None,
        }
    }

    /// The sum of the values that a histogram is of.
    pub fn sum(&self) -> Option<f64> {
        match self.point.measured {
            Measured::Histogram { sum, .. } => Some(sum),
            Measured::Number(_) => None,
        }
    }

    /// The upper bounds of a histogram's buckets, but for the last, which has none.
    pub fn bounds(&self) -> &[f64] {
        match &self.point.measured {
            Measured::Histogram { bounds, .. } => bounds,
            Measured::Number(_) => &[],
        }
    }

    fn labels(&self) -> String {
        let attributes = self.point.attributes.iter();
        let labels: Vec<_> = attributes.map(|it| format!("{}={}", it.key, it.value)).collect();
        labels.join(" ")
    }
}

/// `name{attribute=value} 1 unit`, or `count=1 sum=0.5` of a histogram.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{{}}} ", self.name, self.labels())?;
        match &self.point.measured {
            Measured::Number(value) => write!(f, "{value}")?,
            Measured::Histogram { count, sum, .. } => write!(f, "count={count} sum={sum}")?,
        }
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

// === impl Meters ===

impl Meters {
    fn new() -> Self {
        let reader = Reader::default();
        let provider = SdkMeterProvider::builder().with_reader(reader.clone()).build();
        Self { provider, reader }
    }

    pub(crate) fn attach(&self, telemetry: Telemetry) -> Telemetry {
        telemetry.meter_provider(self.provider.clone())
    }
}
