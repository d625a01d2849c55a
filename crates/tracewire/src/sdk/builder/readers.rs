//! What reads measurements, from what is said in code, in a configuration and in variables.

use super::super::Signal;
use super::super::config::{MetricDestination, MetricTo};
use super::super::env::Env;
use super::super::meters::{MetricExporter, Pace, Reader, To};
use super::Builder;
use super::configured::Destinations;
use crate::Error;

impl Builder {
    /// Everything that reads measurements.
    pub(super) fn readers(&mut self, env: &mut Env) -> Result<Vec<Reader>, Error> {
        if let Some(destinations) = self.metric_destinations.take() {
            return self.configured_readers(destinations, env);
        }
        let wanted = self.meters.exporters.take().or_else(|| env.metric_exporters());
        let wanted = wanted.unwrap_or_default();
        let pace = self.meters.pace.or(Pace::of(env));
        let mut readers = Vec::new();
        for (index, exporter) in wanted.iter().enumerate() {
            let to = match exporter {
                twice if wanted[..index].contains(twice) => continue,
                MetricExporter::Otlp => To::Otlp(Box::new(self.route(Signal::Metrics, env)?)),
                MetricExporter::OtlpStdout => To::OtlpStdout,
                MetricExporter::Console => To::Console,
                MetricExporter::Prometheus => {
                    To::prometheus(env.prometheus_host(), env.prometheus_port())
                }
            };
            readers.push(Reader { to, pace });
        }
        Ok(readers)
    }

    fn configured_readers(
        &self,
        destinations: Destinations<MetricDestination>,
        env: &mut Env,
    ) -> Result<Vec<Reader>, Error> {
        let read = |(place, MetricDestination { to, pace, .. }): (super::configured::Place, _)| {
            let to = match to {
                MetricTo::Console => To::Console,
                MetricTo::OtlpStdout => To::OtlpStdout,
                MetricTo::Prometheus { host, port } => To::prometheus(host, port),
                MetricTo::Otlp(way) => {
                    let route = self.configured_route(Signal::Metrics, *way, env);
                    To::Otlp(Box::new(route.map_err(|error| place.of(error))?))
                }
            };
            Ok(Reader { to, pace: self.meters.pace.or(pace) })
        };
        destinations.each().map(read).collect()
    }
}
